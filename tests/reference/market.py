"""Sections 4 and 5 of the model: demand and its dynamics, one draw, period by period."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from reference.base import Base, log_markups, reach_of
from reference.case import Case, Vector
from reference.rates import Rates
from sim.scenario.policy import decimal_year

__all__ = ["Market", "mean_price", "run"]

MEMORY = 1.0
"""T_s of section 5, years."""

PASSES = 5
"""Of the search for f_p: a numerical setting, for which the specification asks for a few."""

Unlocks = tuple[float, Vector]
"""Beyond the start's partner offers: what partners' offers have of the premium, and what those of sites have [p]."""

CLOSED, OUTSIDE, INSIDE, SITE = range(4)
"""Whose customers somebody is: of the closed class, outside and inside the reach of own sites, and on one."""


# ---------------------------------------------------------------- market size


@dataclass
class Path:
    """The market as it would be without opening."""

    size: Vector  # M [t, l], the base year's last period first
    kappa: Vector  # captive factor [t, l]
    total_trend: Vector  # log growth per year [t], the base year's first


def market_path(case: Case, base: Base) -> Path:
    """Log size = trend + y + steps; the layers share the total."""
    first = math.log1p(case["market.growth_base"])
    inside = np.exp(first * case.step * np.arange(case.per_year))  # a base-year flow is the mean of its periods
    age = 0.5 + (np.arange(case.periods + 1) - 0.5) * case.step  # since the middle of the base year
    curve, luck = _curve(case, age), np.concatenate([[0.0], case.luck])
    total = base.size.sum() * inside[-1] / inside.mean() * np.exp(curve - curve[0] + luck)
    size = total[:, None] * _layer_parts(case, base, age)
    growth = np.diff(np.log(size), axis=0) / case.step
    trend = growth - np.diff(luck)[:, None] / case.step
    # Existing customers stay, less churn; a part of the trend's growth stays with them, and all of shocks.
    kept = np.minimum(trend, case["demand.captive_growth"] * trend)
    kappa = np.exp((kept + growth - trend - case["demand.churn"]) * case.step)
    return Path(size, kappa, np.concatenate([[first], np.diff(curve) / case.step]))


def _curve(case: Case, age: Vector) -> Vector:
    """The trend of log size."""
    extra = -case["market.step_rate"] * math.expm1(-case["market.step_size"])
    return (_fading(case, age) if case.scenario.market.growth_by_year is None else _by_year(case, age)) + extra * age


def _by_year(case: Case, age: Vector) -> Vector:
    """Growth of single years, what lies between in years between, and after the last a fade to the long run's."""
    stated = sorted(map(int, case.scenario.market.growth_by_year or {}))
    rates = [math.log1p(case["market.growth_base"])]
    rates += [math.log1p(case[f"market.growth_by_year.{year}"]) for year in stated]
    base, last = case.scenario.horizon.base_year, math.log1p(case["market.growth_long_run"])
    size, end = [0.0], stated[-1] - base
    for year in range(base + 1, stated[-1] + 1):
        size.append(size[-1] + float(np.interp(year, [base, *stated], rates)))
    fade, later = math.log(2.0) / case["market.growth_fade"], np.maximum(age - end, 0.0)
    tail = last * later + (rates[-1] - last) * (1.0 - np.exp(-fade * later)) / fade
    return np.interp(age, np.arange(end + 1), size) + tail


def _fading(case: Case, age: Vector) -> Vector:
    """Growth that fades so as to meet the median forecast, and what the draw's own forecast adds."""
    first, last = (math.log1p(case[f"market.{name}"]) for name in ("growth_base", "growth_long_run"))
    span, expected = float(case.scenario.market.forecast_years), math.log1p(case.median_forecast)
    fade = brentq(lambda x: last + (first - last) * -math.expm1(-x) / x - expected, 1e-9, 1e3, xtol=1e-15) / span
    level = span * math.log((1.0 + case["market.growth_forecast"]) / (1.0 + case.median_forecast))
    tilt = level * np.clip((age - 0.5) / (span - 0.5), 0.0, 1.0)
    return last * age - (first - last) * np.expm1(-fade * age) / fade + tilt


def _layer_parts(case: Case, base: Base, age: Vector) -> Vector:
    """One layer's log-odds drift and fade from the middle of the base year, as growth does.

    So section 5 has it with "annual mean to annual mean"; read by its "base shares to the end of the base year" it
    would give IaaS 66.2% of the market of 2019 and not 68.3%.
    """
    parts = np.tile(base.size / base.size.sum(), (len(age), 1))
    drifting = [i for i, name in enumerate(case.layers) if case.scenario.market.layers[name].log_odds_drift]
    for lead in drifting[:1]:
        before, fade = parts[0, lead], case["market.drift_fade"]
        gained = case[f"market.layers.{case.layers[lead]}.log_odds_drift"] * -np.expm1(-fade * age) / fade
        now = 1.0 / (1.0 + (1.0 - before) / before * np.exp(-gained))
        parts *= ((1.0 - now) / (1.0 - before))[:, None]
        parts[:, lead] = now
    return parts


def _luck(case: Case, base: Base) -> Vector:
    """e^(z + b), rescaled so that each group has its base-year total, and e^(w + c) of foreign offers; [t, l, p]."""
    lift = np.exp(case.rivalry[:, None] + case.rival_offsets.swapaxes(1, 2))
    for group in (case.foreign, ~case.foreign):
        shares = base.layer_share[:, group]
        lift[..., group] *= (shares.sum(axis=1) / (shares * lift[..., group]).sum(axis=-1))[..., None]
    lift[..., case.foreign] *= np.exp(case.origin[:, None] + case.origin_offsets)[..., None]
    return lift


# ---------------------------------------------------------------- what the regime allows


def _arrived(case: Case, begin: float, end: float, since: float) -> float:
    """Integral of 1 - exp(-(s - since)/ramp) over what of [begin, end] is not before `since`."""
    first, last, ramp = max(begin, since) - since, end - since, case["opening.ramp"]
    return last - first + ramp * (math.exp(-last / ramp) - math.exp(-first / ramp)) if last > first else 0.0


def _partner_unlock(case: Case, begin: float, end: float) -> float:
    """Beyond the start's: ramped since the day on which any was first granted, the mean over the whole window."""
    start = case.phases[0].partner_unlock
    granted = [p for p in case.phases if p.partner_unlock != start and p.start < p.end]
    came = [_arrived(case, max(begin, p.start), min(end, p.end), granted[0].start) for p in granted]
    return sum((p.partner_unlock - start) * x for p, x in zip(granted, came, strict=True)) / (end - begin)


def _owned_unlock(case: Case, begin: float, end: float, launched: float) -> float:
    """Beyond the start's partner offers: ramped since launch, the mean over the live part of the window."""
    if launched >= end:
        return 0.0
    came = [_arrived(case, max(begin, p.start), min(end, p.end), launched) for p in case.phases]
    above = [p.owned_unlock - case.phases[0].partner_unlock for p in case.phases]
    return sum(a * x for a, x in zip(above, came, strict=True)) / (end - max(begin, launched))


def _cap(case: Case, path: Path, t: int) -> float:
    """Of a zone: stated at the mean size of the first year, it grows with the total market."""
    total = path.size.sum(axis=1)
    stated = case["zone.cap"] * total[t + 1] / total[1 : case.per_year + 1].mean()
    return stated if case.in_force(t).capped else math.inf


def _migrates(case: Case, t: int) -> bool:
    """Whether what consents is worth more on the site than all of it with the partner; never while a zone has a cap.

    Left open by the specification: at base-year markups, and at utilisation u, as entry; both as the engine.
    """
    owned, partner = Rates(case).worth(case.in_force(t).partner_equity, 1.0)
    return not case.in_force(t).capped and (1.0 - case["migration.consent_loss"]) * owned > partner


def _closing(case: Case, g: int, t: int, *, evicts: bool = False) -> float:
    """Part of a segment that events close in the window, or what of it they evict."""
    begin, end = (case.window(t)[0] if t else -math.inf), case.window(t)[1]
    now = (closing for closing in case.closings if begin <= closing.date < end and closing.evicts >= evicts)
    return sum(closing.parts.get(case.segments[g], 0.0) for closing in now)


# ---------------------------------------------------------------- the market


@dataclass
class Segment:
    """Spending in one segment, USD bn/yr, and the consumer gain that it carries, by class and provider; its prices.

    Of domestic providers' customers only the sums by class and by provider mean anything.
    """

    spent: Vector  # [class, p]
    gain: Vector
    markup: Vector  # log of this period's [p], and of the period before
    before: Vector
    worth: Vector  # e^V of offers before price [p]; 0 until one arrives
    open: float
    shut: float = 0.0  # by events
    reach: float = 0.0  # part of the open part


@dataclass
class Choice:
    """How a segment's spending chooses in a period."""

    pull: Vector  # attraction of home and partner offers [p], and of owned ones where a site takes new business
    owned: Vector
    in_reach: float  # contestable spending in the owned-open class before expansion
    gain: float  # per unit in the partner-open class
    newly_open: float  # what spending that was closed in the base year takes off the log of attraction, in the mean
    again: float = 0.0  # spending that chooses once more, among home and partner offers


@dataclass
class Market:
    """All of it, and its record by period."""

    base: Base
    path: Path
    luck: Vector  # [t, l, p]
    segments: list[Segment]
    quality: Vector  # [l]
    capacity: Vector  # [p]
    planned: Vector
    wanted: Vector  # [t, p]
    bought: Vector
    record: dict[str, Vector]

    def on(self, channel: int) -> Vector:
        """Spending in a class with each provider, [p]."""
        return np.sum([segment.spent[channel] for segment in self.segments], axis=0)


def run(case: Case, base: Base) -> Market:
    """From the end of the base year to the end of the horizon."""
    path, segments = market_path(case, base), []
    for g, layer in enumerate(case.layer_of):
        size, markup = path.size[0, layer] * base.weight[g], base.log_markup[g]
        spent, closed = np.zeros((4, len(case.providers))), np.where(case.foreign, 0.0, base.share[g])
        spent[CLOSED] = size * (1.0 - base.open[g]) * closed / closed.sum()
        spent[OUTSIDE] = size * base.share[g] - spent[CLOSED]
        worth = base.choice[g] * np.exp(case.excess * markup)
        segments.append(Segment(spent, np.zeros_like(spent), markup, markup, worth, base.open[g]))
    nobody, never, quality = np.zeros(len(case.providers)), 0.0 * case.rivalry, np.zeros(len(case.layers))
    market = Market(base, path, _luck(case, base), segments, quality, nobody, nobody, never.copy(), never.copy(), {})
    periods = [_advance(case, market, t) for t in range(case.periods)]
    market.record = {name: np.array([period[name] for period in periods]) for name in periods[0]}
    return market


def _live(case: Case, t: int) -> Vector:
    """Years of the window of period t since launch, 0 where no site runs in its middle; [p]."""
    end = case.window(t)[1]
    return np.where((case.launched < end) & (case.transferred >= end), np.minimum(end - case.launched, case.step), 0.0)


def _advance(case: Case, market: Market, t: int) -> dict[str, Vector]:
    """One period, in the order of section 5; returns what is recorded of it."""
    use, years, (begin, end) = market.on(SITE), _live(case, t), case.window(t)
    selling = np.where(case.withdrawn >= end, years, 0.0)
    _raise_quality(case, market, case.mean("spillover", begin, end))
    of_sites = np.array([_owned_unlock(case, begin, end, day) for day in case.launched])
    unlocks = _partner_unlock(case, begin, end), of_sites
    chosen = [_choice(case, market, g, unlocks, selling, t) for g in range(len(market.segments))]
    _hand_over(case, market, chosen, (begin <= case.transferred) & (case.transferred < end))
    if years.any() or market.capacity.any():
        _sites(case, market, chosen, (years, selling, use), t)
    for segment, choice in zip(market.segments, chosen, strict=True):
        _choose_again(segment, choice)
    record = _record(case, market)
    for segment in market.segments:
        _price(case, segment)
    return record


def _raise_quality(case: Case, market: Market, allowed: float) -> None:
    """Technology transfer, by the shares of the period before."""
    for layer, shares in enumerate(market.base.layer_share):
        spent = sum(market.segments[g].spent for g in case.rows[layer])
        exposed = spent[:, case.home :].sum() - (1.0 - case["technology.owned_spillover"]) * spent[SITE].sum()
        relative = exposed / spent.sum() / shares[case.home :].sum()
        rate = case["technology.catch_up"] + case["technology.spillover"] * allowed * relative
        market.quality[layer] += rate * case.step


def _choice(case: Case, market: Market, g: int, unlocks: Unlocks, selling: Vector, t: int) -> Choice:
    """Who stays in a segment, and what the closed and the partner-open class choose, with its gain."""
    segment, layer, base, h = market.segments[g], case.layer_of[g], market.base, case.home
    kappa = market.path.kappa[t, layer]
    free = (market.path.size[t + 1, layer] - market.path.size[t, layer] * kappa) * base.weight[g]
    segment.spent *= kappa
    segment.gain = kappa * segment.gain + (segment.before - segment.markup) * segment.spent
    evicted = _move_borders(case, segment, g, t, bool(selling.any()))
    pull, owned = _offers(case, market, g, unlocks, selling, t)
    log_home, log_all = math.log(pull[:h].sum()), math.log(pull.sum())
    base_home = math.log(base.choice[g, :h].sum())
    closed, base_closed = 1.0 - segment.open, 1.0 - base.open[g]
    stayed, opened = min(closed, base_closed), max(base_closed - closed, 0.0)  # of what was closed in the base year
    newly = base_home * opened / (1.0 - closed) if closed < 1.0 else 0.0
    gain = (log_all - newly) / case.excess
    at_home, in_open = pull[:h] / pull[:h].sum(), free * segment.open * (1.0 - segment.reach) * pull / pull.sum()
    segment.spent[CLOSED, :h] += (free * closed + evicted) * at_home
    in_closed = (free * closed + evicted) * log_home - free * stayed * base_home
    segment.gain[CLOSED, :h] += in_closed / case.excess * at_home
    segment.spent[OUTSIDE] += in_open
    segment.gain[OUTSIDE] += gain * in_open
    return Choice(pull, owned, free * segment.open * segment.reach, gain, newly)


def _move_borders(case: Case, segment: Segment, g: int, t: int, sold: bool) -> float:
    """Closure and reach; returns what an eviction sets free, which settles at home."""
    leaving = _closing(case, g, t, evicts=True)
    part = min(leaving / segment.open, 1.0) if segment.open > 0.0 else float(leaving > 0.0)
    evicted = part * segment.spent[:, case.home :].sum()
    segment.spent[:, case.home :] *= 1.0 - part
    segment.gain[:, case.home :] *= 1.0 - part
    segment.shut += _closing(case, g, t)
    drifted = case["closure.drift"] * (t + 0.5) * case.step
    segment.open = min(max(case[f"segments.{case.segments[g]}.open"] - segment.shut - drifted, 0.0), 1.0)
    # Customers cross the border of the reach with it; what closes takes from both sides alike.
    old, new = segment.reach, reach_of(case, case.in_force(t), case.segments[g]) if sold else 0.0
    enters, leaves = (new - old) / (1.0 - old) if new > old else 0.0, (old - new) / old if new < old else 0.0
    for stock in (segment.spent, segment.gain):
        moved = enters * stock[OUTSIDE] - leaves * stock[INSIDE]
        stock[OUTSIDE] -= moved
        stock[INSIDE] += moved
    segment.reach = new
    return evicted


def _offers(case: Case, market: Market, g: int, unlocks: Unlocks, selling: Vector, t: int) -> tuple[Vector, Vector]:
    """Attraction of home and partner offers and of owned ones: their worth moved by price, quality, luck, unlock."""
    segment, layer, (by_partner, by_site) = market.segments[g], case.layer_of[g], unlocks
    premium = market.base.premium[layer]
    push = np.where(case.foreign, by_partner * premium, case.excess * market.quality[layer])
    moved = market.luck[t, layer] * np.exp(push + _jumped(case, t) - case.excess * segment.markup)
    here, arrives = np.array([_presence(case, p, t) for p in range(len(moved))]).T
    everybody = (segment.worth * moved * here).sum()
    for p in np.flatnonzero(arrives):  # it gets its part of new choices where partners of all are seen
        part = case[f"providers.{case.providers[p]}.arrives.new_choices"]
        segment.worth[p] = part / (1.0 - part) * everybody / moved[p]
    pull = segment.worth * moved * here
    return pull, np.where(selling > 0.0, pull * np.exp(np.maximum(by_site - by_partner, 0.0) * premium), 0.0)


def _jumped(case: Case, t: int) -> Vector:
    """Jumps of quality on a date, as far as they are in force in the window; those by chance are luck."""
    jumped, (begin, end) = np.zeros(len(case.providers)), case.window(t)
    for p, name in enumerate(case.providers):
        jumps = case.scenario.providers[name].jumps
        if jumps is not None and jumps.rate is None:
            day = case.launched[p] if jumps.when is None else decimal_year(jumps.when)
            day += case.inputs.get(f"providers.{name}.jumps.delay", 0.0)
            part, size = max(end - max(begin, day), 0.0) / (end - begin), case[f"providers.{name}.jumps.size"]
            jumped[p] = math.log(1.0 - part + part * math.exp(size))
    return jumped


def _presence(case: Case, p: int, t: int) -> tuple[float, bool]:
    """Part of the window in which a provider is there, times e^b of its own; and whether it arrives in it."""
    name, end = case.providers[p], case.window(t)[1]
    terms = case.scenario.providers[name].arrives
    if terms is None or case.arrived[p] >= end:
        return float(terms is None), False
    first = max(math.floor((case.arrived[p] - case.window(0)[0]) / case.step), 0)
    whole = 1.0 if terms.after == "launch" else min((end - case.arrived[p]) / case.step, 1.0)
    return whole * math.exp(case.entrant_offsets[name][t - first]), t == first


def _choose_again(segment: Segment, choice: Choice) -> None:
    """Who does not consent to a new operator chooses among home and partner offers; nobody stays in no reach."""
    joining = choice.again / choice.pull.sum() * choice.pull
    segment.spent[INSIDE] += joining
    segment.gain[INSIDE] += joining * choice.gain
    if segment.reach <= 0.0:
        for stock in (segment.spent, segment.gain):
            stock[OUTSIDE] += stock[INSIDE]
            stock[INSIDE] = 0.0


# ---------------------------------------------------------------- own sites


def _hand_over(case: Case, market: Market, chosen: list[Choice], handed: Vector) -> None:
    """Forced transfer: customers go to the partner offer, less those who do not consent."""
    loss = case["migration.consent_loss"]
    for segment, choice in zip(market.segments, chosen, strict=True):
        moved = np.where(handed, segment.spent[SITE], 0.0)
        segment.spent[OUTSIDE] += (1.0 - loss) * moved
        segment.gain[OUTSIDE] += (1.0 - loss) * moved * choice.gain
        choice.again += loss * moved.sum()
        segment.spent[SITE, handed] = segment.gain[SITE, handed] = 0.0
    market.capacity = np.where(handed, 0.0, market.capacity)


@dataclass
class Intake:
    """New spending of the owned-open class, on sites and elsewhere [p]; its expansion, its log attraction."""

    owned: Vector
    other: Vector
    lift: float
    log_total: float


def _intake(case: Case, choice: Choice, seen: Vector) -> Intake:
    """A part `seen` [p] of the class sees each owned offer, the rest the partner's; spending grows with attraction."""
    owned, other = seen * choice.owned, (1.0 - seen) * choice.pull
    total = owned.sum() + other.sum()
    lift = (total / choice.pull.sum()) ** ((case["demand.elasticity_of_demand"] - 1.0) / case.excess)
    rate = choice.in_reach * lift / total
    return Intake(rate * owned, rate * other, lift, math.log(total))


def _sites(case: Case, market: Market, chosen: list[Choice], windows: tuple[Vector, Vector, Vector], t: int) -> None:
    """The owned-open class: capacity, then room for growth on site, new customers and migrants, in this order."""
    years, selling, use = windows
    loss, share = case["migration.consent_loss"], case.part * selling / case.step
    asked = case.part * -np.expm1(-case["migration.rate"] * selling) * _migrates(case, t)
    intakes, grown = [_intake(case, choice, share) for choice in chosen], market.on(SITE)
    demand = sum(one.owned for one in intakes)
    coming = demand + (1.0 - loss) * asked * market.on(INSIDE)
    _build(case, market, (years, use, grown - use + coming), t)
    over = 1.0 - _fit(market.capacity, grown)
    for stock in (stock for segment in market.segments for stock in (segment.spent, segment.gain)):
        stock[INSIDE] += over * stock[SITE]  # growth that finds no room goes to the partner offer without loss
        stock[SITE] *= 1.0 - over
    room = np.maximum(market.capacity - grown, 0.0)
    if (demand > room).any():
        intakes = _rationed(case, chosen, share, room)
    room = np.maximum(room - sum(one.owned for one in intakes), 0.0)
    movers = asked * _fit(room, (1.0 - loss) * asked * market.on(INSIDE))
    for segment, choice, new in zip(market.segments, chosen, intakes, strict=True):
        _enter(case, segment, choice, new, movers)


def _fit(room: Vector, wanted: Vector) -> Vector:
    """Part of what is wanted that finds room."""
    return np.minimum(np.divide(room, wanted, out=np.ones_like(room), where=wanted > 0.0), 1.0)


def _enter(case: Case, segment: Segment, choice: Choice, new: Intake, movers: Vector) -> None:
    """Migrants and new customers take their places, with their gain; what opening adds counts half."""
    loss, moved = case["migration.consent_loss"], movers * segment.spent[INSIDE]
    full = (new.log_total - choice.newly_open) / case.excess
    gain = full * (1.0 / new.lift + 0.5 * (1.0 - 1.0 / new.lift))
    choice.again += loss * moved.sum()
    segment.spent[SITE] += (1.0 - loss) * moved + new.owned
    segment.gain[SITE] += (1.0 - loss) * moved * full + new.owned * gain
    segment.spent[INSIDE] += new.other - moved
    segment.gain[INSIDE] += new.other * gain - movers * segment.gain[INSIDE]


def _rationed(case: Case, chosen: list[Choice], share: Vector, room: Vector) -> list[Intake]:
    """f_p such that new spending fits the room; the residue of the last pass goes to the partner offer."""
    seen, found = share, [_intake(case, choice, share) for choice in chosen]
    for _ in range(PASSES):
        demand = sum(one.owned for one in found)
        seen = np.minimum(np.divide(seen * room, demand, out=seen.copy(), where=demand > 0.0), share)
        found = [_intake(case, choice, seen) for choice in chosen]
    over = 1.0 - _fit(room, sum(one.owned for one in found))
    return [Intake((1.0 - over) * x.owned, x.other + over * x.owned, x.lift, x.log_total) for x in found]


def _build(case: Case, market: Market, seen: tuple[Vector, Vector, Vector], t: int) -> None:
    """The capacity plan: what a provider wants, what retires, what is replaced, what arrives, within the zone's cap."""
    years, use, change = seen
    live, before = years > 0.0, _live(case, t - 1) > 0.0 if t else np.zeros(len(years), dtype=bool)
    smoothed = market.planned + (1.0 - math.exp(-case.step / MEMORY)) * (change / case.step - market.planned)
    market.planned = np.where(live & ~before, change / np.maximum(years, 1e-9), smoothed)
    ahead = case["capacity.expansion_lead"] + case["capacity.planning_years"]
    wanted = np.maximum(np.where(before, use + change, 0.0) + market.planned * ahead, 0.0)
    wanted *= 1.0 + case.inputs.get("capacity.headroom", 0.0)
    market.wanted[t] = np.where(live, wanted, 0.0)
    life = max(round(case["economics.asset_life"] / case.step), 1)
    standing = np.maximum(market.capacity - (market.bought[t - life] if t >= life else 0.0), 0.0)
    # What stands and is on order: orders bring capacity to what was wanted, so that they are levels; what was last
    # wanted is on order itself, and so only what it is below what stood before need be replaced.
    kept = np.where(live & before, np.minimum(market.wanted[t - 1], market.capacity), 0.0)
    arrives = np.where(live, np.where(before, _ordered(case, market, t), market.wanted[t]), 0.0)
    turn, cap = np.lexsort((case.order, case.launched)), _cap(case, market.path, t)
    market.capacity = _granted(_granted(standing, kept, cap, turn), arrives, cap, turn)
    market.bought[t] = market.capacity - standing


def _ordered(case: Case, market: Market, t: int) -> Vector:
    """What was wanted one expansion lead ago; a lead between two whole lags is split over both."""
    periods = max(case["capacity.expansion_lead"] / case.step, 1.0)
    whole = math.floor(periods + 1e-9)
    late = max(periods - whole, 0.0)
    then = [market.wanted[t - lag] if t >= lag else np.zeros(len(case.providers)) for lag in (whole, whole + 1)]
    return (1.0 - late) * then[0] + late * then[1]


def _granted(capacity: Vector, goal: Vector, cap: float, order: Vector) -> Vector:
    """Capacity brought to a goal as far as the zone's cap allows, in launch order; never below what stands."""
    found, left = capacity.copy(), cap - capacity.sum()
    if left <= 1e-9 * capacity.sum():  # rounding
        left = 0.0
    for p in order:
        more = min(max(goal[p] - capacity[p], 0.0), left)
        found[p] += more
        left -= more
    return found


# ---------------------------------------------------------------- prices and the record


def _price(case: Case, segment: Segment) -> None:
    """Markups of the next period, from this one's shares of each access class, captive spending included."""
    classes, h = segment.spent[:SITE].copy(), case.home
    # Who is on a site in whose reach nothing is any more is in the open class, with everybody it was open to.
    classes[INSIDE if segment.reach > 0.0 else OUTSIDE] += segment.spent[SITE]
    at_home = segment.spent[:, :h].sum(axis=0)
    classes[:, :h] = np.outer(classes[:, :h].sum(axis=1), at_home / at_home.sum())
    segment.before, segment.markup = segment.markup, log_markups(case, classes)


def _record(case: Case, market: Market) -> dict[str, Vector]:
    """Enter the period: spending, gains, quality, capacity, prices, and what markups earn beyond the base year's."""
    spent = np.array([segment.spent.sum(axis=0) for segment in market.segments])
    owned = np.array([segment.spent[SITE] for segment in market.segments])
    markup = np.array([segment.markup for segment in market.segments])
    margin = np.exp(-market.base.log_markup) - np.exp(-markup)  # 1/mu_0 - 1/mu (section 6)
    return {
        "spending": [spent[rows].sum(axis=0) for rows in case.rows],
        "owned": [owned[rows].sum(axis=0) for rows in case.rows],
        "gain": [sum(market.segments[g].gain.sum() for g in rows) for rows in case.rows],
        "markup": [mean_price(markup[rows], spent[rows]) for rows in case.rows],
        "quality": market.quality.copy(),
        "capacity": market.capacity,
        "earned": (margin * spent).sum(axis=0),
        "owned_earned": (margin * owned).sum(axis=0),
    }


def mean_price(log_markup: Vector, spent: Vector) -> Vector:
    """Price over marginal cost of a layer, weighted by spending [g, p]; plain where there is none."""
    weights = np.where(spent.sum(axis=0) > 0.0, spent, 1.0)
    return (weights * np.exp(log_markup)).sum(axis=0) / weights.sum(axis=0)
