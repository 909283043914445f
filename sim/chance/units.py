"""What is drawn, split into parts that are independent of each other: what an answer can be traced back to.

Each group of correlated inputs is a unit, each path of shocks with what decides how widely it moves, each provider's
dates, the order of the applicants, and every other input and event alone. Inside a unit columns may move together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sim.chance.worlds import event_columns, normal_paths, period_count, rare_paths
from sim.scenario.families import Discrete
from sim.scenario.inputs import Input, Kind, canonical_unit, inputs
from sim.scenario.scenario import Horizon, Scenario

__all__ = ["KINDS", "LEADING", "Column", "Unit", "leading_of", "units_of"]

KINDS: Final[tuple[Kind, ...]] = ("disagreement", "ignorance", "luck")

LEADING: Final = 2
"""Components of a path of shocks that are kept beside the outcomes; more say little, and the net has no more."""

_GRADES: Final = ("found", "derived", "recalled", "judgement")
"""From the strongest to the weakest."""

_ORDER: Final = "order"
_DATES: Final = "dates."


@dataclass(frozen=True)
class Column:
    """A number that is drawn.

    Attributes
    ----------
    name : str
        As in `inputs.nc`.
    kind : Kind
        Why it is not known.
    grade : str
        Of its evidence; empty where it is chance itself.
    unit : str
        In which its values are.
    categories : tuple of str
        Names of what its values are indices of; empty for numbers.
    """

    name: str
    kind: Kind
    grade: str = ""
    unit: str = "1"
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """Columns that are drawn together, and independently of all others.

    Attributes
    ----------
    name : str
        Of the correlation group, the path, the provider's dates, or the column where it is alone.
    columns : tuple of Column
        As they stand in `inputs.nc`.
    sources : frozenset of str
        Names of what is drawn for them before copulas and shocks; members that a scenario lacks too.
    """

    name: str
    columns: tuple[Column, ...]
    sources: frozenset[str]

    @property
    def kind(self) -> Kind:
        """Why it is not known: `check` refuses a group that mixes kinds."""
        return self.columns[0].kind

    @property
    def grade(self) -> str:
        """The weakest of its members' grades; empty for chance itself."""
        grades = [column.grade for column in self.columns if column.grade]
        return max(grades, key=_GRADES.index, default="")


def units_of(scenario: Scenario) -> tuple[Unit, ...]:
    """The units of a scenario: disagreement first, then ignorance, then luck; fixed numbers belong to none.

    Returns
    -------
    tuple of Unit
        Every column of `inputs.nc` that the scenario has is in one of them.
    """
    drawn = {item.name: item for item in inputs(scenario) if not item.record.is_fixed}
    units = [*_groups(scenario, drawn), *_dates(scenario, drawn)]
    held = {column.name for unit in units for column in unit.columns}
    units += [_alone(_of_input(scenario, item)) for name, item in drawn.items() if name not in held]
    units += [*_events(scenario), *_paths(scenario)]
    return tuple(sorted(units, key=lambda unit: KINDS.index(unit.kind)))


def _groups(scenario: Scenario, drawn: Mapping[str, Input]) -> Iterator[Unit]:
    for name, group in scenario.sampling.correlations.items():
        columns = tuple(_of_input(scenario, drawn[member]) for member in group.members if member in drawn)
        if columns:
            yield Unit(name, columns, frozenset(group.members))


def _dates(scenario: Scenario, drawn: Mapping[str, Input]) -> Iterator[Unit]:
    """What delays each foreign provider, as far as no group holds it."""
    grouped = {member for group in scenario.sampling.correlations.values() for member in group.members}
    for provider in scenario.foreign:
        own = [item for name, item in drawn.items() if name == f"{item.path}[{provider}]" and name not in grouped]
        if own:
            yield Unit(
                f"{_DATES}{provider}",
                tuple(_of_input(scenario, item) for item in own),
                frozenset(item.name for item in own),
            )


def _events(scenario: Scenario) -> Iterator[Unit]:
    """Whether and when steps happen, and the order of the applicants; how widely a path moves belongs to the path."""
    by_kind: dict[str, list[str]] = {}
    for name in event_columns(scenario):
        by_kind.setdefault(name.partition(".")[0], []).append(name)
    for name in (*by_kind.get("chance", ()), *by_kind.get("clock", ())):
        yield _alone(Column(name, "luck", unit="probability"))
    order = by_kind.get("order", ())
    if order:
        yield Unit(_ORDER, tuple(Column(name, "luck", unit="probability") for name in order), frozenset(order))


def _paths(scenario: Scenario) -> Iterator[Unit]:
    tails = set(event_columns(scenario))
    for path in normal_paths(scenario):
        tail = [name for name in (path.replace("shock.rivalry.", "tail."),) if name in tails]
        parts = [Column(name, "luck", unit="sd") for name in leading_of(path, scenario.horizon)]
        parts += [Column(name, "luck", unit="probability") for name in tail]
        yield Unit(path, tuple(parts), frozenset((path, *tail)))
    yield from (Unit(path, (Column(path, "luck"),), frozenset((path,))) for path in rare_paths(scenario))


def leading_of(path: str, horizon: Horizon) -> tuple[str, ...]:
    """Names of the leading components of a path of normals: those that explain most of it."""
    return tuple(f"{path}[{place}]" for place in range(min(LEADING, period_count(horizon))))


def _of_input(scenario: Scenario, item: Input) -> Column:
    record = item.record
    named = isinstance(record, Discrete) and record.numbers is None
    categories = record.categories if isinstance(record, Discrete) and named else ()
    return Column(item.name, item.kind, record.grade, canonical_unit(scenario, item.dimension), categories)


def _alone(column: Column) -> Unit:
    return Unit(column.name, (column,), frozenset((column.name,)))
