"""A sample of a run's draws that a page can carry: few bits a number, whole scrambles, the run's own quantiles.

A number is a code of thirteen bits on a scale that is linear about 0 and logarithmic beyond, so that small and large
amounts keep as many digits; zero and the sign are exact.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sim.axes import FloatArray, IntArray

__all__ = ["Coded", "Sample", "representatives"]

_LARGEST_CODE: Final = 2**12 - 1
"""Of outcomes, to either side of 0: half a step is an eighth of a thousandth of the logarithmic range."""

_LARGEST_SCORE: Final = 2**15 - 1
"""Of what weights are made of: an error here would stand in all of them."""

_OFFSET: Final = 2**15


def representatives(values: FloatArray, draws: int) -> FloatArray:
    """The first draws, put where the whole run has as many quantiles.

    Rank for rank, draw k of the sample takes the mean of the k-th part of the run's draws: the sample then has the
    run's mean and quantiles, and which draw is high and which low is its own.

    Parameters
    ----------
    values : array (N,)
    draws : int
        At most N.

    Returns
    -------
    array (draws,)
    """
    if draws == len(values):
        return values
    ranks = np.empty(draws, dtype=np.int64)
    ranks[np.argsort(values[:draws], kind="stable")] = np.arange(draws)
    sums = np.concatenate([[0.0], np.cumsum(np.sort(values))])
    edges = np.linspace(0, len(values), draws + 1)
    blocks = np.diff(np.interp(edges, np.arange(len(values) + 1), sums)) * draws / len(values)
    return np.asarray(blocks[ranks])


@dataclass(frozen=True)
class Coded:
    """A column as whole numbers.

    Attributes
    ----------
    codes : array (n,) of int
        Within ±32,767.
    scale, step : float
        A value is scale · sinh(step · code); without a scale step · code.
    """

    codes: IntArray
    scale: float
    step: float

    @classmethod
    def of_outcome(cls, values: FloatArray) -> Coded:
        """Thirteen bits, linear below the usual size of the values and logarithmic above."""
        sizes = np.abs(values[values != 0])
        if not len(sizes):
            return cls(np.zeros(len(values), dtype=np.int64), 1.0, 1.0)
        scale = float(np.median(sizes))
        step = float(np.arcsinh(sizes.max() / scale)) / _LARGEST_CODE
        codes = np.rint(np.arcsinh(values / scale) / step)
        return cls(np.where(codes == 0, np.sign(values), codes).astype(np.int64), scale, step)

    @classmethod
    def of_score(cls, values: FloatArray) -> Coded:
        """Sixteen bits, linear."""
        step = float(np.abs(values).max()) / _LARGEST_SCORE or 1.0
        return cls(np.rint(values / step).astype(np.int64), 0.0, step)

    @property
    def values(self) -> FloatArray:
        """What the codes stand for, array (n,)."""
        if not self.scale:
            return np.asarray(self.codes * self.step)
        return np.asarray(self.scale * np.sinh(self.codes * self.step))


class Sample:
    """Columns as a page carries them.

    Parameters
    ----------
    draws : int
        Of each column.
    columns : sequence of arrays (N,)
        Of the whole run.
    """

    def __init__(self, draws: int, columns: Sequence[FloatArray]) -> None:
        self.draws = draws
        exact = [representatives(values, draws) for values in columns]
        self.columns: Final = [Coded.of_outcome(values) for values in exact]
        self.rounding: Final = max(map(_rounding, self.columns, exact), default=0.0)
        """By which part of a number, or of its column's usual size where that is more, codes are off at most."""

    def packed(self, scores: Sequence[Coded], levels: Sequence[IntArray], content: Mapping[str, Any]) -> str:
        """All of it as text of a page: gzip in base64 of a document and the codes, high bytes before low ones.

        Parameters
        ----------
        scores : sequence of Coded
            What weights are made of.
        levels : sequence of arrays (n,) of int
            Level of each category.
        content : mapping
            Goes into the document beside how the columns are coded.
        """
        document = {
            **content,
            "draws": self.draws,
            "columns": [[code.scale, code.step] for code in self.columns],
            "scores": [code.step for code in scores],
        }
        head = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        columns = [*(code.codes for code in self.columns), *(code.codes for code in scores), *levels]
        planes = [_planes(codes) for codes in columns]
        whole = b"".join([struct.pack("<I", len(head)), head, *planes])
        return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode()


def _rounding(code: Coded, exact: FloatArray) -> float:
    return float((np.abs(code.values - exact) / np.maximum(np.abs(exact), code.scale)).max())


def _planes(codes: IntArray) -> bytes:
    unsigned = (codes + _OFFSET).astype("<u2").view(np.uint8).reshape(-1, 2)
    return unsigned[:, 1].tobytes() + unsigned[:, 0].tobytes()
