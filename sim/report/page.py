"""The report: a study as one HTML file that needs nothing but a browser.

The same material gives the same bytes. All that is text stands on the page without any script; scripts add what paper
cannot do, to search and to sort.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from sim.report.figures import Figures
from sim.report.markup import Html, element, joined
from sim.report.material import Material
from sim.report.sections import Section, sections

__all__ = ["GENERATOR", "page"]

GENERATOR: Final = "sim report"
"""By which a page of ours is known."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""What a browser may load: nothing."""


def page(material: Material) -> bytes:
    """A study on one page.

    Parameters
    ----------
    material : Material

    Returns
    -------
    bytes
        HTML in UTF-8.
    """
    figures = Figures()
    parts = list(sections(material, figures))
    document = element("html", _head(material), _body(material, parts, figures), lang="en")
    return f"<!doctype html>\n{document}\n".encode()


def _head(material: Material) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=GENERATOR),
        element("link", rel="icon", href="data:,"),
        element("title", material.verdict.question),
        element("style", _file("style.css")),
    )


def _body(material: Material, parts: list[Section], figures: Figures) -> Html:
    verdict = material.verdict
    return element(
        "body",
        element("a", "To the answer", href="#verdict", class_="skip"),
        figures.letters,
        element("header", element("h1", verdict.question), element("p", verdict.basis, class_="basis")),
        element("nav", element("ol", *map(_entry, parts)), aria_label="Contents"),
        element("main", *map(_section, parts)),
        element("script", _file("page.js")),
    )


def _entry(part: Section) -> Html:
    return element("li", element("a", part.title, href=f"#{part.id}"))


def _section(part: Section) -> Html:
    heading, label = element("h2", part.title, id=f"{part.id}-heading"), f"{part.id}-heading"
    return element("section", heading, part.content, id=part.id, class_=part.kind or None, aria_labelledby=label)


def _file(name: str) -> Html:
    """A part of the page that is the same for every study."""
    return joined([Html((files("sim.report") / name).read_text(encoding="utf-8"))])
