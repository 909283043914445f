"""Scenarios in, results out: scrambles spread over workers, assembled in order.

The median case runs first and shows which arrays there will be; each worker then fills its draws of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Final, TypeAlias

from sim.chance.sampling import DRAWS_PER_SCRAMBLE, Worlds, draw_worlds, median_world
from sim.errors import NumericalError
from sim.model.engine import simulate
from sim.outcomes.results import Panel, Result, require_finite
from sim.scenario import Scenario
from sim.studies.workers import Batch, shared_array

__all__ = ["Panels", "fill_results", "median_cases"]

Panels: TypeAlias = Mapping[str, Panel]

_TASKS_PER_JOB: Final = 4
"""Enough that no job waits long for the last one."""

_MOST_SCRAMBLES: Final = 16
"""Scrambles in a task: bounds the memory of a worker."""


def median_cases(scenarios: Sequence[Scenario]) -> dict[str, Panels]:
    """The median case of each scenario, by name: panels of a few identical draws."""
    return {scenario.name: _checked(scenario, median_world(scenario), "the median case", 0) for scenario in scenarios}


def fill_results(
    scenarios: Sequence[Scenario],
    cases: Mapping[str, Panels],
    jobs: int,
    done: Callable[[float], None],
    executor: Executor | None = None,
) -> list[Result]:
    """Run every draw of every scenario.

    Parameters
    ----------
    scenarios : sequence of Scenario
        On shared draws.
    cases : mapping of str to panels
        What `median_cases` returned.
    jobs : int
        Workers at a time; the results do not depend on it.
    done : callable
        Is told the share of the work finished.
    executor : Executor, optional
        Runs the tasks in place of forked children; their panels come back as they are.

    Raises
    ------
    NumericalError
        A draw has no answer; names scenario, draw, year and variable.
    """
    results = [_empty_result(scenario, cases[scenario.name]) for scenario in scenarios]
    tasks = list(product(results, _chunks(scenarios, jobs)))
    if executor is None:
        batch = Batch()
        for result, scrambles in tasks:
            batch.add(partial(_run_and_fill, result, scrambles))
        batch.run(jobs, done)
        return results
    futures = {executor.submit(run_scrambles, result.scenario, chunk): (result, chunk) for result, chunk in tasks}
    for place, future in enumerate(as_completed(futures), start=1):
        _fill(*futures[future], future.result())
        done(place / len(futures))
    return results


def _chunks(scenarios: Sequence[Scenario], jobs: int) -> list[range]:
    scrambles = scenarios[0].sampling.draws // DRAWS_PER_SCRAMBLE
    wanted = math.ceil(scrambles * len(scenarios) / (_TASKS_PER_JOB * jobs))
    size = min(wanted, _MOST_SCRAMBLES)
    return [range(start, min(start + size, scrambles)) for start in range(0, scrambles, size)]


def _empty_result(scenario: Scenario, case: Panels) -> Result:
    def empty(panel: Panel) -> Panel:
        median = panel.values[..., 0].copy()
        return replace(panel, values=shared_array((*median.shape, scenario.sampling.draws)), median=median)

    return Result(scenario, {name: empty(panel) for name, panel in case.items()})


def run_scrambles(scenario: Scenario, scrambles: range) -> Panels:
    """The outcomes of some scrambles, every number checked."""
    worlds = draw_worlds(scenario, scrambles)
    return _checked(scenario, worlds, "a draw", scrambles.start * DRAWS_PER_SCRAMBLE)


def _checked(scenario: Scenario, worlds: Worlds, what: str, first_draw: int) -> Panels:
    try:
        panels = simulate(scenario, worlds)
        for panel in panels.values():
            require_finite(panel, first_draw)
    except NumericalError as error:
        raise NumericalError(f"{scenario.name}: {what} has no answer: {error}") from error
    return panels


def _run_and_fill(result: Result, scrambles: range) -> None:
    for number in scrambles:  # one at a time: a worker then never holds more than one scramble of its own
        one = range(number, number + 1)
        _fill(result, one, run_scrambles(result.scenario, one))


def _fill(result: Result, scrambles: range, panels: Panels) -> None:
    draws = slice(scrambles.start * DRAWS_PER_SCRAMBLE, scrambles.stop * DRAWS_PER_SCRAMBLE)
    for name, panel in result.panels.items():
        if (panels[name].years, panels[name].items) != (panel.years, panel.items):
            raise AssertionError(f"{name} has other labels than in the median case")
        panel.values[..., draws] = panels[name].values
