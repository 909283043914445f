"""What kind of quantity a number is, in which units it may be written, what it can be at all, and where it was read.

`SCALES` says how a unit converts to the canonical one of its dimension, in which the engine computes.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from sim.scenario.families import Discrete, Parameter
from sim.scenario.money import COUNT_FORM, CURRENCY, DEFAULT_CURRENCY, PRICE_FORM
from sim.scenario.prices import BASES
from sim.scenario.records import Model, Record

__all__ = [
    "CANONICAL_UNITS",
    "CHOICE",
    "SCALES",
    "UNIT_FORMS",
    "AssetLife",
    "Category",
    "ChosenYears",
    "Dimension",
    "Discount",
    "ExchangeRate",
    "Fraction",
    "Frequency",
    "Growth",
    "Intensity",
    "Margin",
    "Money",
    "Multiple",
    "Number",
    "Part",
    "Points",
    "Price",
    "Range",
    "Rate",
    "Reversion",
    "Source",
    "Spread",
    "Year",
    "Years",
    "is_written_unit",
    "written_units",
]

CANONICAL_UNITS: Final[Mapping[str, str]] = {
    "money": "bn/yr",
    "fraction": "fraction",
    "points": "fraction",
    "rate": "1/yr",
    "growth of money": "1/yr",
    "duration": "years",
    "number": "1",
    "exchange rate": "1",
    "price": "1",
    "category": "category",
    "date": "year",
}
"""Dimension to the unit in which the engine computes; money is in the currency of the scenario."""

_RATES: Final = {"1/yr": 1.0, "%/yr": 0.01, "points/yr": 0.01, "1/decade": 0.1}

SCALES: Final[Mapping[str, Mapping[str, float]]] = {
    "fraction": {"fraction": 1.0, "%": 0.01},
    "points": {"fraction": 1.0, "points": 0.01},
    "rate": _RATES,
    "growth of money": _RATES
    | {f"{unit} {basis}": factor for basis in BASES for unit, factor in {"%/yr": 0.01, "1/yr": 1.0}.items()},
    "duration": {"years": 1.0, "months": 1.0 / 12.0},
    "number": {"1": 1.0},
    "category": {"category": 1.0},
    "date": {"year": 1.0},
}
"""Dimension to the units it may be written in, each with its factor; those of money are in `UNIT_FORMS`."""

UNIT_FORMS: Final[Mapping[str, str]] = {
    "money": rf"(?:{CURRENCY} (bn|m)/yr|{COUNT_FORM})",
    "price": PRICE_FORM,
    "exchange rate": f"{CURRENCY} per {CURRENCY}",
}
"""Dimension to the form of its units, where these name a currency or what is sold."""

_EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "money": ("{0} bn/yr", "{0} m/yr"),
    "exchange rate": ("... per {0}",),
    "price": ("{0} per ...",),
}


def written_units(dimension: str, currency: str = DEFAULT_CURRENCY) -> tuple[str, ...]:
    """Units in which a number may be written where money is in some currency."""
    named = _EXAMPLES.get(dimension)
    return tuple(SCALES[dimension]) if named is None else tuple(form.format(currency) for form in named)


def is_written_unit(dimension: str, unit: str) -> bool:
    """Whether a unit is of a dimension; whether its currency is known is a question to the scenario."""
    form = UNIT_FORMS.get(dimension)
    return unit in SCALES[dimension] if form is None else re.fullmatch(form, unit) is not None


class Source(Model):
    """Where a number was read."""

    title: str = Field(min_length=1, description="Publication or page, in words.")
    address: str | None = Field(default=None, description="Web address or document id.")
    published: datetime.date = Field(description="Day of publication: decides what was known when.")
    note: str | None = None


def _of(dimension: str) -> Callable[[Record], Record]:
    def check(record: Record) -> Record:
        if not is_written_unit(dimension, record.unit):
            allowed, other = ", ".join(written_units(dimension)), " or another currency" * (dimension in UNIT_FORMS)
            raise ValueError(f"wrong unit (found '{record.unit}'; allowed {allowed}{other})")
        if dimension == "category" and not isinstance(record, Discrete):
            raise ValueError("a choice among categories is written with 'discrete'")
        if record.fallback is not None:
            check(record.fallback)
        return record

    check.__name__ = dimension
    return check


class Dimension:
    """Marks an annotated parameter with its dimension, for whoever walks the fields."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Name the dimension in the JSON Schema, where its units are listed once."""
        return {**handler(core), "dimension": self.name}


CHOICE: Final = "choice"
"""Source of what somebody chooses: nobody has to know it, so it needs no evidence."""


class ChosenForm:
    """Lets a number that somebody chooses be stated by its value and unit alone."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Beside the record, the value and the unit."""
        record = handler(core)
        units = list(SCALES[record["dimension"]])
        keys = {"value": {"type": "number"}, "unit": {"enum": units}}
        plain = {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}
        return {"anyOf": [record, plain]}


def _as_choice(stated: Any) -> Any:
    """A value and a unit as a record whose source is the choice itself."""
    if isinstance(stated, Mapping) and set(stated) <= {"value", "unit"}:
        return {**stated, "source": CHOICE, "grade": "judgement"}
    return stated


@dataclass(frozen=True)
class Range:
    """Marks an annotated parameter with what its quantity can be at all, in canonical units, ends included.

    Wide on purpose: it keeps out what has no meaning (a negative share), and what floating point cannot carry
    to the end of the longest horizon. Of two marks the later one counts.
    """

    least: float
    most: float


Money = Annotated[Parameter, AfterValidator(_of("money")), Dimension("money"), Range(1e-6, 1e6)]
Fraction = Annotated[Parameter, AfterValidator(_of("fraction")), Dimension("fraction"), Range(0, 1)]
Points = Annotated[Parameter, AfterValidator(_of("points")), Dimension("points"), Range(0, 1)]
Rate = Annotated[Parameter, AfterValidator(_of("rate")), Dimension("rate"), Range(-1e4, 1e4)]
Frequency = Annotated[Rate, Range(0, 1e4)]
"""A rate at which something happens."""

Years = Annotated[Parameter, AfterValidator(_of("duration")), Dimension("duration"), Range(0, 1e9)]
ChosenYears = Annotated[Years, BeforeValidator(_as_choice), ChosenForm()]
"""Years that an actor chooses: a record like others, or a value and a unit."""

Number = Annotated[Parameter, AfterValidator(_of("number")), Dimension("number"), Range(0, 1000)]
ExchangeRate = Annotated[Parameter, AfterValidator(_of("exchange rate")), Dimension("exchange rate"), Range(1e-6, 1e6)]
Price = Annotated[Parameter, AfterValidator(_of("price")), Dimension("price"), Range(1e-9, 1e12)]
Category = Annotated[Parameter, AfterValidator(_of("category")), Dimension("category"), Range(0, 1e6)]

Year = Annotated[Parameter, AfterValidator(_of("date")), Dimension("date"), Range(1900, 2300)]
"""An instant as a decimal year."""

Part = Annotated[Fraction, Range(1e-6, 1)]
"""A fraction that is divided by, or that something must be left of."""

Intensity = Annotated[Number, Range(0, 100)]
"""Capital per unit of yearly sales."""

Multiple = Annotated[Number, Range(0, 100)]
AssetLife = Annotated[Years, Range(0.1, 1000)]
Margin = Annotated[Fraction, Range(-10, 1)]
Growth = Annotated[Parameter, AfterValidator(_of("growth of money")), Dimension("growth of money"), Range(-0.9, 10)]
"""A rate at which money grows or is discounted, which is real or nominal as money is."""

Discount = Annotated[Growth, Range(1e-4, 10)]

Reversion = Annotated[Rate, Range(0, 10)]
Spread = Annotated[Number, Range(0, 20)]
"""A standard deviation of utility."""
