"""Whether stated rank correlations can be, and if not, the nearest that can."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sim.reading.plausibility import Finding

if TYPE_CHECKING:
    from sim.axes import FloatArray

__all__ = ["contradictions", "nearest"]

Triangle = Sequence[Sequence[float]]
"""Correlations below the diagonal, row by row."""

_LEAST_REST: Final = 1e-12
"""Variance of a member that the ones before it must leave."""

_MOST_LISTED: Final = 12

_PROJECTIONS: Final = 100
_SETTLED: Final = 1e-6
_FLOORS: Final = (1e-3, 1e-2, 0.05)
"""Least eigenvalues that are tried: above rounding to three digits, and no further from what was stated than needed."""

_DIGITS: Final = 3


def contradictions(path: str, members: int, ranks: Triangle) -> Iterator[Finding]:
    """A finding if a triangle of rank correlations has another size than its members, or cannot be.

    Parameters
    ----------
    path : str
        Dotted path of the triangle.
    members : int
    ranks : triangle
        Spearman correlations.
    """
    lengths, expected = [len(row) for row in ranks], list(range(1, members))
    if lengths != expected:
        yield path, f"{members} members need rows of {_listed(expected)} numbers (found rows of {_listed(lengths)})"
    elif not _is_positive_definite(ranks):
        rows = ", ".join(f"[{', '.join(f'{rank:g}' for rank in row)}]" for row in nearest(ranks))
        why = "no inputs can be correlated so: the matrix of 2 sin(pi r / 6) is not positive definite"
        yield path, f"{why} (the nearest that is: [{rows}])"


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _MOST_LISTED} more" if len(numbers) > _MOST_LISTED else ""
    return (", ".join(map(str, numbers[:_MOST_LISTED])) or "none") + more


def _is_positive_definite(ranks: Triangle) -> bool:
    """Whether the normal correlations of a triangle of rank correlations have a Cholesky factor."""
    factor: list[list[float]] = []
    for row in [[], *([2 * math.sin(math.pi * rank / 6) for rank in row] for row in ranks)]:
        line: list[float] = []
        for value, other in zip(row, factor, strict=True):
            line.append((value - sum(a * b for a, b in zip(line, other, strict=False))) / other[-1])
        rest = 1 - sum(value * value for value in line)
        if rest <= _LEAST_REST:
            return False
        factor.append([*line, math.sqrt(rest)])
    return True


def nearest(ranks: Triangle) -> Triangle:
    """The nearest rank correlations, in three digits, whose normal correlations are positive definite.

    Alternating projections with Dykstra's correction, in the Frobenius norm of the normal correlations. It is an
    offer to the user and never used in place of what was stated.

    References
    ----------
    Higham, N. J. (2002), "Computing the nearest correlation matrix", IMA J. Numer. Anal. 22, algorithm 3.3.
    """
    import numpy as np

    size = len(ranks) + 1
    target = np.eye(size)
    for i, row in enumerate(ranks, start=1):
        target[i, :i] = target[:i, i] = [2 * math.sin(math.pi * rank / 6) for rank in row]
    for floor in _FLOORS:
        candidate = 6 / math.pi * np.arcsin(_projected(target, floor).clip(-1, 1) / 2)
        offer = [[round(float(rank), _DIGITS) for rank in candidate[i, :i]] for i in range(1, size)]
        if _is_positive_definite(offer):
            return offer
    return [[0.0] * i for i in range(1, size)]


def _projected(target: FloatArray, floor: float) -> FloatArray:
    """The nearest correlation matrix (K, K) with eigenvalues of `floor` or more, all but converged."""
    import numpy as np

    matrix, correction = target.copy(), np.zeros_like(target)
    for _ in range(_PROJECTIONS):
        shifted = matrix - correction
        values, vectors = np.linalg.eigh(shifted)
        positive = (vectors * np.maximum(values, floor)) @ vectors.T
        correction = positive - shifted
        before, matrix = matrix, positive.copy()
        np.fill_diagonal(matrix, 1.0)
        if np.abs(matrix - before).max() < _SETTLED:
            break
    return matrix
