"""The base-year inversion against the textbook algorithm and its own margins."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import economy

from sim.axes import FloatArray
from sim.kernels import baseyear


def _ras(rows: FloatArray, columns: FloatArray, kernel: FloatArray) -> FloatArray:
    """Plain biproportional fitting of one draw: scale rows and columns in turn."""
    table = kernel * columns
    for _ in range(5000):
        table = table * (rows / table.sum(axis=1))[:, None]
        table = table * (columns / table.sum(axis=0))
    return np.asarray(table)


def test_it_is_the_biproportional_fit_of_all_providers() -> None:
    shares = np.array([0.5, 0.39, 0.07, 0.04])
    weights, open_part = np.array([0.6, 0.15, 0.06, 0.19]), np.array([0.8, 0.9, 0.97, 0.05])
    propensity = np.array([1.0, 1.0, 6.0, 1.0])
    kernel = np.vstack([np.ones((2, 4)), np.tile(open_part * propensity, (2, 1))])
    expected = _ras(shares, weights, kernel) / weights

    def two(x: FloatArray) -> FloatArray:
        return np.stack([x, x], axis=-1)

    foreign = baseyear.foreign_spending(two(np.array(0.11)), two(weights), two(open_part), two(propensity))
    found = baseyear.segment_shares(two(shares), foreign, two(weights), 2)
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    part=st.floats(0.02, 0.98),
    weights=st.lists(st.floats(0.05, 1), min_size=3, max_size=3),
    open_part=st.lists(st.floats(0.05, 1), min_size=3, max_size=3),
    propensity=st.lists(st.floats(0.1, 20), min_size=3, max_size=3),
)
def test_both_margins_hold_under_the_bound(
    part: float, weights: list[float], open_part: list[float], propensity: list[float]
) -> None:
    columns = np.array(weights)[:, None] / sum(weights) * np.ones(2)
    opened, lean = np.array(open_part)[:, None] * np.ones(2), np.array(propensity)[:, None] * np.ones(2)
    share = part * baseyear.BOUND * (columns * opened).sum(axis=0)
    foreign = baseyear.foreign_spending(share, columns, opened, lean)
    np.testing.assert_allclose(foreign.sum(axis=0), share, rtol=1e-12)
    assert (foreign <= baseyear.BOUND * opened * columns * (1 + 1e-9)).all()


def test_a_share_beyond_what_is_open_does_not_fit() -> None:
    weights, open_part = np.full((2, 2), 0.5), np.array([[0.8, 0.8], [0.1, 0.1]])
    assert baseyear.fits(np.array([0.44, 0.45]), weights, open_part).tolist() == [True, False]


def test_who_holds_more_than_the_bound_holds_that_much_of_each_open_part() -> None:
    weights, open_part = np.full((3, 2), 1 / 3), np.array([[1.0, 1.0], [0.5, 0.5], [1.0, 1.0]])
    lean = np.array([[1.0, 1.0], [7.0, 7.0], [0.0, 0.0]])
    share = np.array([0.9, 0.97]) * 0.5
    foreign = baseyear.foreign_spending(share, weights, open_part, lean)
    np.testing.assert_allclose(foreign.sum(axis=0), share, rtol=1e-14)
    np.testing.assert_allclose(foreign[:2, 1] / (weights * open_part)[:2, 1], 0.97, rtol=1e-12)
    assert not foreign[2].any()


def test_shares_sum_to_one_in_every_segment_and_meet_the_layer() -> None:
    found = economy()
    np.testing.assert_allclose(found.shares.sum(axis=0), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.base.sum(axis=0), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.by_layer(found.shares * found.weights), found.layer_shares, atol=1e-12)


def test_in_the_open_part_foreign_providers_have_all_of_theirs() -> None:
    found = economy()
    np.testing.assert_allclose(
        found.base[found.domestic :] * found.open_part, found.shares[found.domestic :], rtol=1e-12
    )


def test_shapes_are_as_the_docstrings_say() -> None:
    found = economy()
    providers, segments, draws = len(found.providers), len(found.segments), found.draws
    assert found.shares.shape == found.base.shape == found.log_markup.shape == (providers, segments, draws)
    assert found.layer_shares.shape == (providers, len(found.layers), draws)
    assert found.premium.shape == (draws,)
