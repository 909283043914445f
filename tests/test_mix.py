"""Channels of the base year: what they lift, and the premium that follows from a share under any regime."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from shipped import FOLDER, economy

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.kernels.equilibrium import static_equilibrium
from sim.model.economy import Economy
from sim.model.inversion import build_economy, target_share
from sim.model.mix import Mix
from sim.reading.loading import load_scenario
from sim.scenario.grants import grants_of, hypothesis_grants
from sim.scenario.policy import state_of, states
from sim.scenario.scenario import Scenario

CHANNELS = "channels={licence: {kind: partner}, import: {kind: cross_border, tariff: %s}, own: {kind: owned}}"
TARIFF = "{value: 0.25, unit: fraction, source: judgement, as_of: 2019-04-30, grade: judgement}"
WITH_CHANNELS = CHANNELS % TARIFF
OPEN = (
    "policy.start=full_liberalization",
    *(
        f"shares.{layer}.channel={{aws: {{own: 1}}, microsoft: {{own: 1}}, other_foreign: {{own: 1}}}}"
        for layer in ("iaas", "paas", "saas")
    ),
)
"""A base year in which all foreign providers have sites of their own, and full control."""

CLOSING = tuple(
    change
    for name, share in (("open_market_analogue", 4), ("itif_counterfactual", 6), ("china_reference_class", 8))
    for change in (
        f"opening.hypotheses.{name}.regime=jv_only",
        f"opening.hypotheses.{name}.measure=share_of_open",
        f"opening.hypotheses.{name}.value={{value: {share}, unit: '%', source: judgement, grade: judgement}}",
        f"opening.hypotheses.{name}.providers=null",
    )
)
"""Shares that they would have if they had to sell through partners."""


@functools.cache
def scenario(*overrides: str) -> Scenario:
    """The market with only local partners, changed."""
    last = {override.partition("=")[0]: override for override in overrides}
    return load_scenario(FOLDER / "jv_only.yaml", overrides=tuple(last.values()), extremes=True)


@functools.cache
def mixed(*overrides: str) -> Economy:
    """Its base year."""
    found = scenario(*overrides)
    return build_economy(found, draw_worlds(found, range(1)).inputs)


def mix_of(found: Economy) -> Mix:
    """The channels of a base year that has some."""
    assert found.mix is not None
    return found.mix


def foreign_share(found: Scenario, base: Economy, lifts: FloatArray) -> FloatArray:
    """Static share of the open part of the opening's layer at lifts (F, L, N) that everybody sees."""
    layer, rows = base.layers.index(found.opening.layer), base.segment_rows(found.opening.layer)
    market = base.static_market(rows)
    raised = np.broadcast_to(lifts[:, layer : layer + 1], (base.foreign, *market.open_part.shape))
    shares = static_equilibrium(market, np.ones_like(market.open_part), raised, raised, steps=60)
    weights = base.weights[rows] * market.open_part
    return np.asarray((weights * shares.reached[base.domestic :].sum(axis=0)).sum(axis=0) / weights.sum(axis=0))


def test_channels_that_all_start_with_a_partner_leave_the_premium_of_full_control() -> None:
    np.testing.assert_allclose(mixed(WITH_CHANNELS).premium, economy("jv_only").premium, rtol=0.0, atol=1e-10)


@pytest.mark.parametrize(
    "start",
    [
        (),
        OPEN,
        (
            "shares.iaas.channel={aws: {licence: 0.3, import: 0.7}, microsoft: {import: 1}}",
            "regimes.jv_only.partner_unlock=0.2",
            "regimes.jv_only.cross_border_unlock=0.6",
        ),
    ],
)
def test_customers_of_the_base_year_see_what_makes_up_its_sales(start: tuple[str, ...]) -> None:
    """The mean lift over who sees which channel is 1, and each channel's part of it is that of its sales."""
    found = scenario(WITH_CHANNELS, *start, *(CLOSING if start is OPEN else ()))
    base = mixed(WITH_CHANNELS, *start, *(CLOSING if start is OPEN else ()))
    mix = mix_of(base)
    lifts = mix.lifts(grants_of(found, states(found)[0], base.inputs, base.draws))
    owned = mix.owned_part * np.exp(lifts.owned)
    rest = (1.0 - mix.owned_part) * np.exp(lifts.rest)
    np.testing.assert_allclose(owned + rest, 1.0, atol=1e-12)
    np.testing.assert_allclose(owned, mix.split[2], atol=1e-12)
    np.testing.assert_allclose(rest * lifts.abroad_part, mix.split[1], atol=1e-12)


def test_the_share_that_is_left_under_a_partner_rule_is_met() -> None:
    found, base = scenario(WITH_CHANNELS, *OPEN, *CLOSING), mixed(WITH_CHANNELS, *OPEN, *CLOSING)
    asked = hypothesis_grants(found, base.inputs, base.draws)
    target, today = target_share(found, base), foreign_share(found, base, np.zeros((base.foreign, 3, base.draws)))
    left = foreign_share(found, base, mix_of(base).long_run(asked))
    within = target < today
    assert within.mean() > 0.5
    np.testing.assert_allclose(left[within], target[within], atol=1e-6)
    assert (base.premium[within] > 0.0).all()


def test_a_share_beyond_the_base_years_leaves_no_premium() -> None:
    changes = (WITH_CHANNELS, *OPEN, *(change.replace("value: 4", "value: 30") for change in CLOSING))
    found, base = scenario(*changes), mixed(*changes)
    today = foreign_share(found, base, np.zeros((base.foreign, 3, base.draws)))
    beyond = target_share(found, base) > today * (1.0 + 1e-9)
    assert beyond.any()
    assert (base.premium[beyond] == 0.0).all()


def test_a_tariff_cut_raises_attraction_by_its_price() -> None:
    """Two offers, one imported: of attraction 1 each, and the tariff of 25% gone, the imported one has 1.25^(e - 1)."""
    found = scenario(WITH_CHANNELS, "shares.iaas.channel={microsoft: {import: 1}}", "regimes.ftz_pilot.tariff=0")
    base = mixed(WITH_CHANNELS, "shares.iaas.channel={microsoft: {import: 1}}", "regimes.ftz_pilot.tariff=0")
    free = mix_of(base).lifts(grants_of(found, state_of(found, "ftz_pilot"), base.inputs, base.draws))
    np.testing.assert_allclose(free.rest[1, 0], base.excess * np.log(1.25), atol=1e-12)
    np.testing.assert_allclose(free.rest[0, 0], 0.0, atol=1e-12)


@pytest.mark.parametrize(("partner", "left"), [(True, 0.0), (False, -np.inf)])
def test_who_may_not_be_served_from_abroad_sees_the_partner_or_nothing(partner: bool, left: float) -> None:
    channels = WITH_CHANNELS if partner else WITH_CHANNELS.replace("licence: {kind: partner}, ", "")
    changes = (
        channels,
        *(
            f"shares.{layer}.channel={{aws: {{import: 1}}, microsoft: {{import: 1}}, other_foreign: {{import: 1}}}}"
            for layer in ("iaas", "paas", "saas")
        ),
        "regimes.transfer_ban.cross_border=0",
        "regimes.handed_over.transfers_sites=false",
        "regimes.jv_only.tariff=0",
        "regimes.transfer_ban.tariff=0",
    )
    found, base = scenario(*changes), mixed(*changes)
    shut = mix_of(base).lifts(grants_of(found, state_of(found, "transfer_ban"), base.inputs, base.draws))
    np.testing.assert_allclose(shut.rest, left, atol=1e-12)
    assert (shut.abroad_part == 0.0).all()


def test_a_regime_that_changes_no_control_identifies_no_premium() -> None:
    with pytest.raises(ScenarioError, match=r"opening\.hypotheses\.itif_counterfactual\.regime.*full control"):
        scenario(WITH_CHANNELS, "opening.hypotheses.itif_counterfactual.regime=transfer_ban")
