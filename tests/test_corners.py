"""The corners of the shipped priors run clean, or are refused by name.

One input after the other at its 0.1% and 99.9% points, all of them low, all high, and hundreds of mixed corners, with
shocks as drawn. NumPy's warnings are errors here.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from shipped import FOLDER, RUNNABLE, scenario

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds
from sim.errors import NumericalError
from sim.model.engine import simulate
from sim.model.inversion import build_economy
from sim.outcomes.results import require_finite
from sim.reading.loading import load_scenario
from sim.scenario.families import Discrete
from sim.scenario.inputs import Input, canonical, inputs
from sim.scenario.records import EXTREMES
from sim.scenario.scenario import Scenario

LOW, HIGH = 0.001, 0.999
DRAWS = 512

BY_NAME = re.compile(r"(shares|segments|market|demand|economics|technology|opening)\..*draw", re.DOTALL)
"""A refusal names an input by its path, and says how many draws it concerns and which is the first."""


def _uncertain(case: Scenario) -> list[Input]:
    return [item for item in inputs(case) if not item.record.is_fixed]


def _corners(case: Scenario, low: float, high: float) -> tuple[FloatArray, int]:
    """Probabilities (K, 512) of the uncertain inputs, and how many draws move one input alone."""
    count = len(_uncertain(case))
    points = np.full((count, DRAWS), 0.5)
    for row in range(count):
        points[row, 2 * row : 2 * row + 2] = low, high
    alone = 2 * count
    points[:, alone], points[:, alone + 1] = low, high
    mixed = np.random.default_rng(1).random((count, DRAWS - alone - 2)) < 0.5
    points[:, alone + 2 :] = np.where(mixed, low, high)
    return points, alone


def _worlds(case: Scenario, points: FloatArray) -> Worlds:
    chosen = {item.name: canonical(case, item, row) for item, row in zip(_uncertain(case), points, strict=True)}
    return draw_worlds(case, range(1), replaced=chosen)


def _refusals(case: Scenario, worlds: Worlds) -> Counter[str]:
    """Why draws are refused; a block that is refused is halved until the draw that is meant is alone with another."""
    try:
        for panel in simulate(case, worlds).values():
            require_finite(panel)
    except NumericalError as error:
        if worlds.draws <= 3:
            return Counter([str(error)])
        half = worlds.draws // 2
        parts = worlds.take(slice(0, half)), worlds.take(slice(half, worlds.draws))
        return sum((_refusals(case, part) for part in parts), Counter())
    return Counter()


@pytest.mark.parametrize("name", RUNNABLE)
def test_each_input_alone_at_its_corners_runs_clean(name: str) -> None:
    case = scenario(name)
    points, alone = _corners(case, LOW, HIGH)
    assert not _refusals(case, _worlds(case, points).take(slice(0, alone)))


@pytest.mark.parametrize("name", RUNNABLE)
def test_corners_together_run_clean_or_are_refused_by_name(name: str) -> None:
    case = scenario(name)
    points, alone = _corners(case, LOW, HIGH)
    refused = _refusals(case, _worlds(case, points).take(slice(alone, DRAWS)))
    assert all(BY_NAME.search(reason) for reason in refused), refused
    assert refused.total() < 20  # all providers of IaaS high at once leave nothing for the rest; little else can happen


@pytest.mark.parametrize("name", ["ftz_pilot", "full_liberalization"])
def test_the_farthest_that_any_draw_can_be_runs_clean_or_is_refused_by_name(name: str) -> None:
    case = scenario(name)
    points, _ = _corners(case, 2.0**-53, 1 - 2.0**-53)
    refused = _refusals(case, _worlds(case, points))
    assert all(BY_NAME.search(reason) for reason in refused), refused


@pytest.mark.parametrize("name", ["opening.hypothesis", "zone.reading"])
def test_each_category_runs_clean(name: str) -> None:
    case = scenario("ftz_pilot")
    record = next(item.record for item in inputs(case) if item.name == name)
    assert isinstance(record, Discrete)
    category = np.arange(DRAWS) % len(record.categories)
    assert not _refusals(case, draw_worlds(case, range(1), replaced={name: category.astype(float)}))


def test_no_draw_of_the_shipped_base_year_is_refused() -> None:
    """Sixteen thousand draws; a million were tried once, by hand."""
    case = scenario("jv_only")
    for scramble in range(32):
        build_economy(case, draw_worlds(case, range(scramble, scramble + 1)).inputs)


# ---- what several numbers together break


AT_ODDS = {
    "substitutes that are none": (
        {"demand.elasticity_of_substitution": 1.1},
        "elasticity_of_substitution is not above",
    ),
    "value without end": ({"economics.terminal_growth": 0.2}, r"economics\.terminal_growth is not below"),
    "costs above revenue": ({"economics.site_cost": 0.95}, r"economics\.site_cost and economics\.operator_margin"),
    "nobody left who leans": (
        {
            "segments.internet.foreign_propensity": 0.0,
            "segments.private.foreign_propensity": 0.0,
            "segments.multinational.open": 0.01,
        },
        r"in which somebody leans to them",
    ),
    "a market of e^400": ({"market.step_rate": 10.0, "market.step_size": 10.0}, r"market too large or too small"),
    "a layer of nothing": (
        {"market.layers.iaas.log_odds_drift": -4.0, "market.drift_fade": 0.01},
        "leave next to nothing of a layer",
    ),
    "quality without end": (
        {"technology.catch_up": 1.0, "demand.elasticity_of_substitution": 50.0},
        r"technology\.catch_up and technology\.spillover",
    ),
    "a premium without end": (
        {"opening.layer_factor.saas": 1e4},
        r"opening\.hypotheses and opening\.layer_factor",
    ),
}


@pytest.mark.parametrize(("numbers", "reason"), AT_ODDS.values(), ids=AT_ODDS.keys())
def test_what_a_draw_sets_at_odds_is_refused_by_name(numbers: dict[str, float], reason: str) -> None:
    case = scenario("full_liberalization")
    replaced = {name: np.full(DRAWS, value) for name, value in numbers.items()}
    worlds = draw_worlds(case, range(1), replaced=replaced)
    with pytest.raises(NumericalError, match=reason):
        simulate(case, worlds)


def test_a_target_of_nothing_is_worth_nothing() -> None:
    """The value of a hypothesis is bounded by zero, which one draw in a million meets."""
    case = scenario("full_liberalization")
    replaced = {"opening.hypothesis": np.zeros(DRAWS), "opening.hypotheses.open_market_analogue.value": np.zeros(DRAWS)}
    economy = build_economy(case, draw_worlds(case, range(1), replaced=replaced).inputs)
    assert not economy.premium.any()


def test_who_has_lost_every_customer_still_names_a_price() -> None:
    whole = "{value: 1, unit: fraction, source: judgement, grade: judgement}"
    closes = ", ".join(f"{name}: {whole}" for name in scenario("jv_only").segments)
    step = f"policy.steps.shut={{when: 2020-01-01, evicts: true, closes: {{{closes}}}}}"
    case = load_scenario(FOLDER / "jv_only.yaml", overrides=[step])
    panels = simulate(case, draw_worlds(case, range(1)).take(slice(0, 4)))
    row = panels["foreign_share"].items.index(("total", ""))
    assert not panels["foreign_share"].values[-1, row].any()
    assert (panels["markup"].values >= 1).all()


# ---- what the checks at load time believe of distributions


def test_no_number_of_the_shipped_scenarios_can_leave_its_range() -> None:
    for name in RUNNABLE:
        case = scenario(name)
        for item in inputs(case):
            ends = canonical(case, item, EXTREMES.probability)
            assert item.allowed.least <= ends[0] * (1 + 1e-12), item.name
            assert ends[1] <= item.allowed.most * (1 + 1e-12), item.name


def test_a_very_narrow_part_of_a_mixture_is_no_overflow() -> None:
    from pydantic import TypeAdapter

    from sim.scenario.families import Parameter

    narrow = {"low": 0.0, "median": 5e-324, "high": 100.0}
    parts = [{"weight": 0.4, "of": narrow}, {"weight": 0.6, "of": narrow}]
    record = TypeAdapter(Parameter).validate_python({"mixture": parts, "unit": "1", "source": "x", "grade": "found"})
    values = record.quantile(np.array([0.01, 0.5, 0.99]))
    assert np.isfinite(values).all()
    assert np.isfinite(record.cdf(values)).all()
