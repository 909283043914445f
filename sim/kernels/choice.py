"""Choice among offers: what attracts, and how much of it."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["attraction_into", "group_scales"]

_TINY = np.finfo(np.float64).tiny


def group_scales(shares: FloatArray, shocks: FloatArray, domestic: int) -> tuple[FloatArray, FloatArray]:
    """What brings each group back to its total attraction after rivals' shocks.

    Parameters
    ----------
    shares : (P, L, N)
        Shares of the base year. Inside a group the providers of a layer have the same proportions in all of its
        segments, so that the scale is one for the layer.
    shocks : (P, N)
        Change of each provider's utility since the base year.
    domestic : int
        Number of domestic providers.

    Returns
    -------
    domestic, foreign : (L, N)
        No outcome enters, so that the scales are the same under every regime.
    """
    shaken = shares * np.exp(shocks)[:, None]
    home, abroad = (
        shares[group].sum(axis=0) / np.maximum(shaken[group].sum(axis=0), _TINY)
        for group in (slice(0, domestic), slice(domestic, None))
    )
    return home, abroad


def attraction_into(
    out: FloatArray, utility: FloatArray, shocks: FloatArray, markup: FloatArray, substitution: FloatArray
) -> None:
    """Attraction of offers, exp(V + z - (epsilon - 1) ln mu), into `out`.

    Parameters
    ----------
    out, utility, markup : (R, G, N)
        `utility` is V, the base year's choice share inverted at its markup; `markup` is ln mu.
    shocks : (R, N)
        z, change of each provider's utility since the base year.
    substitution : (N,)
        epsilon.

    References
    ----------
    Berry (1994) RAND J. Econ. 25; Head & Mayer (2014): CES demand is a logit in log price.
    """
    np.multiply(markup, 1.0 - substitution, out=out)
    np.add(out, utility, out=out)
    np.add(out, shocks[:, None], out=out)
    np.exp(out, out=out)
