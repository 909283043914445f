"""Sequential Monte Carlo: closed forms of a linear case, limits, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulation_based import chance

from sim.axes import FloatArray
from sim.belief import tempering
from sim.belief.tempering import Target, effective_size, informed_directions, temper
from sim.chance.sampling import Noise

SD = 0.4
"""Of the errors of the linear case."""


@pytest.fixture(scope="module")
def slopes() -> FloatArray:
    """Gradients (K, D) of four observations in twenty normals."""
    return np.random.default_rng(1).normal(size=(4, 20))


def linear(slopes: FloatArray, observed: FloatArray) -> Target:
    """Observations that are linear in the state, with normal errors."""

    def log_likelihood(outputs: FloatArray) -> FloatArray:
        return -(((outputs - observed[:, None]) / SD) ** 2) / 2 - np.log(SD * np.sqrt(2 * np.pi))

    return Target(slopes.shape[1], lambda state: slopes @ state, log_likelihood)


def exact(slopes: FloatArray, observed: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Mean and covariance of the posterior, and the log evidence."""
    of_observed = slopes @ slopes.T + SD**2 * np.eye(len(slopes))
    gain = slopes.T @ np.linalg.inv(of_observed)
    evidence = (
        -observed @ np.linalg.solve(of_observed, observed) / 2 - np.linalg.slogdet(2 * np.pi * of_observed)[1] / 2
    )
    return gain @ observed, np.eye(slopes.shape[1]) - gain @ slopes, float(evidence)


OBSERVED = np.array([6.0, -3.0, 1.0, 8.0])


def test_a_linear_case_has_the_mean_and_covariance_of_its_closed_form(slopes: FloatArray) -> None:
    found = temper(linear(slopes, OBSERVED), Noise(1, 0), 4096)
    mean, covariance, _ = exact(slopes, OBSERVED)
    np.testing.assert_allclose(found.state.mean(axis=1), mean, atol=0.06)
    np.testing.assert_allclose(np.cov(found.state), covariance, atol=0.09)
    seen, wanted = slopes @ found.state, np.sqrt(np.diag(slopes @ covariance @ slopes.T))
    np.testing.assert_allclose(seen.std(axis=1), wanted, rtol=0.08)
    np.testing.assert_allclose((seen.mean(axis=1) - slopes @ mean) / wanted, 0, atol=0.1)


def test_in_a_linear_case_observations_add_up_to_the_exact_log_evidence(slopes: FloatArray) -> None:
    target = linear(slopes, OBSERVED)
    found = [temper(target, Noise(1, number), 512).log_evidence.sum() for number in range(16)]
    error = np.std(found, ddof=1) / 4
    assert error < 0.1
    assert np.mean(found) == pytest.approx(exact(slopes, OBSERVED)[2], abs=4 * error)


def test_observations_that_need_no_resampling_add_up_to_the_evidence_of_plain_reweighting(slopes: FloatArray) -> None:
    target = linear(slopes / 20, np.array([0.2, -0.3, 0.1, 0.3]))
    found = temper(target, Noise(1, 0), 256)
    terms = target.log_likelihood(target.observe(Noise(1, 0).normals("start", (20, 256))))
    assert [rung.turns > 0 for rung in found.rungs] == [False, False, False, True]
    assert found.log_evidence.sum() == pytest.approx(np.log(np.exp(terms.sum(axis=0)).mean()), rel=1e-12)


def test_the_first_observations_add_what_they_would_without_the_later(slopes: FloatArray) -> None:
    found = np.mean([temper(linear(slopes, OBSERVED), Noise(1, n), 1024).log_evidence[:2].sum() for n in range(8)])
    assert found == pytest.approx(exact(slopes[:2], OBSERVED[:2])[2], abs=0.15)


def test_without_directions_to_inform_them_moves_are_right_too(
    slopes: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempering, "informed_directions", lambda state, outputs: np.zeros((len(state), 0)))
    observed = OBSERVED / 4
    found = temper(linear(slopes, observed), Noise(1, 0), 4096)
    mean, covariance, _ = exact(slopes, observed)
    np.testing.assert_allclose(slopes @ found.state.mean(axis=1), slopes @ mean, atol=0.05)
    np.testing.assert_allclose(np.var(slopes @ found.state, axis=1), np.diag(slopes @ covariance @ slopes.T), rtol=0.2)


def test_moves_leave_the_prior_as_it_is() -> None:
    target = Target(6, lambda state: state[:2] ** 3, np.zeros_like)
    swarm = tempering._at(target, Noise(1, 0).normals("start", (6, 20_000)))
    reference = tempering._Reference(np.eye(6)[:, :2], np.array([0.5, -0.3]), np.array([[0.7, 0.0], [0.2, 0.5]]))
    for turn in range(5):
        swarm, share = tempering._moved(target, reference, swarm, np.zeros(2), 0.8, Noise(1, 0), str(turn))
    assert 0.1 < share < 1
    np.testing.assert_allclose(swarm.state.mean(axis=1), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(swarm.state), np.eye(6), atol=0.04)


def test_a_record_that_says_nothing_leaves_the_prior_draws_as_they_are() -> None:
    found = temper(Target(3, lambda state: state[:1], np.zeros_like), Noise(1, 0), 256)
    assert found.log_evidence == pytest.approx(0, abs=1e-12)
    assert [rung.effective_size for rung in found.rungs] == pytest.approx([1.0])
    np.testing.assert_allclose(found.state.mean(axis=1), 0, atol=0.25)


def test_particles_are_moved_only_where_the_effective_size_asks_for_it(slopes: FloatArray) -> None:
    found = temper(linear(slopes, OBSERVED), Noise(1, 0), 512)
    least = min(rung.effective_size for rung in found.rungs)
    assert least == pytest.approx(1 / 3, abs=1e-3)
    assert all(rung.temperature == 1 and rung.effective_size > 1 / 3 for rung in found.rungs[:-1] if not rung.turns)
    assert found.rungs[-1].turns > 0
    assert [rung.observation for rung in found.rungs if rung.temperature == 1] == [0, 1, 2, 3]


def test_the_same_noise_gives_the_same_bits_and_another_replicate_others(slopes: FloatArray) -> None:
    one, same, other = (temper(linear(slopes, OBSERVED), Noise(1, number), 128).state for number in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


def test_effective_size_is_the_closed_form_of_few_weights() -> None:
    assert effective_size(np.log([0.5, 0.25, 0.25])) == pytest.approx(1 / (3 * (0.25 + 0.0625 + 0.0625)))
    assert effective_size(np.array([1e4, 0.0, 0.0])) == pytest.approx(1 / 3)


def test_directions_of_a_linear_case_span_its_gradients_exactly(slopes: FloatArray) -> None:
    state = np.random.default_rng(2).normal(size=(20, 400))
    found = informed_directions(state, slopes @ state)
    np.testing.assert_allclose(found.T @ found, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(found @ (found.T @ slopes.T), slopes.T, atol=1e-6)


def test_outputs_that_do_not_vary_or_repeat_each_other_give_no_direction(slopes: FloatArray) -> None:
    state = np.random.default_rng(2).normal(size=(20, 400))
    outputs = np.stack([slopes[0] @ state, np.ones(400), 3 * slopes[0] @ state])
    assert informed_directions(state, outputs).shape == (20, 1)


def test_systematic_resampling_takes_each_particle_as_often_as_its_weight_says() -> None:
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    taken = np.array([np.bincount(tempering._systematic(np.log(weights), u), minlength=4) for u in np.arange(20) / 20])
    np.testing.assert_allclose(taken.mean(axis=0), 4 * weights)
    assert np.abs(taken - 4 * weights).max() < 1


def test_ranks_of_known_worlds_are_uniform_where_observations_are_far_from_linear() -> None:
    def observe(state: FloatArray) -> FloatArray:
        return np.stack([np.exp(state[0]) + state[1], state[1] * state[2]])

    target = Target(4, observe, lambda outputs: outputs)
    ranks = []
    for number in range(200):
        noise = Noise(3, number)
        truth = noise.normals("truth", (4, 1))
        observed = observe(truth) + SD * noise.normals("errors", (2, 1))

        def log_likelihood(outputs: FloatArray, observed: FloatArray = observed) -> FloatArray:
            return -(((outputs - observed) / SD) ** 2) / 2

        drawn = temper(replace(target, log_likelihood=log_likelihood), noise, 192).state[:, ::3]
        ranks.append((drawn < truth).sum(axis=1))
    for rank in np.array(ranks).T:
        assert chance(rank, 64) > 0.01
