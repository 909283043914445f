"""Whatever is read is either taken, and then every number of it can be, or refused in clear lines that say where.

Never a traceback, a hang, a dead process or a line about a fault of the program. `SIM_FUZZ=N` tries N times as many
damaged files as a default run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import damage
import documents
import hdf5
import numpy as np
import pytest
import xarray
from conftest import SMALL, SOURCES
from ordeal import Case, Fate, complaints, fates

from sim import cli
from sim.belief.matching import match_record
from sim.belief.names import read_names
from sim.belief.possible import unlike_its_manifest
from sim.belief.posterior import POSTERIOR_FILE, learned_from, read_posterior, save_posterior
from sim.belief.record import read_record
from sim.chance.medians import median_world
from sim.chance.sampling import columns_of, draw_latents, draw_worlds
from sim.disk import file_hash
from sim.errors import Problem, ResultsError, ScenarioError
from sim.model.engine import simulate
from sim.outcomes.manifest import MANIFEST, Manifest, canonical_hash, program, read_manifest, write_manifest
from sim.outcomes.panels import Result, batches
from sim.outcomes.results import DRAWS_FILE, VARIABLES, read_result, save_result
from sim.outcomes.study import INPUTS_FILE, load_results, read_inputs, read_study, save_inputs
from sim.reading.documents import read
from sim.reading.loading import load_scenario
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario
from sim.tasks.boxfile import read_box
from sim.tasks.compare import compare_studies
from sim.tasks.run import run_study
from sim.tasks.verify import task_of, verify_study

TIMES = int(os.environ.get("SIM_FUZZ", "1"))
"""How many times as many random cases are tried as in a default run."""

MOST_NETCDF = 100
"""Damaged NetCDF files of a kind in a default run: each takes some hundredths of a second."""

HEAD = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,mark,source,note\n"
RECORD = (
    HEAD
    + """\
M1,market_size,total,,2019-01-01,2019-12-31,annual,12.9,12.0,13.5,USD bn,derived,a bank,restated
M2,market_size,infrastructure,,2020-01-01,2020-12-31,annual,19.38,18.9,19.9,USD bn,found,a bank,
S1,market_share,iaas,aws,2020-10-01,2020-12-31,quarter,6,5.5,6.5,%,found,a bank,"quoted, note"
S2,market_share,iaas,us_clouds,2020-07-01,2020-12-31,half_year,0.06,,,fraction,found,a bank,
R1,regime,,pilot,2020-01-01,2020-12-31,state,1,,,boolean,found,a bank,
E1,event,,opening,2019-05-01,2020-12-31,date,2020-07-01,,,date,found,a bank,
A1,revenue_gross,iaas,aws,2020-10-01,2020-12-31,annual_rate,840,,,USD m/yr,found,a bank,
"""
)
NAMES = "scopes: {infrastructure: [iaas]}\nitems: {us_clouds: [aws]}\nevents: {opening: pilot_effective}\n"
SWEEP: dict[str, Any] = {
    "schema_version": 1,
    "name": "trial",
    "question": "What matters?",
    "scenario": "small.yaml",
    "baseline": "small.yaml",
    "draws": 512,
    "seed": 3,
    "outcomes": ["foreign_share.total.2020", "npv.total.foreign"],
}
BOX: dict[str, Any] = {
    "schema_version": 1,
    "name": "box_1",
    "event": "npv.total.aws > 1",
    "scenario": "small",
    "inputs": {
        "market.size": {"low": 7.1, "high": 7.9, "unit": "USD bn/yr"},
        "demand.churn": {"high": 4, "unit": "%/yr"},
        "opening.hypothesis": {"categories": ["wide"]},
    },
}
DESIGNS: Sequence[dict[str, Any]] = (
    {"grid": {"demand.churn": [1, 8], "regimes.pilot.owned_unlock": [0.2, 0.5]}},
    {"latin_hypercube": {"points": 4, "ranges": {"demand.churn": [1, 8], "zone.cap": [0.2, 3]}}},
    {"list": [{"demand.churn": "2 to 9", "entry.rule": "never"}, {"demand.churn": 3, "entry.rule": "always"}]},
)


@dataclass(frozen=True)
class Corpus:
    """A folder with a valid file of each kind, and copies of them to damage."""

    folder: Path
    scenario: Scenario

    def fresh(self, name: str) -> Path:
        """The copy of a file that is damaged: the place is free."""
        path = self.folder / "damaged" / name
        path.parent.mkdir(exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path

    def holding(self, name: str, content: bytes) -> Callable[[], None]:
        """The call that makes the copy of a file hold something."""
        return lambda: _ignored(self.fresh(name).write_bytes(content))

    def occupied(self, name: str) -> Iterator[Case]:
        """What can stand in the place of the copy of a file."""
        for what in damage.occupied(Path()):
            yield what, lambda what=what: damage.occupied(self.fresh(name))[what]()  # type: ignore[misc]


def _ignored(value: object) -> None:
    """For calls that are made for what they do."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """One valid file of each kind, made of the small scenario."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "small.yaml").write_text(SMALL)
    (folder / "sources.yaml").write_text(SOURCES)
    scenario = load_scenario(folder / "small.yaml")
    worlds = draw_worlds(scenario, range(1))
    save_posterior(folder / POSTERIOR_FILE, scenario, columns_of(scenario, draw_latents(scenario, 0)), {"rows": []})
    save_result(Result(scenario, simulate(scenario, worlds)), folder / DRAWS_FILE)
    return Corpus(folder, scenario)


def _tried(
    cases: Sequence[Case], judge: Callable[[], object], places: Sequence[str], least: tuple[int, int], lines: int = 100
) -> list[Fate]:
    """Every case ends well; so many at least are accepted, and so many refused."""
    found = fates(cases, judge)
    tally = Counter("accepted" if fate.kind == "accepted" else "refused" for fate in found if not fate.is_fault)
    wrong = {fate.name: words for fate in found if (words := complaints(fate, places, lines))}
    if TIMES > 1:
        faults = Counter(fate.kind.split(" at ")[0] for fate in found if fate.is_fault)
        print(f"\n{len(found)} cases: {dict(tally)}, {len(wrong)} wrong, faults {dict(faults)}")
    shown = "\n".join(f"{name[:150]}: {'; '.join(words)[:600]}" for name, words in list(wrong.items())[:40])
    assert not wrong, f"{len(wrong)} of {len(found)} cases\n{shown}"
    assert (tally["accepted"] >= least[0], tally["refused"] >= least[1]) == (True, True), tally
    return found


def _random(corpus: Corpus, file: str, count: int, spoil: Callable[[random.Random], bytes]) -> Iterator[Case]:
    for seed in range(count * TIMES):
        yield f"seed {seed}", corpus.holding(file, spoil(random.Random(seed)))


# ---- documents in YAML, by the command


def _checked(*arguments: str) -> None:
    """What `sim check` makes of its arguments, with its exit code as the error that it stands for."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(["check", *arguments])
    if code == 0:
        return
    problems = told.getvalue().removesuffix("\n")
    if "fault of the program" in problems or code not in (1, 2) or not problems:
        raise AssertionError(f"exit code {code}: {problems}")
    raise _ToldError(problems) if code == 2 else ResultsError(problems)


class _ToldError(ScenarioError):
    """The lines that the command printed."""

    def __init__(self, text: str) -> None:
        super().__init__([])
        self.args = (text,)


def _sweeps() -> list[dict[str, Any]]:
    return [{**SWEEP, "design": design} for design in DESIGNS]


def test_sweep_files(corpus: Corpus) -> None:
    path, texts = corpus.folder / "damaged" / "sweep.yaml", [documents.text(tree) for tree in _sweeps()]
    for name in ("small.yaml", "sources.yaml"):
        corpus.fresh(name).write_text((corpus.folder / name).read_text())

    def spoil(chance: random.Random) -> bytes:
        if chance.randrange(4):
            return documents.text(damage.spoilt_tree(chance.choice(_sweeps()), chance)).encode()
        return damage.spoilt_bytes(chance.choice(texts).encode(), chance)

    whole = [(name, corpus.holding("sweep.yaml", content)) for name, content in damage.WHOLE.items()]
    cases = [*whole, *corpus.occupied("sweep.yaml"), *_random(corpus, "sweep.yaml", 60, spoil)]
    _tried(cases, lambda: _checked(str(path)), [str(path), str(path.parent)], (1, 40))


def test_boxes(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = run_study(
        [corpus.scenario], draws=512, keep=["npv"], plots=False, jobs=1, out=tmp_path_factory.mktemp("whole")
    )
    path, study = corpus.folder / "damaged" / "box.yaml", read_study(made.folder)
    text = documents.text(BOX)

    def spoil(chance: random.Random) -> bytes:
        if chance.randrange(4):
            return documents.text(damage.spoilt_tree(BOX, chance)).encode()
        return damage.spoilt_bytes(text.encode(), chance)

    def judge() -> None:
        held = read_box(path, study)
        assert len(held.places) <= 512
        json.dumps(held.content(), allow_nan=False)
        assert held.note

    whole = [("untouched", corpus.holding("box.yaml", text.encode()))]
    whole += [(name, corpus.holding("box.yaml", content)) for name, content in damage.WHOLE.items()]
    cases = [*whole, *corpus.occupied("box.yaml"), *_random(corpus, "box.yaml", 200, spoil)]
    _tried(cases, judge, [str(path), str(path.parent)], (1, 60))


def test_sources(corpus: Corpus) -> None:
    corpus.fresh("small.yaml").write_text(SMALL)
    path, tree = corpus.folder / "damaged" / "sources.yaml", _tree(corpus.folder / "sources.yaml")

    def spoil(chance: random.Random) -> bytes:
        if chance.randrange(3):
            return documents.text(damage.spoilt_tree(tree, chance)).encode()
        return damage.spoilt_bytes(SOURCES.encode(), chance)

    whole = [(name, corpus.holding("sources.yaml", content)) for name, content in damage.WHOLE.items()]
    cases = [*whole, *corpus.occupied("sources.yaml"), *_random(corpus, "sources.yaml", 60, spoil)]
    small = path.with_name("small.yaml")
    _tried(cases, lambda: _checked(str(small)), [str(path), str(small)], (1, 40))


def _tree(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(read(path).plain(), default=str))
    return found


def _overrides(corpus: Corpus, chance: random.Random) -> str:
    """A `--set`: a path that there is or nearly is, and a value."""
    paths = [".".join(map(str, place)) for place in damage._places(corpus.scenario.model_dump(mode="json"))]
    path = chance.choice([*paths, *(item.path for item in inputs(corpus.scenario))])
    if chance.randrange(3) == 0:
        path = damage.spoilt_bytes(path.encode(), chance).decode("utf-8", "replace").replace("\0", "")
    value = chance.choice(damage.STRANGE)
    text = documents.text(value) if not isinstance(value, str) or chance.randrange(2) else value
    if chance.randrange(5) == 0:
        text = damage.spoilt_bytes(text.encode(), chance).decode("utf-8", "replace").replace("\0", "")
    return f"{path}{chance.choice(['='] * 20 + ['', '=='])}{text}"


OVERRIDES = (
    *("", "=", "==", "demand.churn", "demand.churn=", "demand.churn.=", ".demand.churn=1", "demand..churn=1", "[0]=1"),
    *(
        "demand.churn=１２",
        "horizon.period_months=true",
        f"extends={'x' * 300}.yaml",
        "demand.churn=&a [*a]",
        "a" * 5_000,
    ),
    *(
        "demand.churn=" + "[" * 100_000,
        "demand.churn=" + "9" * 5_000,
        "demand.churn=*a",
        "demand.churn=<<",
        "a=\x1b[2J",
    ),
    *(
        "regimes.pilot.sites=null",
        "policy.steps.pilot_effective=null",
        "sampling.leading[99]=1",
        "\n=1",
        "a\nb=1",
        "=\n",
    ),
    *(
        "demand.churn=.inf",
        "demand.churn=!!int 3",
        "demand.churn=1\n---\n2",
        "horizon.end_year=" + "9" * 30,
        "\ud800=1",
    ),
    *("demand.churn=\ud800", "providers.aws.title=\ud800", "regimes=", "policy.steps=", "market.layers.iaas="),
)


def test_overrides(corpus: Corpus) -> None:
    given: list[str] = []
    texts = [*OVERRIDES, *(_overrides(corpus, random.Random(seed)) for seed in range(100 * TIMES))]
    cases = [(text, lambda text=text: given.__setitem__(slice(None), [text])) for text in texts]  # type: ignore[misc]
    small = str(corpus.folder / "small.yaml")
    _tried(cases, lambda: _checked(small, "--set", given[0]), ["--set", small, str(corpus.folder)], (1, 60))


# ---- what was observed


def test_records(corpus: Corpus) -> None:
    path = corpus.folder / "damaged" / "record.csv"

    def judge() -> None:
        rows = read_record(path, corpus.scenario.horizon, corpus.scenario.ledger)
        for row in rows:
            numbers = (row.value, row.low, row.high)
            assert np.isfinite(numbers).all(), row
            assert row.low <= row.value <= row.high, row
            assert 0 <= row.value <= 1e150, row
        match_record(rows, corpus.scenario, corpus.scenario.as_of)

    def spoil(chance: random.Random) -> bytes:
        if chance.randrange(5):
            return damage.spoilt_table(RECORD, chance)
        return damage.spoilt_bytes(RECORD.encode(), chance)

    whole = [(name, corpus.holding("record.csv", content)) for name, content in damage.WHOLE.items()]
    large = [(name, corpus.holding("record.csv", content)) for name, content in LARGE_TABLES.items()]
    cases = [*whole, *large, *corpus.occupied("record.csv"), *_random(corpus, "record.csv", 200, spoil)]
    _tried(cases, judge, [str(path)], (20, 100), lines=101)


LARGE_TABLES = {
    "blanks before a quotation mark": (HEAD + " " * 200_000 + 'a"b').encode(),
    "blanks and tabs": (HEAD + " \t" * 100_000 + '"').encode(),
    "a quotation mark that stays open": (HEAD + '"' + "a" * 200_000).encode(),
    "quotation marks": (HEAD + '"' * 200_001).encode(),
    "many wrong rows": (HEAD + "a,b,c,d,e,f,g,h,i,j,k,l,m,n\n" * 8_000).encode(),
    "many short rows": (HEAD + "a\n" * 100_000).encode(),
    "many columns": (",".join(f"value{n}" for n in range(20_000)) + "\n1\n").encode(),
    "many rows of one id": (HEAD + RECORD.splitlines()[1] + "\n" + (RECORD.splitlines()[1] + "\n") * 2_000).encode(),
    "one long cell": (RECORD.replace("a bank", "b" * 200_000, 1)).encode(),
    "one long id": (RECORD.replace("M1", "M" * 200_000, 1).replace("12.9", "x")).encode(),
    "commas": (HEAD + "," * 200_000).encode(),
}


def test_name_maps(corpus: Corpus) -> None:
    path, tree = corpus.folder / "damaged" / "names.yaml", None
    (corpus.folder / "record.csv").write_text(RECORD)
    record = read_record(corpus.folder / "record.csv", corpus.scenario.horizon, corpus.scenario.ledger)
    (corpus.folder / "names.yaml").write_text(NAMES)
    tree = _tree(corpus.folder / "names.yaml")

    def judge() -> None:
        match_record(record, corpus.scenario, corpus.scenario.as_of, read_names(path, record, corpus.scenario))

    def spoil(chance: random.Random) -> bytes:
        if chance.randrange(4):
            return documents.text(damage.spoilt_tree(tree, chance)).encode()
        return damage.spoilt_bytes(NAMES.encode(), chance)

    whole = [(name, corpus.holding("names.yaml", content)) for name, content in damage.WHOLE.items()]
    many = ",\n ".join(["scopes: {infrastructure: [iaas", *(f"iaa{n}" for n in range(9_000)), "iaas]}\n"])
    large = [("many names", corpus.holding("names.yaml", many.encode()))]
    cases = [*whole, *large, *corpus.occupied("names.yaml"), *_random(corpus, "names.yaml", 200, spoil)]
    _tried(cases, judge, [str(path)], (10, 100), lines=101)


# ---- NetCDF


def _netcdf_cases(corpus: Corpus, file: str, text: str, count: int) -> Iterator[Case]:
    """A file with parts of it changed, its document damaged, or its bytes."""
    content = (corpus.folder / file).read_bytes()

    def changed(change: Callable[[Path], None]) -> Callable[[], None]:
        def damaged() -> None:
            corpus.holding(file, content)()
            change(corpus.folder / "damaged" / file)

        return damaged

    yield from ((name, corpus.holding(file, other)) for name, other in damage.WHOLE.items())
    yield from corpus.occupied(file)
    yield from ((name, changed(change)) for name, change in hdf5.changes(corpus.folder / file, TIMES))
    for name, other in damage.json_damage(json.loads(hdf5.text(corpus.folder / file, text)), 3 * TIMES):
        yield f"the document: {name}", changed(lambda path, other=other: hdf5.put_text(path, text, other))  # type: ignore[misc]
    yield from _random(corpus, file, count, lambda chance: damage.spoilt_bytes(content, chance))


def _some(cases: Iterator[Case], most: int) -> list[Case]:
    """As many of the cases as a run has time for, always the same."""
    every = list(cases)
    return random.Random(7).sample(every, min(most * TIMES, len(every)))


def test_posteriors(corpus: Corpus) -> None:
    path, scenario = corpus.folder / "damaged" / POSTERIOR_FILE, corpus.scenario

    def judge() -> None:
        learned = learned_from(read_posterior(path), scenario)
        worlds = draw_worlds(learned, range(1))
        for item in inputs(scenario):
            values = worlds.inputs[item.name]
            assert (values >= item.allowed.least).all(), item.name
            assert (values <= item.allowed.most).all(), item.name
        for panels in (simulate(learned, median_world(learned)), simulate(learned, worlds.take(slice(0, 8)))):
            for panel in panels.values():
                assert np.isfinite(panel.values).all() or VARIABLES[panel.variable].may_be_missing, panel.variable

    cases = _some(_netcdf_cases(corpus, POSTERIOR_FILE, "document", 60), MOST_NETCDF)
    _tried(cases, judge, [str(path), "draw ", "market."], (10, 50))


def test_manifests_beside_posteriors(corpus: Corpus) -> None:
    """The file that the manifest describes is taken, and no other; a manifest that cannot say so is damaged."""
    shutil.copy(corpus.folder / POSTERIOR_FILE, path := corpus.fresh(POSTERIOR_FILE))
    files = {POSTERIOR_FILE: file_hash(path)}
    write_manifest(path.parent, Manifest(asked={"record": "a"}, program=program(), answer=None, notes=(), files=files))
    manifest = json.loads((path.parent / MANIFEST).read_text())

    def holding(content: bytes) -> Callable[[], None]:
        return corpus.holding("manifest.json", content)

    cases = [(name, holding(content)) for name, content in damage.json_damage(manifest)]
    cases += list(corpus.occupied("manifest.json"))
    try:
        _tried(cases, lambda: _held_against_its_manifest(path), [str(path)], (1, 60))
    finally:
        corpus.fresh("manifest.json")


@pytest.fixture(scope="module")
def study(corpus: Corpus) -> Path:
    """A finished run whose manifest is damaged; its other files stay as they are."""
    made = run_study([corpus.scenario], draws=512, keep=["npv"], plots=False, jobs=1, out=corpus.folder / "made")
    target = corpus.fresh("study")
    return made.folder.rename(target)


def _sealed(content: bytes) -> bytes:
    """A damaged manifest with the hash that fits, as who means to deceive would write it."""
    try:
        document = json.loads(content)
        document["content_hash"] = canonical_hash({key: document[key] for key in document if key != "content_hash"})
        return json.dumps(document).encode()
    except (ValueError, TypeError, RecursionError, AttributeError):
        return content


@pytest.mark.parametrize("seal", [bytes, _sealed], ids=["damaged", "forged"])
def test_manifests(corpus: Corpus, study: Path, seal: Callable[[bytes], bytes]) -> None:
    """Every command that reads a study refuses it in a line, or tells what is wrong with it."""
    place = f"study/{MANIFEST}"
    manifest = json.loads((study / MANIFEST).read_text())

    def judge() -> None:
        verdict = verify_study(study)
        assert all(isinstance(fault, str) for fault in verdict.faults)
        task_of(study, read_manifest(study), None)
        compare_studies([study], out=corpus.folder / "compared", jobs=1, plots=False)

    def written() -> None:
        (study / MANIFEST).write_bytes((corpus.folder / "manifest").read_bytes())

    (corpus.folder / "manifest").write_bytes((study / MANIFEST).read_bytes())
    cases = [(name, corpus.holding(place, seal(content))) for name, content in damage.json_damage(manifest, 12 * TIMES)]
    cases += list(corpus.occupied(place))
    untouched = ("untouched", corpus.holding(place, json.dumps(manifest).encode()))
    try:
        _tried([untouched, *_some(iter(cases), 120)], judge, [str(study)], (1, 60))
    finally:
        corpus.fresh(place)
        written()


def _held_against_its_manifest(path: Path) -> None:
    """Refuse a posterior as its reader does, without reading it each time."""
    words = unlike_its_manifest(path)
    if words is not None:
        raise ScenarioError([Problem(str(path), 0, 0, "", words)])


def test_stored_draws(corpus: Corpus) -> None:
    folder = corpus.folder / "damaged"

    def judge() -> None:
        for panel in read_result(folder).panels.values():
            for rows in batches(panel):
                finite = np.isfinite(rows) | (np.isnan(rows) & VARIABLES[panel.variable].may_be_missing)
                assert finite.all(), panel.variable

    cases = _some(_netcdf_cases(corpus, DRAWS_FILE, "scenario", 60), MOST_NETCDF)
    _tried(cases, judge, [str(folder)], (10, 50))


def test_inputs_beside_outcomes(corpus: Corpus) -> None:
    save_inputs(corpus.folder / INPUTS_FILE, [corpus.scenario])
    path = corpus.folder / "damaged" / INPUTS_FILE

    def judge() -> None:
        for columns in read_inputs(path).values():
            assert all(np.isfinite(values).all() for values in columns.values())

    cases = _some(_netcdf_cases(corpus, INPUTS_FILE, "document", 60), MOST_NETCDF)
    _tried(cases, judge, [str(path)], (10, 25))


def test_stored_draws_by_xarray(corpus: Corpus) -> None:
    folder = corpus.folder / "damaged"

    def judge() -> None:
        for node in load_results(folder).values():
            dataset = node.to_dataset()
            assert isinstance(dataset, xarray.Dataset)
            with dataset:
                assert dataset.market_size.values.shape[-1] == 512

    cases = _some(_netcdf_cases(corpus, DRAWS_FILE, "scenario", 20), 20)
    _tried(cases, judge, [str(folder)], (2, 5))
