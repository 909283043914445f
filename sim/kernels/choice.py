"""Choice among offers: what attracts, and how much of it."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["attraction_into", "rival_factors"]


def rival_factors(shares: FloatArray, shocks: FloatArray, domestic: int) -> FloatArray:
    """What rivals' shocks make of each provider's attraction, its group's total unchanged.

    Parameters
    ----------
    shares : (P, L, N)
        Shares of the base year. Inside a group the providers of a layer have the same proportions in all of its
        segments, so that the factor is one for the layer.
    shocks : (P, N)
        Change of each provider's utility since the base year.
    domestic : int
        Number of domestic providers.

    Returns
    -------
    (P, L, N)
        exp(shock), over its mean in the group. No outcome enters, so that the factors are the same under every regime.
    """
    lifts = np.exp(shocks)
    factors = shares * lifts[:, None]
    for group in (slice(0, domestic), slice(domestic, None)):
        scale = shares[group].sum(axis=0) / np.maximum(factors[group].sum(axis=0), np.finfo(np.float64).tiny)
        np.multiply(lifts[group, None], scale, out=factors[group])
    return factors


def attraction_into(out: FloatArray, utility: FloatArray, markup: FloatArray, substitution: FloatArray) -> None:
    """Attraction of offers at their markups, exp(V - (epsilon - 1) ln mu), into `out`.

    Parameters
    ----------
    out, utility, markup : (R, G, N)
        `utility` is V, the base year's choice share inverted at its markup; `markup` is ln mu.
    substitution : (N,)
        epsilon.

    References
    ----------
    Berry (1994) RAND J. Econ. 25; Head & Mayer (2014): CES demand is a logit in log price.
    """
    np.multiply(markup, 1.0 - substitution, out=out)
    np.add(out, utility, out=out)
    np.exp(out, out=out)
