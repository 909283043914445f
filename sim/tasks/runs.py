"""Scenarios in, results out: scrambles spread over workers, a block of them at a time, every block a file.

The median case runs first and shows which rows there will be. A worker then draws the worlds of a block once for
all scenarios that draw alike, and simulates one scenario after the other. Results read their columns from the
blocks, so that neither the run nor what is made of it takes more memory with more draws.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.medians import median_world
from sim.chance.variants import Variants
from sim.chance.worlds import Worlds
from sim.errors import NumericalError
from sim.model.course import Shared
from sim.model.engine import bytes_per_draw, draws_at_once, simulate
from sim.outcomes.panels import LazyPanel, Panel, Result, require_finite
from sim.scenario.scenario import Scenario
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK, BlockStore
from sim.tasks.crew import Crew
from sim.tasks.pool import do_nothing, of_the_rest

__all__ = ["Panels", "Plan", "Run", "make_plan", "simulate_block", "with_draws"]

Panels: TypeAlias = Mapping[str, Panel]
Done: TypeAlias = Callable[[float], None]

_MOST_BYTES = 2**27
"""What the outcomes of a scenario may take in a block."""

_COPIES = 3
"""Of its outcomes are there at most while they are put together."""


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

    @property
    def scrambles_per_block(self) -> int:
        """Two, or one where the outcomes of a scenario would take too much memory."""
        return SCRAMBLES_PER_BLOCK if self._bytes_of_outcomes(SCRAMBLES_PER_BLOCK) <= _MOST_BYTES else 1

    def bytes_per_job(self) -> int:
        """What a job takes at its peak, roughly, beside the program itself."""
        block = max(draws_at_once(scenario) * bytes_per_draw(scenario) for scenario in self.scenarios)
        return block + _COPIES * self._bytes_of_outcomes(self.scrambles_per_block)

    def _bytes_of_outcomes(self, scrambles: int) -> int:
        rows = max(sum(panel.count for panel in case.values()) for case in self.cases.values())
        return 8 * rows * DRAWS_PER_SCRAMBLE * scrambles

    def with_draws(self, draws: int) -> Plan:
        """The same plan with another number of draws."""
        return replace(self, scenarios=tuple(with_draws(scenario, draws) for scenario in self.scenarios))


def make_plan(scenarios: Sequence[Scenario], stored: Collection[str] | None = None) -> Plan:
    """Run the median cases, panels of a few identical draws; plan to store some variables, all by default."""
    cases = {}
    for scenario in scenarios:
        case = _checked(scenario, median_world(scenario), "the median case", 0)
        cases[scenario.name] = {name: panel for name, panel in case.items() if stored is None or name in stored}
    return Plan(tuple(scenarios), cases)


class Run:
    """The draws of a plan, in a folder of blocks: computed once, and added to where more are asked for.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Exists, outlives the results, and takes the blocks; whole ones of the same run that lie there are used.
    key : str
        Hash of all that decides the numbers of a block, and so not how many there are.
    crew : Crew
        The results do not depend on it.
    meanwhile : callable
        Is called here while children compute, if any do: for what the parent must do in any case.

    Attributes
    ----------
    found : int
        Blocks that were there already.
    """

    def __init__(
        self, plan: Plan, folder: Path, key: str, crew: Crew, meanwhile: Callable[[], None] = do_nothing
    ) -> None:
        self._plan, self._folder, self._key = plan, folder, key
        self._crew, self._meanwhile = crew, meanwhile
        self._whole = 0
        self.found = 0

    def results(self, draws: int, done: Done) -> list[Result]:
        """The results of so many draws; those that were computed before stay as they are.

        Raises
        ------
        NumericalError
            A draw has no answer; names scenario, draw, year and variable.
        """
        plan = self._plan.with_draws(draws)
        scrambles = plan.draws // DRAWS_PER_SCRAMBLE
        store = BlockStore(self._folder, self._key, plan.rows(), scrambles, plan.scrambles_per_block)
        missing = store.missing(self._whole)
        self.found += store.count - self._whole - len(missing)
        calls = [partial(simulate_block, plan, store.span(number)) for number in missing]
        tell = of_the_rest(done, len(missing), store.count)
        self._crew.compute(calls, lambda place, block: store.write(missing[place], block), tell, self._meanwhile)
        self._whole = scrambles // store.each
        return _results_of(plan, store)


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


def simulate_block(plan: Plan, scrambles: range) -> Iterator[FloatArray]:
    """Some scrambles of all scenarios, one after the other: for each variable an array (rows, draws), all checked."""
    shared = Shared()
    for scenario, worlds in zip(plan.scenarios, Variants(plan.scenarios).worlds(scrambles), strict=True):
        case = plan.cases[scenario.name]
        panels = _checked(scenario, worlds, "a draw", scrambles.start * DRAWS_PER_SCRAMBLE, shared, case)
        yield from _rows(case, panels)


def _rows(case: Panels, panels: Panels) -> Iterator[FloatArray]:
    """The rows of the panels that a case has."""
    for name, expected in case.items():
        if (panels[name].years, panels[name].items) != (expected.years, expected.items):
            raise AssertionError(f"{name} has other labels than in the median case")
        yield panels[name].rows(range(expected.count))


def _checked(
    scenario: Scenario,
    worlds: Worlds,
    what: str,
    first_draw: int,
    shared: Shared | None = None,
    needed: Collection[str] | None = None,
) -> Panels:
    try:
        panels = simulate(scenario, worlds, shared=shared, needed=needed)
        for panel in panels.values():
            require_finite(panel, first_draw)
    except NumericalError as error:
        raise NumericalError(f"{scenario.name}: {what} has no answer: {error}") from error
    return panels
