"""The market from one period to the next: who keeps which customers, and who wins the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.kernels.choice import unreached, utility_into
from sim.kernels.growth import left_over
from sim.kernels.pricing import class_share, home_share, price_into
from sim.kernels.welfare import class_gains
from sim.model.economy import LARGEST_EXPONENT, Economy, require
from sim.model.exits import free, place
from sim.model.mix import LEAST_LIFT
from sim.model.sites import Choice, choose_again, reclassify, serve_reach, settle, transfer
from sim.model.stocks import SPENDING, Entrant, Period, Purchases, Stocks

__all__ = ["advance", "tally"]

_TINY = np.finfo(np.float64).tiny
_SMALL = 1e-200  # below any spending, and large enough to divide by


def advance(economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray) -> FloatArray:
    """Move the stocks through one period, in place; the steps stand in the order in which they happen.

    Parameters
    ----------
    economy : Economy
    stocks : Stocks
    period : Period
    attraction : (P, G, N)
        Buffer.

    Returns
    -------
    (P, G, N)
        Spending by provider over all channels, not to be written to; `tally` is still to come.
    """
    stocks.sited = stocks.sited or bool(period.sites.live.any())
    use = stocks.owned.sum(axis=1) if stocks.sited else stocks.capacity
    _raise_quality(economy, stocks, period)
    _keep_captive(economy, stocks, period)
    evicted = _move_borders(economy, stocks, period)
    beside = _beside(economy, stocks)
    freed = None if period.exits is None else free(stocks, period.exits, economy.domestic)
    home_scale = _attract(economy, stocks, period, attraction)
    choice = _choice(economy, stocks, period, attraction, home_scale)
    choice.joined = None if beside is None else np.zeros_like(beside)
    for held, spending in evicted:
        _settle_at_home(economy, held, choice, spending, joins=held is stocks)
    if freed is not None:
        place(stocks, choice, freed, economy.domestic)
    if stocks.sited:
        again = transfer(economy, stocks, period, choice)
        again = again + serve_reach(economy, stocks, period, choice, use)
        choose_again(stocks, choice, again, economy.domestic)
        settle(stocks, economy.domestic)
    _choose(economy, stocks, choice)
    if beside is not None:
        _serve_from_abroad(economy, stocks, period, choice, beside)
    spending = stocks.spending(economy.domestic)
    _earn(economy, stocks, spending)
    _price(economy, stocks, spending)
    if period.purchases is not None:
        _use(stocks, period.purchases)
    return spending


def _raise_quality(economy: Economy, stocks: Stocks, period: Period) -> None:
    """Domestic quality grows on its own, and by spillover from the foreign shares of the period before.

    Equations (17) and (41) of docs/model.md.
    """
    domestic = economy.domestic
    exposed = stocks.by_layer[domestic:].sum(axis=0)
    if stocks.sited:
        exposed -= (1.0 - economy.technology("owned_spillover")) * stocks.owned_by_layer.sum(axis=0)
    if economy.mix is not None and economy.mix.has_abroad:
        exposed -= economy.by_layer(stocks.abroad).sum(axis=0)
    exposure = exposed / np.maximum(stocks.by_layer.sum(axis=0) * economy.foreign_share, _SMALL)
    rate = _catch_up(economy, period) + economy.technology("spillover") * period.access.spillover * exposure
    stocks.quality += rate * period.step
    if period.access.raises is not None:
        stocks.quality += period.access.raises
    exponent = np.abs(stocks.quality) * economy.excess
    if not exponent.max() < LARGEST_EXPONENT:
        large = "technology.catch_up and technology.spillover make quality too large or too small to compute with"
        require(large, exponent.max(axis=0) < LARGEST_EXPONENT)


def _catch_up(economy: Economy, period: Period) -> FloatArray:
    """The rate at which domestic quality catches up by itself, its mean over the period; (N,) or (L, N)."""
    rate, half_life = economy.technology("catch_up"), economy.inputs.get("technology.catch_up_half_life")
    if half_life is not None:
        rate = rate * left_over(period.number * period.step, period.step, half_life)
    return rate + period.catch_up_luck


def _keep_captive(economy: Economy, stocks: Stocks, period: Period) -> None:
    """Existing customers stay, less churn; they bear the change of their own provider's markup.

    Of goods that are bought again the loyal ones follow what is in use.
    """
    if period.purchases is not None:
        _follow_what_is_in_use(stocks, period, period.purchases)
    else:
        for stock in (stocks.held, stocks.home_closed, stocks.gain_home, stocks.gain_outside):
            stock *= period.captive
        if stocks.sited:
            for stock in (stocks.inside, stocks.owned, stocks.home_inside, stocks.gain_inside, stocks.gain_owned):
                stock *= period.captive
        if economy.mix is not None:
            stocks.abroad *= period.captive
    cheaper = np.subtract(stocks.before, stocks.markup, out=stocks.before)
    for own, rows in economy.sized:
        if rows.stop <= economy.domestic:
            stocks.gain_home += np.einsum("pgn,pgn->gn", cheaper[own], stocks.held[rows])
            continue
        abroad = slice(rows.start - economy.domestic, rows.stop - economy.domestic)
        stocks.gain_outside[abroad] += cheaper[own] * stocks.held[rows]
        if stocks.sited:
            stocks.gain_inside[abroad] += cheaper[own] * stocks.inside[abroad]
            stocks.gain_owned[abroad] += cheaper[own] * stocks.owned[abroad]


def _follow_what_is_in_use(stocks: Stocks, period: Period, purchases: Purchases) -> None:
    """Loyal customers buy again what they have.

    Equation (35) of docs/model.md.
    """
    assert stocks.in_use is not None
    for name in SPENDING:
        used = getattr(stocks.in_use, name)
        used *= period.captive
        np.multiply(used, purchases.loyalty, out=getattr(stocks, name))


def _use(stocks: Stocks, purchases: Purchases) -> None:
    """What is bought replaces a part of what is in use.

    Equation (35) of docs/model.md.
    """
    assert stocks.in_use is not None
    for name in SPENDING:
        used = getattr(stocks.in_use, name)
        used += purchases.renewed * (getattr(stocks, name) - used)


def _attract(economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray) -> FloatArray:
    """Attraction of home and partner offers at this period's markups, qualities and shocks.

    Equation (10) of docs/model.md.

    What is common to all domestic offers is left out of them and comes back as a scale, (G, N): they are
    never seen apart. A fringe has neither shocks nor changes of markup.
    """
    domestic = economy.domestic
    for rows in economy.fringes:
        attraction[rows] = economy.base[rows]
    for own, rows in economy.sized:
        offers, before_luck = attraction[rows], stocks.before[own]  # a buffer: what was in it has been borne
        utility_into(before_luck, stocks.utility[rows], stocks.markup[own], economy.excess_by_segment)
        np.add(period.rivalry[rows, None], period.offset[rows], out=offers)
        offers += before_luck
        np.exp(offers, out=offers)
    abroad = period.abroad_scale
    if period.access.channels.rest is not None:
        abroad = abroad * np.exp(period.access.channels.rest)
    abroad = abroad.take(economy.layer_of, axis=-2)
    attraction[domestic:] *= abroad
    home = (period.home_scale * np.exp(economy.excess * stocks.quality)).take(economy.layer_of, axis=0)
    if period.exits is not None:
        attraction *= period.exits.present[:, None]
    if period.entrants:
        _admit(economy, stocks, period, attraction, home, abroad)
        if period.exits is not None:  # who left before it came
            attraction *= period.exits.present[:, None] > 0.0
    return home


def _admit(
    economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray, home: FloatArray, abroad: FloatArray
) -> None:
    """Give providers that arrive in this window the utility with which they get their part of new choices."""
    domestic = economy.domestic
    for entrant in period.entrants:  # who came before counts among the others as customers see it
        attraction[entrant.row] *= entrant.weight
    others = attraction[:domestic].sum(axis=0) * home + _seen(economy, period, attraction[domestic:]).sum(axis=0)
    grown = _grown(period.entrants)
    for entrant in period.entrants:
        if entrant.arrives.any():
            lifted = abroad if abroad.ndim == 2 else abroad[entrant.row - domestic]
            shown = home if entrant.row < domestic else _shown(economy, period, entrant.row - domestic, lifted)
            arriving = others * grown[entrant.row] * entrant.odds / shown
            offered = arriving * entrant.weight * (1.0 if entrant.row < domestic else lifted)
            np.copyto(attraction[entrant.row], offered, where=entrant.arrives)
            markup = stocks.markup[np.count_nonzero(~economy.fringe[: entrant.row])]
            bare = np.log(arriving) + economy.excess * markup - period.rivalry[entrant.row]
            np.copyto(stocks.utility[entrant.row], bare, where=entrant.arrives)


def _grown(entrants: Sequence[Entrant]) -> Mapping[int, FloatArray]:
    """By how much the others of each that arrives have grown by those who came before it in its window, (G, N).

    A day's newcomers do not count for each other.
    """
    came = [entrant for entrant in entrants if entrant.arrives.any()]
    grown = {entrant.row: np.ones_like(entrant.odds) for entrant in came}
    for _ in came[1:]:  # each pass is final for one more of those who come one after the other
        for late in came:
            before = [(early, early.arrives & (early.date < late.date)) for early in came if early is not late]
            parts = [np.where(first, early.odds * grown[early.row], 0.0) for early, first in before]
            grown[late.row] = 1.0 + np.sum(parts, axis=0)
    return grown


def _seen(economy: Economy, period: Period, offers: FloatArray) -> FloatArray:
    """Attraction (F, G, N) of foreign offers as customers see them: own sites where there is nothing beside them."""
    if (alone := _sites_alone(economy, period)) is None:
        return offers
    own = np.exp(period.access.channels.lead) * period.sites.selling[:, None]
    return offers * np.where(alone, own, 1.0)[:, economy.layer_of]


def _shown(economy: Economy, period: Period, provider: int, lifted: FloatArray) -> FloatArray:
    """What multiplies the attraction of a foreign provider that arrives, (G, N), in the offer that customers see.

    Where there is nothing beside own sites that is its site, without a premium.
    """
    if (alone := _sites_alone(economy, period)) is None:
        return lifted
    whole = period.abroad_scale.take(economy.layer_of, axis=-2)
    return np.where(alone[provider][economy.layer_of], whole, lifted)


def _sites_alone(economy: Economy, period: Period) -> BoolArray | None:
    """Where a foreign provider has no offer beside own sites, (F, L, N); None if that is nowhere so."""
    rest = period.access.channels.rest
    alone = None if economy.mix is None or rest is None else rest <= LEAST_LIFT
    return alone if alone is not None and alone.any() else None


def _move_borders(economy: Economy, stocks: Stocks, period: Period) -> list[tuple[Stocks, FloatArray]]:
    """Move the borders of what is open and in reach; returns what an eviction sets free, (G, N), of which stocks.

    Equation (18) of docs/model.md.
    """
    access, evicted = period.access, []
    if access.evicts is not None and access.evicts.any():
        part = np.minimum(access.evicts / np.maximum(stocks.open_part, _TINY), 1.0)
        every = filter(None, (stocks, stocks.in_use))
        evicted = [(held, _evict(held, part, economy.domestic)) for held in every]
    if access.closes is not None:
        stocks.left_open = stocks.left_open - access.closes
    open_part = stocks.left_open - economy.inputs["closure.drift"] * (period.step * (period.number + 0.5))
    np.minimum(np.maximum(open_part, 0.0, out=open_part), 1.0, out=open_part)
    if stocks.sited:
        for held in filter(None, (stocks, stocks.in_use)):
            reclassify(held, access.reach_part * period.sites.selling.any(axis=0), economy.domestic)
    stocks.open_part = open_part
    return evicted


def _evict(stocks: Stocks, part: FloatArray, domestic: int) -> FloatArray:
    """Take a part of all foreign stocks, with the gain that they carry; returns the spending taken, (G, N)."""
    foreign = (stocks.held[domestic:], stocks.inside, stocks.owned)
    taken = part * sum(stock.sum(axis=0) for stock in foreign)
    for stock in (*foreign, stocks.abroad, stocks.gain_outside, stocks.gain_inside, stocks.gain_owned):
        stock *= 1.0 - part
    return np.asarray(taken)


def _choice(economy: Economy, stocks: Stocks, period: Period, attraction: FloatArray, home_scale: FloatArray) -> Choice:
    """Rates at which spending outside the reach chooses; its gain is booked."""
    domestic = economy.domestic
    home = attraction[:domestic].sum(axis=0) * home_scale
    partner = home + attraction[domestic:].sum(axis=0)
    closed = 1.0 - stocks.open_part
    gains = class_gains(home, partner, economy.log_base_home, closed, economy.base_closed, economy.substitution)
    in_closed = period.contestable * closed
    partner_open = stocks.open_part - stocks.reach if stocks.sited else stocks.open_part
    rates = unreached(in_closed, period.contestable * partner_open, home, partner)
    partner_gain = rates.partner * gains.partner
    stocks.home_closed += in_closed
    stocks.gain_home += period.contestable * gains.closed + home * partner_gain
    stocks.gain_outside += attraction[domestic:] * partner_gain
    return Choice(attraction, home_scale, home, partner, gains, rates.closed + rates.partner, rates.partner)


def _settle_at_home(economy: Economy, stocks: Stocks, choice: Choice, evicted: FloatArray, *, joins: bool) -> None:
    """Who is evicted chooses among domestic offers, with new spending or of what is in use, and loses foreign ones."""
    rate = evicted / choice.home
    if joins:
        choice.home_rate += rate
    else:
        stocks.held[: economy.domestic] += choice.at_home(rate, economy.domestic)
    stocks.home_closed += evicted
    stocks.gain_home += evicted * np.log(choice.home) / economy.excess


def _choose(economy: Economy, stocks: Stocks, choice: Choice) -> None:
    """New spending joins the stocks in proportion to attraction, which becomes that spending."""
    joining = choice.attraction
    joining[: economy.domestic] *= choice.home_rate * choice.home_scale
    joining[economy.domestic :] *= choice.abroad_rate
    choice.join(joining[economy.domestic :])
    stocks.held += joining


def _beside(economy: Economy, stocks: Stocks) -> FloatArray | None:
    """What foreign providers have without own sites, (F, G, N); None where none of it comes from abroad."""
    if economy.mix is None or not economy.mix.has_abroad:
        return None
    return stocks.held[economy.domestic :] + stocks.inside


def _serve_from_abroad(economy: Economy, stocks: Stocks, period: Period, choice: Choice, beside: FloatArray) -> None:
    """Whom providers serve from abroad: of who stayed beside own sites as many as before, and a part of who joined.

    Who is handed over or finds no room on a site stands beside it from then on, and none of them came from abroad.
    """
    part, joined = period.access.channels.abroad_part, choice.joined
    assert part is not None
    assert joined is not None
    stayed = stocks.held[economy.domestic :] + stocks.inside - joined
    stocks.abroad *= np.clip(np.minimum(stayed, beside) / np.maximum(beside, _TINY), 0.0, 1.0)
    stocks.abroad += part[:, economy.layer_of] * joined


def _earn(economy: Economy, stocks: Stocks, spending: FloatArray) -> None:
    """What markups other than the base year's add to profits."""
    domestic, earned = economy.domestic, stocks.earned
    earned.home[...] = 0.0
    for own, rows in economy.sized:
        margin = stocks.margin[own]
        if rows.stop <= domestic:
            earned.home[...] += np.einsum("pgn,pgn->n", margin, spending[rows])
            continue
        abroad = slice(rows.start - domestic, rows.stop - domestic)
        earned.abroad[abroad] = np.einsum("pgn,pgn->pn", margin, spending[rows])
        if economy.mix is not None:
            earned.served[abroad] = np.einsum("pgn,pgn->pn", margin, stocks.abroad[abroad])
        if stocks.sited:
            earned.owned[abroad] = np.einsum("pgn,pgn->pn", margin, stocks.owned[abroad])


def _price(economy: Economy, stocks: Stocks, spending: FloatArray) -> None:
    """Markups of the next period, from shares of this one over all channels.

    Equation (12) of docs/model.md.
    """
    domestic, slope = economy.domestic, economy.price_slope
    home, abroad = spending[:domestic].sum(axis=0), [stocks.held[domestic:]]
    at_home = [home - stocks.home_closed]
    if stocks.sited:
        at_home[0] -= stocks.home_inside
        np.maximum(at_home[0], 0.0, out=at_home[0])  # where all is in reach, rounding is left
        at_home.append(stocks.home_inside)
        abroad.append(stocks.inside + stocks.owned)
        beyond = stocks.reach_part <= 0.0
        if (beyond & stocks.owned.any(axis=0)).any():
            # Who stays on a site in whose reach nobody chooses any more is no class alone.
            left = np.where(beyond, stocks.owned, 0.0)
            abroad = [abroad[0] + left, stocks.inside + (stocks.owned - left)]
    totals = [theirs.sum(axis=0) for theirs in abroad]
    for total, ours in zip(totals, at_home, strict=True):
        total += ours
        total += _SMALL
    home_pull = home_share(home, list(zip(at_home, totals, strict=True)), stocks.home_closed)
    home_pull *= slope
    pulls = [slope / total for total in totals]
    stocks.before, stocks.markup = stocks.markup, stocks.before
    for own, rows in economy.sized:
        if rows.stop <= domestic:
            np.multiply(spending[rows], home_pull, out=stocks.markup[own])
        else:
            chosen = slice(rows.start - domestic, rows.stop - domestic)
            pulled = [part[chosen] * pull for part, pull in zip(abroad, pulls, strict=True)]
            stocks.markup[own] = class_share(pulled, totals)
    price_into(stocks.markup, stocks.margin, economy.substitution_by_segment, economy.base_lerner)


def tally(
    economy: Economy,
    stocks: Stocks,
    spending: FloatArray,
    by_layer: FloatArray | None = None,
    owned_by_layer: FloatArray | None = None,
) -> None:
    """Sum spending (P, G, N) and what of it is on owned sites by layer, into arrays that the stocks refer to then."""
    stocks.by_layer = economy.by_layer(spending, out=by_layer)
    if stocks.sited:
        stocks.owned_by_layer = economy.by_layer(stocks.owned, out=owned_by_layer)
