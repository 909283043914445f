"""The file of a box: which inputs it limits and how, in the units of a scenario; written, and read back as a filter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field

from sim.analysis.discovery import Box, Limit, inside
from sim.axes import FloatArray, IntArray
from sim.chance.units import Column, units_of
from sim.errors import Problem, ScenarioError, choices
from sim.outcomes.findings import unit_words
from sim.outcomes.study import Study
from sim.reading.documents import Node
from sim.reading.kinds import BOX, tree_of
from sim.reading.validation import conforming
from sim.scenario.inputs import inputs, units_of_input
from sim.scenario.levers import Id
from sim.scenario.records import Finite, Model
from sim.scenario.scenario import Scenario
from sim.wording import with_unit

__all__ = [
    "BoxFilter",
    "Terms",
    "bounds",
    "box_text",
    "box_words",
    "checked_box",
    "named_scenario",
    "read_box",
    "rounded",
    "terms_of",
]

_DIGITS: Final = 2
"""Limits are rounded to a hundredth of where nine tenths of the draws lie, or somewhat finer."""


class _InputLimit(Model):
    """What a box asks of an input."""

    low: Finite | None = None
    high: Finite | None = None
    unit: Annotated[str, Field(min_length=1)] | None = None
    categories: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class _BoxFile(Model):
    """The keys of the file."""

    schema_version: Literal[1]
    name: Id
    event: Annotated[str, Field(min_length=1)]
    scenario: Annotated[str, Field(min_length=1)]
    inputs: Annotated[dict[str, _InputLimit], Field(min_length=1)]


@dataclass(frozen=True)
class Terms:
    """In which terms users speak of a column.

    Attributes
    ----------
    column : Column
    units : mapping of str to float
        In which its numbers may be written, the scenario's own first, to how many canonical ones each is.
    title : str
        What the column is called.
    answers : tuple of str
        What its categories are called.
    """

    column: Column
    units: Mapping[str, float]
    title: str
    answers: tuple[str, ...]

    @property
    def unit(self) -> str:
        """The scenario's own."""
        return next(iter(self.units))

    @property
    def factor(self) -> float:
        """Canonical units in one of the scenario's own."""
        return self.units[self.unit]


def terms_of(scenario: Scenario) -> dict[str, Terms]:
    """The terms of every column of a scenario, by name."""
    items = {item.name: item for item in inputs(scenario)}
    terms = {}
    for column in (column for unit in units_of(scenario) for column in unit.columns):
        item = items.get(column.name)
        units = {column.unit: 1.0}
        if item is not None and not column.categories:
            units = units_of_input(scenario, item)
        answers = tuple(scenario.called(category) for category in column.categories)
        terms[column.name] = Terms(column, units, unit_words(column.name, scenario), answers)
    return terms


def rounded(box: Box, terms: Mapping[str, Terms], columns: Mapping[str, FloatArray]) -> Box:
    """A box whose limits are short numbers in the scenario's units: as they are told, filed and measured."""
    return tuple(_rounded(limit, terms[limit.name], columns[limit.name]) for limit in box)


def _rounded(limit: Limit, terms: Terms, values: FloatArray) -> Limit:
    if limit.kept:
        return limit
    low, high = np.quantile(values, [0.05, 0.95]) / terms.factor
    digits = math.ceil(_DIGITS - math.log10(high - low)) if high > low else 15
    low, high = (_shown(end, terms, digits) * terms.factor for end in (limit.low, limit.high))
    return replace(limit, low=low, high=high)


def _shown(end: float, terms: Terms, digits: int = 12) -> float:
    """A limit in the scenario's unit."""
    return round(end / terms.factor, digits) if math.isfinite(end) else end


def bounds(limit: Limit, terms: Terms) -> dict[str, float]:
    """The finite bounds of a limit in the scenario's unit."""
    return {key: _shown(end, terms) for key, end in (("low", limit.low), ("high", limit.high)) if math.isfinite(end)}


def box_words(box: Box, terms: Mapping[str, Terms]) -> str:
    """What a box asks, in words."""
    return ", and ".join(_limit_words(limit, terms[limit.name]) for limit in box)


def _limit_words(limit: Limit, terms: Terms) -> str:
    if limit.kept:
        return f"{terms.title}: {' or '.join(terms.answers[kept] for kept in limit.kept)}"
    ends = {key: f"{value:g}" for key, value in bounds(limit, terms).items()}
    if len(ends) == 2:
        return f"{terms.title}: between {ends['low']} and {with_unit(ends['high'], terms.unit)}"
    side = "at least" if "low" in ends else "at most"
    return f"{terms.title}: {side} {with_unit(next(iter(ends.values())), terms.unit)}"


def box_text(name: str, event: str, scenario: str, box: Box, terms: Mapping[str, Terms], remarks: Sequence[str]) -> str:
    """The file of a box.

    Parameters
    ----------
    name, event, scenario : str
    box : Box
    terms : mapping of str to Terms
    remarks : sequence of str
        Lines that stand above it as comments.
    """
    lines = [*(f"# {remark}" for remark in remarks), "schema_version: 1", f"name: {name}", f'event: "{event}"']
    lines += [f"scenario: {scenario}", "inputs:"]
    for limit in box:
        own = terms[limit.name]
        if limit.kept:
            kept = ", ".join(f'"{own.column.categories[place]}"' for place in limit.kept)
            lines.append(f'  "{limit.name}": {{categories: [{kept}]}}  # of {", ".join(own.column.categories)}')
        else:
            ends = "".join(f"{key}: {value!r}, " for key, value in bounds(limit, own).items())
            lines.append(f'  "{limit.name}": {{{ends}unit: "{own.unit}"}}  # {own.column.kind}')
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class BoxFilter:
    """The draws of a study that are inside a box.

    Attributes
    ----------
    name, scenario : str
        Of the box, and of the scenario whose inputs it limits.
    box : Box
        In canonical units.
    words : str
        What it asks.
    places : (M,) int
        Draws inside.
    draws : int
        Number of all draws, N.
    """

    name: str
    scenario: str
    box: Box
    words: str
    places: IntArray
    draws: int

    @property
    def note(self) -> str:
        """What a reader should know of numbers about these draws."""
        share = f"{len(self.places):,} of {self.draws:,} draws ({100 * len(self.places) / self.draws:.0f}%)"
        return (
            f"Only draws inside {self.name} of {self.scenario}, {share}, in which {self.words}. The median case is no "
            f"draw and stays as it is; errors weigh each scramble by its draws inside."
        )

    def content(self) -> dict[str, Any]:
        """What decides the draws, as a manifest states it."""
        limits = {
            limit.name: list(limit.kept)
            or {key: end for key, end in (("low", limit.low), ("high", limit.high)) if math.isfinite(end)}
            for limit in self.box
        }
        return {"box": self.name, "scenario": self.scenario, "inputs": limits}


def read_box(path: Path, study: Study) -> BoxFilter:
    """The box in a file, applied to a study.

    Raises
    ------
    ScenarioError
        The file has wrong keys, or limits what the study did not draw; all problems of a stage at once.
    ResultsError
        The study lies there without what was drawn.
    """
    tree = tree_of(path, BOX)
    file = conforming(tree, _BoxFile)
    names = [result.name for result in study.results]
    if file.scenario not in names:
        place = tree.entries["scenario"].place
        raise ScenarioError(
            [place.problem("scenario", f"no scenario of {study.folder} has this name {choices(file.scenario, names)}")]
        )
    terms = terms_of(study.result(file.scenario).scenario)
    box = _box(tree, file, terms)
    held = inside(box, study.inputs(file.scenario), study.draws)
    return BoxFilter(file.name, file.scenario, box, box_words(box, terms), np.flatnonzero(held), study.draws)


def named_scenario(path: Path) -> str:
    """Name of the scenario whose inputs the box in a file limits; ScenarioError if the file has wrong keys."""
    return conforming(tree_of(path, BOX), _BoxFile).scenario


def checked_box(path: Path, scenario: Scenario | None) -> str:
    """What the box in a file asks, in words, held to a scenario; without one how many inputs it limits.

    Raises
    ------
    ScenarioError
        The file has wrong keys, or limits what the scenario does not draw; all problems of a stage at once.
    """
    tree = tree_of(path, BOX)
    file = conforming(tree, _BoxFile)
    if scenario is None:
        return f"{len(file.inputs)} inputs limited"
    terms = terms_of(scenario)
    return box_words(_box(tree, file, terms), terms)


def _box(tree: Node, file: _BoxFile, terms: Mapping[str, Terms]) -> Box:
    """The box in canonical units; ScenarioError if it limits what was not drawn."""
    problems = [one for name, node in tree.entries["inputs"].entries.items() for one in _problems(name, node, terms)]
    if problems:
        raise ScenarioError(problems)
    return tuple(_limit(name, stated, terms[name]) for name, stated in file.inputs.items())


def _problems(name: str, node: Node, terms: Mapping[str, Terms]) -> Iterator[Problem]:
    """What is wrong with one input of a box."""
    path = f"inputs.{name}"
    if name not in terms:
        yield node.place.problem(path, f"nothing of this name was drawn {choices(name, list(terms))}")
        return
    own, stated = terms[name], {key: value for key, value in node.plain().items() if value is not None}
    for key, message in _objections(own, stated):
        yield (node.entries.get(key) or node).place.problem(f"{path}.{key}" if key in stated else path, message)


def _objections(own: Terms, stated: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys of an input's limit, and what is wrong with each."""
    categories, number = own.column.categories, [key for key in ("low", "high", "unit") if key in stated]
    if categories:
        yield from ((key, "the input has categories: state those that are inside by 'categories'") for key in number)
        if "categories" not in stated and not number:
            yield "categories", f"limits nothing: state 'categories' (allowed {', '.join(categories)})"
        for one in stated.get("categories", ()):
            if one not in categories:
                yield "categories", f"unknown category {choices(one, categories)}"
        return
    if "categories" in stated:
        yield "categories", "the input is a number: state 'low' or 'high', and its unit"
    elif "low" not in stated and "high" not in stated:
        yield "low", "limits nothing: state 'low' or 'high', and its unit"
    elif stated.get("unit") not in own.units:
        yield "unit", f"the unit must be one of the input's {choices(stated.get('unit'), list(own.units))}"
    elif stated.get("low", -math.inf) > stated.get("high", math.inf):
        yield "low", f"'low' must not be above 'high' (found {stated['low']} and {stated['high']})"


def _limit(name: str, stated: _InputLimit, own: Terms) -> Limit:
    if stated.categories is not None:
        return Limit(name, kept=tuple(sorted({own.column.categories.index(one) for one in stated.categories})))
    factor = own.units[stated.unit or own.unit]
    low = -math.inf if stated.low is None else stated.low * factor
    return Limit(name, low, math.inf if stated.high is None else stated.high * factor)
