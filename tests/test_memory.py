"""What a job takes: stated beforehand, and bounded however many providers and periods a scenario has."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from conftest import Folder

from sim.chance.sampling import draw_worlds
from sim.model import engine
from sim.model.engine import BLOCK, bytes_per_draw, draws_at_once, simulate
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario
from sim.tasks import runs
from sim.tasks.runs import make_plan, simulate_block

LONG = "horizon={base_year: 2018, end_year: 2050, period_months: 1}"


@pytest.fixture
def long(folder: Folder) -> Scenario:
    """Thirty-two years of months."""
    return load_scenario(folder.path / "small.yaml", overrides=[LONG])


def peak(scenario: Scenario, draws: int) -> int:
    """Bytes at most while draws are simulated in one block."""
    worlds = draw_worlds(scenario, range(1)).take(slice(draws))
    simulate(scenario, worlds, block=draws)  # what is kept for good is there
    tracemalloc.start()
    simulate(scenario, worlds, block=draws)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_a_draw_takes_about_what_is_stated(long: Scenario) -> None:
    assert 0.5 < (peak(long, 128) - peak(long, 64)) / (64 * bytes_per_draw(long)) < 1.3


def test_a_block_has_fewer_draws_where_a_draw_takes_more(long: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    assert draws_at_once(long) == BLOCK
    monkeypatch.setattr(engine, "_MOST_BYTES", 100 * bytes_per_draw(long))
    assert draws_at_once(long) == 100
    monkeypatch.setattr(engine, "_MOST_BYTES", 1)
    assert draws_at_once(long) == 16


def test_smaller_blocks_have_the_same_bits(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario(folder.path / "small.yaml", overrides=["sampling.draws=1024"])
    plan = make_plan([scenario])
    assert plan.scrambles_per_block == 2
    whole = [part.copy() for part in simulate_block(plan, range(2))]
    monkeypatch.setattr(runs, "_MOST_BYTES", 1)
    monkeypatch.setattr(engine, "_MOST_BYTES", 100 * bytes_per_draw(scenario))
    assert plan.scrambles_per_block == 1
    halves = [[part.copy() for part in simulate_block(plan, range(number, number + 1))] for number in (0, 1)]
    for both, first, second in zip(whole, *halves, strict=True):
        np.testing.assert_array_equal(both, np.hstack([first, second]))
