"""Charts that a spreadsheet draws itself from the tables beside them, in the colours of the scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, TypeAlias

from xlsxwriter.chart import Chart
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from sim.report.contents import Contents
from sim.report.layout import FIRST_ROW, Looks, write_heading
from sim.report.sheets import KEPT, SHARE, Sheet

__all__ = ["add_charts"]

_WIDTH: Final = 640
_HEIGHT: Final = 340
_COLUMN: Final = 68
_ROW: Final = 20
"""Pixels of a chart, and of a cell below it."""

_FIRST_ROW: Final = 3
_PAGE: Final = 48
"""Where charts begin, and rows of cells on a printed page."""

_PRINTED: Final = 58
"""Percent of its size in which the sheet is printed, so that two charts are as wide as a page in any font."""

_BAR: Final = 10
_BESIDE_BARS: Final = 160
"""Pixels of a bar, and of what stands above and below all of them."""

_GREY: Final = "#6E6E6E"
_LIGHT: Final = "#D9D9D9"
_LONGEST: Final = 60
"""Letters of a scenario's title in a chart."""

_STEP: Final = 0.05
"""Axes of shares end at a multiple of it."""

Area: TypeAlias = list[Any]


@dataclass(frozen=True)
class _Drawn:
    """A chart, what stands above it, what it shows in words, the series that its legend leaves out, and its height."""

    chart: Chart
    title: str
    description: str
    unnamed: tuple[int, ...] = ()
    height: int = _HEIGHT


def add_charts(book: Workbook, sheet: Worksheet, looks: Looks, contents: Contents, tables: Sequence[Sheet]) -> None:
    """Put the charts of the tables that there are on a sheet, two beside each other."""
    note = "Drawn by the spreadsheet from the tables of this workbook: what is changed there changes here."
    write_heading(sheet, looks, "The main numbers as charts", note, [9.0] * 12)
    drawn = list(_Charts(book, looks, contents, {table.name: table for table in tables}).all())
    row, room = _FIRST_ROW, _PAGE
    breaks: list[int] = []
    for pair in zip(drawn[::2], [*drawn[1::2], None][: len(drawn[::2])], strict=True):
        height = max(one.height for one in pair if one) // _ROW + 1
        if height > room:
            breaks, room, row = [*breaks, row], _PAGE, row + 1
        for place, one in enumerate(pair):
            if one is not None:
                _insert(sheet, one, row, place * (_WIDTH // _COLUMN + 2))
        row, room = row + height, room - height
    sheet.set_print_scale(_PRINTED)
    sheet.set_h_pagebreaks(breaks)


def _insert(sheet: Worksheet, drawn: _Drawn, row: int, column: int) -> None:
    """Put a chart at a place."""
    drawn.chart.set_title({"name": drawn.title, "name_font": {"size": 12, "bold": True}})
    drawn.chart.set_size({"width": _WIDTH, "height": drawn.height})
    drawn.chart.set_legend({"position": "bottom", "delete_series": list(drawn.unnamed)})
    sheet.insert_chart(row, column, drawn.chart, {"description": drawn.description, "object_position": 1})


class _Charts:
    """The charts of some tables."""

    def __init__(self, book: Workbook, looks: Looks, contents: Contents, tables: Mapping[str, Sheet]) -> None:
        self._book, self._looks, self._contents, self._tables = book, looks, contents, tables
        self._base = self._short(contents.baseline)

    def all(self) -> Iterator[_Drawn]:
        """Shares, revenue, differences, who gains; then the share of each scenario with its range."""
        by_year = self._tables.get("By year")
        has_share = by_year is not None and any(column.header == "95% less 5%" for column in by_year.columns)
        if by_year and has_share and self._contents.others:
            yield self._medians(by_year, SHARE, "percent")
        if by_year and any(column.group.startswith(KEPT) for column in by_year.columns):
            yield self._medians(by_year, KEPT, "money")
        if "Differences" in self._tables and any(one.form == "points" for one in self._tables["Differences"].columns):
            yield from (self._differences(self._tables["Differences"], one) for one in ("median", "mean"))
        if "Who gains" in self._tables:
            yield from (self._parties(self._tables["Who gains"], one) for one in ("median", "mean"))
        if by_year and has_share:
            yield from (self._band(by_year, name) for name in self._contents.ordered)

    def _medians(self, table: Sheet, measure: str, form: str) -> _Drawn:
        chart = self._book.add_chart({"type": "line"})
        group = next(column.group for column in table.columns if column.group.startswith(measure))
        for name in self._contents.ordered:
            chart.add_series(self._line(table, name, group, "median"))
        self._year_axis(chart)
        unit = group.removeprefix(f"{measure} (").removesuffix(")")
        chart.set_y_axis(self._share_axis("p50") if form == "percent" else _axis(unit, "#,##0.0"))
        title = f"{measure}: medians"
        return _Drawn(chart, title, f"{title} of all draws by year, a line for each scenario; sheet By year.")

    def _differences(self, table: Sheet, statistic: str) -> _Drawn:
        chart = self._book.add_chart({"type": "line"})
        for name in self._contents.others:
            chart.add_series(self._line(table, name, _group(table, "points"), statistic))
        self._year_axis(chart)
        chart.set_y_axis(_axis("Percentage points of the market", "0.0"))
        title = f"Share gained over {self._base}: {statistic}s"
        words = f"{title} of the differences, draw by draw, by year, a line for each scenario; sheet Differences."
        return _Drawn(chart, title, words)

    def _parties(self, table: Sheet, statistic: str) -> _Drawn:
        chart, group = self._book.add_chart({"type": "bar"}), table.columns[2].group
        for name in self._contents.others:
            area = self._area(table, name, table.column(statistic, group))
            names = self._area(table, name, table.column("Party"))
            look = {"fill": {"color": self._colour(name)}, "border": {"none": True}, "gap": 40}
            chart.add_series({"name": self._short(name), "categories": names, "values": area} | look)
        chart.set_x_axis(_axis(group, "#,##0.0"))
        low = {"label_position": "low", "reverse": True, "num_font": {"size": 9}, "line": {"color": _GREY}}
        chart.set_y_axis({"name": "Party", "name_font": _SMALL, "crossing": "max"} | low)
        year = self._contents.answer_year
        title = f"Who gains and who loses in {year}, against {self._base}: {statistic}s"
        words = f"{title} of the differences, a bar for each scenario; sheet Who gains."
        return _Drawn(chart, title, words, height=max(_HEIGHT, _BESIDE_BARS + _BAR * len(table.rows)))

    def _band(self, table: Sheet, name: str) -> _Drawn:
        """Median and 90% range of one scenario, the baseline's median beside it."""
        group, colour = _group(table, "percent"), self._colour(name)
        chart, lines = (
            self._book.add_chart({"type": "area", "subtype": "stacked"}),
            self._book.add_chart({"type": "line"}),
        )
        below = self._series(table, name, group, "5%") | {"name": "below 5%", "fill": {"none": True}}
        chart.add_series(below | {"border": {"none": True}})
        band = self._series(table, name, group, "95% less 5%") | {"name": "5% to 95% of draws"}
        chart.add_series(band | {"fill": {"color": colour, "transparency": 70}, "border": {"none": True}})
        lines.add_series(self._line(table, name, group, "median") | {"name": "median"})
        is_other = name != self._contents.baseline
        if is_other:
            dashed = {"color": _GREY, "width": 1.5, "dash_type": "dash"}
            beside = {"name": f"{self._base}, median", "line": dashed}
            lines.add_series(self._line(table, self._contents.baseline, group, "median") | beside)
        chart.combine(lines)
        self._year_axis(chart)
        chart.set_y_axis(self._share_axis("p95"))
        title = f"Foreign providers' share: {self._short(name)}"
        words = "median and range from 5% to 95% of draws by year" + ", beside the baseline's median" * is_other
        return _Drawn(chart, title, f"{title}: {words}; sheet By year.", (0,))

    def _line(self, table: Sheet, name: str, group: str, header: str) -> dict[str, Any]:
        """A series as a line in its scenario's colour."""
        look = {"line": {"color": self._colour(name), "width": 2.25}, "marker": {"type": "none"}}
        return self._series(table, name, group, header) | {"name": self._short(name)} | look

    def _series(self, table: Sheet, name: str, group: str, header: str) -> dict[str, Any]:
        values = self._area(table, name, table.column(header, group))
        return {"categories": self._area(table, name, table.column("Year")), "values": values}

    def _area(self, table: Sheet, name: str, column: int) -> Area:
        """The cells of a scenario in a column."""
        first, last = table.span(name)
        return [table.name, FIRST_ROW + first, column, FIRST_ROW + last, column]

    def _share_axis(self, statistic: str) -> dict[str, Any]:
        """An axis of shares that all charts of this kind have in common."""
        contents = self._contents
        places = [(name, "foreign_share", "total", "", year) for name in contents.names for year in contents.years]
        most = max(contents.level(place, statistic) for place in places)
        return _axis("Share of spending", "0%") | {"min": 0, "max": max(ceil(most / _STEP), 1) * _STEP}

    def _year_axis(self, chart: Chart) -> None:
        chart.set_x_axis({"name": "Year", "name_font": _SMALL, "num_font": {"size": 9}, "label_position": "low"})

    def _short(self, name: str) -> str:
        title = self._contents.title(name)
        return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"

    def _colour(self, name: str) -> str:
        return self._looks.colours[name]


_SMALL: Final = {"size": 9, "bold": False}


def _group(table: Sheet, form: str) -> str:
    """What stands above the first columns of a form."""
    return next(column.group for column in table.columns if column.form == form)


def _axis(name: str, form: str) -> dict[str, Any]:
    grid = {"visible": True, "line": {"color": _LIGHT, "width": 0.75}}
    return {"name": name, "name_font": _SMALL, "num_font": {"size": 9}, "num_format": form, "major_gridlines": grid}
