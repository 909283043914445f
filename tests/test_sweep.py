"""What a sweep finds: every point as if it were run alone, on the draws that all share."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from conftest import Folder
from scipy.stats import spearmanr

from sim import cli
from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.errors import NumericalError, ScenarioError
from sim.model.engine import simulate
from sim.outcomes.naming import outcome_draws
from sim.outcomes.results import Panel, Result
from sim.outcomes.statistics import STATISTICS, describe
from sim.outcomes.sweeps import Response, partial_rank_correlations
from sim.reading.loading import load_scenario, shipped_folder
from sim.tasks.crew import Crew
from sim.tasks.parts import PartStore
from sim.tasks.points import Ran, asked_outcomes, idle_factors, read_points, run_missing, run_points
from sim.tasks.sweep import SweepStudy, run_sweep
from sim.tasks.sweepfile import Sweep, read_sweep

MEAN = STATISTICS.index("mean")
HEAD = """\
schema_version: 1
name: trial
question: What matters?
scenario: case.yaml
"""
TO_2026 = "horizon: {end_year: 2026}\nentry: {rule: always}\n"
"""Years enough for a site that is asked for in 2020 to open, fill and be full."""


def small_sweep(folder: Folder, design: str, extra: str = "") -> Sweep:
    """A sweep of the small scenario, to 2026 and with a partner of a licence as the baseline."""
    folder.variant(TO_2026)
    folder.write(
        "licence.yaml",
        f"extends: small.yaml\nname: licence\n{TO_2026}policy: {{steps: {{pilot_effective: {NEVER}}}}}\n",
    )
    outcomes = "outcomes: [foreign_share.total, npv.total.aws]"
    return read_sweep(folder.write("sweep.yaml", f"{HEAD}{extra}\n{outcomes}\ndesign: {design}\n"))


NEVER = "{when: 2026-12-31, adopt: pilot}"
PAIRED = "baseline: licence.yaml"


ONE = Crew(1)


def ran(sweep: Sweep, crew: Crew = ONE, done: Callable[[float], None] = lambda share: None) -> Ran:
    """All points, run into a store in an empty folder."""
    store, outcomes = PartStore(Path(mkdtemp(dir=".")), "key", len(sweep.points)), asked_outcomes(sweep)
    run_missing(sweep, outcomes, store.missing(), store, crew, done)
    return read_points(outcomes, store)


def alone(file: str, *overrides: str) -> Mapping[str, Panel]:
    """A scenario with overrides from the command line, on one scramble."""
    scenario = load_scenario(file, overrides=overrides)
    return simulate(scenario, draw_worlds(scenario, range(1)))


def level(response: Response) -> FloatArray:
    assert response.level is not None
    return response.level.value


def difference(response: Response) -> FloatArray:
    assert response.difference is not None
    return response.difference.value


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("zone.cap", ("0.3", "2")),
        ("demand.churn", ("2", "6")),
        ("market.volatility", ("0.2", "0.5")),
        ("exchange_rates.CNY", ("6", "7")),
        ("opening.hypothesis", ("wide", "narrow")),
        ("regimes.pilot.owned_unlock", ("0.3", "0.2 to 0.6")),
        ("regimes.pilot.owned_unlock", ("0.3", "{same_as: closed}")),
        ("regimes.closed.partner_unlock", ("0", "0.3")),
        ("regimes.pilot.sites", ("0", "null")),
        ("policy.steps.pilot_effective.when", ("2020-01-01", "2022-01-01")),
        ("policy.steps.pilot_effective.probability", ("0.2", "0.9")),
    ],
)
def test_a_point_is_the_run_with_its_values_set(folder: Folder, path: str, values: tuple[str, ...]) -> None:
    sweep = small_sweep(folder, f"{{grid: {{{path}: [{', '.join(values)}]}}}}")
    found = run_points(sweep, list(enumerate(sweep.points)), asked_outcomes(sweep)).responses  # in one task
    columns = [alone("case.yaml", f"{path}={value}") for value in values]
    for response in found:
        expected = describe(np.stack([response.outcome.column(panels) for panels in columns])).value
        assert np.array_equal(level(response), expected), response.outcome.label
        assert not np.array_equal(*expected), "a path that moves nothing proves nothing"


def test_a_point_may_fix_a_lever_that_sampling_names(folder: Folder) -> None:
    values = ("30", "60", "{same_as: closed}")
    named = """\
sampling:
  leading: [regimes.pilot.owned_unlock]
  correlations: {one: {members: [regimes.pilot.owned_unlock, demand.churn], rank: [[0.5]], reason: "One spirit."}}
"""
    small_sweep(folder, f"{{grid: {{regimes.pilot.owned_unlock: [{', '.join(values)}]}}}}")
    folder.variant(TO_2026 + named)
    sweep = read_sweep(Path("sweep.yaml"))
    found = run_points(sweep, list(enumerate(sweep.points)), asked_outcomes(sweep)).responses
    columns = [alone("case.yaml", f"regimes.pilot.owned_unlock={value}") for value in values]
    for response in found:
        expected = describe(np.stack([response.outcome.column(panels) for panels in columns])).value
        assert np.array_equal(level(response), expected), response.outcome.label


def test_the_difference_is_taken_in_the_world_of_the_point(folder: Folder) -> None:
    sweep = small_sweep(folder, "{list: [{demand.churn: 6, regimes.closed.spillover: 0}]}", PAIRED)
    response = ran(sweep).responses[0]
    point = alone("case.yaml", "demand.churn=6", "regimes.closed.spillover=0")
    baseline = alone("licence.yaml", "demand.churn=6")
    columns = [response.outcome.column(panels) for panels in (point, baseline)]
    assert difference(response)[0, MEAN] == np.mean(columns[0] - columns[1]) != 0
    assert response.p_positive[0] == np.mean(columns[0] > columns[1])


def test_a_scenario_differs_from_itself_by_nothing_in_any_world(folder: Folder) -> None:
    sweep = small_sweep(folder, "{grid: {demand.churn: [1, 8], zone.cap: [0.2, 2]}}", "baseline: case.yaml")
    found = run_points(sweep, list(enumerate(sweep.points)), asked_outcomes(sweep))  # in one task
    assert all(not difference(response).any() for response in found.responses)


def test_worlds_are_told_apart_whatever_the_order_of_their_paths(folder: Folder) -> None:
    design = "{list: [{demand.churn: 1, opening.ramp: 2}, {opening.ramp: 1, demand.churn: 2}]}"
    sweep = small_sweep(folder, design, "baseline: case.yaml")
    found = run_points(sweep, list(enumerate(sweep.points)), asked_outcomes(sweep))
    assert all(not difference(response).any() for response in found.responses)


@pytest.fixture
def mixed(folder: Folder) -> Sweep:
    """Points that share worlds with others that do not stand beside them, with a baseline and two scrambles."""
    design = "{grid: {regimes.pilot.owned_unlock: [0.2, 0.9], demand.churn: [2, 6, 4]}}"
    return small_sweep(folder, design, f"{PAIRED}\ndraws: 1024")


@pytest.fixture
def one_by_one(mixed: Sweep) -> list[Ran]:
    return [run_points(mixed, [(1, point)], asked_outcomes(mixed)) for point in mixed.points]


def same(found: Ran, parts: list[Ran]) -> bool:
    values = [[level(response)[0] for response in part.responses] for part in parts]
    together = np.stack([level(response) for response in found.responses], axis=1)
    return found.hashes == tuple(part.hashes[0] for part in parts) and np.array_equal(together, values)


@pytest.mark.parametrize("jobs", [1, 2])
def test_points_have_the_same_bits_alone_and_together_for_any_number_of_jobs(
    mixed: Sweep, one_by_one: list[Ran], jobs: int
) -> None:
    assert same(ran(mixed, Crew(jobs)), one_by_one)


def test_an_executor_gives_the_same_bits_and_tells_how_far_it_is(mixed: Sweep, one_by_one: list[Ran]) -> None:
    told: list[float] = []
    with ThreadPoolExecutor(2) as pool:
        found = ran(mixed, Crew(2, pool), told.append)
    assert same(found, one_by_one)
    assert told == sorted(told)
    assert told[-1] == 1


def test_points_stand_in_the_order_of_the_design_whatever_ran_first(mixed: Sweep) -> None:
    response = ran(mixed, Crew(2)).responses[0]
    unlock = np.array(mixed.factors[0].coordinates)
    assert (difference(response)[unlock == 0.9, MEAN] > difference(response)[unlock == 0.2, MEAN]).all()


def test_more_room_and_more_control_raise_the_mean_share(folder: Folder) -> None:
    sweep = small_sweep(folder, "{grid: {zone.cap: [0.02, 0.1, 0.5], regimes.pilot.owned_unlock: [0.2, 0.6, 1]}}")
    share = level(ran(sweep).responses[0])[:, MEAN].reshape(3, 3)
    assert (np.diff(share, axis=0) > 0).all()
    assert (np.diff(share, axis=1) > 0).all()


@pytest.mark.parametrize(
    "design",
    [
        "{grid: {economics.transfer_price: [0.4, 0.9], demand.churn: [1, 8]}}",
        "{latin_hypercube: {points: 4, ranges: {economics.transfer_price: [0.4, 0.9], demand.churn: [1, 8]}}}",
        "{list: [{economics.transfer_price: 0.4, demand.churn: 1}, {economics.transfer_price: 0.9, demand.churn: 8}]}",
    ],
    ids=["grid", "latin_hypercube", "list"],
)
def test_what_moves_no_outcome_is_named_and_nothing_else(folder: Folder, design: str) -> None:
    sweep = small_sweep(folder, design)
    outcomes = asked_outcomes(sweep)
    assert idle_factors(sweep, outcomes, ran(sweep)) == ("economics.transfer_price",)


def test_what_is_not_varied_is_not_said_to_move_nothing(folder: Folder) -> None:
    sweep = small_sweep(folder, "{grid: {economics.transfer_price: [0.4], demand.churn: [1, 8]}}")
    outcomes = asked_outcomes(sweep)
    assert idle_factors(sweep, outcomes, ran(sweep)) == ()


def test_a_draw_without_an_answer_is_told_with_its_point(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NumericalError("no base year")

    sweep = small_sweep(folder, "{grid: {demand.churn: [1, 8]}}")
    outcomes = asked_outcomes(sweep)
    monkeypatch.setattr("sim.tasks.points.simulate", fail)
    with pytest.raises(NumericalError, match="point 2: a draw has no answer: no base year"):
        run_points(sweep, [(2, sweep.points[1])], outcomes)


def test_only_the_outcomes_asked_for_are_computed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []

    def watched(*case: Any, needed: Any, **options: Any) -> Any:
        asked.append(set(needed))
        return simulate(*case, needed=needed, **options)

    sweep = small_sweep(folder, "{grid: {demand.churn: [1, 8]}}")
    outcomes = asked_outcomes(sweep)
    monkeypatch.setattr("sim.tasks.points.simulate", watched)
    run_points(sweep, [(2, sweep.points[1])], outcomes)
    assert asked
    assert all(names == {outcome.variable for outcome in outcomes} for names in asked)


def test_a_partial_rank_correlation_of_two_factors_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((2, 60))
    response = first + 0.5 * second + 0.3 * rng.random(60)
    found = partial_rank_correlations(np.stack([first, second]), response)[0, 0]
    a, b, c = (spearmanr(*pair).statistic for pair in ((first, response), (second, response), (first, second)))
    assert found == pytest.approx((a - b * c) / np.sqrt((1 - b**2) * (1 - c**2)), abs=1e-12)


def test_a_partial_rank_correlation_does_not_see_monotone_transforms() -> None:
    factors = np.random.default_rng(4).random((3, 40))
    response = factors[0] - 2 * factors[1] + factors[2] ** 2
    found = partial_rank_correlations(factors, response)
    assert np.allclose(found, partial_rank_correlations(np.exp(factors), response**3), atol=1e-12)


def test_the_interval_of_a_partial_rank_correlation_is_fishers() -> None:
    factors = np.random.default_rng(5).random((2, 33))
    rho, low, high = partial_rank_correlations(factors, factors[0] + factors[1])[0]
    half = 1.6448536269514722 / np.sqrt(33 - 1 - 3)
    assert np.arctanh([low, high]) == pytest.approx(np.arctanh(rho) + np.array([-half, half]), abs=1e-9)


def test_few_points_have_no_partial_rank_correlation() -> None:
    assert np.isnan(partial_rank_correlations(np.random.default_rng(6).random((3, 13)), np.arange(13.0))).all()
    assert np.isfinite(partial_rank_correlations(np.random.default_rng(6).random((3, 14)), np.arange(14.0))).all()


def test_what_other_factors_explain_whole_has_no_partial_rank_correlation() -> None:
    factors = np.random.default_rng(7).random((2, 30))
    found = partial_rank_correlations(factors, np.exp(factors[0]))
    assert found[0] == pytest.approx([1, 1, 1], abs=1e-9)
    assert np.isnan(found[1]).all()


SMALL_HEAD = HEAD.replace("case.yaml", "small.yaml")


def study(folder: Folder, text: str = "", **asked: Any) -> SweepStudy:
    design = "design: {grid: {demand.churn: [1, 8], zone.cap: [0.5, 1]}}\n"
    file = folder.write("sweep.yaml", f"{SMALL_HEAD}baseline: small.yaml\n{text or design}")
    return run_sweep(file, jobs=1, out="out", **{"plots": False, **asked})


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_has_a_row_for_every_statistic_at_every_point(folder: Folder) -> None:
    found = rows(study(folder).folder / "sweep.csv")
    each = Counter((row["point"], row["variable"], row["measure"]) for row in found)
    assert set(each.values()) == {len(STATISTICS)}
    assert len(each) == 4 * 3 * 2
    assert list(found[0])[:3] == ["point", "demand.churn", "zone.cap"]
    assert {(row["point"], row["demand.churn"], row["zone.cap"]) for row in found} == {
        ("1", "1.0", "0.5"), ("2", "1.0", "1.0"), ("3", "8.0", "0.5"), ("4", "8.0", "1.0")
    }  # fmt: skip


def test_only_differences_have_a_share_above_zero(folder: Folder) -> None:
    found = rows(study(folder).folder / "sweep.csv")
    assert all((row["p_positive"] != "") == (row["measure"] == "difference") for row in found)


def test_what_is_mostly_shocks_has_no_level(folder: Folder) -> None:
    text = "design: {grid: {demand.churn: [1, 8]}}\noutcomes: [consumer_gain.total]\n"
    assert {row["measure"] for row in rows(study(folder, text).folder / "sweep.csv")} == {"difference"}


def test_what_exists_only_as_a_comparison_is_that_of_two_runs(folder: Folder) -> None:
    sweep = small_sweep(folder, "{grid: {demand.churn: [1, 8]}}", PAIRED)
    names = ("regret.total.aws", "irr_of_difference.total.foreign", "gain(foreign_share.total)")
    sweep = replace(sweep, outcomes=tuple(replace(sweep.outcomes[0], value=name) for name in names))
    responses, point = ran(sweep).responses, sweep.points[1]
    scenarios = [sweep.scenario(point), sweep.reference(point)]
    runs = [Result(one, simulate(one, draw_worlds(one, range(one.sampling.draws // 512)))) for one in scenarios if one]
    for response in responses:
        expected = describe(outcome_draws(response.outcome, *runs)[None], "undefined")
        assert response.level is None
        assert response.difference is not None
        assert response.difference.value[1].tolist() == pytest.approx(expected.value[0].tolist(), abs=0, nan_ok=True)
        assert response.outcome.variable == "regret" or expected.value[0, MEAN] != 0


def test_a_comparison_takes_a_baseline(folder: Folder) -> None:
    sweep = small_sweep(folder, "{grid: {demand.churn: [1, 8]}}")
    bare = replace(sweep, baseline=None, outcomes=(replace(sweep.outcomes[0], value="regret.total.aws"),))
    with pytest.raises(ScenarioError, match="regret is to be compared with a baseline: there is none"):
        asked_outcomes(bare)


def test_a_date_that_may_never_come_counts_as_later_than_any(folder: Folder) -> None:
    text = (
        "design: {grid: {policy.steps.pilot_effective.probability: [0.5, 1]}}\noutcomes: [event_date.pilot_effective]\n"
    )
    found = rows(study(folder, text).folder / "sweep.csv")
    late = [
        (row["value"], row["share_defined"]) for row in found if (row["measure"], row["statistic"]) == ("level", "p75")
    ]
    assert late == [("", "0.5"), ("2020.0", "1.0")]


def test_a_sweep_leaves_its_tables_and_a_manifest_that_hashes_them(folder: Folder) -> None:
    found = study(folder)
    manifest = json.loads((found.folder / "manifest.json").read_text())
    assert set(manifest["files"]) == {"design.csv", "inputs.json", "parameters.csv", "sweep.csv"}
    assert set(manifest["points"]) == {"1", "2", "3", "4"}
    assert manifest["asked"]["design"]["points"][2] == {"demand.churn": 8, "zone.cap": 0.5}
    assert str(folder.path) not in (found.folder / "manifest.json").read_text()


def test_the_notes_say_how_much_ran_and_what_moved_nothing(folder: Folder) -> None:
    size, errors, idle = study(folder).notes
    assert size.startswith("4 points of small, 512 shared draws at each; differences to small")
    assert errors == "standard errors are unknown below 4096 draws (8 scrambles)"
    assert idle == "moves no outcome asked for: zone.cap"


def test_a_finished_sweep_is_not_run_again_unless_forced(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study(folder)

    def fail(*_: object) -> None:
        raise NumericalError("ran again")

    monkeypatch.setattr("sim.tasks.sweep.run_missing", fail)
    again = study(folder)
    assert (again.paths, again.table, again.notes[:-1]) == (first.paths, first.table, first.notes)
    assert again.notes[-1].startswith("this study was finished before")
    with pytest.raises(NumericalError, match="ran again"):
        study(folder, force=True)
    assert [path.name for path in (folder.path / "out").iterdir()] == [first.folder.name]


def test_another_design_is_another_study(folder: Folder) -> None:
    assert study(folder).folder != study(folder, "design: {grid: {demand.churn: [1, 7]}}\n").folder


def test_the_command_prints_points_notes_and_paths(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(
        "sweep.yaml", SMALL_HEAD + "design: {grid: {demand.churn: [1, 8]}}\noutcomes: [foreign_share.total.2018]\n"
    )
    assert cli.main(["sweep", "sweep.yaml", "--no-plots", "--jobs", "1", "--out", "out", "--verbose"]) == 0
    told = capsys.readouterr()
    said = told.out.splitlines()
    assert said[0].endswith("2 points over customers who change their provider each year, 512 draws at each.")
    assert said[1].startswith("Foreign share, all layers, 2018, median: ")
    assert said[1].endswith(" at every point.")
    assert said[2].startswith("Saved in out/")
    assert said[4] == "point  demand.churn  foreign_share.total.2018 (%)"
    assert [line.split()[:2] for line in said[5:7]] == [["1", "1"], ["2", "8"]]
    assert "moves no outcome asked for: demand.churn" in told.err.splitlines()


def test_the_command_tells_wrong_input_with_exit_code_2(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write("sweep.yaml", SMALL_HEAD + "design: {grid: {demand.churn: [1, 8]}}\n")
    assert cli.main(["sweep", "sweep.yaml", "--jobs", "0"]) == 2
    assert capsys.readouterr().err == "--jobs: at least 1 (found 0)\n"


def test_check_knows_a_sweep_from_a_scenario(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write("sweep.yaml", SMALL_HEAD + "design: {grid: {demand.churn: [1, 8]}}\noutcomes: [foreign_share.total]\n")
    assert cli.main(["check", "sweep.yaml", "small.yaml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "sweep.yaml: trial is valid: 2 points of small; foreign_share.total.2020",
        "small.yaml: small is valid",
    ]
    assert cli.main(["check", "sweep.yaml", "--set", "demand.churn=2"]) == 2
    assert capsys.readouterr().err == "sweep.yaml: is a sweep, which sets its values itself (found --set)\n"


def test_init_copies_sweeps_that_are_valid_where_they_land(tmp_path: Path) -> None:
    assert cli.main(["init", str(tmp_path / "mine")]) == 0
    copies = sorted((tmp_path / "mine" / "sweeps").glob("*.yaml"))
    assert [copy.name for copy in copies] == sorted(file.name for file in shipped_folder().glob("sweeps/*.yaml"))
    assert cli.main(["check", *map(str, copies)]) == 0
