"""The track record: every row scored, rows pooled by series, and the tables of both.

Rows of one series are not independent, nor are the series of one market. So rows are averaged within their series, and
series over what they are of (sizes, shares, ...); the interval of a pooled skill comes from drawing whole series anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from sim.axes import FloatArray
from sim.belief.forecasts import Forecasts
from sim.belief.matching import Match
from sim.belief.naive import NAIVE
from sim.belief.record import Observation, Series
from sim.belief.scores import COVERED, LEVELS, headline_score, pit, quantiles, scores
from sim.chance.sampling import uniforms
from sim.outcomes.tables import Cell
from sim.scenario.scenario import Sampling

__all__ = [
    "BACKTEST_COLUMNS",
    "ENGINE",
    "FEWEST_SERIES",
    "PooledRow",
    "RowScore",
    "ScoreRow",
    "backtest_rows",
    "pooled_rows",
    "score_rows",
    "scored",
    "skill_interval",
]

ENGINE: Final = "engine"

Scoring: TypeAlias = Callable[[FloatArray, Observation], Mapping[str, float]]
"""Scores by name of a forecast of one row, (N,)."""

FEWEST_SERIES: Final = 5
"""Below this many series their spread says too little, and the interval of a pooled skill is left empty."""

_RESAMPLES: Final = range(8)
"""Scrambles of resampled series: 4,096 resamples."""


@dataclass(frozen=True)
class RowScore:
    """A row and how it was foreseen.

    Attributes
    ----------
    match : Match
    quantiles : mapping of float to float
        Of the engine's forecast of the measured value, by level; empty for yes or no.
    probability : float
        That the engine gave to yes; NaN for numbers.
    pit : float
        NaN for yes or no.
    scores : mapping of str to (mapping of str to float)
        Forecast (`engine`, or a naive one that applies) to score to value.
    """

    match: Match
    quantiles: Mapping[float, float]
    probability: float
    pit: float
    scores: Mapping[str, Mapping[str, float]]

    @property
    def observation(self) -> Observation:
        """The row of the record."""
        return self.match.observation

    @property
    def is_assumed(self) -> bool:
        """Whether the scenario's own calendar settles the row: no draw differs from another."""
        return self.probability in (0.0, 1.0)

    @property
    def headline(self) -> str:
        """The score by which the row is pooled."""
        return headline_score(self.observation)

    def covers(self, percent: int) -> bool:
        """Whether a central interval of the forecast holds the observation."""
        low, high = (self.quantiles[level] for level in COVERED[percent])
        return low <= self.observation.value <= high

    def skill(self, naive: str, score: str) -> float:
        """1 - score / naive score: above 0 if the engine is better; NaN where there is no naive forecast."""
        against = self.scores.get(naive, {}).get(score, 0.0)
        return 1.0 - self.scores[ENGINE][score] / against if against > 0.0 else float("nan")


def scored(matches: Sequence[Match], forecasts: Forecasts, scores: Scoring = scores) -> tuple[RowScore, ...]:
    """Every matched row with its scores, all of them by default, in the order of the record."""
    return tuple(_scored(row, match, forecasts, scores) for row, match in enumerate(matches))


def _scored(row: int, match: Match, forecasts: Forecasts, scores: Scoring) -> RowScore:
    draws, observation = forecasts.engine[row], match.observation
    is_number = observation.unit != "boolean"
    applying = {name: values[row] for name, values in forecasts.naive.items() if not np.isnan(values[row, 0])}
    return RowScore(
        match,
        quantiles(draws) if is_number else {},
        float("nan") if is_number else float(draws.mean()),
        pit(draws, observation.value) if is_number else float("nan"),
        {name: scores(values, observation) for name, values in {ENGINE: draws, **applying}.items()},
    )


BACKTEST_COLUMNS: Final = (
    *("id", "variable", "scope", "item", "period_start", "period_end", "observed", "low", "high"),
    *(f"p{round(100 * level):02}" for level in LEVELS),
    *("crps", "pit", *(f"in{percent}" for percent in COVERED), "brier"),
    *(f"crps_{name}" for name in NAIVE),
    *("matched", "reason"),
)
"""Of `backtest.csv`: one row for each row of the record."""


def backtest_rows(
    record: Sequence[Observation], rows: Sequence[RowScore], unmatched: Mapping[str, str]
) -> list[tuple[Cell, ...]]:
    """The rows of `backtest.csv`, in the order of the record; `reason` also tells what a mapping was used for."""
    found = {row.observation.id: row for row in rows}
    return [
        _told(observation, found[observation.id])
        if observation.id in found
        else (*_known(observation), *[None] * _UNKNOWN, "no", unmatched[observation.id])
        for observation in record
    ]


_UNKNOWN: Final = len(BACKTEST_COLUMNS) - 11
"""Cells that a row without forecast leaves empty."""


def _known(row: Observation) -> tuple[Cell, ...]:
    period = (row.start.isoformat(), row.end.isoformat())
    span = (row.low, row.high) if row.is_measured else (None, None)
    return row.id, row.variable, row.scope, row.item, *period, row.value, *span


def _told(observation: Observation, row: RowScore) -> tuple[Cell, ...]:
    own = row.scores[ENGINE]
    covered = [int(row.covers(percent)) if row.quantiles else None for percent in COVERED]
    return (
        *_known(observation),
        *(row.quantiles.get(level) for level in LEVELS),
        own.get("crps"),
        row.pit,
        *covered,
        own.get("brier"),
        *(row.scores.get(name, {}).get("crps") for name in NAIVE),
        "yes",
        "; ".join(row.match.mapped),
    )


class ScoreRow(NamedTuple):
    """One score of one forecast of one row; `skill` of the engine against it, empty for the engine's own."""

    id: str
    forecast: str
    score: str
    value: float
    skill: float | None


def score_rows(rows: Sequence[RowScore]) -> list[ScoreRow]:
    """Every score of every forecast of every row."""
    return [
        ScoreRow(row.observation.id, name, score, value, None if name == ENGINE else row.skill(name, score))
        for row in rows
        for name, found in row.scores.items()
        for score, value in found.items()
    ]


class PooledRow(NamedTuple):
    """A forecast over the rows of one series, or over the series of one kind (`scope` and `item` empty, `series` > 1).

    `value` is the mean of `score` within series, and then over them; `skill` is that of the engine against the naive
    forecast on the same rows, with the 5% and 95% points of its bootstrap over series. `in50` to `in90` are shares of
    the rows whose observation the engine's intervals hold, averaged in the same way.
    """

    variable: str
    scope: str
    item: str
    forecast: str
    score: str
    rows: int
    series: int
    value: float
    skill: float | None
    skill_p05: float | None
    skill_p95: float | None
    in50: float | None
    in80: float | None
    in90: float | None


def pooled_rows(rows: Sequence[RowScore], sampling: Sampling) -> list[PooledRow]:
    """Means by series, then over the series of each variable and score."""
    found: list[PooledRow] = []
    for variable, score in dict.fromkeys((row.observation.variable, row.headline) for row in rows):
        alike = [row for row in rows if (row.observation.variable, row.headline) == (variable, score)]
        blocks = _by_series(alike)
        for series, block in blocks.items():
            found += _pooled({series: block}, series, sampling)
        if len(blocks) > 1:
            found += _pooled(blocks, (variable, "", ""), sampling)
    return found


Blocks = Mapping[Series, Sequence[RowScore]]


def _by_series(rows: Sequence[RowScore]) -> dict[Series, list[RowScore]]:
    blocks: dict[Series, list[RowScore]] = {}
    for row in rows:
        blocks.setdefault(row.observation.series, []).append(row)
    return blocks


def _pooled(blocks: Blocks, label: Series, sampling: Sampling) -> Iterator[PooledRow]:
    """The engine, then each naive forecast on the rows to which it applies."""
    score = next(iter(blocks.values()))[0].headline
    coverage = [_coverage(blocks, percent) for percent in COVERED]
    value = _means(blocks, ENGINE, score).mean()
    yield PooledRow(*label, ENGINE, score, *_count(blocks), float(value), None, None, None, *coverage)
    for name in NAIVE:
        applying = {series: [row for row in block if name in row.scores] for series, block in blocks.items()}
        applying = {series: block for series, block in applying.items() if block}
        if applying:
            own, other = _means(applying, ENGINE, score), _means(applying, name, score)
            interval = skill_interval(own, other, sampling, "/".join((*label, name)))
            skill = float(1.0 - own.sum() / other.sum())
            yield PooledRow(*label, name, score, *_count(applying), float(other.mean()), skill, *interval, *[None] * 3)


def _count(blocks: Blocks) -> tuple[int, int]:
    return sum(map(len, blocks.values())), len(blocks)


def _means(blocks: Blocks, forecast: str, score: str) -> FloatArray:
    """The mean score of each series, (series,)."""
    return np.array([np.mean([row.scores[forecast][score] for row in block]) for block in blocks.values()])


def _coverage(blocks: Blocks, percent: int) -> float | None:
    """Mean over series of the share of rows that an interval holds; None for yes or no."""
    held = [[row.covers(percent) for row in block if row.quantiles] for block in blocks.values()]
    return float(np.mean([np.mean(block) for block in held])) if all(held) else None


def skill_interval(
    own: FloatArray, other: FloatArray, sampling: Sampling, name: str
) -> tuple[float | None, float | None]:
    """5% and 95% points of a pooled skill when whole series are drawn anew, with replacement.

    Parameters
    ----------
    own, other : array (series,)
        Mean score of the engine, and of a naive forecast.
    sampling : Sampling
        Gives the seed.
    name : str
        Keys the resamples.

    Returns
    -------
    pair of float
        None below `FEWEST_SERIES` series.
    """
    count = len(own)
    if count < FEWEST_SERIES:
        return None, None
    drawn = np.floor(uniforms(sampling, f"bootstrap.{name}", _RESAMPLES, count) * count).astype(np.intp)
    skill = 1.0 - own[drawn].sum(axis=0) / other[drawn].sum(axis=0)
    low, high = np.quantile(skill, (0.05, 0.95)).tolist()
    return low, high
