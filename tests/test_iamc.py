"""The IAMC's wide table: one name a number by one rule, units in their spelling, and tools of the field read it."""

from __future__ import annotations

import csv
import gc
import io
import math
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import exported
import openpyxl
import pytest

from sim import export_study
from sim.errors import ResultsError
from sim.outcomes.manifest import read_manifest
from sim.outcomes.variables import VARIABLES
from sim.report.contents import Contents
from sim.report.iamc import iamc_csv, unit_of, variable_name
from sim.tasks.export import _contents

LABELS = {"aws": "AWS", "iaas": "IaaS", "foreign": "Foreign"}


@cache
def contents() -> Contents:
    """The tables of the run of two."""
    return _contents(exported.two(), read_manifest(exported.two()))


def rows(content: bytes) -> list[dict[str, str]]:
    """The rows of the table."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize(
    ("number", "is_difference", "name"),
    [
        (("revenue_gross", "foreign", "iaas", "p50"), False, "Revenue|Foreign|IaaS|p50"),
        (("revenue_gross", "foreign", "total", "mean"), False, "Revenue|Foreign|mean"),
        (("market_share", "aws", "iaas", "p05"), False, "Market Share|AWS|IaaS|p05"),
        (("foreign_share", "", "total", "p_positive"), True, "Foreign Share|Difference|p_positive"),
        (("event_date", "aws.launch", "", "p95"), False, "Event Date|AWS|Launch|p95"),
        (("npv_with_terminal", "aws", "total", "median_case"), False, "NPV With Terminal|AWS|median_case"),
    ],
)
def test_a_name_follows_from_the_row_by_one_rule(
    number: tuple[str, str, str, str], is_difference: bool, name: str
) -> None:
    assert variable_name(*number, LABELS, is_difference=is_difference) == name


def test_no_two_variables_have_one_name() -> None:
    names = {variable_name(name, "", "", "mean") for name in VARIABLES}
    assert len(names) == len(VARIABLES)


@pytest.mark.parametrize(
    ("unit", "is_difference", "there"),
    [
        ("USD bn/yr", False, ("billion USD/yr", 1)),
        ("USD bn", True, ("billion USD", 1)),
        ("fraction", False, ("%", 100)),
        ("fraction", True, ("percentage points", 100)),
        ("1/yr", False, ("%/yr", 100)),
        ("years", False, ("yr", 1)),
        ("index", False, ("index", 1)),
    ],
)
def test_units_have_their_spelling(unit: str, is_difference: bool, there: tuple[str, float]) -> None:
    assert unit_of(unit, is_difference=is_difference) == there


def test_the_table_has_its_columns_and_no_name_twice() -> None:
    table = rows(iamc_csv(contents()))
    assert list(table[0]) == ["Model", "Scenario", "Region", "Variable", "Unit", "2018", "2019", "2020"]
    keys = [(row["Scenario"], row["Region"], row["Variable"]) for row in table]
    assert len(keys) == len(set(keys)) > 500
    assert {key[:2] for key in keys} == {("small", "unspecified"), ("wider", "Ruritania")}
    assert all(any(row[year] for year in ("2018", "2019", "2020")) for row in table)


@pytest.mark.parametrize(("file", "is_difference"), [("summary.csv", False), ("comparison.csv", True)])
def test_every_number_that_exists_stands_there_once(file: str, is_difference: bool) -> None:
    table = {(row["Scenario"], row["Variable"]): row for row in rows(iamc_csv(contents()))}
    labels = {"aws": "AWS", "iaas": "IaaS", "saas": "SaaS"}  # as the first scenario has it
    with (exported.two() / file).open(newline="") as stream:
        numbers = list(csv.DictReader(stream))
    for number in numbers:
        place = (number["variable"], number["item"], number["scope"], number["statistic"])
        found = table.get((number["scenario"], variable_name(*place, labels, is_difference=is_difference)), {})
        unit, factor = unit_of(number["unit"], is_difference=is_difference)
        assert bool(found.get(number["period"])) == bool(number["value"]), place
        if number["value"]:
            assert found["Unit"] == unit
            assert math.isclose(float(found[number["period"]]), factor * float(number["value"]), rel_tol=1e-15)


def test_providers_of_one_title_are_told_apart_by_their_ids() -> None:
    wider, base = contents().scenarios["wider"], contents().scenarios["small"]
    alike = {name: one.model_copy(update={"title": "One | two (x)"}) for name, one in base.providers.items()}
    scenarios = {"small": base.model_copy(update={"providers": alike}), "wider": wider}
    names = {row["Variable"] for row in rows(iamc_csv(replace(contents(), scenarios=scenarios)))}
    assert {"Revenue|One / two (aws)|IaaS|p50", "Revenue|One / two (alibaba)|IaaS|p50"} <= names


def test_names_that_are_alike_all_the_same_are_refused() -> None:
    row = next(row for row in contents().summary if row.variable == "market_size")
    doubled = replace(contents(), summary=[*contents().summary, row._replace(unit="USD m/yr")])
    with pytest.raises(ResultsError, match=r"two numbers would be called Market Size\|IaaS\|mean"):
        iamc_csv(doubled)


def test_the_workbook_holds_the_same_table_and_what_is_to_be_known_of_scenarios() -> None:
    plain, path = export_study(exported.two(), "iamc")
    assert (plain.name, path.name) == (f"{exported.two().name}-iamc.csv", f"{exported.two().name}-iamc.xlsx")
    book = openpyxl.load_workbook(path)
    there = [[cell.value for cell in row] for row in book["data"].iter_rows()]
    expected = rows(plain.read_bytes())
    assert there[0] == list(expected[0])
    assert len(there) == len(expected) + 1
    for row, other in zip(there[1:], expected, strict=True):
        assert row[:5] == list(other.values())[:5]
        for value, text in zip(row[5:], list(other.values())[5:], strict=True):
            assert value is None if text == "" else math.isclose(value, float(text), rel_tol=1e-15)
    meta = [[cell.value for cell in row] for row in book["meta"].iter_rows()]
    assert [row[1:3] for row in meta] == [["scenario", "title"], ["small", "Small"], ["wider", exported.HOSTILE]]


def test_a_comparison_has_regions_and_differences_too() -> None:
    path, _ = export_study(exported.compared(), "iamc")
    table = rows(path.read_bytes())
    assert {row["Region"] for row in table} == {"unspecified", "Ruritania"}
    assert {row["Scenario"] for row in table if "|Difference|" in row["Variable"]} == {"small"}


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pyam 4 takes Python 3.13; pyam 3 fails at import")
@pytest.mark.filterwarnings("ignore")  # of pyam's own
def test_pyam_reads_both_files(tmp_path: Path) -> None:
    pyam = pytest.importorskip("pyam", reason="pyam is not installed: pip install pyam-iamc")
    for path in export_study(exported.two(), "iamc", out=tmp_path):
        frame = pyam.IamDataFrame(path)
        assert sorted(frame.scenario) == ["small", "wider"]
        assert frame.filter(variable="Revenue|Foreign|IaaS|p50").timeseries().shape == (2, 3)
    gc.collect()  # pyam leaves a workbook open, which is told where it is collected
