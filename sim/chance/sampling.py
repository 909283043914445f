"""Every random number of a run: named columns on a Sobol' net and on hypercubes, copulas, shock paths.

Draws come as independent scrambles of 512 points; draw n is point n mod 512 of scramble n div 512. Each
column has a name and depends on seed, scramble and name alone. So all scenarios of a study share their
draws, and adding, removing or fixing an input leaves the others as they were, to the last bit. A scramble is
always computed whole, as arrays of 512 draws: its bits cannot depend on how many are drawn together.

References
----------
Owen, A. B. (1998), "Latin supercube sampling for very high-dimensional simulations", ACM TOMACS 8:
a net for the leading columns, hypercubes for the rest.
Qian, P. Z. G. (2012), "Sliced Latin hypercube designs", JASA 107: hypercubes that are hypercubes in every slice of
the net's first column too, so that each category of an input there sees the others evenly spread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, join_draws, over_arrays
from sim.chance.copula import correlated
from sim.chance.shocks import drift_path, leading_directions, market_path, reflect, reverting_path
from sim.chance.units import leading_of, units_of
from sim.chance.worlds import (
    CATCH_UP,
    MARKET,
    SHOCK_INPUTS,
    Columns,
    Latents,
    Named,
    Worlds,
    event_columns,
    normal_paths,
    period_count,
    rare_path,
    rare_paths,
    worlds_of,
)
from sim.errors import Problem, ScenarioError
from sim.scenario.inputs import Input, canonical, inputs
from sim.scenario.mechanisms import absent_values
from sim.scenario.scenario import MOST_DRAWS, Sampling, Scenario

__all__ = [
    "SHOCK_INPUTS",
    "Noise",
    "Worlds",
    "check_draws",
    "columns_of",
    "design_column",
    "draw_latents",
    "draw_worlds",
    "fixed_points",
    "hybrid_worlds",
    "input_levels",
    "leading_columns",
    "uniforms",
]

_SLICES: Final = 16
"""Of a scramble, by its net's first column: 32 points in each, in every one of which hypercubes are hypercubes."""

_NET_WIDTH: Final = 64
"""Columns of the net, used or not: the scramble of a column depends on those before it."""

_NET_BITS: Final = 30
"""scipy's Sobol' points are multiples of 2^-30 from 0 on; half a step up, they are inside (0, 1)."""

_JITTER_BITS: Final = 32
"""Steps inside a cell of the hypercube; midpoints of them, so that a uniform is never 0 or 1."""


def draw_worlds(
    scenario: Scenario,
    scrambles: range,
    *,
    replaced: Named | None = None,
    redrawn: Collection[str] = (),
    copy: int = 0,
) -> Worlds:
    """The worlds of some scrambles, side by side.

    Parameters
    ----------
    scenario : Scenario
        Gives seed, leading names, correlations, inputs, steps and horizon; of what it has learned, row n takes the
        place of what would be drawn for draw n.
    scrambles : range
        Numbers of the scrambles, at least one; N = 512 times their count.
    replaced : mapping of arrays (N,), optional
        Inputs that take these values instead of their own, in canonical units; shock paths follow them.
    redrawn : collection of str, optional
        Names of units that come from another, independent set of draws; see `units_of`. Without any the worlds have
        the bits that they always have.
    copy : int, optional
        Which other set.

    Returns
    -------
    Worlds

    Raises
    ------
    ScenarioError
        If the correlations of a group are not positive definite, or less rows were learned than are asked for.
    ValueError
        There is no such unit, or the worlds are learned from a record, so that units depend on each other.
    """
    plan = _plan(scenario, _sources(scenario, redrawn), copy)
    starts = range(0, DRAWS_PER_SCRAMBLE * len(scrambles), DRAWS_PER_SCRAMBLE)
    parts = []
    for start, number in zip(starts, scrambles, strict=True):
        own = {name: values[start : start + DRAWS_PER_SCRAMBLE] for name, values in (replaced or {}).items()}
        parts.append(worlds_of(scenario, _columns(plan, number).replaced(own)))
    return join_draws(parts)


def hybrid_worlds(scenario: Scenario, scrambles: range) -> Callable[[Collection[str]], Worlds]:
    """The worlds of some scrambles under any units redrawn: both sets are drawn once.

    Parameters
    ----------
    scenario, scrambles
        As for `draw_worlds`.

    Returns
    -------
    callable
        Names of units to what `draw_worlds` makes if they are redrawn, to the last bit.

    Raises
    ------
    ValueError
        The worlds are learned from a record; or, later, there is no such unit.
    """
    plan = _plan(scenario, _sources(scenario, [unit.name for unit in units_of(scenario)]))
    drawn = [(_own(plan, number), _fresh(plan, number)) for number in scrambles]

    def worlds(redrawn: Collection[str]) -> Worlds:
        sources = _sources(scenario, redrawn)
        mixed = (_mixed(own, fresh, sources) for own, fresh in drawn)
        return join_draws([worlds_of(scenario, _under(scenario, plan.items, latents)) for latents in mixed])

    return worlds


def leading_columns(scenario: Scenario, scrambles: range) -> Named:
    """What is kept of some scrambles beside their outcomes: the columns of all units, in their order.

    Returns
    -------
    mapping of arrays (N,)
        By name of the column: inputs in canonical units, uniforms of events, leading components of paths of normals,
        and the number of downward steps of the market, and of jumps by chance, in the whole horizon.
    """
    plan, names = _plan(scenario), [column.name for unit in units_of(scenario) for column in unit.columns]
    parts = [_leading(plan, number) for number in scrambles]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _leading(plan: _Plan, number: int) -> dict[str, FloatArray]:
    scenario, scramble = plan.scenario, _Scramble(plan.scenario.sampling, number)
    paths = normal_paths(scenario)
    latents = _drawn(plan, scramble, _uniform_names(plan), lambda name: name not in paths)
    columns = _with_learned(plan, _under(scenario, plan.items, latents), number)
    kept = {**columns.inputs, **columns.events}
    values = {**absent_values(scenario, DRAWS_PER_SCRAMBLE), **columns.inputs}
    for path in rare_paths(scenario):
        kept[path] = rare_path(path, columns.shocks[path], values, plan.step)[0][-1]
    learned = {} if scenario.learned is None else scenario.learned.columns
    for path in paths:
        axes, labels = plan.axes[path], leading_of(path, scenario.horizon)
        if path in learned:
            rows = slice(number * DRAWS_PER_SCRAMBLE, (number + 1) * DRAWS_PER_SCRAMBLE)
            along = np.stack([(axis[:, None] * learned[path][:, rows]).sum(axis=0) for axis in axes])
        else:
            along = scramble.own_normals(path, len(axes))
        kept |= dict(zip(labels, along, strict=True))
    return kept


def input_levels(scenario: Scenario, scrambles: range, names: Collection[str]) -> Named:
    """At which probability of its distribution each of some inputs lies, of what is drawn anew and not learned.

    Parameters
    ----------
    scenario : Scenario
    scrambles : range
        Numbers of the scrambles; N = 512 times their count.
    names : collection of str
        Inputs.

    Returns
    -------
    mapping of arrays (N,)
        Uniforms under the copula of the input's group; their normal quantiles have its normal correlations.
    """
    plan = _plan(scenario)
    groups = [group for group in scenario.sampling.correlations.values() if set(names) & set(group.members)]
    needed = {*names, *(member for group in groups for member in group.members)}
    parts = []
    for number in scrambles:
        latents = _drawn(plan, _Scramble(scenario.sampling, number), _uniform_names(plan), needed.__contains__)
        uniforms = dict(latents.inputs)
        for group in groups:
            uniforms |= correlated(group, latents)
        parts.append(uniforms)
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def draw_latents(scenario: Scenario, number: int) -> Latents:
    """What is drawn independently in the scramble of this number, by name; N = 512."""
    return _latents(_plan(scenario), number)


def columns_of(scenario: Scenario, latents: Latents) -> Columns:
    """Latents under the copulas and distributions of a scenario.

    Raises
    ------
    ScenarioError
        If the correlations of a group are not positive definite.
    """
    return _under(scenario, inputs(scenario), latents)


def uniforms(sampling: Sampling, name: str, scrambles: range, columns: int = 1) -> FloatArray:
    """Uniform numbers of one's own, of which the worlds know nothing: for errors of measurement, or for resampling.

    Parameters
    ----------
    sampling : Sampling
        Gives the seed.
    name : str
        Keys the numbers: the same name has the same ones, in every run of this seed.
    scrambles : range
        Numbers of the scrambles, at least one; N = 512 times their count.
    columns : int

    Returns
    -------
    array (columns, N)
        Inside (0, 1); each column of a scramble is a Latin hypercube of its own.
    """
    return np.concatenate([_hypercube(sampling.seed, number, f"own.{name}", columns) for number in scrambles], axis=1)


def design_column(seed: int, name: str, points: int) -> FloatArray:
    """One column of a Latin hypercube for the design of a sweep.

    Parameters
    ----------
    seed : int
    name : str
        Of what is varied; each name has a column of its own, whatever else is varied.
    points : int

    Returns
    -------
    array (points,)
        One number in each of as many equal cells of (0, 1), in random order.
    """
    return _hypercube(seed, points, f"design.{name}", 1, points).ravel()


def fixed_points(columns: int, points: int) -> FloatArray:
    """The same points in every run, whatever its seed: for means over chance that belong to the model.

    Parameters
    ----------
    columns : int
    points : int
        A power of two.

    Returns
    -------
    array (columns, points)
        Inside (0, 1); a scrambled Sobol' net.
    """
    engine = qmc.Sobol(columns, scramble=True, bits=_NET_BITS, rng=_generator(0, 0, "fixed"))
    return np.ascontiguousarray(engine.random(points).T) + 0.5 ** (_NET_BITS + 1)


def check_draws(draws: int) -> None:
    """Raise ScenarioError, naming the two nearest, unless `draws` is a positive multiple of 512."""
    if 0 < draws <= MOST_DRAWS and draws % DRAWS_PER_SCRAMBLE == 0:
        return
    if draws > MOST_DRAWS:
        raise ScenarioError([Problem("", 0, 0, "sampling.draws", f"at most {MOST_DRAWS:,} (found {draws:,})")])
    below = max(draws // DRAWS_PER_SCRAMBLE, 1) * DRAWS_PER_SCRAMBLE
    message = (
        f"draws come in scrambles of {DRAWS_PER_SCRAMBLE} (found {draws}; "
        f"the nearest are {below} and {below + DRAWS_PER_SCRAMBLE})"
    )
    raise ScenarioError([Problem("", 0, 0, "sampling.draws", message)])


@dataclass(frozen=True)
class _Plan:
    """What all scrambles of a scenario have in common; axes are the directions that a path's own columns drive."""

    scenario: Scenario
    items: tuple[Input, ...]
    periods: int
    step: float
    axes: Named
    sources: frozenset[str]
    copy: int


def _sources(scenario: Scenario, units: Collection[str]) -> frozenset[str]:
    """What is drawn for some units."""
    if not units:
        return frozenset()
    known = {unit.name: unit.sources for unit in units_of(scenario)}
    lost = sorted(set(units) - known.keys())
    if lost or scenario.learned is not None:
        raise ValueError(f"no unit of {scenario.name} that can be redrawn: {', '.join(lost) or 'it has learned'}")
    return frozenset().union(*(known[name] for name in units))


def _plan(scenario: Scenario, sources: frozenset[str] = frozenset(), copy: int = 0) -> _Plan:
    items, periods, step = inputs(scenario), period_count(scenario.horizon), scenario.horizon.period_months / 12
    stated = {item.name: canonical(scenario, item, np.array([0.5])) for item in items}
    medians = {**absent_values(scenario, 1), **stated}
    paths, both, one = normal_paths(scenario), np.eye(2 * periods), np.eye(periods + 1)
    whole = {MARKET: market_path(both, medians["market.growth_reversion"], medians["market.level_reversion"], step)}
    if CATCH_UP in paths:
        whole[CATCH_UP] = drift_path(both, medians["technology.catch_up_luck.half_life"], step)
    axes = {path: leading_directions(matrix, min(2, periods)) for path, matrix in whole.items()}
    if scenario.rivalry is not None:
        reverting = leading_directions(reverting_path(one, medians["rivalry.half_life"], step), min(2, periods))
        axes |= dict.fromkeys(paths.keys() - whole.keys(), reverting)
    return _Plan(scenario, items, periods, step, axes, sources, copy)


def _columns(plan: _Plan, number: int) -> Columns:
    """The columns of one scramble, with the rows of what was learned in place of their own."""
    return _with_learned(plan, _under(plan.scenario, plan.items, _latents(plan, number)), number)


def _with_learned(plan: _Plan, columns: Columns, number: int) -> Columns:
    learned = plan.scenario.learned
    if learned is None:
        return columns
    rows = slice(number * DRAWS_PER_SCRAMBLE, (number + 1) * DRAWS_PER_SCRAMBLE)
    own = {name: np.ascontiguousarray(values[..., rows]) for name, values in learned.columns.items()}
    if any(values.shape[-1] < DRAWS_PER_SCRAMBLE for values in own.values()):
        count = next(iter(learned.columns.values())).shape[-1]
        message = f"more draws are asked for than the posterior has rows (found {rows.stop}; at most {count})"
        raise ScenarioError([Problem("", 0, 0, "sampling.draws", message)])
    return columns.replaced(own)


def _latents(plan: _Plan, number: int) -> Latents:
    """What is drawn in a scramble, the redrawn from another one."""
    own = _own(plan, number)
    return _mixed(own, _fresh(plan, number), plan.sources) if plan.sources else own


def _own(plan: _Plan, number: int) -> Latents:
    return _drawn(plan, _Scramble(plan.scenario.sampling, number), _uniform_names(plan), lambda name: True)


def _fresh(plan: _Plan, number: int) -> Latents:
    """What is redrawn, of another scramble whose rows are put in an order of their own.

    Row n of two scrambles of one net is one point of Sobol' before it is scrambled, so that taken as they come the
    two sets would not be independent.
    """
    sampling, place = plan.scenario.sampling, f"{number}.{plan.copy}"
    rows = _generator(sampling.seed, place, "rows").permutation(DRAWS_PER_SCRAMBLE)
    drawn = _drawn(plan, _Scramble(sampling, place), _uniform_names(plan), plan.sources.__contains__)
    return over_arrays(lambda values: values[..., rows], drawn)


def _mixed(own: Latents, fresh: Latents, sources: Collection[str]) -> Latents:
    """Two sets of draws, some by name of the second."""

    def mixed(mine: Named, others: Named) -> Named:
        return {name: others[name] if name in sources else values for name, values in mine.items()}

    parts = ((getattr(own, part), getattr(fresh, part)) for part in ("inputs", "events", "shocks"))
    return Latents(*(mixed(mine, others) for mine, others in parts))


def _uniform_names(plan: _Plan) -> list[str]:
    """Inputs that have a column; a member of a group that the scenario lacks keeps it, so that its partners stay."""
    groups = plan.scenario.sampling.correlations.values()
    members = (name for group in groups for name in group.members)
    return list(dict.fromkeys([*(item.name for item in plan.items), *members]))


def _drawn(plan: _Plan, scramble: _Scramble, names: Sequence[str], asked: Callable[[str], bool]) -> Latents:
    """The columns of a scramble that are asked for by name."""
    steps = {name: scramble.hypercube(name, plan.periods) for name in filter(asked, rare_paths(plan.scenario))}
    paths = filter(asked, normal_paths(plan.scenario))
    return Latents(
        inputs={name: scramble.column(name) for name in filter(asked, names)},
        events={name: scramble.column(name) for name in filter(asked, event_columns(plan.scenario))},
        shocks=steps | {path: scramble.normals(path, plan.axes[path]) for path in paths},
    )


def _under(scenario: Scenario, items: Sequence[Input], latents: Latents) -> Columns:
    uniforms = dict(latents.inputs)
    for group in scenario.sampling.correlations.values():
        uniforms |= correlated(group, latents)
    values = {item.name: canonical(scenario, item, uniforms[item.name]) for item in items}
    return Columns(values, latents.events, latents.shocks)


@dataclass(frozen=True)
class Noise:
    """Random numbers for learning from a record, apart from every draw's own; a name is used once.

    Attributes
    ----------
    seed, replicate : int
        With the name they decide the numbers.
    """

    seed: int
    replicate: int

    def normals(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Independent standard normals."""
        return self._generator(name).standard_normal(shape)

    def uniforms(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Independent uniforms in [0, 1)."""
        return self._generator(name).random(shape)

    def _generator(self, name: str) -> np.random.Generator:
        return _generator(self.seed, self.replicate, f"calibration/{name}")


class _Scramble:
    """The columns of one scramble by name, each an array (512,) of uniforms inside (0, 1).

    Parameters
    ----------
    sampling : Sampling
        Gives the seed, and the names whose columns lie on the net.
    number : int or str
        Which scramble; numbers are those of a run's own.
    """

    def __init__(self, sampling: Sampling, number: int | str) -> None:
        self._seed, self._number = sampling.seed, number
        columns = _net(sampling.seed, number, DRAWS_PER_SCRAMBLE)
        self._net: dict[str, FloatArray] = dict(zip(sampling.leading, columns, strict=False))
        self._rank = np.floor(columns[0] * DRAWS_PER_SCRAMBLE).astype(int)

    def column(self, name: str) -> FloatArray:
        """Column of the net if the name is leading, else a hypercube of one column."""
        return self._net[name] if name in self._net else self.hypercube(name, 1).ravel()

    def hypercube(self, name: str, columns: int) -> FloatArray:
        """Sliced Latin hypercube, array (columns, 512).

        Each column has one point in each of 512 equal cells, and of the 32 points in each sixteenth of the net's
        first column one in each of 32.
        """
        return _hypercube(self._seed, self._number, f"sliced.{name}", columns, slices=_SLICES)[:, self._rank]

    def normals(self, path: str, axes: FloatArray) -> FloatArray:
        """Independent normals of a shock path, array (K, 512): its one or two own columns drive `axes` (1 or 2, K)."""
        others = np.asarray(ndtri(self.hypercube(f"{path}.others", axes.shape[1] - len(axes))), dtype=float)
        return reflect(np.vstack([self.own_normals(path, len(axes)), others]), axes)

    def own_normals(self, path: str, count: int) -> FloatArray:
        """What drives the leading directions of a shock path, array (one or two, 512)."""
        own = [self.column(name) for name in (path, f"{path}.second")[:count]]
        return np.asarray(ndtri(np.vstack(own)), dtype=float)


def _hypercube(
    seed: int, number: int | str, name: str, columns: int, points: int = DRAWS_PER_SCRAMBLE, *, slices: int = 1
) -> FloatArray:
    """Latin hypercube of one scramble, array (columns, points), from a generator of its own; slice after slice."""
    random, count = _generator(seed, number, name), points // slices
    cells = random.permuted(np.tile(np.arange(count), (columns, slices, 1)), axis=2)
    parts = random.permuted(np.tile(np.arange(slices), (columns, count, 1)), axis=2).swapaxes(1, 2)
    cells = (slices * cells + np.take_along_axis(parts, cells, axis=2)).reshape(columns, points)
    inside = random.integers(0, 2**_JITTER_BITS, cells.shape) + 0.5
    numbers: FloatArray = (cells + inside / 2**_JITTER_BITS) / points
    return numbers


def _net(seed: int, number: int | str, points: int) -> FloatArray:
    """The scrambled Sobol' net of one scramble, array (64, points) inside (0, 1); fewer points are the first ones."""
    engine = qmc.Sobol(_NET_WIDTH, scramble=True, bits=_NET_BITS, rng=_generator(seed, number, "net"))
    return np.ascontiguousarray(engine.random(points).T) + 0.5 ** (_NET_BITS + 1)


def _generator(seed: int, number: int | str, name: str) -> np.random.Generator:
    """A generator of its own for each name, the same on every machine."""
    key = hashlib.blake2b(f"{seed}/{number}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int.from_bytes(key, "big"))))
