"""Named columns of rows in a NetCDF-4 file that xarray opens, with a document about them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import h5netcdf
import h5py
import numpy as np

from sim.axes import FloatArray
from sim.errors import Problem, ScenarioError

__all__ = ["read_columns", "save_columns"]

_TEXT: Final = h5py.string_dtype()
_DOCUMENT: Final = "document"
_ROW: Final = "row"


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
            stored = file.create_variable(f"{name}_values", (name, _ROW), "f8", chunks=(1, rows) if labels else None)
            stored[...] = values.reshape(len(labels), rows)
        file.attrs[_DOCUMENT] = json.dumps(document)
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
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
    if path.exists() and not path.is_file():
        raise ScenarioError([Problem(str(path), 0, 0, "", "is no regular file")])
    try:
        with h5netcdf.File(path, "r") as file:
            document = json.loads(file.attrs[_DOCUMENT])
            names = [name for name in file.variables if f"{name}_values" in file.variables]
            return {name: _group(file, name) for name in names}, document
    except FileNotFoundError:
        raise ScenarioError([Problem(str(path), 0, 0, "", "no such file")]) from None
    except (OSError, KeyError, ValueError) as error:
        message = f"damaged, or no file of this kind: {error}"
        raise ScenarioError([Problem(str(path), 0, 0, "", message)]) from error


def _group(file: Any, name: str) -> dict[str, FloatArray]:
    labels = [label.decode() if isinstance(label, bytes) else str(label) for label in file[name][:]]
    values = np.asarray(file[f"{name}_values"][...], dtype=np.float64)
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(_stem(label), []).append(place)
    return {stem: values[held] if labels[held[0]] != stem else values[held[0]] for stem, held in places.items()}


def _stem(label: str) -> str:
    """The name of the column of which a label is a component: `name[3]` of `name`; `time[aws]` is one itself."""
    name, bracket, rest = label.rpartition("[")
    return name if bracket and rest.removesuffix("]").isdigit() else label
