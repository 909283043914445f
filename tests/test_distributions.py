"""Every family against scipy.stats, and what the file says: points, atoms, units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from pydantic import TypeAdapter, ValidationError
from scipy.special import ndtri

from sim.axes import FloatArray
from sim.scenario.evidence import Range
from sim.scenario.families import Fixed, Parameter
from sim.scenario.inputs import Input, canonical
from sim.scenario.market import Market
from sim.scenario.records import CORNERS, EXTREMES, FAMILIES, MIDDLE, Level, Record
from sim.scenario.scenario import Scenario

_PARAMETER: TypeAdapter[Record] = TypeAdapter(Parameter)
U = np.linspace(0.0005, 0.9995, 1999)
HALF = np.array([0.5])
Z95 = 1.6448536269514722


def record(unit: str = "1", **numbers: Any) -> Record:
    return _PARAMETER.validate_python({"unit": unit, "source": "guess", "grade": "judgement", **numbers})


def money(unit: str, value: float) -> Input:
    return Input("market.size", "market.size", record(unit, value=value), "money", Range(0, 1e6), "size")


def test_two_piece_normal_has_its_three_points_at_5_50_and_95_percent() -> None:
    points = record(low=1, median=3, high=41).quantile(np.array([0.05, 0.5, 0.95]))
    np.testing.assert_allclose(points, [1, 3, 41], rtol=1e-14)


def test_a_half_without_width_is_an_atom_at_the_median() -> None:
    flat = record(low=3, median=3, high=5)
    np.testing.assert_array_equal(flat.quantile(np.array([0.01, 0.3, 0.5])), 3)
    np.testing.assert_array_equal(flat.cdf(np.array([2.9, 3.0])), [0, 0.5])


def test_a_point_on_a_bound_is_an_atom_of_five_percent() -> None:
    conduct = record(low=0, median=0.7, high=1, min=0, max=1)
    values = conduct.quantile(U)
    assert (values == 0).sum() == (U <= 0.05).sum()
    assert (values == 1).sum() == (U >= 0.95).sum()
    np.testing.assert_allclose(conduct.cdf(np.array([-1e-9, 0, 1 - 1e-9, 1])), [0, 0.05, 0.95, 1], atol=1e-8)


def test_a_fixed_number_is_itself_at_every_probability() -> None:
    np.testing.assert_array_equal(record(value=6.62).quantile(U), 6.62)


def test_a_category_is_the_index_of_the_first_whose_cumulative_weight_reaches_u() -> None:
    hypotheses = record("category", discrete={"analogue": 0.25, "itif": 0.35, "reference": 0.40})
    u = np.array([1e-12, 0.25, 0.2500001, 0.5, 0.5999, 0.6001, 1 - 1e-12])
    np.testing.assert_array_equal(hypotheses.quantile(u), [0, 0, 1, 1, 1, 2, 2])


def test_categories_that_are_numbers_give_the_number_and_rise_with_u() -> None:
    lots = record(discrete={"10": 0.2, "2.5": 0.5, "4": 0.3})
    np.testing.assert_array_equal(lots.quantile(np.array([0.4, 0.6, 0.9])), [2.5, 4, 10])


def test_weights_that_miss_one_by_rounding_leave_no_draw_without_a_category() -> None:
    thirds = record(discrete={"a": 0.333333333, "b": 0.333333333, "c": 0.3333333335})
    assert thirds.quantile(np.array([1 - 2.0**-53])) == 2


def mixture(*parts: dict[str, Any], **bounds: float) -> Record:
    return record(mixture=list(parts), **bounds)


@pytest.fixture(scope="module")
def blend() -> Record:
    """Two continuous parts, and an atom of 0.1 at 2 that lies inside both."""
    return mixture(
        {"weight": 0.6, "of": {"low": 1, "median": 3, "high": 9, "min": 0}},
        {"weight": 0.3, "of": {"lognormal": {"median": 5, "sigma": 0.8}}},
        {"weight": 0.1, "of": {"value": 2}},
    )


def test_mixture_quantile_inverts_the_mixture_of_distribution_functions(blend: Record) -> None:
    x = blend.quantile(U)
    smooth = (x != 2) & (x > 0)
    np.testing.assert_allclose(blend.cdf(x)[smooth], U[smooth], rtol=1e-12)


def test_mixture_distribution_function_weighs_those_of_its_parts(blend: Record) -> None:
    x = np.array([1.5, 2.0, 6.0])
    first = np.where(x < 3, scipy.stats.norm.cdf(x, 3, 2 / Z95), scipy.stats.norm.cdf(x, 3, 6 / Z95))
    expected = 0.6 * first + 0.3 * scipy.stats.lognorm.cdf(x, s=0.8, scale=5) + 0.1 * (x >= 2)
    np.testing.assert_allclose(blend.cdf(x), expected, rtol=1e-13)


def test_mixture_quantile_is_exact_on_an_atom_of_a_part(blend: Record) -> None:
    below, upto = blend.cdf(np.array([2 - 1e-9, 2.0]))
    inside = np.linspace(below + 1e-6, upto - 1e-6, 101)
    np.testing.assert_allclose(blend.quantile(inside), 2, rtol=0, atol=1e-12)


def test_mixture_quantile_is_exact_on_the_clamp_of_a_part(blend: Record) -> None:
    atom = float(blend.cdf(np.array([0.0]))[0])
    np.testing.assert_allclose(blend.quantile(np.linspace(1e-9, atom, 50)), 0, rtol=0, atol=1e-12)


def test_mixture_of_one_part_is_that_part() -> None:
    whole = mixture({"weight": 1, "of": {"low": 1, "median": 3, "high": 9}})
    np.testing.assert_allclose(whole.quantile(U), record(low=1, median=3, high=9).quantile(U), rtol=1e-13)


def test_mixture_within_a_mixture_is_the_flat_one() -> None:
    low, high = {"uniform": [0, 1]}, {"uniform": [3, 4]}
    top = {"weight": 0.5, "of": {"uniform": [10, 12]}}
    inner = {"mixture": [{"weight": 0.5, "of": low}, {"weight": 0.5, "of": high}]}
    nested = mixture({"weight": 0.5, "of": inner}, top)
    flat = mixture({"weight": 0.25, "of": low}, {"weight": 0.25, "of": high}, top)
    u = U[np.abs(U % 0.25 - 0.125) < 0.12]
    np.testing.assert_allclose(nested.quantile(u), flat.quantile(u), rtol=1e-9)


def test_bounds_of_a_mixture_hold_for_the_whole() -> None:
    bounded = mixture({"weight": 0.5, "of": {"value": 1}}, {"weight": 0.5, "of": {"value": 9}}, max=4)
    np.testing.assert_array_equal(bounded.quantile(np.array([0.2, 0.8])), [1, 4])


def test_the_median_of_a_published_number_is_that_number_to_the_last_bit() -> None:
    assert record(low=7.0, median=7.2, high=8.0).middle() == 7.2
    assert record(lognormal={"median": 34, "sigma": 0.9}).middle() == 34


def test_the_median_category_holds_cumulative_weight_one_half() -> None:
    assert record("category", discrete={"a": 0.25, "b": 0.35, "c": 0.40}).middle() == 1


def test_money_in_cny_is_divided_by_the_exchange_rate() -> None:
    rates, plain = {"CNY": record("CNY per USD", value=6.62)}, Market.model_construct(unit=None, price=None)
    scenario = Scenario.model_construct(currency="USD", exchange_rates=rates, market=plain)
    np.testing.assert_allclose(canonical(scenario, money("CNY m/yr", 6620), HALF), 1.0, rtol=1e-15)
    np.testing.assert_allclose(canonical(scenario, money("USD m/yr", 6620), HALF), 6.62, rtol=1e-15)


def test_months_become_years() -> None:
    item = Input("x", "x", record("months", value=18), "duration", Range(0, 100), "x")
    assert canonical(Scenario.model_construct(), item, HALF) == 1.5


def test_an_unknown_scipy_family_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match="no continuous family 'gama' \\(nearest 'gamma'\\)"):
        record(scipy={"family": "gama", "parameters": {"a": 1}})


@pytest.mark.parametrize("parameters", [{}, {"a": 1, "b": 2}])
def test_missing_or_strange_scipy_parameters_are_refused_with_the_right_ones(parameters: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="'gamma' takes a, and optionally loc, scale"):
        record(scipy={"family": "gamma", "parameters": parameters})


def test_scipy_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ValidationError, match="'gamma' does not exist with"):
        record(scipy={"family": "gamma", "parameters": {"a": -1}})


def test_a_part_of_a_mixture_in_another_unit_is_refused() -> None:
    with pytest.raises(ValidationError, match="every part is in the unit of the whole, 'fraction' \\(found '%'\\)"):
        record("fraction", mixture=[{"weight": 1, "of": {"unit": "%", "value": 3}}])


# ---- a family is declared in one place


EXAMPLES: dict[str, Any] = {
    "value": 3.0,
    "low": 1.0,
    "interval": "1 to 4",
    "triangular": [0, 1, 5],
    "pert": [0, 1, 5],
    "normal": {"mean": 2, "sd": 1},
    "lognormal": {"median": 3, "sigma": 1},
    "uniform": [1, 4],
    "discrete": {"1": 0.3, "2": 0.7},
    "mixture": [{"weight": 0.5, "of": {"uniform": [1, 4]}}, {"weight": 0.5, "of": {"uniform": [2, 5]}}],
    "scipy": {"family": "gamma", "parameters": {"a": 2}},
}


@pytest.mark.parametrize("key", FAMILIES)
def test_every_family_holds_at_least_u_up_to_its_quantile_and_says_what_it_is(key: str) -> None:
    more = {"median": 2.0, "high": 4.0} if key == "low" else {}
    example = record(**{key: EXAMPLES[key], **more})
    assert type(example) is FAMILIES[key]
    assert (example.cdf(example.quantile(U)) >= U - 1e-12).all()
    assert example.described()


@pytest.mark.parametrize("level", [MIDDLE, CORNERS, EXTREMES])
def test_the_scores_of_a_level_are_those_of_its_probabilities(level: Level) -> None:
    np.testing.assert_allclose(level.score, ndtri(level.probability), rtol=1e-4)


def test_a_family_that_leaves_a_part_out_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="the family Logistic leaves out below, words"):

        class Logistic(Record):
            logistic: float

            def value_at(self, level: Level) -> FloatArray:
                return level.score


def test_a_family_with_another_familys_key_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="the family Steady needs fields that no other has \\(found value\\)"):

        class Steady(Fixed):
            pass
