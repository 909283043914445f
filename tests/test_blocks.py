"""Blocks of draws on disk, and the columns that are read across them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.axes import FloatArray
from sim.errors import ResultsError
from sim.tasks.blocks import BlockStore

ROWS, SCRAMBLES = 7, 5
DRAWS = 512 * SCRAMBLES
ALL = slice(None)


@pytest.fixture
def numbers() -> FloatArray:
    return np.random.default_rng(3).normal(size=(ROWS, DRAWS))


@pytest.fixture
def store(numbers: FloatArray, tmp_path: Path) -> BlockStore:
    """Three blocks, the last of them shorter, each written in two parts."""
    found = BlockStore(tmp_path, "abc", ROWS, SCRAMBLES)
    for number in range(found.count):
        span = found.span(number)
        part = numbers[:, 512 * span.start : 512 * span.stop]
        found.write(number, [part[:3], part[3:]])
    return found


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_name_of_a_block_is_the_hash_of_its_run_and_its_number(store: BlockStore) -> None:
    assert _files(store.folder) == ["abc-000000.block", "abc-000001.block", "abc-000002.block"]


def test_columns_are_read_across_blocks(store: BlockStore, numbers: FloatArray) -> None:
    np.testing.assert_array_equal(store.read(0, range(ROWS), ALL), numbers)


@pytest.mark.parametrize("chosen", [[4], [5, 2], [1, 2, 4, 5], range(0, 7, 3)])
def test_rows_come_in_the_order_asked_for(chosen: list[int], store: BlockStore, numbers: FloatArray) -> None:
    np.testing.assert_array_equal(store.read(0, chosen, ALL), numbers[list(chosen)])


@pytest.mark.parametrize("draws", [slice(0, 10), slice(1000, 1050), slice(1024, 2048), slice(2500, None), slice(5, 5)])
def test_some_draws_are_read_from_the_blocks_that_hold_them(
    draws: slice, store: BlockStore, numbers: FloatArray
) -> None:
    np.testing.assert_array_equal(store.read(2, [0, 3], draws), numbers[[2, 5], draws])


def test_a_block_that_is_whole_is_not_missing(store: BlockStore) -> None:
    assert store.missing() == []


def test_a_block_that_was_cut_short_is_missing(store: BlockStore) -> None:
    path = store.folder / "abc-000001.block"
    path.write_bytes(path.read_bytes()[:-1])
    assert store.missing() == [1]


def test_a_block_with_one_bit_changed_is_missing(store: BlockStore) -> None:
    path = store.folder / "abc-000002.block"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert store.missing() == [2]


def test_a_block_cut_short_meanwhile_is_not_read(store: BlockStore) -> None:
    path = store.folder / "abc-000002.block"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ResultsError, match=r"000002\.block: was cut short"):
        store.read(0, range(ROWS), ALL)


def test_a_longer_run_finds_the_whole_blocks_of_a_shorter_one(store: BlockStore) -> None:
    longer = BlockStore(store.folder, "abc", ROWS, SCRAMBLES + 3)
    assert longer.missing() == [2, 3]


def test_a_block_of_the_wrong_size_is_not_written(store: BlockStore) -> None:
    with pytest.raises(AssertionError, match="block 0 has"):
        store.write(0, [np.zeros((ROWS - 1, 1024))])
