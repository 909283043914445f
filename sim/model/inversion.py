"""The base year of every draw, inverted: from the scenario's numbers to shares, utilities and the premium."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import numpy as np

from sim.axes import FloatArray
from sim.kernels import baseyear, pricing
from sim.kernels.choice import invert
from sim.kernels.equilibrium import MOST_PREMIUM, opening_premium, regime_premium
from sim.model.economy import LARGEST_EXPONENT, Economy, Inputs, require
from sim.model.mix import base_mix
from sim.scenario.baseyear import BaseYear, Condition, base_year, coherence, existence
from sim.scenario.grants import Grants, grants_of, has_mix, hypothesis_grants, identification
from sim.scenario.market import Hypothesis
from sim.scenario.policy import lever, states
from sim.scenario.providers import Provider
from sim.scenario.scenario import Scenario

__all__ = ["MOST_SHARED", "Economies", "build_economy", "start_unlock", "target_share"]


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
    year = base_year(scenario, inputs)
    _require_all(chain(coherence(inputs), existence(scenario, inputs, year)))
    providers, open_part = scenario.domestic + scenario.foreign, year.open_part
    shares = _segment_shares(year, len(scenario.domestic))
    base = baseyear.open_part_shares(shares, open_part, len(scenario.domestic))
    markup = _base_markup(scenario, inputs, base, open_part, providers)
    bare = Economy(
        inputs=inputs,
        providers=providers,
        segments=year.segments,
        layers=tuple(scenario.market.layers),
        domestic=len(scenario.domestic),
        fringe=np.array([scenario.providers[name].fringe for name in providers]),
        layer_of=year.layer_of,
        layer_size=year.layer_size,
        weights=year.weights,
        layer_shares=year.layer_shares,
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

    def branch(self) -> Economies:
        """The same, to which others can be added without these growing."""
        new = Economies()
        new._known = [*self._known]
        return new

    def of(self, scenario: Scenario, inputs: Inputs) -> Economy:
        """As `build_economy`."""
        for other, economy in self._known:
            if _share_base_year(scenario, inputs, other, economy):
                _require_all(coherence(inputs))
                return replace(economy, inputs=inputs)
        made = build_economy(scenario, inputs)
        if len(self._known) < MOST_SHARED:
            self._known.append((scenario, made))
        return made


_MET = 1e-6
"""Of a share; the premium is solved to far less."""

MOST_SHARED = 8
"""Base years of a block, some ten megabytes each with what follows from them, that are kept for others: the first."""


_BASE_YEAR = ("market", "segments", "shares", "demand", "opening", "channels")
"""Sections of a scenario from which its base year is made, with its providers and what the starting regime unlocks."""


def _share_base_year(scenario: Scenario, inputs: Inputs, other: Scenario, economy: Economy) -> bool:
    if any(getattr(scenario, section) != getattr(other, section) for section in _BASE_YEAR):
        return False
    if _there(scenario) != _there(other):
        return False
    names = [name for name in inputs if name.startswith(tuple(f"{section}." for section in _BASE_YEAR))]
    if not all(np.array_equal(inputs[name], economy.inputs[name]) for name in names):
        return False
    if has_mix(scenario):
        return _same_grants(_read_grants(scenario, inputs), _read_grants(other, economy.inputs))
    ours, theirs = (start_unlock(*case, economy.draws) for case in ((scenario, inputs), (other, economy.inputs)))
    return np.array_equal(ours, theirs)


def _read_grants(scenario: Scenario, inputs: Inputs) -> tuple[Grants, Grants]:
    """What regimes grant in the base year, and under the hypotheses."""
    draws = len(inputs["opening.hypothesis"])
    return grants_of(scenario, states(scenario)[0], inputs, draws), hypothesis_grants(scenario, inputs, draws)


def _same_grants(ours: tuple[Grants, Grants], theirs: tuple[Grants, Grants]) -> bool:
    return all(np.array_equal(*both) for pair in zip(ours, theirs, strict=True) for both in zip(*pair, strict=True))


_OF_LATER = ("entry", "economics", "partner_equity")
"""What of a provider is no part of the base year."""


def _there(scenario: Scenario) -> list[tuple[str, Provider]]:
    """Who is in the market, in listed order; what each decides or earns later is no part of the base year."""
    return [
        (name, provider.model_copy(update=dict.fromkeys(_OF_LATER))) for name, provider in scenario.providers.items()
    ]


def _require_all(conditions: Iterable[Condition]) -> None:
    for condition in conditions:
        require(condition.refusal, condition.holds)


def _segment_shares(year: BaseYear, domestic: int) -> FloatArray:
    """Provider shares of each segment, (P, G, N)."""
    parts = []
    for layer in range(len(year.layer_size)):
        rows, shares = year.layer_of == layer, np.ascontiguousarray(year.layer_shares[:, layer])
        weights, abroad = year.weights[rows], shares[domestic:].sum(axis=0)
        foreign = baseyear.foreign_spending(abroad, weights, year.open_part[rows], year.propensity[rows])
        parts.append(baseyear.segment_shares(shares, foreign, weights, domestic))
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
    """The economy with phi, and with the channels of its base year if the scenario states any."""
    factors = np.stack([economy.inputs[f"opening.layer_factor.{name}"] for name in economy.layers])
    premium = _premium_of_regimes(scenario, economy, factors) if has_mix(scenario) else _premium(scenario, economy)
    largest = premium * np.maximum(factors.max(axis=0), 1.0 / economy.excess)
    bearable = largest < LARGEST_EXPONENT
    require("opening.hypotheses and opening.layer_factor ask for a premium too large to compute with", bearable)
    mix = base_mix(scenario, economy.inputs, factors).at(premium) if has_mix(scenario) else None
    return replace(economy, premium=premium, premium_by_segment=premium * factors[economy.layer_of], mix=mix)


def _premium(scenario: Scenario, economy: Economy) -> FloatArray:
    """phi, of which opening adds the part to the base year that the start has not unlocked; (N,)."""
    rows = economy.segment_rows(scenario.opening.layer)
    open_spending = economy.weights[rows] * economy.open_part[rows]
    added = opening_premium(economy.static_market(rows), open_spending, target_share(scenario, economy))
    unlocked = start_unlock(scenario, economy.inputs, economy.draws)
    path = states(scenario)[0].paths["partner_unlock"]
    require(f"{path} is 1 at the start, which leaves no premium for others to unlock", unlocked < 1.0)
    return np.asarray(added / (1.0 - unlocked))


def _premium_of_regimes(scenario: Scenario, economy: Economy, factors: FloatArray) -> FloatArray:
    """phi from the share that each draw's hypothesis states under a regime, (N,)."""
    _require_all(identification(scenario, economy.inputs))
    layer = economy.layers.index(scenario.opening.layer)
    rows = economy.segment_rows(scenario.opening.layer)
    mix = base_mix(scenario, economy.inputs, factors).of_layer(layer)
    asked = hypothesis_grants(scenario, economy.inputs, economy.draws)
    asked = asked._replace(sites=asked.sites[:, layer : layer + 1])
    open_spending = economy.weights[rows] * economy.open_part[rows]
    target = target_share(scenario, economy)
    premium, gap = regime_premium(
        economy.static_market(rows), open_spending, target, lambda phi: mix.at(phi).long_run(asked)
    )
    unmet = "opening.hypotheses: no premium of control, however large, gives the share that a hypothesis states"
    require(unmet, (premium < MOST_PREMIUM) & ((premium == 0.0) | (np.abs(gap) < _MET)))
    return premium


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
