from __future__ import annotations

import math

import numpy as np
import pytest
from small_world import EVIDENCE, rate, small_scenario, worlds, years

from sim.dates.calendar import phases_in_force, step_dates

GO = {"when": "2020-01-01", "adopt": "open"}
STOP = {"hazard": rate(0.5), "during": "open", "adopt": "closed"}


def dates(steps, draws=1, **chances):
    """Dates of the steps in each draw, as nested lists."""
    scenario = small_scenario(steps, zone={})
    return step_dates(scenario, worlds(scenario, draws=draws, **chances)).tolist()


def after(exposure, at=0.5):
    """The uniform number at which a hazard fires after so many years of exposure."""
    return 1 - math.exp(-at * exposure)


def test_a_step_happens_on_its_date_in_every_draw():
    assert dates({"go": GO}, draws=2) == [[2020.0, 2020.0]]


def test_a_policy_without_steps_has_no_dates():
    assert step_dates(small_scenario({}), worlds(small_scenario({}), draws=3)).shape == (0, 3)


def test_a_step_follows_another_after_its_delay():
    steps = {"more": {"after": "go", "delay": years(1.5), "adopt": "zone"}, "go": GO}
    assert dates(steps) == [[2021.5], [2020.0]]


def test_a_step_happens_where_chance_is_below_its_probability():
    steps = {"go": {**GO, "probability": 0.3}}
    assert dates(steps, draws=3, chance={"go": [0.29, 0.3, 0.31]}) == [[2020.0, math.inf, math.inf]]


def test_an_uncertain_probability_is_read_from_the_draw():
    uncertain = {"low": 0.1, "median": 0.5, "high": 0.9, "unit": "fraction", **EVIDENCE}
    named = {"policy__steps__go__probability": [0.2, 0.6]}
    assert dates({"go": {**GO, "probability": uncertain}}, draws=2, chance={"go": 0.5}, **named) == [[math.inf, 2020.0]]


def test_what_waits_for_a_failure_starts_when_the_failure_is_decided():
    steps = {
        "talk": {"when": "2019-07-01"},
        "deal": {"after": "talk", "probability": 0.5, "delay": years(3)},
        "alone": {"after_not": "deal", "delay": years(1), "adopt": "open"},
    }
    decided = 2019.5
    assert dates(steps, draws=2, chance={"deal": [0.4, 0.6]}) == [
        [decided, decided],
        [decided + 3, math.inf],
        [math.inf, decided + 1],
    ]


def test_what_waits_for_the_failure_of_a_step_never_tried_never_comes():
    steps = {
        "talk": {"when": "2020-01-01", "probability": 0.5},
        "deal": {"after": "talk", "probability": 0.5},
        "alone": {"after_not": "deal"},
    }
    assert dates(steps, chance={"talk": 0.9, "deal": 0.9})[2] == [math.inf]


def test_nothing_happens_at_or_after_the_end_of_the_horizon():
    steps = {
        "a": {"when": "2030-01-01"},
        "b": {"after": "a", "delay": years(1)},
        "c": {"after": "a", "delay": years(0.9)},
    }
    assert dates(steps)[1:] == [[math.inf], [2030.9]]


def test_a_hazard_fires_at_its_exposure_from_the_start_of_its_regime():
    fired = dates({"go": GO, "stop": STOP}, draws=2, clock={"stop": [after(1.25), after(20)]})[1]
    assert fired == [pytest.approx(2021.25, abs=1e-9), math.inf]


def test_a_regime_in_force_at_the_start_exposes_from_the_first_day_of_the_horizon():
    steps = {"early": {"when": "2017-01-01", "adopt": "open"}, "stop": STOP}
    assert dates(steps, clock={"stop": after(1)})[1] == [pytest.approx(2020.0)]


def test_a_hazard_of_zero_never_fires():
    assert dates({"go": GO, "stop": {**STOP, "hazard": rate(0)}}, clock={"stop": 0.999})[1] == [math.inf]


def test_a_hazard_stops_while_its_regime_is_left_and_goes_on_when_it_returns():
    steps = {
        "go": GO,
        "pause": {"when": "2021-01-01", "adopt": "closed"},
        "again": {"when": "2023-01-01", "adopt": "open"},
        "stop": STOP,
    }
    fired = dates(steps, draws=2, clock={"stop": [after(0.5), after(2.5)]})[3]
    assert fired == pytest.approx([2020.5, 2024.5])


def test_a_change_of_levers_does_not_leave_the_regime():
    steps = {"go": GO, "more": {"after": "go", "delay": years(1), "change": {"sites": 3}}, "stop": STOP}
    assert dates(steps, clock={"stop": after(2.5)})[2] == [pytest.approx(2022.5)]


def test_a_hazard_that_has_fired_takes_effect_after_its_delay_even_if_the_regime_is_left_meanwhile():
    steps = {"go": GO, "leave": {"when": "2021-01-01", "adopt": "zone"}, "stop": {**STOP, "delay": years(2)}}
    fired = dates(steps, draws=2, clock={"stop": [after(0.75), after(1.25)]})[2]
    assert fired == [pytest.approx(2022.75), math.inf]


def test_of_two_hazards_the_first_to_fire_ends_the_regime_of_the_other():
    steps = {"go": GO, "stop": STOP, "shrink": {**STOP, "adopt": "zone"}}
    stop, shrink = dates(steps, draws=2, clock={"stop": [after(1), after(3)], "shrink": [after(2), after(2)]})[1:]
    assert stop == [pytest.approx(2021.0), math.inf]
    assert shrink == [math.inf, pytest.approx(2022.0)]


def test_one_hazard_may_bring_the_regime_in_which_another_runs():
    steps = {"back": {**STOP, "during": "closed", "adopt": "open"}, "stop": STOP}
    back, stop = dates(steps, clock={"back": after(1), "stop": after(2)})
    assert (back, stop) == ([pytest.approx(2020.0)], [pytest.approx(2022.0)])


def test_dates_of_a_draw_do_not_depend_on_the_draws_beside_it():
    random = np.random.default_rng(4)
    steps = {
        "go": {**GO, "probability": 0.7},
        "late": {"after_not": "go", "delay": years(2.2), "adopt": "open"},
        "stop": STOP,
        "back": {**STOP, "during": "closed", "adopt": "open"},
    }
    scenario = small_scenario(steps)
    chances = {
        "chance": {"go": random.random(64)},
        "clock": {"stop": random.random(64), "back": random.random(64)},
    }
    together = worlds(scenario, draws=64, **chances)
    alone = [step_dates(scenario, together.take(slice(n, n + 1))) for n in range(64)]
    assert np.array_equal(step_dates(scenario, together), np.concatenate(alone, axis=1))


def phases(steps):
    """Start, end and state of the phases that have a length, of one draw."""
    scenario = small_scenario(steps, zone={})
    found = phases_in_force(scenario, step_dates(scenario, worlds(scenario)))
    rows = zip(found.start[:, 0].tolist(), found.end[:, 0].tolist(), found.state[:, 0].tolist(), strict=True)
    return [row for row in rows if row[0] < row[1]]


def test_phases_follow_one_another_over_the_whole_horizon_in_order_of_date():
    steps = {"later": {"when": "2023-01-01", "adopt": "zone"}, "talk": {"when": "2021-01-01"}, "go": GO}
    assert phases(steps) == [(2019.0, 2020.0, 0), (2020.0, 2023.0, 3), (2023.0, 2031.0, 1)]


def test_of_two_steps_on_one_date_the_later_listed_is_in_force():
    assert phases({"zone": {**GO, "adopt": "zone"}, "go": GO}) == [(2019.0, 2020.0, 0), (2020.0, 2031.0, 2)]
    assert phases({"go": GO, "zone": {**GO, "adopt": "zone"}}) == [(2019.0, 2020.0, 0), (2020.0, 2031.0, 2)]


def test_the_latest_step_before_the_horizon_is_in_force_from_its_start():
    steps = {"second": {"when": "2018-01-01", "adopt": "zone"}, "first": {"when": "2015-01-01", "adopt": "open"}}
    assert phases(steps) == [(2019.0, 2031.0, 1)]
