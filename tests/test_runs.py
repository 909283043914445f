"""Blocks of draws of the real model: the same bits however they are cut, shared and grown."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shipped
from conftest import Folder

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import same_worlds
from sim.errors import ResultsError
from sim.model.engine import simulate
from sim.outcomes.panels import Result, panel_hash
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario
from sim.tasks import runs
from sim.tasks.crew import Crew
from sim.tasks.runs import Run, make_plan, simulate_block, with_draws


def _small(folder: Folder, draws: int) -> list[Scenario]:
    later = folder.variant("policy:\n  steps:\n    pilot_effective: {when: 2020-07-01, adopt: pilot}\n")
    return [with_draws(load_scenario(file), draws) for file in (folder.path / "small.yaml", later)]


def run_scenarios(
    scenarios: Sequence[Scenario],
    folder: Path,
    jobs: int = 1,
    executor: Executor | None = None,
    stored: Sequence[str] | None = None,
) -> list[Result]:
    """Results that read from blocks in a folder."""
    run = Run(make_plan(scenarios, stored), folder, "key", Crew(jobs, executor))
    return run.results(scenarios[0].sampling.draws, lambda share: None)


def _hashes(results: list[Result]) -> list[dict[str, str]]:
    return [{name: panel_hash(panel) for name, panel in result.panels.items()} for result in results]


def _blocks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.block")}


def _folder(folder: Folder, name: str) -> Path:
    (folder.path / name).mkdir()
    return folder.path / name


def test_one_job_two_jobs_and_an_executor_give_the_same_bits(folder: Folder) -> None:
    scenarios = _small(folder, 2560)
    one, two, three = (_folder(folder, name) for name in ("one", "two", "pool"))
    with ThreadPoolExecutor(2) as pool:
        hashes = [
            _hashes(run_scenarios(scenarios, one, jobs=1)),
            _hashes(run_scenarios(scenarios, two, jobs=2)),
            _hashes(run_scenarios(scenarios, three, executor=pool)),
        ]
    assert hashes[0] == hashes[1] == hashes[2]
    assert _blocks(one) == _blocks(two) == _blocks(three)


def test_a_block_is_the_scrambles_simulated_one_by_one(folder: Folder) -> None:
    base, later = _small(folder, 1024)
    sticky = with_draws(load_scenario(folder.path / "small.yaml", overrides=["demand.churn=1", "name=sticky"]), 1024)
    scenarios = [base, sticky, later]  # the first and the last draw alike
    plan = make_plan(scenarios)
    found = simulate_block(plan, range(1, 3))
    for scenario in scenarios:
        parts = [simulate(scenario, draw_worlds(scenario, range(number, number + 1))) for number in (1, 2)]
        for name in parts[0]:
            expected = np.concatenate([part[name].rows(range(part[name].count)) for part in parts], axis=-1)
            np.testing.assert_array_equal(next(found), expected)
    assert not list(found)


def test_what_is_not_stored_is_not_computed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []

    def watched(*case: Any, needed: Any = None, **options: Any) -> Any:
        asked.append(set(needed))
        return simulate(*case, needed=needed, **options)

    scenarios = _small(folder, 512)
    plan = make_plan(scenarios, ["npv", "foreign_share"])
    monkeypatch.setattr(runs, "simulate", watched)
    found = list(simulate_block(plan, range(1)))
    assert asked == [{"npv", "foreign_share"}] * len(scenarios)
    assert [len(rows) for rows in found] == [p.count for case in plan.cases.values() for p in case.values()]


def test_a_run_that_grows_keeps_its_first_draws_and_computes_only_the_others(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[range] = []

    def counted(plan: runs.Plan, scrambles: range) -> Any:
        computed.append(scrambles)
        return simulate_block(plan, scrambles)

    monkeypatch.setattr(runs, "simulate_block", counted)
    run = Run(make_plan(_small(folder, 1536)), folder.path, "key", Crew(1))
    short = [_numbers(result) for result in run.results(1536, lambda share: None)]
    long = [_numbers(result) for result in run.results(4096, lambda share: None)]
    for first, grown in zip(short, long, strict=True):
        np.testing.assert_array_equal(grown[:, :1536], first)
    assert computed == [range(0, 2), range(2, 3), range(2, 4), range(4, 6), range(6, 8)]
    alone = run_scenarios(_small(folder, 4096), _folder(folder, "alone"))
    np.testing.assert_array_equal(_numbers(alone[1]), long[1])


def _numbers(result: Result) -> FloatArray:
    return np.concatenate([panel.rows(range(panel.count)) for panel in result.panels.values()])


def test_the_three_regimes_draw_alike_and_a_calendar_of_chance_does_not() -> None:
    base, *others = (shipped.scenario(name) for name in ("jv_only", "ftz_pilot", "full_liberalization"))
    assert all(same_worlds(base, other) for other in others)
    assert not same_worlds(base, shipped.scenario("piecemeal"))
    assert not same_worlds(base, shipped.scenario("jv_only", "demand.churn=5"))


def test_another_key_has_blocks_of_its_own(folder: Folder) -> None:
    plan = make_plan(_small(folder, 512))
    Run(plan, folder.path, "key", Crew(1)).results(512, lambda share: None)
    other = Run(plan, folder.path, "another", Crew(1))
    other.results(512, lambda share: None)
    assert (other.found, len(_blocks(folder.path))) == (0, 2)


def test_only_what_is_to_be_stored_is(folder: Folder) -> None:
    results = run_scenarios(_small(folder, 512), folder.path, stored=["npv", "market_size"])
    assert [list(result.panels) for result in results] == [["market_size", "npv"]] * 2


def test_a_worker_that_runs_another_program_is_refused(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(ThreadPoolExecutor):
        """A machine with another processor."""

        def submit(self, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
            *given, runner = arguments
            return super().submit(function, *given, runner.model_copy(update={"cpu": "x86-64-v9"}), **options)

    with Elsewhere(1) as pool, pytest.raises(ResultsError, match=r"processor level .* in place of x86-64-v9"):
        run_scenarios(_small(folder, 512), folder.path, executor=pool)


def test_few_blocks_are_under_way_at_a_time(folder: Folder) -> None:
    waiting: list[int] = []

    class Counted(ThreadPoolExecutor):
        """Counts the calls that are handed over and not yet answered."""

        def submit(self, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
            future = super().submit(function, *arguments, **options)
            self.under_way = [one for one in [*getattr(self, "under_way", []), future] if not one.done()]
            waiting.append(len(self.under_way))
            return future

    with Counted(1) as pool:
        run_scenarios(_small(folder, 5120), folder.path, jobs=1, executor=pool)
    assert len(waiting) == 5
    assert max(waiting) <= 2
