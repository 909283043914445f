"""Whether the numbers of a scenario go together: shares, sizes, elasticities, growth, costs.

They are judged at their medians, and then with any one of them where it is in one draw of a thousand; a median
without a closed form is left out of the judgement. What only several unlikely values together break, the run
refuses by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from sim.reading.plausibility import Finding, medians
from sim.scenario.inputs import inputs, scale
from sim.scenario.market import LayerShares
from sim.scenario.records import CORNERS, EXTREMES
from sim.scenario.scenario import Scenario

__all__ = ["infeasible"]

Values: TypeAlias = Mapping[str, float]
"""Numbers by path, in canonical units."""

_MOST_OF_OPEN: Final = 0.9
"""Part of a segment's open spending that foreign providers can hold in the base year."""

_JOINT: Final = ("market", "segments", "shares", "demand", "economics")
"""Sections whose numbers must go together."""

_TILT: Final = "market.growth_forecast"
"""Growth fades so as to pass its median; a draw's own forecast only tilts the level, and may be anything."""


def infeasible(scenario: Scenario) -> Iterator[Finding]:
    """Everything about the numbers of a scenario that does not go together, path and message."""
    middle = medians(scenario)
    found = list(_propensities(scenario)) or list(_together(scenario, middle))
    yield from found or _at_corners(scenario, middle)


def _together(scenario: Scenario, values: Values) -> Iterator[Finding]:
    yield from _elasticities(values)
    yield from _layer_sizes(scenario, values)
    yield from _direct_shares(scenario, values)
    yield from _foreign_in_open_parts(scenario, values)
    yield from _growth(values)
    yield from _costs(values)
    yield from _discounting(values)


def _at_corners(scenario: Scenario, middle: Values) -> Iterator[Finding]:
    """The first finding at each path with one number at its 0.1% or 99.9% point and the others at their medians."""
    told = set()
    for item in inputs(scenario):
        if item.path.split(".")[0] not in _JOINT or item.path == _TILT or item.record.is_fixed:
            continue
        factor = scale(scenario, item.dimension, item.record.unit)
        for value in item.record.at(CORNERS).tolist():
            where = f"where {item.path} is {value:g} {item.record.unit}, as in one draw of a thousand"
            for path, message in _together(scenario, {**middle, item.path: value * factor}):
                if path not in told:
                    told.add(path)
                    yield path, f"{message} {where}"


def _elasticities(values: Values) -> Iterator[Finding]:
    demand = values.get("demand.elasticity_of_demand", math.nan)
    substitution = values.get("demand.elasticity_of_substitution", math.nan)
    if substitution <= demand:
        found = f"(found {substitution:g}; allowed above {demand:g})"
        yield "demand.elasticity_of_substitution", f"must be above elasticity_of_demand {found}"


def _layer_sizes(scenario: Scenario, values: Values) -> Iterator[Finding]:
    sizes = [values[path] for name in scenario.market.layers if (path := f"market.layers.{name}.size") in values]
    total = values.get("market.size", math.inf)
    if sum(sizes) >= total:
        found = f"(found {sum(sizes):g} of {total:g} USD bn/yr)"
        yield "market.size", f"the layers with a size must leave something of the total {found}"


def _direct_shares(scenario: Scenario, values: Values) -> Iterator[Finding]:
    for layer, shares in scenario.shares.items():
        path = f"shares.{layer}.direct"
        total = sum(values.get(f"{path}.{name}", 0.0) for name in shares.direct or ())
        if total >= 1:
            found = f"(found {total:.1%}; allowed below 100%)"
            yield path, f"impossible shares: nothing is left for '{shares.rest}' {found}"


def _foreign_in_open_parts(scenario: Scenario, values: Values) -> Iterator[Finding]:
    """What foreign providers hold of a layer must fit into what is open to them."""
    for layer, shares in scenario.shares.items():
        held = _foreign_share(layer, shares, scenario, values)
        room = _room(layer, scenario, values)
        if room < held < 1:
            found = f"(found {held:.1%}; allowed {room:.1%})"
            yield f"shares.{layer}", f"impossible shares: foreign providers hold more than the open parts allow {found}"


def _foreign_share(layer: str, shares: LayerShares, scenario: Scenario, values: Values) -> float:
    """Share of all foreign providers in a layer; NaN if a median is unknown."""
    path, unknown = f"shares.{layer}", math.nan
    if shares.direct is None:
        return values.get(f"{path}.foreign", unknown)
    stated = {name: values.get(f"{path}.direct.{name}", unknown) for name in shares.direct}
    foreign = sum(value for name, value in stated.items() if name in scenario.foreign)
    return foreign if shares.rest in scenario.domestic else foreign + 1 - sum(stated.values())


def _room(layer: str, scenario: Scenario, values: Values) -> float:
    """The largest share of a layer that its open parts can hold; NaN if a median is unknown."""
    names = [name for name, segment in scenario.segments.items() if segment.layer == layer]
    leaning = [values.get(f"segments.{name}.foreign_propensity", math.nan) != 0 for name in names]
    weights = [values.get(f"segments.{name}.weight", math.nan) for name in names]
    parts = [values.get(f"segments.{name}.open", math.nan) for name in names]
    total = sum(weights)
    held = sum(weight * part * leans for weight, part, leans in zip(weights, parts, leaning, strict=True))
    return _MOST_OF_OPEN * held / total if total else math.nan


def _propensities(scenario: Scenario) -> Iterator[Finding]:
    """Foreign providers must have somebody who leans to them in each layer, in every draw."""
    for layer in scenario.market.layers:
        inside = {name: part for name, part in scenario.segments.items() if part.layer == layer}
        leanings = [float(part.foreign_propensity.at(EXTREMES)[0]) for part in inside.values()]
        if max(leanings) < _LEAST_PROPENSITY:
            path = f"segments.{next(iter(inside))}.foreign_propensity"
            found = f"(found {max(leanings):g} in some draws; allowed from {_LEAST_PROPENSITY:g})"
            yield path, f"in one segment of '{layer}' at least, somebody must lean to foreign providers {found}"


_LEAST_PROPENSITY: Final = 1e-6


def _growth(values: Values) -> Iterator[Finding]:
    """Growth fades from its base to its long run, and passes the forecast on the way."""
    names = ("growth_base", "growth_forecast", "growth_long_run")
    first, forecast, last = (values.get(f"market.{name}", math.nan) for name in names)
    if forecast >= first or forecast <= last:
        found = f"(found {first:.1%}, {forecast:.1%}, {last:.1%})"
        yield "market.growth_forecast", f"must lie between growth_base and growth_long_run {found}"


def _costs(values: Values) -> Iterator[Finding]:
    """What others take of a unit of revenue must leave something."""
    for path, other in _SHARED_OUT:
        parts = [values.get(f"economics.{name}", math.nan) for name in (path, other)]
        if sum(parts) > 1 + _ROUNDING:
            yield f"economics.{path}", f"with {other} takes more than there is (found {sum(parts):.1%}; allowed 100%)"


_ROUNDING: Final = 1e-9

_SHARED_OUT: Final = (
    ("operator_margin", "site_cost"),
    ("provider_margin", "site_cost"),
    ("royalty_vat", "royalty_withholding"),
)
"""Pairs of which the second takes its part first."""


def _discounting(values: Values) -> Iterator[Finding]:
    rate, growth = (values.get(f"economics.{name}", math.nan) for name in ("discount_rate", "terminal_growth"))
    if growth >= rate:
        found = f"(found {growth:.1%}; allowed below {rate:.1%})"
        yield "economics.terminal_growth", f"must be below discount_rate, or the value has no end {found}"
