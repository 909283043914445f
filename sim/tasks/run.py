"""A run: several scenarios on shared draws, simulated, compared, drawn and written as one study."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass

from sim.axes import DRAWS_PER_SCRAMBLE
from sim.belief.posterior import Posterior
from sim.chance.pairing import draws_key
from sim.chance.worlds import Named
from sim.errors import Problem, ScenarioError
from sim.outcomes.comparison import baseline_of, headline
from sim.outcomes.drivers import Attribution
from sim.outcomes.manifest import EXACT, stated, understood
from sim.outcomes.panels import Result
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.outcomes.study import inputs_of
from sim.outcomes.tables import HeadlineRow
from sim.outcomes.verdict import Verdict, verdict_of
from sim.tasks.attribution import drivers_by_share
from sim.tasks.audit import Audit, audit
from sim.tasks.crew import Crew, make_crew
from sim.tasks.files import Files, import_pictures
from sim.tasks.holdout import Holdout, holdout_of
from sim.tasks.material import Told, command_of, drivers_of
from sim.tasks.pool import Batch, Progress, do_nothing
from sim.tasks.precision import as_precise_as
from sim.tasks.request import MANY_DRAWS, Given, Request, make_request, request_of
from sim.tasks.runs import Plan, Run, make_plan
from sim.tasks.task import Desk, Finished, Task, perform

__all__ = ["ANSWER", "Answer", "RunTask", "Study", "run_study", "study_of", "unknown_errors"]


@pydantic_dataclass(frozen=True, config=EXACT)  # of a plain dataclass older versions do not heed it
class Answer:
    """The answer of a run or a comparison.

    Attributes
    ----------
    headline : tuple of HeadlineRow
        In short, as numbers.
    verdict : Verdict
        In sentences.
    """

    headline: tuple[HeadlineRow, ...]
    verdict: Verdict


ANSWER: Final = TypeAdapter(Answer)
"""The answer as a manifest has it."""

_SIMULATED: Final = 0.6
"""Share of a run's time that the draws take, for the progress bar."""

_TOO_MANY: Final = "With so many draws this is left to sim drivers STUDY."

_MOVES_NOTHING: Final = "moves nothing: "


@dataclass(frozen=True)
class Study:
    """A finished study.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file of the study.
    verdict : Verdict
        The answer in sentences.
    headline : tuple of HeadlineRow
        The answer in short, as numbers.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    verdict: Verdict
    headline: tuple[HeadlineRow, ...]
    notes: tuple[str, ...]


def run_study(
    scenarios: Sequence[Given],
    *,
    draws: int | None = None,
    seed: int | None = None,
    baseline: str | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    keep: Sequence[str] | None = None,
    plots: bool = True,
    strict: bool = False,
    force: bool = False,
    posterior: Path | str | None = None,
    target_se: str | None = None,
    progress: Progress | None = None,
    announce: Callable[[Verdict], None] | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> Study:
    """Run scenarios as one study and write it into a folder of its own.

    Parameters
    ----------
    scenarios : sequence of Scenario, Loaded or path
        At least one; on shared draws. Where a record `observed_*.csv` lies beside the base, the scenario that this
        names as tested, or the baseline, is held against it, as it could have been written on its day.
    draws, seed : int, optional
        In place of the scenarios' own.
    baseline : str, optional
        Scenario that the others are compared with; the first by default.
    out : path
        Where the study's folder is made; its name is made of the scenarios' and a hash of all that was asked.
    jobs : int, optional
        Processes at a time; every core by default. Results do not depend on it.
    keep : sequence of str, optional
        Variables whose draws are stored; all by default. Tables and pictures are made of all up to 2^17 draws; above,
        of these and of what the answer in short needs.
    plots : bool
        Whether pictures are drawn.
    strict : bool
        Whether an input or an override that moves nothing is an error.
    force : bool
        Run again even if this program has finished the same study.
    posterior : path, optional
        What `sim calibrate` wrote: its row n takes the place of draw n in every scenario.
    target_se : str, optional
        Add draws until a paired difference to the baseline has a small standard error, as in
        ``foreign_share.total.2030=0.001``: variable, scope, item and year of an outcome. All scenarios must be as
        precise, or the one whose name stands before it with a colon.
    progress : callable, optional
        Is told what is being done, and the share of the whole that is finished.
    announce : callable, optional
        Is given the verdict once all draws are there, before files are written.
    executor : Executor, optional
        Runs the draws in place of forked children, for instance on other machines: twice as many blocks of draws as
        there are `jobs` are under way at a time. Its workers must run the same program.
    patience : float, optional
        Seconds without an answer after which the executor is given up, half an hour by default; what is done stays.

    Raises
    ------
    ScenarioError
        The scenarios cannot be run, or not as one study.
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    request = make_request(
        scenarios,
        draws=draws,
        seed=seed,
        baseline=baseline,
        keep=keep,
        pictures=plots,
        posterior=posterior,
        target_se=target_se,
    )
    task = RunTask(request, holdout_of(request), strict)
    return perform(task, out, make_crew(jobs, executor, patience), force=force, progress=progress, announce=announce)


@dataclass(frozen=True)
class _Drawn:
    """The results of a run, its answer and what that was made of, and what to say of the draws.

    Inputs and drivers are there up to many draws only.
    """

    results: Sequence[Result]
    answer: Answer
    inputs: Mapping[str, Named] | None
    drivers: Sequence[Attribution]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RunTask(Task[_Drawn, Study]):
    """The run of a request.

    Attributes
    ----------
    request : Request
    holdout : Holdout
        What tells how far to trust it.
    strict : bool
        Whether what moves nothing is an error.
    """

    kind = "run"

    request: Request
    holdout: Holdout
    strict: bool = False

    @property
    def names(self) -> list[str]:
        """The scenarios."""
        return [scenario.name for scenario in self.request.scenarios]

    def asked(self) -> dict[str, Any]:
        """Scenarios and settings."""
        return {**self.request.content(), "record": self.holdout.content()}

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The same scenarios and settings."""
        return cls(request_of(asked, folder, posterior), Holdout.again(asked["record"], folder))

    def compute(self, desk: Desk) -> _Drawn:
        """All draws, and the answer that they give."""
        desk.tell("median case", 0.0)
        plan, pictures = make_plan(self.request.scenarios, self.request.stored), self.request.pictures
        run = Run(plan, desk.folder, desk.key, desk.crew, import_pictures if pictures else do_nothing)
        results, notes = self._draw(run, plan, desk)
        desk.tell_what_was_there(run.found, "blocks of draws")
        notes += [*_size_on_disk(plan, results[0].scenario.sampling.draws, self.request)]
        drawn = self._answered(results, tuple(notes), desk.crew.jobs)
        desk.announce(drawn.answer.verdict)
        return drawn

    def _answered(self, results: Sequence[Result], notes: tuple[str, ...], jobs: int) -> _Drawn:
        """The answer, of which the parts that take time are made side by side."""
        baseline = self.request.baseline
        few = results[0].scenario.sampling.draws <= MANY_DRAWS
        inputs = inputs_of([result.scenario for result in results]) if few else None
        batch = Batch()
        trials = [batch.add(call) for call in self.holdout.calls()]
        shares = drivers_by_share(results, inputs, baseline, jobs) if inputs else []
        parts = [batch.add(call) for call in shares]
        batch.run(jobs, lambda share: None)
        told = [one for part in parts for one in part.result()]
        trust = self.holdout.sentence([trial.result() for trial in trials])
        decides = "" if few else _TOO_MANY
        verdict = verdict_of(results, baseline, attributions=told, decides=decides, trust=trust)
        return _Drawn(results, Answer(tuple(headline(results, baseline)), verdict), inputs, told, notes)

    def _draw(self, run: Run, plan: Plan, desk: Desk) -> tuple[Sequence[Result], list[str]]:
        """As many draws as are asked for, or as a target takes."""
        request, started = self.request, time.monotonic()

        def draw(draws: int) -> list[Result]:
            _require_room(plan, draws, request, desk.folder)
            what = f"{draws:,} draws"
            desk.tell(f"{what}, which take {_size(plan, draws, desk.crew)}", 0.0)
            return run.results(draws, lambda share: desk.tell(what, share * _SIMULATED))

        if request.target is None:
            return draw(request.draws), [*request.notes]
        outcome = request.target.outcome(plan.cases, request.baseline)
        results, reached = as_precise_as(request.target, outcome, request.baseline, request.draws, draw)
        desk.passing.append(f"these draws took {time.monotonic() - started:.0f} s")
        return results, [*request.notes, str(reached)]

    def write(self, folder: Path, computed: _Drawn, desk: Desk) -> Mapping[str, Any]:
        """Audit the scenarios, and write every file."""
        request, results = self.request, computed.results
        files = Files(folder, results, baseline_of(results, request.baseline), request.pictures, desk.crew.jobs)
        batch = Batch()
        findings = batch.add(partial(audit, [result.scenario for result in results], results))
        saved = files.add_draws(batch, request.keep)
        files.add_inputs(batch, computed.inputs, computed.drivers)
        live = files.add_live(batch, computed.inputs, computed.drivers)
        if self.holdout.question is not None:
            self.holdout.question.write_record(folder)
        files.write_tables(
            batch, lambda part: desk.tell("files", _SIMULATED + part * (1 - _SIMULATED)), computed.drivers
        )
        self._require_no_faults(findings.result())
        draws = results[0].scenario.sampling.draws
        notes = (*computed.notes, *unknown_errors(draws), *findings.result().lines())
        drivers = drivers_of(computed.drivers, live.result() if live else "")
        command = command_of({"task": self.kind, **self.asked()})
        files.write_page(Told(computed.answer.verdict, notes, drivers, desk.runner, command))
        return {
            "answer": stated(ANSWER, computed.answer),
            "notes": notes,
            "variables": {name: future.result() for name, future in saved.items()},
            "draws": draws,
            "draws_key": draws_key(results[0].scenario),
        }

    def answer(self, study: Finished) -> Study:
        """The answer in short; an error if something moves nothing and that is asked for."""
        self._refuse([note for note in study.manifest.notes if note.startswith(_MOVES_NOTHING)])
        return study_of(study)

    def _require_no_faults(self, findings: Audit) -> None:
        self._refuse(findings.faults())

    def _refuse(self, faults: Sequence[str]) -> None:
        if self.strict and faults:
            raise ScenarioError(Problem("--strict", 0, 0, "", line) for line in faults)


def study_of(study: Finished) -> Study:
    """The answer in short, from a manifest."""
    answer = understood(ANSWER, study.manifest.answer, study.folder)
    return Study(study.folder, study.paths, answer.verdict, answer.headline, study.notes)


def _require_room(plan: Plan, draws: int, request: Request, work: Path) -> None:
    """Refuse to begin what the disk has no room for; blocks that are there already count as room."""
    there = sum(file.stat().st_size for file in work.glob("*") if file.is_file())
    free, final, meanwhile = shutil.disk_usage(work).free + there, *_bytes(plan, draws, request)
    if final + meanwhile > free:
        size = f"the draws take {_shown(final)} on disk, and {_shown(meanwhile)} more while the study is made"
        raise OSError(errno.ENOSPC, f"{size}, and {_shown(free)} are free: fewer draws, or --keep VARIABLE,…")


def _size_on_disk(plan: Plan, draws: int, request: Request) -> list[str]:
    """What a very large run writes, in words."""
    if draws <= MANY_DRAWS:
        return []
    final, meanwhile = _bytes(plan, draws, request)
    size = f"the draws take {_shown(final)} on disk, and took {_shown(meanwhile)} more while the study was made"
    only = [f"tables and pictures are made of {', '.join(request.stored)} alone"] if request.stored else []
    return [size, *only]


def _size(plan: Plan, draws: int, crew: Crew) -> str:
    """What a run will take, in words."""
    disk, memory = _shown(8 * plan.rows() * draws), _shown(plan.bytes_per_job())
    return f"{disk} on disk meanwhile, {memory} of memory in each of {crew.jobs} jobs"


def _bytes(plan: Plan, draws: int, request: Request) -> tuple[int, int]:
    """Of the draws that are kept, and of all that are stored meanwhile."""
    return 8 * plan.rows(request.keep) * draws, 8 * plan.rows() * draws


def _shown(size: int) -> str:
    """A number of bytes in words, in the unit that leaves one to three digits before the point."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"


def unknown_errors(draws: int) -> list[str]:
    """That standard errors are unknown, in words, where they are."""
    if draws >= FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:
        return []
    least = FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE
    return [f"standard errors are unknown below {least} draws ({FEWEST_SCRAMBLES} scrambles)"]
