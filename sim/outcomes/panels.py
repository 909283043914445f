"""Outcomes with their labels: columns of draws, in memory or wherever they are stored.

A column is one number of a run, in one year and for one scope and item, over all draws. Columns are counted as
rows: all items of the first year, then all of the next. What is stored is read when it is asked for, so that a
run of any size is described, compared and drawn in little memory.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, IntArray, join_draws, require_shape
from sim.errors import NumericalError
from sim.outcomes.variables import VARIABLES
from sim.scenario.scenario import Scenario

__all__ = [
    "ALL_DRAWS",
    "Columns",
    "LazyPanel",
    "Panel",
    "PanelDigest",
    "Reader",
    "Result",
    "batches",
    "join_panels",
    "panel_hash",
    "require_finite",
    "subset",
]

ALL_DRAWS: Final = slice(None)

Reader: TypeAlias = Callable[[Sequence[int], slice], FloatArray]
"""Rows and draws to an array (rows, draws)."""

_NUMBERS_AT_A_TIME: Final = 2**20
"""8 MiB of float64."""


class Columns(ABC):
    """One variable of a run.

    Attributes
    ----------
    variable : str
        Key of `VARIABLES`.
    unit : str
        Unit of the numbers.
    years : tuple of int
        Calendar years (Y).
    items : tuple of (str, str)
        Scope and item (I), each empty where there is none.
    median : array, years by items
        The median case.
    """

    variable: str
    unit: str
    years: tuple[int, ...]
    items: tuple[tuple[str, str], ...]
    median: FloatArray

    @property
    @abstractmethod
    def draws(self) -> int:
        """Number of draws."""

    @abstractmethod
    def rows(self, chosen: Sequence[int], draws: slice = ALL_DRAWS) -> FloatArray:
        """Some rows and draws, an array (rows, draws); NaN where the variable does not exist in a draw."""

    @property
    def count(self) -> int:
        """Number of rows, Y times I."""
        return len(self.years) * len(self.items)

    def row(self, year: int, scope: str = "", item: str = "") -> int:
        """Row of one number; KeyError if there is none."""
        if year not in self.years or (scope, item) not in self.items:
            raise KeyError(f"{self.variable} has no {scope}:{item} in {year}")
        return self.years.index(year) * len(self.items) + self.items.index((scope, item))

    def column(self, year: int, scope: str = "", item: str = "") -> FloatArray:
        """All draws of one number; KeyError if there is none."""
        column: FloatArray = self.rows([self.row(year, scope, item)])[0]
        return column

    def series(self, scope: str = "", item: str = "", draws: slice = ALL_DRAWS) -> FloatArray:
        """One item in all years, years by draws; KeyError if there is none."""
        return self.rows(range(self.row(self.years[0], scope, item), self.count, len(self.items)), draws)


@dataclass(frozen=True)
class Panel(Columns):
    """One variable of a run, in memory.

    Attributes
    ----------
    values : array, years by items by draws
        NaN where the variable does not exist in a draw.
    """

    variable: str
    unit: str
    years: tuple[int, ...]
    items: tuple[tuple[str, str], ...]
    values: FloatArray
    median: FloatArray

    def __post_init__(self) -> None:
        labels = (len(self.years), len(self.items))
        require_shape(self.variable, self.values, (*labels, self.draws))
        require_shape(f"median case of {self.variable}", self.median, labels)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.values.shape[-1])

    def rows(self, chosen: Sequence[int], draws: slice = ALL_DRAWS) -> FloatArray:
        """Some rows and draws, without copying where the rows are a range."""
        places = slice(chosen.start, chosen.stop, chosen.step) if isinstance(chosen, range) else list(chosen)
        found: FloatArray = self.values.reshape(self.count, -1)[places, draws]
        return found


@dataclass(frozen=True)
class LazyPanel(Columns):
    """One variable of a run that is read from a disk, or computed, each time it is asked for.

    Attributes
    ----------
    total : int
        Number of draws.
    read : callable
        Rows and draws to an array.
    """

    variable: str
    unit: str
    years: tuple[int, ...]
    items: tuple[tuple[str, str], ...]
    median: FloatArray
    total: int
    read: Reader

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.total

    @property
    def values(self) -> FloatArray:
        """All of it at once, years by items by draws."""
        return self.read(range(self.count), ALL_DRAWS).reshape(len(self.years), len(self.items), -1)

    def rows(self, chosen: Sequence[int], draws: slice = ALL_DRAWS) -> FloatArray:
        """Some rows and draws."""
        return self.read(chosen, draws)


@dataclass(frozen=True)
class Result:
    """One scenario's outcomes.

    Attributes
    ----------
    scenario : Scenario
        The resolved scenario; its sampling section states the seed and the draws that were used.
    panels : mapping of str to Columns
        By variable.
    sizes : tuple of int, optional
        Draws of each scramble that are here, where they are not all of them.
    """

    scenario: Scenario
    panels: Mapping[str, Columns]
    sizes: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self.scenario.name


def subset(result: Result, places: IntArray) -> Result:
    """A result as if it had some of its draws only; the median case, which is no draw, stays.

    Parameters
    ----------
    result : Result
    places : (M,) int
        Which draws, in order.
    """
    sampling = result.scenario.sampling.model_copy(update={"draws": len(places)})
    sizes = np.bincount(places // DRAWS_PER_SCRAMBLE, minlength=result.scenario.sampling.draws // DRAWS_PER_SCRAMBLE)
    panels = {name: _some_draws(panel, places) for name, panel in result.panels.items()}
    return Result(result.scenario.model_copy(update={"sampling": sampling}), panels, tuple(sizes.tolist()))


def _some_draws(panel: Columns, places: IntArray) -> LazyPanel:
    def read(chosen: Sequence[int], draws: slice) -> FloatArray:
        return panel.rows(chosen)[:, places[draws]]

    return LazyPanel(panel.variable, panel.unit, panel.years, panel.items, panel.median, len(places), read)


def batches(panel: Columns) -> Iterator[FloatArray]:
    """All rows in order, some at a time: arrays (rows, draws) of a few megabytes, or of one row if that is larger."""
    size = max(1, _NUMBERS_AT_A_TIME // panel.draws)
    for start in range(0, panel.count, size):
        yield panel.rows(range(start, min(start + size, panel.count)))


def join_panels(parts: list[dict[str, Panel]]) -> dict[str, Panel]:
    """Put blocks of draws side by side; the parts are emptied on the way."""
    if len(parts) == 1:
        return parts[0]
    joined = {}
    for variable, first in list(parts[0].items()):
        values = join_draws([part.pop(variable).values for part in parts])
        joined[variable] = Panel(variable, first.unit, first.years, first.items, values, first.median)
    return joined


def require_finite(panel: Panel, first_draw: int = 0) -> None:
    """Refuse what is not a number, unless the variable may be missing in a draw.

    Parameters
    ----------
    panel : Panel
        Any variable.
    first_draw : int
        Number of the panel's first draw in the run.

    Raises
    ------
    NumericalError
        Names the draw, the year and the variable.
    """
    finite = np.isfinite(panel.values)
    if finite.all():
        return
    bad = ~finite
    if VARIABLES[panel.variable].may_be_missing:
        bad &= ~np.isnan(panel.values)
    if bad.any():
        year, item, draw = (int(index) for index in np.argwhere(bad)[0])
        what = " ".join((panel.variable, *filter(None, panel.items[item])))
        value = panel.values[year, item, draw]
        raise NumericalError(f"{what} is {value} in {panel.years[year]}, draw {first_draw + draw}")


def panel_hash(panel: Columns) -> str:
    """SHA-256 of a variable's labels, draws and median case: the same on every machine that has the same bits."""
    digest = PanelDigest(panel)
    for rows in batches(panel):
        digest.add(rows)
    return digest.hex()


class PanelDigest:
    """The hash of a variable whose rows come by and by, in order.

    Parameters
    ----------
    panel : Columns
        Gives the labels and the median case; its rows are not read.
    """

    def __init__(self, panel: Columns) -> None:
        labels = json.dumps([panel.variable, panel.unit, panel.years, panel.items, panel.draws])
        self._digest, self._median = hashlib.sha256(labels.encode()), panel.median

    def add(self, rows: FloatArray) -> None:
        """Take in the next rows, all draws of them."""
        self._digest.update(np.ascontiguousarray(rows, dtype="<f8").data)

    def hex(self) -> str:
        """The hash, once all rows are in."""
        self.add(self._median)
        return self._digest.hexdigest()
