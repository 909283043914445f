"""Silence is a fault: what moves nothing is told."""

from __future__ import annotations

from typing import Any

import pytest
from shipped import FOLDER, RUNNABLE, scenario

from sim.chance.sampling import draw_worlds
from sim.chance.worlds import SHOCK_INPUTS, Worlds
from sim.reading.loading import load_scenario
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario
from sim.tasks import audit as audit_module
from sim.tasks.audit import audit, in_play


def _small(name: str, *overrides: str) -> Scenario:
    return scenario(name, *overrides, "sampling.draws=512")


@pytest.mark.slow
def test_the_eight_shipped_scenarios_leave_nothing_dead_and_nothing_out_of_play() -> None:
    found = audit([_small(name) for name in RUNNABLE])
    assert found.lines() == ()


def test_an_input_that_moves_nothing_is_told() -> None:
    """A pilot in which nobody may enter fills no zone."""
    found = audit([_small("ftz_pilot", "entry.rule=never")])
    assert {"zone.cap", "entry.build_time[aws]"} <= set(found.dead)


def test_an_override_that_moves_nothing_is_told() -> None:
    found = audit([_small("jv_only", "migration.rate=0.5")])
    assert ("jv_only", "migration.rate") in found.idle


def test_an_override_that_acts_is_not_told() -> None:
    assert audit([_small("jv_only", "demand.churn=5")]).idle == ()


def test_a_step_that_acts_is_not_told() -> None:
    assert audit([_small("ftz_pilot")]).idle == ()


def test_inputs_of_what_cannot_come_are_out_of_play_and_no_fault() -> None:
    found = audit([_small("jv_only")])
    assert {"zone.cap", "entry.build_time[aws]", "economics.transfer_price"} <= set(found.out_of_play)
    assert found.faults() == ()


def test_what_moves_shock_paths_is_in_play_everywhere() -> None:
    uncertain = {item.name for item in inputs(scenario("jv_only"))} & set(SHOCK_INPUTS)
    assert uncertain <= in_play(scenario("jv_only"))


def test_overrides_are_known_with_what_the_base_had() -> None:
    found = load_scenario(FOLDER / "ftz_pilot.yaml", overrides=["demand.churn=5"]).overridden
    assert set(found) == {"policy.steps.pilot_effective", "demand.churn"}
    assert found["demand.churn"]["median"] == 3
    assert found["policy.steps.pilot_effective"] is None


def test_scenarios_that_draw_alike_are_audited_on_worlds_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(scenario: Scenario, scrambles: range, *, replaced: Any = None) -> Worlds:
        drawn.extend([scenario.name] if replaced is None else [])
        return draw_worlds(scenario, scrambles, replaced=replaced)

    monkeypatch.setattr(audit_module, "draw_worlds", draw)
    audit([_small("jv_only", "demand.churn=5"), _small("full_liberalization", "demand.churn=5")])
    # Once for both; once for both with the churn taken back; once for the one with its step taken back.
    assert drawn == ["full_liberalization", "jv_only", "full_liberalization"]


@pytest.mark.parametrize("draws", [512, 1024, 2**20])
def test_an_audit_looks_at_one_scramble_at_a_time_and_at_no_more_than_sixteen(draws: int) -> None:
    first, second, *looks = audit_module._looks(draws)
    assert (first, second) == ((0, 8), (0, 64))
    assert looks == [(scramble, 512) for scramble in range(min(draws // 512, 16))]
