"""Regression on smooth functions of inputs, fitted on all folds of the draws but one, in one pass over the draws.

A basis is made of a column, a design of the bases of several columns, and what a fit needs of the draws are sums by
fold: leaving a fold out is a subtraction. No sum goes through a matrix library, so that no bit hangs on its threads.

References
----------
de Boor, C. (1978), *A Practical Guide to Splines*, ch. IX-X.
Strong, M., Oakley, J. E. & Brennan, A. (2014), "Estimating multiparameter partial expected value of perfect information
from a probabilistic sensitivity analysis sample", Medical Decision Making 34.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from sim.analysis.scrambles import folds_of
from sim.axes import BoolArray, FloatArray, IntArray

__all__ = ["INNER_KNOTS", "Design", "FoldSums", "OneHot", "Spline", "cross_fitted", "fold_sums", "predict"]

INNER_KNOTS: Final = 3

_DEGREE: Final = 3
_LEAST_PIVOT: Final = 1e-9
"""Part of a regressor's square that those before it leave over, below which it is taken to say nothing new."""


@dataclass(frozen=True)
class Spline:
    """Cubic splines of a number; outside the range that they were made of they stay as at its ends.

    Attributes
    ----------
    breaks : tuple of float
        The ends of the range, and the inner knots between; rising. Of a column that is constant a single one.
    """

    breaks: tuple[float, ...]

    @classmethod
    def of(cls, column: FloatArray, inner_knots: int = INNER_KNOTS) -> Spline:
        """Splines with inner knots at quantiles of a column (N,); where quantiles coincide there are less."""
        return cls(tuple(np.unique(np.quantile(column, np.linspace(0, 1, inner_knots + 2))).tolist()))

    def rows(self, column: FloatArray) -> FloatArray:
        """Regressors, array (P, N): B-splines but the first, so that with a constant none is too many."""
        breaks = np.array(self.breaks)
        if len(breaks) < 2:
            return np.empty((0, len(column)))
        knots = np.concatenate([breaks[:1].repeat(_DEGREE), breaks, breaks[-1:].repeat(_DEGREE)])
        x = np.clip(column, breaks[0], breaks[-1])
        interval = np.clip(np.searchsorted(knots, x, side="right") - 1, _DEGREE, len(knots) - _DEGREE - 2)
        rows: FloatArray = (np.arange(len(knots) - 1)[:, None] == interval).astype(float)
        for degree in range(1, _DEGREE + 1):
            rows = _one_degree_up(rows, x, knots, degree)
        return rows[1:]

    def trends(self, column: FloatArray) -> FloatArray:
        """What stands for a column in products, array (2, N): its place between the ends and the square of that.

        The place is counted in breaks, from -1 to 1. Products of all splines would be fitted where correlated columns
        have no draws.
        """
        if len(self.breaks) < 2:
            return np.empty((0, len(column)))
        place = np.interp(column, self.breaks, np.linspace(-1, 1, len(self.breaks)))
        return np.stack([place, place**2])


def _one_degree_up(rows: FloatArray, x: FloatArray, knots: FloatArray, degree: int) -> FloatArray:
    """The recursion of Cox and de Boor; an interval of no width holds nothing."""
    width = knots[degree:] - knots[:-degree]
    share = np.where(width > 0, 1 / np.where(width > 0, width, 1.0), 0.0)[:, None]
    rising = (x - knots[: len(rows), None]) * share * rows
    falling = (knots[degree : len(rows) + degree, None] - x) * share * rows
    return np.asarray(rising[:-1] + falling[1:])


@dataclass(frozen=True)
class OneHot:
    """One regressor for each level of a category but the first.

    Attributes
    ----------
    levels : tuple of float
        Rising; one that is met elsewhere only counts as the first.
    """

    levels: tuple[float, ...]

    @classmethod
    def of(cls, column: FloatArray) -> OneHot:
        """The levels of a column (N,)."""
        return cls(tuple(np.unique(column).tolist()))

    def rows(self, column: FloatArray) -> FloatArray:
        """Regressors, array (P, N) of 0 and 1."""
        rows: FloatArray = (column == np.array(self.levels[1:])[:, None]).astype(float)
        return rows

    def trends(self, column: FloatArray) -> FloatArray:
        """What stands for a column in products: its regressors."""
        return self.rows(column)


@dataclass(frozen=True)
class Design:
    """Regressors from several columns: a constant, the rows of each, and all products of trends of two columns.

    Attributes
    ----------
    bases : tuple of Spline or OneHot
        One for each column.
    """

    bases: tuple[Spline | OneHot, ...]

    def rows(self, columns: Sequence[FloatArray]) -> FloatArray:
        """Regressors, array (P, N), of columns (N,) in the order of the bases."""
        pairs = list(zip(self.bases, columns, strict=True))
        trends = [basis.trends(column) for basis, column in pairs]
        products = [(one[:, None] * other).reshape(-1, one.shape[1]) for one, other in combinations(trends, 2)]
        own = [basis.rows(column) for basis, column in pairs]
        return np.concatenate([np.ones((1, len(columns[0]))), *own, *products])


@dataclass(frozen=True)
class FoldSums:
    """What least squares need of the draws of each of K folds, for P regressors and M outcomes.

    Attributes
    ----------
    gram : array (K, P, P)
        Sums of products of regressors.
    moments : array (K, M, P)
        Sums of products of outcomes and regressors.
    """

    gram: FloatArray
    moments: FloatArray

    def on_all(self) -> FloatArray:
        """Coefficients, array (M, P), fitted on all folds."""
        return _solved(self.gram.sum(axis=0), self.moments.sum(axis=0))

    def without_each(self) -> FloatArray:
        """Coefficients, array (K, M, P), the k-th fitted on all folds but k; with a single fold, on that one."""
        if len(self.gram) == 1:
            return self.on_all()[None]
        return _solved(self.gram.sum(axis=0) - self.gram, self.moments.sum(axis=0) - self.moments)


def fold_sums(
    rows: FloatArray, outcomes: FloatArray, folds: IntArray | None = None, mask: BoolArray | None = None
) -> FoldSums:
    """The sums by fold that a fit needs.

    Parameters
    ----------
    rows : array (P, N)
        Regressors, a constant among them.
    outcomes : array (M, N)
    folds : array (N,) of int, optional
        Number of each draw's fold, from 0 on; scrambles by default.
    mask : array (N,) of bool, optional
        Draws that a fit uses; all by default.
    """
    labels = folds_of(rows.shape[1]) if folds is None else folds
    used = np.ones(rows.shape[1], dtype=bool) if mask is None else mask
    gram, moments = [], []
    for fold in range(int(labels.max()) + 1):
        here = np.flatnonzero((labels == fold) & used)
        own, asked = rows.take(here, axis=1), outcomes.take(here, axis=1)
        gram.append(np.einsum("pn,qn->pq", own, own))
        moments.append(np.einsum("mn,pn->mp", asked, own))
    return FoldSums(np.stack(gram), np.stack(moments))


def predict(rows: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Fitted outcomes, array (M, N), of regressors (P, N) under coefficients (M, P)."""
    return np.asarray(np.einsum("mp,pn->mn", coefficients, rows))


def cross_fitted(
    rows: FloatArray, outcomes: FloatArray, folds: IntArray | None = None, mask: BoolArray | None = None
) -> FloatArray:
    """Each draw's outcomes as predicted by a fit on all other folds, array (M, N); parameters as in `fold_sums`."""
    labels = folds_of(rows.shape[1]) if folds is None else folds
    fitted = np.empty(outcomes.shape)
    for fold, coefficients in enumerate(fold_sums(rows, outcomes, labels, mask).without_each()):
        here = np.flatnonzero(labels == fold)
        fitted[:, here] = predict(rows.take(here, axis=1), coefficients)
    return fitted


def _solved(gram: FloatArray, moments: FloatArray) -> FloatArray:
    """Least squares from sums, array (..., M, P), by Gauss and Jordan; a regressor that says nothing new counts 0."""
    scale = np.sqrt(np.einsum("...pp->...p", gram))
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1.0), 0.0)
    known = np.swapaxes(moments, -1, -2)
    system = np.concatenate([gram * inverse[..., None, :], known], axis=-1) * inverse[..., None]
    for regressor in range(gram.shape[-1]):
        pivot = system[..., regressor, regressor, None]
        is_new = pivot > _LEAST_PIVOT
        row = np.where(is_new, system[..., regressor, :] / np.where(is_new, pivot, 1.0), 0.0)
        system = system - system[..., regressor, None] * row[..., None, :]
        system[..., regressor, :] = row
    return np.asarray(np.swapaxes(system[..., gram.shape[-1] :] * inverse[..., None], -1, -2))
