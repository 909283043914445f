"""What it is worth to know something before choosing: lower and upper bounds from regressions on draws that exist.

The choice without knowledge, d0, is the best action over all draws. What is known is a few regressors; the mean of
each payoff given them is fitted by least squares, once on all draws (the upper bound, biased up, for it chooses on the
noise that it then counts) and once for each scramble on all others (the lower bound, for it chooses worse than one
who knew the mean).

References
----------
Strong, M., Oakley, J. E. & Brennan, A. (2014), "Estimating multiparameter partial expected value of perfect
information from a probabilistic sensitivity analysis sample: a nonparametric regression approach", Medical Decision
Making 34.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from sim.analysis.scrambles import Estimate, folds_of
from sim.analysis.splines import OneHot, Spline, fold_sums, predict
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray

__all__ = [
    "Fits",
    "Information",
    "fit",
    "flip_point",
    "information",
    "joint_basis",
    "nested_information",
    "noise_floor",
]


def joint_basis(columns: Sequence[FloatArray], categories: Sequence[int]) -> FloatArray:
    """Regressors of a few columns that are known together, (P, N): a constant, splines, and what goes between them.

    Parameters
    ----------
    columns : sequence of (N,)
    categories : sequence of int
        How many categories each column has; 0 for a number. A number has a curve of its own in each category, two
        numbers have a product.
    """
    numbers = [column for column, count in zip(columns, categories, strict=True) if not count]
    curves = [Spline.of(column).rows(column) for column in numbers]
    pairs = [np.prod(pair, axis=0)[None] for pair in combinations(map(_standard, numbers), 2)]
    basis = np.concatenate([np.ones((1, len(columns[0]))), *curves, *pairs])
    for column, count in zip(columns, categories, strict=True):
        if count:
            basis = np.concatenate([basis, *(basis * chosen for chosen in OneHot.of(column).rows(column))])
    return basis


def _standard(column: FloatArray) -> FloatArray:
    """A column about 0 in units of its spread, which products need."""
    spread = column.std()
    return np.asarray((column - column.mean()) / (spread if spread else 1.0))


@dataclass(frozen=True)
class Fits:
    """Means of some numbers given regressors.

    Attributes
    ----------
    basis : (P, N)
    coefficients : (M, P)
        Fitted on all draws.
    without : (scrambles, M, P)
        Fitted on all draws but those of one scramble.
    """

    basis: FloatArray
    coefficients: FloatArray
    without: FloatArray

    def inside(self) -> FloatArray:
        """Fitted on all draws, (M, N)."""
        return predict(self.basis, self.coefficients)

    def outside(self) -> FloatArray:
        """At each draw, fitted on the other scrambles, (M, N)."""
        folds = folds_of(self.basis.shape[1])
        parts = [predict(self.basis[:, folds == k], without) for k, without in enumerate(self.without)]
        return np.concatenate(parts, axis=1)


def fit(basis: FloatArray, targets: FloatArray) -> Fits:
    """Least squares on all draws, and on all but each scramble.

    Parameters
    ----------
    basis : (P, N)
        Regressors, a constant among them.
    targets : (M, N)
    """
    sums = fold_sums(basis, targets)
    return Fits(basis, sums.on_all(), sums.without_each())


class Information(NamedTuple):
    """What it is worth to know something: from `low`, which has an error, to `high`; bn or as the payoffs are."""

    low: float
    low_se: float
    high: float


def information(fits: Fits, net: FloatArray, weights: FloatArray, chosen: int) -> Information:
    """The worth of knowing the regressors.

    Parameters
    ----------
    fits : Fits
        Of the parts of the payoffs: M of them, such as gains and unit costs.
    net : (D, N)
        Net payoffs.
    weights : (D, M)
        For each action, how its net payoff is made of the parts.
    chosen : int
        The action without knowledge.
    """
    mixed = weights - weights[chosen]
    worth = net - net[chosen]
    outside, inside = mixed @ fits.outside(), mixed @ fits.inside()
    picked = _preferred(outside, chosen)
    value = np.take_along_axis(worth, picked[None], axis=0)[0]
    return Information(*_mean_and_error(value), float(np.maximum(inside, 0.0).max(axis=0).mean()))


def _preferred(fitted: FloatArray, chosen: int) -> IntArray:
    """The action with the largest fitted lead over the chosen one, (N,); at a tie the chosen one."""
    best = fitted.argmax(axis=0)
    return np.where(fitted.max(axis=0) > 0.0, best, chosen)


def _mean_and_error(value: FloatArray) -> tuple[float, float]:
    """Mean, and its error from scrambles; unknown for one alone."""
    means = value.reshape(-1, DRAWS_PER_SCRAMBLE).mean(axis=1)
    error = float(np.sqrt(means.var() / (len(means) - 1))) if len(means) > 1 else np.nan
    return float(value.mean()), error


def noise_floor(lows: Sequence[float]) -> float:
    """What a column that says nothing may seem worth: the largest lower bound of some columns of noise, at least 0."""
    return max([0.0, *lows])


def flip_point(fits: Fits, x: FloatArray, weights: FloatArray, chosen: int) -> Estimate | None:
    """Where on one column the choice turns, if it does so once; its error from fits without each scramble.

    Parameters
    ----------
    fits : Fits
        On a basis of `x` alone.
    x : (N,)
    weights, chosen
        As for `information`.
    """
    order, mixed = x.argsort(kind="stable"), weights - weights[chosen]
    turns = _turns(mixed @ fits.inside(), x, order, chosen)
    if len(turns) != 1:
        return None
    again = [_turns(mixed @ predict(fits.basis, one), x, order, chosen) for one in fits.without]
    nearest = np.array([min(some, key=lambda at: abs(at - turns[0])) for some in again if some])
    if len(nearest) < len(again):
        return Estimate(np.asarray(turns[0]), np.asarray(np.nan))
    return Estimate(np.asarray(turns[0]), np.asarray(np.sqrt((len(again) - 1) * nearest.var())))


def _turns(fitted: FloatArray, x: FloatArray, order: IntArray, chosen: int) -> list[float]:
    """Midpoints between neighbours on the column at which the preferred action changes."""
    picked, sorted_x = _preferred(fitted, chosen)[order], x[order]
    places = np.flatnonzero((picked[1:] != picked[:-1]) & (sorted_x[1:] > sorted_x[:-1]))
    return [float(0.5 * (sorted_x[place] + sorted_x[place + 1])) for place in places]


def nested_information(net: FloatArray) -> Information:
    """The worth of knowing all but luck, from payoffs under redrawn luck.

    Parameters
    ----------
    net : (R, D, N)
        Net payoffs of the same worlds with R redraws of their luck; R is even.

    Returns
    -------
    Information
        `low` chooses on one half of the redraws and is valued on the other, and the other way round; `high` chooses
        and is valued on all.
    """
    chosen, half = int(net.mean(axis=(0, 2)).argmax()), len(net) // 2
    first, second = net[:half].mean(axis=0), net[half:].mean(axis=0)
    values = [_chosen_by(one, other) - other[chosen] for one, other in ((first, second), (second, first))]
    everything = net.mean(axis=0)
    high = float((everything.max(axis=0) - everything[chosen]).mean())
    return Information(*_mean_and_error(0.5 * (values[0] + values[1])), high)


def _chosen_by(guide: FloatArray, value: FloatArray) -> FloatArray:
    """The value (D, N) of the action that looks best by another (D, N) in each draw; (N,)."""
    return np.asarray(np.take_along_axis(value, guide.argmax(axis=0)[None], axis=0)[0])
