"""The latents that a record can say something of, as one vector of independent standard normals.

All others are independent of the record, and keep the prior's columns to the last bit. Which they are is found by
trial: a latent that is redrawn alone, and moves nothing that is simulated of the record, is not in the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from sim.axes import EDGE, FloatArray
from sim.chance.sampling import draw_latents
from sim.chance.worlds import Latents, Named, event_columns, is_rare, normal_paths, period_count, rare_paths
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario

__all__ = ["Simulate", "Space", "find_space", "middle_of"]

Simulate: TypeAlias = Callable[[Latents], FloatArray]
"""Latents of N draws to what is simulated of each of K observations, (K, N)."""

_FEW: Final = 32
"""Draws on which most latents show that they move something; the rest are tried on a whole scramble."""


@dataclass(frozen=True)
class Space:
    """Where each latent stands in the vector.

    Attributes
    ----------
    inputs, events : tuple of str
        One row each.
    shocks : tuple of str
        Paths, each with its first `rows[path]` components; what comes later is after the record.
    rows : mapping of str to int
    biases : int
        Rows of the likelihood's own, at the end.
    """

    inputs: tuple[str, ...]
    events: tuple[str, ...]
    shocks: tuple[str, ...]
    rows: dict[str, int]
    biases: int

    @property
    def dimensions(self) -> int:
        """Length of the vector, D."""
        return len(self.inputs) + len(self.events) + sum(self.rows[path] for path in self.shocks) + self.biases

    def state_of(self, latents: Latents, biases: FloatArray) -> FloatArray:
        """The vector (D, N) of some latents and biases (B, N)."""
        singles = [latents.inputs[name] for name in self.inputs] + [latents.events[name] for name in self.events]
        paths = [
            ndtri(first) if is_rare(path) else first
            for path, first in ((path, latents.shocks[path][: self.rows[path]]) for path in self.shocks)
        ]
        return np.vstack([*(ndtri(uniform)[None] for uniform in singles), *paths, biases])

    def latents_of(self, state: FloatArray, others: Latents) -> Latents:
        """The latents of a vector (D, N); those that it does not hold are taken from `others`."""
        places = iter(state)
        found = {name: _uniform(next(places)) for name in (*self.inputs, *self.events)}
        shocks: dict[str, FloatArray] = {}
        for path in self.shocks:
            first = np.stack([next(places) for _ in range(self.rows[path])])
            later = others.shocks[path][self.rows[path] :]
            shocks[path] = np.vstack([_uniform(first) if is_rare(path) else first, later])
        return Latents(
            {**others.inputs, **{name: found[name] for name in self.inputs}},
            {**others.events, **{name: found[name] for name in self.events}},
            {**others.shocks, **shocks},
        )

    def biases_of(self, state: FloatArray) -> FloatArray:
        """The biases (B, N) of a vector (D, N)."""
        return state[len(state) - self.biases :]


def middle_of(scenario: Scenario, draws: int) -> Latents:
    """Every latent at its median, N times: for those that nothing depends on."""
    half, periods = np.full(draws, 0.5), period_count(scenario.horizon)
    groups = scenario.sampling.correlations.values()
    names = [item.name for item in inputs(scenario)] + [name for group in groups for name in group.members]
    paths = {path: np.zeros((count, draws)) for path, count in normal_paths(scenario).items()}
    return Latents(
        dict.fromkeys(names, half),
        dict.fromkeys(event_columns(scenario), half),
        {**paths, **dict.fromkeys(rare_paths(scenario), np.full((periods, draws), 0.5))},
    )


def _uniform(normals: FloatArray) -> FloatArray:
    return np.asarray(np.clip(ndtr(normals), EDGE, 1 - EDGE))


def find_space(scenario: Scenario, simulate: Simulate, biases: int) -> Space:
    """The latents that move something that is simulated of the record.

    Parameters
    ----------
    scenario : Scenario
        With a horizon that ends with the record.
    simulate : callable
    biases : int
        Number of the likelihood's own latents.
    """
    plain, other = draw_latents(scenario, 0), draw_latents(scenario, 1)
    grouped = {name for group in scenario.sampling.correlations.values() for name in group.members}
    fixed = {item.name for item in inputs(scenario) if item.record.is_fixed} - grouped
    trials = {
        **{("inputs", name): None for name in plain.inputs if name not in fixed},
        **{("events", name): None for name in plain.events},
        **{("shocks", path): None for path in plain.shocks},
    }
    moving = _moving(list(trials), _first(plain), _first(other), simulate)
    rest = [trial for trial in trials if trial not in moving]
    moving |= _moving(rest, plain, other, simulate)

    def found(kind: str) -> tuple[str, ...]:
        return tuple(name for group, name in trials if group == kind and (group, name) in moving)

    rows = {path: len(values) for path, values in plain.shocks.items()}
    return Space(found("inputs"), found("events"), found("shocks"), rows, biases)


def _first(latents: Latents) -> Latents:
    def cut(columns: Named) -> Named:
        return {name: np.ascontiguousarray(values[..., :_FEW]) for name, values in columns.items()}

    return Latents(cut(latents.inputs), cut(latents.events), cut(latents.shocks))


def _moving(
    trials: Sequence[tuple[str, str]], plain: Latents, other: Latents, simulate: Simulate
) -> set[tuple[str, str]]:
    """Those of the latents, each by kind and name, that move something when redrawn alone."""
    before = simulate(plain)
    moving = set()
    for kind, name in trials:
        columns = {**getattr(plain, kind), name: getattr(other, kind)[name]}
        if (simulate(replace(plain, **{kind: columns})) != before).any():
            moving.add((kind, name))
    return moving
