"""A study described as an RO-Crate: which program made which files of what, as JSON-LD.

References
----------
Soiland-Reyes et al. (2022): Packaging research artefacts with RO-Crate. Data Science 5, 97-138; RO-Crate 1.1.
Leo et al. (2024): Recording provenance of workflow runs with RO-Crate. PLoS ONE 19, e0309210; Process Run Crate 0.5.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from sim.outcomes.manifest import Manifest, canonical_hash
from sim.report.datapackage import Described, media_type

__all__ = ["crate", "scenarios_of"]

_CONTEXT: Final = ("https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context")
_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_DESCRIPTOR: Final = "ro-crate-metadata.json"
_PROGRAM: Final = "#program"
_RUN: Final = "#run"

Entity = dict[str, Any]


def crate(
    name: str, title: str, description: str, files: Sequence[Described], manifest: Manifest, day: datetime.date
) -> bytes:
    """The metadata document `ro-crate-metadata.json`.

    Parameters
    ----------
    name : str
        Of the folder in which the files lie, beside the document.
    title, description : str
    files : sequence of Described
    manifest : Manifest
        Of the study.
    day : date
        On which the study was made: the manifest does not say.
    """
    stored = [_file(name, file) for file in files]
    stored.append(_entity("datapackage.json", "File", name="Data Package", encodingFormat="application/json"))
    inputs = list(_inputs(manifest))
    graph = [
        _entity(_DESCRIPTOR, "CreativeWork", conformsTo=_ref(_CRATE), about=_ref("./")),
        _root(title, description, stored, day),
        _entity(_PROFILE, "CreativeWork", name="Process Run Crate", version="0.5"),
        _program(manifest),
        _entity(
            _RUN,
            "CreateAction",
            name=f"sim {manifest.task}",
            description=f"The command sim {manifest.task}; its settings stand in {name}/manifest.json under `asked`.",
            endTime=day.isoformat(),
            instrument=_ref(_PROGRAM),
            object=_refs(inputs),
            result=_refs(stored[:-1]),
        ),
        *inputs,
        *stored,
    ]
    return (json.dumps({"@context": list(_CONTEXT), "@graph": graph}, indent=1, ensure_ascii=False) + "\n").encode()


def _root(title: str, description: str, stored: Sequence[Entity], day: datetime.date) -> Entity:
    """The crate as a whole."""
    return _entity(
        "./",
        "Dataset",
        name=title,
        description=description,
        datePublished=day.isoformat(),
        license="No licence is stated: whoever publishes the study states one.",
        conformsTo=_ref(_PROFILE),
        hasPart=_refs(stored),
        mentions=_ref(_RUN),
    )


def _program(manifest: Manifest) -> Entity:
    """The program that ran, by the hash of its source, and the libraries under it."""
    program = manifest.program
    needs = ", ".join(f"{name} {version}" for name, version in sorted(program.versions.items()))
    return _entity(
        _PROGRAM,
        "SoftwareApplication",
        name="market-entry-sim",
        softwareVersion=f"source sha256:{program.source}",
        softwareRequirements=needs,
        processorRequirements=program.cpu,
    )


def _inputs(manifest: Manifest) -> Iterator[Entity]:
    """What went in: resolved scenarios by hash, and settings that are plain values."""
    for place, scenario in enumerate(scenarios_of(manifest), start=1):
        yield _entity(
            f"#scenario-{place}",
            "CreativeWork",
            name=scenario.get("title") or scenario.get("name") or f"scenario {place}",
            description=scenario.get("question", ""),
            identifier=f"sha256:{canonical_hash(scenario)}",
        )
    for name, value in manifest.asked.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and name != "task":
            yield _entity(f"#setting-{quote(name)}", "PropertyValue", name=name, value=value)


def scenarios_of(manifest: Manifest) -> list[Mapping[str, Any]]:
    """The scenarios that a manifest states, by name or one after the other."""
    stated = manifest.asked.get("scenarios", ())
    listed = stated.values() if isinstance(stated, Mapping) else stated
    return [one for one in listed if isinstance(one, Mapping)]


def _file(folder: str, file: Described) -> Entity:
    return _entity(
        quote(f"{folder}/{file.path}"),
        "File",
        name=file.path,
        encodingFormat=media_type(file.path),
        contentSize=str(file.size),
        sha256=file.sha256,
    )


def _entity(identity: str, kind: str, **properties: Any) -> Entity:
    return {"@id": identity, "@type": kind, **properties}


def _refs(entities: Sequence[Entity]) -> list[Mapping[str, str]]:
    return [_ref(one["@id"]) for one in entities]


def _ref(identity: str) -> Mapping[str, str]:
    return {"@id": identity}
