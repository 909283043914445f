"""Choice among offers: what attracts, and how much of it."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["group_scale", "invert", "utility_into"]

_TINY = np.finfo(np.float64).tiny


def group_scale(shares: FloatArray, lifts: FloatArray, lasting: FloatArray) -> FloatArray:
    """What brings a group of providers back to its total attraction after rivals' shocks.

    Parameters
    ----------
    shares : (P, L, N)
        Shares of the base year of the providers of the group. In all segments of a layer they have the same
        proportions, so that the scale is one for the layer.
    lifts : (T, P, N)
        Exponential of the change of each one's utility since the base year that all layers share.
    lasting : (T, P, L, N or 1)
        The same of what each layer has for its own.

    Returns
    -------
    (T, L, N)
        No outcome enters, so that the scale is the same under every regime.
    """
    lifted = np.zeros((len(lifts), *shares.shape[1:]))
    for layer in range(shares.shape[1]):
        np.einsum("pn,tpn->tn", shares[:, layer], lifts * lasting[:, :, layer], out=lifted[:, layer])
    return np.asarray(np.divide(shares.sum(axis=0), np.maximum(lifted, _TINY, out=lifted), out=lifted))


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


def utility_into(out: FloatArray, before_price: FloatArray, markup: FloatArray, excess: FloatArray) -> None:
    """Utility V - (epsilon - 1) ln mu at log markups (..., N), into `out`; `excess` is epsilon - 1."""
    np.multiply(markup, excess, out=out)
    np.subtract(before_price, out, out=out)
