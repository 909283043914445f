"""The file of a sweep: a scenario, what is varied, and the points, all of them checked before any is run.

A swept value stands as if it were set by `--set PATH=VALUE`. In the baseline of a sweep the parameters of the
world are set too, but not the levers, which are all below `regimes` and `policy`: the difference is then what the
rules make in one and the same world.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from sim.chance.sampling import check_draws, design_column
from sim.errors import Problem, ScenarioError, choices, shown
from sim.evidence import Model
from sim.outcomes.comparison import disagreements
from sim.outcomes.sweeps import Coordinate, Factor
from sim.reading.documents import Node, read
from sim.reading.loading import Loaded, read_scenario, scenario_files, with_values
from sim.reading.overrides import with_value
from sim.reading.validation import conforming, steps
from sim.regimes import Id
from sim.scenario import Scenario

__all__ = ["Point", "Sweep", "is_sweep", "read_sweep"]

Point: TypeAlias = Mapping[str, Node]
"""Path to the value that stands there at one point."""

_MOST_POINTS: Final = 10_000
"""Each is a run of its own: more take days."""

_MOST_FACTORS: Final = 32

_LEVERS: Final = ("regimes", "policy")
"""What a government decides; all else is the world, which the baseline shares."""

_SILENT: Final = ("schema_version", "extends", "name", "abstract", "question", "as_of", "sampling", "sources")
"""Says nothing to the model, or how it is drawn."""

_EVIDENCE: Final = ("source", "as_of", "grade", "note", "fallback")

_SOURCE: Final = "sweep"

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Hypercube(Model):
    """A Latin hypercube over ranges, each even from its low to its high end."""

    points: Annotated[int, Field(ge=2)]
    ranges: Annotated[dict[str, tuple[Finite, Finite]], Field(min_length=1, max_length=_MOST_FACTORS)]


class _Design(Model):
    """What is varied, in one of three ways."""

    grid: Annotated[dict[str, tuple[Any, ...]], Field(min_length=1, max_length=_MOST_FACTORS)] | None = None
    latin_hypercube: _Hypercube | None = None
    list: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = None


class _SweepFile(Model):
    """The keys of the file."""

    schema_version: Literal[1]
    name: Id
    question: Annotated[str, Field(min_length=1)]
    scenario: Annotated[str, Field(min_length=1)]
    baseline: Annotated[str, Field(min_length=1)] | None = None
    draws: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    design: _Design
    outcomes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


@dataclass(frozen=True)
class Sweep:
    """A sweep that can run: every point of it is a valid scenario.

    Attributes
    ----------
    name, question : str
    kind : str
        grid, latin_hypercube or list.
    loaded : Loaded
        The scenario, before anything is varied.
    baseline : Loaded or None
        What the points are compared with.
    points : tuple of Point
    outcomes : tuple of Node
        As they are asked for; empty if nothing is.
    settings : mapping of str to int
        Draws and seed, where they are not the scenario's own.
    """

    name: str
    question: str
    kind: str
    loaded: Loaded
    baseline: Loaded | None
    points: tuple[Point, ...]
    outcomes: tuple[Node, ...]
    settings: Mapping[str, int]

    @property
    def start(self) -> Scenario:
        """The scenario before anything is varied, with the draws and the seed of the sweep."""
        return self._set(self.loaded.scenario)

    def scenario(self, point: Point) -> Scenario:
        """The scenario at a point."""
        return self._set(with_values(self.loaded, point, source=_SOURCE))

    def reference(self, point: Point) -> Scenario | None:
        """The baseline in the world of a point; None without one."""
        if self.baseline is None:
            return None
        return self._set(with_values(self.baseline, _world(point), source=_SOURCE))

    def world(self, point: Point) -> tuple[Coordinate, ...]:
        """What the baseline is told of a point: points of one world share it."""
        return tuple(_coordinate(node.plain()) for node in _world(point).values())

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What is varied, with the coordinates of every point."""
        return tuple(
            Factor(
                path, _unit(self.loaded.tree, path), tuple(_coordinate(point[path].plain()) for point in self.points)
            )
            for path in self.points[0]
        )

    def _set(self, scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"sampling": scenario.sampling.model_copy(update=dict(self.settings))})


def is_sweep(path: Path) -> bool:
    """Whether a file describes a sweep and not a scenario; raises ScenarioError if it is no YAML."""
    return "design" in read(path).entries


def read_sweep(path: Path, *, draws: int | None = None, seed: int | None = None) -> Sweep:
    """The sweep in a file, with every point checked.

    Parameters
    ----------
    path : Path
        Scenario and baseline are named relative to it.
    draws, seed : int, optional
        In place of what the file says.

    Raises
    ------
    ScenarioError
        All problems of the first stage that has any: the file's own keys, the scenarios, the paths, the points.
    """
    tree = read(path)
    file = conforming(tree, _SweepFile)
    _refuse(_objections(tree, file))
    loaded = _scenarios(path, tree)
    given = {"draws": file.draws if draws is None else draws, "seed": file.seed if seed is None else seed}
    settings = {name: value for name, value in given.items() if value is not None}
    kind = next(iter(tree.entries["design"].entries))
    design = tree.entries["design"].entries[kind]
    points = _POINTS[kind](design, settings.get("seed", loaded["scenario"].scenario.sampling.seed))
    outcomes = tree.entries["outcomes"].value if file.outcomes else ()
    assert isinstance(outcomes, tuple)
    sweep = Sweep(
        file.name, file.question, kind, loaded["scenario"], loaded.get("baseline"), points, outcomes, settings
    )
    _refuse(_wrong_draws(tree, sweep))
    _refuse(_wrong_paths(sweep))
    _refuse(_wrong_points(sweep))
    return sweep


def _refuse(problems: Iterator[Problem]) -> None:
    found = list(problems)
    if found:
        raise ScenarioError(found)


def _objections(tree: Node, file: _SweepFile) -> Iterator[Problem]:
    """What is wrong with the design, as far as no scenario need be known for it."""
    design = tree.entries["design"]
    kinds = tuple(design.entries)
    if len(kinds) != 1:
        found = ", ".join(kinds) or "nothing"
        yield design.place.problem(
            "design", f"states the points by one key (found {found}; allowed {', '.join(_POINTS)})"
        )
        return
    (kind,) = kinds
    node, where = design.entries[kind], f"design.{kind}"
    if getattr(file.design, kind) is None:
        yield node.place.problem(where, "must hold what is varied (found nothing)")
        return
    count = _count(file.design)
    if count > _MOST_POINTS:
        yield node.place.problem(where, f"makes too many points (found {count:,}; allowed at most {_MOST_POINTS:,})")
    yield from _wrong_values(kind, node, where)


def _count(design: _Design) -> int:
    if design.grid is not None:
        return prod(len(values) for values in design.grid.values())
    return design.latin_hypercube.points if design.latin_hypercube is not None else len(design.list or ())


def _wrong_values(kind: str, node: Node, where: str) -> Iterator[Problem]:
    """Values that are missing, stand twice or make no range."""
    if kind == "latin_hypercube":
        for path, ends in node.entries["ranges"].entries.items():
            low, high = ends.plain()
            if not low < high:
                message = f"a range rises from its low to its high end (found {low} to {high})"
                yield ends.place.problem(f"{where}.ranges.{path}", message)
        return
    if kind == "list":
        yield from _wrong_list(node, where)
        return
    for path, values in node.entries.items():
        if not values.value:
            yield values.place.problem(f"{where}.{path}", "must hold at least 1 value (found a list of 0)")
        yield from _repeated(_items(values), f"{where}.{path}", "the value")


def _wrong_list(node: Node, where: str) -> Iterator[Problem]:
    first, *others = _items(node)
    if not 0 < len(first.entries) <= _MOST_FACTORS:
        yield first.place.problem(f"{where}[0]", f"must set 1 to {_MOST_FACTORS} paths (found {len(first.entries)})")
    for place, point in enumerate(others, start=1):
        odd = sorted(set(point.entries) ^ set(first.entries))
        if odd:
            message = f"every point sets the paths of the first one (found a difference in {', '.join(odd)})"
            yield point.place.problem(f"{where}[{place}]", message)
    yield from _repeated(_items(node), where, "the point")


def _repeated(nodes: Sequence[Node], where: str, what: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for place, node in enumerate(nodes):
        words = str(_coordinate(node.plain()))
        if words in seen:
            yield node.place.problem(f"{where}[{place}]", f"{what} stands twice (found {words} at [{seen[words]}] too)")
        seen.setdefault(words, place)


def _items(node: Node) -> tuple[Node, ...]:
    return node.value if isinstance(node.value, tuple) else ()


def _scenarios(path: Path, tree: Node) -> dict[str, Loaded]:
    """The scenario and the baseline, by their key; the problems of both at once."""
    loaded: dict[str, Loaded] = {}
    problems: list[Problem] = []
    for key in ("scenario", "baseline"):
        node = tree.entries.get(key)
        if node is None or node.value is None:
            continue
        try:
            loaded[key] = _runnable(path.parent / str(node.value), node, key)
        except ScenarioError as error:
            problems += error.problems
    if not problems and "baseline" in loaded:
        reasons = disagreements(loaded["baseline"].scenario, loaded["scenario"].scenario)
        unlike = [reason for reason in reasons if not reason.startswith(("seed", "number of draws"))]
        if unlike:
            message = f"does not share draws with the scenario: they differ in {', '.join(unlike)}"
            problems.append(tree.entries["baseline"].place.problem("baseline", message))
    if problems:
        raise ScenarioError(problems)
    return loaded


def _runnable(file: Path, node: Node, key: str) -> Loaded:
    if not file.is_file():
        near = [found.name for found in scenario_files(file.parent)]
        raise ScenarioError([node.place.problem(key, f"no such file {choices(str(node.value), near)}")])
    found = read_scenario(file)
    if found.scenario.abstract:
        raise ScenarioError([node.place.problem(key, f"{found.scenario.name} is abstract: a base, not one to run")])
    return found


def _grid(node: Node, seed: int) -> tuple[Point, ...]:
    values = [_items(below) for below in node.entries.values()]
    return tuple(dict(zip(node.entries, chosen, strict=True)) for chosen in product(*values))


def _latin_hypercube(node: Node, seed: int) -> tuple[Point, ...]:
    ranges = node.entries["ranges"].entries
    count = int(node.entries["points"].plain())
    columns = []
    for path, ends in ranges.items():
        low, high = ends.plain()
        columns.append(low + (high - low) * design_column(seed, path, count))
    return tuple(
        {path: Node(float(value), ranges[path].place) for path, value in zip(ranges, values, strict=True)}
        for values in zip(*columns, strict=True)
    )


def _list(node: Node, seed: int) -> tuple[Point, ...]:
    first, *others = _items(node)
    return (dict(first.entries), *({path: point.entries[path] for path in first.entries} for point in others))


_POINTS: Final[Mapping[str, Callable[[Node, int], tuple[Point, ...]]]] = {
    "grid": _grid,
    "latin_hypercube": _latin_hypercube,
    "list": _list,
}
"""Kind of design to what makes its points."""


def _wrong_draws(tree: Node, sweep: Sweep) -> Iterator[Problem]:
    try:
        check_draws(sweep.start.sampling.draws)
    except ScenarioError as error:
        node = tree.entries.get("draws")
        stated = node is not None and node.value == sweep.start.sampling.draws
        yield from (node.place.problem("draws", one.message) if node and stated else one for one in error.problems)


def _wrong_paths(sweep: Sweep) -> Iterator[Problem]:
    """Paths at which nothing can stand, told once and not for each value."""
    for path, node in sweep.points[0].items():
        if next(iter(steps(path)), "") in _SILENT:
            yield node.place.problem(path, "says nothing to the model, so that there is nothing to vary")
            continue
        trees = [sweep.loaded.tree] + ([sweep.baseline.tree] if sweep.baseline and not _is_lever(path) else [])
        for tree in trees:
            try:
                with_value(tree, path, node, source=_SOURCE)
            except ScenarioError as error:
                yield from error.problems


def _wrong_points(sweep: Sweep) -> Iterator[Problem]:
    """Every mistake once, with the coordinates of the first point that has it."""
    points: dict[Problem, list[int]] = {}
    for number, point in enumerate(sweep.points, start=1):
        for problem in _wrong_point(sweep, point):
            points.setdefault(problem, []).append(number)
    for problem, numbers in points.items():
        where = ", ".join(f"{path} {_coordinate(node.plain())}" for path, node in sweep.points[numbers[0] - 1].items())
        more = f", and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        yield replace(problem, message=f"{problem.message} (at point {numbers[0]}: {where}{more})")


def _wrong_point(sweep: Sweep, point: Point) -> set[Problem]:
    """What is wrong with a point; where the baseline has the same fault, it is told once."""
    found: set[Problem] = set()
    for make in (sweep.scenario, sweep.reference):
        try:
            scenario = make(point)
        except ScenarioError as error:
            found.update(error.problems)
            continue
        reasons = disagreements(scenario, sweep.start) if scenario is not None else ()
        if reasons:
            place = next(iter(point.values())).place
            found.add(place.problem("", f"points do not share draws: they differ in {', '.join(reasons)}"))
    return found


def _world(point: Point) -> Point:
    return {path: node for path, node in point.items() if not _is_lever(path)}


def _is_lever(path: str) -> bool:
    return next(iter(steps(path)), "") in _LEVERS


def _unit(tree: Node, path: str) -> str:
    """The unit of the record that stands at a path; empty where there is none."""
    node = tree.at(steps(path))
    unit = node.entries.get("unit") if node is not None else None
    return str(unit.value) if unit is not None and unit.value not in ("1", "category") else ""


def _coordinate(value: Any) -> Coordinate:
    """A value as it stands in a table: a number, or words."""
    if isinstance(value, bool) or value is None:
        return shown(value)
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(below)}" for key, below in value.items() if key not in _EVIDENCE)
    if isinstance(value, tuple):
        return "; ".join(map(_words, value))
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _words(value: Any) -> str:
    found = _coordinate(value)
    return f"{found:.6g}" if isinstance(found, float) else found
