"""Two calendars at once: a scenario in which each lever has the value in force in the one calendar or in the other.

At every date of a draw one state of either calendar is in force. Where levers come from both, each pair of states that
meet is a state of its own; where all come from one, its states are. The dates of these states are not made of triggers
but given with the draws, so that whatever sets a step off in its own scenario, it does so here.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.chance.worlds import Worlds
from sim.dates.calendar import Phases, phases_in_force, step_dates
from sim.scenario.clauses import CLOSES, DATES, EFFECTS, KINDS, LEVERS, WORLD, same_steps
from sim.scenario.levers import Regime
from sim.scenario.policy import NEVER, State, states
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import DateStep, HazardStep, Policy, Step

__all__ = ["EVERYTHING", "Side", "composite", "sides"]

EVERYTHING: Final = frozenset(lever for levers in KINDS.values() for lever in levers)
"""All that can come from the second calendar."""

_SOME_DAY: Final = datetime.date(1900, 1, 1)
"""Stands in a step whose date is given with the draws; before any horizon, so that its state counts as reachable."""


@dataclass(frozen=True)
class Side:
    """One of the two scenarios in some draws.

    Attributes
    ----------
    scenario : Scenario
    worlds : Worlds
    dates : (number of steps, N)
        Of its steps, decimal years.
    states : tuple of State
    """

    scenario: Scenario
    worlds: Worlds
    dates: FloatArray
    states: tuple[State, ...]

    def phases(self, dates: FloatArray) -> Phases:
        """Its states in force under some dates of its steps."""
        return phases_in_force(self.scenario, dates)


def sides(first: Scenario, second: Scenario, worlds: tuple[Worlds, Worlds]) -> tuple[Side, Side]:
    """The two scenarios in the worlds of the same draws, each in its own."""
    one, other = (
        Side(scenario, drawn, step_dates(scenario, drawn), states(scenario))
        for scenario, drawn in zip((first, second), worlds, strict=True)
    )
    return one, other


def composite(first: Side, second: Side, taken: Collection[str]) -> tuple[Scenario, Worlds]:
    """The scenario with some levers as in the second calendar at every date, and the others as in the first.

    Parameters
    ----------
    first, second : Side
    taken : collection of str
        Levers that come from the second, of `EVERYTHING`: levers of regimes, `dates`, `closes`, `effects`, `world`.

    Returns
    -------
    Scenario
        Its calendar holds only what comes about in some draw; it is to be run on these worlds, not drawn anew.
    Worlds
        Those of the scenario from which the `world` comes, with the draws of all levers and the dates of all steps.
    """
    return _Composite(first, second, frozenset(taken)).made()


class _Composite:
    """A composite in the making: steps, regimes, and what has to be known of them with the draws."""

    def __init__(self, first: Side, second: Side, taken: frozenset[str]) -> None:
        self._first, self._second, self._taken = first, second, taken
        self._aligned = same_steps(first.scenario, second.scenario)
        self._mixes = any(name in taken for name in LEVERS), any(name not in taken for name in LEVERS)
        self._base = self._side(WORLD)
        self._regimes: dict[str, Regime] = {}
        self._steps: dict[str, Step] = {}
        self._dates: dict[str, FloatArray] = {}
        self._inputs = dict(self._base.worlds.inputs)

    def made(self) -> tuple[Scenario, Worlds]:
        base = self._base
        for name, dates in zip(base.scenario.policy.steps, self._dates_of(base), strict=True):
            self._add(name, DateStep.model_construct(when=_SOME_DAY), dates)  # providers' terms may hang on it
        start = self._adopted(0, 0)
        met = list(self._met())
        for a, b, dates in met:
            name = self._adopted(a, b)
            if name != start:
                self._add(name, DateStep.model_construct(when=_SOME_DAY, adopt=name), dates)
        for a, b in dict.fromkeys([(0, 0), *((a, b) for a, b, _ in met)]):
            self._add_threats(a, b)
        self._add_closing()
        self._add_effects()
        policy = Policy.model_construct(start=start, steps=self._steps)
        regimes = {**base.scenario.regimes, **self._regimes}  # hypotheses may name those of the base
        scenario = base.scenario.model_copy(update={"regimes": regimes, "policy": policy})
        return scenario, replace(base.worlds, inputs=self._inputs, dates=self._dates)

    def _side(self, name: str) -> Side:
        return self._second if name in self._taken else self._first

    def _dates_of(self, side: Side) -> FloatArray:
        """When the steps of a side happen: where both have the same steps, a clause of its own says."""
        return self._side(DATES).dates if self._aligned else side.dates

    def _add(self, name: str, step: Step, dates: FloatArray) -> None:
        self._steps[name], self._dates[name] = step, dates

    def _met(self) -> Iterator[tuple[int, int, FloatArray]]:
        """States of both that are in force at one time in some draw, and since when; never where they do not meet.

        Of a side from which no lever comes the state is left out of account: 0.
        """
        whole = _whole(self._first)
        of_second, of_first = self._mixes
        mine = list(_spans(self._first.phases(self._dates_of(self._first)))) if of_first else [whole]
        theirs = list(_spans(self._second.phases(self._dates_of(self._second)))) if of_second else [whole]
        for a, start, end in mine:
            for b, since, until in theirs:
                begun, over = np.maximum(start, since), np.minimum(end, until)
                if (begun < over).any():
                    yield a, b, np.where(begun < over, begun, NEVER)

    def _adopted(self, a: int, b: int) -> str:
        """The regime in which levers have the values of the states a and b; declared on first use.

        Its name is none that a user can give.
        """
        of_second, of_first = self._mixes
        name = "~".join(["", *([str(a)] if of_first else []), *([str(b)] if of_second else [])])
        if name not in self._regimes:
            values = {}
            for lever in LEVERS:
                state = self._side(lever).states[b if lever in self._taken else a]
                values[lever] = value = getattr(state.levers, lever)
                if isinstance(value, Record):
                    self._inputs[f"regimes.{name}.{lever}"] = self._side(lever).worlds.inputs[state.paths[lever]]
            self._regimes[name] = Regime.model_construct(title=name, **values)
        return name

    def _add_threats(self, a: int, b: int) -> None:
        """The hazards that run while two states are in force, for who decides under them; they happen elsewhere."""
        regime, never = self._adopted(a, b), np.full(self._base.worlds.draws, NEVER)
        for side, index, after in self._hazards(a, b):
            name, origin = f"{regime}~{len(self._steps)}", list(side.scenario.policy.steps)[index]
            step = side.scenario.policy.steps[origin]
            assert isinstance(step, HazardStep)
            self._add(name, _threat(step, regime, self._adopted(*after)), never)
            self._alias(side, origin, name)

    def _hazards(self, a: int, b: int) -> Iterator[tuple[Side, int, tuple[int, int]]]:
        """Hazards by side and place that run while two states are in force, and the states that they would lead to."""
        of_second, of_first = self._mixes
        if self._aligned:
            side, both = self._side(DATES), max(a, b)  # the same state, unless one is left out of account
            yield from ((side, i, (i + 1, i + 1)) for i in _running(side, both))
            return
        if of_first:
            yield from ((self._first, i, (i + 1, b)) for i in _running(self._first, a))
        if of_second:
            yield from ((self._second, i, (a, i + 1)) for i in _running(self._second, b))

    def _add_closing(self) -> None:
        """The steps that close parts of segments, without their regimes."""
        side = self._side(CLOSES)
        for (origin, step), dates in zip(side.scenario.policy.steps.items(), self._dates_of(side), strict=True):
            if step.closes or step.opens or step.exits:
                name = f"~{origin}"
                closing: Mapping[str, Any] = {
                    **{"closes": step.closes, "opens": step.opens},
                    **{"exits": step.exits, "evicts": step.evicts},
                }
                self._add(name, DateStep.model_construct(when=_SOME_DAY, **closing), dates)
                self._alias(side, origin, name)

    def _add_effects(self) -> None:
        """The steps that change numbers, without their regimes."""
        side = self._side(EFFECTS)
        for (origin, step), dates in zip(side.scenario.policy.steps.items(), self._dates_of(side), strict=True):
            if step.effects is not None or step.raises:
                name = f"~~{origin}"
                deeds: Mapping[str, Any] = {"effects": step.effects, "raises": step.raises}
                self._add(name, DateStep.model_construct(when=_SOME_DAY, **deeds), dates)
                self._alias(side, origin, name)

    def _alias(self, side: Side, origin: str, name: str) -> None:
        """Give a step the draws of the one that it is made of."""
        mine = {path: draws for path, draws in side.worlds.inputs.items() if path.startswith(f"policy.steps.{origin}.")}
        renamed = {path.replace(f"policy.steps.{origin}.", f"policy.steps.{name}.", 1): d for path, d in mine.items()}
        self._inputs |= renamed


def _threat(step: HazardStep, during: str, adopt: str) -> HazardStep:
    return HazardStep.model_construct(hazard=step.hazard, during=during, probability=step.probability, adopt=adopt)


def _running(side: Side, state: int) -> list[int]:
    """Places of the hazards of a side that run in one of its states."""
    regime, steps = side.states[state].regime, enumerate(side.scenario.policy.steps.values())
    return [place for place, step in steps if isinstance(step, HazardStep) and step.during == regime]


def _whole(side: Side) -> tuple[int, FloatArray, FloatArray]:
    """A state that is always in force: index, start and end."""
    draws = side.worlds.draws
    return 0, np.full(draws, -NEVER), np.full(draws, NEVER)


def _spans(phases: Phases) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    """Start and end of each state (N,), which is in force once in a draw; empty where it never is."""
    for index in range(int(phases.state.max()) + 1):
        mine: BoolArray = phases.state == index
        if mine.any():
            yield index, *(np.where(mine, ends, -NEVER).max(axis=0) for ends in (phases.start, phases.end))
