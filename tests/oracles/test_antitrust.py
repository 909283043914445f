"""Shares, margins and prices after a tariff against the R packages antitrust 0.99.29 and trade 0.8.3 (C. Taragin; CC0).

`antitrust.csv` holds `bertrand_tariff(demand = "ces")` on the six-product beer example of their manuals, each product a
firm of its own: prices 0.0441, 0.0328, 0.0409, 0.0396, 0.0387, 0.0497; quantities 6.6, 17.2, 25.3, 18.7, 9.9, 22.3;
margins 0.3830, 0.5515, 0.5421, 0.5557, 0.4453, 0.3769; `mktElast = -1.5`; tariffs of 10% on E and F.

Their elasticity of substitution gamma is ours, and spending on the six and the outside good is given: eta = 1. The
outside good, whose price stays, is a fringe. Their tariff t is a share of the price that consumers pay, so that ours is
t / (1 - t), and consumers pay cost x markup / (1 - t).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.axes import FloatArray
from sim.kernels.equilibrium import StaticMarket, StaticShares, static_equilibrium

FIRM = np.genfromtxt(
    Path(__file__).with_name("antitrust.csv"), delimiter=",", names=True, skip_header=2, dtype=None, encoding="utf-8"
)
TAXED = FIRM["tariff_of_consumer_price"] > 0
"""They are foreign here, as the last of the file."""

ROWS = np.array([0, 1, 2, 3, 5, 6])
"""Where the firms stand; the outside good is the last domestic provider."""


def _after(conduct: float) -> tuple[StaticMarket, StaticShares]:
    """The market before, and the equilibrium with the tariff; two equal draws."""
    shares = FIRM["share_before"]
    base = np.insert(shares, 4, 1 - shares.sum())
    gamma = np.full(2, FIRM["gamma"][0])
    market = StaticMarket(
        base=np.repeat(base[:, None, None], 2, axis=2),
        open_part=np.ones((1, 2)),
        domestic=5,
        atomistic=np.arange(7) == 4,
        substitution=gamma,
        demand=np.ones(2),
        conduct=np.full(2, conduct),
    )
    tariff = FIRM["tariff_of_consumer_price"][TAXED]
    lift = (gamma - 1) * np.log1p(-tariff)[:, None, None]
    return market, static_equilibrium(market, np.ones((1, 2)), lift, lift)


def _price_change(market: StaticMarket, after: StaticShares) -> FloatArray:
    """Of what consumers pay each firm; the tariff comes on top of its markup."""
    now = np.exp(after.log_markup[ROWS, 0, 0] - market.start[:, 0, 0])
    return np.asarray(now / (1 - FIRM["tariff_of_consumer_price"]) - 1)


def test_the_taxed_firms_are_the_foreign_ones() -> None:
    assert FIRM["firm"][TAXED].tolist() == ["E", "F"]
    assert FIRM["firm"].tolist() == list("ABCDEF")


def test_margins_before_the_tariff_are_those_of_antitrust() -> None:
    market, _ = _after(1.0)
    np.testing.assert_allclose(-np.expm1(-market.start[:, 0, 0]), FIRM["margin_before"], rtol=0, atol=1e-6)


def test_shares_margins_and_prices_after_the_tariff_are_those_of_trade() -> None:
    market, after = _after(1.0)
    np.testing.assert_allclose(after.segment[ROWS, 0, 0], FIRM["share_after"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(-np.expm1(-after.log_markup[ROWS, 0, 0]), FIRM["margin_after"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(_price_change(market, after), FIRM["consumer_price_change"], rtol=0, atol=1e-6)


def test_under_monopolistic_competition_the_whole_tariff_is_passed_on() -> None:
    """A tenth of the consumer price is a ninth of the producer's."""
    market, after = _after(0.0)
    np.testing.assert_allclose(_price_change(market, after)[TAXED], 1 / 9, rtol=1e-14)
    np.testing.assert_array_equal(_price_change(market, after)[~TAXED], 0.0)


@pytest.mark.parametrize("wrong", ["gamma", "tariff_of_consumer_price", "share_before"])
def test_a_number_that_is_wrong_by_a_thousandth_is_told(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = FIRM.copy()
    changed[wrong] *= 1.001
    monkeypatch.setitem(globals(), "FIRM", changed)
    market, after = _after(1.0)
    assert np.abs(_price_change(market, after) - FIRM["consumer_price_change"]).max() > 1e-6
