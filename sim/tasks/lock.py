"""The lock on a study's folder: which process writes there.

The operating system holds the lock and lets go of it when the process ends, however it ends; what stands in the
file only names the holder. Forked children share it, so that a parent's death frees the lock once they are done.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sim.errors import ResultsError

__all__ = ["LOCK", "locked"]

LOCK: Final = "lock"

_LAST_CHILDREN: Final = 30.0
"""Seconds that the children of a dead process are given to end."""

_PAUSE: Final = 0.1


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if it does not exist.

    Raises
    ------
    ResultsError
        A living process holds it; says which.
    OSError
        The folder cannot be made or written.
    """
    descriptor = _descriptor(folder)
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(_holder()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _descriptor(folder: Path) -> int:
    """The lock file, opened and locked."""
    patience = time.monotonic() + _LAST_CHILDREN
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # a holder that finished has just removed the folder
            continue
        if _take(descriptor) and _is_at(descriptor, folder / LOCK):
            return descriptor
        holder = _read(descriptor)
        os.close(descriptor)
        if time.monotonic() > patience or _lives(holder):
            raise ResultsError(_refusal(folder, holder))
        time.sleep(_PAUSE)


def _take(descriptor: int) -> bool:
    """Lock without waiting; whether that worked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one at the path: a holder that finished has removed its own."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder() -> dict[str, str | int]:
    """This process, for others to read."""
    now = datetime.now(UTC).isoformat(" ", "seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": now}


def _read(descriptor: int) -> dict[str, str | int]:
    """Who wrote that it holds the lock; nobody if it has not done so yet."""
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lives(holder: dict[str, str | int]) -> bool:
    """Whether the holder is known to run: on another machine it is believed to."""
    if not holder or holder.get("host") != socket.gethostname() or sys.platform == "win32":
        return bool(holder)
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _refusal(folder: Path, holder: dict[str, str | int]) -> str:
    who = "process {pid} on {host} since {since}".format_map({"pid": "?", "host": "?", "since": "?"} | holder)
    return f"{folder}: is being written by {who}; wait for it or stop it, or choose another folder with --out"
