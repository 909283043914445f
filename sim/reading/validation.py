"""From a tree to a scenario, and from what the schema objects to, to what a user can mend.

pydantic says what is wrong in terms of its classes. Here each objection becomes one plain sentence with
the path that the user wrote, its place, what was found and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.errors import Problem, ScenarioError, choices, shown
from sim.reading.documents import Node
from sim.reading.schema import Shape
from sim.scenario.evidence import written_units
from sim.scenario.money import DEFAULT_CURRENCY
from sim.scenario.records import FAMILIES, Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import StepEffect

__all__ = [
    "MOST_TOLD",
    "NUMBER_WITH_MORE",
    "Path",
    "bare",
    "conforming",
    "dotted",
    "located",
    "quoted",
    "refuse",
    "steps",
    "validated",
]

MOST_TOLD: Final = 100
"""Problems of a stage that are told; to word one takes a search for what was meant."""

_MOST_WEIGHED: Final = 2_000
"""Objections that are looked at: beyond these something is wrong with the whole, and each takes its time."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of a file down."""

M = TypeVar("M", bound=BaseModel)


def dotted(path: Path) -> str:
    """A path as users write it: `policy.steps.pilot.when`, `regimes.open.owned_layers[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_legible(part)}" for part in path).lstrip(".")


def _legible(key: str) -> str:
    return key if key.isprintable() else repr(key)[1:-1]


def steps(path: str) -> Path:
    """The keys and list positions of a dotted path."""
    return tuple(int(part[1:]) if part[1:].isdigit() and part[0] == "[" else part for part in _STEP.findall(path))


_STEP: Final = re.compile(r"\[\d+|[^.\[\]]+")


def located(tree: Node, path: str, message: str) -> Problem:
    """A problem at the place of a path, or of the nearest thing above it that was written."""
    return tree.nearest(steps(path)).place.problem(path, message)


def refuse(problems: Iterable[Problem]) -> None:
    """Raise ScenarioError with the first problems, if there is any; behind them only that there are more."""
    first = list(islice(problems, MOST_TOLD + 1))
    if len(first) > MOST_TOLD:
        first[-1] = replace(first[-1], path="", message="and more problems from here on")
    if first:
        raise ScenarioError(first)


def validated(tree: Node, before: Node | None = None) -> Scenario:
    """The scenario in a tree whose keys and types are right; `before` has the units in which numbers were written.

    Raises
    ------
    ScenarioError
        With every unknown key, missing key, wrong type and wrong unit, each once.
    """
    return conforming(tree, Scenario, before)


def conforming(tree: Node, model: type[M], before: Node | None = None) -> M:
    """The model in a tree whose keys and types are right.

    Raises
    ------
    ScenarioError
        As for `validated`.
    """
    try:
        return model.model_validate(tree.plain(), strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)[:_MOST_WEIGHED]
    top = Shape(model=model)
    objections = [(*_written(details["loc"], top), details) for details in errors]
    others = {path for path, _, _ in objections}
    raise ScenarioError(
        _first_problems(tree, before, [one for one in objections if not _follows(tree, one[0], one[2], others)], top)
    )


_Objection: TypeAlias = tuple[Path, Shape, ErrorDetails]


def _first_problems(tree: Node, before: Node | None, objections: Sequence[_Objection], top: Shape) -> Iterator[Problem]:
    """The first objections in the order of the files, and how many more there are."""
    places = {path: tree.nearest(path).place for path, _, _ in objections}
    in_order = sorted(objections, key=lambda one: (places[one[0]].file, places[one[0]].line, places[one[0]].column))
    yield from (_problem(tree, *one, top, _unit(before, one[0])) for one in in_order[:MOST_TOLD])
    if len(in_order) > MOST_TOLD:
        yield places[in_order[-1][0]].problem("", f"and {len(in_order) - MOST_TOLD:,} more problems up to here")


def _written(loc: Path, top: Shape) -> tuple[Path, Shape]:
    """The path that the user wrote, without the names of forms, and the shape of its end."""
    place, path = top, []
    for part in loc:
        if part == "[key]":
            break
        if part not in place.forms:
            path.append(part)
        place = place.below(part) or Shape()
    return tuple(path), place


def _follows(tree: Node, path: Path, details: ErrorDetails, others: Set[Path]) -> bool:
    """Whether an objection only repeats another.

    The parts of a mixture inherit what the whole has wrong, and a list with a wrong item counts as too short.
    """
    node = tree.at(path)
    if details["type"] == "missing":
        return any((*path[:end], path[-1]) in others for end in range(len(path) - 1))
    if details["type"] == "too_short" and node is not None:
        return len(node.plain()) >= int(details["ctx"]["min_length"])
    return node is None


def _unit(before: Node | None, path: Path) -> str:
    """The unit of the record that stood at a path before; empty if none did."""
    node = None if before is None else before.at((*path, "unit"))
    return "" if node is None else str(node.value)


def _problem(tree: Node, path: Path, place: Shape, details: ErrorDetails, top: Shape, unit: str) -> Problem:
    kind, node = details["type"], tree.nearest(path)
    if kind == "missing":
        above = tree.nearest(path[:-1])
        return above.place.problem(dotted(path[:-1]), _missing(path[-1], above))
    if kind == "extra_forbidden":
        allowed = _written(details["loc"][:-1], top)[1].keys
        if str(path[-1]).isdecimal() and node.value is None:
            return node.place.problem(dotted(path[:-1]), "a number is written without marks between its thousands")
        return node.place.problem(dotted(path), f"unknown key {choices(path[-1], allowed)}")
    context: Mapping[str, Any] = details.get("ctx", {})
    value = path[-1] if "[key]" in details["loc"] else node.plain()
    word = _WORDING.get(kind, _as_it_stands)
    return node.place.problem(
        dotted(path),
        word(value, {**context, "message": details["msg"], "unit": unit, "currency": _currency(tree)}, place),
    )


def _currency(tree: Node) -> str:
    """The currency that a file names, or the one of files that name none."""
    named = tree.entries.get("currency")
    return DEFAULT_CURRENCY if named is None else str(named.value)


def _missing(key: str | int, above: Node) -> str:
    if isinstance(key, int):
        return f"the list is too short (found {shown(above.plain())}; allowed at least {key + 1})"
    return f"the key '{key}' is missing"


def _units(dimension: str | None, currency: str) -> tuple[str, ...]:
    """In which a number may be written; of what has no dimension nothing is known."""
    return written_units(dimension, currency) if dimension else ("…",)


_Wording: TypeAlias = Callable[[Any, Mapping[str, Any], Shape], str]


def _must(requirement: str) -> _Wording:
    """The wording of 'must be so and so', with limits filled in from the context."""
    return lambda value, context, place: f"must {requirement.format(**context)} (found {shown(value)})"


def _as_it_stands(value: Any, context: Mapping[str, Any], place: Shape) -> str:
    return str(context["message"]).removeprefix("Value error, ").removeprefix("Input should ")


def _text_wanted(value: Any, context: Mapping[str, Any], place: Shape) -> str:
    remedy = f'; write "{value}" in quotes' if isinstance(value, int | float) else ""
    return f"must be text (found {shown(value)}{remedy})"


def _one_of(value: Any, context: Mapping[str, Any], place: Shape) -> str:
    allowed = [word.strip("'") for word in re.split(r", | or ", context["expected"])]
    if str(value) in allowed:
        return f"must be {value}, without quotes (found {shown(value)})"
    return f"unknown choice {choices(value, allowed)}"


def _distribution(value: Any, context: Mapping[str, Any], place: Shape) -> str:
    if isinstance(value, Mapping):
        strange = [key for key in value if key not in Record.model_fields]
        return f"a parameter record states its number by one key {choices(strange[0] if strange else value, FAMILIES)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        units = [context["unit"]] if context["unit"] else _units(place.dimension, context["currency"])
        remedy = f"{{value: {value}, unit: {' or '.join(map(quoted, units))}, source: …, grade: …}}"
        return f"must be a parameter record (found {value}; write {remedy})"
    slip = NUMBER_WITH_MORE.fullmatch(value.strip()) if isinstance(value, str) else None
    unit = quoted(context["unit"] or "…")
    remedy = f"; write {{value: {bare(slip[1])}, unit: {unit}, source: …, grade: …}}" if slip else ""
    what = "must be a parameter record, a mapping with a number, its unit, source and grade"
    return f"{what} (found {shown(value)}{remedy})"


NUMBER_WITH_MORE: Final = re.compile(r"([-+]?[0-9]+(?:[,'_ ][0-9]{3})*(?:\.[0-9]+)?)(.*)")
"""A number, with marks between its thousands, and what stands behind it."""


def quoted(unit: str) -> str:
    """A unit as YAML takes it."""
    return f'"{unit}"' if unit.startswith("%") or unit == "1" else unit


def bare(number: str) -> str:
    """A number without marks between its thousands."""
    return number.translate(_MARKS)


_MARKS: Final = str.maketrans("", "", ",'_ ")


def _at_most(value: Any, context: Mapping[str, Any], place: Shape) -> str:
    percent = f"; {value}% is {value / 100:g}" if context["le"] == 1 and 2 <= value <= 100 else ""
    return f"must be at most {context['le']} (found {shown(value)}{percent})"


def _trigger(value: Any, context: Mapping[str, Any], place: Shape) -> str:
    if not isinstance(value, Mapping):
        return f"must be a mapping (found {shown(value)})"
    strange = [key for key in value if key not in StepEffect.model_fields]
    triggers = ("when", "after", "after_not", "hazard")
    return f"a step states its trigger by one key {choices(strange[0] if strange else value, triggers)}"


_MAPPING: Final = _must("be a mapping")
_WORDING: Final[Mapping[str, _Wording]] = {
    "bool_type": _must("be true or false"),
    "date_type": _must("be a date such as 2018-12-31, without quotes"),
    "dict_type": _MAPPING,
    "finite_number": _must("be a finite number"),
    "float_type": _must("be a number"),
    "greater_than": _must("be above {gt}"),
    "greater_than_equal": _must("be at least {ge}"),
    "int_from_float": _must("be a whole number"),
    "int_type": _must("be a whole number"),
    "less_than": _must("be below {lt}"),
    "less_than_equal": _at_most,
    "literal_error": _one_of,
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "no_distribution": _distribution,
    "no_trigger": _trigger,
    "string_pattern_mismatch": _must("be lower-case letters, digits and _, beginning with a letter, at most 40"),
    "string_too_short": _must("not be empty"),
    "string_type": _text_wanted,
    "too_long": _must("hold at most {max_length}"),
    "too_short": _must("hold at least {min_length}"),
    "tuple_type": _must("be a list"),
}
"""Kind of objection to its wording."""
