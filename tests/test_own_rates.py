"""Rates that a layer or a provider has in place of the scenario's."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import NOTHING_DRIFTS, column, economy, run, scenario, worlds, year

from sim.errors import ScenarioError
from sim.model.entry import entry_verdicts
from sim.model.levers import _migrates
from sim.model.valuation import Terms
from sim.scenario.inputs import inputs
from sim.scenario.policy import states
from sim.tasks.audit import audit, in_play

JUDGEMENT = "source: judgement, grade: judgement"
ANNUAL = "horizon.period_months=12"


def _in_layer(layer: str, name: str, value: float, unit: str = "%/yr") -> str:
    return f"market.layers.{layer}.technology={{{name}: {{value: {value:g}, unit: '{unit}', {JUDGEMENT}}}}}"


def test_a_layer_whose_technology_is_the_scenarios_moves_no_bit() -> None:
    edits = ("technology.catch_up=2", "technology.spillover=0.8")
    own = (_in_layer("paas", "catch_up", 2), _in_layer("iaas", "spillover", 0.8))
    with_own, plain = run("ftz_pilot", *edits, *own), run("ftz_pilot", *edits)
    for variable, panel in plain.items():
        np.testing.assert_array_equal(with_own[variable].values, panel.values, err_msg=variable)


def test_quality_grows_by_the_rates_of_its_own_layer() -> None:
    edits = (*NOTHING_DRIFTS, "technology.catch_up=1", "technology.spillover=0.8", ANNUAL)
    own = (_in_layer("paas", "catch_up", -3), _in_layer("saas", "spillover", 2))
    panels = run("jv_only", *edits, *own)
    for layer, rate in {"iaas": 0.01 + 0.008, "paas": -0.03 + 0.008, "saas": 0.01 + 0.02}.items():
        np.testing.assert_allclose(np.log(year(panels, "domestic_quality", 2019, layer)), rate, err_msg=layer)


def test_own_sites_of_a_layer_spill_over_what_its_technology_says() -> None:
    """Where nothing spills over but from own sites, and from those of one layer alone, quality rises there alone."""
    edits = ("technology.catch_up=0", "technology.spillover=2", "technology.owned_spillover=1", "entry.rule=always")
    alike = run("full_liberalization", *edits)
    own = run("full_liberalization", *edits, _in_layer("paas", "owned_spillover", 0, "fraction"))
    for layer in ("iaas", "saas"):
        np.testing.assert_array_equal(
            column(own, "domestic_quality", layer)[:2], column(alike, "domestic_quality", layer)[:2]
        )
    assert (year(own, "domestic_quality", 2030, "paas") < year(alike, "domestic_quality", 2030, "paas")).all()


def test_rates_of_a_layer_are_drawn_beside_all_others() -> None:
    wide = f"market.layers.paas.technology={{catch_up: {{low: 0, median: 2, high: 4, unit: '%/yr', {JUDGEMENT}}}}}"
    with_own, plain = worlds("ftz_pilot", wide).inputs, worlds("ftz_pilot").inputs
    assert with_own.keys() - plain.keys() == {"market.layers.paas.technology.catch_up"}
    for name, values in plain.items():
        np.testing.assert_array_equal(with_own[name], values, err_msg=name)
    titles = {item.name: item.title for item in inputs(scenario("ftz_pilot", wide))}
    assert titles["market.layers.paas.technology.catch_up"] == "how fast domestic quality catches up in PaaS"


def test_rates_of_the_scenario_that_no_layer_is_left_with_are_told() -> None:
    every = tuple(_in_layer(layer, "catch_up", 1) for layer in ("iaas", "paas", "saas"))
    assert "technology.catch_up" not in audit([scenario("jv_only", *every[:2])]).dead
    assert "technology.catch_up" in audit([scenario("jv_only", *every)]).dead


def test_spillover_from_own_sites_is_in_play_in_layers_that_may_have_some() -> None:
    own = tuple(_in_layer(layer, "owned_spillover", 0.3, "fraction") for layer in ("iaas", "saas"))
    names = in_play(scenario("ftz_pilot", *own, "regimes.ftz_pilot.owned_layers=[iaas]"))
    assert "market.layers.iaas.technology.owned_spillover" in names
    assert "market.layers.saas.technology.owned_spillover" not in names


COSTS = {
    "site_cost": (30, "%"),
    "operator_margin": (20, "%"),
    "provider_margin": (15, "%"),
    "incremental_technology": (60, "%"),
    "technology_royalty": (90, "%"),
    "capital_intensity": (0.5, "1"),
    "asset_life": (4, "years"),
    "discount_rate": (14, "%/yr"),
}
OPENED = (
    *("full_liberalization", "regimes.full_liberalization.partner_equity=0.5", "regulator.review_time=1"),
    "migration.rate=0",
)
RETIRES = ("always", "asset_life")
"""What is used up sooner leaves less room, and who finds none goes to others."""

MONEY = (
    *("operating_profit", "incremental_profit", "value_flow", "cash_flow", "capex", "capital_value", "npv"),
    *("npv_with_terminal", "npv_of_equity", "irr", "payback", "revenue_gross", "revenue_retained"),
)


def _own(provider: str, **costs: tuple[float, str]) -> str:
    stated = (f"{name}: {{value: {value}, unit: '{unit}', {JUDGEMENT}}}" for name, (value, unit) in costs.items())
    return f"providers.{provider}.economics={{{', '.join(stated)}}}"


def _all(**costs: tuple[float, str]) -> tuple[str, ...]:
    return tuple(
        f"economics.{name}={{value: {value}, unit: '{unit}', {JUDGEMENT}}}" for name, (value, unit) in costs.items()
    )


@pytest.mark.parametrize(
    ("rule", "cost"), [(rule, cost) for rule in ("never", "always") for cost in COSTS if (rule, cost) != RETIRES]
)
def test_a_provider_with_a_cost_of_its_own_earns_what_it_would_if_all_had_it(rule: str, cost: str) -> None:
    """And the others what they would if nobody had."""
    name, *edits = (*OPENED, f"entry.rule={rule}")
    own = run(name, *edits, _own("aws", **{cost: COSTS[cost]}))
    plain, every = run(name, *edits), run(name, *edits, *_all(**{cost: COSTS[cost]}))
    if (rule, cost) != ("never", "technology_royalty"):
        assert any((column(own, v, item="aws") != column(plain, v, item="aws")).any() for v in MONEY)
    for provider, alike in {"aws": every, "microsoft": plain, "other_foreign": plain}.items():
        for variable in MONEY:
            found, expected = (column(panels, variable, item=provider) for panels in (own, alike))
            np.testing.assert_array_equal(found, expected, err_msg=f"{variable} of {provider}")


@pytest.mark.parametrize("cost", COSTS)
def test_it_decides_as_it_would_if_all_had_it(cost: str) -> None:
    name, *edits = OPENED
    own, every = (_own("aws", **{cost: COSTS[cost]}),), _all(**{cost: COSTS[cost]})
    verdicts = [
        entry_verdicts(scenario(name, *edits, *more), economy(name, *edits, *more)) for more in (own, every, ())
    ]
    np.testing.assert_array_equal(verdicts[0][:, 0], verdicts[1][:, 0])
    np.testing.assert_array_equal(verdicts[0][:, 1:], verdicts[2][:, 1:])
    assert (verdicts[0][:, 0] != verdicts[2][:, 0]).any()


def test_a_provider_asks_customers_to_its_site_by_its_own_costs() -> None:
    """Where sites cost AWS much, its customers stay with its partner, and those of others move as before."""
    name, *edits = OPENED
    found, costs = states(scenario(name, *edits))[-1], {"site_cost": (50, "%")}
    own, every, plain = (
        _migrates(scenario(name, *edits, *more), economy(name, *edits, *more), found)
        for more in ((_own("aws", **costs),), _all(**costs), ())
    )
    np.testing.assert_array_equal(own, [every, plain, plain])
    assert every.mean() < plain.mean()


def test_what_is_of_no_business_of_its_own_is_not_in_play() -> None:
    """Royalties of sites that nobody may build, and the price of a partner that is bound beyond the horizon."""
    own = _own("aws", technology_royalty=(90, "%"), buy_out_price=(3, "1"))
    bought = (
        "entry.modes=[buy_out]",
        "regimes.jv_50.equity_cap=1",
        "policy.steps.open={when: 2021-01-01, adopt: jv_50}",
    )
    price = f"economics.buy_out_price={{value: 2, unit: '1', {JUDGEMENT}}}"
    names = ("providers.aws.economics.technology_royalty", "providers.aws.economics.buy_out_price")
    free = in_play(scenario("jv_only", *bought, price, own))
    bound = in_play(scenario("jv_only", *bought, price, own, "providers.aws.entry={bound_until: 2040-01-01}"))
    assert [name in free for name in names] == [False, True]
    assert [name in bound for name in names] == [False, False]


def test_domestic_providers_earn_their_own_margins() -> None:
    panels = run("jv_only", _own("alibaba", domestic_margin=(40, "%")), "demand.conduct=0")
    plain, margin = run("jv_only", "demand.conduct=0"), worlds("jv_only").inputs["economics.domestic_margin"]
    more = (0.4 - margin) * column(panels, "revenue_gross", item="alibaba")
    found = column(panels, "domestic_gross_profit") - column(plain, "domestic_gross_profit")
    np.testing.assert_allclose(found, more, rtol=1e-9, atol=1e-9)


def test_who_decides_at_a_rate_of_its_own_values_everybody_at_it() -> None:
    base = economy("jv_only", _own("aws", discount_rate=(14, "%/yr")))
    assert (base.rates().discount_rate[0] == 0.14).all()
    assert (Terms(0.07, 0.01).of(base).rates().discount_rate == 0.07).all()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            _own("aws", provider_margin=(70, "%")),
            r"providers\.aws\.economics\.provider_margin: with site_cost takes more",
        ),
        (_own("aws", site_cost=(95, "%")), r"providers\.aws\.economics\.site_cost: with operator_margin takes more"),
        (_own("aws", discount_rate=(1, "%/yr")), r"providers\.aws\.economics\.discount_rate: must be above economics"),
        (_own("aws", domestic_margin=(9, "%")), r"aws\.economics\.domestic_margin: is not of a foreign provider"),
        (_own("alibaba", site_cost=(9, "%")), r"alibaba\.economics\.site_cost: is not of a domestic provider"),
        (_own("aws", buy_out_price=(2, "1")), r"aws\.economics\.buy_out_price: moves nothing: it may not buy"),
    ],
)
def test_costs_that_cannot_be_are_refused(edit: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario("full_liberalization", edit)
