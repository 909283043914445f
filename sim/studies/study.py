"""A study: several scenarios on shared draws, run, compared, drawn and written as one folder.

Everything is written into a folder beside the final one, which takes its name when all is there. Tables and
pictures are made side by side, in children that see the results without copying them.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from sim.chance.sampling import DRAWS_PER_SCRAMBLE
from sim.errors import Problem, ResultsError, ScenarioError
from sim.outcomes.comparison import (
    baseline_of,
    compare_one,
    draws_key,
    headline,
    require_comparable,
    summarise,
    timeline_rows,
)
from sim.outcomes.results import DRAWS_FILE, Result, file_hash, panel_hash, read_result, result_folders, save_result
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.outcomes.tables import (
    ComparisonRow,
    HeadlineRow,
    SummaryRow,
    TimelineRow,
    csv_bytes,
    parameter_columns,
    parameter_rows,
    write_bytes,
)
from sim.pictures.plots import PICTURES, draw
from sim.scenario import Scenario
from sim.studies.audit import Audit, audit
from sim.studies.manifest import MANIFEST, new_folder, program, read_manifest, relative_files, write_manifest
from sim.studies.request import Request, make_request, study_name
from sim.studies.runs import Panels, fill_results, median_cases
from sim.studies.workers import CAN_FORK, Batch, available_cores

__all__ = ["Study", "compare_studies", "run_study"]

Progress: TypeAlias = Callable[[str, float], None]
Hashes: TypeAlias = dict[str, str]

_PLOTS: Final = "plots"

_PICTURE_CALLS: Final = 4
"""Calls that draw pictures: enough to keep the cores busy to the end."""

_MANY_DRAWS: Final = 2**17
"""Above this the size on disk is told, and the room for it checked first."""

_SIMULATED: Final = 0.6
"""Share of a run's time that the draws take, for the progress bar."""


@dataclass(frozen=True)
class Study:
    """A finished study.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file of the study.
    headline : tuple of HeadlineRow
        The answer in short.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    headline: tuple[HeadlineRow, ...]
    notes: tuple[str, ...]


def run_study(
    scenarios: Sequence[Scenario | Path | str],
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
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Study:
    """Run scenarios as one study and write it into a folder of its own.

    Parameters
    ----------
    scenarios : sequence of Scenario or path
        At least one; on shared draws.
    draws, seed : int, optional
        In place of the scenarios' own.
    baseline : str, optional
        Scenario that the others are compared with; the first by default.
    out : path
        Where the study's folder is made; its name is made of the scenarios' and a hash of their content.
    jobs : int, optional
        Processes at a time; every core by default. Results do not depend on it.
    keep : sequence of str, optional
        Variables whose draws are stored; all by default. Tables and pictures are made of all in any case.
    plots : bool
        Whether pictures are drawn.
    strict : bool
        Whether an input or an override that moves nothing is an error; the study is then run in any case.
    force : bool
        Run again even if this program has finished the same study.
    posterior : path, optional
        What `sim calibrate` wrote: its row n takes the place of draw n in every scenario.
    progress : callable, optional
        Is told what is being done, and the share of the whole that is finished.
    executor : Executor, optional
        Runs the draws in place of forked children, for instance on other machines.

    Raises
    ------
    ScenarioError
        The scenarios cannot be run, or not as one study.
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    tell = progress or _say_nothing
    request = make_request(
        scenarios, draws=draws, seed=seed, baseline=baseline, keep=keep, pictures=plots, jobs=jobs, posterior=posterior
    )
    asked, runner = request.content(), program()
    folder = Path(out) / study_name(list(asked["scenarios"]), [asked["scenarios"], runner["source"]])
    if not (force or strict) and _is_finished(folder, asked, runner):
        return _read_study(folder)
    with new_folder(folder) as work:
        tell("median case", 0.0)
        cases = median_cases(request.scenarios)
        notes = [*request.notes, *_size_on_disk(cases, request, work), *_unknown_errors(request.draws)]
        results = fill_results(
            request.scenarios, cases, request.jobs, lambda part: tell("draws", part * _SIMULATED), executor
        )
        batch = Batch()
        saved = {one.name: batch.add(partial(_save, one, work / one.name, request.keep)) for one in results}
        base = baseline_of(results, request.baseline)
        found = batch.add(partial(audit, request.scenarios))
        _write_tables(batch, work, results, base, plots, request.jobs, lambda part: tell("files", _after(part)))
        notes += _findings(found.result(), strict)
        hashes = {name: future.result() for name, future in saved.items()}
        _write_manifest(work, asked, runner, results, base, hashes, notes)
    return _read_study(folder)


def compare_studies(
    paths: Sequence[Path | str],
    *,
    baseline: str | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    progress: Progress | None = None,
) -> Study:
    """Compare finished results, and write tables and pictures into a folder of their own.

    Parameters
    ----------
    paths : sequence of path
        Folders of studies, or of single scenarios in them.
    baseline, out, jobs, plots, progress
        As for `run_study`.

    Raises
    ------
    ResultsError
        A result is missing or damaged, or the results do not share draws; says why.
    """
    tell = progress or _say_nothing
    results = [read_result(folder) for path in paths for folder in _scenario_folders(Path(path))]
    require_comparable(results)
    base = baseline_of(results, baseline)
    hashes = {one.name: _panel_hashes(one) for one in results}
    asked = {"compared": list(hashes), "baseline": base.name, "pictures": plots}
    folder = Path(out) / study_name(["compared", *hashes], [asked, hashes])
    with new_folder(folder) as work:
        work_done = partial(tell, "files")
        _write_tables(Batch(), work, results, base, plots, jobs or available_cores(), work_done)
        draws = results[0].scenario.sampling.draws
        _write_manifest(work, asked, program(), results, base, hashes, _unknown_errors(draws))
    return _read_study(folder)


def _say_nothing(text: str, share: float) -> None:
    """Progress that nobody follows."""


def _after(part: float) -> float:
    return _SIMULATED + part * (1 - _SIMULATED)


def _is_finished(folder: Path, asked: Mapping[str, Any], runner: Mapping[str, Any]) -> bool:
    if not (folder / MANIFEST).exists():
        return False
    manifest = read_manifest(folder)
    whole = all((folder / name).exists() for name in manifest["files"])
    return whole and (manifest["asked"], manifest["program"]) == (asked, runner)


def _read_study(folder: Path) -> Study:
    manifest = read_manifest(folder)
    rows = (HeadlineRow._make(math.nan if cell is None else cell for cell in row) for row in manifest["headline"])
    paths = tuple(folder / name for name in (MANIFEST, *manifest["files"]))
    return Study(folder, paths, tuple(rows), tuple(manifest["notes"]))


def _scenario_folders(path: Path) -> tuple[Path, ...]:
    """The scenarios of a study in the order in which they were run, or the one folder that `path` is."""
    folders = result_folders(path)
    if folders == (path,):
        return folders
    order = list(read_manifest(path)["asked"]["scenarios"])
    return tuple(path / name for name in order)


def _findings(found: Audit, strict: bool) -> tuple[str, ...]:
    """What moves nothing, in words; an error if that is asked for."""
    if strict and found.faults():
        raise ScenarioError(Problem("--strict", 0, 0, "", line) for line in found.faults())
    return found.lines()


def _size_on_disk(cases: Mapping[str, Panels], request: Request, folder: Path) -> list[str]:
    """What a very large run will write, in words, if there is room for it."""
    if request.draws <= _MANY_DRAWS:
        return []
    kept = [panel for case in cases.values() for name, panel in case.items() if name in (request.keep or case)]
    need = sum(8 * panel.median.size for panel in kept) * request.draws
    free = shutil.disk_usage(folder).free
    size = f"the draws take {need / 1e9:.1f} GB on disk"
    if need > free:
        raise ResultsError(f"{size}, and {free / 1e9:.1f} GB are free: fewer draws, or --keep VARIABLE,…")
    return [size]


def _unknown_errors(draws: int) -> list[str]:
    if draws >= FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:
        return []
    least = FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE
    return [f"standard errors are unknown below {least} draws ({FEWEST_SCRAMBLES} scrambles)"]


def _save(result: Result, folder: Path, keep: Sequence[str] | None) -> Hashes:
    """Write what one scenario's folder holds; the hash of every variable."""
    folder.mkdir()
    save_result(result, folder / DRAWS_FILE, keep)
    write_bytes(folder / "timeline.csv", csv_bytes(timeline_rows(result), TimelineRow._fields))
    return _panel_hashes(result)


def _panel_hashes(result: Result) -> Hashes:
    return {name: panel_hash(panel) for name, panel in result.panels.items()}


def _write_tables(
    batch: Batch,
    folder: Path,
    results: Sequence[Result],
    base: Result,
    pictures: bool,
    jobs: int,
    done: Callable[[float], None],
) -> None:
    """Run the batch with all tables and pictures of a study added to it."""
    others = [result for result in results if result is not base]
    if pictures:
        _add_pictures(batch, folder / _PLOTS, results, base)
    summaries = [batch.add(partial(_summary, result, base)) for result in results]
    comparisons = [batch.add(partial(_comparison, result, base)) for result in others]
    batch.run(jobs, done)
    write_bytes(folder / "summary.csv", b"".join([csv_bytes([], SummaryRow._fields), *_results(summaries)]))
    if others:
        write_bytes(folder / "comparison.csv", b"".join([csv_bytes([], ComparisonRow._fields), *_results(comparisons)]))
    scenarios = [result.scenario for result in results]
    write_bytes(folder / "parameters.csv", csv_bytes(parameter_rows(scenarios), parameter_columns(scenarios)))


def _results(futures: Sequence[Future[bytes]]) -> list[bytes]:
    return [future.result() for future in futures]


def _summary(result: Result, base: Result) -> bytes:
    return csv_bytes(summarise(result, base))


def _comparison(result: Result, base: Result) -> bytes:
    return csv_bytes(compare_one(result, base))


def _add_pictures(batch: Batch, folder: Path, results: Sequence[Result], base: Result) -> None:
    """A few calls, because each child warms matplotlib up; one where calls are threads, of which it bears only one."""
    folder.mkdir()
    names = list(PICTURES)
    calls = _PICTURE_CALLS if CAN_FORK else 1
    for first in range(calls):
        batch.add(partial(_draw, names[first::calls], results, base.name, folder))


def _draw(names: Sequence[str], results: Sequence[Result], baseline: str, folder: Path) -> None:
    for name in names:
        draw(name, results, baseline, folder)


def _file_hashes(folder: Path) -> Hashes:
    """The hash of every file; hashing runs without the interpreter's lock, so threads help."""
    names = relative_files(folder)
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(lambda name: file_hash(folder / name), names), strict=True))


def _write_manifest(
    folder: Path,
    asked: Mapping[str, Any],
    runner: Mapping[str, Any],
    results: Sequence[Result],
    base: Result,
    variables: Mapping[str, Hashes],
    notes: Sequence[str],
) -> None:
    rows = headline(results, base.name)
    content = {
        "asked": asked,
        "program": runner,
        "draws_key": draws_key(base.scenario),
        "variables": variables,
        "files": _file_hashes(folder),
        "headline": [[None if isinstance(cell, float) and math.isnan(cell) else cell for cell in row] for row in rows],
        "notes": list(notes),
    }
    write_manifest(folder, content)
