"""What drives the outcomes of some results: rows from their draws, their inputs, and runs with units redrawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import nan
from typing import Any, Final, TypeAlias

import numpy as np

from sim.analysis.drivers import (
    BINS,
    FIFTHS,
    Cells,
    cell_means,
    chance_floor,
    equal_cells,
    first_order,
    group_share,
    level_cells,
    path_share,
    shapley_shares,
    total_share,
)
from sim.analysis.scrambles import estimate
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray
from sim.chance.units import KINDS, Column, Unit, units_of
from sim.chance.worlds import Named, normal_paths, rare_paths
from sim.outcomes.drivers import CHANCE, UNATTRIBUTED, Attribution, DriverRow, GradeRow, KindRow
from sim.outcomes.naming import Outcome, find_outcome, outcome_draws
from sim.outcomes.panels import Result
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.outcomes.tables import Cell, csv_bytes
from sim.scenario.scenario import Scenario

__all__ = [
    "DRIVERS_FILE",
    "Redrawn",
    "answered",
    "default_outcomes",
    "drivers",
    "drivers_by_share",
    "redrawn_sets",
    "tables",
    "units_behind",
]

DRIVERS_FILE: Final = "drivers.csv"

Redrawn: TypeAlias = frozenset[str]
"""Names of units that are redrawn together; none of them is the run itself."""

Label: TypeAlias = tuple[str, str]
Line: TypeAlias = tuple[DriverRow, float]

Hybrids: TypeAlias = Mapping[Redrawn, FloatArray]
"""Outcomes (M, N) under units redrawn."""

_NO_HYBRIDS: Final[Hybrids] = {}


def drivers(
    results: Sequence[Result],
    inputs: Mapping[str, Named],
    baseline: str,
    outcomes: Sequence[Outcome],
    hybrids: Mapping[str, Hybrids] | None = None,
    only: Collection[str] | None = None,
) -> tuple[Attribution, ...]:
    """What drives some outcomes, from the draws of a run and what was drawn for it.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    inputs : mapping of str to mapping of arrays (N,)
        Columns of `inputs.nc` by scenario, as `Study.inputs` gives them and `inputs_of` makes them.
    baseline : str
        Name of the scenario that gains are counted from.
    outcomes : sequence of Outcome
    hybrids : mapping of str to mapping of arrays (M, N), optional
        By scenario: under each of `redrawn_sets` the outcomes that it answers, in their order.
    only : collection of str, optional
        Names of the scenarios whose outcomes are meant; all by default.

    Returns
    -------
    tuple of Attribution
        Scenario by scenario; an outcome that is the same in every draw, or not there in some, is left out.
    """
    found: list[Attribution] = []
    base = next(result for result in results if result.name == baseline)
    ranks = _Ranks()
    for result in results if only is None else [result for result in results if result.name in only]:
        asked = answered(result, results, baseline, outcomes)
        draws = np.stack([outcome_draws(one, result, base) for one in asked]) if asked else np.empty((0, 2))
        told = np.flatnonzero(np.isfinite(draws).all(axis=1) & (np.ptp(draws, axis=1) > 0))
        if len(told):
            units = units_behind(result.scenario, base.scenario if any(one.is_comparison for one in asked) else None)
            runs = {key: values[told] for key, values in (hybrids or {}).get(result.name, _NO_HYBRIDS).items()}
            columns = {**inputs[baseline], **inputs[result.name]}
            outcomes_told = tuple(asked[k] for k in told)
            book = _Book(result.scenario, base.scenario, outcomes_told, draws[told], units, columns, runs, ranks)
            found += book.attributions()
    return tuple(found)


def drivers_by_share(
    results: Sequence[Result], inputs: Mapping[str, Named], baseline: str, shares: int
) -> list[Callable[[], tuple[Attribution, ...]]]:
    """What drives the default outcomes, in calls that may run side by side: some of the scenarios each, in order."""
    outcomes, count = default_outcomes(results, baseline), min(shares, len(results))
    names = [result.name for result in results]
    parts = [names[len(names) * k // count : len(names) * (k + 1) // count] for k in range(count)]
    return [partial(drivers, results, inputs, baseline, outcomes, only=part) for part in parts]


def default_outcomes(results: Sequence[Result], baseline: str) -> tuple[Outcome, ...]:
    """What is asked of a study unless it is told: foreign providers' share in the answer's year, and their worth.

    Where scenarios are compared it is what each adds to the baseline: to the share of all foreign providers, and to
    the value with terminal value of all of them and of each that the baseline has too, of many the largest few; and
    the share itself. Of a single scenario, the levels.
    """
    cases = {result.name: result.panels for result in results}
    by_case = {name: [item for _, item in _items(panels, "npv_with_terminal")] for name, panels in cases.items()}
    others = [item for name, items in by_case.items() for item in items if name != baseline]
    values = _largest([item for item in by_case[baseline] if item in others or len(cases) < 2], cases[baseline])
    scope = next(one.scenario for one in results if one.name == baseline).answer_place
    shares = [f"foreign_share.{scope}"] if all("foreign_share" in panels for panels in cases.values()) else []
    levels = [*shares, *(f"npv_with_terminal.total.{item}" for item in values)]
    if len(cases) < 2:
        return tuple(find_outcome(text, cases) for text in levels)
    return tuple(find_outcome(text, cases, baseline) for text in (*(f"gain({one})" for one in levels), *shares))


def _largest(items: Sequence[str], panels: Mapping[str, Any]) -> list[str]:
    """All foreign providers together, and each; of many those that are worth most."""
    each = [item for item in items if item != "foreign"]
    if len(each) <= _MOST_PROVIDERS:
        return list(items)
    panel = panels["npv_with_terminal"]
    worth = {item: float(np.median(panel.column(panel.years[-1], "total", item))) for item in each}
    kept = sorted(each, key=lambda item: -worth[item])[:_MOST_PROVIDERS]
    return [item for item in items if item == "foreign" or item in kept]


_MOST_PROVIDERS: Final = 4
"""Of which the worth of each is asked for unless that is told."""


def _items(panels: Mapping[str, Any], variable: str) -> Sequence[tuple[str, str]]:
    return panels[variable].items if variable in panels else ()


def tables(attributions: Sequence[Attribution]) -> dict[str, bytes]:
    """The files of some attributions by name: every row, sums by kind, and sums by grade of evidence."""
    rows: dict[str, tuple[Sequence[str], list[tuple[Cell, ...]]]] = {
        DRIVERS_FILE: (DriverRow._fields, [row for one in attributions for row in one.rows]),
        "kinds.csv": (KindRow._fields, [row for one in attributions for row in one.kinds]),
        "grades.csv": (GradeRow._fields, [row for one in attributions for row in one.grades]),
    }
    return {name: csv_bytes(content, header) for name, (header, content) in rows.items()}


def answered(
    result: Result, results: Sequence[Result], baseline: str, outcomes: Sequence[Outcome]
) -> tuple[Outcome, ...]:
    """The outcomes that a scenario answers."""
    cases = {one.name: one.panels for one in results}
    return tuple(outcome for outcome in outcomes if result.name in outcome.answered_by(cases, baseline))


def units_behind(scenario: Scenario, baseline: Scenario | None) -> tuple[Unit, ...]:
    """The units of a scenario, and those that only its baseline has."""
    own = units_of(scenario)
    names = {unit.name for unit in own}
    return (*own, *(unit for unit in (units_of(baseline) if baseline else ()) if unit.name not in names))


def redrawn_sets(units: Sequence[Unit], scenario: Scenario) -> tuple[Redrawn, ...]:
    """What is redrawn together: each unit, all but each path, any kinds, and each grade."""
    names = Redrawn(unit.name for unit in units)
    paths = (names - {unit.name} for unit in units if unit.name in _paths(scenario))
    sets = (*(Redrawn([name]) for name in names), *paths, *_kind_sets(units), *_grade_sets(units).values())
    return tuple(sorted(set(sets) - {Redrawn()}, key=lambda one: (len(one), sorted(one))))


def _paths(scenario: Scenario) -> Collection[str]:
    """Units of which the columns that are kept say only a part."""
    return (*normal_paths(scenario), *rare_paths(scenario))


def _kind_sets(units: Sequence[Unit]) -> list[Redrawn]:
    """The units of any kinds; bit k of a place says that kind k is among them."""
    return [
        Redrawn(unit.name for unit in units if place >> KINDS.index(unit.kind) & 1) for place in range(2 ** len(KINDS))
    ]


def _grade_sets(units: Sequence[Unit]) -> dict[str, Redrawn]:
    grades = dict.fromkeys(_grade(unit) for unit in units)
    return {grade: Redrawn(unit.name for unit in units if _grade(unit) == grade) for grade in grades}


def _grade(unit: Unit) -> str:
    return unit.grade or CHANCE


@dataclass(frozen=True)
class _Book:
    """The outcomes of a scenario, and what may drive them; M of them, N draws."""

    scenario: Scenario
    baseline: Scenario
    outcomes: tuple[Outcome, ...]
    draws: FloatArray
    units: tuple[Unit, ...]
    columns: Named
    hybrids: Hybrids
    ranks: _Ranks

    def attributions(self) -> Iterator[Attribution]:
        """What drives each outcome."""
        swings = {
            column.name: _Swings(column, self.columns[column.name], self.draws, self.ranks)
            for column in self._all_columns
        }
        for place, outcome in enumerate(self.outcomes):
            label = (outcome.label, self.scenario.name)
            units = sorted(self.units, key=lambda unit: -self._unit_row(unit, place, label).leading)
            lines = [line for unit in units for line in self._lines(unit, place, label, swings)]
            yield Attribution(
                outcome,
                self.scenario,
                self.baseline if outcome.is_comparison else None,
                float(self.draws[place].mean()),
                float(self.draws[place].std()),
                tuple(row for row, _ in lines),
                () if self._are_learned else tuple(self._kinds(place, label)),
                () if self._are_learned else tuple(self._grades(place, label)),
                {row.column: error for row, error in lines if not np.isnan(error)},
            )

    @property
    def _all_columns(self) -> list[Column]:
        return [column for unit in self.units for column in unit.columns]

    @property
    def _are_learned(self) -> bool:
        """Whether units depend on each other, so that what they explain does not add up."""
        return self.scenario.sampling.posterior is not None

    def _lines(self, unit: Unit, place: int, label: Label, swings: Mapping[str, _Swings]) -> Iterator[Line]:
        """The rows of a unit, of its columns, and of their levels, each with the error of its swing."""
        row = self._unit_row(unit, place, label)
        if len(unit.columns) > 1 or row.column != unit.name:
            yield row, nan
        for column in unit.columns:
            own = row if column.name == unit.name else self._column_row(unit, column, place, label)
            yield from swings[column.name].lines(own, place)

    def _unit_row(self, unit: Unit, place: int, label: Label) -> DriverRow:
        first, total = self._firsts.get(unit.name), self._totals.get(unit.name)
        alone = unit.columns[0].name if [column.name for column in unit.columns] == [unit.name] else ""
        value, error = _share(first, place)
        row = DriverRow(*label, unit.name, alone, unit.kind, unit.grade, first=value, first_se=error)
        whole, whole_error = _share(total, place)
        return row._replace(
            total=whole, total_se=whole_error, floor=nan if first is None else self._floor(self._count(unit), error)
        )

    def _column_row(self, unit: Unit, column: Column, place: int, label: Label) -> DriverRow:
        value, error = _share(self._by_column[column.name], place)
        row = DriverRow(*label, unit.name, column.name, column.kind, column.grade, first=value, first_se=error)
        return row._replace(floor=self._floor(self._cells[column.name].count, error))

    def _floor(self, cells: int, error: float) -> float:
        return float(chance_floor(cells, self.draws.shape[1], np.array(error)))

    @cached_property
    def _cells(self) -> dict[str, Cells]:
        return {column.name: self.ranks.cells(column, self.columns[column.name], BINS) for column in self._all_columns}

    @cached_property
    def _by_column(self) -> dict[str, FloatArray]:
        return {name: first_order(cells, self.draws) for name, cells in self._cells.items()}

    @cached_property
    def _firsts(self) -> dict[str, FloatArray]:
        """What units explain alone, replicates, as far as it can be known."""
        known = {unit.name: self._first(unit) for unit in self.units}
        return {name: values for name, values in known.items() if values is not None}

    def _first(self, unit: Unit) -> FloatArray | None:
        if unit.name in _paths(self.scenario):
            every = Redrawn(other.name for other in self.units)
            rest = every - {unit.name}
            if not {rest, every} <= self.hybrids.keys():
                return None
            return path_share(self.draws, self.hybrids[rest], self.hybrids[every])
        if len(unit.columns) == 1:
            return self._by_column[unit.columns[0].name]
        columns = [self.columns[column.name] for column in unit.columns]
        return group_share(columns, [bool(column.categories) for column in unit.columns], self.draws)

    @cached_property
    def _totals(self) -> dict[str, FloatArray]:
        """Total shares of units, replicates, if they were redrawn."""
        sets = {unit.name: Redrawn([unit.name]) for unit in self.units}
        return {name: self._total(one) for name, one in sets.items() if one in self.hybrids}

    def _total(self, redrawn: Redrawn) -> FloatArray:
        return total_share(self.draws, self.hybrids[redrawn])

    @cached_property
    def _by_kind(self) -> tuple[FloatArray, FloatArray] | None:
        if not self.hybrids:
            return None
        runs = {Redrawn(): self.draws, **self.hybrids}
        return shapley_shares([runs[redrawn] for redrawn in _kind_sets(self.units)])

    def _kinds(self, place: int, label: Label) -> Iterator[KindRow]:
        alone = self._sums({kind: [unit for unit in self.units if unit.kind == kind] for kind in KINDS})
        for number, kind in enumerate(KINDS):
            shares = [None, None] if self._by_kind is None else [part[number] for part in self._by_kind]
            numbers = (_share(part, place) for part in (*shares, alone.get(kind)))
            yield KindRow(*label, kind, *(number for pair in numbers for number in pair))
        yield KindRow(*label, UNATTRIBUTED, nan, nan, nan, nan, *_share(alone[UNATTRIBUTED], place))

    def _grades(self, place: int, label: Label) -> Iterator[GradeRow]:
        sets = _grade_sets(self.units)
        alone = self._sums({grade: [unit for unit in self.units if unit.name in sets[grade]] for grade in sets})
        for grade, redrawn in sets.items():
            total = self._total(redrawn) if redrawn in self.hybrids else None
            yield GradeRow(*label, grade, *_share(alone.get(grade), place), *_share(total, place))
        yield GradeRow(*label, UNATTRIBUTED, *_share(alone[UNATTRIBUTED], place), nan, nan)

    def _sums(self, parts: Mapping[str, Sequence[Unit]]) -> dict[str, FloatArray]:
        """What the units of each part explain alone, as far as it is told from 0, added up, and what is left.

        Of a part with units of which that is not known, paths of shocks without totals, all is left.
        """
        nothing = np.zeros((len(self.draws), 1 + self.draws.shape[1] // DRAWS_PER_SCRAMBLE))
        sums = {
            name: sum(map(self._told, units), start=nothing)
            for name, units in parts.items()
            if all(unit.name in self._firsts for unit in units)
        }
        return {**sums, UNATTRIBUTED: 1 - sum(sums.values(), start=nothing)}

    def _told(self, unit: Unit) -> FloatArray:
        """What a unit explains alone, 0 where that is not told from 0.

        On a net a column that moves nothing explains a little less than chance would, and many would add up.
        """
        values = self._firsts[unit.name]
        floors = [self._floor(self._count(unit), _share(values, place)[1]) for place in range(len(values))]
        return np.where(values[:, :1] > np.array(floors)[:, None], values, 0.0)

    def _count(self, unit: Unit) -> int:
        """Cells that a unit's share is made of; 1 where it is of several columns."""
        return self._cells[unit.columns[0].name].count if len(unit.columns) == 1 else 1


class _Swings:
    """Means of the outcomes over the ends of a column, or over each level of a category."""

    def __init__(self, column: Column, values: FloatArray, draws: FloatArray, ranks: _Ranks) -> None:
        self._is_category = bool(column.categories)
        cells = ranks.cells(column, values, FIFTHS)
        self._means = cell_means(cells, draws)
        levels = [column.categories[int(level)] for level in np.unique(values)] if self._is_category else []
        self._levels = levels if len(levels) > 1 else []
        self._against = [
            cell_means(Cells((cells.labels == level).astype(np.int64), 2), draws) for level in range(len(self._levels))
        ]

    def lines(self, row: DriverRow, place: int) -> Iterator[Line]:
        """A column's row with its swing, then the rows of its levels."""
        means = self._means[:, place, 0]
        order = np.argsort(means, kind="stable") if self._is_category else np.arange(len(means))
        yield _with_swing(row, self._means[order[0], place], self._means[order[-1], place])
        for name, (rest, own) in zip(self._levels, self._against, strict=True):
            label = (row.outcome, row.scenario, row.unit, f"{row.column}={name}", row.kind, row.grade)
            yield _with_swing(DriverRow(*label), rest[place], own[place])


def _with_swing(row: DriverRow, low: FloatArray, high: FloatArray) -> Line:
    swing = _estimate(high - low)
    return row._replace(low=float(low[0]), high=float(high[0]), swing=swing[0]), swing[1]


class _Ranks:
    """Cells of columns; a column that scenarios share is put in order once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[FloatArray, IntArray]] = {}

    def cells(self, column: Column, values: FloatArray, count: int) -> Cells:
        """One for each category, or cells of the same number of draws."""
        if column.categories:
            return level_cells(values)
        if id(values) not in self._known:  # held beside its order, so that no other array can come to have its id
            self._known[id(values)] = (values, np.argsort(values, kind="stable"))
        return equal_cells(values, count, self._known[id(values)][1])


def _share(replicated: FloatArray | None, place: int) -> tuple[float, float]:
    """A share and its error for one outcome."""
    return (nan, nan) if replicated is None else _estimate(replicated[place])


def _estimate(replicated: FloatArray) -> tuple[float, float]:
    """A number and its error, which few scrambles do not know."""
    value, error = estimate(replicated)
    return float(value), float(error) if len(replicated) > FEWEST_SCRAMBLES else nan
