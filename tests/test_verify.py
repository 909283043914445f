"""Holding a study against its manifest: each fault is reported for what it is."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from conftest import SMALL, SOURCES
from shipped import FOLDER

import sim.tasks
from sim.cli import main
from sim.disk import file_hash
from sim.errors import ResultsError
from sim.outcomes.manifest import program, read_manifest, write_manifest
from sim.outcomes.results import panel_hash, read_result
from sim.outcomes.study import load_results
from sim.tasks.compare import compare_studies
from sim.tasks.request import make_request, request_of
from sim.tasks.run import run_study
from sim.tasks.task import Task
from sim.tasks.verify import TASKS, verify_study

Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one small scenario with two kept variables; not to be changed."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "small.yaml").write_text(SMALL)
    (folder / "sources.yaml").write_text(SOURCES)
    return _run(folder, folder / "results")


def _run(folder: Path, out: Path, *, force: bool = False) -> Path:
    kept = ["market_size", "npv"]
    return run_study([folder / "small.yaml"], draws=1024, keep=kept, plots=False, jobs=1, out=out, force=force).folder


@pytest.fixture
def study(written: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    for path in written.rglob("*"):
        target = tmp_path / written.name / path.relative_to(written)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path / written.name


def _edit_table(study: Path) -> None:
    path = study / "summary.csv"
    path.write_bytes(path.read_bytes().replace(b"median_case", b"median case", 1))


def _flip_byte(study: Path) -> None:
    with h5py.File(study / "small" / "draws.nc") as file:
        offset = file["npv"].id.get_chunk_info(0).byte_offset
    with (study / "small" / "draws.nc").open("r+b") as stream:
        stream.seek(offset + 1000)
        byte = stream.read(1)[0]
        stream.seek(offset + 1000)
        stream.write(bytes([byte ^ 1]))


def _cut_short(study: Path) -> None:
    path = study / "small" / "draws.nc"
    path.write_bytes(path.read_bytes()[:5000])


def _lose_file(study: Path) -> None:
    (study / "parameters.csv").unlink()


def _add_file(study: Path) -> None:
    (study / "notes.txt").write_text("mine")


DRAWS_CHANGED = "small/draws.nc: was changed after the study was written"


@pytest.mark.parametrize(
    ("spoil", "faults"),
    [
        (_edit_table, ["summary.csv: was changed after the study was written"]),
        (_flip_byte, [DRAWS_CHANGED, "small: npv: its numbers were changed after they were written"]),
        (_lose_file, ["parameters.csv: is missing"]),
        (_add_file, ["notes.txt: was not written by the study"]),
    ],
)
def test_a_fault_is_told_for_what_it_is(spoil: Spoil, faults: list[str], study: Path) -> None:
    spoil(study)
    assert list(verify_study(study).faults) == faults


def test_a_file_that_cannot_be_read_is_a_fault_and_no_failure(study: Path) -> None:
    _cut_short(study)
    changed, damaged = verify_study(study).faults
    assert changed == DRAWS_CHANGED
    assert "draws.nc: damaged" in damaged


def test_a_study_as_it_was_written_has_no_fault(written: Path) -> None:
    verdict = verify_study(written)
    assert (verdict.checked, verdict.faults) == ("6 files and 2 variables", ())


def test_the_folder_of_a_scenario_stands_for_its_study(written: Path) -> None:
    assert verify_study(written / "small") == verify_study(written)


def test_a_scenario_is_held_against_its_study_from_inside_its_folder_too(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = next(study.glob("*/draws.nc")).parent
    (study.parent / "alias").symlink_to(scenario)
    monkeypatch.chdir(scenario)
    with (scenario / "draws.nc").open("ab") as stream:
        stream.write(b"x")
    for name in (".", f"../{scenario.name}", "../../alias"):
        with pytest.raises(ResultsError, match=r"draws.nc: was changed after the study was written"):
            load_results(name)
    assert "draws.nc: was changed after the study was written" in "".join(verify_study(".").faults)


def test_a_rerun_gives_the_same_bits(written: Path) -> None:
    verdict = verify_study(written, rerun=True, jobs=2)
    assert (verdict.checked, verdict.faults) == ("6 files and 2 variables, and all of it made anew", ())
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def _rewrite(study: Path, **changes: Any) -> None:
    """Write a manifest that fits what the study's files are now, and differs in some parts."""
    manifest = read_manifest(study)
    files = {name: file_hash(study / name) for name in manifest.files}
    write_manifest(study, manifest.model_copy(update={"files": files, **changes}))


def test_a_study_is_made_anew_beside_itself_even_from_inside(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written)
    places: list[Path] = []

    def noted(share: str, part: float) -> None:
        places.extend(Path(path).parent.resolve() for path in Path("..").glob(".verify-*"))

    assert verify_study(".", rerun=True, jobs=1, progress=noted).faults == ()
    assert set(places) == {written.parent}


def test_another_version_of_a_library_is_told(study: Path) -> None:
    here = program()
    _rewrite(study, program=here.model_copy(update={"versions": {**here.versions, "scipy": "1.0.0"}}))
    (fault,) = verify_study(study).faults
    assert fault == f"program: scipy {here.versions['scipy']} in place of 1.0.0"


def test_another_level_of_processor_is_told(study: Path) -> None:
    _rewrite(study, program=program().model_copy(update={"cpu": "x86-64-v9"}))
    assert verify_study(study).faults == (f"program: processor level {program().cpu} in place of x86-64-v9",)


def test_a_changed_source_is_told(study: Path) -> None:
    _rewrite(study, program=program().model_copy(update={"source": "0" * 64}))
    assert verify_study(study).faults == ("program: another program source",)


def test_draws_that_come_out_otherwise_are_told_with_how_far_they_are_off(study: Path) -> None:
    """As if another processor had rounded one column otherwise, and written its own hashes."""
    path = study / "small" / "draws.nc"
    with h5py.File(path, "r+") as file:
        file["market_size"][1, 0, :] *= 1 + 2.0**-20
    variables = {name: panel_hash(panel) for name, panel in read_result(study / "small").panels.items()}
    _rewrite(study, variables={"small": variables})
    assert verify_study(study).faults == ()
    assert verify_study(study, rerun=True).faults == (
        "small: market_size: comes out otherwise now: 1 of 9 columns differ from what is stored, "
        "by a part of 1e-06 at most",
    )


def _forge_summary(study: Path) -> None:
    path = study / "summary.csv"
    path.write_bytes(path.read_bytes().replace(b",mean,", b",mean,1", 1))
    _rewrite(study)


def _forge_parameters(study: Path) -> None:
    path = study / "parameters.csv"
    path.write_bytes(path.read_bytes().replace(b"3", b"4", 1))
    _rewrite(study)


def _forge_answer(study: Path) -> None:
    answer = read_manifest(study).answer
    first, *others = answer["headline"]
    _rewrite(study, answer=answer | {"headline": [[*first[:6], 99.0, *first[7:]], *others]})


def _forge_notes(study: Path) -> None:
    _rewrite(study, notes=())


def _forge_scenario_text(study: Path) -> None:
    path = study / "small" / "draws.nc"
    with h5py.File(path, "r+") as file:
        file.attrs["scenario"] = file.attrs["scenario"].replace("judgement", "official", 1)
    _rewrite(study)


@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        (_forge_summary, "summary.csv"),
        (_forge_parameters, "parameters.csv"),
        (_forge_answer, "manifest.json: answer"),
        (_forge_notes, "manifest.json: notes"),
        (_forge_scenario_text, "small/draws.nc"),
    ],
)
def test_what_is_forged_with_a_manifest_that_fits_is_found_by_making_it_anew(
    forge: Spoil, fault: str, study: Path
) -> None:
    forge(study)
    assert verify_study(study).faults == ()
    assert verify_study(study, rerun=True).faults == (f"{fault}: comes out otherwise now",)


def test_an_answer_that_cannot_be_read_is_refused_with_a_remedy_that_helps(study: Path) -> None:
    whole = read_manifest(study).answer
    _rewrite(study, answer={"median": 1})
    (study.parent / "small.yaml").write_text(SMALL)
    (study.parent / "sources.yaml").write_text(SOURCES)
    with pytest.raises(ResultsError, match=r"run the command again that made the study with --force$"):
        _run(study.parent, study.parent)
    assert _run(study.parent, study.parent, force=True) == study
    assert read_manifest(study).answer == whole


def test_a_manifest_that_was_edited_is_refused(study: Path) -> None:
    path = study / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"notes": ["all is well"]}))
    with pytest.raises(ResultsError, match="was changed after the study was written"):
        verify_study(study)


def test_a_comparison_has_no_draws_of_its_own(written: Path, tmp_path: Path) -> None:
    compared = compare_studies([written], out=tmp_path, plots=False, jobs=1).folder
    assert verify_study(compared).faults == ()
    with pytest.raises(ResultsError, match="verify those with --rerun"):
        verify_study(compared, rerun=True)


@pytest.mark.parametrize("asked", [{}, {"task": "nonsense"}, {"task": "run"}, {"task": "run", "scenarios": 3}])
def test_what_no_command_asked_is_refused(asked: dict[str, Any], study: Path) -> None:
    _rewrite(study, asked=asked)
    with pytest.raises(ResultsError, match="this program does not read what the study was asked"):
        verify_study(study, rerun=True)


def test_a_command_that_is_unknown_is_told_by_name(study: Path) -> None:
    _rewrite(study, asked={**read_manifest(study).asked, "task": "swep"})
    with pytest.raises(ResultsError, match=r"no command .* this name \(found 'swep'; .*; did you mean 'sweep'\?\)$"):
        verify_study(study, rerun=True)


def test_every_command_that_leaves_a_study_can_be_verified() -> None:
    for module in pkgutil.iter_modules(sim.tasks.__path__):
        importlib.import_module(f"sim.tasks.{module.name}")
    shipped = [task for task in Task.__subclasses__() if task.__module__.startswith("sim.")]
    assert {task.kind: task for task in shipped} == TASKS


def test_draws_of_a_posterior_are_computed_anew_from_that_posterior_alone(study: Path) -> None:
    asked = read_manifest(study).asked
    asked["scenarios"]["small"]["sampling"]["posterior"] = "0" * 64
    _rewrite(study, asked=asked)
    assert verify_study(study).faults == ()
    with pytest.raises(ResultsError, match="give that very one with --posterior FILE"):
        verify_study(study, rerun=True)


def test_the_command_tells_faults_on_the_error_stream_and_fails(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(study)]) == 0
    assert capsys.readouterr().out == f"{study}: as its manifest says (6 files and 2 variables)\n"
    _edit_table(study)
    assert main(["verify", str(study)]) == 1
    assert capsys.readouterr().err == f"{study}: summary.csv: was changed after the study was written\n"


@pytest.mark.parametrize("case", ["cars/announced_path", "europe_cloud/open_as_it_is", "insurers/majority", "jv_only"])
def test_a_request_of_each_case_is_read_back_with_its_notes(case: str, tmp_path: Path) -> None:
    file = FOLDER / f"{case}.yaml"
    request = make_request([file], draws=512, seed=None, baseline=None, keep=None, pictures=False)
    again = request_of(json.loads(json.dumps(request.content())), tmp_path, None)
    assert again.notes == request.notes
    assert again.content() == request.content()
