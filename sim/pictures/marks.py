"""The marks that pictures are made of: fans over time, intervals in rows, histograms, and their keys.

A mark shows uncertainty by the 90% range, the 50% range and the median, from quantiles taken once for each
column of draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from sim.axes import FloatArray
from sim.outcomes.panels import ALL_DRAWS, Result
from sim.pictures.lettering import text_width
from sim.pictures.style import GREY, INK, SHADE, Look, lowered
from sim.pictures.titles import Change

__all__ = [
    "INTERVALS",
    "LEVELS",
    "Measure",
    "base_point",
    "beside",
    "fan",
    "fan_key",
    "histogram",
    "interval_rows",
    "interval_table",
    "intervals",
    "key",
    "name_width",
    "quantiles",
    "quantiles_of_each",
    "table_width",
    "two_lines",
]

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles drawn: the ends of the 90% and of the 50% range, and the median in between."""

INTERVALS: Final = "Marker: median. Thick line: 50% of draws. Thin line: 90% of draws."
"""How to read intervals, for a note."""

_EDGE: Final[Mapping[str, Any]] = {"markeredgecolor": "white", "markeredgewidth": 0.8}


@dataclass(frozen=True)
class Measure:
    """An outcome as a picture shows it.

    Attributes
    ----------
    label : str
        Words for an axis or a row, with the unit.
    variable, scope, item : str
        Where its numbers stand in a result.
    form : callable
        Number, after scaling, to text.
    unit : str
        Sign after a tick label.
    scale : float
        Factor from the stored unit.
    together : tuple of str
        Items that are summed, in place of the one.
    """

    label: str
    variable: str
    scope: str
    item: str
    form: Callable[[float], str]
    unit: str = ""
    scale: float = 1.0
    together: tuple[str, ...] = ()

    def values(self, result: Result, draws: slice = ALL_DRAWS) -> FloatArray:
        """The draws, years by draws, in the unit of the picture."""
        return result.panels[self.variable].series(self.scope, self.item, draws) * self.scale

    def first(self, result: Result) -> FloatArray:
        """The draws of the first year; none where the result lacks the item, a provider that others have."""
        return self._column(result, self.years(result)[0])

    def answer(self, result: Result) -> FloatArray:
        """The draws of the answer's year; none where the result lacks the item."""
        return self._column(result, self.answer_year(result))

    def answer_year(self, result: Result) -> int:
        """The year of which the answer is given; the last where there is none of it."""
        years, year = self.years(result), result.scenario.answer_year
        return year if year in years else years[-1]

    def bands(self, result: Result, base: Result | None = None) -> FloatArray:
        """Quantiles by year, (5, years), of the draws or of their difference to a baseline; one year at a time."""
        columns = (
            self._column(result, year) - (self._column(base, year) if base else 0.0) for year in self.years(result)
        )
        return np.stack([quantiles(column) for column in columns], axis=-1)

    def changes(self, others: Sequence[Result], base: Result) -> list[Change]:
        """What each scenario changes in the answer's year, in the words of titles."""
        return [Change.of(other.scenario.title, self.answer(other) - self.answer(base)) for other in others]

    def _column(self, result: Result, year: int) -> FloatArray:
        panel = result.panels[self.variable]
        there = [item for item in self.together or (self.item,) if (self.scope, item) in panel.items]
        if not there:
            return np.empty(0)
        first, *rest = (panel.column(year, self.scope, item) for item in there)
        return sum(rest, start=first) * self.scale

    def years(self, result: Result) -> tuple[int, ...]:
        """Calendar years of the draws."""
        return result.panels[self.variable].years


def quantiles(values: FloatArray) -> FloatArray:
    """Quantiles at `LEVELS` over the draws, levels first: (5, ...) for values (..., draws)."""
    return np.asarray(np.quantile(values, LEVELS, axis=-1))


def quantiles_of_each(rows: Sequence[FloatArray]) -> FloatArray:
    """Quantiles of rows of draws that may differ in number: (5, rows); NaN where a row has none."""
    return np.stack([quantiles(row) if row.size else np.full(len(LEVELS), np.nan) for row in rows], axis=-1)


def fan(axes: Axes, years: Sequence[int], bands: FloatArray, colour: str) -> None:
    """Median, 50% and 90% range over the years."""
    low, lower, middle, upper, high = bands
    axes.fill_between(years, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.fill_between(years, lower, upper, color=colour, alpha=0.34, linewidth=0)
    axes.plot(years, np.stack([low, high], axis=-1), color=colour, linewidth=0.8, alpha=0.6)
    axes.plot(years, middle, color=colour, linewidth=2.4, solid_capstyle="butt")


def base_point(axes: Axes, year: int, bands: FloatArray) -> None:
    """The base year: a point with its 90% range."""
    axes.plot([year, year], bands[[0, 4]], color=INK, linewidth=1.6)
    axes.plot([year], bands[2:3], color=INK, marker="o", markersize=6, linestyle="none", zorder=3, clip_on=False)


def histogram(axes: Axes, values: FloatArray, edges: FloatArray, bottom: float, height: float, colour: str) -> None:
    """Filled steps above `bottom`; the highest bin rises by `height`."""
    counts = np.histogram(values, edges)[0]
    steps = bottom + height * counts / max(int(counts.max()), 1)
    axes.stairs(steps, edges, baseline=bottom, fill=True, color=colour, alpha=0.3, linewidth=0)
    axes.stairs(steps, edges, baseline=bottom, color=colour, linewidth=1)


def intervals(axes: Axes, heights: FloatArray, bands: FloatArray, look: Look) -> None:
    """Horizontal intervals: a thin line over 90%, a thick one over 50%, a marker on the median.

    Parameters
    ----------
    axes : Axes
    heights : array (rows,)
    bands : array (5, rows)
    look : Look
    """
    axes.hlines(heights, bands[0], bands[4], color=look.colour, linewidth=1.4)
    axes.hlines(heights, bands[1], bands[3], color=look.colour, linewidth=4.5, alpha=0.75)
    axes.plot(bands[2], heights, color=look.colour, marker=look.marker, markersize=7, linestyle="none", **_EDGE)


def interval_rows(
    axes: Axes, labels: Sequence[str], columns: Sequence[tuple[Look, FloatArray]], *, named: bool = True
) -> FloatArray:
    """Rows from top to bottom, in each one interval for every look, one under the other, with its name beside it.

    Parameters
    ----------
    axes : Axes
    labels : sequence of str
        One for each row.
    columns : sequence of (Look, array (5, rows))
    named : bool
        Whether rows and looks are named left of the axes; not where the axes to the left have the same.

    Returns
    -------
    array (looks, rows)
        Heights at which the intervals stand.
    """
    rows = np.arange(len(labels), dtype=float)
    heights = rows + (np.arange(len(columns))[:, None] + 0.5) / len(columns) * 0.84 - 0.42
    for row in rows[1::2]:
        axes.axhspan(row - 0.5, row + 0.5, color=SHADE, linewidth=0)
    for places, (look, bands) in zip(heights, columns, strict=True):
        intervals(axes, places, bands, look)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_yticks([])
    if named:
        _name_rows(axes, labels, columns, heights)
    return np.asarray(heights)


def _name_rows(
    axes: Axes, labels: Sequence[str], columns: Sequence[tuple[Look, FloatArray]], heights: FloatArray
) -> None:
    """The looks beside their intervals, and left of them the rows."""
    alone, away = len(columns) == 1, name_width([look for look, _ in columns])
    if not alone:
        for places, (look, bands) in zip(heights, columns, strict=True):
            for place, middle in zip(places, bands[2], strict=True):
                ink = GREY if np.isnan(middle) else look.ink
                beside(axes, place, look.label, left=True, color=ink, ha="right", fontsize=_NAME)
    for row, label in enumerate(labels):
        moved = 6 if alone else 72 * away + 16
        beside(axes, row, label, left=True, right=moved, ha="right", fontweight="normal" if alone else "bold")


def name_width(looks: Sequence[Look]) -> float:
    """Inches that the names beside intervals take; none where one look is alone."""
    return 0.0 if len(looks) == 1 else max(text_width(look.label, _NAME) for look in looks)


_NAME: Final = 9.0


def interval_table(
    axes: Axes,
    labels: Sequence[str],
    columns: Sequence[tuple[Look, FloatArray]],
    texts: Sequence[tuple[str, Sequence[Sequence[str]]]],
    *,
    named: bool = True,
) -> None:
    """`interval_rows` with a zero line, and right of the axes columns of figures.

    Parameters
    ----------
    axes, labels, columns, named
        As for `interval_rows`.
    texts : sequence of (str, sequence of sequence of str)
        Head of each column of figures, and by look what stands in each row; the first column is bold.
    """
    heights = interval_rows(axes, labels, columns, named=named)
    axes.axvline(0, color=INK, linewidth=1)
    right = 8.0
    for number, (head, figures) in enumerate(texts):
        weight = "normal" if number else "bold"
        widest = max(text_width(text, 9.5, bold=not number) for text in (head, *(t for row in figures for t in row)))
        beside(axes, -0.5, head, right=right, up=10, fontsize=9, color=GREY)
        for places, (look, _), row in zip(heights, columns, figures, strict=True):
            for place, text in zip(places, row, strict=True):
                colour = GREY if number or not text else look.ink
                beside(axes, place, text, right=right, color=colour, fontsize=9.5, fontweight=weight)
        right += 72 * widest + 12


def table_width(texts: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> float:
    """Inches that the columns of figures of `interval_table` take."""
    widths = [
        max(text_width(t, 9.5, bold=True) for t in (head, *(t for row in rows for t in row))) for head, rows in texts
    ]
    return sum(widths) + (8 + 12 * len(texts)) / 72


def two_lines(axes: Axes, place: float, bold: str, plain: str, look: Look) -> None:
    """A bold line over plain ones, right of the axes at the height `place` in data."""
    beside(axes, place, bold, color=look.ink, fontweight="bold", va="bottom")
    beside(axes, place, plain, up=-1, color=GREY, fontsize=8.5, va="top", linespacing=1.15)


def beside(
    axes: Axes, place: float, text: str, *, right: float = 6, up: float = 0, left: bool = False, **style: Any
) -> None:
    """Text right (or left) of the axes at the height `place` in data, some points away from them and up."""
    moved = ScaledTranslation((-right if left else right) / 72, up / 72, axes.figure.dpi_scale_trans)
    axes.text(not left, place, text, transform=axes.get_yaxis_transform() + moved, **{"va": "center", **style})


def fan_key(figure: Figure, extra: Sequence[Artist] = ()) -> None:
    """The key to fans, under the note."""
    median = Line2D([], [], color=GREY, linewidth=2.4, label="median")
    half = Patch(color=GREY, alpha=0.5, linewidth=0, label="50% of draws")
    most = Patch(color=GREY, alpha=0.2, linewidth=0, label="90% of draws")
    key(figure, [median, half, most, *extra])


def key(figure: Figure, handles: Sequence[Artist], rows: int = 0) -> None:
    """A legend over the width of the sheet, between the note and the axes; two rows above six entries."""
    width, height = figure.get_size_inches()
    rows = rows or 1 + (len(handles) > 6)
    place = (0.5 / width, 1 - (lowered(figure) + (1.24 if rows == 1 else 1.14)) / height)
    columns = -(-len(handles) // rows)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=place, ncols=columns, borderaxespad=0, borderpad=0)
