"""What lies between two scenarios: parts of clauses, calendars mixed lever by lever, and what the command leaves."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from conftest import Folder
from shipped import run, scenario, worlds
from small_world import rate, small_scenario

from sim import cli
from sim.analysis.bridge import STATISTICS, bridge, clause_count, interactions, summary
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds
from sim.dates.composites import EVERYTHING, composite, sides
from sim.errors import ScenarioError
from sim.model.engine import simulate
from sim.outcomes.naming import find_outcome
from sim.outcomes.results import Panel
from sim.pictures.bridges import BridgeSheet, relation
from sim.reading.loading import load_scenario, shipped_folder
from sim.scenario.clauses import CLOSES, DATES, EFFECTS, KINDS, LEVERS, MOST_CLAUSES, WORLD, Clause, clauses_between
from sim.scenario.scenario import Scenario
from sim.scenario.steps import StepEffect
from sim.tasks.bridge import read_clauses, run_bridge
from sim.tasks.task import FindingsStudy
from sim.tasks.verify import verify_study

RANDOM = np.random.default_rng(1)
DRAWS = 7


def game(worth: Callable[[frozenset[int]], float], clauses: int = 4) -> FloatArray:
    """The values of a game with one draw."""
    sets = (frozenset(i for i in range(clauses) if at >> i & 1) for at in range(2**clauses))
    return np.array([[worth(given)] for given in sets])


def noise(clauses: int, draws: int = DRAWS) -> FloatArray:
    return RANDOM.normal(size=(2**clauses, draws))


def test_a_game_of_four_by_hand() -> None:
    """10 for a; 6 more if b is there too; 12 for b, c and d together: each term is shared by those it takes."""

    def worth(given: frozenset[int]) -> float:
        return 10 * (0 in given) + 6 * ({0, 1} <= given) + 12 * ({1, 2, 3} <= given)

    found = bridge(game(worth))
    assert found.parts[:, 0] == pytest.approx([13, 7, 4, 4])
    assert found.first[:, 0].tolist() == [10, 0, 0, 0]
    assert found.last[:, 0].tolist() == [16, 18, 12, 12]
    joint = {pair: float(draws[0]) for pair, draws in interactions(game(worth)).items()}
    assert joint == pytest.approx({(0, 1): 6, (0, 2): 0, (0, 3): 0, (1, 2): 6, (1, 3): 6, (2, 3): 6})


def test_a_part_is_the_mean_over_all_orders_of_what_a_clause_adds() -> None:
    values = noise(4)
    gains = np.zeros((4, DRAWS))
    for order in permutations(range(4)):
        given = 0
        for clause in order:
            gains[clause] += (values[given | 1 << clause] - values[given]) / 24
            given |= 1 << clause
    assert bridge(values).parts == pytest.approx(gains, abs=1e-14)


@pytest.mark.parametrize("clauses", range(1, MOST_CLAUSES + 1))
def test_parts_add_up_to_the_whole_in_every_draw(clauses: int) -> None:
    values = noise(clauses)
    assert np.abs(bridge(values).parts.sum(axis=0) - (values[-1] - values[0])).max() < 1e-12


def test_what_moves_nothing_has_exactly_nothing() -> None:
    """Also where it does so but for rounding, such as the last bit of a mean over more phases of a calendar."""
    values = noise(4)
    for at in range(16):
        if at & 4:
            values[at] = values[at - 4] * (1 + 2**-52)
    found = bridge(values)
    assert not found.parts[2].any()
    assert not found.first[2].any()
    assert not found.last[2].any()
    assert not any(draws.any() for pair, draws in interactions(values).items() if 2 in pair)


def test_numbering_the_clauses_otherwise_moves_no_bit() -> None:
    values = noise(5)
    plain, joint = bridge(values), interactions(values)
    for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):  # clause i of the new numbering is clause order[i] of the old
        moved = values[[sum(1 << order[i] for i in range(5) if at >> i & 1) for at in range(32)]]
        found = bridge(moved)
        for name in ("parts", "first", "last"):
            assert np.array_equal(getattr(found, name), getattr(plain, name)[order]), name
        for (one, other), draws in interactions(moved).items():
            low, high = sorted((order[one], order[other]))
            assert np.array_equal(draws, joint[low, high])


@pytest.mark.parametrize("sets", [1, 3, 6])
def test_the_sets_of_clauses_are_a_power_of_two(sets: int) -> None:
    with pytest.raises(ValueError, match=f"{sets} sets of clauses: there are 2, 4, 8"):
        clause_count(np.zeros((sets, DRAWS)))


def test_a_summary_says_what_the_draws_do() -> None:
    draws = 4 * DRAWS_PER_SCRAMBLE
    values = noise(2, draws)
    values[[1, 3], : draws // 4] = values[[0, 2], : draws // 4]  # there the first clause moves nothing
    found, parts = summary(values), bridge(values).parts
    mean = STATISTICS.index("mean")
    assert found.value[mean, :2] == pytest.approx(parts.mean(axis=1))
    assert found.value[mean, 2] == pytest.approx((values[3] - values[0]).mean())
    assert found.value[STATISTICS.index("p95"), 0] == np.quantile(parts[0], 0.95)
    assert found.p_zero.tolist()[:2] == [0.25, 0.0]
    assert found.p_positive[0] == (parts[0] > 0).mean()
    of_scrambles = parts[1].reshape(4, -1).mean(axis=1)
    assert found.error[mean, 1] == pytest.approx(of_scrambles.std(ddof=1) / 2)
    assert np.array_equal(found.joint, found.joint.T, equal_nan=True)


def test_three_scrambles_know_no_error() -> None:
    found = summary(noise(2, 3 * DRAWS_PER_SCRAMBLE))
    assert np.isnan(found.error).all()
    assert np.isfinite(found.value).all()


def mixed(first: tuple[Scenario, Worlds], second: tuple[Scenario, Worlds], *levers: str) -> Mapping[str, Panel]:
    """The outcomes where some levers are as in the second scenario."""
    pair = sides(first[0], second[0], (first[1], second[1]))
    return simulate(*composite(*pair, levers))


def require_same(found: Mapping[str, Panel], expected: Mapping[str, Panel]) -> None:
    """The same bits in all but the dates of steps, whose names are others."""
    for name in expected.keys() - {"event_date"}:
        assert np.array_equal(found[name].values, expected[name].values, equal_nan=True), name


def case(name: str, *overrides: str) -> tuple[Scenario, Worlds]:
    return scenario(name, *overrides), worlds(name, *overrides)


PAIRS = [
    ("ftz_pilot", "full_liberalization"),
    ("jv_only", "announced_path"),
    ("reversal", "announced_path"),
    ("piecemeal", "new_entrant"),
    ("forced_transfer", "reversal"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_without_any_clause_the_run_is_the_first_scenario_and_with_all_the_second_to_the_bit(
    first: str, second: str
) -> None:
    require_same(mixed(case(first), case(second)), run(first))
    require_same(mixed(case(first), case(second), *EVERYTHING), run(second))


def test_a_draw_hangs_on_none_beside_it() -> None:
    """Though states that meet in no draw are left out."""
    pair = [(scenario(name), worlds(name, scrambles=2)) for name in ("announced_path", "reversal")]
    whole = mixed(*pair, "reach", "closes")
    for half in (slice(0, 512), slice(512, 1024)):
        part = mixed(*((one, drawn.take(half)) for one, drawn in pair), "reach", "closes")
        for name in ("foreign_share", "npv"):
            assert np.array_equal(part[name].values, whole[name].values[..., half])


@pytest.mark.parametrize(
    ("levers", "overrides"),
    [
        (["capped"], ["regimes.ftz_pilot.capped=false"]),
        (["sites"], ["regimes.ftz_pilot.sites=null"]),
        (
            ["owned_unlock", "partner_unlock", "reach", "owned_layers"],
            [
                "regimes.ftz_pilot.owned_unlock=1",
                "regimes.ftz_pilot.partner_unlock={same_as: jv_50}",
                "regimes.ftz_pilot.reach=open",
            ],
        ),
    ],
)
def test_a_clause_is_the_scenario_in_which_its_levers_are_set(levers: Sequence[str], overrides: Sequence[str]) -> None:
    found = mixed(case("ftz_pilot"), case("full_liberalization"), *levers)
    require_same(found, run("ftz_pilot", *overrides))


def test_a_clause_keeps_the_draws_of_an_uncertain_lever_from_wherever_it_comes() -> None:
    found = mixed(case("jv_only"), case("piecemeal"), *EVERYTHING - {"partner_unlock", "partner_equity", "world"})
    expected = run("piecemeal", "regimes.jv_50.partner_unlock=0", "regimes.jv_50.partner_equity=0")
    require_same(found, expected)


def dated(when: str, name: str = "opening_effective") -> str:
    return f"policy.steps.{name}.when={when}"


def test_dates_are_a_clause_where_both_have_the_same_steps() -> None:
    later = "full_liberalization", dated("2023-07-01")
    clauses, _ = clauses_between(scenario("ftz_pilot"), scenario(*later))
    assert "dates" in [clause.name for clause in clauses]
    require_same(
        mixed(case("ftz_pilot"), case(*later), "dates"), run("ftz_pilot", dated("2023-07-01", "pilot_effective"))
    )
    require_same(mixed(case("ftz_pilot"), case(*later), *EVERYTHING - {"dates"}), run("full_liberalization"))


def test_dates_travel_with_levers_where_steps_are_others() -> None:
    """A pilot of 2020 and two steps, of 2022 and 2024: each lever moves when its own calendar says."""
    first = small_scenario({"a": {"when": "2020-01-01", "adopt": "open"}})
    steps = {"b": {"when": "2022-01-01", "adopt": "half"}, "c": {"when": "2024-01-01", "adopt": "open"}}
    second = small_scenario(steps, half={"sites": 2, "capped": True})
    drawn = draw_worlds(first, range(1)), draw_worlds(second, range(1))
    made, given = composite(*sides(first, second, drawn), {"sites", "capped"})
    regimes = [made.regimes[made.policy.start]]
    dates = [0.0]
    for name, step in made.policy.steps.items():
        if step.adopt is not None:
            regimes.append(made.regimes[step.adopt])
            dates.append(float(given.dates[name][0]))
    order = np.argsort(dates)
    assert [dates[at] for at in order] == [0.0, 2020.0, 2022.0, 2024.0]
    assert [regimes[at].reach for at in order] == ["none", "open", "open", "open"]
    assert [regimes[at].sites for at in order] == [None, None, 2, None]
    assert [regimes[at].capped for at in order] == [False, False, True, False]


def test_a_hazard_weighs_on_who_decides_only_where_its_step_takes_the_permission() -> None:
    steps = {
        "open": {"when": "2020-01-01", "adopt": "open"},
        "lost": {"hazard": rate(0.3), "during": "open", "adopt": "closed"},
    }
    first, second = small_scenario(dict([*steps.items()][:1])), small_scenario(steps)
    drawn = draw_worlds(first, range(1)), draw_worlds(second, range(1))
    pair = sides(first, second, drawn)
    permission, others = {"owned_layers", "reach"}, EVERYTHING - {"owned_layers", "reach"}
    for levers, hazards in ((permission, 1), (others, 1), (EVERYTHING, 1), (frozenset(), 0)):
        made, _ = composite(*pair, levers)
        threats = [step for step in made.policy.steps.values() if "hazard" in type(step).model_fields]
        assert len(threats) == hazards
    (threat,) = [s for s in composite(*pair, others)[0].policy.steps.values() if "hazard" in type(s).model_fields]
    assert composite(*pair, others)[0].regimes[threat.adopt or ""].reach == "open"


def test_what_both_open_on_one_day_is_no_difference() -> None:
    """Only the places are, from the day on which one of them limits these."""
    opened = {"when": "2020-01-01", "adopt": "open"}
    first = small_scenario({"a": opened})
    second = small_scenario({"b": opened, "c": {"when": "2025-01-01", "adopt": "scarce"}}, scarce={"sites": 2})
    assert clauses_between(first, second)[0] == (Clause("places", ("sites",)),)


def names_between(first: str, second: str, *wanted: str) -> list[str]:
    return [clause.name for clause in clauses_between(scenario(first), scenario(second), read_clauses(wanted))[0]]


def test_every_lever_is_of_one_kind_which_the_documentation_lists() -> None:
    """And all else that a step does is carried over by clauses of its own, or is what sets it off."""
    of_kinds = [lever for levers in KINDS.values() for lever in levers]
    assert sorted(of_kinds) == sorted([*LEVERS, DATES, CLOSES, EFFECTS, WORLD])
    page = (Path(__file__).parents[1] / "docs" / "bridge.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` | " not in page] == []
    deeds = {"adopt", "change", "closes", "opens", "exits", "evicts", "effects", "raises", "probability"}
    assert set(StepEffect.model_fields) - {"title"} == deeds


def test_clauses_are_levers_by_kind() -> None:
    assert names_between("ftz_pilot", "full_liberalization") == ["reach", "cap", "places", "quota", "control", "equity"]
    assert names_between("jv_only", "transfer_ban") == ["technology"]
    assert names_between("full_liberalization", "new_entrant") == ["world"]


def test_above_six_kinds_are_joined_and_it_is_said_which() -> None:
    clauses, joined = clauses_between(scenario("ftz_pilot"), scenario("new_entrant"))
    assert len(clauses) == MOST_CLAUSES
    assert joined == ("places+quota",)
    (one,) = [clause for clause in clauses if clause.name == "places+quota"]
    assert one.levers == ("sites", "yearly_quota")


def test_the_user_groups_levers_and_kinds() -> None:
    found = names_between("ftz_pilot", "full_liberalization", "room=capped,places", "terms=control,equity")
    assert found == ["room", "terms", "reach", "quota"]


def test_more_clauses_of_the_users_own_than_six_are_joined_too() -> None:
    wanted = [Clause(f"own{n}", (lever,)) for n, lever in enumerate(("reach", "cap", "sites", "quota", "owned_unlock"))]
    wanted += [Clause("own5", ("partner_unlock",)), Clause("own6", ("partner_equity",))]
    clauses, joined = clauses_between(scenario("ftz_pilot"), scenario("full_liberalization"), wanted)
    assert len(clauses) == MOST_CLAUSES
    assert joined == ("own5+own6",)


REFUSED = {
    "unknown": (["a=cpa"], "--clause: no lever has this name (found 'cpa'; did you mean 'cap'?)"),
    "no name": (["=cap"], "--clause: must be NAME=LEVER,LEVER (found '=cap')"),
    "no lever": (["a="], "--clause: must be NAME=LEVER,LEVER (found 'a=')"),
    "the total": (["total=cap"], "--clause: no clause can be called 'total': it is the sum of all"),
    "twice": (["a=cap", "b=capped,quota"], "--clause: 'capped' stands in another clause too (found it in 'b')"),
    "one name": (["a=cap", "a=quota"], "--clause: two clauses are called 'a'"),
    "moves nothing": (
        ["a=spillover"],
        "--clause: 'a' moves nothing between ftz_pilot and full_liberalization (allowed reach, capped, sites, "
        "yearly_quota, owned_unlock, partner_unlock, partner_equity)",
    ),
}


@pytest.mark.parametrize(("wanted", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_clause_is_refused(wanted: Sequence[str], line: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        names_between("ftz_pilot", "full_liberalization", *wanted)
    assert str(caught.value) == line


def test_where_nothing_differs_there_is_nothing_to_tell_apart() -> None:
    with pytest.raises(ScenarioError, match="nothing lies between ftz_pilot and ftz_pilot"):
        clauses_between(scenario("ftz_pilot"), scenario("ftz_pilot"))


OTHER = """\
regimes:
  pilot: {capped: false, sites: null, yearly_quota: null}
"""
TO_2026 = "horizon: {end_year: 2026}\nentry: {rule: always}\n"


@pytest.fixture
def pair(folder: Folder) -> Folder:
    """The small scenario to 2026, and the same without cap and limits."""
    folder.write("one.yaml", f"extends: small.yaml\nname: one\n{TO_2026}")
    folder.write("other.yaml", f"extends: small.yaml\nname: other\n{TO_2026}{OTHER}")
    return folder


def bridged(**options: object) -> FindingsStudy:
    arguments: dict[str, object] = {"outcomes": ["npv.total.aws"], "draws": 2048, "plots": False, "jobs": 1, **options}
    return run_bridge("one.yaml", "other.yaml", **arguments)  # type: ignore[arg-type]


def rows_of(study: FindingsStudy, name: str = "bridge.csv") -> list[dict[str, str]]:
    with (study.folder / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_adds_up_to_the_difference_of_the_two_runs(pair: Folder) -> None:
    rows = rows_of(bridged())
    columns = ["outcome", "clause", "statistic", "value", "se", "first", "last", "p_positive", "p_zero", "unit"]
    assert list(rows[0]) == columns
    means = {row["clause"]: float(row["value"]) for row in rows if row["statistic"] == "mean"}
    assert list(means) == ["cap", "places", "quota", "total"]
    assert sum(means.values()) - means["total"] == pytest.approx(means["total"], abs=1e-12)
    runs = []
    for name in ("one", "other"):
        loaded = load_scenario(f"{name}.yaml")
        runs.append(simulate(loaded, draw_worlds(loaded, range(4)))["npv"].column(2026, "total", "aws"))
    assert means["total"] == pytest.approx((runs[1] - runs[0]).mean(), rel=1e-12)
    assert means["cap"] != 0


def test_interactions_stand_in_a_table_of_their_own(pair: Folder) -> None:
    rows = rows_of(bridged(), "interactions.csv")
    assert [(row["clause"], row["other"]) for row in rows] == [("cap", "places"), ("cap", "quota"), ("places", "quota")]


def test_the_jobs_move_no_bit(pair: Folder) -> None:
    one, two = (bridged(jobs=jobs, out=f"out{jobs}") for jobs in (1, 2))
    assert (one.folder / "manifest.json").read_bytes() == (two.folder / "manifest.json").read_bytes()


def test_a_bridge_can_be_verified_by_making_it_anew(pair: Folder) -> None:
    study = bridged(draws=512)
    assert verify_study(study.folder, rerun=True, jobs=1).faults == ()


def test_a_picture_is_drawn_of_parts_and_of_interactions(pair: Folder) -> None:
    study = bridged(draws=512, plots=True)
    drawn = {path.stem for path in (study.folder / "plots").iterdir()}
    assert drawn == {"bridge_waterfall_npv_total_aws_2026", "bridge_interactions_npv_total_aws_2026"}


@pytest.mark.parametrize(
    ("worth", "words"),
    [
        ((0, 1, 1, 5), "reach and cap need each other"),
        ((0, 4, 4, 5), "reach and cap replace each other"),
        ((0, -1, -1, -5), "reach and cap need each other"),
        ((0, 6, 0, 3), "cap takes more where reach is given"),
        ((0, 6, -3, 5), "cap takes less where reach is given"),
        ((0, 2, -6, -7), "reach takes less where cap is given"),
    ],
)
def test_what_two_clauses_are_to_each_other_is_said_in_words(worth: Sequence[float], words: str) -> None:
    """Whoever goes against the whole takes from it."""
    one, other = scenario("jv_only"), scenario("ftz_pilot")
    outcome = find_outcome("foreign_share.total", {"jv_only": run("jv_only")})
    values = np.repeat(np.array(worth, dtype=float)[:, None], DRAWS_PER_SCRAMBLE, axis=1)
    assert relation(BridgeSheet(one, other, ("reach", "cap"), outcome, summary(values)), 0, 1) == words


def test_the_command_answers_in_sentences(pair: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bridge", "one.yaml", "other.yaml", "--of", "npv.total.aws", "--clause", "limits=sites,yearly_quota"]
    assert cli.main([*command, "--draws", "512", "--no-plots", "--jobs", "1"]) == 0
    said = capsys.readouterr()
    lines = said.out.strip().splitlines()
    assert lines[0].startswith("NPV, AWS, all layers, 2026: ")
    assert [line.split()[0] for line in lines[1:4]] == ["Limits", "Cap", "Given"]
    assert "4 runs of 512 draws, for 2 clauses" in said.err


def test_set_is_for_both(pair: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bridge", "one.yaml", "other.yaml", "--draws", "512", "--no-plots", "--set", "regimes.pilot.sites=null"]
    assert cli.main([*command, "--of", "npv.total.aws"]) == 0
    assert "Places" not in capsys.readouterr().out


COMPLAINTS = {
    "no such outcome": (["--of", "npv.total.azure"], "npv is not known of this (found 'total.azure'"),
    "may be missing": (["--of", "irr.total.aws"], "in some draws there is no irr"),
    "a gain": (["--of", "gain(npv.total.aws)"], "a bridge takes differences itself"),
    "one scenario's": (["--of", "one:npv.total.aws"], "a bridge takes differences itself"),
    "no such clause": (["--clause", "a"], "must be NAME=LEVER,LEVER (found 'a')"),
}


@pytest.mark.parametrize(("options", "message"), COMPLAINTS.values(), ids=COMPLAINTS.keys())
def test_a_wrong_request_is_refused(
    pair: Folder, options: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bridge", "one.yaml", "other.yaml", "--draws", "512", "--no-plots", *options]) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().glob("results/*"))


def test_scenarios_are_named_by_file_or_by_name(pair: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bridge", "one", "one.yaml", "--draws", "512"]) == 2
    assert "one: stands at both ends" in capsys.readouterr().err
    assert cli.main(["check", "ftz_pilot"]) == 0
    assert cli.main(["check", "ftz_pilots"]) == 2


@pytest.mark.parametrize("given", [Path("ftz_pilot"), load_scenario(shipped_folder() / "ftz_pilot.yaml")])
def test_a_bridge_from_a_scenario_to_itself_is_refused(given: Path | Scenario) -> None:
    with pytest.raises(ScenarioError, match=r"^ftz_pilot: stands at both ends: name two scenarios that differ"):
        run_bridge(given, given)
