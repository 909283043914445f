"""The static equilibrium: all spending chooses, and markups are at their fixed point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.axes import FloatArray
from sim.kernels.pricing import log_markup, share_slope

__all__ = ["StaticMarket", "StaticShares", "opening_premium", "static_equilibrium"]

_TINY, _ROUNDING = np.finfo(np.float64).tiny, np.finfo(np.float64).eps
_STEPS = 30
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
        sized = shares * ~self.atomistic[:, None, None]
        return log_markup(sized, self.substitution, share_slope(self.substitution, self.demand, self.conduct))

    def attraction(self, excess: FloatArray) -> FloatArray:
        """Attraction of home and partner offers (P, G, N) at log markups that exceed the base year's by `excess`."""
        out = excess * (1.0 - self.substitution)
        np.exp(out, out=out)
        out *= self.base
        return out


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
        Relaxed fixed-point steps; 25 reach 1e-12 on the shipped case, the others are for wider ones.

    Returns
    -------
    StaticShares

    References
    ----------
    Atkeson & Burstein (2008) AER 98, section I.
    """
    lifts = np.exp(owned), np.exp(partner)
    excess = np.zeros_like(market.base)
    start = market.log_markup(_segment_shares(market, market.base, reach, (np.ones_like(owned),) * 2))
    for _ in range(steps):
        segment = _segment_shares(market, market.attraction(excess), reach, lifts)
        excess += _RELAXATION * (market.log_markup(segment) - start - excess)
    attraction = market.attraction(excess)
    segment = _segment_shares(market, attraction, reach, lifts)
    reached, unreached = (_open_shares(market, attraction, lift) for lift in lifts)
    return StaticShares(reached, unreached, segment, start + excess)


def _segment_shares(
    market: StaticMarket, attraction: FloatArray, reach: FloatArray, lifts: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Shares of the whole segment (P, G, N): of the open part in reach, of the rest of it, and of the closed part."""
    domestic, open_part = market.domestic, market.open_part
    home = attraction[:domestic].sum(axis=0)
    inside, outside = (attraction[domestic:] * lift for lift in lifts)
    in_reach = open_part * reach / (home + inside.sum(axis=0))
    beyond = open_part * (1.0 - reach) / (home + outside.sum(axis=0))
    shares = np.empty_like(attraction)
    np.multiply(attraction[:domestic], in_reach + beyond + (1.0 - open_part) / home, out=shares[:domestic])
    np.add(inside * in_reach, outside * beyond, out=shares[domestic:])
    return shares


def _open_shares(market: StaticMarket, attraction: FloatArray, lift: FloatArray) -> FloatArray:
    """Choice shares (P, G, N) in a class that sees foreign offers lifted by a factor (F, G, N)."""
    shares = attraction.copy()
    shares[market.domestic :] *= lift
    return np.asarray(shares / shares.sum(axis=0))


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
    domestic, open_part = market.domestic, market.open_part
    weights = weights / weights.sum(axis=0)
    everywhere, none = np.ones_like(open_part), np.ones_like(market.base[domestic:])
    start = market.log_markup(_segment_shares(market, market.base, everywhere, (none, none)))
    excess, premium = np.zeros_like(start), np.zeros_like(target)
    goal = np.log(np.maximum(target, _TINY) / np.maximum(1.0 - target, _ROUNDING))
    shares = np.empty_like(excess)
    for _ in range(_PREMIUM_STEPS):
        attraction = market.attraction(excess)
        attraction[domestic:] *= np.exp(premium)
        home, abroad = attraction[:domestic].sum(axis=0), attraction[domestic:].sum(axis=0)
        in_open = open_part / (home + abroad)
        share = (weights * abroad / (home + abroad)).sum(axis=0)
        np.multiply(attraction[:domestic], in_open + (1.0 - open_part) / home, out=shares[:domestic])
        np.multiply(attraction[domestic:], in_open, out=shares[domestic:])
        premium = np.maximum(premium + goal - np.log(share / np.maximum(1.0 - share, _ROUNDING)), 0.0)
        excess += _RELAXATION * (market.log_markup(shares) - start - excess)
    return premium
