"""The mapping file: what a name of the record is in the names of a scenario. Nothing else maps one to the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sim.belief.record import Observation
from sim.dates.timeline import event_names
from sim.errors import Problem, choices, shown
from sim.reading.documents import Node, read
from sim.reading.validation import refuse
from sim.scenario.scenario import Scenario

__all__ = ["GROUPS", "TOTAL", "Names", "read_names"]

TOTAL: Final = "total"
"""The scope of all layers."""

GROUPS: Final = ("foreign", "domestic")
"""Items that are providers together."""


@dataclass(frozen=True)
class Names:
    """What names of the record are in the names of the scenario.

    Attributes
    ----------
    scopes : mapping of str to tuple of str
        Scope to the layers whose sum it is.
    items : mapping of str to tuple of str
        Item to the providers whose sum it is, or to one regime.
    events : mapping of str to str
        Event to a step, or to an event of a provider such as `<provider>.launch`, as `event_names` has them.
    """

    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)


def read_names(file: Path, record: Sequence[Observation], scenario: Scenario) -> Names:
    """What names of the record mean, from a YAML file with `scopes`, `items` and `events`.

    Parameters
    ----------
    file : Path
        For instance `scopes: {goods: [cars, vans]}`, `items: {both: [first, second]}`,
        `events: {opening: pilot_effective}`.
    record : sequence of Observation
        A name must stand in it, and mean nothing in the scenario by itself.
    scenario : Scenario

    Raises
    ------
    ScenarioError
        With all problems and their places.
    """
    top = read(file)
    refuse(_names_problems(top, record, scenario))
    plain = {section: _targets(node) for section, node in top.entries.items()}
    events = {name: targets[0] for name, targets in plain.get("events", {}).items()}
    return Names(plain.get("scopes", {}), plain.get("items", {}), events)


def _targets(section: Node) -> dict[str, tuple[str, ...]]:
    return {name: tuple(str(one.value) for one in _listed(node)) for name, node in section.entries.items()}


def _listed(node: Node) -> tuple[Node, ...]:
    """The items of a list, or a single value as a list of one."""
    return node.value if isinstance(node.value, tuple) else (node,)


def _names_problems(top: Node, record: Sequence[Observation], scenario: Scenario) -> Iterator[Problem]:
    used, known = _used(record), _known(scenario)
    for section, node in top.entries.items():
        if section not in known:
            yield node.place.problem(section, f"unknown key {choices(section, tuple(known))}")
        elif not isinstance(node.value, Mapping):
            yield node.place.problem(section, f"must be a mapping of names (found {shown(node.plain())})")
        else:
            for name, target in node.entries.items():
                path = f"{section}.{name}"
                if name not in used[section]:
                    yield target.place.problem(path, f"stands nowhere in the record {choices(name, used[section])}")
                elif name in known[section]:
                    yield target.place.problem(path, "the scenario has this name already; a mapping may not change it")
                yield from _target_problems(path, target, section, known[section])


def _target_problems(path: str, node: Node, section: str, allowed: Collection[str]) -> Iterator[Problem]:
    found = [one.value for one in _listed(node)]
    if not found or (section == "events" and len(found) > 1):
        wanted = "one event" if section == "events" else "at least one name"
        yield node.place.problem(path, f"must be {wanted} of the scenario (found {shown(node.plain())})")
    for one in _listed(node):
        if one.value not in allowed:
            yield one.place.problem(path, f"the scenario has no such name {choices(one.plain(), allowed)}")
    if len(set(map(str, found))) < len(found):
        yield node.place.problem(path, "a name stands twice in the sum")


def _used(record: Sequence[Observation]) -> dict[str, tuple[str, ...]]:
    """Names in the record by section of the mapping file."""
    return {
        "scopes": tuple(dict.fromkeys(row.scope for row in record if row.scope)),
        "items": tuple(dict.fromkeys(row.item for row in record if row.item and row.variable != "event")),
        "events": tuple(dict.fromkeys(row.item for row in record if row.variable == "event")),
    }


def _known(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Names of the scenario by section of the mapping file."""
    return {
        "scopes": (*scenario.market.layers, TOTAL),
        "items": (*scenario.domestic, *scenario.foreign, *scenario.regimes, *GROUPS),
        "events": tuple(event_names(scenario)),
    }
