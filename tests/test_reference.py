"""The engine against the model written once more, from the specification, one draw at a time."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from reference.accounts import outcomes
from reference.base import Base, base_year
from reference.case import Case, Closing, Phase, Reading
from reference.market import run
from shipped import RUNNABLE, economy, scenario, worlds

from sim.chance.distributions import median
from sim.chance.sampling import Worlds
from sim.dates.timeline import Masks, Timeline, period_masks, simulate_timeline
from sim.evidence import SCALES
from sim.model.engine import simulate
from sim.model.entry import entry_verdicts
from sim.outcomes.results import Panel
from sim.policy import lever, states

DRAWS = 64
ENGINE = Reading(fades_within_base_year=True, stranded_alone=True, fringe_decides_whole=True)
"""What the engine is known to do other than the specification says."""
FRACTIONS = ("partner_equity", "partner_unlock", "owned_unlock", "spillover")


@functools.cache
def _drawn(name: str, *edits: str) -> Worlds:
    return worlds(name, *edits).take(slice(0, DRAWS))


@functools.cache
def _panels(name: str, *edits: str) -> Mapping[str, Panel]:
    return simulate(scenario(name, *edits), _drawn(name, *edits))


@functools.cache
def _dates(name: str, *edits: str) -> tuple[Timeline, Masks]:
    found, drawn = scenario(name, *edits), worlds(name, *edits)
    timeline = simulate_timeline(found, drawn, entry_verdicts(found, economy(name, *edits)))
    return timeline, period_masks(found, timeline)


@functools.cache
def _base(draw: int, *edits: str) -> Base:
    """The base year, the same whatever the calendar: no shipped scenario starts elsewhere."""
    return base_year(_case(draw, "jv_only", *edits))


def _phases(draw: int, *name: str) -> Iterator[Phase]:
    """What is in force when, and the levers' numbers."""
    found, drawn, table = states(scenario(*name)), worlds(*name), _dates(*name)[1].phases
    for start, end, state in zip(table.start[:, draw], table.end[:, draw], table.state[:, draw], strict=True):
        levers = found[state].levers
        numbers = (float(lever(found[state], key, drawn.inputs, drawn.draws)[draw]) for key in FRACTIONS)
        yield Phase(float(start), float(end), *numbers, levers.owned_layers, levers.reach, levers.capped)


def _closings(draw: int, *name: str) -> Iterator[Closing]:
    """Steps of the calendar that close parts of segments."""
    for row, (step, record) in enumerate(scenario(*name).policy.steps.items()):
        if record.closes:
            parts = {
                segment: float(worlds(*name).inputs[f"policy.steps.{step}.closes.{segment}"][draw])
                for segment in record.closes
            }
            yield Closing(float(_dates(*name)[0].steps[row, draw]), parts, record.evicts)


def _case(draw: int, *name: str, reading: Reading = ENGINE) -> Case:
    """What one draw is handed: inputs, shocks, dates."""
    found, drawn, timeline = scenario(*name), worlds(*name), _dates(*name)[0]
    forecast = found.market.growth_forecast
    return Case(
        scenario=found,
        inputs={key: float(values[draw]) for key, values in drawn.inputs.items()},
        median_forecast=median(forecast) * SCALES["rate"][forecast.unit],
        y=drawn.market_shock[:, draw].tolist(),
        falls=drawn.market_steps[:, draw].tolist(),
        rivalry=drawn.rivalry[:, :, draw].tolist(),
        origin=drawn.origin_shock[:, draw].tolist(),
        phases=tuple(_phases(draw, *name)),
        closings=tuple(_closings(draw, *name)),
        launched=timeline.launched[:, draw].tolist(),
        withdrawn=timeline.withdrawn[:, draw].tolist(),
        transferred=timeline.transferred[:, draw].tolist(),
        drawn_order=[sorted(found.foreign).index(provider) for provider in found.foreign],
        reading=reading,
    )
