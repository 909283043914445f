"""Boxes of conditions: made-up events whose conditions are known."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sim.analysis.discovery import (
    Limit,
    ceiling,
    counts,
    coverage_density,
    discover,
    inside,
    ratio_over_scrambles,
    split_draws,
)
from sim.axes import BoolArray, FloatArray

DRAWS = 8192


def uniform_columns(seed: int, count: int, draws: int = DRAWS) -> dict[str, FloatArray]:
    """Independent columns x0, x1, ... of uniforms."""
    numbers = np.random.default_rng(seed).random((count, draws))
    return {f"x{place}": column for place, column in enumerate(numbers)}


def likely(seed: int, probability: FloatArray) -> BoolArray:
    """An event that luck decides with these probabilities."""
    return np.asarray(np.random.default_rng(seed + 1000).random(len(probability)) < probability)


@pytest.mark.parametrize("seed", range(4))
def test_a_known_box_is_found_within_five_hundredths_of_each_range(seed: int) -> None:
    columns = uniform_columns(seed, 20)
    known = (columns["x3"] > 0.2) & (columns["x3"] < 0.6) & (columns["x7"] < 0.45)
    (box,) = discover(columns, {}, known).boxes
    limits = {limit.name: limit for limit in box}
    assert set(limits) == {"x3", "x7"}
    assert (limits["x3"].low, limits["x3"].high) == pytest.approx((0.2, 0.6), abs=0.05)
    assert limits["x7"].high == pytest.approx(0.45, abs=0.05)
    assert limits["x7"].low == -np.inf


@pytest.mark.parametrize("seed", range(4))
def test_a_known_box_is_found_behind_luck(seed: int) -> None:
    columns = uniform_columns(seed, 40)
    known = (columns["x3"] > 0.4) & (columns["x7"] < 0.5)
    (box,) = discover(columns, {}, likely(seed, np.where(known, 0.7, 0.1))).boxes
    limits = {limit.name: limit for limit in box}
    assert set(limits) == {"x3", "x7"}
    assert limits["x3"].low == pytest.approx(0.4, abs=0.05)
    assert limits["x7"].high == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_categories_are_given_up_by_subsets(seed: int) -> None:
    columns = uniform_columns(seed, 10)
    columns["kind"] = np.floor(6 * columns.pop("x0"))
    known = np.isin(columns["kind"], (1, 4)) & (columns["x2"] > 0.3)
    (box,) = discover(columns, {"kind": 6}, likely(seed, np.where(known, 0.9, 0.05))).boxes
    assert {limit.name: limit.kept for limit in box} == {"kind": (1, 4), "x2": ()}


@pytest.mark.parametrize("share", [0.5, 0.2, 0.03])
@pytest.mark.parametrize("seed", range(6))
def test_noise_alone_gives_no_box(seed: int, share: float) -> None:
    columns = uniform_columns(seed, 80)
    columns["kind"] = np.floor(3 * columns["x0"])
    assert discover(columns, {"kind": 3}, likely(seed, np.full(DRAWS, share))).boxes == ()


@pytest.mark.parametrize("seed", range(12))
def test_an_idle_second_limit_goes(seed: int) -> None:
    columns = uniform_columns(seed, 80)
    columns["hypothesis"] = np.floor(3 * columns["x0"])
    passes = likely(seed, np.where(columns["hypothesis"] == 2, 0.45, 0.01))
    assert discover(columns, {"hypothesis": 3}, passes).boxes == ((Limit("hypothesis", kept=(2,)),),)


def test_no_fifth_input_is_limited() -> None:
    columns = uniform_columns(1, 8)
    known = np.all([columns[f"x{place}"] < 0.8 for place in range(7)], axis=0)
    discovery = discover(columns, {}, known)
    assert max(len(box) for box in discovery.curve) == 4


def test_two_separate_boxes_are_both_found() -> None:
    columns = uniform_columns(2, 12)
    one = (columns["x1"] < 0.4) & (columns["x2"] < 0.5)
    other = (columns["x5"] > 0.8) & (columns["x6"] > 0.5)
    boxes = discover(columns, {}, one | other).boxes
    assert [sorted(limit.name for limit in box) for box in boxes[:2]] == [["x1", "x2"], ["x5", "x6"]]
    held = np.any([inside(box, columns, DRAWS) for box in boxes], axis=0)
    assert min(coverage_density(one | other, held)) > 0.9


def test_equal_numbers_go_or_stay_together() -> None:
    columns = {"years": np.floor(5 * np.random.default_rng(3).random(DRAWS))}
    passes = columns["years"] >= 3
    ((limit,),) = discover(columns, {}, passes).boxes
    assert (limit.low, limit.high) == (2.5, np.inf)


def test_an_order_of_columns_or_draws_of_a_part_moves_no_limit() -> None:
    columns = uniform_columns(5, 6)
    passes = likely(5, 0.1 + 0.8 * (columns["x4"] > 0.5) * (columns["x1"] > 0.5))
    parts = (np.arange(DRAWS)[part] for part in vars(split_draws(DRAWS)).values())
    order = np.concatenate([np.random.default_rng(1).permutation(part) for part in parts])
    turned = {name: columns[name][order] for name in reversed(columns)}
    assert discover(columns, {}, passes).boxes == discover(turned, {}, passes[order]).boxes


def test_half_of_the_scrambles_peel_a_quarter_choose_and_the_rest_report() -> None:
    parts = split_draws(16 * 512)
    assert [part.indices(DRAWS)[:2] for part in vars(parts).values()] == [(0, 4096), (4096, 6144), (6144, 8192)]
    odd = split_draws(7 * 512)
    assert [part.indices(DRAWS)[:2] for part in vars(odd).values()] == [(0, 1536), (1536, 2048), (2048, 3584)]
    with pytest.raises(ValueError, match="at least 4 scrambles"):
        split_draws(3 * 512)


def test_what_is_reported_decides_nothing() -> None:
    columns = uniform_columns(6, 10)
    passes = likely(6, 0.1 + 0.8 * (columns["x4"] > 0.5))
    report = split_draws(DRAWS).report
    spoilt = passes.copy()
    spoilt[report] = ~passes[report]
    assert discover(columns, {}, passes) == discover(columns, {}, spoilt)


def test_no_box_of_inputs_reaches_above_the_ceiling_and_what_they_decide_reaches_it() -> None:
    columns = uniform_columns(7, 2, 2**18)
    known = columns["x0"] < 0.4
    probability = np.where(known, 0.6, 0.0)
    top, error = ceiling(likely(7, probability), likely(8, probability))
    coverage, density = coverage_density(likely(7, probability), known)
    assert top == pytest.approx(0.6, abs=0.01)
    assert coverage * density == pytest.approx(top, abs=0.01)
    assert 0.0 < error < 0.01


def test_luck_alone_has_a_ceiling_of_the_share_that_passes() -> None:
    share = np.full(2**18, 0.2)
    assert ceiling(likely(9, share), likely(10, share))[0] == pytest.approx(0.2, abs=0.005)


def test_coverage_and_density_by_hand() -> None:
    passes = np.array([True, True, True, False, False, False, False, True])
    held = np.array([True, True, False, True, False, False, False, False])
    assert coverage_density(passes, held) == (0.5, 2 / 3)


def test_an_error_is_the_spread_of_the_ratio_over_worlds_and_takes_four_scrambles() -> None:
    errors, ratios = [], []
    for seed in range(200):
        columns = uniform_columns(seed, 1, 8 * 512)
        held, passes = columns["x0"] < 0.3, likely(seed, np.where(columns["x0"] < 0.3, 0.6, 0.2))
        ratio, error = ratio_over_scrambles(counts(held, passes), counts(held))
        errors.append(error)
        ratios.append(ratio)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(ratios), rel=0.15)
    assert np.isnan(ratio_over_scrambles(counts(held, passes)[:3], counts(held)[:3])[1])
    assert np.isnan(ratio_over_scrambles(np.zeros(8, int), np.zeros(8, int))).all()


def test_a_hundred_columns_take_seconds() -> None:
    columns = uniform_columns(11, 107)
    passes = likely(11, 0.1 + 0.6 * (columns["x4"] > 0.5) * (columns["x9"] < 0.6))
    start = time.process_time()
    discover(columns, {}, passes)
    assert time.process_time() - start < 5.0
