"""An event in a user's words: an outcome on one side of a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.errors import choices, shown
from sim.outcomes.naming import Outcome, Panels, find_outcome, outcome_draws
from sim.outcomes.panels import Result
from sim.outcomes.variables import VARIABLES

__all__ = ["Event", "event_draws", "event_values", "find_event", "variables_of_event"]

_EVENT: Final = re.compile(r"\s*(?P<outcome>[^<>=]+?)\s*(?P<side><=|>=|<|>)\s*(?P<value>[^<>=]+?)\s*")
_VALUE: Final = re.compile(r"(?P<number>[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)\s*(?P<unit>.*)")

_COMPARISONS: Final = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}

_OTHER_UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "fraction": {"%": 0.01, "points": 0.01},
    "1/yr": {"%": 0.01, "%/yr": 0.01},
    "years": {"months": 1 / 12},
}
"""Unit of an outcome to others in which its number may be written, with their factors; of money also millions."""


@dataclass(frozen=True)
class Event:
    """What may or may not be the case in a draw.

    Attributes
    ----------
    outcome : Outcome
    side : str
        Key of the comparisons: `>`, `>=`, `<` or `<=`.
    value : float
        In the outcome's unit.
    """

    outcome: Outcome
    side: str
    value: float

    @property
    def label(self) -> str:
        """As a user states it, in the outcome's unit."""
        return f"{self.outcome.label} {self.side} {self.value:.12g}"


def find_event(text: str, cases: Mapping[str, Panels], baseline: str = "") -> Event:
    """The event that a text states: OUTCOME, one of > >= < <=, and a number with or without its unit.

    Parameters
    ----------
    text : str
        As in `gain(foreign_share.total.2030) > 10%`.
    cases, baseline
        As in `find_outcome`.

    Raises
    ------
    ValueError
        It is of another form, or there is no such outcome or unit; says what there is.
    """
    parts = _EVENT.fullmatch(text)
    if parts is None:
        example = "gain(foreign_share.total.2030) > 0.1"
        raise ValueError(
            f"an event is an outcome, one of > >= < <=, and a number, as in {example} (found {shown(text)})"
        )
    outcome = find_outcome(parts["outcome"], cases, baseline)
    return Event(outcome, parts["side"], _number(parts["value"], outcome.unit))


def _number(text: str, unit: str) -> float:
    """A number in the unit of the outcome; without a unit it is in that."""
    parts = _VALUE.fullmatch(text)
    if parts is None:
        raise ValueError(f"to the right stands a number, with or without its unit (found {shown(text)})")
    millions = {unit.replace(" bn", " m"): 1e-3} if " bn" in unit else {}
    units = {unit: 1.0, **millions, **_OTHER_UNITS.get(unit, {})}
    if parts["unit"] and parts["unit"] not in units:
        raise ValueError(f"the outcome is not in this unit {choices(parts['unit'], list(units))}")
    return float(parts["number"]) * units[parts["unit"] or unit]


def variables_of_event(event: Event) -> tuple[str, ...]:
    """What a run must compute to know whether it happens."""
    return event.outcome.variables


def event_values(event: Event, result: Result, baseline: Result | None = None) -> FloatArray:
    """The outcome of an event in one scenario, (N,): infinite where it is later than any, NaN where it has no value."""
    values = outcome_draws(event.outcome, result, baseline)
    if VARIABLES[event.outcome.variable].missing == "never" and not event.outcome.is_comparison:
        return np.where(np.isnan(values), np.inf, values)
    return values


def event_draws(event: Event, result: Result, baseline: Result | None = None) -> BoolArray:
    """In which draws of a scenario an event happens, (N,); in none in which the outcome has no value."""
    with np.errstate(invalid="ignore"):
        happens: BoolArray = _COMPARISONS[event.side](event_values(event, result, baseline), event.value)
    return happens
