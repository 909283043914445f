"""What must hold across the fields of a scenario: each fault alone, its path, place and message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Folder

from sim.errors import ScenarioError
from sim.reading.consistency import problems
from sim.reading.loading import load_scenario, scenario_files, shipped_folder
from sim.scenario.mechanisms import medians
from sim.scenario.scenario import Scenario

EVIDENCE = "source: judgement, grade: judgement"
PERCENT = f'unit: "%", {EVIDENCE}'

FAULTS = {
    "horizon ends before it begins": (
        "horizon: {end_year: 2018}",
        "1:11: horizon.end_year: must be after the base year 2018 (found 2018)",
    ),
    "draws that are no whole scrambles": (
        "sampling: {draws: 8000}",
        "1:12: sampling.draws: must be a multiple of 512 (found 8000; nearest 7680 or 8192)",
    ),
    "fewer draws than a scramble": (
        "sampling: {draws: 100}",
        "1:12: sampling.draws: must be a multiple of 512 (found 100; nearest 512)",
    ),
    "unknown leading input": (
        "sampling: {leading: [market.size, demand.chrun]}",
        "1:35: sampling.leading[1]: unknown input (found 'demand.chrun'; did you mean 'demand.churn'?)",
    ),
    "leading input without its provider": (
        "sampling: {leading: [regulator.review_time]}",
        "1:22: sampling.leading[0]: unknown input "
        "(found 'regulator.review_time'; did you mean 'regulator.review_time[aws]'?)",
    ),
    "rivalry shock of a fringe": (
        "sampling: {leading: [shock.rivalry.others]}",
        "1:22: sampling.leading[0]: unknown input (found 'shock.rivalry.others'; did you mean 'shock.rivalry.aws'?)",
    ),
    "leading input twice": (
        "sampling: {leading: [market.size, market.size]}",
        "1:35: sampling.leading[1]: 'market.size' is listed twice",
    ),
    "correlated input that does not exist": (
        "sampling: {correlations: {pair: {members: [market.size, demand.chrun], rank: [[0.5]], reason: x}}}",
        "1:57: sampling.correlations.pair.members[1]: unknown input "
        "(found 'demand.chrun'; did you mean 'demand.churn'?)",
    ),
    "too short a triangle": (
        "sampling: {correlations: {trio: {members: [market.size, demand.churn, zone.cap], rank: [[0.5]], reason: x}}}",
        "1:82: sampling.correlations.trio.rank: 3 members need rows of 1, 2 numbers (found rows of 1)",
    ),
    "correlations that contradict each other": (
        "sampling: {correlations: {trio: {members: [market.size, demand.churn, zone.cap], rank: [[0.9], [0.9, -0.9]], "
        "reason: x}}}",
        "1:82: sampling.correlations.trio.rank: no inputs can be correlated so: "
        "the matrix of 2 sin(pi r / 6) is not positive definite (the nearest that is: [[0.482], [0.482, -0.482]])",
    ),
    "no layer for the rest": (
        f"market: {{layers: {{saas: {{size: {{value: 2, unit: USD bn/yr, {EVIDENCE}}}}}}}}}",
        "1:10: market.layers: exactly one layer has no size and takes the rest (found none)",
    ),
    "layers larger than the total": (
        f"market: {{size: {{value: 5, unit: USD bn/yr, {EVIDENCE}}}}}",
        "1:10: market.size: the layers with a size must leave something of the total (found 5 of 5 USD bn/yr)",
    ),
    "no layer that takes what is left": (
        "market: {layers: {iaas: {log_odds_drift: &d {value: 0.2, unit: 1/yr, "
        f"{EVIDENCE}}}}}, saas: {{log_odds_drift: *d}}}}}}",
        "1:10: market.layers: one layer at least must take what the others leave (found that all drift or spread)",
    ),
    "segment of an unknown layer": (
        "segments: {extra: {layer: iass, weight: &w {value: 1, unit: fraction, "
        f"{EVIDENCE}}}, open: *w, foreign_propensity: {{value: 1, unit: '1', {EVIDENCE}}}}}}}",
        "1:20: segments.extra.layer: unknown layer (found 'iass'; allowed iaas, saas; did you mean 'iaas'?)",
    ),
    "provider without a share": (
        "providers: {huawei: {title: Huawei, origin: domestic}}",
        "41:5 small.yaml: shares.iaas.direct: must name every provider (missing huawei)",
    ),
    "share of an unknown provider": (
        f"shares: {{iaas: {{direct: {{alibab: {{value: 4, {PERCENT}}}}}}}}}",
        "1:26: shares.iaas.direct.alibab: unknown provider "
        "(found 'alibab'; allowed alibaba, aws; did you mean 'alibaba'?)",
    ),
    "both forms of shares": (
        f"shares: {{iaas: {{foreign: {{value: 10, {PERCENT}}}}}}}",
        "1:10: shares.iaas: needs either direct and rest, or foreign with its splits (found direct, rest, foreign)",
    ),
    "neither form of shares": (
        "shares: {iaas: {direct: null, rest: null}}",
        "1:10: shares.iaas: needs either direct and rest, or foreign with its splits (found nothing)",
    ),
    "direct shares without the rest": (
        "shares: {iaas: {rest: null}}",
        "1:10: shares.iaas: direct and rest go together (found only direct)",
    ),
    "two domestic splits": (
        f"shares: {{saas: {{domestic_split: {{alibaba: {{value: 1, {PERCENT}}}}}}}}}",
        "1:10: shares.saas: needs one of domestic_split and domestic_split_as "
        "(found foreign, foreign_split, domestic_split, domestic_split_as)",
    ),
    "split of the wrong origin": (
        f"shares: {{saas: {{foreign_split: {{alibaba: {{value: 1, {PERCENT}}}}}}}}}",
        "1:33: shares.saas.foreign_split.alibaba: unknown foreign provider (found 'alibaba'; allowed aws)",
    ),
    "split like its own": (
        "shares: {saas: {domestic_split_as: saas}}",
        "1:17: shares.saas.domestic_split_as: unknown layer with domestic proportions of its own "
        "(found 'saas'; allowed iaas; did you mean 'iaas'?)",
    ),
    "impossible shares": (
        f"shares: {{iaas: {{direct: {{alibaba: {{value: 95, {PERCENT}}}}}}}}}",
        "1:17: shares.iaas.direct: impossible shares: nothing is left for 'others' (found 101.9%; allowed below 100%)",
    ),
    "more foreign than open": (
        f"shares: {{saas: {{foreign: {{value: 80, {PERCENT}}}}}}}",
        "1:10: shares.saas: impossible shares: foreign providers hold all that is open, or more "
        "(found 80.0%; allowed below 80.0%)",
    ),
    "more than its cap": (
        f"opening: {{hypotheses: {{wide: {{value: {{value: 95, {PERCENT}}}}}}}}}",
        "1:31: opening.hypotheses.wide.value: asks for more by its median than its cap lets it (found 95%; allowed "
        "90%, its cap); raise cap",
    ),
    "premium of an unknown layer": (
        "opening: {layer: pass}",
        "1:11: opening.layer: unknown layer (found 'pass'; allowed iaas, saas)",
    ),
    "category without a hypothesis": (
        f"opening: {{hypothesis: {{discrete: {{wid: 1}}, unit: category, {EVIDENCE}}}}}",
        "1:35: opening.hypothesis.discrete.wid: unknown category "
        "(found 'wid'; allowed wide, narrow; did you mean 'wide'?)",
    ),
    "hypothesis on a domestic provider": (
        "opening: {hypotheses: {wide: {providers: [alibaba]}}}",
        "1:43: opening.hypotheses.wide.providers[0]: unknown foreign provider (found 'alibaba'; allowed aws)",
    ),
    "category without a reading": (
        f"zone: {{reading: {{discrete: {{al: 1}}, unit: category, {EVIDENCE}}}}}",
        "1:29: zone.reading.discrete.al: unknown category (found 'al'; allowed all; did you mean 'all'?)",
    ),
    "multiple for an unknown segment": (
        f"zone: {{readings: {{all: {{multiple: {{firm: {{value: 2, unit: '1', {EVIDENCE}}}}}}}}}}}",
        "1:36: zone.readings.all.multiple.firm: unknown segment "
        "(found 'firm'; allowed firms, users; did you mean 'firms'?)",
    ),
    "own sites in an unknown layer": (
        "regimes: {pilot: {owned_layers: [iaas, sas]}}",
        "1:40: regimes.pilot.owned_layers[1]: unknown layer (found 'sas'; allowed iaas, saas; did you mean 'saas'?)",
    ),
    "too much equity": (
        "regimes: {pilot: {partner_equity: 1.1}}",
        "1:19: regimes.pilot.partner_equity: must be at most 1.0 (found 1.1)",
    ),
    "equity without a bound": (
        f"regimes: {{pilot: {{partner_equity: {{low: 20, median: 30, high: 70, {PERCENT}}}}}}}",
        "1:19: regimes.pilot.partner_equity: can fall to -19.9133 and rise to 229.653 in some draws "
        "(allowed 0 to 100 in the unit '%'; set min: 0, max: 100)",
    ),
    "unknown start": (
        "policy: {start: close}",
        "1:10: policy.start: unknown regime (found 'close'; allowed closed, pilot; did you mean 'closed'?)",
    ),
    "step to an unknown regime": (
        "policy: {steps: {late: {when: 2020-01-01, adopt: pilt}}}",
        "1:43: policy.steps.late.adopt: unknown regime (found 'pilt'; allowed closed, pilot; did you mean 'pilot'?)",
    ),
    "step that adopts and changes": (
        "policy: {steps: {late: {when: 2020-01-01, adopt: pilot, change: {sites: 1}}}}",
        "1:18: policy.steps.late: adopt and change exclude each other (found both)",
    ),
    "change of nothing": (
        "policy: {steps: {late: {when: 2020-01-01, change: {}}}}",
        "1:43: policy.steps.late.change: changes no lever",
    ),
    "two triggers of one kind": (
        "policy: {steps: {late: {after: pilot_effective, after_not: pilot_effective}}}",
        "1:18: policy.steps.late: needs one of after and after_not (found both)",
    ),
    "step after an unknown one": (
        "policy: {steps: {late: {after: pilot_efective, adopt: pilot}}}",
        "1:25: policy.steps.late.after: unknown step "
        "(found 'pilot_efective'; allowed pilot_effective, late; did you mean 'pilot_effective'?)",
    ),
    "hazard during an unknown regime": (
        f"policy: {{steps: {{late: {{hazard: {{value: 1, unit: 1/yr, {EVIDENCE}}}, during: pilt}}}}}}",
        "1:94: policy.steps.late.during: unknown regime (found 'pilt'; allowed closed, pilot; did you mean 'pilot'?)",
    ),
    "closing an unknown segment": (
        f"policy: {{steps: {{late: {{when: 2020-01-01, closes: {{user: {{value: 1, unit: points, {EVIDENCE}}}}}}}}}}}",
        "1:52: policy.steps.late.closes.user: unknown segment "
        "(found 'user'; allowed firms, users; did you mean 'users'?)",
    ),
    "eviction from nothing": (
        "policy: {steps: {late: {when: 2020-01-01, evicts: true}}}",
        "1:43: policy.steps.late.evicts: has no effect without 'closes'",
    ),
    "cyclic policy steps": (
        "policy: {steps: {one: {after: two, adopt: pilot}, two: {after: one, adopt: closed}}}",
        "1:18: policy.steps.one: cyclic policy steps: one before two before one",
    ),
    "step after itself": (
        "policy: {steps: {one: {after_not: one, adopt: pilot}}}",
        "1:18: policy.steps.one: cyclic policy steps: one before one",
    ),
    "steps that build on each other's state": (
        "policy: {steps: {pilot_effective: {after: late, adopt: pilot}, late: {when: 2020-01-01, change: {sites: 1}}}}",
        "1:18: policy.steps.pilot_effective: cyclic policy steps: pilot_effective before late before pilot_effective",
    ),
    "unknown source": (
        "demand: {conduct: {value: 0.5, unit: fraction, source: bnak, grade: found}}",
        "1:48: demand.conduct.source: unknown source "
        "(found 'bnak'; allowed bank, late, judgement, command line, sweep, choice; did you mean 'bank'?); "
        "list it in sources.yaml, or write judgement where there is none",
    ),
    "later source without a fallback": (
        "demand: {conduct: {value: 0.5, unit: fraction, source: late, grade: found}}",
        "1:10: demand.conduct: needs a fallback record, "
        "because 'late' was published on 2019-06-01, after as_of 2019-04-30",
    ),
    "fallback that is late too": (
        "demand: {conduct: {value: 0.5, unit: fraction, source: late, grade: found, "
        "fallback: {value: 0.6, unit: fraction, source: late, grade: found}}}",
        "1:76: demand.conduct.fallback: must be from what was known, "
        "but 'late' was published on 2019-06-01, after as_of 2019-04-30",
    ),
    "late part of a mixture": (
        "demand: {conduct: {mixture: [{weight: 1, of: {value: 0.5, source: late}}], unit: fraction, "
        f"{EVIDENCE}}}}}",
        "1:10: demand.conduct: needs a fallback record, "
        "because 'late' was published on 2019-06-01, after as_of 2019-04-30",
    ),
    "unknown source of a reference": (
        "opening: {reference: {title: Banks, years: 3, low: 0, median: 2, high: 5, source: bnak}}",
        "1:75: opening.reference.source: unknown source "
        "(found 'bnak'; allowed bank, late, judgement, command line, sweep, choice; did you mean 'bank'?); "
        "list it in sources.yaml, or write judgement where there is none",
    ),
    "reference that does not rise": (
        "opening: {reference: {title: Banks, years: 3, low: 3, median: 2, high: 5, source: bank}}",
        "1:11: opening.reference: low, median, high must rise (found 3, 2, 5)",
    ),
    "median below its bound": (
        f"zone: {{cap: {{value: 0.5, min: 1, unit: USD bn/yr, {EVIDENCE}}}}}",
        "1:8: zone.cap: the median lies below min (found 0.5; allowed from 1)",
    ),
    "median above its bound": (
        f"zone: {{cap: {{lognormal: {{median: 3, sigma: 1}}, max: 2, unit: USD bn/yr, {EVIDENCE}}}}}",
        "1:8: zone.cap: the median lies above max (found 3; allowed to 2)",
    ),
    "percentage stated as a fraction": (
        f"migration: {{consent_loss: {{value: 6, unit: fraction, {EVIDENCE}}}}}",
        "1:13: migration.consent_loss: is out of the range of this quantity "
        "(found 6; allowed 0 to 1 in the unit 'fraction'; did you mean the unit '%'?)",
    ),
    "categories for a number": (
        f"zone: {{cap: {{discrete: {{small: 0.5, large: 0.5}}, unit: USD bn/yr, {EVIDENCE}}}}}",
        "1:8: zone.cap: each of the categories must be a number (found small, large)",
    ),
    "inelastic demand": (
        f"demand: {{elasticity_of_demand: {{value: 0.9, unit: '1', {EVIDENCE}}}}}",
        "1:10: demand.elasticity_of_demand: is out of the range of this quantity "
        "(found 0.9; allowed 1.0001 to 50 in the unit '1')",
    ),
    "closer substitutes outside than inside": (
        f"demand: {{elasticity_of_substitution: {{value: 1.1, unit: '1', {EVIDENCE}}}}}",
        "1:10: demand.elasticity_of_substitution: must be above elasticity_of_demand (found 1.1; allowed above 1.2)",
    ),
}


@pytest.mark.parametrize(("text", "line"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_gets_one_line(folder: Folder, text: str, line: str) -> None:
    place, message = line.split(": ", 1)
    found = folder.complaints(folder.variant(f"{text}\n"))
    expected = f"small.yaml:{place.split()[0]}" if "small" in place else f"case.yaml:{place.replace('1:', '3:', 1)}"
    assert found == [f"{expected}: {message}"]


def test_a_group_holds_inputs_that_are_unknown_for_one_reason(folder: Folder) -> None:
    groups = "{one: {members: [zone.cap, 'entry.build_time[aws]'], rank: [[0.5]], reason: x}}"
    complaints = folder.complaints(folder.variant(f"sampling: {{correlations: {groups}}}\n"))
    said = "(found 'entry.build_time[aws]' is luck, 'zone.cap' is ignorance)"
    assert [said in complaint for complaint in complaints] == [True]


def test_an_input_stands_in_one_group_only(folder: Folder) -> None:
    groups = (
        "{one: {members: [market.size, zone.cap], rank: [[0.5]], reason: x}, "
        "two: {members: [zone.cap, demand.churn], rank: [[0.5]], reason: x}}"
    )
    complaints = folder.complaints(folder.variant(f"sampling: {{correlations: {groups}}}\n"))
    said = "'zone.cap' may stand once, in one group (found 2 times)"
    assert complaints == [
        f"case.yaml:3:56: sampling.correlations.one.members[1]: {said}",
        f"case.yaml:3:110: sampling.correlations.two.members[0]: {said}",
    ]


def test_there_must_be_foreign_providers(folder: Folder) -> None:
    complaints = folder.complaints(folder.spoilt("{title: AWS, origin: foreign}", "{title: AWS, origin: domestic}"))
    said = "there must be a foreign provider, of the base year or later (found none)"
    assert f"case.yaml:35:1: providers: {said}" in complaints


def test_a_later_source_with_a_fallback_from_the_time_is_accepted(folder: Folder) -> None:
    fallback = "fallback: {value: 0.6, unit: fraction, source: bank, grade: found}"
    record = f"{{value: 0.5, unit: fraction, source: late, grade: found, {fallback}}}"
    assert load_scenario(folder.variant(f"demand: {{conduct: {record}}}\n")).demand.conduct.source == "late"


def test_shocks_may_lead(folder: Folder) -> None:
    leading = "[shock.market, shock.market.second, shock.origin.second, shock.rivalry.aws.second]"
    assert len(load_scenario(folder.variant(f"sampling: {{leading: {leading}}}\n")).sampling.leading) == 4


FAMILIES = (
    "interval: 1 to 4",
    "interval: -1 to 4, min: 0",
    "triangular: [0, 1, 5]",
    "triangular: [0, 4, 5]",
    "normal: {mean: 2, sd: 1}, min: 0",
    "lognormal: {median: 3, sigma: 1}",
    "uniform: [1, 4]",
    "discrete: {1: 0.3, 2: 0.3, 3: 0.4}",
    "low: 1, median: 2, high: 4, min: 0, max: 2",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_median_is_that_of_the_distribution(folder: Folder, family: str) -> None:
    scenario = load_scenario("small.yaml", overrides=[f"zone.cap={{{family}, unit: USD m/yr}}"])
    assert medians(scenario)["zone.cap"] == pytest.approx(1e-3 * scenario.zone.cap.middle())


def test_the_check_of_a_file_asks_what_the_engine_asks(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    load_scenario("small.yaml")
    monkeypatch.setattr("sim.kernels.baseyear.room", lambda weights, open_part: 1e-9 * weights.sum(axis=0))
    with pytest.raises(ScenarioError, match="impossible shares: foreign providers hold all that is open, or more"):
        load_scenario("small.yaml")


def test_who_would_have_nothing_in_the_engine_has_nothing_in_the_check(folder: Folder) -> None:
    whole = "shares: {saas: {foreign: {value: 100, unit: '%', source: judgement, grade: judgement}}}\n"
    complaints = folder.complaints(folder.variant(whole))
    assert complaints[0].endswith("nothing is left for 'alibaba' (found 100.0%; allowed below 100%)")


def test_money_in_yuan_is_judged_in_dollars(folder: Folder) -> None:
    assert medians(load_scenario("small.yaml"))["market.layers.iaas.size"] == pytest.approx(5.0)


def test_every_shipped_scenario_is_consistent(shipped: Callable[[str], Scenario]) -> None:
    assert not any(problems(shipped(file.stem)) for file in scenario_files(shipped_folder()))


@pytest.mark.parametrize(
    ("family", "accepted"),
    [
        ("low: 3, median: 12, high: 41", False),
        ("low: 3, median: 12, high: 41, min: 0", True),
        ("normal: {mean: 12, sd: 1}", False),
        ("lognormal: {median: 12, sigma: 1}", True),
        ("interval: 3 to 41", True),
        ("uniform: [-1, 5]", False),
        ("value: -1", False),
        ("mixture: [{weight: 0.5, of: {value: 3}}, {weight: 0.5, of: {uniform: [-1, 1]}}]", False),
    ],
)
def test_a_duration_is_never_negative(folder: Folder, family: str, accepted: bool) -> None:
    record = f"{{{family}, unit: months, source: judgement, grade: judgement}}"
    variant = folder.variant(f"regulator: {{review_time: {record}}}\n")
    if accepted:
        assert not problems(load_scenario(variant))
        return
    line = "case.yaml:3:13: regulator.review_time: a duration can be negative in some draws; add min: 0"
    assert folder.complaints(variant) == [line]


def test_a_regime_that_allows_sites_hands_none_over(folder: Folder) -> None:
    found = problems(load_scenario(shipped_folder() / "ftz_pilot.yaml"))
    assert found == []
    with pytest.raises(ScenarioError, match="sites are handed over only where a regime allows none"):
        load_scenario(shipped_folder() / "ftz_pilot.yaml", overrides=["regimes.ftz_pilot.transfers_sites=true"])
