"""Draws of several parts put side by side, whatever holds the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from sim.axes import FloatArray, join_draws, over_arrays


@dataclass(frozen=True)
class Part:
    size: FloatArray
    shares: Mapping[str, FloatArray]


def _part(first: float, draws: int) -> Part:
    return Part(first + np.arange(draws), {"iaas": np.full((2, draws), first)})


def test_draws_are_joined_along_the_last_axis_of_every_array() -> None:
    joined = join_draws([_part(0.0, 2), _part(10.0, 3)])
    np.testing.assert_array_equal(joined.size, [0, 1, 10, 11, 12])
    np.testing.assert_array_equal(joined.shares["iaas"], [[0, 0, 10, 10, 10]] * 2)


def test_a_function_sees_the_arrays_that_stand_at_one_place() -> None:
    total = over_arrays(lambda one, other: one + other, _part(0.0, 2), _part(10.0, 2))
    np.testing.assert_array_equal(total.size, [10, 12])
    np.testing.assert_array_equal(total.shares["iaas"], [[10, 10]] * 2)


def test_parts_that_hold_different_arrays_are_not_joined() -> None:
    with pytest.raises(KeyError, match="iaas"):
        join_draws([_part(0.0, 2), Part(np.zeros(2), {})])
