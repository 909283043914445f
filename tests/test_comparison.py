"""Summaries of results and their paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from synthetic import of, panel, result, scenario

from sim.axes import FloatArray
from sim.chance.pairing import draws_key
from sim.errors import ResultsError
from sim.outcomes import comparison
from sim.outcomes.comparison import compare_results, headline, paired, require_comparable, summarise, timeline_rows
from sim.outcomes.results import Panel, Result
from sim.outcomes.tables import ComparisonRow, SummaryRow

DRAWS = 512 * 8
AWS = (("total", "aws"),)


def _draws(seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).lognormal(size=(3, 1, DRAWS))


def _named(name: str, *panels: Panel, **changes: Any) -> Result:
    return result(of(*panels), name=name, **changes)


def _pick(rows: Sequence[SummaryRow | ComparisonRow], **wanted: Any) -> Any:
    found = [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]
    assert len(found) == 1
    return found[0]


def test_a_summary_has_every_statistic_of_every_year_in_order() -> None:
    rows = summarise(_named("closed", panel("market_size", _draws())))
    assert [row.period for row in rows] == [2018] * 8 + [2019] * 8 + [2020] * 8
    assert [row.statistic for row in rows[:8]] == ["mean", "sd", "p05", "p25", "p50", "p75", "p95", "median_case"]


def test_the_median_case_is_reported_as_it_ran_and_has_no_standard_error() -> None:
    case = np.array([[3.0], [4.0], [5.0]])
    row = _pick(
        summarise(_named("closed", panel("market_size", _draws(), median=case))), period=2019, statistic="median_case"
    )
    assert row.value == 4.0
    assert np.isnan(row.se)


def test_twin_scenarios_differ_by_exactly_nothing() -> None:
    twins = [_named(name, panel("market_size", _draws())) for name in ("closed", "twin")]
    rows = compare_results(twins)
    assert {row.value for row in rows} == {0.0}
    assert {row.p_positive for row in rows} == {0.0}
    assert {row.se for row in rows if row.statistic != "median_case"} == {0.0}


def test_differences_are_taken_draw_by_draw() -> None:
    low, high = np.zeros((1, 1, DRAWS)), np.zeros((1, 1, DRAWS))
    low[..., ::2], high[..., 1::2] = 1.0, 1.0
    row = _pick(
        compare_results([_named("closed", panel("npv", low)), _named("open", panel("npv", high))]), statistic="p95"
    )
    assert row.value == 1.0  # both have the same quantiles, but never in the same draw
    assert row.p_positive == 0.5


def test_every_row_has_the_probability_of_its_own_item_and_year() -> None:
    items = (("total", "aws"), ("total", "foreign"))
    rises = np.zeros((3, 2, DRAWS))
    for place, share in enumerate((0.0, 0.25, 0.5, 0.75, 0.875, 1.0)):
        rises[place // 2, place % 2, : int(share * DRAWS)] = 1.0
    results = [
        _named(name, panel("capex", values, items=items)) for name, values in (("closed", 0 * rises), ("open", rises))
    ]
    rows = [row for row in compare_results(results) if row.statistic == "mean"]
    assert [row.p_positive for row in rows] == [row.value for row in rows] == [0.0, 0.5, 0.875, 0.25, 0.75, 1.0]


def test_the_baseline_is_the_first_unless_it_is_named() -> None:
    results = [_named(name, panel("market_size", _draws() + shift)) for name, shift in (("closed", 0), ("open", 1))]
    first = _pick(compare_results(results), period=2018, statistic="mean")
    named = _pick(compare_results(results, "open"), period=2018, statistic="mean")
    assert (first.scenario, named.scenario) == ("open", "closed")
    assert first.value == -named.value == pytest.approx(1.0)


def test_the_median_case_of_a_difference_is_the_difference_of_the_median_cases() -> None:
    cases = np.ones((3, 1)), np.full((3, 1), 1.5)
    results = [
        _named(name, panel("market_size", _draws(), median=case))
        for name, case in zip(("closed", "open"), cases, strict=True)
    ]
    assert _pick(compare_results(results), period=2020, statistic="median_case").value == 0.5


def test_an_unknown_baseline_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ResultsError, match="did you mean 'closed'"):
        compare_results([_named("closed", panel("market_size", _draws()))], "close")


def _sampling(**changes: Any) -> dict[str, Any]:
    return {"seed": 1, "draws": DRAWS, "leading": ["market.size"], **changes}


CORRELATED = {"pair": {"members": ["a", "b"], "rank": [[0.5]], "reason": "guess"}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": 2}, r"seed \(2 against 1\)"),
        ({"horizon": {"base_year": 2018, "end_year": 2020, "period_months": 6}}, "horizon"),
    ],
)
def test_results_that_do_not_share_draws_are_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    results = [_named("closed", panel("npv", _draws())), _named("open", panel("npv", _draws()), **changes)]
    with pytest.raises(ResultsError, match=f"open and closed do not share draws: they differ in {reason}"):
        require_comparable(results)


def test_results_of_different_draw_counts_are_refused() -> None:
    results = [_named("closed", panel("npv", _draws())), _named("open", panel("npv", _draws()[..., :512]))]
    with pytest.raises(ResultsError, match=r"number of draws \(512 against 4096\)"):
        require_comparable(results)


@pytest.mark.parametrize(
    ("sampling", "reason"),
    [({"leading": ["demand.churn"]}, "leading columns"), ({"correlations": CORRELATED}, "correlation group pair")],
)
def test_inputs_sampled_differently_are_refused(sampling: dict[str, Any], reason: str) -> None:
    one = scenario()
    document = {**one.model_dump(), "name": "open", "sampling": {**one.sampling.model_dump(), **sampling}}
    other = type(one).model_validate(document)
    with pytest.raises(ResultsError, match=f"differ in {reason}"):
        require_comparable([Result(one, {}), Result(other, {})])


def _correlated(name: str, members: list[str], rank: list[list[float]]) -> Result:
    group = {"pair": {"members": members, "rank": rank, "reason": "guess"}}
    one = scenario(name)
    return Result(type(one).model_validate({**one.model_dump(), "sampling": _sampling(correlations=group)}), {})


def test_a_member_appended_to_a_group_leaves_the_draws_shared() -> None:
    shorter, longer = (
        _correlated("closed", ["a", "b"], [[0.5]]),
        _correlated("open", ["a", "b", "c"], [[0.5], [0, 0]]),
    )
    require_comparable([shorter, longer])


def test_groups_that_begin_otherwise_do_not_share_draws() -> None:
    other = _correlated("open", ["a", "b", "c"], [[0.4], [0, 0]])
    with pytest.raises(ResultsError, match="correlation group pair"):
        require_comparable([_correlated("closed", ["a", "b"], [[0.5]]), other])


def test_the_key_of_the_draws_tells_another_seed() -> None:
    one = scenario()
    other = one.model_copy(update={"sampling": one.sampling.model_copy(update={"seed": one.sampling.seed + 1})})
    assert draws_key(one) != draws_key(other)


def test_scenarios_that_share_draws_share_the_key_whatever_else_they_assume() -> None:
    other = scenario("slow", migration={"rate": _record(0.1, "1/yr"), "consent_loss": _record(0.1, "fraction")})
    assert draws_key(scenario()) == draws_key(other)


def _record(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "source": "guess", "grade": "judgement"}


def test_two_results_of_one_name_are_refused() -> None:
    with pytest.raises(ResultsError, match="two results have the name closed"):
        require_comparable([_named("closed"), _named("closed")])


def test_a_result_saved_without_a_variable_that_another_has_is_refused() -> None:
    results = [_named("closed", panel("npv", _draws())), _named("open", panel("capex", _draws()))]
    with pytest.raises(ResultsError, match="closed was saved without capex: run it again without --keep"):
        require_comparable(results)


def test_consumer_gain_is_summarised_only_as_a_difference_to_the_baseline() -> None:
    base, other = (
        _named(name, panel("consumer_gain", _draws() + shift)) for name, shift in (("closed", 0), ("open", 2))
    )
    assert summarise(base, base) == summarise(other) == []
    assert _pick(summarise(other, base), period=2019, statistic="p50").value == pytest.approx(2.0)


def test_categories_are_neither_summarised_nor_compared() -> None:
    results = [_named(name, panel("opening_hypothesis", _draws()[:1])) for name in ("closed", "open")]
    assert not summarise(results[0])
    assert not compare_results(results)


def test_a_difference_exists_where_both_sides_exist() -> None:
    both = np.ones((2, 1, 1, DRAWS))
    both[0, ..., : DRAWS // 2] = np.nan
    both[1, ..., : DRAWS // 4] = np.nan
    results = [
        _named(name, panel("irr", values, items=AWS)) for name, values in zip(("closed", "open"), both, strict=True)
    ]
    assert _pick(compare_results(results), statistic="p50").share_defined == 0.5


@pytest.mark.parametrize("variable", ["payback", "event_date"])
def test_a_difference_of_dates_is_over_the_draws_that_have_both_and_never_is_no_late_date(variable: str) -> None:
    both = np.full((2, 1, 1, DRAWS), 2020.0)
    both[1] += np.tile(np.arange(4.0), DRAWS // 4)  # 0, 1, 2 or 3 years later
    both[0, ..., 3::4] = np.nan  # where it is three years, the baseline never sees it
    both[1, ..., 2::4] = np.nan  # where it is two, the scenario does not
    rows = compare_results(
        [_named(name, panel(variable, one, items=AWS)) for name, one in zip(("closed", "open"), both, strict=True)]
    )
    said = {row.statistic: row.value for row in rows if row.statistic != "median_case"}
    assert said == {"mean": 0.5, "sd": 0.5, "p05": 0.0, "p25": 0.0, "p50": 0.5, "p75": 1.0, "p95": 1.0}
    assert {(row.share_defined, row.p_positive) for row in rows} == {(0.5, 0.5)}


def test_a_difference_that_never_pays_back_is_late_and_one_of_nothing_is_left_out() -> None:
    flows = np.zeros((2, 1, DRAWS))
    flows[:, 0, 0::4] = [[-1.0], [1.0]]  # pays back after a year
    flows[:, 0, 1::4] = [[-1.0], [0.5]]  # never
    held = {"cash_flow": flows, "capital_value": np.zeros((1, 1, DRAWS))}
    results = [
        _named(name, *(panel(variable, part * values, items=AWS) for variable, values in held.items()))
        for name, part in (("closed", 0.0), ("open", 1.0))
    ]
    rows = [row for row in compare_results(results) if row.variable == "payback_of_difference"]
    said = {row.statistic: row.value for row in rows}
    assert (said["p25"], said["p75"], said["mean"]) == (1.0, np.inf, np.inf)
    assert {row.share_defined for row in rows} == {0.5}


def test_a_payback_that_most_draws_never_see_has_an_infinite_upper_quantile() -> None:
    values = np.full((1, 1, DRAWS), 4.0)
    values[..., : DRAWS // 3] = np.nan
    rows = summarise(_named("closed", panel("payback", values, items=AWS)))
    assert _pick(rows, statistic="p50").value == 4.0
    assert _pick(rows, statistic="p95").value == np.inf


def test_pairs_are_made_by_label_and_not_by_place() -> None:
    items = (("total", "aws"), ("total", "foreign"))
    values = np.stack([np.full(512, 1.0), np.full(512, 2.0)])[None]
    turned = panel("capex", values[:, ::-1], items=items[::-1])
    assert not paired(panel("capex", values, items=items), turned).values.any()


def test_pairs_are_made_of_the_years_and_items_that_both_have() -> None:
    wide = panel("capex", np.ones((3, 2, 512)), items=(("total", "aws"), ("total", "foreign")))
    narrow = panel("capex", np.ones((2, 1, 512)), items=AWS, first_year=2019)
    difference = paired(wide, narrow)
    assert (difference.years, difference.items) == ((2019, 2020), AWS)


def _answering(name: str, shift: FloatArray | float) -> Result:
    share = np.full((3, 2, DRAWS), 0.2) + shift
    revenue = np.full((3, 1, DRAWS), 5.0)
    foreign = (("total", "foreign"),)
    return _named(
        name,
        panel("foreign_share", share, items=(("total", ""), ("iaas", ""))),
        panel("revenue_gross", revenue, items=foreign),
        panel("revenue_retained", revenue, items=foreign),
    )


def test_the_headline_gives_the_mean_paired_difference_with_its_standard_error() -> None:
    shift = np.random.default_rng(2).exponential(size=DRAWS)
    rows = headline([_answering("closed", 0.0), _answering("open", shift)])
    row = next(row for row in rows if (row.scenario, row.variable, row.year) == ("open", "foreign_share", 2020))
    assert row.difference == pytest.approx(shift.mean())
    assert row.difference_se == pytest.approx(shift.reshape(8, 512).mean(axis=1).std(ddof=1) / np.sqrt(8))
    assert row.median == pytest.approx(0.2 + np.median(shift))


def test_the_headline_has_the_base_year_and_the_last_and_no_difference_for_the_baseline() -> None:
    rows = headline([_answering("closed", 0.0)])
    assert {row.year for row in rows} == {2018, 2020}
    assert all(np.isnan(row.difference) for row in rows)


def test_the_timeline_says_how_often_when_and_how_often_it_was_waited_for() -> None:
    dates = np.full((1, 3, DRAWS), 2021.5)
    dates[0, 1, : DRAWS // 2] = np.nan
    waits = np.zeros((1, 1, DRAWS))
    waits[..., : DRAWS // 4] = 0.3
    happens, applies, launches = timeline_rows(
        _named(
            "closed",
            panel("event_date", dates, items=(("", "deal"), ("", "aws.apply"), ("", "aws.launch")), first_year=2020),
            panel("wait", waits, items=(("", "aws.queue"),), first_year=2020),
        )
    )
    assert (happens.event, happens.actor, happens.share_happens) == ("deal", "policy", 1.0)
    assert (applies.actor, applies.share_happens, applies.share_waited) == ("aws", 0.5, 0.25)
    assert (applies.p25, applies.p75) == (2021.5, np.inf)
    assert np.isnan(launches.share_waited)


def test_a_difference_that_is_never_negative_pays_back_at_once_and_none_at_all_is_undefined() -> None:
    flows = np.array([[[-1.0, 1.0, 0.0, -1.0]], [[2.0, 1.0, 0.0, 0.5]]])
    np.testing.assert_array_equal(comparison._payback(flows)[0], [1.0, 0.0, np.nan, np.inf])
