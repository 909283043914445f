"""Consumer gain from price indices against Arkolakis, Costinot & Rodriguez-Clare, and tariffs against Head & Ries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import brentq, root
from shipped import CALM_MARKET, NOTHING_DRIFTS, column, economy, run, scenario, worlds

from oracles.segments import segment_of
from sim.axes import FloatArray
from sim.kernels.choice import Reach
from sim.kernels.equilibrium import StaticMarket, opening_premium
from sim.kernels.welfare import class_gains, reached_gain
from sim.model.economy import Economy, reach_fraction
from sim.model.entry import tariff_equivalent
from sim.model.inversion import build_economy
from sim.scenario.policy import states

DRAWS = 400


@dataclass(frozen=True)
class Prices:
    """A CES market in levels: prices (O, N) of four domestic and three foreign offers at equal quality."""

    home: FloatArray
    abroad: FloatArray
    substitution: FloatArray

    def log_index(self) -> FloatArray:
        """ln P, with P^(1 - eps) the sum of p^(1 - eps)."""
        power = 1 - self.substitution
        return np.asarray(np.log((self.home**power).sum(axis=0) + (self.abroad**power).sum(axis=0)) / power)

    def log_home_index(self) -> FloatArray:
        """The same of domestic offers alone: the index of who sees no others."""
        power = 1 - self.substitution
        return np.asarray(np.log((self.home**power).sum(axis=0)) / power)

    def domestic_share(self) -> FloatArray:
        """lambda, the share of spending on domestic offers."""
        return np.asarray(np.exp((1 - self.substitution) * (self.log_home_index() - self.log_index())))


def _random_prices(random: np.random.Generator, substitution: FloatArray) -> Prices:
    return Prices(random.uniform(0.5, 3, (4, DRAWS)), random.uniform(0.5, 5, (3, DRAWS)), substitution)


def _attraction(prices: FloatArray, base: Prices) -> FloatArray:
    """What the program calls attraction: p^(1 - eps) over the sum of all offers' in the base year."""
    return np.asarray(prices ** (1 - base.substitution) / np.exp((1 - base.substitution) * base.log_index()))


def _found(
    base: Prices, partner: Prices, owned: Prices, closed: FloatArray, was_closed: FloatArray
) -> list[FloatArray]:
    """The program's gains where spending is closed, sees partner offers, and sees owned ones."""
    home = _attraction(partner.home, base).sum(axis=0)[None]
    abroad, sites = (_attraction(prices.abroad, base)[:, None] for prices in (partner, owned))
    total, log_base = home + abroad.sum(axis=0), np.log(base.domestic_share())[None]
    gains = class_gains(home, total, log_base, closed[None], was_closed[None], base.substitution)
    seen, nothing = np.ones((3, DRAWS)), np.zeros(DRAWS)
    reached = Reach(seen, sites, abroad, abroad, home, np.ones_like(home), nothing).divide(seen[:, None])
    in_reach = reached_gain(reached.log_attraction / (base.substitution - 1.0), reached.lift)
    return [gains.closed[0] / closed, gains.partner[0], in_reach[0]]


def test_gains_are_those_of_arkolakis_costinot_and_rodriguez_clare_class_by_class() -> None:
    """Domestic prices stay; the gain is ln(lambda / lambda') / (eps - 1), from what each class saw in the base year."""
    random = np.random.default_rng(4)
    base = _random_prices(random, random.uniform(1.8, 6, DRAWS))
    partner, owned = (
        Prices(base.home, base.abroad * random.uniform(0.3, 1.3, (3, DRAWS)), base.substitution) for _ in range(2)
    )
    closed, was_closed = random.uniform(0.05, 0.95, (2, DRAWS))

    def acr(before: FloatArray | float, after: FloatArray | float) -> FloatArray:
        return np.asarray(np.log(before / np.asarray(after)) / (base.substitution - 1))

    was, partner_now, owned_now = (market.domestic_share() for market in (base, partner, owned))
    closing = np.maximum(closed - was_closed, 0) / closed
    opening = np.maximum(was_closed - closed, 0) / (1 - closed)
    expected = [
        closing * acr(was, 1),
        opening * acr(1, partner_now) + (1 - opening) * acr(was, partner_now),
        acr(was, owned_now),
    ]
    np.testing.assert_allclose(_found(base, partner, owned, closed, was_closed), expected, rtol=1e-10, atol=1e-12)


def test_gains_are_what_the_price_index_falls_by_where_domestic_prices_move_too() -> None:
    random = np.random.default_rng(5)
    base = _random_prices(random, random.uniform(1.8, 6, DRAWS))
    home = base.home * random.uniform(0.7, 1.2, (4, DRAWS))
    partner, owned = (
        Prices(home, base.abroad * random.uniform(0.3, 1.3, (3, DRAWS)), base.substitution) for _ in range(2)
    )
    closed = random.uniform(0.05, 0.95, DRAWS)
    expected = [
        base.log_home_index() - partner.log_home_index(),
        base.log_index() - partner.log_index(),
        base.log_index() - owned.log_index(),
    ]
    np.testing.assert_allclose(_found(base, partner, owned, closed, closed), expected, rtol=1e-10, atol=1e-12)


def test_a_run_that_opens_at_once_gains_what_arkolakis_costinot_and_rodriguez_clare_say() -> None:
    """With everything contestable at once, one class and no stickiness: gain = ln(lambda / lambda') / (epsilon - 1)."""
    edits = (
        *NOTHING_DRIFTS,
        *CALM_MARKET,
        "demand.conduct=0",
        "demand.captive_growth=0",
        "demand.churn=100000",
        "entry.rule=always",
        "regulator.review_time=0.5",
        "entry.build_time=0.5",
        "opening.ramp=0.0001",
        "capacity.expansion_lead=0.01",
        "capacity.planning_years=100",
        "demand.elasticity_of_demand=1.001",
        *(
            f"segments.{name}.open=1"
            for name in ("internet", "private", "multinational", "state", "paas_all", "saas_all")
        ),
        "segments.multinational.foreign_propensity=1",
    )
    panels, drawn = run("full_liberalization", *edits), worlds("full_liberalization", *edits).inputs
    share, size = column(panels, "foreign_share", "iaas"), column(panels, "market_size", "iaas")
    gain = column(panels, "consumer_gain", "iaas")[-1] / size[-1]
    closed_form = np.log((1 - share[0]) / (1 - share[-1])) / (drawn["demand.elasticity_of_substitution"] - 1)
    np.testing.assert_allclose(gain, closed_form, rtol=5e-3, atol=1e-6)


# ---------------------------------------------------------------- tariff equivalents


def _home_share(barrier: float, substitution: float, demand: float, conduct: float) -> float:
    """Share of the home firm in one of two mirror markets, each firm at cost 1 at home and 1 + barrier abroad."""
    cost = np.array([1.0, 1.0 + barrier])

    def shares(log_markup: FloatArray) -> FloatArray:
        spent = (cost * np.exp(log_markup)) ** (1 - substitution)
        return np.asarray(spent / spent.sum())

    def unmet(log_markup: FloatArray) -> FloatArray:
        perceived = substitution - conduct * (substitution - demand) * shares(log_markup)
        return np.asarray(log_markup - np.log(perceived / (perceived - 1)))

    solved = root(unmet, np.full(2, np.log(substitution / (substitution - 1))), options={"xtol": 1e-14})
    assert np.abs(unmet(solved.x)).max() < 1e-12
    return float(shares(solved.x)[0])


@pytest.mark.parametrize("conduct", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("barrier", [0.2, 0.8, 2.5])
def test_between_two_mirror_markets_the_tariff_is_the_barrier(barrier: float, conduct: float) -> None:
    """Free trade gives either firm one half of both markets, whatever the conduct."""
    substitution, demand, two = 3.5, 1.2, np.ones(2)
    home = _home_share(barrier, substitution, demand, conduct)
    base = np.array([home, 1 - home])[:, None, None] * two
    market = StaticMarket(
        base, np.ones((1, 2)), 1, np.zeros(2, dtype=bool), substitution * two, demand * two, conduct * two
    )
    premium = opening_premium(market, np.ones((1, 2)), 0.5 * two)
    np.testing.assert_allclose(np.expm1(premium / (substitution - 1)), barrier, rtol=1e-9)


def _mirrored() -> Economy:
    """The shipped draws with no closed part, no leaning of a segment, and one half as the long-run foreign share."""
    kinds = ("internet", "private", "multinational", "state")
    edits = (
        *(f"segments.{kind}.open=1" for kind in kinds),
        "segments.multinational.foreign_propensity=1",
        "opening.hypotheses.open_market_analogue.value=50",
        "demand.conduct=0",
    )
    inputs = worlds("jv_only", *edits).replace_input("opening.hypothesis", np.zeros(512)).inputs
    return build_economy(scenario("jv_only", *edits), inputs)


def test_the_reported_tariff_is_that_of_head_and_ries_where_home_mirrors_abroad() -> None:
    """Head & Ries (2001) AER 91: (1 + tau)^2 = (s_ii s_jj / (s_ij s_ji))^(1 / (eps - 1)), here with s_ii = s_jj."""
    base = _mirrored()
    foreign = sum(base.inputs[f"shares.iaas.direct.{name}"] for name in ("aws", "microsoft", "other_foreign"))
    squared = ((1 - foreign) ** 2 / foreign**2) ** (1 / (base.substitution - 1))
    found = scenario("jv_only")
    np.testing.assert_allclose(tariff_equivalent(found, base, states(found)[0]), np.sqrt(squared) - 1, rtol=1e-9)


def _foreign_share(draw: int, boost: float, reach: FloatArray) -> float:
    """Share of IaaS that foreign providers have in a draw if a boost comes to their offers within reach (G,)."""
    base = economy("ftz_pilot")
    rows, (home, foreign) = base.segment_rows("iaas"), (base.domestic, base.foreign)
    market, share = base.static_market(base.segment_rows("iaas")), 0.0
    for g, part in enumerate(reach):
        whole = segment_of(market, g, draw).solve(part, np.full(foreign, boost), np.zeros(foreign))[2]
        share += base.weights[rows][g, draw] * whole[home:].sum()
    return float(share)


def _tariff(draw: int, share: float) -> float:
    """The tariff which, on top of full opening, leaves foreign providers a share; by a root-finder."""
    base, everywhere = economy("ftz_pilot"), np.ones(4)
    premium, steepness = base.premium[draw], base.substitution[draw] - 1
    found = brentq(
        lambda tariff: _foreign_share(draw, premium - steepness * np.log1p(tariff), everywhere) - share, -1e-6, 100
    )
    return float(found)


def test_the_tariff_of_a_pilot_gives_its_static_share_from_full_opening() -> None:
    found, base, draws = scenario("ftz_pilot"), economy("ftz_pilot"), range(0, 512, 64)
    reach = reach_fraction(found, base, states(found)[1])[base.segment_rows("iaas")]
    boost = base.inputs["regimes.ftz_pilot.owned_unlock"] * base.premium
    solved = [_tariff(n, _foreign_share(n, boost[n], reach[:, n])) for n in draws]
    tariff = tariff_equivalent(found, base, states(found)[1])[draws]
    np.testing.assert_allclose(tariff, solved, rtol=1e-6, atol=1e-8)
    assert tariff.max() > 0.5
