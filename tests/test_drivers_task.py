"""What drives a finished run: rows, sentences, pictures and files, with units redrawn and without."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from conftest import small

from sim import cli, run_study
from sim.chance.sampling import draw_worlds, hybrid_worlds
from sim.chance.units import units_of
from sim.chance.worlds import Worlds
from sim.errors import ResultsError, ScenarioError
from sim.model.engine import simulate
from sim.outcomes.drivers import Attribution, DriverRow
from sim.outcomes.events import Event
from sim.outcomes.findings import event_words, in_units, kind_words, sentences, unit_words
from sim.outcomes.naming import Outcome, find_outcome, outcome_draws
from sim.outcomes.panels import Result
from sim.outcomes.study import INPUTS_FILE, Study, inputs_of, read_study
from sim.pictures.drivers import Kinds, Tornado, sheets
from sim.pictures.registry import draw, drawable, figure
from sim.reading.loading import read_scenario
from sim.scenario.scenario import Scenario
from sim.tasks import drivers as command
from sim.tasks import hybrids
from sim.tasks.attribution import Redrawn, default_outcomes, drivers, redrawn_sets
from sim.tasks.drivers import run_drivers
from sim.tasks.hybrids import HybridPlan, hybrid_draws, hybrid_parts, redrawn_part
from sim.tasks.runs import with_draws
from sim.tasks.task import FINISHED_BEFORE, FindingsStudy
from sim.tasks.verify import verify_study

GAIN = "gain(foreign_share.total.2022)"
COLUMNS = (
    *("outcome", "scenario", "unit", "column", "kind", "grade", "low", "high", "swing"),
    *("first", "first_se", "total", "total_se", "floor"),
)


def closed() -> Scenario:
    """The small scenario, which opens too late for anything to come of it, with some years more."""
    base = small()
    return base.model_copy(update={"horizon": base.horizon.model_copy(update={"end_year": 2022})})


def opened() -> Scenario:
    """The same, opened early."""
    base = closed()
    step = base.policy.steps["pilot_effective"].model_copy(update={"when": base.as_of.replace(year=2019, day=1)})
    policy = base.policy.model_copy(update={"steps": {"pilot_effective": step}})
    return base.named("opened").model_copy(update={"policy": policy})


@cache
def folder() -> Path:
    """A run of two scenarios of 8 scrambles."""
    out = Path(mkdtemp())
    return run_study([closed(), opened()], draws=4096, out=out, plots=False, jobs=1).folder


@cache
def study() -> Study:
    return read_study(folder())


@cache
def whole() -> FindingsStudy:
    """Its drivers with totals."""
    return run_drivers(folder(), outcomes=[GAIN], total=True, out=folder().parent, plots=True, jobs=2)


def rows(found: FindingsStudy, name: str = "drivers.csv") -> list[dict[str, str]]:
    with (found.folder / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def outcome(text: str) -> Outcome:
    return find_outcome(text, {result.name: result.panels for result in study().results}, study().baseline)


def attributions(*texts: str) -> tuple[Attribution, ...]:
    """From the draws alone, as a run has them in memory."""
    results = study().results
    inputs = inputs_of([result.scenario for result in results])
    return drivers(results, inputs, study().baseline, [outcome(text) for text in texts])


def same_worlds(one: Worlds, other: Worlds) -> bool:
    def same(mine: object, its: object) -> bool:
        if isinstance(mine, Mapping) and isinstance(its, Mapping):
            return mine.keys() == its.keys() and all(same(mine[name], its[name]) for name in mine)
        return np.array_equal(mine, its)  # type: ignore[arg-type]

    return all(same(value, getattr(other, name)) for name, value in vars(one).items())


@pytest.mark.parametrize("redrawn", [[], ["demand.churn"], ["shock.market", "opening.hypothesis"]])
def test_worlds_of_which_both_sets_are_drawn_once_have_the_bits_of_those_drawn_alone(redrawn: list[str]) -> None:
    assert same_worlds(hybrid_worlds(small(), range(1, 3))(redrawn), draw_worlds(small(), range(1, 3), redrawn=redrawn))


def plan(*sets: Redrawn) -> HybridPlan:
    asked = {"opened": (outcome(GAIN), outcome("foreign_share.total"))}
    return HybridPlan((study().result("small").scenario, study().result("opened").scenario), "small", asked, sets)


def test_without_redrawing_a_part_has_the_draws_of_the_run() -> None:
    draws = redrawn_part(plan(), [Redrawn()], range(2, 4))["draws"]
    result, base = study().result("opened"), study().result("small")
    for place, one in enumerate(plan().asked["opened"]):
        np.testing.assert_array_equal(draws[0, place], outcome_draws(one, result, base)[1024:2048])


def test_what_a_part_shares_among_its_sets_moves_no_bit() -> None:
    sets = [Redrawn(["demand.churn"]), Redrawn(["shock.market"]), Redrawn(["market.size", "opening.hypothesis"])]
    draws = redrawn_part(plan(), sets, range(1))["draws"]
    for place, one in enumerate(sets):
        base, result = (
            Result(scenario, simulate(scenario, draw_worlds(scenario, range(1), redrawn=one)))
            for scenario in plan().scenarios
        )
        np.testing.assert_array_equal(draws[place, 0], outcome_draws(outcome(GAIN), result, base))


def test_parts_are_put_together_by_scramble_and_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrids, "_SETS_PER_PART", 2)
    sets = [Redrawn([name]) for name in ("demand.churn", "market.size", "shock.market")]
    scenarios = tuple(with_draws(one, 2048) for one in plan().scenarios)
    parts = hybrid_parts(replace(plan(*sets), scenarios=scenarios))
    assert len(parts) == 4
    found = hybrid_draws(replace(plan(*sets), scenarios=scenarios), [part() for part in parts])["opened"]
    assert list(found) == sets
    for redrawn in sets:
        alone = redrawn_part(plan(), [redrawn], range(2, 4))["draws"][0]
        np.testing.assert_array_equal(found[redrawn][:, 1024:], alone)


def test_the_table_has_a_row_for_each_unit_column_and_level() -> None:
    found = rows(whole())
    assert tuple(found[0]) == COLUMNS
    assert {row["scenario"] for row in found} == {"opened"}
    expected = [column.name for unit in units_of(opened()) for column in unit.columns]
    assert sorted(row["column"] for row in found if row["column"] and "=" not in row["column"]) == sorted(expected)
    levels = [row for row in found if "=" in row["column"]]
    assert [row["column"] for row in levels] == ["opening.hypothesis=wide", "opening.hypothesis=narrow"]
    assert all(row["unit"] == "opening.hypothesis" and not row["first"] for row in levels)
    groups = [row for row in found if not row["column"]]
    assert {"shock.market", "shock.origin"} <= {row["unit"] for row in groups}
    assert all(row["total"] and row["total_se"] for row in found if row["column"] in ("", row["unit"]))


def test_without_totals_nothing_is_said_of_luck_for_its_paths_are_not_known() -> None:
    (found,) = attributions(GAIN)
    known = {row.kind: row.first for row in found.kinds}
    assert np.isnan(known["luck"])
    assert known["disagreement"] + known["ignorance"] + known["unattributed"] == pytest.approx(1)
    words = next(line for line in sentences(found) if line.startswith("By themselves"))
    assert "is luck and what all of them do together: --total tells them apart." in words


def test_the_shares_of_the_kinds_add_up_and_none_is_above_its_total() -> None:
    kinds = {row["kind"]: row for row in rows(whole(), "kinds.csv")}
    assert list(kinds) == ["disagreement", "ignorance", "luck", "unattributed"]
    assert sum(float(kinds[kind]["share"]) for kind in list(kinds)[:3]) == pytest.approx(1.0, abs=1e-9)
    assert all(float(kinds[kind]["total"]) >= float(kinds[kind]["share"]) > 0 for kind in list(kinds)[:3])
    assert sum(float(row["first"]) for row in kinds.values()) == pytest.approx(1.0, abs=1e-9)


def test_every_grade_has_its_share_and_chance_stands_beside_them() -> None:
    grades = {row["grade"]: row for row in rows(whole(), "grades.csv")}
    assert set(grades) == {"found", "judgement", "chance", "unattributed"}
    assert not grades["unattributed"]["total"]
    assert float(grades["judgement"]["total"]) > float(grades["judgement"]["first"]) > 0.2


def test_only_what_is_told_from_0_is_added_up() -> None:
    told = [row for row in attributions(GAIN)[0].units if row.first > row.floor and row.kind != "luck"]
    kinds = {row.kind: row for row in attributions(GAIN)[0].kinds}
    assert len(told) < len(units_of(opened()))
    assert kinds["unattributed"].first == pytest.approx(1 - sum(row.first for row in told), abs=1e-12)


def test_drivers_are_made_anew_from_the_run_beside_them(tmp_path: Path) -> None:
    found = run_drivers(folder(), outcomes=[GAIN], out=folder().parent, plots=False, jobs=1).folder
    assert verify_study(found, rerun=True, jobs=1).faults == ()
    alone = tmp_path / found.name
    shutil.copytree(found, alone)
    with pytest.raises(ResultsError, match="was made of a run that does not lie beside it"):
        verify_study(alone, rerun=True)


def test_few_draws_have_no_errors_and_nothing_is_said_of_shares(tmp_path: Path) -> None:
    few = run_study([closed(), opened()], draws=512, out=tmp_path, plots=False, jobs=1).folder
    found = run_drivers(few, outcomes=[GAIN], out=tmp_path, plots=False, jobs=1)
    assert found.findings[0][1:] == ("With so few draws no share can be told from 0: run the study with more.",)
    assert "standard errors are unknown below 4096 draws (8 scrambles)" in found.notes
    assert not any(row["first_se"] for row in rows(found))


def test_a_share_in_all_is_not_below_the_share_alone() -> None:
    for row in rows(whole()):
        if row["total"] and row["first"]:
            error = 3 * (float(row["first_se"]) + float(row["total_se"])) + 0.02
            assert float(row["first"]) <= float(row["total"]) + error, row["unit"]


def test_only_what_a_case_disagrees_on_is_named_and_only_layers_that_it_has() -> None:
    cars, insurers, cloud = (read_scenario(name).scenario for name in ("cars/base", "insurers/base", "jv_only"))
    assert kind_words("disagreement", insurers) == "which hypothesis"
    assert kind_words("disagreement", cloud) == "which hypothesis, which reading"
    one = insurers.opening.model_copy(update={"hypotheses": dict([*insurers.opening.hypotheses.items()][:1])})
    assert not kind_words("disagreement", insurers.model_copy(update={"opening": one}))
    share = Outcome("foreign_share", "total", "", 2030, "fraction")
    assert [share.words(case) for case in (insurers, cloud)] == [
        "foreign share, 2030",
        "foreign share, all layers, 2030",
    ]
    event = Event(share.gain(), "<", -0.1)
    assert event_words(event, insurers) == "gain in foreign share, 2030, below −10 points"
    assert event_words(event, cars).startswith("gain in foreign share, all layers, 2030, below")


def test_the_hypothesis_is_what_drives_most_and_is_said_first() -> None:
    title, *findings = whole().findings[0]
    assert title.startswith("Opened, gain in foreign share, all layers, 2022 over Small: mean +")
    assert findings[0].startswith("Its uncertainty is ")
    assert any(line.startswith("The mean differs by which hypothesis on the long run holds: +") for line in findings)
    most = next(line for line in findings if line.startswith("It hangs most on"))
    assert most.startswith(f"It hangs most on {unit_words(rows(whole())[0]['unit'], opened())} (")


def test_the_free_part_needs_no_runs_and_no_folder() -> None:
    (found,) = attributions(GAIN)
    assert not found.has_totals
    with_totals = {(row["unit"], row["column"]): row for row in rows(whole())}
    for row in found.rows:
        expected = with_totals[row.unit, row.column]["first"]
        if not np.isnan(row.first):
            assert row.first == float(expected)
    assert [line for line in sentences(found) if line.startswith("By themselves its sources explain")]


def test_levels_are_answered_by_every_scenario_and_gains_by_all_but_the_baseline() -> None:
    found = attributions("foreign_share.total", GAIN)
    assert [(one.scenario.name, one.outcome.is_gain) for one in found] == [
        *(("small", False), ("opened", False), ("opened", True))
    ]
    assert [one.baseline for one in found] == ["", "", "small"]


def test_what_is_asked_unless_it_is_told() -> None:
    assert [one.label for one in default_outcomes(study().results, study().baseline)] == [
        "gain(foreign_share.total.2022)",
        "gain(npv_with_terminal.total.aws.2022)",
        "gain(npv_with_terminal.total.foreign.2022)",
        "foreign_share.total.2022",
    ]


def test_a_provider_that_the_baseline_lacks_gains_over_nobody_and_is_not_asked_for() -> None:
    base, other = study().results
    worth = replace(base.panels["npv_with_terminal"], items=(("total", "foreign"),))
    lacking = Result(base.scenario, {**base.panels, "npv_with_terminal": worth})
    labels = [one.label for one in default_outcomes([lacking, other], study().baseline)]
    assert [label for label in labels if "npv" in label] == ["gain(npv_with_terminal.total.foreign.2022)"]


def test_an_outcome_that_is_the_same_in_every_draw_is_named_and_left_out() -> None:
    found = run_drivers(folder(), outcomes=["market_share.iaas.aws.2018"], out=folder().parent, plots=False, jobs=1)
    assert found.findings == ()
    assert "market_share.iaas.aws.2018 is the same in every draw of small: nothing drives it" in found.notes


def test_what_was_done_before_is_recognised_on_any_number_of_jobs() -> None:
    again = run_drivers(folder(), outcomes=[GAIN], total=True, out=whole().folder.parent, plots=True, jobs=1)
    assert FINISHED_BEFORE in again.notes
    assert again.findings == whole().findings
    before = (whole().folder / "drivers.csv").read_bytes()
    forced = run_drivers(folder(), outcomes=[GAIN], total=True, out=folder().parent, jobs=1, force=True)
    assert (forced.folder / "drivers.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("foreign_shar.total", r"no outcome has this variable \(.*did you mean 'foreign_share'"),
        ("gain(foreign_share.totl)", r"foreign_share is not known of this \(.*did you mean 'total'"),
        ("event_date.aws.launch", "event_date is not there in every draw"),
        ("gain(small:foreign_share.total)", "small is the baseline itself"),
        ("consumer_gain.total", r"of consumer_gain only differences mean anything: gain\("),
    ],
)
def test_an_outcome_that_cannot_be_explained_is_refused_in_words(asked: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=message):
        run_drivers(folder(), outcomes=[asked], out=tmp_path)


def learned() -> Study:
    """As if its draws were rows of a posterior."""

    def one(result: Result) -> Result:
        sampling = result.scenario.sampling.model_copy(update={"posterior": "abc"})
        return Result(result.scenario.model_copy(update={"sampling": sampling}), result.panels)

    return replace(study(), results=tuple(map(one, study().results)))


def test_totals_of_a_posterior_are_refused_and_the_free_part_leaves_sums_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "read_study", lambda folder: learned())
    with pytest.raises(ScenarioError, match="rows of a posterior, so that inputs depend on each other"):
        run_drivers(folder(), total=True, out=tmp_path)
    monkeypatch.setattr(Study, "inputs", lambda self, name: study()._inputs[name])
    found = run_drivers(folder(), outcomes=[GAIN], out=tmp_path, plots=True, jobs=1)
    assert rows(found)
    assert not rows(found, "kinds.csv")
    assert not rows(found, "grades.csv")


def test_a_study_without_inputs_is_told_to_be_run_again(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(folder(), bare)
    (bare / INPUTS_FILE).unlink()
    with pytest.raises(ResultsError, match=f"was made without {INPUTS_FILE}: run the study again"):
        run_drivers(bare, outcomes=[GAIN], out=tmp_path, plots=False, jobs=1)


def test_what_another_command_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="is the study of sim drivers, and a study of sim run is asked for"):
        run_drivers(whole().folder, out=tmp_path)


def test_the_sets_are_each_unit_all_but_a_path_kinds_and_grades() -> None:
    units = units_of(opened())
    names = Redrawn(unit.name for unit in units)
    sets = redrawn_sets(units, opened())
    assert {Redrawn([name]) for name in names} | {names - {"shock.market"}, names - {"market_steps"}, names} <= set(
        sets
    )
    assert Redrawn(unit.name for unit in units if unit.kind != "luck") in sets
    assert Redrawn(unit.name for unit in units if unit.grade == "judgement") in sets
    assert Redrawn() not in sets
    assert len(set(sets)) == len(sets)


@pytest.mark.parametrize(
    ("unit", "value", "is_gain", "words"),
    [
        ("fraction", 0.0587, True, "+5.9 points"),
        ("fraction", 0.186, False, "19%"),
        ("fraction", -0.004, True, "−0.4 points"),
        ("USD bn", 8.24, True, "USD +8.24bn"),
        ("USD bn/yr", 14.83, False, "USD 14.8bn a year"),
        ("ratio", 1.034, False, "1.03 ratio"),
    ],
)
def test_numbers_have_their_units(unit: str, value: float, is_gain: bool, words: str) -> None:
    assert in_units(Outcome("any", "total", "", 2030, unit, is_gain=is_gain), value) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shock.market[0]", "shocks to the market's size, component 1"),
        ("shock.rivalry.aws", "luck of AWS in rivalry"),
        ("regulator.review_time[aws]", "how long the regulator takes, AWS"),
        ("opening.hypothesis", "which hypothesis on the long run holds"),
        ("chance.trade_deal", "whether trade deal happens"),
        ("order", "who is first in the queue"),
    ],
)
def test_units_have_words(name: str, words: str) -> None:
    assert unit_words(name, small()) == words


def test_every_picture_says_what_it_shows(tmp_path: Path) -> None:
    drawn = sheets(attributions(GAIN, "foreign_share.total"))
    assert list(drawn) == [
        "kinds",
        "tornado_small_foreign_share_total_2022",
        "tornado_opened_gain_foreign_share_total_2022",
        "tornado_opened_foreign_share_total_2022",
    ]
    for file, sheet in drawn.items():
        (name,) = drawable(sheet)
        assert all(path.stat().st_size > 10_000 for path in draw(name, sheet, tmp_path, file))
    kinds, tornado = drawn["kinds"], drawn["tornado_opened_gain_foreign_share_total_2022"]
    assert isinstance(kinds, Kinds)
    assert isinstance(tornado, Tornado)
    axes = figure("drivers_tornado", tornado).axes
    assert "percentage points" in axes[0].get_xlabel()
    words = [label.get_text() for label in axes[0].get_yticklabels()]
    assert "Which hypothesis on the long run holds\n(narrow, wide)" in words


def test_with_totals_there_are_pictures_of_the_whole() -> None:
    plots = whole().folder / "plots"
    assert sorted(path.name for path in plots.glob("*.png")) == [
        "kinds.png",
        "tornado_opened_gain_foreign_share_total_2022.png",
    ]


def test_the_command_line_says_it_in_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["drivers", str(folder()), "--of", GAIN, "--no-plots", "--out", str(tmp_path), "--jobs", "1"]
    assert cli.main(asked) == 0
    said = capsys.readouterr().out
    assert "Opened, gain in foreign share, all layers, 2022 over Small: mean +" in said
    assert said.splitlines()[-1].startswith(f"Saved in {tmp_path}")
    assert len(said.splitlines()) <= 12
    assert cli.main([*asked[:3], "foreign_shre", *asked[4:]]) == 2
    assert "did you mean 'foreign_share'" in capsys.readouterr().err


def test_how_many_runs_is_said_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def stop(plan: HybridPlan) -> list[object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "hybrid_parts", stop)
    with pytest.raises(KeyboardInterrupt):
        run_drivers(folder(), outcomes=[GAIN], total=True, out=tmp_path, progress=lambda text, share: told.append(text))
    assert any("runs of 4,096 draws" in text for text in told)


def test_a_row_of_a_unit_is_told_from_rows_of_its_columns() -> None:
    row = DriverRow("o", "s", "group", "", "luck", "")
    assert row.is_unit
    assert not row._replace(column="member").is_unit
    assert row._replace(column="group").is_unit


def test_titles_claim_no_share_whose_error_is_not_known() -> None:
    known = attributions(GAIN)[0]
    few = replace(known, rows=tuple(row._replace(first_se=math.nan) for row in known.rows))
    for one, is_claimed in ((known, True), (few, False)):
        drawn = sheets([one])
        titles = [figure(drawable(sheet)[0], sheet).get_suptitle() for sheet in drawn.values()]
        assert [("%" in title) for title in titles] == [is_claimed] * len(titles)
