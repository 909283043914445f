"""A study: several scenarios on shared draws, run, compared, drawn and written as one folder.

Everything is written in a scratch folder beside the final one, which takes its name when all is there. A run that
is stopped goes on from the draws it has finished.
"""

from __future__ import annotations

import errno
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sim.axes import DRAWS_PER_SCRAMBLE
from sim.errors import Problem, ScenarioError
from sim.outcomes.comparison import baseline_of, require_comparable
from sim.outcomes.panels import Result, panel_hash
from sim.outcomes.results import read_result, result_folders
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.outcomes.tables import HeadlineRow
from sim.scenario.scenario import Scenario
from sim.tasks.audit import Audit, audit
from sim.tasks.files import Files, import_pictures
from sim.tasks.manifest import program, read_manifest
from sim.tasks.pool import Batch, Progress, available_cores, do_nothing, say_nothing
from sim.tasks.precision import as_precise_as
from sim.tasks.request import MANY_DRAWS, Request, make_request, study_name
from sim.tasks.runs import Plan, Run, make_plan
from sim.tasks.store import discard, files_of, finish, is_finished, new_study, scratch

__all__ = ["FINISHED_BEFORE", "Study", "compare_studies", "run_study", "unknown_errors"]

FINISHED_BEFORE: Final = "this study was finished before: nothing was computed (--force computes it again)"

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
    target_se: str | None = None,
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
        Variables whose draws are stored; all by default. Tables and pictures are made of all up to 2^17 draws; above,
        of these and of what the answer in short needs.
    plots : bool
        Whether pictures are drawn.
    strict : bool
        Whether an input or an override that moves nothing is an error; the study is then run in any case.
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
    executor : Executor, optional
        Runs the draws in place of forked children, for instance on other machines: twice as many blocks of draws as
        there are `jobs` are under way at a time. Its workers must run the same program.

    Raises
    ------
    ScenarioError
        The scenarios cannot be run, or not as one study.
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    tell = progress or say_nothing
    request = make_request(
        scenarios,
        draws=draws,
        seed=seed,
        baseline=baseline,
        keep=keep,
        pictures=plots,
        jobs=jobs,
        posterior=posterior,
        target_se=target_se,
    )
    asked, runner = request.content(), program()
    folder = Path(out) / study_name(list(asked["scenarios"]), [asked["scenarios"], runner["source"]])
    if not (force or strict) and is_finished(folder, asked, runner):
        discard(folder)
        return _read_study(folder, FINISHED_BEFORE)
    with scratch(folder) as work:
        tell("median case", 0.0)
        plan = make_plan(request.scenarios, request.stored)
        run = Run(plan, work, runner, request.jobs, executor, import_pictures if request.pictures else do_nothing)
        run.clean(everything=force)
        results, notes, passing = _draw(run, plan, request, work, tell)
        _write_study(work, request, results, runner, notes, strict, tell)
        finish(work, folder)
    return _read_study(folder, *passing)


def _draw(
    run: Run, plan: Plan, request: Request, work: Path, tell: Progress
) -> tuple[Sequence[Result], list[str], list[str]]:
    """All draws; what to say of them for good, and what only now."""
    started = time.monotonic()

    def draw(draws: int) -> list[Result]:
        _require_room(plan, draws, request, work)
        return run.results(draws, lambda share: tell(f"{draws:,} draws", share * _SIMULATED))

    notes, passing = [*request.notes], []
    if request.target is None:
        results: Sequence[Result] = draw(request.draws)
    else:
        request.target.check(plan.cases.values())
        results, reached = as_precise_as(request.target, request.baseline, request.draws, draw)
        notes.append(str(reached))
        passing.append(f"these draws took {time.monotonic() - started:.0f} s")
    if run.found:
        passing.append(f"{run.found} blocks of draws were there already, from a run that was stopped")
    notes += _size_on_disk(plan, results[0].scenario.sampling.draws, request)
    return results, notes, passing


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
    tell = progress or say_nothing
    results = [read_result(folder) for path in paths for folder in _scenario_folders(Path(path))]
    require_comparable(results)
    base = baseline_of(results, baseline)
    hashes = {one.name: {name: panel_hash(panel) for name, panel in one.panels.items()} for one in results}
    asked = {"compared": list(hashes), "baseline": base.name, "pictures": plots}
    folder = Path(out) / study_name(["compared", *hashes], [asked, hashes])
    with scratch(folder) as work:
        files = Files(new_study(work), results, base, plots, jobs or available_cores())
        answer = files.write_tables(Batch(), partial(tell, "files"))
        files.write_manifest(asked, program(), hashes, answer, unknown_errors(base.scenario.sampling.draws))
        finish(work, folder)
    return _read_study(folder)


def _write_study(
    work: Path,
    request: Request,
    results: Sequence[Result],
    runner: Mapping[str, Any],
    notes: Sequence[str],
    strict: bool,
    tell: Progress,
) -> None:
    """Audit the scenarios, and write every file."""
    files = Files(new_study(work), results, baseline_of(results, request.baseline), request.pictures, request.jobs)
    batch = Batch()
    found = batch.add(partial(audit, [result.scenario for result in results]))
    saved = files.add_draws(batch, request.keep)
    answer = files.write_tables(batch, lambda part: tell("files", _SIMULATED + part * (1 - _SIMULATED)))
    hashes = {name: future.result() for name, future in saved.items()}
    said = [*notes, *unknown_errors(results[0].scenario.sampling.draws), *_findings(found.result(), strict)]
    files.write_manifest(request.content(), runner, hashes, answer, said)


def _read_study(folder: Path, *passing: str) -> Study:
    """A study from its folder, with notes on how it was come by, which its manifest does not hold."""
    manifest = read_manifest(folder)
    rows = (HeadlineRow._make(math.nan if cell is None else cell for cell in row) for row in manifest["headline"])
    return Study(folder, files_of(folder), tuple(rows), (*manifest["notes"], *passing))


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


def _bytes(plan: Plan, draws: int, request: Request) -> tuple[int, int]:
    """Of the draws that are kept, and of all that are stored meanwhile."""
    return 8 * plan.rows(request.keep) * draws, 8 * plan.rows() * draws


def _shown(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def unknown_errors(draws: int) -> list[str]:
    """That standard errors are unknown, in words, where they are."""
    if draws >= FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:
        return []
    least = FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE
    return [f"standard errors are unknown below {least} draws ({FEWEST_SCRAMBLES} scrambles)"]
