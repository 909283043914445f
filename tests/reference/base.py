"""Sections 3 and 4 of the model: the base year of one draw, static equilibrium, and what opening is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from reference.case import Case, Phase, Vector
from reference.channels import Channels

__all__ = ["Base", "base_year", "log_markups", "reach_of", "static_equilibrium"]

BOUND = 0.9


@dataclass
class Base:
    """The base year: segments [g], layers [l], providers [p], domestic ones first."""

    size: Vector  # [l]
    layer_share: Vector  # [l, p]
    weight: Vector  # [g]
    open: Vector  # [g]
    share: Vector  # [g, p], of the segment
    choice: Vector  # [g, p], of its open part
    log_markup: Vector  # [g, p]
    phi: float = 0.0
    premium: Vector | None = None  # [l], phi times the layer's factor
    channels: Channels | None = None


def base_year(case: Case) -> Base:
    """Section 3, steps 1 to 3, and phi of section 4."""
    h, layers = case.home, range(len(case.layers))
    raw, opens, propensity = (
        np.array([case[f"segments.{name}.{key}"] for name in case.segments])
        for key in ("weight", "open", "foreign_propensity")
    )
    weight = raw / [raw[case.rows[at]].sum() for at in case.layer_of]
    layer_share = np.array([_layer_share(case, name) for name in case.layers])
    abroad = np.zeros(len(weight))
    for layer in layers:
        rows = case.rows[layer]
        margin = layer_share[layer, h:].sum()
        abroad[rows] = _foreign_spending(margin, weight[rows], opens[rows], propensity[rows]) / weight[rows]
    groups = [layer_share[case.layer_of, :h], layer_share[case.layer_of, h:]]
    at_home, foreign = (group / group.sum(axis=1, keepdims=True) for group in groups)  # parts of each group

    def shares(foreign_part: Vector) -> Vector:
        return np.hstack([at_home * (1.0 - foreign_part)[:, None], foreign * foreign_part[:, None]])

    choice = shares(abroad / opens)  # P_f = s_f / open; domestic firms keep their proportions
    closed = shares(np.zeros(len(weight)))
    first = log_markups(case, np.stack([(1.0 - opens)[:, None] * closed, opens[:, None] * choice]))
    base = Base(_layer_sizes(case), layer_share, weight, opens, shares(abroad), choice, first)
    # What the start unlocks is inside the base year already.
    if case.mixed:
        base.phi = _premium_of_regime(case, base)
    else:
        base.phi = _added_premium(case, base) / (1.0 - case.phases[0].partner_unlock)
    base.channels = Channels(case, base.phi) if case.mixed else None
    base.premium = base.phi * np.array([case[f"opening.layer_factor.{name}"] for name in case.layers])
    return base


def _layer_sizes(case: Case) -> Vector:
    """The layer without a size is the rest of the total."""
    stated = {name: case[f"market.layers.{name}.size"] for name, x in case.scenario.market.layers.items() if x.size}
    rest = case["market.size"] - sum(stated.values())
    return np.array([stated.get(name, rest) for name in case.layers])


def _layer_share(case: Case, layer: str) -> Vector:
    """Provider shares of a layer: stated, or a foreign total and two splits; 0 of who arrives later."""
    record, h = case.scenario.shares[layer], case.home
    if record.direct is not None:
        direct = {name: case[f"shares.{layer}.direct.{name}"] for name in record.direct}
        return np.array([{**direct, record.rest: 1.0 - sum(direct.values())}.get(name, 0.0) for name in case.providers])
    parts = np.array(
        [
            case.inputs.get(f"shares.{layer}.{'domestic' if p < h else 'foreign'}_split.{name}", 0.0)
            for p, name in enumerate(case.providers)
        ]
    )
    if record.domestic_split_as is not None:
        parts[:h] = _layer_share(case, record.domestic_split_as)[:h]
    foreign = case[f"shares.{layer}.foreign"]
    return np.concatenate([(1.0 - foreign) * parts[:h] / parts[:h].sum(), foreign * parts[h:] / parts[h:].sum()])


def _foreign_spending(margin: float, weight: Vector, opens: Vector, propensity: Vector) -> Vector:
    """RAS under the bound: a segment above it is put on it, and the others are fitted to the rest."""
    held = margin / (opens * weight * (propensity > 0.0)).sum()
    found, free = max(BOUND, held) * opens * weight, np.ones(len(weight), dtype=bool)
    while True:
        fitted = _ras(margin - found[~free].sum(), weight[free], (opens * propensity)[free])
        above = fitted > found[free]
        if len(weight) == 1 or not above.any():
            found[free] = fitted
            return found
        free[free] = ~above


def _ras(margin: float, weight: Vector, kernel: Vector) -> Vector:
    """Iterative proportional fitting of a foreign and a domestic row to row and column sums."""
    table, rows = np.stack([weight * kernel, weight]), np.array([margin, weight.sum() - margin])
    for _ in range(1000):
        old = table
        table = table * (rows / table.sum(axis=1))[:, None]
        table = table * (weight / table.sum(axis=0))
        if abs(table - old).max() < 1e-17:
            break
    return table[0]


def log_markups(case: Case, revenue: Vector) -> Vector:
    """ln mu of every provider from its revenue in each access class, [class, ..., p] (section 4).

    epsilon_p = epsilon - conduct (epsilon - eta) sum_c r_pc s_pc; a fringe prices as one of no size.
    """
    total, own = revenue.sum(axis=-1, keepdims=True), revenue.sum(axis=0)
    share = np.divide(revenue, total, out=np.zeros_like(revenue), where=total > 0.0)
    weighted = np.divide((revenue * share).sum(axis=0), own, out=np.zeros_like(own), where=(own > 0.0) & ~case.fringe)
    substitution = case["demand.elasticity_of_substitution"]
    perceived = substitution - case["demand.conduct"] * (substitution - case["demand.elasticity_of_demand"]) * weighted
    return np.log(perceived / (perceived - 1.0))


def reach_of(case: Case, phase: Phase, segment: str) -> float:
    """Part of a segment's open part that owned sites may serve: section 7, zone reading."""
    if phase.reach == "none" or case.scenario.segments[segment].layer not in phase.owned_layers:
        return 0.0
    if phase.reach == "open":
        return 1.0
    name = list(case.scenario.zone.reading.categories)[int(case["zone.reading"])]  # type: ignore[union-attr]
    multiple = case.inputs.get(f"zone.readings.{name}.multiple.{segment}", 1.0)
    return min(case[f"zone.readings.{name}.reach"] * multiple, 1.0)


def static_equilibrium(case: Case, base: Base, reach: Vector, inside: Vector, outside: Vector) -> tuple[Vector, Vector]:
    """Choice shares where owned sites are seen, and log markups, when all spending chooses; [g, p].

    `reach` [g] is a part of the open part; `inside` and `outside` [g, p] is utility added to the base year's in and
    out of it. The plain fixed point of markups, half way each time, until it stands.
    """
    closed = np.broadcast_to(np.where(case.foreign, 0.0, 1.0), base.choice.shape)
    lifts = np.stack([np.exp(inside), np.exp(outside), closed])
    size = np.stack([base.open * reach, base.open * (1.0 - reach), 1.0 - base.open])[:, :, None]
    markup = base.log_markup
    for _ in range(500):
        pull = lifts * (base.choice * np.exp(case.excess * (base.log_markup - markup)))
        share = pull / pull.sum(axis=-1, keepdims=True)
        change = log_markups(case, size * share) - markup
        markup = markup + 0.5 * change
        if abs(change).max() < 2e-15:
            break
    return share[0], markup


def _premium_of_regime(case: Case, base: Base) -> float:
    """phi at which foreign providers have the share of the hypothesis under its regime; 0 if that is out of reach."""
    layer = case.layers.index(case.scenario.opening.layer)
    rows, spending = case.rows[layer], base.weight * base.open
    target = _target(case, base, spending[rows].sum(), layer)

    def missing(phi: float) -> float:
        lifts = np.where(case.foreign, Channels(case, phi).long_run(case.asked), 0.0)[case.layer_of]
        share, _ = static_equilibrium(case, base, np.ones(len(spending)), lifts, lifts)
        abroad = spending * share[:, case.home :].sum(axis=1)
        return target - float(abroad[rows].sum() / spending[rows].sum())

    first = missing(0.0)
    nearer = abs(missing(1e-3)) < abs(first)
    return brentq(missing, 0.0, 100.0, xtol=1e-14, rtol=1e-14) if nearer else 0.0


def _added_premium(case: Case, base: Base) -> float:
    """Utility that brings the foreign share of the whole open part of the opening's layer to the target; at least 0."""
    layer = case.layers.index(case.scenario.opening.layer)
    rows, spending = case.rows[layer], base.weight * base.open
    target = _target(case, base, spending[rows].sum(), layer)

    def missing(premium: float) -> float:
        lifts = np.broadcast_to(premium * case.foreign, base.choice.shape)
        share, _ = static_equilibrium(case, base, np.ones(len(spending)), lifts, lifts)
        abroad = spending * share[:, case.home :].sum(axis=1)
        return target - float(abroad[rows].sum() / spending[rows].sum())

    return brentq(missing, 0.0, 100.0, xtol=1e-14, rtol=1e-14) if missing(0.0) > 0.0 else 0.0


def _target(case: Case, base: Base, open_share: float, layer: int) -> float:
    """What the draw's hypothesis says of the foreign share of the open part, at most its cap."""
    name = list(case.scenario.opening.hypothesis.categories)[int(case["opening.hypothesis"])]  # type: ignore[union-attr]
    hypothesis, value = case.scenario.opening.hypotheses[name], case[f"opening.hypotheses.{name}.value"]
    today = dict(zip(case.providers[case.home :], base.layer_share[layer, case.home :], strict=True))
    others = sum(s for n, s in today.items() if hypothesis.providers and n not in hypothesis.providers)
    share = {
        "share_of_open": value + others / open_share,
        "share_of_layer": (value + others) / open_share,
        "gain_of_layer": (value + sum(today.values())) / open_share,
    }[hypothesis.measure]
    return min(share, hypothesis.cap)
