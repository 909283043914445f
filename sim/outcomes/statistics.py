"""Statistics of columns of draws, with standard errors from the spread over scrambles.

A column is sorted once as a whole and once within its scrambles. The scrambles of a run are independent, so the
spread of a statistic over them says how far off it is: its standard deviation over the scrambles, divided by the
root of their number (Owen 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from sim.axes import FloatArray

__all__ = ["FEWEST_SCRAMBLES", "STATISTICS", "Missing", "Statistics", "describe", "share_positive"]

Missing: TypeAlias = Literal["", "undefined", "never"]
"""What a missing number means: there is none; the draw is left out; later than any."""

STATISTICS: Final = ("mean", "sd", "p05", "p25", "p50", "p75", "p95")

FEWEST_SCRAMBLES: Final = 8
"""Below this many scrambles their spread says too little, and a standard error is unknown."""

_PROBABILITIES: Final = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_SCRAMBLE: Final = 512
_BLOCK: Final = 2**15
"""Numbers described at a time, so that a block (256 KiB) stays in the cache."""


@dataclass(frozen=True)
class Statistics:
    """What is said of columns.

    Attributes
    ----------
    value : array, columns by statistics
        In the order of `STATISTICS`; infinite where "never" decides it, NaN where nothing is defined.
    error : array, columns by statistics
        Standard errors; NaN where unknown.
    share_defined : array, columns
        Share of draws in which the number exists.
    """

    value: FloatArray
    error: FloatArray
    share_defined: FloatArray


def describe(columns: FloatArray, missing: Missing = "") -> Statistics:
    """Statistics of each column and their standard errors.

    Parameters
    ----------
    columns : array, columns by draws
        Draws are whole scrambles of 512, one after the other.
    missing : {'', 'undefined', 'never'}
        What NaN means: it does not occur; the draw is left out; later than any.

    Returns
    -------
    Statistics
        Quantiles interpolate linearly between order statistics; the standard deviation divides by the number of draws.
    """
    count = len(columns)
    value, error = (np.zeros((count, len(STATISTICS))) for _ in range(2))
    value[:] = columns[:, :1]
    value[:, STATISTICS.index("sd")] = 0.0
    varying = np.flatnonzero((columns != columns[:, :1]).any(axis=-1))
    size = max(1, _BLOCK // columns.shape[-1])
    for start in range(0, len(varying), size):
        rows = varying[start : start + size]
        value[rows], error[rows] = _with_errors(columns[rows], missing)
    error[:] = error if columns.shape[-1] >= FEWEST_SCRAMBLES * _SCRAMBLE else np.nan
    defined = np.mean(~np.isnan(columns), axis=-1) if missing else np.ones(count)
    return Statistics(value, error, defined)


def share_positive(columns: FloatArray) -> FloatArray:
    """Share of the draws above 0 among those in which the number exists; NaN where there is none."""
    defined = (~np.isnan(columns)).sum(axis=-1)
    share = np.full(len(columns), np.nan)
    np.divide((columns > 0).sum(axis=-1), defined, out=share, where=defined > 0)
    return share


def _with_errors(columns: FloatArray, missing: Missing) -> tuple[FloatArray, FloatArray]:
    scrambles = columns.reshape(len(columns), -1, _SCRAMBLE)
    summary = _defined_only if missing else _summary
    if missing == "never":
        columns, scrambles = (np.where(np.isnan(array), np.inf, array) for array in (columns, scrambles))
    value, parts = summary(columns), summary(scrambles)
    with np.errstate(invalid="ignore", divide="ignore"):  # infinite where "never" decides, or one scramble alone
        error = np.sqrt(parts.var(axis=1) / (parts.shape[1] - 1))
    return value, error


def _summary(values: FloatArray) -> FloatArray:
    """The statistics along the last axis, in a last axis of their own."""
    return np.concatenate(
        [
            values.mean(axis=-1, keepdims=True),
            values.std(axis=-1, keepdims=True),
            _quantiles(np.sort(values, axis=-1)),
        ],
        axis=-1,
    )


def _defined_only(values: FloatArray) -> FloatArray:
    """The same one column at a time, over the draws that are defined."""
    flat = values.reshape(-1, values.shape[-1])
    out = np.full((len(flat), len(STATISTICS)), np.nan)
    for row, column in enumerate(flat):
        defined = column[~np.isnan(column)]
        if len(defined):
            with np.errstate(invalid="ignore"):  # the spread of what never happens in some draws is not defined
                out[row] = _summary(defined)
    return out.reshape(*values.shape[:-1], len(STATISTICS))


def _quantiles(ordered: FloatArray) -> FloatArray:
    """Linear interpolation between order statistics, as `numpy.quantile` does; infinite from the first infinite one."""
    position = _PROBABILITIES * (ordered.shape[-1] - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, ordered.shape[-1] - 1)
    low, high, weight = ordered[..., below], ordered[..., above], position - below
    with np.errstate(invalid="ignore"):  # both are infinite, and equal
        between = low + (high - low) * weight
    return np.where((weight == 0) | (low == high), low, between)
