"""Scenarios in, results out: scrambles spread over workers, a block of them at a time, every block a file.

The median case runs first and shows which rows there will be. A worker then draws the worlds of a block once for
all scenarios that draw alike, and simulates one scenario after the other. Results read their columns from the
blocks, so that neither the run nor what is made of it takes more memory with more draws.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.medians import median_world
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds, same_worlds
from sim.errors import NumericalError, ResultsError
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.outcomes.panels import LazyPanel, Panel, Result, require_finite
from sim.scenario.scenario import Scenario
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK, BlockStore
from sim.tasks.manifest import canonical_hash, decisive, differences, program
from sim.tasks.pool import Batch, do_nothing

__all__ = ["Panels", "Plan", "Run", "make_plan", "median_cases", "require_same", "run_scenarios", "with_draws"]

Panels: TypeAlias = Mapping[str, Panel]
Done: TypeAlias = Callable[[float], None]


@dataclass(frozen=True)
class Plan:
    """What is simulated, and which of it is stored.

    Attributes
    ----------
    scenarios : tuple of Scenario
        On shared draws.
    cases : mapping of str to panels
        The median case of each scenario by name: the variables that are stored, and their labels.
    """

    scenarios: tuple[Scenario, ...]
    cases: Mapping[str, Panels]

    def rows(self, names: Collection[str] | None = None) -> int:
        """Columns of some variables over all scenarios; by default of all that are stored."""
        chosen = (panel for case in self.cases.values() for panel in case.values())
        return sum(panel.count for panel in chosen if names is None or panel.variable in names)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.scenarios[0].sampling.draws

    def with_draws(self, draws: int) -> Plan:
        """The same plan with another number of draws."""
        return replace(self, scenarios=tuple(with_draws(scenario, draws) for scenario in self.scenarios))


def run_scenarios(
    scenarios: Sequence[Scenario],
    folder: Path,
    *,
    stored: Collection[str] | None = None,
    jobs: int = 1,
    done: Done = lambda share: None,
    executor: Executor | None = None,
) -> list[Result]:
    """Run scenarios on shared draws; the results read from blocks in a folder, which must outlive them.

    Blocks of the same run that lie in the folder already are used as they are.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Checked to share draws; their sampling section says how many.
    folder : Path
        Exists; takes the blocks.
    stored : collection of str, optional
        Variables that are stored; all by default.
    jobs : int
        Workers at a time; the results do not depend on it.
    done : callable
        Is told the share of the work finished.
    executor : Executor, optional
        Runs the blocks in place of forked children.

    Raises
    ------
    NumericalError
        A draw has no answer; names scenario, draw, year and variable.
    """
    run = Run(make_plan(scenarios, stored), folder, program(), jobs, executor)
    return run.results(scenarios[0].sampling.draws, done)


def median_cases(scenarios: Sequence[Scenario]) -> dict[str, Panels]:
    """The median case of each scenario, by name: panels of a few identical draws."""
    return {scenario.name: _checked(scenario, median_world(scenario), "the median case", 0) for scenario in scenarios}


def make_plan(scenarios: Sequence[Scenario], stored: Collection[str] | None = None) -> Plan:
    """Run the median cases, and plan to store some variables of the scenarios, all by default."""
    cases = {
        scenario: {name: panel for name, panel in case.items() if stored is None or name in stored}
        for scenario, case in median_cases(scenarios).items()
    }
    return Plan(tuple(scenarios), cases)


class Run:
    """The draws of a plan, in a folder of blocks: computed once, and added to where more are asked for.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Exists, outlives the results, and takes the blocks; whole ones of the same run that lie there are used.
    runner : mapping
        The program, as the manifest states it.
    jobs : int
        Workers at a time; the results do not depend on it.
    executor : Executor, optional
        Runs the blocks in place of forked children.
    meanwhile : callable
        Is called here while children compute, if any do: for what the parent must do in any case.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        runner: Mapping[str, Any],
        jobs: int,
        executor: Executor | None = None,
        meanwhile: Callable[[], None] = do_nothing,
    ) -> None:
        self._plan, self._folder, self._key = plan, folder, _key(plan, runner)
        self._jobs, self._executor, self._meanwhile = jobs, executor, meanwhile
        self._whole = 0
        self.found = 0

    def clean(self, *, everything: bool) -> None:
        """Remove what other runs, or all runs, left in the folder."""
        self._store(self._plan).clean(everything=everything)

    def results(self, draws: int, done: Done) -> list[Result]:
        """The results of so many draws; those that were computed before stay as they are."""
        plan = self._plan.with_draws(draws)
        store = self._store(plan)
        missing = store.missing(self._whole)
        self.found += store.count - self._whole - len(missing)
        self._fill(plan, store, missing, done)
        self._whole = store.scrambles // SCRAMBLES_PER_BLOCK
        return _results_of(plan, store)

    def _fill(self, plan: Plan, store: BlockStore, missing: Sequence[int], done: Done) -> None:
        """Compute the blocks that are missing."""
        before = store.count - len(missing)

        def tell(share: float) -> None:
            done((before + share * len(missing)) / store.count)

        if self._executor is not None:
            _fill_elsewhere(plan, store, missing, self._executor, self._jobs, tell)
        elif missing:
            batch = Batch()
            for number in missing:
                batch.add(partial(_fill_block, plan, store, number))
            batch.run(self._jobs, tell, self._meanwhile)

    def _store(self, plan: Plan) -> BlockStore:
        return BlockStore(self._folder, self._key, plan.rows(), plan.draws // DRAWS_PER_SCRAMBLE)


def _key(plan: Plan, runner: Mapping[str, Any]) -> str:
    """Hash of all that decides the numbers of a block, and so not how many there are."""
    undecided = [scenario.model_dump(mode="json") for scenario in plan.with_draws(0).scenarios]
    stored = {name: list(case) for name, case in plan.cases.items()}
    return canonical_hash([undecided, stored, decisive(runner)])[:16]


def _results_of(plan: Plan, store: BlockStore) -> list[Result]:
    """The results of a plan whose blocks are there."""
    found, first = [], 0
    for scenario in plan.scenarios:
        panels = {}
        for name, case in plan.cases[scenario.name].items():
            read = partial(store.read, first)
            median = case.values[..., 0].copy()
            panels[name] = LazyPanel(name, case.unit, case.years, case.items, median, plan.draws, read)
            first += case.count
        found.append(Result(scenario, panels))
    return found


def with_draws(scenario: Scenario, draws: int) -> Scenario:
    """The same scenario with another number of draws."""
    return scenario.model_copy(update={"sampling": scenario.sampling.model_copy(update={"draws": draws})})


def _fill_block(plan: Plan, store: BlockStore, number: int) -> None:
    store.write(number, simulate_block(plan, store.span(number)))


def _fill_elsewhere(
    plan: Plan, store: BlockStore, missing: Sequence[int], executor: Executor, jobs: int, tell: Done
) -> None:
    """Have the blocks computed by an executor, a few for each job under way at a time, and write them here."""
    runner, waiting = program(), list(reversed(missing))
    running: dict[Future[list[FloatArray]], int] = {}
    try:
        while waiting or running:
            while waiting and len(running) < 2 * jobs:
                number = waiting.pop()
                running[executor.submit(_answer_block, plan, store.span(number), runner)] = number
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                store.write(running.pop(future), future.result())
                tell(1 - (len(waiting) + len(running)) / len(missing))
    finally:
        for future in running:
            future.cancel()


def _answer_block(plan: Plan, scrambles: range, runner: Mapping[str, Any]) -> list[FloatArray]:
    """A block as another process returns it."""
    require_same(runner)
    return list(simulate_block(plan, scrambles))


def require_same(runner: Mapping[str, Any]) -> None:
    """Raise ResultsError in a worker that is not the same program on a processor of the same level."""
    unlike = differences(program(), runner)
    if unlike:
        raise ResultsError(f"a worker would not compute the same bits: {', '.join(unlike)}")


def simulate_block(plan: Plan, scrambles: range) -> Iterator[FloatArray]:
    """Some scrambles of all scenarios, one after the other: for each variable an array (rows, draws), all checked."""
    drawn: list[tuple[Scenario, Worlds]] = []
    shared = Shared()
    for scenario in plan.scenarios:
        worlds = next((worlds for other, worlds in drawn if same_worlds(scenario, other)), None)
        if worlds is None:
            worlds = draw_worlds(scenario, scrambles)
            drawn.append((scenario, worlds))
        panels = _checked(scenario, worlds, "a draw", scrambles.start * DRAWS_PER_SCRAMBLE, shared)
        yield from _rows(plan.cases[scenario.name], panels)


def _rows(case: Panels, panels: Panels) -> Iterator[FloatArray]:
    """The rows of the panels that a case has."""
    for name, expected in case.items():
        if (panels[name].years, panels[name].items) != (expected.years, expected.items):
            raise AssertionError(f"{name} has other labels than in the median case")
        yield panels[name].rows(range(expected.count))


def _checked(scenario: Scenario, worlds: Worlds, what: str, first_draw: int, shared: Shared | None = None) -> Panels:
    try:
        panels = simulate(scenario, worlds, shared=shared)
        for panel in panels.values():
            require_finite(panel, first_draw)
    except NumericalError as error:
        raise NumericalError(f"{scenario.name}: {what} has no answer: {error}") from error
    return panels
