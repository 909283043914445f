"""What can go wrong, in one tree.

SimError
├── ScenarioError     the input is wrong: a list of problems with file, line and remedy (exit code 2)
├── NumericalError    a draw has no answer: infeasible base year, a number that is not finite (exit code 1)
└── ResultsError      files of a study are missing, damaged or do not fit together (exit code 1)
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["NumericalError", "Problem", "ResultsError", "ScenarioError", "SimError", "choices", "on_one_line", "shown"]

_LONGEST_QUOTE = 60
_LONGEST_NAME = 400
_MOST_CHOICES = 12
_ENDING = ".yaml"


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
        file, path, message = _cut(self.file), _cut(self.path), self.message
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        return on_one_line(": ".join(part for part in (place, path, message) if part))


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

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        """Pickle the problems and not the text, so that the error crosses processes whole."""
        return type(self), (self.problems,)


class NumericalError(SimError):
    """A draw has no answer; the message names the draw and the inputs."""


class ResultsError(SimError):
    """Files of a study are missing, damaged, or do not fit together."""


def _cut(name: str) -> str:
    """A name of the user's as it stands, unless it is very long."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_QUOTE]} and more"


def on_one_line(text: str) -> str:
    """A text without what would move the cursor: such letters as escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def shown(value: object) -> str:
    """A user's value in words, on one line and not too long: text in quotes, control characters escaped."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value) if len(value) <= _LONGEST_QUOTE else f"{value[:_LONGEST_QUOTE]!r} and more"
    if isinstance(value, Mapping):
        return f"a mapping of {', '.join(map(shown, list(value)[:_MOST_CHOICES]))}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return str(value)[:_LONGEST_QUOTE]


def _foreign_letter(text: str) -> str:
    """The first letter that is none of ours, by name: it may look like one."""
    letter = next(letter for letter in text if not letter.isascii())
    return f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip()


def _nearest(found: str, allowed: Collection[str]) -> list[str]:
    """The one that was probably meant, if any; that both end in .yaml, or are in capitals or not, says nothing."""
    bare = {name.removesuffix(_ENDING).lower(): name for name in allowed}
    near = difflib.get_close_matches(found.removesuffix(_ENDING).lower(), list(bare), n=1)
    return [bare[name] for name in near]


def choices(found: object, allowed: Collection[str]) -> str:
    """What was found, what is allowed and what was probably meant, in brackets.

    Long lists of what is allowed are left out.
    """
    parts = [f"found {shown(found)}"]
    if len(allowed) <= _MOST_CHOICES:
        parts.append(f"allowed {', '.join(allowed) or 'nothing'}")
    near = _nearest(str(found), allowed)
    parts += [f"did you mean '{name}'?" for name in near]
    parts += [f"it holds {_foreign_letter(str(found))}" for _ in near if not str(found).isascii()]
    return f"({'; '.join(parts)})"
