"""Silence is a fault: which inputs and which overrides of a study move nothing.

An uncertain input is redrawn alone, on a few draws, and every outcome is held against the plain run; an
override is taken back to what the base file states. Inputs that belong to something no scenario of the study
can bring about are not in play, which is no fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeAlias

import numpy as np
from pydantic import ValidationError

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, join_draws
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import SHOCK_INPUTS, Worlds, same_worlds
from sim.errors import SimError
from sim.model.engine import draws_at_once, simulate
from sim.reading.consistency import problems
from sim.scenario.inputs import inputs
from sim.scenario.policy import NEVER, State, allows_owned, decimal_year, earliest_dates, reachable, states
from sim.scenario.providers import LAUNCH
from sim.scenario.scenario import Scenario

__all__ = ["Audit", "audit", "in_play"]

Outcomes: TypeAlias = Mapping[str, FloatArray]

_FEW: Final = 8
"""Draws of the first look, in which most inputs move something."""

_MORE: Final = 64

_MOST_SCRAMBLES: Final = 16
"""What has moved nothing in 8,192 draws is called dead, however many the study has."""

_BACK: Final = 128
"""Draws on which an override is taken back, if the first few show nothing."""

_ECHOES: Final = ("opening_hypothesis", "zone_reading")
"""Outcomes that repeat an input: that they move proves nothing."""


@dataclass(frozen=True)
class Audit:
    """What moved nothing.

    Attributes
    ----------
    dead : tuple of str
        Uncertain inputs in play that moved no outcome of any scenario.
    idle : tuple of (str, str)
        Scenario and path of each override that moved no outcome of its scenario.
    out_of_play : tuple of str
        Uncertain inputs that no scenario of the study can reach.
    """

    dead: tuple[str, ...]
    idle: tuple[tuple[str, str], ...]
    out_of_play: tuple[str, ...]

    def faults(self) -> tuple[str, ...]:
        """What should have moved an outcome and did not, in words."""
        found = [f"moves nothing: {name} (redrawn alone, no outcome of any scenario changes)" for name in self.dead]
        found += [
            f"moves nothing: {path} in {name} (with the base's value, all is the same)" for name, path in self.idle
        ]
        return tuple(found)

    def lines(self) -> tuple[str, ...]:
        """All findings in words."""
        absent = [f"not in play in this study: {', '.join(self.out_of_play)}"] if self.out_of_play else []
        return (*self.faults(), *absent)


def audit(scenarios: Sequence[Scenario]) -> Audit:
    """Look for inputs and overrides that move nothing.

    Parameters
    ----------
    scenarios : sequence of Scenario
        A study, on shared draws.

    Returns
    -------
    Audit
    """
    scenarios = [scenario.learning(None, None) for scenario in scenarios]  # what moves is the model's affair
    uncertain = [item.name for scenario in scenarios for item in inputs(scenario) if not item.record.is_fixed]
    names = list(dict.fromkeys(uncertain))
    played = {scenario.name: in_play(scenario) for scenario in scenarios}
    live: set[str] = set()
    trials = _Trials()
    for scramble, draws in _looks(scenarios[0].sampling.draws):
        # The last scenario first: by custom the widest opening, in which the most inputs move.
        for scenario in reversed(scenarios):
            asked = [name for name in names if name in played[scenario.name] and name not in live]
            live |= trials.moving(scenario, asked, scramble, draws) if asked else set()
    everywhere = set().union(*played.values())
    return Audit(
        dead=tuple(name for name in names if name in everywhere and name not in live),
        idle=tuple((one.name, path) for one in scenarios for path in one.overridden if _is_idle(one, path, trials)),
        out_of_play=tuple(name for name in names if name not in everywhere),
    )


def _looks(draws: int) -> Iterator[tuple[int, int]]:
    """Scrambles, and how many of their draws to look at, in turn; the later ones only for what looked dead so far."""
    yield 0, _FEW
    yield 0, _MORE
    for scramble in range(min(draws // DRAWS_PER_SCRAMBLE, _MOST_SCRAMBLES)):
        yield scramble, DRAWS_PER_SCRAMBLE


class _Trials:
    """Runs of scenarios on the first draws of a scramble, whose worlds are drawn once for all that draw alike."""

    def __init__(self) -> None:
        self._drawn: list[tuple[Scenario, int, Worlds]] = []
        self._plain: dict[str, Outcomes] = {}

    def moving(self, scenario: Scenario, names: Sequence[str], scramble: int, draws: int) -> set[str]:
        """Those of the inputs that move an outcome when redrawn alone."""
        worlds = self._worlds(scenario, scramble)
        few = worlds.take(slice(draws))
        redrawn = (_redrawn(scenario, few, worlds, name, range(scramble, scramble + 1), draws) for name in names)
        outcomes = _run(scenario, chain([few], redrawn), draws)
        plain = next(outcomes)
        if draws == _FEW:
            # A copy, which does not hold the whole block in memory.
            self._plain[scenario.name] = {name: values.copy() for name, values in plain.items()}
        return {name for name, other in zip(names, outcomes, strict=True) if _differ(plain, other)}

    def differ(self, scenario: Scenario, other: Scenario, draws: int) -> bool:
        """Whether a variant of a scenario has other outcomes in the first scramble."""
        known = self._plain.get(scenario.name) if draws == _FEW else None
        return _differ(known or self._outcomes(scenario, draws), self._outcomes(other, draws))

    def _outcomes(self, scenario: Scenario, draws: int) -> Outcomes:
        return next(_run(scenario, [self._worlds(scenario, 0).take(slice(draws))], draws))

    def _worlds(self, scenario: Scenario, scramble: int) -> Worlds:
        for other, number, known in self._drawn:
            if number == scramble and same_worlds(scenario, other):
                return known
        worlds = draw_worlds(scenario, range(scramble, scramble + 1))
        recent = [one for one in self._drawn if one[1] in (0, scramble)]
        self._drawn = [*recent, (scenario, scramble, worlds)]
        return worlds


def _run(scenario: Scenario, parts: Iterable[Worlds], draws: int) -> Iterator[Outcomes]:
    """The outcomes of each of some worlds, of so many draws each, run as many at a time as the engine takes."""
    waiting = iter(parts)
    while batch := list(islice(waiting, max(1, draws_at_once(scenario) // draws))):
        panels = simulate(scenario, join_draws(batch))
        for start in range(0, draws * len(batch), draws):
            yield {name: panel.values[..., start : start + draws] for name, panel in panels.items()}


def _redrawn(scenario: Scenario, few: Worlds, worlds: Worlds, name: str, scrambles: range, draws: int) -> Worlds:
    """The first worlds with one input taken from the neighbouring draw."""
    if name in SHOCK_INPUTS:
        turned = {name: np.roll(worlds.inputs[name], 1)}
        return draw_worlds(scenario, scrambles, replaced=turned).take(slice(draws))
    return few.replace_input(name, np.roll(few.inputs[name], 1))


def _differ(plain: Outcomes, other: Outcomes) -> bool:
    """Whether any outcome differs."""
    return any(
        other[name].shape != values.shape or not np.array_equal(values, other[name], equal_nan=True)
        for name, values in plain.items()
        if name not in _ECHOES
    )


def _is_idle(scenario: Scenario, path: str, trials: _Trials) -> bool:
    """Whether an override changes no outcome."""
    other = _taken_back(scenario, path, scenario.overridden[path])
    return other is not None and not any(trials.differ(scenario, other, draws) for draws in (_FEW, _BACK))


def _taken_back(scenario: Scenario, path: str, value: Any) -> Scenario | None:
    """The scenario with one override taken back; None if it cannot do without it, which shows that it acts."""
    raw = scenario.model_dump(mode="python", by_alias=True, exclude_unset=True)
    *parents, last = path.split(".")
    node = raw
    for key in parents:
        node = node[key]
    if parents == ["policy", "steps"] and last in node:
        node[last] = {**node[last], "probability": 0.0}
    elif value is None:
        del node[last]
    else:
        node[last] = value
    try:
        other = Scenario.model_validate(raw)
    except (ValidationError, SimError):
        return None
    return None if problems(other, most=1, dropped=_dropped(scenario)) else other


def _dropped(scenario: Scenario) -> list[str]:
    """Providers of the base that a scenario does without."""
    known = [path.split(".")[1] for path in scenario.overridden if path.startswith("providers.")]
    return [name for name in known if name not in scenario.providers]


def in_play(scenario: Scenario) -> frozenset[str]:
    """Names of the inputs that belong to something which the scenario can bring about."""
    found = states(scenario)
    possible = [found[index] for index in sorted(reachable(scenario))]
    stops = _unreachable_prefixes(scenario, possible)
    return frozenset(item.name for item in inputs(scenario) if not item.name.startswith(stops))


def _unreachable_prefixes(scenario: Scenario, possible: Sequence[State]) -> tuple[str, ...]:
    """Beginnings of the names of inputs that play no part in any state that is possible."""
    owned = [state for state in possible if allows_owned(state)]
    unlocks = any(state.levers.partner_unlock != possible[0].levers.partner_unlock for state in possible)
    hands_over = bool(owned) and any(state.levers.transfers_sites for state in possible)
    migrates = any(not state.levers.capped for state in owned)
    admitted = {name: any(allows_owned(state, name) for state in owned) for name in scenario.foreign}
    conditions = {
        "capacity.": bool(owned),
        "entry.": bool(owned),
        "regulator.": bool(owned),
        "technology.owned_spillover": bool(owned),
        "economics.technology_royalty": bool(owned),
        "entry.hurdle": any(_uses_common_hurdle(scenario, name) for name in scenario.foreign if admitted[name]),
        "opening.ramp": bool(owned) or unlocks,
        "opening.layer_factor.": bool(owned) or unlocks,
        "migration.rate": migrates,
        "migration.consent_loss": migrates or hands_over,
        "zone.reading": any(state.levers.reach == "zone" for state in owned),
        "zone.cap": any(state.levers.capped for state in owned),
        "economics.transfer_price": hands_over,
    }
    stops = [prefix for prefix, holds in conditions.items() if not holds]
    own = [prefix for name in scenario.providers for prefix in _unused_terms(scenario, name, admitted.get(name, False))]
    return (
        *stops,
        *own,
        *_without_sites(scenario, owned),
        *_unused_levers(scenario, possible),
        *_impossible_steps(scenario),
    )


def _without_sites(scenario: Scenario, owned: Sequence[State]) -> Iterator[str]:
    """Spillover from own sites of layers in which there can be none."""
    for layer in scenario.market.layers:
        if not any(layer in state.levers.owned_layers for state in owned):
            yield f"market.layers.{layer}.technology.owned_spillover"


def _uses_common_hurdle(scenario: Scenario, name: str) -> bool:
    terms = scenario.entry_of(name)
    return terms.rule == "profit" and terms.hurdle == "entry.hurdle"


def _unused_terms(scenario: Scenario, name: str, admitted: bool) -> Iterator[str]:
    """Beginnings of the inputs of one provider that play no part: it is admitted nowhere, or cannot come."""
    entry, arrives = f"providers.{name}.entry.", f"providers.{name}.arrives."
    if not admitted:
        yield from (entry, f"regulator.review_time[{name}]", f"entry.build_time[{name}]")
    elif scenario.entry_of(name).rule != "profit":
        yield f"{entry}hurdle"
    if scenario.providers[name].arrives is not None and not _can_arrive(scenario, name, admitted):
        yield arrives


def _can_arrive(scenario: Scenario, name: str, admitted: bool) -> bool:
    """Whether an entrant can be there within the horizon."""
    arrives = scenario.providers[name].arrives
    assert arrives is not None
    if arrives.after == LAUNCH:
        return admitted and scenario.entry_of(name).rule != "never"
    if arrives.after is not None:
        return earliest_dates(scenario)[arrives.after] < NEVER
    return arrives.when is not None and decimal_year(arrives.when) < scenario.horizon.end_year + 1


def _unused_levers(scenario: Scenario, possible: Sequence[State]) -> Iterable[str]:
    """Records of levers that no possible state reads."""
    used = {
        path
        for state in possible
        for name, path in state.paths.items()
        if name != "owned_unlock" or allows_owned(state)
    }
    for item in inputs(scenario):
        is_lever = item.path.startswith("regimes.") or ".change." in item.path
        if is_lever and item.path not in used:
            yield item.name


def _impossible_steps(scenario: Scenario) -> Iterable[str]:
    """Beginnings of the inputs of steps that cannot happen within the horizon."""
    for step, date in earliest_dates(scenario).items():
        if date >= scenario.horizon.end_year + 1:
            yield f"policy.steps.{step}."
