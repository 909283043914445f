"""Conditions of an event, from a finished run to a box that another comparison applies."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import Folder, small

from sim.analysis.discovery import Limit
from sim.cli import main
from sim.errors import ResultsError, ScenarioError
from sim.outcomes.events import Event, find_event
from sim.outcomes.naming import Outcome
from sim.outcomes.statistics import STATISTICS, describe
from sim.outcomes.study import Study, read_study
from sim.reading.loading import load_scenario
from sim.tasks.boxfile import read_box, terms_of
from sim.tasks.compare import compare_studies
from sim.tasks.conditions import Finding, Measured, sentences
from sim.tasks.discover import DiscoverTask, run_discovery
from sim.tasks.run import run_study
from sim.tasks.verify import verify_study

DRAWS = 8192
SIZE = "market_size.total.2018 > 7300 USD m/yr"
LATER = "market_size.total.2020 > 18.5"

BOX = """\
schema_version: 1
name: large
event: a large market
scenario: small
inputs:
  market.size: {low: 7300, unit: USD m/yr}
  opening.hypothesis: {categories: [narrow]}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of the small scenario, and of one whose market is half as large again."""
    path = tmp_path_factory.mktemp("made")
    folder = Folder(path)
    size = "{low: 10.5, median: 10.8, high: 12, unit: USD bn/yr, source: bank, grade: found}"
    folder.variant(f"market:\n  size: {size}\n")
    scenarios = [
        load_scenario(path / name, overrides=["market.volatility=0.05"]) for name in ("small.yaml", "case.yaml")
    ]
    return run_study(scenarios, draws=DRAWS, plots=False, out=path / "results").folder


@pytest.fixture
def study(made: Path, folder: Folder) -> Study:
    """The same, from another folder."""
    return read_study(made)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_what_one_input_decides_is_one_limit_that_holds_all_of_it(study: Study) -> None:
    found = run_discovery(study.folder, SIZE, plots=False)
    rows = _rows(found.folder / "boxes.csv")
    own = [row for row in rows if row["scenario"] == "small"]
    assert [(row["box"], row["input"], row["unit"]) for row in own] == [
        ("none", "", ""),
        ("1", "market.size", "USD bn/yr"),
        ("all", "", ""),
    ]
    assert float(own[1]["low"]) == pytest.approx(7.3, abs=0.02)
    assert min(float(own[1]["coverage"]), float(own[1]["density"])) > 0.97
    assert float(own[1]["ceiling"]) == 1.0
    assert 0.0 <= float(own[1]["coverage_se"]) < 0.02
    assert found.findings[0][1].startswith(
        "Box 1: where size of the market in the base year: at least 7.3 USD bn a year, it is so in "
    )
    assert any("case is left out: in every draw of it market_size.total.2018 > 7.3" in note for note in found.notes)


def test_luck_leaves_less_to_tell_and_boxes_stay_below_its_ceiling(study: Study) -> None:
    found = run_discovery(study.folder, LATER, plots=False)
    (row,) = [row for row in _rows(found.folder / "boxes.csv") if (row["scenario"], row["box"]) == ("small", "all")]
    product = float(row["coverage"]) * float(row["density"])
    assert product < float(row["ceiling"]) < 0.9
    share = (study.result("small").panels["market_size"].column(2020, "total") > 18.5).mean()
    assert share < product


def test_luck_itself_is_a_condition_only_if_asked_for(study: Study) -> None:
    plain = run_discovery(study.folder, f"small:{LATER}", plots=False)
    lucky = run_discovery(study.folder, f"small:{LATER}", plots=False, with_luck=True)
    inputs = [{row["input"] for row in _rows(one.folder / "boxes.csv")} for one in (plain, lucky)]
    assert not any("shock" in name for name in inputs[0])
    assert any("shock.market" in name for name in inputs[1])
    assert {row["ceiling"] for row in _rows(lucky.folder / "boxes.csv")} == {""}
    assert any("there is no ceiling" in note for note in lucky.notes)


def test_what_luck_decides_is_no_story(study: Study) -> None:
    found = run_discovery(study.folder, "small:market_share.iaas.aws.2020 > 9%", plots=False)
    assert "This is mostly luck, and no story is told" in found.findings[-1][-1]
    assert not list(found.folder.glob("box_*.yaml"))


def _finding(product: float, top: float) -> Finding:
    """One box that holds all of an event of a fifth of the draws."""
    everywhere, held = Measured(1.0, 0.0, 0.2, 0.01), Measured(1.0, 0.0, product, 0.01)
    box = (Limit("market.size", low=7.3),)
    own = (terms_of(small()), 0.2, (box,), (held,), held, everywhere, (top, 0.01), ())
    share = Outcome("foreign_share", "total", "", 2020, "fraction")
    return Finding(small(), Event(share, ">", 0.1), *own)


def test_a_story_takes_a_quarter_of_what_there_is_to_tell() -> None:
    assert _finding(0.31, 0.6).told
    assert _finding(0.29, 0.6).told == ()
    assert _finding(0.29, np.nan).told
    assert _finding(0.2, 0.2).told == ()


def test_where_no_story_is_told_it_is_said_whether_that_is_luck() -> None:
    *_, luck = sentences(_finding(0.25, 0.5), 1)
    assert luck.startswith("This is mostly luck, and no story is told: coverage × density")
    *_, scattered = sentences(_finding(0.25, 0.9), 1)
    assert scattered.startswith("No story is told: no box of few inputs has it: coverage × density")


def test_draws_of_a_posterior_have_no_ceiling(study: Study) -> None:
    result = study.result("small")
    sampling = result.scenario.sampling.model_copy(update={"posterior": "f" * 64})
    scenario = result.scenario.model_copy(update={"sampling": sampling})
    learned = Study(study.folder, study.manifest, (type(result)(scenario, result.panels),))
    passes = result.panels["market_size"].column(2018, "total") > 7.3
    event = find_event(SIZE, {"small": result.panels})
    task = DiscoverTask(learned, event, {"small": passes}, with_luck=False, pictures=False)
    assert not task.has_ceiling
    assert any("learned from a record" in note for note in task._notes())


def test_the_same_is_recognised_and_jobs_move_nothing(study: Study) -> None:
    one = run_discovery(study.folder, f"small:{LATER}", plots=False, jobs=1)
    again = run_discovery(study.folder, f"small:{LATER}", plots=False)
    other = run_discovery(study.folder, f"small:{LATER}", plots=False, jobs=2, out="other")
    assert "this study was finished before" in again.notes[-1]
    assert again.findings == one.findings
    assert (one.folder / "manifest.json").read_bytes() == (other.folder / "manifest.json").read_bytes()


def test_pictures_are_named_after_the_scenarios_and_show_limits_where_there_is_a_story(study: Study) -> None:
    found = run_discovery(study.folder, "market_size.total.2020 > 21")
    names = {path.stem for path in found.paths if path.suffix == ".png"}
    assert names == {"conditions_curve_small", "conditions_ranges_small", "conditions_curve_case"}


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("market_size.totl.2018 > 3", "--where: market_size is not known of this .*did you mean 'total'"),
        ("small:market_size.total.2018 > 99", "in small no draw passes; half of the draws lie between 7.1.* and 7.5"),
        ("small:market_size.total.2018 > 1", "in small every draw passes; .*: choose a number that some draws pass"),
        ("market_size.total.2018 > 99", "in small no draw passes; .*, in case no draw passes"),
        ("gain(small:market_size.total.2018) > 1", "small is the baseline itself"),
    ],
)
def test_an_event_of_which_nothing_can_be_told_is_refused_in_one_line(study: Study, where: str, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint) as caught:
        run_discovery(study.folder, where)
    assert len(str(caught.value).splitlines()) == 1


def test_a_study_of_less_than_four_scrambles_is_refused(folder: Folder) -> None:
    few = run_study(["small.yaml"], draws=1536, plots=False).folder
    with pytest.raises(ResultsError, match="1,536 draws are too few: run it with --draws 2048 or more"):
        run_discovery(few, SIZE)


def test_a_study_of_another_command_is_refused(study: Study) -> None:
    found = run_discovery(study.folder, f"small:{SIZE}", plots=False)
    with pytest.raises(ResultsError, match="is the study of sim discover, and a study of sim run is asked for"):
        run_discovery(found.folder, SIZE)


def test_the_file_of_a_box_holds_the_draws_that_it_was_measured_on(study: Study) -> None:
    found = run_discovery(study.folder, f"small:{SIZE}", plots=False)
    held = read_box(found.folder / "box_1.yaml", study)
    size = study.inputs("small")["market.size"]
    low = float(_rows(found.folder / "boxes.csv")[1]["low"])
    np.testing.assert_array_equal(held.places, np.flatnonzero(size >= low))


def test_draws_inside_a_box_are_compared_alone(study: Study, folder: Folder) -> None:
    inside = compare_studies([study.folder], where=folder.write("box.yaml", BOX), plots=False)
    drawn = study.inputs("small")
    held = (drawn["market.size"] >= 7.3) & (drawn["opening.hypothesis"] == 1)
    column = study.result("small").panels["market_size"].column(2020, "total")[held]
    rows = _rows(inside.folder / "summary.csv")
    own = {
        row["statistic"]: row
        for row in rows
        if (row["scenario"], row["variable"], row["scope"], row["period"]) == ("small", "market_size", "total", "2020")
    }
    assert float(own["mean"]["value"]) == pytest.approx(column.mean(), rel=1e-12)
    assert float(own["p95"]["value"]) == pytest.approx(np.quantile(column, 0.95), rel=1e-12)
    assert 0.0 < float(own["mean"]["se"]) < 0.2
    assert f"{held.sum():,} of 8,192 draws" in inside.notes[0]
    size = "size of the market in the base year: at least 7.3 USD bn a year"
    assert f"{size}, and which hypothesis on the long run holds: narrow" in inside.notes[0]


def test_a_box_makes_a_study_of_its_own_and_other_limits_another(study: Study, folder: Folder) -> None:
    whole = compare_studies([study.folder], plots=False)
    one = compare_studies([study.folder], where=folder.write("box.yaml", BOX), plots=False)
    other = compare_studies(
        [study.folder], where=folder.write("box.yaml", BOX.replace("7300", "7300.000001")), plots=False
    )
    again = compare_studies([study.folder], where=folder.write("box.yaml", f"# a remark\n{BOX}"), plots=False)
    assert len({whole.folder, one.folder, other.folder}) == 3
    assert again.folder == one.folder


def test_pictures_of_draws_inside_a_box_are_drawn(study: Study, folder: Folder) -> None:
    inside = compare_studies([study.folder], where=folder.write("box.yaml", BOX))
    assert len([path for path in inside.paths if path.suffix == ".png"]) >= 8


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("scenario: small", "scenario: smal", r"box.yaml:4:1: scenario: no scenario of .*did you mean 'small'"),
        (
            "market.size",
            "market.sise",
            r"box.yaml:6:3: inputs.market.sise: nothing of this name was drawn .*'market.size'",
        ),
        (
            "USD m/yr",
            "EUR",
            r"box.yaml:6:28: inputs.market.size.unit: the unit must be one of the input's .found 'EUR'",
        ),
        (", unit: USD m/yr", "", r"box.yaml:6:3: inputs.market.size: the unit must be one of .* .found nothing"),
        ("low: 7300, ", "", r"box.yaml:6:3: inputs.market.size: limits nothing: state 'low' or 'high', and its unit"),
        ("low: 7300", "low: null, high: null", r"box.yaml:6:17: inputs.market.size: limits nothing"),
        ("low: 7300", "low: 9, high: 8", r"box.yaml:6:17: .*'low' must not be above 'high' .found 9 and 8"),
        ("low: 7300", "low: many", r"box.yaml:6:17: inputs.market.size.low: must be a number .found 'many'"),
        ("low: 7300", "lo: 7300", r"box.yaml:6:17: .*: unknown key .found 'lo'; .*did you mean 'low'"),
        ("low: 7300", "categories: [narrow], low: 7300", r"box.yaml:6:17: .*the input is a number: state 'low' or"),
        ("[narrow]", "[narow]", r"box.yaml:7:24: .*: unknown category .*did you mean 'narrow'"),
        ("[narrow]", "[]", r"box.yaml:7:24: .*must hold at least 1"),
        ("{categories: [narrow]}", "{low: 1}", r"box.yaml:7:24: .*has categories: state those that are inside"),
        ("{categories: [narrow]}", "{}", r"box.yaml:7:3: .*limits nothing: state 'categories' .allowed wide, narrow"),
        ("schema_version: 1", "schema_version: 2", r"box.yaml:1:1: schema_version"),
    ],
)
def test_a_wrong_box_is_refused_with_its_place_and_the_remedy(
    study: Study, folder: Folder, old: str, new: str, complaint: str
) -> None:
    assert BOX.count(old) == 1
    with pytest.raises(ScenarioError) as caught:
        compare_studies([study.folder], where=folder.write("box.yaml", BOX.replace(old, new)))
    assert re.match(complaint, str(caught.value)), str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_all_mistakes_of_a_box_are_told_at_once(study: Study, folder: Folder) -> None:
    wrong = BOX.replace("[narrow]", "[narow]").replace("low: 7300, ", "")
    with pytest.raises(ScenarioError) as caught:
        read_box(folder.write("box.yaml", wrong), study)
    assert len(caught.value.problems) == 2


def test_a_box_that_hardly_holds_a_draw_is_refused(study: Study, folder: Folder) -> None:
    with pytest.raises(ResultsError, match=r"of 8,192 draws are inside, too few to say anything .at least 100"):
        compare_studies([study.folder], where=folder.write("box.yaml", BOX.replace("7300", "8900")))


def test_a_box_chooses_from_one_study(study: Study, folder: Folder) -> None:
    with pytest.raises(ResultsError, match=r"--where takes one study, whose draws it chooses .found 2 results"):
        compare_studies([study.folder, study.folder], where=folder.write("box.yaml", BOX))


def test_the_command_says_the_conditions_and_where_all_of_it_lies(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["discover", str(study.folder), "--where", f"small:{SIZE}", "--no-plots"]) == 0
    said = capsys.readouterr().out
    assert "Box 1: where size of the market in the base year: at least 7.3 USD bn a year" in said
    assert said.splitlines()[-1].startswith("Saved in results/discover-small-")
    assert len(said.splitlines()) <= 12
    assert main(["discover", str(study.folder), "--where", "nothing", "--no-plots"]) == 2
    assert capsys.readouterr().err.startswith("--where: an event is an outcome, one of > >= < <=, and a number")


def test_scrambles_of_unlike_size_give_the_statistics_of_whole_ones_where_they_are_alike() -> None:
    columns = np.random.default_rng(3).lognormal(size=(3, 16 * 512))
    whole, parts = describe(columns.copy()), describe(columns.copy(), sizes=(512,) * 16)
    np.testing.assert_allclose(parts.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(parts.error, whole.error, rtol=1e-9)


def test_errors_of_scrambles_of_unlike_size_are_the_spread_of_means_over_worlds() -> None:
    random, mean = np.random.default_rng(5), STATISTICS.index("mean")
    sizes = (10, 300, 40, 0, 200, 150, 90, 260, 30, 120)
    found = [describe(random.normal(size=(1, sum(sizes))), sizes=sizes) for _ in range(400)]
    spread = np.std([one.value[0, mean] for one in found])
    assert np.sqrt(np.mean([one.error[0, mean] ** 2 for one in found])) == pytest.approx(spread, rel=0.15)
    assert np.isnan(describe(random.normal(size=(1, 70)), sizes=(10,) * 7).error).all()


def test_conditions_are_found_anew_from_the_run_beside_them(made: Path) -> None:
    found = run_discovery(made, SIZE, plots=False, out=made.parent, jobs=1).folder
    assert verify_study(found, rerun=True, jobs=1).faults == ()
