"""As many draws as a target takes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from synthetic import of, panel, result

from sim.errors import ScenarioError
from sim.outcomes.naming import Outcome, outcome_draws
from sim.outcomes.panels import Result
from sim.outcomes.statistics import STATISTICS, describe, standard_error
from sim.tasks import precision
from sim.tasks.precision import as_precise_as, next_draws, read_target


def _results(draws: int, spread: float = 1.0) -> list[Result]:
    """Two scenarios whose difference has independent draws."""
    luck = np.random.default_rng(5).normal(size=draws)
    items = (("total", ""), ("iaas", ""))
    levels = {"closed": np.zeros(draws), "open": spread * luck}
    return [
        result(of(panel("foreign_share", np.broadcast_to(level, (3, 2, draws)).copy(), items=items)), name=name)
        for name, level in levels.items()
    ]


def test_a_standard_error_is_that_of_the_tables() -> None:
    column = np.random.default_rng(1).lognormal(size=512 * 9)
    assert standard_error(column) == describe(column[None]).error[0, STATISTICS.index("mean")]


def _outcome(text: str, results: list[Result]) -> Outcome:
    return read_target(text).outcome({one.name: one.panels for one in results}, "closed")


def test_a_target_names_an_outcome_and_a_standard_error() -> None:
    target = read_target("open:foreign_share.total.2020=1e-4")
    assert (target.name, target.value) == ("open:foreign_share.total.2020", 1e-4)


@pytest.mark.parametrize("name", ["foreign_share.total.2020", "gain(foreign_share.total)", "open:foreign_share.total"])
def test_a_target_means_the_difference_to_the_baseline(name: str) -> None:
    assert _outcome(f"{name}=0.1", _results(512)).is_gain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foreign_share.total.2030", "an outcome and its standard error"),
        ("foreign_share.total.2030=small", "a standard error is a number above 0 (found 'small')"),
        ("foreign_share.total.2030=0", "a standard error is a number above 0 (found '0')"),
        ("foreign_share.total.2030=nan", "a standard error is a number above 0 (found 'nan')"),
        ("foreign_share.total.2030=inf", "a standard error is a number above 0 (found 'inf')"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=rf"^--target-se: .*{re.escape(message)}"):
        read_target(text)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ("foreign_share.totl.2020", "did you mean 'total'?"),
        ("foreign_share.2020", "allowed total, iaas"),
        ("foreign_share.total.2030", "has no year 2030 (allowed 2018 to 2020)"),
        ("foreign_shares.total.2020", "did you mean 'foreign_share'?"),
        ("opne:foreign_share.total.2020", "did you mean 'open'?"),
        ("closed:foreign_share.total.2020", "closed is the baseline itself"),
    ],
)
def test_an_outcome_that_the_study_does_not_have_is_refused(outcome: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=rf"^--target-se: .*{re.escape(message)}"):
        _outcome(f"{outcome}=0.1", _results(512))


def test_an_outcome_that_some_draws_lack_has_no_error_to_reach() -> None:
    held = [result(of(panel("irr", np.zeros((1, 1, 512)))), name=name) for name in ("closed", "open")]
    with pytest.raises(ScenarioError, match="irr does not exist in every draw"):
        _outcome("irr.total=0.1", held)


def test_a_target_takes_two_scenarios() -> None:
    with pytest.raises(ScenarioError, match="there is no scenario but the baseline"):
        _outcome("foreign_share.total.2020=0.1", _results(512)[:1])


def test_draws_are_added_until_the_target_is_reached() -> None:
    asked: list[int] = []

    def run(draws: int) -> list[Result]:
        asked.append(draws)
        return _results(draws)

    target = read_target("foreign_share.total.2020=0.006")
    outcome = _outcome("foreign_share.total.2020=0.006", _results(512))
    results, reached = as_precise_as(target, outcome, "closed", 512, run)
    assert asked[0] == 4096  # fewer have no standard error
    assert asked == sorted(set(asked))
    assert results[1].panels["foreign_share"].draws == reached.draws == asked[-1]
    before = outcome_draws(outcome, *reversed(_results(asked[-2])))
    assert reached.error <= 0.006 < standard_error(before)
    assert reached.draws < 2 * (1 / 0.006) ** 2


def test_a_target_that_is_reached_at_once_adds_nothing() -> None:
    target = read_target("foreign_share.total.2020=0.5")
    outcome = _outcome("foreign_share.total.2020=0.5", _results(512))
    assert as_precise_as(target, outcome, "closed", 4096, _results)[1].draws == 4096


def test_a_target_out_of_reach_ends_at_the_most_draws_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "MOST_DRAWS", 16384)
    target = read_target("foreign_share.total.2020=1e-9")
    outcome = _outcome("foreign_share.total.2020=1e-9", _results(512))
    reached = as_precise_as(target, outcome, "closed", 4096, _results)[1]
    assert reached.draws == 16384
    assert "1e-09 was asked for, and is out of reach of 16,384 draws" in str(reached)


def test_the_error_falls_with_the_root_of_the_draws() -> None:
    assert next_draws(10240, 1.5) == 25600  # 10240 * 1.5**2 * 1.1 = 25344, in whole blocks of 1024


def test_at_most_four_times_the_draws_are_tried_next_and_at_least_one_block_more() -> None:
    assert next_draws(4096, 100.0) == 16384
    assert next_draws(4096, 1.0001) == 5120
