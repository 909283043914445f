"""What words a figure draws, and where: for tests that nothing is clipped and no words lie on others."""

from __future__ import annotations

from itertools import combinations

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from sim.pictures.style import STYLE

_SLACK = 2.0
"""Pixels by which boxes may touch: a box has room for accents and descenders that few words have."""


def drawn_words(figure: Figure) -> list[tuple[str, Bbox]]:
    """Each text that is drawn, with its box in pixels; ticks out of sight are not drawn."""
    words: list[Text] = []
    own = Text.draw

    def draw(text: Text, renderer: object, *rest: object) -> None:
        if text.get_visible() and text.get_text().strip() and text.get_in_layout() is not False:
            words.append(text)
        own(text, renderer, *rest)  # type: ignore[arg-type]

    with mpl.rc_context(STYLE), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", draw)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return [(text.get_text(), text.get_window_extent()) for text in words]


def clipped(figure: Figure) -> list[str]:
    """Words that reach beyond the sheet."""
    width, height = figure.bbox.size
    return [text for text, box in drawn_words(figure) if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of words that lie on each other."""
    return [
        (one, other)
        for (one, first), (other, second) in combinations(drawn_words(figure), 2)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > _SLACK
        and min(first.y1, second.y1) - max(first.y0, second.y0) > _SLACK
    ]
