"""Layers that spread along a logistic curve, with luck of their own."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
from shipped import CALM_MARKET, FOLDER, column

from sim.axes import FloatArray
from sim.chance.medians import median_world
from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.kernels.growth import diffused
from sim.model.engine import simulate
from sim.outcomes.panels import Panel
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario

EVIDENCE = "source: judgement, as_of: 2019-04-30, grade: judgement"
IAAS = (
    "market.layers.iaas.log_odds_drift=null",
    "market.layers.iaas.diffusion={ceiling: {value: 0.95, unit: fraction, %s}, %s}",
)


@functools.cache
def scenario(*stated: str) -> Scenario:
    """The shipped market, in which infrastructure spreads as is stated beside its ceiling."""
    changes = (IAAS[0], IAAS[1] % (EVIDENCE, ", ".join(stated)), *CALM_MARKET)
    return load_scenario(FOLDER / "jv_only.yaml", overrides=changes, extremes=True)


@functools.cache
def ran(*stated: str) -> Mapping[str, Panel]:
    """Its outcomes."""
    return simulate(scenario(*stated), draw_worlds(scenario(*stated), range(1)))


def _part(panels: Mapping[str, Panel]) -> FloatArray:
    return column(panels, "market_size", "iaas") / column(panels, "market_size")


MIDPOINT = f"midpoint: {{value: 2016, unit: year, {EVIDENCE}}}"
SPEED = f"speed: {{value: 0.4, unit: 1/yr, {EVIDENCE}}}"
LUCK = f"sd: {{value: 0.5, unit: '1', {EVIDENCE}}}"


def test_half_of_the_ceiling_is_reached_at_the_midpoint() -> None:
    base, ceiling = np.array([0.05, 0.2]), np.array([0.8, 0.6])
    speed = np.log((ceiling - base) / base) / 7.0
    found = diffused(np.array([[0.0], [7.0], [400.0]]), base, ceiling, speed, np.zeros((3, 1)))
    np.testing.assert_allclose(found, [base, 0.5 * ceiling, ceiling], rtol=1e-9)


def test_the_base_year_is_exact_and_the_ceiling_is_not_passed() -> None:
    for stated in ((SPEED,), (MIDPOINT,), (SPEED, LUCK)):
        part, base = _part(ran(*stated)), _part(ran(SPEED))[0]
        np.testing.assert_allclose(part[0], base, rtol=1e-12)
        assert (part < 0.95).all()
        assert (part[-1] > part[0]).mean() > 0.99


def test_without_luck_log_odds_grow_at_the_stated_speed() -> None:
    part = _part(ran(SPEED))
    odds = np.log(part / (0.95 - part))
    np.testing.assert_allclose(np.diff(odds, axis=0)[1:], 0.4, rtol=0.02)


def test_luck_has_the_stated_size_and_moves_no_other_draw() -> None:
    part, calm = _part(ran(SPEED, LUCK)), _part(ran(SPEED))
    odds, still = (np.log(one / (0.95 - one)) for one in (part, calm))
    spread = (odds - still)[-1].std()
    np.testing.assert_allclose(spread, 0.5 * np.sqrt(2.0 * (1.0 - 0.5 ** (11.5 / 3.0))), rtol=0.1)
    np.testing.assert_array_equal(
        column(ran(SPEED, LUCK), "market_share", "iaas", "aws")[0], column(ran(SPEED), "market_share", "iaas", "aws")[0]
    )
    world = median_world(scenario(SPEED, LUCK))
    assert not any(path.any() for path in world.mix.values())


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ((), r"states midpoint or speed \(found neither\)"),
        ((SPEED, MIDPOINT), r"states midpoint or speed \(found both\)"),
        ((MIDPOINT.replace("2016", "2025"),), r"half of the ceiling of 95.0% comes after the base year where"),
        ((f"midpoint: {{value: 2025, unit: years, {EVIDENCE}}}",), r"wrong unit \(found 'years'; allowed year\)"),
    ],
)
def test_a_curve_that_cannot_be_is_refused(stated: tuple[str, ...], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(*stated)
