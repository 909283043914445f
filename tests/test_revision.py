"""The same scenario of two days: assumptions beside outcomes, draw by draw only where the draws are shared."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import Folder

from sim.cli import main
from sim.errors import ResultsError
from sim.reading.loading import load_scenario
from sim.tasks.revision import compare_days
from sim.tasks.run import run_study
from sim.tasks.task import FindingsStudy


def made(out: str, *overrides: str, seed: int = 1) -> Path:
    """A study of the small scenario."""
    scenario = load_scenario("small.yaml", overrides=overrides)
    return run_study([scenario], draws=1024, seed=seed, out=out, plots=False, jobs=1).folder


def rows(study: FindingsStudy, name: str) -> list[Mapping[str, str]]:
    with (study.folder / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Studies of three days: as it was, with another churn, and with another churn and other draws."""
    with pytest.MonkeyPatch.context() as patch:
        folder = Folder(tmp_path_factory.mktemp("days"))
        patch.chdir(folder.path)
        paths = {"old": made("a"), "churn": made("b", "demand.churn=7"), "seed": made("c", "demand.churn=7", seed=2)}
        return {name: path.resolve() for name, path in paths.items()}


def test_what_was_assumed_then_and_now_stands_beside_each_other(days: Mapping[str, Path], tmp_path: Path) -> None:
    (row,) = rows(compare_days(days["old"], days["churn"], out=tmp_path), "assumptions.csv")
    assert (row["parameter"], row["old"], row["new"]) == ("demand.churn", "1 / 3 / 8, min 0 %/yr", "7 %/yr")
    assert (row["old_source"], row["new_source"]) == ("judgement", "command line")


def test_on_shared_draws_the_change_of_a_mean_is_the_mean_of_the_changes(
    days: Mapping[str, Path], tmp_path: Path
) -> None:
    study = compare_days(days["old"], days["churn"], out=tmp_path)
    assert "share their draws" in study.notes[0]
    key = ("variable", "scope", "item", "period", "statistic")
    paired = {
        tuple(row[part] for part in key): float(row["value"]) for row in rows(study, "comparison.csv") if row["value"]
    }
    means = [
        row for row in rows(study, "outcomes.csv") if row["statistic"] == "mean" and row["variable"] == "market_share"
    ]
    assert means
    for row in means:
        assert float(row["change"]) == pytest.approx(paired[tuple(row[part] for part in key)], abs=1e-12)
        assert float(row["new"]) - float(row["old"]) == pytest.approx(float(row["change"]), abs=1e-15)


def test_other_draws_are_told_and_nothing_is_said_draw_by_draw(days: Mapping[str, Path], tmp_path: Path) -> None:
    study = compare_days(days["old"], days["seed"], out=tmp_path)
    assert study.notes[0].startswith("The two do not share draws, for they differ in seed (")
    assert not (study.folder / "comparison.csv").exists()
    assert not any("draw by draw" in sentence for finding in study.findings for sentence in finding)


def test_the_same_study_twice_has_moved_nowhere(days: Mapping[str, Path], tmp_path: Path) -> None:
    study = compare_days(days["old"], days["old"], out=tmp_path)
    assert rows(study, "assumptions.csv") == []
    assert {row["change"] for row in rows(study, "outcomes.csv")} <= {"0.0", ""}
    assert "Every assumption is the same." in study.findings[0]
    assert "-0" not in "".join(study.findings[0])


def test_studies_without_a_common_scenario_are_refused(
    days: Mapping[str, Path], tmp_path: Path, folder: Folder
) -> None:
    others = [load_scenario(folder.write(f"{name}.yaml", f"extends: small.yaml\nname: {name}\n")) for name in "xy"]
    study = run_study(others, draws=512, out=tmp_path, plots=False, jobs=1).folder
    with pytest.raises(
        ResultsError, match=r"no scenario is in both studies \(found small in the old one, x and y in the"
    ):
        compare_days(days["old"], study, out=tmp_path)


def test_the_command_takes_both_days_or_says_how(
    days: Mapping[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = f"old={days['old']}", f"new={days['churn']}"
    assert main(["compare", old, new, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("Small, then and now\n  In 2020 foreign providers have ")
    assert main(["compare", old]) == 2
    assert capsys.readouterr().err.startswith("the same scenarios of two days are given as old=STUDY new=STUDY (found")
    assert main(["compare", old, new, "--baseline", "small"]) == 2
    assert capsys.readouterr().err == "--baseline: goes without old= and new=, which say what is compared with what\n"
