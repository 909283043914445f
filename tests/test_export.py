"""`sim export`: where files go, what is left alone, what is refused, and what the page on exports says of them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import exported
import openpyxl
import pytest
from typer.testing import CliRunner

from sim import cli, export_study
from sim.errors import ResultsError, ScenarioError
from sim.outcomes.variables import VARIABLES
from sim.report.iamc import variable_name
from sim.scenario.money import in_currency
from sim.tasks.export import FORMS

PAGE = (Path(__file__).parents[1] / "docs" / "exports.md").read_text()

FILES = {
    "xlsx": [".xlsx"],
    "iamc": ["-iamc.csv", "-iamc.xlsx"],
    "parquet": ["-draws.parquet", "-inputs.parquet"],
    "datapackage": [".zip"],
}
"""Form to what follows the study's name in its files."""

Said = pytest.CaptureFixture[str]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the run of two in a folder of its own."""
    return Path(shutil.copytree(exported.two(), tmp_path / "results" / "study"))


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("form", FILES)
def test_files_stand_beside_the_study_by_its_name_and_are_printed(form: str, study: Path, capsys: Said) -> None:
    expected = [study.parent / f"study{ending}" for ending in FILES[form]]
    assert cli.main(["export", str(study), "--to", form]) == 0
    assert capsys.readouterr().out.splitlines() == list(map(str, expected))
    assert names(study.parent) == sorted(["study", *(path.name for path in expected)])


def test_the_command_knows_every_form_and_the_page_every_file() -> None:
    assert set(FILES) == set(FORMS)
    (command,) = (one for one in cli.app.registered_commands if one.callback and one.callback.__name__ == "export")
    assert set(re.findall(r"'(\w+)'", str(command.callback.__annotations__["to"]))) >= set(FORMS)
    for form, endings in FILES.items():
        (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{form}` |"))
        assert re.findall(r"`STUDY([^`]*)`", line) == endings


def test_out_names_a_folder_or_a_file(study: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert export_study(study, "xlsx", out=tmp_path / "there") == (tmp_path / "there" / "study.xlsx",)
    assert export_study(study, "xlsx", out=tmp_path / "new" / "a.b.xlsx") == (tmp_path / "new" / "a.b.xlsx",)
    pair = tuple(tmp_path / f"x{ending}" for ending in (".csv", ".xlsx"))
    assert export_study(study, "iamc", out=tmp_path / "x.csv") == pair
    assert all(path.is_file() for path in pair)


def test_a_study_is_found_from_inside_its_folder(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    assert export_study(".", "xlsx") == (study.parent / "study.xlsx",)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--to", "xlsx", "--out", "x.pdf"],
            "--out: must be a folder that is there, or end with .xlsx (found 'x.pdf')",
        ),
        (
            ["--to", "iamc", "--out", "x"],
            "--out: must be a folder that is there, or end with .csv or .xlsx (found 'x')",
        ),
    ],
)
def test_a_name_of_another_ending_is_wrong_input(
    arguments: list[str], line: str, study: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study.parent)
    assert cli.main(["export", "study", *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert names(study.parent) == ["study"]


def test_nothing_is_written_into_the_study(study: Path, capsys: Said) -> None:
    before = names(study)
    assert cli.main(["export", str(study), "--to", "xlsx", "--out", str(study)]) == 2
    assert "lies inside the study" in capsys.readouterr().err
    assert names(study) == before


def test_an_unknown_form_is_wrong_input(study: Path) -> None:
    assert cli.main(["export", str(study), "--to", "excel"]) == 2
    with pytest.raises(ScenarioError, match=r"no form of export has this name \(found 'xls'; .*did you mean 'xlsx'"):
        export_study(study, "xls")


def test_what_holds_something_else_is_left_alone_unless_forced(study: Path, capsys: Said) -> None:
    path = study.parent / "study.xlsx"
    path.write_text("mine")
    assert cli.main(["export", str(study), "--to", "xlsx"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"{path}: is there already and holds something else: --force replaces it, --out names another"
    assert (path.read_text(), names(study.parent)) == ("mine", ["study", "study.xlsx"])
    assert cli.main(["export", str(study), "--to", "xlsx", "--force"]) == 0
    assert openpyxl.load_workbook(path).sheetnames[0] == "Verdict"


def test_the_same_export_again_is_no_fault(study: Path) -> None:
    assert export_study(study, "xlsx") == export_study(study, "xlsx")


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_link_or_a_folder_is_never_replaced(kind: str, study: Path, tmp_path: Path) -> None:
    path, other = study.parent / "study.xlsx", tmp_path / "other"
    other.write_text("mine")
    os.symlink(other, path) if kind == "link" else path.mkdir()
    with pytest.raises(ScenarioError, match="holds something else: move it away"):
        export_study(study, "xlsx", force=True)
    assert other.read_text() == "mine"
    assert path.is_symlink() or path.is_dir()


def test_of_two_files_none_is_written_if_one_is_in_the_way(study: Path) -> None:
    (study.parent / "study-iamc.xlsx").write_text("mine")
    with pytest.raises(ScenarioError, match=r"study-iamc\.xlsx"):
        export_study(study, "iamc")
    assert names(study.parent) == ["study", "study-iamc.xlsx"]


def test_an_export_that_fails_leaves_nothing(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.tasks.export.iamc_workbook", fail)
    with pytest.raises(KeyboardInterrupt):
        export_study(study, "iamc")
    assert names(study.parent) == ["study"]


def test_a_table_that_is_not_as_its_manifest_says_is_refused(study: Path, capsys: Said) -> None:
    summary = study / "summary.csv"
    summary.write_bytes(summary.read_bytes().replace(b"market_size", b"market_sizf", 1))
    assert cli.main(["export", str(study), "--to", "xlsx"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"{summary}: was changed after the study was written"
    summary.unlink()
    with pytest.raises(ResultsError, match=r"has no summary\.csv: run the command again that made it"):
        export_study(study, "iamc")


def test_what_is_no_study_is_told(tmp_path: Path, capsys: Said) -> None:
    assert cli.main(["export", str(tmp_path), "--to", "xlsx"]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: no finished study (no manifest.json in it)\n"


def test_the_page_names_every_sheet_in_order_and_its_columns(study: Path) -> None:
    table = re.search(r"<!-- sheets -->\n(.*?)\n<!-- end of sheets -->", PAGE, re.DOTALL)
    assert table is not None
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()[2:]]
    (path,) = export_study(study, "xlsx")
    book = openpyxl.load_workbook(path)
    assert [line[0] for line in lines if line[0] != "Drivers"] == [
        name for name in book.sheetnames if name != "Drivers"
    ]
    for name, _, columns in lines:
        stated = [part.strip() for part in columns.split(",") if ";" not in columns and ":" not in columns]
        if columns and "one for each" not in columns and stated and name in book.sheetnames:
            assert stated == [cell.value for cell in book[name][5]], name


def test_the_page_states_the_names_and_units_of_the_iamc_table() -> None:
    assert variable_name("revenue_gross", "foreign", "iaas", "p50", {"iaas": "IaaS"}) in PAGE
    assert variable_name("market_size", "", "total", "mean") in PAGE
    assert variable_name("foreign_share", "", "total", "p_positive", is_difference=True) in PAGE
    from sim.report.iamc import UNITS, unit_of

    stated = dict(
        re.findall(r"^\| `([^`]+)` \| `([^`]+)`", PAGE.partition("## The table of the IAMC")[2], re.MULTILINE)
    )
    units = {in_currency(info.unit, "EUR") for info in VARIABLES.values()} - {
        "ratio",
        "index",
        "category",
        "year",
        "1",
        "unit",
    }
    assert stated == {unit: unit_of(unit)[0] for unit in units}
    assert set(UNITS) <= units


def test_help_names_what_it_is_for() -> None:
    said = CliRunner().invoke(cli.app, ["export", "--help"])
    assert "docs/exports.md" in said.output
