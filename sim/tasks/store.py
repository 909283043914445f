"""The folder of a study, and the scratch folder beside it in which the study is made.

A study is written in its scratch folder and takes its own name when all is there and has reached the disk. Finished
parts lie in the scratch folder too, so that a task which is stopped there goes on from them. A lock in it says which
process writes there; it goes with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filelock import AcquireReturnProxy, FileLock, Timeout

from sim.disk import entries, is_own_folder, open_new, open_regular, remove, sync, sync_folder
from sim.errors import NumericalError, ResultsError, ScenarioError
from sim.outcomes.manifest import MANIFEST, Manifest, Program, canonical_hash, differences, read_manifest
from sim.tasks.blocks import SUFFIX as BLOCKS
from sim.tasks.parts import SUFFIX as PARTS

__all__ = [
    "clean",
    "discard",
    "files_of",
    "finish",
    "finished",
    "new_study",
    "relative_files",
    "scratch",
    "study_name",
    "unfinished",
]

_NEW: Final = "study"
_OLDER: Final = "older"
_LOCK: Final = "lock"
_HOLDER: Final = "holder.json"
_SUFFIX: Final = ".unfinished"
_PARTIAL: Final = ".partial"

_PATIENCE: Final = 0.5
"""Seconds that a process which has just finished is given to let go of its lock."""

_ATTEMPTS: Final = 10

_LONGEST_NAME: Final = 80


def study_name(names: list[str], content: Any) -> str:
    """A folder's name: what is in it, and the first digits of the hash of all that decides its content."""
    joined = "-".join(names)
    if len(joined) > _LONGEST_NAME:
        joined = f"{names[0]}-and-{len(names) - 1}-more"
    return f"{joined}-{canonical_hash(content)[:8]}"


@contextlib.contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """The scratch folder of a study, owned by this process.

    It stays behind if the task is stopped, so that the same task goes on from what is done; it disappears when the
    study is finished, or fails in a way in which it would fail again.

    Parameters
    ----------
    target : Path
        Where the finished study will stand.

    Raises
    ------
    ResultsError
        Another process makes the study, `target` or the scratch folder is not ours, or the disk does not take it.
    """
    folder = _beside(target)
    try:
        _require_ours(target)
        with _locked(folder), _kept_if_stopped(folder):
            _restore(target, folder)
            yield folder
    except OSError as error:
        raise ResultsError(f"{target}: cannot be written: {_remedy(error, folder)}") from error


def discard(target: Path) -> None:
    """Remove the scratch folder of a finished study, which is of no more use: it was killed before it had done so.

    A process that makes the study anew holds the lock, and keeps it.
    """
    folder = _beside(target)
    if folder.exists():
        with contextlib.suppress(ResultsError, OSError), _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


def new_study(folder: Path) -> Path:
    """An empty folder for the files of a study, inside its scratch folder."""
    work = folder / _NEW
    remove(work)
    work.mkdir()
    return work


def finish(folder: Path, target: Path) -> None:
    """Put the finished files in the place of an older study, if there is one, and remove the scratch folder.

    Raises
    ------
    ResultsError
        Something else stands there.
    """
    work = folder / _NEW
    _require_ours(target, {*relative_files(work)})
    sync(work)
    if target.exists():
        target.rename(folder / _OLDER)
    work.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(folder, ignore_errors=True)


def finished(folder: Path, asked: Mapping[str, Any], runner: Program) -> Manifest | None:
    """The manifest of a study, if the same was asked before of the same program, and the files that it made are there.

    A study whose manifest cannot be read is none, and is made again.
    """
    try:
        manifest = read_manifest(folder)
    except ResultsError:
        return None
    whole = all((folder / name).is_file() for name in manifest.files)
    same = canonical_hash(manifest.asked) == canonical_hash(asked)  # as JSON, which has no tuples
    return manifest if whole and same and not differences(manifest.program, runner) else None


def files_of(folder: Path, manifest: Manifest) -> tuple[Path, ...]:
    """Every file of a finished study, the manifest first."""
    return tuple(folder / name for name in (MANIFEST, *manifest.files))


def unfinished(out: Path) -> list[Path]:
    """Scratch folders of studies that were stopped, or are being made."""
    return sorted(out.glob(f".*{_SUFFIX}"))


def relative_files(folder: Path) -> list[str]:
    """Every file below a folder, as relative paths with slashes, in order."""
    return sorted(name for name, _ in entries(folder))


@contextlib.contextmanager
def _kept_if_stopped(folder: Path) -> Iterator[None]:
    """Remove a scratch folder on an error that would come again, or if no part is in it to go on from."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, NumericalError | ScenarioError) or not any(_parts(folder)):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def clean(folder: Path, key: str, *, everything: bool) -> None:
    """Remove parts that other tasks, and writing that was stopped, left in a scratch folder; all parts if asked."""
    for path in list(_parts(folder)):
        if everything or path.suffix == _PARTIAL or not path.name.startswith(key):
            remove(path)


def _parts(folder: Path) -> Iterator[Path]:
    """Finished parts of tasks, and what was begun of them."""
    return (path for path in folder.glob("*") if path.suffix in (BLOCKS, PARTS, _PARTIAL))


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}{_SUFFIX}")


def _restore(target: Path, folder: Path) -> None:
    """Put an older study back that was moved out of the way by a task stopped at that very moment.

    If the new one has taken its place already, what is left of the older one goes.
    """
    older = folder / _OLDER
    if target.exists() or older.is_symlink():
        remove(older)
    elif older.exists():
        older.rename(target)


def _require_ours(target: Path, ours: set[str] | None = None) -> None:
    """Raise ResultsError unless a study stands there, or nothing.

    Where its manifest cannot be read, files are ours that the new study has too; before those are known none is asked.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ResultsError(f"{target}: is a {'link' if target.is_symlink() else 'file'}; move it away")
    if not target.exists():
        return
    known = {MANIFEST, *(ours or ())}
    try:
        known |= set(read_manifest(target).files)
    except ResultsError:
        if ours is None and os.path.lexists(target / MANIFEST):
            return
    strange = sorted(name for name, regular in entries(target) if name not in known or not regular)
    if strange:
        raise ResultsError(f"{target}: holds something else ({strange[0]}); move it away")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a scratch folder, which is made if it does not exist.

    Raises
    ------
    ResultsError
        Another process holds it, or the folder is somebody else's.
    OSError
        The folder cannot be made or written.
    """
    with _acquired(folder):
        with open_new(folder / _HOLDER) as stream:
            stream.write(json.dumps(_holder()).encode())
        yield


def _acquired(folder: Path) -> AcquireReturnProxy[FileLock]:
    """The lock, acquired; the folder is made again where who finished has just removed it."""
    for _ in range(_ATTEMPTS):
        _make_own(folder)
        try:
            return FileLock(folder / _LOCK).acquire(timeout=_PATIENCE)
        except FileNotFoundError:
            continue
        except Timeout:
            break
    raise ResultsError(_refusal(folder))


def _make_own(folder: Path) -> None:
    """Make a folder that only this user may enter, or take the one that is there if it is this user's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
    if not is_own_folder(folder):
        raise ResultsError(f"{folder}: is a link, a file or another user's; remove it, or choose another --out")


def _holder() -> dict[str, str | int]:
    """This process, for others to read."""
    now = datetime.now(UTC).isoformat(" ", "seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": now}


def _refusal(folder: Path) -> str:
    """Who writes there, as far as it has said so, and what to do."""
    try:
        with open_regular(folder / _HOLDER) as stream:
            stated = json.loads(stream.read(1000))
    except (OSError, ValueError):
        stated = {}
    holder = {"pid": "?", "host": "?", "since": "?"} | (stated if isinstance(stated, dict) else {})
    who = f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    return f"{folder}: is being written by {who}; wait for it or stop it, or choose another folder with --out"


def _remedy(error: OSError, folder: Path) -> str:
    """What went wrong, and what to do."""
    what = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space left" in what:
        return f"{what}; make room and run the same command again, which goes on from what is done ({folder})"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{what}; choose another folder with --out"
    return what
