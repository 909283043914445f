"""What a sweep varies: a grid, a Latin hypercube or a list of points, as a file states it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field

from sim.chance.sampling import design_column
from sim.errors import Problem, shown
from sim.outcomes.sweeps import Coordinate
from sim.reading.documents import Node
from sim.scenario.records import Model

__all__ = ["Design", "Point", "coordinate", "in_words", "make_points", "objections"]

Point: TypeAlias = Mapping[str, Node]
"""Path to the value that stands there at one point."""

_MOST_POINTS: Final = 10_000
"""Each is a run of its own: more take days."""

_MOST_FACTORS: Final = 32

_EVIDENCE: Final = ("source", "as_of", "grade", "note", "fallback")

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Hypercube(Model):
    """A Latin hypercube over ranges, each even from its low to its high end."""

    points: Annotated[int, Field(ge=2)]
    ranges: Annotated[dict[str, tuple[Finite, Finite]], Field(min_length=1, max_length=_MOST_FACTORS)]


class Design(Model):
    """What is varied, in one of three ways."""

    grid: Annotated[dict[str, tuple[Any, ...]], Field(min_length=1, max_length=_MOST_FACTORS)] | None = None
    latin_hypercube: Hypercube | None = None
    list: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = None


def _grid(node: Node, seed: int) -> tuple[Point, ...]:
    values = [_items(below) for below in node.entries.values()]
    return tuple(dict(zip(node.entries, chosen, strict=True)) for chosen in product(*values))


def _latin_hypercube(node: Node, seed: int) -> tuple[Point, ...]:
    ranges = node.entries["ranges"].entries
    count = int(node.entries["points"].plain())
    columns = []
    for path, ends in ranges.items():
        low, high = ends.plain()
        columns.append(low + (high - low) * design_column(seed, path, count))
    return tuple(
        {path: Node(float(value), ranges[path].place) for path, value in zip(ranges, values, strict=True)}
        for values in zip(*columns, strict=True)
    )


def _list(node: Node, seed: int) -> tuple[Point, ...]:
    first, *others = _items(node)
    return (dict(first.entries), *({path: point.entries[path] for path in first.entries} for point in others))


def make_points(node: Node, seed: int) -> tuple[Point, ...]:
    """The points of a design, in order: of a grid the last path varies fastest.

    Parameters
    ----------
    node : Node
        Where the design is stated; `objections` has none.
    seed : int
        Of a Latin hypercube.
    """
    (kind,) = node.entries
    return _POINTS[kind](node.entries[kind], seed)


_POINTS: Final[Mapping[str, Callable[[Node, int], tuple[Point, ...]]]] = {
    "grid": _grid,
    "latin_hypercube": _latin_hypercube,
    "list": _list,
}
"""Kind of design to what makes its points."""


def objections(node: Node, design: Design) -> Iterator[Problem]:
    """What is wrong with a design, as far as no scenario need be known for it.

    Parameters
    ----------
    node : Node
        Where it is stated.
    design : Design
        Its keys and types are right.
    """
    kinds = tuple(node.entries)
    if len(kinds) != 1:
        found = ", ".join(kinds) or "nothing"
        yield node.place.problem(
            "design", f"states its points by one key (found {found}; allowed {', '.join(_POINTS)})"
        )
        return
    (kind,) = kinds
    stated, where = node.entries[kind], f"design.{kind}"
    if stated.value is None:
        yield stated.place.problem(where, "must hold what is varied (found nothing)")
        return
    count = _count(design)
    if count > _MOST_POINTS:
        yield stated.place.problem(where, f"makes too many points (found {count:,}; allowed at most {_MOST_POINTS:,})")
    yield from _WRONG[kind](stated, where)


def _count(design: Design) -> int:
    if design.grid is not None:
        return prod(len(values) for values in design.grid.values())
    return design.latin_hypercube.points if design.latin_hypercube is not None else len(design.list or ())


def _wrong_grid(node: Node, where: str) -> Iterator[Problem]:
    for path, values in node.entries.items():
        if not values.value:
            yield values.place.problem(f"{where}.{path}", "must hold at least 1 value (found a list of 0)")
        yield from _repeated(_items(values), f"{where}.{path}", "the value")


def _wrong_ranges(node: Node, where: str) -> Iterator[Problem]:
    for path, ends in node.entries["ranges"].entries.items():
        low, high = ends.plain()
        if not low < high:
            message = f"a range rises from its low to its high end (found {low} to {high})"
            yield ends.place.problem(f"{where}.ranges.{path}", message)


def _wrong_list(node: Node, where: str) -> Iterator[Problem]:
    first, *others = _items(node)
    if not 0 < len(first.entries) <= _MOST_FACTORS:
        yield first.place.problem(f"{where}[0]", f"must set 1 to {_MOST_FACTORS} paths (found {len(first.entries)})")
    for place, point in enumerate(others, start=1):
        odd = sorted(set(point.entries) ^ set(first.entries))
        if odd:
            message = f"every point sets the paths of the first one (found a difference in {', '.join(odd)})"
            yield point.place.problem(f"{where}[{place}]", message)
    yield from _repeated(_items(node), where, "the point")


def _repeated(nodes: Sequence[Node], where: str, what: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for place, node in enumerate(nodes):
        words = in_words(node.plain())
        if words in seen:
            yield node.place.problem(f"{where}[{place}]", f"{what} stands twice (found {words} at [{seen[words]}] too)")
        seen.setdefault(words, place)


def _items(node: Node) -> tuple[Node, ...]:
    return node.value if isinstance(node.value, tuple) else ()


_WRONG: Final[Mapping[str, Callable[[Node, str], Iterator[Problem]]]] = {
    "grid": _wrong_grid,
    "latin_hypercube": _wrong_ranges,
    "list": _wrong_list,
}
"""Kind of design to what is wrong with its values."""


def coordinate(value: Any) -> Coordinate:
    """A value as it stands in a table: a number, or words."""
    if isinstance(value, bool) or value is None:
        return shown(value)
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(below)}" for key, below in value.items() if key not in _EVIDENCE)
    if isinstance(value, tuple):
        return "; ".join(map(in_words, value))
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def in_words(value: Any) -> str:
    """A value as a sentence has it."""
    found = coordinate(value)
    return f"{found:.6g}" if isinstance(found, float) else found
