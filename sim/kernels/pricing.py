"""Bertrand markups under CES demand."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["log_markup", "log_markup_into", "share_slope"]


def share_slope(substitution: FloatArray, demand: FloatArray, conduct: FloatArray) -> FloatArray:
    """How much a provider's perceived elasticity falls with its share: conduct x (epsilon - eta)."""
    return np.asarray(conduct * (substitution - demand))


def log_markup(shares: FloatArray, substitution: FloatArray, slope: FloatArray) -> FloatArray:
    """Log of price over marginal cost at given shares.

    Parameters
    ----------
    shares : (..., N)
        Share of the segment over all channels of a provider; 0 for a firm of no size.
    substitution, slope : (N,)
        Elasticity of substitution, and `share_slope`.

    Returns
    -------
    (..., N)

    References
    ----------
    Atkeson & Burstein (2008) AER 98, eqs. 7-8, in the Bertrand form: epsilon(s) = epsilon - (epsilon - eta) s.
    """
    out = np.asarray(shares * slope)
    log_markup_into(out, substitution - 1.0)
    return out


def log_markup_into(out: FloatArray, excess: FloatArray) -> None:
    """Turn share x slope (..., N) into log markups in place, mu = 1 + 1 / (epsilon(s) - 1); `excess` is epsilon - 1."""
    np.subtract(excess, out, out=out)
    np.divide(1.0, out, out=out)
    np.add(out, 1.0, out=out)
    np.log(out, out=out)
