"""What a path of shocks is, given its independent normals: exact in time, whatever the length of a period.

Nothing here is random. Each path is a linear map of K independent standard normals, written as a recursion
over periods; the recursion applied to unit vectors is its matrix, from which the leading directions follow.

References
----------
Van Loan, C. F. (1978), "Computing integrals involving the matrix exponential", IEEE TAC 23: the exact
covariance of a linear diffusion over a period. Here the integrals of the two-dimensional case are written out.
Bottazzi, G. & Secchi, A. (2006), "Explaining the distribution of firm growth rates", RAND Journal of Economics 37:
235-256: firms' growth is tent-shaped, with the tails of a Laplace distribution.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import exprel, pdtr, roots_legendre

from sim.axes import FloatArray

__all__ = [
    "downward_steps",
    "drift_path",
    "drift_sd",
    "leading_directions",
    "market_path",
    "reflect",
    "reverting_path",
    "reverting_sd",
    "tail_factor",
]

_NODES: Final = 16
"""Nodes of Gauss-Legendre: exact to rounding for exponentials that fade by up to some e^10 in a period."""

_TURNS: Final = 64
"""Steps of the power iteration. Each direction of a path explains less than half of what the one before it does,
so 64 steps leave no trace of the later ones; and the draws would be right with any directions."""

_INSTANT: Final = float(np.sqrt(np.finfo(np.float64).tiny))
"""Years; stands in for a half-life of zero, with the limit (white noise) as its result."""


def reverting_path(normals: FloatArray, half_life: FloatArray, step: float) -> FloatArray:
    """Ornstein-Uhlenbeck process of stationary sd 1, less its own start, which is stationary too.

    Parameters
    ----------
    normals : array (T + 1, N)
        Independent; the first gives the start.
    half_life : array (N,)
        Years in which a deviation halves.
    step : float
        Length of a period in years.

    Returns
    -------
    array (T, N)
        z_t - z_0 at period ends; its variance is 2 (1 - 2^(-t / half-life)).
    """
    decay = np.exp2(-step / np.maximum(half_life, _INSTANT))
    fresh = np.sqrt(1 - decay**2)
    path = np.empty((len(normals) - 1, normals.shape[1]))
    level = normals[0]
    for t, normal in enumerate(normals[1:]):
        level = decay * level + fresh * normal
        path[t] = level - normals[0]
    return path


def reverting_sd(half_life: float, years: FloatArray) -> FloatArray:
    """Standard deviation of such a path some years after its start, (T,)."""
    return np.asarray(np.sqrt(-2.0 * np.expm1(-np.log(2.0) * years / max(half_life, _INSTANT))))


def tail_factor(uniforms: FloatArray) -> FloatArray:
    """What makes a normal path one with Laplace's tails and the same variance: root of a standard exponential, (N,)."""
    return np.asarray(np.sqrt(-np.log1p(-uniforms)))


def market_path(normals: FloatArray, kappa: FloatArray, theta: FloatArray, step: float) -> FloatArray:
    """y of dx = -κ x dt + dW, dy = (x - θ y) dt, from x = y = 0: log size around its curve at volatility 1.

    Parameters
    ----------
    normals : array (2 T, N)
        Independent, two for each period.
    kappa, theta : arrays (N,)
        Reversion of growth and of level per year; they may be equal, and they may be 0.
    step : float
        Length of a period in years.

    Returns
    -------
    array (T, N)
        y at period ends.
    """
    x_decay, y_decay = np.exp(-kappa * step), np.exp(-theta * step)
    carry = _response(kappa, theta, step)
    x_from_first, y_from_first, y_from_second = _market_noise(kappa, theta, step)
    path = np.empty((len(normals) // 2, normals.shape[1]))
    x = y = np.zeros(normals.shape[1])
    for t, (first, second) in enumerate(zip(normals[::2], normals[1::2], strict=True)):
        y = y_decay * y + carry * x + y_from_first * first + y_from_second * second
        x = x_decay * x + x_from_first * first
        path[t] = y
    return path


def drift_path(normals: FloatArray, half_life: FloatArray, step: float) -> FloatArray:
    """Integral of an Ornstein-Uhlenbeck process of stationary sd 1 that starts at 0: a slope that turns, cumulated.

    Parameters
    ----------
    normals : array (2 T, N)
        Independent, two for each period.
    half_life : array (N,)
        Years in which a deviation of the slope halves.
    step : float
        Length of a period in years.

    Returns
    -------
    array (T, N)
        At period ends, in years.

    References
    ----------
    Harvey (1989), Forecasting, Structural Time Series Models and the Kalman Filter, ch. 2: the local linear trend.
    """
    rate = np.log(2.0) / half_life
    return np.asarray(np.sqrt(2.0 * rate) * market_path(normals, rate, np.zeros_like(rate), step))


def drift_sd(half_life: float, years: FloatArray) -> FloatArray:
    """Standard deviation of such a path some years after its start, (T,).

    Equation (41) of docs/model.md.
    """
    rate = np.log(2.0) / half_life
    gone = -np.expm1(-rate * years)
    return np.asarray(np.sqrt(2.0 * np.maximum(rate * years - gone - gone**2 / 2.0, 0.0)) / rate)


def _response(kappa: FloatArray, theta: FloatArray, time: float) -> FloatArray:
    """y at `time` after a unit of x: (e^(-θt) - e^(-κt)) / (κ - θ), also where κ = θ."""
    return time * np.exp(-kappa * time) * exprel((kappa - theta) * time)


def _market_noise(kappa: FloatArray, theta: FloatArray, step: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Loadings of one period's noise, arrays (N,): x on the first normal, y on the first, y on the second.

    By the Itô isometry the covariance is the integral over the period of products of the responses of x and y.
    Their closed forms cancel to nothing where κ is near θ; the quadrature does not.
    """
    x_variance = step * exprel(-2 * kappa * step)
    covariance, y_variance = np.zeros(kappa.shape), np.zeros(kappa.shape)
    nodes, weights = roots_legendre(_NODES)
    for node, weight in zip(nodes, weights, strict=True):
        time, share = step * (1 + node) / 2, step * weight / 2
        response = _response(kappa, theta, time)
        covariance += share * np.exp(-kappa * time) * response
        y_variance += share * response**2
    x_from_first = np.sqrt(x_variance)
    return x_from_first, covariance / x_from_first, np.sqrt(y_variance - covariance**2 / x_variance)


def downward_steps(uniforms: FloatArray, mean: FloatArray) -> FloatArray:
    """Number of rare steps up to each period's end.

    Parameters
    ----------
    uniforms : array (T, N)
        Independent, inside (0, 1).
    mean : array (N,)
        Expected number in a period.

    Returns
    -------
    array (T, N)
        Sum over periods of the Poisson quantile at each uniform.
    """
    counts = np.zeros(uniforms.shape)
    at_least = 0
    while (more := uniforms > pdtr(at_least, mean)).any():
        counts += more
        at_least += 1
    return counts.cumsum(axis=0)


def leading_directions(path: FloatArray, count: int) -> FloatArray:
    """The directions in the space of normals that explain most of a path's variance.

    Parameters
    ----------
    path : array (T, K)
        The path of each unit vector.
    count : int
        How many, D; at most T.

    Returns
    -------
    array (D, K)
        First right singular vectors, orthonormal, each with which the mean of the path rises. Found by power
        iteration with plain sums, because the bits of a library's SVD depend on its threads.
    """
    found = np.empty((count, path.shape[1]))
    for direction in found:
        direction[:] = path.sum(axis=0)
        for _ in range(_TURNS):
            direction[:] = (path * _along(path, direction)).sum(axis=0)
            direction /= np.sqrt((direction**2).sum())
        path = path - _along(path, direction) * direction
    return found


def _along(rows: FloatArray, direction: FloatArray) -> FloatArray:
    """Inner product of each row with a direction, (rows, 1)."""
    return np.asarray((rows * direction).sum(axis=1, keepdims=True))


def reflect(normals: FloatArray, directions: FloatArray) -> FloatArray:
    """Independent normals of which the first ones drive given directions.

    Parameters
    ----------
    normals : array (K, N)
        Independent.
    directions : array (D, K)
        Orthonormal; the first is not the first axis itself.

    Returns
    -------
    array (K, N)
        Householder reflections that take the first axes to `directions`, one after the other: independent again.
    """
    axes = np.eye(len(normals), len(directions))
    for number, direction in enumerate(directions):
        mirror = axes[:, number] - direction
        axes, normals = _reflected(axes, mirror), _reflected(normals, mirror)
    return normals


def _reflected(columns: FloatArray, mirror: FloatArray) -> FloatArray:
    """Each column on the other side of the plane through 0 across `mirror`, (K, N)."""
    across: FloatArray = (mirror[:, np.newaxis] * columns).sum(axis=0) * (2 / (mirror**2).sum())
    return columns - mirror[:, np.newaxis] * across
