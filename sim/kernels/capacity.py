"""Owned sites: what is ordered, what arrives, and who finds room."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray

__all__ = ["Intake", "Reach", "arriving", "first_come", "grant", "lags", "planned_growth", "rationed", "whole_periods"]

_TINY = np.finfo(np.float64).tiny
_DUST = 1e-9  # what is left of a cap below this part of what is used is rounding, and no room
_SMALL = 1e-200  # below any spending, and large enough to divide by
_MEMORY = 1.0  # years over which a provider smooths what it has seen
_INSTANT = 1e-9  # years; a launch at the very end of its window
_ROUNDING = 1e-9  # periods
_PASSES = 5  # each removes most of the excess; what is left goes to the provider's partner offer


def planned_growth(
    before: FloatArray, change: FloatArray, live_years: FloatArray, first: BoolArray, step: float
) -> FloatArray:
    """Growth of use that a provider plans with: what it has seen, smoothed over a year.

    Parameters
    ----------
    before : (F, N)
        Of the period before, USD bn/yr a year.
    change : (F, N)
        Net change of use in this period if nothing were short, USD bn/yr.
    live_years : (F, N)
        Years of this window since launch.
    first : (F, N) bool
        The window of the launch, in which there is nothing before.
    step : float
        Years per period.

    Returns
    -------
    (F, N)
    """
    smoothed = before - np.expm1(-step / _MEMORY) * (change / step - before)
    return np.where(first, change / np.maximum(live_years, _INSTANT), smoothed)


def whole_periods(years: FloatArray, step: float) -> IntArray:
    """Years (N,) in whole periods of `step` years, at least one."""
    return np.maximum(np.rint(years / step), 1.0).astype(np.int64)


def lags(years: FloatArray, step: float) -> tuple[IntArray, FloatArray]:
    """Years (N,) as whole periods, at least one, and the part of a further one."""
    periods = np.maximum(years / step, 1.0)
    whole = np.floor(periods + _ROUNDING)
    return whole.astype(np.int64), np.maximum(periods - whole, 0.0)


def arriving(orders: FloatArray, period: int, lead: IntArray) -> FloatArray:
    """What was wanted `lead` (N,) periods ago, from (T, F, N); 0 before the first. (F, N)."""
    then, row = period - lead, np.arange(orders[0].size).reshape(orders[0].shape)
    return np.where(then >= 0, orders.take(np.maximum(then, 0) * row.size + row), 0.0)


def first_come(launched: FloatArray, ties: FloatArray) -> IntArray:
    """Providers in the order of their launch: places in a flat array (F, N), from dates and tie-breakers (F, N)."""
    order, draws = np.lexsort((ties, launched), axis=0), launched.shape[-1]
    return np.asarray(order * draws + np.arange(draws))


def grant(capacity: FloatArray, wanted: FloatArray, cap: FloatArray, order: IntArray) -> FloatArray:
    """Capacity after this period's arrivals, as far as the zone's cap allows.

    Parameters
    ----------
    capacity, wanted : (F, N)
        Before, and what it would be without a cap; USD bn/yr.
    cap : (N,)
        Most that all providers may have together; infinite without a cap.
    order : (F, N)
        Places of the providers in the order in which they are served, as of `first_come`.

    Returns
    -------
    (F, N)
        Never below `capacity`.
    """
    more = np.maximum(wanted - capacity, 0.0)
    if np.isinf(cap).all():
        return np.asarray(capacity + more)
    used = capacity.sum(axis=0)
    free = np.where(cap - used > _DUST * used, cap - used, 0.0)
    served = more.take(order)
    for turn in served:
        np.minimum(turn, free, out=turn)
        free -= turn
    more.put(order, served)
    return np.asarray(capacity + more)


@dataclass
class Intake:
    """How new spending in reach divides when owned sites may be full.

    Attributes
    ----------
    owned, partner : (F, G, N)
        New spending on each provider's site and on its partner offer, USD bn/yr.
    home_rate : (G, N)
        New spending per unit of domestic attraction.
    lift : (G, N)
        Spending in the class over what it would be without owned offers.
    log_attraction : (G, N)
        Log of the total attraction that customers face.
    """

    owned: FloatArray
    partner: FloatArray
    home_rate: FloatArray
    lift: FloatArray
    log_attraction: FloatArray

    def put(self, draws: IntArray, other: Intake) -> None:
        """Take the numbers of another in some draws."""
        for name, array in vars(other).items():
            getattr(self, name)[..., draws] = array


@dataclass(frozen=True)
class Reach:
    """What customers within reach of owned sites choose from.

    Attributes
    ----------
    selling : (F, N)
        1 where a site takes new business, else 0.
    owned, partner : (F, G, N)
        Attraction of the owned and of the partner offers.
    home : (G, N)
        Total attraction of domestic offers.
    spending : (G, N)
        Contestable spending in reach, USD bn/yr.
    exponent : (N,)
        (eta - 1) / (epsilon - 1), with which spending follows total attraction.
    """

    selling: FloatArray
    owned: FloatArray
    partner: FloatArray
    home: FloatArray
    spending: FloatArray
    exponent: FloatArray

    def take(self, draws: IntArray) -> Reach:
        """The same of some draws."""
        # Contiguous, as the whole is.
        return Reach(*(getattr(self, field.name).take(draws, axis=-1) for field in fields(self)))

    @cached_property
    def log_without(self) -> FloatArray:
        """Log of total attraction without owned offers, (G, N)."""
        return np.asarray(np.log(self.home + self.partner.sum(axis=0)))

    def unconstrained(self, share: FloatArray) -> Intake:
        """New spending of a period if each site has room, and a part of the class, (F, N), may see each."""
        found = self.divide(self.selling)
        few = _at_least_two((share != self.selling).any(axis=0))
        if few.size:
            found.put(few, self.take(few).divide(share.take(few, axis=-1)))
        return found

    def divide(self, seen: FloatArray) -> Intake:
        """New spending when a part of the class, (F, N), sees each owned offer, and the rest the partner's."""
        owned, partner = self.owned * seen[:, None], self.partner * (1.0 - seen)[:, None]
        total = self.home + (owned + partner).sum(axis=0)
        log_attraction = np.log(total)
        lift = np.exp(self.exponent * (log_attraction - self.log_without))
        rate = self.spending * lift / total
        owned *= rate
        partner *= rate
        return Intake(owned, partner, rate, lift, log_attraction)


def rationed(reach: Reach, share: FloatArray, room: FloatArray, free: Intake) -> Intake:
    """Divide new spending in reach so that each site gets what fits its room.

    A part of the class sees a provider's site, such that its new spending there fits; the rest sees the
    partner offer. What is still too much after a few passes goes to the provider's partner offer.

    Parameters
    ----------
    reach : Reach
    share : (F, N)
        Most of the class that may see the site: 1, in the window of a launch what is left of it, 0 where it
        takes no new business.
    room : (F, N)
        USD bn/yr free on each site.
    free : Intake
        `reach.unconstrained(share)`; overwritten.

    Returns
    -------
    Intake
    """
    few = _at_least_two((free.owned.sum(axis=1) > room).any(axis=0))
    if few.size:
        free.put(few, _fitted(reach.take(few), share.take(few, axis=-1), room.take(few, axis=-1)))
    return free


def _at_least_two(chosen: BoolArray) -> IntArray:
    """Where draws are chosen; one alone is given twice, because NumPy takes sums of one draw in another order."""
    draws = np.flatnonzero(chosen)
    return np.repeat(draws, 2) if draws.size == 1 else draws


def _fitted(reach: Reach, share: FloatArray, room: FloatArray) -> Intake:
    """The division of draws in which too many would see some site."""
    seen, found = share, reach.divide(share)
    demand = found.owned.sum(axis=1)
    for _ in range(_PASSES):
        seen = np.where(demand > 0.0, np.minimum(seen * (room / np.maximum(demand, _SMALL)), share), seen)
        found = reach.divide(seen)
        demand = found.owned.sum(axis=1)
    fit = (np.minimum(demand, room) / np.maximum(demand, _TINY))[:, None]
    found.partner += (1.0 - fit) * found.owned
    found.owned *= fit
    return found
