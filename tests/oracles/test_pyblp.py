"""Shares, inversion, Bertrand markups and surplus against pyblp (Conlon & Gortmaker 2020, RAND J. Econ. 51).

pyblp's demand is a logit in whatever transform of price a formula names, its shares count customers, and firms maximise
(price - cost) x share. Ours is CES: a logit in log price whose shares count spending, and firms maximise
(1 - 1 / markup) x share of spending. So a price of pyblp stands here for the Lerner index L = 1 - 1 / markup, with
cost 0 and utility (epsilon - 1) log(1 - L): then shares and first-order conditions are the same, without approximation.
pyblp's population is fixed, and so is spending on the segment: eta = 1. A nested logit brings any other eta.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shipped import economy

from sim.axes import FloatArray
from sim.kernels.choice import Reach
from sim.kernels.equilibrium import StaticMarket, StaticShares, static_equilibrium
from sim.kernels.pricing import log_markup, share_slope
from sim.kernels.welfare import reached_gain

pyblp: Any = pytest.importorskip("pyblp")

DRAWS = slice(0, 3)
OUTSIDE = 5
"""The domestic fringe, whose markup never moves, is pyblp's outside good."""


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> None:
    pyblp.options.verbose = False


def _market(conduct: float) -> StaticMarket:
    """The shipped base year of some draws, all of it open, with one fringe and spending that is fixed."""
    base = economy()
    assert base.providers[OUTSIDE] == "other_domestic"
    shares = np.ascontiguousarray(base.base[:, :, DRAWS])
    ones, fringe = np.ones(shares.shape[1:]), np.arange(len(shares)) == OUTSIDE
    return StaticMarket(shares, ones, base.domestic, fringe, base.substitution[DRAWS], ones[0], conduct * ones[0])


def _premium(market: StaticMarket) -> FloatArray:
    """What foreign offers gain, (F, G, N): less than a draw's premium, and more for the last than for the first."""
    scale = np.linspace(0.3, 0.9, len(market.base) - market.domestic)[:, None, None]
    return np.asarray(scale * np.broadcast_to(economy().premium[DRAWS], market.base.shape[1:]))


def _opened(market: StaticMarket) -> StaticShares:
    premium = _premium(market)
    return static_equilibrium(market, np.ones(premium.shape[1:]), premium, premium)


def _rows(values: FloatArray) -> FloatArray:
    """Values (P, G, N) of every offer but the outside good as pyblp's rows."""
    return np.delete(values, OUTSIDE, axis=0).ravel()


def _simulation(market: StaticMarket, price_term: str, **columns: FloatArray) -> Any:
    """A pyblp simulation with mean utility quality + price term; every segment of a draw is a market."""
    firm, segment, draw = np.meshgrid(*(np.arange(size) for size in market.base.shape), indexing="ij")
    data = {
        "market_ids": _rows(segment * market.base.shape[2] + draw),
        "firm_ids": _rows(firm),
        "steepness": _rows(np.broadcast_to(market.substitution - 1, market.base.shape)),
        "quality": np.zeros(_rows(firm).size),
        **columns,
    }
    formula = pyblp.Formulation(f"0 + quality + {price_term}")
    return pyblp.Simulation(formula, data, beta=[1, 1], xi=np.zeros(len(data["quality"])))


IN_LERNER, IN_LOG_MARKUP = "I(steepness * log(1 - prices))", "I(-steepness * prices)"


def _base_markup(market: StaticMarket) -> FloatArray:
    """Markups of the base year, from perceived elasticity eps - (eps - 1) s; (P, G, N)."""
    sized = np.where(market.atomistic[:, None, None], 0.0, market.conduct * market.base)
    elasticity = market.substitution - (market.substitution - 1) * sized
    return np.asarray(elasticity / (elasticity - 1))


def _inverted(market: StaticMarket) -> FloatArray:
    """pyblp's inversion: quality of each row that gives the shares of the base year at its markups."""
    lerner = _rows(1 - 1 / _base_markup(market))
    solved = _simulation(market, IN_LERNER, shares=_rows(market.base), prices=lerner).replace_exogenous("quality")
    return np.asarray(solved.product_data.quality.ravel())


def _with_premium(market: StaticMarket) -> FloatArray:
    """The inverted quality of each row, and the premium of the foreign ones."""
    premium = np.zeros_like(market.base)
    premium[market.domestic :] = _premium(market)
    return np.asarray(_inverted(market) + _rows(premium))


def _at_given_prices(simulation: Any, prices: FloatArray) -> Any:
    """pyblp's results where nobody sets prices."""
    return simulation.replace_endogenous(costs=prices, prices=prices, iteration=pyblp.Iteration("return"))


def test_pyblp_inverts_the_base_year_to_log_share_and_markup() -> None:
    """Berry (1994) with base markups in: V_o = ln P_o + (eps - 1) ln mu_o, over that of the outside good."""
    market = _market(0.7)
    nothing = np.zeros_like(_premium(market))
    still = static_equilibrium(market, np.ones(nothing.shape[1:]), nothing, nothing)
    value = np.log(still.reached) + (market.substitution - 1) * still.log_markup
    outside = value[OUTSIDE] - (market.substitution - 1) * still.log_markup[OUTSIDE]
    np.testing.assert_allclose(_inverted(market), _rows(value - outside), atol=1e-11)


@pytest.mark.parametrize("conduct", [0.0, 0.7])
def test_shares_at_our_markups_are_the_logit_shares_of_pyblp(conduct: float) -> None:
    market = _market(conduct)
    found = _opened(market)
    simulation = _simulation(market, IN_LERNER, quality=_with_premium(market))
    theirs = _at_given_prices(simulation, _rows(-np.expm1(-found.log_markup))).product_data.shares
    np.testing.assert_allclose(_rows(found.reached), theirs.ravel(), rtol=0, atol=1e-10)


def test_the_static_equilibrium_is_the_bertrand_equilibrium_of_pyblp() -> None:
    """Prices and shares of every provider but the fringe, from those of the base year on, and no firm gains by others.

    Solved by MINPACK, because pyblp's own contraction does not settle where epsilon is low.
    """
    market = _market(1.0)
    found = _opened(market)
    simulation = _simulation(market, IN_LERNER, quality=_with_premium(market))
    start, solver = _rows(1 - 1 / _base_markup(market)), pyblp.Iteration("hybr", {"xtol": 1e-13})
    solved = simulation.replace_endogenous(costs=np.zeros(simulation.N), prices=start, iteration=solver)
    theirs = solved.product_data
    np.testing.assert_allclose(_rows(found.reached), theirs.shares.ravel(), rtol=0, atol=1e-9)
    np.testing.assert_allclose(_rows(-np.expm1(-found.log_markup)), theirs.prices.ravel(), rtol=0, atol=1e-9)
    curvature = [eigenvalues for firms in solved.profit_hessian_eigenvalues.values() for eigenvalues in firms.values()]
    assert np.concatenate(curvature).max() < 0


def test_consumers_gain_by_our_price_index_what_they_gain_by_pyblps_surplus() -> None:
    """Surplus is linear in price; with log markups as prices it is in log points of price, and the logit stays ours."""
    market = _market(0.7)
    found, still = _opened(market), np.log(_base_markup(market))
    surplus = []
    for quality, log_markup_now in ((_inverted(market), still), (_with_premium(market), found.log_markup)):
        simulation = _simulation(market, IN_LOG_MARKUP, quality=quality)
        surplus.append(_at_given_prices(simulation, _rows(log_markup_now)).compute_consumer_surpluses().ravel())
    attraction = market.base * np.exp((1 - market.substitution) * (found.log_markup - still))
    home, abroad = attraction[: market.domestic].sum(axis=0), attraction[market.domestic :]
    seen = np.ones(abroad.shape[::2])
    owned, nothing = abroad * np.exp(_premium(market)), np.zeros(home.shape[1])
    entered = Reach(seen, owned, abroad, abroad, home, np.ones_like(home), nothing).divide(seen[:, None])
    gain = reached_gain(entered.log_attraction / market.excess, entered.lift)
    np.testing.assert_allclose(gain.ravel(), surplus[1] - surplus[0], rtol=0, atol=1e-10)


def test_a_markup_is_that_of_all_offers_of_a_provider_at_any_elasticity_of_demand() -> None:
    """In a nested logit spending on the nest falls with its price index: eta - 1 = (1 - rho) (eps - 1) s_0.

    Each firm sells two products, as a provider sells through two channels: both carry the markup of their joint share.
    """
    markets, firms, rho, substitution = 6, 3, 0.7, 3.5
    random = np.random.default_rng(11)
    size = 2 * firms * markets
    data = {
        "market_ids": np.repeat(np.arange(markets), 2 * firms),
        "firm_ids": np.tile(np.repeat(np.arange(firms), 2), markets),
        "nesting_ids": np.zeros(size),
        "quality": random.uniform(-6, 6, size),
        "steepness": np.full(size, substitution - 1),
    }
    formula = pyblp.Formulation(f"0 + quality + {IN_LERNER}")
    simulation = pyblp.Simulation(formula, data, beta=[1 - rho, 1 - rho], rho=rho, xi=np.zeros(size))
    solved = simulation.replace_endogenous(costs=np.zeros(size)).product_data
    shares = solved.shares.reshape(markets, firms, 2)
    inside = shares.sum(axis=(1, 2))
    demand = 1 + (1 - rho) * (substitution - 1) * (1 - inside)
    of_firm = (shares.sum(axis=2) / inside[:, None]).T
    epsilon = np.full(markets, substitution)
    markup = log_markup(of_firm, epsilon, share_slope(epsilon, demand, np.ones(markets)))
    theirs = -np.log1p(-solved.prices.reshape(markets, firms, 2))
    np.testing.assert_allclose(np.repeat(markup.T[:, :, None], 2, axis=2), theirs, rtol=0, atol=1e-9)
    assert np.ptp(of_firm) > 0.5
    assert np.ptp(demand) > 0.1
