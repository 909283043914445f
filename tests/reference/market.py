"""Sections 4 and 5 of the model: demand and its dynamics, one draw, period by period."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scipy.optimize import brentq

from reference.base import Base, base_year, elasticity, reach_of
from reference.case import Case

__all__ = ["Market", "Path", "market_path", "run"]

MEMORY = 1.0
"""T_s of section 5, years."""

PASSES = 5
"""Of the search for f_p: a numerical setting, for which the specification asks for a few."""


# ---------------------------------------------------------------- market size


@dataclass
class Path:
    """M: [t][l] with the base year's last period first; log growth per year, and of it the trend, [t][l] and [t]."""

    size: list[list[float]]
    growth: list[list[float]]
    trend: list[list[float]]
    total_trend: list[float]


def market_path(case: Case, base: Base) -> Path:
    """Log size = trend + y + steps; the layers share the total."""
    per_year, inputs = round(1 / case.step), case.inputs
    first = math.log1p(inputs["market.growth_base"])
    inside = [math.exp(first * case.step * k) for k in range(per_year)]  # a base-year flow is the mean of its periods
    start = math.log(sum(base.size) * inside[-1] / (sum(inside) / per_year))
    curve = _curve(case)
    luck = [0.0, *(y + fall for y, fall in zip(case.y, case.falls, strict=True))]
    size = []
    for k in range(case.periods + 1):
        total = math.exp(start + curve[k] - curve[0] + luck[k])
        size.append([total * part for part in _layer_parts(case, base, k)])
    growth, trend = [], []
    for t in range(case.periods):
        rates = [math.log(now / then) / case.step for now, then in zip(size[t + 1], size[t], strict=True)]
        growth.append(rates)
        trend.append([rate - (luck[t + 1] - luck[t]) / case.step for rate in rates])
    total_trend = [first, *((curve[t + 1] - curve[t]) / case.step for t in range(case.periods))]
    return Path(size, growth, trend, total_trend)


def _curve(case: Case) -> list[float]:
    """The trend of log size at the middle of each period, the base year's last first."""
    inputs = case.inputs
    first, last = (math.log1p(inputs[f"market.{name}"]) for name in ("growth_base", "growth_long_run"))
    span, expected = float(case.scenario.market.forecast_years), math.log1p(case.median_forecast)
    fade = brentq(lambda x: last + (first - last) * -math.expm1(-x) / x - expected, 1e-9, 1e3, xtol=1e-15) / span
    level = span * math.log((1.0 + inputs["market.growth_forecast"]) / (1.0 + case.median_forecast))
    extra = -inputs["market.step_rate"] * math.expm1(-inputs["market.step_size"])
    found = []
    for k in range(case.periods + 1):
        age = _age(case, k)
        faded = last * age - (first - last) * math.expm1(-fade * age) / fade
        tilt = level * min(max((age - 0.5) / (span - 0.5), 0.0), 1.0)
        found.append(faded + tilt + extra * k * case.step)
    return found


def _age(case: Case, k: int) -> float:
    """Years from the middle of the base year to the middle of period k - 1; k = 0 is the base year's last."""
    return 0.5 + (k - 0.5) * case.step


def _layer_parts(case: Case, base: Base, k: int) -> list[float]:
    """One layer's log-odds drift and fade from the middle of the base year, as growth does: section 5's "annual mean to
    annual mean". Its "base shares to the end of the base year" would give IaaS 66.2% of 2019 and not 68.3%.
    """
    parts = [size / sum(base.size) for size in base.size]
    drifting = [i for i, name in enumerate(case.layers) if case.scenario.market.layers[name].log_odds_drift]
    if not drifting:
        return parts
    lead = drifting[0]
    drift = case.inputs[f"market.layers.{case.layers[lead]}.log_odds_drift"]
    fade = case.inputs["market.drift_fade"]
    gained = drift * (1.0 - math.exp(-fade * _age(case, k))) / fade
    odds = parts[lead] / (1.0 - parts[lead]) * math.exp(gained)
    now = odds / (1.0 + odds)
    return [now if i == lead else part * (1.0 - now) / (1.0 - parts[lead]) for i, part in enumerate(parts)]


# ---------------------------------------------------------------- what the regime allows


@dataclass
class Access:
    """What a regime allows in a period: unlocks [f] beyond the start's, cap, and what closes [g]."""

    reach: list[float]
    partner_unlock: float
    owned_unlock: list[float]
    cap: float
    migrates: bool
    spillover: float
    closes: list[float]
    evicts: list[float]


def access(case: Case, base: Base, path: Path, t: int) -> Access:
    """The levers in force in the middle of period t; premia are means over its window."""
    phase, (begin, end) = case.in_force(t), case.window(t)
    closes, evicts = [0.0] * len(case.segments), [0.0] * len(case.segments)
    for closing in case.closings:
        if closing.date < end and (t == 0 or closing.date >= begin):
            for name, part in closing.parts.items():
                closes[case.segments.index(name)] += part
                evicts[case.segments.index(name)] += part if closing.evicts else 0.0
    per_year = round(1 / case.step)
    first_year = sum(sum(sizes) for sizes in path.size[1 : per_year + 1]) / per_year
    cap = case.inputs["zone.cap"] * sum(path.size[t + 1]) / first_year if phase.capped else math.inf
    return Access(
        reach=[reach_of(case, phase, name) for name in case.segments],
        partner_unlock=_partner_unlock(case, begin, end),
        owned_unlock=[_owned_unlock(case, begin, end, launched) for launched in case.launched],
        cap=cap,
        migrates=not phase.capped and migration_pays(case, phase.partner_equity),
        spillover=_spillover(case, begin, end),
        closes=closes,
        evicts=evicts,
    )


def _arrived(begin: float, end: float, since: float, ramp: float) -> float:
    """Integral of 1 - exp(-(s - since)/ramp) over what of [begin, end] is not before `since`."""
    first = max(begin, since) - since
    last = end - since
    if last <= first:
        return 0.0
    return last - first + ramp * (math.exp(-last / ramp) - math.exp(-first / ramp))


def _spillover(case: Case, begin: float, end: float) -> float:
    """What a regime scales the spillover by, its mean over the window: it counts from the day of the rule."""
    first = case.phases[0]
    total = first.spillover * max(min(end, first.start) - begin, 0.0)
    for phase in case.phases:
        total += phase.spillover * max(min(end, phase.end) - max(begin, phase.start), 0.0)
    return total / (end - begin)


def _partner_unlock(case: Case, begin: float, end: float) -> float:
    """Beyond the start's: ramped since the day on which any was first granted, the mean over the whole window."""
    start = case.phases[0].partner_unlock
    granted = [p for p in case.phases if p.partner_unlock != start and p.start < p.end]
    total = 0.0
    for phase in granted:
        came = _arrived(max(begin, phase.start), min(end, phase.end), granted[0].start, case.inputs["opening.ramp"])
        total += (phase.partner_unlock - start) * came
    return total / (end - begin)


def _owned_unlock(case: Case, begin: float, end: float, launched: float) -> float:
    """Beyond the start's partner offers: ramped since launch, the mean over the live part of the window."""
    live = end - max(begin, launched)
    if live <= 0.0:
        return 0.0
    total = 0.0
    for phase in case.phases:
        came = _arrived(max(begin, phase.start), min(end, phase.end), launched, case.inputs["opening.ramp"])
        total += (phase.owned_unlock - case.phases[0].partner_unlock) * came
    return total / live


def channel_worth(
    case: Case, equity: float, hurdle: float, hazard: float, gains: tuple[float, float]
) -> tuple[float, float]:
    """Worth of a unit of gross on an own site and with a partner, capital charged, at utilisation u (section 6)."""
    cost = case.hidden("site_cost")
    life, capital = case.hidden("asset_life"), case.hidden("capital_intensity")
    technology = 1.0 - cost - case.hidden("provider_margin")
    saved = (1.0 - case.hidden("incremental_technology")) * technology
    force = math.log1p(case.hidden("discount_rate") + hazard)
    rent = capital * force / (1.0 - math.exp(-force * life))
    before_tax = 1.0 - cost - technology + gains[0]
    tax = case.hidden("profit_tax") * max(before_tax, 0.0)
    dividend_tax = case.hidden("dividend_withholding") * max(before_tax - tax, 0.0)
    withheld = case.hidden("royalty_withholding") * case.hidden("technology_royalty") * technology
    owned = before_tax - tax - dividend_tax - withheld + saved + capital / life - hurdle * rent
    royalty = 1.0 - cost - case.hidden("operator_margin")
    net = royalty * (1.0 - case.hidden("royalty_withholding") - case.hidden("royalty_vat"))
    profit = case.hidden("operator_margin") * (1.0 - case.hidden("profit_tax"))
    dividend = equity * profit * (1.0 - case.hidden("dividend_withholding"))
    partner = net + dividend - technology + gains[1] + saved + equity * (capital / life - rent)
    return owned, partner


def migration_pays(case: Case, equity: float) -> bool:
    """Whether what consents is worth more on the site than all of it with the partner.

    Left open by the specification: at base-year markups, and at utilisation u, as entry; both as the engine.
    """
    owned, partner = channel_worth(case, equity, 1.0, 0.0, (0.0, 0.0))
    return (1.0 - case.inputs["migration.consent_loss"]) * owned > partner


# ---------------------------------------------------------------- the market


@dataclass
class Segment:
    """Spending with each provider in one segment, USD bn/yr, the consumer gain that it carries, and its prices.

    Attributes
    ----------
    home : [d]
        With domestic providers in all classes; `home_closed` and `home_inside` are all of them in two classes.
    outside, inside, owned : [f]
        With partners outside and inside the reach of own sites, and on own sites.
    gain_* : the gain of these.
    markup, before : [p]
        Log markups of this period and of the period before.
    worth : [p]
        e^V of offers before price; 0 until one arrives.
    open, closed_by_steps, reach_part : float
        Open part; what events have closed; part of the open part in reach.
    """

    home: list[float]
    outside: list[float]
    inside: list[float]
    owned: list[float]
    home_closed: float
    home_inside: float
    gain_home: float
    gain_outside: list[float]
    gain_inside: list[float]
    gain_owned: list[float]
    markup: list[float]
    before: list[float]
    worth: list[float]
    open: float
    closed_by_steps: float
    reach_part: float

    def spending(self) -> list[float]:
        """With each provider over all channels, [p]."""
        return self.home + [a + b + c for a, b, c in zip(self.outside, self.inside, self.owned, strict=True)]

    def gain(self) -> float:
        """Consumer gain that all spending carries."""
        return self.gain_home + sum(self.gain_outside) + sum(self.gain_inside) + sum(self.gain_owned)


@dataclass
class Chosen:
    """How a segment's spending chooses in a period.

    Attributes
    ----------
    home : [d]
    partner, owned : [f]
        Attraction of the offers; owned ones are 0 where no site takes new business.
    home_total, partner_total : float
        Of the closed and of the partner-open class.
    in_reach : float
        Contestable spending in the owned-open class before expansion.
    partner_gain : float
        Per unit in the partner-open class.
    newly_open : float
        What the open classes' spending that was closed in the base year takes off the log of its attraction, in the
        mean over the class: it is compared with the index of the closed class.
    again : float
        Spending that chooses once more, among home and partner offers.
    """

    home: list[float]
    partner: list[float]
    owned: list[float]
    home_total: float
    partner_total: float
    in_reach: float
    partner_gain: float
    newly_open: float
    again: float = 0.0


@dataclass
class Market:
    """All of it, and its record by period: [t][l][p], [t][l][f], [t][l], [t][f], [t]."""

    base: Base
    path: Path
    segments: list[Segment]
    quality: list[float]
    capacity: list[float]
    planned: list[float]
    wanted: list[list[float]] = field(default_factory=list)
    bought: list[list[float]] = field(default_factory=list)
    spending: list[list[list[float]]] = field(default_factory=list)
    owned: list[list[list[float]]] = field(default_factory=list)
    gains: list[list[float]] = field(default_factory=list)
    qualities: list[list[float]] = field(default_factory=list)
    capacities: list[list[float]] = field(default_factory=list)
    markups: list[list[list[float]]] = field(default_factory=list)
    home_earned: list[float] = field(default_factory=list)
    earned: list[list[float]] = field(default_factory=list)
    owned_earned: list[list[float]] = field(default_factory=list)


def run(case: Case, base: Base | None = None) -> Market:
    """From the end of the base year to the end of the horizon."""
    market = _opening(case, base_year(case) if base is None else base)
    for t in range(case.periods):
        _advance(case, market, access(case, market.base, market.path, t), t)
    return market


def _opening(case: Case, base: Base) -> Market:
    path, home, foreign = market_path(case, base), len(case.home), len(case.abroad)
    segments = []
    for g, layer in enumerate(case.layer_of):
        spent = [path.size[0][layer] * base.weight[g] * share for share in base.share[g]]
        closed = path.size[0][layer] * base.weight[g] * (1.0 - base.open[g])
        none, markup = [0.0] * foreign, base.log_markup[g]
        excess = case.inputs["demand.elasticity_of_substitution"] - 1.0
        worth = [c * math.exp(excess * m) for c, m in zip(base.choice[g], markup, strict=True)]
        segments.append(
            Segment(
                spent[:home], spent[home:], none[:], none[:], closed, 0.0, 0.0, none[:], none[:], none[:],
                list(markup), list(markup), worth, base.open[g], 0.0, 0.0,
            )
        )  # fmt: skip
    zeros = [0.0] * foreign
    return Market(base, path, segments, [0.0] * len(case.layers), zeros[:], zeros[:])


def live(case: Case, f: int, t: int) -> float:
    """Years of the window of period t since launch, 0 if the site does not run in its middle."""
    end = case.window(t)[1]
    if case.launched[f] >= end or case.transferred[f] < end:
        return 0.0
    return min(end - case.launched[f], case.step)


def _advance(case: Case, market: Market, rule: Access, t: int) -> None:
    """One period, in the order of section 5."""
    use = [sum(segment.owned[f] for segment in market.segments) for f in range(len(case.abroad))]
    years = [live(case, f, t) for f in range(len(case.abroad))]
    selling = [y if case.withdrawn[f] >= case.window(t)[1] else 0.0 for f, y in enumerate(years)]
    _raise_quality(case, market, rule, t)
    scales = [_rival_scales(case, market.base, layer, t) for layer in range(len(case.layers))]
    chosen = []
    for g, (segment, layer) in enumerate(zip(market.segments, case.layer_of, strict=True)):
        kappa = _kappa(case, market.path, layer, t)
        free = (market.path.size[t + 1][layer] - market.path.size[t][layer] * kappa) * market.base.weight[g]
        _stay(segment, kappa)
        evicted = _move_borders(case, segment, rule, g, t, any(selling))
        offers = _offers(case, market, g, layer, scales[layer], rule, selling, t)
        chosen.append(_choose(case, market.base, segment, g, offers, free, evicted))
    for f in range(len(case.abroad)):
        if case.window(t)[0] <= case.transferred[f] < case.window(t)[1]:
            _hand_over(case, market, chosen, f)
    _sites(case, market, chosen, rule, (years, selling, use), t)
    for segment, choice in zip(market.segments, chosen, strict=True):
        _choose_again(segment, choice)
    _record(case, market, t)
    for segment in market.segments:
        _price(case, segment)


def _kappa(case: Case, path: Path, layer: int, t: int) -> float:
    """The captive factor: existing customers stay, less churn; a part of the trend's growth stays with them."""
    growth, trend = path.growth[t][layer], path.trend[t][layer]
    kept = min(trend, case.inputs["demand.captive_growth"] * trend)
    return math.exp((kept + growth - trend - case.inputs["demand.churn"]) * case.step)


def _raise_quality(case: Case, market: Market, rule: Access, t: int) -> None:
    """Technology transfer, by the shares of the period before."""
    home, inputs = len(case.home), case.inputs
    for layer, shares in enumerate(market.base.layer_share):
        spent = market.spending[t - 1][layer] if t else shares
        owned = sum(market.owned[t - 1][layer]) if t else 0.0
        exposure = sum(spent[home:]) - owned + inputs["technology.owned_spillover"] * owned
        relative = exposure / sum(spent) / sum(shares[home:])
        rate = inputs["technology.catch_up"] + inputs["technology.spillover"] * rule.spillover * relative
        market.quality[layer] += rate * case.step


def _rival_scales(case: Case, base: Base, layer: int, t: int) -> list[float]:
    """e^(z + b), rescaled so that each group has its base-year total, and e^(w + c) for foreign offers; [p]."""
    offsets = case.rival_offsets[t][layer] if case.rival_offsets is not None else [0.0] * len(case.providers)
    tide = case.origin[t] + (case.origin_offsets[t][layer] if case.origin_offsets is not None else 0.0)
    lift = [math.exp(z + b) for z, b in zip(case.rivalry[t], offsets, strict=True)]
    home, shares = len(case.home), base.layer_share[layer]
    scale = []
    for rows, push in ((slice(0, home), 1.0), (slice(home, None), math.exp(tide))):
        total = sum(s * u for s, u in zip(shares[rows], lift[rows], strict=True))
        scale += [u * push * sum(shares[rows]) / total for u in lift[rows]]
    return scale


def _stay(segment: Segment, kappa: float) -> None:
    """Captive = R kappa; it bears the change of its own provider's markup."""
    cheaper = [before - now for before, now in zip(segment.before, segment.markup, strict=True)]
    home = len(segment.home)
    segment.home = [kappa * x for x in segment.home]
    segment.home_closed *= kappa
    segment.home_inside *= kappa
    segment.gain_home = kappa * segment.gain_home + sum(c * x for c, x in zip(cheaper, segment.home, strict=False))
    for stock, gain in (("outside", "gain_outside"), ("inside", "gain_inside"), ("owned", "gain_owned")):
        spent = [kappa * x for x in getattr(segment, stock)]
        carried = [kappa * w + c * x for w, c, x in zip(getattr(segment, gain), cheaper[home:], spent, strict=True)]
        setattr(segment, stock, spent)
        setattr(segment, gain, carried)


def _move_borders(case: Case, segment: Segment, rule: Access, g: int, t: int, sold: bool) -> float:
    """Closure and reach; returns what an eviction sets free, which settles at home."""
    evicted = 0.0
    if rule.evicts[g] > 0.0:
        part = min(rule.evicts[g] / segment.open, 1.0) if segment.open > 0.0 else 1.0
        for name in ("outside", "inside", "owned"):
            evicted += part * sum(getattr(segment, name))
            for stock in (name, f"gain_{name}"):
                setattr(segment, stock, [(1.0 - part) * x for x in getattr(segment, stock)])
    segment.closed_by_steps += rule.closes[g]
    drifted = case.inputs["closure.drift"] * (t + 0.5) * case.step
    opened = case.inputs[f"segments.{case.segments[g]}.open"]
    segment.open = min(max(opened - segment.closed_by_steps - drifted, 0.0), 1.0)
    _reclassify(segment, rule.reach[g] if sold else 0.0)
    return evicted


def _reclassify(segment: Segment, reach_part: float) -> None:
    """Customers cross the border of the reach with it; what closes takes from both sides alike."""
    old, segment.reach_part = segment.reach_part, reach_part
    if reach_part == old:
        return
    enters = (reach_part - old) / (1.0 - old) if reach_part > old else 0.0
    leaves = (old - reach_part) / old if reach_part < old else 0.0
    for out, into in (("outside", "inside"), ("gain_outside", "gain_inside")):
        moved = [enters * a - leaves * b for a, b in zip(getattr(segment, out), getattr(segment, into), strict=True)]
        setattr(segment, out, [a - m for a, m in zip(getattr(segment, out), moved, strict=True)])
        setattr(segment, into, [b + m for b, m in zip(getattr(segment, into), moved, strict=True)])
    elsewhere = sum(segment.home) - segment.home_closed - segment.home_inside
    segment.home_inside += enters * elsewhere - leaves * segment.home_inside


def _offers(
    case: Case, market: Market, g: int, layer: int, scales: list[float], rule: Access, selling: list[float], t: int
) -> tuple[list[float], list[float], list[float]]:
    """Attraction of home, partner and owned offers: what they are worth, moved by price, quality, luck, unlock."""
    base, segment, home = market.base, market.segments[g], len(case.home)
    excess = case.inputs["demand.elasticity_of_substitution"] - 1.0
    better, unlocked = math.exp(excess * market.quality[layer]), math.exp(rule.partner_unlock * base.premium[layer])
    groups = [better] * home + [unlocked] * len(case.abroad)
    moved = [s * up * math.exp(-excess * m) for s, up, m in zip(scales, groups, segment.markup, strict=True)]
    here = [_presence(case, p, t) for p in range(len(moved))]
    pull = [w * m * there for w, m, (there, _) in zip(segment.worth, moved, here, strict=True)]
    everybody = sum(pull)
    for p, (there, arrives) in enumerate(here):
        if arrives:  # it gets its part of new choices where partners of all are seen
            part = case.inputs[f"providers.{case.providers[p]}.arrives.new_choices"]
            segment.worth[p] = part / (1.0 - part) * everybody / moved[p]
            pull[p] = segment.worth[p] * moved[p] * there
    partner = pull[home:]
    owned = [
        a * math.exp(max(unlock - rule.partner_unlock, 0.0) * base.premium[layer]) if sells else 0.0
        for a, unlock, sells in zip(partner, rule.owned_unlock, selling, strict=True)
    ]
    return pull[:home], partner, owned


def _presence(case: Case, p: int, t: int) -> tuple[float, bool]:
    """Part of the window in which a provider is there, times e^b of its own; and whether it arrives in it."""
    name, (begin, end) = case.providers[p], case.window(t)
    terms = case.scenario.providers[name].arrives
    if terms is None:
        return 1.0, False
    if case.arrived[p] >= end:
        return 0.0, False
    first = max(math.floor((case.arrived[p] - case.window(0)[0]) / case.step), 0)
    whole = 1.0 if terms.after == "launch" else min((end - case.arrived[p]) / case.step, 1.0)
    return whole * math.exp(case.entrant_offsets[name][t - first]), t == first


def _choose(
    case: Case,
    base: Base,
    segment: Segment,
    g: int,
    offers: tuple[list[float], list[float], list[float]],
    free: float,
    evicted: float,
) -> Chosen:
    """What the closed and the partner-open class choose, with its gain, and who is evicted."""
    home, partner, owned = offers
    excess = case.inputs["demand.elasticity_of_substitution"] - 1.0
    in_home, in_partner = sum(home), sum(home) + sum(partner)
    base_home = math.log(sum(base.choice[g][: len(home)]))
    closed, base_closed = 1.0 - segment.open, 1.0 - base.open[g]
    stayed = min(closed, base_closed) * (math.log(in_home) - base_home)  # was closed in the base year
    shut = max(closed - base_closed, 0.0) * math.log(in_home)  # was open
    newly = base_home * max(base_closed - closed, 0.0) / (1.0 - closed) if closed < 1.0 else 0.0
    gain = (math.log(in_partner) - newly) / excess
    to_home = free * closed + evicted
    to_partner = free * segment.open * (1.0 - segment.reach_part)
    segment.home_closed += to_home
    segment.gain_home += free * (stayed + shut) / excess + evicted * math.log(in_home) / excess
    segment.gain_home += to_partner * gain * in_home / in_partner
    segment.home = [
        x + a * (to_home / in_home + to_partner / in_partner) for x, a in zip(segment.home, home, strict=True)
    ]
    joining = [to_partner * a / in_partner for a in partner]
    segment.outside = [x + j for x, j in zip(segment.outside, joining, strict=True)]
    segment.gain_outside = [w + gain * j for w, j in zip(segment.gain_outside, joining, strict=True)]
    in_reach = free * segment.open * segment.reach_part
    return Chosen(home, partner, owned, in_home, in_partner, in_reach, gain, newly)


def _choose_again(segment: Segment, choice: Chosen) -> None:
    """Who does not consent to a new operator chooses among home and partner offers; nobody stays in no reach."""
    rate = choice.again / choice.partner_total
    segment.home = [x + rate * a for x, a in zip(segment.home, choice.home, strict=True)]
    segment.home_inside += rate * choice.home_total
    segment.gain_home += rate * choice.home_total * choice.partner_gain
    for f, a in enumerate(choice.partner):
        segment.inside[f] += rate * a
        segment.gain_inside[f] += rate * a * choice.partner_gain
    if segment.reach_part <= 0.0:
        segment.home_inside = 0.0
        for stock in ("outside", "gain_outside"):
            other = stock.replace("outside", "inside")
            both = zip(getattr(segment, stock), getattr(segment, other), strict=True)
            setattr(segment, stock, [a + b for a, b in both])
            setattr(segment, other, [0.0] * len(choice.partner))


# ---------------------------------------------------------------- own sites


def _hand_over(case: Case, market: Market, chosen: list[Chosen], f: int) -> None:
    """Forced transfer: customers go to the partner offer, less those who do not consent."""
    loss = case.inputs["migration.consent_loss"]
    for segment, choice in zip(market.segments, chosen, strict=True):
        moved, segment.owned[f], segment.gain_owned[f] = segment.owned[f], 0.0, 0.0
        segment.outside[f] += (1.0 - loss) * moved
        segment.gain_outside[f] += (1.0 - loss) * moved * choice.partner_gain
        choice.again += loss * moved
    market.capacity[f] = 0.0


@dataclass
class Intake:
    """New spending of the owned-open class: on sites and with partners [f], at home; expansion, log attraction."""

    owned: list[float]
    partner: list[float]
    home_rate: float
    lift: float
    log_total: float


def _intake(case: Case, choice: Chosen, seen: list[float]) -> Intake:
    """A part `seen` of the class sees each owned offer, the rest the partner's; spending expands with attraction."""
    excess = case.inputs["demand.elasticity_of_substitution"] - 1.0
    owned = [s * a for s, a in zip(seen, choice.owned, strict=True)]
    partner = [(1.0 - s) * a for s, a in zip(seen, choice.partner, strict=True)]
    total = choice.home_total + sum(owned) + sum(partner)
    lift = (total / choice.partner_total) ** ((case.inputs["demand.elasticity_of_demand"] - 1.0) / excess)
    rate = choice.in_reach * lift / total
    return Intake([rate * a for a in owned], [rate * a for a in partner], rate, lift, math.log(total))


def _sites(
    case: Case, market: Market, chosen: list[Chosen], rule: Access, windows: tuple[list[float], ...], t: int
) -> None:
    """The owned-open class: capacity, then room for growth on site, new customers and migrants, in this order."""
    years, selling, use = windows
    foreign, segments = range(len(case.abroad)), market.segments
    if not any(years) and not any(market.capacity):
        market.wanted.append([0.0] * len(years))
        market.bought.append([0.0] * len(years))
        return
    part = case.part
    loss, rate = case.inputs["migration.consent_loss"], case.inputs["migration.rate"]
    share = [part[f] * selling[f] / case.step for f in foreign]
    asked = [part[f] * -math.expm1(-rate * selling[f]) if rule.migrates else 0.0 for f in foreign]
    free = [_intake(case, choice, share) for choice in chosen]
    demand = [sum(one.owned[f] for one in free) for f in foreign]
    grown = [sum(segment.owned[f] for segment in segments) for f in foreign]
    coming = [demand[f] + (1.0 - loss) * asked[f] * sum(s.inside[f] for s in segments) for f in foreign]
    change = [grown[f] - use[f] + coming[f] for f in foreign]
    _build(case, market, rule.cap, (years, use, change), t)
    for f in foreign:
        _fit_growth(market, f, grown[f])
    room = [max(market.capacity[f] - min(grown[f], market.capacity[f]), 0.0) for f in foreign]
    if any(demand[f] > room[f] for f in foreign):
        free = _rationed(case, chosen, share, room)
    room = [max(room[f] - sum(one.owned[f] for one in free), 0.0) for f in foreign]
    _enter(case, market, chosen, free, _movers(market, asked, room, loss), loss)


def _movers(market: Market, asked: list[float], room: list[float], loss: float) -> list[float]:
    """Part of each partner's customers in reach who are moved: all that are asked, or as many as find room."""
    found = []
    for f, ask in enumerate(asked):
        wanted = (1.0 - loss) * ask * sum(segment.inside[f] for segment in market.segments)
        found.append(ask * min(1.0, room[f] / wanted) if wanted > 0.0 else 0.0)
    return found


def _enter(
    case: Case, market: Market, chosen: list[Chosen], intakes: list[Intake], movers: list[float], loss: float
) -> None:
    """Migrants and new customers take their places, with their gain; what opening adds counts half."""
    excess = case.inputs["demand.elasticity_of_substitution"] - 1.0
    for segment, choice, new in zip(market.segments, chosen, intakes, strict=True):
        full = (new.log_total - choice.newly_open) / excess
        gain = full * (1.0 / new.lift + 0.5 * (1.0 - 1.0 / new.lift))
        for f, part in enumerate(movers):
            moved = part * segment.inside[f]
            choice.again += loss * moved
            segment.owned[f] += (1.0 - loss) * moved + new.owned[f]
            segment.gain_owned[f] += (1.0 - loss) * moved * full + new.owned[f] * gain
            segment.inside[f] += new.partner[f] - moved
            segment.gain_inside[f] = (1.0 - part) * segment.gain_inside[f] + new.partner[f] * gain
        joining = new.home_rate * choice.home_total
        segment.home = [x + new.home_rate * a for x, a in zip(segment.home, choice.home, strict=True)]
        segment.home_inside += joining
        segment.gain_home += gain * joining


def _fit_growth(market: Market, f: int, use: float) -> None:
    """Growth on the site that finds no room goes to the partner offer without loss."""
    if use <= market.capacity[f]:
        return
    over = 1.0 - market.capacity[f] / use
    for segment in market.segments:
        for site, partner in ((segment.owned, segment.inside), (segment.gain_owned, segment.gain_inside)):
            partner[f] += over * site[f]
            site[f] *= 1.0 - over


def _rationed(case: Case, chosen: list[Chosen], share: list[float], room: list[float]) -> list[Intake]:
    """f_p such that new spending fits the room; the residue of the last pass goes to the partner offer."""
    seen = share
    found = [_intake(case, choice, seen) for choice in chosen]
    for _ in range(PASSES):
        demand = [sum(one.owned[f] for one in found) for f in range(len(share))]
        seen = [min(s * r / d, most) if d > 0.0 else s for s, r, d, most in zip(seen, room, demand, share, strict=True)]
        found = [_intake(case, choice, seen) for choice in chosen]
    for f in range(len(share)):
        demand_f = sum(one.owned[f] for one in found)
        if demand_f > room[f]:
            for one in found:
                over = one.owned[f] * (1.0 - room[f] / demand_f)
                one.owned[f] -= over
                one.partner[f] += over
    return found


def _build(case: Case, market: Market, cap: float, seen: tuple[list[float], ...], t: int) -> None:
    """The capacity plan: what a provider wants, what retires, what is replaced, what arrives, within the zone's cap."""
    years, use, change = seen
    foreign = range(len(case.abroad))
    life = max(round(case.inputs["economics.asset_life"] / case.step), 1)
    wanted, standing, kept, arrives = [], [], [], []
    for f in foreign:
        first = years[f] > 0.0 and (t == 0 or live(case, f, t - 1) == 0.0)
        wanted.append(_wanted(case, market, f, first, years[f], use[f], change[f]))
        retired = market.bought[t - life][f] if t >= life else 0.0
        standing.append(max(market.capacity[f] - retired, 0.0))
        lasting = 0.0
        if years[f] > 0.0 and not first:
            # What stands and is on order: orders bring capacity to what was wanted, so that they are levels; what
            # was last wanted is on order itself, and so only what it is below what stood before need be replaced.
            lasting = min(market.wanted[t - 1][f], market.capacity[f])
        kept.append(lasting)
        ordered = wanted[f] if first else _ordered(case, market, f, t)
        arrives.append(ordered if years[f] > 0.0 else 0.0)
    market.wanted.append(wanted)
    order = sorted(foreign, key=lambda f: (case.launched[f], case.drawn_order[f]))
    capacity = standing
    for goal in (kept, arrives):
        capacity = _granted(capacity, goal, cap, order)
    market.bought.append([now - before for now, before in zip(capacity, standing, strict=True)])
    market.capacity = capacity


def _wanted(case: Case, market: Market, f: int, first: bool, years: float, use: float, change: float) -> float:
    """This period's unconstrained use and a_t times lead and half a year; never below 0, and 0 if not live."""
    if first:
        market.planned[f] = change / max(years, 1e-9)
    else:
        market.planned[f] += (1.0 - math.exp(-case.step / MEMORY)) * (change / case.step - market.planned[f])
    ahead = case.inputs["capacity.expansion_lead"] + case.inputs["capacity.planning_years"]
    total = (0.0 if first else use + change) + market.planned[f] * ahead
    return max(total, 0.0) if years > 0.0 else 0.0


def _ordered(case: Case, market: Market, f: int, t: int) -> float:
    """What was wanted one expansion lead ago; a lead between two whole lags is split over both."""
    periods = max(case.inputs["capacity.expansion_lead"] / case.step, 1.0)
    whole = math.floor(periods + 1e-9)
    late = max(periods - whole, 0.0)
    then = [market.wanted[t - lag][f] if t >= lag else 0.0 for lag in (whole, whole + 1)]
    return (1.0 - late) * then[0] + late * then[1]


def _granted(capacity: list[float], goal: list[float], cap: float, order: list[int]) -> list[float]:
    """Capacity brought to a goal as far as the zone's cap allows, in launch order; never below what stands."""
    found = list(capacity)
    left = cap - sum(capacity)
    if left <= 1e-9 * sum(capacity):  # rounding
        left = 0.0
    for f in order:
        more = min(max(goal[f] - capacity[f], 0.0), left)
        found[f] += more
        left -= more
    return found


# ---------------------------------------------------------------- prices and the record


def margins(case: Case, base: Base, g: int, segment: Segment) -> list[float]:
    """What a unit of each provider's sales earns beyond the base year's, 1/mu_0 - 1/mu; [p] (section 6)."""
    return [math.exp(-a) - math.exp(-b) for a, b in zip(base.log_markup[g], segment.markup, strict=True)]


def _price(case: Case, segment: Segment) -> None:
    """Markups of the next period, from this one's shares of each access class, captive spending included."""
    home, spent = len(case.home), sum(segment.home)
    at_home = [
        segment.home_closed,
        max(spent - segment.home_closed - segment.home_inside, 0.0),
        segment.home_inside,
    ]
    reached = [a + b for a, b in zip(segment.inside, segment.owned, strict=True)]
    abroad = [[0.0] * len(reached), list(segment.outside), reached]
    if segment.reach_part <= 0.0:
        # Who is on a site in whose reach nothing is any more is in the open class, with everybody it was open to.
        abroad[1] = [a + b for a, b in zip(abroad[1], reached, strict=True)]
        abroad[2] = [0.0] * len(reached)
    totals = [ours + sum(theirs) for ours, theirs in zip(at_home, abroad, strict=True)]
    segment.before, segment.markup = segment.markup, list(segment.markup)
    for p, fringe in enumerate(case.fringe):
        if fringe:
            continue
        part = segment.home[p] / spent if p < home else 0.0
        revenue = [part * x for x in at_home] if p < home else [theirs[p - home] for theirs in abroad]
        shares = [r / total if total > 0.0 else 0.0 for r, total in zip(revenue, totals, strict=True)]
        perceived = elasticity(case, revenue, shares)
        segment.markup[p] = math.log(perceived / (perceived - 1.0))


def _record(case: Case, market: Market, t: int) -> None:
    """Enter the period: spending, gains, quality, capacity, prices, and what markups earn."""
    layers, home, layer_of = range(len(case.layers)), len(case.home), case.layer_of
    spent = [segment.spending() for segment in market.segments]
    extra = [margins(case, market.base, g, segment) for g, segment in enumerate(market.segments)]
    rows = [[g for g, at in enumerate(layer_of) if at == layer] for layer in layers]
    market.spending.append([[sum(col) for col in zip(*(spent[g] for g in r), strict=True)] for r in rows])
    market.owned.append([[sum(c) for c in zip(*(market.segments[g].owned for g in r), strict=True)] for r in rows])
    market.gains.append([sum(market.segments[g].gain() for g in r) for r in rows])
    market.qualities.append(list(market.quality))
    market.capacities.append(list(market.capacity))
    market.markups.append([_mean_markup(case, market, spent, r) for r in rows])
    earned = [sum(m[p] * s[p] for m, s in zip(extra, spent, strict=True)) for p in range(len(case.providers))]
    market.home_earned.append(sum(earned[:home]))
    market.earned.append(earned[home:])
    market.owned_earned.append(
        [
            sum(m[home + f] * segment.owned[f] for m, segment in zip(extra, market.segments, strict=True))
            for f in range(len(case.abroad))
        ]
    )


def _mean_markup(case: Case, market: Market, spent: list[list[float]], rows: list[int]) -> list[float]:
    """Price over marginal cost of a layer, weighted by spending; [p]."""
    found = []
    for p in range(len(case.providers)):
        weights = [spent[g][p] for g in rows]
        if sum(weights) <= 0.0:
            weights = [1.0] * len(rows)
        prices = [math.exp(market.segments[g].markup[p]) for g in rows]
        found.append(sum(w * price for w, price in zip(weights, prices, strict=True)) / sum(weights))
    return found
