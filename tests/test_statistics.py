"""Statistics of columns of draws and their standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from sim.axes import FloatArray
from sim.outcomes import statistics
from sim.outcomes.statistics import STATISTICS, describe, share_positive

P50 = STATISTICS.index("p50")
P95 = STATISTICS.index("p95")


def _columns(rows: int, scrambles: int) -> FloatArray:
    return np.random.default_rng(3).lognormal(size=(rows, 512 * scrambles))


def test_mean_spread_and_quantiles_are_those_of_numpy() -> None:
    columns = _columns(3, 2)
    value = describe(columns).value
    quantiles = np.quantile(columns, [0.05, 0.25, 0.5, 0.75, 0.95], axis=-1)
    expected = np.vstack([columns.mean(axis=-1), columns.std(axis=-1), quantiles]).T
    np.testing.assert_allclose(value, expected, rtol=1e-13)


def _unlike_scrambles() -> FloatArray:
    """Three columns: scrambles that lie apart, draws that are mostly alike, draws that are rounded."""
    random = np.random.default_rng(4)
    apart = (random.normal(size=(16, 512)) + 10 * np.arange(16)[:, None]).ravel()
    alike = np.where(random.random(16 * 512) < 0.9, 1.0, random.random(16 * 512))
    return np.stack([apart, alike, np.round(random.normal(size=16 * 512), 1)])


def test_quantiles_are_exact_whether_scrambles_resemble_each_other_or_not() -> None:
    columns = np.vstack([_columns(3, 16), _unlike_scrambles()])
    found = describe(columns).value[:, 2:]
    ordered = np.sort(columns, axis=-1)
    assert found.tobytes() == statistics._quantiles(ordered).tobytes()


@pytest.mark.parametrize("scrambles", [1, 2, 3, 64])
def test_quantiles_are_exact_for_any_number_of_scrambles(scrambles: int) -> None:
    columns = _columns(2, scrambles)
    ordered = np.sort(columns, axis=-1)
    assert describe(columns).value[:, 2:].tobytes() == statistics._quantiles(ordered).tobytes()


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("narrow", [0.3, 0.03, 0.001])
def test_quantiles_are_exact_where_a_few_scrambles_crowd_about_one_place(narrow: float, sign: float) -> None:
    random = np.random.default_rng(8)
    columns = random.normal(size=(60, 16, 512))
    columns[:, :3] = narrow * columns[:, :3] + random.normal(size=(60, 1, 1))
    columns = sign * columns.reshape(60, -1)
    assert describe(columns).value[:, 2:].tobytes() == statistics._quantiles(np.sort(columns, axis=-1)).tobytes()


SPREAD = np.linspace(0.0, 512.0, 512)
CROWDED = np.linspace(100.0, 101.0, 512)
FIRST_ALONE = np.concatenate([[-1.0], np.linspace(1000.0, 1001.0, 511)])


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("scrambles", "probability", "guess"),
    [
        ([SPREAD, CROWDED], 0.5, 178.0),
        ([SPREAD, *[FIRST_ALONE] * 15], 0.05, 900.0),
        ([SPREAD, 1000.0 + SPREAD], 0.05, 51.0),
    ],
)
def test_that_a_quantile_does_not_stand_near_the_guess_is_seen(
    scrambles: list[FloatArray], probability: float, guess: float, sign: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    probabilities = np.array([probability if sign > 0 else 1 - probability])
    monkeypatch.setattr(statistics, "_PROBABILITIES", probabilities)
    ordered = np.sort(sign * np.stack(scrambles)[None], axis=-1)
    found = statistics._merged_quantiles(ordered, np.array([[sign * guess]]))
    assert found == statistics._quantiles(np.sort(ordered.reshape(1, -1), axis=-1))


def test_scrambles_that_resemble_each_other_need_not_be_sorted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = _columns(50, 16)
    columns[::2] = np.maximum(columns[::2], 1.0)  # half of the draws are alike
    together: list[int] = []
    quantiles = statistics._quantiles
    monkeypatch.setattr(statistics, "_quantiles", lambda ordered: _counted(together, ordered) or quantiles(ordered))
    describe(columns)
    assert sum(together) <= 2


def _counted(together: list[int], ordered: FloatArray) -> None:
    """Note how many columns were sorted as a whole."""
    together.append(len(ordered) if ordered.ndim == 2 else 0)


def test_a_quantile_among_the_infinite_and_the_finite_is_exact() -> None:
    column = _columns(1, 16)
    column[column > np.quantile(column, 0.94)] = np.nan
    found = describe(column, "never").value[:, 2:]
    ordered = np.sort(np.where(np.isnan(column), np.inf, column), axis=-1)
    assert found.tobytes() == statistics._quantiles(ordered).tobytes()


def test_undefined_draws_are_left_out_of_every_statistic_of_every_scramble() -> None:
    columns = _columns(2, 8)
    columns[0, ::3] = np.nan
    columns[1, :512] = np.nan
    columns[1, 700:] = np.nan
    found = describe(columns, "undefined")
    for column, value in zip(columns, found.value, strict=True):
        defined = column[~np.isnan(column)]
        expected = [defined.mean(), defined.std(), *np.quantile(defined, [0.05, 0.25, 0.5, 0.75, 0.95])]
        np.testing.assert_allclose(value, expected, rtol=1e-13)
    parts = [part[~np.isnan(part)].std() for part in columns[0].reshape(8, 512)]
    assert found.error[0, 1] == pytest.approx(np.std(parts, ddof=1) / np.sqrt(8), rel=1e-12)
    assert np.isnan(found.error[1]).all()


def test_a_standard_error_is_the_spread_over_scrambles_over_the_root_of_their_number() -> None:
    columns = _columns(1, 8)
    parts = columns.reshape(8, 512)
    error = describe(columns).error[0]
    assert error[0] == pytest.approx(parts.mean(axis=1).std(ddof=1) / np.sqrt(8), rel=1e-12)
    assert error[P50] == pytest.approx(np.median(parts, axis=1).std(ddof=1) / np.sqrt(8), rel=1e-12)


def test_the_standard_error_of_independent_draws_is_about_sd_over_the_root_of_their_number() -> None:
    columns = np.random.default_rng(5).normal(size=(200, 512 * 8))
    assert describe(columns).error[:, 0].mean() == pytest.approx(1 / np.sqrt(512 * 8), rel=0.1)


def test_below_eight_scrambles_standard_errors_are_unknown() -> None:
    assert np.isnan(describe(_columns(2, 7)).error).all()
    assert np.isnan(describe(np.ones((1, 512))).error).all()


def test_a_column_that_does_not_vary_is_described_exactly() -> None:
    statistics = describe(np.full((1, 512 * 9), 0.1))
    assert statistics.value[0].tolist() == [0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert statistics.error[0].tolist() == [0.0] * len(STATISTICS)


def test_a_column_has_the_same_bits_whatever_stands_beside_it() -> None:
    columns = _columns(80, 8)
    alone = np.vstack([describe(column[None]).value for column in columns])
    assert describe(columns).value.tobytes() == alone.tobytes()


def test_undefined_draws_are_left_out_and_their_share_is_told() -> None:
    column = _columns(1, 8)
    column[:, ::4] = np.nan
    statistics = describe(column, "undefined")
    defined = column[~np.isnan(column)]
    assert statistics.value[0, P50] == pytest.approx(np.median(defined), rel=1e-13)
    assert statistics.share_defined[0] == 0.75
    assert statistics.error[0, P50] > 0


def test_never_is_later_than_any() -> None:
    column = np.arange(1024.0)[None]
    column[:, 900:] = np.nan
    value = describe(column, "never").value[0]
    assert value[P50] == 511.5
    assert value[P95] == np.inf
    assert value[0] == np.inf


def test_what_exists_in_no_draw_has_no_statistic() -> None:
    statistics = describe(np.full((1, 512), np.nan), "undefined")
    assert np.isnan(statistics.value).all()
    assert statistics.share_defined[0] == 0


def test_the_share_above_zero_is_of_the_draws_that_exist() -> None:
    columns = np.array([[1.0, -1.0, np.nan, 2.0], [0.0, 0.0, 0.0, 0.0], [np.nan] * 4])
    np.testing.assert_array_equal(share_positive(columns), [2 / 3, 0, np.nan])
