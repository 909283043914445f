"""Entry is a decision: the rule of section 6, for one draw and one state of the calendar."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from reference.base import Base, reach_of, static_equilibrium
from reference.case import Case, Phase
from reference.rates import Rates

__all__ = ["entry_margin"]


def entry_margin(case: Case, base: Base, phase: Phase, p: int, hazard: float, day: float = -math.inf) -> float:
    """What building is worth to a firm of provider p less what it gives up, per unit of its partner's sales.

    It counts with the numbers of the day, and with those who have not left by then.

    m (pi_owned + K/life - h K c) - pi_partner; it builds if this is not below 0. Rivals stay with partners, and of a
    fringe of several firms so do the others: m is one firm's.
    """
    name = case.providers[p]
    provider, path = case.scenario.providers[name], f"providers.{name}"
    if provider.arrives is not None:  # it sees itself with its part of new choices, at the markup of no size
        part, choice = case[f"{path}.arrives.new_choices"], base.choice.copy()
        choice[:, p] = part / (1.0 - part)
        base = replace(base, choice=choice)
    base = replace(base, choice=base.choice * (case.left > day))
    start, full = case.phases[0].partner_unlock, max(phase.owned_unlock, phase.partner_unlock)
    partner = phase.partner_unlock - start
    with_site, without = (_sales(case, base, phase, p, lift, partner) for lift in (full - start, partner))
    hurdle = case.own("providers", [name], "entry.hurdle", (day, day))[0]
    every = Rates(case, (day, day)).worth(phase.equity, hurdle, hazard, (with_site[1], without[1]))
    worth = float(every[0][p]), float(every[1][p])
    if provider.arrives is not None and provider.arrives.after == "launch":
        return worth[0]  # it gives nothing up
    return with_site[0] / without[0] * worth[0] - worth[1] if without[0] > 0.0 else -math.inf


def _sales(case: Case, base: Base, phase: Phase, p: int, lift: float, partner: float) -> tuple[float, float]:
    """Static sales of one firm in reach with a premium of its own, and what its markups add to a unit of them."""
    reach = np.array([reach_of(case, phase, name) for name in case.segments])
    premium, firms = base.premium[case.layer_of], case.scenario.providers[case.providers[p]].firms
    one = np.exp(lift * premium) / firms
    whole = one + np.exp(partner * premium) * (firms - 1) / firms
    outside = partner * premium[:, None] * case.foreign
    inside = outside.copy()
    inside[:, p] = np.log(whole)
    share, markup = static_equilibrium(case, base, reach, inside, outside)
    sales = base.size[case.layer_of] * base.weight * base.open * reach * share[:, p] * one / whole
    extra = sales * (np.exp(-base.log_markup[:, p]) - np.exp(-markup[:, p]))
    return float(sales.sum()), float(extra.sum() / sales.sum()) if sales.any() else 0.0
