"""CSV text as rows of cells, each of which knows where it stands; by RFC 4180."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from sim.errors import ScenarioError
from sim.reading.documents import Place

__all__ = ["Cell", "cells"]

_CELL: Final = re.compile(r'[ \t]*(?:"((?:[^"]|"")*)"[ \t]*|([^,"\r\n]*))(,|\r\n|\n|\r|\Z)')
_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class Cell(NamedTuple):
    """A cell without its quotation marks and the blanks around it, and the place at which it begins."""

    text: str
    place: Place


def cells(text: str, file: str) -> Iterator[list[Cell]]:
    """The rows of a CSV text; `file` is the name that the places bear.

    Raises
    ------
    ScenarioError
        At a quotation mark that does not enclose a whole cell.
    """
    row: list[Cell] = []
    at, line, line_start = 0, 1, 0
    while at < len(text) or row:
        place = Place(file, line, at - line_start + 1)
        match = _CELL.match(text, at)
        if match is None:
            message = "a quotation mark that does not enclose the whole cell; write it twice inside"
            raise ScenarioError([place.problem("", message)])
        quoted, bare, end = match.groups()
        row.append(Cell((bare if quoted is None else quoted.replace('""', '"')).strip(), place))
        at, ends = match.end(), list(_LINE_END.finditer(text, match.start(), match.end()))
        if ends:
            line, line_start = line + len(ends), ends[-1].end()
        if end != ",":
            yield row
            row = []
