"""What must hold whatever the numbers: invariances, limits and orders of the whole model."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shipped import (
    CALM_MARKET,
    FOLDER,
    NO_PARTNER_GAIN,
    NO_RIVALRY,
    NOTHING_DRIFTS,
    RUNNABLE,
    column,
    run,
    scenario,
    worlds,
    year,
)

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario

ALWAYS = "entry.rule=always"


@pytest.mark.parametrize("name", RUNNABLE)
def test_shares_sum_to_one_in_every_scope_year_and_draw(name: str) -> None:
    panel = run(name)["market_share"]
    for scope in ("iaas", "paas", "saas", "total"):
        rows = [i for i, (where, _) in enumerate(panel.items) if where == scope]
        np.testing.assert_allclose(panel.values[:, rows].sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_outcome_is_a_number_unless_it_may_be_missing(name: str) -> None:
    for variable, panel in run(name).items():
        if variable not in ("irr", "payback", "event_date"):
            assert np.isfinite(panel.values).all(), variable


def test_without_opening_all_spending_is_the_market() -> None:
    np.testing.assert_allclose(column(run("jv_only"), "market_expansion"), 1.0, atol=1e-12)


def test_the_base_year_is_exact_in_every_draw_at_any_conduct() -> None:
    for conduct in (0, 1):
        edit = f"demand.conduct={conduct}"
        panels, drawn = run("jv_only", edit), worlds("jv_only", edit).inputs
        for provider in ("alibaba", "aws", "microsoft", "huawei"):
            sampled = drawn[f"shares.iaas.direct.{provider}"]
            np.testing.assert_allclose(year(panels, "market_share", 2018, "iaas", provider), sampled, atol=1e-13)
        np.testing.assert_allclose(
            year(panels, "foreign_share", 2018, "saas"), drawn["shares.saas.foreign"], atol=1e-13
        )
        np.testing.assert_allclose(year(panels, "market_size", 2018), drawn["market.size"], rtol=1e-13)


def test_the_first_quarters_of_a_calm_market_continue_the_base_year() -> None:
    """The recursion starts from the inverted base year, so that nothing jumps when time begins."""
    panels = run("jv_only", *NOTHING_DRIFTS)
    for provider in ("alibaba", "aws"):
        shares = column(panels, "market_share", "iaas", provider)
        np.testing.assert_allclose(shares[1], shares[0], atol=1e-12)


def test_without_shocks_drifts_and_events_no_share_moves() -> None:
    panel = run("jv_only", *NOTHING_DRIFTS)["market_share"]
    layers = [i for i, (scope, _) in enumerate(panel.items) if scope != "total"]
    moved = panel.values[:, layers] - panel.values[:1, layers]
    np.testing.assert_allclose(moved, 0.0, atol=1e-11)


def test_identical_rivals_keep_identical_shares_without_rivalry_shocks() -> None:
    same = ("shares.iaas.direct.tencent=11", "shares.iaas.direct.kingsoft=11")
    panels = run("full_liberalization", *NO_RIVALRY, *same)
    tencent, kingsoft = (column(panels, "market_share", "iaas", p) for p in ("tencent", "kingsoft"))
    np.testing.assert_allclose(tencent, kingsoft, rtol=1e-12)


def _permuted(found: Scenario) -> Scenario:
    backwards = {
        "providers": dict(reversed(found.providers.items())),
        "segments": dict(reversed(found.segments.items())),
    }
    return found.model_copy(update=backwards)


def test_permuting_providers_and_segments_permutes_results() -> None:
    turned = _permuted(scenario("ftz_pilot"))
    there, here = simulate(turned, draw_worlds(turned, range(1))), run("ftz_pilot")
    for variable in ("market_share", "revenue_retained", "npv", "capacity", "consumer_gain", "event_date"):
        panel = here[variable]
        order = [there[variable].items.index(item) for item in panel.items]
        np.testing.assert_allclose(there[variable].values[:, order], panel.values, rtol=1e-8, atol=1e-10)


def test_scaling_all_money_scales_all_money_and_nothing_else() -> None:
    plain = ("market.size=7.2", "market.layers.iaas.size=4.65", "market.layers.paas.size=0.7", "zone.cap=0.5")
    tenfold = ("market.size=72", "market.layers.iaas.size=46.5", "market.layers.paas.size=7", "zone.cap=5")
    small, large = run("ftz_pilot", *plain), run("ftz_pilot", *tenfold)
    for variable in ("revenue_gross", "operating_profit", "npv", "capex", "tax_take", "consumer_gain"):
        np.testing.assert_allclose(large[variable].values, 10 * small[variable].values, rtol=1e-9, atol=1e-9)
    for variable in ("market_share", "markup", "irr", "domestic_quality"):
        np.testing.assert_allclose(large[variable].values, small[variable].values, rtol=1e-7)


BARE = tuple(
    f"regimes.{name}.partner_{lever}=0"
    for name in ("full_liberalization", "ftz_pilot")
    for lever in ("equity", "unlock")
)
"""Regimes that leave the partner's licence as it is."""


def test_zero_reach_is_the_licence_regime() -> None:
    none = tuple(f"zone.readings.{name}.reach=0" for name in ("national_service", "regional", "zone_residents"))
    closed = run("ftz_pilot", ALWAYS, *BARE, *none)
    for variable in ("market_share", "revenue_gross", "npv", "consumer_gain"):
        np.testing.assert_allclose(closed[variable].values, run("jv_only")[variable].values, rtol=1e-12, atol=1e-13)


def test_twins_differ_by_exactly_nothing() -> None:
    first = scenario("ftz_pilot")
    twin = first.named("twin")
    there, here = simulate(twin, draw_worlds(twin, range(1))), run("ftz_pilot")
    for variable, panel in here.items():
        np.testing.assert_array_equal(there[variable].values, panel.values)


def test_regimes_differ_by_exactly_nothing_before_anybody_launches() -> None:
    for name in ("ftz_pilot", "full_liberalization"):
        panels = run(name, *NO_PARTNER_GAIN)
        launches = [column(panels, "event_date", "", f"{p}.launch")[0] for p in ("aws", "microsoft", "other_foreign")]
        first = np.nanmin(np.stack([*launches, np.full_like(launches[0], np.inf)]), axis=0)
        for variable in ("foreign_share", "market_share", "revenue_gross", "markup", "consumer_gain"):
            panel = panels[variable]
            for row, when in enumerate(panel.years):
                before = first >= when + 1
                there, here = run("jv_only")[variable].values[row], panel.values[row]
                np.testing.assert_array_equal(here[:, before], there[:, before])


ORDERED = (
    ALWAYS,
    "migration.consent_loss=0",
    "migration.rate=0",
    "technology.spillover=0",
    "regimes.ftz_pilot.sites=100",
    "regimes.ftz_pilot.yearly_quota=100",
    "regulator.reviewers=10",
)


def _foreign_revenue(name: str, *edits: str) -> FloatArray:
    return column(run(name, *edits, scrambles=2), "revenue_gross", "total", "foreign")


@pytest.mark.parametrize("conduct", [0, 0.7, 1])
@pytest.mark.parametrize(("cap", "rounding"), [(100_000, 1e-9), (0.5, 1e-3)], ids=["ample", "capped"])
def test_more_access_never_lowers_what_all_foreign_providers_sell(conduct: float, cap: float, rounding: float) -> None:
    """Where a cap binds, room that is filled early is room lost later."""
    edits = (*ORDERED, *BARE, f"demand.conduct={conduct}", f"zone.cap={cap}")
    licence, zone, full = (_foreign_revenue(name, *edits) for name in ("jv_only", "ftz_pilot", "full_liberalization"))
    assert (zone >= licence * (1 - rounding)).all()
    assert (full >= zone * (1 - rounding)).all()
    assert (full[-1] > zone[-1] * 1.001).mean() > 0.3
    assert (zone[-1] > licence[-1] * 1.001).mean() > 0.3


@pytest.mark.parametrize("conduct", [0, 0.7, 1])
def test_full_opening_on_top_of_a_joint_venture_never_lowers_what_all_foreign_providers_sell(conduct: float) -> None:
    both = [f"regimes.{name}.partner_unlock=0.2" for name in ("full_liberalization", "jv_50")]
    equity = "regimes.full_liberalization.partner_equity=0.5"
    edits = (*ORDERED, *both, equity, f"demand.conduct={conduct}")
    joint = _foreign_revenue("piecemeal", *edits, "policy.steps.one_layer.probability=0")
    full = _foreign_revenue("full_liberalization", *edits)
    assert (full >= joint * (1 - 1e-9)).all()
    assert (full[-1] > joint[-1] * 1.001).mean() > 0.9


@pytest.mark.slow
def test_who_enters_without_an_option_to_wait_seldom_regrets_it() -> None:
    """With h = 1: AWS, Microsoft and the rest, each where it launches under full opening; below JV-only in one of ten.

    The realised present value with terminal value, of a licence regime that grants partners nothing on both sides.
    """
    edits = (*BARE, "entry.hurdle=1")
    opened, closed = (run(name, *edits, scrambles=4) for name in ("full_liberalization", "jv_only"))
    for provider in ("aws", "microsoft", "other_foreign"):
        enters = year(opened, "enters", 2030, "total", provider) > 0
        gain = [year(panels, "npv_with_terminal", 2030, "total", provider) for panels in (opened, closed)]
        assert enters.mean() > 0.2
        assert (gain[0] < gain[1])[enters].mean() <= 0.1, provider


def test_retained_revenue_is_ordered_by_access_in_the_median() -> None:
    licence, zone, full = (
        np.median(year(run(name, scrambles=2), "revenue_retained", 2030, "total", "foreign"))
        for name in ("jv_only", "ftz_pilot", "full_liberalization")
    )
    assert full > zone > licence


def test_months_and_quarters_agree_in_a_calm_market() -> None:
    calm = (*NO_RIVALRY, *CALM_MARKET)
    for name in ("jv_only", "full_liberalization", "ftz_pilot"):
        monthly = run(name, *calm, "horizon.period_months=1")
        quarterly = run(name, *calm)
        for variable, item in (("revenue_gross", "foreign"), ("owned_revenue", "foreign"), ("npv", "foreign")):
            month, quarter = (column(p, variable, "total", item)[-1].mean() for p in (monthly, quarterly))
            assert month == pytest.approx(quarter, rel=0.02), (name, variable)


SCRAMBLES = 8
"""4,096 draws."""


@functools.cache
def _by_step(months: int) -> dict[str, FloatArray]:
    """What opening adds in present value, and the share and revenue of 2030, of all foreign providers together."""
    step = f"horizon.period_months={months}"
    found = {}
    for name in ("jv_only", "full_liberalization"):
        drawn = scenario(name, step)
        panels = simulate(drawn, draw_worlds(drawn, range(SCRAMBLES)))
        found[f"npv of {name}"] = year(panels, "npv", 2030, "total", "foreign")
        found[f"share under {name}"] = year(panels, "foreign_share", 2030)
        found[f"revenue under {name}"] = column(panels, "revenue_gross", "total", "foreign").sum(axis=0)
    found["opening"] = found.pop("npv of full_liberalization") - found.pop("npv of jv_only")
    return found


def _ratio(name: str, statistic: Callable[[FloatArray], float]) -> tuple[float, float]:
    """A statistic with months over that with quarters, and its error, by leaving out one scramble at a time."""
    month, quarter = (_by_step(months)[name].reshape(SCRAMBLES, -1) for months in (1, 3))
    without = [np.delete(np.arange(SCRAMBLES), left_out) for left_out in range(SCRAMBLES)]
    ratios = np.array([statistic(month[rows]) / statistic(quarter[rows]) for rows in without])
    error = np.sqrt((SCRAMBLES - 1) / SCRAMBLES * ((ratios - ratios.mean()) ** 2).sum())
    return statistic(month) / statistic(quarter), float(error)


@pytest.mark.slow
@pytest.mark.parametrize("statistic", [np.mean, np.median], ids=["mean", "median"])
def test_what_opening_is_worth_does_not_depend_on_the_step(statistic: Callable[[FloatArray], float]) -> None:
    """The paired difference of value is the most sensitive of all: within 3% beyond three errors of the ratio."""
    ratio, error = _ratio("opening", statistic)
    assert abs(ratio - 1) <= 0.03 + 3 * error
    assert error < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jv_only", "full_liberalization"])
@pytest.mark.parametrize("outcome", ["share", "revenue"])
def test_shares_and_revenue_do_not_depend_on_the_step(outcome: str, name: str) -> None:
    ratio, error = _ratio(f"{outcome} under {name}", np.mean)
    assert abs(ratio - 1) <= 0.02 + 3 * error
    assert error < 0.02


def test_annual_growth_of_a_constantly_growing_market_is_the_same_for_every_step() -> None:
    steady = (*CALM_MARKET, "market.growth_base=50.0001", "market.growth_forecast=50", "market.growth_long_run=49.9999")
    for months in (1, 3, 6, 12):
        size = column(run("jv_only", *steady, f"horizon.period_months={months}"), "market_size")
        np.testing.assert_allclose(size[1] / size[0], 1.5, rtol=1e-5)


NOTHING_BUT_LUCK = (
    "technology.catch_up=0",
    "technology.spillover=0",
    "closure.drift=0",
    "market.layers.iaas.log_odds_drift=0",
)


@pytest.mark.slow
def test_luck_has_no_direction() -> None:
    """With only rivalry on, mean shares of a layer stay within 0.3 points of the base year to 2030."""
    found = scenario("jv_only", "demand.conduct=0", *NOTHING_BUT_LUCK)
    moved: dict[tuple[str, str], FloatArray] = {}
    for number in range(0, 32, 4):
        panels = simulate(found, draw_worlds(found, range(number, number + 4)))
        for variable in ("market_share", "foreign_share"):
            panel = panels[variable]
            for row, item in enumerate(panel.items):
                share = panel.values[:, row].mean(axis=1)
                moved[item] = moved.get(item, 0.0) + (share - share[0]) / 8
    layers = {item: change for item, change in moved.items() if item[0] in found.market.layers}
    assert len(layers) == 3 * (len(found.providers) + 1)
    for item, change in layers.items():
        assert np.abs(change).max() < 0.003, item


def test_without_catch_up_and_spillover_domestic_quality_stays() -> None:
    still = run("jv_only", "technology.catch_up=0", "technology.spillover=0")
    np.testing.assert_array_equal(still["domestic_quality"].values, 1.0)


def test_a_transfer_ban_stops_spillovers_only() -> None:
    none = "technology.spillover=0"
    banned, plain = run("transfer_ban", none), run("jv_only", none)
    np.testing.assert_array_equal(banned["market_share"].values, plain["market_share"].values)
    gain = column(run("transfer_ban"), "foreign_share")[-1] - column(run("jv_only"), "foreign_share")[-1]
    assert gain.min() > -1e-12
    assert np.median(gain) > 1e-4


@pytest.mark.parametrize(("name", "blocks"), [("ftz_pilot", (2, 3, 21)), ("reversal", (3,))])
def test_the_bits_do_not_depend_on_small_blocks(name: str, blocks: tuple[int, ...]) -> None:
    """Nor on what is skipped where nothing of it is live in a block, or in which draws a site is short."""
    found, drawn = scenario(name), worlds(name).take(slice(0, 64))
    whole = simulate(found, drawn, block=64)
    for block in blocks:
        for variable, panel in simulate(found, drawn, block=block).items():
            np.testing.assert_array_equal(panel.values, whole[variable].values, err_msg=variable)


def test_the_bits_do_not_depend_on_large_blocks() -> None:
    found, drawn = scenario("full_liberalization"), worlds("full_liberalization", scrambles=3)
    whole = simulate(found, drawn, block=drawn.draws)
    for variable, panel in simulate(found, drawn, block=512).items():
        np.testing.assert_array_equal(panel.values, whole[variable].values, err_msg=variable)


def test_scenarios_that_share_base_year_market_and_luck_get_the_bits_of_each_alone() -> None:
    """It is not shared with other draws, nor with a scenario that reads the same numbers in another way."""
    known, plain = Shared(), scenario("jv_only")
    other_way = scenario("jv_only", "opening.hypotheses.open_market_analogue.providers=[aws, microsoft]")
    first, second = slice(0, 32), slice(32, 64)
    calmer = scenario("jv_only", "rivalry.provider_sd=1")
    runs = [
        (plain, first),
        (scenario("full_liberalization"), first),
        (plain, second),
        (other_way, first),
        (calmer, first),
    ]
    for found, draws in runs:
        drawn = draw_worlds(found, range(1)).take(draws)
        alone = simulate(found, drawn)
        for variable, panel in simulate(found, drawn, shared=known).items():
            np.testing.assert_array_equal(panel.values, alone[variable].values, err_msg=variable)
    assert known.economies.count == 3


def test_hypotheses_average_back_to_the_total_by_weight() -> None:
    panels = run("full_liberalization", scrambles=2)
    share, drawn = year(panels, "foreign_share", 2030), year(panels, "opening_hypothesis", 2030, "", "")
    parts = [(drawn == index) for index in range(3)]
    weights = [part.mean() for part in parts]
    np.testing.assert_allclose(weights, [0.25, 0.35, 0.40], atol=2 / 512)
    assert sum(w * share[part].mean() for w, part in zip(weights, parts, strict=True)) == pytest.approx(share.mean())


@pytest.mark.parametrize("less", ["jv_50", "piecemeal"])
def test_full_opening_is_worth_no_less_than_a_step_on_the_way_in_95_of_100_draws(less: str) -> None:
    """What a step permits the end permits; who enters and finds that rivals enter too may still be worse off."""
    step = ("policy.steps.opening_effective.adopt=jv_50",) if less == "jv_50" else ()
    other = run("full_liberalization" if step else less, *step, scrambles=4)
    full, smaller = (
        year(panels, "npv", 2030, "total", "foreign") for panels in (run("full_liberalization", scrambles=4), other)
    )
    assert (full < smaller * (1 - 1e-9)).mean() < 0.05
    assert (full > smaller * 1.01).mean() > 0.5


def test_the_name_of_a_provider_decides_nothing(tmp_path: Path) -> None:
    """With the alphabet in the queue AWS launched in 86% of draws, and as `zaws` in 21%."""
    for name in ("base", "ftz_pilot", "sources"):
        text = (FOLDER / f"{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(re.sub(r"\baws\b", "zaws", text))
    scarce = ("regimes.ftz_pilot.sites=1", "regulator.reviewers=1")
    renamed = load_scenario(tmp_path / "ftz_pilot.yaml", overrides=scarce)
    there, here = simulate(renamed, draw_worlds(renamed, range(4))), run("ftz_pilot", *scarce, scrambles=4)
    for variable, item, other in (("enters", "aws", "zaws"), ("npv", "foreign", "foreign"), ("npv", "aws", "zaws")):
        columns = [year(panels, variable, 2030, "total", who) for panels, who in ((here, item), (there, other))]
        means = [column.reshape(-1, 512).mean(axis=1) for column in columns]
        error = np.sqrt(sum(mean.var(ddof=1) / len(mean) for mean in means))
        assert abs(means[0].mean() - means[1].mean()) < 4 * error + 1e-3, variable
