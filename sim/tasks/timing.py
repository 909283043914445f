"""When a provider should apply for sites of its own: one run for each date, one in which it never does, and the rule.

Dates count from each draw's first day of permission. Rivals answer what has happened in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from sim.analysis.scrambles import Estimate
from sim.analysis.waiting import Choices, OptionToWait, option_to_wait, policy_map
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, join_draws
from sim.chance.sampling import draw_worlds
from sim.dates.timeline import Masks, Timeline, first_permission
from sim.errors import NumericalError, Problem, ScenarioError
from sim.model.accounts import outcomes
from sim.model.course import Shared
from sim.model.economy import Economy
from sim.model.engine import observe
from sim.model.record import Record
from sim.model.sight import seen_by
from sim.pictures.style import percent, short_title
from sim.pictures.waiting import WaitingSheet
from sim.scenario.evidence import CHOICE
from sim.scenario.families import Fixed
from sim.scenario.policy import NEVER
from sim.scenario.providers import ALLOWED, ProviderEntry
from sim.scenario.scenario import Scenario
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK
from sim.tasks.parts import Arrays

__all__ = [
    "FREE",
    "Commitment",
    "Row",
    "Valuation",
    "WaitingAnswer",
    "value_at",
    "waiting_answer",
    "waiting_parts",
]

Valuation: TypeAlias = Callable[[Scenario, Economy, Record, Timeline, Masks], FloatArray]
"""What a run is worth to the one who decides, (N,) USD bn; of a module, with its arguments by `partial`."""


class Commitment(NamedTuple):
    """What applying commits to.

    Attributes
    ----------
    cost : float
        USD bn on the day of application, which nothing brings back.
    discount_rate : float
        Per year, at which it is discounted to the end of the base year.
    """

    cost: float = 0.0
    discount_rate: float = 0.0


FREE: Final = Commitment()
"""Applying costs nothing but what the model counts."""


def value_at(
    variable: str,
    place: tuple[str, str],
    rates: tuple[float, float],
    scenario: Scenario,
    economy: Economy,
    record: Record,
    timeline: Timeline,
    masks: Masks,
) -> FloatArray:
    """An outcome of the last year at one discount rate and one terminal growth in all draws, (N,).

    All that was decided in the run was decided at each draw's own rate: only what it is worth is told anew.

    Parameters
    ----------
    variable : str
    place : tuple of str
        Scope and item.
    rates : tuple of float
        Discount rate and terminal growth, per year.
    """
    fixed = dict(zip(("economics.discount_rate", "economics.terminal_growth"), rates, strict=True))
    inputs = {**economy.inputs, **{name: np.full(economy.draws, rate) for name, rate in fixed.items()}}
    (panel,) = outcomes((variable,), scenario, replace(economy, inputs=inputs), record, timeline, masks).values()
    return panel.column(panel.years[-1], *place)


def waiting_parts(
    scenario: Scenario, provider: str, delays: Sequence[float], value: Valuation
) -> list[Callable[[], Arrays]]:
    """The parts of the runs, a block of scrambles each, for `Desk.parts`.

    Parameters
    ----------
    scenario : Scenario
        The world, with seed and draws.
    provider : str
        A foreign one.
    delays : sequence of float
        Years from the first day of permission, from 0 up.
    value : callable
        What a run is worth to the provider.

    Raises
    ------
    ScenarioError
        There is no such foreign provider, or the delays do not rise from 0.
    """
    problems = [*_objections(scenario, provider, delays)]
    if problems:
        raise ScenarioError([Problem("", 0, 0, "when", message) for message in problems])
    count = scenario.sampling.draws // DRAWS_PER_SCRAMBLE
    spans = [range(at, min(at + SCRAMBLES_PER_BLOCK, count)) for at in range(0, count, SCRAMBLES_PER_BLOCK)]
    return [partial(_runs, scenario, provider, tuple(delays), value, span) for span in spans]


def _objections(scenario: Scenario, provider: str, delays: Sequence[float]) -> Iterator[str]:
    if provider not in scenario.foreign:
        yield f"only a foreign provider applies for sites (found '{provider}'; allowed {', '.join(scenario.foreign)})"
    if len(delays) < 2 or delays[0] != 0 or any(other <= one for one, other in pairwise(delays)):
        listed = ", ".join(f"{delay:g}" for delay in delays) or "none"
        yield f"delays rise from 0, and there are two at least (found {listed})"


def _entering(scenario: Scenario, provider: str, **terms: object) -> Scenario:
    """The scenario with other terms of a provider's entry; a contract that binds it stays."""
    own = scenario.providers[provider].entry or ProviderEntry()
    entry = ProviderEntry(hurdle=own.hurdle, bound_until=own.bound_until).model_copy(update=terms)
    changed = scenario.providers[provider].model_copy(update={"entry": entry})
    return scenario.model_copy(update={"providers": {**scenario.providers, provider: changed}})


def _runs(scenario: Scenario, provider: str, delays: tuple[float, ...], value: Valuation, scrambles: range) -> Arrays:
    """Every date in some scrambles, beside never: arrays (K, N) by name, of `states` (K, S, N)."""
    delay = Fixed(value=delays[-1], unit="years", source=CHOICE, grade="judgement")
    waits = _entering(scenario, provider, rule="always", after=ALLOWED, delay=delay)
    drawn, shared = draw_worlds(waits, scrambles), Shared()
    column = f"providers.{provider}.entry.delay"
    try:
        never = _entering(scenario, provider, rule="never")
        base = join_draws(observe(never, drawn, partial(_never, never, provider, delays, value), shared=shared))
        applies = []
        for years in delays:
            worlds = drawn.replace_input(column, np.full(drawn.draws, years))
            applies.append(join_draws(observe(waits, worlds, partial(_applies, waits, provider, value), shared=shared)))
    except NumericalError as error:
        raise NumericalError(f"{scenario.name}: a draw has no answer: {error}") from error
    first = np.stack([run["applied"] for run in applies])
    return {
        "payoffs": np.stack([run["value"] for run in applies]) - base["value"],
        "permitted": (first == base["dates"]) & (first < NEVER),
        **{name: base[name] for name in ("dates", "states", "regimes")},
    }


def _never(
    scenario: Scenario,
    provider: str,
    delays: tuple[float, ...],
    value: Valuation,
    economy: Economy,
    record: Record,
    timeline: Timeline,
    masks: Masks,
) -> Arrays:
    """What a run is worth in which the provider never applies, and what it has seen by each date."""
    allowed = first_permission(scenario, masks.phases)[scenario.foreign.index(provider)]
    dates = allowed + np.array(delays)[:, None]
    sight = seen_by(scenario, economy, record, timeline, masks, provider=provider, dates=dates)
    worth = value(scenario, economy, record, timeline, masks)
    return {"value": worth, "dates": dates, "states": sight.states, "regimes": sight.regimes}


def _applies(
    scenario: Scenario,
    provider: str,
    value: Valuation,
    economy: Economy,
    record: Record,
    timeline: Timeline,
    masks: Masks,
) -> Arrays:
    """What a run is worth, and when the provider first applies in it."""
    applied = timeline.first_applied[scenario.foreign.index(provider)]
    return {"value": value(scenario, economy, record, timeline, masks), "applied": applied}


class Row(NamedTuple):
    """A row of `decide.csv`."""

    table: str
    action: str
    given: str
    statistic: str
    value: float
    se: float
    unit: str


@dataclass(frozen=True)
class WaitingAnswer:
    """What it is worth to a provider to be able to wait.

    Attributes
    ----------
    sheet : WaitingSheet
        What its picture and its sentences are made of.
    rows : tuple of Row
        For `decide.csv`.
    findings : tuple of str
        The answer, a sentence each.
    """

    sheet: WaitingSheet
    rows: tuple[Row, ...]
    findings: tuple[str, ...]


def waiting_answer(
    parts: Sequence[Arrays],
    scenario: Scenario,
    provider: str,
    delays: Sequence[float],
    commitment: Commitment = FREE,
) -> WaitingAnswer:
    """The option to wait, from all parts of the runs.

    Parameters
    ----------
    parts : sequence of mappings of arrays
        What the calls of `waiting_parts` returned, in order.
    scenario, provider, delays
        As they were given there.
    commitment : Commitment
        What applying costs; other costs take no other runs.

    Raises
    ------
    ScenarioError
        In no draw is the provider ever permitted sites of its own.
    """
    runs = join_draws(parts)
    if not runs["permitted"].any():
        message = f"in no draw is {provider} ever permitted sites of its own: leave out 'when'"
        raise ScenarioError([Problem("", 0, 0, "when", message)])
    years = np.where(runs["permitted"], runs["dates"] - (scenario.horizon.base_year + 1.0), 0.0)
    sunk = commitment.cost * np.exp(-np.log1p(commitment.discount_rate) * years)
    choices = Choices(runs["payoffs"] - sunk, runs["states"], runs["regimes"], runs["permitted"])
    option = option_to_wait(choices)
    sheet = WaitingSheet(
        scenario=scenario,
        provider=provider,
        delays=tuple(delays),
        cost=commitment.cost,
        opened=float(runs["permitted"].any(axis=0).mean()),
        option=option,
        map=policy_map(choices, option.cautious),
    )
    return WaitingAnswer(sheet, tuple(_rows(sheet, option)), tuple(_findings(sheet)))


_TABLE = "waiting"
_UNIT = "USD bn"


def _rows(sheet: WaitingSheet, option: OptionToWait) -> Iterator[Row]:
    def worth(action: str, given: str, found: Estimate, statistic: str = "mean") -> Row:
        return Row(_TABLE, action, given, statistic, float(found.value), float(found.se), _UNIT)

    for years, found in zip(sheet.delays, option.each, strict=True):
        yield worth(f"apply {years:g} years after permission", "", found)
    for rule in option.rules:
        yield worth("now or never", rule.basis, rule.now_or_never)
        yield worth("wait and see", rule.basis, rule.worth)
        yield worth("wait and see", rule.basis, rule.option, "option_value")
        for name, share in zip(sheet.date_names, rule.shares, strict=True):
            given = f"{rule.basis}; {name}"
            yield Row(_TABLE, "wait and see", given, "p_date", float(share.value), float(share.se), "fraction")
    yield worth("perfect foresight", "", option.perfect_foresight)


def _findings(sheet: WaitingSheet) -> Iterator[str]:
    option, rule = sheet.option, sheet.option.cautious
    who, opened = short_title(sheet.scenario, sheet.provider), percent(100 * sheet.opened)
    yield f"{sheet.verdict}."
    yield (
        f"Applying at once wherever it may is worth {sheet.amount(option.at_once)} to {who} above never; now or never, "
        f"by what is seen on the day, {sheet.amount(rule.now_or_never)}; waiting and seeing "
        f"{sheet.amount(rule.worth)}; and to know all that comes, which nobody can, "
        f"{sheet.amount(option.perfect_foresight)}."
    )
    shares = [percent(100 * float(share.value)) for share in rule.shares]
    dates = [f"{name} in {share}" for name, share in zip(sheet.date_names, shares, strict=True)]
    yield f"Of the {opened} of draws in which it is ever permitted, the rule applies {', '.join(dates)}."
    yield (
        "Rivals answer what has happened, not what is meant: no announcement keeps anybody out. Rivals that build "
        "where it pays know what control is worth in each draw, and who watches them learns from it."
    )
