"""Every case of a decision on shared draws: what it is worth to those who decide, and when they commit themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from sim.axes import EDGE, FloatArray, join_draws
from sim.chance.medians import median_world
from sim.chance.sampling import draw_worlds, leading_columns
from sim.chance.units import units_of
from sim.chance.variants import Variants
from sim.chance.worlds import CATCH_UP, MARKET, STEPS, Worlds, once_for_same_worlds
from sim.dates.timeline import Masks, Timeline
from sim.errors import NumericalError, Problem, ScenarioError
from sim.model.course import Shared
from sim.model.economy import Economy
from sim.model.engine import observe, simulate
from sim.model.record import Record
from sim.model.valuation import Terms, flow_value, valued_panels, worth_until
from sim.outcomes.naming import Outcome, find_number
from sim.scenario.inputs import inputs, scale
from sim.scenario.money import in_currency
from sim.scenario.scenario import Scenario
from sim.tasks.decisionfile import HOST, Decider, Decision
from sim.tasks.parts import Arrays

__all__ = ["MAIN", "Measure", "Valuation", "measure_of", "redrawn_payoffs", "scramble_payoffs", "valuations_of"]

MAIN: Final = ""
"""Label of the valuation that decides."""

_WORTHS: Final = ("npv", "npv_with_terminal", "npv_of_equity", "capital_value")
"""Variables that a discount rate moves."""

_THIRDS: Final = 3

_BEHIND_ALL: Final = 3.0
"""Place in the order of the applicants of a day; named ones stand below 1 and fringes below 2."""

_Run = tuple[Economy, Record, Timeline, Masks]


@dataclass(frozen=True)
class Valuation:
    """One way to value a run.

    Attributes
    ----------
    label : str
        In words; empty for the one that decides.
    rate : float
        Discount rate per year.
    until : int
        Last year that counts; 0 for the objective as it is.
    """

    label: str
    rate: float
    until: int = 0


@dataclass(frozen=True)
class Measure:
    """What is read of each run.

    Attributes
    ----------
    objectives : tuple of tuple of (Outcome, float)
        Of each decider: outcomes with their weights.
    against : Outcome or None
    valuations : tuple of Valuation
        The first decides.
    growth : float
        Terminal growth per year.
    """

    objectives: tuple[tuple[tuple[Outcome, float], ...], ...]
    against: Outcome | None
    valuations: tuple[Valuation, ...]
    growth: float

    @property
    def variables(self) -> tuple[str, ...]:
        """All that must be computed."""
        named = [outcome.variable for objective in self.objectives for outcome, _ in objective]
        return tuple(dict.fromkeys([*named, *([self.against.variable] if self.against else [])]))


def measure_of(decision: Decision) -> Measure:
    """What a decision asks of its runs; the median cases show which outcomes there are.

    Raises
    ------
    ScenarioError
        An outcome does not exist, or is not of the kind that is needed.
    """
    cases = {case.name: simulate(case, median_world(case)) for case in decision.cases}
    problems: list[Problem] = []

    def find(text: str, path: str) -> Outcome | None:
        try:
            return find_number(text, cases)
        except ValueError as error:
            problems.append(Problem(decision.name, 0, 0, path, str(error)))
            return None

    objectives = [
        [(find(text, _path_of(decision, decider)), weight) for text, weight in decider.objective.items()]
        for decider in decision.deciders
    ]
    against = find(decision.against, "against") if decision.against else None
    if not problems:
        problems += _wrong_kinds(decision, objectives)
    if problems:
        raise ScenarioError(problems)
    named = tuple(tuple((one, weight) for one, weight in some if one is not None) for some in objectives)
    return Measure(named, against, valuations_of(decision, named[0][0][0]), decision.terminal_growth)


def _path_of(decision: Decision, decider: Decider) -> str:
    if decider.is_host:
        return "host"
    return "objective" if len(decision.deciders) == 1 else f"players.{decider.name}.objective"


def _wrong_kinds(decision: Decision, objectives: Sequence[Sequence[tuple[Outcome | None, float]]]) -> Iterator[Problem]:
    value = in_currency("bn", decision.start.money)
    for decider, objective in zip(decision.deciders, objectives, strict=True):
        for outcome, _ in objective:
            assert outcome is not None
            message = _objection(decider, outcome, value)
            if decision.delays and outcome.unit != value and not message:
                message = f"what waiting is worth is told of {value} only"
            if message:
                shown = f"{message} (found {outcome.label}, {outcome.unit})"
                yield Problem(decision.name, 0, 0, _path_of(decision, decider), shown)


def _objection(decider: Decider, outcome: Outcome, value: str) -> str:
    """What keeps an outcome from being an objective; `value` is the unit of what is paid once."""
    if outcome.is_comparison:
        return "differences to the first action are taken in any case"
    if decider.is_host and outcome.unit != f"{value}/yr":
        return f"what counts for the host is a flow in {value}/yr"
    if any(action.cost for action in decider.actions) and outcome.unit != value:
        return f"a cost can be taken from {value} only"
    return ""


def valuations_of(decision: Decision, outcome: Outcome) -> tuple[Valuation, ...]:
    """The ways to value a run: as decided, at lower and higher rates, and without what comes late."""
    main, horizon = Valuation(MAIN, decision.discount), decision.start.horizon
    is_flow = decision.deciders[0].is_host
    if outcome.variable not in _WORTHS and not is_flow:
        return (main,)
    rates = [rate for rate in _rate_range(decision.start) if rate != decision.discount]
    middle = (horizon.base_year + horizon.end_year + 2) // 2
    years = [middle] if is_flow else [middle, horizon.end_year]
    return (
        main,
        *(Valuation(f"discount {100 * rate:.3g}%", rate) for rate in rates),
        *(Valuation(f"to {year}", decision.discount, year) for year in years),
    )


def _rate_range(scenario: Scenario) -> tuple[float, ...]:
    """The 5% and the 95% point of the scenario's discount rate, as far as they are above terminal growth."""
    (item,) = (item for item in inputs(scenario) if item.name == "economics.discount_rate")
    ends = item.record.quantile(np.array([0.05, 0.95])) * scale(scenario, item.dimension, item.record.unit)
    return tuple(float(end) for end in dict.fromkeys(np.round(ends, 6).tolist()))


def scramble_payoffs(
    decision: Decision, measure: Measure, number: int, cases: Sequence[int], place: str = ""
) -> Arrays:
    """Some cases on the draws of one scramble.

    Parameters
    ----------
    decision : Decision
    measure : Measure
    number : int
        Of the scramble.
    cases : sequence of int
        Their places in the decision.
    place : {'', 'first', 'last'}
        Where the one who decides stands among those who apply on one day; as it is drawn by default.

    Returns
    -------
    mapping of arrays
        `worth` (cases, deciders, valuations, 512); `applied` and `launched` (cases, deciders, 512), decimal years,
        inf never; `parts` (cases, outcomes, 512) of the first decider's objective at present value; `against`
        (cases, 512). Where a place is forced, of the first valuation alone; else also `x.<column>` and `path.<unit>`
        of the worlds.
    """
    chosen = [decision.cases[place] for place in cases]
    drawn = list(zip(chosen, Variants(chosen).worlds(range(number, number + 1)), strict=True))
    if place:
        moved = [(case, _at_place(case, decision, worlds, place)) for case, worlds in drawn]
        return _payoffs(decision, replace(measure, valuations=measure.valuations[:1]), moved, number)
    return {**_payoffs(decision, measure, drawn, number), **_known(*drawn[0], number)}


def redrawn_payoffs(decision: Decision, measure: Measure, number: int, cases: Sequence[int], copy: int) -> Arrays:
    """The same with luck from another set of draws, and all else as it is; `worth` is of the first valuation alone."""

    def draw(case: Scenario) -> Worlds:
        luck = [unit.name for unit in units_of(case) if unit.kind == "luck"]
        return draw_worlds(case, range(number, number + 1), redrawn=luck, copy=copy)

    chosen = [decision.cases[place] for place in cases]
    drawn = list(zip(chosen, once_for_same_worlds(chosen, draw), strict=True))
    return _payoffs(decision, replace(measure, valuations=measure.valuations[:1]), drawn, number)


def _at_place(case: Scenario, decision: Decision, worlds: Worlds, place: str) -> Worlds:
    order = worlds.order.copy()
    order[case.foreign.index(decision.deciders[0].name)] = EDGE if place == "first" else _BEHIND_ALL
    return replace(worlds, order=order)


def _payoffs(decision: Decision, measure: Measure, drawn: Sequence[tuple[Scenario, Worlds]], number: int) -> Arrays:
    parts, shared = [], Shared()
    for case, own in drawn:
        try:
            parts.append(join_draws(observe(case, own, partial(_read, case, decision, measure), shared=shared)))
        except NumericalError as error:
            raise NumericalError(f"{case.name}, scramble {number}: a draw has no answer: {error}") from error
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _read(
    case: Scenario,
    decision: Decision,
    measure: Measure,
    economy: Economy,
    record: Record,
    timeline: Timeline,
    masks: Masks,
) -> Mapping[str, FloatArray]:
    return _Reading(case, decision, measure, (economy, record, timeline, masks)).arrays()


class _Reading:
    """One block of draws of a case, valued in every way that is asked for."""

    def __init__(self, case: Scenario, decision: Decision, measure: Measure, run: _Run) -> None:
        self._case, self._measure, self._run = case, measure, run
        self._names = [decider.name for decider in decision.deciders]
        self._panels = {
            rate: valued_panels(Terms(rate, measure.growth), measure.variables, case, run)
            for rate in dict.fromkeys(how.rate for how in measure.valuations)
        }

    def arrays(self) -> Mapping[str, FloatArray]:
        """As `scramble_payoffs` has them, without cases."""
        measure, timeline = self._measure, self._run[2]
        main = measure.valuations[0]
        worth = [np.stack([self._worth(some, how) for how in measure.valuations]) for some in measure.objectives]
        found = {
            "worth": np.stack(worth),
            "parts": np.stack([weight * self._value(one, main) for one, weight in measure.objectives[0]]),
            "applied": self._dates(timeline.applied),
            "launched": self._dates(timeline.launched),
        }
        if not np.isfinite(found["worth"]).all():
            raise NumericalError("the objective is not a finite number in every draw")
        return found | ({"against": self._value(measure.against, main)} if measure.against else {})

    def _worth(self, objective: Sequence[tuple[Outcome, float]], how: Valuation) -> FloatArray:
        return np.asarray(np.sum([weight * self._value(one, how) for one, weight in objective], axis=0))

    def _value(self, outcome: Outcome, how: Valuation) -> FloatArray:
        """A stock as it is, or what flows until a year; of the host's flows the present value."""
        terms, horizon = Terms(how.rate, self._measure.growth), self._case.horizon
        panel = self._panels[how.rate][outcome.variable]
        if self._names == [HOST] and outcome is not self._measure.against:
            until = how.until or horizon.end_year
            return flow_value(terms, panel, outcome.scope, outcome.item, horizon.base_year, until)
        if how.until:
            flows = worth_until(terms, self._case, self._run, how.until)
            return np.asarray(flows[self._case.foreign.index(outcome.item)])
        return panel.column(outcome.year, outcome.scope, outcome.item)

    def _dates(self, dates: FloatArray) -> FloatArray:
        """Of each who decides, (deciders, N); never for the host."""
        never, foreign = np.full(dates.shape[-1], np.inf), self._case.foreign
        return np.stack([dates[foreign.index(name)] if name in foreign else never for name in self._names])


def _known(scenario: Scenario, worlds: Worlds, number: int) -> Arrays:
    """What may be known of the worlds: every column that is drawn, and paths of shocks by sums over three thirds."""
    columns = leading_columns(scenario, range(number, number + 1))
    names = scenario.domestic + scenario.foreign
    rivalry = {f"shock.rivalry.{name}": worlds.rivalry[:, place] for place, name in enumerate(names)}
    paths = {MARKET: worlds.market_shock, STEPS: worlds.market_steps, "shock.origin": worlds.origin_shock, **rivalry}
    paths[CATCH_UP] = worlds.catch_up_shock
    paths |= {f"shock.mix.{name}": path for name, path in worlds.mix.items()}
    thirds = {
        f"path.{name}": np.stack([part.sum(axis=0) for part in np.array_split(path, _THIRDS)])
        for name, path in paths.items()
        if path.any()
    }
    return {**{f"x.{name}": values for name, values in columns.items()}, **thirds}
