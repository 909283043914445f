"""A market with twenty foreign providers, six layers and eight segments is readable in every picture of it."""

from __future__ import annotations

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from crowded import DOMESTIC, FOREIGN, LAYERS, write_crowded
from lettering import clipped, drawn_words, overlaps

from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.results import Result
from sim.pictures.plots import drawable
from sim.pictures.registry import Runs, figure
from sim.reading.loading import load_scenario

NAMES = (
    *("foreign_share", "foreign_revenue", "paired_difference", "target_year", "provider_shares"),
    *("gains_and_losses", "npv", "timeline", "market_size", "share_by_hypothesis"),
)


@functools.cache
def results() -> tuple[Result, ...]:
    """Its four scenarios in a few draws."""
    with TemporaryDirectory() as folder:
        found = [load_scenario(file) for file in write_crowded(Path(folder))]
    return tuple(Result(one, simulate(one, draw_worlds(one, range(1)))) for one in found)


def test_the_case_is_as_crowded_as_it_says() -> None:
    one = results()[0].scenario
    assert (len(one.foreign), len(one.domestic)) == (len(FOREIGN), len(DOMESTIC)) == (20, 10)
    assert (len(one.market.layers), len(one.segments)) == (len(LAYERS), 8) == (6, 8)
    assert set(NAMES) <= set(drawable(Runs(results(), "kept")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_no_words_of_a_crowded_picture_are_clipped_or_lie_on_others(name: str, count: int) -> None:
    runs = Runs(results()[:1] if count == 1 else (results()[0], *results()[1 - count :]), "kept")
    if name not in drawable(runs):
        return
    shown = figure(name, runs)
    assert not clipped(shown)
    assert not overlaps(shown)
    assert len(drawn_words(shown)) < 400


@pytest.mark.parametrize("name", ["provider_shares", "npv"])
def test_the_largest_providers_are_named_and_the_others_together(name: str) -> None:
    shown = figure(name, Runs(results(), "kept"))
    words = [text.replace("\n", " ") for text, _ in drawn_words(shown)]
    named = [text for text in words if text.startswith("Foreign") and text[-2:].isdigit()]
    assert 0 < len(set(named)) <= 7
    assert f"The other {len(FOREIGN) - len(set(named))}" in words
    widths = [axes.bbox.width for axes in shown.axes]
    assert min(widths) > 0.06 * shown.bbox.width, "intervals have room"


def test_of_many_layers_few_fans_stand_side_by_side() -> None:
    shown = figure("market_size", Runs(results(), "kept"))
    lefts = {round(axes.bbox.x0) for axes in shown.axes}
    assert len(lefts) == 4
    headings = {text.replace("\n", " ") for text, _ in drawn_words(shown)}
    assert {"All layers", *LAYERS.values()} <= headings
