"""NetCDF-4 files to read from, which may be damaged or another's: each part is looked at before it is read.

Nothing but what this program writes is taken: text as text, whole numbers as integers, numbers as float64 that lie in
the file itself, uncompressed. So what is read never takes more memory than the file has bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from sim.axes import FloatArray
from sim.errors import shown
from sim.reading.documents import no_file

__all__ = ["UnreadableError", "labels", "numbers", "opened", "require", "text", "texts", "variable", "years"]

_LIBRARY_ERRORS: Final = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError)
"""What HDF5 and its binding raise at bytes that make no sense to them."""

_LONGEST_TEXT: Final = 2**24
"""Bytes of a text: a hundred times the largest that is written."""

_MOST_LABELS: Final = 2**20


class UnreadableError(ValueError):
    """Why a file, or a part of it, cannot be read, in words that follow its name."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A file to read from, and nothing else to be done with it.

    Raises
    ------
    UnreadableError
        There is no such file, it is none, it is damaged, or a part that is asked for is not as it should be.
    """
    wrong = no_file(path)
    if wrong:
        raise UnreadableError(wrong)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except UnreadableError as error:
        raise UnreadableError(f"damaged, or not written by this program: {error}") from error
    except _LIBRARY_ERRORS as error:
        raise UnreadableError(_reason(path)) from error


def _reason(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            begins = stream.read(8)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if begins != b"\x89HDF\r\n\x1a\n":
        found = f"it begins with {shown(begins.decode('latin-1'))}" if begins else "it is empty"
        return f"damaged, or not written by this program: no NetCDF-4 ({found})"
    return "damaged: parts of it are not where it says"


def variable(file: Any, name: str, kind: str, dimensions: int) -> Any:
    """A variable whose numbers lie in the file itself.

    Parameters
    ----------
    file : h5py.File
    name : str
    kind : {'f', 'i', 'O'}
        Numbers, whole numbers or text.
    dimensions : int

    Raises
    ------
    UnreadableError
    """
    link = file.get(name, getlink=True)
    part = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(part, h5py.Dataset):
        raise UnreadableError(f"holds no variable '{name}'")
    if part.dtype.kind != kind or (kind != "O" and part.dtype.itemsize != 8) or not _is_plain(part):
        words = {"f": "numbers of 64 bits", "i": "whole numbers of 64 bits", "O": "text"}[kind]
        raise UnreadableError(f"the variable '{name}' must hold {words}, uncompressed, in the file itself")
    if part.shape is None or len(part.shape) != dimensions:
        found = "nothing" if part.shape is None else " x ".join(map(str, part.shape)) or "one number"
        raise UnreadableError(
            f"the variable '{name}' has another shape ({dimensions} dimensions wanted, found {found})"
        )
    return part


def _is_plain(part: Any) -> bool:
    """Whether the bytes of a variable are its own, and as they stand."""
    is_text_or_number = part.dtype.kind != "O" or h5py.check_string_dtype(part.dtype) is not None
    return is_text_or_number and not (part.external or part.is_virtual or part.id.get_create_plist().get_nfilters())


def numbers(file: Any, name: str, shape: tuple[int, ...]) -> FloatArray:
    """All numbers of a variable that has this shape, every one of which is written.

    Raises
    ------
    UnreadableError
    """
    part = variable(file, name, "f", len(shape))
    require(part, name, shape, part.size)
    return np.asarray(part[()], dtype=np.float64)


def require(part: Any, name: str, shape: tuple[int, ...], written: int) -> None:
    """Refuse a variable of another shape, or one of which less numbers are written.

    Raises
    ------
    UnreadableError
    """
    if part.shape != shape:
        sizes = (" x ".join(map(str, one)) for one in (part.shape, shape))
        raise UnreadableError("the variable '{}' has another shape (found {}; wanted {})".format(name, *sizes))
    if part.id.get_storage_size() < part.dtype.itemsize * written:
        raise UnreadableError(f"the variable '{name}' is not whole: numbers of it were never written")


def labels(file: Any, name: str) -> list[str]:
    """The texts of a variable of one dimension, no two alike.

    Raises
    ------
    UnreadableError
    """
    part = variable(file, name, "O", 1)
    if not 0 < part.size <= min(_MOST_LABELS, part.id.get_storage_size()):
        raise UnreadableError(f"the variable '{name}' holds no names, or too many (found {part.size:,})")
    return _different(f"the variable '{name}'", [_decoded(f"the variable '{name}'", one) for one in part[()]])


def years(values: Any, what: str) -> tuple[int, ...]:
    """Whole numbers that follow on each other.

    Raises
    ------
    UnreadableError
    """
    whole = isinstance(values, np.ndarray) and values.dtype == np.int64 and values.ndim == 1 and values.size > 0
    if not whole or values.size > _MOST_LABELS or (np.diff(values) != 1).any():
        raise UnreadableError(f"{what} must be years that follow on each other")
    return tuple(int(year) for year in values)


def text(part: Any, name: str) -> str:
    """An attribute that is text.

    Raises
    ------
    UnreadableError
    """
    if name not in part.attrs:
        raise UnreadableError(f"lacks the attribute '{name}'")
    identity = part.attrs.get_id(name)
    if identity.get_storage_size() > _LONGEST_TEXT:
        raise UnreadableError(f"the attribute '{name}' is too long")
    return _decoded(f"the attribute '{name}'", part.attrs[name])


def texts(part: Any, name: str) -> list[str]:
    """An attribute that is a list of texts, no two alike.

    Raises
    ------
    UnreadableError
    """
    found = part.attrs.get(name)
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list | np.ndarray) or not 0 < len(listed) <= _MOST_LABELS:
        raise UnreadableError(f"the attribute '{name}' must be a list of texts")
    return _different(f"the attribute '{name}'", [_decoded(f"the attribute '{name}'", one) for one in listed])


def _decoded(what: str, value: Any) -> str:
    try:
        found = value.decode() if isinstance(value, bytes) else value
        if isinstance(found, str) and found.encode():
            return found
    except UnicodeError:
        pass
    raise UnreadableError(f"{what} must be text in UTF-8")


def _different(what: str, names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        ((twice, _),) = Counter(names).most_common(1)
        raise UnreadableError(f"{what} names {shown(twice)} twice")
    return names
