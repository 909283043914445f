"""Offsets of a scenario: what utility carries so that luck has no direction, at the medians of its base year.

They are part of the model and no outcome enters: the same for every regime, seed and draw, and those of the prior
where draws were learned, because it is under them that was learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.chance.sampling import fixed_points
from sim.chance.shocks import reverting_sd
from sim.kernels.rivalry import (
    deviation_nodes,
    group_offsets,
    interpolate,
    laplace_shocks,
    lone_offset,
    origin_offset,
)
from sim.scenario.baseyear import base_year
from sim.scenario.inputs import canonical, inputs
from sim.scenario.scenario import Scenario

__all__ = ["Offsets", "entrant_offsets", "offsets_of"]

_POINTS: Final = 2**14
"""Over which means are taken: they leave 0.01 points of share."""

_KEPT: Final = 64
"""Base years whose offsets are kept: more than a study has."""


class Offsets(NamedTuple):
    """What utility carries in each period.

    Attributes
    ----------
    rivals : (T, P, L)
        b of each provider in each layer; 0 for fringes, and for who has no share in the base year.
    origin : (T, L)
        c of foreign against domestic utility.
    """

    rivals: FloatArray
    origin: FloatArray


def offsets_of(scenario: Scenario, periods: int) -> Offsets:
    """Offsets in the first periods of a scenario, not to be written to; found once in a process."""
    return _offsets(_BaseYear(scenario.learning(None, None)), scenario.horizon.period_months, periods)


def entrant_offsets(scenario: Scenario, name: str, periods: int) -> FloatArray:
    """Offsets of a provider that arrives later, by periods since its arrival, (periods + 1,): one against the rest."""
    half = np.full(2, 0.5)
    numbers = {item.name: item for item in inputs(scenario)}
    share, half_life, sd = (
        float(canonical(scenario, numbers[path], half)[0])
        for path in (f"providers.{name}.arrives.new_choices", "rivalry.half_life", "rivalry.provider_sd")
    )
    return lone_offset(share, sd * reverting_sd(half_life, np.arange(periods + 1.0) * _period_years(scenario)))


def _period_years(scenario: Scenario) -> float:
    return scenario.horizon.period_months / 12


@dataclass(frozen=True, eq=False)
class _BaseYear:
    """What decides offsets, equal where it is the same in memory: to compare its records takes too long for a block."""

    scenario: Scenario

    def _sections(self) -> tuple[Any, ...]:
        return tuple(getattr(self.scenario, section) for section in _SECTIONS)

    def __hash__(self) -> int:
        return hash(tuple(map(id, self._sections())))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _BaseYear):
            return NotImplemented
        return all(mine is its for mine, its in zip(self._sections(), other._sections(), strict=True))


_SECTIONS: Final = ("providers", "market", "segments", "shares", "rivalry")


@lru_cache(_KEPT)
def _offsets(kept: _BaseYear, period_months: int, periods: int) -> Offsets:
    scenario, middle = kept.scenario, _medians(kept.scenario)
    base = base_year(scenario, middle)
    shares, opened = base.layer_shares, base.open_of_layers()
    half_life, provider_sd, origin_sd = (
        float(middle[f"rivalry.{name}"][0]) for name in ("half_life", "provider_sd", "origin_sd")
    )
    path_sd = reverting_sd(half_life, np.arange(1.0, periods + 1) * (period_months / 12))
    rivals, largest = np.zeros((periods, *shares.shape[:2])), provider_sd * math.sqrt(2.0)
    for providers, first in ((scenario.domestic, 0), (scenario.foreign, len(scenario.domestic))):
        whole = shares[first : first + len(providers), :, 0].sum(axis=0)
        # By name, so that the points of a provider do not depend on the order in which providers are listed.
        named = sorted((name, first + p) for p, name in enumerate(providers) if not scenario.providers[name].fringe)
        rows = [row for _, row in named if shares[row].any()]
        if not rows:
            continue
        nodes = _at_nodes(tuple(tuple((shares[row, :, 0] / whole).tolist()) for row in rows), largest)
        rivals[:, rows] = interpolate(nodes, largest, provider_sd * path_sd)
    abroad = shares[len(scenario.domestic) :, :, 0].sum(axis=0) / opened[:, 0]
    return Offsets(rivals, origin_offset(abroad, origin_sd * path_sd[:, None]))


def _medians(scenario: Scenario) -> Mapping[str, FloatArray]:
    """The numbers of the base year at their medians, twice: one draw may be computed with other instructions."""
    half = np.full(2, 0.5)
    return {
        item.name: canonical(scenario, item, half)
        for item in inputs(scenario)
        if item.name.startswith(("market.", "shares.", "segments.", "rivalry."))
    }


@lru_cache(_KEPT)
def _at_nodes(shares: tuple[tuple[float, ...], ...], largest: float) -> FloatArray:
    """Offsets (M, R, L) of the named providers of a group, from their parts of it in each layer."""
    shocks = laplace_shocks(fixed_points(max(len(shares), 1), _POINTS))
    return group_offsets(np.array(shares), shocks, deviation_nodes(largest))
