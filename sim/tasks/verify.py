"""Whether a study is what its manifest says: its files, its variables, the program, and all of it made anew.

Hashes guard against accident, not intent: who changes a study can write a manifest that fits. Only making the study
anew tells that, and it is compared as a whole: every variable, every file, the answer and the notes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from sim.belief.posterior import Posterior, read_posterior
from sim.disk import entries, file_hash
from sim.errors import ResultsError, ScenarioError, choices
from sim.outcomes.manifest import MANIFEST, Hashes, Manifest, differences, first_of, program, read_manifest
from sim.outcomes.panels import Columns, panel_hash
from sim.outcomes.results import DRAWS_FILE, read_result
from sim.tasks.backtest import BacktestTask
from sim.tasks.bridge import BridgeTask
from sim.tasks.calibrate import CalibrateTask
from sim.tasks.compare import CompareTask
from sim.tasks.crew import make_crew
from sim.tasks.decide import DecideTask
from sim.tasks.discover import DiscoverTask
from sim.tasks.drivers import DriversTask
from sim.tasks.pool import Progress, say_nothing
from sim.tasks.revision import RevisionTask
from sim.tasks.run import RunTask
from sim.tasks.sweep import SweepTask
from sim.tasks.task import Task, perform

__all__ = ["TASKS", "Verdict", "task_of", "verify_study"]

_COMMANDS: Final[tuple[type[Task[Any, Any]], ...]] = (
    RunTask,
    CompareTask,
    RevisionTask,
    DiscoverTask,
    DriversTask,
    SweepTask,
    BridgeTask,
    DecideTask,
    BacktestTask,
    CalibrateTask,
)

TASKS: Final[Mapping[str, type[Task[Any, Any]]]] = MappingProxyType({task.kind: task for task in _COMMANDS})
"""Every command that leaves a study, by name."""


@dataclass(frozen=True)
class Verdict:
    """What a study was held against, and what was found.

    Attributes
    ----------
    checked : str
        What was looked at, in words.
    faults : tuple of str
        One line for each way in which the study is not what its manifest says; empty if all is well.
    """

    checked: str
    faults: tuple[str, ...]


def verify_study(
    path: Path | str,
    *,
    rerun: bool = False,
    posterior: Path | str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Hold a study against its manifest.

    Parameters
    ----------
    path : path
        A study's folder, or one scenario's folder in it.
    rerun : bool
        Whether the study is made anew elsewhere, and compared variable by variable and file by file.
    posterior : path, optional
        The one whose rows the draws are, if they are of one; needed to compute them anew.
    jobs : int, optional
        Processes at a time; every core by default.
    progress : callable, optional
        Is told what is being done, and the share of it that is finished.

    Raises
    ------
    ResultsError
        There is no manifest, it was changed itself, or the study cannot be made anew from its folder.
    ScenarioError
        The posterior cannot be read, or does not fit.
    """
    folder = _study_of(Path(path))
    manifest = read_manifest(folder)
    faults = [*_changed_files(folder, manifest.files), *_changed_variables(folder, manifest.variables)]
    faults += [f"program: {difference}" for difference in differences(program(), manifest.program)]
    checked = f"{len(manifest.files)} files and {sum(map(len, manifest.variables.values()))} variables"
    if rerun:
        task = task_of(folder, manifest, None if posterior is None else read_posterior(Path(posterior)))
        with tempfile.TemporaryDirectory(prefix=".verify-", dir=folder.resolve().parent) as elsewhere:
            perform(task, elsewhere, make_crew(jobs), progress=progress or say_nothing)
            (again,) = Path(elsewhere).iterdir()
            faults += _changed_by_rerun(folder, manifest, again)
        checked += ", and all of it made anew"
    return Verdict(checked, tuple(faults))


def _study_of(path: Path) -> Path:
    """The study that a folder is, or belongs to."""
    above = path.resolve().parent
    return above if (path / DRAWS_FILE).exists() and (above / MANIFEST).exists() else path


def _changed_files(folder: Path, expected: Hashes) -> Iterator[str]:
    there = dict(entries(folder))
    for name, digest in expected.items():
        if name not in there:
            yield f"{name}: is missing"
        elif not there[name]:
            yield f"{name}: is no regular file"
        elif file_hash(folder / name) != digest:
            yield f"{name}: was changed after the study was written"
    for name in sorted(there):
        if name not in expected and name != MANIFEST:
            yield f"{name}: was not written by the study"


def _changed_variables(folder: Path, expected: Mapping[str, Hashes]) -> Iterator[str]:
    for scenario, hashes in expected.items():
        try:
            result = read_result(folder / scenario)
            for name, digest in hashes.items():
                if name not in result.panels:
                    yield f"{scenario}: {name}: is not in {DRAWS_FILE}"
                elif panel_hash(result.panels[name]) != digest:
                    yield f"{scenario}: {name}: its numbers were changed after they were written"
        except ResultsError as error:
            yield f"{scenario}: {error}"


def task_of(folder: Path, manifest: Manifest, posterior: Posterior | None) -> Task[Any, Any]:
    """What a study was asked, to be asked again.

    Raises
    ------
    ResultsError
        It cannot be read from the folder alone.
    """
    if manifest.task not in TASKS:
        raise _unread(folder, f"no command that leaves a study has this name {choices(manifest.task, TASKS)}")
    try:
        return TASKS[manifest.task].again(manifest.asked, folder, posterior)
    except ValidationError as error:
        raise _unread(folder, first_of(error)) from error
    except ScenarioError as error:
        raise _unread(folder, error.problems[0].message) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unread(folder, "its manifest lacks a part, or has another in its place") from error


def _unread(folder: Path, reason: str) -> ResultsError:
    return ResultsError(f"{folder}: this program does not read what the study was asked: {reason}")


def _changed_by_rerun(folder: Path, manifest: Manifest, again: Path) -> Iterator[str]:
    """What comes out otherwise now."""
    now = read_manifest(again)
    for part in ("asked", "answer", "notes", "draws", "draws_key"):
        if getattr(now, part) != getattr(manifest, part):
            yield f"{MANIFEST}: {part}: comes out otherwise now"
    told = set()
    for scenario, hashes in now.variables.items():
        before = manifest.variables.get(scenario, {})
        for name, digest in hashes.items():
            if before.get(name) != digest:
                told.add(f"{scenario}/{DRAWS_FILE}")
                yield f"{scenario}: {name}: comes out otherwise now{_how_far(folder, again, scenario, name)}"
    for name in sorted({*now.files, *manifest.files} - told):
        if now.files.get(name) != manifest.files.get(name):
            yield f"{name}: comes out otherwise now"


def _how_far(folder: Path, again: Path, scenario: str, name: str) -> str:
    """By how much a variable differs from what is stored, in words; nothing if that cannot be said."""
    try:
        now, before = (read_result(study / scenario).panels[name] for study in (again, folder))
        alike = (now.years, now.items, now.draws) == (before.years, before.items, before.draws)
        return _difference(now, before) if alike else ""
    except (ResultsError, KeyError):
        return ""


def _difference(now: Columns, before: Columns) -> str:
    unlike, largest = 0, 0.0
    for row in range(now.count):
        one, other = now.rows([row])[0], before.rows([row])[0]
        unlike += not np.array_equal(one, other, equal_nan=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            largest = max(largest, float(np.nanmax(np.abs(one - other) / np.abs(other), initial=0.0)))
    return f": {unlike} of {now.count} columns differ from what is stored, by a part of {largest:.0e} at most"
