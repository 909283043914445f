"""What results say: each one alone, and each one less the baseline, draw by draw.

All scenarios of a study share their draws, so the difference of two is taken world by world; what they have in
common, luck included, cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from sim.axes import FloatArray
from sim.chance.pairing import disagreements
from sim.errors import ResultsError, choices
from sim.kernels.finance import half_steps, internal_rate, payback_years
from sim.outcomes.panels import Columns, LazyPanel, Result, batches
from sim.outcomes.statistics import STATISTICS, Missing, Statistics, describe, share_positive
from sim.outcomes.tables import Cell, ComparisonRow, HeadlineRow, SummaryRow, TimelineRow
from sim.outcomes.variables import VARIABLES, exists_in
from sim.scenario.scenario import Scenario

__all__ = [
    "HEADLINE_VARIABLES",
    "TIMELINE_VARIABLES",
    "UNIT_OF_DIFFERENCE",
    "WORTH_OF_DIFFERENCE",
    "baseline_of",
    "compare_one",
    "compare_results",
    "headline",
    "headline_years",
    "paired",
    "require_comparable",
    "summarise",
    "timeline_rows",
    "worth_of_difference",
]

HEADLINE_VARIABLES: Final = frozenset({"foreign_share", "revenue_gross", "revenue_retained", "operating_profit"})
"""What the answer in short is made of."""

TIMELINE_VARIABLES: Final = frozenset({"event_date", "wait"})
"""What is said of when things happen is made of these."""

_STATISTICS: Final = (*STATISTICS, "median_case")

_WAITED_FOR: Final = {"apply": "queue", "approve": "quota", "site": "site"}
"""Step of a provider to what it may have to wait for once it got there."""

_DRAWS_AT_A_TIME: Final = 2**15
"""Draws of which the flows of all years are held together."""

UNIT_OF_DIFFERENCE: Final = {"year": "years"}
"""Units that the difference of two numbers does not have."""

WORTH_OF_DIFFERENCE: Final[Mapping[str, tuple[str, ...]]] = {
    "payback_of_difference": ("cash_flow", "capital_value"),
    "irr_of_difference": ("cash_flow", "capital_value"),
    "regret": ("enters", "npv_with_terminal"),
    "buy_out_regret": ("buys_out", "npv_with_terminal"),
}
"""What exists only as a comparison of two scenarios, and the variables of both that it is made of."""


def baseline_of(results: Sequence[Result], baseline: str | None) -> Result:
    """The result that others are compared with: the one named, else the first.

    Raises
    ------
    ResultsError
        No result has that name.
    """
    names = [result.name for result in results]
    if baseline is not None and baseline not in names:
        raise ResultsError(f"no result is named as the baseline {choices(baseline, names)}")
    return results[names.index(baseline) if baseline else 0]


def require_comparable(results: Sequence[Result]) -> None:
    """Refuse results that cannot be compared draw by draw.

    Raises
    ------
    ResultsError
        Two have one name, do not share draws, or do not hold the same variables; says which and why.
    """
    first = results[0]
    names = [result.name for result in results]
    for name in {name for name in names if names.count(name) > 1}:
        raise ResultsError(f"two results have the name {name}")
    for result in results[1:]:
        reasons = disagreements(result.scenario, first.scenario)
        if reasons:
            raise ResultsError(
                f"{result.name} and {first.name} do not share draws: they differ in {', '.join(reasons)}"
            )
    _require_same_variables(results)


def _require_same_variables(results: Sequence[Result]) -> None:
    held = set().union(*(result.panels for result in results))
    for result in results:
        lacking = sorted(name for name in held - set(result.panels) if exists_in(result.scenario, name))
        if lacking:
            raise ResultsError(f"{result.name} was saved without {', '.join(lacking)}: run it again without --keep")


def summarise(result: Result, baseline: Result | None = None) -> list[SummaryRow]:
    """Annual statistics of every variable, each with its standard error.

    Parameters
    ----------
    result : Result
        What to summarise.
    baseline : Result, optional
        The study's baseline. A variable whose level is mostly shocks (`consumer_gain`) is given as the paired
        difference to it, and left out where there is none or `result` is the baseline.
    """
    rows: list[SummaryRow] = []
    for name, panel in result.panels.items():
        kind = VARIABLES[name].summary
        if kind == "level":
            rows += _rows(result, panel, VARIABLES[name].missing)
        elif kind == "difference" and baseline is not None and baseline.name != result.name:
            rows += _rows(result, paired(panel, baseline.panels[name]))
    return rows


def _rows(result: Result, panel: Columns, missing: Missing = "") -> Iterator[SummaryRow]:
    """Rows by item, then year, then statistic."""
    table = _table(result.name, panel, [describe(batch, missing, result.sizes) for batch in batches(panel)])
    return map(SummaryRow._make, zip(*table, strict=True))


def _table(scenario: str, panel: Columns, parts: Sequence[Statistics]) -> list[Sequence[Cell]]:
    """Columns of a table of the statistics of some rows after the other: by item, then year, then statistic."""
    years, kinds = len(panel.years), len(_STATISTICS)
    per_item, count = years * kinds, panel.count * kinds
    values = np.hstack([np.vstack([part.value for part in parts]), panel.median.reshape(-1, 1)])
    errors = np.hstack([np.vstack([part.error for part in parts]), np.full((panel.count, 1), np.nan)])
    defined = np.concatenate([part.share_defined for part in parts])
    return [
        [scenario] * count,
        [panel.variable] * count,
        [scope for scope, _ in panel.items for _ in range(per_item)],
        [item for _, item in panel.items for _ in range(per_item)],
        [year for year in panel.years for _ in range(kinds)] * len(panel.items),
        _STATISTICS * panel.count,
        *(_by_item(numbers, years) for numbers in (values, errors)),
        [panel.unit] * count,
        _by_item(np.repeat(defined[:, None], kinds, axis=-1), years),
    ]


def _by_item(numbers: FloatArray, years: int) -> list[float]:
    """Numbers by row and statistic in the order of a table."""
    ordered: list[float] = numbers.reshape(years, -1, numbers.shape[-1]).swapaxes(0, 1).ravel().tolist()
    return ordered


def paired(panel: Columns, baseline: Columns) -> LazyPanel:
    """A panel less the baseline's, draw by draw, on the years and items that both have.

    Where a number may be missing the difference exists in the draws in which both exist.
    """
    years = tuple(year for year in panel.years if year in baseline.years)
    items = tuple(item for item in panel.items if item in baseline.items)
    (rows, median), (base_rows, base_median) = (_on(one, years, items) for one in (panel, baseline))

    def read(chosen: Sequence[int], draws: slice) -> FloatArray:
        return panel.rows(_picked(rows, chosen), draws) - baseline.rows(_picked(base_rows, chosen), draws)

    unit = UNIT_OF_DIFFERENCE.get(panel.unit, panel.unit)
    return LazyPanel(panel.variable, unit, years, items, median - base_median, panel.draws, read)


def _on(panel: Columns, years: Sequence[int], items: Sequence[tuple[str, str]]) -> tuple[Sequence[int], FloatArray]:
    """Rows and median case on some years and items."""
    rows = [panel.row(year, *item) for year in years for item in items]
    median = panel.median.ravel()[rows].reshape(len(years), len(items))
    return range(panel.count) if rows == list(range(panel.count)) else rows, median


def _picked(rows: Sequence[int], chosen: Sequence[int]) -> Sequence[int]:
    """Some of the rows, as a range where they are one."""
    return chosen if isinstance(rows, range) else [rows[place] for place in chosen]


def compare_one(result: Result, baseline: Result) -> list[ComparisonRow]:
    """Annual statistics of a result less the baseline, draw by draw, and how often the difference is above 0."""
    rows: list[ComparisonRow] = []
    for name, panel in result.panels.items():
        if VARIABLES[name].summary != "none" and name in baseline.panels:
            missing: Missing = "undefined" if VARIABLES[name].missing else ""
            rows += _comparison_rows(result, paired(panel, baseline.panels[name]), missing)
    for panel in worth_of_difference(result.panels, baseline.panels):
        rows += _comparison_rows(result, panel, VARIABLES[panel.variable].missing)
    return rows


def _comparison_rows(result: Result, panel: Columns, missing: Missing) -> Iterator[ComparisonRow]:
    """Rows by item, then year, then statistic."""
    parts = [(describe(batch, missing, result.sizes), share_positive(batch)) for batch in batches(panel)]
    positive = np.repeat(np.concatenate([share for _, share in parts])[:, None], len(_STATISTICS), axis=-1)
    table = _table(result.name, panel, [part for part, _ in parts])
    return map(ComparisonRow._make, zip(*table, _by_item(positive, len(panel.years)), strict=True))


def worth_of_difference(panels: Mapping[str, Columns], baseline: Mapping[str, Columns]) -> Iterator[LazyPanel]:
    """What the extra cash flow of a scenario is worth as an investment, and who goes its own way and regrets it.

    As far as both hold what it is made of.
    """
    held = panels.keys() & baseline.keys()
    if {"cash_flow", "capital_value"} <= held:
        cash, left = (paired(panels[name], baseline[name]) for name in ("cash_flow", "capital_value"))
        yield _of_flows("payback_of_difference", _payback, cash)
        yield _rate_of_difference(cash, left)
    for name in ("regret", "buy_out_regret"):
        way, worth = WORTH_OF_DIFFERENCE[name]
        if {way, worth} <= held:
            yield _regret(name, panels[way], paired(panels[worth], baseline[worth]))


def _of_flows(variable: str, value: Callable[[FloatArray], FloatArray], cash: LazyPanel) -> LazyPanel:
    """What is made of annual flows item by item."""

    def read(chosen: Sequence[int], draws: slice) -> FloatArray:
        parts = [slice(*part) for part in _parts(range(cash.draws)[draws])]
        return np.stack([np.concatenate([value(cash.series(*cash.items[i], part)) for part in parts]) for i in chosen])

    median = value(np.repeat(cash.median[..., None], 2, axis=-1))[:, 0]
    return _last(variable, cash, median, read)


def _rate_of_difference(cash: LazyPanel, left: LazyPanel) -> LazyPanel:
    """Internal rate of annual flows, paid in the middle of each year, and of what capital is worth after the last."""

    def rate(flows: FloatArray, end: FloatArray) -> FloatArray:
        return internal_rate(half_steps(flows, None, end), 0.5)

    def read(chosen: Sequence[int], draws: slice) -> FloatArray:
        parts = [slice(*part) for part in _parts(range(cash.draws)[draws])]
        return np.stack([np.concatenate([one(cash.items[i], part) for part in parts]) for i in chosen])

    def one(item: tuple[str, str], part: slice) -> FloatArray:
        return rate(cash.series(*item, part), left.rows([left.row(left.years[-1], *item)], part)[0])

    twice = (np.repeat(panel.median[..., None], 2, axis=-1) for panel in (cash, left))
    cash_case, left_case = twice
    return _last("irr_of_difference", cash, rate(cash_case, left_case[-1])[:, 0], read)


def _last(
    variable: str, cash: LazyPanel, median: FloatArray, read: Callable[[Sequence[int], slice], FloatArray]
) -> LazyPanel:
    """A panel of the last year, by the items of annual flows."""
    return LazyPanel(variable, VARIABLES[variable].unit, cash.years[-1:], cash.items, median[None], cash.draws, read)


def _parts(draws: range) -> Iterator[tuple[int, int]]:
    """Some draws in a few pieces, as starts and stops."""
    return ((start, min(start + _DRAWS_AT_A_TIME, draws.stop)) for start in draws[::_DRAWS_AT_A_TIME])


def _regret(variable: str, entered: Columns, worth: LazyPanel) -> LazyPanel:
    """Where a provider enters, or buys its partner out, and is worth less than under the baseline."""
    items = tuple(item for item in entered.items if item in worth.items)  # the baseline may lack an entrant
    places = [worth.items.index(item) for item in items]
    own = [entered.items.index(item) for item in items]

    def read(chosen: Sequence[int], draws: slice) -> FloatArray:
        entering = entered.rows([own[place] for place in chosen], draws)
        return entering * (worth.rows([places[place] for place in chosen], draws) < 0)

    median = entered.median[:, own] * (worth.median[:, places] < 0)
    unit = VARIABLES[variable].unit
    return LazyPanel(variable, unit, entered.years, items, median, entered.draws, read)


def _payback(flows: FloatArray) -> FloatArray:
    """Payback of annual flows: 0 where nothing is ever laid out, infinite for never, NaN where nothing differs."""
    laid_out = (np.cumsum(flows, axis=0) < 0.0).any(axis=0)
    years = np.where(laid_out, payback_years(flows, 1.0), 0.0)
    never = np.where(np.isnan(years), np.inf, years)
    return np.where((flows != 0.0).any(axis=0), never, np.nan)


def compare_results(results: Sequence[Result], baseline: str | None = None) -> list[ComparisonRow]:
    """Every result but the baseline less the baseline.

    Raises
    ------
    ResultsError
        The results do not share draws or do not hold the same variables, or no result has the baseline's name.
    """
    require_comparable(results)
    base = baseline_of(results, baseline)
    return [row for result in results if result is not base for row in compare_one(result, base)]


def headline(results: Sequence[Result], baseline: str | None = None) -> list[HeadlineRow]:
    """The answer in short: foreign share and revenue, in the years that the baseline's scenario has for it.

    The difference is the mean of the paired differences: unlike their median it says something where only some
    draws differ, and the differences of several steps add up.
    """
    base = baseline_of(results, baseline)
    return [
        _headline_row(result, base, variable, scope, item, year)
        for variable, scope, item in _headline_numbers(base)
        for year in headline_years(base.scenario, base.panels[variable])
        for result in results
    ]


def _headline_numbers(base: Result) -> list[tuple[str, str, str]]:
    scope = base.scenario.answer_scope
    numbers = [
        ("foreign_share", scope, ""),
        ("foreign_share", base.scenario.detail_layer if scope == "total" else "total", ""),
        ("revenue_gross", scope, "foreign"),
        ("revenue_retained", scope, "foreign"),
        ("operating_profit", "total", "foreign"),
    ]
    return [number for number in numbers if number[0] in base.panels]


def headline_years(scenario: Scenario, panel: Columns) -> list[int]:
    """The first year of a panel, and those of it that the scenario has for the answer."""
    chosen = {panel.years[0], *scenario.answer_years}
    return [year for year in panel.years if year in chosen]


def _headline_row(result: Result, base: Result, variable: str, scope: str, item: str, year: int) -> HeadlineRow:
    panel = result.panels[variable]
    column = panel.column(year, scope, item)
    level = dict(zip(STATISTICS, describe(column[None], sizes=result.sizes).value[0].tolist(), strict=True))
    difference, error = np.nan, np.nan
    if result is not base:
        added = column - base.panels[variable].column(year, scope, item)
        statistics = describe(added[None], sizes=result.sizes)
        mean = STATISTICS.index("mean")
        difference, error = float(statistics.value[0, mean]), float(statistics.error[0, mean])
    quantiles = (level["p50"], level["p05"], level["p95"], level["mean"])
    return HeadlineRow(result.name, variable, scope, item, year, panel.unit, *quantiles, difference, error)


def timeline_rows(result: Result) -> list[TimelineRow]:
    """When each step of the policy and of each provider happens, and how often it was waited for.

    A provider waits for a reviewer once it applies, for the yearly quota before it is approved, and for a place
    in the zone before it is sited; other steps are not waited for, and their share is empty.
    """
    dates = result.panels["event_date"]
    parts = [describe(batch, "never", result.sizes) for batch in batches(dates)]
    quantiles = np.vstack([part.value[:, STATISTICS.index("p05") :] for part in parts]).tolist()
    happening = np.concatenate([part.share_defined for part in parts]).tolist()
    rows: list[TimelineRow] = []
    for place, (_, item) in enumerate(dates.items):
        actor, _, event = item.rpartition(".")
        happens, waited = happening[place], _share_waited(result.panels["wait"], actor, event)
        centre = float(dates.median[0, place])
        rows.append(TimelineRow._make((event, actor or "policy", happens, waited, *quantiles[place], centre)))
    return rows


def _share_waited(waits: Columns, actor: str, event: str) -> float:
    """Share of draws in which the wait for a provider's step is longer than nothing; NaN for other steps."""
    item = ("", f"{actor}.{_WAITED_FOR.get(event, '')}")
    return float((waits.column(waits.years[0], *item) > 0).mean()) if item in waits.items else np.nan
