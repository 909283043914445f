"""What can go wrong, in one tree.

    SimError
    ├── ScenarioError     the input is wrong: a list of problems with file, line and remedy (exit code 2)
    ├── NumericalError    a draw has no answer: infeasible base year, a number that is not finite (exit code 1)
    └── ResultsError      files of a study are missing, damaged or do not fit together (exit code 1)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["NumericalError", "Problem", "ResultsError", "ScenarioError", "SimError"]


class SimError(Exception):
    """The root of every error that the program raises on purpose."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake of the user's, where it stands and how to mend it.

    Attributes
    ----------
    file : str
        File name as the user gave it; empty for the command line.
    line, column : int
        Position, counted from 1; 0 where there is none.
    path : str
        Dotted path inside the scenario; may be empty.
    message : str
        What is wrong and what is allowed, in one sentence.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ScenarioError(SimError):
    """The input is wrong.

    Parameters
    ----------
    problems : iterable of Problem
        Every mistake found at one stage, in file order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class NumericalError(SimError):
    """A draw has no answer; the message names the draw and the inputs."""


class ResultsError(SimError):
    """Files of a study are missing, damaged, or do not fit together."""
