"""What a world is made of, by name, and the paths of shocks that follow from it. Nothing here is random.

    latents   what is drawn independently: a uniform for each input and event, normals for each path
    columns   the same once copulas and distributions have made values of the inputs' uniforms
    worlds    what the engine sees: inputs, paths of shocks over the periods, uniforms of events

A row of the columns is a whole world. The normals of a path stand in order of time, so that what happens up to
some period depends on its first rows only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, TypeVar

import numpy as np

from sim.axes import FloatArray, IntArray, over_arrays, require_shape
from sim.chance.shocks import downward_steps, drift_path, market_path, reverting_path, tail_factor
from sim.scenario.inputs import inputs
from sim.scenario.mechanisms import absent_values
from sim.scenario.scenario import Horizon, Scenario
from sim.scenario.steps import HazardStep

__all__ = [
    "CATCH_UP",
    "MARKET",
    "SHOCK_INPUTS",
    "STEPS",
    "Columns",
    "Latents",
    "Named",
    "Worlds",
    "drawn_with",
    "event_columns",
    "is_rare",
    "listed_order",
    "moves_shocks",
    "normal_paths",
    "once_for_same_worlds",
    "period_count",
    "rare_inputs",
    "rare_path",
    "rare_paths",
    "reverting_paths",
    "same_worlds",
    "steps_with_chance",
    "steps_with_clock",
    "tail_columns",
    "worlds_of",
]

MARKET: Final = "shock.market"
STEPS: Final = "market_steps"
CATCH_UP: Final = "shock.catch_up"
_ORIGIN: Final = "shock.origin"
_RIVALRY: Final = "shock.rivalry."
_MIX: Final = "shock.mix."
_JUMPS: Final = "jumps."
_CHANCE: Final = "chance."
_CLOCK: Final = "clock."
_ORDER: Final = "order."
_TAIL: Final = "tail."
"""Names of paths of shocks and of uniforms of events, those with a dot at the end with something behind them."""

SHOCK_INPUTS: Final = (
    "market.volatility",
    "market.growth_reversion",
    "market.level_reversion",
    "market.step_rate",
    "market.step_size",
    "rivalry.half_life",
    "rivalry.provider_sd",
    "rivalry.origin_sd",
    "technology.catch_up_luck.half_life",
    "technology.catch_up_luck.sd",
)
"""Inputs from which the shock paths are made, beside those of jumps: to change one, the worlds are drawn anew."""

_OF_JUMPS: Final = re.compile(r"providers\.[^.]+\.jumps\.(rate|size)")

T = TypeVar("T")

Named: TypeAlias = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Latents:
    """What is drawn independently in N draws.

    Attributes
    ----------
    inputs : mapping of arrays (N,)
        Uniforms inside (0, 1) by name of the input, before any copula; of every member of a correlation group too.
    events : mapping of arrays (N,)
        Uniforms inside (0, 1), `chance.<step>`, `clock.<step>`, `order.<foreign provider>` and `tail.<provider>`.
    shocks : mapping of arrays (K, N)
        Standard normals of each path in order of time, two a period for the market and for catching up, and one for
        the others after one for the start; of `market_steps` and `jumps.<provider>` uniforms inside (0, 1), one a
        period.
    """

    inputs: Named
    events: Named
    shocks: Named

    def column(self, name: str) -> FloatArray:
        """The uniforms of an input, (N,)."""
        return self.inputs[name]


@dataclass(frozen=True)
class Columns:
    """N whole worlds as named columns.

    Attributes
    ----------
    inputs : mapping of arrays (N,)
        Values in canonical units.
    events, shocks : mappings of arrays (N,) and (K, N)
        As in `Latents`.
    """

    inputs: Named
    events: Named
    shocks: Named

    def by_name(self) -> Named:
        """All of them in one mapping; no two have one name."""
        return {**self.inputs, **self.events, **self.shocks}

    def replaced(self, others: Named) -> Columns:
        """These columns, but for every name in `others` that one."""

        def mixed(mine: Named) -> Named:
            return {name: others.get(name, values) for name, values in mine.items()}

        return Columns(mixed(self.inputs), mixed(self.events), mixed(self.shocks))


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
        z_t - z_0 of each provider's utility at period ends, wide in one draw and narrow in another so that its tails
        are Laplace's, and its jumps by chance so far; domestic providers first; 0 for fringes.
    origin_shock : array (T, N)
        z_t - z_0 of foreign against domestic utility, to be added to foreign utility.
    catch_up_shock : array (T, N)
        What luck in the rate of catching up has added to the log of domestic quality by period ends; 0 without it.
    chance : mapping of arrays (N,)
        Step with a probability to a uniform number: it happens if that is below the probability.
    clock : mapping of arrays (N,)
        Step with a hazard to a uniform number u: it fires at exposure -ln(1 - u) / rate.
    order : array (F, N)
        Uniform number of each foreign provider in listed order: of those who do something on one day the one with the
        least comes first.
    mix : mapping of arrays (T, N)
        Layer that spreads to z_t - z_0 of its log-odds at period ends, of stationary sd 1.
    dates : mapping of arrays (N,)
        Step to its date in decimal years where that is given and not made of its trigger; empty as worlds are drawn.
    """

    inputs: Named
    market_shock: FloatArray
    market_steps: FloatArray
    rivalry: FloatArray
    origin_shock: FloatArray
    catch_up_shock: FloatArray
    chance: Named
    clock: Named
    order: FloatArray
    mix: Named = field(default_factory=dict)
    dates: Named = field(default_factory=dict)

    @property
    def draws(self) -> int:
        """Number of draws, N."""
        return int(self.market_shock.shape[-1])

    def take(self, draws: slice | IntArray) -> Worlds:
        """The worlds of some draws, as contiguous copies."""
        return over_arrays(lambda values: values[..., draws].copy(order="C"), self)

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
        if name not in self.inputs or moves_shocks(name):
            raise ValueError(f"'{name}' is no input that can be replaced in worlds already drawn")
        require_shape(name, values, (self.draws,))
        return replace(self, inputs={**self.inputs, name: values})


def moves_shocks(name: str) -> bool:
    """Whether paths of shocks are made from an input: to change it, the worlds are drawn anew."""
    return name in SHOCK_INPUTS or _OF_JUMPS.fullmatch(name) is not None


def same_worlds(scenario: Scenario, other: Scenario) -> bool:
    """Whether two scenarios have the same worlds, to the last bit."""
    return drawn_with(scenario) == drawn_with(other) and inputs(scenario) == inputs(other)


def once_for_same_worlds(scenarios: Sequence[Scenario], make: Callable[[Scenario], T]) -> list[T]:
    """What is made of each scenario, made once for all that have the same worlds."""
    made: list[tuple[Scenario, T]] = []
    for scenario in scenarios:
        known = [one for other, one in made if same_worlds(scenario, other)]
        made.append((scenario, known[0] if known else make(scenario)))
    return [one for _, one in made]


def drawn_with(scenario: Scenario) -> tuple[object, ...]:
    """All that `draw_worlds` reads of a scenario beside its inputs."""
    sampling = scenario.sampling.model_copy(update={"draws": 0})
    steps = (steps_with_chance(scenario), steps_with_clock(scenario))
    providers = [(name, scenario.providers[name].fringe) for name in scenario.domestic + scenario.foreign]
    return sampling, scenario.horizon, scenario.ledger, steps, providers


def period_count(horizon: Horizon) -> int:
    """Periods from the end of the base year to the end of the horizon, T."""
    return (horizon.end_year - horizon.base_year) * 12 // horizon.period_months


def steps_with_chance(scenario: Scenario) -> list[str]:
    """Steps of the calendar that have a probability."""
    return [name for name, step in scenario.policy.steps.items() if step.probability is not None]


def steps_with_clock(scenario: Scenario) -> list[str]:
    """Steps of the calendar that have a hazard."""
    return [name for name, step in scenario.policy.steps.items() if isinstance(step, HazardStep)]


def event_columns(scenario: Scenario) -> tuple[str, ...]:
    """Names of the uniforms of events.

    `chance.<step>` where one has a probability, `clock.<step>` where a hazard, `order.<foreign provider>`, and
    `tail.<provider>`, how widely the path of a provider moves.
    """
    chance = (f"{_CHANCE}{name}" for name in steps_with_chance(scenario))
    clock = (f"{_CLOCK}{name}" for name in steps_with_clock(scenario))
    return (*chance, *clock, *_order_columns(scenario), *tail_columns(scenario))


def _order_columns(scenario: Scenario) -> tuple[str, ...]:
    return tuple(f"{_ORDER}{name}" for name in scenario.foreign)


def listed_order(scenario: Scenario, draws: int) -> Named:
    """The order columns of draws in which who is listed first comes first."""
    names = _order_columns(scenario)
    return {name: np.full(draws, (place + 0.5) / len(names)) for place, name in enumerate(names)}


def tail_columns(scenario: Scenario) -> tuple[str, ...]:
    """Names of the uniforms that make tails Laplace's: one for each provider that is no fringe."""
    return tuple(f"{_TAIL}{name}" for name in _named(scenario))


def _named(scenario: Scenario) -> list[str]:
    """Providers with luck of their own."""
    if scenario.rivalry is None:
        return []
    return [name for name in scenario.domestic + scenario.foreign if not scenario.providers[name].fringe]


def normal_paths(scenario: Scenario) -> dict[str, int]:
    """Names of the paths of normals, and how many each has."""
    periods, technology = period_count(scenario.horizon), scenario.technology
    catch_up = () if technology is None or technology.catch_up_luck is None else (CATCH_UP,)
    reverting = dict.fromkeys(reverting_paths(scenario), periods + 1)
    return {MARKET: 2 * periods, **reverting, **dict.fromkeys(catch_up, 2 * periods)}


def reverting_paths(scenario: Scenario) -> tuple[str, ...]:
    """Names of the paths that revert to zero: of providers that are no fringe, of the origin, of layers that spread."""
    layers = scenario.market.layers.items()
    mixes = (
        f"{_MIX}{name}" for name, layer in layers if layer.diffusion is not None and layer.diffusion.sd is not None
    )
    origin = () if scenario.rivalry is None else (_ORIGIN,)
    return (*(f"{_RIVALRY}{name}" for name in _named(scenario)), *origin, *mixes)


def rare_paths(scenario: Scenario) -> tuple[str, ...]:
    """Names of the paths of uniforms of what comes rarely: steps of the market, jumps of providers by chance."""
    providers = scenario.domestic + scenario.foreign
    return (STEPS, *(f"{_JUMPS}{name}" for name in providers if scenario.providers[name].jumps_by_chance))


def is_rare(path: str) -> bool:
    """Whether a path of shocks is one of uniforms, of what comes rarely."""
    return path == STEPS or path.startswith(_JUMPS)


def rare_inputs(path: str) -> tuple[str, str]:
    """Names of the inputs that say how often it comes, and how much it is."""
    start = "market.step" if path == STEPS else f"providers.{path.removeprefix(_JUMPS)}.jumps"
    rate, size = ("_rate", "_size") if path == STEPS else (".rate", ".size")
    return start + rate, start + size


def rare_path(path: str, uniforms: FloatArray, inputs: Named, step: float) -> tuple[FloatArray, FloatArray]:
    """What has come of a rare thing by the end of each period: how often, and in sum.

    Parameters
    ----------
    path : str
    uniforms : array (T, N)
        Its path.
    inputs : mapping of arrays (N,) or (1,)
    step : float
        Years per period.

    Returns
    -------
    arrays (T, N)
    """
    rate, size = (inputs[name] for name in rare_inputs(path))
    counts = downward_steps(uniforms, rate * step)
    return counts, size * counts


def worlds_of(scenario: Scenario, columns: Columns) -> Worlds:
    """The worlds whose columns these are: paths of shocks under the values of the inputs.

    Parameters
    ----------
    scenario : Scenario
        Gives providers and the length of a period; T follows from the columns.
    columns : Columns
    """
    shocks, step = columns.shocks, scenario.horizon.period_months / 12
    values = {**columns.inputs, **absent_values(scenario, shocks[STEPS].shape[-1])}
    market = market_path(shocks[MARKET], values["market.growth_reversion"], values["market.level_reversion"], step)
    falls = rare_path(STEPS, shocks[STEPS], values, step)[1]
    return Worlds(
        inputs=values,
        market_shock=values["market.volatility"] * market,
        market_steps=-falls,
        rivalry=_jumped(scenario, columns, step, _rivalry(scenario, columns, step)),
        origin_shock=_origin_shock(columns, step),
        catch_up_shock=_catch_up_shock(columns, step),
        chance=_without_prefix(columns.events, _CHANCE),
        clock=_without_prefix(columns.events, _CLOCK),
        order=np.stack([columns.events[name] for name in _order_columns(scenario)]),
        mix={
            name: reverting_path(normals, values["rivalry.half_life"], step)
            for name, normals in _without_prefix(shocks, _MIX).items()
        },
    )


def _origin_shock(columns: Columns, step: float) -> FloatArray:
    """Path of foreign against domestic utility, (T, N); 0 without luck between rivals."""
    if _ORIGIN not in columns.shocks:
        return np.zeros_like(columns.shocks[STEPS])
    path = reverting_path(columns.shocks[_ORIGIN], columns.inputs["rivalry.half_life"], step)
    return np.asarray(columns.inputs["rivalry.origin_sd"] * path)


def _catch_up_shock(columns: Columns, step: float) -> FloatArray:
    """Path of what luck adds to the log of domestic quality, (T, N); 0 where catching up has none."""
    if CATCH_UP not in columns.shocks:
        return np.zeros(columns.shocks[STEPS].shape)
    path = drift_path(columns.shocks[CATCH_UP], columns.inputs["technology.catch_up_luck.half_life"], step)
    return np.asarray(columns.inputs["technology.catch_up_luck.sd"] * path)


def _rivalry(scenario: Scenario, columns: Columns, step: float) -> FloatArray:
    """Path of each provider's utility; 0 for fringes, and without luck between rivals; (T, P, N)."""
    providers = scenario.domestic + scenario.foreign
    path = np.zeros((len(columns.shocks[STEPS]), len(providers), columns.shocks[STEPS].shape[-1]))
    for p, provider in enumerate(providers):
        if f"{_RIVALRY}{provider}" in columns.shocks:
            normals = columns.shocks[f"{_RIVALRY}{provider}"]
            path[:, p] = reverting_path(normals, columns.inputs["rivalry.half_life"], step)
            path[:, p] *= tail_factor(columns.events[f"{_TAIL}{provider}"])
    return path if scenario.rivalry is None else columns.inputs["rivalry.provider_sd"] * path


def _jumped(scenario: Scenario, columns: Columns, step: float, path: FloatArray) -> FloatArray:
    """The paths of utility (T, P, N) with the jumps that come by chance."""
    for p, provider in enumerate(scenario.domestic + scenario.foreign):
        if (name := f"{_JUMPS}{provider}") in columns.shocks:
            path[:, p] += rare_path(name, columns.shocks[name], columns.inputs, step)[1]
    return path


def _without_prefix(columns: Named, prefix: str) -> Named:
    return {name.removeprefix(prefix): values for name, values in columns.items() if name.startswith(prefix)}
