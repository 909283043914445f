"""A calibration as a study: a scenario and a record in, a posterior and what was learned out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from pydantic import TypeAdapter

from sim.axes import DRAWS_PER_SCRAMBLE, join_draws
from sim.belief.calibration import (
    PILOT,
    Calibration,
    Replicate,
    Teacher,
    calibration,
    pilot,
    prior_rows,
    replicate,
    teacher,
)
from sim.belief.knowledge import Replacement
from sim.belief.lessons import (
    LessonRow,
    ObservationRow,
    RungRow,
    contradicted,
    contradicted_jointly,
    lessons,
    observation_rows,
    rung_rows,
)
from sim.belief.lessonwords import sentences
from sim.belief.likelihood import unusable
from sim.belief.matching import Matching
from sim.belief.posterior import POSTERIOR_FILE, Posterior, save_posterior
from sim.disk import write_bytes
from sim.errors import Problem, ScenarioError
from sim.outcomes.manifest import EXACT, Program, stated, understood
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.outcomes.tables import csv_bytes, parameter_columns, parameter_rows
from sim.pictures.beliefs import Beliefs
from sim.pictures.registry import draw, drawable
from sim.reading.loading import read_scenario
from sim.scenario.scenario import Scenario
from sim.tasks.crew import make_crew
from sim.tasks.parts import Arrays
from sim.tasks.pool import Progress
from sim.tasks.question import Question, ask, question_of
from sim.tasks.task import Desk, Finished, Task, perform

__all__ = ["CalibrateTask", "Learning", "run_calibration"]

_PLOTS: Final = "plots"
_SCRAMBLES_MEAN: Final = (
    "each scramble of 512 rows comes from a calibration of its own, so that a standard error of a run is the spread "
    "over independent calibrations"
)


@dataclass(frozen=True)
class Learning:
    """A finished calibration.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file of the study.
    lessons : tuple of LessonRow
    observations : tuple of ObservationRow
    rungs : tuple of RungRow
    replaced : tuple of Replacement
        Numbers that were not known by the cut-off, and what stood in for them.
    sentences : tuple of str
        The answer in short.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    lessons: tuple[LessonRow, ...]
    observations: tuple[ObservationRow, ...]
    rungs: tuple[RungRow, ...]
    replaced: tuple[Replacement, ...]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]


def run_calibration(
    file: Path | str,
    observed: Path | str,
    *,
    as_of: datetime.date | None = None,
    mapping: Path | str | None = None,
    draws: int | None = None,
    seed: int | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> Learning:
    """Learn from a record, and write the posterior and what was learned into a folder of its own.

    Parameters
    ----------
    file : path
        The scenario.
    observed : path
        The record, as `belief.record` reads it.
    as_of : date, optional
        Last day whose knowledge the prior may use: later numbers give way to their fallbacks. Without it the numbers
        in force are used, and the scenario's own `as_of` only tells which rows are new.
    mapping : path, optional
        What names of the record mean, as `belief.names` reads it.
    draws, seed : int, optional
        In place of the scenario's own; `draws` are the rows of the posterior.
    out : path
        Where the study's folder is made.
    jobs : int, optional
        Processes at a time; every core by default. Results do not depend on it.
    plots : bool
    force : bool
        Learn again even if this program has finished the same calibration.
    progress : callable, optional
        Is told what is being done, and the share of it that is finished.
    executor, patience : optional
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The scenario, the record or the mapping is wrong; no row can be learned from; the record contradicts every draw.
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    question = _usable(
        ask(read_scenario(file), observed, known_on=as_of, mapping=mapping, draws=draws, seed=seed, plots=plots)
    )
    question.require_rows()
    return perform(CalibrateTask(question), out, make_crew(jobs, executor, patience), force=force, progress=progress)


class _Tables(NamedTuple):
    lessons: tuple[LessonRow, ...]
    observations: tuple[ObservationRow, ...]
    rungs: tuple[RungRow, ...]


_ANSWER: Final = TypeAdapter(_Tables, config=EXACT)


@dataclass(frozen=True)
class CalibrateTask(Task[Calibration, Learning]):
    """The calibration of a question.

    Attributes
    ----------
    question : Question
        Without the rows that nothing can be learned from.
    """

    kind = "calibrate"

    question: Question

    @property
    def names(self) -> list[str]:
        """The scenario."""
        return ["calibrate", self.question.scenario.name]

    def asked(self) -> dict[str, Any]:
        """All that decides what comes out."""
        return self.question.content()

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The same question, with the record beside it."""
        return cls(_usable(question_of(asked, folder)))

    def compute(self, desk: Desk) -> Calibration:
        """Learn, unless the record contradicts the scenario."""
        scenario = self.question.scenario
        desk.tell("what the record can tell of", 0.0)
        teach = teacher(scenario, self.question.matching.matches)
        calls = [partial(_prior_part, teach, scenario, number) for number in range(PILOT)]
        rows = [part[_EXPECTED] for part in desk.parts("prior", calls, partial(desk.tell, "prior draws"))]
        first = pilot(teach, join_draws(rows))
        _refuse(contradicted(teach, first))
        numbers = range(self.question.request.draws // DRAWS_PER_SCRAMBLE)
        replicas = [partial(_replicate_part, teach, scenario.sampling.seed, number) for number in numbers]
        parts = desk.parts("calibrations", replicas, partial(desk.tell, "calibrations"))
        learned = calibration(teach, scenario, first, [Replicate.from_arrays(part) for part in parts])
        _refuse(contradicted_jointly(learned))
        return learned

    def write(self, folder: Path, computed: Calibration, desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        question, scenario = self.question, self.question.scenario
        tables = _tables(question, computed)
        document = _document(question, computed, tables, desk.runner)
        save_posterior(folder / POSTERIOR_FILE, scenario, computed.posterior, document)
        _write_tables(folder, question, tables)
        question.write_record(folder)
        if question.request.pictures:
            (folder / _PLOTS).mkdir()
            beliefs = Beliefs(scenario, computed, tables.lessons, tables.observations)
            for name in drawable(beliefs):
                draw(name, beliefs, folder / _PLOTS)
        return {
            "answer": stated(_ANSWER, tables),
            "notes": _notes(question, computed, tables),
            "draws": question.request.draws,
        }

    def answer(self, study: Finished) -> Learning:
        """What was learned."""
        tables = understood(_ANSWER, study.manifest.answer, study.folder)
        said = tuple(sentences(*tables, self.question.scenario))
        return Learning(study.folder, study.paths, *tables, self.question.replaced, said, study.notes)


_EXPECTED: Final = "expected"


def _prior_part(teach: Teacher, scenario: Scenario, number: int) -> Arrays:
    return {_EXPECTED: prior_rows(teach, scenario, number)}


def _replicate_part(teach: Teacher, seed: int, number: int) -> Arrays:
    return replicate(teach, seed, number).arrays()


def _tables(question: Question, learned: Calibration) -> _Tables:
    scenario, unmatched = question.scenario, question.matching.unmatched
    return _Tables(
        tuple(lessons(learned, scenario)),
        tuple(observation_rows(learned, question.record, unmatched, scenario.sampling.seed)),
        tuple(rung_rows(learned)),
    )


def _usable(question: Question) -> Question:
    """The question without the rows that nothing can be learned from."""
    found = question.matching
    reasons = {match.observation.id: unusable(match.observation) for match in found.matches}
    left_out = {**found.unmatched, **{name: reason for name, reason in reasons.items() if reason}}
    matches = tuple(match for match in found.matches if not reasons[match.observation.id])
    return replace(question, matching=Matching(matches, left_out))


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ScenarioError(problems)


def _notes(question: Question, learned: Calibration, tables: _Tables) -> tuple[str, ...]:
    """What a reader should know before quoting it."""
    scrambles = question.request.draws // DRAWS_PER_SCRAMBLE
    untouched = [row.parameter for row in tables.lessons if row.kind == "input" and row.informed == "no"]
    exact = [name for name in untouched if (learned.prior.inputs[name] == learned.posterior.inputs[name]).all()]
    faint = [name for name in untouched if name not in exact]
    plain = learned.pilot.effective_draws
    few = f"Below {FEWEST_SCRAMBLES} calibrations, what is noise is judged by the number of rows alone."
    return (
        f"Rows: {question.request.draws}; {_SCRAMBLES_MEAN}.",
        f"Plain reweighting would leave {plain:.1f} of {learned.pilot.expected.shape[1]} prior draws.",
        f"The record says nothing of {len(exact)} inputs, whose columns are the prior's: {', '.join(exact) or 'none'}.",
        f"It could, but does not, inform {len(faint)} more: {', '.join(faint) or 'none'}.",
        *([few] if scrambles < FEWEST_SCRAMBLES else []),
    )


def _document(question: Question, learned: Calibration, tables: _Tables, runner: Program) -> dict[str, Any]:
    """What a posterior says of itself."""
    scenario = question.scenario
    rows = [row._asdict() for row in tables.observations]
    return {
        "scenario": scenario.name,
        "as_of": scenario.as_of.isoformat(),
        "seed": scenario.sampling.seed,
        "standard_errors": _SCRAMBLES_MEAN,
        "record": [{key: _plain(value) for key, value in row.items()} for row in rows],
        "record_hash": question.record_hash,
        "effective_draws_of_plain_reweighting": learned.pilot.effective_draws,
        "temperatures": [[_plain(cell) for cell in row] for row in tables.rungs],
        "informed": [row.parameter for row in tables.lessons if row.informed == "yes"],
        "discrepancy": scenario.discrepancy.model_dump(mode="json") if scenario.discrepancy else None,
        "program": runner.model_dump(),
    }


def _plain(value: Any) -> Any:
    """A cell as JSON takes it."""
    return None if isinstance(value, float) and value != value else value


def _write_tables(folder: Path, question: Question, tables: _Tables) -> None:
    content = {
        "calibration.csv": csv_bytes(tables.lessons, LessonRow._fields),
        "observations.csv": csv_bytes(tables.observations, ObservationRow._fields),
        "tempering.csv": csv_bytes(tables.rungs, RungRow._fields),
        "replaced.csv": csv_bytes(question.replaced, Replacement._fields),
        "parameters.csv": csv_bytes(parameter_rows([question.scenario]), parameter_columns([question.scenario])),
    }
    for name, cells in content.items():
        write_bytes(folder / name, cells)
