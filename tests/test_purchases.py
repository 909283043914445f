"""Goods that are bought at intervals: loyal customers follow what is in use, the others choose."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
from shipped import CALM_MARKET, FOLDER, NOTHING_DRIFTS, column, year

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.dates.timeline import period_masks, simulate_timeline
from sim.errors import ScenarioError
from sim.model.engine import run_periods, simulate
from sim.model.entry import entry_verdicts
from sim.model.inversion import build_economy
from sim.outcomes.panels import Panel
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario

STILL = (*NOTHING_DRIFTS, *CALM_MARKET, "demand.conduct=0")


def _number(value: float, unit: str) -> str:
    return f"{{value: {value}, unit: {unit}, source: judgement, grade: judgement}}"


@functools.cache
def scenario(loyalty: float, years: float, *overrides: str, name: str = "jv_only") -> Scenario:
    """A shipped scenario in which customers buy goods."""
    kind = (
        "demand.kind=purchase",
        "demand.churn=null",
        "demand.captive_growth=null",
        f"demand.loyalty={_number(loyalty, 'fraction')}",
        f"demand.repurchase_years={_number(years, 'years')}",
        "sampling.correlations.switching_costs=null",
        "sampling.leading=[]",
    )
    last = {override.partition("=")[0]: override for override in (*kind, *overrides)}
    return load_scenario(FOLDER / f"{name}.yaml", overrides=tuple(last.values()), extremes=True)


@functools.cache
def ran(loyalty: float, years: float, *overrides: str, name: str = "jv_only") -> Mapping[str, Panel]:
    """Its outcomes."""
    found = scenario(loyalty, years, *overrides, name=name)
    return simulate(found, draw_worlds(found, range(1)))


def test_where_nothing_happens_no_share_moves() -> None:
    share = column(ran(0.6, 6, *STILL), "foreign_share")
    np.testing.assert_allclose(share, np.broadcast_to(share[:1], share.shape), rtol=1e-9)


def _left(months: int, loyalty: float, years: float) -> FloatArray:
    """How much of the way of the share of domestic firms that get better once is left at the end of each year."""
    better = (
        "technology.catch_up=0.2",
        "horizon.end_year=2020",
        "headline.years=[2019]",
        f"horizon.period_months={months}",
    )
    return column(ran(loyalty, years, *STILL, *better), "foreign_share")


@pytest.mark.parametrize("months", [1, 3])
def test_without_loyalty_all_choose_at_once(months: int) -> None:
    """Then how long goods are used means nothing."""
    np.testing.assert_allclose(_left(months, 0.0, 2.0), _left(months, 0.0, 20.0), rtol=1e-12)


def test_what_is_in_use_comes_nearer_at_the_stated_rate() -> None:
    """Choice is moved once, by evicting foreign providers from 30% of a segment's spending into choice at home."""
    loyalty, years = 0.5, 4.0
    closing = "policy.steps.shut={when: 2019-01-01, closes: {paas_all: 30%s}}"
    stated = "{value: 30, unit: points, source: judgement, grade: judgement}"
    shut = closing.replace("30%s", stated)
    panels = ran(loyalty, years, *STILL, shut, "horizon.period_months=1")
    share = column(panels, "foreign_share", "paas")
    start = share[0]
    opened = draw_worlds(scenario(loyalty, years, *STILL), range(1)).inputs["segments.paas_all.open"]
    lasting = start * (opened - 0.3) / opened
    left = (share[1:] - lasting) / (start - lasting)  # means of years; of what is bought, the part that still follows
    rate = (1.0 - loyalty) / years
    mean = (1.0 - np.exp(-rate)) / rate * np.exp(-rate * np.arange(len(left)))
    np.testing.assert_allclose(left, np.broadcast_to((loyalty * mean)[:, None], left.shape), rtol=0.02)


@pytest.mark.parametrize("months", [1, 3])
def test_a_launch_is_no_growth_to_build_for(months: int) -> None:
    """Where all choose anew and a site wins nobody, what stands is little more than what sells."""
    lasting = "economics.asset_life=100"
    at_once = ("opening.ramp=1000", "migration.rate=0", lasting, "entry.rule=always", f"horizon.period_months={months}")
    panels = ran(0.0, 6, *STILL, *at_once, name="full_liberalization")
    launched = year(panels, "event_date", 2030, "", "aws.launch") < 2026.0
    sells, stands = (year(panels, name, 2028, "total", "aws") for name in ("owned_revenue", "capacity"))
    assert launched.mean() > 0.9
    assert (stands[launched] < 1.5 * sells[launched]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("demand.loyalty=null", r"demand of kind purchase needs loyalty \(it states repurchase_years and loyalty\)"),
        ("demand.churn=0.1", r"demand of kind purchase does not know churn"),
    ],
)
def test_numbers_of_the_other_kind_are_refused(change: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(0.5, 4.0, change)


def test_months_and_quarters_agree() -> None:
    months, quarters = (
        column(ran(0.6, 6.0, f"horizon.period_months={n}", name="full_liberalization"), "foreign_share") for n in (1, 3)
    )
    np.testing.assert_allclose(months.mean(axis=1)[[1, 6, 12]], quarters.mean(axis=1)[[1, 6, 12]], rtol=0.02)


def _by_period(*overrides: str, provider: str = "aws", name: str = "jv_only") -> FloatArray:
    """Share of a provider in a layer of one segment, without loyalty, in each period; (T, N)."""
    found = scenario(0.0, 6.0, *STILL, *overrides, name=name)
    drawn = draw_worlds(found, range(1))
    economy = build_economy(found, drawn.inputs)
    timeline = simulate_timeline(found, drawn, entry_verdicts(found, economy))
    record = run_periods(found, economy, drawn, timeline, period_masks(found, timeline))
    layer = record.spending[:, :, economy.layers.index("paas")]
    return np.asarray(layer[:, economy.providers.index(provider)] / layer.sum(axis=1))


def _jump(day: str, size: float) -> str:
    return f"providers.aws.jumps={{when: {day}, size: {_number(size, chr(39) + '1' + chr(39))}}}"


@pytest.mark.parametrize("months", [1, 3, 6, 12])
def test_what_is_there_for_whole_periods_counts_in_whole(months: int) -> None:
    """The mean over time of choice shares is that of before until the day, and that of after from then on."""
    share = _by_period(_jump("2021-01-01", 0.9), f"horizon.period_months={months}")
    first = 24 // months
    np.testing.assert_allclose(share[:first], np.broadcast_to(share[0], (first, share.shape[1])), rtol=1e-9)
    np.testing.assert_allclose(share[first:], np.broadcast_to(share[-1], share[first:].shape), rtol=1e-9)


@pytest.mark.parametrize(("day", "months", "part"), [("2021-02-01", 3, 2 / 3), ("2021-04-16", 12, 8.5 / 12)])
def test_what_is_there_for_a_part_of_a_period_counts_for_that_part(day: str, months: int, part: float) -> None:
    """The mean over time of choice shares, of which small moves add up."""
    share = _by_period(_jump(day, 1e-4), f"horizon.period_months={months}")
    place = 24 // months
    counted = (share[place] - share[place - 1]) / (share[place + 1] - share[place - 1])
    np.testing.assert_allclose(counted, part, rtol=1e-4)


@pytest.mark.parametrize("months", [1, 3, 12])
def test_what_closes_is_closed_for_a_part_of_the_period_and_then_in_whole(months: int) -> None:
    closes = "{paas_all: {value: 30, unit: points, source: judgement, grade: judgement}}"
    shut = f"policy.steps.shut={{when: 2021-02-01, closes: {closes}}}"
    share = _by_period(shut, f"horizon.period_months={months}")
    opened = draw_worlds(scenario(0.0, 6.0, *STILL), range(1)).inputs["segments.paas_all.open"]
    place = 25 // months
    for period, part in ((place - 1, 0.0), (place, {1: 1.0, 3: 2 / 3, 12: 11 / 12}[months]), (place + 1, 1.0)):
        np.testing.assert_allclose(share[period], share[0] * (1.0 - part * 0.3 / opened), rtol=1e-9)


@pytest.mark.parametrize(("name", "most"), [("full_liberalization", 2e-3), ("reversal", 5e-4)])
def test_sites_that_open_and_close_inside_a_period_converge(name: str, most: float) -> None:
    """Errors of a year's share fall with the period, and are those of the part of a period in which a site is open."""
    soon = ("opening.ramp=0.5", "entry.rule=always", "regulator.review_time=1", "entry.build_time=4")
    shares = [
        column(ran(0.0, 6.0, *STILL, *soon, f"horizon.period_months={n}", name=name), "foreign_share", "iaas")
        for n in (1, 3, 12)
    ]
    months, quarters, years = (share.mean(axis=1) for share in shares)
    assert months.max() > months[0] + 0.01
    assert np.abs(quarters - months).max() < most
    assert np.abs(quarters - months).max() < 0.5 * np.abs(years - months).max()


def test_a_site_sells_until_it_is_withdrawn() -> None:
    soon = ("opening.ramp=0.1", "entry.rule=always", "regulator.review_time=1", "entry.build_time=1")
    whole, half = (
        _by_period(
            *soon,
            "horizon.period_months=12",
            f"policy.steps.close={{when: {day}, adopt: withdrawn}}",
            name="full_liberalization",
        )
        for day in ("2025-01-01", "2024-07-01")
    )
    opened = whole[5] > 1.5 * half[6]
    assert opened.any()
    counted = (half[5] - half[6])[opened] / (whole[5] - half[6])[opened]
    np.testing.assert_allclose(np.quantile(counted, [0.25, 0.5, 0.75]), 0.5, atol=0.06)
