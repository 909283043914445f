"""Who is there, and who can apply when at the earliest: dates that are each provider's own."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import numpy as np

from sim.axes import FloatArray, require_shape
from sim.chance.worlds import Worlds
from sim.scenario.policy import NEVER, decimal_year
from sim.scenario.providers import ALLOWED, LAUNCH
from sim.scenario.scenario import Scenario

__all__ = ["arrival_dates", "earliest_applications", "exit_dates", "jump_dates"]

_ALWAYS = -np.inf


def arrival_dates(scenario: Scenario, worlds: Worlds, steps: FloatArray, launched: FloatArray) -> FloatArray:
    """Date from which each provider is there.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
    steps : (number of steps, N)
        Decimal years.
    launched : (F, N)
        Opening of the own sites of foreign providers.

    Returns
    -------
    (P, N) decimal years, domestic providers first
        Minus infinity for those of the base year, inf for never or not within the horizon; not before the horizon.
    """
    require_shape("launched", launched, (len(scenario.foreign), worlds.draws))
    sites = dict(zip(scenario.foreign, launched, strict=True))
    return np.stack(
        [
            sites[name] if scenario.comes_by_launch(name) else _arrival(scenario, worlds, steps, name)
            for name in (*scenario.domestic, *scenario.foreign)
        ]
    )


def exit_dates(scenario: Scenario, steps: FloatArray) -> FloatArray:
    """Date from which each provider is gone, the first of the steps with which it leaves.

    Returns
    -------
    (P, N) decimal years, domestic providers first
        inf for never or not within the horizon.
    """
    listed = [step.exits for step in scenario.policy.steps.values()]
    never = np.full((1, steps.shape[-1]), NEVER)
    return np.stack(
        [
            np.vstack([never, steps[[place for place, exits in enumerate(listed) if name in exits]]]).min(axis=0)
            for name in (*scenario.domestic, *scenario.foreign)
        ]
    )


def earliest_applications(scenario: Scenario, worlds: Worlds, steps: FloatArray, allowed: FloatArray) -> FloatArray:
    """Date before which each foreign provider does not apply for a site of its own, whatever is permitted.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
    steps : (number of steps, N)
        Decimal years.
    allowed : (F, N)
        First date on which own sites are permitted to each.

    Returns
    -------
    (F, N) decimal years
        Minus infinity where nothing holds it back, inf for never or not within the horizon.
    """
    require_shape("allowed", allowed, (len(scenario.foreign), worlds.draws))
    return np.stack(
        [_earliest(scenario, worlds, steps, name, first) for name, first in zip(scenario.foreign, allowed, strict=True)]
    )


def jump_dates(
    scenario: Scenario, worlds: Worlds, steps: FloatArray, launched: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Date on which the quality of each provider jumps that does so on a date.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
    steps : (number of steps, N)
        Decimal years.
    launched : mapping of str to (N,)
        Opening of the own sites of foreign providers.

    Returns
    -------
    dict of str to (N,)
        Decimal years; inf for never or not within the horizon, not before the horizon.
    """
    found = {}
    for name, provider in scenario.providers.items():
        jumps = provider.jumps
        if jumps is None or provider.jumps_by_chance:
            continue
        dates = launched[name] if jumps.after == LAUNCH else _dates(scenario, worlds, steps, jumps.when, jumps.after)
        if jumps.delay is not None:
            dates = dates + worlds.inputs[f"providers.{name}.jumps.delay"]
        found[name] = _within_horizon(scenario, np.maximum(dates, scenario.horizon.base_year + 1.0))
    return found


def _earliest(scenario: Scenario, worlds: Worlds, steps: FloatArray, name: str, allowed: FloatArray) -> FloatArray:
    """The latest of the date it wants, the end of the contract that binds it, and its arrival; (N,)."""
    terms = scenario.entry_of(name)
    wanted = allowed if terms.after == ALLOWED else _dates(scenario, worlds, steps, terms.from_date, terms.after)
    if terms.delay is not None:
        wanted = wanted + worlds.inputs[terms.delay]
    bound = _dates(scenario, worlds, steps, terms.bound_until, None)
    there = _ALWAYS if scenario.comes_by_launch(name) else _arrival(scenario, worlds, steps, name)
    return _within_horizon(scenario, np.maximum(np.maximum(wanted, bound), there))


def _arrival(scenario: Scenario, worlds: Worlds, steps: FloatArray, name: str) -> FloatArray:
    """Date from which a provider that does not come by launch is there, (N,)."""
    arrives = scenario.providers[name].arrives
    if arrives is None:
        return np.full(worlds.draws, _ALWAYS)
    dates = _dates(scenario, worlds, steps, arrives.when, arrives.after)
    if arrives.delay is not None:
        dates = dates + worlds.inputs[f"providers.{name}.arrives.delay"]
    return _within_horizon(scenario, np.maximum(dates, scenario.horizon.base_year + 1.0))


def _dates(
    scenario: Scenario, worlds: Worlds, steps: FloatArray, day: datetime.date | None, step: str | None
) -> FloatArray:
    """A day, or the date of a step, in every draw; minus infinity where neither is named."""
    if step is None:
        return np.full(worlds.draws, _ALWAYS if day is None else decimal_year(day))
    dates: FloatArray = steps[list(scenario.policy.steps).index(step)]
    return dates


def _within_horizon(scenario: Scenario, dates: FloatArray) -> FloatArray:
    return np.where(dates < scenario.horizon.end_year + 1.0, dates, NEVER)
