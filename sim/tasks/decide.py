"""A decision from its file to its folder: every action run on shared draws, held against the others, and told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from pydantic import TypeAdapter

from sim.analysis.appraisal import AS_STATED, WITH_VALUE, Choice, Known, Redrawn, Variant, appraise
from sim.analysis.decisions import Game, net_payoffs
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray
from sim.belief.posterior import Posterior
from sim.chance.pairing import draws_key
from sim.chance.sampling import uniforms
from sim.chance.units import Unit, units_of
from sim.disk import write_bytes
from sim.errors import Problem, ScenarioError
from sim.model.valuation import Terms, date_value
from sim.outcomes.manifest import understood
from sim.outcomes.tables import csv_bytes, parameter_columns, parameter_rows
from sim.pictures.decisions import Advice
from sim.pictures.registry import draw, drawable
from sim.pictures.waiting import WaitingSheet
from sim.tasks.crew import make_crew
from sim.tasks.decisionfile import Action, Decider, Decision, decision_of, read_decision
from sim.tasks.decisiontable import DECIDE_COLUMNS, PAIR, Row, decide_rows
from sim.tasks.decisionwords import sentences, short_table
from sim.tasks.parts import Arrays
from sim.tasks.payoffs import Measure, measure_of, redrawn_payoffs, scramble_payoffs
from sim.tasks.pool import Progress, say_nothing
from sim.tasks.task import Desk, Finished, Task, perform
from sim.tasks.timing import Commitment, Timing, waiting_parts, waiting_sheet

__all__ = ["DecideTask", "DecisionStudy", "run_decision"]

_NAMED: Final = 4
"""Rivals that a note names; more are counted."""

_ENOUGH: Final = 16
"""Scrambles below which money differs too much between seeds to decide on."""

_NOISE: Final = 40
"""Columns that say nothing, to see what such a column may seem worth."""

_REDRAWN, _REDRAWS = 4, 16
"""Scrambles whose luck is redrawn, and how often."""

_NO_OBJECT: Final = ("economics.discount_rate", "economics.terminal_growth")
"""Units that are chosen by who decides, and so nothing to find out."""

_SIMULATED: Final = 0.95
"""Share of the time that the draws take, for the progress bar."""


@dataclass(frozen=True)
class DecisionStudy:
    """A finished decision.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file.
    sentences : tuple of str
        The answer, the most important first.
    table : tuple of tuple of str
        Actions beside each other in short: a header, and a row for each.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    sentences: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def run_decision(
    path: Path | str,
    *,
    draws: int | None = None,
    seed: int | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> DecisionStudy:
    """Run the decision in a file and write it into a folder of its own.

    Parameters
    ----------
    path : path
        A decision file.
    draws, seed : int, optional
        In place of the file's, or the scenario's, own.
    out, jobs, plots, force, progress, executor, patience
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The file, a scenario or an action cannot be run, or no action moves the objective.
    NumericalError
        A draw has no answer; names the action.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    crew, tell = make_crew(jobs, executor, patience), progress or say_nothing
    tell("checking actions", 0.0)
    decision = read_decision(Path(path), draws=draws, seed=seed)
    return perform(DecideTask(decision, measure_of(decision), plots), out, crew, force=force, progress=progress)


_ANSWER: Final = TypeAdapter(tuple[tuple[str, ...], tuple[tuple[str, ...], ...]])


@dataclass(frozen=True)
class DecideTask(Task[Advice, DecisionStudy]):
    """The run of a decision.

    Attributes
    ----------
    decision : Decision
    measure : Measure
    pictures : bool
    """

    kind = "decide"

    decision: Decision
    measure: Measure
    pictures: bool

    @property
    def names(self) -> list[str]:
        """The decision's own."""
        return [self.decision.name]

    def asked(self) -> dict[str, Any]:
        """The decision with every case, and whether it is drawn."""
        return {"decision": self.decision.content(), "pictures": self.pictures}

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The same decision."""
        decision = decision_of(asked["decision"])
        return cls(decision, measure_of(decision), asked["pictures"])

    def compute(self, desk: Desk) -> Advice:
        """Every case on every draw, as drawn, with the queue forced, and with luck redrawn; then what it means."""
        decision, measure = self.decision, self.measure
        stages = _stages(decision, measure)
        runs = [sum(len(call.args[3]) for call in calls) for calls in stages]
        runs.append((len(decision.delays) + 1) * (decision.draws // DRAWS_PER_SCRAMBLE) if decision.delays else 0)
        tell = [partial(_tell, desk, sum(runs[:k]), run, sum(runs)) for k, run in enumerate(runs)]
        drawn = _joined(desk.parts("payoffs", stages[0], tell[0]))
        _require_stake(decision, measure, drawn)
        forced = desk.parts("queue", stages[1], tell[1])
        count = len(forced) // 2
        places = {"": drawn, **({"first": _joined(forced[:count]), "last": _joined(forced[count:])} if count else {})}
        advice = _advice(decision, measure, places, _redrawn_axes(desk.parts("luck", stages[2], tell[2])))
        if not decision.delays:
            return advice
        timing = _timing(decision, measure)
        waits = desk.parts("waiting", waiting_parts(timing), tell[3])
        return replace(advice, waiting=tuple(_waiting(decision, advice, timing, waits)))

    def write(self, folder: Path, computed: Advice, desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        decision = self.decision
        write_bytes(folder / "decide.csv", csv_bytes(_by_key(decide_rows(computed), decision), DECIDE_COLUMNS))
        rows, header = parameter_rows(decision.cases), parameter_columns(decision.cases)
        write_bytes(folder / "parameters.csv", csv_bytes(rows, header))
        if self.pictures:
            (folder / "plots").mkdir()
            for name in drawable(computed):
                draw(name, computed, folder / "plots")
            for shown in computed.waiting:
                draw("waiting", shown, folder / "plots", shown.file)
        desk.tell("files", 1.0)
        return {
            "answer": [sentences(computed), short_table(computed)],
            "notes": tuple(_notes(decision)),
            "draws": decision.draws,
            "draws_key": draws_key(decision.start),
        }

    def answer(self, study: Finished) -> DecisionStudy:
        """The answer in words."""
        said, table = understood(_ANSWER, study.manifest.answer, study.folder)
        return DecisionStudy(study.folder, study.paths, said, table, study.notes)


def _tell(desk: Desk, before: int, here: int, runs: int, share: float) -> None:
    """Say how far a stage is in which so many runs are made, after others."""
    desk.tell(f"{runs:,} runs of {DRAWS_PER_SCRAMBLE} draws", (before + share * here) / runs * _SIMULATED)


def _stages(decision: Decision, measure: Measure) -> tuple[list[partial[Arrays]], ...]:
    """All runs: as drawn, with the queue forced, and with the luck of a few scrambles redrawn, copy by copy."""
    scrambles = range(decision.draws // DRAWS_PER_SCRAMBLE)
    every, chosen = tuple(range(len(decision.cases))), tuple(_real(decision.deciders[0]))
    drawn = [partial(scramble_payoffs, decision, measure, number, every) for number in scrambles]
    if len(decision.deciders) > 1:
        return drawn, [], []
    places = () if decision.deciders[0].is_host else ("first", "last")
    forced = product(places, scrambles)
    copies = product(scrambles[:_REDRAWN], range(_REDRAWS))
    return (
        drawn,
        [partial(scramble_payoffs, decision, measure, number, chosen, place) for place, number in forced],
        [partial(redrawn_payoffs, decision, measure, number, chosen, copy) for number, copy in copies],
    )


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}


def _redrawn_axes(parts: Sequence[Arrays]) -> Arrays:
    """Parts with redrawn luck, the copies of a scramble together, as arrays with copies first and all draws last."""
    by_copy = [_joined(parts[copy::_REDRAWS]) for copy in range(_REDRAWS)] if parts else []
    return {name: np.stack([one[name] for one in by_copy]) for name in by_copy[0]} if by_copy else {}


def _advice(decision: Decision, measure: Measure, places: Mapping[str, Arrays], lucky: Arrays) -> Advice:
    """What the runs say."""
    drawn = places[""]
    if len(decision.deciders) > 1:
        return Advice(decision.question, decision.start, _titles(decision), game=_game(decision, measure, drawn))
    chosen = _real(decision.deciders[0])
    return Advice(
        decision.question,
        decision.start,
        _titles(decision),
        appraisal=appraise(_choice(decision, measure, places, lucky)),
        parts={outcome.label: drawn["parts"][chosen, k] for k, (outcome, _) in enumerate(measure.objectives[0])},
        is_host=decision.deciders[0].is_host,
        against=drawn["against"][chosen] if measure.against else None,
        against_label=measure.against.label if measure.against else "",
        benchmarks=_benchmarks(decision, measure, drawn),
    )


def _require_stake(decision: Decision, measure: Measure, drawn: Arrays) -> None:
    """Raise ScenarioError where no action moves the objective, before more is run."""
    if (drawn["worth"][:, :, 0] != drawn["worth"][:1, :, 0]).any():
        return
    named = ", ".join(outcome.label for some in measure.objectives for outcome, _ in some)
    message = f"no action moves it in any draw (found {named}; name an outcome that the actions are for)"
    raise ScenarioError([Problem(decision.name, 0, 0, "objective", message)])


def _by_key(rows: Iterable[Row], decision: Decision) -> Iterator[Row]:
    """The rows with each action as the file calls it, so that a title in words may change."""
    keys = {action.title: action.name for decider in decision.deciders for action in decider.actions}
    for row in rows:
        yield row._replace(action=PAIR.join(keys.get(title, title) for title in row.action.split(PAIR)))


def _titles(decision: Decision) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Who decides among what, in words."""
    return tuple(
        (one.title, tuple(action.title for action in one.actions if not action.is_benchmark))
        for one in decision.deciders
    )


def _real(decider: Decider) -> list[int]:
    """Places of the actions that are no benchmarks."""
    return [place for place, action in enumerate(decider.actions) if not action.is_benchmark]


def _unit_cost(decision: Decision, arrays: Arrays, player: int, case: int, action: Action, rate: float) -> FloatArray:
    """Present value of a unit of money that an action commits in a case, (N,)."""
    if action.paid == "beginning":
        return np.full(arrays["applied"].shape[-1], 1.0 if action.cost else 0.0)
    dates = arrays["applied" if action.paid == "applying" else "launched"]
    return date_value(rate, dates[case, player], decision.start.horizon.base_year)


def _unit_costs(decision: Decision, arrays: Arrays, rate: float, *, has_benchmarks: bool) -> FloatArray:
    """Of every action that is no benchmark, (D, N); benchmarks have cases of their own in the first runs alone."""
    chosen = _real(decision.deciders[0])
    cases = chosen if has_benchmarks else range(len(chosen))
    actions = (decision.deciders[0].actions[place] for place in chosen)
    pairs = zip(cases, actions, strict=True)
    return np.stack([_unit_cost(decision, arrays, 0, case, action, rate) for case, action in pairs])


def _choice(decision: Decision, measure: Measure, places: Mapping[str, Arrays], lucky: Arrays) -> Choice:
    """What the only one who decides faces."""
    chosen, drawn = _real(decision.deciders[0]), places[""]
    actions = [decision.deciders[0].actions[place] for place in chosen]
    ways = [
        Variant(
            how.label,
            drawn["worth"][chosen, 0, k],
            _unit_costs(decision, drawn, how.rate, has_benchmarks=True),
        )
        for k, how in enumerate(measure.valuations)
    ]
    forced = {place: arrays["worth"][:, 0, 0] for place, arrays in places.items() if place}
    weights = decision.belief_weights
    return Choice(
        actions=tuple(action.title for action in actions),
        worth=ways[0].worth,
        unit_cost=ways[0].unit_cost,
        cost=np.array([action.cost for action in actions]),
        is_costly=np.asarray(ways[0].unit_cost.any(axis=1)),
        beliefs=weights,
        category=_category(decision, drawn),
        variants=tuple(ways[1:]),
        first=forced.get("first"),
        last=forced.get("last"),
        known=tuple(_known(decision, drawn)),
        noise=uniforms(decision.start.sampling, "decide", range(decision.draws // DRAWS_PER_SCRAMBLE), _NOISE),
        redrawn=_redrawn(decision, measure, lucky) if lucky else None,
    )


def _redrawn(decision: Decision, measure: Measure, lucky: Arrays) -> Redrawn:
    """Payoffs under redrawn luck, copy by copy."""
    copies = ({name: values[copy] for name, values in lucky.items()} for copy in range(_REDRAWS))
    rate = measure.valuations[0].rate
    costs = [_unit_costs(decision, copy, rate, has_benchmarks=False) for copy in copies]
    return Redrawn(lucky["worth"][:, :, 0, 0], np.stack(costs))


def _category(decision: Decision, drawn: Arrays) -> IntArray:
    """The belief that holds in each draw, (N,)."""
    column = drawn.get(f"x.{decision.beliefs}")
    return np.zeros(decision.draws, dtype=np.int64) if column is None else column.astype(np.int64)


def _known(decision: Decision, drawn: Arrays) -> Iterator[Known]:
    """What may be found out: every unit, and the beliefs together with the value of the one that holds."""
    for unit in units_of(decision.start):
        if unit.name not in _NO_OBJECT:
            yield _of_unit(unit, drawn)
    values = [drawn.get(f"x.opening.hypotheses.{name}.value") for name in decision.belief_weights]
    category = drawn.get(f"x.{decision.beliefs}")
    if category is not None and all(value is not None for value in values):
        value = np.choose(category.astype(np.int64), [one for one in values if one is not None])
        name = f"{decision.beliefs}{WITH_VALUE}"
        yield Known(name, "disagreement", "judgement", (category, value), (len(values), 0), ("", ""), (name, name))


def _of_unit(unit: Unit, drawn: Arrays) -> Known:
    """A unit as regressors: a path of shocks by its sums over thirds, everything else by its columns."""
    path = drawn.get(f"path.{unit.name}")
    kept = [column for column in unit.columns if path is None or column.name.startswith("tail.")]
    columns = [drawn[f"x.{column.name}"] for column in kept]
    thirds = [] if path is None else list(path)
    return Known(
        unit.name,
        unit.kind,
        unit.grade,
        (*thirds, *columns),
        (*(0 for _ in thirds), *(len(column.categories) for column in kept)),
        (*("" for _ in thirds), *(column.unit for column in kept)),
        (*(unit.name for _ in thirds), *(column.name for column in kept)),
    )


def _game(decision: Decision, measure: Measure, drawn: Arrays) -> Game:
    """What two who decide face."""
    first, second = decision.deciders
    shape = (len(first.actions), len(second.actions))
    rate, net = measure.valuations[0].rate, []
    for player in range(2):
        cases = [(place, pair[player]) for place, pair in enumerate(product(first.actions, second.actions))]
        costs = np.stack([_unit_cost(decision, drawn, player, case, action, rate) for case, action in cases])
        committed = np.array([action.cost for _, action in cases])
        net.append(net_payoffs(drawn["worth"][:, player, 0], costs, committed).reshape(*shape, -1))
    titles = [tuple(action.title for action in one.actions) for one in (first, second)]
    return Game((first.title, second.title), (titles[0], titles[1]), np.stack(net))


def _timing(decision: Decision, measure: Measure) -> Timing:
    """Who may wait, in the world of the first action."""
    terms = Terms(decision.discount, measure.growth)
    return Timing(decision.start, decision.deciders[0].name, decision.delays, measure.objectives[0], terms)


def _waiting(decision: Decision, advice: Advice, timing: Timing, parts: Sequence[Arrays]) -> Iterator[WaitingSheet]:
    """What it is worth to wait where applying commits to what the action in question does, at each level of it."""
    found, actions = advice.subject, decision.deciders[0].actions
    paid = actions[_real(decision.deciders[0])[found.in_question]].paid
    for level in found.levels:
        label = "" if level.label == AS_STATED else level.label
        yield waiting_sheet(parts, timing, Commitment(float(level.cost[found.in_question]), paid, label))


def _benchmarks(decision: Decision, measure: Measure, drawn: Arrays) -> Mapping[str, FloatArray]:
    """What actions that know too much add to the first, net of their cost, by title; (N,)."""
    decider, rate = decision.deciders[0], measure.valuations[0].rate
    added = {}
    for place, action in enumerate(decider.actions):
        if action.is_benchmark:
            paid = action.cost * _unit_cost(decision, drawn, 0, place, action, rate)
            added[action.title] = drawn["worth"][place, 0, 0] - paid - drawn["worth"][0, 0, 0]
    return added


def _notes(decision: Decision) -> Iterator[str]:
    """What one should know before quoting the answer."""
    start, scrambles = decision.start, decision.draws // DRAWS_PER_SCRAMBLE
    yield (
        f"{decision.draws:,} shared draws, seed {start.sampling.seed}; valued at the end of {start.horizon.base_year} "
        f"at {decision.discount:.1%} a year, the same in every draw, and growth of {decision.terminal_growth:.1%} "
        "after the horizon; rivals keep the rates of their draw"
    )
    if scrambles < _ENOUGH:
        yield (
            f"money differs between seeds by twice what shares do: decide on {_ENOUGH * DRAWS_PER_SCRAMBLE:,} draws or "
            f"more (found {decision.draws:,})"
        )
    deciding = {one.name for one in decision.deciders}
    rivals = [name for name in start.foreign if name not in deciding and start.entry_of(name).rule == "profit"]
    if rivals:
        few = [start.providers[name].short_title for name in rivals]
        titles = ", ".join(few) if len(few) <= _NAMED else f"{len(few)} foreign providers"
        yield (
            f"{titles} follow the rule of profit, which knows what control is worth in each draw: nobody can know "
            "that, and they build or buy out where it pays and stay as they are where it does not"
        )
    for decider in decision.deciders:
        for action in decider.actions:
            if action.note:
                cost = f"{start.money} {action.cost:g}bn"
                yield f"what {decider.title} commits ({action.title}, {cost}): {action.note}"
