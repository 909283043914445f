"""What a study's page is made of, read from the files of its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Final, TypeAlias

from sim.outcomes.drivers import Attribution
from sim.outcomes.findings import sentences
from sim.outcomes.manifest import Program
from sim.outcomes.panels import Result
from sim.outcomes.verdict import Verdict
from sim.report.markup import Html
from sim.report.material import Material
from sim.report.numbers import csv_rows, read_numbers
from sim.report.tables import shown
from sim.tasks.attribution import DRIVERS_FILE

__all__ = [
    "PAGE_FILE",
    "Drivers",
    "Told",
    "command_of",
    "drivers_of",
    "pictures_in",
    "run_material",
]

PAGE_FILE: Final = "report.html"

_PLOTS: Final = "plots"


Groups: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Drivers:
    """What is known of a study by what was drawn for it.

    Attributes
    ----------
    findings, further_findings : tuple of tuple of str
        What drives its outcomes, in sentences: the share of foreign providers, and what else is asked of a study.
    live : str
        The section whose figures move.
    """

    findings: Groups = ()
    further_findings: Groups = ()
    live: str = ""


@dataclass(frozen=True)
class Told:
    """What is known of a study beside its files.

    Attributes
    ----------
    verdict : Verdict
    notes : tuple of str
        What a reader should know before quoting it.
    drivers : Drivers
    program : Program
    command : str
        What makes it again.
    """

    verdict: Verdict
    notes: tuple[str, ...]
    drivers: Drivers
    program: Program
    command: str


def drivers_of(attributions: Sequence[Attribution], live: str) -> Drivers:
    """What is told of what drives a study's outcomes, and the section whose figures move."""
    shares = [one for one in attributions if one.outcome.variable == "foreign_share"]
    first = [one for one in shares if one.outcome.is_gain] or shares
    others = [one for one in attributions if one not in first]
    return Drivers(_told_once(first), _told_once(others), live)


def _told_once(attributions: Sequence[Attribution]) -> Groups:
    """The findings of each outcome; what is the same of all of them once, and alone."""
    groups = tuple(tuple(sentences(one)) for one in attributions)
    same = {group[1:] for group in groups}
    return tuple(same) if len(groups) > 1 and len(same) == 1 else groups


def run_material(folder: Path, results: Sequence[Result], baseline: str, told: Told) -> Material:
    """What the page of a run or of a comparison is made of.

    Parameters
    ----------
    folder : Path
        With the study's files.
    results : sequence of Result
        On shared draws.
    baseline : str
    told : Told
    """
    wanted = shown([result.scenario for result in results])
    timelines = {result.name: folder / result.name / "timeline.csv" for result in results}
    return Material(
        told.verdict,
        results,
        baseline,
        read_numbers(_content(folder / "summary.csv"), wanted),
        read_numbers(_content(folder / "comparison.csv"), wanted),
        {name: csv_rows(_content(path)) for name, path in timelines.items()},
        csv_rows(_content(folder / DRIVERS_FILE)),
        told.drivers.findings,
        told.drivers.further_findings,
        Html(told.drivers.live),
        pictures_in(folder),
        (),
        told.notes,
        told.program,
        told.command,
    )


def pictures_in(folder: Path) -> dict[str, str]:
    """The pictures of a study by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((folder / _PLOTS).glob("*.svg"))}


def _content(path: Path) -> bytes:
    """A file's bytes; none where a study has no such file."""
    return path.read_bytes() if path.is_file() else b""


def command_of(asked: Mapping[str, Any]) -> str:
    """The command that makes a run again, of files by these names."""
    if asked["task"] == "compare":
        return f"sim compare RESULT… --baseline {asked['baseline']}"
    settings = [f"--draws {asked['draws']}", f"--seed {asked['seed']}", f"--baseline {asked['baseline']}"]
    keep = [f"--keep {','.join(asked['keep'])}"] if asked.get("keep") else []
    overrides = [f"--set {quote(f'{name}:{one}')}" for name, of in asked.get("overrides", {}).items() for one in of]
    return " ".join(["sim run", *asked["scenarios"], *settings, *keep, *overrides])
