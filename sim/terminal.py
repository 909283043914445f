"""What the user sees: the only module that prints.

Text goes out as it is: no markup in it is read, no line is wrapped, and rules and colour are for terminals only.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby, zip_longest
from math import isnan
from typing import IO, TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from pathlib import Path

    import rich.progress

    from sim.belief.knowledge import Replacement
    from sim.belief.lessons import LessonRow, ObservationRow, RungRow
    from sim.belief.track import PooledRow, RowScore
    from sim.outcomes.tables import HeadlineRow
    from sim.outcomes.verdict import Verdict
    from sim.tasks.backtest import Track
    from sim.tasks.calibrate import Learning
    from sim.tasks.decide import DecisionStudy
    from sim.tasks.run import Study
    from sim.tasks.sweep import SweepStudy
    from sim.tasks.task import FindingsStudy

__all__ = [
    "FirstAnswer",
    "Progress",
    "complain",
    "progress",
    "report",
    "report_answer",
    "report_decision",
    "report_findings",
    "report_learning",
    "report_sweep",
    "report_track",
    "report_verdict",
    "say",
    "table",
]


def say(text: str) -> None:
    """Print a line."""
    typer.echo(text)


def complain(text: str) -> None:
    """Print a line on the error stream, which nobody need read."""
    with suppress(OSError):
        typer.echo(text, err=True)


def _is_terminal(stream: IO[str] | None) -> bool:
    """Whether a stream, which is None where a process was started without it, is a terminal."""
    return stream is not None and stream.isatty()


class Progress:
    """Tells what is being done by a line for each quarter; what is said meanwhile simply stands between."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, text: str, share: float) -> None:
        """Say what is being done, and how much of the whole is finished."""
        line = f"{text}: {int(4 * share) * 25}%"
        if line != self._last:
            complain(line)
        self._last = line

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else is printed."""
        yield


class _Bar(Progress):
    """The same by a bar, which gives way while something else is printed."""

    def __init__(self, bar: rich.progress.Progress) -> None:
        super().__init__()
        self._bar, self._task = bar, bar.add_task("", total=1.0)

    def __call__(self, text: str, share: float) -> None:
        self._bar.update(self._task, description=text, completed=share, refresh=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._bar.stop()
        yield
        self._bar.start()


@contextmanager
def progress() -> Iterator[Progress]:
    """A way to tell what is being done: a bar on a terminal, else lines."""
    if not _is_terminal(sys.stderr):
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    # Without a refresh thread: the study forks, and a forked copy of a thread's lock would never open.
    console = Console(stderr=True)
    with Bar(
        *columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        yield _Bar(bar)


def report(study: Study, *, answered: bool = False, verbose: bool = False) -> None:
    """The answer in a dozen lines unless most of it has been given, with the tables below it if they are wanted."""
    if not answered:
        report_verdict(study.verdict)
    _saved(study.folder, study.paths)
    if verbose:
        report_answer(study.headline)
    _notes(study.notes)


def report_verdict(verdict: Verdict) -> None:
    """A study's answer in sentences."""
    _lines([(f"{verdict.question}   ({verdict.basis})",)])
    _lines([(line.label, *line.texts) for line in verdict.screen])


def _lines(rows: Sequence[tuple[str, ...]]) -> None:
    """Labels in a column, each with its texts beside it; wrapped below themselves on a terminal, and nowhere else."""
    width = 2 + max((len(label) for label, *texts in rows if texts), default=-2)
    columns = shutil.get_terminal_size().columns if _is_terminal(sys.stdout) else 0
    hang = width if columns - width > _NARROW else _INDENT
    for label, *texts in rows:
        for place, text in enumerate(texts or [label]):
            line = f"{'' if place else label:{width}}{text}" if texts else text
            say(textwrap.fill(line, columns, subsequent_indent=" " * hang) if columns else line)


_NARROW: Final = 40
"""Characters beside the labels that a text needs, to be wrapped there."""

_INDENT: Final = 4


def _saved(folder: Path, paths: Iterable[Path], what: str = "tables") -> None:
    """Where it all lies, what to open, and how the rest is printed."""
    opened = f"Open {_REPORT}; all" if any(path.name == _REPORT for path in paths) else "All"
    say(f"Saved in {folder}   {opened} {what}: --verbose")


_REPORT: Final = "report.html"


def _notes(notes: Iterable[str]) -> None:
    """What one should know before quoting it."""
    for note in notes:
        complain(note)


class FirstAnswer:
    """Gives the answer of a run as soon as it is known, while files are written.

    Attributes
    ----------
    given : bool
    """

    def __init__(self, progress: Progress) -> None:
        self._progress, self.given = progress, False

    def __call__(self, verdict: Verdict) -> None:
        """Print it; where it cannot be, the study is made all the same, and the report at its end fails."""
        with self._progress.aside(), suppress(OSError):
            report_verdict(verdict)
            self.given = True


def report_answer(headline: Iterable[HeadlineRow]) -> None:
    """The answer in numbers, a table for each quantity."""
    for (variable, scope, item, unit), rows in groupby(headline, _quantity):
        factor, shown = (100.0, "%, differences in points") if unit == "fraction" else (1.0, unit)
        say(f"\n{', '.join(filter(None, (variable, scope, item)))} ({shown})")
        table(_HEADER, [_cells(row, factor) for row in rows], keys=2)


def report_sweep(sweep: SweepStudy, *, verbose: bool = False) -> None:
    """What the points say of each outcome; every point below it if that is wanted."""
    _report(sweep, lambda: _whole_table(sweep.table), verbose=verbose)


def report_findings(study: FindingsStudy, *, verbose: bool = False) -> None:
    """For each outcome what is found of it, a sentence a finding, as many as a screen takes unless all are wanted."""
    each = max(1, _MOST_SENTENCES // max(1, len(study.findings)))
    for title, *findings in study.findings if verbose else study.findings[:_MOST_SENTENCES]:
        shown = findings if verbose else findings[: each - 1]
        _lines([(title if shown or not findings else f"{title} {findings[0]}",), *((f"  {one}",) for one in shown)])
    _saved(study.folder, study.paths, "findings and outcomes")
    _notes(study.notes)


def report_decision(decision: DecisionStudy, *, verbose: bool = False) -> None:
    """What is found, a sentence each, the most important first; the actions beside each other if that is wanted."""
    _report(decision, lambda: _whole_table(decision.table), verbose=verbose)


_MOST_SENTENCES: Final = 11
"""On a screen, above the line that names the folder."""


def _report(
    study: SweepStudy | DecisionStudy | Track | Learning, say_tables: Callable[[], None], *, verbose: bool
) -> None:
    """A sentence a line, as many as a screen takes, and where it all lies; if it is wanted all of them, and tables."""
    sentences = study.sentences if verbose else study.sentences[:_MOST_SENTENCES]
    _lines([(sentence,) for sentence in sentences])
    _saved(study.folder, study.paths)
    if verbose:
        say_tables()
    _notes(study.notes)


def _whole_table(rows: Sequence[Sequence[str]]) -> None:
    """A table whose first row is its header."""
    header, *others = rows
    say("")
    table(header, others)


def _quantity(row: HeadlineRow) -> tuple[str, str, str, str]:
    return row.variable, row.scope, row.item, row.unit


_HEADER: Final = ("year", "scenario", "median", "5%", "95%", "mean", "mean difference", "std. error")


def _cells(row: HeadlineRow, factor: float) -> tuple[str, ...]:
    """A row of the table; the baseline differs from nothing, and few draws give no error."""
    levels = (f"{factor * value:.2f}" for value in (row.median, row.p05, row.p95, row.mean))
    difference = "" if isnan(row.difference) else f"{factor * row.difference:+.2f}"
    error = "" if isnan(row.difference_se) else f"{factor * row.difference_se:.2f}"
    return (str(row.year), row.scenario, *levels, difference, error)


def report_track(track: Track, *, verbose: bool = False) -> None:
    """How the record was foreseen; row by row, and what was left out or replaced, if that is wanted."""
    _report(track, lambda: _track_tables(track), verbose=verbose)


def report_tracks(tracks: Mapping[str, Track], file: Path) -> None:
    """What was forecast of each case and what came, in one table: by what it is of, and over all; `file` holds it."""
    from sim.belief.naive import NAIVE

    skills = [f"vs {name.replace('_', ' ')}" for name in NAIVE]
    cells = []
    for case, track in tracks.items():
        for place in _kinds(track.pooled):
            cells.append((case, track.scenario.title, *_pooled_cells(track.pooled, place, NAIVE)))
    table(("case", "scenario", "of", "rows", "series", "score", "engine", *skills, "in 50%", "in 90%"), cells, keys=3)
    numbers = [row for track in tracks.values() for row in track.rows if row.quantiles]
    inside = sum(row.covers(90) for row in numbers)
    say(f"\n{inside} of {len(numbers)} facts of {len(tracks)} cases inside the 90% band.")
    for case, track in tracks.items():
        say(f"\n{case}: {track.sentences[0]}")
    say(f"\nSaved in {file}")


def _kinds(pooled: Sequence[PooledRow]) -> list[int]:
    """Where the engine's rows stand that pool all series of a variable, or its only one; the whole market's first."""
    places = _engine_places(pooled)
    several = {(pooled[place].variable, pooled[place].score) for place in places if pooled[place].series > 1}
    apart = [
        p
        for p in places
        if pooled[p].series > 1 or (pooled[p].variable, pooled[p].score) not in several or _is_whole(pooled[p])
    ]
    return sorted(apart, key=lambda p: (places.index(_first_of(pooled, places, p)), not _is_whole(pooled[p])))


def _is_whole(row: PooledRow) -> bool:
    """Whether a row is of the whole market's size or foreign share, which its layers must not hide."""
    return row.scope == "total" and not row.item


def _first_of(pooled: Sequence[PooledRow], places: Sequence[int], place: int) -> int:
    """The first place of the variable that stands at a place."""
    return next(p for p in places if pooled[p].variable == pooled[place].variable)


def _track_tables(track: Track) -> None:
    """How each row was foreseen, rows pooled, and what was left out or replaced."""
    from sim.belief.naive import NAIVE

    skills = [f"vs {name.replace('_', ' ')}" for name in NAIVE]
    numbers = [row for row in track.rows if row.quantiles]
    if numbers:
        say("\nskill is 1 - CRPS / CRPS of the naive forecast, of the log for money")
        header = ("row", "of", "until", "observed", "median", "5%", "95%", "pit", "in 90%", *skills)
        table(header, [_track_cells(row, NAIVE) for row in numbers], keys=2)
    events = [row for row in track.rows if not row.quantiles]
    if events:
        say("")
        cells = [(*_what(row), f"{row.observation.value:.0f}", f"{row.probability:.3f}", _brier(row)) for row in events]
        table(("row", "of", "until", "happened", "probability", "Brier"), cells, keys=2)
    say("\npooled by series")
    header = ("of", "rows", "series", "score", "engine", *skills, "in 50%", "in 90%")
    table(header, [_pooled_cells(track.pooled, place, NAIVE) for place in _engine_places(track.pooled)])
    _told("left out", ("row", "reason"), list(track.unmatched.items()))
    _replacements(track.replaced)


def report_learning(learning: Learning, *, verbose: bool = False) -> None:
    """What the record taught; row by row and input by input, and how the particles fared, if that is wanted."""
    _report(learning, lambda: _learning_tables(learning), verbose=verbose)


def _learning_tables(learning: Learning) -> None:
    """What was foreseen of the record and what it taught, and how the particles fared."""
    used = [row for row in learning.observations if row.used == "yes"]
    say("\nthe record, in the order in which it joined: foreseen before and after, all errors included")
    rows = [_observation_cells(row) for row in sorted(used, key=lambda row: row.joined or 0)]
    table(_OBSERVATION_HEADER, rows, keys=2)
    say("\neffective sample at each temperature, in % of the particles: first calibration, and the least of all")
    table(_RUNG_HEADER, _rung_cells(learning.rungs), keys=2)
    moved = [row for row in learning.lessons if row.informed == "yes"]
    say(f"\ninformed: {len(moved)} of {len(learning.lessons)}; moved in standard deviations of the prior")
    table(_LESSON_HEADER, [_lesson_cells(row) for row in moved])
    _told("left out", ("row", "reason"), [(row.id, row.reason) for row in learning.observations if row.used == "no"])
    _replacements(learning.replaced)


_OBSERVATION_HEADER: Final = (
    *("row", "of", "until", "observed"),
    *("before", "5%", "95%", "after", "5%", "95%", "tail", "log evidence", "se"),
)
_RUNG_HEADER: Final = ("row", "temperature", "effective sample", "moves", "accepted", "least of all calibrations")
_LESSON_HEADER: Final = (
    *("parameter", "unit", "before", "5%", "95%", "after", "5%", "95%"),
    *("moved", "spread", "nats", "noise"),
)


def _replacements(replaced: Sequence[Replacement]) -> None:
    """What was not known by the cut-off, and what stands in for it."""
    cells = [(one.path, one.value, f"{one.source}, {one.published}", one.fallback) for one in replaced]
    _told("not known by the cut-off, and replaced", ("number", "put aside", "published", "in its place"), cells)


def _observation_cells(row: ObservationRow) -> tuple[str, ...]:
    what = " ".join(filter(None, (row.variable, row.scope, row.item)))
    before = (row.prior_p50, row.prior_p05, row.prior_p95)
    after = (row.posterior_p50, row.posterior_p05, row.posterior_p95)
    numbers = (f"{value:.3g}" for value in (row.observed, *before, *after) if value is not None)
    error = "" if row.log_evidence_se is None or isnan(row.log_evidence_se) else f"{row.log_evidence_se:.2f}"
    return (row.id, what, row.period_end, *numbers, f"{row.prior_tail:.2g}", f"{row.log_evidence:+.2f}", error)


def _rung_cells(rungs: Sequence[RungRow]) -> list[tuple[str, ...]]:
    """The ladder of the first calibration; beside it, at the last rung of each row, the least over all calibrations."""
    first = [rung for rung in rungs if rung.calibration == 0]
    least: dict[str, float] = {}
    for rung in rungs:
        share = rung.effective_sample / rung.particles
        least[rung.observation] = min(share, least.get(rung.observation, 1.0))
    return [
        (
            rung.observation,
            f"{rung.temperature:.4f}",
            f"{100 * rung.effective_sample / rung.particles:.0f}",
            str(rung.moves) if rung.moves else "",
            f"{100 * rung.acceptance:.0f}%" if rung.moves else "",
            f"{100 * least[rung.observation]:.0f}" if rung.temperature == 1 else "",
        )
        for rung in first
    ]


def _lesson_cells(row: LessonRow) -> tuple[str, ...]:
    before = (row.prior_p50, row.prior_p05, row.prior_p95)
    after = (row.posterior_p50, row.posterior_p05, row.posterior_p95)
    spread = f"{100 * (max(1 - row.contraction, 0.0) ** 0.5 - 1):+.0f}%"
    numbers = (f"{value:.3g}" for value in (*before, *after))
    return (
        row.parameter,
        row.unit,
        *numbers,
        f"{row.shift:+.2f}",
        spread,
        f"{row.information:.3f}",
        f"{row.noise:.3f}",
    )


def _told(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table under a title, if there is anything to tell."""
    if rows:
        say(f"\n{title}")
        table(header, rows)


def _what(row: RowScore) -> tuple[str, str, str]:
    observation = row.observation
    return observation.id, " ".join(filter(None, observation.series)), observation.end.isoformat()


def _brier(row: RowScore) -> str:
    return f"{row.scores['engine']['brier']:.3f}"


def _track_cells(row: RowScore, naive: Sequence[str]) -> tuple[str, ...]:
    values = (row.observation.value, *(row.quantiles[level] for level in (0.5, 0.05, 0.95)))
    digits = 4 if row.observation.unit == "fraction" else 2
    skills = (_signed(row.skill(name, row.headline)) for name in naive)
    covered = "yes" if row.covers(90) else "no"
    return (*_what(row), *(f"{value:.{digits}f}" for value in values), f"{row.pit:.2f}", covered, *skills)


def _signed(value: float | None) -> str:
    return "" if value is None or isnan(value) else f"{value:+.2f}"


def _engine_places(pooled: Sequence[PooledRow]) -> list[int]:
    """Where the engine's own rows stand; those of the naive forecasts follow each."""
    return [place for place, row in enumerate(pooled) if row.forecast == "engine"]


def _pooled_cells(pooled: Sequence[PooledRow], place: int, naive: Sequence[str]) -> tuple[str, ...]:
    own = pooled[place]
    label = (own.variable, own.scope, own.item, own.score)
    alike = {row.forecast: row for row in pooled if (row.variable, row.scope, row.item, row.score) == label}
    skills = (_with_interval(alike[name]) if name in alike else "" for name in naive)
    coverage = ("" if share is None else f"{100 * share:.0f}%" for share in (own.in50, own.in90))
    what = " ".join(filter(None, label[:3])) if own.series == 1 else f"{own.variable}, all"
    return what, str(own.rows), str(own.series), own.score, f"{own.value:.4f}", *skills, *coverage


def _with_interval(row: PooledRow) -> str:
    skill = _signed(row.skill)
    return skill if row.skill_p05 is None else f"{skill} ({_signed(row.skill_p05)} to {_signed(row.skill_p95)})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, keys: int = 1) -> None:
    """A table: in full columns apart by two spaces, on a terminal in its width, with a rule below the header.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
    keys : int
        How many of the first columns identify a row. They are never cut: in a narrow terminal sentences are broken into
        lines and then the last columns go, which is said; where most would go, all stand below the keys.
    """
    columns = list(zip(header, *rows, strict=True))
    if not _is_terminal(sys.stdout):
        _say_rows(columns, [max(map(len, column)) for column in columns])
        return
    width = shutil.get_terminal_size().columns
    widths = _fitted(columns, keys, width)
    if 2 * (len(widths) - keys) < len(columns) - keys:
        _say_blocks(columns, keys, width)
        return
    _say_rows(columns[: len(widths)], widths, rule=True)
    if len(widths) < len(columns):
        say(f"(too narrow for {', '.join(header[len(widths) :])})")


def _fitted(columns: Sequence[Sequence[str]], keys: int, width: int) -> list[int]:
    """Widths of the first columns that fit, keys as wide as they are, sentences down to a few words."""
    widths = [max(map(len, column)) for column in columns]
    least = [
        wide if place < keys or not _holds_sentences(column) else min(wide, _NARROWEST)
        for place, (column, wide) in enumerate(zip(columns, widths, strict=True))
    ]
    kept = next((n for n in range(len(columns), 0, -1) if sum(least[:n]) + len(_GAP) * (n - 1) <= width), keys)
    room = width - len(_GAP) * (kept - 1) - sum(least[:kept])
    fitted = []
    for wide, narrow in zip(widths[:kept], least[:kept], strict=True):
        more = min(wide - narrow, max(room, 0))
        fitted.append(narrow + more)
        room -= more
    return fitted


def _holds_sentences(column: Sequence[str]) -> bool:
    """Whether a column has cells of several words, which may be broken into lines."""
    return any(cell.count(" ") >= _WORDS for cell in column[1:])


def _say_rows(columns: Sequence[Sequence[str]], widths: Sequence[int], *, rule: bool = False) -> None:
    """Rows of cells as wide as told; a cell that is wider goes on in the next line."""
    right = [_holds_numbers(column) for column in columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        broken = [_broken(cell, wide) if rule else [cell] for cell, wide in zip(row, widths, strict=True)]
        for parts in zip_longest(*broken, fillvalue=""):
            cells = [
                part.rjust(wide) if is_right else part.ljust(wide)
                for part, wide, is_right in zip(parts, widths, right, strict=True)
            ]
            say(_GAP.join(cells).rstrip())
        if rule and number == 0:
            say(_GAP.join("─" * wide for wide in widths))


def _broken(cell: str, wide: int) -> list[str]:
    return textwrap.wrap(cell, wide) if len(cell) > wide else [cell]


def _say_blocks(columns: Sequence[Sequence[str]], keys: int, width: int) -> None:
    """Each row as lines: what identifies it, and below it the other cells with the names of their columns."""
    header, *rows = zip(*columns, strict=True)
    for row in rows:
        say(_GAP.join(row[:keys]))
        for name, cell in zip(header[keys:], row[keys:], strict=True):
            text = f"{_GAP}{name}: {cell}" if cell else ""
            for line in textwrap.wrap(text, max(width, _NARROWEST), subsequent_indent=_GAP * 2):
                say(line)


def _holds_numbers(column: Sequence[str]) -> bool:
    """Whether all cells below the header are numbers, or empty."""
    return all(cell.strip("+-.0123456789") == "" for cell in column[1:])


_GAP: Final = "  "
_NARROWEST: Final = 24
"""Letters of a line of a sentence, at least."""

_WORDS: Final = 3
"""So many blanks make a sentence of a cell."""
