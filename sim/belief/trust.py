"""How far to trust a forecast, in a sentence: how a scenario fared against the record of what happened since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sim.belief.naive import NAIVE
from sim.belief.record import Observation, Series
from sim.belief.track import PooledRow, RowScore
from sim.scenario.scenario import Scenario
from sim.wording import billions, capital, long_date, percent, readable, signed

__all__ = ["track_sentences", "trust_of"]

_WHAT: Final = {"market_size": "sizes", "market_share": "shares", "foreign_share": "the foreign share"}
"""Variables of a record that a sentence is about."""

_APART: Final = ("market_size", "foreign_share")
"""Variables of a market and of parts of it: their series are no sample, and are told one by one."""

_WHOLE: Final = "total"
_MOST_APART: Final = 4
"""Series that are told one by one."""

_NAIVE: Final = {
    "market_size": "simple forecasts of growth",
    "market_share": "'as last year'",
    "foreign_share": "'as last year'",
}
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
    counted = f"all {len(facts)} facts" if inside == len(facts) else f"{inside} of {len(facts)} facts"
    counted = f"its one fact is{'' if inside else ' not'}" if len(facts) == 1 else counted
    skills = [text for variable in _WHAT for text in _skill(variable, pooled, scenario)]
    return f"{span} under {scenario.title}: {'; '.join([f'{counted} inside the 90% band', *skills])}."


def track_sentences(
    rows: Sequence[RowScore],
    pooled: Sequence[PooledRow],
    scenario: Scenario,
    *,
    unmatched: int,
    replaced: int,
) -> Iterator[str]:
    """How a record was foreseen: in all, series by series, and what was left out or replaced.

    Parameters
    ----------
    rows, pooled, scenario
        As for `trust_of`.
    unmatched : int
        Rows of the record that are nothing in the scenario.
    replaced : int
        Numbers of the scenario that were not known on its day.
    """
    yield trust_of(rows, pooled, scenario)
    facts = [row for row in rows if row.quantiles]
    for series in dict.fromkeys(row.observation.series for row in facts):
        yield _of_series([row for row in facts if row.observation.series == series], pooled, scenario)
    events = [row for row in rows if not row.quantiles and not row.is_assumed]
    for row in events:
        happened = "happened" if row.observation.value else "did not happen"
        chance = percent(100 * row.probability)
        yield f"{_what(row.observation.series, scenario)} {happened}; the forecast gave it {chance}."
    day = long_date(scenario.as_of)
    yield (
        f"{unmatched} rows are nothing in this scenario and were left out; {replaced} numbers were not known on {day} "
        "and gave way to their fallbacks."
    )


def _of_series(rows: Sequence[RowScore], pooled: Sequence[PooledRow], scenario: Scenario) -> str:
    """The last fact of a series beside its forecast, and the error beside that of each naive forecast."""
    last = max(rows, key=lambda row: row.observation.end)
    series, middle, low, high = last.observation.series, *(_sized(last, last.quantiles[q]) for q in (0.5, 0.05, 0.95))
    count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    own = [row for row in pooled if (row.variable, row.scope, row.item) == series and row.skill is not None]
    errors = [f"{_change(row.skill)} against {readable(row.forecast)}" for row in own]
    told = f"; error {', '.join(errors)} ({count})" if errors else ""
    observed, when = _sized(last, last.observation.value), f"{last.observation.end.year}{_sum_of(last.observation)}"
    return f"{_what(series, scenario)}, {when}: {observed} observed, {middle} foreseen ({low} to {high}){told}."


def _what(series: Series, scenario: Scenario) -> str:
    """What a series is of, in words."""
    variable, scope, item = series
    provider = scenario.providers.get(item)
    whose = readable(item) if provider is None else provider.short_title
    return capital(", ".join(filter(None, (readable(variable), scenario.called(scope), whose))))


def _sum_of(observation: Observation) -> str:
    """Of what amounts are the sum, where that is less than the year which one would take them for."""
    is_part = observation.unit.endswith(" bn") and observation.statistic != "annual"
    return f", sum of a {observation.statistic.replace('_', ' ')}" if is_part else ""


def _sized(row: RowScore, value: float) -> str:
    observation = row.observation
    if observation.unit == "fraction":
        return percent(100 * value)
    currency, bn, per_year = observation.unit.partition(" bn")
    if bn:
        return billions(value, currency) + (" a year" if per_year else "")
    return f"{value:.1f}"


def _years(rows: Sequence[RowScore]) -> str:
    first, last = min(row.observation.start.year for row in rows), max(row.observation.end.year for row in rows)
    return f"{first}" if first == last else f"{first}–{last}"


def _skill(variable: str, pooled: Sequence[PooledRow], scenario: Scenario) -> Iterator[str]:
    """The error of a variable's forecasts beside those of every naive one, over all series where there are several.

    Of sizes and the foreign share by series, the whole market first: a layer that wins hides no loss of the whole.
    """
    own = [row for row in pooled if row.variable == variable and row.forecast in NAIVE and row.skill is not None]
    most = max((row.series for row in own), default=0)
    widest = [row for row in own if row.series == most]
    by_scope: dict[str, list[PooledRow]] = {}
    for row in sorted(own, key=lambda row: row.scope != _WHOLE):
        if row.series == 1 and not row.item:
            by_scope.setdefault(row.scope, []).append(row)
    if variable in _APART and 1 < len(by_scope) <= _MOST_APART:
        whose = {scope: "the whole market" if scope == _WHOLE else scenario.called(scope) for scope in by_scope}
        (first, rows), *others = by_scope.items()
        told = [f"{_WHAT[variable]} of {whose[first]} with {_errors(rows)} than {_NAIVE[variable]}"]
        yield ", ".join([*told, *(f"of {whose[scope]} with {_errors(rows)}" for scope, rows in others)])
    elif widest:
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
