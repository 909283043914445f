"""Shares of the variance against SALib's, from the same draws."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import scenario

from sim.analysis.drivers import BINS, equal_cells, first_order, total_share
from sim.analysis.scrambles import estimate
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance import sampling

SCRAMBLES = 16
NAMES = ("zone.cap", "opening.hypothesis", "shock.market", "any", "another", "a third")
PROBLEM = {"num_vars": len(NAMES), "names": list(NAMES), "bounds": [[0, 1]] * len(NAMES)}


def _columns(copy: bool) -> FloatArray:
    """Columns of the net and beside it, (6, N); as they are redrawn if asked."""
    settings, parts = scenario("jv_only").sampling, []
    for number in range(SCRAMBLES):
        place = f"{number}.0" if copy else number
        drawn = np.array([sampling._Scramble(settings, place).column(name) for name in NAMES])
        rows = sampling._generator(settings.seed, place, "rows").permutation(DRAWS_PER_SCRAMBLE)
        parts.append(drawn[:, rows] if copy else drawn)
    return np.hstack(parts)


def _product(uniforms: FloatArray) -> FloatArray:
    """Sobol's g-function: what inputs do together is a large part of it."""
    weights = np.array([0.0, 0.5, 3.0, 1.0, 9.0, 99.0])[:, None]
    return np.asarray(((np.abs(4 * uniforms - 2) + weights) / (1 + weights)).prod(axis=0))


def test_first_order_and_total_shares_are_salibs_within_errors() -> None:
    analyze = pytest.importorskip("SALib.analyze.sobol").analyze
    one, other = _columns(False), _columns(True)
    mixed = [np.where(np.arange(len(NAMES))[:, None] == k, other, one) for k in range(len(NAMES))]
    runs = [_product(sample) for sample in (one, *mixed, other)]
    found = analyze(PROBLEM, np.array(runs).T.ravel(), calc_second_order=False, num_resamples=100, seed=1)
    for k, column in enumerate(one):
        total = estimate(total_share(runs[0][None], runs[1 + k][None]))
        first = estimate(first_order(equal_cells(column, BINS), runs[0][None]))
        assert abs(total.value[0] - found["ST"][k]) < 3 * total.se[0] + 0.002, NAMES[k]
        assert abs(first.value[0] - found["S1"][k]) < 3 * first.se[0] + 2 * found["S1_conf"][k], NAMES[k]


def test_first_order_shares_are_those_of_salibs_own_estimator_from_given_data() -> None:
    analyze = pytest.importorskip("SALib.analyze.delta").analyze
    one = _columns(False)
    outcomes = _product(one)
    found = analyze(PROBLEM, one.T, outcomes, num_resamples=2, seed=1)
    first = [first_order(equal_cells(column, BINS), outcomes[None])[0, 0] for column in one]
    np.testing.assert_allclose(first, found["S1"], atol=0.015)
