"""The draws: pairing, independence, correlations, error; and the shock paths as drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from scipy.special import ndtri

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance import sampling
from sim.chance.copula import correlated
from sim.chance.medians import median_world
from sim.chance.sampling import check_draws, draw_worlds
from sim.chance.worlds import SHOCK_INPUTS, Worlds
from sim.errors import ScenarioError
from sim.reading.loading import load_scenario
from sim.scenario.families import Fixed
from sim.scenario.inputs import inputs
from sim.scenario.market import TurningRate
from sim.scenario.scenario import Correlation, Scenario

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FIRST = "opening.hypothesis"
ALL_PATHS = ("market_shock", "market_steps", "rivalry", "origin_shock", "catch_up_shock")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Many steps with probabilities, eight years after the base year in quarters."""
    return altered(load_scenario(SCENARIOS / "announced_path.yaml"), "horizon.end_year", 2026)


@pytest.fixture(scope="module")
def brief(scenario: Scenario) -> Scenario:
    """The same with a horizon of two half-years, for many scrambles of inputs."""
    return altered(altered(scenario, "horizon.end_year", 2019), "horizon.period_months", 6)


@pytest.fixture(scope="module")
def worlds(scenario: Scenario) -> Worlds:
    """8,192 draws."""
    return draw_worlds(scenario, range(16))


@pytest.fixture(scope="module")
def many(brief: Scenario) -> Worlds:
    """64 scrambles of inputs."""
    return draw_worlds(brief, range(64))


def altered(node: Any, path: str, value: Any) -> Any:
    """A copy of a scenario with one value replaced, at a dotted path."""
    key, _, rest = path.partition(".")
    below = node[key] if isinstance(node, Mapping) else getattr(node, key)
    new = altered(below, rest, value) if rest else value
    return {**node, key: new} if isinstance(node, Mapping) else node.model_copy(update={key: new})


def fixed(scenario: Scenario, path: str) -> Scenario:
    """The scenario with one input fixed at its median."""
    record = next(item.record for item in inputs(scenario) if item.path == path)
    return altered(scenario, path, Fixed(value=record.middle(), unit=record.unit, source="s", grade="judgement"))


def group_of(scenario: Scenario, name: str) -> set[str]:
    groups = scenario.sampling.correlations.values()
    return {name}.union(*(group.members for group in groups if name in group.members))


def assert_same_but(one: Worlds, other: Worlds, apart: set[str]) -> None:
    """Every input but some, every uniform of a step and every path are the same bits."""
    common = set(one.inputs) & set(other.inputs) - apart
    assert len(common) > 100
    for name in sorted(common):
        np.testing.assert_array_equal(one.inputs[name], other.inputs[name], err_msg=name)
    for step in one.chance:
        np.testing.assert_array_equal(one.chance[step], other.chance[step])
    for path in ALL_PATHS:
        np.testing.assert_array_equal(getattr(one, path), getattr(other, path))


def every_column(scenario: Scenario) -> FloatArray:
    """Every uniform column of 16 scrambles, whoever uses it: array (columns, 8192)."""
    names = [item.name for item in inputs(scenario)] + [f"chance.{step}" for step in scenario.policy.steps]
    named = [name for name in scenario.providers if not scenario.providers[name].fringe]
    paths = ["shock.market", "shock.origin", *(f"shock.rivalry.{name}" for name in named)]
    years = scenario.horizon.end_year - scenario.horizon.base_year
    parts = []
    for number in range(16):
        scramble = sampling._Scramble(scenario.sampling, number)
        own = [scramble.column(name) for name in [*names, *paths, *(f"{path}.second" for path in paths)]]
        normals = {path: 8 * years if path == "shock.market" else 4 * years + 1 for path in paths}
        others = [scramble.hypercube(f"{path}.others", count - 2) for path, count in normals.items()]
        parts.append(np.vstack([*own, *others, scramble.hypercube("market_steps", 4 * years)]))
    return np.hstack(parts)


# ---------------------------------------------------------------- pairing


def test_fewer_scrambles_are_the_first_of_more(scenario: Scenario, worlds: Worlds) -> None:
    few, first = draw_worlds(scenario, range(3)), worlds.take(slice(0, 3 * DRAWS_PER_SCRAMBLE))
    assert_same_but(few, first, set())


def test_scrambles_may_be_drawn_apart(scenario: Scenario, worlds: Worlds) -> None:
    later = draw_worlds(scenario, range(5, 6))
    assert_same_but(later, worlds.take(slice(5 * DRAWS_PER_SCRAMBLE, 6 * DRAWS_PER_SCRAMBLE)), set())


def test_another_seed_moves_every_uncertain_input(scenario: Scenario) -> None:
    one, other = (draw_worlds(altered(scenario, "sampling.seed", seed), range(1)) for seed in (0, 1))
    for item in inputs(scenario):
        if not item.record.is_fixed:
            assert (one.inputs[item.name] != other.inputs[item.name]).any(), item.name


def test_scenarios_of_a_study_share_their_draws(scenario: Scenario, worlds: Worlds) -> None:
    variant = altered(load_scenario(SCENARIOS / "reversal.yaml"), "horizon.end_year", 2026)
    other = draw_worlds(variant, range(1))
    records = {item.name: item.record for item in inputs(scenario)}
    common = [item.name for item in inputs(variant) if records.get(item.name) == item.record]
    assert len(common) > 100
    for name in common:
        np.testing.assert_array_equal(other.inputs[name], worlds.inputs[name][:DRAWS_PER_SCRAMBLE])
    for path in ALL_PATHS:
        np.testing.assert_array_equal(getattr(other, path), getattr(worlds, path)[..., :DRAWS_PER_SCRAMBLE])


@pytest.mark.parametrize("path", ["market.size", "demand.conduct", "zone.cap", "technology.owned_spillover"])
def test_fixing_an_input_leaves_all_others_unchanged_even_in_its_group(scenario: Scenario, path: str) -> None:
    free, held = draw_worlds(scenario, range(2)), draw_worlds(fixed(scenario, path), range(2))
    assert np.ptp(held.inputs[path]) == 0
    assert_same_but(free, held, {path})


@pytest.mark.parametrize("path", ["regimes.ftz_pilot.owned_unlock", "regimes.jv_50.partner_unlock"])
def test_removing_or_adding_an_input_leaves_those_outside_its_group_unchanged(scenario: Scenario, path: str) -> None:
    more, less = draw_worlds(scenario, range(2)), draw_worlds(altered(scenario, path, 0.5), range(2))
    assert set(more.inputs) - set(less.inputs) == {path}
    assert_same_but(more, less, group_of(scenario, path) - {path})


def test_appending_to_the_leading_names_moves_that_name_alone(scenario: Scenario) -> None:
    name = "migration.consent_loss"
    longer = altered(scenario, "sampling.leading", (*scenario.sampling.leading, name))
    one, other = draw_worlds(scenario, range(1)), draw_worlds(longer, range(1))
    assert (one.inputs[name] != other.inputs[name]).any()
    assert_same_but(one, other, {name})


def test_appending_to_a_group_leaves_its_earlier_members_unchanged(scenario: Scenario) -> None:
    group = scenario.sampling.correlations["market_power"]
    name = "migration.consent_loss"
    longer = group.model_copy(update={"members": (*group.members, name), "rank": (*group.rank, (0.3, 0.2))})
    one = draw_worlds(scenario, range(1))
    other = draw_worlds(altered(scenario, "sampling.correlations.market_power", longer), range(1))
    assert_same_but(one, other, {name})


def test_a_steps_uniform_depends_on_its_name_and_not_on_the_other_steps(scenario: Scenario) -> None:
    steps = {"pilot_alone": scenario.policy.steps["pilot_alone"]}
    alone = draw_worlds(altered(scenario, "policy.steps", steps), range(1))
    np.testing.assert_array_equal(alone.chance["pilot_alone"], draw_worlds(scenario, range(1)).chance["pilot_alone"])


def test_a_hazard_step_has_a_clock_and_only_a_step_with_a_probability_has_a_chance(scenario: Scenario) -> None:
    reversal = load_scenario(SCENARIOS / "reversal.yaml")
    drawn = draw_worlds(altered(reversal, "horizon.end_year", 2019), range(1))
    assert list(drawn.clock) == [name for name, step in reversal.policy.steps.items() if hasattr(step, "hazard")]
    assert list(drawn.chance) == [name for name, step in reversal.policy.steps.items() if step.probability is not None]
    assert drawn.clock


# ---------------------------------------------------------------- columns


def test_no_two_columns_of_a_run_are_correlated(scenario: Scenario) -> None:
    """Of 215,496 pairs the greatest, at a standard deviation of 0.0112, is above 0.06 for one seed in fifty."""
    correlations = np.corrcoef(every_column(altered(scenario, "horizon.end_year", 2030)))
    np.fill_diagonal(correlations, 0)
    assert np.abs(correlations).max() < 0.06


def test_no_two_columns_of_the_net_are_correlated() -> None:
    net = np.hstack([sampling._net(1, number, DRAWS_PER_SCRAMBLE) for number in range(16)])
    correlations = np.corrcoef(net)
    np.fill_diagonal(correlations, 0)
    assert np.abs(correlations).max() < 0.06


def test_inputs_outside_a_group_are_not_correlated(scenario: Scenario, worlds: Worlds) -> None:
    grouped = {name for group in scenario.sampling.correlations.values() for name in group.members}
    free = [item.name for item in inputs(scenario) if not item.record.is_fixed and item.name not in grouped]
    correlations = np.array(scipy.stats.spearmanr(np.array([worlds.inputs[name] for name in free]), axis=1).statistic)
    np.fill_diagonal(correlations, 0)
    assert np.abs(correlations).max() < 0.06


def test_every_column_has_one_point_in_each_of_512_cells(scenario: Scenario) -> None:
    scramble = sampling._Scramble(scenario.sampling, 3)
    for name in (scenario.sampling.leading[0], scenario.sampling.leading[-1], "migration.consent_loss"):
        cells = np.sort(np.floor(scramble.column(name) * DRAWS_PER_SCRAMBLE))
        np.testing.assert_array_equal(cells, np.arange(DRAWS_PER_SCRAMBLE))


def slices_of(scramble: sampling._Scramble, columns: FloatArray) -> FloatArray:
    """Columns in 16 slices of 32 points, cut by the first column of the net: array (columns, 16, 32)."""
    first = scramble.column(FIRST)
    return columns[:, np.argsort(first)].reshape(len(columns), 16, 32)


def test_every_hypercube_column_has_one_point_in_each_of_512_cells_and_of_a_slice_in_each_of_32(
    scenario: Scenario,
) -> None:
    scramble = sampling._Scramble(scenario.sampling, 3)
    columns = scramble.hypercube("any", 5)
    cells = np.sort(np.floor(columns * DRAWS_PER_SCRAMBLE), axis=1)
    np.testing.assert_array_equal(cells, np.tile(np.arange(DRAWS_PER_SCRAMBLE), (5, 1)))
    coarse = np.sort(np.floor(32 * slices_of(scramble, columns)), axis=2)
    np.testing.assert_array_equal(coarse, np.tile(np.arange(32), (5, 16, 1)))


def test_slices_are_cut_by_the_first_column_of_the_net_whoever_leads(scenario: Scenario) -> None:
    other = altered(scenario, "sampling.leading", ("market.size",))
    one, two = (sampling._Scramble(each.sampling, 3).hypercube("any", 5) for each in (scenario, other))
    np.testing.assert_array_equal(one, two)


def test_within_slices_columns_other_than_the_first_are_uncorrelated(scenario: Scenario) -> None:
    parts = []
    for number in range(64):
        scramble = sampling._Scramble(scenario.sampling, number)
        own = [scramble.column(name) for name in (*scenario.sampling.leading[1:4], "migration.consent_loss")]
        slices = slices_of(scramble, np.vstack([*own, scramble.hypercube("any", 5), scramble.hypercube("other", 1)]))
        parts.append((slices - slices.mean(axis=2, keepdims=True)).reshape(len(slices), -1))
    correlations = np.corrcoef(np.hstack(parts))
    np.fill_diagonal(correlations, 0)
    assert np.abs(correlations).max() < 4.5 / np.sqrt(64 * DRAWS_PER_SCRAMBLE)


def test_the_mean_of_a_nonlinear_outcome_of_net_and_hypercubes_is_unbiased(scenario: Scenario) -> None:
    """A product of four lognormals at sd 1/2 has mean exp(1/2)."""
    means = []
    for number in range(256):
        scramble = sampling._Scramble(scenario.sampling, number)
        own = [scramble.column(name) for name in (FIRST, scenario.sampling.leading[5], "migration.consent_loss", "any")]
        means.append(np.exp(ndtri(np.array(own)).sum(axis=0) / 2).mean())
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - np.exp(0.5)) < 4 * error < 0.02


class Extreme:
    """A generator whose cells are in order and whose integers are the least or the greatest."""

    def __init__(self, greatest: bool) -> None:
        self.greatest = greatest

    def permuted(self, cells: FloatArray, axis: int) -> FloatArray:
        return cells

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Any:
        return np.full(shape, high - 1 if self.greatest else low)


@pytest.mark.parametrize("greatest", [False, True])
def test_hypercube_uniforms_lie_strictly_inside_the_unit_interval(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, greatest: bool
) -> None:
    scramble = sampling._Scramble(scenario.sampling, 0)
    monkeypatch.setattr(sampling, "_generator", lambda *key: Extreme(greatest))
    column = scramble.hypercube("any", 1)
    assert 0 < column.min() <= column.max() < 1


@pytest.mark.parametrize("value", [0.0, 1 - 2.0**-30])
def test_net_uniforms_lie_strictly_inside_the_unit_interval(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    monkeypatch.setattr(scipy.stats.qmc.Sobol, "random", lambda engine, n: np.full((n, 64), value))
    assert 0 < sampling._net(0, 0, 4).min() <= sampling._net(0, 0, 4).max() < 1


class Corner:
    """A scramble all of whose columns are at one end."""

    def __init__(self, u: float) -> None:
        self.u = u

    def column(self, name: str) -> FloatArray:
        return np.full(DRAWS_PER_SCRAMBLE, self.u)


@pytest.mark.parametrize("u", [2.0**-42, 1 - 2.0**-42])
def test_correlated_uniforms_lie_strictly_inside_the_unit_interval(u: float) -> None:
    group = Correlation(members=("a", "b"), rank=((0.7,),), reason="test")
    second = correlated(group, Corner(u))["b"]  # type: ignore[arg-type]
    assert 0 < second.min() <= second.max() < 1


# ---------------------------------------------------------------- correlations


def test_a_group_that_is_not_positive_definite_is_refused_by_name(brief: Scenario) -> None:
    group = Correlation(members=("market.size", "b", "c"), rank=((0.9,), (0.9, -0.9)), reason="test")
    wrong = altered(brief, "sampling.correlations", {"odd": group})
    with pytest.raises(ScenarioError, match=r"market\.size, b, c: the correlations are not positive definite"):
        draw_worlds(wrong, range(1))


# ---------------------------------------------------------------- error


def error_against_plain(outcome: FloatArray) -> float:
    """Standard deviation over scrambles of the mean, over that of as many independent draws."""
    means = outcome.reshape(-1, DRAWS_PER_SCRAMBLE).mean(axis=1)
    return float(means.std(ddof=1) / (outcome.std() / np.sqrt(DRAWS_PER_SCRAMBLE)))


def test_error_of_an_additive_outcome_is_far_below_plain_monte_carlo(scenario: Scenario, many: Worlds) -> None:
    uncertain = [many.inputs[item.name] for item in inputs(scenario) if not item.record.is_fixed]
    assert error_against_plain(sum(values / values.std() for values in uncertain)) < 0.2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("demand.elasticity_of_substitution", "shares.saas.foreign"),
        ("zone.cap", "economics.transfer_price"),
        ("economics.transfer_price", "technology.owned_spillover"),
    ],
    ids=["both on the net", "net and hypercube", "both hypercubes"],
)
def test_error_of_a_product_of_two_inputs_is_below_plain_monte_carlo(many: Worlds, one: str, other: str) -> None:
    assert error_against_plain(many.inputs[one] * many.inputs[other]) < 0.7


def test_the_net_has_a_column_for_each_name_that_may_lead() -> None:
    assert sampling._net(7, 3, 64).shape == (64, 64)


def test_fewer_points_of_a_net_are_its_first_ones() -> None:
    np.testing.assert_array_equal(sampling._net(7, 3, 64), sampling._net(7, 3, 1024)[:, :64])


# ---------------------------------------------------------------- shock paths


def test_origin_shock_has_a_deviation_of_its_own(worlds: Worlds) -> None:
    sd, half_life = (worlds.inputs[name][0] for name in ("rivalry.origin_sd", "rivalry.half_life"))
    expected = sd * np.sqrt(2 * (1 - 2 ** (-8 / half_life)))
    assert worlds.origin_shock[-1].std() == pytest.approx(expected, rel=0.03)


def test_a_fringe_has_no_rivalry_of_its_own(scenario: Scenario, worlds: Worlds) -> None:
    fringes = [scenario.providers[name].fringe for name in scenario.domestic + scenario.foreign]
    np.testing.assert_array_equal((worlds.rivalry == 0).all(axis=(0, 2)), fringes)


def test_a_provider_keeps_its_rivalry_wherever_it_is_listed(scenario: Scenario) -> None:
    backwards = altered(scenario, "providers", dict(reversed(scenario.providers.items())))
    one, other = draw_worlds(scenario, range(1)).rivalry, draw_worlds(backwards, range(1)).rivalry
    foreign = len(scenario.foreign)
    np.testing.assert_array_equal(other[:, -foreign:], one[:, -foreign:][:, ::-1])
    np.testing.assert_array_equal(other[:, :-foreign], one[:, :-foreign][:, ::-1])


def test_paths_are_independent_of_each_other(worlds: Worlds) -> None:
    moving = worlds.rivalry[:, (worlds.rivalry != 0).any(axis=(0, 2))]
    ends = np.vstack([worlds.market_shock[-1], worlds.origin_shock[-1], worlds.market_steps[-1], moving[-1]])
    correlations = np.corrcoef(ends)
    np.fill_diagonal(correlations, 0)
    assert np.abs(correlations).max() < 0.06


@pytest.mark.parametrize(("name", "share"), [("shock.market", 0.75), ("shock.origin", 0.5), ("shock.rivalry.aws", 0.5)])
def test_a_paths_own_column_explains_most_of_it(scenario: Scenario, worlds: Worlds, name: str, share: float) -> None:
    column = [sampling._Scramble(scenario.sampling, number).column(name) for number in range(16)]
    z = ndtri(np.concatenate(column))
    path = {"shock.market": worlds.market_shock, "shock.origin": worlds.origin_shock}.get(
        name, worlds.rivalry[:, len(scenario.domestic)]
    )
    loadings = (path * z).mean(axis=1)
    assert (loadings > 0).all()
    assert (loadings**2).sum() / (path**2).mean(axis=1).sum() > share


@pytest.mark.parametrize("name", ["shock.market", "shock.origin"])
def test_a_paths_second_column_explains_what_its_second_singular_vector_does(
    scenario: Scenario, worlds: Worlds, name: str
) -> None:
    columns = [sampling._Scramble(scenario.sampling, number).column(f"{name}.second") for number in range(16)]
    path = {"shock.market": worlds.market_shock, "shock.origin": worlds.origin_shock}[name]
    explained = ((path * ndtri(np.concatenate(columns))).mean(axis=1) ** 2).sum() / (path**2).mean(axis=1).sum()
    singular = np.linalg.svd(path, compute_uv=False) ** 2
    assert explained == pytest.approx(singular[1] / singular.sum(), rel=0.1)


def test_a_path_of_one_period_has_one_direction(brief: Scenario) -> None:
    yearly = altered(brief, "horizon.period_months", 12)
    assert sampling._plan(yearly).axes["shock.market"].shape == (1, 2)
    whole, halves = (draw_worlds(each, range(16)).market_shock for each in (yearly, brief))
    np.testing.assert_allclose(whole.std(axis=1), halves[-1:].std(axis=1), rtol=0.03)


def test_downward_steps_come_at_their_rate_with_their_size(scenario: Scenario, worlds: Worlds) -> None:
    rate, size = worlds.inputs["market.step_rate"], worlds.inputs["market.step_size"]
    counts = -worlds.market_steps[:, size > 0] / size[size > 0]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    assert (np.diff(worlds.market_steps, axis=0) <= 0).all()
    assert counts[-1].mean() == pytest.approx(8 * rate.mean(), rel=0.05)


def test_shock_paths_follow_replaced_inputs_draw_by_draw(scenario: Scenario) -> None:
    plain = draw_worlds(scenario, range(2))
    factor = np.linspace(1, 3, plain.draws)
    scaled = plain.inputs["market.volatility"] * factor
    risky = draw_worlds(scenario, range(2), replaced={"market.volatility": scaled})
    np.testing.assert_allclose(risky.market_shock, factor * plain.market_shock, rtol=1e-13)
    np.testing.assert_array_equal(risky.inputs["market.volatility"], scaled)
    for path in ("market_steps", "rivalry", "origin_shock"):
        np.testing.assert_array_equal(getattr(risky, path), getattr(plain, path))


def test_shock_inputs_are_exactly_those_that_move_a_path(brief: Scenario) -> None:
    luck = {
        name: Fixed(value=2, unit=unit, source="s", grade="judgement")
        for name, unit in (("sd", "%/yr"), ("half_life", "years"))
    }
    turning = altered(brief, "technology.catch_up_luck", TurningRate.model_validate(luck))
    plain = draw_worlds(turning, range(1))
    moving = set()
    for name, values in plain.inputs.items():
        other = draw_worlds(turning, range(1), replaced={name: values * 1.5})
        if any((getattr(other, path) != getattr(plain, path)).any() for path in ALL_PATHS):
            moving.add(name)
    assert moving == set(SHOCK_INPUTS)


# ---------------------------------------------------------------- worlds


def test_worlds_have_the_stated_shapes_and_are_contiguous(scenario: Scenario, worlds: Worlds) -> None:
    assert worlds.draws == 8192
    assert worlds.market_shock.shape == worlds.market_steps.shape == worlds.origin_shock.shape == (32, 8192)
    assert worlds.rivalry.shape == (32, len(scenario.providers), 8192)
    assert list(worlds.inputs) == [item.name for item in inputs(scenario)]
    assert {values.shape for values in [*worlds.inputs.values(), *worlds.chance.values()]} == {(8192,)}
    assert all(getattr(worlds, path).flags.c_contiguous for path in ALL_PATHS)


@pytest.mark.parametrize("draws", [slice(100, 164), np.array([3, 1, 700])], ids=["slice", "indices"])
def test_take_copies_the_chosen_draws_contiguously(worlds: Worlds, draws: Any) -> None:
    some = worlds.take(draws)
    np.testing.assert_array_equal(some.rivalry, worlds.rivalry[..., draws])
    np.testing.assert_array_equal(some.inputs["market.size"], worlds.inputs["market.size"][draws])
    assert some.rivalry.flags.c_contiguous
    assert not np.shares_memory(some.rivalry, worlds.rivalry)


def test_replacing_an_input_replaces_it_alone(worlds: Worlds) -> None:
    values = np.arange(8192.0)
    new = worlds.replace_input("market.size", values)
    np.testing.assert_array_equal(new.inputs["market.size"], values)
    assert new.rivalry is worlds.rivalry
    assert all(new.inputs[name] is worlds.inputs[name] for name in worlds.inputs if name != "market.size")


@pytest.mark.parametrize("name", ["market.siez", "market.volatility"])
def test_an_input_unknown_or_already_in_the_paths_cannot_be_replaced(worlds: Worlds, name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is no input that can be replaced"):
        worlds.replace_input(name, np.zeros(8192))


def test_a_replacement_of_another_length_is_refused(worlds: Worlds) -> None:
    with pytest.raises(ValueError, match=r"market\.size has shape"):
        worlds.replace_input("market.size", np.zeros(3))


def test_median_world_has_medians_no_shocks_and_even_chances(scenario: Scenario) -> None:
    case = median_world(scenario)
    assert case.draws == 2
    assert case.inputs["market.size"].tolist() == [7.2, 7.2]
    assert case.inputs["opening.hypothesis"].tolist() == [1, 1]
    assert case.inputs["regulator.review_time[aws]"] == pytest.approx([1, 1])
    assert not any(getattr(case, path).any() for path in ALL_PATHS if path != "market_steps")
    assert set(case.chance) == {name for name, step in scenario.policy.steps.items() if step.probability is not None}
    assert all((values == 0.5).all() for values in case.chance.values())


def test_in_the_median_world_downward_steps_come_at_their_mean_rate(scenario: Scenario) -> None:
    case = median_world(scenario)
    yearly = case.inputs["market.step_rate"] * -np.expm1(-case.inputs["market.step_size"])
    np.testing.assert_allclose(case.market_steps[-1], -yearly * len(case.market_steps) * 0.25)


def test_median_world_has_the_form_of_drawn_worlds(scenario: Scenario, worlds: Worlds) -> None:
    case, drawn = median_world(scenario, copies=3), worlds.take(slice(0, 3))
    assert list(case.inputs) == list(drawn.inputs)
    assert [getattr(case, path).shape for path in ALL_PATHS] == [getattr(drawn, path).shape for path in ALL_PATHS]
    assert (case.chance.keys(), case.clock.keys()) == (drawn.chance.keys(), drawn.clock.keys())


@pytest.mark.parametrize("draws", [512, 8192])
def test_multiples_of_512_are_accepted(draws: int) -> None:
    check_draws(draws)


@pytest.mark.parametrize(
    ("draws", "below", "above"),
    [(1000, 512, 1024), (513, 512, 1024), (8191, 7680, 8192), (100, 512, 1024), (0, 512, 1024)],
)
def test_other_draw_counts_are_refused_with_the_two_nearest(draws: int, below: int, above: int) -> None:
    with pytest.raises(ScenarioError, match=f"found {draws}; the nearest are {below} and {above}"):
        check_draws(draws)
