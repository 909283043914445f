"""Golden summaries: a result that moves does so on purpose.

`python -m pytest tests/test_golden.py --renew-golden` writes them anew and says which rows moved, and by how much.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from shipped import RUNNABLE, run, scenario

from sim.chance.medians import median_world
from sim.model.engine import simulate
from sim.outcomes.results import Panel

GOLDEN = Path(__file__).parent / "golden"
YEARS = (2018, 2019, 2022, 2025, 2030)
ITEMS = {
    "market_size": [("iaas", ""), ("total", "")],
    "foreign_share": [("iaas", ""), ("paas", ""), ("saas", ""), ("total", "")],
    "market_share": [("iaas", "alibaba"), ("iaas", "aws"), ("iaas", "microsoft")],
    "revenue_gross": [("total", "foreign"), ("total", "domestic")],
    "revenue_retained": [("total", "aws"), ("total", "foreign")],
    "owned_revenue": [("total", "foreign")],
    "operating_profit": [("total", "aws"), ("total", "foreign")],
    "cash_flow": [("total", "foreign")],
    "capex": [("total", "foreign")],
    "capacity": [("total", "foreign")],
    "npv": [("total", "aws"), ("total", "foreign")],
    "npv_with_terminal": [("total", "foreign")],
    "enters": [("total", "aws"), ("total", "other_foreign")],
    "operator_profit": [("total", "")],
    "tax_take": [("total", "")],
    "consumer_gain": [("total", "")],
    "markup": [("iaas", "alibaba")],
    "domestic_quality": [("iaas", "")],
    "implied_tariff_equivalent": [("iaas", "")],
    "market_expansion": [("total", "")],
}
RELATIVE, ABSOLUTE = 1e-7, 1e-10
"""Far above what another processor or library moves, far below what a reader would see."""


def _rows(name: str) -> Iterator[tuple[str, float]]:
    """Key and value of the statistics that are held, on 1,024 draws."""
    panels, case = run(name, scrambles=2), simulate(scenario(name), median_world(scenario(name)))
    for variable, items in ITEMS.items():
        panel = panels[variable]
        for item in items:
            for year in (year for year in YEARS if year in panel.years):
                key = f"{variable},{item[0]},{item[1]},{year}"
                column = panel.column(year, *item)
                yield f"{key},mean", float(column.mean())
                for share in (5, 50, 95):
                    yield f"{key},p{share:02d}", float(np.quantile(column, share / 100))
                yield f"{key},median_case", _first(case[variable], year, item)


def _first(panel: Panel, year: int, item: tuple[str, str]) -> float:
    return float(panel.column(year, *item)[0])


def _read(path: Path) -> dict[str, float]:
    with path.open(newline="") as file:
        return {",".join(row[:-1]): float(row[-1]) for row in list(csv.reader(file))[1:]}


def _write(path: Path, rows: dict[str, float]) -> None:
    lines = ["variable,scope,item,period,statistic,value", *(f"{key},{value!r}" for key, value in rows.items())]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_summary_is_the_golden_one(
    name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    path, found = GOLDEN / f"{name}.csv", dict(_rows(name))
    golden = _read(path) if path.exists() else {}
    moved = [key for key in found if not np.isclose(found[key], golden.get(key, np.nan), rtol=RELATIVE, atol=ABSOLUTE)]
    if request.config.getoption("--renew-golden"):
        _write(path, found)
        with capsys.disabled():
            for key in moved:
                print(f"\n{name}: {key}: {golden.get(key, np.nan):.6g} -> {found[key]:.6g}", end="")
        return
    assert found.keys() == golden.keys()
    assert not moved, f"{len(moved)} rows moved, the first: {moved[0]}: {golden[moved[0]]} -> {found[moved[0]]}"
