"""Saving, reading and refusing results."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from synthetic import of, panel, result

from sim.axes import FloatArray
from sim.disk import file_hash
from sim.errors import NumericalError, ResultsError
from sim.outcomes import panels
from sim.outcomes.results import (
    VARIABLES,
    Panel,
    Result,
    panel_hash,
    read_result,
    require_finite,
    save_result,
)
from sim.outcomes.study import load_results

ITEMS = (("iaas", "aws"), ("total", "aws"))


def _numbers(*shape: int) -> FloatArray:
    return np.random.default_rng(7).lognormal(size=shape)


@pytest.fixture
def small() -> Result:
    """Two variables on different years and items; one is missing in some draws."""
    irr = _numbers(1, 1, 512)
    irr[..., ::3] = np.nan
    return result(
        of(
            panel("market_share", _numbers(3, 2, 512), items=ITEMS, median=_numbers(3, 2)),
            panel("irr", irr, items=(("total", "aws"),), first_year=2020, median=np.full((1, 1), np.nan)),
        )
    )


@pytest.fixture
def saved(small: Result, tmp_path: Path) -> Path:
    """The folder of `small`, saved."""
    save_result(small, tmp_path / "draws.nc")
    return tmp_path


def test_a_saved_result_reads_back_to_the_last_bit(small: Result, saved: Path) -> None:
    back = read_result(saved)
    assert back.scenario == small.scenario
    assert {name: panel_hash(one) for name, one in back.panels.items()} == {
        name: panel_hash(one) for name, one in small.panels.items()
    }


def test_what_is_written_in_several_batches_reads_back_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "_NUMBERS_AT_A_TIME", 2 * 512)
    many = panel("market_share", _numbers(3, 3, 512), items=(*ITEMS, ("total", "alibaba")), median=_numbers(3, 3))
    save_result(result(of(many)), tmp_path / "draws.nc")
    with h5py.File(tmp_path / "draws.nc") as file:
        np.testing.assert_array_equal(file["market_share"][:], many.values)
    assert panel_hash(read_result(tmp_path).panels["market_share"]) == panel_hash(many)


def test_the_file_has_one_uncompressed_chunk_a_column_with_the_draws_last(saved: Path) -> None:
    with h5py.File(saved / "draws.nc") as file:
        assert file["market_share"].chunks == (1, 1, 512)
        assert file["market_share"].compression is None
        assert file["market_share"].dtype == np.float64


def test_chunks_hold_whole_scrambles_in_even_parts_of_at_most_8192_draws(tmp_path: Path) -> None:
    draws = 17 * 512
    save_result(result(of(panel("market_size", _numbers(1, 1, draws)))), tmp_path / "draws.nc")
    with h5py.File(tmp_path / "draws.nc") as file:
        assert file["market_size"].chunks == (1, 1, 9 * 512)


def test_xarray_opens_all_variables_on_year_item_and_draw(small: Result, saved: Path) -> None:
    with xarray.open_dataset(saved / "draws.nc") as data:
        assert data.market_share.dims == data.irr.dims == ("year", "item", "draw")
        chosen = data.market_share.sel(year=2019, item="iaas:aws").values
        assert chosen.tolist() == small.panels["market_share"].column(2019, "iaas", "aws").tolist()
        assert data.market_share.attrs["units"] == "fraction"


def test_years_and_items_that_a_variable_lacks_take_no_room(saved: Path) -> None:
    with h5py.File(saved / "draws.nc") as file:
        assert file["irr"].id.get_num_chunks() == 1
        assert np.isnan(file["irr"][0]).all()


def test_saving_twice_gives_the_same_bytes(small: Result, saved: Path, tmp_path: Path) -> None:
    save_result(small, tmp_path / "again.nc")
    assert file_hash(tmp_path / "again.nc") == file_hash(saved / "draws.nc")


def test_a_save_that_fails_leaves_no_file_of_that_name(
    small: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("sim.outcomes.results._write_rows", full)
    with pytest.raises(OSError, match="No space left"):
        save_result(small, tmp_path / "draws.nc")
    assert not (tmp_path / "draws.nc").exists()


def test_only_the_variables_kept_are_stored(small: Result, tmp_path: Path) -> None:
    save_result(small, tmp_path / "draws.nc", keep=("irr",))
    assert list(read_result(tmp_path).panels) == ["irr"]


def test_the_hash_of_a_variable_changes_with_one_bit_and_with_a_label() -> None:
    values = _numbers(1, 1, 512)
    other = values.copy()
    other[0, 0, 511] = np.nextafter(other[0, 0, 511], np.inf)
    hashes = {
        panel_hash(panel("market_size", values)),
        panel_hash(panel("market_size", other)),
        panel_hash(panel("market_size", values, first_year=2019)),
        panel_hash(panel("market_size", values, median=np.zeros((1, 1)))),
    }
    assert len(hashes) == 4


def test_a_panel_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="market_size has shape"):
        Panel("market_size", "USD bn/yr", (2018,), (("total", ""),), np.zeros((1, 2, 512)), np.zeros((1, 1)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused_with_draw_year_and_variable(value: float) -> None:
    values = np.ones((2, 1, 512))
    values[1, 0, 7] = value
    with pytest.raises(NumericalError, match=r"market_size total is (nan|inf) in 2019, draw 1031"):
        require_finite(panel("market_size", values), first_draw=1024)


@pytest.mark.parametrize("variable", [name for name, info in VARIABLES.items() if info.may_be_missing])
def test_what_may_be_missing_may_be_nan_but_not_infinite(variable: str) -> None:
    require_finite(panel(variable, np.full((1, 1, 512), np.nan)))
    with pytest.raises(NumericalError, match=variable):
        require_finite(panel(variable, np.full((1, 1, 512), np.inf)))


def test_only_irr_payback_and_event_dates_may_be_missing() -> None:
    missing = [name for name, info in VARIABLES.items() if info.may_be_missing]
    assert missing == ["irr", "payback", "irr_of_difference", "payback_of_difference", "event_date"]


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no finished result"):
        read_result(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n rubbish", b"name,value\n"])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "draws.nc").write_bytes(content)
    with pytest.raises(ResultsError, match="damaged"):
        read_result(tmp_path)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "draws.nc", "w") as file:
        file["temperature"] = np.zeros(3)
    with pytest.raises(ResultsError, match="not written by this program"):
        read_result(tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("market_share", np.zeros((3, 2, 511)), r"another shape \(found 3 x 2 x 511; wanted 3 x 2 x 512\)"),
        ("market_share", np.zeros((3, 2, 512), "f4"), "must hold numbers of 64 bits"),
        ("market_share_median", np.zeros((2, 2)), r"another shape \(found 2 x 2; wanted 3 x 2\)"),
        ("market_share_median", np.full((3, 2), np.nan), r"must hold finite numbers \(found nan\)"),
        ("year", np.array([2018, 2018, 2019]), "must be years that follow on each other"),
        ("item", np.array(["iaas:aws", "iaas:aws"], dtype=object), "names 'iaas:aws' twice"),
    ],
)
def test_a_variable_that_is_not_as_it_was_written_is_refused(
    saved: Path, name: str, values: np.ndarray, words: str
) -> None:
    with h5py.File(saved / "draws.nc", "r+") as file:
        attributes = {key: file[name].attrs[key] for key in ("years", "items", "units") if key in file[name].attrs}
        del file[name]
        file[name] = values
        file[name].attrs.update(attributes)
    with pytest.raises(ResultsError, match=words):
        read_result(saved)


def test_a_draw_that_is_no_number_is_refused_when_it_is_read(saved: Path) -> None:
    with h5py.File(saved / "draws.nc", "r+") as file:
        file["market_share"][1, 1, 7] = np.inf
    with pytest.raises(ResultsError, match=r"'market_share' must hold finite numbers \(found inf\)"):
        panel_hash(read_result(saved).panels["market_share"])


def test_draws_that_were_never_written_take_no_memory(saved: Path) -> None:
    with h5py.File(saved / "draws.nc", "r+") as file:
        attributes = dict(file["irr"].attrs.items())
        del file["irr"]
        file.create_dataset("irr", (3, 2, 2**36), "f8", chunks=(1, 1, 512))
        file["irr"].attrs.update({key: attributes[key] for key in ("years", "items", "units")})
    with pytest.raises(ResultsError, match="'irr' has another shape"):
        read_result(saved)


def test_a_study_loads_as_one_tree_of_a_dataset_a_scenario(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "study" / "closed").mkdir(parents=True)
    (saved / "draws.nc").rename(tmp_path / "study" / "closed" / "draws.nc")
    loaded = load_results(tmp_path / "study")["closed"]
    assert isinstance(loaded, xarray.DataTree)
    assert loaded.sizes == {"year": 3, "item": 2, "draw": 512}
    loaded.close()


def test_without_xarray_results_load_as_labelled_arrays(
    small: Result, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    loaded = load_results(saved)["closed"]
    column = np.asarray(loaded["market_share"].sel(year=2020, item="total:aws"))
    assert column.tolist() == small.panels["market_share"].values[2, 1].tolist()


def test_a_folder_that_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="neither a study"):
        load_results(tmp_path)


def test_a_number_that_a_panel_does_not_have_is_a_key_error(small: Result) -> None:
    with pytest.raises(KeyError, match="market_share has no saas:aws in 2019"):
        small.panels["market_share"].column(2019, "saas", "aws")
