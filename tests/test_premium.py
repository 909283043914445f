"""How the premium of control arrives: in closed form, as a mean over each window, from the day of the grant."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import scenario, story, worlds

from sim.axes import FloatArray
from sim.dates.timeline import Timeline
from sim.kernels.premium import arrived_years, overlap
from sim.model.economy import Economy
from sim.model.levers import Levers
from sim.model.marketpath import market_path

STEP, PERIODS, POINTS = 0.25, 48, 3000
ALWAYS = "entry.rule=always"
JOINT = "policy.steps.one_layer.probability=0"
SURE = "policy.steps.one_layer.probability=1"
TAKEN_BACK = "policy.steps.back={when: 2022-05-01, adopt: jv_only}"


def _levers(name: str, *edits: str) -> tuple[Economy, Levers, Timeline]:
    """What is in force where the premium is 1, so that lifts are parts of it."""
    economy, _, timeline, masks = story(name, *edits)
    economy = replace(economy, premium_by_segment=np.ones_like(economy.premium_by_segment))
    found, drawn = scenario(name, *edits), worlds(name, *edits)
    return economy, Levers(found, economy, market_path(found, economy, drawn, STEP, PERIODS), timeline, masks), timeline


def _instants() -> FloatArray:
    """Middles of small parts of each window, (T, POINTS, 1)."""
    begin = 2019 + (np.arange(PERIODS)[:, None] - 0.5) * STEP
    return np.asarray((begin + (np.arange(POINTS) + 0.5) * (STEP / POINTS))[..., None])


def _partner(levers: Levers) -> FloatArray:
    rows = [levers.access(t).channels.rest for t in range(PERIODS)]
    return np.stack([row[0] for row in rows if row is not None])


@settings(max_examples=60, deadline=None)
@given(
    begin=st.floats(-2, 3),
    length=st.floats(0.01, 2),
    ramp=st.floats(0.05, 6),
)
def test_the_closed_form_is_the_integral_over_the_part_after_the_grant(
    begin: float, length: float, ramp: float
) -> None:
    instants = begin + (np.arange(20_000) + 0.5) * (length / 20_000)
    integral = np.where(instants > 0, -np.expm1(-np.maximum(instants, 0) / ramp), 0.0).sum() * length / 20_000
    found = arrived_years(np.array([begin]), np.array([begin + length]), np.zeros(1), np.array([ramp]))
    np.testing.assert_allclose(found, integral, atol=1e-7)


def test_two_intervals_have_their_overlap_in_common() -> None:
    found = overlap(np.array([0.0, 0.0, 2.0, 0.5]), np.array([1.0, 3.0, 3.0, 0.7]), np.array([0.4]), np.array([1.5]))
    np.testing.assert_allclose(found, [0.6, 1.1, 0.0, 0.2])


@pytest.mark.parametrize("until", [2031.0, 2022 + 4 / 12], ids=["kept", "taken back"])
def test_partners_have_the_mean_over_the_window_of_what_has_arrived_since_the_grant(until: float) -> None:
    """And nothing from the day on which it is taken back."""
    edits = (JOINT,) if until == 2031.0 else (JOINT, TAKEN_BACK)
    economy, levers, _ = _levers("piecemeal", *edits)
    grant, ramp = economy.inputs["regimes.jv_50.partner_unlock"][:6], economy.inputs["opening.ramp"][:6]
    instants = _instants()
    arrived = np.where(instants < until, -np.expm1(-np.maximum(instants - 2020, 0) / ramp), 0.0).mean(axis=1)
    np.testing.assert_allclose(_partner(levers)[:, :6], grant * arrived, atol=1e-6)


def test_a_later_step_that_keeps_the_partner_s_grant_does_not_restart_its_clock() -> None:
    """On the piecemeal path sites for software come later, and change nothing for partners."""
    (_, alone, _), (_, later, timeline) = _levers("piecemeal", JOINT), _levers("piecemeal", SURE)
    assert (timeline.steps[1] < 2029).mean() > 0.9
    np.testing.assert_allclose(_partner(later), _partner(alone), rtol=1e-12, atol=1e-15)


def test_what_partners_had_at_the_start_arrives_nowhere() -> None:
    """It is inside the base year."""
    edits = ("regimes.jv_only.partner_unlock=0.4", "regimes.full_liberalization.partner_unlock=0.4")
    _, levers, _ = _levers("full_liberalization", *edits)
    assert all(levers.access(t).channels.rest is None for t in range(PERIODS))


def test_a_site_has_the_mean_over_the_live_part_of_the_window_of_what_has_arrived_since_its_launch() -> None:
    economy, levers, timeline = _levers("ftz_pilot", ALWAYS)
    draws = np.flatnonzero(np.isfinite(timeline.launched[0]))[:6]
    launched, ramp = timeline.launched[0, draws], economy.inputs["opening.ramp"][draws]
    instants = _instants()
    live = instants > launched
    arrived = np.where(live, -np.expm1(-np.maximum(instants - launched, 0) / ramp), 0.0).sum(axis=1)
    mean = arrived / np.maximum(live.sum(axis=1), 1)
    rows = [levers.access(t).channels.lead[0, 0] for t in range(PERIODS)]
    found = np.stack(rows)[:, draws]
    grant = economy.inputs["regimes.ftz_pilot.owned_unlock"][draws]
    np.testing.assert_allclose(found, grant * mean, atol=2e-4)
    assert (found[-1] > 0).all()


def test_a_step_of_a_month_and_one_of_a_quarter_bring_the_same_premium() -> None:
    """The mean over the windows of three months is that of the quarter which they make up."""
    ramp = np.array([1.7])
    edges = np.linspace(2020.1, 2020.35, 4)
    months = [arrived_years(low, high, np.array([2020.15]), ramp) for low, high in itertools.pairwise(edges)]
    whole = arrived_years(edges[0], edges[-1], np.array([2020.15]), ramp)
    np.testing.assert_allclose(sum(months), whole, rtol=1e-12)
