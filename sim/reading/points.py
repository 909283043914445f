"""Points of a distribution in closed form, for checks that must not wait for SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from sim.scenario.evidence import (
    Discrete,
    Fixed,
    Interval,
    LogNormal,
    Mixture,
    Normal,
    Pert,
    Record,
    ScipyFamily,
    Triangular,
    TwoPiece,
    Uniform,
    parse_interval,
)

__all__ = ["CORNER", "FARTHEST", "between", "central", "clamped", "is_number"]

FARTHEST: Final = 8.21
"""Normal score beyond which no draw lies: the uniforms of the draws keep 2^-53 from 0 and 1."""

CORNER: Final = 3.0902
"""Normal score of the probabilities 0.001 and 0.999."""

_Z95: Final = 1.6448536269514722
"""Normal score of the outer points of `low, median, high` and of `a to b`."""

_OVERFLOW: Final = 709.0


def central(record: Record) -> float | None:
    """Median in the record's unit before bounds; None where it has no closed form."""
    formula = _MIDDLES.get(type(record))
    return None if formula is None else formula(record)


def between(record: Record, score: float) -> tuple[float, float]:
    """The values, in the record's unit and within its bounds, at a normal score below and above the median.

    A PERT and the parts of a mixture give an interval that is at least as wide.
    """
    low, high = _BETWEEN[type(record)](record, score)
    return clamped(record, low), clamped(record, high)


def clamped(record: Record, value: float) -> float:
    """A value set to the record's bounds where beyond."""
    least = -math.inf if record.min is None else record.min
    return min(max(value, least), math.inf if record.max is None else record.max)


def is_number(text: str) -> bool:
    """Whether the name of a category is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _middle_of_interval(record: Interval) -> float:
    low, high = parse_interval(record.interval)
    return math.sqrt(low) * math.sqrt(high) if low > 0 else low / 2 + high / 2


def _middle_of_triangle(record: Triangular) -> float:
    return _triangle_point(record, 0.5)


def _middle_number(record: Discrete) -> float | None:
    """The number that holds cumulative weight one half in listed order; None of categories."""
    total = 0.0
    for name, weight in record.discrete.items():
        total += weight
        if total >= 0.5:
            return float(name) if is_number(name) else None
    return None


_MIDDLES: Final[Mapping[type[Record], Callable[[Any], float | None]]] = {
    Fixed: lambda record: record.value,
    TwoPiece: lambda record: record.median,
    Interval: _middle_of_interval,
    Triangular: _middle_of_triangle,
    Normal: lambda record: record.normal.mean,
    LogNormal: lambda record: record.lognormal.median,
    Uniform: lambda record: sum(record.uniform) / 2,
    Discrete: _middle_number,
}


def _exp(power: float) -> float:
    """The exponential, infinite where it would overflow."""
    return math.exp(power) if power < _OVERFLOW else math.inf


def _probability(score: float) -> float:
    return math.erfc(-score / math.sqrt(2)) / 2


def _between_pieces(record: TwoPiece, score: float) -> tuple[float, float]:
    below, above = record.median - record.low, record.high - record.median
    return record.median - below * score / _Z95, record.median + above * score / _Z95


def _between_ends(record: Interval, score: float) -> tuple[float, float]:
    low, high = parse_interval(record.interval)
    if low > 0:
        ratio = _exp((math.log(high) - math.log(low)) / 2 * score / _Z95)
        centre = math.sqrt(low) * math.sqrt(high)
        return centre / ratio, centre * ratio
    centre, half = low / 2 + high / 2, high / 2 - low / 2
    return centre - half * score / _Z95, centre + half * score / _Z95


def _triangle_point(record: Triangular, probability: float) -> float:
    low, mode, high = record.triangular
    width = high - low
    if probability * width < mode - low:
        return low + math.sqrt(probability * width * (mode - low))
    return high - math.sqrt((1 - probability) * width * (high - mode))


def _between_logs(record: LogNormal, score: float) -> tuple[float, float]:
    ratio = _exp(record.lognormal.sigma * score)
    return record.lognormal.median / ratio, record.lognormal.median * ratio


def _between_sides(record: Uniform, score: float) -> tuple[float, float]:
    low, high = record.uniform
    inset = (high - low) * _probability(-score)
    return low + inset, high - inset


def _between_numbers(record: Discrete, score: float) -> tuple[float, float]:
    """The outer numbers that have a weight; of categories the outer indices."""
    if not all(map(is_number, record.categories)):
        return 0.0, len(record.discrete) - 1.0
    values = [float(name) for name, weight in record.discrete.items() if weight > 0]
    return min(values), max(values)


def _between_parts(record: Mixture, score: float) -> tuple[float, float]:
    parts = [between(part.of, score) for part in record.mixture]
    return min(low for low, _ in parts), max(high for _, high in parts)


def _between_quantiles(record: ScipyFamily, score: float) -> tuple[float, float]:
    """Imported late: whoever names such a family has waited for SciPy already."""
    below = _probability(-score)
    return record.scipy.quantile(below), record.scipy.quantile(1 - below)


_BETWEEN: Final[Mapping[type[Record], Callable[[Any, float], tuple[float, float]]]] = {
    Fixed: lambda record, score: (record.value, record.value),
    TwoPiece: _between_pieces,
    Interval: _between_ends,
    Triangular: lambda record, score: (
        _triangle_point(record, _probability(-score)),
        _triangle_point(record, _probability(score)),
    ),
    Pert: lambda record, score: (record.pert[0], record.pert[2]),
    Normal: lambda record, score: (
        record.normal.mean - score * record.normal.sd,
        record.normal.mean + score * record.normal.sd,
    ),
    LogNormal: _between_logs,
    Uniform: _between_sides,
    Discrete: _between_numbers,
    Mixture: _between_parts,
    ScipyFamily: _between_quantiles,
}
