"""The verdict in sentences: every number against the draws by other means, and what holds for any scenario."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import RUNNABLE, run
from shipped import scenario as shipped
from synthetic import of, panel, scenario

from sim.axes import FloatArray
from sim.outcomes.panels import Panel, Result
from sim.outcomes.phrases import share_of_draws
from sim.outcomes.stakes import HOST, Spread, category_levels, host_gains, movers, number_gain, provider_worth
from sim.outcomes.verdict import MOST_LINES, Line, Verdict, verdict_of
from sim.scenario.scenario import Scenario
from sim.tasks.attribution import default_outcomes, drivers

DRAWS = 512
RANKS = np.arange(DRAWS) / (DRAWS - 1)
"""Of which the quantiles are their own levels."""

TOTAL, AWS = (("total", ""),), (("total", "aws"), ("total", "foreign"))


def made(
    name: str = "closed",
    *,
    share: FloatArray | float = 0.0,
    npv: FloatArray | float = 0.0,
    builds: FloatArray | float = 0.0,
    holds: FloatArray | float = 0.0,
    host: Mapping[str, float | FloatArray] | None = None,
    **sections: Any,
) -> Result:
    """A result with so much of everything in its last year, and of the host's flows in both years."""

    def full(value: FloatArray | float) -> FloatArray:
        return np.broadcast_to(np.asarray(value, dtype=float), (DRAWS,)).copy()

    def twice(value: FloatArray | float) -> FloatArray:
        return np.broadcast_to(full(value), (1, 2, DRAWS)).copy()

    flows = {
        variable: np.stack([full(value)[None]] * 2)
        for variable, value in {**dict.fromkeys(HOST, 0.0), **(host or {})}.items()
    }
    panels = of(
        panel("foreign_share", np.stack([full(0.1)[None], full(0.1)[None], full(share)[None]])),
        panel("revenue_retained", np.stack([full(1.0)[None]] * 3), items=(("total", "foreign"),)),
        panel("npv", twice(npv), items=AWS, first_year=2020),
        panel("npv_with_terminal", twice(npv), items=AWS, first_year=2020),
        panel("enters", full(builds)[None, None], items=(("total", "aws"),), first_year=2020),
        panel("opening_hypothesis", full(holds)[None, None], items=(("", ""),), first_year=2020),
        panel("zone_reading", full(0.0)[None, None], items=(("", ""),), first_year=2020),
        *(panel(variable, values, first_year=2019) for variable, values in flows.items()),
    )
    return Result(scenario(name, draws=DRAWS, **sections), panels)


def line(verdict: Verdict, label: str) -> Line:
    """The line with a label."""
    return next(one for one in verdict.lines if one.label == label)


def said(verdict: Verdict) -> str:
    """All of a verdict."""
    return " ".join([verdict.question, *(text for one in (*verdict.lines, *verdict.screen) for text in one.texts)])


def test_the_baseline_is_told_with_median_band_and_mean() -> None:
    found = line(verdict_of([made(share=RANKS**2)]), "Closed").texts[0]
    middle, low, high, mean = 25.0, 0.05**2 * 100, 0.95**2 * 100, float((RANKS**2).mean()) * 100
    share = f"{middle:.0f}% of the market (median; 90% of draws {low:.1f} to {high:.0f}%; mean {mean:.0f}%)"
    assert (
        found
        == f"In 2020 foreign providers have {share} and keep USD 1.0bn a year of its revenue in nearly every draw."
    )


def test_a_gain_names_median_and_mean_where_they_read_differently_and_only_then() -> None:
    base = made()
    skewed, even = made("wide", share=RANKS**2, npv=1.0), made("wide", share=RANKS, npv=1.0)
    texts = [line(verdict_of([base, one]), "Wide").texts[0] for one in (skewed, even)]
    assert texts == [
        "+25 points over Closed (median; 0.3 to 90; mean +33).",
        "+50 points over Closed (5.0 to 95).",
    ]


def test_a_loss_has_a_sign_at_both_ends() -> None:
    found = line(verdict_of([made(share=0.5), made("shut", share=0.5 - RANKS * 0.2, npv=-2.0)]), "Shut").texts
    assert found[0] == "−10 points over Closed (−19 to −1.0)."
    assert found[1].startswith("Present value to 2020: USD −2.0bn for them in nearly every draw")


def test_what_differs_in_no_draw_is_told_as_that() -> None:
    verdict = verdict_of([made(share=RANKS), made("same", share=RANKS)])
    text = "In no draw does it change the share or the profit of foreign providers over Closed."
    assert line(verdict, "Same").texts == (text,)
    assert line(verdict, "Who pays").texts == ("Nobody in the host country gains or loses, in any draw.",)


def test_draws_without_any_difference_are_counted() -> None:
    gained = np.where(RANKS < 0.25, 0.0, 0.1)
    equal = share_of_draws(float((gained == 0).mean()))
    assert (
        line(verdict_of([made(), made("some", share=gained, npv=1.0)]), "Some")
        .texts[0]
        .endswith(f", the same in {equal} of draws.")
    )


def test_hypotheses_are_told_first_and_by_their_titles_where_they_disagree() -> None:
    holds = (np.arange(DRAWS) % 2).astype(float)
    gained = np.where(holds == 0, 0.2, 0.02) + 0.001 * RANKS
    results = [made(holds=holds), made("wide", share=gained, npv=1.0, holds=holds)]
    wide, narrow = (100 * float(gained[holds == k].mean()) for k in (0, 1))
    assert (
        line(verdict_of(results), "Wide")
        .texts[0]
        .startswith(f"By hypothesis, means: wide +{wide:.0f} points, narrow +{narrow:.1f}; in all +")
    )
    hypotheses = results[0].scenario.opening.model_dump()
    hypotheses["hypotheses"]["wide"]["title"] = "open markets"
    named = [replace(one, scenario=scenario(one.name, draws=DRAWS, opening=hypotheses)) for one in results]
    assert "open markets +20 points, narrow" in line(verdict_of(named), "Wide").texts[0]


def test_hypotheses_that_chance_alone_sets_apart_are_not_told() -> None:
    holds = (np.arange(DRAWS) % 2).astype(float)
    gained = np.random.default_rng(1).normal(0.1, 0.05, DRAWS)
    results = [made(holds=holds), made("wide", share=gained, npv=1.0, holds=holds)]
    assert "By hypothesis" not in said(verdict_of(results))


def test_who_builds_and_who_is_the_worse_for_it_is_counted_in_draws() -> None:
    builds, npv = (RANKS < 0.75).astype(float), np.where(RANKS < 0.1, -1.0, 1.0)
    verdict = verdict_of([made(), made("wide", share=0.1, npv=npv, builds=builds)])
    built, worse = share_of_draws(float(builds.mean())), share_of_draws(float((RANKS < 0.1).mean()))
    told = f"AWS builds in {built} of draws and in {worse} ends worse off than under Closed (later years included)."
    assert line(verdict, "Wide").texts[1].endswith(told)
    assert (
        line(verdict_of([made(), made("wide", share=0.1, npv=1.0)]), "Wide")
        .texts[1]
        .endswith("Nobody builds own sites in any draw.")
    )


def test_a_party_has_the_present_value_of_its_flows_paid_in_the_middle_of_each_year() -> None:
    flow = 1.0 + RANKS**4
    gains = host_gains(made("wide", host={"consumer_gain": flow, "tax_take": -0.5}), made())
    worth = 1.1**-0.5 + 1.1**-1.5
    np.testing.assert_allclose(gains["consumer_gain"], flow * worth, rtol=1e-12)
    verdict = verdict_of([made(), made("wide", share=0.1, npv=1.0, host={"consumer_gain": flow, "tax_take": -0.5})])
    mean, middle = float(flow.mean()) * worth, float(np.median(flow)) * worth
    assert line(verdict, "Who pays").texts[0] == (
        f"Present value to 2020 in USD bn, mean (median): customers at most +{mean:.1f} "
        f"(+{middle:.1f}), the treasury from foreign business −{0.5 * worth:.2f}; the host as a whole gains in at most "
        "100% of draws and loses in at least 0%."
    )


def test_best_for_whom_follows_from_means_and_counts_the_draws_ahead() -> None:
    others = [
        made("one", share=0.1, npv=RANKS, host={"consumer_gain": 1.0}),
        made("two", share=0.2, npv=0.6, host={"consumer_gain": -1.0}),
    ]
    text = line(verdict_of([made(), *others]), "Best for whom").texts[0]
    assert text == (
        "In the mean (in brackets: draws in which nothing is better): Two for foreign providers (60%); One for "
        "customers (100%) and the host as a whole (100%)."
    )


def test_nobody_is_best_where_two_are_alike() -> None:
    verdict = verdict_of([made(), *(made(name, share=0.1, npv=1.0) for name in ("one", "two"))])
    assert all(one.label != "Best for whom" for one in verdict.lines)


def test_it_is_told_of_the_scenario_that_changes_most_who_pays() -> None:
    costs = {"consumer_gain": 1.0}
    others = [made("small", share=0.3, npv=-1.0, host=costs), made("large", share=0.1, npv=-3.0, host=costs)]
    assert line(verdict_of([made(), *others]), "Who pays").texts[0].startswith("Under Large, ")


RENAMED = {"closed": "zebra", "one": "apple", "two": "mango"}


def test_names_decide_nothing_but_titles() -> None:
    def results(names: Mapping[str, str]) -> list[Result]:
        return [
            made(names["closed"], share=0.1 * RANKS),
            made(names["one"], share=0.3 * RANKS, npv=RANKS - 0.5, host={"tax_take": 1.0}),
            made(names["two"], share=0.2, npv=2 * RANKS, builds=1.0, host={"consumer_gain": RANKS - 0.7}),
        ]

    plain = said(verdict_of(results({name: name for name in RENAMED})))
    for old, new in RENAMED.items():
        plain = re.sub(rf"\b{old.capitalize()}\b", new.capitalize(), plain)
    assert said(verdict_of(results(RENAMED))) == plain


@pytest.mark.parametrize("count", range(1, 14))
def test_a_screen_has_at_most_a_dozen_lines_however_many_scenarios(count: int) -> None:
    results = [made(), *(made(f"case{k}", share=0.01 * k * RANKS**2, npv=k * RANKS - 1) for k in range(1, count))]
    verdict = verdict_of(results, decides="This.", trust="That.")
    assert 2 + sum(len(one.texts) for one in verdict.screen) <= MOST_LINES
    assert [one.scenario for one in verdict.lines if one.scenario] == [one.name for one in results]


def test_of_many_scenarios_those_that_change_most_are_told_and_the_rest_together() -> None:
    results = [made(), *(made(f"case{k}", share=0.01 * k, npv=k) for k in (3, 1, 8, 2, 7, 6, 5, 4))]
    screen = verdict_of(results, decides="This.", trust="That.").screen
    assert [one.label for one in screen[:7]] == [
        "Closed",
        "Case8",
        "Case7",
        "Case6",
        "Case5",
        "4 others",
        "Best for whom",
    ]
    assert screen[5].texts == ("+1.0 to +4.0 USD bn to 2020 in the mean, over Closed: Case3, Case1, Case2 and Case4.",)


numbers = st.floats(-1e4, 1e4, allow_nan=False) | st.sampled_from((0.0, -0.0, 1e-9, -1e-9, -0.004, 0.049, 9.95))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=4))
def test_no_number_reads_as_a_negative_nothing_or_as_none(cases: Sequence[tuple[float, float, float, float]]) -> None:
    results = [
        made(
            f"case{k}",
            share=a * 1e-4 * RANKS,
            npv=b * RANKS,
            builds=float(c > 0),
            host={"consumer_gain": c, "tax_take": d * RANKS},
        )
        for k, (a, b, c, d) in enumerate(cases)
    ]
    text = said(verdict_of(results))
    assert not re.search(r"nan|inf\b|-\d|[+−]0(\.0+)?(?![\d.])", text), text


def test_what_was_not_stored_is_not_told() -> None:
    results = [made(), made("wide", share=RANKS, npv=1.0)]
    bare = [Result(one.scenario, {"foreign_share": one.panels["foreign_share"]}) for one in results]
    verdict = verdict_of(bare)
    assert line(verdict, "Wide").texts == ("+50 points over Closed (5.0 to 95).",)
    none = [Result(one.scenario, {"enters": one.panels["enters"]}) for one in results]
    assert line(verdict_of(none), "Wide").texts == ("What this is made of was not stored: run it without --keep.",)


def _asking(one: Result, question: str) -> Result:
    return replace(one, scenario=one.scenario.model_copy(update={"question": question}))


def test_the_question_is_the_scenarios_own_or_what_is_compared() -> None:
    base, one, two = made(), made("one", npv=1.0), made("two", npv=1.0)
    assert verdict_of([base, one, two]).question == "What is it worth?"
    assert verdict_of([base, _asking(one, "And this?")]).question == "And this?"
    assert verdict_of([base, _asking(one, "And this?"), two]).question == (
        "What do One and Two bring foreign providers, over Closed?"
    )


def test_what_decides_is_of_the_scenario_that_changes_most_and_claims_no_more_than_is_known() -> None:
    names = ("jv_only", "full_liberalization")
    results = [_shipped(name, 8) for name in names]
    inputs = _inputs([one.scenario for one in results])
    told = drivers(results, inputs, names[0], default_outcomes(results, names[0])[:1])
    kinds = {row.kind: row.first for row in told[0].kinds}
    text = line(verdict_of(results, attributions=told), "What decides").texts[0]
    for kind in ("disagreement", "ignorance", "unattributed"):
        assert f"{100 * kinds[kind]:.0f}%" in text
    assert np.isnan(kinds["luck"])
    assert "is luck and what they do together" in text
    few = [_shipped(name, 1) for name in names]
    told = drivers(few, _inputs([one.scenario for one in few]), names[0], default_outcomes(few, names[0])[:1])
    assert "With so few draws" in line(verdict_of(few, attributions=told), "What decides").texts[0]


def _shipped(name: str, scrambles: int) -> Result:
    sampling = shipped(name).sampling.model_copy(update={"draws": DRAWS * scrambles})
    return Result(shipped(name).model_copy(update={"sampling": sampling}), run(name, scrambles=scrambles))


def _inputs(scenarios: Sequence[Scenario]) -> Any:
    from sim.outcomes.study import inputs_of

    return inputs_of(scenarios)


@pytest.mark.parametrize("name", RUNNABLE[1:])
def test_the_numbers_of_every_shipped_scenario_are_those_of_its_draws(name: str) -> None:
    base, other = _shipped("jv_only", 1), _shipped(name, 1)
    panels: tuple[Mapping[str, Panel], ...] = (other.panels, base.panels)  # type: ignore[assignment]
    own, under = (one["foreign_share"].column(2030, "total") for one in panels)
    low, middle, high = np.quantile(own - under, (0.05, 0.5, 0.95))
    assert Spread.of(number_gain(other, base, "foreign_share", "total")) == pytest.approx(
        (middle, low, high, (own - under).mean())
    )
    together = sum(provider_worth(other, base).values())
    whole = panels[0]["npv"].column(2030, "total", "foreign") - panels[1]["npv"].column(2030, "total", "foreign")
    np.testing.assert_allclose(together, whole, atol=1e-9)
    for one in movers(other, base, "enters"):
        assert one.share == panels[0]["enters"].column(2030, "total", one.provider).mean()
    levels = category_levels(other, "opening_hypothesis", own)
    holds = panels[0]["opening_hypothesis"].column(2030)
    assert [level.mean for level in levels] == [own[holds == k].mean() for k in np.unique(holds)]
    verdict = verdict_of([base, other])
    assert 2 + sum(len(one.texts) for one in verdict.screen) <= MOST_LINES
    assert not re.search(r"nan|inf\b|[+−]0(\.0+)?(?![\d.])", said(verdict))


def test_a_draw_without_a_difference_is_no_defeat() -> None:
    others = [made("one", share=0.1, npv=(RANKS > 0.5).astype(float)), made("two", share=0.2, npv=0.0)]
    assert "One for foreign providers (100%)" in line(verdict_of([made(), *others]), "Best for whom").texts[0]


def test_what_customers_lose_is_a_bound_too_and_turns_what_is_said_of_the_host() -> None:
    losers = [made(), made("wide", share=0.1, npv=1.0, host={"consumer_gain": -1.0, "tax_take": 0.5})]
    text = line(verdict_of(losers), "Who pays").texts[0]
    assert "customers at worst −" in text
    assert "gains in at least 0% of draws and loses in at most 100%." in text


def test_who_neither_gains_nor_loses_has_no_bound() -> None:
    text = line(verdict_of([made(), made("wide", share=0.1, npv=1.0, host={"tax_take": 0.5})]), "Who pays").texts[0]
    assert "at most" not in text
    assert "at worst" not in text
