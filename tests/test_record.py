"""The record as it is read: every mistake with its place and remedy, all at once."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from sim.belief.record import Observation, read_record
from sim.errors import ScenarioError
from sim.reading.loading import shipped_folder
from sim.scenario.money import Ledger
from sim.scenario.scenario import Horizon

HORIZON = Horizon(base_year=2018, end_year=2030, period_months=3)
LEDGER = Ledger("USD", {"CNY": 6.62})

HEADER = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,mark,source,note"
SIZE = "M1,market_size,total,,2019-01-01,2019-12-31,annual,12.9,12.0,13.5,USD bn,derived,a bank,"


def _column(row: str, cell: str) -> int:
    """Where a cell begins in a row without quotes, counted from 1."""
    before = row.split(",")[: HEADER.split(",").index(cell)]
    return 1 + sum(len(text) + 1 for text in before)


def _read(folder: Path, *rows: str, header: str = HEADER) -> tuple[Observation, ...]:
    file = folder / "record.csv"
    file.write_bytes("\n".join([header, *rows, ""]).encode())
    return read_record(file, HORIZON, LEDGER)


def _complaints(folder: Path, *rows: str, header: str = HEADER) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        _read(folder, *rows, header=header)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_the_shipped_record_reads_whole() -> None:
    record = read_record(shipped_folder() / "observed_2019_2021.csv", HORIZON, LEDGER)
    assert (len(record), record[0].value, record[0].low, record[0].high) == (19, 12.9, 12.0, 13.5)


def test_a_row_becomes_an_observation_in_canonical_units(tmp_path: Path) -> None:
    (share,) = _read(tmp_path, "a,market_share,iaas,aws,2020-10-01,2020-12-31,quarter,6,5.75,6.25,%,,a bank,")
    assert (share.value, share.low, share.high, share.unit) == (0.06, 0.0575, 0.0625, "fraction")
    assert share.series == ("market_share", "iaas", "aws")


def test_a_window_ends_when_its_last_day_does(tmp_path: Path) -> None:
    assert _read(tmp_path, SIZE)[0].window == (2019.0, 2020.0)


def test_a_row_without_range_is_exact(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, SIZE.replace("12.0,13.5", ","))
    assert (row.low, row.high, row.is_measured) == (12.9, 12.9, False)


def test_a_date_is_a_decimal_year(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, "a,event,,deal,2019-05-01,2020-12-31,date,2020-07-01,,,date,,a bank,")
    assert (row.value, row.unit) == (2020.5, "date")


def test_quoted_cells_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    first, second = _read(tmp_path, SIZE + '"says ""big"",\nor so"', SIZE.replace("M1", "M2"))
    assert (first.note, second.place.line) == ('says "big",\nor so', 4)


def test_columns_may_stand_in_any_order_and_note_be_missing(tmp_path: Path) -> None:
    header = "source,id,unit,variable,scope,item,period_start,period_end,statistic,value,low,high"
    row = "a bank,M1,USD bn,market_size,total,,2019-01-01,2019-12-31,annual,12.9,,"
    assert _read(tmp_path, row, header=header)[0].value == 12.9


@pytest.mark.parametrize(
    ("old", "new", "cell", "words"),
    [
        ("12.9", "lots", "value", "must be a number.*'lots'"),
        ("12.9", "1e999", "value", "must be a number"),
        ("12.9", "1_2", "value", "must be a number"),
        ("12.9", "１２.９", "value", "must be a number"),
        ("12.9", "-1", "value", "must be above 0"),
        ("12.9", "", "value", "must not be empty"),
        ("12.9", "14", "low", "low, value, high must rise .found 12.0, 14, 13.5."),
        ("12.0", "", "high", "give both or neither"),
        ("USD bn,", "USD bm,", "unit", "wrong unit.*allowed USD bn, USD m, CNY bn, CNY m"),
        ("USD bn,", "EUR bn,", "unit", "no rate for EUR.*state exchange_rates.EUR in 'EUR per USD'"),
        ("2019-01-01", "2019-1-1", "period_start", "must be a day such as 2019-12-31"),
        ("2019-01-01", "2019-02-30", "period_start", "must be a day such as"),
        ("2019-01-01", "2019-W01-1", "period_start", "must be a day such as"),
        ("2019-12-31", "9999-12-31", "period_end", "outside the scenario's horizon"),
        ("2019-01-01", "2018-01-01", "period_start", "outside the scenario's horizon.*2019-01-01 to 2030-12"),
        ("2019-12-31", "2031-12-31", "period_end", "outside the scenario's horizon.*leave the row out"),
        ("2019-12-31", "2019-06-30", "period_end", "'annual' means 12 whole calendar months"),
        ("annual", "yearly", "statistic", "unknown statistic.*found 'yearly'"),
        ("annual", "occurred", "statistic", "'market_size' has no such statistic"),
        ("M1,", ",", "id", "must not be empty"),
        ("a bank", "", "source", "must not be empty"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_remedy(
    old: str, new: str, cell: str, words: str, tmp_path: Path
) -> None:
    row = SIZE.replace(old, new, 1)
    (complaint,) = _complaints(tmp_path, row)
    path = "id" if cell == "id" else f"M1.{cell}"
    assert complaint.startswith(f"record.csv:2:{_column(row, cell)}: {path}: "), complaint
    assert re.search(words, complaint), complaint


def test_a_row_has_as_many_cells_as_the_header(tmp_path: Path) -> None:
    complaints = _complaints(tmp_path, SIZE.replace(",derived", ""))
    assert complaints == ["record.csv:2:1: 14 cells are wanted (found 13)"]


def test_all_mistakes_of_all_rows_are_told_at_once(tmp_path: Path) -> None:
    rows = SIZE.replace("12.9", "lots"), SIZE, SIZE.replace("USD bn", "EUR bn").replace("12.0", "x")
    cells = [(2, "value"), (3, "id"), (4, "id"), (4, "low"), (4, "unit")]
    places = [f"record.csv:{line}:{_column(rows[line - 2], cell)}" for line, cell in cells]
    assert [line.split(": ")[0] for line in _complaints(tmp_path, *rows)] == places


def test_an_id_stands_once(tmp_path: Path) -> None:
    assert _complaints(tmp_path, SIZE, SIZE) == ["record.csv:3:1: the id 'M1' stands twice (first in line 2)"]


@pytest.mark.parametrize("rows", [(), ("",), (",,,",)])
def test_an_empty_record_is_refused(rows: tuple[str, ...], tmp_path: Path) -> None:
    (complaint,) = _complaints(tmp_path, *rows)
    assert "is empty: a header and a row for each observation are needed" in complaint


def test_a_header_names_every_column_once(tmp_path: Path) -> None:
    header = HEADER.replace("value", "valeu").replace("note", "unit")
    assert _complaints(tmp_path, SIZE, header=header) == [
        "record.csv:1:1: the header lacks value (needed " + ", ".join(HEADER.split(",")) + ")",
        "record.csv:1:58: unknown column (found 'valeu'; did you mean 'value'?)",
        "record.csv:1:90: the column 'unit' stands twice",
    ]


def test_semicolons_are_told_from_commas(tmp_path: Path) -> None:
    (complaint,) = _complaints(tmp_path, SIZE, header=HEADER.replace(",", ";"))
    assert "cells are separated by commas" in complaint


def test_a_quotation_mark_encloses_a_whole_cell(tmp_path: Path) -> None:
    (complaint,) = _complaints(tmp_path, SIZE.replace("a bank", 'a "bank"'))
    assert complaint.startswith("record.csv:2:82: a quotation mark")


def test_yes_or_no_is_0_or_1_without_a_range(tmp_path: Path) -> None:
    row = "T1,event,,deal,2019-05-01,2019-12-31,occurred,{},{},,boolean,,a bank,"
    assert "must be 1 for yes or 0 for no (found 2)" in _complaints(tmp_path, row.format(2, ""))[0]
    assert "yes or no has no range" in _complaints(tmp_path, row.format(1, 0))[0]


def test_a_date_lies_in_the_period_of_its_row(tmp_path: Path) -> None:
    row = "a,event,,deal,2019-05-01,2020-12-31,date,{},,,date,,a bank,"
    assert (
        "must lie in the row's period (found 2021-07-01; allowed" in _complaints(tmp_path, row.format("2021-07-01"))[0]
    )
    assert "must be a day such as" in _complaints(tmp_path, row.format("July"))[0]


def test_a_share_is_part_of_a_whole(tmp_path: Path) -> None:
    row = "a,market_share,iaas,aws,2020-10-01,2020-12-31,quarter,6,,,fraction,,a bank,"
    assert "must be a part of a whole" in _complaints(tmp_path, row)[0]


def test_of_many_mistakes_a_hundred_are_told(tmp_path: Path) -> None:
    rows = [SIZE.replace("M1", f"M{number}").replace("12.9", "lots") for number in range(1_000)]
    complaints = _complaints(tmp_path, *rows)
    assert (len(complaints), complaints[-1].split(": ", 1)[1]) == (101, "and more problems from here on")


def test_blanks_before_a_quotation_mark_take_no_time(tmp_path: Path) -> None:
    """Each blank was once tried as the end of those before the cell, and each again as the end of the cell."""
    began = time.process_time()
    (complaint,) = _complaints(tmp_path, " " * 100_000 + 'a"b')
    assert "a quotation mark that does not enclose the whole cell" in complaint
    assert time.process_time() - began < 1


def test_a_cell_that_a_terminal_would_not_show_is_refused(tmp_path: Path) -> None:
    (complaint,) = _complaints(tmp_path, SIZE.replace("M1", "M\x1b[2J"))
    assert complaint == "record.csv:2:1: holds the control character U+001B"


def test_money_beyond_counting_is_refused(tmp_path: Path) -> None:
    complaints = _complaints(tmp_path, SIZE.replace("12.9", "1e200").replace("13.5", "1e201"))
    assert [line.split(": ", 1)[1] for line in complaints] == [
        "M1.value: must be at most 1e+150 (found 1e200)",
        "M1.high: must be at most 1e+150 (found 1e201)",
    ]
