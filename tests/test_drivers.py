"""Shares of variance by input, by unit and by kind of not knowing, on functions whose shares are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import shipped
from scipy.special import ndtri

from sim.analysis.drivers import (
    BINS,
    FIFTHS,
    cell_means,
    chance_floor,
    equal_cells,
    first_order,
    group_share,
    level_cells,
    path_share,
    shapley_shares,
    total_share,
)
from sim.analysis.scrambles import estimate
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance import sampling

DRAWS = 8192

NET = ("zone.cap", "opening.hypothesis", "shock.market", "shock.origin", "opening.ramp", "demand.churn")
BESIDE = ("any", "another", "a third", "a fourth", "a fifth", "a sixth")


def columns(names: Sequence[str], copy: int | None = None, seed: int = 1) -> FloatArray:
    """Uniforms on the engine's own nets and hypercubes, (K, 8192); of a copy as they are redrawn."""
    settings = shipped.scenario("jv_only").sampling.model_copy(update={"seed": seed})
    parts = []
    for number in range(DRAWS // DRAWS_PER_SCRAMBLE):
        place = number if copy is None else f"{number}.{copy}"
        scramble = sampling._Scramble(settings, place)
        drawn = np.array([scramble.column(name) for name in names])
        order = np.arange(DRAWS_PER_SCRAMBLE)
        if copy is not None:
            order = sampling._generator(seed, place, "rows").permutation(DRAWS_PER_SCRAMBLE)
        parts.append(drawn[:, order])
    return np.hstack(parts)


def ishigami(uniforms: FloatArray) -> FloatArray:
    x = np.pi * (2 * uniforms - 1)
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


FIRST = np.array([0.3139, 0.4424, 0.0])
TOTAL = np.array([0.5576, 0.4424, 0.2437])


def redrawn_each(names: Sequence[str], seed: int = 1) -> tuple[FloatArray, list[FloatArray]]:
    """Two independent samples mixed: the first, and the first with one column after the other from the second."""
    one, other = columns(names, seed=seed), columns(names, 0, seed=seed)
    return one, [np.where(np.arange(len(one))[:, None] == k, other, one) for k in range(len(one))]


@pytest.mark.parametrize("names", [NET[:3], NET[3:]], ids=["first columns", "others"])
def test_first_order_and_total_shares_of_ishigami_on_the_net(names: Sequence[str]) -> None:
    one, mixed = redrawn_each(names)
    y = ishigami(one)[None]
    first = [first_order(equal_cells(column, BINS), y)[0, 0] for column in one]
    totals = [total_share(y, ishigami(sample)[None])[0, 0] for sample in mixed]
    np.testing.assert_allclose(first, FIRST, atol=0.015)
    np.testing.assert_allclose(totals, TOTAL, atol=0.02)


def test_total_shares_on_hypercubes_are_within_their_errors() -> None:
    one, mixed = redrawn_each(("zone.cap", "any", "demand.churn"))
    for sample, expected in zip(mixed, TOTAL, strict=True):
        share, error = estimate(total_share(ishigami(one)[None], ishigami(sample)[None]))
        assert abs(share[0] - expected) < 3 * error[0] < 0.06


def test_a_share_of_what_explains_alone_is_the_same_from_runs_with_all_else_redrawn() -> None:
    one, other = columns(NET[:3]), columns(NET[:3], 0)
    y = ishigami(one)[None]
    for k, expected in enumerate(FIRST):
        alone = np.where(np.arange(3)[:, None] == k, one, other)
        share, error = estimate(path_share(y, ishigami(alone)[None], ishigami(other)[None]))
        assert abs(share[0] - expected) < max(3 * error[0], 0.01)
        assert error[0] < 0.03


def test_what_is_the_same_by_chance_for_all_does_not_add_up_over_paths_that_move_nothing() -> None:
    one, other = columns(BESIDE[:2]), columns(BESIDE[:2], 0)
    y, inert = one[:1], other[:1]
    assert path_share(y, inert, other[:1])[0, 0] == 0.0


def correlated_sum(uniforms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Three normals, the first two with a correlation of 1/2, and their sum."""
    normals = ndtri(uniforms)
    normals[1] = 0.5 * normals[0] + np.sqrt(0.75) * normals[1]
    return normals, normals.sum(axis=0)


@pytest.mark.parametrize("names", [NET[:3], BESIDE[:3]], ids=["net", "hypercubes"])
def test_correlated_inputs_have_their_share_alone_and_together(names: Sequence[str]) -> None:
    x, total = correlated_sum(columns(names))
    first = [first_order(equal_cells(column, BINS), total[None])[0, 0] for column in x]
    np.testing.assert_allclose(first, [0.5625, 0.5625, 0.25], atol=0.015)
    assert group_share(list(x[:2]), [False, False], total[None])[0, 0] == pytest.approx(0.75, abs=0.01)


def test_the_shares_of_a_product_of_three_are_a_third_each_and_their_totals_four_sevenths() -> None:
    one, other = ndtri(columns(NET[:3])), ndtri(columns(NET[:3], 0))
    hybrids = [(1 + np.where((s >> np.arange(3) & 1)[:, None] == 1, other, one)).prod(axis=0)[None] for s in range(8)]
    shapley, totals = shapley_shares(hybrids)
    np.testing.assert_allclose(shapley.sum(axis=0), 1.0, atol=1e-12)
    for found, expected in ((estimate(shapley), 1 / 3), (estimate(totals), 4 / 7)):
        assert (abs(found.value - expected) < np.fmax(3 * found.se, 0.02)).all()
        assert (abs(found.value - expected) < 0.06).all()


def test_a_kind_that_moves_nothing_has_no_share_and_the_rest_is_shared_out() -> None:
    one, other = columns(BESIDE[:2])
    hybrids = [(other if s & 2 else one)[None] for s in range(8)]
    shapley, totals = shapley_shares(hybrids)
    np.testing.assert_array_equal(estimate(shapley).value.ravel(), [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(estimate(totals).value.ravel(), [0.0, 1.0, 0.0])


@pytest.mark.parametrize(("inert", "most"), [(NET[3:], 0.03), (BESIDE[3:], 0.005)], ids=["net", "hypercubes"])
def test_a_column_that_moves_nothing_has_next_to_no_share(inert: Sequence[str], most: float) -> None:
    y = ishigami(columns(NET[:3]))[None]
    for column in columns(inert):
        share, error = estimate(first_order(equal_cells(column, BINS), y))
        assert abs(share[0]) <= most
        assert share[0] < chance_floor(BINS, DRAWS, error)[0]


def test_the_floor_holds_back_what_chance_explains_where_scrambles_agree_by_luck() -> None:
    floor = chance_floor(BINS, DRAWS, np.array([0.0, 0.01, np.nan]))
    np.testing.assert_allclose(floor, [31 / (DRAWS - 32), 0.03, 31 / (DRAWS - 32)])


def test_a_category_is_taken_level_by_level() -> None:
    (u,) = columns(("any",))
    level = np.floor(3 * u)
    y = np.array([10.0, 20.0, 60.0])[level.astype(int)][None]
    assert first_order(level_cells(level), y)[0, 0] == pytest.approx(1.0)
    assert equal_cells(level, BINS).count == 3
    np.testing.assert_allclose(cell_means(level_cells(level), y)[:, 0, 0], [10.0, 20.0, 60.0])


def test_a_swing_is_between_the_lowest_and_the_highest_fifth() -> None:
    (u,) = columns(("any",))
    means = cell_means(equal_cells(np.exp(9 * u), FIFTHS), u[None])[:, 0]
    np.testing.assert_allclose(means[[0, -1], 0], [0.1, 0.9], atol=1e-3)


def test_equal_values_go_to_cells_by_the_order_of_the_draws() -> None:
    column = np.concatenate([np.zeros(DRAWS_PER_SCRAMBLE), np.arange(1.0, DRAWS_PER_SCRAMBLE + 1)])
    labels = equal_cells(column, 4).labels
    np.testing.assert_array_equal(labels, np.repeat(np.arange(4), DRAWS_PER_SCRAMBLE // 2))


def test_a_group_that_moves_nothing_explains_nothing() -> None:
    y = ishigami(columns(NET[:3]))[None]
    share, error = estimate(group_share(list(columns(BESIDE[2:])), [False] * 4, y))
    assert abs(share[0]) < max(3 * error[0], 0.01)


def test_a_group_with_a_category_explains_what_its_members_do_together() -> None:
    x, u = columns(BESIDE[:2])
    level = np.floor(3 * u)
    y = (x * level)[None]
    assert group_share([x, level], [False, True], y)[0, 0] > 0.99
    assert group_share([x, level], [False, True], np.stack([y[0], x])).shape == (2, 17)


def test_a_category_of_many_levels_in_a_group_has_a_mean_for_each() -> None:
    x, u = columns(BESIDE[:2])
    level = np.floor(12 * u)
    y = (level % 2)[None]
    assert group_share([x, level], [False, True], y)[0, 0] > 0.99
    assert group_share([x, level], [False, False], y)[0, 0] < 0.5


def test_what_chance_explains_in_the_mean_is_taken_off() -> None:
    noise = np.random.default_rng(1).random((200, 2 * DRAWS_PER_SCRAMBLE))
    shares = [first_order(equal_cells(column, BINS), noise[:1])[0, 0] for column in noise[1:]]
    assert abs(np.mean(shares)) < 0.004 < 31 / (2 * DRAWS_PER_SCRAMBLE) / 5


def test_the_error_of_a_share_is_what_other_seeds_give() -> None:
    found, errors = [], []
    for seed in range(2, 18):
        one, mixed = redrawn_each(NET[:3], seed)
        share, error = estimate(total_share(ishigami(one)[None], ishigami(mixed[2])[None]))
        found.append(share[0])
        errors.append(error[0])
    assert np.mean(errors) == pytest.approx(np.std(found, ddof=1), rel=0.5)
