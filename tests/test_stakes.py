"""Equity in partners' operators that a provider has of its own."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
from shipped import column, economy, run, scenario, story, year
from test_buy_out import ran as bought_out

from sim.axes import FloatArray
from sim.errors import ScenarioError
from sim.model.entry import entry_verdicts
from sim.outcomes.panels import Panel

OWN = "providers.aws.partner_equity=0.3"
EVERY = ("regimes.jv_only.partner_equity=0.3", "regimes.jv_50.partner_equity=0.3")
OPENED = ("full_liberalization", "entry.rule=always", "regimes.full_liberalization.partner_equity=0.5")
NO_STAKE = ("regimes.jv_50.partner_equity=0",)
"""As in the base year, so that stakes of one's own stand."""

MONEY = ("operating_profit", "value_flow", "cash_flow", "capex", "capital_value", "npv_with_terminal", "npv_of_equity")


@functools.cache
def _run(*edits: str) -> Mapping[str, Panel]:
    return run("jv_only", "policy.start=jv_50", "regimes.jv_50.partner_equity=0.5", *edits)


def test_a_stake_that_is_the_regimes_moves_nothing() -> None:
    plain, own = _run(), _run("providers.aws.partner_equity=0.5")
    for variable, panel in plain.items():
        np.testing.assert_allclose(own[variable].values, panel.values, rtol=1e-12, atol=1e-15, err_msg=variable)


def test_who_has_a_stake_of_its_own_earns_what_it_would_if_all_had_it() -> None:
    own, plain, every = _run(OWN), _run(), _run(*EVERY)
    assert (column(own, "npv", item="aws") != column(plain, "npv", item="aws")).any()
    for provider, alike in {"aws": every, "microsoft": plain, "other_foreign": plain}.items():
        for variable in MONEY:
            found, expected = (column(panels, variable, item=provider) for panels in (own, alike))
            np.testing.assert_array_equal(found, expected, err_msg=f"{variable} of {provider}")
    owners = [column(panels, "operator_profit") for panels in (own, plain, every)]
    assert ((owners[1] < owners[0]) & (owners[0] < owners[2])).all()


def test_a_regime_that_changes_equity_changes_everybodys() -> None:
    """In place of the stake, not on top of it; in the period of the change for a part of it."""
    name, *edits = OPENED
    record = story(name, *edits, OWN)[1]
    expected = np.array([0.3, 0.0, 0.0])[:, None]
    np.testing.assert_array_equal(record.equity[0], np.broadcast_to(expected, record.equity[0].shape))
    np.testing.assert_allclose(record.equity[-1], 0.5)


def test_its_decision_to_build_is_that_which_it_would_take_if_all_had_its_stake() -> None:
    name, edits = "full_liberalization", ("policy.start=full_liberalization", "entry.rule=profit")
    stakes = ("providers.aws.partner_equity=0.9",), ("regimes.full_liberalization.partner_equity=0.9",), ()
    verdicts = [entry_verdicts(scenario(name, *edits, *stake), economy(name, *edits, *stake))[0] for stake in stakes]
    np.testing.assert_array_equal(verdicts[0][0], verdicts[1][0])
    np.testing.assert_array_equal(verdicts[0][1:], verdicts[2][1:])
    assert (verdicts[0][0] != verdicts[2][0]).any()


def _total_equity(*edits: str) -> FloatArray:
    """Capital of AWS's operators at the end of the horizon that is its own, over its sales; (N,)."""
    panels = bought_out(*edits)
    return year(panels, "capital_value", 2030, item="aws") / year(panels, "revenue_gross", 2030, item="aws")


def test_a_buy_out_brings_what_is_left_to_the_cap() -> None:
    """From 30% to all, as from what the regime gives to all; and what it costs is in proportion to what is bought."""
    own, plain = bought_out(OWN, *NO_STAKE), bought_out(*NO_STAKE)
    taken = (year(own, "buys_out", 2030, item="aws") == 1.0) & (year(plain, "buys_out", 2030, item="aws") == 1.0)
    np.testing.assert_allclose(_total_equity(OWN, *NO_STAKE)[taken], _total_equity(*NO_STAKE)[taken], rtol=1e-3)
    less = year(own, "npv_of_equity", 2030, item="aws") != year(plain, "npv_of_equity", 2030, item="aws")
    assert less[taken].all()


@pytest.mark.parametrize("rule", ["always", "profit"])
def test_who_holds_what_the_cap_allows_buys_nothing(rule: str) -> None:
    edits = ("regimes.jv_50.equity_cap=0.8", f"entry.rule={rule}", "regimes.jv_50.bought_unlock=1")
    panels = bought_out(*edits, "providers.aws.partner_equity=0.8", *NO_STAKE)
    assert not year(panels, "buys_out", 2030, item="aws").any()
    assert year(panels, "buys_out", 2030, item="microsoft").mean() > 0.5


def test_a_stake_is_refused_where_there_is_none() -> None:
    with pytest.raises(ScenarioError, match=r"providers\.alibaba\.partner_equity: only foreign providers have equity"):
        scenario("jv_only", "providers.alibaba.partner_equity=0.3")
