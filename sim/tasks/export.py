"""A finished study in the forms that others work with: a workbook, the wide table of the IAMC, data frames, an archive.

An export is made of what the study's manifest knows and nothing else, so that the same study gives the same bytes. It
is whole or absent, and takes the place of nothing that holds something else, unless it is told to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeAlias, TypeVar

from pydantic import ValidationError

from sim.disk import file_hash, open_new
from sim.errors import Problem, ResultsError, ScenarioError, choices
from sim.outcomes.drivers import DriverRow
from sim.outcomes.manifest import Manifest, content_hash, first_of, read_manifest, require_as_written
from sim.outcomes.study import read_study
from sim.outcomes.tables import ComparisonRow, SummaryRow, TimelineRow, read_csv, read_rows
from sim.outcomes.verdict import Verdict
from sim.report.archive import archive
from sim.report.contents import Contents
from sim.report.crate import scenarios_of
from sim.report.iamc import iamc_csv, iamc_workbook
from sim.report.parquet import draws_parquet, inputs_parquet, require_pyarrow
from sim.report.workbook import plain_workbook, workbook
from sim.scenario.scenario import Scenario
from sim.tasks.pool import Progress, say_nothing
from sim.tasks.run import ANSWER

__all__ = ["FORMS", "export_study"]

Row = TypeVar("Row", bound=tuple[Any, ...])
Writer: TypeAlias = Callable[[IO[bytes]], None]


@dataclass(frozen=True)
class _Form:
    """A form of export.

    Attributes
    ----------
    tasks : tuple of str
        Commands whose studies it takes; any if empty.
    suffixes : tuple of str
        With which a file may end that a user names.
    endings : tuple of str
        What the name of each file ends with.
    mark : str
        What stands before that where the user names no file.
    writers : callable
        What writes each file.
    """

    tasks: tuple[str, ...]
    suffixes: tuple[str, ...]
    endings: tuple[str, ...]
    mark: str
    writers: Callable[[Path, Manifest, Progress], Sequence[Writer]]


def export_study(
    study: Path | str,
    to: str,
    *,
    out: Path | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write a finished study in another form.

    Parameters
    ----------
    study : path
        Folder of a study.
    to : {'xlsx', 'iamc', 'parquet', 'datapackage'}
        A workbook; the IAMC's wide table, as CSV and as a workbook; draws and inputs, as two files; an archive.
    out : path, optional
        A folder that is there, or the name of the file; by default beside the study, by its name. Of two files it is
        what their names begin with.
    force : bool
        Replace a file that is there and holds something else.
    progress : callable, optional
        Is told what is being done, and the share of the whole that is finished.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    ScenarioError
        There is no such form, or something else is in the way.
    ResultsError
        There is no finished study, it is not what its manifest says, or it does not hold what the form takes.
    """
    if to not in FORMS:
        raise ScenarioError([Problem("--to", 0, 0, "", f"no form of export has this name {choices(to, tuple(FORMS))}")])
    folder, form = Path(study), FORMS[to]
    manifest = read_manifest(folder)
    if form.tasks and manifest.task not in form.tasks:
        known = " or ".join(f"sim {task}" for task in form.tasks)
        raise ResultsError(f"{folder}: is a study of sim {manifest.task}, and --to {to} takes one of {known}")
    files = _files(folder, form, out)
    _write(files, form.writers(folder, manifest, progress or say_nothing), force=force)
    return files


def _files(folder: Path, form: _Form, out: Path | str | None) -> tuple[Path, ...]:
    """Where the export will stand.

    Raises
    ------
    ScenarioError
        The name has another ending, or stands inside the study.
    """
    named = folder if folder.name else folder.resolve()
    if out is None or Path(out).is_dir():
        home, stem = named.parent if out is None else Path(out), named.name + form.mark
    else:
        home, stem = Path(out).parent, Path(out).stem
        if Path(out).suffix not in form.suffixes:
            message = f"must be a folder that is there, or end with {' or '.join(form.suffixes)} (found '{out}')"
            raise ScenarioError([Problem("--out", 0, 0, "", message)])
    if home.resolve().is_relative_to(folder.resolve()):
        message = f"lies inside the study, which holds what its manifest knows and nothing else (found '{home}')"
        raise ScenarioError([Problem("--out", 0, 0, "", message)])
    return tuple(home / f"{stem}{ending}" for ending in form.endings)


def _write(files: Sequence[Path], writers: Sequence[Writer], *, force: bool) -> None:
    """Write all files under temporary names, and rename them when all are whole and nothing else is in their way."""
    with ExitStack() as stack:
        partials = []
        for path, write in zip(files, writers, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            partials.append(path.with_name(f".{path.name}.partial"))
            stack.callback(partials[-1].unlink, missing_ok=True)
            with open_new(partials[-1]) as stream:
                write(stream)
        _require_free(files, partials, force=force)
        for path, partial in zip(files, partials, strict=True):
            partial.replace(path)


def _require_free(files: Sequence[Path], partials: Sequence[Path], *, force: bool) -> None:
    """Raise ScenarioError where a file is in the way that holds something else; --force replaces files only."""

    def is_same(path: Path, partial: Path) -> bool:
        regular = path.is_file() and not path.is_symlink()
        return regular and (force or file_hash(path) == file_hash(partial))

    held = [one for one in zip(files, partials, strict=True) if os.path.lexists(one[0]) and not is_same(*one)]
    remedy = "move it away" if force else "--force replaces it, --out names another"
    if held:
        message = f"is there already and holds something else: {remedy}"
        raise ScenarioError(Problem(str(path), 0, 0, "", message) for path, _ in held)


def _contents(folder: Path, manifest: Manifest) -> Contents:
    """The tables of a run or of a comparison.

    Raises
    ------
    ResultsError
        A table is missing, or not what the manifest says.
    """

    def rows(name: str, kind: type[Row]) -> list[Row]:
        return read_rows(_table(folder, manifest, name), kind, str(folder / name)) if name in manifest.files else []

    asked = manifest.asked
    scenarios = _scenarios(folder, manifest)
    names = tuple(scenarios or asked.get("compared", ()))
    baseline = str(asked.get("baseline"))
    if baseline not in names:
        raise ResultsError(f"{folder}: its manifest names no baseline among {', '.join(names) or 'no scenarios'}")
    return Contents(
        name=folder.resolve().name,
        manifest=manifest,
        names=names,
        baseline=baseline,
        scenarios=scenarios,
        summary=rows("summary.csv", SummaryRow),
        comparison=rows("comparison.csv", ComparisonRow),
        drivers=rows("drivers.csv", DriverRow),
        timelines={name: rows(f"{name}/timeline.csv", TimelineRow) for name in names},
        parameters=read_csv(_table(folder, manifest, "parameters.csv")),
        verdict=_verdict(manifest),
    )


def _table(folder: Path, manifest: Manifest, name: str) -> bytes:
    """The bytes of a table that is as the manifest says."""
    if name not in manifest.files or not (folder / name).is_file():
        raise ResultsError(f"{folder}: has no {name}: run the command again that made it")
    require_as_written(folder / name)
    return (folder / name).read_bytes()


def _verdict(manifest: Manifest) -> Verdict | None:
    """The answer in sentences; None of a study that an earlier program made."""
    try:
        return ANSWER.validate_python(manifest.answer).verdict
    except ValidationError:
        return None


def _scenarios(folder: Path, manifest: Manifest) -> Mapping[str, Scenario]:
    """The scenarios, as the manifest states them."""
    try:
        found = [Scenario.model_validate(one) for one in scenarios_of(manifest)]
    except ValidationError as error:
        raise ResultsError(f"{folder}: this program does not read its scenarios: {first_of(error)}") from error
    return {scenario.name: scenario for scenario in found}


def _workbook(folder: Path, manifest: Manifest, progress: Progress) -> Sequence[Writer]:
    progress("tables", 0.0)
    if manifest.task not in _TABLES:
        tables = {name: _table(folder, manifest, name) for name in manifest.files if name.endswith(".csv")}
        return [lambda stream: _put(stream, plain_workbook(folder.resolve().name, manifest, tables))]
    contents = _contents(folder, manifest)
    progress("workbook", 0.3)
    return [lambda stream: _put(stream, workbook(contents))]


def _iamc(folder: Path, manifest: Manifest, progress: Progress) -> Sequence[Writer]:
    progress("tables", 0.0)
    contents = _contents(folder, manifest)
    return [lambda stream: _put(stream, iamc_csv(contents)), lambda stream: _put(stream, iamc_workbook(contents))]


def _parquet(folder: Path, manifest: Manifest, progress: Progress) -> Sequence[Writer]:
    require_pyarrow()
    study, known_as = read_study(folder), content_hash(manifest)
    return [
        lambda stream: draws_parquet(stream, study, known_as, partial(progress, "draws")),
        lambda stream: inputs_parquet(stream, study, known_as),
    ]


def _archive(folder: Path, manifest: Manifest, progress: Progress) -> Sequence[Writer]:
    progress("archive", 0.0)
    return [lambda stream: archive(stream, folder, manifest)]


def _put(stream: IO[bytes], content: bytes) -> None:
    stream.write(content)


_TABLES: Final = ("run", "compare")

FORMS: Final[Mapping[str, _Form]] = {
    "xlsx": _Form((), (".xlsx",), (".xlsx",), "", _workbook),
    "iamc": _Form(_TABLES, (".csv", ".xlsx"), (".csv", ".xlsx"), "-iamc", _iamc),
    "parquet": _Form(("run",), (".parquet",), ("-draws.parquet", "-inputs.parquet"), "", _parquet),
    "datapackage": _Form((), (".zip",), (".zip",), "", _archive),
}
"""The forms of export by name."""
