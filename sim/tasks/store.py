"""The folder of a study, and the scratch folder beside it in which the study is made.

A study is written in its scratch folder and takes its own name when all is there. Finished draws lie in the scratch
folder too, so that a run which is stopped there goes on from them.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sim.errors import NumericalError, ResultsError, ScenarioError
from sim.tasks.lock import locked
from sim.tasks.manifest import MANIFEST, canonical_hash, differences, read_manifest

__all__ = [
    "discard",
    "files_of",
    "finish",
    "is_finished",
    "new_folder",
    "new_study",
    "relative_files",
    "scratch",
    "unfinished",
]

_NEW: Final = "study"
_OLDER: Final = "older"
_DONE: Final = "done"
_SUFFIX: Final = ".unfinished"


@contextlib.contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """The scratch folder of a study, owned by this process.

    It stays behind if the run is stopped, so that the same run goes on from what is done; it disappears when the
    study is finished, or fails in a way in which it would fail again.

    Parameters
    ----------
    target : Path
        Where the finished study will stand.

    Raises
    ------
    ResultsError
        Another process makes the study, `target` holds what no study wrote, or the disk does not take it.
    """
    folder = _beside(target)
    try:
        _require_ours(target)
        with locked(folder), _kept_if_stopped(folder):
            _restore(target, folder)
            (folder / _DONE).unlink(missing_ok=True)
            yield folder
    except OSError as error:
        raise ResultsError(f"{target}: cannot be written: {_remedy(error, folder)}") from error


def discard(target: Path) -> None:
    """Remove the scratch folder of a finished study that was killed before it could do so itself."""
    folder = _beside(target)
    if (folder / _DONE).exists():
        with contextlib.suppress(ResultsError, OSError), locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


def new_study(folder: Path) -> Path:
    """An empty folder for the files of a study, inside its scratch folder."""
    work = folder / _NEW
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    return work


def finish(folder: Path, target: Path) -> None:
    """Put the finished files in the place of an older study, if there is one, and remove the scratch folder.

    Raises
    ------
    ResultsError
        Something else has come to stand there meanwhile.
    """
    _require_ours(target)
    (folder / _DONE).touch()
    if target.exists():
        target.rename(folder / _OLDER)
    (folder / _NEW).rename(target)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder that takes the name `target` at the end, or disappears if that fails; for studies without blocks.

    Raises
    ------
    ResultsError
        As `scratch`.
    """
    with scratch(target) as folder:
        yield new_study(folder)
        finish(folder, target)


def is_finished(folder: Path, asked: Mapping[str, Any], runner: Mapping[str, Any]) -> bool:
    """Whether the same was asked before of the same program, and the files that it made are there."""
    if not (folder / MANIFEST).exists():
        return False
    manifest = read_manifest(folder)
    whole = all((folder / name).exists() for name in manifest["files"])
    same = canonical_hash(manifest["asked"]) == canonical_hash(asked)  # as JSON, which has no tuples
    return whole and same and not differences(manifest["program"], runner)


def files_of(folder: Path) -> tuple[Path, ...]:
    """Every file of a finished study, the manifest first."""
    return tuple(folder / name for name in (MANIFEST, *read_manifest(folder)["files"]))


def unfinished(out: Path) -> list[Path]:
    """Scratch folders of studies that were stopped, or are being made."""
    return sorted(out.glob(f".*{_SUFFIX}"))


def relative_files(folder: Path) -> list[str]:
    """Every file below a folder, as relative paths with slashes, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def _kept_if_stopped(folder: Path) -> Iterator[None]:
    """Remove a scratch folder on an error that would come again, or if no block is in it to go on from."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, NumericalError | ScenarioError) or not any(folder.glob("*.block")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}{_SUFFIX}")


def _restore(target: Path, folder: Path) -> None:
    """Put an older study back that was moved out of the way by a run stopped at that very moment.

    If the new one has taken its place already, what is left of the older one goes.
    """
    if not (folder / _OLDER).exists():
        return
    if target.exists():
        shutil.rmtree(folder / _OLDER)
    else:
        (folder / _OLDER).rename(target)


def _require_ours(target: Path) -> None:
    if not target.exists():
        return
    ours = {MANIFEST, *read_manifest(target)["files"]} if (target / MANIFEST).exists() else set()
    strange = [name for name in relative_files(target) if name not in ours]
    if strange or not target.is_dir():
        raise ResultsError(f"{target}: holds something else ({strange[0] if strange else 'a file'}); move it away")


def _remedy(error: OSError, folder: Path) -> str:
    """What went wrong, and what to do."""
    what = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space left" in what:
        return f"{what}; make room and run the same command again, which goes on from what is done ({folder})"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{what}; choose another folder with --out"
    return what
