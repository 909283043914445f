"""The net that leading columns lie on: Sobol' points, scrambled by random bits that are handed in.

The same points as `scipy.stats` makes of the same bits, without the wait for the whole of that package, and only as
many columns of the scrambled matrices as there are points to tell apart.

References
----------
Joe, S. and Kuo, F. Y. (2008), "Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci.
Comput. 30: the direction numbers, from their file new-joe-kuo-6.
Matoušek, J. (1998), "On the L2-discrepancy for anchored boxes", J. Complexity 14: scrambling by a triangular matrix
and a shift.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.axes import FloatArray, IntArray

__all__ = ["BITS", "WIDTH", "Bits", "scrambled_net"]

Bits: TypeAlias = npt.NDArray[np.uint32]

WIDTH: Final = 64
"""Columns of the net, used or not: the scramble of a column depends on those before it."""

BITS: Final = 30
"""Points are multiples of 2^-30."""

# fmt: off
_DIRECTIONS: Final = """
3 1, 7 1 3, 11 1 3 1, 13 1 1 1, 19 1 1 3 3, 25 1 3 5 13, 37 1 1 5 5 17, 41 1 1 5 5 5, 47 1 1 7 11 19,
55 1 1 5 1 1, 59 1 1 1 3 11, 61 1 3 5 5 31, 67 1 3 3 9 7 49, 91 1 1 1 15 21 21, 97 1 3 1 13 27 49,
103 1 1 1 15 7 5, 109 1 3 1 15 13 25, 115 1 1 5 5 19 61, 131 1 3 7 11 23 15 103, 137 1 3 7 13 13 15 69,
143 1 1 3 13 7 35 63, 145 1 3 5 9 1 25 53, 157 1 3 1 13 9 35 107, 167 1 3 1 5 27 61 31, 171 1 1 5 11 19 41 61,
185 1 3 5 3 3 13 69, 191 1 1 7 13 1 19 1, 193 1 3 7 5 13 19 59, 203 1 1 3 9 25 29 41, 211 1 3 5 13 23 1 55,
213 1 3 7 3 13 59 17, 229 1 3 1 3 5 53 69, 239 1 1 5 5 23 33 13, 241 1 1 7 7 1 61 123, 247 1 1 7 9 13 61 49,
253 1 3 3 5 3 55 33, 285 1 3 1 15 31 13 49 245, 299 1 3 5 15 31 59 63 97, 301 1 3 1 11 11 11 77 249,
333 1 3 1 11 27 43 71 9, 351 1 1 7 15 21 11 81 45, 355 1 3 7 3 25 31 65 79, 357 1 3 1 1 19 11 3 205,
361 1 1 5 9 19 21 29 157, 369 1 3 7 11 1 33 89 185, 391 1 3 3 3 15 9 79 71, 397 1 3 7 11 15 39 119 27,
425 1 1 3 1 11 31 97 225, 451 1 1 1 3 23 43 57 177, 463 1 3 7 7 17 17 37 71, 487 1 3 1 5 27 63 123 213,
501 1 1 3 5 11 43 53 133, 529 1 3 5 5 29 17 47 173 479, 539 1 3 3 11 3 1 109 9 69, 545 1 1 1 5 17 39 23 5 343,
557 1 3 1 5 25 15 31 103 499, 563 1 1 1 11 11 17 63 105 183, 601 1 1 5 11 9 29 97 231 363,
607 1 1 5 15 19 45 41 7 383, 617 1 3 7 7 31 19 83 137 221, 623 1 1 1 3 23 15 111 223 83,
631 1 1 5 13 31 15 55 25 161, 637 1 1 3 13 25 47 39 87 257
"""
# fmt: on
"""For each column but the first a primitive polynomial, its coefficients as bits, and its first direction numbers."""


def scrambled_net(points: int, shift: Bits, triangles: Bits) -> FloatArray:
    """The first points of the net.

    Parameters
    ----------
    points : int
    shift : array (64, 30)
        Random bits, the lowest first, added to each column.
    triangles : array (64, 30, 30)
        Random bits, of which those below the diagonal scramble the digits of each column.

    Returns
    -------
    array (64, points)
        Multiples of 2^-30 from 0 on, in the order of Gray's code.
    """
    digits = 2 ** np.arange(BITS, dtype=np.int64)[::-1]
    rows = ((np.tril(triangles, -1) + np.eye(BITS, dtype=np.int64)) * digits).sum(axis=-1)
    directions = _directions()[:, None, : (points - 1).bit_length()]
    odd = np.bitwise_count(rows[:, :, None] & directions) % 2
    net = (shift * digits[::-1]).sum(axis=-1, keepdims=True)
    for scrambled in np.moveaxis((odd * digits[:, None]).sum(axis=1), -1, 0):
        net = np.hstack([net, net[:, ::-1] ^ scrambled[:, None]])
    numbers: FloatArray = net[:, :points] * 0.5**BITS
    return numbers


@cache
def _directions() -> IntArray:
    """Direction numbers, array (64, 30), each moved up to 30 bits."""
    columns = [[1] * BITS, *(_continued(*map(int, row.split())) for row in _DIRECTIONS.split(","))]
    return np.array(columns, dtype=np.int64) << np.arange(BITS)[::-1]


def _continued(polynomial: int, *first: int) -> list[int]:
    """Direction numbers of one column from its first, by the recurrence of its primitive polynomial."""
    numbers, degree = list(first), len(first)
    for place in range(degree, BITS):
        number = numbers[place - degree]
        for back in range(1, degree + 1):
            number ^= (polynomial >> (degree - back) & 1) * numbers[place - back] << back
        numbers.append(number)
    return numbers
