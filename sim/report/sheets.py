"""The sheets of the workbook as tables: what stands in which column, for people, before any of it is laid out.

Every number is one of `summary.csv`, `comparison.csv`, `drivers.csv` or a timeline, as it stands there; shares and
probabilities as fractions of 1, which their format shows in percent, differences of shares in percentage points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite, isnan
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from sim.outcomes.drivers import DriverRow
from sim.outcomes.findings import unit_words
from sim.outcomes.naming import Outcome
from sim.outcomes.stakes import WAYS, ways_of
from sim.outcomes.tables import TimelineRow
from sim.outcomes.variables import VARIABLES, unit_of
from sim.report.contents import Contents, Place
from sim.scenario.families import Discrete
from sim.scenario.inputs import Input, inputs
from sim.scenario.scenario import Scenario
from sim.wording import capital, readable

__all__ = ["KEPT", "SHARE", "Cell", "Column", "Form", "Link", "Measured", "Sheet", "sheets"]

Form: TypeAlias = Literal["text", "scenario", "year", "date", "percent", "points", "money", "change", "number"]
"""How a column is shown: a scenario by its title and colour, `points` and `change` with a sign."""


@dataclass(frozen=True)
class Link:
    """A text that leads to an address."""

    text: str
    address: str


@dataclass(frozen=True)
class Measured:
    """A number in a column whose rows have unlike units."""

    value: float
    form: Form


Cell: TypeAlias = str | float | int | Link | Measured | None


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    Attributes
    ----------
    header : str
    form : Form
    group : str
        What stands above it and its neighbours; empty for none.
    width : float
        In letters.
    """

    header: str
    form: Form = "text"
    group: str = ""
    width: float = 9


@dataclass(frozen=True)
class Sheet:
    """A sheet of one table.

    Attributes
    ----------
    name : str
        At most 31 letters.
    title, note : str
        What it shows, and how to read it.
    columns : tuple of Column
    rows : tuple of tuple of Cell
    fixed : int
        Columns at the left that stay in sight.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    fixed: int = 1

    def column(self, header: str, group: str = "") -> int:
        """Place of a column."""
        return [(one.group, one.header) for one in self.columns].index((group, header))

    def span(self, *beginning: Cell) -> tuple[int, int]:
        """First and last row, both counted from 0, of those that begin with some cells and follow each other."""
        places = [place for place, row in enumerate(self.rows) if row[: len(beginning)] == beginning]
        return places[0], places[-1]


_LEVEL: Final = (("median", "p50"), ("5%", "p05"), ("95%", "p95"), ("mean", "mean"))
"""Header and statistic, of a level."""

_MIDDLE: Final = (_LEVEL[0], _LEVEL[-1])
_GAIN: Final = (*_LEVEL, ("P(above 0)", "p_positive"))

SHARE: Final = "Foreign providers' share of the market"
KEPT: Final = "Revenue that foreign providers keep"
PROFIT: Final = "Operating profit of foreign providers"

_BY_YEAR: Final = (
    (SHARE, "foreign_share", ""),
    ("Size of the market", "market_size", ""),
    ("The same, counted", "market_volume", ""),
    (KEPT, "revenue_retained", "foreign"),
    (PROFIT, "operating_profit", "foreign"),
)
"""What is shown of every year, over all layers: name, variable, item."""

_DIFFERENCES: Final = (_BY_YEAR[0], *_BY_YEAR[2:])

PARTIES: Final = (
    ("Foreign providers: profit after tax", "operating_profit", "foreign"),
    ("Local operators: profit after tax", "operator_profit", ""),
    ("Domestic providers: gross profit", "domestic_gross_profit", ""),
    ("Treasury: tax on foreign business", "tax_take", ""),
    ("Customers: consumer gain", "consumer_gain", ""),
)
"""Who may gain and lose: name, variable, item."""

_TOTAL: Final = "total"
_FOREIGN: Final = "foreign"
_DRIVERS: Final = 6
"""Of an outcome are shown at most."""


def sheets(contents: Contents) -> tuple[Sheet, ...]:
    """Every sheet that the study has something for, in order."""
    made = (_by_year, _by_provider, _differences, _who_gains, _drivers, _timeline, _settings, _assumptions)
    return tuple(sheet for sheet in (make(contents) for make in made) if sheet.rows)


def _by_year(contents: Contents) -> Sheet:
    measures = [one for one in _BY_YEAR if _is_held(contents, one[1], one[2])]
    columns = [*_SCENARIO, Column("Year", "year", width=6)]
    for name, variable, _ in measures:
        form: Form = "percent" if variable == "foreign_share" else "money"
        columns += [Column(header, form, _group(contents, name, variable, form)) for header, _ in _LEVEL]
        columns += (
            [Column("95% less 5%", form, _group(contents, name, variable, form))] if variable == "foreign_share" else []
        )

    def row(scenario: str, year: int) -> tuple[Cell, ...]:
        cells: list[Cell] = [scenario, year]
        for _, variable, item in measures:
            place = (scenario, variable, _TOTAL, item, year)
            cells += [contents.level(place, statistic) for _, statistic in _LEVEL]
            width = contents.level(place, "p95") - contents.level(place, "p05")
            cells += [width] if variable == "foreign_share" else []
        return tuple(cells)

    return Sheet(
        "By year",
        f"All layers together, {contents.years[0]} to {contents.years[-1]}",
        "Each year's median, mean, and the range from 5% to 95% of the draws. Medians of scenarios do not subtract to "
        "the median of the difference: for that see the sheet of differences.",
        tuple(columns),
        tuple(row(scenario, year) for scenario in contents.ordered for year in contents.years) if measures else (),
        2,
    )


_SCENARIO: Final = (Column("Scenario", "scenario", width=24),)


def _group(contents: Contents, name: str, variable: str, form: Form) -> str:
    """What stands above the columns of a measure: its name and unit."""
    units = {"percent": "%", "points": "percentage points"}
    return f"{name} ({units.get(form, unit_of(variable, contents.currency, contents.counted))})"


def _is_held(contents: Contents, variable: str, item: str) -> bool:
    """Whether the summary or the comparison has a variable over all layers."""
    where = contents.differences if VARIABLES[variable].summary == "difference" else contents.levels
    return any(place[1:4] == (variable, _TOTAL, item) for place in where)


class _Part(NamedTuple):
    """Columns of a provider's number: what stands above them, which statistics of which year, of a level or gain."""

    name: str
    variable: str
    form: Form
    statistics: tuple[tuple[str, str], ...]
    year: int
    is_gain: bool = False

    def columns(self, contents: Contents) -> Iterator[Column]:
        """A column for each statistic."""
        group = self.name if self.variable in _OF_WAYS else _group(contents, self.name, self.variable, self.form)
        width = (15, 11)[len(self.statistics) - 1] if len(self.statistics) < 3 else 9
        for header, key in self.statistics:
            yield Column(header, "percent" if key == "p_positive" else self.form, group, width)


_OF_WAYS: Final = frozenset(name for way, its in WAYS.items() for name in (way, its.regret))
"""Of who goes its own way: shares of draws, which say so themselves."""


def _parts(contents: Contents) -> list[_Part]:
    """What is shown of a provider, as far as the study has it."""
    first, last, base = contents.years[0], contents.years[-1], contents.title(contents.baseline)
    year = contents.answer_year
    draws = (("of draws", "mean"),)
    parts = (
        _Part(f"Share of the market in {first}", "market_share", "percent", (("median", "p50"),), first),
        _Part(f"Share of the market in {year}", "market_share", "percent", _LEVEL, year),
        _Part(f"Revenue from customers in {year}", "revenue_gross", "money", _MIDDLE, year),
        _Part(f"Revenue kept in {year}", "revenue_retained", "money", _MIDDLE, year),
        _Part(f"Present value to {last}", "npv", "money", _MIDDLE, last),
        _Part(f"Present value less that under {base}", "npv", "change", _GAIN, last, True),
        _Part(f"Launches {contents.own_words['own']}", "enters", "percent", draws, last),
        _Part("Launches and is worse off", "regret", "percent", draws, last, True),
        _Part(f"Buys {contents.own_words['stake']}", "buys_out", "percent", draws, last),
        _Part("Buys and is worse off", "buy_out_regret", "percent", draws, last, True),
    )
    levels, gains = ({place[1] for place in known} for known in (contents.levels, contents.differences))
    possible = {way for one in contents.scenarios.values() for way in ways_of(one)}
    closed = {name for way in WAYS.keys() - possible for name in (way, WAYS[way].regret)} if possible else set()
    return [part for part in parts if part.variable in (gains if part.is_gain else levels) - closed]


def _by_provider(contents: Contents) -> Sheet:
    parts = _parts(contents)

    def row(scenario: str, provider: str) -> tuple[Cell, ...]:
        cells: list[Cell] = [scenario, _who(contents, provider), _origin(contents, scenario, provider)]
        for part in parts:
            known = contents.difference if part.is_gain else contents.level
            place = _held_by(provider, scenario, part.variable, part.year)
            cells += [known(place, statistic) for _, statistic in part.statistics]
        return tuple(cells)

    rows = (row(scenario, one) for scenario in contents.ordered for one in _providers(contents, scenario))
    return Sheet(
        "By provider",
        f"Each provider in {contents.answer_year}, all layers together",
        "Foreign providers together come first. Present values are of the value flow to the last year, without what "
        "comes after it; capital is charged as rent. Empty: the number does not exist.",
        (
            *_SCENARIO,
            Column("Provider", width=24),
            Column("Origin", width=10),
            *(column for part in parts for column in part.columns(contents)),
        ),
        tuple(rows) if parts else (),
        2,
    )


def _held_by(provider: str, scenario: str, variable: str, year: int) -> Place:
    """Where a provider's number stands; the share of all foreign providers is a variable of its own."""
    if provider == _FOREIGN and variable == "market_share":
        return scenario, "foreign_share", _TOTAL, "", year
    return scenario, variable, _TOTAL, provider, year


def _providers(contents: Contents, scenario: str) -> list[str]:
    """Foreign providers together, then each provider of a scenario."""
    found = [place[3] for place in contents.levels if place[:3] == (scenario, "market_share", _TOTAL)]
    return [_FOREIGN, *dict.fromkeys(found)]


def _who(contents: Contents, provider: str) -> str:
    return "All foreign providers" if provider == _FOREIGN else contents.provider_title(provider)


def _origin(contents: Contents, scenario: str, provider: str) -> str:
    """Whether a provider is foreign: it alone has a present value."""
    is_foreign = any(place[:4] == (scenario, "npv", _TOTAL, provider) for place in contents.levels)
    return "foreign" if provider == _FOREIGN or is_foreign else "domestic"


def _differences(contents: Contents) -> Sheet:
    measures = [one for one in _DIFFERENCES if _is_held(contents, one[1], one[2])]
    columns = [*_SCENARIO, Column("Year", "year", width=6)]
    for name, variable, _ in measures:
        form: Form = "points" if variable == "foreign_share" else "change"
        group = _group(contents, name, variable, form)
        columns += [Column(header, form, group) for header, _ in _LEVEL] + [Column(_GAIN[-1][0], "percent", group)]

    def row(scenario: str, year: int) -> tuple[Cell, ...]:
        cells: list[Cell] = [scenario, year]
        for _, variable, item in measures:
            place, factor = (scenario, variable, _TOTAL, item, year), 100.0 if variable == "foreign_share" else 1.0
            cells += [factor * contents.difference(place, statistic) for _, statistic in _LEVEL]
            cells += [contents.difference(place, "p_positive")]
        return tuple(cells)

    return Sheet(
        "Differences",
        f"Each scenario less {contents.title(contents.baseline)}, draw by draw",
        "All scenarios share their draws, so what they have in common, luck included, cancels. Mean and median differ "
        "where few draws gain much. P(above 0) is the share of draws in which the difference is above zero.",
        tuple(columns),
        tuple(row(scenario, year) for scenario in contents.others for year in contents.years) if measures else (),
        2,
    )


def _who_gains(contents: Contents) -> Sheet:
    year = contents.answer_year
    parties = [one for one in PARTIES if any(place[1:4] == (one[1], _TOTAL, one[2]) for place in contents.differences)]
    unit = unit_of("consumer_gain", contents.currency)
    columns = [Column(header, "change", f"Difference in {year} ({unit})") for header, _ in _LEVEL]

    def row(scenario: str, party: tuple[str, str, str]) -> tuple[Cell, ...]:
        name, variable, item = party
        place = (scenario, variable, _TOTAL, item, year)
        return (scenario, name, *(contents.difference(place, statistic) for _, statistic in _GAIN))

    return Sheet(
        "Who gains",
        f"Who gains and who loses in {year}, against {contents.title(contents.baseline)}",
        "Yearly flows. Rows do not add up: profit is after costs, gross profit before overheads, and the consumer gain "
        "is what better and cheaper offers are worth to customers.",
        (*_SCENARIO, Column("Party", width=42), *columns, Column("P(above 0)", "percent")),
        tuple(row(scenario, party) for scenario in contents.others for party in parties),
        2,
    )


def _drivers(contents: Contents) -> Sheet:
    rows: list[tuple[Cell, ...]] = []
    for (label, scenario), group in groupby(contents.drivers, lambda row: (row.outcome, row.scenario)):
        asked = _asked(label, contents.currency)
        if (asked is None or asked.item in ("", _FOREIGN)) and scenario in contents.scenarios:
            rows += _driver_rows(contents, label, asked, scenario, list(group))
    columns = (
        *_SCENARIO,
        Column("Outcome", width=50),
        Column("What is not known", width=56),
        Column("Why not", width=13),
        Column("Evidence", width=11),
        Column("alone", "percent", "Share of the uncertainty that it explains"),
        Column("std. error", "percent", "Share of the uncertainty that it explains"),
        Column("lowest fifth", "number", "Mean of the outcome where it is in its", 11),
        Column("highest fifth", "number", "Mean of the outcome where it is in its", 11),
        Column("Unit", width=11),
    )
    return Sheet(
        "Drivers",
        "What the answer hangs on",
        f"For each outcome at most {_DRIVERS} inputs, those that alone explain most of its variance over the draws "
        "and are told from 0. Ignorance: a number that nobody has measured well; disagreement: which hypothesis or "
        "reading holds; luck: what is not decided yet. Of a choice the fifths are the answers with the lowest and the "
        "highest mean.",
        columns,
        tuple(rows),
        1,
    )


_OUTCOME: Final = re.compile(r"(gain\()?([a-z_]+)\.?([^()]*?)\.?(\d{4})\)?")


def _asked(label: str, currency: str) -> Outcome | None:
    """The outcome that a label names; None if none is known of it."""
    found = _OUTCOME.fullmatch(label)
    if found is None or found[2] not in VARIABLES:
        return None
    scope, _, item = found[3].partition(".")
    return Outcome(found[2], scope, item, int(found[4]), unit_of(found[2], currency), is_gain=bool(found[1]))


def _driver_rows(
    contents: Contents, label: str, asked: Outcome | None, scenario: str, rows: list[DriverRow]
) -> Iterator[tuple[Cell, ...]]:
    """What drives an outcome of a scenario, of which nothing but its label may be known."""
    named, (form, factor, name) = contents.scenarios[scenario], _measure_of(asked)
    what = label if asked is None else capital(asked.words(named))
    units = [row for row in rows if row.is_unit and row.is_told]
    for unit in sorted(units, key=lambda row: -row.first)[:_DRIVERS]:
        columns = [row for row in rows if row.unit == unit.unit and not isnan(row.swing)]
        widest = max(columns, key=lambda row: abs(row.swing), default=unit)
        words = capital(unit_words(unit.unit, named))
        if widest.column not in ("", unit.unit) and not widest.column.startswith(f"{unit.unit}="):
            words += f" ({unit_words(widest.column, named)})"
        ends = (Measured(factor * value, form) for value in (widest.low, widest.high))
        yield (scenario, what, words, unit.kind, unit.grade, unit.first, unit.first_se, *ends, name)


def _measure_of(asked: Outcome | None) -> tuple[Form, float, str]:
    """How an outcome is shown, what it is multiplied by for that, and its unit in words."""
    if asked is None:
        return "money", 1.0, ""
    if asked.unit == "fraction":
        return ("points", 100.0, "points") if asked.is_gain else ("percent", 1.0, "share")
    return "change" if asked.is_gain else "money", 1.0, asked.unit


def _timeline(contents: Contents) -> Sheet:
    chances, dates = "In so many draws it", "Date, as a year"
    return Sheet(
        "Timeline",
        "When things happen",
        "Events that happen in some draw. Quantiles of a date count a draw in which it never comes as later than any: "
        "where one is empty, the event does not come in so large a share of draws. 2020.0 is the first of January.",
        (
            *_SCENARIO,
            Column("Event", width=28),
            Column("Actor", width=24),
            Column("happens", "percent", chances, 12),
            Column("is waited for", "percent", chances, 12),
            *(Column(header, "date", dates) for header in ("median", "5%", "95%")),
        ),
        tuple(
            _event(contents, scenario, row)
            for scenario in contents.ordered
            for row in contents.timelines.get(scenario, ())
            if row.share_happens > 0
        ),
        2,
    )


def _event(contents: Contents, scenario: str, row: TimelineRow) -> tuple[Cell, ...]:
    actor = "Policy" if row.actor == "policy" else contents.provider_title(row.actor)
    chances, dates = (row.share_happens, row.share_waited), (row.p50, row.p05, row.p95)
    return (scenario, capital(readable(row.event)), actor, *chances, *dates)


def _settings(contents: Contents) -> Sheet:
    """What the scenarios do not have in common."""
    header, *rows = contents.parameters or ((),)
    names = [name for name in contents.ordered if name in header]
    places = [list(header).index(name) for name in names]
    differing = [(row[0], *(row[place] for place in places)) for row in rows if row[1] == "differs"]
    return Sheet(
        "What differs",
        "In what the scenarios differ",
        "Every setting and number that is not the same in all of them, by its path in the scenario file; empty where a "
        "scenario does not have it.",
        (Column("Path", width=48), *(Column(contents.title(name), width=24) for name in names)),
        tuple(differing),
        1,
    )


def _assumptions(contents: Contents) -> Sheet:
    rows: list[tuple[Cell, ...]] = []
    for item, scenarios in _records(contents):
        whose = "all" if len(scenarios) == len(contents.scenarios) else ", ".join(map(contents.title, scenarios))
        rows.append(_assumption(item, contents.scenarios[scenarios[0]], whose))
    return Sheet(
        "Assumptions",
        "Every number that goes in, with its source",
        "Grades: found (stands in the source), derived (follows from it), recalled (from memory), judgement. "
        "The path, at the right, is what --set takes. Where a 5% and a 95% point stand, the number is uncertain.",
        (
            Column("Assumption", width=42),
            Column("Stated as", width=30),
            Column("Unit", width=12),
            Column("5%", "number", "Points of its distribution"),
            Column("median", "number", "Points of its distribution"),
            Column("95%", "number", "Points of its distribution"),
            Column("Grade", width=11),
            Column("Describes", width=11),
            Column("Source", width=44),
            Column("Published", width=11),
            Column("In", width=14),
            Column("Note", width=60),
            Column("Path", width=42),
        ),
        tuple(rows),
        1,
    )


def _records(contents: Contents) -> Iterator[tuple[Input, list[str]]]:
    """Every number that the engine reads, once for scenarios that state it alike, with their names."""
    found: dict[tuple[str, str], tuple[Input, list[str]]] = {}
    for name, scenario in contents.scenarios.items():
        for item in {item.path: item for item in inputs(scenario)}.values():
            key = (item.path, item.record.model_dump_json())
            found.setdefault(key, (item, []))[1].append(name)
    paths = list(dict.fromkeys(path for path, _ in found))
    yield from (found[key] for key in sorted(found, key=lambda key: paths.index(key[0])))


def _assumption(item: Input, scenario: Scenario, whose: str) -> tuple[Cell, ...]:
    record = item.record
    levels: Sequence[Cell] = (None, None, None)
    if not isinstance(record, Discrete):
        low, middle, high = record.quantile(np.array([0.05, 0.5, 0.95])).tolist()
        levels = (None, middle, None) if record.is_fixed else (low, middle, high)
    source = scenario.sources.get(record.source)
    title = source.title if source else record.source
    named: Cell = Link(title, source.address) if source and source.address else title
    published = f"{source.published}" if source else ""
    described = (capital(item.title), record.described(), record.unit, *levels, record.grade, str(record.as_of or ""))
    return (*described, named, published, whose, record.note or "", item.path)


def is_number(cell: Cell) -> bool:
    """Whether a cell shows a number that exists."""
    return isinstance(cell, float | int) and isfinite(cell)
