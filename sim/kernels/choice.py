"""Choice among offers: what attracts, and how much of it."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["group_scales", "invert", "utility_into"]

_TINY = np.finfo(np.float64).tiny


def group_scales(shares: FloatArray, shocks: FloatArray, domestic: int) -> tuple[FloatArray, FloatArray]:
    """What brings each group back to its total attraction after rivals' shocks.

    Parameters
    ----------
    shares : (P, L, N)
        Shares of the base year. Inside a group the providers of a layer have the same proportions in all of its
        segments, so that the scale is one for the layer.
    shocks : (T, P, N)
        Change of each provider's utility since the base year.
    domestic : int
        Number of domestic providers.

    Returns
    -------
    domestic, foreign : (T, L, N)
        No outcome enters, so that the scales are the same under every regime.
    """
    lifts = np.exp(shocks)[:, :, None]
    home, abroad = (
        shares[group].sum(axis=0) / np.maximum(_weighted_sum(shares[group], lifts[:, group]), _TINY)
        for group in (slice(0, domestic), slice(domestic, None))
    )
    return home, abroad


def _weighted_sum(shares: FloatArray, lifts: FloatArray) -> FloatArray:
    """Sum over providers of shares (P, L, N) times lifts (T, P, 1, N), in (T, L, N)."""
    total: FloatArray = shares[0] * lifts[:, 0]
    part = np.empty_like(total)
    for p in range(1, len(shares)):
        total += np.multiply(shares[p], lifts[:, p], out=part)
    return total


def invert(shares: FloatArray, markup: FloatArray, substitution: FloatArray) -> FloatArray:
    """Utility before price from choice shares at known log markups, V = ln P + (epsilon - 1) ln mu.

    Parameters
    ----------
    shares, markup : (..., N)
    substitution : (N,)
        epsilon.

    Returns
    -------
    (..., N)
        Minus infinity where nobody buys.

    References
    ----------
    Berry (1994) RAND J. Econ. 25; Head & Mayer (2014): CES demand is a logit in log price.
    """
    logs = np.log(shares, out=np.full_like(shares, -np.inf), where=shares > 0.0)
    return logs + (substitution - 1.0) * markup


def utility_into(out: FloatArray, before_price: FloatArray, markup: FloatArray, substitution: FloatArray) -> None:
    """Utility V - (epsilon - 1) ln mu at log markups, into `out`; all (..., N) but epsilon."""
    np.multiply(markup, 1.0 - substitution, out=out)
    np.add(out, before_price, out=out)
