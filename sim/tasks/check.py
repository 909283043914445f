"""Whether files are valid, each as what it is: a scenario, a sweep, a decision, a box, a record, a list of sources.

What a kind needs is imported when a file of it comes, so that a scenario need not wait for what sweeps need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from sim.axes import DRAWS_PER_SCRAMBLE
from sim.errors import NumericalError, Problem, ScenarioError
from sim.reading import kinds
from sim.reading.kinds import Kind
from sim.reading.loading import Loaded, read_scenario, read_scenarios
from sim.reading.naming import named_file
from sim.reading.validation import located
from sim.scenario.mechanisms import left_out_in_words

__all__ = ["Checked", "check_files"]

T = TypeVar("T")

Checked = tuple[Sequence[str], Sequence[str]]
"""A line for each file, and what a user should know of how they were read."""

_MOST_SCRAMBLES: Final = 16
"""Sets of draws that are looked at: as many as a run has that is not asked for more."""

_NAMED: Final = (kinds.SCENARIO_FILE, kinds.SWEEP, kinds.DECISION)
"""Kinds whose files may be meant by a name."""


def check_files(given: Sequence[Path], *, overrides: Sequence[str] = (), extremes: bool = False) -> Checked:
    """What valid files hold, in words.

    Parameters
    ----------
    given : sequence of path
        Files, or names of scenarios, sweeps and decisions; a list of sources is read with its scenarios.
    overrides, extremes
        Of the scenarios, as `read_scenarios` takes them.

    Raises
    ------
    ScenarioError
        With the problems of all files.
    """
    problems: list[Problem] = []
    files = _tried(given, _found, problems)
    of = {path: kind for path, kind in files.values() if kind != kinds.SOURCES_FILE}
    scenarios = [path for path, kind in of.items() if kind == kinds.SCENARIO_FILE]
    try:
        read = read_scenarios(scenarios, overrides=overrides, extremes=extremes) if scenarios else ()
    except ScenarioError as error:
        read, problems = (), [*problems, *error.problems]
    problems += (problem for one in read for problem in _stops(one))
    others = _tried([path for path in of if path not in scenarios], lambda path: _words(path, of[path]), problems)
    if overrides and others and not scenarios:
        problems += (Problem(str(path), 0, 0, "", f"{_OWN_VALUES[of[path]]} (found --set)") for path in others)
    if problems:
        raise ScenarioError(problems)
    words = {path: _scenario(one) for path, one in zip(scenarios, read, strict=True)} | others
    return [f"{path}: {words[path]}" for path in of], _notes(read)


_OWN_VALUES: Final = {
    kinds.SWEEP: "is a sweep, which sets its values itself",
    kinds.DECISION: "is a decision, whose actions set their values themselves",
    kinds.BOX: "is a box, in which nothing is set",
    kinds.RECORD: "is a record, in which nothing is set",
    kinds.NAMES: "is a map of names, in which nothing is set",
}


def _scenario(read: Loaded) -> str:
    """That a scenario is valid, and which mechanisms it does without."""
    absent = left_out_in_words(read.scenario)
    return f"{read.scenario.name} is valid" + (f"; without {absent}" if absent else "")


def _stops(read: Loaded) -> Iterator[Problem]:
    """Where steps make of numbers what they cannot be in one of the first draws, at which a run would stop.

    Reading has judged each number at its ends; several unlikely ones meet in draws alone.
    """
    scenario = read.scenario
    if not scenario.changes_numbers:
        return
    from sim.chance.sampling import draw_worlds
    from sim.dates.calendar import step_dates
    from sim.dates.dated import dated_numbers
    from sim.model.course import require_possible

    for number in range(min(scenario.sampling.draws // DRAWS_PER_SCRAMBLE, _MOST_SCRAMBLES)):
        worlds = draw_worlds(scenario, range(number, number + 1))
        try:
            require_possible(scenario, dated_numbers(scenario, worlds.inputs, step_dates(scenario, worlds)))
        except NumericalError as error:
            first = number * DRAWS_PER_SCRAMBLE
            where = f"among draws {first} to {first + DRAWS_PER_SCRAMBLE - 1} of seed {scenario.sampling.seed}"
            yield located(
                read.tree, "policy.steps", f"a run would stop {where}: {str(error).removeprefix('policy.steps: ')}"
            )
            return


def _notes(read: Sequence[Loaded]) -> tuple[str, ...]:
    return tuple(note for one in read for note in one.notes)


def _tried(things: Sequence[Path], make: Callable[[Path], T], problems: list[Problem]) -> dict[Path, T]:
    """What is made of each file; problems are added to those of others."""
    made = {}
    for thing in things:
        try:
            made[thing] = make(thing)
        except ScenarioError as error:
            problems += error.problems
    return made


def _found(given: Path) -> tuple[Path, Kind]:
    """The file that is meant, and its kind."""
    refusal: ScenarioError | None = None
    for kind in _NAMED:
        try:
            path = named_file(given, kind)
            return path, kinds.kind_of_file(path)
        except ScenarioError as error:
            refusal = refusal or error
    raise refusal or AssertionError(given)


def _words(path: Path, kind: Kind) -> str:
    """What a valid file holds that is no scenario."""
    return _READERS[kind](path)


def _sweep(path: Path) -> str:
    from sim.tasks.points import asked_outcomes
    from sim.tasks.sweepfile import read_sweep

    sweep = read_sweep(path)
    asked = ", ".join(outcome.label for outcome in asked_outcomes(sweep))
    return f"{sweep.name} is valid: {len(sweep.points):,} points of {sweep.start.name}; {asked}"


def _decision(path: Path) -> str:
    from sim.tasks.decisionfile import read_decision
    from sim.tasks.payoffs import measure_of

    decision = read_decision(path)
    measure_of(decision)
    actions = "; ".join(f"{one.title}: {', '.join(action.name for action in one.actions)}" for one in decision.deciders)
    return f"{decision.name} is valid: {actions}"


def _box(path: Path) -> str:
    """A box is held to the scenario that it names, if there is one beside it or among the shipped ones."""
    from sim.tasks.boxfile import checked_box, named_scenario

    name = named_scenario(path)
    try:
        scenario = read_scenario(named_file(name, kinds.SCENARIO_FILE, beside=path.parent)).scenario
    except ScenarioError:
        scenario = None
    words = checked_box(path, scenario)
    beside = "" if scenario else f"; its inputs are not checked, for there is no scenario {name} here"
    return f"a box of {name} is valid: {words}{beside}"


def _record(path: Path) -> str:
    from sim.belief.record import read_record
    from sim.scenario.money import ANY
    from sim.scenario.scenario import Horizon

    rows = read_record(path, Horizon(base_year=1990, end_year=2150, period_months=12), ANY)
    return f"a record is valid: {len(rows):,} rows"


def _names(path: Path) -> str:
    return "a map of names is checked with the record and the scenario that it is for"


_READERS: Final[Mapping[Kind, Callable[[Path], str]]] = {
    kinds.SWEEP: _sweep,
    kinds.DECISION: _decision,
    kinds.BOX: _box,
    kinds.RECORD: _record,
    kinds.NAMES: _names,
}
