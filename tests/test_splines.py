"""Errors from scrambles, and regression on splines fitted on all scrambles but one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from sim.analysis.scrambles import folds_of, jackknife, sums_by_scramble
from sim.analysis.splines import Design, OneHot, Spline, cross_fitted, fold_sums, predict
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray

DRAWS = 4 * DRAWS_PER_SCRAMBLE


def some_normals(columns: int, draws: int = DRAWS) -> FloatArray:
    return np.random.default_rng(20180430).standard_normal((columns, draws))


def test_the_jackknife_gives_a_mean_the_spread_of_the_means_of_scrambles() -> None:
    values = some_normals(3)
    count = np.full(4, float(DRAWS_PER_SCRAMBLE))
    mean = jackknife(lambda count, total: total / count, count, sums_by_scramble(values))
    of_each = values.reshape(3, 4, DRAWS_PER_SCRAMBLE).mean(axis=-1)
    np.testing.assert_allclose(mean.value, values.mean(axis=-1), rtol=1e-12)
    np.testing.assert_allclose(mean.se, of_each.std(axis=-1, ddof=1) / 2, rtol=1e-9)


def test_a_single_scramble_has_no_error() -> None:
    total = sums_by_scramble(np.ones((2, DRAWS_PER_SCRAMBLE)))
    assert np.isnan(jackknife(lambda total: total, total).se).all()


def test_the_regressors_of_a_number_are_b_splines() -> None:
    (column,) = some_normals(1)
    spline = Spline.of(column)
    knots = np.concatenate([np.repeat(spline.breaks[0], 3), spline.breaks, np.repeat(spline.breaks[-1], 3)])
    expected = BSpline.design_matrix(column, knots, 3).toarray().T[1:]
    np.testing.assert_allclose(spline.rows(column), expected, atol=1e-14)
    assert spline.rows(column).shape == (6, DRAWS)


def test_outside_their_range_splines_stay_as_at_its_ends() -> None:
    spline = Spline.of(np.linspace(0.0, 1.0, 100))
    rows = spline.rows(np.array([-5.0, 0.0, 1.0, 9.0]))
    np.testing.assert_array_equal(rows[:, 0], rows[:, 1])
    np.testing.assert_array_equal(rows[:, 2], rows[:, 3])


def test_a_constant_column_gives_a_design_of_the_constant_alone() -> None:
    column = np.full(DRAWS, 7.0)
    assert Design((Spline.of(column), OneHot.of(column))).rows([column, column]).shape == (1, DRAWS)


def test_a_fold_is_predicted_by_a_fit_on_the_others() -> None:
    x, noise = some_normals(2)
    rows, y = Design((Spline.of(x),)).rows([x]), np.sin(x) + noise
    fitted = cross_fitted(rows, y[None])[0]
    for fold in range(4):
        here = folds_of(DRAWS) == fold
        expected = np.linalg.lstsq(rows[:, ~here].T, y[~here], rcond=None)[0]
        np.testing.assert_allclose(fitted[here], expected @ rows[:, here], atol=1e-9)


def test_a_mask_keeps_draws_out_of_the_fit_and_not_out_of_the_prediction() -> None:
    x, noise = some_normals(2)
    rows, y, mask = Design((Spline.of(x),)).rows([x]), x + noise, noise > 0
    expected = np.linalg.lstsq(rows[:, mask].T, y[mask], rcond=None)[0]
    coefficients = fold_sums(rows, y[None], mask=mask).on_all()
    np.testing.assert_allclose(predict(rows, coefficients)[0], expected @ rows, atol=1e-9)


def test_a_single_fold_is_fitted_on_itself() -> None:
    x = np.arange(8.0)
    fitted = cross_fitted(np.stack([np.ones(8), x]), (1 + 2 * x)[None], np.zeros(8, dtype=int))
    np.testing.assert_allclose(fitted, (1 + 2 * x)[None], atol=1e-12)


def test_regressors_that_say_the_same_twice_change_no_prediction() -> None:
    x, noise, other = some_normals(3)
    rows, y = Design((Spline.of(x),)).rows([x]), (x + noise)[None]
    twice = np.concatenate([rows, rows[1:], rows[2:3] + 1e-8 * other])
    np.testing.assert_allclose(cross_fitted(twice, y), cross_fitted(rows, y), atol=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_products_carry_what_two_columns_do_together(correlation: float) -> None:
    x, other = some_normals(2, 16 * DRAWS_PER_SCRAMBLE)
    z = correlation * x + np.sqrt(1 - correlation**2) * other
    y = (1 + x) * (1 + z)
    rows = Design((Spline.of(x), Spline.of(z))).rows([x, z])
    assert 1 - np.mean((y - cross_fitted(rows, y[None])[0]) ** 2) / y.var() > 0.93


def test_a_category_has_the_means_of_its_levels() -> None:
    level = np.arange(DRAWS) % 3.0
    rows = Design((OneHot.of(level),)).rows([level])
    y = np.array([[10.0, 20.0, 50.0]])[:, level.astype(int)]
    np.testing.assert_allclose(predict(rows, fold_sums(rows, y).on_all()), y, rtol=1e-9)
