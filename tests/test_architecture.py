"""The walls of the house: who may import whom, draw, print and loop over periods."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest
from conftest import QUICK, TESTS

import sim
from sim.reading.loading import load_scenario
from sim.reading.naming import scenario_files
from sim.scenario.levers import Regime

PACKAGE = Path(sim.__file__).parent

FOLDERS = (
    "kernels",
    "scenario",
    "reading",
    "chance",
    "dates",
    "outcomes",
    "model",
    "analysis",
    "belief",
    "pictures",
    "report",
    "tasks",
)
"""Folders in the order in which they may be read: each imports only from those before it."""

# fmt: off
READING_ORDER = (
    "errors", "axes", "wording", "disk",
    "kernels.baseyear", "kernels.pricing", "kernels.premium", "kernels.choice", "kernels.equilibrium", "kernels.growth",
    "kernels.capacity", "kernels.rivalry", "kernels.finance", "kernels.channels", "kernels.welfare",
    "scenario.money", "scenario.records", "scenario.families", "scenario.prices", "scenario.evidence",
    "scenario.levers", "scenario.channels", "scenario.market", "scenario.providers", "scenario.supply",
    "scenario.effects",
    "scenario.steps", "scenario.scenario",
    "scenario.inputs", "scenario.baseyear", "scenario.changes", "scenario.policy", "scenario.mechanisms",
    "scenario.grants",
    "scenario.clauses",
    "reading.plausibility", "reading.feasibility", "reading.correlation",
    "reading.schema", "reading.absence",
    "reading.actors", "reading.consistency", "reading.documents", "reading.jsontext", "reading.cells",
    "reading.validation", "reading.merging", "reading.kinds", "reading.naming", "reading.lineage",
    "reading.overrides", "reading.extremes", "reading.loading", "reading.explain",
    "chance.shocks", "chance.worlds", "chance.units", "chance.pairing", "chance.copula", "chance.medians",
    "chance.sampling", "chance.variants",
    "dates.calendar", "dates.composites", "dates.licensing", "dates.readiness", "dates.timeline",
    "dates.dated",
    "outcomes.netcdf", "outcomes.variables", "outcomes.panels", "outcomes.manifest", "outcomes.results",
    "outcomes.columns",
    "outcomes.statistics", "outcomes.tables", "outcomes.comparison", "outcomes.naming", "outcomes.events",
    "outcomes.study", "outcomes.sweeps", "outcomes.drivers", "outcomes.findings", "outcomes.sweepwords",
    "outcomes.stakes", "outcomes.phrases", "outcomes.verdict",
    "model.mix", "model.economy", "model.inversion", "model.luck", "model.marketpath", "model.entry", "model.stocks",
    "model.levers",
    "model.sites", "model.exits", "model.course", "model.market", "model.record", "model.sight", "model.streams",
    "model.accounts", "model.engine", "model.valuation",
    "analysis.scrambles", "analysis.reweighting", "analysis.splines", "analysis.drivers", "analysis.bridge",
    "analysis.discovery", "analysis.decisions", "analysis.information", "analysis.appraisal", "analysis.waiting",
    "belief.record", "belief.names", "belief.matching", "belief.knowledge", "belief.naive", "belief.scores",
    "belief.forecasts", "belief.track", "belief.trust", "belief.tempering", "belief.likelihood", "belief.space",
    "belief.possible", "belief.posterior", "belief.calibration", "belief.lessons", "belief.lessonwords",
    "pictures.lettering", "pictures.style", "pictures.canvas", "pictures.registry", "pictures.titles",
    "pictures.captions", "pictures.marks", "pictures.trends", "pictures.chronicle", "pictures.standings",
    "pictures.plots", "pictures.trackrecord", "pictures.responses", "pictures.sweeps",
    "pictures.beliefs", "pictures.drivers", "pictures.bridges", "pictures.conditions", "pictures.waiting",
    "pictures.decisions",
    "report.sample", "report.sliders", "report.quantities", "report.slots", "report.bars", "report.live",
    "report.markup", "report.figures", "report.numbers", "report.material", "report.tables", "report.parts",
    "report.assumptions", "report.structure", "report.diagram", "report.sections", "report.page",
    "report.contents", "report.sheets", "report.plain", "report.layout", "report.charts", "report.workbook",
    "report.iamc", "report.parquet", "report.datapackage", "report.crate", "report.archive",
    "tasks.pool", "tasks.crew", "tasks.blocks", "tasks.parts", "tasks.store", "tasks.task",
    "tasks.precision", "tasks.request", "tasks.question", "tasks.holdout", "tasks.runs", "tasks.audit",
    "tasks.attribution", "tasks.material", "tasks.files", "tasks.run",
    "tasks.boxfile", "tasks.compare", "tasks.revision", "tasks.conditions", "tasks.discover",
    "tasks.design", "tasks.sweepfile", "tasks.points", "tasks.sweep",
    "tasks.decisionfile", "tasks.payoffs", "tasks.timing", "tasks.decisiontable", "tasks.decisionwords", "tasks.decide",
    "tasks.backtest", "tasks.calibrate",
    "tasks.hybrids", "tasks.drivers", "tasks.bridgewords", "tasks.bridge",
    "tasks.verify", "tasks.check", "tasks.catalogue", "tasks.analyses", "tasks.report", "tasks.export", "tasks.cluster",
    "terminal", "cli",
)
# fmt: on
"""A file imports only from files before it."""

FREE = ("__init__", "__main__")
"""Names only: they resolve the public functions on first use, or start the command line."""


@cache
def _modules() -> dict[str, Path]:
    files = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    return {name: path for name, path in files.items() if name.split(".")[-1] not in FREE}


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, inside functions and for type checkers too."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _inside(path: Path) -> set[str]:
    """Modules of this package that a file imports."""
    known = _modules()
    return {name.removeprefix("sim.") for name in _imports(path) if name.removeprefix("sim.") in known}


def test_the_reading_order_names_every_file_once() -> None:
    assert sorted(READING_ORDER) == sorted(_modules())


def test_folders_stand_in_one_order_without_gaps() -> None:
    folders = [name.split(".")[0] for name in READING_ORDER if "." in name]
    assert list(dict.fromkeys(folders)) == list(FOLDERS)
    assert [folder for folder, _ in groupby(folders)] == list(FOLDERS)


@pytest.mark.parametrize("name", READING_ORDER)
def test_a_file_imports_only_from_files_before_it(name: str) -> None:
    before = set(READING_ORDER[: READING_ORDER.index(name)])
    assert _inside(_modules()[name]) <= before


@pytest.mark.parametrize("name", [name for name in READING_ORDER if name.startswith("kernels.")])
def test_kernels_know_only_numpy_and_the_axes(name: str) -> None:
    allowed = ("numpy", "sim.axes", "sim.kernels", "__future__", "dataclasses", "functools", "typing", "collections")
    assert all(module.startswith(allowed) for module in _imports(_modules()[name]))


def _outside(name: str) -> set[str]:
    return {module.split(".")[0] for module in _imports(_modules()[name])}


def test_only_one_module_draws_random_numbers() -> None:
    drawing = [
        name for name, path in _modules().items() if "np.random" in path.read_text() or "qmc" in path.read_text()
    ]
    assert drawing == ["chance.sampling"]


def test_only_the_terminal_prints_and_only_the_command_line_exits() -> None:
    for name, path in _modules().items():
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert name == "terminal" or "echo" not in _attributes(path), name
        assert name == "cli" or not called & {"print", "exit", "quit"}, name
        assert name in ("cli", "terminal") or not _outside(name) & {"typer", "rich"}, name


def _attributes(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("number", ["512", "2.0 ** -53"], ids=["draws of a scramble", "the open interval"])
def test_a_number_that_all_share_stands_in_one_module(number: str) -> None:
    expression = ast.dump(ast.parse(number, mode="eval").body)
    stating = [
        name
        for name, path in _modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant | ast.BinOp) and ast.dump(node) == expression
    ]
    assert stating == ["axes"]


def test_only_the_engine_loops_over_periods() -> None:
    looping = [name for name, path in _modules().items() if "in range(periods)" in path.read_text()]
    assert looping == ["model.engine"]


def _levers_read(path: Path) -> Iterator[str]:
    """Levers that a file reads: `levers.NAME`, or `lever(state, "NAME", ...)` for their draws."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "levers":
            yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("lever", "lever_rows"):
            yield from (one.value for one in node.args if isinstance(one, ast.Constant))


@pytest.mark.parametrize("name", [name for name in Regime.model_fields if name != "title"])
def test_every_lever_moves_something(name: str) -> None:
    reading = ("scenario.policy", "scenario.mechanisms", "scenario.grants", "dates", "model")
    assert any(name in _levers_read(path) for module, path in _modules().items() if module.startswith(reading))


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("simpy", {"dates.licensing"}),
        ("h5netcdf", {"outcomes.results", "outcomes.columns"}),
        ("h5py", {"outcomes.netcdf", "outcomes.results", "outcomes.columns"}),
    ],
)
def test_a_library_without_types_of_its_own_is_imported_in_one_module(library: str, home: set[str]) -> None:
    assert {name for name in _modules() if library in _outside(name)} <= home | {"dates.timeline"}


def test_matplotlib_is_imported_for_pictures_only() -> None:
    assert all(name.startswith("pictures.") for name in _modules() if "matplotlib" in _outside(name))


def test_every_module_with_a_picture_of_runs_is_imported_where_runs_are_drawn() -> None:
    drawing = {name for name, path in _modules().items() if "@picture(Runs" in path.read_text()}
    assert drawing <= _inside(_modules()["pictures.plots"])


def test_no_function_is_longer_than_thirty_lines_without_its_docstring() -> None:
    for name, path in _modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert lines <= 30, f"{name}.{node.name} has {lines} lines"


def test_public_functions_say_what_comes_back() -> None:
    for name, path in _modules().items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{name}.{node.name}"


def test_the_quick_tests_exist_and_import_from_every_folder() -> None:
    reached = set()
    for entry in QUICK:
        file, _, test = entry.partition("::")
        assert not test or f"def {test.partition('[')[0]}(" in (TESTS / file).read_text(), entry
        reached |= {module.split(".")[1] for module in _imports(TESTS / file) if module.startswith("sim.")}
    assert reached >= set(FOLDERS)


OF_A_CASE = (
    *(
        "cloud",
        "iaas",
        "paas",
        "saas",
        "data centre",
        "data center",
        "datacentre",
        "datacenter",
        "hyperscaler",
        "icloud",
    ),
    *(
        "china",
        "chinese",
        "beijing",
        "shanghai",
        "lingang",
        "cny",
        "rmb",
        "renminbi",
        "yuan",
        "icp",
        "ftz",
        "mofcom",
        "miit",
    ),
    *("free-trade zone", "free trade zone", "aws", "azure", "aliyun", "baidu", "sinnet", "nwcd", "21vianet", "itif"),
    *("vehicle", "car maker", "carmaker", "combustion", "electric", "insurer", "insurance", "sovereignty", "german"),
)
"""Words of single markets. What a case calls its things stands in its files."""

WORDS_OF_EVERY_MARKET = frozenset({"life"})
"""Ids of cases that are common words too."""

SHIPPED = PACKAGE.parent / "scenarios"


@cache
def _ids_of_cases() -> frozenset[str]:
    """Ids of the providers and layers of all shipped scenarios."""
    folders = (SHIPPED, *(path.parent for path in SHIPPED.glob("*/base.yaml")))
    found = [load_scenario(file) for folder in folders for file in scenario_files(folder)]
    ids = {name for one in found for name in (*one.providers, *one.market.layers)}
    return frozenset(ids - WORDS_OF_EVERY_MARKET)


def _texts() -> Iterator[tuple[Path, str]]:
    """Every file of the package that is written by hand."""
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".yaml", ".css", ".js", ".html"):
            yield path, path.read_text()


def test_nothing_of_a_single_market_stands_in_the_program() -> None:
    words = "|".join(re.escape(word) for word in sorted({*OF_A_CASE, *_ids_of_cases()}))
    forbidden = re.compile(rf"(?<![a-z])(?:{words})s?(?![a-z])", re.IGNORECASE)
    found = [
        f"{path.relative_to(PACKAGE)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in _texts()
        for match in forbidden.finditer(text)
    ]
    assert not found
