"""The look that all pictures share: names, colours, number forms, the sheet with its title and footer.

Nothing here knows what a picture shows. Sizes are in inches and points of a slide; every sheet is as wide as
a 16:9 slide and taller where it holds many scenarios.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter

from sim.outcomes.results import Result
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario
from sim.wording import signed

__all__ = [
    "COLOURS",
    "GREY",
    "HEIGHT",
    "INK",
    "MARKERS",
    "SHADE",
    "SPARE_COLOURS",
    "STYLE",
    "Look",
    "grid",
    "heading",
    "looks",
    "number_axis",
    "sheet",
    "short_title",
    "span",
]

INK: Final = "#222222"
GREY: Final = "#6E6E6E"
SHADE: Final = "#F5F5F5"

COLOURS: Final = ("#4A4A4A", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933")
"""Charcoal for the baseline, then Okabe & Ito (2008) with wine in place of yellow, which vanishes on white; olive."""

SPARE_COLOURS: Final = ("#C9C9C9", "#BBD3E8", "#F3C9A5", "#B5DCCB", "#E8CBDC", "#EFE0A0", "#C9B7A5", "#D3C8E8")
"""For regimes that no scenario of the study is named after: pale, so that they are not taken for a scenario."""

_GRADES: Final = ("found", "derived", "recalled", "judgement")
MARKERS: Final = ("o", "s", "D", "^", "v", ">", "<", "p", "h")

WIDTH: Final = 40 / 3
HEIGHT: Final = 7.5
DPI: Final = 144
"""A 16:9 slide of 1,920 by 1,080 pixels."""

STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "text.hinting": "none",
    "text.parse_math": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titley": 1.0,
    "grid.color": "#DADADA",
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "svg.hashsalt": "sim",
    "svg.fonttype": "path",
}
"""Settings in force while a picture is built and written, never longer."""


def short_title(scenario: Scenario, provider: str) -> str:
    """A provider's title without what stands in brackets."""
    return scenario.providers[provider].short_title


@dataclass(frozen=True)
class Look:
    """How a scenario is told apart in every picture: label, colour and marker."""

    label: str
    colour: str
    marker: str

    @property
    def ink(self) -> tuple[float, float, float]:
        """The colour for text: darker, so that it can be read on white."""
        red, green, blue = to_rgb(self.colour)
        return 0.8 * red, 0.8 * green, 0.8 * blue

    @property
    def two_lines(self) -> str:
        """The label, broken after its first word."""
        return self.label.replace(" ", "\n", 1)


def looks(results: Iterable[Result]) -> dict[str, Look]:
    """Scenario name to look, by place in `results`, whose first is the baseline."""
    return {
        result.name: Look(
            result.scenario.title, result.scenario.colour or COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        )
        for i, result in enumerate(results)
    }


def span(result: Result) -> str:
    """The years that a result covers."""
    return f"{result.scenario.horizon.base_year}–{result.scenario.horizon.end_year}"


def heading(axes: Axes, text: str, colour: Any = INK) -> None:
    """A bold line above axes, at their left end."""
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color=colour, pad=8)


def number_axis(axis: Axis, unit: str = "", *, sign: bool = False) -> None:
    """Plain tick labels: `unit` after each number, a plus before positive ones if `sign`."""

    def text(value: float, _: int | None = None) -> str:
        plain = f"{abs(value):,.6g}"
        return (signed(value, plain) if sign or value < 0 else plain) + unit

    axis.set_major_formatter(FuncFormatter(text))


def sheet(title: str, note: str, results: Sequence[Result], paths: Sequence[str], *, height: float = HEIGHT) -> Figure:
    """An empty sheet with its title, a note on how to read it, and the footer.

    Parameters
    ----------
    title, note : str
        What the picture shows, and how to read it.
    results : sequence of Result
        Whose sources, draws and seed the footer states.
    paths : sequence of str
        Beginnings of the dotted paths behind the picture.
    height : float
        Inches.

    Returns
    -------
    Figure
        With no axes yet.
    """
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    common: Mapping[str, Any] = {"x": 0.5 / WIDTH, "ha": "left"}
    figure.suptitle(title, y=1 - 0.22 / height, va="top", fontsize=19, fontweight="bold", **common)
    note = textwrap.fill(note, 150)
    figure.text(y=1 - 0.66 / height, s=note, va="top", fontsize=11, color=GREY, linespacing=1.3, **common)
    footer = textwrap.fill(_sources_line(results, paths), 200)
    figure.text(y=0.15 / height, s=footer, va="bottom", fontsize=8, color=GREY, **common)
    return figure


def grid(
    figure: Figure,
    rows: int,
    columns: int,
    *,
    margins: tuple[float, float, float, float] = (1.15, 0.95, 2.0, 1.05),
    gaps: tuple[float, float] = (0.95, 0.45),
) -> GridSpec:
    """Places for axes, in inches.

    Parameters
    ----------
    figure : Figure
    rows, columns : int
    margins : tuple of float
        Left, right, top, bottom.
    gaps : tuple of float
        Between columns and between rows.
    """
    width, height = figure.get_size_inches()
    left, right, top, bottom = margins
    cell_width = (width - left - right - gaps[0] * (columns - 1)) / columns
    cell_height = (height - top - bottom - gaps[1] * (rows - 1)) / rows
    return figure.add_gridspec(
        rows,
        columns,
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=gaps[0] / cell_width,
        hspace=gaps[1] / cell_height,
    )


def _sources_line(results: Sequence[Result], paths: Sequence[str], most: int = 3) -> str:
    """The footer: the main sources behind some inputs, then draws and seed.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    paths : sequence of str
        Beginnings of dotted paths, most important first; for each, what was found stands before what was derived,
        recalled or judged.
    most : int
        Sources named; the others are counted.
    """
    used = {item.path: item.record for result in results for item in inputs(result.scenario)}
    ranked = [
        record
        for beginning in paths
        for record in sorted(
            (record for path, record in used.items() if path.startswith(beginning)),
            key=lambda record: _GRADES.index(record.grade),
        )
    ]
    sources = results[0].scenario.sources
    known = list(dict.fromkeys(record.source for record in ranked if record.source in sources))
    named = [f"{sources[name].title} ({sources[name].published:%Y})" for name in known[:most]]
    named += [f"{len(known) - most} more"] if len(known) > most else []
    judged = sum(record.grade == "judgement" for record in ranked)
    sampling = results[0].scenario.sampling
    inside = "" if results[0].sizes is None else ", those inside a box"
    return (
        f"Main sources: {'; '.join(named) or 'none'}. {judged} of the {len(ranked)} numbers behind this picture are "
        f"judgement; parameters.csv has them all. {sampling.draws:,} draws{inside}, seed {sampling.seed}."
    )
