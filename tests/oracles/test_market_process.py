"""Shock paths and correlated inputs against their closed forms, exactly as linear maps and as they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy.linalg import expm
from scipy.special import ndtri
from shipped import scenario, worlds

from sim.axes import FloatArray
from sim.chance import sampling
from sim.chance.copula import correlated
from sim.chance.shocks import downward_steps, drift_path, drift_sd, market_path, reverting_path
from sim.chance.worlds import Worlds
from sim.scenario.scenario import Correlation

YEARS = 12
STEPS = [1 / 12, 0.25, 0.5, 1.0]
SCRAMBLES = 16
UNTIL_2026 = "horizon.end_year=2026"


def _market_matrix(kappa: float, theta: float, step: float) -> FloatArray:
    """The path of each unit vector, (T, 2 T): what normals of variance 1 are multiplied with."""
    size = 2 * round(YEARS / step)
    return market_path(np.eye(size), np.full(size, kappa), np.full(size, theta), step)


def _market_variance(t: FloatArray, kappa: float, theta: float) -> FloatArray:
    """Var y at volatility 1: the integral over s of ((e^(-theta s) - e^(-kappa s)) / (kappa - theta))^2."""
    fading = (1 - np.exp(-2 * theta * t)) / (2 * theta) + (1 - np.exp(-2 * kappa * t)) / (2 * kappa)
    return np.asarray((fading - 2 * (1 - np.exp(-(theta + kappa) * t)) / (theta + kappa)) / (kappa - theta) ** 2)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("kappa", "theta"), [(0.8, 0.2), (0.2, 0.8), (3.0, 0.1), (0.5, 0.4)])
def test_market_variance_is_the_closed_form_at_any_length_of_period(kappa: float, theta: float, step: float) -> None:
    t = np.arange(1, round(YEARS / step) + 1) * step
    found = (_market_matrix(kappa, theta, step) ** 2).sum(axis=1)
    np.testing.assert_allclose(found, _market_variance(t, kappa, theta), rtol=1e-10)


def _van_loan(kappa: float, theta: float, step: float) -> FloatArray:
    """Covariance (T, T) of y at period ends, from matrix exponentials: Van Loan (1978) IEEE TAC 23, theorem 1."""
    drift = np.array([[-kappa, 0.0], [1.0, -theta]])
    noise = np.diag([1.0, 0.0])
    block = expm(np.block([[-drift, noise], [np.zeros((2, 2)), drift.T]]) * step)
    decay = block[2:, 2:].T
    fresh, state = decay @ block[:2, 2:], np.zeros((2, 2))
    periods = round(YEARS / step)
    covariance = np.zeros((periods, periods))
    for s in range(periods):
        later = state = decay @ state @ decay.T + fresh
        for t in range(s, periods):
            covariance[t, s] = covariance[s, t] = later[1, 1]
            later = decay @ later
    return covariance


@pytest.mark.parametrize(("kappa", "theta"), [(0.8, 0.2), (0.5, 0.5), (0.5, 0.5 + 1e-9), (0.8, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("step", [0.25, 1.0])
def test_market_covariance_is_that_of_the_matrix_exponential(kappa: float, theta: float, step: float) -> None:
    matrix = _market_matrix(kappa, theta, step)
    np.testing.assert_allclose(matrix @ matrix.T, _van_loan(kappa, theta, step), rtol=1e-10)


@pytest.mark.parametrize("step", STEPS)
def test_reverting_paths_have_the_covariance_of_a_stationary_process_less_its_start(step: float) -> None:
    """With correlation r(t) = 2^(-t / half-life): Cov(z_t - z_0, z_s - z_0) = r(t - s) - r(t) - r(s) + 1."""
    periods = round(YEARS / step)
    t = np.arange(1, periods + 1) * step
    matrix = reverting_path(np.eye(periods + 1), np.full(periods + 1, 3.0), step)
    expected = 2 ** (-np.abs(t[:, None] - t) / 3) - 2 ** (-t[:, None] / 3) - 2 ** (-t / 3) + 1
    np.testing.assert_allclose(matrix @ matrix.T, expected, rtol=1e-11)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("half_life", [0.2, 3.0, 1000.0])
def test_a_slope_that_turns_has_the_covariance_of_the_matrix_exponential(half_life: float, step: float) -> None:
    size, rate = 2 * round(YEARS / step), np.log(2.0) / half_life
    matrix = drift_path(np.eye(size), np.full(size, half_life), step)
    np.testing.assert_allclose(matrix @ matrix.T, 2 * rate * _van_loan(rate, 0.0, step), rtol=1e-9)
    years = np.arange(1, size // 2 + 1) * step
    np.testing.assert_allclose((matrix**2).sum(axis=1), drift_sd(half_life, years) ** 2, rtol=1e-6)


def test_downward_steps_cumulate_the_poisson_quantile() -> None:
    uniforms = np.random.default_rng(1).random((20, 500))
    mean = np.linspace(0.001, 4, 500)
    expected = scipy.stats.poisson.ppf(uniforms, mean).cumsum(axis=0)
    np.testing.assert_array_equal(downward_steps(uniforms, mean), expected)


# ---------------------------------------------------------------- as drawn


@pytest.fixture(scope="module")
def drawn() -> Worlds:
    """8,192 draws of eight years in quarters."""
    return worlds("jv_only", UNTIL_2026, scrambles=SCRAMBLES)


def _assert_variance(path: FloatArray, expected: FloatArray, largest_error: float = 0.02) -> None:
    """Mean 0 and the variance expected in each period, within the error over independent scrambles."""
    parts = path.reshape(len(path), SCRAMBLES, -1)
    for found, closed_form in (((parts**2).mean(axis=2), expected), (parts.mean(axis=2), np.zeros(len(path)))):
        error = found.std(axis=1, ddof=1) / np.sqrt(SCRAMBLES)
        assert (np.abs(found.mean(axis=1) - closed_form) < 4.5 * error).all()
        assert (error < largest_error * expected.max()).all()


QUARTERS = np.arange(1, 33) / 4


def test_the_market_shock_drawn_has_the_variance_of_the_closed_form(drawn: Worlds) -> None:
    volatility, kappa, theta = (
        float(drawn.inputs[f"market.{name}"][0]) for name in ("volatility", "growth_reversion", "level_reversion")
    )
    _assert_variance(drawn.market_shock, volatility**2 * _market_variance(QUARTERS, kappa, theta))


def test_the_rivalry_drawn_has_the_variance_of_a_stationary_process_less_its_start(drawn: Worlds) -> None:
    found = scenario("jv_only", UNTIL_2026)
    sd, half_life = (float(drawn.inputs[f"rivalry.{name}"][0]) for name in ("provider_sd", "half_life"))
    named = [p for p, name in enumerate(found.domestic + found.foreign) if not found.providers[name].fringe]
    assert len(named) == 7
    for provider in named:
        # With Laplace's tails the variance of 8,192 draws errs by sqrt(5 / 8,192), not by sqrt(2 / 8,192).
        _assert_variance(drawn.rivalry[:, provider], sd**2 * 2 * (1 - 2 ** (-QUARTERS / half_life)), 0.04)


# ---------------------------------------------------------------- correlations


@pytest.mark.parametrize("rank", [-0.7, 0.4, 0.7])
def test_rank_correlation_is_six_over_pi_times_the_arcsine_of_half_the_normal_one(rank: float) -> None:
    """Kruskal (1958) JASA 53, of a bivariate normal."""
    group = Correlation(members=("a", "b"), rank=((rank,),), reason="test")
    settings = scenario("jv_only").sampling
    parts = [correlated(group, sampling._Scramble(settings, number)) for number in range(128)]
    a, b = (np.concatenate([part[name] for part in parts]) for name in "ab")
    normal = np.corrcoef(ndtri(a), ndtri(b))[0, 1]
    reached = scipy.stats.spearmanr(a, b).statistic
    assert reached == pytest.approx(6 / np.pi * np.arcsin(normal / 2), abs=0.004)
    assert reached == pytest.approx(rank, abs=0.008)


def test_stated_rank_correlations_are_reached(drawn: Worlds) -> None:
    groups = scenario("jv_only", UNTIL_2026).sampling.correlations.values()
    assert groups
    for group in groups:
        for i, row in enumerate(group.rank, start=1):
            for name, stated in zip(group.members, row, strict=False):
                reached = scipy.stats.spearmanr(drawn.inputs[group.members[i]], drawn.inputs[name]).statistic
                assert reached == pytest.approx(stated, abs=0.03), (group.members[i], name)
