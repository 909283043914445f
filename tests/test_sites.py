"""One period of the market, from stocks made by hand: who stays, who moves, who chooses, and what it is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shipped import NOTHING_DRIFTS, economy

from sim.axes import FloatArray
from sim.kernels.capacity import lags, whole_periods
from sim.kernels.pricing import base_class_share, log_markup
from sim.model.economy import Economy
from sim.model.market import advance, tally
from sim.model.sites import reclassify, settle
from sim.model.stocks import Access, ChannelLifts, Period, Sites, Stocks, opening_stocks

STEP = 0.25
LEAD = "capacity.expansion_lead=6"  # months: two periods


def _economy(*edits: str) -> Economy:
    """The shipped base year without drifts, and with demand of fixed size, so that opening adds no spending."""
    found = economy("full_liberalization", *NOTHING_DRIFTS, LEAD, *edits)
    return replace(found, inputs={**found.inputs, "demand.elasticity_of_demand": np.ones(found.draws)})


def _of_some_size(base: Economy) -> Economy:
    """The same without fringes, whose prices never move."""
    return replace(base, fringe=np.zeros_like(base.fringe))


def _size(base: Economy) -> FloatArray:
    return base.layer_size[base.layer_of] * base.weights


def _stocks(base: Economy) -> Stocks:
    """The end of the base year: everybody at home or with a partner."""
    return opening_stocks(base, base.layer_size, 8)


def _with_sites(base: Economy) -> Stocks:
    """All partner customers are on full sites, and carry a gain of a tenth of their spending."""
    stocks = _stocks(base)
    stocks.owned = stocks.held[base.domestic :].copy()
    stocks.held[base.domestic :] = 0.0
    stocks.home_inside = stocks.held[: base.domestic].sum(axis=0) - stocks.home_closed
    stocks.gain_owned = 0.1 * stocks.owned
    stocks.capacity = stocks.owned.sum(axis=1)
    stocks.reach_part = np.ones_like(base.open_part)
    stocks.sited = True
    return stocks


def _period(base: Economy, *, captive: float = 1.0, contestable: float = 0.0, index: int = 0, **changes: Any) -> Period:
    """A period in which nothing happens but what is stated; `changes` are fields of `Access` and `Sites`."""
    segment, draw = np.zeros_like(base.open_part), np.zeros(base.draws)
    site = np.zeros((base.foreign, base.draws))

    def full(name: str, shaped: FloatArray, value: float = 0.0, kind: type = float) -> Any:
        return np.array(np.broadcast_to(changes.get(name, value), shaped.shape), dtype=kind)

    partner, owned = full("partner_unlock", draw), full("owned_unlock", site)
    lead = np.maximum(owned - partner, 0.0)
    access = Access(
        reach_part=full("reach_part", segment),
        channels=ChannelLifts(partner * base.premium_by_layer, lead[:, None] * base.premium_by_layer),
        cap=full("cap", draw, np.inf),
        takes_migrants=full("takes_migrants", draw, 0.0, bool),
        closes=full("closes", segment),
        evicts=full("evicts", segment),
        spillover=full("spillover", draw, 1.0),
    )
    ordered, late = lags(base.inputs["capacity.expansion_lead"], STEP)
    sites = Sites(
        live=full("live", site, changes.get("selling", 0.0), bool),
        selling=full("selling", site, 0.0, bool),
        transfer=full("transfer", site, 0.0, bool),
        first=full("first", site, 0.0, bool),
        part=full("part", site, 1.0),
        live_years=full("live_years", site, STEP) * full("live", site, changes.get("selling", 0.0), bool),
        selling_years=full("live_years", site, STEP) * full("selling", site, 0.0, bool),
        order=np.arange(base.foreign * base.draws).reshape(base.foreign, base.draws),
        lead=ordered,
        late=late,
        life=whole_periods(base.inputs["economics.asset_life"], STEP),
    )
    return Period(
        number=index,
        step=STEP,
        captive=np.full_like(segment, captive),
        contestable=contestable * _size(base),
        rivalry=np.zeros((len(base.providers), base.draws)),
        offset=np.zeros((len(base.providers), len(base.segments), 1)),
        home_scale=np.ones_like(base.layer_size),
        abroad_scale=np.exp(changes.get("origin", 0.0)) * np.ones_like(base.layer_size),
        catch_up_luck=np.zeros(base.draws),
        access=access,
        sites=sites,
    )


def _advance(base: Economy, stocks: Stocks, **changes: Any) -> Stocks:
    """The stocks after one such period; they are changed in place."""
    tally(base, stocks, stocks.spending(base.domestic))  # of stocks made by hand
    advance(base, stocks, _period(base, **changes), np.empty_like(base.base))
    return stocks


LAUNCH = {"reach_part": 1, "selling": True, "first": True}
"""All of the open part is in reach of a site that is launched at the beginning of this window."""


def _total_gain(stocks: Stocks) -> FloatArray:
    carried = stocks.gain_outside + stocks.gain_inside + stocks.gain_owned
    return np.asarray(stocks.gain_home + carried.sum(axis=0))


# ---- who may see what


def test_customers_in_the_open_part_are_in_reach_in_proportion_wherever_the_border_moves() -> None:
    base = _economy()
    stocks, before = _stocks(base), _stocks(base).held[base.domestic :]
    stocks.gain_outside = 0.1 * before
    at_home = stocks.held[: base.domestic].sum(axis=0) - stocks.home_closed
    for part in (0.3, 0.8, 0.2, 1.0, 0.5):
        reclassify(stocks, np.full_like(base.open_part, part), base.domestic)
        np.testing.assert_allclose(stocks.inside, part * before, rtol=1e-10)
        np.testing.assert_allclose(stocks.held[base.domestic :], (1 - part) * before, rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(stocks.gain_inside, 0.1 * stocks.inside, rtol=1e-10)
        np.testing.assert_allclose(stocks.home_inside, part * at_home, rtol=1e-10)


def test_where_the_border_moves_in_one_draw_its_customers_cross_as_if_it_moved_in_all_and_nobody_else_does() -> None:
    base = _economy()
    before, alone, everywhere = _stocks(base), _stocks(base), _stocks(base)
    part = np.full_like(base.open_part, 0.3)
    reclassify(everywhere, part, base.domestic)
    reclassify(alone, np.where(np.arange(base.draws) == 3, part, 0.0), base.domestic)
    for name in ("held", "inside", "home_inside", "reach_part"):
        there, here, stays = (getattr(stocks, name) for stocks in (everywhere, alone, before))
        assert (here[..., 3] != stays[..., 3]).any()
        np.testing.assert_array_equal(here[..., 3], there[..., 3])
        np.testing.assert_array_equal(np.delete(here, 3, axis=-1), np.delete(stays, 3, axis=-1))


def test_closing_takes_from_both_sides_of_the_border_alike_and_moves_nobody_across_it() -> None:
    base = _economy()
    stocks = _stocks(base)
    reclassify(stocks, np.full_like(base.open_part, 0.4), base.domestic)
    before = {name: getattr(stocks, name).copy() for name in ("held", "inside", "home_inside", "home_closed")}
    _advance(base, stocks, reach_part=0.4, live=True, selling=True, closes=0.1 * base.open_part)
    np.testing.assert_allclose(stocks.open_part, 0.9 * base.open_part)
    np.testing.assert_allclose(stocks.reach, 0.36 * base.open_part)
    for name, stock in before.items():
        np.testing.assert_array_equal(getattr(stocks, name), stock)


def test_what_was_in_reach_is_with_partners_when_nothing_is_in_reach_any_more() -> None:
    base = _economy()
    stocks = _stocks(base)
    stocks.inside, stocks.gain_inside = 0.5 * stocks.held[base.domestic :], 0.05 * stocks.held[base.domestic :]
    stocks.home_inside = 0.1 * stocks.home_closed
    settle(stocks, base.domestic)
    np.testing.assert_allclose(stocks.held, base.shares * _size(base) * np.where(_is_foreign(base), 1.5, 1.0))
    np.testing.assert_allclose(stocks.gain_outside, 0.1 * stocks.held[base.domestic :] / 3)
    assert not stocks.inside.any()
    assert not stocks.gain_inside.any()
    assert not stocks.home_inside.any()


def _is_foreign(base: Economy) -> Any:
    return (np.arange(len(base.providers)) >= base.domestic)[:, None, None]


def test_each_class_chooses_among_the_offers_that_it_sees() -> None:
    """Closed: domestic offers. Open: partners too. Two fifths of the open part: sites, worth more by their lead."""
    base = _economy()
    stocks, seen = _stocks(base), {**LAUNCH, "reach_part": 0.4}
    lifts = {part: np.exp(part * base.premium_by_segment) for part in (0.2, 0.7)}
    _advance(base, stocks, captive=0, contestable=1, **seen, partner_unlock=0.2, owned_unlock=0.7)
    home, abroad = base.base[: base.domestic], base.base[base.domestic :]
    spending = _size(base) * base.open_part
    sites = home.sum(axis=0) + lifts[0.7] * abroad.sum(axis=0)
    partners = home.sum(axis=0) + lifts[0.2] * abroad.sum(axis=0)
    np.testing.assert_allclose(stocks.owned, 0.4 * spending * lifts[0.7] * abroad / sites)
    np.testing.assert_allclose(stocks.held[base.domestic :], 0.6 * spending * lifts[0.2] * abroad / partners)
    rate = 0.4 * spending / sites + 0.6 * spending / partners + _size(base) * (1 - base.open_part) / home.sum(axis=0)
    np.testing.assert_allclose(stocks.held[: base.domestic], rate * home)
    np.testing.assert_allclose(stocks.inside, 0.0, atol=1e-15)
    closed, at_home = _size(base) * (1 - base.open_part), home.sum(axis=0)
    np.testing.assert_allclose(stocks.home_closed, closed)
    np.testing.assert_allclose(stocks.home_inside, 0.4 * spending / sites * at_home)


def test_an_own_offer_is_never_worse_than_the_partner_s_of_the_day() -> None:
    """Where partners have more of the premium than sites, sites have as much as they."""
    base = _economy()
    changes = {"captive": 0, "contestable": 1, **LAUNCH}
    behind, alike = (
        _advance(base, _stocks(base), **changes, partner_unlock=0.6, owned_unlock=unlock) for unlock in (0.2, 0.6)
    )
    np.testing.assert_array_equal(behind.owned, alike.owned)
    assert behind.owned.sum() > 0


# ---- who moves


def test_partner_customers_in_reach_move_to_the_site_at_the_rate_of_migration_less_those_who_refuse() -> None:
    base = _economy()
    rate, loss = base.inputs["migration.rate"], base.inputs["migration.consent_loss"]
    stocks, before = _stocks(base), _stocks(base).held[base.domestic :]
    stocks.gain_outside = 0.1 * before
    _advance(base, stocks, **LAUNCH, takes_migrants=True)
    asked = -np.expm1(-rate * STEP) * before
    np.testing.assert_allclose(stocks.owned, (1 - loss) * asked)
    refused = (loss * asked).sum(axis=0)
    np.testing.assert_allclose(stocks.inside, before - asked + refused * base.base[base.domestic :])
    np.testing.assert_allclose(stocks.gain_inside, 0.1 * (before - asked))


def test_a_site_that_takes_no_migrants_stays_empty_without_new_customers() -> None:
    base = _economy()
    assert not _advance(base, _stocks(base), **LAUNCH).owned.any()


def test_at_a_hand_over_those_who_consent_stay_with_the_partner_and_the_others_choose_again() -> None:
    base = _economy()
    loss, stocks = base.inputs["migration.consent_loss"], _with_sites(base)
    owned = stocks.owned.copy()
    _advance(base, stocks, transfer=True)
    assert not stocks.owned.any()
    assert not stocks.capacity.any()
    assert not stocks.gain_owned.any()
    refused = (loss * owned).sum(axis=0) * base.base[base.domestic :]
    np.testing.assert_allclose(stocks.held[base.domestic :] + stocks.inside, (1 - loss) * owned + refused)
    # The gain that they carried is lost; at base-year prices the partner's class gains nothing.
    np.testing.assert_allclose(stocks.gain_outside + stocks.gain_inside, 0.0, atol=1e-15)


def test_an_eviction_takes_its_part_of_the_open_part_from_every_channel_and_gives_it_to_domestic_providers() -> None:
    base = _economy()
    stocks = _stocks(base)
    half = 0.25 * stocks.held[base.domestic :]
    stocks.held[base.domestic :], stocks.inside, stocks.owned = 2 * half, half.copy(), half.copy()
    stocks.gain_outside, stocks.gain_inside, stocks.gain_owned = 0.2 * half, 0.1 * half, 0.1 * half
    stocks.sited = True
    part = np.full_like(base.open_part, 0.01)
    stays = np.maximum(1 - 0.01 / base.open_part, 0.0)
    _advance(base, stocks, evicts=part, closes=part)
    np.testing.assert_allclose(stocks.held[base.domestic :] + stocks.inside + stocks.owned, 4 * half * stays)
    np.testing.assert_allclose(stocks.gain_outside + stocks.gain_inside + stocks.gain_owned, 0.4 * half * stays)
    taken, home = (4 * half * (1 - stays)).sum(axis=0), base.base[: base.domestic].sum(axis=0)
    before = base.shares[: base.domestic] * _size(base)
    np.testing.assert_allclose(stocks.held[: base.domestic], before + taken * base.base[: base.domestic] / home)
    np.testing.assert_allclose(stocks.gain_home, taken * np.log(home) / (base.substitution - 1))


def test_what_a_step_closes_stays_closed() -> None:
    base = _economy()
    stocks = _advance(base, _stocks(base), closes=0.01)
    _advance(base, stocks, index=1)
    np.testing.assert_allclose(stocks.open_part, np.maximum(base.open_part - 0.01, 0.0))


def test_closure_drifts_by_its_points_a_year_to_the_middle_of_the_period() -> None:
    base = _economy("closure.drift=1")
    stocks = _advance(base, _stocks(base), index=7)
    np.testing.assert_allclose(stocks.open_part, np.maximum(base.open_part - 0.01 * 7.5 / 4, 0.0))


# ---- capacity


def _ahead(base: Economy) -> FloatArray:
    """Years for which a site plans: the lead, and the planning time."""
    return np.asarray(0.5 + base.inputs["capacity.planning_years"])


SMOOTHED = -np.expm1(-STEP)
"""Part of what it sees in a quarter that a site believes."""


def test_the_first_tranche_holds_new_customers_and_migrants_for_lead_and_planning_time() -> None:
    base = _economy()
    for changes in ({"contestable": 0.1}, {"takes_migrants": True}, {"contestable": 0.1, "takes_migrants": True}):
        stocks = _advance(base, _stocks(base), captive=0.9, **LAUNCH, **changes)
        pace = stocks.owned.sum(axis=1) / STEP
        np.testing.assert_allclose(stocks.growth, pace)
        np.testing.assert_allclose(stocks.capacity, pace * _ahead(base))
        np.testing.assert_allclose(stocks.bought[0], stocks.capacity)
        np.testing.assert_allclose(stocks.wanted[0], stocks.capacity)


@pytest.mark.parametrize("captive", [1.1, 0.9])
def test_a_site_plans_for_the_net_change_of_its_use(captive: float) -> None:
    """What grows on the site, less what leaves; of the pace of a quarter it believes its part."""
    base = _economy()
    stocks, use = _with_sites(base), _with_sites(base).owned.sum(axis=1)
    _advance(base, stocks, captive=captive, reach_part=1, selling=True)
    pace = SMOOTHED * (captive - 1) * use / STEP
    np.testing.assert_allclose(stocks.growth, pace)
    np.testing.assert_allclose(stocks.wanted[0], np.maximum(captive * use + pace * _ahead(base), 0.0))


def test_a_plan_counts_what_would_come_if_nothing_were_short() -> None:
    base = _economy()
    changes = {"captive": 0.9, "contestable": 0.1, "takes_migrants": True, **LAUNCH}
    free, full = (_advance(base, _stocks(base), cap=cap, **changes) for cap in (np.inf, 0.0))
    np.testing.assert_allclose(full.wanted[0], free.wanted[0])
    assert not full.capacity.any()


def test_an_order_arrives_a_lead_later_and_not_before() -> None:
    base = _economy()
    stocks = _with_sites(base)
    ordered = 3 * stocks.capacity
    stocks.wanted[0] = ordered
    _advance(base, stocks, reach_part=1, selling=True, index=1)
    np.testing.assert_allclose(stocks.capacity, ordered / 3)
    _advance(base, stocks, reach_part=1, selling=True, index=2)
    np.testing.assert_allclose(stocks.capacity, ordered)


def test_an_order_arrives_in_two_parts_if_its_lead_ends_between_two_periods() -> None:
    """Seven and a half months are two quarters and a half; what is wanted is 3, and then 1 again."""
    base = _economy("capacity.expansion_lead=7.5")
    stocks = _with_sites(base)
    use = stocks.capacity
    stocks.wanted[0] = 3 * use
    for index, expected in ((1, 1.0), (2, 1.5), (3, 2.0)):
        _advance(base, stocks, reach_part=1, selling=True, index=index)
        np.testing.assert_allclose(stocks.capacity, expected * use)


@pytest.mark.parametrize("selling", [True, False])
def test_what_retires_is_replaced_as_far_as_it_was_last_wanted_by_withdrawn_sites_too(selling: bool) -> None:
    base = _economy("economics.asset_life=1")
    stocks, use = _with_sites(base), _with_sites(base).capacity
    stocks.capacity = 3 * use
    stocks.bought[0], stocks.bought[1] = 2 * use, use
    for index, capacity, bought in ((3, 3, 0), (4, 1, 0), (5, 1, 1)):
        _advance(base, stocks, reach_part=1, live=True, selling=selling, index=index)
        np.testing.assert_allclose(stocks.capacity, capacity * use)
        np.testing.assert_allclose(stocks.bought[index], bought * use, atol=1e-15)


@pytest.mark.parametrize(("wanted", "stays"), [(10.0, 3.0), (2.0, 2.0), (0.5, 1.0)])
def test_what_retires_is_replaced_up_to_the_smaller_of_what_stood_and_what_was_last_wanted(
    wanted: float, stays: float
) -> None:
    """Of 3 that stand 2 retire; what does not stands on, wanted or not."""
    base = _economy("economics.asset_life=1")
    stocks, use = _with_sites(base), _with_sites(base).capacity
    stocks.capacity = 3 * use
    stocks.bought[0], stocks.wanted[3] = 2 * use, wanted * use
    _advance(base, stocks, reach_part=1, selling=True, index=4)
    np.testing.assert_allclose(stocks.capacity, stays * use)


def test_a_site_that_is_live_no_more_wants_and_replaces_nothing() -> None:
    base = _economy("economics.asset_life=1")
    stocks, use = _with_sites(base), _with_sites(base).capacity
    stocks.bought[0], stocks.wanted[3] = use, use
    _advance(base, stocks, reach_part=1, index=4)
    assert not stocks.wanted[4].any()
    assert not stocks.capacity.any()


def test_growth_that_finds_no_room_is_with_the_partner_and_keeps_its_gain() -> None:
    base = _economy()
    stocks, before = _with_sites(base), _with_sites(base).owned
    _advance(base, stocks, captive=1.25, reach_part=1, selling=True, cap=before.sum(axis=(0, 1)))
    np.testing.assert_allclose(stocks.owned, before)
    np.testing.assert_allclose(stocks.inside, 0.25 * before)
    np.testing.assert_allclose(stocks.gain_owned, 0.1 * before)
    np.testing.assert_allclose(stocks.gain_inside, 0.025 * before)


def test_under_a_cap_new_customers_come_before_migrants_and_nobody_is_lost() -> None:
    base = _economy()
    free = _advance(base, _stocks(base), captive=0.9, contestable=0.1, **LAUNCH)
    new = free.owned.sum(axis=(0, 1))
    changes = {"captive": 0.9, "contestable": 0.1, "takes_migrants": True, **LAUNCH}
    for room in (0.3, 1.0, 1.2):
        stocks = _advance(base, _stocks(base), cap=room * new, **changes)
        assert (stocks.owned.sum(axis=1) <= stocks.capacity * (1 + 1e-9)).all()
        assert (stocks.capacity.sum(axis=0) <= room * new * (1 + 1e-9)).all()
        np.testing.assert_allclose(stocks.spending(base.domestic).sum(axis=0), _size(base))


# ---- what is learned, priced and earned


@pytest.mark.parametrize("changes", [{"contestable": 0.1}, {"takes_migrants": True}], ids=["new", "migrants"])
def test_a_launch_inside_a_window_sells_and_takes_migrants_for_what_is_left_of_it(changes: dict[str, Any]) -> None:
    """And plans with the pace of that part."""
    base = _economy()
    whole, half = (
        _advance(base, _stocks(base), captive=0.9, live_years=years, **LAUNCH, **changes) for years in (STEP, STEP / 2)
    )
    np.testing.assert_allclose(half.capacity, whole.capacity, rtol=0.1)
    part = half.owned.sum(axis=0) / np.maximum(whole.owned.sum(axis=0), 1e-300)
    assert (np.abs(part[whole.owned.sum(axis=0) > 1e-12] - 0.5) < 0.05).all()


def test_a_partner_teaches_fully_and_an_owned_site_in_part() -> None:
    base = _economy("technology.catch_up=1", "technology.spillover=0.8", "technology.owned_spillover=0.5")
    for stocks, taught in ((_stocks(base), 1.0), (_with_sites(base), 0.5)):
        _advance(base, stocks, spillover=0.75)
        np.testing.assert_allclose(stocks.quality, STEP * (0.01 + 0.008 * 0.75 * taught))


def test_spillover_is_in_proportion_to_the_foreign_share_of_the_layer() -> None:
    base = _economy("technology.spillover=0.8")
    stocks = _stocks(base)
    stocks.held[: base.domestic] *= 2.0
    today = base.layer_shares[base.domestic :].sum(axis=0)
    _advance(base, stocks)
    np.testing.assert_allclose(stocks.quality, STEP * 0.008 / (today + 2 * (1 - today)))


def test_the_next_markups_follow_the_shares_over_all_channels_in_the_mean_over_classes_by_own_sales() -> None:
    """Closed, partner-open and in reach; one price for all of them."""
    base = _economy()
    stocks, whole = _with_sites(base), _with_sites(base).owned
    stocks.inside, stocks.held[base.domestic :], stocks.owned = 0.3 * whole, 0.5 * whole, 0.2 * whole
    stocks.home_inside = 0.25 * stocks.home_inside
    home, closed, inside = stocks.held[: base.domestic], stocks.home_closed.copy(), stocks.home_inside.copy()
    _advance(base, stocks, reach_part=1, live=True, selling=True)
    at_home = [closed, home.sum(axis=0) - closed - inside, inside]
    nothing = np.zeros_like(whole)
    by_class = [
        np.concatenate([home / home.sum(axis=0) * part, abroad])
        for part, abroad in zip(at_home, (nothing, 0.5 * whole, 0.5 * whole), strict=True)
    ]
    shares = [part / np.maximum(part.sum(axis=0), 1e-300) for part in by_class]
    total = sum(by_class)
    mean = sum(share * part for share, part in zip(shares, by_class, strict=True)) / np.maximum(total, 1e-300)
    perceived = base.substitution - base.price_slope * mean
    expected = np.log(perceived / (perceived - 1))[~base.fringe]
    np.testing.assert_allclose(stocks.markup, expected, atol=1e-13)
    np.testing.assert_array_equal(stocks.before, base.log_markup[~base.fringe])
    added = np.exp(-base.log_markup[~base.fringe]) - np.exp(-expected)
    np.testing.assert_allclose(stocks.margin, added, atol=1e-13)


def test_a_share_averaged_over_classes_understates_a_markup() -> None:
    """At conduct 1, 40% of an open part of 0.75, four tenths of it at home: 1.633 and not 1.552."""
    one = np.ones((1, 2))
    seen = base_class_share(np.array([0.4, 0.5, 0.1])[:, None, None] * one, 0.75 * one, 2)[0]
    by_class, averaged = (
        np.exp(log_markup(share, 3.5 * np.ones(2), 2.3 * np.ones(2)))[0, 0]
        for share in (seen, (0.75 * 0.4 + 0.25 * 0.4 / 0.9) * one)
    )
    assert averaged < by_class


def _cheaper(base: Economy, stocks: Stocks, fall: float) -> None:
    """Everybody's markup falls in the period to come, from the base year's."""
    stocks.markup = base.log_markup[~base.fringe] - fall
    stocks.margin = np.exp(-base.log_markup[~base.fringe]) - np.exp(-stocks.markup)


def test_what_markups_add_is_earned_on_all_that_is_sold_by_channel() -> None:
    base = _of_some_size(_economy())
    stocks = _with_sites(base)
    stocks.held[base.domestic :], stocks.owned = 0.25 * stocks.owned, 0.75 * stocks.owned
    _cheaper(base, stocks, 0.02)
    margin = stocks.margin.copy()
    _advance(base, stocks, captive=0.8, contestable=0.2, reach_part=0.4, selling=True)
    sold = stocks.spending(base.domestic)
    home, abroad = margin[: base.domestic], margin[base.domestic :]
    np.testing.assert_allclose(stocks.earned.home, (home * sold[: base.domestic]).sum(axis=(0, 1)))
    np.testing.assert_allclose(stocks.earned.abroad, (abroad * sold[base.domestic :]).sum(axis=1))
    np.testing.assert_allclose(stocks.earned.owned, (abroad * stocks.owned).sum(axis=1))
    assert (stocks.earned.owned < 0).any()


def test_what_captive_customers_gain_by_cheaper_offers_their_own_provider_loses() -> None:
    """To second order: their gain, less what it earns on what they buy more of for the same money.

    Of a price lower by d they buy d more, on each unit of which the provider keeps 1 - 1/mu: S d - S d (1 - 1/mu).
    """
    base = _of_some_size(_economy())
    worst = []
    for fall in (1e-3, 1e-4):
        stocks = _with_sites(base)
        stocks.gain_owned[:] = 0.0
        _cheaper(base, stocks, fall)
        _advance(base, stocks, captive=0.9, reach_part=1, selling=True)
        kept = -np.expm1(-base.log_markup)
        home = (stocks.held[: base.domestic] * fall * (1 - kept[: base.domestic])).sum(axis=(0, 1))
        np.testing.assert_allclose(stocks.gain_home, fall * stocks.held[: base.domestic].sum(axis=0))
        np.testing.assert_allclose(stocks.gain_owned, fall * stocks.owned)
        abroad = (stocks.gain_owned * (1 - kept[base.domestic :])).sum(axis=1)
        off = np.concatenate([[stocks.earned.home + home], stocks.earned.abroad + abroad])
        worst.append(np.abs(off / np.concatenate([[home], abroad])).max() / fall)
    np.testing.assert_allclose(worst, 0.5, rtol=0.01)


# ---- what it is worth to customers


@pytest.mark.parametrize("cap", [np.inf, 0.01, 0.0])
def test_when_all_prices_are_a_tenth_lower_whoever_chooses_gains_a_tenth(cap: float) -> None:
    """In every class alike: closed, partner-open, in reach with room or without, migrants, and who refuses."""
    base = _of_some_size(_economy())
    stocks, before = _stocks(base), _stocks(base).held[base.domestic :]
    stocks.markup -= 0.1
    stocks.before -= 0.1
    changes = {**LAUNCH, "reach_part": 0.4, "takes_migrants": np.isinf(cap), "cap": cap}
    _advance(base, stocks, captive=0.9, contestable=0.1, **changes)
    asked = -np.expm1(-base.inputs["migration.rate"] * STEP) * 0.9 * 0.4 * before * np.isinf(cap)
    np.testing.assert_allclose(_total_gain(stocks), 0.1 * (0.1 * _size(base) + asked.sum(axis=0)))


def test_when_all_prices_are_a_tenth_lower_whoever_is_handed_over_has_gained_a_tenth() -> None:
    base = _of_some_size(_economy())
    stocks, owned = _with_sites(base), _with_sites(base).owned
    stocks.markup -= 0.1
    stocks.before -= 0.1
    _advance(base, stocks, transfer=True)
    np.testing.assert_allclose(_total_gain(stocks), 0.1 * owned.sum(axis=0))


def test_who_stays_bears_the_change_of_the_own_provider_s_markup() -> None:
    base = _of_some_size(_economy())
    stocks = _with_sites(base)
    stocks.gain_owned[:] = 0.0
    stocks.inside, stocks.held[base.domestic :] = 0.5 * stocks.owned, 0.25 * stocks.owned
    cheaper = np.broadcast_to(0.05 * np.arange(len(base.providers))[:, None, None], base.base.shape)
    stocks.before += cheaper
    _advance(base, stocks, captive=0.8)
    home, abroad = cheaper[: base.domestic], cheaper[base.domestic :]
    np.testing.assert_allclose(stocks.gain_home, (home * stocks.held[: base.domestic]).sum(axis=0))
    outside = stocks.held[base.domestic :] + stocks.inside
    np.testing.assert_allclose(stocks.gain_outside + stocks.gain_inside, abroad * outside)
    np.testing.assert_allclose(stocks.gain_owned, abroad * stocks.owned)


def test_who_leaves_takes_the_carried_gain_along() -> None:
    base = _economy()
    stocks = _with_sites(base)
    stocks.inside, stocks.held[base.domestic :] = 0.5 * stocks.owned, 0.25 * stocks.owned
    stocks.gain_inside, stocks.gain_outside = 0.1 * stocks.inside, 0.1 * stocks.held[base.domestic :]
    stocks.gain_home = 0.1 * stocks.held[: base.domestic].sum(axis=0)
    _advance(base, stocks, captive=0.8)
    np.testing.assert_allclose(_total_gain(stocks), 0.1 * stocks.spending(base.domestic).sum(axis=0))
    np.testing.assert_allclose(stocks.gain_owned, 0.1 * stocks.owned)


def test_migrants_gain_what_the_sites_class_gains_in_full() -> None:
    """No triangle: they were customers before. The class gains ln(attraction of its offers) / (epsilon - 1)."""
    found = economy("full_liberalization", *NOTHING_DRIFTS, LEAD)
    stocks = _stocks(found)
    _advance(found, stocks, **LAUNCH, takes_migrants=True, owned_unlock=1.0)
    home, abroad = found.base[: found.domestic].sum(axis=0), found.base[found.domestic :].sum(axis=0)
    worth = np.log(home + abroad * np.exp(found.premium_by_segment)) / (found.substitution - 1)
    np.testing.assert_allclose(stocks.gain_owned, worth * stocks.owned, atol=1e-15)


def test_who_chooses_where_foreign_offers_have_closed_loses_them() -> None:
    base = _economy()
    stocks = _advance(base, _stocks(base), captive=0.9, contestable=0.1, closes=0.01)
    newly_closed = base.open_part - stocks.open_part
    loss = np.log(base.base[: base.domestic].sum(axis=0)) / (base.substitution - 1)
    np.testing.assert_allclose(_total_gain(stocks), 0.1 * _size(base) * newly_closed * loss, atol=1e-14)


def test_foreign_offers_that_improve_are_worth_nothing_where_they_may_not_be_seen() -> None:
    """Closed: 0. Open: ln(attraction) / (epsilon - 1) on what chooses."""
    base = _economy()
    stocks = _advance(base, _stocks(base), captive=0.9, contestable=0.1, origin=0.5)
    home, abroad = base.base[: base.domestic].sum(axis=0), base.base[base.domestic :].sum(axis=0)
    worth = np.log(home + abroad * np.exp(0.5)) / (base.substitution - 1)
    np.testing.assert_allclose(_total_gain(stocks), 0.1 * _size(base) * base.open_part * worth)
    sold = stocks.held[base.domestic :] - 0.9 * base.shares[base.domestic :] * _size(base)
    np.testing.assert_allclose(stocks.gain_outside, sold * worth)
