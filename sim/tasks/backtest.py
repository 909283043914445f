"""A backtest: a scenario as it could have been written on a day, run, and scored against what happened since."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from pydantic import TypeAdapter

from sim.axes import DRAWS_PER_SCRAMBLE, join_draws
from sim.belief.forecasts import Forecasts, forecast_scramble
from sim.belief.knowledge import Replacement
from sim.belief.matching import Match
from sim.belief.posterior import Posterior
from sim.belief.track import (
    BACKTEST_COLUMNS,
    PooledRow,
    RowScore,
    ScoreRow,
    backtest_rows,
    pooled_rows,
    score_rows,
    scored,
)
from sim.belief.trust import track_sentences
from sim.disk import write_bytes
from sim.errors import Problem, ScenarioError
from sim.outcomes.manifest import EXACT, stated, understood
from sim.outcomes.tables import csv_bytes, parameter_columns, parameter_rows
from sim.pictures.registry import draw, drawable
from sim.pictures.trackrecord import TrackRecord
from sim.reading.loading import read_scenario
from sim.reading.naming import tested_cases
from sim.scenario.scenario import Scenario
from sim.tasks.crew import make_crew
from sim.tasks.parts import Arrays
from sim.tasks.pool import Progress
from sim.tasks.question import Question, ask, question_of
from sim.tasks.task import Desk, Finished, Task, perform

__all__ = ["TRACK_RECORD", "BacktestTask", "Track", "run_backtest", "run_backtests"]

TRACK_RECORD: Final = "track_record.csv"
"""The table of all cases."""

_PLOTS: Final = "plots"

_Foreseen: TypeAlias = tuple[Mapping[float, float], float, float, Mapping[str, Mapping[str, float]]]
"""Quantiles, probability, PIT and scores of a row."""

_ANSWER: Final = TypeAdapter(tuple[tuple[_Foreseen, ...], tuple[PooledRow, ...]], config=EXACT)


@dataclass(frozen=True)
class Track:
    """A finished backtest.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file of the study.
    scenario : Scenario
        As known at the cut-off.
    rows : tuple of RowScore
    pooled : tuple of PooledRow
    unmatched : mapping of str to str
        Id of each row that was left out, to the reason.
    replaced : tuple of Replacement
        Numbers that were not known by the cut-off, and what stood in for them.
    sentences : tuple of str
        The answer in short.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    scenario: Scenario
    rows: tuple[RowScore, ...]
    pooled: tuple[PooledRow, ...]
    unmatched: Mapping[str, str]
    replaced: tuple[Replacement, ...]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]


def run_backtest(
    file: Path | str,
    observed: Path | str,
    *,
    as_of: datetime.date | None = None,
    mapping: Path | str | None = None,
    draws: int | None = None,
    seed: int | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> Track:
    """Score a scenario against a record, and write the study into a folder of its own.

    Parameters
    ----------
    file : path
        The scenario.
    observed : path
        The record, as `belief.record` reads it.
    as_of : date, optional
        The cut-off, in place of the scenario's own `as_of`.
    mapping : path, optional
        What names of the record mean, as `belief.names` reads it.
    draws, seed : int, optional
        In place of the scenario's own.
    out : path
        Where the study's folder is made.
    jobs : int, optional
        Processes at a time; every core by default. Results do not depend on it.
    plots : bool
    force : bool
        Run again even if this program has finished the same backtest.
    progress : callable, optional
        Is told what is being done, and the share of it that is finished.
    executor, patience : optional
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The scenario, the record or the mapping is wrong; a number was not known by the cut-off and has no fallback;
        no row can be matched.
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    loaded = read_scenario(file)
    cutoff = as_of or loaded.scenario.as_of
    question = ask(loaded, observed, known_on=cutoff, mapping=mapping, draws=draws, seed=seed, plots=plots)
    question.require_rows()
    return perform(BacktestTask(question), out, make_crew(jobs, executor, patience), force=force, progress=progress)


def run_backtests(*, out: Path | str = Path("results"), draws: int | None = None, **others: Any) -> dict[str, Track]:
    """Score the variant that each shipped case names as tested against the record beside its base.

    Parameters
    ----------
    out : path
        Where `track_record.csv`, the table of all, is written and the studies' folders are made, one for each case;
        those of cases in folders below their name.
    draws : int, optional
        In place of the scenarios' own.
    others
        As for `run_backtest`.

    Returns
    -------
    mapping of str to Track
        By case; the one without a folder has its region as a name.

    Raises
    ------
    ScenarioError, NumericalError, ResultsError
        As `run_backtest`; or a case with a record does not say what is tested.
    """
    found: dict[str, Track] = {}
    for case, base, record in tested_cases():
        tested = read_scenario(base).scenario.tested
        if tested is None:
            message = f"must name the variant that is held against {record.name} (found nothing)"
            raise ScenarioError([Problem(str(base), 0, 0, "tested", message)])
        track = run_backtest(base.parent / f"{tested}.yaml", record, out=Path(out) / case, draws=draws, **others)
        found[case or track.scenario.region or base.parent.name] = track
    rows = [(case, track.scenario.name, *row) for case, track in found.items() for row in track.pooled]
    write_bytes(Path(out) / TRACK_RECORD, csv_bytes(rows, ("case", "scenario", *PooledRow._fields)))
    return found


@dataclass(frozen=True)
class _Scored:
    """What was forecast, and how it fared."""

    forecasts: Forecasts
    rows: tuple[RowScore, ...]
    pooled: tuple[PooledRow, ...]


@dataclass(frozen=True)
class BacktestTask(Task[_Scored, Track]):
    """The backtest of a question.

    Attributes
    ----------
    question : Question
    """

    kind = "backtest"

    question: Question

    @property
    def names(self) -> list[str]:
        """The scenario."""
        return ["backtest", self.question.scenario.name]

    def asked(self) -> dict[str, Any]:
        """All that decides what comes out, and so the library that scores."""
        return {**self.question.content(), "scoringrules": version("scoringrules")}

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The same question, with the record beside it."""
        return cls(question_of(asked, folder))

    def compute(self, desk: Desk) -> _Scored:
        """Every scramble, whichever worker runs it, side by side in order; then the scores."""
        scenario, matches = self.question.scenario, self.question.matching.matches
        scrambles = range(self.question.request.draws // DRAWS_PER_SCRAMBLE)
        calls = [partial(_forecast, scenario, matches, number) for number in scrambles]
        parts = desk.parts("forecasts", calls, partial(desk.tell, "draws"))
        forecasts = join_draws([Forecasts.from_arrays(part, matches) for part in parts])
        rows = tuple(scored(matches, forecasts))
        return _Scored(forecasts, rows, tuple(pooled_rows(rows, scenario.sampling)))

    def write(self, folder: Path, computed: _Scored, desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        _write_tables(folder, self.question, computed.rows, computed.pooled)
        self.question.write_record(folder)
        if self.question.request.pictures:
            _draw(folder / _PLOTS, self.question, computed)
        foreseen = tuple((row.quantiles, row.probability, row.pit, row.scores) for row in computed.rows)
        return {
            "answer": stated(_ANSWER, (foreseen, computed.pooled)),
            "notes": tuple(_notes(self.question, computed.rows)),
            "draws": self.question.request.draws,
        }

    def answer(self, study: Finished) -> Track:
        """How each row was foreseen, and rows pooled."""
        foreseen, pooled = understood(_ANSWER, study.manifest.answer, study.folder)
        question = self.question
        rows = tuple(RowScore(match, *said) for match, said in zip(question.matching.matches, foreseen, strict=True))
        unmatched, replaced = question.matching.unmatched, question.replaced
        counts = {"unmatched": len(unmatched), "replaced": len(replaced)}
        said = tuple(track_sentences(rows, pooled, question.scenario, **counts))
        scenario = question.scenario
        return Track(study.folder, study.paths, scenario, rows, pooled, unmatched, replaced, said, study.notes)


def _forecast(scenario: Scenario, matches: Sequence[Match], number: int) -> Arrays:
    return forecast_scramble(scenario, matches, number).arrays()


def _notes(question: Question, rows: Sequence[RowScore]) -> list[str]:
    """What a reader should know before quoting it."""
    assumed = [row.observation.id for row in rows if row.is_assumed]
    told = f"; {', '.join(assumed)} the scenario assumes and does not forecast" if assumed else ""
    matched = f"{len(rows)} of {len(question.record)} rows are matched{told}."
    naive = (
        "" if question.scenario.naive else "The scenario states no 'naive' numbers, so there are no naive forecasts."
    )
    notes = (matched, _independence([row for row in rows if not row.is_assumed]), *_mapping_uses(rows), naive)
    return list(filter(None, notes))


def _independence(rows: Sequence[RowScore]) -> str:
    """How few independent facts the forecasts are, in words."""
    series = len({row.observation.series for row in rows})
    kinds = list(dict.fromkeys(row.observation.variable for row in rows))
    if not rows:
        return ""
    return (
        f"{len(rows)} forecasts are {series} series of {len(kinds)} variables ({', '.join(kinds)}). Series of one "
        f"market move together, so they weigh like {len(kinds)} to {series} independent facts, not like {len(rows)}."
    )


def _mapping_uses(rows: Sequence[RowScore]) -> list[str]:
    """Every use of the mapping file, with the rows in which it was used."""
    uses: dict[str, list[str]] = {}
    for row in rows:
        for use in row.match.mapped:
            uses.setdefault(use, []).append(row.observation.id)
    return [f"Mapping file: {use}, in {', '.join(ids)}." for use, ids in uses.items()]


def _write_tables(folder: Path, question: Question, rows: Sequence[RowScore], pooled: Sequence[PooledRow]) -> None:
    by_row = backtest_rows(question.record, rows, question.matching.unmatched)
    tables = {
        "backtest.csv": csv_bytes(by_row, BACKTEST_COLUMNS),
        "scores.csv": csv_bytes(score_rows(rows), ScoreRow._fields),
        "pooled.csv": csv_bytes(pooled, PooledRow._fields),
        "replaced.csv": csv_bytes(question.replaced, Replacement._fields),
        "parameters.csv": csv_bytes(parameter_rows([question.scenario]), parameter_columns([question.scenario])),
    }
    for name, content in tables.items():
        write_bytes(folder / name, content)


def _draw(folder: Path, question: Question, computed: _Scored) -> None:
    folder.mkdir()
    track = TrackRecord(question.scenario, computed.rows, computed.pooled, computed.forecasts)
    for name in drawable(track):
        draw(name, track, folder)
