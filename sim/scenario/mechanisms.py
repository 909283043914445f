"""What a scenario may leave out because it has no part in the case, what that means, and what asks for it.

A section or a number that is left out switches a mechanism off: the engine reads 0 where it reads it at all. What the
rest of the scenario has a use for is not off but forgotten, and is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.scenario.inputs import PER_PROVIDER
from sim.scenario.policy import BUILD, State, allows_owned, modes_allowed, state_of, states
from sim.scenario.scenario import Scenario

__all__ = ["Lack", "absent_values", "lacks", "left_out", "with_what_the_other_has"]

_MEANING: Final[Mapping[str, str]] = {
    "technology": "domestic quality stays as it is",
    "technology.catch_up": "domestic quality does not catch up by itself",
    "technology.spillover": "no technology flows to domestic rivals",
    "rivalry": "no luck between rivals",
    "closure": "segments close by steps alone",
    "migration": "nobody is moved to another operator",
    "migration.rate": "no customers move to own sites by themselves",
    "capacity": "nobody has sites of its own",
    "zone": "no regime's reach is a zone",
    "regulator": "nobody applies for anything",
    "entry": "nobody builds or buys a partner out",
}
"""What it means that a section, or a number of one that is there, is left out."""

_READ: Final = (
    *("technology.catch_up", "technology.spillover", "technology.owned_spillover", "closure.drift"),
    *("migration.rate", "migration.consent_loss", "capacity.expansion_lead", "capacity.planning_years"),
    *("regulator.review_time", "entry.build_time", "economics.transfer_price"),
)
"""Numbers that may be left out, and that the engine reads whether or not their mechanism is at work."""

_REACHED: Final = ("zone", "regulator", "capacity", "entry")
_REACHED_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "zone": ("cap",),
    "entry": ("hurdle", "build_time"),
    "technology": ("owned_spillover",),
    "economics": ("transfer_price",),
}
"""Sections, and numbers of others, that move nothing where nothing asks for them."""


class Lack(NamedTuple):
    """Something that is left out and has a part in the case.

    Attributes
    ----------
    by : str
        Path of what asks for it.
    missing : str
        Path of what is missing.
    because : str
        What there is, in words.
    """

    by: str
    missing: str
    because: str


def absent_values(scenario: Scenario, draws: int) -> dict[str, FloatArray]:
    """0 for every number that is left out and that the engine reads all the same, (N,) each, by name."""
    paths = [path for path in _READ if _at(scenario, path) is None]
    names = chain.from_iterable(
        [f"{path}[{name}]" for name in scenario.foreign] if path in PER_PROVIDER else [path] for path in paths
    )
    return {name: np.zeros(draws) for name in names}


def left_out(scenario: Scenario) -> dict[str, str]:
    """What a scenario leaves out, by path, and what that means."""
    absent = [path for path in _MEANING if _at(scenario, path) is None]
    return {path: _MEANING[path] for path in absent if path.partition(".")[0] not in absent or "." not in path}


def with_what_the_other_has(scenario: Scenario, other: Scenario) -> Scenario:
    """The same scenario with what it has no use for and another one has: it moves nothing in it.

    So that rules of the other can be put in force in it.
    """
    update = {key: getattr(other, key) for key in _REACHED if getattr(scenario, key) is None}
    for key, names in _REACHED_IN.items():
        mine, its = getattr(scenario, key), getattr(other, key)
        if mine is not None and its is not None:
            more = {name: getattr(its, name) for name in names if getattr(mine, name) is None}
            update[key] = mine.model_copy(update=more)
    return scenario.model_copy(update=update)


def _at(scenario: Scenario, path: str) -> Any:
    """What stands at a path, None where it or the section is left out."""
    section, _, key = path.partition(".")
    found = getattr(scenario, section)
    return found if found is None or not key else getattr(found, key)


def lacks(scenario: Scenario) -> Iterator[Lack]:
    """What a scenario leaves out and has a use for; one finding for each thing that is missing."""
    found = (*states(scenario), *(state_of(scenario, name) for name in scenario.regimes))
    asked = dict[str, Lack]()
    for lack in chain(_of_zones(found), _of_entry(scenario, found), _of_sites(scenario, found), _of_luck(scenario)):
        if _at(scenario, lack.missing) is None:
            asked.setdefault(lack.missing, lack)
    sections = [missing for missing in asked if "." not in missing]
    yield from (lack for missing, lack in asked.items() if missing in sections or missing.split(".")[0] not in sections)


def _of_zones(found: tuple[State, ...]) -> Iterator[Lack]:
    for state in found:
        if state.levers.reach == "zone":
            yield Lack(state.paths["reach"], "zone", "own sites reach as far as a zone's licence")
        if state.levers.capped:
            yield Lack(state.paths["capped"], "zone", "a zone's cap binds")
            yield Lack(state.paths["capped"], "zone.cap", "a zone's cap binds")


def _of_entry(scenario: Scenario, found: tuple[State, ...]) -> Iterator[Lack]:
    """Who may build or buy out is asked whether it would, is examined, and takes its time."""
    for state in found:
        for name in scenario.foreign:
            modes = tuple(modes_allowed(scenario, state, name)) if name not in scenario.sited else ()
            own = scenario.providers[name].entry
            if not modes or (own is not None and own.rule == "never"):
                continue
            path = state.paths["owned_layers" if BUILD in modes else "equity_cap"]
            may = f"{name} may {'build' if BUILD in modes else 'buy its partner out'}"
            yield Lack(path, "entry", may)
            if scenario.entry is not None and scenario.entry_of(name).rule == "never":
                continue
            yield Lack(path, "regulator", may)
            if BUILD in modes:
                yield Lack(path, "capacity", may)
                yield Lack(path, "entry.build_time", may)
            if scenario.entry_of(name).rule == "profit" and scenario.entry_of(name).hurdle == "entry.hurdle":
                yield Lack(path, "entry.hurdle", f"{may}, for profit")


def _of_sites(scenario: Scenario, found: tuple[State, ...]) -> Iterator[Lack]:
    """What sites take, and what becomes of those that are handed over."""
    if scenario.sited:
        yield Lack("shares", "capacity", f"{scenario.sited[0]} has own sites in the base year")
    owning = [state for state in found if allows_owned(state)]
    if owning and scenario.technology is not None and scenario.technology.spillover is not None:
        yield Lack("technology", "technology.owned_spillover", "technology spills over, and sites may be own")
    for state in found:
        if state.levers.transfers_sites and owning:
            for missing in ("migration", "economics.transfer_price"):
                yield Lack(state.paths["transfers_sites"], missing, "sites are handed to local operators")


def _of_luck(scenario: Scenario) -> Iterator[Lack]:
    for name, layer in scenario.market.layers.items():
        if layer.has_luck:
            yield Lack(f"market.layers.{name}.diffusion.sd", "rivalry", "its luck reverts as that between rivals")
