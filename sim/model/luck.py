"""Offsets of a scenario: what utility carries so that luck has no direction, at the medians of its base year.

They are part of the model and no outcome enters: the same for every regime, seed and draw, and those of the prior
where draws were learned, because it is under them that was learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.chance.sampling import fixed_points
from sim.chance.shocks import downward_steps, drift_sd, reverting_sd
from sim.kernels.rivalry import (
    deviation_nodes,
    group_offsets,
    interpolate,
    laplace_shocks,
    lone_offset,
    origin_offset,
)
from sim.scenario.baseyear import base_year
from sim.scenario.inputs import Input, canonical, inputs
from sim.scenario.mechanisms import absent_values
from sim.scenario.records import EXTREMES
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
    return _offsets(_BaseYear(scenario.learning(None, None)), _span(scenario), periods)


def entrant_offsets(scenario: Scenario, name: str, periods: int) -> FloatArray:
    """Offsets of a provider that arrives later, by periods since its arrival, (periods + 1,): one against the rest."""
    numbers = {item.name: item for item in inputs(scenario)}
    share = float(canonical(scenario, numbers[f"providers.{name}.arrives.new_choices"], np.full(2, 0.5))[0])
    half_life, sd, _ = _rivalry(_medians(scenario))
    years = np.arange(periods + 1.0) * scenario.horizon.period_months / 12
    laws = _laws(scenario, [name])
    if not laws:
        return lone_offset(share, sd * reverting_sd(half_life, years))
    return _jumping(scenario, np.array([[share]]), laws, (half_life, sd), years)[:, 0, 0]


class _Law(NamedTuple):
    """How often a provider jumps by chance, and how far."""

    rate: Input
    size: Input


def _laws(scenario: Scenario, names: Sequence[str]) -> dict[int, _Law]:
    """How those of some providers jump who do so by chance, by their places; not who never does in any draw."""
    numbers = {item.name: item for item in inputs(scenario)}
    laws = {
        row: _Law(*(numbers[f"providers.{name}.jumps.{key}"] for key in _Law._fields))
        for row, name in enumerate(names)
        if scenario.providers[name].jumps_by_chance
    }
    return {row: law for row, law in laws.items() if all(item.record.at(EXTREMES).any() for item in law)}


class _Span(NamedTuple):
    """Of a scenario's horizon: length of a period in months, and all of it in years."""

    months: int
    years: int


def _span(scenario: Scenario) -> _Span:
    horizon = scenario.horizon
    return _Span(horizon.period_months, horizon.end_year - horizon.base_year)


def _jumping(
    scenario: Scenario, shares: FloatArray, laws: Mapping[int, _Law], luck: tuple[float, float], years: FloatArray
) -> FloatArray:
    """Offsets of a group in which somebody jumps by chance.

    Equation (38) of docs/model.md.

    Parameters
    ----------
    scenario : Scenario
    shares : (R, L)
        Parts of the group of the named providers in each layer.
    laws : mapping of int to _Law
        By place in R.
    luck : float, float
        Half-life and stationary deviation.
    years : (T,)
        At which offsets are asked for.

    Returns
    -------
    (T, R, L)
        Found at Chebyshev points of the root of time, in which they are smooth.
    """
    (half_life, sd), largest, count = luck, math.sqrt(_span(scenario).years), len(shares)
    nodes = deviation_nodes(largest) ** 2
    points = fixed_points(count + len(_POISSON) * len(laws), _POINTS)
    jumps = np.zeros((len(nodes), count, _POINTS))
    for own, (row, law) in zip(points[count:].reshape(-1, len(_POISSON), _POINTS), laws.items(), strict=True):
        rate, size = (canonical(scenario, item, level) for item, level in zip(law, own, strict=False))
        jumps[:, row] = [size * downward_steps(own[-1:], rate * year)[0] for year in nodes]
    offsets = group_offsets(shares, laplace_shocks(points[:count]), sd * reverting_sd(half_life, nodes), jumps)
    return interpolate(offsets, largest, np.sqrt(years))


_POISSON: Final = (*_Law._fields, "number")
"""What the points of a provider that jumps are of."""


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


_SECTIONS: Final = ("providers", "market", "segments", "shares", "rivalry", "technology", "demand")


_EVEN: Final = 0.5
"""A share at which luck needs no offset: stands for one that nobody has yet."""


@lru_cache(_KEPT)
def _offsets(kept: _BaseYear, span: _Span, periods: int) -> Offsets:
    scenario, middle = kept.scenario, _medians(kept.scenario)
    base = base_year(scenario, middle)
    shares, opened = base.layer_shares, base.open_of_layers()
    half_life, provider_sd, origin_sd = _rivalry(middle)
    years = np.arange(1.0, periods + 1) * (span.months / 12)
    path_sd = reverting_sd(half_life, years)
    rivals, largest = np.zeros((periods, *shares.shape[:2])), provider_sd * math.sqrt(2.0)
    for providers, first in ((scenario.domestic, 0), (scenario.foreign, len(scenario.domestic))):
        whole = shares[first : first + len(providers), :, 0].sum(axis=0)
        # By name, so that the points of a provider do not depend on the order in which providers are listed.
        named = sorted((name, first + p) for p, name in enumerate(providers) if not scenario.providers[name].fringe)
        rows = [row for _, row in named if shares[row].any()]
        if not rows:
            continue
        parts = np.array([shares[row, :, 0] / whole for row in rows])
        laws = _laws(scenario, [name for name, row in named if row in rows])
        if laws:
            rivals[:, rows] = _jumping(scenario, parts, laws, (half_life, provider_sd), years)
        else:
            nodes = _at_nodes(tuple(map(tuple, parts.tolist())), largest)
            rivals[:, rows] = interpolate(nodes, largest, provider_sd * path_sd)
    abroad = shares[len(scenario.domestic) :, :, 0].sum(axis=0) / opened[:, 0]
    abroad = np.where(abroad > 0.0, abroad, _EVEN)
    origin = np.hypot(origin_sd * path_sd, _turning_sd(middle, years))
    return Offsets(rivals, origin_offset(abroad, origin[:, None]))


def _medians(scenario: Scenario) -> Mapping[str, FloatArray]:
    """Numbers of the base year and of luck at their medians, twice: one draw may be computed otherwise."""
    half = np.full(2, 0.5)
    stated = {
        item.name: canonical(scenario, item, half)
        for item in inputs(scenario)
        if item.name.startswith(("market.", "shares.", "segments.", "rivalry.", _TURNS, _SUBSTITUTION))
    }
    return {**absent_values(scenario, 2), **stated}


_TURNS, _SUBSTITUTION = "technology.catch_up_luck.", "demand.elasticity_of_substitution"


def _turning_sd(middle: Mapping[str, FloatArray], years: FloatArray) -> FloatArray:
    """Deviation of domestic against foreign utility by turns of catching up, (T,); 0 where it has none.

    Equation (41) of docs/model.md.
    """
    if f"{_TURNS}sd" not in middle:
        return np.zeros_like(years)
    half_life, sd, substitution = (
        float(middle[name][0]) for name in (f"{_TURNS}half_life", f"{_TURNS}sd", _SUBSTITUTION)
    )
    return (substitution - 1.0) * sd * drift_sd(half_life, years)


def _rivalry(middle: Mapping[str, FloatArray]) -> tuple[float, float, float]:
    """Half-life and deviations of luck between providers and between origins; 0 where it is left out."""
    names = ("half_life", "provider_sd", "origin_sd")
    half_life, provider_sd, origin_sd = (float(middle.get(f"rivalry.{name}", np.zeros(1))[0]) for name in names)
    return half_life, provider_sd, origin_sd


@lru_cache(_KEPT)
def _at_nodes(shares: tuple[tuple[float, ...], ...], largest: float) -> FloatArray:
    """Offsets (M, R, L) of the named providers of a group, from their parts of it in each layer."""
    shocks = laplace_shocks(fixed_points(max(len(shares), 1), _POINTS))
    return group_offsets(np.array(shares), shocks, deviation_nodes(largest))
