"""Every number of a study with its source, date and grade."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from sim.scenario.inputs import Input, inputs
from sim.scenario.scenario import Scenario
from sim.wording import capital, listed

__all__ = ["Assumption", "assumptions"]

_WEB: Final = re.compile(r"(https?://)?[a-z0-9][-a-z0-9.]*\.[a-z]{2,}(/\S*)?", re.IGNORECASE)
"""An address that a browser opens; others are ids of documents."""


class Assumption(NamedTuple):
    """One number, as some scenarios have it."""

    path: str
    title: str
    value: str
    unit: str
    source: str
    address: str
    as_of: str
    grade: str
    note: str
    scenarios: str


def assumptions(scenarios: Sequence[Scenario]) -> tuple[Assumption, ...]:
    """The numbers that the engine reads, in the order of the model, one for each way in which scenarios have it.

    Parameters
    ----------
    scenarios : sequence of Scenario
    """
    holders: dict[str, dict[str, tuple[Input, list[Scenario]]]] = {}
    for scenario in scenarios:
        for path, item in {item.path: item for item in inputs(scenario)}.items():
            known = holders.setdefault(path, {})
            known.setdefault(item.record.model_dump_json(), (item, []))[1].append(scenario)
    return tuple(
        _assumption(item, some, len(some) == len(scenarios))
        for versions in holders.values()
        for item, some in versions.values()
    )


def _assumption(item: Input, holders: Sequence[Scenario], is_of_all: bool) -> Assumption:
    record = item.record
    source = holders[0].sources.get(record.source)
    title = record.source if source is None else f"{source.title} ({source.published})"
    address = "" if source is None or source.address is None else _web(source.address)
    day = str(record.as_of or ("" if source is None else source.published))
    whose = "" if is_of_all else listed([scenario.title for scenario in holders])
    return Assumption(
        item.path,
        capital(item.title),
        record.described(),
        record.unit,
        title,
        address,
        day,
        record.grade,
        record.note or "",
        whose,
    )


def _web(address: str) -> str:
    """An address with its protocol; empty where no browser opens it."""
    found = _WEB.fullmatch(address)
    if found is None:
        return ""
    return address if found[1] else f"https://{address}"
