"""How an outcome of a sweep is put into words, numbers and marks, whatever the picture.

Levels are shown by their median, differences by their mean: means of paired differences add up, and say something where
few draws differ. The 90% range stands beside both. What is or is not in a draw is shown by its share of draws alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from sim.axes import FloatArray
from sim.outcomes.naming import Outcome
from sim.outcomes.results import Result
from sim.outcomes.statistics import STATISTICS, Statistics
from sim.outcomes.sweeps import Factor, Response, SweepResult
from sim.outcomes.sweepwords import settings
from sim.pictures.captions import extremes
from sim.pictures.style import COLOURS, HEIGHT, INK, number_axis, sheet
from sim.pictures.titles import Titles
from sim.wording import capital, change, money, percent, points, readable

__all__ = [
    "View",
    "factor_words",
    "figures",
    "level_ticks",
    "level_words",
    "measure_axis",
    "number_or_level_axis",
    "outcome_sheet",
    "room_below",
    "setting",
    "upright",
    "views",
]

_LEVEL_COLOUR: Final = COLOURS[1]
_DIFFERENCE_COLOUR: Final = COLOURS[2]
_QUANTILES: Final = [STATISTICS.index(name) for name in ("p05", "p25", "p50", "p75", "p95")]

_MOST_NAMED: Final = 3
"""Factors that a sentence names."""

_TICK_STEPS: Final = (1, 2, 2.5, 5, 10)
_LINE_OF_LEVEL: Final = 16
"""Letters in a line under a tick."""

_BEHIND: Final = ("shares", "opening", "demand", "zone")
"""Beginnings of the paths whose sources the footer names, after those that are varied."""


@dataclass(frozen=True)
class View:
    """One measure of an outcome at every point, as a picture shows it.

    Attributes
    ----------
    title, centre_title : str
        What is shown, and what its centre is.
    label : str
        Words for an axis, with the unit.
    bands : array (5, points)
        5%, 25%, 50%, 75% and 95% of the draws; NaN where there is no number.
    centre : array (points,)
    form : callable
        Number to text.
    unit : str
        As the variable has it.
    is_difference : bool
    centre_name : str
        What the centre is, in a word or two.
    has_band : bool
        Whether draws differ by more than yes and no.
    """

    title: str
    centre_title: str
    label: str
    bands: FloatArray
    centre: FloatArray
    form: Callable[[float], str]
    unit: str
    is_difference: bool
    centre_name: str
    has_band: bool = True

    @property
    def unit_in_words(self) -> str:
        """The unit as an axis has it."""
        return _unit_in_words(self.unit, self.is_difference)

    @property
    def colour(self) -> str:
        """Its colour where it stands alone."""
        return _DIFFERENCE_COLOUR if self.is_difference else _LEVEL_COLOUR

    @property
    def sign(self) -> str:
        """What follows a level in figures."""
        return "%" if self.unit == "fraction" and not self.is_difference else ""

    def marks(self, where: str, lines: str) -> str:
        """How its marks are read: what a marker is, and the `lines` beside it if there is a band."""
        marker = f"Marker: {'mean difference' if self.is_difference else self.centre_name}{where}."
        return f"{marker} {lines}" if self.has_band else marker

    def text(self, value: float) -> str:
        """A number in figures."""
        return self.form(value) if np.isfinite(value) else "none"

    def centre_text(self, point: int) -> str:
        """The centre at a point, a level with three digits so that neighbours can be told apart."""
        value = float(self.centre[point])
        if self.is_difference or not 0.1 <= abs(value) < 1000:
            return self.text(value)
        return f"{value:.{2 - floor(log10(abs(value)))}f}{self.sign}".replace("-", "−")


def views(result: SweepResult, response: Response) -> Iterator[View]:
    """The level and the difference to the baseline, as far as there are such at any point."""
    if response.level is not None:
        yield _view("", response.outcome, response.level, *response.outcome.centre)
    if response.difference is not None and response.difference.share_defined.any():
        centre = response.outcome.gain().centre
        yield _view(result.baseline, response.outcome, response.difference, *centre)


def _view(baseline: str, outcome: Outcome, found: Statistics, centre: str, name: str) -> View:
    share, is_difference = outcome.unit == "fraction", bool(baseline)
    unit = _unit_in_words(outcome.unit, is_difference)
    bands = [STATISTICS.index("mean")] * 5 if outcome.is_yes_or_no else _QUANTILES
    values = np.where(np.isfinite(found.value), found.value, np.nan) * (100.0 if share else 1.0)
    what = f"Difference to {baseline}" if is_difference else capital(readable(outcome.variable))
    return View(
        title=what,
        centre_title=f"Mean difference to {baseline}" if is_difference else _of(name, outcome),
        label=f"{what} ({unit})",
        bands=np.ascontiguousarray(values[:, bands].T),
        centre=values[:, STATISTICS.index(centre)],
        form=_form(outcome.unit, is_difference),
        unit=outcome.unit,
        is_difference=is_difference,
        centre_name=name,
        has_band=not outcome.is_yes_or_no,
    )


def _of(centre: str, outcome: Outcome) -> str:
    """What is shown at a point."""
    words = readable(outcome.variable)
    return f"Share of draws: {words}" if outcome.is_yes_or_no else f"{capital(centre)} of {words}"


def _form(unit: str, is_difference: bool) -> Callable[[float], str]:
    """Number to text; a year has no comma."""
    if is_difference:
        return points if unit == "fraction" else change
    return percent if unit == "fraction" else _year if unit == "year" else money


def _year(value: float) -> str:
    return f"{value:.1f}"


def _unit_in_words(unit: str, is_difference: bool) -> str:
    if is_difference and unit in ("fraction", "year"):
        return {"fraction": "percentage points", "year": "years"}[unit]
    words = {"fraction": "%", "year": "calendar year", "1/yr": "per year"}
    return words.get(unit, unit.replace("/yr", " a year"))


def factor_words(factor: Factor, *, unit: bool = True) -> str:
    """What a factor is called, and the unit."""
    return f"{factor.title} ({factor.unit_words})" if unit and factor.unit_words else factor.title


def outcome_sheet(
    result: SweepResult, outcome: Outcome, shown: Sequence[View], how: str, height: float = HEIGHT
) -> Figure:
    """A sheet with where the last view is least and greatest as its title, the question, and how to read it."""
    names = [factor_words(factor, unit=False) for factor in result.factors]
    by = f", by {' and '.join(names)}" if len(names) < _MOST_NAMED else ""
    what = capital(outcome.words(result.scenario))
    against = f", less {result.baseline} in the same draw and world" if result.baseline else ""
    note = f"{result.question} {what}{by}. Scenario {result.scenario.title}{against}. {how}"
    paths = (*(factor.path for factor in result.factors), *_BEHIND)
    return sheet(_found(result, what, shown[-1]), note, [Result(result.scenario, {})], paths, height=height)


def _found(result: SweepResult, what: str, view: View) -> Titles:
    """Where the measure is least and greatest."""
    known = np.flatnonzero(np.isfinite(view.centre))
    if not known.size:
        return (f"{what} exists at no point",)
    ends = [int(known[choose(view.centre[known])]) for choose in (np.argmin, np.argmax)]
    low, high = (view.text(float(view.centre[p])) if view.is_difference else view.centre_text(p) for p in ends)
    said = f"{what}, above {result.baseline}" if view.is_difference else what
    return extremes(said, low, high, _after(view), settings(result.factors[:_MOST_NAMED], *ends), view.centre_name)


def _after(view: View) -> str:
    """The unit behind a number in a sentence, where its form has none."""
    if view.unit == "fraction":
        return " points" if view.is_difference else ""
    return "" if view.unit == "year" and not view.is_difference else f" {_unit_in_words(view.unit, view.is_difference)}"


def upright(
    axes: Axes, across: FloatArray, bands: FloatArray, centre: FloatArray, colour: str, marker: str, alpha: float = 1.0
) -> None:
    """Upright intervals: a thin line over 90%, a thick one over 50%, a marker on the centre."""
    axes.vlines(across, bands[0], bands[4], color=colour, linewidth=1.2, alpha=alpha)
    axes.vlines(across, bands[1], bands[3], color=colour, linewidth=4, alpha=0.7 * alpha)
    edge: Mapping[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.7}
    axes.plot(across, centre, color=colour, marker=marker, markersize=7, linestyle="none", **edge)


def number_or_level_axis(axes: Axes, factor: Factor, view: View, *, labelled: bool = True) -> None:
    """Labels, ticks and the zero line of axes with a factor along and a measure up."""
    axes.set_xlabel(capital(factor_words(factor)))
    if factor.is_number:
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=_TICK_STEPS))
        number_axis(axes.xaxis)
    else:
        level_ticks(axes, factor)
    measure_axis(axes, view, labelled=labelled)


def level_ticks(axes: Axes, factor: Factor) -> None:
    """Evenly spaced places named by the levels of a factor."""
    words = level_words(factor)
    axes.set_xticks(range(len(words)), words)
    axes.set_xlim(-0.5, len(words) - 0.5)


def measure_axis(axes: Axes, view: View, *, labelled: bool = True) -> None:
    """The upright axis: what is measured, its zero, and no words where the panel to the left has them."""
    axes.set_ylabel(view.label if labelled else "")
    axes.tick_params(labelleft=labelled)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=_TICK_STEPS))
    figures(axes.yaxis, view)
    axes.grid(axis="y")
    if view.is_difference:
        axes.axhline(0, color=INK, linewidth=1)


def figures(axis: Axis, view: View) -> None:
    """Tick labels of a measure."""
    if view.unit == "year" and not view.is_difference:
        axis.set_major_formatter(StrMethodFormatter("{x:.6g}"))
    else:
        number_axis(axis, view.sign, sign=view.is_difference)


def level_words(factor: Factor) -> list[str]:
    """The levels of a factor as tick labels."""
    return [textwrap.fill(factor.level_words(level), _LINE_OF_LEVEL) for level in factor.levels]


def room_below(factors: Iterable[Factor]) -> float:
    """Inches that labels of the levels take below axes, beyond their first line."""
    words = [word for factor in factors if not factor.is_number for word in level_words(factor)]
    return 0.17 * max((word.count("\n") for word in words), default=0)


def setting(factor: Factor, place: int) -> str:
    """A factor at one of its levels, in words."""
    return f"{factor.title}: {factor.value_words(factor.levels[place])}"
