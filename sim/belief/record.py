"""The record: what was observed, read from a CSV in which every mistake is told with its place.

One row is one observation: of what (`variable`, `scope`, `item`), over which days (`period_start` to `period_end`,
both included), which `statistic` of them, and the `value` with the 5% and 95% points of its measurement (`low`,
`high`). Whether a scenario has such a thing at all is for `matching`; here a row must only mean something.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeAlias

from sim.errors import Problem, choices, shown
from sim.reading.cells import Cell, cells
from sim.reading.documents import Place, read_text
from sim.reading.kinds import require_record
from sim.reading.validation import refuse
from sim.scenario.money import Ledger, is_amount
from sim.scenario.policy import decimal_year
from sim.scenario.records import LARGEST
from sim.scenario.scenario import Horizon

__all__ = ["COLUMNS", "EVENTS", "MONEY", "SHARES", "STATISTICS", "Observation", "Series", "read_record"]

COLUMNS: Final = (
    "id",
    "variable",
    "scope",
    "item",
    "period_start",
    "period_end",
    "statistic",
    "value",
    "low",
    "high",
    "unit",
    "mark",
    "source",
    "note",
)
"""The columns of a record, in any order; `mark` and `note` may be missing."""

_OPTIONAL: Final = ("mark", "note")
_FILLED: Final = ("id", "variable", "period_start", "period_end", "statistic", "value", "unit", "source")
"""Cells that may not be empty."""

_MONTHS: Final[Mapping[str, int]] = {"month": 1, "quarter": 3, "half_year": 6, "annual": 12}
"""Statistics over a period of fixed length: the sum of money, the share in the sum."""

EVENTS: Final = ("state", "occurred", "date")
"""A regime is in force over the whole period; something happens within it; the day on which it does."""

STATISTICS: Final = (*_MONTHS, "annual_rate", *EVENTS)
"""`annual_rate` is money per year, averaged over the period."""

MONEY: Final = ("market_size", "revenue_gross", "revenue_retained")
SHARES: Final = ("market_share", "foreign_share")

_UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "share": {"fraction": 1.0, "%": 0.01},
    "yes or no": {"boolean": 1.0},
    "day": {"date": 1.0},
}
"""Kind of number to the units it may be written in, each with its factor; of money, see `_AMOUNTS`."""

_AMOUNTS: Final[Mapping[str, str]] = {"sum": "", "rate": "/yr"}
"""Kinds of money, and what stands behind billions."""

_MOST_ROWS: Final = 5_000
"""Twice what a file of the largest size holds of full rows."""

_LONGEST_NUMBER: Final = 40
"""Characters: a double needs 24."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Series: TypeAlias = tuple[str, str, str]
"""Variable, scope and item: rows of one series are not independent of each other."""


@dataclass(frozen=True)
class Observation:
    """One row of a record.

    Attributes
    ----------
    id : str
        Unique in the record.
    variable, scope, item : str
        As written.
    start, end : date
        First and last day of the period.
    statistic : str
        One of `STATISTICS`.
    value : float
        Billions (sums), bn/yr (`annual_rate`), fraction, 0 or 1, or a decimal year (`date`).
    low, high : float
        5% and 95% points of what the true value may be, in the unit of `value`; equal to it where none are stated.
    unit : str
        Canonical: `bn` or `bn/yr` behind the scenario's currency, `fraction`, `boolean` or `date`.
    source, mark, note : str
        As written.
    place : Place
        Where the row begins.
    """

    id: str
    variable: str
    scope: str
    item: str
    start: datetime.date
    end: datetime.date
    statistic: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    mark: str
    note: str
    place: Place

    @property
    def series(self) -> Series:
        """What the row is an observation of, whenever."""
        return self.variable, self.scope, self.item

    @property
    def is_measured(self) -> bool:
        """Whether a measurement range is stated."""
        return self.low < self.high

    @property
    def window(self) -> tuple[float, float]:
        """The instants, in decimal years, at which the period begins and ends."""
        return decimal_year(self.start), decimal_year(self.end + datetime.timedelta(days=1))


def read_record(path: Path, horizon: Horizon, ledger: Ledger) -> tuple[Observation, ...]:
    """Every observation of a file, in file order.

    Parameters
    ----------
    path : Path
        CSV with a header, separated by commas, in UTF-8.
    horizon : Horizon
        Of the scenario: a row outside it is refused.
    ledger : Ledger
        Of the scenario: amounts are converted to its currency.

    Raises
    ------
    ScenarioError
        With all problems of the first stage that has any: the file and its header, then every row.
    """
    require_record(path)
    filled = (row for row in cells(read_text(path), str(path)) if any(cell.text for cell in row))
    table = list(islice(filled, _MOST_ROWS + 1))
    if len(table) > _MOST_ROWS:
        refuse([table[-1][0].place.problem("", f"holds more than {_MOST_ROWS:,} rows, too many for a record")])
    if len(table) < 2:
        refuse([Place(str(path)).problem("", "is empty: a header and a row for each observation are needed")])
    header, *rows = table
    refuse(_header_problems(header))
    names = [cell.text for cell in header]
    drafts = [_Draft(names, row, horizon, ledger) for row in rows]
    found: list[Observation] = []
    refuse(chain(_fill(found, drafts), _repeated(drafts)))
    return tuple(found)


def _fill(found: list[Observation], drafts: Sequence[_Draft]) -> Iterator[Problem]:
    """What is wrong with each row, in turn; rows that are right go into `found`."""
    for draft in drafts:
        one = draft.observation()
        if one is not None:
            found.append(one)
        yield from draft.problems


def _header_problems(header: Sequence[Cell]) -> Iterator[Problem]:
    first, names = header[0].place, [cell.text for cell in header]
    if len(names) == 1 and re.search(r"[;\t]", names[0]):
        yield first.problem("", f"cells are separated by commas (found {shown(names[0])})")
        return
    for position, cell in enumerate(header):
        if cell.text not in COLUMNS:
            yield cell.place.problem("", f"unknown column {choices(cell.text, COLUMNS)}")
        elif cell.text in names[:position]:
            yield cell.place.problem("", f"the column '{cell.text}' stands twice")
    missing = [name for name in COLUMNS if name not in names and name not in _OPTIONAL]
    if missing:
        yield first.problem("", f"the header lacks {', '.join(missing)} (needed {', '.join(COLUMNS)})")


def _repeated(drafts: Sequence[_Draft]) -> Iterator[Problem]:
    """A problem for every id that stands in an earlier row."""
    first: dict[str, int] = {}
    for draft in drafts:
        cell = draft.cells.get("id")
        if cell is not None and cell.text:
            line = first.setdefault(cell.text, cell.place.line)
            if line != cell.place.line:
                yield cell.place.problem("", f"the id {shown(cell.text)} stands twice (first in line {line})")


class _Draft:
    """A row that is being read; what is wrong with it gathers in `problems`."""

    def __init__(self, names: Sequence[str], row: Sequence[Cell], horizon: Horizon, ledger: Ledger) -> None:
        self.problems: list[Problem] = []
        self.cells = dict(zip(names, row, strict=False))
        self.place, self.horizon, self.ledger = row[0].place, horizon, ledger
        if len(row) != len(names):
            self.problems.append(self.place.problem("", f"{len(names)} cells are wanted (found {len(row)})"))
            self.cells = {}

    def observation(self) -> Observation | None:
        """The row as an observation; None if something is wrong."""
        for name in _FILLED if self.cells else ():
            if not self.text(name):
                self.wrong(name, "must not be empty")
        if self.problems:
            return None
        statistic = self.statistic()
        start, end = self.period(statistic)
        kind = self.kind(statistic)
        unit, factor = self.unit(kind)
        value = self.number("value", kind, factor)
        low, high = self.range(kind, factor, value)
        if self.problems or start is None or end is None:
            return None
        texts = {name: self.text(name) for name in ("id", "variable", "scope", "item", "source", "mark", "note")}
        return Observation(
            **texts,
            start=start,
            end=end,
            statistic=statistic,
            value=value,
            low=low,
            high=high,
            unit=unit,
            place=self.place,
        )

    def text(self, name: str) -> str:
        return self.cells[name].text if name in self.cells else ""

    def wrong(self, name: str, message: str) -> None:
        """Note a problem at a cell, once per cell."""
        problem = self.cells[name].place.problem(f"{self.text('id')}.{name}".lstrip("."), message)
        if not any((problem.line, problem.column) == (other.line, other.column) for other in self.problems):
            self.problems.append(problem)

    def day(self, name: str) -> datetime.date | None:
        text = self.text(name)
        if _DAY.fullmatch(text):
            with contextlib.suppress(ValueError):
                return datetime.date.fromisoformat(text)
        self.wrong(name, f"must be a day such as 2019-12-31 (found {shown(text)})")
        return None

    def statistic(self) -> str:
        """The statistic; empty if it is wrong, so that nothing more is said of the row's numbers."""
        found, variable = self.text("statistic"), self.text("variable")
        allowed = _statistics_of(variable)
        if found in allowed:
            return found
        if found in STATISTICS:
            self.wrong("statistic", f"'{variable}' has no such statistic {choices(found, allowed)}")
        else:
            self.wrong("statistic", f"unknown statistic {choices(found, STATISTICS)}")
        return ""

    def kind(self, statistic: str) -> str:
        """What kind of number the row holds; empty if that is not known."""
        if not statistic:
            return ""
        if statistic in EVENTS:
            return "day" if statistic == "date" else "yes or no"
        if self.text("variable") in SHARES:
            return "share"
        if self.text("variable") in MONEY:
            return "rate" if statistic == "annual_rate" else "sum"
        return ""

    def unit(self, kind: str) -> tuple[str, float]:
        """The canonical unit, and the factor to it."""
        found, allowed = self.text("unit"), _UNITS.get(kind)
        if kind in _AMOUNTS:
            return self.amount(found, _AMOUNTS[kind])
        if allowed is None:
            return found, 1.0
        if found not in allowed:
            self.wrong("unit", f"wrong unit {choices(found, tuple(allowed))}")
        return next(iter(allowed)), allowed.get(found, 1.0)

    def amount(self, found: str, per_year: str) -> tuple[str, float]:
        """The same of money, as far as the scenario has a rate for its currency.

        Of things that pay every year, as subscribers, a year's mean brings as much as the year.
        """
        ledger, canonical = self.ledger, self.ledger.canonical(f"bn{per_year}")
        goods, annual = ledger.goods, self.text("statistic") == "annual"
        paying = goods is not None and not goods.per_year
        count = None if goods is None else goods.scale(found if per_year or (paying and annual) else f"{found}/yr")
        if count is not None:
            return canonical, count
        if not is_amount(found, per_year):
            allowed = [f"{one} {size}{per_year}" for one in ledger.currencies for size in ("bn", "m")]
            if goods is not None:
                of = " with annual or annual_rate" if paying and not (per_year or annual) else ""
                allowed.append(f"m {goods.noun}{goods.per_year if per_year else of}")
            self.wrong("unit", f"wrong unit {choices(found, allowed)}")
        elif message := ledger.objection(found):
            self.wrong("unit", message)
        else:
            return canonical, ledger.scale(found)
        return canonical, 1.0

    def number(self, name: str, kind: str, factor: float) -> float:
        text = self.text(name)
        if kind == "day":
            day = self.day(name)
            return math.nan if day is None else decimal_year(day)
        try:
            value = float(text) * factor
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text or not text.isascii() or len(text) > _LONGEST_NUMBER:
            self.wrong(name, f"must be a number, with a point and no thousands separators (found {shown(text)})")
        elif kind in ("sum", "rate") and value <= 0:
            self.wrong(name, f"must be above 0 (found {text})")
        elif kind in ("sum", "rate") and value > LARGEST:
            self.wrong(name, f"must be at most {LARGEST:g} (found {text})")
        elif kind == "share" and not 0 <= value <= 1:
            self.wrong(
                name, f"must be a part of a whole, 0 to 1 or 0% to 100% (found {text} in {shown(self.text('unit'))})"
            )
        elif kind == "yes or no" and value not in (0, 1):
            self.wrong(name, f"must be 1 for yes or 0 for no (found {text})")
        return value

    def range(self, kind: str, factor: float, value: float) -> tuple[float, float]:
        """The measurement range, or the value itself twice."""
        given = [name for name in ("low", "high") if self.text(name)]
        if not given:
            return value, value
        if kind == "yes or no":
            self.wrong(given[0], "yes or no has no range; leave low and high empty")
        elif len(given) == 1:
            self.wrong(given[0], "low and high go together; give both or neither")
        else:
            low, high = (self.number(name, kind, factor) for name in ("low", "high"))
            if not self.problems and not low <= value <= high:
                rising = ", ".join(self.text(name) for name in ("low", "value", "high"))
                self.wrong("low", f"low, value, high must rise (found {rising})")
            return low, high
        return value, value

    def period(self, statistic: str) -> tuple[datetime.date | None, datetime.date | None]:
        """First and last day, in order, within the horizon, and as far apart as the statistic says."""
        start, end = self.day("period_start"), self.day("period_end")
        if start is None or end is None:
            return None, None
        first, last = datetime.date(self.horizon.base_year + 1, 1, 1), datetime.date(self.horizon.end_year, 12, 31)
        for name, day in (("period_start", start), ("period_end", end)):
            if not first <= day <= last:
                remedy = "leave the row out, or move the scenario's horizon"
                self.wrong(name, f"outside the scenario's horizon (found {day}; allowed {first} to {last}; {remedy})")
        if end < start:
            self.wrong("period_end", f"is before period_start (found {start} to {end})")
        elif not self.problems and statistic in _MONTHS and _months(start, end) != _MONTHS[statistic]:
            wanted = f"{_MONTHS[statistic]} whole calendar months"
            self.wrong("period_end", f"'{statistic}' means {wanted} (found {start} to {end})")
        elif not self.problems and statistic == "date" and not start <= (self.day("value") or start) <= end:
            self.wrong("value", f"must lie in the row's period (found {self.text('value')}; allowed {start} to {end})")
        return start, end


def _statistics_of(variable: str) -> tuple[str, ...]:
    """Statistics that a variable may have; all of them if it is not known."""
    if variable in MONEY:
        return (*_MONTHS, "annual_rate")
    if variable in SHARES:
        return tuple(_MONTHS)
    return {"regime": ("state",), "event": ("occurred", "date")}.get(variable, STATISTICS)


def _months(start: datetime.date, end: datetime.date) -> float:
    """Whole calendar months from one day to another, both included; NaN if they are not whole."""
    after = end + datetime.timedelta(days=1)
    if start.day != 1 or after.day != 1:
        return math.nan
    return 12 * (after.year - start.year) + after.month - start.month
