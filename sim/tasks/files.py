"""Every file of a study, made side by side in children that read the results from where they lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sim.chance.worlds import Named
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
from sim.tasks.attribution import DRIVERS_FILE, tables
from sim.tasks.material import PAGE_FILE, Told, run_material
from sim.tasks.pool import CAN_FORK, Batch

__all__ = ["Files", "import_pictures"]

_PLOTS: Final = "plots"

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

    def add_inputs(self, batch: Batch, inputs: Mapping[str, Named] | None, drivers: Sequence[Attribution]) -> None:
        """Have written what was drawn, made anew where it is not at hand, and what of it drives the answer."""
        batch.add(partial(save_inputs, self.folder / INPUTS_FILE, [one.scenario for one in self.results], inputs))
        if inputs is not None:
            self._write(DRIVERS_FILE, [tables(drivers)[DRIVERS_FILE]])

    def add_live(
        self, batch: Batch, inputs: Mapping[str, Named] | None, drivers: Sequence[Attribution]
    ) -> Future[str] | None:
        """Have the section made whose figures move, if a page is written and what was drawn is at hand."""
        if not self.pictures or inputs is None:
            return None
        return batch.add(partial(_live, self.results, inputs, self.baseline.name, drivers))

    def write_page(self, told: Told) -> None:
        """Write the study on one page, if pictures are drawn; all other files are there."""
        if self.pictures:
            from sim.report.page import page

            material = run_material(self.folder, self.results, self.baseline.name, told)
            write_bytes(self.folder / PAGE_FILE, page(material))

    def write_tables(self, batch: Batch, done: Callable[[float], None], drivers: Sequence[Attribution] = ()) -> None:
        """Run the batch with all tables and pictures added to it, and write them; `drivers` are drawn too."""
        others = [result for result in self.results if result is not self.baseline]
        if self.pictures:
            self._add_pictures(batch, drivers)
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

    def _add_pictures(self, batch: Batch, drivers: Sequence[Attribution]) -> None:
        """A few calls, because each child warms matplotlib up; one where calls are threads, of which it bears one."""
        from sim.pictures.drivers import leading
        from sim.pictures.plots import Runs, drawable

        folder = self.folder / _PLOTS
        folder.mkdir()
        materials = [Runs(self.results, self.baseline.name, drivers), *leading(drivers, self.baseline.name)]
        drawings = [(name, material) for material in materials for name in drawable(material)]
        calls = _PICTURE_CALLS if CAN_FORK else 1
        for first in range(calls):
            batch.add(partial(_draw, drawings[first::calls], folder))


def _save(result: Result, folder: Path, keep: Collection[str] | None) -> Hashes:
    """Write what one scenario's folder holds; the hash of every variable."""
    folder.mkdir()
    write_bytes(folder / "timeline.csv", csv_bytes(timeline_rows(result), TimelineRow._fields))
    return save_result(result, folder / DRAWS_FILE, keep)


def _live(results: Sequence[Result], inputs: Mapping[str, Named], baseline: str, drivers: Sequence[Attribution]) -> str:
    from sim.report.live import live_section

    return live_section(results, inputs, baseline, drivers)


def _summary(result: Result, base: Result) -> bytes:
    return csv_bytes(summarise(result, base))


def _comparison(result: Result, base: Result) -> bytes:
    return csv_bytes(compare_one(result, base))


def _draw(drawings: Sequence[tuple[str, object]], folder: Path) -> None:
    from sim.pictures.plots import draw

    for name, material in drawings:
        draw(name, material, folder)


def _results(futures: Sequence[Future[bytes]]) -> list[bytes]:
    return [future.result() for future in futures]
