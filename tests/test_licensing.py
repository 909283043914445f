from __future__ import annotations

import numpy as np
import pytest
import simpy

from sim.dates.licensing import Places, Project, Regulator


def examine_all(reviewers, arrivals, reviews, *, quota=None):
    """The projects of customers who come to a regulator at their times, after all are approved."""
    env = simpy.Environment(2019.0)
    regulator = Regulator(env, reviewers)
    regulator.quota.allow(quota)
    projects = [Project(review, 0.0) for review in reviews]

    def customer(arrival, project):
        yield env.timeout(arrival)
        project.apply(env.now)
        yield from regulator.examine(project)

    for arrival, project in zip(arrivals, projects, strict=True):
        env.process(customer(arrival, project))
    env.run()
    return projects


def approvals(projects):
    return [project.approved for project in projects]


def test_who_finds_the_quota_used_up_waits_for_the_next_january_in_order():
    projects = examine_all(9, [0.1, 0.2, 0.3, 0.4, 0.5], [0.25] * 5, quota=2)
    assert approvals(projects) == pytest.approx([2019.35, 2019.45, 2020.0, 2020.0, 2021.0])
    assert approvals(projects)[2:] == [2020.0, 2020.0, 2021.0]


def test_no_year_has_more_approvals_than_its_quota():
    random = np.random.default_rng(3)
    projects = examine_all(3, random.uniform(0, 9, 40), random.uniform(0, 2, 40), quota=3)
    _, counts = np.unique(np.floor(approvals(projects)), return_counts=True)
    assert counts.max() == 3
    assert sum(project.approved > project.reviewed for project in projects) > 10


def test_a_quota_left_over_is_not_carried_into_the_next_year():
    projects = examine_all(9, [2.1, 2.2, 2.3], [0.0] * 3, quota=2)
    assert approvals(projects) == pytest.approx([2021.1, 2021.2, 2022.0])


def test_who_is_reviewed_on_new_years_day_comes_after_those_who_wait():
    projects = examine_all(9, [0.25, 0.5, 0.0], [0.0, 0.0, 1.0], quota=1)
    assert approvals(projects) == [2019.25, 2020.0, 2021.0]


def test_who_is_reviewed_on_new_years_day_counts_in_the_new_year():
    assert approvals(examine_all(9, [0.0, 0.0], [1.0, 1.25], quota=1)) == [2020.0, 2021.0]


def test_a_quota_that_policy_raises_admits_who_waits_at_once():
    env = simpy.Environment(2019.0)
    regulator = Regulator(env, 9)
    regulator.quota.allow(1)
    projects = [Project(0.0, 0.0) for _ in range(4)]
    for project in projects:
        env.process(regulator.examine(project))
    env.run(2019.5)
    regulator.quota.allow(3)
    env.run()
    assert approvals(projects) == [2019.0, 2019.5, 2019.5, 2020.0]


def test_places_that_shrink_are_not_taken_back_nor_given_away():
    env = simpy.Environment()
    places = Places(env, 2)
    first, second, third = (places.ask() for _ in range(3))
    places.allow(1)
    places.leave(first)
    assert (second, third.triggered, places.taken) == (None, False, 1)
    places.leave(second)
    assert third.triggered


def test_places_that_grow_admit_all_for_whom_there_is_room_in_order():
    places = Places(simpy.Environment(), 0)
    turns = [places.ask() for _ in range(4)]
    places.allow(3)
    assert [turn.triggered for turn in turns] == [True, True, True, False]


def test_who_stops_waiting_lets_the_next_one_in():
    places = Places(simpy.Environment(), 1)
    places.ask()
    first, second = places.ask(), places.ask()
    places.leave(first)
    places.leave(None)
    assert (first.triggered, second.triggered, places.taken) == (False, True, 1)
