"""Bertrand markups under CES demand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.axes import FloatArray

_TINY = np.finfo(np.float64).tiny

__all__ = ["class_share", "log_markup", "margin_gain", "price_into", "share_slope"]


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
    less = substitution - 1.0 - shares * slope
    return np.asarray(np.log(1.0 / less + 1.0))


def class_share(spending: Sequence[FloatArray], totals: Sequence[FloatArray]) -> FloatArray:
    """Share that counts for the one price of a provider: its mean over access classes, weighted by its sales there.

    Parameters
    ----------
    spending : sequence of (..., N)
        With the provider (or with the domestic ones together) in each class, USD bn/yr.
    totals : sequence of (..., N)
        With all providers in each class.

    Returns
    -------
    (..., N)
        sum of spending^2 / total over classes, by the sum of spending; of those together, each has its part of it.
    """
    if len(spending) == 1:
        return np.asarray(spending[0] / np.maximum(totals[0], _TINY))
    squares = sum(part * (part / np.maximum(total, _TINY)) for part, total in zip(spending, totals, strict=True))
    return np.asarray(squares / np.maximum(sum(spending), _TINY))


def price_into(markup: FloatArray, margin: FloatArray, substitution: FloatArray, base_lerner: FloatArray) -> None:
    """Log markups and what they add to margins, in place.

    Parameters
    ----------
    markup : (..., N)
        Share x slope; becomes ln mu.
    margin : (..., N)
        Becomes what a unit of sales earns beyond the base year's, 1/mu_0 - 1/mu.
    substitution : (..., N)
        epsilon.
    base_lerner : (..., N)
        1 - 1/mu_0, which is one over the perceived elasticity of the base year.
    """
    np.subtract(substitution, markup, out=markup)
    np.divide(1.0, markup, out=margin)
    np.subtract(1.0, margin, out=markup)
    np.log(markup, out=markup)
    np.negative(markup, out=markup)
    np.subtract(margin, base_lerner, out=margin)


def margin_gain(log_markup: FloatArray, base_log_markup: FloatArray) -> FloatArray:
    """What a unit of sales earns beyond the base year's, 1/mu_0 - 1/mu; (..., N)."""
    return np.exp(-base_log_markup) - np.exp(-log_markup)
