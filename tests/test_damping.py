"""Catching up that goes on for good, or that loses half of its pace in a stated time."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import CALM_MARKET, NO_RIVALRY, periods, run

from sim.axes import FloatArray
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
