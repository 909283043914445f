"""The numbers that steps of the calendar change: which, by how much, and whether they can be what they become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.scenario.baseyear import Condition, Inputs, coherence
from sim.scenario.effects import named_effects
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario

__all__ = ["StatedChange", "changed", "coherent_changes", "stated_changes", "within"]

_ROUNDING: Final = 1e-9


class StatedChange(NamedTuple):
    """One number that one step changes.

    Attributes
    ----------
    place : int
        Of the step in the calendar.
    step : str
    path : str
        Of the number.
    way : str
        `to`, `times` or `plus`.
    by : str
        Name of the input that says how far.
    """

    place: int
    step: str
    path: str
    way: str
    by: str


def stated_changes(scenario: Scenario) -> tuple[StatedChange, ...]:
    """Every change of a number, in the order of the steps."""
    return tuple(
        StatedChange(place, name, path, effect.way, f"policy.steps.{name}.effects.{path}.{effect.way}")
        for place, (name, step) in enumerate(scenario.policy.steps.items())
        for path, effect in named_effects(step.effects)
    )


def changed(way: str, value: FloatArray, by: FloatArray) -> FloatArray:
    """A number (N,) after a change.

    Equation (39) of docs/model.md.
    """
    return {"to": by, "times": value * by, "plus": value + by}[way]


def coherent_changes(scenario: Scenario, values: Inputs) -> Iterator[Condition]:
    """Each number must be one that its quantity can be, and costs must go together, after each step and after all."""
    every = stated_changes(scenario)
    if not every:
        return
    after_all = dict(values)
    for step in dict.fromkeys(one.step for one in every):
        own = [one for one in every if one.step == step]
        alone = {**values, **{one.path: changed(one.way, values[one.path], values[one.by]) for one in own}}
        for one in own:
            yield within(scenario, one.path, alone[one.path], one.by)
            after_all[one.path] = changed(one.way, after_all[one.path], values[one.by])
            yield within(scenario, one.path, after_all[one.path], one.by)
        for state in (alone, after_all):
            yield from (_of_step(condition, step) for condition in coherence(state))


def _of_step(condition: Condition, step: str) -> Condition:
    """A condition on numbers, of what a step makes of them."""
    path, aside = f"policy.steps.{step}.effects", f"makes {condition.path} what it cannot be, which "
    return Condition(path, condition.holds, condition.refusal, aside + condition.finding, condition.numbers)


def within(scenario: Scenario, path: str, value: FloatArray, by: str) -> Condition:
    """A number that a step changes must be one that its quantity can be."""
    allowed = next(item.allowed for item in inputs(scenario) if item.path == path)
    least, most = allowed.least - _ROUNDING, allowed.most + _ROUNDING
    return Condition(
        by,
        (value >= least) & (value <= most),
        f"{by} makes {path} what it cannot be",
        f"makes {path} {{:g}} in the unit in which the engine computes (allowed {allowed.least:g} to {allowed.most:g})",
        (np.asarray(value),),
    )
