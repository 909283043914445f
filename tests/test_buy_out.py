"""Partners that are bought out: who does so, when, what it costs and who gets it."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
from shipped import FOLDER, column, year

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.kernels import finance
from sim.model.engine import simulate
from sim.outcomes.panels import Panel
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario


def number(value: float, unit: str = "'1'") -> str:
    """A record of one number."""
    return f"{{value: {value}, unit: {unit}, source: judgement, grade: judgement}}"


ALWAYS = ("entry.modes=[buy_out]", "entry.rule=always")
OPENED = "policy.steps.open={when: 2021-01-01, adopt: jv_50}"
CAP = "regimes.jv_50.equity_cap=1"


@functools.cache
def scenario(*overrides: str) -> Scenario:
    """The market with only local partners, who may be bought from 2021 on."""
    stated = (OPENED, CAP, *ALWAYS, f"economics.buy_out_price={number(2.0)}", *overrides)
    last = {override.partition("=")[0]: override for override in stated}
    return load_scenario(FOLDER / "jv_only.yaml", overrides=tuple(last.values()), extremes=True)


@functools.cache
def ran(*overrides: str) -> Mapping[str, Panel]:
    """Its outcomes."""
    return simulate(scenario(*overrides), draw_worlds(scenario(*overrides), range(1)))


def _date(panels: Mapping[str, Panel], event: str) -> FloatArray:
    return year(panels, "event_date", 2030, "", event)


def test_who_buys_does_so_after_the_review_and_builds_nothing() -> None:
    panels = ran()
    review = draw_worlds(scenario(), range(1)).inputs["regulator.review_time[aws]"]
    bought = _date(panels, "aws.buy_out")
    by_then = np.isfinite(bought)
    waited = year(panels, "wait", 2030, "", "aws.queue") + year(panels, "wait", 2030, "", "aws.quota")
    np.testing.assert_allclose(bought[by_then], (2021.0 + review + waited)[by_then], atol=1e-9)
    np.testing.assert_array_equal(year(panels, "buys_out", 2030, "total", "aws"), by_then)
    assert by_then.mean() > 0.9
    assert not column(panels, "enters", "total", "aws").any()
    assert not column(panels, "capacity", "total", "foreign").any()


def test_what_is_paid_above_the_worth_of_capital_goes_to_the_owners_of_operators() -> None:
    """At twice the rent value, everything else being equal to the once."""
    dear, cheap = ran("opening.ramp=50"), ran("opening.ramp=50", f"economics.buy_out_price={number(1.0)}")
    np.testing.assert_array_equal(year(dear, "foreign_share", 2030), year(cheap, "foreign_share", 2030))
    paid = (column(cheap, "value_flow", item="foreign") - column(dear, "value_flow", item="foreign")).sum(axis=0)
    got = (column(dear, "operator_profit") - column(cheap, "operator_profit")).sum(axis=0)
    spent = (column(dear, "capex", item="foreign") - column(cheap, "capex", item="foreign")).sum(axis=0)
    assert (paid > 0.0).mean() > 0.9
    np.testing.assert_allclose(paid, got, rtol=1e-9)
    np.testing.assert_allclose(paid, spent, rtol=1e-9)


def test_all_profit_of_a_bought_operator_goes_abroad() -> None:
    panels = ran(f"economics.buy_out_price={number(1.0)}", f"regulator.review_time={number(0.0, 'years')}")
    assert year(panels, "buys_out", 2030, "total", "aws").all()
    np.testing.assert_allclose(year(panels, "operator_profit", 2025), 0.0, atol=1e-12)
    assert (year(panels, "operator_profit", 2020) > 0.0).all()


def test_equal_terms_move_nothing() -> None:
    """A cap at what partners give, their control, and the price of the capital."""
    same = ("regimes.jv_50.equity_cap=0.5", f"economics.buy_out_price={number(1.0)}")
    bought, never = ran(*same), ran("entry.rule=never", *same)
    assert (year(bought, "buys_out", 2030, "total", "aws") == 1.0).mean() > 0.9
    for variable in ("foreign_share", "market_size"):
        np.testing.assert_array_equal(column(bought, variable), column(never, variable))
    np.testing.assert_allclose(year(bought, "npv", 2030, item="aws"), year(never, "npv", 2030, item="aws"), rtol=1e-12)


def test_control_of_a_bought_operator_is_worth_what_it_unlocks() -> None:
    """With the whole premium, and long after, its share is above that of a partner's with a little of it."""
    more, same = ran("regimes.jv_50.bought_unlock=1"), ran()
    gain = year(more, "market_share", 2030, "iaas", "aws") - year(same, "market_share", 2030, "iaas", "aws")
    assert (gain >= -1e-12).all()
    assert (gain > 0.0).mean() > 0.8


def test_the_decision_is_that_of_the_page() -> None:
    """Where a buy-out brings no share, what counts is a unit of sales at either equity."""
    profit = ("entry.rule=profit", "demand.conduct=0", f"economics.buy_out_price={number(1.3)}")
    panels, inputs = ran(*profit), draw_worlds(scenario(*profit), range(1)).inputs
    site_cost, life = inputs["economics.site_cost"], inputs["economics.asset_life"]
    capital = np.minimum(inputs["economics.capital_intensity"], site_cost * life)
    rate = inputs["economics.discount_rate"]
    after_tax = inputs["economics.operator_margin"] * (1.0 - inputs["economics.profit_tax"])
    dividend = 0.5 * after_tax * (1.0 - inputs["economics.dividend_withholding"])
    rent = capital * finance.rent_rate(rate, life)
    yearly = np.log1p(rate) - np.log1p(inputs["economics.terminal_growth"])
    extra = inputs["entry.hurdle"] * 0.3 * capital * finance.even_value(rate, life) * yearly
    worth = dividend + 0.5 * (capital / life - inputs["entry.hurdle"] * rent - extra)
    found = np.isfinite(_date(panels, "aws.apply"))
    np.testing.assert_array_equal(found, worth >= 0.0)
    assert 0.02 < found.mean() < 0.98


def test_of_building_and_buying_the_better_is_taken() -> None:
    both = (
        "policy.steps.open={when: 2021-01-01, adopt: full_liberalization}",
        "regimes.full_liberalization.equity_cap=1",
        "regimes.full_liberalization.bought_unlock=0.9",
        "entry.modes=[build, buy_out]",
        "entry.rule=profit",
    )
    panels = ran(*both, f"economics.buy_out_price={number(1.0)}")
    builds, buys = (year(panels, name, 2030, "total", "aws") for name in ("enters", "buys_out"))
    assert not (builds * buys).any()
    assert builds.any()
    assert buys.any()
    dear = ran(*both, f"economics.buy_out_price={number(100.0)}")
    assert not year(dear, "buys_out", 2030, "total", "aws").any()


def test_later_caps_are_followed_and_no_equity_is_given_back() -> None:
    half, whole = ("regimes.jv_50.equity_cap=0.51", "policy.steps.more={when: 2026-01-01, change: {equity_cap: 1}}")
    quick = f"regulator.review_time={number(0.0, 'years')}"
    panels, kept = ran(half, whole, quick), ran(half, quick)
    np.testing.assert_array_equal(year(panels, "operator_profit", 2025), year(kept, "operator_profit", 2025))
    np.testing.assert_allclose(year(panels, "operator_profit", 2028), 0.0, atol=1e-12)
    reversal = "policy.steps.back={when: 2026-01-01, adopt: jv_only}"
    back, never = ran(half, quick, reversal), ran("entry.rule=never", half, quick, reversal)
    assert (year(back, "operator_profit", 2027) < 0.7 * year(never, "operator_profit", 2027)).all()


def test_a_later_cap_is_followed_only_by_who_would_buy_up_to_it() -> None:
    """Nobody would at a price beyond all profit, where a hundredth more of equity comes with all control."""
    half = ("regimes.jv_50.equity_cap=0.51", "regimes.jv_50.bought_unlock=1", "entry.rule=profit")
    dear = (f"economics.buy_out_price={number(90.0)}", f"regulator.review_time={number(0.0, 'years')}")
    more = "policy.steps.more={when: 2026-01-01, change: {equity_cap: 1}}"
    kept, later = ran(*half, *dear), ran(*half, *dear, more)
    assert year(kept, "buys_out", 2030, "total", "aws").any()
    for variable in ("operator_profit", "foreign_share"):
        np.testing.assert_allclose(column(later, variable), column(kept, variable), rtol=1e-12)


def test_what_is_paid_in_the_last_year_is_paid_once() -> None:
    late = ("policy.steps.open={when: 2030-07-01, adopt: jv_50}", f"regulator.review_time={number(0.0, 'years')}")
    dear, cheap = (ran(*late, f"economics.buy_out_price={number(price)}") for price in (2.0, 1.0))
    paid, lost = (
        year(cheap, name, 2030, item="aws") - year(dear, name, 2030, item="aws")
        for name in ("npv", "npv_with_terminal")
    )
    assert (paid > 0.0).mean() > 0.9
    np.testing.assert_allclose(lost, paid, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("regimes.jv_50.equity_cap=0.4",), r"regimes\.jv_50\.equity_cap: must be at least partner_equity"),
        (("economics.buy_out_price=null",), r"economics: needs buy_out_price"),
        (("regimes.jv_50.equity_cap=null",), r"moves nothing|no regime has an equity_cap"),
        (("entry.modes=[build]",), r"regimes\.jv_50\.equity_cap: moves nothing"),
        (("regimes.transfer_ban.bought_unlock=0.5",), r"bought_unlock: moves nothing without equity_cap"),
    ],
)
def test_a_buy_out_that_cannot_be_is_refused(changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(*changes)
