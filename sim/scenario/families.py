"""A number and how it is distributed: one class a family, with its fields, its formulas and its words.

A record is one of the families below; which one is told by the key that is present (`low`, `value`, `discrete`, ...).
The numbers stay in the unit of the record. A new family is a class here and nothing else: it states its fields, where
its values lie (`value_at`), the probability below a value (`below`) and what is said of it (`words`). One that lacks
any of these cannot be declared.

Everything is drawn by quantile function, so that quasi-random points, hypercubes and copulas work with every family.
A mixture needs the distribution functions of its parts as well.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeAlias, Union

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from sim.axes import FloatArray
from sim.scenario import records
from sim.scenario.records import EXTREMES, FAMILIES, LARGEST, MIDDLE, Finite, Level, Model, Record, family_key

if TYPE_CHECKING:
    from scipy.stats import rv_continuous

__all__ = [
    "Component",
    "Discrete",
    "Fixed",
    "Interval",
    "LogNormal",
    "Mixture",
    "Normal",
    "Parameter",
    "Pert",
    "ScipyFamily",
    "Triangular",
    "TwoPiece",
    "Uniform",
]

Positive = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]

_Z95: Final = 1.6448536269514722
"""Standard normal quantile of the outer points of `low, median, high` and of `a to b`."""

_HALVINGS: Final = 80
"""Steps of the bisection of a mixture: brings any bracket below the spacing of doubles (53 bits) with room
for brackets much wider than the value; a fixed count, so that no draw waits for another."""


def _require_order(names: str, *points: float) -> None:
    if not all(a <= b for a, b in itertools.pairwise(points)) or points[0] == points[-1]:
        raise ValueError(f"{names} must rise, found {_points(*points, between=', ')}")


def _require_sum(weights: float) -> None:
    if abs(weights - 1) > 1e-9:
        raise ValueError(f"the weights sum to {weights:g}, not to 1")


def _points(*values: float, between: str = " / ") -> str:
    return between.join(f"{value:g}" for value in values)


def _named(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


def _ndtr(score: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return ndtr(score)


def _lognormal_below(x: FloatArray, centre: float, sigma: float) -> FloatArray:
    ratio = np.where(x > 0, x, centre) / centre
    return np.where(x > 0, _ndtr(np.log(ratio) / sigma), 0.0)


class Fixed(Record):
    """One number, certain or chosen."""

    value: Finite

    @property
    def is_fixed(self) -> bool:
        return True

    def value_at(self, level: Level) -> FloatArray:
        return np.full(level.probability.shape, self.value)

    def below(self, x: FloatArray) -> FloatArray:
        return np.where(x >= self.value, 1.0, 0.0)

    def words(self) -> str:
        return f"{self.value:.10g}"


class TwoPiece(Record):
    """`low`, `median`, `high`: the 5%, 50% and 95% points of a two-piece normal."""

    low: Finite
    median: Finite
    high: Finite

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, median, high", self.low, self.median, self.high)
        return self

    def value_at(self, level: Level) -> FloatArray:
        z = level.score / _Z95
        return self.median + z * np.where(z < 0, self.median - self.low, self.high - self.median)

    def below(self, x: FloatArray) -> FloatArray:
        """A half without width is an atom at the median."""
        distance = x - self.median
        down, up = self.median - self.low, self.high - self.median
        below = _ndtr(_Z95 * distance / down) if down else np.zeros(x.shape)
        above = _ndtr(_Z95 * distance / up) if up else np.ones(x.shape)
        return np.where(distance < 0, below, above)

    def words(self) -> str:
        return _points(self.low, self.median, self.high)


_INTERVAL = re.compile(r"^\s*(\S+)\s+to\s+(\S+)\s*$")


def _end(text: str) -> float:
    """An end of an interval: a number as YAML writes it, in digits of ASCII."""
    try:
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def _ends(text: str) -> tuple[float, float]:
    """The two ends of `a to b`; ValueError if the text has another form or does not rise."""
    match = _INTERVAL.match(text)
    if match is None:
        raise ValueError("an interval is written as 'a to b'")
    low, high = _end(match[1]), _end(match[2])
    if not (abs(low) <= LARGEST and abs(high) <= LARGEST):
        raise ValueError(
            f"both ends of an interval are numbers up to {LARGEST:g}, found {match[1][:40]} to {match[2][:40]}"
        )
    if low >= high:
        raise ValueError(f"the lower end of an interval comes first, found {low:g} to {high:g}")
    return low, high


def _readable_interval(text: str) -> str:
    _ends(text)
    return text


class Interval(Record):
    """`a to b`: a 90% interval, of a lognormal where both ends are positive, else of a normal."""

    interval: Annotated[str, AfterValidator(_readable_interval)]

    def value_at(self, level: Level) -> FloatArray:
        low, high = _ends(self.interval)
        z = level.score / _Z95
        if low > 0:
            centre, half = (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / 2
            return np.exp(centre + z * half)
        return (low + high) / 2 + z * (high - low) / 2

    def below(self, x: FloatArray) -> FloatArray:
        low, high = _ends(self.interval)
        if low > 0:
            half = (math.log(high) - math.log(low)) / 2
            return _lognormal_below(x, math.sqrt(low) * math.sqrt(high), half / _Z95)
        return _ndtr((2 * x - low - high) / (high - low) * _Z95)

    def words(self) -> str:
        return f"90% in {self.interval}"


class Triangular(Record):
    """Triangular on [low, high] with a mode."""

    triangular: tuple[Finite, Finite, Finite]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, mode, high", *self.triangular)
        return self

    def value_at(self, level: Level) -> FloatArray:
        low, mode, high = self.triangular
        u = level.probability
        rising = low + np.sqrt(u * (high - low) * (mode - low))
        falling = high - np.sqrt((1 - u) * (high - low) * (high - mode))
        return np.where(u * (high - low) < mode - low, rising, falling)

    def below(self, x: FloatArray) -> FloatArray:
        low, mode, high = self.triangular
        x = np.clip(x, low, high)
        rising = (x - low) / (high - low) * ((x - low) / (mode - low)) if mode > low else np.zeros(x.shape)
        falling = (high - x) / (high - low) * ((high - x) / (high - mode)) if mode < high else np.zeros(x.shape)
        return np.where(x < mode, rising, 1 - falling)

    def words(self) -> str:
        return f"triangular {_points(*self.triangular)}"


class Pert(Record):
    """PERT: a beta on [low, high] with mean (low + 4 mode + high) / 6."""

    pert: tuple[Finite, Finite, Finite]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, mode, high", *self.pert)
        return self

    def value_at(self, level: Level) -> FloatArray:
        from scipy.special import betaincinv

        low, width, a, b = self._shape()
        return low + width * betaincinv(a, b, level.probability)

    def below(self, x: FloatArray) -> FloatArray:
        from scipy.special import betainc

        low, width, a, b = self._shape()
        return betainc(a, b, np.clip((x - low) / width, 0, 1))

    def words(self) -> str:
        return f"PERT {_points(*self.pert)}"

    def _shape(self) -> tuple[float, float, float, float]:
        """Low end, width, and the two exponents of the beta."""
        low, mode, high = self.pert
        return low, high - low, 1 + 4 * (mode - low) / (high - low), 1 + 4 * (high - mode) / (high - low)


class NormalShape(Model):
    """Mean and standard deviation."""

    mean: Finite
    sd: Positive


class Normal(Record):
    """Normal by mean and standard deviation."""

    normal: NormalShape

    def value_at(self, level: Level) -> FloatArray:
        return self.normal.mean + self.normal.sd * level.score

    def below(self, x: FloatArray) -> FloatArray:
        return _ndtr((x - self.normal.mean) / self.normal.sd)

    def words(self) -> str:
        return f"normal, mean {self.normal.mean:g}, sd {self.normal.sd:g}"


class LogNormalShape(Model):
    """Median and standard deviation of the log."""

    median: Positive
    sigma: Positive


class LogNormal(Record):
    """Lognormal by median and standard deviation of the log."""

    lognormal: LogNormalShape

    def value_at(self, level: Level) -> FloatArray:
        return self.lognormal.median * np.exp(self.lognormal.sigma * level.score)

    def below(self, x: FloatArray) -> FloatArray:
        return _lognormal_below(x, self.lognormal.median, self.lognormal.sigma)

    def words(self) -> str:
        return f"lognormal, median {self.lognormal.median:g}, sigma {self.lognormal.sigma:g}"


class Uniform(Record):
    """Uniform between two ends."""

    uniform: tuple[Finite, Finite]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _require_order("low, high", *self.uniform)
        return self

    def value_at(self, level: Level) -> FloatArray:
        low, high = self.uniform
        return low + (high - low) * level.probability

    def below(self, x: FloatArray) -> FloatArray:
        low, high = self.uniform
        return np.clip((x - low) / (high - low), 0, 1)

    def words(self) -> str:
        return f"uniform {_points(*self.uniform)}"


class Discrete(Record):
    """Named categories, or numbers, with weights that sum to 1."""

    discrete: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        _require_sum(sum(self.discrete.values()))
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """Names in listed order; a draw is an index into them."""
        return tuple(self.discrete)

    @property
    def numbers(self) -> FloatArray | None:
        """The categories as numbers, None unless all of them are finite ones."""
        try:
            values = np.array([float(name) for name in self.categories])
        except ValueError:
            return None
        return values if np.isfinite(values).all() else None

    def value_at(self, level: Level) -> FloatArray:
        """The first value whose cumulative weight reaches the probability."""
        values, cumulated = self._ladder()
        return values[np.searchsorted(cumulated, level.probability, side="left")]

    def below(self, x: FloatArray) -> FloatArray:
        values, cumulated = self._ladder()
        return np.append(0.0, cumulated)[np.searchsorted(values, x, side="right")]

    def words(self) -> str:
        return _named(self.discrete)

    def _ladder(self) -> tuple[FloatArray, FloatArray]:
        """Values that rise, and their cumulative weights: indices in listed order, or numbers by size."""
        numbers = self.numbers
        values = np.arange(len(self.discrete), dtype=np.float64) if numbers is None else numbers
        order = np.argsort(values, kind="stable")
        cumulated = np.cumsum(np.array(list(self.discrete.values()))[order])
        return values[order], cumulated / cumulated[-1]


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
        _require_sum(sum(component.weight for component in self.mixture))
        return self

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        strange = {component.of.unit for component in self.mixture} - {self.unit}
        if strange:
            raise ValueError(f"every part is in the unit of the whole, '{self.unit}' (found '{min(strange)}')")
        return self

    def value_at(self, level: Level) -> FloatArray:
        """The least x with F(x) >= u, by bisection between the parts' own quantiles.

        No part holds more than u below the least of its quantiles, and every part holds at least u at the
        greatest; so the answer lies between. The upper end always satisfies F >= u and is what comes back.
        """
        u = level.probability
        parts = [part.of.at(level) for part in self.mixture]
        low: FloatArray = np.min(parts, axis=0)
        high: FloatArray = np.max(parts, axis=0)
        high = np.where(self.below(low) >= u, low, high)
        for _ in range(_HALVINGS):
            middle = low + (high - low) / 2
            enough = self.below(middle) >= u
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return high

    def below(self, x: FloatArray) -> FloatArray:
        total = np.zeros(x.shape)
        for part in self.mixture:
            total += part.weight * part.of.cdf(x)
        return total

    def words(self) -> str:
        return " + ".join(f"{part.weight:g} of ({part.of.described()})" for part in self.mixture)


class ScipyShape(Model):
    """A continuous family of scipy.stats by name, with its own keywords."""

    family: str
    parameters: dict[str, Finite] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exists(self) -> Self:
        """Refuse what scipy.stats does not know."""
        shapes = self.named().shapes
        keywords = shapes.split(", ") if shapes else []
        if not set(keywords) <= set(self.parameters) <= {*keywords, "loc", "scale"}:
            raise ValueError(f"'{self.family}' takes {', '.join([*keywords, 'and optionally loc, scale'])}")
        if not np.isfinite(self.quantile(MIDDLE.probability)).all():
            raise ValueError(f"'{self.family}' does not exist with {self.parameters}")
        lowest, highest = self.quantile(EXTREMES.probability)
        if not lowest < highest:
            raise ValueError(f"scipy.stats cannot compute the tails of '{self.family}' with {self.parameters}")
        return self

    def named(self) -> rv_continuous:
        """The family of that name; imported late, because scipy.stats takes half a second."""
        import scipy.stats

        family = getattr(scipy.stats, self.family, None)
        if not isinstance(family, scipy.stats.rv_continuous):
            known = [name for name, other in vars(scipy.stats).items() if isinstance(other, scipy.stats.rv_continuous)]
            near = difflib.get_close_matches(self.family, known, n=1, cutoff=0)
            raise ValueError(f"scipy.stats has no continuous family '{self.family}' (nearest '{near[0]}')")
        return family

    def quantile(self, u: FloatArray) -> FloatArray:
        """Values at some probabilities; NaN where scipy.stats finds none."""
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            try:
                return np.asarray(self.named().ppf(u, **self.parameters), dtype=np.float64)
            except (ValueError, ArithmeticError, RuntimeError):
                return np.full(u.shape, np.nan)


class ScipyFamily(Record):
    """Any continuous distribution of scipy.stats."""

    scipy: ScipyShape

    def value_at(self, level: Level) -> FloatArray:
        return self.scipy.quantile(level.probability)

    def below(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.scipy.named().cdf(x, **self.scipy.parameters), dtype=np.float64)

    def words(self) -> str:
        return f"{self.scipy.family}, {_named(self.scipy.parameters)}"


if TYPE_CHECKING:
    Parameter: TypeAlias = Record
else:
    Parameter = Annotated[
        Union[tuple(Annotated[family, Tag(key)] for key, family in FAMILIES.items())],  # noqa: UP007
        Discriminator(
            family_key,
            custom_error_type="no_distribution",
            custom_error_message="a parameter states its number by one of " + ", ".join(FAMILIES),
        ),
    ]
    """An uncertain number with its evidence; the family is told by the key that is present."""

# Records are declared before their families: with the name in their module each model is built when it is first needed,
# and what reads one scenario is built once, not a dozen times.
records.Parameter = Parameter
