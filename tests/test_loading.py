"""From files to a scenario: merging, positions, and one clear line for each mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import SMALL, Folder

from sim.errors import ScenarioError
from sim.reading.loading import load_scenario, read_scenario, scenario_files, shipped_folder
from sim.scenario.scenario import Scenario

SIZE = "unit: USD bn/yr, source: bank, grade: found"
LEVERS = "partner_unlock: 0, owned_layers: [], owned_unlock: 0, reach: none, capped: false, sites: null"

MISTAKES = {
    "unknown key": (
        "demand:\n  churnn: 3\n",
        "case.yaml:4:3: demand.churnn: unknown key (found 'churnn'; allowed elasticity_of_substitution, "
        "elasticity_of_demand, conduct, kind, captive_growth, churn, repurchase_years, loyalty; did you mean 'churn'?)",
    ),
    "unknown key at the top": (
        "polcy: {}\n",
        "case.yaml:3:1: polcy: unknown key (found 'polcy'; did you mean 'policy'?)",
    ),
    "unknown key in a record": (
        f"market:\n  size: {{value: 7, grad: x, {SIZE}}}\n",
        "case.yaml:4:20: market.size.grad: unknown key (found 'grad'; allowed unit, source, as_of, grade, note, min, "
        "max, fallback, value; did you mean 'grade'?)",
    ),
    "wrong unit": (
        "market:\n  size: {value: 7, unit: USD, source: bank, grade: found}\n",
        "case.yaml:4:3: market.size: wrong unit (found 'USD'; allowed USD bn/yr, USD m/yr or another currency)",
    ),
    "unit that is a number": (
        "market:\n  step_size: {value: 1, unit: 1, source: bank, grade: found}\n",
        'case.yaml:4:25: market.step_size.unit: must be text (found 1; write "1" in quotes)',
    ),
    "text for a number": (
        f"market:\n  size: {{value: many, {SIZE}}}\n",
        "case.yaml:4:10: market.size.value: must be a number (found 'many')",
    ),
    "number in quotes": (
        f"market:\n  size: {{value: '7', {SIZE}}}\n",
        "case.yaml:4:10: market.size.value: must be a number (found '7')",
    ),
    "not a number": (
        f"market:\n  size: {{value: .nan, {SIZE}}}\n",
        "case.yaml:4:10: market.size.value: must be a finite number (found nan)",
    ),
    "infinity": (
        f"market:\n  size: {{uniform: [1, .inf], {SIZE}}}\n",
        "case.yaml:4:23: market.size.uniform[1]: must be a finite number (found inf)",
    ),
    "number for a record": (
        "market: {size: 7}\n",
        "case.yaml:3:10: market.size: must be a parameter record "
        "(found 7; write {value: 7, unit: USD bn/yr, source: …, grade: …})",
    ),
    "mapping for a whole number": (
        "sampling: {seed: {}}\n",
        "case.yaml:3:12: sampling.seed: must be a whole number (found an empty mapping)",
    ),
    "scalar for a mapping": ("market: 3\n", "case.yaml:3:1: market: must be a mapping (found 3)"),
    "scalar for a list": (
        "regimes: {closed: {owned_layers: iaas}}\n",
        "case.yaml:3:20: regimes.closed.owned_layers: must be a list (found 'iaas')",
    ),
    "fraction for a count": (
        "regimes: {pilot: {sites: 1.5}}\n",
        "case.yaml:3:19: regimes.pilot.sites: must be a whole number (found 1.5)",
    ),
    "word for true or false": (
        "regimes: {pilot: {capped: no}}\n",
        "case.yaml:3:19: regimes.pilot.capped: must be true or false (found 'no')",
    ),
    "percent in place of a record": (
        "demand: {churn: 5%}\n",
        "case.yaml:3:10: demand.churn: must be a parameter record, a mapping with a number, its unit, source and grade "
        "(found '5%'; write {value: 5, unit: \"%/yr\", source: …, grade: …})",
    ),
    "marks between thousands": (
        "market: {size: {value: 7,200, unit: USD bn/yr, source: bank, grade: found}}\n",
        "case.yaml:3:26: market.size: a number is written without marks between its thousands",
    ),
    "lever above 1": (
        "regimes: {pilot: {partner_unlock: 70}}\n",
        "case.yaml:3:19: regimes.pilot.partner_unlock: must be at most 1.0 (found 70; 70% is 0.7)",
    ),
    "unknown choice": (
        "regimes: {pilot: {reach: zon}}\n",
        "case.yaml:3:19: regimes.pilot.reach: unknown choice "
        "(found 'zon'; allowed none, zone, open; did you mean 'zone'?)",
    ),
    "year for a date": (
        "policy: {steps: {late: {when: 2020}}}\n",
        "case.yaml:3:25: policy.steps.late.when: must be a date such as 2018-12-31, without quotes (found 2020)",
    ),
    "day that does not exist": (
        "policy: {steps: {late: {when: 2020-02-30}}}\n",
        "case.yaml:3:25: policy.steps.late.when: must be a date such as 2018-12-31, without quotes "
        "(found '2020-02-30')",
    ),
    "capital in an id": (
        "policy: {steps: {Late: {when: 2020-01-01}}}\n",
        "case.yaml:3:18: policy.steps.Late: must be lower-case letters, digits and _, beginning with a letter, "
        "at most 40 (found 'Late')",
    ),
    "misspelt trigger": (
        "policy: {steps: {late: {wen: 2020-01-01}}}\n",
        "case.yaml:3:18: policy.steps.late: a step states its trigger by one key "
        "(found 'wen'; allowed when, after, after_not, hazard; did you mean 'when'?)",
    ),
    "misspelt distribution": (
        f"market: {{size: {{unifrm: [1, 2], {SIZE}}}}}\n",
        "case.yaml:3:10: market.size: a parameter record states its number by one key (found 'unifrm'; allowed "
        "value, low, interval, triangular, pert, normal, lognormal, uniform, discrete, mixture, scipy; "
        "did you mean 'uniform'?)",
    ),
    "points that do not rise": (
        f"market: {{size: {{low: 8, median: 7, high: 9, {SIZE}}}}}\n",
        "case.yaml:3:10: market.size: low, median, high must rise, found 8, 7, 9",
    ),
    "weights that do not sum": (
        "opening: {hypothesis: {discrete: {wide: 0.5, narrow: 0.4}, unit: category, source: bank, grade: found}}\n",
        "case.yaml:3:11: opening.hypothesis: the weights sum to 0.9, not to 1",
    ),
    "missing key of a record": (
        "market: {size: {value: 7, source: bank, grade: found}}\n",
        "case.yaml:3:10: market.size: the key 'unit' is missing",
    ),
    "unit missing from a mixture": (
        "market: {size: {mixture: [{weight: 1, of: {value: 7}}], source: bank, grade: found}}\n",
        "case.yaml:3:10: market.size: the key 'unit' is missing",
    ),
    "wrong part of a mixture": (
        f"market: {{size: {{mixture: [{{weight: 1, of: {{value: x}}}}], {SIZE}}}}}\n",
        "case.yaml:3:44: market.size.mixture[0].of.value: must be a number (found 'x')",
    ),
    "short list": (
        f"market: {{size: {{triangular: [1, 2], {SIZE}}}}}\n",
        "case.yaml:3:17: market.size.triangular: the list is too short (found a list of 2; allowed at least 3)",
    ),
    "missing key of a new regime": (
        f"regimes: {{new: {{partner_equity: 0, {LEVERS}, spillover: 1, transfers_sites: false}}}}\n",
        "case.yaml:3:11: regimes.new: the key 'title' is missing",
    ),
    "another schema_version": (
        "schema_version: 2\n",
        "case.yaml:3:1: schema_version: unknown choice (found 2; allowed 1)",
    ),
    "schema_version in quotes": (
        "schema_version: '1'\n",
        "case.yaml:3:1: schema_version: must be 1, without quotes (found '1')",
    ),
    "sources in the scenario": (
        "sources: {}\n",
        "case.yaml:3:1: sources: sources stand in sources.yaml beside the scenario",
    ),
    "a key that could forge a line": (
        '"a\\nb": 1\n',
        "case.yaml:3:1: a\\nb: unknown key (found 'a\\nb')",
    ),
    "text that looks like markup": (
        "entry: {rule: '[/aws]'}\n",
        "case.yaml:3:9: entry.rule: unknown choice (found '[/aws]'; allowed profit, always, never)",
    ),
}


@pytest.mark.parametrize(("text", "line"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_gets_one_line_that_says_how_to_mend_it(folder: Folder, text: str, line: str) -> None:
    assert folder.complaints(folder.variant(text)) == [line]


def test_all_mistakes_of_a_stage_are_told_at_once_in_the_order_of_the_file(folder: Folder) -> None:
    complaints = folder.complaints(folder.variant("polcy: {}\nentry: {rule: ever}\nmarket: {size: 7}\n"))
    assert [complaint.split(": ")[0] for complaint in complaints] == [
        "case.yaml:3:1",
        "case.yaml:4:9",
        "case.yaml:5:10",
    ]


def test_a_mistake_in_the_base_is_reported_in_the_base(folder: Folder) -> None:
    folder.spoilt("rule: profit", "rule: ever")
    variant = folder.write("variant.yaml", "extends: case.yaml\nname: variant\n")
    found = "(found 'ever'; allowed profit, always, never; did you mean 'never'?)"
    assert folder.complaints(variant) == [f"case.yaml:96:3: entry.rule: unknown choice {found}"]


def test_a_missing_key_is_reported_at_its_parent(folder: Folder) -> None:
    path = folder.spoilt(
        '  churn: {low: 1, median: 3, high: 8, min: 0, unit: "%/yr", source: judgement, grade: judgement}\n', ""
    )
    wanted = "case.yaml:50:1: demand: demand of kind recurring needs churn (it states captive_growth and churn)"
    assert folder.complaints(path) == [wanted]


NAMED = "must name a scenario, or a file by its path from this one"

EXTENDS = {
    "a missing base": (
        "extends: smal.yaml\nname: case\n",
        "case.yaml:1:1: extends: no such file "
        "(found 'smal.yaml'; allowed small.yaml, two.yaml; did you mean 'small.yaml'?)",
    ),
    "a base outside the folder": (
        "extends: ../small.yaml\nname: case\n",
        "case.yaml:1:1: extends: no such file (found '../small.yaml'; allowed nothing)",
    ),
    "an absolute path": (
        "extends: /etc/passwd\nname: case\n",
        f"case.yaml:1:1: extends: {NAMED} (found '/etc/passwd')",
    ),
    "the folder itself": (
        "extends: ..\nname: case\n",
        f"case.yaml:1:1: extends: {NAMED} (found '..')",
    ),
    "a list": (
        "name: case\nextends: [small.yaml]\n",
        f"case.yaml:2:1: extends: {NAMED} (found a list of 1)",
    ),
    "itself": (
        "extends: case.yaml\nname: case\n",
        "case.yaml:1:1: extends: a file cannot extend itself",
    ),
    "a variant without a name": ("extends: small.yaml\n", "case.yaml:1:1: the key 'name' is missing"),
}


@pytest.mark.parametrize(("text", "line"), EXTENDS.values(), ids=EXTENDS.keys())
def test_what_is_no_scenario_cannot_be_extended(folder: Folder, text: str, line: str) -> None:
    folder.write("two.yaml", "extends: small.yaml\nname: two\n")
    assert folder.complaints(folder.write("case.yaml", text)) == [line]


def test_mappings_merge_key_by_key(folder: Folder) -> None:
    merged, base = load_scenario(folder.variant("regimes: {pilot: {sites: 5}}\n")), load_scenario("small.yaml")
    assert merged.regimes["pilot"] == base.regimes["pilot"].model_copy(update={"sites": 5})


def test_a_record_is_replaced_whole(folder: Folder) -> None:
    complaints = folder.complaints(folder.variant("demand: {churn: {median: 4}}\n"))
    keys = ["grade", "high", "low", "source", "unit"]
    assert complaints == [f"case.yaml:3:10: demand.churn: the key '{key}' is missing" for key in keys]


def test_a_hypothesis_merges_although_it_has_the_key_of_a_record(folder: Folder) -> None:
    merged = load_scenario(folder.variant("opening: {hypotheses: {wide: {cap: 0.8}}}\n"))
    assert merged.opening.hypotheses["wide"].measure == "share_of_open"


def test_a_policy_step_is_replaced_whole(folder: Folder) -> None:
    merged = load_scenario(folder.variant("policy: {steps: {pilot_effective: {when: 2019-07-01}}}\n"))
    assert merged.policy.steps["pilot_effective"].adopt is None


def test_a_list_is_replaced_whole(folder: Folder) -> None:
    merged = load_scenario(folder.variant("regimes: {pilot: {owned_layers: [saas]}}\n"))
    assert merged.regimes["pilot"].owned_layers == ("saas",)


def test_a_variant_of_an_abstract_base_is_not_abstract(folder: Folder) -> None:
    folder.spoilt("name: small\n", "name: small\nabstract: true\n")
    assert not load_scenario(folder.write("variant.yaml", "extends: case.yaml\nname: variant\n")).abstract


def test_each_number_knows_the_file_that_set_it(folder: Folder) -> None:
    variant = folder.variant("regimes: {pilot: {sites: 5}}\n")
    loaded = read_scenario(variant, overrides=["entry.rule=never"])
    paths = ("regimes.pilot.sites", "regimes.pilot.reach", "entry.rule", "providers.aws.fringe")
    assert [loaded.setter(path) for path in paths] == ["case.yaml", "small.yaml", "--set entry.rule", ""]


def test_the_list_of_sources_must_lie_beside_the_scenario(folder: Folder) -> None:
    (folder.path / "sources.yaml").unlink()
    line = "sources.yaml: no such file; it lists the sources of the scenarios beside it"
    assert folder.complaints("small.yaml") == [line]


def test_a_mistake_in_the_list_of_sources_is_reported_there(folder: Folder) -> None:
    folder.write("sources.yaml", "sources:\n  bank: {title: A bank, published: 2019}\n")
    line = "sources.yaml:2:25: sources.bank.published: must be a date such as 2018-12-31, without quotes (found 2019)"
    assert folder.complaints("small.yaml") == [line]


def test_every_shipped_scenario_loads_under_its_own_name(shipped: Callable[[str], Scenario]) -> None:
    names = [file.stem for file in scenario_files(shipped_folder())]
    assert [shipped(name).name for name in names] == names
    assert [name for name in names if shipped(name).abstract] == ["base"]


def test_names_too_long_for_a_file_are_refused_like_others(folder: Folder) -> None:
    long = "a" * 300
    with pytest.raises(ScenarioError, match="cannot be read: File name too long"):
        load_scenario(f"{long}.yaml")
    folder.write("case.yaml", f"extends: {long}.yaml\nname: case\n")
    (line,) = folder.complaints("case.yaml")
    assert line.startswith(f"case.yaml:1:1: extends: {NAMED} (found 'aaaa")


@pytest.mark.parametrize(("text", "path"), [("horizon: {period_months: true}", "horizon.period_months")])
def test_true_is_no_number(folder: Folder, text: str, path: str) -> None:
    folder.variant(text + "\n")
    (line,) = folder.complaints("case.yaml")
    assert line.endswith(f"{path}: unknown choice (found true; allowed 1, 3, 6, 12)")


def test_a_path_with_an_empty_step_names_nothing(folder: Folder) -> None:
    (line,) = folder.complaints("small.yaml", "demand.churn.=5")
    assert line == "--set demand.churn.: a path names what is set (found 'demand.churn.')"


# ---- names, and files that extend files

CHAIN = {
    "one.yaml": "extends: small.yaml\nname: one\n"
    "demand: {churn: {value: 4, unit: '%/yr', source: bank, grade: found}}\n",
    "two.yaml": "extends: one\nname: two\nentry: {rule: never}\n",
    "three.yaml": "extends: two.yaml\nname: three\nentry: {rule: always}\n",
    "four.yaml": "extends: three\nname: four\n",
}
"""Each extends the one before, by file or by name."""


@pytest.fixture
def chain(folder: Folder) -> Folder:
    """A folder with a scenario of four files, and one of five."""
    for name, text in CHAIN.items():
        folder.write(name, text)
    return folder


def test_a_scenario_extends_any_other_and_the_nearest_file_has_the_last_word(chain: Folder) -> None:
    loaded = read_scenario("three.yaml")
    assert (loaded.scenario.entry.rule, loaded.scenario.demand.churn.middle()) == ("always", 4)
    setters = [loaded.setter(path) for path in ("entry.rule", "demand.churn", "market.size", "name")]
    assert setters == ["three.yaml", "one.yaml", "small.yaml", "three.yaml"]
    assert set(loaded.scenario.overridden) == {"entry.rule", "demand.churn"}


def test_more_than_four_files_are_refused(chain: Folder) -> None:
    line = "one.yaml:1:1: extends: at most 4 files are read (found more than four.yaml, three.yaml, two.yaml, one.yaml)"
    assert chain.complaints("four.yaml") == [line]


def test_files_that_extend_each_other_are_told_with_the_way_round(chain: Folder) -> None:
    chain.write("one.yaml", "extends: three\nname: one\n")
    line = "one.yaml:1:1: extends: comes round to three.yaml again by way of three.yaml, two.yaml, one.yaml"
    assert chain.complaints("three.yaml") == [line]


def test_a_provider_that_a_file_between_takes_out_is_out(folder: Folder) -> None:
    without = "providers: {alibaba: null}\n"
    folder.write("two.yaml", f"extends: small.yaml\nname: two\n{without}")
    loaded = read_scenario(folder.write("three.yaml", "extends: two.yaml\nname: three\n"))
    assert "alibaba" not in loaded.scenario.providers
    assert loaded.dropped == ("alibaba",)


def test_a_file_in_another_folder_can_be_extended_and_its_sources_are_known(folder: Folder) -> None:
    (folder.path / "mine").mkdir()
    path = folder.write("mine/case.yaml", "extends: ../small.yaml\nname: case\n")
    assert load_scenario(path).market.size.source == "bank"


def test_of_a_source_that_two_lists_have_the_nearest_counts(folder: Folder) -> None:
    (folder.path / "mine").mkdir()
    folder.write("mine/sources.yaml", "sources:\n  bank: {title: My bank, published: 2019-01-01}\n")
    loaded = load_scenario(folder.write("mine/case.yaml", "extends: ../small.yaml\nname: case\n"))
    assert loaded.sources["bank"].title == "My bank"


def test_a_scenario_is_found_by_its_name_beside_or_shipped(folder: Folder) -> None:
    folder.write("other.yaml", "extends: small.yaml\nname: slow\n")
    assert [load_scenario(name).name for name in ("small", "slow", "jv_only")] == ["small", "slow", "jv_only"]


def test_the_one_beside_is_meant_before_the_shipped_one_and_that_is_said(folder: Folder) -> None:
    folder.write("jv_only.yaml", "extends: small.yaml\nname: jv_only\n")
    loaded = read_scenario("jv_only")
    assert loaded.scenario.question == "What is it worth?"
    assert loaded.notes == (f"jv_only is jv_only.yaml, and not the shipped one ({shipped_folder() / 'jv_only.yaml'})",)


def test_a_scenario_may_extend_the_shipped_one_of_its_name(folder: Folder) -> None:
    own = load_scenario(folder.write("jv_only.yaml", "extends: jv_only\nname: jv_only\nentry: {rule: never}\n"))
    assert (own.entry.rule, own.horizon.end_year) == ("never", 2030)


def test_a_scenario_extends_one_of_another_case_by_the_name_that_run_takes(folder: Folder) -> None:
    own = load_scenario(folder.write("own.yaml", "extends: europe_cloud/open_as_it_is\nname: own\n"))
    assert own.market == load_scenario("europe_cloud/open_as_it_is").market


def test_a_name_that_two_files_have_is_refused(folder: Folder) -> None:
    for file in ("a.yaml", "b.yaml"):
        folder.write(file, "extends: small.yaml\nname: slow\n")
    line = "slow: several files hold a scenario of this name: a.yaml, b.yaml; give one by its file"
    assert folder.complaints("slow") == [line]


def test_a_wrong_name_is_answered_with_the_nearest_of_those_beside_and_those_shipped(folder: Folder) -> None:
    for wrong, near in (("smal", "small"), ("FTZ_Pilot", "ftz_pilot"), ("jv-only", "jv_only")):
        (line,) = folder.complaints(wrong)
        assert line.startswith(f"{wrong}: no scenario has this name (found '{wrong}'")
        assert line.endswith(f"did you mean '{near}'?)")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("europ_cloud/open_as_it_is", "no case has this name (found 'europ_cloud'; allowed cars, europe_cloud, "),
        (
            "europe_cloud/opened_as_it_is",
            "no scenario of europe_cloud has this name (found 'opened_as_it_is'; allowed ",
        ),
        ("europe_cloud", "is a case, of which a scenario is asked for: europe_cloud/NAME"),
        (
            "europe_cloud/sovereignty",
            "is a decision, and a scenario is asked for (sim decide europe_cloud/sovereignty)",
        ),
    ],
)
def test_what_is_no_scenario_of_a_case_is_told_alike_on_the_command_line_and_in_a_file(
    folder: Folder, wrong: str, told: str
) -> None:
    (line,) = folder.complaints(wrong)
    assert line.startswith(f"{wrong}: {told}")
    (line,) = folder.complaints(folder.write("own.yaml", f"extends: {wrong}\nname: own\n"))
    assert line.startswith(f"own.yaml:1:1: extends: {told}")


def test_a_missing_file_is_not_answered_with_what_only_ends_alike(folder: Folder) -> None:
    (line,) = folder.complaints("nosuch.yaml")
    assert "did you mean" not in line
    assert folder.complaints("jv_only.yaml") == [
        "jv_only.yaml: no such file; the shipped one is read by its name, jv_only"
    ]


def test_a_forgotten_extends_is_told_once_with_the_remedy(folder: Folder) -> None:
    folder.write("base.yaml", SMALL)
    path = folder.write("case.yaml", "schema_version: 1\nname: case\nentry: {rule: never}\n")
    line = "case.yaml: lacks 13 of 15 sections, and does not say what it extends: add 'extends: base.yaml'"
    assert folder.complaints(path) == [line]


def test_a_bare_number_in_a_file_is_answered_in_the_unit_of_the_base(folder: Folder) -> None:
    (line,) = folder.complaints(folder.variant("regulator: {review_time: 6}\n"))
    assert line.endswith("(found 6; write {value: 6, unit: months, source: …, grade: …})")


def test_a_bare_number_in_a_file_of_its_own_is_answered_with_all_units(folder: Folder) -> None:
    record = "{low: 3, median: 12, high: 41, min: 0, unit: months, source: judgement, grade: judgement}"
    (line,) = folder.complaints(folder.spoilt(f"review_time: {record}", "review_time: 6"))
    assert line.endswith("(found 6; write {value: 6, unit: years or months, source: …, grade: …})")


def test_extends_in_capitals_is_told_as_that(folder: Folder) -> None:
    path = folder.write("case.yaml", "Extends: small.yaml\nname: case\n")
    line = "case.yaml:1:1: Extends: unknown key (found 'Extends'; allowed extends; did you mean 'extends'?)"
    assert folder.complaints(path) == [line]


def test_a_file_that_is_far_beyond_its_base_says_so(folder: Folder) -> None:
    size = "{value: 7200, unit: USD bn/yr, source: judgement, grade: judgement}"
    loaded = read_scenario(folder.variant(f"market: {{size: {size}}}\n"))
    assert loaded.notes == ("market.size in case: 7,200 USD bn/yr, 900 times the base's 95% point",)
