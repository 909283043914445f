"""The ten pictures of a study by name, and how they are drawn and written.

Each is a function, results in, figure out: those over the years in `trends`, of the last year in `standings`,
and of what happens when in `chronicle`. The first scenario is the baseline's; a scenario has one colour and
one marker in all pictures.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from sim.outcomes.results import Result
from sim.pictures.chronicle import timeline
from sim.pictures.standings import gains_and_losses, npv, provider_shares, share_by_hypothesis, target_year
from sim.pictures.style import STYLE, write_figure
from sim.pictures.trends import foreign_revenue, foreign_share, market_size, paired_difference

__all__ = ["PICTURES", "Picture", "draw", "draw_all", "figure"]


@dataclass(frozen=True)
class Picture:
    """One of the pictures.

    Attributes
    ----------
    figure : callable
        Results and name of the baseline to figure.
    variables : tuple of str
        What it shows; a result that lacks one of them cannot be drawn.
    fewest : int
        Scenarios without which it says nothing.
    """

    figure: Callable[[Sequence[Result], str], Figure]
    variables: tuple[str, ...]
    fewest: int = 1

    def can_show(self, results: Sequence[Result]) -> bool:
        """Whether the results are enough, and hold what the picture shows."""
        return len(results) >= self.fewest and all(set(self.variables) <= set(result.panels) for result in results)


_PARTIES: Final = ("operating_profit", "operator_profit", "domestic_gross_profit", "tax_take", "consumer_gain")

PICTURES: Final[Mapping[str, Picture]] = {
    "foreign_share": Picture(foreign_share, ("foreign_share",)),
    "foreign_revenue": Picture(foreign_revenue, ("revenue_gross", "revenue_retained")),
    "paired_difference": Picture(
        paired_difference, ("foreign_share", "revenue_retained", "operating_profit"), fewest=2
    ),
    "target_year": Picture(target_year, ("foreign_share",)),
    "provider_shares": Picture(provider_shares, ("market_share",)),
    "gains_and_losses": Picture(gains_and_losses, _PARTIES, fewest=2),
    "npv": Picture(npv, ("npv", "npv_with_terminal")),
    "timeline": Picture(timeline, ("event_date",)),
    "market_size": Picture(market_size, ("market_size",)),
    "share_by_hypothesis": Picture(share_by_hypothesis, ("foreign_share", "event_date", "opening_hypothesis")),
}
"""Every picture by its name."""


def figure(name: str, results: Sequence[Result], baseline: str) -> Figure:
    """One picture in the style of the project.

    Parameters
    ----------
    name : str
        Key of `PICTURES`.
    results : sequence of Result
        On shared draws.
    baseline : str
        Name of the scenario that the others are compared with.
    """
    with mpl.rc_context(STYLE):
        return PICTURES[name].figure(results, baseline)


def draw(name: str, results: Sequence[Result], baseline: str, folder: Path) -> tuple[Path, ...]:
    """Draw one picture and write it as PNG and SVG.

    Pictures do not depend on each other: they may be drawn in any order, and each in a process of its own. Not
    in threads: matplotlib has one style for all of them.

    Parameters
    ----------
    name, results, baseline
        As for `figure`.
    folder : Path
        Exists.

    Returns
    -------
    tuple of Path
        What was written: nothing where the results lack what the picture shows.
    """
    if not PICTURES[name].can_show(results):
        return ()
    with _garbage_kept():
        return write_figure(figure(name, results, baseline), folder, name)


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """Let nobody look for garbage: a figure is one large web of references, and all of it is in use."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def draw_all(results: Sequence[Result], baseline: str, folder: Path) -> tuple[Path, ...]:
    """Draw every picture, one after the other; the paths written."""
    return tuple(path for name in PICTURES for path in draw(name, results, baseline, folder))
