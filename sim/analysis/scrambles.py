"""Errors from scrambles: a statistic is pooled over all draws, and its error leaves out one scramble at a time.

The draws of a scramble lie evenly and are not independent, whole scrambles are; and a statistic of each scramble's own
draws would be biased.

References
----------
Efron, B. & Stein, C. (1981), "The jackknife estimate of variance", Annals of Statistics 9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray

__all__ = ["Estimate", "estimate", "folds_of", "jackknife", "replicates", "sums_by_scramble"]


class Estimate(NamedTuple):
    """A number, or an array of them, and its standard error, of the same shape; NaN where that is unknown."""

    value: FloatArray
    se: FloatArray


def folds_of(draws: int) -> IntArray:
    """The number of each draw's scramble, counted from 0, array (N,)."""
    return np.arange(draws) // DRAWS_PER_SCRAMBLE


def sums_by_scramble(values: FloatArray) -> FloatArray:
    """Sums over the draws of each scramble.

    Parameters
    ----------
    values : array (..., N)
        N = 512 times the number S of scrambles.

    Returns
    -------
    array (..., S)
    """
    return np.asarray(values.reshape(*values.shape[:-1], -1, DRAWS_PER_SCRAMBLE).sum(axis=-1))


def jackknife(statistic: Callable[..., FloatArray], *sums: FloatArray) -> Estimate:
    """A statistic that is a function of sums over draws, and its error.

    Parameters
    ----------
    statistic, *sums
        As for `replicates`.

    Returns
    -------
    Estimate
        Value and error, arrays (...); the error is NaN for a single scramble.

    Examples
    --------
    The mean: ``jackknife(lambda count, total: total / count, counts, sums_by_scramble(values))``.
    """
    return estimate(replicates(statistic, *sums))


def replicates(statistic: Callable[..., FloatArray], *sums: FloatArray) -> FloatArray:
    """A statistic on all draws, and on all but those of each scramble: what can still be added up or divided.

    Parameters
    ----------
    statistic : callable
        Takes as many arrays (..., R) as there are `sums`, each row r of the last axis the sums over some set of draws,
        and returns an array (..., R) of the statistic on each of these sets. It is called once, for all draws and for
        all but each scramble, so that it must not mix the rows. A count of draws is one of the sums if it is needed.
    *sums : arrays (..., S)
        Sums over the draws of each scramble, as `sums_by_scramble` makes them.

    Returns
    -------
    array (..., 1 + S)
        Of a single scramble (..., 1).
    """
    return statistic(*(_pooled(one) for one in sums))


def estimate(replicated: FloatArray) -> Estimate:
    """Value and error of a statistic from its replicates (..., 1 + S)."""
    value, without = replicated[..., 0], replicated[..., 1:]
    scrambles = without.shape[-1]
    if scrambles < 2:
        return Estimate(value, np.full(value.shape, np.nan))
    spread = without - without.mean(axis=-1, keepdims=True)
    return Estimate(value, np.sqrt((scrambles - 1) / scrambles * (spread**2).sum(axis=-1)))


def _pooled(sums: FloatArray) -> FloatArray:
    """Sums over all scrambles, and over all but each, array (..., 1 + S); of a single one only the first."""
    total = sums.sum(axis=-1, keepdims=True)
    return total if sums.shape[-1] < 2 else np.concatenate([total, total - sums], axis=-1)
