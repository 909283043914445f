"""Numbers that steps of the calendar change, and who leaves: what there is when, in every draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.dates.calendar import Phases, decision_phases
from sim.dates.readiness import exit_dates
from sim.dates.timeline import period_ends, period_middles, windows
from sim.kernels.premium import overlap
from sim.scenario.baseyear import Inputs
from sim.scenario.changes import StatedChange, changed, stated_changes
from sim.scenario.scenario import Scenario

__all__ = ["NOTHING_DATED", "Change", "Dated", "dated_numbers", "is_money"]


@dataclass(frozen=True)
class Change:
    """One change of a number, in the order in which a draw meets them.

    Attributes
    ----------
    since : (N,)
        Decimal year; inf is never.
    before, after : (N,)
        The number until then, and from then on.
    """

    since: FloatArray
    before: FloatArray
    after: FloatArray


@dataclass(frozen=True)
class Dated:
    """Numbers that steps change.

    Attributes
    ----------
    base : mapping of str to (N,)
        Every number as the scenario states it, which holds until a step changes it.
    changes : mapping of str to tuple of Change
        Path of each number that some step may change to its changes, the earliest first in every draw.
    phases : Phases or None
        `decision_phases`; None where no number changes and nobody leaves.
    scenario : Scenario or None
        The same.
    left : (P, N) or None
        Date from which each provider is gone; None where nobody leaves.
    """

    base: Inputs
    changes: Mapping[str, tuple[Change, ...]]
    phases: Phases | None = None
    scenario: Scenario | None = None
    left: FloatArray | None = None

    def gone(self, instants: FloatArray) -> BoolArray | None:
        """Who has left on an instant of each draw, or does on that, (P, N); None where nobody has."""
        gone = None if self.left is None else self.left <= instants
        return gone if gone is not None and gone.any() else None

    def __bool__(self) -> bool:
        """Whether a step changes any number."""
        return bool(self.changes)

    def at(self, instants: FloatArray) -> dict[str, FloatArray]:
        """Every number that steps change, on an instant of each draw, (N,): what a step changes on it is changed."""
        return {path: self._value(path, instants) for path in self.changes}

    def _value(self, path: str, instants: FloatArray) -> FloatArray:
        value = self.base[path]
        for change in self.changes[path]:
            value = np.where(change.since <= instants, change.after, value)
        return value

    def mean(self, path: str, begin: FloatArray, end: FloatArray) -> FloatArray:
        """Mean of a number that steps change over each span, from its begin to its end, (T, 1); (T, N).

        Equation (39) of docs/model.md.

        What holds through a span has its own bits, and so has a number that a step leaves as it is.
        """
        mean = np.repeat(self.base[path][None], len(end), axis=0)
        for change in self.changes[path]:
            part = overlap(begin, end, change.since, end) / (end - begin)
            mean = np.where(part < 1.0, mean + part * (change.after - change.before), change.after)
        return mean

    @cached_property
    def by_period(self) -> Mapping[str, FloatArray]:
        """Mean of every number that steps change in each period, (T, N).

        Of money it is that of the period; of what moves customers and quality that of its window; of the drift of
        closing, that of all the time since the horizon began.
        """
        if self.scenario is None:
            return {}
        horizon = self.scenario.horizon
        ends, middles = period_ends(horizon)[:, None], period_middles(horizon)[:, None]
        length, start = horizon.period_months / 12, np.full_like(ends, horizon.base_year + 1.0)
        period, spans = (ends - length, ends), {"zone": (ends - length, ends), "closure": (start, middles)}
        window = windows(self.scenario)

        def span(path: str) -> tuple[FloatArray, FloatArray]:
            return period if is_money(path) else spans.get(path.split(".")[0], window)

        return {path: self.mean(path, *span(path)) for path in self.changes}

    def in_period(self, t: int) -> dict[str, FloatArray]:
        """The mean in one of them, (N,) each."""
        return {path: rows[t] for path, rows in self.by_period.items()}


def is_money(path: str) -> bool:
    """Whether a number is one of money: a cost, a margin or a tax, everybody's or a provider's own, or a tariff."""
    return path.startswith(("economics.", "channels.")) or ".economics." in path


NOTHING_DATED: Final = Dated({}, {})
"""Where no step changes a number."""


def dated_numbers(scenario: Scenario, inputs: Inputs, dates: FloatArray) -> Dated:
    """The numbers that the steps of a scenario change.

    Of two steps on one day the later listed has the last word; a multiple, or a sum, is of what was in force before.

    Parameters
    ----------
    scenario : Scenario
    inputs : mapping of str to (N,)
    dates : (number of steps, N)
        Of the steps, decimal years; inf is never.
    """
    if not scenario.changes_numbers:
        return NOTHING_DATED
    stated = stated_changes(scenario)
    changes = {
        path: tuple(_in_turn([one for one in stated if one.path == path], inputs, dates))
        for path in dict.fromkeys(one.path for one in stated)
    }
    left = exit_dates(scenario, dates) if scenario.leaving else None
    return Dated(inputs, changes, decision_phases(scenario, dates), scenario, left)


def _in_turn(stated: Sequence[StatedChange], inputs: Inputs, dates: FloatArray) -> Iterator[Change]:
    """The changes of one number, the earliest first in every draw."""
    own = dates[[one.place for one in stated]]
    order, value = own.argsort(axis=0, kind="stable"), inputs[stated[0].path]
    for turn in order:
        since = np.take_along_axis(own, turn[None], axis=0)[0]
        after = value
        for place, one in enumerate(stated):
            after = np.where(turn == place, changed(one.way, value, inputs[one.by]), after)
        yield Change(since, value, after)
        value = after
