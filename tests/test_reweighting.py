"""Draws under other beliefs: weights, how many draws are left, the tail of the weights, weighted quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.analysis.reweighting import (
    PROBABILITIES,
    describe_weighted,
    effective_draws,
    level_ratios,
    pareto_shape,
    shift_ratios,
    weighted_quantiles,
)
from sim.axes import FloatArray

CORRELATIONS = np.array([[1.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 1.0]])
LEVELS = np.array(PROBABILITIES)


def normals(draws: int) -> FloatArray:
    """Correlated normals, (3, N)."""
    return np.linalg.cholesky(CORRELATIONS) @ np.random.default_rng(1).standard_normal((3, draws))


def ratios(z: FloatArray, *shifts: float) -> FloatArray:
    """Logarithms of the weights if the first of the normals are moved."""
    inverse, moved = np.linalg.inv(CORRELATIONS), len(shifts)
    return shift_ratios((inverse @ z)[:moved], inverse[:moved, :moved], np.array(shifts))


def test_a_shift_weighs_by_the_ratio_of_normal_densities() -> None:
    z, shifts = normals(50), (0.7, -1.1)
    moved = stats.multivariate_normal([*shifts, 0.0], CORRELATIONS).logpdf(z.T)
    own = stats.multivariate_normal(np.zeros(3), CORRELATIONS).logpdf(z.T)
    np.testing.assert_allclose(ratios(z, *shifts), moved - own, rtol=1e-12, atol=1e-12)


def test_a_shift_moves_its_own_normal_and_leaves_the_others_and_their_correlation() -> None:
    z = normals(400_000)
    weights = np.exp(ratios(z, 0.5))
    means = (z * weights).sum(axis=1) / weights.sum()
    np.testing.assert_allclose(means, [0.5, 0.0, 0.0], atol=0.01)
    np.testing.assert_allclose(np.cov(z, aweights=weights), CORRELATIONS, atol=0.02)


def test_without_shifts_all_weigh_the_same() -> None:
    assert (ratios(normals(5), 0.0, 0.0) == 0).all()


def test_a_level_weighs_by_its_new_weight_over_its_old_one() -> None:
    found = level_ratios(np.array([0, 1, 1]), np.array([0.25, 0.75, 0.0]), np.array([0.5, 0.375, 0.125]))
    assert found.tolist() == [2.0, 0.5, 0.5]


def test_draws_left_in_effect_by_hand() -> None:
    assert effective_draws(np.ones(7)) == pytest.approx(7)
    assert effective_draws(np.array([1.0, 1.0, 0.0])) == pytest.approx(2)
    assert effective_draws(np.zeros(3)) == 0


def test_a_shift_of_one_normal_leaves_as_many_as_its_closed_form_says() -> None:
    z = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    weights = np.exp(shift_ratios(z[None], np.eye(1), np.array([1.0])))
    assert effective_draws(weights) / len(z) == pytest.approx(math.exp(-1), rel=0.005)


@pytest.mark.parametrize("shape", [-0.3, 0.1, 0.5, 0.8, 1.2])
def test_the_shape_of_a_pareto_tail_is_found(shape: float) -> None:
    draws = stats.genpareto(shape).rvs(50_000, random_state=2) + 1.0
    assert pareto_shape(draws) == pytest.approx(shape, abs=0.12)


@pytest.mark.parametrize("freedom", [1, 2, 4])
def test_the_tail_of_a_student_has_the_inverse_of_its_degrees_of_freedom(freedom: int) -> None:
    draws = np.abs(stats.t(freedom).rvs(200_000, random_state=3))
    error = (1 + 1 / freedom) / math.sqrt(3 * math.sqrt(len(draws)))
    assert pareto_shape(draws) == pytest.approx(1 / freedom, abs=3 * error)


def plain_shape(weights: list[float]) -> float:
    """Zhang & Stephens (2009) and the prior of Vehtari et al. (2024), number by number."""
    ordered = sorted(weights)
    tail = math.ceil(min(0.2 * len(ordered), 3 * math.sqrt(len(ordered))))
    x = [value - ordered[-tail - 1] for value in ordered[-tail:]]
    n, m = len(x), 30 + int(math.sqrt(len(x)))
    quartile = x[int(n / 4 + 0.5) - 1]
    thetas = [1 / x[-1] + (1 - math.sqrt(m / (j - 0.5))) / (3 * quartile) for j in range(1, m + 1)]

    def shape(theta: float) -> float:
        return sum(math.log(1 - theta * value) for value in x) / n

    fits = [n * (math.log(-theta / shape(theta)) - shape(theta) - 1) for theta in thetas]
    parts = [1 / sum(math.exp(other - fit) for other in fits) for fit in fits]
    best = sum(theta * part for theta, part in zip(thetas, parts, strict=True))
    return (n * shape(best) + 10 * 0.5) / (n + 10)


def test_the_shape_is_that_of_the_papers_number_by_number() -> None:
    weights = np.exp(1.3 * np.random.default_rng(4).standard_normal(2000))
    assert pareto_shape(weights) == pytest.approx(plain_shape(weights.tolist()), rel=1e-9)


def test_weights_of_few_values_have_no_tail() -> None:
    weights = np.repeat([0.5, 2.0, 0.0], 400)
    assert pareto_shape(weights) == -math.inf
    assert pareto_shape(np.ones(10)) == -math.inf


def test_equal_weights_give_the_quantiles_of_the_tables() -> None:
    values = np.random.default_rng(5).exponential(size=777)
    found = weighted_quantiles(values, np.full(777, 0.3), LEVELS)
    np.testing.assert_allclose(found, np.quantile(values, LEVELS), rtol=1e-12)


def test_quantiles_under_weights_by_hand() -> None:
    found = weighted_quantiles(np.array([2.0, 0.0, 1.0]), np.array([1.0, 1.0, 2.0]), np.array([0.0, 0.25, 0.5, 1.0]))
    assert found.tolist() == [0.0, 0.5, 1.0, 2.0]


def test_a_draw_without_weight_is_as_if_it_were_not_there() -> None:
    random = np.random.default_rng(6)
    values, weights = random.normal(size=200), random.uniform(size=200)
    weights[::3] = 0
    kept = weights > 0
    np.testing.assert_array_equal(
        weighted_quantiles(values, weights, LEVELS), weighted_quantiles(values[kept], weights[kept], LEVELS)
    )


def test_weighted_normals_have_the_quantiles_of_the_moved_normal() -> None:
    z = np.random.default_rng(7).standard_normal(300_000)
    found = describe_weighted(z, np.exp(shift_ratios(z[None], np.eye(1), np.array([0.8]))))
    np.testing.assert_allclose(found.quantiles, stats.norm(0.8).ppf(LEVELS), atol=0.03)
    assert found.mean == pytest.approx(0.8, abs=0.02)
    assert found.positive == pytest.approx(stats.norm.cdf(0.8), abs=0.01)


def test_errors_are_those_of_independent_draws() -> None:
    z = np.random.default_rng(8).standard_normal(100_000)
    found = describe_weighted(z, np.ones(len(z)))
    scores = stats.norm.ppf(LEVELS)
    expected = np.sqrt(LEVELS * (1 - LEVELS) / len(z)) / stats.norm.pdf(scores)
    np.testing.assert_allclose(found.quantile_errors, expected, rtol=0.1)
    assert found.mean_error == pytest.approx(1 / math.sqrt(len(z)), rel=0.02)
    assert found.positive_error == pytest.approx(0.5 / math.sqrt(len(z)), rel=0.02)


@pytest.mark.slow
def test_errors_under_weights_cover_the_truth_as_often_as_they_say() -> None:
    missed = []
    for seed in range(300):
        z = np.random.default_rng(seed).standard_normal(2000)
        found = describe_weighted(z, np.exp(shift_ratios(z[None], np.eye(1), np.array([0.7]))))
        missed.append(np.abs(found.quantiles - stats.norm(0.7).ppf(LEVELS)) > 2 * found.quantile_errors)
    assert np.mean(missed, axis=0) == pytest.approx(0.05, abs=0.04)
