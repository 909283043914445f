"""How far to trust a forecast, in a sentence: how a scenario fared against the record of what happened since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sim.belief.naive import NAIVE
from sim.belief.track import PooledRow, RowScore
from sim.scenario.scenario import Scenario
from sim.wording import signed

__all__ = ["trust_of"]

_WHAT: Final = {"market_size": "sizes", "market_share": "shares", "foreign_share": "the foreign share"}
"""Variables of a record that a sentence is about."""

_NAIVE: Final = {"market_size": "naive growth", "market_share": "'as last year'", "foreign_share": "'as last year'"}
"""What a forecaster without a model would have said of them."""


def trust_of(rows: Sequence[RowScore], pooled: Sequence[PooledRow], scenario: Scenario) -> str:
    """What a record says of the forecasts of a scenario as it could have been written on its day.

    Parameters
    ----------
    rows : sequence of RowScore
        Every matched row; empty if the scenario has nothing of the record.
    pooled : sequence of PooledRow
        The same by `pooled_rows`.
    scenario : Scenario
        As known on its day.
    """
    facts = [row for row in rows if row.quantiles]
    if not rows:
        return "Nothing of the record beside it is in the scenario, so that nothing tests it."
    span = _years(rows)
    wrong = [row.observation for row in rows if row.is_assumed and row.probability != row.observation.value]
    if wrong:
        what = " ".join(filter(None, (wrong[0].variable, wrong[0].item)))
        return (
            f"{span} went otherwise than {scenario.title} assumes ({wrong[0].id}, {what}): the record cannot test it."
        )
    if not facts:
        return f"Of {span} no number is known that would test it."
    inside = sum(row.covers(90) for row in facts)
    counted = f"all {len(facts)}" if inside == len(facts) else f"{inside} of {len(facts)}"
    skills = [text for variable in _WHAT for text in _skill(variable, pooled)]
    return f"{span}: {'; '.join([f'{counted} facts inside the 90% band', *skills])}."


def _years(rows: Sequence[RowScore]) -> str:
    first, last = min(row.observation.start.year for row in rows), max(row.observation.end.year for row in rows)
    return f"{first}" if first == last else f"{first}–{last}"


def _skill(variable: str, pooled: Sequence[PooledRow]) -> Iterator[str]:
    """The error of a variable's forecasts beside those of every naive one, over all series where there are several."""
    own = [row for row in pooled if row.variable == variable and row.forecast in NAIVE and row.skill is not None]
    most = max((row.series for row in own), default=0)
    widest = [row for row in own if row.series == most]
    if widest:
        yield f"{_WHAT[variable]} {_against(widest)}"


def _against(rows: Sequence[PooledRow]) -> str:
    """How some forecasts compare with naive ones, each a row: by how much error, and as far as chance allows."""
    naive, worst = _NAIVE[rows[0].variable], min(rows, key=_skill_of)
    if worst.skill_p05 is None or worst.skill_p95 is None:
        return f"with {_errors(rows)} than {naive} ({rows[0].series} series)"
    errors = f"error {_change(worst.skill)}, 90% {_change(worst.skill_p95)} to {_change(worst.skill_p05)}"
    if worst.skill_p05 > 0:
        return f"better than {naive} ({errors})"
    if worst.skill_p95 < 0:
        return f"worse than {naive} ({errors})"
    return f"{'no better than' if _skill_of(worst) <= 0 else 'about as well as'} {naive} ({errors})"


def _skill_of(row: PooledRow) -> float:
    return 0.0 if row.skill is None else row.skill


def _errors(rows: Sequence[PooledRow]) -> str:
    """How much less error than the naive forecasts, the least and the most."""
    low, high = (round(100 * choose(map(_skill_of, rows))) for choose in (min, max))
    if low < 0 < high:
        return f"between {-low}% more and {high}% less error"
    ends = sorted({abs(low), abs(high)})
    if ends == [0]:
        return "no other error"
    return f"{' to '.join(map(str, ends))}% {'more' if low < 0 else 'less'} error"


def _change(skill: float | None) -> str:
    """The change of the error that a skill is, in percent."""
    return signed(-(skill or 0.0), f"{100 * abs(skill or 0.0):.0f}") + "%"
