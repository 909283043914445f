"""One price for all access classes: markups against the price at which a provider's profit is largest.

Within a class spending is CES with elasticity epsilon, and what a class spends falls with its price index P_c as
P_c^(1 - eta). Nothing here knows a formula for markups: profits are added up over the classes and maximised by scipy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from shipped import economy

from sim.axes import FloatArray
from sim.kernels.equilibrium import StaticMarket, StaticShares, static_equilibrium
from sim.kernels.pricing import class_share, log_markup, share_slope

SUBSTITUTION, DEMAND = 3.5, 1.2


def _best(profit: Callable[[float], float], low: float, high: float) -> float:
    """Where a profit is largest, from the best of a grid on."""
    grid = np.linspace(low, high, 801)
    centre, step = grid[np.argmax([profit(x) for x in grid])], grid[1] - grid[0]
    bounds = (centre - step, centre + step)
    return float(minimize_scalar(lambda x: -profit(x), bounds=bounds, method="bounded", options={"xatol": 1e-10}).x)


# ---------------------------------------------------------------- prices in levels, rivals' given

OFFERED = np.array([[1.0, 0.9, 0.3], [0.02, 4.0, 2.0], [3.0, 2.0, 0.0], [0.6, 0.6, 0.6]])
"""Quality of a provider's offer in each class of a case; 0 where it has none."""

RIVALS = np.array([[0.4, 0.6, 1.0], [1.0, 1.0, 0.5], [0.3, 0.5, 1.0], [0.5, 0.5, 0.5]])
"""Sum of quality x price^(1 - epsilon) over its rivals."""

BUDGET = np.array([[0.3, 0.45, 0.25], [5.0, 0.4, 0.1], [0.3, 0.3, 0.4], [0.2, 0.3, 0.5]])
"""What each class spends at a price index of 1."""


def _sales(case: int, price: float) -> tuple[FloatArray, FloatArray]:
    """A provider's share of each class at its price, and what the class spends."""
    attraction = OFFERED[case] * price ** (1 - SUBSTITUTION)
    index = (attraction + RIVALS[case]) ** (1 / (1 - SUBSTITUTION))
    return attraction / (attraction + RIVALS[case]), BUDGET[case] * index ** (1 - DEMAND)


def _profit(case: int, price: float) -> float:
    """At a marginal cost of 1."""
    share, spent = _sales(case, price)
    return float((price - 1) * (share * spent / price).sum())


@pytest.mark.parametrize("case", range(len(OFFERED)))
def test_the_markup_is_that_of_the_one_price_with_the_largest_profit(case: int) -> None:
    price = np.exp(_best(lambda log_price: _profit(case, np.exp(log_price)), 0.01, 3.0))
    share, spent = _sales(case, price)
    one = np.ones((1, 1))
    mean = class_share([s * one for s in share], [x * one for x in spent])
    epsilon = SUBSTITUTION * one[0]
    markup = log_markup(mean, epsilon, share_slope(epsilon, DEMAND * one[0], one[0]))
    np.testing.assert_allclose(markup, np.log(price), rtol=0, atol=1e-7)
    of_segment = (share * spent).sum() / spent.sum() * one
    understated = np.log(price) - log_markup(of_segment, epsilon, share_slope(epsilon, DEMAND * one[0], one[0]))
    assert (understated > 0.02) == (np.ptp(share) > 0.1)


# ---------------------------------------------------------------- the static equilibrium


def _classes(market: StaticMarket, reach: FloatArray, found: StaticShares) -> tuple[FloatArray, FloatArray]:
    """Shares (3, P, G, N) and spending (3, 1, G, N) in and out of reach and in the closed part."""
    home = np.zeros_like(found.reached)
    home[: market.domestic] = found.reached[: market.domestic]
    spending = np.stack([market.open_part * reach, market.open_part * (1 - reach), 1 - market.open_part])
    return np.stack([found.reached, found.unreached, home / home.sum(axis=0)]), spending[:, None]


def _profit_after(
    market: StaticMarket, classes: tuple[FloatArray, FloatArray], markup: FloatArray, rise: float
) -> FloatArray:
    """Every provider's profit (P, G, N) if it alone raises its log price; spending follows each class's index."""
    share, spending = classes
    excess = market.substitution - 1
    attraction = share * np.exp(-excess * rise)
    index_power = 1 - share + attraction
    revenue = spending * attraction * index_power ** ((market.demand - 1) / excess - 1)
    return np.asarray((1 - np.exp(-rise - markup)) * revenue.sum(axis=0))


def _random_market(random: np.random.Generator, draws: int = 8) -> StaticMarket:
    shares = 0.02 + random.dirichlet(np.full(7, 0.8), size=(2, draws))
    return StaticMarket(
        base=np.ascontiguousarray(np.moveaxis(shares / shares.sum(axis=-1, keepdims=True), -1, 0)),
        open_part=random.uniform(0.2, 0.9, (2, draws)),
        domestic=4,
        atomistic=np.array([0, 0, 0, 1, 0, 0, 1], dtype=bool),
        substitution=random.uniform(2.0, 6.0, draws),
        demand=random.uniform(1.01, 1.8, draws),
        conduct=np.ones(draws),
    )


def test_in_the_static_equilibrium_no_provider_would_rather_have_another_price() -> None:
    random = np.random.default_rng(14)
    market = _random_market(random)
    reach = random.uniform(0.1, 0.9, market.open_part.shape)
    owned, partner = random.uniform(0, 3, (3, *reach.shape)), random.uniform(-1, 1, (3, *reach.shape))
    found = static_equilibrium(market, reach, owned, partner)
    classes = _classes(market, reach, found)
    assert np.ptp(classes[0], axis=0)[~market.atomistic].max() > 0.3
    for place in np.ndindex(market.base.shape):
        if not market.atomistic[place[0]]:

            def profit(rise: float, at: tuple[int, ...] = place) -> float:
                return float(_profit_after(market, classes, found.log_markup, rise)[at])

            assert _best(profit, -0.5, 2.0) == pytest.approx(0.0, abs=1e-6), place


@pytest.mark.parametrize("reach", [0.3, 1.0])
def test_in_the_shipped_draws_no_price_however_far_would_be_better(reach: float) -> None:
    """A first-order condition may hold at a lower peak too: who is alone in a closed class might live on that alone."""
    base = economy("full_liberalization", "demand.conduct=1")
    market, part = base.static_market(), np.full_like(base.open_part, reach)
    owned = np.broadcast_to(base.premium_by_segment, (base.foreign, *part.shape))
    found = static_equilibrium(market, part, owned, 0.1 * owned)
    classes = _classes(market, part, found)
    today = _profit_after(market, classes, found.log_markup, 0.0)[~market.atomistic]
    for rise in np.linspace(-1, 4, 101):
        other = _profit_after(market, classes, found.log_markup, float(rise))[~market.atomistic]
        assert (other <= today * (1 + 1e-12)).all()
