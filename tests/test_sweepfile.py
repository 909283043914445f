"""The file of a sweep: what its points are, and every mistake told once, where it stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Folder

from sim.chance.sampling import design_column
from sim.errors import ScenarioError
from sim.reading.loading import load_scenario, shipped_folder
from sim.scenario.families import Discrete, Fixed, Interval
from sim.tasks.points import asked_outcomes
from sim.tasks.sweepfile import Sweep, read_sweep

HEAD = """\
schema_version: 1
name: trial
question: What matters?
scenario: small.yaml
"""


def sweep(folder: Folder, text: str, head: str = HEAD) -> Sweep:
    return read_sweep(folder.write("sweep.yaml", head + text))


def complaints(folder: Folder, text: str, head: str = HEAD) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        asked_outcomes(sweep(folder, text, head))
    return str(caught.value).splitlines()


def coordinates(found: Sweep) -> list[tuple[object, ...]]:
    return list(zip(*(factor.coordinates for factor in found.factors), strict=True))


def test_a_grid_is_every_combination_and_its_last_path_varies_fastest(folder: Folder) -> None:
    found = sweep(folder, "design: {grid: {demand.churn: [1, 8], zone.cap: [0.2, 0.5, 1.5]}}")
    assert coordinates(found) == [(1, 0.2), (1, 0.5), (1, 1.5), (8, 0.2), (8, 0.5), (8, 1.5)]


def test_a_list_is_its_points_whatever_the_order_of_their_paths(folder: Folder) -> None:
    found = sweep(folder, "design: {list: [{demand.churn: 1, zone.cap: 2}, {zone.cap: 4, demand.churn: 3}]}")
    assert coordinates(found) == [(1, 2), (3, 4)]


def test_a_latin_hypercube_has_one_point_in_each_equal_cell_of_every_range(folder: Folder) -> None:
    found = sweep(folder, "design: {latin_hypercube: {points: 20, ranges: {demand.churn: [1, 8], zone.cap: [2, 3]}}}")
    for factor, (low, high) in zip(found.factors, ((1, 8), (2, 3)), strict=True):
        cells = np.floor((np.array(factor.coordinates, dtype=float) - low) / (high - low) * 20)
        assert sorted(cells) == list(range(20))


def test_another_range_leaves_the_column_of_a_latin_hypercube_as_it_was(folder: Folder) -> None:
    alone = sweep(folder, "design: {latin_hypercube: {points: 9, ranges: {zone.cap: [2, 3]}}}")
    among = sweep(folder, "design: {latin_hypercube: {points: 9, ranges: {demand.churn: [1, 8], zone.cap: [2, 3]}}}")
    assert alone.factors[0] == among.factors[1]


def test_the_columns_of_a_design_depend_on_seed_name_and_count() -> None:
    first = design_column(1, "a", 64)
    others = [design_column(2, "a", 64), design_column(1, "b", 64)]
    assert np.array_equal(first, design_column(1, "a", 64))
    assert all(abs(np.corrcoef(first, other)[0, 1]) < 0.5 for other in others)


def test_a_number_fixes_a_parameter_in_the_unit_of_its_record(folder: Folder) -> None:
    found = sweep(folder, "design: {grid: {demand.churn: [5]}}")
    record = found.scenario(found.points[0]).demand.churn
    assert isinstance(record, Fixed)
    assert (record.value, record.unit, record.source) == (5, "%/yr", "sweep")


def test_values_stand_as_after_set(folder: Folder) -> None:
    text = "design: {list: [{demand.churn: 2 to 9, opening.hypothesis: narrow, entry.rule: never}]}"
    (found,) = map(sweep(folder, text).scenario, sweep(folder, text).points)
    assert isinstance(found.demand.churn, Interval)
    assert isinstance(found.opening.hypothesis, Discrete)
    assert (found.opening.hypothesis.discrete, found.entry.rule) == ({"narrow": 1}, "never")


def test_a_record_replaces_a_record(folder: Folder) -> None:
    record = "{low: 10, median: 20, high: 40, min: 1, unit: months, source: bank, grade: derived}"
    found = sweep(folder, f"design: {{grid: {{opening.ramp: [{record}]}}}}")
    assert found.scenario(found.points[0]).opening.ramp.source == "bank"
    assert coordinates(found) == [("low 10, median 20, high 40, min 1, unit months",)]


def test_parameters_are_set_in_the_baseline_too_and_levers_are_not(folder: Folder) -> None:
    text = "baseline: small.yaml\ndesign: {grid: {demand.churn: [5], regimes.pilot.owned_unlock: [0.1]}}"
    found = sweep(folder, text)
    point, reference = found.scenario(found.points[0]), found.reference(found.points[0])
    assert reference is not None
    assert reference.demand.churn == point.demand.churn
    assert reference.regimes == load_scenario("small.yaml").regimes != point.regimes


@pytest.mark.parametrize(
    ("given", "draws", "seed"), [({}, 1024, 7), ({"draws": 512, "seed": 3}, 512, 3)], ids=["file", "command line"]
)
def test_draws_and_seed_are_the_same_for_points_and_baseline(
    folder: Folder, given: dict[str, int], draws: int, seed: int
) -> None:
    text = f"{HEAD}baseline: case.yaml\ndraws: 1024\nseed: 7\ndesign: {{grid: {{demand.churn: [5]}}}}"
    folder.variant("sampling: {seed: 99}")
    found = read_sweep(folder.write("sweep.yaml", text), **given)
    for scenario in (found.scenario(found.points[0]), found.reference(found.points[0])):
        assert scenario is not None
        assert (scenario.sampling.draws, scenario.sampling.seed) == (draws, seed)


def test_scenario_and_baseline_lie_relative_to_the_file(folder: Folder) -> None:
    (folder.path / "sweeps").mkdir()
    text = HEAD.replace("small.yaml", "../small.yaml") + "design: {grid: {demand.churn: [5]}}"
    assert read_sweep(folder.write("sweeps/sweep.yaml", text)).start.name == "small"


def test_outcomes_are_of_the_last_year_unless_one_is_named(folder: Folder) -> None:
    text = (
        "design: {grid: {demand.churn: [5]}}\noutcomes: [foreign_share.iaas, foreign_share.iaas.2019, enters.total.aws]"
    )
    labels = [outcome.label for outcome in asked_outcomes(sweep(folder, text))]
    assert labels == ["foreign_share.iaas.2020", "foreign_share.iaas.2019", "enters.total.aws.2020"]


def test_an_outcome_without_scope_is_asked_for_by_its_item(folder: Folder) -> None:
    (found,) = asked_outcomes(sweep(folder, "design: {grid: {demand.churn: [5]}}\noutcomes: [event_date.aws.launch]"))
    assert (found.scope, found.item, found.year) == ("", "aws.launch", 2020)


def test_share_profit_and_value_are_the_outcomes_if_none_is_asked_for(folder: Folder) -> None:
    found = asked_outcomes(sweep(folder, "design: {grid: {demand.churn: [5]}}"))
    assert [one.variable for one in found] == ["foreign_share", "operating_profit", "npv"]


UNKNOWN = "'zone.kap' does not exist (found 'kap'; allowed reading, readings, cap; did you mean 'cap'?)"
NO_NUMBER = "must be a number in the unit '%/yr' or a range such as '3 to 8', or a record with a unit of its own"
KINDS = "allowed grid, latin_hypercube, list"

MISTAKES = {
    "design: {}": f"5:1: design: states its points by one key (found nothing; {KINDS})",
    "design: {grid: {zone.cap: [1]}, list: []}": "5:33: design.list: must hold at least 1 (found a list of 0)",
    "design: {grid: {zone.cap: [1]}, list: [{zone.cap: 1}]}": f"5:1: design: states its points by one key "
    f"(found grid, list; {KINDS})",
    "design: {grid: }": "5:10: design.grid: must hold what is varied (found nothing)",
    "design: {grid: {zone.cap: []}}": "5:17: design.grid.zone.cap: must hold at least 1 value (found a list of 0)",
    "design: {grid: {zone.cap: [1, 2, 1]}}": "5:34: design.grid.zone.cap[2]: the value stands twice "
    "(found 1 at [0] too)",
    "design: {list: [{zone.cap: 1}, {zone.cup: 1}]}": "5:32: design.list[1]: every point sets the paths of the "
    "first one (found a difference in zone.cap, zone.cup)",
    "design: {list: [{zone.cap: 1}, {zone.cap: 1}]}": "5:32: design.list[1]: the point stands twice "
    "(found zone.cap 1 at [0] too)",
    "design: {list: [{}]}": "5:17: design.list[0]: must set 1 to 32 paths (found 0)",
    "design: {latin_hypercube: {points: 4, ranges: {zone.cap: [2, 1]}}}": "5:48: design.latin_hypercube.ranges.zone.cap"
    ": a range rises from its low to its high end (found 2 to 1)",
    "design: {latin_hypercube: {points: 10001, ranges: {zone.cap: [1, 2]}}}": "5:10: design.latin_hypercube: makes too "
    "many points (found 10,001; allowed at most 10,000)",
    "design: {grid: {zone.kap: [1, 2, 3]}}": f"5:28: {UNKNOWN}",
    "design: {grid: {zone.cap.value: [1]}}": "5:34: a parameter record is set whole; its path is zone.cap",
    "design: {grid: {horizon.end_year: [2025]}}": "5:36: horizon.end_year: is the same at all points, which share "
    "their draws: it cannot be varied",
    "design: {grid: {'': [1]}}": "5:22: a path names what is set (found '')",
    "draws: 700\ndesign: {grid: {zone.cap: [1]}}": "5:1: draws: draws come in scrambles of 512 (found 700; the nearest "
    "are 512 and 1024)",
    "baseline: smal.yaml\ndesign: {grid: {zone.cap: [1]}}": "5:1: baseline: no such file (found 'smal.yaml'; allowed "
    "small.yaml, sweep.yaml; did you mean 'small.yaml'?)",
    "design: {grid: {demand.churn: [3, lots], zone.cap: [1, 2]}}": f"5:35: {NO_NUMBER} (found 'lots') "
    "(at point 3: demand.churn lots, zone.cap 1; points like this: 2)",
}

WRONG_OUTCOMES = {
    "foreign_shar.total": "no outcome has this variable (found 'foreign_shar'; did you mean 'foreign_share'?)",
    "zone_reading": "no outcome has this variable (found 'zone_reading')",
    "foreign_share.totl": "foreign_share is not known of this (found 'totl'; allowed iaas, saas, total; "
    "did you mean 'total'?)",
    "foreign_share.total.2050": "foreign_share has no year 2050 (allowed 2018 to 2020)",
    "consumer_gain.total": "of consumer_gain only differences mean anything: name a baseline",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_once_at_its_place(folder: Folder, text: str) -> None:
    assert complaints(folder, text) == [f"sweep.yaml:{MISTAKES[text]}"]


@pytest.mark.parametrize("name", WRONG_OUTCOMES)
def test_an_outcome_that_there_is_not_is_told_with_what_there_is(folder: Folder, name: str) -> None:
    found = complaints(folder, f"design: {{grid: {{zone.cap: [1]}}}}\noutcomes: [{name}]")
    assert found == [f"sweep.yaml:6:12: outcomes[0]: {WRONG_OUTCOMES[name]}"]


def test_an_outcome_stands_once(folder: Folder) -> None:
    found = complaints(folder, "design: {grid: {zone.cap: [1]}}\noutcomes: [npv.total.aws, npv.total.aws.2020]")
    assert found == ["sweep.yaml:6:27: outcomes[1]: the outcome stands twice (found npv.total.aws.2020)"]


def test_an_unknown_key_is_told_with_the_nearest_that_is_known(folder: Folder) -> None:
    found = complaints(folder, "design: {grid: {zone.cap: [1]}}\noutcome: []")
    assert len(found) == 1
    assert found[0].startswith("sweep.yaml:6:1: outcome: unknown key (found 'outcome'; allowed schema_version, name,")
    assert found[0].endswith("did you mean 'outcomes'?)")


def test_the_problems_of_all_paths_are_told_at_once(folder: Folder) -> None:
    text = "draws: 3\ndesign: {grid: {zone.kap: [1], sampling.seed: [2]}}"
    assert [line.split(":")[1] for line in complaints(folder, text)] == ["5", "6", "6"]


def test_a_scenario_that_is_wrong_is_told_in_its_own_file(folder: Folder) -> None:
    folder.variant("polcy: {}")
    head = HEAD.replace("small.yaml", "case.yaml")
    assert complaints(folder, "design: {grid: {zone.cap: [1]}}", head)[0].startswith(
        "case.yaml:3:1: polcy: unknown key"
    )


def test_an_abstract_scenario_is_refused(folder: Folder) -> None:
    folder.spoilt("name: small", "name: small\nabstract: true")
    head = HEAD.replace("small.yaml", "case.yaml")
    found = complaints(folder, "design: {grid: {zone.cap: [1]}}", head)
    assert found == ["sweep.yaml:4:1: scenario: small is abstract: a base, not one to run"]


def test_a_baseline_on_other_draws_is_refused(folder: Folder) -> None:
    folder.variant("horizon: {end_year: 2021}")
    found = complaints(folder, "baseline: case.yaml\ndesign: {grid: {zone.cap: [1]}}")
    assert len(found) == 1
    assert found[0].startswith(
        "sweep.yaml:5:1: baseline: does not share draws with the scenario: they differ in horizon"
    )


@pytest.mark.parametrize("path", sorted(shipped_folder().rglob("sweeps/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_sweep_is_named_as_its_file_and_can_run(path: Path) -> None:
    found = read_sweep(path)
    assert found.name == path.stem
    assert asked_outcomes(found)


def test_a_setting_of_a_regime_is_called_as_the_schema_calls_it_whether_or_not_it_is_a_number_there() -> None:
    price, control = read_sweep(shipped_folder() / "insurers/sweeps/price_of_a_stake.yaml").factors
    assert price.title == "price of a partner's operator over the worth of its capital"
    assert control.title == "control of an operator that was bought, 100% allowed"
