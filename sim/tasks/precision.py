"""As many draws as it takes: scrambles are added until a paired difference is as precise as was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.errors import Problem, ScenarioError, choices
from sim.outcomes.comparison import baseline_of
from sim.outcomes.panels import Columns, Result
from sim.outcomes.statistics import FEWEST_SCRAMBLES, standard_error
from sim.outcomes.variables import VARIABLES
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK

__all__ = ["MOST_DRAWS", "Reached", "Target", "as_precise_as", "read_target"]

MOST_DRAWS: Final = 2**20
"""More draws than this are not added, however far the target is."""

_FEWEST_DRAWS: Final = FEWEST_SCRAMBLES * DRAWS_PER_SCRAMBLE

_MARGIN: Final = 1.1
"""What is added to the draws that the error seems to ask for, because it is known roughly."""

_LARGEST_STEP: Final = 4
"""Times the draws so far: an error from few scrambles may be far off."""

_OPTION: Final = "--target-se"


@dataclass(frozen=True)
class Target:
    """How precisely a paired difference to the baseline is wanted.

    Attributes
    ----------
    scenario : str
        Whose difference; every scenario's if empty.
    variable, place : str
        The outcome: a variable, and its scope and item, joined by a dot.
    year : int
    value : float
        Standard error of the mean difference, in the variable's unit.
    """

    scenario: str
    variable: str
    place: str
    year: int
    value: float

    @property
    def path(self) -> str:
        """The outcome as the user names it."""
        named = ".".join(part for part in (self.variable, self.place, str(self.year)) if part)
        return f"{self.scenario}:{named}" if self.scenario else named

    def content(self) -> dict[str, Any]:
        """The target as the manifest states it."""
        return {"outcome": self.path, "standard_error": self.value, "most_draws": MOST_DRAWS}

    def check(self, cases: Iterable[Mapping[str, Columns]]) -> None:
        """Raise ScenarioError unless every scenario has the outcome."""
        for case in cases:
            self.row(case[self.variable])

    def row(self, panel: Columns) -> int:
        """Where a variable has the outcome.

        Raises
        ------
        ScenarioError
            It does not have it; says what it has.
        """
        places = {".".join(filter(None, label)): label for label in panel.items}
        if self.place not in places:
            _refuse(f"{self.variable} has no such scope and item {choices(self.place, list(places))}")
        if self.year not in panel.years:
            _refuse(f"{self.variable} has years {panel.years[0]} to {panel.years[-1]} (found {self.year})")
        return panel.row(self.year, *places[self.place])

    def error(self, results: Sequence[Result], baseline: str) -> float:
        """The largest standard error among the scenarios that are meant, as reached so far."""
        base = baseline_of(results, baseline)
        meant = [one for one in results if one is not base and self.scenario in ("", one.name)]
        return max(standard_error(self._column(one) - self._column(base)) for one in meant)

    def _column(self, result: Result) -> FloatArray:
        panel = result.panels[self.variable]
        column: FloatArray = panel.rows([self.row(panel)])[0]
        return column


@dataclass(frozen=True)
class Reached:
    """How far it went.

    Attributes
    ----------
    target : Target
    draws : int
    error : float
        The standard error after these draws.
    """

    target: Target
    draws: int
    error: float

    def __str__(self) -> str:
        wanted = f"{self.target.value:.3g} was asked for"
        if self.error > self.target.value:
            wanted += f", and is out of reach of {MOST_DRAWS:,} draws"
        return (
            f"standard error of the mean difference in {self.target.path}: {self.error:.3g} after {self.draws:,} "
            f"draws ({wanted})"
        )


def read_target(text: str, names: Sequence[str], baseline: str) -> Target:
    """A target from [SCENARIO:]VARIABLE[.SCOPE][.ITEM].YEAR=VALUE.

    Parameters
    ----------
    text : str
        As the user gives it.
    names : sequence of str
        Scenarios of the study.
    baseline : str
        The one that has no difference.

    Raises
    ------
    ScenarioError
        It is not of this form, or names what the study does not have.
    """
    path, _, value = text.rpartition("=")
    scenario, _, outcome = path.rpartition(":")
    variable, _, rest = outcome.partition(".")
    place, _, year = rest.rpartition(".")
    others = [name for name in names if name != baseline]
    known = [name for name, info in VARIABLES.items() if not info.missing and info.summary in ("level", "difference")]
    if not others:
        _refuse("a difference takes two scenarios or more")
    if scenario and scenario not in others:
        _refuse(f"no scenario but the baseline has this name {choices(scenario, others)}")
    if variable not in known:
        _refuse(f"no variable that exists in every draw has this name {choices(variable, known)}")
    if not year.isdecimal():
        _refuse(f"an outcome ends in a year, as in foreign_share.total.2030=0.001 (found {text!r})")
    return Target(scenario, variable, place, int(year), _positive(value))


def as_precise_as(
    target: Target, baseline: str, draws: int, run: Callable[[int], Sequence[Result]]
) -> tuple[Sequence[Result], Reached]:
    """Add draws until the target is reached, or the most draws are.

    Parameters
    ----------
    target : Target
    baseline : str
        Name of the baseline.
    draws : int
        To begin with; more if a standard error needs more.
    run : callable
        Number of draws to results; it keeps what it has computed before.

    Returns
    -------
    results, reached
    """
    draws = _whole(max(draws, _FEWEST_DRAWS))
    while True:
        results = run(draws)
        error = target.error(results, baseline)
        if error <= target.value or draws >= MOST_DRAWS:
            return results, Reached(target, draws, error)
        draws = next_draws(draws, error / target.value)


def next_draws(draws: int, excess: float) -> int:
    """Draws to try next where the error is `excess` times too large; it falls with the root of their number."""
    needed = draws * min(_MARGIN * excess**2, _LARGEST_STEP)
    return min(_whole(max(needed, draws + 1)), MOST_DRAWS)


def _whole(draws: float) -> int:
    """The next number of draws that fills whole blocks."""
    block = SCRAMBLES_PER_BLOCK * DRAWS_PER_SCRAMBLE
    return math.ceil(draws / block) * block


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        _refuse(f"a standard error is a number above 0 (found {text!r})")
    return value


def _refuse(message: str) -> NoReturn:
    raise ScenarioError([Problem(_OPTION, 0, 0, "", message)])
