"""What a sweep says, in sentences: of each outcome where among the points it is least and greatest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sim.outcomes.findings import in_units
from sim.outcomes.statistics import STATISTICS
from sim.outcomes.sweeps import Factor, Response, SweepResult
from sim.wording import capital, listed

__all__ = ["sentences", "settings"]


def sentences(result: SweepResult) -> Iterator[str]:
    """What the points say: how many there are, and of each outcome where it is least and greatest."""
    over = listed([factor.title for factor in result.factors])
    count = f"{result.points:,} point{'s' if result.points > 1 else ''}"
    order = ", in this order below" if len(result.factors) > 1 else ""
    yield f"{result.question} {count} over {over}{order}, {result.scenario.sampling.draws:,} draws at each."
    for response in result.responses:
        yield from _ends(result, response)


def _ends(result: SweepResult, response: Response) -> Iterator[str]:
    """Where the median of an outcome, and its mean difference to the baseline, are least and greatest."""
    outcome, named = response.outcome, capital(response.outcome.words(result.scenario))
    over = f" over {result.baseline}" if result.baseline else ""
    for what, its, statistic, found in (
        (outcome.centre[1], outcome, outcome.centre[0], response.level),
        (f"mean difference{over}", outcome.gain(), "mean", response.difference),
    ):
        values = np.full(0, np.nan) if found is None else found.value[:, STATISTICS.index(statistic)]
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            continue
        low, high = (int(known[choose(values[known])]) for choose in (np.argmin, np.argmax))
        ends = [in_units(its, float(values[place])) for place in (low, high)]
        if ends[0] == ends[1]:
            yield f"{named}, {what}: {ends[0]} at every point."
        else:
            places = [listed(_values(result.factors, place)) for place in (low, high)]
            yield f"{named}, {what}: from {ends[0]} at {places[0]} to {ends[1]} at {places[1]}."


def settings(factors: Sequence[Factor], one: int, other: int) -> tuple[str, str]:
    """What is set at two points, in words: at the first with the names of the factors, at the second in their order."""
    named = listed([factor.setting(one) for factor in factors])
    return named, listed(_values(factors, other))


def _values(factors: Sequence[Factor], point: int) -> list[str]:
    """What is set at a point, factor by factor."""
    return [factor.value_words(factor.coordinates[point]) for factor in factors]
