"""The points of a sweep, run on shared draws: scenarios in, statistics of the outcomes asked for out.

A group of points runs from the first draw to the last and keeps statistics, never draws: memory is bounded by the
columns asked for at the points of one group. The worlds of a scramble are drawn once for a group.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.medians import median_world
from sim.chance.variants import Variants
from sim.chance.worlds import Worlds
from sim.errors import NumericalError, Problem, ScenarioError, SimError
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.outcomes.naming import Outcome, find_number, outcome_draws
from sim.outcomes.panels import Panel, Result, join_panels, require_finite
from sim.outcomes.statistics import Statistics
from sim.outcomes.sweeps import Coordinate, Response, describe_columns
from sim.outcomes.variables import VARIABLES
from sim.scenario.scenario import Scenario
from sim.tasks.crew import Crew
from sim.tasks.design import Point
from sim.tasks.parts import Arrays, PartStore
from sim.tasks.pool import of_the_rest
from sim.tasks.sweepfile import Sweep

__all__ = ["Ran", "asked_outcomes", "idle_factors", "read_points", "run_missing", "run_points"]

Numbered: TypeAlias = Sequence[tuple[int, Point]]
"""Points and their numbers, counted from 1."""

Excerpt: TypeAlias = dict[str, Panel]
"""What the draws of one outcome follow from."""

_POINT: Final = "point"
_BASELINE: Final = "baseline"
"""What an outcome is looked for in."""

_DEFAULT_OUTCOMES: Final = ("foreign_share.{place}", "operating_profit.total.foreign.{year}", "npv.total.foreign")
"""In the last year: what foreign providers get, what they earn, and what it is worth."""

_GROUPS_PER_JOB: Final = 4
"""Enough that no job waits long for the last one."""

_MOST_POINTS: Final = 16
_MOST_NUMBERS: Final = 2**25
"""Points in a group, and draws held by them, 256 MiB: bounds the memory of a worker."""

_DESCRIBED: Final = ("level", "difference")
"""What of an outcome there are statistics of."""

_MOST_PROBES: Final = 16
"""Points at which a factor may move nothing before it is said to move nothing."""


@dataclass(frozen=True)
class Ran:
    """What is known of some points.

    Attributes
    ----------
    responses : tuple of Response
        One for each outcome.
    hashes : tuple of str
        SHA-256 of the draws of each point, all outcomes together, and the baseline's after them.
    """

    responses: tuple[Response, ...]
    hashes: tuple[str, ...]

    def part(self, place: int) -> Arrays:
        """What is known of one of the points, as named arrays."""
        arrays: dict[str, npt.NDArray[Any]] = {"hash": np.frombuffer(bytes.fromhex(self.hashes[place]), np.uint8)}
        for number, response in enumerate(self.responses):
            arrays[f"{number}.p_positive"] = response.p_positive[place]
            for name in _DESCRIBED:
                found = getattr(response, name)
                if found is not None:
                    arrays |= {f"{number}.{name}.{key}": values[place] for key, values in vars(found).items()}
        return arrays

    @classmethod
    def joined(cls, outcomes: Sequence[Outcome], parts: Sequence[Arrays]) -> Ran:
        """What is known of all points, from that of each."""

        def column(name: str) -> FloatArray:
            return np.stack([part[name] for part in parts])

        def statistics(name: str) -> Statistics | None:
            names = [f"{name}.{one.name}" for one in fields(Statistics)]
            return Statistics(*map(column, names)) if names[0] in parts[0] else None

        def response(number: int, outcome: Outcome) -> Response:
            level, difference = (statistics(f"{number}.{name}") for name in _DESCRIBED)
            return Response(outcome, level, difference, column(f"{number}.p_positive"))

        responses = (response(number, outcome) for number, outcome in enumerate(outcomes))
        return cls(tuple(responses), tuple(part["hash"].tobytes().hex() for part in parts))


def asked_outcomes(sweep: Sweep) -> tuple[Outcome, ...]:
    """The outcomes that a sweep asks for; the median case of its first point shows which there are.

    Raises
    ------
    ScenarioError
        All that there are not.
    """
    point = sweep.points[0]
    first, reference = sweep.scenario(point), sweep.reference(point)
    cases = {_POINT: simulate(first, median_world(first))}
    if reference is not None:
        cases[_BASELINE] = simulate(reference, median_world(reference))
    if not sweep.outcomes:
        texts = [text.format(place=first.answer_place, year=first.answer_year) for text in _DEFAULT_OUTCOMES]
        return tuple(find_number(text, cases) for text in texts)
    found: list[Outcome] = []
    problems: list[Problem] = []
    for place, node in enumerate(sweep.outcomes):
        try:
            found.append(_outcome(str(node.value), cases, found))
        except ValueError as error:
            problems.append(node.place.problem(f"outcomes[{place}]", str(error)))
    if problems:
        raise ScenarioError(problems)
    return tuple(found)


def _outcome(text: str, cases: Mapping[str, Mapping[str, Panel]], known: Sequence[Outcome]) -> Outcome:
    paired = _BASELINE in cases
    outcome = find_number(text, cases, _BASELINE if paired else "")
    if outcome.scenario:
        raise ValueError(f"a point is one scenario: name its outcome without one (found {outcome.label})")
    if outcome in known:
        raise ValueError(f"the outcome stands twice (found {outcome.label})")
    if VARIABLES[outcome.variable].summary == "difference" and not paired:
        raise ValueError(f"of {outcome.variable} only differences mean anything: name a baseline")
    if paired:
        find_number(outcome.gain().label, cases, _BASELINE)  # the baseline must have it too
    return outcome


def run_missing(
    sweep: Sweep,
    outcomes: Sequence[Outcome],
    missing: Sequence[int],
    store: PartStore,
    crew: Crew,
    done: Callable[[float], None],
) -> None:
    """Run the points of a sweep of which nothing is known yet.

    Parameters
    ----------
    sweep : Sweep
    outcomes : sequence of Outcome
    missing : sequence of int
        Places of the points, counted from 0.
    store : PartStore
        Takes what is found, point by point.
    crew : Crew
        The results do not depend on it.
    done : callable
        Is told the share of all points that are finished.

    Raises
    ------
    NumericalError
        A draw has no answer; names the point.
    """
    bare = replace(sweep, points=())  # a group brings its own: what is sent to other machines stays small
    groups = _groups(sweep, missing, len(outcomes), crew.jobs)
    calls = [partial(run_points, bare, group, outcomes) for group in groups]

    def keep(number: int, ran: Ran) -> None:
        for place, (point, _) in enumerate(groups[number]):
            store.write(point - 1, ran.part(place))

    crew.compute(calls, keep, of_the_rest(done, len(missing), store.count))


def read_points(outcomes: Sequence[Outcome], store: PartStore) -> Ran:
    """What is known of all points, in order."""
    return Ran.joined(outcomes, store.read())


def _groups(sweep: Sweep, chosen: Sequence[int], outcomes: int, jobs: int) -> list[Numbered]:
    """Points put together so that those whose baseline is in the same world run together, as far as may be."""
    numbered = [(place + 1, sweep.points[place]) for place in chosen]
    fitting = _MOST_NUMBERS // (2 * outcomes * sweep.settings["draws"])
    size = max(1, min(_MOST_POINTS, fitting, math.ceil(len(numbered) / (_GROUPS_PER_JOB * jobs))))
    if sweep.baseline is not None:
        worlds = {world: place for place, world in enumerate(dict.fromkeys(map(sweep.world, sweep.points)))}
        numbered.sort(key=lambda one: worlds[sweep.world(one[1])])
    return [numbered[start : start + size] for start in range(0, len(numbered), size)]


def run_points(sweep: Sweep, points: Numbered, outcomes: Sequence[Outcome]) -> Ran:
    """Run some points of a sweep on all draws.

    Raises
    ------
    NumericalError
        A draw has no answer; names the point.
    """
    scenarios = [sweep.scenario(point) for _, point in points]
    own = _excerpts(scenarios, outcomes, [f"point {number}" for number, _ in points])
    base = _baseline_excerpts(sweep, points, outcomes)
    hashes = [hashlib.sha256() for _ in points]
    for digest, excerpts, reference in zip(hashes, own, base or own, strict=True):
        for excerpt in (*excerpts, *(() if base is None else reference)):
            for panel in excerpt.values():
                digest.update(np.ascontiguousarray(panel.values, dtype="<f8").data)
    responses = tuple(
        _response(
            outcome, scenarios, [one[place] for one in own], None if base is None else [one[place] for one in base]
        )
        for place, outcome in enumerate(outcomes)
    )
    return Ran(responses, tuple(digest.hexdigest() for digest in hashes))


def _response(
    outcome: Outcome, scenarios: Sequence[Scenario], own: Sequence[Excerpt], base: Sequence[Excerpt] | None
) -> Response:
    """What is said of an outcome at some points."""
    results = [Result(scenario, excerpt) for scenario, excerpt in zip(scenarios, own, strict=True)]
    level = None if outcome.is_comparison else np.stack([outcome_draws(outcome, result) for result in results])
    if base is None:
        return describe_columns(outcome, level, None)
    references = [Result(scenario, excerpt) for scenario, excerpt in zip(scenarios, base, strict=True)]
    added = [outcome_draws(outcome.gain(), *pair) for pair in zip(results, references, strict=True)]
    return describe_columns(outcome, level, np.stack(added))


def _baseline_excerpts(sweep: Sweep, points: Numbered, outcomes: Sequence[Outcome]) -> list[list[Excerpt]] | None:
    """The baseline's draws in the world of each point, computed once for each world; None without a baseline."""
    worlds = {sweep.world(point): (number, sweep.reference(point)) for number, point in reversed(points)}
    scenarios = [scenario for _, scenario in worlds.values() if scenario is not None]
    if not scenarios:
        return None
    names = [f"the baseline of point {number}" for number, _ in worlds.values()]
    by_world = dict(zip(worlds, _excerpts(scenarios, outcomes, names), strict=True))
    return [by_world[sweep.world(point)] for _, point in points]


def _excerpts(scenarios: Sequence[Scenario], outcomes: Sequence[Outcome], names: Sequence[str]) -> list[list[Excerpt]]:
    """What the draws of each outcome follow from, scenario by scenario."""
    draws, variants = scenarios[0].sampling.draws, Variants(scenarios)
    parts: list[list[list[Excerpt]]] = [[[] for _ in outcomes] for _ in scenarios]
    for number in range(draws // DRAWS_PER_SCRAMBLE):
        shared, start = Shared(), number * DRAWS_PER_SCRAMBLE
        for place, worlds in enumerate(variants.worlds(range(number, number + 1))):
            panels = _simulated(scenarios[place], worlds, shared, outcomes, names[place], start)
            for held, outcome in zip(parts[place], outcomes, strict=True):
                held.append(outcome.excerpt(panels))
    return [[join_panels(held) for held in one] for one in parts]


def _simulated(
    scenario: Scenario, worlds: Worlds, shared: Shared, outcomes: Sequence[Outcome], name: str, first_draw: int
) -> Mapping[str, Panel]:
    needed = {variable for outcome in outcomes for variable in outcome.variables}
    try:
        panels = simulate(scenario, worlds, shared=shared, needed=needed)
        for panel in panels.values():
            require_finite(panel, first_draw)
    except NumericalError as error:
        raise NumericalError(f"{name}: a draw has no answer: {error}") from error
    return panels


def idle_factors(sweep: Sweep, outcomes: Sequence[Outcome], ran: Ran) -> tuple[str, ...]:
    """Paths that move no outcome asked for, neither at a point nor in its baseline.

    Points that differ in nothing else tell it, by the hashes of their draws. Where a design has no such points, a few
    are made: one path gets the value of the next point, and the draws of one scramble are compared.
    """
    rows = list(zip(*(factor.coordinates for factor in sweep.factors), strict=True))
    idle = []
    for place, factor in enumerate(sweep.factors):
        alike: dict[tuple[Coordinate, ...], list[str]] = {}
        for row, digest in zip(rows, ran.hashes, strict=True):
            alike.setdefault(row[:place] + row[place + 1 :], []).append(digest)
        pairs = [digests for digests in alike.values() if len(digests) > 1]
        moved = (len(set(digests)) > 1 for digests in pairs) if pairs else _probes(sweep, outcomes, factor.path)
        if len(factor.levels) > 1 and not any(moved):
            idle.append(factor.path)
    return tuple(idle)


def _probes(sweep: Sweep, outcomes: Sequence[Outcome], path: str) -> Iterator[bool]:
    """Whether a path moves something at a point, for some points spread over the design."""
    short = replace(sweep, settings={**sweep.settings, "draws": DRAWS_PER_SCRAMBLE})
    step = math.ceil(len(sweep.points) / _MOST_PROBES)
    for point, following in list(pairwise(sweep.points))[::step]:
        turned = {**point, path: following[path]}
        try:
            first, second = run_points(short, [(1, point), (2, turned)], outcomes).hashes
        except SimError:  # the point that was made may be none that can run
            continue
        yield first != second
