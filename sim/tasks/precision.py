"""As many draws as it takes: scrambles are added until a paired difference is as precise as was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from sim.axes import DRAWS_PER_SCRAMBLE
from sim.errors import Problem, ScenarioError
from sim.outcomes.comparison import baseline_of
from sim.outcomes.naming import Outcome, find_number, outcome_draws
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
    name : str
        The outcome, as the user names it; every scenario's unless it names one.
    value : float
        Standard error of the mean difference, in the outcome's unit.
    """

    name: str
    value: float

    def content(self) -> dict[str, Any]:
        """The target as the manifest states it."""
        return {"outcome": self.name, "standard_error": self.value, "most_draws": MOST_DRAWS}

    def outcome(self, cases: Mapping[str, Mapping[str, Columns]], baseline: str) -> Outcome:
        """What is meant among the scenarios of a study.

        Raises
        ------
        ScenarioError
            There is no such outcome, or it does not exist in every draw.
        """
        try:
            outcome = find_number(self.name, cases, baseline)
            outcome = outcome if outcome.is_comparison else find_number(f"gain({self.name})", cases, baseline)
        except ValueError as error:
            _refuse(str(error))
        if VARIABLES[outcome.variable].may_be_missing:
            _refuse(f"{outcome.variable} does not exist in every draw: its mean has no standard error")
        return outcome


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
            f"standard error of the mean difference in {self.target.name}: {self.error:.3g} after {self.draws:,} "
            f"draws ({wanted})"
        )


def read_target(text: str) -> Target:
    """A target from OUTCOME=VALUE, as in foreign_share.total.2030=0.001.

    Raises
    ------
    ScenarioError
        It is not of this form.
    """
    name, _, value = text.rpartition("=")
    if not name:
        _refuse(f"an outcome and its standard error, as in foreign_share.total.2030=0.001 (found {text!r})")
    return Target(name, _positive(value))


def as_precise_as(
    target: Target, outcome: Outcome, baseline: str, draws: int, run: Callable[[int], Sequence[Result]]
) -> tuple[Sequence[Result], Reached]:
    """Add draws until the target is reached, or the most draws are.

    Parameters
    ----------
    target : Target
    outcome : Outcome
        What it means in the study.
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
        error = _largest_error(outcome, results, baseline)
        if error <= target.value or draws >= MOST_DRAWS:
            return results, Reached(target, draws, error)
        draws = next_draws(draws, error / target.value)


def _largest_error(outcome: Outcome, results: Sequence[Result], baseline: str) -> float:
    """The largest standard error among the scenarios that are meant, as reached so far."""
    base, by_name = baseline_of(results, baseline), {result.name: result for result in results}
    meant = outcome.answered_by({name: result.panels for name, result in by_name.items()}, base.name)
    return max(standard_error(outcome_draws(outcome, by_name[name], base)) for name in meant)


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
