"""An event in a user's words."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import of, panel, result

from sim.outcomes.events import event_draws, find_event

SHARE = np.array([[[0.1] * 512], [[0.1, 0.2, 0.3, 0.4] * 128]])
RESULT = result(of(panel("foreign_share", SHARE), panel("npv", SHARE, items=(("total", "aws"),))))
CASES = {"closed": RESULT.panels}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("foreign_share.total.2019 > 0.25", "foreign_share.total.2019 > 0.25"),
        ("foreign_share.total>=25%", "foreign_share.total.2019 >= 0.25"),
        ("  closed:foreign_share.total.2019  <  2.5e1 points ", "closed:foreign_share.total.2019 < 0.25"),
        ("npv.total.aws <= -300 USD m", "npv.total.aws.2019 <= -0.3"),
        ("npv.total.aws <= -.3 USD bn", "npv.total.aws.2019 <= -0.3"),
    ],
)
def test_an_event_is_an_outcome_a_side_and_a_number_in_a_unit_of_the_outcome(text: str, label: str) -> None:
    assert find_event(text, CASES).label == label


@pytest.mark.parametrize(("side", "share"), [(">", 0.5), (">=", 0.75), ("<", 0.25), ("<=", 0.5)])
def test_a_side_has_the_end_or_not(side: str, share: float) -> None:
    assert event_draws(find_event(f"foreign_share.total.2019 {side} 0.2", CASES), RESULT).mean() == share


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("foreign_share.total.2019", "an event is an outcome, one of > >= < <=, and a number, as in gain"),
        ("foreign_share.total.2019 = 3", "an event is an outcome"),
        ("0.1 < foreign_share < 0.2", "an event is an outcome"),
        ("foreign_share.total > much", "to the right stands a number, with or without its unit .found 'much'"),
        ("foreign_share.total > 3 USD bn", "not in this unit .found 'USD bn'; allowed fraction, %, points"),
        ("foreign_share.totl > 3", "did you mean 'total'"),
        ("foreign_shar.total > 3", "did you mean 'foreign_share'"),
        ("gain(foreign_share.total) > 3", "there is no scenario but the baseline"),
    ],
)
def test_what_is_no_event_is_refused_with_what_there_is(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        find_event(text, CASES, "closed")


@pytest.mark.parametrize(("variable", "late"), [("payback", True), ("irr", False)])
def test_what_never_comes_is_late_and_what_is_undefined_does_not_pass(variable: str, late: bool) -> None:
    values = np.where(np.arange(512) % 2, np.nan, 5.0)[None, None]
    one = result(of(panel(variable, values, items=(("total", "aws"),))))
    happens = event_draws(find_event(f"{variable}.total.aws > 4", {"closed": one.panels}), one)
    assert happens.mean() == (1.0 if late else 0.5)
    assert event_draws(find_event(f"{variable}.total.aws > 9", {"closed": one.panels}), one).any() == late
