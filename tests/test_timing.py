"""When to apply: what a provider has seen by a date, that nothing later is in it, and the runs of all dates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shipped import scenario, story, worlds

from sim.analysis.scrambles import Estimate
from sim.axes import FloatArray, join_draws
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds
from sim.dates.timeline import Masks, Timeline, first_permission, period_ends
from sim.errors import ScenarioError
from sim.model.course import Shared
from sim.model.economy import Economy
from sim.model.engine import observe, simulate
from sim.model.record import Record
from sim.model.sight import STATES, Sight, seen_by
from sim.model.valuation import Terms
from sim.outcomes.naming import Outcome
from sim.pictures.registry import figure
from sim.pictures.waiting import WaitingSheet
from sim.scenario.scenario import Scenario
from sim.tasks.parts import Arrays
from sim.tasks.timing import Commitment, Timing, waiting_parts, waiting_sheet

PATH = "announced_path"
NEVER = "providers.aws.entry={rule: never}"
DELAYS = (0.0, 1.0, 3.0)
NPV = Outcome("npv_with_terminal", "total", "aws", 2030, "USD bn")
TERMS = Terms(0.1, 0.02)


def waits(years: float) -> str:
    return f"providers.aws.entry={{rule: always, after: allowed, delay: {{value: {years}, unit: years}}}}"


def allowed(case: Scenario, masks: Masks) -> FloatArray:
    """First day on which AWS may have sites, (N,)."""
    return first_permission(case, masks.phases)[case.foreign.index("aws")]


@pytest.mark.parametrize("years", [0.5, 2.0])
def test_until_it_applies_a_run_is_to_the_bit_as_if_a_provider_never_did(years: float) -> None:
    _, without, never, masks = story(PATH, NEVER)
    _, record, timeline, _ = story(PATH, waits(years))
    date = allowed(scenario(PATH), masks) + years
    before = period_ends(scenario(PATH).horizon)[:, None] <= date
    for name in ("spending", "gain", "quality"):
        ours, theirs = getattr(record, name), getattr(without, name)
        same = (ours == theirs).all(axis=tuple(range(1, ours.ndim - 1)))
        assert same[before].all(), name
        assert not same[-1][date < 2025.0].all(), name
    for way in ("first_applied", "launched", "sited"):
        ours, theirs = getattr(timeline, way), getattr(never, way)
        earlier = np.minimum(ours, theirs) < date
        assert (ours == theirs)[earlier].all(), way


def seen(case: Scenario, drawn: Worlds, delays: tuple[float, ...] = DELAYS) -> Sight:
    """What AWS has seen in a run in which it never applies."""

    def read(economy: Economy, record: Record, timeline: Timeline, masks: Masks) -> Sight:
        dates = allowed(case, masks) + np.array(delays)[:, None]
        return seen_by(case, economy, record, timeline, masks, provider="aws", dates=dates)

    return join_draws(observe(case, drawn, read))


def with_another_future(case: Scenario, drawn: Worlds, date: FloatArray, timeline: Timeline) -> Worlds:
    """The same worlds up to a date: shocks, steps, sites and decisions that come after it are others."""
    later = np.arange(drawn.market_shock.shape[0])[:, None] >= np.searchsorted(
        period_ends(case.horizon), date, side="right"
    )
    shifted = np.random.default_rng(0).normal(0.0, 0.5, (2, *drawn.market_shock.shape))
    inputs = dict(drawn.inputs)
    for place, name in enumerate(case.policy.steps):
        delay = f"policy.steps.{name}.delay"
        if delay in inputs:
            inputs[delay] = np.where(timeline.steps[place] > date, inputs[delay] + 0.6, inputs[delay])
    for place, name in enumerate(case.foreign):
        build = f"entry.build_time[{name}]"
        inputs[build] = np.where(timeline.launched[place] > date, inputs[build] + 0.6, inputs[build])
    return replace(
        drawn,
        inputs=inputs,
        market_shock=np.where(later, drawn.market_shock + shifted[0], drawn.market_shock),
        market_steps=np.where(later, drawn.market_steps - 0.1, drawn.market_steps),
        origin_shock=np.where(later, drawn.origin_shock + shifted[1], drawn.origin_shock),
        rivalry=np.where(later[:, None], drawn.rivalry + shifted[1][:, None], drawn.rivalry),
    )


@pytest.mark.parametrize("number", range(len(DELAYS)))
def test_what_comes_after_a_date_moves_no_bit_of_what_was_seen(number: int) -> None:
    case, drawn = scenario(PATH, NEVER), worlds(PATH, NEVER)
    _, record, timeline, masks = story(PATH, NEVER)
    date = allowed(case, masks) + DELAYS[number]
    other = with_another_future(case, drawn, date, timeline)
    mine, its = seen(case, drawn), seen(case, other)
    opened = date < case.horizon.end_year + 1.0
    assert opened.mean() > 0.4
    np.testing.assert_array_equal(mine.states[number][:, opened], its.states[number][:, opened])
    np.testing.assert_array_equal(mine.regimes[number][opened], its.regimes[number][opened])
    (ending,) = observe(case, other, lambda economy, record, timeline, masks: record.spending[-1].copy())
    assert (ending != record.spending[-1]).all(axis=(0, 1))[opened].all(), "the future is another one"


def test_what_is_seen_is_the_last_quarter_and_what_happened_before_the_day() -> None:
    case = scenario("full_liberalization", NEVER)
    economy, record, timeline, masks = story("full_liberalization", NEVER)
    dates = np.stack([np.full(economy.draws, year) for year in (2019.0, 2019.6, 2023.25, np.inf)])
    sight = seen_by(case, economy, record, timeline, masks, provider="aws", dates=dates)
    states = dict(zip(STATES, sight.states.swapaxes(0, 1), strict=True))
    sizes = [economy.layer_size.sum(axis=0), *record.spending.sum(axis=(1, 2))]
    for date, last in ((0, 0), (1, 2), (2, 17), (3, len(sizes) - 1)):
        np.testing.assert_array_equal(states["market size"][date], sizes[last])
    growth = states["growth of the market"]
    np.testing.assert_array_equal(growth[0], 0.0)
    np.testing.assert_allclose(growth[1], np.log(sizes[2] / sizes[0]) / 0.875)  # from mid-2018 to the middle of May
    np.testing.assert_allclose(growth[2], np.log(sizes[17] / sizes[13]))
    row = economy.providers.index("aws")
    own = record.spending[16, row].sum(axis=0) / record.spending[16].sum(axis=(0, 1))
    np.testing.assert_allclose(states["own share"][2], own)
    abroad = record.spending[16, economy.domestic :].sum(axis=(0, 1)) / record.spending[16].sum(axis=(0, 1))
    np.testing.assert_allclose(states["share of other foreign providers"][2], abroad - own)
    np.testing.assert_array_equal(states["date"][2:], [[2023.25] * economy.draws, [2031.0] * economy.draws])
    others = [place for place, name in enumerate(case.foreign) if name != "aws"]
    live = (timeline.launched[others] < 2023.25).sum(axis=0)
    pending = (timeline.first_applied[others] < 2023.25).sum(axis=0) - live
    assert live.max() == len(others)
    assert pending.max() > 0
    np.testing.assert_array_equal(states["foreign rivals with sites"][2], live)
    np.testing.assert_array_equal(states["foreign rivals that wait for one"][2], pending)
    assert sight.regimes[:, 0].tolist() == [0, 0, 1, 1]


def test_nobody_sees_what_others_do_on_the_day_itself() -> None:
    case = scenario("full_liberalization", NEVER)
    economy, record, timeline, masks = story("full_liberalization", NEVER)
    dates = np.full((1, economy.draws), 2020.0)
    sight = seen_by(case, economy, record, timeline, masks, provider="aws", dates=dates)
    assert (timeline.first_applied == 2020.0).any()
    assert not sight.states[0, list(STATES).index("foreign rivals that wait for one")].any()
    assert (sight.regimes == 1).all()


def test_who_has_left_is_no_rival_any_more() -> None:
    """Neither one with a site nor one that waits for it."""
    gone = "policy.steps.leave={when: 2024-01-01, exits: [microsoft]}"
    case = scenario("full_liberalization", NEVER, gone)
    economy, record, timeline, masks = story("full_liberalization", NEVER, gone)
    dates = np.stack([np.full(economy.draws, year) for year in (2023.99, 2024.01)])
    before, after = seen_by(case, economy, record, timeline, masks, provider="aws", dates=dates).states
    kinds = [list(STATES).index(f"foreign rivals {what}") for what in ("with sites", "that wait for one")]
    ours = case.foreign.index("microsoft")
    ended = (
        timeline.launched[ours] < 2023.99,
        (timeline.first_applied[ours] < 2023.99) & (timeline.launched[ours] >= 2024),
    )
    for kind, lost in zip(kinds, ended, strict=True):
        assert lost.any() or kind != kinds[0]
        assert (after[kind][lost] <= before[kind][lost]).all()
    assert (after[kinds].sum(axis=0)[ended[0]] <= 1.0).all()


def two_scrambles(name: str, *overrides: str) -> Scenario:
    return scenario(name, "sampling.draws=1024", *overrides)


def timing(case: Scenario, delays: tuple[float, ...] = DELAYS, provider: str = "aws") -> Timing:
    return Timing(case, provider, delays, ((NPV, 1.0),), TERMS)


@pytest.fixture(scope="module")
def parts() -> list[Arrays]:
    return [call() for call in waiting_parts(timing(two_scrambles(PATH)))]


def sheet(parts: list[Arrays], cost: float = 0.0, paid: str = "applying") -> WaitingSheet:
    return waiting_sheet(parts, timing(two_scrambles(PATH)), Commitment(cost, paid))


def test_the_payoff_of_a_date_is_that_of_the_run_with_that_lever() -> None:
    fixed = ("economics.discount_rate=10", "economics.terminal_growth=2")
    (call,) = waiting_parts(timing(two_scrambles(PATH, *fixed)))
    found = call()
    values = []
    for lever in (waits(3.0), NEVER):
        case = two_scrambles(PATH, *fixed, lever)
        values.append(NPV.column(simulate(case, draw_worlds(case, range(2)))))
    np.testing.assert_array_equal(found["payoffs"][2], values[0] - values[1])
    assert (found["payoffs"][2][~found["permitted"][2]] == 0.0).all()


@pytest.mark.parametrize("paid", ["applying", "launching"])
def test_a_cost_is_sunk_on_its_day_and_takes_no_other_runs(parts: list[Arrays], paid: str) -> None:
    free, costly = sheet(parts), sheet(parts, 1.0, paid)
    runs = join_draws(parts)
    days = np.where(runs["permitted"], runs["dates" if paid == "applying" else "launched"], np.inf)
    sunk = np.exp(-np.log(1.1) * (days - 2019.0)).mean(axis=1)
    assert sunk[0] > 0.1
    for one, other, cost in zip(free.option.each, costly.option.each, sunk, strict=True):
        assert one.value - other.value == pytest.approx(cost)


def test_the_picture_says_what_was_found(parts: list[Arrays]) -> None:
    found = sheet(parts, cost=0.5)
    assert found.date_names == ("at once", "after a year", "after 3 years", "never")
    assert found.map is not None
    drawn = figure("waiting", found)
    assert drawn.get_suptitle() == "What waiting is worth to AWS is not told from 0"
    sure = [replace(rule, option=Estimate(np.array(0.5), np.array(0.01))) for rule in found.option.rules]
    told = replace(found, option=replace(found.option, rules=tuple(sure)))
    assert figure("waiting", told).get_suptitle() == "Waiting is worth USD 0.50bn to AWS"
    still = replace(found, map=None, label="the break-even")
    assert (
        figure("waiting", still).get_suptitle() == "What waiting is worth to AWS is not told from 0, at the break-even"
    )
    assert (found.file, still.file) == ("waiting", "waiting_break_even")


def test_the_runs_of_all_dates_have_one_base_year_and_one_market() -> None:
    shared = Shared()
    for lever in (waits(1.0), waits(2.0), NEVER):
        case = scenario(PATH, lever)
        drawn = draw_worlds(case, range(1))
        backdrop = shared.backdrop(case, shared.economies.of(case, drawn.inputs), drawn)
    assert shared.economies.count == 1
    assert backdrop is shared.backdrop(case, shared.economies.of(case, drawn.inputs), drawn)


FAULTS = {
    "a domestic provider": ("alibaba", DELAYS, "only a foreign provider applies for sites .found 'alibaba'"),
    "one date": ("aws", (0.0,), "delays rise from 0, and there are two at least .found 0"),
    "no date at once": ("aws", (1.0, 2.0), "delays rise from 0.*found 1, 2"),
    "dates that do not rise": ("aws", (0.0, 2.0, 2.0), "delays rise from 0.*found 0, 2, 2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_dates_that_say_nothing_are_refused(fault: str) -> None:
    provider, delays, message = FAULTS[fault]
    with pytest.raises(ScenarioError, match=message):
        waiting_parts(timing(two_scrambles(PATH), delays, provider))


def test_who_is_never_permitted_has_nothing_to_wait_for() -> None:
    asked = timing(two_scrambles("jv_only"), (0.0, 1.0))
    runs = [call() for call in waiting_parts(asked)]
    with pytest.raises(ScenarioError, match="in no draw is aws ever permitted sites of its own: leave out 'when'"):
        waiting_sheet(runs, asked, Commitment(0.0))
