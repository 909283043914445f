"""Pictures over the years: foreign share and revenue, what scenarios change, and the size of the market.

Scenarios stand side by side, never over each other. A difference is taken draw by draw before its quantiles are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from sim.axes import FloatArray
from sim.outcomes.findings import unit_words
from sim.outcomes.results import Result
from sim.pictures.lettering import text_width, wrapped
from sim.pictures.marks import Measure, base_point, fan, fan_key, intervals, quantiles, two_lines
from sim.pictures.registry import Runs, picture, variables
from sim.pictures.style import (
    HEIGHT,
    INK,
    RUN_TABLE,
    Look,
    brief_title,
    grid,
    heading,
    inches_wide,
    looks,
    lowered,
    number_axis,
    sheet,
    span,
)
from sim.pictures.titles import (
    Change,
    Level,
    Titles,
    amount_in,
    market,
    revenue,
    share_changes,
    share_over_years,
    two_changes,
)
from sim.scenario.scenario import Scenario
from sim.wording import capital, change, money, percent, points

__all__ = ["foreign_revenue", "foreign_share", "market_size", "paired_difference"]

_TICK_STEPS: Final = (1, 2, 2.5, 5, 10)
_SHARES: Final = ("shares", "opening", "segments", "zone")
_MONEY: Final = ("market.size", "economics", "shares")


@picture(Runs, needs=variables("foreign_share"))
def foreign_share(runs: Runs) -> Figure:
    """Foreign providers' share of spending: all layers, and the headline's layer, else the hypotheses'."""
    ordered = runs.ordered
    measures = [
        Measure(f"Share of\n{ordered[0].scenario.called(scope)} (%)", "foreign_share", scope, "", percent, "%", 100.0)
        for scope in _scopes(ordered[0].scenario)
    ]
    note = f"All foreign providers together, in percent of the annual spending of all customers, {span(ordered[0])}."
    title = _share_title(runs, measures[0])
    figure, places = _side_by_side(title, note, ordered, len(measures), _SHARES)
    for row, measure in enumerate(measures):
        bands = [measure.bands(result) for result in ordered]
        for i in range(len(ordered)):
            axes = _panel(figure, places[i][row], ordered, i, measure, bands)
            axes.tick_params(labelbottom=row == len(measures) - 1)
            if row:
                axes.set_title("", loc="left")
    return figure


def _share_title(runs: Runs, share: Measure) -> Titles:
    base, *others = runs.ordered
    first, last = share.years(base)[0], share.answer_year(base)
    if not others:
        before = Level.of(base.scenario.title, share.first(base))
        return share_over_years(Level.of(base.scenario.title, share.answer(base)), before, (first, last))
    changes = share.changes(others, base)
    return share_changes(changes, last, _why(runs, others[int(np.argmax([abs(one.mean) for one in changes]))].name))


def _why(runs: Runs, name: str) -> tuple[str, float] | None:
    """What explains most of the variance of a scenario's gain in the foreign share, and how much, if that is known."""
    for one in runs.attributions:
        outcome = one.outcome
        if one.scenario.name == name and (outcome.variable, outcome.item, outcome.is_gain) == (
            "foreign_share",
            "",
            True,
        ):
            most = one.units[0]
            if one.has_errors and most.is_told and not np.isnan(most.first):
                return unit_words(most.unit, one.scenario), most.first
    return None


@picture(Runs, needs=variables("revenue_gross", "revenue_retained"))
def foreign_revenue(runs: Runs) -> Figure:
    """Foreign providers' revenue in all layers, gross, with the median of what they retain."""
    ordered = runs.ordered
    currency = ordered[0].scenario.money
    gross, kept = (
        Measure(f"Gross revenue\n({currency} bn a year)", variable, "total", "foreign", money)
        for variable in ("revenue_gross", "revenue_retained")
    )
    note = (
        "What customers pay for foreign providers' offers. Dotted: the median of what providers book, of what partners "
        "sell the royalty after tax and of what they sell themselves the whole, so that it is no measure of gain."
    )
    levels = [Level.of(one.scenario.title, gross.answer(one)) for one in ordered]
    title = revenue(levels, gross.answer_year(ordered[0]), amount_in(currency))
    figure, places = _side_by_side(title, note, ordered, 1, _MONEY)
    bands = [gross.bands(result) for result in ordered]
    for i, result in enumerate(ordered):
        _panel(figure, places[i][0], ordered, i, gross, bands, kept.bands(result))
    return figure


def _side_by_side(
    title: Titles, note: str, ordered: Sequence[Result], rows: int, paths: Sequence[str]
) -> tuple[Figure, list[list[SubplotSpec]]]:
    """A sheet with places for at most four scenarios side by side, and so many rows for each."""
    blocks = -(-len(ordered) // 4)
    columns = -(-len(ordered) // blocks)
    height = 2.9 + (1.0 + 1.8 * rows) * blocks**0.7
    figure = sheet(title, note, ordered, paths, height=height, table=RUN_TABLE)
    _base_key(figure, ordered)
    grids = [_block(figure, block, blocks, rows, columns) for block in range(blocks)]
    return figure, [[grids[i // columns][row, i % columns] for row in range(rows)] for i in range(len(ordered))]


def _panel(
    figure: Figure,
    place: SubplotSpec,
    ordered: Sequence[Result],
    i: int,
    measure: Measure,
    bands: Sequence[FloatArray],
    kept: FloatArray | None = None,
) -> Axes:
    """The fan of one scenario under its name, with the baseline's median."""
    look, years = looks(ordered)[ordered[i].name], measure.years(ordered[i])
    axes = figure.add_subplot(place)
    _fan(axes, years, measure, bands[i], look, _limits(bands))
    labels = [_end(measure, bands[i])]
    if kept is not None:
        axes.plot(years, kept[2], color=look.colour, linewidth=2, linestyle=(0, (1, 1.2)))
        labels.append(_end(measure, kept, "booked\n"))
    _end_labels(axes, labels, look)
    base_point(axes, years[0], bands[i][:, 0])
    if i:
        axes.plot(years, bands[0][2], color=INK, linewidth=1.2, dashes=(4, 2))
    is_first = place.colspan.start == 0
    axes.tick_params(labelleft=is_first)
    axes.set_ylabel(measure.label if is_first else "")
    mark = " (baseline)" * (i == 0 and len(ordered) > 1)
    heading(axes, wrapped(look.label + mark, 12, inches_wide(axes) + _BESIDE_FAN, bold=True), look.ink)
    return axes


_BESIDE_FAN: Final = 0.9
"""Inches between fans side by side over which a heading may reach."""


def _block(figure: Figure, block: int, blocks: int, rows: int, columns: int) -> GridSpec:
    """Places of one of several blocks of axes that stand one under the other."""
    above, below, apart = 2.0, 1.05, 0.85
    whole = figure.get_figheight() - lowered(figure)
    height = (whole - above - below - apart * (blocks - 1)) / blocks
    top = above + block * (height + apart)
    margins = (1.15, 1.25, top, whole - top - height)
    return grid(figure, rows, columns, margins=margins, gaps=(1.05, 0.4))


def _base_key(figure: Figure, ordered: Sequence[Result]) -> None:
    label = f"{ordered[0].scenario.horizon.base_year}, with its 90% range"
    extra = [Line2D([], [], color=INK, marker="o", markersize=6, linewidth=1.6, label=label)]
    if len(ordered) > 1:
        label = f"median of {brief_title(ordered[0].scenario)}"
        extra.append(Line2D([], [], color=INK, linewidth=1.2, dashes=(4, 2), label=label))
    fan_key(figure, extra)


def _fan(
    axes: Axes,
    years: Sequence[int],
    measure: Measure,
    bands: FloatArray,
    look: Look,
    limits: tuple[float, float],
) -> None:
    """One fan with its axes."""
    fan(axes, years, bands, look.colour)
    axes.set_ylim(limits)
    axes.set_xlim(years[0] - 0.35, years[-1])
    step = -(-(years[-1] - years[0]) // 4) or 1
    axes.set_xticks(np.arange(years[-1], years[0] - 1, -step)[::-1])
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=_TICK_STEPS))
    number_axis(axes.yaxis, measure.unit)
    axes.grid(axis="y")


_End = tuple[float, str, str]
"""Where a line ends, its bold words and the plain ones below."""


def _end(measure: Measure, bands: FloatArray, before: str = "", after: str = "") -> _End:
    """The last year's median, and its 90% range, in figures."""
    low, _, middle, _, high = bands[:, -1].tolist()
    return middle, measure.form(middle), f"{before}{measure.form(low)} to {measure.form(high)}{after}"


def _end_labels(axes: Axes, ends: Sequence[_End], look: Look) -> None:
    """Labels of falling values right of the axes: clear of the years below and of each other."""
    to_axes = axes.transScale + axes.transLimits
    inch = axes.figure.dpi / axes.bbox.height
    least = 0.0
    for value, bold, plain in reversed(ends):
        place = max(float(to_axes.transform((1.0, value))[1]), least + (0.1 + 0.14 * len(plain.split("\n"))) * inch)
        two_lines(axes, float(to_axes.inverted().transform((1.0, place))[1]), bold, plain, look)
        least = place + 0.2 * inch


def _limits(bands: Sequence[FloatArray]) -> tuple[float, float]:
    """From zero, or a little below the lowest 90% range, to the tick above the highest."""
    low, high = min(float(np.min(bands)), 0.0), max(float(np.max(bands)), 0.0)
    top = float(MaxNLocator(4, steps=_TICK_STEPS).tick_values(low, high)[-1])
    return low - 0.06 * (top - low) * (low < 0), top


@picture(Runs, needs=variables("foreign_share", "operating_profit", fewest=2))
def paired_difference(runs: Runs) -> Figure:
    """What each scenario changes against the baseline, draw by draw, over the years."""
    base, *others = runs.ordered
    style = looks([base, *others])
    scope, currency = base.scenario.answer_scope, base.scenario.money
    label = f"Foreign share of {base.scenario.called(scope)}\n(percentage points)"
    share = Measure(label, "foreign_share", scope, "", points, "", 100.0)
    words = f"Foreign providers' profit after tax\n({currency} bn a year)"
    profit = Measure(words, "operating_profit", "total", "foreign", change)
    changes = [measure.changes(others, base) for measure in (share, profit)]
    title = two_changes(changes[0], changes[1], base.scenario.answer_year, amount_in(currency))
    note = f"Scenario minus {base.scenario.title} in the same draw, so that luck common to both cancels, {span(base)}."
    height = max(HEIGHT, 3.4 + 1.2 * len(others))
    figure = sheet(title, note, [base, *others], (*_SHARES, "economics"), height=height, table=RUN_TABLE)
    fan_key(figure)
    names = [style[other.name].lines(10.5, 1.6) for other in others]
    left = 1.1 + max(text_width(line, 10.5, bold=True) for name in names for line in name.split("\n"))
    places = grid(figure, len(others), 2, margins=(left, 1.4, 2.2, 1.05), gaps=(2.2, 0.3))
    for column, measure in enumerate((share, profit)):
        bands = [measure.bands(other, base) for other in others]
        for row, other in enumerate(others):
            axes, look = figure.add_subplot(places[row, column]), style[other.name]
            _fan(axes, measure.years(other), measure, bands[row], look, _limits(bands))
            _end_labels(axes, [_end(measure, bands[row], after=_mean_of(changes[column][row], measure))], look)
            axes.axhline(0, color=INK, linewidth=1)
            number_axis(axes.yaxis, sign=True)
            axes.tick_params(labelbottom=row == len(others) - 1)
            axes.set_title("" if row else measure.label, loc="left", fontsize=11, pad=10)
            axes.set_ylabel("" if column else names[row], labelpad=8, color=look.ink, **_BESIDE)
    return figure


_BESIDE: Final[dict[str, Any]] = {"fontweight": "bold", "rotation": 0, "ha": "right", "va": "center"}


def _mean_of(one: Change, measure: Measure) -> str:
    """The mean in words, where it reads differently from the median."""
    return f"\nmean {measure.form(one.mean)}" if measure.form(one.mean) != measure.form(one.median) else ""


@picture(Runs, needs=variables("market_size"))
def market_size(runs: Runs) -> Figure:
    """Market size by scope on a log axis under the baseline, and what the other scenarios add in the last year."""
    base, *others = ordered = runs.ordered
    scopes = ("total", *_several(base.scenario.market.layers))
    words = f"Spending\n({base.scenario.money} bn a year, log scale)"
    measures = [Measure(words, "market_size", scope, "", money) for scope in scopes]
    bands = [measure.bands(base) for measure in measures]
    limits = float(np.min(bands)) / 1.3, float(np.max(bands)) * 1.3
    rates = ", at one exchange rate" * bool(base.scenario.exchange_rates)
    note = (
        f"Spending by layer, {span(base)}, in {base.scenario.prices.words(base.scenario.currency)}{rates}. Equal steps "
        f"up the axis are equal factors.{_counted(measures[0], base)}"
    )
    paths = ("market", "exchange_rates")
    blocks = -(-len(scopes) // _MOST_FANS)
    columns, height = -(-len(scopes) // blocks), _market_height(others, blocks)
    figure = sheet(_market_title(measures[0], ordered), note, ordered, paths, height=height, table=RUN_TABLE)
    _base_key(figure, [base])
    places = [_market_places(figure, block, blocks, columns, others) for block in range(blocks)]
    for number, measure in enumerate(measures):
        (fans, additions), column = places[number // columns], number % columns
        axes = figure.add_subplot(fans[0, column])
        _log_fan(axes, base, measure, bands[number], limits)
        axes.set_ylabel(measure.label if column == 0 else "")
        axes.tick_params(labelleft=column == 0)
        if others:
            _additions(figure.add_subplot(additions[0, column]), measure, ordered, labelled=column == 0)
    return figure


def _counted(size: Measure, base: Result) -> str:
    """The medians of the first and the last year in what the market counts, and at which price that is money."""
    scenario, price = base.scenario, base.scenario.market.price
    if price is None or scenario.market.unit is None:
        return ""
    one, years = scenario.ledger.scale(scenario.market.unit), size.years(base)
    ends = [money(float(np.median(column)) / one) for column in (size.first(base), size.answer(base))]
    counts = f"{ends[0]} {scenario.market.unit} in {years[0]} and {ends[1]} in {size.answer_year(base)}"
    return f" At {price.middle():,.10g} {price.unit} the whole is {counts}, in the median."


def _scopes(scenario: Scenario) -> tuple[str, ...]:
    """What shares are shown of: of the answer's scope, and of one more where there are several layers."""
    if scenario.headline.layer:
        return scenario.headline.layer, "total"
    return "total", *_several(scenario.market.layers, scenario.opening.layer)


_MOST_FANS: Final = 4
"""Fans of the market side by side; more stand in several rows."""

_HEAD, _FOOT, _APART = 2.0, 0.55, 0.6
"""Inches above and below the rows of fans, and between two."""


def _strip(others: Sequence[Result]) -> float:
    """Inches that the rows of other scenarios take below a fan."""
    return 0.4 + 0.2 * len(others)


def _market_height(others: Sequence[Result], blocks: int) -> float:
    below = _strip(others) + 1.35 if others else 0.5
    return _tall(others) if blocks == 1 else _HEAD + _FOOT + _APART * (blocks - 1) + blocks * (2.1 + below)


def _market_places(
    figure: Figure, block: int, blocks: int, columns: int, others: Sequence[Result]
) -> tuple[GridSpec, GridSpec]:
    """Places of one of several rows of fans, and below each that of what other scenarios add."""
    rows, whole = _strip(others), figure.get_figheight() - lowered(figure)
    each = (whole - _HEAD - _FOOT - _APART * (blocks - 1)) / blocks
    top = _HEAD + block * (each + _APART)
    foot = whole - top - each
    left = max(1.5, 0.7 + max((text_width(brief_title(other.scenario), 9) for other in others), default=0))
    below = rows + 1.35 if others else 0.5
    return (
        grid(figure, 1, columns, margins=(left, 1.1, top, foot + below), gaps=(1.0, 0)),
        grid(figure, 1, columns, margins=(left, 1.1, whole - foot - rows - 0.7, foot + 0.75), gaps=(1.0, 0)),
    )


def _several(layers: Iterable[str], chosen: str | None = None) -> tuple[str, ...]:
    """Layers, or the chosen one, where there are more than one: a single one is the market."""
    every = tuple(layers)
    return () if len(every) == 1 else every if chosen is None else (chosen,)


def _tall(others: Sequence[Result]) -> float:
    return HEIGHT + 0.12 * len(others)


def _market_title(size: Measure, ordered: Sequence[Result]) -> Titles:
    base, *others = ordered
    first, last = (Level.of(base.scenario.title, column) for column in (size.first(base), size.answer(base)))
    added = [Change.of(o.scenario.title, 100 * (size.answer(o) / size.answer(base) - 1)) for o in others]
    return market(first, last, (size.years(base)[0], size.answer_year(base)), added, amount_in(base.scenario.money))


def _log_fan(axes: Axes, base: Result, measure: Measure, bands: FloatArray, limits: tuple[float, float]) -> None:
    look = looks([base])[base.name]
    axes.set_yscale("log")
    _fan(axes, measure.years(base), measure, bands, look, limits)
    _end_labels(axes, [_end(measure, bands)], look)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    base_point(axes, measure.years(base)[0], bands[:, 0])
    heading(axes, wrapped(capital(base.scenario.called(measure.scope)), 12, inches_wide(axes) + 0.8, bold=True))


def _additions(axes: Axes, measure: Measure, ordered: Sequence[Result], *, labelled: bool) -> None:
    """Spending of the last year over the baseline's, in percent: one row for each other scenario."""
    base, *others = ordered
    style = looks(ordered)
    for row, other in enumerate(others):
        bands = quantiles(100 * (measure.answer(other) / measure.answer(base) - 1))
        intervals(axes, np.array([row]), bands[:, None], style[other.name])
    axes.set_yticks(range(len(others)), [style[other.name].label if labelled else "" for other in others], fontsize=9)
    axes.set_ylim(len(others) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlabel(f"{measure.answer_year(base)}, against {brief_title(base.scenario)} (%)")

    words = f"{measure.years(base)[-1]}, against {brief_title(base.scenario)} (%)"
    axes.set_xlabel(wrapped(words, 10.5, inches_wide(axes) + 0.8))
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=_TICK_STEPS))
    number_axis(axes.xaxis, "%", sign=True)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
