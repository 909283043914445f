"""The picture of waiting: what each date is worth, when a rule applies, and on what that hangs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from sim.analysis.waiting import OptionToWait, PolicyMap
from sim.axes import FloatArray
from sim.model.sight import STATES
from sim.outcomes.results import Result
from sim.pictures.registry import picture
from sim.pictures.style import COLOURS, GREY, INK, SHADE, grid, heading, number_axis, sheet, short_title
from sim.scenario.money import in_currency
from sim.scenario.scenario import Scenario
from sim.wording import billions, capital

__all__ = ["WaitingSheet", "waiting"]

_DATES: Final = COLOURS[1]
_RULES: Final = COLOURS[3]
_FORESIGHT: Final = COLOURS[5]
_BEHIND: Final = ("opening", "economics", "entry", "market")
_APPLIES: Final = LinearSegmentedColormap.from_list("applies", [SHADE, "#9CC7E0", _DATES])
_ERRORS: Final = 2.0


@dataclass(frozen=True)
class WaitingSheet:
    """When a provider applies who may wait.

    Attributes
    ----------
    scenario : Scenario
    provider : str
    delays : tuple of float
        Years from the first day of permission.
    cost : float
        Billions, sunk.
    label : str
        What this commitment is; empty for what is stated.
    opened : float
        Part of the draws in which applying is ever permitted.
    option : OptionToWait
    map : PolicyMap or None
        Of the rule under which waiting is worth least.
    """

    scenario: Scenario
    provider: str
    delays: tuple[float, ...]
    cost: float
    label: str
    opened: float
    option: OptionToWait
    map: PolicyMap | None

    @property
    def file(self) -> str:
        """Name of its picture's files."""
        return f"waiting_{self.label.removeprefix('the ')}".strip("_").replace(" ", "_").replace("-", "_")

    @property
    def date_names(self) -> tuple[str, ...]:
        """The dates and never, in words."""
        return (*map(_delay_in_words, self.delays), "never")


def _delay_in_words(years: float) -> str:
    if years == 0:
        return "at once"
    if years < 1 or years % 1:
        return f"after {12 * years:g} months"
    return "after a year" if years == 1 else f"after {years:g} years"


@picture(WaitingSheet, needs=lambda shown: True)
def waiting(shown: WaitingSheet) -> Figure:
    """What each date, waiting and seeing, and foresight are worth; when a rule applies, and on what that hangs."""
    who = short_title(shown.scenario, shown.provider)
    option, where = shown.option, f", at {shown.label}" if shown.label else ""
    title = f"What waiting is worth to {who} is not told from 0{where}"
    if option.is_told:
        title = (
            f"Waiting is worth {billions(float(option.cautious.option.value), shown.scenario.money)} to {who}{where}"
        )
    sunk = f", less {shown.scenario.money} {shown.cost:.3g}bn that applying commits" if shown.cost else ""
    note = (
        f"{shown.scenario.question} Present value above never applying{sunk}; whiskers are two standard errors. Dates "
        "count from the first day of permission. Rules see what has happened up to the period before, and are valued "
        "on draws that they were not learned on; perfect foresight nobody can have. Rivals answer events, not "
        "intentions."
    )
    figure = sheet(title, note, [Result(shown.scenario, {})], _BEHIND)
    places = grid(figure, 1, 3, margins=(2.0, 0.5, 2.0, 1.55), gaps=(1.35, 0.4))
    _worth(figure.add_subplot(places[0, 0]), shown)
    _when(figure.add_subplot(places[0, 1]), shown)
    _on_what(figure.add_subplot(places[0, 2]), shown)
    return figure


def _worth(axes: Axes, shown: WaitingSheet) -> None:
    """Bars of means, with errors."""
    option, names = shown.option, shown.date_names
    bars = [(name, found, _DATES) for name, found in zip(names, option.each, strict=False)]
    bars += [(f"now or never,\n{rule.basis}", rule.now_or_never, GREY) for rule in option.rules]
    bars += [(f"wait and see,\n{rule.basis}", rule.worth, _RULES) for rule in option.rules]
    bars.append(("perfect foresight", option.perfect_foresight, _FORESIGHT))
    values = np.array([float(found.value) for _, found, _ in bars])
    errors = np.array([_ERRORS * float(found.se) for _, found, _ in bars])
    places = np.arange(len(bars))
    axes.barh(places, values, 0.62, color=[colour for _, _, colour in bars])
    axes.errorbar(values, places, xerr=np.nan_to_num(errors), fmt="none", ecolor=INK, elinewidth=1.1, capsize=2.5)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_yticks(places, [capital(name) for name, _, _ in bars])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlabel(f"{shown.scenario.money} bn above never, mean over draws")
    axes.grid(axis="x")
    number_axis(axes.xaxis)
    heading(axes, "What it is worth")


def _when(axes: Axes, shown: WaitingSheet) -> None:
    """In how many draws each rule applies at each date."""
    places, height = np.arange(len(shown.date_names)), 0.8 / len(shown.option.rules)
    for number, rule in enumerate(shown.option.rules):
        shares = 100 * np.array([float(share.value) for share in rule.shares])
        middle = places + (number - (len(shown.option.rules) - 1) / 2) * height
        axes.barh(middle, shares, 0.9 * height, color=_RULES, alpha=1.0 - 0.45 * number, label=rule.basis)
    axes.set_yticks(places, [capital(name) for name in shown.date_names])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"of the {100 * shown.opened:.0f}% of draws with permission")
    axes.grid(axis="x")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    number_axis(axes.xaxis, "%")
    heading(axes, "When a rule applies")


def _on_what(axes: Axes, shown: WaitingSheet) -> None:
    """The map of the most divided date."""
    found, names, units = shown.map, list(STATES), list(STATES.values())
    if found is None:
        axes.axis("off")
        axes.text(0.0, 0.95, "The rule does the same\nin every draw.", va="top", color=GREY, transform=axes.transAxes)
        heading(axes, "On what it hangs")
        return
    edges = [_shown(edge, units[state]) for edge, state in zip((found.first, found.second), found.states, strict=True)]
    mesh = axes.pcolormesh(*edges, found.applies, cmap=_APPLIES, vmin=0.0, vmax=1.0, rasterized=True)
    labels = [
        capital(f"{names[state]}{_unit_in_words(in_currency(units[state], shown.scenario.money))}")
        for state in found.states
    ]
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    for axis, state in zip((axes.xaxis, axes.yaxis), found.states, strict=True):
        if units[state] != "year":
            number_axis(axis)
    bar: Any = axes.figure.colorbar(mesh, ax=axes, location="bottom", pad=0.16, aspect=30, ticks=[0.0, 0.5, 1.0])
    bar.ax.set_xticklabels(["all wait", "half", "all apply"])
    bar.outline.set_visible(False)
    heading(axes, f"Apply or wait, {shown.date_names[found.date]}")


def _shown(values: FloatArray, unit: str) -> FloatArray:
    return values * 100.0 if unit.startswith("fraction") else values


def _unit_in_words(unit: str) -> str:
    words = {"fraction": " (%)", "fraction/yr": " (% a year, log)"}
    return words.get(unit, f" ({unit.replace('/yr', ' a year')})" if unit.endswith(" bn/yr") else "")
