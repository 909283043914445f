"""The base year of every draw, inverted: from the scenario's numbers to shares, utilities and the premium."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sim.axes import FloatArray, IntArray
from sim.kernels import baseyear, pricing
from sim.kernels.choice import invert
from sim.kernels.equilibrium import opening_premium
from sim.model.economy import LARGEST_EXPONENT, Economy, Inputs, require
from sim.scenario.market import Hypothesis, LayerShares
from sim.scenario.policy import lever, states
from sim.scenario.scenario import Scenario

__all__ = ["Economies", "base_shares", "build_economy", "start_unlock", "target_share"]


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
    markup = _base_markup(scenario, inputs, base, open_part, providers)
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
            if _share_base_year(scenario, inputs, other, economy):
                _require_coherence(inputs)
                return replace(economy, inputs=inputs)
        self._known.append((scenario, build_economy(scenario, inputs)))
        return self._known[-1][1]


_BASE_YEAR = ("providers", "market", "segments", "shares", "demand", "opening")
"""Sections of a scenario from which its base year is made, with what the starting regime unlocks."""


def _share_base_year(scenario: Scenario, inputs: Inputs, other: Scenario, economy: Economy) -> bool:
    if any(getattr(scenario, section) != getattr(other, section) for section in _BASE_YEAR):
        return False
    names = [name for name in inputs if name.startswith(tuple(f"{section}." for section in _BASE_YEAR))]
    if not all(np.array_equal(inputs[name], economy.inputs[name]) for name in names):
        return False
    ours, theirs = (start_unlock(*case, economy.draws) for case in ((scenario, inputs), (other, economy.inputs)))
    return np.array_equal(ours, theirs)


def base_shares(scenario: Scenario, inputs: Inputs) -> tuple[FloatArray, FloatArray]:
    """Provider shares (P, L, N), domestic ones first, and the open part of each layer (L, N)."""
    layers = tuple(scenario.market.layers)
    segments, layer_of = _by_layer(scenario, layers)
    opened = _weights(inputs, segments, layer_of) * _stack(inputs, "segments", segments, "open")
    parts = [opened[layer_of == layer].sum(axis=0) for layer in range(len(layers))]
    return _layer_shares(scenario, inputs, layers, scenario.domestic + scenario.foreign), np.stack(parts)


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
    nothing = np.zeros_like(next(iter(found[layers[0]].values())))  # of who arrives later
    return np.stack([np.stack([found[layer].get(provider, nothing) for layer in layers]) for provider in providers])


def _one_layer(
    scenario: Scenario, inputs: Inputs, layer: str, shares: LayerShares, found: Mapping[str, Mapping[str, FloatArray]]
) -> dict[str, FloatArray]:
    if shares.direct is not None:
        direct = {provider: inputs[f"shares.{layer}.direct.{provider}"] for provider in shares.direct}
        assert shares.rest is not None
        return {**direct, shares.rest: 1.0 - np.sum(list(direct.values()), axis=0)}
    foreign = inputs[f"shares.{layer}.foreign"]
    there = [name for name in scenario.providers if name not in scenario.entrants]
    abroad = {name: inputs[f"shares.{layer}.foreign_split.{name}"] for name in scenario.foreign if name in there}
    if shares.domestic_split_as is not None:
        home = {name: found[shares.domestic_split_as][name] for name in scenario.domestic if name in there}
    else:
        home = {name: inputs[f"shares.{layer}.domestic_split.{name}"] for name in scenario.domestic if name in there}
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


def _base_markup(
    scenario: Scenario, inputs: Inputs, base: FloatArray, open_part: FloatArray, providers: tuple[str, ...]
) -> FloatArray:
    sized = np.array([not scenario.providers[name].fringe for name in providers], dtype=np.float64)
    substitution, demand = inputs["demand.elasticity_of_substitution"], inputs["demand.elasticity_of_demand"]
    slope = pricing.share_slope(substitution, demand, inputs["demand.conduct"])
    shares = pricing.base_class_share(base, open_part, len(scenario.domestic))
    return pricing.log_markup(shares * sized[:, None, None], substitution, slope)


def start_unlock(scenario: Scenario, inputs: Inputs, draws: int) -> FloatArray:
    """Part of the premium that partner offers have under the starting regime: it is inside the base-year utilities.

    Parameters
    ----------
    scenario : Scenario
    inputs : mapping of str to (N,)
    draws : int
        N.

    Returns
    -------
    (N,)
        u0. A state that unlocks the part u adds (u - u0) phi to the utility of the base year.
    """
    return lever(states(scenario)[0], "partner_unlock", inputs, draws)


def _with_premium(scenario: Scenario, economy: Economy) -> Economy:
    """The economy with phi, of which opening adds the part to the base year that the start has not unlocked."""
    layer = scenario.opening.layer
    rows = economy.segment_rows(layer)
    open_spending = economy.weights[rows] * economy.open_part[rows]
    added = opening_premium(economy.static_market(rows), open_spending, target_share(scenario, economy))
    unlocked = start_unlock(scenario, economy.inputs, economy.draws)
    path = states(scenario)[0].paths["partner_unlock"]
    require(f"{path} is 1 at the start, which leaves no premium for others to unlock", unlocked < 1.0)
    premium = added / (1.0 - unlocked)
    factors = np.stack([economy.inputs[f"opening.layer_factor.{name}"] for name in economy.layers])
    largest = premium * np.maximum(factors.max(axis=0), 1.0 / economy.excess)
    bearable = largest < LARGEST_EXPONENT
    require("opening.hypotheses and opening.layer_factor ask for a premium too large to compute with", bearable)
    return replace(economy, premium=premium, premium_by_segment=premium * factors[economy.layer_of])


def target_share(scenario: Scenario, economy: Economy) -> FloatArray:
    """Long-run foreign share of the open part of the opening's layer under each draw's hypothesis; (N,).

    Equation (4) of docs/model.md.
    """
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
