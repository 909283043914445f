"""From a record and a uniform number to a value: quantile functions, as one table.

Everything is drawn by quantile function, so that quasi-random points, hypercubes and copulas work with
every family. A mixture needs the distribution functions of its parts as well; so the table holds both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri

from sim.axes import FloatArray
from sim.scenario.evidence import (
    SCALES,
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
from sim.scenario.scenario import Input, Scenario

if TYPE_CHECKING:
    from scipy.stats import rv_continuous

__all__ = ["canonical", "cdf", "median", "quantile"]

_Z95: Final = float(ndtri(0.95))
"""Standard normal quantile of the outer points of `low, median, high` and of `a to b`."""

_HALVINGS: Final = 80
"""Steps of the bisection of a mixture: brings any bracket below the spacing of doubles (53 bits) with room
for brackets much wider than the value; a fixed count, so that no draw waits for another."""


@dataclass(frozen=True)
class Family:
    """The two functions of a family, each of a record and an array; bounds `min` and `max` not yet applied."""

    quantile: Callable[..., FloatArray]
    cdf: Callable[..., FloatArray]


def quantile(record: Record, u: FloatArray) -> FloatArray:
    """Value below which a record's distribution lies with probability `u`.

    Parameters
    ----------
    record : Record
        Any family. Categories give their index; a discrete record whose names are all numbers gives the number.
    u : array of any shape
        Probabilities inside (0, 1).

    Returns
    -------
    array, shape of `u`
        In the record's own unit, set to `min` or `max` where beyond.
    """
    least = -np.inf if record.min is None else record.min
    most = np.inf if record.max is None else record.max
    with np.errstate(over="ignore"):  # what is beyond all doubles is beyond the bounds
        return np.clip(_FAMILIES[type(record)].quantile(record, u), least, most)


def cdf(record: Record, x: FloatArray) -> FloatArray:
    """Probability that a draw of a record is at most `x`, atoms at `min` and `max` included.

    Parameters
    ----------
    record : Record
        Any family.
    x : array of any shape
        In the record's own unit.

    Returns
    -------
    array, shape of `x`
    """
    with np.errstate(over="ignore"):  # beyond all doubles from a very narrow centre is infinitely far
        below = _FAMILIES[type(record)].cdf(record, x)
    if record.min is not None:
        below = np.where(x < record.min, 0.0, below)
    if record.max is not None:
        below = np.where(x >= record.max, 1.0, below)
    return below


def median(record: Record) -> float:
    """Value at probability one half, in the record's own unit; of categories the index."""
    return float(quantile(record, np.array([0.5]))[0])


def canonical(scenario: Scenario, item: Input, u: FloatArray) -> FloatArray:
    """Value of an input at probability `u`, in the unit in which the engine computes.

    Parameters
    ----------
    scenario : Scenario
        Gives the exchange rate. The currency is not modelled, so a record of it counts by its median.
    item : Input
        One of `sim.scenario.scenario.inputs`.
    u : array of any shape
        Probabilities inside (0, 1).

    Returns
    -------
    array, shape of `u`
        In `evidence.CANONICAL_UNITS[item.dimension]`.
    """
    scale = SCALES[item.dimension][item.record.unit]
    if item.record.unit.startswith("CNY") and item.dimension == "money":
        scale /= median(scenario.exchange_rate)
    return quantile(item.record, u) * scale


def _fixed_quantile(record: Fixed, u: FloatArray) -> FloatArray:
    return np.full(u.shape, record.value)


def _fixed_cdf(record: Fixed, x: FloatArray) -> FloatArray:
    return np.where(x >= record.value, 1.0, 0.0)


def _two_piece_quantile(record: TwoPiece, u: FloatArray) -> FloatArray:
    z = ndtri(u) / _Z95
    return record.median + z * np.where(z < 0, record.median - record.low, record.high - record.median)


def _two_piece_cdf(record: TwoPiece, x: FloatArray) -> FloatArray:
    """A half without width is an atom at the median."""
    distance = x - record.median
    down, up = record.median - record.low, record.high - record.median
    below = ndtr(_Z95 * distance / down) if down else np.zeros(x.shape)
    above = ndtr(_Z95 * distance / up) if up else np.ones(x.shape)
    return np.where(distance < 0, below, above)


def _interval_quantile(record: Interval, u: FloatArray) -> FloatArray:
    low, high = parse_interval(record.interval)
    z = ndtri(u) / _Z95
    if low > 0:
        centre, half = (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / 2
        return np.exp(centre + z * half)
    return (low + high) / 2 + z * (high - low) / 2


def _interval_cdf(record: Interval, x: FloatArray) -> FloatArray:
    low, high = parse_interval(record.interval)
    if low > 0:
        half = (math.log(high) - math.log(low)) / 2
        return _lognormal_below(x, math.sqrt(low) * math.sqrt(high), half / _Z95)
    return ndtr((2 * x - low - high) / (high - low) * _Z95)


def _triangular_quantile(record: Triangular, u: FloatArray) -> FloatArray:
    low, mode, high = record.triangular
    rising = low + np.sqrt(u * (high - low) * (mode - low))
    falling = high - np.sqrt((1 - u) * (high - low) * (high - mode))
    return np.where(u * (high - low) < mode - low, rising, falling)


def _triangular_cdf(record: Triangular, x: FloatArray) -> FloatArray:
    low, mode, high = record.triangular
    x = np.clip(x, low, high)
    rising = (x - low) / (high - low) * ((x - low) / (mode - low)) if mode > low else np.zeros(x.shape)
    falling = (high - x) / (high - low) * ((high - x) / (high - mode)) if mode < high else np.zeros(x.shape)
    return np.where(x < mode, rising, 1 - falling)


def _pert_shape(record: Pert) -> tuple[float, float, float, float]:
    """Low end, width, and the two exponents of the beta."""
    low, mode, high = record.pert
    return low, high - low, 1 + 4 * (mode - low) / (high - low), 1 + 4 * (high - mode) / (high - low)


def _pert_quantile(record: Pert, u: FloatArray) -> FloatArray:
    low, width, a, b = _pert_shape(record)
    return low + width * betaincinv(a, b, u)


def _pert_cdf(record: Pert, x: FloatArray) -> FloatArray:
    low, width, a, b = _pert_shape(record)
    return betainc(a, b, np.clip((x - low) / width, 0, 1))


def _normal_quantile(record: Normal, u: FloatArray) -> FloatArray:
    return record.normal.mean + record.normal.sd * ndtri(u)


def _normal_cdf(record: Normal, x: FloatArray) -> FloatArray:
    return ndtr((x - record.normal.mean) / record.normal.sd)


def _lognormal_quantile(record: LogNormal, u: FloatArray) -> FloatArray:
    return record.lognormal.median * np.exp(record.lognormal.sigma * ndtri(u))


def _lognormal_cdf(record: LogNormal, x: FloatArray) -> FloatArray:
    return _lognormal_below(x, record.lognormal.median, record.lognormal.sigma)


def _lognormal_below(x: FloatArray, centre: float, sigma: float) -> FloatArray:
    ratio = np.where(x > 0, x, centre) / centre
    return np.where(x > 0, ndtr(np.log(ratio) / sigma), 0.0)


def _uniform_quantile(record: Uniform, u: FloatArray) -> FloatArray:
    low, high = record.uniform
    return low + (high - low) * u


def _uniform_cdf(record: Uniform, x: FloatArray) -> FloatArray:
    low, high = record.uniform
    return np.clip((x - low) / (high - low), 0, 1)


def _numbers(record: Discrete) -> FloatArray | None:
    """The categories as numbers, None unless all of them are finite ones."""
    try:
        values = np.array([float(name) for name in record.categories])
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _ladder(record: Discrete) -> tuple[FloatArray, FloatArray]:
    """Values that rise, and their cumulative weights: indices in listed order, or numbers by size."""
    numbers = _numbers(record)
    values = np.arange(len(record.discrete), dtype=np.float64) if numbers is None else numbers
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(np.array(list(record.discrete.values()))[order])
    return values[order], cumulated / cumulated[-1]


def _discrete_quantile(record: Discrete, u: FloatArray) -> FloatArray:
    """The first value whose cumulative weight reaches `u`."""
    values, cumulated = _ladder(record)
    return values[np.searchsorted(cumulated, u, side="left")]


def _discrete_cdf(record: Discrete, x: FloatArray) -> FloatArray:
    values, cumulated = _ladder(record)
    return np.append(0.0, cumulated)[np.searchsorted(values, x, side="right")]


def _mixture_quantile(record: Mixture, u: FloatArray) -> FloatArray:
    """The least x with F(x) >= u, by bisection between the parts' own quantiles.

    No part holds more than u below the least of its quantiles, and every part holds at least u at the
    greatest; so the answer lies between. The upper end always satisfies F >= u and is what comes back.
    """
    parts = [quantile(part.of, u) for part in record.mixture]
    low: FloatArray = np.min(parts, axis=0)
    high: FloatArray = np.max(parts, axis=0)
    high = np.where(_mixture_cdf(record, low) >= u, low, high)
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        reached = _mixture_cdf(record, middle) >= u
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high


def _mixture_cdf(record: Mixture, x: FloatArray) -> FloatArray:
    total = np.zeros(x.shape)
    for part in record.mixture:
        total += part.weight * cdf(part.of, x)
    return total


def _scipy_quantile(record: ScipyFamily, u: FloatArray) -> FloatArray:
    family = _scipy_family(record)
    return np.asarray(family.ppf(u, **record.scipy.parameters), dtype=np.float64)


def _scipy_cdf(record: ScipyFamily, x: FloatArray) -> FloatArray:
    family = _scipy_family(record)
    return np.asarray(family.cdf(x, **record.scipy.parameters), dtype=np.float64)


def _scipy_family(record: ScipyFamily) -> rv_continuous:
    """The named family; imported late, because scipy.stats takes half a second."""
    import scipy.stats

    family = getattr(scipy.stats, record.scipy.family)
    assert isinstance(family, scipy.stats.rv_continuous)
    return family


_FAMILIES: Final[Mapping[type[Record], Family]] = {
    Fixed: Family(_fixed_quantile, _fixed_cdf),
    TwoPiece: Family(_two_piece_quantile, _two_piece_cdf),
    Interval: Family(_interval_quantile, _interval_cdf),
    Triangular: Family(_triangular_quantile, _triangular_cdf),
    Pert: Family(_pert_quantile, _pert_cdf),
    Normal: Family(_normal_quantile, _normal_cdf),
    LogNormal: Family(_lognormal_quantile, _lognormal_cdf),
    Uniform: Family(_uniform_quantile, _uniform_cdf),
    Discrete: Family(_discrete_quantile, _discrete_cdf),
    Mixture: Family(_mixture_quantile, _mixture_cdf),
    ScipyFamily: Family(_scipy_quantile, _scipy_cdf),
}
"""What each family of `sim.scenario.evidence` means."""
