"""One value of a scenario set from outside its files: by `--set PATH=VALUE`, or by a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sim.errors import Problem, ScenarioError, choices, shown
from sim.reading.documents import Node, Place, Scalar, parse
from sim.reading.merging import dropped
from sim.reading.schema import SCENARIO, Shape
from sim.reading.validation import Path, dotted, steps
from sim.scenario.evidence import CANONICAL_UNITS
from sim.scenario.records import family_key

__all__ = ["overridden", "plain", "whose", "with_value"]

_NOTHING = ("", "null", "~")


def overridden(tree: Node, overrides: Sequence[str]) -> Node:
    """The tree of a scenario with every `PATH=VALUE` put in, in order.

    In place of a record, a bare number, `a to b` or the name of a category becomes a record: it keeps the
    unit, and its source is the command line.

    Raises
    ------
    ScenarioError
        For every override whose path or YAML is wrong.
    """
    problems: list[Problem] = []
    for text in overrides:
        try:
            tree = _with_override(tree, text)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return tree


def whose(override: str) -> str:
    """Name of the scenario that `SCENARIO:PATH=VALUE` is for; empty if it is for all."""
    name, colon, _ = override.partition("=")[0].partition(":")
    return name.strip() if colon else ""


def plain(name: str, overrides: Sequence[str]) -> list[str]:
    """The overrides of a scenario of some name, without that name before them.

    Raises
    ------
    ScenarioError
        For each that is for another one.
    """
    strange = [text for text in overrides if whose(text) not in ("", name)]
    if strange:
        message = "is for another scenario than the one that is read"
        raise ScenarioError(
            Place(f"--set {one}").problem("", f"{message} {choices(whose(one), [name])}") for one in strange
        )
    return [text.partition(":")[2] if whose(text) else text for text in overrides]


def _with_override(tree: Node, text: str) -> Node:
    path, equals, value = text.partition("=")
    if not (path.strip() and equals):
        raise ScenarioError([Place(f"--set {text}").problem("", "must be PATH=VALUE (found no value)")])
    place = Place(f"--set {path.strip()}")
    return with_value(tree, path.strip(), _stated(value, place), source="command line")


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
    return _put(tree, keys, stated, SCENARIO, source)


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


def _put(tree: Node, path: Path, stated: Node, place: Shape, source: str, above: Path = ()) -> Node:
    """The tree with a value put in at a path below a place."""
    key, rest, here = str(path[0]), path[1:], (*above, path[0])
    below = _below(tree, key, place, stated, above)
    if rest and key not in tree.entries:
        raise _wrong(stated, f"'{dotted(here)}' does not exist {choices(key, tuple(tree.entries))}")
    current = tree.entries.get(key)
    if not rest and stated.value is None and place.entry is not None:
        return dropped(tree, key, here, stated)
    if current and rest:
        value = _put(current, rest, stated, below, source, here)
    else:
        value = _as_record(stated, current, below, source)
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
        raise _wrong(stated, f"'{dotted((*above, key))}' does not exist {choices(key, list(dict.fromkeys(keys)))}")
    return shape


def _wrong(stated: Node, message: str) -> ScenarioError:
    return ScenarioError([stated.place.problem("", message)])


def _as_record(stated: Node, current: Node | None, place: Shape, source: str) -> Node:
    """What was stated, as a record where one belongs."""
    numbers = _numbers(stated, current, place)
    if numbers is None:
        return stated
    unit = current.entries.get("unit") if current is not None else None
    common: dict[str, Scalar | Mapping[str, Node] | tuple[Node, ...]] = {
        "unit": unit.value if unit is not None else CANONICAL_UNITS[place.dimension or "number"],
        "source": source,
        "grade": "judgement",
    }
    entries = {key: Node(value, stated.place) for key, value in common.items()}
    return Node({**entries, **numbers}, stated.place)


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
