"""A calibration as a study: a scenario and a record in, a posterior and what was learned out."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import TypeAdapter

from sim.axes import DRAWS_PER_SCRAMBLE, join_draws
from sim.belief.calibration import (
    PILOT,
    Calibration,
    Pilot,
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
from sim.belief.likelihood import unusable
from sim.belief.matching import Matching
from sim.belief.posterior import POSTERIOR_FILE, save_posterior
from sim.errors import Problem, ScenarioError
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.outcomes.tables import csv_bytes, parameter_columns, parameter_rows, write_bytes
from sim.pictures.beliefs import BELIEF_PICTURES, draw_beliefs
from sim.reading.loading import read_scenario
from sim.scenario.scenario import Scenario
from sim.tasks.files import seal
from sim.tasks.manifest import program, read_manifest
from sim.tasks.pool import Batch, Progress, say_nothing
from sim.tasks.question import EXACT, Question, ask
from sim.tasks.request import study_name
from sim.tasks.store import discard, files_of, is_finished, new_folder
from sim.tasks.study import FINISHED_BEFORE

__all__ = ["Learning", "compare_with_prior", "learn", "run_calibration"]

T = TypeVar("T")

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
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    lessons: tuple[LessonRow, ...]
    observations: tuple[ObservationRow, ...]
    rungs: tuple[RungRow, ...]
    replaced: tuple[Replacement, ...]
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

    Raises
    ------
    ScenarioError
        The scenario, the record or the mapping is wrong; no row can be learned from; the record contradicts every draw.
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    tell = progress or say_nothing
    loaded = read_scenario(file)
    question = _usable(
        ask(loaded, observed, known_on=as_of, mapping=mapping, draws=draws, seed=seed, plots=plots, jobs=jobs)
    )
    question.require_rows()
    asked, runner = question.content("calibrate"), program()
    folder = Path(out) / study_name(["calibrate", question.scenario.name], [asked, runner["source"]])
    if not force and is_finished(folder, asked, runner):
        discard(folder)
        return _read(folder, question, FINISHED_BEFORE)
    learned = _learned(question, tell)
    with new_folder(folder) as work:
        _write_study(work, asked, runner, question, learned)
    return _read(folder, question)


class _Tables(NamedTuple):
    lessons: tuple[LessonRow, ...]
    observations: tuple[ObservationRow, ...]
    rungs: tuple[RungRow, ...]


_ANSWER: Final = TypeAdapter(_Tables, config=EXACT)


def _read(folder: Path, question: Question, *passing: str) -> Learning:
    """A calibration from its folder, with notes on how it was come by, which its manifest does not hold."""
    manifest = read_manifest(folder)
    tables = _ANSWER.validate_python(manifest["answer"])
    return Learning(folder, files_of(folder), *tables, question.replaced, (*manifest["notes"], *passing))


def _write_study(
    folder: Path, asked: Mapping[str, Any], runner: Mapping[str, Any], question: Question, learned: Calibration
) -> None:
    """Write every file."""
    scenario = question.scenario
    tables = _Tables(
        tuple(lessons(learned, scenario)),
        tuple(observation_rows(learned, question.record, question.matching.unmatched, scenario.sampling.seed)),
        tuple(rung_rows(learned)),
    )
    document = _document(question, learned, tables, runner)
    save_posterior(folder / POSTERIOR_FILE, scenario, learned.posterior, document)
    _write_tables(folder, question, tables)
    if asked["pictures"]:
        (folder / _PLOTS).mkdir()
        for name in BELIEF_PICTURES:
            draw_beliefs(name, scenario, learned, tables.lessons, tables.observations, folder / _PLOTS)
    answer, notes = json.loads(_ANSWER.dump_json(tables)), _notes(question, learned, tables)
    seal(folder, {"asked": asked, "program": runner, "answer": answer, "notes": list(notes)})


def _usable(question: Question) -> Question:
    """The question without the rows that nothing can be learned from."""
    found = question.matching
    reasons = {match.observation.id: unusable(match.observation) for match in found.matches}
    left_out = {**found.unmatched, **{name: reason for name, reason in reasons.items() if reason}}
    matches = tuple(match for match in found.matches if not reasons[match.observation.id])
    return replace(question, matching=Matching(matches, left_out))


def _learned(question: Question, tell: Progress) -> Calibration:
    """Learn, unless the record contradicts the scenario."""
    scenario, jobs = question.scenario, question.request.jobs
    tell("what the record can tell of", 0.0)
    teach = teacher(scenario, question.matching.matches)
    first = compare_with_prior(teach, scenario, jobs, lambda part: tell("prior draws", part))
    _refuse(contradicted(teach, first))
    learned = learn(teach, scenario, first, jobs, lambda part: tell("calibrations", part))
    _refuse(contradicted_jointly(learned))
    return learned


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ScenarioError(problems)


def compare_with_prior(teach: Teacher, scenario: Scenario, jobs: int, done: Callable[[float], None]) -> Pilot:
    """Simulate the record in the first draws of a run of the scenario."""
    rows = _side_by_side(partial(prior_rows, teach, scenario), PILOT, jobs, done)
    return pilot(teach, join_draws(rows))


def learn(teach: Teacher, scenario: Scenario, first: Pilot, jobs: int, done: Callable[[float], None]) -> Calibration:
    """Learn from a record, in as many independent calibrations as the scenario has scrambles of draws.

    Parameters
    ----------
    teach : Teacher
    scenario : Scenario
        With its whole horizon; gives seed and draws.
    first : Pilot
    jobs : int
        The result does not depend on it.
    done : callable
        Is told the share of the calibrations that are finished.
    """
    call, scrambles = partial(replicate, teach, scenario.sampling.seed), scenario.sampling.draws // DRAWS_PER_SCRAMBLE
    return calibration(teach, scenario, first, _side_by_side(call, scrambles, jobs, done))


def _side_by_side(call: Callable[[int], T], count: int, jobs: int, done: Callable[[float], None]) -> list[T]:
    """The answers to the first numbers, in order."""
    batch = Batch()
    futures = [batch.add(partial(call, number)) for number in range(count)]
    batch.run(jobs, done)
    return [future.result() for future in futures]


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


def _document(question: Question, learned: Calibration, tables: _Tables, runner: Mapping[str, Any]) -> dict[str, Any]:
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
        "program": runner,
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
