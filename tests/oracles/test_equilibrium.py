"""Shares, markups and the opening premium against a root-finder on first-order conditions, and against limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shipped import economy, scenario

from oracles.segments import segment_of
from sim.axes import FloatArray
from sim.kernels.equilibrium import StaticMarket, opening_premium, static_equilibrium


def _random_market(random: np.random.Generator, conduct: float, draws: int = 24) -> StaticMarket:
    """Four domestic and three foreign providers, of each the last a fringe, in three partly open segments."""
    shares = 0.01 + random.dirichlet(np.full(7, 0.6), size=(3, draws))
    return StaticMarket(
        base=np.ascontiguousarray(np.moveaxis(shares / shares.sum(axis=-1, keepdims=True), -1, 0)),
        open_part=random.uniform(0.1, 0.95, (3, draws)),
        domestic=4,
        atomistic=np.array([0, 0, 0, 1, 0, 0, 1], dtype=bool),
        substitution=random.uniform(2.0, 6.0, draws),
        demand=random.uniform(1.01, 1.9, draws),
        conduct=np.full(draws, conduct),
    )


@pytest.mark.parametrize("conduct", [0.0, 0.5, 1.0])
def test_the_static_equilibrium_solves_the_first_order_conditions(conduct: float) -> None:
    random = np.random.default_rng(round(10 * conduct) + 3)
    market = _random_market(random, conduct)
    reach = random.uniform(0.05, 0.95, market.open_part.shape)
    owned = random.uniform(-1.0, 5.0, (3, *reach.shape))
    partner = random.uniform(-1.0, 2.0, owned.shape)
    found = static_equilibrium(market, reach, owned, partner)
    for g, n in np.ndindex(reach.shape):
        solved = segment_of(market, g, n).solve(reach[g, n], owned[:, g, n], partner[:, g, n])
        ours = (found.reached, found.unreached, found.segment, found.log_markup)
        np.testing.assert_allclose([values[:, g, n] for values in ours], solved, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("reach", "owned", "partner"), [(1.0, 0.5, 0.5), (0.5, 4.0, 0.0)])
def test_the_equilibrium_is_found_where_a_provider_is_near_monopoly(reach: float, owned: float, partner: float) -> None:
    """Its markup answers its share so strongly there that plain fixed-point steps never settle."""
    market = _one_segment(np.array([0.85, 0.1, 0.05]), 1.0, open_part=0.4, substitution=6.0, demand=1.05)
    lifts = [np.full((1, 1, 2), lift) for lift in (owned, partner)]
    found = static_equilibrium(market, np.full((1, 2), reach), *lifts)
    solved = segment_of(market, 0, 0).solve(reach, *(lift[:, 0, 0] for lift in lifts))
    np.testing.assert_allclose(found.segment[:, 0, 0], solved[2], atol=1e-8)


def _one_segment(
    base: FloatArray, conduct: float, *, open_part: float = 0.7, substitution: float = 3.5, demand: float = 1.2
) -> StaticMarket:
    """One segment, the last provider foreign; two equal draws."""
    return StaticMarket(
        base=np.repeat(base[:, None, None], 2, axis=2),
        open_part=np.full((1, 2), open_part),
        domestic=len(base) - 1,
        atomistic=np.zeros(len(base), dtype=bool),
        substitution=np.full(2, substitution),
        demand=np.full(2, demand),
        conduct=np.full(2, conduct),
    )


# ---------------------------------------------------------------- limits


def _many_firms(firms: int, foreign_share: float) -> StaticMarket:
    """Equal domestic firms and as many equal foreign ones, who price by size at full Bertrand."""
    base = np.repeat([(1 - foreign_share) / firms, foreign_share / firms], firms)
    return replace(_one_segment(base, 1.0, open_part=1.0), domestic=firms)


def test_many_small_firms_come_to_monopolistic_competition_as_one_over_their_number() -> None:
    """In the limit no markup moves: odds rise by the premium, and the premium is a difference of log-odds."""
    premium, odds = 1.4, 0.15 / 0.85 * np.exp(1.4)
    limit, misses = odds / (1 + odds), []
    for firms in (10, 100, 1000):
        market, lift = _many_firms(firms, 0.15), np.full((firms, 1, 2), premium)
        found = static_equilibrium(market, np.ones((1, 2)), lift, lift)
        share, markup = found.segment[firms:, 0, 0].sum(), np.exp(found.log_markup).max()
        solved = opening_premium(market, np.ones((1, 2)), np.full(2, limit))[0]
        misses.append([share - limit, solved - premium, markup - 3.5 / 2.5])
    ratios = np.array(misses[:-1]) / np.array(misses[1:])
    np.testing.assert_allclose(ratios, [[10] * 3, [10] * 3], rtol=0.08)
    np.testing.assert_allclose(ratios[1], 10, rtol=0.008)


@pytest.mark.parametrize("firms", [2, 3, 8])
def test_equal_firms_have_the_markup_of_their_number(firms: int) -> None:
    """n equal firms: perceived elasticity eps - (eps - eta) / n, whatever all of them gain together."""
    market = replace(_one_segment(np.full(firms, 1 / firms), 1.0, open_part=1.0), domestic=1)
    none = np.zeros((firms - 1, 1, 2))
    found = static_equilibrium(market, np.ones((1, 2)), none, none)
    perceived = 3.5 - 2.3 / firms
    np.testing.assert_allclose(np.exp(found.log_markup), perceived / (perceived - 1), rtol=1e-12)


# ---------------------------------------------------------------- the opening premium


@pytest.mark.parametrize("conduct", [0.0, 0.5, 1.0])
def test_the_premium_reaches_its_target_whatever_the_segments(conduct: float) -> None:
    random = np.random.default_rng(round(10 * conduct) + 8)
    market = _random_market(random, conduct)
    spending = random.dirichlet(np.ones(3), 24).T * market.open_part
    today = np.average(market.base[4:].sum(axis=0), axis=0, weights=spending)
    target = random.uniform(today, 0.95)
    premium = opening_premium(market, spending, target)
    for n in range(24):
        boost = np.full(3, premium[n])
        reached = [segment_of(market, g, n).solve(1.0, boost, boost)[0][4:].sum() for g in range(3)]
        assert np.average(reached, weights=spending[:, n]) == pytest.approx(target[n], abs=1e-6)


def test_class_by_class_the_static_gain_is_that_of_arkolakis_costinot_and_rodriguez_clare() -> None:
    """At constant markups what customers of a class gain follows from the domestic share of what they choose.

    The price index is that of offers at base-year attraction, foreign ones lifted; a class that has been closed is
    compared with domestic offers alone.
    """
    random = np.random.default_rng(21)
    market = _random_market(random, 0.0)
    reach = random.uniform(0.05, 0.95, market.open_part.shape)
    owned, partner = random.uniform(-1.0, 5.0, (3, *reach.shape)), random.uniform(-1.0, 2.0, (3, *reach.shape))
    found = static_equilibrium(market, reach, owned, partner)
    excess, home, abroad = market.substitution - 1, market.base[:4].sum(axis=0), market.base[4:]
    for shares, lift in ((found.reached, owned), (found.unreached, partner)):
        index = -np.log(home + (abroad * np.exp(lift)).sum(axis=0)) / excess
        domestic = shares[:4].sum(axis=0)
        np.testing.assert_allclose(-index, np.log(home / domestic) / excess, rtol=0, atol=1e-12)
        np.testing.assert_allclose(-np.log(home) / excess - index, np.log(1 / domestic) / excess, rtol=0, atol=1e-12)
    constant = np.tile(-np.log1p(-1 / market.substitution), (7, 1))
    np.testing.assert_allclose(found.log_markup[:, 0], constant, rtol=1e-14)


def _long_run_targets(name: str) -> tuple[FloatArray, FloatArray]:
    """Foreign share of the open part of IaaS in each draw, by its hypothesis and today, from the drawn inputs."""
    base = economy(name)
    drawn, hypotheses = base.inputs, scenario(name).opening.hypothesis
    share = {p: drawn[f"shares.iaas.direct.{p}"] for p in ("aws", "microsoft", "other_foreign")}
    kinds = ("internet", "private", "multinational", "state")
    weight = {kind: drawn[f"segments.{kind}.weight"] for kind in kinds}
    opened = sum(weight[kind] * drawn[f"segments.{kind}.open"] for kind in kinds) / sum(weight.values())
    today = sum(share.values()) / opened
    said = {kind: drawn[f"opening.hypotheses.{kind}.value"] for kind in hypotheses.discrete}  # type: ignore[union-attr]
    shares = {
        "open_market_analogue": said["open_market_analogue"],
        "itif_counterfactual": (said["itif_counterfactual"] + share["other_foreign"]) / opened,
        "china_reference_class": today + said["china_reference_class"] / opened,
    }
    assert list(shares) == list(said)
    stated = np.minimum(np.choose(drawn["opening.hypothesis"].astype(int), list(shares.values())), 0.9)
    return np.maximum(stated, today), today


@pytest.mark.parametrize("name", ["jv_only", "full_liberalization"])
def test_static_shares_reach_each_hypothesis_in_the_shipped_draws(name: str) -> None:
    base = economy(name)
    rows, draws = base.segment_rows("iaas"), range(0, base.draws, 7)
    market = base.static_market(rows)
    spending = base.weights[rows] * base.open_part[rows]
    target, today = _long_run_targets(name)
    for n in draws:
        boost = np.full(base.foreign, base.premium[n])
        reached = [segment_of(market, g, n).solve(1.0, boost, boost)[0][base.domestic :].sum() for g in range(4)]
        share = np.average(reached, weights=spending[:, n])
        assert share == pytest.approx(target[n], abs=1e-6)
    assert (target > today + 0.01).mean() > 0.5
