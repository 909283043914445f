"""Ways to damage a file, each with a name: bytes, JSON documents, trees of YAML, tables in CSV, places in a folder.

What is damaged is a valid file; the same seed damages it in the same ways. What a reader makes of it is for `ordeal`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Tree = dict[str, Any]

LEVELS = 100_000
"""Brackets in each other: a parser that calls itself runs out of its stack."""

WHOLE: Mapping[str, bytes] = {
    "nothing": b"",
    "a blank": b" \n",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "null": b"null",
    "true": b"true",
    "a number": b"3",
    "text": b'"text"',
    "no number": b"NaN",
    "infinity": b"Infinity",
    "a huge integer": b"1" * 5_000,
    "a number beyond all": b"1e999",
    "nested lists": b"[" * LEVELS + b"]" * LEVELS,
    "nested objects": b'{"a":' * LEVELS + b"1" + b"}" * LEVELS,
    "brackets that stay open": b"[" * LEVELS,
    "a word": b"hello",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(500),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "zeros": bytes(1_000),
}
"""Files in the place of a document, by what they hold."""

VALUES: Mapping[str, str] = {
    "null": "null",
    "true": "true",
    "an empty list": "[]",
    "an empty object": "{}",
    "an empty text": '""',
    "text": '"many"',
    "a negative number": "-1",
    "a part": "0.5",
    "zero": "0",
    "a huge integer": "9" * 5_000,
    "a large integer": str(2**63),
    "no number": "NaN",
    "infinity": "-Infinity",
    "a number beyond all": "1e999",
    "a list of numbers": "[1, 2]",
    "an object": '{"value": 1}',
    "nested lists": "[" * LEVELS + "]" * LEVELS,
    "half a character": '"\\ud800"',
    "an escape sequence": '"\\u001b[2J"',
    "a line break": '"a\\nb"',
    "a long text": '"' + "x" * 20_000 + '"',
    "a path": '"../../etc/passwd"',
    "a date": '"2019-02-30"',
}
"""What stands in the place of a value of a document, as JSON has it."""

_HERE = "@@here@@"


# ---- JSON


def json_damage(document: Mapping[str, Any], most_places: int = 40, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Every way in which a JSON document can be no document, and a value of it no value, each with its name.

    Parameters
    ----------
    document : mapping
        The valid one.
    most_places : int
        Places in it, chosen at random if there are more, at which each value of `VALUES` is put.
    """
    yield from WHOLE.items()
    yield from _text_damage(json.dumps(document))
    places = list(_places(document))
    for place in sorted(random.Random(seed).sample(places, min(most_places, len(places))), key=str):
        where = ".".join(map(str, place))
        for name, value in VALUES.items():
            yield f"{where} is {name}", _written(_with(document, place, _HERE), value)
        yield f"{where} is missing", json.dumps(_without(document, place)).encode()
        if isinstance(place[-1], str):
            own = json.dumps(_at(document, place))
            twice = f"{own}, {json.dumps(place[-1])}: {own}"
            yield f"{where} stands twice", _written(_with(document, place, _HERE), twice)
            yield f"{where} has another name", json.dumps(_renamed(document, place)).encode()


def _text_damage(text: str) -> Iterator[tuple[str, bytes]]:
    yield "in UTF-16", text.encode("utf-16")
    yield "with a mark of byte order", b"\xef\xbb\xbf" + text.encode()
    yield "with a byte of Latin-1", text.replace("e", "\xe9", 1).encode("latin-1")
    yield "with a null byte", text.encode().replace(b"{", b"{\0", 1)
    yield "twice", (text + text).encode()
    yield "with a comma too many", text.replace("}", ",}", 1).encode()
    yield "with a comment", b"// what was learned\n" + text.encode()
    yield "in single quotes", text.replace('"', "'").encode()
    yield "in a list", f"[{text}]".encode()
    yield "as text", json.dumps(text).encode()
    for part in range(1, 8):
        yield f"cut after {part} eighths", text.encode()[: part * len(text) // 8]


def _places(node: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    below = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in below:
        yield (*above, key)
        yield from _places(value, (*above, key))


def _at(node: Any, place: Sequence[str | int]) -> Any:
    for key in place:
        node = node[key]
    return node


def _copy(document: Any) -> Any:
    return json.loads(json.dumps(document))


def _with(document: Any, place: Sequence[str | int], value: Any) -> Any:
    copy = _copy(document)
    _at(copy, place[:-1])[place[-1]] = value
    return copy


def _without(document: Any, place: Sequence[str | int]) -> Any:
    copy = _copy(document)
    del _at(copy, place[:-1])[place[-1]]
    return copy


def _renamed(document: Any, place: Sequence[str | int]) -> Any:
    copy = _copy(document)
    above = _at(copy, place[:-1])
    above[f"{place[-1]}x"] = above.pop(place[-1])
    return copy


def _written(document: Any, value: str) -> bytes:
    """A document as text, with raw text where `_HERE` stands in it."""
    return json.dumps(document).replace(json.dumps(_HERE), value).encode()


# ---- any file


def spoilt_bytes(content: bytes, chance: random.Random) -> bytes:
    """A file with some of its bytes cut off, flipped, overwritten, taken out, put in, doubled or exchanged."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        start = chance.randrange(max(len(found), 1))
        stop = min(len(found), start + chance.choice((1, 2, 4, 8, 64, 512)))
        way = chance.randrange(8)
        if way == 0:
            del found[start:]
        elif way in (1, 2) and found:
            found[start] ^= 1 << chance.randrange(8)
        elif way == 3:
            found[start:stop] = bytes([chance.choice((0, 255, 127, 128))]) * (stop - start)
        elif way == 4:
            found[start:stop] = chance.randbytes(stop - start)
        elif way == 5:
            del found[start:stop]
        elif way == 6:
            found[start:start] = chance.randbytes(stop - start)
        else:
            other = chance.randrange(max(len(found), 1))
            found[start:stop] = found[other : other + stop - start]
    return bytes(found)


def occupied(path: Path) -> dict[str, Callable[[], Any]]:
    """What can stand in the place of a file, by name, each with the call that puts it there; the place is free."""
    return {
        "nothing there": lambda: None,
        "a directory": path.mkdir,
        "a FIFO": lambda: os.mkfifo(path),
        "a loop of links": lambda: path.symlink_to(path.name),
        "a link to nothing": lambda: path.symlink_to("nowhere"),
        "a link to a directory": lambda: path.symlink_to("."),
        "a device without end": lambda: path.symlink_to("/dev/zero"),
    }


# ---- trees, written as YAML or JSON

STRANGE: Sequence[Any] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, 1e-320, 2**31, 2**63, -(2**63), 10**400),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "many", "1 to 2", "inf to 3", "=cmd()", "../x", "x" * 300),
    *("\u202e", "\x1b[2J", "a\nb", "１２", "сhurn", "2019-04-30", "9999-99-99", "[0]", "a.b", "null", "C" * 4_500),
    *([], {}, [1], [[1]], {"value": 1}, {"": 1}, {"a": {"b": {"c": 1}}}, ["a", "a"], [None], [{}]),
)
"""What stands in a wrong place."""


def spoilt_tree(tree: Tree, chance: random.Random) -> Tree:
    """A tree with one to three nodes dropped, renamed, retyped, moved or doubled."""
    copy: Tree = _copy(tree)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(copy))
        if places:
            _spoil(copy, chance.choice(places), chance)
    return copy


def _spoil(tree: Tree, place: tuple[str | int, ...], chance: random.Random) -> None:
    above, key = _at(tree, place[:-1]), place[-1]
    way = chance.choice(("drop", "rename", "retype", "retype", "retype", "move", "double", "nest"))
    if way == "drop":
        del above[key]
    elif way == "rename" and isinstance(key, str):
        strange = (
            f"{key}x",
            key.upper(),
            key.replace("a", "а"),
            "",
            "<<",
            "null",
            "[0]",
            "a\x1bb",
            key[:-1],
            "k" * 300,
        )
        above[chance.choice(strange)] = above.pop(key)
    elif way == "move":
        above[key] = _copy(_at(tree, chance.choice(list(_places(tree)))))
    elif way == "double" and isinstance(above, list):
        above.append(_copy(above[key]))
    elif way == "nest":
        above[key] = chance.choice(([_copy(above[key])], {"value": _copy(above[key])}))
    else:
        above[key] = chance.choice(STRANGE)


# ---- tables in CSV

CELLS = (
    *("", " ", "0", "-1", "1e999", "nan", "inf", "-inf", "1e-400", "1_000", "1,5", "0x10", "１２.９", "٣", "1e5", "+3"),
    *("12.9 ", "2019-02-30", "2019-1-1", "９９９９-01-01", "0000-00-00", "9999-12-31", "2019-W01-1", "20190101"),
    *("annual", "quarter", "date", "occurred", "state", "%", "fraction", "USD bn", "CNY bn", "USD bn/yr", "boolean"),
    *("total", "iaas", "world", "market_share", "regime", "event", "marke_share", "=cmd()", "a\x1b[2Jb", "a\u202eb"),
    *('"', '""', 'a"b', '"a"b', '"a\nb"', '"a,b"', "\t", "\0", "x" * 300, "y" * 5_000, "сhurn", "\ud7ff", "\u2028"),
)
"""What stands in a cell, with quotation marks where a cell has them."""


def spoilt_table(text: str, chance: random.Random) -> bytes:
    """A table with some of its cells, rows, columns, line ends or its encoding changed."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        _spoil_table(rows, chance)
    ends = chance.choice(["\n"] * 12 + ["\r\n", "\r", "\n\n", "\u2028"])
    written = ends.join(chance.choice([","] * 40 + [";", "\t", ", "]).join(row) for row in rows) + ends
    return written.encode(chance.choice(["utf-8"] * 30 + ["utf-8-sig", "utf-16", "utf-7", "latin-1"]), "replace")


def _spoil_table(rows: list[list[str]], chance: random.Random) -> None:
    if not rows:
        return
    row = chance.choice(rows)
    place = chance.randrange(max(len(row), 1))
    way = chance.randrange(12)
    if way == 0 and row:
        del row[place]
    elif way == 1:
        row.insert(place, chance.choice(CELLS))
    elif way == 2:
        rows.append(list(row))
    elif way == 3:
        rows.remove(row)
    elif way == 4:
        other = chance.choice(rows)
        row[:], other[:] = list(other), list(row)
    elif row:
        row[place] = chance.choice(CELLS)
