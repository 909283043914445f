"""Whether the numbers of a scenario go together: shares, sizes, elasticities, growth, costs.

They are judged at their medians, and then with any one of them where it is in one draw of a thousand, by the engine's
own base year. What only several unlikely values together break, the run refuses by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

import numpy as np

from sim.reading.plausibility import Finding
from sim.scenario.baseyear import Inputs, base_year, coherence, existence, fade_rate, fading
from sim.scenario.changes import coherent_changes
from sim.scenario.grants import caps, has_mix, identification
from sim.scenario.inputs import Input, inputs, scale
from sim.scenario.mechanisms import medians
from sim.scenario.records import CORNERS, EXTREMES
from sim.scenario.scenario import Scenario

__all__ = ["infeasible"]

_JOINT: Final = ("market", "segments", "shares", "demand", "economics")
"""Sections whose numbers must go together."""

_GRANTED: Final = ("regimes", "opening")
"""Those that must, besides, where channels or hypotheses name regimes."""

_EFFECT: Final = re.compile(r"policy\.steps\.[^.]+\.effects\.")

_AT_A_TIME: Final = 256
"""Numbers of which the corners are judged together: enough for long vectors, and few for the memory."""

_LEAST_PROPENSITY: Final = 1e-6


def infeasible(scenario: Scenario) -> Iterator[Finding]:
    """Everything about the numbers of a scenario that does not go together, path and message."""
    middle = medians(scenario)
    at_middle = {name: np.array([value]) for name, value in middle.items()}
    findings = list(_propensities(scenario)) or [finding for _, finding in _broken(scenario, at_middle)]
    yield from _first_of_each_path(findings or _at_corners(scenario, middle))


def _first_of_each_path(findings: Iterable[Finding]) -> Iterator[Finding]:
    paths = set[str]()
    for path, message in findings:
        if path not in paths:
            paths.add(path)
            yield path, message


def _broken(scenario: Scenario, values: Inputs) -> Iterator[tuple[int, Finding]]:
    """The first draw that breaks each condition, and what is found there."""
    fade = fade_rate(scenario, values)
    existing = existence(scenario, values, base_year(scenario, values))
    granted = chain(identification(scenario, values), caps(scenario, values), coherent_changes(scenario, values))
    conditions = chain(coherence(values), existing, [fading(scenario, values, fade)], granted)
    for condition in conditions:
        if not condition.holds.all():
            draw = int(np.argmin(condition.holds))
            yield draw, (condition.path, condition.said_of(draw))


def _at_corners(scenario: Scenario, middle: Mapping[str, float]) -> Iterator[Finding]:
    """What breaks with one number at its 0.1% or 99.9% point and the others at their medians."""
    joint = (*_JOINT, *_GRANTED) if has_mix(scenario) or scenario.buys_out else _JOINT
    moved = [
        item
        for item in inputs(scenario)
        if (item.path.split(".")[0] in joint or _EFFECT.match(item.path)) and not item.record.is_fixed
    ]
    for start in range(0, len(moved), _AT_A_TIME):
        yield from _corners_of(scenario, moved[start : start + _AT_A_TIME], middle)


def _corners_of(scenario: Scenario, moved: Sequence[Input], middle: Mapping[str, float]) -> Iterator[Finding]:
    """The same for some numbers, in their order: two draws for each of them."""
    ends = [item.record.at(CORNERS) for item in moved]
    values = {name: np.broadcast_to(value, 2 * len(moved)) for name, value in middle.items()}
    for place, item in enumerate(moved):
        values[item.path] = values[item.path].copy()
        values[item.path][2 * place : 2 * place + 2] = ends[place] * scale(scenario, item.dimension, item.record.unit)
    for draw, (path, message) in sorted(_broken(scenario, values), key=lambda one: one[0]):
        item, value = moved[draw // 2], ends[draw // 2][draw % 2]
        where = f"where {item.path} is {value:g} {item.record.unit}, as in one draw of a thousand"
        yield path, f"{message} {where}"


def _propensities(scenario: Scenario) -> Iterator[Finding]:
    """Foreign providers must have somebody who leans to them in each layer, in every draw."""
    for layer in scenario.market.layers:
        inside = {name: part for name, part in scenario.segments.items() if part.layer == layer}
        stated = [part.foreign_propensity for part in inside.values()]
        leanings = [1.0 if one is None else float(one.at(EXTREMES)[0]) for one in stated]
        if max(leanings) < _LEAST_PROPENSITY:
            path = f"segments.{next(iter(inside))}.foreign_propensity"
            allowed = f"(found {max(leanings):g} in some draws; allowed from {_LEAST_PROPENSITY:g})"
            yield path, f"in one segment of '{layer}' at least, somebody must lean to foreign providers {allowed}"
