"""The regulator as a queue: Erlang C in the long run, and Lindley's recursion customer by customer."""

from __future__ import annotations

import math
from heapq import heapreplace

import numpy as np
import pytest
import simpy

from sim.axes import FloatArray
from sim.dates.licensing import Project, Regulator


def _waits(reviewers: int, arrivals: FloatArray, reviews: FloatArray) -> FloatArray:
    """Years that each customer waits for a reviewer, without a quota."""
    env = simpy.Environment()
    regulator = Regulator(env, reviewers)
    projects = [Project(review, 0.0) for review in reviews]

    def customer(arrival: float, project: Project) -> simpy.events.ProcessGenerator:
        yield env.timeout(arrival)
        project.apply(env.now)
        yield from regulator.examine(project)

    for arrival, project in zip(arrivals, projects, strict=True):
        env.process(customer(arrival, project))
    env.run()
    return np.array([project.examined - project.applied for project in projects])


def _erlang_c(servers: int, load: float) -> float:
    """Chance of waiting at a load of arrival rate x mean service, by the recursion of Erlang B."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return servers * blocked / (servers - load * (1 - blocked))


REPLICATIONS, CUSTOMERS, WARM = 24, 1500, 300


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.7), (2, 0.8), (2, 1.5), (4, 3.0), (6, 4.5)])
def test_waits_are_those_of_erlang_c(servers: int, load: float) -> None:
    """Chance of a wait, of a long one, and mean wait. Customers of one run wait together, so errors are over runs."""
    random = np.random.default_rng(servers * 100 + round(load * 10))
    found = []
    for _ in range(REPLICATIONS):
        arrivals, reviews = random.exponential(1 / load, CUSTOMERS).cumsum(), random.exponential(1.0, CUSTOMERS)
        waits = _waits(servers, arrivals, reviews)[WARM:]
        found.append([(waits > 0).mean(), (waits > 1).mean(), waits.mean()])
    chance, idle = _erlang_c(servers, load), servers - load
    error = np.std(found, axis=0, ddof=1) / math.sqrt(REPLICATIONS)
    miss = np.mean(found, axis=0) - [chance, chance * math.exp(-idle), chance / idle]
    assert (np.abs(miss) < 3.5 * error).all()
    assert (error < 0.1 * np.mean(found, axis=0)).all()


def test_one_reviewer_keeps_lindleys_recursion_customer_by_customer() -> None:
    """Lindley (1952): w' = max(w + service - gap, 0)."""
    random = np.random.default_rng(7)
    gaps, reviews = random.exponential(1.2, 400), random.exponential(1.0, 400)
    waits = [0.0]
    for gap, review in zip(gaps[1:], reviews[:-1], strict=True):
        waits.append(max(waits[-1] + review - gap, 0.0))
    np.testing.assert_allclose(_waits(1, gaps.cumsum(), reviews), waits, atol=1e-9)


@pytest.mark.parametrize("servers", [2, 5])
def test_several_reviewers_keep_the_recursion_of_kiefer_and_wolfowitz_customer_by_customer(servers: int) -> None:
    """Kiefer & Wolfowitz (1955): who comes next waits for the first of the reviewers to be free."""
    random = np.random.default_rng(8)
    arrivals, reviews = random.exponential(1.1 / servers, 400).cumsum(), random.lognormal(-0.3, 0.8, 400)
    free, waits = [0.0] * servers, []
    for arrival, review in zip(arrivals, reviews, strict=True):
        begins = max(arrival, free[0])
        waits.append(begins - arrival)
        heapreplace(free, begins + review)
    np.testing.assert_allclose(_waits(servers, arrivals, reviews), waits, atol=1e-9)
    assert np.mean(np.array(waits) > 0) > 0.2
