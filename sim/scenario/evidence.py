"""A number and what is known about it: distribution, unit, source, date and grade.

A record is one of the families below; which one is told by the key that is present (`low`, `value`,
`discrete`, ...). The numbers stay in the unit of the record; `SCALES` says how a unit converts to the
canonical one of its dimension.
"""

from __future__ import annotations

import datetime
import difflib
import itertools
import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema

__all__ = [
    "CANONICAL_UNITS",
    "FAMILIES",
    "LARGEST",
    "SCALES",
    "Category",
    "Component",
    "Dimension",
    "Discrete",
    "ExchangeRate",
    "Fixed",
    "Fraction",
    "Frequency",
    "Interval",
    "LogNormal",
    "Mixture",
    "Model",
    "Money",
    "Normal",
    "Number",
    "Parameter",
    "Pert",
    "Points",
    "Range",
    "Rate",
    "Record",
    "ScipyFamily",
    "Source",
    "Triangular",
    "TwoPiece",
    "Uniform",
    "Years",
]

Grade = Literal["found", "derived", "recalled", "judgement"]
LARGEST: Final = 1e150
"""Beyond all that is counted; differences and products of two such numbers are still numbers."""

Finite = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]

CANONICAL_UNITS: Final[Mapping[str, str]] = {
    "money": "USD bn/yr",
    "fraction": "fraction",
    "points": "fraction",
    "rate": "1/yr",
    "duration": "years",
    "number": "1",
    "exchange rate": "CNY per USD",
    "category": "category",
}
"""Dimension to the unit in which the engine computes."""

SCALES: Final[Mapping[str, Mapping[str, float]]] = {
    "money": {"USD bn/yr": 1.0, "USD m/yr": 1e-3, "CNY bn/yr": 1.0, "CNY m/yr": 1e-3},
    "fraction": {"fraction": 1.0, "%": 0.01},
    "points": {"fraction": 1.0, "points": 0.01},
    "rate": {"1/yr": 1.0, "%/yr": 0.01, "points/yr": 0.01, "1/decade": 0.1},
    "duration": {"years": 1.0, "months": 1.0 / 12.0},
    "number": {"1": 1.0},
    "exchange rate": {"CNY per USD": 1.0},
    "category": {"category": 1.0},
}
"""Dimension to the units it may be written in, each with its factor; CNY is divided by the rate besides."""


class Model(BaseModel):
    """A frozen piece of a scenario that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Source(Model):
    """Where a number was read."""

    title: str = Field(min_length=1, description="Publication or page, in words.")
    address: str | None = Field(default=None, description="Web address or document id.")
    published: datetime.date = Field(description="Day of publication: decides what was known when.")
    note: str | None = None


class Record(Model):
    """What every parameter record states beside its numbers."""

    unit: str = Field(description="Unit of the numbers in this record.")
    source: str = Field(min_length=1, description="Id in sources.yaml.")
    as_of: datetime.date | None = Field(default=None, description="Day that the number describes.")
    grade: Grade = Field(description="found, derived, recalled or judgement.")
    note: str | None = Field(default=None, description="Arithmetic, scope, doubts.")
    min: Finite | None = Field(default=None, description="Draws below are set to this bound.")
    max: Finite | None = Field(default=None, description="Draws above are set to this bound.")
    fallback: Parameter | None = Field(default=None, description="What was known at the scenario's as_of date.")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    @property
    def is_fixed(self) -> bool:
        """Whether the record is one number and no distribution."""
        return isinstance(self, Fixed)


def _require_order(names: str, *points: float) -> None:
    if not all(a <= b for a, b in itertools.pairwise(points)) or points[0] == points[-1]:
        raise ValueError(f"{names} must rise, found {', '.join(f'{x:g}' for x in points)}")


class Fixed(Record):
    """One number, certain or chosen."""

    value: Finite


class TwoPiece(Record):
    """`low`, `median`, `high`: the 5%, 50% and 95% points of a two-piece normal."""

    low: Finite
    median: Finite
    high: Finite

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, median, high", self.low, self.median, self.high)
        return self


_INTERVAL = re.compile(r"^\s*(\S+)\s+to\s+(\S+)\s*$")


def _end(text: str) -> float:
    """An end of an interval: a number as YAML writes it, in digits of ASCII."""
    try:
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def parse_interval(text: str) -> tuple[float, float]:
    """The two ends of `a to b`; ValueError if the text has another form or does not rise."""
    match = _INTERVAL.match(text)
    if match is None:
        raise ValueError("an interval is written as 'a to b'")
    low, high = _end(match[1]), _end(match[2])
    if not (abs(low) <= LARGEST and abs(high) <= LARGEST):
        raise ValueError(
            f"both ends of an interval are numbers up to {LARGEST:g}, found {match[1][:40]} to {match[2][:40]}"
        )
    _require_order("a, b", low, high)
    return low, high


def _readable_interval(text: str) -> str:
    parse_interval(text)
    return text


class Interval(Record):
    """`a to b`: a 90% interval, of a lognormal where both ends are positive, else of a normal."""

    interval: Annotated[str, AfterValidator(_readable_interval)]


class Triangular(Record):
    """Triangular on [low, high] with a mode."""

    triangular: tuple[Finite, Finite, Finite]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, mode, high", *self.triangular)
        return self


class Pert(Record):
    """PERT: a beta on [low, high] with mean (low + 4 mode + high) / 6."""

    pert: tuple[Finite, Finite, Finite]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, mode, high", *self.pert)
        return self


class NormalShape(Model):
    """Mean and standard deviation."""

    mean: Finite
    sd: Positive


class Normal(Record):
    """Normal by mean and standard deviation."""

    normal: NormalShape


class LogNormalShape(Model):
    """Median and standard deviation of the log."""

    median: Positive
    sigma: Positive


class LogNormal(Record):
    """Lognormal by median and standard deviation of the log."""

    lognormal: LogNormalShape


class Uniform(Record):
    """Uniform between two ends."""

    uniform: tuple[Finite, Finite]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, high", *self.uniform)
        return self


class Discrete(Record):
    """Named categories, or numbers, with weights that sum to 1."""

    discrete: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = sum(self.discrete.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the weights sum to {total:g}, not to 1")
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """Names in listed order; a draw is an index into them."""
        return tuple(self.discrete)


class Component(Model):
    """One part of a mixture: a weight, and a record that takes unit and source from its parent."""

    weight: Annotated[float, Field(gt=0, le=1)]
    of: Parameter


class Mixture(Record):
    """A weighted mixture of other families."""

    mixture: tuple[Component, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, data: Any) -> Any:
        """Give each part the unit, source and grade of the whole, unless it states its own."""
        if not isinstance(data, Mapping) or not isinstance(data.get("mixture"), list | tuple):
            return data
        common = {key: data[key] for key in ("unit", "source", "grade") if key in data}
        parts = tuple(
            {**part, "of": {**common, **part["of"]}}
            if isinstance(part, Mapping) and isinstance(part.get("of"), Mapping)
            else part
            for part in data["mixture"]
        )
        return {**data, "mixture": parts}

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = sum(component.weight for component in self.mixture)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the weights sum to {total:g}, not to 1")
        return self

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        strange = {component.of.unit for component in self.mixture} - {self.unit}
        if strange:
            raise ValueError(f"every part is in the unit of the whole, '{self.unit}' (found '{min(strange)}')")
        return self


class ScipyShape(Model):
    """A continuous family of scipy.stats by name, with its own keywords."""

    family: str
    parameters: dict[str, Finite] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exists(self) -> Self:
        """Refuse what scipy.stats does not know; imported late, because it takes half a second."""
        import scipy.stats

        family = getattr(scipy.stats, self.family, None)
        if not isinstance(family, scipy.stats.rv_continuous):
            known = [name for name, found in vars(scipy.stats).items() if isinstance(found, scipy.stats.rv_continuous)]
            near = difflib.get_close_matches(self.family, known, n=1, cutoff=0)
            raise ValueError(f"scipy.stats has no continuous family '{self.family}' (nearest '{near[0]}')")
        shapes = family.shapes.split(", ") if family.shapes else []
        if not set(shapes) <= set(self.parameters) <= {*shapes, "loc", "scale"}:
            raise ValueError(f"'{self.family}' takes {', '.join([*shapes, 'and optionally loc, scale'])}")
        if not math.isfinite(self.quantile(0.5)):
            raise ValueError(f"'{self.family}' does not exist with {self.parameters}")
        if not self.quantile(_SMALLEST) < self.quantile(1 - _SMALLEST):
            raise ValueError(f"scipy.stats cannot compute the tails of '{self.family}' with {self.parameters}")
        return self

    def quantile(self, probability: float) -> float:
        """Value at a probability; NaN where scipy.stats finds none."""
        import numpy as np
        import scipy.stats

        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            try:
                return float(getattr(scipy.stats, self.family).ppf(probability, **self.parameters))
            except (ValueError, ArithmeticError, RuntimeError):
                return math.nan


_SMALLEST: Final = 2.0**-53
"""The least distance from 0 and 1 that the uniforms of draws keep."""


class ScipyFamily(Record):
    """Any continuous distribution of scipy.stats."""

    scipy: ScipyShape


FAMILIES: Final[Mapping[str, type[Record]]] = {
    "value": Fixed,
    "low": TwoPiece,
    "interval": Interval,
    "triangular": Triangular,
    "pert": Pert,
    "normal": Normal,
    "lognormal": LogNormal,
    "uniform": Uniform,
    "discrete": Discrete,
    "mixture": Mixture,
    "scipy": ScipyFamily,
}
"""The key that tells a family, and the family."""

_ALIASES = {"median": "low", "high": "low"}


def family_key(data: Any) -> str | None:
    """The key that tells the family of a raw record or of a parsed one; None if there is none."""
    if isinstance(data, Record):
        return next(key for key, family in FAMILIES.items() if isinstance(data, family))
    if isinstance(data, Mapping):
        return next((_ALIASES.get(key, key) for key in data if _ALIASES.get(key, key) in FAMILIES), None)
    return None


Parameter = Annotated[
    Annotated[Fixed, Tag("value")]
    | Annotated[TwoPiece, Tag("low")]
    | Annotated[Interval, Tag("interval")]
    | Annotated[Triangular, Tag("triangular")]
    | Annotated[Pert, Tag("pert")]
    | Annotated[Normal, Tag("normal")]
    | Annotated[LogNormal, Tag("lognormal")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Discrete, Tag("discrete")]
    | Annotated[Mixture, Tag("mixture")]
    | Annotated[ScipyFamily, Tag("scipy")],
    Discriminator(
        family_key,
        custom_error_type="no_distribution",
        custom_error_message="a parameter states its number by one of " + ", ".join(FAMILIES),
    ),
]
"""An uncertain number with its evidence; the family is told by the key that is present."""


def _of(dimension: str) -> Callable[[Record], Record]:
    def check(record: Record) -> Record:
        allowed = SCALES[dimension]
        if record.unit not in allowed:
            raise ValueError(f"wrong unit (found '{record.unit}'; allowed {', '.join(allowed)})")
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
Number = Annotated[Parameter, AfterValidator(_of("number")), Dimension("number"), Range(0, 1000)]
ExchangeRate = Annotated[Parameter, AfterValidator(_of("exchange rate")), Dimension("exchange rate"), Range(1e-6, 1e6)]
Category = Annotated[Parameter, AfterValidator(_of("category")), Dimension("category"), Range(0, 1e6)]

Record.model_rebuild()
Component.model_rebuild()
for _family in FAMILIES.values():
    _family.model_rebuild()
