"""Every file of a study, made side by side in children that read the results from where they lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sim.disk import write_bytes
from sim.outcomes.comparison import compare_one, summarise, timeline_rows
from sim.outcomes.drivers import Attribution
from sim.outcomes.manifest import Hashes
from sim.outcomes.panels import Result
from sim.outcomes.results import DRAWS_FILE, save_result
from sim.outcomes.study import INPUTS_FILE, save_inputs
from sim.outcomes.tables import (
    ComparisonRow,
    SummaryRow,
    TimelineRow,
    csv_bytes,
    parameter_columns,
    parameter_rows,
)
from sim.tasks.attribution import DRIVERS_FILE, default_outcomes, drivers, tables
from sim.tasks.pool import CAN_FORK, Batch
from sim.tasks.request import MANY_DRAWS

__all__ = ["Files", "import_pictures"]

_PLOTS: Final = "plots"

_ATTRIBUTED: Final = ("foreign_share",)
"""Pictures that say what drives what they show."""

_PICTURE_CALLS: Final = 4
"""Calls that draw pictures: enough to keep the cores busy to the end."""


def import_pictures() -> None:
    """Import Matplotlib where all children will find it; who wants no pictures never waits for it."""
    import sim.pictures.drivers
    import sim.pictures.plots  # noqa: F401


@dataclass(frozen=True)
class Files:
    """What is written of some results.

    Attributes
    ----------
    folder : Path
        Exists, and is empty.
    results : sequence of Result
        On shared draws.
    baseline : Result
        One of them.
    pictures : bool
    jobs : int
        Children at a time.
    """

    folder: Path
    results: Sequence[Result]
    baseline: Result
    pictures: bool
    jobs: int

    def add_draws(self, batch: Batch, keep: Collection[str] | None) -> dict[str, Future[Hashes]]:
        """Have the folder of each scenario written: its draws, and when things happen; the hash of every variable."""
        return {
            result.name: batch.add(partial(_save, result, self.folder / result.name, keep)) for result in self.results
        }

    def add_inputs(self, batch: Batch) -> tuple[str, ...]:
        """Have written what was drawn and, as far as that takes no runs, what of it drives the answer.

        Returns
        -------
        tuple of str
            The pictures that say so too, which are drawn there.
        """
        names = tuple(name for name in _ATTRIBUTED if name in self._drawable) if self.pictures else ()
        batch.add(partial(_save_inputs, self.folder, self.results, self.baseline.name, names))
        return names

    def write_tables(self, batch: Batch, done: Callable[[float], None], drawn: Collection[str] = ()) -> None:
        """Run the batch with all tables and pictures added to it but those `drawn` already, and write them."""
        others = [result for result in self.results if result is not self.baseline]
        if self.pictures:
            self._add_pictures(batch, drawn)
        comparisons = [batch.add(partial(_comparison, result, self.baseline)) for result in others]
        summaries = [batch.add(partial(_summary, result, self.baseline)) for result in self.results]
        batch.run(self.jobs, done)
        self._write("summary.csv", [csv_bytes([], SummaryRow._fields), *_results(summaries)])
        if others:
            self._write("comparison.csv", [csv_bytes([], ComparisonRow._fields), *_results(comparisons)])
        scenarios = [result.scenario for result in self.results]
        self._write("parameters.csv", [csv_bytes(parameter_rows(scenarios), parameter_columns(scenarios))])

    def _write(self, name: str, parts: Sequence[bytes]) -> None:
        write_bytes(self.folder / name, b"".join(parts))

    @property
    def _drawable(self) -> tuple[str, ...]:
        """Names of the pictures that can be drawn of the results."""
        from sim.pictures.plots import Runs, drawable

        return drawable(Runs(self.results, self.baseline.name))

    def _add_pictures(self, batch: Batch, drawn: Collection[str]) -> None:
        """A few calls, because each child warms matplotlib up; one where calls are threads, of which it bears one."""
        names = [name for name in self._drawable if name not in drawn]
        calls = _PICTURE_CALLS if CAN_FORK else 1
        for first in range(calls):
            batch.add(partial(_draw, names[first::calls], self.results, self.baseline.name, self.folder))


def _save(result: Result, folder: Path, keep: Collection[str] | None) -> Hashes:
    """Write what one scenario's folder holds; the hash of every variable."""
    folder.mkdir()
    write_bytes(folder / "timeline.csv", csv_bytes(timeline_rows(result), TimelineRow._fields))
    return save_result(result, folder / DRAWS_FILE, keep)


def _save_inputs(folder: Path, results: Sequence[Result], baseline: str, names: Sequence[str]) -> None:
    """Write the inputs, up to many draws the drivers of what is asked by default, and the pictures that tell them."""
    scenarios = [result.scenario for result in results]
    inputs = save_inputs(folder / INPUTS_FILE, scenarios)
    found: Sequence[Attribution] = ()
    if scenarios[0].sampling.draws <= MANY_DRAWS:
        found = drivers(results, inputs, baseline, default_outcomes(results, baseline))
        write_bytes(folder / DRIVERS_FILE, tables(found)[DRIVERS_FILE])
    if names:
        _draw(names, results, baseline, folder, found)


def _summary(result: Result, base: Result) -> bytes:
    return csv_bytes(summarise(result, base))


def _comparison(result: Result, base: Result) -> bytes:
    return csv_bytes(compare_one(result, base))


def _draw(
    names: Sequence[str],
    results: Sequence[Result],
    baseline: str,
    folder: Path,
    attributions: Sequence[Attribution] = (),
) -> None:
    """Draw some pictures of the results and, if that is known, of what drives them."""
    from sim.pictures.drivers import leading
    from sim.pictures.plots import Runs, draw, drawable

    plots = folder / _PLOTS
    plots.mkdir(exist_ok=True)
    for name in names:
        draw(name, Runs(results, baseline, attributions), plots)
    for material in leading(attributions, baseline):
        for name in drawable(material):
            draw(name, material, plots)


def _results(futures: Sequence[Future[bytes]]) -> list[bytes]:
    return [future.result() for future in futures]
