"""Jumps of a provider's quality: on a date they have a direction, by chance they have none."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
import scipy.stats
from shipped import CALM_MARKET, FOLDER, NO_RIVALRY, NOTHING_DRIFTS, column, year

from sim.axes import FloatArray
from sim.chance.medians import median_world
from sim.chance.sampling import columns_of, draw_latents, draw_worlds, fixed_points, leading_columns
from sim.chance.units import units_of
from sim.chance.worlds import Worlds
from sim.errors import ScenarioError
from sim.kernels.rivalry import deviation_nodes, group_offsets, laplace_shocks
from sim.model.engine import simulate
from sim.model.luck import offsets_of
from sim.outcomes.panels import Panel
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Learned, Scenario

STILL = (*NOTHING_DRIFTS, *CALM_MARKET, "demand.conduct=0")


def _number(value: float, unit: str) -> str:
    return f"{{value: {value}, unit: {unit}, source: judgement, grade: judgement}}"


def _size(value: float) -> str:
    return _number(value, "'1'")


ANEW = (
    "demand.kind=purchase",
    "demand.churn=null",
    "demand.captive_growth=null",
    f"demand.loyalty={_number(0.0, 'fraction')}",
    f"demand.repurchase_years={_number(5.0, 'years')}",
    "sampling.correlations.switching_costs=null",
    "sampling.leading=[]",
)
"""All buyers choose anew."""


def by_chance(rate: float, size: float, provider: str = "aws") -> str:
    """An override by which a provider's quality jumps at any time."""
    return f"providers.{provider}.jumps={{rate: {_number(rate, '1/yr')}, size: {_size(size)}}}"


def on(date: str, size: float, provider: str = "aws") -> str:
    """An override by which it jumps on a date, `when` or `after`."""
    return f"providers.{provider}.jumps={{{date}, size: {_size(size)}}}"


@functools.cache
def scenario(*overrides: str, name: str = "jv_only") -> Scenario:
    """A shipped scenario with overrides."""
    last = {override.partition("=")[0]: override for override in overrides}
    return load_scenario(FOLDER / f"{name}.yaml", overrides=tuple(last.values()), extremes=True)


@functools.cache
def worlds(*overrides: str, scrambles: int = 1, name: str = "jv_only") -> Worlds:
    """Its worlds."""
    return draw_worlds(scenario(*overrides, name=name), range(scrambles))


@functools.cache
def ran(*overrides: str, scrambles: int = 1, name: str = "jv_only") -> Mapping[str, Panel]:
    """Its outcomes."""
    return simulate(scenario(*overrides, name=name), worlds(*overrides, scrambles=scrambles, name=name))


def _row(found: Scenario, provider: str) -> int:
    return (found.domestic + found.foreign).index(provider)


def _log_odds(share: FloatArray) -> FloatArray:
    return np.log(share) - np.log1p(-share)


# ---------------------------------------------------------------- on a date


@pytest.mark.parametrize("size", [-0.7, 0.9])
def test_a_jump_on_a_date_moves_the_log_odds_of_what_chooses_by_its_size(size: float) -> None:
    moved = ran(*STILL, *ANEW, on("when: 2020-01-01", size))
    opened = worlds(*STILL, *ANEW).inputs["segments.paas_all.open"]
    before, after = (year(moved, "market_share", when, "paas", "aws") / opened for when in (2018, 2022))
    np.testing.assert_allclose(_log_odds(after) - _log_odds(before), size, rtol=1e-9)


def test_those_who_choose_come_in_proportion_from_all_others() -> None:
    moved = ran(*STILL, *ANEW, on("when: 2020-01-01", 0.9))
    rest = [
        year(moved, "market_share", 2022, "paas", name) / year(moved, "market_share", 2018, "paas", name)
        for name in ("microsoft", "other_foreign")
    ]
    np.testing.assert_allclose(rest[0], rest[1], rtol=1e-9)
    assert (rest[0] < 1.0).all()


def test_customers_who_stay_do_not_see_a_jump() -> None:
    soon, late = (
        column(ran(*STILL, on(f"when: {when}-01-01", 0.9)), "market_share", "paas", "aws") for when in (2019, 2023)
    )
    assert (soon[5] > late[5]).all()
    assert (_log_odds(late[-1]) - _log_odds(late[0]) < 0.9).all()


def test_a_jump_waits_for_its_site_or_its_step() -> None:
    opened = ("entry.rule=always", *STILL)
    launches = year(ran(*opened, name="full_liberalization"), "event_date", 2030, "", "aws.launch")
    plain = column(ran(*opened, name="full_liberalization"), "market_share", "iaas", "aws")
    moved = column(ran(*opened, on("after: launch", 1.0), name="full_liberalization"), "market_share", "iaas", "aws")
    for place in range(1, len(plain)):
        late = launches > 2018 + place + 1
        np.testing.assert_array_equal(plain[place, late], moved[place, late])
        assert (moved[place, launches < 2018 + place] > plain[place, launches < 2018 + place]).all()


def test_a_delay_is_counted_from_the_day() -> None:
    late = on("when: 2020-01-01, delay: " + _number(18, "months"), 0.9)
    for panels in zip(ran(*STILL, late).values(), ran(*STILL, on("when: 2021-07-01", 0.9)).values(), strict=True):
        np.testing.assert_array_equal(*(panel.values for panel in panels))


def test_what_is_expected_does_not_move_who_comes_later() -> None:
    """An entrant's part of new choices is that on its arrival, a product of before included."""
    arrives = "providers.google.arrives={when: 2021-07-01, new_choices: " + _number(3, "'%'") + "}"
    plain = ran(*STILL, arrives, name="new_entrant")
    before = ran(*STILL, arrives, on("when: 2020-01-01", 0.9, "google"), name="new_entrant")
    shares = [column(panels, "market_share", "iaas", "google") for panels in (plain, before)]
    np.testing.assert_allclose(*shares, rtol=1e-9)


# ---------------------------------------------------------------- by chance


@pytest.mark.parametrize("nothing", [by_chance(0.0, 0.9), by_chance(0.4, 0.0), on("when: 2020-01-01", 0.0)])
def test_a_rate_or_a_size_of_nothing_is_the_run_without_to_the_bit(nothing: str) -> None:
    moved, plain = ran(nothing), ran()
    for name, panel in plain.items():
        np.testing.assert_array_equal(moved[name].values, panel.values, err_msg=name)


def test_jumps_move_nobody_elses_draws() -> None:
    moved, plain = worlds(by_chance(0.4, 0.9)), worlds()
    row = _row(scenario(), "aws")
    for name, values in plain.inputs.items():
        np.testing.assert_array_equal(moved.inputs[name], values, err_msg=name)
    for path in ("market_shock", "market_steps", "origin_shock", "order"):
        np.testing.assert_array_equal(getattr(moved, path), getattr(plain, path))
    np.testing.assert_array_equal(np.delete(moved.rivalry, row, axis=1), np.delete(plain.rivalry, row, axis=1))
    others = worlds(by_chance(0.4, 0.9), by_chance(0.4, 0.9, "alibaba"))
    np.testing.assert_array_equal(others.rivalry[:, row], moved.rivalry[:, row])
    assert (others.rivalry != moved.rivalry).any()


@pytest.mark.parametrize("months", [1, 12])
def test_their_number_is_that_of_poisson(months: int) -> None:
    rate, overrides = 0.3, (*NO_RIVALRY, by_chance(0.3, 0.5), f"horizon.period_months={months}")
    drawn = worlds(*overrides, scrambles=16)
    counts = drawn.rivalry[:, _row(scenario(*overrides), "aws")] / 0.5
    years = np.arange(1, len(counts) + 1) * months / 12
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
    np.testing.assert_allclose(counts.mean(axis=1), rate * years, atol=0.1)
    np.testing.assert_allclose(counts[-1].var(), rate * years[-1], rtol=0.05)
    expected = scipy.stats.poisson.pmf(np.arange(7), rate * years[-1])
    found = np.bincount(counts[-1].astype(int), minlength=7)[:7] / counts.shape[1]
    np.testing.assert_allclose(found, expected, atol=0.015)


@pytest.mark.parametrize("jumps", [(by_chance(0.4, 0.9),), (by_chance(0.5, 1.0), by_chance(0.3, -0.8, "alibaba"))])
@pytest.mark.parametrize("rivalry", [(), NO_RIVALRY], ids=["with rivalry", "alone"])
def test_expected_shares_are_those_without_jumps(jumps: tuple[str, ...], rivalry: tuple[str, ...]) -> None:
    still = tuple(change for change in (*STILL, *ANEW) if change not in NO_RIVALRY)
    moved = ran(*still, *rivalry, *jumps, scrambles=8)
    for provider in ("aws", "microsoft", "alibaba", "tencent"):
        share = column(moved, "market_share", "iaas", provider)
        difference = share - share[:1]
        error = difference.reshape(len(share), 8, -1).mean(axis=2).std(axis=1, ddof=1) / np.sqrt(8.0)
        assert (np.abs(difference.mean(axis=1)) < 4.0 * error + 5e-4).all(), provider


def test_no_jump_of_a_rival_moves_the_share_of_all_foreign_providers() -> None:
    moved, plain = (ran(*STILL, *ANEW, *jumps) for jumps in ((by_chance(0.5, 1.0),), ()))
    shares = [column(panels, "foreign_share", "paas") for panels in (moved, plain)]
    np.testing.assert_allclose(*shares, rtol=1e-9)


@pytest.mark.parametrize("size", [-1.5, 0.8, 1.5])
def test_mean_shares_are_those_of_the_base_year_on_the_points_of_the_solution(size: float) -> None:
    shares, points = np.array([[0.5, 0.02], [0.2, 0.3], [0.1, 0.6]]), fixed_points(4, 2**14)
    nodes = deviation_nodes(np.sqrt(12.0)) ** 2
    counts = scipy.stats.poisson.ppf(points[3], 0.5 * nodes[:, None])
    jumps = np.zeros((len(nodes), 3, points.shape[1]))
    jumps[:, 1] = size * counts
    shocks, deviations = laplace_shocks(points[:3]), np.sqrt(2.0) * np.sqrt(1.0 - 2.0 ** (-nodes / 3.0))
    offsets = group_offsets(shares, shocks, deviations, jumps)
    for m, deviation in enumerate(deviations):
        for own, offset in zip(shares.T, offsets[m].T, strict=True):
            lifted = own[:, None] * np.exp(deviation * shocks + jumps[m] + offset[:, None])
            means = (lifted / (lifted.sum(axis=0) + 1.0 - own.sum())).mean(axis=1)
            np.testing.assert_allclose(means, own, atol=1e-6)


def test_offsets_of_jumps_are_those_of_other_lengths_of_a_period() -> None:
    quarters, months = (
        offsets_of(scenario(by_chance(0.4, 0.9), f"horizon.period_months={n}"), 144 // n) for n in (3, 1)
    )
    np.testing.assert_allclose(months.rivals[2::3], quarters.rivals, atol=1e-12)


def test_who_arrives_later_has_the_mean_taken_out_since_its_arrival() -> None:
    arrives = "providers.google.arrives={when: 2019-01-01, new_choices: " + _number(10, "'%'") + "}"
    plain, moved = (
        ran(*STILL, *ANEW, "entry.rule=never", arrives, *jumps, scrambles=8, name="new_entrant")
        for jumps in ((), (by_chance(0.5, 1.0, "google"),))
    )
    difference = column(moved, "market_share", "iaas", "google") - column(plain, "market_share", "iaas", "google")
    error = difference.reshape(len(difference), 8, -1).mean(axis=2).std(axis=1, ddof=1) / np.sqrt(8.0)
    assert difference.std() > 0.01
    assert (np.abs(difference.mean(axis=1)) < 4.0 * error + 1e-3).all()


def test_the_median_case_has_none() -> None:
    moved, plain = (simulate(scenario(*some), median_world(scenario(*some))) for some in ((by_chance(0.4, 0.9),), ()))
    for name, panel in plain.items():
        np.testing.assert_array_equal(moved[name].values, panel.values, err_msg=name)


def test_the_median_case_of_what_was_learned_has_the_mean_of_its_jumps() -> None:
    found = scenario(by_chance(0.4, 0.9))
    columns = columns_of(found, draw_latents(found, 0))
    middle = median_world(found.learning(Learned(columns.by_name()), "posterior"))
    drawn = worlds(by_chance(0.4, 0.9)).rivalry - worlds().rivalry
    row = _row(found, "aws")
    without = median_world(scenario().learning(Learned(columns.by_name()), "posterior"))
    np.testing.assert_allclose((middle.rivalry - without.rivalry)[:, row, 0], drawn[:, row].mean(axis=1), atol=1e-9)


def test_jumps_are_a_driver_of_their_own_and_kept_by_their_number() -> None:
    found = scenario(*NO_RIVALRY, by_chance(0.4, 0.9))
    (unit,) = [unit for unit in units_of(found) if unit.name == "jumps.aws"]
    assert unit.kind == "luck"
    kept = leading_columns(found, range(1))["jumps.aws"]
    ends = worlds(*NO_RIVALRY, by_chance(0.4, 0.9)).rivalry[-1, _row(found, "aws")]
    np.testing.assert_allclose(0.9 * kept, ends)


# ---------------------------------------------------------------- what is refused

SIZE = f"size: {_size(0.5)}"
RATE = "rate: " + _number(0.5, "1/yr")


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (f"aws.jumps={{{SIZE}}}", r"aws\.jumps: jumps have one of when, after and rate \(found none\)"),
        (f"aws.jumps={{when: 2020-01-01, {RATE}, {SIZE}}}", r"one of when, after and rate \(found when and rate\)"),
        (f"aws.jumps={{{RATE}, delay: {_number(1, 'years')}, {SIZE}}}", r"what comes by chance has no delay"),
        (f"aws.jumps={{when: 2018-06-01, {SIZE}}}", r"a jump is after the base year; .*allowed from 2019-01-01"),
        (f"aws.jumps={{after: lunch, {SIZE}}}", r"aws\.jumps\.after: unknown step \(found 'lunch'; allowed launch"),
        (f"alibaba.jumps={{after: launch, {SIZE}}}", r"alibaba\.jumps\.after: unknown step \(found 'launch'"),
        (f"other_foreign.jumps={{{RATE}, {SIZE}}}", r"a fringe has no quality of its own that could jump"),
        (f"aws.jumps={{{RATE}}}", r"aws\.jumps: the key 'size' is missing"),
        (f"aws.jumps={{{RATE}, size: {_size(9)}}}", r"allowed -3 to 3"),
    ],
)
def test_jumps_that_cannot_be_are_refused(stated: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(f"providers.{stated}")
