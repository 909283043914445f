"""A run computes what is needed, with the bits that it has among everything else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from shipped import scenario, worlds

from sim.axes import FloatArray
from sim.errors import SimError
from sim.model.accounts import OUTCOMES
from sim.model.engine import simulate
from sim.outcomes.panels import Panel
from sim.outcomes.variables import ONLY_WHERE, exists_in


@cache
def _few(name: str, *needed: str) -> dict[str, Panel]:
    """Outcomes of a few draws in blocks; without names all of them."""
    return dict(simulate(scenario(name), worlds(name).take(slice(0, 32)), block=20, needed=needed or None))


def _described(panel: Panel) -> tuple[str, str, tuple[int, ...], tuple[tuple[str, str], ...], FloatArray]:
    return panel.variable, panel.unit, panel.years, panel.items, panel.median


@pytest.mark.parametrize("name", ["jv_only", "full_liberalization", "forced_transfer", "new_entrant"])
@pytest.mark.parametrize("variable", sorted(OUTCOMES.keys() - ONLY_WHERE))
def test_an_outcome_alone_has_the_bits_and_labels_that_it_has_among_all(variable: str, name: str) -> None:
    (alone,), among = _few(name, variable).values(), _few(name)[variable]
    np.testing.assert_array_equal(alone.values, among.values)
    assert repr(_described(alone)) == repr(_described(among))


def test_an_outcome_that_only_some_scenarios_have_is_left_out_of_others() -> None:
    lacking = {name for name in ONLY_WHERE if not exists_in(scenario("jv_only"), name)}
    assert lacking == {"market_volume", "buys_out", "cross_border_revenue", "control_premium"}
    assert not lacking & _few("jv_only").keys()


def test_outcomes_come_once_and_in_the_order_of_results() -> None:
    assert list(_few("jv_only", "npv", "market_size", "npv")) == ["market_size", "npv"]


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("npv_with_termnal", r"^a run computes no such outcome \(found 'npv_with_termnal'.*'npv_with_terminal'\?\)$"),
        ("regret", "^regret compares two scenarios: no run of one computes it$"),
    ],
)
def test_what_no_run_computes_is_refused(variable: str, message: str) -> None:
    with pytest.raises(SimError, match=message):
        simulate(scenario("jv_only"), worlds("jv_only"), needed=[variable])
