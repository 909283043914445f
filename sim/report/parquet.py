"""Draws and inputs as tidy tables in Parquet: one number a row, its labels beside it.

A row group holds one variable of one scenario, or a part of it, so that a reader who wants one of them reads no more,
and writing takes little memory however many draws there are. Labels are dictionaries, and cost nearly nothing.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Final

import numpy as np

from sim.axes import FloatArray
from sim.chance.units import units_of
from sim.errors import SimError
from sim.outcomes.panels import Columns
from sim.outcomes.study import Study

__all__ = ["draws_parquet", "inputs_parquet", "require_pyarrow"]

_NUMBERS: Final = 2**20
"""Of a row group: 8 MiB of float64."""

_DRAW_LABELS: Final = ("scenario", "variable", "scope", "item")
_INPUT_LABELS: Final = ("scenario", "input")

Done = Callable[[float], None]


def require_pyarrow() -> None:
    """Say how to install what Parquet takes.

    Raises
    ------
    SimError
        It is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise SimError("--to parquet takes pyarrow: pip install 'market-entry-sim[parquet]'")


def draws_parquet(stream: IO[bytes], study: Study, study_hash: str, done: Done) -> None:
    """Write every draw of every variable: scenario, variable, scope, item, year, draw, value.

    Parameters
    ----------
    stream : binary file
    study : Study
    study_hash : str
        Tells the study from any other; metadata of the file.
    done : callable
        Is told the share of the variables that is written.
    """
    panels = [(result.name, panel) for result in study.results for panel in result.panels.values()]
    units = {panel.variable: panel.unit for _, panel in panels}
    labels = {
        "scenario": [result.name for result in study.results],
        "variable": list(units),
        "scope": sorted({scope for _, panel in panels for scope, _ in panel.items}),
        "item": sorted({item for _, panel in panels for _, item in panel.items}),
    }
    with _Table(stream, labels, {"year": "int16"}, {"study": study_hash, "units": units}) as table:
        for place, (scenario, panel) in enumerate(panels, start=1):
            for rows, first, values in _parts(panel):
                years, items = np.divmod(np.array(rows), len(panel.items))
                names = [panel.items[item] for item in items]
                codes = {
                    "scenario": [scenario] * len(rows),
                    "variable": [panel.variable] * len(rows),
                    "scope": [scope for scope, _ in names],
                    "item": [item for _, item in names],
                }
                table.write(codes, {"year": np.array(panel.years, dtype=np.int16)[years]}, first, values)
            done(place / len(panels))


def _parts(panel: Columns) -> Iterator[tuple[range, int, FloatArray]]:
    """Rows, first draw, and values (rows, draws): some megabytes at a time."""
    draws = min(panel.draws, _NUMBERS)
    size = max(1, _NUMBERS // draws)
    for start in range(0, panel.count, size):
        rows = range(start, min(start + size, panel.count))
        for first in range(0, panel.draws, draws):
            yield rows, first, panel.rows(rows, slice(first, first + draws))


def inputs_parquet(stream: IO[bytes], study: Study, study_hash: str) -> None:
    """Write what was drawn: scenario, input, draw, value; units, kinds and categories are metadata of the file.

    Parameters
    ----------
    stream : binary file
    study : Study
    study_hash : str
    """
    columns = {
        column.name: {"kind": column.kind, "grade": column.grade, "unit": column.unit, "categories": column.categories}
        for result in study.results
        for unit in units_of(result.scenario)
        for column in unit.columns
    }
    labels = {"scenario": [result.name for result in study.results], "input": list(columns)}
    with _Table(stream, labels, {}, {"study": study_hash, "inputs": columns}) as table:
        for result in study.results:
            for name, values in study.inputs(result.name).items():
                for first in range(0, len(values), _NUMBERS):
                    part = values[None, first : first + _NUMBERS]
                    table.write({"scenario": [result.name], "input": [name]}, {}, first, part)


class _Table:
    """A Parquet file that is written a row group at a time: labels, other columns, draw, value."""

    def __init__(
        self,
        stream: IO[bytes],
        labels: Mapping[str, Sequence[str]],
        others: Mapping[str, str],
        metadata: Mapping[str, Any],
    ) -> None:
        import pyarrow
        from pyarrow import parquet

        self._arrow, self._labels = pyarrow, {name: list(known) for name, known in labels.items()}
        self._places = {name: {one: at for at, one in enumerate(known)} for name, known in labels.items()}
        texts = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        fields = [(name, texts) for name in labels]
        fields += [(name, pyarrow.type_for_alias(kind)) for name, kind in others.items()]
        fields += [("draw", pyarrow.int32()), ("value", pyarrow.float64())]
        self._schema = pyarrow.schema(fields, {name: json.dumps(told) for name, told in metadata.items()})
        self._writer = parquet.ParquetWriter(
            stream,
            self._schema,
            compression="zstd",
            use_dictionary=[*labels, *others],
            column_encoding={"draw": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"},
        )

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(
        self, labels: Mapping[str, Sequence[str]], others: Mapping[str, Any], first: int, values: FloatArray
    ) -> None:
        """Write a row group.

        Parameters
        ----------
        labels : mapping of str to sequence of str (R,)
        others : mapping of str to array (R,)
        first : int
            Number of the first draw.
        values : array (R, N)
            A missing number is null.
        """
        draws = values.shape[-1]
        columns = [self._dictionary(name, known, draws) for name, known in labels.items()]
        columns += [self._arrow.array(np.repeat(known, draws)) for known in others.values()]
        columns.append(self._arrow.array(np.tile(np.arange(first, first + draws, dtype=np.int32), len(values))))
        columns.append(self._arrow.array(values.ravel(), from_pandas=True))
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema), values.size)

    def _dictionary(self, name: str, known: Sequence[str], draws: int) -> Any:
        codes = np.repeat(np.array([self._places[name][one] for one in known], dtype=np.int32), draws)
        return self._arrow.DictionaryArray.from_arrays(codes, self._labels[name])
