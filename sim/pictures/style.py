"""The look that all pictures share: names, colours, number forms, the sheet with its title and footer.

Nothing here knows what a picture shows. Sizes are in inches and points of a slide; every sheet is as wide as
a 16:9 slide and taller where it holds many scenarios.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from zlib import crc32

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter

from sim.outcomes.results import Result
from sim.pictures.lettering import broken, fitting, shortened
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario
from sim.wording import signed

__all__ = [
    "COLOURS",
    "FREE_COLOURS",
    "GREY",
    "HEIGHT",
    "INK",
    "KIND_COLOURS",
    "MARKERS",
    "RUN_TABLE",
    "SHADE",
    "SPARE_COLOURS",
    "STATED_COLOURS",
    "STYLE",
    "Look",
    "Sheet",
    "brief_title",
    "by_name",
    "colours_of",
    "grid",
    "heading",
    "inches_wide",
    "looks",
    "lowered",
    "number_axis",
    "sheet",
    "short_title",
    "span",
]

INK: Final = "#222222"
GREY: Final = "#6E6E6E"
SHADE: Final = "#F5F5F5"

COLOURS: Final = ("#4A4A4A", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933")
"""Of what has a colour by what it is: charcoal, then Okabe & Ito (2008), with wine in place of yellow, and olive."""

STATED_COLOURS: Final = (
    *("#4A4A4A", "#0072B2", "#D55E00", "#662266", "#22CC66", "#882200", "#EE88AA", "#AAAAEE", "#4422AA"),
)
"""Those of the shipped scenarios, which state them; with full, red-blind and green-blind sight no two are alike."""

FREE_COLOURS: Final = ("#CC4488", "#AA6666", "#CCAA00", "#6666EE", "#AA6644", "#8888EE")
"""For what states no colour."""

SPARE_COLOURS: Final = ("#C9C9C9", "#BBD3E8", "#F3C9A5", "#B5DCCB", "#E8CBDC", "#EFE0A0", "#C9B7A5", "#D3C8E8")
"""For regimes that no scenario of the study is named after: pale, so that they are not taken for a scenario."""

KIND_COLOURS: Final = {"disagreement": COLOURS[4], "ignorance": COLOURS[6], "luck": COLOURS[5]}
"""Of the kinds of not knowing."""

MARKERS: Final = ("o", "s", "D", "^", "v", ">", "<", "p", "h", "P", "X", "*", "d", "H", "8")
"""One for each of `STATED_COLOURS` and `FREE_COLOURS`, in their order."""

RUN_TABLE: Final = "parameters.csv"
"""What a run and a comparison write of every number with its source; other studies have no such file."""

_GRADES: Final = ("found", "derived", "recalled", "judgement")

_READABLE: Final = 0.17
"""Brightness below which text stands out from white by 4.5 to 1 (WCAG 2)."""

T = TypeVar("T")

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
        """The colour for text: as dark as it takes to be read on white."""
        red, green, blue = to_rgb(self.colour)
        bright = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
        dark = min(0.8, (_READABLE / max(bright, 1e-9)) ** (1 / 2.2))
        return dark * red, dark * green, dark * blue

    def lines(self, size: float, width: float) -> str:
        """The label as bold words in lines of some inches."""
        return "\n".join(broken(self.label, size, width, bold=True))


def by_name(
    names: Iterable[str], choices: Sequence[T], taken: Collection[T] = (), more: Sequence[T] = ()
) -> dict[str, T]:
    """What each name has by its letters, whatever stands beside it and in whatever order.

    Where two names of a study meet, or what a name would have is `taken`, the later in the alphabet moves on to the
    next that is free, of `more` once `choices` are in use; once all are, they are used again.
    """
    used, chosen = {*taken}, {}
    for name in sorted(set(names)):
        first = crc32(name.encode()) % len(choices)
        ring = (*choices[first:], *choices[:first], *more)
        chosen[name] = next((one for one in ring if one not in used), ring[0])
        used.add(chosen[name])
    return chosen


def looks(results: Iterable[Result]) -> dict[str, Look]:
    """Scenario name to look: the colour that it states, else one by its name, and a marker; never by its place."""
    scenarios = {result.name: result.scenario for result in results}
    colours = colours_of(scenarios)
    own = dict(zip((*STATED_COLOURS, *FREE_COLOURS), MARKERS, strict=True))
    first = {colour: name for name, colour in sorted(colours.items(), reverse=True) if colour in own}
    markers = {name: own[colour] for colour, name in first.items()}
    markers |= by_name(colours.keys() - markers.keys(), MARKERS, markers.values())
    return {name: Look(brief_title(one), colours[name], markers[name]) for name, one in scenarios.items()}


def colours_of(scenarios: Mapping[str, Scenario]) -> dict[str, str]:
    """Scenario name to its colour, as `#RRGGBB`: the one that it states, else one by its name."""
    stated = {name: one.colour.upper() for name, one in scenarios.items() if one.colour}
    return stated | by_name(scenarios.keys() - stated.keys(), FREE_COLOURS, stated.values(), STATED_COLOURS)


def brief_title(scenario: Scenario) -> str:
    """A scenario's title, or as much of it as has room beside or above axes."""
    return shortened(scenario.title, 11, _ROOM_FOR_TITLE, bold=True)


_ROOM_FOR_TITLE: Final = 2.3
"""Inches."""


def span(result: Result) -> str:
    """The years that a result covers."""
    return f"{result.scenario.horizon.base_year}–{result.scenario.horizon.end_year}"


def heading(axes: Axes, text: str, colour: Any = INK) -> None:
    """A bold line above axes, at their left end."""
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color=colour, pad=8)


def inches_wide(axes: Axes) -> float:
    """How wide axes are, in inches."""
    return float(axes.bbox.width / axes.figure.dpi)


def number_axis(axis: Axis, unit: str = "", *, sign: bool = False) -> None:
    """Plain tick labels: `unit` after each number, a plus before positive ones if `sign`."""

    def text(value: float, _: int | None = None) -> str:
        plain = f"{abs(value):,.6g}"
        return (signed(value, plain) if sign or value < 0 else plain) + unit

    axis.set_major_formatter(FuncFormatter(text))


class Sheet(Figure):
    """A figure whose title or note may take more lines than one, and is taller by as much.

    Attributes
    ----------
    more : float
        Inches that it is taller; everything below the note stands lower by as much.
    """

    more: float = 0.0


def sheet(
    title: str | Sequence[str],
    note: str,
    results: Sequence[Result],
    paths: Sequence[str],
    *,
    height: float = HEIGHT,
    table: str = "",
) -> Sheet:
    """An empty sheet with its title, a note on how to read it, and the footer.

    Parameters
    ----------
    title : str or sequence of str
        What is found, as one sentence; of several, from the fullest to the shortest, the first with room is taken.
    note : str
        What is drawn, and how to read it.
    results : sequence of Result
        Whose sources, draws and seed the footer states.
    paths : sequence of str
        Beginnings of the dotted paths behind the picture.
    height : float
        Inches, if the title has one line and the note two.
    table : str
        File of the study that has every number with its source; empty where no file has.

    Returns
    -------
    Sheet
        With no axes yet.
    """
    head = fitting([title] if isinstance(title, str) else title, _TITLE, _WIDE, _MOST_LINES)
    notes = broken(note, _NOTE, _WIDE)
    footer = broken(_sources_line(results, paths, table), _FOOT, _WIDE)
    above = _TITLE_LINE * (len(head) - 1)
    figure = Sheet(figsize=(WIDTH, 1), dpi=DPI, facecolor="white")
    figure.more = above + _NOTE_LINE * max(len(notes) - 2, 0)
    height += figure.more
    figure.set_figheight(height)
    common: Mapping[str, Any] = {"x": _MARGIN / WIDTH, "ha": "left"}
    figure.suptitle("\n".join(head), y=1 - 0.22 / height, va="top", fontsize=_TITLE, fontweight="bold", **common)
    below = 1 - (0.66 + above) / height
    figure.text(y=below, s="\n".join(notes), va="top", fontsize=_NOTE, color=GREY, linespacing=1.3, **common)
    figure.text(y=0.15 / height, s="\n".join(footer), va="bottom", fontsize=_FOOT, color=GREY, **common)
    return figure


_MARGIN: Final = 0.5
_TITLE, _NOTE, _FOOT = 18.0, 11.0, 8.0
"""Points of a slide."""

_TITLE_LINE, _NOTE_LINE = 0.32, 0.21
_WIDE: Final = WIDTH - 2 * _MARGIN
"""Inches."""

_MOST_LINES: Final = 2


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
    top += lowered(figure)
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


def lowered(figure: Figure) -> float:
    """Inches by which what is below a sheet's note stands lower than under a short title."""
    return figure.more if isinstance(figure, Sheet) else 0.0


def _sources_line(results: Sequence[Result], paths: Sequence[str], table: str, most: int = 3) -> str:
    """The footer: the main sources behind some inputs, then draws and seed.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    paths : sequence of str
        Beginnings of dotted paths, most important first; for each, what was found stands before what was derived,
        recalled or judged.
    table : str
        File that has every number with its source; empty where no file has.
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
        f"judgement{f'; {table} has them all' if table else ''}. "
        f"{sampling.draws:,} draws{inside}, seed {sampling.seed}."
    )
