"""What a reader of a page may believe otherwise: weights of categories, and where the strongest inputs lie.

A slider moves the normals behind an input by s standard deviations, so that its quantiles become Q(Φ(z + s)); beside it
stands the record that says the same in a scenario's words, exactly: a run with it draws from what the page weighs for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from sim.axes import DRAWS_PER_SCRAMBLE, EDGE, FloatArray, IntArray
from sim.chance.sampling import input_levels
from sim.chance.worlds import Named
from sim.outcomes.drivers import Attribution
from sim.outcomes.findings import unit_words
from sim.outcomes.panels import Result
from sim.scenario.families import Discrete, Interval, LogNormal, Normal, TwoPiece
from sim.scenario.inputs import Input, canonical, inputs
from sim.scenario.records import Level, Record
from sim.scenario.scenario import Correlation, Scenario
from sim.wording import capital

__all__ = ["SHIFTS", "Belief", "Category", "Sliders", "record_text", "shifted", "sliders_of"]

SHIFTS: Final = tuple(round(0.1 * step, 1) for step in range(-15, 16))
"""Where a belief may be moved to, in standard deviations; farther off too few draws are left."""

_MOST: Final = 6
"""Inputs that have a slider."""

_CONSIDERED: Final = 9
"""Strongest inputs that may have one."""

_Z95: Final = float(ndtri(0.95))

_FAR: Final = 38.0
"""Standard deviations beyond which a double knows no probability: an end of what has none."""

_PLAIN: Final = ("1", "fraction", "category")
"""Units that need no words."""


@dataclass(frozen=True)
class Category:
    """A category whose weights may be others.

    Attributes
    ----------
    path, title : str
    levels, titles : tuple of str
        Ids, and in words.
    weights : tuple of float
        That were drawn from.
    index : array (N,) of int
        Level of each draw.
    """

    path: str
    title: str
    levels: tuple[str, ...]
    titles: tuple[str, ...]
    weights: tuple[float, ...]
    index: IntArray


@dataclass(frozen=True)
class Belief:
    """An input, or one of each provider, whose distribution may lie higher or lower.

    Attributes
    ----------
    path, title : str
    scores : array (N,)
        Σ⁻¹z of its normals, added up.
    texts : tuple of str
        Median and 90% range at each of `SHIFTS`.
    settings : tuple of str
        The record at each of `SHIFTS`.
    scenarios : tuple of str
        Names of those in which it is to be set; none if in all.
    """

    path: str
    title: str
    scores: FloatArray
    texts: tuple[str, ...]
    settings: tuple[str, ...]
    scenarios: tuple[str, ...]


@dataclass(frozen=True)
class Sliders:
    """All of a study.

    Attributes
    ----------
    categories : tuple of Category
    beliefs : tuple of Belief
    precision : array (J, J)
        Of the beliefs: eⱼᵀ Σ⁻¹ eₖ.
    reasons : tuple of str
        Why some that are as strong have no slider, in words.
    """

    categories: tuple[Category, ...]
    beliefs: tuple[Belief, ...]
    precision: FloatArray
    reasons: tuple[str, ...] = ()


def sliders_of(
    results: Sequence[Result], drawn: Mapping[str, Named], attributions: Sequence[Attribution], draws: int
) -> Sliders:
    """The categories that move an outcome, and the inputs that move one most.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    drawn : mapping of str to mapping of arrays (N,)
        Columns of `inputs.nc` by scenario.
    attributions : sequence of Attribution
        Of the main outcomes: they say which inputs are strong.
    draws : int
        Whole scrambles, of which a page carries the first.
    """
    scenarios = [result.scenario for result in results]
    if any(one.sampling.posterior is not None for one in scenarios) or any(one.sizes is not None for one in results):
        reason = "The draws are rows of a posterior, or those inside a box: no slider says what others would be."
        return Sliders((), (), np.empty((0, 0)), (reason,))
    strengths = _strengths(attributions)
    book = _Book(drawn, draws, {one.name: (one, tuple(inputs(one))) for one in scenarios})
    ordered = book.by_strength(strengths)[:_CONSIDERED]
    levels = book.levels(ordered)
    hindrances = {path: book.hindrance(path, levels) for path in ordered}
    chosen = [path for path in ordered if not hindrances[path]][:_MOST]
    reasons = tuple(
        f"{capital(unit_words(path, book.owner(path)))} has no slider: {hindrances[path]}."
        for path in ordered[: ordered.index(chosen[-1]) if chosen else None]
        if hindrances[path]
    )
    return Sliders(book.categories(strengths), *book.beliefs(chosen, levels), reasons)


def _strengths(attributions: Sequence[Attribution]) -> dict[str, float]:
    """The largest share of the variance of an outcome that each column explains, of those told from 0."""
    strengths: dict[str, float] = {}
    for row in (row for one in attributions for row in one.rows):
        if row.column and row.first > row.floor:
            strengths[row.column] = max(row.first, strengths.get(row.column, 0.0))
    return strengths


@dataclass(frozen=True)
class _Book:
    """The scenarios of a study with their inputs, and what was drawn for them."""

    drawn: Mapping[str, Named]
    draws: int
    scenarios: Mapping[str, tuple[Scenario, tuple[Input, ...]]]

    def held(self, path: str) -> list[tuple[Scenario, Input]]:
        """The inputs of a path in every scenario, as far as they are drawn."""
        return [
            (scenario, item)
            for scenario, items in self.scenarios.values()
            for item in items
            if item.path == path and not item.record.is_fixed
        ]

    def owner(self, path: str) -> Scenario:
        """The first scenario that draws the inputs of a path."""
        return self.held(path)[0][0]

    @cached_property
    def _groups(self) -> list[Correlation]:
        return [group for one, _ in self.scenarios.values() for group in one.sampling.correlations.values()]

    def categories(self, strengths: Mapping[str, float]) -> tuple[Category, ...]:
        """Those that move an outcome, are drawn by themselves, and alike in every scenario."""
        grouped = {member for group in self._groups for member in group.members}
        paths = dict.fromkeys(
            item.path for _, items in self.scenarios.values() for item in items if item.dimension == "category"
        )
        found = [self._category(path) for path in paths if path in strengths and path not in grouped]
        return tuple(category for category in found if category is not None)

    def _category(self, path: str) -> Category | None:
        held = self.held(path)
        records = [item.record for _, item in held if isinstance(item.record, Discrete)]
        if len(records) < len(held) or len({tuple(record.discrete.items()) for record in records}) > 1:
            return None
        scenario, record = held[0][0], records[0]
        levels, index = record.categories, self.drawn[scenario.name][path].astype(np.int64)
        titles, title = tuple(capital(scenario.called(one)) for one in levels), capital(unit_words(path, scenario))
        return Category(path, title, levels, titles, tuple(record.discrete.values()), index)

    def by_strength(self, strengths: Mapping[str, float]) -> list[str]:
        """Paths of numbers from the strongest on."""
        strongest: dict[str, float] = {}
        for _, items in self.scenarios.values():
            for item in items:
                if item.name in strengths and item.dimension != "category":
                    strongest[item.path] = max(strengths[item.name], strongest.get(item.path, 0.0))
        return sorted(strongest, key=lambda path: -strongest[path])

    def levels(self, paths: Sequence[str]) -> Named:
        """Probabilities at which the inputs of some paths lie, and those that are drawn together with them."""
        levels: dict[str, FloatArray] = {}
        for scenario, items in self.scenarios.values():
            drawn = {item.name: item.path for item in items if not item.record.is_fixed}
            names = {name for name, path in drawn.items() if path in paths}
            beside = {member for group in self._groups if names & set(group.members) for member in group.members}
            new = [name for name in drawn if name in names | beside and name not in levels]
            if new:
                levels |= input_levels(scenario, range(self.draws // DRAWS_PER_SCRAMBLE), new)
        return levels

    def hindrance(self, path: str, levels: Named) -> str:
        """Why the inputs of a path have no slider; empty if they have."""
        held = self.held(path)
        if any(shifted(item.record, 1.0) is None for _, item in held):
            return "no record of its family says what it would be"
        if len({_stated_text(item.record) for _, item in held}) > 1:
            return "its record is not the same in every scenario"
        same = (
            np.array_equal(canonical(scenario, item, levels[item.name]), self._stored(scenario, item.name))
            for scenario, item in held
        )
        return "" if all(same) else "its draws are not what this program draws, or not the same in every scenario"

    def _stored(self, scenario: Scenario, name: str) -> FloatArray:
        return self.drawn[scenario.name][name][: self.draws]

    def beliefs(self, paths: Sequence[str], levels: Named) -> tuple[tuple[Belief, ...], FloatArray]:
        """Sliders of some paths, and how their shifts go together."""
        if not paths:
            return (), np.empty((0, 0))
        names = list(levels)
        moved = np.array([[float(name.partition("[")[0] == path) for name in names] for path in paths])
        inverse = np.linalg.inv(self._correlations(names))
        scores = moved @ inverse @ ndtri(np.stack([levels[name] for name in names]))
        beliefs = tuple(self._belief(path, score) for path, score in zip(paths, scores, strict=True))
        return beliefs, moved @ inverse @ moved.T

    def _correlations(self, names: Sequence[str]) -> FloatArray:
        """Correlations of the normals behind some inputs."""
        matrix, places = np.eye(len(names)), {name: place for place, name in enumerate(names)}
        for group in self._groups:
            for row, ranks in zip(group.members[1:], group.rank, strict=True):
                for column, rank in zip(group.members, ranks, strict=False):
                    if row in places and column in places:
                        i, j = places[row], places[column]
                        matrix[i, j] = matrix[j, i] = 2 * np.sin(np.pi * rank / 6)
        return matrix

    def _belief(self, path: str, scores: FloatArray) -> Belief:
        held = self.held(path)
        record = held[0][1].record
        owners = tuple(dict.fromkeys(scenario.name for scenario, _ in held))
        knowing = sum(any(item.path == path for item in items) for _, items in self.scenarios.values())
        settings = tuple(record_text(shifted(record, shift) or {}) for shift in SHIFTS)
        texts = tuple(_range_words(record, shift) for shift in SHIFTS)
        title = capital(unit_words(path, held[0][0]))
        return Belief(path, title, scores, texts, settings, () if len(owners) == knowing else owners)


def _range_words(record: Record, shift: float) -> str:
    """Median and 90% range of a record that is moved."""
    scores = np.array([0.0, -_Z95, _Z95]) + shift
    values = record.at(Level(np.clip(ndtr(scores), EDGE, 1 - EDGE), scores))
    middle, low, high = (f"{value:.3g}".replace("-", "−") for value in values)
    unit = "" if record.unit in _PLAIN else f" {record.unit}"
    return f"{middle}{unit} ({low} to {high})"


@singledispatch
def shifted(record: Record, shift: float) -> dict[str, Any] | None:
    """What states that a record's quantiles are Q(Φ(z + s)), exactly; None if no record of the language does.

    Parameters
    ----------
    record : Record
    shift : float
        s, in standard deviations.

    Returns
    -------
    dict, optional
        Entries of a record without unit, source and grade.
    """
    return None


@shifted.register
def _(record: Normal, shift: float) -> dict[str, Any]:
    shape = record.normal
    return _bounded(record, {"normal": {"mean": shape.mean + shift * shape.sd, "sd": shape.sd}})


@shifted.register
def _(record: LogNormal, shift: float) -> dict[str, Any]:
    shape = record.lognormal
    moved = {"median": shape.median * float(np.exp(shift * shape.sigma)), "sigma": shape.sigma}
    return _bounded(record, {"lognormal": moved})


@shifted.register
def _(record: Interval, shift: float) -> dict[str, Any]:
    low, middle, high = record.value_at(Level(np.array([0.05, 0.5, 0.95]), np.array([-_Z95, 0.0, _Z95])))
    if low > 0:
        sigma = float(np.log(high / low)) / (2 * _Z95)
        return _bounded(record, {"lognormal": {"median": float(middle * np.exp(shift * sigma)), "sigma": sigma}})
    sd = float(high - low) / (2 * _Z95)
    return _bounded(record, {"normal": {"mean": float(middle) + shift * sd, "sd": sd}})


@shifted.register
def _(record: Discrete, shift: float) -> dict[str, Any] | None:
    numbers = record.numbers
    if numbers is None:
        return None
    order = np.argsort(numbers, kind="stable")
    weights = np.array(list(record.discrete.values()))[order]
    below = np.clip(np.cumsum(weights)[:-1], 0, 1)
    moved = np.diff(np.concatenate([[0.0], ndtr(ndtri(below) - shift), [1.0]]))
    names = [record.categories[place] for place in order]
    return _bounded(record, {"discrete": dict(zip(names, moved.tolist(), strict=True))})


@shifted.register
def _(record: TwoPiece, shift: float) -> dict[str, Any] | None:
    """Each half is a piece of a normal that is moved by as many of its own standard deviations."""
    down, up = (record.median - record.low) / _Z95, (record.high - record.median) / _Z95
    if not shift:
        return _bounded(record, {"low": record.low, "median": record.median, "high": record.high})
    if np.isclose(down, up, rtol=1e-12):
        return _bounded(record, {"normal": {"mean": record.median + shift * up, "sd": up}})
    if not (down and up):
        return None
    below = float(ndtr(-shift))
    parts = [
        {"weight": below, "of": _piece(record.median, down, shift, -_FAR, -shift)},
        {"weight": 1 - below, "of": _piece(record.median, up, shift, -shift, _FAR)},
    ]
    return _bounded(record, {"mixture": parts})


def _piece(centre: float, sd: float, shift: float, low: float, high: float) -> dict[str, Any]:
    parameters = {"a": low, "b": high, "loc": centre + shift * sd, "scale": sd}
    return {"scipy": {"family": "truncnorm", "parameters": parameters}}


def _bounded(record: Record, entries: Mapping[str, Any]) -> dict[str, Any]:
    bounds = {"min": record.min, "max": record.max}
    return {**entries, **{name: bound for name, bound in bounds.items() if bound is not None}}


def record_text(entries: Mapping[str, Any]) -> str:
    """Entries of a record in YAML on one line, as `--set` takes them."""
    return _flow(entries)


def _stated_text(record: Record) -> str:
    """What a record states, without unit, source and grade, in YAML on one line."""
    return _flow(record.model_dump(include={*record.keys, "min", "max"}, exclude_none=True))


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flow(below)}" for key, below in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and not key[:1].isdigit() else json.dumps(key)
