"""Choice among offers: what attracts, and how much of it."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = ["attraction_into", "group_scales"]


def group_scales(base: FloatArray, weights: FloatArray, domestic: int) -> tuple[FloatArray, FloatArray]:
    """What brings each group back to its total attraction after rivals' shocks.

    Parameters
    ----------
    base : (P, G, N)
        Choice shares in the open part in the base year.
    weights : (P, G, N)
        The same times exp(shock) of each provider.
    domestic : int
        Number of domestic providers.

    Returns
    -------
    domestic, foreign : (G, N)
        No outcome enters, so that the factors are the same under every regime.
    """
    home, abroad = (
        base[group].sum(axis=0) / np.maximum(weights[group].sum(axis=0), np.finfo(np.float64).tiny)
        for group in (slice(0, domestic), slice(domestic, None))
    )
    return home, abroad


def attraction_into(out: FloatArray, weights: FloatArray, excess: FloatArray, substitution: FloatArray) -> None:
    """Attraction of offers, weights x exp(-(epsilon - 1) x excess), into `out`.

    Parameters
    ----------
    out, weights, excess : (P, G, N)
        `weights` at base-year markups; `excess` is the log markup less that of the base year.
    substitution : (N,)
        epsilon.

    References
    ----------
    Berry (1994) RAND J. Econ. 25; Head & Mayer (2014): CES demand is a logit in log price.
    """
    np.multiply(excess, 1.0 - substitution, out=out)
    np.exp(out, out=out)
    np.multiply(out, weights, out=out)
