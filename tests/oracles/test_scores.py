"""Scores of forecasts against their definitions and against identities between them, whatever the ensemble."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import scipy.stats

from sim.axes import FloatArray
from sim.belief.record import Observation
from sim.belief.scores import COVERED, pit, scores
from sim.reading.documents import Place


def _observed(value: float, variable: str = "market_share") -> Observation:
    """A yearly value measured without error."""
    unit = {"market_share": "fraction", "market_size": "USD bn"}[variable]
    start, end = datetime.date(2020, 1, 1), datetime.date(2020, 12, 31)
    text = {"scope": "iaas", "item": "", "source": "", "mark": "", "note": ""}
    return Observation(
        id="a",
        variable=variable,
        start=start,
        end=end,
        statistic="annual",
        value=value,
        low=value,
        high=value,
        unit=unit,
        place=Place(""),
        **text,
    )


def _crps(draws: FloatArray, value: float) -> float:
    """Matheson & Winkler (1976): the integral of (F(x) - 1{x >= y})^2, F the step function of the draws.

    Less what the step function of a sample adds on average, its mean difference being too small (Ferro 2014).
    """
    edges = np.sort(np.append(draws, value))
    below = np.searchsorted(np.sort(draws), edges[:-1], side="right") / len(draws)
    count = len(draws)
    excess = np.abs(draws[:, None] - draws).sum() / (2 * count**2 * (count - 1))
    return float((np.diff(edges) * (below - (edges[:-1] >= value)) ** 2).sum() - excess)


@pytest.mark.parametrize("draws", [2, 7, 512])
@pytest.mark.parametrize("value", [-3.0, 0.4, 2.5, 40.0])
def test_the_crps_is_the_integral_that_defines_it(draws: int, value: float) -> None:
    """Ties among the draws included; of the log as well, for money."""
    ensemble = np.round(np.random.default_rng(draws).lognormal(0.5, 1.0, draws), 1) + 0.1
    assert scores(ensemble, _observed(value))["crps"] == pytest.approx(_crps(ensemble, value), rel=1e-10)
    if value > 0:
        found = scores(ensemble, _observed(value, "market_size"))["crps_log"]
        assert found == pytest.approx(_crps(np.log(ensemble), np.log(value)), rel=1e-10)


@pytest.mark.parametrize("value", [-1.0, 1.2, 9.0])
def test_an_interval_score_is_the_weighed_sum_of_the_quantile_scores_of_its_ends(value: float) -> None:
    """Bracher et al. (2021) PLOS Comput. Biol. 17, eq. 2: IS_a = 2 / a x (QS_(a/2) + QS_(1 - a/2))."""
    found = scores(np.random.default_rng(2).gamma(2.0, 1.0, 512), _observed(value))
    for percent, (low, high) in {50: (25, 75), 80: (10, 90), 90: (5, 95)}.items():
        ends = found[f"quantile_{low:02}"] + found[f"quantile_{high:02}"]
        assert found[f"interval_{percent}"] == pytest.approx(2 / (1 - percent / 100) * ends, rel=1e-10)


def test_pit_of_a_right_forecast_is_uniform_and_its_intervals_cover_as_often_as_they_say() -> None:
    """Kolmogorov-Smirnov on 2,000 observations, each from the law of its own forecast; and of one too narrow, not."""
    random = np.random.default_rng(3)
    even = scipy.stats.norm.ppf((np.arange(1024) + 0.5) / 1024)
    centres, widths, errors = random.normal(size=2000), random.uniform(0.5, 3, 2000), random.normal(size=2000)

    def pits(sharper: float) -> FloatArray:
        rows = zip(centres, widths, errors, strict=True)
        return np.array([pit(m + w * even / sharper, m + w * error) for m, w, error in rows])

    right, narrow = pits(1.0), pits(1.3)
    assert scipy.stats.kstest(right, "uniform").pvalue > 0.05
    assert scipy.stats.kstest(narrow, "uniform").pvalue < 1e-6
    for percent, (low, high) in COVERED.items():
        covered = ((right >= low) & (right <= high)).mean()
        assert scipy.stats.binomtest(round(2000 * covered), 2000, percent / 100).pvalue > 0.01
