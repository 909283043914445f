"""How wide words are, and how a text is broken so that it fits: measured, never guessed from the number of letters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

__all__ = ["broken", "fitting", "shortened", "text_width", "wrapped"]

FAMILY: Final = "DejaVu Sans"

_POINTS_PER_INCH: Final = 72.0


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Inches that a text of some points is wide: the widest of its lines."""
    font = FontProperties(family=FAMILY, size=size, weight="bold" if bold else "normal")
    lines = (text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] for line in text.split("\n"))
    return float(max(lines)) / _POINTS_PER_INCH


def broken(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """A text in lines of some inches, broken between words; a word that is wider than a line is shortened."""
    lines = [""]
    left, space = 0.0, text_width(" ", size, bold=bold)
    for word in text.split():
        wide = text_width(word, size, bold=bold)
        if lines[-1] and left + space + wide <= width:
            lines[-1], left = f"{lines[-1]} {word}", left + space + wide
        else:
            lines, left = [*filter(None, lines), shortened(word, size, width, bold=bold)], wide
    return lines


def shortened(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """A line as it is where it fits some inches, else its beginning and a mark of omission."""
    kept = text
    while kept and text_width(text, size, bold=bold) > width:
        kept = kept[:-1]
        text = f"{kept.rstrip()} …"
    return text


def wrapped(text: str, size: float, width: float, lines: int = 2, *, bold: bool = False) -> str:
    """A text in at most so many lines of some inches; what is too much ends in a mark of omission."""
    taken = broken(text, size, width, bold=bold)
    rest = [shortened(" ".join(taken[lines - 1 :]), size, width, bold=bold)] if len(taken) > lines else []
    return "\n".join([*taken[: lines - 1], *rest] if rest else taken)


def fitting(texts: Sequence[str], size: float, width: float, lines: int) -> list[str]:
    """The first of some bold texts that takes no more than so many lines; if none does, what fits of the last."""
    for text in texts:
        taken = broken(text, size, width, bold=True)
        if len(taken) <= lines:
            return taken
    return [*taken[: lines - 1], shortened(" ".join(taken[lines - 1 :]), size, width, bold=True)]
