"""The pictures of a discovery: what peeling trades for what, and what each box asks of its inputs."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sim.axes import FloatArray
from sim.outcomes.results import Result
from sim.pictures.captions import condition
from sim.pictures.lettering import wrapped
from sim.pictures.registry import picture
from sim.pictures.style import COLOURS, GREY, INK, SPARE_COLOURS, grid, inches_wide, sheet
from sim.pictures.titles import Titles
from sim.scenario.scenario import Scenario
from sim.wording import capital, percent

__all__ = ["Bar", "ConditionSheet", "Mark", "conditions_curve", "conditions_ranges"]

_PATHS: Final = ("opening", "demand", "shares", "market", "rivalry")
_ROW: Final = 0.62
"""Inches of a bar and what is above it."""

_BESIDE: Final = 42
"""Points beside a bar, for where its input begins."""


@dataclass(frozen=True)
class Mark:
    """What some boxes hold: coverage and density with their standard errors, NaN where unknown."""

    label: str
    coverage: float
    coverage_se: float
    density: float
    density_se: float


@dataclass(frozen=True)
class Bar:
    """What a box asks of an input, in the scenario's unit.

    Attributes
    ----------
    box, name, unit : str
    least, most : float
        Of all draws.
    low, high : float or None
        The limits, where there are any.
    categories : tuple of (str, bool)
        Each, and whether it is inside; empty for a number.
    """

    box: str
    name: str
    unit: str
    least: float
    most: float
    low: float | None
    high: float | None
    categories: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class ConditionSheet:
    """What a discovery says of one scenario.

    Attributes
    ----------
    scenario : Scenario
    event : str
    share : float
        Of all draws, that pass.
    curve : (B, 2) array
        Coverage and density of each box of the trajectory, the last quarter's.
    marks : tuple of Mark
        The boxes that are told.
    top : tuple of float
        The ceiling of coverage × density and its error; NaN where there is none.
    bars : tuple of Bar
    """

    scenario: Scenario
    event: str
    share: float
    curve: FloatArray
    marks: tuple[Mark, ...]
    top: tuple[float, float]
    bars: tuple[Bar, ...]


@picture(ConditionSheet, needs=lambda one: len(one.curve) > 1)
def conditions_curve(one: ConditionSheet) -> Figure:
    """Coverage against density along the peeling, the boxes that are told, and the ceiling that luck sets."""
    figure = _sheet(one, "how much of it, and how surely", 7.5)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(1.15, 3.2, 1.45, 1.1))[0])
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="coverage: of the draws that pass, share inside (%)")
    axes.set_ylabel("density: of the draws inside, share that pass (%)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axes.grid(True)
    _level(axes, one.share, GREY, ":", f"no condition: {_two(one.share)}")
    if not math.isnan(one.top[0]):
        _ceiling(axes, one.top)
    axes.plot(*one.curve.T, color=COLOURS[1], marker="o", markersize=4, linewidth=1.2, label="peeling, step by step")
    for place, mark in enumerate(one.marks):
        errors = [0.0 if math.isnan(error) else error for error in (mark.coverage_se, mark.density_se)]
        look: dict[str, Any] = {"color": COLOURS[2 + place % 6], "marker": "sD^vph"[place % 6], "markersize": 11}
        label = f"{mark.label}: {_two(mark.coverage * mark.density)}"
        axes.errorbar(
            mark.coverage, mark.density, errors[1], errors[0], ls="", capsize=3, label=label, zorder=5, **look
        )
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), title="coverage × density", alignment="left")
    return figure


def _sheet(one: ConditionSheet, title: str, height: float) -> Figure:
    event = capital(one.event)
    note = (
        f"{event} in {one.scenario.title}: {percent(100 * one.share)} of all draws. "
        "Coverage and density are of draws that neither made nor chose the boxes; whiskers are one standard error."
    )
    best = max(one.marks, key=lambda mark: mark.coverage * mark.density, default=None)
    found: Titles = (f"{event}: under which conditions, {title}",)
    if best is not None:
        found = condition(event, best.label, best.density, best.coverage, one.share)
    return sheet(found, note, [Result(one.scenario, {})], _PATHS, height=height)


def _two(value: float) -> str:
    return f"{value:.2g}"


def _level(axes: Axes, product: float, colour: str, style: str, label: str) -> None:
    """All pairs of one coverage × density."""
    coverage = np.linspace(max(product, 1e-3), 1.0, 200)
    axes.plot(coverage, product / coverage, color=colour, linestyle=style, linewidth=1.5, label=label)


def _ceiling(axes: Axes, top: tuple[float, float]) -> None:
    """What no conditions on inputs exceed, with two standard errors about it."""
    value, error = top
    _level(axes, value, INK, "--", f"ceiling that luck sets: {_two(value)}")
    if not math.isnan(error):
        coverage = np.linspace(max(value, 1e-3), 1.0, 200)
        low, high = ((value + sign * 2 * error) / coverage for sign in (-1, 1))
        axes.fill_between(coverage, low, np.minimum(high, 1.02), color=INK, alpha=0.12, linewidth=0)


@picture(ConditionSheet, needs=lambda one: bool(one.bars))
def conditions_ranges(one: ConditionSheet) -> Figure:
    """What each box asks of its inputs, as a part of where all draws lie."""
    height = 2.6 + _ROW * (len(one.bars) + len({bar.box for bar in one.bars}))
    figure = _sheet(one, "the limits of the boxes", max(height, 4.5))
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(5.6, 1.2, 1.5, 0.8))[0])
    marks = {mark.label: mark for mark in one.marks}
    row, labels = 0.0, []
    for place, box in enumerate(dict.fromkeys(bar.box for bar in one.bars)):
        mark = marks[box]
        heading = f"{box}: {100 * mark.density:.0f}% of draws inside pass; {100 * mark.coverage:.0f}% of all that pass"
        axes.text(0.0, row, heading, fontweight="bold", va="center", color=INK)
        for bar in (bar for bar in one.bars if bar.box == box):
            row += 1
            labels.append((row, textwrap.fill(f"{bar.name}{_unit(bar)}", _LETTERS)))
            _bar(axes, row, bar, place)
        row += 1.2
    axes.set(xlim=(0, 1), ylim=(row - 0.4, -0.6))
    axes.set_yticks([at for at, _ in labels], [name for _, name in labels])
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(length=0, pad=_BESIDE)
    return figure


def _unit(bar: Bar) -> str:
    return "" if bar.unit in ("1", "category", "fraction") else f" ({bar.unit})"


_LETTERS: Final = 52
"""Letters in a line beside a bar."""


def _bar(axes: Axes, row: float, bar: Bar, place: int) -> None:
    if bar.categories:
        width = 1.0 / len(bar.categories)
        for number, (name, kept) in enumerate(bar.categories):
            _block(axes, row, number * width, (number + 1) * width - 0.006, place if kept else None)
            look: dict[str, Any] = {"color": "white" if kept else GREY, "fontsize": 9.5, "ha": "center"}
            room = width * inches_wide(axes) - 0.15
            axes.text((number + 0.5) * width, row, wrapped(name, look["fontsize"], room), va="center", **look)
        return
    extent = bar.most - bar.least or 1.0
    ends = [bar.least if bar.low is None else bar.low, bar.most if bar.high is None else bar.high]
    low, high = ((end - bar.least) / extent for end in ends)
    _block(axes, row, 0.0, 1.0, None)
    _block(axes, row, low, high, place)
    for at, side, value in ((0.0, "right", bar.least), (1.0, "left", bar.most)):
        axes.annotate(
            f"{value:.3g}",
            (at, row),
            (-4 if side == "right" else 4, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8.5,
            color=GREY,
        )
    for at, end in ((low, bar.low), (high, bar.high)):
        if end is not None:
            axes.text(at, row - 0.42, f"{end:g}", ha="center", va="center", fontsize=9.5, color=INK)


def _block(axes: Axes, row: float, left: float, right: float, place: int | None) -> None:
    colour = SPARE_COLOURS[0] if place is None else COLOURS[2 + place % 6]
    axes.add_patch(Rectangle((left, row - 0.24), right - left, 0.48, color=colour, linewidth=0))
