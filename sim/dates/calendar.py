"""The policy calendar: when each step happens, and which state is in force when.

A step depends on dates, other steps, chance and exposure to a regime, never on providers, so all draws are
computed at once. Dates are decimal years; `inf` is never.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray
from sim.chance.worlds import Worlds
from sim.scenario.policy import NEVER, changes_state, decimal_year, states, trigger_order
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import DateStep, EventStep, HazardStep

__all__ = ["Phases", "decision_phases", "phases_in_force", "step_dates"]


@dataclass(frozen=True)
class Phases:
    """The states in force one after the other; a phase without length is never in force.

    Attributes
    ----------
    start, end : (J, N)
        Decimal years within the horizon, J = 1 + number of state-changing steps.
    state : (J, N)
        Index into `policy.states`.
    """

    start: FloatArray
    end: FloatArray
    state: IntArray


def step_dates(scenario: Scenario, worlds: Worlds) -> FloatArray:
    """Date at which each step of the calendar happens.

    A hazard runs only while its regime is in force, which other hazards may end. The earliest one to fire
    under the dates known so far cannot be changed by a later one, so each pass settles one per draw. Dates that are
    given with the worlds stand as they are.

    Returns
    -------
    (number of steps, N) decimal years, inf never or not within the horizon; steps in listed order.
    """
    steps = scenario.policy.steps.items()
    hazards = [name for name, step in steps if isinstance(step, HazardStep) and name not in worlds.dates]
    fired = np.full((len(hazards), worlds.draws), NEVER)
    for _ in hazards:
        phases = phases_in_force(scenario, _resolve(scenario, worlds, dict(zip(hazards, fired, strict=True))))
        due = np.stack([_firing_date(scenario, worlds, name, phases) for name in hazards])
        due[fired < NEVER] = NEVER
        fired = np.where(due == due.min(axis=0), np.minimum(due, fired), fired)
    dates = _resolve(scenario, worlds, dict(zip(hazards, fired, strict=True)))
    return np.where(dates < scenario.horizon.end_year + 1, dates, NEVER)


def _resolve(scenario: Scenario, worlds: Worlds, fired: Mapping[str, FloatArray]) -> FloatArray:
    """Date of each step (number of steps, N), given when the hazards fire."""
    triggers: dict[str, FloatArray] = {}
    dates: dict[str, FloatArray] = {}
    for name in trigger_order(scenario):
        if name in worlds.dates:
            triggers[name] = dates[name] = worlds.dates[name]
            continue
        match scenario.policy.steps[name]:
            case DateStep(when=day):
                triggers[name] = np.full(worlds.draws, decimal_year(day))
            case HazardStep():
                triggers[name] = fired[name]
            case EventStep(after=str() as other):
                triggers[name] = dates[other]
            case EventStep(after_not=str() as other):
                triggers[name] = np.where(_succeeds(scenario, worlds, other), NEVER, triggers[other])
        delayed = triggers[name] + worlds.inputs.get(f"policy.steps.{name}.delay", 0.0)
        dates[name] = np.where(_succeeds(scenario, worlds, name), delayed, NEVER)
    return np.array([dates[name] for name in scenario.policy.steps]).reshape(-1, worlds.draws)


def _succeeds(scenario: Scenario, worlds: Worlds, name: str) -> BoolArray:
    """Whether a step happens once triggered, (N,); decided at the trigger, before any delay."""
    probability = scenario.policy.steps[name].probability
    if probability is None:
        return np.ones(worlds.draws, dtype=bool)
    path = f"policy.steps.{name}.probability"
    return worlds.chance[name] < (worlds.inputs[path] if isinstance(probability, Record) else probability)


def _firing_date(scenario: Scenario, worlds: Worlds, name: str, phases: Phases) -> FloatArray:
    """Date (N,) at which a hazard has met enough exposure to its regime, if the calendar stays as it is."""
    step = scenario.policy.steps[name]
    assert isinstance(step, HazardStep)
    rate = worlds.inputs[f"policy.steps.{name}.hazard"]
    needed = np.divide(-np.log1p(-worlds.clock[name]), rate, out=np.full(worlds.draws, NEVER), where=rate > 0)
    runs = np.array([state.regime == step.during for state in states(scenario)])[phases.state]
    exposure = np.where(runs, phases.end - phases.start, 0.0).cumsum(axis=0)
    before = np.vstack([np.zeros(worlds.draws), exposure[:-1]])
    fires = (before < needed) & (needed <= exposure)
    date: FloatArray = np.where(fires, phases.start + (needed - before), NEVER).min(axis=0)
    return date


def phases_in_force(scenario: Scenario, dates: FloatArray) -> Phases:
    """The states in force one after the other, from the dates of the steps.

    At any time the state is that of the latest state-changing step that has happened, of two on one date
    the later listed. What came before the horizon is in force from its start.

    Parameters
    ----------
    scenario : Scenario
    dates : (number of steps, N) decimal years

    Returns
    -------
    Phases
    """
    changing = [i for i, step in enumerate(scenario.policy.steps.values()) if changes_state(step)]
    return _one_after_the_other(scenario, dates, changing)


def _one_after_the_other(scenario: Scenario, dates: FloatArray, steps: Sequence[int]) -> Phases:
    """The start and what follows each of some steps, by date."""
    begun = np.vstack([np.full(dates.shape[1], -np.inf), dates[steps]])
    order = begun.argsort(axis=0, kind="stable")
    first, last = scenario.horizon.base_year + 1.0, scenario.horizon.end_year + 1.0
    start = np.take_along_axis(begun, order, axis=0).clip(first, last)
    end = np.vstack([start[1:], np.full(dates.shape[1], last)])
    return Phases(start, end, np.array([0, *(i + 1 for i in steps)])[order])


def decision_phases(scenario: Scenario, dates: FloatArray) -> Phases:
    """The same, cut where a step changes numbers on which providers decide, or who there is: they may think again.

    Where steps do so, the states count anew in each phase: that of the phase j is j S + its index, of S states.
    """
    steps = list(scenario.policy.steps.values())
    if not scenario.changes_numbers:
        return phases_in_force(scenario, dates)
    cut = _one_after_the_other(
        scenario, dates, [i for i, step in enumerate(steps) if changes_state(step) or step.effects or step.exits]
    )
    lasting = np.array([True, *map(changes_state, steps)])[cut.state]
    state = cut.state
    for phase in range(1, len(state)):
        state[phase] = np.where(lasting[phase], state[phase], state[phase - 1])
    return replace(cut, state=state + np.arange(len(state))[:, None] * (1 + len(steps)))
