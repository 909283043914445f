"""Providers of their own: each fault alone, what is inherited, and variants with more or fewer of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Folder
from shipped import FOLDER, scenario

from sim.chance.medians import median_world
from sim.chance.pairing import disagreements
from sim.chance.sampling import draw_worlds
from sim.dates.timeline import period_masks, simulate_timeline
from sim.model.course import Shared
from sim.model.engine import run_periods
from sim.model.entry import _View, entry_verdicts
from sim.model.inversion import build_economy
from sim.reading.explain import lines
from sim.reading.loading import load_scenario, read_scenario
from sim.scenario.families import Fixed
from sim.scenario.inputs import inputs
from sim.scenario.levers import SameAs
from sim.scenario.policy import lever, states
from sim.tasks.audit import audit, in_play

FAULTS = {
    "firms of one that is no fringe": (
        "providers: {aws: {firms: 4}}",
        ["case.yaml:3:19: providers.aws.firms: only a fringe has several firms (found 4; add fringe: true)"],
    ),
    "no firms": (
        "providers: {others: {firms: 0}}",
        ["case.yaml:3:22: providers.others.firms: must be at least 1 (found 0)"],
    ),
    "from and after": (
        "providers: {aws: {entry: {from: 2021-01-01, after: allowed}}}",
        ["case.yaml:3:19: providers.aws.entry: from and after exclude each other (found both; leave one out)"],
    ),
    "a delay after nothing": (
        "providers: {aws: {entry: {delay: {value: 1, unit: years, source: judgement, grade: judgement}}}}",
        ["case.yaml:3:27: providers.aws.entry.delay: a delay needs an 'after' that it runs from (found none)"],
    ),
    "a delay of who never enters": (
        "providers: {aws: {entry: {rule: never, after: allowed, delay: {value: 2, unit: years}}}}",
        [
            (
                "case.yaml:3:56: providers.aws.entry.delay: a provider that never enters has nothing to delay "
                "(found both; leave out the delay)"
            )
        ],
    ),
    "a chosen delay in a wrong unit": (
        "providers: {aws: {entry: {after: allowed, delay: {value: 2, unit: days}}}}",
        ["case.yaml:3:43: providers.aws.entry.delay: wrong unit (found 'days'; allowed years, months)"],
    ),
    "a chosen delay without a unit": (
        "providers: {aws: {entry: {after: allowed, delay: {value: 2}}}}",
        ["case.yaml:3:43: providers.aws.entry.delay: the key 'unit' is missing"],
    ),
    "a chosen delay back in time": (
        "providers: {aws: {entry: {after: allowed, delay: {value: -1, unit: years}}}}",
        ["case.yaml:3:43: providers.aws.entry.delay: a duration can be negative in some draws; add min: 0"],
    ),
    "entry after an unknown step": (
        "providers: {aws: {entry: {after: pilot_effectiv}}}",
        [
            (
                "case.yaml:3:27: providers.aws.entry.after: unknown step (found 'pilot_effectiv'; allowed "
                "pilot_effective, allowed; did you mean 'pilot_effective'?)"
            )
        ],
    ),
    "entry after one's launch": (
        "providers: {aws: {entry: {after: launch}}}",
        [
            (
                "case.yaml:3:27: providers.aws.entry.after: unknown step (found 'launch'; allowed "
                "pilot_effective, allowed)"
            )
        ],
    ),
    "entry while bound": (
        "providers: {aws: {entry: {rule: always, from: 2020-01-01, bound_until: 2021-01-01}}}",
        [
            (
                "case.yaml:3:41: providers.aws.entry.from: a provider that always enters cannot apply while it "
                "is bound (found 2020-01-01; allowed from 2021-01-01, or leave it out: it waits)"
            )
        ],
    ),
    "entry of a domestic provider": (
        "providers: {alibaba: {entry: {rule: never}}}",
        [
            (
                "case.yaml:3:23: providers.alibaba.entry: only foreign providers decide on sites of their own "
                "(found on a domestic one)"
            )
        ],
    ),
    "unknown rule of a provider": (
        "providers: {aws: {entry: {rule: alway}}}",
        [
            (
                "case.yaml:3:27: providers.aws.entry.rule: unknown choice (found 'alway'; allowed profit, "
                "always, never; did you mean 'always'?)"
            )
        ],
    ),
    "unknown key of an entry": (
        "providers: {aws: {entry: {form: 2021-01-01}}}",
        [
            (
                "case.yaml:3:27: providers.aws.entry.form: unknown key (found 'form'; allowed rule, hurdle, "
                "from, after, delay, bound_until, modes; did you mean 'from'?)"
            )
        ],
    ),
    "an arrival before the base year has ended": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {when: 2018-06-01, new_choices: "
            "{value: 1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:3:59: providers.google.arrives.when: an arrival is after the base year; who is there "
                "in it stands in 'shares' (found 2018-06-01; allowed from 2019-01-01)"
            )
        ],
    ),
    "an arrival after a step before": (
        (
            "policy: {steps: {early: {when: 2017-01-01}}}\n"
            "providers: {google: {title: G, origin: foreign, arrives: {after: early, new_choices: {value: 1, "
            "unit: '%', source: judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:4:59: providers.google.arrives.after: an arrival is after the base year; who is there "
                "in it stands in 'shares' (found 2017-01-01; allowed from 2019-01-01)"
            )
        ],
    ),
    "an arrival without a date": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {new_choices: {value: 1, unit: '%', "
            "source: judgement, grade: judgement}}}}"
        ),
        ["case.yaml:3:49: providers.google.arrives: an arrival is dated by one of when and after (found neither)"],
    ),
    "an arrival in an unknown layer": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {when: 2020-01-01, layers: [ias], "
            "new_choices: {value: 1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:3:77: providers.google.arrives.layers: unknown layer (found 'ias'; allowed iaas, saas; "
                "did you mean 'iaas'?)"
            )
        ],
    ),
    "an arrival with two dates": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {when: 2020-01-01, after: launch, "
            "new_choices: {value: 1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        ["case.yaml:3:49: providers.google.arrives: an arrival is dated by one of when and after (found both)"],
    ),
    "an arrival with a delay after nothing": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {when: 2020-01-01, delay: {value: 1, "
            "unit: years, source: judgement, grade: judgement}, new_choices: {value: 1, unit: '%', source: "
            "judgement, grade: judgement}}}}"
        ),
        ["case.yaml:3:77: providers.google.arrives.delay: a delay needs an 'after' that it runs from (found none)"],
    ),
    "an arrival after an unknown step": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {after: openin, new_choices: {value: "
            "1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:3:59: providers.google.arrives.after: unknown step (found 'openin'; allowed "
                "pilot_effective, launch)"
            )
        ],
    ),
    "a domestic arrival by launch": (
        (
            "providers: {google: {title: G, origin: domestic, arrives: {after: launch, new_choices: {value: "
            "1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        ["case.yaml:3:60: providers.google.arrives.after: unknown step (found 'launch'; allowed pilot_effective)"],
    ),
    "an arrival by launch with a delay": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {after: launch, delay: {value: 1, "
            "unit: years, source: judgement, grade: judgement}, new_choices: {value: 1, unit: '%', source: "
            "judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:3:74: providers.google.arrives.delay: an arrival by launch is on the day itself "
                "(found a delay; leave it out)"
            )
        ],
    ),
    "a fringe that arrives": (
        (
            "providers: {google: {title: G, origin: foreign, fringe: true, arrives: {after: launch, "
            "new_choices: {value: 1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        ["case.yaml:3:63: providers.google.arrives: a fringe cannot arrive, only one firm can (found fringe: true)"],
    ),
    "an arrival without new choices": (
        "providers: {google: {title: G, origin: foreign, arrives: {after: launch}}}",
        ["case.yaml:3:49: providers.google.arrives: the key 'new_choices' is missing"],
    ),
    "too many new choices": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {after: launch, new_choices: {value: "
            "95, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:3:74: providers.google.arrives.new_choices: is out of the range of this quantity "
                "(found 95; allowed 0.0001 to 90 in the unit '%')"
            )
        ],
    ),
    "a share of one who arrives later": (
        (
            "providers: {google: {title: G, origin: foreign, arrives: {after: launch, new_choices: {value: 1, "
            "unit: '%', source: judgement, grade: judgement}}}}\n"
            "shares: {iaas: {direct: {google: {value: 1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        [
            (
                "case.yaml:4:26: shares.iaas.direct.google: 'google' arrives after the base year, and can have "
                "no share in it (found one; take it out, or 'arrives')"
            )
        ],
    ),
    "the rest to one who arrives later": (
        (
            "providers: {google: {title: G, origin: domestic, arrives: {when: 2020-01-01, new_choices: "
            "{value: 1, unit: '%', source: judgement, grade: judgement}}}}\n"
            "shares: {iaas: {rest: google, direct: {others: {value: 1, unit: '%', source: judgement, grade: "
            "judgement}}}}"
        ),
        [
            (
                "case.yaml:4:17: shares.iaas.rest: 'google' arrives after the base year, and can have no share "
                "in it (found as the rest; name another)"
            )
        ],
    ),
    "eligible that names nobody": (
        "regimes: {pilot: {eligible: []}}",
        [
            (
                "case.yaml:3:19: regimes.pilot.eligible: names nobody (found an empty list; write null for all, "
                "or owned_layers: [] for none)"
            )
        ],
    ),
    "an eligible domestic provider": (
        "regimes: {pilot: {eligible: [alibaba]}}",
        ["case.yaml:3:30: regimes.pilot.eligible[0]: unknown foreign provider (found 'alibaba'; allowed aws)"],
    ),
    "an unknown eligible provider": (
        "policy: {steps: {late: {when: 2020-06-01, change: {eligible: [asw]}}}}",
        [
            (
                "case.yaml:3:63: policy.steps.late.change.eligible[0]: unknown foreign provider (found 'asw'; "
                "allowed aws; did you mean 'aws'?)"
            )
        ],
    ),
    "a lever of an unknown regime": (
        "regimes: {pilot: {partner_equity: {same_as: close}}}",
        [
            (
                "case.yaml:3:36: regimes.pilot.partner_equity.same_as: unknown regime (found 'close'; allowed "
                "closed; did you mean 'closed'?)"
            )
        ],
    ),
    "a lever that is its own": (
        "regimes: {pilot: {partner_unlock: {same_as: pilot}}}",
        [
            (
                "case.yaml:3:36: regimes.pilot.partner_unlock.same_as: must name a regime that states "
                "partner_unlock itself, and 'pilot' refers to another (found 'pilot'; allowed closed)"
            )
        ],
    ),
    "levers that are each other's": (
        "regimes: {pilot: {partner_unlock: {same_as: closed}}, closed: {partner_unlock: {same_as: pilot}}}",
        [
            (
                "case.yaml:3:36: regimes.pilot.partner_unlock.same_as: must name a regime that states "
                "partner_unlock itself, and 'closed' refers to another (found 'closed'; allowed nothing)"
            ),
            (
                "case.yaml:3:81: regimes.closed.partner_unlock.same_as: must name a regime that states "
                "partner_unlock itself, and 'pilot' refers to another (found 'pilot'; allowed nothing)"
            ),
        ],
    ),
    "a lever of a regime and a number": (
        "regimes: {pilot: {partner_unlock: {same_as: closed, value: 1}}}",
        ["case.yaml:3:53: regimes.pilot.partner_unlock.value: unknown key (found 'value'; allowed same_as)"],
    ),
    "a probability of a regime": (
        "policy: {steps: {late: {when: 2020-01-01, probability: {same_as: pilot}}}}",
        [
            (
                "case.yaml:3:43: policy.steps.late.probability: a parameter record states its number by one key "
                "(found 'same_as'; allowed value, low, interval, triangular, pert, normal, lognormal, uniform, "
                "discrete, mixture, scipy)"
            )
        ],
    ),
    "a step named like a provider's launch": (
        "policy: {steps: {launch: {when: 2020-01-01}}}",
        [
            (
                "case.yaml:3:18: policy.steps.launch: no step can be named so: a provider's terms mean something "
                "else by it"
            )
        ],
    ),
    "taking out who is not there": (
        "providers: {kingsoft: null}",
        [
            (
                "case.yaml:3:13: providers.kingsoft: there is nothing to take out (found 'kingsoft'; allowed "
                "alibaba, others, aws)"
            )
        ],
    ),
    "taking out who takes the rest": (
        "providers: {others: null}",
        ["small.yaml:44:5: shares.iaas.rest: unknown provider (found 'others'; allowed alibaba, aws)"],
    ),
    "taking out the only foreign provider": (
        "providers: {aws: null}",
        ["case.yaml:3:1: providers: there must be a foreign provider, of the base year or later (found none)"],
    ),
    "taking out a provider and stating its share": (
        (
            "providers: {alibaba: null}\n"
            "shares: {iaas: {direct: {alibaba: {value: 1, unit: '%', source: judgement, grade: judgement}}}}"
        ),
        ["case.yaml:4:26: shares.iaas.direct.alibaba: unknown provider (found 'alibaba'; allowed aws)"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_by_itself(folder: Folder, fault: str) -> None:
    text, told = FAULTS[fault]
    assert folder.complaints(folder.variant(f"{text}\n")) == told


EVIDENCE = "source: judgement, grade: judgement"
CHOICES = f"new_choices: {{value: 1, unit: '%', {EVIDENCE}}}"


def test_to_be_bound_and_sure_to_enter_is_no_fault(folder: Folder) -> None:
    found = load_scenario(folder.variant("providers: {aws: {entry: {rule: always, bound_until: 2025-01-01}}}\n"))
    terms = found.entry_of("aws")
    assert (terms.rule, terms.hurdle, str(terms.bound_until)) == ("always", "entry.hurdle", "2025-01-01")


def test_what_a_providers_entry_leaves_out_is_the_scenarios(folder: Folder) -> None:
    hurdle = f"{{value: 2, unit: '1', {EVIDENCE}}}"
    found = load_scenario(folder.variant(f"providers: {{aws: {{entry: {{hurdle: {hurdle}, from: 2021-01-01}}}}}}\n"))
    terms = found.entry_of("aws")
    assert (terms.rule, terms.hurdle, str(terms.from_date)) == ("profit", "providers.aws.entry.hurdle", "2021-01-01")
    assert "providers.aws.entry.hurdle" in draw_worlds(found, range(1)).inputs


def test_a_delay_that_somebody_chooses_needs_no_evidence(folder: Folder) -> None:
    stated = "{rule: always, after: allowed, delay: {value: 18, unit: months}}"
    found = load_scenario(folder.variant(f"providers: {{aws: {{entry: {stated}}}}}\n"))
    assert draw_worlds(found, range(1)).inputs["providers.aws.entry.delay"] == pytest.approx(1.5)
    assert type(found).model_validate_json(found.model_dump_json()).providers == found.providers
    (line,) = lines(read_scenario("case.yaml"), "providers.aws.entry.delay")
    assert (line.value, line.unit, line.source) == ("18", "months", "choice")


def test_a_date_of_a_provider_survives_the_way_to_a_file_of_results(folder: Folder) -> None:
    found = load_scenario(folder.variant("providers: {aws: {entry: {from: 2021-01-01}}}\n"))
    assert type(found).model_validate_json(found.model_dump_json()).providers == found.providers
    loaded = read_scenario("case.yaml")
    assert [(line.path, line.value, line.set_by) for line in lines(loaded, "providers.aws.entry.from")] == [
        ("providers.aws.entry.from", "2021-01-01", "case.yaml")
    ]


def test_each_provider_decides_by_its_own_rule_and_hurdle() -> None:
    found = scenario(
        "full_liberalization",
        "providers.aws.entry={rule: always}",
        "providers.microsoft.entry={rule: never}",
        "regimes.full_liberalization.eligible=[aws, microsoft]",
    )
    base = build_economy(found, draw_worlds(found, range(1)).inputs)
    verdicts = entry_verdicts(found, base)[1]
    assert (verdicts[0].all(), verdicts[1].any(), verdicts[2].any()) == (True, False, False)


def test_a_higher_hurdle_of_ones_own_keeps_only_oneself_out() -> None:
    record = "{value: 900, unit: '1', source: judgement, grade: judgement}"
    plain, other = scenario("ftz_pilot"), scenario("ftz_pilot", f"providers.aws.entry={{hurdle: {record}}}")
    drawn = draw_worlds(other, range(1))
    before, after = (entry_verdicts(one, build_economy(one, drawn.inputs))[1] for one in (plain, other))
    assert before[0].any()
    assert not after[0].any()
    np.testing.assert_array_equal(before[1:], after[1:])


def test_who_is_bound_beyond_the_horizon_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    decide = _View.decision
    monkeypatch.setattr(_View, "decision", lambda view, row, modes: asked.append(row) or decide(view, row, modes))
    plain, bound = scenario("ftz_pilot"), scenario("ftz_pilot", "providers.aws.entry={bound_until: 2031-01-01}")
    last = scenario("ftz_pilot", "providers.aws.entry={bound_until: 2030-12-31}")
    drawn = draw_worlds(plain, range(1))
    before, after, late = (entry_verdicts(one, build_economy(one, drawn.inputs))[1] for one in (plain, bound, last))
    assert before[0].any()
    assert not after[0].any()
    np.testing.assert_array_equal(before, late)
    np.testing.assert_array_equal(before[1:], after[1:])
    rows = range(len(plain.foreign))
    assert asked == [*rows, *rows[1:], *rows]


def test_a_lever_by_reference_is_the_others_input_and_no_second_column() -> None:
    found = scenario("full_liberalization")
    assert isinstance(found.regimes["full_liberalization"].partner_unlock, SameAs)
    drawn, state = draw_worlds(found, range(1)), states(found)[1]
    assert "regimes.full_liberalization.partner_unlock" not in drawn.inputs
    unlock = lever(state, "partner_unlock", drawn.inputs, drawn.draws)
    assert unlock is drawn.inputs["regimes.jv_50.partner_unlock"]
    assert (lever(state, "partner_equity", drawn.inputs, drawn.draws) == 0.5).all()
    assert "regimes.jv_50.partner_unlock" in in_play(found)


def test_a_lever_by_reference_can_be_set_to_a_number_and_moves_something() -> None:
    found = scenario("full_liberalization", "regimes.full_liberalization.partner_equity=0", "sampling.draws=512")
    assert states(found)[1].levers.partner_equity == 0.0
    assert found.overridden["regimes.full_liberalization.partner_equity"] == {"same_as": "jv_50"}
    assert audit([found]).idle == ()


def test_a_lever_by_reference_is_explained_as_one() -> None:
    (line,) = lines(read_scenario(FOLDER / "jv_only.yaml"), "regimes.full_liberalization.partner_unlock")
    assert (line.value, line.unit) == ("same as jv_50", "")


def test_a_change_may_refer_to_a_regime_and_a_change_after_it_may_lift_it(folder: Folder) -> None:
    change = "change: {partner_equity: {same_as: pilot}, owned_unlock: {same_as: pilot}}"
    text = f"policy: {{steps: {{pilot_effective: {{when: 2020-01-01, {change}}}}}}}\n"
    state = states(load_scenario(folder.variant(text)))[1]
    assert (state.levers.partner_equity, state.paths["partner_equity"]) == (0.5, "regimes.pilot.partner_equity")
    assert isinstance(state.levers.owned_unlock, Fixed)


MORE = f"""\
providers:
  newco: {{title: Newco, origin: domestic}}
shares:
  iaas:
    direct:
      newco: {{low: 1, median: 2, high: 3, unit: "%", min: 0.1, {EVIDENCE}}}
"""


def test_a_provider_more_moves_no_draw_of_the_others(folder: Folder) -> None:
    one, more = load_scenario("small.yaml"), load_scenario(folder.variant(MORE))
    assert disagreements(one, more) == ()
    first, second = draw_worlds(one, range(2)), draw_worlds(more, range(2))
    assert set(second.inputs) - set(first.inputs) == {"shares.iaas.direct.newco"}
    for name, values in first.inputs.items():
        np.testing.assert_array_equal(values, second.inputs[name])
    np.testing.assert_array_equal(first.order, second.order)
    np.testing.assert_array_equal(first.rivalry[:, 0], second.rivalry[:, 0])


def test_a_study_of_scenarios_with_unlike_providers_is_audited(folder: Folder) -> None:
    one, more = load_scenario("small.yaml"), load_scenario(folder.variant(MORE))
    assert "shares.iaas.direct.newco" not in audit([one, more]).dead
    fewer = load_scenario(folder.variant("providers: {alibaba: null}\n"))
    assert set(fewer.overridden) == {"providers.alibaba", "shares.iaas.direct.alibaba"}
    assert audit([one, fewer]).idle == ()


def test_a_provider_of_another_origin_is_no_shared_draw(folder: Folder) -> None:
    one, more = load_scenario("small.yaml"), load_scenario(folder.variant(MORE))
    turned = more.model_copy(update={"providers": {**more.providers, "newco": one.providers["aws"]}})
    assert disagreements(more, turned) == ("the origin of newco",)


@pytest.mark.parametrize("nothing", ["null", "~", ""])
def test_a_provider_is_taken_out_with_its_shares_and_its_names_in_sampling_stay(nothing: str) -> None:
    only = "opening.hypotheses.itif_counterfactual.providers=[aws]"
    found = load_scenario(FOLDER / "ftz_pilot.yaml", overrides=[f"providers.microsoft={nothing}", only])
    assert found.foreign == ("aws", "other_foreign")
    assert not [item.name for item in inputs(found) if "microsoft" in item.name]
    whole = scenario("ftz_pilot")
    assert found.sampling == whole.sampling
    assert disagreements(found, whole) == ()
    few, all_of = draw_worlds(found, range(1)), draw_worlds(whole, range(1))
    for name, values in few.inputs.items():
        np.testing.assert_array_equal(values, all_of.inputs[name])


def test_a_step_of_the_base_is_taken_out_by_nothing(folder: Folder) -> None:
    found = load_scenario(folder.variant("policy: {steps: {pilot_effective: null}}\n"))
    assert found.policy.steps == {}
    assert set(found.overridden) == {"policy.steps.pilot_effective"}
    assert audit([found]).idle == ()


def test_what_an_entrant_brings_is_drawn_and_in_play_only_if_it_can_come(folder: Folder) -> None:
    def play(arrives: str, *overrides: str) -> bool:
        text = f"providers: {{google: {{title: G, origin: foreign, arrives: {{{arrives}, {CHOICES}}}}}}}\n"
        found = load_scenario(folder.variant(text), overrides=overrides)
        assert "providers.google.arrives.new_choices" in draw_worlds(found, range(1)).inputs
        return "providers.google.arrives.new_choices" in in_play(found)

    assert play("after: launch")
    assert play("when: 2020-06-01")
    assert not play("when: 2021-01-01")  # the horizon ends with 2020
    assert not play("after: launch", "entry.rule=never")
    assert not play("after: launch", "regimes.pilot.eligible=[aws]")
    assert not play("after: pilot_effective", "policy.steps.pilot_effective={when: 2021-01-01, adopt: pilot}")


def test_the_shipped_entrant_shares_its_draws_and_arrives_by_its_launch() -> None:
    full, found = scenario("full_liberalization"), scenario("new_entrant")
    assert disagreements(full, found) == ()
    assert found.entrants == ("google",)
    first, drawn = draw_worlds(full, range(2)), draw_worlds(found, range(2))
    for name, values in first.inputs.items():
        np.testing.assert_array_equal(values, drawn.inputs[name])
    review = [drawn.inputs[f"regulator.review_time[{name}]"] for name in ("aws", "google")]
    assert np.corrcoef(review)[0, 1] == pytest.approx(0.6, abs=0.1)
    verdicts = np.ones((2, len(found.foreign), drawn.draws), dtype=bool)
    dates = simulate_timeline(found, drawn, verdicts)
    np.testing.assert_array_equal(dates.arrived[-1], dates.launched[-1])
    assert np.isneginf(dates.arrived[:-1]).all()


def test_in_the_median_case_who_is_listed_first_comes_first() -> None:
    assert median_world(scenario("jv_only")).order[:, 0].tolist() == [1 / 6, 0.5, 5 / 6]


def test_who_arrives_after_another_gets_its_part_of_what_customers_see(tmp_path: Path) -> None:
    """Two newcomers, each in the middle of a quarter: a tenth of new choices, the first and its luck in the rest."""
    for name in ("base.yaml", "sources.yaml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    tenth = "new_choices: {value: 10, unit: '%', source: judgement, grade: judgement}"
    (tmp_path / "two.yaml").write_text(
        "schema_version: 1\nextends: base.yaml\nname: two\nquestion: Who gets what?\nproviders:\n"
        f"  baidu: {{title: Baidu, origin: domestic, arrives: {{when: 2021-02-15, {tenth}}}}}\n"
        f"  google: {{title: Google, origin: foreign, arrives: {{when: 2022-02-15, {tenth}}}}}\n"
    )
    open_all = [f"segments.{name}.open=1" for name in ("internet", "private", "multinational", "state")]
    found = load_scenario(tmp_path / "two.yaml", overrides=[*open_all, "closure.drift=0"])
    drawn = draw_worlds(found, range(1))
    base = build_economy(found, drawn.inputs)
    timeline = simulate_timeline(found, drawn, entry_verdicts(found, base))
    backdrop = Shared().backdrop(found, base, drawn)
    record = run_periods(found, base, drawn, timeline, period_masks(found, timeline), backdrop=backdrop)
    for name, quarter in (("baidu", 9), ("google", 13)):
        row = base.providers.index(name)
        assert not record.spending[:quarter, row].any()
        part = record.spending[quarter, row, 0] / backdrop.tides.contestable[quarter, 0]
        np.testing.assert_allclose(part, 0.1, rtol=1e-9)
