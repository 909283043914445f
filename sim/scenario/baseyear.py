"""The base year as the scenario's numbers state it, and what must hold of them so that it exists.

The engine inverts it in every draw, and the check of a file asks of its corners what the engine asks of its draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray
from sim.kernels import baseyear, growth
from sim.scenario.evidence import SCALES
from sim.scenario.market import LayerShares
from sim.scenario.scenario import Scenario

__all__ = [
    "BaseYear",
    "Condition",
    "Inputs",
    "base_year",
    "coherence",
    "diffusion_speed",
    "existence",
    "fade_rate",
    "fading",
    "median_forecast",
    "spreading",
    "yearly_growth",
]

Inputs: TypeAlias = Mapping[str, FloatArray]
"""Numbers of a scenario by name, (N,), in canonical units."""

_ROUNDING: Final = 1e-9
_TINY: Final = 1e-12

_SHARED_OUT: Final = (
    ("operator_margin", "site_cost"),
    ("provider_margin", "site_cost"),
    ("royalty_vat", "royalty_withholding"),
)
"""Pairs of costs of which the second takes its part first."""


@dataclass(frozen=True)
class Condition:
    """What must hold of the numbers of every draw.

    Attributes
    ----------
    path : str
        Where a file that breaks it is wrong.
    holds : (N,) bool
    refusal : str
        What a run says that meets a draw in which it does not hold.
    finding : str
        What is said of one draw, with a place for each of its `numbers`.
    numbers : tuple of (N,)
    """

    path: str
    holds: BoolArray
    refusal: str
    finding: str
    numbers: tuple[FloatArray, ...]

    def said_of(self, draw: int) -> str:
        """The finding, with the numbers of a draw."""
        return self.finding.format(*(float(values[draw]) for values in self.numbers))


@dataclass(frozen=True)
class BaseYear:
    """What is stated of the base year in N draws.

    Attributes
    ----------
    segments : tuple of str
        Those of one layer side by side.
    layer_of : (G,) int
    weights, open_part, propensity : (G, N)
        Segment's part of its layer, its open part, and how much its customers lean to foreign providers.
    layer_size : (L, N)
        Spending, bn/yr.
    layer_shares : (P, L, N)
        Provider shares, domestic providers first; they sum to 1.
    """

    segments: tuple[str, ...]
    layer_of: IntArray
    weights: FloatArray
    open_part: FloatArray
    propensity: FloatArray
    layer_size: FloatArray
    layer_shares: FloatArray

    def open_of_layers(self) -> FloatArray:
        """The open part of each layer, (L, N)."""
        opened = self.weights * self.open_part
        return np.stack([opened[self.layer_of == layer].sum(axis=0) for layer in range(len(self.layer_size))])


def base_year(scenario: Scenario, inputs: Inputs) -> BaseYear:
    """The base year that the numbers state, whether or not it can be."""
    places = {name: place for place, name in enumerate(scenario.market.layers)}
    segments = tuple(sorted(scenario.segments, key=lambda name: places[scenario.segments[name].layer]))
    layer_of = np.array([places[scenario.segments[name].layer] for name in segments])
    raw = _stack(inputs, segments, "weight")
    totals = np.stack([raw[layer_of == layer].sum(axis=0) for layer in range(len(places))])
    return BaseYear(
        segments=segments,
        layer_of=layer_of,
        weights=np.asarray(raw / totals[layer_of]),
        open_part=_stack(inputs, segments, "open"),
        propensity=_stack(inputs, segments, "foreign_propensity"),
        layer_size=_layer_sizes(scenario, inputs),
        layer_shares=_layer_shares(scenario, inputs),
    )


def coherence(inputs: Inputs) -> Iterator[Condition]:
    """What must hold of elasticities, costs and rates."""
    demand, substitution = (inputs[f"demand.elasticity_of_{name}"] for name in ("demand", "substitution"))
    yield Condition(
        "demand.elasticity_of_substitution",
        substitution > demand,
        "demand.elasticity_of_substitution is not above demand.elasticity_of_demand",
        "must be above elasticity_of_demand (found {:g}; allowed above {:g})",
        (substitution, demand),
    )
    owners = {name.partition("economics.")[0] for name in inputs if "economics." in name}
    for owner in sorted(owners):  # everybody's first, which has no owner
        yield from _shared_out(inputs, owner)
        yield from _lasting(inputs, owner)


def _of(inputs: Inputs, owner: str, name: str) -> str:
    """The input that is a cost or rate of an owner, `providers.<id>.` or nobody: its own, or everybody's."""
    own = f"{owner}economics.{name}"
    return own if own in inputs else f"economics.{name}"


def _shared_out(inputs: Inputs, owner: str) -> Iterator[Condition]:
    """Nobody may spend more than all, where one of two costs is stated."""
    for later, first in _SHARED_OUT:
        paths = {name: _of(inputs, owner, name) for name in (later, first)}
        place = next((name for name in paths if paths[name].startswith(f"{owner}economics.")), None)
        if place is not None:
            total, other = inputs[paths[first]] + inputs[paths[later]], first if place == later else later
            yield Condition(
                paths[place],
                total <= 1.0 + _ROUNDING,
                f"{paths[first]} and {paths[later]} take more than there is",
                f"with {other} takes more than there is (found {{:.1%}}; allowed 100%)",
                (total,),
            )


def _lasting(inputs: Inputs, owner: str) -> Iterator[Condition]:
    """What lasts for ever is worth something finite."""
    path, growth = f"{owner}economics.discount_rate", "economics.terminal_growth"
    if path in inputs:
        rate, lasting = inputs[path], inputs[growth]
        place, found, limit = (growth, lasting, rate) if not owner else (path, rate, lasting)
        side, other = ("below", "discount_rate") if not owner else ("above", growth)
        yield Condition(
            place,
            lasting < rate,
            f"{growth} is not below {path}",
            f"must be {side} {other}, or the value has no end (found {{:.1%}}; allowed {side} {{:.1%}})",
            (found, limit),
        )


def existence(scenario: Scenario, inputs: Inputs, base: BaseYear) -> Iterator[Condition]:
    """What must hold of sizes and shares."""
    total, rest = inputs["market.size"], base.layer_size[_unsized(scenario)]
    yield Condition(
        "market.size",
        rest > 0.0,
        "the layers with a size leave nothing of market.size for the other layer",
        f"the layers with a size must leave something of the total (found {{:g}} of {{:g}} {scenario.money} bn/yr)",
        (total - rest, total),
    )
    yield from spreading(scenario, inputs, base)
    shares = {name: _there(scenario, base, layer) for layer, name in enumerate(scenario.market.layers)}
    complete = {name: np.all([share > 0.0 for share in there.values()], axis=0) for name, there in shares.items()}
    for layer, (name, there) in enumerate(shares.items()):
        borrowed = scenario.shares[name].domestic_split_as
        counts = np.ones_like(complete[name]) if borrowed is None else complete[borrowed]
        yield from _something_left(f"shares.{name}", scenario.shares[name], there, counts)
        yield _fits(f"shares.{name}", scenario, base, layer, complete[name])


def _there(scenario: Scenario, base: BaseYear, layer: int) -> Inputs:
    """Shares of a layer by provider, without those who arrive later."""
    shares = dict(zip(scenario.domestic + scenario.foreign, base.layer_shares[:, layer], strict=True))
    return {provider: share for provider, share in shares.items() if provider not in scenario.entrants}


def _something_left(path: str, shares: LayerShares, there: Inputs, counts: BoolArray) -> Iterator[Condition]:
    """Everybody must have something; asked where the layer from which proportions are taken has it."""
    for provider, share in there.items():
        yield Condition(
            f"{path}.direct" if shares.direct is not None else path,
            (share > 0.0) | ~counts,
            f"{path}: nothing is left for {provider}",
            f"impossible shares: nothing is left for '{provider}' (found {{:.1%}}; allowed below 100%)",
            (1.0 - share,),
        )


def _fits(path: str, scenario: Scenario, base: BaseYear, layer: int, counts: BoolArray) -> Condition:
    """What foreign providers hold must fit into what is open to them; asked where everybody has something."""
    rows, abroad = base.layer_of == layer, base.layer_shares[len(scenario.domestic) :, layer].sum(axis=0)
    leaning = np.where(base.propensity[rows] > 0.0, base.open_part[rows], 0.0)
    return Condition(
        path,
        baseyear.fits(abroad, base.weights[rows], leaning) | ~counts,
        f"the foreign shares of {path} do not fit into the open parts of its segments "
        "(segments.*.open, segments.*.weight) in which somebody leans to them (segments.*.foreign_propensity)",
        "impossible shares: foreign providers hold all that is open, or more (found {:.1%}; allowed below {:.1%})",
        (abroad, baseyear.room(base.weights[rows], leaning)),
    )


def median_forecast(scenario: Scenario) -> float:
    """The forecast of annual growth by its median: what a draw's own forecast differs by only tilts the level.

    NaN where the scenario states growth by year.
    """
    record = scenario.market.growth_forecast
    return np.nan if record is None else record.middle() * SCALES["growth of money"][record.unit]


def fade_rate(scenario: Scenario, inputs: Inputs) -> FloatArray:
    """Rate at which growth fades, per year, (N,); so that it passes the median forecast, and NaN where it cannot."""
    if scenario.market.forecast_years is None:
        return np.asarray(np.log(2.0) / inputs["market.growth_fade"])
    first, long_run = np.log1p(inputs["market.growth_base"]), np.log1p(inputs["market.growth_long_run"])
    mean = np.full_like(first, np.log1p(median_forecast(scenario)))
    return growth.fade_rate(first, long_run, mean, float(scenario.market.forecast_years))


def yearly_growth(scenario: Scenario, inputs: Inputs) -> FloatArray:
    """Log growth of each year after the base year up to the last that is stated, (K, N).

    Years between two that are stated take what lies between, the base year's growth being the first.
    """
    base, stated = scenario.horizon.base_year, sorted(scenario.market.growth_by_year or {})
    nodes = [base, *map(int, stated)]
    known = [np.log1p(inputs[f"market.{key}"]) for key in ("growth_base", *(f"growth_by_year.{y}" for y in stated))]
    rows = []
    for year in range(base + 1, nodes[-1] + 1):
        after = next(place for place, node in enumerate(nodes) if node >= year)
        part = (year - nodes[after - 1]) / (nodes[after] - nodes[after - 1])
        rows.append((1.0 - part) * known[after - 1] + part * known[after])
    return np.stack(rows)


def diffusion_speed(scenario: Scenario, inputs: Inputs, layer: str, base: FloatArray) -> FloatArray:
    """Growth per year of the log-odds of a layer's part to its ceiling, from its part `base` of the total; (N,)."""
    stated, path = scenario.market.layers[layer].diffusion, f"market.layers.{layer}.diffusion"
    assert stated is not None
    if stated.speed is not None:
        return inputs[f"{path}.speed"]
    years = inputs[f"{path}.midpoint"] - (scenario.horizon.base_year + 0.5)
    left = np.maximum(inputs[f"{path}.ceiling"] - base, _TINY)
    return np.asarray(np.log(left / base) / np.where(years == 0.0, _TINY, years))


def spreading(scenario: Scenario, inputs: Inputs, base: BaseYear) -> Iterator[Condition]:
    """A layer that spreads starts below its ceiling, and has half of that when the curve through its start does."""
    parts = base.layer_size / base.layer_size.sum(axis=0)
    for part, (name, layer) in zip(parts, scenario.market.layers.items(), strict=True):
        if layer.diffusion is None:
            continue
        path = f"market.layers.{name}.diffusion"
        ceiling = inputs[f"{path}.ceiling"]
        yield Condition(
            f"{path}.ceiling",
            part < ceiling,
            f"{path}.ceiling is not above the layer's part of the market in the base year",
            "must be above the layer's part of the market in the base year (found {:.1%}; allowed above {:.1%})",
            (ceiling, part),
        )
        if layer.diffusion.midpoint is None:
            continue
        middle, start = inputs[f"{path}.midpoint"], scenario.horizon.base_year + 0.5
        yield Condition(
            f"{path}.midpoint",
            (middle > start) == (part < 0.5 * ceiling),
            f"{path}.midpoint lies on the wrong side of the base year",
            "half of the ceiling of {:.1%} comes after the base year where its part of {:.1%} is less, and before it "
            "where that is more (found {:.1f}); state speed where neither is meant",
            (ceiling, part, middle),
        )


def fading(scenario: Scenario, inputs: Inputs, fade: FloatArray) -> Condition:
    """Growth must fade from its base to its long run, and pass the forecast on the way."""
    first, long_run = inputs["market.growth_base"], inputs["market.growth_long_run"]
    return Condition(
        "market.growth_forecast",
        np.isfinite(fade),
        "market.growth_base, growth_forecast and growth_long_run do not allow growth to fade",
        "must lie between growth_base and growth_long_run (found {:.1%}, {:.1%}, {:.1%}); growth that recovers, "
        "stays or falls is stated by growth_by_year and growth_fade",
        (first, np.full_like(first, median_forecast(scenario)), long_run),
    )


def _stack(inputs: Inputs, segments: tuple[str, ...], key: str) -> FloatArray:
    return np.stack([inputs[f"segments.{name}.{key}"] for name in segments])


def _unsized(scenario: Scenario) -> int:
    """Place of the layer without a size, which takes the rest."""
    return next(place for place, layer in enumerate(scenario.market.layers.values()) if layer.size is None)


def _layer_sizes(scenario: Scenario, inputs: Inputs) -> FloatArray:
    layers, total = scenario.market.layers, inputs["market.size"]
    sizes = {name: inputs[f"market.layers.{name}.size"] for name, layer in layers.items() if layer.size}
    rest = total - sum(sizes.values(), np.zeros_like(total))
    return np.stack([sizes.get(name, rest) for name in layers])


def _layer_shares(scenario: Scenario, inputs: Inputs) -> FloatArray:
    """Provider shares (P, L, N), each layer summing to 1; those of who arrives later are 0."""
    layers = tuple(scenario.market.layers)
    shares: dict[str, dict[str, FloatArray]] = {}
    for layer in sorted(layers, key=lambda name: scenario.shares[name].domestic_split_as is not None):
        shares[layer] = _one_layer(scenario, inputs, layer, shares)
    nothing = np.zeros_like(next(iter(shares[layers[0]].values())))
    providers = scenario.domestic + scenario.foreign
    return np.stack([np.stack([shares[layer].get(provider, nothing) for layer in layers]) for provider in providers])


def _one_layer(
    scenario: Scenario, inputs: Inputs, layer: str, others: Mapping[str, Mapping[str, FloatArray]]
) -> dict[str, FloatArray]:
    own, path = scenario.shares[layer], f"shares.{layer}"
    if own.direct is not None:
        direct = {provider: inputs[f"{path}.direct.{provider}"] for provider in own.direct}
        assert own.rest is not None
        return {**direct, own.rest: 1.0 - np.sum(list(direct.values()), axis=0)}
    foreign = inputs[f"{path}.foreign"]
    there = [name for name in scenario.providers if name not in scenario.entrants]
    abroad = {name: inputs[f"{path}.foreign_split.{name}"] for name in scenario.foreign if name in there}
    if own.domestic_split_as is not None:
        home = {name: others[own.domestic_split_as][name] for name in scenario.domestic if name in there}
    else:
        home = {name: inputs[f"{path}.domestic_split.{name}"] for name in scenario.domestic if name in there}
    return {**_split(foreign, abroad), **_split(1.0 - foreign, home)}


def _split(total: FloatArray, parts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    whole = np.sum(list(parts.values()), axis=0)
    return {name: total * part / whole for name, part in parts.items()}
