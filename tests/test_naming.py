"""Outcomes by name: what a text means in a study, and which draws it stands for."""

from __future__ import annotations

import re

import numpy as np
import pytest
from synthetic import of, panel, result

from sim.outcomes.naming import find_number, find_outcome, outcome_draws, variables_of
from sim.outcomes.panels import Result

ITEMS = (("total", ""), ("iaas", ""))
FIRMS = (("total", "aws"), ("total", "foreign"))


def _results() -> dict[str, Result]:
    """A baseline and two others, of which one has a firm more."""
    luck = np.random.default_rng(5).normal(size=512)
    made = {}
    for place, name in enumerate(("closed", "open", "wide")):
        firms = FIRMS if name != "wide" else (*FIRMS, ("total", "google"))
        share = np.broadcast_to(place + place * luck, (3, 2, 512)).copy()
        worth = np.broadcast_to(place * luck, (1, len(firms), 512)).copy()
        entered = np.broadcast_to(luck > -1, (1, len(firms), 512)).astype(float)
        panels = of(
            panel("foreign_share", share, items=ITEMS),
            panel("npv_with_terminal", worth, items=firms, first_year=2020),
            panel("enters", entered, items=firms, first_year=2020),
            panel("consumer_gain", share.copy(), items=ITEMS),
        )
        made[name] = result(panels, name=name)
    return made


RESULTS = _results()
CASES = {name: one.panels for name, one in RESULTS.items()}


def test_an_outcome_is_variable_scope_item_and_year_and_the_last_year_unless_named() -> None:
    outcome = find_outcome("npv_with_terminal.total.aws", CASES, "closed")
    assert (outcome.variable, outcome.scope, outcome.item, outcome.year) == ("npv_with_terminal", "total", "aws", 2020)
    assert find_outcome("foreign_share.iaas.2019", CASES, "closed").year == 2019


@pytest.mark.parametrize(
    "text", ["foreign_share.total.2019", "open:foreign_share.total.2019", "gain(open:foreign_share.total.2019)"]
)
def test_a_label_is_a_name(text: str) -> None:
    outcome = find_outcome(text, CASES, "closed")
    assert outcome.label == text
    assert find_outcome(outcome.label, CASES, "closed") == outcome


def test_without_a_scenario_all_are_meant_and_of_a_gain_all_but_the_baseline() -> None:
    assert find_outcome("foreign_share.total", CASES, "closed").answered_by(CASES, "closed") == tuple(CASES)
    assert find_outcome("gain(foreign_share.total)", CASES, "closed").answered_by(CASES, "closed") == ("open", "wide")
    assert find_outcome("regret.total.aws", CASES, "closed").answered_by(CASES, "closed") == ("open", "wide")


def test_a_scenario_without_the_place_does_not_answer() -> None:
    google = find_outcome("npv_with_terminal.total.google", CASES, "closed")
    assert google.answered_by(CASES, "closed") == ("wide",)
    with pytest.raises(ValueError, match=re.escape("did you mean 'total.aws'?")):
        find_outcome("gain(npv_with_terminal.total.aw)", CASES, "closed")
    with pytest.raises(ValueError, match="npv_with_terminal is not known of this"):
        find_outcome("gain(npv_with_terminal.total.google)", CASES, "closed")  # the baseline has none


def test_a_gain_is_the_difference_draw_by_draw() -> None:
    gain = find_outcome("gain(foreign_share.total.2020)", CASES, "closed")
    level = find_outcome("foreign_share.total.2020", CASES, "closed")
    levels = {name: outcome_draws(level, one) for name, one in RESULTS.items()}
    assert (outcome_draws(gain, RESULTS["wide"], RESULTS["closed"]) == levels["wide"] - levels["closed"]).all()


def test_what_exists_only_as_a_comparison_needs_no_gain() -> None:
    regret = find_outcome("regret.total.aws", CASES, "closed")
    worth = CASES["open"]["npv_with_terminal"].column(2020, "total", "aws")
    entered = CASES["open"]["enters"].column(2020, "total", "aws")
    assert (outcome_draws(regret, RESULTS["open"], RESULTS["closed"]) == entered * (worth < 0)).all()
    assert set(regret.variables) == {"enters", "npv_with_terminal"} == set(variables_of("gain(open:regret.total.aws)"))
    with pytest.raises(ValueError, match="is a comparison with the baseline already"):
        find_outcome("gain(regret.total.aws)", CASES, "closed")


def test_a_level_that_means_nothing_is_no_outcome_but_its_gain_is() -> None:
    with pytest.raises(ValueError, match=r"only differences mean anything: gain\(consumer_gain.total.2020\)"):
        find_outcome("consumer_gain.total", CASES, "closed")
    assert find_outcome("gain(consumer_gain.total)", CASES, "closed").is_gain
    assert not find_number("consumer_gain.total", CASES, "closed").is_gain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foreign_shares.total", "did you mean 'foreign_share'?"),
        ("opne:foreign_share.total", "did you mean 'open'?"),
        (":foreign_share.total", "no scenario of the study has this name"),
        ("foreign_share", "allowed total, iaas"),
        ("foreign_share.total.2031", "no year 2031 (allowed 2018 to 2020)"),
        ("gain(closed:foreign_share.total)", "closed is the baseline itself"),
        ("market_size.total", "no outcome has this variable"),
        ("irr_of_difference.total.aws", "no outcome has this variable"),
        ("", "no outcome has this variable"),
    ],
)
def test_what_is_no_outcome_is_refused_with_what_there_is(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        find_outcome(text, CASES, "closed")


def test_a_study_of_one_scenario_has_no_gains() -> None:
    with pytest.raises(ValueError, match="there is no scenario but the baseline"):
        find_outcome("gain(foreign_share.total)", {"closed": CASES["closed"]}, "closed")
