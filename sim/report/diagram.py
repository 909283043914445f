"""The influence diagram: sections of a scenario, stages of a run, outcomes, and what leads to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sim.report.markup import Html, element, joined
from sim.report.structure import Stage
from sim.wording import capital, readable

__all__ = ["influence_diagram"]

_WIDTH: Final = 960
_LINE: Final = 21
"""Points from one line of the outer columns to the next."""

_STAGE_HEIGHT: Final = 40
_LEFT: Final = (4, 150)
_MIDDLE: Final = (330, 290)
_RIGHT: Final = (736, 220)
"""Left end and width of a column."""

_TOP: Final = 34
_HEADS: Final = ("What is assumed", "What is computed, in this order", "What comes out")
_NOTE: Final = "Sections of a scenario, stages of a run and outcomes; the tables below say the same."


def influence_diagram(stages: tuple[Stage, ...], made_of: Mapping[str, tuple[str, ...]]) -> Html:
    """The structure of the program as an SVG, in the colours of the text around it.

    Parameters
    ----------
    stages : tuple of Stage
    made_of : mapping of str to tuple of str
        Every outcome, with the titles of the stages that it is made of.
    """
    sections = tuple(dict.fromkeys(section for stage in stages for section in stage.sections))
    height = _TOP + _LINE * max(len(sections), len(made_of)) + 6
    left = _places(sections, height)
    middle = _places([stage.title for stage in stages], height)
    right = _places(list(made_of), height)
    parts = [
        *_edges(stages, made_of, left, middle, right),
        *(_box(name, _LEFT, y, _LINE - 3) for name, y in left.items()),
        *(_box(title, _MIDDLE, y, _STAGE_HEIGHT) for title, y in middle.items()),
        *(_box(name, _RIGHT, y, _LINE - 3) for name, y in right.items()),
        *map(_head, _HEADS, (_LEFT, _MIDDLE, _RIGHT)),
    ]
    return element(
        "svg",
        element("title", "What leads to what in the model", id="diagram-title"),
        element("desc", _NOTE, id="diagram-note"),
        *parts,
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        class_="diagram",
        aria_labelledby="diagram-title",
        aria_describedby="diagram-note",
    )


def _places(names: list[str] | tuple[str, ...], height: float) -> dict[str, float]:
    """Middle of each of some boxes, spread over a column."""
    step = (height - _TOP) / max(len(names), 1)
    return {name: _TOP + step * (place + 0.5) for place, name in enumerate(names)}


def _edges(
    stages: tuple[Stage, ...],
    made_of: Mapping[str, tuple[str, ...]],
    left: Mapping[str, float],
    middle: Mapping[str, float],
    right: Mapping[str, float],
) -> Iterator[Html]:
    for stage in stages:
        for section in stage.sections:
            yield _curve(sum(_LEFT), left[section], _MIDDLE[0], middle[stage.title])
        for before in stage.takes:
            yield _bow(middle[before], middle[stage.title])
    for outcome, sources in made_of.items():
        for source in sources:
            yield _curve(sum(_MIDDLE), middle[source], _RIGHT[0], right[outcome])


def _curve(x: float, y: float, end: float, y_end: float) -> Html:
    half = (x + end) / 2
    return element("path", d=f"M{x:g} {y:.1f}C{half:g} {y:.1f} {half:g} {y_end:.1f} {end:g} {y_end:.1f}")


def _bow(y: float, y_end: float) -> Html:
    """From one stage to a later one, beside those between."""
    x = _MIDDLE[0] + _MIDDLE[1] * 0.5
    start, end = y + _STAGE_HEIGHT / 2, y_end - _STAGE_HEIGHT / 2
    return element("path", d=f"M{x:g} {start:.1f}L{x:g} {end:.1f}", class_="order")


def _box(name: str, column: tuple[int, int], y: float, height: float) -> Html:
    x, width = column
    shape = element("rect", x=x, y=f"{y - height / 2:.1f}", width=width, height=f"{height:g}", rx=4)
    return joined([shape, _text(capital(readable(name)), x + width / 2, y + 4)])


def _head(words: str, column: tuple[int, int]) -> Html:
    return _text(words, column[0] + column[1] / 2, 16, "head")


def _text(words: str, x: float, y: float, kind: str | None = None) -> Html:
    return element("text", words, x=f"{x:g}", y=f"{y:.1f}", text_anchor="middle", class_=kind)
