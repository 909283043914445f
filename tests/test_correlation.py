"""Rank correlations that cannot be are refused, and the nearest that can are offered."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from conftest import Folder

from sim.reading.correlation import contradictions, nearest
from sim.reading.loading import load_scenario


def test_the_nearest_to_a_contradiction_of_three_is_known_by_symmetry() -> None:
    """Of matrices with off-diagonal (a, a, -a) those with a up to one half are positive semidefinite."""
    offered = [rank for row in nearest([[0.9], [0.9, -0.9]]) for rank in row]
    limit = 6 / math.pi * math.asin(0.5 / 2)
    assert offered == pytest.approx([limit, limit, -limit], abs=2e-3)


def test_the_example_of_higham_comes_out() -> None:
    """Higham (2002), section 4: off-diagonal 1, 0, 1 goes to 0.7607, 0.1573, 0.7607; here as rank correlations."""
    offered = [2 * math.sin(math.pi * rank / 6) for row in nearest([[1.0], [0.0, 1.0]]) for rank in row]
    assert offered == pytest.approx([0.7607, 0.1573, 0.7607], abs=2e-3)


def test_full_correlation_of_two_comes_down_by_a_hair() -> None:
    assert nearest([[1.0]]) == [[0.999]]


@pytest.mark.parametrize("members", [2, 3, 5, 12, 64])
def test_what_is_offered_passes(members: int) -> None:
    draw = random.Random(members)
    stated = [[draw.uniform(-1, 1) for _ in range(row)] for row in range(1, members)]
    assert not list(contradictions("rank", members, nearest(stated)))


def test_no_other_correlations_are_much_nearer() -> None:
    """Against ten thousand random ones that are possible, in the norm in which the projection is nearest."""
    wanted = 2 * np.sin(np.pi / 6 * np.array([0.8, -0.7, 0.6]))
    offered = np.array([rank for row in nearest([[0.8], [-0.7, 0.6]]) for rank in row])
    distance = np.linalg.norm(2 * np.sin(np.pi / 6 * offered) - wanted)
    factors = np.random.default_rng(1).normal(size=(10_000, 3, 3))
    factors /= np.linalg.norm(factors, axis=2, keepdims=True)
    possible = factors @ factors.transpose(0, 2, 1)
    others = np.linalg.norm(possible[:, [1, 2, 2], [0, 0, 1]] - wanted, axis=1)
    assert distance < others.min() + 2e-3


def test_the_offer_is_not_used_but_can_be(folder: Folder) -> None:
    members = "members: [market.size, demand.churn, zone.cap]"
    group = f"sampling: {{{{correlations: {{{{trio: {{{{{members}, rank: {{}}, reason: x}}}}}}}}}}}}\n"
    (complaint,) = folder.complaints(folder.variant(group.format("[[0.9], [0.9, -0.9]]")))
    offer = complaint.split("the nearest that is: ")[1].removesuffix(")")
    scenario = load_scenario(folder.variant(group.format(offer)))
    assert scenario.sampling.correlations["trio"].rank == ((0.482,), (0.482, -0.482))
