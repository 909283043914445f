"""The archive: the study as it stands, described so that other programs find no fault in the description."""

from __future__ import annotations

import csv
import getpass
import json
import shutil
import zipfile
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any

import exported
import pytest
from frictionless import Package
from rocrate.rocrate import ROCrate

from sim import export_study, verify_study
from sim.errors import ResultsError
from sim.outcomes.manifest import MANIFEST, read_manifest
from sim.report.datapackage import FIELDS, table_schema

STUDIES = {"run": exported.two, "compare": exported.compared}


@cache
def unpacked(kind: str) -> Path:
    """The archive of a study, unpacked."""
    there = Path(mkdtemp(prefix="sim-archive-"))
    (path,) = export_study(STUDIES[kind](), "datapackage", out=there / "study.zip")
    with zipfile.ZipFile(path) as packed:
        packed.extractall(there)
    return there


def package(kind: str) -> Any:
    """The Data Package."""
    return json.loads((unpacked(kind) / "datapackage.json").read_text())


def graph(kind: str) -> dict[str, Any]:
    """The entities of the crate by identity."""
    document = json.loads((unpacked(kind) / "ro-crate-metadata.json").read_text())
    return {one["@id"]: one for one in document["@graph"]}


@pytest.mark.parametrize("kind", STUDIES)
def test_frictionless_finds_no_fault(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unpacked(kind))
    report = Package("datapackage.json").validate()
    assert report.valid, report.flatten(["title", "note"])
    assert report.stats["tasks"] == len(package(kind)["resources"])


@pytest.mark.parametrize("kind", STUDIES)
def test_every_file_has_the_hash_of_the_manifest(kind: str) -> None:
    study = STUDIES[kind]()
    hashes = {one["path"]: one["hash"] for one in package(kind)["resources"]}
    files = read_manifest(study).files
    assert {path: hashes[f"{study.name}/{path}"] for path in files} == {
        path: f"sha256:{one}" for path, one in files.items()
    }
    assert set(hashes) == {f"{study.name}/{path}" for path in (MANIFEST, *files)}


def test_every_column_of_a_run_is_described_and_every_description_is_of_one() -> None:
    described: dict[str, set[str]] = {}
    for resource in package("run")["resources"]:
        if resource["format"] == "csv":
            fields = resource["schema"]["fields"]
            with (unpacked("run") / resource["path"]).open(newline="") as stream:
                assert [field["name"] for field in fields] == next(csv.reader(stream))
            assert all(field["description"] for field in fields), resource["path"]
            assert resource["schema"]["primaryKey"]
            described.setdefault(PurePosixPath(resource["path"]).name, set()).update(field["name"] for field in fields)
    assert set(described) == {"summary.csv", "comparison.csv", "parameters.csv", "timeline.csv", "drivers.csv"}
    assert all(set(FIELDS[name][0]) <= fields for name, fields in described.items())


def test_of_an_unknown_table_the_types_are_told() -> None:
    schema = table_schema("other.csv", b"\xef\xbb\xbfname,count,share,day\r\na,1,0.5,2019-01-01\r\nb,,1e-3,\r\n")
    assert schema is not None
    types = {field["name"]: field["type"] for field in schema["fields"]}
    assert types == {"name": "string", "count": "integer", "share": "number", "day": "date"}
    assert "primaryKey" not in schema


@pytest.mark.parametrize(
    "content", [b"", b"a,b\r\n1\r\n", b"a,a\r\n1,2\r\n", b"a\n\n1\n"], ids=["empty", "ragged", "a name twice", "blank"]
)
def test_what_is_no_table_has_no_schema(content: bytes) -> None:
    assert table_schema("observed.csv", content) is None


def test_unpacked_it_is_a_study_that_verifies() -> None:
    assert verify_study(unpacked("run") / exported.two().name).faults == ()


def test_the_crate_loads_and_says_what_made_which_files_of_what() -> None:
    crate = ROCrate(str(unpacked("run")))
    (action,) = crate.get_by_type("CreateAction")
    assert action["instrument"]["softwareVersion"] == f"source sha256:{read_manifest(exported.two()).program.source}"
    study = exported.two().name
    assert {one.id for one in action["result"]} == {
        f"{study}/{path}" for path in (MANIFEST, *read_manifest(exported.two()).files)
    }
    names = [one["name"] for one in action["object"]]
    assert names[:2] == ["Small", exported.HOSTILE]
    assert {"seed", "draws", "baseline"} <= {*names}
    assert {one.id for one in crate.data_entities} == {one.id for one in action["result"]} | {"datapackage.json"}


def test_every_reference_of_the_crate_leads_somewhere() -> None:
    known = graph("run")

    def references(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(references, node))
        if isinstance(node, dict):
            return {node["@id"]} if set(node) == {"@id"} else set().union(*map(references, node.values()))
        return set()

    assert references(list(known.values())) - {"https://w3id.org/ro/crate/1.1"} <= known.keys()
    root = known["./"]
    assert {"name", "description", "datePublished", "license", "hasPart"} <= root.keys()


def test_no_path_of_the_machine_and_no_user_is_told() -> None:
    for name in ("datapackage.json", "ro-crate-metadata.json"):
        text = (unpacked("run") / name).read_text()
        assert str(exported.two().parent) not in text
        assert str(Path.home()) + "/" not in text
        assert f'"{getpass.getuser()}"' not in text


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (export_study(exported.two(), "datapackage", out=tmp_path / f"{name}.zip")[0] for name in "ab")
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as packed:
        assert {member.date_time for member in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("change", ["changed", "missing"])
def test_a_study_that_is_not_as_its_manifest_says_is_refused_and_nothing_is_left(change: str, tmp_path: Path) -> None:
    study = shutil.copytree(exported.two(), tmp_path / "study")
    target = study / "small" / "draws.nc"
    if change == "changed":
        target.write_bytes(target.read_bytes()[:-1] + b"x")
    else:
        target.unlink()
    with pytest.raises(ResultsError, match=r"was changed after|is missing"):
        export_study(study, "datapackage", out=tmp_path / "study.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["study"]
