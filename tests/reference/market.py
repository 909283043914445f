"""Sections 4 and 5 of the model: demand and its dynamics, one draw, period by period."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from reference.base import Base, log_markups, reach_of
from reference.case import Case, Vector
from reference.channels import ABROAD, LEAST, OWNED, Levels
from reference.rates import Rates
from sim.scenario.policy import decimal_year

__all__ = ["Market", "mean_price", "run"]

MEMORY = 1.0
"""T_s of section 5, years."""

NOWHERE = 1e-12
"""Odds of an entrant in a layer in which it does not sell: a numerical setting."""

PASSES = 5
"""Of the search for f_p: a numerical setting, for which the specification asks for a few."""

TINY = np.finfo(np.float64).tiny

Lifts = tuple[Vector, Vector, Vector]
"""In a period: log of what the offers beside sites lift attraction by, how far sites' offers lead them, both beyond
the base year, and the part of the former's sales that is served from abroad; [l, p]."""

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
    if case.scenario.demand.kind == "purchase":  # what is in use grows with the market
        return Path(size, size[1:] / size[:-1], np.concatenate([[first], np.diff(curve) / case.step]))
    # Existing customers stay, less churn; a part of the trend's growth stays with them, and all of shocks.
    stays, churn = (
        np.array([case.chosen(f"demand.{name}", t) for t in range(case.periods)])[:, None]
        for name in ("captive_growth", "churn")
    )
    kappa = np.exp((np.minimum(trend, stays * trend) + growth - trend - churn) * case.step)
    return Path(size, kappa, np.concatenate([[first], np.diff(curve) / case.step]))


def _curve(case: Case, age: Vector) -> Vector:
    """The trend of log size."""
    extra = -case["market.step_rate"] * math.expm1(-case["market.step_size"])
    if case.scenario.market.growth_by_year is None:
        return _fading(case, age) + _bent(case, age, _fade(case), 0.0) + extra * age
    return _by_year(case, age) + extra * age


def _bent(case: Case, age: Vector, fade: float, end: float) -> Vector:
    """What steps make of growth in the long run (section 11), which years of stated growth do not know."""
    middle, every, bent = (
        case.scenario.horizon.base_year + 0.5,
        case.changes("market.growth_long_run"),
        np.zeros(len(age)),
    )
    for (day, value), (_, before) in zip(every[1:], every, strict=False):
        if day < math.inf:
            on = np.maximum(age - max(day - middle, end), 0.0)
            bent += (math.log1p(value) - math.log1p(before)) * (on + np.expm1(-fade * on) / fade)
    return bent


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
    return np.interp(age, np.arange(end + 1), size) + tail + _bent(case, age, fade, end)


def _fading(case: Case, age: Vector) -> Vector:
    """Growth that fades so as to meet the median forecast, and what the draw's own forecast adds."""
    first, last = (math.log1p(case[f"market.{name}"]) for name in ("growth_base", "growth_long_run"))
    span, fade = float(case.scenario.market.forecast_years), _fade(case)
    level = span * math.log((1.0 + case["market.growth_forecast"]) / (1.0 + case.median_forecast))
    tilt = level * np.clip((age - 0.5) / (span - 0.5), 0.0, 1.0)
    return last * age - (first - last) * np.expm1(-fade * age) / fade + tilt


def _fade(case: Case) -> float:
    """The rate at which growth fades so as to meet the median forecast."""
    first, last = (math.log1p(case[f"market.{name}"]) for name in ("growth_base", "growth_long_run"))
    span, expected = float(case.scenario.market.forecast_years), math.log1p(case.median_forecast)
    return brentq(lambda x: last + (first - last) * -math.expm1(-x) / x - expected, 1e-9, 1e3, xtol=1e-15) / span


def _layer_parts(case: Case, base: Base, age: Vector) -> Vector:
    """One layer's log-odds drift and fade from the middle of the base year, as growth does.

    So section 5 has it with "annual mean to annual mean"; read by its "base shares to the end of the base year" it
    would give IaaS 66.2% of the market of 2019 and not 68.3%.
    """
    first = base.size / base.size.sum()
    moved = {i: _moved_part(case, name, first[i], age) for i, name in enumerate(case.layers) if _moves(case, name)}
    parts = np.tile(first, (len(age), 1))
    if moved:
        parts *= ((1.0 - sum(moved.values())) / (1.0 - sum(first[i] for i in moved)))[:, None]
    for i, now in moved.items():
        parts[:, i] = now
    return parts


def _moves(case: Case, layer: str) -> bool:
    stated = case.scenario.market.layers[layer]
    return stated.log_odds_drift is not None or stated.diffusion is not None


def _moved_part(case: Case, layer: str, before: float, age: Vector) -> Vector:
    """Part of the total of a layer that drifts, or of a technology that spreads along a logistic curve."""
    spread, path = case.scenario.market.layers[layer].diffusion, f"market.layers.{layer}"
    if spread is None:
        fade = case["market.drift_fade"]
        gained = case[f"{path}.log_odds_drift"] * -np.expm1(-fade * age) / fade
        return np.asarray(1.0 / (1.0 + (1.0 - before) / before * np.exp(-gained)))
    top, luck = case[f"{path}.diffusion.ceiling"], np.zeros(len(age))
    if spread.speed is not None:
        speed = case[f"{path}.diffusion.speed"]
    else:  # half of the ceiling at the midpoint
        years = case[f"{path}.diffusion.midpoint"] - (case.scenario.horizon.base_year + 0.5)
        speed = math.log((top - before) / before) / years
    if spread.sd is not None:
        luck[1:] = case[f"{path}.diffusion.sd"] * case.spread[layer]
    odds = before / (top - before) * np.exp(speed * age + luck)
    return np.asarray(top * odds / (1.0 + odds))


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


def _unlocked(case: Case, lever: str, begin: float, end: float) -> float:
    """Beyond the start's: ramped since the day on which any was first granted, the mean over the whole window."""
    start = getattr(case.phases[0], lever)
    granted = [p for p in case.phases if getattr(p, lever) != start and p.start < p.end]
    came = [_arrived(case, max(begin, p.start), min(end, p.end), granted[0].start) for p in granted]
    return sum((getattr(p, lever) - start) * x for p, x in zip(granted, came, strict=True)) / (end - begin)


def _bought_unlock(case: Case, p: int, begin: float, end: float) -> float:
    """Beyond the start's partner offers: ramped since the partner was bought, the mean over the whole window.

    Who would not buy up to what a regime allows gets no more than before.
    """
    came, level, start = 0.0, 0.0, case.phases[0].partner_unlock
    for place, phase in enumerate(case.phases):
        stays = place > 0 and phase.equity_cap is not None and not phase.buys[p]
        level = min(level, phase.bought_unlock) if stays else phase.bought_unlock
        came += (level - start) * _arrived(case, max(begin, phase.start), min(end, phase.end), case.bought[p])
    return came / (end - begin)


def _owned_unlock(case: Case, begin: float, end: float, launched: float) -> float:
    """Beyond the start's partner offers: ramped since launch, the mean over the live part of the window."""
    if max(begin, launched) >= end or launched == -math.inf:
        return 0.0
    came = [_arrived(case, max(begin, p.start), min(end, p.end), launched) for p in case.phases]
    above = [p.owned_unlock - case.phases[0].partner_unlock for p in case.phases]
    return sum(a * x for a, x in zip(above, came, strict=True)) / (end - max(begin, launched))


def _cap(case: Case, path: Path, t: int) -> float:
    """Of a zone: stated at the mean size of the first year, it grows with the total market."""
    total = path.size.sum(axis=1)
    stated = case.number("zone.cap", *case.period(t)) * total[t + 1] / total[1 : case.per_year + 1].mean()
    return stated if any(phase.capped for phase in case.met(t)) else math.inf


def _lifts(case: Case, base: Base, t: int) -> Lifts:
    """What channels add to the attraction of the base year in a period."""
    (begin, end), every = case.window(t), range(len(case.providers))
    by_partner = np.array(
        [max(_unlocked(case, "partner_unlock", begin, end), _bought(case, p, begin, end)) for p in every]
    )
    last = np.minimum(case.withdrawn, end) if case.buys else np.full(len(every), end)
    by_site = np.array([_owned_unlock(case, begin, *days) for days in zip(last, case.launched, strict=True)])
    if base.channels is None:
        premium = base.premium[:, None]
        return by_partner * premium, np.maximum(by_site - by_partner, 0.0) * premium, np.zeros((1, 1))
    channels, start = base.channels, case.phases[0]
    sites = start.owned_unlock + _unlocked(case, "owned_unlock", begin, end)
    levels = Levels(
        partner=start.partner_unlock + by_partner,
        abroad=start.cross_border_unlock + _unlocked(case, "cross_border_unlock", begin, end),
        owned=np.where(channels.sited, sites, start.partner_unlock + by_site),
        kept=case.mean("cross_border", begin, end),
        tariff=case.tariff(begin, end),
    )
    owned, rest, served = channels.lifts(levels)
    rest = np.maximum(rest, LEAST)
    return rest, np.maximum(owned - rest, np.where(channels.sited, -math.inf, 0.0)), served


def _bought(case: Case, p: int, begin: float, end: float) -> float:
    return _bought_unlock(case, p, begin, end) if math.isfinite(case.bought[p]) else -math.inf


def _migrates(case: Case, t: int) -> Vector:
    """Whether what consents is worth more on the site than all of it with the partner; never while a zone has a cap.

    Left open by the specification: at base-year markups, and at utilisation u, as entry; both as the engine.
    """
    owned, partner = Rates(case, case.period(t)).worth(case.in_force(t).equity, 1.0)
    return (1.0 - case.chosen("migration.consent_loss", t)) * owned > (math.inf if case.in_force(t).capped else partner)


def _done(case: Case, deed: str, name: str, t: int, *, evicts: bool = False) -> float:
    """What steps do in a window: `closes`, or that of those which evict, and `opens` a segment, `raises` a layer."""
    steps = (step for step, said in case.scenario.policy.steps.items() if said.evicts >= evicts)
    stated = {step: case.inputs.get(f"policy.steps.{step}.{deed}.{name}", 0.0) for step in steps}
    return sum(much * _comes(case, case.steps[step], t) for step, much in stated.items() if much)


def _comes(case: Case, day: float, t: int) -> float:
    """Whether a day lies in a window, the first with all before it; of goods what of the window is after it, anew."""
    begin, end = case.window(t)
    if not case.buys:
        return float((begin <= day or t == 0) and day < end)
    after = max(end - max(day, begin), 0.0)
    return (after - (max(begin - max(day, begin - case.step), 0.0) if t else 0.0)) / case.step


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
    abroad: Vector  # of what is outside and inside of reach, what is served from abroad [p]
    worth: Vector  # e^V of offers before price [p]; 0 until one arrives
    open: float
    shut: float = 0.0  # by events
    reach: float = 0.0  # part of the open part
    used: tuple[Vector, Vector, Vector] | None = None  # spent, gain and abroad of goods in use

    @property
    def stocks(self) -> list[tuple[Vector, Vector, Vector]]:
        """Spending, gain and what is served from abroad: of this period, and of what is in use."""
        return [one for one in ((self.spent, self.gain, self.abroad), self.used) if one is not None]


@dataclass
class Choice:
    """How a segment's spending chooses in a period."""

    pull: Vector  # attraction of home and partner offers [p], and of owned ones where a site takes new business
    owned: Vector
    in_reach: float  # contestable spending in the owned-open class before expansion
    freed: float  # spending there of whose provider has left
    gain: float  # per unit in the partner-open class
    newly_open: float  # what spending that was closed in the base year takes off the log of attraction, in the mean
    without: float  # total attraction in reach without new sites
    sees: Vector  # who is seen beside sites [p]
    served: Vector  # part of it from abroad [p]
    beside: Vector  # what stayed beside sites before anybody joined [p]
    joined: Vector  # and who has joined since [p]
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
    wanted: Vector  # [t, p], the periods before the first, `past` of them, first
    bought: Vector
    record: dict[str, Vector]
    past: int = 0

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
        abroad = np.zeros(len(case.providers))
        segments.append(Segment(spent, np.zeros_like(spent), markup, markup, abroad, worth, base.open[g]))
    nobody, never, quality = np.zeros(len(case.providers)), 0.0 * case.rivalry, np.zeros(len(case.layers))
    market = Market(base, path, _luck(case, base), segments, quality, nobody, nobody, never.copy(), never.copy(), {})
    _open_channels(case, market)
    if case.scenario.demand.kind == "purchase":
        for segment in segments:
            segment.used = segment.spent.copy(), segment.gain.copy(), segment.abroad.copy()
    periods = [_advance(case, market, t) for t in range(case.periods)]
    market.record = {name: np.array([period[name] for period in periods]) for name in periods[0]}
    return market


def _open_channels(case: Case, market: Market) -> None:
    """Put the sales of the base year into their channels, and the capacity for what is on sites in place."""
    channels, start = market.base.channels, case.phases[0]
    if channels is None:
        return
    for g, segment in enumerate(market.segments):
        sold = segment.spent[OUTSIDE] * case.foreign
        segment.abroad = sold * channels.sold[ABROAD, case.layer_of[g]]
        if channels.sited.any():
            segment.spent[SITE] = sold * channels.sold[OWNED, case.layer_of[g]]
            segment.spent[OUTSIDE] -= segment.spent[SITE]
            segment.reach = reach_of(case, start, case.segments[g])
            segment.spent[INSIDE] = segment.reach * segment.spent[OUTSIDE]
            segment.spent[OUTSIDE] -= segment.spent[INSIDE]
    if channels.sited.any():
        _open_sites(case, market)


def _open_sites(case: Case, market: Market) -> None:
    """What was wanted and bought before grew as the market did, and no tranche is older than its life."""
    use, rate = market.on(SITE), math.log1p(case["market.growth_base"]) * case.step
    market.planned = use * -math.expm1(-rate) / case.step
    ahead = case["capacity.expansion_lead"] + case["capacity.planning_years"]
    lives, lag = _lives(case), math.floor(max(case["capacity.expansion_lead"] / case.step, 1.0) + 1e-9)
    market.past = int(max(lives.max(), lag + 2))
    ages = np.arange(market.past, 0, -1.0)[:, None]
    wanted = np.maximum(use + market.planned * ahead, 0.0) * _headroom(case) * np.exp(-rate * (ages - 1.0))
    market.capacity = np.maximum(use / case["economics.reference_utilization"], wanted[market.past - 1 - lag])
    tranches = np.where(ages <= lives, np.exp(-rate * ages), 0.0)
    market.wanted = np.vstack([wanted, market.wanted])
    market.bought = np.vstack([market.capacity * tranches / tranches.sum(axis=0), market.bought])


def _headroom(case: Case) -> float:
    """What is ordered over what is expected to be used."""
    return 1.0 + case.inputs.get("capacity.headroom", 0.0)


def _lives(case: Case) -> Vector:
    """Life of capital in whole periods, [p]."""
    return np.maximum(np.rint(case.own("providers", case.providers, "economics.asset_life") / case.step), 1.0)


def _live(case: Case, t: int) -> Vector:
    """Years of the window of period t since launch, 0 where no site runs in its middle; [p]."""
    end = case.window(t)[1]
    runs = (case.launched < end) & (case.transferred >= end) & (case.left >= end)
    return np.where(runs, np.minimum(end - case.launched, case.step), 0.0)


def _advance(case: Case, market: Market, t: int) -> dict[str, Vector]:
    """One period, in the order of section 5; returns what is recorded of it."""
    use, years, (begin, end) = market.on(SITE), _live(case, t), case.window(t)
    selling = np.where(case.withdrawn >= end, years, 0.0)
    if case.buys:
        selling = np.maximum(years - np.maximum(end - np.maximum(case.withdrawn, begin), 0.0), 0.0)
    _raise_quality(case, market, t)
    lifts = _lifts(case, market.base, t)
    chosen = [_choice(case, market, g, lifts, selling, t) for g in range(len(market.segments))]
    market.capacity = np.where(case.away(t) > 0.0, 0.0, market.capacity)
    _hand_over(case, market, chosen, (begin <= case.transferred) & (case.transferred < end), t)
    if years.any() or market.capacity.any():
        _sites(case, market, chosen, (years, selling, use), t)
    for segment, choice in zip(market.segments, chosen, strict=True):
        _choose_again(segment, choice)
        _serve_from_abroad(segment, choice)
    record = _record(case, market)
    for segment in market.segments:
        _price(case, segment)
        if segment.used is not None:  # what is bought replaces a part of what is in use
            renewed = -math.expm1(-case.step / case.chosen("demand.repurchase_years", t))
            for used, now in zip(segment.used, (segment.spent, segment.gain, segment.abroad), strict=True):
                used += renewed * (now - used)
    return record


def _serve_from_abroad(segment: Segment, choice: Choice) -> None:
    """Of who stayed beside sites as many as before, and a part of who joined."""
    stayed = segment.spent[OUTSIDE] + segment.spent[INSIDE] - choice.joined
    part = np.minimum(stayed, choice.beside) / np.maximum(choice.beside, TINY)
    segment.abroad = segment.abroad * np.clip(part, 0.0, 1.0)
    segment.abroad += choice.served * choice.joined


def _raise_quality(case: Case, market: Market, t: int) -> None:
    """Technology transfer, by the shares of the period before; and what luck, and steps, add at once."""
    allowed, age = case.mean("spillover", *case.window(t)), t * case.step
    turned = case.turns[t] - (case.turns[t - 1] if t else 0.0)
    half_life = case.inputs.get("technology.catch_up_half_life", math.inf)
    halves = np.linspace(age, age + case.step, 2001)[:-1] + case.step / 4000
    left = float(np.mean(0.5 ** (halves / half_life)))  # by midpoints
    names = ("catch_up", "spillover", "owned_spillover")
    own = [case.own("market.layers", case.layers, f"technology.{name}", case.window(t)) for name in names]
    for layer, shares in enumerate(market.base.layer_share):
        catch_up, spillover, of_sites = (rates[layer] for rates in own)
        spent = sum(market.segments[g].spent for g in case.rows[layer])
        exposed = spent[:, case.home :].sum() - (1.0 - of_sites) * spent[SITE].sum()
        exposed -= sum(market.segments[g].abroad.sum() for g in case.rows[layer])
        relative = exposed / spent.sum() / shares[case.home :].sum()
        rate = catch_up * left + spillover * allowed * relative
        raised = _done(case, "raises", case.layers[layer], t)
        market.quality[layer] += rate * case.step + turned + raised


def _choice(case: Case, market: Market, g: int, lifts: Lifts, selling: Vector, t: int) -> Choice:
    """Who stays in a segment, and what the closed and the partner-open class choose, with its gain."""
    segment, layer, base, h = market.segments[g], case.layer_of[g], market.base, case.home
    free = _keep(case, market, g, t)
    segment.gain = segment.gain + (segment.before - segment.markup) * segment.spent
    evicted = _move_borders(case, segment, g, t, bool(selling.any()))
    beside = segment.spent[OUTSIDE] + segment.spent[INSIDE]
    freed = _leave(case, segment, t)
    pull, owned = _offers(case, market, g, lifts, selling, t)
    log_home, log_all = math.log(pull[:h].sum()), math.log(pull.sum())
    base_home = math.log(base.choice[g, :h].sum())
    closed, base_closed = 1.0 - segment.open, 1.0 - base.open[g]
    stayed, opened = min(closed, base_closed), max(base_closed - closed, 0.0)  # of what was closed in the base year
    newly = base_home * opened / (1.0 - closed) if closed < 1.0 else 0.0
    gain = (log_all - newly) / case.excess
    at_home, in_open = pull[:h] / pull[:h].sum(), free * segment.open * (1.0 - segment.reach) * pull / pull.sum()
    segment.spent[CLOSED, :h] += free * closed * at_home
    segment.gain[CLOSED, :h] += free * (closed * log_home - stayed * base_home) / case.excess * at_home
    for (spent, gained, _), spending in zip(segment.stocks, evicted, strict=True):
        spent[CLOSED, :h] += spending * at_home
        gained[CLOSED, :h] += spending * log_home / case.excess * at_home
    segment.spent[OUTSIDE] += in_open
    segment.gain[OUTSIDE] += gain * in_open
    sited = base.channels.sited if base.channels is not None else ~case.foreign & False
    without = np.where(sited, pull * np.exp(-lifts[0][layer]), pull).sum()
    sees = (lifts[0][layer] > LEAST) | (base.channels is None)
    served = lifts[2][layer] if base.channels is not None else np.zeros(len(pull))
    in_reach = free * segment.open * segment.reach
    of_closed = (log_home - stayed * base_home / closed) / case.excess if closed > 0.0 else 0.0
    joined = in_open.copy()
    segment.spent[CLOSED, :h] += freed[CLOSED] * at_home
    segment.gain[CLOSED, :h] += freed[CLOSED] * of_closed * at_home
    chosen = freed[OUTSIDE] * pull / pull.sum()
    segment.spent[OUTSIDE] += chosen
    segment.gain[OUTSIDE] += gain * chosen
    joined += chosen
    return Choice(pull, owned, in_reach, freed[INSIDE], gain, newly, without, sees, served, beside, joined)


def _leave(case: Case, segment: Segment, t: int) -> Vector:
    """Take what is with those who leave, with its gain; the spending by class, that on sites with what is beside them.

    Sites are closed for all of the window. Domestic customers are alike in all classes.
    """
    away, h = case.away(t), case.home
    if not away.any():
        return np.zeros(SITE)
    home = segment.spent[:, :h].sum(axis=0)
    for stock in (segment.spent, segment.gain):
        stock[:, :h] = np.outer(stock[:, :h].sum(axis=1), home / home.sum())
    taken = segment.spent * away
    taken[SITE] = segment.spent[SITE] * (away > 0.0)
    with np.errstate(invalid="ignore"):
        stays = np.where(segment.spent != 0.0, 1.0 - taken / segment.spent, 1.0 - away)
    segment.spent = segment.spent - taken
    segment.gain = segment.gain * stays
    freed = taken.sum(axis=1)
    freed[INSIDE if segment.reach > 0.0 else OUTSIDE] += freed[SITE]
    return freed[:SITE]


def _keep(case: Case, market: Market, g: int, t: int) -> float:
    """Who stays, or of goods buys again what it has; returns what chooses."""
    segment, layer, path = market.segments[g], case.layer_of[g], market.path
    kappa = path.kappa[t, layer]
    if segment.used is not None:
        segment.used = tuple(kappa * used for used in segment.used)
        loyalty = case.chosen("demand.loyalty", t)
        segment.spent, segment.gain, segment.abroad = (loyalty * used for used in segment.used)
        return (1.0 - loyalty) * path.size[t + 1, layer] * market.base.weight[g]
    segment.spent, segment.gain, segment.abroad = kappa * segment.spent, kappa * segment.gain, kappa * segment.abroad
    return (path.size[t + 1, layer] - path.size[t, layer] * kappa) * market.base.weight[g]


def _move_borders(case: Case, segment: Segment, g: int, t: int, sold: bool) -> list[float]:
    """Closure and reach; returns what an eviction sets free of each stock, which settles at home."""
    name, middle = case.segments[g], (t + 0.5) * case.step
    leaving = _done(case, "closes", name, t, evicts=True)
    part = min(leaving / segment.open, 1.0) if segment.open > 0.0 else float(leaving > 0.0)
    evicted = [part * spent[:, case.home :].sum() for spent, _, _ in segment.stocks]
    for stock in (stock for stocks in segment.stocks for stock in stocks):
        stock[..., case.home :] *= 1.0 - part
    segment.shut += _done(case, "closes", name, t) - _done(case, "opens", name, t)
    first = case.period(0)[0]
    drifted = case.number("closure.drift", first, first + middle) * middle
    segment.open = min(max(case[f"segments.{name}.open"] - segment.shut - drifted, 0.0), 1.0)
    # Customers cross the border of the reach with it; what closes takes from both sides alike.
    old, new = segment.reach, max(reach_of(case, phase, case.segments[g]) for phase in case.met(t)) if sold else 0.0
    enters, leaves = (new - old) / (1.0 - old) if new > old else 0.0, (old - new) / old if new < old else 0.0
    for stock in (stock for stocks in segment.stocks for stock in stocks[:2]):
        moved = enters * stock[OUTSIDE] - leaves * stock[INSIDE]
        stock[OUTSIDE] -= moved
        stock[INSIDE] += moved
    segment.reach = new
    return evicted


def _offers(case: Case, market: Market, g: int, lifts: Lifts, selling: Vector, t: int) -> tuple[Vector, Vector]:
    """Attraction of home and partner offers and of owned ones: their worth moved by price, quality, luck, unlock."""
    segment, layer = market.segments[g], case.layer_of[g]
    push = np.where(case.foreign, lifts[0][layer], case.excess * market.quality[layer])
    moved = market.luck[t, layer] * np.exp(push + _jumped(case, t) - case.excess * segment.markup)
    here, arrives = np.array([_presence(case, p, t) for p in range(len(moved))]).T
    here = here * (1.0 - case.away(t))
    everybody = (segment.worth * moved * here).sum()
    coming = np.flatnonzero(arrives)  # each gets its part of new choices where partners of all are seen
    for day in sorted({case.arrived[p] for p in coming}):
        odds = {p: _odds(case, p, case.layers[layer]) for p in coming if case.arrived[p] == day}
        for p, against in odds.items():
            segment.worth[p] = against * everybody / moved[p]
        everybody *= 1.0 + sum(odds.values())
    pull = segment.worth * moved * here
    return pull, np.where(selling > 0.0, pull * np.exp(lifts[1][layer]), 0.0)


def _odds(case: Case, p: int, layer: str) -> float:
    """Of a new choice for an entrant; next to nothing where it does not sell."""
    terms = case.scenario.providers[case.providers[p]].arrives
    part = case[f"providers.{case.providers[p]}.arrives.new_choices"]
    return part / (1.0 - part) if terms.layers is None or layer in terms.layers else NOWHERE


def _jumped(case: Case, t: int) -> Vector:
    """Jumps of quality on a date, as far as they are in force in the window; those by chance are luck."""
    jumped, (begin, end) = np.zeros(len(case.providers)), case.window(t)
    for p, name in enumerate(case.providers):
        jumps = case.scenario.providers[name].jumps
        if jumps is not None and jumps.rate is None:
            day = decimal_year(jumps.when) if jumps.when else case.steps.get(jumps.after, case.launched[p])
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
    choice.joined += joining
    if segment.reach <= 0.0:
        for stock in (stock for stocks in segment.stocks for stock in stocks[:2]):
            stock[OUTSIDE] += stock[INSIDE]
            stock[INSIDE] = 0.0


# ---------------------------------------------------------------- own sites


def _hand_over(case: Case, market: Market, chosen: list[Choice], handed: Vector, t: int) -> None:
    """Forced transfer: customers go to the partner offer, less those who do not consent."""
    loss = case.chosen("migration.consent_loss", t)
    for segment, choice in zip(market.segments, chosen, strict=True):
        choice.again += loss * segment.spent[SITE, handed].sum()
        left = loss * segment.stocks[-1][0][SITE, handed].sum()
        for spent, gain, _ in segment.stocks:
            moved = np.where(handed, spent[SITE], 0.0)
            spent[OUTSIDE] += (1.0 - loss) * moved
            gain[OUTSIDE] += (1.0 - loss) * moved * choice.gain
            spent[SITE, handed] = gain[SITE, handed] = 0.0
        if segment.used is not None:  # who does not consent is counted with whom it chooses again
            spent, gain, abroad = segment.used
            joining = left / choice.pull.sum() * choice.pull
            spent[INSIDE] += joining
            gain[INSIDE] += joining * choice.gain
            abroad += choice.served * joining
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
    lift = (total / choice.without) ** ((case["demand.elasticity_of_demand"] - 1.0) / case.excess)
    rate = (choice.in_reach * lift + choice.freed) / total
    return Intake(rate * owned, rate * other, lift, math.log(total))


def _sites(case: Case, market: Market, chosen: list[Choice], windows: tuple[Vector, Vector, Vector], t: int) -> None:
    """The owned-open class: capacity, then room for growth on site, new customers and migrants, in this order."""
    (years, selling, use), loss = windows, case.chosen("migration.consent_loss", t)
    asked = case.part * -np.expm1(-case.chosen("migration.rate", t) * selling) * _migrates(case, t)
    share = [case.part * selling / case.step] * len(chosen)
    if (channels := market.base.channels) is not None:
        share = [seen * channels.most_seen[layer] for seen, layer in zip(share, case.layer_of, strict=True)]
        asked = asked * (~channels.sited | channels.whole)
    if case.buys:
        share = [_in_time(choice, seen, selling / case.step) for choice, seen in zip(chosen, share, strict=True)]
    intakes, grown = [_intake(case, *both) for both in zip(chosen, share, strict=True)], market.on(SITE)
    demand = sum(one.owned for one in intakes)
    coming = demand + (1.0 - loss) * asked * market.on(INSIDE)
    _build(case, market, (years, use, grown - use + coming), t)
    _outgrow(market, chosen, 1.0 - _fit(market.capacity, grown))
    room = np.maximum(market.capacity - grown, 0.0)
    if (demand > room).any():
        intakes = _rationed(case, chosen, share, room)
    room = np.maximum(room - sum(one.owned for one in intakes), 0.0)
    movers = asked * _fit(room, (1.0 - loss) * asked * market.on(INSIDE))
    for segment, choice, new in zip(market.segments, chosen, intakes, strict=True):
        _enter(case, segment, choice, new, movers, loss)


def _in_time(choice: Choice, seen: Vector, part: Vector) -> Vector:
    """With a part of the class, spending is its mean over a window in which sites sell for a part of it."""
    some, lead = (part > 0.0) & (part < 1.0), choice.owned - choice.pull
    total = choice.pull.sum() + np.where(some, 0.0, seen * lead).sum()
    times = np.divide(1.0 - part, part, out=np.zeros_like(part), where=part > 0.0)
    return np.where(some, seen * total / (total + (times * seen * lead).sum()), seen)


def _outgrow(market: Market, chosen: list[Choice], over: Vector) -> None:
    """Growth that finds no room goes to what its provider offers beside, without loss; else it chooses again."""
    for segment, choice in zip(market.segments, chosen, strict=True):
        leaves, gain = over * segment.spent[SITE], over * segment.gain[SITE]
        segment.spent[SITE] -= leaves
        segment.gain[SITE] -= gain
        segment.spent[INSIDE] += leaves * choice.sees
        segment.gain[INSIDE] += gain * choice.sees
        choice.joined += leaves * choice.sees
        choice.again += (leaves * ~choice.sees).sum()


def _fit(room: Vector, wanted: Vector) -> Vector:
    """Part of what is wanted that finds room."""
    return np.minimum(np.divide(room, wanted, out=np.ones_like(room), where=wanted > 0.0), 1.0)


def _enter(case: Case, segment: Segment, choice: Choice, new: Intake, movers: Vector, loss: float) -> None:
    """Migrants and new customers take their places, with their gain; what opening adds counts half."""
    moved = movers * segment.spent[INSIDE]
    stays = new.other * choice.sees
    full = (new.log_total - choice.newly_open) / case.excess
    anew = choice.in_reach * (1.0 + 0.5 * (new.lift - 1.0)) + choice.freed
    every = choice.in_reach * new.lift + choice.freed
    gain = full * (anew / every if every > 0.0 else 0.0)
    choice.again += loss * moved.sum() + (new.other - stays).sum()
    choice.joined += stays
    segment.spent[SITE] += (1.0 - loss) * moved + new.owned
    segment.gain[SITE] += (1.0 - loss) * moved * full + new.owned * gain
    segment.spent[INSIDE] += stays - moved
    segment.gain[INSIDE] += stays * gain - movers * segment.gain[INSIDE]


def _rationed(case: Case, chosen: list[Choice], share: list[Vector], room: Vector) -> list[Intake]:
    """f_p such that new spending fits the room; the residue of the last pass goes to the partner offer."""
    seen, found = share, [_intake(case, *both) for both in zip(chosen, share, strict=True)]
    for _ in range(PASSES):
        demand = sum(one.owned for one in found)
        fits = np.divide(room, demand, out=np.ones_like(room), where=demand > 0.0)
        seen = [np.minimum(one * fits, most) for one, most in zip(seen, share, strict=True)]
        found = [_intake(case, *both) for both in zip(chosen, seen, strict=True)]
    over = 1.0 - _fit(room, sum(one.owned for one in found))
    return [Intake((1.0 - over) * x.owned, x.other + over * x.owned, x.lift, x.log_total) for x in found]


def _build(case: Case, market: Market, seen: tuple[Vector, Vector, Vector], t: int) -> None:
    """The capacity plan: what a provider wants, what retires, what is replaced, what arrives, within the zone's cap."""
    years, use, change = seen
    live, before, now = years > 0.0, _live(case, t - 1) > 0.0 if t else np.isneginf(case.launched), t + market.past
    first, whole, launch = live & ~before, use + change, np.zeros(len(years))
    if case.scenario.demand.kind == "purchase":  # all who buy see a new site at once: a level, and no growth
        full = case["economics.reference_utilization"]
        launch = whole * case.step / np.maximum(years, TINY) / (full * _headroom(case))
        earlier, last = market.wanted[now - 2] if now > 1 else 0.0 * use, market.wanted[now - 1] if now else 0.0 * use
        change = np.where((earlier == 0.0) & (last > 0.0), whole - last * full, change)
        change = np.where(first, 0.0, change)
    smoothed = market.planned + (1.0 - math.exp(-case.step / MEMORY)) * (change / case.step - market.planned)
    market.planned = np.where(first, change / np.maximum(years, 1e-9), smoothed)
    ahead = case["capacity.expansion_lead"] + case.chosen("capacity.planning_years", t)
    wanted = np.maximum(np.where(first, launch, whole) + market.planned * ahead, 0.0) * _headroom(case)
    market.wanted[now] = np.where(live, wanted, 0.0)
    standing = np.maximum(market.capacity - _before(market.bought, now, _lives(case)), 0.0)
    # What stands and is on order: orders bring capacity to what was wanted, so that they are levels; what was last
    # wanted is on order itself, and so only what it is below what stood before need be replaced.
    last = market.wanted[now - 1] if now else 0.0 * use
    kept = np.where(live & before, np.minimum(last, market.capacity), 0.0)
    arrives = np.where(live, np.where(before, _ordered(case, market, now), market.wanted[now]), 0.0)
    turn, cap = np.lexsort((case.order, case.launched)), _cap(case, market.path, t)
    market.capacity = _granted(_granted(standing, kept, cap, turn), arrives, cap, turn)
    market.bought[now] = market.capacity - standing


def _before(series: Vector, now: int, lags: Vector) -> Vector:
    """What stood in a series some periods ago, 0 before its first; each provider has a lag of its own."""
    then = now - lags.astype(int)
    return np.array([series[at, p] if at >= 0 else 0.0 for p, at in enumerate(then)])


def _ordered(case: Case, market: Market, now: int) -> Vector:
    """What was wanted one expansion lead ago; a lead between two whole lags is split over both."""
    periods = max(case["capacity.expansion_lead"] / case.step, 1.0)
    whole = math.floor(periods + 1e-9)
    late = max(periods - whole, 0.0)
    then = [_before(market.wanted, now, np.full(len(case.providers), lag)) for lag in (whole, whole + 1)]
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
    abroad = np.array([segment.abroad for segment in market.segments])
    return {
        "spending": [spent[rows].sum(axis=0) for rows in case.rows],
        "owned": [owned[rows].sum(axis=0) for rows in case.rows],
        "gain": [sum(market.segments[g].gain.sum() for g in rows) for rows in case.rows],
        "markup": [mean_price(markup[rows], spent[rows]) for rows in case.rows],
        "quality": market.quality.copy(),
        "capacity": market.capacity,
        "earned": (margin * spent).sum(axis=0),
        "owned_earned": (margin * owned).sum(axis=0),
        "abroad": [abroad[rows].sum(axis=0) for rows in case.rows],
        "abroad_earned": (margin * abroad).sum(axis=0),
    }


def mean_price(log_markup: Vector, spent: Vector) -> Vector:
    """Price over marginal cost of a layer, weighted by spending [g, p]; plain where there is none."""
    weights = np.where(spent.sum(axis=0) > 0.0, spent, 1.0)
    return (weights * np.exp(log_markup)).sum(axis=0) / weights.sum(axis=0)
