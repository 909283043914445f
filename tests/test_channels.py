"""Base years with own sites and sales from abroad, through time."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
from shipped import CALM_MARKET, NOTHING_DRIFTS, column, year
from test_mix import CLOSING, OPEN, WITH_CHANNELS, scenario

from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.model.engine import simulate
from sim.outcomes.panels import Panel

IMPORTS = tuple(
    f"shares.{layer}.channel={{aws: {{import: 1}}, microsoft: {{import: 0.5, licence: 0.5}}}}"
    for layer in ("iaas", "paas", "saas")
)
MIXED = (
    "policy.start=full_liberalization",
    *(
        f"shares.{layer}.channel={{aws: {{own: 1}}, microsoft: {{own: 0.4, import: 0.6}}}}"
        for layer in ("iaas", "paas", "saas")
    ),
    "regimes.full_liberalization.cross_border_unlock=0.8",
)
STARTS = {"own sites": (*OPEN, *CLOSING), "from abroad": IMPORTS, "all three": (*MIXED, *CLOSING)}
SOON = ("capacity.expansion_lead={value: 3, unit: months, source: judgement, grade: judgement}",)
"""So that capacity follows use: with long leads a market that grows by two thirds outruns its sites."""


@functools.cache
def ran(*overrides: str) -> Mapping[str, Panel]:
    """Outcomes of a scenario with channels."""
    found = scenario(WITH_CHANNELS, *overrides)
    return simulate(found, draw_worlds(found, range(1)))


@pytest.mark.parametrize("start", STARTS)
def test_where_nothing_happens_no_share_moves(start: str) -> None:
    changes = list(STARTS[start])
    if start != "from abroad":
        changes.append("entry.rule=never")
    panels = ran(*NOTHING_DRIFTS, *CALM_MARKET, *SOON, *changes)
    share = column(panels, "foreign_share")
    short = 1e-9 if start == "from abroad" else 1e-4  # of growth that is faster yet, in a draw of 512
    np.testing.assert_allclose(share, np.broadcast_to(share[:1], share.shape), rtol=short)
    for variable in ("owned_revenue", "cross_border_revenue"):
        part = column(panels, variable, item="foreign") / column(panels, "market_size")
        np.testing.assert_allclose(part, np.broadcast_to(part[:1], part.shape), rtol=short, atol=1e-12)
    np.testing.assert_allclose(column(panels, "market_expansion"), 1.0, rtol=short)


def test_what_is_paid_for_imports_is_tariff_cost_and_profit() -> None:
    """All that AWS sells comes from abroad, and nobody else's does: what of tax is its is the tariff."""
    only = tuple(f"shares.{layer}.channel={{aws: {{import: 1}}}}" for layer in ("iaas", "paas", "saas"))
    with_it, without = ran("demand.conduct=0", *only), ran("demand.conduct=0", *only, "regimes.jv_only.tariff=0")
    paid = year(with_it, "revenue_gross", 2025, item="aws")
    np.testing.assert_allclose(year(with_it, "cross_border_revenue", 2025, item="aws"), paid, rtol=1e-9)
    np.testing.assert_allclose(year(without, "revenue_gross", 2025, item="aws"), paid, rtol=1e-9)
    tariff = year(with_it, "tax_take", 2025) - year(without, "tax_take", 2025)
    np.testing.assert_allclose(tariff, paid * 0.25 / 1.25, rtol=1e-9)
    margin = draw_worlds(scenario(WITH_CHANNELS, *only), range(1)).inputs["economics.provider_margin"]
    np.testing.assert_allclose(year(with_it, "operating_profit", 2025, item="aws"), paid / 1.25 * margin, rtol=1e-9)
    np.testing.assert_allclose(year(without, "operating_profit", 2025, item="aws"), paid * margin, rtol=1e-9)


def test_no_technology_spills_over_from_abroad() -> None:
    every = tuple(
        f"shares.{layer}.channel={{aws: {{import: 1}}, microsoft: {{import: 1}}, other_foreign: {{import: 1}}}}"
        for layer in ("iaas", "paas", "saas")
    )
    still = ("technology.catch_up=0", "technology.owned_spillover=1")
    np.testing.assert_allclose(column(ran(*every, *still), "domestic_quality", "iaas"), 1.0)
    assert (year(ran(*still), "domestic_quality", 2030, "iaas") > 1.0).mean() > 0.9


SHUT = "policy.steps.shut={when: 2021-01-01, adopt: %s}"


def test_sites_that_are_shut_keep_their_customers_and_win_no_more() -> None:
    calm = (*NOTHING_DRIFTS, *CALM_MARKET, *OPEN, *CLOSING, "demand.captive_growth=0", "demand.churn=0")
    shut, opened = (ran(*calm, step) for step in (SHUT % "jv_only", SHUT % "full_liberalization"))
    np.testing.assert_array_equal(year(shut, "foreign_share", 2020), year(opened, "foreign_share", 2020))
    kept = column(shut, "owned_revenue", item="foreign")
    np.testing.assert_allclose(kept[4:], np.broadcast_to(kept[4], kept[4:].shape), rtol=1e-3)  # as above
    worth = year(shut, "control_premium", 2030, "iaas") > 1e-6
    assert (year(shut, "foreign_share", 2030)[worth] < year(opened, "foreign_share", 2030)[worth]).all()
    assert (year(shut, "enters", 2030, item="aws") == 0.0).all()


def test_sites_that_are_handed_over_serve_through_partners() -> None:
    handed = ran(*OPEN, *CLOSING, "regimes.jv_only.transfers_sites=true", SHUT % "jv_only")
    assert (year(handed, "owned_revenue", 2020, item="foreign") > 0.0).all()
    assert (year(handed, "owned_revenue", 2022, item="foreign") == 0.0).all()
    assert (year(handed, "foreign_share", 2022) > 0.0).all()


def test_capital_of_the_base_year_is_replaced_when_its_life_is_over() -> None:
    """Where nothing grows, what was bought evenly is bought evenly again: use / (u life) a year."""
    flat = (
        "market.growth_base=0",
        "market.growth_long_run=0",
        "market.growth_by_year={'2019': {value: 0, unit: '%/yr', source: judgement, grade: judgement}}",
        "market.growth_forecast=null",
        "market.forecast_years=null",
        "market.growth_fade={value: 1, unit: years, source: judgement, grade: judgement}",
    )
    calm = (
        *NOTHING_DRIFTS,
        *CALM_MARKET,
        *OPEN,
        *CLOSING,
        *flat,
        "economics.reference_utilization=1",
        "demand.churn=0",
    )
    panels = ran(*calm)
    rates = draw_worlds(scenario(WITH_CHANNELS, *calm), range(1)).inputs
    intensity = np.minimum(rates["economics.capital_intensity"], rates["economics.site_cost"] * 6.0)
    wanted = year(panels, "owned_revenue", 2018, item="foreign") * intensity / rates["economics.asset_life"]
    for when in (2020, 2024, 2029):
        np.testing.assert_allclose(year(panels, "capex", when, item="foreign"), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("policy.start=jv_only",), r"regimes\.jv_only\.reach: must be open without a cap"),
        (("regimes.full_liberalization.owned_layers=[iaas, paas]",), r"owned_layers: must hold 'saas'"),
        (("shares.iaas.channel={alibaba: {own: 1}}",), r"unknown foreign provider of the base year"),
        (("shares.iaas.channel={aws: {ship: 1}}",), r"unknown channel"),
        (("channels.import={kind: owned}",), r"channels\.own\.kind: a scenario has one channel of a kind"),
        (("channels.own.tariff=0.1",), r"only a cross_border channel has a tariff"),
    ],
)
def test_channels_that_cannot_be_are_refused(changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(WITH_CHANNELS, *OPEN, *CLOSING, *changes)


def test_levers_of_imports_are_refused_without_them() -> None:
    with pytest.raises(ScenarioError, match=r"regimes\.jv_only\.tariff: is of sales from abroad"):
        scenario("regimes.jv_only.tariff=0.1")
