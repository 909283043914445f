"""The median case, of a prior or of what was learned: one world that stands for all. Nothing here is random."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from sim.axes import EDGE, FloatArray
from sim.chance.shocks import tail_factor
from sim.chance.worlds import (
    STEPS,
    Columns,
    Named,
    Worlds,
    event_columns,
    listed_order,
    normal_paths,
    period_count,
    rare_inputs,
    rare_path,
    rare_paths,
    reverting_paths,
    steps_with_chance,
    steps_with_clock,
    tail_columns,
    worlds_of,
)
from sim.scenario.inputs import canonical, inputs
from sim.scenario.mechanisms import absent_values
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
    stated = {item.name: canonical(scenario, item, half) for item in inputs(scenario)}
    medians = {**stated, **absent_values(scenario, copies)}
    years = np.arange(1, periods + 1)[:, None] * (scenario.horizon.period_months / 12)
    world = Worlds(
        inputs=medians,
        market_shock=np.zeros((periods, copies)),
        market_steps=years * medians["market.step_rate"] * np.expm1(-medians["market.step_size"]),
        rivalry=np.zeros((periods, providers, copies)),
        origin_shock=np.zeros((periods, copies)),
        catch_up_shock=np.zeros((periods, copies)),
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
        for name in normal_paths(scenario)
    }
    nothing = np.full((period_count(scenario.horizon), copies), EDGE)
    paths |= dict.fromkeys(rare_paths(scenario), nothing)
    as_they_are = dict.fromkeys(tails.values(), np.full(copies, -math.expm1(-1.0)))  # a tail factor of 1
    events = {**middle(event_columns(scenario)), **as_they_are, **listed_order(scenario, copies)}
    made = worlds_of(scenario, Columns(values, events, paths))
    rare = {path: _mean_of_rare(scenario, path, learned, values) for path in rare_paths(scenario)}
    names, rivalry = scenario.domestic + scenario.foreign, made.rivalry
    for path in rare.keys() - {STEPS}:
        rivalry[:, names.index(path.partition(".")[2])] += rare[path]
    return replace(
        made,
        rivalry=rivalry,
        market_steps=np.repeat(-rare[STEPS], copies, axis=1),
        chance={**world.chance, **made.chance},
        clock={**world.clock, **made.clock},
    )


def _mean_of_rare(scenario: Scenario, path: str, learned: Named, values: Named) -> FloatArray:
    """Mean over the rows of what a rare thing came to by the end of each period, (T, 1)."""
    numbers = {name: learned.get(name, values[name][:1]) for name in rare_inputs(path)}
    total = rare_path(path, learned[path], numbers, scenario.horizon.period_months / 12)[1]
    return np.asarray(total.mean(axis=1)[:, None])
