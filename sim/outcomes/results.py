"""What a run leaves: labelled arrays of outcomes, saved to a file that xarray opens, and read back.

One file holds one scenario. Every variable lies on the same dimensions year × item × draw; an item is written
`scope:item`. A variable that lacks a year or an item has no chunk there, so it takes no room and reads as NaN;
its attributes `years` and `items` say what it has. The median case stands beside it as `<variable>_median`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import h5netcdf
import h5py
import numpy as np
from pydantic import ValidationError

from sim.axes import FloatArray, require_shape
from sim.errors import NumericalError, ResultsError
from sim.outcomes.variables import VARIABLES, VariableInfo
from sim.scenario import Scenario

if TYPE_CHECKING:
    import xarray

__all__ = [
    "DRAWS_FILE",
    "VARIABLES",
    "Panel",
    "Result",
    "VariableInfo",
    "file_hash",
    "load_results",
    "panel_hash",
    "read_result",
    "require_finite",
    "result_folders",
    "save_result",
]

DRAWS_FILE: Final = "draws.nc"

_MEDIAN: Final = "_median"
_DIMENSIONS: Final = ("year", "item", "draw")
_TEXT: Final = h5py.string_dtype()
_SCRAMBLE: Final = 512
_LARGEST_CHUNK: Final = 16 * _SCRAMBLE
"""64 KiB of float64: one column of a default run, read in one piece."""


@dataclass(frozen=True)
class Panel:
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
    values : array, years by items by draws
        NaN where the variable does not exist in a draw.
    median : array, years by items
        The median case.
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

    def column(self, year: int, scope: str = "", item: str = "") -> FloatArray:
        """All draws of one number; KeyError if the panel does not have it."""
        if year not in self.years or (scope, item) not in self.items:
            raise KeyError(f"{self.variable} has no {scope}:{item} in {year}")
        column: FloatArray = self.values[self.years.index(year), self.items.index((scope, item))]
        return column


@dataclass(frozen=True)
class Result:
    """One scenario's outcomes.

    Attributes
    ----------
    scenario : Scenario
        The resolved scenario; its sampling section states the seed and the draws that were used.
    panels : mapping of str to Panel
        By variable.
    """

    scenario: Scenario
    panels: Mapping[str, Panel]

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self.scenario.name


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
    bad = ~np.isfinite(panel.values)
    if VARIABLES[panel.variable].may_be_missing:
        bad &= ~np.isnan(panel.values)
    if bad.any():
        year, item, draw = (int(index) for index in np.argwhere(bad)[0])
        what = " ".join((panel.variable, *filter(None, panel.items[item])))
        value = panel.values[year, item, draw]
        raise NumericalError(f"{what} is {value} in {panel.years[year]}, draw {first_draw + draw}")


def panel_hash(panel: Panel) -> str:
    """SHA-256 of a variable's labels, draws and median case: the same on every machine that has the same bits."""
    labels = json.dumps([panel.variable, panel.unit, panel.years, panel.items, panel.draws])
    digest = hashlib.sha256(labels.encode())
    for array in (panel.values, panel.median):
        digest.update(np.ascontiguousarray(array, dtype="<f8").data)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save_result(result: Result, path: Path, keep: Collection[str] | None = None) -> None:
    """Write a result as NetCDF-4, uncompressed float64, under a temporary name until it is whole.

    Parameters
    ----------
    result : Result
        What to write.
    path : Path
        The file; its folder exists.
    keep : collection of str, optional
        Variables to write; all by default.
    """
    panels = [panel for name, panel in result.panels.items() if keep is None or name in keep]
    partial = path.with_name(f"{path.name}.partial")
    with h5netcdf.File(partial, "w") as file:
        years, items = _write_labels(file, result, panels)
        for panel in panels:
            _write_panel(file, panel, years, items)
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.replace(path)


def _write_labels(file: Any, result: Result, panels: Sequence[Panel]) -> tuple[list[int], list[str]]:
    years = sorted({year for panel in panels for year in panel.years})
    items = list(dict.fromkeys(label for panel in panels for label in _labels(panel)))
    file.dimensions = {"year": len(years), "item": len(items), "draw": result.scenario.sampling.draws}
    file.create_variable("year", ("year",), "i8", data=np.array(years, dtype=np.int64))
    file.create_variable("item", ("item",), _TEXT, data=np.array(items, dtype=object))
    file.attrs["scenario"] = result.scenario.model_dump_json()
    return years, items


def _labels(panel: Panel) -> tuple[str, ...]:
    return tuple(f"{scope}:{item}" for scope, item in panel.items)


def _write_panel(file: Any, panel: Panel, years: list[int], items: list[str]) -> None:
    rows, places = _span(years, panel.years), [items.index(label) for label in _labels(panel)]
    chunks = (1, 1, _chunk(panel.draws))
    values = file.create_variable(panel.variable, _DIMENSIONS, "f8", chunks=chunks, fillvalue=np.nan)
    for column, place in enumerate(places):
        values[rows, place, :] = panel.values[:, column, :]
    centre = np.full((len(years), len(items)), np.nan)
    centre[rows, places] = panel.median
    median = file.create_variable(panel.variable + _MEDIAN, _DIMENSIONS[:2], "f8", fillvalue=np.nan, data=centre)
    values.attrs["units"] = median.attrs["units"] = panel.unit
    values.attrs["long_name"] = VARIABLES[panel.variable].meaning
    values.attrs["years"] = np.array(panel.years, dtype=np.int64)
    values.attrs["items"] = np.array(_labels(panel), dtype=object)


def _span(years: list[int], part: Sequence[int]) -> slice:
    """Where consecutive years stand among all."""
    return slice(years.index(part[0]), years.index(part[-1]) + 1)


def _chunk(draws: int) -> int:
    """Draws in a chunk: whole scrambles, in as few and as even parts as the largest chunk allows."""
    parts = -(-draws // _LARGEST_CHUNK)
    return min(draws, -(-draws // (parts * _SCRAMBLE)) * _SCRAMBLE)


def read_result(folder: Path) -> Result:
    """Read one scenario's folder.

    Raises
    ------
    ResultsError
        The file is missing or damaged, or another program wrote it.
    """
    path = folder / DRAWS_FILE
    try:
        with h5netcdf.File(path, "r") as file:
            scenario = Scenario.model_validate_json(_text(file.attrs["scenario"]))
            names = [name for name in file.variables if name + _MEDIAN in file.variables]
            return Result(scenario, {name: _read_panel(file, name) for name in names})
    except FileNotFoundError:
        raise ResultsError(f"{folder}: no finished result (no {DRAWS_FILE} in it)") from None
    except (OSError, KeyError, ValueError, ValidationError) as error:
        raise ResultsError(f"{path}: damaged, or not written by this program: {error}") from error


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _read_panel(file: Any, name: str) -> Panel:
    variable, median = file[name], file[name + _MEDIAN]
    labels = [_text(label) for label in np.atleast_1d(variable.attrs["items"])]
    years = tuple(int(year) for year in np.atleast_1d(variable.attrs["years"]))
    rows = _span(file["year"][:].tolist(), years)
    items = [_text(label) for label in file["item"][:]]
    places = [items.index(label) for label in labels]
    values = np.empty((len(years), len(labels), variable.shape[-1]))
    for column, place in enumerate(places):
        values[:, column] = variable[rows, place, :]
    scopes_and_items = tuple((scope, item) for scope, _, item in (label.partition(":") for label in labels))
    return Panel(name, _text(variable.attrs["units"]), years, scopes_and_items, values, median[rows, :][:, places])


def result_folders(path: Path) -> tuple[Path, ...]:
    """The scenario folders of a study, or the one folder that `path` is.

    Raises
    ------
    ResultsError
        There is none.
    """
    if (path / DRAWS_FILE).is_file():
        return (path,)
    folders = tuple(sorted(file.parent for file in path.glob(f"*/{DRAWS_FILE}")))
    if not folders:
        raise ResultsError(f"{path}: neither a study nor the folder of one scenario (no {DRAWS_FILE} in it)")
    return folders


def load_results(path: Path | str) -> Mapping[str, xarray.Dataset | Result]:
    """Open a finished study, or one scenario of it, as labelled arrays.

    Parameters
    ----------
    path : path
        A study's folder, or one scenario's folder in it.

    Returns
    -------
    mapping of str to xarray.Dataset or Result
        By name of the scenario. Where xarray is installed, datasets that read from the file what is asked of them,
        `load_results(path)["ftz_pilot"].foreign_share.sel(item="iaas:", year=2030)`; without it results held in
        memory, `load_results(path)["ftz_pilot"].panels["foreign_share"].column(2030, "iaas")`.

    Raises
    ------
    ResultsError
        There is no finished result.
    """
    folders: Iterable[Path] = result_folders(Path(path))
    if importlib.util.find_spec("xarray") is None:
        return {result.name: result for result in map(read_result, folders)}
    import xarray

    datasets = (xarray.open_dataset(folder / DRAWS_FILE, engine="h5netcdf") for folder in folders)
    return {json.loads(dataset.attrs["scenario"])["name"]: dataset for dataset in datasets}
