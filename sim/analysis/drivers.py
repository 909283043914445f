"""What drives an outcome: swings, shares of its variance by input, and by kind of not knowing.

Shares come as replicates (outcomes, 1 + S): on all draws, and on all but each of the S scrambles, so that sums of them
have errors too. Outcomes are arrays (M, N), draws last.

References
----------
Plischke, E., Borgonovo, E. & Smith, C. L. (2013), "Global sensitivity measures from given data", European Journal of
Operational Research 226: first-order shares from classes of an input.
Jansen, M. J. W. (1999), "Analysis of variance designs for model output", Computer Physics Communications 117.
Homma, T. & Saltelli, A. (1996), "Importance measures in global sensitivity analysis of nonlinear models", Reliability
Engineering and System Safety 52: total shares.
Saltelli, A. et al. (2010), "Variance based sensitivity analysis of model output", Computer Physics Communications 181:
first-order shares of what is redrawn.
Owen, A. B. (2014), "Sobol' indices and Shapley value", SIAM/ASA Journal on Uncertainty Quantification 2; Song, E.,
Nelson, B. L. & Staum, J. (2016), the same journal 4: total variances as the worth of a coalition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import factorial
from typing import Final

import numpy as np
from scipy.special import ndtri

from sim.analysis.scrambles import replicates, sums_by_scramble
from sim.analysis.splines import Design, OneHot, Spline, cross_fitted
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray

__all__ = [
    "BINS",
    "FIFTHS",
    "Cells",
    "cell_means",
    "chance_floor",
    "equal_cells",
    "first_order",
    "group_share",
    "level_cells",
    "path_share",
    "shapley_shares",
    "total_share",
]

BINS: Final = 32
"""Cells of an input for its first-order share."""

FIFTHS: Final = 5
"""Cells of an input for its swing."""

_ERRORS: Final = 3
"""Standard errors that a share must be above, to be told from 0."""


@dataclass(frozen=True)
class Cells:
    """Draws in cells by the value of an input.

    Attributes
    ----------
    labels : array (N,) of int
        The cell of each draw, from 0 on.
    count : int
        Number of cells.
    """

    labels: IntArray
    count: int


def equal_cells(column: FloatArray, count: int, order: IntArray | None = None) -> Cells:
    """Cells of the same number of draws, in rising order of a column (N,); of equal values the first draws come first.

    A column with no more values than cells has one for each value: whole numbers, or a number chosen from a few. Its
    stable order (N,) may be given where it is known.
    """
    order = np.argsort(column, kind="stable") if order is None else order
    ordered = column[order]
    values = 1 + np.count_nonzero(ordered[1:] > ordered[:-1])
    if values <= count:
        return level_cells(column)
    labels = np.empty(len(column), dtype=np.int64)
    labels[order] = np.arange(len(column)) * count // len(column)
    return Cells(labels, count)


def level_cells(column: FloatArray) -> Cells:
    """One cell for each value of a column (N,), in rising order."""
    levels, labels = np.unique(column, return_inverse=True)
    return Cells(labels.astype(np.int64), len(levels))


def cell_means(cells: Cells, outcomes: FloatArray) -> FloatArray:
    """Means of the outcomes in each cell, replicates (cells, M, 1 + S); NaN where a cell has no draws."""
    counts, sums = _cell_sums(cells, outcomes)
    return replicates(_means, counts[:, None], sums.transpose(1, 0, 2))


def _means(counts: FloatArray, sums: FloatArray) -> FloatArray:
    return np.where(counts > 0, sums / np.where(counts > 0, counts, 1.0), np.nan)


def first_order(cells: Cells, outcomes: FloatArray) -> FloatArray:
    """Share of the variance that the cells of an input explain, freed of what chance would explain.

    S = (SSB − (C − 1) SSW / (N − C)) / SST for C cells and N draws, with the sums of squares between cells, within
    them, and in total.

    Returns
    -------
    replicates (M, 1 + S)
    """
    counts, sums = _cell_sums(cells, outcomes)
    return replicates(_explained, counts, sums, sums_by_scramble(outcomes**2))


def _explained(counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
    draws, cells = counts.sum(axis=0), np.count_nonzero(counts > 0, axis=0)
    middle = sums.sum(axis=1) ** 2 / draws
    between = (sums**2 / np.where(counts > 0, counts, 1.0)).sum(axis=1) - middle
    total = squares - middle
    return np.asarray((between - (cells - 1) * (total - between) / (draws - cells)) / total)


def _cell_sums(cells: Cells, outcomes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Draws in each cell (C, S) and sums of the outcomes there (M, C, S), by scramble."""
    scrambles = len(cells.labels) // DRAWS_PER_SCRAMBLE
    places = cells.labels * scrambles + np.arange(len(cells.labels)) // DRAWS_PER_SCRAMBLE
    shape = (cells.count, scrambles)
    sums = np.empty((len(outcomes), *shape))
    for values, own in zip(outcomes, sums, strict=True):
        own[:] = np.bincount(places, values, cells.count * scrambles).reshape(shape)
    return np.bincount(places, minlength=cells.count * scrambles).reshape(shape).astype(float), sums


def chance_floor(cells: int, draws: int, error: FloatArray) -> FloatArray:
    """What a first-order share must be above to be told from 0, array like `error`, the share's standard error.

    The larger of three errors and (C − 1) / (N − C), what C cells of a column that moves nothing explain of N draws.
    """
    return np.fmax(_ERRORS * error, (cells - 1) / (draws - cells))


def group_share(columns: Sequence[FloatArray], categories: Sequence[bool], outcomes: FloatArray) -> FloatArray:
    """Share of the variance that several inputs explain together: R² of splines, fitted on the other scrambles.

    Parameters
    ----------
    columns : sequence of arrays (N,)
    categories : sequence of bool
        Which of them are categories.
    outcomes : array (M, N)

    Returns
    -------
    replicates (M, 1 + S)
    """
    chosen = [(_normal_scores(column), is_category) for column, is_category in zip(columns, categories, strict=True)]
    bases = tuple(OneHot.of(column) if is_category else Spline.of(column) for column, is_category in chosen)
    rows = Design(bases).rows([column for column, _ in chosen])
    residuals = outcomes - cross_fitted(rows, outcomes)
    return replicates(
        lambda count, missed, sums, squares: 1 - missed / (squares - sums**2 / count),
        _draws(outcomes),
        *(sums_by_scramble(values) for values in (residuals**2, outcomes, outcomes**2)),
    )


def _normal_scores(column: FloatArray) -> FloatArray:
    """A column by its ranks, as normals: where a tail is heavy, most of a range has no draws. Equals stay equal."""
    _, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2
    return np.asarray(ndtri(middles / len(column))[places])


def total_share(outcomes: FloatArray, redrawn: FloatArray) -> FloatArray:
    """Share of the variance that would stay if all but one unit were known: T = ½ E(y − y′)² / Var y.

    Parameters
    ----------
    outcomes, redrawn : arrays (M, N)
        Outcomes, and the same with the unit drawn anew.

    Returns
    -------
    replicates (M, 1 + S)
    """
    return replicates(
        lambda count, gaps, sums, squares: gaps / 2 / (squares - sums**2 / count),
        _draws(outcomes),
        *(sums_by_scramble(values) for values in ((outcomes - redrawn) ** 2, outcomes, outcomes**2)),
    )


def path_share(outcomes: FloatArray, others_redrawn: FloatArray, all_redrawn: FloatArray) -> FloatArray:
    """Share of the variance that a unit explains alone: Cov(y, y″) / Var y, with all other units drawn anew in y″.

    The covariance with outcomes of which all is drawn anew, 0 but for chance, is taken off: what it is by chance is
    nearly the same for every unit that explains little, and would add up over them (Saltelli et al. 2010).

    Parameters
    ----------
    outcomes, others_redrawn, all_redrawn : arrays (M, N)
        Outcomes, and the same with all but the unit drawn anew, and with all drawn anew.

    Returns
    -------
    replicates (M, 1 + S)
    """

    def share(
        count: FloatArray, products: FloatArray, gaps: FloatArray, sums: FloatArray, squares: FloatArray
    ) -> FloatArray:
        return np.asarray((products - gaps * sums / count) / (squares - sums**2 / count))

    gaps = others_redrawn - all_redrawn
    parts = (outcomes * gaps, gaps, outcomes, outcomes**2)
    return replicates(share, _draws(outcomes), *(sums_by_scramble(values) for values in parts))


def shapley_shares(hybrids: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Shares of the variance by kind of not knowing, which add up to 1, and beside them each kind's total share.

    The worth v(S) of some kinds is the variance that stays when only they are unknown: the mean of ½ E(f − f′)² over
    all pairs of hybrids that differ exactly in them. Each kind has its mean contribution over all orders.

    Parameters
    ----------
    hybrids : sequence of 2**K arrays (M, N)
        Outcomes with some of K kinds drawn anew: bit k of a hybrid's place says that kind k is.

    Returns
    -------
    shapley, totals : replicates (K, M, 1 + S)
    """
    count = len(hybrids)
    gaps = [
        [sums_by_scramble((hybrids[t] - hybrids[t ^ s]) ** 2) for t in range(count) if t < t ^ s]
        for s in range(1, count)
    ]
    worth = np.stack([np.zeros_like(gaps[0][0]), *(np.mean(pairs, axis=0) for pairs in gaps)])

    def shares(values: FloatArray, weigh: Callable[[FloatArray], FloatArray]) -> FloatArray:
        return np.asarray(weigh(values) / values[-1])

    return replicates(partial(shares, weigh=_shapley), worth), replicates(partial(shares, weigh=_alone), worth)


def _shapley(worth: FloatArray) -> FloatArray:
    """Mean contributions of K players, array (K, ...), from the worth (2**K, ...) of each set of them."""
    sets = range(len(worth))
    players = len(worth).bit_length() - 1
    values = np.zeros((players, *worth.shape[1:]))
    for player in range(players):
        for s in sets:
            if not s >> player & 1:
                others = s.bit_count()
                weight = factorial(others) * factorial(players - others - 1) / factorial(players)
                values[player] += weight * (worth[s | 1 << player] - worth[s])
    return values


def _alone(worth: FloatArray) -> FloatArray:
    """The worth of each player alone."""
    return np.stack([worth[1 << player] for player in range(len(worth).bit_length() - 1)])


def _draws(outcomes: FloatArray) -> FloatArray:
    """Draws of each scramble, array (S,)."""
    return np.full(outcomes.shape[1] // DRAWS_PER_SCRAMBLE, float(DRAWS_PER_SCRAMBLE))
