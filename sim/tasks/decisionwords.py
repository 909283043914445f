"""What a decision comes to in words: one sentence for each thing that is found, and a short table of the actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Final

import numpy as np

from sim.analysis.appraisal import AS_STATED, WITH_VALUE, Appraisal, Level, UnitWorth
from sim.analysis.decisions import PAYOFF_STATISTICS, Game
from sim.analysis.scrambles import Estimate
from sim.analysis.waiting import AT_ONCE, NEVER, NOW_OR_NEVER, TimingRule
from sim.outcomes.phrases import as_percent, share_of_draws
from sim.outcomes.stakes import UPPER_BOUND
from sim.pictures.decisions import Advice, known_words
from sim.pictures.waiting import WaitingSheet
from sim.scenario.scenario import Scenario
from sim.tasks.boxfile import Terms, terms_of
from sim.tasks.decisiontable import at_place, mean_of, share_above_0
from sim.wording import with_unit

__all__ = ["sentences", "short_table"]

_NOTHING: Final = 5e-4
"""Billions: what a sentence does not tell from nothing."""

_CURRENCY: Final = "¤"
"""The sign of no currency: stands for the scenario's until a sentence is whole."""

_ERRORS: Final = 3.0
_MOST_TOLD: Final = 3
"""Inputs that are named in a sentence."""


def sentences(advice: Advice) -> tuple[str, ...]:
    """One sentence for each thing that is found, the most important first."""
    made = _of_host(advice) if advice.is_host else _of_provider(advice)
    told = _of_game(advice) if advice.game is not None else filter(None, made)
    return tuple(sentence.replace(_CURRENCY, advice.scenario.money) for sentence in told)


def _amount(value: float) -> str:
    size = abs(value)
    if size < _NOTHING:
        return "nothing"
    digits = 0 if size >= 99.5 else 1 if size >= 1.95 else 2 if size >= 0.0995 else 3
    return f"{_CURRENCY} {'−' if value < 0 else ''}{size:,.{digits}f}bn"


def _about(number: Estimate) -> str:
    """An amount with two standard errors."""
    value, se = float(number.value), float(number.se)
    return _amount(value) if isnan(se) else f"{_amount(value)} (± {2 * se:.2g})"


def _statistic(found: Appraisal, name: str, d: int) -> float:
    return float(found.payoffs.value[PAYOFF_STATISTICS.index(name), d])


def _of_provider(advice: Advice) -> Iterator[str]:
    found = advice.subject
    yield _headline(advice)
    yield _stake(found)
    yield _payoff(found)
    if float(found.idle.value) > 0.0:
        share = as_percent(float(found.idle.value))
        yield f"In {share} of draws no action but the first could be taken: there the choice makes no difference."
    yield _terminal(found)
    yield _place(found)
    yield from _waiting(advice)
    yield from _all_levels(advice)
    yield _regret(found)
    for name, added in advice.benchmarks.items():
        yield f"As a benchmark, '{name}' brings {_about(mean_of(added))}: it knows in each draw what nobody can know."


def _headline(advice: Advice) -> str:
    who, found = advice.titles[0][0], advice.subject
    d = found.in_question
    even, action = found.break_even[d], found.choice.actions[d]
    if even is None:
        return f"{who}: '{action}' brings {_about(at_place(found.payoffs, 0, d))} above '{found.choice.actions[0]}'."
    by_belief = zip(found.choice.beliefs, found.break_even_by_belief[d], strict=True)
    beliefs = [f"{_up_to(float(one.value))} if {advice.belief(name)} holds" for name, one in by_belief]
    told = f"; by belief {', '.join(beliefs)}" if len(beliefs) > 1 else ""
    if float(even.value) <= 0.0:
        return f"{who}: '{action}' does not pay in the mean, even with nothing committed{told}."
    return f"{who}: '{action}' pays up to a sunk commitment of {_about(even)}{told}."


def _up_to(commitment: float) -> str:
    """Up to which commitment something pays, if at any."""
    return f"up to {_amount(commitment)}" if commitment > 0.0 else "not at all"


def _stake(found: Appraisal) -> str:
    """The one sentence where nothing is at stake at the stated commitment."""
    level, action = found.levels[0], found.choice.actions[found.levels[0].best]
    if level.is_best_by_any_belief and not level.told:
        even = found.break_even[level.best]
        point = f"; only a commitment above {_amount(float(even.value))} overturns it" if even is not None else ""
        return (
            f"'{action}' is best whatever weights one gives the beliefs, and nothing that can be found out would "
            f"change it{point}."
        )
    return ""


def _payoff(found: Appraisal) -> str:
    d = found.in_question
    cost, (first, action) = float(found.choice.cost[d]), (found.choice.actions[0], found.choice.actions[d])
    after = f", after the {_amount(cost)} that it commits" if cost else ""
    low, middle, high, tail = (_amount(_statistic(found, name, d)) for name in ("p05", "p50", "p95", "worst tenth"))
    loss, best = (as_percent(_statistic(found, name, d)) for name in ("P(loss)", "P(best)"))
    return (
        f"'{action}' brings {_about(at_place(found.payoffs, 0, d))} above '{first}' in the mean{after} (median "
        f"{middle}, 90% of draws {low} to {high}; the worst tenth {tail}); it loses in {loss} of draws and is best in "
        f"{best}."
    )


def _terminal(found: Appraisal) -> str:
    """How much of the worth comes after the horizon, and what other rates make of it."""
    d, mean = found.in_question, float(found.payoffs.value[0, found.in_question])
    means = {label: float(one.value[d]) for label, one in found.by_variant.items()}
    parts = [
        f"{_amount(value)} if nothing counts after {label[3:]}" for label, value in means.items() if label[:3] == "to "
    ]
    parts += [
        f"{_amount(value)} at {label.removeprefix('discount ')} a year"
        for label, value in means.items()
        if label.startswith("discount ")
    ]
    return f"That mean of {_amount(mean)} is {', '.join(parts)}." if parts else ""


def _place(found: Appraisal) -> str:
    if not found.queue:
        return ""
    worth = at_place(found.queue["first less last"], found.in_question)
    if not float(worth.value) and not float(worth.se) > 0.0:  # nobody waits for another
        return ""
    gap = _about(worth)
    return f"To be the first of those who apply on one day, and not the last, is worth {gap} of it."


def _waiting(advice: Advice) -> Iterator[str]:
    """What it is worth to wait at each commitment; at the stated one when the rule applies, and what waiting is not."""
    if not advice.waiting:
        return
    stated, found = advice.waiting[0], advice.subject
    for shown, level in zip(advice.waiting, found.levels, strict=False):
        yield f"{_where(level)}: {_option(shown)}."
    option, rule = stated.option, stated.option.cautious
    yield (
        f"Applying at once brings {_about(option.at_once)} above never, now or never by what is seen on the day "
        f"{_about(rule.now_or_never)}, waiting and seeing {_about(rule.worth)}, and to know all that comes, which "
        f"nobody can, {_about(option.perfect_foresight)}."
    )
    shares = [as_percent(float(share.value)) for share in rule.shares]
    dates = [f"{name} in {share}" for name, share in zip(stated.date_names, shares, strict=True) if share != "0.0%"]
    opened = as_percent(stated.opened)
    yield f"Of the {opened} of draws in which it is ever permitted, such a rule applies {', '.join(dates)}."
    yield (
        "Rivals answer what has happened, not what is meant: no announcement keeps anybody out. Those that follow the "
        "rule of profit know what control is worth in their draw, and who watches them learns from it."
    )


def _option(shown: WaitingSheet) -> str:
    """What waiting is worth, as far as that is told under every basis."""
    option, rule = shown.option, shown.option.cautious
    if option.is_told:
        return f"waiting to see is worth {_about(rule.option)} above the best without it, {_simple(rule)}"
    if all(abs(float(one.option.value)) < _NOTHING for one in option.rules):
        return f"waiting is worth nothing; {_simple(rule)} is best"
    found = " and ".join(f"{_about(one.option)} by {_RULES.get(one.basis, one.basis)}" for one in option.rules)
    return f"what waiting is worth is not told from 0 ({found}); without it, {_simple(rule)} is best"


def _simple(rule: TimingRule) -> str:
    """The best that can be done without waiting."""
    if rule.instead == NOW_OR_NEVER:
        return f"deciding once, on the first day, by what is then seen ({_amount(float(rule.now_or_never.value))})"
    return {NEVER: "never applying", AT_ONCE: "applying at once"}[rule.instead]


_RULES: Final = {"linear": "linear rules"}


def _all_levels(advice: Advice) -> Iterator[str]:
    for level in advice.subject.levels:
        yield f"{_where(level)}: {_flip(advice, level)}; {_knowing(advice, level)}."


def _where(level: Level) -> str:
    most = float(level.cost.max())
    if not most:
        return "With nothing committed"
    if level.label == AS_STATED:
        return f"At the {_amount(most)} that the file commits"
    return f"At {level.label} ({_amount(most)})"


def _flip(advice: Advice, level: Level) -> str:
    found = advice.subject
    action = found.choice.actions[level.best]
    if level.flip is None:
        return f"'{action}' is best at all weights of the beliefs"
    weights = ", ".join(
        f"{advice.belief(name)} {100 * weight:.0f}%"
        for name, weight in zip(found.choice.beliefs, level.flip.weights, strict=True)
    )
    error = "" if isnan(level.flip_se) else f" (± {200 * level.flip_se:.1g})"
    other = found.choice.actions[level.flip.action]
    distance = 100 * level.flip.distance
    points = f"{distance:.0f}" if distance >= 0.95 else f"{distance:.1f}"
    return f"'{action}' is best, and {points} points of weight{error} make '{other}' as good ({weights})"


def _knowing(advice: Advice, level: Level) -> str:
    foresight = f"perfect foresight, luck and all, {_amount(float(level.foresight.value))}"
    nested = "" if level.nested is None else f"all but luck together {_range(*level.nested)}, "
    told = {unit.known.name for unit in level.told}
    buyable = [
        unit for unit in level.told if unit.known.kind != "luck" and f"{unit.known.name}{WITH_VALUE}" not in told
    ]
    if not buyable:
        return f"no single thing that can be found out is told from worth nothing, {nested}{foresight}"
    terms = terms_of(advice.scenario)
    named = ", ".join(_unit_worth(unit, advice.scenario, terms) for unit in buyable[:_MOST_TOLD])
    return f"to know first is worth: {named}; {nested}{foresight}"


def _range(low: float, se: float, high: float) -> str:
    """A worth from its lower to its upper bound, as far as the lower one is told from 0."""
    if isnan(se) or low > _ERRORS * se:
        return " to ".join(dict.fromkeys(map(_amount, (low, max(low, high)))))
    return f"at most {_amount(max(low, high, 0.0))}"


def _unit_worth(unit: UnitWorth, scenario: Scenario, terms: Mapping[str, Terms]) -> str:
    """What it is worth to know a unit, and where on its number the choice turns, in the unit of the scenario."""
    flip = ""
    if unit.flip is not None:
        own = terms[unit.known.labels[0]]
        value, error = float(unit.flip.value) / own.factor, 2 * float(unit.flip.se) / own.factor
        spread = "" if isnan(error) else f" ± {error:.2g}"
        flip = f", which turns the choice at {with_unit(f'{value:.3g}{spread}', own.unit)}"
    return f"'{known_words(unit.known.name, scenario)}' {_range(unit.low, unit.low_se, unit.high)}{flip}"


def _regret(found: Appraisal) -> str:
    amounts = zip(*found.regret.value.tolist(), found.regret_over_beliefs.value.tolist(), strict=True)
    parts = [
        f"'{name}' {_amount(mean)} (5% of draws above {_amount(high)}; worst belief {_amount(worst)})"
        for name, (mean, high, worst) in zip(found.choice.actions, amounts, strict=True)
    ]
    return f"Regret in the mean: {', '.join(parts)}."


def _of_host(advice: Advice) -> Iterator[str]:
    found = advice.subject
    for d in np.argsort(-found.payoffs.value[0], kind="stable").tolist():
        if d:
            yield _regime(advice, d)
    yield _bound(advice)
    yield _stake(found)
    yield from _all_levels(advice)
    yield _regret(found)


def _bound(advice: Advice) -> str:
    """What is best if customers gain or lose less than is counted, of which that is an upper bound."""
    counted = next((part for label, part in advice.parts.items() if label.startswith(UPPER_BOUND)), None)
    if counted is None:
        return ""
    worth, actions = np.sum(list(advice.parts.values()), axis=0), advice.subject.choice.actions
    half, none = (actions[int((worth - less * counted).mean(axis=1).argmax())] for less in (0.5, 1.0))
    return (
        "What customers gain or lose is an upper bound, since all that holds offers back counts as a barrier: "
        f"with half of it '{half}' is best, with none of it '{none}'."
    )


def _regime(advice: Advice, d: int) -> str:
    """What a regime brings the host, of what that is made, and what it leaves to foreign providers."""
    found, actions = advice.subject, advice.subject.choice.actions
    worth, against = advice.subject.choice.worth, advice.against
    low, high = (_amount(_statistic(found, name, d)) for name in ("p05", "p95"))
    parts = (f"{_named(label)} {_amount(float((one[d] - one[0]).mean()))}" for label, one in advice.parts.items())
    foreign = "" if against is None else f"; foreign providers get {_about(mean_of(against[d] - against[0]))}"
    return (
        f"'{actions[d]}' brings the host {_about(at_place(found.payoffs, 0, d))} above '{actions[0]}' "
        f"({', '.join(parts)}), 90% of draws {low} to {high}, more than nothing in "
        f"{share_of_draws(float(share_above_0(worth[d] - worth[0]).value))} of draws{foreign}."
    )


def _named(label: str) -> str:
    return label.partition(".")[0].replace("_", " ")


def _of_game(advice: Advice) -> Iterator[str]:
    game = advice.game
    assert game is not None
    yield _whatever(game, 0)
    yield _whatever(game, 1)
    found = game.equilibria
    pairs = [f"'{game.actions[0][d]}' × '{game.actions[1][e]}'" for d, e in found.in_mean]
    best = f"{' and '.join(pairs)} {'answer each other best' if len(pairs) == 1 else 'are pairs of best answers'}"
    several, one, none = (as_percent(float(share.value)) for share in (found.several, found.one, found.none))
    yield (
        f"In the mean {best if pairs else 'no pair answers itself best'}; draw by draw there are several such pairs in "
        f"{several}, one in {one} and none in {none}."
    )


def _whatever(game: Game, player: int) -> str:
    """What one does whatever the other does, and what the other costs it."""
    who, other, rival = game.names[player], game.names[1 - player], game.actions[1 - player]
    action = game.dominant(player)
    if action is None:
        return f"{who}: what is best hangs on what {other} does."
    return (
        f"{who}: '{game.actions[player][action]}' is best in the mean whatever {other} does; {other}'s '{rival[-1]}' "
        f"in place of '{rival[0]}' costs it {_about(game.cost_of_rival(player))}."
    )


def short_table(advice: Advice) -> tuple[tuple[str, ...], ...]:
    """Actions beside each other: a header, and a row for each."""
    if advice.game is not None:
        return _pairs_table(advice)
    found = advice.subject
    header = (
        "action",
        "mean",
        "std. error",
        "5%",
        "median",
        "95%",
        "worst tenth",
        "loss",
        "best",
        "break-even",
        "regret",
    )
    return (header, *(_action_cells(found, d) for d in range(len(found.choice.actions))))


def _action_cells(found: Appraisal, d: int) -> tuple[str, ...]:
    amounts = (_statistic(found, name, d) for name in ("p05", "p50", "p95", "worst tenth"))
    shares = (f"{100 * _statistic(found, name, d):.0f}%" for name in ("P(loss)", "P(best)"))
    even, se = found.break_even[d], float(found.payoffs.se[0, d])
    return (
        found.choice.actions[d],
        f"{_statistic(found, 'mean', d):+.2f}",
        "" if isnan(se) else f"{se:.2f}",
        *(f"{amount:+.2f}" for amount in amounts),
        *shares,
        "" if even is None else f"{float(even.value):.2f}",
        f"{float(found.regret.value[0, d]):.2f}",
    )


def _pairs_table(advice: Advice) -> tuple[tuple[str, ...], ...]:
    game = advice.game
    assert game is not None
    header = (f"{game.names[0]} × {game.names[1]}", *(f"{name}, mean" for name in game.names), "mutual best")
    stable = set(game.equilibria.in_mean)
    rows = [
        (
            f"{mine} × {theirs}",
            *(f"{float(game.means.value[k, d, e]):+.2f}" for k in range(2)),
            "yes" if (d, e) in stable else "",
        )
        for d, mine in enumerate(game.actions[0])
        for e, theirs in enumerate(game.actions[1])
    ]
    return (header, *rows)
