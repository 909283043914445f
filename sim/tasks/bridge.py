"""From one scenario to another by clauses: every set of them run on shared draws, and what each brings told apart.

There are 2^k runs for k clauses. What no lever moves is made once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from sim.analysis.bridge import FEWEST_SCRAMBLES, STATISTICS, Summary, summary
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.belief.posterior import Posterior
from sim.chance.medians import median_world
from sim.chance.pairing import draws_key
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import same_worlds
from sim.dates.composites import EVERYTHING, composite, sides
from sim.disk import write_bytes
from sim.errors import NumericalError, Problem, ResultsError, ScenarioError
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.outcomes.manifest import stated
from sim.outcomes.naming import Outcome, find_number
from sim.outcomes.results import require_finite
from sim.outcomes.tables import Cell, csv_bytes, parameter_columns, parameter_rows
from sim.outcomes.variables import VARIABLES
from sim.pictures.bridges import BridgeSheet
from sim.pictures.registry import draw, drawable
from sim.scenario.clauses import WORLD, Clause, clauses_between, differing_sections
from sim.scenario.mechanisms import with_what_the_other_has
from sim.scenario.scenario import Scenario
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK
from sim.tasks.bridgewords import findings
from sim.tasks.crew import make_crew
from sim.tasks.parts import Arrays
from sim.tasks.pool import Batch, Progress, say_nothing
from sim.tasks.request import make_request, overrides_content, scenario_again
from sim.tasks.task import FINDINGS, Desk, FindingsStudy, Finished, Task, perform

__all__ = ["BRIDGE_DRAWS", "BridgeTask", "read_clauses", "run_bridge"]

BRIDGE_DRAWS: Final = 2048
"""Unless more are asked for: what lies between clauses is found on few draws, since all runs share them."""

_DEFAULT_OUTCOMES: Final = ("foreign_share.{}", "npv_with_terminal.total.foreign")

BRIDGE_COLUMNS: Final = (
    *("outcome", "clause", "statistic", "value", "se"),
    *("first", "last", "p_positive", "p_zero", "unit"),
)
INTERACTION_COLUMNS: Final = ("outcome", "clause", "other", "value", "se", "unit")

_SIMULATED: Final = 0.9


def read_clauses(texts: Sequence[str]) -> tuple[Clause, ...]:
    """The user's own clauses, each `NAME=lever,lever`.

    Raises
    ------
    ScenarioError
        With every text that has no name, or no levers.
    """
    clauses, problems = [], []
    for text in texts:
        name, _, levers = text.partition("=")
        listed = tuple(lever.strip() for lever in levers.split(",") if lever.strip())
        clauses.append(Clause(name.strip(), listed))
        if not (name.strip() and listed):
            problems.append(f"must be NAME=LEVER,LEVER (found {text!r})")
        elif name.strip() == _TOTAL:
            problems.append(f"no clause can be called '{_TOTAL}': it is the sum of all")
    if problems:
        raise ScenarioError([Problem("--clause", 0, 0, "", message) for message in problems])
    return tuple(clauses)


_TOTAL: Final = "total"


def run_bridge(
    first: Scenario | Path | str,
    second: Scenario | Path | str,
    *,
    outcomes: Sequence[str] = (),
    clauses: Sequence[Clause] = (),
    draws: int | None = None,
    seed: int | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> FindingsStudy:
    """Tell apart what each clause brings from one scenario to another, and write it into a folder of its own.

    Parameters
    ----------
    first, second : Scenario or path
    outcomes : sequence of str
        As `find_outcome` reads them, of levels; by default the share and the value of all foreign providers.
    clauses : sequence of Clause
        Levers, or kinds, that are to be given together; all else is grouped by kind.
    draws : int, optional
        2,048 by default, whatever the scenarios say.
    seed, out, jobs, plots, force, progress, executor, patience
        As for `run_study`.

    Raises
    ------
    ScenarioError
        A scenario cannot be run, the two differ in nothing or share no draws; an outcome or a clause does not exist.
    NumericalError
        A draw has no answer; names the clauses that were given.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    if first == second:
        name = second.name if isinstance(second, Scenario) else str(second)
        raise ScenarioError([Problem(name, 0, 0, "", "stands at both ends: name two scenarios that differ")])
    request = make_request(
        [first, second], draws=draws or BRIDGE_DRAWS, seed=seed, baseline=None, keep=None, pictures=plots
    )
    one, other = request.scenarios
    one, other = with_what_the_other_has(one, other), with_what_the_other_has(other, one)
    divided, joined = clauses_between(one, other, clauses)
    task = BridgeTask(one, other, divided, joined, _outcomes(one, other, outcomes or _defaults(one)), plots)
    crew, tell = make_crew(jobs, executor, patience), progress or say_nothing
    tell(task.size, 0.0)
    return perform(task, out, crew, force=force, progress=progress)


def _defaults(first: Scenario) -> list[str]:
    return [outcome.format(first.answer_place) for outcome in _DEFAULT_OUTCOMES]


def _outcomes(first: Scenario, second: Scenario, texts: Sequence[str]) -> tuple[Outcome, ...]:
    """The outcomes that both scenarios have in every draw.

    Raises
    ------
    ScenarioError
        All that they have not.
    """
    cases = {one.name: simulate(one, median_world(one)) for one in (first, second)}
    outcomes: dict[str, Outcome] = {}
    problems: list[str] = []
    for text in texts:
        try:
            outcome = find_number(text, cases, first.name)
            outcomes[outcome.label] = outcome
            problems += _objections(outcome, len(outcome.answered_by(cases)))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ScenarioError([Problem("--of", 0, 0, "", message) for message in problems])
    return tuple(outcomes.values())


def _objections(outcome: Outcome, answered: int) -> Iterator[str]:
    if outcome.is_comparison or outcome.scenario:
        yield f"a bridge takes differences itself: name a level, without scenario (found {outcome.label})"
    elif VARIABLES[outcome.variable].may_be_missing:
        yield f"in some draws there is no {outcome.variable}, and no difference to share out (found {outcome.label})"
    elif answered < 2:
        yield f"only one of the two scenarios has it (found {outcome.label})"


@dataclass(frozen=True)
class BridgeTask(Task[FloatArray, FindingsStudy]):
    """A bridge from one scenario to another.

    Attributes
    ----------
    first, second : Scenario
        With the seed and the number of draws that are used.
    clauses : tuple of Clause
    joined : tuple of str
        Names of those that were joined because there were too many.
    outcomes : tuple of Outcome
    pictures : bool
    """

    kind = "bridge"

    first: Scenario
    second: Scenario
    clauses: tuple[Clause, ...]
    joined: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    pictures: bool

    @property
    def names(self) -> list[str]:
        """The two scenarios."""
        return ["bridge", self.first.name, self.second.name]

    @property
    def draws(self) -> int:
        """Number of draws of each run."""
        return self.first.sampling.draws

    @property
    def size(self) -> str:
        """How much is run, in words."""
        return f"{2 ** len(self.clauses)} runs of {self.draws:,} draws, for {len(self.clauses)} clauses"

    def asked(self) -> dict[str, Any]:
        """Scenarios, clauses, outcomes and settings."""
        return overrides_content((self.first, self.second)) | {
            "scenarios": [one.model_dump(mode="json") for one in (self.first, self.second)],
            "clauses": [[clause.name, list(clause.levers)] for clause in self.clauses],
            "joined": list(self.joined),
            "outcomes": [outcome.label for outcome in self.outcomes],
            "seed": self.first.sampling.seed,
            "draws": self.draws,
            "pictures": self.pictures,
        }

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The same bridge, of the scenarios that the manifest states."""
        first, second = (scenario_again(one, asked) for one in asked["scenarios"])
        clauses = tuple(Clause(name, tuple(levers)) for name, levers in asked["clauses"])
        if not {lever for clause in clauses for lever in clause.levers} <= EVERYTHING:
            raise ResultsError(f"{folder}: its manifest names levers that there are not")
        outcomes = _outcomes(first, second, asked["outcomes"])
        return cls(first, second, clauses, tuple(asked["joined"]), outcomes, asked["pictures"])

    def compute(self, desk: Desk) -> FloatArray:
        """The value of every set of clauses: sets, outcomes, draws."""
        count = self.draws // DRAWS_PER_SCRAMBLE
        spans = [range(at, min(at + SCRAMBLES_PER_BLOCK, count)) for at in range(0, count, SCRAMBLES_PER_BLOCK)]
        calls = [partial(_values, self.first, self.second, self.clauses, self.outcomes, span) for span in spans]
        parts = desk.parts("values", calls, lambda part: desk.tell("draws", part * _SIMULATED))
        return np.concatenate([part["values"] for part in parts], axis=-1)

    def write(self, folder: Path, computed: FloatArray, desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        summaries = [summary(np.ascontiguousarray(computed[:, place])) for place in range(len(self.outcomes))]
        _write_tables(folder, self, summaries)
        sheets = [self._sheet(*pair) for pair in zip(self.outcomes, summaries, strict=True)]
        if self.pictures:
            _draw(folder / "plots", sheets, desk.crew.jobs)
        desk.tell("files", 1.0)
        return {
            "answer": stated(FINDINGS, tuple(tuple(findings(sheet)) for sheet in sheets)),
            "notes": tuple(self._notes()),
            "draws": self.draws,
            "draws_key": draws_key(self.first),
        }

    def _sheet(self, outcome: Outcome, found: Summary) -> BridgeSheet:
        return BridgeSheet(self.first, self.second, tuple(clause.name for clause in self.clauses), outcome, found)

    def answer(self, study: Finished) -> FindingsStudy:
        """The sentences."""
        return study.findings()

    def _notes(self) -> Iterator[str]:
        """What a reader should know before quoting it."""
        yield f"{self.size}; means add up to the whole, bands do not"
        if self.joined:
            yield f"joined, because {2 ** len(self.clauses)} runs are enough: {', '.join(self.joined)}"
        for clause in self.clauses:
            if WORLD in clause.levers:
                sections = ", ".join(differing_sections(self.first, self.second))
                yield f"no rule, and a clause of its own called '{clause.name}': {sections}, where the two files differ"
        if self.draws < FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:
            yield f"errors are unknown below {FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:,} draws"


def _values(
    first: Scenario, second: Scenario, clauses: Sequence[Clause], outcomes: Sequence[Outcome], scrambles: range
) -> Arrays:
    """The value of every set of clauses in some scrambles: `values`, sets by outcomes by draws."""
    drawn = draw_worlds(first, scrambles)
    pair = sides(first, second, (drawn, drawn if same_worlds(first, second) else draw_worlds(second, scrambles)))
    shared, values = Shared(), np.empty((2 ** len(clauses), len(outcomes), drawn.draws))
    needed = frozenset(outcome.variable for outcome in outcomes)
    for number in range(len(values)):
        given = [clause for place, clause in enumerate(clauses) if number >> place & 1]
        levers = {lever for clause in given for lever in clause.levers}
        scenario, worlds = composite(*pair, EVERYTHING if len(given) == len(clauses) else levers)
        try:
            panels = simulate(scenario, worlds, shared=shared, needed=needed)
            for name in needed:
                require_finite(panels[name], scrambles.start * DRAWS_PER_SCRAMBLE)
        except NumericalError as error:
            names = ", ".join(clause.name for clause in given) or "no clause"
            raise NumericalError(
                f"{first.name} with {names} of {second.name}: a draw has no answer: {error}"
            ) from error
        values[number] = [outcome.column(panels) for outcome in outcomes]
    return {"values": values}


def _write_tables(folder: Path, task: BridgeTask, summaries: Sequence[Summary]) -> None:
    names = [*(clause.name for clause in task.clauses), _TOTAL]
    pairs = list(zip(task.outcomes, summaries, strict=True))
    rows = [row for outcome, found in pairs for row in _bridge_rows(outcome, found, names)]
    joint = [row for outcome, found in pairs for row in _interaction_rows(outcome, found, names)]
    scenarios = [task.first, task.second]
    tables = {
        "bridge.csv": csv_bytes(rows, BRIDGE_COLUMNS),
        "interactions.csv": csv_bytes(joint, INTERACTION_COLUMNS),
        "parameters.csv": csv_bytes(parameter_rows(scenarios), parameter_columns(scenarios)),
    }
    for name, content in tables.items():
        write_bytes(folder / name, content)


def _draw(folder: Path, sheets: Sequence[BridgeSheet], jobs: int) -> None:
    """Draw every picture, a few at a time."""
    folder.mkdir()
    batch = Batch()
    for sheet in sheets:
        for name in drawable(sheet):
            batch.add(partial(draw, name, sheet, folder, f"{name}_{sheet.file}"))
    batch.run(jobs, lambda part: None)


def _bridge_rows(outcome: Outcome, found: Summary, names: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    unit = outcome.gain().unit
    for row, statistic in enumerate(STATISTICS):
        for place, name in enumerate(names):
            numbers = (array[row, place] for array in (found.value, found.error, found.first, found.last))
            shares = (found.p_positive[place], found.p_zero[place])
            yield outcome.label, name, statistic, *map(float, numbers), *map(float, shares), unit


def _interaction_rows(outcome: Outcome, found: Summary, names: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    unit, count = outcome.gain().unit, len(found.joint)
    for one in range(count):
        for other in range(one + 1, count):
            numbers = float(found.joint[one, other]), float(found.joint_error[one, other])
            yield outcome.label, names[one], names[other], *numbers, unit
