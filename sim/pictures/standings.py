"""Pictures of how things stand in the last year: shares, values, gains and losses, and shares by hypothesis.

Quantiles are over draws; a difference is taken draw by draw before its quantiles are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.axes import FloatArray
from sim.outcomes.results import Result
from sim.pictures.marks import (
    INTERVALS,
    Measure,
    beside,
    histogram,
    interval_key,
    interval_rows,
    interval_table,
    intervals,
    quantiles,
    quantiles_of_each,
    two_lines,
)
from sim.pictures.registry import Runs, picture, variables
from sim.pictures.style import GREY, HEIGHT, INK, Look, grid, heading, looks, number_axis, sheet, short_title
from sim.scenario.families import Discrete
from sim.scenario.market import ReferenceGain
from sim.scenario.scenario import Scenario
from sim.wording import capital, change, money, percent, points, readable

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
    """The foreign share in the last year, and its difference to the baseline, as distributions."""
    ordered = runs.ordered
    style = list(looks(ordered).values())
    share = Measure("", "foreign_share", "total", "", percent, "%", 100.0)
    last = [share.last(result) for result in ordered]
    year, paired = share.years(ordered[0])[-1], len(ordered) > 1
    figure = sheet(
        f"Foreign providers' share of the market in {year}",
        "Histograms, each scaled to its own height; below: median, 50% (thick) and 90% (thin) of draws."
        + (" Black line at zero: draws without difference." if paired else ""),
        ordered,
        _SHARES,
        height=max(HEIGHT, 2.6 + 0.95 * len(ordered)),
    )
    places = grid(figure, 1, 1 + paired, margins=(1.75, 2.4 if paired else 1.3, 1.35, 1.3), gaps=(1.35, 0))
    levels = figure.add_subplot(places[0, 0])
    _draw_levels(levels, last, style, share)
    levels.set_xlabel(f"Foreign share of all layers in {year} (% of spending)")
    if paired:
        differences = figure.add_subplot(places[0, 1])
        _draw_differences(differences, [values - last[0] for values in last], style)
        differences.set_xlabel(f"Difference to {readable(runs.baseline)} in {year} (percentage points)")
    return figure


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
        higher, equal = np.mean(values > 0), np.mean(values == 0)
        axes.plot([0, 0], [-row, -row + _RISE * bool(equal)], color=INK, linewidth=2, solid_capstyle="butt")
        told = f"higher in {higher:.0%} of draws,\nequal in {equal:.0%}, lower in {1 - higher - equal:.0%}"
        two_lines(axes, 0.25 - row, f"{points(middle)} ({points(low)} to {points(high)})", told, look)
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
    axes.set_yticks(0.2 - np.arange(len(style)), [look.two_lines for look in style])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


@picture(Runs, needs=variables("market_share"))
def provider_shares(runs: Runs) -> Figure:
    """Every provider's share of the layer in which opening is identified: base year, and last year by scenario."""
    ordered = runs.ordered
    scenario = ordered[0].scenario
    layer = scenario.opening.layer
    first, last = ordered[0].panels["market_share"].years[0], ordered[0].panels["market_share"].years[-1]
    style = [Look(f"{look.label}, {last}", look.colour, look.marker) for look in looks(ordered).values()]
    style = [Look(f"{first}", INK, "d"), *style]
    figure = sheet(
        f"Providers' shares of {readable(layer)}, {first} and {last}",
        f"{INTERVALS} The two panels have scales of their own.",
        ordered,
        _SHARES,
        height=max(HEIGHT, 2.6 + 0.95 * len(ordered)),
    )
    interval_key(figure, style)
    places = grid(figure, 1, 2, margins=(1.5, 0.5, 2.0, 1.3), gaps=(1.6, 0))
    for column, (origin, names) in enumerate((("Foreign", _foreign(ordered)), ("Domestic", _domestic(ordered)))):
        axes = figure.add_subplot(places[0, column])
        measures = [Measure("", "market_share", layer, name, percent, "%", 100.0) for name in names]
        base = quantiles_of_each([measure.first(ordered[0]) for measure in measures])
        ends = [quantiles_of_each([measure.last(result) for measure in measures]) for result in ordered]
        titles = [title.replace(" ", "\n", 1) for title in names.values()]
        interval_rows(axes, titles, list(zip(style, [base, *ends], strict=True)))
        heading(axes, f"{origin} providers")
        axes.set_xlabel(f"Share of {readable(layer)} (% of spending)")
        axes.set_xlim(left=0)
        number_axis(axes.xaxis, "%")
    return figure


def _foreign(results: Sequence[Result]) -> dict[str, str]:
    """Foreign providers that any of the results has, each with its title."""
    return {name: short_title(one.scenario, name) for one in results for name in one.scenario.foreign}


def _domestic(results: Sequence[Result]) -> dict[str, str]:
    """Domestic providers that any of the results has, each with its title."""
    return {name: short_title(one.scenario, name) for one in results for name in one.scenario.domestic}


@picture(Runs, needs=variables(*_PARTIES, fewest=2))
def gains_and_losses(runs: Runs) -> Figure:
    """What every party gains or loses against the baseline in the last year."""
    base, *others = runs.ordered
    style = looks([base, *others])
    parties = {
        "Foreign providers:\nprofit after tax": Measure("", "operating_profit", "total", "foreign", change),
        "Local operators:\nprofit after tax": Measure("", "operator_profit", "total", "", change),
        "Domestic providers:\ngross profit": Measure("", "domestic_gross_profit", "total", "", change),
        "Treasury: tax on\nforeign business": Measure("", "tax_take", "total", "", change),
        "Customers:\nconsumer gain": Measure("", "consumer_gain", "total", "", change),
    }
    year, name = base.scenario.horizon.end_year, readable(runs.baseline)
    figure = sheet(
        f"Who gains and who loses against {name} in {year}",
        f"Scenario minus {name} in the same draw. {INTERVALS} Rows do not add up: profit is after costs, gross profit "
        "before overheads, and the consumer gain is what better and cheaper offers are worth to customers.",
        [base, *others],
        _MONEY,
        height=_height(len(parties) * len(others)),
    )
    interval_key(figure, [style[other.name] for other in others])
    differences = [[party.last(other) - party.last(base) for party in parties.values()] for other in others]
    columns = [(style[o.name], quantiles_of_each(rows)) for o, rows in zip(others, differences, strict=True)]
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(2.0, 2.4, 2.0, 1.3))[0, 0])
    interval_table(axes, list(parties), columns, change)
    axes.set_xlabel(f"Difference to {name} in {year} (USD bn a year)")
    number_axis(axes.xaxis, sign=True)
    return figure


@picture(Runs, needs=variables("npv", "npv_with_terminal"))
def npv(runs: Runs) -> Figure:
    """Net present value of every foreign provider's business, without and with a terminal value."""
    ordered = runs.ordered
    scenario, style = ordered[0].scenario, looks(ordered)
    titles = {
        "npv": f"To {scenario.horizon.end_year}",
        "npv_with_terminal": "With a terminal value for later years",
    }
    providers = _foreign(ordered)
    labels = [*providers.values(), "All foreign"]
    figure = sheet(
        "Net present value of the business of foreign providers",
        f"Profit less the rent of capital, discounted to the end of {scenario.horizon.base_year}, all channels. "
        f"{INTERVALS} Scales differ.",
        ordered,
        _MONEY,
        height=_height(len(labels) * len(ordered)),
    )
    interval_key(figure, list(style.values()))
    places = grid(figure, 1, 2, margins=(1.5, 1.9, 2.0, 1.3), gaps=(2.0, 0))
    for column, (variable, title) in enumerate(titles.items()):
        axes = figure.add_subplot(places[0, column])
        measures = [Measure("", variable, "total", item, money) for item in (*providers, "foreign")]
        rows = [(style[r.name], quantiles_of_each([measure.last(r) for measure in measures])) for r in ordered]
        interval_table(axes, labels if column == 0 else [""] * len(labels), rows, money)
        heading(axes, title)
        axes.set_xlabel("Net present value (USD bn)")
        number_axis(axes.xaxis)
    return figure


def _height(drawn: int) -> float:
    """Inches that so many intervals, one under the other, take to be told apart."""
    return max(HEIGHT, 3.4 + 0.19 * drawn)


@picture(Runs, needs=variables("foreign_share", "event_date", "opening_hypothesis"))
def share_by_hypothesis(runs: Runs) -> Figure:
    """The foreign share by hypothesis about an open market: in the last year, and what is gained after launch."""
    base, *others = ordered = runs.ordered
    layer, style, labels = base.scenario.opening.layer, looks(ordered), _hypothesis_labels(base)
    share = Measure("", "foreign_share", layer, "", percent, "%", 100.0)
    gains = {other.name: gains_after_launch(other, base, share) for other in others}
    launching = [other for other in others if np.isfinite(gains[other.name]).any()]
    figure = sheet(
        f"Foreign share of {readable(layer)} by hypothesis about an open market",
        f"{INTERVALS} {_gain_note(base) if launching else _EVIDENCE}",
        ordered,
        _SHARES,
        height=_height(len(labels) * len(ordered)),
    )
    interval_key(figure, list(style.values()))
    places = grid(figure, 1, 1 + len(_YEARS_AFTER) * bool(launching), margins=(1.75, 0.5, 1.85, 1.3), gaps=(0.35, 0))
    axes = figure.add_subplot(places[0, 0])
    interval_rows(axes, labels, [(style[r.name], _by_hypothesis(r, share.last(r))) for r in ordered])
    axes.set_xlim(left=0)
    axes.set_xlabel(f"Foreign share in {share.years(base)[-1]} (% of spending)")
    number_axis(axes.xaxis, "%")
    for column, years in enumerate(_YEARS_AFTER if launching else ()):
        axes = figure.add_subplot(places[0, 1 + column])
        rows = [(style[other.name], _by_hypothesis(other, gains[other.name][column])) for other in launching]
        interval_rows(axes, [""] * len(labels), rows)
        axes.axvline(0, color=INK, linewidth=1)
        _draw_reference(axes, base.scenario.opening.reference, years)
        axes.set_xlabel(f"Gain {years} years after launch (percentage points)")
        number_axis(axes.xaxis, sign=True)
    return figure


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
        f"Gains: over {readable(base.name)} in the same draw, counted from the first launch of an own site, where that "
        f"lies far enough before the end. {_EVIDENCE}"
    )


def _hypotheses(scenario: Scenario) -> tuple[str, ...]:
    """Names of the hypotheses, in the order of their index."""
    record = scenario.opening.hypothesis
    return record.categories if isinstance(record, Discrete) else ()


def _hypothesis_labels(result: Result) -> list[str]:
    """The hypotheses with their share of draws, then all draws."""
    index = result.panels["opening_hypothesis"].rows([0])[0]
    names = [textwrap.fill(capital(readable(name)), 16) for name in _hypotheses(result.scenario)]
    return [*(f"{name}\n{np.mean(index == i):.0%} of draws" for i, name in enumerate(names)), "All draws"]


def _by_hypothesis(result: Result, values: FloatArray) -> FloatArray:
    """Quantiles over the draws of each hypothesis, then over all: (5, hypotheses + 1); NaN where there is no draw."""
    index = result.panels["opening_hypothesis"].rows([0])[0]
    exists = ~np.isnan(values)
    groups = [values[exists & (index == i)] for i in range(len(_hypotheses(result.scenario)))]
    return quantiles_of_each([*groups, values[exists]])


def gains_after_launch(result: Result, base: Result, share: Measure) -> FloatArray:
    """Share gained over the baseline some years after the first launch, between the middles of two years.

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
    launches = [panel.items.index(("", f"{name}.launch")) for name in result.scenario.foreign]
    first = np.fmin.reduce(panel.rows(launches, draws))
    gain = share.values(result, draws) - share.values(base, draws)
    last = len(gain) - 1
    place = first + np.array(_YEARS_AFTER)[:, None] - (share.years(result)[0] + 0.5)
    exists = (place >= 0) & (place <= last)
    before = np.where(exists, np.minimum(place, last - 1), 0).astype(np.int64)
    each = np.arange(gain.shape[-1])
    between = gain[before, each] + (place - before) * (gain[before + 1, each] - gain[before, each])
    return np.where(exists, between, np.nan)
