"""Nothing of a picture of runs is clipped, and no words lie on others, however many scenarios there are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import pytest
from lettering import clipped, drawn_words, overlaps
from picture_runs import study
from test_plots import NAMES

from sim.pictures.lettering import broken, fitting, shortened, text_width
from sim.pictures.plots import drawable
from sim.pictures.registry import figure
from sim.pictures.style import WIDTH, grid, sheet

SHIPPED = (
    *("jv_only", "ftz_pilot", "full_liberalization", "piecemeal", "announced_path", "reversal"),
    *("forced_transfer", "transfer_ban", "new_entrant"),
)
LONG: Mapping[str, Mapping[str, str]] = {
    name: {"title": f"{name} with a title as long as any title of a scenario may be"[:60]} for name in SHIPPED
}
STUDIES = {
    "one": study("ftz_pilot", lifts=[0.02]),
    "three": study(*SHIPPED[:3]),
    "nine": study(*SHIPPED),
    "twins": study("jv_only", "ftz_pilot", lifts=[0, 0]),
    "a loss": study("jv_only", "ftz_pilot", lifts=[0, -0.01]),
    "a hundredfold": study("jv_only", "ftz_pilot", lifts=[0, 3.0]),
    "long titles": study(*SHIPPED[:3], stated=LONG),
}
CASES = [(studied, name) for studied, runs in STUDIES.items() for name in drawable(runs)]


@pytest.mark.parametrize(("studied", "name"), CASES)
def test_no_words_are_clipped_or_lie_on_others(studied: str, name: str) -> None:
    shown = figure(name, STUDIES[studied])
    assert len(drawn_words(shown)) > 10
    assert not clipped(shown)
    assert not overlaps(shown)


@pytest.mark.parametrize("name", NAMES)
def test_no_number_reads_as_a_signed_zero_or_as_nothing(name: str) -> None:
    for runs in STUDIES.values():
        if name in drawable(runs):
            words = [text for text, _ in drawn_words(figure(name, runs))]
            assert not [text for text in words if any(bad in text for bad in ("nan", "inf", "−0.0 ", "-0", "+0.0 "))]


def test_a_title_takes_as_many_lines_as_have_room_and_the_longest_that_fits() -> None:
    width = WIDTH - 1
    for words in range(1, 60):
        text = " ".join(["seventeen"] * words)
        lines = broken(text, 18, width, bold=True)
        assert " ".join(lines) == text
        assert all(text_width(line, 18, bold=True) <= width for line in lines)
    assert fitting([text, "one two"], 18, width, 2) == ["one two"]
    three = next(
        t for t in (" ".join(["seventeen"] * n) for n in range(1, 60)) if len(broken(t, 18, width, bold=True)) == 3
    )
    assert fitting([three, "one two"], 18, width, 2) == ["one two"]
    cut = fitting([text], 18, width, 2)
    assert len(cut) == 2
    assert cut[1].endswith("…")
    assert text_width(cut[1], 18, bold=True) <= width


def test_a_word_wider_than_the_sheet_is_shortened() -> None:
    assert text_width(shortened("m" * 500, 18, 12.0), 18) <= 12.0
    assert [line[-1] for line in broken("m" * 500, 18, 12.0)] == ["…"]


def test_a_text_of_several_lines_is_as_wide_as_the_widest() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert text_width("one\nthe widest\n", 10) == text_width("the widest", 10)


def test_what_is_below_a_long_title_stands_lower_by_as_much() -> None:
    results = STUDIES["one"].results
    short, long = (sheet(" ".join(["word"] * count), "note", results, ["shares"]) for count in (3, 30))
    assert long.more > short.more == 0
    assert np.isclose(long.get_figheight() - short.get_figheight(), long.more)
    tops = [grid(one, 1, 1)[0, 0].get_position(one).y1 * one.get_figheight() for one in (short, long)]
    assert np.isclose(*tops)
