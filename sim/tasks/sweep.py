"""A sweep from its file to its folder: points run on shared draws, described, drawn and written.

What is known of a finished point lies in the scratch folder, so that a sweep which is stopped goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sim.chance.pairing import draws_key
from sim.errors import Problem, ScenarioError
from sim.outcomes.sweeps import Outcome, SweepResult, short_table, sweep_columns, sweep_rows
from sim.outcomes.tables import Cell, csv_bytes, parameter_columns, parameter_rows, write_bytes
from sim.pictures.sweeps import draw_sweep, sweep_pictures
from sim.tasks.answers import AnswerStore, Ran
from sim.tasks.files import seal
from sim.tasks.manifest import canonical_hash, decisive, program, read_manifest
from sim.tasks.points import asked_outcomes, idle_factors, run_all
from sim.tasks.pool import Batch, Progress, available_cores, say_nothing
from sim.tasks.request import study_name
from sim.tasks.store import discard, files_of, finish, is_finished, new_study, scratch
from sim.tasks.study import FINISHED_BEFORE, unknown_errors
from sim.tasks.sweepfile import Sweep, read_sweep

__all__ = ["SweepStudy", "run_sweep"]

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
    table : tuple of tuple of str
        The answer in short: a header, and a row for each point.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
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
) -> SweepStudy:
    """Run the sweep in a file and write it into a folder of its own.

    Parameters
    ----------
    path : path
        A sweep file.
    draws, seed : int, optional
        In place of the file's, or the scenario's, own.
    out, jobs, plots, force, progress, executor
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
    tell = progress or say_nothing
    if jobs is not None and jobs < 1:
        raise ScenarioError([Problem("--jobs", 0, 0, "", f"at least 1 (found {jobs})")])
    tell("checking points", 0.0)
    sweep = read_sweep(Path(path), draws=draws, seed=seed)
    outcomes = asked_outcomes(sweep)
    asked, runner = _asked(sweep, outcomes, plots), program()
    folder = Path(out) / study_name([sweep.name], [asked, runner["source"]])
    if not force and is_finished(folder, asked, runner):
        discard(folder)
        return _read(folder, FINISHED_BEFORE)
    workers = jobs or available_cores()
    with scratch(folder) as work:
        store = AnswerStore(work, _key(asked, runner), outcomes, len(sweep.points))
        store.clean(everything=force)
        found = len(sweep.points) - len(store.missing())
        ran = run_all(sweep, store, workers, lambda part: tell("draws", part * _SIMULATED), executor)
        _write_study(new_study(work), asked, runner, sweep, ran, workers)
        finish(work, folder)
    tell("files", 1.0)
    return _read(folder, *_found(found))


def _key(asked: Mapping[str, Any], runner: Mapping[str, Any]) -> str:
    """Hash of all that decides what is found at a point."""
    return canonical_hash([asked, decisive(runner)])[:16]


def _asked(sweep: Sweep, outcomes: Sequence[Outcome], pictures: bool) -> dict[str, Any]:
    """The sweep as the manifest states it: all that decides what comes out."""
    baseline = sweep.baseline.scenario.model_dump(mode="json") if sweep.baseline else None
    return {
        "sweep": sweep.name,
        "question": sweep.question,
        "scenario": sweep.start.model_dump(mode="json"),
        "baseline": baseline,
        "design": {
            "paths": [factor.path for factor in sweep.factors],
            "points": [{path: _plain(node.plain()) for path, node in point.items()} for point in sweep.points],
        },
        "outcomes": [outcome.label for outcome in outcomes],
        "seed": sweep.start.sampling.seed,
        "draws": sweep.start.sampling.draws,
        "pictures": pictures,
    }


def _plain(value: Any) -> Any:
    """A value as JSON has it: dates as text."""
    if isinstance(value, Mapping):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, tuple):
        return [_plain(below) for below in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _read(folder: Path, *passing: str) -> SweepStudy:
    """A sweep from its folder, with notes on how it was come by, which its manifest does not hold."""
    manifest = read_manifest(folder)
    return SweepStudy(folder, files_of(folder), tuple(map(tuple, manifest["table"])), (*manifest["notes"], *passing))


def _found(points: int) -> list[str]:
    return [f"{points} points were there already, from a run that was stopped"] if points else []


def _write_study(
    folder: Path, asked: Mapping[str, Any], runner: Mapping[str, Any], sweep: Sweep, ran: Ran, jobs: int
) -> None:
    """Write every file."""
    result = _result(sweep, ran)
    _write_tables(folder, sweep, result)
    if asked["pictures"]:
        _draw(folder / "plots", result, jobs)
    content = {
        "asked": asked,
        "program": runner,
        "draws_key": draws_key(sweep.start),
        "points": {str(number): digest for number, digest in zip(ran.numbers, ran.hashes, strict=True)},
        "table": short_table(result),
        "notes": [*_sizes(sweep), *_idle(sweep, ran)],
    }
    seal(folder, content)


def _result(sweep: Sweep, ran: Ran) -> SweepResult:
    baseline = sweep.baseline.scenario.name if sweep.baseline else ""
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
    for name in sweep_pictures(result):
        batch.add(partial(draw_sweep, name, result, folder))
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
