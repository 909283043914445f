"""Pictures of a decision: payoffs and break-even, regret, beliefs, the worth of knowing, the host's frontier."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, SupportsFloat

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from sim.analysis.appraisal import WITH_VALUE, Appraisal, Level
from sim.analysis.decisions import PAYOFF_STATISTICS, Game, best_by_weights, lattice
from sim.axes import FloatArray
from sim.outcomes.findings import unit_words
from sim.outcomes.panels import Result
from sim.outcomes.phrases import share_of_draws
from sim.pictures.lettering import text_width, wrapped
from sim.pictures.marks import beside
from sim.pictures.registry import picture
from sim.pictures.style import (
    COLOURS,
    GREY,
    INK,
    KIND_COLOURS,
    MARKERS,
    by_name,
    grid,
    heading,
    inches_wide,
    number_axis,
    sheet,
)
from sim.pictures.waiting import WaitingSheet
from sim.scenario.scenario import Scenario
from sim.wording import billions, capital, change, money, percent, readable

__all__ = ["Advice"]

_STEPS: Final = 60
"""Of a weight on the map of beliefs."""

_LINE_OF_BELIEF: Final = 24
"""Letters in a line of a belief's title."""

_LINE_OF_KEY: Final = 34
"""Letters in a line of the legend, so that two lines hold a title."""

_MOST_UNITS: Final = 12
_BAND: Final = "#C9C9C9"
_BEHIND: Final = ("opening", "economics", "entry", "regulator", "zone")
"""Beginnings of the paths behind a decision, for the footer."""


@dataclass(frozen=True)
class Advice:
    """What a decision comes to.

    Attributes
    ----------
    question : str
    scenario : Scenario
        The first case.
    titles : tuple of (str, tuple of str)
        Who decides, among what.
    is_host : bool
        Whether the host decides.
    appraisal : Appraisal or None
        Of the only one who decides.
    game : Game or None
        Of two.
    parts : mapping of str to (D, N)
        What the objective is made of, at present value.
    against, against_label : (D, N) or None, and str
        What the host's worth is drawn against.
    benchmarks : mapping of str to (N,)
        What actions that know too much would add to the first.
    waiting : tuple of WaitingSheet
        What it is worth to wait, by commitment as in the levels of the appraisal; empty if that was not asked.
    """

    question: str
    scenario: Scenario
    titles: tuple[tuple[str, tuple[str, ...]], ...]
    is_host: bool = False
    appraisal: Appraisal | None = None
    game: Game | None = None
    parts: Mapping[str, FloatArray] = field(default_factory=dict)
    against: FloatArray | None = None
    against_label: str = ""
    benchmarks: Mapping[str, FloatArray] = field(default_factory=dict)
    waiting: tuple[WaitingSheet, ...] = ()

    def belief(self, name: str) -> str:
        """What a belief is called."""
        return self.scenario.called(name)

    @property
    def subject(self) -> Appraisal:
        """The appraisal, where there is one."""
        assert self.appraisal is not None
        return self.appraisal


def _is_one(advice: Advice) -> bool:
    return advice.appraisal is not None


def _can_learn(advice: Advice) -> bool:
    """Whether anything that can be found out is worth anything at any commitment."""
    levels = () if advice.appraisal is None else advice.appraisal.levels
    return any(unit.high > 0 or unit.is_told for level in levels for unit in level.units)


def _has_beliefs(advice: Advice) -> bool:
    return advice.appraisal is not None and len(advice.appraisal.choice.beliefs) in (2, 3)


def _has_frontier(advice: Advice) -> bool:
    return advice.appraisal is not None and advice.against is not None


def _sheet(advice: Advice, title: str, note: str) -> Figure:
    return sheet(title, note, [Result(advice.scenario, {})], _BEHIND)


def _belief_marks(beliefs: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each hypothesis, by its name, in the order of the hypotheses."""
    marks = by_name(beliefs, list(zip(COLOURS[1:], MARKERS[1:], strict=False)))
    return {name: marks[name] for name in beliefs}


def _action_colours(found: Appraisal) -> dict[str, str]:
    """The colour of each action by its name, in the order of the actions."""
    colours = by_name(found.choice.actions, COLOURS)
    return {name: colours[name] for name in found.choice.actions}


def _key_below(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend below the axes, in as many columns as have room."""
    wide = max(text_width(str(one.get_label()), 10) for one in handles) + 0.75
    columns = max(1, min(len(handles), int(_KEY_WIDTH / wide)))
    figure.legend(handles=handles, loc="center", bbox_to_anchor=(0.5, 0.114), ncols=columns)


_KEY_WIDTH: Final = 12.3
"""Inches."""


def _words(text: str) -> str:
    return capital(text.replace("_", " "))


def _unit(advice: Advice) -> str:
    return f"{advice.scenario.money} bn"


def _amount(advice: Advice, value: SupportsFloat) -> str:
    return billions(float(value), advice.scenario.money)


@picture(Advice, needs=_is_one)
def decide_payoffs(advice: Advice) -> Figure:
    """What each action brings above the first, all in and by belief, and the commitment up to which it pays."""
    found, choice = advice.subject, advice.subject.choice
    figure = _sheet(
        advice,
        _payoffs_title(advice),
        f"{advice.question} Net present value above '{choice.actions[0]}', {_unit(advice)}.",
    )
    commits = any(even is not None for even in found.break_even)
    beside = _draw_parts if advice.is_host else _draw_break_even if commits else None
    places = grid(figure, 1, 1 + (beside is not None), margins=(2.6, 0.6, 1.6, 1.75), gaps=(2.6, 0.5))
    _draw_payoffs(figure.add_subplot(places[0, 0]), advice)
    if beside is not None:
        beside(figure.add_subplot(places[0, 1]), advice)
    handles: list[Artist] = [
        Line2D([], [], color=INK, marker="o", linestyle="", label="mean"),
        Line2D([], [], color=INK, marker="|", linestyle="", markersize=12, label="median"),
        Patch(color=_BAND, label="90% of draws"),
    ]
    handles += [
        Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            linestyle="",
            label=textwrap.fill(f"mean if {advice.belief(name)}", _LINE_OF_KEY),
        )
        for name, (colour, marker) in _belief_marks(choice.beliefs).items()
    ]
    _key_below(figure, handles)
    return figure


def _payoffs_title(advice: Advice) -> str:
    """What the action in question brings or costs, and up to which commitment it pays."""
    found, d = advice.subject, advice.subject.in_question
    action, even = _words(found.choice.actions[d]), found.break_even[d]
    worth = float(found.payoffs.value[0, d])
    brings = f"is worth {_amount(advice, worth)}"
    if worth < 0:
        brings = f"costs {_amount(advice, -worth)} against '{found.choice.actions[0]}'"
    if even is None:
        return f"{action} {brings}"
    return f"{action} {brings}, and " + (
        f"pays up to {_amount(advice, even.value)} committed" if even.value > 0 else "pays at no commitment"
    )


def _draw_payoffs(axes: Axes, advice: Advice) -> None:
    """Mean, band of 90% and means by belief of each action but the first."""
    found = advice.subject
    value = dict(zip(PAYOFF_STATISTICS, found.payoffs.value, strict=True))
    marks = list(_belief_marks(found.choice.beliefs).values())
    shown = range(1, len(found.choice.actions))
    for place, d in enumerate(shown):
        axes.plot([value["p05"][d], value["p95"][d]], [place, place], color=_BAND, linewidth=9, solid_capstyle="butt")
        axes.plot(value["p50"][d], place, "|", color=INK, markersize=16, markeredgewidth=2)
        axes.plot(value["mean"][d], place, "o", color=INK, markersize=9)
        for x, belief in enumerate(found.by_belief.value[d]):
            axes.plot(belief, place + 0.25, marks[x][1], color=marks[x][0], markersize=8)
        axes.annotate(
            f"loss in {share_of_draws(value['P(loss)'][d])}, best in {share_of_draws(value['P(best)'][d])} of draws",
            (0.5, place - 0.28),
            xycoords=axes.get_yaxis_transform(),
            fontsize=9.5,
            color=GREY,
            ha="center",
        )
    _labels(axes, [found.choice.actions[d] for d in shown])
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    words = f"{_unit(advice)} above '{found.choice.actions[0]}'"
    axes.set_xlabel(wrapped(words, 10.5, inches_wide(axes) + 0.6))
    heading(axes, "What it brings")


def known_words(name: str, scenario: Scenario) -> str:
    """What can be known before one chooses, in words."""
    unit = name.removesuffix(WITH_VALUE)
    return unit_words(unit, scenario) + name.removeprefix(unit)


def _labels(axes: Axes, names: Sequence[str], room: float = 2.3) -> None:
    """Rows named left of the axes, in lines of some inches."""
    axes.set_yticks(range(len(names)), [wrapped(_words(name), 10, room, 3) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    number_axis(axes.xaxis)


def _draw_break_even(axes: Axes, advice: Advice) -> None:
    """The commitment at which each action pays for itself, in all and by belief, with two errors."""
    found = advice.subject
    marks = list(_belief_marks(found.choice.beliefs).values())
    shown = [d for d, one in enumerate(found.break_even) if one is not None]
    for place, d in enumerate(shown):
        even = found.break_even[d]
        assert even is not None
        axes.errorbar(float(even.value), place, xerr=2 * float(even.se), fmt="o", color=INK, markersize=9, capsize=3)
        axes.annotate(f"{money(float(even.value))}", (float(even.value), place - 0.16), ha="center", fontsize=11)
        for x, one in enumerate(found.break_even_by_belief[d]):
            offset, error, (colour, marker) = place + 0.14 * (x + 1), 2 * float(one.se), marks[x]
            axes.errorbar(float(one.value), offset, xerr=error, fmt=marker, color=colour, markersize=8, capsize=3)
        axes.plot(found.choice.cost[d], place, "|", color=COLOURS[2], markersize=22, markeredgewidth=3)
    _labels(axes, [found.choice.actions[d] for d in shown])
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(f"{_unit(advice)}, two standard errors; bar: as the file states")
    heading(axes, "Up to which commitment it pays")


def _draw_parts(axes: Axes, advice: Advice) -> None:
    """What the worth of each action is made of, in the mean."""
    names, colours = advice.subject.choice.actions, by_name(advice.parts, COLOURS[1:])
    for k, (label, values) in enumerate(advice.parts.items()):
        means = (values - values[0]).mean(axis=1)[1:]
        at = np.arange(len(means)) + 0.18 * (k - (len(advice.parts) - 1) / 2)
        axes.barh(at, means, height=0.16, color=colours[label], label=readable(label.partition(".")[0]))
        for y, mean in zip(at, means.tolist(), strict=True):
            axes.annotate(f" {change(mean)}", (max(mean, 0.0), y), va="center", fontsize=9.5)
    _labels(axes, names[1:])
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_xlabel(f"{_unit(advice)} in the mean")
    axes.legend(loc="best")
    heading(axes, "What it is made of")


@picture(Advice, needs=_is_one)
def decide_regret(advice: Advice) -> Figure:
    """How far each action falls short of the best one of its draw, and in the mean over the worst belief."""
    found, names = advice.subject, advice.subject.choice.actions
    mean, high = found.regret.value
    least = int(mean.argmin())
    title = f"{_words(names[least])} is regretted least: {_amount(advice, mean[least])} in the mean"
    note = (
        "Regret is what the best action of the same draw would have added; over beliefs, what the best under one "
        "belief would have added in the mean."
    )
    figure = _sheet(advice, title, note)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(3.0, 1.0, 1.75, 1.6))[0, 0])
    bars = (("mean over draws", mean), ("95% point of draws", high), ("worst belief", found.regret_over_beliefs.value))
    errors = (*found.regret.se, found.regret_over_beliefs.se)
    for k, ((label, values), error) in enumerate(zip(bars, errors, strict=True)):
        at = np.arange(len(names)) + 0.26 * (k - 1)
        axes.barh(at, values, height=0.24, color=COLOURS[k + 1], xerr=2 * error, label=label, ecolor=GREY)
        for y, value, spread in zip(at, values, np.nan_to_num(2 * error), strict=True):
            axes.annotate(f" {money(float(value))}", (value + spread, y), va="center", fontsize=9.5)
    _labels(axes, names, 2.4)
    axes.set_xlabel(f"{_unit(advice)}, with two standard errors")
    _key_below(figure, axes.get_legend_handles_labels()[0])
    return figure


_MAP: Final = (
    "Colours: the best action in the mean; the dot: the weights of the scenario; the cross: the nearest at which "
    "another is as good."
)
_LINES: Final = (
    "Lines: the mean of each action; dotted: the weight of the scenario; dashed: the nearest at which another is as "
    "good."
)


@picture(Advice, needs=_has_beliefs)
def decide_beliefs(advice: Advice) -> Figure:
    """Which action is best at which weights of the hypotheses, where we stand, and how near the border is."""
    found, levels = advice.subject, advice.subject.levels
    is_map = len(found.choice.beliefs) == 3
    figure = _sheet(advice, _beliefs_title(found), f"{advice.question} {_MAP if is_map else _LINES}")
    places = grid(figure, 1, len(levels), margins=(0.8, 0.8, 2.1, 1.5), gaps=(0.7, 0.5))
    for k, level in enumerate(levels):
        axes = figure.add_subplot(places[0, k])
        (_draw_triangle if is_map else _draw_line)(axes, advice, level)
        heading(axes, _commits(advice, level))
    handles = [Patch(color=colour, label=_words(name)) for name, colour in _action_colours(found).items()]
    _key_below(figure, handles)
    return figure


def _beliefs_title(found: Appraisal) -> str:
    first, last = found.levels[0], found.levels[-1]
    name = _words(found.choice.actions[first.best])
    if first.is_best_by_any_belief:
        said = f"{name} is best whatever one believes"
        return said if last is first else f"{said}; at its break-even belief decides"
    distance = f"{_points(first.flip.distance)} of weight" if first.flip else "no weights"
    return f"{name} is best; {distance} would turn it"


def _points(distance: float) -> str:
    return f"{percent(100 * distance).rstrip('%')} points"


def _commits(advice: Advice, level: Level) -> str:
    most = float(level.cost.max())
    return f"{capital(level.label)}: {_amount(advice, most)}" if most else "Nothing is committed"


def _corners() -> FloatArray:
    return np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])


def _draw_triangle(axes: Axes, advice: Advice, level: Level) -> None:
    found = advice.subject
    weights, corners = lattice(3, _STEPS), _corners()
    best, at = best_by_weights(level.net_means, weights), weights @ corners
    colours = np.array(list(_action_colours(found).values()))
    axes.scatter(at[:, 0], at[:, 1], c=colours[best], s=34, marker="h", linewidths=0, alpha=0.75, rasterized=True)
    _draw_stand(axes, found.choice.weights @ corners, level, corners)
    for name, (x, y), up in zip(found.choice.beliefs, corners, (False, False, True), strict=True):
        words = textwrap.fill(advice.belief(name), _LINE_OF_BELIEF)
        axes.annotate(words, (x, y + (0.05 if up else -0.05)), ha="center", va="bottom" if up else "top", fontsize=10)
    axes.set_xlim(-0.15, 1.15)
    axes.set_ylim(-0.2, 1.1)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _draw_line(axes: Axes, advice: Advice, level: Level) -> None:
    found = advice.subject
    weights = np.linspace(0.0, 1.0, _STEPS + 1)
    for (name, colour), (low, high) in zip(_action_colours(found).items(), level.net_means, strict=True):
        axes.plot(weights, (1 - weights) * low + weights * high, color=colour, linewidth=2.2, label=name)
    stand = float(found.choice.weights[1])
    axes.axvline(stand, color=INK, linestyle=":", linewidth=1.2)
    if level.flip is not None:
        axes.axvline(float(level.flip.weights[1]), color=COLOURS[2], linestyle="--", linewidth=1.2)
    axes.set_xlabel(f"weight of {advice.belief(list(found.choice.beliefs)[1])}")
    axes.set_ylabel(f"mean, {_unit(advice)}")
    axes.grid()


def _draw_stand(axes: Axes, stand: FloatArray, level: Level, corners: FloatArray) -> None:
    axes.plot(*stand, "o", color=INK, markersize=9, markeredgecolor="white")
    if level.flip is not None:
        at = level.flip.weights @ corners
        axes.plot(*at, "X", color=INK, markersize=10, markeredgecolor="white")
        axes.plot([stand[0], at[0]], [stand[1], at[1]], color=INK, linewidth=1.2)
        axes.annotate(_points(level.flip.distance), (at[0] + 0.02, at[1] + 0.02), fontsize=10, fontweight="bold")


@picture(Advice, needs=_can_learn)
def decide_information(advice: Advice) -> Figure:
    """What it is worth to know each input before choosing, between a lower and an upper bound, beside the floor."""
    found = advice.subject
    level = max(found.levels, key=lambda one: float(one.foresight.value))
    told = level.told
    title = "Nothing that can be found out would change the choice"
    if told:
        known = capital(known_words(told[0].known.name, advice.scenario))
        title = f"{known}: to know it first is worth {_amount(advice, told[0].low)}"
    how = "Bars: lower bound with three errors; rings: upper bound, biased up. Filled: told from 0."
    note = f"{_commits(advice, level)}. {how}"
    figure = _sheet(advice, title, note)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(4.2, 1.0, 1.75, 1.05))[0, 0])
    shown = level.units[:_MOST_UNITS]
    for place, unit in enumerate(shown):
        colour = KIND_COLOURS[unit.known.kind]
        axes.barh(place, unit.low, color=colour if unit.is_told else "none", edgecolor=colour, height=0.55)
        axes.plot(unit.high, place, "o", markerfacecolor="none", markeredgecolor=colour, markersize=8)
        axes.errorbar(unit.low, place, xerr=3 * unit.low_se, color=GREY, capsize=3, linestyle="")
    _labels(axes, [capital(known_words(unit.known.name, advice.scenario)) for unit in shown], 3.6)
    axes.axvline(level.floor, color=GREY, linestyle=":", label="largest of 40 columns of noise")
    if level.nested is not None:
        ends = dict.fromkeys(map(money, (level.nested.low, level.nested.high)))
        label = f"all but luck together: {' to '.join(ends)}"
        axes.plot([], [], " ", label=label)
    axes.plot([], [], " ", label=f"perfect foresight, luck too: {money(float(level.foresight.value))}")
    axes.set_xlabel(_unit(advice))
    handles, _ = axes.get_legend_handles_labels()
    kinds = [Patch(color=colour, label=kind) for kind, colour in KIND_COLOURS.items()]
    axes.legend(handles=[*handles, *kinds], loc="lower right")
    return figure


@picture(Advice, needs=_has_frontier)
def decide_frontier(advice: Advice) -> Figure:
    """What each regime brings to the host beside what it brings to foreign providers, with the middle half of draws."""
    choice, against = advice.subject.choice, advice.against
    assert against is not None
    host, foreign = choice.net(choice.cost) - choice.net(choice.cost)[0], against - against[0]
    best = int(host.mean(axis=1).argmax())
    title = f"{_words(choice.actions[best])} brings the host most: {_amount(advice, host[best].mean())}"
    if not best:
        title = f"Nothing brings the host more than '{choice.actions[0]}'"
    note = f"{advice.question} Present value above '{choice.actions[0]}': means, and the middle half of draws."
    figure = _sheet(advice, title, note)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(1.15, 0.75 + _ROOM_BESIDE, 2.0, 1.05))[0, 0])
    ends: list[tuple[float, str, str]] = []
    for d, (name, colour) in enumerate(_action_colours(advice.subject).items()):
        x, y = float(foreign[d].mean()), float(host[d].mean())
        low, high = (np.quantile(one[d], [0.25, 0.75]) for one in (foreign, host))
        axes.plot(low, [y, y], color=colour, alpha=0.45, linewidth=3)
        axes.plot([x, x], high, color=colour, alpha=0.45, linewidth=3)
        axes.plot(x, y, MARKERS[d % len(MARKERS)], color=colour, markersize=11)
        positive = f", above 0 in {share_of_draws(float((host[d] > 0).mean()))} of draws" if d else ""
        ends.append((y, wrapped(f"{_words(name)}{positive}", 10, _ROOM_BESIDE, 3), colour))
    _names_beside(axes, ends)
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_xlabel(f"foreign providers, {_unit(advice)}")
    axes.set_ylabel(f"the host, {_unit(advice)}")
    axes.grid()
    return figure


_ROOM_BESIDE: Final = 2.6
"""Inches right of the axes for the names of actions."""


def _names_beside(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names right of the axes at the height of their points, or as near as others leave room; each with its colour."""
    low, high = axes.get_ylim()
    inch = axes.figure.dpi / axes.bbox.height * (high - low)
    ordered = sorted(ends)
    heights = [0.2 * (1 + text.count("\n")) * inch for _, text, _ in ordered]
    place, places = low, []
    for (y, _, _), height in zip(ordered, heights, strict=True):
        places.append(max(y, place + height / 2))
        place = places[-1] + height / 2
    over = max(place - high, 0.0)
    for (y, text, colour), at in zip(ordered, places, strict=True):
        beside(axes, at - over, text, right=24, fontsize=10)
        joined = [(1.0, y), (1.0 + 0.2 / (axes.bbox.width / axes.figure.dpi), at - over)]
        axes.plot(*zip(*joined, strict=True), color=colour, clip_on=False, transform=axes.get_yaxis_transform())
    axes.set_ylim(low, high)


@picture(Advice, needs=lambda advice: advice.game is not None)
def decide_pairs(advice: Advice) -> Figure:
    """What each of two who decide gets in every pair of actions; pairs that answer each other best are framed."""
    game = advice.game
    assert game is not None
    means, stable = game.means, set(game.equilibria.in_mean)
    named = " and ".join(f"{game.actions[0][d]} × {game.actions[1][e]}" for d, e in sorted(stable))
    title = f"Best answers to each other: {named}" if stable else "No pair of actions answers itself best"
    note = f"{advice.question} Mean net present value above the first pair, {_unit(advice)}, with two standard errors."
    figure = _sheet(advice, title, note)
    axes = figure.add_subplot(grid(figure, 1, 1, margins=(3.2, 3.2, 2.2, 1.05))[0, 0])
    rows, columns = means.value.shape[1:]
    for d in range(rows):
        for e in range(columns):
            frame = {"edgecolor": COLOURS[2], "linewidth": 3, "zorder": 3} if (d, e) in stable else {"edgecolor": GREY}
            axes.add_patch(Rectangle((e, d), 1, 1, fill=False, **frame))
            lines = [
                f"{name} {change(float(value[d, e]))} ± {money(2 * float(error[d, e]))}"
                for name, value, error in zip(game.names, means.value, means.se, strict=True)
            ]
            axes.text(e + 0.5, d + 0.5, "\n".join(lines), ha="center", va="center", fontsize=14, linespacing=1.8)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_xticks(np.arange(columns) + 0.5, [f"{game.names[1]}: {name}" for name in game.actions[1]], fontsize=12)
    axes.set_yticks(np.arange(rows) + 0.5, [f"{game.names[0]}: {name}" for name in game.actions[0]], fontsize=12)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
