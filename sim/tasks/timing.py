"""When a provider should apply for sites of its own: one run for each date, one in which it never does, and the rule.

Dates count from each draw's first day of permission. Rivals answer what has happened in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sim.analysis.waiting import Choices, option_to_wait, policy_map
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, join_draws
from sim.chance.sampling import draw_worlds
from sim.dates.timeline import Masks, Timeline, first_permission
from sim.errors import NumericalError, Problem, ScenarioError
from sim.model.course import Shared
from sim.model.economy import Economy
from sim.model.engine import observe
from sim.model.record import Record
from sim.model.sight import seen_by
from sim.model.valuation import Terms, date_value, valued_panels
from sim.outcomes.naming import Outcome
from sim.pictures.waiting import WaitingSheet
from sim.scenario.evidence import CHOICE
from sim.scenario.families import Fixed
from sim.scenario.mechanisms import lacks
from sim.scenario.policy import NEVER
from sim.scenario.providers import ALLOWED, ProviderEntry
from sim.scenario.scenario import Scenario
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK
from sim.tasks.parts import Arrays

__all__ = ["Commitment", "Timing", "waiting_parts", "waiting_sheet"]


@dataclass(frozen=True)
class Timing:
    """Who may apply when, and what for.

    Attributes
    ----------
    scenario : Scenario
        The world, with seed and draws.
    provider : str
        A foreign one; how it enters in the scenario does not matter, but a contract that binds it does.
    delays : tuple of float
        Years from the first day of permission, from 0 up.
    objective : tuple of (Outcome, float)
        Outcomes with their weights.
    terms : Terms
        How they are valued.
    """

    scenario: Scenario
    provider: str
    delays: tuple[float, ...]
    objective: tuple[tuple[Outcome, float], ...]
    terms: Terms


class Commitment(NamedTuple):
    """What applying commits to.

    Attributes
    ----------
    cost : float
        Billions, which nothing brings back.
    paid : {'applying', 'launching'}
        On which day.
    label : str
        In words; empty for what is stated.
    """

    cost: float
    paid: str = "applying"
    label: str = ""


def waiting_parts(timing: Timing) -> list[Callable[[], Arrays]]:
    """The parts of the runs, a block of scrambles each, for `Desk.parts`.

    Raises
    ------
    ScenarioError
        There is no such foreign provider, or the delays do not rise from 0.
    """
    problems = [Problem("", 0, 0, "when", message) for message in _objections(timing)]
    if problems:
        raise ScenarioError(problems)
    count = timing.scenario.sampling.draws // DRAWS_PER_SCRAMBLE
    spans = [range(at, min(at + SCRAMBLES_PER_BLOCK, count)) for at in range(0, count, SCRAMBLES_PER_BLOCK)]
    return [partial(_runs, timing, span) for span in spans]


def _objections(timing: Timing) -> Iterator[str]:
    foreign, delays = timing.scenario.foreign, timing.delays
    if timing.provider not in foreign:
        yield f"only a foreign provider applies for sites (found '{timing.provider}'; allowed {', '.join(foreign)})"
    if len(delays) < 2 or delays[0] != 0 or any(other <= one for one, other in pairwise(delays)):
        listed = ", ".join(f"{delay:g}" for delay in delays) or "none"
        yield f"delays rise from 0, and there are two at least (found {listed})"
    if timing.provider in foreign:
        for lack in lacks(_entering(timing, rule="always")):
            yield f"{timing.scenario.name} leaves out '{lack.missing}', which is needed: {lack.because} ({lack.by})"


def _entering(timing: Timing, **terms: object) -> Scenario:
    """The scenario with other terms of the provider's entry; a contract that binds it stays."""
    scenario, name = timing.scenario, timing.provider
    own = scenario.providers[name].entry or ProviderEntry()
    entry = ProviderEntry(hurdle=own.hurdle, bound_until=own.bound_until).model_copy(update=terms)
    changed = scenario.providers[name].model_copy(update={"entry": entry})
    return scenario.model_copy(update={"providers": {**scenario.providers, name: changed}})


def _runs(timing: Timing, scrambles: range) -> Arrays:
    """Every date in some scrambles, beside never: arrays (K, N) by name, of `states` (K, S, N)."""
    delay = Fixed(value=timing.delays[-1], unit="years", source=CHOICE, grade="judgement")
    never, waits = _entering(timing, rule="never"), _entering(timing, rule="always", after=ALLOWED, delay=delay)
    drawn, shared = draw_worlds(waits, scrambles), Shared()
    try:
        base = join_draws(observe(never, drawn, partial(_never, timing, never), shared=shared))
        applies = []
        for years in timing.delays:
            at = drawn.replace_input(f"providers.{timing.provider}.entry.delay", np.full(drawn.draws, years))
            applies.append(join_draws(observe(waits, at, partial(_applies, timing, waits), shared=shared)))
    except NumericalError as error:
        raise NumericalError(f"{timing.scenario.name}, {timing.provider}: a draw has no answer: {error}") from error
    runs = {name: np.stack([run[name] for run in applies]) for name in applies[0]}
    return {
        "payoffs": runs["worth"] - base["worth"],
        "permitted": (runs["applied"] == base["dates"]) & (runs["applied"] < NEVER),
        "launched": runs["launched"],
        **{name: base[name] for name in ("dates", "states", "regimes")},
    }


def _never(
    timing: Timing, never: Scenario, economy: Economy, record: Record, timeline: Timeline, masks: Masks
) -> Arrays:
    """What a run is worth in which the provider never applies, and what it has seen by each date."""
    allowed = first_permission(never, masks.phases)[never.foreign.index(timing.provider)]
    dates = allowed + np.array(timing.delays)[:, None]
    sight = seen_by(never, economy, record, timeline, masks, provider=timing.provider, dates=dates)
    worth = _worth(timing, never, (economy, record, timeline, masks))
    return {"worth": worth, "dates": dates, "states": sight.states, "regimes": sight.regimes}


def _applies(
    timing: Timing, waits: Scenario, economy: Economy, record: Record, timeline: Timeline, masks: Masks
) -> Arrays:
    """What a run is worth, when the provider first applies in it, and when its site opens."""
    place = waits.foreign.index(timing.provider)
    worth = _worth(timing, waits, (economy, record, timeline, masks))
    return {"worth": worth, "applied": timeline.first_applied[place], "launched": timeline.launched[place]}


def _worth(timing: Timing, scenario: Scenario, run: tuple[Economy, Record, Timeline, Masks]) -> FloatArray:
    """The objective, (N,)."""
    names = tuple(dict.fromkeys(outcome.variable for outcome, _ in timing.objective))
    panels = valued_panels(timing.terms, names, scenario, run)
    worth = np.asarray(np.sum([weight * outcome.column(panels) for outcome, weight in timing.objective], axis=0))
    if not np.isfinite(worth).all():
        raise NumericalError("the objective is not a finite number in every draw")
    return worth


def waiting_sheet(parts: Sequence[Arrays], timing: Timing, commitment: Commitment) -> WaitingSheet:
    """The option to wait, from all parts of the runs; other commitments take no other runs.

    Parameters
    ----------
    parts : sequence of mappings of arrays
        What the calls of `waiting_parts` returned, in order.
    timing : Timing
    commitment : Commitment

    Raises
    ------
    ScenarioError
        In no draw is the provider ever permitted sites of its own.
    """
    runs = join_draws(parts)
    permitted = runs["permitted"]
    if not permitted.any():
        message = f"in no draw is {timing.provider} ever permitted sites of its own: leave out 'when'"
        raise ScenarioError([Problem("", 0, 0, "when", message)])
    paid = runs["launched" if commitment.paid == "launching" else "dates"]
    unit_cost = date_value(timing.terms.rate, np.where(permitted, paid, NEVER), timing.scenario.horizon.base_year)
    choices = Choices(runs["payoffs"] - commitment.cost * unit_cost, runs["states"], runs["regimes"], permitted)
    option = option_to_wait(choices)
    return WaitingSheet(
        scenario=timing.scenario,
        provider=timing.provider,
        delays=timing.delays,
        cost=commitment.cost,
        label=commitment.label,
        opened=float(permitted.any(axis=0).mean()),
        option=option,
        map=policy_map(choices, option.cautious),
    )
