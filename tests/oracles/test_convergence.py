"""How fast errors fall over the points of a scramble and by pairing, and SALib on our columns."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtri
from shipped import scenario

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance import sampling
from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.model.inversion import build_economy
from sim.scenario.inputs import canonical, inputs

SCRAMBLES = 16
SIZES = 2 ** np.arange(6, 13)
"""64 to 4,096 points."""

PAIRS = 64
"""Scrambles whose spread tells the error of a difference to 9%; of 16 it would be 18%."""


def _slope(outcomes: FloatArray, truth: float | None = None) -> float:
    """Log-log slope of the error of the mean against points, from outcomes (scrambles, points)."""
    means = np.stack([outcomes[:, :size].mean(axis=1) for size in SIZES])
    centre = means[-1].mean() if truth is None else truth
    errors = np.sqrt(((means - centre) ** 2).mean(axis=1))
    return float(np.polyfit(np.log(SIZES), np.log(errors), 1)[0])


def _net(number: int) -> FloatArray:
    return sampling._net(7, number, int(SIZES[-1]))


def _lognormal(net: FloatArray) -> FloatArray:
    """A product of six lognormals with mean exp(6 x 0.4^2 / 2)."""
    return np.asarray(np.exp(0.4 * ndtri(net[:6]).sum(axis=0)))


def _product(net: FloatArray) -> FloatArray:
    """The test function of Sobol' and others: a product of six factors of mean 1."""
    return np.asarray(np.prod(1 + 0.8 * (net[20:26] - 0.5), axis=0))


@pytest.mark.parametrize(("outcome", "truth"), [(_lognormal, np.exp(0.48)), (_product, 1.0)])
def test_the_error_of_a_smooth_outcome_falls_clearly_faster_than_the_root_of_points(
    outcome: Callable[[FloatArray], FloatArray], truth: float
) -> None:
    """Plain Monte Carlo has slope -0.5; scrambled nets come down to -1.5 where integrands are smooth (Owen 1997)."""
    assert _slope(np.array([outcome(_net(number)) for number in range(2 * SCRAMBLES)]), truth) < -0.8


def _premium(net: FloatArray) -> FloatArray:
    """The opening premium of the shipped case under one hypothesis, with the leading names on the net."""
    found = scenario("jv_only")
    named = dict(zip(found.sampling.leading, net, strict=False))
    half = np.full(net.shape[1], 0.5)
    values = {item.name: canonical(found, item, named.get(item.name, half)) for item in inputs(found)}
    return build_economy(found, {**values, "opening.hypothesis": np.zeros(len(half))}).premium


@pytest.mark.slow
def test_the_error_of_the_opening_premium_falls_clearly_faster_than_the_root_of_points() -> None:
    assert _slope(np.array([_premium(_net(number)) for number in range(SCRAMBLES)])) < -0.7


# ---------------------------------------------------------------- paired differences

OUTCOMES = {"share": ("foreign_share", ""), "revenue": ("revenue_gross", "foreign"), "npv": ("npv", "foreign")}


@functools.cache
def _means(name: str) -> dict[str, FloatArray]:
    """Mean of each outcome in 2030 in each scramble."""
    found = scenario(name)
    kept: dict[str, list[float]] = {outcome: [] for outcome in OUTCOMES}
    for number in range(PAIRS):
        panels = simulate(found, draw_worlds(found, range(number, number + 1)))
        for outcome, (variable, item) in OUTCOMES.items():
            kept[outcome].append(panels[variable].column(2030, "total", item).mean())
    return {outcome: np.array(means) for outcome, means in kept.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "outcome", "factor"),
    [
        ("ftz_pilot", "share", 1.4),
        ("ftz_pilot", "revenue", 4.0),
        ("ftz_pilot", "npv", 5.0),
        ("full_liberalization", "share", 1.05),
        ("full_liberalization", "revenue", 1.6),
        ("full_liberalization", "npv", 1.7),
    ],
)
def test_a_paired_difference_has_a_smaller_error_by_a_factor(name: str, outcome: str, factor: float) -> None:
    """The same draws under both regimes, against draws of its own for each: there variances would add."""
    regime, licence = _means(name)[outcome], _means("jv_only")[outcome]
    unpaired = np.sqrt(regime.var(ddof=1) + licence.var(ddof=1))
    assert unpaired > factor * (regime - licence).std(ddof=1)


# ---------------------------------------------------------------- Sobol' indices


def _ishigami(u: FloatArray) -> FloatArray:
    """Ishigami & Homma (1990) with a = 7, b = 0.1, of uniforms (3, N)."""
    x = np.pi * (2 * u - 1)
    return np.asarray(np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]))


def _indices_of_ishigami() -> tuple[FloatArray, FloatArray]:
    """First-order and total indices in closed form."""
    first, second, both = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 7**2 / 8, 0.1**2 * np.pi**8 * 8 / 225
    parts = np.array([first, second, 0.0])
    total = parts + np.array([both, 0.0, both])
    return parts / (parts.sum() + both), total / (parts.sum() + both)


@pytest.mark.parametrize(
    "names",
    [
        ("zone.cap", "opening.hypothesis", "shock.market", "shock.origin", "opening.ramp", "demand.churn"),
        ("zone.cap", "migration.consent_loss", "any", "economics.transfer_price", "shock.market", "other"),
    ],
    ids=["net", "net and hypercubes"],
)
def test_salib_finds_the_indices_of_ishigami_from_our_columns(names: tuple[str, ...]) -> None:
    """Two samples of three columns, recombined as Saltelli (2010) says: right only if the six are independent."""
    analyze = pytest.importorskip("SALib.analyze.sobol").analyze
    settings = scenario("jv_only").sampling
    scrambles = [sampling._Scramble(settings, number) for number in range(SCRAMBLES)]
    columns = np.hstack([np.array([scramble.column(name) for name in names]) for scramble in scrambles])
    assert columns.shape == (6, SCRAMBLES * DRAWS_PER_SCRAMBLE)
    one, other = columns[:3], columns[3:]
    mixed = [np.where(np.arange(3)[:, None] == k, other, one) for k in range(3)]
    values = np.array([_ishigami(sample) for sample in (one, *mixed, other)]).T.ravel()
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0, 1]] * 3}
    found = analyze(problem, values, calc_second_order=False, num_resamples=2, seed=1)
    np.testing.assert_allclose([found["S1"], found["ST"]], _indices_of_ishigami(), rtol=0, atol=0.03)
