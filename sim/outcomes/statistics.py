"""Statistics of columns of draws, with standard errors from the spread over scrambles.

A column is sorted once, within its scrambles. The scrambles of a run are independent, so the spread of a statistic
over them says how far off it is: its standard deviation over the scrambles, divided by the root of their number
(Owen 1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray

__all__ = ["FEWEST_SCRAMBLES", "STATISTICS", "Missing", "Statistics", "describe", "share_positive", "standard_error"]

Missing: TypeAlias = Literal["", "undefined", "never"]
"""What a missing number means: there is none; the draw is left out; later than any."""

STATISTICS: Final = ("mean", "sd", "p05", "p25", "p50", "p75", "p95")

FEWEST_SCRAMBLES: Final = 8
"""Below this many scrambles their spread says too little, and a standard error is unknown."""

_PROBABILITIES: Final = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_NEAR: Final = 16
"""Draws of each scramble, about the place of a quantile, among which that of the whole is looked for."""

_BLOCK: Final = 2**17
"""Numbers described at a time, so that a block (1 MiB) stays in the cache."""


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


def describe(columns: FloatArray, missing: Missing = "", sizes: Sequence[int] | None = None) -> Statistics:
    """Statistics of each column and their standard errors.

    Parameters
    ----------
    columns : array, columns by draws
        Draws are whole scrambles of 512, one after the other.
    missing : {'', 'undefined', 'never'}
        What NaN means: it does not occur; the draw is left out; later than any.
    sizes : sequence of int, optional
        Draws of each scramble, where not all of them are here.

    Returns
    -------
    Statistics
        Quantiles interpolate linearly between order statistics; the standard deviation divides by the number of draws.
    """
    if sizes is not None:
        return _uneven(columns, missing, sizes)
    count = len(columns)
    value, error = (np.zeros((count, len(STATISTICS))) for _ in range(2))
    value[:] = columns[:, :1]
    value[:, STATISTICS.index("sd")] = 0.0
    varying = (columns != columns[:, :1]).any(axis=-1)
    defined = np.mean(~np.isnan(columns), axis=-1) if missing else np.ones(count)
    gaps = (defined < 1) & (missing == "undefined")
    size = max(1, _BLOCK // columns.shape[-1])
    for chosen, parts_of in ((varying & ~gaps, _complete), (varying & gaps, _with_gaps)):
        places = np.flatnonzero(chosen)
        for start in range(0, len(places), size):
            rows = places[start : start + size]
            value[rows], of_scrambles = parts_of(columns[rows], missing)
            error[rows] = _errors(of_scrambles)
    error[:] = error if columns.shape[-1] >= FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE else np.nan
    return Statistics(value, error, defined)


def _uneven(columns: FloatArray, missing: Missing, sizes: Sequence[int]) -> Statistics:
    """The same where scrambles have unlike numbers of draws: each weighs by its own."""
    defined = np.mean(~np.isnan(columns), axis=-1) if missing else np.ones(len(columns))
    numbers = np.where(np.isnan(columns), np.inf, columns) if missing == "never" else columns
    parts = [part for part in np.split(numbers, np.cumsum(sizes)[:-1], axis=-1) if part.shape[-1]]
    value = _defined_only(numbers)
    error = np.full(value.shape, np.nan)
    if len(parts) >= FEWEST_SCRAMBLES:
        weights = np.array([part.shape[-1] for part in parts])[:, None, None] / numbers.shape[-1]
        of_scrambles = np.stack([_defined_only(part) for part in parts])
        with np.errstate(invalid="ignore"):  # infinite where "never" decides
            squares = (weights * (of_scrambles - (weights * of_scrambles).sum(axis=0))) ** 2
            error = np.sqrt(squares.sum(axis=0) * len(parts) / (len(parts) - 1))
    return Statistics(value, error, defined)


def standard_error(column: FloatArray) -> float:
    """Standard error of the mean of one column, (draws,), as `describe` gives it; NaN below eight scrambles."""
    if len(column) < FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:
        return math.nan
    means = column.reshape(-1, DRAWS_PER_SCRAMBLE).mean(axis=-1)
    return float(np.sqrt(means.var() / (len(means) - 1)))


def share_positive(columns: FloatArray) -> FloatArray:
    """Share of the draws above 0 among those in which the number exists; NaN where there is none."""
    defined = (~np.isnan(columns)).sum(axis=-1)
    share = np.full(len(columns), np.nan)
    np.divide((columns > 0).sum(axis=-1), defined, out=share, where=defined > 0)
    return share


def _errors(of_scrambles: FloatArray) -> FloatArray:
    """Standard errors from the statistics of each scramble, (columns, scrambles, statistics)."""
    with np.errstate(invalid="ignore", divide="ignore"):  # infinite where "never" decides, or one scramble alone
        return np.asarray(np.sqrt(of_scrambles.var(axis=1) / (of_scrambles.shape[1] - 1)))


def _complete(columns: FloatArray, missing: Missing) -> tuple[FloatArray, FloatArray]:
    """The statistics of columns that are theirs to sort, and of each scramble."""
    if missing == "never":
        np.copyto(columns, np.inf, where=np.isnan(columns))
    scrambles = columns.reshape(len(columns), -1, DRAWS_PER_SCRAMBLE)
    with np.errstate(invalid="ignore"):  # the spread of what never happens in some draws is not defined
        means = scrambles.mean(axis=-1)
        squares = scrambles - means[..., None]
        np.multiply(squares, squares, out=squares)
        variances = squares.mean(axis=-1)
        spread = np.sqrt(variances.mean(axis=-1) + means.var(axis=-1))
    scrambles.sort(axis=-1)
    quantiles = _quantiles(scrambles)
    value = _side_by_side(means.mean(axis=-1), spread, _merged_quantiles(scrambles, quantiles.mean(axis=1)))
    return value, _side_by_side(means, np.sqrt(variances), quantiles)


def _with_gaps(columns: FloatArray, missing: Missing) -> tuple[FloatArray, FloatArray]:
    """The same over the draws that are defined."""
    return _defined_only(columns), _defined_only(columns.reshape(len(columns), -1, DRAWS_PER_SCRAMBLE))


def _side_by_side(mean: FloatArray, spread: FloatArray, quantiles: FloatArray) -> FloatArray:
    """The statistics in a last axis of their own."""
    return np.concatenate([mean[..., None], spread[..., None], quantiles], axis=-1)


def _defined_only(values: FloatArray) -> FloatArray:
    """The statistics of the draws along the last axis that are defined; NaN where none is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=-1)
    with np.errstate(invalid="ignore"):  # none is defined, or the spread of what never happens in some draws is not
        mean = values.sum(axis=-1, where=defined) / count
        squares = np.square(values - mean[..., None])
        spread = np.sqrt(squares.sum(axis=-1, where=defined) / count)
        position = _PROBABILITIES * (np.maximum(count, 1)[..., None] - 1)
    below, above = _neighbours(position, np.maximum(count, 1)[..., None])
    ordered = np.sort(values, axis=-1)  # what is not defined comes last
    low, high = (np.take_along_axis(ordered, place, axis=-1) for place in (below, above))
    return _side_by_side(mean, spread, _between(low, high, position - below))


def _quantiles(ordered: FloatArray) -> FloatArray:
    """Linear interpolation between order statistics, as `numpy.quantile` does; infinite from the first infinite one."""
    position = _PROBABILITIES * (ordered.shape[-1] - 1)
    below, above = _neighbours(position, ordered.shape[-1])
    return _between(ordered[..., below], ordered[..., above], position - below)


def _neighbours(position: FloatArray, count: int | IntArray) -> tuple[IntArray, IntArray]:
    """Order statistics below and above a position."""
    below = np.floor(position).astype(np.int64)
    return below, np.minimum(below + 1, count - 1)


def _between(low: FloatArray, high: FloatArray, weight: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):  # both are infinite, and equal
        between = low + (high - low) * weight
    # Zeros of either sign are equal, and sorts leave them in any order: the sum has them all positive.
    return np.where((weight == 0) | (low == high), low, between) + 0.0


def _merged_quantiles(ordered: FloatArray, guesses: FloatArray) -> FloatArray:
    """Quantiles of columns whose scrambles are sorted, (columns, scrambles, 512) to (columns, probabilities).

    From each scramble a few draws are taken about the place of a guess, and sorted together. All that stands before
    them must be at most the order statistic found, all that stands after at least that; in a column where it is not,
    everything is sorted.
    """
    columns, count, _ = ordered.shape
    position = _PROBABILITIES * (count * DRAWS_PER_SCRAMBLE - 1)
    ranks = _neighbours(position, count * DRAWS_PER_SCRAMBLE)
    flat, first = ordered.reshape(-1), DRAWS_PER_SCRAMBLE * np.arange(columns * count).reshape(columns, 1, count)
    starts = _starts(flat, first, guesses[..., None], ranks[0])
    near = flat.take((first + starts)[..., None] + np.arange(_NEAR)).reshape(columns, len(position), -1)
    near.sort(axis=-1)
    places = [rank - starts.sum(axis=-1) for rank in ranks]
    last = near.shape[-1] - 1
    low, high = (np.take_along_axis(near, place.clip(0, last)[..., None], axis=-1) for place in places)
    sure = (flat.take(first + starts - 1) <= low) & (flat.take(first + starts + _NEAR) >= high)
    sure &= (places[0] >= 0)[..., None] & (places[1] <= last)[..., None]
    quantiles = _between(low[..., 0], high[..., 0], position - ranks[0])
    unsure = ~sure.all(axis=(1, 2))
    quantiles[unsure] = _quantiles(np.sort(ordered.reshape(columns, -1)[unsure], axis=-1))
    return quantiles


def _starts(flat: FloatArray, first: IntArray, guesses: FloatArray, rank: IntArray) -> IntArray:
    """Where to begin in each scramble, (columns, probabilities, scrambles): about the guess, by bisection.

    What all scrambles together lack of the rank, or have beyond it, each makes up in equal parts.
    """
    places = np.zeros(np.broadcast_shapes(first.shape, guesses.shape), dtype=np.int64)
    step = DRAWS_PER_SCRAMBLE // 2
    while step:
        places += step * (flat.take(first + (places + step - 1)) < guesses)
        step //= 2
    lacking = (rank - places.sum(axis=-1)) // first.shape[-1]
    starts: IntArray = np.clip(places + lacking[..., None] - _NEAR // 2, 1, DRAWS_PER_SCRAMBLE - _NEAR - 1)
    return starts
