"""Learning from a record: a closed form, what a record cannot tell, what contradicts it, and the rows in a run."""

from __future__ import annotations

import csv
import datetime
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import DISCREPANCY, SMALL, SOURCES, Folder
from simulation_based import chance, rank_of_truth

from sim.belief.calibration import (
    PILOT,
    Calibration,
    Pilot,
    Teacher,
    calibration,
    pilot,
    prior_rows,
    replicate,
    teacher,
)
from sim.belief.lessons import LessonRow, ObservationRow, RungRow, contradicted, contradicted_jointly, evidence, lessons
from sim.belief.matching import match_record
from sim.belief.posterior import POSTERIOR_FILE, falls_back, learned_from, read_posterior, records_of
from sim.belief.record import read_record
from sim.chance.medians import median_world
from sim.chance.sampling import draw_latents, draw_worlds
from sim.chance.shocks import reverting_path
from sim.cli import main
from sim.errors import NumericalError, ScenarioError
from sim.outcomes.tables import csv_bytes
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario
from sim.tasks.calibrate import CalibrateTask, Learning, run_calibration
from sim.tasks.compare import compare_studies
from sim.tasks.run import run_study
from sim.tasks.verify import verify_study

HEAD = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source\n"
ROWS = """\
M1,market_size,total,,2019-01-01,2019-12-31,annual,12.9,12.0,13.5,USD bn,s
M2,market_size,total,,2020-01-01,2020-12-31,annual,19.38,18.9,19.9,USD bn,s
S1,market_share,iaas,aws,2020-01-01,2020-12-31,annual,6,5.5,6.5,%,s
X1,market_size,world,,2020-01-01,2020-12-31,annual,200,,,USD bn,s
R1,regime,,pilot,2020-01-01,2020-12-31,state,1,,,boolean,s
"""


def write(folder: Path, rows: str = ROWS, small: str = SMALL) -> None:
    (folder / "small.yaml").write_text(small + DISCREPANCY)
    (folder / "sources.yaml").write_text(SOURCES)
    (folder / "record.csv").write_text(HEAD + rows)


def taught(folder: Path) -> tuple[Scenario, Teacher]:
    """The scenario and record of a folder, ready to be learned from."""
    scenario = load_scenario(folder / "small.yaml")
    record = read_record(folder / "record.csv", scenario.horizon, scenario.ledger)
    return scenario, teacher(scenario, match_record(record, scenario, scenario.as_of).matches)


def with_draws(scenario: Scenario, draws: int) -> Scenario:
    return scenario.model_copy(update={"sampling": scenario.sampling.model_copy(update={"draws": draws})})


def learned_by(scenario: Scenario, teach: Teacher) -> Calibration:
    nothing = Pilot(np.zeros((len(teach.matches), 2)), 0.0)
    numbers = range(scenario.sampling.draws // 512)
    return calibration(teach, scenario, nothing, [replicate(teach, scenario.sampling.seed, one) for one in numbers])


@dataclass(frozen=True)
class Learned:
    """A folder with the small case, and what was learned in it from 1,024 rows."""

    folder: Path
    scenario: Scenario
    learning: Learning

    @property
    def file(self) -> Path:
        return self.learning.folder / POSTERIOR_FILE


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    folder = tmp_path_factory.mktemp("learned")
    write(folder)
    learning = run_calibration(
        folder / "small.yaml", folder / "record.csv", draws=1024, jobs=1, plots=False, out=folder / "results"
    )
    return Learned(folder, load_scenario(folder / "small.yaml"), learning)


# ---------------------------------------------------------------- closed form and limits

ONLY_SIZE = (
    SMALL.replace("size: {low: 7, median: 7.2, high: 8,", "size: {lognormal: {median: 7.2, sigma: 0.06},")
    .replace("growth_forecast: {interval: 30 to 55,", "growth_forecast: {value: 41,")
    .replace("volatility: {value: 0.35,", "volatility: {value: 0,")
    .replace("step_rate: {value: 1,", "step_rate: {value: 0,")
)


def test_of_a_lognormal_size_the_posterior_and_the_evidence_are_the_closed_form(tmp_path: Path) -> None:
    rows = "".join(line + "\n" for line in ROWS.splitlines()[:2])
    write(tmp_path, rows.replace("12.0,13.5", ",").replace("18.9,19.9", ","), ONLY_SIZE)
    scenario, teach = taught(tmp_path)
    found = learned_by(with_draws(scenario, 2048), teach)
    # Log size of a year is that of 2018 plus a constant; the rest are normal errors, one of which both rows share.
    state = np.zeros((teach.space.dimensions, 2))
    centre, like = teach.expected(state)[:, 0], teach.likelihood
    slope = np.column_stack([np.full(2, 0.06), like.loadings])
    of_rows = slope @ slope.T + np.diag(like.own**2)
    gain = slope[:, 0] @ np.linalg.inv(of_rows)
    apart = like.observed - centre
    mean, spread = np.log(7.2) + 0.06 * gain @ apart, 0.06 * np.sqrt(1 - gain @ slope[:, 0])
    log_evidence = -apart @ np.linalg.solve(of_rows, apart) / 2 - np.linalg.slogdet(2 * np.pi * of_rows)[1] / 2
    size = np.log(found.posterior.inputs["market.size"])
    assert size.mean() == pytest.approx(mean, abs=0.1 * spread)
    assert size.std() == pytest.approx(spread, rel=0.06)
    assert evidence(found)[0].sum() == pytest.approx(log_evidence, abs=0.1)


def test_an_exact_record_is_recovered(tmp_path: Path) -> None:
    exact = ONLY_SIZE + DISCREPANCY.replace("size: {value: 0.05", "size: {value: 0.0001")
    write(tmp_path, "M1,market_size,total,,2019-01-01,2019-12-31,annual,13,12.999,13.001,USD bn,s\n", ONLY_SIZE)
    (tmp_path / "small.yaml").write_text(exact)
    scenario, teach = taught(tmp_path)
    centre = teach.expected(np.zeros((teach.space.dimensions, 2)))[0, 0]
    size = learned_by(with_draws(scenario, 512), teach).posterior.inputs["market.size"]
    np.testing.assert_allclose(size, 7.2 * 13 / np.exp(centre), rtol=1e-3)


def test_a_record_without_information_leaves_every_parameter_uninformed(tmp_path: Path) -> None:
    write(tmp_path, "M1,market_size,total,,2019-01-01,2019-12-31,annual,12,0.00012,1200000,USD bn,s\n")
    scenario, teach = taught(tmp_path)
    found = learned_by(with_draws(scenario, 4096), teach)
    rows = lessons(replace(found, teacher=teach), scenario)
    assert {row.informed for row in rows} == {"no"}
    assert min(rung.effective_size for one in found.replicates for rung in one.rungs) > 0.99


def test_a_row_that_is_likelier_in_another_state_moves_what_decides_the_state(tmp_path: Path) -> None:
    small = SMALL.replace(
        "pilot_effective: {when: 2020-01-01, adopt: pilot}",
        "pilot_effective: {when: 2020-01-01, adopt: pilot, probability: 0.3}",
    )
    write(tmp_path, ROWS.splitlines()[-1] + "\n", small)
    scenario, teach = taught(tmp_path)
    found = learned_by(with_draws(scenario, 4096), teach)
    happens = (found.posterior.events["chance.pilot_effective"] < 0.3).mean()
    assert happens == pytest.approx(0.3 * 0.99 / (0.3 * 0.99 + 0.7 * 0.01), abs=0.01)
    assert evidence(found)[0][0] == pytest.approx(np.log(0.3 * 0.99 + 0.7 * 0.01), abs=0.03)


# ---------------------------------------------------------------- what is learned from and what is not


def test_columns_that_the_record_says_nothing_of_are_the_prior_ones_to_the_last_bit(learned: Learned) -> None:
    posterior, prior = read_posterior(learned.file), draw_worlds(learned.scenario, range(2))
    for name in ("opening.hypothesis", "regulator.review_time[aws]", "economics.site_cost"):
        np.testing.assert_array_equal(posterior.columns[name], prior.inputs[name])
    assert (posterior.columns["market.size"] != prior.inputs["market.size"]).any()


def test_shocks_after_the_record_are_the_prior_ones_to_the_last_bit(tmp_path: Path) -> None:
    write(tmp_path, ROWS.splitlines()[0] + "\n")
    scenario, teach = taught(tmp_path)
    assert teach.scenario.horizon.end_year == 2019
    latents = draw_latents(scenario, 0)
    found = teach.space.latents_of(np.zeros((teach.space.dimensions, 512)), latents)
    np.testing.assert_array_equal(found.shocks["shock.market"][:2], 0)
    np.testing.assert_array_equal(found.shocks["shock.market"][2:], latents.shocks["shock.market"][2:])


def test_a_state_and_the_latents_that_it_stands_for_go_into_each_other(learned: Learned) -> None:
    scenario, teach = taught(learned.folder)
    state = np.random.default_rng(1).normal(size=(teach.space.dimensions, 512))
    latents = teach.space.latents_of(state, draw_latents(scenario, 0))
    np.testing.assert_allclose(teach.space.state_of(latents, teach.space.biases_of(state)), state, atol=1e-9)


def test_how_widely_a_providers_path_moves_is_learned_with_the_path(learned: Learned) -> None:
    _, teach = taught(learned.folder)
    assert "tail.alibaba" in teach.space.events
    found, plain = read_posterior(learned.file).columns["tail.alibaba"], draw_latents(learned.scenario, 0)
    assert ((found > 0) & (found < 1)).all()
    assert (found[:512] != plain.events["tail.alibaba"]).any()


def test_a_posterior_without_tails_takes_those_of_the_prior(learned: Learned) -> None:
    posterior = read_posterior(learned.file)
    bare = {name: values for name, values in posterior.columns.items() if not name.startswith("tail.")}
    older = replace(posterior, columns=bare)
    assert ("tail.alibaba", "not in the posterior") in falls_back(older, learned.scenario)
    scenario = learned_from(older, learned.scenario)
    assert draw_worlds(scenario, range(1)).rivalry.any()
    mean = bare["shock.rivalry.alibaba"].mean(axis=1)
    alibaba = median_world(scenario).rivalry[:, 0, 0]
    np.testing.assert_allclose(alibaba, 1.8 * reverting_path(mean[:, None], np.array([3.0]), 1.0)[:, 0], rtol=1e-9)


def test_a_partner_in_a_correlation_group_learns_with_the_other(tmp_path: Path) -> None:
    group = (
        "sampling:\n  seed: 1\n  draws: 512\n  correlations:\n    pair: {members: [market.size, demand.churn], "
        "rank: [[0.9]], reason: test}\n"
    )
    write(tmp_path, ROWS.splitlines()[0] + "\n", SMALL.replace("sampling: {seed: 1, draws: 512}\n", group))
    _, teach = taught(tmp_path)
    assert "market.size" in teach.space.inputs
    assert "opening.hypothesis" not in teach.space.inputs


def test_tables_say_what_was_used_what_was_left_out_and_what_was_informed(learned: Learned) -> None:
    with (learned.learning.folder / "observations.csv").open() as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    assert [rows[name]["used"] for name in ("M1", "M2", "S1", "X1", "R1")] == ["yes", "yes", "yes", "no", "yes"]
    assert "no such scope" in rows["X1"]["reason"]
    assert [rows[name]["joined"] for name in ("M1", "M2", "R1", "S1")] == ["1", "2", "3", "4"]
    assert float(rows["M2"]["posterior_p95"]) < float(rows["M2"]["prior_p95"])
    informed = {row.parameter: row.informed for row in learned.learning.lessons}
    assert (informed["shock.market"], informed["opening.hypothesis"]) == ("yes", "no")
    assert {"shock.market", "shock.rivalry.alibaba", "discrepancy.size.total"} < set(informed)


def test_the_file_says_what_it_was_learned_from(learned: Learned) -> None:
    import xarray

    with xarray.open_dataset(learned.file, engine="h5netcdf") as dataset:
        document = json.loads(dataset.attrs["document"])
        assert dataset["inputs_values"].sel(inputs="market.size").shape == (1024,)
    assert [row["id"] for row in document["record"]] == ["M1", "M2", "S1", "X1", "R1"]
    assert document["seed"] == 1
    assert "independent calibrations" in document["standard_errors"]
    assert document["records"] == records_of(learned.scenario)


# ---------------------------------------------------------------- finished before


@pytest.fixture
def halted(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> Learned:
    """The finished calibration; whoever computes one fails."""

    def fail(*_: object) -> None:
        raise NumericalError("ran again")

    monkeypatch.setattr(CalibrateTask, "compute", fail)
    return learned


def again(learned: Learned, **options: Any) -> Learning:
    folder = learned.folder
    asked = {"draws": 1024, "jobs": 1, "plots": False, "out": folder / "results", **options}
    return run_calibration(folder / "small.yaml", folder / "record.csv", **asked)


def test_a_finished_calibration_is_read_and_not_run_again(halted: Learned) -> None:
    found = again(halted, jobs=2)
    assert found.notes[-1] == "this study was finished before: nothing was computed (--force computes it again)"
    assert repr(replace(found, notes=found.notes[:-1])) == repr(halted.learning)


def test_what_a_calibration_killed_at_its_very_end_leaves_is_removed_by_the_next(halted: Learned) -> None:
    folder = halted.learning.folder
    left = folder.with_name(f".{folder.name}.unfinished")
    left.mkdir()
    (left / "key-000000.block").touch()
    again(halted)
    assert not left.exists()


def test_what_is_read_back_is_what_the_tables_hold_to_the_last_digit(learned: Learned) -> None:
    found = learned.learning
    for name, rows, header in (
        ("calibration.csv", found.lessons, LessonRow._fields),
        ("observations.csv", found.observations, ObservationRow._fields),
        ("tempering.csv", found.rungs, RungRow._fields),
    ):
        assert (found.folder / name).read_bytes() == csv_bytes(rows, header)


@pytest.mark.parametrize(
    "option", [{"force": True}, {"seed": 2}, {"draws": 512}, {"as_of": datetime.date(2019, 5, 1)}], ids=str
)
def test_what_is_asked_otherwise_is_another_calibration(halted: Learned, option: dict[str, Any]) -> None:
    with pytest.raises(NumericalError, match="ran again"):
        again(halted, **option)


@pytest.mark.parametrize(
    ("rows", "small"),
    [(ROWS.replace("12.9,", "12.8,"), SMALL), (ROWS, SMALL.replace("catch_up: {value: 0,", "catch_up: {value: 1,"))],
    ids=["record", "scenario"],
)
def test_another_record_or_scenario_is_another_calibration(
    halted: Learned, tmp_path: Path, rows: str, small: str
) -> None:
    write(tmp_path, rows, small)
    files = tmp_path / "small.yaml", tmp_path / "record.csv"
    with pytest.raises(NumericalError, match="ran again"):
        run_calibration(*files, draws=1024, jobs=1, plots=False, out=halted.folder / "results")


# ---------------------------------------------------------------- contradictions


def complaint(folder: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        run_calibration(folder / "small.yaml", folder / "record.csv", jobs=1, plots=False, out=folder / "results")
    return str(caught.value)


def test_a_number_that_no_draw_comes_near_is_refused_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, ROWS.replace("19.38,18.9,19.9", "193.8,189,199"))
    found = complaint(tmp_path)
    assert f"{tmp_path}/record.csv:3:1: M2: no draw of small comes near this observation (found 193.8 USD bn" in found


def test_a_state_that_no_draw_has_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "R1,regime,,closed,2020-01-01,2020-12-31,state,1,,,boolean,s\n")
    assert "R1: no draw of small comes near this observation (found yes; all draws say no)" in complaint(tmp_path)


def test_rows_that_contradict_each_other_are_refused_though_each_alone_is_possible(tmp_path: Path) -> None:
    line = ROWS.splitlines()[0]
    write(tmp_path, f"{line}\n{line.replace('M1', 'M9').replace('12.9,12.0,13.5', '20,19.9,20.1')}\n")
    scenario, teach = taught(tmp_path)
    first = pilot(teach, np.concatenate([prior_rows(teach, scenario, number) for number in range(PILOT)], axis=1))
    assert not contradicted(teach, first)
    (problem,) = contradicted_jointly(learned_by(scenario, teach))
    assert "no world agrees with all of the record" in str(problem)


# ---------------------------------------------------------------- rows in a run


def test_a_calibration_is_made_anew_from_its_folder_alone(tmp_path: Path) -> None:
    write(tmp_path, ROWS.splitlines()[0] + "\n", ONLY_SIZE)
    study = run_calibration(tmp_path / "small.yaml", tmp_path / "record.csv", out=tmp_path, jobs=1, plots=False)
    (tmp_path / "record.csv").unlink()
    assert verify_study(study.folder, rerun=True, jobs=1).faults == ()


def test_jobs_do_not_change_a_file(learned: Learned, tmp_path: Path) -> None:
    one, two = (
        run_calibration(
            learned.folder / "small.yaml",
            learned.folder / "record.csv",
            draws=1024,
            out=tmp_path / str(jobs),
            jobs=jobs,
        )
        for jobs in (1, 2)
    )
    assert (one.folder / "manifest.json").read_bytes() == (two.folder / "manifest.json").read_bytes()


def test_more_rows_are_the_first_ones_and_further_ones(learned: Learned) -> None:
    scenario, teach = taught(learned.folder)
    few = learned_by(with_draws(scenario, 512), teach)
    posterior = read_posterior(learned.file)
    np.testing.assert_array_equal(few.posterior.inputs["market.size"], posterior.columns["market.size"][:512])


def test_each_scramble_of_rows_is_from_a_calibration_of_its_own(learned: Learned) -> None:
    size = read_posterior(learned.file).columns["market.size"]
    assert not set(size[:512]) & set(size[512:])


def test_draw_n_is_row_n_and_the_same_for_every_scenario(learned: Learned) -> None:
    posterior = read_posterior(learned.file)
    other = load_scenario(learned.folder / "small.yaml", overrides=["policy.steps.pilot_effective.when=2019-06-01"])
    worlds = [draw_worlds(learned_from(posterior, one), range(1, 2)) for one in (learned.scenario, other)]
    for world in worlds:
        np.testing.assert_array_equal(world.inputs["market.size"], posterior.columns["market.size"][512:])
    np.testing.assert_array_equal(worlds[0].market_shock, worlds[1].market_shock)
    np.testing.assert_array_equal(worlds[0].rivalry, worlds[1].rivalry)


def test_an_input_under_another_record_keeps_its_prior_column_and_is_listed(learned: Learned) -> None:
    posterior = read_posterior(learned.file)
    other = load_scenario(learned.folder / "small.yaml", overrides=["demand.churn={value: 5, unit: '%/yr'}"])
    assert falls_back(posterior, other) == [("demand.churn", "another record than it was learned under")]
    world = draw_worlds(learned_from(posterior, other), range(1))
    np.testing.assert_array_equal(world.inputs["demand.churn"], 0.05)
    np.testing.assert_array_equal(world.inputs["market.size"], posterior.columns["market.size"][:512])


def test_an_input_of_which_only_the_evidence_changed_keeps_its_row(learned: Learned) -> None:
    record = learned.scenario.demand.churn.model_copy(update={"note": "another word", "source": "bank"})
    demand = learned.scenario.demand.model_copy(update={"churn": record})
    assert not falls_back(read_posterior(learned.file), learned.scenario.model_copy(update={"demand": demand}))


def test_a_step_that_the_posterior_does_not_know_keeps_its_prior_column(learned: Learned) -> None:
    delay = "{value: 1, unit: years, source: judgement, grade: judgement}"
    override = f"policy.steps.more={{after: pilot_effective, adopt: closed, probability: 0.5, delay: {delay}}}"
    other = load_scenario(learned.folder / "small.yaml", overrides=[override])
    names = [name for name, _ in falls_back(read_posterior(learned.file), other)]
    assert names == ["policy.steps.more.delay", "chance.more"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("horizon.end_year=2021", r"another end year than small has \(2020 against 2021\)"),
        ("horizon.period_months=6", r"another months of a period than small has \(12 against 6\)"),
        ("providers.others.fringe=false", "another paths of shocks than small has"),
    ],
)
def test_a_posterior_of_another_setting_is_refused(learned: Learned, override: str, message: str) -> None:
    other = load_scenario(learned.folder / "small.yaml", overrides=[override])
    with pytest.raises(ScenarioError, match=message):
        learned_from(read_posterior(learned.file), other)


def test_a_run_takes_all_rows_unless_told_and_says_where_its_draws_are_from(learned: Learned) -> None:
    study = run_study([learned.scenario], posterior=learned.file, jobs=1, plots=False, out=learned.folder / "results")
    manifest = json.loads((study.folder / "manifest.json").read_text())
    scenario = manifest["asked"]["scenarios"]["small"]
    assert (manifest["asked"]["draws"], manifest["asked"]["set_by"]["draws"]) == (1024, "posterior")
    assert scenario["sampling"]["posterior"] == read_posterior(learned.file).hash
    assert any("from a calibration of" in note for note in study.notes)


def test_results_on_prior_and_posterior_draws_do_not_compare(learned: Learned, tmp_path: Path) -> None:
    other = load_scenario(learned.folder / "small.yaml", overrides=["name=other"])
    one = run_study([learned.scenario], posterior=learned.file, draws=512, jobs=1, plots=False, out=tmp_path)
    two = run_study([other], draws=512, jobs=1, plots=False, out=tmp_path)
    with pytest.raises(Exception, match="do not share draws: they differ in posterior"):
        compare_studies([one.folder, two.folder], plots=False, out=tmp_path)


def test_more_draws_than_rows_are_refused_with_the_number(learned: Learned, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", str(learned.folder / "small.yaml"), "--posterior", str(learned.file), "--draws", "1536"])
    assert code == 2
    assert (
        "--draws: the posterior has 1024 rows, and a draw is a row (found 1536; at most 1024)"
        in capsys.readouterr().err
    )


def test_no_target_adds_draws_to_the_rows_of_a_posterior(learned: Learned, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--posterior", str(learned.file), "--target-se", "market_size.total.2020=0.1"]
    assert main(["run", str(learned.folder / "small.yaml"), *options]) == 2
    assert "--target-se: goes without --posterior" in capsys.readouterr().err


def test_a_posterior_is_never_named_in_a_scenario(learned: Learned, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", str(learned.folder / "small.yaml"), "--set", "sampling.posterior=abc"])
    assert code == 2
    assert "sampling.posterior: is set by --posterior FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"text", "damaged, or not written by this program")]
)
def test_what_is_no_posterior_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "posterior.nc"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ScenarioError, match=message):
        read_posterior(file)


def test_the_median_case_of_a_posterior_is_the_middle_of_its_rows(learned: Learned) -> None:
    posterior = read_posterior(learned.file)
    world = median_world(learned_from(posterior, learned.scenario))
    size = np.quantile(posterior.columns["market.size"], 0.5, method="inverted_cdf")
    np.testing.assert_array_equal(world.inputs["market.size"], size)
    rows = draw_worlds(learned_from(posterior, learned.scenario), range(2))
    np.testing.assert_allclose(world.market_shock[:, 0], rows.market_shock.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(world.market_steps[:, 0], rows.market_steps.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(world.rivalry[..., 0], rows.rivalry.mean(axis=-1), rtol=1e-9, atol=1e-12)
    assert (world.market_shock[:, 0] != 0).all()


def test_the_command_prints_the_record_the_ladder_and_what_is_informed(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder.path, "".join(line + "\n" for line in ROWS.splitlines()[:3]))
    assert main(["calibrate", "small.yaml", "--observed", "record.csv", "--jobs", "1", "--verbose"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("3 rows of the record inform ")
    for text in ("the record, in the order in which it joined", "effective sample at each temperature", "informed: "):
        assert text in told
    for name in ("posterior.nc", "calibration.csv", "beliefs_moved.png", "beliefs_informed.svg", "beliefs_record.png"):
        assert list(Path("results").glob(f"*/**/{name}"))


def test_a_record_of_which_no_row_can_be_used_is_refused_row_by_row(tmp_path: Path) -> None:
    write(tmp_path, ROWS.splitlines()[3] + "\nS1,market_share,iaas,aws,2020-01-01,2020-12-31,annual,0,0,1,%,s\n")
    found = complaint(tmp_path)
    assert "X1: " in found
    assert "S1: a share of 0 or 1, or whose range reaches there, has no log-odds" in found


def test_the_numbers_in_force_are_used_without_a_cut_off_and_their_fallbacks_with_one(tmp_path: Path) -> None:
    fallback = "{low: 0, median: 3, high: 9, min: 0, unit: '%/yr', source: judgement, grade: judgement}"
    churn = 'churn: {low: 1, median: 3, high: 8, min: 0, unit: "%/yr", source: judgement, grade: judgement}'
    late = churn.replace("source: judgement, grade: judgement", f"source: late, grade: found, fallback: {fallback}")
    assert churn in SMALL
    write(tmp_path, ROWS.splitlines()[0] + "\n", SMALL.replace(churn, late))
    arguments = (tmp_path / "small.yaml", tmp_path / "record.csv")
    plain = run_calibration(*arguments, jobs=1, plots=False, out=tmp_path / "results")
    early = run_calibration(*arguments, as_of=datetime.date(2019, 4, 30), jobs=1, plots=False, out=tmp_path / "results")
    assert plain.replaced == ()
    assert [one.path for one in early.replaced] == ["demand.churn"]


# ---------------------------------------------------------------- simulation-based calibration


@pytest.mark.slow
def test_ranks_of_known_worlds_in_their_posteriors_are_uniform(learned: Learned) -> None:
    _, teach = taught(learned.folder)
    found = [rank_of_truth(teach, 5, number, particles=128, kept=31) for number in range(64)]
    assert min(chance(np.array([one[name] for one in found]), 31) for name in found[0]) > 0.05 / len(found[0])


# ---------------------------------------------------------------- a posterior is input like any other


def _spoilt(learned: Learned, folder: Path, name: str, value: float) -> Path:
    """A copy without a manifest, one cell of which holds something else."""
    copy = folder / POSTERIOR_FILE
    copy.write_bytes(learned.file.read_bytes())
    with h5py.File(copy, "r+") as file:
        for group in ("inputs", "events", "shocks"):
            labels = [label.decode() for label in file[group][:]]
            if name in labels:
                file[f"{group}_values"][labels.index(name), 700] = value
                return copy
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("market.step_rate", 1e9, "0 to 10"),
        ("market.step_rate", np.inf, "0 to 10"),
        ("demand.churn", -5.0, "0 to"),
        ("opening.hypothesis", 0.5, "0 to 1, whole"),
        ("opening.hypothesis", 2.0, "0 to 1, whole"),
        ("regulator.review_time[aws]", np.inf, "0 to"),
        ("market.size", np.nan, "1e-06 to"),
        ("tail.alibaba", 1.0, "between 0 and 1, without them"),
        ("shock.market[0]", np.nan, "-40 to 40"),
    ],
)
def test_a_row_that_is_no_world_is_refused_by_name(
    learned: Learned, tmp_path: Path, name: str, value: float, allowed: str
) -> None:
    """One such cell hung a run, which counted crises up one by one; others ended as a fault of the program."""
    spoilt = _spoilt(learned, tmp_path, name, value)
    column = re.escape(name.partition("[0]")[0])
    message = rf"{column}: is out of the range of this quantity in 1 places, first in row 700"
    with pytest.raises(ScenarioError, match=rf"{message} \(found .*; allowed {allowed}"):
        learned_from(read_posterior(spoilt), learned.scenario)


def test_a_posterior_that_its_manifest_does_not_describe_is_refused(learned: Learned, tmp_path: Path) -> None:
    spoilt = _spoilt(learned, tmp_path, "demand.churn", 0.05)
    (tmp_path / "manifest.json").write_bytes((learned.file.parent / "manifest.json").read_bytes())
    with pytest.raises(ScenarioError, match=r"is not the file that manifest\.json beside it describes"):
        read_posterior(spoilt)


@pytest.mark.parametrize("text", ["[]", "{", '{"files": 3}', '{"files": {}}'])
def test_a_posterior_beside_a_damaged_manifest_is_refused(learned: Learned, tmp_path: Path, text: str) -> None:
    spoilt = _spoilt(learned, tmp_path, "demand.churn", 0.05)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ScenarioError, match=r"manifest\.json beside it is damaged, or does not know it"):
        read_posterior(spoilt)


def test_a_fifo_is_no_posterior_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / POSTERIOR_FILE)
    with pytest.raises(ScenarioError, match="is not a regular file"):
        read_posterior(tmp_path / POSTERIOR_FILE)


def _without_a_path(file: h5py.File) -> None:
    labels = [label.decode() for label in file["shocks"][:]]
    kept = [place for place, label in enumerate(labels) if not label.startswith("shock.market")]
    values = file["shocks_values"][:][kept]
    del file["shocks"], file["shocks_values"]
    file["shocks"], file["shocks_values"] = np.array([labels[place] for place in kept], dtype=object), values


def _cut(file: h5py.File, rows: int) -> None:
    for name in ("inputs_values", "events_values", "shocks_values"):
        values = file[name][:, :rows]
        del file[name]
        file[name] = values


def _renamed(file: h5py.File, old: str, new: str) -> None:
    for name in ("inputs", "shocks"):
        labels = [new if label.decode() == old else label.decode() for label in file[name][:]]
        del file[name]
        file[name] = np.array(labels, dtype=object)


def _with_document(file: h5py.File, change: Callable[[dict[str, Any]], Any]) -> None:
    document = json.loads(file.attrs["document"])
    change(document)
    file.attrs["document"] = json.dumps(document)


IMPOSSIBLE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "no path of the market": (_without_a_path, r"shock\.market: the path is missing"),
    "no rows": (lambda file: _cut(file, 0), r"no multiple of 512 \(found 0 rows\)"),
    "too few rows": (lambda file: _cut(file, 511), r"no multiple of 512 \(found 511 rows\)"),
    "an input of components": (
        lambda file: _renamed(file, "demand.churn", "demand.churn[0]"),
        r"demand\.churn: must be one column \(found 1 components\)",
    ),
    "a component too many": (
        lambda file: _renamed(file, "market_steps[0]", "market_steps[9]"),
        r"the components of 'market_steps' must be market_steps\[0\] to market_steps\[1\], in order",
    ),
    "a column lost": (
        lambda file: _renamed(file, "demand.churn", "demand.chur"),
        r"1 of its records have no column, 'demand\.churn' first",
    ),
    "a record that is no hash": (
        lambda file: _with_document(file, lambda document: document["records"].update({"demand.churn": 3})),
        r"the record of 'demand\.churn' must be a hash \(found 3\)",
    ),
    "a number that is none": (
        lambda file: _with_document(file, lambda document: document.update(x=math.nan)),
        r"the attribute 'document' holds NaN, which is no number of JSON",
    ),
    "no setting": (
        lambda file: _with_document(file, lambda document: document.pop("setting")),
        r"'setting' of its document must be an object \(missing\)",
    ),
}


@pytest.mark.parametrize(("change", "words"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_posterior_that_no_calibration_wrote_is_refused(
    learned: Learned, tmp_path: Path, change: Callable[[h5py.File], None], words: str
) -> None:
    spoilt = tmp_path / POSTERIOR_FILE
    spoilt.write_bytes(learned.file.read_bytes())
    with h5py.File(spoilt, "r+") as file:
        change(file)
    with pytest.raises(ScenarioError, match=words):
        learned_from(read_posterior(spoilt), learned.scenario)


def test_a_posterior_beside_a_manifest_that_is_no_file_is_refused(learned: Learned, tmp_path: Path) -> None:
    spoilt = _spoilt(learned, tmp_path, "demand.churn", 0.05)
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(ScenarioError, match=r"manifest\.json beside it is damaged"):
        read_posterior(spoilt)
