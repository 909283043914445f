"""Pictures of what drives an outcome: a tornado of its inputs, and how much is disagreement, ignorance and luck."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.chance.units import KINDS
from sim.outcomes.drivers import UNATTRIBUTED, Attribution, DriverRow, KindRow, Share
from sim.outcomes.findings import in_units, kind_words, unit_words
from sim.outcomes.panels import Result
from sim.pictures.captions import driver, kinds_of
from sim.pictures.marks import key
from sim.pictures.registry import picture
from sim.pictures.style import COLOURS, HEIGHT, INK, KIND_COLOURS, grid, heading, number_axis, sheet
from sim.pictures.titles import Titles
from sim.scenario.scenario import Scenario
from sim.wording import capital

__all__ = ["Kinds", "Tornado", "drivers_kinds", "drivers_tornado", "leading", "sheets"]

_MOST: Final = 12
"""Inputs in a tornado."""

_FEW: Final = 8
"""Inputs in the one of a run, beside its other pictures."""

_CATEGORY: Final = "#BDBDBD"
"""A category has no low and high."""

_LETTERS: Final = 46
"""In a line beside a row."""

_LINE: Final = 0.17
"""Inches of a line beside a row."""

_LOWEST: Final = 5.0
"""Inches of a sheet with few bars."""

_LOW, _HIGH = COLOURS[6], COLOURS[5]
_KIND_COLOURS: Final = {**KIND_COLOURS, UNATTRIBUTED: "#DDDDDD"}
_HOW: Final = (
    "Bars: mean over an input's lowest and highest fifth; dots: levels of a category{}. Right: share of the variance "
    "that an input explains alone"
)
_WHISKERS: Final = "; whiskers: two standard errors of the swing"
_NARROW: Final = 0.05
"""Share below which a bar has no room for its number."""


@dataclass(frozen=True)
class Tornado:
    """What the tornado of one outcome is made of.

    Attributes
    ----------
    attribution : Attribution
    most : int
        Inputs that are shown.
    """

    attribution: Attribution
    most: int = _MOST


@dataclass(frozen=True)
class Kinds:
    """What the bars of the kinds are made of: outcomes of scenarios."""

    attributions: Sequence[Attribution]


def sheets(attributions: Sequence[Attribution]) -> Mapping[str, Tornado | Kinds]:
    """The sheets of some outcomes by the names of their files; for each there is one picture."""
    named: dict[str, Tornado | Kinds] = {"kinds": Kinds(attributions)}
    for one in attributions:
        label = "".join(letter if letter.isalnum() else "_" for letter in one.outcome.label).strip("_")
        named[f"tornado_{one.scenario.name}_{label}"] = Tornado(one)
    return named


def leading(attributions: Sequence[Attribution], baseline: str) -> tuple[Tornado | Kinds, ...]:
    """What a run shows of its drivers: the kinds behind every scenario's foreign share, and the tornado of one.

    Of scenarios that are compared what each adds is shown; the tornado is that of the one which moves the share most.
    """
    shares = [one for one in attributions if (one.outcome.variable, one.outcome.item) == ("foreign_share", "")]
    gains = [one for one in shares if one.outcome.is_gain]
    levels = [one for one in shares if not one.outcome.is_gain and one.scenario.name == baseline]
    if not shares:
        return ()
    return Kinds([*levels, *gains]), Tornado(max(gains or levels, key=lambda one: abs(one.mean)), _FEW)


@picture(Tornado, needs=lambda tornado: bool(_swinging(tornado.attribution)))
def drivers_tornado(tornado: Tornado) -> Figure:
    """The mean of an outcome where each input is low and where it is high, and the share that it explains."""
    attribution = tornado.attribution
    rows = _swinging(attribution)[: tornado.most]
    whole = ", and what its unit is behind in all." if attribution.has_totals else "."
    most_lines = max(_row_words(row, attribution).count("\n") + 1 for row in rows)
    figure = sheet(
        _tornado_title(attribution),
        f"{attribution.scenario.title}{_over(attribution)}. "
        f"{_HOW.format(_WHISKERS if attribution.has_errors else '')}{whole}",
        [Result(attribution.scenario, {})],
        [row.column for row in rows],
        height=max(HEIGHT, 3.0 + max(0.48, _LINE * most_lines) * len(rows)),
    )
    places = grid(figure, 1, 2, margins=(4.2, 0.5, 1.85, 1.25), gaps=(0.45, 0))
    swings, shares = figure.add_subplot(places[0, 0]), figure.add_subplot(places[0, 1])
    _draw_swings(swings, rows, attribution)
    totals = {row.unit: row.in_all for row in attribution.units}
    _draw_shares(shares, rows, totals)
    marks = [Patch(color=_LOW, label="input low"), Patch(color=_HIGH, label="input high"), _dot("alone", filled=True)]
    key(figure, [*marks, *([_dot("in all", filled=False)] if attribution.has_totals else [])])
    return figure


def _over(attribution: Attribution) -> str:
    return f", less {attribution.reference.title} draw by draw" if attribution.reference else ""


def _swinging(attribution: Attribution) -> list[DriverRow]:
    """Columns by falling swing, as far as it is told from 0."""
    errors = attribution.swing_errors
    rows = [row for row in attribution.rows if row.column and "=" not in row.column and not isnan(row.swing)]
    told = [row for row in rows if abs(row.swing) > 3 * errors.get(row.column, 0.0)]
    return sorted(told, key=lambda row: -abs(row.swing))[:_MOST]


def _tornado_title(attribution: Attribution) -> Titles:
    """What is found: the unit that explains most."""
    most = attribution.units[0]
    name, mean = attribution.scenario.title, in_units(attribution.outcome, attribution.mean)
    share, is_whole = (most.first, False) if isnan(most.total) else (most.total, True)
    is_told = attribution.has_errors and most.is_told
    whose = unit_words(most.unit, attribution.scenario) if is_told else ""
    return driver(f"{attribution.words} under {name}", mean, whose, share, is_whole=is_whole)


def _dot(label: str, *, filled: bool) -> Line2D:
    face = INK if filled else "white"
    return Line2D([], [], color=INK, marker="o", markerfacecolor=face, linestyle="none", label=f"share {label}")


def _draw_swings(axes: Axes, rows: Sequence[DriverRow], attribution: Attribution) -> None:
    factor = 100.0 if attribution.outcome.unit == "fraction" else 1.0
    middle = factor * attribution.mean
    places = -np.arange(len(rows))
    low, high = (factor * np.array([getattr(row, end) for row in rows]) for end in ("low", "high"))
    errors = 2 * factor * np.array([attribution.swing_errors.get(row.column, 0.0) for row in rows])
    levels = [(place, factor * one.high) for place, row in enumerate(rows) for one in attribution.levels_of(row.column)]
    shaded = {place for place, _ in levels}
    pale = np.array([place in shaded for place in range(len(rows))])
    for ends, colour in ((low, _LOW), (high, _HIGH)):
        colours = [_CATEGORY if one else colour for one in pale]
        axes.barh(places, ends - middle, left=middle, height=0.62, color=colours)
    if attribution.has_errors:
        axes.errorbar(high, places, xerr=errors, color=INK, linestyle="none", elinewidth=1.1, capsize=2.5)
    axes.plot(
        [at for _, at in levels], [-place for place, _ in levels], linestyle="none", marker="o", color=INK, ms=4.5
    )
    axes.axvline(middle, color=INK, linewidth=1)
    _frame(axes, [_row_words(row, attribution) for row in rows])
    number_axis(axes.xaxis, sign=attribution.outcome.is_gain)
    axes.set_xlabel(f"Mean of the outcome ({_unit(attribution)}); line: mean of all draws")
    heading(axes, f"Mean {in_units(attribution.outcome, attribution.mean)}")


def _row_words(row: DriverRow, attribution: Attribution) -> str:
    """An input, and the levels of a category from the least mean to the greatest."""
    words = textwrap.fill(capital(unit_words(row.column, attribution.scenario)), _LETTERS)
    levels = sorted(attribution.levels_of(row.column), key=lambda level: level.high)
    names = ", ".join(attribution.scenario.called(level.column.partition("=")[2]) for level in levels)
    return "\n".join(filter(None, (words, textwrap.fill(f"({names})", _LETTERS) if names else "")))


def _unit(attribution: Attribution) -> str:
    outcome = attribution.outcome
    if outcome.unit == "fraction":
        return "percentage points" if outcome.is_gain else "%"
    return outcome.unit.replace("/yr", " a year")


def _draw_shares(axes: Axes, rows: Sequence[DriverRow], totals: Mapping[str, Share]) -> None:
    """What each column explains alone, and below it what its whole unit is behind."""
    apart = 0.12 if any(not isnan(total.value) for total in totals.values()) else 0.0
    places = -np.arange(len(rows))
    for shares, offset, inside in (
        ([row.alone for row in rows], apart, INK),
        ([totals[row.unit] for row in rows], -apart, "white"),
    ):
        values = 100 * np.array([share.value for share in shares])
        errors = np.nan_to_num(200 * np.array([share.se for share in shares]))
        look: dict[str, Any] = {"color": INK, "linestyle": "none", "marker": "o", "markersize": 6}
        axes.errorbar(values, places + offset, xerr=errors, markerfacecolor=inside, elinewidth=1.1, capsize=2.5, **look)
    _frame(axes, [""] * len(rows))
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlabel("Share of the variance (%, bars: two standard errors)")


def _frame(axes: Axes, names: Sequence[str]) -> None:
    axes.set_ylim(0.6 - len(names), 0.6)
    axes.set_yticks(-np.arange(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


@picture(Kinds, needs=lambda kinds: any(one.kinds for one in kinds.attributions))
def drivers_kinds(kinds: Kinds) -> Figure:
    """How much of the uncertainty of each outcome is disagreement, ignorance and luck."""
    shown = [one for one in kinds.attributions if one.kinds]
    whole = any(one.has_totals for one in shown)
    figure = sheet(
        _kinds_title(shown, whole),
        "Shares of the variance. " + (_WHOLE if whole else _ALONE),
        [Result(shown[0].scenario, {})],
        ["opening", "zone", "demand", "market"],
        height=max(_LOWEST, 2.9 + 0.6 * len(shown)),
    )
    places = grid(figure, 1, 1, margins=(4.6, 0.6, 1.75, 1.25))
    axes = figure.add_subplot(places[0, 0])
    for place, attribution in enumerate(shown):
        _bar(axes, place, attribution.kinds, whole)
    names = [f"{one.scenario.title}:\n{textwrap.fill(one.words, 52)}" for one in shown]
    _frame(axes, names)
    axes.set_xlim(0, 100)
    axes.set_xlabel("Share of the variance (%)")
    used = [*KINDS] if whole else [*(kind for kind in KINDS if kind != "luck"), UNATTRIBUTED]
    key(figure, [Patch(color=_KIND_COLOURS[kind], label=_kind_label(kind, shown[0].scenario)) for kind in used])
    return figure


def _kind_label(kind: str, scenario: Scenario) -> str:
    """A kind in the legend, with what it is of."""
    words = "shocks, dates, delays" if kind == "luck" else kind_words(kind, scenario)
    return "not attributed" if kind == UNATTRIBUTED else f"{kind}: {words}" if words else kind


def _kinds_title(shown: Sequence[Attribution], whole: bool) -> Titles:
    """The kinds behind the outcome that moves most of those that are counted first, in words."""
    of_first = [one for one in shown if one.outcome.label == shown[-1].outcome.label]
    most = max(of_first, key=lambda one: abs(one.mean))
    shares = {row.kind: row.share if whole else row.first for row in most.kinds}
    told = {kind: share for kind, share in shares.items() if kind != UNATTRIBUTED and not isnan(share)}
    told = told if most.has_errors else {}
    return kinds_of(f"{most.words} under {most.scenario.title}", told, is_whole=whole)


_WHOLE: Final = (
    "What kinds do together is split among them (Shapley); in brackets a kind's share with all that it does together "
    "with others; ±: standard error."
)
_ALONE: Final = (
    "What sources of each kind explain by themselves; not attributed is luck, what all do together, and what is not "
    "told from 0. ±: standard error. Run with --total for the whole."
)


def _bar(axes: Axes, place: int, rows: Sequence[KindRow], whole: bool) -> None:
    left = 0.0
    for row in rows:
        share, error = (row.share, row.share_se) if whole else (row.first, row.first_se)
        if isnan(share) or share <= 0:
            continue
        axes.barh(-place, 100 * share, left=left, height=0.6, color=_KIND_COLOURS[row.kind])
        if share > _NARROW:
            text = f"{100 * share:.0f}" + ("" if isnan(error) else f" ±{100 * error:.{0 if error >= 0.0095 else 1}f}")
            text += f"\n({100 * row.total:.0f})" if whole else ""
            axes.text(left + 50 * share, -place, text, ha="center", va="center", fontsize=10)
        left += 100 * share
