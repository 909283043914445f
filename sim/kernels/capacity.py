"""Owned sites: what is ordered, what arrives, and who finds room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.axes import FloatArray, IntArray

__all__ = ["Intake", "arriving", "first_come", "grant", "intake", "projected_use"]

_TINY = np.finfo(np.float64).tiny
_DUST = 1e-9  # what is left of a cap below this part of what is used is rounding, and no room
_SMALL = 1e-200  # below any spending, and large enough to divide by
_PASSES = 5  # each removes most of the excess; what is left goes to the provider's partner offer


def projected_use(use: FloatArray, inflow: FloatArray, years: FloatArray, step: float) -> FloatArray:
    """Use that a site plans for: today's, and the period's unconstrained inflow kept up for `years`.

    Parameters
    ----------
    use : (F, N)
        USD bn/yr on the site now.
    inflow : (F, N)
        USD bn/yr gained in this period if nothing were short.
    years : (N,)
        Expansion lead and planning margin.
    step : float
        Years per period.

    Returns
    -------
    (F, N)
    """
    return np.asarray(use + inflow * (years / step))


def arriving(orders: FloatArray, period: int, lead: IntArray) -> FloatArray:
    """Capacity ordered `lead` (N,) periods ago, from orders (T, F, N); 0 before the first. (F, N)."""
    then = period - lead
    rows = np.take_along_axis(orders, np.maximum(then, 0)[None, None, :], axis=0)[0]
    return np.asarray(np.where(then >= 0, rows, 0.0))


def first_come(launched: FloatArray, names: Sequence[str]) -> IntArray:
    """Providers in the order of their launch, ties by name; (F, N) from dates (F, N)."""
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__))
    return np.asarray(by_name[np.argsort(launched[by_name], axis=0, kind="stable")])


def grant(capacity: FloatArray, wanted: FloatArray, cap: FloatArray, order: IntArray) -> FloatArray:
    """Capacity after this period's arrivals, as far as the zone's cap allows.

    Parameters
    ----------
    capacity, wanted : (F, N)
        Before, and what it would be without a cap; USD bn/yr.
    cap : (N,)
        Most that all providers may have together; infinite without a cap.
    order : (F, N)
        Providers in the order in which they are served.

    Returns
    -------
    (F, N)
        Never below `capacity`.
    """
    granted = capacity.copy()
    used = capacity.sum(axis=0)
    free = np.where(cap - used > _DUST * used, cap - used, 0.0)
    for turn in order:
        for provider in range(len(capacity)):
            more = np.minimum(np.maximum(wanted[provider] - capacity[provider], 0.0), free)
            more = np.where(turn == provider, more, 0.0)
            granted[provider] += more
            free = free - more
    return granted


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

    __slots__ = ("home_rate", "lift", "log_attraction", "owned", "partner")

    def __init__(
        self,
        seen: FloatArray,
        owned: FloatArray,
        partner: FloatArray,
        home: FloatArray,
        spending: FloatArray,
        exponent: FloatArray,
    ) -> None:
        hidden = 1.0 - seen[:, None]
        total = home + (seen[:, None] * owned + hidden * partner).sum(axis=0)
        self.log_attraction = np.log(total)
        self.lift = np.exp(exponent * (self.log_attraction - np.log(home + partner.sum(axis=0))))
        self.home_rate = spending * self.lift / total
        self.owned = seen[:, None] * owned * self.home_rate
        self.partner = hidden * partner * self.home_rate


def intake(
    share: FloatArray,
    room: FloatArray,
    owned: FloatArray,
    partner: FloatArray,
    home: FloatArray,
    spending: FloatArray,
    exponent: FloatArray,
) -> Intake:
    """Divide new spending in reach so that each site gets what fits its room.

    A part of the class sees a provider's site, such that its new spending there fits; the rest sees the
    partner offer. What is still too much after a few passes goes to the provider's partner offer.

    Parameters
    ----------
    share : (F, N)
        Most of the class that may see the site: 1, in the period of a launch what is left of it, 0 where it
        takes no new business.
    room : (F, N)
        USD bn/yr free on each site; infinite to ask for unconstrained demand.
    owned, partner : (F, G, N)
        Attraction of the owned and of the partner offers.
    home : (G, N)
        Total attraction of domestic offers.
    spending : (G, N)
        Contestable spending in reach, USD bn/yr.
    exponent : (N,)
        (eta - 1) / (epsilon - 1), with which spending follows total attraction.

    Returns
    -------
    Intake
    """
    seen = share
    result = Intake(seen, owned, partner, home, spending, exponent)
    for _ in range(_PASSES):
        demand = result.owned.sum(axis=1)
        if not (demand > room).any() and not (seen < share).any():
            return result
        seen = np.where(demand > 0.0, np.minimum(seen * (room / np.maximum(demand, _SMALL)), share), seen)
        result = Intake(seen, owned, partner, home, spending, exponent)
    demand = result.owned.sum(axis=1)
    fit = (np.minimum(demand, room) / np.maximum(demand, _TINY))[:, None]
    result.partner = result.partner + (1.0 - fit) * result.owned
    result.owned = fit * result.owned
    return result
