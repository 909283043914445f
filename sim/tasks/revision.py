"""The same scenarios as two studies have them: what was assumed then and now, and what comes out beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias

import numpy as np

from sim.axes import FloatArray
from sim.belief.posterior import Posterior
from sim.chance.pairing import disagreements
from sim.disk import write_bytes
from sim.errors import ResultsError
from sim.outcomes.comparison import compare_one, summarise
from sim.outcomes.manifest import (
    MANIFEST,
    Hashes,
    Program,
    differences,
    read_manifest,
    require_as_written,
    stated,
)
from sim.outcomes.panels import Result, panel_hash
from sim.outcomes.results import DRAWS_FILE, read_result
from sim.outcomes.statistics import STATISTICS, describe
from sim.outcomes.study import drawn_for
from sim.outcomes.tables import Cell, ComparisonRow, csv_bytes
from sim.scenario.inputs import inputs
from sim.scenario.records import Record
from sim.tasks.compare import scenario_folders
from sim.tasks.crew import make_crew
from sim.tasks.pool import Progress
from sim.tasks.task import FINDINGS, Desk, Findings, FindingsStudy, Finished, Task, perform
from sim.wording import billions, capital, change, listed, money, points

__all__ = ["RevisionTask", "compare_days"]

ASSUMPTIONS_FILE: Final = "assumptions.csv"
OUTCOMES_FILE: Final = "outcomes.csv"
COMPARISON_FILE: Final = "comparison.csv"

_MOST_TOLD: Final = 3
"""Assumptions that a sentence names; the file has all."""


class AssumptionRow(NamedTuple):
    """A number or setting that two studies do not have alike; empty where one of them has none."""

    scenario: str
    parameter: str
    old: str
    new: str
    old_source: str
    new_source: str
    old_as_of: str
    new_as_of: str
    old_grade: str
    new_grade: str


class OutcomeRow(NamedTuple):
    """One statistic of one number, as two studies have it; the error is that of the change of a mean."""

    scenario: str
    variable: str
    scope: str
    item: str
    period: int
    statistic: str
    old: float
    new: float
    change: float
    se: float
    unit: str


def compare_days(
    old: Path | str,
    new: Path | str,
    *,
    out: Path | str = Path("results"),
    force: bool = False,
    progress: Progress | None = None,
) -> FindingsStudy:
    """Compare the same scenarios of two studies: assumptions and outcomes beside each other.

    Parameters
    ----------
    old, new : path
        Folders of studies, or of one scenario in them. Scenarios are matched by name; one of each is a match anyhow.
    out, force, progress
        As for `run_study`.

    Raises
    ------
    ResultsError
        A result is missing, damaged or not what its study's manifest says, or no scenario is in both.
    """
    before, after = (tuple(map(_result, scenario_folders(Path(path)))) for path in (old, new))
    pairs, alone = _matched(before, after)
    if not pairs:
        names = (" and ".join(one.result.name for one in side) for side in (before, after))
        raise ResultsError(f"no scenario is in both studies (found {' in the old one, '.join(names)} in the new one)")
    _require_one_currency(pairs)
    return perform(RevisionTask(pairs, alone), out, make_crew(1), force=force, progress=progress)


@dataclass(frozen=True)
class _Side:
    """A scenario as one of the studies has it: its result, the program that ran, and its folder."""

    result: Result
    runner: Program
    folder: Path


def _result(folder: Path) -> _Side:
    require_as_written(folder / DRAWS_FILE)
    study = folder.resolve().parent
    if not (study / MANIFEST).is_file():
        raise ResultsError(f"{folder}: lies in no study, whose manifest says which program made it")
    return _Side(read_result(folder), read_manifest(study).program, folder)


def _matched(before: Sequence[_Side], after: Sequence[_Side]) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """Scenarios that both have, and the names of those that one has alone."""
    if len(before) == len(after) == 1:
        return (Pair(before[0], after[0]),), ()
    new = {one.result.name: one for one in after}
    old = {one.result.name: one for one in before}
    pairs = tuple(Pair(one, new[name]) for name, one in old.items() if name in new)
    return pairs, tuple(sorted(old.keys() ^ new.keys()))


def _require_one_currency(pairs: Sequence[Pair]) -> None:
    """Refuse to subtract money of one currency from that of another."""
    for pair in pairs:
        then, now = (side.result.scenario.prices.words(side.result.scenario.currency) for side in (pair.old, pair.new))
        if then != now:
            raise ResultsError(
                f"{pair.name} cannot be compared: its money is in {then} in the old study and in {now} in the new one; "
                "run one of them again in the other's"
            )


@dataclass(frozen=True)
class Pair:
    """A scenario then and now.

    Attributes
    ----------
    old, new : side
    """

    old: _Side
    new: _Side

    @property
    def name(self) -> str:
        """The scenario's name now."""
        return self.new.result.name

    @cached_property
    def unlike(self) -> tuple[str, ...]:
        """Why the two do not share draws, in words; empty if they do."""
        reasons = disagreements(self.old.result.scenario, self.new.result.scenario)
        return reasons or self._unlike_columns()

    def _unlike_columns(self) -> tuple[str, ...]:
        """Another program may draw otherwise: then what both hold alike must have been drawn alike too."""
        if self.old.runner.source == self.new.runner.source:
            return ()
        then, now = (drawn_for(one.result, one.folder) for one in (self.old, self.new))
        if then is None or now is None:
            return ("the program, and one of the studies has no file of what was drawn",)
        mine, others = ({i.name: i.record for i in inputs(one.result.scenario)} for one in (self.old, self.new))
        alike = [name for name in then if name in now and mine.get(name) == others.get(name)]
        return () if all(np.array_equal(then[name], now[name]) for name in alike) else ("what the program draws",)

    def assumptions(self) -> Iterator[AssumptionRow]:
        """What is not the same, in the order of the new scenario."""
        then, now = (_parameters(one.result) for one in (self.old, self.new))
        for path in dict.fromkeys((*now, *then)):
            mine, other = then.get(path, _NOTHING), now.get(path, _NOTHING)
            if mine != other:
                cells = (cell for both in zip(mine, other, strict=True) for cell in both)
                yield AssumptionRow(self.name, path, *cells)

    def outcomes(self) -> Iterator[OutcomeRow]:
        """Every statistic that both have."""
        known = {row[1:6]: row for row in summarise(self.old.result)}
        paired = {row[1:6]: row.se for row in self.differences()}
        for row in summarise(self.new.result):
            before = known.get(row[1:6])
            if before is not None:
                apart = float(np.hypot(before.se, row.se)) if row.statistic == "mean" else np.nan
                error = paired.get(row[1:6], apart) if row.statistic == "mean" else np.nan
                change = row.value - before.value
                yield OutcomeRow(self.name, *row[1:6], before.value, row.value, change, error, row.unit)

    def differences(self) -> list[ComparisonRow]:
        """Now less then, draw by draw; nothing where they do not share draws."""
        old, new = self.old.result, self.new.result
        return [] if self.unlike or old.panels.keys() != new.panels.keys() else compare_one(new, old)


_Parameter: TypeAlias = tuple[str, str, str, str]
"""Value with its unit, source, date and grade."""

_NOTHING: Final[_Parameter] = ("", "", "", "")


def _parameters(result: Result) -> dict[str, _Parameter]:
    """Every record of a scenario by path, and what else it is set to."""
    return dict(_walk(result.scenario, ""))


def _walk(node: Any, path: str) -> Iterator[tuple[str, _Parameter]]:
    if isinstance(node, Record):
        day = str(node.as_of or "")
        yield path, (f"{node.described()} {node.unit}".removesuffix(" 1"), node.source, day, node.grade)
        return
    entries = node.items() if isinstance(node, Mapping) else ((key, getattr(node, key)) for key in _fields(node))
    for key, below in entries:
        where = f"{path}.{key}" if path else key
        if isinstance(below, Mapping | Record) or hasattr(type(below), "model_fields"):
            yield from _walk(below, where)
        elif below is not None:
            yield where, (_words(below), "", "", "")


def _fields(node: Any) -> list[str]:
    """The fields of a model, but those that say nothing of the market."""
    return [key for key in type(node).model_fields if key not in _SILENT]


_SILENT: Final = (
    *("sources", "question", "title", "colour", "region", "schema_version", "abstract", "name"),
    *("draws", "seed", "leading", "posterior"),
)
"""What says nothing of the market."""


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class RevisionTask(Task[Findings, FindingsStudy]):
    """The comparison of two days.

    Attributes
    ----------
    pairs : tuple of Pair
    alone : tuple of str
        Scenarios that only one of the studies has.
    """

    kind = "revision"

    pairs: tuple[Pair, ...]
    alone: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The scenarios."""
        return ["revised", *(pair.name for pair in self.pairs)]

    def asked(self) -> dict[str, Any]:
        """The results by the hashes of their numbers, and which programs made them."""
        return {
            "old": {pair.name: _content(pair.old) for pair in self.pairs},
            "new": {pair.name: _content(pair.new) for pair in self.pairs},
            "alone": list(self.alone),
        }

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """Not without the results that were compared."""
        raise ResultsError(f"{folder}: was made of other studies' draws: verify those with --rerun")

    def compute(self, desk: Desk) -> Findings:
        """What is found of each scenario."""
        return tuple(tuple(_found(pair)) for pair in self.pairs)

    def write(self, folder: Path, computed: Findings, desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        desk.tell("files", 0.5)
        tables: dict[str, tuple[tuple[str, ...], Sequence[Sequence[Cell]]]] = {
            ASSUMPTIONS_FILE: (AssumptionRow._fields, [row for pair in self.pairs for row in pair.assumptions()]),
            OUTCOMES_FILE: (OutcomeRow._fields, [row for pair in self.pairs for row in pair.outcomes()]),
            COMPARISON_FILE: (ComparisonRow._fields, [row for pair in self.pairs for row in pair.differences()]),
        }
        for name, (header, rows) in tables.items():
            if rows or name != COMPARISON_FILE:
                write_bytes(folder / name, csv_bytes(rows, header))
        lone = [f"Only one of the studies has {listed(self.alone)}."] if self.alone else []
        notes = dict.fromkeys([*map(_shared, self.pairs), *map(_made, self.pairs), *lone])
        draws = self.pairs[0].new.result.scenario.sampling.draws
        return {"answer": stated(FINDINGS, computed), "notes": tuple(notes), "draws": draws}

    def answer(self, study: Finished) -> FindingsStudy:
        """What was found."""
        return study.findings()


def _content(side: _Side) -> dict[str, Any]:
    hashes: Hashes = {name: panel_hash(panel) for name, panel in side.result.panels.items()}
    return {"hashes": hashes, "program": side.runner.model_dump(), "name": side.result.name}


def _found(pair: Pair) -> Iterator[str]:
    """The title of a scenario, then a sentence a finding."""
    yield f"{pair.new.result.scenario.title}, then and now"
    yield from (sentence for number in _NUMBERS if (sentence := _moved(pair, *number)))
    yield _assumed(pair)


_NUMBERS: Final = (
    ("foreign_share", "", "foreign providers have {{}} of {of}"),
    ("revenue_retained", "foreign", "they keep {{}} a year of its revenue"),
    ("npv_with_terminal", "foreign", "it is worth {{}} to them"),
)
"""Outcomes that a sentence is made of."""


def _moved(pair: Pair, variable: str, item: str, words: str) -> str:
    """How an outcome was and is in the answer's year, or the last that both have; empty if one of them lacks it."""
    sides, scenario = (pair.old.result, pair.new.result), pair.new.result.scenario
    scope = "total" if variable == "npv_with_terminal" else scenario.answer_scope
    panels = [one.panels[variable] for one in sides if variable in one.panels]
    years = [year for year in panels[-1].years if year in panels[0].years] if len(panels) == len(sides) else []
    if not years or any((scope, item) not in panel.items for panel in panels):
        return ""
    year = scenario.answer_year if scenario.answer_year in years else years[-1]
    then, now = (panel.column(year, scope, item) for panel in panels)
    was, is_now = (_Levels.of(column, one.sizes) for column, one in zip((then, now), sides, strict=True))
    moved = _Levels.of(now - then, pair.new.result.sizes) if not pair.unlike else None
    amount = _in_words(panels[-1].unit)
    when = f"in {year} " if len(panels[-1].years) > 1 else ""
    level = words.format(of=scenario.answer_words).format(
        f"{amount(is_now.median)} in the median ({amount(is_now.mean)} in the mean)"
    )
    before = f"was {amount(was.median)} ({amount(was.mean)})"
    return capital(f"{when}{level}, {before}: {_step(was, is_now, moved, is_share=panels[-1].unit == 'fraction')}.")


class _Levels(NamedTuple):
    """Median, mean, the mean's standard error, 5% and 95% point."""

    median: float
    mean: float
    error: float
    low: float
    high: float

    @classmethod
    def of(cls, column: FloatArray, sizes: Sequence[int] | None) -> Self:
        """Those of the draws (N,) of a number; `sizes` as in `describe`."""
        found = describe(column[None], sizes=sizes)
        value = dict(zip(STATISTICS, found.value[0].tolist(), strict=True))
        error = float(found.error[0, STATISTICS.index("mean")])
        return cls(value["p50"], value["mean"], error, value["p05"], value["p95"])


def _step(was: _Levels, is_now: _Levels, moved: _Levels | None, *, is_share: bool) -> str:
    """By how much a number has moved; draw by draw where that can be said."""
    factor, unit = (100.0, " points") if is_share else (1.0, "bn")
    shown = points if is_share else change
    step = f"{shown(factor * (is_now.mean - was.mean))}{unit} in the mean"
    error = float(np.hypot(was.error, is_now.error)) if moved is None else moved.error
    errors = "" if np.isnan(error) else f", give or take {money(2 * factor * error)}"
    if moved is None:
        return f"{step}{errors}"
    return f"{step}{errors}; draw by draw {shown(factor * moved.low)} to {shown(factor * moved.high)}"


def _in_words(unit: str) -> Callable[[float], str]:
    """What says a share or an amount."""
    if unit == "fraction":
        return lambda share: f"{100 * share:.1f}%"
    return lambda amount: billions(amount, unit.partition(" ")[0])


def _assumed(pair: Pair) -> str:
    """Which assumptions are not the same."""
    rows = list(pair.assumptions())
    if not rows:
        return "Every assumption is the same."
    told = [
        f"{row.parameter} was {_stated(row.old, row.old_source)}, is {_stated(row.new, row.new_source)}"
        for row in rows[:_MOST_TOLD]
    ]
    more = f"; and {len(rows) - _MOST_TOLD} more in {ASSUMPTIONS_FILE}" if len(rows) > _MOST_TOLD else ""
    count = "One assumption is another" if len(rows) == 1 else f"{len(rows)} assumptions are others"
    return f"{count}: {'; '.join(told)}{more}."


def _stated(value: str, source: str) -> str:
    return f"{value or 'not set'} ({source})" if source else value or "not set"


def _shared(pair: Pair) -> str:
    """Whether the changes are those of the same worlds."""
    if not pair.unlike:
        return "The two share their draws: the changes are taken draw by draw, and luck is none of them."
    return (
        f"The two do not share draws, for they differ in {listed(pair.unlike)}: the changes are those of two samples."
    )


def _made(pair: Pair) -> str:
    """Whether the same program made both."""
    if pair.old.runner == pair.new.runner:
        return "The same program made both."
    reasons = differences(pair.new.runner, pair.old.runner)
    return f"Not the same program made both: the new one by {listed(reasons) if reasons else 'other libraries'}."
