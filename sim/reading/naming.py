"""Which file a user means: by its path, or by the name of what is in it, beside the user or shipped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sim.errors import Problem, ScenarioError, choices
from sim.reading.documents import Node
from sim.reading.kinds import DECISION, SCENARIO_FILE, SWEEP, Kind, kind_of_file

__all__ = [
    "BASE",
    "LONGEST_NAME",
    "SOURCES",
    "cases",
    "file_named",
    "is_name",
    "is_shipped",
    "named_file",
    "named_files",
    "record_beside",
    "scenario_files",
    "scenario_path",
    "shipped_folder",
    "shipped_twin",
    "skeleton",
    "starting_files",
    "tested_cases",
]

SOURCES: Final = "sources.yaml"

_ENDINGS: Final = (".yaml", ".yml")

BASE: Final = "base.yaml"
"""The file that the scenarios of a case extend."""

_RECORDS: Final = "observed_*.csv"

_COPIED: Final = ("*.yaml", "*.csv", "sweeps/*.yaml", "decisions/*.yaml")
_SCHEMAS: Final = ("schema.json", "decisions/schema.json")

_SCHEMA_ELSEWHERE: Final = re.compile(rb"\A(# yaml-language-server: \$schema=)\S+")
"""The schema of a file of a case, which lies beside it once the case is copied."""

_MOST_WORDS: Final = 2

LONGEST_NAME: Final = 255
"""Bytes of a file's name that file systems take."""

_MOST_FILES: Final = 1_000
"""Files of a folder that are looked into for a name."""

_HEAD: Final = 20_000
"""Bytes of a file in which its name stands."""

_FOLDERS: Final = {SCENARIO_FILE: ("",), SWEEP: ("sweeps", ""), DECISION: ("decisions", "")}
"""Kinds that have names to the folders of the shipped scenarios in which such files lie."""

_NAME: Final = re.compile(rb"^name:[ \t]*[\"']?([A-Za-z0-9_]+)", re.MULTILINE)


def shipped_folder() -> Path:
    """The folder of the scenarios that come with the program: inside the package once that is installed."""
    here = Path(__file__).parents[1]
    installed, checkout = here / "scenarios", here.parent / "scenarios"
    return installed if installed.is_dir() else checkout


def starting_files(case: str = "") -> Iterator[tuple[Path, bytes]]:
    """What `sim init` copies, by path: the files of a shipped case, of the first one if none is named, and the schemas.

    Raises
    ------
    ScenarioError
        No shipped case has the name.
    """
    shipped = shipped_folder()
    if case and case not in _cases_in(shipped):
        raise _problem(Path("--case"), f"no shipped case has this name {choices(case, _cases_in(shipped))}")
    files = [file for pattern in _COPIED for file in (shipped / case).glob(pattern)]
    copies = {file.relative_to(shipped / case): file for file in files}
    copies |= {path: shipped / path for path in map(Path, _SCHEMAS)}
    for path, file in sorted(copies.items()):
        yield path, _SCHEMA_ELSEWHERE.sub(rb"\1schema.json", file.read_bytes())


def skeleton() -> Iterator[tuple[Path, bytes]]:
    """The same of a small invented market, to write one's own over."""
    files = sorted((Path(__file__).parent / "blank").glob("*.yaml"))
    yield from ((Path(file.name), file.read_bytes()) for file in [*files, shipped_folder() / "schema.json"])


def scenario_files(folder: Path) -> tuple[Path, ...]:
    """The scenario files in a folder, by name."""
    return tuple(sorted(file for file in folder.glob("*.yaml") if file.name != SOURCES))


def scenario_path(named: Path | str, *, beside: Path = Path(), but: Path | None = None) -> Path:
    """The file of a scenario that is meant, as `named_file`."""
    return named_file(named, SCENARIO_FILE, beside=beside, but=but)


def named_file(named: Path | str, kind: Kind, *, beside: Path = Path(), but: Path | None = None) -> Path:
    """The file that is meant by a path, or by a name: one beside, else one that is shipped.

    Parameters
    ----------
    named : path or str
        A path is taken as it is; a single word without an ending is a name, unless a file has it, and so are two with
        a slash between them: the folder of a case, and a name in it.
    kind : Kind
        A scenario, a sweep or a decision.
    beside : Path
        The folder in which names are looked for first, and then in its folder `scenarios`.
    but : Path, optional
        A file that is not meant: a scenario of the same name that extends another.

    Raises
    ------
    ScenarioError
        No file has the name, or several in one folder have; says which names there are.
    """
    path = Path(named)
    if not _is_name(path, beside):
        return _existing(beside / path)
    folders = _folders(kind, beside, path.parent)
    for folder in folders:
        matches = [file for file in _matches(folder, path.name) if but is None or not _is_same(file, but)]
        if len(matches) > 1:
            files = ", ".join(map(str, matches))
            raise _problem(path, f"several files hold {kind.words} of this name: {files}; give one by its file")
        if matches:
            return matches[0]
    raise _problem(path, _unknown(path, kind, folders, beside))


def record_beside(base: Path) -> Path | None:
    """The record that lies beside a base, the last by name; None where there is none."""
    found = sorted(base.parent.glob(_RECORDS))
    return found[-1] if found else None


def tested_cases() -> Iterator[tuple[str, Path, Path]]:
    """Each shipped case with a record of what came: its name, empty for the one without a folder, base and record."""
    for case in ("", *_cases_in(shipped_folder())):
        base = shipped_folder() / case / BASE
        record = record_beside(base)
        if record is not None:
            yield case, base, record


def named_files(kind: Kind, case: str = "") -> Iterator[tuple[Path, bool]]:
    """The files of a kind, of a case or of none, that have a name, nearest first, and whether each is shipped."""
    for folder in _folders(kind, Path(), Path(case)):
        for file in _files(folder):
            if _is_of(kind, file):
                yield file, is_shipped(file)


def _is_of(kind: Kind, file: Path) -> bool:
    try:
        return kind_of_file(file) == kind
    except ScenarioError:
        return False


def file_named(node: Node, path: str, folder: Path) -> Path:
    """The scenario that a file in some folder names at a dotted path, by its own path from there or by its name.

    Raises
    ------
    ScenarioError
        There is none, told at the place of the name.
    """
    try:
        file = scenario_path(str(node.value), beside=folder)
    except ScenarioError as error:
        raise ScenarioError(node.place.problem(path, one.message) for one in error.problems) from None
    if file.is_file():
        return file
    folder_named = Path(str(node.value)).parent
    near = [str(folder_named / one.name) for one in scenario_files(file.parent)]
    raise ScenarioError([node.place.problem(path, f"no such file {choices(str(node.value), near)}")])


def shipped_twin(named: Path | str, meant: Path) -> Path | None:
    """The shipped file of the same name where another one was meant by it; None if there is none."""
    path = Path(named)
    if not _is_name(path, Path()) or is_shipped(meant):
        return None
    twins = [file for file in _matches(shipped_folder() / path.parent, path.name) if not _is_same(file, meant)]
    return twins[0] if twins else None


def is_shipped(path: Path) -> bool:
    """Whether a file came with the program."""
    return path.resolve().is_relative_to(shipped_folder().resolve())


def is_name(path: Path) -> bool:
    """Whether a path can be a name: a bare word, or two, the folder of a case and a name in it."""
    bare = 0 < len(path.parts) <= _MOST_WORDS and not path.is_absolute() and not path.suffix and ".." not in path.parts
    return bare and len(path.name.encode()) <= LONGEST_NAME


def _is_name(path: Path, beside: Path) -> bool:
    """Whether a path is a name at which no file stands; a folder is none."""
    place = beside / path
    return is_name(path) and not place.is_symlink() and (not place.exists() or _only_folder(place))


def _only_folder(place: Path) -> bool:
    """Whether a folder stands there that is no finished study, which a user may have meant."""
    return place.is_dir() and not (place / "manifest.json").exists()


def _existing(path: Path) -> Path:
    """The path, unless there is nothing and a shipped file is called so."""
    if not os.path.lexists(path) and os.path.isfile(shipped_folder() / path.name):
        raise _problem(path, f"no such file; the shipped one is read by its name, {path.stem}")
    return path


def _folders(kind: Kind, beside: Path, case: Path = Path()) -> list[Path]:
    """Where files of a kind, of a case or of none, are looked for, nearest first, each once."""
    inner = [beside / case / part for part in _FOLDERS[kind] if part]
    shipped = [shipped_folder() / case / part for part in _FOLDERS[kind]]
    scenarios = [beside / "scenarios" / case / part for part in _FOLDERS[kind]]
    seen: dict[Path, Path] = {}
    for folder in (beside / case, *inner, *scenarios, *shipped):
        seen.setdefault(folder.resolve(), folder)
    return list(seen.values())


def cases(beside: Path = Path()) -> tuple[str, ...]:
    """Names of the cases in folders of their own, in a folder, in its folder `scenarios`, or shipped."""
    places = (beside, beside / "scenarios", shipped_folder())
    found = dict.fromkeys(name for place in places for name in _cases_in(place))
    return tuple(name for name in found if name != "scenarios")


def _cases_in(place: Path) -> list[str]:
    """Names of the folders in a place that hold a base."""
    return sorted(base.parent.name for base in place.glob(f"[!.]*/{BASE}") if base.is_file())


def _matches(folder: Path, name: str) -> list[Path]:
    """The file of a folder that is called so, else those whose `name` it is."""
    for ending in _ENDINGS:
        if (folder / f"{name}{ending}").is_file():
            return [folder / f"{name}{ending}"]
    return [file for file in _files(folder) if _name_in(file) == name]


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("[!.]*") if file.suffix in _ENDINGS and file.name != SOURCES)[
        :_MOST_FILES
    ]


def _name_in(file: Path) -> str:
    """What a file says that its name is; empty if it says nothing, or cannot be read."""
    try:
        with file.open("rb") as stream:
            match = _NAME.search(stream.read(_HEAD))
    except OSError:
        return ""
    return match[1].decode() if match else ""


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _unknown(path: Path, kind: Kind, folders: Sequence[Path], beside: Path) -> str:
    """That no file has a name, what names there are, and where one of another kind has it."""
    case, name, wanted = path.parent, path.name, kind.words.removeprefix("a ")
    if case.parts and case.name not in cases(beside) and not any(map(_files, folders)):
        return f"no case has this name {choices(case.name, cases(beside))}"
    for other in _FOLDERS:
        match = next((file for folder in _folders(other, beside, case) for file in _matches(folder, name)), None)
        if other != kind and match is not None:
            return f"is {other.words}, and {kind.words} is asked for ({other.remedy.format(path)})"
    if not case.parts and name in cases(beside):
        return f"is a case, of which {kind.words} is asked for: {name}/NAME"
    if (beside / path).is_dir():
        return "is a directory, not a file"
    known = dict.fromkeys(file.stem for folder in folders for file in _files(folder))
    return f"no {wanted} {f'of {case} ' if case.parts else ''}has this name {choices(name, list(known))}"


def _problem(path: Path, message: str) -> ScenarioError:
    return ScenarioError([Problem(str(path), 0, 0, "", message)])
