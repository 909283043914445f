"""Bertrand markups under CES demand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.axes import FloatArray

__all__ = ["base_class_share", "class_share", "home_share", "log_markup", "margin_gain", "price_into", "share_slope"]

_TINY = np.finfo(np.float64).tiny


def share_slope(substitution: FloatArray, demand: FloatArray, conduct: FloatArray) -> FloatArray:
    """How much a provider's perceived elasticity falls with its share: conduct x (epsilon - eta).

    Equation (12) of docs/model.md.
    """
    return np.asarray(conduct * (substitution - demand))


def class_share(shares: Sequence[FloatArray], spending: Sequence[FloatArray]) -> FloatArray:
    """A provider's share of the access classes of a segment, in the mean weighted by its own revenue.

    Equation (12) of docs/model.md.

    A provider sets one price for all classes c, of which it has the shares s_c. A rise of its price by one percent
    costs it (epsilon - 1) - (epsilon - eta) s_c percent of its revenue in class c, so that the elasticity which it
    perceives is epsilon - (epsilon - eta) A, where A = sum_c r_c s_c and r_c is class c's part of its revenue.

    Parameters
    ----------
    shares : sequence of (..., G, N)
        A provider's share of each class. Shares per unit of attraction give A per unit of attraction.
    spending : sequence of (G, N)
        All spending in each class, in the same order; any scale.

    Returns
    -------
    (..., G, N)
        Between the least and the largest of its shares; never below its share of the whole segment.

    References
    ----------
    Atkeson & Burstein (2008) AER 98, eqs. 7-8, is the case of one class.
    """
    if len(shares) == 1:
        return shares[0]
    revenue = [share * size for share, size in zip(shares, spending, strict=True)]
    total = revenue[0] + revenue[1]
    for part in revenue[2:]:
        total += part
    np.maximum(total, _TINY, out=total)
    for share, part in zip(shares, revenue, strict=True):
        part /= total  # 1 where all is in one class, so that the bits are those of one class alone
        part *= share
    mean = revenue[0]
    for part in revenue[1:]:
        mean += part
    return mean


def home_share(home: FloatArray, classes: Sequence[tuple[FloatArray, FloatArray]], closed: FloatArray) -> FloatArray:
    """`class_share` of a domestic provider per unit of its spending: all have the same proportions in every class.

    Parameters
    ----------
    home : (..., N)
        Spending with all domestic providers in all classes.
    classes : sequence of pairs of (..., N)
        Spending with all domestic providers, and with all, in each class that sees foreign offers.
    closed : (..., N)
        Spending in the class that sees none.

    Returns
    -------
    (..., N)
    """
    weighted = closed
    for ours, every in classes:
        part = ours / every
        part *= ours
        part += weighted
        weighted = part
    return np.asarray(weighted / (home * home))


def base_class_share(base: FloatArray, open_part: FloatArray, domestic: int) -> FloatArray:
    """`class_share` of every provider in the base year, where a segment has a closed and an open class.

    Equation (12) of docs/model.md.

    Parameters
    ----------
    base : (P, G, N)
        Choice shares in the open part; sum to 1 over providers.
    open_part : (G, N)
    domestic : int
        Number of domestic providers, the first of P. In the closed class they keep their proportions.

    Returns
    -------
    (P, G, N)
        For a foreign provider, its share of the open part.
    """
    closed = 1.0 / base[:domestic].sum(axis=0)
    shares = base.copy()
    shares[:domestic] *= class_share((np.ones_like(closed), closed), (open_part, 1.0 - open_part))
    return shares


def log_markup(shares: FloatArray, substitution: FloatArray, slope: FloatArray) -> FloatArray:
    """Log of price over marginal cost at given shares.

    Equation (12) of docs/model.md.

    Parameters
    ----------
    shares : (..., N)
        `class_share` of a provider over all its channels; 0 for a firm of no size.
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


def price_into(markup: FloatArray, margin: FloatArray, substitution: FloatArray, base_lerner: FloatArray) -> None:
    """Log markups and what they add to margins, in place.

    Equations (12) and (25) of docs/model.md.

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
    """What a unit of sales earns beyond the base year's, 1/mu_0 - 1/mu; (..., N).

    Equation (25) of docs/model.md.
    """
    return np.exp(-base_log_markup) - np.exp(-log_markup)
