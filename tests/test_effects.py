"""What a step makes of numbers from its date on."""

from __future__ import annotations

import functools
import pickle
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from conftest import Folder
from numpy.testing import assert_allclose, assert_array_equal
from shipped import CALM_MARKET, FOLDER, NO_PARTNER_GAIN, NO_RIVALRY, NOTHING_DRIFTS, column, scenario, year

from sim import cli
from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.dates.calendar import step_dates
from sim.dates.composites import composite, sides
from sim.dates.dated import Dated, dated_numbers
from sim.kernels.channels import operator_idleness
from sim.kernels.finance import even_value
from sim.model.engine import observe, simulate
from sim.model.streams import Streams
from sim.outcomes.panels import Panel
from sim.reading.loading import load_scenario
from sim.scenario.clauses import clauses_between
from sim.scenario.effects import DATED
from sim.scenario.inputs import titles
from sim.tasks.audit import in_play

ALWAYS = "entry.rule=always"
EARLY, LATE = "2000-01-01", "2024-01-01"


def stated(value: float, unit: str = '"1"') -> str:
    return f"{{value: {value}, unit: {unit}, source: judgement, grade: judgement}}"


def effect(path: str, way: str, value: float, unit: str = '"1"') -> str:
    section, *keys = path.split(".")
    inner = f"{{{way}: {stated(value, unit)}}}"
    for key in reversed(keys):
        inner = f"{{{key}: {inner}}}"
    return f"{section}: {inner}"


def step(*effects: str, when: str = LATE, name: str = "cut") -> str:
    return f"policy.steps.{name}={{when: {when}, effects: {{{', '.join(effects)}}}}}"


@functools.cache
def ran(name: str, *overrides: str) -> Mapping[str, Panel]:
    found = scenario(name, *overrides)
    return simulate(found, draw_worlds(found, range(1)))


def assert_same(one: Mapping[str, Panel], other: Mapping[str, Panel], *, bits: bool = True, first: int = 0) -> None:
    for name in one.keys() - {"event_date"}:
        mine, theirs = one[name].values[first:], other[name].values[first:]
        if bits:
            assert_array_equal(mine, theirs, err_msg=name)
        elif mine.size:
            assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9, err_msg=name)


UNCHANGED = (
    f"economics: {{profit_tax: {{times: {stated(1)}}}, site_cost: {{times: {stated(1)}}}, "
    f"domestic_margin: {{times: {stated(1)}}}, provider_margin: {{plus: {stated(0, 'fraction')}}}, "
    f"transfer_price: {{times: {stated(1)}}}}}",
    f"demand: {{churn: {{times: {stated(1)}}}, captive_growth: {{times: {stated(1)}}}}}",
    f"technology: {{catch_up: {{plus: {stated(0, '1/yr')}}}}}",
    *(effect(path, "times", 1) for path in ("market.growth_long_run", "closure.drift", "zone.cap", "entry.hurdle")),
    effect("migration.consent_loss", "times", 1),
)


@pytest.mark.parametrize("name", ["jv_only", "ftz_pilot", "full_liberalization", "forced_transfer"])
@pytest.mark.parametrize("when", [EARLY, "2021-05-17"])
def test_an_effect_that_leaves_numbers_as_they_are_changes_nothing_to_the_bit(name: str, when: str) -> None:
    assert_same(ran(name), ran(name, step(*UNCHANGED, when=when)))


STATED_ANEW = {
    "demand.churn": 0.2,
    "demand.captive_growth": 0.3,
    "technology.catch_up": 0.05,
    "technology.spillover": 0.2,
    "technology.owned_spillover": 0.9,
    "closure.drift": 0.02,
    "migration.rate": 0.6,
    "migration.consent_loss": 0.02,
    "capacity.planning_years": 1.5,
    "zone.cap": 0.2,
    "entry.hurdle": 1.2,
    "economics.operator_margin": 0.2,
    "economics.provider_margin": 0.35,
    "economics.incremental_technology": 0.5,
    "economics.technology_royalty": 0.2,
    "economics.royalty_withholding": 0.2,
    "economics.royalty_vat": 0.1,
    "economics.profit_tax": 0.4,
    "economics.dividend_withholding": 0.2,
    "economics.domestic_margin": 0.4,
    "economics.transfer_price": 0.1,
}
"""Numbers that the base year does not hang on, each with another value in the unit in which the engine computes."""

UNITS = {"technology.catch_up": "1/yr", "technology.spillover": "1/yr", "closure.drift": "1/yr", "demand.churn": "1/yr"}
UNITS |= {"migration.rate": "1/yr", "capacity.planning_years": "years", "zone.cap": "USD bn/yr", "entry.hurdle": '"1"'}

APART = {"market.growth_long_run", "economics.site_cost", "channels.*.tariff"}
"""Numbers that the base year, or what is measured with them, hangs on too: tested by closed forms."""

NOT_HERE = {"demand.repurchase_years", "demand.loyalty", "economics.buy_out_price"}
"""Numbers that no scenario of the first case has."""


OWN = {
    "providers.*.economics.site_cost": (0.4, 0.45),
    "providers.*.economics.operator_margin": (0.1, 0.15),
    "providers.*.economics.provider_margin": (0.25, 0.3),
    "providers.*.economics.incremental_technology": (0.4, 0.6),
    "providers.*.economics.technology_royalty": (0.3, 0.8),
    "providers.*.economics.buy_out_price": (1.0, 3.0),
    "providers.*.entry.hurdle": (2.5, 1.1),
    "market.layers.*.technology.catch_up": (0.01, 0.06),
    "market.layers.*.technology.spillover": (0.01, 0.04),
    "market.layers.*.technology.owned_spillover": (0.2, 0.9),
}
"""Numbers that a provider or a layer has in place of everybody's: before a change and after it."""


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("when", [EARLY, "2021-05-17"])
def test_what_each_has_of_its_own_changes_as_what_everybody_has(path: str, when: str) -> None:
    """At the same numbers, who has each of them cannot matter."""
    (before, after), common = OWN[path], path.partition(".*.")[2]
    name = "insurers/whole_at_once" if common.endswith("buy_out_price") else "full_liberalization"
    unit = UNITS.get(common, '"1"' if common.endswith("buy_out_price") else "fraction")
    found = scenario(name)
    owners = found.market.layers if path.startswith("market") else found.foreign
    shared = f"{common}={stated(before, unit)}"
    start = path.partition(".*.")[0]
    section, _, key = common.partition(".")
    own = [f"{start}.{one}.{section}={{{key}: {stated(before, unit)}}}" for one in owners]
    changes = ", ".join(f"{one}: {{{effect(common, 'to', after, unit)}}}" for one in owners)
    alone = f"providers: {{{changes}}}" if start == "providers" else f"market: {{layers: {{{changes}}}}}"
    as_everybody = ran(name, shared, step(effect(common, "to", after, unit), when=when))
    assert_same(ran(name, shared, *own, step(alone, when=when)), as_everybody, bits=False)
    with pytest.raises(AssertionError, match="Not equal"):
        assert_same(ran(name, shared, *own), as_everybody, bits=False)


def test_a_change_of_one_provider_is_not_another_s() -> None:
    """A dearer site of AWS costs Microsoft nothing where no site is in anybody's reach."""
    own = f"providers.aws.economics={{operator_margin: {stated(0.1, 'fraction')}}}"
    dearer = step(f"providers: {{aws: {{{effect('economics.operator_margin', 'to', 0.2, 'fraction')}}}}}")
    plain, changed = ran("jv_only", own), ran("jv_only", own, dearer)
    for provider in ("aws", "microsoft", "other_foreign"):
        one, other = (column(of, "operating_profit", "total", provider) for of in (plain, changed))
        assert_array_equal(one[:5], other[:5])
        assert (one[5:] == other[5:]).all() == (provider != "aws")


def test_every_number_that_may_change_is_tested() -> None:
    every = {f"{section}.{key}" for section, (_, keys) in DATED.items() for key in keys}
    assert every == STATED_ANEW.keys() | APART | NOT_HERE | OWN.keys()


@pytest.mark.parametrize("path", STATED_ANEW)
def test_an_effect_from_before_the_horizon_is_that_of_the_number_itself(path: str) -> None:
    unit = UNITS.get(path, "fraction")
    name = {"zone.cap": "ftz_pilot", "economics.transfer_price": "forced_transfer"}.get(path, "full_liberalization")
    changed = ran(name, step(effect(path, "to", STATED_ANEW[path], unit), when=EARLY))
    other = ran(name, f"{path}={stated(STATED_ANEW[path], unit)}")
    assert_same(changed, other, bits=False, first=1)
    with pytest.raises(AssertionError, match="Not equal"):
        assert_same(ran(name), changed, bits=False, first=1)


def test_a_doubled_profit_tax_takes_what_it_took_before_once_more_from_its_date_on() -> None:
    before, after = ran("jv_only"), ran("jv_only", step(effect("economics.profit_tax", "times", 2)))
    tax, doubled = column(before, "tax_take"), column(after, "tax_take")
    rate = draw_worlds(scenario("jv_only"), range(1)).inputs["economics.profit_tax"]
    owed = column(before, "operator_profit") * rate / (1.0 - rate)
    assert_array_equal(doubled[:5], tax[:5])
    assert_allclose(doubled[5:] - tax[5:], owed[5:])
    assert_allclose(column(before, "operator_profit")[5:] - column(after, "operator_profit")[5:], owed[5:])


def test_in_the_year_of_a_change_it_counts_for_the_part_that_is_left() -> None:
    """From 1 April on, in a case of yearly periods, three quarters of it."""
    annual = "horizon.period_months=12"
    before = ran("jv_only", annual)
    whole, part = (
        column(ran("jv_only", annual, step(effect("economics.profit_tax", "times", 2), when=when)), "tax_take")
        for when in ("2024-01-01", "2024-04-01")
    )
    plain = column(before, "tax_take")
    assert_allclose((part - plain)[5], 0.75 * (whole - plain)[5])
    assert_array_equal(part[6:], whole[6:])


OPENED = (ALWAYS, *NO_PARTNER_GAIN, "migration.rate=0")


@pytest.mark.parametrize("key", ["profit_tax", "dividend_withholding", "royalty_withholding", "royalty_vat"])
def test_what_a_tax_takes_more_somebody_has_less_of(key: str) -> None:
    before = ran("full_liberalization", *OPENED)
    after = ran("full_liberalization", *OPENED, step(effect(f"economics.{key}", "times", 1.5)))
    got = [
        column(panels, "tax_take")
        + column(panels, "operator_profit")
        + column(panels, "operating_profit", "total", "foreign")
        for panels in (before, after)
    ]
    taken = column(after, "tax_take")[-1] - column(before, "tax_take")[-1]
    assert (taken >= 0.0).all()
    assert (taken > 0.0).mean() > 0.9  # of some nothing is with partners any more
    assert_allclose(got[1], got[0], rtol=1e-9)


def test_dearer_sites_are_paid_by_providers_and_operators_pass_the_cost_on() -> None:
    """Of each unit of gross a provider has so much less before its tax; technology costs what it did."""
    more = 0.05
    plain, dearer = ran("jv_only"), ran("jv_only", step(effect("economics.site_cost", "plus", more, "fraction")))
    rates = draw_worlds(scenario("jv_only"), range(1)).inputs
    net = 1.0 - rates["economics.royalty_withholding"] - rates["economics.royalty_vat"]
    gross = column(plain, "revenue_gross", "total", "foreign")
    lost = column(plain, "operating_profit", "total", "foreign") - column(
        dearer, "operating_profit", "total", "foreign"
    )
    assert_allclose(lost[5:], (more * net * gross[1:])[5:])
    assert_array_equal(column(plain, "operator_profit"), column(dearer, "operator_profit"))


def test_growth_in_the_long_run_bends_the_market_from_its_date_on() -> None:
    """Towards the new growth, at the rate at which growth fades."""
    annual = (*CALM_MARKET, "horizon.period_months=12")
    calm = (*annual, "market.growth_forecast=40", "market.growth_base=60", "market.growth_long_run=10")
    plain, bent = (
        column(ran("jv_only", *calm, *more), "market_size")
        for more in ((), (step(effect("market.growth_long_run", "to", 4, '"%/yr"')),))
    )
    passed, fade = np.arange(7) + 0.5, _fade(0.6, 0.4, 0.1)  # to the middles of years, from 2024 on
    expected = np.exp(np.log(1.04 / 1.10) * (passed + np.expm1(-fade * passed) / fade))
    assert_array_equal(bent[:6], plain[:6])
    assert_allclose(bent[6:] / plain[6:], np.broadcast_to(expected[:, None], (7, 512)))


def _fade(first: float, mean: float, last: float) -> float:
    """The rate at which growth fades from the first to the last so as to average the mean over four years."""
    from scipy.optimize import brentq

    first, mean, last = (np.log1p(value) for value in (first, mean, last))
    return float(brentq(lambda x: last * 4 + (first - last) * -np.expm1(-4 * x) / x - 4 * mean, 1e-6, 50))


def _numbers(*overrides: str) -> Dated:
    found = scenario("jv_only", *overrides)
    drawn = draw_worlds(found, range(1))
    return dated_numbers(found, drawn.inputs, step_dates(found, drawn))


def _at(dated: Dated, path: str, instant: float) -> FloatArray:
    return dated.at(np.full(512, instant))[path]


def test_of_two_changes_the_later_counts_and_a_multiple_is_of_what_there_was() -> None:
    path, base = "demand.churn", draw_worlds(scenario("jv_only"), range(1)).inputs["demand.churn"]
    first = step(effect(path, "to", 0.3, "1/yr"), when="2022-01-01", name="a")
    second = step(effect(path, "times", 2), when="2020-01-01", name="b")
    dated = _numbers(first, second)
    assert_array_equal(_at(dated, path, 2019.9), base)
    assert_array_equal(_at(dated, path, 2020.0), 2 * base)
    assert_array_equal(_at(dated, path, 2022.5), np.full(512, 0.3))
    turned = _numbers(first.replace("2022", "2019"), second)
    assert_allclose(_at(turned, path, 2022.5), 0.6)


def test_a_step_that_comes_in_some_draws_changes_the_number_there_alone() -> None:
    found = step(effect("demand.churn", "times", 3)).replace("when:", "probability: 0.5, when:")
    dated, base = _numbers(found), draw_worlds(scenario("jv_only"), range(1)).inputs["demand.churn"]
    ratio = _at(dated, "demand.churn", 2030.0)[base > 0.0] / base[base > 0.0]
    assert set(np.round(ratio, 9)) == {1.0, 3.0}


def test_a_provider_thinks_again_when_a_number_changes_on_which_it_decides() -> None:
    dear = "entry.hurdle=1000"
    never = ran("full_liberalization", dear)
    cheap = ran("full_liberalization", dear, step(effect("entry.hurdle", "to", 1)))
    applied = column(cheap, "event_date", "", "aws.apply")
    assert not np.isfinite(column(never, "event_date", "", "aws.apply")).any()
    assert np.isfinite(applied).any()
    assert (applied[np.isfinite(applied)] == 2024.0).all()


def test_a_tariff_that_a_step_cuts_is_the_tariff_that_a_regime_sets() -> None:
    """In a regime that has none of its own, to the date; a regime with its own keeps it."""
    case = FOLDER / "cars" / "joint_ventures_kept.yaml"
    cut = effect("channels.import.tariff", "to", 15, '"%"')
    by_number, by_lever, plain = (
        _cars(case, *more)
        for more in (
            (step(cut, when="2018-07-01"),),
            ("policy.steps.cut={when: 2018-07-01, change: {tariff: 0.15}}",),
            (),
        )
    )
    assert_same(by_number, by_lever, bits=False)
    assert (
        year(by_number, "cross_border_revenue", 2020, "total", "foreign")
        > year(plain, "cross_border_revenue", 2020, "total", "foreign")
    ).all()
    own = "regimes.joint_ventures.tariff=0.25"
    assert_same(_cars(case, own), _cars(case, own, step(cut, when="2018-07-01")))


def _cars(case: Any, *overrides: str) -> Mapping[str, Panel]:
    found = load_scenario(case, overrides=overrides, extremes=True)
    return simulate(found, draw_worlds(found, range(1)))


IMPORTED = (
    f"channels={{import: {{kind: cross_border, tariff: {stated(0.25, 'fraction')}}}}}",
    *("entry.rule=never", "regimes.handed_over.transfers_sites=false"),
)
"""All that foreign providers sell comes from abroad."""


def test_of_what_is_imported_the_treasury_has_the_tariff_and_nothing_else_in_every_year() -> None:
    panels = ran("jv_only", *IMPORTED, step(effect("channels.import.tariff", "to", 10, '"%"')))
    rate = np.where(np.arange(2019, 2031) < 2024, 0.25, 0.10)[:, None]
    paid, every = (column(panels, f"{name}_revenue", "total", "foreign") for name in ("cross_border", "owned"))
    assert_allclose(paid, column(panels, "revenue_gross", "total", "foreign"))
    assert not every.any()
    assert_allclose(column(panels, "tax_take"), rate / (1.0 + rate) * paid[1:], rtol=1e-9)
    assert_allclose(column(panels, "revenue_retained", "total", "foreign")[1:], paid[1:] / (1.0 + rate), rtol=1e-9)


def test_an_effect_that_states_the_value_that_holds_changes_no_bit() -> None:
    percent = '"%"'
    held = f"economics.profit_tax={stated(25, percent)}"
    again = step(effect("economics.profit_tax", "to", 25, percent), when="2023-05-05")
    assert_same(ran("full_liberalization", held), ran("full_liberalization", held, again))
    case, nothing = FOLDER / "cars" / "lower_tariff.yaml", effect("channels.import.tariff", "plus", 0, percent)
    assert_same(_cars(case), _cars(case, step(nothing, when="2019-08-08")))


CUT = "policy:\n  steps:\n    cut: {{when: 2020-01-01, effects: {{{}}}}}\n"


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        ("market: {size: {times: 2}}", "market.size is of the base year, of the trend through it, or of luck"),
        ("economics: {discount_rate: {times: 2}}", "economics.discount_rate values capital that is in place"),
        ("providers: {aws: {economics: {discount_rate: {times: 2}}}}", "is of what the provider is throughout"),
        ("providers: {aws: {title: {times: 2}}}", "is of what the provider is throughout"),
        ("market: {layers: {saas: {size: {times: 2}}}}", "market.layers.saas.size is of the base year"),
        ("market: {layers: {iaas: {technology: {catch_upp: {times: 2}}}}}", "did you mean 'catch_up'?"),
        (
            f"market: {{layers: {{iaas: {{{effect('technology.catch_up', 'times', 2)}}}}}}}",
            "there is no number market.layers.iaas.technology.catch_up to be changed",
        ),
        ("regimes: {closed: {spillover: {times: 2}}}", "is a lever, which 'adopt' and 'change' set"),
        ("demand.churn: {times: 2}", "is written as demand: {churn: ...}"),
        ("demand: {chrun: {times: 2}}", "did you mean 'churn'?"),
        (effect("demand.churn", "to", 2, "1/yr").replace("to:", "too:"), "did you mean 'to'?"),
        (effect("demand.loyalty", "to", 0.2, "fraction"), "there is no number demand.loyalty to be changed"),
        (effect("economics.profit_tax", "times", 5), "makes economics.profit_tax 1.25 in the unit"),
        (effect("economics.operator_margin", "plus", 0.6, "fraction"), "with site_cost takes more than there is"),
        ("demand: {}", "changes no number"),
        (effect("demand.churn", "to", 20, "years"), "wrong unit (found 'years'"),
    ],
)
def test_what_cannot_change_on_a_date_is_refused_with_the_reason(folder: Folder, effects: str, words: str) -> None:
    (line, *_) = folder.complaints(folder.variant(CUT.format(effects)))
    assert words in line


def test_check_finds_what_only_rare_draws_break(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """Dear sites and a much higher margin of operators take more than there is where both are unlikely at once."""
    spread = "{low: 0.2, median: 0.35, high: 0.42, min: 0, unit: fraction, source: judgement, grade: judgement}"
    text = CUT.format(f"economics: {{operator_margin: {{plus: {spread}}}}}")
    path = str(folder.write("case.yaml", f"extends: jv_only\nname: case\n{text}"))
    load_scenario(path)
    assert cli.main(["check", path]) == 2
    line = capsys.readouterr().err
    assert re.match(r"case.yaml:\d+:\d+: policy.steps: a run would stop among draws \d+ to \d+ of seed \d+: ", line)
    assert "economics.site_cost and economics.operator_margin take more than there is" in line
    narrow = text.replace("median: 0.35, high: 0.42", "median: 0.22, high: 0.25")
    assert cli.main(["check", str(folder.write("case.yaml", f"extends: jv_only\nname: case\n{narrow}"))]) == 0


def test_a_refusal_lists_what_a_step_may_change(folder: Folder) -> None:
    (line,) = folder.complaints(folder.variant(CUT.format("market: {size: {times: 2}}")))
    for section, (_, keys) in DATED.items():
        assert all(f"{section.replace('*', '<id>')}.{key}" in line for key in keys)


def test_an_effect_is_an_input_like_others_with_words_of_its_own() -> None:
    spread = '{low: 20, median: 30, high: 40, min: 0, max: 100, unit: "%", source: judgement, grade: judgement}'
    found = scenario(
        "jv_only",
        f"policy.steps.cut={{title: the reform, when: {LATE}, "
        f"effects: {{economics: {{profit_tax: {{to: {spread}}}}}}}}}",
    )
    name = "policy.steps.cut.effects.economics.profit_tax.to"
    assert titles(found)[name] == "profit tax after the reform"
    assert name in in_play(found)
    plain = draw_worlds(scenario("jv_only"), range(1)).inputs
    assert all(
        np.array_equal(values, plain[path])
        for path, values in draw_worlds(found, range(1)).inputs.items()
        if path in plain
    )


def test_an_effect_on_what_plays_no_part_plays_none() -> None:
    found = scenario("jv_only", step(effect("zone.cap", "times", 2)))
    assert "policy.steps.cut.effects.zone.cap.times" not in in_play(found)


def test_luck_and_rivalry_do_not_hang_on_what_steps_change() -> None:
    calm = (*NO_RIVALRY,)
    share = column(ran("jv_only", *calm, step(effect("economics.profit_tax", "times", 2))), "foreign_share")
    assert_array_equal(share, column(ran("jv_only", *calm), "foreign_share"))


POINTS = "{{value: {}, unit: points, source: judgement, grade: judgement}}"
STILL = (*NOTHING_DRIFTS, *CALM_MARKET, "demand.conduct=0")
ANEW = (
    "demand.kind=purchase",
    "demand.churn=null",
    "demand.captive_growth=null",
    f"demand.loyalty={stated(0, 'fraction')}",
    f"demand.repurchase_years={stated(5, 'years')}",
    "sampling.correlations.switching_costs=null",
    "sampling.leading=[]",
)
"""Everybody chooses anew in every period."""


def deed(name: str, when: str, text: str) -> str:
    return f"policy.steps.{name}={{when: {when}, {text}}}"


def test_what_closes_and_opens_again_is_as_it_was() -> None:
    half = POINTS.format(20)
    shut = deed("shut", "2021-01-01", f"closes: {{paas_all: {half}}}")
    ease = deed("ease", "2023-01-01", f"opens: {{paas_all: {half}}}")
    plain, both = (ran("jv_only", *STILL, *ANEW, *more) for more in ((), (shut, ease)))
    share, other = (column(panels, "foreign_share", "paas") for panels in (plain, both))
    assert (other[3] < share[3]).all()
    assert_allclose(other[6:], share[6:])
    assert_allclose(column(both, "consumer_gain", "paas")[6:], column(plain, "consumer_gain", "paas")[6:], atol=1e-12)


def test_what_opens_gives_foreign_providers_their_part_of_it() -> None:
    """Where all choose anew, the same part of more; those customers gain what the others have."""
    more = deed("ease", "2023-01-01", f"opens: {{paas_all: {POINTS.format(10)}}}")
    plain, eased = (column(ran("jv_only", *STILL, *ANEW, *opens), "foreign_share", "paas") for opens in ((), (more,)))
    part = draw_worlds(scenario("jv_only", *STILL, *ANEW), range(1)).inputs["segments.paas_all.open"]
    expected = np.minimum(part + 0.1, 1.0) / part
    assert_allclose(eased[5:] / plain[5:], np.broadcast_to(expected, plain[5:].shape), rtol=1e-9)
    assert_array_equal(eased[:4], plain[:4])


def test_a_rise_of_quality_moves_the_odds_of_domestic_offers_by_itself_times_the_elasticity_less_one() -> None:
    rise = deed("aid", "2023-01-01", f"raises: {{paas: {stated(0.1)}}}")
    base = (*STILL, *ANEW, "segments.paas_all.open=1")
    plain, raised = (ran("jv_only", *base, *more) for more in ((), (rise,)))
    share, lower = (column(panels, "foreign_share", "paas") for panels in (plain, raised))
    elasticity = draw_worlds(scenario("jv_only", *base), range(1)).inputs["demand.elasticity_of_substitution"]
    moved = np.log(share / (1 - share)) - np.log(lower / (1 - lower))
    assert_allclose(moved[5:], np.broadcast_to(0.1 * (elasticity - 1), moved[5:].shape), rtol=1e-8)
    assert_array_equal(lower[:4], share[:4])
    assert_allclose(column(raised, "domestic_quality", "paas")[5:], np.exp(0.1))
    assert_array_equal(column(raised, "foreign_share", "iaas"), column(plain, "foreign_share", "iaas"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"opens: {{clouds: {POINTS.format(5)}}}", "unknown segment"),
        (f"opens: {{firms: {POINTS.format(5)}}}, closes: {{firms: {POINTS.format(5)}}}", "is closed by the same step"),
        (f"raises: {{paas: {stated(0.1)}}}", "unknown layer"),
        (f"raises: {{iaas: {stated(9)}}}", "is out of the range of this quantity"),
    ],
)
def test_a_step_opens_and_raises_what_there_is(folder: Folder, text: str, words: str) -> None:
    (line, *_) = folder.complaints(folder.variant(f"policy:\n  steps:\n    do: {{when: 2020-01-01, {text}}}\n"))
    assert words in line


def leave(*providers: str, when: str = "2023-01-01") -> str:
    return deed("leave", when, f"exits: [{', '.join(providers)}]")


EUROPE = scenario("europe_cloud/open_as_it_is")

WHOLE = "segments.paas_all.open=1"
"""All of a layer of one segment is open, so that every provider is seen by everybody."""


@pytest.mark.parametrize("provider", ["aws", "alibaba"])
@pytest.mark.parametrize("demand", [(), ANEW], ids=["recurring", "goods"])
def test_who_leaves_leaves_its_customers_to_the_others_by_the_logit(provider: str, demand: tuple[str, ...]) -> None:
    """At fixed markups each of the others has its share over what the share of who left leaves."""
    base = (*STILL, *demand, WHOLE)
    plain, left = (ran("jv_only", *base, *more) for more in ((), (leave(provider),)))
    gone = column(plain, "market_share", "paas", provider)[5:]
    for other in set(scenario("jv_only").providers) - {provider}:
        share = column(plain, "market_share", "paas", other)
        assert_allclose(column(left, "market_share", "paas", other)[5:], share[5:] / (1.0 - gone), rtol=1e-8)
        assert_array_equal(column(left, "market_share", "paas", other)[:4], share[:4])
    assert not column(left, "market_share", "paas", provider)[6:].any()


def test_customers_in_the_closed_part_go_to_domestic_providers_alone() -> None:
    base = (*STILL, *ANEW)
    plain, left = (ran("jv_only", *base, *more) for more in ((), (leave("alibaba"),)))
    foreign, gone = (
        column(plain, name, "paas", *of) for name, of in (("foreign_share", ()), ("market_share", ("alibaba",)))
    )
    opened = draw_worlds(scenario("jv_only", *base), range(1)).inputs["segments.paas_all.open"]
    chosen = foreign / opened  # in the open part
    lost = gone * (1.0 - chosen) / (1.0 - foreign)
    assert_allclose(column(left, "foreign_share", "paas")[5:], (opened * chosen / (1.0 - lost))[5:], rtol=1e-8)


@pytest.mark.parametrize(
    "name",
    ["jv_only", "ftz_pilot", "full_liberalization", "reversal", "cars/announced_path", "europe_cloud/open_as_it_is"],
)
@pytest.mark.parametrize("demand", [(), ANEW], ids=["recurring", "goods"])
def test_an_exit_loses_no_spending(name: str, demand: tuple[str, ...]) -> None:
    """What one leaves the others have, channel by channel, and nobody sells who has left."""
    if "/" in name and demand:
        pytest.skip("has a demand of its own")
    found = scenario(name)
    foreign = max(found.foreign, key=lambda one: (one in found.sited, one == "aws"))
    panels = ran(name, *demand, leave(foreign, found.domestic[0], when="2024-05-01"))
    total = sum(column(panels, "revenue_gross", "total", one) for one in found.providers)
    assert_allclose(total, column(panels, "market_size"), rtol=1e-9)
    if name == "jv_only":  # without own sites there is nothing that could bring more
        assert_allclose(column(panels, "market_expansion"), 1.0, rtol=1e-12)
    untouched = column(panels, "market_size") / column(panels, "market_expansion")
    assert_allclose(
        untouched, column(ran(name, *demand), "market_size") / column(ran(name, *demand), "market_expansion")
    )
    later = [year for year in range(2025, found.horizon.end_year + 1)]
    for variable in ("revenue_gross", "owned_revenue", "capex", "capacity"):
        values = panels[variable]
        assert not any(values.column(one, "total", foreign).any() for one in later if one in values.years), variable
    for panel in panels.values():
        assert np.isfinite(panel.values).all() or panel.variable in ("event_date", "payback", "irr")


def test_customers_of_who_leaves_its_sites_choose_among_the_sites_of_the_others() -> None:
    """At fixed markups, with room for all, odds of any two of the others are what they were."""
    calm = ("closure.drift=0", "technology.catch_up=0", "technology.spillover=0", "demand.conduct=0", *CALM_MARKET)
    rest = (
        *NO_RIVALRY,
        "capacity.headroom=2",
        *(f"segments.{one}.{key}=1" for one in EUROPE.segments for key in ("open", "foreign_propensity")),
    )
    stay = dict.fromkeys(("demand.churn=0.05", *calm, *rest))
    plain, left = (
        ran("europe_cloud/open_as_it_is", *stay, *more) for more in ((), (leave("amazon", when="2024-01-01"),))
    )
    gone = column(plain, "market_share", "infrastructure", "amazon")[5:]
    assert gone.min() > 0.1
    for other in set(EUROPE.providers) - {"amazon"}:
        share, more = (column(panels, "market_share", "infrastructure", other)[5:] for panels in (plain, left))
        assert_allclose(more, share / (1.0 - gone), rtol=1e-6, err_msg=other)


def test_of_goods_who_leaves_in_the_middle_of_a_period_has_sold_for_a_part_of_it() -> None:
    """To loyal customers that part of what it had sold; who chooses meets its offer for that part of the period."""
    goods = (*STILL, *ANEW[:3], f"demand.loyalty={stated(0.6, 'fraction')}", *ANEW[4:], WHOLE)
    plain, left = (
        column(ran("jv_only", *goods, "horizon.period_months=12", *more), "market_share", "paas", "aws")
        for more in ((), (leave("aws", when="2023-04-01"),))
    )
    chosen = 0.25 * plain[5] / (1.0 - 0.75 * plain[5])
    assert_allclose(left[5], 0.25 * 0.6 * plain[5] + (0.4 + 0.75 * 0.6 * plain[5]) * chosen, rtol=1e-8)
    assert_array_equal(left[:5], plain[:5])
    assert not left[6:].any()


def test_goods_that_evicted_customers_use_are_replaced_by_domestic_ones() -> None:
    """What loyal customers spend is spent by somebody."""
    goods = (*ANEW[:3], f"demand.loyalty={stated(0.6, 'fraction')}", *ANEW[4:])
    shut = deed("shut", "2022-03-01", f"closes: {{paas_all: {POINTS.format(20)}}}, evicts: true")
    assert_allclose(column(ran("jv_only", *goods, shut), "market_expansion"), 1.0, rtol=1e-12)
    moved = (*goods, ALWAYS, "demand.elasticity_of_demand=1.0001", "migration.consent_loss=0.3")
    assert_allclose(column(ran("forced_transfer", *moved), "market_expansion"), 1.0, rtol=1e-4)


def test_a_stake_in_a_partner_that_is_left_is_lost_for_what_its_capital_still_bears() -> None:
    """Where nothing grows cash and value differ by what stood before, whoever leaves when."""
    level = "market.growth_by_year={'2019': " + stated(0, "1/yr") + "}", f"market.growth_fade={stated(1, 'years')}"
    flat = ("market.growth_forecast=null", "market.forecast_years=null", *level)
    still = (*STILL, *flat, "market.growth_base=0", "market.growth_long_run=0", "demand.captive_growth=0")
    held = "regimes.jv_only.partner_equity=0.5"

    def apart(*overrides: str) -> tuple[FloatArray, FloatArray]:
        found = scenario("jv_only", *still, held, *overrides)

        def read(economy: Any, record: Any, timeline: Any, masks: Any) -> tuple[FloatArray, FloatArray]:
            streams, rates, place = Streams(economy, record, masks, 0.25), economy.rates(), found.foreign.index("aws")
            middle = np.exp(-np.log1p(rates.discount_rate) * ((np.arange(len(record.bought))[:, None] + 0.5) * 0.25))
            idle = operator_idleness(record.growth, rates)
            worth = even_value(rates.discount_rate, rates.asset_life) * rates.capital_intensity * idle[0]
            stood = 0.5 * worth * record.opening[place]
            left = streams.left[place] * np.exp(-np.log1p(rates.discount_rate) * 0.25 * len(record.bought))
            return ((streams.value - streams.cash)[:, place] * middle).sum(axis=0) * 0.25 - left, stood

        (both,) = observe(found, draw_worlds(found, range(1)), read)
        return both

    for more in ((), (leave("aws", when="2024-05-01"),), (leave("aws", when="2030-12-01"),)):
        difference, stood = apart(*more)
        assert_allclose(difference, -stood, rtol=1e-3)


def test_what_is_lost_once_does_not_go_on_after_the_last_year() -> None:
    """Whoever leaves in the last year is worth no more, and no less, than it was until then."""
    found = ran("jv_only", "regimes.jv_only.partner_equity=0.5", leave("aws", when="2030-01-01"))
    npv, longer = (column(found, name, "total", "aws") for name in ("npv", "npv_with_terminal"))
    earned = column(found, "value_flow", "total", "aws")[-1]
    assert (earned < 0.0).all()
    assert (longer >= npv).all()


def test_what_a_transfer_brings_in_the_last_year_does_not_go_on_after_it() -> None:
    """Whatever is paid for the sites, later years are worth the same."""
    late = (ALWAYS, "policy.steps.late={when: 2030-06-01, adopt: handed_over}")
    nothing, book = (ran("full_liberalization", *late, f"economics.transfer_price={price}") for price in (0, 1))
    for name in ("aws", "microsoft"):
        values = [
            [column(of, what, "total", name)[0] for what in ("npv_with_terminal", "npv")] for of in (nothing, book)
        ]
        (longer, npv), (longer_paid, npv_paid) = values
        assert (npv_paid > npv).mean() > 0.5
        assert_allclose(longer_paid - npv_paid, longer - npv, rtol=1e-9, atol=1e-9)


def test_a_site_that_is_left_behind_loses_at_once_what_its_capital_still_bears() -> None:
    """Over its life a site is charged what was paid for it: a provider's value and cash are worth the same."""
    base = (ALWAYS, *NO_PARTNER_GAIN, "regimes.full_liberalization.partner_equity=0", "migration.rate=0")
    overrides = (*dict.fromkeys(base), leave("aws", when="2027-01-01"))
    found = scenario("full_liberalization", *overrides)

    def worth(economy: Any, record: Any, timeline: Any, masks: Any) -> tuple[FloatArray, FloatArray]:
        streams, step, rate = Streams(economy, record, masks, 0.25), 0.25, economy.rates().discount_rate
        place = list(found.foreign).index("aws")
        middle = np.exp(-np.log1p(rate) * ((np.arange(len(record.bought))[:, None] + 0.5) * step))
        start = middle * np.exp(np.log1p(rate) * step / 2)
        value = (streams.value[:, place] * middle * step).sum(axis=0)
        earned = streams.site_cash + streams.site_capex + streams.value - streams._site.value
        cash = (earned[:, place] * middle - streams.site_capex[:, place] * start).sum(axis=0) * step
        return value, cash

    for value, cash in observe(found, draw_worlds(found, range(1)), worth):
        assert_allclose(value, cash, rtol=2e-3, atol=2e-3)


def test_who_has_left_neither_applies_nor_builds() -> None:
    panels = ran("full_liberalization", ALWAYS, leave("aws", when="2020-03-01"))
    dates = {event: column(panels, "event_date", "", f"aws.{event}") for event in ("apply", "approve", "launch")}
    assert not np.isfinite(dates["launch"]).any()
    assert (dates["apply"][np.isfinite(dates["apply"])] < 2020.17).all()
    assert np.isfinite(column(panels, "event_date", "", "microsoft.launch")).any()


def test_an_exit_that_never_comes_changes_nothing_to_the_bit() -> None:
    never = leave("aws", "alibaba").replace("exits", "probability: 0, exits")
    assert_same(ran("full_liberalization"), ran("full_liberalization", never))


def test_the_exit_of_who_is_not_there_changes_nothing() -> None:
    """To the bit where it never comes; one that leaves before it would come never does."""
    never = "policy.steps.never={when: 2020-01-01, probability: 0}", "providers.google.arrives.after=never"
    plain, left, early = (
        ran("new_entrant", *more)
        for more in (never, (*never, leave("google", when="2022-01-01")), (leave("google", when="2019-01-01"),))
    )
    assert_same(plain, left)
    for name in ("market_share", "npv", "consumer_gain", "tax_take"):
        assert_allclose(early[name].values, plain[name].values, rtol=1e-9, atol=1e-12)


def test_where_all_choose_anew_to_close_all_channels_is_that_their_providers_leave() -> None:
    """In shares, prices, gains and money."""
    shut = "regimes.shut={title: shut, owned_layers: [], reach: none, cross_border: 0}"
    closes, base = (shut, deed("shut", LATE, "adopt: shut")), (*IMPORTED, *ANEW, "demand.conduct=1")
    closed, left = (
        ran("jv_only", *base, *more) for more in (closes, (leave("aws", "microsoft", "other_foreign", when=LATE),))
    )
    for name in ("market_share", "markup", "consumer_gain", "tax_take", "domestic_gross_profit"):
        assert_allclose(closed[name].values, left[name].values, rtol=1e-9, atol=1e-12, err_msg=name)
    share = column(left, "foreign_share")
    assert (share[:6] > 0.0).all()
    assert_allclose(share[6:], 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("exits", "words"),
    [("azure", "unknown provider"), ("alibaba, others", "a domestic provider of the base year must stay")],
)
def test_somebody_at_home_must_stay(folder: Folder, exits: str, words: str) -> None:
    (line, *_) = folder.complaints(
        folder.variant(f"policy:\n  steps:\n    go: {{when: 2020-01-01, exits: [{exits}]}}\n")
    )
    assert words in line


def test_what_steps_do_beside_levers_is_carried_over_by_clauses_of_a_bridge() -> None:
    """Numbers and quality by one, what opens and who leaves by another; with all of them it is the second run."""
    number = step(effect("demand.churn", "times", 2)).replace("effects:", f"raises: {{paas: {stated(0.2)}}}, effects:")
    first, second = (scenario("full_liberalization", *more) for more in ((), (number, leave("aws", when="2025-01-01"))))
    assert [clause.name for clause in clauses_between(first, second)[0]] == ["closing", "numbers"]
    drawn = tuple(draw_worlds(one, range(1)) for one in (first, second))
    both = sides(first, second, drawn)
    for taken, meant in (
        ((), first),
        (("closes", "effects"), second),
        (("effects",), scenario("full_liberalization", number)),
    ):
        made, worlds = composite(*both, taken)
        assert_same(simulate(meant, draw_worlds(meant, range(1))), simulate(made, worlds))


def test_a_scenario_with_effects_can_be_handed_to_another_process() -> None:
    found = scenario("jv_only", step(*UNCHANGED))
    assert pickle.loads(pickle.dumps(found)) == found
