"""The workbook: it shows what the tables hold, no text in it is taken for anything else, and its charts are there."""

from __future__ import annotations

import csv
import math
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import exported
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from sim import export_study
from sim.report import plain
from sim.report.layout import FIRST_ROW
from sim.report.plain import plain_sheets

OFFICE = shutil.which("soffice")
NEEDS_OFFICE = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed: no soffice")

STATISTICS = {"median": "p50", "5%": "p05", "95%": "p95", "mean": "mean", "of draws": "mean"}

MEASURES = {
    "Foreign providers' share of the market (%)": ("foreign_share", "", 1),
    "Foreign providers' share of the market (percentage points)": ("foreign_share", "", 100),
    "Size of the market (USD bn/yr)": ("market_size", "", 1),
    "Revenue that foreign providers keep (USD bn/yr)": ("revenue_retained", "foreign", 1),
    "Operating profit of foreign providers (USD bn/yr)": ("operating_profit", "foreign", 1),
}
"""What stands above columns to the variable and item that they show, and what it is multiplied by."""


@cache
def book(study: Path) -> openpyxl.Workbook:
    """The workbook of a study, read by another program."""
    (path,) = export_study(study, "xlsx")
    return openpyxl.load_workbook(path)


@cache
def known(table: Path) -> dict[tuple[str, ...], float]:
    """Scenario, variable, scope, item, period and statistic to the value in a table; `p_positive` as one of them."""
    found = {}
    with table.open(newline="") as stream:
        for row in csv.DictReader(stream):
            place = tuple(row[key] for key in ("scenario", "variable", "scope", "item", "period"))
            found[(*place, row["statistic"])] = float(row["value"]) if row["value"] else math.nan
            if row.get("p_positive"):
                found[(*place, "p_positive")] = float(row["p_positive"])
    return found


def table(sheet: Worksheet) -> Iterator[dict[tuple[str, str], Any]]:
    """The rows of a sheet by group and header."""
    groups, headers = ([cell.value for cell in sheet[row]] for row in (FIRST_ROW - 1, FIRST_ROW))
    labels, group = [], ""
    for above, header in zip(groups, headers, strict=True):
        group = above or (group if header in (*STATISTICS, "P(above 0)", "95% less 5%") else "")
        labels.append((group, header))
    for row in sheet.iter_rows(min_row=FIRST_ROW + 1, values_only=True):
        yield dict(zip(labels, row, strict=True))


def scenario_of(title: str) -> str:
    """The scenario that a title is of."""
    return {"Small": "small", exported.HOSTILE: "wider"}[title]


def is_shown(shown: float | None, expected: float) -> bool:
    """Whether a cell shows a number, to 16 digits; 0 shows a negative one that reads as 0, nothing one that is none."""
    if math.isnan(expected):
        return shown is None
    return math.isclose(shown, expected, rel_tol=1e-15) or (shown == 0 and -0.05 < expected < 0)


@pytest.mark.parametrize(("name", "file"), [("By year", "summary.csv"), ("Differences", "comparison.csv")])
def test_every_number_by_year_is_that_of_the_table(name: str, file: str) -> None:
    values, checked = known(exported.two() / file), 0
    for row in table(book(exported.two())[name]):
        place = (scenario_of(row["", "Scenario"]), str(row["", "Year"]))
        for (group, header), shown in row.items():
            if not group or header == "95% less 5%":
                continue
            variable, item, factor = MEASURES[group]
            statistic, factor = ("p_positive", 1) if header == "P(above 0)" else (STATISTICS[header], factor)
            expected = values.get((place[0], variable, "total", item, place[1], statistic), math.nan)
            assert is_shown(shown, factor * expected), (place, group, header)
            checked += not math.isnan(expected)
    assert checked > 30


def test_the_width_of_the_range_is_what_lies_between_its_ends() -> None:
    group = "Foreign providers' share of the market (%)"
    for row in table(book(exported.two())["By year"]):
        assert row[group, "95% less 5%"] == pytest.approx(row[group, "95%"] - row[group, "5%"])


def test_every_number_by_provider_is_that_of_the_tables() -> None:
    levels, gains = (known(exported.two() / f"{name}.csv") for name in ("summary", "comparison"))
    beginnings = {
        "Share of the market": ("market_share", levels),
        "Revenue from customers": ("revenue_gross", levels),
        "Revenue kept": ("revenue_retained", levels),
        "Present value to": ("npv", levels),
        "Present value less": ("npv", gains),
        "Launches own sites": ("enters", levels),
        "Launches and is worse off": ("regret", gains),
    }
    ids, checked = {"Alibaba": "alibaba", "AWS": "aws", "Others": "others", "All foreign providers": "foreign"}, 0
    for row in table(book(exported.two())["By provider"]):
        scenario, provider = scenario_of(row["", "Scenario"]), ids.get(row["", "Provider"], "aws")
        for (group, header), shown in row.items():
            if not group:
                continue
            variable, values = next(found for begins, found in beginnings.items() if group.startswith(begins))
            year = next(iter(re.findall(r"in (\d{4})", group)), "2020")
            item = provider
            if (provider, variable) == ("foreign", "market_share"):
                variable, item = "foreign_share", ""
            statistic = "p_positive" if header == "P(above 0)" else STATISTICS[header]
            expected = values.get((scenario, variable, "total", item, year, statistic), math.nan)
            assert is_shown(shown, expected), (scenario, provider, group, header)
            checked += not math.isnan(expected)
    assert checked > 60


def test_every_gain_is_that_of_the_comparison() -> None:
    values = known(exported.two() / "comparison.csv")
    variables = {
        "Foreign": ("operating_profit", "foreign"),
        "Local": ("operator_profit", ""),
        "Domestic": ("domestic_gross_profit", ""),
        "Treasury": ("tax_take", ""),
        "Customers": ("consumer_gain", ""),
    }
    rows = list(table(book(exported.two())["Who gains"]))
    assert [row["", "Party"].split()[0].rstrip(":") for row in rows] == list(variables)
    for row in rows:
        variable, item = variables[row["", "Party"].split()[0].rstrip(":")]
        for (_, header), shown in list(row.items())[2:]:
            statistic = "p_positive" if header == "P(above 0)" else STATISTICS[header]
            assert is_shown(shown, values["wider", variable, "total", item, "2020", statistic])


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (export_study(exported.two(), "xlsx", out=tmp_path / f"{name}.xlsx")[0] for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        assert "2000-01-01T00:00:00Z" in packed.read("docProps/core.xml").decode()


def test_one_scenario_has_no_differences_and_all_else() -> None:
    names = book(exported.one()).sheetnames
    assert not {"Differences", "Who gains", "What differs"} & {*names}
    assert {"Verdict", "Charts", "By year", "By provider", "Drivers", "Assumptions", "About"} <= {*names}


def test_a_comparison_has_its_titles_assumptions_and_differences() -> None:
    found = book(exported.compared())
    assert {row["", "Scenario"] for row in table(found["Differences"])} == {"Small"}
    assert {"Verdict", "Assumptions", "Who gains"} <= {*found.sheetnames}
    assert "Drivers" not in found.sheetnames


def test_no_text_is_taken_for_a_formula_and_none_is_changed() -> None:
    cells = [
        cell for sheet in book(exported.two()) for row in sheet.iter_rows() for cell in row if cell.value is not None
    ]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    texts = {cell.value for cell in cells}
    assert {exported.HOSTILE, exported.LONG, "=cmd|' /C calc'!A0"} <= texts


def test_the_verdict_stands_first_word_for_word() -> None:
    from sim.outcomes.manifest import read_manifest
    from sim.tasks.run import ANSWER

    found = book(exported.two())
    assert found.sheetnames[0] == found.active.title == "Verdict"
    verdict = ANSWER.validate_python(read_manifest(exported.two()).answer).verdict
    texts = [cell.value for row in found["Verdict"].iter_rows() for cell in row if cell.value]
    assert texts[:2] == [verdict.question, verdict.basis]
    sentences = [text for line in verdict.lines for text in line.texts]
    assert [text for text in texts if text in sentences] == sentences


def test_tables_are_filtered_frozen_named_and_have_their_formats() -> None:
    found = book(exported.two())
    sheet = found["By year"]
    assert sheet.freeze_panes == f"C{FIRST_ROW + 1}"
    assert sheet.auto_filter.ref == f"A{FIRST_ROW}:{sheet.cell(sheet.max_row, sheet.max_column).coordinate}"
    assert found.defined_names["By_year"].attr_text == f"'By year'!$A${FIRST_ROW}:$S${sheet.max_row}"
    formats = {cell.value: sheet.cell(FIRST_ROW + 2, cell.column).number_format for cell in sheet[FIRST_ROW]}
    assert (formats["Year"], formats["95% less 5%"], formats["mean"]) == ("0", "0.0%", "#,##0.00")


def test_sources_are_links_where_they_have_an_address() -> None:
    from sim.report.layout import _ADDRESS

    taken = ("bank.example/a?b=1", "https://bank.example", "a.b.example:80/x")
    assert all(_ADDRESS.fullmatch(address) for address in taken)
    assert not any(
        _ADDRESS.fullmatch(address) for address in ("money.example, stock 5", "file:///x", "javascript:1", "x")
    )


def charts(path: Path) -> list[str]:
    """The charts of a workbook as they are stored."""
    with zipfile.ZipFile(path) as packed:
        return [packed.read(name).decode() for name in packed.namelist() if re.search(r"charts/chart\d+\.xml", name)]


def test_every_chart_has_titles_on_both_axes_and_a_description() -> None:
    (path,) = export_study(exported.two(), "xlsx")
    found = charts(path)
    assert len(found) == 8
    assert all(chart.count("<c:title>") == 3 for chart in found)
    with zipfile.ZipFile(path) as packed:
        drawing = packed.read("xl/drawings/drawing1.xml").decode()
    assert len(re.findall(r'descr="[^"]{40,}"', drawing)) == 8


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_scenario_has_the_colour_of_its_pictures_in_every_chart() -> None:
    from sim.outcomes.study import read_study
    from sim.pictures.style import looks

    (path,) = export_study(exported.two(), "xlsx")
    colours = {look.colour.strip("#").upper() for look in looks(read_study(exported.two()).results).values()}
    used = {colour for chart in charts(path) for colour in re.findall(r'srgbClr val="([0-9A-F]{6})"', chart)}
    assert colours <= used <= colours | {"6E6E6E", "D9D9D9"}


def test_a_range_is_an_area_on_top_of_nothing_under_the_line_of_its_median() -> None:
    (path,) = export_study(exported.two(), "xlsx")
    bands = [chart for chart in charts(path) if "<c:areaChart>" in chart]
    assert len(bands) == 2
    for chart in bands:
        areas, lines = chart.split("<c:lineChart>")
        columns = [re.findall(r"<c:val>.*?!\$(\w)\$", part) for part in (areas, lines)]
        assert columns[0] == ["D", "G"]  # 5%, and what lies between it and 95%
        assert columns[1][0] == "C"


def test_charts_point_at_the_rows_of_their_scenario() -> None:
    (path,) = export_study(exported.two(), "xlsx")
    first = charts(path)[0]
    areas = re.findall(r"<c:f>'By year'!\$(\w+)\$(\d+):\$\w+\$(\d+)</c:f>", first)
    assert areas == [("B", "6", "8"), ("C", "6", "8"), ("B", "9", "11"), ("C", "9", "11")]


def test_a_text_longer_than_a_cell_is_cut_and_a_negative_nothing_is_nothing() -> None:
    from sim.report.layout import _without_minus_nothing, cut

    assert len(cut(40_000 * "x")) == 32_767
    assert cut(40_000 * "x").endswith("…")
    assert str(_without_minus_nothing(-0.0004, "money")) == "0.0"
    assert _without_minus_nothing(-0.006, "money") == -0.006
    assert _without_minus_nothing(0.0004, "money") == 0.0004


def test_plain_sheets_have_names_that_excel_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {f"a/{'x' * 40}[{place}].csv": b"name,value\r\nb,1.5\r\n'=c,\r\n" for place in range(3)}
    names = [sheet.name for sheet in plain_sheets(tables)]
    assert len({name.lower() for name in names}) == 3
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)
    assert plain_sheets(tables)[0].rows == (("b", 1.5), ("=c", None))
    assert plain_sheets({"x.csv": b"a,b\r\n1\r\n\r\n2,3,4\r\n"})[0].rows == ((1.0, None), (2.0, 3.0))
    monkeypatch.setattr(plain, "MOST_ROWS", 1)
    (cut, *_) = plain_sheets(tables)
    assert (len(cut.rows), cut.note.partition(". ")[2]) == (1, "The first 1 of 2 rows.")


@NEEDS_OFFICE
@pytest.mark.slow
def test_libreoffice_opens_it_with_its_charts(tmp_path: Path) -> None:
    (path,) = export_study(exported.two(), "xlsx", out=tmp_path / "study.xlsx")
    there = tmp_path / "there"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [str(OFFICE), profile, "--headless", "--convert-to", "xlsx", "--outdir", str(there), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    again = openpyxl.load_workbook(there / "study.xlsx")
    assert again.sheetnames == book(exported.two()).sheetnames
    assert len(charts(there / "study.xlsx")) == 8
    before, after = ([*one["Differences"].iter_rows(values_only=True)] for one in (book(exported.two()), again))
    for row, other in zip(before, after, strict=True):
        assert other == tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row)
