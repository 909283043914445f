"""Decisions in numbers: payoffs, break-even, regret, flips and the worth of knowing, against cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from sim.analysis.appraisal import Choice, appraise
from sim.analysis.decisions import (
    PAYOFF_STATISTICS,
    Game,
    break_even,
    equilibria,
    expected_regret,
    given_categories,
    idle_share,
    lattice,
    net_payoffs,
    payoffs,
    perfect_foresight,
    regret,
    smallest_flip,
)
from sim.analysis.information import Fits, fit, flip_point, information, joint_basis, nested_information, noise_floor
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray

SCRAMBLES = 16
DRAWS = SCRAMBLES * DRAWS_PER_SCRAMBLE
ALONE = np.eye(2)
"""Two actions, each of which is its own part."""


def normals(seed: int) -> FloatArray:
    """A standard normal that every scramble samples evenly."""
    random = np.random.default_rng(seed)
    cells = np.stack([random.permutation(DRAWS_PER_SCRAMBLE) for _ in range(SCRAMBLES)])
    return np.asarray(ndtri((cells + random.random(cells.shape)) / DRAWS_PER_SCRAMBLE)).ravel()


def by_scramble(*rows: list[float]) -> FloatArray:
    """Rows of a few numbers, each once in every draw pattern of four scrambles."""
    return np.tile(np.array(rows, dtype=np.float64), (1, 4 * DRAWS_PER_SCRAMBLE // len(rows[0])))


def test_payoffs_by_hand() -> None:
    net = by_scramble([0.0, 0.0, 0.0, 0.0], [4.0, -2.0, 2.0, 0.0])
    taken = by_scramble([1, 1, 1, 1], [1, 1, 1, 0]).astype(bool)
    found = dict(zip(PAYOFF_STATISTICS, payoffs(net, taken).value.T.tolist(), strict=False))
    value = dict(zip(PAYOFF_STATISTICS, payoffs(net, taken).value.tolist(), strict=True))
    assert found is not None
    assert value["mean"] == [0.0, 1.0]
    assert value["worst tenth"] == [0.0, -2.0]
    assert value["P(loss)"] == [0.0, 0.25]
    assert value["P(best)"] == [0.25, 0.5]
    assert idle_share(taken).value == 0.25


def test_what_could_not_be_done_is_never_best() -> None:
    net = by_scramble([0.0, 0.0], [1.0, 0.0])
    taken = by_scramble([1, 1], [1, 0]).astype(bool)
    best = payoffs(net, taken).value[PAYOFF_STATISTICS.index("P(best)")]
    assert best.tolist() == [0.0, 0.5]
    assert best.sum() + idle_share(taken).value == 1.0


def test_the_break_even_commitment_is_the_gain_over_what_a_unit_of_it_is_worth() -> None:
    gain, unit_cost = by_scramble([6.0, 2.0, 0.0, 0.0])[0], by_scramble([0.5, 0.5, 0.0, 0.0])[0]
    assert break_even(gain, unit_cost).value == 8.0
    assert break_even(gain, unit_cost, gain == 2.0).value == 4.0
    net = net_payoffs(np.stack([0 * gain, gain]), np.stack([0 * gain, unit_cost]), np.array([0.0, 8.0]))
    assert net[1].mean() == 0.0


def test_regret_by_hand() -> None:
    net = by_scramble([0.0, 0.0], [4.0, -2.0])
    assert regret(net).value[0].tolist() == [2.0, 1.0]
    assert regret(net).value[1].tolist() == [4.0, 2.0]
    assert perfect_foresight(net).value == 1.0


def test_the_largest_regret_over_hypotheses_by_hand() -> None:
    net = by_scramble([0.0, 0.0, 0.0, 0.0], [5.0, 3.0, -2.0, 0.0])
    category = by_scramble([0, 0, 1, 1])[0].astype(int)
    assert given_categories(net, category, 2)[1].tolist() == [4.0, -1.0]
    assert expected_regret(net, category, 2).value.tolist() == [4.0, 1.0]


def test_the_smallest_change_of_beliefs_by_hand() -> None:
    means = np.array([[0.0, 0.0, 0.0], [4.0, 1.0, -2.0]])
    flip = smallest_flip(means, np.array([0.5, 0.25, 0.25]), 1)
    assert flip is not None
    # The lead is 1.75: moving weight from the first to the last costs 6 a unit.
    assert flip.distance == pytest.approx(1.75 / 6)
    assert flip.action == 0
    assert flip.weights @ means[1] == pytest.approx(0.0)


def test_a_change_of_beliefs_goes_on_where_the_first_category_is_empty() -> None:
    means = np.array([[0.0, 0.0, 0.0], [4.0, 3.0, -2.0]])
    flip = smallest_flip(means, np.array([0.1, 0.8, 0.1]), 1)
    assert flip is not None
    assert flip.distance == pytest.approx(0.1 + (2.6 - 0.6) / 5)
    assert flip.weights.tolist() == pytest.approx([0.0, 0.4, 0.6])


@pytest.mark.parametrize("seed", range(20))
def test_no_weights_on_a_lattice_flip_the_choice_at_less_cost(seed: int) -> None:
    random = np.random.default_rng(seed)
    means, weights = random.normal(size=(3, 3)), random.dirichlet(np.ones(3))
    best, points = int((means @ weights).argmax()), lattice(3, 60)
    flip = smallest_flip(means, weights, best)
    turned = points[(points @ means.T).argmax(axis=1) != best]
    assert (flip is None) == (len(turned) == 0) or (flip is not None and flip.distance > 0.9)
    if flip is not None and len(turned):
        assert flip.distance <= 0.5 * np.abs(turned - weights).sum(axis=1).min() + 1e-9


def test_who_leads_whatever_one_believes_is_flipped_by_no_weights() -> None:
    assert smallest_flip(np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([0.5, 0.5]), 1) is None


def test_mutual_best_answers_by_hand() -> None:
    build_alone, both = 3.0, -1.0
    first = np.array([[0.0, 0.0], [build_alone, both]])
    payoff = np.repeat(first[:, :, None], 2 * DRAWS_PER_SCRAMBLE, axis=2)
    found = equilibria(payoff, payoff.swapaxes(0, 1))
    assert found.in_mean == ((0, 1), (1, 0))
    assert (found.none.value, found.one.value, found.several.value) == (0.0, 0.0, 1.0)


def test_each_of_two_answers_along_its_own_axis() -> None:
    first = np.array([[1.0, 5.0], [2.0, 0.0]])[:, :, None].repeat(2 * DRAWS_PER_SCRAMBLE, axis=2)
    second = np.array([[0.0, 1.0], [7.0, 6.0]])[:, :, None].repeat(2 * DRAWS_PER_SCRAMBLE, axis=2)
    assert equilibria(first, second).in_mean == ((0, 1), (1, 0))
    game = Game(("one", "other"), (("a", "b"), ("c", "d")), np.stack([first, second]))
    assert (game.dominant(0), game.dominant(1)) == (None, None)
    assert (game.cost_of_rival(0).value, game.cost_of_rival(1).value) == (2.0, -5.0)


def linear_normal(seed: int, intercept: float, noise: float) -> tuple[Fits, FloatArray, FloatArray]:
    """A choice between nothing and intercept + x + noise, with x known."""
    x = normals(seed)
    net = np.stack([np.zeros(DRAWS), intercept + x + noise * np.random.default_rng(seed + 1000).normal(size=DRAWS)])
    return fit(joint_basis((x,), (0,)), net), net, x


def worth_of_x(intercept: float) -> float:
    density = np.exp(-0.5 * intercept**2) / np.sqrt(2 * np.pi)
    return float(intercept * ndtr(intercept) + density - max(intercept, 0.0))


@pytest.mark.parametrize("intercept", [-0.5, 0.0, 0.7])
def test_without_noise_the_upper_bound_is_the_closed_form(intercept: float) -> None:
    fits, net, _ = linear_normal(1, intercept, 0.0)
    found = information(fits, net, ALONE, int(net.mean(axis=1).argmax()))
    assert found.high == pytest.approx(worth_of_x(intercept), rel=0.01)


@pytest.mark.parametrize("intercept", [-0.5, 0.3])
def test_the_lower_bound_is_the_closed_form_within_its_error(intercept: float) -> None:
    fits, net, _ = linear_normal(2, intercept, 1.0)
    found = information(fits, net, ALONE, int(net.mean(axis=1).argmax()))
    assert abs(found.low - worth_of_x(intercept)) < 3 * found.low_se


def test_what_flips_no_choice_is_worth_exactly_nothing() -> None:
    fits, net, _ = linear_normal(3, 9.0, 0.1)
    assert information(fits, net, ALONE, 1)[:2] == (0.0, 0.0)


def test_an_inert_column_at_a_tie_is_rarely_called_worth_something() -> None:
    called, inert, draws = 0, list[float](), 4 * DRAWS_PER_SCRAMBLE
    for seed in range(60):
        random = np.random.default_rng(seed)
        net = np.stack([np.zeros(draws), random.normal(size=draws)])
        net[1] -= net[1].mean() - 1e-6
        columns = random.random((41, draws))
        lows = [information(fit(joint_basis((x,), (0,)), net), net, ALONE, 1) for x in columns]
        inert.append(lows[0].low)
        called += lows[0].low > max(3 * lows[0].low_se, noise_floor([one.low for one in lows[1:]]))
    assert called <= 3
    assert np.mean(inert) < 0.0, "what is chosen on the draws that it is valued on seems worth something"


def test_the_floor_is_the_best_that_noise_can_do_and_nothing_without_any() -> None:
    assert noise_floor([-1.0, 0.2, 0.1]) == 0.2
    assert noise_floor([-1.0]) == noise_floor([]) == 0.0


def test_a_flip_point_is_where_the_means_cross() -> None:
    fits, _, x = linear_normal(4, 0.4, 0.5)
    found = flip_point(fits, x, ALONE, 1)
    assert found is not None
    assert abs(found.value + 0.4) < 3 * found.se
    assert 0.005 < found.se < 0.05


def test_a_category_without_draws_in_a_fold_does_no_harm() -> None:
    category = (np.arange(DRAWS) < DRAWS_PER_SCRAMBLE).astype(np.float64)
    net = np.stack([np.zeros(DRAWS), 1.0 - 3.0 * category])
    found = information(fit(joint_basis((category,), (2,)), net), net, ALONE, 1)
    assert np.isfinite(found).all()


def test_a_number_has_a_curve_of_its_own_in_each_category() -> None:
    x, category = normals(5), (np.arange(DRAWS) % 2).astype(np.float64)
    net = np.stack([np.zeros(DRAWS), np.where(category == 1, x, -x)])
    found = information(fit(joint_basis((category, x), (2, 0)), net), net, ALONE, 0)
    assert found.high == pytest.approx(worth_of_x(0.0), rel=0.01)


def test_nested_knowledge_of_all_but_luck_is_the_closed_form() -> None:
    random, x = np.random.default_rng(6), normals(6)
    luck = random.normal(size=(16, DRAWS))
    net = np.stack([np.zeros((16, DRAWS)), 0.3 + x + luck], axis=1)
    found = nested_information(net)
    assert found.low < worth_of_x(0.3) < found.high
    assert found.low > 0.8 * worth_of_x(0.3)


def stake(cost: float) -> Choice:
    """Entering is worth 2 + x in half of the draws, at a commitment that is paid there."""
    x, comes = normals(7), np.arange(DRAWS) % 2 == 0
    worth = np.stack([np.zeros(DRAWS), np.where(comes, 2.0 + x, 0.0)])
    unit_cost = np.stack([np.zeros(DRAWS), np.where(comes, 1.0, 0.0)])
    return Choice(
        ("stay", "enter"),
        worth,
        unit_cost,
        np.array([0.0, cost]),
        np.array([False, True]),
        {"low": 0.5, "high": 0.5},
        (x > 0).astype(np.int64),
    )


def test_an_appraisal_looks_at_half_and_the_whole_break_even() -> None:
    found = appraise(stake(0.5))
    point = found.break_even[1]
    assert point is not None
    assert point.value == pytest.approx(2.0, abs=0.02)
    assert [level.cost[1] for level in found.levels] == pytest.approx([0.5, 1.0, 2.0], abs=0.02)
    assert found.idle.value == 0.5
    low, high = (one.value for one in found.break_even_by_belief[1])
    assert low < 2.0 < high


def test_beliefs_flip_the_choice_only_near_the_break_even() -> None:
    found = appraise(stake(0.0))
    assert found.levels[0].is_best_by_any_belief
    assert found.levels[0].flip is None
    assert not found.levels[2].is_best_by_any_belief
