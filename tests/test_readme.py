"""The README's commands run, and its tables are those of the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from shipped import run, scenario, worlds

import sim
from sim.errors import SimError
from sim.model import accounts
from sim.model.engine import simulate
from sim.outcomes.variables import VARIABLES
from sim.reading.loading import load_scenario

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _block(mark: str) -> str:
    """The fenced block below a mark."""
    found = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert found is not None
    return found[1]


def _fenced(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)\n```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_the_first_command_installs_the_project_and_leaves_three_regimes(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    subprocess.run(["bash", "-euo", "pipefail", "-c", _block("run")], check=True, cwd=checkout, capture_output=True)
    (study,) = (path for path in (checkout / "results").iterdir() if path.is_dir())
    assert len(list((study / "plots").glob("*.png"))) == len(list((study / "plots").glob("*.svg"))) == 10
    assert list(checkout.glob(".venv/lib/*/site-packages/sim/py.typed"))
    for name in ("manifest.json", "summary.csv", "comparison.csv", "parameters.csv", "ftz_pilot/draws.nc"):
        assert (study / name).stat().st_size > 0


def test_the_version_is_that_of_the_newest_release_and_of_the_citation() -> None:
    releases = re.findall(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text()
    stated = [re.search(rf"^{key}: (\S+)$", citation, re.MULTILINE) for key in ("version", "date-released")]
    assert releases[0] == tuple(found and found[1] for found in stated)
    assert sim.__version__ == releases[0][0]


def test_the_test_command_installs_what_tests_need() -> None:
    assert _block("tests").endswith("-m pytest")
    assert "'.[test]'" in _block("tests")


def test_the_python_example_runs(tmp_path: Path) -> None:
    code = _fenced("python").replace('"results"', repr(str(tmp_path)))
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert 0.1 < float(ran.stdout.split()[-1]) < 0.2


def test_the_example_scenario_is_valid(tmp_path: Path) -> None:
    for name in ("base.yaml", "sources.yaml"):
        (tmp_path / name).write_text((ROOT / "scenarios" / name).read_text())
    (tmp_path / "slow_review.yaml").write_text(_fenced("yaml"))
    assert load_scenario(tmp_path / "slow_review.yaml").name == "slow_review"


@pytest.mark.parametrize(
    "command",
    [
        ["check", "scenarios/jv_only.yaml"],
        ["explain", "scenarios/ftz_pilot.yaml", "zone.cap"],
        ["schema"],
        ["list"],
    ],
)
def test_the_commands_of_the_table_run(command: list[str]) -> None:
    assert command[0] in README
    subprocess.run([sys.executable, "-m", "sim", *command], check=True, cwd=ROOT, capture_output=True)


def test_the_table_of_variables_is_the_programs() -> None:
    head = ["", "| variable | unit | meaning | scopes | items |", "|---|---|---|---|---|"]
    lines = [f"| `{name}` | {v.unit} | {v.meaning} | {v.scopes} | {v.items} |" for name, v in VARIABLES.items()]
    table = re.search(r"<!-- variables -->\n(.*?)\n<!-- end of variables -->", README, re.DOTALL)
    assert table is not None
    lacking = [line for line in lines if line not in table[1].split("\n")]
    assert not lacking, "the README's table of variables lacks:\n" + "\n".join(lacking)
    assert table[1].split("\n") == [*head, *lines, ""]


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
    own = [name for name, info in VARIABLES.items() if info.summary != "comparison"]
    assert sorted(panels) == sorted(own)
    assert all(panel.unit == VARIABLES[name].unit for name, panel in panels.items())


def test_every_picture_and_file_that_the_readme_names_exists() -> None:
    for name in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / name).is_file(), name
    _require_paths(README)


def test_every_file_and_name_that_contributing_sends_to_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    _require_paths(text)
    code = "\n".join(path.read_text() for folder in ("sim", "tests") for path in (ROOT / folder).rglob("*.py"))
    names = re.findall(r"`(_?[A-Za-z_]+)`", text)
    assert not [name for name in names if not re.search(rf"\b{name}\b", code)]


def _require_paths(text: str) -> None:
    for name in re.findall(r"`((?:sim|tests|scenarios|docs)/[\w./]+|[A-Z]+\.(?:md|cff))`", text):
        assert (ROOT / name).exists(), name
