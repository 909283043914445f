"""A backtest of the small scenario against a record made up here: files, pooled scores, refusals and pictures."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from conftest import SMALL, Folder
from matplotlib.image import imread
from shipped import FOLDER

from sim import cli
from sim.belief.forecasts import forecast_scramble
from sim.belief.record import read_record
from sim.belief.track import (
    BACKTEST_COLUMNS,
    FEWEST_SERIES,
    PooledRow,
    ScoreRow,
    backtest_rows,
    score_rows,
    skill_interval,
)
from sim.disk import file_hash
from sim.errors import NumericalError, ResultsError, ScenarioError
from sim.outcomes.manifest import program
from sim.outcomes.tables import csv_bytes
from sim.pictures.trackrecord import TrackRecord, track_fans, track_pit
from sim.reading.loading import shipped_folder
from sim.scenario.scenario import Sampling
from sim.tasks.backtest import BacktestTask, Track, run_backtest
from sim.tasks.verify import verify_study

Said = pytest.CaptureFixture[str]

HEADER = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source\n"
RECORD = (
    HEADER
    + """\
size19,market_size,total,,2019-01-01,2019-12-31,annual,11,10.5,11.5,USD bn,a bank
size20,market_size,total,,2020-01-01,2020-12-31,annual,16,15.5,17,USD bn,a bank
iaas19,market_size,iaas,,2019-01-01,2019-12-31,annual,8,7.6,8.4,USD bn,a bank
iaas20,market_size,iaas,,2020-01-01,2020-12-31,annual,40,38,42,USD bn,a bank
aws,market_share,iaas,aws,2020-01-01,2020-12-31,annual,6.5,6,7,%,a bank
quarter,market_share,iaas,aws,2020-10-01,2020-12-31,quarter,6.5,6,7,%,a bank
hosting,market_size,hosting,,2020-01-01,2020-12-31,annual,3,,,USD bn,a bank
pilot,event,,pilot_effective,2019-05-01,2020-12-31,occurred,1,,,boolean,a bank
opening,event,,opening_day,2019-05-01,2020-12-31,occurred,1,,,boolean,a bank
closed,regime,,closed,2019-05-01,2020-12-31,state,0,,,boolean,a bank
"""
)
NAIVE = """\
naive:
  growth_world: {value: 20, unit: "%/yr", source: bank, grade: found}
  growth_fade: {value: 2, unit: years, source: judgement, grade: judgement}
  growth_published: {value: 40, unit: "%/yr", source: bank, grade: found}
  size_error: {value: 0.25, unit: "1", source: judgement, grade: judgement}
  share_change: {value: 0.2, unit: "1", source: judgement, grade: judgement}
  group_change: {value: 0.1, unit: "1", source: judgement, grade: judgement}
"""


@pytest.fixture
def market(folder: Folder) -> Folder:
    """A folder with a scenario that has naive forecasts, and a record."""
    folder.write("market.yaml", SMALL + NAIVE)
    folder.write("record.csv", RECORD)
    return folder


def _track(out: str = "results", **options: object) -> Track:
    return run_backtest("market.yaml", "record.csv", out=out, jobs=1, plots=False, **options)  # type: ignore[arg-type]


def _table(track: Track, name: str = "backtest.csv") -> list[dict[str, str]]:
    return list(csv.DictReader((track.folder / name).read_text().splitlines()))


def test_backtest_csv_has_a_row_for_each_row_of_the_record_in_its_columns(market: Folder) -> None:
    rows = _table(_track())
    assert " ".join(rows[0]) == (
        "id variable scope item period_start period_end observed low high p05 p10 p25 p50 p75 p90 p95 crps pit "
        "in50 in80 in90 brier crps_last_share crps_last_growth crps_fading_growth crps_published_growth "
        "matched reason"
    )
    assert [row["id"] for row in rows] == [line.partition(",")[0] for line in RECORD.splitlines()[1:]]
    assert {row["id"]: row["matched"] for row in rows if row["matched"] == "no"} == {
        "quarter": "no",
        "hosting": "no",
        "opening": "no",
    }


def test_what_is_not_matched_says_why_and_what_is_left_is_scored(market: Folder) -> None:
    rows = {row["id"]: row for row in _table(_track())}
    assert "periods of 12 months" in rows["quarter"]["reason"]
    assert "no such scope" in rows["hosting"]["reason"]
    assert rows["quarter"]["crps"] == rows["hosting"]["p50"] == ""
    assert float(rows["size19"]["p05"]) < float(rows["size19"]["p50"]) < float(rows["size19"]["p95"])
    assert (rows["pilot"]["brier"], rows["closed"]["brier"]) == ("0.0", "0.0")
    assert rows["pilot"]["crps"] == rows["pilot"]["pit"] == rows["pilot"]["in90"] == ""


def test_an_interval_covers_what_lies_between_its_quantiles(market: Folder) -> None:
    rows = _table(_track())
    assert {row["in90"] for row in rows} == {"0", "1", ""}
    for row in rows:
        for name, low, high in (("in50", "p25", "p75"), ("in80", "p10", "p90"), ("in90", "p05", "p95")):
            if row[name]:
                held = float(row[low]) <= float(row["observed"]) <= float(row[high])
                assert row[name] == str(int(held))


def test_naive_forecasts_stand_where_they_apply(market: Folder) -> None:
    rows = {row["id"]: row for row in _table(_track())}
    growth = ("crps_last_growth", "crps_fading_growth", "crps_published_growth")
    assert all(float(rows["size20"][name]) > 0 for name in growth)
    assert float(rows["aws"]["crps_last_share"]) > 0
    assert (
        rows["size20"]["crps_last_share"] == rows["aws"]["crps_last_growth"] == rows["pilot"]["crps_last_share"] == ""
    )


def test_skill_is_one_less_the_ratio_of_scores(market: Folder) -> None:
    found = {(row["id"], row["forecast"], row["score"]): row for row in _table(_track(), "scores.csv")}
    own, other = (float(found["size20", name, "crps_log"]["value"]) for name in ("engine", "last_growth"))
    assert float(found["size20", "last_growth", "crps_log"]["skill"]) == pytest.approx(1 - own / other, rel=1e-12)
    assert {score for id_, forecast, score in found if (id_, forecast) == ("size20", "engine")} >= {
        "crps", "crps_log", "interval_50", "interval_80", "interval_90", "quantile_05", "quantile_95",
    }  # fmt: skip


def test_rows_are_averaged_within_their_series_before_series_are(market: Folder) -> None:
    track = _track()
    scores = {row.observation.id: row.scores["engine"]["crps_log"] for row in track.rows if "crps_log" in row.headline}
    by_series = (scores["size19"] + scores["size20"]) / 2, (scores["iaas19"] + scores["iaas20"]) / 2
    pooled = {(row.scope, row.forecast): row for row in track.pooled if row.variable == "market_size"}
    assert pooled["total", "engine"].value == pytest.approx(by_series[0], rel=1e-12)
    assert pooled["", "engine"].value == pytest.approx(sum(by_series) / 2, rel=1e-12)
    assert (pooled["", "engine"].rows, pooled["", "engine"].series) == (4, 2)


def test_a_pooled_skill_compares_means_over_series(market: Folder) -> None:
    pooled = {(row.scope, row.forecast): row for row in _track().pooled if row.variable == "market_size"}
    own, other = pooled["", "engine"].value, pooled["", "fading_growth"].value
    assert pooled["", "fading_growth"].skill == pytest.approx(1 - own / other, rel=1e-12)


def test_few_series_have_no_interval(market: Folder) -> None:
    assert all(row.skill_p05 is None and row.series < FEWEST_SERIES for row in _track().pooled)


def test_the_interval_of_a_pooled_skill_is_the_bootstrap_over_whole_series() -> None:
    own, other = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([2.0, 2.0, 4.0, 4.0, 8.0])
    low, high = skill_interval(own, other, Sampling(seed=1, draws=512), "x")
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 5, (5, 100_000))
    plain = np.quantile(1 - own[drawn].sum(axis=0) / other[drawn].sum(axis=0), [0.05, 0.95])
    np.testing.assert_allclose([low, high], plain, atol=0.02)


def test_the_report_says_how_few_independent_facts_there_are(market: Folder) -> None:
    assert _track().notes == (
        "7 of 10 rows are matched; pilot, closed the scenario assumes and does not forecast.",
        "5 forecasts are 3 series of 2 variables (market_size, market_share). Series of one market move together, so "
        "they weigh like 2 to 3 independent facts, not like 5.",
    )


def test_a_market_without_naive_numbers_is_told_so(folder: Folder) -> None:
    folder.write("record.csv", RECORD)
    track = run_backtest("small.yaml", "record.csv", jobs=1, plots=False)
    assert "no naive forecasts" in track.notes[-1]
    assert all(set(row.scores) == {"engine"} for row in track.rows)


def test_every_use_of_a_mapping_is_told(market: Folder) -> None:
    market.write("names.yaml", "scopes: {hosting: [iaas, saas]}\nevents: {opening_day: pilot_effective}\n")
    track = _track(mapping="names.yaml")
    assert track.notes[2:] == (
        "Mapping file: scope 'hosting' taken as iaas + saas, in hosting.",
        "Mapping file: event 'opening_day' taken as pilot_effective, in opening.",
    )
    rows = {row["id"]: row for row in _table(track)}
    assert (rows["hosting"]["matched"], rows["hosting"]["reason"]) == ("yes", "scope 'hosting' taken as iaas + saas")


def test_the_engines_own_median_has_the_pit_of_one_half(market: Folder) -> None:
    median = next(row for row in _track().rows if row.observation.id == "size20").quantiles[0.5]
    market.write("record.csv", f"{HEADER}a,market_size,total,,2020-01-01,2020-12-31,annual,{median:.12g},,,USD bn,x\n")
    (row,) = _track().rows
    assert row.pit == pytest.approx(0.5, abs=0.03)


def test_jobs_and_other_rows_leave_the_bits_as_they_are(market: Folder) -> None:
    first = _track(out="one", draws=1024)
    second = run_backtest("market.yaml", "record.csv", out="two", jobs=2, plots=False, draws=1024)
    names = ("backtest.csv", "scores.csv", "pooled.csv")
    assert [file_hash(first.folder / name) for name in names] == [file_hash(second.folder / name) for name in names]
    fewer = "\n".join(line for line in RECORD.splitlines() if not line.startswith("size20"))
    market.write("record.csv", fewer + "\n")
    third = _track(out="three", draws=1024)
    assert _table(third) == [row for row in _table(first) if row["id"] != "size20"]


def test_a_planted_leak_moves_nothing(market: Folder) -> None:
    churn = 'churn: {low: 1, median: 3, high: 8, min: 0, unit: "%/yr", source: judgement, grade: judgement}'
    tables = []
    for value in (2, 60):
        late = f'churn: {{value: {value}, unit: "%/yr", source: late, grade: found, fallback: {churn[7:]}}}'
        market.write("market.yaml", SMALL.replace(churn, late) + NAIVE)
        track = _track(out=f"r{value}")
        assert [one.path for one in track.replaced] == ["demand.churn"]
        tables.append(_table(track))
    market.write("market.yaml", SMALL + NAIVE)
    assert tables[0] == tables[1] == _table(_track(out="known"))


def test_a_record_that_no_row_of_can_be_matched_is_refused_with_the_reasons(market: Folder) -> None:
    market.write("record.csv", HEADER + "a,market_size,hosting,,2020-01-01,2020-12-31,annual,3,,,USD bn,x\n")
    with pytest.raises(ScenarioError, match=r"record.csv:2:1: a: the scenario has no such scope"):
        _track()


def test_the_manifest_holds_what_was_asked_and_a_hash_of_every_file(market: Folder) -> None:
    track = _track()
    manifest = json.loads((track.folder / "manifest.json").read_text())
    assert manifest["asked"]["record"] == file_hash(Path("record.csv"))
    assert manifest["asked"]["scenario"]["as_of"] == "2019-04-30"
    assert manifest["files"] == {path.name: file_hash(path) for path in track.paths if path.name != "manifest.json"}
    assert str(market.path) not in (track.folder / "manifest.json").read_text()


@pytest.fixture
def finished(market: Folder, monkeypatch: pytest.MonkeyPatch) -> Track:
    """A finished backtest; what is computed from then on fails."""
    track = _track()

    def fail(*_: object) -> None:
        raise NumericalError("ran again")

    monkeypatch.setattr(BacktestTask, "compute", fail)
    return track


def test_a_finished_backtest_is_read_and_not_run_again(finished: Track) -> None:
    again = _track()
    assert again.notes[-1] == "this study was finished before: nothing was computed (--force computes it again)"
    assert repr(replace(again, notes=again.notes[:-1])) == repr(finished)


def test_what_is_read_back_is_what_the_tables_hold_to_the_last_digit(finished: Track) -> None:
    record = read_record(Path("record.csv"), finished.scenario.horizon, finished.scenario.ledger)
    for name, rows, header in (
        ("backtest.csv", backtest_rows(record, finished.rows, finished.unmatched), BACKTEST_COLUMNS),
        ("pooled.csv", finished.pooled, PooledRow._fields),
        ("scores.csv", score_rows(finished.rows), ScoreRow._fields),
    ):
        assert (finished.folder / name).read_bytes() == csv_bytes(rows, header)
    happened = {row.observation.id: row.probability for row in finished.rows if not row.quantiles}
    assert happened == {"pilot": 1.0, "closed": 0.0}


def test_what_a_backtest_killed_at_its_very_end_leaves_is_removed_by_the_next(finished: Track) -> None:
    left = finished.folder.with_name(f".{finished.folder.name}.unfinished")
    left.mkdir()
    (left / "key-000000.block").touch()
    _track()
    assert not left.exists()


def test_force_runs_a_finished_backtest_again(finished: Track) -> None:
    with pytest.raises(NumericalError, match="ran again"):
        _track(force=True)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("record.csv", ("annual,11,", "annual,11.1,")),
        ("market.yaml", ("captive_growth: {value: 0.5", "captive_growth: {value: 0.4")),
        ("market.yaml", ("share_change: {value: 0.2", "share_change: {value: 0.1")),
    ],
)
def test_another_record_or_scenario_is_another_backtest(
    finished: Track, market: Folder, file: str, change: tuple[str, str]
) -> None:
    text = (market.path / file).read_text()
    assert change[0] in text
    market.write(file, text.replace(*change))
    with pytest.raises(NumericalError, match="ran again"):
        _track()


@pytest.mark.parametrize(
    "option", [{"seed": 2}, {"draws": 1024}, {"as_of": date(2019, 5, 1)}, {"mapping": "names.yaml"}], ids=str
)
def test_other_options_make_another_backtest(finished: Track, market: Folder, option: dict[str, object]) -> None:
    market.write("names.yaml", "events: {opening_day: pilot_effective}\n")
    with pytest.raises(NumericalError, match="ran again"):
        _track(**option)


def test_a_backtest_with_a_mapping_is_recognised_too_and_not_with_another(market: Folder) -> None:
    market.write("names.yaml", "scopes: {hosting: [iaas, saas]}\n")
    first = _track(mapping="names.yaml")
    assert "finished before" in _track(mapping="names.yaml").notes[-1]
    market.write("names.yaml", "scopes: {hosting: iaas}\n")
    assert _track(mapping="names.yaml").folder != first.folder


def test_another_number_that_was_put_aside_is_another_backtest(market: Folder) -> None:
    churn = 'churn: {low: 1, median: 3, high: 8, min: 0, unit: "%/yr", source: judgement, grade: judgement}'
    for value in (2, 60):
        late = f'churn: {{value: {value}, unit: "%/yr", source: late, grade: found, fallback: {churn[7:]}}}'
        market.write("market.yaml", SMALL.replace(churn, late) + NAIVE)
        assert f"{value}" in _table(_track(), "replaced.csv")[0]["value"]


@pytest.mark.parametrize("part", ["source", "cpu", "scoringrules"])
def test_another_program_runs_a_backtest_again(finished: Track, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    runner = program()
    if part == "scoringrules":
        monkeypatch.setattr("sim.tasks.backtest.version", lambda name: "0.0.1")
    else:
        monkeypatch.setattr("sim.tasks.task.program", lambda: runner.model_copy(update={part: "another"}))
    with pytest.raises(NumericalError, match="ran again"):
        _track()


def test_the_command_prints_a_finished_backtest_as_it_did_at_first(market: Folder, capsys: Said) -> None:
    told = []
    for options in ([], [], ["--force"]):
        command = ["backtest", "market.yaml", "--observed", "record.csv", "--jobs", "1", "--no-plots", *options]
        assert cli.main(command) == 0
        told.append(capsys.readouterr().out)
    assert told[1] == told[0] == told[2]
    assert len(told[0].splitlines()) <= 12


def test_the_command_prints_scores_reasons_and_replacements(market: Folder, capsys: Said) -> None:
    assert (
        cli.main(["backtest", "market.yaml", "--observed", "record.csv", "--jobs", "1", "--no-plots", "--verbose"]) == 0
    )
    said = capsys.readouterr()
    for words in ("size20", "vs published growth", "left out", "no such scope"):
        assert words in said.out
    assert "independent facts" in said.err
    assert "not known by the cut-off, and replaced" not in said.out


def test_the_command_tells_what_was_replaced(capsys: Said, tmp_path: Path) -> None:
    command = ["backtest", str(FOLDER / "jv_only.yaml"), "--observed", str(FOLDER / "observed_2019_2021.csv")]
    assert cli.main([*command, "--draws", "512", "--jobs", "1", "--no-plots", "--verbose", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "7 numbers were not known on 30 April 2019 and gave way to their fallbacks." in said
    assert "not known by the cut-off, and replaced" in said
    assert "market.layers.iaas.size" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--observed", "records.csv"], "records.csv: no such file (found 'records.csv'"),
        (["--observed", "record.csv", "--as-of", "30/4/2019"], "--as-of: must be a day such as 2019-04-30"),
        (
            ["--observed", "record.csv", "--as-of", "2018-12-31"],
            "market.yaml:5:18: exchange_rates.CNY: 'bank' was published",
        ),
        (["--observed", "record.csv", "--draws", "100"], "draws come in scrambles of 512"),
        (["--observed", "record.csv", "--map", "no.yaml"], "no.yaml: no such file"),
        (["--observed", "wrong.csv"], "wrong.csv:2:56: size19.value: must be a number"),
    ],
)
def test_wrong_input_ends_with_2_and_a_remedy(
    arguments: list[str], complaint: str, market: Folder, capsys: Said
) -> None:
    market.write("wrong.csv", HEADER + "size19,market_size,total,,2019-01-01,2019-12-31,annual,x,,,USD bn,x\n")
    assert cli.main(["backtest", "market.yaml", *arguments, "--no-plots"]) == 2
    assert complaint in capsys.readouterr().err
    assert not (market.path / "results").exists()


def test_pictures_are_wide_named_and_the_same_each_time(market: Folder) -> None:
    hashes = []
    for out in ("one", "two"):
        track = run_backtest("market.yaml", "record.csv", out=out, jobs=1)
        plots = sorted((track.folder / "plots").iterdir())
        assert [path.name for path in plots] == [
            f"track_{name}.{kind}" for name in ("fans", "pit", "scores") for kind in ("png", "svg")
        ]
        assert all(imread(path).shape[1] >= 1600 for path in plots if path.suffix == ".png")
        hashes.append([file_hash(path) for path in plots])
    assert hashes[0] == hashes[1]


def test_a_record_of_events_alone_has_no_pictures(market: Folder) -> None:
    market.write("record.csv", HEADER + "a,event,,pilot_effective,2019-05-01,2020-12-31,occurred,1,,,boolean,x\n")
    track = run_backtest("market.yaml", "record.csv", jobs=1)
    assert [path for path in track.paths if path.suffix in (".png", ".svg")] == []
    assert [(row.variable, row.score, row.value) for row in track.pooled] == [("event", "brier", 0.0)]
    assert track.notes == ("1 of 1 rows are matched; a the scenario assumes and does not forecast.",)


def test_a_figure_shows_every_series_and_its_observations(market: Folder) -> None:
    track = _track()
    forecasts = forecast_scramble(track.scenario, [row.match for row in track.rows], 0)
    record = TrackRecord(track.scenario, track.rows, track.pooled, forecasts)
    fans = track_fans(record)
    titles = [axes.get_title(loc="left") for axes in fans.axes]
    assert titles == ["Market size, all layers", "Market size, IaaS", "AWS, IaaS"]
    boxes = [patch for patch in fans.axes[0].patches if isinstance(patch, mpl.patches.Rectangle)]
    assert [(box.get_x(), box.get_y(), box.get_height()) for box in boxes] == [(2019, 10.5, 1.0), (2020, 15.5, 1.5)]
    (pits, order) = track_pit(record).axes
    assert len(order.lines[-1].get_xdata()) == 5
    assert [label.get_text() for label in pits.get_yticklabels()] == titles


def test_the_shipped_record_is_that_of_the_evidence_and_is_copied_by_init(tmp_path: Path) -> None:
    assert cli.main(["init", str(tmp_path / "mine")]) == 0
    copy = tmp_path / "mine" / "observed_2019_2021.csv"
    assert copy.read_bytes() == (shipped_folder() / "observed_2019_2021.csv").read_bytes()


def test_a_backtest_is_made_anew_from_its_folder_alone(market: Folder) -> None:
    market.write("names.yaml", "events: {opening_day: pilot_effective}\n")
    track = _track(mapping="names.yaml")
    (market.path / "record.csv").unlink()
    assert verify_study(track.folder, rerun=True, jobs=1).faults == ()


def test_a_record_that_was_changed_since_is_not_scored_again(market: Folder) -> None:
    track = _track()
    record = track.folder / "observed.csv"
    record.write_text(record.read_text().replace("annual,11,", "annual,12,"))
    with pytest.raises(ResultsError, match=r"observed\.csv: is not the record that the study was asked about"):
        verify_study(track.folder, rerun=True, jobs=1)


@pytest.mark.parametrize("stand_in", [lambda path: None, os.mkfifo], ids=["nothing", "pipe"])
def test_a_record_that_is_no_file_is_told_and_not_waited_for(market: Folder, stand_in: Callable[[Path], None]) -> None:
    record = _track().folder / "observed.csv"
    record.unlink()
    stand_in(record)
    with pytest.raises(ResultsError, match=r"observed\.csv: (cannot be read|is not the record)"):
        verify_study(record.parent, rerun=True, jobs=1)
