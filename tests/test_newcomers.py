"""A market in which nobody foreign sells until the rules let them: a monopoly that ends."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from sim import cli
from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.model.engine import simulate
from sim.outcomes.panels import Panel
from sim.reading.loading import load_scenario

NUMBER = "{{value: {0}, unit: '{1}', source: judgement, grade: judgement}}"


def _number(value: float, unit: str = "fraction") -> str:
    return NUMBER.format(value, unit)


def _arrives(percent: float, when: str) -> str:
    arrives = f"{{after: launch, new_choices: {_number(percent, '%')}}}"
    return f"{{origin: foreign, arrives: {arrives}, entry: {{rule: always, from: {when}}}}}"


VARIANT = f"""schema_version: 1
extends: base.yaml
name: newcomers
question: What do newcomers get?
segments: {{state: null, private: {{open: {_number(1)}}}}}
providers:
  first_foreign: {_arrives(30, "2026-01-01")}
  second_foreign: {_arrives(20, "2028-01-01")}
channels: {{own: {{title: sites of their own, kind: owned}}}}
shares: {{services: {{direct: {{first_foreign: null, second_foreign: null}}}}}}
demand:
  kind: purchase
  loyalty: {_number(0)}
  repurchase_years: {_number(1, "years")}
  conduct: {_number(0)}
  churn: null
  captive_growth: null
rivalry: null
technology: null
migration: null
regulator: {{review_time: {_number(0, "months")}}}
opening:
  hypothesis: {{discrete: {{nothing: 1}}, unit: category, source: judgement, grade: judgement}}
  hypotheses:
    {{like_neighbours: null, like_other_openings: null, nothing: {{measure: gain_of_layer, value: {_number(0, "%")}}}}}
policy: {{steps: {{opening: {{when: 2025-01-01, adopt: all_open}}}}}}
"""


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The blank market, with the variant of which all its foreign firms are newcomers."""
    folder = tmp_path_factory.mktemp("blank")
    assert cli.main(["init", str(folder), "--blank"]) == 0
    (folder / "newcomers.yaml").write_text(VARIANT)
    return folder


def _run(blank: Path, *overrides: str) -> Mapping[str, Panel]:
    found = load_scenario(blank / "newcomers.yaml", overrides=overrides)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return simulate(found, draw_worlds(found, range(1)))


def _share(panels: Mapping[str, Panel], name: str, year: int) -> np.ndarray:
    return np.asarray(panels["market_share"].column(year, "total", name))


def test_each_newcomer_gets_its_part_of_what_customers_see_and_nothing_before(blank: Path) -> None:
    """Buyers choose anew, prices stay and there is no luck: 30% of all, then 20%, and 30% of the rest."""
    panels = _run(blank)
    assert not panels["control_premium"].values.any()
    for year in (2024, 2025):
        assert not panels["foreign_share"].column(year, "total").any()
    shares = {name: np.median(_share(panels, name, 2034)) for name in ("first_foreign", "second_foreign")}
    assert shares["second_foreign"] == pytest.approx(0.2, abs=1e-3)
    assert shares["first_foreign"] == pytest.approx(0.3 * 0.8, abs=1e-3)
    assert (panels["owned_revenue"].values >= 0.0).all()
    assert panels["market_expansion"].column(2034, "total").min() > 1.0


@pytest.mark.parametrize("months", [3, 12])
def test_the_earlier_of_two_counts_for_the_later_however_long_a_period_is(blank: Path, months: int) -> None:
    """Both open within a quarter, the one with 20% six weeks later; who opens on the same day does not count."""
    same = [f"horizon.period_months={months}", "entry.build_time=12", "capacity.expansion_lead=3"]
    panels = _run(blank, *same, "providers.second_foreign.entry={rule: always, from: 2026-02-15}")
    for name, share in (("second_foreign", 0.2), ("first_foreign", 0.3 * 0.8)):
        assert np.median(_share(panels, name, 2034)) == pytest.approx(share, abs=1e-3)
    panels = _run(blank, *same, "providers.second_foreign.entry={rule: always, from: 2026-01-01}")
    odds = {"first_foreign": 3 / 7, "second_foreign": 1 / 4}
    for name, own in odds.items():
        assert np.median(_share(panels, name, 2034)) == pytest.approx(own / (1 + sum(odds.values())), abs=1e-3)


def test_luck_finds_newcomers_as_they_come(blank: Path) -> None:
    luck = (
        f"rivalry={{half_life: {_number(3, 'years')}, provider_sd: {_number(1, '1')}, origin_sd: {_number(0.4, '1')}}}"
    )
    panels = _run(blank, luck)
    assert not panels["foreign_share"].column(2025, "total").any()
    assert 0.2 < panels["foreign_share"].column(2034, "total").mean() < 0.7
    assert panels["foreign_share"].column(2034, "total").std() > 0.05


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            "opening.hypotheses.nothing.value=5",
            "opening.hypotheses.nothing: must be a gain_of_layer of 0, because nobody foreign is there",
        ),
        (
            f"technology={{spillover: {_number(1, '%/yr')}, owned_spillover: {_number(1)}}}",
            "technology.spillover: is in proportion to the foreign share of the base year, and nobody foreign is there",
        ),
    ],
)
def test_what_the_base_year_cannot_tell_is_refused(blank: Path, change: str, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        _run(blank, change)
