"""What drives the outcomes of a finished run: from its draws, and with totals from runs with units redrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from sim.belief.posterior import Posterior
from sim.chance.pairing import draws_key
from sim.disk import write_bytes
from sim.errors import Problem, ScenarioError
from sim.outcomes.drivers import Attribution
from sim.outcomes.findings import sentences
from sim.outcomes.manifest import stated
from sim.outcomes.naming import Outcome, find_outcome
from sim.outcomes.study import Study, read_study, study_beside
from sim.outcomes.variables import VARIABLES
from sim.tasks.attribution import answered, default_outcomes, drivers, redrawn_sets, tables, units_behind
from sim.tasks.crew import make_crew
from sim.tasks.hybrids import HybridPlan, hybrid_draws, hybrid_parts
from sim.tasks.pool import Batch, Progress
from sim.tasks.run import unknown_errors
from sim.tasks.task import FINDINGS, Desk, FindingsStudy, Finished, Task, perform

__all__ = ["DriversTask", "run_drivers"]

_SIMULATED: Final = 0.9
"""Share of the time that runs take, for the progress bar."""

_INSTEAD: Final = "ask for one that is, such as npv_with_terminal, enters or wait"


def run_drivers(
    folder: Path | str,
    *,
    outcomes: Sequence[str] = (),
    total: bool = False,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> FindingsStudy:
    """Find what drives outcomes of a finished run, and write it into a folder of its own.

    Parameters
    ----------
    folder : path
        A study of `sim run`.
    outcomes : sequence of str, optional
        `variable[.scope][.item][.year]`, or that inside ``gain(…)``; those of `default_outcomes` if there are none.
    total : bool
        Whether units are redrawn: total shares, the three kinds, and what rests on judgement. That takes runs.
    out, jobs, plots, force, progress, executor, patience
        As for `run_study`.

    Raises
    ------
    ScenarioError
        There is no such outcome, or it is not there in every draw; or totals are asked for of a posterior's rows.
    NumericalError
        A draw has no answer.
    ResultsError
        The study is not whole or was made by another command, or the folder cannot be written.
    """
    crew, study = make_crew(jobs, executor, patience), read_study(folder)
    asked = _outcomes(study, outcomes) if outcomes else default_outcomes(study.results, study.baseline)
    if total:
        _refuse_learned(study)
    return perform(DriversTask(study, asked, total, plots), out, crew, force=force, progress=progress)


def _outcomes(study: Study, texts: Sequence[str]) -> tuple[Outcome, ...]:
    """The outcomes that some texts name; all problems at once."""
    cases = {result.name: result.panels for result in study.results}
    found: list[Outcome] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            outcome = find_outcome(text, cases, study.baseline)
            if VARIABLES[outcome.variable].may_be_missing:
                raise ValueError(
                    f"{outcome.variable} is not there in every draw, and has no variance to share out: {_INSTEAD}"
                )
            found.append(outcome)
        except ValueError as error:
            problems.append(Problem("--of", 0, 0, text, str(error)))
    if problems:
        raise ScenarioError(problems)
    return tuple(dict.fromkeys(found))


def _refuse_learned(study: Study) -> None:
    learned = [result.name for result in study.results if result.scenario.sampling.posterior is not None]
    if learned:
        message = (
            "its draws are rows of a posterior, so that inputs depend on each other: shares of the variance do not add "
            "up, and none can be redrawn alone (swings and first-order shares are there without --total)"
        )
        raise ScenarioError([Problem("--total", 0, 0, learned[0], message)])


@dataclass(frozen=True)
class DriversTask(Task[Sequence[Attribution], FindingsStudy]):
    """The drivers of some outcomes of a study.

    Attributes
    ----------
    study : Study
    outcomes : tuple of Outcome
    total : bool
        Whether units are redrawn.
    pictures : bool
    """

    kind = "drivers"

    study: Study
    outcomes: tuple[Outcome, ...]
    total: bool
    pictures: bool

    @property
    def names(self) -> list[str]:
        """The scenarios."""
        return ["drivers", *(result.name for result in self.study.results)]

    def asked(self) -> dict[str, Any]:
        """The study by the hashes of its numbers, and the outcomes."""
        return {
            "study": self.study.manifest.files,
            "baseline": self.study.baseline,
            "outcomes": [outcome.label for outcome in self.outcomes],
            "total": self.total,
            "pictures": self.pictures,
        }

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """Of the run, which must lie beside it."""
        study = study_beside(folder, lambda manifest: manifest.files == asked["study"])
        return cls(study, _outcomes(study, asked["outcomes"]), asked["total"], asked["pictures"])

    def compute(self, desk: Desk) -> Sequence[Attribution]:
        """What drives each outcome."""
        study = self.study
        inputs = {result.name: study.inputs(result.name) for result in study.results}
        hybrids = None
        if self.total:
            plan = self._plan()
            what = f"{plan.runs:,} runs of {plan.draws:,} draws"
            desk.tell(what, 0.0)
            parts = desk.parts("hybrids", hybrid_parts(plan), lambda share: desk.tell(what, share * _SIMULATED))
            hybrids = hybrid_draws(plan, parts)
        return drivers(study.results, inputs, study.baseline, self.outcomes, hybrids)

    def _plan(self) -> HybridPlan:
        """What is to be run."""
        study = self.study
        asked = {
            result.name: answered(result, study.results, study.baseline, self.outcomes) for result in study.results
        }
        asked = {name: outcomes for name, outcomes in asked.items() if outcomes}
        compared = any(outcome.is_comparison for outcomes in asked.values() for outcome in outcomes)
        base = study.result(study.baseline).scenario
        scenarios = tuple(
            result.scenario
            for result in study.results
            if result.name in asked or (compared and result.name == study.baseline)
        )
        sets = [redrawn_sets(units_behind(one, base if compared else None), one) for one in scenarios]
        return HybridPlan(scenarios, study.baseline, asked, tuple(dict.fromkeys(one for some in sets for one in some)))

    def write(self, folder: Path, computed: Sequence[Attribution], desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        for name, content in tables(computed).items():
            write_bytes(folder / name, content)
        if self.pictures:
            _draw(folder / "plots", computed, desk.crew.jobs)
        desk.tell("files", 1.0)
        scenario = self.study.results[0].scenario
        return {
            "answer": stated(FINDINGS, tuple(tuple(sentences(one)) for one in computed)),
            "notes": tuple(self._notes(computed)),
            "draws": scenario.sampling.draws,
            "draws_key": draws_key(scenario),
        }

    def _notes(self, computed: Sequence[Attribution]) -> list[str]:
        """What a reader should know, in words."""
        told = {(one.outcome.label, one.scenario.name) for one in computed}
        study = self.study
        constant = [
            f"{outcome.label} is the same in every draw of {result.name}: nothing drives it"
            for result in study.results
            for outcome in answered(result, study.results, study.baseline, self.outcomes)
            if (outcome.label, result.name) not in told
        ]
        return [*constant, *unknown_errors(study.draws)]

    def answer(self, study: Finished) -> FindingsStudy:
        """The findings."""
        return study.findings()


def _draw(folder: Path, computed: Sequence[Attribution], jobs: int) -> None:
    """Draw every picture, a few at a time."""
    from sim.pictures.drivers import sheets
    from sim.pictures.registry import draw, drawable

    calls = [
        partial(draw, name, sheet, folder, file) for file, sheet in sheets(computed).items() for name in drawable(sheet)
    ]
    if not calls:
        return
    folder.mkdir()
    batch = Batch()
    for call in calls:
        batch.add(call)
    batch.run(jobs, lambda part: None)
