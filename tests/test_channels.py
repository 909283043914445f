"""Base years with own sites and sales from abroad, through time."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from shipped import CALM_MARKET, NOTHING_DRIFTS, column, year
from shipped import scenario as shipped
from test_mix import CLOSING, OPEN, WITH_CHANNELS, mixed, scenario

from sim.belief.matching import match_record, simulated
from sim.belief.record import read_record
from sim.chance.sampling import draw_worlds
from sim.dates.timeline import period_masks, simulate_timeline
from sim.errors import ScenarioError
from sim.kernels.channels import channel_values, saved_technology
from sim.model.engine import observe, run_periods, simulate
from sim.model.entry import entry_verdicts
from sim.model.streams import Streams
from sim.outcomes.panels import Panel
from sim.pictures.titles import launches
from sim.scenario.inputs import titles

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
OWN_COSTS = (
    "providers.aws.economics={site_cost: {value: 25, unit: '%', source: judgement, grade: judgement}, "
    "asset_life: {value: 4, unit: years, source: judgement, grade: judgement}}",
    "providers.microsoft.economics={provider_margin: {value: 45, unit: '%', source: judgement, grade: judgement}, "
    "operator_margin: {value: 3, unit: '%', source: judgement, grade: judgement}}",
)
"""Margins, shares of sites and their lives that differ by provider."""

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
    np.testing.assert_allclose(column(panels, "consumer_gain") / column(panels, "market_size"), 0.0, atol=short)


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


def test_own_sites_of_the_base_year_spill_over_in_part_from_the_first_day() -> None:
    """In the first period by the shares of the base year, all of them on own sites."""
    rates = ("technology.catch_up=1", "technology.spillover=0.8", "technology.owned_spillover=0.25")
    changes = (*NOTHING_DRIFTS, *OPEN, *CLOSING, *rates, "horizon.period_months=12")
    quality = np.log(year(ran(*changes), "domestic_quality", 2019, "iaas"))
    np.testing.assert_allclose(quality, 0.01 + 0.008 * 0.25)


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


def test_a_large_market_can_be_handed_over_where_nothing_was_beside_sites() -> None:
    """Of nothing that was served from abroad nothing is left, whatever joins it."""
    large = ("market.size={value: 70000, unit: USD bn/yr, source: judgement, grade: judgement}",)
    handed = ran(*OPEN, *CLOSING, *large, "regimes.jv_only.transfers_sites=true", SHUT % "jv_only")
    assert (year(handed, "cross_border_revenue", 2025, item="foreign") == 0.0).all()


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


def _from_abroad(provider: str, part: float = 1.0, rest: str = "") -> tuple[str, ...]:
    """Sales of a provider in every layer, a part of them from abroad."""
    return tuple(
        f"shares.{layer}.channel={{{provider}: {{import: {part}{rest}}}}}" for layer in ("iaas", "paas", "saas")
    )


def test_a_tariff_cut_moves_what_chooses_by_its_price() -> None:
    """AWS against the rest, from 25% to nothing: of new sales a P R / (1 + P (R - 1)), R = 1.25^(e - 1)."""
    changes = (
        *(*NOTHING_DRIFTS, *CALM_MARKET, "demand.conduct=0", "demand.captive_growth=0", "demand.churn=0"),
        *(*_from_abroad("aws"), "regimes.transfer_ban.tariff=0", SHUT % "transfer_ban"),
    )
    panels, base = ran(*changes), mixed(WITH_CHANNELS, *changes)
    sold, size = column(panels, "revenue_gross", "saas", "aws"), column(panels, "market_size", "saas")
    place, row = base.providers.index("aws"), base.segment_rows("saas").start
    share, lift = base.base[place, row], 1.25**base.excess
    expected = base.open_part[row] * share * lift / (1.0 + share * (lift - 1.0))
    grows = (size[1:] > 1.05 * size[:-1])[4:].all(axis=0)  # in every quarter, so that customers stay as they are
    assert grows.mean() > 0.3
    won = np.diff(sold[4:], axis=0) / np.diff(size[4:], axis=0)
    np.testing.assert_allclose(won[:, grows], np.broadcast_to(expected, won.shape)[:, grows], rtol=1e-9)
    before = base.open_part[row] * share * size[:3]
    np.testing.assert_allclose(sold[:3], before, rtol=1e-9)


def test_who_sells_from_abroad_builds_where_that_is_worth_more_than_what_it_imports() -> None:
    """At equal control: R times the attraction without the tariff, against the margin that the tariff leaves."""
    changes = (
        *("demand.conduct=0", *_from_abroad("aws"), "policy.start=full_liberalization"),
        *("regimes.full_liberalization.partner_equity=0", "regimes.full_liberalization.partner_unlock=0"),
        *("regimes.full_liberalization.owned_unlock=0", "regimes.full_liberalization.tariff=0.25"),
    )
    found, base = scenario(WITH_CHANNELS, *changes), mixed(WITH_CHANNELS, *changes)
    place, nothing, rates = base.providers.index("aws"), np.zeros(base.draws), base.rates()
    site, _ = channel_values(nothing, nothing, base.inputs["entry.hurdle"], (nothing, nothing), rates)
    imported = rates.provider_margin / 1.25 + saved_technology(rates) / 1.25
    spending = base.layer_size[base.layer_of] * base.weights * base.open_part
    share, lift = base.base[place], 1.25**base.excess
    total = 1.0 + share * (lift - 1.0)
    built = spending * share * lift / total
    builds = built.sum(axis=0) * site >= (spending * share).sum(axis=0) * imported
    assert 0.02 < builds.mean() < 0.98
    verdicts = entry_verdicts(found, base)[0, place - base.domestic] > 0
    np.testing.assert_array_equal(verdicts, builds)


def test_a_site_that_is_launched_is_no_worse_than_what_comes_from_abroad() -> None:
    """While its own premium arrives it offers what imports do."""
    common = (*NOTHING_DRIFTS, *CALM_MARKET, "demand.conduct=0", *_from_abroad("aws"), SHUT % "full_liberalization")
    unlocks = ("regimes.jv_only.cross_border_unlock=0.8", "regimes.full_liberalization.cross_border_unlock=0.8")
    free = ("regimes.jv_only.tariff=0", "regimes.full_liberalization.tariff=0", "opening.ramp=50")
    stays, builds = (
        ran(*common, *unlocks, *free, "migration.rate=0", f"entry.rule={rule}") for rule in ("never", "always")
    )
    assert (year(builds, "enters", 2030, item="aws") == 1.0).mean() > 0.9
    least = column(stays, "revenue_gross", item="foreign") * (1.0 - 1e-3)
    assert (column(builds, "revenue_gross", item="foreign") >= least).all()


ALONE = (
    "channels={import: {kind: cross_border}, own: {kind: owned}}",
    "regimes.handed_over.transfers_sites=false",
    *(*OPEN, *CLOSING),
)


def test_nothing_is_sold_through_partners_where_there_are_none() -> None:
    """Nor where a market that grows by two thirds outruns its sites."""
    panels = ran(*ALONE)
    gross = column(panels, "revenue_gross", item="foreign")
    through = column(panels, "owned_revenue", item="foreign") + column(panels, "cross_border_revenue", item="foreign")
    assert (column(panels, "cross_border_revenue", item="foreign")[-1] > 0.0).any()
    np.testing.assert_allclose(through, gross, rtol=1e-9)


def test_where_there_is_nothing_beside_full_sites_customers_choose_others() -> None:
    less = ("regimes.jv_only.reach=open", "regimes.jv_only.owned_layers=[iaas, paas, saas]")
    panels = ran(*ALONE, "channels={own: {kind: owned}}", *less)
    np.testing.assert_allclose(
        column(panels, "owned_revenue", item="foreign"), column(panels, "revenue_gross", item="foreign"), rtol=1e-9
    )
    np.testing.assert_allclose(
        column(panels, "revenue_gross", item="foreign") + column(panels, "revenue_gross", item="domestic"),
        column(panels, "market_size"),
        rtol=1e-9,
    )


def test_who_is_evicted_is_served_from_abroad_no_more() -> None:
    """Of goods that are bought again too, where what is in use comes back."""
    goods = (
        *("demand.kind=purchase", "demand.churn=null", "demand.captive_growth=null", "sampling.leading=[]"),
        "demand.loyalty={value: 0.6, unit: fraction, source: judgement, grade: judgement}",
        "demand.repurchase_years={value: 6, unit: years, source: judgement, grade: judgement}",
        "sampling.correlations.switching_costs=null",
    )
    part = "{value: 0.3, unit: fraction, source: judgement, grade: judgement}"
    shut = f"policy.steps.shut={{when: 2021-01-01, closes: {{saas_all: {part}}}, evicts: true}}"
    for kind in ((), goods):
        panels = ran(*_from_abroad("aws"), *kind, shut)
        sold = column(panels, "revenue_gross", "saas", "aws")
        np.testing.assert_allclose(column(panels, "cross_border_revenue", "saas", "aws"), sold, rtol=1e-9)


@pytest.mark.parametrize("own", [(), OWN_COSTS], ids=["one life", "a life of its own"])
def test_tranches_of_the_base_year_grew_as_the_market_did(own: tuple[str, ...]) -> None:
    """v_a in proportion to e^(-g a) up to the life of capital, together the capacity for what is used."""
    changes = (*OPEN, *CLOSING, *NOTHING_DRIFTS, *CALM_MARKET, "capacity.planning_years=0", *SOON, *own)
    found, base = scenario(WITH_CHANNELS, *changes), mixed(WITH_CHANNELS, *changes)
    drawn = draw_worlds(found, range(1))
    timeline = simulate_timeline(found, drawn, entry_verdicts(found, base))
    masks = period_masks(found, timeline)
    past = run_periods(found, base, drawn, timeline, masks).past
    lives = np.broadcast_to(np.rint(base.rates().asset_life * 4).astype(int), (base.foreign, base.draws))
    growth = (1.0 + base.inputs["market.growth_base"]) ** 0.25
    for place, draw in product(range(2), range(0, base.draws, 37)):
        tranches, life = past[::-1, place, draw], lives[place, draw]
        np.testing.assert_allclose(tranches[: life - 1] / tranches[1:life], growth[draw], rtol=1e-9)
        assert (tranches[life:] == 0.0).all()


@pytest.mark.parametrize("own", [(), OWN_COSTS], ids=["the costs of all", "costs of their own"])
def test_a_record_of_retained_revenue_has_the_value_of_the_outcome(tmp_path: Path, own: tuple[str, ...]) -> None:
    found = scenario(WITH_CHANNELS, *IMPORTS, *own)
    file = tmp_path / "record.csv"
    file.write_text(
        "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source\n"
        "r0,revenue_retained,total,foreign,2021-01-01,2021-12-31,annual,1,,,USD bn,a bank\n"
    )
    matches = match_record(read_record(file, found.horizon, found.ledger), found, found.as_of, None).matches
    (values,) = observe(
        found,
        draw_worlds(found, range(1)),
        lambda economy, record, timeline, masks: simulated(matches, found, economy, record, timeline),
    )
    np.testing.assert_allclose(
        values[0], year(ran(*IMPORTS, *own), "revenue_retained", 2021, item="foreign"), rtol=1e-12
    )


@pytest.mark.parametrize("own", [(), OWN_COSTS], ids=["the costs of all", "costs of their own"])
def test_what_customers_pay_in_three_channels_is_what_everybody_receives(own: tuple[str, ...]) -> None:
    """Providers, operators, the treasury, and whoever is paid for sites and code; markups move all the while."""
    parts = (
        "{aws: {own: 0.7, import: 0.15, licence: 0.15}, microsoft: {own: 0.6, import: 0.4}, other_foreign: {own: 1}}"
    )
    changes = (
        *(f"shares.{layer}.channel={parts}" for layer in ("iaas", "paas", "saas")),
        *("policy.start=full_liberalization", "regimes.full_liberalization.cross_border_unlock=0.8"),
        *("regimes.full_liberalization.partner_equity=0.3", "demand.conduct=1", *CLOSING, *own),
    )
    found = scenario(WITH_CHANNELS, *changes)
    ((base, record, masks),) = observe(
        found, draw_worlds(found, range(1)), lambda economy, record, timeline, masks: (economy, record, masks)
    )
    streams, rates = Streams(base, record, masks, 0.25), base.rates()
    on_sites, imported = record.owned.sum(axis=2), record.abroad.sum(axis=2)
    licensed = record.spending[:, base.domestic :].sum(axis=2) - on_sites - imported
    for channel in (on_sites, imported, licensed):
        assert (channel.sum(axis=1) > 0.0).all()
    earned = record.earned - record.owned_earned - record.abroad_earned
    assert np.abs(earned).max() > 1e-3
    wear = rates.capital_intensity / rates.asset_life
    utilization = rates.utilization ** (np.maximum(record.growth[1:], 0.0) / np.log1p(rates.reference_growth))
    idle = (rates.utilization / utilization)[:, None]
    technology = 1.0 - rates.site_cost - rates.provider_margin
    costs = licensed * (rates.site_cost + (idle - 1.0) * wear + technology) - earned
    costs += on_sites * (rates.site_cost - wear + technology) - record.owned_earned
    costs += record.capacity * rates.utilization * wear
    costs += (imported * (1.0 - rates.provider_margin) - record.abroad_earned) / (1.0 + record.tariff[:, None])
    received = (streams.profit + costs).sum(axis=1) + streams.operator_profit + streams.tax
    np.testing.assert_allclose(received, record.spending[:, base.domestic :].sum(axis=(1, 2)), rtol=1e-10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("policy.start=jv_only",), r"regimes\.jv_only\.reach: must be open without a cap"),
        (("regimes.full_liberalization.owned_layers=[iaas, paas]",), r"owned_layers: must hold 'saas'"),
        (("shares.iaas.channel={alibaba: {own: 1}}",), r"unknown foreign provider of the base year"),
        (("shares.iaas.channel={aws: {ship: 1}}",), r"unknown channel"),
        (("channels.import={kind: owned}",), r"channels\.own\.kind: a scenario has one channel of a kind"),
        (("channels.own.tariff=0.1",), r"only a cross_border channel has a tariff"),
        (("channels.licence=null",), r"handed_over\.transfers_sites: is of local operators, and no channel is of kind"),
    ],
)
def test_channels_that_cannot_be_are_refused(changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(WITH_CHANNELS, *OPEN, *CLOSING, *changes)


def test_levers_of_imports_are_refused_without_them() -> None:
    with pytest.raises(ScenarioError, match=r"regimes\.jv_only\.tariff: is of sales from abroad"):
        scenario("regimes.jv_only.tariff=0.1")


def test_sites_of_ones_own_are_called_as_their_channel_is() -> None:
    cars, plain = shipped("cars/announced_path"), shipped("jv_only")
    assert (cars.own_sites, plain.own_sites) == ("own plants", "own sites")
    assert titles(cars)["economics.site_cost"] == "cost of running own plants"
    assert not [title for title in titles(cars).values() if re.search(r"\bsites?\b", title)]
    said = launches({("Announced path", "Tesla"): 0.8}, 2030, "enters", cars.own_words)[0]
    assert said.startswith("Tesla has own plants by the end of 2030 in 80% of draws")
