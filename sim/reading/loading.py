"""A scenario from files: the variant, the base that it extends, and the sources beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sim.errors import Problem, ScenarioError, choices, shown
from sim.reading import consistency
from sim.reading.documents import Node, Place, read
from sim.reading.merging import merged, without_shares
from sim.reading.overrides import overridden, plain, whose, with_value
from sim.reading.schema import SCENARIO, Shape
from sim.reading.validation import MOST_TOLD, located, steps, validated
from sim.scenario.scenario import SETTINGS, Scenario

__all__ = [
    "SOURCES",
    "Loaded",
    "load_scenario",
    "loaded_from",
    "overrides_of",
    "read_scenario",
    "scenario_files",
    "scenario_path",
    "shipped_folder",
    "with_values",
]

SOURCES: Final = "sources.yaml"
_OWN: Final = ("name", "title", "colour", "abstract")
"""What a variant does not inherit."""

_LONGEST_NAME: Final = 255
"""Bytes of a file's name that file systems take."""

_OTHER_FILES: Final = {"actions": "decide", "players": "decide", "design": "sweep"}
"""Keys by which a file is told that is no scenario, and the command that reads it."""

_SILENT: Final = (*SETTINGS, "extends")
"""Keys that say nothing to the model, or how it is drawn."""


@dataclass(frozen=True)
class Loaded:
    """A scenario, and the tree that knows which file set what.

    Attributes
    ----------
    scenario : Scenario
    tree : Node
        The merged files, sources and overrides included.
    dropped : tuple of str
        Providers of the base that were taken out.
    """

    scenario: Scenario
    tree: Node
    dropped: tuple[str, ...] = ()

    def setter(self, path: str) -> str:
        """The file, or the `--set`, that stated a path; empty if it was left at its default."""
        node = self.tree.at(steps(path))
        return node.place.file if node is not None else ""


def load_scenario(path: str | Path, *, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario in a file, with what it extends, complete and consistent.

    Parameters
    ----------
    path : str or Path
        A scenario file; the base that it names and `sources.yaml` lie in the same folder.
    overrides : sequence of str
        `PATH=VALUE`, VALUE in YAML, applied last. A bare number in place of a record keeps its unit. With a name and
        a colon before it, it is for the scenario of that name alone.

    Raises
    ------
    ScenarioError
        With all problems of the first stage that has any: syntax, then keys and types, then meaning.
    """
    return read_scenario(path, overrides=overrides).scenario


def read_scenario(path: str | Path, *, overrides: Sequence[str] = ()) -> Loaded:
    """Like `load_scenario`, together with which file set what."""
    base, variant = _base_and_variant(Path(path))
    tree = merged(base, variant, SCENARIO) if base is not variant else variant
    tree = overridden(_with_sources(tree, Path(path)), plain(_name(tree), overrides))
    tree = without_shares(base, tree)
    dropped = _dropped_providers(base, tree)
    scenario = _consistent(tree, dropped)
    scenario._overridden = dict(_differences(base, tree, SCENARIO))
    return Loaded(scenario, tree, dropped)


def loaded_from(tree: Node, dropped: tuple[str, ...]) -> Loaded:
    """A scenario from its whole tree.

    Raises
    ------
    ScenarioError
        As `load_scenario`.
    """
    return Loaded(_consistent(tree, dropped), tree, dropped)


def with_values(loaded: Loaded, values: Mapping[str, Node], *, source: str) -> Scenario:
    """A loaded scenario with other values at some dotted paths, each stated as after `--set PATH=`.

    Raises
    ------
    ScenarioError
        With every value that cannot stand at its path, else all problems that the values bring about.
    """
    tree, problems = loaded.tree, list[Problem]()
    for path, stated in values.items():
        try:
            tree = with_value(tree, path, stated, source=source)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return _consistent(tree, loaded.dropped)


def _dropped_providers(base: Node, tree: Node) -> tuple[str, ...]:
    """Providers of the base that a scenario does without."""
    before, after = (one.entries["providers"].entries if "providers" in one.entries else {} for one in (base, tree))
    return tuple(name for name in before if name not in after)


def _consistent(tree: Node, dropped: tuple[str, ...]) -> Scenario:
    """The scenario in a tree, if its keys, its types and what it means are right."""
    scenario = validated(tree)
    wrong = consistency.problems(scenario, most=MOST_TOLD, dropped=dropped)
    if wrong:
        raise ScenarioError(located(tree, where, message) for where, message in wrong)
    return scenario


def shipped_folder() -> Path:
    """The folder of the scenarios that come with the program: inside the package once that is installed."""
    here = Path(__file__).parents[1]
    installed, checkout = here / "scenarios", here.parent / "scenarios"
    return installed if installed.is_dir() else checkout


def scenario_files(folder: Path) -> tuple[Path, ...]:
    """The scenario files in a folder, by name."""
    return tuple(sorted(file for file in folder.glob("*.yaml") if file.name != SOURCES))


def scenario_path(named: Path) -> Path:
    """The file that a user means by its path, or by the name of a scenario: one beside, else one that is shipped."""
    if named.suffix or named.parent != Path() or named.exists():
        return named
    places = (folder / f"{named}.yaml" for folder in (Path(), Path("scenarios"), shipped_folder()))
    return next((path for path in places if path.is_file()), named)


def overrides_of(files: Sequence[Path], overrides: Sequence[str]) -> list[list[str]]:
    """For each of some files that are read together the overrides that are for it, or for all.

    Raises
    ------
    ScenarioError
        An override is for a scenario that none of the files holds.
    """
    if not any(map(whose, overrides)):
        return [list(overrides) for _ in files]
    names = [_name_in(file) for file in files]
    for name in dict.fromkeys(map(whose, overrides)):
        if name not in ("", *names):
            message = f"no scenario that is read has this name {choices(name, [one for one in names if one])}"
            raise ScenarioError([Place(f"--set {name}:").problem("", message)])
    return [[text for text in overrides if whose(text) in ("", name)] for name in names]


def _name_in(file: Path) -> str:
    """Name of the scenario in a file; empty if it cannot be read, which is told when it is."""
    try:
        return _name(read(file))
    except (ScenarioError, OSError):
        return ""


def _name(tree: Node) -> str:
    return str(tree.entries["name"].value) if "name" in tree.entries else ""


def _failure(node: Node, path: str, message: str) -> ScenarioError:
    return ScenarioError([node.place.problem(path, message)])


def _base_and_variant(path: Path) -> tuple[Node, Node]:
    """The tree that a file extends, and its own; a file that extends nothing is its own base."""
    variant = read(path)
    for key, command in _OTHER_FILES.items():
        if key in variant.entries:
            raise _failure(variant.entries[key], key, f"is no key of a scenario, but of a file for 'sim {command}'")
    extends = variant.entries.get("extends")
    base = read(_beside(path, extends)) if extends is not None else variant
    for file in (variant, base):
        if "sources" in file.entries:
            raise _failure(file.entries["sources"], "sources", f"sources stand in {SOURCES} beside the scenario")
    if extends is None:
        return variant, variant
    if "extends" in base.entries:
        raise _failure(extends, "extends", f"only one level is read, but {shown(extends.value)} extends another file")
    return _without(base, *_OWN), _without(variant, "extends")


def _differences(base: Node, tree: Node, place: Shape, path: str = "") -> Iterator[tuple[str, Any]]:
    """Paths that act in the model and are not as in the base, each with what the base has there, None for nothing."""
    for key, node in tree.entries.items():
        below, here = place.below(key), f"{path}.{key}" if path else key
        if below is None or here in _SILENT:
            continue
        before = base.entries.get(key)
        if before is not None and below.merges and isinstance(node.value, Mapping):
            yield from _differences(before, node, below, here)
        elif before is None or before.plain() != node.plain():
            yield here, None if before is None else before.plain()
    if place.entry is not None:
        absent = ((key, node) for key, node in base.entries.items() if key not in tree.entries)
        yield from ((f"{path}.{key}", node.plain()) for key, node in absent)


def _beside(path: Path, extends: Node) -> Path:
    """The file that `extends` names."""
    name = extends.value
    if (
        not isinstance(name, str)
        or not 0 < len(name.encode()) <= _LONGEST_NAME
        or Path(name).name != name
        or "\\" in name
    ):
        raise _failure(extends, "extends", f"must name a file in the same folder (found {shown(extends.plain())})")
    others = tuple(file.name for file in scenario_files(path.parent) if file.name != path.name)
    if name == path.name:
        raise _failure(extends, "extends", "a file cannot extend itself")
    if not (path.parent / name).is_file():
        raise _failure(extends, "extends", f"no such file {choices(name, others)}")
    if _leads_out(path, path.parent / name):
        raise _failure(extends, "extends", f"{shown(name)} is a link that leads out of the folder")
    return path.parent / name


def _leads_out(scenario: Path, beside: Path) -> bool:
    """Whether a file beside a scenario lies elsewhere in truth; whole folders of links are no such case."""
    return beside.resolve().parent not in (scenario.parent.resolve(), scenario.resolve().parent)


def _without(node: Node, *keys: str) -> Node:
    return replace(node, value={key: below for key, below in node.entries.items() if key not in keys})


def _with_sources(tree: Node, scenario: Path) -> Node:
    """The tree with the list of sources that lies beside a scenario's file."""
    path = scenario.parent / SOURCES
    if path.exists() and _leads_out(scenario, path):
        raise ScenarioError([Place(str(path)).problem("", "is a link that leads out of the folder")])
    if not path.exists():
        message = "no such file; it lists the sources of the scenarios beside it"
        raise ScenarioError([Place(str(path)).problem("", message)])
    top = read(path)
    problems = [
        node.place.problem(key, f"unknown key {choices(key, ['sources'])}")
        for key, node in top.entries.items()
        if key != "sources"
    ]
    if problems or "sources" not in top.entries:
        raise ScenarioError(problems or [top.place.problem("", "the key 'sources' is missing")])
    return replace(tree, value={**tree.entries, "sources": top.entries["sources"]})
