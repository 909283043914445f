"""The manifest of a study: what was asked, which program ran, a hash of everything that came out.

The manifest holds no date and no path of the machine, so that the same study has the same manifest wherever the
same bits are computed.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
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
    "decisive",
    "differences",
    "program",
    "read_manifest",
    "source_hash",
    "write_manifest",
]

MANIFEST: Final = "manifest.json"

_PACKAGES: Final = ("numpy", "scipy", "simpy", "h5netcdf", "h5py", "matplotlib", "pydantic", "scoringrules")

_DECISIVE: Final = ("python", "numpy", "scipy", "simpy")
"""Of the versions, those that decide the bits of draws."""

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


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> tuple[str, ...]:
    """In what two programs differ that decides the bits of draws, in words; empty if in nothing."""
    mine, theirs = decisive(here), decisive(there)
    return tuple(
        f"another {part}" if part == "program source" else f"{part} {mine[part]} in place of {theirs[part]}"
        for part in mine
        if mine[part] != theirs[part]
    )


def decisive(runner: Mapping[str, Any]) -> dict[str, str]:
    """What of a program decides the bits of draws."""
    versions = {name: runner["versions"][name] for name in _DECISIVE}
    return {"program source": runner["source"], "processor level": runner["cpu"], **versions}


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
