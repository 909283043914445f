"""Worlds of variants have the bits of those that are drawn, and are drawn only where they must be."""

from __future__ import annotations

import numpy as np
import pytest
from shipped import scenario

from sim.chance import variants
from sim.chance.sampling import draw_worlds
from sim.chance.variants import Variants
from sim.chance.worlds import Worlds
from sim.scenario.scenario import Scenario

DELAY = "{value: 2, unit: years, source: judgement, as_of: 2019-04-30, grade: judgement}"
LATER = f"providers.aws.entry={{rule: always, after: allowed, delay: {DELAY}}}"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Scenario]:
    """Scenarios whose worlds are drawn."""
    seen: list[Scenario] = []

    def draw(one: Scenario, scrambles: range) -> Worlds:
        seen.append(one)
        return draw_worlds(one, scrambles)

    monkeypatch.setattr(variants, "draw_worlds", draw)
    return seen


def _require_alike(found: Worlds, expected: Worlds) -> None:
    assert list(found.inputs) == list(expected.inputs)
    for name, values in expected.inputs.items():
        np.testing.assert_array_equal(found.inputs[name], values, err_msg=name)
    for path in ("market_shock", "market_steps", "rivalry", "origin_shock", "order"):
        np.testing.assert_array_equal(getattr(found, path), getattr(expected, path), err_msg=path)
    for kind in ("chance", "clock"):
        mine, its = getattr(found, kind), getattr(expected, kind)
        assert mine.keys() == its.keys()
        assert all(np.array_equal(mine[name], its[name]) for name in its)


@pytest.mark.parametrize(
    ("first", "second", "times"),
    [
        ((), (), 1),
        ((), ("demand.churn=5",), 1),
        ((), ("demand.elasticity_of_substitution=5",), 1),
        ((), ("regimes.ftz_pilot.sites=1",), 1),
        ((), (LATER,), 1),
        ((LATER,), (), 1),
        (("technology=null",), ("technology=null", "demand.churn=5"), 1),
        (("demand.churn=5",), (), 2),
        ((), ("demand.churn={low: 1, median: 5, high: 9, min: 0}",), 2),
        ((), ("market.volatility=0.2",), 2),
        ((), ("sampling.seed=7",), 2),
        ((), ("policy.steps.pilot_effective.probability=0.5",), 2),
    ],
)
def test_worlds_made_from_anothers_are_those_that_would_be_drawn(
    first: tuple[str, ...], second: tuple[str, ...], times: int, drawn: list[Scenario]
) -> None:
    pair = scenario("ftz_pilot", *first), scenario("ftz_pilot", *second)
    for found, one in zip(Variants(pair).worlds(range(1, 2)), pair, strict=True):
        _require_alike(found, draw_worlds(one, range(1, 2)))
    assert len(drawn) == times


def test_equal_worlds_are_one_object() -> None:
    names = ("jv_only", "ftz_pilot", "full_liberalization")
    first, *others = Variants([scenario(name) for name in names]).worlds(range(1))
    assert all(other is first for other in others)
