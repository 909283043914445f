"""Every number in force, in words."""

from __future__ import annotations

import pytest
from conftest import Folder

from sim.errors import ScenarioError
from sim.reading.explain import Line, details, lines
from sim.reading.loading import load_scenario, read_scenario

WORDS = {
    "value: 0.5": "0.5",
    "low: 1, median: 2, high: 4, min: 0": "1 / 2 / 4, min 0",
    "interval: 1 to 4": "90% in 1 to 4",
    "triangular: [0, 1, 5]": "triangular 0 / 1 / 5",
    "pert: [0, 1, 5]": "PERT 0 / 1 / 5",
    "normal: {mean: 2, sd: 0.1}": "normal, mean 2, sd 0.1",
    "lognormal: {median: 3, sigma: 0.9}": "lognormal, median 3, sigma 0.9",
    "uniform: [1, 4]": "uniform 1 / 4",
    "discrete: {1: 0.5, 2: 0.5}": "1 0.5, 2 0.5",
    "mixture: [{weight: 0.5, of: {value: 1}}, {weight: 0.5, of: {value: 2}}]": "0.5 of (1) + 0.5 of (2)",
    "scipy: {family: gamma, parameters: {a: 2, scale: 0.5}}": "gamma, a 2, scale 0.5",
}


@pytest.mark.parametrize(("record", "words"), WORDS.items())
def test_each_family_is_told_in_words(folder: Folder, record: str, words: str) -> None:
    assert (
        load_scenario("small.yaml", overrides=[f"zone.cap={{{record}}}"], extremes=True).zone.cap.described() == words
    )


def test_a_line_says_where_its_number_is_from(folder: Folder) -> None:
    loaded = read_scenario(folder.variant("regimes: {pilot: {sites: 5}}\n"), overrides=["zone.cap=2"])
    assert lines(loaded, "market.size") == (
        Line("market.size", "7 / 7.2 / 8", "USD bn/yr", "bank", "", "found", "small.yaml"),
    )
    assert lines(loaded, "regimes.pilot.sites") == (Line("regimes.pilot.sites", "5", "", "", "", "", "case.yaml"),)
    assert lines(loaded, "zone.cap")[0][1:] == ("2", "USD bn/yr", "command line", "", "judgement", "--set zone.cap")
    assert lines(loaded, "providers.aws.fringe")[0].set_by == "default"


def test_no_limit_is_told_and_what_was_left_out_is_not(folder: Folder) -> None:
    told = {line.path: line.value for line in lines(read_scenario("small.yaml"))}
    assert told["regimes.closed.sites"] == "null"
    assert "market.layers.saas.size" not in told


def test_a_path_selects_whole_keys_only(folder: Folder) -> None:
    loaded = read_scenario("small.yaml")
    assert {line.path.rsplit(".", 1)[0] for line in lines(loaded, "regimes.pilot")} == {"regimes.pilot"}
    with pytest.raises(ScenarioError, match=r"no number stands here"):
        lines(loaded, "regimes.pilo")
    with pytest.raises(ScenarioError, match=r"demand\.chrun: no number .* did you mean 'demand\.churn'\?"):
        lines(loaded, "demand.chrun")


def test_the_details_of_a_record_are_its_note_source_and_fallback(folder: Folder) -> None:
    fallback = "fallback: {uniform: [0, 1], unit: fraction, source: bank, grade: derived}"
    record = f"{{value: 0.5, unit: fraction, source: late, grade: found, note: Doubtful., {fallback}}}"
    loaded = read_scenario(folder.variant(f"demand: {{conduct: {record}}}\n"))
    assert details(loaded, "demand.conduct") == (
        "note: Doubtful.",
        "source: A later book, published 2019-06-01",
        "fallback: uniform 0 / 1 fraction (bank, derived)",
    )
    assert details(loaded, "demand") == ()
