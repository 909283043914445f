"""The README is short, its commands run, and what it says of the answer is what they give."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import typer.main
from filelock import FileLock
from shipped import run, scenario, worlds

import sim
from sim.axes import FloatArray
from sim.cli import app
from sim.errors import SimError
from sim.model import accounts
from sim.model.engine import simulate
from sim.outcomes.variables import VARIABLES, exists_in, unit_of
from sim.reading import naming
from sim.reading.loading import load_scenario
from sim.wording import signed

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
REGIMES = {"jv_only": "JV only", "ftz_pilot": "FTZ pilot", "full_liberalization": "Full liberalization"}

Table = Mapping[tuple[str, ...], float]

_CELL = re.compile(
    r"^```\{code-cell\} ipython3\n(?:---\n.*?\n---\n|(?::[^\n]*\n)+)?(.*?)^```$", re.DOTALL | re.MULTILINE
)

_WITHOUT_NOTEBOOK = """\
import subprocess, sys, types
display = types.ModuleType("IPython.display")
display.Image = display.Markdown = display.display = lambda *_, **__: None
sys.modules.update({"IPython": types.ModuleType("IPython"), "IPython.display": display})
"""
"""What a notebook has and a plain interpreter lacks: places to show things."""


def _block(mark: str) -> str:
    """The fenced block below a mark."""
    block = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert block is not None
    return block[1]


def _between(mark: str) -> list[str]:
    """Lines between a mark and its end."""
    lines = re.search(rf"<!-- {mark} -->\n\n(.*?)\n\n<!-- end of {mark} -->", README, re.DOTALL)
    assert lines is not None, f"the README has no {mark}"
    return lines[1].split("\n")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the README's first command has run, one for all processes that test."""
    folder = tmp_path_factory.getbasetemp().parent / "checkout"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
            command = ["bash", "-euo", "pipefail", "-c", _block("run")]
            subprocess.run(command, check=True, cwd=folder, capture_output=True)
    return folder


@pytest.mark.slow
def test_the_first_command_installs_the_project_and_leaves_three_regimes(checkout: Path) -> None:
    (study,) = (path for path in (checkout / "results").iterdir() if path.is_dir())
    assert len(list((study / "plots").glob("*.png"))) == len(list((study / "plots").glob("*.svg"))) == 12
    assert list(checkout.glob(".venv/lib/*/site-packages/sim/py.typed"))
    for name in ("manifest.json", "summary.csv", "comparison.csv", "parameters.csv", "ftz_pilot/draws.nc"):
        assert (study / name).stat().st_size > 0


@pytest.mark.slow
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_from_the_installed_package_in_an_empty_folder(
    tutorial: Path, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "cells.py").write_text(_WITHOUT_NOTEBOOK + "\n".join(_cells(tutorial)))
    (tmp_path / "empty").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = os.pathsep.join((str(checkout / ".venv" / "bin"), environment["PATH"]))
    command = [checkout / ".venv" / "bin" / "python", "-P", tmp_path / "cells.py"]
    done = subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _cells(page: Path) -> list[str]:
    """The cells of a page as Python, without what they say to the page."""
    codes = _CELL.findall(page.read_text())
    assert len(codes) == page.read_text().count("{code-cell}")
    shells = [re.fullmatch(r"%%bash\n(.*)", code, re.DOTALL) for code in codes]
    return [
        f"subprocess.run(['bash', '-euo', 'pipefail', '-c', {shell[1]!r}], check=True)" if shell else code
        for code, shell in zip(codes, shells, strict=True)
    ]


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len(README.split()) <= 1200


def test_the_version_is_that_of_the_newest_release_and_of_the_citation() -> None:
    releases = re.findall(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text()
    stated = [re.search(rf"^{key}: (\S+)$", citation, re.MULTILINE) for key in ("version", "date-released")]
    assert releases[0] == tuple(found and found[1] for found in stated)
    assert sim.__version__ == releases[0][0]


def test_the_test_command_installs_what_tests_need() -> None:
    assert _block("tests").endswith("-m pytest")
    assert "'.[test]'" in _block("tests")


def test_ten_questions_are_answered_by_commands_that_exist() -> None:
    rows = re.findall(r"^\| ([^|]+\?[^|]*) \| (`sim .*`) \|$", README, re.MULTILINE)
    assert len(rows) == 10
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for words in (shlex.split(command) for _, row in rows for command in re.findall(r"`sim ([^`]+)`", row)):
        options = {option for parameter in commands[words[0]].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words
        assert all((ROOT / word).is_file() for word in words if word.startswith("scenarios/")), words


@pytest.mark.slow
def test_the_answer_is_that_of_the_first_command(tmp_path: Path) -> None:
    files = [ROOT / "scenarios" / f"{name}.yaml" for name in REGIMES]
    study = sim.run_study(files, plots=False, out=tmp_path).folder
    assert _between("answer") == [*_regimes(study), "", *_disputed(study), "", *_parties(study)]


def _regimes(study: Path) -> list[str]:
    """The table of regimes."""
    levels, gains = _table(study / "summary.csv"), _table(study / "comparison.csv")
    lines = ["| in 2030 | share, % | added, points | worth, USD bn | AWS builds; regrets it |", "|---|---|---|---|---|"]
    for name, title in REGIMES.items():
        cells = [title, _band(levels, name, "foreign_share", scale=100)]
        if name != "jv_only":
            builds, regrets = (100 * gains[name, of, "total", "aws", "2030", "mean"] for of in ("enters", "regret"))
            cells += [_band(gains, name, "foreign_share", scale=100, gain=True), _band(gains, name, "npv", "foreign")]
            cells += [f"{builds:.0f}%; {regrets:.1f}%"]
        lines.append(f"| {' | '.join([*cells, *[''] * (5 - len(cells))])} |")
    return lines


def _disputed(study: Path) -> list[str]:
    """What the last regime adds by hypothesis."""
    results = sim.load_results(study)
    share = [np.asarray(results[name]["foreign_share"].sel(year=2030, item="total:")) for name in (*REGIMES,)[::2]]
    holds = np.asarray(results["jv_only"]["opening_hypothesis"].sel(year=2030, item=":"))
    titles = [hypothesis.title for hypothesis in scenario("jv_only").opening.hypotheses.values()]
    parts = [_centre(100 * (share[1] - share[0])[holds == index], title) for index, title in enumerate(titles)]
    return ["By hypothesis, full liberalization adds in the mean:", *(f"- {part}" for part in parts)]


def _centre(gain: FloatArray, title: str) -> str:
    return f"{gain.mean():.1f} points (median {np.median(gain):.1f}) by {title}"


def _parties(study: Path) -> list[str]:
    """What it brings to others."""
    gains = _table(study / "comparison.csv")
    names = ("consumer_gain", "domestic_gross_profit", "operator_profit")
    customers, rivals, operators = (_band(gains, "full_liberalization", name, gain=True) for name in names)
    return [
        f"In 2030 it brings, in USD bn a year: to customers {customers}, an upper bound;",
        f"to domestic rivals, in gross profit, {rivals}; to local operators {operators}.",
    ]


@pytest.mark.slow
def test_the_record_is_that_of_the_backtest(tmp_path: Path) -> None:
    folder = ROOT / "scenarios"
    sim.run_backtest(folder / "jv_only.yaml", folder / "observed_2019_2021.csv", plots=False, out=tmp_path)
    (study,) = tmp_path.glob("backtest-*")
    assert _between("record") == _scores(study)


@pytest.mark.slow
def test_the_table_of_cases_counts_as_their_backtests_do(tmp_path: Path) -> None:
    told = re.findall(
        r"(?:, `(\w+)`)? \| [^|]+ \| [^|]+ \| (\d+ of \d+) \|$", "\n".join(_between("cases")), re.MULTILINE
    )
    counted = []
    for case, base, record in naming.tested_cases():
        tested = base.parent / f"{load_scenario(base).tested}.yaml"
        sim.run_backtest(tested, record, draws=2048, plots=False, out=tmp_path / f"of_{case}")
        (study,) = (tmp_path / f"of_{case}").iterdir()
        rows = [row for row in _rows(study / "backtest.csv") if row["p50"]]
        counted.append((case, f"{sum(row['in90'] == '1' for row in rows)} of {len(rows)}"))
    assert told == counted


def _scores(study: Path) -> list[str]:
    """What the backtest says, pooled over series."""
    rows = [row for row in _rows(study / "backtest.csv") if row["p50"]]
    inside = sum(row["in90"] == "1" for row in rows)
    pooled = {(r["variable"], r["forecast"]): r for r in _rows(study / "pooled.csv") if r["skill"] and not r["scope"]}
    sizes = [pooled["market_size", f"{of}_growth"]["skill"] for of in ("last", "fading", "published")]
    shares = [pooled["market_share", "last_share"][of] for of in ("skill", "skill_p05", "skill_p95")]
    last, fading, published, share, low, high = (signed(x, f"{abs(x):.2f}") for x in map(float, (*sizes, *shares)))
    return [
        f"- {inside} of {len(rows)} numbers observed in 2019–2021 lie inside the 90% range.",
        f"- Market size: skill {last} against constant growth, {fading} against growth that fades, {published} "
        "against the published forecast. Above 0 is better.",
        f'- **Shares: skill {share} ({low} to {high}) against "as last year"**.',
    ]


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def _table(path: Path) -> Table:
    """Values by scenario, variable, scope, item, period and statistic."""
    return {tuple(row.values())[:6]: float(row["value"] or "nan") for row in _rows(path)}


def _band(table: Table, name: str, variable: str, item: str = "", *, scale: float = 1.0, gain: bool = False) -> str:
    """Median, 90% range and mean in 2030."""
    statistics = ("p50", "p05", "p95", "mean")
    values = [scale * table[name, variable, "total", item, "2030", statistic] for statistic in statistics]
    words = [signed(value, f"{abs(value):.1f}") if gain or value < 0 else f"{value:.1f}" for value in values]
    return "{} ({} to {}), mean {}".format(*words)


def test_an_outcome_that_is_declared_and_not_computed_is_named_or_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more, fewer = (
        {**VARIABLES, "luck": VARIABLES["npv"]},
        {name: VARIABLES[name] for name in VARIABLES if name != "npv"},
    )
    monkeypatch.setattr(accounts, "VARIABLES", more)
    with pytest.raises(SimError, match=r"^the outcome luck is declared in outcomes/variables.py, but not computed$"):
        simulate(scenario("jv_only"), worlds("jv_only"))
    monkeypatch.setattr(accounts, "VARIABLES", fewer)
    with pytest.raises(SimError, match=r"^the outcome npv is computed, but not declared in outcomes/variables.py$"):
        simulate(scenario("jv_only"), worlds("jv_only"))


def test_every_variable_but_the_comparisons_is_in_a_run_with_its_unit() -> None:
    panels = run("ftz_pilot")
    declared = [name for name, info in VARIABLES.items() if info.summary != "comparison"]
    own = [name for name in declared if exists_in(scenario("ftz_pilot"), name)]
    assert sorted(panels) == sorted(own)
    assert all(panel.unit == unit_of(name, "USD") for name, panel in panels.items())


def test_every_file_and_name_that_contributing_sends_to_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    code = "\n".join(path.read_text() for folder in ("sim", "tests") for path in (ROOT / folder).rglob("*.py"))
    names = re.findall(r"`(_?[A-Za-z_]+)`", text)
    assert not [name for name in names if not re.search(rf"\b{name}\b", code)]
