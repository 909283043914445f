"""Entry is a decision: the rule of section 6, for one draw and one state of the calendar."""

from __future__ import annotations

import math
from dataclasses import replace

from reference.base import Base, reach_of, static_equilibrium
from reference.case import Case, Phase
from reference.market import channel_worth

__all__ = ["entry_margin"]


def entry_margin(case: Case, base: Base, phase: Phase, f: int, hazard: float) -> float:
    """What building is worth to a firm of provider f less what it gives up, per unit of its partner's sales.

    m (pi_owned + K/life - h K c) - pi_partner; it builds if this is not below 0. Rivals stay with partners, and of a
    fringe of several firms so do the others: m is one firm's.
    """
    start = case.phases[0].partner_unlock
    partner = [(phase.partner_unlock - start) * premium for premium in base.premium]
    # An owned offer never has less than its partner offer (section 4).
    owned = [(max(phase.owned_unlock, phase.partner_unlock) - start) * premium for premium in base.premium]
    name = case.abroad[f]
    provider, path = case.scenario.providers[name], f"providers.{name}"
    base = _with_entrant(case, base, f)
    with_site, without = _sales(case, base, phase, f, owned, partner, provider.firms)
    if without[0] <= 0.0:
        return -math.inf
    hurdle = case.inputs.get(f"{path}.entry.hurdle", case.inputs["entry.hurdle"])
    worth = channel_worth(case, phase.partner_equity, hurdle, hazard, (with_site[1], without[1]))
    if provider.arrives is not None and provider.arrives.after == "launch":
        return worth[0]  # it gives nothing up
    return with_site[0] / without[0] * worth[0] - worth[1]


def _with_entrant(case: Case, base: Base, f: int) -> Base:
    """Who is not there yet sees itself with its part of new choices, at the markup of a firm of no size."""
    path, p = f"providers.{case.abroad[f]}.arrives.new_choices", len(case.home) + f
    if path not in case.inputs:
        return base
    odds = case.inputs[path] / (1.0 - case.inputs[path])
    return replace(base, choice=[[*row[:p], odds, *row[p + 1 :]] for row in base.choice])


def _sales(
    case: Case, base: Base, phase: Phase, f: int, owned: list[float], partner: list[float], firms: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Static sales of one firm in reach, and what its markups add to a unit of them: with a site, and without."""
    p, found = len(case.home) + f, []
    for lift in (owned, partner):
        total = extra = 0.0
        for g, (name, layer) in enumerate(zip(case.segments, case.layer_of, strict=True)):
            reach = reach_of(case, phase, name)
            if reach == 0.0:
                continue
            one = math.exp(lift[layer]) / firms
            whole = one + math.exp(partner[layer]) * (firms - 1) / firms
            outside = [0.0] * len(case.home) + [partner[layer]] * len(case.abroad)
            inside = [*outside[:p], math.log(whole), *outside[p + 1 :]]
            static = static_equilibrium(case, base, g, reach, inside, outside)
            sales = base.size[layer] * base.weight[g] * base.open[g] * reach * static.reached[p] * one / whole
            total += sales
            extra += sales * (math.exp(-base.log_markup[g][p]) - math.exp(-static.log_markup[p]))
        found.append((total, extra / total if total > 0.0 else 0.0))
    return found[0], found[1]
