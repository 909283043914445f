"""Markups and the static equilibrium at their ends; against other solvers in `oracles/test_equilibrium.py`."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import economy

from sim.kernels.equilibrium import StaticMarket, opening_premium, static_equilibrium
from sim.kernels.pricing import log_markup, share_slope

TWO = np.ones(2)


def test_a_small_firm_has_the_markup_of_monopolistic_competition() -> None:
    elasticity = np.array([2.2, 3.5])
    slope = share_slope(elasticity, np.array([1.2, 1.2]), np.ones(2))
    np.testing.assert_allclose(np.exp(log_markup(np.zeros(2), elasticity, slope)), elasticity / (elasticity - 1))


def test_a_monopolist_has_the_markup_of_total_demand() -> None:
    slope = share_slope(np.array([3.5]), np.array([1.2]), np.ones(1))
    assert np.exp(log_markup(np.ones(1), np.array([3.5]), slope))[0] == pytest.approx(1.2 / 0.2)


@pytest.mark.parametrize("target", [0.0, 0.1, 0.19])
def test_a_target_of_no_more_than_today_needs_no_premium(target: float) -> None:
    base = np.repeat(np.array([0.5, 0.3, 0.2])[:, None, None], 2, axis=2)
    market = StaticMarket(base, np.full((1, 2), 0.7), 2, np.zeros(3, dtype=bool), 3.5 * TWO, 1.2 * TWO, TWO)
    np.testing.assert_array_equal(opening_premium(market, np.ones((1, 2)), np.full(2, target)), 0.0)


def test_a_target_of_all_needs_a_premium_that_leaves_nothing_to_speak_of() -> None:
    base = np.repeat(np.array([0.5, 0.3, 0.2])[:, None, None], 2, axis=2)
    market = StaticMarket(base, np.ones((1, 2)), 2, np.ones(3, dtype=bool), 3.5 * TWO, 1.2 * TWO, TWO)
    premium = opening_premium(market, np.ones((1, 2)), TWO)
    np.testing.assert_allclose(0.8 / (0.2 * np.exp(premium)), np.finfo(float).eps)


def test_the_base_year_is_its_own_equilibrium() -> None:
    found = economy()
    still = np.zeros((found.foreign, len(found.segments), found.draws))
    static = static_equilibrium(found.static_market(), np.ones_like(found.open_part), still, still)
    np.testing.assert_allclose(static.segment, found.shares, atol=1e-12)
    np.testing.assert_allclose(static.log_markup, found.log_markup, atol=1e-12)
