"""Choice among offers: what attracts, and what share of new spending it wins in each access class.

In a class c that sees the offers O_c new spending X_c goes to offer o as X_c e_o / sum over O_c of e, the CES share at
attraction e = exp(V - (epsilon - 1) ln mu + z). Domestic offers are in every class; partner offers in the open ones; in
the class within reach of own sites a live one stands in place of its provider's partner offer, as far as it has room.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray

__all__ = ["Intake", "Rates", "Reach", "at_least_two", "group_scale", "invert", "rationed", "unreached", "utility_into"]

_TINY = np.finfo(np.float64).tiny
_SMALL = 1e-200  # below any spending, and large enough to divide by
_PASSES = 5  # each removes most of the excess; what is left goes to the provider's partner offer


def group_scale(shares: FloatArray, lifts: FloatArray, lasting: FloatArray) -> FloatArray:
    """What brings a group of providers back to its total attraction after rivals' shocks.

    Equation (15) of docs/model.md.

    Parameters
    ----------
    shares : (P, L, N)
        Shares of the base year of the providers of the group. In all segments of a layer they have the same
        proportions, so that the scale is one for the layer.
    lifts : (T, P, N)
        Exponential of the change of each one's utility since the base year that all layers share.
    lasting : (T, P, L, N or 1)
        The same of what each layer has for its own.

    Returns
    -------
    (T, L, N)
        No outcome enters, so that the scale is the same under every regime; 1 where none of them is there yet.
    """
    lifted = np.zeros((len(lifts), *shares.shape[1:]))
    for layer in range(shares.shape[1]):
        np.einsum("pn,tpn->tn", shares[:, layer], lifts * lasting[:, :, layer], out=lifted[:, layer])
    whole = shares.sum(axis=0)
    scale = np.divide(whole, np.maximum(lifted, _TINY, out=lifted), out=lifted)
    scale[:, whole == 0.0] = 1.0
    return np.asarray(scale)


def invert(shares: FloatArray, markup: FloatArray, substitution: FloatArray) -> FloatArray:
    """Utility before price from choice shares at known log markups, V = ln P + (epsilon - 1) ln mu.

    Equation (3) of docs/model.md.

    Parameters
    ----------
    shares, markup : (..., N)
    substitution : (N,)
        epsilon.

    Returns
    -------
    (..., N)
        Minus infinity where nobody buys.

    References
    ----------
    Berry (1994) RAND J. Econ. 25; Head & Mayer (2014): CES demand is a logit in log price.
    """
    logs = np.log(shares, out=np.full_like(shares, -np.inf), where=shares > 0.0)
    return logs + (substitution - 1.0) * markup


def utility_into(out: FloatArray, before_price: FloatArray, markup: FloatArray, excess: FloatArray) -> None:
    """Utility V - (epsilon - 1) ln mu at log markups (..., N), into `out`; `excess` is epsilon - 1.

    Equation (10) of docs/model.md.
    """
    np.multiply(markup, excess, out=out)
    np.subtract(before_price, out, out=out)


class Rates(NamedTuple):
    """New spending per unit of attraction in the classes that see no own site, bn/yr, (G, N).

    Attributes
    ----------
    closed, partner : (G, N)
        In the closed and in the partner-open class. A domestic offer wins the sum of both, a partner offer the latter.
    """

    closed: FloatArray
    partner: FloatArray


def unreached(closed: FloatArray, partner_open: FloatArray, home: FloatArray, every: FloatArray) -> Rates:
    """Choice where no own site is seen: the closed class among domestic offers, the partner-open one among all.

    Equation (11) of docs/model.md.

    Parameters
    ----------
    closed, partner_open : (G, N)
        New spending in the two classes, bn/yr.
    home, every : (G, N)
        Total attraction of domestic offers, and of domestic and partner offers.

    Returns
    -------
    Rates

    References
    ----------
    Head & Mayer (2014) Handbook of International Economics 4, eq. 7: the CES share is a logit in log price.
    """
    return Rates(closed / home, partner_open / every)


@dataclass
class Intake:
    """How new spending in reach divides when owned sites may be full.

    Attributes
    ----------
    owned, partner : (F, G, N)
        New spending on each provider's site and on its partner offer, bn/yr.
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
    before : (F, G, N)
        Attraction of what there is without new sites, against which spending expands.
    home : (G, N)
        Total attraction of domestic offers.
    spending : (G, N)
        Contestable spending in reach, bn/yr.
    exponent : (N,)
        (eta - 1) / (epsilon - 1), with which spending follows total attraction.
    freed : (G, N) or None
        Spending in reach whose provider has left: it chooses again, and does not grow.
    """

    selling: FloatArray
    owned: FloatArray
    partner: FloatArray
    before: FloatArray
    home: FloatArray
    spending: FloatArray
    exponent: FloatArray
    freed: FloatArray | None = None

    def take(self, draws: IntArray) -> Reach:
        """The same of some draws."""
        # Contiguous, as the whole is.
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: array.take(draws, axis=-1) for name, array in every.items() if array is not None})

    @cached_property
    def log_without(self) -> FloatArray:
        """Log of total attraction without new sites, (G, N)."""
        return np.asarray(np.log(self.home + self.before.sum(axis=0)))

    def in_time(self, seen: FloatArray, part: FloatArray) -> FloatArray:
        """The part of the class with which spending is its mean over a window in which a site sells for a part.

        Equation (35) of docs/model.md.

        Exact where sites sell for the same part of the window, or for all of it. Attraction alone would say too much,
        because customers who see a site have less left for others.

        Parameters
        ----------
        seen : (F, 1 or G, N)
            Most of the class that sees each owned offer, times `part`.
        part : (F, N)
            Of the window in which the site sells, at most 1.

        Returns
        -------
        (F, G, N)
        """
        some = ((part > 0.0) & (part < 1.0))[:, None]
        lead = self.owned - self.partner
        total = self.home + (self.partner + np.where(some, 0.0, seen * lead)).sum(axis=0)
        times = np.divide(1.0 - part, part, out=np.zeros_like(part), where=part > 0.0)
        missing = (times[:, None] * seen * lead).sum(axis=0)
        return np.where(some, seen * (total / (total + missing)), seen)

    def divide(self, seen: FloatArray) -> Intake:
        """New spending when a part of the class, (F, 1 or G, N), sees each owned offer, and the rest the partner's.

        Equation (11) of docs/model.md.
        """
        owned, partner = self.owned * seen, self.partner * (1.0 - seen)
        total = self.home + (owned + partner).sum(axis=0)
        log_attraction = np.log(total)
        lift = np.exp(self.exponent * (log_attraction - self.log_without))
        chooses = self.spending * lift
        if self.freed is not None:
            chooses += self.freed
        rate = chooses / total
        owned *= rate
        partner *= rate
        return Intake(owned, partner, rate, lift, log_attraction)


def rationed(reach: Reach, share: FloatArray, room: FloatArray, free: Intake) -> Intake:
    """Divide new spending in reach so that each site gets what fits its room.

    Equation (21) of docs/model.md.

    A part of the class sees a provider's site, such that its new spending there fits; the rest sees the
    partner offer. What is still too much after a few passes goes to the provider's partner offer.

    Parameters
    ----------
    reach : Reach
    share : (F, 1 or G, N)
        Most of the class that may see the site: 1, in the window of a launch what is left of it, 0 where it
        takes no new business.
    room : (F, N)
        bn/yr free on each site.
    free : Intake
        `reach.divide(share)`; overwritten.

    Returns
    -------
    Intake
    """
    demand = free.owned.sum(axis=1)
    few = at_least_two((demand > room).any(axis=0))
    if few.size:
        free.put(few, _fitted(reach.take(few), *(values.take(few, axis=-1) for values in (share, room, demand))))
    return free


def at_least_two(chosen: BoolArray) -> IntArray:
    """Where draws are chosen; one alone is given twice, because NumPy takes sums of one draw in another order."""
    draws = np.flatnonzero(chosen)
    return np.repeat(draws, 2) if draws.size == 1 else draws


def _fitted(reach: Reach, share: FloatArray, room: FloatArray, demand: FloatArray) -> Intake:
    """The division of draws in which too many would see some site, by the demand (F, N) if all of `share` do."""
    seen = share
    for _ in range(_PASSES):
        fits = (room / np.maximum(demand, _SMALL))[:, None]
        seen = np.where((demand > 0.0)[:, None], np.minimum(seen * fits, share), seen)
        found = reach.divide(seen)
        demand = found.owned.sum(axis=1)
    fit = (np.minimum(demand, room) / np.maximum(demand, _TINY))[:, None]
    found.partner += (1.0 - fit) * found.owned
    found.owned *= fit
    return found
