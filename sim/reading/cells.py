"""CSV text as rows of cells, each of which knows where it stands; by RFC 4180."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from sim.errors import ScenarioError
from sim.reading.documents import Place, hidden

__all__ = ["Cell", "cells"]

_CELL: Final = re.compile(r'[ \t]*+(?:"((?:[^"]|"")*+)"[ \t]*+|([^,"\r\n]*+))(,|\r\n|\n|\r|\Z)')
"""Takes what it takes for good: a cell that fits nothing is refused in time proportional to its length."""

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
        At a quotation mark that does not enclose a whole cell, or a character that a terminal would not show.
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
        row.append(Cell(_shown(bare if quoted is None else quoted.replace('""', '"'), place), place))
        at, may_end = match.end(), end != "," or quoted is not None
        ends = list(_LINE_END.finditer(text, match.start(), at)) if may_end else []
        if ends:
            line, line_start = line + len(ends), ends[-1].end()
        if end != ",":
            yield row
            row = []


def _shown(text: str, place: Place) -> str:
    """The text of a cell; ScenarioError if a terminal would not show it."""
    kept = text.strip().replace("\r\n", "\n")
    objection = hidden(kept)
    if objection:
        raise ScenarioError([place.problem("", objection)])
    return kept
