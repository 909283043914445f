"""A sweep from its file to its folder: points run on shared draws, described, drawn and written.

What is known of a finished point lies in the scratch folder, so that a sweep which is stopped goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter

from sim.belief.posterior import Posterior
from sim.chance.pairing import draws_key
from sim.disk import write_bytes
from sim.outcomes.manifest import as_json, stated, understood
from sim.outcomes.naming import Outcome
from sim.outcomes.sweeps import SweepResult, short_table, sweep_columns, sweep_rows
from sim.outcomes.sweepwords import sentences
from sim.outcomes.tables import Cell, csv_bytes, parameter_columns, parameter_rows
from sim.pictures.registry import draw, drawable
from sim.pictures.sweeps import sheets
from sim.tasks.crew import make_crew
from sim.tasks.points import Ran, asked_outcomes, idle_factors, read_points, run_missing
from sim.tasks.pool import Batch, Progress, say_nothing
from sim.tasks.run import unknown_errors
from sim.tasks.sweepfile import Sweep, read_sweep, sweep_of, write_inputs
from sim.tasks.task import Desk, Finished, Task, perform

__all__ = ["SweepStudy", "SweepTask", "run_sweep"]

_SIMULATED: Final = 0.9
"""Share of a sweep's time that the draws take, for the progress bar."""


@dataclass(frozen=True)
class SweepStudy:
    """A finished sweep.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file.
    sentences : tuple of str
        What the points say of each outcome.
    table : tuple of tuple of str
        The answer in short: a header, and a row for each point.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    sentences: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def run_sweep(
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
) -> SweepStudy:
    """Run the sweep in a file and write it into a folder of its own.

    Parameters
    ----------
    path : path
        A sweep file.
    draws, seed : int, optional
        In place of the file's, or the scenario's, own.
    out, jobs, plots, force, progress, executor, patience
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The file, a scenario or a point cannot be run.
    NumericalError
        A draw has no answer; names the point.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    crew, tell = make_crew(jobs, executor, patience), progress or say_nothing
    tell("checking points", 0.0)
    sweep = read_sweep(Path(path), draws=draws, seed=seed)
    return perform(SweepTask(sweep, asked_outcomes(sweep), plots), out, crew, force=force, progress=progress)


_ANSWER: Final = TypeAdapter(tuple[tuple[str, ...], tuple[tuple[str, ...], ...]])


@dataclass(frozen=True)
class SweepTask(Task[Ran, SweepStudy]):
    """The run of a sweep.

    Attributes
    ----------
    sweep : Sweep
    outcomes : tuple of Outcome
    pictures : bool
    """

    kind = "sweep"

    sweep: Sweep
    outcomes: tuple[Outcome, ...]
    pictures: bool

    @property
    def names(self) -> list[str]:
        """The sweep's own."""
        return [self.sweep.name]

    def asked(self) -> dict[str, Any]:
        """Scenarios, points, outcomes and settings."""
        sweep = self.sweep
        return {
            "sweep": sweep.name,
            "question": sweep.question,
            "scenario": sweep.start.model_dump(mode="json"),
            "baseline": sweep.baseline.scenario.model_dump(mode="json") if sweep.baseline else None,
            "design": {
                "paths": [factor.path for factor in sweep.factors],
                "points": [{path: as_json(node.plain()) for path, node in point.items()} for point in sweep.points],
            },
            "outcomes": [outcome.label for outcome in self.outcomes],
            "seed": sweep.start.sampling.seed,
            "draws": sweep.start.sampling.draws,
            "pictures": self.pictures,
        }

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The same sweep, of the inputs beside it."""
        sweep = sweep_of(asked, folder)
        return cls(sweep, asked_outcomes(sweep), asked["pictures"])

    def compute(self, desk: Desk) -> Ran:
        """Statistics of the outcomes at every point."""
        store = desk.store("points", len(self.sweep.points))
        missing = store.missing()
        desk.tell_what_was_there(store.count - len(missing), "points")
        run_missing(
            self.sweep, self.outcomes, missing, store, desk.crew, lambda part: desk.tell("draws", part * _SIMULATED)
        )
        return read_points(self.outcomes, store)

    def write(self, folder: Path, computed: Ran, desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        result = _result(self.sweep, computed)
        _write_tables(folder, self.sweep, result)
        write_inputs(self.sweep, folder)
        if self.pictures:
            _draw(folder / "plots", result, desk.crew.jobs)
        desk.tell("files", 1.0)
        return {
            "answer": stated(_ANSWER, (tuple(sentences(result)), tuple(map(tuple, short_table(result))))),
            "notes": (*_sizes(self.sweep), *_idle(self.sweep, computed)),
            "draws": self.sweep.start.sampling.draws,
            "draws_key": draws_key(self.sweep.start),
            "points": {str(number): digest for number, digest in enumerate(computed.hashes, start=1)},
        }

    def answer(self, study: Finished) -> SweepStudy:
        """The answer in short."""
        said, table = understood(_ANSWER, study.manifest.answer, study.folder)
        return SweepStudy(study.folder, study.paths, said, table, study.notes)


def _result(sweep: Sweep, ran: Ran) -> SweepResult:
    baseline = sweep.baseline.scenario.title if sweep.baseline else ""
    return SweepResult(sweep.name, sweep.question, sweep.start, baseline, sweep.factors, ran.responses)


def _write_tables(folder: Path, sweep: Sweep, result: SweepResult) -> None:
    write_bytes(folder / "sweep.csv", csv_bytes(sweep_rows(result), sweep_columns(result)))
    write_bytes(folder / "design.csv", csv_bytes(_design_rows(result), ("point", *_paths(result))))
    scenarios = [sweep.start, *([sweep.baseline.scenario] if sweep.baseline else [])]
    write_bytes(folder / "parameters.csv", csv_bytes(parameter_rows(scenarios), parameter_columns(scenarios)))


def _paths(result: SweepResult) -> tuple[str, ...]:
    return tuple(factor.path for factor in result.factors)


def _design_rows(result: SweepResult) -> Iterator[tuple[Cell, ...]]:
    columns = (factor.coordinates for factor in result.factors)
    return ((number, *row) for number, row in enumerate(zip(*columns, strict=True), start=1))


def _draw(folder: Path, result: SweepResult, jobs: int) -> None:
    """Draw every picture, a few at a time."""
    folder.mkdir()
    batch = Batch()
    for file, sheet in sheets(result).items():
        for name in drawable(sheet):
            batch.add(partial(draw, name, sheet, folder, file))
    batch.run(jobs, lambda part: None)


def _sizes(sweep: Sweep) -> list[str]:
    """How much was run, and what can be said of it, in words."""
    count, draws, start = len(sweep.points), sweep.start.sampling.draws, sweep.start
    said = f"{count:,} point{'s' if count > 1 else ''} of {start.name}, {draws:,} shared draws at each"
    if sweep.baseline is not None:
        said += f"; differences to {sweep.baseline.scenario.name}, draw by draw, in the world of each point"
    return [said, *unknown_errors(draws)]


def _idle(sweep: Sweep, ran: Ran) -> list[str]:
    outcomes = [response.outcome for response in ran.responses]
    return [f"moves no outcome asked for: {path}" for path in idle_factors(sweep, outcomes, ran)]
