"""Scores, PIT and coverage on known cases, and what errors of measurement do to a forecast."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest
from scipy.special import ndtri

from sim.axes import FloatArray
from sim.belief.record import Observation
from sim.belief.scores import headline_score, measured, pit, scores
from sim.reading.documents import Place

EVEN: FloatArray = (np.arange(4096) + 0.5) / 4096


def _observed(
    value: float, low: float | None = None, high: float | None = None, *, variable: str = "market_size", unit: str = ""
) -> Observation:
    units = {"market_size": "USD bn", "market_share": "fraction", "event": "boolean"}
    return Observation(
        id="a",
        variable=variable,
        scope="",
        item="",
        start=datetime.date(2020, 1, 1),
        end=datetime.date(2020, 12, 31),
        statistic={"date": "date", "boolean": "occurred"}.get(unit or units[variable], "annual"),
        value=value,
        low=value if low is None else low,
        high=value if high is None else high,
        unit=unit or units[variable],
        source="",
        mark="",
        note="",
        place=Place(""),
    )


def test_a_sharp_forecast_scores_its_error() -> None:
    found = scores(np.full(512, 3.0), _observed(5.0))
    assert (found["crps"], found["crps_log"]) == (pytest.approx(2.0), pytest.approx(math.log(5 / 3)))


def test_the_crps_of_two_draws_is_that_by_hand() -> None:
    draws = np.array([1.0, 3.0])  # E|X - y| - E|X - X'| / 2 over different draws: 2 - 1
    assert scores(draws, _observed(4.0))["crps"] == pytest.approx(1.0)


def test_the_crps_of_a_normal_is_the_closed_form() -> None:
    z = 0.7
    density, below = math.exp(-z * z / 2) / math.sqrt(2 * math.pi), 0.5 * (1 + math.erf(z / math.sqrt(2)))
    closed = 2.0 * (z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi))
    assert scores(10.0 + 2.0 * ndtri(EVEN), _observed(11.4))["crps"] == pytest.approx(closed, rel=1e-3)


def test_the_interval_score_is_width_plus_penalty() -> None:
    found = scores(EVEN, _observed(2.0, variable="market_share", unit="fraction"))
    assert found["interval_90"] == pytest.approx(0.9 + 2 / 0.1 * (2.0 - 0.95), abs=1e-2)
    assert found["interval_50"] == pytest.approx(0.5 + 2 / 0.5 * (2.0 - 0.75), abs=1e-2)


def test_the_quantile_score_weighs_the_two_sides() -> None:
    low, high = (scores(EVEN, _observed(value, variable="market_share")) for value in (0.05, 0.95))
    assert low["quantile_90"] == pytest.approx(0.1 * 0.85, abs=1e-3)
    assert high["quantile_90"] == pytest.approx(0.9 * 0.05, abs=1e-3)


def test_the_brier_score_is_the_squared_error_of_the_probability() -> None:
    draws = np.array([1.0, 0.0, 0.0, 0.0])
    assert scores(draws, _observed(1, variable="event")) == {"brier": 0.75**2}
    assert scores(draws, _observed(0, variable="event")) == {"brier": 0.25**2}


def test_money_is_pooled_by_its_log_and_events_by_brier() -> None:
    rows = _observed(1.0), _observed(0.5, variable="market_share"), _observed(1, variable="event")
    assert [headline_score(row) for row in rows] == ["crps_log", "crps", "brier"]


def test_pit_counts_ties_half() -> None:
    assert pit(np.array([1.0, 2.0, 2.0, 3.0]), 2.0) == 0.5
    assert (pit(EVEN, -1.0), pit(EVEN, 2.0)) == (0.0, 1.0)


def test_pit_of_a_right_forecast_is_uniform() -> None:
    draws = np.exp(ndtri(EVEN))
    values = [pit(draws, value) for value in np.exp(ndtri(np.linspace(0.05, 0.95, 19)))]
    np.testing.assert_allclose(values, np.linspace(0.05, 0.95, 19), atol=1e-3)


def test_a_measurement_of_a_known_size_spreads_as_its_range_says() -> None:
    noisy = measured(np.full(EVEN.shape, 10.0), _observed(10.0, 8.0, 11.0), EVEN)
    np.testing.assert_allclose(np.quantile(noisy, [0.05, 0.5, 0.95]), [100 / 11, 10.0, 100 / 8], rtol=1e-3)


def test_a_measurement_of_a_known_share_spreads_as_its_range_says() -> None:
    noisy = measured(np.full(EVEN.shape, 0.06), _observed(0.06, 0.05, 0.08, variable="market_share"), EVEN)
    np.testing.assert_allclose(np.quantile(noisy, [0.05, 0.5, 0.95]), [0.04, 0.06, 0.07], atol=1e-4)


def test_a_row_without_range_leaves_the_draws_as_they_are() -> None:
    np.testing.assert_allclose(measured(EVEN, _observed(0.5), EVEN[::-1]), EVEN, rtol=1e-15)


def test_a_share_stays_a_part_of_a_whole() -> None:
    low = measured(np.full(EVEN.shape, 0.01), _observed(0.01, 0.0, 0.03, variable="market_share"), EVEN)
    high = measured(np.full(EVEN.shape, 0.99), _observed(0.99, 0.97, 1.0, variable="market_share"), EVEN)
    assert (low.min(), high.max()) == (0.0, 1.0)


def test_a_date_is_scored_inside_its_window_and_never_is_its_end() -> None:
    draws = np.array([np.inf, 2019.0, 2020.5, np.inf])
    row = _observed(2020.5, variable="event", unit="date")
    np.testing.assert_array_equal(measured(draws, row, EVEN[:4]), [2021.0, 2020.0, 2020.5, 2021.0])
    # E|X - y| = 1.5 / 4; the six pairs differ by 1, 0.5, 0, 0.5, 1, 0.5 years
    assert scores(measured(draws, row, EVEN[:4]), row)["crps"] == pytest.approx(1.5 / 4 - 3.5 / 6 / 2)


def test_forecasts_right_about_the_truth_are_right_about_measurements_only_with_their_error() -> None:
    rng = np.random.default_rng(1)
    truths, draws = np.exp(0.1 * rng.normal(size=2000)), np.exp(0.1 * ndtri(EVEN))
    u = rng.permutation(EVEN)
    plain, noisy = [], []
    for truth in truths:
        value = truth * math.exp(0.2 * rng.normal())
        row = _observed(value, value * math.exp(-0.2 * 1.6449), value * math.exp(0.2 * 1.6449))
        plain.append(pit(draws, value))
        noisy.append(pit(measured(draws, row, u), value))

    def covered(values: list[float]) -> float:
        return float(np.mean((np.array(values) > 0.05) & (np.array(values) < 0.95)))

    assert covered(noisy) == pytest.approx(0.9, abs=0.02)
    assert covered(plain) < 0.6
