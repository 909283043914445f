"""What the user sees: the only module that prints.

Text goes out as it is: no markup in it is read, no line is wrapped, and rules and colour are for terminals only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from sim.outcomes.tables import HeadlineRow
    from sim.studies.study import Study
    from sim.studies.sweep import SweepStudy

__all__ = ["complain", "progress", "report", "report_sweep", "say", "table"]


def say(text: str) -> None:
    """Print a line."""
    typer.echo(text)


def complain(text: str) -> None:
    """Print a line on the error stream."""
    typer.echo(text, err=True)


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """A way to tell what is being done: a bar on a terminal, else a line for each quarter."""
    if not sys.stderr.isatty():
        yield _sparse_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    # Without a refresh thread: the study forks, and a forked copy of a thread's lock would never open.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, share: bar.update(task, description=text, completed=share, refresh=True)


def _sparse_lines() -> Callable[[str, float], None]:
    told: set[str] = set()

    def tell(text: str, share: float) -> None:
        line = f"{text}: {int(4 * share) * 25}%"
        if line not in told:
            told.add(line)
            complain(line)

    return tell


def report(study: Study) -> None:
    """The answer, then what one should know before quoting it, then where all of it lies."""
    for (variable, scope, item, unit), rows in groupby(study.headline, _quantity):
        factor, shown = (100.0, "%, differences in points") if unit == "fraction" else (1.0, unit)
        say(f"\n{', '.join(filter(None, (variable, scope, item)))} ({shown})")
        table(_HEADER, [_cells(row, factor) for row in rows])
    _notes_and_paths(study.notes, study.paths)


def report_sweep(sweep: SweepStudy) -> None:
    """The first points with their outcomes, then what one should know before quoting them, then where it all lies."""
    header, *rows = sweep.table
    say("")
    table(header, rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        say(f"and {len(rows) - _MOST_ROWS:,} points more")
    _notes_and_paths(sweep.notes, sweep.paths)


def _notes_and_paths(notes: Iterable[str], paths: Iterable[Path]) -> None:
    for note in notes:
        say(f"\n{note}")
    say("")
    for path in paths:
        say(str(path))


def _quantity(row: HeadlineRow) -> tuple[str, str, str, str]:
    return row.variable, row.scope, row.item, row.unit


_MOST_ROWS: Final = 40
"""Points of a sweep that are shown: about a screen."""

_HEADER: Final = ("year", "scenario", "median", "5%", "95%", "mean difference", "std. error")


def _cells(row: HeadlineRow, factor: float) -> tuple[str, ...]:
    """A row of the table; the baseline differs from nothing, and few draws give no error."""
    levels = (f"{factor * value:.2f}" for value in (row.median, row.p05, row.p95))
    difference = "" if isnan(row.difference) else f"{factor * row.difference:+.2f}"
    error = "" if isnan(row.difference_se) else f"{factor * row.difference_se:.2f}"
    return (str(row.year), row.scenario, *levels, difference, error)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with rules on a terminal, else columns apart by two spaces; no markup is read in either."""
    columns = list(zip(header, *rows, strict=True))
    if sys.stdout.isatty():
        _ruled(columns)
        return
    cells = [[_padded(cell, column) for cell in column] for column in columns]
    for row in zip(*cells, strict=True):
        say("  ".join(row).rstrip())


def _padded(cell: str, column: Sequence[str]) -> str:
    width = max(map(len, column))
    return cell.rjust(width) if _holds_numbers(column) else cell.ljust(width)


def _holds_numbers(column: Sequence[str]) -> bool:
    """Whether all cells below the header are numbers, or empty."""
    return all(cell.strip("+-.0123456789") == "" for cell in column[1:])


def _ruled(columns: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(column[0]), justify="right" if _holds_numbers(column) else "left")
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, row))
    Console().print(table)
