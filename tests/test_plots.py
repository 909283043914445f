"""The ten pictures: that they are there, say what they show, and look the same each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from picture_runs import HORIZON, YEARS, event_dates, study
from synthetic import of, panel, scenario

from sim.outcomes.results import Result
from sim.pictures.chronicle import regime_shares
from sim.pictures.marks import Measure, quantiles
from sim.pictures.plots import Runs, draw, drawable
from sim.pictures.registry import figure
from sim.pictures.standings import _largest, gains_after_launch
from sim.pictures.style import SPARE_COLOURS, looks
from sim.wording import change, money, percent, points, readable

NAMES = [
    "foreign_share",
    "foreign_revenue",
    "paired_difference",
    "target_year",
    "provider_shares",
    "gains_and_losses",
    "npv",
    "timeline",
    "market_size",
    "share_by_hypothesis",
]
COMPARISONS = {"paired_difference", "gains_and_losses"}
SHARE = Measure("", "foreign_share", "total", "", percent)


def _draw_all(runs: Runs, folder: Path) -> set[str]:
    """Names of the pictures drawn."""
    return {path.stem for name in drawable(runs) for path in draw(name, runs, folder)}


@pytest.fixture(scope="module")
def three() -> Runs:
    return study("closed", "zone", "open")


@pytest.fixture(scope="module")
def written(three: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plots")
    _draw_all(three, folder)
    return folder


def _texts(shown: Figure) -> str:
    """Every word of a figure."""
    return "\n".join(text.get_text() for text in shown.findobj(mpl.text.Text))  # type: ignore[attr-defined]


def _colours(shown: Figure) -> set[str]:
    """Colours of lines, fills and areas."""
    lines = [line.get_color() for line in shown.findobj(mpl.lines.Line2D)]  # type: ignore[attr-defined]
    fills = [artist.get_facecolor() for artist in shown.findobj(mpl.patches.Patch) if artist.get_fill()]
    areas = [colour for artist in shown.findobj(mpl.collections.Collection) for colour in artist.get_facecolor()]
    return {to_hex(colour) for colour in [*lines, *fills, *areas]}


def test_there_are_the_ten_pictures_of_the_interface(three: Runs) -> None:
    assert sorted(drawable(three)) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_a_wide_png_and_an_svg(written: Path, name: str) -> None:
    assert imread(written / f"{name}.png").shape[1] >= 1600
    assert (written / f"{name}.svg").read_text().rstrip().endswith("</svg>")


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_a_title_units_and_its_sources_draws_and_seed(three: Runs, name: str) -> None:
    shown = figure(name, three)
    words = _texts(shown)
    assert len(shown.get_suptitle()) > 20
    assert "A bank's report (2019)" in words
    assert "512 draws, seed 1" in words
    assert all(_has_unit(shown, axes) for axes in shown.axes)


def _has_unit(shown: Figure, axes: Any) -> bool:
    """Whether a label with a unit stands at these axes, or where it is left to the first of its row or column."""
    place = axes.get_subplotspec()
    shared = [
        other
        for other in shown.axes
        if other.get_gridspec() is axes.get_gridspec()
        and (other.get_subplotspec().rowspan == place.rowspan or other.get_subplotspec().colspan == place.colspan)
    ]
    labels = [label for other in shared for label in (other.get_xlabel(), other.get_ylabel(), other.get_title("left"))]
    return any(re.search(r"%|USD bn|percentage points", label) for label in labels)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_has_the_same_colour_in_every_picture(three: Runs, name: str) -> None:
    compared = {look.colour.lower() for look in looks(three.results).values()}
    shown = {colour for colour in _colours(figure(name, three)) if len({*re.findall("..", colour[1:])}) > 1}
    assert shown - {colour.lower() for colour in SPARE_COLOURS} <= compared
    assert shown & compared


def test_eight_scenarios_have_eight_colours_and_markers() -> None:
    style = looks(study(*"abcdefgh").results).values()
    assert len({look.colour for look in style}) == len({look.marker for look in style}) == 8


def test_the_baseline_takes_the_first_look_wherever_it_stands(three: Runs) -> None:
    words = _texts(figure("foreign_share", Runs(three.results, "open")))
    assert "Open (baseline)" in words


def test_a_regime_has_the_colour_of_the_scenario_of_its_name(three: Runs) -> None:
    areas = figure("timeline", three).axes[0].collections
    assert [to_hex(area.get_facecolor()[0]) for area in areas][:2] == [
        looks(three.results)[name].colour.lower() for name in ("closed", "zone")
    ]


@pytest.mark.parametrize("name", ["foreign_share", "timeline"])
def test_a_picture_has_the_same_bytes_each_time(written: Path, three: Runs, tmp_path: Path, name: str) -> None:
    for path in draw(name, three, tmp_path):
        assert path.read_bytes() == (written / path.name).read_bytes()


def test_no_picture_names_a_date_of_making(written: Path) -> None:
    assert not [path for path in written.glob("*.svg") if "<dc:date>" in path.read_text()]


def test_one_scenario_alone_has_every_picture_but_the_comparisons(tmp_path: Path) -> None:
    names = _draw_all(study("zone", lifts=[0.02]), tmp_path)
    assert names == set(NAMES) - COMPARISONS
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_eight_scenarios_can_be_drawn(name: str, tmp_path: Path) -> None:
    assert len(draw(name, study(*"abcdefgh"), tmp_path)) == 2


@pytest.mark.parametrize("name", NAMES)
def test_twins_can_be_drawn(name: str, tmp_path: Path) -> None:
    assert len(draw(name, study("closed", "zone", lifts=[0, 0]), tmp_path)) == 2


def test_draws_without_any_difference_are_told(three: Runs) -> None:
    equal = np.mean(SHARE.answer(three.results[1]) == SHARE.answer(three.results[0]))
    assert equal > 0.1
    assert f"equal in {equal:.0%}" in _texts(figure("target_year", three))


def test_a_picture_is_left_out_where_results_lack_what_it_shows(three: Runs, tmp_path: Path) -> None:
    poor = [Result(one.scenario, {"market_size": one.panels["market_size"]}) for one in three.results]
    assert _draw_all(Runs(poor, "closed"), tmp_path) == {"market_size"}


def test_drawing_leaves_the_style_of_matplotlib_alone(three: Runs, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    draw("npv", three, tmp_path)
    assert dict(mpl.rcParams) == before


def test_quantiles_are_taken_over_the_draws_levels_first() -> None:
    assert quantiles(np.arange(101.0)).tolist() == [5, 25, 50, 75, 95]
    assert quantiles(np.zeros((9, 4, 7))).shape == (5, 9, 4)


def test_a_regime_is_in_force_from_its_step_to_the_next_and_shares_sum_to_one(three: Runs) -> None:
    shares = regime_shares(three.results[0])
    months = np.arange(8 * 12 + 1)
    assert shares["closed"].tolist() == (months < 12).tolist()
    assert shares["zone"].tolist() == ((months >= 12) & (months < 60)).tolist()
    assert np.all(sum(shares.values()) == 1)


def test_of_two_steps_on_one_date_the_later_listed_is_in_force(three: Runs) -> None:
    together = Result(three.results[0].scenario, {"event_date": event_dates(0, opening=2024.0)})
    shares = regime_shares(together)
    assert not shares["zone"].any()
    assert shares["withdrawn"][-1] == 1


def test_the_gain_after_launch_is_read_between_the_middles_of_years() -> None:
    launches = panel("event_date", np.array([[[2020.5, 2024.0, np.nan]]]), items=(("", "aws.launch"),), first_year=2026)
    shares = [panel("foreign_share", slope * np.arange(YEARS)[:, None, None] * np.ones(3)) for slope in (0.0, 0.01)]
    base, gaining = (Result(scenario(horizon=HORIZON), of(share, launches)) for share in shares)
    gains = gains_after_launch(gaining, base, SHARE)
    np.testing.assert_allclose(gains, [[0.05, np.nan, np.nan], [0.07, np.nan, np.nan]])


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (percent(9.94), "9.9%"),
        (percent(10), "10%"),
        (money(0.994), "0.99"),
        (money(-1234.5), "−1,234"),
        (change(0.7), "+0.70"),
        (change(-0.004), "0.00"),
        (points(-12.3), "−12"),
        (points(0.04), "0.0"),
        (readable("npv_of_equity"), "NPV of equity"),
    ],
)
def test_numbers_and_names_are_written_for_readers(text: str, form: str) -> None:
    assert text == form


def test_of_twenty_providers_the_largest_are_named_and_the_others_summed() -> None:
    names = tuple(f"firm_{number}" for number in range(20))
    sizes = np.arange(1.0, 21.0)[None, :, None] * np.ones((1, 1, 512))
    crowd = Result(scenario(), of(panel("market_share", sizes, items=tuple(("total", name) for name in names))))
    rows = _largest([Measure(name, "market_share", "total", name, percent) for name in names], [crowd])
    assert [row.label for row in rows] == [*names[13:], "The other 13"]
    assert sum(float(row.answer(crowd)[0]) for row in rows) == sizes[0, :, 0].sum()
    assert _largest(rows[:3], [crowd]) == rows[:3]
