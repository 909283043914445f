"""The likelihood of an observation: closed forms of its errors, discrepancies that rows share, and what has none."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from sim.belief.likelihood import Likelihood, likelihood_of, unusable
from sim.belief.matching import Match
from sim.belief.record import Observation
from sim.errors import ScenarioError
from sim.reading.documents import Place
from sim.scenario.scenario import Scenario

Z95 = norm.ppf(0.95)


def row(variable: str, value: float, low: float, high: float, **changes: str) -> Match:
    """An observation of a year, matched."""
    observation = Observation(
        id=changes.get("id", "R"),
        variable=variable,
        scope=changes.get("scope", "iaas"),
        item=changes.get("item", ""),
        start=datetime.date(2020, 1, 1),
        end=datetime.date(2020, 12, 31),
        statistic=changes.get("statistic", "annual"),
        value=value,
        low=low,
        high=high,
        unit="",
        source="s",
        mark="",
        note="",
        place=Place("record.csv", 2, 1),
    )
    return Match(observation, ("iaas",), (), range(4, 8))


@pytest.fixture(scope="module")
def scenario(shipped: Callable[[str], Scenario]) -> Scenario:
    return shipped("jv_only")


def density(likelihood: Likelihood, expected: float) -> float:
    return float(np.exp(likelihood.log_density(np.array([[expected]]))[0, 0]))


def test_symmetric_errors_add_up_to_a_normal(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("market_size", 10.0, 10 * np.exp(-0.1), 10 * np.exp(0.1))], scenario)
    spread = np.hypot(0.1 / Z95, 0.07 * np.sqrt(0.5))
    for expected in (2.0, np.log(10), 2.5):
        assert density(likelihood, expected) == pytest.approx(norm.pdf(expected, np.log(10), spread))


def test_a_skew_error_is_the_convolution_of_its_halves_with_the_discrepancy(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("market_share", 0.2, 0.15, 0.22, item="aws")], scenario)
    centre, below, above, own = (
        float(part[0]) for part in (likelihood.observed, likelihood.below, likelihood.above, likelihood.own)
    )

    def integrand(truth: float, expected: float) -> float:
        side = below if truth < centre else above
        return norm.pdf(truth, centre, side) * norm.pdf(expected, truth, own)

    for expected in (-1.9, -1.5, -1.2):
        ends = (centre - 8 * below, centre + 8 * above)
        wanted = quad(integrand, *ends, args=(expected,), points=[centre], limit=200)[0]
        assert density(likelihood, expected) == pytest.approx(wanted, rel=1e-6)


def test_an_observation_without_a_range_has_the_discrepancy_alone(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("market_size", 10.0, 10.0, 10.0)], scenario)
    own = 0.07 * np.sqrt(0.5)
    assert density(likelihood, 2.4) == pytest.approx(norm.pdf(2.4, np.log(10), own))


def test_a_yes_or_no_is_wrong_as_often_as_the_scenario_says(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("event", 1.0, 1.0, 1.0, statistic="occurred")], scenario)
    np.testing.assert_allclose(np.exp(likelihood.log_density(np.array([[1.0, 0.0]]))), [[0.99, 0.01]])


def test_a_date_that_never_comes_has_the_floor_of_a_wrong_record(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("event", 2020.5, 2020.5, 2020.5, statistic="date")], scenario)
    assert density(likelihood, np.inf) == pytest.approx(0.01 / 12)
    assert density(likelihood, 2020.5) == pytest.approx(0.99 * norm.pdf(0, 0, 0.25) + 0.01 / 12)


def test_rows_of_a_series_share_half_the_variance_and_revenue_has_that_of_size_and_share(scenario: Scenario) -> None:
    rows = [
        row("market_size", 10, 9, 11),
        row("market_size", 12, 11, 13),
        row("market_share", 0.06, 0.05, 0.07, item="aws"),
        row("foreign_share", 0.1, 0.09, 0.11),
        row("revenue_gross", 0.6, 0.5, 0.7, item="aws"),
    ]
    likelihood = likelihood_of(rows, scenario)
    assert likelihood.biases == ("size.iaas", "share.iaas.aws", "share.iaas.foreign")
    shared = likelihood.loadings @ likelihood.loadings.T
    np.testing.assert_allclose(shared[0, 1], 0.07**2 / 2)
    np.testing.assert_allclose(np.diag(shared), likelihood.own**2)
    np.testing.assert_allclose(shared[4], [0.07**2 / 2] * 2 + [0.1**2 / 2, 0, (0.07**2 + 0.1**2) / 2])


def test_what_is_expected_is_the_simulated_value_on_its_scale_plus_its_biases(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("market_size", 10, 9, 11), row("market_share", 0.1, 0.09, 0.11)], scenario)
    expected = likelihood.expected(np.array([[8.0], [0.2]]), np.array([[1.0], [-2.0]]))
    shared = np.sqrt(0.5)
    np.testing.assert_allclose(expected[:, 0], [np.log(8) + 0.07 * shared, np.log(0.25) - 2 * 0.1 * shared])


def test_predictions_have_the_density_of_the_likelihood(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("market_share", 0.2, 0.12, 0.22, item="aws")], scenario)
    errors = np.random.default_rng(1).normal(size=(2, 1, 400_000))
    predicted = likelihood.scaled_prediction(np.full((1, 400_000), -1.2), errors)[0]
    counts, edges = np.histogram(predicted, np.linspace(-2.2, -0.8, 15))
    inside = (edges[:-1, None] + np.diff(edges)[0] * (np.arange(20) + 0.5) / 20).ravel()
    wanted = [density(replace(likelihood, observed=np.array([place])), -1.2) for place in inside]
    wanted = np.reshape(wanted, (-1, 20)).mean(axis=1)
    np.testing.assert_allclose(counts / 400_000 / np.diff(edges), wanted, rtol=0.03, atol=0.005)


def test_distances_are_in_standard_deviations_of_the_side_on_which_the_truth_would_lie(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("market_size", 10, 8, 10)], scenario)
    own, low = 0.07 * np.sqrt(0.5), np.log(10 / 8) / Z95
    distance = likelihood.distance(np.array([[np.log(9), np.log(11)]]))
    np.testing.assert_allclose(distance, [[np.log(10 / 9) / np.hypot(low, own), np.log(10 / 11) / own]])


def test_a_yes_or_no_is_infinitely_far_from_its_contrary(scenario: Scenario) -> None:
    likelihood = likelihood_of([row("regime", 1, 1, 1, statistic="state")], scenario)
    np.testing.assert_array_equal(likelihood.distance(np.array([[1.0, 0.0]])), [[0.0, np.inf]])


@pytest.mark.parametrize(
    ("variable", "low", "high", "reason"),
    [
        ("market_share", 0.0, 0.1, "log-odds"),
        ("foreign_share", 0.9, 1.0, "log-odds"),
        ("market_size", 0.0, 1.0, "no log"),
        ("market_share", 0.05, 0.1, ""),
    ],
)
def test_what_reaches_the_end_of_its_scale_has_no_likelihood(
    variable: str, low: float, high: float, reason: str
) -> None:
    found = unusable(row(variable, (low + high) / 2, low, high).observation)
    assert reason in found
    assert bool(found) == bool(reason)


def test_a_scenario_without_discrepancy_is_refused_with_the_remedy(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="learning from a record needs the section 'discrepancy'"):
        likelihood_of([row("market_size", 10, 9, 11)], scenario.model_copy(update={"discrepancy": None}))
