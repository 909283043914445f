"""Markups, the static equilibrium and the opening premium against other solvers and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root
from shipped import economy

from sim.axes import FloatArray
from sim.kernels.equilibrium import StaticMarket, opening_premium, static_equilibrium
from sim.kernels.pricing import log_markup, share_slope


def _market(base: FloatArray, conduct: float, *, open_part: float = 0.7, substitution: float = 3.5) -> StaticMarket:
    """One segment, the last provider foreign; two equal draws."""
    return StaticMarket(
        base=np.repeat(base[:, None, None], 2, axis=2),
        open_part=np.full((1, 2), open_part),
        domestic=len(base) - 1,
        atomistic=np.zeros(len(base), dtype=bool),
        substitution=np.full(2, substitution),
        demand=np.full(2, 1.2),
        conduct=np.full(2, conduct),
    )


def _by_root_finder(
    base: FloatArray, conduct: float, boost: float, open_part: float, substitution: float
) -> FloatArray:
    """Shares of the segment from the first-order conditions, by scipy on log markups."""

    def shares(excess: FloatArray, lift: float) -> FloatArray:
        attraction = base * np.exp((1 - substitution) * excess)
        attraction[-1] *= np.exp(lift)
        whole = open_part * attraction / attraction.sum()
        whole[:-1] += (1 - open_part) * attraction[:-1] / attraction[:-1].sum()
        return np.asarray(whole)

    def log_price(share: FloatArray) -> FloatArray:
        elasticity = substitution - conduct * (substitution - 1.2) * share
        return np.asarray(np.log(elasticity / (elasticity - 1)))

    start = log_price(shares(np.zeros_like(base), 0.0))
    solved = root(lambda x: x - (log_price(shares(x, boost)) - start), np.zeros_like(base), tol=1e-13)
    assert solved.success
    return shares(solved.x, boost)


@pytest.mark.parametrize("conduct", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("boost", [-1.0, 0.0, 2.5])
def test_the_static_equilibrium_solves_the_first_order_conditions(conduct: float, boost: float) -> None:
    base = np.array([0.45, 0.25, 0.2, 0.1])
    lift = np.full((1, 1, 2), boost)
    found = static_equilibrium(_market(base, conduct), np.ones((1, 2)), lift, lift)
    expected = _by_root_finder(base, conduct, boost, 0.7, 3.5)
    np.testing.assert_allclose(found.segment[:, 0, 0], expected, atol=1e-8)


def test_a_small_firm_has_the_markup_of_monopolistic_competition() -> None:
    elasticity = np.array([2.2, 3.5])
    slope = share_slope(elasticity, np.array([1.2, 1.2]), np.ones(2))
    np.testing.assert_allclose(np.exp(log_markup(np.zeros(2), elasticity, slope)), elasticity / (elasticity - 1))


def test_a_monopolist_has_the_markup_of_total_demand() -> None:
    slope = share_slope(np.array([3.5]), np.array([1.2]), np.ones(1))
    assert np.exp(log_markup(np.ones(1), np.array([3.5]), slope))[0] == pytest.approx(1.2 / 0.2)


@settings(max_examples=40, deadline=None)
@given(today=st.floats(0.02, 0.4), gain=st.floats(0.0, 0.5), conduct=st.floats(0, 1), substitution=st.floats(1.9, 6))
def test_the_premium_reaches_its_target(today: float, gain: float, conduct: float, substitution: float) -> None:
    target = today + gain * (0.9 - today)
    market = _market(np.array([0.6 * (1 - today), 0.4 * (1 - today), today]), conduct, substitution=substitution)
    premium = opening_premium(market, np.ones((1, 2)), np.full(2, target))
    lift = np.broadcast_to(premium, (1, 1, 2))
    assert static_equilibrium(market, np.ones((1, 2)), lift, lift).reached[-1, 0, 0] == pytest.approx(target, abs=1e-6)


def test_the_premium_is_never_negative() -> None:
    market = _market(np.array([0.5, 0.3, 0.2]), 1.0)
    np.testing.assert_array_equal(opening_premium(market, np.ones((1, 2)), np.array([0.1, 0.19])), 0.0)


def test_a_target_of_nothing_needs_no_premium() -> None:
    market = _market(np.array([0.5, 0.3, 0.2]), 1.0)
    np.testing.assert_array_equal(opening_premium(market, np.ones((1, 2)), np.zeros(2)), 0.0)


def test_on_a_symmetric_two_market_case_the_tariff_is_that_of_head_and_ries() -> None:
    """With equal firms at home and abroad, free trade gives each one half of either market."""
    foreign, substitution = 0.08, 3.5
    base = np.array([1 - foreign, foreign])
    market = StaticMarket(
        np.repeat(base[:, None, None], 2, axis=2),
        np.ones((1, 2)),
        1,
        np.ones(2, dtype=bool),
        np.full(2, substitution),
        np.full(2, 1.2),
        np.zeros(2),
    )
    premium = opening_premium(market, np.ones((1, 2)), np.full(2, 0.5))
    tariff = np.expm1(premium / (substitution - 1))[0]
    # Head & Ries (2001): (1 + tau)^2 = (s_ii s_jj / (s_ij s_ji))^(1 / (epsilon - 1)), here with s_ii = s_jj.
    head_ries = ((1 - foreign) ** 2 / foreign**2) ** (1 / (2 * (substitution - 1))) - 1
    assert tariff == pytest.approx(head_ries, rel=1e-9)


def test_static_gain_follows_arkolakis_costinot_rodriguez_clare_class_by_class() -> None:
    base = np.array([0.5, 0.3, 0.2])
    market = _market(base, 0.0)
    lift = np.full((1, 1, 2), 1.3)
    found = static_equilibrium(market, np.ones((1, 2)), lift, lift)
    before, after = base[:-1].sum(), found.reached[:-1, 0, 0].sum()
    index_change = -np.log(base[:-1].sum() + base[-1] * np.exp(1.3)) / (3.5 - 1)
    assert -index_change == pytest.approx(np.log(before / after) / (3.5 - 1), rel=1e-10)


def test_the_base_year_is_its_own_equilibrium() -> None:
    found = economy()
    still = np.zeros((found.foreign, len(found.segments), found.draws))
    static = static_equilibrium(found.static_market(), np.ones_like(found.open_part), still, still)
    np.testing.assert_allclose(static.segment, found.shares, atol=1e-12)
    np.testing.assert_allclose(static.log_markup, found.log_markup, atol=1e-12)
