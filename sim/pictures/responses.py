"""How an outcome of a sweep is put into words, numbers and marks, whatever the picture.

Levels are shown by their median, differences by their mean: means of paired differences add up, and say something where
few draws differ. The 90% range stands beside both.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.axes import FloatArray
from sim.outcomes.results import Result
from sim.outcomes.statistics import STATISTICS, Statistics
from sim.outcomes.sweeps import Coordinate, Factor, Outcome, Response, SweepResult
from sim.pictures.style import (
    COLOURS,
    HEIGHT,
    INK,
    capital,
    change,
    money,
    number_axis,
    percent,
    points,
    readable,
    sheet,
    short_title,
)

__all__ = [
    "View",
    "coordinate_words",
    "factor_words",
    "level_ticks",
    "measure_axis",
    "number_or_level_axis",
    "outcome_sheet",
    "upright",
    "views",
]

_LEVEL_COLOUR: Final = COLOURS[1]
_DIFFERENCE_COLOUR: Final = COLOURS[2]
_QUANTILES: Final = [STATISTICS.index(name) for name in ("p05", "p25", "p50", "p75", "p95")]

_BEHIND: Final = ("shares", "opening", "demand", "zone")
"""Beginnings of the paths whose sources the footer names, after those that are varied."""


@dataclass(frozen=True)
class View:
    """One measure of an outcome at every point, as a picture shows it.

    Attributes
    ----------
    title : str
        What the centre is.
    label : str
        Words for an axis, with the unit.
    bands : array (5, points)
        5%, 25%, 50%, 75% and 95% of the draws; NaN where there is no number.
    centre : array (points,)
    form : callable
        Number to text.
    unit : str
        Sign after a tick label.
    is_difference : bool
    """

    title: str
    label: str
    bands: FloatArray
    centre: FloatArray
    form: Callable[[float], str]
    unit: str
    is_difference: bool

    @property
    def colour(self) -> str:
        """Its colour where it stands alone."""
        return _DIFFERENCE_COLOUR if self.is_difference else _LEVEL_COLOUR

    def text(self, value: float) -> str:
        """A number in figures."""
        return self.form(value) if np.isfinite(value) else "none"

    def centre_text(self, point: int) -> str:
        """The centre at a point, a level with three digits so that neighbours can be told apart."""
        value = float(self.centre[point])
        if self.is_difference or not 0.1 <= abs(value) < 1000:
            return self.text(value)
        return f"{value:.{2 - floor(log10(abs(value)))}f}{self.unit}".replace("-", "−")


def views(result: SweepResult, response: Response) -> Iterator[View]:
    """The level and the difference to the baseline, as far as there are such."""
    if response.level is not None:
        yield _view("Median", response.outcome, response.level, "p50", is_difference=False)
    if response.difference is not None:
        against = readable(result.baseline)
        yield _view(f"Mean difference to {against}", response.outcome, response.difference, "mean", is_difference=True)


def _view(title: str, outcome: Outcome, found: Statistics, centre: str, *, is_difference: bool) -> View:
    share = outcome.unit == "fraction"
    plain = _year if outcome.unit == "year" else money
    form = (points if share else change) if is_difference else percent if share else plain
    unit = ("percentage points" if is_difference else "%") if share else _unit_in_words(outcome.unit, is_difference)
    values = np.where(np.isfinite(found.value), found.value, np.nan) * (100.0 if share else 1.0)
    what = f"{title if is_difference else capital(readable(outcome.variable))} ({unit})"
    return View(
        title=title,
        label=what,
        bands=np.ascontiguousarray(values[:, _QUANTILES].T),
        centre=values[:, STATISTICS.index(centre)],
        form=form,
        unit="%" if share and not is_difference else "",
        is_difference=is_difference,
    )


def _year(value: float) -> str:
    return f"{value:.1f}"


def _unit_in_words(unit: str, is_difference: bool) -> str:
    if unit == "year":
        return "years" if is_difference else "calendar year"
    return unit.replace("/yr", " a year") if unit != "1/yr" else "per year"


def _in_words(result: SweepResult, outcome: Outcome) -> str:
    """An outcome as a title has it."""
    item, scenario = outcome.item, result.scenario
    if item in scenario.providers:
        whose = short_title(scenario, item)
    else:
        whose = f"{item} providers" if item in ("foreign", "domestic") else readable(item.replace(".", " "))
    parts = (capital(readable(outcome.variable)), whose, readable(outcome.scope) if outcome.scope else "")
    return f"{', '.join(filter(None, parts))}, {outcome.year}"


def factor_words(factor: Factor, *, unit: bool = True) -> str:
    """A path as words: its last two parts, and the unit."""
    words = ": ".join(readable(part) for part in factor.path.split(".")[-2:])
    return f"{words} ({factor.unit})" if unit and factor.unit else words


def coordinate_words(value: Coordinate) -> str:
    return readable(value) if isinstance(value, str) else f"{value:,.4g}"


def outcome_sheet(result: SweepResult, outcome: Outcome, how: str, height: float = HEIGHT) -> Figure:
    """A sheet with the outcome as its title, the question, and how to read it."""
    names = [factor_words(factor, unit=False) for factor in result.factors]
    by = f", by {' and '.join(names)}" if len(names) < 3 else ""
    title = textwrap.shorten(_in_words(result, outcome) + by, 95, placeholder=" …")
    against = f", less {readable(result.baseline)} in the same draw and world" if result.baseline else ""
    note = textwrap.shorten(result.question, 140, placeholder=" …")
    note += f" Scenario {readable(result.scenario.name)}{against}. {how}"
    paths = (*(factor.path for factor in result.factors), *_BEHIND)
    return sheet(title, note, [Result(result.scenario, {})], paths, height=height)


def upright(
    axes: Axes, across: FloatArray, bands: FloatArray, centre: FloatArray, colour: str, marker: str, alpha: float = 1.0
) -> None:
    """Upright intervals: a thin line over 90%, a thick one over 50%, a marker on the centre."""
    axes.vlines(across, bands[0], bands[4], color=colour, linewidth=1.2, alpha=alpha)
    axes.vlines(across, bands[1], bands[3], color=colour, linewidth=4, alpha=0.7 * alpha)
    edge: Mapping[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.7}
    axes.plot(across, centre, color=colour, marker=marker, markersize=7, linestyle="none", **edge)


def number_or_level_axis(axes: Axes, factor: Factor, view: View) -> None:
    """Labels, ticks and the zero line of axes with a factor along and a measure up."""
    axes.set_xlabel(capital(factor_words(factor)))
    axes.set_ylabel(view.label)
    if factor.is_number:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        number_axis(axes.xaxis)
    else:
        level_ticks(axes, factor)
    measure_axis(axes, view)


def level_ticks(axes: Axes, factor: Factor) -> None:
    """Evenly spaced places named by the levels of a factor."""
    words = [textwrap.fill(coordinate_words(level), 16) for level in factor.levels]
    axes.set_xticks(range(len(words)), words)
    axes.set_xlim(-0.5, len(words) - 0.5)


def measure_axis(axes: Axes, view: View) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(6))
    number_axis(axes.yaxis, view.unit, sign=view.is_difference)
    axes.grid(axis="y")
    if view.is_difference:
        axes.axhline(0, color=INK, linewidth=1)
