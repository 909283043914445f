"""Formulas as MathML, made while the pages are built: a browser needs no script and no network to show them."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

_TAG = re.compile(r"\\tag\{(\d+)\}")


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """A formula within a line."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own, with its number, by which a page can be entered: `model.html#equation-4`."""
    number = _TAG.search(node.astext())
    formula = convert(_TAG.sub("", node.astext()).strip(), display="block")
    label = (
        f'<a class="number" id="equation-{number[1]}" href="#equation-{number[1]}">({number[1]})</a>' if number else ""
    )
    writer.body.append(f'<div class="formula"><div>{formula}</div>{label}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the renderer to Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
