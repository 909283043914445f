"""A scenario from files: the variant, the base that it extends, and the sources beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from sim.errors import Problem, ScenarioError, choices
from sim.reading import consistency
from sim.reading.documents import Node, Place
from sim.reading.extremes import extreme_values
from sim.reading.lineage import lineage, with_sources
from sim.reading.merging import merged, without_shares
from sim.reading.naming import SOURCES, scenario_files, scenario_path, shipped_folder, shipped_twin
from sim.reading.overrides import Override, Unknown, overridden, read_overrides, with_value
from sim.reading.schema import SCENARIO, Shape
from sim.reading.validation import MOST_TOLD, located, steps, validated
from sim.scenario.scenario import SETTINGS, Scenario

__all__ = [
    "SOURCES",
    "Loaded",
    "load_scenario",
    "loaded_from",
    "read_scenario",
    "read_scenarios",
    "scenario_files",
    "scenario_path",
    "shipped_folder",
    "with_values",
]

_IF_MEANT: Final = "if that is meant, add --yes (in Python: extremes=True)"

S = TypeVar("S")
T = TypeVar("T")

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
    notes : tuple of str
        What a user should know of how it was read.
    """

    scenario: Scenario
    tree: Node
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def setter(self, path: str) -> str:
        """The file, or the `--set`, that stated a path; empty if it was left at its default."""
        node = self.tree.at(steps(path))
        return node.place.file if node is not None else ""


def load_scenario(path: str | Path, *, overrides: Sequence[str] = (), extremes: bool = False) -> Scenario:
    """The scenario in a file, with what it extends, complete and consistent.

    Parameters
    ----------
    path : str or Path
        A scenario file, or the name of a scenario: one beside, else one that is shipped.
    overrides : sequence of str
        `PATH=VALUE`, VALUE in YAML, applied last. A bare number or `a to b` in place of a record keeps its unit. With a
        name and a colon before it, it is for the scenario of that name alone.
    extremes : bool
        Whether an override may put a value more than ten times beyond the scenario's own 5-95% range.

    Raises
    ------
    ScenarioError
        With all problems of the first stage that has any: syntax, then keys and types, then meaning.
    """
    return read_scenario(path, overrides=overrides, extremes=extremes).scenario


def read_scenario(path: str | Path, *, overrides: Sequence[str] = (), extremes: bool = False) -> Loaded:
    """Like `load_scenario`, together with which file set what."""
    (loaded,) = read_scenarios([path], overrides=overrides, extremes=extremes)
    return loaded


def read_scenarios(
    paths: Sequence[str | Path], *, overrides: Sequence[str] = (), extremes: bool = False
) -> tuple[Loaded, ...]:
    """Some scenarios that are read together; an override without a name counts for each that knows its path.

    Raises
    ------
    ScenarioError
        As `load_scenario`, with the problems of all scenarios at once; an override is for a scenario that is not read,
        or its path is known to none.
    """
    drafts = _each(paths, _draft)
    every = read_overrides(overrides)
    _require_names(every, [draft.name for draft in drafts])
    placed = _each(drafts, lambda draft: _placed(draft, every))
    _require_known([one.unknown for one in placed], [draft.name for draft in drafts])
    return tuple(_each(placed, lambda one: _loaded(one, extremes=extremes)))


@dataclass(frozen=True)
class _Draft:
    """A scenario as its files state it.

    Attributes
    ----------
    tree : Node
        Merged, with sources.
    root, base : Node
        What no other file extends, and all files but the scenario's own merged; its own if it extends none.
    providers : tuple of str
        Of all files.
    notes : tuple of str
        How its file was come by.
    """

    tree: Node
    root: Node
    base: Node
    providers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.tree.entries["name"].value) if "name" in self.tree.entries else ""


def _draft(named: str | Path) -> _Draft:
    path = scenario_path(named)
    files = lineage(path)
    root = tree = base = files[0][1]
    providers = dict.fromkeys(_providers(root))
    for _, variant in files[1:]:
        base, tree = tree, merged(tree, variant, SCENARIO)
        tree = without_shares(base, tree)
        providers |= dict.fromkeys(_providers(tree))
    twin = shipped_twin(named, path)
    notes = (f"{named} is {path}, and not the shipped one ({twin})",) if twin else ()
    return _Draft(with_sources(tree, [file for file, _ in files]), root, base, tuple(providers), notes)


def _providers(tree: Node) -> tuple[str, ...]:
    return tuple(tree.entries["providers"].entries) if "providers" in tree.entries else ()


@dataclass(frozen=True)
class _Placed:
    """A scenario with the overrides that are for it.

    Attributes
    ----------
    draft : _Draft
    tree : Node
        With them.
    overrides : tuple of str
        Those that were put in, as `PATH=VALUE`.
    unknown : tuple of Unknown
        Those whose path it does not know.
    """

    draft: _Draft
    tree: Node
    overrides: tuple[str, ...]
    unknown: tuple[Unknown, ...]


def _placed(draft: _Draft, overrides: Sequence[Override]) -> _Placed:
    """The overrides that are for a scenario, put in where it knows their path.

    Raises
    ------
    ScenarioError
        A value cannot stand at its path, or a path that is for this scenario alone is not known.
    """
    meant = [one for one in overrides if one.scenario in ("", draft.name)]
    tree, unknown = overridden(draft.tree, meant)
    own = [one.problem([draft.name]) for one in unknown if one.override.scenario]
    if own:
        raise ScenarioError(own)
    lost = [one.override for one in unknown]
    return _Placed(draft, tree, tuple(f"{one.path}={one.text}" for one in meant if one not in lost), unknown)


def _loaded(placed: _Placed, *, extremes: bool) -> Loaded:
    draft, tree = placed.draft, without_shares(placed.draft.base, placed.tree)
    dropped = tuple(name for name in draft.providers if name not in _providers(tree))
    scenario = _consistent(tree, dropped, draft.base)
    scenario._overridden = dict(_differences(draft.root, tree, SCENARIO))
    scenario._overrides = placed.overrides
    far = tuple(extreme_values(scenario, tree, draft.tree))
    if far and not extremes:
        raise ScenarioError(located(tree, path, f"{words}; {_IF_MEANT}") for path, words in far)
    passed = (f"--set {one.override.path}: not in {draft.name}, which has no such path" for one in placed.unknown)
    stated = [one for one in extreme_values(scenario, draft.tree, draft.root) if one[0] not in dict(far)]
    meant = (f"{path} in {draft.name}: {words}" for path, words in (*far, *stated))
    return Loaded(scenario, tree, dropped, (*draft.notes, *passed, *meant))


def _require_names(overrides: Sequence[Override], names: Sequence[str]) -> None:
    """Raise ScenarioError for each override that is for a scenario which is not read."""
    strange = dict.fromkeys(one.scenario for one in overrides if one.scenario not in ("", *names))
    if strange:
        known = [name for name in names if name]
        messages = {name: f"no scenario that is read has this name {choices(name, known)}" for name in strange}
        raise ScenarioError(Place(f"--set {name}:").problem("", message) for name, message in messages.items())


def _require_known(unknown: Sequence[Sequence[Unknown]], names: Sequence[str]) -> None:
    """Raise ScenarioError for each override whose path no scenario knows."""
    lacking = [[one.override for one in of] for of in unknown]
    problems = [one.problem(names) for of in unknown[:1] for one in of if all(one.override in of for of in lacking)]
    if problems:
        raise ScenarioError(problems)


def _each(things: Sequence[S], make: Callable[[S], T]) -> list[T]:
    """What is made of each; the problems of all at once."""
    made: list[T] = []
    problems: list[Problem] = []
    for thing in things:
        try:
            made.append(make(thing))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return made


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


def _consistent(tree: Node, dropped: tuple[str, ...], before: Node | None = None) -> Scenario:
    """The scenario in a tree, if its keys, its types and what it means are right; `before` has units to write in."""
    scenario = validated(tree, before)
    wrong = consistency.problems(scenario, most=MOST_TOLD, dropped=dropped)
    if wrong:
        raise ScenarioError(located(tree, where, message) for where, message in wrong)
    return scenario


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
