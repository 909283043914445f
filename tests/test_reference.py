"""The engine against the model written once more, from the specification, one draw at a time."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from reference.accounts import outcomes
from reference.base import Base, base_year
from reference.case import Case, Phase
from reference.entry import entry_margin
from reference.market import run
from shipped import RUNNABLE, economy, scenario, worlds

from sim.axes import FloatArray
from sim.chance.worlds import Worlds
from sim.dates.calendar import step_dates
from sim.dates.dated import dated_numbers
from sim.dates.timeline import Masks, Timeline, period_masks, simulate_timeline
from sim.model.engine import simulate
from sim.model.entry import entry_verdicts, loss_hazard
from sim.model.luck import entrant_offsets, offsets_of
from sim.outcomes.results import Panel
from sim.scenario.evidence import SCALES
from sim.scenario.families import Discrete
from sim.scenario.policy import (
    State,
    allows_owned,
    bought_unlock,
    lever,
    partner_equity,
    reachable,
    state_of,
    states,
)

DRAWS, FEW = 64, 6
RELATIVE, ABSOLUTE = 1e-10, 1e-12
"""The latter of the market's size for money, of 1 for shares and indices."""

BY_YEAR = (
    'market.growth_by_year={"2019":{"value":-30,"unit":"%/yr","source":"judgement","grade":"judgement"},'
    '"2023":{"low":0,"median":20,"high":60,"unit":"%/yr","source":"judgement","grade":"judgement"}} '
    'market.growth_fade={"value":1.5,"unit":"years","source":"judgement","grade":"judgement"}'
)
"""A market that falls and recovers."""

ROOM = '"value":0.4,"unit":"fraction","source":"judgement","grade":"judgement"'
FADES = '"low":1,"median":4,"high":20,"min":0.1,"unit":"years","source":"judgement","grade":"judgement"'
TURNS = (
    '"sd":{"value":5,"unit":"%/yr","source":"judgement","grade":"judgement"},'
    '"half_life":{"low":1,"median":3,"high":8,"min":0.1,"unit":"years","source":"judgement","grade":"judgement"}'
)
OFTEN = '"value":0.5,"unit":"1/yr","source":"judgement","grade":"judgement"'
FAR = '"low":-0.3,"median":0.5,"high":1.2,"unit":"1","min":-3,"max":3,"source":"judgement","grade":"judgement"'
LATER = '"low":1,"median":5,"high":20,"unit":"months","min":0,"source":"judgement","grade":"judgement"'

STRESSES = (
    "ftz_pilot entry.rule=always horizon.period_months=12",
    "piecemeal entry.rule=always horizon.period_months=1",
    "reversal entry.rule=always closure.drift=8 horizon.period_months=6",
    "forced_transfer entry.rule=always regulator.review_time=1 demand.churn=0.3",
    "ftz_pilot demand.conduct=1 entry.rule=always regulator.review_time=1 entry.build_time=6 regulator.reviewers=3 "
    "regimes.ftz_pilot.sites=4 regimes.ftz_pilot.yearly_quota=9",
    "full_liberalization closure.drift=-3 entry.rule=always",
    f"ftz_pilot entry.rule=always capacity.headroom={{{ROOM}}}",
    "full_liberalization migration.rate=2 entry.rule=always technology.catch_up=5",
    f"full_liberalization entry.rule=always technology.catch_up_half_life={{{FADES}}}",
    f"full_liberalization entry.rule=always technology.catch_up_luck={{{TURNS}}}",
    "full_liberalization regimes.full_liberalization.partner_equity=0.5 policy.start=jv_50 "
    "regimes.full_liberalization.partner_unlock=0.6",
    "announced_path entry.rule=always regulator.review_time=1 entry.build_time=6 policy.steps.deal.probability=1 "
    "policy.steps.pilot_in_deal.probability=1 policy.steps.pilot_in_deal.delay=9 "
    "policy.steps.nationwide_in_deal.probability=1 policy.steps.nationwide_in_deal.delay=40",
    "full_liberalization market.growth_long_run=-30 economics.asset_life=2.75 entry.rule=always "
    "segments.multinational.foreign_propensity=300 opening.hypotheses.open_market_analogue.value=90",
    f"full_liberalization market.growth_forecast=null market.forecast_years=null {BY_YEAR}",
    "new_entrant entry.rule=always providers.google.arrives.new_choices=60 demand.conduct=1 regulator.review_time=1",
    "new_entrant providers.google.arrives.after=null providers.google.arrives.when=2022-05-20",
    "new_entrant entry.rule=always providers.google.arrives.after=opening_effective providers.google.arrives.delay=1.3",
    f'full_liberalization entry.rule=always providers.alibaba.jumps={{"rate":{{{OFTEN}}},"size":{{{FAR}}}}} '
    f'providers.aws.jumps={{"after":"launch","size":{{{FAR}}}}} '
    f'providers.microsoft.jumps={{"when":2023-02-01,"delay":{{{LATER}}},"size":{{{FAR}}}}}',
)
"""Numbers at which rare branches are common."""

JUDGEMENT = "source: judgement, grade: judgement"
THREE_CHANNELS = (
    "jv_only",
    "policy.start=full_liberalization",
    "channels={licence: {kind: partner}, own: {kind: owned}, import: {kind: cross_border, "
    f"tariff: {{value: 25, unit: '%', {JUDGEMENT}}}}}}}",
    "shares.iaas.channel={aws: {own: 0.7, import: 0.15, licence: 0.15}, microsoft: {own: 0.6, import: 0.4}}",
    "regimes.full_liberalization.cross_border_unlock=0.8",
    "policy.steps.shut={when: 2024-05-09, adopt: jv_only}",
    *("demand.conduct=1", "entry.rule=always", "migration.rate=2"),
    *(
        f"opening.hypotheses.{name}={{regime: jv_only, measure: share_of_open, "
        f"value: {{value: 9, unit: '%', {JUDGEMENT}}}}}"
        for name in ("open_market_analogue", "itif_counterfactual", "china_reference_class")
    ),
)
"""One provider in three channels, own sites that are shut."""

OWN_RATES = (
    "announced_path",
    "entry.rule=always",
    "providers.aws.partner_equity=0.3",
    f"providers.aws.economics={{site_cost: {{value: 25, unit: '%', {JUDGEMENT}}}, asset_life: {{value: 4, unit: years, "
    f"{JUDGEMENT}}}, discount_rate: {{value: 14, unit: '%/yr', {JUDGEMENT}}}}}",
    f"providers.alibaba.economics={{domestic_margin: {{value: 40, unit: '%', {JUDGEMENT}}}}}",
    f"market.layers.paas.technology={{catch_up: {{value: 3, unit: '%/yr', {JUDGEMENT}}}}}",
)
"""Costs, a stake and a technology of one's own."""

GOODS = (
    *("demand.kind=purchase", "demand.churn=null", "demand.captive_growth=null", "sampling.leading=[]"),
    f"demand.loyalty={{value: 0.6, unit: fraction, {JUDGEMENT}}}",
    f"demand.repurchase_years={{value: 4, unit: years, {JUDGEMENT}}}",
    *("sampling.correlations.switching_costs=null", "entry.rule=always", "regulator.review_time=1"),
)
"""The same where goods are bought at intervals: all who buy in a period choose in it."""


def _stated(value: float, unit: str = '"1"') -> str:
    return f"{{value: {value}, unit: {unit}, {JUDGEMENT}}}"


def _step(name: str, when: str, text: str) -> str:
    return f"policy.steps.{name}={{when: {when}, {text}}}"


TAXES = _step(
    "reform",
    "2022-05-17",
    f"effects: {{economics: {{profit_tax: {{times: {_stated(1.3)}}}, site_cost: {{plus: {_stated(0.03, 'fraction')}}}, "
    f"provider_margin: {{plus: {_stated(0.02, 'fraction')}}}, domestic_margin: {{times: {_stated(0.8)}}}, "
    f"operator_margin: {{to: {_stated(0.12, 'fraction')}}}, incremental_technology: {{times: {_stated(0.9)}}}, "
    f"royalty_vat: {{to: {_stated(0.03, 'fraction')}}}, royalty_withholding: {{to: {_stated(0.15, 'fraction')}}}, "
    f"dividend_withholding: {{to: {_stated(0.02, 'fraction')}}}, "
    f"technology_royalty: {{to: {_stated(0.5, 'fraction')}}}}}}}",
)
HABITS = _step(
    "later",
    "2024-10-08",
    f"effects: {{demand: {{churn: {{times: {_stated(2.5)}}}, captive_growth: {{times: {_stated(0.5)}}}}}, "
    f"technology: {{catch_up: {{plus: {_stated(0.02, '1/yr')}}}, spillover: {{times: {_stated(2)}}}, "
    f"owned_spillover: {{to: {_stated(0.9, 'fraction')}}}}}, migration: {{rate: {{to: {_stated(1.2, '1/yr')}}}, "
    f"consent_loss: {{to: {_stated(0.1, 'fraction')}}}}}, closure: {{drift: {{plus: {_stated(0.01, '1/yr')}}}}}, "
    f"market: {{growth_long_run: {{plus: {_stated(-0.05, '1/yr')}}}}}, entry: {{hurdle: {{to: {_stated(1.1)}}}}}, "
    f"capacity: {{planning_years: {{to: {_stated(1.5, 'years')}}}}}}}",
)
AGAIN = (
    TAXES.replace("reform", "again").replace("2022-05-17", "2021-12-02"),
    _step("never", "2020-02-01", f"probability: 0.5, effects: {{economics: {{profit_tax: {{times: {_stated(2)}}}}}}}"),
    _step("first", "2001-01-01", f"effects: {{technology: {{spillover: {{times: {_stated(3)}}}}}}}"),
)
"""Changes of one number by several steps, in another order than listed, before the horizon, in some draws alone."""

EASES = _step(
    "ease",
    "2022-02-11",
    f"opens: {{paas_all: {_stated(30, 'points')}}}, raises: {{paas: {_stated(0.1)}, saas: {_stated(-0.05)}}}",
)
BUYS = _step(
    "tires",
    "2023-02-20",
    f"effects: {{demand: {{loyalty: {{to: {_stated(0.3, 'fraction')}}}, repurchase_years: {{times: {_stated(2)}}}}}}}",
)
SHUTS = _step(
    "shut",
    "2024-08-09",
    f"closes: {{multinational: {_stated(20, 'points')}, paas_all: {_stated(9, 'points')}}}, evicts: true",
)
CHEAPER = (
    _step(
        "less", "2020-03-09", f"effects: {{channels: {{import: {{tariff: {{plus: {_stated(-0.05, 'fraction')}}}}}}}}}"
    ),
    _step("half", "2024-01-09", f"effects: {{channels: {{import: {{tariff: {{times: {_stated(0.5)}}}}}}}}}"),
)


def _leaves(*names: str, when: str = "2025-05-17") -> str:
    return _step("leave", when, f"exits: [{', '.join(names)}]")


OF_ONES_OWN = _step(
    "own",
    "2023-06-21",
    f"effects: {{providers: {{aws: {{economics: {{site_cost: {{times: {_stated(1.2)}}}}}}}}}, "
    f"market: {{layers: {{paas: {{technology: {{catch_up: {{to: {_stated(0.08, '1/yr')}}}}}}}}}}}}}",
)
BUILDS = ("full_liberalization", "entry.rule=always", "regulator.review_time=1", "entry.build_time=6")
WHAT_STEPS_DO: tuple[tuple[str, ...], ...] = (
    (*BUILDS, "migration.rate=1", TAXES, HABITS, *AGAIN),
    ("forced_transfer", "entry.rule=always", "horizon.period_months=12", TAXES),
    ("reversal", "entry.rule=always", "horizon.period_months=1", HABITS, TAXES),
    (*BUILDS, f"technology.catch_up_half_life={{{FADES}}}", HABITS, EASES, "horizon.period_months=6"),
    (
        "ftz_pilot",
        "entry.rule=always",
        EASES,
        SHUTS,
        _step("zone", "2023-07-07", f"effects: {{zone: {{cap: {{times: {_stated(2)}}}}}}}"),
    ),
    ("piecemeal", *GOODS, "horizon.period_months=6", EASES, TAXES, BUYS),
    ("cars/lower_tariff", *CHEAPER),
    ("cars/announced_path", *CHEAPER, "horizon.period_months=12"),
    ("jv_only", "regimes.jv_only.partner_equity=0.5", _leaves("aws", "alibaba", when="2022-05-17"), EASES),
    (*BUILDS, "migration.rate=1", _leaves("aws", "tencent"), HABITS),
    (*BUILDS, *GOODS, "horizon.period_months=12", _leaves("aws", "alibaba")),
    ("new_entrant", _leaves("google", "microsoft", when="2026-03-03")),
    (*OWN_RATES, _leaves("aws", when="2024-02-29"), TAXES),
    (*OWN_RATES, OF_ONES_OWN, HABITS, "horizon.period_months=6"),
    (*THREE_CHANNELS, _leaves("aws", when="2023-01-05"), TAXES),
    ("europe_cloud/rules_may_come", "horizon.period_months=6", _leaves("amazon", "ovh", when="2024-05-17")),
    ("europe_cloud/handed_over", _leaves("microsoft", when="2027-05-17")),
    ("cars/announced_path", _leaves("volkswagen", "tesla", "geely", when="2022-08-11")),
    ("insurers/announced_path", _leaves("allianz", when="2023-08-11")),
    ("full_liberalization", *GOODS, "horizon.period_months=6", SHUTS),
    ("forced_transfer", *GOODS, "migration.consent_loss=0.2", "migration.rate=2", BUYS),
    ("jv_only", _leaves("aws", when="2010-01-01")),
    ("full_liberalization", "market.growth_forecast=null", "market.forecast_years=null", *BY_YEAR.split(), HABITS),
)

OTHER_MARKETS: tuple[tuple[str, ...], ...] = (
    ("cars/announced_path",),
    ("cars/all_at_once",),
    ("cars/lower_tariff",),
    ("cars/single_approval",),
    ("europe_cloud/rules_may_come",),
    ("europe_cloud/handed_over",),
    ("insurers/announced_path",),
    ("insurers/whole_at_once",),
    THREE_CHANNELS,
    OWN_RATES,
    ("reversal", *GOODS),
    ("forced_transfer", *GOODS, "migration.rate=2", "migration.consent_loss=0.2"),
    ("piecemeal", *GOODS, "horizon.period_months=12"),
)

SLOW_MARKETS = OTHER_MARKETS[1:4]
"""Of what goes before them nothing is new in them but the policy."""

SLOW = {"new_entrant"}
"""With a base year of its own it takes more than five seconds."""

LEFT = {"enters", "buys_out", "event_date", "wait", "opening_hypothesis", "zone_reading", "implied_tariff_equivalent"}
"""What the reference is handed, and not asked for."""


@functools.cache
def _drawn(name: str, *edits: str) -> Worlds:
    return worlds(name, *edits).take(slice(0, DRAWS))


@functools.cache
def _panels(name: str, *edits: str) -> Mapping[str, Panel]:
    return simulate(scenario(name, *edits), _drawn(name, *edits))


@functools.cache
def _dates(name: str, *edits: str) -> tuple[Timeline, Masks]:
    found, drawn = scenario(name, *edits), worlds(name, *edits)
    dated = dated_numbers(found, drawn.inputs, step_dates(found, drawn))
    timeline = simulate_timeline(found, drawn, entry_verdicts(found, economy(name, *edits), dated=dated))
    return timeline, period_masks(found, timeline)


@functools.cache
def _base(draw: int, *name: str) -> Base:
    """The base year; as shipped it is the same in every scenario but for who arrives later."""
    own = len(name) > 1 or name[0] not in set(RUNNABLE) - {"jv_only"} or scenario(*name).entrants
    return base_year(_case(draw, *name)) if own else _base(draw, "jv_only")


def _phase(state: State, draw: int, name: tuple[str, ...], start: float = 0.0, end: float = 0.0) -> Phase:
    """A state of the calendar as numbers, in force from one date to another."""
    found, drawn, levers = scenario(*name), worlds(*name), state.levers
    numbers = {
        key: float(lever(state, key, drawn.inputs, drawn.draws)[draw])
        for key in (
            "partner_equity",
            "partner_unlock",
            "owned_unlock",
            "spillover",
            "cross_border",
            "cross_border_unlock",
        )
    }
    home = np.zeros(len(found.domestic), dtype=bool)
    tariff = lever(state, "tariff", drawn.inputs, drawn.draws)[draw] if levers.tariff is not None else None
    cap = lever(state, "equity_cap", drawn.inputs, drawn.draws)[draw] if levers.equity_cap is not None else None
    equity = np.broadcast_to(partner_equity(found, state, drawn.inputs, drawn.draws), (len(found.foreign), drawn.draws))
    allowed = [
        [False] * len(found.domestic)
        + [allows_owned(state, one) and layer in levers.owned_layers for one in found.foreign]
        for layer in found.market.layers
    ]
    return Phase(
        start=start,
        end=end,
        **numbers,
        tariff=None if tariff is None else float(tariff),
        bought_unlock=float(bought_unlock(state, drawn.inputs, drawn.draws)[draw]),
        equity_cap=None if cap is None else float(cap),
        equity=np.concatenate([0.0 * home, equity[:, draw]]),
        sites=np.array(allowed),
        buys=np.zeros(len(found.providers), dtype=bool),
        owned_layers=levers.owned_layers,
        reach=levers.reach,
        capped=levers.capped,
    )


def _phases(draw: int, *name: str) -> Iterator[Phase]:
    """What is in force when."""
    found, table = states(scenario(*name)), _dates(*name)[1].phases
    for start, end, state in zip(table.start[:, draw], table.end[:, draw], table.state[:, draw], strict=True):
        phase = _phase(found[state], draw, name, float(start), float(end))
        buys = np.zeros(len(phase.buys), dtype=bool)
        buys[len(scenario(*name).domestic) :] = _dates(*name)[0].buys[:, draw, state]
        yield dataclasses.replace(phase, buys=buys)


def _asked(draw: int, *name: str) -> Phase | None:
    """What the hypothesis of a draw states its share under."""
    opening, index = scenario(*name).opening, int(worlds(*name).inputs["opening.hypothesis"][draw])
    assert isinstance(opening.hypothesis, Discrete)
    regime = opening.hypotheses[opening.hypothesis.categories[index]].regime
    return None if regime is None else _phase(state_of(scenario(*name), regime), draw, name)


def _case(draw: int, *name: str) -> Case:
    """What one draw is handed: inputs, shocks, dates."""
    found, drawn, timeline = scenario(*name), worlds(*name), _dates(*name)[0]
    forecast, periods, home = found.market.growth_forecast, len(drawn.rivalry), len(found.domestic)
    offsets, shaken = offsets_of(found, periods), drawn.rivalry[-1, :, draw].any()

    def everybody(of_foreign: FloatArray, of_domestic: float = np.inf) -> FloatArray:
        return np.concatenate([np.full(home, of_domestic), of_foreign[:, draw]])

    return Case(
        scenario=found,
        inputs={key: float(values[draw]) for key, values in drawn.inputs.items()},
        median_forecast=math.nan if forecast is None else forecast.middle() * SCALES["growth of money"][forecast.unit],
        luck=drawn.market_shock[:, draw] + drawn.market_steps[:, draw],
        rivalry=drawn.rivalry[:, :, draw],
        origin=drawn.origin_shock[:, draw],
        turns=drawn.catch_up_shock[:, draw],
        rival_offsets=offsets.rivals * shaken,
        origin_offsets=offsets.origin * (drawn.origin_shock[-1, draw] != 0.0 or drawn.catch_up_shock[-1, draw] != 0.0),
        entrant_offsets={one: entrant_offsets(found, one, periods) * shaken for one in found.entrants},
        phases=tuple(_phases(draw, *name)),
        steps=dict(zip(found.policy.steps, timeline.steps[:, draw].tolist(), strict=True)),
        launched=everybody(timeline.launched),
        withdrawn=everybody(timeline.withdrawn),
        transferred=everybody(timeline.transferred),
        arrived=timeline.arrived[:, draw],
        bought=everybody(timeline.bought),
        asked=_asked(draw, *name),
        spread={layer: luck[:, draw] for layer, luck in drawn.mix.items()},
        order=everybody(timeline.order),
        part=everybody(timeline.part, 0.0),
    )


def _compare(name: tuple[str, ...], draws: int) -> None:
    """Hold every outcome of some draws against the reference."""
    panels = _panels(*name)
    found = []
    for draw in range(draws):
        case = _case(draw, *name)
        found.append(outcomes(case, run(case, _base(draw, *name))))
    assert set(found[0]) == set(panels) - LEFT
    largest = panels["market_size"].values.max(axis=(0, 1))[:draws]
    for variable, items in found[0].items():
        panel = panels[variable]
        assert set(items) == set(panel.items), variable
        expected = np.array([[one[variable][item] for item in items] for one in found]).transpose(2, 1, 0)
        actual = panel.values[:, [panel.items.index(item) for item in items], :draws]
        allowed = ABSOLUTE * (largest if " bn" in panel.unit else 1.0) + RELATIVE * np.abs(expected)
        worst = np.where(np.isnan(expected) & np.isnan(actual), 0.0, np.abs(actual - expected) / allowed)
        assert actual.shape == expected.shape, variable
        assert worst.max() <= 1.0, f"{variable} of {list(items)[worst.max(axis=(0, 2)).argmax()]}: {worst.max():.3g}"


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in RUNNABLE])
def test_every_outcome_is_that_of_the_reference(name: str) -> None:
    _compare((name,), DRAWS)


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, id=one[0], marks=[pytest.mark.slow] if one in SLOW_MARKETS else []) for one in OTHER_MARKETS],
)
def test_other_markets_are_those_of_the_reference(case: tuple[str, ...]) -> None:
    """Channels, sites of the base year, buy-outs, goods, technologies that spread, costs of one's own."""
    _compare(case, FEW)


@pytest.mark.parametrize("case", [pytest.param(one, id=one[0]) for one in WHAT_STEPS_DO])
def test_what_steps_do_is_so_in_the_reference(case: tuple[str, ...]) -> None:
    """Numbers that change, parts of segments that open, quality that rises, providers that leave."""
    _compare(case, FEW)


@pytest.mark.parametrize("case", STRESSES)
def test_it_is_so_at_unusual_numbers(case: str) -> None:
    _compare(tuple(case.split()), FEW)


def test_the_premium_is_that_of_the_reference() -> None:
    expected = [_base(draw, "jv_only").phi for draw in range(DRAWS)]
    np.testing.assert_allclose(economy().premium[:DRAWS], expected, rtol=1e-10, atol=1e-12)


DECIDES = (
    (*OWN_RATES, "entry.rule=profit", OF_ONES_OWN, TAXES),
    *(("full_liberalization",), ("ftz_pilot",), ("piecemeal",), ("reversal",), ("new_entrant",)),
    ("full_liberalization", _leaves("aws", "alibaba", when="2019-06-01"), "demand.conduct=1", "entry.hurdle=1.9"),
    ("announced_path", TAXES, _leaves("microsoft", when="2023-09-01")),
)
"""Rules that come into force, numbers that change, and rivals who leave, before somebody decides."""


@pytest.mark.parametrize("case", [pytest.param(one, id=one[0]) for one in DECIDES])
def test_whoever_builds_does_so_in_the_reference(case: tuple[str, ...]) -> None:
    """By the fixed point of markups itself; the engine takes a dozen best responses."""
    found, start, drawn = scenario(*case), economy(*case), worlds(*case)
    dated = dated_numbers(found, drawn.inputs, step_dates(found, drawn))
    every, verdicts, asked = len(states(found)), entry_verdicts(found, start, dated=dated), 0
    for row in range(len(verdicts)):
        index = row % every
        state = states(found)[index]
        if index not in reachable(found) or not allows_owned(state):
            continue
        for f, provider in enumerate(found.foreign):
            hazard = loss_hazard(found, start, state, provider)
            for draw in range(FEW * 3):
                p, phase, day = len(found.domestic) + f, _phase(state, draw, case), -math.inf
                if dated.phases is not None:
                    if dated.phases.state[row // every, draw] != row:
                        continue
                    day = dated.phases.start[row // every, draw]
                one = _case(draw, *case)
                if one.left[p] <= day:
                    continue
                margin = entry_margin(one, _base(draw, *case), phase, p, float(hazard[draw]), day)
                asked += 1
                assert verdicts[row, f, draw] == (margin >= 0.0) or abs(margin) < 1e-6
    assert asked > FEW
