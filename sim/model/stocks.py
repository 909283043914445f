"""The state of the market between periods, and what moves it in one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray
from sim.model.economy import Economy

__all__ = [
    "SPENDING",
    "Access",
    "ChannelLifts",
    "Earned",
    "Entrant",
    "Exits",
    "Period",
    "Purchases",
    "Sites",
    "Stocks",
    "opening_stocks",
]


class Earned(NamedTuple):
    """What markups other than the base year's add to profits in a period, bn/yr.

    Attributes
    ----------
    home : (N,)
        To those of all domestic providers.
    abroad, owned, served : (F, N)
        To those of each foreign provider, and the part of it on own sites and from abroad.
    """

    home: FloatArray
    abroad: FloatArray
    owned: FloatArray
    served: FloatArray


@dataclass
class Stocks:
    """Spending that is with a provider already, bn/yr, and the consumer gain that it carries.

    Attributes
    ----------
    held : (P, G, N)
        With domestic providers, and with foreign ones' partners outside the reach of owned sites.
    inside, owned : (F, G, N)
        With foreign providers' partners within reach of owned sites, and on owned sites.
    home_closed, home_inside : (G, N)
        With all domestic providers in the closed part, and within reach of owned sites.
    gain_home : (G, N)
    gain_outside, gain_inside, gain_owned : (F, G, N)
        Consumer gain carried by these customers, bn/yr.
    utility : (P, G, N)
        As in `Economy`; of providers that arrive later it is set on their arrival. Not to be written to without.
    markup, before : (R, G, N)
        Log markup of the providers of some size, in this period and in the one before.
    margin : (R, G, N)
        What a unit of their sales earns in this period beyond the base year's, as a part of it.
    earned : Earned
        What that came to in the period before.
    by_layer : (P, L, N)
        Spending by provider over all channels at the end of the period before, bn/yr.
    owned_by_layer : (F, L, N)
        The part of it on owned sites.
    abroad : (F, G, N)
        The part of what is with partners, inside and outside of reach, that is served from abroad instead.
    quality : (L, N)
        Log of domestic quality, 0 in the base year.
    capacity : (F, N)
        Of owned sites, bn/yr.
    growth : (F, N)
        Smoothed net change of use that each site plans with, bn/yr a year.
    wanted, bought : (H + T + 1, F, N)
        Capacity that a site wants in each period, what arrived in it; 0 in those to come, and in one beyond the last.
    in_use : Stocks or None
        What customers have bought and use, as if it were spent each year, of which `SPENDING` alone counts; None where
        demand recurs.
    history : int
        H, periods before the first of which these tell; 0 unless there are sites in the base year.
    reach_part : (G, N)
        Part of the open part within reach of owned sites.
    open_part, left_open : (G, N)
        Parts of the segment: open at all; what steps of the calendar leave open.
    sited : bool
        Whether a site has been live in any draw; before, `inside` and `owned` are empty.
    """

    held: FloatArray
    inside: FloatArray
    owned: FloatArray
    home_closed: FloatArray
    home_inside: FloatArray
    gain_home: FloatArray
    gain_outside: FloatArray
    gain_inside: FloatArray
    gain_owned: FloatArray
    utility: FloatArray
    markup: FloatArray
    before: FloatArray
    margin: FloatArray
    earned: Earned
    by_layer: FloatArray
    owned_by_layer: FloatArray
    abroad: FloatArray
    quality: FloatArray
    capacity: FloatArray
    growth: FloatArray
    wanted: FloatArray
    bought: FloatArray
    reach_part: FloatArray
    open_part: FloatArray
    left_open: FloatArray
    sited: bool = False
    history: int = 0
    in_use: Stocks | None = None

    def spending(self, domestic: int) -> FloatArray:
        """Spending by provider over all channels, (P, G, N), not to be written to."""
        if not self.sited:
            return self.held
        total = self.held.copy()
        total[domestic:] += self.inside
        total[domestic:] += self.owned
        return total

    def with_own_spending(self) -> Stocks:
        """The same with copies of what `SPENDING` names."""
        return replace(self, **{name: getattr(self, name).copy() for name in SPENDING})

    @property
    def reach(self) -> FloatArray:
        """Part of each segment within reach of owned sites, (G, N)."""
        return self.open_part * self.reach_part

    def gain(self) -> FloatArray:
        """Consumer gain carried by all customers, (G, N)."""
        foreign = self.gain_outside
        if self.sited:
            foreign = foreign + self.gain_inside + self.gain_owned
        return np.asarray(self.gain_home + foreign.sum(axis=0))


SPENDING: Final = (
    *("held", "inside", "owned", "abroad", "home_closed", "home_inside"),
    *("gain_home", "gain_outside", "gain_inside", "gain_owned"),
)
"""Stocks of spending with providers, and of the gain that it carries."""


def opening_stocks(economy: Economy, last_size: FloatArray, periods: int) -> Stocks:
    """The state at the end of the base year, from layer sizes (L, N) of its last period."""
    size = last_size[economy.layer_of] * economy.weights
    groups = (economy.foreign, *size.shape)
    return Stocks(
        held=economy.shares * size,
        inside=np.zeros(groups),
        owned=np.zeros(groups),
        home_closed=economy.base_closed * size,
        home_inside=np.zeros_like(size),
        gain_home=np.zeros_like(size),
        gain_outside=np.zeros(groups),
        gain_inside=np.zeros(groups),
        gain_owned=np.zeros(groups),
        utility=economy.utility,
        markup=economy.log_markup[~economy.fringe],
        before=economy.log_markup[~economy.fringe],
        margin=np.zeros_like(economy.base_lerner),
        earned=Earned(*(np.zeros((*rows, economy.draws)) for rows in ((), *[(economy.foreign,)] * 3))),
        by_layer=economy.layer_shares * last_size,
        owned_by_layer=np.zeros((economy.foreign, *last_size.shape)),
        abroad=np.zeros(groups),
        quality=np.zeros_like(last_size),
        capacity=np.zeros((economy.foreign, economy.draws)),
        growth=np.zeros((economy.foreign, economy.draws)),
        wanted=np.zeros((periods + 1, economy.foreign, economy.draws)),
        bought=np.zeros((periods + 1, economy.foreign, economy.draws)),
        reach_part=np.zeros_like(size),
        open_part=economy.open_part.copy(),
        left_open=economy.open_part,
    )


class ChannelLifts(NamedTuple):
    """What channels add to the utility of foreign providers in one period.

    Attributes
    ----------
    rest : (L, N), (F, L, N) or None
        To what customers see who see no own site, beyond the base year's; None where there is nothing.
    lead : (F, L, N)
        What the offer of an own site has over that.
    abroad_part : (F, L, N) or None
        Part of what is sold without own sites that is served from abroad; None without such a channel.
    """

    rest: FloatArray | None
    lead: FloatArray
    abroad_part: FloatArray | None = None


class Access(NamedTuple):
    """What the regime allows in one period.

    Attributes
    ----------
    reach_part : (G, N)
        Part of the open part that owned sites may serve.
    channels : ChannelLifts
    cap : (N,)
        Most that all owned sites may serve, bn/yr; infinite without a cap.
    takes_migrants : (N,) bool
    closes, evicts : (G, N) or None
        Part of the segment that closes in this period, less what opens; part whose customers of foreign providers
        must leave.
    spillover : (N,)
        Multiple of technology spillover.
    raises : (L, N) or None
        What steps add to the log of domestic quality in this period.
    """

    reach_part: FloatArray
    channels: ChannelLifts
    cap: FloatArray
    takes_migrants: BoolArray
    closes: FloatArray | None
    evicts: FloatArray | None
    spillover: FloatArray
    raises: FloatArray | None = None


class Sites(NamedTuple):
    """Owned sites in one period.

    Attributes
    ----------
    live, selling, transfer : (F, N) bool
        Runs; takes new business; is handed to a local operator in this period.
    part : (F, N)
        Part of the provider's business that has sites.
    first : (F, N) bool
        The site is launched in this window.
    live_years, selling_years : (F, N)
        Years of this window since launch, and those in which it takes new business.
    order : (F, N)
        Providers in the order of their launch.
    lead : (N,) int
        Whole periods from an order of capacity to its arrival.
    late : (N,)
        Part of an order that arrives a period later.
    life : (N,) int
        Periods from arrival to retirement.
    """

    live: BoolArray
    selling: BoolArray
    transfer: BoolArray
    part: FloatArray
    first: BoolArray
    live_years: FloatArray
    selling_years: FloatArray
    order: IntArray
    lead: IntArray
    late: FloatArray
    life: IntArray


class Entrant(NamedTuple):
    """A provider that is not there in the base year, in one period.

    Attributes
    ----------
    row : int
        Its place in P.
    odds : (G, N)
        Odds of new choices against all others when it arrives.
    arrives : (N,) bool
        It arrives in this window.
    date : (N,)
        On which day; infinite where it never does.
    weight : (N,)
        Part of the window in which it is there, times what makes up for the direction of its luck.
    """

    row: int
    odds: FloatArray
    arrives: BoolArray
    date: FloatArray
    weight: FloatArray


class Exits(NamedTuple):
    """Who has left the market.

    Attributes
    ----------
    gone : (P, N) bool
        By the end of the window.
    present : (P, N)
        Part of the window in which each provider is there; where demand recurs, none of that in which it leaves.
    """

    gone: BoolArray
    present: FloatArray


class Purchases(NamedTuple):
    """How customers buy again.

    Attributes
    ----------
    loyalty : (N,)
        Part of purchases that follow what is in use.
    renewed : (N,)
        Part of what is in use that the purchases of a period replace.
    """

    loyalty: FloatArray
    renewed: FloatArray


class Period(NamedTuple):
    """What moves the market in one period.

    Attributes
    ----------
    number : int
        Counted from 0.
    step : float
        Years per period.
    captive, contestable : (G, N)
        What becomes of a captive unit of spending, or how much what is in use grows; spending that chooses, bn/yr.
    rivalry : (P, N)
        Change of each provider's utility since the base year, by luck and by what has jumped.
    offset : (P, G, N or 1)
        The same by what takes the direction from luck.
    home_scale, abroad_scale : (L, N)
        What the shocks of a whole group multiply its attraction by: those of its rivals together by nothing, those
        to all foreign providers against domestic ones by their exponential.
    catch_up_luck : (N,)
        What luck adds to the rate at which domestic quality catches up, its mean over the period.
    access : Access
    sites : Sites
    entrants : tuple of Entrant
    purchases : Purchases or None
        None where demand recurs.
    exits : Exits or None
        None where nobody has left.
    """

    number: int
    step: float
    captive: FloatArray
    contestable: FloatArray
    rivalry: FloatArray
    offset: FloatArray
    home_scale: FloatArray
    abroad_scale: FloatArray
    catch_up_luck: FloatArray
    access: Access
    sites: Sites
    entrants: tuple[Entrant, ...] = ()
    purchases: Purchases | None = None
    exits: Exits | None = None
