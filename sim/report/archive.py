"""A study as one file: the study's folder as it stands, and beside it what describes it.

The files are those of the manifest, byte for byte, so that the unpacked folder is a study that `sim verify` takes.
"""

from __future__ import annotations

import datetime
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from sim.disk import file_hash
from sim.errors import ResultsError
from sim.outcomes.manifest import MANIFEST, Manifest, content_hash
from sim.report.crate import crate, scenarios_of
from sim.report.datapackage import Described, data_package

__all__ = ["archive"]

_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""Of every member: the same study is the same archive."""

_UNIX: Final = 3
_MODE: Final = 0o100644 << 16
_PACKED: Final = (".csv", ".html", ".json", ".svg")
"""Endings of what is worth packing; draws are not, and stand as they are."""

_AT_A_TIME: Final = 2**20


def archive(stream: IO[bytes], folder: Path, manifest: Manifest) -> None:
    """Write the archive of a study.

    Parameters
    ----------
    stream : binary file
    folder : Path
        Of the study.
    manifest : Manifest

    Raises
    ------
    ResultsError
        A file is missing, or not what the manifest says.
    """
    files = _files(folder, manifest)
    name = folder.resolve().name
    title, description = _words(name, manifest)
    made = datetime.datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, datetime.UTC).date()
    tables = {file.path: (folder / file.path).read_bytes() for file in files if file.path.endswith(".csv")}
    package = data_package(name, title, description, files, tables, content_hash(manifest))
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr(_member("datapackage.json"), package)
        packed.writestr(_member("ro-crate-metadata.json"), crate(name, title, description, files, manifest, made))
        for file in files:
            _copy(packed, folder / file.path, f"{name}/{file.path}", file)


def _files(folder: Path, manifest: Manifest) -> Sequence[Described]:
    hashes = {MANIFEST: file_hash(folder / MANIFEST), **manifest.files}
    for name in hashes:
        if not (folder / name).is_file():
            raise ResultsError(f"{folder / name}: is missing: run the command again that made the study")
    return [Described(name, digest, (folder / name).stat().st_size) for name, digest in hashes.items()]


def _words(name: str, manifest: Manifest) -> tuple[str, str]:
    """A title and a description."""
    questions = dict.fromkeys(filter(None, (one.get("question") for one in scenarios_of(manifest))))
    draws = f" on {manifest.draws:,} draws" if manifest.draws else ""
    made = f"A study by sim {manifest.task}{draws}: tables, draws and pictures, as its manifest lists them."
    return f"{name}: a simulation of market entry", " ".join([made, *questions])


def _copy(packed: zipfile.ZipFile, path: Path, member: str, file: Described) -> None:
    """Put a file into the archive, and hold what was read against its hash."""
    digest = hashlib.sha256()
    with path.open("rb") as source, packed.open(_member(member), "w", force_zip64=True) as target:
        while part := source.read(_AT_A_TIME):
            digest.update(part)
            target.write(part)
    if digest.hexdigest() != file.sha256:
        raise ResultsError(f"{path}: was changed after the study was written")


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.create_system, member.external_attr = _UNIX, _MODE
    member.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
    return member
