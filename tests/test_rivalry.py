"""Luck without direction: offsets against closed forms and quadrature, and what they keep on points of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from shipped import NO_RIVALRY, scenario, worlds

from sim.axes import FloatArray
from sim.chance.medians import median_world
from sim.chance.sampling import fixed_points
from sim.kernels.rivalry import (
    deviation_nodes,
    group_offsets,
    interpolate,
    laplace_shocks,
    lone_offset,
    origin_offset,
)
from sim.model.engine import simulate
from sim.model.luck import offsets_of

WIDEST = 2.0 * np.sqrt(2.0)
"""Deviation to which a path with the shipped sd tends."""

HOME = np.array([[0.48, 0.10], [0.12, 0.10], [0.08, 0.03], [0.05, 0.03], [0.06, 0.04]])
"""Parts of a group with much of a fringe in its second layer."""


def points(count: int) -> FloatArray:
    return laplace_shocks(fixed_points(count, 2**14))


def mean_shares(shares: FloatArray, offsets: FloatArray, shocks: FloatArray) -> FloatArray:
    lifted = shares[:, None] * np.exp(shocks + offsets[:, None])
    return np.asarray((lifted / (lifted.sum(axis=0) + 1.0 - shares.sum())).mean(axis=1))


def test_laplace_shocks_are_quantiles_of_deviation_one() -> None:
    u = np.array([1e-9, 0.1, 0.5, 0.75, 1 - 1e-9])
    np.testing.assert_allclose(laplace_shocks(u), scipy.stats.laplace.ppf(u, scale=np.sqrt(0.5)), rtol=1e-7)


def test_without_a_deviation_there_is_no_offset() -> None:
    np.testing.assert_allclose(group_offsets(HOME, points(5), np.zeros(1)), 0.0, atol=1e-14)
    np.testing.assert_array_equal(interpolate(group_offsets(HOME, points(5), np.zeros(13)), 0.0, np.zeros(4)), 0.0)
    np.testing.assert_allclose(lone_offset(0.1, 0.0), 0.0, atol=1e-14)
    np.testing.assert_allclose(origin_offset(0.1, 0.0), 0.0, atol=1e-14)


@pytest.mark.parametrize("deviation", [0.5, 1.5, WIDEST])
def test_mean_shares_are_those_of_the_base_year_on_the_points_of_the_solution(deviation: float) -> None:
    offsets = group_offsets(HOME, points(5), deviation_nodes(deviation))[-1]
    for own, offset in zip(HOME.T, offsets.T, strict=True):
        np.testing.assert_allclose(mean_shares(own, offset, deviation * points(5)), own, atol=1e-12)


def test_mean_shares_are_kept_on_other_points_too() -> None:
    random = np.random.default_rng(1)
    offsets = group_offsets(HOME, points(5), deviation_nodes(WIDEST))[-1]
    shocks = random.standard_normal((5, 2**18)) * np.sqrt(random.standard_exponential((5, 2**18)))
    for own, offset in zip(HOME.T, offsets.T, strict=True):
        np.testing.assert_allclose(mean_shares(own, offset, WIDEST * shocks), own, atol=1.5e-3)


def test_offsets_of_other_points_leave_a_twentieth_of_a_point_of_share() -> None:
    nodes, least = deviation_nodes(WIDEST), HOME[:, :1]
    plain, turned = (group_offsets(least, points(5)[order], nodes) for order in (slice(None), slice(None, None, -1)))
    assert np.abs(least * (1 - least) * (plain - turned)).max() < 5e-4


def test_one_against_a_fringe_has_the_offset_of_a_quadrature() -> None:
    nodes = deviation_nodes(WIDEST)
    for share in (0.02, 0.3, 0.9):
        alone = group_offsets(np.array([[share]]), points(1), nodes)[:, 0, 0]
        np.testing.assert_allclose(alone, lone_offset(share, nodes), atol=3e-3)


@pytest.mark.parametrize("share", [0.005, 0.13, 0.5, 0.9])
@pytest.mark.parametrize(
    ("offset", "density"),
    [(lone_offset, scipy.stats.laplace(scale=np.sqrt(0.5)).pdf), (origin_offset, scipy.stats.norm.pdf)],
    ids=["lone", "origin"],
)
def test_offsets_of_one_against_the_rest_keep_its_mean_share(
    share: float, offset: Callable[..., FloatArray], density: Callable[[float], float]
) -> None:
    for deviation in (0.1, 0.6, WIDEST):
        constant = np.log(share / (1 - share)) + float(offset(share, deviation))

        def weighed(x: float, deviation: float = deviation, constant: float = constant) -> float:
            return float(density(x) / (1 + np.exp(-constant - deviation * x)))

        halves = [scipy.integrate.quad(weighed, *ends, epsabs=1e-13)[0] for ends in ((-38, 0), (0, 38))]
        assert sum(halves) == pytest.approx(share, abs=1e-10)


def test_the_smaller_of_two_sides_loses_what_the_larger_gains() -> None:
    paths = np.linspace(0.0, WIDEST, 5)
    np.testing.assert_allclose(lone_offset(0.2, paths), -lone_offset(0.8, paths), atol=1e-12)
    np.testing.assert_allclose(lone_offset(0.5, paths), 0.0, atol=1e-12)
    assert (np.diff(lone_offset(0.2, paths)) < 0).all()


def test_identical_providers_get_the_same_offset_up_to_the_error_of_the_points() -> None:
    offsets = group_offsets(np.array([[0.3], [0.3], [0.1]]), points(3), deviation_nodes(WIDEST))[-1, :, 0]
    assert offsets[0] == pytest.approx(offsets[1], abs=2e-3)


def test_two_alone_need_none_if_they_are_equal_and_weights_of_offsets_cancel() -> None:
    equal, unequal = (np.array([[share], [1 - share]]) for share in (0.5, 0.7))
    nodes = deviation_nodes(WIDEST)
    np.testing.assert_allclose(group_offsets(equal, points(2), nodes), 0.0, atol=2e-3)
    np.testing.assert_allclose((unequal * group_offsets(unequal, points(2), nodes)).sum(axis=1), 0.0, atol=1e-12)


def test_permuting_providers_and_their_points_permutes_offsets() -> None:
    order, nodes = np.array([3, 0, 4, 2, 1]), deviation_nodes(WIDEST)
    plain, permuted = group_offsets(HOME, points(5), nodes), group_offsets(HOME[order], points(5)[order], nodes)
    np.testing.assert_allclose(permuted, plain[:, order], atol=1e-12)


def test_who_has_no_share_has_no_offset_and_is_nobodys_rival() -> None:
    nodes, absent = deviation_nodes(WIDEST), np.vstack([HOME[:2], np.zeros((1, 2)), HOME[2:]])
    shocks = points(5)
    found = group_offsets(absent, np.vstack([shocks[:2], shocks[:1], shocks[2:]]), nodes)
    np.testing.assert_array_equal(found[:, 2], 0.0)
    np.testing.assert_array_equal(np.delete(found, 2, axis=1), group_offsets(HOME, shocks, nodes))


@pytest.mark.parametrize("largest", [WIDEST / 4, WIDEST, 2 * WIDEST])
def test_interpolated_offsets_are_those_of_direct_solutions(largest: float) -> None:
    between = np.linspace(0.0, largest, 23)
    nodes = group_offsets(HOME, points(5), deviation_nodes(largest))
    direct = group_offsets(HOME, points(5), between)
    np.testing.assert_allclose(interpolate(nodes, largest, between), direct, atol=1e-4 if largest <= WIDEST else 5e-4)
    np.testing.assert_array_equal(interpolate(nodes, largest, deviation_nodes(largest)), nodes)


def test_months_and_quarters_have_the_same_offsets_and_a_shorter_horizon_the_first_ones() -> None:
    quarters, months = scenario("jv_only"), scenario("jv_only", "horizon.period_months=1")
    quarterly, monthly = offsets_of(quarters, 48), offsets_of(months, 144)
    for quarter, month in zip(quarterly, monthly, strict=True):
        np.testing.assert_allclose(month[2::3], quarter, atol=1e-12)
    for first, whole in zip(offsets_of(quarters, 8), quarterly, strict=True):
        np.testing.assert_array_equal(first, whole[:8])


def test_offsets_do_not_depend_on_the_seed_nor_on_the_regime() -> None:
    plain = offsets_of(scenario("jv_only"), 48)
    for other in (scenario("jv_only", "sampling.seed=99"), scenario("full_liberalization")):
        for mine, its in zip(offsets_of(other, 48), plain, strict=True):
            np.testing.assert_array_equal(mine, its)


def test_fringes_have_no_offset_and_the_largest_of_a_group_has_the_largest() -> None:
    found = scenario("jv_only")
    offsets, names = offsets_of(found, 48).rivals, found.domestic + found.foreign
    assert offsets.shape == (48, len(names), 3)
    for p, name in enumerate(names):
        assert (offsets[:, p] == 0.0).all() == found.providers[name].fringe
    home = len(found.domestic)
    for group, largest in ((slice(None, home), "alibaba"), (slice(home, None), "aws")):
        named = [name for name in names[group] if not found.providers[name].fringe]
        assert max(named, key=lambda name: offsets[-1, names.index(name), 0]) == largest


def test_the_median_case_has_no_luck_to_make_up_for() -> None:
    cases = (scenario("jv_only"), scenario("jv_only", *NO_RIVALRY))
    moving, calm = (simulate(case, median_world(case))["market_share"].values for case in cases)
    np.testing.assert_array_equal(moving, calm)


def test_changes_of_paths_have_tails_of_laplace() -> None:
    """Its kurtosis is 6, a normal law's 3; the deviation is the same."""
    drawn = worlds("jv_only", scrambles=16)
    named = drawn.rivalry[:, drawn.rivalry[-1].any(axis=1)]
    kurtosis = scipy.stats.kurtosis(named[[3, 47]], axis=-1, fisher=False).mean(axis=-1)
    np.testing.assert_allclose(kurtosis, 6.0, atol=0.8)
