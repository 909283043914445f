"""What a sweep says, in sentences: of each outcome where among the points it is least and greatest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.outcomes.findings import in_units
from sim.outcomes.statistics import STATISTICS
from sim.outcomes.sweeps import Response, SweepResult
from sim.wording import listed, readable

__all__ = ["sentences"]


def sentences(result: SweepResult) -> Iterator[str]:
    """What the points say: how many there are, and of each outcome where it is least and greatest."""
    over = listed([factor.path for factor in result.factors])
    count = f"{result.points:,} point{'s' if result.points > 1 else ''}"
    yield f"{result.question} {count} over {over}, {result.scenario.sampling.draws:,} draws at each."
    for response in result.responses:
        yield from _ends(result, response)


def _ends(result: SweepResult, response: Response) -> Iterator[str]:
    """Where the median of an outcome, and its mean difference to the baseline, are least and greatest."""
    outcome = response.outcome
    over = f" over {result.baseline}" if result.baseline else ""
    for what, its, statistic, found in (
        ("median", outcome, "p50", response.level),
        (f"mean difference{over}", outcome.gain(), "mean", response.difference),
    ):
        values = np.full(0, np.nan) if found is None else found.value[:, STATISTICS.index(statistic)]
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            continue
        low, high = (int(known[choose(values[known])]) for choose in (np.argmin, np.argmax))
        ends = [in_units(its, float(values[place])) for place in (low, high)]
        if ends[0] == ends[1]:
            yield f"{outcome.label}, {what}: {ends[0]} at every point."
        else:
            places = [_setting(result, place) for place in (low, high)]
            yield f"{outcome.label}, {what}: from {ends[0]} ({places[0]}) to {ends[1]} ({places[1]})."


def _setting(result: SweepResult, point: int) -> str:
    """What is set at a point, in words."""
    values = [(factor.path.rpartition(".")[2], factor.coordinates[point]) for factor in result.factors]
    words = [f"{readable(name)} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in values]
    return ", ".join(words)
