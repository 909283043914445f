"""The picture of what happens when: which regime is in force, and who has launched a site of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from sim.axes import FloatArray
from sim.outcomes.results import Result
from sim.pictures.marks import beside, key
from sim.pictures.registry import Runs, picture, variables
from sim.pictures.style import (
    GREY,
    HEIGHT,
    SPARE_COLOURS,
    Look,
    grid,
    heading,
    looks,
    sheet,
    short_title,
)
from sim.scenario.policy import State, changes_state, states
from sim.scenario.scenario import Scenario

__all__ = ["regime_shares", "timeline"]

_DASHES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


@picture(Runs, needs=variables("event_date"))
def timeline(runs: Runs) -> Figure:
    """What is in force when, and when own sites are launched, as shares of draws over the years."""
    ordered = runs.ordered
    style = looks(ordered)
    fills = _regime_fills(ordered)
    key_rows = -(-len(fills) // 4)
    above = 1.6 + 0.4 * key_rows
    figure = sheet(
        "What is in force, and when foreign providers launch sites of their own",
        "Share of draws in which a regime is in force, and in which a foreign provider has launched a site of its own.",
        ordered,
        ("policy", "regulator", "entry", "zone", "regimes"),
        height=max(HEIGHT, above + 1.1 + 1.25 * len(ordered)),
    )
    key(figure, [Patch(color=colour, label=label, linewidth=0) for label, colour in fills.values()], rows=key_rows)
    places = grid(figure, len(ordered), 2, margins=(1.3, 1.6, above, 1.05), gaps=(1.0, 0.5))
    for row, result in enumerate(ordered):
        in_force, launched = (figure.add_subplot(places[row, column]) for column in (0, 1))
        _draw_regimes(in_force, result, fills)
        _draw_launches(launched, result, style[result.name])
        heading(in_force, style[result.name].label, style[result.name].ink)
        heading(launched, "Own sites launched" if row == 0 else "")
        for axes in (in_force, launched):
            _frame(axes, result.scenario)
            axes.tick_params(labelbottom=row == len(ordered) - 1)
    return figure


def _frame(axes: Axes, scenario: Scenario) -> None:
    first, end = scenario.horizon.base_year + 1, scenario.horizon.end_year + 1
    axes.set_xlim(first, end)
    axes.set_xticks(np.arange(first, end + 1, -(-(end - first) // 6)))
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("% of draws")
    axes.grid(axis="y")


def _times(scenario: Scenario) -> FloatArray:
    """Dates at which shares are counted: the start of every month, and the end of the horizon."""
    first, end = scenario.horizon.base_year + 1, scenario.horizon.end_year + 1
    return np.linspace(first, end, 12 * (end - first) + 1)


def _dates(result: Result, items: Sequence[str]) -> FloatArray:
    """Event dates, events by draws; never is infinitely late."""
    panel = result.panels["event_date"]
    dates = panel.rows([panel.items.index(("", item)) for item in items])
    return np.where(np.isnan(dates), np.inf, dates)


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


def _regime_fills(ordered: Sequence[Result]) -> Mapping[str, tuple[str, str]]:
    """Label and colour of each regime: those of the scenario of its name, else its title and a spare colour."""
    style = looks(ordered)
    titles = {
        _regime_key(result.scenario, state): state.levers.title
        for result in ordered
        for state in states(result.scenario)
    }
    spare = cycle(SPARE_COLOURS)
    return {
        name: (style[name].label, style[name].colour) if name in style else (textwrap.fill(title, 30), next(spare))
        for name, title in titles.items()
    }


def _draw_regimes(axes: Axes, result: Result, fills: Mapping[str, tuple[str, str]]) -> None:
    shares = regime_shares(result)
    colours = [fills[name][1] for name in shares]
    axes.stackplot(
        _times(result.scenario), *shares.values(), colors=colours, alpha=0.8, edgecolor="white", linewidth=0.6
    )


def _draw_launches(axes: Axes, result: Result, look: Look) -> None:
    scenario, times = result.scenario, _times(result.scenario)
    curves = [_share_by(dates, times) for dates in _dates(result, [f"{name}.launch" for name in scenario.foreign])]
    if not np.any(curves):
        axes.text(0.5, 0.7, "no site in any draw", color=GREY, ha="center", transform=axes.transAxes)
        return
    places = _spread([float(curve[-1]) for curve in curves], 0.19)
    for name, curve, dashes, place in zip(scenario.foreign, curves, cycle(_DASHES), places, strict=False):
        axes.plot(times, curve, color=look.colour, linewidth=2, linestyle=dashes)
        beside(axes, place, f"{short_title(scenario, name)} {curve[-1]:.0%}", color=look.ink, fontsize=9.5)


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """The places, from the lowest up, moved as far as it takes to lie `gap` apart and not above 1."""
    spread = np.array(places)
    for below, above in pairwise(np.argsort(places, kind="stable")):
        spread[above] = max(spread[above], spread[below] + gap)
    return [float(place) for place in spread - max(spread.max() - 1, 0)]
