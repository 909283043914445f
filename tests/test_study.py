"""A finished run as a whole: what was drawn stands beside its outcomes, by the same labels with and without xarray."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray
from conftest import small
from synthetic import scenario

from sim import run_study
from sim.chance.sampling import leading_columns
from sim.chance.units import units_of
from sim.errors import ResultsError
from sim.outcomes.study import INPUTS_FILE, load_results, read_inputs, read_study, save_inputs
from sim.scenario.scenario import Scenario
from sim.tasks.compare import compare_studies


def _wider() -> Scenario:
    """The small scenario under another distribution of one input."""
    base = small()
    churn = base.demand.churn
    wider = churn.model_copy(update={"high": churn.high * 1.5})  # type: ignore[attr-defined]
    return base.named("wider").model_copy(update={"demand": base.demand.model_copy(update={"churn": wider})})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two scenarios that differ in one input."""
    return run_study([small(), _wider()], draws=512, out=tmp_path_factory.mktemp("runs"), plots=False, jobs=1).folder


def test_a_study_keeps_every_column_that_was_drawn(folder: Path) -> None:
    study = read_study(folder)
    for result in study.results:
        expected = leading_columns(result.scenario, range(1))
        found = study.inputs(result.name)
        assert sorted(found) == sorted(column.name for unit in units_of(result.scenario) for column in unit.columns)
        assert all((found[name] == values).all() for name, values in expected.items())


def test_what_scenarios_share_is_stored_once(folder: Path, tmp_path: Path) -> None:
    with xarray.open_dataset(folder / INPUTS_FILE, engine="h5netcdf") as data:
        labels = [str(label) for label in data.inputs.values]
    assert [label for label in labels if ":" in label] == ["wider:demand.churn"]
    save_inputs(tmp_path / INPUTS_FILE, [small()])
    assert list(read_inputs(tmp_path / INPUTS_FILE)) == [small().name]


def test_inputs_and_outcomes_load_as_one_tree(folder: Path) -> None:
    tree = load_results(folder)
    assert isinstance(tree, xarray.DataTree)
    assert list(tree) == [result.name for result in read_study(folder).results] or set(tree) == {small().name, "wider"}
    churn = tree["wider"]["inputs"]["demand.churn"]
    assert churn.dims == ("draw",)
    assert (churn.values == read_study(folder).inputs("wider")["demand.churn"]).all()
    assert load_results(folder / "wider")["wider"]["inputs"]["demand.churn"].equals(churn)


def test_without_xarray_the_same_labels_lead_to_the_same_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = load_results(folder)["wider"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    loaded = load_results(folder)["wider"]
    year = int(tree["market_share"].year[-1])
    labels = {"year": year, "item": "total:aws"}
    assert (np.asarray(loaded["market_share"].sel(**labels)) == tree["market_share"].sel(**labels).values).all()
    assert (np.asarray(loaded["inputs"]["demand.churn"]) == tree["inputs"]["demand.churn"].values).all()
    assert set(loaded) == {*map(str, tree.data_vars), "inputs"} - {f"{name}_median" for name in loaded}
    with pytest.raises(KeyError, match="no 'saas' on an axis 'item'"):
        loaded["market_share"].sel(item="saas")


def test_a_study_of_another_command_is_no_run(folder: Path, tmp_path: Path) -> None:
    compared = compare_studies([folder], out=tmp_path, plots=False, jobs=1)
    with pytest.raises(ResultsError, match="is the study of sim compare, and a study of sim run is asked for"):
        read_study(compared.folder)


def test_inputs_that_were_changed_or_lost_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy)
    with (copy / INPUTS_FILE).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ResultsError, match=rf"{INPUTS_FILE}: was changed after the study was written"):
        read_study(copy).inputs("wider")
    with pytest.raises(ResultsError, match="was changed after"):
        load_results(copy)
    (copy / INPUTS_FILE).unlink()
    with pytest.raises(ResultsError, match=f"was made without {INPUTS_FILE}: run the study again"):
        read_study(copy).inputs("wider")


def test_inputs_of_other_scenarios_are_refused(tmp_path: Path) -> None:
    path = tmp_path / INPUTS_FILE
    path.write_bytes(b"no file of ours")
    with pytest.raises(ResultsError, match=INPUTS_FILE):
        read_inputs(path)


def test_a_scenario_keeps_the_names_of_its_categories_and_grades(shipped: object) -> None:
    columns = {column.name: column for unit in units_of(scenario()) for column in unit.columns}
    assert columns["opening.hypothesis"].categories
    assert columns["demand.churn"].grade
