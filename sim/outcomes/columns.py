"""Named columns of rows in a NetCDF-4 file that xarray opens, with a document about them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import h5netcdf
import h5py
import numpy as np

from sim.axes import FloatArray
from sim.errors import Problem, ScenarioError, shown
from sim.outcomes import netcdf
from sim.reading.jsontext import json_object

__all__ = ["read_columns", "save_columns"]

_TEXT: Final = h5py.string_dtype()
_DOCUMENT: Final = "document"
_ROW: Final = "row"
_VALUES: Final = "_values"


def save_columns(path: Path, groups: Mapping[str, Mapping[str, FloatArray]], document: Mapping[str, Any]) -> None:
    """Write groups of columns, under a temporary name until the file is whole.

    Each group is one variable, column by row, with the names of its columns as coordinate. A column of several
    components is written as that many, `name[0]`, `name[1]`, ….

    Parameters
    ----------
    path : Path
        Its folder exists.
    groups : mapping of mappings of arrays (N,) or (K, N)
    document : mapping
        JSON; an attribute of the file.
    """
    partial = path.with_name(f"{path.name}.partial")
    rows = next(values.shape[-1] for group in groups.values() for values in group.values())
    with h5netcdf.File(partial, "w") as file:
        file.dimensions[_ROW] = rows
        for name, group in groups.items():
            labels, values = _flat(group)
            file.dimensions[name] = len(labels)
            file.create_variable(name, (name,), _TEXT, data=np.array(labels, dtype=object))
            stored = file.create_variable(f"{name}{_VALUES}", (name, _ROW), "f8", chunks=(1, rows) if labels else None)
            stored[...] = values.reshape(len(labels), rows)
        file.attrs[_DOCUMENT] = json.dumps(document)
    partial.replace(path)


def _flat(group: Mapping[str, FloatArray]) -> tuple[list[str], FloatArray]:
    """Labels and values of every component."""
    labels: list[str] = []
    for name, values in group.items():
        labels += [name] if values.ndim == 1 else [f"{name}[{place}]" for place in range(len(values))]
    return labels, np.vstack([np.atleast_2d(values) for values in group.values()]) if group else np.empty(0)


def read_columns(path: Path) -> tuple[dict[str, dict[str, FloatArray]], dict[str, Any]]:
    """Read what `save_columns` wrote.

    Returns
    -------
    groups, document
        A column that was written as `name[0]` alone comes back as one of several components.

    Raises
    ------
    ScenarioError
        The file is missing, damaged, or of another kind.
    """
    try:
        with netcdf.opened(path) as file:
            names = [name.removesuffix(_VALUES) for name in file if name.endswith(_VALUES)]
            rows = {netcdf.variable(file, f"{name}{_VALUES}", "f", 2).shape[1] for name in names}
            if len(rows) > 1:
                found = ", ".join(map(str, sorted(rows)))
                raise netcdf.UnreadableError(f"its columns must have the same number of rows (found {found})")
            groups = {name: _group(file, name, *rows) for name in names}
            _require_single(groups)
            return groups, _document(netcdf.text(file, _DOCUMENT))
    except netcdf.UnreadableError as error:
        raise ScenarioError([Problem(str(path), 0, 0, "", str(error))]) from error


def _document(written: str) -> dict[str, Any]:
    try:
        return json_object(written)
    except ValueError as error:
        raise netcdf.UnreadableError(f"the attribute '{_DOCUMENT}' {error}") from None


def _group(file: Any, name: str, rows: int) -> dict[str, FloatArray]:
    names = netcdf.labels(file, name)
    values = netcdf.numbers(file, f"{name}{_VALUES}", (len(names), rows))
    places: dict[str, list[int]] = {}
    for place, label in enumerate(names):
        places.setdefault(_stem(label), []).append(place)
    for stem, held in places.items():
        wanted = [f"{stem}[{place}]" for place in range(len(held))]
        if [names[place] for place in held] not in (wanted, [stem]):
            message = f"the components of {shown(stem)} must be {wanted[0]} to {wanted[-1]}, in order"
            raise netcdf.UnreadableError(message)
    return {stem: values[held] if names[held[0]] != stem else values[held[0]] for stem, held in places.items()}


def _require_single(groups: Mapping[str, Mapping[str, FloatArray]]) -> None:
    """Refuse a column that stands in two groups."""
    counts = Counter(name for group in groups.values() for name in group)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise netcdf.UnreadableError(f"the column {shown(twice[0])} stands in two variables")


def _stem(label: str) -> str:
    """The name of the column of which a label is a component: `name[3]` of `name`; `time[provider]` is one itself."""
    name, bracket, rest = label.rpartition("[")
    return name if bracket and rest.removesuffix("]").isdigit() else label
