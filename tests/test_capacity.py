"""Owned sites: orders, arrivals, the zone's cap, and rationing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import FOLDER, column, periods, run, worlds

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.kernels.capacity import arriving, first_come, grant, lags, planned_growth
from sim.kernels.choice import Intake, Reach, rationed
from sim.model.engine import simulate
from sim.reading.loading import load_scenario

TWO = np.ones(2)


def _intake(reach: Reach, share: FloatArray, room: FloatArray) -> Intake:
    return rationed(reach, share[:, None], room, reach.divide(share[:, None]))


def _planned(step: float, changes: FloatArray, first_years: float) -> float:
    """What a site plans with after some periods, launched `first_years` before the middle of the first."""
    found, live = np.zeros((1, 2)), np.full((1, 2), first_years)
    for t, change in enumerate(changes):
        found = planned_growth(found, change * np.ones((1, 2)), live, np.full((1, 2), t == 0), step)
        live = np.full((1, 2), step)
    return float(found[0, 0])


def test_the_first_window_is_planned_for_at_the_pace_of_its_live_part() -> None:
    assert _planned(0.25, np.array([0.3]), 0.1) == pytest.approx(3.0)


def test_planned_growth_is_smoothed_over_a_year() -> None:
    """Of what a year of growth twice as fast brings, 1 - 1/e is believed at its end."""
    for step in (1 / 12, 0.25, 0.5):
        paces = np.concatenate([[2.0], np.full(round(1 / step), 4.0)])
        assert _planned(step, paces * step, step) == pytest.approx(2.0 + 2.0 * -np.expm1(-1.0))


def test_months_and_quarters_plan_alike() -> None:
    """Growth of use that fades evenly: to a few percent, as what lies inside a quarter is seen as its mean."""
    edges = {step: np.arange(0.0, 3.0 + step / 2, step) for step in (1 / 12, 0.25)}
    month, quarter = (_planned(step, np.diff(5 * -np.expm1(-0.4 * edge)), step) for step, edge in edges.items())
    assert month == pytest.approx(quarter, rel=0.02)


@pytest.mark.parametrize(
    ("years", "whole", "part"), [(0.5, 2, 0.0), (0.6, 2, 0.4), (0.1, 1, 0.0), (1.0 - 1e-12, 4, 0.0)]
)
def test_a_lead_is_whole_periods_and_a_part_of_a_further_one(years: float, whole: int, part: float) -> None:
    found = lags(years * TWO, 0.25)
    assert found[0].tolist() == [whole, whole]
    np.testing.assert_allclose(found[1], part, atol=1e-9)


def test_an_order_arrives_one_lead_later() -> None:
    orders = np.arange(1.0, 7.0)[:, None, None] * TWO
    orders[5] = 0.0  # beyond the last of five periods
    np.testing.assert_array_equal(arriving(orders, 4, np.array([1, 3]))[0], [4.0, 2.0])
    np.testing.assert_array_equal(arriving(orders, 4, np.array([4, 5]))[0], [1.0, 0.0])
    orders[2:] = 0.0  # those still to come
    for lead in range(2, 8):
        np.testing.assert_array_equal(arriving(orders, 1, np.array([1, lead]))[0], [1.0, 0.0])


def test_launch_order_breaks_ties_by_the_order_drawn() -> None:
    launched = np.array([[2021.0, 2020.0], [2021.0, 2021.0], [2020.5, 2021.0]])
    order = first_come(launched, np.array([[0.9, 0.9], [0.1, 0.1], [0.5, 0.5]]))
    np.testing.assert_array_equal(order, [[4, 1], [2, 3], [0, 5]])  # places in a flat array of three by two


def test_the_cap_is_shared_in_launch_order() -> None:
    wanted = np.array([[4.0, 4.0], [4.0, 4.0]])
    granted = grant(np.array([[1.0, 1.0], [2.0, 2.0]]), wanted, np.array([5.0, np.inf]), np.array([[2, 3], [0, 1]]))
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
    found = _intake(
        Reach(np.ones((2, 2)), owned, partner, partner, home, spending * np.ones((1, 2)), exponent),
        np.ones((2, 2)),
        free,
    )
    assert (found.owned.sum(axis=1) <= free * (1 + 1e-12)).all()
    total = found.owned.sum(axis=0) + found.partner.sum(axis=0) + home * found.home_rate
    np.testing.assert_allclose(total, spending * found.lift, rtol=1e-12)
    assert (found.lift >= 1 - 1e-12).all()


def test_with_room_for_all_everybody_sees_the_owned_offer() -> None:
    partner, owned = np.full((1, 1, 2), 0.1), np.full((1, 1, 2), 0.4)
    home, free = np.full((1, 2), 0.9), np.full((1, 2), np.inf)
    found = _intake(
        Reach(np.ones((1, 2)), owned, partner, partner, home, np.ones((1, 2)), np.zeros(2)), np.ones((1, 2)), free
    )
    np.testing.assert_allclose(found.owned, 0.4 / 1.3)
    np.testing.assert_array_equal(found.partner, 0.0)


@pytest.mark.parametrize("name", ["ftz_pilot", "full_liberalization"])
def test_a_site_never_serves_more_than_its_capacity(name: str) -> None:
    _, record = periods(name, "entry.rule=always")
    assert (record.owned.sum(axis=2) <= record.capacity * (1 + 1e-9) + 1e-15).all()


def test_nothing_is_bought_beyond_the_zones_cap() -> None:
    """The cap is stated at the size of the first year and follows the market; what stands is not torn down."""
    _, record = periods("ftz_pilot", "entry.rule=always")
    size = record.size.sum(axis=1)
    cap = worlds("ftz_pilot", "entry.rule=always").inputs["zone.cap"] * size / size[:4].mean(axis=0)
    buys = record.bought.sum(axis=1) > 0
    assert (record.capacity.sum(axis=1)[buys] <= (cap * (1 + 1e-9))[buys]).all()


def test_a_tranche_retires_at_the_end_of_its_life_and_what_is_wanted_of_it_is_replaced() -> None:
    _, record = periods("full_liberalization", "entry.rule=always", "economics.asset_life=2")
    life, capacity = 8, record.capacity
    retired = np.zeros_like(capacity)
    retired[life:] = record.bought[:-life]
    before = np.concatenate([np.zeros_like(capacity[:1]), capacity[:-1]])
    np.testing.assert_allclose(capacity, before - retired + record.bought, atol=1e-9)
    assert (record.owned.sum(axis=2) <= capacity * (1 + 1e-9) + 1e-15).all()
    assert (record.bought[life:] < retired[life:] - 1e-6).any()  # idle capacity goes
    assert (record.bought[life:] > 0).any()


def test_the_cap_binds_in_some_draws_of_the_pilot() -> None:
    free = run("ftz_pilot", "zone.cap=1000")
    bound = column(run("ftz_pilot"), "owned_revenue", "total", "foreign")[-1]
    assert (bound < 0.99 * column(free, "owned_revenue", "total", "foreign")[-1]).mean() > 0.05


def test_who_launches_late_in_a_period_is_seen_in_what_is_left_of_it() -> None:
    partner, owned = np.full((1, 1, 2), 0.1), np.full((1, 1, 2), 0.1)
    home, free = np.full((1, 2), 0.9), np.full((1, 2), np.inf)
    found = _intake(
        Reach(np.ones((1, 2)), owned, partner, partner, home, np.ones((1, 2)), np.zeros(2)),
        np.array([[0.25, 1.0]]),
        free,
    )
    np.testing.assert_allclose(found.owned[0, 0], [0.025, 0.1])
    np.testing.assert_allclose(found.partner[0, 0], [0.075, 0.0])


def test_one_draw_that_is_short_alone_gets_the_bits_that_it_gets_beside_another() -> None:
    """Over many segments, whose sum NumPy takes in another order where there is one draw."""
    providers, segments, draws = 2, 40, 8
    random = np.random.default_rng(5)
    partner = random.uniform(0.001, 0.02, (providers, segments, draws))
    home, spending = random.uniform(0.5, 0.9, (2, segments, draws))
    seen = np.ones((providers, draws))
    reach = Reach(seen, 3.0 * partner, partner, partner, home, spending, np.full(draws, 0.2))
    room = np.full((providers, draws), np.inf)
    room[:, 3] = 0.1
    alone = _intake(reach, seen, room)
    room[:, 5] = 0.1
    np.testing.assert_array_equal(_intake(reach, seen, room).owned[..., 3], alone.owned[..., 3])


HEADROOM = "capacity.headroom={value: %s, unit: fraction, source: judgement, grade: judgement}"
CERTAIN = ("rivalry.provider_sd=0", "rivalry.origin_sd=0", "market.volatility=0", "market.step_rate=0")


def test_headroom_is_what_stands_beyond_what_is_expected_to_be_used() -> None:
    """Where nothing is short without it, use is the same and capacity larger by it."""
    plain, more = (
        periods("full_liberalization", *CERTAIN, "entry.rule=always", *stated)[1] for stated in ((), (HEADROOM % 0.25,))
    )
    same = (plain.owned == more.owned).all(axis=(0, 1, 2))
    assert same.mean() > 0.2
    np.testing.assert_allclose(more.capacity[..., same], 1.25 * plain.capacity[..., same], rtol=1e-12)


def test_no_headroom_is_the_run_without_to_the_bit() -> None:
    plain, stated = (run("full_liberalization", *changes) for changes in ((), (HEADROOM % 0,)))
    for name, panel in plain.items():
        np.testing.assert_array_equal(stated[name].values, panel.values, err_msg=name)


def test_sites_of_the_base_year_keep_room_for_luck() -> None:
    """With headroom next to nobody is turned away where nothing changes, and sites are as full as was measured."""
    without, found = (_open_market(value) for value in ("0", "0.36"))
    assert found[0][-1] > 0.995
    assert found[0][-1] - without[0][-1] > 0.03
    assert 0.6 < found[1] < 0.75
    assert without[1] > 0.85


def _open_market(headroom: str) -> tuple[FloatArray, float]:
    """Part of foreign sales on own sites by year, and the median utilization in the last, in an open market."""
    case = load_scenario(
        FOLDER / "europe_cloud" / "open_as_it_is.yaml", overrides=(HEADROOM % headroom,), extremes=True
    )
    panels = simulate(case, draw_worlds(case, range(1)), needed=("owned_revenue", "revenue_gross", "capacity"))
    own, gross, stands = (
        sum(column(panels, name, "total", provider) for provider in case.foreign)
        for name in ("owned_revenue", "revenue_gross", "capacity")
    )
    return own.sum(axis=1) / gross.sum(axis=1), float(np.median(own[-1] / stands[-1]))
