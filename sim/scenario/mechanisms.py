"""What a scenario may leave out because it has no part in the case, what that means, and what asks for it.

A section or a number that is left out switches a mechanism off: the engine reads 0 where it reads it at all, and 1 of
what multiplies. What the rest of the scenario has a use for is not off but forgotten, and is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.scenario.inputs import PER_PROVIDER, inputs, scale
from sim.scenario.policy import BUILD, State, allows_owned, modes_allowed, state_of, states
from sim.scenario.scenario import Scenario
from sim.wording import listed

__all__ = [
    "Lack",
    "absent_values",
    "lacks",
    "left_out",
    "left_out_in_words",
    "medians",
    "with_what_the_other_has",
]

_MEANING: Final[Mapping[str, str]] = {
    "market.volatility": "growth follows its trend",
    "market.step_rate": "no crises",
    "demand.conduct": "prices do not follow rivals'",
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
    "economics.technology_royalty": "own sites pay no royalties",
    "economics.royalty_withholding": "no withholding tax on royalties",
    "economics.royalty_vat": "no VAT on royalties",
    "economics.profit_tax": "profits are not taxed",
    "economics.dividend_withholding": "no withholding tax on dividends",
    "economics.terminal_growth": "no growth after the last year",
}
"""What it means that a section, or a number of one that is there, is left out."""

_READ: Final = (
    *("technology.catch_up", "technology.spillover", "technology.owned_spillover", "closure.drift"),
    *("migration.rate", "migration.consent_loss", "capacity.expansion_lead", "capacity.planning_years"),
    *("regulator.review_time", "entry.build_time", "economics.transfer_price"),
    *(f"market.{name}" for name in ("volatility", "growth_reversion", "level_reversion", "step_rate", "step_size")),
    *("demand.conduct", "economics.technology_royalty", "economics.royalty_withholding", "economics.royalty_vat"),
    *("economics.profit_tax", "economics.dividend_withholding", "economics.terminal_growth"),
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
    """What every number counts for that is left out and that the engine reads all the same, (N,) each, by name."""
    paths = [path for path in _READ if _at(scenario, path) is None]
    names = chain.from_iterable(
        [f"{path}[{name}]" for name in scenario.foreign] if path in PER_PROVIDER else [path] for path in paths
    )
    ones = (path for path in _multiples(scenario) if _at(scenario, path) is None)
    return {name: np.zeros(draws) for name in names} | {path: np.ones(draws) for path in ones}


def _multiples(scenario: Scenario) -> dict[str, str]:
    """Numbers that multiply, and what it means that one is left out; of a weight nothing, since it stands alone."""
    first = scenario.opening.layer
    same = f"control is worth what it is in {scenario.called(first)}"
    return {
        **{f"segments.{name}.weight": "" for name in scenario.segments},
        **{f"segments.{name}.foreign_propensity": "customers lean to nobody" for name in scenario.segments},
        **{f"opening.layer_factor.{name}": "" if name == first else same for name in scenario.market.layers},
    }


def medians(scenario: Scenario) -> dict[str, float]:
    """The median of every number that the engine reads by path, in canonical units, and what absent ones count for."""
    items, absent = inputs(scenario), absent_values(scenario, 1)
    stated = {item.path: item.record.middle() * scale(scenario, item.dimension, item.record.unit) for item in items}
    return {path: float(value[0]) for path, value in absent.items()} | stated


def left_out(scenario: Scenario) -> dict[str, str]:
    """What a scenario leaves out, by path, and what that means."""
    absent = [path for path in _MEANING if _at(scenario, path) is None]
    sections = {path: _MEANING[path] for path in absent if path.partition(".")[0] not in absent or "." not in path}
    ones = {path: means for path, means in _multiples(scenario).items() if means and _at(scenario, path) is None}
    return sections | ones


def _without_quota(scenario: Scenario) -> dict[str, str]:
    """Regimes of the calendar under which somebody may apply, and that do not say how many are approved a year."""
    if scenario.regulator is None:
        return {}
    candidates = [name for name in scenario.foreign if name not in scenario.sited]
    asked = {
        state.paths["yearly_quota"]: scenario.regimes[state.regime]
        for state in states(scenario)
        if any(tuple(modes_allowed(scenario, state, name)) for name in candidates)
    }
    unsaid = [path for path, regime in asked.items() if "yearly_quota" not in regime.model_fields_set]
    return {path: "approvals have no limit" for path in unsaid if path.startswith("regimes.")}


def left_out_in_words(scenario: Scenario) -> str:
    """What a consistent scenario leaves out, in one line: paths of one meaning together; empty for nothing."""
    paths: dict[str, list[str]] = {}
    for path, means in {**left_out(scenario), **_without_quota(scenario)}.items():
        paths.setdefault(means, []).append(path)
    return ", ".join(f"{listed(of)} ({means})" for means, of in paths.items())


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
    found: Any = scenario
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else getattr(found, key)
        if found is None:
            return None
    return found


def lacks(scenario: Scenario) -> Iterator[Lack]:
    """What a scenario leaves out and has a use for; one finding for each thing that is missing."""
    found = (*states(scenario), *(state_of(scenario, name) for name in scenario.regimes))
    asked = dict[str, Lack]()
    of_states = chain(_of_zones(found), _of_entry(scenario, found), _of_sites(scenario, found))
    for lack in chain(of_states, _of_luck(scenario), _of_weights(scenario)):
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


def _of_weights(scenario: Scenario) -> Iterator[Lack]:
    """Where a layer has several segments each has its part of it."""
    layers = [segment.layer for segment in scenario.segments.values()]
    for name, segment in scenario.segments.items():
        if layers.count(segment.layer) > 1:
            yield Lack(f"segments.{name}", f"segments.{name}.weight", f"'{segment.layer}' has several segments")
