"""What a decision comes to, as one tidy table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from sim.analysis.appraisal import Appraisal, Level
from sim.analysis.decisions import PAYOFF_STATISTICS, best_by_weights, lattice, leaving_out
from sim.analysis.scrambles import Estimate
from sim.axes import FloatArray
from sim.pictures.decisions import Advice
from sim.pictures.waiting import WaitingSheet
from sim.scenario.money import in_currency

__all__ = ["DECIDE_COLUMNS", "PAIR", "Row", "at_place", "decide_rows", "mean_of", "share_above_0"]

_MAP_STEPS: Final = 20
"""Of a weight in the table of beliefs."""


class Row(NamedTuple):
    """One number of a decision."""

    table: str
    action: str
    given: str
    statistic: str
    value: float
    se: float
    unit: str


DECIDE_COLUMNS: Final = Row._fields

PAIR: Final = " × "
"""Between the actions of two who decide."""

_UNIT: Final = "bn"
_UNITS: Final = {"P(loss)": "fraction", "P(best)": "fraction"}


def decide_rows(advice: Advice) -> Iterator[Row]:
    """The tidy table."""
    for row in _rows(advice):
        yield row._replace(unit=in_currency(row.unit, advice.scenario.money))


def _rows(advice: Advice) -> Iterator[Row]:
    """Its rows, money without its currency."""
    if advice.game is not None:
        yield from _game_rows(advice)
        return
    found = advice.subject
    yield from _payoff_rows(found)
    yield from _part_rows(advice)
    yield from _break_even_rows(found)
    yield from _queue_rows(found)
    yield from _regret_rows(found)
    for level in found.levels:
        yield from _belief_rows(found, level)
        yield from _information_rows(level)
    for name, added in advice.benchmarks.items():
        yield _row("benchmark", name, "", "mean", mean_of(added))
    for shown, level in zip(advice.waiting, found.levels, strict=False):
        yield from _waiting_rows(f"waiting, {level.label}", shown)


def _row(table: str, action: str, given: str, statistic: str, number: Estimate, unit: str = _UNIT) -> Row:
    return Row(table, action, given, statistic, float(number.value), float(number.se), unit)


def at_place(number: Estimate, *place: int) -> Estimate:
    """One number of an array of them, with its error."""
    return Estimate(number.value[place], number.se[place])


def mean_of(column: FloatArray) -> Estimate:
    """Mean over draws, (N,)."""
    return leaving_out(lambda some: np.asarray(some.mean()), column)


def share_above_0(column: FloatArray) -> Estimate:
    """Share of the draws above 0, (N,)."""
    return leaving_out(lambda some: np.asarray((some > 0.0).mean()), column)


def _payoff_rows(found: Appraisal) -> Iterator[Row]:
    for d, action in enumerate(found.choice.actions):
        for s, statistic in enumerate(PAYOFF_STATISTICS):
            yield _row("payoffs", action, "", statistic, at_place(found.payoffs, s, d), _UNITS.get(statistic, _UNIT))
        for x, belief in enumerate(found.choice.beliefs):
            yield _row("payoffs", action, belief, "mean", at_place(found.by_belief, d, x))
        for label, means in found.by_variant.items():
            yield _row("payoffs", action, label, "mean", at_place(means, d))
    yield _row("payoffs", "", "", "makes no difference", found.idle, "fraction")


def _part_rows(advice: Advice) -> Iterator[Row]:
    """What the worth of the host is made of, how often it is above 0, and what foreign providers get."""
    if not advice.is_host:
        return
    choice = advice.subject.choice
    for d, action in enumerate(choice.actions):
        for name, values in advice.parts.items():
            yield _row("parts", action, name, "mean", mean_of(values[d] - values[0]))
        added = choice.worth[d] - choice.worth[0]
        yield _row("parts", action, "", "P(above 0)", share_above_0(added), "fraction")
        if advice.against is not None:
            yield _row("parts", action, advice.against_label, "mean", mean_of(advice.against[d] - advice.against[0]))


def _break_even_rows(found: Appraisal) -> Iterator[Row]:
    for d, even in enumerate(found.break_even):
        if even is not None:
            yield _row("break-even", found.choice.actions[d], "", "commitment", even)
            for belief, one in zip(found.choice.beliefs, found.break_even_by_belief[d], strict=True):
                yield _row("break-even", found.choice.actions[d], belief, "commitment", one)


def _queue_rows(found: Appraisal) -> Iterator[Row]:
    for place, means in found.queue.items():
        for d, action in enumerate(found.choice.actions):
            yield _row("queue", action, place, "mean", at_place(means, d))


def _regret_rows(found: Appraisal) -> Iterator[Row]:
    for d, action in enumerate(found.choice.actions):
        yield _row("regret", action, "", "mean", at_place(found.regret, 0, d))
        yield _row("regret", action, "", "p95", at_place(found.regret, 1, d))
        yield _row("regret", action, "worst belief", "mean", at_place(found.regret_over_beliefs, d))


def _belief_rows(found: Appraisal, level: Level) -> Iterator[Row]:
    """The best action at weights of the beliefs on a lattice, and the nearest that turn the choice."""
    names, actions = list(found.choice.beliefs), found.choice.actions
    weights = lattice(len(names), _MAP_STEPS)
    for at, d in zip(weights, best_by_weights(level.net_means, weights).tolist(), strict=True):
        where = "; ".join(f"{name} {weight:.2f}" for name, weight in zip(names, at, strict=True))
        worth = Estimate(at @ level.net_means[d], np.asarray(np.nan))
        yield _row(f"beliefs, {level.label}", actions[d], where, "mean of the best", worth)
    if level.flip is not None:
        where = "; ".join(f"{name} {weight:.3f}" for name, weight in zip(names, level.flip.weights, strict=True))
        distance = Estimate(np.asarray(level.flip.distance), np.asarray(level.flip_se))
        yield _row(f"beliefs, {level.label}", actions[level.flip.action], where, "nearest flip", distance, "fraction")


def _information_rows(level: Level) -> Iterator[Row]:
    table, unknown = f"information, {level.label}", np.asarray(np.nan)
    yield _row(table, "", "the draw itself", "perfect foresight", level.foresight)
    yield _row(table, "", "noise", "floor", Estimate(np.asarray(level.floor), unknown))
    for unit in level.units:
        yield from _worth_rows(table, unit.known.name, unit.low, unit.low_se, unit.high)
        yield Row(table, "", unit.known.name, "told from 0", float(unit.is_told), float("nan"), "1")
        if unit.flip is not None:
            yield _row(table, "", unit.known.name, "flip point", unit.flip, unit.known.units[0])
    if level.nested is not None:
        yield from _worth_rows(table, "all but luck", *level.nested)


def _worth_rows(table: str, name: str, low: float, low_se: float, high: float) -> Iterator[Row]:
    yield Row(table, "", name, "low", low, low_se, _UNIT)
    yield Row(table, "", name, "high", high, float("nan"), _UNIT)


def _waiting_rows(table: str, shown: WaitingSheet) -> Iterator[Row]:
    """Applying at each date, deciding once, by rules that wait, and with foresight; above never."""
    option, names = shown.option, shown.date_names
    for name, number in zip(names, option.each, strict=False):
        yield _row(table, f"apply {name}", "", "mean", number)
    for rule in option.rules:
        yield _row(table, "now or never", rule.basis, "mean", rule.now_or_never)
        yield _row(table, "wait and see", rule.basis, "mean", rule.worth)
        yield _row(table, "wait and see", rule.basis, "option value", rule.option)
        for name, share in zip(names, rule.shares, strict=True):
            yield _row(table, f"wait and see: {name}", rule.basis, "P(date)", share, "fraction")
    yield _row(table, "perfect foresight", "", "mean", option.perfect_foresight)


def _game_rows(advice: Advice) -> Iterator[Row]:
    game = advice.game
    assert game is not None
    for k, name in enumerate(game.names):
        for d, mine in enumerate(game.actions[0]):
            for e, theirs in enumerate(game.actions[1]):
                yield _row("pairs", f"{mine}{PAIR}{theirs}", name, "mean", at_place(game.means, k, d, e))
        yield _row("pairs", "", name, "cost of the rival", game.cost_of_rival(k))
    found = game.equilibria
    for statistic, share in (("none", found.none), ("one", found.one), ("several", found.several)):
        yield _row("mutual best answers", "", "draws", statistic, share, "fraction")
    for d, e in found.in_mean:
        pair = f"{game.actions[0][d]}{PAIR}{game.actions[1][e]}"
        yield Row("mutual best answers", pair, "mean", "is one", 1.0, float("nan"), "1")
