"""What other commands made of the case of a run: read from their studies, held against it, in words and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log10
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from sim.errors import ResultsError
from sim.outcomes.manifest import EXACT, Manifest, read_manifest, require_as_written, understood
from sim.outcomes.panels import Result
from sim.report.material import Analysis, Sheet
from sim.report.numbers import Row, csv_rows
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario
from sim.tasks.material import pictures_in
from sim.wording import capital, listed, readable

__all__ = ["KINDS", "Subject", "read_analysis"]

Groups: TypeAlias = tuple[tuple[str, ...], ...]

_GROUPS: Final = TypeAdapter(Groups, config=EXACT)
_ADVICE: Final = TypeAdapter(tuple[tuple[str, ...], Groups], config=EXACT)

_MOST_ROWS: Final = 60
"""Of a table on the page; its file has all."""

_NAMED: Final = 3
"""Numbers in which two cases differ that are named."""


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes
    ----------
    folder : Path
    results : sequence of Result
    folders : sequence of Path
        Of each result.
    runs : sequence of Manifest
        Of the runs that the results are from.
    """

    folder: Path
    results: Sequence[Result]
    folders: Sequence[Path]
    runs: Sequence[Manifest]

    @property
    def scenarios(self) -> list[Scenario]:
        """Its scenarios."""
        return [result.scenario for result in self.results]


@dataclass(frozen=True)
class _Source:
    """The study of another command."""

    folder: Path
    manifest: Manifest

    @property
    def asked(self) -> Mapping[str, Any]:
        return self.manifest.asked

    def rows(self, name: str) -> list[Row]:
        """The lines of one of its tables."""
        path = self.folder / name
        if name not in self.manifest.files or not path.is_file():
            raise ResultsError(f"{self.folder}: has no {name}; run the command again that made it")
        require_as_written(path)
        return csv_rows(path.read_bytes())


Told: TypeAlias = tuple[Groups, tuple[Sheet, ...]]


def read_analysis(folder: Path, subject: Subject) -> Analysis:
    """What another command made of the same case.

    Raises
    ------
    ResultsError
        There is no such study, it is damaged, or it is of another case: says of which numbers.
    """
    manifest = read_manifest(folder)
    if manifest.task not in KINDS:
        raise ResultsError(
            f"{folder}: is the study of sim {manifest.task}: beside the first study those of "
            f"{listed([f'sim {kind}' for kind in KINDS])} can be told of"
        )
    source, kind = _Source(folder, manifest), KINDS[manifest.task]
    try:
        problem = kind.objection(source, subject)
        if problem:
            raise ResultsError(f"{folder}: is not of the same case as {subject.folder}: {problem}")
        findings, tables = kind.told(source)
        question = str(kind.question(source.asked))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultsError(f"{folder}: its manifest lacks a part, or has another in its place") from error
    for name in manifest.files:
        if name.endswith(".svg"):
            require_as_written(folder / name)
    return Analysis(
        manifest.task, folder.resolve().name, question, findings, tables, pictures_in(folder), manifest.notes
    )


# ---- whether it is the same case


def _of_the_run(source: _Source, subject: Subject) -> str:
    same = any(run.files == source.asked["study"] for run in subject.runs)
    return "" if same else "it was made of another run, or of this one before it was run anew"


def _of_the_draws(source: _Source, subject: Subject) -> str:
    same = any(run.variables == source.asked["discovered"] for run in subject.runs)
    return "" if same else "it was made of the draws of another run"


def _of_scenarios(key: Callable[[Mapping[str, Any]], Sequence[Any]]) -> Callable[[_Source, Subject], str]:
    """Whether the numbers of all its scenarios are those of the study; a record's cut-off may have replaced some."""

    def objection(source: _Source, subject: Subject) -> str:
        replaced = {row[0] for row in source.asked.get("replaced", ())}
        try:
            own = [Scenario.model_validate(one) for one in key(source.asked)]
        except ValidationError as error:
            raise ValueError("no scenario") from error
        unlike = dict.fromkeys(path for one in own for path in _unlike(one, subject.scenarios) if path not in replaced)
        if not unlike:
            return ""
        more = [f"{len(unlike) - _NAMED} more"] if len(unlike) > _NAMED else []
        return f"it has another {listed([*islice(unlike, _NAMED), *more])}"

    return objection


def _unlike(scenario: Scenario, others: Sequence[Scenario]) -> Iterator[str]:
    """Paths of the numbers that some of the others have too, and none of them alike."""
    if all(scenario.horizon != other.horizon for other in others):
        yield "horizon"
    known: dict[str, list[str]] = {}
    for other in others:
        for item in inputs(other):
            known.setdefault(item.path, []).append(item.record.model_dump_json())
    for item in inputs(scenario):
        if item.path in known and item.record.model_dump_json() not in known[item.path]:
            yield item.path


# ---- what it says


def _findings(source: _Source) -> Groups:
    return understood(_GROUPS, source.manifest.answer, source.folder)


def _drivers(source: _Source) -> Told:
    rows = [row for row in source.rows("drivers.csv") if row["column"] in ("", row["unit"]) and row["first"]]
    columns = ("scenario", "outcome", "unit", "kind", "grade", "first", "first_se", "total", "total_se")
    return _findings(source), (_sheet("What explains most: shares of the variance", rows, columns),)


def _bridge(source: _Source) -> Told:
    rows = source.rows("bridge.csv")
    columns = ("outcome", "clause", "statistic", "value", "se", "first", "last", "p_positive", "unit")
    return _findings(source), (_sheet("What each clause brings", rows, columns),)


def _conditions(source: _Source) -> Told:
    rows = source.rows("boxes.csv")
    columns = ("scenario", "box", "input", "low", "high", "unit", "categories", "coverage", "density")
    return _findings(source), (_sheet("The boxes", rows, columns),)


def _advice(source: _Source) -> Told:
    said, (header, *rows) = understood(_ADVICE, source.manifest.answer, source.folder)
    return (("What was found", *said),), (Sheet("The actions beside each other", header, tuple(rows)),)


def _sweep(source: _Source) -> Told:
    header, *rows = understood(_GROUPS, source.manifest.answer, source.folder)
    return (), (Sheet(_cut("Every point", rows, "sweep.csv"), header, tuple(rows[:_MOST_ROWS])),)


def _backtest(source: _Source) -> Told:
    rows = [row for row in source.rows("backtest.csv") if row["matched"] == "yes"]
    pooled = source.rows("pooled.csv")
    columns = ("id", "variable", "scope", "item", "period_end", "observed", "p05", "p50", "p95", "pit", "in90", "brier")
    pooled_columns = (
        "variable",
        "scope",
        "item",
        "forecast",
        "score",
        "rows",
        "value",
        "skill",
        "skill_p05",
        "skill_p95",
    )
    tables = (
        _sheet("What was observed, and what was foreseen of it", rows, columns),
        _sheet("Pooled scores, and skill against naive forecasts", pooled, pooled_columns),
    )
    return (("How it was foreseen", *_coverage(rows), *_skills(pooled)),), tables


def _coverage(rows: Sequence[Row]) -> Iterator[str]:
    """How many observations lie inside their bands."""
    numbers = [row for row in rows if row["in90"]]
    if numbers:
        inside = sum(row["in90"] in ("yes", "1", "1.0", "True", "true") for row in numbers)
        since, until = min(row["period_start"] for row in numbers), max(row["period_end"] for row in numbers)
        yield f"{inside} of {len(numbers)} observed numbers, {since} to {until}, lie inside their 90% band."


def _skills(pooled: Sequence[Row]) -> Iterator[str]:
    """How the engine fared against each naive forecast, over all series of a kind."""
    for row in pooled:
        if row["skill"] and not row["item"] and not row["scope"]:
            skill = float(row["skill"])
            how = "better" if skill > 0 else "worse"
            bounds = f" ({_short(row['skill_p05'])} to {_short(row['skill_p95'])})" if row["skill_p05"] else ""
            against = readable(row["forecast"])
            yield f"{capital(readable(row['variable']))}: {how} than {against}, skill {_short(row['skill'])}{bounds}."


def _calibration(source: _Source) -> Told:
    lessons = [row for row in source.rows("calibration.csv") if row["informed"] == "yes"]
    columns = (
        "parameter",
        "unit",
        "prior_p05",
        "prior_p50",
        "prior_p95",
        "posterior_p05",
        "posterior_p50",
        "posterior_p95",
        "shift",
    )
    moved = sorted(lessons, key=lambda row: -abs(float(row["shift"])))
    total = len(source.rows("calibration.csv"))
    said = [f"The record tells something of {len(lessons)} of {total} numbers."]
    said += [
        f"{capital(readable(row['parameter']))}: median {_short(row['prior_p50'])} before, "
        f"{_short(row['posterior_p50'])} after ({row['unit']})."
        for row in moved[:_NAMED]
    ]
    return (("What was learned", *said),), (_sheet("Numbers before and after", moved, columns),)


def _sheet(caption: str, rows: Sequence[Row], columns: Sequence[str]) -> Sheet:
    """Some columns of a table, as readers see them."""
    shown = tuple(tuple(_short(row[column]) for column in columns) for row in rows[:_MOST_ROWS])
    return Sheet(_cut(caption, rows, "the file"), tuple(capital(column.replace("_", " ")) for column in columns), shown)


def _cut(caption: str, rows: Sequence[Any], file: str) -> str:
    """A caption that says where the rest is."""
    return (
        caption
        if len(rows) <= _MOST_ROWS
        else f"{caption}; the first {_MOST_ROWS} of {len(rows):,} rows, {file} has all"
    )


_DIGITS: Final = 3


def _short(text: str) -> str:
    """A number with the digits that one remembers; anything else as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not value:
        return "0"
    digits = max(0, _DIGITS - 1 - int(log10(abs(value)) // 1))
    shown = f"{value:,.{min(digits, 6)}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown).replace("-", "−")


def _own_question(asked: Mapping[str, Any]) -> str:
    return str(asked.get("question", ""))


@dataclass(frozen=True)
class _Kind:
    """How the studies of a command are held against a run, and what is told of them."""

    objection: Callable[[_Source, Subject], str]
    told: Callable[[_Source], Told]
    question: Callable[[Mapping[str, Any]], str] = _own_question


KINDS: Final[Mapping[str, _Kind]] = {
    "drivers": _Kind(_of_the_run, _drivers),
    "discover": _Kind(_of_the_draws, _conditions, lambda asked: f"Where {asked['where']}"),
    "bridge": _Kind(_of_scenarios(lambda asked: asked["scenarios"]), _bridge),
    "decide": _Kind(
        _of_scenarios(lambda asked: asked["decision"]["cases"]), _advice, lambda asked: asked["decision"]["question"]
    ),
    "sweep": _Kind(_of_scenarios(lambda asked: [asked["scenario"]]), _sweep),
    "backtest": _Kind(_of_scenarios(lambda asked: [asked["scenario"]]), _backtest),
    "calibrate": _Kind(_of_scenarios(lambda asked: [asked["scenario"]]), _calibration),
}
"""Commands whose studies a report tells of, in the order of the page."""
