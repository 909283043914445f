"""What boxes of conditions say of an event in one scenario: measured on the last quarter, in words, rows and files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from sim.analysis.discovery import Box, Limit, ceiling, counts, discover, inside, ratio_over_scrambles, split_draws
from sim.axes import BoolArray, FloatArray
from sim.outcomes.events import Event
from sim.outcomes.findings import event_words, unit_words
from sim.outcomes.tables import Cell
from sim.pictures.conditions import Bar, ConditionSheet, Mark
from sim.scenario.scenario import Scenario
from sim.tasks.boxfile import Terms, bounds, box_text, box_words, rounded
from sim.wording import capital

__all__ = [
    "BOX_COLUMNS",
    "CURVE_COLUMNS",
    "Finding",
    "box_file",
    "box_rows",
    "condition_sheet",
    "curve_rows",
    "find_conditions",
    "numbered",
    "sentences",
]

BOX_COLUMNS: Final = (
    *("scenario", "box", "input", "low", "high", "unit", "categories"),
    *("coverage", "coverage_se", "density", "density_se", "ceiling", "ceiling_se"),
)
CURVE_COLUMNS: Final = ("scenario", "step", "inputs", "mass", "coverage", "density")

_LEAST_REACHED: Final = 0.25
"""Part of what inputs could tell beyond chance that boxes must reach for a story."""

_HALF: Final = 0.5
"""An event is mostly luck where all inputs together could tell less than this part of what is not told without any."""


class Measured(NamedTuple):
    """What some draws hold of an event, on the last quarter."""

    coverage: float
    coverage_se: float
    density: float
    density_se: float

    @property
    def product(self) -> float:
        """Coverage × density."""
        return self.coverage * self.density


class CurvePoint(NamedTuple):
    """A box of the trajectory on the last quarter."""

    inputs: int
    mass: float
    coverage: float
    density: float


@dataclass(frozen=True)
class Finding:
    """What is known of an event in one scenario.

    Attributes
    ----------
    scenario : Scenario
    event : Event
    terms : mapping of str to Terms
        Of its inputs.
    share : float
        Part of all draws that pass.
    boxes : tuple of Box
    each : tuple of Measured
        By box.
    together, anywhere : Measured
        All boxes together, and all draws.
    top : tuple of float
        The ceiling and its error; NaN where there is none.
    curve : tuple of CurvePoint
    """

    scenario: Scenario
    event: Event
    terms: Mapping[str, Terms]
    share: float
    boxes: tuple[Box, ...]
    each: tuple[Measured, ...]
    together: Measured
    anywhere: Measured
    top: tuple[float, float]
    curve: tuple[CurvePoint, ...]

    @property
    def happens(self) -> str:
        """The event in words."""
        return event_words(self.event, self.scenario)

    @property
    def reached(self) -> float:
        """Part of what inputs could tell beyond chance that the boxes reach; NaN without a ceiling."""
        room = self.top[0] - self.share
        return (self.together.product - self.anywhere.product) / room if room > 0 else 0.0 * self.top[0]

    @property
    def is_story(self) -> bool:
        """Whether the boxes are told."""
        return bool(self.boxes) and (math.isnan(self.top[0]) or self.reached >= _LEAST_REACHED)

    @property
    def told(self) -> tuple[Box, ...]:
        """The boxes that are told."""
        return self.boxes if self.is_story else ()


def find_conditions(
    scenario: Scenario,
    event: Event,
    passes: BoolArray,
    again: BoolArray | None,
    columns: Mapping[str, FloatArray],
    terms: Mapping[str, Terms],
) -> Finding:
    """The boxes of an event, measured.

    Parameters
    ----------
    scenario : Scenario
    event : Event
    passes : (N,) bool
    again : (N,) bool, optional
        The event with luck redrawn.
    columns : mapping of arrays (N,)
        What may be limited.
    terms : mapping of str to Terms
    """
    sizes = {name: len(terms[name].column.categories) for name in columns if terms[name].column.categories}
    found = discover(columns, sizes, passes)
    boxes = tuple(rounded(box, terms, columns) for box in found.boxes)
    part = split_draws(len(passes)).report
    report, own = {name: values[part] for name, values in columns.items()}, passes[part]
    held = [inside(box, report, len(own)) for box in boxes]
    everywhere = np.ones_like(own)
    return Finding(
        scenario,
        event,
        terms,
        float(passes.mean()),
        boxes,
        tuple(_measured(own, one) for one in held),
        _measured(own, np.any(held, axis=0) if held else everywhere),
        _measured(own, everywhere),
        (math.nan, math.nan) if again is None else ceiling(passes, again),
        tuple(_point(box, report, own) for box in found.curve),
    )


def _measured(passes: BoolArray, held: BoolArray) -> Measured:
    both = counts(passes, held)
    return Measured(*ratio_over_scrambles(both, counts(passes)), *ratio_over_scrambles(both, counts(held)))


def _point(box: Box, columns: Mapping[str, FloatArray], passes: BoolArray) -> CurvePoint:
    held = inside(box, columns, len(passes))
    return CurvePoint(len(box), float(held.mean()), *_measured(passes, held)[::2])


def sentences(finding: Finding, first: int) -> Iterator[str]:
    """What is said: a sentence for each box, then how much of it luck leaves to tell.

    Parameters
    ----------
    finding : Finding
    first : int
        Number of its first box in the study.
    """
    title, event = finding.scenario.title, finding.happens
    yield f"{title}: {event} in {_percent(finding.share)} of all draws."
    for number, (box, found) in enumerate(zip(finding.told, finding.each, strict=False), start=first):
        yield (
            f"Box {number}: where {box_words(box, finding.terms)}, it is so in "
            f"{_percent(found.density, found.density_se)} of draws; {_percent(found.coverage, found.coverage_se)} of "
            f"all such draws are there."
        )
    if len(finding.told) > 1:
        both = finding.together
        yield (
            f"All {len(finding.told)} boxes together hold {_percent(both.coverage, both.coverage_se)} of such draws, "
            f"and {_percent(both.density, both.density_se)} of the draws in them are such."
        )
    yield _luck(finding)


def _luck(finding: Finding) -> str:
    """How far conditions on inputs can go, and how far these do."""
    top, error = finding.top
    if math.isnan(top):
        return "" if finding.told else "No condition on an input says more than none."
    most = f"at most {_value(top, error)}, and {finding.share:.2g} without any"
    said = f"coverage × density of whatever conditions on inputs is {most}"
    reached = f"reach {finding.together.product:.2g}" if finding.boxes else "say no more than none"
    if finding.is_story:
        part = f"{100 * min(finding.reached, 1.0):.0f}%"
        return f"By luck, {said}; these {reached}, {part} of what lies between."
    is_luck = top - finding.share < _HALF * (1.0 - finding.share)
    why = "This is mostly luck, and no story is told" if is_luck else "No story is told: no box of few inputs has it"
    return f"{why}: {said}; the best boxes {reached}."


def _value(value: float, error: float) -> str:
    return f"{value:.2g}" if math.isnan(error) or not error else f"{value:.2g} (± {error:.1g})"


def _percent(value: float, error: float = math.nan) -> str:
    """A share, with its standard error where it is known; an error of 0 is none."""
    digits = 0 if 0.0995 <= value <= 0.9905 or value in (0.0, 1.0) else 1 if value >= 0.00995 else 2
    said = f"{100 * value:.{digits}f}%"
    return said if math.isnan(error) or not error else f"{said} (± {100 * error:.{max(digits, 1)}f})"


def box_rows(finding: Finding, first: int) -> Iterator[tuple[Cell, ...]]:
    """A row for each limit, one for no limit before them, and one for all boxes together behind."""
    name, empty = finding.scenario.name, ("", None, None, "", "")
    yield (name, "none", *empty, *finding.anywhere, *finding.top)
    for number, (box, found) in enumerate(zip(finding.told, finding.each, strict=False), start=first):
        for limit in box:
            own, ends = finding.terms[limit.name], bounds(limit, finding.terms[limit.name])
            kept = " | ".join(own.column.categories[place] for place in limit.kept)
            unit = "" if limit.kept else own.unit
            what = (limit.name, ends.get("low"), ends.get("high"), unit, kept)
            yield (name, str(number), *what, *found, *finding.top)
    if finding.told:
        yield (name, "all", *empty, *finding.together, *finding.top)


def curve_rows(finding: Finding) -> Iterator[tuple[Cell, ...]]:
    """A row for each box of the trajectory."""
    return ((finding.scenario.name, step, *point) for step, point in enumerate(finding.curve))


def box_file(finding: Finding, place: int, number: int) -> bytes:
    """The file of one of its boxes."""
    found = finding.each[place]
    remarks = [
        f"A box of draws of {finding.scenario.name}: sim compare STUDY --where box_{number}.yaml looks at these alone.",
        f"Inside, {finding.happens} in {_percent(found.density, found.density_se)} of draws, "
        f"in all draws in {_percent(finding.share)};",
        f"{_percent(found.coverage, found.coverage_se)} of such draws are inside.",
        "Limits are inclusive; change them, or leave inputs out, as you like.",
    ]
    own = (f"box_{number}", finding.event.label, finding.scenario.name, finding.boxes[place], finding.terms)
    return box_text(*own, remarks).encode()


def condition_sheet(finding: Finding, first: int, columns: Mapping[str, FloatArray]) -> ConditionSheet:
    """What the pictures are made of."""
    numbers = range(first, first + len(finding.told))
    marks = [Mark(f"Box {number}", *found) for number, found in zip(numbers, finding.each, strict=False)]
    if len(marks) > 1:
        marks.append(Mark("all boxes", *finding.together))
    bars = [
        _bar(f"Box {number}", limit, finding, columns[limit.name])
        for number, box in zip(numbers, finding.told, strict=True)
        for limit in box
    ]
    curve = [(point.coverage, point.density) for point in finding.curve]
    own = finding.scenario
    return ConditionSheet(own, finding.happens, finding.share, np.array(curve), tuple(marks), finding.top, tuple(bars))


def _bar(box: str, limit: Limit, finding: Finding, values: FloatArray) -> Bar:
    """A limit in the scenario's unit, over the range of all draws."""
    scenario, terms = finding.scenario, finding.terms[limit.name]
    least, most = float(values.min()) / terms.factor, float(values.max()) / terms.factor
    ends = bounds(limit, terms)
    kept = tuple((scenario.called(name), place in limit.kept) for place, name in enumerate(terms.column.categories))
    return Bar(
        box, capital(unit_words(limit.name, scenario)), terms.unit, least, most, ends.get("low"), ends.get("high"), kept
    )


def numbered(findings: Sequence[Finding]) -> list[tuple[int, Finding]]:
    """Each finding with the number of its first box; boxes are counted through all of them."""
    first, found = 1, []
    for finding in findings:
        found.append((first, finding))
        first += len(finding.told)
    return found
