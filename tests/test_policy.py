from __future__ import annotations

import datetime
from graphlib import CycleError
from typing import Any

import numpy as np
import pytest
from small_world import EVIDENCE, rate, small_scenario, years

from sim.scenario.levers import Regime
from sim.scenario.policy import (
    NEVER,
    allows_owned,
    changes_state,
    decimal_year,
    earliest_dates,
    lever,
    reachable,
    states,
)
from sim.scenario.policy import trigger_order as order_of_triggers

GO = {"when": "2020-01-01", "adopt": "open"}


def sure(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "fraction", **EVIDENCE}


def half() -> dict[str, Any]:
    return {"low": 0.2, "median": 0.5, "high": 0.8, "unit": "fraction", **EVIDENCE}


def test_the_first_state_is_the_start():
    start = states(small_scenario({"go": GO}))[0]
    assert (start.step, start.regime, start.levers.title) == ("", "closed", "Partners only")
    assert start.paths["sites"] == "regimes.closed.sites"


def test_adopting_takes_every_lever_of_the_regime():
    adopted = states(small_scenario({"go": GO}))[1]
    assert (adopted.step, adopted.regime, adopted.levers.title) == ("go", "open", "Open")
    assert adopted.paths["owned_unlock"] == "regimes.open.owned_unlock"


def test_a_change_alters_the_levers_it_states_and_no_others():
    scenario = small_scenario(
        {"go": GO, "more": {"after": "go", "change": {"sites": 3}}}, open={"sites": 1, "yearly_quota": 2}
    )
    changed = states(scenario)[2]
    assert (changed.levers.sites, changed.levers.yearly_quota, changed.regime) == (3, 2, "open")
    assert changed.paths["sites"] == "policy.steps.more.change.sites"
    assert changed.paths["yearly_quota"] == "regimes.open.yearly_quota"


OTHERWISE = {
    "title": "Other",
    "partner_equity": 0.4,
    "partner_unlock": 0.3,
    "owned_layers": ("saas",),
    "owned_unlock": 0.9,
    "reach": "zone",
    "capped": True,
    "sites": 7,
    "yearly_quota": 8,
    "spillover": 3.5,
    "transfers_sites": True,
    "eligible": ("aws",),
    "equity_cap": 0.6,
    "bought_unlock": 0.8,
    "tariff": 0.2,
    "cross_border": 0.5,
    "cross_border_unlock": 0.1,
}
"""Another value for every lever."""


@pytest.mark.parametrize("name", Regime.model_fields)
def test_a_change_may_state_every_lever_of_a_regime(name: str) -> None:
    steps = {"go": GO, "more": {"after": "go", "change": {name: OTHERWISE[name]}}}
    _, before, after = states(small_scenario(steps))
    assert getattr(before.levers, name) != OTHERWISE[name]
    assert getattr(after.levers, name) == OTHERWISE[name]
    assert after.paths[name] == f"policy.steps.more.change.{name}"


def test_a_limit_set_to_null_in_a_change_is_lifted():
    scenario = small_scenario({"go": GO, "more": {"after": "go", "change": {"sites": None}}}, open={"sites": 1})
    assert states(scenario)[2].levers.sites is None


def test_a_change_modifies_the_state_of_the_step_named_by_after():
    steps = {
        "pilot": {"when": "2020-01-01", "adopt": "zone"},
        "go": {"when": "2021-01-01", "adopt": "open"},
        "more": {"after": "pilot", "delay": years(3), "change": {"sites": 5}},
    }
    scenario = small_scenario(steps, zone={"reach": "zone", "sites": 1})
    assert states(scenario)[3].levers.reach == "zone"


@pytest.mark.parametrize(
    "trigger",
    [{"when": "2024-01-01"}, {"after_not": "talk"}, {"hazard": rate(), "during": "open"}],
    ids=["when", "after_not", "hazard"],
)
def test_other_changes_modify_the_nearest_state_changing_step_listed_before(trigger):
    steps = {
        "pilot": {"when": "2020-01-01", "adopt": "zone"},
        "talk": {"when": "2021-01-01", "probability": 0.5},
        "more": {**trigger, "change": {"sites": 5}},
        "go": {"when": "2022-01-01", "adopt": "open"},
    }
    scenario = small_scenario(steps, zone={"reach": "zone", "sites": 1})
    assert states(scenario)[3].levers.reach == "zone"


def test_a_mere_event_leaves_the_state_it_follows_alone():
    scenario = small_scenario({"go": GO, "talk": {"when": "2021-01-01"}})
    assert states(scenario)[2] == states(scenario)[1]
    assert [changes_state(step) for step in scenario.policy.steps.values()] == [True, False]


@pytest.mark.parametrize("lever_value", [{"owned_layers": ()}, {"reach": "none"}, {"sites": 0}])
def test_own_sites_need_a_layer_customers_and_room(lever_value):
    scenario = small_scenario({"go": GO, "less": {"when": "2021-01-01", "adopt": "less"}}, less=lever_value)
    assert [allows_owned(state) for state in states(scenario)] == [False, True, False]


@pytest.mark.parametrize(("eligible", "sites"), [(None, True), (("aws",), True), (("microsoft",), False)])
def test_own_sites_are_permitted_to_those_who_are_eligible(eligible, sites):
    state = states(small_scenario({"go": GO}, open={"eligible": eligible}))[1]
    assert (allows_owned(state), allows_owned(state, "aws")) == (True, sites)


def test_all_are_eligible_again_where_a_change_says_so():
    steps = {"go": GO, "all": {"when": "2021-01-01", "change": {"eligible": None}}}
    assert states(small_scenario(steps, open={"eligible": ("aws",)}))[2].levers.eligible is None


def test_a_lever_that_is_another_regimes_is_that_ones_value_and_path():
    zone = {"owned_unlock": {"same_as": "open"}, "partner_unlock": {"same_as": "half"}}
    scenario = small_scenario(
        {"go": {**GO, "adopt": "zone"}}, open={"owned_unlock": half()}, half={"partner_unlock": 0.5}, zone=zone
    )
    state = states(scenario)[1]
    assert lever(state, "owned_unlock", {"regimes.open.owned_unlock": np.array([0.1, 0.9])}, 2).tolist() == [0.1, 0.9]
    assert lever(state, "partner_unlock", {}, 2).tolist() == [0.5, 0.5]
    assert state.paths["partner_unlock"] == "regimes.half.partner_unlock"


def test_a_lever_is_its_number_or_the_draws_of_its_record():
    scenario = small_scenario({"go": GO}, open={"owned_unlock": half(), "partner_unlock": 0.25})
    draws = {"regimes.open.owned_unlock": np.array([0.1, 0.9])}
    state = states(scenario)[1]
    assert lever(state, "owned_unlock", draws, 2).tolist() == [0.1, 0.9]
    assert lever(state, "partner_unlock", draws, 2).tolist() == [0.25, 0.25]


def test_a_quarter_begins_with_its_first_day():
    assert [decimal_year(datetime.date(2020, month, 1)) for month in (1, 4, 7, 10)] == [
        2020.0,
        2020.25,
        2020.5,
        2020.75,
    ]


def test_a_day_begins_at_its_part_of_the_month():
    assert decimal_year(datetime.date(2019, 12, 31)) == pytest.approx(2019 + (11 + 30 / 31) / 12)
    assert decimal_year(datetime.date(2020, 2, 15)) == pytest.approx(2020 + (1 + 14 / 29) / 12)


def test_each_step_comes_after_its_trigger_whatever_the_listing():
    scenario = small_scenario({"last": {"after_not": "mid"}, "mid": {"after": "go", "probability": 0.5}, "go": GO})
    assert order_of_triggers(scenario) == ("go", "mid", "last")


def test_steps_that_trigger_each_other_have_no_order():
    scenario = small_scenario({"a": {"after": "b"}, "b": {"after_not": "a"}})
    with pytest.raises(CycleError):
        order_of_triggers(scenario)


HAZARD = {"hazard": rate(0.1), "during": "open", "adopt": "closed"}
UNREACHABLE = {
    "the horizon ends first": {"x": {"when": "2031-01-01", "adopt": "open"}},
    "a sure delay outlasts the horizon": {"a": {"when": "2029-01-01"}, "x": {"after": "a", "delay": years(2)}},
    "its probability is 0": {"x": {**GO, "probability": 0}},
    "its probability is surely 0": {"x": {**GO, "probability": sure(0)}},
    "its trigger never comes": {"a": {**GO, "probability": 0}, "x": {"after": "a"}},
    "what it waits to fail cannot fail": {"a": GO, "x": {"after_not": "a"}},
    "what it waits to fail surely happens": {"a": {**GO, "probability": 1}, "x": {"after_not": "a"}},
    "its regime never comes": {"x": HAZARD},
    "its hazard is 0": {"a": GO, "x": {**HAZARD, "hazard": rate(0)}},
}
REACHABLE = {
    "on the last day": {"x": {"when": "2030-12-31", "adopt": "open"}},
    "by an uncertain chance": {"x": {**GO, "probability": half()}},
    "when another may fail": {"a": {**GO, "probability": 0.5}, "x": {"after_not": "a"}},
    "when another surely fails": {"a": {**GO, "probability": 0}, "x": {"after_not": "a"}},
    "while its regime is in force": {"x": HAZARD, "a": GO},
    "while a chain of hazards leads to its regime": {
        "x": {"hazard": rate(), "during": "zone", "adopt": "open"},
        "b": {"hazard": rate(), "during": "closed", "adopt": "zone"},
    },
}


@pytest.mark.parametrize("steps", UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_a_state_is_out_of_reach_when(steps):
    scenario = small_scenario({**steps, "x": {"adopt": "open", **steps["x"]}})
    assert list(steps).index("x") + 1 not in reachable(scenario)
    assert earliest_dates(scenario)["x"] == NEVER


@pytest.mark.parametrize("steps", REACHABLE.values(), ids=REACHABLE.keys())
def test_a_state_is_within_reach(steps):
    scenario = small_scenario({**steps, "x": {"adopt": "open", **steps["x"]}}, zone={})
    assert {0, list(steps).index("x") + 1} <= reachable(scenario)


def test_mere_events_are_dated_but_are_no_state():
    scenario = small_scenario(
        {"talk": {"when": "2021-01-01"}, "go": {"after": "talk", "delay": years(2), "adopt": "open"}}
    )
    assert reachable(scenario) == {0, 2}
    assert dict(earliest_dates(scenario)) == {"talk": 2021.0, "go": 2023.0}
