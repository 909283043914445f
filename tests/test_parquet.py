"""Draws and inputs as Parquet: what is read back is what the study holds, in parts that a reader can pick."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import exported
import numpy as np
import pytest
from pyarrow import parquet

from sim import cli, export_study, load_results
from sim.chance.units import units_of
from sim.errors import ResultsError, SimError
from sim.outcomes.manifest import content_hash, read_manifest
from sim.outcomes.study import read_study
from sim.outcomes.variables import unit_of
from sim.report import parquet as module


def written(out: Path) -> tuple[Any, Any]:
    """The two files of the run of two."""
    draws, inputs = export_study(exported.two(), "parquet", out=out)
    return parquet.ParquetFile(draws), parquet.ParquetFile(inputs)


@pytest.mark.parametrize("numbers", [2**20, 3 * 512, 200], ids=["whole", "some rows at a time", "some draws at a time"])
def test_draws_read_back_are_those_of_the_study(numbers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NUMBERS", numbers)
    table = written(tmp_path)[0].read().to_pandas()
    assert list(table) == ["scenario", "variable", "scope", "item", "year", "draw", "value"]
    tree, checked = load_results(exported.two()), 0
    for (scenario, variable), rows in table.groupby(["scenario", "variable"], observed=True, sort=False):
        values = tree[scenario][variable]
        for (scope, item, year), part in rows.groupby(["scope", "item", "year"], observed=True, sort=False):
            expected = values.sel(item=f"{scope}:{item}", year=year).values
            assert (part["draw"].to_numpy() == np.arange(512)).all()
            np.testing.assert_array_equal(part["value"].to_numpy(), expected)
            checked += 1
    assert checked == sum(panel.count for one in read_study(exported.two()).results for panel in one.panels.values())


def test_inputs_read_back_are_those_of_the_study(tmp_path: Path) -> None:
    table = written(tmp_path)[1].read().to_pandas()
    assert list(table) == ["scenario", "input", "draw", "value"]
    study = read_study(exported.two())
    for name in ("small", "wider"):
        found = {
            key: part["value"].to_numpy() for key, part in table[table.scenario == name].groupby("input", observed=True)
        }
        assert found.keys() == study.inputs(name).keys()
        assert all((found[key] == values).all() for key, values in study.inputs(name).items())


def test_a_row_group_holds_one_variable_of_one_scenario_and_no_more_than_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NUMBERS", 4 * 512)
    file, _ = written(tmp_path)
    for place in range(file.metadata.num_row_groups):
        group = file.read_row_group(place, columns=["scenario", "variable"])
        assert [len(group[name].unique()) for name in ("scenario", "variable")] == [1, 1]
        assert group.num_rows <= 4 * 512


def test_labels_are_dictionaries_and_metadata_name_units_and_study(tmp_path: Path) -> None:
    draws, inputs = written(tmp_path)
    assert {
        str(draws.schema_arrow.field(name).type).split("<")[0] for name in ("scenario", "variable", "scope", "item")
    } == {"dictionary"}
    told = {
        key.decode(): json.loads(value) for key, value in draws.schema_arrow.metadata.items() if b"ARROW" not in key
    }
    assert told["study"] == content_hash(read_manifest(exported.two()))
    held = {panel.variable for one in read_study(exported.two()).results for panel in one.panels.values()}
    assert told["units"] == {name: unit_of(name, "USD") for name in held}
    described = json.loads(inputs.schema_arrow.metadata[b"inputs"])
    expected = {
        c.name: c.unit for one in read_study(exported.two()).results for u in units_of(one.scenario) for c in u.columns
    }
    assert {name: one["unit"] for name, one in described.items()} == expected


def test_what_does_not_exist_is_null(tmp_path: Path) -> None:
    arrow = written(tmp_path)[0].read()
    table = arrow.to_pandas()
    assert arrow["value"].null_count == table["value"].isna().sum()
    values = read_study(exported.two()).result("wider").panels["payback"].rows(range(1))[0]
    chosen = table[(table.scenario == "wider") & (table.variable == "payback")]
    assert chosen["value"].isna().any()
    assert chosen["value"].isna().sum() == np.isnan(values).sum()


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (
        [path.read_bytes() for path in export_study(exported.two(), "parquet", out=tmp_path / f"{name}.parquet")]
        for name in "ab"
    )
    assert one == other


def test_without_pyarrow_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find(name))
    assert cli.main(["export", str(exported.two()), "--to", "parquet", "--out", str(tmp_path)]) == 1
    assert (
        capsys.readouterr().err.splitlines()[-1]
        == "--to parquet takes pyarrow: pip install 'market-entry-sim[parquet]'"
    )
    assert not list(tmp_path.iterdir())
    with pytest.raises(SimError, match="takes pyarrow"):
        export_study(exported.two(), "parquet", out=tmp_path)


def test_a_comparison_has_no_draws_and_says_which_study_has(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="is a study of sim compare, and --to parquet takes one of sim run"):
        export_study(exported.compared(), "parquet", out=tmp_path)
