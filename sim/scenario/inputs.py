"""Every number of a scenario by name: where its record stands, of which dimension it is, what it can be at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal, TypeAlias

from sim.axes import FloatArray
from sim.scenario.evidence import CANONICAL_UNITS, SCALES, Dimension, Range, written_units
from sim.scenario.records import Model, Record
from sim.scenario.scenario import Scenario
from sim.wording import readable

__all__ = [
    "PER_PROVIDER",
    "Input",
    "Kind",
    "canonical",
    "canonical_unit",
    "inputs",
    "naive_numbers",
    "record_numbers",
    "scale",
    "titles",
    "units_of_input",
]

Kind: TypeAlias = Literal["disagreement", "ignorance", "luck"]
"""Why a number is not known: people disagree, nobody has measured it, or it is not decided yet."""


@dataclass(frozen=True)
class Input:
    """One uncertain or fixed number of a scenario, by name.

    Attributes
    ----------
    name : str
        Dotted path, unique in a scenario; `path[provider]` where each provider has a draw of its own.
    path : str
        Dotted path of the record.
    record : Record
        Distribution and evidence.
    dimension : str
        Key of `evidence.CANONICAL_UNITS`.
    allowed : Range
        What the quantity can be at all, in canonical units.
    title : str
        What it is called where people read: the field's title, with the layers, providers and steps that it is of.
    """

    name: str
    path: str
    record: Record
    dimension: str
    allowed: Range
    title: str

    @property
    def kind(self) -> Kind:
        """Disagreement for hypotheses and readings, luck for what delays steps and providers, else ignorance."""
        if self.dimension == "category":
            return "disagreement"
        return "luck" if self.path in PER_PROVIDER or _DELAY.fullmatch(self.path) else "ignorance"


def scale(scenario: Scenario, dimension: str, unit: str) -> float:
    """Canonical units in a unit. Currencies are not modelled, so a record of a rate counts by its median."""
    if dimension == "money":
        return scenario.ledger.scale(unit)
    return SCALES[dimension][unit] if dimension in SCALES else 1.0


def canonical_unit(scenario: Scenario, dimension: str) -> str:
    """The unit in which the engine computes, money with its currency."""
    return scenario.ledger.canonical(CANONICAL_UNITS[dimension])


def units_of_input(scenario: Scenario, item: Input) -> dict[str, float]:
    """Units in which an input may be written, its own first, to how many canonical ones each is."""
    currencies = scenario.ledger.currencies if item.dimension == "money" else (scenario.currency,)
    others = [unit for currency in currencies for unit in written_units(item.dimension, currency)]
    names = dict.fromkeys([item.record.unit, *(others if item.dimension not in ("exchange rate", "price") else ())])
    return {unit: scale(scenario, item.dimension, unit) for unit in names if not scenario.prices.objection(unit)}


def canonical(scenario: Scenario, item: Input, u: FloatArray) -> FloatArray:
    """Value of an input at probability `u`, in the unit in which the engine computes.

    Parameters
    ----------
    scenario : Scenario
        Gives the currency and its rates.
    item : Input
    u : array of any shape
        Probabilities inside (0, 1).

    Returns
    -------
    array, shape of `u`
        In `canonical_unit` of its dimension.
    """
    return item.record.quantile(u) * scale(scenario, item.dimension, item.record.unit)


PER_PROVIDER: Final = ("regulator.review_time", "entry.build_time")
"""Paths of numbers of which each foreign provider has a draw of its own."""

_DELAY: Final = re.compile(r"policy\.steps\.[^.]+\.delay")
_NAIVE = "naive."
_BESIDE = (_NAIVE, "discrepancy.")
"""Beginnings of the paths of numbers that the engine does not read."""


def inputs(scenario: Scenario) -> tuple[Input, ...]:
    """Every number of a scenario that has a record and that the engine reads, in the order of the model.

    Numbers drawn once per foreign provider (review and building time) appear once for each.
    """
    return _inputs(_Itself(scenario))


class _Itself:
    """A scenario, told from others by being itself: it is frozen, and too large to be compared."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def __hash__(self) -> int:
        return id(self.scenario)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.scenario is other.scenario


@lru_cache(maxsize=32)
def _inputs(one: _Itself) -> tuple[Input, ...]:
    """The walk through a scenario, which pictures and tables ask for many times."""
    scenario = one.scenario
    return tuple(item for item in _walk(scenario, _Place(scenario)) if not item.path.startswith(_BESIDE))


def titles(scenario: Scenario) -> dict[str, str]:
    """What every number that the engine reads is called, by its path."""
    return {item.path: item.title for item in inputs(scenario)}


def naive_numbers(scenario: Scenario) -> tuple[Input, ...]:
    """Every number of the naive forecasts, which the engine does not read; none if the scenario states none."""
    return tuple(item for item in _walk(scenario, _Place(scenario)) if item.path.startswith(_NAIVE))


def record_numbers(scenario: Scenario) -> tuple[Input, ...]:
    """Every number that the engine does not read, because it is for holding results against a record."""
    return tuple(item for item in _walk(scenario, _Place(scenario)) if item.path.startswith(_BESIDE))


@dataclass(frozen=True)
class _Place:
    """Where the walk through a scenario stands: the path, and the ids on the way in words."""

    scenario: Scenario
    path: str = ""
    ids: tuple[str, ...] = ()

    def field(self, key: str) -> _Place:
        return _Place(self.scenario, f"{self.path}.{key}" if self.path else key, self.ids)

    def entry(self, key: str, value: Any) -> _Place:
        """The entry of a mapping by id, which may have a title; of a provider it is the short one."""
        own = None if key in self.scenario.providers else getattr(value, "title", None)
        return _Place(self.scenario, f"{self.path}.{key}", (*self.ids, own or self.scenario.called(key)))


def _walk(node: Any, place: _Place) -> Iterator[Input]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, place.entry(key, value))
    elif isinstance(node, Record):
        raise AssertionError(f"{place.path} has no dimension")
    elif isinstance(node, Model):
        for key, quantity in _quantities(type(node)).items():
            value, below = getattr(node, key), place.field(key)
            if quantity is None:
                yield from _walk(value, below)
            else:
                yield from _records(value, below, quantity, type(node).model_fields[key].title)


def _records(node: Any, place: _Place, quantity: tuple[str, Range], title: str | None) -> Iterator[Input]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _records(value, place.entry(key, value), quantity, title)
    elif isinstance(node, Record):
        path, called = place.path, place.scenario.own_sites
        words = title.format(*place.ids, own=called) if title else readable(path)
        own = (f"{path}[{provider}]" for provider in place.scenario.foreign)
        for name in own if path in PER_PROVIDER else (path,):
            yield Input(name, path, node, *quantity, words)


@cache
def _quantities(model: type[Model]) -> Mapping[str, tuple[str, Range] | None]:
    """Dimension and range of each field whose annotation marks them, None for the others."""
    return {key: _quantity(field.annotation, field.metadata) for key, field in model.model_fields.items()}


def _quantity(annotation: Any, metadata: Any = ()) -> tuple[str, Range] | None:
    """The dimension and the range marked anywhere inside an annotation, None if it marks none."""
    marks = [*getattr(annotation, "__metadata__", ()), *metadata]
    dimensions = [mark.name for mark in marks if isinstance(mark, Dimension)]
    ranges = [mark for mark in marks if isinstance(mark, Range)]
    if dimensions:
        return dimensions[-1], ranges[-1]
    below = (_quantity(inner) for inner in getattr(annotation, "__args__", ()))
    return next((quantity for quantity in below if quantity is not None), None)
