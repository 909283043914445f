"""What a sweep leaves: the points of a design, and at each of them statistics of the outcomes asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, prod
from typing import Final, TypeAlias

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from sim.axes import FloatArray
from sim.outcomes.naming import Outcome
from sim.outcomes.statistics import STATISTICS, Missing, Statistics, describe, share_positive
from sim.outcomes.tables import Cell
from sim.outcomes.variables import VARIABLES
from sim.scenario.scenario import Scenario
from sim.wording import readable

__all__ = [
    "Coordinate",
    "Factor",
    "Response",
    "SweepResult",
    "describe_columns",
    "partial_rank_correlations",
    "short_table",
    "sweep_columns",
    "sweep_rows",
]

Coordinate: TypeAlias = str | float

_LEAST_FREEDOM: Final = 10
"""Degrees of freedom below which a partial correlation says too little."""

_COMPLETE: Final = 1 - 1e-12
_NOTHING_LEFT: Final = 1e-6
"""Ranks are whole or half numbers, so that less than this is rounding."""


@dataclass(frozen=True)
class Factor:
    """What a sweep varies.

    Attributes
    ----------
    path : str
        Dotted path in the scenario.
    unit : str
        Of its numbers; empty where there is none.
    coordinates : tuple
        The value at each point: a number, or anything else in words.
    title : str
        What it is called in a sentence.
    """

    path: str
    unit: str
    coordinates: tuple[Coordinate, ...]
    title: str

    @property
    def unit_words(self) -> str:
        """The unit in a sentence; empty for a plain number."""
        return "" if self.unit == "fraction" else self.unit.replace("/yr", " a year")

    def level_words(self, value: Coordinate) -> str:
        """A value as a tick label."""
        return readable(value) if isinstance(value, str) else f"{value:,.4g}"

    def value_words(self, value: Coordinate) -> str:
        """A value with its unit in a sentence."""
        unit = "" if isinstance(value, str) else self.unit_words
        return f"{self.level_words(value)}{unit if unit.startswith('%') else f' {unit}'}".strip()

    def setting(self, point: int) -> str:
        """The value at a point, and of what it is."""
        return f"{self.value_words(self.coordinates[point])} ({self.title})"

    @cached_property
    def levels(self) -> tuple[Coordinate, ...]:
        """The different values: numbers ascending, else in listed order."""
        found = tuple(dict.fromkeys(self.coordinates))
        return tuple(sorted(found)) if self.is_number else found

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers."""
        return not any(isinstance(value, str) for value in self.coordinates)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The place of each point's value among the levels."""
        return tuple(self.levels.index(value) for value in self.coordinates)


@dataclass(frozen=True)
class Response:
    """An outcome at every point.

    Attributes
    ----------
    outcome : Outcome
    level : Statistics or None
        Points by statistics; None where only differences mean anything.
    difference : Statistics or None
        Of the paired difference to the baseline; None without one.
    p_positive : array (points,)
        Share of the draws in which the difference is above 0; NaN without a baseline.
    """

    outcome: Outcome
    level: Statistics | None
    difference: Statistics | None
    p_positive: FloatArray


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep.

    Attributes
    ----------
    name, question : str
    scenario : Scenario
        As it is before anything is varied; states seed and draws.
    baseline : str
        Title of the scenario that the points are compared with; empty for none.
    factors : tuple of Factor
    responses : tuple of Response
    """

    name: str
    question: str
    scenario: Scenario
    baseline: str
    factors: tuple[Factor, ...]
    responses: tuple[Response, ...]

    @property
    def points(self) -> int:
        """Number of points."""
        return len(self.factors[0].coordinates)

    @property
    def is_grid(self) -> bool:
        """Whether the points are all combinations of the factors' values."""
        return self.points == prod(len(factor.levels) for factor in self.factors)


def describe_columns(outcome: Outcome, level: FloatArray | None, added: FloatArray | None) -> Response:
    """Statistics of an outcome's draws, and of what they add to the baseline's, draw by draw.

    Parameters
    ----------
    outcome : Outcome
    level : array (points, draws) or None
        None where the outcome is a comparison with the baseline.
    added : array (points, draws) or None
        None where there is no baseline.
    """
    info = VARIABLES[outcome.variable]
    of_level = describe(level, info.missing) if level is not None and info.summary == "level" else None
    if added is None:
        return Response(outcome, of_level, None, np.full(0 if level is None else len(level), np.nan))
    missing: Missing = "undefined" if info.missing else ""
    return Response(outcome, of_level, describe(added, missing), share_positive(added))


_LABELS: Final = ("variable", "scope", "item", "period")
_NUMBERS: Final = ("measure", "statistic", "value", "se", "unit", "share_defined", "p_positive")


def sweep_columns(result: SweepResult) -> tuple[str, ...]:
    """Header of the tidy table: the point, one column for each factor, and what is said there."""
    return ("point", *(factor.path for factor in result.factors), *_LABELS, *_NUMBERS)


def sweep_rows(result: SweepResult) -> Iterator[tuple[Cell, ...]]:
    """The tidy table: one row for each statistic of the level, and of the difference to the baseline, at each point."""
    for point in range(result.points):
        where = (point + 1, *(factor.coordinates[point] for factor in result.factors))
        for response in result.responses:
            outcome = response.outcome
            for row in _statistic_rows(response, point):
                yield (*where, outcome.variable, outcome.scope, outcome.item, outcome.year, *row)


def _statistic_rows(response: Response, point: int) -> Iterator[tuple[Cell, ...]]:
    unit = response.outcome.unit
    unit_of_difference = "years" if unit == "year" else unit
    for measure, found, its_unit in (
        ("level", response.level, unit),
        ("difference", response.difference, unit_of_difference),
    ):
        if found is None:
            continue
        positive = float(response.p_positive[point]) if measure == "difference" else np.nan
        defined = float(found.share_defined[point])
        for name, value, error in zip(STATISTICS, found.value[point], found.error[point], strict=True):
            yield measure, name, float(value), float(error), its_unit, defined, positive


def short_table(result: SweepResult) -> list[list[str]]:
    """The answer in short: the coordinates of each point, the centre of each outcome, and its mean difference."""
    columns = [["point", *map(str, range(1, result.points + 1))]]
    for factor in result.factors:
        words = (value if isinstance(value, str) else f"{value:.6g}" for value in factor.coordinates)
        columns.append([factor.path, *words])
    for response in result.responses:
        columns += _short_columns(response)
    return [list(row) for row in zip(*columns, strict=True)]


def _short_columns(response: Response) -> Iterator[list[str]]:
    """The centre of the level and the mean difference of an outcome, shares in percent and points."""
    scale = 100.0 if response.outcome.unit == "fraction" else 1.0
    for what, sign, statistic, found in (
        ("", "", response.outcome.centre[0], response.level),
        ("difference", "+", "mean", response.difference),
    ):
        if found is not None:
            values = (scale * found.value[:, STATISTICS.index(statistic)]).tolist()
            unit = {"fraction": "points" if what else "%"}.get(response.outcome.unit, response.outcome.unit)
            label = response.outcome.label if not what or response.level is None else ""
            head = " ".join(filter(None, (label, what, f"({unit})")))
            yield [head, *(f"{value:{sign}.2f}" if isfinite(value) else "" for value in values)]


def partial_rank_correlations(factors: FloatArray, response: FloatArray) -> FloatArray:
    """How each factor goes with a response if the ranks of the others are held still.

    Parameters
    ----------
    factors : array (factors, points)
    response : array (points,)

    Returns
    -------
    array (factors, 3)
        The correlation and its 90% interval by Fisher's z; NaN where points are few, where the response does not
        exist, or where the other factors explain all of it.

    References
    ----------
    Marino, S. et al. (2008), "A methodology for performing global uncertainty and sensitivity analysis in systems
    biology", Journal of Theoretical Biology 254, eq. 3 and appendix A.
    """
    count, points = factors.shape
    freedom = points - 1 - count
    ranks = rankdata(np.vstack([factors, response]), axis=1)
    found = np.full(count, np.nan)
    if freedom >= _LEAST_FREEDOM and np.isfinite(response).all():
        found[:] = [_partial(np.delete(ranks, [k, count], axis=0), ranks[k], ranks[-1]) for k in range(count)]
    z, half = np.arctanh(np.clip(found, -_COMPLETE, _COMPLETE)), ndtri(0.95) / np.sqrt(max(freedom - 1, 1))
    return np.stack([found, np.tanh(z - half), np.tanh(z + half)], axis=-1)


def _partial(others: FloatArray, one: FloatArray, response: FloatArray) -> float:
    """Correlation of what the others do not explain of one, and of the response; NaN where they explain all."""
    known = np.vstack([np.ones_like(one), others]).T
    left = [column - known @ np.linalg.lstsq(known, column, rcond=None)[0] for column in (one, response)]
    sizes = [float(np.linalg.norm(column)) for column in left]
    return float(left[0] @ left[1]) / (sizes[0] * sizes[1]) if min(sizes) > _NOTHING_LEFT else np.nan
