"""Pictures of a sweep: which there is for which design, and that each says what it shows."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from synthetic import scenario

from sim.outcomes.naming import Outcome
from sim.outcomes.sweeps import Coordinate, Factor, SweepResult, describe_columns
from sim.outcomes.sweepwords import sentences, settings
from sim.pictures import registry
from sim.pictures.registry import draw, drawable
from sim.pictures.style import STYLE
from sim.pictures.sweeps import sheets
from sim.wording import readable

SHARE = Outcome("foreign_share", "total", "", 2020, "fraction")
DATE = Outcome("event_date", "", "aws.launch", 2020, "year")
NUMBERS = (0.2, 0.5, 1.5)
WORDS = ("narrow", "wide")


def grid(*levels: tuple[Coordinate, ...], units: tuple[str, ...] = ("USD bn/yr", "", "%/yr", "")) -> tuple[Factor, ...]:
    """Factors of a grid over some levels."""
    paths = ("zone.cap", "zone.reading", "demand.churn", "entry.rule")
    return tuple(
        Factor(path, unit, column, readable(path))
        for path, unit, column in zip(paths, units, zip(*product(*levels), strict=True), strict=False)
    )


def sweep(factors: tuple[Factor, ...], *outcomes: Outcome, baseline: str = "JV only") -> SweepResult:
    """A sweep in whose points a made-up outcome rises along each factor."""
    rng = np.random.default_rng(1)
    rise = np.sum([np.array(factor.places) for factor in factors], axis=0)[:, None] * 0.02
    base = 0.15 + 0.02 * rng.standard_normal(512)
    columns = base + rise * rng.random(512)
    added = columns - base if baseline else None
    responses = tuple(describe_columns(outcome, columns, added) for outcome in outcomes or (SHARE,))
    pilot = scenario(name="ftz_pilot", title="FTZ pilot")
    return SweepResult("trial", "What matters?", pilot, baseline, factors, responses)


CUBE = tuple(
    Factor(path, "", tuple(np.random.default_rng(place).random(30).tolist()), readable(path))
    for place, path in enumerate(("zone.cap", "demand.churn", "opening.ramp", "entry.hurdle", "migration.rate"))
)
DESIGNS = {
    "one number": grid(NUMBERS),
    "one number alone": grid((0.2,)),
    "one factor in words": grid(WORDS),
    "two factors": grid(NUMBERS, WORDS),
    "two factors of many levels": grid(tuple(range(15)), tuple(range(30))),
    "three factors": grid(NUMBERS, WORDS, (1.0, 8.0)),
    "four factors": grid(NUMBERS, WORDS, (1.0, 8.0), ("profit", "always")),
    "too many panels": grid(NUMBERS, WORDS, tuple(range(20)), tuple(range(20))),
    "hypercube": CUBE,
    "list": (
        Factor("zone.cap", "", (1.0, "0.2 to 0.9", 3.0), "room in the zone"),
        Factor("entry.rule", "", ("profit", "profit", "never"), "entry rule"),
    ),
}


def texts(figure: Figure) -> str:
    """Every word of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))  # type: ignore[union-attr]


def drawn(result: SweepResult) -> dict[str, Figure]:
    return {file: registry.figure(name, sheet) for file, sheet in sheets(result).items() for name in drawable(sheet)}


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_has_a_picture_with_title_question_axes_and_sources(design: str) -> None:
    for figure in drawn(sweep(DESIGNS[design])).values():
        said = texts(figure)
        assert said.startswith("Foreign share, all layers, 2020") or "Foreign share, all layers, 2020" in said
        for words in (
            "What matters?",
            "Scenario FTZ pilot, less JV only in the same draw and world",
            "512 draws, seed",
        ):
            assert words in said.replace("\n", " ")
        assert all(axes.get_xlabel() or axes.get_ylabel() or len(figure.axes) > 2 for axes in figure.axes)


@pytest.mark.parametrize(
    ("design", "names"),
    [
        ("one number", {"foreign_share_total_2020"}),
        ("two factors", {"foreign_share_total_2020"}),
        ("three factors", {"foreign_share_total_2020", "foreign_share_total_2020_difference"}),
        ("hypercube", {"foreign_share_total_2020", "foreign_share_total_2020_difference"}),
    ],
)
def test_small_multiples_have_a_sheet_each_for_level_and_difference(design: str, names: set[str]) -> None:
    assert set(drawn(sweep(DESIGNS[design]))) == names


@pytest.mark.parametrize(
    ("design", "name"),
    [
        ("one number", "sweep_lines"),
        ("one factor in words", "sweep_lines"),
        ("two factors", "sweep_heat_map"),
        ("two factors of many levels", "sweep_heat_map"),
        ("three factors", "sweep_facets"),
        ("too many panels", "sweep_scatter"),
        ("hypercube", "sweep_scatter"),
        ("list", "sweep_scatter"),
    ],
)
def test_there_is_one_picture_for_each_design(design: str, name: str) -> None:
    assert {drawable(sheet) for sheet in sheets(sweep(DESIGNS[design])).values()} == {(name,)}


def test_without_a_baseline_no_difference_is_shown() -> None:
    for design in DESIGNS.values():
        pictures = drawn(sweep(design, baseline=""))
        assert set(pictures) == {"foreign_share_total_2020"}
        assert "ifference" not in texts(pictures["foreign_share_total_2020"])


def test_a_heat_map_prints_the_median_and_the_mean_difference_in_its_cells() -> None:
    result = sweep(DESIGNS["two factors"])
    (response,) = result.responses
    assert response.level is not None
    assert response.difference is not None
    (figure,) = drawn(result).values()
    said = texts(figure).splitlines()
    for point in range(result.points):
        assert f"{100 * response.level.value[point, 4]:.1f}%" in said
        mean = 100 * response.difference.value[point, 0]
        assert (f"+{mean:.1f}" if mean > 0.05 else "0.0") in said


def test_a_cell_of_a_heat_map_has_the_colour_of_its_point() -> None:
    (figure,) = drawn(sweep(DESIGNS["two factors"])).values()
    level = np.asarray(figure.axes[0].collections[0].get_array())
    assert level.shape == (2, 3)
    assert (np.diff(level, axis=0) > 0).all()
    assert (np.diff(level, axis=1) > 0).all()


def test_the_colours_of_differences_are_as_deep_below_zero_as_above() -> None:
    (figure,) = drawn(sweep(DESIGNS["two factors"])).values()
    norm = next(axes.collections[0].norm for axes in figure.axes if "Mean difference" in axes._left_title.get_text())
    assert norm.vmin == -norm.vmax
    assert norm(0.0) == 0.5


def test_a_hypercube_states_partial_rank_correlations_and_words_do_not() -> None:
    assert all(texts(figure).count("ρ = +") == 5 for figure in drawn(sweep(CUBE)).values())
    assert not any("ρ" in texts(figure) for figure in drawn(sweep(DESIGNS["list"])).values())


def test_what_exists_nowhere_in_the_baseline_has_no_difference() -> None:
    result = sweep(grid(NUMBERS), DATE)
    dates = 2022 + np.random.default_rng(1).random((3, 512))
    never = describe_columns(DATE, dates, np.full((3, 512), np.nan))
    (figure,) = drawn(SweepResult("trial", "What?", result.scenario, "JV only", result.factors, (never,))).values()
    figure.draw_without_rendering()
    assert len(figure.axes) == 1
    assert "2022" in texts(figure)
    assert "2,022" not in texts(figure)


def test_a_picture_is_a_wide_png_and_an_svg_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    result = sweep(DESIGNS["two factors"])
    (tmp_path / "again").mkdir()
    ((file, sheet),) = sheets(result).items()
    paths = draw("sweep_heat_map", sheet, tmp_path, file)
    again = draw("sweep_heat_map", sheet, tmp_path / "again", file)
    assert file == "foreign_share_total_2020"
    assert [path.suffix for path in paths] == [".png", ".svg"]
    assert imread(paths[0]).shape[1] >= 1600
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(paths, again, strict=True))


def words_of(axes: Axes) -> list[Text]:
    """Titles, axis labels and figures in the axes; ticks out of sight are not drawn."""
    return [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]


@pytest.mark.parametrize("design", DESIGNS)
def test_titles_and_labels_stay_on_the_sheet(design: str) -> None:
    for figure in drawn(sweep(DESIGNS[design])).values():
        with mpl.rc_context(STYLE):
            figure.draw_without_rendering()
            shown = [*figure.texts, *(text for axes in figure.axes for text in words_of(axes))]
            inside = [text.get_window_extent() for text in shown if text.get_text()]
        width, height = figure.bbox.size
        assert all(one.x0 >= 0 and one.x1 <= width and one.y0 >= 0 and one.y1 <= height for one in inside)


def test_a_point_is_told_by_values_with_units_and_what_they_are_of() -> None:
    cap = Factor("zone.cap", "USD bn/yr", (0.2, 0.5), "room")
    churn = Factor("demand.churn", "%/yr", (1.0, 8.0), "churn")
    rule = Factor("entry.rule", "", ("profit", "never"), "rule")
    assert settings((cap, churn, rule), 0, 1) == (
        "0.2 USD bn a year (room), 1% a year (churn) and profit (rule)",
        "0.5 USD bn a year, 8% a year and never",
    )


def test_what_is_yes_or_no_is_shown_by_its_share_of_draws_and_without_a_band() -> None:
    result = sweep(DESIGNS["two factors"])
    outcome = Outcome("buys_out", "total", "aws", 2020, "fraction")
    goes = np.arange(512) < np.array([51, 128, 256, 300, 400, 512])[:, None]
    response = describe_columns(outcome, goes.astype(float), goes - 0.0)
    (figure,) = drawn(SweepResult("trial", "Who?", result.scenario, "JV only", result.factors, (response,))).values()
    said = texts(figure)
    assert "Share of draws: buys out" in said
    assert "Median" not in said
    level, _ = (axes for axes in figure.axes if axes.collections)
    assert [text.get_text() for text in level.texts] == ["9.96%", "25.0%", "50.0%", "58.6%", "78.1%", "100%"]
    (_, told, _) = sentences(SweepResult("trial", "Who?", result.scenario, "", result.factors, (response,)))
    assert told.startswith("Buys out, AWS, 2020, share of draws: from 10% at 0.2 USD bn a year and narrow to 100% at")
