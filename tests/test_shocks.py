"""Shock paths as linear maps: a path of unit vectors is its matrix. Moments are in `oracles/test_market_process.py`."""

from __future__ import annotations

import numpy as np
import pytest

from sim.axes import FloatArray
from sim.chance.shocks import downward_steps, leading_direction, market_path, reflect, reverting_path

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


@pytest.mark.parametrize(
    "path", [market_matrix(0.8, 0.2, 0.25), reverting_matrix(3, 0.25)], ids=["market", "reverting"]
)
def test_leading_direction_is_the_first_singular_vector_with_which_the_path_rises(path: FloatArray) -> None:
    first = np.linalg.svd(path)[2][0]
    np.testing.assert_allclose(leading_direction(path), first * np.sign((path @ first).sum()), atol=1e-12)


def test_reflection_takes_the_first_axis_to_the_direction_and_keeps_normals_independent() -> None:
    direction = leading_direction(market_matrix(0.8, 0.2, 0.25))
    matrix = reflect(np.eye(len(direction)), direction)
    np.testing.assert_allclose(matrix[:, 0], direction, atol=1e-15)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(direction)), atol=1e-14)
