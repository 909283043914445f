"""A posterior on disk: whole worlds as named columns, and what they were learned from.

A run takes row n in place of what it would draw for draw n, the same for every scenario of a study. What a scenario has
and the file lacks, or has under another record than the one that it was learned under, keeps its prior column.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.belief.possible import impossible, unlike_its_manifest
from sim.chance.worlds import MARKET, STEPS, Columns, event_columns, normal_paths, rare_paths, tail_columns
from sim.disk import file_hash
from sim.errors import Problem, ScenarioError, shown
from sim.outcomes.columns import read_columns, save_columns
from sim.scenario.inputs import Input, inputs
from sim.scenario.money import is_amount
from sim.scenario.records import Record
from sim.scenario.scenario import Learned, Scenario

__all__ = [
    "POSTERIOR_FILE",
    "Posterior",
    "falls_back",
    "learned_from",
    "read_posterior",
    "records_of",
    "save_posterior",
    "told",
]

POSTERIOR_FILE: Final = "posterior.nc"

_EVIDENCE: Final = {"source", "as_of", "grade", "note", "fallback"}
"""What a record says beside its distribution."""

_MOST_NAMED: Final = 6

_HASH: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Posterior:
    """What a file holds.

    Attributes
    ----------
    path : str
        As the user gave it.
    hash : str
        SHA-256 of the file.
    columns : mapping of arrays (N,) or (K, N)
        By name: inputs in canonical units, uniforms of events, components of paths of shocks.
    records : mapping of str to str
        Input or event to the hash of the record that it was learned under.
    setting : mapping
        Horizon and named providers: what a run must have in common.
    """

    path: str
    hash: str
    columns: Mapping[str, FloatArray]
    records: Mapping[str, str]
    setting: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """Number of rows, N."""
        return int(next(iter(self.columns.values())).shape[-1])


def save_posterior(path: Path, scenario: Scenario, columns: Columns, document: Mapping[str, Any]) -> None:
    """Write a posterior.

    Parameters
    ----------
    path : Path
    scenario : Scenario
        What the columns were learned under.
    columns : Columns
    document : mapping
        What else a reader should know of them.
    """
    groups = {"inputs": columns.inputs, "events": columns.events, "shocks": columns.shocks}
    own = {"records": records_of(scenario), "setting": _setting(scenario)}
    save_columns(path, {name: group for name, group in groups.items() if group}, {**document, **own})


def read_posterior(path: Path) -> Posterior:
    """Read a posterior.

    Raises
    ------
    ScenarioError
        The file is missing, damaged, no posterior, or not the one that its manifest describes.
    """
    groups, document = read_columns(path)
    changed = unlike_its_manifest(path)
    if changed is not None:
        raise ScenarioError([Problem(str(path), 0, 0, "", changed)])
    columns = {name: values for group in groups.values() for name, values in group.items()}
    posterior = Posterior(str(path), file_hash(path), columns, *_parts(path, document))
    lost = [name for name in posterior.records if name not in columns]
    if lost:
        raise _no_posterior(path, f"{len(lost)} of its records have no column, {shown(lost[0])} first")
    if not columns or not posterior.rows or posterior.rows % DRAWS_PER_SCRAMBLE:
        found = f"{posterior.rows} rows" if columns else "no columns"
        raise _no_posterior(path, f"its rows are no multiple of {DRAWS_PER_SCRAMBLE} (found {found})")
    return posterior


def _parts(path: Path, document: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The records and the setting that the document of a file states."""
    for key in ("records", "setting"):
        if not isinstance(document.get(key), dict):
            found = f"found {shown(document[key])}" if key in document else "missing"
            raise _no_posterior(path, f"'{key}' of its document must be an object ({found})")
    for name, record in document["records"].items():
        if not (isinstance(record, str) and _HASH.fullmatch(record)):
            raise _no_posterior(path, f"the record of {shown(name)} must be a hash (found {shown(record)})")
    return document["records"], document["setting"]


def _no_posterior(path: Path, why: str) -> ScenarioError:
    return ScenarioError([Problem(str(path), 0, 0, "", f"no posterior of this program: {why}")])


def learned_from(posterior: Posterior, scenario: Scenario) -> Scenario:
    """The scenario whose draws are the rows of a posterior, as far as it has them.

    Raises
    ------
    ScenarioError
        Horizon or providers are others than those of the posterior, or one of its rows is no world.
    """
    problems = list(_misfits(posterior, scenario))
    problems += [Problem(posterior.path, 0, 0, "", message) for message in impossible(posterior.columns, scenario)]
    if problems:
        raise ScenarioError(problems)
    left_out = {name for name, _ in falls_back(posterior, scenario)}
    columns = {name: values for name, values in posterior.columns.items() if name not in left_out}
    return scenario.learning(Learned(columns), posterior.hash)


def falls_back(posterior: Posterior, scenario: Scenario) -> list[tuple[str, str]]:
    """Inputs and events that keep their prior columns, each with the reason; what is fixed in both is no matter."""
    found = []
    for name, record in records_of(scenario).items():
        if name not in posterior.records or name not in posterior.columns:
            found.append((name, "not in the posterior"))
        elif posterior.records[name] != record:
            found.append((name, "another record than it was learned under"))
    return found


def told(posterior: Posterior, scenarios: Sequence[Scenario]) -> tuple[str, ...]:
    """What a reader of a run should know: where its draws are from, and what keeps its prior column."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for scenario in scenarios:
        for name, reason in falls_back(posterior, scenario):
            reasons.setdefault(reason, {}).setdefault(name, []).append(scenario.name)
    lines = [
        f"prior columns, {reason}: "
        + ", ".join(
            name if len(where) == len(scenarios) else f"{name} ({', '.join(where)})" for name, where in found.items()
        )
        for reason, found in reasons.items()
    ]
    rows = (
        f"draws are rows of the posterior {posterior.hash[:8]}; each {DRAWS_PER_SCRAMBLE} are from a calibration of "
        "their own, and standard errors are the spread over these"
    )
    return (rows, *lines)


def _setting(scenario: Scenario) -> dict[str, Any]:
    horizon = scenario.horizon
    return {
        "base year": horizon.base_year,
        "end year": horizon.end_year,
        "months of a period": horizon.period_months,
        "paths of shocks": sorted({*normal_paths(scenario), *rare_paths(scenario)} - {MARKET, STEPS}),
    }


def _misfits(posterior: Posterior, scenario: Scenario) -> Iterator[Problem]:
    for key, value in _setting(scenario).items():
        learned = posterior.setting.get(key)
        if learned != value:
            message = (
                f"the posterior was learned with another {key} than {scenario.name} has ({_unlike(learned, value)})"
            )
            yield Problem(posterior.path, 0, 0, "", message)


def _unlike(learned: Any, value: Any) -> str:
    """In what two parts of a setting differ."""
    if isinstance(learned, list) and isinstance(value, list):
        names = sorted(set(map(str, learned)) ^ set(value))
        return f"in {', '.join(map(shown, names[:_MOST_NAMED]))}{' and more' if len(names) > _MOST_NAMED else ''}"
    return f"{shown(learned)} against {shown(value)}"


def records_of(scenario: Scenario) -> dict[str, str]:
    """Every input and event to the hash of what decides its distribution, evidence aside."""
    records = {item.name: [item.dimension, _numbers(item.record), _rate(scenario, item)] for item in inputs(scenario)}
    tails = dict.fromkeys(tail_columns(scenario), "exponential")
    events = {name: _event(scenario, name) for name in event_columns(scenario) if name not in tails}
    return {name: _hash(content) for name, content in {**records, **events, **tails}.items()}


def _event(scenario: Scenario, name: str) -> Any:
    """What decides the distribution of an event: its step, or nothing where it is the order of a provider."""
    step = scenario.policy.steps.get(name.partition(".")[2]) if not name.startswith("order.") else None
    return step and step.model_dump(mode="json")


def _rate(scenario: Scenario, item: Input) -> Any:
    """What the currency of an input is worth, where it is not the scenario's."""
    if item.dimension != "money":
        return None
    other = scenario.exchange_rates.get(item.record.unit.partition(" ")[0])
    if not is_amount(item.record.unit, "/yr"):
        other = scenario.market.price
    return None if other is None else _numbers(other)


def _numbers(record: Record) -> Any:
    """A record without its evidence, at any depth."""

    def plain(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: plain(value) for key, value in node.items() if key not in _EVIDENCE}
        return [plain(value) for value in node] if isinstance(node, list) else node

    return plain(record.model_dump(mode="json"))


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
