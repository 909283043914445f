"""Under which conditions it happens: boxes of inputs from a finished study, and how much of it luck leaves to tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from sim.analysis.discovery import FEWEST_SCRAMBLES
from sim.axes import DRAWS_PER_SCRAMBLE, BoolArray, FloatArray
from sim.belief.posterior import Posterior
from sim.chance.sampling import draw_worlds
from sim.chance.units import units_of
from sim.chance.worlds import Worlds, same_worlds
from sim.disk import write_bytes
from sim.errors import NumericalError, Problem, ResultsError, ScenarioError
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.outcomes.events import Event, event_draws, event_values, find_event, variables_of_event
from sim.outcomes.manifest import stated
from sim.outcomes.panels import Result, require_finite
from sim.outcomes.study import INPUTS_FILE, Study, read_study, study_beside
from sim.outcomes.tables import csv_bytes
from sim.pictures.registry import draw, drawable
from sim.scenario.scenario import Scenario
from sim.tasks.boxfile import terms_of
from sim.tasks.conditions import (
    BOX_COLUMNS,
    CURVE_COLUMNS,
    Finding,
    box_file,
    box_rows,
    condition_sheet,
    curve_rows,
    find_conditions,
    numbered,
    sentences,
)
from sim.tasks.crew import make_crew
from sim.tasks.parts import Arrays
from sim.tasks.pool import Progress
from sim.tasks.task import FINDINGS, Desk, FindingsStudy, Finished, Task, perform

__all__ = ["DiscoverTask", "run_discovery"]

_WANTED_SCRAMBLES: Final = 16
"""Four of them report, from which on there are errors."""

_FEW: Final = 100
"""Draws of an event, half of which peel."""

_SCRAMBLES_PER_PART: Final = 2

_PLOTS: Final = "plots"


def run_discovery(
    study: Path | str,
    where: str,
    *,
    with_luck: bool = False,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> FindingsStudy:
    """Find the conditions under which an event is likely, and write them into a folder of their own.

    Parameters
    ----------
    study : path
        A finished study of `sim run`.
    where : str
        The event: an outcome, one of > >= < <=, and a number, as in ``gain(foreign_share.total.2030) > 0.1``.
    with_luck : bool
        Whether shocks, events and delays may be conditions too.
    out, jobs, plots, force, progress, executor, patience
        As for `run_study`.

    Raises
    ------
    ScenarioError
        There is no such outcome, or in every scenario no draw passes, or every one.
    NumericalError
        A draw whose luck is redrawn has no answer.
    ResultsError
        The study is missing, damaged or too small, or the folder cannot be written.
    """
    task = _asked_of(read_study(study), where, with_luck, plots)
    return perform(task, out, make_crew(jobs, executor, patience), force=force, progress=progress)


def _asked_of(study: Study, where: str, with_luck: bool, pictures: bool) -> DiscoverTask:
    if study.draws < FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE:
        least = FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE
        raise ResultsError(f"{study.folder}: {study.draws:,} draws are too few: run it with --draws {least} or more")
    cases = {result.name: result.panels for result in study.results}
    try:
        event = find_event(where, cases, study.baseline)
    except ValueError as error:
        raise _wrong_event(str(error)) from None
    names = event.outcome.answered_by(cases, study.baseline)
    passing = {name: event_draws(event, *_results(study, event, name)) for name in names}
    split = {name: held for name, held in passing.items() if 0 < np.count_nonzero(held) < len(held)}
    if not split:
        raise _wrong_event(f"{event.label}: {_all_or_none(study, event, passing)}")
    return DiscoverTask(study, event, passing, with_luck, pictures)


def _wrong_event(message: str) -> ScenarioError:
    return ScenarioError([Problem("--where", 0, 0, "", message)])


def _results(study: Study, event: Event, name: str) -> tuple[Result, Result | None]:
    """A scenario, and what it is compared with."""
    return study.result(name), study.result(study.baseline) if event.outcome.is_comparison else None


def _all_or_none(study: Study, event: Event, passing: Mapping[str, BoolArray]) -> str:
    """Why there is nothing to tell, in each scenario, and between which numbers there would be."""
    said = []
    for name, held in passing.items():
        values = event_values(event, *_results(study, event, name))
        finite = values[np.isfinite(values)]
        ends = f"; half of the draws lie between {np.quantile(finite, 0.25):.4g} and {np.quantile(finite, 0.75):.4g}"
        said.append(f"in {name} {'every' if held.all() else 'no'} draw passes{ends if len(finite) else ''}")
    return f"{', '.join(said)}: choose a number that some draws pass and others do not"


@dataclass(frozen=True)
class DiscoverTask(Task[tuple[Finding, ...], FindingsStudy]):
    """The search for the conditions of an event.

    Attributes
    ----------
    study : Study
    event : Event
    passing : mapping of str to bool arrays (N,)
        In which draws of each scenario it happens.
    with_luck, pictures : bool
    """

    kind = "discover"

    study: Study
    event: Event
    passing: Mapping[str, BoolArray]
    with_luck: bool
    pictures: bool

    @property
    def names(self) -> list[str]:
        """The scenarios."""
        return ["discover", *self.scenarios]

    @property
    def scenarios(self) -> list[str]:
        """Those in which some draws pass and others do not."""
        return [name for name, held in self.passing.items() if 0 < np.count_nonzero(held) < len(held)]

    @property
    def has_ceiling(self) -> bool:
        """Whether luck is there to be redrawn."""
        learned = any(self.study.result(name).scenario.sampling.posterior for name in self.scenarios)
        return not self.with_luck and not learned

    def asked(self) -> dict[str, Any]:
        """The study by the hashes of its numbers, and the event."""
        return {
            "discovered": self.study.manifest.variables,
            "inputs": self.study.manifest.files.get(INPUTS_FILE, ""),
            "baseline": self.study.baseline,
            "where": self.event.label,
            "with_luck": self.with_luck,
            "pictures": self.pictures,
        }

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """Of the run, which must lie beside it."""
        study = study_beside(folder, lambda manifest: manifest.variables == asked["discovered"])
        task = _asked_of(study, asked["where"], asked["with_luck"], asked["pictures"])
        return cls(task.study, task.event, task.passing, task.with_luck, task.pictures)

    def compute(self, desk: Desk) -> tuple[Finding, ...]:
        """The boxes of each scenario, and their ceilings."""
        again = self._with_luck_redrawn(desk) if self.has_ceiling else {}
        return tuple(self._finding(name, again.get(name)) for name in self.scenarios)

    def _with_luck_redrawn(self, desk: Desk) -> dict[str, BoolArray]:
        """In which draws the event happens with luck redrawn, by scenario."""
        scrambles = range(self.study.draws // DRAWS_PER_SCRAMBLE)
        parts = [scrambles[start : start + _SCRAMBLES_PER_PART] for start in scrambles[::_SCRAMBLES_PER_PART]]
        pairs = {name: self._pair(name) for name in self.scenarios}
        calls = [partial(_happens_again, self.event, *pair, part) for pair in pairs.values() for part in parts]
        runs = sum(1 if base is None else 2 for _, base in pairs.values())
        arrays = desk.parts("luck", calls, partial(desk.tell, f"luck redrawn ({runs} run{'s' * (runs > 1)})"))
        happens = np.concatenate([part["happens"] for part in arrays]).reshape(len(pairs), -1)
        return dict(zip(pairs, happens.astype(bool), strict=True))

    def _pair(self, name: str) -> tuple[Scenario, Scenario | None]:
        result, base = _results(self.study, self.event, name)
        return result.scenario, None if base is None else base.scenario

    def _finding(self, name: str, again: BoolArray | None) -> Finding:
        scenario = self.study.result(name).scenario
        own = (self.event, self.passing[name], again, self._searched(name), terms_of(scenario))
        return find_conditions(scenario, *own)

    def _searched(self, name: str) -> dict[str, FloatArray]:
        """The columns of a scenario that may be conditions."""
        kinds = {column: terms.column.kind for column, terms in terms_of(self.study.result(name).scenario).items()}
        drawn = self.study.inputs(name)
        return {column: values for column, values in drawn.items() if self.with_luck or kinds[column] != "luck"}

    def write(self, folder: Path, computed: tuple[Finding, ...], desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        each = numbered(computed)
        rows = [row for first, finding in each for row in box_rows(finding, first)]
        write_bytes(folder / "boxes.csv", csv_bytes(rows, BOX_COLUMNS))
        curve = [row for finding in computed for row in curve_rows(finding)]
        write_bytes(folder / "curve.csv", csv_bytes(curve, CURVE_COLUMNS))
        for first, finding in each:
            for place in range(len(finding.told)):
                write_bytes(folder / f"box_{first + place}.yaml", box_file(finding, place, first + place))
        if self.pictures:
            self._draw(folder / _PLOTS, each)
        desk.tell("files", 1.0)
        said = tuple(tuple(filter(None, sentences(finding, first))) for first, finding in each)
        return {"answer": stated(FINDINGS, said), "notes": tuple(self._notes()), "draws": self.study.draws}

    def _draw(self, folder: Path, each: Sequence[tuple[int, Finding]]) -> None:
        """The pictures of each scenario, named after it where there are several."""
        folder.mkdir()
        for first, finding in each:
            material = condition_sheet(finding, first, self._searched(finding.scenario.name))
            ending = f"_{finding.scenario.name}" if len(each) > 1 else ""
            for name in drawable(material):
                draw(name, material, folder, f"{name}{ending}")

    def _notes(self) -> Iterator[str]:
        """What a reader should know before quoting it."""
        scrambles, label = self.study.draws // DRAWS_PER_SCRAMBLE, self.event.label
        yield (
            "Half of the draws made the boxes, a quarter chose among them; coverage and density are of the last "
            "quarter. ± is one standard error."
        )
        if scrambles < _WANTED_SCRAMBLES:
            wanted = f"{_WANTED_SCRAMBLES * DRAWS_PER_SCRAMBLE:,}"
            yield f"{self.study.draws:,} draws are few for boxes: limits are rough and errors unknown below {wanted}."
        for name, held in self.passing.items():
            if name not in self.scenarios:
                yield f"{name} is left out: in {'every' if held.all() else 'no'} draw of it {label}."
            elif (least := min(np.count_nonzero(held), np.count_nonzero(~held))) < _FEW:
                side = "pass" if held.mean() < 0.5 else "do not"
                yield f"{name}: only {least} draws {side}, too few to make boxes of: run it with more draws."
        yield from self._notes_on_luck()
        for name in self.scenarios:
            missing = np.isnan(event_values(self.event, *_results(self.study, self.event, name))).mean()
            if missing > 0:
                what = f"in {100 * missing:.1f}% of draws {self.event.outcome.label} has no value"
                yield f"{name}: {what}: they do not pass."

    def _notes_on_luck(self) -> Iterator[str]:
        if self.with_luck:
            yield "Luck may be a condition here, which nobody can know beforehand: there is no ceiling."
        elif not self.has_ceiling:
            yield "The draws are learned from a record: luck and inputs depend on each other, and there is no ceiling."

    def answer(self, study: Finished) -> FindingsStudy:
        """What is said of each scenario."""
        return study.findings()


def _happens_again(event: Event, scenario: Scenario, base: Scenario | None, scrambles: range) -> Arrays:
    """In which draws of some scrambles an event happens with luck redrawn; one and the same luck for both scenarios."""
    shared, worlds = Shared(), _luck_redrawn(scenario, scrambles)
    result = _run(event, scenario, worlds, scrambles, shared)
    if base is None:
        return {"happens": event_draws(event, result)}
    others = worlds if same_worlds(scenario, base) else _luck_redrawn(base, scrambles)
    return {"happens": event_draws(event, result, _run(event, base, others, scrambles, shared))}


def _luck_redrawn(scenario: Scenario, scrambles: range) -> Worlds:
    return draw_worlds(scenario, scrambles, redrawn=[unit.name for unit in units_of(scenario) if unit.kind == "luck"])


def _run(event: Event, scenario: Scenario, worlds: Worlds, scrambles: range, shared: Shared) -> Result:
    try:
        panels = simulate(scenario, worlds, shared=shared, needed=variables_of_event(event))
        for panel in panels.values():
            require_finite(panel, scrambles.start * DRAWS_PER_SCRAMBLE)
    except NumericalError as error:
        raise NumericalError(f"{scenario.name}: a draw with luck redrawn has no answer: {error}") from error
    return Result(scenario, panels)
