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


def test_captive_spending_shares_all_of_a_fall_and_a_part_of_growth() -> None:
    grows, falls = (growth.captive_factor(rate * TWO, 0.5 * TWO, 0.03 * TWO, 0.25)[0] for rate in (0.4, -0.4))
    assert grows == pytest.approx(np.exp((0.5 * 0.4 - 0.03) / 4))
    assert falls == pytest.approx(np.exp((-0.4 - 0.03) / 4))


def test_the_layers_are_the_total_in_every_year_and_draw() -> None:
    panels = run("jv_only")
    parts = sum(column(panels, "market_size", scope) for scope in ("iaas", "paas", "saas"))
    np.testing.assert_allclose(parts, column(panels, "market_size"), rtol=1e-12)


def test_uncertainty_of_size_widens_as_the_record_of_forecasts_says() -> None:
    """sd of log size about 0.2, 0.55 and 0.8 after 1, 4 and 12 years (years' means, hence a little less)."""
    size = np.log(column(run("jv_only", scrambles=4), "market_size"))
    found = [size[year].std() for year in (1, 4, 12)]
    np.testing.assert_allclose(found, [0.13, 0.52, 0.78], atol=0.06)


def test_downward_steps_shift_the_median_and_not_the_mean_of_log_size() -> None:
    calm = ("market.volatility=0", "market.growth_forecast=41", "market.step_size=0.3")
    with_steps = np.log(column(run("jv_only", *calm, "market.step_rate=1", scrambles=4), "market_size"))
    without = np.log(column(run("jv_only", *calm, "market.step_rate=0", scrambles=4), "market_size"))
    assert (with_steps - without)[-1].mean() == pytest.approx(0.0, abs=0.02)
    assert np.median((with_steps - without)[-1]) > 0.02


def test_inputs_of_the_market_are_what_the_draws_say() -> None:
    drawn = worlds("jv_only").inputs
    np.testing.assert_allclose(column(run("jv_only"), "market_size", "iaas")[0], drawn["market.layers.iaas.size"])
