"""Any document is either accepted and runs, or refused with an error of ours: never another exception, never a NaN.

Two thousand and some different documents a run, always the same ones: variants that change numbers, levers, calendar
and correlations, and files with nodes dropped, renamed, retyped and moved.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import documents
import numpy as np
import pytest
from conftest import SMALL, SOURCES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shipped import FOLDER
from test_schema import as_json

from sim.chance.sampling import draw_worlds
from sim.errors import NumericalError, ScenarioError
from sim.model.engine import simulate
from sim.outcomes.results import require_finite
from sim.reading.documents import read
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario

DRAWS = 8

MIXTURES = {
    "near what is known": (["near"] * 8 + ["anywhere"], 4, 1200),
    "anywhere it can be": (["anywhere"], 3, 450),
    "strange": (["near", "anywhere", "strange"], 4, 450),
    "many changes": (["near", "near", "anywhere"], 12, 200),
}
"""How numbers are drawn, how many, and in how many documents."""

SPOILT = 500


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small base, the shipped case in yearly steps, and their sources."""
    folder = tmp_path_factory.mktemp("fuzz")
    shipped = (FOLDER / "base.yaml").read_text()
    yearly = shipped.replace("end_year: 2030, period_months: 3", "end_year: 2022, period_months: 12")
    assert yearly != shipped
    (folder / "shipped.yaml").write_text(yearly.replace("abstract: true\n", ""))
    (folder / "small.yaml").write_text(SMALL.replace("end_year: 2020", "end_year: 2023"))
    sources = [line for line in (FOLDER / "sources.yaml").read_text().splitlines() if line != "sources:"]
    (folder / "sources.yaml").write_text(SOURCES + "\n".join(sources) + "\n")
    return folder


def fate(path: Path, text: str) -> str:
    """What becomes of a document: it is refused, a draw of it is, or it runs."""
    path.write_text(text)
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        return "refused" if str(error) else "refused without a word"
    try:
        _run(scenario)
    except NumericalError as error:
        return "refused in a draw" if "draw" in str(error) else "refused without naming a draw"
    return "runs"


def _run(scenario: Scenario) -> None:
    panels = simulate(scenario, draw_worlds(scenario, range(1)).take(slice(0, DRAWS)))
    for panel in panels.values():
        require_finite(panel)
    shares = panels["market_share"]
    for scope in {scope for scope, _ in shares.items}:
        rows = [i for i, (found, _) in enumerate(shares.items) if found == scope]
        np.testing.assert_allclose(shares.values[:, rows].sum(axis=1), 1, rtol=1e-9)


def _whole_files(library: Path) -> list[dict[str, Any]]:
    """Trees of shipped variants, which then extend the yearly base, and of the small base, which stands alone."""
    names = ("piecemeal", "announced_path", "reversal", "forced_transfer")
    variants = [as_json(read(FOLDER / f"{name}.yaml").plain()) | {"extends": "shipped.yaml"} for name in names]
    return [*variants, *[as_json(read(library / "small.yaml").plain())] * 3]


def _tally(strategy: st.SearchStrategy[str], count: int, library: Path) -> Counter[str]:
    """The fates of so many documents, repeated ones counted once; what breaks the program is shrunk and told."""
    tally: Counter[str] = Counter()
    seen: set[str] = set()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(strategy)
    def judge(text: str) -> None:
        if text not in seen:
            tally[fate(library / "case.yaml", text)] += 1
            seen.add(text)

    judge()
    return tally


@pytest.mark.slow
def test_every_document_runs_or_is_refused_and_a_third_of_them_run(library: Path) -> None:
    bases, tally = [library / "small.yaml", library / "shipped.yaml"], Counter[str]()
    for moods, most, count in MIXTURES.values():
        tally += _tally(documents.variants(bases, moods, most), count, library)
    tally += _tally(documents.spoilt(_whole_files(library)), SPOILT, library)
    assert set(tally) <= {"runs", "refused", "refused in a draw"}, tally
    assert tally.total() >= 2_000, tally
    assert tally["runs"] >= tally.total() / 3, tally
    assert tally["refused"] >= tally.total() / 4, tally
