"""The picture of what happens when: which regime is in force, and who has gone its own way."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from sim.axes import FloatArray
from sim.outcomes.phrases import share_of_draws
from sim.outcomes.results import Result
from sim.outcomes.stakes import WAYS, ways_of
from sim.pictures.lettering import shortened, text_width
from sim.pictures.marks import beside, key
from sim.pictures.registry import Runs, picture, variables
from sim.pictures.style import (
    GREY,
    RUN_TABLE,
    SPARE_COLOURS,
    Look,
    by_name,
    grid,
    heading,
    inches_wide,
    looks,
    sheet,
    short_title,
)
from sim.pictures.titles import Titles, launches
from sim.scenario.policy import State, changes_state, states
from sim.scenario.scenario import Scenario
from sim.wording import capital, listed

__all__ = ["regime_shares", "timeline"]

_MOST_NAMED: Final = 4
"""Providers named beside their curves, those that go most often; the others are thin."""

_HEADINGS: Final = {"enters": "{} launched", "buys_out": "Stakes of partners bought"}
_DONE: Final = {"enters": "launched {own}", "buys_out": "bought {stake}"}
"""By way; what the scenario calls it stands in the gap."""

_DASHES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


def _has_course(result: Result) -> bool:
    """Whether there is anything to see: another regime than at the start, or somebody who goes its own way."""
    lasting = sum(bool(share.any()) for share in regime_shares(result).values())
    return lasting > 1 or bool(_ways_taken([result]))


def _ways_taken(results: Sequence[Result]) -> list[str]:
    """Keys of `WAYS` that somebody goes in some draw."""
    return [way for way in WAYS if any(np.isfinite(_way_dates(result, way)).any() for result in results)]


def _with_course(runs: Runs) -> bool:
    return variables("event_date")(runs) and any(_has_course(result) for result in runs.results)


@picture(Runs, needs=_with_course)
def timeline(runs: Runs) -> Figure:
    """What is in force when, and when own sites are launched and partners bought, as shares of draws over the years."""
    style = looks(runs.ordered)
    shown = [result for result in runs.ordered if _has_course(result)]
    ways = _ways_taken(shown)
    fills = _regime_fills(shown, style)
    key_rows = -(-len(fills) // 4)
    above = 1.6 + 0.4 * key_rows
    height = above + 1.1 + max(1.25 * len(shown), 2.2)
    paths = ("policy", "regulator", "entry", "zone", "regimes")
    figure = sheet(
        _title(shown, ways), _note(runs.ordered, shown, ways), runs.ordered, paths, height=height, table=RUN_TABLE
    )
    key(figure, [Patch(color=colour, label=label, linewidth=0) for label, colour in fills.values()], rows=key_rows)
    places = _places(figure, len(shown), len(ways), above)
    for row, result in enumerate(shown):
        panels = [figure.add_subplot(one[row, column]) for one, column in places]
        _draw_regimes(panels[0], result, fills)
        heading(panels[0], style[result.name].label, style[result.name].ink)
        for axes, way in zip(panels[1:], ways, strict=True):
            _draw_way(axes, result, way, style[result.name])
            heading(axes, _HEADINGS[way].format(capital(result.scenario.own_sites)) if row == 0 else "")
        for axes in panels:
            _frame(axes, result.scenario)
            axes.tick_params(labelbottom=row == len(shown) - 1)
            axes.set_ylabel("% of draws" if axes in panels[:2] else "")
    return figure


def _places(figure: Figure, rows: int, ways: int, above: float) -> list[tuple[GridSpec, int]]:
    """A place for regimes and one for each way to a business of one's own, as grids and their columns."""
    if ways < 2:
        whole = grid(figure, rows, 1 + ways, margins=(1.3, 2.3, above, 1.05), gaps=(1.0, 0.5))
        return [(whole, column) for column in range(1 + ways)]
    regimes = grid(figure, rows, 1, margins=(1.3, figure.get_figwidth() - 4.1, above, 1.05), gaps=(0, 0.5))
    others = grid(figure, rows, ways, margins=(5.1, _ROOM + 0.1, above, 1.05), gaps=(_ROOM + 0.55, 0.5))
    return [(regimes, 0), *((others, column) for column in range(ways))]


_ROOM: Final = 2.1
"""Inches for names beside curves."""


def _title(shown: Sequence[Result], ways: Sequence[str]) -> Titles:
    """Of the way that somebody goes most often; where nobody can, of the regime at the end."""
    if not ways and not _possible(shown):
        return _regime_title(shown[0])
    shares = {
        way: {
            (result.scenario.title, short_title(result.scenario, name)): float(np.isfinite(dates).mean())
            for result in shown
            for name, dates in zip(result.scenario.foreign, _way_dates(result, way), strict=True)
        }
        for way in ways or _possible(shown)[:1]
    }
    most = max(shares, key=lambda way: max(shares[way].values(), default=0.0))
    scenario = shown[0].scenario
    return launches(shares[most], scenario.horizon.end_year, most, scenario.own_words)


def _regime_title(result: Result) -> Titles:
    """Which regime is most often in force at the end."""
    titles = {_regime_key(result.scenario, state): state.levers.title for state in states(result.scenario)}
    ends = {name: float(shares[-1]) for name, shares in regime_shares(result).items()}
    most, year = max(ends, key=lambda name: ends[name]), result.scenario.horizon.end_year
    return (
        f"At the end of {year} {titles[most]} is in force in {share_of_draws(ends[most])} of draws "
        f"under {result.scenario.title}",
    )


def _possible(shown: Sequence[Result]) -> list[str]:
    """Keys of `WAYS` that are somebody's."""
    return [way for way in WAYS if any(way in ways_of(result.scenario) for result in shown)]


def _note(ordered: Sequence[Result], shown: Sequence[Result], ways: Sequence[str]) -> str:
    does = " or ".join(_DONE[way].format_map(ordered[0].scenario.own_words) for way in ways)
    said = "Share of draws in which a regime is in force" + (
        f", and in which a foreign provider has {does}." if does else "."
    )
    still = [result.scenario.title for result in ordered if result not in shown]
    return f"{said} Without any change in any draw: {listed(still)}." if still else said


def _frame(axes: Axes, scenario: Scenario) -> None:
    first, end = scenario.horizon.base_year + 1, scenario.horizon.end_year + 1
    axes.set_xlim(first, end)
    most = max(2, min(6, int(inches_wide(axes) / _TICK)))
    axes.set_xticks(np.arange(first, end + 1, -(-(end - first) // most)))
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y")


_TICK: Final = 0.55
"""Inches that a year below an axis takes at least."""


def _times(scenario: Scenario) -> FloatArray:
    """Dates at which shares are counted: the start of every month, and the end of the horizon."""
    first, end = scenario.horizon.base_year + 1, scenario.horizon.end_year + 1
    return np.linspace(first, end, 12 * (end - first) + 1)


def _dates(result: Result, items: Sequence[str]) -> FloatArray:
    """Event dates, events by draws; never is infinitely late."""
    panel = result.panels["event_date"]
    dates = panel.rows([panel.items.index(("", item)) for item in items])
    return np.where(np.isnan(dates), np.inf, dates)


def _way_dates(result: Result, way: str) -> FloatArray:
    """When each foreign provider goes its own way, (foreign providers, draws); never is infinitely late."""
    items = [f"{name}.{WAYS[way].event}" for name in result.scenario.foreign]
    if not {("", item) for item in items} <= set(result.panels["event_date"].items):
        return np.full((len(items), result.panels["event_date"].draws), np.inf)
    return _dates(result, items)


def _share_by(dates: FloatArray, times: FloatArray) -> FloatArray:
    """Share of draws in which it has happened by each time."""
    return np.asarray(np.searchsorted(np.sort(dates), times, side="right") / dates.size)


def regime_shares(result: Result) -> Mapping[str, FloatArray]:
    """Share of draws in which each regime is in force, at `_times`.

    A state begins when its step happens and ends when the next step of that draw does; of steps on one date the
    later listed one counts.
    """
    steps = result.scenario.policy.steps
    changing = [name for name, step in steps.items() if changes_state(step)]
    start, *after = states(result.scenario)
    reached = [start, *(state for state, step in zip(after, steps.values(), strict=True) if changes_state(step))]
    dates = _dates(result, changing)
    begins = np.vstack([np.full((1, dates.shape[-1]), -np.inf), dates])
    times = _times(result.scenario)
    shares = {_regime_key(result.scenario, state): np.zeros(times.size) for state in reached}
    for row, state in enumerate(reached):
        later = np.where(np.arange(len(reached))[:, None] > row, begins >= begins[row], begins > begins[row])
        ends = np.where(later, begins, np.inf).min(axis=0)
        shares[_regime_key(result.scenario, state)] += _share_by(begins[row], times) - _share_by(ends, times)
    return shares


def _regime_key(scenario: Scenario, state: State) -> str:
    """The regime adopted, or scenario and step where levers were changed since."""
    changed = state.step and scenario.policy.steps[state.step].change is not None
    return f"{scenario.name}.{state.step}" if changed else state.regime


def _regime_fills(shown: Sequence[Result], style: Mapping[str, Look]) -> Mapping[str, tuple[str, str]]:
    """Label and colour of each regime: those of the scenario of its name, else its title and a pale colour."""
    titles = {
        _regime_key(result.scenario, state): state.levers.title for result in shown for state in states(result.scenario)
    }
    pale = by_name(titles.keys() - style.keys(), SPARE_COLOURS)
    return {
        name: (textwrap.fill(title, 30), pale[name]) if name in pale else (style[name].label, style[name].colour)
        for name, title in titles.items()
    }


def _draw_regimes(axes: Axes, result: Result, fills: Mapping[str, tuple[str, str]]) -> None:
    """Shares of draws by regime one above the other, in steps: each counts from its month on."""
    shares = regime_shares(result)
    colours = [fills[name][1] for name in shares]
    axes.stackplot(
        _times(result.scenario),
        *shares.values(),
        colors=colours,
        alpha=0.8,
        edgecolor="white",
        linewidth=0.6,
        step="post",
    )


def _draw_way(axes: Axes, result: Result, way: str, look: Look) -> None:
    scenario, times = result.scenario, _times(result.scenario)
    curves = {
        name: _share_by(dates, times) for name, dates in zip(scenario.foreign, _way_dates(result, way), strict=True)
    }
    curves = {name: curve for name, curve in curves.items() if curve[-1]}
    if not curves:
        axes.text(0.5, 0.7, "in no draw", color=GREY, ha="center", transform=axes.transAxes)
        return
    dashes = by_name(scenario.foreign, _DASHES)
    named = sorted(curves, key=lambda name: -curves[name][-1])[:_MOST_NAMED]
    for name, curve in curves.items():
        wide = 2.0 if name in named else 0.8
        axes.plot(times, curve, color=look.colour, linewidth=wide, linestyle=dashes[name], drawstyle="steps-post")
    places = _spread([float(curves[name][-1]) for name in named], 0.19)
    for name, place in zip(named, places, strict=True):
        often = f" {share_of_draws(float(curves[name][-1]))}"
        words = shortened(short_title(scenario, name), 9.5, _ROOM - text_width(often, 9.5)) + often
        beside(axes, place, words, color=look.ink, fontsize=9.5)


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """The places, from the lowest up, moved as far as it takes to lie `gap` apart and not above 1."""
    spread = np.array(places)
    for below, above in pairwise(np.argsort(places, kind="stable")):
        spread[above] = max(spread[above], spread[below] + gap)
    return [float(place) for place in spread - max(spread.max() - 1, 0)]
