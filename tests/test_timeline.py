from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import simpy
from small_world import everybody, rate, small_scenario, worlds, years

from sim.chance.sampling import draw_worlds
from sim.dates.timeline import Timeline, event_table, period_ends, period_masks, simulate_timeline
from sim.reading.loading import load_scenario

GO = {"when": "2020-01-01", "adopt": "open"}
INF = math.inf
SCENARIOS = Path(__file__).parents[1] / "scenarios"


def run(scenario, **plans):
    """The timeline of one draw in which everybody would enter."""
    return simulate_timeline(scenario, worlds(scenario, **plans), everybody(scenario))


def one(array):
    """The only draw of an array (F, 1)."""
    return array[:, 0].tolist()


def same(first, second):
    return all(np.array_equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(Timeline))


def test_a_world_worked_by_hand():
    steps = {
        "pilot": {"when": "2020-01-01", "adopt": "pilot"},
        "bigger": {"when": "2024-01-01", "change": {"sites": 2}},
        "handed_over": {"when": "2026-01-01", "adopt": "transfer"},
    }
    scenario = small_scenario(
        steps,
        reviewers=1,
        pilot={"sites": 1, "yearly_quota": 1},
        transfer={"owned_layers": (), "transfers_sites": True},
    )
    found = run(scenario, review={"aws": 0.5, "microsoft": 0.25}, build={"aws": 1.0, "microsoft": 0.5})
    expected = Timeline(
        steps=[2020.0, 2024.0, 2026.0],
        decided=[2020.0, 2020.0],
        applied=[2020.0, 2020.0],
        approved=[2020.5, 2021.0],  # Microsoft is reviewed from 2020.5 to 2020.75, after the year's only approval
        sited=[2020.5, 2024.0],  # and waits for the second place
        launched=[2021.5, 2024.5],
        withdrawn=[2026.0, 2026.0],
        transferred=[2026.0, 2026.0],
        queue_wait=[0.0, 0.5],
        quota_wait=[0.0, 0.25],
        site_wait=[0.0, 3.0],
    )
    assert {f.name: one(getattr(found, f.name)) for f in fields(Timeline)} == {
        f.name: getattr(expected, f.name) for f in fields(Timeline)
    }


def test_dates_come_per_provider_and_draw():
    scenario = small_scenario({"go": GO}, foreign=("aws", "ibm", "microsoft"))
    found = simulate_timeline(scenario, worlds(scenario, draws=5), everybody(scenario, 5))
    shapes = {f.name: getattr(found, f.name).shape for f in fields(Timeline)}
    assert shapes == {name: (1, 5) if name == "steps" else (3, 5) for name in shapes}


def test_a_provider_that_refuses_decides_but_does_not_apply():
    scenario = small_scenario({"go": GO})
    verdicts = everybody(scenario)
    verdicts[1, 0] = False
    found = simulate_timeline(scenario, worlds(scenario), verdicts)
    assert one(found.decided) == [2020.0, 2020.0]
    assert one(found.applied) == [INF, 2020.0]


def test_a_provider_that_refused_decides_again_at_the_next_state():
    scenario = small_scenario({"go": GO, "more": {"when": "2022-01-01", "change": {"reach": "zone"}}})
    verdicts = everybody(scenario)
    verdicts[1, 0] = False
    found = simulate_timeline(scenario, worlds(scenario), verdicts)
    assert one(found.decided) == [2020.0, 2020.0]
    assert one(found.applied) == [2022.0, 2020.0]


def test_a_state_that_is_replaced_on_its_own_day_is_never_decided_in():
    scenario = small_scenario({"go": GO, "stop": {**GO, "adopt": "closed"}})
    assert one(run(scenario).decided) == [INF, INF]


def test_a_state_that_is_replaced_on_its_own_day_interrupts_nobody():
    steps = {
        "go": GO,
        "stop": {"when": "2021-01-01", "adopt": "closed"},
        "again": {"when": "2021-01-01", "adopt": "open"},
    }
    assert one(run(small_scenario(steps), review=2.0).launched) == [2023.0, 2023.0]


def test_a_state_that_allows_own_sites_from_the_start_is_decided_on_the_first_day():
    assert one(run(small_scenario({}, start="open")).applied) == [2019.0, 2019.0]


def test_nothing_is_launched_after_the_horizon():
    found = run(small_scenario({"go": GO}), review=3.0, build={"aws": 7.9, "microsoft": 8.0})
    assert one(found.launched) == [2030.9, INF]


def test_a_wait_without_end_counts_to_the_end_of_the_horizon():
    found = run(small_scenario({"go": GO}, open={"sites": 1}))
    assert one(found.sited) == [2021.0, INF]
    assert one(found.site_wait) == [0.0, 10.0]


STAGES = {  # levers, reviewers, review, build: where the last of three is caught on 2021-07-01, and its waits
    "queue": ({}, 2, 2.0, 1.0, (1.5, 0.0, 0.0)),
    "review": ({}, 3, 2.0, 1.0, (0.0, 0.0, 0.0)),
    "quota": ({"yearly_quota": 1}, 3, 0.5, 1.0, (0.0, 1.0, 0.0)),
    "zone": ({"sites": 1}, 3, 0.5, 5.0, (0.0, 0.0, 1.0)),
    "building": ({}, 3, 0.5, 5.0, (0.0, 0.0, 0.0)),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_reversal_drops_what_is_pending_and_ends_its_wait(stage):
    levers, reviewers, review, build, waits = STAGES[stage]
    steps = {"go": GO, "stop": {"after": "go", "delay": years(1.5), "adopt": "closed"}}
    scenario = small_scenario(steps, foreign=("aws", "ibm", "microsoft"), reviewers=reviewers, open=levers)
    found = run(scenario, review=review, build=build)
    assert (found.launched[2, 0], found.withdrawn[2, 0]) == (INF, INF)
    assert (found.queue_wait[2, 0], found.quota_wait[2, 0], found.site_wait[2, 0]) == waits


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_reversal_drops_is_free_for_others_later(stage):
    levers, reviewers, review, build, _ = STAGES[stage]
    steps = {
        "go": GO,
        "stop": {"after": "go", "delay": years(0.75), "adopt": "closed"},
        "again": {**GO, "when": "2022-01-01"},
    }
    scenario = small_scenario(steps, foreign=("aws", "ibm", "microsoft"), reviewers=reviewers - 1, open=levers)
    verdicts = everybody(scenario)
    verdicts[1, 2], verdicts[3, :2] = False, False  # the first two at first, the third alone later
    found = simulate_timeline(scenario, worlds(scenario, review=review, build=build), verdicts)
    assert one(found.launched) == [INF, INF, 2022 + review + build]


def test_who_applies_again_after_a_reversal_starts_afresh():
    steps = {"go": GO, "stop": {"when": "2022-01-01", "adopt": "closed"}, "again": {**GO, "when": "2030-01-01"}}
    found = run(small_scenario(steps), review={"aws": 0.5, "microsoft": 1.5}, build={"aws": 2.0, "microsoft": 0.25})
    assert one(found.launched) == [INF, 2021.75]
    assert one(found.applied) == [2030.0, 2020.0]
    assert one(found.approved) == [2030.5, 2021.5]
    assert one(run(small_scenario(steps), review=1.5, build=2.0).approved) == [INF, INF]


def test_a_reversal_withdraws_live_sites_for_good_but_transfers_none_unless_it_says_so():
    steps = {
        "go": GO,
        "stop": {"when": "2025-01-01", "adopt": "closed"},
        "again": {"when": "2026-01-01", "adopt": "open"},
    }
    found = run(small_scenario(steps))
    assert one(found.launched) == [2022.0, 2022.0]
    assert one(found.withdrawn) == [2025.0, 2025.0]
    assert one(found.transferred) == [INF, INF]


def test_a_forced_transfer_takes_live_sites_on_its_date_and_drops_the_others():
    steps = {"go": GO, "take": {"when": "2023-01-01", "adopt": "take"}}
    scenario = small_scenario(steps, take={"reach": "none", "transfers_sites": True})
    found = run(scenario, review={"aws": 1.0, "microsoft": 5.0})
    assert one(found.transferred) == [2023.0, INF]
    assert one(found.launched) == [2022.0, INF]


def test_sites_withdrawn_earlier_are_transferred_by_a_later_state():
    steps = {
        "go": GO,
        "stop": {"when": "2024-01-01", "adopt": "closed"},
        "take": {"when": "2025-07-01", "adopt": "take"},
    }
    found = run(small_scenario(steps, take={"reach": "none", "transfers_sites": True}))
    assert one(found.withdrawn) == [2024.0, 2024.0]
    assert one(found.transferred) == [found.steps[2, 0]] * 2


def test_a_hazard_that_fires_interrupts_who_builds():
    steps = {"go": GO, "stop": {"hazard": rate(0.5), "during": "open", "adopt": "closed"}}
    found = run(small_scenario(steps), clock={"stop": 0.5}, build={"aws": 0.25, "microsoft": 0.5})
    fired = pytest.approx(2020 + math.log(2) / 0.5)
    assert one(found.steps) == [2020.0, fired]
    assert one(found.launched) == [2021.25, INF]
    assert one(found.withdrawn) == [fired, INF]


def test_ties_go_by_name_and_not_by_order_of_listing():
    scenario = small_scenario({"go": GO}, foreign=("microsoft", "aws"), open={"sites": 1})
    assert one(run(scenario).launched) == [INF, 2022.0]


def crowded(foreign, draws, seed=5):
    """A scenario in which providers are in each other's way, with its draws and verdicts by name."""
    steps = {
        "go": {**GO, "adopt": "pilot"},
        "more": {"after": "go", "delay": years(4), "change": {"sites": 2, "yearly_quota": None}},
        "stop": {"when": "2027-04-01", "adopt": "closed", "probability": 0.5},
        "full": {"when": "2028-01-01", "adopt": "open"},
    }
    scenario = small_scenario(steps, foreign=foreign, reviewers=1, pilot={"sites": 1, "yearly_quota": 1})
    random = np.random.default_rng(seed)
    names = sorted(foreign)
    plans = {name: random.integers(0, 5, (2, draws)) / 4 for name in names}
    verdicts = {name: random.random((len(steps) + 1, draws)) < 0.7 for name in names}
    drawn = worlds(
        scenario,
        review={name: plan[0] for name, plan in plans.items()},
        build={name: plan[1] for name, plan in plans.items()},
        chance={"stop": random.random(draws)},
        draws=draws,
    )
    return scenario, drawn, np.stack([verdicts[name] for name in foreign], axis=1)


def test_permuting_the_providers_permutes_their_dates():
    listed, turned = ("aws", "ibm", "microsoft", "sap"), ("sap", "aws", "microsoft", "ibm")
    first, second = (simulate_timeline(*crowded(order, 200)) for order in (listed, turned))
    rows = [turned.index(name) for name in listed]
    for field in fields(Timeline)[1:]:
        assert np.array_equal(getattr(first, field.name), getattr(second, field.name)[rows]), field.name


def test_twin_scenarios_have_identical_timelines():
    foreign = ("aws", "ibm", "microsoft")
    assert same(simulate_timeline(*crowded(foreign, 100)), simulate_timeline(*crowded(foreign, 100)))


def test_dates_of_a_draw_do_not_depend_on_the_draws_beside_it():
    scenario, drawn, verdicts = crowded(("aws", "ibm", "microsoft"), 60)
    together = simulate_timeline(scenario, drawn, verdicts)
    last = slice(40, 60)
    alone = simulate_timeline(scenario, drawn.take(last), verdicts[..., last])
    for field in fields(Timeline):
        assert np.array_equal(getattr(together, field.name)[:, last], getattr(alone, field.name))


def test_the_zone_never_holds_more_sites_than_it_has_places():
    scenario, drawn, verdicts = crowded(("aws", "ibm", "microsoft", "sap"), 300)
    found = simulate_timeline(scenario, drawn, verdicts)
    assert ((found.sited < 2024).sum(axis=0) <= 1).all()
    assert ((found.sited < 2027).sum(axis=0) <= 2).all()
    assert ((found.sited < 2024).sum(axis=0) == 1).any()


def test_a_provider_gets_the_same_review_time_in_every_scenario():
    review = {"aws": [0.3, 1.7], "microsoft": [2.2, 0.9]}
    early, late = (small_scenario({"go": {**GO, "when": date}}) for date in ("2020-01-01", "2022-01-01"))
    reviewed = [
        found.approved - found.applied
        for scenario in (early, late)
        for found in [simulate_timeline(scenario, worlds(scenario, review=review, draws=2), everybody(scenario, 2))]
    ]
    assert reviewed[0] == pytest.approx(reviewed[1], abs=1e-9)
    assert reviewed[0] == pytest.approx(np.array(list(review.values())), abs=1e-9)


def test_a_draw_in_which_nobody_applies_makes_no_world(monkeypatch):
    made = []

    class Counted(simpy.Environment):
        def __init__(self, start):
            made.append(start)
            super().__init__(start)

    monkeypatch.setattr(simpy, "Environment", Counted)
    scenario = small_scenario({"go": {**GO, "probability": 0.5}})
    verdicts = everybody(scenario, 4)
    verdicts[1, :, 1] = False
    verdicts[1, 0, 2] = False
    drawn = worlds(scenario, draws=4, chance={"go": [0.1, 0.1, 0.1, 0.9]})
    found = simulate_timeline(scenario, drawn, verdicts)
    assert len(made) == 2
    assert found.steps.tolist() == [[2020.0, 2020.0, 2020.0, INF]]
    assert found.decided[0].tolist() == [2020.0, 2020.0, 2020.0, INF]
    assert np.isfinite(found.launched).tolist() == [[True, False, False, False], [True, False, True, False]]


def test_verdicts_of_another_shape_are_refused():
    scenario = small_scenario({"go": GO})
    with pytest.raises(ValueError, match="verdicts has shape"):
        simulate_timeline(scenario, worlds(scenario), everybody(scenario, 2))


@pytest.mark.parametrize("months", [1, 3, 6, 12])
def test_periods_fill_the_years_after_the_base_year(months):
    ends = period_ends(small_scenario({}, period_months=months).horizon)
    assert (len(ends), ends[-1]) == (144 // months, 2031.0)
    assert ends[12 // months - 1] == 2020.0


@pytest.mark.parametrize("months", [1, 3, 6, 12])
def test_an_event_counts_from_the_window_that_contains_its_date(months):
    """From the middle of the period before, itself included, to the middle of the period."""
    year, middle = 12 // months, months / 24
    for after, first, left in ((0.0, year, middle), (middle, year + 1, 2 * middle), (-middle, year, 2 * middle)):
        steps = {"early": {"when": "2019-01-01"}, "go": {"after": "early", "delay": years(1 + after), "adopt": "open"}}
        scenario = small_scenario(steps, start="open", period_months=months)
        masks = period_masks(scenario, run(scenario, review=0.25, build=0.75 + after))
        assert np.flatnonzero(masks.live[:, 0, 0])[0] == first
        assert np.flatnonzero(masks.happens[:, 1, 0]).tolist() == [first]
        assert (masks.state[first - 1, 0], masks.state[first, 0]) == (0, 2)
        assert masks.live_years[first, 0, 0] == pytest.approx(left, abs=1e-9)


def test_years_since_a_launch_are_counted_inside_its_window():
    scenario = small_scenario({"go": GO})
    masks = period_masks(scenario, run(scenario, review=0.25, build={"aws": 0.5, "microsoft": 0.625}))
    assert masks.live_years[6:9, 0, 0].tolist() == [0.0, 0.125, 0.25]  # launched at 2020.75, between two middles
    assert masks.live_years[6:9, 1, 0].tolist() == [0.0, 0.0, 0.25]  # launched at 2020.875, in a middle


def test_a_site_sells_until_withdrawn_and_lives_until_transferred():
    steps = {
        "go": GO,
        "stop": {"when": "2023-01-01", "adopt": "closed"},
        "take": {"when": "2024-01-01", "adopt": "take"},
    }
    scenario = small_scenario(steps, take={"reach": "none", "transfers_sites": True}, period_months=12)
    masks = period_masks(scenario, run(scenario))
    in_years = {name: np.flatnonzero(getattr(masks, name)[:, 0, 0]) + 2019 for name in ("live", "selling", "transfer")}
    assert {name: found.tolist() for name, found in in_years.items()} == {
        "live": [2022, 2023],
        "selling": [2022],
        "transfer": [2024],
    }
    assert masks.live_years[5, 0, 0] == 0


def test_a_step_before_the_horizon_happens_in_its_first_period():
    scenario = small_scenario({"early": {"when": "2017-05-01", "adopt": "open"}})
    masks = period_masks(scenario, run(scenario))
    assert np.flatnonzero(masks.happens[:, 0, 0]).tolist() == [0]
    assert masks.state[0, 0] == 1
    assert masks.phases.start[1, 0] == 2019.0


def test_masks_have_the_shapes_that_they_state():
    scenario, drawn, verdicts = crowded(("aws", "ibm", "microsoft"), 10)
    masks = period_masks(scenario, simulate_timeline(scenario, drawn, verdicts))
    shapes = {f.name: getattr(masks, f.name).shape for f in fields(masks) if f.name != "phases"}
    by_provider = dict.fromkeys(("live", "selling", "live_years", "transfer"), (48, 3, 10))
    assert shapes == {"state": (48, 10), "happens": (48, 4, 10), **by_provider}
    assert masks.phases.start.shape == masks.phases.end.shape == masks.phases.state.shape == (5, 10)


def test_the_event_table_lists_steps_and_then_what_each_provider_does():
    scenario = small_scenario({"go": GO}, reviewers=1, open={"sites": 1})
    found = run(scenario)
    rows = {(row.actor, row.event): row for row in event_table(found, scenario)}
    ways = ["decide", "apply", "approve", "site", "launch", "withdraw", "transfer"]
    assert list(rows) == [("policy", "go"), *((actor, way) for actor in scenario.foreign for way in ways)]
    assert rows["policy", "go"].dates.tolist() == [2020.0]
    assert rows["microsoft", "approve"].dates.tolist() == [2022.0]
    assert rows["aws", "launch"].dates.tolist() == [2022.0]


def shipped(name, scrambles=4):
    """A shipped scenario, its draws, and its timeline where every provider would enter."""
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    drawn = draw_worlds(scenario, range(scrambles))
    return scenario, simulate_timeline(scenario, drawn, everybody(scenario, drawn.draws))


def test_on_the_announced_path_the_pilot_comes_as_often_as_such_promises_do():
    scenario, found = shipped("announced_path", scrambles=16)
    listed = list(scenario.policy.steps)
    announced = 2019 + 119 / 365
    pilot = np.minimum(*(found.steps[listed.index(name)] for name in ("pilot_in_deal", "pilot_alone")))
    assert (pilot <= announced + 2).mean() == pytest.approx(0.28, abs=0.01)
    assert (pilot <= announced + 5).mean() == pytest.approx(0.51, abs=0.01)


@pytest.mark.parametrize("wait", ["queue_wait", "quota_wait", "site_wait"])
def test_queue_quota_and_zone_each_bind_in_a_shipped_scenario(wait):
    _, found = shipped("ftz_pilot")
    assert (getattr(found, wait) > 0).any(axis=0).mean() >= 0.05
