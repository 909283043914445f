"""Silence is a fault: which inputs and which overrides of a study move nothing.

An uncertain input is redrawn alone, on a few draws, and every outcome is held against the plain run; an
override is taken back to what the base file states. Inputs that belong to something no scenario of the study
can bring about are not in play, which is no fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from pydantic import ValidationError

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, join_draws
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds, moves_shocks, same_worlds
from sim.errors import SimError
from sim.model.engine import draws_at_once, simulate
from sim.outcomes.panels import Result
from sim.reading.consistency import problems
from sim.scenario.changes import stated_changes
from sim.scenario.families import Discrete
from sim.scenario.inputs import inputs, titles
from sim.scenario.policy import (
    BUILD,
    BUY_OUT,
    NEVER,
    State,
    allows_owned,
    decimal_year,
    earliest_dates,
    may_come,
    modes_allowed,
    reachable,
    states,
)
from sim.scenario.providers import LAUNCH
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.wording import listed

__all__ = ["Audit", "audit", "in_play"]

Outcomes: TypeAlias = Mapping[str, FloatArray]

_FEW: Final = 8
"""Draws of the first look, in which most inputs move something."""

_MORE: Final = 64

_MOST_SCRAMBLES: Final = 16
"""What has moved nothing in 8,192 draws is called dead, however many the study has."""

_BACK: Final = 128
"""Draws on which an override is taken back, if the first few show nothing."""

_TOLD: Final = 5
"""Inputs that a line names; what each provider has of its own counts once."""

_ECHOES: Final = ("opening_hypothesis", "zone_reading")
"""Outcomes that repeat an input: that they move proves nothing."""

_BESIDE_SITES: Final = ("partner_unlock", "cross_border", "cross_border_unlock")
_OF_SITES: Final = ("owned_unlock", "owned_layers", "reach", "eligible")
"""Levers by which a step opens or closes what providers have already, without own sites and with them."""


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
    words : mapping of str to str
        Paths of inputs, and names of providers and scenarios, as people read them; where there are none, as they are.
    """

    dead: tuple[str, ...]
    idle: tuple[tuple[str, str], ...]
    out_of_play: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)

    def faults(self) -> tuple[str, ...]:
        """What should have moved an outcome and did not, one by one and by its path."""
        found = [f"moves nothing: {name} (redrawn alone, no outcome of any scenario changes)" for name in self.dead]
        found += [
            f"moves nothing: {path} in {name} (with the base's value, all is the same)" for name, path in self.idle
        ]
        return tuple(found)

    def lines(self) -> tuple[str, ...]:
        """All findings in words, a line a kind and a scenario."""
        lines = []
        if self.dead:
            lines.append(f"moves nothing: {self._named(self.dead)} (redrawn alone, no outcome of any scenario changes)")
        for scenario in dict.fromkeys(name for name, _ in self.idle):
            paths = self._named([path for name, path in self.idle if name == scenario])
            where = self.words.get(scenario, scenario)
            lines.append(f"moves nothing: {paths} in {where} (with the base's value, all is the same)")
        if self.out_of_play:
            lines.append(f"not in play in this study: {self._named(self.out_of_play)}")
        return tuple(lines)

    def _named(self, names: Sequence[str]) -> str:
        """Inputs by their titles: what each provider has of its own once, and of many the first few."""
        owners: dict[str, list[str]] = {}
        for name in names:
            path, _, owner = name.rstrip("]").partition("[")
            owners.setdefault(path, []).extend([self.words.get(owner, owner)] if owner else [])
        parts = [self.words.get(path, path) + _whose(own) for path, own in owners.items()]
        rest = len(parts) - _TOLD
        return listed(parts if rest <= 0 else [*parts[:_TOLD], f"{rest} more"])


def _whose(owners: Sequence[str]) -> str:
    """Of whom an input is, in brackets; of many how many."""
    if not owners:
        return ""
    return f" ({listed(owners) if len(owners) <= 2 else f'{len(owners)} providers'})"


def audit(scenarios: Sequence[Scenario], results: Sequence[Result] = ()) -> Audit:
    """Look for inputs and overrides that move nothing.

    Parameters
    ----------
    scenarios : sequence of Scenario
        A study, on shared draws.
    results : sequence of Result, optional
        What they gave: who never applies there is not waited for in draw after draw.

    Returns
    -------
    Audit
    """
    scenarios = [scenario.learning(None, None) for scenario in scenarios]  # what moves is the model's affair
    uncertain = [item.name for scenario in scenarios for item in inputs(scenario) if not _is_sure(item.record)]
    names = list(dict.fromkeys(uncertain))
    played = {scenario.name: in_play(scenario) for scenario in scenarios}
    idle = {result.name: _never_asked(result) for result in results}
    live: set[str] = set()
    trials = _Trials()
    for scramble, draws in _looks(scenarios[0].sampling.draws):
        # The last scenario first: by custom the widest opening, in which the most inputs move.
        for scenario in reversed(scenarios):
            left = played[scenario.name] - live - idle.get(scenario.name, set())
            asked = [name for name in names if name in left]
            live |= trials.moving(scenario, asked, scramble, draws) if asked else set()
    everywhere = set().union(*played.values())
    return Audit(
        dead=tuple(name for name in names if name in everywhere and name not in live),
        idle=tuple((one.name, path) for one in scenarios for path in one.overridden if _is_idle(one, path, trials)),
        out_of_play=tuple(name for name in names if name not in everywhere),
        words={name: text for scenario in reversed(scenarios) for name, text in _words(scenario).items()},
    )


def _never_asked(result: Result) -> set[str]:
    """Names of the times that nobody waits for in any draw: of who never applies, or never has a place to build on."""
    if "event_date" not in result.panels:
        return set()
    panel, asks = result.panels["event_date"], {"regulator.review_time": "apply", "entry.build_time": "site"}
    return {
        f"{path}[{name}]"
        for path, event in asks.items()
        for name in result.scenario.foreign
        if np.isnan(panel.column(panel.years[0], "", f"{name}.{event}")).all()
    }


def _words(scenario: Scenario) -> dict[str, str]:
    """What a scenario, its inputs and its providers are called."""
    providers = {name: provider.short_title for name, provider in scenario.providers.items()}
    return {**titles(scenario), **providers, scenario.name: scenario.title}


def _is_sure(record: Record) -> bool:
    """Whether there is only one value that a number can have."""
    return record.is_fixed or (
        isinstance(record, Discrete) and sum(weight > 0 for weight in record.discrete.values()) == 1
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
        """Those of the inputs that move an outcome when redrawn alone.

        On the first few draws, where most do, each is redrawn alone at once; on more all that are left are redrawn
        together, and parted in two as long as something moves.
        """
        worlds = self._worlds(scenario, scramble)
        plain = next(_run(scenario, [worlds.take(slice(draws))], draws))
        if draws == _FEW:
            # A copy, which does not hold the whole block in memory.
            self._plain[scenario.name] = {name: values.copy() for name, values in plain.items()}
        groups = [[name] for name in names] if draws == _FEW else [list(names)]
        found: set[str] = set()
        while groups:
            redrawn = (_redrawn(scenario, worlds, group, scramble, draws) for group in groups)
            outcomes = zip(groups, _run(scenario, redrawn, draws), strict=True)
            moving = [group for group, other in outcomes if _differ(plain, other)]
            found.update(group[0] for group in moving if len(group) == 1)
            groups = [half for group in moving if len(group) > 1 for half in _halves(group)]
        return found

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


def _halves(group: Sequence[str]) -> tuple[list[str], list[str]]:
    middle = len(group) // 2
    return list(group[:middle]), list(group[middle:])


def _redrawn(scenario: Scenario, worlds: Worlds, names: Sequence[str], scramble: int, draws: int) -> Worlds:
    """The first worlds of a scramble with some inputs taken from the neighbouring draw."""
    shocks = {name: np.roll(worlds.inputs[name], 1) for name in names if moves_shocks(name)}
    if shocks:
        worlds = draw_worlds(scenario, range(scramble, scramble + 1), replaced=shocks)
    few = worlds.take(slice(draws))
    for name in names:
        if name not in shocks:
            few = few.replace_input(name, np.roll(few.inputs[name], 1))
    return few


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
    idle = {change.by for change in stated_changes(scenario) if change.path.startswith(stops)}
    return frozenset(
        item.name for item in inputs(scenario) if not item.name.startswith(stops) and item.name not in idle
    )


def _unreachable_prefixes(scenario: Scenario, possible: Sequence[State]) -> tuple[str, ...]:
    """Beginnings of the names of inputs that play no part in any state that is possible."""
    ways = {name: _ways(scenario, possible, name) for name in scenario.foreign}
    goes = any(ways.values())
    own = [prefix for name in scenario.providers for prefix in _unused_terms(scenario, name, ways.get(name, set()))]
    return (
        *(prefix for prefix, holds in _conditions(scenario, possible, goes=goes).items() if not holds),
        *(() if any(way and _uses_common_hurdle(scenario, name) for name, way in ways.items()) else ("entry.hurdle",)),
        *own,
        *_without_sites(scenario, [state for state in possible if allows_owned(state)]),
        *_unused_levers(scenario, possible, {way for own in ways.values() for way in own}),
        *_impossible_steps(scenario),
    )


def _conditions(scenario: Scenario, possible: Sequence[State], *, goes: bool) -> Mapping[str, bool]:
    """Beginnings of names, and whether something is possible that they belong to; `goes`: somebody may enter."""
    owned = [state for state in possible if allows_owned(state)]
    hands_over = bool(owned) and any(state.levers.transfers_sites for state in possible)
    migrates = any(not state.levers.capped for state in owned)
    opens = goes or _moves(possible, _BESIDE_SITES) or (bool(owned) and _moves(possible, _OF_SITES))
    return {
        "capacity.": bool(owned),
        "entry.": goes,
        "regulator.": goes,
        "technology.owned_spillover": bool(owned),
        "economics.technology_royalty": bool(owned),
        "opening.ramp": opens,
        "opening.layer_factor.": opens,
        "migration.rate": migrates,
        "migration.consent_loss": migrates or hands_over,
        "zone.reading": any(state.levers.reach == "zone" for state in owned),
        "zone.cap": any(state.levers.capped for state in owned),
        "economics.transfer_price": hands_over,
    }


def _moves(possible: Sequence[State], levers: Sequence[str]) -> bool:
    """Whether some of the levers differ between states."""
    return any(
        getattr(state.levers, name) != getattr(possible[0].levers, name) for state in possible for name in levers
    )


def _ways(scenario: Scenario, possible: Sequence[State], name: str) -> set[int]:
    """Modes in which a provider may enter in some state that is possible, and before the horizon ends.

    None of one that has sites in the base year already, or whose own terms say that it never does.
    """
    own = scenario.providers[name].entry
    if name in scenario.sited or not may_come(scenario, name) or (own is not None and own.rule == "never"):
        return set()
    return {mode for state in possible for mode in modes_allowed(scenario, state, name)}


def _without_sites(scenario: Scenario, owned: Sequence[State]) -> Iterator[str]:
    """Spillover from own sites of layers in which there can be none."""
    for layer in scenario.market.layers:
        if not any(layer in state.levers.owned_layers for state in owned):
            yield f"market.layers.{layer}.technology.owned_spillover"


def _uses_common_hurdle(scenario: Scenario, name: str) -> bool:
    terms = scenario.entry_of(name)
    return terms.rule == "profit" and terms.hurdle == "entry.hurdle"


def _unused_terms(scenario: Scenario, name: str, ways: set[int]) -> Iterator[str]:
    """Beginnings of the inputs of one provider that play no part: it is admitted nowhere, or cannot come."""
    entry, arrives = f"providers.{name}.entry.", f"providers.{name}.arrives."
    if not ways:
        yield from (entry, f"regulator.review_time[{name}]")
    elif scenario.entry_of(name).rule != "profit":
        yield f"{entry}hurdle"
    if BUILD not in ways:
        yield f"entry.build_time[{name}]"
        if name not in scenario.sited:
            yield f"providers.{name}.economics.technology_royalty"
    if BUY_OUT not in ways:
        yield f"providers.{name}.economics.buy_out_price"
    if scenario.providers[name].arrives is not None and not _can_arrive(scenario, name, BUILD in ways):
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


def _unused_levers(scenario: Scenario, possible: Sequence[State], ways: set[int]) -> Iterable[str]:
    """Records of levers that no possible state reads, and the price of a partner whom nobody may buy."""
    bought = ("equity_cap", "bought_unlock")
    used = {
        path
        for state in possible
        for name, path in state.paths.items()
        if (name != "owned_unlock" or allows_owned(state)) and (name not in bought or BUY_OUT in ways)
    }
    for item in inputs(scenario):
        is_lever = item.path.startswith("regimes.") or ".change." in item.path
        if is_lever and item.path not in used:
            yield item.name
    if BUY_OUT not in ways:
        yield "economics.buy_out_price"


def _impossible_steps(scenario: Scenario) -> Iterable[str]:
    """Beginnings of the inputs of steps that cannot happen within the horizon."""
    for step, date in earliest_dates(scenario).items():
        if date >= scenario.horizon.end_year + 1:
            yield f"policy.steps.{step}."
