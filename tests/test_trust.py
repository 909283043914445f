"""How far to trust it: the record beside a scenario, the small backtest of a run, and its sentence."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Folder
from shipped import FOLDER

from sim import cli
from sim.belief.matching import Match
from sim.belief.record import Observation
from sim.belief.scores import headline_score, headline_scores, scores
from sim.belief.track import PooledRow, RowScore
from sim.belief.trust import track_sentences, trust_of
from sim.outcomes.manifest import read_manifest
from sim.reading.documents import Place
from sim.reading.loading import read_scenario
from sim.reading.naming import record_beside
from sim.scenario.scenario import Scenario
from sim.tasks.backtest import run_backtest
from sim.tasks.holdout import holdout_of
from sim.tasks.request import make_request
from sim.tasks.run import Study, run_study
from sim.tasks.verify import verify_study

HEADER = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source\n"
RECORD = HEADER + "size19,market_size,total,,2019-01-01,2019-12-31,annual,{},10,12,USD bn,a bank\n"


def row(
    variable: str = "market_size", value: float = 1.0, *, unit: str = "USD bn", probability: float = np.nan
) -> RowScore:
    """An observation whose forecast has a 90% band from 0 to 2."""
    day = datetime.date(2020, 1, 1)
    observation = Observation(
        "r", variable, "total", "", day, day, "annual", value, value, value, unit, "s", "", "", Place("record.csv")
    )
    quantiles: Mapping[float, float] = {0.05: 0.0, 0.5: 1.0, 0.95: 2.0} if unit != "boolean" else {}
    return RowScore(Match(observation, (), (), range(0)), quantiles, probability, 0.5, {})


def pooled(
    skill: float, low: float | None = None, high: float | None = None, *, variable: str = "market_share"
) -> PooledRow:
    """A skill against a naive forecast, with its interval."""
    naive = "last_share" if variable == "market_share" else "last_growth"
    return PooledRow(
        variable, "", "", naive, "crps", 6, 6 if low is not None else 2, 1.0, skill, low, high, None, None, None
    )


@pytest.fixture
def scenario() -> Scenario:
    """Any one."""
    return read_scenario(FOLDER / "jv_only.yaml").scenario


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (pooled(0.3, 0.1, 0.5), "shares better than 'as last year' (error −30%, 90% −50% to −10%)"),
        (pooled(-0.3, -0.5, -0.1), "shares worse than 'as last year' (error +30%, 90% +10% to +50%)"),
        (pooled(-0.05, -0.2, 0.1), "shares no better than 'as last year' (error +5%, 90% −10% to +20%)"),
        (pooled(0.05, -0.2, 0.1), "shares about as well as 'as last year' (error −5%, 90% −10% to +20%)"),
        (pooled(0.25), "shares with 25% less error than 'as last year' (2 series)"),
        (pooled(-0.25, variable="market_size"), "sizes with 25% more error than simple forecasts of growth (2 series)"),
        (pooled(0.0, variable="market_size"), "sizes with no other error than simple forecasts of growth (2 series)"),
    ],
)
def test_no_more_is_claimed_than_the_interval_bears(one: PooledRow, words: str, scenario: Scenario) -> None:
    assert (
        trust_of([row()], [one], scenario)
        == f"2020 under {scenario.title}: its one fact is inside the 90% band; {words}."
    )


def share(scope: str, skill: float, series: int = 1) -> PooledRow:
    """A skill in foreign shares."""
    return pooled(skill, variable="foreign_share")._replace(scope=scope, series=series, forecast="last_share")


def test_a_layer_s_foreign_share_does_not_hide_that_the_whole_market_s_loses(scenario: Scenario) -> None:
    rows = [share("saas", 0.86), share("total", -0.48), share("", 0.69, 2)]
    assert trust_of([row()], rows, scenario).endswith(
        "the foreign share of the whole market with 48% more error than 'as last year', of SaaS with 86% less error."
    )
    alone = trust_of([row()], rows[1:2], scenario)
    assert alone.endswith("the foreign share with 48% more error than 'as last year' (1 series).")
    sizes = [one._replace(variable="market_size", forecast="last_growth") for one in rows]
    assert trust_of([row()], sizes, scenario).endswith(
        "sizes of the whole market with 48% more error than simple forecasts of growth, of SaaS with 86% less error."
    )
    many = [share(scope, 0.1) for scope in ("total", "iaas", "paas", "saas", "all")]
    told = trust_of([row()], [*many, share("", 0.1, 5)], scenario)
    assert told.endswith("the foreign share with 10% less error than 'as last year' (5 series).")


def test_facts_outside_the_band_are_counted(scenario: Scenario) -> None:
    assert (
        trust_of([row(), row(value=3.0)], [], scenario)
        == f"2020 under {scenario.title}: 1 of 2 facts inside the 90% band."
    )


def test_a_record_that_went_otherwise_than_is_assumed_tests_nothing(scenario: Scenario) -> None:
    rows = [row(), row("regime", 1.0, unit="boolean", probability=0.0)]
    assert trust_of(rows, [], scenario) == (
        "2020 went otherwise than JV only assumes (r, regime): the record cannot test it."
    )
    assert trust_of([], [], scenario).startswith("Nothing of the record beside it is in the scenario")


@pytest.mark.parametrize(
    ("variable", "unit"), [("market_size", "USD bn"), ("market_share", "fraction"), ("event", "boolean")]
)
def test_the_one_score_is_the_library_s(variable: str, unit: str) -> None:
    draws = np.random.default_rng(2).lognormal(0.0, 0.5, 1024)
    draws = (draws > 1).astype(float) if unit == "boolean" else draws
    one = row(variable, 1.0, unit=unit).observation
    name = headline_score(one)
    assert headline_scores(draws, one)[name] == pytest.approx(scores(draws, one)[name], rel=1e-10)


def test_the_record_lies_beside_the_base() -> None:
    request = make_request([FOLDER / "ftz_pilot.yaml"], draws=1024, seed=None, baseline=None, keep=None, pictures=False)
    assert holdout_of(request).question is not None
    assert record_beside(FOLDER / "base.yaml") == FOLDER / "observed_2019_2021.csv"


def test_of_several_the_tested_scenario_is_held_against_the_record() -> None:
    cars = [FOLDER / "cars" / f"{name}.yaml" for name in ("joint_ventures_kept", "announced_path")]

    def held(files: list[Path], baseline: str | None = None) -> str:
        request = make_request(files, draws=512, seed=None, baseline=baseline, keep=None, pictures=False)
        asked = holdout_of(request).question
        assert asked is not None
        return asked.scenario.name

    assert held(cars) == held(cars, "joint_ventures_kept") == held(cars[1:]) == "announced_path"
    assert held(cars[:1]) == "joint_ventures_kept"


def test_a_run_says_of_its_baseline_what_a_backtest_says(tmp_path: Path) -> None:
    file = FOLDER / "jv_only.yaml"
    request = make_request([file], draws=1024, seed=None, baseline=None, keep=None, pictures=False)
    holdout = holdout_of(request)
    track = run_backtest(file, FOLDER / "observed_2019_2021.csv", draws=1024, plots=False, jobs=1, out=tmp_path)
    assert holdout.sentence([call() for call in holdout.calls()]) == track.sentences[0]
    facts = [one for one in track.rows if one.quantiles]
    inside = sum(one.quantiles[0.05] <= one.observation.value <= one.quantiles[0.95] for one in facts)
    assert f"{inside} of {len(facts)} facts" in track.sentences[0]


def test_another_world_than_the_record_s_is_not_tested_by_it() -> None:
    request = make_request(
        [FOLDER / "full_liberalization.yaml"], draws=512, seed=None, baseline=None, keep=None, pictures=False
    )
    holdout = holdout_of(request)
    assert "went otherwise than Full liberalization assumes" in holdout.sentence([call() for call in holdout.calls()])


def test_what_cannot_be_read_is_told_and_does_not_stop_a_run(folder: Folder) -> None:
    folder.write("observed_2019.csv", RECORD.format("many"))
    request = make_request([Path("small.yaml")], draws=512, seed=None, baseline=None, keep=None, pictures=False)
    assert holdout_of(request).sentence([]).startswith("observed_2019.csv cannot test it: must be a number")


def _run(folder: Folder) -> Study:
    return run_study([Path("small.yaml")], draws=512, plots=False, jobs=1, out=folder.path / "results")


def test_the_bytes_of_the_record_are_part_of_what_is_asked_and_of_a_rerun(folder: Folder) -> None:
    without = _run(folder)
    assert "No record of what happened since" in without.verdict.trust
    folder.write("observed_2019.csv", RECORD.format(11))
    study = _run(folder)
    assert study.folder != without.folder
    assert study.verdict.trust.startswith("2019 under Small: its one fact is inside the 90% band")
    assert (study.folder / "observed.csv").read_bytes() == (folder.path / "observed_2019.csv").read_bytes()
    assert verify_study(study.folder, rerun=True, jobs=1).faults == ()
    folder.write("observed_2019.csv", RECORD.format(11) + "\n")
    assert _run(folder).folder != study.folder
    question = read_manifest(study.folder).asked["record"]["question"]
    assert len(question["record"]) == 64


def test_the_screen_of_a_recognised_study_is_the_same_and_holds_nothing_else(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.variant("policy: {steps: {pilot_effective: {when: 2019-01-01, adopt: pilot}}}\n")
    told = []
    for _ in range(2):
        command = ["run", "small.yaml", "case.yaml", "--draws", "512", "--jobs", "1", "--no-plots"]
        assert cli.main(command) == 0
        told.append(capsys.readouterr().out.splitlines())
    assert told[0] == told[1]
    assert len(told[0]) <= 12
    assert told[0][-1].startswith("Saved in results/small-case-")
    labels = (
        "What is it worth?",
        "Small ",
        "Case ",
        "   ",
        "Who pays",
        "What decides",
        "How far to trust it",
        "Saved in",
    )
    assert all(line.startswith(labels) for line in told[0])


def test_a_comparison_of_a_finished_study_gives_the_same_verdict(folder: Folder) -> None:
    from sim.tasks.compare import compare_studies

    folder.variant("policy: {steps: {pilot_effective: {when: 2019-01-01, adopt: pilot}}}\n")
    study = run_study([Path("small.yaml"), Path("case.yaml")], draws=512, plots=False, jobs=1, out="results")
    assert compare_studies([study.folder], plots=False, jobs=1, out="results").verdict == study.verdict


def test_an_amount_is_told_in_its_currency_and_as_the_sum_that_it_is(scenario: Scenario) -> None:
    def told(one: RowScore) -> str:
        return " ".join(track_sentences([one], [], scenario, unmatched=0, replaced=0))

    year = row(unit="EUR bn")
    quarter = replace(year, match=replace(year.match, observation=replace(year.observation, statistic="quarter")))
    assert "Market size, all layers, 2020: EUR 1.0bn observed, EUR 1.0bn foreseen" in told(year)
    assert "Market size, all layers, 2020, sum of a quarter: EUR 1.0bn observed" in told(quarter)
    assert "2020: EUR 1.0bn a year observed" in told(row(unit="EUR bn/yr"))
