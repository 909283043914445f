"""What there is: scenarios, sweeps and decisions by name, and the studies that were finished."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import ResultsError, ScenarioError
from sim.outcomes.manifest import MANIFEST, read_manifest
from sim.reading.documents import read
from sim.reading.kinds import DECISION, SCENARIO_FILE, SWEEP, Kind
from sim.reading.lineage import extended
from sim.reading.naming import cases, named_files

__all__ = ["Entry", "Named", "named", "studies"]


@dataclass(frozen=True)
class Named:
    """A file that a command takes by its name.

    Attributes
    ----------
    name, question : str
    file : str
        The file if it lies beside the user; empty if it came with the program.
    """

    name: str
    question: str
    file: str


def named(kind: Kind) -> tuple[Named, ...]:
    """The files of a kind, those beside the user before those that came with the program; of a name the one meant.

    Those of a case in a folder of its own come after the others, and have it before their names.
    """
    entries: dict[str, Named] = {}
    for case in ("", *cases()):
        for path, is_shipped in named_files(kind, case):
            name = f"{case}/{path.stem}" if case else path.stem
            entries.setdefault(name, Named(name, _question_in(path), "" if is_shipped else str(path)))
    return tuple(entries.values())


def _question_in(path: Path, levels: int = 4) -> str:
    """The question of a file, or of what it extends; why it cannot be read where it cannot."""
    try:
        entries = read(path).entries
        if "question" in entries or "extends" not in entries or not levels:
            return str(entries["question"].value) if "question" in entries else ""
        return _question_in(extended(path, entries["extends"]), levels - 1)
    except ScenarioError as error:
        return f"cannot be read: {error.problems[0].message}"


@dataclass(frozen=True)
class Entry:
    """A finished study.

    Attributes
    ----------
    folder : Path
    command, question, overrides : str
        Which made it, what it answers, and what was set in its scenarios.
    day : date
        On which it was finished.
    draws : int
    """

    folder: Path
    command: str
    question: str
    overrides: str
    day: datetime.date
    draws: int


def studies(out: Path) -> tuple[Entry, ...]:
    """The finished studies in a folder, the latest first; one whose manifest cannot be read says why."""
    entries = [_entry(path.parent) for path in out.glob(f"*/{MANIFEST}")]
    return tuple(sorted(entries, key=lambda one: (-one.day.toordinal(), one.folder)))


def _entry(folder: Path) -> Entry:
    day = datetime.date.fromtimestamp((folder / MANIFEST).stat().st_mtime)
    try:
        manifest = read_manifest(folder)
    except ResultsError as error:
        return Entry(folder, "?", str(error).partition(": ")[2], "", day, 0)
    asked = manifest.asked
    return Entry(folder, manifest.task, _question(asked), "; ".join(_overrides(asked)), day, manifest.draws or 0)


def _question(asked: Mapping[str, Any]) -> str:
    """What a study was asked, from what its manifest says."""
    if asked.get("task") == "bridge":
        first, second = (one["name"] for one in asked["scenarios"])
        return f"What does each clause bring from {first} to {second}?"
    if "where" in asked and "discovered" in asked:
        return f"Under which conditions is {asked['where']}?"
    if asked.get("task") == "drivers":
        return f"What drives {', '.join(asked['outcomes'])}?"
    if "compared" in asked:
        others = [name for name in asked["compared"] if name != asked["baseline"]]
        return f"How does {', '.join(others) or 'nothing'} differ from {asked['baseline']}?"
    scenarios = asked.get("scenarios", {})
    stated = asked.get("decision") or scenarios.get(asked.get("baseline")) or next(iter(scenarios.values()), asked)
    return str(stated.get("question", ""))


def _overrides(asked: Mapping[str, Any]) -> Iterator[str]:
    """What was set, each once; with the scenario's name where it was not set in all."""
    by_scenario: Mapping[str, list[str]] = asked.get("overrides", {})
    every = asked.get("scenarios", {})
    for one in dict.fromkeys(text for texts in by_scenario.values() for text in texts):
        where = [name for name, texts in by_scenario.items() if one in texts]
        yield one if len(where) == len(every) else f"{', '.join(where)}: {one}"
    if asked.get("task") == "sweep":
        yield f"varied: {', '.join(asked['design']['paths'])}"


KINDS = {"scenario": SCENARIO_FILE, "sweep": SWEEP, "decision": DECISION}
"""Kinds that have names, by the word for them."""
