"""The numbers that the live section of a report speaks of, by table and row: headline outcomes at headline years."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.axes import FloatArray
from sim.outcomes.comparison import headline_years
from sim.outcomes.panels import Result
from sim.outcomes.stakes import (
    HOST,
    WAYS,
    foreign_worth,
    host_gains,
    number_gain,
    number_level,
    provider_worth,
    ways_of,
)

__all__ = ["ALL", "FEW", "Number", "numbers_of"]

ALL = ""
"""As an item: all foreign providers, or the host as a whole."""

FEW: Final = 4
"""Scenarios up to which every headline year is spoken of, and present values themselves; of more there is no room."""


@dataclass(frozen=True)
class Number:
    """An outcome of a scenario.

    Attributes
    ----------
    table : str
        What it is: `share`, `revenue`, `value` and the keys of `WAYS` are levels; `gain`, `worth`, `host` and the
        regrets of `WAYS` are over the baseline, draw by draw.
    scenario, item : str
    year : int
    form : str
        How it is written: a key of `slots.FORMS`.
    values : array (N,)
    """

    table: str
    scenario: str
    item: str
    year: int
    form: str
    values: FloatArray

    @property
    def label(self) -> str:
        """Tells it from all others."""
        return f"{self.table}/{self.scenario}/{self.item}/{self.year}"


def numbers_of(results: Sequence[Result], baseline: str) -> tuple[Number, ...]:
    """Everything that the section speaks of, as far as the results hold what it is made of.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    baseline : str
        Name of the scenario that gains are counted from.
    """
    base, few = next(result for result in results if result.name == baseline), len(results) <= FEW
    levels = [number for result in results for number in _levels(result, few)]
    others = (result for result in results if result is not base)
    return (*levels, *(number for result in others for number in _gains(result, base, few)))


def _levels(result: Result, few: bool) -> Iterator[Number]:
    year = result.scenario.horizon.end_year
    yield from _annual(result, "share", "foreign_share", "", "share")
    revenue = list(_annual(result, "revenue", "revenue_retained", "foreign", "money"))
    yield from revenue[1:] if few else revenue[-1:]
    if "npv" in result.panels and few:
        yield Number("value", result.name, ALL, year, "change", number_level(result, "npv", "total", "foreign"))
        for name in result.scenario.foreign:
            yield Number("value", result.name, name, year, "change", number_level(result, "npv", "total", name))
    for way in _ways(result):
        for name in result.scenario.foreign:
            yield Number(way, result.name, name, year, "chance", number_level(result, way, "total", name))


def _ways(result: Result) -> list[str]:
    """Ways to a business of one's own that somebody has, as far as the result knows who goes."""
    return [way for way in ways_of(result.scenario) if way in result.panels]


def _annual(result: Result, table: str, variable: str, item: str, form: str) -> Iterator[Number]:
    if variable in result.panels:
        panel, scenario = result.panels[variable], result.scenario
        for year in headline_years(scenario, panel):
            yield Number(table, result.name, ALL, year, form, panel.column(year, scenario.answer_scope, item))


def _gains(result: Result, base: Result, few: bool) -> Iterator[Number]:
    """What a scenario adds to the baseline."""
    year, panels = result.scenario.horizon.end_year, (result.panels, base.panels)
    own, other = (list(_annual(one, "gain", "foreign_share", "", "points")) for one in (result, base))
    for mine, theirs in list(zip(own, other, strict=True))[1 if few else -1 :]:
        yield Number("gain", result.name, ALL, mine.year, "points", mine.values - theirs.values)
    if all("npv" in one for one in panels):
        yield Number("worth", result.name, ALL, year, "change", foreign_worth(result, base))
        for name, values in provider_worth(result, base).items():
            yield Number("worth", result.name, name, year, "change", values)
    if all(name in one for one in panels for name in HOST):
        gains = host_gains(result, base)
        yield Number("host", result.name, ALL, year, "change", np.sum(list(gains.values()), axis=0))
        for party, values in gains.items():
            yield Number("host", result.name, party, year, "change", values)
    if all("npv_with_terminal" in one for one in panels):
        yield from _regrets(result, base)


def _regrets(result: Result, base: Result) -> Iterator[Number]:
    """Where a provider goes its own way and is worth less for it, terminal value included."""
    year = result.scenario.horizon.end_year
    for way in _ways(result):
        for name in result.scenario.foreign:
            goes = number_level(result, way, "total", name)
            worse = number_gain(result, base, "npv_with_terminal", "total", name) < 0
            yield Number(WAYS[way].regret, result.name, name, year, "chance", goes * worse)
