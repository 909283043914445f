"""How the program hangs together, read off the program itself: what each stage reads, and what each outcome is made of.

Nothing of it is listed here but the stages: a section that a stage begins to read, an input of a stage or an outcome
that is added shows without a change of this file.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import chain, pairwise
from pathlib import Path
from types import CodeType
from typing import Any, Final, get_type_hints

from sim.dates.timeline import period_masks, simulate_timeline
from sim.model.accounts import OUTCOMES, Accounts
from sim.model.engine import run_periods
from sim.model.entry import entry_verdicts
from sim.model.inversion import build_economy
from sim.model.streams import Streams
from sim.scenario.scenario import SETTINGS, Scenario

__all__ = ["STAGES", "Stage", "made_of", "stages"]

STAGES: Final[Mapping[str, tuple[Callable[..., Any], ...]]] = {
    "The base year, and what opening is worth": (build_economy,),
    "Who would go its own way: build, or buy its partner out": (entry_verdicts,),
    "When things happen, and what is in force": (simulate_timeline, period_masks),
    "The market, period by period": (run_periods,),
    "What foreign providers earn and spend": (Streams,),
}
"""The stages of a run in their order, each with the functions or the class that do it."""

_HEADS: Final = frozenset(functions[0].__module__ for functions in STAGES.values())
"""Modules that are a stage's own, though one before reads something of theirs."""

_OF_STAGES: Final = re.compile(r"sim\.(model|dates)\.")
_ON_BEHALF: Final = re.compile(r"sim\.scenario\.(policy|baseyear)$")
"""Modules that read a scenario on behalf of whichever stage imports them."""


_IMPORT: Final = re.compile(r"^from (sim\.\S+) import", re.MULTILINE)
_SECTION: Final = re.compile(r"\bscenario\.([a-z_]+)|\"([a-z_]+)\.")

_SECTIONS: Final = Scenario.model_fields.keys() - {*SETTINGS, "horizon", "providers"}
"""Those with numbers or rules in them; years and names are everybody's."""


@dataclass(frozen=True)
class Stage:
    """A stage of a run.

    Attributes
    ----------
    title : str
    sections : tuple of str
        Of a scenario, that it reads.
    takes : tuple of str
        Titles of the stages whose work it takes.
    """

    title: str
    sections: tuple[str, ...]
    takes: tuple[str, ...]


@cache
def stages() -> tuple[Stage, ...]:
    """All stages, in their order."""
    taken: set[str] = set()
    known: list[Stage] = []
    for title, functions in STAGES.items():
        own = _reached(functions[0].__module__) - taken
        taken |= own
        reading = own | {name for one in own for name in _imports(one) if _ON_BEHALF.match(name)}
        sections = sorted({section for name in reading for section in _sections(name)})
        takes = dict.fromkeys(given for function in functions for given in _given(function).values() if given != title)
        known.append(Stage(title, tuple(sections), tuple(takes)))
    return tuple(known)


@cache
def made_of() -> Mapping[str, tuple[str, ...]]:
    """Every outcome, with the titles of the stages that it is made of."""
    return {name: tuple(t for t in STAGES if t in set(_sources(of.__code__, set()))) for name, of in OUTCOMES.items()}


@cache
def _given(function: Callable[..., Any]) -> Mapping[str, str]:
    """What a function takes that a stage makes, by name of the parameter: that of its type, or of its own name."""
    hints = get_type_hints(vars(function)["__init__"] if isinstance(function, type) else function)
    known = {name: _maker(name, kind) for name, kind in hints.items() if name != "return"}
    return {name: title for name, title in known.items() if title}


@cache
def _made(function: Callable[..., Any]) -> Any:
    """Type of what a function returns, or the class itself."""
    return function if isinstance(function, type) else get_type_hints(function).get("return")


def _maker(name: str, kind: Any) -> str:
    """The stage that makes a quantity of some name and type; empty if none does."""
    for title, functions in STAGES.items():
        if any(kind is _made(one) or one.__name__.split("_")[-1] == name for one in functions):
            return title
    return ""


def _sources(code: CodeType, seen: set[str]) -> Iterator[str]:
    """Stages behind some code of the accounts, through the quantities that it reads."""
    given = _given(Accounts)
    for name in set(_read(code)) - seen:
        seen.add(name)
        part = vars(Accounts).get(name)
        below = getattr(part, "func", None) or getattr(part, "fget", None) or part
        if name.lstrip("_") in given:
            yield given[name.lstrip("_")]
        elif callable(below):
            made = _maker(name, _made(below))
            yield from (made,) if made else _sources(below.__code__, seen)


def _read(code: CodeType) -> Iterator[str]:
    """Names that some code reads of the accounts, which it calls `of` or `self`."""
    steps = list(dis.get_instructions(code))
    for before, step in pairwise(steps):
        last = before.argval[-1] if isinstance(before.argval, tuple) else before.argval
        is_of_them = before.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) and last in ("of", "self")
        if is_of_them and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _read(inner)


@cache
def _reached(module: str) -> frozenset[str]:
    """A module of the model, and those that it imports, near and far."""
    below = {name for name in _imports(module) if _OF_STAGES.match(name) and name not in _HEADS}
    return frozenset([module]).union(*map(_reached, below))


@cache
def _source(module: str) -> str:
    return Path(str(import_module(module).__file__)).read_text(encoding="utf-8")


def _imports(module: str) -> list[str]:
    return _IMPORT.findall(_source(module))


@cache
def _sections(module: str) -> frozenset[str]:
    """Sections of a scenario that a module reads: `scenario.SECTION`, or a number by its path in quotes."""
    return frozenset(_SECTIONS.intersection(chain.from_iterable(_SECTION.findall(_source(module)))))
