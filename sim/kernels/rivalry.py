"""Luck without direction: offsets that keep each provider's mean share where its rivals' shocks would not.

A shock to utility that is symmetric in log-odds is none in shares: E[P_i e^{x_i} / sum_j P_j e^{x_j}] is not P_i, so
that noise alone would take from large providers and give to small ones. An offset b_i in utility makes the expected
share the one of the base year: a provider's luck is a martingale seen from there. A path x at time t has the law of
sd(t) times a normal times the root of a standard exponential, which alone is a Laplace law of that deviation; so the
offsets depend on time through the deviation only, and are solved at a few of those.

References
----------
Sutton (2007) AER 97: 222-241: leaders' shares have no drift, the null against which one would have to be shown.
Bottazzi & Secchi (2006) RAND 37: 235-256: growth rates of firms are tent-shaped (Laplace) rather than normal.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.axes import FloatArray

__all__ = ["deviation_nodes", "group_offsets", "interpolate", "laplace_shocks", "lone_offset", "origin_offset"]

_NODES: Final = 12
"""Deviations at which offsets are solved, 0 aside: interpolation errs by less than 1e-4 up to twice the shipped one."""

_STEPS: Final = 4
"""Newton steps at each node, from the solution of the one before it."""

_LONE_STEPS: Final = 16
"""Newton steps in log-odds for one against the rest; each at most two deviations and two units of utility long."""


def laplace_shocks(uniforms: FloatArray) -> FloatArray:
    """Laplace quantiles of mean 0 and deviation 1: the law of a normal times the root of a standard exponential."""
    side = uniforms - 0.5
    return np.asarray(-np.sign(side) * np.log1p(-2.0 * np.abs(side)) / np.sqrt(2.0))


def deviation_nodes(largest: float) -> FloatArray:
    """Chebyshev points of the second kind from 0 to the largest deviation, rising, (M,)."""
    return np.asarray(largest * (1.0 - np.cos(np.pi * np.arange(_NODES + 1) / _NODES)) / 2.0)


def group_offsets(
    shares: FloatArray, shocks: FloatArray, deviations: FloatArray, jumps: FloatArray | None = None
) -> FloatArray:
    """Offsets of the named providers of a group, E[P_i e^{x_i + b_i} / sum_j P_j e^{x_j + b_j}] = P_i.

    Equation (16) of docs/model.md.

    The rest of the group, 1 - sum P_i, has neither shock nor offset. Where there is none, offsets are known up to a
    constant, and those are taken whose mean, weighted by shares, is 0.

    Parameters
    ----------
    shares : (R, L)
        Parts of the group in each layer, in sum at most 1; who has none has no offset.
    shocks : (R, K)
        The points over which the mean is taken, of deviation 1: see `laplace_shocks`.
    deviations : (M,)
        Of x_i, rising; each is solved from the one before it.
    jumps : (M, R, K), optional
        What has jumped at each of them, at the points.

    Returns
    -------
    (M, R, L)
    """
    offsets = np.zeros((len(deviations), *shares.shape))
    before, scale = np.zeros_like(shares), 0.0
    for m, deviation in enumerate(deviations):
        moves = deviation * shocks if jumps is None else deviation * shocks + jumps[m]
        highest = np.maximum(moves.max(axis=0, initial=0.0), 0.0)
        lifts, rest = np.exp(moves - highest), np.exp(-highest)
        for layer, own in enumerate(shares.T):
            named = own > 0.0
            guess = before[named, layer] * scale
            offsets[m, named, layer] = _solved(own[named], lifts[named], rest, guess)
        before = offsets[m]
        scale = _growth(deviations, m)
    return offsets


def _growth(deviations: FloatArray, m: int) -> float:
    """A guess of how offsets grow to the next node, from which Newton's steps start: as the deviation does, at most."""
    if m + 1 == len(deviations) or deviations[m] == 0.0:
        return 1.0
    return float(min(deviations[m + 1] / deviations[m], _FASTEST))


_FASTEST: Final = 1.25
"""Early nodes lie far apart in proportion, where offsets are next to nothing and any start will do."""


def _solved(shares: FloatArray, lifts: FloatArray, rest: FloatArray, offsets: FloatArray) -> FloatArray:
    """Newton steps for the offsets (R,) at which the log of each mean share is that of the base year."""
    fringe = float(1.0 - shares.sum())
    fringe = fringe if fringe > _NOBODY else 0.0
    for _ in range(_STEPS):
        found = lifts * (shares * np.exp(offsets))[:, None]
        found /= found.sum(axis=0) + fringe * rest
        means = found.sum(axis=1) / found.shape[1]
        slope = -_products(found)
        slope[np.diag_indices(len(shares))] += means
        if fringe == 0.0:
            slope += shares[:, None] * shares
        offsets = offsets + _eliminated(slope, means * np.log(shares / means))
    return offsets if fringe > 0.0 else offsets - (shares * offsets).sum()


_NOBODY: Final = 1e-9
"""Part of a group below which what is left of it is rounding."""


def _products(found: FloatArray) -> FloatArray:
    """Mean products of shares, (R, R), by plain sums: the bits of a matrix product depend on threads."""
    products = np.empty((len(found), len(found)))
    for i, one in enumerate(found):
        for j, other in enumerate(found[: i + 1]):
            products[i, j] = products[j, i] = (one * other).sum() / one.size
    return products


def _eliminated(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solution of a small positive definite system, by Gauss-Jordan elimination with plain sums."""
    system = np.column_stack([matrix, right])
    for k in range(len(system)):
        pivot = system[k] / system[k, k]
        system -= system[:, k, None] * pivot
        system[k] = pivot
    return np.ascontiguousarray(system[:, -1])


def interpolate(offsets: FloatArray, largest: float, deviations: FloatArray) -> FloatArray:
    """The polynomial through the offsets at the nodes, at other deviations.

    Parameters
    ----------
    offsets : (M, ...)
        At `deviation_nodes(largest)`.
    largest : float
    deviations : (T,)
        From 0 to `largest`.

    Returns
    -------
    (T, ...)

    References
    ----------
    Berrut & Trefethen (2004) SIAM Review 46: the barycentric formula, weights of Chebyshev points (5.4).
    """
    if largest == 0.0:
        return np.zeros((len(deviations), *offsets.shape[1:]))
    away = deviations[:, None] - deviation_nodes(largest)
    on_node = away == 0.0
    weights = np.where(np.arange(len(offsets)) % 2, -1.0, 1.0)
    weights[[0, -1]] /= 2.0
    weights = weights / np.where(on_node, 1.0, away)
    weights = np.where(on_node.any(axis=1, keepdims=True), on_node, weights)
    total, values = np.zeros(len(deviations)), np.zeros((len(deviations), *offsets.shape[1:]))
    for weight, offset in zip(weights.T, offsets, strict=True):
        total += weight
        values += np.multiply.outer(weight, offset)
    return values / total.reshape(-1, *[1] * (offsets.ndim - 1))


def lone_offset(share: FloatArray | float, sd_path: FloatArray | float) -> FloatArray:
    """Offset of one provider against a rest that stays, E[pi e^{x+b} / (pi e^{x+b} + 1 - pi)] = pi for Laplace's x.

    Parameters
    ----------
    share : array, any shape
        pi, inside (0, 1).
    sd_path : array, broadcast against `share`
        Standard deviation of x = sqrt(E) N(0, v).

    Returns
    -------
    array of the shape broadcast
    """
    return _against_rest(share, sd_path, *_laplace_points())


def origin_offset(share: FloatArray | float, sd_path: FloatArray | float) -> FloatArray:
    """The same under a normal shock: foreign against domestic utility. Equation (16) of docs/model.md.

    Parameters
    ----------
    share, sd_path : arrays, broadcast against each other
        As in `lone_offset`.

    Returns
    -------
    array of the shape broadcast
    """
    return _against_rest(share, sd_path, *_normal_points())


def _against_rest(
    share: FloatArray | float, sd_path: FloatArray | float, points: FloatArray, weights: FloatArray
) -> FloatArray:
    """Newton steps in log-odds of the mean share, from a shock of deviation 1 as points and weights (Q,)."""
    share, sd_path = np.broadcast_arrays(np.asarray(share, dtype=np.float64), np.asarray(sd_path, dtype=np.float64))
    odds = np.log(share) - np.log1p(-share)
    shocks = np.multiply.outer(points, sd_path)
    weights = weights.reshape(-1, *[1] * share.ndim)
    offset, longest = np.zeros(share.shape), 2.0 * (1.0 + sd_path)
    for _ in range(_LONE_STEPS):
        utility = odds + offset + shocks
        small = np.exp(-np.abs(utility))  # the share is 1 / (1 + small) or the rest of it: neither loses its digits
        larger, smaller = weights / (1.0 + small), weights * small / (1.0 + small)
        mean = np.where(utility > 0.0, larger, smaller).sum(axis=0)
        other = np.where(utility > 0.0, smaller, larger).sum(axis=0)
        slope = (larger * small / (1.0 + small)).sum(axis=0)
        step = (odds - np.log(mean / other)) * mean * other / slope
        offset = offset + np.minimum(np.maximum(step, -longest), longest)
    return offset


def _normal_points() -> tuple[FloatArray, FloatArray]:
    """The trapezoidal rule, exact to rounding for what is analytic and falls off like a normal density."""
    points = np.arange(-_REACH, _REACH + _SPACING / 2, _SPACING)
    weights = np.exp(-(points**2) / 2.0)
    return points, weights / weights.sum()


_REACH: Final = 9.0
_SPACING: Final = 0.2
"""Of the trapezoidal rule, in standard deviations."""


def _laplace_points() -> tuple[FloatArray, FloatArray]:
    """The double exponential rule u = exp(s - e^-s) for the exponential |x| sqrt(2), on both sides.

    References
    ----------
    Takahasi & Mori (1974) Publ. RIMS 9: 721-741.
    """
    steps = np.arange(-_HALF_WIDTH, _HALF_WIDTH + _STRIDE / 2, _STRIDE)
    sizes = np.exp(steps - np.exp(-steps))
    weights = np.exp(-sizes) * sizes * (1.0 + np.exp(-steps))
    weights /= 2.0 * weights.sum()
    return np.concatenate([-sizes, sizes]) / np.sqrt(2.0), np.concatenate([weights, weights])


_HALF_WIDTH: Final = 3.7
_STRIDE: Final = 0.02
"""Of the double exponential rule: beyond, less than 1e-16 of the law is left."""
