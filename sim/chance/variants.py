"""Variants of a scenario on the same draws: what is drawn for one is not drawn again for the next.

An input has the latent that goes by its name, whatever else a scenario has. So where two scenarios differ in nothing
that is drawn but in fixed inputs, the worlds of one are those of the other with these inputs in place of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds, drawn_with, moves_shocks
from sim.scenario.inputs import Input, canonical, inputs
from sim.scenario.mechanisms import absent_values
from sim.scenario.scenario import Scenario

__all__ = ["Variants"]


class Variants:
    """Scenarios that run on shared draws.

    Parameters
    ----------
    scenarios : sequence of Scenario
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._recipes: list[_Recipe] = []
        for scenario in scenarios:
            made = (recipe.of(scenario) for recipe in self._recipes if recipe.source is None)
            self._recipes.append(next(filter(None, made), _Recipe(scenario)))

    def worlds(self, scrambles: range) -> Iterator[Worlds]:
        """The worlds of one scenario after the other, with the bits of `draw_worlds`; equal ones are one object."""
        drawn: dict[int, Worlds] = {}
        for recipe in self._recipes:
            source = recipe.source or recipe
            if id(source) not in drawn:
                drawn[id(source)] = draw_worlds(source.scenario, scrambles)
            yield recipe.worlds(drawn[id(source)])


class _Recipe:
    """How the worlds of a scenario are made: drawn, or from those of a source, with some inputs as they are fixed."""

    def __init__(self, scenario: Scenario, source: _Recipe | None = None) -> None:
        self.scenario, self.source = scenario, source
        self._items = {item.name: item for item in inputs(scenario)}
        self._fixed = [] if source is None else self._unlike(source)
        self._gone = [] if source is None else [item for name, item in source._items.items() if name not in self._items]

    def _unlike(self, source: _Recipe) -> list[Input]:
        """The inputs that are not those of the source."""
        known = source._items
        return [item for name, item in self._items.items() if name not in known or item.record != known[name].record]

    def of(self, scenario: Scenario) -> _Recipe | None:
        """How to make the worlds of another scenario from this one's; None if they must be drawn."""
        if drawn_with(scenario) != drawn_with(self.scenario):
            return None
        other = _Recipe(scenario, self)
        differing = other._fixed + other._gone
        if differing and scenario.learned is not None:
            return None  # what was learned of an input stands in place of its value
        simple = all(item.record.is_fixed and not moves_shocks(item.name) for item in differing)
        return other if simple else None

    def worlds(self, drawn: Worlds) -> Worlds:
        """The worlds, from those that were drawn for it or for its source."""
        if not self._fixed and not self._gone:
            return drawn
        half = np.full(drawn.draws, 0.5)  # a fixed input has its value whatever its column says
        known = {**drawn.inputs, **{item.name: canonical(self.scenario, item, half) for item in self._fixed}}
        absent = absent_values(self.scenario, drawn.draws)
        return replace(drawn, inputs={**{name: known[name] for name in self._items}, **absent})
