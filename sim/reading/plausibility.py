"""Whether each number of a scenario can be true: its evidence, its bounds, and what was known when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from sim.errors import choices
from sim.scenario.evidence import CHOICE
from sim.scenario.families import Discrete, Fixed, Mixture, Normal, TwoPiece
from sim.scenario.inputs import Input, inputs, record_numbers, scale
from sim.scenario.money import price_objection
from sim.scenario.records import EXTREMES, MIDDLE, Record
from sim.scenario.scenario import Scenario

__all__ = ["Finding", "implausible", "uncounted"]

Finding: TypeAlias = tuple[str, str]
"""A dotted path, and what is wrong there."""

_BUILT_IN_SOURCES: Final = ("judgement", "command line", "sweep", CHOICE)
"""Sources that need no entry in sources.yaml; all appear on the day that the scenario stands for."""


def uncounted(scenario: Scenario) -> Iterator[Finding]:
    """Money in a currency that has no rate, rates of other currencies, and rates of growth in other prices."""
    own, ledger = scenario.currency, scenario.ledger
    for other, rate in scenario.exchange_rates.items():
        path, allowed = f"exchange_rates.{other}", (f"{other} per {own}", f"{own} per {other}")
        if other == own:
            yield path, f"is the scenario's own currency, which needs no rate (found {other}; leave it out)"
            continue
        for below, part in _records(path, rate):
            if part.unit not in allowed:
                yield (
                    f"{below}.unit",
                    f"must be a rate of {other} (found '{part.unit}'; allowed {' or '.join(allowed)})",
                )
    if message := _mispriced(scenario):
        yield "market.price.unit", message
        return
    for item in {item.path: item for item in _numbers(scenario)}.values():
        must_say = item.path.endswith("discount_rate")
        for below, part in _records(item.path, item.record):
            message = ledger.objection(part.unit) if item.dimension == "money" else ""
            if item.dimension == "growth of money":
                message = scenario.prices.objection(part.unit, must_say=must_say)
            if message:
                yield f"{below}.unit", message


def _mispriced(scenario: Scenario) -> str:
    """What is wrong with the price of what the market counts, if it has one."""
    unit, price = scenario.market.unit, scenario.market.price
    if unit is None or price is None:
        return ""
    return scenario.ledger.objection(f"{price.unit[:3]} bn") or price_objection(unit, price.unit)


def implausible(scenario: Scenario) -> Iterator[Finding]:
    """Everything about the numbers of a scenario that cannot be so, path and message."""
    yield from _evidence(scenario)
    yield from _reference(scenario)
    yield from _ranges(scenario)


def _numbers(scenario: Scenario) -> tuple[Input, ...]:
    """Every number that has a record, those for a record included."""
    return (*inputs(scenario), *record_numbers(scenario))


def _evidence(scenario: Scenario) -> Iterator[Finding]:
    for path, (record, dimension) in {item.path: (item.record, item.dimension) for item in _numbers(scenario)}.items():
        yield from _known_in_time(path, record, scenario)
        for below, part in _records(path, record):
            yield from _sourced(below, part.source, scenario)
            yield from _bounded(below, part)
            if isinstance(part, Discrete) and dimension != "category" and part.numbers is None:
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
        remedy = "list it in sources.yaml, or write judgement where there is none"
        yield f"{path}.source", f"unknown source {choices(source, allowed)}; {remedy}"


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
    middle = float(record.value_at(MIDDLE)[0])
    if record.min is not None and middle < record.min:
        yield path, f"the median lies below min (found {middle:g}; allowed from {record.min:g})"
    if record.max is not None and middle > record.max:
        yield path, f"the median lies above max (found {middle:g}; allowed to {record.max:g})"


def _ranges(scenario: Scenario) -> Iterator[Finding]:
    """Numbers that some draw would take to where their quantity does not exist."""
    for item in {item.path: item for item in _numbers(scenario)}.values():
        for path, record in _with_fallbacks(item.path, item.record):
            if item.dimension == "duration" and _may_be_negative(record):
                yield path, "a duration can be negative in some draws; add min: 0"
            else:
                factor = scale(scenario, item.dimension, record.unit)
                yield from _range(path, record, item.allowed.least / factor, item.allowed.most / factor)


def _with_fallbacks(path: str, record: Record) -> Iterator[tuple[str, Record]]:
    yield path, record
    if record.fallback is not None:
        yield from _with_fallbacks(f"{path}.fallback", record.fallback)


def _may_be_negative(record: Record) -> bool:
    """Whether some draw is below zero, or a normal tail is not bounded at all."""
    is_open = record.min is None and isinstance(record, Normal | TwoPiece)
    return is_open or bool(record.at(EXTREMES)[0] < 0)


def _range(path: str, record: Record, least: float, most: float) -> Iterator[Finding]:
    """A finding if a record can leave the range of its quantity, both in the record's unit."""
    low, high = record.at(EXTREMES).tolist()
    allowed = f"allowed {least:g} to {most:g} in the unit '{record.unit}'"
    ends = [(low < least, f"fall to {low:g}", f"min: {least:g}"), (high > most, f"rise to {high:g}", f"max: {most:g}")]
    beyond = [(reach, bound) for outside, reach, bound in ends if outside]
    if beyond and isinstance(record, Fixed):
        percent = "; did you mean the unit '%'?" if record.unit == "fraction" and 1 < record.value <= 100 else ""
        yield path, f"is out of the range of this quantity (found {record.value:g}; {allowed}{percent})"
    elif beyond:
        reaches, bounds = (" and ".join(part) for part in zip(*beyond, strict=True))
        yield path, f"can {reaches} in some draws ({allowed}; set {bounds.replace(' and ', ', ')})"
