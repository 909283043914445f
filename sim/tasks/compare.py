"""A comparison of finished results, written as a study of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from sim.belief.posterior import Posterior
from sim.chance.pairing import draws_key
from sim.chance.worlds import Named
from sim.errors import ResultsError
from sim.outcomes.comparison import baseline_of, headline, require_comparable
from sim.outcomes.drivers import Attribution
from sim.outcomes.manifest import MANIFEST, Hashes, read_manifest, require_as_written, stated, understood
from sim.outcomes.panels import Result, panel_hash, subset
from sim.outcomes.results import DRAWS_FILE, read_result, result_folders
from sim.outcomes.study import drawn_for, read_study
from sim.outcomes.verdict import verdict_of
from sim.tasks.attribution import drivers_by_share
from sim.tasks.boxfile import BoxFilter, read_box
from sim.tasks.crew import make_crew
from sim.tasks.files import Files
from sim.tasks.material import Told, command_of, drivers_of
from sim.tasks.pool import Batch, Progress
from sim.tasks.request import MANY_DRAWS
from sim.tasks.run import ANSWER, Answer, Study, study_of, unknown_errors
from sim.tasks.task import Desk, Finished, Task, perform

__all__ = ["CompareTask", "compare_studies", "scenario_folders"]

_FEWEST_DRAWS: Final = 100
"""Inside a box: of less a 5% point is that of four draws."""


def compare_studies(
    paths: Sequence[Path | str],
    *,
    baseline: str | None = None,
    where: Path | str | None = None,
    out: Path | str = Path("results"),
    jobs: int | None = None,
    plots: bool = True,
    force: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Compare finished results, and write tables and pictures into a folder of their own.

    Parameters
    ----------
    paths : sequence of path
        Folders of studies, or of single scenarios in them.
    where : path, optional
        The file of a box: only draws inside it are compared. There must be one path then, a study of `sim run`.
    baseline, out, jobs, plots, force, progress
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The file of the box is wrong, or limits what the study did not draw.
    ResultsError
        A result is missing, damaged or not what its study's manifest says, or the results do not share draws; says why.
    """
    held = None if where is None else _box(paths, Path(where))
    folders = [folder for path in paths for folder in scenario_folders(Path(path))]
    results = [_written(folder) for folder in folders]
    require_comparable(results)
    if held is not None:
        results = [subset(result, held.places) for result in results]
    base = baseline_of(results, baseline)
    trust = _trust(folders[results.index(base)])
    task = CompareTask(tuple(results), base, plots, held, None if held else _drawn(folders, results), trust)
    return perform(task, out, make_crew(jobs), force=force, progress=progress)


@dataclass(frozen=True)
class CompareTask(Task[Sequence[Result], Study]):
    """The comparison of some results.

    Attributes
    ----------
    results : tuple of Result
        On shared draws.
    baseline : Result
        One of them.
    pictures : bool
    held : BoxFilter, optional
        What the draws were chosen by.
    inputs : mapping of str to mapping of arrays (N,), optional
        What was drawn for each, if all that is at hand.
    trust : str
        What the baseline's own study says of how far to trust it.
    """

    kind = "compare"

    results: tuple[Result, ...]
    baseline: Result
    pictures: bool
    held: BoxFilter | None = None
    inputs: Mapping[str, Named] | None = None
    trust: str = ""

    @property
    def names(self) -> list[str]:
        """The scenarios."""
        return ["compared", *([self.held.name] if self.held else ()), *(result.name for result in self.results)]

    def asked(self) -> dict[str, Any]:
        """The results by the hashes of their numbers, and their scenarios."""
        scenarios = {result.name: result.scenario.model_dump(mode="json") for result in self.results}
        asked = {"compared": self._hashes, "baseline": self.baseline.name, "pictures": self.pictures}
        asked |= {"scenarios": scenarios, "trust": self.trust, "has_inputs": self.inputs is not None}
        return asked | ({"where": self.held.content()} if self.held else {})

    @classmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """Not without the results that were compared."""
        raise ResultsError(f"{folder}: was made of other studies' draws: verify those with --rerun")

    @property
    def _hashes(self) -> dict[str, Hashes]:
        return {one.name: {name: panel_hash(panel) for name, panel in one.panels.items()} for one in self.results}

    def compute(self, desk: Desk) -> Sequence[Result]:
        """Nothing is computed: the draws are there."""
        return self.results

    def write(self, folder: Path, computed: Sequence[Result], desk: Desk) -> Mapping[str, Any]:
        """Write every file."""
        files = Files(folder, computed, self.baseline, self.pictures, desk.crew.jobs)
        batch, told = Batch(), self._attributions(desk.crew.jobs)
        live = files.add_live(batch, self.inputs, told)
        files.write_tables(batch, partial(desk.tell, "files"))
        draws = self.baseline.scenario.sampling.draws
        notes = tuple(unknown_errors(draws)) if self.held is None else (self.held.note,)
        verdict = verdict_of(self.results, self.baseline.name, attributions=told, trust=self.trust)
        command = command_of({"task": self.kind, **self.asked()})
        files.write_page(Told(verdict, notes, drivers_of(told, live.result() if live else ""), desk.runner, command))
        answer = Answer(tuple(headline(computed, self.baseline.name)), verdict)
        content = {"answer": stated(ANSWER, answer), "draws": draws, "notes": notes}
        if self.held is not None:  # no other study has these draws
            return content
        return content | {"draws_key": draws_key(self.baseline.scenario)}

    def _attributions(self, jobs: int) -> Sequence[Attribution]:
        """What drives the outcomes, where what was drawn is at hand."""
        batch = Batch()
        shares = drivers_by_share(self.results, self.inputs, self.baseline.name, jobs) if self.inputs else []
        parts = [batch.add(call) for call in shares]
        batch.run(jobs, lambda share: None)
        return [one for part in parts for one in part.result()]

    def answer(self, study: Finished) -> Study:
        """The answer in short."""
        return study_of(study)


def _drawn(folders: Sequence[Path], results: Sequence[Result]) -> dict[str, Named] | None:
    """What was drawn for each result, as its study has it; None unless all of it is there, and not too much."""
    if results[0].scenario.sampling.draws > MANY_DRAWS:
        return None
    found = {one.name: drawn_for(one, folder) for one, folder in zip(results, folders, strict=True)}
    return {name: inputs for name, inputs in found.items() if inputs is not None} if all(found.values()) else None


def _trust(folder: Path) -> str:
    """What the study of a scenario's folder says of how far to trust it, if that scenario is its baseline."""
    study = folder.resolve().parent
    if not (study / MANIFEST).is_file():
        return ""
    manifest = read_manifest(study)
    if manifest.task != "run" or manifest.asked.get("baseline") != folder.resolve().name:
        return ""
    with suppress(ResultsError):  # another program's study is compared all the same, and says nothing here
        return str(understood(ANSWER, manifest.answer, study).verdict.trust)
    return ""


def _box(paths: Sequence[Path | str], file: Path) -> BoxFilter:
    """The draws of the one study that are inside a box.

    Raises
    ------
    ResultsError
        There is not one study, or it has too few such draws.
    """
    if len(paths) != 1:
        raise ResultsError(f"--where takes one study, whose draws it chooses (found {len(paths)} results)")
    held = read_box(file, read_study(paths[0]))
    if len(held.places) < _FEWEST_DRAWS:
        least = f"at least {_FEWEST_DRAWS}: let the box out, or run the study with more draws"
        raise ResultsError(
            f"{file}: {len(held.places)} of {held.draws:,} draws are inside, too few to say anything ({least})"
        )
    return held


def _written(folder: Path) -> Result:
    """A result that is as its study's manifest says."""
    result = read_result(folder)
    require_as_written(folder / DRAWS_FILE)
    return result


def scenario_folders(path: Path) -> tuple[Path, ...]:
    """The scenarios of a study in the order in which they were run, or the one folder that `path` is."""
    folders = result_folders(path)
    if folders == (path,):
        return folders
    return tuple(path / name for name in read_manifest(path).variables)
