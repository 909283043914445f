"""Naive forecasts against closed forms, on the base year of the shipped scenario."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit
from shipped import economy, scenario, worlds
from test_matching import _record

from sim.axes import FloatArray
from sim.belief.matching import match_record
from sim.belief.naive import NAIVE, naive_draws, naive_forecasts
from sim.scenario.inputs import inputs, naive_numbers

CUTOFF = datetime.date(2019, 4, 30)
DRAWS = 512
CERTAIN = {
    "growth_world": 0.175,
    "growth_fade": 2.0,
    "growth_published": 0.4,
    "size_error": 0.25,
    "share_change": 0.22,
    "group_change": 0.05,
    "size": 0.0,
    "share": 0.0,
}


def _forecasts(
    folder: Path, *rows: str, name: tuple[str, ...] = ("jv_only",), **numbers: float
) -> Mapping[str, FloatArray]:
    found = scenario(*name)
    matches = match_record(_record(folder, *rows), found, CUTOFF).matches
    assert len(matches) == len(rows)
    draws = {key: np.full(DRAWS, value) for key, value in {**CERTAIN, **numbers}.items()}
    return naive_forecasts(matches, found, economy(*name), draws)


def _year(year: int) -> str:
    return f"{year}-01-01,{year}-12-31,annual"


@pytest.mark.parametrize("months", [3, 12])
def test_constant_growth_multiplies_each_year_by_the_last_one(months: int, tmp_path: Path) -> None:
    rows = [f"market_size,iaas,,{_year(year)}" for year in (2019, 2021)]
    found = _forecasts(tmp_path, *rows, name=("jv_only", f"horizon.period_months={months}"))["last_growth"]
    start, factor = economy().layer_size[0], 1 + economy().inputs["market.growth_base"]
    np.testing.assert_allclose(found, [start * factor, start * factor**3], rtol=1e-12)


def test_published_growth_multiplies_each_year_by_what_was_published(tmp_path: Path) -> None:
    found = _forecasts(tmp_path, f"market_size,total,,{_year(2020)}")["published_growth"]
    np.testing.assert_allclose(found[0], economy().layer_size.sum(axis=0) * 1.4**2, rtol=1e-12)


def test_fading_growth_has_its_closed_form(tmp_path: Path) -> None:
    name = ("jv_only", "horizon.period_months=12")
    found = _forecasts(tmp_path, f"market_size,total,,{_year(2021)}", name=name)["fading_growth"]
    first, last, rate = np.log1p(economy().inputs["market.growth_base"]), math.log(1.175), math.log(2) / 2
    growth = last * 3 + (first - last) * (1 - math.exp(-rate * 3)) / rate
    np.testing.assert_allclose(found[0], economy().layer_size.sum(axis=0) * np.exp(growth), rtol=1e-12)


def test_fading_at_once_is_growth_with_the_world_and_fading_never_is_constant_growth(tmp_path: Path) -> None:
    row = f"market_size,total,,{_year(2021)}"
    never = _forecasts(tmp_path, row, growth_fade=1e9)
    np.testing.assert_allclose(never["fading_growth"], never["last_growth"], rtol=1e-6)
    at_once = _forecasts(tmp_path, row, growth_fade=1e-9, name=("jv_only", "horizon.period_months=12"))
    np.testing.assert_allclose(at_once["fading_growth"][0], economy().layer_size.sum(axis=0) * 1.175**3, rtol=1e-6)


def test_the_last_share_is_that_of_the_base_year(tmp_path: Path) -> None:
    rows = f"market_share,iaas,aws,{_year(2021)}", f"foreign_share,total,,{_year(2021)}"
    found = _forecasts(tmp_path, *rows)["last_share"]
    base = economy()
    spending = base.layer_shares * base.layer_size
    foreign = spending[base.domestic :].sum(axis=(0, 1)) / base.layer_size.sum(axis=0)
    np.testing.assert_allclose(found, [base.inputs["shares.iaas.direct.aws"], foreign], rtol=1e-12)


def test_log_odds_err_by_past_changes_with_the_root_of_the_horizon(tmp_path: Path) -> None:
    rows = f"market_share,iaas,aws,{_year(2022)}", f"foreign_share,iaas,,{_year(2019)}"
    moved, still = (_forecasts(tmp_path, *rows, share=z)["last_share"] for z in (1.0, 0.0))
    np.testing.assert_allclose(logit(moved) - logit(still), np.array([[0.22 * 2], [0.05]]) * np.ones(DRAWS), rtol=1e-9)


def test_log_size_errs_by_past_errors_with_the_root_of_the_horizon(tmp_path: Path) -> None:
    rows = [f"market_size,total,,{_year(year)}" for year in (2019, 2022)]
    high, middle = (_forecasts(tmp_path, *rows, size=z) for z in (1.0, 0.0))
    for name in ("last_growth", "fading_growth", "published_growth"):
        ratio = np.log(high[name] / middle[name])
        np.testing.assert_allclose(ratio, np.array([[0.25], [0.5]]) * np.ones(DRAWS), rtol=1e-9)


def test_revenue_is_size_times_the_last_share(tmp_path: Path) -> None:
    quarter = "2020-10-01,2020-12-31,quarter"
    rows = (
        f"revenue_gross,iaas,aws,{quarter}",
        f"market_size,iaas,,{quarter}",
        f"market_share,iaas,aws,{quarter}",
        "revenue_gross,iaas,aws,2020-10-01,2020-12-31,annual_rate",
    )
    found = _forecasts(tmp_path, *rows, size=0.3, share=-0.7)
    for name in ("last_growth", "fading_growth", "published_growth"):
        revenue, size, _, rate = found[name]
        np.testing.assert_allclose(revenue, size * found["last_share"][2], rtol=1e-12)
        np.testing.assert_allclose(rate, 4 * revenue, rtol=1e-12)


def test_a_forecast_that_does_not_apply_is_nan(tmp_path: Path) -> None:
    rows = (
        f"market_size,total,,{_year(2020)}",
        f"market_share,iaas,aws,{_year(2020)}",
        f"revenue_retained,total,foreign,{_year(2020)}",
        "regime,,jv_only,2020-01-01,2020-12-31,state",
    )
    found = _forecasts(tmp_path, *rows)
    applies = {name: np.isfinite(values).all(axis=1).tolist() for name, values in found.items()}
    growth = [True, False, False, False]
    assert applies == {"last_share": [False, True, False, False], **{name: growth for name in NAIVE[1:]}}


def test_numbers_are_drawn_as_their_records_say_and_errors_are_normal() -> None:
    draws = naive_draws(scenario("jv_only"), range(2))
    np.testing.assert_allclose(draws["growth_world"], np.full(1024, 0.175), rtol=1e-15)
    np.testing.assert_allclose(np.quantile(draws["share_change"], [0.05, 0.5, 0.95]), [0.2, 0.22, 0.26], atol=1e-3)
    for kind in ("size", "share"):
        assert (draws[kind].mean(), draws[kind].std()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))
    assert abs(np.corrcoef(draws["size"], draws["share"])[0, 1]) < 0.1


def test_a_scenario_without_naive_numbers_has_no_naive_forecasts(tmp_path: Path) -> None:
    bare = scenario("jv_only").model_copy(update={"naive": None})
    matches = match_record(_record(tmp_path, f"market_size,total,,{_year(2020)}"), bare, CUTOFF).matches
    found = naive_forecasts(matches, bare, economy(), naive_draws(bare, range(1)))
    assert all(np.isnan(values).all() for values in found.values())


def test_the_engine_does_not_read_naive_numbers() -> None:
    found = scenario("jv_only")
    assert len(naive_numbers(found)) == 6
    assert not {item.path for item in inputs(found)} & {item.path for item in naive_numbers(found)}
    assert not [name for name in worlds("jv_only").inputs if "naive" in name]
