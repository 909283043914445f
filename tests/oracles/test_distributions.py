"""Every family against scipy.stats, and its mean against the closed form of what the file says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from pydantic import TypeAdapter

from sim.scenario.families import Parameter
from sim.scenario.records import Record

_PARAMETER: TypeAdapter[Record] = TypeAdapter(Parameter)
U = np.linspace(0.0005, 0.9995, 1998).reshape(2, 999)
Z95 = 1.6448536269514722
DENSITY = scipy.stats.norm.pdf


def _record(unit: str = "1", **numbers: Any) -> Record:
    return _PARAMETER.validate_python({"unit": unit, "source": "guess", "grade": "judgement", **numbers})


FAMILIES = {
    "interval, both ends positive": (
        {"interval": "2 to 8"},
        scipy.stats.lognorm(s=np.log(4) / (2 * Z95), scale=4),
    ),
    "interval through zero": ({"interval": "-2 to 8"}, scipy.stats.norm(3, 5 / Z95)),
    "triangular": ({"triangular": [1, 2, 5]}, scipy.stats.triang(0.25, 1, 4)),
    "triangular, mode at the low end": ({"triangular": [1, 1, 5]}, scipy.stats.triang(0, 1, 4)),
    "triangular, mode at the high end": ({"triangular": [1, 5, 5]}, scipy.stats.triang(1, 1, 4)),
    "pert": ({"pert": [1, 2, 5]}, scipy.stats.beta(2, 4, 1, 4)),
    "normal": ({"normal": {"mean": 3, "sd": 2}}, scipy.stats.norm(3, 2)),
    "lognormal": ({"lognormal": {"median": 18, "sigma": 0.9}}, scipy.stats.lognorm(s=0.9, scale=18)),
    "uniform": ({"uniform": [2, 6]}, scipy.stats.uniform(2, 4)),
    "scipy": ({"scipy": {"family": "gamma", "parameters": {"a": 2.5, "scale": 3}}}, scipy.stats.gamma(2.5, scale=3)),
    "two-piece, symmetric": ({"low": 1, "median": 2, "high": 3}, scipy.stats.norm(2, 1 / Z95)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_quantile_is_that_of_scipy(family: str) -> None:
    numbers, reference = FAMILIES[family]
    np.testing.assert_allclose(_record(**numbers).quantile(U), reference.ppf(U), rtol=1e-12, strict=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_distribution_function_is_that_of_scipy_inside_and_beyond_the_support(family: str) -> None:
    numbers, reference = FAMILIES[family]
    x = np.linspace(-10, 60, 1400).reshape(2, 700)
    np.testing.assert_allclose(_record(**numbers).cdf(x), reference.cdf(x), rtol=1e-11, atol=1e-14, strict=True)


def test_two_piece_normal_is_a_normal_of_scipy_on_each_side() -> None:
    expected = np.where(U < 0.5, scipy.stats.norm.ppf(U, 3, 2 / Z95), scipy.stats.norm.ppf(U, 3, 38 / Z95))
    np.testing.assert_allclose(_record(low=1, median=3, high=41).quantile(U), expected, rtol=1e-12, atol=1e-12)


def _half_mean(width: float) -> float:
    """Mean of half a normal whose 95% point lies at `width`, times its probability of one half, clamped there."""
    return width / Z95 * (DENSITY(0) - DENSITY(Z95)) + 0.05 * width


MEANS = {
    "two-piece": ({"low": 1, "median": 3, "high": 9}, 3 + (6 - 2) / Z95 * DENSITY(0)),
    "two-piece, clamped at its outer points": (
        {"low": 0, "median": 0.7, "high": 1, "min": 0, "max": 1},
        0.7 + _half_mean(0.3) - _half_mean(0.7),
    ),
    "interval, both ends positive": ({"interval": "2 to 8"}, 4 * np.exp((np.log(2) / Z95) ** 2 / 2)),
    "interval through zero": ({"interval": "-2 to 8"}, 3),
    "triangular": ({"triangular": [1, 2, 6]}, (1 + 2 + 6) / 3),
    "pert": ({"pert": [1, 2, 6]}, (1 + 4 * 2 + 6) / 6),
    "normal": ({"normal": {"mean": 3, "sd": 2}}, 3),
    "lognormal": ({"lognormal": {"median": 18, "sigma": 0.9}}, 18 * np.exp(0.9**2 / 2)),
    "uniform": ({"uniform": [2, 6]}, 4),
    "scipy": ({"scipy": {"family": "gamma", "parameters": {"a": 2.5, "scale": 3}}}, 7.5),
    "discrete": ({"discrete": {"10": 0.2, "2.5": 0.5, "4": 0.3}}, 0.2 * 10 + 0.5 * 2.5 + 0.3 * 4),
    "mixture": (
        {"mixture": [{"weight": 0.25, "of": {"uniform": [2, 6]}}, {"weight": 0.75, "of": {"pert": [1, 2, 6]}}]},
        0.25 * 4 + 0.75 * 2.5,
    ),
    "fixed": ({"value": 6.62}, 6.62),
}


BREAKS = scipy.stats.norm.ppf([0.05, 0.25, 0.5, 0.8, 0.95])
"""Normal scores at which a quantile function above may jump or bend."""


@pytest.mark.parametrize("family", MEANS)
def test_the_mean_is_that_of_the_closed_form(family: str) -> None:
    """The integral of the quantile function over normal scores, by Gauss-Legendre between its breaks."""
    numbers, expected = MEANS[family]
    nodes, weights = np.polynomial.legendre.leggauss(60)
    edges = np.array([-7, *BREAKS, 7])
    middle, half = (edges[1:] + edges[:-1])[:, None] / 2, np.diff(edges)[:, None] / 2
    z = middle + half * nodes
    values = _record(**numbers).quantile(scipy.stats.norm.cdf(z))
    assert (half * weights * values * DENSITY(z)).sum() == pytest.approx(expected, rel=1e-8)
