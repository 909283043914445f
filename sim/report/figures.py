"""The engine's own pictures inside a page: what they say as text, what they draw as a lean SVG.

A picture as Matplotlib writes it has each letter as an outline and each number with six digits. Inside a page the
outlines of all pictures stand once, titles and notes become text that can be read aloud, searched and wrapped, and a
number has the digits that can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Final

from sim.report.markup import Html, element

__all__ = ["Figures", "Plate"]

_TEXT: Final = re.compile(
    r'<g id="text_\d+">\s*(?P<lines>(?:<!--(?:(?!-->).)*-->\s*'
    r'<g style="[^"]*" transform="translate\([^)]*\) scale\([^)]*\)">.*?</g>\s*)+)</g>',
    re.DOTALL,
)
_LINE: Final = re.compile(
    r"<!-- (?P<words>(?:(?!-->).)*) -->\s*"
    r'<g style="[^"]*" transform="translate\((?P<x>[-.\d]+) (?P<y>[-.\d]+)\) scale\((?P<size>[.\d]+) ',
    re.DOTALL,
)
_GLYPH: Final = re.compile(r'<path id="([^"]+)" d="([^"]*)" transform="scale\(0\.015625\)"/>')
_LETTER: Final = re.compile(r'<use xlink:href="#([^"]+)"(?: transform="translate\(([-.\d]+) ([-.\d]+)\)")?/>')
_LETTERS: Final = re.compile(r'(?:<use xlink:href="#[^"]+"(?: transform="translate\([^)]*\)")?/>\s*)+')
_VIEW: Final = re.compile(r'<svg[^>]* viewBox="0 0 ([.\d]+) ([.\d]+)"[^>]*>')
_GROUND: Final = re.compile(r'<g id="patch_1">.*?</g>', re.DOTALL)
"""The sheet behind all that is drawn: the card behind the picture stands for it."""

_DROPPED: Final = re.compile(
    r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE[^>]*>", re.DOTALL
)
_EMPTY: Final = re.compile(r"<defs>\s*</defs>")
_GROUP: Final = re.compile(r"<g(?: id=\"[^\"]*\")?(?P<style> [^>]*)?>|</g>")
_LONG: Final = re.compile(r"-?\d+\.\d\d+")
_PATH: Final = re.compile(r' d="([^"]*)"')
_ID: Final = re.compile(r' id="([^"]+)"')
_REFERENCE: Final = re.compile(r"(?<=#)[^\")]+(?=[\")])")
_SPACE: Final = re.compile(r"\s*\n\s*")
_AFTER: Final = re.compile(r"(?<=[A-Za-z]) | (?=[A-Za-z-])")

_MARGIN: Final = 9.0
"""Points left around what is drawn, where title and footer were cut off."""


@dataclass(frozen=True)
class Plate:
    """A picture taken apart.

    Attributes
    ----------
    title, note, footer : str
        What stands in it above and below what is drawn; empty where there is none.
    body : Html
        The SVG of what is drawn.
    """

    title: str
    note: str
    footer: str
    body: Html


@dataclass
class Figures:
    """The pictures of one page, which have their letters, and lines of them, in common."""

    _letters: dict[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, str], str] = field(default_factory=dict)
    _lines: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    @property
    def letters(self) -> Html:
        """The outlines of all letters, and the lines made of them, to stand once in the page, before any picture."""
        paths = "".join(
            f'<path id="{name}" transform="scale(.015625)" d="{outline}"/>' for name, outline in self._letters.items()
        )
        lines = "".join(f'<g id="{name}">{letters}</g>' for letters, name in self._lines.items())
        hidden = 'width="0" height="0" class="letters" aria-hidden="true" focusable="false"'
        return Html(f"<svg {hidden}><defs>{paths}{lines}</defs></svg>")

    def plate(self, name: str, svg: str) -> Plate:
        """Take a picture apart.

        Parameters
        ----------
        name : str
            Tells its ids from those of other pictures.
        svg : str
            As Matplotlib writes it.
        """
        self._count += 1
        words = _Words.of(svg)
        outlines = dict(_GLYPH.findall(svg))
        drawn = _GLYPH.sub("", _GROUND.sub("", words.rest, count=1))
        drawn = _LETTERS.sub(lambda line: self._line(line, outlines), drawn)
        drawn = _EMPTY.sub("", _DROPPED.sub("", drawn))
        drawn = _without_bare_groups(_with_short_numbers(_with_own_ids(drawn, f"p{self._count}-")))
        body = _VIEW.sub("", drawn).replace("</svg>", "").replace("xlink:href", "href")
        label = f"{name}-title"
        head = element("title", words.title, id=label) + element("desc", words.note, id=f"{name}-note")
        view = " ".join(f"{number:g}" for number in words.view)
        opening = (
            f'<svg viewBox="{view}" role="img" aria-labelledby="{label}" aria-describedby="{name}-note" '
            f'stroke-linejoin="round" stroke-linecap="butt" xmlns="http://www.w3.org/2000/svg">'
        )
        return Plate(words.title, words.note, words.footer, Html(f"{opening}{head}{_SPACE.sub('', body)}</svg>"))

    def _line(self, line: re.Match[str], outlines: dict[str, str]) -> str:
        """A line of letters: most of them, such as years along an axis, stand in several pictures."""
        letters = _LETTER.sub(lambda use: self._letter(use, outlines), line[0])
        name = self._lines.setdefault(_SPACE.sub("", letters), f"w{len(self._lines)}")
        return f'<use href="#{name}"/>'

    def _letter(self, use: re.Match[str], outlines: dict[str, str]) -> str:
        """One letter of a line: the outline that all pictures share."""
        name, x, y = use.groups()
        if name not in outlines:
            return use[0]
        key = (name, outlines[name])
        if key not in self._known:
            self._known[key] = f"g{len(self._known)}"
            self._letters[self._known[key]] = _tight(outlines[name])
        places = [f' {axis}="{float(value):.4g}"' for axis, value in (("x", x), ("y", y)) if value and float(value)]
        return f'<use href="#{self._known[key]}"{"".join(places)}/>'


@dataclass(frozen=True)
class _Words:
    """What a picture says around what it draws, the rest of it, and the part of the sheet that the rest takes."""

    title: str
    note: str
    footer: str
    rest: str
    view: tuple[float, float, float, float]

    @classmethod
    def of(cls, svg: str) -> _Words:
        """Read the lines at the sheet's left edge: the largest are the title, what is below it the note."""
        sheet = _VIEW.search(svg)
        width, height = (float(sheet[1]), float(sheet[2])) if sheet else (0.0, 0.0)
        blocks = [_Block.of(found) for found in _TEXT.finditer(svg)]
        size = max((block.size for block in blocks), default=0.0)
        title = next((block for block in blocks if block.size == size), None)
        if title is None:
            return cls("", "", "", svg, (0.0, 0.0, width, height))
        aligned = [block for block in blocks if block.x == title.x and block is not title]
        note = next((block for block in aligned if block.top > title.bottom and block.bottom < height / 2), None)
        footer = next((block for block in reversed(aligned) if block.top > height / 2), None)
        taken = [block for block in (title, note, footer) if block is not None]
        rest = svg
        for block in taken:
            rest = rest.replace(block.markup, "", 1)
        top = max(block.bottom for block in taken if block is not footer) + _MARGIN
        bottom = height if footer is None else footer.top - footer.size * 100
        words = (title.words, "" if note is None else note.words, "" if footer is None else footer.words)
        return cls(*words, rest, (0.0, top, width, bottom - top))


@dataclass(frozen=True)
class _Block:
    """Some lines of text: where they begin, where the first and the last of them stand, in points."""

    words: str
    x: float
    top: float
    bottom: float
    size: float
    markup: str

    @classmethod
    def of(cls, found: re.Match[str]) -> _Block:
        lines = list(_LINE.finditer(found["lines"]))
        words = " ".join(unescape(line["words"]).replace("- -", "--") for line in lines)  # a comment holds no "--"
        heights = [float(line["y"]) for line in lines]
        first = lines[0]
        return cls(words, float(first["x"]), min(heights), max(heights), float(first["size"]), found[0])


def _with_own_ids(svg: str, beginning: str) -> str:
    """The ids that something refers to, unlike those of any other picture; others go."""
    meant = set(_REFERENCE.findall(svg))
    names = {name: f"{beginning}{place}" for place, name in enumerate(dict.fromkeys(_ID.findall(svg))) if name in meant}
    svg = _ID.sub(lambda found: f' id="{names[found[1]]}"' if found[1] in names else "", svg)
    return _REFERENCE.sub(lambda found: names.get(found[0], found[0]), svg)


def _with_short_numbers(svg: str) -> str:
    """Paths to a tenth of a point, the rest to a hundredth; scales and colours keep their digits."""
    return _LONG.sub(_to_hundredths, _PATH.sub(lambda found: f' d="{_tight(found[1])}"', svg))


def _to_hundredths(found: re.Match[str]) -> str:
    value = float(found[0])
    return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}".rstrip("0").rstrip(".")


def _to_tenths(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")


def _tight(path: str) -> str:
    """A path with tenths of a point, and no space that it does not need."""
    return _AFTER.sub("", _SPACE.sub(" ", _LONG.sub(_to_tenths, path)).strip())


def _without_bare_groups(svg: str) -> str:
    """Groups that set nothing are of no use."""
    return "".join(_groups(svg))


def _groups(svg: str) -> Iterator[str]:
    kept: list[bool] = []
    last = 0
    for found in _GROUP.finditer(svg):
        yield svg[last : found.start()]
        last = found.end()
        if found[0] == "</g>":
            yield found[0] if kept.pop() else ""
        else:
            kept.append(bool(found["style"]))
            yield f"<g{found['style']}>" if found["style"] else ""
    yield svg[last:]
