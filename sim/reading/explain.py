"""Every number in force, in words: value or distribution, unit, source, date, grade, and who set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sim.errors import Problem, ScenarioError, choices
from sim.reading.loading import Loaded
from sim.scenario.levers import SameAs
from sim.scenario.mechanisms import left_out
from sim.scenario.records import Model, Record

__all__ = ["Line", "details", "lines"]

_WORDS: Final = ("question", "region", "title", "reason", "sources")
"""Keys under which there is text and no number."""


_FIRST: Final = 4
"""Items of a list that are shown."""


class Line(NamedTuple):
    """One number, lever or setting."""

    path: str
    value: str
    unit: str
    source: str
    as_of: str
    grade: str
    set_by: str


def lines(loaded: Loaded, path: str = "") -> tuple[Line, ...]:
    """Every number at a path and below, in the order of the schema, and then what is left out; all for an empty path.

    Raises
    ------
    ScenarioError
        If nothing stands at the path.
    """
    absent = (Line(key, f"left out: {means}", "", "", "", "", "") for key, means in left_out(loaded.scenario).items())
    every = (*_lines(loaded, "", loaded.scenario), *absent)
    matches = tuple(line for line in every if not path or f"{line.path}.".startswith(f"{path}."))
    if not matches:
        message = f"no number stands here {choices(path, [line.path for line in every])}"
        raise ScenarioError([Problem("", 0, 0, path, message)])
    return matches


def _lines(loaded: Loaded, path: str, value: Model | Mapping[str, Any]) -> Iterator[Line]:
    for key, below in _entries(value):
        where = f"{path}.{key}".lstrip(".")
        setter = loaded.setter(where)
        if isinstance(below, SameAs):
            yield Line(where, f"same as {below.same_as}", "", "", "", "", setter or "default")
        elif isinstance(below, Record):
            as_of = str(below.as_of or "")
            yield Line(where, below.described(), below.unit, below.source, as_of, below.grade, setter or "default")
        elif isinstance(below, Model | Mapping) and below:
            yield from _lines(loaded, where, below)
        elif setter or below is not None:
            yield Line(where, _plain(below), "", "", "", "", setter or "default")


def _entries(value: Model | Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What stands below a model or a mapping, by key; text left out."""
    if isinstance(value, Mapping):
        yield from value.items()
    else:
        fields = type(value).model_fields.items()
        yield from ((field.alias or key, getattr(value, key)) for key, field in fields if key not in _WORDS)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        more = [f"and {len(value) - _FIRST} more"] if len(value) > _FIRST else []
        return ", ".join([*map(_plain, value[:_FIRST]), *more]) or "none"
    if isinstance(value, bool | None):
        return "null" if value is None else str(value).lower()
    return "none" if value == {} else f"{value:g}" if isinstance(value, float) else str(value)


def details(loaded: Loaded, path: str) -> tuple[str, ...]:
    """What else is known of the one record at a path: note, source and fallback; empty for anything else."""
    record = _record_at(loaded.scenario, path)
    if record is None:
        return ()
    source = loaded.scenario.sources.get(record.source)
    notes = [f"note: {record.note}"] if record.note else []
    if source is not None:
        notes.append(f"source: {source.title}, published {source.published}")
        notes += [f"address: {source.address}"] if source.address else []
    if record.fallback is not None:
        fallback = record.fallback
        notes.append(f"fallback: {fallback.described()} {fallback.unit} ({fallback.source}, {fallback.grade})")
    return tuple(notes)


def _record_at(value: Any, path: str) -> Record | None:
    """The record at a path, None if there is something else."""
    if isinstance(value, Record):
        return value if not path else None
    if not isinstance(value, Model | Mapping):
        return None
    for key, below in _entries(value):
        if path == key or path.startswith(f"{key}."):
            return _record_at(below, path[len(key) + 1 :])
    return None
