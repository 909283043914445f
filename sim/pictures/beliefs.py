"""The pictures of a calibration: beliefs before and after, which were informed, and the record as foreseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator

from sim.axes import FloatArray
from sim.belief.calibration import Calibration
from sim.belief.lessons import LessonRow, ObservationRow, subjects
from sim.outcomes.findings import unit_words
from sim.outcomes.results import Result
from sim.pictures.captions import informed, learned
from sim.pictures.lettering import shortened
from sim.pictures.marks import beside, key
from sim.pictures.registry import picture
from sim.pictures.style import GREY, INK, SHADE, grid, sheet
from sim.pictures.titles import Titles
from sim.scenario.scenario import Scenario
from sim.wording import capital, readable

__all__ = ["Beliefs", "beliefs_informed", "beliefs_moved", "beliefs_record"]

_PRIOR: Final = "#8C8C8C"
_POSTERIOR: Final = "#0072B2"
_OBSERVED: Final = "#D55E00"
_PATHS: Final = ("market", "shares", "demand", "rivalry")
_MOST_PANELS: Final = 12
_MOST_NAMED: Final = 3
_BINS: Final = 36
_OUTER: Final = 1.6448536269514722
"""Standard normal quantile at 95%."""

_RATIO_TICKS: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True)
class Beliefs:
    """What a calibration learned.

    Attributes
    ----------
    scenario : Scenario
    calibration : Calibration
    lessons : sequence of LessonRow
    observations : sequence of ObservationRow
        Its tables.
    """

    scenario: Scenario
    calibration: Calibration
    lessons: Sequence[LessonRow]
    observations: Sequence[ObservationRow]

    @property
    def informed(self) -> list[LessonRow]:
        """What the record informs."""
        return [row for row in self.lessons if row.informed == "yes"]

    @property
    def measured(self) -> list[ObservationRow]:
        """Observations in use that are sizes."""
        return [row for row in self.observations if row.used == "yes" and row.unit not in ("boolean", "date")]


def _sheet(title: Titles, note: str, scenario: Scenario, height: float) -> Figure:
    return sheet(title, note, [Result(scenario, {})], _PATHS, height=height)


@picture(Beliefs, needs=lambda beliefs: bool(beliefs.informed))
def beliefs_moved(beliefs: Beliefs) -> Figure:
    """A panel for each of the parameters that moved most: density before and after."""
    scenario = beliefs.scenario
    values = {name: (before, after) for name, _, _, before, after in subjects(beliefs.calibration, scenario)}
    most = sorted(beliefs.informed, key=lambda row: -row.information)[:_MOST_PANELS]
    columns = min(len(most), 4)
    lines = -(-len(most) // columns)
    note = (
        f"The {len(most)} that the record informs most, of {len(beliefs.lessons)} inputs, shocks and discrepancies of "
        f"{scenario.title}. Moved: change of the mean in standard deviations of the prior. A shock is told by "
        "its path at the end of the record."
    )
    figure = _sheet(_lessons_title(beliefs), note, scenario, 2.9 + 2.15 * lines)
    key(figure, [Patch(color=_PRIOR, alpha=0.45, label="before"), Patch(color=_POSTERIOR, alpha=0.45, label="after")])
    places = grid(figure, lines, columns, margins=(0.5, 0.4, 2.15, 1.0), gaps=(0.5, 0.95))
    for place, row in enumerate(most):
        axes = figure.add_subplot(places[divmod(place, columns)])
        _panel(axes, scenario, row, *values[row.parameter])
    return figure


def _lessons_title(beliefs: Beliefs) -> Titles:
    """Of what the record teaches most."""
    most = sorted(beliefs.informed, key=lambda row: -row.information)[:_MOST_NAMED]
    moved = [(unit_words(row.parameter, beliefs.scenario), row.shift) for row in most]
    return informed(len(beliefs.informed), len(beliefs.lessons), moved)


def _record_title(shown: Sequence[ObservationRow]) -> Titles:
    """How many observations the bands hold, before and after."""

    def held(low: float | None, row: ObservationRow, high: float | None) -> bool:
        return low is not None and high is not None and low <= row.observed <= high

    before = sum(held(row.prior_p05, row, row.prior_p95) for row in shown)
    after = sum(held(row.posterior_p05, row, row.posterior_p95) for row in shown)
    return learned(before, after, len(shown))


def _panel(axes: Axes, scenario: Scenario, row: LessonRow, before: FloatArray, after: FloatArray) -> None:
    factor, unit = _shown_unit(row)
    low, high = np.quantile(np.concatenate([before, after]) * factor, (0.001, 0.999))
    edges = np.linspace(low, high, _BINS + 1)
    for values, colour in ((before, _PRIOR), (after, _POSTERIOR)):
        density = np.histogram(values * factor, edges, density=True)[0]
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.35, linewidth=0)
        axes.stairs(density, edges, color=colour, linewidth=1.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    moved = f"moved {row.shift:+.1f}, spread {100 * (_spread(row) - 1):+.0f}%".replace("-", "−")
    axes.set_xlabel(f"{unit}; {moved}")
    axes.set_title(_named(scenario, row.parameter, 2.9), loc="left", fontsize=11, fontweight="bold", pad=8)


def _spread(row: LessonRow) -> float:
    """Standard deviation after over the one before."""
    return float(np.sqrt(max(1 - row.contraction, 0.0)))


def _shown_unit(row: LessonRow) -> tuple[float, str]:
    """Factor from the canonical unit, and the unit in words."""
    if row.unit == "fraction":
        return 100.0, "%"
    if row.unit == "1/yr":
        return 100.0, "% a year"
    if row.kind == "input":
        return 1.0, {"1": "number"}.get(row.unit, row.unit)
    sizes = ("shock.market", "market_steps", "discrepancy.size")
    return 1.0, "log size" if row.parameter.startswith(
        sizes
    ) else "log-odds" if row.kind == "discrepancy" else "utility"


def _named(scenario: Scenario, parameter: str, width: float, size: float = 11, *, bold: bool = True) -> str:
    """A parameter in words that fit some inches."""
    if parameter in _PATH_TITLES:
        return _PATH_TITLES[parameter]
    parts = [part for part in parameter.replace("[", ".").rstrip("]").split(".") if part not in _DULL]
    titles = [scenario.called(part) for part in parts]
    whole = capital(", ".join(titles))
    short = shortened(whole, size, width, bold=bold)
    ends = capital(f"{titles[0]}, …, {titles[-1]}")  # of a long path the end tells most
    return short if short == whole or len(titles) < 3 else shortened(ends, size, width, bold=bold)


_PATH_TITLES: Final = {
    "shock.market": "Market ahead of its curve",
    "market_steps": "Downward steps of the market",
    "shock.origin": "Foreign against domestic",
    "shock.catch_up": "Turns of catching up",
}
_DULL: Final = (
    "direct",
    "layers",
    "segments",
    "providers",
    "hypotheses",
    "readings",
    "value",
    "shock",
    "foreign_split",
    "domestic_split",
)
"""Parts of a path that tell a reader nothing."""


@picture(Beliefs, needs=lambda beliefs: bool(beliefs.lessons))
def beliefs_informed(beliefs: Beliefs) -> Figure:
    """Every parameter's mean and 90% range after, in standard deviations of the prior."""
    ordered = sorted(beliefs.lessons, key=lambda row: (row.informed != "yes", -row.information))
    columns = 3
    lines = -(-len(ordered) // columns)
    note = (
        f"{len(beliefs.informed)} of {len(ordered)} inputs, shocks and discrepancies are informed (blue); of the "
        "others (grey) the record says nothing that could be told from noise. Mean and 90% range after, on the scale "
        "of the prior; shaded: 90% before."
    )
    figure = _sheet(informed(len(beliefs.informed), len(ordered), []), note, beliefs.scenario, 2.9 + 0.235 * lines)
    key(
        figure,
        [
            Line2D([], [], color=_POSTERIOR, marker="o", linewidth=1.6, label="informed"),
            Line2D([], [], color=_PRIOR, marker="o", linewidth=1.6, label="not informed"),
            Patch(color="#E9E9E9", label="90% before"),
        ],
    )
    places = grid(figure, 1, columns, margins=(2.75, 0.35, 1.75, 1.15), gaps=(2.75, 0.0))
    for column in range(columns):
        part = ordered[column * lines : (column + 1) * lines]
        _column(figure.add_subplot(places[column]), beliefs.scenario, part, lines)
    return figure


def _column(axes: Axes, scenario: Scenario, part: Sequence[LessonRow], lines: int) -> None:
    axes.axvspan(-_OUTER, _OUTER, color="#E9E9E9", linewidth=0, zorder=0)
    axes.axvline(0, color="white", linewidth=1.2, zorder=1)
    for height, row in enumerate(part):
        colour = _POSTERIOR if row.informed == "yes" else _PRIOR
        half = _OUTER * _spread(row)
        axes.hlines(height, row.shift - half, row.shift + half, color=colour, linewidth=1.6)
        axes.plot([row.shift], [height], color=colour, marker="o", markersize=4.5)
    axes.set_yticks(
        range(len(part)), [_named(scenario, row.parameter, 2.6, 8.5, bold=False) for row in part], fontsize=8.5
    )
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(lines - 0.4, -0.6)
    axes.set_xlim(-3.4, 3.4)
    axes.set_xticks([-2, 0, 2], ["−2", "0", "2"])
    axes.set_xlabel("Standard deviations before", fontsize=9.5)


@picture(Beliefs, needs=lambda beliefs: bool(beliefs.measured))
def beliefs_record(beliefs: Beliefs) -> Figure:
    """Each observation as foreseen before and after learning, over what was observed."""
    shown = beliefs.measured
    note = (
        "What is foreseen of each observation, all errors included, over what was observed, before and after learning "
        "from all of them: median and 90% range. Right: what the row adds to the log evidence, given those that joined "
        "before it; the lower, the greater the surprise."
    )
    figure = _sheet(_record_title(shown), note, beliefs.scenario, 3.0 + 0.42 * len(shown))
    key(
        figure,
        [
            Line2D([], [], color=_PRIOR, marker="o", linewidth=2.4, label="before"),
            Line2D([], [], color=_POSTERIOR, marker="s", linewidth=2.4, label="after"),
            Patch(color=_OBSERVED, alpha=0.35, label="measurement range"),
        ],
    )
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(3.6, 1.5, 1.9, 1.15))[0])
    for height, row in enumerate(shown):
        _observation(axes, height, row)
    axes.axvline(1.0, color=_OBSERVED, linewidth=1.6, zorder=1)
    axes.set_yticks(range(len(shown)), [_observed_name(beliefs.scenario, row) for row in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xscale("log")
    ticks = [tick for tick in _RATIO_TICKS if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x")
    axes.set_xlabel("Foreseen / observed (log scale)")
    beside(axes, -0.5, "log evidence", up=10, fontsize=9, color=GREY)
    return figure


def _observation(axes: Axes, height: int, row: ObservationRow) -> None:
    if height % 2:
        axes.axhspan(height - 0.5, height + 0.5, color=SHADE, linewidth=0, zorder=0)
    if row.low is not None and row.high is not None:
        low, high = row.low / row.observed, row.high / row.observed
        axes.fill_betweenx([height - 0.42, height + 0.42], low, high, color=_OBSERVED, alpha=0.3, linewidth=0, zorder=1)
    before = (row.prior_p05, row.prior_p50, row.prior_p95)
    after = (row.posterior_p05, row.posterior_p50, row.posterior_p95)
    for quantiles, colour, marker, up in ((before, _PRIOR, "o", -0.17), (after, _POSTERIOR, "s", 0.17)):
        left, middle, right = (value / row.observed for value in quantiles if value is not None)
        axes.hlines(height + up, left, right, color=colour, linewidth=2.4, zorder=3)
        axes.plot([middle], [height + up], color=colour, marker=marker, markersize=6.5, **_EDGE)
    if row.log_evidence is not None:
        beside(axes, height, f"{row.log_evidence:+.2f}".replace("-", "−"), color=INK, fontsize=10)


_EDGE: Final[Mapping[str, Any]] = {"markeredgecolor": "white", "markeredgewidth": 0.8, "zorder": 4}


def _observed_name(scenario: Scenario, row: ObservationRow) -> str:
    """An observation in words: who, what, where and when."""
    month = int(row.period_start[5:7])
    quarter = f"Q{(month + 2) // 3} "
    part = {"quarter": quarter, "annual_rate": quarter, "half_year": f"H{1 + month // 7} "}.get(row.statistic, "")
    what = " ".join(filter(None, (scenario.called(row.item) if row.item else "", readable(row.variable))))
    return f"{capital(what)}, {scenario.called(row.scope)}, {part}{row.period_end[:4]}"
