"""The tables of a study: their rows, and CSV that any spreadsheet reads."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, get_type_hints

from sim.errors import ResultsError
from sim.scenario.scenario import Scenario

__all__ = [
    "Cell",
    "ComparisonRow",
    "HeadlineRow",
    "SummaryRow",
    "TimelineRow",
    "csv_bytes",
    "parameter_columns",
    "parameter_rows",
    "read_csv",
    "read_rows",
]

Row = TypeVar("Row", bound=tuple[Any, ...])

Cell: TypeAlias = str | float | int | None
"""None, NaN and infinities are written as nothing."""


class SummaryRow(NamedTuple):
    """One statistic of one number of one scenario."""

    scenario: str
    variable: str
    scope: str
    item: str
    period: int
    statistic: str
    value: float
    se: float
    unit: str
    share_defined: float


class ComparisonRow(NamedTuple):
    """One statistic of the difference, scenario less baseline, draw by draw."""

    scenario: str
    variable: str
    scope: str
    item: str
    period: int
    statistic: str
    value: float
    se: float
    unit: str
    share_defined: float
    p_positive: float


class TimelineRow(NamedTuple):
    """When one event happens; `share_waited` is the share of draws in which it was waited for."""

    event: str
    actor: str
    share_happens: float
    share_waited: float
    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    median_case: float


class HeadlineRow(NamedTuple):
    """One line of the answer: median, 90% range, mean, and mean paired difference to the baseline with its error."""

    scenario: str
    variable: str
    scope: str
    item: str
    year: int
    unit: str
    median: float
    p05: float
    p95: float
    mean: float
    difference: float
    difference_se: float


_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the full-width forms, which some spreadsheets read alike."""


def csv_bytes(rows: Iterable[Sequence[Cell]], header: Sequence[str] = ()) -> bytes:
    """Rows of one length as CSV by RFC 4180, in UTF-8.

    A text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    if header:
        writer.writerow(header)
    writer.writerows(zip(*map(_column, zip(*rows, strict=True)), strict=True))
    return stream.getvalue().encode()


def _column(cells: Sequence[Cell]) -> list[Cell]:
    """The cells of a column as they are written; few of its texts are not alike."""
    guarded: dict[Cell, Cell] = {
        cell: f"'{cell}" for cell in set(cells) if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS)
    }
    finite = [None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in cells]
    return [guarded.get(cell, cell) for cell in finite] if guarded else finite


def read_csv(content: bytes) -> list[list[str]]:
    """The rows of a table, header included, as texts: without the apostrophes that `csv_bytes` puts before some.

    A byte that is no UTF-8, in a file that a user brought, is marked.
    """
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""))
    return [[cell[1:] if cell[:1] == "'" and cell[1:2] in _STARTS else cell for cell in row] for row in rows]


def read_rows(content: bytes, kind: type[Row], name: str) -> list[Row]:
    """The rows of a table that a study wrote; what is empty there is NaN in a column of numbers.

    Parameters
    ----------
    content : bytes
        CSV, the header first.
    kind : type
        A named tuple of texts and numbers.
    name : str
        What the table is called in an error.

    Raises
    ------
    ResultsError
        It has other columns, or no numbers where there must be some.
    """
    header, *rows = read_csv(content) or [[]]
    types = get_type_hints(kind)
    if header != list(types):
        raise ResultsError(f"{name}: has other columns than this program writes: run the study again")
    try:
        read = [_READERS[of] for of in types.values()]
        return [kind(*(one(cell) for one, cell in zip(read, row, strict=True))) for row in rows]
    except ValueError as error:
        raise ResultsError(f"{name}: {error}: run the study again") from error


def _number(text: str) -> float:
    return float(text) if text else math.nan


_READERS: Final[Mapping[type, Callable[[str], Any]]] = {str: str, int: int, float: _number}
_STARTS: Final = frozenset(_FORMULA_STARTS)


def parameter_columns(scenarios: Sequence[Scenario]) -> tuple[str, ...]:
    """Header of the scenario × parameter table."""
    return ("parameter", "differs", *(scenario.name for scenario in scenarios), *_SHOWN)


def parameter_rows(scenarios: Sequence[Scenario]) -> list[tuple[str, ...]]:
    """The scenario × parameter table: one row a parameter, `differs` where the scenarios do not agree.

    A distribution is one cell, numbers and unit; what a scenario does not have is empty. Behind them stand source, date
    and grade, where the scenarios have several one after the other. How draws are sampled is left out: the scenarios
    of a study share it.
    """
    trees = [scenario.model_dump(mode="json", exclude=_NOT_COMPARED, by_alias=True) for scenario in scenarios]
    columns = [dict(_cells(tree, "")) for tree in trees]
    evidence = [dict(_evidence(tree, "")) for tree in trees]
    paths = dict.fromkeys(path for column in columns for path in column)
    table = ((path, [column.get(path, "") for column in columns]) for path in paths)
    return [
        (path, "differs" if len(set(cells)) > 1 else "", *cells, *_joined([one.get(path, _NONE) for one in evidence]))
        for path, cells in table
    ]


_SHOWN: Final = ("source", "as_of", "grade")
_NONE: Final = ("",) * len(_SHOWN)


def _is_record(node: Any) -> bool:
    """Whether it is a number with its evidence; a market has a unit too."""
    return isinstance(node, Mapping) and "unit" in node and "source" in node


def _evidence(node: Any, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Source, date and grade of every record by path."""
    if _is_record(node):
        yield path, tuple(str(node.get(key) or "") for key in _SHOWN)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _evidence(value, f"{path}.{key}" if path else key)


def _joined(evidence: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The evidence of some scenarios for one parameter, each word once."""
    return tuple("; ".join(dict.fromkeys(filter(None, words))) for words in zip(*evidence, strict=True))


_NOT_COMPARED: Final = {
    "name",
    "title",
    "colour",
    "question",
    "region",
    "sources",
    "schema_version",
    "abstract",
    "sampling",
}
_EVIDENCE: Final = {"unit", "source", "as_of", "grade", "note", "fallback"}


def _cells(node: Any, path: str) -> Iterable[tuple[str, str]]:
    if _is_record(node):
        yield path, f"{_numbers(node)} {node['unit']}"
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _cells(value, f"{path}.{key}" if path else key)
    else:
        yield path, _numbers(node)


def _numbers(node: Any) -> str:
    """A distribution or a plain value in words, without what is not set."""
    if isinstance(node, Mapping):
        stated = {key: value for key, value in node.items() if key not in _EVIDENCE and value is not None}
        return ", ".join(f"{key} {_numbers(value)}" for key, value in stated.items())
    if isinstance(node, list):
        return "; ".join(map(_numbers, node))
    if isinstance(node, float):
        return f"{node:.12g}"
    return "" if node is None else str(node).lower() if isinstance(node, bool) else str(node)
