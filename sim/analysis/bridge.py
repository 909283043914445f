"""From one case to another by clauses: what each of them brings, draw by draw, on average over all orders.

The value of a set of clauses is an outcome's draws where the clauses of the set are as in the second case and the
others as in the first. Sets are numbered: bit i of the number says whether clause i is in the set.

All sums are of differences, in an order that the names of the clauses do not decide: a clause that moves nothing has
exactly zero, and numbering the clauses otherwise moves no bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

import numpy as np

from sim.analysis.scrambles import Estimate, estimate, folds_of
from sim.axes import FloatArray

__all__ = [
    "FEWEST_SCRAMBLES",
    "STATISTICS",
    "Bridge",
    "Summary",
    "bridge",
    "clause_count",
    "interactions",
    "joint_effect",
    "summary",
]

STATISTICS: Final = ("mean", "p05", "median", "p95")
"""What a summary has of the draws."""

FEWEST_SCRAMBLES: Final = 4
"""Below these the spread of scrambles says nothing of an error."""

_ROUNDING: Final = 1e-13
"""Part of a value below which a difference is rounding: sums over phases of a calendar that one more date cuts in two
differ in the last bit, and such a clause must count as one that moves nothing."""


@dataclass(frozen=True)
class Bridge:
    """What each clause brings to one outcome.

    Attributes
    ----------
    parts : (k, N)
        Shapley values: the parts of the clauses, which add up to the total in every draw.
    first, last : (k, N)
        What each brings where no other clause is given yet, and where all others are.
    total : (N,)
        The second case less the first.
    """

    parts: FloatArray
    first: FloatArray
    last: FloatArray
    total: FloatArray


def bridge(values: FloatArray) -> Bridge:
    """The parts of k clauses in what lies between two cases.

    Parameters
    ----------
    values : (2^k, N)
        Value of each set of clauses in each draw.

    Returns
    -------
    Bridge

    References
    ----------
    Shapley, L. S. (1953), "A value for n-person games", Contributions to the Theory of Games II, eq. 13.
    """
    clauses = range(clause_count(values))
    return Bridge(
        parts=np.stack([_mean_gain(values, clause) for clause in clauses]),
        first=np.stack([_difference(values[1 << clause], values[0]) for clause in clauses]),
        last=np.stack([_difference(values[-1], values[-1 - (1 << clause)]) for clause in clauses]),
        total=_difference(values[-1], values[0]),
    )


def clause_count(values: FloatArray) -> int:
    """Number of clauses k of which there are values, (2^k, N).

    Raises
    ------
    ValueError
        The first axis is no power of two above one.
    """
    count = len(values).bit_length() - 1
    if count < 1 or len(values) != 1 << count:
        raise ValueError(f"{len(values)} sets of clauses: there are 2, 4, 8, ... of them")
    return count


def interactions(values: FloatArray) -> dict[tuple[int, int], FloatArray]:
    """How much more each two clauses bring together than apart, draw by draw, on average over all orders.

    Parameters
    ----------
    values : (2^k, N)

    Returns
    -------
    mapping of (int, int) to (N,)
        For each pair i < j; above zero in a gain they need each other, below they replace each other.

    References
    ----------
    Grabisch, M. & Roubens, M. (1999), "An axiomatic approach to the concept of interaction among players in
    cooperative games", International Journal of Game Theory 28, eq. 8.
    """
    pairs = combinations(range(clause_count(values)), 2)
    return {(one, other): _mean_joint(values, one, other) for one, other in pairs}


def joint_effect(values: FloatArray, one: int, other: int, given: int = 0) -> FloatArray:
    """What two clauses bring together beyond what they bring apart, where others are given; (N,).

    Parameters
    ----------
    values : (2^k, N)
    one, other : int
        Clauses.
    given : int
        Number of the set of the others.
    """
    neither, first, second = values[given], values[given | 1 << one], values[given | 1 << other]
    both = values[given | 1 << one | 1 << other]
    by_one = _difference(both, second) - _difference(first, neither)
    by_other = _difference(both, first) - _difference(second, neither)
    joint = 0.5 * (by_one + by_other)  # equal but for rounding: the mean has the bits of either order
    return _without_rounding(joint, neither, first, second, both)


def _mean_gain(values: FloatArray, clause: int) -> FloatArray:
    """Mean over sizes of the sets before a clause of the mean over sets of that size of what it adds, (N,)."""
    others = [other for other in range(clause_count(values)) if other != clause]
    gains = [
        np.stack([_difference(values[given | 1 << clause], values[given]) for given in _sets(others, size)])
        for size in range(len(others) + 1)
    ]
    return _mean_of_sizes(gains)


def _mean_joint(values: FloatArray, one: int, other: int) -> FloatArray:
    others = [clause for clause in range(clause_count(values)) if clause not in (one, other)]
    effects = [
        np.stack([joint_effect(values, one, other, given) for given in _sets(others, size)])
        for size in range(len(others) + 1)
    ]
    return _mean_of_sizes(effects)


def _sets(clauses: list[int], size: int) -> list[int]:
    """Numbers of all sets of so many of some clauses."""
    return [sum(1 << clause for clause in chosen) for chosen in combinations(clauses, size)]


def _mean_of_sizes(by_size: list[FloatArray]) -> FloatArray:
    """The mean over sizes of means over sets, (sets, N) each: s! (k - s - 1)! / k! is one over k and over the sets.

    The sets of a size are added from the least to the greatest, so that their numbering moves no bit.
    """
    count, total = len(by_size), np.zeros(by_size[0].shape[1:])
    for size, terms in enumerate(by_size):
        total += _sum_in_order(terms) / (count * comb(count - 1, size))
    return total


def _sum_in_order(terms: FloatArray) -> FloatArray:
    total = np.zeros(terms.shape[1:])
    for term in np.sort(terms, axis=0):
        total += term
    return total


def _difference(after: FloatArray, before: FloatArray) -> FloatArray:
    """What a clause adds, zero where that is no more than rounding."""
    return _without_rounding(after - before, after, before)


def _without_rounding(difference: FloatArray, *values: FloatArray) -> FloatArray:
    """A difference made of some values, zero where it is no more than rounding of them."""
    size = np.abs(np.stack(values)).max(axis=0)
    return np.where(np.abs(difference) <= _ROUNDING * size, 0.0, difference)


@dataclass(frozen=True)
class Summary:
    """One outcome's bridge in figures: rows by `STATISTICS`, columns by clause, the total in the last one.

    Attributes
    ----------
    start, end : float
        Mean of the outcome in the first case, and in the second.
    value, error : (4, k + 1)
        Of the parts; means add up to that of the total, quantiles do not. Errors are NaN where scrambles are too few.
    first, last : (4, k + 1)
        The same of what each brings first and last; of the total NaN.
    p_positive, p_zero : (k + 1,)
        Shares of the draws in which a part is above zero, and in which it is exactly zero.
    joint, joint_error : (k, k)
        Mean interaction of each two clauses, and its error; NaN of a clause with itself.
    """

    start: float
    end: float
    value: FloatArray
    error: FloatArray
    first: FloatArray
    last: FloatArray
    p_positive: FloatArray
    p_zero: FloatArray
    joint: FloatArray
    joint_error: FloatArray


def summary(values: FloatArray) -> Summary:
    """The bridge of one outcome in figures.

    Parameters
    ----------
    values : (2^k, N)
        Whole scrambles of draws.
    """
    count, found = clause_count(values), bridge(values)
    parts = np.vstack([found.parts, found.total[None]])
    value, error = _estimate(_statistics, parts)
    alone = [
        np.column_stack([_statistics(draws), np.full(len(STATISTICS), np.nan)]) for draws in (found.first, found.last)
    ]
    joint, joint_error = np.full((2, count, count), np.nan)
    for pair, draws in interactions(values).items():
        mean, deviation = _estimate(_mean, draws)
        joint[pair] = joint[pair[::-1]] = mean
        joint_error[pair] = joint_error[pair[::-1]] = deviation
    return Summary(
        start=float(values[0].mean()),
        end=float(values[-1].mean()),
        value=value,
        error=error,
        first=alone[0],
        last=alone[1],
        p_positive=(parts > 0.0).mean(axis=-1),
        p_zero=(parts == 0.0).mean(axis=-1),
        joint=joint,
        joint_error=joint_error,
    )


def _estimate(statistic: Callable[[FloatArray], FloatArray], draws: FloatArray) -> Estimate:
    """A statistic of draws (..., N) in whole scrambles, and its error."""
    folds, value = folds_of(draws.shape[-1]), statistic(draws)
    if folds[-1] + 1 < FEWEST_SCRAMBLES:
        return Estimate(value, np.full_like(value, np.nan))
    without = (draws[..., folds != number] for number in range(folds[-1] + 1))
    return estimate(np.stack([value, *map(statistic, without)], axis=-1))


def _mean(draws: FloatArray) -> FloatArray:
    return np.asarray(draws.mean(axis=-1))


def _statistics(draws: FloatArray) -> FloatArray:
    """Rows of `STATISTICS` of draws (..., N)."""
    return np.stack([draws.mean(axis=-1), *np.quantile(draws, (0.05, 0.5, 0.95), axis=-1)])
