"""The life cycle of a task: recognised if it was done before, else computed part by part, written whole, and answered.

A command says what is asked, how it is computed in parts that do not depend on each other, which files come of it, and
how the answer is read from them. All else is here, so that going on from what is done, any number of jobs, executors,
recognition and verification hold for every command.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Self, TypeAlias, TypeVar

from pydantic import TypeAdapter

from sim.belief.posterior import Posterior
from sim.disk import file_hash, remove_empty_folders
from sim.outcomes.manifest import (
    EXACT,
    Manifest,
    Program,
    canonical_hash,
    decisive,
    program,
    understood,
    write_manifest,
)
from sim.tasks.crew import Crew
from sim.tasks.parts import Arrays, PartStore
from sim.tasks.pool import Progress, of_the_rest, say_nothing
from sim.tasks.store import clean, discard, files_of, finish, finished, new_study, relative_files, scratch, study_name

__all__ = [
    "FINDINGS",
    "FINISHED_BEFORE",
    "Desk",
    "Findings",
    "FindingsStudy",
    "Finished",
    "Task",
    "perform",
]

FINISHED_BEFORE: Final = "this study was finished before: nothing was computed (--force computes it again)"

Findings: TypeAlias = tuple[tuple[str, ...], ...]

FINDINGS: Final = TypeAdapter(Findings, config=EXACT)
"""Sentences in groups, as a manifest has them."""

Computed = TypeVar("Computed")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Desk:
    """Where a task is at work.

    Attributes
    ----------
    folder : Path
        The scratch folder.
    key : str
        Hash of all that decides the parts: what was asked, and the program.
    runner : Program
    crew : Crew
    tell : callable
        Is told what is being done, and the share of the whole that is finished.
    announce : callable
        Is given the answer in short as soon as it is known, before files are written.
    passing : list of str
        What is to be said of how the study was come by, and does not stand in its manifest.
    """

    folder: Path
    key: str
    runner: Program
    crew: Crew
    tell: Progress
    announce: Callable[[Any], None]
    passing: list[str] = field(default_factory=list)

    def store(self, stage: str, count: int) -> PartStore:
        """Where the parts of a stage are kept."""
        return PartStore(self.folder, f"{self.key}.{stage}", count)

    def parts(self, stage: str, calls: Sequence[Callable[[], Arrays]], done: Callable[[float], None]) -> list[Arrays]:
        """What some calls return, each computed once however often the task is stopped.

        Parameters
        ----------
        stage : str
            Tells the parts of one step of a task from those of another.
        calls : sequence of callable
            A part each; they do not depend on each other. Each runs in a child of its own or on another machine, so
            that it must be a function of a module with its arguments (`partial`), and returns arrays by name, none of
            objects; a single number is an array too, by `np.asarray`.
        done : callable
            Is told the share of all parts that is finished.

        Returns
        -------
        list of mappings of str to array
            In the order of the calls.

        Raises
        ------
        Exception
            Whatever a call raises first; parts that are finished stay, unless it would come again.
        """
        store = self.store(stage, len(calls))
        missing = store.missing()
        self.crew.compute(
            [calls[number] for number in missing],
            lambda place, arrays: store.write(missing[place], arrays),
            of_the_rest(done, len(missing), len(calls)),
        )
        self.tell_what_was_there(len(calls) - len(missing), "parts")
        return list(store.read())

    def tell_what_was_there(self, count: int, what: str) -> None:
        """Say later that a task which was stopped has left something to go on from."""
        if count:
            self.passing.append(f"{count} {what} were there already, from a run that was stopped")


@dataclass(frozen=True)
class FindingsStudy:
    """A finished study that answers in findings.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        Every file of the study.
    findings : tuple of tuple of str
        For each outcome or scenario sentences, of which the first names it.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    folder: Path
    paths: tuple[Path, ...]
    findings: Findings
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """A finished study.

    Attributes
    ----------
    folder : Path
    manifest : Manifest
    passing : tuple of str
        How the study was come by this time.
    """

    folder: Path
    manifest: Manifest
    passing: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file, the manifest first."""
        return files_of(self.folder, self.manifest)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before quoting it, and how it was come by."""
        return (*self.manifest.notes, *self.passing)

    def findings(self) -> FindingsStudy:
        """The answer of a task that states `FINDINGS`."""
        said = understood(FINDINGS, self.manifest.answer, self.folder)
        return FindingsStudy(self.folder, self.paths, said, self.notes)


class Task(ABC, Generic[Computed, Answer]):
    """What a command does."""

    kind: ClassVar[str]
    """Name of the command."""

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """What the folder is called after."""

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """All that decides what comes out, as JSON: a study of the same name was asked the same.

        The name of the command is added, and a hash of the program goes into the study's name: neither need be here.
        """

    @classmethod
    @abstractmethod
    def again(cls, asked: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Self:
        """The task of a finished study, for `sim verify --rerun`: what `asked` gave, read back.

        Parameters
        ----------
        asked : mapping
            As the manifest states it: anything may be missing or wrong in it, and KeyError, TypeError, ValueError and
            the like need not be caught.
        folder : Path
            The study's own, with the files that it wrote.
        posterior : Posterior, optional
            The one that the user names.

        Raises
        ------
        ResultsError
            The study cannot be made from its folder alone.
        """

    @abstractmethod
    def compute(self, desk: Desk) -> Computed:
        """Compute the parts, and put them together."""

    @abstractmethod
    def write(self, folder: Path, computed: Computed, desk: Desk) -> Mapping[str, Any]:
        """Write every file but the manifest, and return what the manifest says of the answer.

        Returns
        -------
        mapping of str to object
            Fields of `Manifest`: `answer` as JSON (`stated` makes it, and `understood` reads it in `answer`) and
            `notes`, and of the others those that there are. No dates, no paths of the machine: the same study has the
            same manifest.
        """

    @abstractmethod
    def answer(self, study: Finished) -> Answer:
        """The answer from a finished study."""


def perform(
    task: Task[Computed, Answer],
    out: Path | str,
    crew: Crew,
    *,
    force: bool = False,
    progress: Progress | None = None,
    announce: Callable[[Any], None] | None = None,
) -> Answer:
    """Do what is asked, unless it was done before.

    Parameters
    ----------
    task : Task
    out : path
        Where the study's folder is made; its name is made of the task's and a hash of all that was asked.
    crew : Crew
        The answer does not depend on it.
    force : bool
        Compute it even if this program has finished the same before.
    progress, announce : callable, optional
        As in `Desk`.

    Raises
    ------
    NumericalError
        A draw has no answer.
    ResultsError
        The folder cannot be written, or holds something else.
    """
    runner, asked = program(), {"task": task.kind, **task.asked()}
    folder = Path(out) / study_name(task.names, [asked, runner.source])

    def known() -> Finished | None:
        manifest = None if force else finished(folder, asked, runner)
        return None if manifest is None else Finished(folder, manifest, (FINISHED_BEFORE,))

    study = known()
    if study is None:
        key = canonical_hash([asked, decisive(runner)])[:16]
        with scratch(folder) as work:
            clean(work, key, everything=force)
            desk = Desk(work, key, runner, crew, progress or say_nothing, announce or _say_nothing_yet)
            study = known() or _make(task, asked, desk, folder)  # another process may have made it until just now
    discard(folder)
    return task.answer(study)


def _make(task: Task[Computed, Any], asked: Mapping[str, Any], desk: Desk, folder: Path) -> Finished:
    """Compute what is asked, and write it."""
    computed = task.compute(desk)
    work = new_study(desk.folder)
    content = task.write(work, computed, desk)
    remove_empty_folders(work)
    manifest = Manifest(asked={**asked}, program=desk.runner, files=_hashes(work), **content)
    write_manifest(work, manifest)
    finish(desk.folder, folder)
    return Finished(folder, manifest, tuple(desk.passing))


def _say_nothing_yet(answer: Any) -> None:
    """An answer that nobody waits for."""


def _hashes(folder: Path) -> dict[str, str]:
    """The hash of every file; hashing is free of the interpreter's lock."""
    names = relative_files(folder)
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(lambda name: file_hash(folder / name), names), strict=True))
