"""Errors from scrambles: statistics are of all draws, their errors of what each scramble moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray

__all__ = ["Estimate", "jackknife"]


class Estimate(NamedTuple):
    """A statistic of all draws, and its standard error; NaN for a single scramble."""

    value: FloatArray
    error: FloatArray


def jackknife(statistic: Callable[[FloatArray], FloatArray], draws: FloatArray) -> Estimate:
    """A statistic of draws (..., N) in whole scrambles; the error deletes one scramble at a time."""
    count = draws.shape[-1] // DRAWS_PER_SCRAMBLE
    value = statistic(draws)
    if count < 2:
        return Estimate(value, np.full_like(value, np.nan))
    scrambles = np.arange(draws.shape[-1]) // DRAWS_PER_SCRAMBLE
    without = np.stack([statistic(draws[..., scrambles != number]) for number in range(count)])
    return Estimate(value, np.sqrt((count - 1) / count * ((without - without.mean(axis=0)) ** 2).sum(axis=0)))
