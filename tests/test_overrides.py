"""`--set PATH=VALUE`."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Folder

from sim.chance.pairing import disagreements
from sim.chance.sampling import draw_worlds
from sim.cli import main
from sim.errors import ScenarioError
from sim.reading.loading import load_scenario, read_scenario, read_scenarios
from sim.scenario.families import Discrete, Fixed, Interval, TwoPiece

REFUSED = {
    "no value": ("market.size", "--set market.size: must be PATH=VALUE (found no value)"),
    "broken YAML": ("entry.rule=[1", "--set entry.rule: not valid YAML: expected ',' or ']', but got '<stream end>'"),
    "unknown path": (
        "marke.size=3",
        "--set marke.size: 'marke' does not exist in small (found 'marke'; did you mean 'market'?)",
    ),
    "unknown id": (
        "regimes.pilt.sites=3",
        "--set regimes.pilt.sites: 'regimes.pilt' does not exist in small "
        "(found 'pilt'; allowed closed, pilot; did you mean 'pilot'?)",
    ),
    "part of a record": (
        "demand.churn.median=4",
        "--set demand.churn.median: a parameter record is set whole; write --set demand.churn=VALUE",
    ),
    "below a number": (
        "sampling.draws.more=4",
        "--set sampling.draws.more: 'sampling.draws.more' does not exist in small (found 'more'; allowed nothing)",
    ),
    "wrong type": (
        "sampling.draws=many",
        "--set sampling.draws: must be a whole number (found 'many')",
    ),
    "wrong meaning": (
        "sampling.draws=1000",
        "--set sampling.draws: must be a multiple of 512 (found 1000; nearest 512 or 1024)",
    ),
    "unknown category": (
        "opening.hypothesis=wid",
        "--set opening.hypothesis: opening.hypothesis.discrete.wid: unknown category "
        "(found 'wid'; allowed wide, narrow; did you mean 'wide'?)",
    ),
    "an interval in digits that YAML does not know": (
        "market.size=１ to ２",
        "--set market.size: market.size.interval: both ends of an interval are numbers up to 1e+150, found １ to ２",
    ),
    "text for a number": (
        "market.size=big",
        "--set market.size: must be a number in the unit 'USD bn/yr' or a range such as '3 to 8', "
        "or a record with a unit of its own (found 'big')",
    ),
}


@pytest.mark.parametrize(("override", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_override_is_refused_by_its_path(folder: Folder, override: str, line: str) -> None:
    assert folder.complaints("small.yaml", override) == [line]


def test_all_wrong_overrides_are_told_at_once(folder: Folder) -> None:
    assert len(folder.complaints("small.yaml", "marke.size=3", "entry.rul=never")) == 2


def test_a_bare_number_keeps_the_unit_of_the_record_that_it_replaces(folder: Folder) -> None:
    record = load_scenario("small.yaml", overrides=["demand.churn=4"]).demand.churn
    assert record == Fixed(value=4, unit="%/yr", source="command line", grade="judgement")


def test_a_bare_number_stays_one_in_place_of_a_plain_lever(folder: Folder) -> None:
    scenario = load_scenario("small.yaml", overrides=["regimes.closed.owned_unlock=0.1"])
    assert scenario.regimes["closed"].owned_unlock == 0.1


def test_a_bare_number_in_place_of_an_uncertain_lever_keeps_its_unit(folder: Folder) -> None:
    lever = load_scenario("small.yaml", overrides=["regimes.pilot.owned_unlock=50"]).regimes["pilot"].owned_unlock
    assert lever == Fixed(value=50, unit="%", source="command line", grade="judgement")


def test_a_bare_number_where_there_was_none_is_in_the_canonical_unit(folder: Folder) -> None:
    override = "market.layers.saas.log_odds_drift=0.1"
    record = load_scenario("small.yaml", overrides=[override]).market.layers["saas"].log_odds_drift
    assert record is not None
    assert record.unit == "1/yr"


def test_an_interval_or_points_need_state_no_source(folder: Folder) -> None:
    overrides = ["demand.churn=2 to 5", "market.size={low: 6, median: 7, high: 8, min: 5.5}"]
    scenario = load_scenario("small.yaml", overrides=overrides)
    assert isinstance(scenario.demand.churn, Interval)
    assert isinstance(scenario.market.size, TwoPiece)
    assert scenario.market.size.source == "command line"


def test_the_name_of_a_category_makes_it_certain(folder: Folder) -> None:
    record = load_scenario("small.yaml", overrides=["opening.hypothesis=narrow"]).opening.hypothesis
    assert isinstance(record, Discrete)
    assert record.discrete == {"narrow": 1}


def test_one_key_of_a_step_can_be_set(folder: Folder) -> None:
    scenario = load_scenario("small.yaml", overrides=["policy.steps.pilot_effective.probability=0.5"])
    assert scenario.policy.steps["pilot_effective"].probability == 0.5


def test_a_path_is_set_once(folder: Folder) -> None:
    complaints = folder.complaints("small.yaml", "entry.rule=never", "entry.rule=always")
    assert complaints == ["--set entry.rule: is set twice: which of the two is meant?"]


def test_what_is_for_one_scenario_has_the_last_word(folder: Folder) -> None:
    overrides = ["small:demand.churn=6", "demand.churn=4"]
    assert load_scenario("small.yaml", overrides=overrides).demand.churn.middle() == 6


@pytest.mark.parametrize("lever", ["sites", "yearly_quota", "eligible"])
def test_nothing_takes_a_limit_away(folder: Folder, lever: str) -> None:
    path = folder.spoilt("    yearly_quota: 1\n", "    yearly_quota: 1\n    eligible: [aws]\n")
    before = load_scenario(path).regimes["pilot"]
    after = load_scenario(path, overrides=[f"regimes.pilot.{lever}=null"]).regimes["pilot"]
    assert getattr(before, lever) is not None
    assert after == before.model_copy(update={lever: None})


def test_nothing_takes_a_limit_away_where_a_step_has_changed_it(folder: Folder) -> None:
    path = folder.spoilt("adopt: pilot}", "adopt: pilot}\n    more: {after: pilot_effective, change: {sites: 4}}")
    change = load_scenario(path, overrides=["policy.steps.more.change.sites=null"]).policy.steps["more"].change
    assert change is not None
    assert change.sites is None
    assert "sites" in change.model_fields_set


NAMED = """\
sampling:
  leading: [regimes.pilot.owned_unlock, zone.cap, demand.churn]
  correlations:
    generosity: {members: [regimes.pilot.owned_unlock, zone.cap], rank: [[0.5]], reason: "One spirit."}
regimes:
  pilot: {owned_unlock: {interval: 40 to 95, min: 0, max: 100, unit: "%", source: judgement, grade: judgement}}
zone:
  cap: {interval: 0.2 to 1, min: 0, unit: USD bn/yr, source: judgement, grade: judgement}
"""
"""What `sampling` names twice over: on the net, and in a group."""


@pytest.mark.parametrize(
    ("override", "fixed"),
    [
        ("zone.cap=0.4", "zone.cap"),
        ("regimes.pilot.owned_unlock=60", "regimes.pilot.owned_unlock"),
        ("regimes.pilot.owned_unlock={same_as: closed}", "regimes.pilot.owned_unlock"),
    ],
)
def test_an_uncertain_lever_can_be_fixed_though_sampling_names_it_and_moves_no_other_column(
    folder: Folder, override: str, fixed: str
) -> None:
    path = folder.variant(NAMED)
    before, after = (load_scenario(path, overrides=overrides) for overrides in ((), (override,)))
    assert disagreements(after, before) == ()
    columns, moved = (draw_worlds(one, range(2)).inputs for one in (before, after))
    assert columns.keys() - moved.keys() <= {fixed}
    assert np.ptp(columns[fixed]) > 0
    assert all(np.array_equal(values, columns[name]) for name, values in moved.items() if name != fixed)
    assert fixed not in moved or np.ptp(moved[fixed]) == 0


def test_a_plain_number_in_a_file_fixes_a_lever_that_sampling_names(folder: Folder) -> None:
    record = NAMED[NAMED.index("{interval: 40") : NAMED.index("}\nzone")]
    named = NAMED.replace(record, "0.5")
    assert load_scenario(folder.variant(named)).regimes["pilot"].owned_unlock == 0.5


def test_what_is_no_lever_is_still_unknown_to_sampling(folder: Folder) -> None:
    path = folder.variant("sampling: {leading: [regimes.pilot.sites, regimes.plot.owned_unlock]}\n")
    assert [line.partition(" (")[0].partition(": ")[2] for line in folder.complaints(path)] == [
        "sampling.leading[0]: unknown input",
        "sampling.leading[1]: unknown input",
    ]


def test_a_probability_that_sampling_names_can_be_a_number(folder: Folder) -> None:
    sampled = "sampling: {leading: [policy.steps.pilot_effective.probability]}\n"
    path = folder.variant(f"{sampled}policy: {{steps: {{pilot_effective: {{when: 2020-01-01, probability: 0.5}}}}}}\n")
    assert load_scenario(path).policy.steps["pilot_effective"].probability == 0.5


def test_a_scenarios_name_before_a_path_sets_it_there_alone(folder: Folder) -> None:
    path = folder.variant("question: And here?\n")
    overrides = ["case:demand.churn=4", "small:demand.churn=6", 'regimes.pilot.title="It is: open"']
    found = [one.scenario for one in read_scenarios([path, "small.yaml"], overrides=overrides)]
    assert [one.demand.churn.middle() for one in found] == [4, 6]
    assert [one.regimes["pilot"].title for one in found] == ["It is: open"] * 2


def test_a_name_before_a_path_is_that_of_a_scenario_that_is_read(folder: Folder) -> None:
    complaint = r"^--set smal:: no scenario that is read has this name \(found 'smal'; .* did you mean 'small'\?\)$"
    with pytest.raises(ScenarioError, match=complaint):
        load_scenario("small.yaml", overrides=["smal:demand.churn=4"])


def test_one_scenario_of_two_is_set_by_the_command(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.variant("question: And here?\n")
    command = ["bridge", "small", "case.yaml", "--set", "case:regimes.pilot.sites=null", "--of", "npv.total.aws"]
    assert main([*command, "--draws", "512", "--no-plots"]) == 0
    assert "All of it is the one clause in which they differ, places." in capsys.readouterr().out
    assert main(["check", "small.yaml", "case.yaml", "--set", "case:demand.chur=4"]) == 2
    assert capsys.readouterr().err.splitlines()[0].startswith("--set demand.chur: 'demand.chur' does not exist in case")


STEPS = "policy: {steps: {late: {when: 2020-01-01, adopt: pilot}}}\n"
"""What one scenario has and another lacks."""


def test_an_override_counts_for_every_scenario_that_knows_its_path(folder: Folder) -> None:
    overrides = ["policy.steps.late.when=2019-07-01", "demand.churn=4"]
    case, small = read_scenarios([folder.variant(STEPS), "small.yaml"], overrides=overrides)
    assert str(case.scenario.policy.steps["late"].when) == "2019-07-01"
    assert [one.scenario.demand.churn.middle() for one in (case, small)] == [4, 4]
    assert (case.notes, small.notes) == ((), ("--set policy.steps.late.when: not in small, which has no such path",))


def test_a_path_that_no_scenario_knows_is_refused_with_their_names_and_the_nearest_path(folder: Folder) -> None:
    folder.variant(STEPS)
    line = r"^--set churn: 'churn' does not exist in case or small \(found 'churn'; did you mean 'demand.churn'\?\)$"
    with pytest.raises(ScenarioError, match=line):
        read_scenarios(["case.yaml", "small.yaml"], overrides=["churn=4"])


SLIPS = {
    "demand.churn=5%": "in the unit '%/yr': write 5 (found '5%')",
    "demand.churn=5 1/yr": "in the unit '%/yr': write {value: 5, unit: 1/yr} (found '5 1/yr')",
    "market.size='7,200'": "in the unit 'USD bn/yr': write 7200 (found '7,200')",
    "market.size='7'": "in the unit 'USD bn/yr': write 7 (found '7')",
    "market.size=[6, 8]": "in the unit 'USD bn/yr' or a range such as '3 to 8', or a record with a unit of its own "
    "(found a list of 2)",
}


@pytest.mark.parametrize("override", SLIPS)
def test_what_is_almost_a_number_is_answered_with_the_number(folder: Folder, override: str) -> None:
    path = override.partition("=")[0]
    assert folder.complaints("small.yaml", override) == [f"--set {path}: must be a number {SLIPS[override]}"]


EXTREMES = {
    "market.size=7200": "7,200 USD bn/yr, 900 times the base's 95% point",
    "market.size={value: 7200000, unit: USD m/yr}": "7,200,000 USD m/yr is 7,200 USD bn/yr, 900 times the base's "
    "95% point",
    "market.size={low: 7, median: 20, high: 100, min: 6}": "100 USD bn/yr, 12.5 times the base's 95% point",
    "demand.churn=0.05": "0.05 %/yr is 0.0005 1/yr, 20 times less than the base's 5% point",
    "technology.spillover=40": "40 %/yr is 0.4 1/yr, 100 times the base's value",
}


@pytest.mark.parametrize("override", EXTREMES)
def test_a_value_far_beyond_the_bases_range_needs_a_word(folder: Folder, override: str) -> None:
    path, words = override.partition("=")[0], EXTREMES[override]
    complaints = folder.complaints("small.yaml", override)
    assert complaints == [f"--set {path}: {words}; if that is meant, add --yes (in Python: extremes=True)"]
    assert read_scenario("small.yaml", overrides=[override], extremes=True).notes == (f"{path} in small: {words}",)


@pytest.mark.parametrize("override", ["market.size=79", "demand.churn=0", "demand.churn=0.11", "zone.cap=0.001"])
def test_ten_times_nothing_and_less_than_what_is_certain_need_none(folder: Folder, override: str) -> None:
    assert read_scenario("small.yaml", overrides=[override]).notes == ()


def test_the_command_takes_an_extreme_value_by_yes_and_says_so(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["explain", "small", "market.size", "--set", "market.size=7200"]
    assert main(command) == 2
    assert main([*command, "--yes"]) == 0
    assert "market.size in small: 7,200 USD bn/yr, 900 times the base's 95% point\n" in capsys.readouterr().err
