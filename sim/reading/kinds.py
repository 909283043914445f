"""What kind of file a user has given, and which command takes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.reading.documents import Node, Place, read

__all__ = [
    "BOX",
    "DECISION",
    "NAMES",
    "RECORD",
    "SCENARIO_FILE",
    "SOURCES_FILE",
    "SWEEP",
    "Kind",
    "kind_of_file",
    "require_record",
    "tree_of",
]


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    words : str
        What such a file is, after "is".
    remedy : str
        The command that takes it, with `{}` for the file.
    """

    words: str
    remedy: str


SCENARIO_FILE: Final = Kind("a scenario", "sim run {}")
SWEEP: Final = Kind("a sweep", "sim sweep {}")
DECISION: Final = Kind("a decision", "sim decide {}")
BOX: Final = Kind("a box of conditions", "sim compare STUDY --where {}")
NAMES: Final = Kind("a map of names", "sim backtest SCENARIO --observed CSV --map {}")
SOURCES_FILE: Final = Kind("the list of sources", "read with every scenario beside {}")
RECORD: Final = Kind("a record in CSV", "sim backtest SCENARIO --observed {}")
_STUDY: Final = Kind("the folder of a finished study", "sim verify {}")
_DOCUMENT: Final = Kind("a JSON document", "no command reads {}")
_NUMBERS: Final = Kind("a file of draws", "sim compare takes the folder that holds {}")
_FORMATTED: Final = Kind("no text file", "save {} as plain text, in YAML")

_BY_ENDING: Final = {
    ".csv": RECORD,
    ".tsv": RECORD,
    ".json": _DOCUMENT,
    ".nc": _NUMBERS,
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".docx", ".pdf", ".html", ".png", ".svg"), _FORMATTED),
}

_BY_KEY: Final = {
    "design": SWEEP,
    **dict.fromkeys(("actions", "players", "objective", "host"), DECISION),
    "event": BOX,
    **dict.fromkeys(("scopes", "items", "events"), NAMES),
    **dict.fromkeys(("extends", "market", "policy", "regimes", "providers", "demand"), SCENARIO_FILE),
}
"""Keys to the kind of file that they tell."""


def _telling_key(tree: Node) -> str:
    """The first key that tells the kind of a YAML file; empty if none does."""
    alone = "sources" if set(tree.entries) == {"sources"} else ""
    return next((key for key in tree.entries if key in _BY_KEY), alone)


def _kind_of(tree: Node, otherwise: Kind) -> Kind:
    """The kind of a YAML file, by its keys, and another one where they tell none."""
    key = _telling_key(tree)
    return _BY_KEY.get(key, SOURCES_FILE) if key else otherwise


def kind_of_file(path: Path) -> Kind:
    """The kind of a file, by its ending or its keys.

    Raises
    ------
    ScenarioError
        It cannot be read, or is of no kind that can be checked.
    """
    other = _kind_by_name(path)
    if other in (None, RECORD):
        return other or _kind_of(read(path), SCENARIO_FILE)
    raise ScenarioError([Problem(str(path), 0, 0, "", f"is {other.words}, which is not checked")])


def tree_of(path: Path, kind: Kind) -> Node:
    """The tree of a YAML file of some kind.

    Raises
    ------
    ScenarioError
        It cannot be read, or is of another kind; says which, and what takes it.
    """
    other = _kind_by_name(path)
    if other is not None:
        raise _unlike(Place(str(path)), other, kind, path)
    tree = read(path)
    found = _kind_of(tree, kind)
    if found != kind:
        raise _unlike(tree.entries[_telling_key(tree)].place, found, kind, path)
    return tree


def require_record(path: Path) -> None:
    """Raise ScenarioError if a file is a YAML file or another that is no record, by its name."""
    other = _kind_by_name(path)
    if path.suffix.lower() in (".yaml", ".yml") and path.is_file():
        other = kind_of_file(path)
    if other not in (None, RECORD):
        raise _unlike(Place(str(path)), other, RECORD, path)


def _kind_by_name(path: Path) -> Kind | None:
    """The kind of what is there and is no YAML file, as far as its name or its content tells."""
    if os.path.isdir(path):
        return _STUDY if (path / "manifest.json").is_file() or (path / "draws.nc").is_file() else None
    return _BY_ENDING.get(path.suffix.lower()) if os.path.exists(path) else None


def _unlike(place: Place, found: Kind, wanted: Kind, path: Path) -> ScenarioError:
    takes = found.remedy.format(path)
    message = f"is {found.words}, and {wanted.words} is asked for ({takes})"
    return ScenarioError([Problem(place.file, place.line, place.column, "", message)])
