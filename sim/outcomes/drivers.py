"""What drives outcomes: the rows of the tables.

A share is of the variance of an outcome over its draws. Alone is what is explained by one unit by itself, total what
would stay open if all but it were known, what it does together with others included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import Final, NamedTuple

from sim.outcomes.naming import Outcome
from sim.scenario.scenario import Scenario

__all__ = ["CHANCE", "UNATTRIBUTED", "Attribution", "DriverRow", "GradeRow", "KindRow", "Share"]

UNATTRIBUTED: Final = "unattributed"
"""What no unit explains alone, as far as that is told from 0: what they do together, and without totals paths."""

CHANCE: Final = "chance"
"""In place of a grade: what no evidence could tell."""

_ERRORS: Final = 3


class Share(NamedTuple):
    """A share of the variance and its standard error; NaN where it is not known."""

    value: float = nan
    se: float = nan

    @property
    def is_told(self) -> bool:
        """Whether it is told from 0; an error of 0 is no error."""
        return self.value > _ERRORS * self.se > 0


class DriverRow(NamedTuple):
    """One unit, one of its columns, or one level of a category, for one outcome of one scenario.

    `low` and `high` are means of the outcome over the lowest and highest fifth of a column; of a category over the
    levels with the least and the greatest mean, and of a level over all others and over its own draws.
    """

    outcome: str
    scenario: str
    unit: str
    column: str
    kind: str
    grade: str
    low: float = nan
    high: float = nan
    swing: float = nan
    first: float = nan
    first_se: float = nan
    total: float = nan
    total_se: float = nan
    floor: float = nan

    @property
    def is_unit(self) -> bool:
        """Whether it is of a whole unit."""
        return self.column in ("", self.unit)

    @property
    def alone(self) -> Share:
        """What it explains alone."""
        return Share(self.first, self.first_se)

    @property
    def in_all(self) -> Share:
        """Its total share."""
        return Share(self.total, self.total_se)

    @property
    def leading(self) -> float:
        """By what units are put in order: the total share, or else what it explains alone."""
        value = self.first if isnan(self.total) else self.total
        return -1.0 if isnan(value) else value

    @property
    def is_told(self) -> bool:
        """Whether anything of it is told from 0."""
        return self.first > self.floor or self.in_all.is_told


class KindRow(NamedTuple):
    """One kind of not knowing: its share, which adds up over kinds, its total, and what its units explain alone."""

    outcome: str
    scenario: str
    kind: str
    share: float
    share_se: float
    total: float
    total_se: float
    first: float
    first_se: float


class GradeRow(NamedTuple):
    """The units of one grade of evidence: what they explain alone, and their share in all if redrawn together."""

    outcome: str
    scenario: str
    grade: str
    first: float
    first_se: float
    total: float
    total_se: float


@dataclass(frozen=True)
class Attribution:
    """What drives one outcome of one scenario.

    Attributes
    ----------
    outcome : Outcome
    scenario : Scenario
    reference : Scenario or None
        What a gain is counted from; None of a level.
    mean, sd : float
        Of the outcome over its draws.
    rows : tuple of DriverRow
        Units by falling share, each followed by its columns and levels.
    kinds : tuple of KindRow
    grades : tuple of GradeRow
        Both are empty where units depend on each other.
    swing_errors : mapping of str to float
        Standard error of the swing of each column or level.
    """

    outcome: Outcome
    scenario: Scenario
    reference: Scenario | None
    mean: float
    sd: float
    rows: tuple[DriverRow, ...]
    kinds: tuple[KindRow, ...]
    grades: tuple[GradeRow, ...]
    swing_errors: Mapping[str, float]

    @property
    def words(self) -> str:
        """What the outcome is, in a sentence."""
        return self.outcome.words(self.scenario)

    @property
    def baseline(self) -> str:
        """Name of the scenario that a gain is counted from; empty for a level."""
        return self.reference.name if self.reference else ""

    @property
    def units(self) -> tuple[DriverRow, ...]:
        """The rows of units."""
        return tuple(row for row in self.rows if row.is_unit)

    def levels_of(self, column: str) -> tuple[DriverRow, ...]:
        """The rows of the levels of a category."""
        return tuple(row for row in self.rows if row.column.startswith(f"{column}="))

    @property
    def has_errors(self) -> bool:
        """Whether the errors of shares are known: with few draws no share can be told from 0."""
        return not all(isnan(row.first_se) for row in self.rows)

    @property
    def has_totals(self) -> bool:
        """Whether units were redrawn."""
        return any(not isnan(row.total) for row in self.rows)
