"""Finished parts of a task on disk: a few named arrays each, so that a task which is stopped goes on from them.

A part is a NumPy archive, whose every member has a checksum of its own. It is written under a temporary name and
renamed, and its name tells the task that it belongs to.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.disk import open_new, open_regular, remove

__all__ = ["SUFFIX", "Arrays", "PartStore"]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

SUFFIX: Final = ".part"


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
        with open_new(unfinished) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
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
            with open_regular(self._path(number)) as stream, np.load(stream, allow_pickle=False) as archive:
                return dict(archive)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):  # damaged: it is made anew
            remove(self._path(number))
            return None
