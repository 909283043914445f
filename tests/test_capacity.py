"""Owned sites: orders, arrivals, the zone's cap, and rationing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import column, run, worlds

from sim.kernels.capacity import arriving, first_come, grant, intake, projected_use

TWO = np.ones(2)


def test_projected_use_keeps_the_inflow_up_for_the_planning_time() -> None:
    found = projected_use(3 * np.ones((1, 2)), 0.5 * np.ones((1, 2)), 1.0 * TWO, 0.25)
    np.testing.assert_allclose(found, 5.0)


def test_an_order_arrives_one_lead_later() -> None:
    orders = np.arange(5.0)[:, None, None] * TWO
    np.testing.assert_array_equal(arriving(orders, 4, np.array([1, 3]))[0], [3.0, 1.0])
    np.testing.assert_array_equal(arriving(orders, 1, np.array([1, 3]))[0], [0.0, 0.0])


def test_launch_order_breaks_ties_by_name() -> None:
    launched = np.array([[2021.0, 2020.0], [2021.0, 2021.0], [2020.5, 2021.0]])
    order = first_come(launched, ("zeta", "alpha", "mid"))
    np.testing.assert_array_equal(order, [[2, 0], [1, 1], [0, 2]])


def test_the_cap_is_shared_in_launch_order() -> None:
    wanted = np.array([[4.0, 4.0], [4.0, 4.0]])
    granted = grant(np.array([[1.0, 1.0], [2.0, 2.0]]), wanted, np.array([5.0, np.inf]), np.array([[1, 1], [0, 0]]))
    np.testing.assert_array_equal(granted, [[1.0, 4.0], [4.0, 4.0]])


@settings(max_examples=60, deadline=None)
@given(
    room=st.tuples(st.floats(0, 3), st.floats(0, 3)),
    lead=st.tuples(st.floats(1, 20), st.floats(1, 20)),
    spending=st.floats(0.01, 5),
)
def test_new_spending_fits_the_room_and_nothing_is_lost(
    room: tuple[float, float], lead: tuple[float, float], spending: float
) -> None:
    partner = np.array([0.1, 0.05])[:, None, None] * TWO
    owned = partner * np.array(lead)[:, None, None]
    home, exponent = np.full((1, 2), 0.85), np.full(2, 0.2)
    free = np.array(room)[:, None] * TWO
    found = intake(np.ones((2, 2), dtype=bool), free, owned, partner, home, spending * np.ones((1, 2)), exponent)
    assert (found.owned.sum(axis=1) <= free * (1 + 1e-12)).all()
    total = found.owned.sum(axis=0) + found.partner.sum(axis=0) + home * found.home_rate
    np.testing.assert_allclose(total, spending * found.lift, rtol=1e-12)
    assert (found.lift >= 1 - 1e-12).all()


def test_with_room_for_all_everybody_sees_the_owned_offer() -> None:
    partner, owned = np.full((1, 1, 2), 0.1), np.full((1, 1, 2), 0.4)
    home, free = np.full((1, 2), 0.9), np.full((1, 2), np.inf)
    found = intake(np.ones((1, 2), dtype=bool), free, owned, partner, home, np.ones((1, 2)), np.zeros(2))
    np.testing.assert_allclose(found.owned, 0.4 / 1.3)
    np.testing.assert_array_equal(found.partner, 0.0)


def test_sites_never_serve_more_than_their_capacity_nor_the_zone_more_than_its_cap() -> None:
    for name in ("ftz_pilot", "full_liberalization"):
        panels = run(name, "entry.rule=always")
        for provider in ("aws", "microsoft", "other_foreign"):
            served = column(panels, "owned_revenue", "total", provider)[1:]
            assert (served <= column(panels, "capacity", "total", provider) * (1 + 1e-9) + 1e-15).all()
    panels = run("ftz_pilot", "entry.rule=always")
    size = column(panels, "market_size")
    cap = worlds("ftz_pilot", "entry.rule=always").inputs["zone.cap"]
    # The cap follows the market, but what stands is not torn down; a year's last quarter may be above its mean by e.
    largest = cap * np.maximum.accumulate(size[1:] / size[1], axis=0) * np.e
    assert (column(panels, "capacity", "total", "foreign") <= largest).all()


def test_the_cap_binds_in_some_draws_of_the_pilot() -> None:
    free = run("ftz_pilot", "zone.cap=1000")
    bound = column(run("ftz_pilot"), "owned_revenue", "total", "foreign")[-1]
    assert (bound < 0.99 * column(free, "owned_revenue", "total", "foreign")[-1]).mean() > 0.05
