"""Axis order, array aliases and the shape check.

Every array has the draw axis last and contiguous, so that each operation is one long vector:

    letter  axis                    order
    T       period                  calendar order
    G       segment                 as in the scenario, the segments of one layer side by side
    L       layer                   as in the scenario
    P       provider                domestic before foreign, as in the scenario inside each group
    F       foreign provider        the last F of P
    R       provider of some size   those of P that are no fringe
    S       state of the policy     0 is the start, i the i-th step of the calendar
    N       draw                    last, contiguous
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

__all__ = [
    "DRAWS_PER_SCRAMBLE",
    "EDGE",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "carved",
    "join_draws",
    "over_arrays",
    "require_shape",
    "runs",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

T = TypeVar("T")

DRAWS_PER_SCRAMBLE: Final = 512
"""Draws come in whole scrambles, one after the other on the draw axis."""

EDGE: Final = 2.0**-53
"""Distance from 0 and 1 that uniforms keep: the open interval in which every quantile is finite."""


def require_shape(name: str, array: npt.NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `array` has `shape`."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")


def carved(**shapes: tuple[int, ...]) -> dict[str, FloatArray]:
    """Arrays by name, yet to be filled, in one piece of memory, which the system maps faster than many small ones."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    parts = np.split(np.empty(sum(sizes)), np.cumsum(sizes[:-1]))
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def over_arrays(function: Callable[..., FloatArray], first: T, *others: T) -> T:
    """What comes of a function of arrays that stand at one place in each of some parts.

    Parameters
    ----------
    function : callable
        Takes as many arrays as there are parts.
    first, *others : arrays, mappings or dataclasses
        Alike but for the numbers, down to arrays.

    Returns
    -------
    array, mapping or dataclass, as the parts
    """
    parts: Any = (first, *others)
    if isinstance(first, np.ndarray):
        return cast("T", function(*parts))
    if isinstance(first, Mapping):
        return cast("T", {key: over_arrays(function, *(part[key] for part in parts)) for key in first})
    names = [field.name for field in fields(parts[0])]
    values = {name: over_arrays(function, *(getattr(part, name) for part in parts)) for name in names}
    return cast("T", replace(parts[0], **values))


def join_draws(parts: Sequence[T]) -> T:
    """The draws of several parts, one after the other; each is an array (..., N), or what holds such arrays."""
    return over_arrays(lambda *arrays: np.concatenate(arrays, axis=-1), *parts)


def runs(chosen: BoolArray, border: int) -> tuple[tuple[slice, slice], ...]:
    """Where chosen rows stand among themselves and among all, a pair of slices for each run.

    Parameters
    ----------
    chosen : (P,) bool
    border : int
        Row at which a new run begins in any case.
    """
    rows = np.flatnonzero(chosen)
    cuts = np.flatnonzero((np.diff(rows) > 1) | (rows[1:] == border)) + 1
    ends = [*cuts.tolist(), len(rows)] if len(rows) else []
    starts = [0, *ends[:-1]]
    return tuple(
        (slice(start, end), slice(int(rows[start]), int(rows[end - 1]) + 1))
        for start, end in zip(starts, ends, strict=False)
    )
