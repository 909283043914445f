"""Accounts: every stream adds up. Present values and rates are in `oracles/test_finance.py`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import economy, run, worlds

from sim.axes import FloatArray
from sim.kernels import finance

ONE = np.ones(2)


def _rates(**changes: float) -> finance.Rates:
    """Central values of the shipped case, two equal draws."""
    central = {
        "site_cost": 0.36,
        "operator_margin": 0.11,
        "provider_margin": 0.28,
        "incremental": 0.35,
        "capital_intensity": 0.9,
        "asset_life": 6.0,
        "royalty_withholding": 0.10,
        "royalty_vat": 0.03,
        "profit_tax": 0.25,
        "dividend_withholding": 0.10,
        "domestic_margin": 0.25,
        "discount_rate": 0.10,
        "terminal_growth": 0.02,
        "transfer_price": 0.7,
    }
    return finance.Rates(**{key: value * ONE for key, value in {**central, **changes}.items()})


def test_one_case_worked_by_hand_in_the_partner_channel() -> None:
    """Gross 100: royalty 53, of which 10% and 3% are taxes; site 36; operator 11 before 25% tax; half of it ours."""
    split = finance.split_partner(100 * ONE, 0.5 * ONE, _rates())
    streams = {field.name: getattr(split, field.name)[0] for field in dataclasses.fields(split)}
    assert streams == pytest.approx(
        {
            "net_royalty": 46.11,
            "royalty_tax": 6.89,
            "site_cost": 36.0,
            "operator_profit": 8.25,
            "operator_tax": 2.75,
            "dividend": 3.7125,
            "dividend_tax": 0.4125,
            "technology": 36.0,
        }
    )


def test_one_case_worked_by_hand_in_the_owned_channel() -> None:
    """Gross 100 on capacity 120 with capital 0.9 over 6 years: depreciation 18, of which 3 is idle."""
    split = finance.split_owned(100 * ONE, 120 * ONE, _rates())
    streams = {field.name: getattr(split, field.name)[0] for field in dataclasses.fields(split)}
    assert streams == pytest.approx(
        {
            "site_cost": 39.0,
            "technology": 36.0,
            "profit_tax": 6.25,
            "dividend_tax": 1.875,
            "net_profit": 16.875,
            "depreciation": 18.0,
        }
    )


@settings(max_examples=80, deadline=None)
@given(gross=st.floats(0, 50), capacity=st.floats(0, 100), equity=st.floats(0, 0.5), vat=st.floats(0, 0.06))
def test_streams_sum_to_gross(gross: float, capacity: float, equity: float, vat: float) -> None:
    rates = _rates(royalty_vat=vat)
    partner = finance.split_partner(gross * ONE, equity * ONE, rates)
    parts = (
        partner.net_royalty + partner.royalty_tax + partner.site_cost + partner.operator_profit + partner.operator_tax
    )
    np.testing.assert_allclose(parts, gross, atol=1e-12)
    owned = finance.split_owned(gross * ONE, capacity * ONE, rates)
    parts = owned.site_cost + owned.technology + owned.profit_tax + owned.dividend_tax + owned.net_profit
    np.testing.assert_allclose(parts, gross, atol=1e-12)


def test_the_money_identity_holds_in_every_draw_and_year_of_a_run() -> None:
    """Gross of the partner channel = provider's profit and technology cost + taxes + site cost + operator's profit."""
    panels, drawn = run("jv_only"), worlds("jv_only").inputs
    gross = panels["revenue_gross"].values[1:, panels["revenue_gross"].items.index(("total", "foreign"))]
    profit = panels["operating_profit"].values[:, -1]
    technology = gross * (1 - drawn["economics.site_cost"] - drawn["economics.provider_margin"])
    site = gross * drawn["economics.site_cost"]
    operator, taxes = panels["operator_profit"].values[:, 0], panels["tax_take"].values[:, 0]
    np.testing.assert_allclose(profit + technology + site + operator + taxes, gross, rtol=1e-11)


def test_the_money_identity_holds_with_owned_sites() -> None:
    """With sites of their own the same streams and the cost of idle capacity come to gross."""
    panels, rates = run("full_liberalization"), economy("full_liberalization").rates()
    gross = panels["revenue_gross"].values[1:, panels["revenue_gross"].items.index(("total", "foreign"))]
    owned = panels["owned_revenue"].values[1:, panels["owned_revenue"].items.index(("total", "foreign"))]
    capital = (
        panels["cash_flow"].values[:, -1] - panels["incremental_profit"].values[:, -1] + panels["capex"].values[:, -1]
    )
    site = rates.site_cost * gross - rates.depreciation * owned + capital
    technology = gross * rates.technology
    parts = panels["operating_profit"].values[:, -1] + technology + site
    parts = parts + panels["operator_profit"].values[:, 0] + panels["tax_take"].values[:, 0]
    np.testing.assert_allclose(parts, gross, rtol=1e-10)


def test_a_tranche_is_worth_nothing_at_the_end_of_its_life() -> None:
    capacity = np.array([0.0, 2.0, 2.0])[:, None, None] * ONE
    spent = np.array([0.0, 1.0, 0.0])[:, None, None] * ONE  # 0.5 per unit of capacity, over two years
    book: FloatArray = finance.book_value(spent, capacity * 0.25, 1.0)
    np.testing.assert_allclose(book[:, 0, 0], [0.0, 0.5, 0.0], atol=1e-15)


def test_a_provider_builds_only_if_the_site_beats_the_partner() -> None:
    def margin(gain: float, **terms: float) -> float:
        drawn = {"equity": 0.0, "hazard": 0.0, "hurdle": 1.5, **terms}
        return float(finance.entry_margin(gain * ONE, *(value * ONE for value in drawn.values()), _rates())[0])

    # Owned per 100 of gross: 28 before tax, 21 after, 18.9 remitted, plus 65% of technology cost 36 that is not
    # incremental: 42.3. Partner: 46.11 - 12.6 = 33.51. Capital: 90 x 0.229607 - 15 = 5.6647.
    assert margin(1.0) == pytest.approx(0.423 - 1.5 * 0.056647 - 0.3351, abs=1e-5)
    assert margin(1.2) > margin(1.0)
    assert margin(1.0, hazard=0.2) < margin(1.0)
    assert margin(1.0, equity=0.5) < margin(1.0)
