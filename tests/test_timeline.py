from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import simpy
from small_world import EVIDENCE, everybody, rate, small_scenario, worlds, years

from sim.chance.sampling import _Scramble, draw_worlds
from sim.dates.timeline import Timeline, event_table, period_ends, period_masks, simulate_timeline
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Sampling

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
        first_applied=[2020.0, 2020.0],
        applied=[2020.0, 2020.0],
        approved=[2020.5, 2021.0],  # Microsoft is reviewed from 2020.5 to 2020.75, after the year's only approval
        sited=[2020.5, 2024.0],  # and waits for the second place
        launched=[2021.5, 2024.5],
        withdrawn=[2026.0, 2026.0],
        transferred=[2026.0, 2026.0],
        bought=[INF, INF],
        queue_wait=[0.0, 0.5],
        quota_wait=[0.0, 0.25],
        site_wait=[0.0, 3.0],
        order=[0.25, 0.75],
        part=[1.0, 1.0],
        arrived=[-INF, -INF],
        left=[INF, INF],
        buys=[[False] * 4] * 2,
    )
    assert {f.name: one(getattr(found, f.name)) for f in fields(Timeline)} == {
        f.name: getattr(expected, f.name) for f in fields(Timeline)
    }


def test_dates_come_per_provider_and_draw():
    scenario = small_scenario({"go": GO}, foreign=("aws", "ibm", "microsoft"))
    found = simulate_timeline(scenario, worlds(scenario, draws=5), everybody(scenario, 5))
    shapes = {f.name: getattr(found, f.name).shape for f in fields(Timeline)}  # all providers here are foreign
    assert shapes == {name: {"steps": (1, 5), "buys": (3, 5, 2)}.get(name, (3, 5)) for name in shapes}


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


def test_ties_go_by_the_order_drawn_and_neither_by_name_nor_by_listing():
    scenario = small_scenario({"go": GO}, foreign=("microsoft", "aws"), open={"sites": 1})
    order = {"microsoft": [0.2, 0.8, 0.4], "aws": [0.7, 0.3, 0.6]}
    found = simulate_timeline(scenario, worlds(scenario, order=order, draws=3), everybody(scenario, 3))
    assert found.launched.tolist() == [[2022.0, INF, 2022.0], [INF, 2022.0, INF]]
    assert found.order.tolist() == [order["microsoft"], order["aws"]]


def test_who_is_approved_on_one_day_is_approved_in_the_order_drawn_though_applied_on_others():
    steps = {"go": GO, "more": {"when": "2021-01-01", "change": {"capped": True}}}
    scenario = small_scenario(steps, open={"sites": 1})
    verdicts = everybody(scenario, 2)
    verdicts[1, 1] = False  # the second waits for a year more, and is reviewed a year less
    drawn = worlds(
        scenario, review={"aws": 2.0, "microsoft": 1.0}, order={"aws": [0.1, 0.9], "microsoft": 0.5}, draws=2
    )
    found = simulate_timeline(scenario, drawn, verdicts)
    assert found.approved.tolist() == [[2022.0, 2022.0], [2022.0, 2022.0]]
    assert found.launched.tolist() == [[2023.0, INF], [INF, 2023.0]]


def test_two_who_differ_in_nothing_get_the_only_place_about_as_often():
    scenario = load_scenario(
        SCENARIOS / "ftz_pilot.yaml",
        overrides=["regulator.review_time=1", "entry.build_time=1", "regimes.ftz_pilot.sites=1"],
        extremes=True,
    )
    drawn = draw_worlds(scenario, range(8))
    found = simulate_timeline(scenario, drawn, everybody(scenario, drawn.draws))
    gets = np.isfinite(found.launched).mean(axis=1)
    assert gets[:2] == pytest.approx(0.5, abs=0.02)
    assert gets.sum() == 1.0


def test_renaming_a_provider_moves_its_dates_within_the_error_of_the_draws():
    def often(name):
        scenario = small_scenario({"go": GO}, foreign=(name, "microsoft", "ibm"), open={"sites": 1})
        scenario = scenario.model_copy(update={"sampling": Sampling(seed=7, draws=4096)})
        order = {
            name: np.concatenate([draw_column(scenario, number, f"order.{name}") for number in range(8)])
            for name in scenario.foreign
        }
        drawn = worlds(scenario, order=order, draws=4096)
        return np.isfinite(simulate_timeline(scenario, drawn, everybody(scenario, 4096)).launched[0]).mean()

    assert often("aws") == pytest.approx(1 / 3, abs=0.02)
    assert often("zaws") == pytest.approx(1 / 3, abs=0.02)


def draw_column(scenario, number, name):
    return _Scramble(scenario.sampling, number).column(name)


FRINGE = {"others": {"fringe": True, "firms": 4}}
PLACES = {  # sites, verdicts of the named, earliest of Microsoft: part of the fringe that has sites, and when
    "no limit": (None, (True, True), None, 1.0, 2021.0),
    "room for all": (6, (True, True), None, 1.0, 2021.0),
    "some places left": (4, (True, True), None, 0.5, 2021.0),
    "none left": (2, (True, True), None, 0.0, INF),
    "one does not go": (2, (True, False), None, 0.25, 2021.0),
    "one applies much later": (4, (True, True), "2026-01-01", 0.75, 2021.0),
    "one never applies": (4, (True, True), "2031-01-01", 0.75, 2021.0),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_fringe_takes_what_the_named_leave_one_place_a_firm(case):
    sites, goes, since, part, sited = PLACES[case]
    named = {"microsoft": {"entry": {"from": since}}} if since else {}
    scenario = small_scenario(
        {"go": GO}, foreign=("others", "aws", "microsoft"), providers={**FRINGE, **named}, open={"sites": sites}
    )
    verdicts = everybody(scenario)
    verdicts[1, 1:, 0] = goes
    found = simulate_timeline(scenario, worlds(scenario, order={"others": 0.1, "aws": 0.5, "microsoft": 0.9}), verdicts)
    assert (found.part[0, 0], found.sited[0, 0]) == (part, sited)
    assert found.part[1:, 0].tolist() == [1.0, 1.0]
    assert found.order[:, 0].tolist() == [1.1, 0.5, 0.9]


def test_a_file_that_waits_takes_what_becomes_free_and_no_more_later():
    steps = {
        "go": GO,
        "more": {"when": "2024-01-01", "change": {"sites": 4}},
        "most": {"when": "2026-01-01", "change": {"sites": 9}},
    }
    scenario = small_scenario(steps, foreign=("others", "aws"), providers=FRINGE, open={"sites": 1})
    found = run(scenario)
    assert one(found.sited) == [2024.0, 2021.0]
    assert one(found.part) == [0.75, 1.0]


def test_no_place_is_kept_for_a_named_provider_that_will_apply_later():
    scenario = small_scenario(
        {"go": GO},
        foreign=("others", "aws"),
        providers={**FRINGE, "aws": {"entry": {"from": "2025-01-01"}}},
        open={"sites": 1},
    )
    assert one(run(scenario).sited) == [2021.0, INF]


def test_a_place_that_comes_on_the_day_of_a_named_application_is_kept_for_it():
    steps = {"go": GO, "more": {"when": "2023-01-01", "change": {"sites": 2}}}
    scenario = small_scenario(
        steps,
        foreign=("others", "aws", "microsoft"),
        providers={**FRINGE, "aws": {"entry": {"from": "2023-01-01"}}},
        open={"sites": 1},
    )
    assert one(run(scenario).sited) == [INF, 2024.0, 2021.0]


def test_a_file_is_one_application_and_one_approval():
    scenario = small_scenario(
        {"go": GO}, foreign=("others", "aws"), providers=FRINGE, reviewers=1, open={"yearly_quota": 1}
    )
    assert one(run(scenario, review=0.25).approved) == [2021.0, 2020.25]


def test_a_reversal_gives_the_places_of_a_file_back():
    steps = {
        "go": GO,
        "stop": {"when": "2021-07-01", "adopt": "closed"},
        "again": {"when": "2022-01-01", "adopt": "open"},
    }
    scenario = small_scenario(steps, foreign=("others", "aws"), providers=FRINGE, open={"sites": 3})
    verdicts = everybody(scenario)
    verdicts[1, 1], verdicts[3, 0] = False, False
    found = simulate_timeline(scenario, worlds(scenario), verdicts)
    assert one(found.part) == [0.0, 1.0]
    assert one(found.launched) == [INF, 2024.0]


DATES = {  # entry of AWS: its application
    "from a date": ({"from": "2021-07-01"}, 2021.5),
    "from a date before it is permitted": ({"from": "2019-07-01"}, 2020.0),
    "after a step": ({"after": "talk", "delay": years(0.5)}, 2022.5),
    "after a step that never comes": ({"after": "quarrel"}, INF),
    "some time after it is permitted": ({"after": "allowed", "delay": years(1.25)}, 2021.25),
    "bound by contract": ({"rule": "always", "bound_until": "2023-01-01"}, 2023.0),
    "bound after the date it wants": ({"from": "2022-01-01", "bound_until": "2021-01-01"}, 2022.0),
    "on a date on which it is no longer permitted": ({"from": "2028-07-01"}, 2029.0),
}


@pytest.mark.parametrize("case", DATES)
def test_a_provider_applies_on_a_date_of_its_own_or_waits_for_permission(case):
    entry, applied = DATES[case]
    steps = {
        "go": GO,
        "talk": {"when": "2022-01-01"},
        "quarrel": {"when": "2022-01-01", "probability": 0},
        "stop": {"when": "2028-01-01", "adopt": "closed"},
        "again": {"when": "2029-01-01", "adopt": "open"},
    }
    scenario = small_scenario(steps, providers={"aws": {"entry": entry}})
    verdicts = everybody(scenario)
    inputs = {"providers__aws__entry__delay": entry["delay"]["value"]} if "delay" in entry else {}
    found = simulate_timeline(scenario, worlds(scenario, chance={"quarrel": 0.5}, **inputs), verdicts)
    assert one(found.applied) == [applied, 2020.0]
    assert one(found.decided) == [applied, 2020.0]


def test_a_state_is_closed_to_those_who_are_not_eligible():
    steps = {
        "go": GO,
        "only_aws": {"when": "2023-01-01", "change": {"eligible": ("aws",)}},
        "all": {"when": "2025-01-01", "change": {"eligible": None}},
    }
    scenario = small_scenario(steps, foreign=("aws", "ibm", "microsoft"))
    found = run(scenario, build={"aws": 1.0, "ibm": 1.0, "microsoft": 3.0})
    assert one(found.withdrawn) == [INF, 2023.0, INF]
    assert one(found.launched) == [2022.0, 2022.0, 2029.0]
    assert one(found.applied) == [2020.0, 2020.0, 2025.0]


def test_who_is_not_eligible_cannot_decide():
    scenario = small_scenario({"go": GO}, open={"eligible": ("microsoft",)})
    found = run(scenario)
    assert one(found.decided) == [INF, 2020.0]
    assert one(found.applied) == [INF, 2020.0]


def test_a_provider_applies_its_delay_after_the_first_day_on_which_a_hazard_permits_it():
    steps = {"luck": {"during": "closed", "hazard": rate(0.5), "adopt": "open"}}
    scenario = small_scenario(steps, providers={"aws": {"entry": {"after": "allowed", "delay": years(2.0)}}})
    inputs = {"providers__aws__entry__delay": 2.0, "policy__steps__luck__hazard": 0.5}
    found = run(scenario, clock={"luck": 1 - math.exp(-0.5)}, **inputs)
    assert one(found.steps) == [2020.0]
    assert one(found.applied) == [2022.0, 2020.0]


def test_a_delay_that_ends_while_permission_is_withdrawn_waits_for_it_to_come_back():
    steps = {
        "go": GO,
        "stop": {"when": "2021-01-01", "adopt": "closed"},
        "again": {"when": "2025-01-01", "adopt": "open"},
    }
    scenario = small_scenario(steps, providers={"aws": {"entry": {"after": "allowed", "delay": years(2.0)}}})
    found = run(scenario, review=0.25, build={"aws": 0.25, "microsoft": 2.0}, providers__aws__entry__delay=2.0)
    assert one(found.applied) == [2025.0, 2025.0]
    assert one(found.first_applied) == [2025.0, 2020.0]


def test_who_waits_loses_its_turn_at_the_regulator_and_the_years_approval():
    pilot = {"sites": 2, "yearly_quota": 1}
    scenario = small_scenario(
        {"go": GO},
        foreign=("aws", "ibm", "microsoft"),
        providers={"aws": {"entry": {"after": "allowed", "delay": years(0.25)}}},
        open=pilot,
        reviewers=1,
    )
    found = run(
        scenario, review=0.5, order={"aws": 0.1, "ibm": 0.5, "microsoft": 0.9}, providers__aws__entry__delay=0.25
    )
    assert one(found.applied) == [2020.25, 2020.0, 2020.0]
    assert one(found.approved) == [2022.0, 2020.5, 2021.0]
    assert one(found.sited) == [INF, 2020.5, 2021.0]


@pytest.mark.parametrize("delay", [0.0, 0.5, 2.0, 4.0])
def test_until_a_provider_applies_all_is_as_if_it_never_did(delay):
    entry = {"after": "allowed", "delay": years(delay)}
    steps = {"go": GO, "more": {"when": "2023-01-01", "change": {"sites": 5}}}
    scenario = small_scenario(
        steps,
        foreign=("others", "aws", "microsoft"),
        providers={**FRINGE, "aws": {"entry": entry}},
        open={"sites": 4},
        reviewers=1,
    )
    never = everybody(scenario)
    never[:, 1] = False
    drawn = worlds(scenario, order={"others": 0.1, "aws": 0.5, "microsoft": 0.9}, providers__aws__entry__delay=delay)
    waits, absent = (simulate_timeline(scenario, drawn, verdicts) for verdicts in (everybody(scenario), never))
    for way in ("applied", "approved", "sited", "launched"):
        with_it, without = getattr(waits, way), getattr(absent, way)
        before = np.minimum(with_it, without) < 2020.0 + delay
        np.testing.assert_array_equal(with_it[before], without[before])
    if delay > 2.0:  # the file has its places in 2022
        assert waits.part[0, 0] == absent.part[0, 0] == 0.75


CHOICES = {"value": 0.1, "unit": "fraction", **EVIDENCE}
ARRIVALS = {  # how AWS comes: when it is there, and when it applies
    "on a date": ({"when": "2021-07-01"}, 2021.5, 2021.5),
    "after a step": ({"after": "talk", "delay": years(0.5)}, 2022.5, 2022.5),
    "after a step before the horizon": ({"after": "early"}, 2019.0, 2020.0),
    "by its launch": ({"after": "launch"}, 2022.0, 2020.0),
    "after a step that never comes": ({"after": "quarrel"}, INF, INF),
    "after the horizon": ({"when": "2031-01-01"}, INF, INF),
}


@pytest.mark.parametrize("case", ARRIVALS)
def test_an_entrant_is_there_from_its_arrival_and_applies_no_sooner(case):
    arrives, there, applied = ARRIVALS[case]
    steps = {
        "early": {"when": "2018-06-01"},
        "go": GO,
        "talk": {"when": "2022-01-01"},
        "quarrel": {"when": "2022-01-01", "probability": 0},
    }
    scenario = small_scenario(steps, providers={"aws": {"arrives": {**arrives, "new_choices": CHOICES}}})
    inputs = {"providers__aws__arrives__delay": 0.5} if "delay" in arrives else {}
    found = simulate_timeline(scenario, worlds(scenario, chance={"quarrel": 0.5}, **inputs), everybody(scenario))
    assert one(found.arrived) == [there, -INF]
    assert one(found.applied) == [applied, 2020.0]
    rows = [(row.actor, row.event) for row in event_table(found, scenario)]
    assert rows.count(("aws", "arrive")) == 1
    assert ("microsoft", "arrive") not in rows


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
        order={name: random.random(draws) for name in names},
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
    by_provider = dict.fromkeys(("live", "selling_years", "live_years", "transfer", "gone"), (48, 3, 10))
    assert shapes == {"state": (48, 10), "before": (48, 10), "happens": (48, 4, 10), **by_provider}
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
