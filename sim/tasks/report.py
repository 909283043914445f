"""The report of finished studies: a run or a comparison, and what else was made of the same case, as one file.

It computes no draws and leaves no study: it reads what others have left, and writes one page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sim.disk import open_regular, write_bytes
from sim.errors import ResultsError
from sim.outcomes.manifest import MANIFEST, Manifest, read_manifest, require_as_written, understood
from sim.outcomes.results import DRAWS_FILE, read_result
from sim.outcomes.study import drawn_for, read_study
from sim.report.live import live_section
from sim.report.material import Material
from sim.report.page import GENERATOR, page
from sim.tasks.analyses import KINDS, Subject, read_analysis
from sim.tasks.attribution import default_outcomes, drivers
from sim.tasks.material import Drivers, Told, command_of, drivers_of, run_material
from sim.tasks.request import MANY_DRAWS
from sim.tasks.run import ANSWER

__all__ = ["report_study"]

_ABOUT: Final = ("run", "compare")
"""Commands whose study a report is about."""

_HEAD: Final = 2000
"""Bytes at the beginning of a page in which it says what made it."""


def report_study(paths: Sequence[Path | str], *, out: Path | str | None = None) -> Path:
    """Write the report of a run or a comparison, with what else was made of the same case.

    Parameters
    ----------
    paths : sequence of path
        Folders of studies; the first is of `sim run` or `sim compare`.
    out : path, optional
        The file; by default it stands beside the first study's folder, under its name with `.html`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ResultsError
        A study is missing, damaged or of another case, or the file cannot be written, or holds something else.
    """
    first, *others = map(Path, paths)
    target = first.resolve().with_name(f"{first.resolve().name}.html") if out is None else Path(out)
    _require_place(target)
    subject = _subject(first)
    material = _material(subject)
    known = [read_analysis(folder, subject) for folder in others]
    _refuse_twice(others)
    analyses = sorted(known, key=lambda one: list(KINDS).index(one.kind))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, page(replace(material, analyses=tuple(analyses))))
    return target


def _refuse_twice(folders: Sequence[Path]) -> None:
    resolved = [folder.resolve() for folder in folders]
    for folder in resolved:
        if resolved.count(folder) > 1:
            raise ResultsError(f"{folder}: is named twice")


def _require_place(target: Path) -> None:
    """Refuse to write into a study, whose manifest would not know the file, or over what is no page of ours."""
    if os.path.lexists(target.parent / MANIFEST):
        raise ResultsError(f"{target}: lies in a study, which knows its own files: choose another place with --out")
    if not os.path.lexists(target):
        return
    try:
        with open_regular(target) as stream:
            is_ours = f'content="{GENERATOR}"'.encode() in (stream.read(_HEAD) or b"")
    except OSError as error:
        raise ResultsError(f"{target}: cannot be replaced: {error.strerror or error}") from error
    if not is_ours:
        raise ResultsError(f"{target}: holds something else; move it away, or choose another place with --out")


def _subject(folder: Path) -> Subject:
    """The study that the report is about, with its results."""
    manifest = read_manifest(folder)
    if manifest.task == "run":
        results = read_study(folder).results
        return Subject(folder, results, [folder / result.name for result in results], [manifest])
    if manifest.task == "compare":
        return _compared(folder, manifest)
    made = " or ".join(f"sim {task}" for task in _ABOUT)
    raise ResultsError(f"{folder}: is the study of sim {manifest.task}: name a study of {made} first")


def _compared(folder: Path, manifest: Manifest) -> Subject:
    """The results that were compared, from the runs beside the comparison."""
    if "where" in manifest.asked:
        raise ResultsError(
            f"{folder}: compares draws inside a box, which no other study is of: open its own report.html"
        )
    wanted: Mapping[str, Mapping[str, str]] = manifest.asked["compared"]
    found: dict[str, tuple[Path, Manifest]] = {}
    for beside in sorted(folder.resolve().parent.iterdir()):
        try:
            other = read_manifest(beside)
        except ResultsError:
            continue
        for name, hashes in wanted.items():
            if other.task == "run" and other.variables.get(name) == hashes:
                found.setdefault(name, (beside / name, other))
    lacking = [name for name in wanted if name not in found]
    if lacking:
        raise ResultsError(
            f"{folder}: compares {lacking[0]} of a run that does not lie beside it: put them into one folder"
        )
    folders = [found[name][0] for name in wanted]
    for path in folders:
        require_as_written(path / DRAWS_FILE)
    runs = {id(other): other for _, other in found.values()}
    return Subject(folder, [read_result(path) for path in folders], folders, list(runs.values()))


def _material(subject: Subject) -> Material:
    """The page of the study by itself."""
    manifest = read_manifest(subject.folder)
    for name in manifest.files:
        if name.endswith((".csv", ".svg")):
            require_as_written(subject.folder / name)
    baseline, results = str(manifest.asked["baseline"]), subject.results
    verdict, command = understood(ANSWER, manifest.answer, subject.folder).verdict, command_of(manifest.asked)
    told = Told(verdict, manifest.notes, _drivers(subject, baseline), manifest.program, command)
    return run_material(subject.folder, results, baseline, told)


def _drivers(subject: Subject, baseline: str) -> Drivers:
    """What drives the results, where what was drawn for all of them is there, and is not too much."""
    results = subject.results
    if results[0].scenario.sampling.draws > MANY_DRAWS:
        return Drivers()
    inputs = {one.name: drawn_for(one, folder) for one, folder in zip(results, subject.folders, strict=True)}
    known = {name: drawn for name, drawn in inputs.items() if drawn is not None}
    if len(known) < len(inputs):
        return Drivers()
    found = drivers(results, known, baseline, default_outcomes(results, baseline))
    overrides = {name: texts for run in subject.runs for name, texts in run.asked.get("overrides", {}).items()}
    return drivers_of(found, live_section(results, known, baseline, found, overrides))
