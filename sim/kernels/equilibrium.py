"""The static equilibrium: all spending chooses, and markups are at their fixed point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.axes import FloatArray, runs
from sim.kernels.choice import invert, utility_into
from sim.kernels.pricing import base_class_share, class_share, log_markup, share_slope

__all__ = ["MOST_PREMIUM", "StaticMarket", "StaticShares", "opening_premium", "regime_premium", "static_equilibrium"]

_STEPS = 24
_PREMIUM_STEPS = 36
_SECANT = 1e-4
_LONGEST = 2.0
MOST_PREMIUM = 60.0
"""Utility; beyond it the bisection does not look."""
_ODDS_STEPS = 3
"""Steps are fixed so that no draw waits for another."""

_TINY, _ROUNDING = np.finfo(np.float64).tiny, np.finfo(np.float64).eps
"""Stand in for a target of nothing, whose premium is 0, and for what a target of all leaves."""


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

    @cached_property
    def sized(self) -> tuple[tuple[slice, slice], ...]:
        """Runs of providers of some size: where they stand in R and in P; domestic and foreign ones apart."""
        return runs(~self.atomistic, self.domestic)

    @cached_property
    def excess(self) -> FloatArray:
        """epsilon - 1, (N,)."""
        return self.substitution - 1.0

    @cached_property
    def slope(self) -> FloatArray:
        """How much perceived elasticity falls with a provider's share, (N,)."""
        return share_slope(self.substitution, self.demand, self.conduct)

    @cached_property
    def start(self) -> FloatArray:
        """Log markups of the base year, (R, G, N)."""
        shares = base_class_share(self.base, self.open_part, self.domestic)
        return log_markup(shares[~self.atomistic], self.substitution, self.slope)

    @cached_property
    def utility(self) -> FloatArray:
        """Base-year choice shares inverted at these markups, (R, G, N)."""
        return invert(self.base[~self.atomistic], self.start, self.substitution)

    def attract(self, out: FloatArray, markup: FloatArray) -> None:
        """Attraction of home and partner offers at log markups (R, G, N), into `out` (P, G, N); fringes keep theirs."""
        for own, rows in self.sized:
            utility_into(out[rows], self.utility[own], markup[own], self.excess)
            np.exp(out[rows], out=out[rows])

    def answer(self, markup: FloatArray, attraction: FloatArray, home: FloatArray, abroad: FloatArray) -> None:
        """Move log markups one best response nearer to their fixed point, in place.

        The plain fixed point overshoots, and near monopoly without end: what a provider adds to its markup costs it
        share, which lowers the markup that it wants. So each takes the Newton step of its own first-order condition,
        with dA/d ln mu = -(epsilon - 1) A (1 - A). With several classes it is -(epsilon - 1) (A + A^2 - 2 sum_c r s^2),
        and as the last sum is at least A^2, the step is at most that of Newton: never too long.
        Prices are strategic complements, so that such answers come to the equilibrium.

        Parameters
        ----------
        markup : (R, G, N)
        attraction : (P, G, N)
            Of home and partner offers at these markups.
        home, abroad : (G, N), (F, G, N)
            `class_share` per unit of attraction of domestic and of foreign offers.

        References
        ----------
        Vives (1990) J. Math. Econ. 19, on best responses in games of strategic complements.
        """
        for own, rows in self.sized:
            is_home = rows.stop <= self.domestic
            share = attraction[rows] * (
                home if is_home else abroad[rows.start - self.domestic : rows.stop - self.domestic]
            )
            pull = share * self.slope
            elasticity = self.substitution - pull
            less = elasticity - 1.0
            weight = elasticity * less  # (wanted - markup) weight / (weight + pull (1 - share) excess), in place
            wanted = np.log(np.divide(elasticity, less, out=less), out=less)
            wanted -= markup[own]
            pull *= np.subtract(1.0, share, out=share)
            pull *= self.excess
            pull += weight
            weight /= pull
            wanted *= weight
            markup[own] += wanted


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

    Equation (4) of docs/model.md.

    A segment has three access classes: in reach of owned sites, the rest of the open part, and the closed part, in
    which domestic offers keep their proportions. What is spent in each is given.

    Parameters
    ----------
    market : StaticMarket
    reach : (G, N)
        Part of the open part in which owned offers are seen.
    owned, partner : (F, G, N)
        Utility added to each foreign provider's offer inside and outside that part.
    steps : int
        Best responses; 24 reach rounding on the shipped case, and 1e-8 where a provider is near monopoly.

    Returns
    -------
    StaticShares

    References
    ----------
    Atkeson & Burstein (2008) AER 98, section I.
    """
    lifts = np.exp(owned), np.exp(partner)
    spending = market.open_part * reach, market.open_part * (1.0 - reach), 1.0 - market.open_part
    markup, attraction = market.start.copy(), market.base.copy()
    for _ in range(steps):
        market.attract(attraction, markup)
        units = _shares_of_a_unit(market, attraction, lifts)
        abroad = class_share([lift * unit for lift, unit in zip(lifts, units[:2], strict=True)], spending[:2])
        market.answer(markup, attraction, class_share(units, spending), abroad)
    market.attract(attraction, markup)
    reached, unreached = (_open_shares(market, attraction, lift) for lift in lifts)
    return StaticShares(reached, unreached, _segment(market, reached, unreached, spending), _of_all(market, markup))


def _of_all(market: StaticMarket, markup: FloatArray) -> FloatArray:
    """Log markups of all providers (P, G, N): those of no size have that of no share."""
    smallest = log_markup(np.zeros_like(market.substitution), market.substitution, market.slope)
    found = np.tile(smallest, (*market.base.shape[:-1], 1))
    found[~market.atomistic] = markup
    return found


def _shares_of_a_unit(
    market: StaticMarket, attraction: FloatArray, lifts: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Choice share (G, N) that a unit of attraction has of the reached, the unreached and the closed class."""
    home, abroad = attraction[: market.domestic].sum(axis=0), attraction[market.domestic :]
    inside, outside = (home + (abroad * lift).sum(axis=0) for lift in lifts)
    return 1.0 / inside, 1.0 / outside, 1.0 / home


def _segment(
    market: StaticMarket,
    reached: FloatArray,
    unreached: FloatArray,
    spending: tuple[FloatArray, FloatArray, FloatArray],
) -> FloatArray:
    """Shares of the whole segment (P, G, N); in the closed class domestic offers keep their proportions."""
    shares = reached * spending[0] + unreached * spending[1]
    home = reached[: market.domestic]
    shares[: market.domestic] += home * (spending[2] / home.sum(axis=0))
    return np.asarray(shares)


def _open_shares(market: StaticMarket, attraction: FloatArray, lift: FloatArray) -> FloatArray:
    """Choice shares (P, G, N) in a class that sees foreign offers lifted by a factor (F, G, N)."""
    shares = attraction.copy()
    shares[market.domestic :] *= lift
    return np.asarray(shares / shares.sum(axis=0))


def opening_premium(
    market: StaticMarket, weights: FloatArray, target: FloatArray, least: FloatArray | float = 0.0
) -> FloatArray:
    """The utility which, added to every foreign offer in the open part, gives a target share.

    Equation (4) of docs/model.md.

    All of the open part is in reach and markups are in static equilibrium. In each step the premium reaches the
    target at the markups of the day, and then the markups answer.

    Parameters
    ----------
    market : StaticMarket
    weights : (G, N)
        Spending in the open part of each segment; any scale.
    target : (N,)
        Share of all foreign providers in the open part, below 1. Where it is under today's, the premium is 0.
    least : (N,) or number
        The least premium, if it may be less than 0: then foreign offers may lose what they have today.

    Returns
    -------
    (N,)
        At least `least`; 0 where nobody foreign is there, on whom it could work.
    """
    if not market.base[market.domestic :].any():
        return np.zeros_like(target)
    domestic, open_part, closed_part = market.domestic, market.open_part, 1.0 - market.open_part
    weights = weights / weights.sum(axis=0)
    markup, attraction, premium = market.start.copy(), market.base.copy(), np.zeros_like(target)
    goal = _odds(target)
    for _ in range(_PREMIUM_STEPS):
        market.attract(attraction, markup)
        home, abroad = attraction[:domestic].sum(axis=0), attraction[domestic:].sum(axis=0)
        premium = _moved_to(goal, premium, least, weights, abroad / home)
        lift = np.exp(premium)
        in_open, in_closed = 1.0 / (home + lift * abroad), 1.0 / home
        foreign = np.broadcast_to(in_open * lift, market.base[domestic:].shape)
        market.answer(markup, attraction, class_share((in_open, in_closed), (open_part, closed_part)), foreign)
    return premium


def _moved_to(
    goal: FloatArray, premium: FloatArray, least: FloatArray | float, weights: FloatArray, odds: FloatArray
) -> FloatArray:
    """The premium (N,) moved until log-odds of the foreign share are near `goal`; `odds` (G, N) are those without it.

    Log-odds of a mean rise by less than its parts' do, so that no step overshoots.
    """
    for _ in range(_ODDS_STEPS):
        lifted = odds * np.exp(premium)
        home = weights / (1.0 + lifted)
        premium = np.maximum(premium + goal - np.log((home * lifted).sum(axis=0) / home.sum(axis=0)), least)
    return premium


def regime_premium(
    market: StaticMarket,
    weights: FloatArray,
    target: FloatArray,
    lift: Callable[[FloatArray], FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """The premium under which a regime gives all foreign providers a target share.

    Equation (32) of docs/model.md.

    All spending of the open part chooses and markups are in static equilibrium. The share must rise or fall with the
    premium throughout, as it does where the regime gives every foreign provider more control than the base year's or
    every one less. In each step log-odds take the step of a secant at the markups of the day, and then these answer.

    Parameters
    ----------
    market : StaticMarket
    weights : (G, N)
        Spending in the open part of each segment; any scale.
    target : (N,)
        Share of all foreign providers in the open part.
    lift : callable
        From premia (N,) to the utility (F, G, N) that the regime adds to foreign offers of the base year.

    Returns
    -------
    premium, gap : (N,)
        The former between 0, where even that is too far, and `MOST_PREMIUM`, where nothing is far enough; the latter
        is by how much the share is above the target then. Both are 0 where nobody foreign is there.
    """
    if not market.base[market.domestic :].any():
        return np.zeros_like(target), np.zeros_like(target)
    domestic, open_part, closed_part = market.domestic, market.open_part, 1.0 - market.open_part
    weights = weights / weights.sum(axis=0)
    markup, attraction, premium = market.start.copy(), market.base.copy(), np.zeros_like(target)
    goal = _odds(target)
    for _ in range(_PREMIUM_STEPS):
        market.attract(attraction, markup)
        home, abroad = attraction[:domestic].sum(axis=0), attraction[domestic:]
        here, there = (_odds(_lifted(home, abroad, lift(at), weights)) for at in (premium, premium + _SECANT))
        step = (goal - here) * _SECANT / np.where(there == here, _TINY, there - here)
        premium = np.clip(premium + np.clip(step, -_LONGEST, _LONGEST), 0.0, MOST_PREMIUM)
        factor = np.exp(lift(premium))
        in_open, in_closed = 1.0 / (home + (factor * abroad).sum(axis=0)), 1.0 / home
        foreign = in_open * factor
        market.answer(markup, attraction, class_share((in_open, in_closed), (open_part, closed_part)), foreign)
    market.attract(attraction, markup)
    home, abroad = attraction[:domestic].sum(axis=0), attraction[domestic:]
    return premium, _lifted(home, abroad, lift(premium), weights) - target


def _lifted(home: FloatArray, abroad: FloatArray, lift: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of all foreign offers, (N,), from attractions of domestic ones (G, N) and of each foreign one (F, G, N)."""
    foreign = (abroad * np.exp(lift)).sum(axis=0)
    return np.asarray((weights * (foreign / (home + foreign))).sum(axis=0))


def _odds(share: FloatArray) -> FloatArray:
    """Log-odds of a share, of none and of all finite."""
    return np.asarray(np.log(np.maximum(share, _TINY) / np.maximum(1.0 - share, _ROUNDING)))
