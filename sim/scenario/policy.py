"""What a scenario's policy calendar can bring into force: states, their levers, and whether they can come at all."""

from __future__ import annotations

import calendar
import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.axes import FloatArray
from sim.scenario.evidence import SCALES
from sim.scenario.families import Fixed
from sim.scenario.levers import FRACTION_LEVERS, LIMITS, Regime, RegimeChange, SameAs
from sim.scenario.providers import ALLOWED
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import DateStep, EventStep, HazardStep, Step

__all__ = [
    "BUILD",
    "BUY_OUT",
    "NEVER",
    "ModeArray",
    "State",
    "allows_buy_out",
    "allows_owned",
    "bought_unlock",
    "changes_state",
    "decimal_year",
    "earliest_dates",
    "lever",
    "may_come",
    "modes_allowed",
    "partner_equity",
    "reachable",
    "state_of",
    "states",
    "trigger_order",
]

BUILD: Final = 1
BUY_OUT: Final = 2
"""How a provider goes to a business of its own."""

ModeArray: TypeAlias = npt.NDArray[np.int8]
"""`BUILD`, `BUY_OUT`, or 0 for neither."""

NEVER: Final = math.inf
"""The date of what does not happen."""


@dataclass(frozen=True)
class State:
    """What is in force after a step, or at the start.

    Attributes
    ----------
    step : str
        Id of the step that leads here; empty for the start.
    regime : str
        Id of the regime last adopted.
    levers : Regime
        The levers in force, changes applied; a lever that is the same as another regime's is that one's.
    paths : mapping of str to str
        Lever name to the dotted path of the record or number that sets it, in the regime that states it.
    """

    step: str
    regime: str
    levers: Regime
    paths: Mapping[str, str]


def states(scenario: Scenario) -> tuple[State, ...]:
    """The states of the policy: the start, then the one after each step in listed order.

    A `change` modifies the state of the step that it follows: the one named by `after`, else the nearest
    state-changing step listed before it, else the start. A step without `adopt` and `change` is a mere
    event: its state is that of the step it follows, unchanged.

    Returns
    -------
    tuple of State, length 1 + number of steps
    """
    bases = {name: _step_followed(scenario, name) for name in scenario.policy.steps}
    after = {"": _adopted(scenario, "", scenario.policy.start)}
    for name in TopologicalSorter({name: {base} for name, base in bases.items()}).static_order():
        if name:
            after[name] = _state_after(scenario, name, after[bases[name]])
    return after[""], *(after[name] for name in bases)


def state_of(scenario: Scenario, regime: str) -> State:
    """The state in which a regime is in force, whether or not the calendar brings it."""
    return _adopted(scenario, "", regime)


def _step_followed(scenario: Scenario, name: str) -> str:
    """Step whose state the one named starts from; empty for the start."""
    steps = scenario.policy.steps
    step = steps[name]
    if isinstance(step, EventStep) and step.after is not None:
        return step.after
    listed_before = list(steps)[: list(steps).index(name)]
    return next((other for other in reversed(listed_before) if changes_state(steps[other])), "")


def _state_after(scenario: Scenario, name: str, base: State) -> State:
    step = scenario.policy.steps[name]
    adopted = base if step.adopt is None else _adopted(scenario, name, step.adopt)
    return adopted if step.change is None else _changed(scenario, adopted, name, step.change)


def _adopted(scenario: Scenario, step: str, regime: str) -> State:
    paths = {name: f"regimes.{regime}.{name}" for name in Regime.model_fields}
    return _resolved(scenario, State(step, regime, scenario.regimes[regime], paths))


def _resolved(scenario: Scenario, state: State) -> State:
    """The state with the value and the path of another regime's lever in place of each reference to one."""
    values = {name: getattr(state.levers, name) for name in FRACTION_LEVERS}
    references = {name: value.same_as for name, value in values.items() if isinstance(value, SameAs)}
    if not references:
        return state
    levers = {name: getattr(scenario.regimes[regime], name) for name, regime in references.items()}
    paths = {name: f"regimes.{regime}.{name}" for name, regime in references.items()}
    return replace(state, levers=state.levers.model_copy(update=levers), paths={**state.paths, **paths})


def _changed(scenario: Scenario, base: State, step: str, change: RegimeChange) -> State:
    values = {name: getattr(change, name) for name in RegimeChange.model_fields if name in change.model_fields_set}
    update = {name: value for name, value in values.items() if value is not None or name in LIMITS}
    paths = {name: f"policy.steps.{step}.change.{name}" for name in update}
    levers = base.levers.model_copy(update=update)
    return _resolved(scenario, State(step, base.regime, levers, {**base.paths, **paths}))


def changes_state(step: Step) -> bool:
    """Whether a step brings another state into force; others are mere events."""
    return step.adopt is not None or step.change is not None


def allows_owned(state: State, provider: str | None = None) -> bool:
    """Whether foreign providers, or the one named, may run sites of their own in this state."""
    levers = state.levers
    permits = bool(levers.owned_layers) and levers.reach != "none" and levers.sites != 0
    return permits and (provider is None or levers.eligible is None or provider in levers.eligible)


def allows_buy_out(state: State) -> bool:
    """Whether foreign providers may buy their partners' operators in this state."""
    return state.levers.equity_cap is not None


def modes_allowed(scenario: Scenario, state: State, provider: str) -> Iterator[int]:
    """The modes in which a foreign provider may enter in a state, in the order in which it lists them."""
    for mode in scenario.entry_of(provider).modes:
        if mode == "build" and allows_owned(state, provider):
            yield BUILD
        if mode == "buy_out" and allows_buy_out(state) and not _has_the_cap(scenario, state, provider):
            yield BUY_OUT


def _has_the_cap(scenario: Scenario, state: State, provider: str) -> bool:
    """Whether a provider's own stake is sure to be what a buy-out may bring in a state, or more."""
    start = state_of(scenario, scenario.policy.start).levers.partner_equity
    limit = state.levers.equity_cap
    assert not isinstance(limit, SameAs)
    held, cap = _certain(scenario.providers[provider].partner_equity), _certain(limit)
    return held is not None and cap is not None and state.levers.partner_equity == start and held >= cap


def lever(state: State, name: str, inputs: Mapping[str, FloatArray], draws: int) -> FloatArray:
    """Value of a fraction lever in each draw.

    Parameters
    ----------
    state : State
    name : str
        One of `FRACTION_LEVERS`, or `spillover`.
    inputs : mapping of str to (N,)
        Sampled records by dotted path.
    draws : int
        N.

    Returns
    -------
    (N,) fraction; the plain number of the lever, or the draws of its record.
    """
    value = getattr(state.levers, name)
    return inputs[state.paths[name]] if isinstance(value, Record) else np.full(draws, float(value))


def partner_equity(scenario: Scenario, state: State, inputs: Mapping[str, FloatArray], draws: int) -> FloatArray:
    """Foreign equity in partners' operators in a state, (N,), or (F, N) where a provider has a stake of its own.

    A stake of one's own stands while the regime's equity is that of the base year; another one is everybody's.
    """
    common, own = lever(state, "partner_equity", inputs, draws), _stakes(scenario)
    if not own:
        return common
    start = lever(state_of(scenario, scenario.policy.start), "partner_equity", inputs, draws)
    values = {
        name: inputs[f"providers.{name}.partner_equity"] if isinstance(value, Record) else np.full(draws, value)
        for name, value in own.items()
    }
    return np.stack([np.where(common == start, values.get(name, common), common) for name in scenario.foreign])


def _stakes(scenario: Scenario) -> Mapping[str, Record | float]:
    """Equity of the foreign providers that state their own."""
    every = {name: scenario.providers[name].partner_equity for name in scenario.foreign}
    return {name: value for name, value in every.items() if value is not None}


def bought_unlock(state: State, inputs: Mapping[str, FloatArray], draws: int) -> FloatArray:
    """Part of the premium that the offers of a partner who was bought get in a state, (N,)."""
    stated = "partner_unlock" if state.levers.bought_unlock is None else "bought_unlock"
    return lever(state, stated, inputs, draws)


def decimal_year(day: datetime.date) -> float:
    """The instant at which a day begins, in years; months are equally long, so that periods begin with one."""
    days = calendar.monthrange(day.year, day.month)[1]
    return day.year + (day.month - 1 + (day.day - 1) / days) / 12


def trigger_order(scenario: Scenario) -> tuple[str, ...]:
    """Ids of the steps in an order in which each comes after the step that triggers it.

    Raises
    ------
    graphlib.CycleError
        If steps trigger each other in a circle.
    """
    steps = scenario.policy.steps
    triggers = {name: [other for other in (_trigger(step),) if other] for name, step in steps.items()}
    return tuple(TopologicalSorter(triggers).static_order())


def _trigger(step: Step) -> str | None:
    return (step.after or step.after_not) if isinstance(step, EventStep) else None


def earliest_dates(scenario: Scenario) -> Mapping[str, float]:
    """The earliest date at which each step can happen in any draw, before the horizon's end.

    Uncertain delays count as zero, so that a date is a lower bound.

    Returns
    -------
    mapping of str to float
        Step id to decimal year; inf where the step cannot happen within the horizon.
    """
    after_steps = dict(zip(scenario.policy.steps, states(scenario)[1:], strict=True))
    dates = dict.fromkeys(scenario.policy.steps, NEVER)
    for _ in dates:  # each pass settles one more link of the longest chain
        dates = {name: _earliest(scenario, name, dates, after_steps) for name in dates}
    return dates


def may_come(scenario: Scenario, provider: str) -> bool:
    """Whether a foreign provider's own dates and contract let it apply for a business of its own within the horizon."""
    terms = scenario.entry_of(provider)
    dates = [decimal_year(day) for day in (terms.from_date, terms.bound_until) if day is not None]
    if terms.after not in (None, ALLOWED):
        dates.append(earliest_dates(scenario)[terms.after])
    return max(dates, default=0.0) < scenario.horizon.end_year + 1


def reachable(scenario: Scenario) -> frozenset[int]:
    """Indices of the states that can come into force in some draw within the horizon; the start always counts."""
    dates = earliest_dates(scenario)
    steps = enumerate(scenario.policy.steps.items(), start=1)
    return frozenset({0, *(i for i, (name, step) in steps if changes_state(step) and dates[name] < NEVER)})


def _earliest(scenario: Scenario, name: str, dates: Mapping[str, float], after_steps: Mapping[str, State]) -> float:
    step = scenario.policy.steps[name]
    if _certain(step.probability) == 0:
        return NEVER
    delay = 0.0 if isinstance(step, DateStep) else _certain(step.delay) or 0.0
    date = _earliest_trigger(scenario, step, dates, after_steps) + delay
    return date if date < scenario.horizon.end_year + 1 else NEVER


def _earliest_trigger(
    scenario: Scenario, step: Step, dates: Mapping[str, float], after_steps: Mapping[str, State]
) -> float:
    if isinstance(step, DateStep):
        return decimal_year(step.when)
    if isinstance(step, HazardStep):
        return NEVER if _certain(step.hazard) == 0 else _earliest_regime(scenario, step.during, dates, after_steps)
    if step.after is not None:
        return dates[step.after]
    assert step.after_not is not None
    other = scenario.policy.steps[step.after_not]
    may_fail = other.probability is not None and _certain(other.probability) != 1
    return _earliest_trigger(scenario, other, dates, after_steps) if may_fail else NEVER


def _earliest_regime(
    scenario: Scenario, regime: str, dates: Mapping[str, float], after_steps: Mapping[str, State]
) -> float:
    """Earliest date, not before the horizon's start, at which a regime can be in force."""
    start = scenario.horizon.base_year + 1.0
    adopting: Iterable[float] = (
        dates[name]
        for name, step in scenario.policy.steps.items()
        if changes_state(step) and after_steps[name].regime == regime
    )
    return start if regime == scenario.policy.start else max(start, min(adopting, default=NEVER))


def _certain(value: float | Record | None) -> float | None:
    """The number that a lever or a record is sure to have, in canonical units; None if it is uncertain or absent."""
    if isinstance(value, Fixed):
        return value.value * next(units[value.unit] for units in SCALES.values() if value.unit in units)
    return float(value) if isinstance(value, int | float) else None
