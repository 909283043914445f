"""Sections 3 and 4 of the model: the base year of one draw, static equilibrium, and what opening is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq

from reference.case import Case, Phase

__all__ = ["Base", "StaticSegment", "base_year", "elasticity", "reach_of", "static_equilibrium"]

BOUND = 0.9


@dataclass
class Base:
    """The base year: [g] segments, [l] layers, [p] providers, domestic ones first.

    Attributes
    ----------
    size : [l]
    layer_share : [l][p]
    weight, open : [g]
    share, choice : [g][p]
        Of the segment, and of its open part.
    log_markup : [g][p]
    phi : float
    premium : [l]
        phi times the layer's factor.
    """

    size: list[float]
    layer_share: list[list[float]]
    weight: list[float]
    open: list[float]
    share: list[list[float]]
    choice: list[list[float]]
    log_markup: list[list[float]]
    phi: float = 0.0
    premium: tuple[float, ...] = ()


def base_year(case: Case) -> Base:
    """Section 3, steps 1 to 3, and phi of section 4."""
    layer_of, inputs, home = case.layer_of, case.inputs, len(case.home)
    raw = [inputs[f"segments.{name}.weight"] for name in case.segments]
    sums = [sum(w for w, at in zip(raw, layer_of, strict=True) if at == layer) for layer in range(len(case.layers))]
    weight = [w / sums[at] for w, at in zip(raw, layer_of, strict=True)]
    opens = [inputs[f"segments.{name}.open"] for name in case.segments]
    layer_share = [_layer_share(case, name) for name in case.layers]
    share: list[list[float]] = [[] for _ in weight]
    for layer, shares in enumerate(layer_share):
        rows = [g for g, at in enumerate(layer_of) if at == layer]
        propensity = [inputs[f"segments.{case.segments[g]}.foreign_propensity"] for g in rows]
        foreign = _foreign_spending(sum(shares[home:]), [weight[g] for g in rows], [opens[g] for g in rows], propensity)
        for g, spending in zip(rows, foreign, strict=True):
            share[g] = _segment_share(shares, spending / weight[g], home)
    choice = [_open_choice(s, o, home) for s, o in zip(share, opens, strict=True)]
    log_markup = [_base_markup(case, row, o) for row, o in zip(choice, opens, strict=True)]
    base = Base(_layer_sizes(case), layer_share, weight, opens, share, choice, log_markup)
    start = case.phases[0].partner_unlock
    base.phi = _added_premium(case, base) / (1.0 - start)
    base.premium = tuple(base.phi * inputs[f"opening.layer_factor.{name}"] for name in case.layers)
    return base


def _layer_sizes(case: Case) -> list[float]:
    """The layer without a size is the rest of the total."""
    stated = {n: case.inputs[f"market.layers.{n}.size"] for n, x in case.scenario.market.layers.items() if x.size}
    rest = case.inputs["market.size"] - sum(stated.values())
    return [stated.get(name, rest) for name in case.layers]


def _layer_share(case: Case, layer: str) -> list[float]:
    """Provider shares of a layer: stated, or a foreign total and two splits."""
    record, inputs = case.scenario.shares[layer], case.inputs
    if record.direct is not None:
        direct = {name: inputs[f"shares.{layer}.direct.{name}"] for name in record.direct}
        direct[record.rest] = 1.0 - sum(direct.values())
        return [direct.get(name, 0.0) for name in case.providers]  # 0: who arrives later
    foreign = inputs[f"shares.{layer}.foreign"]
    abroad = [inputs.get(f"shares.{layer}.foreign_split.{name}", 0.0) for name in case.abroad]
    if record.domestic_split_as is not None:
        home = _layer_share(case, record.domestic_split_as)[: len(case.home)]
    else:
        home = [inputs.get(f"shares.{layer}.domestic_split.{name}", 0.0) for name in case.home]
    return [(1.0 - foreign) * s / sum(home) for s in home] + [foreign * s / sum(abroad) for s in abroad]


def _foreign_spending(
    margin: float, weight: Sequence[float], opens: Sequence[float], propensity: Sequence[float]
) -> list[float]:
    """RAS under the bound: a segment above it is put on it, and the others are fitted to the rest."""
    bound = [BOUND * o * w for o, w in zip(opens, weight, strict=True)]
    pinned: dict[int, float] = {}
    while True:
        free = [g for g in range(len(weight)) if g not in pinned]
        kernel = [opens[g] * propensity[g] for g in free]
        fitted = dict(zip(free, _ras(margin - sum(pinned.values()), [weight[g] for g in free], kernel), strict=True))
        above = {g: bound[g] for g in free if len(weight) > 1 and fitted[g] > bound[g]}
        if not above:
            return [pinned.get(g, fitted.get(g, 0.0)) for g in range(len(weight))]
        pinned.update(above)


def _ras(margin: float, weight: Sequence[float], kernel: Sequence[float]) -> list[float]:
    """Iterative proportional fitting of a foreign and a domestic row to row and column sums."""
    foreign, home = [w * k for w, k in zip(weight, kernel, strict=True)], list(weight)
    for _ in range(1000):
        old = foreign
        up, down = margin / sum(foreign), (sum(weight) - margin) / sum(home)
        columns = [w / (up * f + down * h) for w, f, h in zip(weight, foreign, home, strict=True)]
        foreign = [up * f * c for f, c in zip(foreign, columns, strict=True)]
        home = [down * h * c for h, c in zip(home, columns, strict=True)]
        if max(abs(a - b) for a, b in zip(foreign, old, strict=True)) < 1e-17:
            break
    return foreign


def _segment_share(shares: Sequence[float], foreign: float, home: int) -> list[float]:
    at_home, abroad = sum(shares[:home]), sum(shares[home:])
    return [s / at_home * (1.0 - foreign) for s in shares[:home]] + [s / abroad * foreign for s in shares[home:]]


def _open_choice(share: Sequence[float], opens: float, home: int) -> list[float]:
    """P_f = s_f / open; domestic firms keep their proportions."""
    abroad = [s / opens for s in share[home:]]
    return [s / sum(share[:home]) * (1.0 - sum(abroad)) for s in share[:home]] + abroad


def elasticity(case: Case, revenue: Sequence[float], share: Sequence[float]) -> float:
    """epsilon_p = epsilon - conduct (epsilon - eta) sum_c r_c s_c, of one price over classes (section 4)."""
    substitution = case.inputs["demand.elasticity_of_substitution"]
    slope = case.inputs["demand.conduct"] * (substitution - case.inputs["demand.elasticity_of_demand"])
    total = sum(revenue)
    if total <= 0.0:
        return substitution
    return substitution - slope * sum(r * s for r, s in zip(revenue, share, strict=True)) / total


def _base_markup(case: Case, choice: Sequence[float], opens: float) -> list[float]:
    """mu_0 over the closed and the open class; a fringe prices as one of no size."""
    home, found = len(case.home), []
    for p, fringe in enumerate(case.fringe):
        inside = choice[p] / sum(choice[:home]) if p < home else 0.0
        shares = [0.0, 0.0] if fringe else [inside, choice[p]]
        perceived = elasticity(case, [(1.0 - opens) * shares[0], opens * shares[1]], shares)
        found.append(math.log(perceived / (perceived - 1.0)))
    return found


def reach_of(case: Case, phase: Phase, segment: str) -> float:
    """Part of a segment's open part that owned sites may serve: section 7, zone reading."""
    if phase.reach == "none" or case.scenario.segments[segment].layer not in phase.owned_layers:
        return 0.0
    if phase.reach == "open":
        return 1.0
    name = list(case.scenario.zone.reading.categories)[int(case.inputs["zone.reading"])]  # type: ignore[union-attr]
    value = case.inputs[f"zone.readings.{name}.reach"]
    if segment in case.scenario.zone.readings[name].multiple:
        value *= case.inputs[f"zone.readings.{name}.multiple.{segment}"]
    return min(value, 1.0)


@dataclass
class StaticSegment:
    """A static equilibrium in one segment: choice shares where owned sites are seen, elsewhere, and log markups."""

    reached: list[float]
    unreached: list[float]
    log_markup: list[float]


def static_equilibrium(
    case: Case, base: Base, g: int, reach: float, inside: Sequence[float], outside: Sequence[float]
) -> StaticSegment:
    """All spending of a segment chooses, markups at their fixed point.

    `reach` is a part of the open part; `inside` and `outside` [p] is utility added to the base year's in and out of it.
    The plain fixed point, half way each time, until it stands.
    """
    home, excess = len(case.home), case.inputs["demand.elasticity_of_substitution"] - 1.0
    opens, first = base.open[g], base.log_markup[g]
    size = [opens * reach, opens * (1.0 - reach), 1.0 - opens]
    up_in, up_out, markup = [math.exp(u) for u in inside], [math.exp(u) for u in outside], list(first)
    for _ in range(500):
        pull = [c * math.exp(excess * (m0 - m)) for c, m0, m in zip(base.choice[g], first, markup, strict=True)]
        seen, unseen = ([a * u for a, u in zip(pull, up, strict=True)] for up in (up_in, up_out))
        totals = [sum(seen), sum(unseen), sum(pull[:home])]
        moved = 0.0
        for p, fringe in enumerate(case.fringe):
            if not fringe:
                shares = [seen[p] / totals[0], unseen[p] / totals[1], pull[p] / totals[2] if p < home else 0.0]
                perceived = elasticity(case, [n * s for n, s in zip(size, shares, strict=True)], shares)
                change = math.log(perceived / (perceived - 1.0)) - markup[p]
                markup[p] += 0.5 * change
                moved = max(moved, abs(change))
        if moved < 1e-15:
            break
    return StaticSegment([s / totals[0] for s in seen], [s / totals[1] for s in unseen], markup)


def _added_premium(case: Case, base: Base) -> float:
    """Utility that brings the foreign share of the whole open part of the opening's layer to the target; at least 0."""
    home, layer = len(case.home), case.layers.index(case.scenario.opening.layer)
    rows = [g for g, at in enumerate(case.layer_of) if at == layer]
    spending = [base.weight[g] * base.open[g] for g in rows]
    target = _target(case, base, sum(spending), layer)

    def excess_share(premium: float) -> float:
        lifts = [0.0] * home + [premium] * len(case.abroad)
        found = (static_equilibrium(case, base, g, 1.0, lifts, lifts) for g in rows)
        abroad = sum(size * sum(one.reached[home:]) for size, one in zip(spending, found, strict=True))
        return abroad / sum(spending) - target

    if excess_share(0.0) >= 0.0:
        return 0.0
    return float(brentq(excess_share, 0.0, 100.0, xtol=1e-14, rtol=1e-14))


def _target(case: Case, base: Base, open_share: float, layer: int) -> float:
    """What the draw's hypothesis says of the foreign share of the open part, at most its cap."""
    names = list(case.scenario.opening.hypothesis.categories)  # type: ignore[union-attr]
    name = names[int(case.inputs["opening.hypothesis"])]
    hypothesis = case.scenario.opening.hypotheses[name]
    value = case.inputs[f"opening.hypotheses.{name}.value"]
    today = dict(zip(case.abroad, base.layer_share[layer][len(case.home) :], strict=True))
    others = sum(s for n, s in today.items() if hypothesis.providers and n not in hypothesis.providers)
    share = {
        "share_of_open": value + others / open_share,
        "share_of_layer": (value + others) / open_share,
        "gain_of_layer": (value + sum(today.values())) / open_share,
    }[hypothesis.measure]
    return min(share, hypothesis.cap)
