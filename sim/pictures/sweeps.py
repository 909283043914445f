"""Pictures of a sweep: lines for one factor, a heat map for two, small multiples beyond.

Each is a function, one outcome of a sweep in, figure out; which one is drawn hangs on the design.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.axes import FloatArray
from sim.outcomes.naming import Outcome
from sim.outcomes.sweeps import Factor, SweepResult, partial_rank_correlations
from sim.pictures.lettering import text_width, wrapped
from sim.pictures.marks import beside, fan, fan_key
from sim.pictures.registry import picture
from sim.pictures.responses import (
    View,
    factor_words,
    figures,
    level_ticks,
    level_words,
    measure_axis,
    number_or_level_axis,
    outcome_sheet,
    room_below,
    setting,
    upright,
    views,
)
from sim.pictures.style import COLOURS, INK, MARKERS, grid, heading, inches_wide
from sim.wording import capital

__all__ = ["Sheet", "sheets", "sweep_facets", "sweep_heat_map", "sweep_lines", "sweep_scatter"]

_LINE_OF_TITLE: Final = 44
"""Letters in a line beside an axis."""

_MOST_LABELLED: Final = 10
"""Rows or columns of a heat map in whose cells figures can be read."""

_MOST_SERIES: Final = len(COLOURS)
_MOST_PANELS: Final = 16
_PANELS_IN_A_ROW: Final = 4


@dataclass(frozen=True)
class Sheet:
    """What one picture of a sweep shows: an outcome by its level, its difference to the baseline, or both.

    Attributes
    ----------
    result : SweepResult
    outcome : Outcome
    shown : sequence of View
    """

    result: SweepResult
    outcome: Outcome
    shown: Sequence[View]


def sheets(result: SweepResult) -> Mapping[str, Sheet]:
    """The sheets of a sweep by the names of their files; for each there is one picture."""
    named: dict[str, Sheet] = {}
    for response in result.responses:
        shown, name = tuple(views(result, response)), response.outcome.label.replace(".", "_")
        if shown and _is_flat(result):
            named[name] = Sheet(result, response.outcome, shown)
        elif shown:
            for view in shown:
                ending = "_difference" if view.is_difference else ""
                named[name + ending] = Sheet(result, response.outcome, (view,))
    return named


def _is_line(result: SweepResult) -> bool:
    return len(result.factors) == 1


def _is_plane(result: SweepResult) -> bool:
    return len(result.factors) == 2 and result.is_grid


def _is_flat(result: SweepResult) -> bool:
    """Whether a sheet has room for level and difference side by side."""
    return _is_line(result) or _is_plane(result)


@picture(Sheet, needs=lambda sheet: _is_line(sheet.result))
def sweep_lines(sheet: Sheet) -> Figure:
    """One factor along the axis: fans over numbers, intervals over anything else."""
    (factor,) = sheet.result.factors
    shown = sheet.shown
    figure = outcome_sheet(sheet.result, sheet.outcome, shown, "Each point is a run of its own on the same draws.")
    mean = Line2D([], [], color=INK, linewidth=1.6, dashes=(3, 2), label="mean")
    fan_key(figure, [mean] if any(view.is_difference for view in shown) else [])
    places = grid(figure, 1, len(shown), margins=(1.15, 0.6, 2.1, 1.25 + room_below([factor])), gaps=(1.3, 0))
    order = np.argsort(factor.places)
    for column, view in enumerate(shown):
        axes = figure.add_subplot(places[0, column])
        across = np.array(factor.levels if factor.is_number else range(len(order)), dtype=float)
        if factor.is_number and len(across) > 1:
            fan(axes, across, view.bands[:, order], view.colour)  # type: ignore[arg-type]
            axes.plot(across, view.bands[2, order], color=view.colour, marker="o", markersize=6, linestyle="none")
        else:
            upright(axes, across, view.bands[:, order], view.bands[2, order], view.colour, "o")
        number_or_level_axis(axes, factor, view)
        if factor.is_number and np.diff(across).min(initial=np.inf) > np.ptp(across) / 15:
            axes.set_xticks(across)
        if view.is_difference:
            axes.plot(across, view.centre[order], color=INK, linewidth=1.6, dashes=(3, 2))
        heading(axes, view.title, view.colour)
    return figure


@picture(Sheet, needs=lambda sheet: _is_plane(sheet.result))
def sweep_heat_map(sheet: Sheet) -> Figure:
    """Two factors along and up, the measure in colour and in figures."""
    along, up = sheet.result.factors
    labelled = max(len(along.levels), len(up.levels)) <= _MOST_LABELLED
    banded = all(view.has_band for view in sheet.shown)
    how = f"In the cells: the centre{', and under it 90% of the draws' if banded else ''}."
    how = how if labelled else "Ranges stand in sweep.csv."
    figure = outcome_sheet(sheet.result, sheet.outcome, sheet.shown, how)
    places = grid(figure, 1, len(sheet.shown), margins=(1.5, 0.9, 1.75, 1.25 + room_below([along])), gaps=(2.1, 0))
    for column, view in enumerate(sheet.shown):
        axes = figure.add_subplot(places[0, column])
        centre = np.full((len(up.levels), len(along.levels)), np.nan)
        centre[list(up.places), list(along.places)] = view.centre
        colours = "RdBu_r" if view.is_difference else "cividis"
        mesh = axes.pcolormesh(
            centre, cmap=colours, norm=_norm(view), edgecolors="white", linewidth=1.5 if labelled else 0.2
        )
        if labelled:
            _figures_in_cells(axes, mesh, along, up, view)
        _cell_ticks(axes.xaxis, along)
        _cell_ticks(axes.yaxis, up)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        words = wrapped(f"{view.centre_title} ({view.unit_in_words})", 12, inches_wide(axes) + 0.6, bold=True)
        heading(axes, words)
        if not labelled:
            _colour_bar(figure, axes, mesh, view)
    return figure


def _cell_ticks(axis: Axis, factor: Factor) -> None:
    """The levels of a factor beside the middles of the cells, not more than can be read."""
    words = level_words(factor)
    step = -(-len(words) // (2 * _MOST_LABELLED))
    axis.set_ticks(np.arange(len(words))[::step] + 0.5, words[::step])
    axis.set_label_text(textwrap.fill(capital(factor_words(factor)), _LINE_OF_TITLE))


def _colour_bar(figure: Figure, axes: Axes, mesh: QuadMesh, view: View) -> None:
    """The key to the colours, of a difference no farther than there are any."""
    bar = figure.colorbar(mesh, ax=axes, fraction=0.04, pad=0.03, label=view.label)
    if view.is_difference and np.isfinite(view.centre).any() and view.centre.any():
        bar.ax.set_ylim(min(0.0, float(np.nanmin(view.centre))), max(0.0, float(np.nanmax(view.centre))))
    bar.outline.set_visible(False)
    figures(bar.ax.yaxis, view)


def _norm(view: View) -> Normalize:
    """Colours over the range found; for differences as far on either side of zero."""
    known = view.centre[np.isfinite(view.centre)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if view.is_difference:
        most = max(-low, high) or 1.0
        return TwoSlopeNorm(0.0, -most, most)
    return Normalize(low, high if high > low else low + 1.0)


def _figures_in_cells(axes: Axes, mesh: QuadMesh, along: Factor, up: Factor, view: View) -> None:
    """The centre of each cell, and its 90% range where cells are wide enough, in ink that can be read on the colour."""
    many = max(len(along.levels), len(up.levels)) > 6
    for place, (x, y) in enumerate(zip(along.places, up.places, strict=True)):
        red, green, blue, _ = mesh.cmap(mesh.norm(view.centre[place]))
        ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK
        common: Mapping[str, Any] = {"ha": "center", "color": ink}
        axes.text(
            x + 0.5,
            y + 0.5,
            view.centre_text(place),
            va="center" if many else "bottom",
            fontsize=9 if many else 12,
            **common,
        )
        if not many and view.has_band:
            low, high = view.text(view.bands[0, place]), view.text(view.bands[4, place])
            axes.text(x + 0.5, y + 0.46, f"{low} to {high}", va="top", fontsize=8.5, **common)


def _roles(result: SweepResult) -> tuple[int, int, tuple[int, ...]]:
    """Places of the factor along the axis, of the one in colours, and of those that make panels."""
    by_size = sorted(range(len(result.factors)), key=lambda place: -len(result.factors[place].levels))
    along, series, *panels = by_size
    return along, series, tuple(sorted(panels))


def _fits_facets(result: SweepResult) -> bool:
    """Whether a grid of three factors or more can be shown whole: few enough lines in a panel, and panels."""
    if not result.is_grid or _is_flat(result):
        return False
    along, series, panels = _roles(result)
    levels = [len(factor.levels) for factor in result.factors]
    return (
        levels[along] <= 2 * _MOST_LABELLED
        and levels[series] <= _MOST_SERIES
        and (prod(levels[place] for place in panels) <= _MOST_PANELS)
    )


@picture(Sheet, needs=lambda sheet: _fits_facets(sheet.result))
def sweep_facets(sheet: Sheet) -> Figure:
    """A grid of three factors or more: one along the axis, one in colours, the others in panels."""
    (view,), result = sheet.shown, sheet.result
    along, series, panels = _roles(result)
    factors = result.factors
    cases = list(product(*(range(len(factors[place].levels)) for place in panels)))
    rows, columns = _arranged(len(cases))
    how = view.marks("", "Thick line: 50% of draws. Thin line: 90%.")
    figure = outcome_sheet(result, sheet.outcome, sheet.shown, how, 3.6 + 3.4 * rows)
    names = [capital(setting(factors[series], place)) for place in range(len(factors[series].levels))]
    margins = (1.15, 0.4 + max(text_width(name, 9.5) for name in names), 1.95, 1.3 + room_below([factors[along]]))
    places = grid(figure, rows, columns, margins=margins, gaps=(0.55, 1.1))
    labels: list[tuple[Axes, dict[int, float]]] = []
    for number, case in enumerate(cases):
        axes = figure.add_subplot(places[divmod(number, columns)], sharey=figure.axes[0] if figure.axes else None)
        held = dict(zip(panels, case, strict=True))
        chosen = [
            point for point in range(result.points) if all(factors[f].places[point] == c for f, c in held.items())
        ]
        _series(axes, factors[along], factors[series], view, chosen)
        if number % columns == columns - 1 or number == len(cases) - 1:
            last = [p for p in chosen if factors[along].places[p] == len(factors[along].levels) - 1]
            ends = {factors[series].places[p]: float(view.centre[p]) for p in last if np.isfinite(view.centre[p])}
            labels.append((axes, ends))
        level_ticks(axes, factors[along])
        measure_axis(axes, view, labelled=number % columns == 0)
        axes.set_xlabel(capital(factor_words(factors[along])) if number + columns >= len(cases) else "")
        words = "\n".join(capital(setting(factors[f], c)) for f, c in held.items())
        axes.set_title(words, loc="left", fontsize=10.5, fontweight="bold", pad=8)
    for axes, ends in labels:
        _series_names(axes, ends, names)
    return figure


def _series_names(axes: Axes, ends: Mapping[int, float], names: Sequence[str]) -> None:
    """What each line is, right of where it ends, as far apart as words need."""
    low, high = axes.get_ylim()
    gap = 0.19 * axes.figure.dpi / axes.bbox.height * (high - low)
    place = -np.inf
    for series in sorted(ends, key=lambda one: ends[one]):
        place = max(ends[series], place + gap)
        beside(axes, place, names[series], color=COLOURS[series], fontsize=9.5)


def _arranged(panels: int) -> tuple[int, int]:
    """Rows and columns for panels, the rows as even as may be."""
    rows = -(-panels // _PANELS_IN_A_ROW)
    return rows, -(-panels // rows)


def _series(axes: Axes, along: Factor, series: Factor, view: View, chosen: Sequence[int]) -> None:
    """A line for each level of a factor, side by side so that their intervals do not hide each other."""
    count = len(series.levels)
    for place in range(count):
        own = sorted((p for p in chosen if series.places[p] == place), key=lambda p: along.places[p])
        across = np.array([along.places[p] for p in own]) + (place + 0.5) / count * 0.6 - 0.3
        axes.plot(across, view.centre[own], color=COLOURS[place], linewidth=1.6, alpha=0.8)
        upright(axes, across, view.bands[:, own], view.centre[own], COLOURS[place], MARKERS[place])


@picture(Sheet, needs=lambda sheet: not _is_flat(sheet.result) and not _fits_facets(sheet.result))
def sweep_scatter(sheet: Sheet) -> Figure:
    """Points that make no grid: the measure against each factor in turn."""
    (view,), result = sheet.shown, sheet.result
    rows, columns = _arranged(len(result.factors))
    correlations = _correlations(result, view)
    how = view.marks(" at a point", "Lines: 50% and 90% of draws.")
    if np.isfinite(correlations).any():
        how += " ρ: rank correlation with the other factors held still, and its 90% interval."
    figure = outcome_sheet(result, sheet.outcome, sheet.shown, how, 3.4 + 3.6 * rows)
    margins = (1.15, 0.5, 1.75, 1.3 + room_below(result.factors))
    places = grid(figure, rows, columns, margins=margins, gaps=(0.55, 1.15))
    for number, factor in enumerate(result.factors):
        axes = figure.add_subplot(places[divmod(number, columns)], sharey=figure.axes[0] if figure.axes else None)
        across = np.array(factor.coordinates if factor.is_number else factor.places, dtype=float)
        upright(axes, across, view.bands, view.centre, view.colour, "o", alpha=max(0.15, min(0.6, 12 / result.points)))
        number_or_level_axis(axes, factor, view, labelled=number % columns == 0)
        rho, low, high = correlations[number]
        if np.isfinite(rho):
            words = f"ρ = {rho:+.2f} ({low:+.2f} to {high:+.2f})".replace("-", "−")
            axes.set_title(words, loc="left", fontsize=10.5, pad=8)
    return figure


def _correlations(result: SweepResult, view: View) -> FloatArray:
    """Partial rank correlations of the measure with each factor; NaN where a factor has no order."""
    ordered = [factor.is_number for factor in result.factors]
    found = np.full((len(ordered), 3), np.nan)
    if all(ordered):
        found[:] = partial_rank_correlations(np.array([factor.coordinates for factor in result.factors]), view.centre)
    return found
