"""The static equilibrium: all spending chooses, and markups are at their fixed point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.axes import FloatArray
from sim.kernels.pricing import log_markup, share_slope

__all__ = ["StaticMarket", "StaticShares", "opening_premium", "static_equilibrium"]

_STEPS = 25
_PREMIUM_STEPS = 50
_RELAXATION = 0.7
"""The plain fixed point overshoots, because a rival's lower markup takes share: on the shipped case its error falls
by a fifth per step, with this relaxation by more than two thirds. Steps are fixed so that no draw waits for another.
"""


@dataclass(frozen=True)
class StaticMarket:
    """Segments as they were in the base year.

    Attributes
    ----------
    base : (P, G, N)
        Choice shares in the open part.
    open_part : (G, N)
    domestic : int
        Number of domestic providers, the first of P.
    atomistic : (P,) bool
        Providers that price as if of no size.
    substitution, demand, conduct : (N,)
        epsilon, eta, and conduct between 0 and 1.
    """

    base: FloatArray
    open_part: FloatArray
    domestic: int
    atomistic: np.ndarray[tuple[int], np.dtype[np.bool_]]
    substitution: FloatArray
    demand: FloatArray
    conduct: FloatArray

    def log_markup(self, shares: FloatArray) -> FloatArray:
        """Log markups (P, G, N) at shares (P, G, N) of the segment."""
        sized = np.where(self.atomistic[:, None, None], 0.0, shares)
        return log_markup(sized, self.substitution, share_slope(self.substitution, self.demand, self.conduct))

    def segment_shares(self, reached: FloatArray, unreached: FloatArray, reach: FloatArray) -> FloatArray:
        """Shares of the segment (P, G, N) from those of the two open classes and the part in reach (G, N)."""
        closed = unreached[: self.domestic] / unreached[: self.domestic].sum(axis=0)
        shares = self.open_part * (reach * reached + (1.0 - reach) * unreached)
        shares[: self.domestic] += (1.0 - self.open_part) * closed
        return np.asarray(shares)


@dataclass(frozen=True)
class StaticShares:
    """Choice shares in the classes of a static equilibrium.

    Attributes
    ----------
    reached, unreached : (P, G, N)
        In the part that owned sites may serve, and in the rest of the open part.
    segment : (P, G, N)
        Of the whole segment, its closed part included.
    log_markup : (P, G, N)
    """

    reached: FloatArray
    unreached: FloatArray
    segment: FloatArray
    log_markup: FloatArray


def _shares(market: StaticMarket, boost: FloatArray, excess: FloatArray) -> FloatArray:
    """Choice shares when foreign utility rises by `boost` (F, G, N) and log markups by `excess` (P, G, N)."""
    attraction = market.base * np.exp(-(market.substitution - 1.0) * excess)
    attraction[market.domestic :] *= np.exp(boost)
    return np.asarray(attraction / attraction.sum(axis=0))


def static_equilibrium(
    market: StaticMarket, reach: FloatArray, owned: FloatArray, partner: FloatArray, *, steps: int = _STEPS
) -> StaticShares:
    """Shares and markups when everybody chooses.

    Parameters
    ----------
    market : StaticMarket
    reach : (G, N)
        Part of the open part in which owned offers are seen.
    owned, partner : (F, G, N)
        Utility added to each foreign provider's offer inside and outside that part.
    steps : int
        Relaxed fixed-point steps; 25 reach 1e-12 on the shipped case.

    Returns
    -------
    StaticShares

    References
    ----------
    Atkeson & Burstein (2008) AER 98, section I.
    """
    start = market.log_markup(market.segment_shares(market.base, market.base, np.zeros_like(reach)))
    excess = np.zeros_like(start)
    for _ in range(steps):
        reached, unreached = _shares(market, owned, excess), _shares(market, partner, excess)
        segment = market.segment_shares(reached, unreached, reach)
        excess = excess + _RELAXATION * (market.log_markup(segment) - start - excess)
    reached, unreached = _shares(market, owned, excess), _shares(market, partner, excess)
    return StaticShares(reached, unreached, market.segment_shares(reached, unreached, reach), start + excess)


def opening_premium(market: StaticMarket, weights: FloatArray, target: FloatArray) -> FloatArray:
    """The utility which, added to every foreign offer in the open part, gives a target share.

    All of the open part is in reach and markups are in static equilibrium. The premium is moved by the
    log-odds error while the markups move to their fixed point.

    Parameters
    ----------
    market : StaticMarket
    weights : (G, N)
        Spending in the open part of each segment; any scale.
    target : (N,)
        Share of all foreign providers in the open part, below 1. Where it is under today's, the premium is 0.

    Returns
    -------
    (N,)
        At least 0.
    """
    weights = weights / weights.sum(axis=0)
    everywhere = np.ones_like(market.open_part)
    start = market.log_markup(market.segment_shares(market.base, market.base, everywhere))
    excess = np.zeros_like(start)
    premium = np.zeros_like(target)
    goal = np.log(target / (1.0 - target))
    for _ in range(_PREMIUM_STEPS):
        shares = _shares(market, premium, excess)
        share = (weights * shares[market.domestic :].sum(axis=0)).sum(axis=0)
        premium = np.maximum(premium + goal - np.log(share / (1.0 - share)), 0.0)
        segment = market.segment_shares(shares, shares, everywhere)
        excess = excess + _RELAXATION * (market.log_markup(segment) - start - excess)
    return premium
