"""Running and writing a study, with a made-up model in place of the engine."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from synthetic import of, panel, scenario

from sim.axes import FloatArray
from sim.chance.sampling import check_draws
from sim.errors import NumericalError, ResultsError, ScenarioError, SimError
from sim.outcomes.manifest import read_manifest
from sim.outcomes.results import Panel, read_result
from sim.outcomes.tables import HeadlineRow
from sim.scenario.scenario import Scenario
from sim.tasks.audit import Audit
from sim.tasks.compare import compare_studies
from sim.tasks.pool import Batch
from sim.tasks.run import Study, run_study
from sim.tasks.store import relative_files, scratch, unfinished

DRAWS = 512 * 9


class _Worlds(NamedTuple):
    """What the made-up model needs of a world: one number a draw."""

    luck: FloatArray


def _draw(one: Scenario, scrambles: range) -> _Worlds:
    return _Worlds(
        np.concatenate([np.random.default_rng([one.sampling.seed, number]).random(512) for number in scrambles])
    )


def _simulate(one: Scenario, worlds: _Worlds, **_: object) -> Mapping[str, Panel]:
    level = worlds.luck + len(one.name)
    annual = np.stack([level, level * 1.1, level * 1.2])[:, None]
    event = np.where(worlds.luck < 0.5, 2019.5, np.nan)[None, None]
    foreign = (("total", "foreign"),)
    return of(
        panel("foreign_share", np.repeat(annual, 2, axis=1), items=(("total", ""), ("iaas", ""))),
        panel("revenue_gross", annual, items=foreign),
        panel("revenue_retained", annual / 2, items=foreign),
        panel("event_date", event, items=(("", "deal"),), first_year=2020),
        panel("wait", np.zeros((1, 1, len(level))), items=(("", "aws.queue"),), first_year=2020),
    )


@pytest.fixture(autouse=True)
def _made_up_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.chance.variants.draw_worlds", _draw)
    monkeypatch.setattr("sim.tasks.runs.median_world", lambda one: _Worlds(np.full(2, 0.5)))
    monkeypatch.setattr("sim.tasks.runs.simulate", _simulate)
    monkeypatch.setattr("sim.tasks.run.audit", lambda scenarios, results: Audit((), (), ()))


def _run(out: Path, *names: str, draws: int = DRAWS, **options: Any) -> Study:
    scenarios = [scenario(name, draws=DRAWS) for name in names or ("closed", "wide_open")]
    options = {"plots": False, "jobs": 1, **options}
    return run_study(scenarios, out=out, draws=draws, **options)


def _contents(study: Study) -> dict[str, bytes]:
    return {path.relative_to(study.folder).as_posix(): path.read_bytes() for path in study.paths}


def test_a_study_leaves_the_files_of_the_interface(tmp_path: Path) -> None:
    study = _run(tmp_path)
    assert set(_contents(study)) == {
        "manifest.json",
        "summary.csv",
        "comparison.csv",
        "parameters.csv",
        "inputs.nc",
        "drivers.csv",
        "closed/draws.nc",
        "closed/timeline.csv",
        "wide_open/draws.nc",
        "wide_open/timeline.csv",
    }
    assert [path.name for path in tmp_path.iterdir()] == [study.folder.name]


def test_a_single_scenario_has_no_comparison(tmp_path: Path) -> None:
    assert "comparison.csv" not in _contents(_run(tmp_path, "closed"))


@pytest.mark.parametrize("jobs", [2, 3])
def test_every_file_has_the_same_bytes_for_any_number_of_jobs(jobs: int, tmp_path: Path) -> None:
    assert _contents(_run(tmp_path / "many", jobs=jobs)) == _contents(_run(tmp_path / "one", jobs=1))


def test_an_executor_gives_the_same_bytes(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        study = _run(tmp_path / "pool", executor=pool)
    assert _contents(study) == _contents(_run(tmp_path / "one"))


def test_draws_stand_in_the_order_of_their_scrambles(tmp_path: Path) -> None:
    study = _run(tmp_path, jobs=2)
    column = read_result(study.folder / "closed").panels["foreign_share"].column(2018, "total")
    assert column.tolist() == (_draw(scenario(), range(9)).luck + len("closed")).tolist()


def test_the_median_case_is_saved_beside_the_draws(tmp_path: Path) -> None:
    assert read_result(_run(tmp_path).folder / "closed").panels["foreign_share"].median[0, 0] == 0.5 + len("closed")


def test_the_headline_is_the_paired_difference_to_the_first(tmp_path: Path) -> None:
    rows = _run(tmp_path).headline
    assert {round(row.difference, 12) for row in rows if row.scenario == "wide_open" and row.year == 2018} == {3.0, 1.5}


def test_the_command_line_wins_over_the_file_and_the_manifest_says_so(tmp_path: Path) -> None:
    asked = read_manifest(_run(tmp_path, draws=1024).folder).asked
    assert (asked["draws"], asked["set_by"]) == (1024, {"seed": "scenario file", "draws": "command line"})
    assert asked["scenarios"]["closed"]["sampling"]["draws"] == 1024


def test_the_manifest_knows_no_date_and_no_path_of_the_machine(tmp_path: Path) -> None:
    one, two = _run(tmp_path / "a"), _run(tmp_path / "b")
    text = (one.folder / "manifest.json").read_bytes()
    assert text == (two.folder / "manifest.json").read_bytes()
    assert str(tmp_path).encode() not in text


def test_the_manifest_hashes_every_file_and_every_variable(tmp_path: Path) -> None:
    study = _run(tmp_path)
    manifest = read_manifest(study.folder)
    assert ["manifest.json", *manifest.files] == sorted(
        relative_files(study.folder), key=lambda name: (name != "manifest.json", name)
    )
    assert set(manifest.variables["closed"]) == set(_simulate(scenario(), _draw(scenario(), range(1))))


def test_a_manifest_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = _run(tmp_path).folder
    document = json.loads((folder / "manifest.json").read_text())
    document["notes"].append("all is well")
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ResultsError, match="was changed after"):
        read_manifest(folder)


def test_a_finished_study_is_not_run_again_unless_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _run(tmp_path)
    calls: list[str] = []

    def counted(one: Scenario, worlds: _Worlds, **_: object) -> Mapping[str, Panel]:
        calls.append(one.name)
        return _simulate(one, worlds)

    monkeypatch.setattr("sim.tasks.runs.simulate", counted)
    again = _run(tmp_path)
    assert not calls
    assert [row[:9] for row in again.headline] == [row[:9] for row in first.headline]
    _run(tmp_path, force=True)
    assert set(calls) == {"closed", "wide_open"}


def test_a_study_that_lost_a_file_is_run_again(tmp_path: Path) -> None:
    study = _run(tmp_path)
    (study.folder / "summary.csv").unlink()
    assert (_run(tmp_path).folder / "summary.csv").exists()


@pytest.mark.parametrize(
    "options",
    [{"keep": ["wait"]}, {"baseline": "wide_open"}, {"plots": True}, {"draws": 1024}, {"seed": 2}],
    ids=lambda options: next(iter(options)),
)
def test_other_options_make_another_study_and_leave_the_first_as_it_is(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.tasks.files.Files._add_pictures", lambda *_: None)
    first = _run(tmp_path)
    before = _contents(first)
    assert _run(tmp_path, **options).folder != first.folder
    assert _contents(first) == before
    assert "finished before" in _run(tmp_path).notes[-1]


def test_another_baseline_turns_the_difference(tmp_path: Path) -> None:
    assert _run(tmp_path, baseline="wide_open").headline[0].difference == pytest.approx(-3.0)


def test_a_run_that_fails_for_good_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise NumericalError("no")

    monkeypatch.setattr("sim.tasks.files.summarise", broken)
    with pytest.raises(NumericalError, match="no"):
        _run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = _run(tmp_path).folder
    (folder / "my_notes.txt").write_text("precious")
    with pytest.raises(ResultsError, match="holds something else"):
        _run(tmp_path, force=True)
    assert (folder / "my_notes.txt").read_text() == "precious"


def test_what_comes_to_stand_in_the_folder_while_a_study_runs_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _run(tmp_path).folder

    def audit_and_meddle(scenarios: object, results: object) -> Audit:
        (folder / "my_notes.txt").write_text("precious")
        return Audit((), (), ())

    monkeypatch.setattr("sim.tasks.run.audit", audit_and_meddle)
    with pytest.raises(ResultsError, match=r"holds something else \(my_notes.txt\); move it away"):
        _run(tmp_path, force=True)
    assert (folder / "my_notes.txt").read_text() == "precious"
    (folder / "my_notes.txt").unlink()
    monkeypatch.setattr("sim.tasks.run.audit", lambda scenarios, results: Audit((), (), ()))
    monkeypatch.setattr("sim.tasks.task.finished", lambda *_: None)
    assert _run(tmp_path).notes == ("5 blocks of draws were there already, from a run that was stopped",)


def test_an_older_study_that_was_moved_aside_when_its_successor_was_killed_is_put_back(tmp_path: Path) -> None:
    folder = _run(tmp_path).folder
    aside = tmp_path / f".{folder.name}.unfinished" / "older"
    aside.parent.mkdir()
    folder.rename(aside)
    with pytest.raises(KeyboardInterrupt), scratch(folder):
        raise KeyboardInterrupt
    assert read_manifest(folder).draws == DRAWS
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_what_a_study_killed_at_its_very_end_left_behind_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr("sim.tasks.store.shutil.rmtree", lambda *_, **__: None)
        folder = _run(tmp_path).folder
    assert len(unfinished(tmp_path)) == 1
    assert _run(tmp_path).notes[-1].startswith("this study was finished before")
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_study_that_another_process_has_finished_while_this_one_waited_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waited(target: Path) -> AbstractContextManager[Path]:
        monkeypatch.undo()
        _run(tmp_path)
        return scratch(target)

    monkeypatch.setattr("sim.tasks.task.scratch", waited)
    study = _run(tmp_path)
    assert study.notes[-1].startswith("this study was finished before")
    assert [path.name for path in tmp_path.iterdir()] == [study.folder.name]


def test_a_folder_that_may_not_be_written_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(ResultsError, match=r"cannot be written: Permission denied; choose another folder with --out$"):
        _run(tmp_path)


def test_a_study_that_is_kept_in_part_is_described_in_part_above_many_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.tasks.request.MANY_DRAWS", 1024)
    monkeypatch.setattr("sim.tasks.run.MANY_DRAWS", 1024)
    study = _run(tmp_path, keep=["wait"])
    assert study.notes[-1] == (
        "tables and pictures are made of foreign_share, revenue_gross, revenue_retained, operating_profit, npv, "
        "npv_with_terminal, enters, operator_profit, domestic_gross_profit, tax_take, consumer_gain, event_date, wait, "
        "opening_hypothesis, zone_reading alone"
    )
    assert list(read_manifest(study.folder).variables["closed"]) == ["wait"]


def test_a_target_adds_draws_and_the_manifest_says_so(tmp_path: Path) -> None:
    study = _run(tmp_path, target_se="foreign_share.total.2020=0.1", draws=512)
    manifest = read_manifest(study.folder)
    assert manifest.draws == 4096
    assert manifest.asked["set_by"]["draws"] == "--target-se"
    assert manifest.asked["target"]["standard_error"] == 0.1
    assert read_result(study.folder / "closed").scenario.sampling.draws == 4096
    reached, took = study.notes
    assert reached.startswith("standard error of the mean difference in foreign_share.total.2020: ")
    assert took.startswith("these draws took ")
    assert _run(tmp_path, target_se="foreign_share.total.2020=0.1", draws=512).notes == (
        reached,
        "this study was finished before: nothing was computed (--force computes it again)",
    )


def test_an_outcome_that_no_scenario_has_is_refused_before_any_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_draw(*_: object) -> None:
        raise AssertionError("drew before it refused")

    monkeypatch.setattr("sim.chance.variants.draw_worlds", no_draw)
    with pytest.raises(ScenarioError, match="did you mean 'total'"):
        _run(tmp_path, target_se="foreign_share.totl.2020=0.1")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ResultsError, match="cannot be written"):
        _run(tmp_path / "results")


def test_only_the_draws_of_kept_variables_are_stored_and_the_summary_has_all(tmp_path: Path) -> None:
    kept, full = _run(tmp_path / "kept", keep=["wait"]), _run(tmp_path / "full")
    assert list(read_result(kept.folder / "closed").panels) == ["wait"]
    assert _contents(kept)["summary.csv"] == _contents(full)["summary.csv"]


def test_what_is_not_finite_is_refused_with_scenario_draw_year_and_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflowing(one: Scenario, worlds: _Worlds, **_: object) -> Mapping[str, Panel]:
        panels = _simulate(one, worlds)
        unlucky = worlds.luck == _draw(one, range(2, 3)).luck[7]
        panels["revenue_gross"].values[1, 0, unlucky] = np.inf
        return panels

    monkeypatch.setattr("sim.tasks.runs.simulate", overflowing)
    with pytest.raises(NumericalError, match=r"closed: .*revenue_gross total foreign is inf in 2019, draw 1031"):
        _run(tmp_path, draws=1536)


def test_standard_errors_that_are_unknown_are_said_to_be(tmp_path: Path) -> None:
    study = _run(tmp_path, draws=512)
    assert study.notes == ("standard errors are unknown below 4096 draws (8 scrambles)",)
    with (study.folder / "summary.csv").open(newline="") as stream:
        assert {row["se"] for row in csv.DictReader(stream)} == {""}


DEAD = Audit(dead=("demand.churn",), idle=(), out_of_play=())


def test_an_input_that_moves_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.tasks.run.audit", lambda scenarios, results: DEAD)
    assert _run(tmp_path).notes == DEAD.lines()


def test_an_input_that_moves_nothing_is_an_error_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.tasks.run.audit", lambda scenarios, results: DEAD)
    finished = _run(tmp_path).folder
    with pytest.raises(ScenarioError, match=r"moves nothing: demand\.churn"):
        _run(tmp_path, strict=True)
    assert list(tmp_path.iterdir()) == [finished]


def test_above_many_draws_the_size_is_told_and_the_room_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.tasks.run.MANY_DRAWS", 1024)
    assert _run(tmp_path).notes == ("the draws take 1.0 MB on disk, and took 1.0 MB more while the study was made",)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    with pytest.raises(ResultsError, match=r"1\.\d kB are free: fewer draws"):
        _run(tmp_path, force=True)


def test_an_abstract_scenario_is_refused(tmp_path: Path) -> None:
    base = scenario("base").model_copy(update={"abstract": True})
    with pytest.raises(ScenarioError, match=r"^base: is abstract: a base for other scenarios, not one to run$"):
        run_study([base], out=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenarios": []}, "no scenario is given"),
        (
            {"scenarios": [scenario("closed"), scenario("closed")]},
            "closed: is given twice: give one of the two another name, or leave it out",
        ),
        (
            {"scenarios": [scenario("closed"), scenario("open", seed=2)]},
            "does not share draws with closed: they differ in seed",
        ),
        ({"draws": 600}, "the nearest are 512 and 1024"),
        ({"baseline": "wide_opne"}, "did you mean 'wide_open'?"),
        ({"keep": ["foreign_shares"]}, "did you mean 'foreign_share'?"),
        ({"jobs": 0}, "--jobs: at least 1 (found 0)"),
    ],
)
def test_a_study_that_cannot_run_is_refused_before_anything_is_written(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    two = [scenario("closed"), scenario("wide_open")]
    with pytest.raises(ScenarioError, match=re.escape(message)):
        run_study(**{"scenarios": two, "out": tmp_path, **options})
    assert not list(tmp_path.iterdir())


def test_comparing_finished_results_gives_the_tables_of_the_study(tmp_path: Path) -> None:
    study = _run(tmp_path)
    compared = compare_studies([study.folder], out=tmp_path / "compared", jobs=1, plots=False)
    for name in ("summary.csv", "comparison.csv", "parameters.csv"):
        assert _contents(compared)[name] == _contents(study)[name]
    assert compared.headline[3][:9] == study.headline[3][:9]


def test_single_scenarios_of_two_studies_compare(tmp_path: Path) -> None:
    folders = [_run(tmp_path, name).folder / name for name in ("wide_open", "closed")]
    compared = compare_studies(folders, baseline="closed", out=tmp_path, jobs=1, plots=False)
    assert {row.scenario for row in compared.headline if not np.isnan(row.difference)} == {"wide_open"}


def test_results_of_different_seeds_are_not_compared(tmp_path: Path) -> None:
    folders = [_run(tmp_path, name, seed=seed).folder for name, seed in (("closed", 1), ("wide_open", 2))]
    with pytest.raises(ResultsError, match=r"do not share draws: they differ in seed \(2 against 1\)"):
        compare_studies(folders, out=tmp_path, plots=False)


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    told: list[float] = []
    _run(tmp_path, progress=lambda text, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_error_of_a_child_arrives_whole() -> None:
    batch = Batch()
    batch.add(lambda: check_draws(600))
    with pytest.raises(ScenarioError, match="the nearest are 512 and 1024") as caught:
        batch.run(2, lambda share: None)
    assert [problem.path for problem in caught.value.problems] == ["sampling.draws"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_parent_does_its_own_part_once(jobs: int) -> None:
    batch, done = Batch(), list[str]()
    for _ in range(3):
        batch.add(partial(divmod, 1, 2))
    batch.run(jobs, lambda share: None, lambda: done.append("meanwhile"))
    assert done == ["meanwhile"]


def test_the_parent_does_its_own_part_while_children_work(tmp_path: Path) -> None:
    batch, sign = Batch(), tmp_path / "sign"
    future = batch.add(lambda: any(sign.exists() or time.sleep(0.01) for _ in range(1000)))
    batch.run(2, lambda share: None, sign.touch)
    assert future.result()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda: os._exit(3), r"ended by itself \(exit code 3\)$"),
        (lambda: os.kill(os.getpid(), signal.SIGALRM), "ended by signal SIGALRM$"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"killed \(SIGKILL\): by hand, or .* want of memory"),
    ],
    ids=["exit", "signal", "kill"],
)
def test_how_a_child_died_is_told(end: Callable[[], None], words: str) -> None:
    batch = Batch()
    batch.add(end)
    batch.add(lambda: time.sleep(0.2))
    with pytest.raises(SimError, match=words):
        batch.run(2, lambda share: None)


def test_the_answer_is_announced_before_files_are_written(tmp_path: Path) -> None:
    there: list[bool] = []

    def announce(rows: Sequence[HeadlineRow]) -> None:
        there.append(any(tmp_path.rglob("summary.csv")))

    study = _run(tmp_path, announce=announce)
    assert there == [False]
    assert study.headline


def test_what_a_run_will_take_is_said_before_it_begins(tmp_path: Path) -> None:
    told: list[str] = []
    _run(tmp_path, progress=lambda text, share: told.append(text))
    size = r"4,608 draws, which take [\d.]+ .B on disk meanwhile, [\d.]+ .B of memory in each of 1 jobs"
    assert re.fullmatch(size, told[1])
    assert told[2] == "4,608 draws"


def test_there_are_as_many_children_as_jobs_and_the_last_to_finish_is_waited_for() -> None:
    batch = Batch()
    slow = batch.add(lambda: [time.sleep(0.2), os.getpid()][1])
    quick = [batch.add(os.getpid) for _ in range(5)]
    batch.run(2, lambda share: None)
    assert len({slow.result(), *(future.result() for future in quick)}) == 2


def test_calls_of_children_give_their_results_in_order() -> None:
    batch = Batch()
    futures = [batch.add(partial(divmod, row, 2)) for row in range(4)]
    batch.run(2, lambda share: None)
    assert [future.result() for future in futures] == [(0, 0), (0, 1), (1, 0), (1, 1)]
