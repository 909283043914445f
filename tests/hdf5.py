"""Changes to a NetCDF-4 file that leave it one: variables, attributes and cells that are not as they were."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Change = Callable[[Path], None]

_TEXT = h5py.string_dtype()
_FIXED = np.dtype("S400000")


def text(path: Path, name: str) -> str:
    """The text of an attribute of a file."""
    with h5py.File(path, "r") as file:
        found: str = file.attrs[name]
        return found


def put_text(path: Path, name: str, content: bytes) -> None:
    """Put bytes in the place of the text of an attribute; nothing can be put after a null byte."""
    with h5py.File(path, "r+") as file:
        del file.attrs[name]
        file.attrs.create(name, content.replace(b"\0", b" ") or h5py.Empty(_TEXT), dtype=_TEXT)


def changes(path: Path, times: int) -> Iterator[tuple[str, Change]]:
    """Every change, with its name; of many alike variables and attributes some are chosen.

    Parameters
    ----------
    path : Path
        The valid file.
    times : int
        How many of them.
    """
    with h5py.File(path, "r") as file:
        variables = _some([name for name, part in file.items() if isinstance(part, h5py.Dataset)], 4 + 2 * times)
        attributes = [("", name) for name in file.attrs]
        attributes += [(variable, name) for variable in variables for name in file[variable].attrs]
    for variable in variables:
        for what, change in _VARIABLE.items():
            yield f"{variable}: {what}", _of_variable(variable, change)
    for variable, attribute in _some(attributes, 8 * times) + [("", name) for owner, name in attributes if not owner]:
        for what, value in _ATTRIBUTE.items():
            yield f"{variable}.{attribute}: {what}", _of_attribute(variable, attribute, value)
    for what, change in _FILE.items():
        yield what, _of_file(change)


def _some(names: list[Any], most: int) -> list[Any]:
    return random.Random(1).sample(names, min(most, len(names)))


def _of_variable(name: str, change: Callable[[Any, str], None]) -> Change:
    def changed(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file, name)

    return changed


def _of_attribute(variable: str, attribute: str, value: Any) -> Change:
    def changed(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            owner = file[variable] if variable else file
            del owner.attrs[attribute]
            if value is not None:
                owner.attrs[attribute] = value

    return changed


def _of_file(change: Callable[[Any], None]) -> Change:
    def changed(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return changed


# ---- variables


def _put(file: Any, name: str, values: Any, **options: Any) -> None:
    """Put other values in the place of a variable, which keeps its attributes."""
    attributes = {
        key: value for key, value in file[name].attrs.items() if key not in ("DIMENSION_LIST", "REFERENCE_LIST")
    }
    del file[name]
    file.create_dataset(name, data=values, **options)
    for key, value in attributes.items():
        file[name].attrs[key] = value


def _as(change: Callable[[Any], Any]) -> Callable[[Any, str], None]:
    return lambda file, name: _put(file, name, change(file[name][()]))


def _link(link: Any) -> Callable[[Any, str], None]:
    def put(file: Any, name: str) -> None:
        del file[name]
        file[name] = link

    return put


def _cell(value: float) -> Callable[[Any, str], None]:
    """Put a number in a cell where it fits, and bytes that are no text in one of another type."""

    def put(file: Any, name: str) -> None:
        part = file[name]
        place = tuple(size // 2 for size in part.shape)
        fits = part.dtype == np.float64 or (part.dtype.kind == "i" and np.isfinite(value) and abs(value) < 2**60)
        part[place] = value if fits else 7 if part.dtype.kind in "fi" else b"\xff\x1b"

    return put


def _empty_of(shape: tuple[int, ...]) -> Callable[[Any, str], None]:
    def put(file: Any, name: str) -> None:
        del file[name]
        file.create_dataset(name, shape, "f8", chunks=tuple(min(size, 64) for size in shape) or None)

    return put


def _renamed(file: Any, name: str) -> None:
    file.move(name, f"{name}x")


def _missing(file: Any, name: str) -> None:
    del file[name]


def _group(file: Any, name: str) -> None:
    del file[name]
    file.create_group(name)


def _elsewhere(file: Any, name: str) -> None:
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def _virtual(file: Any, name: str) -> None:
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f8")
    layout[...] = h5py.VirtualSource("elsewhere.nc", "other", shape)
    file.create_virtual_dataset(name, layout)


_VARIABLE: dict[str, Callable[[Any, str], None]] = {
    "missing": _missing,
    "another name": _renamed,
    "a group": _group,
    "a link to nothing": _link(h5py.SoftLink("/nowhere")),
    "a link to itself": lambda file, name: _link(h5py.SoftLink(f"/{name}"))(file, name),
    "in another file": _link(h5py.ExternalLink("elsewhere.nc", "/x")),
    "in no file": _link(h5py.ExternalLink("/dev/zero", "/x")),
    "bytes of another file": _elsewhere,
    "put together of other files": _virtual,
    "integers": _as(lambda values: np.zeros(values.shape, "i8")),
    "half the precision": _as(lambda values: np.zeros(values.shape, "f4")),
    "complex numbers": _as(lambda values: np.zeros(values.shape, "c16")),
    "booleans": _as(lambda values: np.zeros(values.shape, bool)),
    "text": _as(lambda values: np.full(values.shape, b"x")),
    "records": _as(lambda values: np.zeros(values.shape, [("a", "f8"), ("b", "i4")])),
    "lists of any length": lambda file, name: _put(file, name, None, shape=(2,), dtype=h5py.vlen_dtype(np.int32)),
    "a scalar": _as(lambda values: 1.0),
    "nothing": lambda file, name: _put(file, name, h5py.Empty("f8")),
    "a row less": _as(lambda values: values[1:]),
    "a draw less": _as(lambda values: values[..., 1:]),
    "no rows": _as(lambda values: values[:0]),
    "no draws": _as(lambda values: values[..., :0]),
    "turned": _as(lambda values: np.ascontiguousarray(values.T)),
    "one more dimension": _as(lambda values: values[None]),
    "one more row": _as(lambda values: np.concatenate([values, values[:1]])),
    "all alike": _as(lambda values: np.full_like(values, values.ravel()[0])),
    "upside down": _as(lambda values: np.ascontiguousarray(values[::-1])),
    "compressed": lambda file, name: _put(file, name, file[name][()], compression="gzip"),
    "a terabyte of nothing": _empty_of((2**37,)),
    "a terabyte of draws": _empty_of((2, 2**36)),
    "cubes without end": _empty_of((2**20, 2**20, 2**20)),
    "no number in a cell": _cell(np.nan),
    "infinity in a cell": _cell(np.inf),
    "less than all in a cell": _cell(-np.inf),
    "too much in a cell": _cell(1e308),
    "below zero in a cell": _cell(-1.0),
    "an odd number in a cell": _cell(12345.0),
}


# ---- attributes

_ATTRIBUTE: dict[str, Any] = {
    "missing": None,
    "a number": 3.5,
    "no number": np.nan,
    "an integer": np.int64(-1),
    "numbers": np.arange(5.0),
    "no numbers": np.zeros(0),
    "integers": np.array([2018, 2019, 99], dtype=np.int64),
    "one year": np.array([2019], dtype=np.int64),
    "years twice": np.array([2018, 2018, 2018], dtype=np.int64),
    "large integers": np.array([2**62, -(2**62)], dtype=np.int64),
    "a table": np.zeros((3, 3)),
    "text": "many",
    "empty text": "",
    "bytes that are no text": np.bytes_(b"\xff\xfe"),
    "texts": np.array(["total:", "no:such"], dtype=object),
    "nothing": h5py.Empty("f8"),
    "no text": h5py.Empty(_TEXT),
    "days": "days since 2000-01-01",
    "an escape sequence": "\x1b[2J",
    "long text": "x" * 30_000,
    "a record": np.zeros(2, [("a", "f8"), ("b", "i4")]),
}


# ---- the file


def _stray(file: Any) -> None:
    file["stray"] = np.zeros(3)


def _stray_pair(file: Any) -> None:
    """A group of columns, or a variable with its median, that nobody knows."""
    file["other"] = np.array(["a", "b"], dtype=object)
    file["other_values"] = np.zeros((2, 512))
    file["other_median"] = np.zeros((3, 3))


def _loop(file: Any) -> None:
    file["loop"] = h5py.SoftLink("/")
    file.create_group("group")["up"] = file["/"]


def _bare(file: Any) -> None:
    for name in list(file):
        del file[name]


_FILE: dict[str, Callable[[Any], None]] = {
    "a stray variable": _stray,
    "stray columns": _stray_pair,
    "a loop of groups": _loop,
    "no variables": _bare,
    "no attributes": lambda file: [file.attrs.__delitem__(name) for name in list(file.attrs)],
}
