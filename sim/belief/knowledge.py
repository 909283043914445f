"""What was known on a day: numbers published later give way to their fallbacks, or the forecast is refused.

A forecast that is scored may use nothing that appeared after its cut-off. What is judged, or set by hand, appeared on
the day that the scenario stands for.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sim.errors import ScenarioError
from sim.reading import consistency
from sim.reading.loading import Loaded
from sim.reading.validation import located, steps
from sim.scenario.families import Mixture
from sim.scenario.inputs import inputs, record_numbers
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario

__all__ = ["Replacement", "as_known"]


class Replacement(NamedTuple):
    """A number that was not known yet, and what stands in for it.

    Attributes
    ----------
    path : str
    source, published : str
        Of the number that was put aside.
    value, fallback : str
        Distributions in words, with their units.
    fallback_source : str
    """

    path: str
    source: str
    published: str
    value: str
    fallback: str
    fallback_source: str


def as_known(loaded: Loaded, cutoff: datetime.date) -> tuple[Scenario, tuple[Replacement, ...]]:
    """The scenario as it could have been written on a day.

    Parameters
    ----------
    loaded : Loaded
    cutoff : date
        A source published on this day counts as known.

    Returns
    -------
    Scenario
        With `as_of` the cut-off, and every later number replaced by its fallback.
    tuple of Replacement
        Each of them, in the order of the model.

    Raises
    ------
    ScenarioError
        With the path of every later number that has no fallback, or one that is later too; or if the fallbacks do not
        fit together.
    """
    scenario, problems, replaced = loaded.scenario, [], []
    for path, record in _records(loaded.scenario):
        late = next(_later(record, loaded.scenario, cutoff), None)
        if late is None:
            continue
        remedy = _remedy(record, loaded.scenario, cutoff)
        if remedy or record.fallback is None:
            problems.append(located(loaded.tree, path, f"{_told(late)}, after the cut-off {cutoff}; {remedy}"))
            continue
        scenario = _with(scenario, steps(path), record.fallback)
        replaced.append(_replacement(path, late, record, record.fallback))
    if problems:
        raise ScenarioError(problems)
    scenario = scenario.model_copy(update={"as_of": cutoff})
    wrong = consistency.problems(scenario)
    if wrong:
        raise ScenarioError(located(loaded.tree, path, f"as known on {cutoff}: {message}") for path, message in wrong)
    return scenario, tuple(replaced)


class _Publication(NamedTuple):
    source: str
    published: datetime.date


def _records(scenario: Scenario) -> Iterator[tuple[str, Record]]:
    """Every record by path, those for a record included."""
    yield from {item.path: item.record for item in (*inputs(scenario), *record_numbers(scenario))}.items()


def _later(record: Record, scenario: Scenario, cutoff: datetime.date) -> Iterator[_Publication]:
    """Sources of a record and of its parts that were published after a day."""
    source = scenario.sources.get(record.source)
    published = scenario.as_of if source is None else source.published
    if published > cutoff:
        yield _Publication(record.source, published)
    for part in record.mixture if isinstance(record, Mixture) else ():
        yield from _later(part.of, scenario, cutoff)


def _told(late: _Publication) -> str:
    return f"'{late.source}' was published on {late.published}"


def _remedy(record: Record, scenario: Scenario, cutoff: datetime.date) -> str:
    """What keeps a later number from being replaced; empty if nothing does."""
    if record.fallback is None:
        return "needs a fallback record of what was known then"
    still = next(_later(record.fallback, scenario, cutoff), None)
    return f"its fallback is too late as well: {_told(still)}" if still else ""


def _replacement(path: str, late: _Publication, record: Record, fallback: Record) -> Replacement:
    before, after = (f"{one.described()} {one.unit}" for one in (record, fallback))
    return Replacement(path, late.source, str(late.published), before, after, fallback.source)


def _with(node: Any, path: Sequence[str | int], record: Record) -> Any:
    """A piece of a scenario in which the record at a path is another one."""
    if not path:
        return record
    key = str(path[0])
    if isinstance(node, Mapping):
        return {**node, key: _with(node[key], path[1:], record)}
    return node.model_copy(update={key: _with(getattr(node, key), path[1:], record)})
