"""A scenario states what its case has: what is left out is off, and what is needed all the same is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from conftest import Folder
from shipped import FOLDER, RUNNABLE

from sim import cli
from sim.chance.medians import median_world
from sim.chance.sampling import draw_worlds
from sim.chance.shocks import reverting_sd
from sim.errors import ScenarioError
from sim.model.engine import simulate
from sim.model.valuation import Terms
from sim.outcomes.comparison import compare_results
from sim.outcomes.panels import Panel, Result
from sim.reading.loading import load_scenario
from sim.scenario.mechanisms import lacks, left_out, left_out_in_words, with_what_the_other_has
from sim.scenario.scenario import Scenario
from sim.tasks.timing import Timing, waiting_parts

NO_PILOT = "regimes: {pilot: null}\npolicy: {steps: {pilot_effective: null}}\n"
NO_TECHNOLOGY = "technology.catch_up=0", "technology.spillover=0"
WITHOUT_SITES = "zone: null\nregulator: null\nentry: null\ncapacity: null\n"


def ran(scenario: Scenario) -> Mapping[str, Panel]:
    """Every outcome in a scramble."""
    return simulate(scenario, draw_worlds(scenario, range(1)))


def assert_same(panels: Mapping[str, Panel], others: Mapping[str, Panel]) -> None:
    """To the last bit."""
    for name in panels:
        np.testing.assert_array_equal(panels[name].values, others[name].values, err_msg=name)
        np.testing.assert_array_equal(panels[name].median, others[name].median, err_msg=name)


@pytest.mark.parametrize(
    ("left", "zeros"),
    [
        ("closure: null", ["closure.drift=0"]),
        ("technology: null", [*NO_TECHNOLOGY, "technology.owned_spillover=0"]),
        ("technology: {catch_up: null}", ["technology.catch_up=0"]),
        ("technology: {spillover: null, owned_spillover: null}", ["technology.spillover=0"]),
        ("migration: null", ["migration.rate=0", "migration.consent_loss=0"]),
        ("migration: {rate: null}", ["migration.rate=0"]),
        ("rivalry: null", ["rivalry.provider_sd=0", "rivalry.origin_sd=0"]),
        ("market: {step_rate: null, step_size: null}", ["market.step_rate=0", "market.step_size=0"]),
        (
            "market: {volatility: null, growth_reversion: null, level_reversion: null}",
            ["market.volatility=0", "market.growth_reversion=0", "market.level_reversion=0"],
        ),
        ("demand: {conduct: null}", ["demand.conduct=0"]),
        *(
            (f"economics: {{{name}: null}}", [f"economics.{name}=0"])
            for name in (
                *("technology_royalty", "royalty_withholding", "royalty_vat", "profit_tax", "dividend_withholding"),
                "terminal_growth",
            )
        ),
        (
            "segments: {firms: {foreign_propensity: null}}",
            ["segments.firms.foreign_propensity=1"],
        ),
        ("opening: {layer_factor: {saas: null}}", ["opening.layer_factor.saas=1"]),
    ],
)
def test_a_mechanism_that_is_left_out_is_off_to_the_last_bit(folder: Folder, left: str, zeros: list[str]) -> None:
    """As with zeros in its place, which every other number is drawn beside as before."""
    absent, stated = load_scenario(folder.variant(left)), load_scenario("small.yaml", overrides=zeros)
    assert_same(ran(absent), ran(stated))
    assert not set(left_out(stated))
    assert left_out(absent)


def test_a_lone_segment_needs_no_weight(folder: Folder) -> None:
    absent = load_scenario(folder.variant("segments: {users: {weight: null}}"))
    assert_same(ran(absent), ran(load_scenario("small.yaml")))
    assert not left_out(absent)


def test_luck_of_the_market_is_stated_whole(folder: Folder) -> None:
    """A volatility without reversions would drift away, and a crisis without a size is none."""
    for key, keys in (
        ("level_reversion", "volatility, growth_reversion, level_reversion"),
        ("step_rate", "step_rate, step_size"),
    ):
        (line,) = folder.complaints(folder.variant(f"market: {{{key}: null}}"))
        assert line.endswith(f"states {keys} together, or none of them (found no {key})")


def test_a_section_that_nothing_asks_for_moves_nothing(folder: Folder) -> None:
    stated = load_scenario(folder.variant(NO_PILOT))
    absent = load_scenario(folder.variant(NO_PILOT + WITHOUT_SITES + "economics: {transfer_price: null}\n"))
    assert left_out(absent).keys() == {"zone", "regulator", "entry", "capacity"}
    assert not list(lacks(absent))
    panels, others = ran(absent), ran(stated)
    assert others.keys() - panels.keys() == {"zone_reading"}
    assert_same(panels, others)


OWNED = "regimes.pilot.owned_layers"
HANDED = "regimes.closed.transfers_sites"
HANDS_OVER = "regimes: {closed: {transfers_sites: true}}"
SPREADS = """\
rivalry: null
market:
  layers:
    iaas:
      diffusion:
        ceiling: {value: 1, unit: fraction, source: judgement, grade: judgement}
        speed: {value: 0.1, unit: 1/yr, source: judgement, grade: judgement}
        sd: {value: 0.1, unit: "1", source: judgement, grade: judgement}
"""

NEEDED = {
    "zone": (
        "zone: null",
        "regimes.pilot.reach",
        "the section 'zone' (reading, readings): own sites reach as far as a zone's licence",
    ),
    "cap": ("zone: {cap: null}", "regimes.pilot.capped", "'cap' in 'zone': a zone's cap binds"),
    "regulator": ("regulator: null", OWNED, "the section 'regulator' (reviewers, review_time): aws may build"),
    "entry": ("entry: null", OWNED, "the section 'entry' (rule): aws may build"),
    "capacity": (
        "capacity: null",
        OWNED,
        "the section 'capacity' (expansion_lead, planning_years): aws may build",
    ),
    "hurdle": ("entry: {hurdle: null}", OWNED, "'hurdle' in 'entry': aws may build, for profit"),
    "build time": ("entry: {build_time: null}", OWNED, "'build_time' in 'entry': aws may build"),
    "owned spillover": (
        "technology: {owned_spillover: null}",
        "technology",
        "'owned_spillover' in 'technology': technology spills over, and sites may be own",
    ),
    "transfer price": (
        f"economics: {{transfer_price: null}}\n{HANDS_OVER}",
        HANDED,
        "'transfer_price' in 'economics': sites are handed to local operators",
    ),
    "loss at a handover": (
        f"migration: null\n{HANDS_OVER}",
        HANDED,
        "the section 'migration' (consent_loss): sites are handed to local operators",
    ),
    "luck of a layer that spreads": (
        SPREADS,
        "market.layers.iaas.diffusion.sd",
        "the section 'rivalry' (half_life, provider_sd, origin_sd): its luck reverts as that between rivals",
    ),
}


@pytest.mark.parametrize(("text", "path", "what"), NEEDED.values(), ids=NEEDED.keys())
def test_what_has_a_part_is_asked_for_where_it_is_needed(folder: Folder, text: str, path: str, what: str) -> None:
    if text == SPREADS:  # in place of a drift
        folder.write("small.yaml", (folder.path / "small.yaml").read_text().replace("log_odds_drift", "#"))
    (line,) = folder.complaints(folder.variant(text))
    file, number, _, told = line.split(":", 3)
    assert told == f" {path}: needs {what} (found none; add it)"
    assert path.rpartition(".")[2] in (folder.path / file).read_text().splitlines()[int(number) - 1]


def test_who_never_enters_asks_for_nothing(folder: Folder) -> None:
    """Own sites are allowed, and nobody wants one: no regulator, no capacity, no time of building."""
    path = folder.variant("entry: {rule: never, hurdle: null, build_time: null}\nregulator: null\ncapacity: null\n")
    scenario = load_scenario(path)
    assert not ran(scenario)["enters"].values.any()
    own = folder.variant("providers: {aws: {entry: {rule: never}}}\nentry: null\nregulator: null\ncapacity: null\n")
    assert_same(ran(load_scenario(own)), ran(scenario))


def test_a_lever_that_is_left_out_is_not_pulled(folder: Folder) -> None:
    """As in the small base, which states each of them."""
    folder.variant(
        "regimes: {short: {title: Partners only, partner_equity: 0, partner_unlock: 0}}\npolicy: {start: short}\n"
    )
    assert_same(ran(load_scenario("case.yaml")), ran(load_scenario("small.yaml")))


@pytest.mark.parametrize(
    ("regime", "line"),
    [
        (
            "{title: New}",
            "case.yaml:3:11: regimes.new: must state partner_equity and partner_unlock, because there are partners "
            "(found neither; 0 for none)",
        ),
        (
            "{title: New, partner_equity: 0, partner_unlock: 0, owned_layers: [iaas]}",
            "case.yaml:3:11: regimes.new: must state owned_unlock and reach, because it has owned_layers (found none; "
            "owned_unlock from 0 to 1, reach zone or open)",
        ),
    ],
)
def test_a_lever_that_partners_or_sites_need_is_asked_for(folder: Folder, regime: str, line: str) -> None:
    assert folder.complaints(folder.variant(f"regimes: {{new: {regime}}}\n")) == [line]


def test_sampling_may_go_on_naming_what_a_variant_leaves_out(folder: Folder) -> None:
    names = (
        "zone.cap, closure.drift, 'regulator.review_time[aws]', shock.origin.second, shock.rivalry.alibaba, "
        "shock.catch_up.second, technology.catch_up_luck.sd"
    )
    folder.variant(f"{NO_PILOT}{WITHOUT_SITES}closure: null\nrivalry: null\nsampling: {{leading: [{names}]}}\n")
    load_scenario("case.yaml")
    folder.variant(f"{NO_PILOT}{WITHOUT_SITES}sampling: {{leading: [zone.cpa]}}\n")
    (line,) = folder.complaints("case.yaml")
    assert "sampling.leading[0]: unknown input (found 'zone.cpa'; did you mean 'zone.cap'" in line


@pytest.mark.slow
def test_a_case_without_luck_of_the_market_taxes_and_conduct_runs_whole(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its base names the crises, which it has not, among what is sampled best."""
    luck = ("volatility", "growth_reversion", "level_reversion", "step_rate", "step_size")
    taxes = ("royalty_withholding", "royalty_vat", "profit_tax", "dividend_withholding")
    nulls = {"market": luck, "economics": (*taxes, "technology_royalty", "terminal_growth"), "demand": ("conduct",)}
    sections = (f"{section}: {{{', '.join(f'{name}: null' for name in names)}}}" for section, names in nulls.items())
    folder.write("lean.yaml", "\n".join(["extends: cars/announced_path", "name: lean", *sections]))
    assert cli.main(["run", "lean.yaml", "--draws", "512", "--no-plots", "--jobs", "1"]) == 0
    assert "keep USD" in capsys.readouterr().out
    record = FOLDER / "cars" / "observed_2018_2022.csv"
    given = ["lean.yaml", "--observed", str(record), "--draws", "512", "--no-plots", "--jobs", "1"]
    assert cli.main(["backtest", *given]) == 0


def test_check_and_explain_say_what_is_left_out(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder.variant(f"{NO_PILOT}zone: null\nclosure: null\n"))
    assert cli.main(["check", path]) == 0
    said = capsys.readouterr().out
    absent = "closure (segments close by steps alone), zone (no regime's reach is a zone)"
    assert said == f"case.yaml: case is valid; without {absent}\n"
    assert cli.main(["explain", path, "zone"]) == 0
    assert "left out: no regime's reach is a zone" in capsys.readouterr().out


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_first_case_states_everything(name: str) -> None:
    assert not left_out_in_words(load_scenario(FOLDER / f"{name}.yaml"))


@pytest.mark.parametrize(
    ("case", "paths"),
    [
        ("cars/announced_path", "regimes.new_energy_open.yearly_quota and regimes.all_open.yearly_quota"),
        ("insurers/majority", "regimes.majority.yearly_quota"),
        ("cars/single_approval", ""),  # which states one
        ("europe_cloud/rules_may_come", ""),  # in which nobody applies
    ],
)
def test_a_quota_that_is_not_stated_where_somebody_may_apply_is_told_to_be_none(case: str, paths: str) -> None:
    said = left_out_in_words(load_scenario(FOLDER / f"{case}.yaml"))
    assert (f", {paths} (approvals have no limit)" in said) == bool(paths)
    assert ("yearly_quota" in said) == bool(paths)


def test_a_run_tells_what_its_scenarios_do_without(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    more = {"one": "", "two": "migration: null\n"}
    paths = [
        str(folder.write(f"{name}.yaml", f"extends: small.yaml\nname: {name}\nclosure: null\n{text}"))
        for name, text in more.items()
    ]
    assert cli.main(["run", *paths, "--draws", "512", "--no-plots", "--jobs", "1"]) == 0
    said = capsys.readouterr().err
    assert (
        "by what scenarios leave out: segments close by steps alone; nobody is moved to another operator (in Two)"
        in said
    )


@pytest.mark.parametrize(
    ("case", "absent"),
    [
        ("europe_cloud/open_as_it_is", {"zone", "regulator", "entry"}),
        ("cars/announced_path", {"migration"}),
        ("insurers/announced_path", {"migration", "zone"}),
    ],
)
def test_other_cases_leave_out_what_they_have_not(case: str, absent: set[str]) -> None:
    assert left_out(load_scenario(FOLDER / f"{case}.yaml")).keys() == absent


def test_scenarios_with_and_without_a_section_are_compared(folder: Folder) -> None:
    """What only one of the two can have is left out of the differences, and no reason to refuse them."""
    folder.variant(NO_PILOT + WITHOUT_SITES)
    pair = [load_scenario("case.yaml"), load_scenario("small.yaml")]
    results = [Result(one, ran(one)) for one in pair]
    for order in (results, results[::-1]):
        compared = {row.variable for row in compare_results(order)}
        assert "zone_reading" not in compared
        assert "foreign_share" in compared


def test_what_the_other_has_moves_nothing_where_it_is_not_needed(folder: Folder) -> None:
    folder.variant(
        NO_PILOT + WITHOUT_SITES + "economics: {transfer_price: null}\ntechnology: {owned_spillover: null}\n"
    )
    absent, other = load_scenario("case.yaml"), load_scenario("small.yaml")
    whole = with_what_the_other_has(absent, other)
    assert (whole.zone, whole.regulator, whole.technology) == (other.zone, other.regulator, other.technology)
    assert whole.economics.transfer_price == other.economics.transfer_price
    assert_same(ran(absent), ran(whole))


def test_the_median_case_has_zeros_too(folder: Folder) -> None:
    folder.variant(f"{NO_PILOT}{WITHOUT_SITES}closure: null\ntechnology: null\n")
    world = median_world(load_scenario("case.yaml"))
    assert not world.inputs["closure.drift"].any()
    assert "zone.cap" not in world.inputs


def test_jumps_by_chance_come_without_luck_in_rivalry_too(folder: Folder) -> None:
    size = '{low: 0.1, median: 0.2, high: 0.4, unit: "1", source: judgement, grade: judgement}'
    rate = "{value: 0.2, unit: 1/yr, source: judgement, grade: judgement}"
    jumps = f"providers: {{aws: {{jumps: {{rate: {rate}, size: {size}}}}}}}\n"
    stated = load_scenario(folder.variant(jumps), overrides=["rivalry.provider_sd=0", "rivalry.origin_sd=0"])
    assert_same(ran(load_scenario(folder.variant(f"{jumps}rivalry: null\n"))), ran(stated))


def test_luck_without_a_half_life_is_at_its_full_size_at_once() -> None:
    np.testing.assert_array_equal(reverting_sd(0.0, np.array([0.25, 60.0])), np.sqrt([2.0, 2.0]))


def test_all_that_a_rule_needs_is_asked_for_at_once(folder: Folder) -> None:
    lines = folder.complaints(folder.variant("entry: null\nregulator: null\ncapacity: null\n"))
    assert {line.split("'")[1] for line in lines} == {"entry", "regulator", "capacity"}


def test_where_there_are_no_partners_nobody_earns_as_one(folder: Folder) -> None:
    folder.variant("channels: {import: {kind: cross_border}}\nhorizon: {end_year: 2026}\n")
    panels = ran(load_scenario("case.yaml"))
    assert panels["owned_revenue"].values.any()
    assert not panels["operator_profit"].values.any()


def test_when_to_apply_is_not_asked_where_nobody_is_examined(folder: Folder) -> None:
    """Nobody enters in the scenario, so that it is right without a regulator; applying needs one."""
    folder.variant("entry: {rule: never, hurdle: null, build_time: null}\nregulator: null\n")
    timing = Timing(load_scenario("case.yaml"), "aws", (0.0, 1.0), (), Terms(0.1, 0.02))
    with pytest.raises(ScenarioError, match="case leaves out 'regulator', which is needed: aws may build") as caught:
        waiting_parts(timing)
    assert len(caught.value.problems) == 2
