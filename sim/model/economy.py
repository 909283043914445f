"""A block of draws as arrays: what the scenario's names mean to the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray, runs
from sim.errors import NumericalError
from sim.kernels import pricing
from sim.kernels.channels import Rates
from sim.kernels.equilibrium import StaticMarket
from sim.model.mix import Mix
from sim.scenario.baseyear import Inputs
from sim.scenario.policy import State, lever
from sim.scenario.scenario import Scenario

__all__ = ["LARGEST_EXPONENT", "Economy", "Inputs", "lever_rows", "reach_fraction", "require"]

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
        Spending of the base year, bn/yr.
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
    mix : Mix or None
        The channels of the base year, where the scenario states more than that all start with a partner.
    measured : mapping or None
        The numbers before steps changed some of them; None where none has.
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
    mix: Mix | None = None
    measured: Inputs | None = None

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

    def at(self, numbers: Inputs) -> Economy:
        """The same base year once steps have given some numbers other values, which it does not hang on.

        What has been computed of the base year so far is kept.
        """
        later = copy(self)
        object.__setattr__(later, "inputs", {**self.inputs, **numbers})
        object.__setattr__(later, "measured", self.inputs if self.measured is None else self.measured)
        return later

    def rates(self, dated: Inputs | None = None) -> Rates:
        """Cost structure and taxes, (N,) each, or (F, N) where a foreign provider has its own.

        Capital intensity is at most what site cost can depreciate. Costs of sites and technology, and the capital
        behind them, are measured together: where a step changes what sites cost, the others stay, and the provider's
        margin bears it.

        Parameters
        ----------
        dated : mapping of str to (T, N), optional
            Numbers by period in place of those of the whole run; such rates are (T, 1 or F, N).
        """
        owners = [f"providers.{name}" for name in self.providers[self.domestic :]]
        by_period = {path: rows[:, None] for path, rows in (dated or {}).items()}
        named = {
            field.name: _or_own(self.inputs, path, owners, by_period)
            for field in fields(Rates)
            if (path := f"economics.{_RATE_NAMES.get(field.name, field.name)}") in self.inputs
        }
        before, cost = self.measured or self.inputs, "economics.site_cost"
        measured = _or_own(before, cost, owners)
        named["capital_intensity"] = np.minimum(named["capital_intensity"], measured * named["asset_life"])
        if any(path.endswith(cost) for path in by_period) or before is not self.inputs:
            named["measured_site_cost"] = measured
        return Rates(**named, ordered=self.ordered)

    @property
    def ordered(self) -> FloatArray:
        """What is ordered over what is expected to be used, (N,): 1 and the headroom.

        Equation (19) of docs/model.md.
        """
        return np.asarray(1.0 + self.inputs.get("capacity.headroom", np.zeros(self.draws)))

    @property
    def home_margin(self) -> FloatArray:
        """Gross margin of domestic providers, (N,), or (P_d, N) where one has its own."""
        owners = [f"providers.{name}" for name in self.providers[: self.domestic]]
        return _or_own(self.inputs, "economics.domestic_margin", owners)

    def technology(self, name: str) -> FloatArray:
        """A rate of `technology`, (N,), or (L, N) where a layer has its own."""
        return _or_own(self.inputs, f"technology.{name}", [f"market.layers.{layer}" for layer in self.layers])

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

    def entrant_odds(self, scenario: Scenario, name: str) -> FloatArray:
        """Odds of new choices that a provider which arrives later has against all others, (G, N)."""
        part = self.inputs[f"providers.{name}.arrives.new_choices"]
        arrives = scenario.providers[name].arrives
        assert arrives is not None
        sells = np.array([arrives.layers is None or layer in arrives.layers for layer in self.layers])
        return np.where(sells[self.layer_of][:, None], part / (1.0 - part), _NOWHERE)

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
    def substitution_by_segment(self) -> FloatArray:
        """epsilon once for each segment, (G, N)."""
        return np.tile(self.substitution, (len(self.segments), 1))

    @cached_property
    def base_lerner(self) -> FloatArray:
        """1 - 1/mu of the providers of some size in the base year, (R, G, N)."""
        return -np.expm1(-self.log_markup[~self.fringe])

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
            if rows.stop - rows.start == 1:  # to reduce a single row takes four times as long as to copy it
                out[..., layer, :] = values[..., rows.start, :]
            else:
                np.add.reduce(values[..., rows, :], axis=-2, out=out[..., layer, :])
        return out

    def mean_prices(self, sold: FloatArray, spending: FloatArray, prices: FloatArray) -> FloatArray:
        """Prices over marginal cost, (P, G, N), by layer (P, L, N), weighted by spending (P, G, N); `sold` by layer.

        Who has no customer still names a price: the plain mean over the layer's segments.
        """
        worth = [np.einsum("pgn,pgn->pn", prices[:, rows], spending[:, rows]) for rows in self.layer_rows]
        found: FloatArray = np.stack(worth, axis=1)
        if sold.all():
            found /= sold
            return found
        plain = self.by_layer(prices) / self.by_layer(np.ones_like(prices))
        return np.divide(found, sold, out=plain, where=sold > 0.0)

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


_NOWHERE = 1e-12
"""Odds of an entrant where it does not sell: nothing that is seen, and a utility of which there is a logarithm."""

_RATE_NAMES = {"incremental": "incremental_technology", "utilization": "reference_utilization"}


def require(message: str, holds: BoolArray) -> None:
    """Raise NumericalError with the message and the first draw of the block in which it does not hold."""
    if not holds.all():
        raise NumericalError(
            f"{message} (in {np.count_nonzero(~holds)} of {holds.size} draws of a block, first {int(np.argmin(holds))})"
        )


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
    assert scenario.zone is not None
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


def _or_own(inputs: Inputs, path: str, owners: Sequence[str], dated: Inputs | None = None) -> FloatArray:
    """An input, (N,), or (owners, N) where one of those who may have their own in its place has it.

    What `dated` has, (T, 1, N), stands for what the inputs have; then they are (T, 1 or owners, N).
    """
    numbers = {**inputs, **dated} if dated else inputs
    shared, own = numbers[path], [numbers.get(f"{owner}.{path}") for owner in owners]
    if all(one is None for one in own):
        return shared
    rows = np.broadcast_arrays(*(shared if one is None else one for one in own))
    return np.concatenate(rows, axis=1) if rows[0].ndim > 1 else np.stack(rows)
