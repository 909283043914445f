"""Pictures over the years: foreign share and revenue, what scenarios change, and the size of the market.

Scenarios stand side by side, never over each other. A difference is taken draw by draw before its quantiles are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from sim.axes import FloatArray
from sim.outcomes.results import Result
from sim.pictures.marks import Measure, base_point, fan, fan_key, intervals, quantiles, two_lines
from sim.pictures.registry import Runs, picture, variables
from sim.pictures.style import HEIGHT, INK, Look, grid, heading, looks, number_axis, sheet, span
from sim.wording import capital, change, money, percent, points, readable

__all__ = ["foreign_revenue", "foreign_share", "market_size", "paired_difference"]

_TICK_STEPS: Final = (1, 2, 2.5, 5, 10)
_SHARES: Final = ("shares", "opening", "segments", "zone")
_MONEY: Final = ("market.size", "economics", "shares")
_TWO_BASES: Final = (
    "Retained revenue is the royalty after tax where a partner runs the site, and gross sales where the provider does. "
    "These are two accounting bases, so it is no measure of gain."
)


@picture(Runs, needs=variables("foreign_share"))
def foreign_share(runs: Runs) -> Figure:
    """Foreign providers' share of spending: all layers, and the layer in which opening is identified."""
    ordered = runs.ordered
    measures = [
        Measure(f"Share of\n{readable(scope)} (%)", "foreign_share", scope, "", percent, "%", 100.0)
        for scope in ("total", ordered[0].scenario.opening.layer)
    ]
    note = "All foreign providers together, in percent of the annual spending of all customers."
    return _side_by_side("Foreign providers' share of the market", note, ordered, measures, _SHARES)


@picture(Runs, needs=variables("revenue_gross", "revenue_retained"))
def foreign_revenue(runs: Runs) -> Figure:
    """Foreign providers' revenue in all layers, gross beside retained."""
    ordered = runs.ordered
    measures = [
        Measure("Gross revenue\n(USD bn a year)", "revenue_gross", "total", "foreign", money),
        Measure("Retained revenue\n(USD bn a year)", "revenue_retained", "total", "foreign", money),
    ]
    return _side_by_side("Revenue of foreign providers, gross and retained", _TWO_BASES, ordered, measures, _MONEY)


def _side_by_side(
    title: str, note: str, ordered: Sequence[Result], measures: Sequence[Measure], paths: Sequence[str]
) -> Figure:
    """At most four scenarios side by side, one measure under the other, the baseline's median repeated in each."""
    style = looks(ordered)
    blocks = -(-len(ordered) // 4)
    columns = -(-len(ordered) // blocks)
    figure = sheet(f"{title}, {span(ordered[0])}", note, ordered, paths, height=2.9 + 4.6 * blocks**0.7)
    _base_key(figure, ordered)
    places = [_block(figure, block, blocks, len(measures), columns) for block in range(blocks)]
    for row, measure in enumerate(measures):
        bands = [measure.bands(result) for result in ordered]
        for i, result in enumerate(ordered):
            block, column = divmod(i, columns)
            axes = figure.add_subplot(places[block][row, column])
            _fan(axes, result, measure, bands[i], style[result.name], _limits(bands))
            base_point(axes, measure.years(result)[0], bands[i][:, 0])
            if i:
                axes.plot(measure.years(result), bands[0][2], color=INK, linewidth=1.2, dashes=(4, 2))
            axes.tick_params(labelleft=column == 0, labelbottom=row == len(measures) - 1)
            axes.set_ylabel(measure.label if column == 0 else "")
            if row == 0:
                note = " (baseline)" if len(ordered) > 1 and i == 0 else ""
                heading(axes, style[result.name].label + note, style[result.name].ink)
    return figure


def _block(figure: Figure, block: int, blocks: int, rows: int, columns: int) -> GridSpec:
    """Places of one of several blocks of axes that stand one under the other."""
    above, below, apart = 2.0, 1.05, 0.85
    height = (figure.get_figheight() - above - below - apart * (blocks - 1)) / blocks
    top = above + block * (height + apart)
    margins = (1.15, 1.1, top, figure.get_figheight() - top - height)
    return grid(figure, rows, columns, margins=margins, gaps=(0.95, 0.4))


def _base_key(figure: Figure, ordered: Sequence[Result]) -> None:
    label = f"{ordered[0].scenario.horizon.base_year}, with its 90% range"
    extra = [Line2D([], [], color=INK, marker="o", markersize=6, linewidth=1.6, label=label)]
    if len(ordered) > 1:
        label = f"median of {readable(ordered[0].name)}"
        extra.append(Line2D([], [], color=INK, linewidth=1.2, dashes=(4, 2), label=label))
    fan_key(figure, extra)


def _fan(
    axes: Axes, result: Result, measure: Measure, bands: FloatArray, look: Look, limits: tuple[float, float]
) -> None:
    """One fan with its axes, and the last year's median and 90% range in figures beside it."""
    years = measure.years(result)
    fan(axes, years, bands, look.colour)
    axes.set_ylim(limits)
    axes.set_xlim(years[0] - 0.35, years[-1])
    step = -(-(years[-1] - years[0]) // 4) or 1
    axes.set_xticks(np.arange(years[-1], years[0] - 1, -step)[::-1])
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=_TICK_STEPS))
    number_axis(axes.yaxis, measure.unit)
    axes.grid(axis="y")
    low, _, middle, _, high = bands[:, -1]
    two_lines(
        axes, _label_height(axes, middle), measure.form(middle), f"{measure.form(low)} to {measure.form(high)}", look
    )


def _label_height(axes: Axes, value: float) -> float:
    """The height of a value in data, or that which keeps a label clear of the years below, if it is higher."""
    to_axes = axes.transScale + axes.transLimits
    lowest = 18 / 72 * axes.figure.dpi / axes.bbox.height
    place = max(to_axes.transform((1.0, value))[1], lowest)
    return float(to_axes.inverted().transform((1.0, place))[1])


def _limits(bands: Sequence[FloatArray]) -> tuple[float, float]:
    """From zero, or a little below the lowest 90% range, to the tick above the highest."""
    low, high = min(float(np.min(bands)), 0.0), max(float(np.max(bands)), 0.0)
    top = float(MaxNLocator(4, steps=_TICK_STEPS).tick_values(low, high)[-1])
    return low - 0.06 * (top - low) * (low < 0), top


@picture(Runs, needs=variables("foreign_share", "revenue_retained", "operating_profit", fewest=2))
def paired_difference(runs: Runs) -> Figure:
    """What each scenario changes against the baseline, draw by draw, over the years."""
    base, *others = runs.ordered
    style = looks([base, *others])
    measures = [
        Measure("Foreign share of all layers\n(percentage points)", "foreign_share", "total", "", points, "", 100.0),
        Measure("Retained revenue\n(USD bn a year)", "revenue_retained", "total", "foreign", change),
        Measure("Foreign providers' profit after tax\n(USD bn a year)", "operating_profit", "total", "foreign", change),
    ]
    title = f"What each scenario changes against {readable(runs.baseline)}, {span(base)}"
    note = (
        f"Scenario minus {readable(runs.baseline)} in the same draw, so that luck common to both cancels. {_TWO_BASES}"
    )
    figure = sheet(title, note, [base, *others], (*_SHARES, "economics"), height=max(HEIGHT, 3.4 + 1.2 * len(others)))
    fan_key(figure)
    places = grid(figure, len(others), len(measures), margins=(1.45, 1.2, 2.2, 1.05), gaps=(1.6, 0.3))
    for column, measure in enumerate(measures):
        bands = [measure.bands(other, base) for other in others]
        for row, other in enumerate(others):
            axes = figure.add_subplot(places[row, column])
            _fan(axes, other, measure, bands[row], style[other.name], _limits(bands))
            axes.axhline(0, color=INK, linewidth=1)
            number_axis(axes.yaxis, sign=True)
            axes.tick_params(labelbottom=row == len(others) - 1)
            if row == 0:
                axes.set_title(measure.label, loc="left", fontsize=11, pad=10)
            if column == 0:
                axes.set_ylabel(style[other.name].two_lines, color=style[other.name].ink, fontweight="bold")
    return figure


@picture(Runs, needs=variables("market_size"))
def market_size(runs: Runs) -> Figure:
    """Market size by scope on a log axis under the baseline, and what the other scenarios add in the last year."""
    base, *others = ordered = runs.ordered
    scopes = ("total", *base.scenario.market.layers)
    measures = [Measure("Spending\n(USD bn a year, log scale)", "market_size", scope, "", money) for scope in scopes]
    bands = [measure.bands(base) for measure in measures]
    limits = float(np.min(bands)) / 1.3, float(np.max(bands)) * 1.3
    note = "Nominal spending at the exchange rate of the base year. Equal steps up the axis are equal factors."
    title = f"Size of the market under {readable(runs.baseline)}, {span(base)}"
    figure = sheet(title, note, ordered, ("market", "exchange_rate"), height=HEIGHT + 0.12 * len(others))
    _base_key(figure, [base])
    rows = 0.4 + 0.2 * len(others)
    fans = grid(figure, 1, len(scopes), margins=(1.5, 1.1, 2.0, rows + 1.9 if others else 1.05), gaps=(1.0, 0))
    additions = grid(
        figure, 1, len(scopes), margins=(1.5, 1.1, figure.get_figheight() - rows - 1.25, 1.3), gaps=(1.0, 0)
    )
    for column, measure in enumerate(measures):
        axes = figure.add_subplot(fans[0, column])
        _log_fan(axes, base, measure, bands[column], limits)
        axes.set_ylabel(measure.label if column == 0 else "")
        axes.tick_params(labelleft=column == 0)
        if others:
            _additions(figure.add_subplot(additions[0, column]), measure, ordered, labelled=column == 0)
    return figure


def _log_fan(axes: Axes, base: Result, measure: Measure, bands: FloatArray, limits: tuple[float, float]) -> None:
    axes.set_yscale("log")
    _fan(axes, base, measure, bands, looks([base])[base.name], limits)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    base_point(axes, measure.years(base)[0], bands[:, 0])
    heading(axes, capital(readable(measure.scope)))


def _additions(axes: Axes, measure: Measure, ordered: Sequence[Result], *, labelled: bool) -> None:
    """Spending of the last year over the baseline's, in percent: one row for each other scenario."""
    base, *others = ordered
    style = looks(ordered)
    for row, other in enumerate(others):
        bands = quantiles(100 * (measure.last(other) / measure.last(base) - 1))
        intervals(axes, np.array([row]), bands[:, None], style[other.name])
    axes.set_yticks(range(len(others)), [style[other.name].label if labelled else "" for other in others], fontsize=9)
    axes.set_ylim(len(others) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlabel(f"{measure.years(base)[-1]}, against {readable(base.name)} (%)")
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=_TICK_STEPS))
    number_axis(axes.xaxis, "%", sign=True)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
