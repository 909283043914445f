"""The folder of a study and its manifest: what was asked, which program ran, a hash of everything that came out.

The manifest holds no date and no path of the machine, so that the same study has the same manifest wherever the
same bits are computed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from sim.errors import ResultsError
from sim.outcomes.tables import write_bytes

__all__ = [
    "MANIFEST",
    "canonical_hash",
    "cpu_level",
    "new_folder",
    "program",
    "read_manifest",
    "relative_files",
    "source_hash",
    "write_manifest",
]

MANIFEST: Final = "manifest.json"

_PACKAGES: Final = ("numpy", "scipy", "simpy", "h5netcdf", "h5py", "matplotlib", "pydantic", "scoringrules")

_LEVELS: Final = (
    ("x86-64-v4", ("AVX512F", "AVX512BW", "AVX512CD", "AVX512DQ", "AVX512VL")),
    ("x86-64-v3", ("AVX2", "FMA3")),
    ("x86-64-v2", ("SSE42", "POPCNT")),
)
"""Level of the x86-64 instruction set, best first, and the features that tell it."""


def canonical_hash(content: Any) -> str:
    """SHA-256 of a JSON document, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def source_hash() -> str:
    """SHA-256 of the program's own source."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def cpu_level() -> str:
    """What of the processor decides the last bits: NumPy picks its loops by it."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return platform.machine()
    features = import_module("numpy._core._multiarray_umath").__cpu_features__  # has no public name
    return next((level for level, needs in _LEVELS if all(features.get(name) for name in needs)), "x86-64-v1")


def program() -> dict[str, Any]:
    """The program that runs: its source, the versions under it, the processor."""
    versions = {name: version(name) for name in _PACKAGES}
    return {"source": source_hash(), "versions": {"python": platform.python_version(), **versions}, "cpu": cpu_level()}


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a study's manifest, with the hash of its content first."""
    document = {"content_hash": canonical_hash(content), **content}
    write_bytes(folder / MANIFEST, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a study's manifest.

    Raises
    ------
    ResultsError
        It is missing, no JSON, or was changed after it was written.
    """
    path = folder / MANIFEST
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        stated = document.pop("content_hash")
    except FileNotFoundError:
        raise ResultsError(f"{folder}: no finished study (no {MANIFEST} in it)") from None
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise ResultsError(f"{path}: no manifest of a study: {error}") from error
    if stated != canonical_hash(document):
        raise ResultsError(f"{path}: was changed after the study was written")
    return document


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write a study into, which takes the name `target` at the end, or disappears if that fails.

    Raises
    ------
    ResultsError
        `target` holds what no study wrote, or the disk does not take it.
    """
    work = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _require_ours(target)
        work.mkdir(parents=True)
        yield work
        _replace(target, work)
    except OSError as error:
        raise ResultsError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _require_ours(target: Path) -> None:
    if not target.exists():
        return
    ours = {MANIFEST, *read_manifest(target)["files"]} if (target / MANIFEST).exists() else set()
    strange = [name for name in relative_files(target) if name not in ours]
    if strange or not target.is_dir():
        raise ResultsError(f"{target}: holds something else ({strange[0] if strange else 'a file'}); move it away")


def _replace(target: Path, work: Path) -> None:
    """Put a finished folder in the place of an older one, if there is one."""
    older = work.with_name(f"{work.name}.older")
    if target.exists():
        target.rename(older)
    work.rename(target)
    shutil.rmtree(older, ignore_errors=True)


def relative_files(folder: Path) -> list[str]:
    """Every file below a folder, as relative paths with slashes, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
