"""The file of a sweep: scenario, baseline, design and outcomes, with every point checked before any is run.

A swept value stands as if it were set by `--set PATH=VALUE`. In the baseline of a sweep the parameters of the
world are set too, but not the levers, which are all below `regimes` and `policy`: the difference is then what the
rules make in one and the same world.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sim.chance.pairing import disagreements
from sim.chance.sampling import check_draws
from sim.disk import open_regular, write_bytes
from sim.errors import Problem, ScenarioError
from sim.outcomes.manifest import as_json
from sim.outcomes.sweeps import Coordinate, Factor
from sim.reading.documents import Node, Place, planted
from sim.reading.kinds import SWEEP, tree_of
from sim.reading.loading import Loaded, loaded_from, read_scenario, with_values
from sim.reading.naming import file_named, named_file
from sim.reading.overrides import with_value
from sim.reading.validation import conforming, steps
from sim.scenario.inputs import titles
from sim.scenario.levers import Id, Regime
from sim.scenario.records import Model
from sim.scenario.scenario import SETTINGS, Scenario
from sim.tasks.design import Design, Point, coordinate, in_words, make_points, objections

__all__ = ["INPUTS_FILE", "Sweep", "read_sweep", "sweep_of", "write_inputs"]

INPUTS_FILE: Final = "inputs.json"
"""The whole trees of scenario and baseline."""

_LEVERS: Final = ("regimes", "policy")
"""What a government decides; all else is the world, which the baseline shares."""

_FIXED: Final = (*SETTINGS, "extends", "horizon")
"""Says nothing to the model, or is what points must have in common to share their draws."""

_SOURCE: Final = "sweep"


class _SweepFile(Model):
    """The keys of the file."""

    schema_version: Literal[1]
    name: Id
    question: Annotated[str, Field(min_length=1)]
    scenario: Annotated[str, Field(min_length=1)]
    baseline: Annotated[str, Field(min_length=1)] | None = None
    draws: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    design: Design
    outcomes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


@dataclass(frozen=True)
class Sweep:
    """A sweep that can run: every point of it is a valid scenario.

    Attributes
    ----------
    name, question : str
    loaded : Loaded
        The scenario, before anything is varied.
    baseline : Loaded or None
        What the points are compared with.
    points : tuple of Point
    outcomes : tuple of Node
        As they are asked for; empty if nothing is.
    settings : mapping of str to int
        Draws and seed, also of the baseline.
    """

    name: str
    question: str
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
        return tuple(coordinate(node.plain()) for node in _world(point).values())

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What is varied, with the coordinates of every point."""
        scenario = self.loaded.scenario
        called = titles(scenario)

        def factor(path: str) -> Factor:
            values = tuple(coordinate(point[path].plain()) for point in self.points)
            title = called.get(path) or _lever_words(path, scenario)
            return Factor(path, _unit(self.loaded.tree, path), values, title)

        return tuple(factor(path) for path in self.points[0])

    def _set(self, scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"sampling": scenario.sampling.model_copy(update=dict(self.settings))})


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
    file_path = named_file(path, SWEEP)
    tree = tree_of(file_path, SWEEP)
    file = conforming(tree, _SweepFile)
    _refuse(objections(tree.entries["design"], file.design))
    loaded = _scenarios(file_path, tree)
    settings = _settings(loaded["scenario"].scenario, file, draws, seed)
    points = make_points(tree.entries["design"], settings["seed"])
    stated = tree.at(("outcomes",))
    outcomes = stated.value if stated is not None and isinstance(stated.value, tuple) else ()
    sweep = Sweep(file.name, file.question, loaded["scenario"], loaded.get("baseline"), points, outcomes, settings)
    _refuse(chain(_wrong_draws(tree, sweep), _wrong_paths(sweep)))
    _refuse(_wrong_points(sweep))
    return sweep


def write_inputs(sweep: Sweep, folder: Path) -> None:
    """Write what a sweep varies, so that its folder alone is enough to run it again."""
    loaded = {"scenario": sweep.loaded, "baseline": sweep.baseline}
    content = {
        key: {"tree": as_json(one.tree.plain()), "dropped": one.dropped}
        for key, one in loaded.items()
        if one is not None
    }
    write_bytes(folder / INPUTS_FILE, (json.dumps(content, indent=1) + "\n").encode())


def sweep_of(asked: Mapping[str, Any], folder: Path) -> Sweep:
    """A sweep as a manifest states it, of the inputs that lie beside it."""
    place = Place(str(folder / INPUTS_FILE))
    with open_regular(folder / INPUTS_FILE) as stream:
        inputs = json.loads(stream.read())
    loaded = {key: loaded_from(planted(one["tree"], place), tuple(one["dropped"])) for key, one in inputs.items()}
    points = tuple(
        {path: planted(value, place) for path, value in point.items()} for point in asked["design"]["points"]
    )
    return Sweep(
        asked["sweep"],
        asked["question"],
        loaded["scenario"],
        loaded.get("baseline"),
        points,
        tuple(planted(label, place) for label in asked["outcomes"]),
        {"draws": asked["draws"], "seed": asked["seed"]},
    )


def _settings(scenario: Scenario, file: _SweepFile, draws: int | None, seed: int | None) -> dict[str, int]:
    """Draws and seed: as asked for, else as in the file, else the scenario's own."""
    own = {"draws": scenario.sampling.draws, "seed": scenario.sampling.seed}
    stated = {"draws": file.draws, "seed": file.seed}
    asked = {"draws": draws, "seed": seed}
    return own | {name: value for given in (stated, asked) for name, value in given.items() if value is not None}


def _refuse(problems: Iterator[Problem]) -> None:
    found = list(problems)
    if found:
        raise ScenarioError(found)


def _scenarios(path: Path, tree: Node) -> dict[str, Loaded]:
    """The scenario and the baseline, by their key; the problems of both at once."""
    loaded: dict[str, Loaded] = {}
    problems: list[Problem] = []
    for key in ("scenario", "baseline"):
        node = tree.entries.get(key)
        if node is None or node.value is None:
            continue
        try:
            loaded[key] = _runnable(path.parent, node, key)
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


def _runnable(folder: Path, node: Node, key: str) -> Loaded:
    found = read_scenario(file_named(node, key, folder))
    if found.scenario.abstract:
        raise ScenarioError([node.place.problem(key, f"{found.scenario.name} is abstract: a base, not one to run")])
    return found


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
        if next(iter(steps(path)), "") in _FIXED:
            yield node.place.problem(path, "is the same at all points, which share their draws: it cannot be varied")
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
        where = ", ".join(f"{path} {in_words(node.plain())}" for path, node in sweep.points[numbers[0] - 1].items())
        more = f"; points like this: {len(numbers):,}" if len(numbers) > 1 else ""
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


def _lever_words(path: str, scenario: Scenario) -> str:
    """What a setting of a regime is called; of anything else the end of its path, in words."""
    *_, whose, last = f".{path}".split(".")
    field = Regime.model_fields.get(last) if path.startswith("regimes.") else None
    if field is None or field.title is None:
        return ": ".join(scenario.called(part) for part in filter(None, (whose, last)))
    return field.title.format(scenario.called(whose), own=scenario.own_sites)


def _unit(tree: Node, path: str) -> str:
    """The unit of the record that stands at a path; empty where there is none."""
    node = tree.at(steps(path))
    unit = node.entries.get("unit") if node is not None else None
    return str(unit.value) if unit is not None and unit.value not in ("1", "category") else ""
