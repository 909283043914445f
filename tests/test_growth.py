"""Market growth and what stays captive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import column, run, worlds

from sim.kernels import growth

TWO = np.ones(2)


@settings(max_examples=60, deadline=None)
@given(
    first=st.floats(0.3, 0.8),
    long_run=st.floats(0.0, 0.15),
    part=st.floats(0.05, 0.95),
    years=st.sampled_from([3.0, 4.0]),
)
def test_growth_fades_so_as_to_average_the_forecast(first: float, long_run: float, part: float, years: float) -> None:
    mean = long_run + part * (first - long_run)
    fade = growth.fade_rate(first * TWO, long_run * TWO, mean * TWO, years)
    path = growth.trend(np.array([[0.0], [years]]), first * TWO, long_run * TWO, fade)
    np.testing.assert_allclose((path[1] - path[0]) / years, mean, rtol=1e-9)


def test_no_fade_averages_more_than_the_first_growth_or_less_than_the_last() -> None:
    assert np.isnan(growth.fade_rate(0.4 * TWO, 0.1 * TWO, np.array([0.41, 0.09]), 4.0)).all()


def test_a_forecast_error_is_a_level_that_does_not_run_on() -> None:
    found = growth.tilt(np.array([[0.0], [1.75], [3.5], [12.0]]), 0.55 * TWO, 0.41, 4.0)[:, 0]
    level = 4 * np.log(1.55 / 1.41)
    np.testing.assert_allclose(found, [0.0, level / 2, level, level])


@pytest.mark.parametrize("step", [1 / 12, 0.25, 0.5, 1.0])
def test_the_base_year_is_the_mean_of_its_periods(step: float) -> None:
    periods = round(1 / step)
    last = growth.last_base_period(0.5 * TWO, step)[0]
    path = last * np.exp(-0.5 * step * np.arange(periods))
    assert path.mean() == pytest.approx(1.0)


def test_the_layers_odds_drift_and_fade() -> None:
    found = growth.layer_odds(np.array([[1.0], [1000.0]]), 0.21 * TWO, 0.5 * TWO)[:, 0]
    np.testing.assert_allclose(found, [0.21 * (1 - np.exp(-0.5)) / 0.5, 0.42])


def _captive(realised: float, trend: float) -> float:
    """Log of what becomes of a captive unit, per year; captive growth 0.5, churn 3%."""
    return float(np.log(growth.captive_factor(realised * TWO, trend * TWO, 0.5 * TWO, 0.03 * TWO, 0.25)[0]) / 0.25)


def test_of_the_trend_s_growth_a_part_stays_captive_and_of_its_fall_all() -> None:
    assert _captive(0.4, 0.4) == pytest.approx(0.5 * 0.4 - 0.03)
    assert _captive(-0.4, -0.4) == pytest.approx(-0.4 - 0.03)


@pytest.mark.parametrize("trend", [0.4, 0.0, -0.4])
@pytest.mark.parametrize("shock", [0.3, -0.7])
def test_a_shock_to_the_market_hits_captive_spending_as_it_hits_everybody(trend: float, shock: float) -> None:
    assert _captive(trend + shock, trend) - _captive(trend, trend) == pytest.approx(shock)


def test_volatility_alone_makes_nobody_choose_anew() -> None:
    """In a market without trend and churn a boom and the slump after it leave everybody where they were."""
    for shock in (0.5, -0.5):
        kept = growth.captive_factor(shock * TWO, 0 * TWO, 0.5 * TWO, 0 * TWO, 0.25)
        np.testing.assert_array_equal(growth.contestable_spending(TWO, np.exp(0.25 * shock) * TWO, kept), 0.0)


def test_a_step_down_of_log_size_takes_its_exponential_and_the_trend_gives_the_mean_of_it_back() -> None:
    """E[e^(-size x count)] of a Poisson count is e^(-rate (1 - e^-size) t)."""
    rate, size, counts = 0.15, 0.4, np.arange(40)
    chance = np.exp(-rate * 12) * (rate * 12) ** counts / np.cumprod(np.maximum(counts, 1.0))
    mean = (chance * np.exp(-size * counts)).sum()
    gained = growth.step_compensation(rate * TWO, size * TWO)[0] * 12
    assert np.exp(gained) * mean == pytest.approx(1.0)


def test_the_layers_are_the_total_in_every_year_and_draw() -> None:
    panels = run("jv_only")
    parts = sum(column(panels, "market_size", scope) for scope in ("iaas", "paas", "saas"))
    np.testing.assert_allclose(parts, column(panels, "market_size"), rtol=1e-12)


def test_uncertainty_of_size_widens_as_the_record_of_forecasts_says() -> None:
    """sd of log size about 0.2, 0.55 and 0.8 after 1, 4 and 12 years (years' means, hence a little less)."""
    size = np.log(column(run("jv_only", scrambles=4), "market_size"))
    found = [size[year].std() for year in (1, 4, 12)]
    np.testing.assert_allclose(found, [0.13, 0.52, 0.78], atol=0.06)


def test_downward_steps_shift_the_median_and_not_the_mean_size() -> None:
    calm = ("market.volatility=0", "market.growth_forecast=41", "market.step_size=0.3")
    with_steps = column(run("jv_only", *calm, "market.step_rate=0.5", scrambles=4), "market_size")
    without = column(run("jv_only", *calm, "market.step_rate=0", scrambles=4), "market_size")
    assert (with_steps / without)[-1].mean() == pytest.approx(1.0, abs=0.015)
    assert np.median((with_steps / without)[-1]) > 1.1


def test_inputs_of_the_market_are_what_the_draws_say() -> None:
    drawn = worlds("jv_only").inputs
    np.testing.assert_allclose(column(run("jv_only"), "market_size", "iaas")[0], drawn["market.layers.iaas.size"])
