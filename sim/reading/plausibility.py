"""Whether the numbers of a scenario can be true: bounds, sums, and what was known when.

Sums and limits are judged at the medians; a median without a closed form is left out of the judgement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from sim.errors import choices
from sim.evidence import (
    SCALES,
    Discrete,
    Fixed,
    Interval,
    LogNormal,
    Mixture,
    Normal,
    Pert,
    Record,
    Triangular,
    TwoPiece,
    Uniform,
    parse_interval,
)
from sim.scenario import Input, LayerShares, Scenario, inputs, record_numbers

__all__ = ["Finding", "implausible", "medians"]

Finding: TypeAlias = tuple[str, str]
"""A dotted path, and what is wrong there."""

_MOST_OF_OPEN: Final = 0.9
"""Part of a segment's open spending that foreign providers can hold in the base year."""

_BUILT_IN_SOURCES: Final = ("judgement", "command line")
"""Sources that need no entry in sources.yaml; both appear on the day that the scenario stands for."""


def implausible(scenario: Scenario) -> Iterator[Finding]:
    """Everything about the numbers of a scenario that cannot be so, path and message."""
    middle = medians(scenario)
    yield from _evidence(scenario)
    yield from _reference(scenario)
    yield from _durations(scenario)
    yield from _fractions(scenario, middle)
    yield from _elasticities(middle)
    yield from _layer_sizes(scenario, middle)
    yield from _direct_shares(scenario, middle)
    yield from _foreign_in_open_parts(scenario, middle)


def medians(scenario: Scenario) -> dict[str, float]:
    """The median of every number by path, in canonical units; those without a closed form are left out.

    Money in CNY is converted at the median exchange rate.
    """
    rate = _median(scenario.exchange_rate) or math.nan
    found: dict[str, float] = {}
    for item in inputs(scenario):
        middle, unit = _median(item.record), item.record.unit
        if middle is not None:
            per_dollar = rate if item.dimension == "money" and unit.startswith("CNY") else 1.0
            found[item.path] = _clamped(item.record, middle) * SCALES[item.dimension][unit] / per_dollar
    return found


def _clamped(record: Record, value: float) -> float:
    least = -math.inf if record.min is None else record.min
    return min(max(value, least), math.inf if record.max is None else record.max)


def _median(record: Record) -> float | None:
    """Median in the record's unit before bounds; None where it has no closed form."""
    formula = _MEDIANS.get(type(record))
    return None if formula is None else formula(record)


def _middle_of_interval(record: Interval) -> float:
    low, high = parse_interval(record.interval)
    return math.sqrt(low * high) if low > 0 else (low + high) / 2


def _middle_of_triangle(record: Triangular) -> float:
    low, mode, high = record.triangular
    if mode >= (low + high) / 2:
        return low + math.sqrt((high - low) * (mode - low) / 2)
    return high - math.sqrt((high - low) * (high - mode) / 2)


def _middle_number(record: Discrete) -> float | None:
    """The number that holds cumulative weight one half in listed order; None of categories."""
    total = 0.0
    for name, weight in record.discrete.items():
        total += weight
        if total >= 0.5:
            return float(name) if _is_number(name) else None
    return None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


_MEDIANS: Final[Mapping[type[Record], Callable[[Any], float | None]]] = {
    Fixed: lambda record: record.value,
    TwoPiece: lambda record: record.median,
    Interval: _middle_of_interval,
    Triangular: _middle_of_triangle,
    Normal: lambda record: record.normal.mean,
    LogNormal: lambda record: record.lognormal.median,
    Uniform: lambda record: sum(record.uniform) / 2,
    Discrete: _middle_number,
}


def _numbers(scenario: Scenario) -> tuple[Input, ...]:
    """Every number that has a record, those for a record included."""
    return (*inputs(scenario), *record_numbers(scenario))


def _evidence(scenario: Scenario) -> Iterator[Finding]:
    for path, (record, dimension) in {item.path: (item.record, item.dimension) for item in _numbers(scenario)}.items():
        yield from _known_in_time(path, record, scenario)
        for below, part in _records(path, record):
            yield from _sourced(below, part.source, scenario)
            yield from _bounded(below, part)
            if isinstance(part, Discrete) and dimension != "category" and not all(map(_is_number, part.categories)):
                yield below, f"each of the categories must be a number (found {', '.join(part.categories)})"


def _records(path: str, record: Record) -> Iterator[tuple[str, Record]]:
    """A record, the parts of a mixture and the fallback, each with its path."""
    yield path, record
    for position, part in enumerate(record.mixture if isinstance(record, Mixture) else ()):
        yield from _records(f"{path}.mixture[{position}].of", part.of)
    if record.fallback is not None:
        yield from _records(f"{path}.fallback", record.fallback)


def _sourced(path: str, source: str, scenario: Scenario) -> Iterator[Finding]:
    allowed = [*scenario.sources, *_BUILT_IN_SOURCES]
    if source not in allowed:
        yield f"{path}.source", f"unknown source {choices(source, allowed)}"


def _reference(scenario: Scenario) -> Iterator[Finding]:
    reference, path = scenario.opening.reference, "opening.reference"
    if reference is not None:
        yield from _sourced(path, reference.source, scenario)
        points = (reference.low, reference.median, reference.high)
        if list(points) != sorted(points):
            yield path, f"low, median, high must rise (found {', '.join(f'{point:g}' for point in points)})"


def _known_in_time(path: str, record: Record, scenario: Scenario) -> Iterator[Finding]:
    """A number from a later source needs a fallback from what was known on the scenario's day."""
    late = _late_source(record, scenario)
    if late is None:
        return
    if record.fallback is None:
        yield path, f"needs a fallback record, because {_lateness(late, scenario)}"
    elif (still := _late_source(record.fallback, scenario)) is not None:
        yield f"{path}.fallback", f"must be from what was known, but {_lateness(still, scenario)}"


def _lateness(source: str, scenario: Scenario) -> str:
    return f"'{source}' was published on {scenario.sources[source].published}, after as_of {scenario.as_of}"


def _late_source(record: Record, scenario: Scenario) -> str | None:
    """A source of a record that appeared after the scenario's day; None if there is none."""
    parts = [part.of for part in record.mixture] if isinstance(record, Mixture) else []
    if record.source in scenario.sources and scenario.sources[record.source].published > scenario.as_of:
        return record.source
    return next((late for part in parts if (late := _late_source(part, scenario)) is not None), None)


def _bounded(path: str, record: Record) -> Iterator[Finding]:
    middle = _median(record)
    if middle is not None and record.min is not None and middle < record.min:
        yield path, f"the median lies below min (found {middle:g}; allowed from {record.min:g})"
    if middle is not None and record.max is not None and middle > record.max:
        yield path, f"the median lies above max (found {middle:g}; allowed to {record.max:g})"


def _durations(scenario: Scenario) -> Iterator[Finding]:
    for path, record in {item.path: item.record for item in _numbers(scenario) if item.dimension == "duration"}.items():
        if _lowest(record) < 0:
            yield path, "a duration can be negative in some draws; add min: 0"


def _lowest(record: Record) -> float:
    """The least that a record can be, minus infinity where a tail is not bounded or not known to be."""
    if record.min is not None:
        return record.min
    if isinstance(record, Fixed):
        return record.value
    if isinstance(record, Uniform):
        return record.uniform[0]
    if isinstance(record, Triangular):
        return record.triangular[0]
    if isinstance(record, Pert):
        return record.pert[0]
    if isinstance(record, LogNormal) or (isinstance(record, Interval) and parse_interval(record.interval)[0] > 0):
        return 0.0
    if isinstance(record, Mixture):
        return min(_lowest(part.of) for part in record.mixture)
    return -math.inf


def _fractions(scenario: Scenario, middle: Mapping[str, float]) -> Iterator[Finding]:
    units = {item.path: item.record.unit for item in inputs(scenario) if item.dimension == "fraction"}
    for path, unit in units.items():
        found = middle.get(path, 0.0)
        if not 0 <= found <= 1:
            value = found / SCALES["fraction"][unit]
            yield path, f"the median is no part of a whole (found {value:g} in the unit '{unit}'; allowed 0 to 100%)"


def _elasticities(middle: Mapping[str, float]) -> Iterator[Finding]:
    demand = middle.get("demand.elasticity_of_demand", math.nan)
    substitution = middle.get("demand.elasticity_of_substitution", math.nan)
    if demand <= 1:
        yield "demand.elasticity_of_demand", f"the median must be above 1 (found {demand:g})"
    if substitution <= demand:
        found = f"(found {substitution:g}; allowed above {demand:g})"
        yield "demand.elasticity_of_substitution", f"the median must be above that of elasticity_of_demand {found}"


def _layer_sizes(scenario: Scenario, middle: Mapping[str, float]) -> Iterator[Finding]:
    sizes = [middle[path] for name in scenario.market.layers if (path := f"market.layers.{name}.size") in middle]
    total = middle.get("market.size", math.inf)
    if sum(sizes) >= total:
        found = f"(found {sum(sizes):g} of {total:g} USD bn/yr)"
        yield "market.size", f"the layers with a size must leave something of the total {found}"


def _direct_shares(scenario: Scenario, middle: Mapping[str, float]) -> Iterator[Finding]:
    for layer, shares in scenario.shares.items():
        path = f"shares.{layer}.direct"
        total = sum(middle.get(f"{path}.{name}", 0.0) for name in shares.direct or ())
        if total >= 1:
            found = f"(found {total:.1%}; allowed below 100%)"
            yield path, f"impossible shares: nothing is left for '{shares.rest}' {found}"


def _foreign_in_open_parts(scenario: Scenario, middle: Mapping[str, float]) -> Iterator[Finding]:
    """What foreign providers hold of a layer must fit into what is open to them."""
    for layer, shares in scenario.shares.items():
        held = _foreign_share(layer, shares, scenario, middle)
        room = _room(layer, scenario, middle)
        if room < held < 1:
            found = f"(found {held:.1%}; allowed {room:.1%})"
            yield f"shares.{layer}", f"impossible shares: foreign providers hold more than the open parts allow {found}"


def _foreign_share(layer: str, shares: LayerShares, scenario: Scenario, middle: Mapping[str, float]) -> float:
    """Share of all foreign providers in a layer; NaN if a median is unknown."""
    path, unknown = f"shares.{layer}", math.nan
    if shares.direct is None:
        return middle.get(f"{path}.foreign", unknown)
    stated = {name: middle.get(f"{path}.direct.{name}", unknown) for name in shares.direct}
    foreign = sum(value for name, value in stated.items() if name in scenario.foreign)
    return foreign if shares.rest in scenario.domestic else foreign + 1 - sum(stated.values())


def _room(layer: str, scenario: Scenario, middle: Mapping[str, float]) -> float:
    """The largest share of a layer that its open parts can hold; NaN if a median is unknown."""
    names = [name for name, segment in scenario.segments.items() if segment.layer == layer]
    weights = [middle.get(f"segments.{name}.weight", math.nan) for name in names]
    parts = [middle.get(f"segments.{name}.open", math.nan) for name in names]
    total = sum(weights)
    held = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return _MOST_OF_OPEN * held / total if total else math.nan
