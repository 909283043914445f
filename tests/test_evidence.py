"""The shipped numbers: what they are, where they come from, and what was known when."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist

import pytest

from sim.reading.loading import load_scenario
from sim.scenario.evidence import SCALES
from sim.scenario.families import Fixed, LogNormal, TwoPiece
from sim.scenario.inputs import Input, inputs, record_numbers
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import EventStep

SCENARIOS = Path(__file__).parent.parent / "scenarios"
SHIPPED = sorted(path.stem for path in SCENARIOS.glob("*.yaml") if path.stem != "sources")
SCALE = {unit: factor for units in (*SCALES.values(), {"USD bn/yr": 1.0}) for unit, factor in units.items()}


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request: pytest.FixtureRequest) -> Scenario:
    return load_scenario(SCENARIOS / f"{request.param}.yaml")


@pytest.fixture(scope="module")
def base() -> Scenario:
    return load_scenario(SCENARIOS / "base.yaml")


def _median(record: object) -> float:
    """The median in the canonical unit of a record that is one number or a two-piece normal."""
    assert isinstance(record, Fixed | TwoPiece)
    return (record.value if isinstance(record, Fixed) else record.median) * SCALE[record.unit]


def _numbers(scenario: Scenario) -> tuple[Input, ...]:
    """Every number, those of the naive forecasts included."""
    return (*inputs(scenario), *record_numbers(scenario))


def _records(scenario: Scenario) -> Iterator[tuple[str, Record]]:
    """Every record and every fallback, each with the name of its input."""
    for item in _numbers(scenario):
        record: Record | None = item.record
        while record is not None:
            yield item.name, record
            record = record.fallback


def _published(scenario: Scenario, record: Record) -> datetime.date:
    """A judgement was made by the day that the scenario stands for."""
    return scenario.as_of if record.source == "judgement" else scenario.sources[record.source].published


def _layer_sizes(scenario: Scenario) -> dict[str, float]:
    stated = {name: _median(layer.size) for name, layer in scenario.market.layers.items() if layer.size is not None}
    (rest,) = set(scenario.market.layers) - set(stated)
    return stated | {rest: _median(scenario.market.size) - sum(stated.values())}


def _iaas_shares(scenario: Scenario) -> dict[str, float]:
    direct = scenario.shares["iaas"].direct
    assert direct is not None
    return {provider: _median(record) for provider, record in direct.items()}


# ---- the base year


def test_seed_numbers_keep_their_own_scopes(base: Scenario) -> None:
    assert _median(base.market.size) == pytest.approx(7.2)
    assert _layer_sizes(base)["iaas"] == pytest.approx(4.65)
    shares = _iaas_shares(base)
    assert shares["alibaba"] == pytest.approx(0.43)
    assert shares["aws"] == pytest.approx(0.069)
    assert shares["aws"] * _layer_sizes(base)["iaas"] == pytest.approx(0.32, abs=0.005)


def test_seed_numbers_are_found_in_the_seed_document(base: Scenario) -> None:
    direct = base.shares["iaas"].direct
    assert direct is not None
    seeds = (base.market.size, base.market.growth_base, direct["alibaba"], direct["aws"])
    assert {(record.source, record.grade) for record in seeds} == {("china_knowledge_20190424", "found")}


def test_alibaba_leads_iaas_and_aws_is_fourth(base: Scenario) -> None:
    ranking = sorted(_iaas_shares(base).items(), key=lambda item: -item[1])
    assert [provider for provider, _ in ranking[:4]] == ["alibaba", "tencent", "china_telecom", "aws"]


def test_foreign_share_of_iaas_is_a_tenth(base: Scenario) -> None:
    shares = _iaas_shares(base)
    assert sum(shares[provider] for provider in base.foreign) == pytest.approx(0.105, abs=0.001)


def test_iaas_drift_follows_from_the_two_years_it_is_derived_from(base: Scenario) -> None:
    def log_odds(iaas: float, total: float) -> float:
        return math.log(iaas / (total - iaas))

    drift = base.market.layers["iaas"].log_odds_drift
    assert _median(drift) == pytest.approx(log_odds(4.65, 7.2) - log_odds(4.65 / 1.861, 7.2 / 1.72), abs=0.005)


def test_between_15_and_35_percent_of_spending_is_closed_at_the_medians(base: Scenario) -> None:
    sizes = _layer_sizes(base)
    weights = {layer: 0.0 for layer in sizes}
    for segment in base.segments.values():
        weights[segment.layer] += _median(segment.weight)
    closed = sum(
        sizes[segment.layer] * _median(segment.weight) / weights[segment.layer] * (1 - _median(segment.open))
        for segment in base.segments.values()
    )
    assert 0.15 <= closed / sum(sizes.values()) <= 0.35


# ---- evidence


def test_every_source_is_known(shipped: Scenario) -> None:
    assert {record.source for _, record in _records(shipped)} - {"judgement"} <= set(shipped.sources)


def test_every_listed_source_is_used_by_some_shipped_scenario() -> None:
    scenarios = [load_scenario(SCENARIOS / f"{name}.yaml") for name in SHIPPED]
    used = {record.source for scenario in scenarios for _, record in _records(scenario)}
    assert set(scenarios[0].sources) == used - {"judgement"}


def test_every_number_says_which_day_it_describes(shipped: Scenario) -> None:
    assert [name for name, record in _records(shipped) if record.as_of is None] == []


def test_numbers_published_later_have_a_fallback_and_others_have_none(shipped: Scenario) -> None:
    late = {item.name for item in _numbers(shipped) if _published(shipped, item.record) > shipped.as_of}
    assert {item.name for item in _numbers(shipped) if item.record.fallback is not None} == late


def test_no_fallback_knows_what_was_published_later(shipped: Scenario) -> None:
    fallbacks = [item.record.fallback for item in _numbers(shipped) if item.record.fallback is not None]
    assert max(_published(shipped, record) for record in fallbacks) <= shipped.as_of


def test_fallbacks_are_wider(base: Scenario) -> None:
    for item in _numbers(base):
        wider = item.record.fallback
        if wider is not None:
            assert isinstance(wider, TwoPiece), item.name
            narrow = item.record.high - item.record.low if isinstance(item.record, TwoPiece) else 0.0
            assert wider.high - wider.low > narrow, item.name


def test_only_the_seed_shares_are_found_and_huawei_is_judged(base: Scenario) -> None:
    direct = base.shares["iaas"].direct
    assert direct is not None
    grades = {provider: record.grade for provider, record in direct.items()}
    assert {provider for provider, grade in grades.items() if grade == "found"} == {"alibaba", "aws"}
    assert grades["huawei"] == "judgement"


def test_depreciation_is_below_the_cost_of_the_site_in_every_draw(base: Scenario) -> None:
    cost, capital = base.economics.site_cost, base.economics.capital_intensity
    assert cost.min is not None
    assert capital.max is not None
    life = _median(base.economics.asset_life)
    assert capital.max <= cost.min * SCALE[cost.unit] * life * (1 + 1e-12)


# ---- policy and sampling


@pytest.mark.parametrize(("months", "probability"), [(24, 0.28), (60, 0.51)])
def test_announced_pilot_comes_as_often_as_past_promises_suggest(months: float, probability: float) -> None:
    steps = load_scenario(SCENARIOS / "announced_path.yaml").policy.steps
    deal = _median(steps["deal"].probability)

    def by_then(name: str) -> float:
        step = steps[name]
        assert isinstance(step, EventStep)
        assert isinstance(step.delay, LogNormal)
        shape = step.delay.lognormal
        scaled = months / 12 / (shape.median * SCALE[step.delay.unit])
        return _median(step.probability) * NormalDist(sigma=shape.sigma).cdf(math.log(scaled))

    total = deal * by_then("pilot_in_deal") + (1 - deal) * by_then("pilot_alone")
    assert total == pytest.approx(probability, abs=0.006)


def test_at_least_four_correlations_are_stated_with_reasons(base: Scenario) -> None:
    assert len(base.sampling.correlations) >= 4


def test_an_input_stands_in_one_correlation_group_only(shipped: Scenario) -> None:
    members = [member for group in shipped.sampling.correlations.values() for member in group.members]
    assert len(set(members)) == len(members)
