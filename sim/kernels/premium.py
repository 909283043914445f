"""How the premium of control arrives."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["arrived_years", "overlap"]


def overlap(begin: FloatArray, end: FloatArray, since: FloatArray, until: FloatArray) -> FloatArray:
    """Years that the intervals [begin, end] and [since, until] have in common; arrays that broadcast."""
    return np.asarray(np.maximum(np.minimum(end, until) - np.maximum(begin, since), 0.0))


def arrived_years(begin: FloatArray, end: FloatArray, since: FloatArray, ramp: FloatArray) -> FloatArray:
    """Integral of 1 - exp(-(s - since)/ramp) over the part of [begin, end] that is not before `since`.

    Equation (14) of docs/model.md.

    Parameters
    ----------
    begin, end : (..., N)
        Decimal years.
    since : (..., N)
        When the premium begins to arrive; finite.
    ramp : (N,)
        Years.

    Returns
    -------
    (..., N)
        Years; over the length of the interval it is the mean part of the premium that has arrived.
    """
    first = np.maximum(begin - since, 0.0)
    last = np.maximum(end - since, first)
    return np.asarray(last - first + ramp * (np.exp(-last / ramp) - np.exp(-first / ramp)))
