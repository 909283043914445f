"""Consumer gain, computed from price indices, against closed forms of the whole model."""

from __future__ import annotations

import numpy as np
from shipped import CALM_MARKET, NOTHING_DRIFTS, column, run

from sim.kernels.welfare import class_gains, reached_gain

TWO = np.ones(2)
COMPETITIVE = (*NOTHING_DRIFTS, *CALM_MARKET, "demand.conduct=0")


def _gains(home: float, partner: float, closed: float, base_closed: float) -> tuple[float, float]:
    one = np.ones((1, 2))
    found = class_gains(home * one, partner * one, np.log(0.9 * one), closed * one, base_closed * one, 3.5 * TWO)
    return found.closed[0, 0], found.partner[0, 0]


def test_nothing_changes_nothing_is_gained() -> None:
    assert _gains(0.9, 1.0, 0.3, 0.3) == (0.0, 0.0)


def test_closing_costs_what_losing_foreign_offers_costs() -> None:
    """Of the closed part one third was open: it loses ln(1 - P_foreign) / (epsilon - 1), here with P_foreign = 0.1."""
    np.testing.assert_allclose(_gains(0.9, 1.0, 0.3, 0.2)[0] / 0.3, np.log(0.9) / 2.5 / 3)


def test_spending_that_opening_adds_counts_half() -> None:
    found = reached_gain(np.log(np.full((1, 2), 1.5)) / 2.5, np.full((1, 2), 1.25))
    np.testing.assert_allclose(found * 1.25, np.log(1.5) / 2.5 * (1 + 0.25 / 2))


def test_a_market_in_which_nothing_happens_has_no_gain() -> None:
    np.testing.assert_allclose(run("jv_only", *COMPETITIVE)["consumer_gain"].values, 0.0, atol=1e-10)


def test_better_domestic_offers_are_worth_less_than_their_quality() -> None:
    """Those who stay where they were gain nothing, those who choose gain ln q at most, some of it years ago."""
    grows = ("technology.catch_up=2", *(edit for edit in COMPETITIVE if "catch_up" not in edit))
    panels = run("jv_only", *grows)
    gain, size = column(panels, "consumer_gain")[-1], column(panels, "market_size")[-1]
    quality = np.log(column(panels, "domestic_quality", "iaas")[-1])
    assert (gain >= 0).all()
    assert (gain < quality * size).all()
