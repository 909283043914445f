"""The files of which a scenario is made: its own, what that extends, and so on, and the sources beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sim.errors import ScenarioError, choices, shown
from sim.reading.documents import Node, Place, read
from sim.reading.kinds import SCENARIO_FILE, tree_of
from sim.reading.naming import LONGEST_NAME, SOURCES, is_name, is_shipped, scenario_files, scenario_path
from sim.scenario.scenario import Scenario

__all__ = ["MOST_FILES", "extended", "lineage", "with_sources"]

MOST_FILES: Final = 4
"""A scenario's own and those that it extends: who must look into more loses the thread."""

_OWN: Final = ("name", "title", "colour", "abstract", "extends")
"""What a variant does not inherit."""


def lineage(path: Path) -> tuple[tuple[Path, Node], ...]:
    """The files of a scenario with their trees, its own last; those before without what is not inherited.

    Raises
    ------
    ScenarioError
        A file cannot be read or is no scenario; `extends` names none, comes round to where it began, or goes on for too
        long; a file that extends nothing is none that could stand alone.
    """
    chain = [(path, _scenario_tree(path))]
    while (extends := chain[-1][1].entries.get("extends")) is not None:
        base = extended(chain[-1][0], extends)
        names = [one.name for one, _ in chain]
        if base.resolve() in [one.resolve() for one, _ in chain]:
            round_about = f"comes round to {base.name} again by way of {', '.join(names)}"
            raise _failure(extends, "a file cannot extend itself" if base == chain[-1][0] else round_about)
        if len(chain) == MOST_FILES:
            raise _failure(extends, f"at most {MOST_FILES} files are read (found more than {', '.join(names)})")
        chain.append((base, _scenario_tree(base)))
    _require_whole(chain)
    bases = [(one, _without(tree, *_OWN)) for one, tree in chain[:0:-1]]
    return (*bases, (path, _without(chain[0][1], "extends")))


def _scenario_tree(path: Path) -> Node:
    tree = tree_of(path, SCENARIO_FILE)
    if "sources" in tree.entries:
        message = f"sources stand in {SOURCES} beside the scenario"
        raise ScenarioError([tree.entries["sources"].place.problem("sources", message)])
    return tree


def _require_whole(chain: Sequence[tuple[Path, Node]]) -> None:
    """Tell a forgotten `extends` once, and not every section that is missing."""
    path, root = chain[-1]
    needed = [key for key, field in Scenario.model_fields.items() if field.is_required()]
    missing = [key for key in needed if key not in root.entries]
    if len(missing) <= len(needed) // 2:
        return
    for key, node in root.entries.items():
        if key not in Scenario.model_fields and key.lower() in ("extends", "extend"):
            raise ScenarioError([node.place.problem(key, f"unknown key {choices(key, ['extends'])}")])
    base = "base.yaml" if (path.parent / "base.yaml").is_file() else "base"
    message = f"lacks {len(missing)} of {len(needed)} sections, and does not say what it extends: add 'extends: {base}'"
    raise ScenarioError([Place(str(path)).problem("", message)])


def extended(path: Path, extends: Node) -> Path:
    """The file that `extends` names: by a path from the file in which it stands, or by the name of a scenario.

    Raises
    ------
    ScenarioError
        It names none, told at its place.
    """
    name = extends.value
    if not isinstance(name, str) or not _may_be_named(name):
        allowed = "must name a scenario, or a file by its path from this one"
        raise _failure(extends, f"{allowed} (found {shown(extends.plain())})")
    if name == path.name:
        raise _failure(extends, "a file cannot extend itself")
    try:
        base = scenario_path(name, beside=path.parent, but=path)
    except ScenarioError as error:
        raise ScenarioError(extends.place.problem("extends", one.message) for one in error.problems) from None
    if not base.is_file():
        others = [file.name for file in scenario_files(base.parent) if file != path]
        raise _failure(extends, f"no such file {choices(name, others)}")
    if not is_shipped(base) and _leads_out(path, base):
        raise _failure(extends, f"{shown(name)} is a link that leads out of the folder")
    return base


def _may_be_named(name: str) -> bool:
    """Whether a text is a name, or the relative path of a YAML file."""
    path = Path(name)
    is_path = path.suffix in (".yaml", ".yml") and not path.is_absolute() and not name.startswith("~")
    fits = len(path.name.encode()) <= LONGEST_NAME and name.isprintable() and "\\" not in name and ":" not in name
    return fits and (is_path or is_name(path))


def _leads_out(scenario: Path, beside: Path) -> bool:
    """Whether a file lies elsewhere in truth than where it is named; whole folders of links are no such case."""
    return beside.resolve().parent not in (beside.parent.resolve(), scenario.resolve().parent)


def with_sources(tree: Node, files: Sequence[Path]) -> Node:
    """The tree with the lists of sources that lie beside the files of a scenario; of one id the nearest counts.

    Raises
    ------
    ScenarioError
        There is none, or one of them is wrong.
    """
    folders = {file.parent.resolve(): file for file in files}
    lists = [_sources(file) for file in folders.values() if (file.parent / SOURCES).exists()]
    if not lists:
        message = "no such file; it lists the sources of the scenarios beside it"
        raise ScenarioError([Place(str(files[-1].parent / SOURCES)).problem("", message)])
    entries = {key: node for one in lists for key, node in one.entries.items()}
    mapped = all(isinstance(one.value, dict) for one in lists)
    return replace(tree, value={**tree.entries, "sources": replace(lists[-1], value=entries) if mapped else lists[-1]})


def _sources(file: Path) -> Node:
    """The list of sources beside a file."""
    path = file.parent / SOURCES
    if _leads_out(file, path):
        raise ScenarioError([Place(str(path)).problem("", "is a link that leads out of the folder")])
    top = read(path)
    problems = [
        node.place.problem(key, f"unknown key {choices(key, ['sources'])}")
        for key, node in top.entries.items()
        if key != "sources"
    ]
    if problems or "sources" not in top.entries:
        raise ScenarioError(problems or [top.place.problem("", "the key 'sources' is missing")])
    return top.entries["sources"]


def _without(node: Node, *keys: str) -> Node:
    return replace(node, value={key: below for key, below in node.entries.items() if key not in keys})


def _failure(node: Node, message: str) -> ScenarioError:
    return ScenarioError([node.place.problem("extends", message)])
