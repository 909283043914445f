"""What sections are made of: tables, pictures with their tables, lists of sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from sim.report.figures import Figures
from sim.report.markup import Content, Html, element, joined
from sim.report.material import Sheet
from sim.wording import capital, readable

__all__ = ["details", "paragraphs", "picture", "scrolled", "sentences", "table"]

_SHORT: Final = 40
"""Letters of a cell that stays on one line."""

_NUMBER: Final = re.compile(r"[+−-]?[\d,]*\.?\d+%?")


def table(sheet: Sheet) -> Html:
    """A table that scrolls inside itself where it is too wide."""
    head = element("tr", *(element("th", name, scope="col") for name in sheet.header))
    numeric = [all(map(_is_number, column)) for column in zip(*sheet.rows, strict=True)] or [False] * len(sheet.header)
    body = joined(_row(cells, numeric) for cells in sheet.rows)
    content = element("table", element("thead", head), element("tbody", body), aria_label=sheet.caption)
    return joined([element("p", sheet.caption, class_="caption"), scrolled(content, sheet.caption)])


def _row(cells: Sequence[str], numeric: Sequence[bool]) -> Html:
    first, *others = cells
    rest = (
        element("td", cell, class_="n" if is_number else "short" if len(cell) <= _SHORT else None)
        for cell, is_number in zip(others, numeric[1:], strict=True)
    )
    return element("tr", element("th", first, scope="row"), *rest)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None or cell in ("", "–")


def scrolled(content: Content, name: str) -> Html:
    """Something that may be wider than the page, reached by keyboard too."""
    return element("div", content, class_="wide", tabindex=0, role="group", aria_label=name)


def details(summary: str, *content: Content) -> Html:
    """What is there for whoever asks for it; paper has it in any case."""
    return element("details", element("summary", summary), *content)


def paragraphs(texts: Iterable[str]) -> Html:
    """Sentences, a paragraph each."""
    return joined(element("p", text) for text in texts)


def sentences(groups: Sequence[Sequence[str]]) -> Html:
    """Groups of sentences, of which the first names the group."""
    return joined(
        element(
            "div",
            element("p", element("strong", first)),
            element("ul", *(element("li", text) for text in others)) if others else None,
            class_="findings",
        )
        for first, *others in groups
    )


def picture(figures: Figures, name: str, svg: str, *sheets: Sheet) -> Html:
    """A picture under its title, with what it says below it and its table."""
    plate = figures.plate(name, svg)
    title = plate.title or capital(readable(name))
    parts = [
        element("h3", title, id=f"{name}-heading"),
        element("div", plate.body, class_="plate", tabindex=0, role="group", aria_label=f"Picture: {title}"),
        element("p", plate.note, class_="note") if plate.note else None,
    ]
    tables = [table(sheet) for sheet in sheets if sheet.rows]
    footer = element("p", plate.footer, class_="source") if plate.footer else None
    summary = "The numbers, and where they are from" if tables else "Where it is from"
    below = details(summary, *tables, footer) if tables or footer else None
    return joined([element("figure", *parts), below])
