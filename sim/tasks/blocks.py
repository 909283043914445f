"""Finished draws on disk: blocks of scrambles, one file each, and the columns that are read across them.

A block holds the draws of a few scrambles of all scenarios of a study, row by row: float64 of one column after
the other, then a checksum. It is written under a temporary name and renamed, and its name tells the run that it
belongs to, so that a run which was stopped goes on from the blocks that are whole.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.disk import open_new, open_regular, remove
from sim.errors import ResultsError

__all__ = ["SCRAMBLES_PER_BLOCK", "SUFFIX", "BlockStore"]

SCRAMBLES_PER_BLOCK: Final = 2
"""Few, so that a stopped run loses little and no worker waits long for the last one; files are not tiny either."""

_BYTES: Final = 8
_CHECKSUM: Final = 4
_ROWS_AT_A_TIME: Final = 32
"""Rows read at a time: they stay in the cache until they are copied to their places."""
SUFFIX: Final = ".block"


@dataclass(frozen=True)
class BlockStore:
    """The blocks of one run.

    Attributes
    ----------
    folder : Path
        Where they lie.
    key : str
        Hash of all that decides their numbers, but for how many draws there are.
    rows : int
        Columns of a block, over all scenarios.
    scrambles : int
        Of the run.
    each : int
        Scrambles in a block.
    """

    folder: Path
    key: str
    rows: int
    scrambles: int
    each: int = SCRAMBLES_PER_BLOCK

    @property
    def count(self) -> int:
        """Number of blocks."""
        return -(-self.scrambles // self.each)

    def span(self, number: int) -> range:
        """Scrambles of a block; the last one may hold fewer."""
        start = number * self.each
        return range(start, min(start + self.each, self.scrambles))

    def missing(self, first: int = 0) -> list[int]:
        """Numbers of the blocks, from the first one to look at, that are not there or not whole."""
        return [number for number in range(first, self.count) if not self._is_whole(number)]

    def write(self, number: int, parts: Iterable[FloatArray]) -> None:
        """Write a block whose rows come in some parts, arrays (rows, draws)."""
        path = self._path(number)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.partial")
        checksum, size = 0, 0
        with open_new(unfinished) as stream:
            for part in parts:
                data = np.ascontiguousarray(part, dtype="<f8").data.cast("B")
                checksum, size = zlib.crc32(data, checksum), size + len(data)
                stream.write(data)
            stream.write(checksum.to_bytes(_CHECKSUM, "little"))  # tells what a loss of power leaves torn
        if size != self._size(number):
            raise AssertionError(f"block {number} has {size} bytes, expected {self._size(number)}")
        unfinished.replace(path)

    def read(self, first: int, chosen: Sequence[int], draws: slice) -> FloatArray:
        """Some rows, counted from the row `first`, and draws: an array (rows, draws).

        Raises
        ------
        ResultsError
            A block is shorter than it was written.
        """
        span = range(DRAWS_PER_SCRAMBLE * self.scrambles)[draws]
        values, runs = np.empty((len(chosen), len(span))), _runs(chosen)
        draws_each = DRAWS_PER_SCRAMBLE * self.each
        for number in range(span.start // draws_each, -(-span.stop // draws_each)):
            width, start = DRAWS_PER_SCRAMBLE * len(self.span(number)), number * draws_each
            inside = slice(max(span.start - start, 0), min(span.stop - start, width))
            target = slice(start + inside.start - span.start, start + inside.stop - span.start)
            found = np.empty((_ROWS_AT_A_TIME, width), "<f8")
            with open_regular(self._path(number)) as stream:
                for place, row, count in runs:
                    stream.seek(_BYTES * width * (first + row))
                    if stream.readinto(found[:count].data.cast("B")) != found[:count].nbytes:
                        raise ResultsError(f"{self._path(number)}: was cut short")
                    values[place : place + count, target] = found[:count, inside]
        return values

    def _path(self, number: int) -> Path:
        return self.folder / f"{self.key}-{number:06d}{SUFFIX}"

    def _size(self, number: int) -> int:
        return _BYTES * self.rows * DRAWS_PER_SCRAMBLE * len(self.span(number))

    def _is_whole(self, number: int) -> bool:
        try:
            with open_regular(self._path(number)) as stream:
                content = stream.read()
        except FileNotFoundError:
            return False
        except OSError:  # what is no file of ours is written anew
            remove(self._path(number))
            return False
        size = self._size(number)
        return zlib.crc32(memoryview(content)[:size]).to_bytes(_CHECKSUM, "little") == content[size:]


def _runs(chosen: Sequence[int]) -> list[tuple[int, int, int]]:
    """Consecutive rows, a few together: place of the first among those chosen, the row itself, and how many."""
    if isinstance(chosen, range) and chosen.step == 1:
        places = range(0, len(chosen), _ROWS_AT_A_TIME)
        return [(place, chosen[place], min(_ROWS_AT_A_TIME, len(chosen) - place)) for place in places]
    return [(place, row, 1) for place, row in enumerate(chosen)]
