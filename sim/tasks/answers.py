"""What is known of the points of a sweep, and where it is kept, so that a sweep which is stopped goes on from it.

What is known of a point is a few numbers in a fixed order. They take a block of their own in a store of blocks, whose
beginning they fill, so that it is no matter which task ran a point, and beside which others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.outcomes.statistics import STATISTICS, Statistics
from sim.outcomes.sweeps import Outcome, Response
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK, BlockStore

__all__ = ["AnswerStore", "Ran"]

_ROW: Final = SCRAMBLES_PER_BLOCK * DRAWS_PER_SCRAMBLE
"""Numbers in a row of a block."""

_STATED: Final = 2 * len(STATISTICS) + 1
"""Numbers that columns are described by: values, errors, and the share that is defined."""

_NUMBERS: Final = 2 * _STATED + 1
"""Of an outcome at a point: level, difference, and the share above 0."""

_WORDS: Final = 8
"""A hash is as many whole numbers of 32 bits, which a float holds exactly."""


@dataclass(frozen=True)
class Ran:
    """What is known of some points.

    Attributes
    ----------
    numbers : tuple of int
        Numbers of the points, counted from 1.
    responses : tuple of Response
        One for each outcome.
    hashes : tuple of str
        SHA-256 of the draws of each point, all outcomes together, and the baseline's after them.
    """

    numbers: tuple[int, ...]
    responses: tuple[Response, ...]
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class AnswerStore:
    """What is known of the points of one sweep, a file for each.

    Attributes
    ----------
    folder : Path
        Where they lie.
    key : str
        Hash of all that decides them.
    outcomes : tuple of Outcome
    points : int
        Of the sweep.
    """

    folder: Path
    key: str
    outcomes: tuple[Outcome, ...]
    points: int

    def missing(self) -> list[int]:
        """Numbers of the points, counted from 1, of which nothing whole is there."""
        return [place + 1 for place in self._blocks.missing()]

    def write(self, ran: Ran) -> None:
        """Keep what is known of some points."""
        for number, row in zip(ran.numbers, _rows(ran), strict=True):
            self._blocks.write(number - 1, [row, np.zeros(self._blocks.rows * _ROW - len(row))])

    def read(self) -> Ran:
        """What is known of all points, in the order of their numbers."""
        rows = np.stack([self._row(place) for place in range(self.points)])
        *parts, words = np.split(rows, range(_NUMBERS, self._size, _NUMBERS), axis=1)
        responses = tuple(_response(outcome, part) for outcome, part in zip(self.outcomes, parts, strict=True))
        return Ran(tuple(range(1, self.points + 1)), responses, tuple(map(_digest, words)))

    def clean(self, *, everything: bool = False) -> None:
        """Remove what other sweeps, and writing that was stopped, left in the folder; this sweep's too if asked."""
        self._blocks.clean(everything=everything)

    @cached_property
    def _blocks(self) -> BlockStore:
        return BlockStore(self.folder, self.key, -(-self._size // _ROW), SCRAMBLES_PER_BLOCK * self.points)

    @property
    def _size(self) -> int:
        """Numbers that are known of a point."""
        return _NUMBERS * len(self.outcomes) + _WORDS

    def _row(self, place: int) -> FloatArray:
        draws = slice(place * _ROW, (place + 1) * _ROW)
        return self._blocks.read(0, range(self._blocks.rows), draws).ravel()[: self._size]


def _rows(ran: Ran) -> FloatArray:
    """What is known of each point as numbers: (points, numbers)."""
    words = np.array([np.frombuffer(bytes.fromhex(digest), "<u4") for digest in ran.hashes], dtype=np.float64)
    return np.hstack([*(part for response in ran.responses for part in _parts(response)), words])


def _parts(response: Response) -> Iterator[FloatArray]:
    """The numbers of an outcome, a column for each; NaN in place of what there is not."""
    points = len(response.p_positive)
    for found in (response.level, response.difference):
        if found is None:
            yield np.full((points, _STATED), np.nan)
        else:
            yield from (found.value, found.error, found.share_defined[:, None])
    yield response.p_positive[:, None]


def _response(outcome: Outcome, numbers: FloatArray) -> Response:
    level, difference, positive = np.split(numbers, [_STATED, 2 * _STATED], axis=1)
    return Response(outcome, _statistics(level), _statistics(difference), positive[:, 0].copy())


def _statistics(numbers: FloatArray) -> Statistics | None:
    """Statistics of every point; None where there are none, as the share that is defined is known of all others."""
    value, error, share = (part.copy() for part in np.split(numbers, [len(STATISTICS), _STATED - 1], axis=1))
    return None if np.isnan(share).all() else Statistics(value, error, share[:, 0])


def _digest(words: Sequence[float]) -> str:
    return np.asarray(words).astype("<u4").tobytes().hex()
