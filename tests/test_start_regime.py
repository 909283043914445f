"""A base year that was lived under a regime which already unlocks a part of the premium."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import NO_PARTNER_GAIN, economy, scenario, worlds

from sim.axes import FloatArray
from sim.errors import NumericalError
from sim.kernels.equilibrium import static_equilibrium
from sim.model.economy import Economy
from sim.model.entry import entry_verdicts, static_under, tariff_equivalent
from sim.model.inversion import Economies, build_economy, start_unlock, target_share
from sim.scenario.policy import states

UNLOCKED = "regimes.jv_only.partner_unlock=0.4"
"""Of the regime that shipped scenarios start with."""


def _open_spending(base: Economy) -> FloatArray:
    rows = base.segment_rows("iaas")
    return base.weights[rows] * base.open_part[rows]


def test_what_the_start_unlocks_is_inside_the_base_year() -> None:
    plain, lived = economy("jv_only"), economy("jv_only", UNLOCKED)
    for name in ("shares", "base", "log_markup", "utility"):
        np.testing.assert_array_equal(getattr(lived, name), getattr(plain, name))
    found = scenario("jv_only", UNLOCKED)
    np.testing.assert_array_equal(start_unlock(found, lived.inputs, lived.draws), np.full(lived.draws, 0.4))
    rows = lived.segment_rows("iaas")
    still = static_under(found, lived, states(found)[0])
    np.testing.assert_allclose(still.segment, lived.shares[:, rows], rtol=0, atol=1e-12)


def test_full_unlock_adds_the_rest_of_the_premium_and_so_reaches_its_target() -> None:
    plain, lived, found = economy("jv_only"), economy("jv_only", UNLOCKED), scenario("jv_only", UNLOCKED)
    np.testing.assert_allclose(lived.premium * 0.6, plain.premium, rtol=1e-14)
    rows = lived.segment_rows("iaas")
    full = np.broadcast_to(0.6 * lived.premium_by_segment[rows], (lived.foreign, 4, lived.draws))
    static = static_equilibrium(lived.static_market(rows), np.ones((4, lived.draws)), full, full)
    share = np.average(static.reached[lived.domestic :].sum(axis=0), axis=0, weights=_open_spending(lived))
    today = np.average(lived.base[lived.domestic :, rows].sum(axis=0), axis=0, weights=_open_spending(lived))
    np.testing.assert_allclose(share, np.maximum(target_share(found, lived), today), rtol=0, atol=1e-9)


def test_what_every_regime_grants_its_partners_moves_nobody() -> None:
    """A premium that partners have before and after is in the base year of both cases alike."""
    granted = (*NO_PARTNER_GAIN, "regimes.full_liberalization.partner_unlock=0.4", UNLOCKED)
    plain, lived = (economy("full_liberalization", *edits) for edits in (NO_PARTNER_GAIN, granted))
    before, after = (scenario("full_liberalization", *edits) for edits in (NO_PARTNER_GAIN, granted))
    verdicts = [entry_verdicts(*case) for case in ((before, plain), (after, lived))]
    np.testing.assert_array_equal(verdicts[0], verdicts[1])
    assert 0.1 < verdicts[0][1].mean() < 0.99
    static = [static_under(case, base, states(case)[1]).segment for case, base in ((before, plain), (after, lived))]
    np.testing.assert_allclose(static[0], static[1], rtol=0, atol=1e-12)


def test_the_tariff_of_the_start_is_what_full_opening_would_add() -> None:
    plain, lived = economy("jv_only"), economy("jv_only", UNLOCKED)
    before, after = scenario("jv_only"), scenario("jv_only", UNLOCKED)
    expected = tariff_equivalent(before, plain, states(before)[0])
    np.testing.assert_allclose(tariff_equivalent(after, lived, states(after)[0]), expected, rtol=1e-12)


def test_a_regime_that_takes_back_what_the_start_unlocked_is_a_tariff_on_the_whole_premium() -> None:
    edits = (UNLOCKED, "policy.steps.back={when: 2020-01-01, adopt: transfer_ban}")
    found, lived = scenario("jv_only", *edits), economy("jv_only", *edits)
    tariff = tariff_equivalent(found, lived, states(found)[-1])
    np.testing.assert_allclose(tariff, np.expm1(lived.premium / lived.excess), rtol=1e-7, atol=1e-9)


def test_a_start_that_unlocks_everything_is_refused_by_name() -> None:
    edit = "regimes.jv_only.partner_unlock=1"
    with pytest.raises(NumericalError, match=r"regimes\.jv_only\.partner_unlock is 1 at the start"):
        build_economy(scenario("jv_only", edit), worlds("jv_only", edit).inputs)


def test_a_base_year_is_not_shared_with_a_scenario_that_starts_with_another_premium() -> None:
    known, drawn = Economies(), worlds("jv_only").inputs
    for edits, count in (((), 1), ((UNLOCKED,), 2), (("regimes.ftz_pilot.partner_unlock=0.4",), 2)):
        found = known.of(scenario("jv_only", *edits), drawn)
        assert known.count == count
        np.testing.assert_array_equal(found.premium, economy("jv_only", *edits).premium)
