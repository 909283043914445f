"""YAML text as a tree in which every value knows where it stands.

YAML 1.2: `no` is a word, `5e8` a number, a duplicate key an error. Tags are refused, so a file can make
nothing but text, numbers, dates, lists and mappings; limits on size, depth and aliases keep it harmless.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from sim.errors import Problem, ScenarioError, choices, shown

__all__ = ["Node", "Place", "Scalar", "hidden", "no_file", "parse", "planted", "read", "read_text"]

Scalar: TypeAlias = str | int | float | bool | datetime.date | None

_MOST_BYTES: Final = 250_000
"""Some nine times the largest scenario shipped; with the two limits below it keeps any refusal within a second."""

_LONGEST_LINE: Final = 4_000
"""Characters; the scanner takes time in proportion to the square of some words."""

_MOST_PARTS: Final = 10_000
"""Keys and values written in a file, some four times those of the largest scenario shipped."""

_MOST_LEVELS: Final = 32
_MOST_VALUES: Final = 100_000
"""Bounds what aliases of aliases can unfold to."""


@dataclass(frozen=True)
class Place:
    """Where a value was set: file, and line and column counted from 1, or 0 where there are none."""

    file: str
    line: int = 0
    column: int = 0

    def problem(self, path: str, message: str) -> Problem:
        """The complaint about what stands here; a path that the place names already is not repeated."""
        return Problem(self.file, self.line, self.column, "" if self.file == f"--set {path}" else path, message)


@dataclass(frozen=True)
class Node:
    """A value and its place; an entry of a mapping has the place of its key.

    Attributes
    ----------
    value : scalar, mapping of name to Node, or tuple of Node
    place : Place
    count : int
        Values in this tree, aliases unfolded.
    """

    value: Scalar | Mapping[str, Node] | tuple[Node, ...]
    place: Place
    count: int = 1

    @property
    def entries(self) -> Mapping[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    def plain(self) -> Any:
        """The bare value: dict, tuple or scalar."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return tuple(node.plain() for node in self.value)
        return self.value

    def at(self, path: tuple[str | int, ...]) -> Node | None:
        """The node at a path; None if there is none."""
        if not path:
            return self
        head, rest = path[0], path[1:]
        if isinstance(self.value, tuple):
            below = self.value[head] if isinstance(head, int) and head < len(self.value) else None
        else:
            below = self.entries.get(str(head))
        return below.at(rest) if below is not None else None

    def nearest(self, path: tuple[str | int, ...]) -> Node:
        """The node at a path, or at the longest part of it that exists."""
        node = self.at(path)
        return node if node is not None else self.nearest(path[:-1])


def read(path: Path) -> Node:
    """The tree of a file whose top is a mapping.

    Raises
    ------
    ScenarioError
        If the file is missing, is no text, is no YAML or has another form.
    """
    top = parse(read_text(path), str(path))
    if not isinstance(top.value, Mapping):
        _refuse(top.place, f"the top of the file must be a mapping of keys (found {shown(top.plain())})")
    return top


def read_text(path: Path) -> str:
    """The text of a file in UTF-8; ScenarioError if there is none, it is too large or is no text."""
    place = Place(str(path))
    try:
        wrong = no_file(path)
        if wrong:
            _refuse(place, wrong)
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            _refuse(place, f"is larger than {_MOST_BYTES:,} bytes, too large for a scenario")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(place, f"is not text in UTF-8 (found byte 0x{error.object[error.start]:02x} at {error.start})")
    except OSError as error:
        _refuse(place, f"cannot be read: {error.strerror}")


def no_file(path: Path) -> str:
    """Why there is no file to read at a path, in words that follow its name; empty if there is one."""
    try:
        if path.is_dir():
            return "is a directory, not a file"
        if path.is_symlink() and not path.exists():
            return "is a link that leads nowhere"
        if not path.exists():
            near = _neighbours(path)
            return f"no such file {choices(path.name, near)}" if near else "no such file"
        return "" if path.is_file() else "is not a regular file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _neighbours(path: Path) -> tuple[str, ...]:
    """Files beside a path that end as it does; YAML if it has no ending."""
    ending = path.suffix or ".yaml"
    files = (near.name for near in path.parent.glob("[!.]*") if near.name.endswith(ending) and near.is_file())
    return tuple(sorted(files))


@lru_cache(maxsize=8)
def parse(text: str, file: str) -> Node:
    """The tree of a YAML text; `file` is the name that its places bear. The last few are remembered.

    Raises
    ------
    ScenarioError
        At the first thing that is not YAML, or is more than a scenario needs.
    """
    _refuse_long_lines(text, file)
    try:
        return _Builder(YAML(typ="safe", pure=True).parse(text), file).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        _refuse(place, f"not valid YAML: {' '.join(str(error.problem or error.context).split())}")
    except ReaderError as error:
        before = text[: error.position]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        _refuse(place, f"is not a text file (found the character U+{ord(text[error.position]):04X})")


def planted(value: Any, place: Place) -> Node:
    """The tree of a JSON document that was a tree before: all of it at one place, and a text that is a day is one."""
    if isinstance(value, Mapping):
        entries = {str(key): planted(below, place) for key, below in value.items()}
        return Node(entries, place, 1 + sum(node.count for node in entries.values()))
    if isinstance(value, list | tuple):
        items = tuple(planted(below, place) for below in value)
        return Node(items, place, 1 + sum(node.count for node in items))
    return Node(_date(value) if isinstance(value, str) else value, place)


def _refuse_long_lines(text: str, file: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > _LONGEST_LINE:
            _refuse(Place(file, number, 1), f"a line of {len(line):,} characters (allowed {_LONGEST_LINE:,})")


def _refuse(place: Place, message: str) -> NoReturn:
    raise ScenarioError([place.problem("", message)]) from None


_Unnamed: TypeAlias = ScalarEvent | SequenceStartEvent | MappingStartEvent
_Content: TypeAlias = _Unnamed | AliasEvent
"""Events that begin a value."""


class _Builder:
    """Builds the tree from the events of the parser, top down."""

    def __init__(self, events: Iterator[Event], file: str) -> None:
        self.file = file
        self.events: Iterator[Any] = self.counted(events)
        self.anchors: dict[str, Node] = {}

    def counted(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events that say something, until there are too many."""
        parts = 0
        for event in events:
            if isinstance(event, StreamStartEvent | DocumentStartEvent):
                continue
            parts += isinstance(event, _Content)
            if parts > _MOST_PARTS:
                _refuse(self.place(event), f"holds more than {_MOST_PARTS:,} keys and values, too many for a scenario")
            yield event

    def document(self) -> Node:
        """The only document of the stream."""
        event = next(self.events)
        if isinstance(event, StreamEndEvent):
            _refuse(Place(self.file), "is empty")
        top = self.node(event, 1)
        for event in self.events:
            if not isinstance(event, DocumentEndEvent | StreamEndEvent):
                _refuse(self.place(event), "a file holds one document (found a second)")
        if top.value is None:
            _refuse(Place(self.file), "is empty")
        return top

    def place(self, event: Event) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def node(self, event: _Content, depth: int) -> Node:
        """The value that an event begins."""
        if isinstance(event, AliasEvent):
            return self.alias(event)
        if event.tag is not None:
            _refuse(self.place(event), f"tags have no meaning here (found {shown(str(event.tag))})")
        if depth > _MOST_LEVELS:
            _refuse(self.place(event), f"is nested deeper than {_MOST_LEVELS} levels")
        node = self.unnamed(event, depth)
        if node.count > _MOST_VALUES:
            _refuse(self.place(event), f"unfolds to more than {_MOST_VALUES:,} values")
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def unnamed(self, event: _Unnamed, depth: int) -> Node:
        if isinstance(event, MappingStartEvent):
            entries = self.mapping(depth + 1)
            return Node(entries, self.place(event), 1 + sum(node.count for node in entries.values()))
        if isinstance(event, SequenceStartEvent):
            items = tuple(self.items(depth + 1))
            return Node(items, self.place(event), 1 + sum(node.count for node in items))
        objection = hidden(event.value)
        if objection:
            _refuse(self.place(event), objection)
        return Node(_scalar(event), self.place(event))

    def alias(self, event: AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            _refuse(self.place(event), f"unknown alias {choices(event.anchor, tuple(self.anchors))}")
        return replace(self.anchors[event.anchor], place=self.place(event))

    def mapping(self, depth: int) -> Mapping[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            place = self.place(event)
            if not isinstance(event, ScalarEvent):
                _refuse(place, "a key must be a word (found a list, a mapping or an alias)")
            if event.value in entries:
                first = entries[event.value].place.line
                _refuse(place, f"the key {shown(event.value)} stands twice (first in line {first})")
            entries[event.value] = replace(self.node(next(self.events), depth), place=place)
        return entries

    def items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self.events), SequenceEndEvent):
            yield self.node(event, depth)


_WORDS: Final[Mapping[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that would move the cursor of a terminal or turn the direction of a line; they can stand as escapes."""


def hidden(text: str) -> str:
    """The objection to the first character of a text that a terminal would not show; empty if there is none."""
    found = _HIDDEN.search(text)
    return "" if found is None else f"holds the control character U+{ord(found[0]):04X}"


_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,30}")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _scalar(event: ScalarEvent) -> Scalar:
    """What a plain scalar means in the core schema of YAML 1.2, and a date besides; a quoted one is text."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return _date(text)


def _date(text: str) -> Scalar:
    try:
        return datetime.date.fromisoformat(text) if _DATE.fullmatch(text) else text
    except ValueError:
        return text
