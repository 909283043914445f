"""YAML text as a tree: what is refused, where, and what words and numbers mean."""

from __future__ import annotations

import datetime
import os

import pytest
from conftest import SMALL, Folder
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.reading.documents import parse

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)

REFUSED = {
    "a sequence left open": ("a: [1\n", "case.yaml:2:1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
    "a colon too many": ("a: b: c\n", "case.yaml:1:5: not valid YAML: mapping values are not allowed here"),
    "a duplicate key": ("b: 1\na: 1\nb: 2\n", "case.yaml:3:1: the key 'b' stands twice (first in line 1)"),
    "a Python tag": (
        "a: !!python/object:os.system x\n",
        "case.yaml:1:4: tags have no meaning here (found 'tag:yaml.org,2002:python/object:os.system')",
    ),
    "a key that is a list": (
        "? [1]\n: 2\n",
        "case.yaml:1:3: a key must be a word (found a list, a mapping or an alias)",
    ),
    "an unknown alias": (
        "x: &one 1\na: *on\n",
        "case.yaml:2:4: unknown alias (found 'on'; allowed one; did you mean 'one'?)",
    ),
    "a tree in itself": ("a: &a [*a]\n", "case.yaml:1:8: unknown alias (found 'a'; allowed nothing)"),
    "an alias bomb": (BOMB, "case.yaml:5:4: unfolds to more than 100,000 values"),
    "deep nesting": ("a: " + "[" * 500, "case.yaml:1:35: is nested deeper than 32 levels"),
    "a second document": ("a: 1\n---\nb: 2\n", "case.yaml:3:1: a file holds one document (found a second)"),
    "an empty file": ("", "case.yaml: is empty"),
    "a file of comments": ("# nothing\n", "case.yaml: is empty"),
    "a file of a rule": ("---\n", "case.yaml: is empty"),
    "a list at the top": ("- 1\n", "case.yaml:1:1: the top of the file must be a mapping of keys (found a list of 1)"),
    "a control character": (b"a: 1\nb: \x00\n", "case.yaml:2:4: is not a text file (found the character U+0000)"),
    "binary rubbish": (bytes(range(128, 256)), "case.yaml: is not text in UTF-8 (found byte 0x80 at 0)"),
    "a huge file": ("#" * 250_001, "case.yaml: is larger than 250,000 bytes, too large for a scenario"),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_tree_is_refused_in_one_line(folder: Folder, text: str | bytes, line: str) -> None:
    assert folder.complaints(folder.write("case.yaml", text)) == [line]


def test_a_missing_file_names_its_nearest_neighbour(folder: Folder) -> None:
    found = "(found 'smal.yaml'; allowed small.yaml, sources.yaml; did you mean 'small.yaml'?)"
    assert folder.complaints("smal.yaml") == [f"smal.yaml: no such file {found}"]


def test_a_directory_is_refused(folder: Folder) -> None:
    assert folder.complaints(".") == [".: is a directory, not a file"]


def test_a_pipe_is_refused_and_not_waited_for(folder: Folder) -> None:
    os.mkfifo(folder.path / "pipe.yaml")
    assert folder.complaints("pipe.yaml") == ["pipe.yaml: is not a regular file"]


MEANINGS = {
    "no": "no",
    "off": "off",
    "5e8": 5e8,
    "0.5": 0.5,
    ".5": 0.5,
    "-3": -3,
    "010": 10,
    "1_000": "1_000",
    "12:30": "12:30",
    "true": True,
    "~": None,
    "2018-12-31": datetime.date(2018, 12, 31),
    "2018-02-30": "2018-02-30",
    "'2018-12-31'": "2018-12-31",
    "'5'": "5",
}


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_scalars_mean_what_yaml_1_2_says(text: str, meaning: object) -> None:
    value = parse(f"key: {text}", "case.yaml").plain()["key"]
    assert (type(value), value) == (type(meaning), meaning)


def test_keys_stay_words() -> None:
    assert parse("1: a\nno: b\n2018-12-31: c\n", "case.yaml").plain() == {"1": "a", "no": "b", "2018-12-31": "c"}


def test_an_entry_stands_where_its_key_stands() -> None:
    place = parse("a:\n  bc:   5\n", "case.yaml").nearest(("a", "bc")).place
    assert (place.file, place.line, place.column) == ("case.yaml", 2, 3)


def test_an_alias_stands_where_it_is_used() -> None:
    assert parse("a: &x [1]\nb: *x\n", "case.yaml").nearest(("b",)).place.line == 2


@given(st.text(max_size=40), st.integers(0, len(SMALL)))
def test_no_text_breaks_the_reader(text: str, position: int) -> None:
    spoilt = SMALL[:position] + text + SMALL[position:]
    try:
        parse(spoilt[max(0, position - 200) : position + 200], "case.yaml")
    except ScenarioError as error:
        assert len(error.problems) == 1  # noqa: PT017 - either way is right, but no other error is
