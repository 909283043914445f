"""A market with twenty foreign providers, six layers and eight segments is readable in every picture of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from crowded import DOMESTIC, FOREIGN, LAYERS, write_crowded
from lettering import clipped, drawn_words, overlaps
from matplotlib.figure import Figure

from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.results import Result
from sim.pictures import registry
from sim.pictures.canvas import write_figure
from sim.pictures.plots import drawable
from sim.pictures.registry import Runs, figure
from sim.reading.loading import load_scenario
from sim.tasks.attribution import default_outcomes
from sim.tasks.backtest import run_backtest
from sim.tasks.bridge import run_bridge
from sim.tasks.decide import run_decision
from sim.tasks.sweep import run_sweep

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


@pytest.fixture(scope="module")
def pictures() -> Mapping[str, Mapping[str, tuple[list[str], list[tuple[str, str]]]]]:
    """By command and picture: words that are clipped, and words that lie on others."""
    found: dict[str, dict[str, tuple[list[str], list[tuple[str, str]]]]] = {}
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, now = Path(name), dict[str, tuple[list[str], list[tuple[str, str]]]]()

        def look(shown: Figure, folder: Path, file: str) -> tuple[Path, ...]:
            now[file] = (clipped(shown), overlaps(shown))
            return write_figure(shown, folder, file)

        patch.setattr(registry, "write_figure", look)
        kept, *_, wide = write_crowded(folder)
        common = {"jobs": 1, "out": folder / "results"}
        commands: dict[str, Callable[[], object]] = {
            "bridge": lambda: run_bridge(kept, wide, draws=512, **common),
            "backtest": lambda: run_backtest(kept, folder / "observed_2019_2020.csv", draws=512, **common),
            "sweep": lambda: run_sweep(folder / "room.yaml", draws=512, **common),
            "decide": lambda: run_decision(folder / "host.yaml", draws=512, **common),
        }
        for command, run in commands.items():
            run()
            found[command] = dict(now)
            now.clear()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", ["bridge", "backtest", "sweep", "decide"])
def test_no_words_of_the_pictures_of_other_commands_are_clipped_or_lie_on_others(
    command: str, pictures: Mapping[str, Mapping[str, tuple[list[str], list[tuple[str, str]]]]]
) -> None:
    assert len(pictures[command]) >= 2
    assert {name: faults for name, faults in pictures[command].items() if any(faults)} == {}


def test_of_many_providers_drivers_are_asked_for_the_largest_few() -> None:
    asked = default_outcomes(results(), "kept")
    items = {one.item for one in asked if one.variable == "npv_with_terminal"}
    worth = {
        name: float(np.median(results()[0].panels["npv_with_terminal"].column(2028, "total", name))) for name in FOREIGN
    }
    assert items == {"foreign", *sorted(worth, key=lambda name: -worth[name])[:4]}
