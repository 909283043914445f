"""A decision from its file to its folder: what is refused, what is run, and what is said."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import numpy as np
import pytest
from conftest import Folder

from sim import cli
from sim.analysis.appraisal import Known, UnitWorth
from sim.analysis.scrambles import Estimate
from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.model.engine import simulate
from sim.model.valuation import date_value
from sim.outcomes.manifest import as_json
from sim.pictures import decisions
from sim.pictures.decisions import Advice
from sim.reading.documents import read
from sim.reading.loading import read_scenario, shipped_folder
from sim.tasks import decisionwords
from sim.tasks.boxfile import terms_of
from sim.tasks.decide import run_decision
from sim.tasks.decisionfile import Decision, decision_of, decision_schema, read_decision
from sim.tasks.payoffs import measure_of, redrawn_payoffs, scramble_payoffs
from sim.tasks.verify import verify_study

HEAD = """\
schema_version: 1
name: trial
question: Should AWS build?
scenario: case.yaml
"""
BUILD = """\
objective: npv_with_terminal.total.aws
actions:
  stay: {providers.aws.entry: {rule: never}}
  build: {providers.aws.entry: {rule: always, after: allowed}, cost: {value: 0.05, unit: USD bn}}
"""
HOST = """\
host: {consumer_gain.total: 1, tax_take.total: 0.5}
against: npv.total.foreign
actions:
  partners: {policy.steps.pilot_effective: {when: 2026-12-31, adopt: pilot}}
  pilot: {}
"""
TO_2026 = "horizon: {end_year: 2026}\n"


def decision(folder: Folder, text: str, head: str = HEAD) -> Decision:
    folder.variant(TO_2026)
    return read_decision(folder.write("decision.yaml", head + text))


def complaints(folder: Folder, text: str, head: str = HEAD) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        measure_of(decision(folder, text, head))
    return str(caught.value).splitlines()


FAULTS: Mapping[str, tuple[str, str]] = {
    "one action": (
        "objective: npv.total.aws\nactions:\n  stay: {providers.aws.entry: {rule: never}}\n",
        "decision.yaml:6:1: actions: a decision has two actions at least "
        "(found stay; add what else could be done, or doing nothing)",
    ),
    "an unknown key": (
        f"{BUILD}objectiv: 1\n",
        "decision.yaml:9:1: objectiv: unknown key (found 'objectiv'; did you mean 'objective'?)",
    ),
    "nobody who decides": (
        BUILD.partition("\n")[2],
        "decision.yaml:1:1: who decides is told by one key (found nothing; allowed objective, host, players)",
    ),
    "an action that changes what another scenario knows": (
        BUILD + "  wait: {policy.steps.pilot_withdrawn.when: 2021-01-01}\n",
        "decision.yaml:9:10: 'policy.steps.pilot_withdrawn' does not exist (found 'pilot_withdrawn'; allowed "
        "pilot_effective); case has no such thing: give the action a scenario that has it, by the key 'scenario'",
    ),
    "an action that changes the draws": (
        BUILD + "  more: {sampling.seed: 3}\n",
        "decision.yaml:9:10: actions.more.sampling.seed: is the same in all actions, which share their draws",
    ),
    "an outcome that does not exist": (
        BUILD.replace("npv_with_terminal", "npv_with_terminals"),
        "trial: objective: no outcome has this variable "
        "(found 'npv_with_terminals'; did you mean 'npv_with_terminal'?)",
    ),
    "an objective of nobody": (
        BUILD.replace("npv_with_terminal.total.aws", "foreign_share.total"),
        "decision.yaml:6:1: objective: the objective is of no foreign provider, who could decide "
        "(found 'foreign_share.total'; allowed aws)",
    ),
    "a cost of something that is no money": (
        BUILD.replace("npv_with_terminal.total.aws", "market_share.iaas.aws"),
        "trial: objective: a cost can be taken from USD bn only (found market_share.iaas.aws.2026, fraction)",
    ),
    "a cost in a strange unit": (
        BUILD.replace("unit: USD bn}", "unit: EUR}"),
        "decision.yaml:8:84: actions.build.cost.unit: wrong unit (found 'EUR'; allowed bn or m of a currency: USD m)",
    ),
    "only a benchmark beside doing nothing": (
        BUILD.replace("rule: always, after: allowed", "rule: profit"),
        "decision.yaml:6:1: actions: rule: profit knows what nobody can, and is a benchmark; two other actions are "
        "needed (found stay)",
    ),
    "a discount rate without an end": (
        f"{BUILD}discount: {{value: 2, unit: '%/yr'}}\n",
        "decision.yaml:9:1: discount: must be above terminal growth of 2.0%, or the value has no end (found 2.0%)",
    ),
    "beliefs that are none": (
        f"{BUILD}beliefs: opening.hypotheses\n",
        "decision.yaml:9:1: beliefs: case has no such categories (found 'opening.hypotheses'; allowed "
        "opening.hypothesis, zone.reading; did you mean 'opening.hypothesis'?)",
    ),
    "delays that do not rise": (
        f"{BUILD}when: {{delays: [0, 2, 1]}}\n",
        "decision.yaml:9:1: when: delays rise, and begin with 0: at once",
    ),
    "dates of the host": (
        f"{HOST}when: {{delays: [0, 1]}}\n",
        "decision.yaml:10:1: when: goes with 'objective': one provider, who may wait",
    ),
    "dates that are for something that is no money": (
        BUILD.replace("npv_with_terminal.total.aws", "market_share.iaas.aws").replace(
            ", cost: {value: 0.05, unit: USD bn}", ""
        )
        + "when: {delays: [0, 1]}\n",
        "trial: objective: what waiting is worth is told of USD bn only (found market_share.iaas.aws.2026, fraction)",
    ),
    "a world as a choice of the host": (
        HOST.replace(
            "pilot: {}", "pilot: {policy.steps.pilot_effective: {when: 2020-01-01, adopt: pilot, probability: 0.5}}"
        ),
        "decision.yaml:9:3: actions.pilot: what may never come is a world and no choice "
        "(found steps with a chance: pilot_effective)",
    ),
    "a stock that counts for the host": (
        HOST.replace("tax_take.total: 0.5", "npv.total.aws: 1"),
        "trial: host: what counts for the host is a flow in USD bn/yr (found npv.total.aws.2026, USD bn)",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_is_told_once_where_it_stands_with_its_remedy(name: str, folder: Folder) -> None:
    text, line = FAULTS[name]
    assert complaints(folder, text) == [line]


def test_an_objective_that_no_action_moves_is_refused(folder: Folder) -> None:
    folder.variant(TO_2026)
    text = BUILD.replace(
        "rule: always, after: allowed",
        'rule: never, hurdle: {value: 2, unit: "1", source: judgement, grade: judgement}',
    )
    file = folder.write("decision.yaml", HEAD + text)
    with pytest.raises(ScenarioError, match="no action moves it in any draw"):
        run_decision(file, draws=512, plots=False, out="out")


def test_a_decision_survives_the_way_to_its_manifest(folder: Folder) -> None:
    found = decision(folder, BUILD + "when: {delays: [0, 1]}\n")
    assert decision_of(json.loads(json.dumps(found.content()))) == found
    assert found.delays == (0.0, 1.0)


def test_at_the_records_own_rate_an_action_is_worth_what_a_run_says(folder: Folder) -> None:
    found = decision(folder, BUILD)
    part = scramble_payoffs(found, measure_of(found), 0, (0, 1))
    for place, case in enumerate(found.cases):
        panels = simulate(case, draw_worlds(case, range(1)))
        expected = panels["npv_with_terminal"].column(2026, "total", "aws")
        assert np.allclose(part["worth"][place, 0, 0], expected, rtol=1e-12, atol=0)


def test_the_rate_of_who_decides_leaves_its_rivals_as_they_are(folder: Folder) -> None:
    slow, fast = (decision(folder, f"{BUILD}discount: {{value: {rate}, unit: '%/yr'}}\n") for rate in (5, 20))
    parts = [scramble_payoffs(one, measure_of(one), 0, (0, 1)) for one in (slow, fast)]
    assert (parts[0]["launched"] == parts[1]["launched"]).all()
    assert (parts[0]["worth"][:, 0, 0] > parts[1]["worth"][:, 0, 0]).all()


def test_what_comes_by_the_end_of_the_horizon_is_the_value_without_a_terminal_one(folder: Folder) -> None:
    found = decision(folder, BUILD)
    measure = measure_of(found)
    labels = [how.label for how in measure.valuations]
    part = scramble_payoffs(found, measure, 0, (1,))
    case = found.cases[1]
    expected = simulate(case, draw_worlds(case, range(1)))["npv"].column(2026, "total", "aws")
    assert np.allclose(part["worth"][0, 0, labels.index("to 2026")], expected, rtol=1e-12, atol=0)


def test_money_paid_later_is_worth_less_and_what_is_never_paid_nothing() -> None:
    assert date_value(0.1, np.array([2019.0, 2020.0, np.inf]), 2018) == pytest.approx([1.0, 1 / 1.1, 0.0])


def test_luck_is_redrawn_and_all_else_stays(folder: Folder) -> None:
    found = decision(folder, BUILD)
    measure = measure_of(found)
    drawn, once, twice = (
        scramble_payoffs(found, measure, 0, (1,)),
        redrawn_payoffs(found, measure, 0, (1,), 0),
        redrawn_payoffs(found, measure, 0, (1,), 1),
    )
    assert (once["worth"] != twice["worth"]).any()
    assert (once["worth"][0, 0, 0] != drawn["worth"][0, 0, 0]).any()


def test_the_flows_of_the_host_are_discounted_from_the_middle_of_each_year(folder: Folder) -> None:
    found = decision(folder, HOST + "discount: {value: 10, unit: '%/yr'}\n")
    part = scramble_payoffs(found, measure_of(found), 0, (0, 1))
    panels = simulate(found.cases[1], draw_worlds(found.cases[1], range(1)))
    worth = sum(
        weight * panels[variable].column(year, "total") * 1.1 ** -(year - 2018 - 0.5)
        for variable, weight in (("consumer_gain", 1.0), ("tax_take", 0.5))
        for year in range(2019, 2027)
    )
    assert np.allclose(part["worth"][1, 0, 0], worth, rtol=1e-12)
    assert np.allclose(part["parts"].sum(axis=1), part["worth"][:, 0, 0], rtol=1e-12)


def test_a_choice_of_the_host_is_held_against_less_gain_of_customers(folder: Folder) -> None:
    found = decision(folder, HOST)
    study = run_decision(folder.path / "decision.yaml", draws=512, plots=False, out="out", jobs=1)
    gain, tax = np.moveaxis(scramble_payoffs(found, measure_of(found), 0, (0, 1))["parts"], 1, 0)
    best = [found.deciders[0].actions[int((tax + part * gain).mean(axis=1).argmax())].title for part in (0.5, 0.0)]
    assert any(f"with half of it '{best[0]}' is best, with none of it '{best[1]}'" in one for one in study.sentences)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "decide.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_decision_is_told_and_tabled_and_made_anew_to_the_bit(folder: Folder) -> None:
    folder.variant(TO_2026)
    file = folder.write("decision.yaml", HEAD + BUILD)
    study = run_decision(file, draws=1024, plots=False, out="out", jobs=1)
    assert "pays up to a sunk commitment" in study.sentences[0]
    found = {
        (row["table"], row["action"], row["given"], row["statistic"]): float(row["value"] or "nan")
        for row in rows(study.folder)
    }
    known = read_decision(file, draws=1024)
    parts = [scramble_payoffs(known, measure_of(known), number, (0, 1)) for number in range(2)]
    gain = np.concatenate([part["worth"][1, 0, 0] - part["worth"][0, 0, 0] for part in parts])
    paid = np.concatenate([date_value(0.1, part["applied"][1, 0], 2018) for part in parts])
    assert found["break-even", "build", "", "commitment"] == pytest.approx(gain.mean() / paid.mean())
    assert found["payoffs", "build", "", "mean"] == pytest.approx(gain.mean() - 0.05 * paid.mean())
    assert found["information, the break-even", "", "the draw itself", "perfect foresight"] > 0
    shares = sum(found["payoffs", name, "", "P(best)"] for name in ("stay", "build"))
    assert shares + found["payoffs", "", "", "makes no difference"] == pytest.approx(1)
    assert verify_study(study.folder, rerun=True).faults == ()


def test_what_one_may_come_to_know_is_told_in_words_and_in_the_unit_of_the_file() -> None:
    scenario = read_scenario("jv_only").scenario
    known = Known("demand.churn", "ignorance", "judgement", (np.zeros(2),), (0,), ("1/yr",), ("demand.churn",))
    unit = UnitWorth(known, 0.4, 0.01, 0.5, is_told=True, flip=Estimate(np.array(0.05), np.array(0.005)))
    told = decisionwords._unit_worth(unit, scenario, terms_of(scenario))
    name = "customers who change their provider each year"
    assert told == f"'{name}' ¤ 0.40bn to ¤ 0.50bn, which turns the choice at 5 ± 1% a year"


def test_what_loses_in_the_mean_is_not_said_to_pay_up_to_less_than_nothing(folder: Folder) -> None:
    even, loss = Estimate(np.array(-0.02), np.array(0.1)), np.array([[0.0, -0.02]])
    choice = SimpleNamespace(actions=("stay", "buy out"), beliefs=("a", "b"))
    appraisal = SimpleNamespace(
        in_question=1,
        break_even=(None, even),
        break_even_by_belief=((), (even, Estimate(np.array(3.1), np.array(0.1)))),
        choice=choice,
        payoffs=Estimate(loss, loss),
    )
    advice = Advice(
        "?", read_scenario("jv_only").scenario, (("AXA", choice.actions),), appraisal=cast("Any", appraisal)
    )
    assert decisionwords._headline(advice) == (
        "AXA: 'buy out' does not pay in the mean, even with nothing committed; by belief not at all if a holds, "
        "up to ¤ 3.1bn if b holds."
    )
    assert decisions._payoffs_title(advice) == "Buy out costs USD 0.02bn against 'stay', and pays at no commitment"
    assert [decisions._points(part) for part in (0.006, 0.01, 0.4)] == ["0.6 points", "1.0 points", "40 points"]


@pytest.mark.parametrize(("error", "told"), [(0.0, False), (np.nan, False), (0.1, True)])
def test_a_queue_in_which_nobody_waits_is_not_spoken_of(error: float, told: bool) -> None:
    gap = Estimate(np.zeros(2), np.array([0.0, error]))
    found = SimpleNamespace(queue={"first less last": gap}, in_question=1)
    assert bool(decisionwords._place(cast("Any", found))) is told


def test_a_choice_that_commits_nothing_has_no_picture_of_commitments(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.variant(TO_2026)
    monkeypatch.delattr("sim.pictures.decisions._draw_break_even")
    leaving = "leave: {providers.aws.entry: {rule: never}, policy.steps.exit: {when: 2020-01-01, exits: [aws]}}"
    text = HEAD + BUILD[: BUILD.index("build:")] + leaving
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = run_decision(folder.write("decision.yaml", text), draws=512, out="out", jobs=1)
    assert "decide_payoffs.svg" in {path.name for path in study.paths}


WAIT = "when: {delays: [0, 1, 2]}\n"


def test_who_may_wait_is_told_what_that_is_worth_at_each_commitment(folder: Folder) -> None:
    folder.variant(TO_2026)
    file = folder.write("decision.yaml", HEAD + BUILD + WAIT)
    study = run_decision(file, draws=1024, plots=False, out="out", jobs=1)
    waiting = [row for row in rows(study.folder) if row["table"].startswith("waiting, ")]
    assert list(dict.fromkeys(row["table"] for row in waiting)) == [
        "waiting, as stated",
        "waiting, half the break-even",
        "waiting, the break-even",
    ]
    found = {
        (row["action"], row["given"], row["statistic"]): float(row["value"]) for row in waiting[: len(waiting) // 3]
    }
    (built,) = (
        row
        for row in rows(study.folder)
        if (row["table"], row["action"], row["given"], row["statistic"]) == ("payoffs", "build", "", "mean")
    )
    assert found["apply at once", "", "mean"] == pytest.approx(float(built["value"]))
    for basis in ("linear", "squares and products"):
        best = max(0.0, found["apply at once", "", "mean"], found["now or never", basis, "mean"])
        worth = found["wait and see", basis, "mean"]
        assert found["wait and see", basis, "option value"] == pytest.approx(worth - best)
    verdicts = ("what waiting is worth is not told from 0", "waiting to see is worth", "waiting is worth nothing")
    assert sum(any(verdict in sentence for verdict in verdicts) for sentence in study.sentences) == 3
    assert any("no announcement keeps anybody out" in sentence for sentence in study.sentences)
    assert verify_study(study.folder, rerun=True).faults == ()


def test_two_who_decide_meet_in_every_pair(folder: Folder) -> None:
    players = """\
players:
  aws:
    objective: npv_with_terminal.total.aws
    actions:
      stay: {title: staying away, providers.aws.entry: {rule: never}}
      build: {providers.aws.entry: {rule: always}}
  other:
    objective: npv_with_terminal.total.other
    actions: {stay: {providers.other.entry: {rule: never}}, build: {providers.other.entry: {rule: always}}}
"""
    base = shipped_folder() / "full_liberalization.yaml"
    text = players.replace("other", "microsoft")
    file = folder.write("decision.yaml", HEAD.replace("case.yaml", str(base)) + text)
    study = run_decision(file, draws=512, plots=False, out="out", jobs=1)
    found = {(row["table"], row["action"], row["given"], row["statistic"]): row["value"] for row in rows(study.folder)}
    assert {f"{mine} × {theirs}" for mine in ("stay", "build") for theirs in ("stay", "build")} <= {
        key[1] for key in found
    }
    assert float(found["pairs", "stay × stay", "AWS", "mean"]) == 0.0
    assert float(found["pairs", "build × stay", "AWS", "mean"]) > float(found["pairs", "build × build", "AWS", "mean"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "names"),
    [
        (BUILD, {"decide_payoffs", "decide_regret", "decide_beliefs", "decide_information"}),
        (
            BUILD + WAIT,
            {
                *("decide_payoffs", "decide_regret", "decide_beliefs", "decide_information"),
                *("waiting", "waiting_half_the_break_even", "waiting_break_even"),
            },
        ),
        (HOST, {"decide_payoffs", "decide_regret", "decide_beliefs", "decide_information", "decide_frontier"}),
    ],
    ids=["a provider", "a provider who may wait", "the host"],
)
def test_every_picture_that_a_decision_can_have_is_drawn(text: str, names: set[str], folder: Folder) -> None:
    folder.variant(TO_2026)
    study = run_decision(folder.write("decision.yaml", HEAD + text), draws=512, out="out", jobs=1)
    assert {path.stem for path in study.paths if path.suffix == ".svg"} == names


def test_the_shipped_schema_is_that_of_the_model_and_every_shipped_decision_is_valid() -> None:
    folder = shipped_folder() / "decisions"
    assert json.loads((folder / "schema.json").read_text("utf-8")) == decision_schema()
    for file in sorted(folder.glob("*.yaml")):
        jsonschema.Draft202012Validator(decision_schema()).validate(as_json(read(file).plain()))
        assert file.read_text("utf-8").splitlines()[0] == "# yaml-language-server: $schema=schema.json"


def test_the_decisions_that_init_copies_can_be_read(tmp_path: Path) -> None:
    assert cli.main(["init", str(tmp_path)]) == 0
    names = [read_decision(file).name for file in sorted((tmp_path / "decisions").glob("*.yaml"))]
    assert names == ["aws_and_microsoft", "aws_build", "host_regimes"]


def test_check_knows_a_decision(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.variant(TO_2026)
    folder.write("decision.yaml", HEAD + BUILD)
    assert cli.main(["check", "decision.yaml"]) == 0
    assert capsys.readouterr().out == "decision.yaml: trial is valid: AWS: stay, build\n"
    assert cli.main(["check", "decision.yaml", "--set", "zone.cap=1"]) == 2
    assert "is a decision, whose actions set their values themselves" in capsys.readouterr().err


def test_a_decision_is_no_scenario(folder: Folder) -> None:
    folder.write("decision.yaml", HEAD + BUILD)
    line = "decision.yaml:5:1: is a decision, and a scenario is asked for (sim decide decision.yaml)"
    assert folder.complaints("decision.yaml") == [line]


def test_a_scenario_is_no_decision(folder: Folder) -> None:
    assert read_scenario("small.yaml").scenario.name == "small"
    with pytest.raises(ScenarioError, match="is a scenario, and a decision is asked for"):
        read_decision(Path("small.yaml"))
