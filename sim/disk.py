"""Files as they must be handled where others may write too: whole or absent, and no link is followed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import IO, Final

__all__ = [
    "entries",
    "file_hash",
    "is_own_folder",
    "open_new",
    "open_regular",
    "remove",
    "remove_empty_folders",
    "sync",
    "sync_folder",
    "write_bytes",
]

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
"""A pipe without a writer is empty, and nothing to wait for."""


def open_new(path: Path) -> IO[bytes]:
    """A file to write that did not exist; what was left under its name is removed, and a link is not followed."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_EXCL | _NO_LINK, 0o666)

    return open(path, "wb", opener=opener)


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[FileIO]:
    """A file to read, without a buffer.

    Raises
    ------
    OSError
        It is a link, or anything else than a regular file.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | _NO_LINK | _NO_WAIT)

    with FileIO(path, "r", opener=opener) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(None, "is no regular file", str(path))
        yield stream


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is whole or absent."""
    partial = path.with_name(f"{path.name}.partial")
    with open_new(partial) as stream:
        stream.write(content)
    partial.replace(path)


def sync(folder: Path) -> None:
    """Have a folder and all that is below it reach the disk: what is renamed after that survives a loss of power."""
    for path, _, names in os.walk(folder):
        for name in names:
            _sync(os.path.join(path, name), os.O_RDWR)  # Windows syncs only what may be written
        _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk; it may be named by a link."""
    _sync(str(folder.resolve()), os.O_RDONLY)


def _sync(path: str, flags: int) -> None:
    """One file or folder; where folders cannot be opened, or not synced, there is no way to."""
    try:
        descriptor = os.open(path, flags | _NO_LINK)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, if it is there."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def remove_empty_folders(folder: Path) -> None:
    """Remove what is below a folder and holds nothing."""
    for name, _ in list(entries(folder)):
        if (folder / name).is_dir():
            (folder / name).rmdir()


def entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """All that is below a folder, but folders that hold something: relative path, and whether it is a regular file."""
    for path, folders, names in os.walk(folder):
        links = [name for name in folders if Path(path, name).is_symlink()]
        if not folders and not names and Path(path) != folder:
            yield Path(path).relative_to(folder).as_posix(), False
        for name in (*links, *names):
            found = Path(path, name)
            yield found.relative_to(folder).as_posix(), stat.S_ISREG(found.lstat().st_mode)


def is_own_folder(path: Path) -> bool:
    """Whether a path is a folder, not a link to one, and belongs to this process's user."""
    found = path.lstat()
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return stat.S_ISDIR(found.st_mode) and mine
