"""One value of a scenario set from outside its files: by `--set PATH=VALUE`, or by a sweep."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sim.errors import Problem, ScenarioError, choices, shown
from sim.reading.documents import Node, Place, Scalar, parse
from sim.reading.merging import dropped
from sim.reading.schema import SCENARIO, Shape
from sim.reading.validation import NUMBER_WITH_MORE, Path, bare, dotted, quoted, steps
from sim.scenario.evidence import CANONICAL_UNITS, is_written_unit
from sim.scenario.money import DEFAULT_CURRENCY, in_currency
from sim.scenario.records import family_key

__all__ = ["Override", "UnknownPathError", "overridden", "read_overrides", "with_value"]

_NOTHING = ("", "null", "~")


@dataclass(frozen=True)
class Override:
    """One `[SCENARIO:]PATH=VALUE`.

    Attributes
    ----------
    scenario : str
        For which alone it is; empty if it is for every one that knows the path.
    path : str
    stated : Node
        The value in a place of its own.
    text : str
        The value as it was written.
    """

    scenario: str
    path: str
    stated: Node
    text: str


class UnknownPathError(ScenarioError):
    """Nothing of a scenario is called as a path says.

    Attributes
    ----------
    missing, choices : str
        What does not exist, and in brackets what was found and what there is.
    """

    missing = choices = ""


@dataclass(frozen=True)
class Unknown:
    """An override whose path a scenario does not know.

    Attributes
    ----------
    override : Override
    message : str
        What does not exist, with `{}` where scenarios are named.
    """

    override: Override
    message: str

    def problem(self, names: Sequence[str]) -> Problem:
        """That none of some scenarios knows the path."""
        return self.override.stated.place.problem("", self.message.replace("{}", f" in {' or '.join(names)}", 1))


def read_overrides(texts: Sequence[str]) -> tuple[Override, ...]:
    """What some `[SCENARIO:]PATH=VALUE` say; those for one scenario come last, and so have the last word.

    Raises
    ------
    ScenarioError
        For each that has no path or no value, or whose value is no YAML; for each path that is set twice.
    """
    overrides: list[Override] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            overrides.append(_read(text))
        except ScenarioError as error:
            problems += error.problems
    problems += _repeated(overrides)
    if problems:
        raise ScenarioError(problems)
    return tuple(sorted(overrides, key=lambda one: one.scenario != ""))


def _read(text: str) -> Override:
    named, equals, value = text.partition("=")
    name, colon, path = named.partition(":")
    scenario, path = (name.strip(), path.strip()) if colon else ("", named.strip())
    if not (path and equals):
        raise ScenarioError([Place(f"--set {text}").problem("", "must be PATH=VALUE (found no value)")])
    return Override(scenario, path, _stated(value, Place(f"--set {path}")), value.strip())


def _repeated(overrides: Sequence[Override]) -> Iterator[Problem]:
    """Paths that are set twice for the same scenario."""
    seen: set[tuple[str, str]] = set()
    for one in overrides:
        if (one.scenario, one.path) in seen:
            yield one.stated.place.problem("", "is set twice: which of the two is meant?")
        seen.add((one.scenario, one.path))


def overridden(tree: Node, overrides: Sequence[Override]) -> tuple[Node, tuple[Unknown, ...]]:
    """The tree of a scenario with every override put in, in order, and those whose path it does not know.

    In place of a record, a bare number, `a to b` or the name of a category becomes a record: it keeps the
    unit, and its source is the command line.

    Raises
    ------
    ScenarioError
        For every override whose value cannot stand at its path.
    """
    problems: list[Problem] = []
    unknown: list[Unknown] = []
    for one in overrides:
        try:
            tree = with_value(tree, one.path, one.stated, source="command line")
        except UnknownPathError as error:
            unknown.append(Unknown(one, f"{error.missing}{{}}{_meant(tree, one.path, error)}"))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return tree, tuple(unknown)


def _meant(tree: Node, path: str, error: UnknownPathError) -> str:
    """What was found and is allowed, and the path in a scenario that was probably meant, wherever it stands."""
    found, is_meant, _ = error.choices.partition("; did you mean")
    if is_meant and "." in path:
        return error.choices
    paths = list(_paths(tree))
    last = path.rpartition(".")[2]
    near = [one for one in paths if one.rpartition(".")[2] == last]
    near = near or ([] if is_meant else difflib.get_close_matches(path, paths, n=1))
    return f"{found.removesuffix(')')}; did you mean '{near[0]}'?)" if near else error.choices


def _paths(node: Node, above: str = "") -> Iterator[str]:
    """Every path at which something stands, down to the records."""
    for key, below in node.entries.items():
        here = f"{above}.{key}" if above else key
        yield here
        if family_key(below.entries) is None and key not in ("sources", "sampling"):
            yield from _paths(below, here)


def with_value(tree: Node, path: str, stated: Node, *, source: str) -> Node:
    """The tree of a whole scenario with one value put in.

    Parameters
    ----------
    tree : Node
    path : str
        Dotted path of a record, a lever or a setting, or of an entry by id, which nothing takes out.
    stated : Node
        In place of a record, a bare number, `a to b` or the name of a category becomes a record that keeps the unit.
    source : str
        Source of such a record.

    Raises
    ------
    ScenarioError
        Nothing can stand at the path; told at the place of the value.
    """
    keys = steps(path)
    if not keys or "" in path.split("."):
        raise _wrong(stated, f"a path names what is set (found {shown(path)})")
    named = tree.entries.get("currency")
    bare_number = _Bare(source, DEFAULT_CURRENCY if named is None else str(named.value))
    return _put(tree, keys, stated, SCENARIO, bare_number)


class _Bare(NamedTuple):
    """What a bare number takes where no record stands whose unit it could keep, and its source."""

    source: str
    currency: str


def _stated(text: str, place: Place) -> Node:
    """The value in a YAML text; no text is nothing."""
    try:
        return Node(None, place) if text.strip() in _NOTHING else _at(parse(text, place.file), place)
    except ScenarioError as error:
        raise ScenarioError(place.problem("", problem.message) for problem in error.problems) from None


def _at(node: Node, place: Place) -> Node:
    """A tree all of which stands at one place."""
    value = node.value
    if isinstance(value, Mapping):
        value = {key: _at(below, place) for key, below in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_at(below, place) for below in value)
    return replace(node, value=value, place=place)


def _put(tree: Node, path: Path, stated: Node, place: Shape, bare_number: _Bare, above: Path = ()) -> Node:
    """The tree with a value put in at a path below a place."""
    key, rest, here = str(path[0]), path[1:], (*above, path[0])
    below = _below(tree, key, place, stated, above)
    if rest and key not in tree.entries:
        raise _unknown(stated, here, tuple(tree.entries))
    current = tree.entries.get(key)
    if not rest and stated.value is None and place.entry is not None:
        return dropped(tree, key, here, stated)
    if current and rest:
        value = _put(current, rest, stated, below, bare_number, here)
    else:
        value = _as_record(stated, current, below, bare_number)
    return replace(tree, value={**tree.entries, key: value})


def _below(tree: Node, key: str, place: Shape, stated: Node, above: Path) -> Shape:
    """The shape of a key; forms of a step are looked through, a record is not."""
    if place.is_record:
        remedy = f"write --set {dotted(above)}=VALUE" if stated.place.line == 0 else f"its path is {dotted(above)}"
        raise _wrong(stated, f"a parameter record is set whole; {remedy}")
    forms = [place.below(form) or Shape() for form in place.forms] or [place]
    shape = next((below for form in forms if (below := form.below(key)) is not None), None)
    if shape is None or not isinstance(tree.value, Mapping):
        keys = [name for form in forms for name in form.keys]
        raise _unknown(stated, (*above, key), list(dict.fromkeys(keys)))
    return shape


def _unknown(stated: Node, path: Path, allowed: Sequence[str]) -> UnknownPathError:
    missing, known = f"'{dotted(path)}' does not exist", choices(path[-1], allowed)
    error = UnknownPathError([stated.place.problem("", f"{missing} {known}")])
    error.missing, error.choices = missing, f" {known}"
    return error


def _wrong(stated: Node, message: str) -> ScenarioError:
    return ScenarioError([stated.place.problem("", message)])


def _as_record(stated: Node, current: Node | None, place: Shape, bare_number: _Bare) -> Node:
    """What was stated, as a record where one belongs."""
    numbers = _numbers(stated, current, place)
    stated_unit = current.entries.get("unit") if current is not None else None
    own = in_currency(CANONICAL_UNITS[place.dimension or "number"], bare_number.currency)
    unit = stated_unit.value if stated_unit is not None else own
    if numbers is None:
        _require_number(stated, place, str(unit))
        return stated
    common: dict[str, Scalar | Mapping[str, Node] | tuple[Node, ...]] = {
        "unit": unit,
        "source": bare_number.source,
        "grade": "judgement",
    }
    entries = {key: Node(value, stated.place) for key, value in common.items()}
    return Node({**entries, **numbers}, stated.place)


def _require_number(stated: Node, place: Shape, unit: str) -> None:
    """Refuse a text in place of a number, with the number that was probably meant.

    Raises
    ------
    ScenarioError
        A record belongs there, and a word or a list was stated.
    """
    if not place.is_record or place.dimension == "category" or not isinstance(stated.value, str | tuple):
        return
    match = NUMBER_WITH_MORE.fullmatch(stated.value.strip()) if isinstance(stated.value, str) else None
    number, other = (bare(match[1]), match[2].strip()) if match else ("", "")
    written = (
        number if other in ("", unit) or other == "%" == unit[:1] else f"{{value: {number}, unit: {quoted(other)}}}"
    )
    known = match is not None and (written == number or is_written_unit(place.dimension or "number", other))
    remedy = f": write {written}" if known else " or a range such as '3 to 8', or a record with a unit of its own"
    raise _wrong(stated, f"must be a number in the unit '{unit}'{remedy} (found {shown(stated.plain())})")


def _numbers(stated: Node, current: Node | None, place: Shape) -> Mapping[str, Node] | None:
    """The entries of a record that state its number; None if what was stated stays as it is."""
    value, keeps_number = stated.value, "number" in place.forms and not (current and "unit" in current.entries)
    if not place.is_record or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return None if keeps_number else {"value": stated}
    if isinstance(value, Mapping):
        return value if family_key(value) else None
    if isinstance(value, str) and place.dimension == "category":
        return {"discrete": Node({value: Node(1.0, stated.place)}, stated.place)}
    return {"interval": stated} if isinstance(value, str) and " to " in value else None
