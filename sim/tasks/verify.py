"""Whether a study is what its manifest says: its files, its variables, the program, and its draws computed anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from sim.belief.posterior import Posterior, learned_from, read_posterior
from sim.errors import ResultsError
from sim.outcomes.panels import Columns, Result, panel_hash
from sim.outcomes.results import DRAWS_FILE, file_hash, read_result
from sim.scenario.scenario import Scenario
from sim.tasks.files import Hashes
from sim.tasks.manifest import MANIFEST, differences, program, read_manifest
from sim.tasks.pool import available_cores
from sim.tasks.runs import run_scenarios, with_draws
from sim.tasks.store import relative_files

__all__ = ["Verdict", "verify_study"]

Progress = Callable[[str, float], None]

_REPEATED: Final = {
    "sweep": "sim sweep FILE",
    "backtest": "sim backtest FILE --observed CSV",
    "calibrate": "sim calibrate FILE --observed CSV",
}
"""How a study is made again, by what its manifest says was asked."""


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
    progress: Progress = lambda text, share: None,
) -> Verdict:
    """Hold a study against its manifest.

    Parameters
    ----------
    path : path
        A study's folder, or one scenario's folder in it.
    rerun : bool
        Whether all draws are computed anew, and compared variable by variable.
    posterior : path, optional
        The one whose rows the draws are, if they are of one; needed to compute them anew.
    jobs : int, optional
        Processes at a time; every core by default.
    progress : callable, optional
        Is told what is being done, and the share of it that is finished.

    Raises
    ------
    ResultsError
        There is no manifest, it was changed itself, or there are no draws that could be computed anew.
    ScenarioError
        The posterior cannot be read, or does not fit.
    """
    folder = _study_of(Path(path))
    manifest = read_manifest(folder)
    files, variables = manifest["files"], manifest["variables"] if _has_draws(manifest) else {}
    faults = [*_changed_files(folder, files), *_changed_variables(folder, variables)]
    faults += [f"program: {difference}" for difference in differences(program(), manifest["program"])]
    checked = f"{len(files)} files and {sum(map(len, variables.values()))} variables"
    if rerun:
        learned = None if posterior is None else read_posterior(Path(posterior))
        faults += _changed_by_rerun(folder, manifest, learned, jobs or available_cores(), partial(progress, "draws"))
        checked += ", and all draws computed anew"
    return Verdict(checked, tuple(faults))


def _study_of(path: Path) -> Path:
    """The study that a folder is, or belongs to."""
    return path.parent if (path / DRAWS_FILE).exists() and (path.parent / MANIFEST).exists() else path


def _has_draws(manifest: Mapping[str, Any]) -> bool:
    """Whether the study has draws of its own, and not only tables made of other studies'."""
    return "scenarios" in manifest["asked"]


def _changed_files(folder: Path, stated: Hashes) -> Iterator[str]:
    found = relative_files(folder)
    for name, expected in stated.items():
        if name not in found:
            yield f"{name}: is missing"
        elif file_hash(folder / name) != expected:
            yield f"{name}: was changed after the study was written"
    for name in found:
        if name not in stated and name != MANIFEST:
            yield f"{name}: was not written by the study"


def _changed_variables(folder: Path, stated: Mapping[str, Hashes]) -> Iterator[str]:
    for scenario, hashes in stated.items():
        try:
            result = read_result(folder / scenario)
            for name, expected in hashes.items():
                if name not in result.panels:
                    yield f"{scenario}: {name}: is not in {DRAWS_FILE}"
                elif panel_hash(result.panels[name]) != expected:
                    yield f"{scenario}: {name}: its numbers were changed after they were written"
        except ResultsError as error:
            yield f"{scenario}: {error}"


def _changed_by_rerun(
    folder: Path,
    manifest: Mapping[str, Any],
    learned: Posterior | None,
    jobs: int,
    done: Callable[[float], None],
) -> Iterator[str]:
    """What comes out otherwise now."""
    if not _has_draws(manifest):
        raise ResultsError(f"{folder}: {_remedy(manifest['asked'])}")
    asked = manifest["asked"]["scenarios"].values()
    scenarios = [_scenario(folder, one, manifest["draws"], learned) for one in asked]
    stored = {name for hashes in manifest["variables"].values() for name in hashes}
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=folder.parent) as scratch:
        for result in run_scenarios(scenarios, Path(scratch), stored=stored, jobs=jobs, done=done):
            for name, expected in manifest["variables"][result.name].items():
                if panel_hash(result.panels[name]) != expected:
                    yield f"{result.name}: {name}: comes out otherwise now{_how_far(folder, result, name)}"


def _remedy(asked: Mapping[str, Any]) -> str:
    """What to do about a study whose manifest cannot bring back its draws, in words."""
    command = next((command for kind, command in _REPEATED.items() if kind in asked), None)
    if command is None:
        return "was made of other studies' draws: verify those with --rerun"
    return (
        "only what `sim run` made can be computed anew from its folder alone; to compare, make this one again with "
        f"its own files and options: {command} --out ELSEWHERE"
    )


def _scenario(folder: Path, asked: Any, draws: int, learned: Posterior | None) -> Scenario:
    try:
        scenario = with_draws(Scenario.model_validate(asked), draws)
    except ValidationError as error:
        raise ResultsError(f"{folder}: this program does not read the scenarios of the study") from error
    wanted = scenario.sampling.posterior
    if wanted is None:
        return scenario
    if learned is None or learned.hash != wanted:
        raise ResultsError(f"{folder}: its draws are rows of a posterior: give that very one with --posterior FILE")
    return learned_from(learned, scenario)


def _how_far(folder: Path, result: Result, name: str) -> str:
    """By how much a variable differs from what is stored, in words; nothing if that cannot be said."""
    try:
        stored = read_result(folder / result.name).panels[name]
        now = result.panels[name]
        return _difference(now, stored) if (now.years, now.items) == (stored.years, stored.items) else ""
    except (ResultsError, KeyError):
        return ""


def _difference(now: Columns, stored: Columns) -> str:
    unlike, largest = 0, 0.0
    for row in range(now.count):
        one, other = now.rows([row])[0], stored.rows([row])[0]
        unlike += not np.array_equal(one, other, equal_nan=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            largest = max(largest, float(np.nanmax(np.abs(one - other) / np.abs(other), initial=0.0)))
    return f": {unlike} of {now.count} columns differ from what is stored, by a part of {largest:.0e} at most"
