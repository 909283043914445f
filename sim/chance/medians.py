"""The median case, of a prior or of what was learned: one world that stands for all. Nothing here is random."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from sim.chance.shocks import downward_steps, tail_factor
from sim.chance.worlds import (
    MARKET,
    STEPS,
    Columns,
    Named,
    Worlds,
    event_columns,
    listed_order,
    period_count,
    reverting_paths,
    steps_with_chance,
    steps_with_clock,
    tail_columns,
    worlds_of,
)
from sim.scenario.inputs import canonical, inputs
from sim.scenario.scenario import Scenario

__all__ = ["median_world"]


def median_world(scenario: Scenario, copies: int = 2) -> Worlds:
    """The median case: inputs at their medians, no shocks, what is likelier than not happens, in listed order.

    Downward steps come at their mean rate, so that what the trend carries for them cancels. What was learned counts
    by the median of its rows, and its shocks by their mean, which is not zero where they were observed.

    Parameters
    ----------
    scenario : Scenario
        A discrete input takes the category that holds cumulative weight one half, in listed order.
    copies : int
        Identical draws, N; two, because a block of one draw may be computed with other instructions.

    Returns
    -------
    Worlds
    """
    half = np.full(copies, 0.5)
    periods, providers = period_count(scenario.horizon), len(scenario.providers)
    medians = {item.name: canonical(scenario, item, half) for item in inputs(scenario)}
    years = np.arange(1, periods + 1)[:, None] * (scenario.horizon.period_months / 12)
    world = Worlds(
        inputs=medians,
        market_shock=np.zeros((periods, copies)),
        market_steps=years * medians["market.step_rate"] * np.expm1(-medians["market.step_size"]),
        rivalry=np.zeros((periods, providers, copies)),
        origin_shock=np.zeros((periods, copies)),
        chance={step: half.copy() for step in steps_with_chance(scenario)},
        clock={step: half.copy() for step in steps_with_clock(scenario)},
        order=np.stack(list(listed_order(scenario, copies).values())),
    )
    return world if scenario.learned is None else _middle_of(scenario, world, scenario.learned.columns)


def _middle_of(scenario: Scenario, world: Worlds, learned: Named) -> Worlds:
    """The median case of rows that were learned; what they lack is taken from the prior's."""
    copies = world.draws

    def middle(names: Iterable[str]) -> Named:
        medians = {name: np.quantile(learned[name], 0.5, method="inverted_cdf") for name in names if name in learned}
        return {name: np.full(copies, value) for name, value in medians.items()}

    values = {**world.inputs, **middle(world.inputs)}
    tails = dict(zip(reverting_paths(scenario), tail_columns(scenario), strict=False))  # the origin has none
    wide = {path: tail_factor(learned[tail]) for path, tail in tails.items() if tail in learned}
    paths = {
        name: np.repeat((learned[name] * wide.get(name, 1.0)).mean(axis=1)[:, None], copies, axis=1)
        for name in (MARKET, STEPS, *reverting_paths(scenario))
    }
    as_they_are = dict.fromkeys(tails.values(), np.full(copies, -math.expm1(-1.0)))  # a tail factor of 1
    events = {**middle(event_columns(scenario)), **as_they_are, **listed_order(scenario, copies)}
    made = worlds_of(scenario, Columns(values, events, paths))
    rate, size = (learned.get(name, values[name][:1]) for name in ("market.step_rate", "market.step_size"))
    falls = size * downward_steps(learned[STEPS], rate * (scenario.horizon.period_months / 12))
    return replace(
        made,
        market_steps=np.repeat(-falls.mean(axis=1)[:, None], copies, axis=1),
        chance={**world.chance, **made.chance},
        clock={**world.clock, **made.clock},
    )
