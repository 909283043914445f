"""Runs on the same draws share what does not differ between them, to the bit, and nothing that does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shipped import scenario, worlds

from sim.dates import timeline
from sim.model import course, entry, inversion
from sim.model.course import Shared
from sim.model.engine import simulate
from sim.model.inversion import MOST_SHARED

DRAWS = slice(0, 64)

LATER = "{value: 2, unit: years, source: judgement, as_of: 2019-04-30, grade: judgement}"

EDITS = (
    "demand.churn=1",
    "rivalry.provider_sd=0",
    "market.volatility=0.2",
    "opening.hypotheses.open_market_analogue.value=0.4",
    "economics.discount_rate=15",
    "economics.site_cost=30",
    "entry.hurdle=1",
    "entry.build_time=30",
    "regulator.reviewers=1",
    "regulator.review_time=30",
    "zone.cap=0.1",
    "zone.reading=regional",
    "providers.aws.entry={rule: never}",
    "providers.aws.entry={rule: always}",
    "providers.microsoft.entry={bound_until: 2024-01-01}",
    "providers.other_foreign.firms=2",
    f"providers.aws.entry={{rule: always, after: allowed, delay: {LATER}}}",
    "policy.steps.pilot_effective.when=2021-01-01",
    "regimes.ftz_pilot.eligible=[microsoft]",
    "regimes.ftz_pilot.owned_layers=[iaas]",
    "regimes.ftz_pilot.owned_unlock=0.9",
    "regimes.ftz_pilot.partner_equity=0.5",
    "regimes.ftz_pilot.partner_unlock=0.2",
    "regimes.ftz_pilot.capped=false",
    "regimes.ftz_pilot.reach=open",
    "regimes.ftz_pilot.sites=1",
    "regimes.ftz_pilot.yearly_quota=2",
)


@pytest.mark.parametrize("edit", EDITS)
def test_a_run_after_another_that_differs_in_one_thing_has_the_bits_of_it_alone(edit: str) -> None:
    """One that shares base year, verdicts or dates with a run from which it differs in them would not."""
    plain, edited = scenario("ftz_pilot"), scenario("ftz_pilot", edit)
    known, drawn = Shared(), worlds("ftz_pilot", edit).take(DRAWS)
    before = simulate(plain, worlds("ftz_pilot").take(DRAWS), shared=known)
    after, alone = simulate(edited, drawn, shared=known), simulate(edited, drawn)
    for variable, panel in after.items():
        np.testing.assert_array_equal(panel.values, alone[variable].values, err_msg=variable)
    moved = [name for name, panel in after.items() if not np.array_equal(panel.values, before[name].values)]
    assert moved, "the edit moves nothing, so that this shows nothing"


@pytest.mark.parametrize(
    ("edit", "computed"),
    [
        ("regimes.ftz_pilot.capped=false", set()),
        ("regimes.ftz_pilot.sites=1", {"project"}),
        ("regulator.review_time=30", {"project"}),
        ("providers.aws.entry={rule: always}", {"project"}),
        ("regimes.ftz_pilot.owned_unlock=0.9", {"project", "verdict"}),
        ("economics.discount_rate=15", {"verdict", "project"}),
        ("rivalry.provider_sd=0", {"backdrop"}),
        ("opening.layer_factor.iaas=2", {"project", "verdict", "backdrop", "base year"}),
    ],
)
def test_what_an_edit_does_not_move_is_not_computed_again(
    edit: str, computed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def watch(place: Any, name: str, what: str) -> None:
        function = getattr(place, name)

        def watched(*arguments: Any) -> Any:
            made.append(what)
            return function(*arguments)

        monkeypatch.setattr(place, name, watched)

    known = Shared()
    simulate(scenario("ftz_pilot"), worlds("ftz_pilot").take(DRAWS), shared=known)
    watch(timeline, "_run", "project")
    watch(entry._View, "decision", "verdict")
    watch(course, "market_path", "backdrop")
    watch(inversion, "build_economy", "base year")
    simulate(scenario("ftz_pilot", edit), worlds("ftz_pilot", edit).take(DRAWS), shared=known)
    assert set(made) == computed


def test_what_is_kept_for_others_is_bounded() -> None:
    """Further runs have their bits all the same."""
    known = Shared()
    for percent in range(1, MOST_SHARED + 3):
        edit = f"demand.churn={percent}"
        drawn = worlds("jv_only", edit).take(DRAWS)
        shared = simulate(scenario("jv_only", edit), drawn, shared=known, needed=["npv"])["npv"]
        alone = simulate(scenario("jv_only", edit), drawn, needed=["npv"])["npv"]
        np.testing.assert_array_equal(shared.values, alone.values)
    assert known.economies.count == MOST_SHARED


def test_what_a_branch_comes_to_know_its_stem_does_not() -> None:
    known, drawn = Shared(), worlds("ftz_pilot").take(DRAWS)
    simulate(scenario("ftz_pilot"), drawn, shared=known, needed=["npv"])
    branch = known.branch()
    edited = worlds("ftz_pilot", "demand.churn=1").take(DRAWS)
    simulate(scenario("ftz_pilot", "demand.churn=1"), edited, shared=branch, needed=["npv"])
    assert (known.economies.count, branch.economies.count) == (1, 2)
    assert (len(known._known), len(branch._known)) == (1, 2)
    assert len(known.verdicts._known) < len(branch.verdicts._known)
