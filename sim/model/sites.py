"""Owned sites in one period: capacity, new customers within reach, migrants, and hand-overs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.axes import FloatArray
from sim.kernels.capacity import Intake, Reach, arriving, grant, intake, projected_use
from sim.kernels.welfare import ClassGains, reached_gain
from sim.model.economy import Economy
from sim.model.stocks import Period, Stocks

__all__ = ["Choice", "choose_again", "reclassify", "serve_reach", "settle", "transfer"]

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
        New spending per unit of attraction of domestic and of partner offers, USD bn/yr.
    """

    attraction: FloatArray
    home_scale: FloatArray
    home: FloatArray
    partner: FloatArray
    gains: ClassGains
    home_rate: FloatArray
    abroad_rate: FloatArray


def reclassify(stocks: Stocks, reach: FloatArray, open_part: FloatArray, domestic: int) -> None:
    """Move partner customers across the border of the reach, from the old one in `stocks` to `reach` (G, N)."""
    enters = np.minimum(np.maximum(reach - stocks.reach, 0.0) / np.maximum(open_part - stocks.reach, _TINY), 1.0)
    leaves = np.maximum(stocks.reach - reach, 0.0) / np.maximum(stocks.reach, _TINY)
    pairs = ((stocks.held[domestic:], stocks.inside), (stocks.gain_outside, stocks.gain_inside))
    for out_stock, in_stock in pairs:
        moved = enters * out_stock - leaves * in_stock
        out_stock -= moved
        in_stock += moved
    stocks.reach = reach


def transfer(economy: Economy, stocks: Stocks, period: Period, choice: Choice) -> FloatArray:
    """Hand sites to a local operator, their customers with them.

    As in a migration, only the other way round, customers lose the gain that they carried: those who consent
    take that of the partner-open class.

    Returns
    -------
    (G, N)
        Spending of those who do not consent, USD bn/yr; they choose again.
    """
    handed = period.sites.transfer[:, None]
    if not handed.any():
        return np.zeros_like(stocks.reach)
    moved, loss = np.where(handed, stocks.owned, 0.0), economy.inputs["migration.consent_loss"]
    stocks.held[economy.domestic :] += (1.0 - loss) * moved
    stocks.gain_outside += (1.0 - loss) * moved * choice.gains.partner
    stocks.owned = np.where(handed, 0.0, stocks.owned)
    stocks.gain_owned = np.where(handed, 0.0, stocks.gain_owned)
    stocks.capacity = np.where(period.sites.transfer, 0.0, stocks.capacity)
    return np.asarray((loss * moved).sum(axis=0))


def serve_reach(economy: Economy, stocks: Stocks, period: Period, choice: Choice, use: FloatArray) -> FloatArray:
    """The class that sees owned offers: capacity, growth on the site, new customers, then migrants.

    Parameters
    ----------
    economy : Economy
    stocks : Stocks
    period : Period
    choice : Choice
    use : (F, N)
        Spending on each site in the period before, USD bn/yr.

    Returns
    -------
    (G, N)
        Spending of those asked to migrate who do not consent; they choose again.
    """
    sites = period.sites
    reach = _reach(economy, stocks, period, choice)
    selling_years = np.where(sites.selling, np.minimum(sites.live_years, period.step), 0.0)
    movable = np.where(period.access.takes_migrants, stocks.inside.sum(axis=1), 0.0)
    whole = reach.whole()
    _build(economy, stocks, period, use, _whole_inflow(economy, period, whole, movable))
    _fit_growth(stocks)
    room = np.maximum(stocks.capacity - stocks.owned.sum(axis=1), 0.0)
    new = intake(reach, selling_years / period.step, room, whole)
    room = np.maximum(room - new.owned.sum(axis=1), 0.0)
    full_gain = new.log_attraction / economy.excess
    gain = reached_gain(full_gain, new.lift)
    asked = np.where(period.access.takes_migrants, -np.expm1(-economy.inputs["migration.rate"] * selling_years), 0.0)
    moved, again = _migrate(economy, stocks, asked, room)
    stocks.owned += new.owned + moved
    stocks.gain_owned += gain * new.owned + full_gain * moved
    stocks.inside += new.partner
    stocks.gain_inside += gain * new.partner
    stocks.gain_home += gain * choice.home * new.home_rate
    choice.home_rate += new.home_rate
    return again


def _reach(economy: Economy, stocks: Stocks, period: Period, choice: Choice) -> Reach:
    """Offers and spending in the class that sees owned offers."""
    partner, selling = choice.attraction[economy.domestic :], period.sites.selling.astype(np.float64)
    lead = (stocks.owned_unlock - stocks.partner_unlock)[:, None] * economy.premium_by_layer
    return Reach(
        selling=selling,
        owned=partner * (np.exp(lead) * selling[:, None])[:, economy.layer_of],
        partner=partner,
        home=choice.home,
        spending=period.contestable * stocks.reach,
        exponent=economy.spending_exponent,
    )


def _whole_inflow(economy: Economy, period: Period, whole: Intake, movable: FloatArray) -> FloatArray:
    """New customers and migrants of a whole period with room for all, (F, N): what a site plans with."""
    consenting = 1.0 - economy.inputs["migration.consent_loss"]
    asked = -np.expm1(-economy.inputs["migration.rate"] * period.step) * period.sites.selling * movable
    return np.asarray(whole.owned.sum(axis=1) + consenting * asked)


def _build(economy: Economy, stocks: Stocks, period: Period, use: FloatArray, inflow: FloatArray) -> None:
    """Let tranches retire and arrive, and order what projected use needs.

    A site has a tranche at launch; later ones arrive a lead after their order. What retires is replaced as far
    as it is in use; beyond that it has to be ordered like any other.
    """
    sites, t = period.sites, period.number
    on_site = stocks.owned.sum(axis=1)
    # The plan is made on this period's inflow, so that it has to reach from the period's start.
    years = (sites.lead + 1) * period.step + economy.inputs["capacity.planning_years"]
    wanted = projected_use(use, inflow + np.maximum(on_site - use, 0.0), years, period.step)
    stocks.orders[t] = np.where(sites.selling, wanted, 0.0)
    arrives = np.where(stocks.capacity > 0.0, arriving(stocks.orders, t, sites.lead), stocks.orders[t])
    standing = np.maximum(stocks.capacity - arriving(stocks.bought, t, sites.life), 0.0)
    in_use = np.where(sites.live, np.minimum(on_site, stocks.capacity), 0.0)
    kept = grant(standing, in_use, period.access.cap, sites.order)
    stocks.capacity = grant(kept, np.where(sites.selling, arrives, 0.0), period.access.cap, sites.order)
    stocks.bought[t] = stocks.capacity - standing


def _fit_growth(stocks: Stocks) -> None:
    """Growth on a site that finds no room goes to the provider's partner offer, with the gain that it carries."""
    use = stocks.owned.sum(axis=1)
    if not (use > stocks.capacity).any():
        return
    fits = (np.minimum(use, stocks.capacity) / np.maximum(use, _TINY))[:, None]
    for on_site, with_partner in ((stocks.owned, stocks.inside), (stocks.gain_owned, stocks.gain_inside)):
        leaves = (1.0 - fits) * on_site
        on_site -= leaves
        with_partner += leaves


def _migrate(economy: Economy, stocks: Stocks, asked: FloatArray, room: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Move a part of partner customers (F, N) to the site as far as there is room; they lose the gain they carried.

    Returns those who move, (F, G, N), and the spending of those asked who do not consent, (G, N).
    """
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
    rate = spending / choice.partner
    partner = rate * choice.attraction[domestic:]
    choice.home_rate += rate
    stocks.inside += partner
    stocks.gain_inside += choice.gains.partner * partner
    stocks.gain_home += choice.gains.partner * rate * choice.home


def settle(stocks: Stocks, domestic: int) -> None:
    """Where nothing is in reach any more, partner customers are outside of it."""
    stranded = (stocks.reach <= 0.0) & stocks.inside.any(axis=0)
    if not stranded.any():
        return
    stocks.held[domestic:] += np.where(stranded, stocks.inside, 0.0)
    stocks.gain_outside += np.where(stranded, stocks.gain_inside, 0.0)
    stocks.inside = np.where(stranded, 0.0, stocks.inside)
    stocks.gain_inside = np.where(stranded, 0.0, stocks.gain_inside)
