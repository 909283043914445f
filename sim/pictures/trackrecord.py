"""The pictures of a backtest: the fan with what was observed on it, PIT values, and scores against naive forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator
from scipy.special import betaincinv

from sim.axes import FloatArray
from sim.belief.forecasts import Forecasts
from sim.belief.naive import NAIVE
from sim.belief.record import SHARES, Observation, Series
from sim.belief.track import ENGINE, PooledRow, RowScore
from sim.dates.timeline import period_ends
from sim.outcomes.results import Result
from sim.pictures.captions import beaten, foreseen, inside
from sim.pictures.lettering import wrapped
from sim.pictures.marks import fan, key, quantiles
from sim.pictures.registry import picture
from sim.pictures.style import GREY, INK, SHADE, grid, heading, inches_wide, number_axis, sheet
from sim.pictures.titles import Titles
from sim.scenario.scenario import Scenario
from sim.wording import capital, long_date, readable

__all__ = ["TrackRecord", "track_fans", "track_pit", "track_scores"]

_ENGINE_COLOUR: Final = "#0072B2"
_OBSERVED: Final = "#D55E00"
_NAIVE_LOOKS: Final = (("#4A4A4A", "o"), ("#E69F00", "s"), ("#009E73", "D"), ("#CC79A7", "^"))
"""Colour and marker of each naive forecast, in the order of `NAIVE`."""

_PATHS: Final = ("market", "shares", "rivalry")
_MOST_COLUMNS: Final = 4
_RATIO_TICKS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_BAND: Final = (0.05, 0.95)
_MIDDLE: Final = 0.5


@dataclass(frozen=True)
class TrackRecord:
    """What a backtest found.

    Attributes
    ----------
    scenario : Scenario
        As known at the cut-off.
    rows : sequence of RowScore
        Those that are forecast as numbers are shown.
    pooled : sequence of PooledRow
    forecasts : Forecasts
    """

    scenario: Scenario
    rows: Sequence[RowScore]
    pooled: Sequence[PooledRow]
    forecasts: Forecasts

    @property
    def shown(self) -> list[RowScore]:
        """Rows of numbers; events have no place on an axis."""
        return [row for row in self.rows if row.match.layers]


def _has_rows(track: TrackRecord) -> bool:
    return bool(track.shown)


def _has_rivals(track: TrackRecord) -> bool:
    """Whether any row has a naive forecast beside the engine's."""
    return any(len(row.scores) > 1 for row in track.shown)


def _series(rows: Sequence[RowScore]) -> dict[Series, list[RowScore]]:
    found: dict[Series, list[RowScore]] = {}
    for row in rows:
        found.setdefault(row.observation.series, []).append(row)
    return found


def _title(scenario: Scenario, series: Series) -> str:
    """A series in words."""
    variable, scope, item = series
    who = scenario.called(item)
    what = {"market_size": "Market size", "foreign_share": "All foreign providers"}.get(variable, capital(who))
    kind = " revenue" if variable.startswith("revenue") else ""
    return f"{what}{kind}, {scenario.called(scope)}"


def _unit(variable: str, scenario: Scenario) -> str:
    return "Share of spending (%)" if variable in SHARES else f"{scenario.money} bn a year"


def _factor(variable: str) -> float:
    return 100.0 if variable in SHARES else 1.0


def _sheet(title: Titles, note: str, scenario: Scenario, height: float) -> Figure:
    return sheet(title, note, [Result(scenario, {})], _PATHS, height=height)


@picture(TrackRecord, needs=_has_rows)
def track_fans(track: TrackRecord) -> Figure:
    """A panel per series: the fan as of the cut-off, and what was observed with its range."""
    scenario, panels = track.scenario, _series(track.shown)
    columns = min(len(panels), _MOST_COLUMNS)
    lines = -(-len(panels) // columns)
    note = (
        f"Forecast of {scenario.title} as of {long_date(scenario.as_of)}, with nothing published "
        f"later, and what was observed. An observation is as wide as the period "
        "that it covers and as high as its measurement range."
    )
    figure = _sheet(inside(_outside(track), len(track.shown), "90% range"), note, scenario, 2.8 + 2.5 * lines)
    key(figure, _fan_handles())
    places = grid(figure, lines, columns, margins=(1.0, 0.35, 2.05, 0.95), gaps=(0.95, 0.9))
    for place, (series, block) in enumerate(panels.items()):
        axes = figure.add_subplot(places[divmod(place, columns)])
        _fan_panel(axes, scenario, series, block, track.forecasts.paths[series])
    return figure


def _outside(track: TrackRecord) -> list[str]:
    """The observations outside the central 90% of their forecasts, in words."""
    rows = [row for row in track.shown if not _BAND[0] <= row.pit <= _BAND[1]]
    return [f"{_title(track.scenario, row.observation.series)} {_when(row.observation)}" for row in rows]


def _fan_handles() -> list[Artist]:
    return [
        Line2D([], [], color=_ENGINE_COLOUR, linewidth=2.4, label="median"),
        Patch(facecolor=_ENGINE_COLOUR, alpha=0.5, label="50% of draws"),
        Patch(facecolor=_ENGINE_COLOUR, alpha=0.2, label="90% of draws"),
        Line2D([], [], color=_OBSERVED, linewidth=2.4, label="observed"),
        Patch(facecolor=_OBSERVED, alpha=0.35, label="its measurement range"),
    ]


def _fan_panel(axes: Axes, scenario: Scenario, series: Series, block: Sequence[RowScore], path: FloatArray) -> None:
    factor, half = _factor(series[0]), scenario.horizon.period_months / 24
    ends = period_ends(scenario.horizon)[: len(path)]
    instants = [ends[0] - 2 * half, *(ends - half).tolist(), ends[-1]]
    bands = quantiles(np.concatenate([path[:1], path, path[-1:]])) * factor
    fan(axes, instants, bands, _ENGINE_COLOUR)
    for row in block:
        _observation(axes, row.observation, factor)
    least = 0.0 if series[0] not in SHARES else max(0.0, bands[0].min() - 0.15 * np.ptp(bands[[0, 4]]))
    axes.set_ylim(bottom=least)
    axes.set_xlim(instants[0], instants[-1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    number_axis(axes.yaxis, "%" if series[0] in SHARES else "")
    axes.set_ylabel(_unit(series[0], scenario))
    axes.grid(axis="y")
    heading(axes, wrapped(_title(scenario, series), 12, inches_wide(axes) + 0.6, bold=True))


def _observation(axes: Axes, observation: Observation, factor: float) -> None:
    """What was observed over its period, sums as a rate per year."""
    start, end = observation.window
    per_year = factor / (end - start) if observation.unit.endswith(" bn") else factor
    low, value, high = (x * per_year for x in (observation.low, observation.value, observation.high))
    box = Rectangle((start, low), end - start, high - low, facecolor=_OBSERVED, alpha=0.35, linewidth=0, zorder=3)
    axes.add_patch(box)
    axes.plot([start, end], [value, value], color=_OBSERVED, linewidth=2.4, solid_capstyle="butt", zorder=4)


@picture(TrackRecord, needs=_has_rows)
def track_pit(track: TrackRecord) -> Figure:
    """Where each observation fell in its forecast, by series and in order."""
    panels = _series(track.shown)
    note = (
        "PIT: the part of the forecast that lay below what was observed. If forecasts are right in the long run, all "
        "values are equally likely. The band holds 90% of independent values; these move together, so theirs is wider."
    )
    height = max(5.2, 3.2 + 0.36 * len(panels))
    above = sum(row.pit > _MIDDLE for row in track.shown)
    title = foreseen(above, len(track.shown), len(_outside(track)))
    figure = _sheet(title, note, track.scenario, height)
    places = grid(figure, 1, 2, margins=(2.9, 0.6, 1.75, 1.25), gaps=(1.1, 0))
    _pit_rows(figure.add_subplot(places[0]), track.scenario, panels)
    _pit_order(figure.add_subplot(places[1]), np.sort([row.pit for row in track.shown]))
    return figure


def _pit_rows(axes: Axes, scenario: Scenario, panels: Mapping[Series, Sequence[RowScore]]) -> None:
    for height, block in enumerate(panels.values()):
        axes.axhline(height, color="#DADADA", linewidth=0.7, zorder=0)
        axes.plot([row.pit for row in block], [height] * len(block), **_dots(_ENGINE_COLOUR, "o"))
    axes.axvspan(*_BAND, color=SHADE, zorder=-1)
    axes.set_yticks(range(len(panels)), [wrapped(_title(scenario, series), 10, 2.3) for series in panels])
    axes.set_ylim(len(panels) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("PIT value; shaded: the central 90%")
    heading(axes, "By series")


def _dots(colour: str, marker: str, size: float = 8) -> dict[str, Any]:
    edge = {"markeredgecolor": "white", "markeredgewidth": 0.8}
    return {"color": colour, "marker": marker, "markersize": size, "linestyle": "none", "clip_on": False, **edge}


def _pit_order(axes: Axes, ordered: FloatArray) -> None:
    """Values in order against those expected, with the band of uniform order statistics, which are beta."""
    count = len(ordered)
    place = np.arange(1.0, count + 1)
    expected = place / (count + 1)
    low, high = (betaincinv(place, count + 1 - place, level) for level in _BAND)
    axes.fill_between(expected, low, high, color=GREY, alpha=0.18, linewidth=0)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, dashes=(4, 2))
    axes.plot(expected, ordered, **_dots(_ENGINE_COLOUR, "o"))
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("Expected of a right forecast")
    axes.set_ylabel("PIT values in order")
    heading(axes, "All rows in order")


@picture(TrackRecord, needs=_has_rivals)
def track_scores(track: TrackRecord) -> Figure:
    """The engine's score over that of each naive forecast, by row, and pooled by variable."""
    lines = _score_lines(track.scenario, track.shown, track.pooled)
    names = [name for name in NAIVE if any(name in ratios for _, ratios, _ in lines)]
    note = (
        "CRPS of the engine over that of a naive forecast of the same outcome, of the log for money: left of 1 the "
        "engine was better. Bold: means over the series of a variable."
    )
    figure = _sheet(_scores_title(track, lines), note, track.scenario, 3.1 + 0.33 * len(lines))
    looks = dict(zip(NAIVE, _NAIVE_LOOKS, strict=True))
    key(figure, [Line2D([], [], label=readable(name), **_dots(*looks[name])) for name in names])
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(4.1, 0.7, 1.7, 1.2))[0])
    for height, (_, ratios, is_pooled) in enumerate(lines):
        axes.axhline(height, color="#DADADA", linewidth=0.7, zorder=0)
        for name, ratio in ratios.items():
            axes.plot([ratio], [height], **_dots(*looks[name], size=11 if is_pooled else 7.5))
    _score_axis(axes, [ratio for _, ratios, _ in lines for ratio in ratios.values()])
    axes.set_yticks(range(len(lines)), [label for label, _, _ in lines])
    for tick, (_, _, is_pooled) in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if is_pooled else "normal")
    axes.set_ylim(len(lines) - 0.5, -0.5)
    return figure


def _scores_title(track: TrackRecord, lines: Sequence[_Line]) -> Titles:
    """Where the engine wins and where it loses."""
    ratios = [ratio for _, by_name, is_pooled in lines if not is_pooled for ratio in by_name.values()]
    shown = {row.observation.series for row in track.shown}
    found: dict[str, dict[str, list[float]]] = {}
    for row in track.pooled:
        series = row.variable, row.scope, row.item
        if row.skill is not None and series in shown:
            whose = track.scenario.called(row.item or row.scope) if series[1:] != _WHOLE else "the whole market"
            found.setdefault(readable(row.variable), {}).setdefault(whose, []).append(row.skill)
    return beaten(found, sum(ratio < 1 for ratio in ratios), len(ratios))


_WHOLE: Final = ("total", "")
"""Scope and item of the whole market."""

_Line = tuple[str, dict[str, float], bool]
"""Label, naive forecast to ratio, whether it is a mean over series."""


def _score_lines(scenario: Scenario, rows: Sequence[RowScore], pooled: Sequence[PooledRow]) -> list[_Line]:
    """What stands on each line: the rows of a variable, then its mean."""
    lines: list[_Line] = []
    for variable in dict.fromkeys(row.observation.variable for row in rows):
        for row in (one for one in rows if one.observation.variable == variable):
            ratios = {name: 1 - row.skill(name, row.headline) for name in row.scores if name != ENGINE}
            lines.append((f"{_title(scenario, row.observation.series)}, {_when(row.observation)}", ratios, False))
        over = [one for one in pooled if one.variable == variable and one.series > 1 and not one.scope]
        means = {one.forecast: 1 - one.skill for one in over if one.skill is not None}
        if means:
            lines.append((f"{capital(readable(variable))}, mean over series", means, True))
    return [line for line in lines if line[1]]


def _when(observation: Observation) -> str:
    """The period of an observation in few letters."""
    start = observation.start
    part = {"quarter": f"Q{(start.month + 2) // 3} ", "half_year": f"H{1 + start.month // 7} "}
    months = round(12 * (observation.window[1] - observation.window[0]))
    shape = {3: "quarter", 6: "half_year"}.get(months, "")
    return f"{part.get(shape, '')}{observation.end.year}"


def _score_axis(axes: Axes, ratios: Sequence[float]) -> None:
    low, high = min(*ratios, 0.7) / 1.15, max(*ratios, 1.4) * 1.15
    axes.axvline(1.0, color=INK, linewidth=1.4)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [tick for tick in _RATIO_TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x")
    axes.set_xlabel("Score of the engine / score of the naive forecast (log scale)")
    for side, text in (("right", "engine better  "), ("left", "  naive better")):
        axes.annotate(text, (1.0, 1.0), (0, 6), ("data", "axes fraction"), "offset points", ha=side, color=GREY)
