"""Axis order, array aliases and the shape check.

Every array has the draw axis last and contiguous, so that each operation is one long vector:

    letter  axis                    order
    T       period                  calendar order
    G       segment                 as in the scenario, the segments of one layer side by side
    L       layer                   as in the scenario
    P       provider                domestic before foreign, as in the scenario inside each group
    F       foreign provider        the last F of P
    S       state of the policy     0 is the start, i the i-th step of the calendar
    N       draw                    last, contiguous
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["BoolArray", "FloatArray", "IntArray", "require_shape"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


def require_shape(name: str, array: npt.NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `array` has `shape`."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
