"""Which year, and of what, an answer speaks is the scenario's to say; it moves no result."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import Folder
from shipped import FOLDER

import sim
import sim.pictures.plots
from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.comparison import headline
from sim.outcomes.panels import Result
from sim.outcomes.verdict import verdict_of
from sim.pictures.registry import Runs, figure
from sim.reading.loading import load_scenario, read_scenario
from sim.report.quantities import numbers_of
from sim.tasks.attribution import default_outcomes

NEW = ("headline.layer=nev", "headline.year=2025", "headline.years=[2020]")
PAIR = ("joint_ventures_kept", "all_at_once")


@cache
def results(*overrides: str) -> tuple[Result, ...]:
    """Two scenarios of a case of two layers in a scramble."""
    found = [
        load_scenario(FOLDER / "cars" / f"{name}.yaml", overrides=(*overrides, "sampling.draws=512")) for name in PAIR
    ]
    return tuple(Result(one, simulate(one, draw_worlds(one, range(1)))) for one in found)


def test_without_a_word_it_is_the_last_year_of_the_whole_market(folder: Folder) -> None:
    scenario = load_scenario(folder.variant(""))
    assert (scenario.answer_year, scenario.answer_scope) == (scenario.horizon.end_year, "total")
    assert scenario.answer_years == (scenario.horizon.base_year, scenario.horizon.end_year)
    assert scenario.answer_words == "the market"
    assert scenario.detail_layer == scenario.opening.layer


def test_the_headline_moves_no_number_and_counts_as_no_change(folder: Folder) -> None:
    loaded = read_scenario(folder.variant("headline: {year: 2019, layer: saas}\n"))
    assert not loaded.scenario.overridden
    plain = load_scenario("small.yaml")
    panels, others = (simulate(one, draw_worlds(one, range(1))) for one in (loaded.scenario, plain))
    for name in panels:
        np.testing.assert_array_equal(panels[name].values, others[name].values)


def test_the_first_screen_speaks_of_its_year_and_layer() -> None:
    first, second, *_ = verdict_of(results(*NEW)).lines
    one, other = results(*NEW)
    shares = [result.panels["foreign_share"].column(2025, "nev", "") for result in (one, other)]
    assert first.texts[0].startswith("In 2025 foreign providers have ")
    assert f"{100 * np.median(shares[0]):.0f}% of New-energy cars (" in first.texts[0]
    assert f"{100 * np.median(shares[1] - shares[0]):+.1f} points" in second.texts[0]
    assert "Present value to 2030: USD" in " ".join(second.texts)
    plain = verdict_of(results()).lines[0].texts[0]
    assert plain.startswith("In 2030 foreign providers have ")
    assert " of the market (" in plain


def test_short_tables_and_the_live_section_have_its_years() -> None:
    rows = [row for row in headline(results(*NEW)) if row.variable == "foreign_share"]
    assert list(dict.fromkeys(row.scope for row in rows)) == ["nev", "total"]
    assert list(dict.fromkeys(row.year for row in rows)) == [2017, 2020, 2025]
    shares = [one for one in numbers_of(results(*NEW), PAIR[0]) if one.table == "share" and one.scenario == PAIR[0]]
    assert [one.year for one in shares] == [2017, 2020, 2025]
    panel = results()[0].panels["foreign_share"]
    np.testing.assert_array_equal(shares[-1].values, panel.column(2025, "nev", ""))
    plain = [row.year for row in headline(results()) if row.variable == "foreign_share"]
    assert list(dict.fromkeys(plain)) == [2017, 2022, 2025, 2030]


def test_what_is_asked_unless_something_is_named_is_of_its_year_and_layer() -> None:
    labels = [outcome.label for outcome in default_outcomes(results(*NEW), PAIR[0])]
    assert labels[0] == "gain(foreign_share.nev.2025)"


@pytest.mark.parametrize("name", ["target_year", "provider_shares", "share_by_hypothesis", "paired_difference"])
def test_pictures_say_its_year_and_layer(name: str) -> None:
    said = {}
    for overrides in (NEW, ()):
        drawn = figure(name, Runs(results(*overrides), PAIR[0]))
        said[overrides] = " ".join(text.get_text() for text in drawn.findobj(plt.Text)).replace("\n", " ")
        plt.close(drawn)
    assert "2025" in said[NEW]
    assert "New-energy cars" in said[NEW]
    assert "2030" in said[()]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{year: 2040}", "case.yaml:3:12: headline.year: must be a year that is simulated (found 2040; allowed {})"),
        (
            "{layer: sass}",
            "case.yaml:3:12: headline.layer: unknown layer (found 'sass'; allowed iaas, saas; did you mean 'saas'?)",
        ),
    ],
)
def test_what_cannot_be_spoken_of_is_refused(folder: Folder, text: str, line: str) -> None:
    scenario = load_scenario("small.yaml")
    years = f"{scenario.horizon.base_year + 1} to {scenario.horizon.end_year}"
    assert folder.complaints(folder.variant(f"headline: {text}\n")) == [line.format(years)]


def test_no_year_stands_in_code() -> None:
    """Bounds of what a file may state aside, which no scenario comes near."""
    for path in Path(sim.__file__).parent.rglob("*.py"):
        numbers = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        assert not [one for one in numbers if isinstance(one, int) and 2001 <= one <= 2045], path


def test_a_horizon_may_be_shorter_than_what_short_tables_show(folder: Folder) -> None:
    scenario = load_scenario(folder.variant("headline: {years: [2019, 2025]}\n"))
    assert scenario.answer_years == (2018, 2019, 2020)
