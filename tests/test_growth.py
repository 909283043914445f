"""Market growth and what stays captive."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Folder
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import column, run, worlds

from sim.chance.sampling import draw_worlds
from sim.kernels import growth
from sim.model.engine import simulate
from sim.reading.loading import load_scenario
from sim.scenario.baseyear import yearly_growth
from sim.scenario.mechanisms import medians
from sim.scenario.scenario import Scenario

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


STATED = "growth_forecast: null, forecast_years: null"
EVIDENCE = "source: judgement, grade: judgement"


def _growing(folder: Folder, growth: str, fade: float = 1.0) -> Scenario:
    """The small scenario, a year of the base and twelve more, without shocks, with growth by year."""
    calm = f"volatility: {{value: 0, unit: 1/yr, {EVIDENCE}}}, step_rate: {{value: 0, unit: 1/yr, {EVIDENCE}}}"
    text = (
        f"horizon: {{end_year: 2030}}\nmarket: {{{STATED}, {calm}, growth_by_year: {{{growth}}}, "
        f"growth_fade: {{value: {fade}, unit: years, {EVIDENCE}}}}}\n"
    )
    return load_scenario(folder.variant(text))


def _rate(year: int, value: float) -> str:
    return f"{year}: {{value: {value}, unit: '%/yr', {EVIDENCE}}}"


def test_a_market_that_stays_falls_or_recovers_does_so_year_by_year() -> None:
    years = np.arange(0.0, 5.0)[:, None]
    yearly = np.log1p(np.array([[-0.2], [0.0], [0.3]])) * TWO
    path = growth.dated_trend(years, yearly, np.log1p(0.02) * TWO, 50.0 * TWO)[:, 0]
    tail = np.log(1.3 / 1.02) / 50.0
    np.testing.assert_allclose(np.exp(path[:4]), [1.0, 0.8, 0.8, 1.04], rtol=1e-12)
    assert path[4] - path[3] == pytest.approx(np.log(1.02) + tail, rel=1e-9)


def test_growth_by_year_is_continuous_and_fades_as_the_other_form_does() -> None:
    years, first, last, fade = np.linspace(0.0, 6.0, 601)[:, None], 0.4 * TWO, 0.05 * TWO, 0.7 * TWO
    path = growth.dated_trend(years, first[None], last, fade)[:, 0]
    assert np.abs(np.diff(path)).max() < 0.41 * 0.01
    np.testing.assert_allclose(path[100:], 0.4 + growth.trend(years[100:] - 1.0, first, last, fade)[:, 0], rtol=1e-12)


def test_years_between_two_that_are_stated_lie_between(folder: Folder) -> None:
    growing = _growing(folder, _rate(2022, 20))
    found = yearly_growth(growing, {path: np.array([value]) for path, value in medians(growing).items()})
    assert found.shape == (4, 1)
    np.testing.assert_allclose(np.diff(found[:, 0]), (np.log(1.2) - np.log(1.72)) / 4)


def test_a_run_grows_as_it_is_stated(folder: Folder) -> None:
    stated = {2019: -10.0, 2020: 0.0, 2021: 25.0}
    growing = _growing(folder, ", ".join(_rate(year, value) for year, value in stated.items()))
    size = simulate(growing, draw_worlds(growing, range(1)))["market_size"]
    total = size.values[:, size.items.index(("total", ""))].mean(axis=-1)
    np.testing.assert_allclose(total[1:4] / total[:3], [0.9, 1.0, 1.25], rtol=0.03)
    assert total[-1] / total[-2] == pytest.approx(1.07, abs=0.01)


def test_a_year_that_is_not_simulated_is_refused(folder: Folder) -> None:
    fade = f"growth_fade: {{value: 1, unit: years, {EVIDENCE}}}"
    text = f"market: {{{STATED}, growth_by_year: {{{_rate(2018, 5)}}}, {fade}}}\n"
    (problem,) = folder.complaints(folder.variant(text))
    assert "market.growth_by_year.2018: must be a year that is simulated (found 2018; allowed 2019 to" in problem


def test_a_trend_is_stated_once_and_whole(folder: Folder) -> None:
    for text in ("growth_forecast: null", f"growth_by_year: {{{_rate(2019, 5)}}}", f"{STATED}"):
        (problem,) = folder.complaints(folder.variant(f"market: {{{text}}}\n"))
        assert "states its trend by growth_forecast and forecast_years or growth_by_year and growth_fade" in problem
