"""Pictures of how things stand in the last year: shares, values, gains and losses, and shares by hypothesis.

Quantiles are over draws; a difference is taken draw by draw before its quantiles are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.scale import FuncScale
from matplotlib.ticker import FixedLocator, NullLocator

from sim.axes import BoolArray, FloatArray
from sim.outcomes.phrases import share_of_draws
from sim.outcomes.results import Result
from sim.outcomes.stakes import WAYS, ways_of
from sim.pictures.lettering import broken, shortened, text_width, wrapped
from sim.pictures.marks import (
    INTERVALS,
    Measure,
    beside,
    histogram,
    interval_rows,
    interval_table,
    intervals,
    name_width,
    quantiles,
    quantiles_of_each,
    table_width,
    two_lines,
)
from sim.pictures.registry import Runs, picture, variables
from sim.pictures.style import (
    GREY,
    HEIGHT,
    INK,
    RUN_TABLE,
    Look,
    Sheet,
    brief_title,
    grid,
    heading,
    inches_wide,
    looks,
    lowered,
    number_axis,
    sheet,
    short_title,
)
from sim.pictures.titles import (
    Change,
    Level,
    Titles,
    amount_in,
    by_hypothesis,
    by_item,
    chances,
    parties,
    present_value,
    share_over_years,
    worth,
)
from sim.scenario.families import Discrete
from sim.scenario.market import ReferenceGain
from sim.scenario.scenario import Scenario
from sim.wording import capital, change, money, percent, points

__all__ = ["gains_after_launch", "gains_and_losses", "npv", "provider_shares", "share_by_hypothesis", "target_year"]

_SHARES: Final = ("shares", "opening", "segments", "zone")
_MONEY: Final = ("economics", "market.size", "shares", "opening")

_DRAWS_AT_A_TIME: Final = 2**16
"""Draws of which all years are held together."""

_PARTIES: Final = ("operating_profit", "operator_profit", "domestic_gross_profit", "tax_take", "consumer_gain")

_EDGES: Final = 81
_RISE: Final = 0.7
"""Edges of a histogram's bins, and how high its highest bin rises in a row of height 1."""

_YEARS_AFTER: Final = (3, 5)
"""Other openings are told by what they had brought after three years; five show whether it goes on."""


@picture(Runs, needs=variables("foreign_share"))
def target_year(runs: Runs) -> Figure:
    """The foreign share in the answer's year, and its difference to the baseline, as distributions."""
    ordered = runs.ordered
    style = list(looks(ordered).values())
    scope = ordered[0].scenario.answer_scope
    share = Measure("", "foreign_share", scope, "", percent, "%", 100.0)
    last = [share.answer(result) for result in ordered]
    year, paired = share.answer_year(ordered[0]), len(ordered) > 1
    note = f"Foreign share of {year}: histograms, each scaled to its own height; below: median, 50% (thick) and 90% "
    note += "(thin) of draws." + (" Black line at zero: draws without difference." if paired else "")
    height = max(HEIGHT, 2.6 + 0.95 * len(ordered))
    figure = sheet(_target_title(ordered, share), note, ordered, _SHARES, height=height, table=RUN_TABLE)
    left = 0.7 + max(text_width(line, 10, bold=True) for look in style for line in look.lines(10, 1.6).split("\n"))
    places = grid(figure, 1, 1 + paired, margins=(left, 2.8 if paired else 1.3, 1.45, 1.3), gaps=(1.45, 0))
    levels = figure.add_subplot(places[0, 0])
    _draw_levels(levels, last, style, share)
    levels.locator_params(axis="x", nbins=5)
    levels.set_xlabel(f"Foreign share of {ordered[0].scenario.called(scope)} in {year} (% of spending)")
    if paired:
        differences = figure.add_subplot(places[0, 1])
        _draw_differences(differences, [values - last[0] for values in last], style)
        differences.set_xlabel(f"Above {brief_title(ordered[0].scenario)} in {year} (points)")
    return figure


def _target_title(ordered: Sequence[Result], share: Measure) -> Titles:
    base, *others = ordered
    first, last = share.years(base)[0], share.answer_year(base)
    if others:
        return chances(share.changes(others, base), base.scenario.title, last)
    before, after = (Level.of(base.scenario.title, column) for column in (share.first(base), share.answer(base)))
    return share_over_years(after, before, (first, last))


def _draw_levels(axes: Axes, rows: Sequence[FloatArray], style: Sequence[Look], share: Measure) -> None:
    edges = np.linspace(0, np.quantile(rows, 0.995, axis=-1).max(), _EDGES)
    _ridge_frame(axes, edges, style)
    for row, (values, look) in enumerate(zip(rows, style, strict=True)):
        low, _, middle, _, high = _ridge(axes, values, values, edges, row, look)
        two_lines(axes, 0.2 - row, share.form(middle), f"{share.form(low)} to {share.form(high)}", look)
    number_axis(axes.xaxis, share.unit)
    for label, look in zip(axes.get_yticklabels(), style, strict=True):
        label.set(color=look.ink, fontweight="bold")


def _draw_differences(axes: Axes, rows: Sequence[FloatArray], style: Sequence[Look]) -> None:
    """Differences to the baseline; the draws that do not differ at all are a line at zero and in no bin."""
    low, high = np.quantile(rows, 0.005, axis=-1).min(), np.quantile(rows, 0.995, axis=-1).max()
    edges = np.linspace(min(low, -0.03 * high), max(high, -0.03 * low) or 1.0, _EDGES)
    _ridge_frame(axes, edges, style)
    beside(axes, 0.2, "the baseline", color=GREY)
    for row, (values, look) in list(enumerate(zip(rows, style, strict=True)))[1:]:
        low, _, middle, _, high = _ridge(axes, values, values[values != 0], edges, row, look)
        mean = float(np.mean(values))
        higher, equal, lower = (float(np.mean(part)) for part in (values > 0, values == 0, values < 0))
        axes.plot([0, 0], [-row, -row + _RISE * bool(equal)], color=INK, linewidth=2, solid_capstyle="butt")
        told = f"higher in {_short_odds(higher)}, equal in {_short_odds(equal)}, lower in {_short_odds(lower)}"
        middles = f"{points(middle)}" + (f", mean {points(mean)}" if points(mean) != points(middle) else "")
        two_lines(axes, 0.25 - row, middles, f"90%: {points(low)} to {points(high)};\n{told}", look)
    number_axis(axes.xaxis, sign=True)
    axes.set_yticklabels([])


def _ridge(axes: Axes, values: FloatArray, binned: FloatArray, edges: FloatArray, row: int, look: Look) -> FloatArray:
    """A histogram with its interval below, in one row; the quantiles of the values."""
    bands = quantiles(values)
    histogram(axes, binned, edges, -row, _RISE, look.colour)
    intervals(axes, np.array([-row - 0.1]), bands[:, None], look)
    return bands


def _ridge_frame(axes: Axes, edges: FloatArray, style: Sequence[Look]) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0.7 - len(style), 0.8)
    axes.set_yticks(0.2 - np.arange(len(style)), [look.lines(10, 1.6) for look in style])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


@picture(Runs, needs=variables("market_share"))
def provider_shares(runs: Runs) -> Figure:
    """Every provider's share of the headline's layer, else the hypotheses': base year, answer's year by scenario."""
    ordered = runs.ordered
    layer = ordered[0].scenario.detail_layer
    years = ordered[0].panels["market_share"].years[0], ordered[0].scenario.answer_year
    called = ordered[0].scenario.called(layer)
    style = [replace(look, label=_dated(look.label, years[-1])) for look in looks(ordered).values()]
    style = [Look(f"{years[0]}", INK, "d"), *style]
    groups = {"Foreign": _shares_of(layer, _foreign(ordered)), "Domestic": _shares_of(layer, _domestic(ordered))}
    groups = {origin: _largest(rows, ordered) for origin, rows in groups.items()}
    most = max(len(rows) for rows in groups.values())
    note = f"Shares of {called} in {years[0]} and {years[-1]}. {INTERVALS} The panels have scales of their own."
    title = _provider_title([*groups["Foreign"], *groups["Domestic"]], ordered)
    figure = sheet(title, note, ordered, _SHARES, height=_height(most * len(style)), table=RUN_TABLE)
    labels = {origin: [_row_label(row.label, len(style)) for row in rows] for origin, rows in groups.items()}
    wide = [_left(words, style) for words in labels.values()]
    places = grid(figure, 1, 2, margins=(0.4 + wide[0], 0.5, 1.75, 1.3), gaps=(0.4 + wide[1], 0))
    for column, (origin, rows) in enumerate(groups.items()):
        axes = figure.add_subplot(places[0, column])
        base = quantiles_of_each([row.first(ordered[0]) for row in rows])
        ends = [quantiles_of_each([row.answer(result) for row in rows]) for result in ordered]
        interval_rows(axes, labels[origin], list(zip(style, [base, *ends], strict=True)))
        heading(axes, f"{origin} providers")
        axes.set_xlabel(wrapped(f"Share of {called} (% of spending)", 10.5, inches_wide(axes) + 0.6))
        axes.set_xlim(left=0)
        number_axis(axes.xaxis, "%")
    return figure


_MOST_PROVIDERS: Final = 8
"""Rows of providers in a picture; of more, the largest are named and the others summed."""


_ROOM_FOR_ROW: Final = 1.7
_ROOM_FOR_DATED: Final = 1.75
"""Inches for the name of a provider, and for that of a scenario with a year, beside intervals."""


def _row_label(label: str, looks: int) -> str:
    """A row's name, in as many lines as so many intervals leave room for."""
    return wrapped(label, 11, _ROOM_FOR_ROW, max(1, min(looks, 3)), bold=looks > 1)


def _dated(label: str, year: int) -> str:
    """A scenario's name with a year, of which the name is shortened."""
    return f"{shortened(label, 9, _ROOM_FOR_DATED - text_width(f', {year}', 9))}, {year}"


def _shares_of(layer: str, providers: dict[str, str]) -> list[Measure]:
    return [Measure(title, "market_share", layer, name, percent, "%", 100.0) for name, title in providers.items()]


def _largest(rows: Sequence[Measure], results: Sequence[Result]) -> list[Measure]:
    """The rows, or the largest of them at their largest and the sum of the others."""
    if len(rows) <= _MOST_PROVIDERS:
        return list(rows)

    def size(row: Measure) -> float:
        return max(float(np.median(row.answer(one))) for one in results if row.answer(one).size)

    kept = sorted(rows, key=size, reverse=True)[: _MOST_PROVIDERS - 1]
    others = tuple(row.item for row in rows if row not in kept)
    together = replace(rows[0], label=f"The other {len(others)}", item="", together=others)
    return [*(row for row in rows if row in kept), together]


def _provider_title(rows: Sequence[Measure], ordered: Sequence[Result]) -> Titles:
    """Whose share moves most: against the baseline, or over the years if there is nothing else."""
    base, *others = ordered
    pairs = [(row, other, row.answer(base)) for row in rows for other in others] or [
        (row, base, row.first(base)) for row in rows
    ]
    there = [(row, one, before) for row, one, before in pairs if row.answer(one).size and before.size]
    row, one, before = max(there, key=lambda pair: abs(float(pair[0].answer(pair[1]).mean() - pair[2].mean())))
    years = row.years(base)[0], row.answer_year(base)
    now, then = Level.of(one.scenario.title, row.answer(one)), Level.of(base.scenario.title, before)
    return by_item(now, then, row.label, ordered[0].scenario.called(row.scope), years, compared=bool(others))


def _left(labels: Iterable[str], style: Sequence[Look]) -> float:
    """Inches left of intervals, for their rows and looks."""
    bold = len(style) > 1
    rows = max(text_width(line, 11, bold=bold) for label in labels for line in label.split("\n"))
    return 0.3 + rows + name_width(style)


def _foreign(results: Sequence[Result]) -> dict[str, str]:
    """Foreign providers that any of the results has, each with its title."""
    return {name: short_title(one.scenario, name) for one in results for name in one.scenario.foreign}


def _domestic(results: Sequence[Result]) -> dict[str, str]:
    """Domestic providers that any of the results has, each with its title."""
    return {name: short_title(one.scenario, name) for one in results for name in one.scenario.domestic}


def _figures(rows: Sequence[Sequence[FloatArray]], form: Callable[[float], str], better: str = "") -> _Figures:
    """Columns of figures of draws by look and row: median, range, mean, and the share of draws above zero."""

    def column(text: Callable[[FloatArray], str]) -> list[list[str]]:
        return [[text(draws) if draws.size else "" for draws in row] for row in rows]

    def span_of_90(draws: FloatArray) -> str:
        low, high = np.quantile(draws, [0.05, 0.95])
        return f"{form(float(low))} to {form(float(high))}"

    columns = [
        ("median", column(lambda draws: form(float(np.median(draws))))),
        ("90% of draws", column(span_of_90)),
        ("mean", column(lambda draws: form(float(np.mean(draws))))),
    ]
    above = column(lambda draws: _short_odds(float(np.mean(draws > 0))))
    return [*columns, *([(better, above)] if better else [])]


def _short_odds(share: float) -> str:
    return share_of_draws(share).replace("over ", ">").replace("under ", "<")


_Figures = list[tuple[str, list[list[str]]]]


@picture(Runs, needs=variables(*_PARTIES, fewest=2))
def gains_and_losses(runs: Runs) -> Figure:
    """What every party gains or loses against the baseline in the answer's year, on a square-root scale."""
    base, *others = runs.ordered
    style = [looks([base, *others])[other.name] for other in others]
    rows = [
        Measure("Foreign providers:\nprofit after tax", "operating_profit", "total", "foreign", change),
        Measure("Local operators:\nprofit after tax", "operator_profit", "total", "", change),
        Measure("Domestic providers:\ngross profit", "domestic_gross_profit", "total", "", change),
        Measure("Treasury: tax on\nforeign business", "tax_take", "total", "", change),
        Measure("Customers:\nconsumer gain", "consumer_gain", "total", "", change),
    ]
    year, name = base.scenario.answer_year, base.scenario.title
    note = (
        f"Scenario minus {name} in the same draw. {INTERVALS} Rows do not add up: profit is after costs, gross profit "
        "before overheads, and the consumer gain is what better and cheaper offers are worth to customers."
    )
    differences = [[row.answer(other) - row.answer(base) for row in rows] for other in others]
    title = _party_title(rows, others, differences, year)
    height = _height(len(rows) * len(others))
    figure = sheet(title, note, [base, *others], _MONEY, height=height, table=RUN_TABLE)
    figures = _figures(differences, change, "gains in")
    labels = [row.label for row in rows]
    margins = (0.4 + _left(labels, style), 0.4 + table_width(figures), 1.95, 1.3)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=margins)[0, 0])
    columns = [(look, quantiles_of_each(parts)) for look, parts in zip(style, differences, strict=True)]
    interval_table(axes, labels, columns, figures)
    unit = f"{base.scenario.money} bn a year"
    axes.set_xlabel(f"Difference to {brief_title(base.scenario)} in {year} ({unit}; square-root scale)")
    _square_root(axes, np.concatenate([bands for _, bands in columns], axis=-1))
    return figure


def _party_title(
    rows: Sequence[Measure], others: Sequence[Result], differences: Sequence[Sequence[FloatArray]], year: int
) -> Titles:
    """Who gains and loses most in the scenario that moves any party most."""
    names = [row.label.partition(":")[0] for row in rows]
    names = [one if one.isupper() else one[:1].lower() + one[1:] for one in names]
    each = [[Change.of(name, draws) for name, draws in zip(names, parts, strict=True)] for parts in differences]
    strongest = max(range(len(each)), key=lambda place: max(abs(one.mean) for one in each[place]))
    amount = amount_in(others[strongest].scenario.money)
    return parties(others[strongest].scenario.title, each[strongest], year, amount)


_ROOT_TICKS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


def _square_root(axes: Axes, bands: FloatArray) -> None:
    """A horizontal scale on which a long tail leaves room for what is small: equal steps are of the square root."""
    low, high = min(0.0, float(np.nanmin(bands))), max(0.0, float(np.nanmax(bands)))
    roots = (lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda x: np.sign(x) * np.square(x))
    axes.set_xscale(FuncScale(axes.xaxis, roots))
    extent = (np.sqrt(-low) + np.sqrt(high)) or 1.0
    beyond = 0.03 * extent
    axes.set_xlim(-np.square(np.sqrt(-low) + beyond), np.square(np.sqrt(high) + beyond))
    ticks = [0.0]
    for side, end in ((-1, -low), (1, high)):
        last = 0.0
        for tick in _ROOT_TICKS:
            if tick <= end * 1.02 and np.sqrt(tick) - last > extent / 16:
                ticks.append(side * tick)
                last = float(np.sqrt(tick))
    axes.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    number_axis(axes.xaxis, sign=True)


_HORIZONS: Final = ("npv", "npv_with_terminal")


@picture(Runs, needs=variables(*_HORIZONS))
def npv(runs: Runs) -> Figure:
    """What business is worth to foreign providers: above the baseline, with the chance of more, and as a level."""
    base, *others = ordered = runs.ordered
    scenario, shown = base.scenario, others or ordered
    style = [looks(ordered)[one.name] for one in shown]
    rows = [Measure(title, "npv", "total", name, money) for name, title in _foreign(ordered).items()]
    rows = [*_largest(rows, ordered), Measure("All foreign", "npv", "total", "foreign", money)]
    over = f"Above {scenario.title} in the same draw, and below the level of each scenario. " if others else ""
    note = (
        f"{over}Profit less the rent of capital, discounted to the end of {scenario.horizon.base_year}, all channels. "
    )
    strip = 0.95 + 0.2 * len(ordered) if others else 0.0
    height = _height(len(rows) * len(shown)) + strip
    title, currency = _npv_title(rows[-1], ordered), base.scenario.money
    figure = sheet(title, f"{note}{INTERVALS} Scales differ.", ordered, _MONEY, height=height, table=RUN_TABLE)
    panels, levels = [], []
    for measures in ([replace(row, variable=variable) for row in rows] for variable in _HORIZONS):
        draws = [[_added(row, one, base) if others else row.answer(one) for row in measures] for one in shown]
        panels.append(_worth_panel(draws, style, currency, is_added=bool(others)))
        ends = [[measures[-1].answer(one)] for one in ordered]
        levels.append(_worth_panel(ends, list(looks(ordered).values()), currency, is_added=False))
    labels = [wrapped(row.label, 11, 1.3, max(2, min(len(shown), 3)), bold=True) for row in rows]
    left = 0.4 + _left(labels, list(looks(ordered).values()))
    for axes, words in zip(_tables(figure, 2.2, 1.3 + strip, labels, panels, left), _titles(base), strict=True):
        axes.set_title(words, loc="left", fontsize=12, fontweight="bold", pad=26)
    if others:
        above = figure.get_figheight() - lowered(figure) - strip - 0.4
        _tables(figure, above, 1.15, ["All foreign"], levels, left)
    return figure


def _titles(base: Result) -> tuple[str, str]:
    return f"Up to {base.scenario.horizon.end_year}", "With a terminal value for later years"


def _npv_title(row: Measure, ordered: Sequence[Result]) -> Titles:
    base, *others = ordered
    year, amount = base.scenario.horizon.end_year, amount_in(base.scenario.money)
    if others:
        return present_value(row.changes(others, base), year, amount)
    later = replace(row, variable="npv_with_terminal")
    here, beyond = (Level.of(base.scenario.title, one.answer(base)) for one in (row, later))
    return worth(here, beyond, year, amount)


def _added(row: Measure, one: Result, base: Result) -> FloatArray:
    """Draws above the baseline's, which are zero where it has no such provider."""
    draws, before = row.answer(one), row.answer(base)
    return draws - before if draws.size and before.size else draws


_Panel = tuple[str, Sequence[tuple[Look, FloatArray]], _Figures]
"""Words for the horizontal axis, intervals and figures beside them."""


def _tables(
    figure: Sheet, above: float, below: float, labels: Sequence[str], panels: Sequence[_Panel], left: float
) -> list[Axes]:
    """Panels side by side of the same rows, which the first names, each with its figures beside it."""
    room = max(table_width(figures) for _, _, figures in panels)
    places = grid(figure, 1, len(panels), margins=(left, room + 0.3, above, below), gaps=(room + 0.3, 0))
    made = [figure.add_subplot(places[0, column]) for column in range(len(panels))]
    for axes, (words, columns, figures) in zip(made, panels, strict=True):
        interval_table(axes, labels, columns, figures, named=axes is made[0])
        axes.set_xlabel(words)
        number_axis(axes.xaxis, sign="above" in words)
        axes.locator_params(axis="x", nbins=4)
    return made


def _worth_panel(
    draws: Sequence[Sequence[FloatArray]], style: Sequence[Look], currency: str, *, is_added: bool
) -> _Panel:
    """Present values, or what is added to the baseline's."""
    columns = [(look, quantiles_of_each(parts)) for look, parts in zip(style, draws, strict=True)]
    if is_added:
        return f"Above the baseline's ({currency} bn)", columns, _figures(draws, change, "more in")
    return f"Net present value ({currency} bn)", columns, _figures(draws, money)


def _height(drawn: int) -> float:
    """Inches that so many intervals, one under the other, take to be told apart."""
    return max(HEIGHT, 3.4 + 0.19 * drawn)


@picture(Runs, needs=variables("foreign_share", "event_date", "opening_hypothesis"))
def share_by_hypothesis(runs: Runs) -> Figure:
    """The foreign share by hypothesis about an open market: in the answer's year, and what is gained after launch."""
    base, *others = ordered = runs.ordered
    names = tuple(dict.fromkeys(name for one in ordered for name in _hypotheses(one.scenario)))
    layer, style, labels = base.scenario.detail_layer, looks(ordered), _hypothesis_labels(ordered, names)
    share = Measure("", "foreign_share", layer, "", percent, "%", 100.0)
    gains = {other.name: gains_after_launch(other, base, share) for other in others}
    launching = [name for name, gain in gains.items() if np.isfinite(gain).any()]
    note = f"{INTERVALS} {_gain_note(base) if launching else _EVIDENCE}"
    height = _height(len(labels) * len(ordered))
    figure = sheet(_hypothesis_title(ordered, share), note, ordered, _SHARES, height=height, table=RUN_TABLE)
    left = 0.4 + _left(labels, list(style.values()))
    places = grid(figure, 1, 1 + len(_YEARS_AFTER) * bool(launching), margins=(left, 0.5, 1.75, 1.3), gaps=(0.5, 0))
    axes = figure.add_subplot(places[0, 0])
    interval_rows(axes, labels, [(style[r.name], _by_hypothesis(r, share.answer(r), names)) for r in ordered])
    axes.set_xlim(left=0)
    words = f"Foreign share of {base.scenario.called(layer)} in {share.answer_year(base)} (%)"
    axes.set_xlabel(wrapped(words, 10.5, inches_wide(axes) + 0.3))
    number_axis(axes.xaxis, "%")
    nothing = np.full(base.scenario.sampling.draws if base.sizes is None else len(share.answer(base)), np.nan)
    for column, years in enumerate(_YEARS_AFTER if launching else ()):
        axes = figure.add_subplot(places[0, 1 + column])
        rows = [
            (style[r.name], _by_hypothesis(r, gains[r.name][column] if r.name in gains else nothing, names))
            for r in ordered
        ]
        interval_rows(axes, labels, rows, named=False)
        axes.axvline(0, color=INK, linewidth=1)
        _draw_reference(axes, base.scenario.opening.reference, years)
        axes.set_xlabel(f"Gain after {years} years (percentage points)")
        number_axis(axes.xaxis, sign=True)
    return figure


def _hypothesis_title(ordered: Sequence[Result], share: Measure) -> Titles:
    """Between which hypotheses what is added differs most; of one scenario, where the share stands."""
    base, *others = ordered
    rows = {one.name: share.answer(one) - share.answer(base) for one in others} or {base.name: share.answer(base)}
    most = max(rows, key=lambda name: abs(float(rows[name].mean())))
    one = next(result for result in ordered if result.name == most)
    index = one.panels["opening_hypothesis"].rows([0])[0]
    means = {
        one.scenario.called(name): float(rows[most][index == place].mean())
        for place, name in enumerate(_hypotheses(one.scenario))
        if (index == place).any()
    }
    year, what = share.answer_year(base), base.scenario.called(share.scope)
    return by_hypothesis(one.scenario.title, means, what, year, is_change=bool(others))


def _draw_reference(axes: Axes, reference: ReferenceGain | None, years: int) -> None:
    """What comparable openings brought in as many years: a band behind the intervals, named above."""
    if reference is None or reference.years != years:
        return
    axes.axvspan(reference.low, reference.high, color=INK, alpha=0.1, linewidth=0, zorder=1.4)
    axes.axvline(reference.median, color=INK, linewidth=1, linestyle=":", zorder=1.5)
    text = f"{reference.title}: {reference.low:g} to {reference.high:g}, centre {reference.median:g}"
    axes.set_title(text, loc="left", fontsize=11, fontweight="normal", color=GREY)


_EVIDENCE: Final = "Evidence: notes on opening.hypotheses in the scenario."


def _gain_note(base: Result) -> str:
    return (
        f"Gains: over {base.scenario.title} in the same draw, counted from the first {_firsts(base.scenario)}, where "
        f"that lies far enough before the end. {_EVIDENCE}"
    )


def _firsts(scenario: Scenario) -> str:
    """What a gain is counted from."""
    names = {"enters": f"launch of {scenario.own_sites}", "buys_out": "purchase from a partner"}
    return " or ".join(names[way] for way in ways_of(scenario)) or names["enters"]


def _hypotheses(scenario: Scenario) -> tuple[str, ...]:
    """Names of the hypotheses, in the order of their index."""
    record = scenario.opening.hypothesis
    return record.categories if isinstance(record, Discrete) else ()


def _hypothesis_labels(results: Sequence[Result], names: Sequence[str]) -> list[str]:
    """The hypotheses with their share of draws, where that is the same in all results, then all draws."""
    labels = []
    for name in names:
        shares = {f"\n{np.mean(_holds(result, name)):.0%} of draws" for result in results}
        title = "\n".join(broken(capital(results[0].scenario.called(name)), 11, 1.5, bold=True))
        labels.append(title + (shares.pop() if len(shares) == 1 else ""))
    return [*labels, "All draws"]


def _holds(result: Result, name: str) -> BoolArray:
    """In which draws (N,) a hypothesis holds; in none where the scenario does not list it."""
    index, own = result.panels["opening_hypothesis"].rows([0])[0], _hypotheses(result.scenario)
    holds: BoolArray = index == own.index(name) if name in own else np.zeros(index.shape, dtype=bool)
    return holds


def _by_hypothesis(result: Result, values: FloatArray, names: Sequence[str]) -> FloatArray:
    """Quantiles over the draws of each hypothesis, then over all: (5, hypotheses + 1); NaN where there is no draw."""
    exists = ~np.isnan(values)
    return quantiles_of_each([*(values[exists & _holds(result, name)] for name in names), values[exists]])


def gains_after_launch(result: Result, base: Result, share: Measure) -> FloatArray:
    """Share gained over the baseline some years after the first launch or buy-out, between the middles of two years.

    Returns
    -------
    array (`_YEARS_AFTER`, draws)
        NaN where nothing is launched, or the date lies after the middle of the last year.
    """
    starts = range(0, result.scenario.sampling.draws, _DRAWS_AT_A_TIME)
    parts = [_gains(result, base, share, slice(start, start + _DRAWS_AT_A_TIME)) for start in starts]
    return np.concatenate(parts, axis=-1)


def _gains(result: Result, base: Result, share: Measure, draws: slice) -> FloatArray:
    """The same in some draws."""
    panel = result.panels["event_date"]
    events = [("", f"{name}.{way.event}") for way in WAYS.values() for name in result.scenario.foreign]
    launches = [panel.items.index(event) for event in events if event in panel.items]
    first = np.fmin.reduce(panel.rows(launches, draws))
    gain = share.values(result, draws) - share.values(base, draws)
    last = len(gain) - 1
    place = first + np.array(_YEARS_AFTER)[:, None] - (share.years(result)[0] + 0.5)
    exists = (place >= 0) & (place <= last)
    before = np.where(exists, np.minimum(place, last - 1), 0).astype(np.int64)
    each = np.arange(gain.shape[-1])
    between = gain[before, each] + (place - before) * (gain[before + 1, each] - gain[before, each])
    return np.where(exists, between, np.nan)
