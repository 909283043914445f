"""The market from one period to the next: who keeps which customers, and who wins the rest."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray
from sim.kernels.choice import attraction_into, group_scales
from sim.kernels.pricing import log_markup_into
from sim.kernels.welfare import class_gains
from sim.model.economy import LARGEST_EXPONENT, Economy, require
from sim.model.sites import Choice, choose_again, reclassify, serve_reach, settle, transfer
from sim.model.stocks import Period, Stocks

__all__ = ["advance"]

_TINY = np.finfo(np.float64).tiny


def advance(economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray, spare: FloatArray) -> None:
    """Move the stocks through one period, in place; the steps stand in the order in which they happen.

    Parameters
    ----------
    economy : Economy
    stocks : Stocks
    period : Period
    attraction, spare : (P, G, N)
        Buffers.
    """
    any_site = bool(period.sites.live.any() or stocks.owned.any() or stocks.inside.any())
    _raise_quality(economy, stocks, period)
    _unlock(economy, stocks, period)
    _attract(economy, stocks, period, attraction)
    use = stocks.owned.sum(axis=1)
    _keep_captive(economy, stocks, period, spare, any_site)
    evicted = _move_borders(economy, stocks, period, any_site)
    choice = _choice(economy, stocks, period, attraction, evicted)
    if any_site:
        again = transfer(economy, stocks, period, choice)
        again = again + serve_reach(economy, stocks, period, choice, use)
        choose_again(stocks, choice, again, economy.domestic)
        settle(stocks, economy.domestic)
    _choose(economy, stocks, choice, spare)
    _price(economy, stocks, spare)


def _raise_quality(economy: Economy, stocks: Stocks, period: Period) -> None:
    """Domestic quality grows on its own, and by spillover from the foreign shares of the period before."""
    inputs, domestic = economy.inputs, economy.domestic
    partner = (stocks.held[domestic:] + stocks.inside).sum(axis=0)
    owned = stocks.owned.sum(axis=0)
    total = economy.by_layer(stocks.held[:domestic].sum(axis=0) + partner + owned)
    exposed = economy.by_layer(partner) + inputs["technology.owned_spillover"] * economy.by_layer(owned)
    exposure = exposed / (total * economy.layer_shares[domestic:].sum(axis=0))
    rate = inputs["technology.catch_up"] + inputs["technology.spillover"] * period.access.spillover * exposure
    stocks.quality += rate * period.step
    bearable = (np.abs(stocks.quality) * (economy.substitution - 1.0)).max(axis=0) < LARGEST_EXPONENT
    require(
        "technology.catch_up and technology.spillover make quality too large or too small to compute with", bearable
    )


def _unlock(economy: Economy, stocks: Stocks, period: Period) -> None:
    """The premium arrives exponentially: what the old regime brings until it changes, then what the new one does.

    A site that is not live stands where its partner does.
    """
    ramp, access, sites = economy.inputs["opening.ramp"], period.access, period.sites
    since = access.regime_years
    owned = np.where(sites.live, stocks.owned_unlock, stocks.partner_unlock)
    owned = _relaxed(owned, stocks.owned_target, np.maximum(sites.live_years - since, 0.0), ramp)
    owned = _relaxed(owned, access.owned_unlock, np.minimum(sites.live_years, since), ramp)
    stocks.owned_unlock = owned
    partner = _relaxed(stocks.partner_unlock, stocks.partner_target, period.step - since, ramp)
    stocks.partner_unlock = _relaxed(partner, access.partner_unlock, since, ramp)
    stocks.owned_target, stocks.partner_target = access.owned_unlock, access.partner_unlock


def _relaxed(level: FloatArray, target: FloatArray, years: FloatArray, ramp: FloatArray) -> FloatArray:
    """A level after some years of relaxing towards a target with time constant `ramp`."""
    return np.asarray(level - (target - level) * np.expm1(-years / ramp))


def _attract(economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray) -> None:
    """Attraction of home and partner offers at this period's markups, qualities and shocks."""
    domestic = economy.domestic
    weights = economy.base * np.exp(period.rivalry)[:, None]
    home, abroad = group_scales(economy.base, weights, domestic)
    attraction_into(attraction, weights, stocks.excess, economy.substitution)
    attraction[:domestic] *= home * np.exp((economy.substitution - 1.0) * stocks.quality)[economy.layer_of]
    attraction[domestic:] *= abroad * np.exp(period.origin + stocks.partner_unlock * economy.premium_by_segment)


def _keep_captive(economy: Economy, stocks: Stocks, period: Period, spare: FloatArray, any_site: bool) -> None:
    """Existing customers stay, less churn; they bear the change of their own provider's markup."""
    domestic = economy.domestic
    stocks.held *= period.captive
    np.subtract(stocks.before, stocks.excess, out=spare)
    if any_site:
        cheaper = spare[domestic:]
        stocks.inside *= period.captive
        stocks.owned *= period.captive
        stocks.gain_inside = stocks.gain_inside * period.captive + cheaper * stocks.inside
        stocks.gain_owned = stocks.gain_owned * period.captive + cheaper * stocks.owned
    np.multiply(spare, stocks.held, out=spare)
    stocks.gain_home *= period.captive
    stocks.gain_home += spare[:domestic].sum(axis=0)
    stocks.gain_outside *= period.captive
    stocks.gain_outside += spare[domestic:]


def _move_borders(economy: Economy, stocks: Stocks, period: Period, any_site: bool) -> FloatArray:
    """Move the borders of what is open and in reach; returns the spending that an eviction sets free, (G, N)."""
    access = period.access
    evicted = np.zeros_like(stocks.reach)
    if access.evicts.any():
        part = np.minimum(access.evicts / np.maximum(stocks.open_part, _TINY), 1.0)
        evicted = _evict(stocks, part, economy.domestic)
    stocks.closed_by_step = stocks.closed_by_step + access.closes
    drift = economy.inputs["closure.drift"] * (period.step * (period.index + 1))
    open_part = np.clip(economy.open_part - drift - stocks.closed_by_step, 0.0, 1.0)
    if any_site:
        reach = open_part * access.reach_part * period.sites.selling.any(axis=0)
        reclassify(stocks, reach, stocks.open_part, economy.domestic)
    stocks.open_part = open_part
    return evicted


def _evict(stocks: Stocks, part: FloatArray, domestic: int) -> FloatArray:
    """Take a part of all foreign stocks, with the gain that they carry; returns the spending taken, (G, N)."""
    foreign = (stocks.held[domestic:], stocks.inside, stocks.owned)
    taken = part * sum(stock.sum(axis=0) for stock in foreign)
    for stock in (*foreign, stocks.gain_outside, stocks.gain_inside, stocks.gain_owned):
        stock *= 1.0 - part
    return np.asarray(taken)


def _choice(economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray, evicted: FloatArray) -> Choice:
    """Rates at which spending outside the reach, and what was evicted, chooses; its gain is booked."""
    domestic = economy.domestic
    home = attraction[:domestic].sum(axis=0)
    partner = home + attraction[domestic:].sum(axis=0)
    closed, base_closed = 1.0 - stocks.open_part, 1.0 - economy.open_part
    base_home = economy.base[:domestic].sum(axis=0)
    gains = class_gains(home, partner, base_home, closed, base_closed, economy.substitution)
    in_closed = period.contestable * closed / home
    in_partner = period.contestable * (stocks.open_part - stocks.reach) / partner
    stocks.gain_home += home * (in_closed * gains.closed + in_partner * gains.partner)
    stocks.gain_home += evicted * np.log(home) / (economy.substitution - 1.0)
    stocks.gain_outside += attraction[domestic:] * (in_partner * gains.partner)
    return Choice(attraction, home, partner, gains, in_closed + in_partner + evicted / home, in_partner)


def _choose(economy: Economy, stocks: Stocks, choice: Choice, spare: FloatArray) -> None:
    """New spending joins the stocks in proportion to attraction."""
    domestic = economy.domestic
    np.multiply(choice.attraction[:domestic], choice.home_rate, out=spare[:domestic])
    np.multiply(choice.attraction[domestic:], choice.abroad_rate, out=spare[domestic:])
    stocks.held += spare


def _price(economy: Economy, stocks: Stocks, spare: FloatArray) -> None:
    """Markups of the next period, from shares of this one over all channels."""
    spending = stocks.spending(economy.domestic)
    np.multiply(spending, economy.price_slope / spending.sum(axis=0), out=spare)
    spare[economy.fringe] = 0.0
    stocks.before, stocks.excess = stocks.excess, stocks.before
    log_markup_into(stocks.excess, spare, economy.substitution)
    stocks.excess -= economy.log_markup
