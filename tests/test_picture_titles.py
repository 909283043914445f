"""What pictures say above themselves is true of the numbers, whatever these are."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from picture_runs import DRAWS, study

from sim.axes import FloatArray
from sim.pictures import captions, titles
from sim.pictures.plots import drawable
from sim.pictures.registry import figure
from sim.pictures.titles import Change, Level
from sim.wording import money, percent, points

RNG = np.random.default_rng(7)
COLUMNS: dict[str, FloatArray] = {
    "nothing": np.zeros(DRAWS),
    "next to nothing": np.r_[np.zeros(DRAWS - 1), 1e-6],
    "a gain": RNG.gamma(1.0, 4.0, DRAWS),
    "a loss": -RNG.gamma(1.0, 4.0, DRAWS),
    "a gain in few draws": np.where(RNG.random(DRAWS) < 0.1, 20.0, 0.0),
    "a small loss and a great gain": np.where(RNG.random(DRAWS) < 0.2, 50.0, -1.0),
    "a fall through zero": np.where(RNG.random(DRAWS) < 0.2, -50.0, 1.0),
    "more than there is": np.full(DRAWS, 1e6),
    "a hair": np.full(DRAWS, -0.004),
}
AMOUNT = titles.amount_in("USD")

ONE: dict[str, Callable[[Change], titles.Titles]] = {
    "share": lambda one: titles.share_changes([one], 2030, ("luck", 0.5)),
    "both": lambda one: titles.two_changes([one], [one], 2030, AMOUNT),
    "chances": lambda one: titles.chances([one], "Closed", 2030),
    "parties": lambda one: titles.parties("Open", [one, Change.of("others", -COLUMNS["a gain"])], 2030, AMOUNT),
    "present value": lambda one: titles.present_value([one], 2030, AMOUNT),
    "market": lambda one: titles.market(Level("Closed", 7, 7), Level("Closed", 70, 90), (2018, 2030), [one], AMOUNT),
}


@pytest.mark.parametrize("title", ONE)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_title_of_any_numbers_is_a_sentence_without_signed_zeros(title: str, column: str) -> None:
    for said in ONE[title](Change.of("Open", COLUMNS[column])):
        assert said[0].isupper()
        assert not re.search(r"nan|inf|[-−+]0(\.0+)?(?![.\d])|\s{2}|\(\)|-\d", said), said


def test_the_scenario_that_moves_most_in_the_mean_is_named_with_median_and_mean() -> None:
    changes = [Change.of(name, COLUMNS[name]) for name in ("nothing", "a gain", "a small loss and a great gain")]
    most = max(changes, key=lambda one: abs(one.mean))
    median, mean = (points(abs(value)).lstrip("+") for value in (most.median, most.mean))
    assert most.name == "a small loss and a great gain"
    said = titles.share_changes(changes, 2030)[0]
    assert said.startswith(f"{most.name} takes {median} points in the median draw and adds {mean} points in the mean")
    loss = Change.of("a fall through zero", COLUMNS["a fall through zero"])
    assert titles.share_changes([changes[1], loss], 2030)[0].startswith(
        "a fall through zero adds 1.0 points in the median"
    )
    gain = titles.share_changes(changes[:2], 2030)[0]
    median, mean = (points(float(f(COLUMNS["a gain"]))).lstrip("+") for f in (np.median, np.mean))
    assert gain == f"a gain adds {median} points (mean {mean}) to foreign providers' share by 2030"


def test_one_number_is_said_once_where_median_and_mean_read_the_same() -> None:
    said = titles.share_changes([Change("Open", 4.96, 5.04, 1.0, 0.0)], 2030)[0]
    assert said == "Open adds 5.0 points to foreign providers' share by 2030"


def test_no_difference_in_any_draw_is_told_from_one_that_cannot_be_read() -> None:
    same, hardly = (Change.of("Open", COLUMNS[name]) for name in ("nothing", "next to nothing"))
    assert titles.present_value([same], 2030, AMOUNT) == (
        "Open does not change what business is worth to foreign providers in any draw",
    )
    assert "by as much as can be read; it differs in 0.2% of draws" in titles.present_value([hardly], 2030, AMOUNT)[0]
    assert titles.share_changes([same, same], 2030)[0].startswith("No scenario changes foreign providers' share")


def test_shares_of_draws_are_said_as_all_only_where_they_are_all() -> None:
    nearly = np.r_[-1.0, np.ones(DRAWS * 9)]
    assert "in over 99.9% of draws under Open" in titles.chances([Change.of("Open", nearly)], "Closed", 2030)[0]
    assert " 100% of draws under Open" in titles.chances([Change.of("Open", np.ones(9))], "Closed", 2030)[0]
    assert (
        "is below that under Open in 100% of draws under Closed"
        in titles.chances([Change.of("Closed", -np.ones(9))], "Open", 2030)[0]
    )
    many = [Change("Scenario", 1, 1, higher, 0) for higher in (0.2, 0.9, 0.5, 0.4)]
    assert "20% (Scenario) to 90% (Scenario) of draws" in titles.chances(many, "Closed", 2030)[0]


def test_who_gains_and_loses_is_by_the_mean_and_nobody_is_made_up() -> None:
    gain, loss = Change.of("customers", COLUMNS["a gain"]), Change.of("rivals", COLUMNS["a loss"])
    both = titles.parties("Open", [loss, gain], 2030, AMOUNT)[0]
    amounts = [money(abs(float(f(COLUMNS[name])))) for name in ("a gain", "a loss") for f in (np.median, np.mean)]
    assert both == (
        f"Open, 2030: most is gained by customers, USD {amounts[0]}bn (mean {amounts[1]}) a year, "
        f"and most lost by rivals, USD {amounts[2]}bn (mean {amounts[3]})"
    )
    assert "nobody loses in the mean" in titles.parties("Open", [gain, gain], 2030, AMOUNT)[0]
    assert "nobody gains in the mean" in titles.parties("Open", [loss, loss], 2030, AMOUNT)[0]


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ({"a": 13.0, "b": 1.6}, "Open adds 13 points in the mean by a, and 1.6 points by b"),
        ({"a": 3.0, "b": -1.6}, "Open adds 3.0 points in the mean by a, and takes 1.6 points by b"),
        ({"a": -3.0, "b": -1.6}, "Open takes 1.6 points in the mean by b, and 3.0 points by a"),
        ({"a": 2.0, "b": 2.0}, "adds 2.0 points to the foreign share of IaaS of 2030 in the mean, whichever"),
        ({"a": 0.0, "b": 0.0}, "Open changes nothing of the foreign share of IaaS of 2030 in the mean, whichever"),
    ],
)
def test_hypotheses_are_told_from_the_greatest_to_the_least(means: dict[str, float], said: str) -> None:
    assert said in titles.by_hypothesis("Open", means, "IaaS", 2030, is_change=True)[0].replace(
        "To the foreign share of IaaS of 2030 ", ""
    )


def test_nobody_launches_where_nobody_does() -> None:
    own = "enters", {"own": "own sites"}
    assert titles.launches({}, 2030, *own) == titles.launches({("Open", "AWS"): 0.0}, 2030, *own)
    assert "in 40% of draws under Open" in titles.launches({("Open", "AWS"): 0.4, ("Zone", "AWS"): 0.1}, 2030, *own)[0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(0.1, 0.2, "rises from 10% in 2018 to 20%"), (0.2, 0.1, "falls from 20%"), (0.1, 0.1, "is 10% in 2018 and 10%")],
)
def test_a_share_rises_or_falls_as_it_reads(before: float, after: float, said: str) -> None:
    levels = (Level("Open", 100 * after, 100 * after), Level("Open", 100 * before, 100 * before))
    assert said in titles.share_over_years(*levels, (2018, 2030))[0]


def test_titles_of_pictures_are_those_of_their_draws() -> None:
    runs = study("closed", "zone", "open")
    assert {"foreign_share", "npv"} <= set(drawable(runs))
    base, _, most = runs.results
    added = 100 * (
        most.panels["foreign_share"].column(2026, "total") - base.panels["foreign_share"].column(2026, "total")
    )
    median, mean = (points(float(f(added))).lstrip("+") for f in (np.median, np.mean))
    title = figure("foreign_share", runs).get_suptitle().replace("\n", " ")
    assert title == f"Open adds {median} points (mean {mean}) to foreign providers' share by 2026"
    worth = most.panels["npv"].column(2026, "total", "foreign") - base.panels["npv"].column(2026, "total", "foreign")
    assert f"more in {percent(100 * float(np.mean(worth > 0)))} of draws" in figure("npv", runs).get_suptitle().replace(
        "\n", " "
    )


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        ({"size": {"all": [0.25, 0.56]}, "share": {"x": [-0.06]}}, "Size 25% to 56% better; Share 6% worse"),
        ({"size": {"all": [-0.2, 0.1]}}, "Size from 20% worse to 10% better"),
        ({"size": {"all": [-0.2, -0.1]}}, "Size 10% to 20% worse"),
        ({"size": {"all": [0.001]}}, "Size no better and no worse"),
        ({"share": {"all": [-0.48], "SaaS": [0.86]}}, "Share of all 48% worse, of SaaS 86% better"),
        ({"share": {x: [0.9, 0.1] for x in "abc"} | {"d": [0.9, -0.1]}}, "Share better in 3 of 4 series"),
        ({}, "The engine scores better than a naive forecast in 3 of 7 comparisons"),
    ],
)
def test_who_won_is_said_series_by_series(skills: dict[str, dict[str, list[float]]], said: str) -> None:
    told = captions.beaten(skills, 3, 7)
    assert told[0].endswith(said)
    assert len(told) == 1 or told[-2].startswith("Against naive forecasts: S")


def test_what_was_learned_is_named_and_nothing_where_there_is_nothing() -> None:
    said = captions.informed(3, 9, [("Churn", -0.41), ("Growth", 1.26), ("Size", 0.01)])
    assert said[0] == (
        "The record informs 3 of 9 numbers, "
        "most of all Churn (−0.4), Growth (+1.3) and Size (0.0), in standard deviations"
    )
    assert captions.informed(0, 9, [])[0].startswith("The record informs 0 of 9 numbers; of them it says nothing")
    assert captions.inside([], 1, "90%") == ("The observation lies inside the 90% of its forecast",)
    assert captions.inside(["Huawei"], 12, "90%")[0].startswith("11 of 12 observations lie inside the 90%")


def test_a_sweep_that_moves_nothing_says_so() -> None:
    assert (
        captions.extremes("Share", "12%", "12%", "", ("a 1", "2"), "median")[0] == "Share: 12% at every point (median)"
    )
    assert (
        captions.extremes("Share", "12%", "14%", "", ("a 1", "2"), "median")[0]
        == "Share: 12% at a 1, 14% at 2 (median)"
    )
