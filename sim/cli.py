"""The command line: the only place that prints, exits and catches errors.

What a command needs is imported when it runs, so that `--help` need not wait for NumPy, SciPy or Matplotlib.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sim.errors import Problem, ScenarioError, SimError

if TYPE_CHECKING:
    from sim.outcomes.tables import HeadlineRow
    from sim.reading.loading import Loaded
    from sim.studies.study import Study

__all__ = ["app", "main"]

_FAILED: Final = 1
_WRONG_INPUT: Final = 2
_INTERRUPTED: Final = 130

app = typer.Typer(
    name="sim",
    help="Simulate market entry under changing access rules.",
    epilog="Any command takes --debug, which shows where in the program an error arose.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE", show_default=False, help="Scenario files.")]
Results = Annotated[
    list[Path],
    typer.Argument(metavar="RESULT", show_default=False, help="Folders of studies or of scenarios."),
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Set one value, in YAML; may be repeated.")
]
Baseline = Annotated[str | None, typer.Option(help="Scenario to compare with; the first unless named.")]
Out = Annotated[Path, typer.Option(help="Folder in which the study's own folder is made.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the process.

    Returns
    -------
    int
        0 done, 1 the run failed, 2 the input is wrong; 130 if the user interrupts.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    wanted = [argument for argument in given if argument != "--debug"]
    if wanted != given:
        return _status(wanted)
    try:
        return _status(wanted)
    except SimError as error:
        typer.echo(str(error), err=True)
        return _WRONG_INPUT if isinstance(error, ScenarioError) else _FAILED
    except OSError as error:
        typer.echo(f"{error.filename or 'output'}: {error.strerror}", err=True)
        return _FAILED
    except Exception as error:
        typer.echo(f"a fault of the program: {type(error).__name__}: {error} (--debug shows where)", err=True)
        return _FAILED


def _status(arguments: list[str]) -> int:
    """Exit code of a command; its errors pass through."""
    try:
        app(args=arguments, prog_name="sim")
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            typer.echo("stopped", err=True)
        return stop.code if isinstance(stop.code, int) else _FAILED
    return 0


@app.command()
def run(
    files: Files,
    draws: Annotated[int | None, typer.Option(help="Draws, a multiple of 512; the scenarios' own by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the scenarios' own by default.")] = None,
    overrides: Overrides = None,
    baseline: Baseline = None,
    out: Out = Path("results"),
    jobs: Annotated[int | None, typer.Option(help="Processes at a time; all cores by default.")] = None,
    keep: Annotated[str | None, typer.Option(help="Variables whose draws are stored: a,b,c; all by default.")] = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no pictures.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if an input or override moves nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again what is finished already.")] = False,
) -> None:
    """Run scenarios as one study on shared draws, and compare them."""
    scenarios = [loaded.scenario for loaded in _read(files, overrides or ())]
    from sim.studies.study import run_study

    with _progress() as progress:
        study = run_study(
            scenarios,
            draws=draws,
            seed=seed,
            baseline=baseline,
            out=out,
            jobs=jobs,
            keep=_names(keep),
            plots=not no_plots,
            strict=strict,
            force=force,
            progress=progress,
        )
    _report(study)


@app.command()
def compare(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT", help="Folders of studies or of scenarios in them.")
    ],
    baseline: Baseline = None,
    out: Out = Path("results"),
) -> None:
    """Compare finished results that share their draws."""
    from sim.studies.study import compare_studies

    _report(compare_studies(results, baseline=baseline, out=out))


@app.command()
def check(files: Files, overrides: Overrides = None) -> None:
    """Validate scenario files, and do nothing else; sources are read with the scenarios beside them."""
    from sim.reading.loading import SOURCES

    scenarios = [file for file in files if file.name != SOURCES]
    for file, loaded in zip(scenarios, _read(scenarios, overrides or ()), strict=True):
        typer.echo(f"{file}: {loaded.scenario.name} is valid")


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A scenario file.")],
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="Show only what stands at this path.")] = "",
    overrides: Overrides = None,
) -> None:
    """Show every number in force, where it is from, and which file set it."""
    (loaded,) = _read([file], overrides or ())
    from sim.reading.explain import Line, details, lines

    _table(Line._fields, [tuple(line) for line in lines(loaded, path)])
    for text in details(loaded, path):
        typer.echo(text)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario file."""
    from sim.reading.schema import scenario_schema

    typer.echo(json.dumps(scenario_schema(), indent=1))


@app.command()
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that receives the files.")]) -> None:
    """Copy the shipped scenarios and their schema, to change them."""
    from sim.reading.loading import shipped_folder

    shipped = shipped_folder()
    copies = {folder / file.name: file for file in sorted([*shipped.glob("*.yaml"), shipped / "schema.json"])}
    taken = [Problem(str(copy), 0, 0, "", "exists already; nothing was copied") for copy in copies if copy.exists()]
    if taken:
        raise ScenarioError(taken)
    folder.mkdir(parents=True, exist_ok=True)
    for copy, file in copies.items():
        shutil.copyfile(file, copy)
        typer.echo(str(copy))


@app.command("list")
def list_(out: Out = Path("results")) -> None:
    """List the shipped scenarios and the finished studies."""
    from sim.reading.loading import scenario_files, shipped_folder

    files = scenario_files(shipped_folder())
    scenarios = [loaded.scenario for loaded in _read(files, ())]
    _table(("scenario", "question"), [(scenario.name, scenario.question) for scenario in scenarios])
    for manifest in sorted(out.glob("*/manifest.json")):
        typer.echo(str(manifest.parent))


def _read(files: Sequence[Path], overrides: Sequence[str]) -> list[Loaded]:
    """Every file; the problems of all of them at once."""
    from sim.reading.loading import read_scenario

    loaded: list[Loaded] = []
    problems: list[Problem] = []
    for file in files:
        try:
            loaded.append(read_scenario(file, overrides=overrides))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return loaded


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
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
            typer.echo(line, err=True)

    return tell


def _report(study: Study) -> None:
    """The answer, then what one should know before quoting it, then where all of it lies."""
    for (variable, scope, item, unit), rows in groupby(study.headline, _quantity):
        factor, shown = (100.0, "%, differences in points") if unit == "fraction" else (1.0, unit)
        typer.echo(f"\n{', '.join(filter(None, (variable, scope, item)))} ({shown})")
        _table(_HEADER, [_cells(row, factor) for row in rows])
    for note in study.notes:
        typer.echo(f"\n{note}")
    typer.echo("")
    for path in study.paths:
        typer.echo(str(path))


def _quantity(row: HeadlineRow) -> tuple[str, str, str, str]:
    return row.variable, row.scope, row.item, row.unit


_HEADER: Final = ("year", "scenario", "median", "5%", "95%", "mean difference", "std. error")


def _cells(row: HeadlineRow, factor: float) -> tuple[str, ...]:
    """A row of the table; the baseline differs from nothing, and few draws give no error."""
    levels = (f"{factor * value:.2f}" for value in (row.median, row.p05, row.p95))
    difference = "" if isnan(row.difference) else f"{factor * row.difference:+.2f}"
    error = "" if isnan(row.difference_se) else f"{factor * row.difference_se:.2f}"
    return (str(row.year), row.scenario, *levels, difference, error)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with rules on a terminal, else columns apart by two spaces; no markup is read in either."""
    columns = list(zip(header, *rows, strict=True))
    if sys.stdout.isatty():
        _ruled(columns)
        return
    cells = [[_padded(cell, column) for cell in column] for column in columns]
    for row in zip(*cells, strict=True):
        typer.echo("  ".join(row).rstrip())


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
