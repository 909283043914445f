"""Values from the command line that lie far beyond what the scenario itself holds possible."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from sim.reading.documents import Node
from sim.reading.validation import steps
from sim.scenario.evidence import is_written_unit
from sim.scenario.families import Parameter
from sim.scenario.inputs import Input, canonical_unit, inputs, record_numbers, scale
from sim.scenario.records import Level, Record
from sim.scenario.scenario import Scenario

__all__ = ["extreme_values"]

_ENDS: Final = Level(np.array([0.05, 0.95]), np.array([-1, 1]) * NormalDist().inv_cdf(0.95))

_FAR: Final = 10
"""Times beyond the range: more is rather a slip of units than an opinion."""


def extreme_values(scenario: Scenario, tree: Node, before: Node) -> Iterator[tuple[str, str]]:
    """Values that were set from outside more than ten times beyond the range that stood there before.

    Parameters
    ----------
    scenario : Scenario
    tree, before : Node
        With what was set, and as the files have it.

    Yields
    ------
    tuple of str
        Path, and how far beyond, in the unit in which the engine computes. Zero is beyond nothing, for it switches off;
        below a number that is certain there is no bound.
    """
    for path, item in {item.path: item for item in (*inputs(scenario), *record_numbers(scenario))}.items():
        new, old = tree.at(steps(path)), before.at(steps(path))
        if new is None or old is None or new is old or item.dimension == "category":
            continue
        record = _record(old)
        words = "" if record is None else _beyond(scenario, item, record)
        if words:
            yield path, words


@cache
def _parameter() -> TypeAdapter[Record]:
    """What reads a record of any family; made when it is needed, for that takes its time."""
    return TypeAdapter(Parameter)


def _record(node: Node) -> Record | None:
    """The record that stood at a place, if it was one."""
    try:
        return _parameter().validate_python(node.plain())
    except ValidationError:
        return None


def _beyond(scenario: Scenario, item: Input, old: Record) -> str:
    """How far the value of an input is beyond a record; empty if it is not."""
    if not is_written_unit(item.dimension, old.unit) or (
        item.dimension == "money" and scenario.ledger.objection(old.unit)
    ):
        return ""
    low, high = (old.at(_ENDS) * scale(scenario, item.dimension, old.unit)).tolist()
    least, most = (item.record.at(_ENDS) * scale(scenario, item.dimension, item.record.unit)).tolist()
    reach, far = max(abs(low), abs(high)), max(least, most, key=abs)
    point = "value" if low == high else "95% point" if abs(high) >= abs(low) else "5% point"
    if reach and abs(far) > _FAR * reach:
        return f"{_amount(far, scenario, item)}, {_times(abs(far) / reach)} times the base's {point}"
    if 0 < least < low / _FAR and low < high:
        return f"{_amount(least, scenario, item)}, {_times(low / least)} times less than the base's 5% point"
    return ""


def _amount(value: float, scenario: Scenario, item: Input) -> str:
    """A canonical value with its unit, behind what it is in the unit in which it was stated."""
    stated = item.record.unit
    unit = stated if item.dimension in ("exchange rate", "price") else canonical_unit(scenario, item.dimension)
    own = value / scale(scenario, item.dimension, stated)
    units = [(own, stated), (value, unit)] if stated != unit else [(value, unit)]
    return " is ".join(f"{_plain(number)} {name}".removesuffix(" 1") for number, name in units)


def _plain(value: float) -> str:
    """A number in six digits, and no power of ten where one can read it without."""
    return f"{value:,.0f}" if 1e5 <= abs(value) < 1e12 else f"{value:,.6g}"


def _times(ratio: float) -> str:
    """A ratio of ten and more with three digits, never as a power of ten."""
    return f"{float(f'{ratio:.3g}'):,.1f}".removesuffix(".0")
