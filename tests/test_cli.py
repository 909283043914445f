"""The command line: what it prints where, exit codes, and what it must not do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import Folder

import sim
from sim import cli, terminal
from sim.errors import NumericalError
from sim.outcomes.manifest import source_hash
from sim.outcomes.tables import HeadlineRow
from sim.outcomes.verdict import Line, Verdict
from sim.reading.loading import load_scenario, scenario_files, shipped_folder

Said = pytest.CaptureFixture[str]

HEAVY = ("numpy", "scipy", "matplotlib", "simpy", "pydantic", "ruamel", "rich")


NAN = float("nan")
ROWS = (
    HeadlineRow("small", "foreign_share", "total", "", 2020, "fraction", 0.1, 0.05, 0.2, 0.11, NAN, NAN),
    HeadlineRow("case", "foreign_share", "total", "", 2020, "fraction", 0.2, 0.1, 0.3, 0.21, 0.1, 0.001),
)


VERDICT = Verdict(
    "What is it worth?",
    "512 draws",
    (),
    (
        Line("Small", ("They have 10% of the market.",), "small"),
        Line("Case", ("+10 points.", "Worth USD 1.0bn."), "case"),
    ),
)
SCREEN = [
    "What is it worth?   (512 draws)",
    "Small  They have 10% of the market.",
    "Case   +10 points.",
    "       Worth USD 1.0bn.",
    "Saved in results/x   All tables: --verbose",
]


@dataclass
class FakeStudy:
    """What a study hands back, and what it was asked."""

    folder: Path = Path("results/x")
    paths: tuple[Path, ...] = (Path("results/x/summary.csv"),)
    verdict: Verdict = VERDICT
    headline: tuple[HeadlineRow, ...] = ROWS
    notes: tuple[str, ...] = ("nothing is silent",)
    asked: dict[str, Any] = field(default_factory=dict)

    def run(
        self,
        scenarios: Sequence[Any],
        *,
        progress: Callable[[str, float], None],
        announce: Callable[[Verdict], None],
        **asked: Any,
    ) -> FakeStudy:
        for share in (0.0, 0.1, 0.5, 1.0):
            progress("draws", share)
        announce(self.verdict)
        self.asked = {"names": [loaded.scenario.name for loaded in scenarios], **asked}
        return self

    def compare(self, results: Sequence[Path], *, progress: object, **asked: Any) -> FakeStudy:
        self.asked = {"results": list(results), **asked}
        return self


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> FakeStudy:
    fake = FakeStudy()
    monkeypatch.setattr("sim.tasks.run.run_study", fake.run)
    monkeypatch.setattr("sim.tasks.compare.compare_studies", fake.compare)
    return fake


def in_a_process(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "sim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys; from sim.cli import main; main(['--help']); print({{*{HEAVY}}} & {{*sys.modules}})"
    assert in_a_process(code=code).stdout.splitlines()[-1] == "set()"


def test_check_does_not_wait_for_scipy() -> None:
    file = str(shipped_folder() / "ftz_pilot.yaml")
    code = f"import sys; from sim.cli import main; main(['check', {file!r}]); print('scipy' in sys.modules)"
    assert in_a_process(code=code).stdout.splitlines()[-1] == "False"


def test_a_run_without_pictures_imports_no_matplotlib(folder: Folder) -> None:
    run = ["run", str(folder.path / "small.yaml"), "--draws", "512", "--jobs", "1", "--no-plots", "--out", "there"]
    unused = {"matplotlib", "rich", "xarray"}
    code = f"import sys; from sim.cli import main; print(main({run}), {unused} & {{*sys.modules}})"
    assert in_a_process(code=code).stdout.splitlines()[-1] == "0 set()"


def test_pictures_import_neither_pyplot_nor_scipy_stats() -> None:
    code = "import sys, sim.pictures.plots; print({'matplotlib.pyplot', 'scipy.stats'} & {*sys.modules})"
    assert in_a_process(code=code).stdout.splitlines()[-1] == "set()"


def test_the_module_runs_as_the_command() -> None:
    assert "explain" in in_a_process("--help").stdout


def test_public_names_are_pinned_and_found_on_first_use() -> None:
    names = ("backtest", "bridge", "calibration", "decision", "discovery", "drivers", "study", "sweep")
    tasks = {
        "compare",
        "compare_days",
        "export_study",
        "report_study",
        "verify_study",
        *(f"run_{name}" for name in names),
    }
    assert set(sim.__all__) == {"__version__", "load_results", "load_scenario", *tasks}
    assert all(getattr(sim, name) for name in sim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'load_scenarios'"):
        _ = sim.load_scenarios


def test_check_names_every_valid_file(folder: Folder, capsys: Said) -> None:
    assert cli.main(["check", "small.yaml", str(folder.variant(""))]) == 0
    assert capsys.readouterr().out == "small.yaml: small is valid\ncase.yaml: case is valid\n"


def test_check_tells_the_problems_of_all_files_on_stderr_and_exits_with_2(folder: Folder, capsys: Said) -> None:
    assert cli.main(["check", str(folder.variant("polcy: {}\n")), "none.yaml", "small.yaml"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["case.yaml", "none.yaml"]


def test_problems_are_neither_wrapped_nor_read_as_markup(
    folder: Folder, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert cli.main(["check", str(folder.variant("entry: {rule: '[/aws]'}\n"))]) == 2
    line = "case.yaml:3:9: entry.rule: unknown choice (found '[/aws]'; allowed profit, always, never)\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("attribute", "value", "line"),
    [
        ("platform", "wasi", "sim is made for Linux, macOS and Windows: on wasi runs may fail\n"),
        ("maxsize", 2**31 - 1, "sim is made for 64-bit Python: here large runs fail\n"),
        ("platform", "linux", ""),
        ("platform", "darwin", ""),
        ("platform", "win32", ""),
    ],
)
def test_where_the_program_may_fail_it_says_so_first(
    attribute: str, value: Any, line: str, folder: Folder, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, attribute, value)
    assert cli.main(["check", "small.yaml"]) == 0
    assert capsys.readouterr() == ("small.yaml: small is valid\n", line)


def test_a_wrong_command_line_exits_with_2(capsys: Said) -> None:
    assert cli.main(["chek"]) == 2
    assert "No such command 'chek'" in capsys.readouterr().err


def test_a_run_that_fails_exits_with_1_and_without_a_traceback(
    folder: Folder, study: FakeStudy, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NumericalError("draw 7 has no answer")

    monkeypatch.setattr("sim.tasks.run.run_study", fail)
    assert cli.main(["run", "small.yaml"]) == 1
    assert capsys.readouterr().err == "draw 7 has no answer\n"
    with pytest.raises(NumericalError, match="draw 7"):
        cli.main(["run", "small.yaml", "--debug"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "draws.nc"), "draws.nc: No space left on device\n"),
        (KeyError("x"), "a fault of the program: KeyError: 'x' (--debug shows where)\n"),
    ],
)
def test_what_nobody_foresaw_is_one_line_and_exit_code_1(
    folder: Folder, capsys: Said, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("sim.tasks.run.run_study", fail)
    assert cli.main(["run", "small.yaml"]) == 1
    assert capsys.readouterr().err == line


def test_an_interrupt_stops_in_one_line(folder: Folder, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.tasks.run.run_study", interrupt)
    assert cli.main(["run", "small.yaml"]) in (1, 130)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.slow
def test_an_interrupt_while_garbage_is_cleared_is_not_lost(
    folder: Folder, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python drops what is raised in a finalizer, and draws leave generators with something to do at their end."""

    def left() -> Iterator[None]:
        try:
            yield
        finally:
            signal.raise_signal(signal.SIGINT)

    def interrupted(*_: object, **__: object) -> None:
        next(left())
        time.sleep(5)

    monkeypatch.setattr("sim.tasks.run.run_study", interrupted)
    assert cli.main(["run", "small.yaml"]) == 130
    assert capsys.readouterr().err.strip() == "stopped"


def test_run_hands_every_option_to_the_study(folder: Folder, study: FakeStudy) -> None:
    numbers = "--draws 1024 --seed 5 --jobs 2 --set entry.rule=never --baseline case --out there --keep npv,irr"
    switches = "--no-plots --strict --force --target-se npv.total.aws.2020=0.1 --posterior rows.nc"
    assert cli.main(["run", "small.yaml", str(folder.variant("")), *numbers.split(), *switches.split()]) == 0
    assert study.asked == {
        "names": ["small", "case"],
        "draws": 1024,
        "seed": 5,
        "baseline": "case",
        "out": Path("there"),
        "jobs": 2,
        "keep": ("npv", "irr"),
        "plots": False,
        "strict": True,
        "force": True,
        "target_se": "npv.total.aws.2020=0.1",
        "posterior": Path("rows.nc"),
        "executor": None,
        "patience": None,
    }


def test_run_leaves_draws_and_seed_to_the_scenarios(folder: Folder, study: FakeStudy) -> None:
    assert cli.main(["run", "small.yaml"]) == 0
    assert (study.asked["draws"], study.asked["seed"], study.asked["keep"]) == (None, None, None)


def test_run_prints_the_verdict_and_the_folder_and_nothing_else(
    folder: Folder, study: FakeStudy, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert cli.main(["run", "small.yaml"]) == 0
    assert capsys.readouterr().out.splitlines() == SCREEN


def test_a_report_is_named_as_the_file_to_open(folder: Folder, study: FakeStudy, capsys: Said) -> None:
    study.paths = (*study.paths, Path("results/x/report.html"))
    assert cli.main(["run", "small.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Saved in results/x   Open report.html; all tables: --verbose"


def test_a_terminal_wraps_what_is_said_beside_its_label(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.terminal._is_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", "60")
    text = "AWS builds in 71% of draws and is worse off in 1.8%, Microsoft in 69% and 3.8%."
    terminal.report_verdict(Verdict("Why?", "512 draws", (), (Line("Pilot", (text,), "pilot"),)))
    said = capsys.readouterr().out.splitlines()[1:]
    assert [line[:7] for line in said] == ["Pilot  ", "       "]
    assert max(map(len, said)) <= 60
    assert " ".join(line[7:] for line in said) == text


def test_verbose_prints_the_tables_below_the_folder(folder: Folder, study: FakeStudy, capsys: Said) -> None:
    assert cli.main(["run", "small.yaml", "--verbose"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        *SCREEN,
        "",
        "foreign_share, total (%, differences in points)",
        "year  scenario  median     5%    95%   mean  mean difference  std. error",
        "2020  small      10.00   5.00  20.00  11.00",
        "2020  case       20.00  10.00  30.00  21.00           +10.00        0.10",
    ]


def test_progress_off_a_terminal_is_a_line_for_each_quarter(folder: Folder, study: FakeStudy, capsys: Said) -> None:
    cli.main(["run", "small.yaml"])
    assert capsys.readouterr().err.splitlines() == ["draws: 0%", "draws: 50%", "draws: 100%", "nothing is silent"]


def test_compare_hands_over_its_folders(study: FakeStudy) -> None:
    assert cli.main(["compare", "a", "b/c", "--baseline", "x"]) == 0
    others = {"where": None, "out": Path("results"), "jobs": None, "plots": True, "force": False}
    assert study.asked == {"results": [Path("a"), Path("b/c")], "baseline": "x", **others}


def test_explain_takes_a_path_for_text_and_not_for_markup(folder: Folder, capsys: Said) -> None:
    assert cli.main(["explain", "small.yaml", "[/aws]"]) == 2
    assert capsys.readouterr().err.startswith("[/aws]: no number stands here")


def test_explain_shows_a_number_and_its_source(folder: Folder, capsys: Said) -> None:
    assert cli.main(["explain", "small.yaml", "market.size"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "path         value        unit       source  as_of  grade  set_by",
        "market.size  7 / 7.2 / 8  USD bn/yr  bank           found  small.yaml",
        "source: A bank's report, published 2019-01-01",
    ]


def test_schema_prints_the_shipped_schema(capsys: Said) -> None:
    assert cli.main(["schema"]) == 0
    assert capsys.readouterr().out == (shipped_folder() / "schema.json").read_text("utf-8")


def test_init_copies_scenarios_that_are_valid_where_they_land(tmp_path: Path, capsys: Said) -> None:
    assert cli.main(["init", str(tmp_path / "mine")]) == 0
    assert json.loads((tmp_path / "mine" / "schema.json").read_text("utf-8"))
    assert cli.main(["check", *map(str, scenario_files(tmp_path / "mine"))]) == 0


@pytest.mark.parametrize("case", ["", "cars", "europe_cloud", "insurers"])
def test_init_copies_a_whole_case_in_which_every_file_is_valid(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "mine", *(["--case", case] if case else [])]) == 0
    shipped = shipped_folder() / case
    files = [path.relative_to("mine") for path in Path("mine").rglob("*") if path.suffix in (".yaml", ".csv")]
    its = [path for folder in ("", "sweeps", "decisions") for path in (shipped / folder).glob("*.*")]
    assert {*files} == {path.relative_to(shipped) for path in its if path.suffix in (".yaml", ".csv")}
    for path in files:
        schema = re.match(r"# yaml-language-server: \$schema=(.*)", ("mine" / path).read_text("utf-8"))
        assert schema is None or json.loads(("mine" / path).with_name(schema[1]).read_text("utf-8"))
    assert cli.main(["check", *(str("mine" / path) for path in files if path.name != "sources.yaml")]) == 0
    variant = next(
        path.name
        for path in files
        if path.parent == Path() and path.suffix == ".yaml" and path.stem not in ("base", "sources")
    )
    assert load_scenario(f"mine/{variant.removesuffix('.yaml')}") == load_scenario(shipped / variant)


def test_init_refuses_a_case_that_there_is_not(tmp_path: Path, capsys: Said) -> None:
    assert cli.main(["init", str(tmp_path / "mine"), "--case", "car"]) == 2
    line = "--case: no shipped case has this name (found 'car'; allowed cars, europe_cloud, insurers; did you mean "
    assert capsys.readouterr().err == f"{line}'cars'?)\n"
    assert cli.main(["init", str(tmp_path / "mine"), "--case", "cars", "--blank"]) == 2
    assert capsys.readouterr().err == "--case: goes without --blank\n"
    assert not (tmp_path / "mine").exists()


def test_init_overwrites_nothing(tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "base.yaml").write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'base.yaml'}: exists already; nothing was copied\n"
    assert [file.name for file in tmp_path.iterdir()] == ["base.yaml"]


def test_init_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was refused for the files that it had copied itself."""
    written: list[Path] = []

    def stopped(path: Path, content: bytes) -> None:
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        path.write_bytes(content)

    with monkeypatch.context() as patched:
        patched.setattr("sim.disk.write_bytes", stopped)
        assert cli.main(["init", str(tmp_path)]) == 130
    assert cli.main(["init", str(tmp_path)]) == 0
    assert cli.main(["check", *map(str, scenario_files(tmp_path))]) == 0


def test_a_blank_market_fits_together_and_runs(tmp_path: Path, capsys: Said) -> None:
    assert cli.main(["init", str(tmp_path / "mine"), "--blank"]) == 0
    variants = [str(tmp_path / "mine" / f"{name}.yaml") for name in ("as_it_is", "zone", "opened")]
    assert cli.main(["check", *variants]) == 0
    run = ["run", *variants, "--draws", "512", "--no-plots", "--jobs", "1", "--out", str(tmp_path / "results")]
    assert cli.main(run) == 0
    assert "Somewhere" not in capsys.readouterr().err
    assert len((tmp_path / "mine" / "base.yaml").read_text().splitlines()) < 130


def test_list_tells_the_question_that_a_scenario_has_from_one_that_it_extends_by_name(
    folder: Folder, capsys: Said
) -> None:
    folder.write("own.yaml", "extends: europe_cloud/open_as_it_is\nname: own\n")
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines[1:3]] == ["own", "small"]
    assert lines[1].endswith(load_scenario("europe_cloud/open_as_it_is").question)


def test_list_names_scenarios_and_finished_studies(folder: Folder, capsys: Said) -> None:
    (folder.path / "results" / "done").mkdir(parents=True)
    (folder.path / "results" / "unfinished").mkdir()
    (folder.path / "results" / "unfinished" / "other.json").write_text("{}")
    (folder.path / "results" / "done" / "manifest.json").write_text("{}")
    assert cli.main(["list"]) == 0
    scenarios, sweeps, decisions, studies = capsys.readouterr().out.split("\n\n")
    shipped = [file.stem for file in scenario_files(shipped_folder())]
    named = [line.split()[0] for line in scenarios.splitlines()[1:]]
    assert named[: 1 + len(shipped)] == ["small", *shipped]
    cases = {file.parent.name for file in shipped_folder().glob("*/base.yaml")}
    assert {name.partition("/")[0] for name in named[1 + len(shipped) :]} == cases
    assert scenarios.splitlines()[1].split()[1:] == ["small.yaml", "What", "is", "it", "worth?"]
    maps = [line.split()[0] for line in sweeps.splitlines()[1:]]
    assert maps == ["zone", "cars/tariff", "europe_cloud/public_sector", "insurers/price_of_a_stake"]
    shipped = [file.stem for file in scenario_files(shipped_folder() / "decisions")]
    assert [line.split()[0] for line in decisions.splitlines()[1:]][: len(shipped)] == shipped
    assert "cars/tesla_plant" in decisions
    assert studies.splitlines()[1].split()[:2] == ["results/done", "?"]


def test_list_says_of_each_study_its_day_draws_question_and_what_was_set(folder: Folder, capsys: Said) -> None:
    folder.variant("question: And here?\n")
    run = ["run", "small", "case", "--draws", "512", "--no-plots", "--jobs", "1", "--set", "demand.churn=4"]
    assert cli.main([*run, "--set", "case:entry.rule=never"]) == 0
    capsys.readouterr()
    assert cli.main(["list"]) == 0
    header, line = capsys.readouterr().out.rpartition("\n\n")[2].splitlines()
    assert header.split() == ["study", "command", "date", "draws", "question", "set"]
    (study,) = (folder.path / "results").glob("small-case-*")
    cells = [cell for cell in line.split("  ") if cell]
    assert cells[0] == f"results/{study.name}"
    assert [cell.strip() for cell in cells[1:2]] == ["run"]
    assert cells[-2:] == ["What is it worth?", "demand.churn=4; case: entry.rule=never"]
    assert "512" in line


def test_what_the_command_line_set_is_in_the_manifest_and_survives_a_rerun(folder: Folder, capsys: Said) -> None:
    run = ["run", "small", "--draws", "512", "--no-plots", "--jobs", "1", "--set", "demand.churn=4"]
    assert cli.main(run) == 0
    (study,) = (folder.path / "results").glob("small-*")
    asked = json.loads((study / "manifest.json").read_text("utf-8"))["asked"]
    assert asked["overrides"] == {"small": ["demand.churn=4"]}
    assert cli.main(["verify", str(study), "--rerun", "--jobs", "1"]) == 0


def test_version_names_the_hash_that_manifests_record(capsys: Said) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"sim {sim.__version__}, source {source_hash()}\n"


KINDS = {
    "sweep.yaml": ("design: {}\nname: s\n", "1:1: is a sweep, and a scenario is asked for (sim sweep sweep.yaml)"),
    "box.yaml": ("event: x\n", "1:1: is a box of conditions, and a scenario is asked for (sim compare STUDY --where"),
    "record.csv": ("id,value\n", " is a record in CSV, and a scenario is asked for (sim backtest SCENARIO --observed"),
    "sources.yaml": ("sources: {}\n", "1:1: is the list of sources, and a scenario is asked for (read with every"),
    "names.yaml": ("items: {}\n", "1:1: is a map of names, and a scenario is asked for (sim backtest SCENARIO"),
    "book.xlsx": ("PK", " is no text file, and a scenario is asked for (save book.xlsx as plain text, in YAML)"),
    "empty.yaml": ("", " is empty"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_kind_is_told_by_what_it_is(folder: Folder, name: str, capsys: Said) -> None:
    text, line = KINDS[name]
    assert cli.main(["run", str(folder.write(name, text))]) == 2
    (complaint,) = capsys.readouterr().err.splitlines()
    assert complaint.startswith(f"{name}:{line}")


def test_a_study_s_folder_is_no_scenario_and_a_folder_of_studies_no_study(folder: Folder, capsys: Said) -> None:
    study = folder.path / "results" / "done"
    study.mkdir(parents=True)
    (study / "manifest.json").write_text("{}")
    assert cli.main(["run", "results/done"]) == 2
    assert cli.main(["run", "results"]) == 2
    assert cli.main(["drivers", "results"]) == 1
    assert cli.main(["drivers", "small.yaml"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "results/done: is the folder of a finished study, and a scenario is asked for (sim verify results/done)",
        "results: is a directory, not a file",
        "results: no finished study (it holds studies: name one, such as results/done)",
        "small.yaml: no finished study (it is a file)",
    ]


BOX = """\
schema_version: 1
name: box_1
event: foreign_share.total.2020 > 0.1
scenario: small
inputs:
  demand.churn: {high: 3, unit: "%/yr"}
"""


def test_check_holds_a_box_to_its_scenario(folder: Folder, capsys: Said) -> None:
    folder.write("box.yaml", BOX)
    assert cli.main(["check", "box.yaml"]) == 0
    assert capsys.readouterr().out == (
        "box.yaml: a box of small is valid: customers who change their provider each year: at most 3% a year\n"
    )
    folder.write("box.yaml", BOX.replace("churn", "chrn"))
    assert cli.main(["check", "box.yaml"]) == 2
    assert "box.yaml:6:3: inputs.demand.chrn: nothing of this name was drawn" in capsys.readouterr().err


def test_check_takes_names_and_records(folder: Folder, capsys: Said) -> None:
    record = shipped_folder() / "observed_2019_2021.csv"
    assert cli.main(["check", "zone", "aws_build", "small", str(record)]) == 0
    kinds = [line.partition(" is valid")[0].rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["zone", "aws_build", "small", "a record"]


@pytest.mark.parametrize("option", ["--draws", "--seed", "--jobs"])
def test_thousands_are_written_without_marks(folder: Folder, option: str, capsys: Said) -> None:
    assert cli.main(["run", "small", option, "8,192"]) == 2
    line = f"Error: Invalid value for '{option}': must be a whole number (found '8,192'; write 8192)"
    assert capsys.readouterr().err.splitlines()[-1] == line


NUMBERS = [
    ("opening.hypotheses.itif_counterfactual.value", "20 / 32 / 50, min 0, max 100", "%", "itif_2019", "found"),
    ("opening.ramp", "1 / 2 / 4", "years", "judgement", "judgement"),
    ("my own file of the year.yaml", "3", "years", "judgement", "judgement"),
]


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40, 20])
def test_what_identifies_a_row_is_whole_in_any_terminal(
    width: int, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "_is_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", str(width))
    terminal.table(("path", "value", "unit", "source", "grade"), NUMBERS)
    lines = capsys.readouterr().out.splitlines()
    for path, *_ in NUMBERS:
        assert sum(line.split("  ")[0].strip() == path for line in lines) == 1
    assert all(len(line) <= max(width, len(NUMBERS[0][0])) for line in lines)
    shown = " ".join(" ".join(lines).split())
    assert ("judgement" in shown) or "too narrow for" in shown


def test_check_passes_over_the_sources_that_a_glob_brings(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(str(path) for path in (Path(__file__).parents[1] / "scenarios").glob("*.yaml"))
    assert cli.main(["check", *files]) == 0
    assert "sources.yaml" not in capsys.readouterr().out
