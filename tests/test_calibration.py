"""Spreads that the evidence states, measured on simulated output and never tuned to what came after April 2019."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from shipped import column, periods, run, year

from sim.axes import FloatArray
from sim.model.economy import Economy

SCRAMBLES = 4


@functools.cache
def _quarterly() -> tuple[Economy, FloatArray]:
    """IaaS shares by provider, at the end of 2018 and in the quarters of the next two years: (9, P, N)."""
    economy, record = periods("jv_only", scrambles=SCRAMBLES)
    spending = record.spending[:8, :, 0]
    shares = spending / spending.sum(axis=1, keepdims=True)
    return economy, np.concatenate([economy.layer_shares[None, :, 0], shares])


def test_named_rivals_log_odds_move_as_much_as_from_2016_to_2018() -> None:
    """Root-mean-square change between periods four quarters apart, 0.20 to 0.23 over the first two years."""
    economy, shares = _quarterly()
    odds = np.log(shares / (1 - shares))[:, ~economy.fringe]
    assert 0.20 <= np.sqrt(((odds[4:] - odds[:-4]) ** 2).mean()) <= 0.23


def test_the_foreign_share_of_iaas_drifts_by_half_a_point_a_year() -> None:
    economy, shares = _quarterly()
    foreign = shares[::4, economy.domestic :].sum(axis=1)
    assert np.diff(foreign, axis=0).std(axis=1).mean() == pytest.approx(0.005, abs=0.001)


def test_under_the_licence_regime_the_foreign_share_stays_flat_to_2022() -> None:
    """The drift in evidence is -1.0 to +0.6 points a year; it is no input."""
    for scope in ("iaas", "total"):
        share = np.median(column(run("jv_only", scrambles=SCRAMBLES), "foreign_share", scope), axis=1)
        drift = (share[4] - share[0]) / 4
        assert -0.010 <= drift <= 0.006


def test_at_the_medians_aws_is_fourth_and_alibaba_first_in_iaas() -> None:
    share = {
        name: np.median(year(run("jv_only", scrambles=SCRAMBLES), "market_share", 2018, "iaas", name))
        for name in ("alibaba", "tencent", "china_telecom", "aws", "kingsoft", "huawei", "microsoft")
    }
    assert sorted(share, key=share.__getitem__, reverse=True)[:4] == ["alibaba", "tencent", "china_telecom", "aws"]
    assert (round(share["alibaba"], 3), round(share["aws"], 3)) == (0.43, 0.069)


def test_each_queue_binds_in_some_shipped_scenario() -> None:
    panel = run("ftz_pilot", scrambles=SCRAMBLES)["wait"]
    for kind in ("queue", "quota", "site"):
        rows = [i for i, (_, item) in enumerate(panel.items) if item.endswith(f".{kind}")]
        assert (panel.values[0, rows] > 0).any(axis=0).mean() >= 0.05, kind


def test_a_stated_correlation_moves_a_reported_band() -> None:
    """Growth to 2022 and beyond correlate, which widens the size of the market in 2030."""
    plain = year(run("jv_only", scrambles=SCRAMBLES), "market_size", 2030)
    alone = year(run("jv_only", "sampling.correlations={}", scrambles=SCRAMBLES), "market_size", 2030)
    widths = [np.log(np.quantile(size, 0.95) / np.quantile(size, 0.05)) for size in (plain, alone)]
    assert widths[0] > widths[1] + 0.02
