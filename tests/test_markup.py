"""HTML by construction, and the engine's pictures inside it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.figures import Figures
from sim.report.markup import Html, element, joined

PICTURE = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"
  "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="960pt" height="540pt" viewBox="0 0 960 540" version="1.1">
 <metadata>anything</metadata>
 <defs>
  <style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style>
 </defs>
 <g id="figure_1">
  <g id="patch_1">
   <path d="M 0 540
L 960 540
z
" style="fill: #ffffff"/>
  </g>
  <g id="axes_1">
   <path d="M 82.84615 289.812345
L 303.2 -12.96
" clip-path="url(#p00f6c599f1)" style="fill: none"/>
   <g id="text_9">
    <!-- a &lt;b&gt; -->
    <g style="fill: #222222" transform="translate(59.940625 293.598828) scale(0.1 -0.1)">
     <defs>
      <path id="DejaVuSans-13" d="M 2034 4250
Q 1547 4250 1301 3770
z
" transform="scale(0.015625)"/>
     </defs>
     <use xlink:href="#DejaVuSans-13"/>
     <use xlink:href="#DejaVuSans-13" transform="translate(63.625 0)"/>
    </g>
   </g>
  </g>
  <g id="text_1">
   <!-- What it &lt;is&gt; -->
   <g style="fill: #222222" transform="translate(36 30) scale(0.19 -0.19)">
    <use xlink:href="#DejaVuSans-13"/>
   </g>
  </g>
  <g id="text_2">
   <!-- How to -->
   <g style="fill: #6e6e6e" transform="translate(36 56) scale(0.11 -0.11)">
    <use xlink:href="#DejaVuSans-13"/>
   </g>
   <!-- read it. -->
   <g style="fill: #6e6e6e" transform="translate(36 70) scale(0.11 -0.11)">
    <use xlink:href="#DejaVuSans-13"/>
   </g>
  </g>
  <g id="text_3">
   <!-- Sources. -->
   <g style="fill: #6e6e6e" transform="translate(36 529) scale(0.08 -0.08)">
    <use xlink:href="#DejaVuSans-13"/>
   </g>
  </g>
 </g>
 <defs>
  <clipPath id="p00f6c599f1">
   <rect x="82.8" y="144" width="220.4" height="145.8"/>
  </clipPath>
 </defs>
</svg>
"""


class Reader(HTMLParser):
    """What a browser would make of some markup: the names of elements, their attributes, and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


MARKS = ("<", "</", "<!--", "-->", ">", "&", "lt;", "amp;", "#60;", '"', "'", "=", "/", "script", "b", "ü", " ")

HOSTILE = st.lists(st.sampled_from(MARKS), max_size=12).map("".join)
"""What would be markup if it were not escaped."""


@given(HOSTILE, HOSTILE)
def test_any_text_stays_text(content: str, value: str) -> None:
    read = Reader(element("p", content, title=value))
    assert read.elements == [("p", {"title": value})]
    assert read.text == content


def test_a_script_in_a_title_is_shown_and_never_run() -> None:
    assert element("h1", "<script>alert(1)</script>") == "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>"


def test_markup_is_not_escaped_again_and_joins_text_that_is() -> None:
    assert joined([element("b", "a"), "<", None, Html("<br>")]) == "<b>a</b>&lt;<br>"


def test_characters_that_no_document_may_hold_are_replaced() -> None:
    assert element("p", "a\x00b\ud800c", title="\x1b").encode() == '<p title="\ufffd">a\ufffdb\ufffdc</p>'.encode()


@pytest.mark.parametrize(
    ("value", "markup"), [(True, "<input hidden>"), (False, "<input>"), (None, "<input>"), (0, '<input hidden="0">')]
)
def test_an_attribute_may_be_there_without_a_value(value: bool | int | None, markup: str) -> None:
    assert element("input", hidden=value) == markup


def test_a_picture_is_taken_apart_into_its_words_and_what_it_draws() -> None:
    figures = Figures()
    plate = figures.plate("one", PICTURE)
    assert (plate.title, plate.note, plate.footer) == ("What it <is>", "How to read it.", "Sources.")
    read = Reader(plate.body)
    assert read.text == "What it <is>How to read it."
    assert [tag for tag, _ in read.elements].count("use") == 1
    assert '<g id="w0"><use href="#g0"/><use href="#g0" x="63.62"/></g>' in figures.letters


def test_a_picture_names_itself_to_who_cannot_see_it() -> None:
    (_, svg), *others = Reader(Figures().plate("one", PICTURE).body).elements
    named = {attributes.get("id"): tag for tag, attributes in others}
    assert svg["role"] == "img"
    assert named[svg["aria-labelledby"]] == "title"
    assert named[svg["aria-describedby"]] == "desc"


def test_pictures_share_their_lines_of_letters_and_no_other_id() -> None:
    figures = Figures()
    plates = [figures.plate(name, PICTURE) for name in ("one", "two")]
    whole = Reader(figures.letters + plates[0].body + plates[1].body).elements
    ids = [attributes["id"] for _, attributes in whole if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert figures.letters.count("<path") == 1
    used = {str(attributes["href"])[1:] for tag, attributes in whole if tag == "use"}
    clipped = {str(attributes["clip-path"])[5:-1] for _, attributes in whole if "clip-path" in attributes}
    assert used | clipped <= set(ids)


def test_numbers_keep_the_digits_that_can_be_seen() -> None:
    assert 'd="M82.8 289.8L303.2-13"' in Figures().plate("one", PICTURE).body


def test_a_picture_without_words_is_shown_whole() -> None:
    plate = Figures().plate("one", '<svg viewBox="0 0 10 20"><path d="M 0 0"/></svg>')
    assert plate.title == ""
    assert 'viewBox="0 0 10 20"' in plate.body
