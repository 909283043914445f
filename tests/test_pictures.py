"""The registry of pictures and their way to files: nothing is left out unnoticed, and both formats show the same."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from synthetic import of, panel, result

import sim.pictures
from sim.errors import SimError
from sim.pictures import registry
from sim.pictures.canvas import write_figure
from sim.pictures.registry import PICTURES, Runs, draw, drawable, figure, picture
from sim.pictures.style import STYLE

PAGE = Path(__file__).parent.parent / "docs" / "pictures.md"

for module in pkgutil.iter_modules(sim.pictures.__path__):
    importlib.import_module(f"sim.pictures.{module.name}")


@dataclass(frozen=True)
class Chart:
    """Material of a picture made up here."""

    title: str = "A chart"


@pytest.fixture(autouse=True)
def _no_newcomer_stays() -> Iterator[None]:
    before = dict(PICTURES)
    yield
    registry._declared.clear()
    registry._declared.update(before)


def _always(chart: Chart) -> bool:
    return True


def test_a_picture_is_one_function_in_one_place(tmp_path: Path) -> None:
    @picture(Chart, needs=_always)
    def newcomer(chart: Chart) -> Figure:
        """What a newcomer shows."""
        drawn = Figure()
        drawn.suptitle(chart.title)
        return drawn

    assert drawable(Chart()) == ("newcomer",)
    assert PICTURES["newcomer"].description == "What a newcomer shows."
    assert [path.name for path in draw("newcomer", Chart(), tmp_path)] == ["newcomer.png", "newcomer.svg"]
    assert [path.name for path in draw("newcomer", Chart(), tmp_path, "other")] == ["other.png", "other.svg"]
    with pytest.raises(SimError, match="the picture newcomer has no title"):
        draw("newcomer", Chart(title=""), tmp_path)


def test_a_picture_without_needs_is_refused_by_name() -> None:
    def needless(chart: Chart) -> Figure:
        """What it shows."""
        return Figure()

    with pytest.raises(SimError, match="the picture needless does not say what it needs"):
        picture(Chart)(needless)


def test_a_picture_that_does_not_say_what_it_shows_is_refused_by_name() -> None:
    def speechless(chart: Chart) -> Figure:
        return Figure()

    with pytest.raises(SimError, match="the picture speechless does not say what it shows"):
        picture(Chart, needs=_always)(speechless)


def test_a_second_picture_of_a_name_is_refused() -> None:
    with pytest.raises(SimError, match="two pictures are called npv"):
        picture(Runs, needs=bool)(PICTURES["npv"].figure)


def test_what_cannot_be_drawn_of_some_material_is_refused_with_what_can() -> None:
    sizes = Runs([result(of(panel("market_size", np.ones((1, 1, 512)))))], "closed")
    for name in ("npv", "track_pit", "mistaken"):
        with pytest.raises(SimError, match=f"no picture '{name}' can be drawn of Runs .allowed: market_size."):
            figure(name, sizes)


def test_the_documentation_lists_every_picture_by_name_with_what_it_shows() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE))
    assert listed == {one.name: one.description for one in PICTURES.values()}


def _busy_figure() -> Figure:
    """Lines, markers, areas, clipping by a circle, turned words, cells and what is rasterized."""
    with mpl.rc_context(STYLE):
        drawn = Figure(figsize=(6, 4), dpi=144, facecolor="white")
        drawn.suptitle("Busy")
        left, right = drawn.subplots(1, 2)
        left.plot([0, 1, 2], [1, 3, 2], marker="o", linestyle="--", label="a line")
        left.fill_between([0, 1, 2], [0, 1, 1], [1, 2, 3], alpha=0.3)
        left.scatter([0.5, 1.5], [1, 2], s=[20, 60])
        left.vlines([0.4, 0.6], 0, 2)
        left.plot([0, 2], [0, 3])[0].set_clip_path(mpl.patches.Circle((1, 1.5), 0.7, transform=left.transData))
        left.set_ylabel("turned")
        left.legend()
        right.pcolormesh(np.arange(12.0).reshape(3, 4))
        right.pcolormesh(np.arange(5.0), np.arange(3.0, 6.0), np.arange(8.0).reshape(2, 4), rasterized=True)
        right.text(1, 1, "words")
    return drawn


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One figure as Matplotlib writes it, and as we do."""
    theirs, ours = (tmp_path_factory.mktemp(name) for name in ("theirs", "ours"))
    with mpl.rc_context(STYLE):
        _busy_figure().savefig(theirs / "busy.png")
        _busy_figure().savefig(theirs / "busy.svg", metadata={"Date": None, "Creator": None})
    write_figure(_busy_figure(), ours, "busy")
    return theirs, ours


def test_pixels_are_those_of_matplotlib(written: tuple[Path, Path]) -> None:
    theirs, ours = (imread(folder / "busy.png") for folder in written)
    assert ours.shape == (576, 864, 4)
    np.testing.assert_array_equal(ours, theirs)
    assert (theirs[..., 3] == 1).all()


_NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def _shape_and_numbers(path: Path) -> tuple[str, np.ndarray]:
    """An SVG without its numbers, and these; without names that hang on them, and without the bytes of images."""
    text = re.sub(r"\w*[0-9a-f]{10}\b|base64,[^\"]*", "NAME", path.read_text())
    return _NUMBER.sub("N", text), np.array(_NUMBER.findall(text), dtype=float)


def test_the_svg_is_that_of_matplotlib_within_the_rounding_of_words(written: tuple[Path, Path]) -> None:
    (their_shape, theirs), (our_shape, ours) = (_shape_and_numbers(folder / "busy.svg") for folder in written)
    assert our_shape == their_shape
    assert "<image" in our_shape
    np.testing.assert_allclose(ours, theirs, atol=0.25)  # points: half a pixel of the PNG
