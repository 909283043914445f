"""Finished parts of a task on disk: a few named arrays each, so that a task which is stopped goes on from them.

A part is a NumPy archive, and a checksum of all of it: the archive's own leave out its directory. It is written under a
temporary name and renamed, and its name tells the task that it belongs to.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.disk import open_new, open_regular, remove

__all__ = ["SUFFIX", "Arrays", "PartStore"]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

SUFFIX: Final = ".part"

_CHECKSUM: Final = 4


@dataclass(frozen=True)
class PartStore:
    """The parts of one stage of a task.

    Attributes
    ----------
    folder : Path
        Where they lie.
    key : str
        Hash of all that decides them.
    count : int
        How many there are in the end.
    """

    folder: Path
    key: str
    count: int

    def missing(self) -> list[int]:
        """Numbers of the parts, counted from 0, that are not there or not whole."""
        return [number for number in range(self.count) if self._read(number) is None]

    def write(self, number: int, arrays: Arrays) -> None:
        """Keep a part."""
        path = self._path(number)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.partial")
        archive = BytesIO()
        np.savez(archive, **arrays)  # type: ignore[arg-type]
        with open_new(unfinished) as stream:
            stream.write(archive.getvalue() + _checksum(archive.getvalue()))
        unfinished.replace(path)

    def read(self) -> list[dict[str, npt.NDArray[Any]]]:
        """All parts, in order."""
        parts = [self._read(number) for number in range(self.count)]
        assert None not in parts, "a part was removed while its task was at work"
        return [part for part in parts if part is not None]

    def _path(self, number: int) -> Path:
        return self.folder / f"{self.key}-{number:06d}{SUFFIX}"

    def _read(self, number: int) -> dict[str, npt.NDArray[Any]] | None:
        try:
            with open_regular(self._path(number)) as stream:
                content = stream.read()
        except FileNotFoundError:
            return None
        except OSError:  # what is no file of ours is made anew
            content = b""
        archive = content[:-_CHECKSUM]
        if not archive or _checksum(archive) != content[-_CHECKSUM:]:
            remove(self._path(number))
            return None
        with np.load(BytesIO(archive), allow_pickle=False) as arrays:
            return dict(arrays)


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM, "little")
