"""What draws say under other beliefs than those that they were drawn from: weights, and how far to trust them.

A draw is a vector z of standard normals, correlated by Σ, behind the inputs, and an index for each category. A belief
in an input that is moved by s standard deviations puts Q(Φ(z + s)) in the place of Q(Φ(z)): the same as drawing z about
s instead of 0, while the other inputs keep their distributions and their correlation. So a draw weighs by the ratio of
the normal densities about δ, which holds the shifts, and about 0:

    log w = δᵀ Σ⁻¹ z − ½ δᵀ Σ⁻¹ δ,

and a category by its new weight over its old one. Weights of several changes multiply; shifts share one exponent.

References
----------
Kish, L. (1965), "Survey Sampling": the effective number of draws.
Zhang, J. & Stephens, M. A. (2009), "A new and efficient estimation method for the generalized Pareto distribution",
Technometrics 51; Vehtari, A., Simpson, D., Gelman, A., Yao, Y. & Gabry, J. (2024), "Pareto smoothed importance
sampling", JMLR 25: the shape of the tail of weights, above 0.7 of which they cannot be trusted.
Woodruff, R. S. (1952), "Confidence intervals for medians and other position measures", JASA 47: errors of quantiles.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from sim.axes import FloatArray, IntArray

__all__ = [
    "FEWEST_EFFECTIVE",
    "HEAVIEST",
    "PROBABILITIES",
    "Weighted",
    "describe_weighted",
    "effective_draws",
    "level_ratios",
    "pareto_shape",
    "shift_ratios",
    "weighted_quantiles",
]

FEWEST_EFFECTIVE: Final = 400
"""Draws that must be left in effect for 5% and 95% points to stand on some twenty."""

HEAVIEST: Final = 0.7
"""Shape of the weights' tail above which averages under them cannot be trusted (Vehtari et al. 2024)."""

PROBABILITIES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)

_FEWEST_IN_TAIL: Final = 5
"""Unlike weights in the tail, below which they take so few values that no tail is heavy."""

_PRIOR_DRAWS: Final = 10
"""Draws that the prior of the shape, which is about one half, is worth (Vehtari et al. 2024, appendix)."""

_PRIOR_SPREAD: Final = 3
"""Of Zhang & Stephens's prior, in quarters of the sample."""


def shift_ratios(scores: FloatArray, precision: FloatArray, shifts: FloatArray) -> FloatArray:
    """Logarithms of the weights under normals that are moved.

    Parameters
    ----------
    scores : array (J, N)
        Row j is eⱼᵀ Σ⁻¹ z of each draw; eⱼ says which normals the shift j moves.
    precision : array (J, J)
        eⱼᵀ Σ⁻¹ eₖ.
    shifts : array (J,)
        In standard deviations.

    Returns
    -------
    array (N,)
    """
    total = np.full(scores.shape[1], -0.5 * float(shifts @ precision @ shifts))
    for shift, score in zip(shifts, scores, strict=True):
        total += shift * score
    return total


def level_ratios(levels: IntArray, old: FloatArray, new: FloatArray) -> FloatArray:
    """Weights of draws by their level of a category.

    Parameters
    ----------
    levels : array (N,)
        Index of each draw's level.
    old, new : arrays (L,)
        Weights of the levels that were drawn from, and those in their place; a level without weight has no draws.

    Returns
    -------
    array (N,)
    """
    return np.divide(new, old, out=np.zeros(len(old)), where=old > 0)[levels]


def effective_draws(weights: FloatArray) -> float:
    """How many draws of equal weight are as good: (Σ w)² / Σ w²; 0 where nothing has weight."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def pareto_shape(weights: FloatArray) -> float:
    """Shape k of the generalized Pareto distribution that the largest weights follow.

    Parameters
    ----------
    weights : array (N,)

    Returns
    -------
    float
        Moments of order above 1/k do not exist; minus infinity where weights take but a few values.
    """
    positive = np.sort(weights[weights > 0])
    count = len(positive)
    tail = math.ceil(min(0.2 * count, 3 * math.sqrt(count)))
    if tail < _FEWEST_IN_TAIL or len(np.unique(positive[-tail:])) < _FEWEST_IN_TAIL:
        return -math.inf
    beyond = positive[-tail:] / positive[-1] - positive[-tail - 1] / positive[-1]
    return _shape(beyond[beyond > 0])


def _shape(beyond: FloatArray) -> float:
    """Zhang & Stephens's estimate from excesses in rising order, drawn towards one half by a weak prior."""
    count = len(beyond)
    candidates = 30 + math.isqrt(count)
    places = np.arange(1, candidates + 1) - 0.5
    quartile = beyond[math.floor(count / 4 + 0.5) - 1]
    theta = 1 / beyond[-1] + (1 - np.sqrt(candidates / places)) / (_PRIOR_SPREAD * quartile)
    shapes = np.log1p(-theta[:, None] * beyond).mean(axis=1)
    fits = count * (np.log(-theta / shapes) - shapes - 1)
    weights = np.exp(fits - fits.max())
    best = float((theta * weights).sum() / weights.sum())
    shape = float(np.log1p(-best * beyond).mean())
    return (shape * count + 0.5 * _PRIOR_DRAWS) / (count + _PRIOR_DRAWS)


def weighted_quantiles(values: FloatArray, weights: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Quantiles of weighted draws; with equal weights those that interpolate between order statistics.

    Draw k of n in rising order stands at (k − 1) wₖ + (n − 1) (w₁ + … + wₖ₋₁), and the quantile where that is the
    probability's part of its largest value.

    Parameters
    ----------
    values, weights : arrays (N,)
        Draws without weight count for nothing; at least one has some.
    probabilities : array (P,)
        In [0, 1].

    Returns
    -------
    array (P,)
    """
    return _quantiles(*_ordered(values, weights), probabilities)


def _ordered(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What has weight, in rising order."""
    order = np.argsort(values, kind="stable")
    order = order[weights[order] > 0]
    return values[order], weights[order]


def _quantiles(values: FloatArray, weights: FloatArray, probabilities: FloatArray) -> FloatArray:
    count = len(values)
    before = np.cumsum(weights) - weights
    places = np.arange(count) * weights + (count - 1) * before
    return np.asarray(np.interp(probabilities * places[-1], places, values))


class Weighted(NamedTuple):
    """What weighted draws say of a number, each with its standard error.

    Attributes
    ----------
    quantiles, quantile_errors : arrays (5,)
        At `PROBABILITIES`.
    mean, mean_error : float
    positive, positive_error : float
        Share above 0.
    """

    quantiles: FloatArray
    quantile_errors: FloatArray
    mean: float
    mean_error: float
    positive: float
    positive_error: float


def describe_weighted(values: FloatArray, weights: FloatArray) -> Weighted:
    """Quantiles, mean and share above 0 of weighted draws, with errors as of independent ones.

    On a net draws lie more evenly than that, so that errors are rather too large. That of a quantile is half of how
    far apart the quantiles are at its probability less and plus the error of the share below it (Woodruff 1952).

    Parameters
    ----------
    values, weights : arrays (N,)
        At least one draw has weight.

    Returns
    -------
    Weighted
    """
    ordered, own = _ordered(values, weights)
    total, squares = float(own.sum()), own**2
    levels = np.array(PROBABILITIES)
    quantiles = _quantiles(ordered, own, levels)
    below = np.append(0.0, np.cumsum(squares))[np.searchsorted(ordered, quantiles, side="right")]
    spread = np.sqrt((1 - levels) ** 2 * below + levels**2 * (squares.sum() - below)) / total
    ends = np.clip(np.concatenate([levels - spread, levels + spread]), 0, 1)
    low, high = _quantiles(ordered, own, ends).reshape(2, -1)
    mean, positive = float((own * ordered).sum()) / total, float(own[ordered > 0].sum()) / total
    return Weighted(
        quantiles,
        (high - low) / 2,
        mean,
        float(np.sqrt((squares * (ordered - mean) ** 2).sum())) / total,
        positive,
        float(np.sqrt((squares * ((ordered > 0) - positive) ** 2).sum())) / total,
    )
