"""Runs with some units redrawn, in parts: a few scrambles of all scenarios under some of the sets of units.

What one scramble is drawn from, its base years and its markets are made once for all sets of a part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.sampling import hybrid_worlds
from sim.chance.units import units_of
from sim.chance.worlds import Worlds, once_for_same_worlds
from sim.errors import NumericalError
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.outcomes.naming import Outcome, outcome_draws
from sim.outcomes.panels import Result, require_finite
from sim.scenario.scenario import Scenario
from sim.tasks.attribution import Redrawn
from sim.tasks.blocks import SCRAMBLES_PER_BLOCK
from sim.tasks.parts import Arrays

__all__ = ["HybridPlan", "hybrid_draws", "hybrid_parts", "redrawn_part"]

_SETS_PER_PART: Final = 24
"""Enough that the run without redrawing, which each part begins with, costs little."""

_DRAWS: Final = "draws"


@dataclass(frozen=True)
class HybridPlan:
    """What is run under which units redrawn.

    Attributes
    ----------
    scenarios : tuple of Scenario
        On shared draws; those that answer something, and the baseline where something is a comparison.
    baseline : str
        Name of the scenario that gains are counted from.
    asked : mapping of str to tuple of Outcome
        By scenario, what it answers.
    sets : tuple of Redrawn
    """

    scenarios: tuple[Scenario, ...]
    baseline: str
    asked: Mapping[str, tuple[Outcome, ...]]
    sets: tuple[Redrawn, ...]

    @property
    def draws(self) -> int:
        """Draws of each run."""
        return self.scenarios[0].sampling.draws

    @property
    def runs(self) -> int:
        """Runs of a scenario."""
        return len(self.sets) * len(self.scenarios)

    def needed(self, scenario: Scenario) -> tuple[str, ...]:
        """Variables that a scenario must compute: its own, and of the baseline those that it is compared by."""
        own = list(self.asked.get(scenario.name, ()))
        if scenario.name == self.baseline:
            own += [one for outcomes in self.asked.values() for one in outcomes if one.is_comparison]
        return tuple(dict.fromkeys(name for outcome in own for name in outcome.variables))


def hybrid_parts(plan: HybridPlan) -> list[Callable[[], Arrays]]:
    """The parts of a plan: block after block of scrambles, in each the sets a few at a time."""
    blocks, chunks = _blocks(plan), _chunks(plan)
    return [partial(redrawn_part, plan, chunk, block) for block in blocks for chunk in chunks]


def hybrid_draws(plan: HybridPlan, parts: Sequence[Arrays]) -> dict[str, dict[Redrawn, FloatArray]]:
    """Outcomes by scenario and set, arrays (M, N), from the parts."""
    width = len(_chunks(plan))
    blocks = [np.concatenate([part[_DRAWS] for part in parts[k : k + width]]) for k in range(0, len(parts), width)]
    draws = np.concatenate(blocks, axis=-1)
    found, first = {}, 0
    for name, outcomes in plan.asked.items():
        found[name] = {redrawn: draws[k, first : first + len(outcomes)] for k, redrawn in enumerate(plan.sets)}
        first += len(outcomes)
    return found


def _blocks(plan: HybridPlan) -> list[range]:
    scrambles = range(plan.draws // DRAWS_PER_SCRAMBLE)
    return [scrambles[k : k + SCRAMBLES_PER_BLOCK] for k in range(0, len(scrambles), SCRAMBLES_PER_BLOCK)]


def _chunks(plan: HybridPlan) -> list[tuple[Redrawn, ...]]:
    return [plan.sets[k : k + _SETS_PER_PART] for k in range(0, len(plan.sets), _SETS_PER_PART)]


def redrawn_part(plan: HybridPlan, sets: Sequence[Redrawn], scrambles: range) -> Arrays:
    """The outcomes of some scrambles under some sets.

    Returns
    -------
    mapping
        ``draws``: array (sets, outcomes of all scenarios one after the other, draws).

    Raises
    ------
    NumericalError
        A draw has no answer; names the units that were redrawn.
    """
    worlds = once_for_same_worlds(plan.scenarios, lambda scenario: _worlds(scenario, scrambles))
    drawn = list(zip(plan.scenarios, worlds, strict=True))
    shared = Shared()
    _outcomes(plan, drawn, Redrawn(), shared, scrambles)
    return {_DRAWS: np.stack([_outcomes(plan, drawn, one, shared.branch(), scrambles) for one in sets])}


def _worlds(scenario: Scenario, scrambles: range) -> Callable[[Redrawn], Worlds]:
    """Worlds under units redrawn, of which a scenario may lack some; those that were asked for last are kept."""
    worlds, own = hybrid_worlds(scenario, scrambles), Redrawn(unit.name for unit in units_of(scenario))
    kept: dict[Redrawn, Worlds] = {}

    def once(redrawn: Redrawn) -> Worlds:
        if redrawn not in kept:
            kept.clear()
            kept[redrawn] = worlds(redrawn & own)
        return kept[redrawn]

    return once


def _outcomes(
    plan: HybridPlan,
    drawn: Sequence[tuple[Scenario, Callable[[Redrawn], Worlds]]],
    redrawn: Redrawn,
    shared: Shared,
    scrambles: range,
) -> FloatArray:
    """The outcomes of all scenarios under one set, array (outcomes, draws)."""
    results = {}
    for scenario, worlds in drawn:
        try:
            panels = simulate(scenario, worlds(redrawn), shared=shared, needed=plan.needed(scenario))
            for panel in panels.values():
                require_finite(panel, scrambles.start * DRAWS_PER_SCRAMBLE)
        except NumericalError as error:
            names = ", ".join(sorted(redrawn))
            raise NumericalError(f"{scenario.name}: a draw has no answer with {names} redrawn: {error}") from error
        results[scenario.name] = Result(scenario, panels)
    base = results.get(plan.baseline)
    asked = ((results[name], outcome) for name, outcomes in plan.asked.items() for outcome in outcomes)
    return np.stack([outcome_draws(outcome, result, base) for result, outcome in asked])
