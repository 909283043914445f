"""Catching up that goes on for good, that loses half of its pace in a stated time, or whose direction turns."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import CALM_MARKET, NO_RIVALRY, NOTHING_DRIFTS, periods, run, scenario, worlds

from sim.axes import FloatArray
from sim.belief.space import find_space, middle_of
from sim.chance.sampling import columns_of, draw_latents
from sim.chance.shocks import drift_sd
from sim.chance.units import units_of
from sim.chance.worlds import Latents, worlds_of
from sim.kernels.growth import left_over

ALONE = (*NO_RIVALRY, *CALM_MARKET, "technology.spillover=0", "technology.catch_up=6")


def _half_life(years: float) -> str:
    return f"technology.catch_up_half_life={{value: {years}, unit: years, source: judgement, grade: judgement}}"


def _quality(months: int, *stated: str) -> FloatArray:
    """Log of domestic quality at the end of each year, (Y, L, N)."""
    quality = periods("jv_only", *ALONE, f"horizon.period_months={months}", *stated)[1].quality
    return np.asarray(quality[12 // months - 1 :: 12 // months])


@pytest.mark.parametrize("months", [1, 3, 12])
@pytest.mark.parametrize("half_life", [0.5, 6.6, 40.0])
def test_quality_rises_as_the_integral_of_a_rate_that_halves(months: int, half_life: float) -> None:
    found = _quality(months, _half_life(half_life))
    years = np.arange(1, len(found) + 1)[:, None, None]
    expected = 0.06 * half_life / np.log(2.0) * (1.0 - 0.5 ** (years / half_life))
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-9)


def test_without_a_half_life_it_rises_for_good_and_so_it_does_with_an_endless_one() -> None:
    constant, endless = _quality(3), _quality(3, _half_life(1e6))
    np.testing.assert_allclose(constant[-1], 0.06 * len(constant), rtol=1e-9)
    np.testing.assert_allclose(endless, constant, rtol=1e-5)


def test_half_of_the_rate_is_left_after_the_half_life() -> None:
    years = np.array([0.5, 3.0])
    np.testing.assert_allclose(left_over(3.0, 1e-6, years), 0.5 ** (3.0 / years), rtol=1e-5)


def test_what_fades_takes_less_from_foreign_providers() -> None:
    ends = [
        run("jv_only", *ALONE, *stated)["foreign_share"].column(2030, "total", "") for stated in ((), (_half_life(3),))
    ]
    assert (ends[1] > ends[0]).all()


def _luck(sd: float, half_life: float = 3.0) -> str:
    judged = "source: judgement, grade: judgement"
    lasts = f"{{value: {half_life}, unit: years, {judged}}}"
    return f"technology.catch_up_luck={{sd: {{value: {sd}, unit: '%/yr', {judged}}}, half_life: {lasts}}}"


@pytest.mark.parametrize("months", [1, 3, 12])
@pytest.mark.parametrize("half_life", [0.5, 3.0, 40.0])
def test_turns_have_the_variance_of_an_integrated_process_that_reverts(months: int, half_life: float) -> None:
    found = worlds("jv_only", _luck(2, half_life), f"horizon.period_months={months}", scrambles=4).catch_up_shock
    years = np.arange(1, len(found) + 1) * months / 12
    np.testing.assert_allclose(found.std(axis=1), 0.02 * drift_sd(half_life, years), rtol=0.06)
    assert (np.abs(found.mean(axis=1)) < 0.1 * found.std(axis=1)).all()


@pytest.mark.parametrize("months", [1, 3, 12])
def test_what_luck_adds_is_in_quality_and_nothing_else(months: int) -> None:
    found, length = _quality(months, _luck(4)), 12 // months
    luck = worlds("jv_only", _luck(4), f"horizon.period_months={months}").catch_up_shock[length - 1 :: length]
    years = np.arange(1, len(found) + 1)[:, None]
    assert (np.diff(found, axis=0) < 0.0).any(), "the direction turns"
    np.testing.assert_allclose(found, np.broadcast_to((0.06 * years + luck)[:, None], found.shape), atol=1e-12)


def test_luck_of_catching_up_has_no_direction_in_shares() -> None:
    """Where everybody chooses anew in every year, means stay where they are without it."""
    forgetful = ("demand.captive_growth=0", "demand.churn=100000", "demand.conduct=0", "horizon.period_months=12")
    edits = (*NOTHING_DRIFTS, *CALM_MARKET, *forgetful)
    share, still = (
        run("jv_only", *edits, *luck, scrambles=4)["foreign_share"].column(2030, "paas", "")
        for luck in ((_luck(4, 6),), ())
    )
    assert share.std() > 1.5 * still.std()
    assert share.mean() == pytest.approx(still.mean(), abs=0.003)


def test_turns_are_one_unit_of_luck_the_same_under_every_regime() -> None:
    one, other = (worlds(name, _luck(4)).catch_up_shock for name in ("jv_only", "full_liberalization"))
    np.testing.assert_array_equal(one, other)
    assert not worlds("jv_only").catch_up_shock.any()
    with_it, without = ({unit.name for unit in units_of(scenario("jv_only", *luck))} for luck in ((_luck(4),), ()))
    assert with_it - without == {"shock.catch_up"}


def test_luck_of_catching_up_moves_no_other_column() -> None:
    plain, turning = worlds("jv_only"), worlds("jv_only", _luck(4))
    for path in ("market_shock", "market_steps", "rivalry", "origin_shock", "order"):
        np.testing.assert_array_equal(getattr(plain, path), getattr(turning, path))


def test_what_is_learned_may_hold_the_path() -> None:
    """It is found by what it moves, and all of its normals go into the vector and come back."""
    case = scenario("jv_only", _luck(4), "horizon.end_year=2020")
    latents = draw_latents(case, 0)

    def simulate(of: Latents) -> FloatArray:
        return worlds_of(case, columns_of(case, of)).catch_up_shock[-1:]

    space = find_space(case, simulate, 0)
    assert (space.inputs, space.events, space.shocks) == ((), (), ("shock.catch_up",))
    back = space.latents_of(space.state_of(latents, np.zeros((0, 512))), middle_of(case, 512))
    np.testing.assert_array_equal(back.shocks["shock.catch_up"], latents.shocks["shock.catch_up"])
