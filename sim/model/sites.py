"""Owned sites in one period: capacity, new customers within reach, migrants, and hand-overs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.axes import FloatArray
from sim.kernels.capacity import arriving, grant, planned_growth
from sim.kernels.choice import Intake, Reach, at_least_two, rationed
from sim.kernels.welfare import ClassGains, reached_gain
from sim.model.economy import Economy
from sim.model.mix import LEAST_LIFT, Mix
from sim.model.stocks import Period, Sites, Stocks

__all__ = ["Choice", "choose_again", "open_sites", "reclassify", "serve_reach", "settle", "transfer"]

_TINY = np.finfo(np.float64).tiny


@dataclass
class Choice:
    """How spending chooses in one period.

    Attributes
    ----------
    attraction : (P, G, N)
        Of home and partner offers; of the former without what they have in common.
    home_scale : (G, N)
        What all domestic offers have in common.
    home, partner : (G, N)
        Total of the domestic offers, and of domestic and partner offers together.
    gains : ClassGains
        Consumer gain per unit of spending where no owned offer is seen.
    home_rate, abroad_rate : (G, N)
        New spending per unit of attraction of domestic and of partner offers, bn/yr.
    joined : (F, G, N) or None
        What foreign providers have won without own sites so far, bn/yr; None where nobody asks.
    freed : (G, N) or None
        Spending within reach of own sites whose provider has left, bn/yr; None where none has.
    """

    attraction: FloatArray
    home_scale: FloatArray
    home: FloatArray
    partner: FloatArray
    gains: ClassGains
    home_rate: FloatArray
    abroad_rate: FloatArray
    joined: FloatArray | None = None
    freed: FloatArray | None = None

    def at_home(self, rate: FloatArray, domestic: int) -> FloatArray:
        """What each domestic offer gets of spending per unit of attraction, (G, N) to (P_d, G, N)."""
        return self.attraction[:domestic] * (rate * self.home_scale)

    def join(self, spending: FloatArray) -> None:
        """Count spending (F, G, N) that a provider has won without an own site."""
        if self.joined is not None:
            self.joined += spending


def reclassify(stocks: Stocks, reach_part: FloatArray, domestic: int) -> None:
    """Move partner customers across the border of the reach, from the old part of the open part to a new one (G, N).

    What closes takes from both sides of the border alike, and moves nobody across it.
    """
    draws = at_least_two((stocks.reach_part != reach_part).any(axis=0))
    if not draws.size:
        return
    before, now = stocks.reach_part.take(draws, axis=-1), reach_part.take(draws, axis=-1)
    enters = np.maximum(now - before, 0.0) / np.maximum(1.0 - before, _TINY)
    leaves = np.maximum(before - now, 0.0) / np.maximum(before, _TINY)
    home = stocks.held[:domestic].take(draws, axis=-1).sum(axis=0) - stocks.home_closed.take(draws, axis=-1)
    for outside, inside in ((stocks.held[domestic:], stocks.inside), (stocks.gain_outside, stocks.gain_inside)):
        out_stock, in_stock = outside.take(draws, axis=-1), inside.take(draws, axis=-1)
        moved = enters * out_stock - leaves * in_stock
        outside[..., draws], inside[..., draws] = out_stock - moved, in_stock + moved
    home_inside = stocks.home_inside.take(draws, axis=-1)
    stocks.home_inside[:, draws] = home_inside + (enters * (home - home_inside) - leaves * home_inside)
    stocks.reach_part = reach_part


def transfer(economy: Economy, stocks: Stocks, period: Period, choice: Choice) -> FloatArray:
    """Hand sites to a local operator, their customers with them.

    Equation (22) of docs/model.md.

    As in a migration, only the other way round, customers lose the gain that they carried: those who consent
    take that of the partner-open class.

    Returns
    -------
    (G, N)
        Spending of those who do not consent, bn/yr; they choose again.
    """
    handed = period.sites.transfer[:, None]
    if not handed.any():
        return np.zeros_like(stocks.open_part)
    if stocks.in_use is not None:
        _use_again(economy, stocks.in_use, period, choice, _hand_over(economy, stocks.in_use, period, choice))
    return _hand_over(economy, stocks, period, choice)


def _hand_over(economy: Economy, stocks: Stocks, period: Period, choice: Choice) -> FloatArray:
    handed = period.sites.transfer[:, None]
    moved, loss = np.where(handed, stocks.owned, 0.0), economy.inputs["migration.consent_loss"]
    stocks.held[economy.domestic :] += (1.0 - loss) * moved
    stocks.gain_outside += (1.0 - loss) * moved * choice.gains.partner
    stocks.owned = np.where(handed, 0.0, stocks.owned)
    stocks.gain_owned = np.where(handed, 0.0, stocks.gain_owned)
    stocks.capacity = np.where(period.sites.transfer, 0.0, stocks.capacity)
    return np.asarray((loss * moved).sum(axis=0))


def _use_again(economy: Economy, used: Stocks, period: Period, choice: Choice, spending: FloatArray) -> None:
    """Of goods in use those of who does not consent are counted with whom they choose again."""
    rate, partner = _go_elsewhere(used, choice, spending, economy.domestic)
    used.held[: economy.domestic] += choice.at_home(rate, economy.domestic)
    if period.access.channels.abroad_part is not None:
        used.abroad += period.access.channels.abroad_part[:, economy.layer_of] * partner


def serve_reach(economy: Economy, stocks: Stocks, period: Period, choice: Choice, use: FloatArray) -> FloatArray:
    """The class that sees owned offers: capacity, growth on the site, new customers, then migrants.

    Parameters
    ----------
    economy : Economy
    stocks : Stocks
    period : Period
    choice : Choice
    use : (F, N)
        Spending on each site in the period before, bn/yr.

    Returns
    -------
    (G, N)
        Spending of those asked to migrate who do not consent, and of whom no offer has room; they choose again.
    """
    sites = period.sites
    reach = _reach(economy, stocks, period, choice)
    asked = -np.expm1(-economy.inputs["migration.rate"] * sites.selling_years) * period.access.takes_migrants
    asked *= sites.part
    if economy.mix is not None:
        asked *= economy.mix.asks  # who has sites in the base year beside other channels is where it wants to be
    share = _most_seen(economy, period, reach)
    free = reach.divide(share)
    _build(economy, stocks, period, use, _wanting(economy, stocks, free, asked))
    again = _fit_growth(economy, stocks, period, choice)
    room = np.maximum(stocks.capacity - stocks.owned.sum(axis=1), 0.0)
    new = rationed(reach, share, room, free)
    room = np.maximum(room - new.owned.sum(axis=1), 0.0)
    full_gain = new.log_attraction / economy.excess
    if choice.gains.newly_open is not None:
        full_gain += choice.gains.newly_open
    gain = reached_gain(full_gain, new.lift)
    if reach.freed is not None:  # what it had before opening added nothing to
        gain += (full_gain - gain) * reach.freed / np.maximum(reach.spending * new.lift + reach.freed, _TINY)
    moved, leaving = _migrate(economy, stocks, asked, room)
    stocks.owned += new.owned + moved
    stocks.gain_owned += gain * new.owned + full_gain * moved
    beside, stranded = _beside(economy, period, new.partner)
    stocks.inside += beside
    stocks.gain_inside += gain * beside
    choice.join(beside)
    stocks.home_inside += (joining := choice.home * new.home_rate)
    stocks.gain_home += gain * joining
    choice.home_rate += new.home_rate
    return again + leaving + stranded


def _most_seen(economy: Economy, period: Period, reach: Reach) -> FloatArray:
    """Most of the class that may see each site in a period, (F, 1 or G, N)."""
    sites = period.sites
    seen = (sites.part * sites.selling_years / period.step)[:, None]
    if economy.mix is not None:
        seen = seen * economy.mix.most_seen[:, economy.layer_of]
    return seen if period.purchases is None else reach.in_time(seen, sites.selling_years / period.step)


def _reach(economy: Economy, stocks: Stocks, period: Period, choice: Choice) -> Reach:
    """Offers and spending in the class that sees owned offers.

    Equation (10) of docs/model.md.
    """
    partner, selling = choice.attraction[economy.domestic :], period.sites.selling.astype(np.float64)
    return Reach(
        selling=selling,
        owned=partner * (np.exp(period.access.channels.lead) * selling[:, None])[:, economy.layer_of],
        partner=partner,
        before=_without_launches(economy, period, partner),
        home=choice.home,
        spending=period.contestable * stocks.reach,
        exponent=economy.spending_exponent,
        freed=choice.freed,
    )


def _without_launches(economy: Economy, period: Period, partner: FloatArray) -> FloatArray:
    """Attraction (F, G, N) of partner offers (F, G, N), or, of who has sites in the base year, of all its channels."""
    rest = period.access.channels.rest
    if economy.mix is None or rest is None or not economy.mix.sited.any():
        return partner
    return partner * np.where(economy.mix.sited[:, None, None], np.exp(-rest), 1.0)[:, economy.layer_of]


def _wanting(economy: Economy, stocks: Stocks, free: Intake, asked: FloatArray) -> FloatArray:
    """New customers and migrants who would come if nothing were short, (F, N)."""
    consenting = 1.0 - economy.inputs["migration.consent_loss"]
    return np.asarray(free.owned.sum(axis=1) + consenting * asked * stocks.inside.sum(axis=1))


def _build(economy: Economy, stocks: Stocks, period: Period, use: FloatArray, coming: FloatArray) -> None:
    """Let tranches retire and arrive, and say what is wanted a lead later.

    Equations (19) and (20) of docs/model.md.

    The first tranche stands at launch; later ones arrive a lead after they were wanted, at the period's start. What
    retires is replaced as far as what stands and is on order falls short of what was last wanted, that is up to the
    smaller of this and what stood.
    """
    sites, t = period.sites, period.number + stocks.history
    whole = stocks.owned.sum(axis=1) + coming
    launch, change = np.zeros_like(whole), whole - use
    if period.purchases is not None:
        launch, change = _bought_at_launch(economy, stocks, period, whole, change)
    stocks.growth = planned_growth(stocks.growth, change, sites.live_years, sites.first, period.step)
    years = economy.inputs["capacity.expansion_lead"] + economy.inputs["capacity.planning_years"]
    wanted = (np.where(sites.first, launch, whole) + stocks.growth * years) * economy.ordered
    np.multiply(np.maximum(wanted, 0.0), sites.live, out=stocks.wanted[t])
    standing = np.maximum(stocks.capacity - arriving(stocks.bought, t, sites.life), 0.0)
    ordered = [arriving(stocks.wanted, t, lead) for lead in (sites.lead, sites.lead + 1)]
    arrives = np.where(sites.first, stocks.wanted[t], ordered[0] + sites.late * (ordered[1] - ordered[0]))
    lasting = np.minimum(stocks.wanted[t - 1], stocks.capacity) * (sites.live & ~sites.first)
    kept = grant(standing, lasting, period.access.cap, sites.order)
    stocks.capacity = grant(kept, arrives * sites.live, period.access.cap, sites.order)
    stocks.bought[t] = stocks.capacity - standing


def _bought_at_launch(
    economy: Economy, stocks: Stocks, period: Period, whole: FloatArray, change: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Capacity at launch (F, N) and change of use from then on, where goods are bought anew.

    Equation (19) of docs/model.md.

    All who buy see the new site at once: that is a level, and no growth to plan on. A window in which a site is live
    for a part says what a whole one brings.
    """
    sites, t, filled = period.sites, period.number + stocks.history, economy.inputs["economics.reference_utilization"]
    launch = whole * period.step / np.maximum(sites.live_years, _TINY) / (filled * economy.ordered)
    after = (stocks.wanted[t - 2] == 0.0) & (stocks.wanted[t - 1] > 0.0)
    change = np.where(after, whole - stocks.wanted[t - 1] * filled, change)
    return launch, np.where(sites.first, 0.0, change)


def _fit_growth(economy: Economy, stocks: Stocks, period: Period, choice: Choice) -> FloatArray:
    """Growth on a site that finds no room goes to what its provider offers beside, with the gain that it carries.

    Returns what finds nothing there either, (G, N), bn/yr: it chooses again.
    """
    use = stocks.owned.sum(axis=1)
    if not (use > stocks.capacity).any():
        return np.zeros_like(stocks.open_part)
    fits = (np.minimum(use, stocks.capacity) / np.maximum(use, _TINY))[:, None]
    leaves, gain = (1.0 - fits) * stocks.owned, (1.0 - fits) * stocks.gain_owned
    stocks.owned -= leaves
    stocks.gain_owned -= gain
    (leaves, stranded), (gain, _) = _beside(economy, period, leaves), _beside(economy, period, gain)
    stocks.inside += leaves
    stocks.gain_inside += gain
    choice.join(leaves)
    return stranded


def _beside(economy: Economy, period: Period, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values (F, G, N) of who sees offers beside own sites, and the sum of those who see none, (G, N)."""
    rest = period.access.channels.rest
    if economy.mix is None or rest is None:
        return values, np.zeros_like(values[0])
    sees = (rest > LEAST_LIFT)[:, economy.layer_of]
    return np.where(sees, values, 0.0), np.where(sees, 0.0, values).sum(axis=0)


def _migrate(economy: Economy, stocks: Stocks, asked: FloatArray, room: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Move a part of partner customers (F, N) to the site as far as there is room; they lose the gain they carried.

    Equation (22) of docs/model.md.

    Returns those who move, (F, G, N), and the spending of those asked who do not consent, (G, N).
    """
    if not asked.any():
        return np.zeros_like(stocks.inside[:1]), np.zeros_like(stocks.home_inside)
    loss = economy.inputs["migration.consent_loss"]
    wanted = (1.0 - loss) * asked * stocks.inside.sum(axis=1)
    part = (asked * (np.minimum(wanted, room) / np.maximum(wanted, _TINY)))[:, None]
    left = part * stocks.inside
    stocks.inside -= left
    stocks.gain_inside *= 1.0 - part
    return (1.0 - loss) * left, loss * left.sum(axis=0)


def choose_again(stocks: Stocks, choice: Choice, spending: FloatArray, domestic: int) -> None:
    """Who does not consent to a new operator chooses among home and partner offers in the same period."""
    if not spending.any():
        return
    rate, partner = _go_elsewhere(stocks, choice, spending, domestic)
    choice.home_rate += rate
    choice.join(partner)


def _go_elsewhere(stocks: Stocks, choice: Choice, spending: FloatArray, domestic: int) -> tuple[FloatArray, FloatArray]:
    """Put spending within reach on home and partner offers; per unit of attraction, (G, N), and with partners."""
    rate = spending / choice.partner
    partner, joining = rate * choice.attraction[domestic:], rate * choice.home
    stocks.inside += partner
    stocks.home_inside += joining
    stocks.gain_inside += choice.gains.partner * partner
    stocks.gain_home += choice.gains.partner * joining
    return rate, partner


def settle(stocks: Stocks, domestic: int) -> None:
    """Where nothing is in reach any more, partner and domestic customers are outside of it."""
    if stocks.in_use is not None:
        settle(stocks.in_use, domestic)
    stranded = (stocks.reach_part <= 0.0) & (stocks.inside.any(axis=0) | (stocks.home_inside != 0.0))
    if not stranded.any():
        return
    stocks.held[domestic:] += np.where(stranded, stocks.inside, 0.0)
    stocks.gain_outside += np.where(stranded, stocks.gain_inside, 0.0)
    stocks.inside = np.where(stranded, 0.0, stocks.inside)
    stocks.home_inside = np.where(stranded, 0.0, stocks.home_inside)
    stocks.gain_inside = np.where(stranded, 0.0, stocks.gain_inside)


def open_sites(economy: Economy, mix: Mix, stocks: Stocks, sites: Sites, reach_part: FloatArray, step: float) -> None:
    """Put on own sites what they have in the base year, with the capacity for it, in place.

    Equation (33) of docs/model.md.

    Capacity is what is used over the reference utilization, or what had been ordered if that is more; what was bought,
    and wanted, before grew as the market did in the base year, and no tranche is older than its life.

    Parameters
    ----------
    economy : Economy
    mix : Mix
    stocks : Stocks
        Of the end of the base year, all with partners.
    sites : Sites
        Of the first period.
    reach_part : (G, N)
        Part of the open part that own sites may serve under the regime of the base year.
    step : float
        Years per period.
    """
    domestic = economy.domestic
    stocks.owned = stocks.held[domestic:] * mix.split[2][:, economy.layer_of]
    beside = stocks.held[domestic:] - stocks.owned
    stocks.inside = beside * reach_part
    stocks.held[domestic:] = beside - stocks.inside
    stocks.home_inside = (stocks.held[:domestic].sum(axis=0) - stocks.home_closed) * reach_part
    stocks.reach_part, stocks.sited = reach_part, True
    stocks.history = int(max(sites.life.max(), sites.lead.max() + 2))
    use, rate = stocks.owned.sum(axis=1), np.log1p(economy.inputs["market.growth_base"])
    stocks.growth = use * (-np.expm1(-rate * step) / step)
    years = economy.inputs["capacity.expansion_lead"] + economy.inputs["capacity.planning_years"]
    ages = np.arange(stocks.history, 0, -1.0)[:, None]
    wanted = (
        np.maximum(use + stocks.growth * years, 0.0) * economy.ordered * np.exp(-rate * step * (ages - 1.0))[:, None]
    )
    stocks.wanted = np.concatenate([wanted, stocks.wanted])
    ordered = arriving(stocks.wanted, stocks.history - 1, sites.lead)
    stocks.capacity = np.maximum(use / economy.inputs["economics.reference_utilization"], ordered)
    evenly = np.where(ages[:, None] <= sites.life, np.exp(-rate * step * ages)[:, None], 0.0)
    stocks.bought = np.concatenate([stocks.capacity * (evenly / evenly.sum(axis=0)), stocks.bought])
    stocks.owned_by_layer = economy.by_layer(stocks.owned)
