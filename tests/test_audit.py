"""Silence is a fault: what moves nothing is told."""

from __future__ import annotations

from typing import Any

import pytest
from shipped import FOLDER, RUNNABLE, scenario
from test_buy_out import scenario as with_buy_outs

from sim.chance.sampling import draw_worlds
from sim.chance.worlds import SHOCK_INPUTS, Worlds
from sim.outcomes.panels import Result
from sim.reading.loading import load_scenario
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario
from sim.tasks import audit as audit_module
from sim.tasks.audit import Audit, audit, in_play


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


def _insurers(name: str) -> Scenario:
    return load_scenario(FOLDER / "insurers" / f"{name}.yaml", overrides=["sampling.draws=512"])


def test_what_dates_a_buy_out_is_in_play_and_what_dates_a_building_is_not() -> None:
    names = in_play(_insurers("majority"))
    assert {"regulator.review_time[axa]", "entry.hurdle", "economics.buy_out_price"} <= names
    assert not {name for name in names if name.startswith("entry.build_time")}


def test_whose_business_is_its_own_already_waits_for_nobody() -> None:
    names = in_play(_insurers("majority"))
    assert "regulator.review_time[aia]" not in names


def test_without_a_cap_on_equity_nothing_of_buy_outs_is_in_play() -> None:
    names = in_play(_insurers("half_kept"))
    assert not {"regulator.review_time[axa]", "entry.hurdle", "economics.buy_out_price", "opening.ramp"} & names


def test_insurers_leave_nothing_dead() -> None:
    """AIA has no partner, and Allianz and Manulife hold what the cap allows."""
    found = audit([_insurers(name) for name in ("half_kept", "majority")])
    assert found.faults() == ()
    assert found.lines() == ("not in play in this study: how long the regulator takes (3 providers)",)
    assert found.out_of_play == tuple(f"regulator.review_time[{name}]" for name in ("aia", "allianz", "manulife"))


def test_who_is_bound_beyond_the_horizon_waits_for_nobody() -> None:
    found = with_buy_outs("providers.aws.entry={bound_until: 2040-01-01}")
    names = in_play(found)
    assert "regulator.review_time[aws]" not in names
    assert "regulator.review_time[microsoft]" in names


def test_inputs_redrawn_together_and_parted_are_those_that_move_alone() -> None:
    """On the same draws: where a pilot fills, and who never builds."""
    found = _small("ftz_pilot", "providers.aws.entry={rule: never}", "regulator.reviewers=1000")
    names = [name for name in sorted(in_play(found)) if name.startswith(("regulator", "entry", "zone", "market.g"))]
    names += ["regulator.review_time[aws]", "entry.build_time[aws]"]
    trials = audit_module._Trials()
    together = trials.moving(found, names, 0, 64)
    alone = {name for name in names if trials.moving(found, [name], 0, 64)}
    assert together == alone
    assert {"regulator.review_time[aws]", "entry.build_time[aws]"}.isdisjoint(together)
    assert len(together) > 5


def test_what_moves_nothing_together_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = audit_module.simulate

    def counted(scenario: Scenario, worlds: Worlds) -> Any:
        runs.append(worlds.draws)
        return run(scenario, worlds)

    monkeypatch.setattr(audit_module, "simulate", counted)
    names = [
        f"{time}[{name}]" for time in ("regulator.review_time", "entry.build_time") for name in ("aws", "microsoft")
    ]
    assert audit_module._Trials().moving(_small("jv_only"), names, 0, 64) == set()
    assert sum(runs) == 2 * 64


def test_who_never_applies_in_the_results_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    dear = with_buy_outs(
        "entry.rule=profit",
        "economics.buy_out_price={value: 90, unit: '1', source: judgement, grade: judgement}",
        "sampling.draws=512",
    )
    panels = audit_module.simulate(dear, draw_worlds(dear, range(1)))
    looks: list[str] = []

    def moving(self: Any, scenario: Scenario, names: Any, scramble: int, draws: int) -> set[str]:
        looks.extend(names)
        return set(names)

    monkeypatch.setattr(audit_module._Trials, "moving", moving)
    monkeypatch.setattr(audit_module, "_is_idle", lambda one, path, trials: False)
    found = audit([dear], [Result(dear, panels)])
    assert "regulator.review_time[aws]" not in looks
    assert "regulator.review_time[aws]" in found.dead
    assert "demand.churn" in looks


def test_a_line_names_inputs_by_their_titles_and_of_many_a_few() -> None:
    words = {"a.b": "first", "c.d": "second", "x": "X-Ray"}
    whose = [f"a.b[{name}]" for name in "xyz"]
    many = Audit((), (), (*whose, "c.d[x]", *(f"e{number}" for number in range(7))), words)
    assert many.lines() == ("not in play in this study: first (3 providers), second (X-Ray), e0, e1, e2 and 4 more",)
    dead = Audit(("c.d", "a.b[x]"), (("s", "a.b"), ("s", "c.d")), (), words)
    assert dead.lines() == (
        "moves nothing: second and first (X-Ray) (redrawn alone, no outcome of any scenario changes)",
        "moves nothing: first and second in s (with the base's value, all is the same)",
    )
    assert [line.split(" ")[2] for line in dead.faults()] == ["c.d", "a.b[x]", "a.b", "c.d"]


def test_a_category_that_is_sure_is_no_uncertain_input() -> None:
    found = audit([_insurers("half_kept")])
    assert "zone.reading" not in (*found.dead, *found.out_of_play)
