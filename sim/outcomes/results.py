"""Results on disk: one file for each scenario, which xarray opens; written and read column by column.

One file holds one scenario. Every variable lies on the same dimensions year × item × draw; an item is written
`scope:item`. A variable that lacks a year or an item has no chunk there, so it takes no room and reads as NaN;
its attributes `years` and `items` say what it has. The median case stands beside it as `<variable>_median`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import h5netcdf
import h5py
import numpy as np
from pydantic import ValidationError

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.errors import ResultsError, shown
from sim.outcomes import netcdf
from sim.outcomes.manifest import lack
from sim.outcomes.panels import (
    Columns,
    LazyPanel,
    Panel,
    PanelDigest,
    Result,
    batches,
    panel_hash,
    require_finite,
)
from sim.outcomes.variables import VARIABLES, VariableInfo, unit_of
from sim.scenario.scenario import Scenario

__all__ = [
    "DRAWS_FILE",
    "VARIABLES",
    "Panel",
    "Result",
    "VariableInfo",
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
_LARGEST_CHUNK: Final = 16 * DRAWS_PER_SCRAMBLE
"""64 KiB of float64: one column of a default run, read in one piece."""


def save_result(result: Result, path: Path, keep: Collection[str] | None = None) -> dict[str, str]:
    """Write a result as NetCDF-4, uncompressed float64, under a temporary name until it is whole.

    Parameters
    ----------
    result : Result
        What to write.
    path : Path
        The file; its folder exists.
    keep : collection of str, optional
        Variables to write; all by default.

    Returns
    -------
    dict of str to str
        The hash of every variable written.
    """
    panels = [panel for name, panel in result.panels.items() if keep is None or name in keep]
    unfinished = path.with_name(f"{path.name}.partial")
    try:
        with h5netcdf.File(unfinished, "w") as file:
            years, items = _write_labels(file, result, panels)
        with h5py.File(unfinished, "r+") as file:
            for panel in panels:
                _describe_panel(file, panel, years, items)
            hashes = {panel.variable: _write_rows(file[panel.variable], panel, years, items) for panel in panels}
    except (OSError, RuntimeError) as error:
        raise _of_system(error) from error
    unfinished.replace(path)
    return hashes


def _of_system(error: Exception) -> OSError:
    """The operating system's error behind one of HDF5, which gives its number in words only."""
    stated = re.search(r"errno = (\d+)", str(error))
    number = int(stated.group(1)) if stated else getattr(error, "errno", None) or errno.EIO
    return OSError(number, os.strerror(number))


def _write_labels(file: Any, result: Result, panels: Sequence[Columns]) -> tuple[list[int], list[str]]:
    years = sorted({year for panel in panels for year in panel.years})
    items = list(dict.fromkeys(label for panel in panels for label in _labels(panel)))
    file.dimensions = {"year": len(years), "item": len(items), "draw": result.scenario.sampling.draws}
    file.create_variable("year", ("year",), "i8", data=np.array(years, dtype=np.int64))
    file.create_variable("item", ("item",), _TEXT, data=np.array(items, dtype=object))
    file.attrs["scenario"] = result.scenario.model_dump_json()
    return years, items


def _labels(panel: Columns) -> tuple[str, ...]:
    return tuple(f"{scope}:{item}" for scope, item in panel.items)


def _describe_panel(file: Any, panel: Columns, years: list[int], items: list[str]) -> None:
    """A variable without its draws: shape, labels, median case."""
    rows, places = _span(years, panel.years), [items.index(label) for label in _labels(panel)]
    centre = np.full((len(years), len(items)), np.nan)
    centre[rows, places] = panel.median
    chunks = (1, 1, _chunk(panel.draws))
    values = _add_variable(file, panel.variable, _DIMENSIONS, chunks=chunks)
    median = _add_variable(file, panel.variable + _MEDIAN, _DIMENSIONS[:2], data=centre)
    values.attrs["units"] = median.attrs["units"] = panel.unit
    values.attrs["long_name"] = VARIABLES[panel.variable].meaning
    values.attrs["years"] = np.array(panel.years, dtype=np.int64)
    values.attrs["items"] = np.array(_labels(panel), dtype=object)


def _add_variable(file: Any, name: str, dimensions: Sequence[str], **content: Any) -> Any:
    """A variable on some dimensions as h5netcdf makes it, which asks for every dimension anew each time."""
    scales = [file[dimension] for dimension in dimensions]
    shape = tuple(scale.shape[0] for scale in scales)
    dataset = file.create_dataset(name, shape, "f8", fillvalue=np.nan, track_order=True, **content)
    for axis, scale in enumerate(scales):
        h5py.h5ds.attach_scale(dataset.id, scale.id, axis)
    places = [_DIMENSIONS.index(dimension) for dimension in dimensions]
    dataset.attrs["_Netcdf4Coordinates"] = np.array(places, dtype=np.int32)
    dataset.attrs["_Netcdf4Dimid"] = np.int32(places[0])
    dataset.attrs["_FillValue"] = np.array([np.nan])
    return dataset


def _write_rows(dataset: Any, panel: Columns, years: list[int], items: list[str]) -> str:
    """Write the draws chunk by chunk, past HDF5's selections, which take longer than the writing; the hash."""
    digest, places = PanelDigest(panel), iter(_places(panel.years, _labels(panel), years, items))
    size = dataset.chunks[-1]
    for batch in batches(panel):
        digest.add(batch)
        for row, (year, item) in zip(batch, places, strict=False):  # the rows first, or each batch would lose a place
            for start in range(0, panel.draws, size):
                dataset.id.write_direct_chunk((year, item, start), _whole(row[start : start + size], size))
    return digest.hex()


def _places(
    own_years: Sequence[int], labels: Sequence[str], years: list[int], items: list[str]
) -> list[tuple[int, int]]:
    """Where each row of a variable stands in the file."""
    columns = [items.index(label) for label in labels]
    return [(years.index(year), column) for year in own_years for column in columns]


def _whole(draws: FloatArray, size: int) -> FloatArray:
    """The draws of a chunk, filled up where the last one is shorter."""
    whole = np.ascontiguousarray(draws, dtype="<f8")
    return whole if len(whole) == size else np.pad(whole, (0, size - len(whole)), constant_values=np.nan)


def _span(years: list[int], part: Sequence[int]) -> slice:
    """Where consecutive years stand among all."""
    return slice(years.index(part[0]), years.index(part[-1]) + 1)


def _chunk(draws: int) -> int:
    """Draws in a chunk: whole scrambles, in as few and as even parts as the largest chunk allows."""
    parts = -(-draws // _LARGEST_CHUNK)
    return min(draws, -(-draws // (parts * DRAWS_PER_SCRAMBLE)) * DRAWS_PER_SCRAMBLE)


def read_result(folder: Path) -> Result:
    """One scenario's folder; its draws are read when they are asked for.

    Raises
    ------
    ResultsError
        The file is missing or damaged, or another program wrote it.
    """
    path = folder / DRAWS_FILE
    if not path.exists():
        raise ResultsError(f"{folder}: no finished result (no {DRAWS_FILE} in it)")
    try:
        with netcdf.opened(path) as file:
            scenario = _scenario(netcdf.text(file, "scenario"))
            axes = _Axes(
                netcdf.years(netcdf.variable(file, "year", "i", 1)[()], "the variable 'year'"),
                netcdf.labels(file, "item"),
                scenario.sampling.draws,
            )
            names = [name for name in file if name in VARIABLES]
            units = {name: unit_of(name, scenario.money, scenario.market.unit) for name in names}
            return Result(scenario, {name: _lazy_panel(path, file, name, units[name], axes) for name in names})
    except netcdf.UnreadableError as error:
        raise ResultsError(f"{path}: {error}") from error


def _scenario(written: str) -> Scenario:
    try:
        return Scenario.model_validate_json(written)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        words = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise netcdf.UnreadableError(f"its scenario is none that this program reads ({shown(words)})") from error


class _Axes(NamedTuple):
    """What all variables of a file lie on."""

    years: tuple[int, ...]
    items: list[str]
    draws: int


def _lazy_panel(path: Path, file: Any, name: str, unit: str, axes: _Axes) -> LazyPanel:
    stored = netcdf.variable(file, name, "f", len(axes))
    own_years = netcdf.years(stored.attrs.get("years"), f"the attribute 'years' of '{name}'")
    labels = netcdf.texts(stored, "items")
    if not (set(own_years) <= set(axes.years) and set(labels) <= set(axes.items)):
        raise netcdf.UnreadableError(f"'{name}' has years or items that are not on the axes of the file")
    if netcdf.text(stored, "units") != unit:
        raise netcdf.UnreadableError(f"'{name}' must be in {unit} (found {shown(netcdf.text(stored, 'units'))})")
    places = _places(own_years, labels, list(axes.years), axes.items)
    netcdf.require(stored, name, (len(axes.years), len(axes.items), axes.draws), len(places) * axes.draws)
    scopes_and_items = tuple((scope, item) for scope, _, item in (label.partition(":") for label in labels))
    centres = netcdf.numbers(file, name + _MEDIAN, (len(axes.years), len(axes.items)))
    centre = centres[tuple(np.transpose(places))].reshape(len(own_years), len(labels))
    _require_numbers(name, centre)
    read = partial(_read_rows, path, name, places)
    return LazyPanel(name, unit, own_years, scopes_and_items, centre, axes.draws, read)


def _read_rows(
    path: Path, name: str, places: Sequence[tuple[int, int]], chosen: Sequence[int], draws: slice
) -> FloatArray:
    """Some rows and draws of a variable of a file.

    Raises
    ------
    ResultsError
        They cannot be read, or are no numbers of this variable.
    """
    try:
        with netcdf.opened(path) as file:
            stored = netcdf.variable(file, name, "f", len(_DIMENSIONS))
            span = range(stored.shape[-1])[draws]
            values = np.empty((len(chosen), len(span)))
            for place, row in enumerate(chosen):
                values[place] = stored[(*places[row], slice(span.start, span.stop))]
            _require_numbers(name, values)
            return values
    except netcdf.UnreadableError as error:
        raise ResultsError(f"{path}: {error}") from error


def _require_numbers(name: str, values: FloatArray) -> None:
    """Refuse what is not finite, unless the variable may be missing in a draw."""
    finite = np.isfinite(values)
    if not finite.all() and not (VARIABLES[name].may_be_missing and (finite | np.isnan(values)).all()):
        raise netcdf.UnreadableError(f"'{name}' must hold finite numbers (found {values[~finite][0]})")


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
        raise ResultsError(f"{path}: neither a study nor the folder of one scenario ({lack(path, DRAWS_FILE)})")
    return folders
