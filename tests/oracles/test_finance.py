"""Present value, internal rate and rent against numpy-financial, and roots against those of the polynomial."""

from __future__ import annotations

import numpy as np
import numpy_financial as npf
import pytest
from shipped import economy, run, year

from sim.axes import FloatArray
from sim.kernels import finance

ONE = np.ones(2)


def _roots(flows: FloatArray) -> FloatArray:
    """Every internal rate between -95% and 2,000%: real roots of the polynomial in the discount factor."""
    factors = np.roots(np.trim_zeros(flows)[::-1])
    factors = factors[np.abs(factors.imag) < 1e-9].real
    rates = 1 / factors[factors > 0] - 1
    return np.sort(rates[(rates > -0.95) & (rates < 20)])


def _internal_rate(*flows: float) -> float:
    return float(finance.internal_rate(np.array(flows)[:, None] * ONE, 1.0)[0])


def test_present_value_is_that_of_numpy_financial_brought_from_the_middle_of_each_period_to_the_start() -> None:
    random = np.random.default_rng(1)
    for step, periods in ((1.0, 12), (0.25, 48), (1 / 12, 60)):
        rate, flows = random.uniform(-0.2, 0.6, 5), random.normal(size=(periods, 5))
        found = (flows * finance.discount_factors(rate, periods, step)).sum(axis=0)
        per_period = (1 + rate) ** step - 1
        expected = [npf.npv(each, flow) / (1 + each) ** 0.5 for each, flow in zip(per_period, flows.T, strict=True)]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_value_of_a_run_is_that_of_its_yearly_value_flow_by_numpy_financial() -> None:
    """Flows of quarters, so that within a year the value lies between those of its first and of its last day."""
    panels, rate = run("jv_only"), economy("jv_only").inputs["economics.discount_rate"]
    row = panels["value_flow"].items.index(("total", "aws"))
    flows, value = panels["value_flow"].values[:, row], year(panels, "npv", 2030, "total", "aws")
    by_npf = np.array([npf.npv(each, flow) for each, flow in zip(rate, flows.T, strict=True)])
    assert (flows > 0).all()
    np.testing.assert_allclose(value, by_npf / np.sqrt(1 + rate), rtol=0.005)


def test_the_rent_of_capital_is_the_payment_of_numpy_financial() -> None:
    """Of a loan paid off in tiny instalments, over its life and over what is left of it."""
    rate, years, parts = np.array([0.01, 0.1, 0.35]), np.array([3.0, 6.0, 11.0]), 10_000
    per_part = (1 + rate) ** (1 / parts) - 1
    paid = -npf.pmt(per_part, years * parts, 1.0) * parts
    np.testing.assert_allclose(finance.rent_rate(rate, years), paid, rtol=1e-4)
    left = -npf.pv(per_part, (years - 2) * parts, paid / parts)
    np.testing.assert_allclose(finance.rent_left(2 * np.ones(3), rate, years), left, rtol=1e-9)


# ---------------------------------------------------------------- internal rate


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["investment", "loan"])
def test_the_internal_rate_is_that_of_numpy_financial(sign: float) -> None:
    """Flows that change their sign once have one root (Descartes)."""
    random = np.random.default_rng(2)
    flows = np.concatenate([-random.uniform(0.5, 20, (2, 300)), random.uniform(0.05, 8, (9, 300))]) * sign
    found = finance.internal_rate(flows, 1.0)
    np.testing.assert_allclose(found, [npf.irr(flow) for flow in flows.T], atol=1e-8)
    assert found.min() < -0.05
    assert found.max() > 0.5


@pytest.mark.parametrize("step", [1.0, 0.5, 0.25, 1 / 12])
def test_the_internal_rate_is_an_effective_annual_one(step: float) -> None:
    flows = np.array([-5.0, 0.0, 1.0, 2.5, 2.0])
    per_period = npf.irr(flows)
    found = finance.internal_rate(flows[:, None] * ONE, step)[0]
    assert found == pytest.approx((1 + per_period) ** (1 / step) - 1, rel=1e-9)


def test_a_unique_root_is_found_however_often_the_flows_change_their_sign() -> None:
    """Against every root of the polynomial, where no two of them lie within the stated resolution of one another."""
    random = np.random.default_rng(3)
    flows = random.normal(size=(8, 3000))
    roots = [_roots(flow) for flow in flows.T]
    apart = np.array([(np.diff(np.log1p(root)) > np.log(1.17)).all() for root in roots])
    counts = np.array([len(root) for root in roots])
    unique = np.array([root[0] if len(root) == 1 else np.nan for root in roots])
    np.testing.assert_allclose(finance.internal_rate(flows, 1.0)[apart], unique[apart], rtol=1e-6, atol=1e-8)
    assert all((counts[apart] == count).sum() >= least for count, least in ((0, 500), (1, 500), (2, 100), (3, 3)))


def test_with_two_roots_there_is_none_although_numpy_financial_names_one() -> None:
    """The oil pump of Lorie & Savage (1955): 25% and 400% both make its value zero; neither says what it is worth."""
    pump = [-1600.0, 10000.0, -10000.0]
    assert np.isnan(_internal_rate(*pump))
    assert min(abs(npf.irr(pump) - root) for root in (0.25, 4.0)) < 1e-9
    np.testing.assert_allclose(_roots(np.array(pump)), [0.25, 4.0])


def test_with_three_roots_there_is_none() -> None:
    """(1 + r) in {1.1, 1.5, 2.2}, the coefficients of their product."""
    flows = np.poly([1.1, 1.5, 2.2])
    np.testing.assert_allclose(_roots(flows), [0.1, 0.5, 1.2])
    assert np.isnan(_internal_rate(*flows))


@pytest.mark.parametrize("flows", [[1.0, 2.0], [-1.0, -2.0], [1.0, -3.0, 2.5]])
def test_without_a_root_there_is_none_in_numpy_financial_either(flows: list[float]) -> None:
    assert np.isnan(npf.irr(flows))
    assert np.isnan(_internal_rate(*flows))


def test_flows_of_nothing_have_no_rate() -> None:
    assert np.isnan(_internal_rate(0.0, 0.0, 0.0))


# ---------------------------------------------------------------- payback


def _payback(flows: FloatArray) -> float:
    """Years from the first flow to the end of the last period in the red, by adding up; NaN if it does not come."""
    clock, total, ever_red, paid = 0, 0.0, False, np.nan
    for flow in flows:
        clock += bool(clock or flow)
        total += flow
        if total < 0:
            ever_red, paid = True, np.nan
        elif ever_red and np.isnan(paid):
            paid = clock - 1
    return paid


def test_payback_is_the_time_after_which_the_sum_is_never_in_the_red_again() -> None:
    random = np.random.default_rng(4)
    flows = np.concatenate([-random.uniform(0, 6, (2, 500)), random.normal(1, 2, (10, 500))])
    flows[:3, ::5] = 0.0
    found = finance.payback_years(flows, 0.25)
    np.testing.assert_allclose(found, [0.25 * _payback(flow) for flow in flows.T])
    assert 0.1 < np.isnan(found).mean() < 0.9


def test_at_payback_the_value_at_no_interest_is_not_negative() -> None:
    """The same by numpy-financial: of the flows up to payback at rate 0, and not of any fewer."""
    random = np.random.default_rng(5)
    flows = np.concatenate([-random.uniform(1, 6, (1, 200)), random.uniform(0.1, 1, (11, 200))])
    found = finance.payback_years(flows, 1.0)
    for flow, years in zip(flows.T, found, strict=True):
        values = [npf.npv(0.0, flow[:count]) for count in range(1, 13)]
        assert np.isnan(years) if values[-1] < 0 else values[int(years)] >= 0 > values[int(years) - 1]
