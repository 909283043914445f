"""The table of the Integrated Assessment Modeling Consortium: one row a variable, one column a year.

A variable's name is made by one rule, `VARIABLE|ITEM|SCOPE|STATISTIC`: ids as words with capitals, providers by their
titles, a part left out that is empty or the total; `Difference` before the statistic where it is of a scenario less
the baseline. No two numbers have the same name.

References
----------
Huppmann, Gidden, Nicholls et al. (2021): pyam. Open Research Europe 1, 74: the format that tools of the field read.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import isnan, nan
from typing import Final, NamedTuple

import xlsxwriter

from sim.errors import ResultsError
from sim.outcomes.tables import Cell, ComparisonRow, SummaryRow, csv_bytes
from sim.report.contents import Contents
from sim.report.layout import CREATED, OPTIONS, cut
from sim.wording import capital, readable

__all__ = ["NO_REGION", "UNITS", "iamc_csv", "iamc_workbook", "unit_of", "variable_name"]

NO_REGION: Final = "unspecified"
"""Of a scenario that does not say where its market is."""

_MARK: Final = "|"
_TOTAL: Final = "total"
_DIFFERENCE: Final = "Difference"
_P_POSITIVE: Final = "p_positive"

_VARIABLES: Final[Mapping[str, str]] = {"revenue_gross": "Revenue"}
"""Names that do not follow from the id: what other tables of the field call revenue is what customers pay."""

UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "fraction": ("%", 100.0),
    "1/yr": ("%/yr", 100.0),
    "years": ("yr", 1.0),
}
"""Units that have another spelling there, and what a number is multiplied by; `bn` is written as `billion`."""

_POINTS: Final = "percentage points"


def iamc_csv(contents: Contents) -> bytes:
    """The table as CSV."""
    return csv_bytes(_rows(contents), _header(contents))


def iamc_workbook(contents: Contents) -> bytes:
    """The table as a workbook: `data`, and `meta` with what is to be known of each scenario."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, OPTIONS)
    book.set_properties({"title": contents.name, "created": CREATED, "comments": f"Study {contents.hash}"})
    for name, header, rows in (
        ("data", _header(contents), _rows(contents)),
        ("meta", _META, [_meta(contents, scenario) for scenario in contents.names]),
    ):
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, row in enumerate([header, *rows]):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(place, column, cut(cell))
                elif cell is not None and not isnan(cell):
                    sheet.write_number(place, column, cell)
        sheet.autofit()
    book.close()
    return stream.getvalue()


def _header(contents: Contents) -> tuple[str, ...]:
    return ("Model", "Scenario", "Region", "Variable", "Unit", *map(str, contents.years))


_META: Final = ("model", "scenario", "title", "question", "baseline", "as_of", "draws", "study")


def _meta(contents: Contents, name: str) -> tuple[Cell, ...]:
    """What is to be known of a scenario."""
    scenario = contents.scenarios.get(name)
    told = (scenario.question, contents.baseline, f"{scenario.as_of}") if scenario else ("", contents.baseline, "")
    return (_model(contents), name, contents.title(name), *told, contents.manifest.draws, contents.hash)


def _model(contents: Contents) -> str:
    """The program, by the hash of its source: the version alone does not tell what ran."""
    return f"market-entry-sim {contents.manifest.program.source[:8]}"


class _Number(NamedTuple):
    """What stands in one row: a statistic of a number in all years."""

    scenario: str
    variable: str
    item: str
    scope: str
    statistic: str
    unit: str
    is_difference: bool


def _rows(contents: Contents) -> list[tuple[Cell, ...]]:
    """Every statistic of the summary and of the comparison that exists in some year.

    Raises
    ------
    ResultsError
        Two numbers would have the same name.
    """
    table: dict[_Number, dict[int, float]] = {}
    for number, year, value in (*_levels(contents.summary), *_differences(contents.comparison)):
        table.setdefault(number, {})[year] = value
    labels = _labels(contents)
    rows: list[tuple[Cell, ...]] = []
    for number, values in table.items():
        unit, factor = unit_of(number.unit, is_difference=number.is_difference)
        known = (values.get(year, nan) for year in contents.years)
        cells = [None if isnan(value) else factor * value for value in known]
        if any(cell is not None for cell in cells):
            name = variable_name(*number[1:5], labels, is_difference=number.is_difference)
            rows.append((_model(contents), number.scenario, _region(contents, number.scenario), name, unit, *cells))
    twice = [key for key, count in Counter(row[1:4] for row in rows).items() if count > 1]
    if twice:
        raise ResultsError(f"{contents.name}: two numbers would be called {twice[0][-1]}: change a provider's title")
    return rows


def _levels(rows: Iterable[SummaryRow]) -> Iterator[tuple[_Number, int, float]]:
    for row in rows:
        number = _Number(row.scenario, row.variable, row.item, row.scope, row.statistic, row.unit, False)
        yield number, row.period, row.value


def _differences(rows: Iterable[ComparisonRow]) -> Iterator[tuple[_Number, int, float]]:
    for row in rows:
        place = (row.scenario, row.variable, row.item, row.scope)
        yield _Number(*place, row.statistic, row.unit, True), row.period, row.value
        if row.statistic == "mean":
            yield _Number(*place, _P_POSITIVE, _P_POSITIVE, True), row.period, row.p_positive


def _region(contents: Contents, name: str) -> str:
    scenario = contents.scenarios.get(name)
    return (scenario.region if scenario else None) or NO_REGION


def variable_name(
    variable: str,
    item: str,
    scope: str,
    statistic: str,
    labels: Mapping[str, str] | None = None,
    *,
    is_difference: bool = False,
) -> str:
    """The name of a number in the table.

    Parameters
    ----------
    variable, item, scope, statistic : str
        As `summary.csv` has them.
    labels : mapping of str to str, optional
        What items and scopes are called, if not by their id in words.
    is_difference : bool
        Whether it is of a scenario less the baseline.
    """
    names = labels or {}
    actor, dot, event = item.partition(".")
    whose = [actor, event] if dot else [item]
    parts = [*whose, "" if scope == _TOTAL else scope]
    words = [names.get(part) or _words(part) for part in parts if part]
    return _MARK.join([_VARIABLES.get(variable) or _words(variable), *words, *[_DIFFERENCE] * is_difference, statistic])


def unit_of(unit: str, *, is_difference: bool = False) -> tuple[str, float]:
    """A unit as it is spelled there, and what its numbers are multiplied by."""
    if unit == _P_POSITIVE:
        return "%", 100.0
    if unit == "fraction" and is_difference:
        return _POINTS, 100.0
    return UNITS.get(unit) or (re.sub(r"^([A-Z]{3}[0-9]*) bn\b", r"billion \1", unit), 1.0)


def _words(identifier: str) -> str:
    return " ".join(map(capital, readable(identifier).split()))


def _layer(contents: Contents, scope: str) -> str:
    """What a layer is called by the scenarios that have it, and another scope by its id in words."""
    known = (one.market.layers.get(scope) for one in contents.scenarios.values())
    title = next((layer.title for layer in known if layer is not None and layer.title), None)
    return _words(scope) if title is None else _safe(title)


def _labels(contents: Contents) -> dict[str, str]:
    """What items and scopes are called; who would be called as another has the id beside the title."""
    places = {place[2:4] for place in (*contents.levels, *contents.differences)}
    scopes, items = {scope for scope, _ in places} - {""}, {item.partition(".")[0] for _, item in places} - {""}
    titles: dict[str, str] = {scope: _layer(contents, scope) for scope in sorted(scopes)}
    providers = {provider for scenario in contents.scenarios.values() for provider in scenario.providers}
    titles |= {
        item: _safe(contents.provider_title(item)) if item in providers else _words(item) for item in sorted(items)
    }
    counts = Counter(titles.values())
    return {one: title if counts[title] == 1 else f"{title} ({one})" for one, title in titles.items()}


def _safe(title: str) -> str:
    """A title without what parts the levels of a name."""
    return " ".join(title.replace(_MARK, "/").split())
