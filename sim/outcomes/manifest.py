"""The manifest of a study: what was asked, which program ran, a hash of everything that came out.

The manifest holds no date and no path of the machine, so that the same study has the same manifest wherever the
same bits are computed. Its hashes tell accidents: whoever means to deceive can write new ones, and only computing
the study anew tells that.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, NoReturn, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from sim.disk import file_hash, open_regular, write_bytes
from sim.errors import ResultsError, on_one_line, shown
from sim.reading.jsontext import json_object

__all__ = [
    "EXACT",
    "MANIFEST",
    "Hashes",
    "Manifest",
    "Program",
    "as_json",
    "canonical_hash",
    "content_hash",
    "cpu_level",
    "decisive",
    "differences",
    "first_of",
    "lack",
    "program",
    "read_manifest",
    "require_as_written",
    "source_hash",
    "stated",
    "understood",
    "write_manifest",
]

MANIFEST: Final = "manifest.json"

EXACT: Final = ConfigDict(ser_json_inf_nan="strings", extra="forbid", strict=False)
"""How an answer is put into a manifest: JSON has no other way to say NaN, which is not the same as nothing."""

Hashes: TypeAlias = dict[str, str]

T = TypeVar("T")

_LONGEST_MESSAGE: Final = 300

_MOST_BYTES: Final = 2**26
"""Of a manifest: a sweep of the most points takes a sixth of it."""

_PACKAGES: Final = ("numpy", "scipy", "simpy", "h5netcdf", "h5py", "matplotlib", "pydantic", "scoringrules")

_DECISIVE: Final = ("python", "numpy", "scipy", "simpy")
"""Of the versions, those that decide the bits of draws."""

_LEVELS: Final = (
    ("x86-64-v4", ("AVX512F", "AVX512BW", "AVX512CD", "AVX512DQ", "AVX512VL")),
    ("x86-64-v3", ("AVX2", "FMA3")),
    ("x86-64-v2", ("SSE42", "POPCNT")),
)
"""Level of the x86-64 instruction set, best first, and the features that tell it."""


def _inside(name: str) -> str:
    """A path that leads nowhere but into the study's own folder."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or str(path) != name:
        raise ValueError(f"must lie inside the study (found {shown(name)})")
    return name


class Program(BaseModel):
    """The program that ran.

    Attributes
    ----------
    source : str
        SHA-256 of its own source.
    versions : mapping of str to str
        Of Python and of the libraries under it.
    cpu : str
        What of the processor decides the last bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    versions: dict[str, str]
    cpu: str


class Manifest(BaseModel):
    """What a study says of itself.

    Attributes
    ----------
    asked : mapping
        All that decides what comes out; `task` says which command it was.
    program : Program
    answer : JSON
        The answer in short, in the form that the task gives it.
    notes : tuple of str
        What a reader should know before quoting it.
    files : mapping of str to str
        Every file but the manifest, as a path with slashes, to its SHA-256.
    variables : mapping of str to mapping of str to str
        Scenario and variable to the hash of its numbers.
    draws : int
    draws_key : str
        Hash of what decides the worlds: results that have it in common can be compared draw by draw.
    points : mapping of str to str
        Of a sweep: number of a point to the hash of its draws.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    asked: dict[str, Any]
    program: Program
    answer: Any
    notes: tuple[str, ...]
    files: dict[Annotated[str, AfterValidator(_inside)], str]
    variables: dict[Annotated[str, AfterValidator(_inside)], Hashes] = {}
    draws: int | None = None
    draws_key: str | None = None
    points: Hashes | None = None

    @property
    def task(self) -> str:
        """Which command made the study."""
        return str(self.asked.get("task"))


def canonical_hash(content: Any) -> str:
    """SHA-256 of a JSON document, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def as_json(value: Any) -> Any:
    """A value from YAML as JSON has it: dates as text."""
    if isinstance(value, Mapping):
        return {key: as_json(below) for key, below in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(below) for below in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


_SOURCES: Final = (".py", ".css", ".js", ".html")


def source_hash() -> str:
    """SHA-256 of the program's own source, of what its page is made of too."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.suffix in _SOURCES):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def cpu_level() -> str:
    """What of the processor decides the last bits: NumPy picks its loops by it."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return platform.machine()
    features = import_module("numpy._core._multiarray_umath").__cpu_features__  # has no public name
    return next((level for level, needs in _LEVELS if all(features.get(name) for name in needs)), "x86-64-v1")


@lru_cache(maxsize=1)
def program() -> Program:
    """The program that runs: its source, the versions under it, the processor."""
    versions = {name: version(name) for name in _PACKAGES}
    return Program(source=source_hash(), versions={"python": platform.python_version(), **versions}, cpu=cpu_level())


def differences(here: Program, there: Program) -> tuple[str, ...]:
    """In what two programs differ that decides the bits of draws, in words; empty if in nothing."""
    mine, theirs = decisive(here), decisive(there)
    return tuple(
        f"another {part}" if part == "program source" else f"{part} {mine[part]} in place of {theirs[part]}"
        for part in mine
        if mine[part] != theirs[part]
    )


def decisive(runner: Program) -> dict[str, str]:
    """What of a program decides the bits of draws."""
    versions = {name: runner.versions.get(name, "unknown") for name in _DECISIVE}
    return {"program source": runner.source, "processor level": runner.cpu, **versions}


def stated(adapter: TypeAdapter[T], answer: T) -> Any:
    """An answer as JSON has it."""
    return json.loads(adapter.dump_json(answer))


def understood(adapter: TypeAdapter[T], answer: Any, folder: Path) -> T:
    """An answer from the manifest of a folder.

    Raises
    ------
    ResultsError
        It has another form.
    """
    try:
        return adapter.validate_python(answer)
    except ValidationError as error:
        _refuse(folder / MANIFEST, first_of(error, "answer"), " with --force")  # else it is recognised again


def content_hash(manifest: Manifest) -> str:
    """SHA-256 of all that a manifest says."""
    return canonical_hash(manifest.model_dump(mode="json", exclude_unset=True))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a study's manifest, with the hash of its content first."""
    content = manifest.model_dump(mode="json", exclude_unset=True)
    document = {"content_hash": content_hash(manifest), **content}
    write_bytes(folder / MANIFEST, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def lack(folder: Path, file: str) -> str:
    """What stands where the folder of a study was expected that holds some file, in words."""
    if folder.is_file():
        return "it is a file"
    studies = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if studies:
        return f"it holds studies: name one, such as {studies[0]}"
    return f"no {file} in it" if folder.exists() else "there is nothing of this name"


def read_manifest(folder: Path) -> Manifest:
    """Read a study's manifest.

    Raises
    ------
    ResultsError
        It is missing, no manifest, or was changed after it was written.
    """
    path = folder / MANIFEST
    try:
        document = json_object(_content(path))
    except (FileNotFoundError, NotADirectoryError):
        raise ResultsError(f"{folder}: no finished study ({lack(folder, MANIFEST)})") from None
    except (OSError, ValueError) as error:
        _refuse(path, getattr(error, "strerror", None) or str(error))
    written = document.pop("content_hash", None)
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        _refuse(path, first_of(error))
    if written != canonical_hash(document):
        raise ResultsError(f"{path}: was changed after the study was written")
    return manifest


def require_as_written(path: Path) -> None:
    """Hold a file against the manifest of the study that it is in; one that lies alone is believed.

    Raises
    ------
    ResultsError
        The manifest is damaged, does not know the file, or describes another.
    """
    folder = path.parent.resolve()  # a path such as '.' does not tell what is above it
    study = next((place for place in (folder, folder.parent) if os.path.lexists(place / MANIFEST)), None)
    if study is None:
        return
    expected = read_manifest(study).files.get((folder / path.name).relative_to(study).as_posix())
    if expected is None:
        raise ResultsError(f"{path}: {MANIFEST} of its study does not know it; run the command again that made it")
    if file_hash(path) != expected:
        raise ResultsError(f"{path}: was changed after the study was written")


def _content(path: Path) -> bytes:
    """The bytes of a regular file that is not too large; a link is none."""
    with open_regular(path) as stream:
        content = stream.read(_MOST_BYTES + 1)
    if content is None or len(content) > _MOST_BYTES:
        raise OSError(None, f"is larger than {_MOST_BYTES:,} bytes")
    return content


def first_of(error: ValidationError, *above: str) -> str:
    """The first of what is wrong, in words."""
    first = error.errors()[0]
    place = ".".join(map(str, (*above, *first["loc"])))
    message = on_one_line(first["msg"].removeprefix("Value error, "))
    return f"{place}: {message[:_LONGEST_MESSAGE]} (found {shown(first['input'])})"


def _refuse(path: Path, reason: str, how: str = "") -> NoReturn:
    raise ResultsError(f"{path}: no manifest of a study: {reason}; run the command again that made the study{how}")
