"""Markups and the static equilibrium at their ends; against other solvers in `oracles/test_equilibrium.py`."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import economy, scenario

from sim.axes import FloatArray
from sim.kernels.equilibrium import StaticMarket, opening_premium, static_equilibrium
from sim.kernels.pricing import base_class_share, class_share, log_markup, share_slope
from sim.model.inversion import target_share

TWO = np.ones(2)


def test_a_small_firm_has_the_markup_of_monopolistic_competition() -> None:
    elasticity = np.array([2.2, 3.5])
    slope = share_slope(elasticity, np.array([1.2, 1.2]), np.ones(2))
    np.testing.assert_allclose(np.exp(log_markup(np.zeros(2), elasticity, slope)), elasticity / (elasticity - 1))


def test_a_monopolist_has_the_markup_of_total_demand() -> None:
    slope = share_slope(np.array([3.5]), np.array([1.2]), np.ones(1))
    assert np.exp(log_markup(np.ones(1), np.array([3.5]), slope))[0] == pytest.approx(1.2 / 0.2)


def _markup_of(shares: FloatArray) -> FloatArray:
    """At conduct 1 and the elasticities 3.5 and 1.2."""
    return np.exp(log_markup(shares, 3.5 * TWO, share_slope(3.5 * TWO, 1.2 * TWO, TWO)))


def test_two_fifths_of_an_open_part_of_three_quarters_by_hand() -> None:
    """3.5 - 2.3 x 0.4 = 2.58 for who sells in the open part alone, where its share of the segment would say 2.81.

    Of the other three fifths one firm has a third, as of the closed part: it sells 0.2 of 0.75 and 1/3 of 0.25, so that
    its mean share is (0.15 x 0.2 + 0.0833 x 0.3333) / 0.2333 = 0.247619, and its elasticity 3.5 - 2.3 x 0.247619.
    """
    base = np.repeat(np.array([0.2, 0.4, 0.4])[:, None, None], 2, axis=2)
    shares = base_class_share(base, np.full((1, 2), 0.75), 2)
    assert shares.shape == base.shape
    found = _markup_of(shares)[:, 0, 0]
    elasticity = 3.5 - 2.3 * 0.2476190476190476
    np.testing.assert_allclose(found[[0, 2]], [elasticity / (elasticity - 1), 2.58 / 1.58], rtol=1e-14)
    assert found[2].round(3) == 1.633
    assert _markup_of(0.75 * base[2])[0, 0].round(3) == 1.552


def test_the_mean_class_share_lies_between_the_share_of_the_segment_and_the_largest() -> None:
    random = np.random.default_rng(2)
    shares, spending = random.uniform(0, 1, (3, 4, 2, 50)), random.dirichlet(np.ones(3), (2, 50))
    spending = np.moveaxis(spending, -1, 0)
    mean = class_share(list(shares), list(spending))
    assert mean.shape == (4, 2, 50)
    assert (mean > (shares * spending[:, None]).sum(axis=0)).all()
    assert (mean < shares.max(axis=0)).all()


def test_a_class_of_no_spending_and_classes_of_equal_shares_make_no_difference() -> None:
    share = np.array([[0.3, 0.6]])
    one, none = np.ones((1, 2)), np.zeros((1, 2))
    np.testing.assert_array_equal(class_share([share, one], [one, none]), share)
    np.testing.assert_allclose(class_share([share] * 3, [0.2 * one, 0.3 * one, 0.5 * one]), share, rtol=1e-15)
    np.testing.assert_allclose(
        class_share([0.5 * share, 0.5 * one], [one, one]), 0.5 * class_share([share, one], [one, one])
    )


@pytest.mark.parametrize("target", [0.0, 0.1, 0.19])
def test_a_target_of_no_more_than_today_needs_no_premium(target: float) -> None:
    base = np.repeat(np.array([0.5, 0.3, 0.2])[:, None, None], 2, axis=2)
    market = StaticMarket(base, np.full((1, 2), 0.7), 2, np.zeros(3, dtype=bool), 3.5 * TWO, 1.2 * TWO, TWO)
    np.testing.assert_array_equal(opening_premium(market, np.ones((1, 2)), np.full(2, target)), 0.0)


def test_a_target_below_today_takes_utility_away_as_far_as_it_may() -> None:
    base = np.repeat(np.array([0.5, 0.3, 0.2])[:, None, None], 2, axis=2)
    market = StaticMarket(base, np.ones((1, 2)), 2, np.ones(3, dtype=bool), 3.5 * TWO, 1.2 * TWO, TWO)
    found = opening_premium(market, np.ones((1, 2)), np.full(2, 0.1), least=np.array([-3.0, -0.5]))
    np.testing.assert_allclose(found, [np.log(0.1 / 0.9 * 4), -0.5], rtol=1e-12)


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


def test_in_every_shipped_draw_full_unlock_gives_the_share_of_its_hypothesis() -> None:
    found = economy("full_liberalization")
    rows = found.segment_rows("iaas")
    premium = found.premium_by_segment[rows]
    full = np.broadcast_to(premium, (found.foreign, *premium.shape))
    static = static_equilibrium(found.static_market(rows), np.ones_like(premium), full, full)
    spending = found.weights[rows] * found.open_part[rows]
    shares = static.reached, found.base[:, rows]
    reached, today = (np.average(share[found.domestic :].sum(axis=0), axis=0, weights=spending) for share in shares)
    target = target_share(scenario("full_liberalization"), found)
    np.testing.assert_allclose(reached, np.maximum(target, today), rtol=0, atol=1e-6)
