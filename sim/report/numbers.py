"""The statistics of a study by what they are of, as `summary.csv` and `comparison.csv` state them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import NamedTuple, TypeAlias

__all__ = ["Numbers", "Place", "Row", "csv_rows", "read_numbers"]

Row: TypeAlias = Mapping[str, str]
"""A line of a table, by the names of its columns."""


class Place(NamedTuple):
    """What a number is of."""

    scenario: str
    variable: str
    scope: str
    item: str
    year: int


@dataclass(frozen=True)
class Numbers:
    """What is known of one number over the draws.

    Attributes
    ----------
    unit : str
    values : mapping of str to float
        By statistic.
    share_above : float
        Of a difference, the share of draws in which it is above zero; NaN of a level.
    """

    unit: str
    values: Mapping[str, float]
    share_above: float = nan

    def __getitem__(self, statistic: str) -> float:
        return self.values.get(statistic, nan)


def read_numbers(content: bytes, wanted: Collection[tuple[str, str, str]]) -> dict[Place, Numbers]:
    """The statistics of some outcomes.

    Parameters
    ----------
    content : bytes
        Of `summary.csv` or `comparison.csv`.
    wanted : collection of tuple of str
        Variable, scope and item of each.
    """
    values: dict[Place, dict[str, float]] = {}
    others: dict[Place, tuple[str, float]] = {}
    for line in content.decode().splitlines():  # ids and units hold no comma, and most lines are not wanted
        scenario, variable, scope, item, rest = line.split(",", 4)
        if (variable, scope, item) in wanted:
            year, statistic, value, _, unit, _, *above = rest.split(",")
            place = Place(scenario, variable, scope, item, int(year))
            values.setdefault(place, {})[statistic] = _number(value)
            others[place] = unit, _number(above[0]) if above else nan
    return {place: Numbers(others[place][0], known, others[place][1]) for place, known in values.items()}


def csv_rows(content: bytes) -> list[Row]:
    """The lines of a table."""
    return list(csv.DictReader(content.decode().splitlines()))


def _number(text: str) -> float:
    value = float(text) if text else nan
    return value if isfinite(value) else nan
