"""Shock paths as linear maps: a path of unit vectors is its matrix. Moments are in `oracles/test_market_process.py`."""

from __future__ import annotations

import numpy as np
import pytest

from sim.axes import FloatArray
from sim.chance.shocks import downward_steps, leading_directions, market_path, reflect, reverting_path

REVERSIONS = [(0.8, 0.2), (0.2, 0.8), (3.0, 0.1), (0.5, 0.5 + 1e-9)]
YEARS = 12


def market_matrix(kappa: float, theta: float, step: float, years: float = YEARS) -> FloatArray:
    periods = round(years / step)
    return market_path(np.eye(2 * periods), np.full(2 * periods, kappa), np.full(2 * periods, theta), step)


def reverting_matrix(half_life: float, step: float) -> FloatArray:
    periods = round(YEARS / step)
    return reverting_path(np.eye(periods + 1), np.full(periods + 1, half_life), step)


@pytest.mark.parametrize(("kappa", "theta"), [*REVERSIONS, (0.5, 0.5), (0.8, 0.0), (0.0, 0.0)])
def test_market_paths_of_months_and_of_years_have_the_same_covariance(kappa: float, theta: float) -> None:
    monthly, yearly = market_matrix(kappa, theta, 1 / 12)[11::12], market_matrix(kappa, theta, 1.0)
    np.testing.assert_allclose(monthly @ monthly.T, yearly @ yearly.T, rtol=1e-11)


def test_equal_reversions_are_the_limit_of_near_ones() -> None:
    equal, near = market_matrix(0.5, 0.5, 0.25), market_matrix(0.5, 0.5 + 1e-9, 0.25)
    np.testing.assert_allclose(equal, near, rtol=1e-7, atol=1e-12)


def test_reverting_path_starts_from_the_stationary_law_so_later_changes_do_not_depend_on_the_date() -> None:
    path = reverting_matrix(3, 0.25)
    changes = ((path[4:] - path[:-4]) ** 2).sum(axis=1)
    np.testing.assert_allclose(changes, 2 * (1 - 2 ** (-1 / 3)), rtol=1e-12)


def test_a_half_life_of_zero_is_white_noise() -> None:
    path = reverting_path(np.eye(4), np.zeros(4), 1.0)
    np.testing.assert_array_equal(path, np.hstack([-np.ones((3, 1)), np.eye(3)]))


def test_each_draw_follows_its_own_reversion() -> None:
    normals = np.random.default_rng(1).standard_normal((8, 3))
    kappa, theta = np.array([0.3, 0.8, 2.0]), np.array([0.2, 0.8, 0.0])
    together = market_path(normals, kappa, theta, 0.25)
    for n in range(3):
        alone = market_path(normals[:, [n]], kappa[[n]], theta[[n]], 0.25)
        np.testing.assert_allclose(together[:, [n]], alone, rtol=1e-14)


def test_no_step_comes_at_rate_zero() -> None:
    np.testing.assert_array_equal(downward_steps(np.full((3, 2), 1 - 2.0**-53), np.zeros(2)), 0)


PATHS = {"market": market_matrix(0.8, 0.2, 0.25), "reverting": reverting_matrix(3, 0.25)}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_leading_directions_are_the_first_singular_vectors_with_which_the_path_rises(path: FloatArray) -> None:
    first = np.linalg.svd(path)[2][:2]
    rising = np.sign((path @ first.T).sum(axis=0))[:, np.newaxis]
    np.testing.assert_allclose(leading_directions(path, 2), first * rising, atol=1e-12)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_leading_directions_are_orthonormal(path: FloatArray) -> None:
    directions = leading_directions(path, 2)
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-14)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_reflections_take_the_first_axes_to_the_directions_and_keep_normals_independent(path: FloatArray) -> None:
    directions = leading_directions(path, 2)
    matrix = reflect(np.eye(path.shape[1]), directions)
    np.testing.assert_allclose(matrix[:, :2], directions.T, atol=1e-14)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-14)
