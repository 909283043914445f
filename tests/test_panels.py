"""Columns of outcomes, in memory and where they are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic import of, panel, result

from sim.outcomes import panels
from sim.outcomes.comparison import paired
from sim.outcomes.panels import LazyPanel, Panel, batches, panel_hash
from sim.outcomes.results import read_result, save_result

ITEMS = (("iaas", "aws"), ("total", "aws"))


@pytest.fixture
def held() -> Panel:
    return panel("market_share", np.random.default_rng(7).random((3, 2, 1024)), items=ITEMS)


@pytest.fixture
def stored(held: Panel, tmp_path: Path) -> LazyPanel:
    save_result(result(of(held)), tmp_path / "draws.nc")
    found = read_result(tmp_path).panels["market_share"]
    assert isinstance(found, LazyPanel)
    return found


def test_rows_go_by_year_and_then_by_item(held: Panel) -> None:
    assert [held.row(year, *item) for year in held.years for item in held.items] == list(range(6))


def test_what_is_stored_reads_as_what_is_held(held: Panel, stored: LazyPanel) -> None:
    np.testing.assert_array_equal(stored.rows([4, 1], slice(100, 700)), held.values.reshape(6, -1)[[4, 1], 100:700])
    np.testing.assert_array_equal(stored.series("total", "aws"), held.values[:, 1])
    np.testing.assert_array_equal(stored.column(2019, "iaas", "aws"), held.values[1, 0])
    np.testing.assert_array_equal(stored.values, held.values)
    assert (stored.count, stored.draws) == (6, 1024)


def test_a_number_that_is_not_stored_is_a_key_error(stored: LazyPanel) -> None:
    with pytest.raises(KeyError, match="market_share has no saas:aws in 2018"):
        stored.series("saas", "aws")


def test_batches_hold_all_rows_in_order_and_few_numbers_each(held: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "_NUMBERS_AT_A_TIME", 4 * 1024)
    found = list(batches(held))
    assert [len(batch) for batch in found] == [4, 2]
    np.testing.assert_array_equal(np.concatenate(found), held.values.reshape(6, -1))


def test_a_hash_does_not_depend_on_how_rows_are_read(
    held: Panel, stored: LazyPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = panel_hash(held)
    monkeypatch.setattr(panels, "_NUMBERS_AT_A_TIME", 1)
    assert panel_hash(stored) == whole


def test_saving_returns_the_hash_of_what_it_wrote(held: Panel, tmp_path: Path) -> None:
    assert save_result(result(of(held)), tmp_path / "draws.nc") == {"market_share": panel_hash(held)}


def test_a_difference_of_what_is_stored_is_read_when_it_is_asked_for(held: Panel, stored: LazyPanel) -> None:
    half = Panel(held.variable, held.unit, held.years, held.items[::-1], held.values[:, ::-1] / 2, held.median)
    difference = paired(stored, half)
    np.testing.assert_array_equal(difference.rows([3], slice(5, 9)), held.values[1, 1:2, 5:9] / 2)
