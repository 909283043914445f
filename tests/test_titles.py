"""What a scenario is called, and its colour, where people read."""

from collections import Counter

import pytest
from conftest import SMALL, Folder, small
from shipped import RUNNABLE, scenario

from sim.outcomes.naming import Outcome
from sim.reading.loading import load_scenario
from sim.scenario.inputs import titles
from sim.wording import readable


def test_a_scenario_is_called_by_its_name_in_words_unless_it_states_a_title(folder: Folder) -> None:
    assert load_scenario(folder.variant("")).title == "Case"
    assert load_scenario(folder.variant("title: Room for all\n")).title == "Room for all"


def test_a_title_and_a_colour_are_a_scenario_s_own(folder: Folder) -> None:
    base = load_scenario(folder.write("small.yaml", f"{SMALL}\ntitle: The base\ncolour: '#123456'\n"))
    case = load_scenario(folder.variant(""))
    assert (base.title, base.colour) == ("The base", "#123456")
    assert (case.title, case.colour) == ("Case", None)


def test_a_colour_is_six_digits_behind_a_mark(folder: Folder) -> None:
    (problem,) = folder.complaints(folder.variant("colour: blue\n"))
    assert "case.yaml:3:1: colour: must be a colour such as '#0072B2'" in problem


def test_another_name_is_another_title() -> None:
    assert small().named("next_door").title == "Next door"


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_number_is_called_something_and_no_two_the_same(name: str) -> None:
    words = titles(scenario(name))
    assert [path for path, title in words.items() if title == readable(path)] == []
    assert [title for title, times in Counter(words.values()).items() if times > 1] == []


def test_an_id_on_the_way_is_called_by_its_title(folder: Folder) -> None:
    text = "segments: {firms: {title: banks and shops}}\n"
    words = titles(load_scenario(folder.variant(text)))
    assert words["segments.firms.weight"] == "weight of banks and shops among customers"


def test_a_title_is_nothing_that_could_move_a_result(folder: Folder) -> None:
    text = "segments: {firms: {title: banks and shops}}\nproviders: {aws: {title: Another, origin: foreign}}\n"
    assert load_scenario(folder.variant(text)).overridden == {}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("foreign_share", "total", "", 2030, "fraction"), "foreign share, all layers, 2030"),
        (Outcome("npv", "total", "foreign", 2030, "USD bn"), "NPV, foreign providers, 2030"),
        (
            Outcome("market_share", "iaas", "aws", 2030, "fraction", is_gain=True),
            "gain in market share, AWS, IaaS, 2030",
        ),
        (Outcome("event_date", "", "aws.launch", 2030, "year"), "event date, AWS launch, 2030"),
    ],
)
def test_an_outcome_is_told_by_what_whose_where_and_when(outcome: Outcome, words: str) -> None:
    assert outcome.words(scenario("jv_only")) == words
