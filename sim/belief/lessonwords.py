"""What a record taught, in sentences: how much of the scenario it informed, and what moved most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sim.belief.lessons import LessonRow, ObservationRow, RungRow
from sim.belief.tempering import FORGOTTEN
from sim.outcomes.findings import unit_words
from sim.scenario.inputs import inputs, units_of_input
from sim.scenario.scenario import Scenario
from sim.wording import capital, with_unit

__all__ = ["sentences"]

_MOST: Final = 7
"""Lessons that are told one by one."""


def sentences(
    lessons: Sequence[LessonRow], observations: Sequence[ObservationRow], rungs: Sequence[RungRow], scenario: Scenario
) -> Iterator[str]:
    """What was learned, a sentence each, the strongest lesson first."""
    used = [row for row in observations if row.used == "yes"]
    informed = sorted((row for row in lessons if row.informed == "yes"), key=lambda row: -row.information)
    left = len(observations) - len(used)
    told = f"{len(used)} rows of the record inform {len(informed)} of {len(lessons)} parameters"
    yield f"{told}; {left} rows are left out."
    items = {item.name: item for item in inputs(scenario)}
    for row in informed[:_MOST]:
        item = items.get(row.parameter)
        unit, factor = (row.unit, 1.0) if item is None else next(iter(units_of_input(scenario, item).items()))
        before, after = (
            f"{_number(middle / factor)} ({_number(low / factor)} to {_number(high / factor)})"
            for low, middle, high in (
                (row.prior_p05, row.prior_p50, row.prior_p95),
                (row.posterior_p05, row.posterior_p50, row.posterior_p95),
            )
        )
        what = capital(unit_words(row.parameter, scenario))
        yield f"{what}: {before} before, {with_unit(after, unit)} after (medians, 90% of draws)."
    if len(informed) > _MOST:
        yield f"{len(informed) - _MOST} more moved less."
    yield from _of_particles(rungs)


def _of_particles(rungs: Sequence[RungRow]) -> Iterator[str]:
    """How far the sample can be trusted."""
    least = min((row.effective_sample / row.particles for row in rungs), default=1.0)
    yield f"At no temperature did fewer than {100 * least:.0f}% of the particles count."
    moved = [row for row in rungs if row.moves]
    stuck = [row for row in moved if row.moved < FORGOTTEN]
    if stuck:
        far = 100 * min(row.moved for row in stuck)
        yield (
            f"At {len(stuck)} of {len(moved)} temperatures the particles did not come far from where they had been "
            f"({far:.0f}% of the squared distance of independent draws at worst; {100 * FORGOTTEN:.0f}% is asked): "
            "medians and bands after the record are rough."
        )


def _number(value: float) -> str:
    """Three digits; what reads as nothing is a plain 0."""
    text = f"{abs(value):.3g}"
    return text if value >= 0 or not float(text) else f"−{text}"
