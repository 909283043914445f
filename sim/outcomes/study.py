"""A finished run as a whole: its outcomes, and beside them what was drawn for each of its draws."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.sampling import leading_columns
from sim.chance.units import units_of
from sim.chance.worlds import Named, once_for_same_worlds
from sim.errors import ResultsError, ScenarioError
from sim.outcomes.columns import read_columns, save_columns
from sim.outcomes.manifest import Manifest, read_manifest, require_as_written
from sim.outcomes.panels import Result
from sim.outcomes.results import DRAWS_FILE, read_result, result_folders
from sim.scenario.scenario import Scenario

if TYPE_CHECKING:
    import xarray

__all__ = [
    "INPUTS_FILE",
    "Labelled",
    "Study",
    "drawn_for",
    "inputs_of",
    "load_results",
    "read_inputs",
    "read_study",
    "save_inputs",
    "study_beside",
]

INPUTS_FILE: Final = "inputs.nc"

_GROUP: Final = "inputs"
_COLUMNS: Final = "columns"
_DESCRIBED: Final = "described"
_OWN: Final = ":"
"""Between a scenario and a column where the scenario's values are not those of the scenarios before it."""


@dataclass(frozen=True)
class Study:
    """A finished run.

    Attributes
    ----------
    folder : Path
    manifest : Manifest
    results : tuple of Result
        In the order in which they were run, on shared draws; read from the disk as they are asked for.
    """

    folder: Path
    manifest: Manifest
    results: tuple[Result, ...]

    @property
    def baseline(self) -> str:
        """Name of the scenario that others are compared with."""
        return str(self.manifest.asked["baseline"])

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.results[0].scenario.sampling.draws

    def result(self, name: str) -> Result:
        """The result of one scenario."""
        return next(result for result in self.results if result.name == name)

    def inputs(self, name: str) -> Named:
        """What was drawn for one scenario: by column of `units_of`, arrays (N,); categories as indices.

        Raises
        ------
        ResultsError
            The file is missing, damaged or not what the manifest says, or other columns are in it.
        """
        found, expected = self._inputs[name], _names(self.result(name).scenario)
        if sorted(found) != sorted(expected) or any(values.shape != (self.draws,) for values in found.values()):
            raise ResultsError(f"{self.folder / INPUTS_FILE}: has other columns than {name}: run the study again")
        return found

    @cached_property
    def _inputs(self) -> Mapping[str, Named]:
        path = self.folder / INPUTS_FILE
        if not path.is_file():
            raise ResultsError(f"{self.folder}: was made without {INPUTS_FILE}: run the study again")
        require_as_written(path)
        return read_inputs(path)


def read_study(folder: Path | str) -> Study:
    """A finished run from its folder.

    Raises
    ------
    ResultsError
        There is none, it is not what its manifest says, or another command made it.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    if manifest.task != "run":
        raise ResultsError(f"{path}: is the study of sim {manifest.task}, and a study of sim run is asked for")
    folders = [path / name for name in manifest.variables]
    for one in folders:
        require_as_written(one / DRAWS_FILE)
    results = tuple(read_result(one) for one in folders)
    names = [result.name for result in results]
    if manifest.asked.get("baseline") not in names:
        raise ResultsError(f"{path}: its manifest names no baseline among {', '.join(names) or 'no scenarios'}")
    return Study(path, manifest, results)


@dataclass(frozen=True)
class Labelled:
    """Numbers with names on their axes, where xarray is not installed; NumPy takes it as an array.

    Attributes
    ----------
    values : array
    coordinates : mapping of str to sequence
        Each axis in order to its labels.
    """

    values: FloatArray
    coordinates: Mapping[str, Sequence[object]]

    def sel(self, **labels: object) -> Labelled:
        """The numbers at one label of some axes, which go; KeyError if there is none."""
        values, left = self.values, dict(self.coordinates)
        for name, label in labels.items():
            if name not in left or label not in left[name]:
                raise KeyError(f"no {label!r} on an axis {name!r}")
            values = np.asarray(values.take(left[name].index(label), axis=list(left).index(name)))
            del left[name]
        return Labelled(values, left)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> FloatArray:
        """The numbers alone."""
        return np.array(self.values, dtype=dtype, copy=copy)


class _Loaded(Mapping[str, Any]):
    """One scenario's variables, and under `inputs` what was drawn, read as they are asked for."""

    def __init__(self, result: Result, inputs: Named | None) -> None:
        self._panels, self._inputs = result.panels, inputs
        self._draws = range(result.scenario.sampling.draws)

    def __getitem__(self, name: str) -> Labelled | Mapping[str, Labelled]:
        if name == _GROUP and self._inputs is not None:
            return {column: Labelled(values, {"draw": self._draws}) for column, values in self._inputs.items()}
        panel = self._panels[name]
        items = [f"{scope}:{item}" for scope, item in panel.items]
        values = panel.rows(range(panel.count)).reshape(len(panel.years), len(items), -1)
        return Labelled(values, {"year": list(panel.years), "item": items, "draw": self._draws})

    def __iter__(self) -> Iterator[str]:
        return iter([*self._panels, *([] if self._inputs is None else [_GROUP])])

    def __len__(self) -> int:
        return len(list(iter(self)))


def load_results(path: Path | str) -> Mapping[str, Any]:
    """Open a finished study, or one scenario of it, as labelled arrays.

    Parameters
    ----------
    path : path
        A study's folder, or one scenario's folder in it.

    Returns
    -------
    mapping of str
        Scenario, then variable: `load_results(path)["open"]["foreign_share"].sel(item="total:", year=2030)`; what
        was drawn stands beside, by column, `load_results(path)["open"]["inputs"]["market.size"]`. Where xarray is
        installed it is a DataTree that reads from the files what is asked of it; without it the same names lead to
        arrays with labels (`Labelled`), which NumPy takes.

    Raises
    ------
    ResultsError
        There is no finished result, or it is not what the manifest of its study says.
    """
    folders = result_folders(Path(path))
    for folder in folders:
        require_as_written(folder / DRAWS_FILE)
    results = [read_result(folder) for folder in folders]
    drawn = {result.name: drawn_for(result, folder) for result, folder in zip(results, folders, strict=True)}
    if importlib.util.find_spec("xarray") is None:
        return {result.name: _Loaded(result, drawn[result.name]) for result in results}
    return _tree({result.name: folder for result, folder in zip(results, folders, strict=True)}, drawn)


def drawn_for(result: Result, folder: Path) -> Named | None:
    """What was drawn for a result, if its study has it."""
    path = folder.resolve().parent / INPUTS_FILE
    if not path.is_file():
        return None
    require_as_written(path)
    return read_inputs(path).get(result.name)


def _tree(folders: Mapping[str, Path], drawn: Mapping[str, Named | None]) -> xarray.DataTree:
    import xarray

    parts = {name: _dataset(folder / DRAWS_FILE) for name, folder in folders.items()}
    for name, inputs in drawn.items():
        if inputs is not None:
            parts[f"{name}/{_GROUP}"] = xarray.Dataset({column: ("draw", values) for column, values in inputs.items()})
    return xarray.DataTree.from_dict(parts)


def _dataset(path: Path) -> xarray.Dataset:
    """The file of a scenario as xarray opens it, by marks that this program itself does not read."""
    import xarray

    try:
        return xarray.open_dataset(path, engine="h5netcdf")
    except Exception as error:  # whatever two libraries raise at marks that make no sense to them
        message = "damaged, or not written by this program: its dimensions or attributes are not as xarray needs them"
        raise ResultsError(f"{path}: {message}") from error


def study_beside(folder: Path, is_meant: Callable[[Manifest], bool]) -> Study:
    """The run that a folder was made of, where it lies in the folder beside it.

    Parameters
    ----------
    folder : Path
        Of an analysis.
    is_meant : callable
        Tells the run by its manifest.

    Raises
    ------
    ResultsError
        It does not lie there.
    """
    for path in sorted(folder.resolve().parent.iterdir()):
        try:
            manifest = read_manifest(path)
        except ResultsError:
            continue
        if manifest.task == "run" and is_meant(manifest):
            return read_study(path)
    raise ResultsError(f"{folder}: was made of a run that does not lie beside it: put both into one folder")


def inputs_of(scenarios: Sequence[Scenario]) -> dict[str, Named]:
    """What is drawn for each scenario: by column of `units_of`, arrays (N,); scenarios share what they share."""

    def columns(scenario: Scenario) -> Named:
        return leading_columns(scenario, range(scenario.sampling.draws // DRAWS_PER_SCRAMBLE))

    names = [scenario.name for scenario in scenarios]
    return dict(zip(names, once_for_same_worlds(scenarios, columns), strict=True))


def save_inputs(path: Path, scenarios: Sequence[Scenario], inputs: Mapping[str, Named] | None = None) -> None:
    """Write what is drawn for each scenario; a column in which several agree stands there once.

    Parameters
    ----------
    path : Path
    scenarios : sequence of Scenario
    inputs : mapping of str to mapping of arrays (N,), optional
        As `inputs_of` gives them, where they are at hand.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    written: dict[str, FloatArray] = {}
    names: dict[str, dict[str, str]] = {}
    for scenario, columns in (inputs_of(scenarios) if inputs is None else inputs).items():
        names[scenario] = {}
        for column, values in columns.items():
            known = written.setdefault(column, values)
            label = column if known is values or np.array_equal(known, values) else f"{scenario}{_OWN}{column}"
            written[label] = values
            names[scenario][column] = label
    described = {
        column.name: {"kind": column.kind, "grade": column.grade, "unit": column.unit, "categories": column.categories}
        for scenario in scenarios
        for unit in units_of(scenario)
        for column in unit.columns
    }
    save_columns(path, {_GROUP: written}, {_COLUMNS: names, _DESCRIBED: described})


def read_inputs(path: Path) -> Mapping[str, Named]:
    """What `save_inputs` wrote, by scenario and column.

    Raises
    ------
    ResultsError
        The file is damaged, or of another kind.
    """
    try:
        groups, document = read_columns(path)
    except ScenarioError as error:
        raise ResultsError(str(error)) from error
    if not all(np.isfinite(values).all() for values in groups.get(_GROUP, {}).values()):
        raise ResultsError(f"{path}: its columns must hold finite numbers")
    try:
        stored = {name: part for name, values in groups[_GROUP].items() for name, part in _parts(name, values)}
        return {
            scenario: {column: stored[label] for column, label in labels.items()}
            for scenario, labels in document[_COLUMNS].items()
        }
    except (KeyError, TypeError, AttributeError):
        raise ResultsError(f"{path}: not the inputs of a study, or damaged: run the study again") from None


def _parts(name: str, values: FloatArray) -> list[tuple[str, FloatArray]]:
    """The components of a column one by one."""
    if values.ndim == 1:
        return [(name, values)]
    return [(f"{name}[{place}]", part) for place, part in enumerate(values)]


def _names(scenario: Scenario) -> list[str]:
    return [column.name for unit in units_of(scenario) for column in unit.columns]
