"""Every random number of a run: named columns on a Sobol' net and on hypercubes, copulas, shock paths.

Draws come as independent scrambles of 512 points; draw n is point n mod 512 of scramble n div 512. Each
column has a name and depends on seed, scramble and name alone. So all scenarios of a study share their
draws, and adding, removing or fixing an input leaves the others as they were, to the last bit. A scramble is
always computed whole, as arrays of 512 draws: its bits cannot depend on how many are drawn together.

References
----------
Owen, A. B. (1998), "Latin supercube sampling for very high-dimensional simulations", ACM TOMACS 8:
a net for the leading columns, hypercubes for the rest.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from sim.axes import FloatArray, IntArray, require_shape
from sim.chance.distributions import canonical
from sim.chance.shocks import downward_steps, leading_direction, market_path, reflect, reverting_path
from sim.errors import Problem, ScenarioError
from sim.regimes import HazardStep
from sim.scenario import Correlation, Horizon, Input, Sampling, Scenario, inputs

__all__ = [
    "DRAWS_PER_SCRAMBLE",
    "SHOCK_INPUTS",
    "Worlds",
    "check_draws",
    "design_column",
    "draw_alike",
    "draw_worlds",
    "median_world",
    "side_by_side",
]

DRAWS_PER_SCRAMBLE: Final = 512

SHOCK_INPUTS: Final = (
    "market.volatility",
    "market.growth_reversion",
    "market.level_reversion",
    "market.step_rate",
    "market.step_size",
    "rivalry.half_life",
    "rivalry.provider_sd",
    "rivalry.origin_sd",
)
"""Inputs from which the shock paths are made: to change one, the worlds are drawn anew."""

_NET_WIDTH: Final = 64
"""Columns of the net, used or not: the scramble of a column depends on those before it."""

_NET_BITS: Final = 30
"""scipy's Sobol' points are multiples of 2^-30 from 0 on; half a step up, they are inside (0, 1)."""

_JITTER_BITS: Final = 32
"""Steps inside a cell of the hypercube; midpoints of them, so that a uniform is never 0 or 1."""

_INSIDE: Final = 2.0**-53
"""Distance from 0 and 1 that correlated uniforms keep."""

Named: TypeAlias = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Worlds:
    """What chance decides in N draws, before any rule or decision.

    Attributes
    ----------
    inputs : mapping of arrays (N,)
        Every input by name, fixed ones too, in canonical units.
    market_shock : array (T, N)
        y at period ends: log deviation of market size from its curve; 0 at the end of the base year.
    market_steps : array (T, N)
        Sum of the downward steps of log size so far, at most 0; nothing is added to make up for them.
    rivalry : array (T, P, N)
        z_t - z_0 of each provider's utility at period ends, domestic providers first; 0 for fringes.
    origin_shock : array (T, N)
        z_t - z_0 of foreign against domestic utility, to be added to foreign utility.
    chance : mapping of arrays (N,)
        Step with a probability to a uniform number: it happens if that is below the probability.
    clock : mapping of arrays (N,)
        Step with a hazard to a uniform number u: it fires at exposure -ln(1 - u) / rate.
    """

    inputs: Named
    market_shock: FloatArray
    market_steps: FloatArray
    rivalry: FloatArray
    origin_shock: FloatArray
    chance: Named
    clock: Named

    @property
    def draws(self) -> int:
        """Number of draws, N."""
        return int(self.market_shock.shape[-1])

    def take(self, draws: slice | IntArray) -> Worlds:
        """The worlds of some draws, as contiguous copies."""
        return _each([self], lambda arrays: arrays[0][..., draws].copy(order="C"))

    def replace_input(self, name: str, values: FloatArray) -> Worlds:
        """The same worlds but for one input.

        Parameters
        ----------
        name : str
            Name of an input.
        values : array (N,)
            Canonical units.

        Raises
        ------
        ValueError
            If there is no such input, `values` has another shape, or the shock paths are made from the input:
            for that, see `replaced` of `draw_worlds`.
        """
        if name not in self.inputs or name in SHOCK_INPUTS:
            raise ValueError(f"'{name}' is no input that can be replaced in worlds already drawn")
        require_shape(name, values, (self.draws,))
        return replace(self, inputs={**self.inputs, name: values})


def draw_worlds(scenario: Scenario, scrambles: range, *, replaced: Named | None = None) -> Worlds:
    """The worlds of some scrambles, side by side.

    Parameters
    ----------
    scenario : Scenario
        Gives seed, leading names, correlations, inputs, steps and horizon.
    scrambles : range
        Numbers of the scrambles, at least one; N = 512 times their count.
    replaced : mapping of arrays (N,), optional
        Inputs that take these values instead of their own, in canonical units; shock paths follow them.

    Returns
    -------
    Worlds

    Raises
    ------
    ScenarioError
        If the correlations of a group are not positive definite.
    """
    plan = _plan(scenario)
    starts = range(0, DRAWS_PER_SCRAMBLE * len(scrambles), DRAWS_PER_SCRAMBLE)
    parts = []
    for start, number in zip(starts, scrambles, strict=True):
        own = {name: values[start : start + DRAWS_PER_SCRAMBLE] for name, values in (replaced or {}).items()}
        parts.append(_draw_scramble(plan, number, own))
    return side_by_side(parts)


def draw_alike(scenario: Scenario, other: Scenario) -> bool:
    """Whether two scenarios have the same worlds, to the last bit."""
    return _decisive(scenario) == _decisive(other)


def _decisive(scenario: Scenario) -> tuple[object, ...]:
    """All that `draw_worlds` reads of a scenario."""
    sampling = scenario.sampling.model_copy(update={"draws": 0})
    steps = (_steps_with_chance(scenario), _steps_with_clock(scenario))
    providers = [(name, scenario.providers[name].fringe) for name in scenario.domestic + scenario.foreign]
    return sampling, inputs(scenario), scenario.horizon, scenario.exchange_rate, steps, providers


def side_by_side(parts: Sequence[Worlds]) -> Worlds:
    """The draws of several worlds of one scenario, one after the other."""
    return _each(parts, lambda arrays: np.concatenate(arrays, axis=-1))


def median_world(scenario: Scenario, copies: int = 2) -> Worlds:
    """The median case: inputs at their medians, no shocks, what is likelier than not happens.

    Downward steps come at their mean rate, so that what the trend carries for them cancels.

    Parameters
    ----------
    scenario : Scenario
        A discrete input takes the category that holds cumulative weight one half, in listed order.
    copies : int
        Identical draws, N; two, because a block of one draw may be computed with other instructions.

    Returns
    -------
    Worlds
    """
    half = np.full(copies, 0.5)
    periods, providers = _periods(scenario.horizon), len(scenario.providers)
    medians = {item.name: canonical(scenario, item, half) for item in inputs(scenario)}
    years = np.arange(1, periods + 1)[:, None] * (scenario.horizon.period_months / 12)
    return Worlds(
        inputs=medians,
        market_shock=np.zeros((periods, copies)),
        market_steps=-years * medians["market.step_rate"] * medians["market.step_size"],
        rivalry=np.zeros((periods, providers, copies)),
        origin_shock=np.zeros((periods, copies)),
        chance={step: half.copy() for step in _steps_with_chance(scenario)},
        clock={step: half.copy() for step in _steps_with_clock(scenario)},
    )


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
    return _hypercube(_generator(seed, points, f"design.{name}"), 1, points).ravel()


def check_draws(draws: int) -> None:
    """Raise ScenarioError, naming the two nearest, unless `draws` is a positive multiple of 512."""
    if draws > 0 and draws % DRAWS_PER_SCRAMBLE == 0:
        return
    below = max(draws // DRAWS_PER_SCRAMBLE, 1) * DRAWS_PER_SCRAMBLE
    message = (
        f"draws come in scrambles of {DRAWS_PER_SCRAMBLE} (found {draws}; "
        f"the nearest are {below} and {below + DRAWS_PER_SCRAMBLE})"
    )
    raise ScenarioError([Problem("", 0, 0, "sampling.draws", message)])


def _each(parts: Sequence[Worlds], join: Callable[[list[FloatArray]], FloatArray]) -> Worlds:
    """The worlds whose every array is made from those of `parts`."""

    def joined(mappings: Sequence[Named]) -> Named:
        return {name: join([mapping[name] for mapping in mappings]) for name in mappings[0]}

    return Worlds(
        inputs=joined([part.inputs for part in parts]),
        market_shock=join([part.market_shock for part in parts]),
        market_steps=join([part.market_steps for part in parts]),
        rivalry=join([part.rivalry for part in parts]),
        origin_shock=join([part.origin_shock for part in parts]),
        chance=joined([part.chance for part in parts]),
        clock=joined([part.clock for part in parts]),
    )


def _periods(horizon: Horizon) -> int:
    return (horizon.end_year - horizon.base_year) * 12 // horizon.period_months


def _steps_with_chance(scenario: Scenario) -> list[str]:
    return [name for name, step in scenario.policy.steps.items() if step.probability is not None]


def _steps_with_clock(scenario: Scenario) -> list[str]:
    return [name for name, step in scenario.policy.steps.items() if isinstance(step, HazardStep)]


@dataclass(frozen=True)
class _Plan:
    """What all scrambles of a scenario have in common; an axis is the direction that a path's own column drives."""

    scenario: Scenario
    items: tuple[Input, ...]
    periods: int
    step: float
    market_axis: FloatArray
    reverting_axis: FloatArray


def _plan(scenario: Scenario) -> _Plan:
    items, periods, step = inputs(scenario), _periods(scenario.horizon), scenario.horizon.period_months / 12
    medians = {item.name: canonical(scenario, item, np.array([0.5])) for item in items}
    kappa, theta = medians["market.growth_reversion"], medians["market.level_reversion"]
    market = market_path(np.eye(2 * periods), kappa, theta, step)
    reverting = reverting_path(np.eye(periods + 1), medians["rivalry.half_life"], step)
    return _Plan(scenario, items, periods, step, leading_direction(market), leading_direction(reverting))


def _draw_scramble(plan: _Plan, number: int, replaced: Named) -> Worlds:
    scenario, scramble = plan.scenario, _Scramble(plan.scenario.sampling, number)
    uniforms = {item.name: scramble.column(item.name) for item in plan.items}
    for group in scenario.sampling.correlations.values():
        uniforms |= _correlated(group, scramble)
    values = {item.name: canonical(scenario, item, uniforms[item.name]) for item in plan.items} | dict(replaced)
    return Worlds(
        inputs=values,
        market_shock=_market_shock(plan, scramble, values),
        market_steps=_market_steps(plan, scramble, values),
        rivalry=_rivalry(plan, scramble, values),
        origin_shock=values["rivalry.origin_sd"] * _reverting(plan, scramble, values, "shock.origin"),
        chance={step: scramble.column(f"chance.{step}") for step in _steps_with_chance(scenario)},
        clock={step: scramble.column(f"clock.{step}") for step in _steps_with_clock(scenario)},
    )


def _market_shock(plan: _Plan, scramble: _Scramble, values: Named) -> FloatArray:
    normals = scramble.normals("shock.market", plan.market_axis)
    path = market_path(normals, values["market.growth_reversion"], values["market.level_reversion"], plan.step)
    return values["market.volatility"] * path


def _market_steps(plan: _Plan, scramble: _Scramble, values: Named) -> FloatArray:
    uniforms = scramble.hypercube("market_steps", plan.periods)
    return -values["market.step_size"] * downward_steps(uniforms, values["market.step_rate"] * plan.step)


def _rivalry(plan: _Plan, scramble: _Scramble, values: Named) -> FloatArray:
    scenario = plan.scenario
    path = np.zeros((plan.periods, len(scenario.providers), DRAWS_PER_SCRAMBLE))
    for p, provider in enumerate(scenario.domestic + scenario.foreign):
        if not scenario.providers[provider].fringe:
            path[:, p] = _reverting(plan, scramble, values, f"shock.rivalry.{provider}")
    return values["rivalry.provider_sd"] * path


def _reverting(plan: _Plan, scramble: _Scramble, values: Named, name: str) -> FloatArray:
    return reverting_path(scramble.normals(name, plan.reverting_axis), values["rivalry.half_life"], plan.step)


class _Scramble:
    """The columns of one scramble by name, each an array (512,) of uniforms inside (0, 1).

    Parameters
    ----------
    sampling : Sampling
        Gives the seed, and the names whose columns lie on the net.
    number : int
        Which scramble.
    """

    def __init__(self, sampling: Sampling, number: int) -> None:
        self._seed, self._number = sampling.seed, number
        columns = _net(sampling.seed, number, DRAWS_PER_SCRAMBLE)
        self._net: dict[str, FloatArray] = dict(zip(sampling.leading, columns, strict=False))

    def column(self, name: str) -> FloatArray:
        """Column of the net if the name is leading, else a hypercube of one column."""
        return self._net[name] if name in self._net else self.hypercube(name, 1).ravel()

    def hypercube(self, name: str, columns: int) -> FloatArray:
        """Latin hypercube, array (columns, 512): each column has one point in each of 512 equal cells."""
        return _hypercube(_generator(self._seed, self._number, name), columns, DRAWS_PER_SCRAMBLE)

    def normals(self, path: str, axis: FloatArray) -> FloatArray:
        """Independent normals of a shock path, array (K, 512); the column named as the path drives `axis` (K,)."""
        first = self.column(path)
        others = self.hypercube(f"{path}.others", len(axis) - 1)
        return reflect(ndtri(np.vstack([first, others])), axis)


def _hypercube(random: np.random.Generator, columns: int, points: int) -> FloatArray:
    """Latin hypercube, array (columns, points), inside (0, 1)."""
    cells = random.permuted(np.tile(np.arange(points), (columns, 1)), axis=1)
    inside = random.integers(0, 2**_JITTER_BITS, cells.shape) + 0.5
    uniforms: FloatArray = (cells + inside / 2**_JITTER_BITS) / points
    return uniforms


def _net(seed: int, number: int, points: int) -> FloatArray:
    """The scrambled Sobol' net of one scramble, array (64, points) inside (0, 1); fewer points are the first ones."""
    engine = qmc.Sobol(_NET_WIDTH, scramble=True, bits=_NET_BITS, rng=_generator(seed, number, "net"))
    return np.ascontiguousarray(engine.random(points).T) + 0.5 ** (_NET_BITS + 1)


def _generator(seed: int, number: int, name: str) -> np.random.Generator:
    """A generator of its own for each name, the same on every machine."""
    key = hashlib.blake2b(f"{seed}/{number}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int.from_bytes(key, "big"))))


def _correlated(group: Correlation, scramble: _Scramble) -> dict[str, FloatArray]:
    """Uniforms of the members of a group under a normal copula, member by member in listed order."""
    normals = [ndtri(scramble.column(name)) for name in group.members]
    uniforms = {}
    for name, loadings in zip(group.members, _loadings(group), strict=True):
        mixed = np.zeros(DRAWS_PER_SCRAMBLE)
        for loading, normal in zip(loadings, normals, strict=False):
            mixed += loading * normal
        uniforms[name] = np.clip(ndtr(mixed), _INSIDE, 1 - _INSIDE)
    return uniforms


def _loadings(group: Correlation) -> list[list[float]]:
    """Cholesky factor of the normal correlations 2 sin(π r / 6), row by row, so that a new last row moves no other."""
    rows = [[1.0]]
    for ranks in group.rank:
        row: list[float] = []
        for rank, other in zip(ranks, rows, strict=True):
            shared = math.fsum(a * b for a, b in zip(row, other, strict=False))
            row.append((2 * math.sin(math.pi * rank / 6) - shared) / other[-1])
        rest = 1 - math.fsum(loading**2 for loading in row)
        if rest <= 0:
            message = "the correlations are not positive definite once converted by 2 sin(pi r / 6)"
            raise ScenarioError([Problem("", 0, 0, "sampling.correlations", f"{', '.join(group.members)}: {message}")])
        rows.append([*row, math.sqrt(rest)])
    return rows
