"""The tables of any study as sheets: as they stand, a column of numbers as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import Final

from sim.outcomes.tables import read_csv
from sim.report.sheets import Cell, Column, Form, Sheet
from sim.wording import capital, readable

__all__ = ["MOST_ROWS", "plain_sheets"]

MOST_ROWS: Final = 1_000_000
"""Of a sheet; Excel takes a few more."""

_LONGEST: Final = 31
_REFUSED: Final = re.compile(r"[\[\]:*?/\\']")
"""Letters of a sheet's name at most, and those that it must not hold."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NARROW: Final = 10
_WIDE: Final = 40


def plain_sheets(tables: Mapping[str, bytes]) -> tuple[Sheet, ...]:
    """A sheet for each table by path; those with more rows than a sheet takes are cut there, and say so."""
    taken: set[str] = set()
    return tuple(_sheet(path, content, taken) for path, content in tables.items())


def _sheet(path: str, content: bytes, taken: set[str]) -> Sheet:
    header, *rows = [row for row in read_csv(content) if row] or [[]]
    kept = [(row + [""] * len(header))[: len(header)] for row in rows[:MOST_ROWS]]
    note = f"{path}, as it stands in the study."
    note += f" The first {MOST_ROWS:,} of {len(rows):,} rows." if len(kept) < len(rows) else ""
    columns = [_column(name, [row[place] for row in kept]) for place, name in enumerate(header)]
    cells = (tuple(map(_cell, row, columns)) for row in kept)
    stem = PurePosixPath(path).with_suffix("")
    title = capital(readable(stem.name))
    return Sheet(_free(_REFUSED.sub(" ", f"{stem}"), taken), title, note, tuple(columns), tuple(cells))


def _free(name: str, taken: set[str]) -> str:
    """A name that no other sheet has, whatever its case."""
    tails = ("" if place == 1 else f" {place}" for place in count(1))
    found = next(one for one in (name[: _LONGEST - len(tail)] + tail for tail in tails) if one.lower() not in taken)
    taken.add(found.lower())
    return found


def _column(name: str, cells: Sequence[str]) -> Column:
    stated = [cell for cell in cells if cell]
    form: Form = "number" if stated and all(map(_NUMBER.fullmatch, stated)) else "text"
    longest = max(map(len, stated), default=0) if form == "text" else _NARROW
    return Column(name, form, width=max(_NARROW, min(longest, _WIDE), min(len(name), 2 * _NARROW)))


def _cell(text: str, column: Column) -> Cell:
    return text if column.form == "text" else float(text) if text else None
