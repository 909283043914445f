"""The pictures of a bridge: what each clause brings on the way from one scenario to another, and which go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.analysis.bridge import STATISTICS, Summary
from sim.axes import FloatArray
from sim.outcomes.naming import Outcome
from sim.outcomes.results import Result
from sim.pictures.lettering import wrapped
from sim.pictures.marks import key
from sim.pictures.registry import picture
from sim.pictures.style import COLOURS, GREY, INK, grid, heading, number_axis, sheet, short_title
from sim.scenario.scenario import Scenario
from sim.wording import capital, readable, signed

__all__ = ["BridgeSheet", "bridge_interactions", "bridge_waterfall", "relation"]

_UP: Final = COLOURS[1]
_DOWN: Final = COLOURS[2]
_BEHIND: Final = ("regimes", "zone", "opening", "regulator")
_MEAN: Final = STATISTICS.index("mean")
_BAND: Final = (STATISTICS.index("p05"), STATISTICS.index("p95"))
_HALF: Final = 0.32
"""Half of a bar's height, in rows."""


@dataclass(frozen=True)
class BridgeSheet:
    """One outcome on the way from one scenario to another.

    Attributes
    ----------
    first, second : Scenario
    clauses : tuple of str
        Names, in order.
    outcome : Outcome
    found : Summary
    """

    first: Scenario
    second: Scenario
    clauses: tuple[str, ...]
    outcome: Outcome
    found: Summary

    @property
    def file(self) -> str:
        """The outcome as a part of a file's name."""
        return self.outcome.label.replace(".", "_")

    @property
    def factor(self) -> float:
        """What makes numbers of the outcome those that are shown: percentage points of a fraction."""
        return 100.0 if self.outcome.unit == "fraction" else 1.0

    @property
    def unit(self) -> str:
        """Unit of the differences that are shown, in words."""
        words = {"fraction": "points", "year": "years", "1/yr": "points a year"}
        return words.get(self.outcome.unit, self.outcome.unit.replace("/yr", " a year"))

    @property
    def titles(self) -> tuple[str, str]:
        """The two scenarios in words."""
        return self.first.title, self.second.title

    @property
    def subject(self) -> str:
        """The outcome in words."""
        item, scope = self.outcome.item, self.outcome.scope
        whose = f"{item} providers" if item in ("foreign", "domestic") else readable(item)
        if item in self.first.providers:
            whose = short_title(self.first, item)
        where = self.first.called(scope) if scope else ""
        parts = (readable(self.outcome.variable), whose, where, str(self.outcome.year))
        return ", ".join(filter(None, parts))

    def level(self, value: float) -> str:
        """A level of the outcome in figures."""
        return f"{value * self.factor:,.2f}{'%' if self.factor > 1 else ''}".replace("-", "−")

    def change(self, value: float, digits: int = 2) -> str:
        """A difference in figures, with its sign unless it reads as zero."""
        return signed(value, f"{abs(value) * self.factor:,.{digits}f}")

    def error(self, value: float) -> str:
        """A standard error in figures; nothing where it is unknown or nothing moves."""
        size = value * self.factor
        if not np.isfinite(value) or size == 0.0:
            return ""
        return f"± {size:.2f}" if size >= 0.005 else f"± {size:.1g}"


@picture(BridgeSheet, needs=lambda sheet: True)
def bridge_waterfall(shown: BridgeSheet) -> Figure:
    """From one scenario to another, clause by clause: mean part of each, and what it brings first and last."""
    found, (one, other), count = shown.found, shown.titles, len(shown.clauses)
    strongest = int(np.abs(found.value[_MEAN, :count]).argmax())
    total, most = found.value[_MEAN, count], found.value[_MEAN, strongest]
    title = f"{other} against {one}: {shown.change(total, 1)} {shown.unit}"
    if count > 1:
        title += f", of which {readable(shown.clauses[strongest])} brings {shown.change(most, 1)}"
    note = (
        f"{capital(shown.subject)}, mean over draws. A bar is what a clause brings on average over all orders of "
        "giving them; bars add up to the whole. Beside: standard error, and in how many draws it is above zero."
    )
    results = [Result(shown.first, {}), Result(shown.second, {})]
    figure = sheet(title, note, results, _BEHIND)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(2.6, 3.3, 2.0, 1.15))[0, 0])
    _bars(axes, shown)
    clauses = (capital(readable(name)) for name in shown.clauses)
    ends = [
        f"{wrapped(title, 10, 2.1)}:\n{shown.level(value)}" for title, value in ((one, found.start), (other, found.end))
    ]
    axes.set_yticks(range(count + 2), [ends[0], *(wrapped(text, 10, 2.1) for text in clauses), ends[1]])
    axes.set_ylim(count + 1.6, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.grid(axis="x")
    number_axis(axes.xaxis, sign=True)
    axes.set_xlabel(f"Difference to {one} ({shown.unit})")
    _waterfall_key(figure)
    return figure


def _bars(axes: Axes, shown: BridgeSheet) -> None:
    """A bar for each clause where the one before it ends, and one for the whole."""
    found, count = shown.found, len(shown.clauses)
    mean, scale = found.value[_MEAN] * shown.factor, shown.factor
    ends = np.concatenate([[0.0], mean[:count].cumsum()])
    axes.plot([0, 0], [-_HALF, _HALF], color=INK, linewidth=2.5)
    for place in range(count + 1):
        row, base = place + 1, ends[place] if place < count else 0.0
        colour = GREY if place == count else _UP if mean[place] >= 0 else _DOWN
        axes.barh(row, mean[place], left=base, height=2 * _HALF, color=colour, alpha=0.85)
        if place < count:
            axes.plot([ends[row]] * 2, [row + _HALF, row + 1 - _HALF], color=GREY, linewidth=0.8)
            marks = base + np.array([found.first[_MEAN, place], found.last[_MEAN, place]]) * scale
            axes.plot(marks, [row, row], color=INK, linewidth=1.4)
            axes.plot(marks[0], row, marker="|", markersize=15, markeredgewidth=2, color=INK)
            axes.plot(marks[1], row, marker="D", markersize=6, color=INK, markeredgecolor="white")
        beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 10.5}
        numbers = (shown.change(found.value[_MEAN, place]), shown.error(found.error[_MEAN, place]))
        axes.text(
            1.02,
            row - 0.17,
            f"{' '.join(filter(None, numbers))}, above 0 in {100 * found.p_positive[place]:.0f}%",
            **beside,
        )
        low, high = (shown.change(found.value[edge, place]) for edge in _BAND)
        axes.text(1.02, row + 0.21, f"90% of draws: {low} to {high}", **beside | {"fontsize": 9, "color": GREY})


def _waterfall_key(figure: Figure) -> None:
    stroke: Mapping[str, Any] = {"color": INK, "linewidth": 1.4}
    handles = [
        Patch(color=_UP, alpha=0.85, label="brings more"),
        Patch(color=_DOWN, alpha=0.85, label="brings less"),
        Line2D([], [], marker="|", markersize=13, markeredgewidth=2, label="given first, alone", **stroke),
        Line2D(
            [], [], marker="D", markersize=6, markeredgecolor="white", label="given last, after all others", **stroke
        ),
    ]
    key(figure, handles)


@picture(BridgeSheet, needs=lambda sheet: len(sheet.clauses) > 1)
def bridge_interactions(shown: BridgeSheet) -> Figure:
    """How much more each two clauses bring together than apart: which need, and which replace each other."""
    one, other = shown.titles
    title = f"{other} against {one}: {_strongest(shown)}"
    note = (
        f"{capital(shown.subject)}, {shown.unit}, mean over draws. In a cell: what two clauses bring together beyond "
        "what they bring apart, on average over what else is given, and its standard error."
    )
    results = [Result(shown.first, {}), Result(shown.second, {})]
    figure = sheet(title, note, results, _BEHIND)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(2.6, 2.4, 1.75, 1.15))[0, 0])
    joint = shown.found.joint * shown.factor
    lower = np.where(np.tri(len(joint), k=-1, dtype=bool), joint, np.nan)[1:, :-1]
    most = float(np.nanmax(np.abs(lower))) or 1.0
    mesh = axes.pcolormesh(lower, cmap="RdBu_r", norm=TwoSlopeNorm(0.0, -most, most), edgecolors="white", linewidth=1.5)
    _joint_figures(axes, shown, lower, most)
    words = [capital(readable(name)) for name in shown.clauses]
    axes.set_xticks(np.arange(len(lower)) + 0.5, words[:-1])
    axes.set_yticks(np.arange(len(lower)) + 0.5, words[1:])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    heading(axes, f"Together beyond apart ({shown.unit})")
    bar = figure.colorbar(mesh, ax=axes, fraction=0.04, pad=0.03, label=shown.unit)
    bar.outline.set_visible(False)
    number_axis(bar.ax.yaxis, sign=True)
    return figure


def _strongest(shown: BridgeSheet) -> str:
    """The two clauses that differ most from adding up, in words."""
    joint = np.abs(np.nan_to_num(shown.found.joint))
    first, second = sorted(int(place) for place in np.unravel_index(joint.argmax(), joint.shape))
    return relation(shown, first, second)


def relation(shown: BridgeSheet, first: int, second: int) -> str:
    """What the interaction of two clauses says, in words: what lifts together they need or replace each other for.

    Where one of them lifts and the other takes, it takes more, or less, of what the first lifts.
    """
    parts, joint = shown.found.value[_MEAN], shown.found.joint[first, second]
    one, other = (readable(shown.clauses[place]) for place in (first, second))
    if parts[first] * parts[second] >= 0:
        word = "need" if joint * (parts[first] + parts[second]) > 0 else "replace"
        return f"{one} and {other} {word} each other"
    against = parts[first] * parts[-1] < 0
    taker, giver = (one, other) if against else (other, one)
    word = "more" if joint * parts[-1] < 0 else "less"
    return f"{taker} takes {word} where {giver} is given"


def _joint_figures(axes: Axes, shown: BridgeSheet, lower: FloatArray, most: float) -> None:
    """The number in each cell of the lower triangle."""
    for row, column in zip(*np.nonzero(np.isfinite(lower)), strict=True):
        ink = "white" if abs(lower[row, column]) > 0.6 * most else INK
        text = shown.change(shown.found.joint[row + 1, column])
        under = shown.error(shown.found.joint_error[row + 1, column])
        common: Mapping[str, Any] = {"ha": "center", "color": ink}
        axes.text(column + 0.5, row + 0.46, text, va="bottom", fontsize=12, **common)
        axes.text(column + 0.5, row + 0.54, under, va="top", fontsize=8.5, **common)
