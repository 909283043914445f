"""Shipped scenarios, and a small complete one in a folder of its own to spoil."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sim.errors import ScenarioError
from sim.reading.loading import load_scenario, shipped_folder
from sim.scenario.scenario import Scenario

TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """The way to renew golden summaries on purpose."""
    parser.addoption("--renew-golden", action="store_true", help="write the golden summaries anew, and say what moved")


QUICK = (
    "oracles/test_distributions.py",
    "oracles/test_finance.py",
    "test_architecture.py",
    "test_baseyear.py",
    "test_blocks.py",
    "test_bridge.py::test_a_game_of_four_by_hand",
    "test_calendar.py",
    "test_cli.py",
    "test_comparison.py",
    "test_consistency.py",
    "test_discovery.py::test_coverage_and_density_by_hand",
    "test_decisions.py::test_regret_by_hand",
    "test_distributions.py",
    "test_evidence.py",
    "test_golden.py::test_the_summary_is_the_golden_one[jv_only]",
    "test_iamc.py::test_a_name_follows_from_the_row_by_one_rule",
    "test_lessons.py",
    "test_licensing.py",
    "test_likelihood.py",
    "test_loading.py",
    "test_markup.py",
    "test_overrides.py",
    "test_panels.py",
    "test_plots.py::test_every_picture_has_a_title_units_and_its_sources_draws_and_seed[foreign_share]",
    "test_precision.py",
    "test_record.py",
    "test_shocks.py",
    "test_splines.py",
    "test_statistics.py",
    "test_waiting.py::test_nobody_sees_what_a_date_will_pay",
)
"""Files, or tests of them, of the quick tier: by measurement, half a minute of one core together."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no other files for the quick tier: that alone takes ten seconds."""
    files = {entry.partition("::")[0] for entry in QUICK}
    beside = collection_path.suffix == ".py" and collection_path.relative_to(TESTS).as_posix() not in files
    return True if config.option.markexpr == "quick" and beside else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick tier."""
    for item in items:
        if f"{item.path.relative_to(TESTS).as_posix()}::{item.name}".startswith(QUICK):
            item.add_marker(pytest.mark.quick)


SMALL = """\
schema_version: 1
name: small
question: What is it worth?
as_of: 2019-04-30
exchange_rates: {CNY: {value: 6.62, unit: CNY per USD, source: bank, grade: found}}
horizon: {base_year: 2018, end_year: 2020, period_months: 12}
sampling: {seed: 1, draws: 512}
market:
  size: {low: 7, median: 7.2, high: 8, unit: USD bn/yr, source: bank, grade: found}
  layers:
    iaas: {title: IaaS,
      size: {value: 33.1, unit: CNY bn/yr, source: bank, grade: found}}
    saas: {title: SaaS}
  drift_fade: {value: 0.5, unit: 1/yr, source: judgement, grade: judgement}
  growth_base: {value: 72, unit: "%/yr", source: bank, grade: found}
  growth_forecast: {interval: 30 to 55, unit: "%/yr", source: judgement, grade: judgement}
  forecast_years: 4
  growth_long_run: {value: 7, unit: "%/yr", source: judgement, grade: judgement}
  volatility: {value: 0.35, unit: 1/yr, source: judgement, grade: judgement}
  growth_reversion: {value: 0.8, unit: 1/yr, source: judgement, grade: judgement}
  level_reversion: {value: 0.2, unit: 1/yr, source: judgement, grade: judgement}
  step_rate: {value: 1, unit: 1/decade, source: judgement, grade: judgement}
  step_size: {value: 0.25, unit: "1", source: judgement, grade: judgement}
segments:
  firms:
    layer: iaas
    weight: {value: 1, unit: fraction, source: judgement, grade: judgement}
    open: {low: 0.6, median: 0.8, high: 0.9, min: 0.005, max: 1, unit: fraction, source: judgement, grade: judgement}
    foreign_propensity: {value: 1, unit: "1", source: judgement, grade: judgement}
  users:
    layer: saas
    weight: {value: 1, unit: fraction, source: judgement, grade: judgement}
    open: {value: 0.8, unit: fraction, source: judgement, grade: judgement}
    foreign_propensity: {value: 1, unit: "1", source: judgement, grade: judgement}
providers:
  alibaba: {title: Alibaba, origin: domestic}
  others: {title: Others, origin: domestic, fringe: true}
  aws: {title: AWS, origin: foreign}
shares:
  iaas:
    direct:
      alibaba: {value: 43, unit: "%", source: bank, grade: found}
      aws: {value: 6.9, unit: "%", source: bank, grade: found}
    rest: others
  saas:
    foreign: {value: 20, unit: "%", source: judgement, grade: judgement}
    foreign_split:
      aws: {value: 1, unit: fraction, source: judgement, grade: judgement}
    domestic_split_as: iaas
demand:
  elasticity_of_substitution: {value: 3.5, unit: "1", source: judgement, grade: judgement}
  elasticity_of_demand: {value: 1.2, unit: "1", source: judgement, grade: judgement}
  conduct: {value: 0.7, unit: fraction, source: judgement, grade: judgement}
  captive_growth: {value: 0.5, unit: fraction, source: judgement, grade: judgement}
  churn: {low: 1, median: 3, high: 8, min: 0, unit: "%/yr", source: judgement, grade: judgement}
rivalry:
  half_life: {value: 3, unit: years, source: judgement, grade: judgement}
  provider_sd: {value: 1.8, unit: "1", source: judgement, grade: judgement}
  origin_sd: {value: 0.45, unit: "1", source: judgement, grade: judgement}
technology:
  catch_up: {value: 0, unit: "%/yr", source: judgement, grade: judgement}
  spillover: {value: 0.4, unit: "%/yr", source: judgement, grade: judgement}
  owned_spillover: {value: 0.5, unit: fraction, source: judgement, grade: judgement}
closure:
  drift: {value: 0.3, unit: points/yr, source: judgement, grade: judgement}
opening:
  layer: iaas
  hypothesis: {discrete: {wide: 0.5, narrow: 0.5}, unit: category, source: judgement, grade: judgement}
  hypotheses:
    wide:
      measure: share_of_open
      value: {value: 70, unit: "%", source: judgement, grade: judgement}
    narrow:
      measure: gain_of_layer
      value: {value: 6, unit: "%", source: judgement, grade: judgement}
  layer_factor:
    iaas: {value: 1, unit: "1", source: judgement, grade: judgement}
    saas: {value: 0.5, unit: "1", source: judgement, grade: judgement}
  ramp: {value: 2, unit: years, source: judgement, grade: judgement}
migration:
  rate: {value: 0.3, unit: 1/yr, source: judgement, grade: judgement}
  consent_loss: {value: 6, unit: "%", source: judgement, grade: judgement}
capacity:
  expansion_lead: {value: 6, unit: months, source: judgement, grade: judgement}
  planning_years: {value: 0.5, unit: years, source: judgement, grade: judgement}
zone:
  reading: {discrete: {all: 1}, unit: category, source: judgement, grade: judgement}
  readings:
    all:
      reach: {value: 1, unit: fraction, source: judgement, grade: judgement}
  cap: {value: 0.5, unit: USD bn/yr, source: judgement, grade: judgement}
regulator:
  reviewers: 2
  review_time: {low: 3, median: 12, high: 41, min: 0, unit: months, source: judgement, grade: judgement}
entry:
  rule: profit
  hurdle: {value: 1.5, unit: "1", source: judgement, grade: judgement}
  build_time: {value: 22, unit: months, source: judgement, grade: judgement}
economics:
  site_cost: {value: 36, unit: "%", source: judgement, grade: judgement}
  operator_margin: {value: 11, unit: "%", source: judgement, grade: judgement}
  provider_margin: {value: 28, unit: "%", source: judgement, grade: judgement}
  incremental_technology: {value: 35, unit: "%", source: judgement, grade: judgement}
  technology_royalty: {value: 60, unit: "%", source: judgement, grade: judgement}
  capital_intensity: {value: 0.88, unit: "1", source: judgement, grade: judgement}
  asset_life: {value: 6, unit: years, source: judgement, grade: judgement}
  reference_utilization: {value: 70, unit: "%", source: judgement, grade: judgement}
  reference_growth: {value: 47, unit: "%/yr", source: bank, grade: found}
  royalty_withholding: {value: 10, unit: "%", source: judgement, grade: judgement}
  royalty_vat: {value: 3, unit: "%", source: judgement, grade: judgement}
  profit_tax: {value: 25, unit: "%", source: judgement, grade: judgement}
  dividend_withholding: {value: 10, unit: "%", source: judgement, grade: judgement}
  domestic_margin: {value: 25, unit: "%", source: judgement, grade: judgement}
  discount_rate: {value: 10, unit: "%/yr", source: judgement, grade: judgement}
  terminal_growth: {value: 2, unit: "%/yr", source: judgement, grade: judgement}
  transfer_price: {value: 0.7, unit: fraction, source: judgement, grade: judgement}
regimes:
  closed:
    title: Partners only
    partner_equity: 0
    partner_unlock: 0
    owned_layers: []
    owned_unlock: 0
    reach: none
    capped: false
    sites: null
    yearly_quota: null
    spillover: 1
    transfers_sites: false
  pilot:
    title: Pilot
    partner_equity: 0.5
    partner_unlock: 0
    owned_layers: [iaas]
    owned_unlock: {value: 70, unit: "%", source: judgement, grade: judgement}
    reach: zone
    capped: true
    sites: 2
    yearly_quota: 1
    spillover: 1
    transfers_sites: false
policy:
  start: closed
  steps:
    pilot_effective: {when: 2020-01-01, adopt: pilot}
"""

DISCREPANCY = """\
discrepancy:
  size: {value: 0.05, unit: "1", source: judgement, grade: judgement}
  share: {value: 0.1, unit: "1", source: judgement, grade: judgement}
  persistence: {value: 0.5, unit: fraction, source: judgement, grade: judgement}
  date: {value: 3, unit: months, source: judgement, grade: judgement}
  event: {value: 0.01, unit: fraction, source: judgement, grade: judgement}
"""
"""What a scenario states besides so that a record can teach it."""

SOURCES = """\
sources:
  bank: {title: A bank's report, published: 2019-01-01}
  late: {title: A later book, published: 2019-06-01}
"""


class Folder:
    """A folder with a small base scenario and its sources, which is also the working directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("small.yaml", SMALL)
        self.write("sources.yaml", SOURCES)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file, and return its name as a user would give it."""
        (self.path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return Path(name)

    def variant(self, text: str) -> Path:
        """Write `case.yaml`, which extends the small base: its keys begin in line 3."""
        return self.write("case.yaml", f"extends: small.yaml\nname: case\n{text}")

    def spoilt(self, old: str, new: str) -> Path:
        """Write `case.yaml`, the small base with one text replaced."""
        assert SMALL.count(old) == 1, f"{old!r} stands {SMALL.count(old)} times"
        return self.write("case.yaml", SMALL.replace(old, new))

    def complaints(self, path: str | Path, *overrides: str) -> list[str]:
        """The lines that loading a file is refused with."""
        with pytest.raises(ScenarioError) as caught:
            load_scenario(path, overrides=overrides)
        return str(caught.value).splitlines()


@cache
def small() -> Scenario:
    """The small scenario, for tests that change it in memory."""
    with TemporaryDirectory() as path:
        Folder(Path(path))
        return load_scenario(Path(path) / "small.yaml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder of one's own, with `small.yaml` and `sources.yaml`."""
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


@pytest.fixture(scope="session")
def shipped() -> Callable[[str], Scenario]:
    """Loads a shipped scenario by name, once."""
    return cache(lambda name: load_scenario(shipped_folder() / f"{name}.yaml"))
