"""CSV and the scenario × parameter table."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from synthetic import scenario

from sim.disk import write_bytes
from sim.outcomes.tables import ComparisonRow, SummaryRow, csv_bytes, parameter_columns, parameter_rows
from sim.scenario.inputs import inputs

FIELDS = ["scenario", "variable", "scope", "item", "period", "statistic", "value", "se", "unit", "share_defined"]


def test_columns_of_summary_and_comparison_are_those_of_the_interface() -> None:
    assert list(SummaryRow._fields) == FIELDS
    assert list(ComparisonRow._fields) == [*FIELDS, "p_positive"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@sum", "\tx", "\rx"])
def test_a_text_that_looks_like_a_formula_is_neutralised(text: str) -> None:
    assert next(csv.reader([csv_bytes([(text,)]).decode()])) == [f"'{text}"]


def test_csv_quotes_what_needs_it_and_ends_lines_as_rfc_4180_says() -> None:
    assert csv_bytes([("a,b", 'say "x"', 1)], ("p", "q", "r")) == b'p,q,r\r\n"a,b","say ""x""",1\r\n'


def test_what_is_not_finite_is_an_empty_cell() -> None:
    assert csv_bytes([(math.nan, math.inf, None, -1.5)]) == b",,,-1.5\r\n"


def test_a_number_of_numpy_is_written_as_any_other() -> None:
    assert csv_bytes([(np.float64(0.5), "a"), (np.float64("nan"), 0.25), (2, None)]) == b"0.5,a\r\n,0.25\r\n2,\r\n"


def test_numbers_are_written_so_that_they_read_back_to_the_last_bit() -> None:
    number = 0.1 + 0.2
    assert float(csv_bytes([(number,)])) == number


def test_a_file_is_written_whole_under_its_name(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.csv", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_the_parameter_table_marks_what_differs_and_nothing_else() -> None:
    base = scenario()
    review = {"interval": "1 to 3", "unit": "years", "source": "guess", "grade": "judgement"}
    other = scenario("slow", regulator={"reviewers": 2, "review_time": review})
    rows = parameter_rows([base, other])
    assert [row for row in rows if row[1]] == [
        (
            *("regulator.review_time", "differs", "min 0, low 3, median 12, high 41 months", "interval 1 to 3 years"),
            *("judgement; guess", "", "judgement"),
        )
    ]
    assert parameter_columns([base, other]) == ("parameter", "differs", "closed", "slow", "source", "as_of", "grade")


def test_the_parameter_table_has_source_date_and_grade_of_every_number() -> None:
    one = scenario()
    rows = {row[0]: row[-3:] for row in parameter_rows([one])}
    stated = {item.path: item.record for item in inputs(one)}
    assert rows.keys() >= stated.keys()
    for path, record in stated.items():
        assert rows[path] == (record.source, str(record.as_of or ""), record.grade)


def test_evidence_alone_is_no_difference_between_scenarios() -> None:
    lead = {"value": 6, "unit": "months", "source": "elsewhere", "grade": "found", "note": "read twice"}
    other = scenario("slow", capacity={**scenario().model_dump()["capacity"], "expansion_lead": lead})
    assert not any(row[1] for row in parameter_rows([scenario(), other]))


def test_a_parameter_that_a_scenario_does_not_have_is_empty_there() -> None:
    other = scenario("calm", policy={"start": "closed", "steps": {}})
    row = next(row for row in parameter_rows([scenario(), other]) if row[0] == "policy.steps.deal.when")
    assert row == ("policy.steps.deal.when", "differs", "2020-01-01", "", "", "", "")
