"""The state of the market between periods, and what moves it in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray
from sim.model.economy import Economy

__all__ = ["Access", "Period", "Sites", "Stocks", "opening_stocks"]


@dataclass
class Stocks:
    """Spending that is with a provider already, USD bn/yr, and the consumer gain that it carries.

    Attributes
    ----------
    held : (P, G, N)
        With domestic providers, and with foreign ones' partners outside the reach of owned sites.
    inside, owned : (F, G, N)
        With foreign providers' partners within reach of owned sites, and on owned sites.
    gain_home : (G, N)
    gain_outside, gain_inside, gain_owned : (F, G, N)
        Consumer gain carried by these customers, USD bn/yr.
    markup, before : (R, G, N)
        Log markup of the providers of some size, in this period and in the one before.
    by_layer : (P, L, N)
        Spending by provider over all channels at the end of the period before, USD bn/yr.
    owned_by_layer : (F, L, N)
        The part of it on owned sites.
    quality : (L, N)
        Log of domestic quality, 0 in the base year.
    partner_unlock : (N,)
    owned_unlock : (F, N)
        Part of the premium that has arrived in each channel.
    partner_target, owned_target : (N,)
        Part of the premium that the regime of the period before brings in the long run.
    capacity : (F, N)
        Of owned sites, USD bn/yr.
    orders, bought : (T, F, N)
        Use that a site planned for in each period; capacity that arrived in it.
    reach, open_part, left_open : (G, N)
        Parts of the segment: within reach of owned sites; open at all; what steps of the calendar leave open.
    sited : bool
        Whether a site has been live in any draw; before, `inside` and `owned` are empty.
    partnered : bool
        Whether a regime has brought partners a part of the premium in any draw; before, `partner_unlock` is 0.
    """

    held: FloatArray
    inside: FloatArray
    owned: FloatArray
    gain_home: FloatArray
    gain_outside: FloatArray
    gain_inside: FloatArray
    gain_owned: FloatArray
    markup: FloatArray
    before: FloatArray
    by_layer: FloatArray
    owned_by_layer: FloatArray
    quality: FloatArray
    partner_unlock: FloatArray
    owned_unlock: FloatArray
    partner_target: FloatArray
    owned_target: FloatArray
    capacity: FloatArray
    orders: FloatArray
    bought: FloatArray
    reach: FloatArray
    open_part: FloatArray
    left_open: FloatArray
    sited: bool = False
    partnered: bool = False

    def spending(self, domestic: int) -> FloatArray:
        """Spending by provider over all channels, (P, G, N), not to be written to."""
        if not self.sited:
            return self.held
        total = self.held.copy()
        total[domestic:] += self.inside
        total[domestic:] += self.owned
        return total

    def gain(self) -> FloatArray:
        """Consumer gain carried by all customers, (G, N)."""
        foreign = self.gain_outside
        if self.sited:
            foreign = foreign + self.gain_inside + self.gain_owned
        return np.asarray(self.gain_home + foreign.sum(axis=0))


def opening_stocks(economy: Economy, last_size: FloatArray, periods: int) -> Stocks:
    """The state at the end of the base year, from layer sizes (L, N) of its last period."""
    size = last_size[economy.layer_of] * economy.weights
    groups = (economy.foreign, *size.shape)
    return Stocks(
        held=economy.shares * size,
        inside=np.zeros(groups),
        owned=np.zeros(groups),
        gain_home=np.zeros_like(size),
        gain_outside=np.zeros(groups),
        gain_inside=np.zeros(groups),
        gain_owned=np.zeros(groups),
        markup=economy.log_markup[~economy.fringe],
        before=economy.log_markup[~economy.fringe],
        by_layer=economy.layer_shares * last_size,
        owned_by_layer=np.zeros((economy.foreign, *last_size.shape)),
        quality=np.zeros_like(last_size),
        partner_unlock=np.zeros(economy.draws),
        owned_unlock=np.zeros((economy.foreign, economy.draws)),
        partner_target=np.zeros(economy.draws),
        owned_target=np.zeros(economy.draws),
        capacity=np.zeros((economy.foreign, economy.draws)),
        orders=np.zeros((periods, economy.foreign, economy.draws)),
        bought=np.zeros((periods, economy.foreign, economy.draws)),
        reach=np.zeros_like(size),
        open_part=economy.open_part.copy(),
        left_open=economy.open_part,
    )


class Access(NamedTuple):
    """What the regime allows in one period.

    Attributes
    ----------
    reach_part : (G, N)
        Part of the open part that owned sites may serve.
    partner_unlock, owned_unlock : (N,)
        Part of the premium that the regime brings in the long run.
    regime_years : (N,)
        Years of this period since the regime last changed.
    cap : (N,)
        Most that all owned sites may serve, USD bn/yr; infinite without a cap.
    takes_migrants : (N,) bool
    closes, evicts : (G, N) or None
        Part of the segment that closes in this period; part whose customers of foreign providers must leave.
    spillover : (N,)
        Multiple of technology spillover.
    """

    reach_part: FloatArray
    partner_unlock: FloatArray
    owned_unlock: FloatArray
    regime_years: FloatArray
    cap: FloatArray
    takes_migrants: BoolArray
    closes: FloatArray | None
    evicts: FloatArray | None
    spillover: FloatArray


class Sites(NamedTuple):
    """Owned sites in one period.

    Attributes
    ----------
    live, selling, transfer : (F, N) bool
        Runs; takes new business; is handed to a local operator in this period.
    live_years : (F, N)
        Years of this period since launch.
    order : (F, N)
        Providers in the order of their launch.
    lead, life : (N,) int
        Periods from an order of capacity to its arrival, and from there to its retirement.
    """

    live: BoolArray
    selling: BoolArray
    transfer: BoolArray
    live_years: FloatArray
    order: IntArray
    lead: IntArray
    life: IntArray


class Period(NamedTuple):
    """What moves the market in one period.

    Attributes
    ----------
    number : int
        Counted from 0.
    step : float
        Years per period.
    captive, contestable : (G, N)
        What becomes of a captive unit of spending; spending that chooses, USD bn/yr.
    rivalry : (P, N)
        Change of each provider's utility since the base year, by luck.
    offset : (P, G, N or 1)
        The same by what takes the direction from luck.
    home_scale, abroad_scale : (L, N)
        What the shocks of a whole group multiply its attraction by: those of its rivals together by nothing, those
        to all foreign providers against domestic ones by their exponential.
    access : Access
    sites : Sites
    """

    number: int
    step: float
    captive: FloatArray
    contestable: FloatArray
    rivalry: FloatArray
    offset: FloatArray
    home_scale: FloatArray
    abroad_scale: FloatArray
    access: Access
    sites: Sites
