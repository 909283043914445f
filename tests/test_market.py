"""The whole model where an outcome has a closed form: without memory, without size effects, or with sure numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from shipped import CALM_MARKET, NO_PARTNER_GAIN, NOTHING_DRIFTS, column, economy, periods, run, scenario, worlds, year

from sim.axes import FloatArray
from sim.chance.medians import median_world
from sim.chance.worlds import Worlds
from sim.kernels import channels, finance
from sim.kernels.choice import Intake, Reach, rationed
from sim.kernels.equilibrium import StaticMarket, static_equilibrium
from sim.kernels.welfare import class_gains
from sim.model import entry
from sim.model.economy import reach_fraction
from sim.model.engine import simulate
from sim.model.entry import entry_verdicts, loss_hazard
from sim.model.inversion import build_economy, target_share
from sim.model.luck import offsets_of
from sim.outcomes.results import Panel
from sim.scenario.policy import states

ANNUAL = "horizon.period_months=12"
ALWAYS = "entry.rule=always"
FORGETFUL = (*CALM_MARKET, "demand.captive_growth=0", "demand.churn=100000")
"""Everybody chooses anew in every period."""
SIMPLE = (*NOTHING_DRIFTS, *FORGETFUL, ANNUAL, "demand.conduct=0")
"""Besides, nothing drifts, and size does not make price."""
AT_ONCE = (
    ALWAYS,
    "regulator.review_time=0.5",
    "entry.build_time=0.5",
    "opening.ramp=0.0001",
    "capacity.expansion_lead=0.01",
    "capacity.planning_years=100",
)
"""Everybody builds, soon and with ample room."""
LOYAL = (*NOTHING_DRIFTS, *CALM_MARKET, "demand.captive_growth=1", "demand.churn=0")
"""Nobody chooses unless made to."""
SINGLE = ("paas", "saas")
"""Layers of one segment, whose open part is seen from outside."""
FOREIGN = ("aws", "microsoft", "other_foreign")


def _but(edits: tuple[str, ...], *changed: str) -> tuple[str, ...]:
    """The same edits, some of them changed."""
    names = [edit.split("=")[0] for edit in changed]
    return (*(edit for edit in edits if edit.split("=")[0] not in names), *changed)


def _intake(reach: Reach, share: FloatArray, room: FloatArray) -> Intake:
    return rationed(reach, share[:, None], room, reach.divide(share[:, None]))


def _odds(share: FloatArray) -> FloatArray:
    return np.asarray(np.log(share / (1.0 - share)))


def _fixed_demand(drawn: Worlds) -> Worlds:
    """Worlds in which customers spend the same whatever the prices."""
    return drawn.replace_input("demand.elasticity_of_demand", np.ones(drawn.draws))


def _without_expansion(name: str, *edits: str) -> Mapping[str, Panel]:
    """A run in such worlds."""
    return simulate(scenario(name, *edits), _fixed_demand(worlds(name, *edits)))


def _in_open_part(panels: Mapping[str, Panel], layer: str, opened: FloatArray) -> FloatArray:
    """Log-odds of foreign providers in the open part of a layer of one segment, (Y, N)."""
    return _odds(column(panels, "foreign_share", layer) / opened)


# ---- customers


@pytest.mark.parametrize(
    "name", ["ftz_pilot", "full_liberalization", "piecemeal", "announced_path", "reversal", "forced_transfer"]
)
def test_when_total_spending_is_fixed_no_event_loses_or_makes_any(name: str) -> None:
    panels = _without_expansion(name, ALWAYS)
    np.testing.assert_allclose(panels["market_expansion"].values, 1.0, rtol=1e-9)


@pytest.mark.parametrize("conduct", [0, 0.7])
def test_a_market_without_memory_comes_to_its_static_equilibrium(conduct: float) -> None:
    edits = (*NOTHING_DRIFTS, *FORGETFUL, *AT_ONCE, f"demand.conduct={conduct}")
    opened, drawn = scenario("full_liberalization", *edits), _fixed_demand(worlds("full_liberalization", *edits))
    panels, base = simulate(opened, drawn), build_economy(opened, drawn.inputs)
    owned = np.broadcast_to(base.premium_by_segment, (base.foreign, *base.open_part.shape))
    static = static_equilibrium(base.static_market(), np.ones_like(base.open_part), owned, np.zeros_like(owned))
    shares = base.by_layer(static.segment * base.weights)
    for row, layer in enumerate(base.layers):
        for index, provider in enumerate(base.providers):
            found = year(panels, "market_share", 2030, layer, provider)
            np.testing.assert_allclose(found, shares[index, row], atol=1e-6)


def test_domestic_quality_takes_foreign_odds_by_epsilon_less_one() -> None:
    edits = _but(SIMPLE, "technology.catch_up=2", "technology.spillover=0.8")
    panels, drawn = run("jv_only", *edits), worlds("jv_only", *edits).inputs
    for layer in SINGLE:
        odds = _in_open_part(panels, layer, drawn[f"segments.{layer}_all.open"])
        quality = np.log(column(panels, "domestic_quality", layer))
        slope = drawn["demand.elasticity_of_substitution"] - 1
        np.testing.assert_allclose(odds - odds[0], -slope * quality, atol=1e-9)


def test_quality_grows_by_catch_up_and_by_spillover_at_the_share_of_the_base_year() -> None:
    edits = (*NOTHING_DRIFTS, "technology.catch_up=1", "technology.spillover=0.8")
    quality = np.log(year(run("jv_only", *edits, ANNUAL), "domestic_quality", 2019, "iaas"))
    np.testing.assert_allclose(quality, 0.018)


def test_foreign_taste_moves_foreign_odds_one_to_one() -> None:
    edits = _but(SIMPLE, "rivalry.origin_sd=0.45")
    panels, drawn = run("jv_only", *edits), worlds("jv_only", *edits)
    offset = offsets_of(scenario("jv_only", *edits), len(drawn.origin_shock)).origin
    for layer in SINGLE:
        place = economy("jv_only", *edits).layers.index(layer)
        odds = _in_open_part(panels, layer, drawn.inputs[f"segments.{layer}_all.open"])
        np.testing.assert_allclose(odds[1:] - odds[0], drawn.origin_shock + offset[:, [place]], atol=1e-9)


def test_rivalry_moves_rivals_odds_one_to_one_and_no_group_as_a_whole() -> None:
    edits = _but(SIMPLE, "rivalry.provider_sd=1.8")
    panels, drawn, base = run("jv_only", *edits), worlds("jv_only", *edits), economy("jv_only", *edits)
    offsets = offsets_of(scenario("jv_only", *edits), len(drawn.rivalry)).rivals
    for pair in (("alibaba", "tencent"), ("aws", "microsoft")):
        first, second = (np.log(column(panels, "market_share", "paas", provider)) for provider in pair)
        places = [base.providers.index(provider) for provider in pair]
        shocks = drawn.rivalry[:, places] + offsets[:, places, base.layers.index("paas"), None]
        moved = (first - second)[1:] - (first - second)[0]
        np.testing.assert_allclose(moved, shocks[:, 0] - shocks[:, 1], atol=1e-9)
    share = column(panels, "foreign_share", "paas")
    np.testing.assert_allclose(share, np.broadcast_to(share[0], share.shape), rtol=1e-10)


def test_closure_takes_foreign_share_in_proportion_to_the_open_part() -> None:
    edits = _but(SIMPLE, "closure.drift=1")
    panels, drawn = run("jv_only", *edits), worlds("jv_only", *edits).inputs
    years = np.maximum(np.arange(13) - 0.5, 0.0)[:, None]  # to the middle of each
    for layer in SINGLE:
        share = column(panels, "foreign_share", layer)
        opened = drawn[f"segments.{layer}_all.open"]
        np.testing.assert_allclose(share, share[0] * (opened - 0.01 * years) / opened, rtol=1e-9)


def test_a_joint_venture_brings_its_part_of_the_premium_exponentially() -> None:
    """What chooses in a year arose between the middles of two: the mean of 1 - exp(-t / ramp) over them."""
    edits = (*SIMPLE, "policy.steps.one_layer.probability=0")
    panels, base = run("piecemeal", *edits), economy("piecemeal", *edits)
    ramp = base.inputs["opening.ramp"]
    edges = np.maximum(np.arange(-3, 11) + 0.5, 0.0)[:, None]  # middles of the years, since the grant
    arrived = np.diff(edges + ramp * np.exp(-edges / ramp), axis=0)
    unlocked = arrived * base.inputs["regimes.jv_50.partner_unlock"]
    for layer in SINGLE:
        row = base.segments.index(f"{layer}_all")
        odds = _in_open_part(panels, layer, base.open_part[row])
        np.testing.assert_allclose(odds - odds[0], unlocked * base.premium_by_segment[row], atol=1e-9)


PILOT = (
    *NOTHING_DRIFTS,
    *FORGETFUL,
    *AT_ONCE,
    "demand.conduct=0",
    "zone.cap=100000",
    "regimes.ftz_pilot.sites=9",
    "regimes.ftz_pilot.yearly_quota=9",
)


def _pilot(layer: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Open part, reach, and foreign choice shares without and with a site, in a layer of one segment."""
    base, found = economy("ftz_pilot", *PILOT), scenario("ftz_pilot", *PILOT)
    row = base.segments.index(f"{layer}_all")
    reach = reach_fraction(found, base, states(found)[1])[row]
    before = base.base[base.domestic :, row].sum(axis=0)
    lift = np.exp(base.inputs["regimes.ftz_pilot.owned_unlock"] * base.premium_by_segment[row])
    return base.open_part[row], reach, before, before * lift / (1.0 - before + before * lift)


@pytest.mark.parametrize("layer", SINGLE)
def test_a_pilot_lifts_foreign_offers_within_its_reach_only(layer: str) -> None:
    opened, reach, before, after = _pilot(layer)
    share = year(_without_expansion("ftz_pilot", *PILOT), "foreign_share", 2030, layer)
    np.testing.assert_allclose(share, opened * ((1 - reach) * before + reach * after), rtol=1e-9)


@pytest.mark.parametrize("layer", SINGLE)
def test_the_gain_of_a_pilot_is_that_of_arkolakis_costinot_rodriguez_clare_within_its_reach(layer: str) -> None:
    opened, reach, before, after = _pilot(layer)
    panels, epsilon = _without_expansion("ftz_pilot", *PILOT), economy("ftz_pilot", *PILOT).substitution
    gain = year(panels, "consumer_gain", 2030, layer) / year(panels, "market_size", 2030, layer)
    closed_form = opened * reach * np.log((1 - before) / (1 - after)) / (epsilon - 1)
    np.testing.assert_allclose(gain, closed_form, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layer", SINGLE)
def test_a_pilot_adds_spending_within_its_reach_by_the_elasticity_of_demand(layer: str) -> None:
    opened, reach, before, after = _pilot(layer)
    found = economy("ftz_pilot", *PILOT)
    lift = ((1 - before) / (1 - after)) ** ((found.demand - 1) / (found.substitution - 1))
    expansion = year(run("ftz_pilot", *PILOT), "market_expansion", 2030, layer)
    np.testing.assert_allclose(expansion, 1 + opened * reach * (lift - 1), rtol=1e-9)


@pytest.mark.parametrize("equity", [0, 0.5])
def test_migrants_come_only_where_they_pay(equity: float) -> None:
    """What consents must earn more on the site, capital charged, than all of it does with the partner, equity too."""
    costs = ("economics.discount_rate=15", "economics.technology_royalty=0.6")
    edits = (ALWAYS, *LOYAL, *NO_PARTNER_GAIN[1:], f"regimes.full_liberalization.partner_equity={equity}", *costs)
    base, moved = economy("full_liberalization", *edits), run("full_liberalization", *edits)
    rates, loss = base.rates(), base.inputs["migration.consent_loss"]
    after_tax, there = 1 - rates.profit_tax, (1 - rates.incremental) * rates.technology
    rent = rates.capital_intensity * np.log(1.15) / (1 - 1.15**-rates.asset_life)
    capital = rates.capital_intensity / rates.asset_life - rent
    site = rates.provider_margin * after_tax * (1 - rates.dividend_withholding) + there + capital
    site = site - 0.6 * rates.technology * rates.royalty_withholding
    royalty = 1 - rates.site_cost - rates.operator_margin
    partner = royalty * (1 - rates.royalty_withholding - rates.royalty_vat) - rates.technology + there
    dividend = rates.operator_margin * after_tax * (1 - rates.dividend_withholding)
    pays = (1 - loss) * site > partner + equity * (dividend + capital)
    owned = column(moved, "owned_revenue", "total", "foreign")[-1]
    assert 0.02 < pays.mean() < 0.98
    np.testing.assert_array_equal(owned[~pays], 0.0)
    assert (owned[pays] > 0).mean() > 0.95


def test_the_first_period_is_sold_at_the_markups_of_the_base_year() -> None:
    markup = run("jv_only", ANNUAL)["markup"]
    single = [i for i, (scope, _) in enumerate(markup.items) if scope in SINGLE]
    np.testing.assert_allclose(markup.values[1, single], markup.values[0, single], rtol=1e-12)
    assert np.abs(markup.values[2, single] / markup.values[1, single] - 1).max() > 1e-3


# ---- market size


def test_a_calm_market_meets_each_draw_s_forecast_of_four_years() -> None:
    drawn = worlds("jv_only", *CALM_MARKET, ANNUAL).inputs
    size = column(run("jv_only", *CALM_MARKET, ANNUAL), "market_size")
    np.testing.assert_allclose(size[4] / size[0], (1 + drawn["market.growth_forecast"]) ** 4, rtol=1e-9)


def test_a_forecast_error_builds_up_evenly_from_the_end_of_the_base_year_to_the_middle_of_2022() -> None:
    edits = (*CALM_MARKET, ANNUAL)
    drawn = worlds("jv_only", *edits)
    forecast, middle = drawn.inputs["market.growth_forecast"], median_world(scenario("jv_only", *edits)).inputs
    expected = np.full(drawn.draws, middle["market.growth_forecast"][0])
    plain = simulate(scenario("jv_only", *edits), drawn.replace_input("market.growth_forecast", expected))
    error = np.log(column(run("jv_only", *edits), "market_size") / column(plain, "market_size"))
    built = np.clip((np.arange(13) - 0.5) / 3.5, 0, 1)[:, None]
    np.testing.assert_allclose(error, 4 * np.log((1 + forecast) / (1 + expected)) * built, atol=1e-9)


def test_the_odds_of_iaas_drift_and_the_other_layers_keep_their_proportions() -> None:
    panels, drawn = run("jv_only", ANNUAL), worlds("jv_only", ANNUAL).inputs
    iaas, paas, saas, total = (column(panels, "market_size", scope) for scope in ("iaas", "paas", "saas", "total"))
    odds, fade = _odds(iaas / total), drawn["market.drift_fade"]
    years = np.arange(13)[:, None]
    drift = drawn["market.layers.iaas.log_odds_drift"] * -np.expm1(-fade * years) / fade
    np.testing.assert_allclose(odds - odds[0], drift, atol=1e-9)
    np.testing.assert_allclose(paas / saas, np.broadcast_to(paas[0] / saas[0], paas.shape))


def test_in_a_calm_market_each_step_down_is_seen_in_full() -> None:
    edits = ("market.volatility=0", "market.step_rate=1", "market.step_size=0.3", ANNUAL)
    drawn = worlds("jv_only", *edits)
    stepping, calm = (np.log(column(run("jv_only", *e), "market_size")) for e in (edits, (*CALM_MARKET, ANNUAL)))
    trend = 0.1 * -np.expm1(-0.3) * np.arange(1, 13)[:, None]
    np.testing.assert_allclose(stepping[1:] - calm[1:], drawn.market_steps + trend, atol=1e-9)


def test_paas_is_divided_at_home_as_iaas_and_saas_by_numbers_of_its_own() -> None:
    base = economy()
    home = base.layer_shares[: base.domestic] / base.layer_shares[: base.domestic].sum(axis=0)
    np.testing.assert_allclose(home[:, 1], home[:, 0])
    for row, name in enumerate(base.providers[: base.domestic]):
        np.testing.assert_allclose(home[row, 2], base.inputs[f"shares.saas.domestic_split.{name}"])
    abroad = base.layer_shares[base.domestic :]
    for row, name in enumerate(base.providers[base.domestic :]):
        expected = base.inputs["shares.paas.foreign"] * base.inputs[f"shares.paas.foreign_split.{name}"]
        np.testing.assert_allclose(abroad[row, 1], expected)


# ---- what a regime allows


def test_the_reach_of_a_zone_is_that_of_the_drawn_reading() -> None:
    found, base = scenario("ftz_pilot"), economy("ftz_pilot")
    drawn, reach = base.inputs["zone.reading"], reach_fraction(scenario("ftz_pilot"), base, states(found)[1])
    regional = base.inputs["zone.readings.regional.reach"]
    wide = np.minimum(regional * base.inputs["zone.readings.regional.multiple.multinational"], 1.0)
    for row, segment in enumerate(base.segments):
        assert (reach[row, drawn == 0] == 1.0).all()
        expected = wide if segment == "multinational" else regional
        np.testing.assert_array_equal(reach[row, drawn == 1], expected[drawn == 1])
        residents = base.inputs["zone.readings.zone_residents.reach"]
        np.testing.assert_array_equal(reach[row, drawn == 2], residents[drawn == 2])


def test_only_layers_that_are_opened_are_in_reach() -> None:
    found, base = scenario("piecemeal"), economy("piecemeal")
    one_layer = next(state for state in states(found) if state.step == "one_layer")
    reach = reach_fraction(found, base, one_layer).max(axis=-1)
    assert [name for name, part in zip(base.segments, reach, strict=True) if part > 0] == ["saas_all"]


def test_a_hypothesis_on_some_providers_adds_what_the_others_hold_of_the_open_part() -> None:
    edits = ("opening.hypotheses.open_market_analogue.providers=[aws, microsoft]",)
    found, base = scenario("jv_only", *edits), economy("jv_only", *edits)
    chosen, rows = base.inputs["opening.hypothesis"] == 0, base.segment_rows("iaas")
    opened = (base.weights[rows] * base.open_part[rows]).sum(axis=0)
    others = base.inputs["shares.iaas.direct.other_foreign"] / opened
    expected = np.minimum(base.inputs["opening.hypotheses.open_market_analogue.value"] + others, 0.9)
    np.testing.assert_allclose(target_share(found, base)[chosen], expected[chosen])


def test_each_layer_gets_its_part_of_the_premium() -> None:
    base = economy()
    for row, segment in enumerate(base.segments):
        layer = scenario("jv_only").segments[segment].layer
        part = base.inputs[f"opening.layer_factor.{layer}"]
        np.testing.assert_array_equal(base.premium_by_segment[row], base.premium * part)


def test_a_hypothesis_alone_gives_what_its_draws_give_in_the_mixture() -> None:
    mixed, drawn = run("full_liberalization"), worlds("full_liberalization")
    for index in range(3):
        alone = simulate(
            scenario("full_liberalization"),
            drawn.replace_input("opening.hypothesis", np.full(drawn.draws, float(index))),
        )
        chosen = drawn.inputs["opening.hypothesis"] == index
        for variable in ("foreign_share", "npv", "consumer_gain"):
            there, here = alone[variable].values[..., chosen], mixed[variable].values[..., chosen]
            np.testing.assert_array_equal(there, here)


def test_the_tariff_equivalent_is_that_of_the_premium_and_nothing_once_all_is_open() -> None:
    closed, opened, base = run("jv_only"), run("full_liberalization"), economy()
    tariff = np.exp(base.premium / (base.substitution - 1)) - 1
    np.testing.assert_allclose(year(closed, "implied_tariff_equivalent", 2030, "iaas"), tariff, atol=1e-12)
    np.testing.assert_allclose(year(opened, "implied_tariff_equivalent", 2030, "iaas"), 0.0, atol=1e-6)


def test_without_new_customers_a_capped_zone_has_none_and_a_nationwide_site_lives_on_migrants_if_they_pay() -> None:
    zone, nationwide = (
        column(run(name, ALWAYS, *LOYAL, *NO_PARTNER_GAIN), "owned_revenue", "total", "foreign")
        for name in ("ftz_pilot", "full_liberalization")
    )
    assert np.abs(zone).max() < 1e-9
    assert 0.3 < (nationwide[-1] > 0.01 * column(run("full_liberalization", *LOYAL), "market_size")[-1]).mean() < 0.7


def test_a_step_that_closes_takes_customers_only_if_it_evicts() -> None:
    edits = (*LOYAL, "entry.rule=never", "policy.steps.pilot_withdrawn.hazard=0.3")
    stays, goes = (
        column(run("reversal", *edits, f"policy.steps.pilot_withdrawn.evicts={way}"), "foreign_share", "iaas")
        for way in ("false", "true")
    )
    date = column(run("reversal", *edits), "event_date", "", "pilot_withdrawn")[0]
    np.testing.assert_allclose(stays, np.broadcast_to(stays[0], stays.shape), rtol=1e-9)
    assert (goes[-1] < stays[-1] - 1e-6)[date < 2030].mean() > 0.95
    np.testing.assert_allclose(goes[-1, np.isnan(date)], stays[-1, np.isnan(date)], rtol=1e-9)


# ---- the decision to build


def test_the_permission_may_be_lost_at_the_hazard_of_a_reversal() -> None:
    found, base = scenario("reversal"), economy("reversal")
    start, pilot, withdrawn = states(found)
    assert (loss_hazard(found, base, pilot) == base.inputs["policy.steps.pilot_withdrawn.hazard"]).all()
    assert not loss_hazard(found, base, start).any()
    assert not loss_hazard(found, base, withdrawn).any()
    edits = ("policy.steps.pilot_withdrawn.probability=0.4",)
    found, base = scenario("reversal", *edits), economy("reversal", *edits)
    expected = 0.4 * base.inputs["policy.steps.pilot_withdrawn.hazard"]
    np.testing.assert_allclose(loss_hazard(found, base, states(found)[1]), expected)


@pytest.mark.parametrize("name", ["ftz_pilot", "full_liberalization"])
def test_no_verdict_hangs_on_more_best_responses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, base = scenario(name), economy(name)
    verdicts = entry_verdicts(found, base)
    monkeypatch.setattr(entry, "_STEPS", 60)
    np.testing.assert_array_equal(entry_verdicts(found, base), verdicts)


def test_a_provider_counts_its_own_gain_in_reach_while_rivals_stay_with_partners() -> None:
    """Without size effects the share with a site is P e^u / (1 - P + P e^u), u the unlocked premium."""
    edits = ("demand.conduct=0",)
    found, base = scenario("reversal", *edits), economy("reversal", *edits)
    verdicts = entry_verdicts(found, base)
    spending = base.layer_size[base.layer_of] * base.weights * base.open_part
    spending = spending * reach_fraction(found, base, states(found)[1])
    lift = np.exp(base.inputs["regimes.ftz_pilot.owned_unlock"] * base.premium_by_segment)
    reached = spending.any(axis=0)
    for provider in range(base.foreign):
        before = base.base[base.domestic + provider]
        firms = found.providers[base.providers[base.domestic + provider]].firms  # of which one decides
        after = before * lift / (1 + before / firms * (lift - 1))
        gain = (spending * after).sum(axis=0) / np.where(reached, (spending * before).sum(axis=0), 1.0)
        hazard, hurdle = base.inputs["policy.steps.pilot_withdrawn.hazard"], base.inputs["entry.hurdle"]
        nothing = np.zeros(base.draws)
        margin = channels.entry_margin(gain, nothing, hazard, hurdle, (nothing, nothing), base.rates())
        np.testing.assert_array_equal(verdicts[1, provider], margin >= 0)
        assert 0.05 < verdicts[1, provider].mean() < 0.95
    assert not verdicts[[0, 2]].any()


def test_a_partner_of_a_joint_venture_gives_up_its_dividend_and_what_partners_have_of_the_premium() -> None:
    """Piecemeal, sites for software only: m from shares in SaaS with partners lifted already; half of the operator."""
    edits = ("demand.conduct=0",)
    found, base = scenario("piecemeal", *edits), economy("piecemeal", *edits)
    index = next(index for index, state in enumerate(states(found)) if state.step == "one_layer")
    row, half = base.segments.index("saas_all"), np.full(base.draws, 0.5)
    premium = base.premium_by_segment[row]
    shares, partner = base.base[:, row], np.exp(base.inputs["regimes.jv_50.partner_unlock"] * premium)
    site = np.exp(base.inputs["policy.steps.one_layer.change.owned_unlock"] * premium)
    without = shares[: base.domestic].sum(axis=0) + partner * shares[base.domestic :].sum(axis=0)
    reached, verdicts = reach_fraction(found, base, states(found)[index])[row] > 0, entry_verdicts(found, base)[index]
    for provider in range(base.foreign):
        share = shares[base.domestic + provider] / found.providers[base.providers[base.domestic + provider]].firms
        gain = site / partner * without / (without + (site - partner) * share)
        nothing, hurdle = np.zeros(base.draws), base.inputs["entry.hurdle"]
        margin = channels.entry_margin(gain, half, nothing, hurdle, (nothing, nothing), base.rates())
        np.testing.assert_array_equal(verdicts[provider], (margin >= 0) & reached)


# ---- money


def _sites(name: str, *edits: str) -> tuple[Mapping[str, Panel], channels.Rates]:
    return run(name, ANNUAL, *edits), economy(name, ANNUAL, *edits).rates()


def _royalty(name: str, *edits: str) -> FloatArray:
    """Part of gross that operators pass on in each year, (T + 1, N), the base year first; fuller ones pass on more."""
    base, record = periods(name, ANNUAL, *edits)
    rates = base.rates()
    idle = rates.utilization ** (1 - np.maximum(record.growth, 0) / np.log(1 + rates.reference_growth))
    saved = (1 - idle) * rates.capital_intensity / rates.asset_life
    return np.asarray(1 - rates.site_cost + saved - rates.operator_margin)


def _net_royalty(name: str, *edits: str) -> FloatArray:
    rates = economy(name, ANNUAL, *edits).rates()
    return _royalty(name, *edits) * (1 - rates.royalty_withholding - rates.royalty_vat)


@pytest.mark.parametrize("name", ["jv_only", "full_liberalization", "forced_transfer"])
def test_present_value_is_that_of_the_value_flow_in_the_middle_of_each_year(name: str) -> None:
    """Nothing stands at the end; with a terminal value the last flow goes on for ever at its growth."""
    panels, rates = _sites(name, ALWAYS)
    factor = 1 / (1 + rates.discount_rate)
    for provider in (*FOREIGN, "foreign"):
        flow = column(panels, "value_flow", "total", provider)
        worth = (flow * factor ** (np.arange(12)[:, None] + 0.5)).sum(axis=0)
        np.testing.assert_allclose(year(panels, "npv", 2030, "total", provider), worth, rtol=1e-10)
        going = flow[-1] * (1 + rates.terminal_growth) / (rates.discount_rate - rates.terminal_growth)
        terminal = year(panels, "npv_with_terminal", 2030, "total", provider)
        np.testing.assert_allclose(terminal, worth + going * factor**12, rtol=1e-10)


def test_capital_of_sites_is_charged_as_rent_on_all_that_stands() -> None:
    """Value flow less cash flow: what is spent on tranches, less the rent of those in place; idle ones bear it too."""
    panels, rates = _sites("full_liberalization", ALWAYS, *NO_PARTNER_GAIN)
    rent = np.log1p(rates.discount_rate) / (1 - (1 + rates.discount_rate) ** -rates.asset_life)
    for provider in FOREIGN:
        value, cash, capex, capacity = (
            column(panels, variable, "total", provider) for variable in ("value_flow", "cash_flow", "capex", "capacity")
        )
        charged = rent * rates.utilization * rates.capital_intensity * capacity
        np.testing.assert_allclose(value - cash, capex - charged, rtol=1e-8, atol=1e-12)


def test_retained_is_the_net_royalty_of_partners_and_all_of_the_sites() -> None:
    panels, net = run("full_liberalization", ANNUAL), _net_royalty("full_liberalization")
    for provider in FOREIGN:
        names = ("revenue_gross", "owned_revenue", "revenue_retained")
        gross, owned, retained = (column(panels, variable, "saas", provider) for variable in names)
        np.testing.assert_allclose(retained, net * (gross - owned) + owned)


def test_an_operator_passes_on_more_as_growth_fades() -> None:
    royalty = _royalty("jv_only", *CALM_MARKET)
    assert (royalty[-1] >= royalty[0]).all()
    assert (royalty[-1] > royalty[0]).mean() > 0.9


def test_a_partner_s_cash_is_the_net_royalty_less_incremental_technology_and_what_markups_add() -> None:
    panels, rates = _sites("jv_only")
    _, record = periods("jv_only", ANNUAL)
    unit = _net_royalty("jv_only")[1:] - rates.technology * rates.incremental
    for index, provider in enumerate(FOREIGN):
        expected = unit * column(panels, "revenue_gross", "total", provider)[1:] + record.earned[:, index]
        for variable in ("cash_flow", "incremental_profit", "value_flow"):
            np.testing.assert_allclose(column(panels, variable, "total", provider), expected, rtol=1e-10)


def _given_up() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, channels.Rates]:
    """A forced transfer in 2026: who hands AWS's sites over (N,), capital (tranches x N) by age, and value and cash."""
    base, record = periods("forced_transfer", ANNUAL, ALWAYS)
    gone = (record.capacity[6, 0] > 0) & (record.capacity[7, 0] == 0)
    capital = record.bought[:7, 0] * base.rates().utilization * base.rates().capital_intensity
    ages = (7.0 - np.arange(7))[:, None]
    return gone, capital, ages, record.bought[7:, 0], base.rates()


def test_a_site_handed_over_is_paid_at_its_price_of_book_in_the_cash_flow() -> None:
    panels, _ = _sites("forced_transfer", ALWAYS)
    gone, capital, ages, after, rates = _given_up()
    assert gone.mean() > 0.1
    assert not after[:, gone].any()
    book = (capital * np.maximum(1 - ages / rates.asset_life, 0)).sum(axis=0)
    cash, profit, capex = (
        year(panels, variable, 2026, "total", "aws") for variable in ("cash_flow", "incremental_profit", "capex")
    )
    np.testing.assert_allclose((cash - profit + capex)[gone], (rates.transfer_price * book)[gone], rtol=1e-9)


def test_who_hands_a_site_over_pays_at_once_in_value_the_rent_that_it_would_still_have_borne() -> None:
    panels, _ = _sites("forced_transfer", ALWAYS)
    gone, capital, ages, _, rates = _given_up()
    left = np.maximum(rates.asset_life - ages, 0)
    bears = (1 - (1 + rates.discount_rate) ** -left) / (1 - (1 + rates.discount_rate) ** -rates.asset_life)
    value, cash = (year(panels, variable, 2026, "total", "aws") for variable in ("value_flow", "cash_flow"))
    due = (capital * bears).sum(axis=0) * np.sqrt(1 + rates.discount_rate)  # at the start of a year paid in its middle
    np.testing.assert_allclose((cash - value)[gone], due[gone], rtol=1e-9)


def test_the_internal_rate_is_that_of_the_site_alone_with_the_rent_its_tranches_still_bear_at_the_end() -> None:
    panels, rates = _sites("full_liberalization", ALWAYS, *NO_PARTNER_GAIN)
    _, record = periods("full_liberalization", ANNUAL, ALWAYS, *NO_PARTNER_GAIN)
    unit = _net_royalty("full_liberalization", ALWAYS, *NO_PARTNER_GAIN)[1:] - rates.technology * rates.incremental
    gross, owned = (column(panels, v, "total", "aws")[1:] for v in ("revenue_gross", "owned_revenue"))
    partner = unit * (gross - owned) + record.earned[:, 0] - record.owned_earned[:, 0]
    flows = column(panels, "cash_flow", "total", "aws") - partner
    flows = np.where(np.abs(flows) < 1e-12, 0.0, flows)
    np.testing.assert_allclose(
        year(panels, "payback", 2030, "total", "aws"), finance.payback_years(flows, 1.0), rtol=1e-9
    )
    spent = np.zeros((25, *flows.shape[1:]))  # by half-years: capacity arrives at the start, other flows in the middle
    spent[:-1:2] = -column(panels, "capex", "total", "aws")
    spent[1::2] = flows - spent[:-1:2]
    spent[-1] += year(panels, "capital_value", 2030, "total", "aws")
    np.testing.assert_allclose(year(panels, "irr", 2030, "total", "aws"), finance.internal_rate(spent, 0.5), atol=1e-6)


def test_what_capital_is_worth_at_the_end_is_the_rent_that_its_tranches_still_bear() -> None:
    panels, rates = _sites("full_liberalization", ALWAYS, *NO_PARTNER_GAIN)
    _, record = periods("full_liberalization", ANNUAL, ALWAYS, *NO_PARTNER_GAIN)
    left = np.maximum(rates.asset_life - (12.0 - np.arange(12)[:, None]), 0)
    bears = (1 - (1 + rates.discount_rate) ** -left) / (1 - (1 + rates.discount_rate) ** -rates.asset_life)
    worth = (record.bought[:, 0] * bears).sum(axis=0) * rates.utilization * rates.capital_intensity
    np.testing.assert_allclose(year(panels, "capital_value", 2030, "total", "aws"), worth, rtol=1e-10, atol=1e-14)


def test_capital_is_spent_on_what_arrives_at_its_price() -> None:
    panels, rates = _sites("full_liberalization", ALWAYS, *NO_PARTNER_GAIN, "economics.asset_life=50")
    capacity, capex = (column(panels, variable, "total", "aws") for variable in ("capacity", "capex"))
    added = np.maximum(np.diff(capacity, axis=0, prepend=0.0), 0.0)
    np.testing.assert_allclose(capex, added * rates.utilization * rates.capital_intensity, rtol=1e-9, atol=1e-12)


def test_a_year_spends_the_capital_of_what_arrives_in_its_quarters() -> None:
    found, record = periods("full_liberalization", ALWAYS, *NO_PARTNER_GAIN)
    capex = column(run("full_liberalization", ALWAYS, *NO_PARTNER_GAIN), "capex", "total", "aws")
    arrived = record.bought[:, 0].reshape(12, 4, -1).sum(axis=1)
    np.testing.assert_allclose(capex, arrived * found.rates().utilization * found.rates().capital_intensity, rtol=1e-10)


def test_capital_is_at_most_what_the_cost_of_a_site_can_write_off() -> None:
    rates = economy("jv_only", "economics.capital_intensity=9", "economics.site_cost=36").rates()
    np.testing.assert_allclose(rates.capital_intensity, 6 * 0.36)


def test_domestic_profit_is_the_margin_of_domestic_revenue_and_what_markups_add() -> None:
    panels, rates = _sites("full_liberalization")
    _, record = periods("full_liberalization", ANNUAL)
    expected = column(panels, "domestic_revenue") * rates.domestic_margin
    expected[1:] += record.home_earned
    np.testing.assert_allclose(column(panels, "domestic_gross_profit"), expected)


JOINT = "policy.steps.one_layer.probability=0"
"""On the piecemeal path nothing comes after the joint venture of 2020."""


def test_operators_keep_what_foreign_shareholders_do_not_claim() -> None:
    panels, rates = _sites("piecemeal", JOINT)
    gross = column(panels, "revenue_gross", "total", "foreign")[1:]
    equity = np.where(np.arange(12) < 1, 0.0, 0.5)[:, None]
    profit = gross * rates.operator_margin * (1 - rates.profit_tax)
    np.testing.assert_allclose(column(panels, "operator_profit"), profit * (1 - equity), rtol=1e-10)


def test_half_of_the_operator_pays_a_dividend_and_the_tax_on_it() -> None:
    panels, rates = _sites("piecemeal", JOINT)
    _, record = periods("piecemeal", ANNUAL, JOINT)
    gross, royalty = column(panels, "revenue_gross", "total", "foreign")[1:], _royalty("piecemeal", JOINT)[1:]
    claim = np.where(np.arange(12) < 1, 0.0, 0.5)[:, None] * rates.operator_margin * (1 - rates.profit_tax)
    on_royalty = royalty * (rates.royalty_withholding + rates.royalty_vat)
    tax = on_royalty + rates.operator_margin * rates.profit_tax + claim * rates.dividend_withholding
    profit = royalty - on_royalty - rates.technology + claim * (1 - rates.dividend_withholding)
    earned = record.earned.sum(axis=1)
    np.testing.assert_allclose(column(panels, "tax_take"), gross * tax, rtol=1e-10)
    found = column(panels, "operating_profit", "total", "foreign")
    np.testing.assert_allclose(found, gross * profit + earned, rtol=1e-10)


def test_half_of_the_operator_is_bought_at_its_rent_value_and_then_pays_for_growth_and_replacement() -> None:
    panels, rates = _sites("piecemeal", JOINT)
    base, record = periods("piecemeal", ANNUAL, JOINT)
    growth = np.maximum(record.growth, 0) / np.log(1 + rates.reference_growth)
    gross = np.vstack([record.opening[:1], record.spending[:, base.domestic].sum(axis=1)])
    capital = gross * rates.capital_intensity * rates.utilization ** (1 - growth)
    whole, life = 1 - (1 + rates.discount_rate) ** -rates.asset_life, rates.asset_life
    value = (life - whole / np.log1p(rates.discount_rate)) / (life * whole)
    expected = 0.5 * np.maximum(np.diff(capital, axis=0) + capital[1:] / life, 0)
    expected[0], expected[1] = 0.0, 0.5 * (value + 1 / life) * capital[2]
    np.testing.assert_allclose(column(panels, "capex", "total", "aws"), expected, rtol=1e-10)
    worth = year(panels, "capital_value", 2030, "total", "aws")
    np.testing.assert_allclose(worth, 0.5 * value * capital[-1], rtol=1e-10)


def test_equity_counts_from_the_day_on_which_it_is_granted() -> None:
    day = ("policy.steps.joint_venture.when=2020-04-01", JOINT)
    _, record = periods("piecemeal", ANNUAL, *day)
    np.testing.assert_allclose(record.equity[:4, 0], [0.0, 0.0, 0.375, 0.5], atol=1e-12)


def test_the_incremental_view_leaves_out_technology_that_is_there_already_in_both_channels() -> None:
    panels, rates = _sites("full_liberalization", ALWAYS)
    for provider in FOREIGN:
        loaded, incremental = (
            column(panels, variable, "total", provider) for variable in ("operating_profit", "incremental_profit")
        )
        there = (1 - rates.incremental) * rates.technology * column(panels, "revenue_gross", "total", provider)[1:]
        np.testing.assert_allclose(incremental - loaded, there, rtol=1e-8)


def test_who_enters_has_launched() -> None:
    panels = run("forced_transfer")
    for provider in FOREIGN:
        launched = np.isfinite(column(panels, "event_date", "", f"{provider}.launch")[0])
        applied = np.isfinite(column(panels, "event_date", "", f"{provider}.apply")[0])
        np.testing.assert_array_equal(year(panels, "enters", 2030, "total", provider), launched)
        assert (applied & ~launched).any()


def test_the_zone_s_cap_holds_at_the_size_of_the_market_and_binds_in_some_draws() -> None:
    panels, base = run("ftz_pilot", ALWAYS, ANNUAL), economy("ftz_pilot", ALWAYS, ANNUAL)
    size = column(panels, "market_size") / column(panels, "market_expansion")
    cap = np.maximum.accumulate(base.inputs["zone.cap"] * size[1:] / size[1], axis=0)  # what stands is not torn down
    capacity = column(panels, "capacity", "total", "foreign")
    assert (capacity <= cap * (1 + 1e-9)).all()
    assert (capacity[-1] > 0.99 * cap[-1]).mean() > 0.05


def test_the_zone_s_cap_is_stated_at_the_mean_size_of_the_first_year() -> None:
    """In a market that grows by half a year, the last quarter of 2030 against the mean quarter of 2019."""
    steady = (*CALM_MARKET, "market.growth_base=50.0001", "market.growth_forecast=50", "market.growth_long_run=49.9999")
    panels, drawn = run("ftz_pilot", ALWAYS, *steady), worlds("ftz_pilot", ALWAYS, *steady).inputs
    last_over_mean = 4 * 1.5**0.75 / sum(1.5 ** (quarter / 4) for quarter in range(4))
    filled = column(panels, "capacity", "total", "foreign")[-1] / (drawn["zone.cap"] * 1.5**11 * last_over_mean)
    assert filled.max() == pytest.approx(1.0, rel=1e-3)
    assert (filled > 0.999).mean() > 0.05


# ---- parts by hand


def test_a_site_that_was_handed_over_buys_nothing_more() -> None:
    _, record = periods("forced_transfer", "entry.rule=always")
    after = 4 * (2026 - 2019)
    assert record.bought[:after].any()
    assert not record.bought[after:].any()
    assert not record.capacity[after:].any()


def test_a_loss_pays_no_tax_and_earns_none() -> None:
    rates = economy().rates()
    split = channels.split_owned(np.full(512, 1.0), np.full(512, 10.0), np.zeros(512), rates)
    assert (split.net_profit < 0).all()
    assert not split.profit_tax.any()
    assert not split.dividend_tax.any()


def test_in_static_equilibrium_the_part_in_reach_sees_sites_and_the_rest_partners() -> None:
    one = np.ones((1, 2))
    base = np.array([0.5, 0.3, 0.2])[:, None, None] * one
    atomistic = np.ones(3, dtype=bool)
    market = StaticMarket(base, 0.7 * one, 2, atomistic, 3.5 * np.ones(2), 1.2 * np.ones(2), np.zeros(2))
    found = static_equilibrium(market, 0.4 * one, np.log(3.0) * one[None], np.log(2.0) * one[None])
    np.testing.assert_allclose(found.reached[:, 0, 0], np.array([0.5, 0.3, 0.6]) / 1.4)
    np.testing.assert_allclose(found.unreached[:, 0, 0], np.array([0.5, 0.3, 0.4]) / 1.2)
    closed = np.array([0.5, 0.3, 0.0]) / 0.8
    whole = 0.28 * found.reached[:, 0, 0] + 0.42 * found.unreached[:, 0, 0] + 0.3 * closed
    np.testing.assert_allclose(found.segment[:, 0, 0], whole)


def test_opening_adds_spending_as_the_price_index_of_the_class_says() -> None:
    """(P_with / P_without)^(1 - eta), the index against that with partner offers, not against domestic ones alone."""
    one = np.ones((1, 1, 2))
    room, rate = np.full((1, 2), np.inf), np.full(2, 0.2)
    found = _intake(Reach(np.ones((1, 2)), 3.0 * one, one, one, 4.0 * one[0], one[0], rate), np.ones((1, 2)), room)
    np.testing.assert_allclose(found.lift, (7.0 / 5.0) ** 0.2)


def test_spending_that_has_opened_is_compared_with_domestic_offers_alone() -> None:
    """Of the open part, now 0.8, an eighth was closed: it gains what foreign offers are worth to it."""
    one = np.ones((1, 2))
    found = class_gains(0.9 * one, one, np.log(0.9) * one, 0.2 * one, 0.3 * one, 3.5 * np.ones(2))
    np.testing.assert_allclose(found.closed, 0.0, atol=1e-15)
    np.testing.assert_allclose(found.partner, -np.log(0.9) / 2.5 / 8)


def test_a_full_site_is_seen_by_the_part_of_the_class_that_fits_and_partners_by_the_rest() -> None:
    """f of the class sees the site: owned / e_owned = f and partner / e_partner = 1 - f, times one rate for all."""
    one = np.ones((1, 1, 2))
    sees, rate = np.ones((1, 2)), np.full(2, 0.2)
    reach = Reach(sees, 3.0 * one, one, one, 4.0 * one[0], one[0], rate)
    wanted = reach.divide(sees[:, None]).owned.sum(axis=1)
    found = _intake(reach, sees, 0.5 * wanted)
    np.testing.assert_allclose(found.owned.sum(axis=1), 0.5 * wanted)
    np.testing.assert_allclose(found.owned / 3.0 + found.partner, found.home_rate[None], rtol=1e-3)


def test_who_finds_room_in_one_draw_does_not_depend_on_the_draws_beside_it() -> None:
    """To the last bit: scarce and ample room, small and large sites, two draws at a time and all together."""
    count, one = 40, np.ones((1, 1, 40))
    sees, rate = np.ones((1, count)), np.full(count, 0.2)
    partner = np.geomspace(1e-7, 0.3, count) * one
    room = np.tile([0.2, 0.5, 0.9, 5.0], count // 4) * partner[:, 0]
    reach = Reach(sees, 4.0 * partner, partner, partner, one[0], one[0], rate)
    together = _intake(reach, sees, room)
    for first in range(0, count, 2):
        two = np.arange(first, first + 2)
        pair = _intake(reach.take(two), sees[:, two], room[:, two])
        np.testing.assert_array_equal(pair.owned, together.owned[..., first : first + 2])
        np.testing.assert_array_equal(pair.partner, together.partner[..., first : first + 2])
