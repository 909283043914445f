"""The cases in folders of their own: every variant is right by itself, runs, and is told apart from its baseline."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from shipped import FOLDER, column, year

from sim import cli
from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.panels import Panel
from sim.reading import naming
from sim.reading.consistency import problems
from sim.reading.loading import load_scenario

CASES = ("cars", "europe_cloud", "insurers")
VARIANTS = [
    f"{case}/{file.stem}" for case in CASES for file in naming.scenario_files(FOLDER / case) if file.stem != "base"
]


@functools.cache
def ran(name: str) -> Mapping[str, Panel]:
    """A variant in a few draws."""
    found = load_scenario(FOLDER / f"{name}.yaml")
    return simulate(found, draw_worlds(found, range(1)))


def test_every_folder_with_a_base_is_a_case_that_is_tested_here() -> None:
    assert {file.parent.name for file in FOLDER.glob("*/base.yaml")} == set(CASES)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_fits_together_and_runs(name: str) -> None:
    found = load_scenario(FOLDER / f"{name}.yaml")
    assert not problems(found)
    assert found.question
    panels = ran(name)
    share = column(panels, "foreign_share")
    assert ((share > 0.0) & (share < 1.0)).all()
    last = found.horizon.end_year
    for variable in ("npv", "cash_flow", "capex"):
        assert np.isfinite(year(panels, variable, last, item="foreign")).all()
    size = column(panels, "market_size")
    for scope in (*found.market.layers, "total"):
        shares = sum(column(panels, "market_share", scope, one) for one in (*found.domestic, *found.foreign))
        np.testing.assert_allclose(shares, 1.0, atol=1e-9)
    assert (size > 0.0).all()


def test_money_goes_somewhere() -> None:
    """Where no site stands, what customers pay is royalty, tax, tariff, cost and profit; nothing is left over."""
    panels = ran("cars/joint_ventures_kept")
    paid, served = (year(panels, name, 2025, item="foreign") for name in ("revenue_gross", "cross_border_revenue"))
    assert (served > 0.0).all()
    assert (served < 0.5 * paid).all()
    assert (year(panels, "tax_take", 2025) > 0.0).all()


def test_closing_costs_foreign_providers_and_customers() -> None:
    opened, closed = ran("europe_cloud/open_as_it_is"), ran("europe_cloud/handed_over")
    lost = year(closed, "foreign_share", 2030) - year(opened, "foreign_share", 2030)
    assert (lost < 1e-3).mean() > 0.98
    gain = year(closed, "consumer_gain", 2030) - year(opened, "consumer_gain", 2030)
    assert (gain < 0.0).mean() > 0.95
    assert not year(closed, "owned_revenue", 2025, item="foreign").any()


def test_a_whole_cap_is_bought_where_it_pays() -> None:
    half, whole = ran("insurers/half_kept"), ran("insurers/whole_at_once")
    assert "buys_out" in whole
    last = max(whole["buys_out"].years)
    assert last >= 2025
    assert 0.0 < whole["buys_out"].values[-1].mean() < 1.0
    assert (year(half, "foreign_share", last) <= 1.0).all()


def test_each_record_names_what_is_held_against_it() -> None:
    for _, base, record in naming.tested_cases():
        tested = load_scenario(base).tested
        assert tested is not None
        assert (base.parent / f"{tested}.yaml").is_file(), record


def test_all_cases_are_scored_in_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["backtest", "--all", "--draws", "512", "--no-plots", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    for case, *_ in naming.tested_cases():
        assert case in said
    assert "facts of" in said
    assert said.endswith("Saved in results/track_record.csv\n")
    with Path("results/track_record.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    told = {line.partition(":")[0] for line in said.splitlines() if " under " in line}
    assert {row["case"] for row in rows} == told
    assert {row["forecast"] for row in rows} >= {"engine", "last_share"}
    whole = ("foreign_share", "total", "engine")
    wholes = [row for row in rows if (row["variable"], row["scope"], row["forecast"]) == whole]
    assert len(wholes) == 3
    for row in wholes:  # never hidden behind another series
        assert f"{float(row['value']):.4f}" in said
    assert cli.main(["backtest", "--all", "jv_only"]) != 0
    assert "takes a scenario file and --observed, or --all alone" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--as-of", "2019-01-01"), ("--map", "names.yaml")])
def test_what_is_of_one_case_does_not_go_with_all_of_them(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtest", "--all", *option]) == 2
    assert f"{option[0]}: goes with one scenario file; with --all each case has its own day" in capsys.readouterr().err


def test_who_arrives_in_one_layer_sells_nothing_in_another() -> None:
    panels = ran("cars/joint_ventures_kept")
    there, elsewhere = (year(panels, "market_share", 2025, layer, "volkswagen_electric") for layer in ("nev", "ice"))
    assert (there > 1e-4).all()
    assert elsewhere.max() < 1e-9
