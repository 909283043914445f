"""A block of draws as arrays: what the scenario's names mean to the kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray, runs
from sim.chance.distributions import median
from sim.chance.sampling import Worlds
from sim.errors import NumericalError
from sim.evidence import SCALES
from sim.kernels import baseyear, growth, pricing
from sim.kernels.choice import invert
from sim.kernels.equilibrium import StaticMarket, opening_premium
from sim.kernels.finance import Rates
from sim.policy import State, lever
from sim.scenario import Hypothesis, LayerShares, Scenario

__all__ = [
    "LARGEST_EXPONENT",
    "Economies",
    "Economy",
    "MarketPath",
    "build_economy",
    "lever_rows",
    "market_path",
    "reach_fraction",
    "require",
    "target_share",
]

Inputs = Mapping[str, FloatArray]

LARGEST_EXPONENT = 300.0
"""Of what is put into an exponential; a double holds e^709, so that products of two such numbers have room."""


@dataclass(frozen=True)
class Economy:
    """The base year of a block of draws, and the numbers that stay the same over time.

    Attributes
    ----------
    inputs : mapping of str to (N,)
        Every number of the scenario, in canonical units.
    providers, segments, layers : tuple of str
        Labels of the axes; domestic providers first, segments grouped by layer.
    domestic : int
        Number of domestic providers.
    fringe : (P,) bool
    layer_of : (G,) int
    layer_size : (L, N)
        Spending of the base year, USD bn/yr.
    weights : (G, N)
        Segment's part of its layer.
    layer_shares : (P, L, N)
        Provider shares of the base year.
    shares, base : (P, G, N)
        Provider shares of the segment, and choice shares in its open part.
    open_part : (G, N)
    log_markup : (P, G, N)
        Log of price over marginal cost in the base year.
    utility : (P, G, N)
        V, choice shares inverted at these markups: ln P + (epsilon - 1) ln mu; minus infinity where P is 0.
    premium : (N,)
        phi, utility that control of one's own business is worth.
    premium_by_segment : (G, N)
        The same times the layer's factor.
    """

    inputs: Inputs
    providers: tuple[str, ...]
    segments: tuple[str, ...]
    layers: tuple[str, ...]
    domestic: int
    fringe: BoolArray
    layer_of: IntArray
    layer_size: FloatArray
    weights: FloatArray
    layer_shares: FloatArray
    shares: FloatArray
    base: FloatArray
    open_part: FloatArray
    log_markup: FloatArray
    utility: FloatArray
    premium: FloatArray
    premium_by_segment: FloatArray

    @property
    def draws(self) -> int:
        """Number of draws in the block."""
        return int(self.premium.shape[0])

    @property
    def foreign(self) -> int:
        """Number of foreign providers."""
        return len(self.providers) - self.domestic

    @property
    def substitution(self) -> FloatArray:
        """epsilon, (N,)."""
        return self.inputs["demand.elasticity_of_substitution"]

    @property
    def demand(self) -> FloatArray:
        """eta, (N,)."""
        return self.inputs["demand.elasticity_of_demand"]

    def rates(self) -> Rates:
        """Cost structure and taxes; capital intensity is at most what site cost can depreciate."""
        named = {
            field.name: self.inputs[f"economics.{_RATE_NAMES.get(field.name, field.name)}"] for field in fields(Rates)
        }
        most = named["site_cost"] * named["asset_life"]
        return Rates(**{**named, "capital_intensity": np.minimum(named["capital_intensity"], most)})

    def static_market(self, rows: slice | BoolArray = slice(None)) -> StaticMarket:
        """The base year for the static equilibrium, of all segments or of some."""
        return StaticMarket(
            self.base[:, rows],
            self.open_part[rows],
            self.domestic,
            self.fringe,
            self.substitution,
            self.demand,
            self.inputs["demand.conduct"],
        )

    @cached_property
    def price_slope(self) -> FloatArray:
        """How much perceived elasticity falls with a provider's share, (N,)."""
        return pricing.share_slope(self.substitution, self.demand, self.inputs["demand.conduct"])

    @cached_property
    def excess(self) -> FloatArray:
        """epsilon - 1, (N,)."""
        return self.substitution - 1.0

    @cached_property
    def excess_by_segment(self) -> FloatArray:
        """The same once for each segment, (G, N): NumPy works longer rows at a time than with (N,)."""
        return np.tile(self.excess, (len(self.segments), 1))

    @cached_property
    def spending_exponent(self) -> FloatArray:
        """(eta - 1) / (epsilon - 1), with which spending follows total attraction, (N,)."""
        return (self.demand - 1.0) / self.excess

    def prices_into(self, out: FloatArray, log_markup: FloatArray) -> None:
        """Price over marginal cost of all providers, into `out` (P, G, N), from logs of those of some size."""
        for rows in self.fringes:
            out[rows] = self.base_prices[rows]
        for own, rows in self.sized:
            np.exp(log_markup[own], out=out[rows])

    def by_layer(self, values: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Sum over the segments of each layer, (..., G, N) to (..., L, N)."""
        out = np.empty((*values.shape[:-2], len(self.layers), values.shape[-1])) if out is None else out
        for layer, rows in enumerate(self.layer_rows):
            if rows.stop - rows.start == 1:
                out[..., layer, :] = values[..., rows.start, :]
            else:
                np.add.reduce(values[..., rows, :], axis=-2, out=out[..., layer, :])
        return out

    @cached_property
    def sized(self) -> tuple[tuple[slice, slice], ...]:
        """Runs of providers of some size: where they stand in R and in P; domestic and foreign ones apart."""
        return runs(~self.fringe, self.domestic)

    @cached_property
    def fringes(self) -> tuple[slice, ...]:
        """Runs of providers of no size in P."""
        return tuple(rows for _, rows in runs(self.fringe, self.domestic))

    @cached_property
    def base_prices(self) -> FloatArray:
        """Price over marginal cost in the base year, (P, G, N)."""
        return np.exp(self.log_markup)

    @cached_property
    def foreign_share(self) -> FloatArray:
        """Of all foreign providers together in each layer of the base year, (L, N)."""
        return np.asarray(self.layer_shares[self.domestic :].sum(axis=0))

    @cached_property
    def base_home(self) -> FloatArray:
        """Total choice share of domestic offers in the open part, (G, N)."""
        return np.asarray(self.base[: self.domestic].sum(axis=0))

    @cached_property
    def base_closed(self) -> FloatArray:
        """Closed part of each segment in the base year, (G, N)."""
        return 1.0 - self.open_part

    @cached_property
    def log_base_home(self) -> FloatArray:
        """Its log, (G, N)."""
        return np.log(self.base_home)

    @cached_property
    def premium_by_layer(self) -> FloatArray:
        """phi times the layer's factor, (L, N)."""
        return self.premium_by_segment[[rows.start for rows in self.layer_rows]]

    @cached_property
    def layer_rows(self) -> tuple[slice, ...]:
        """Where the segments of each layer stand on the segment axis."""
        ends = np.cumsum([np.count_nonzero(self.layer_of == layer) for layer in range(len(self.layers))]).tolist()
        return tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))

    def segment_rows(self, layer: str) -> slice:
        """Where the segments of a layer stand on the segment axis."""
        return self.layer_rows[self.layers.index(layer)]


_RATE_NAMES = {"incremental": "incremental_technology"}


def build_economy(scenario: Scenario, inputs: Inputs) -> Economy:
    """Invert the base year of every draw.

    Parameters
    ----------
    scenario : Scenario
    inputs : mapping of str to (N,)
        Canonical units.

    Raises
    ------
    NumericalError
        If a draw's shares cannot be placed in the open parts, leave nothing for the provider that takes
        the rest, a layer has no size, or elasticities, costs or rates contradict each other; the message names
        the draw and the inputs.
    """
    _require_coherence(inputs)
    layers = tuple(scenario.market.layers)
    segments, layer_of = _by_layer(scenario, layers)
    providers = scenario.domestic + scenario.foreign
    open_part = _stack(inputs, "segments", segments, "open")
    weights = _weights(inputs, segments, layer_of)
    layer_shares = _layer_shares(scenario, inputs, layers, providers)
    shares = _segment_shares(scenario, inputs, segments, layer_of, weights, layer_shares, open_part)
    base = baseyear.open_part_shares(shares, open_part, len(scenario.domestic))
    markup = _base_markup(scenario, inputs, shares, providers)
    bare = Economy(
        inputs=inputs,
        providers=providers,
        segments=segments,
        layers=layers,
        domestic=len(scenario.domestic),
        fringe=np.array([scenario.providers[name].fringe for name in providers]),
        layer_of=layer_of,
        layer_size=_layer_sizes(scenario, inputs, layers),
        weights=weights,
        layer_shares=layer_shares,
        shares=shares,
        base=base,
        open_part=open_part,
        log_markup=markup,
        utility=invert(base, markup, inputs["demand.elasticity_of_substitution"]),
        premium=np.zeros(open_part.shape[-1]),
        premium_by_segment=np.zeros_like(open_part),
    )
    return _with_premium(scenario, bare)


class Economies:
    """Base years that have been inverted: a scenario with the same one need not do so again."""

    def __init__(self) -> None:
        self._known: list[tuple[Scenario, Economy]] = []

    @property
    def count(self) -> int:
        """Number of base years inverted."""
        return len(self._known)

    def of(self, scenario: Scenario, inputs: Inputs) -> Economy:
        """As `build_economy`."""
        for other, economy in self._known:
            if _share_base_year(scenario, inputs, other, economy.inputs):
                _require_coherence(inputs)
                return replace(economy, inputs=inputs)
        self._known.append((scenario, build_economy(scenario, inputs)))
        return self._known[-1][1]


_BASE_YEAR = ("providers", "market", "segments", "shares", "demand", "opening")
"""Sections of a scenario from which its base year is made."""


def _share_base_year(scenario: Scenario, inputs: Inputs, other: Scenario, others: Inputs) -> bool:
    if any(getattr(scenario, section) != getattr(other, section) for section in _BASE_YEAR):
        return False
    names = [name for name in inputs if name.startswith(tuple(f"{section}." for section in _BASE_YEAR))]
    return all(np.array_equal(inputs[name], others[name]) for name in names)


def _by_layer(scenario: Scenario, layers: tuple[str, ...]) -> tuple[tuple[str, ...], IntArray]:
    """Segments, those of one layer side by side, and the place of each one's layer."""
    places = {name: layers.index(segment.layer) for name, segment in scenario.segments.items()}
    segments = tuple(sorted(places, key=places.__getitem__))
    return segments, np.array([places[name] for name in segments])


def _stack(inputs: Inputs, section: str, names: tuple[str, ...], key: str) -> FloatArray:
    return np.stack([inputs[f"{section}.{name}.{key}"] for name in names])


def _weights(inputs: Inputs, segments: tuple[str, ...], layer_of: IntArray) -> FloatArray:
    raw = _stack(inputs, "segments", segments, "weight")
    totals = np.stack([raw[layer_of == layer].sum(axis=0) for layer in range(layer_of.max() + 1)])
    return np.asarray(raw / totals[layer_of])


def _layer_sizes(scenario: Scenario, inputs: Inputs, layers: tuple[str, ...]) -> FloatArray:
    total = inputs["market.size"]
    stated = {name: inputs[f"market.layers.{name}.size"] for name in layers if scenario.market.layers[name].size}
    rest = total - sum(stated.values(), np.zeros_like(total))
    require("the layers with a size leave nothing of market.size for the other layer", rest > 0.0)
    return np.stack([stated.get(name, rest) for name in layers])


def require(message: str, holds: BoolArray) -> None:
    """Raise NumericalError with the message and the first draw of the block in which it does not hold."""
    if not holds.all():
        raise NumericalError(
            f"{message} (in {np.count_nonzero(~holds)} of {holds.size} draws of a block, first {int(np.argmin(holds))})"
        )


def _require_coherence(inputs: Inputs) -> None:
    """What `reading.feasibility` has seen to hold at the medians and near them must hold in every draw."""
    demand, costs = "demand.elasticity_of_demand", {name: inputs[f"economics.{name}"] for name in _COSTS}
    substitution = inputs["demand.elasticity_of_substitution"]
    require(f"demand.elasticity_of_substitution is not above {demand}", substitution > inputs[demand])
    for margin in ("operator_margin", "provider_margin"):
        left = 1.0 - costs["site_cost"] - costs[margin]
        require(f"economics.site_cost and economics.{margin} take more than there is", left > -_ROUNDING)
    lasting = costs["terminal_growth"] < costs["discount_rate"]
    require("economics.terminal_growth is not below economics.discount_rate", lasting)


_COSTS = ("site_cost", "operator_margin", "provider_margin", "terminal_growth", "discount_rate")
_ROUNDING = 1e-9


def _layer_shares(
    scenario: Scenario, inputs: Inputs, layers: tuple[str, ...], providers: tuple[str, ...]
) -> FloatArray:
    """Provider shares (P, L, N), each layer summing to 1."""
    found: dict[str, dict[str, FloatArray]] = {}
    for layer in sorted(layers, key=lambda name: scenario.shares[name].domestic_split_as is not None):
        found[layer] = _one_layer(scenario, inputs, layer, scenario.shares[layer], found)
        for provider, share in found[layer].items():
            require(f"shares.{layer}: nothing is left for {provider}", share > 0.0)
    return np.stack([np.stack([found[layer][provider] for layer in layers]) for provider in providers])


def _one_layer(
    scenario: Scenario, inputs: Inputs, layer: str, shares: LayerShares, found: Mapping[str, Mapping[str, FloatArray]]
) -> dict[str, FloatArray]:
    if shares.direct is not None:
        direct = {provider: inputs[f"shares.{layer}.direct.{provider}"] for provider in shares.direct}
        assert shares.rest is not None
        return {**direct, shares.rest: 1.0 - np.sum(list(direct.values()), axis=0)}
    foreign = inputs[f"shares.{layer}.foreign"]
    abroad = {name: inputs[f"shares.{layer}.foreign_split.{name}"] for name in scenario.foreign}
    if shares.domestic_split_as is not None:
        home = {name: found[shares.domestic_split_as][name] for name in scenario.domestic}
    else:
        home = {name: inputs[f"shares.{layer}.domestic_split.{name}"] for name in scenario.domestic}
    return {**_split(foreign, abroad), **_split(1.0 - foreign, home)}


def _split(total: FloatArray, parts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    whole = np.sum(list(parts.values()), axis=0)
    return {name: total * part / whole for name, part in parts.items()}


def _segment_shares(
    scenario: Scenario,
    inputs: Inputs,
    segments: tuple[str, ...],
    layer_of: IntArray,
    weights: FloatArray,
    layer_shares: FloatArray,
    open_part: FloatArray,
) -> FloatArray:
    domestic = len(scenario.domestic)
    propensity = _stack(inputs, "segments", segments, "foreign_propensity")
    parts = []
    for layer, name in enumerate(scenario.market.layers):
        rows, shares = layer_of == layer, np.ascontiguousarray(layer_shares[:, layer])
        abroad = shares[domestic:].sum(axis=0)
        require(
            f"the foreign shares of shares.{name} do not fit into {baseyear.BOUND:g} of the open parts of its segments "
            "(segments.*.open, segments.*.weight) in which somebody leans to them (segments.*.foreign_propensity)",
            baseyear.fits(abroad, weights[rows], np.where(propensity[rows] > 0.0, open_part[rows], 0.0)),
        )
        foreign = baseyear.foreign_spending(abroad, weights[rows], open_part[rows], propensity[rows])
        parts.append(baseyear.segment_shares(shares, foreign, weights[rows], domestic))
    return np.concatenate(parts, axis=1)


def _base_markup(scenario: Scenario, inputs: Inputs, shares: FloatArray, providers: tuple[str, ...]) -> FloatArray:
    sized = np.array([not scenario.providers[name].fringe for name in providers], dtype=np.float64)
    substitution, demand = inputs["demand.elasticity_of_substitution"], inputs["demand.elasticity_of_demand"]
    slope = pricing.share_slope(substitution, demand, inputs["demand.conduct"])
    return pricing.log_markup(shares * sized[:, None, None], substitution, slope)


def _with_premium(scenario: Scenario, economy: Economy) -> Economy:
    layer = scenario.opening.layer
    rows = economy.segment_rows(layer)
    open_spending = economy.weights[rows] * economy.open_part[rows]
    premium = opening_premium(economy.static_market(rows), open_spending, target_share(scenario, economy))
    factors = np.stack([economy.inputs[f"opening.layer_factor.{name}"] for name in economy.layers])
    largest = premium * np.maximum(factors.max(axis=0), 1.0 / (economy.substitution - 1.0))
    bearable = largest < LARGEST_EXPONENT
    require("opening.hypotheses and opening.layer_factor ask for a premium too large to compute with", bearable)
    return replace(economy, premium=premium, premium_by_segment=premium * factors[economy.layer_of])


def target_share(scenario: Scenario, economy: Economy) -> FloatArray:
    """Long-run foreign share of the open part of the opening's layer under each draw's hypothesis; (N,)."""
    layer = scenario.opening.layer
    rows = economy.segment_rows(layer)
    open_share = (economy.weights[rows] * economy.open_part[rows]).sum(axis=0)
    drawn = economy.inputs["opening.hypothesis"]
    target: FloatArray = np.zeros_like(open_share)
    assert hasattr(scenario.opening.hypothesis, "categories")
    for index, name in enumerate(scenario.opening.hypothesis.categories):
        value = _hypothesis_share(scenario.opening.hypotheses[name], economy, name, layer, open_share)
        target = np.where(drawn == index, value, target)
    return target


def _hypothesis_share(
    hypothesis: Hypothesis, economy: Economy, name: str, layer: str, open_share: FloatArray
) -> FloatArray:
    value = economy.inputs[f"opening.hypotheses.{name}.value"]
    today = economy.layer_shares[economy.domestic :, economy.layers.index(layer)]
    abroad = economy.providers[economy.domestic :]
    covered = set(abroad if hypothesis.providers is None else hypothesis.providers)
    others = np.sum([today[i] for i, provider in enumerate(abroad) if provider not in covered], axis=0)
    if hypothesis.measure == "share_of_open":
        share = value + others / open_share
    elif hypothesis.measure == "share_of_layer":
        share = (value + others) / open_share
    else:
        share = (today.sum(axis=0) + value) / open_share
    return np.asarray(np.minimum(share, hypothesis.cap))


@dataclass(frozen=True)
class MarketPath:
    """Market size without opening.

    Attributes
    ----------
    size : (T + 1, L, N)
        Spending by layer and period, the base year's last period first; USD bn/yr.
    growth : (T, L, N)
        Log growth per year.
    """

    size: FloatArray
    growth: FloatArray


def market_path(scenario: Scenario, economy: Economy, worlds: Worlds, step: float, periods: int) -> MarketPath:
    """Market size of each layer in each period.

    Raises
    ------
    NumericalError
        If a draw's growth cannot fade from its first to its long-run value so as to meet the median forecast.
    """
    market, inputs = scenario.market, economy.inputs
    first, long_run = np.log1p(inputs["market.growth_base"]), np.log1p(inputs["market.growth_long_run"])
    expected = _median_forecast(scenario)
    span = float(market.forecast_years)
    fade = growth.fade_rate(first, long_run, np.full_like(first, np.log1p(expected)), span)
    require("market.growth_base, growth_forecast and growth_long_run do not allow growth to fade", np.isfinite(fade))
    since_middle = np.asarray(0.5 + (np.arange(periods + 1)[:, None] - 0.5) * step, dtype=np.float64)
    curve = growth.trend(since_middle, first, long_run, fade)
    curve += growth.tilt(np.maximum(since_middle - 0.5, 0.0), inputs["market.growth_forecast"], expected, span)
    shocks = np.concatenate([np.zeros((1, economy.draws)), worlds.market_shock + worlds.market_steps])
    compensation = inputs["market.step_rate"] * inputs["market.step_size"] * step * np.arange(periods + 1)[:, None]
    log_total = np.log(economy.layer_size.sum(axis=0) * growth.last_base_period(first, step))
    log_total = log_total + (curve - curve[0]) + shocks + compensation
    bearable = (np.abs(log_total) < LARGEST_EXPONENT).all(axis=0)
    require("market.growth_*, volatility and step_* make a market too large or too small to compute with", bearable)
    size = _split_layers(scenario, economy, np.exp(log_total), since_middle)
    return MarketPath(size, np.diff(np.log(size), axis=0) / step)


def _median_forecast(scenario: Scenario) -> float:
    record = scenario.market.growth_forecast
    return median(record) * SCALES["rate"][record.unit]


def _split_layers(scenario: Scenario, economy: Economy, total: FloatArray, since_middle: FloatArray) -> FloatArray:
    """Layer sizes (T + 1, L, N): one layer's log-odds drift, the others keep their proportions."""
    base = economy.layer_size / economy.layer_size.sum(axis=0)
    drifting = [i for i, name in enumerate(economy.layers) if scenario.market.layers[name].log_odds_drift]
    if not drifting:
        return np.asarray(total[:, None] * base)
    lead = drifting[0]
    drift = economy.inputs[f"market.layers.{economy.layers[lead]}.log_odds_drift"]
    odds = growth.layer_odds(since_middle, drift, economy.inputs["market.drift_fade"])
    ratio = base[lead] / (1.0 - base[lead]) * np.exp(odds)
    part = ratio / (1.0 + ratio)
    left = np.minimum(part, 1.0 - part).min(axis=0) > _LEAST_LAYER
    require("market.layers.*.log_odds_drift and market.drift_fade leave next to nothing of a layer", left)
    shares = base * ((1.0 - part) / (1.0 - base[lead]))[:, None]
    shares[:, lead] = part
    return np.asarray(total[:, None] * shares)


_LEAST_LAYER = 1e-12


def reach_fraction(scenario: Scenario, economy: Economy, state: State) -> FloatArray:
    """Part of each segment's open part that owned sites may serve in a state; (G, N)."""
    inside = np.zeros_like(economy.open_part)
    if state.levers.reach == "none":
        return inside
    for row, segment in enumerate(economy.segments):
        if scenario.segments[segment].layer in state.levers.owned_layers:
            inside[row] = 1.0 if state.levers.reach == "open" else _zone_reach(scenario, economy, segment)
    return inside


def _zone_reach(scenario: Scenario, economy: Economy, segment: str) -> FloatArray:
    drawn, reach = economy.inputs["zone.reading"], np.zeros(economy.draws)
    assert hasattr(scenario.zone.reading, "categories")
    for index, name in enumerate(scenario.zone.reading.categories):
        value = economy.inputs[f"zone.readings.{name}.reach"]
        if segment in scenario.zone.readings[name].multiple:
            value = value * economy.inputs[f"zone.readings.{name}.multiple.{segment}"]
        reach = np.where(drawn == index, np.minimum(value, 1.0), reach)
    return reach


def lever_rows(states: tuple[State, ...], name: str, economy: Economy) -> FloatArray:
    """A fraction lever in every state of the calendar; (S, N)."""
    return np.stack([lever(state, name, economy.inputs, economy.draws) for state in states])
