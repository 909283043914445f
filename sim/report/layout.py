"""How a workbook looks: formats, and a table laid out on a sheet of its own."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final

import numpy as np
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from sim.report.sheets import Cell, Column, Form, Link, Measured, Sheet, is_number

__all__ = ["CREATED", "FIRST_ROW", "OPTIONS", "Looks", "add_sheet", "cut", "write_heading", "write_table"]

CREATED: Final = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""Stands where a workbook states a day: that of the study is not in its manifest."""

OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
"""No text is taken for anything else, and nothing is written beside the bytes."""

_MOST_LETTERS: Final = 32_767
_MOST_ADDRESS: Final = 2_000
_MOST_TIP: Final = 255
"""Letters that Excel takes in a cell, and a little less than in an address that it leads to; in what explains that."""

_INK: Final = "#222222"
_GREY: Final = "#6E6E6E"
_RULE: Final = "#BFBFBF"
_HEAD: Final = "#F0F0F0"

_NUMBERS: Final[Mapping[Form, str]] = {
    "year": "0",
    "date": "0.0",
    "percent": "0.0%",
    "points": "[>=0.05]+0.0;[<=-0.05]-0.0;0.0",
    "money": "#,##0.00",
    "change": "[>=0.005]+#,##0.00;[<=-0.005]-#,##0.00;0.00",
    "number": "#,##0.0###",
}
_DIGITS: Final[Mapping[Form, int]] = {"percent": 3, "points": 1, "money": 2, "change": 2, "number": 4}
"""After the point, of what a form shows: a negative number that rounds to nothing is written as 0."""

_GROUPS: Final = 3
_HEADER: Final = 4
FIRST_ROW: Final = 5
"""Rows of a sheet, counted from 0: of what stands above columns, of their headers, and the first of the table."""

_LETTERS: Final = 120
"""In a line of a note, which runs over columns."""

_WORDS: Final = 20
"""Letters of a column that holds more than a word or two."""

_LINE: Final = 14
"""Points of a line of text."""

_ADDRESS: Final = re.compile(r"(https?://)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?(/\S*)?")


class Looks:
    """The formats of a workbook, each made once, and what a scenario is called and coloured."""

    def __init__(self, book: Workbook, titles: Mapping[str, str], colours: Mapping[str, str]) -> None:
        self._book, self._known = book, dict[tuple[tuple[str, Any], ...], Format]()
        self.titles, self.colours = titles, colours

    def look(self, **properties: Any) -> Format:
        """A format with some properties."""
        common = {"font_name": "Calibri", "font_size": 10, "font_color": _INK, "valign": "vcenter"}
        key = tuple((common | properties).items())
        if key not in self._known:
            self._known[key] = self._book.add_format(common | properties)
        return self._known[key]

    def scenario(self, name: str, **properties: Any) -> Format:
        """The format of a scenario's title: a bar of its colour at the left."""
        return self.look(left=5, left_color=self.colours[name], align="left", indent=1, **properties)


def add_sheet(book: Workbook, name: str) -> Worksheet:
    """A sheet without gridlines, as it is printed: across, and as wide as a page."""
    sheet = book.add_worksheet(name)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&RPage &P of &N")
    return sheet


def write_heading(sheet: Worksheet, looks: Looks, title: str, note: str, widths: Sequence[float]) -> None:
    """A title in the first row, and a note below it that runs over the columns as far as it is read easily."""
    sheet.set_row(0, 24)
    sheet.write_string(0, 0, cut(title), looks.look(bold=True, font_size=15))
    look = looks.look(text_wrap=True, font_color=_GREY)
    rooms = np.cumsum(np.array(widths) + 1)
    last = min(int(np.searchsorted(rooms, _LETTERS)), len(widths) - 1)
    sheet.set_row(1, 14 * ceil(1.1 * len(note) / rooms[last]))
    if last:
        sheet.merge_range(1, 0, 1, last, cut(note), look)
    else:
        sheet.write_string(1, 0, cut(note), look)


def write_table(book: Workbook, looks: Looks, table: Sheet) -> None:
    """A table on a sheet of its own: title, note, headers, rows, and what makes them easy to use."""
    _Table(book, looks, table).write()


class _Table:
    """A table on a sheet of its own."""

    def __init__(self, book: Workbook, looks: Looks, table: Sheet) -> None:
        self._book, self._looks, self._table = book, looks, table
        self._sheet = add_sheet(book, table.name)

    def write(self) -> None:
        """Title, note, headers, rows, and what makes them easy to use."""
        sheet, table = self._sheet, self._table
        write_heading(sheet, self._looks, table.title, table.note, [column.width for column in table.columns])
        self._write_headers()
        for place, row in enumerate(table.rows):
            begins = table.columns[0].form == "scenario" and place > 0 and row[0] != table.rows[place - 1][0]
            for column, cell in enumerate(row):
                self._write(FIRST_ROW + place, column, cell, {"top": 1, "top_color": _RULE} if begins else {})
            sheet.set_row(FIRST_ROW + place, _LINE * max(map(_lines, row, table.columns)) + 1)
        last_row, last_column = FIRST_ROW + len(table.rows) - 1, len(table.columns) - 1
        sheet.autofilter(_HEADER, 0, last_row, last_column)
        sheet.freeze_panes(FIRST_ROW, table.fixed)
        sheet.repeat_rows(_GROUPS, _HEADER)
        area = f"$A${_HEADER + 1}:{xl_rowcol_to_cell(last_row, last_column, True, True)}"
        self._book.define_name(table.name.replace(" ", "_"), f"='{table.name}'!{area}")

    def _write_headers(self) -> None:
        columns = self._table.columns
        for place, column in enumerate(columns):
            self._sheet.set_column(place, place, column.width + 1)
            align = {"align": "left", "indent": 1} if column.form in ("text", "scenario") else {"align": "right"}
            edge = {"left": 1, "left_color": _RULE} if self._begins_group(place) else {}
            look = self._looks.look(bold=True, bg_color=_HEAD, bottom=1, text_wrap=True, **align, **edge)
            self._sheet.write_string(_HEADER, place, column.header, look)
        self._sheet.set_row(_HEADER, _LINE * max(ceil(1.2 * len(one.header) / one.width) for one in columns) + 2)
        begins = [place for place in range(len(columns)) if self._begins_group(place)]
        lines = 1
        for first in begins:
            last = next((end for end in range(first, len(columns)) if columns[end].group != columns[first].group), None)
            last = len(columns) if last is None else last
            self._write_group(first, last - 1)
            room = sum(column.width + 1 for column in columns[first:last])
            lines = max(lines, ceil(1.15 * len(columns[first].group) / room))
        self._sheet.set_row(_GROUPS, 15 * lines)

    def _begins_group(self, place: int) -> bool:
        columns = self._table.columns
        return bool(columns[place].group) and (place == 0 or columns[place - 1].group != columns[place].group)

    def _write_group(self, first: int, last: int) -> None:
        """What stands above some columns."""
        text = self._table.columns[first].group
        look = self._looks.look(bold=True, bg_color=_HEAD, text_wrap=True, left=1, left_color=_RULE, align="left")
        if first == last:
            self._sheet.write_string(_GROUPS, first, text, look)
        else:
            self._sheet.merge_range(_GROUPS, first, _GROUPS, last, text, look)

    def _write(self, row: int, place: int, cell: Cell, edge: Mapping[str, Any]) -> None:
        column = self._table.columns[place]
        if column.form == "scenario":
            name = str(cell)
            self._sheet.write_string(row, place, cut(self._looks.titles[name]), self._looks.scenario(name, **edge))
            return
        left = {"left": 1, "left_color": _RULE} if self._begins_group(place) else {}
        write_cell(self._sheet, self._looks, (row, place), cell, column, {**edge, **left})


def write_cell(
    sheet: Worksheet, looks: Looks, at: tuple[int, int], cell: Cell, column: Column, edge: Mapping[str, Any]
) -> None:
    """Write a cell as its column shows it; what does not exist stays empty."""
    form = cell.form if isinstance(cell, Measured) else column.form
    value = cell.value if isinstance(cell, Measured) else cell
    if isinstance(value, Link):
        _write_link(sheet, looks, at, value)
    elif isinstance(value, str):
        sheet.write_string(*at, cut(value), looks.look(text_wrap=True, align="left", indent=1, **edge))
    elif is_number(value) and not isinstance(value, Measured | None):
        sheet.write_number(*at, _without_minus_nothing(value, form), looks.look(num_format=_NUMBERS[form], **edge))
    else:
        sheet.write_blank(*at, None, looks.look(**edge))


def _lines(cell: Cell, column: Column) -> int:
    """Lines that a text takes in its column; a narrow one holds single words."""
    text = cell.text if isinstance(cell, Link) else cell
    if not isinstance(text, str) or column.form != "text" or column.width <= _WORDS:
        return 1
    return max(1, ceil(1.1 * len(text) / column.width))


def _write_link(sheet: Worksheet, looks: Looks, at: tuple[int, int], link: Link) -> None:
    """A text that leads to its address, where that is one of the web that a spreadsheet takes."""
    address = _ADDRESS.fullmatch(link.address)
    if address is not None and len(link.address) <= _MOST_ADDRESS:
        leads = link.address if address[1] else f"https://{link.address}"
        look = looks.look(text_wrap=True, align="left", indent=1, font_color="#0563C1", underline=1)
        sheet.write_url(*at, leads, look, cut(link.text), leads[:_MOST_TIP])
    else:
        sheet.write_string(
            *at, cut(f"{link.text} ({link.address})"), looks.look(text_wrap=True, align="left", indent=1)
        )


def _without_minus_nothing(value: float, form: Form) -> float:
    """A number; 0 for one below that would be shown as -0.0."""
    return 0.0 if value < 0 and round(value, _DIGITS.get(form, 6)) == 0 else value


def cut(text: str) -> str:
    """A text as long as a cell holds."""
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
