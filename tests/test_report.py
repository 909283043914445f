"""The report of a study: what stands in it, what it refuses, and that it is the same each time."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from math import nan
from pathlib import Path

import pytest
from conftest import Folder
from report_study import HOSTILE, VARIANT, drivers_in, shared, study_in
from test_markup import Reader

from sim.errors import ResultsError
from sim.outcomes.manifest import read_manifest
from sim.outcomes.study import read_study
from sim.reading.loading import shipped_folder
from sim.report import structure
from sim.report.diagram import influence_diagram
from sim.report.live import MOST_BYTES
from sim.report.numbers import Numbers, Place, read_numbers
from sim.report.tables import band, gain
from sim.scenario.inputs import inputs
from sim.tasks.bridge import run_bridge
from sim.tasks.compare import compare_studies
from sim.tasks.report import report_study
from sim.tasks.run import run_study
from sim.tasks.verify import verify_study

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small study and its report."""
    return shared(tmp_path_factory)


@pytest.fixture(scope="module")
def text(place: Path) -> str:
    """The report."""
    return (place / "page.html").read_text(encoding="utf-8")


def test_a_run_leaves_its_own_page_and_its_manifest_knows_it(place: Path) -> None:
    assert "report.html" in read_manifest(study_in(place)).files
    assert not verify_study(study_in(place)).faults


def test_the_report_of_a_run_alone_is_the_page_that_it_left(place: Path, tmp_path: Path) -> None:
    alone = report_study([study_in(place)], out=tmp_path / "alone.html")
    assert alone.read_bytes() == (study_in(place) / "report.html").read_bytes()


def test_a_report_is_the_same_bytes_twice(place: Path, tmp_path: Path) -> None:
    again = report_study([study_in(place), drivers_in(place)], out=tmp_path / "again.html")
    assert again.read_bytes() == (place / "page.html").read_bytes()


@pytest.mark.slow
def test_a_run_made_anew_has_the_same_page(place: Path) -> None:
    assert not verify_study(study_in(place), rerun=True, jobs=1).faults


def test_a_comparison_has_a_page_and_a_report(place: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(study_in(place), results / study_in(place).name)
    compared = compare_studies([results / study_in(place).name], out=results, jobs=1).folder
    report = report_study([compared])
    assert report == results / f"{compared.name}.html"
    assert report.read_bytes() == (compared / "report.html").read_bytes()


def test_no_pictures_no_page(tmp_path: Path) -> None:
    Folder(tmp_path)
    study = run_study([tmp_path / "small.yaml"], draws=512, out=tmp_path / "results", jobs=1, plots=False)
    assert not (study.folder / "report.html").exists()


def test_a_title_that_is_markup_is_shown_and_does_nothing(text: str) -> None:
    read = Reader(re.sub(r"<(script|style)[^>]*>.*?</\1>", "", text, flags=re.DOTALL))
    assert "alert" not in "".join(re.findall(r"<script[^>]*>.*?</script>", text, flags=re.DOTALL))
    assert HOSTILE in read.text
    assert "What if <b>all</b> of it is open?" in read.text


def test_nothing_is_asked_for_when_it_is_opened(text: str) -> None:
    elements = Reader(text).elements
    assert not [tag for tag, own in elements if {"src", "srcset", "data", "poster"} & own.keys()]
    links = {(tag, str(own["href"])[:5]) for tag, own in elements if "href" in own}
    assert {kind for tag, kind in links if tag == "link"} == {"data:"}
    assert {kind[:1] for tag, kind in links if tag == "use"} == {"#"}
    assert not re.search(r"@import|url\((?!#)", text)
    assert "fetch(" not in text


def test_scripts_take_less_than_thirty_kilobytes(text: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(scripts) == 2
    assert sum(len(script.encode()) for script in scripts) <= 30_000


@pytest.mark.slow
def test_three_shipped_regimes_take_less_than_two_and_a_half_megabytes(tmp_path: Path) -> None:
    names = ("jv_only", "ftz_pilot", "full_liberalization")
    study = run_study([shipped_folder() / f"{name}.yaml" for name in names], draws=1024, out=tmp_path)
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    sample = re.search(r'<script type="application/octet-stream"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    assert sample is not None
    most = MOST_BYTES * 4 / 3  # with more draws the sample grows, up to so many bytes in base64
    assert len(page.encode()) - len(sample[1]) + most <= 2_500_000


def test_every_number_stands_there_with_its_source_date_and_grade(place: Path, text: str) -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", text[text.index('id="numbers"') :], flags=re.DOTALL)
    told = {match[1]: row for row in rows if (match := re.search(r"<code[^>]*>(.*?)</code>", row))}
    for item in inputs(read_study(study_in(place)).results[0].scenario):
        assert f"<td>{item.record.grade}</td>" in re.sub(' class="[^"]*"', "", told[item.path]), item.path
    assert "<td>A bank" in re.sub(' class="[^"]*"', "", told["market.size"])
    assert "2019-01-01" in told["market.size"]


def test_the_sections_stand_in_the_order_in_which_they_are_read(text: str) -> None:
    found = re.findall(r'<section id="([^"]+)"', text)
    order = ("verdict", "regimes", "money", "drivers", "hypotheses", "by-drivers", "track", "assumptions", "model")
    assert found == [*order, "reproduction"]


def test_the_equations_that_the_page_names_stand_in_the_documentation(text: str) -> None:
    known = set(map(int, re.findall(r"\\tag\{(\d+)\}", "".join(p.read_text() for p in DOCS.rglob("model.md")))))
    named = re.findall(r"<dt>[^<]*\(([\d–, ]+)\)</dt>", text)
    assert len(named) >= 8
    assert {int(number) for group in named for number in re.split(r"\D+", group)} <= known


# ---- the structure


def test_outcomes_are_made_of_what_they_read() -> None:
    made, titles = structure.made_of(), list(structure.STAGES)
    base, _, dates, market, money = titles
    assert made["event_date"] == (dates,)
    assert made["foreign_share"] == (base, market)
    assert made["cash_flow"] == (money,)
    assert made["npv"] == (base, market, money)  # rates that a step changes come with the periods


def test_stages_read_their_sections_and_take_from_those_before() -> None:
    stages = {stage.title: stage for stage in structure.stages()}
    titles = list(structure.STAGES)
    assert "regulator" in stages[titles[2]].sections
    assert {"capacity", "migration", "technology"} <= set(stages[titles[3]].sections)
    assert stages[titles[0]].takes == ()
    for place, title in enumerate(titles):
        assert set(stages[title].takes) <= set(titles[:place])


def test_a_new_outcome_shows_in_the_diagram(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {**structure.OUTCOMES, "new_thing": lambda of: of.by_foreign(of.annual(of.streams.profit))}
    monkeypatch.setattr(structure, "OUTCOMES", outcomes)
    structure.made_of.cache_clear()
    try:
        made = structure.made_of()
        drawn = influence_diagram(structure.stages(), made)
    finally:
        structure.made_of.cache_clear()
    assert made["new_thing"] == ("What foreign providers earn and spend",)
    assert "New thing" in drawn
    assert drawn.count("<path") == sum(map(len, made.values())) + sum(
        len(stage.sections) + len(stage.takes) for stage in structure.stages()
    )


# ---- numbers in cells


def numbers(unit: str, low: float, middle: float, high: float, mean: float, above: float = nan) -> Numbers:
    return Numbers(unit, {"p05": low, "p50": middle, "p95": high, "mean": mean}, above)


@pytest.mark.parametrize(
    ("stated", "cell"),
    [
        (numbers("fraction", 0.08, 0.124, 0.187, 0.128), "12% (8.0% to 19%; mean 13%)"),
        (numbers("fraction", 0.08, 0.124, 0.187, 0.1241), "12% (8.0% to 19%)"),
        (numbers("USD bn/yr", 1.2, 4.5, 16.0, 6.0), "4.5 (1.2 to 16; mean 6.0)"),
        (numbers("USD bn", 2.0, 2.0, 2.0, 2.0), "2.0"),
        (numbers("USD bn", nan, nan, nan, nan), "–"),
        (None, "–"),
    ],
)
def test_a_level_is_told_with_its_band_and_its_mean_where_that_reads_otherwise(
    stated: Numbers | None, cell: str
) -> None:
    assert band(stated) == cell


@pytest.mark.parametrize(
    ("stated", "cell"),
    [
        (numbers("fraction", 0.0, 0.004, 0.043, 0.0104, 0.71), "+0.4 (0.0 to +4.3; mean +1.0), above zero in 71%"),
        (numbers("USD bn", -0.001, -0.001, 0.0, -0.0004, 0.0), "0.00, above zero in 0.0%"),
        (numbers("USD bn/yr", -5.7, -0.6, 0.0, -1.5, 0.04), "−0.60 (−5.7 to 0.00; mean −1.5), above zero in 4.0%"),
    ],
)
def test_a_difference_is_told_with_its_sign_and_how_often_it_is_above_zero(stated: Numbers, cell: str) -> None:
    assert gain(stated) == cell


def test_statistics_are_read_from_the_files_of_a_study() -> None:
    content = (
        b"scenario,variable,scope,item,period,statistic,value,se,unit,share_defined,p_positive\r\n"
        b"a,npv,total,foreign,2030,mean,1.5,0.1,USD bn,1.0,0.75\r\n"
        b"a,npv,total,foreign,2030,p95,,0.1,USD bn,1.0,0.75\r\n"
        b"a,npv,total,other,2030,mean,2.5,0.1,USD bn,1.0,0.75\r\n"
    )
    read = read_numbers(content, {("npv", "total", "foreign")})
    (known,) = (read[Place("a", "npv", "total", "foreign", 2030)],)
    assert list(read) == [Place("a", "npv", "total", "foreign", 2030)]
    assert (known.unit, known["mean"], known.share_above) == ("USD bn", 1.5, 0.75)
    assert known["p95"] != known["p95"]


# ---- what it refuses


@pytest.fixture(scope="module")
def bridges(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bridge of the case of the study, and one of another market."""
    folder = tmp_path_factory.mktemp("bridges")
    files = Folder(folder)
    second = folder / files.write("opened.yaml", VARIANT)
    same = run_bridge(folder / "small.yaml", second, draws=512, out=folder / "same", jobs=1, plots=False).folder
    other = (folder / "small.yaml").read_text().replace("median: 7.2, high: 8", "median: 7.2, high: 9")
    (folder / "small.yaml").write_text(other)
    unlike = run_bridge(folder / "small.yaml", second, draws=512, out=folder / "other", jobs=1, plots=False).folder
    return same, unlike


def test_a_bridge_of_the_same_case_is_told_of(place: Path, bridges: tuple[Path, Path], tmp_path: Path) -> None:
    page = report_study([study_in(place), bridges[0]], out=tmp_path / "x.html").read_text()
    assert '<section id="by-bridge"' in page
    assert f"Study {bridges[0].name}, by sim bridge." in page


def test_a_bridge_of_other_numbers_is_refused_by_their_names(place: Path, bridges: tuple[Path, Path]) -> None:
    with pytest.raises(ResultsError, match=r"is not of the same case as .*: it has another market\.size"):
        report_study([study_in(place), bridges[1]])


Refused = Callable[[Path, Path], list[Path]]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (lambda place, _: [drivers_in(place)], "is the study of sim drivers: name a study of sim run or sim compare"),
        (lambda place, _: [study_in(place), study_in(place)], "is the study of sim run: beside the first"),
        (lambda place, _: [study_in(place), drivers_in(place), drivers_in(place)], "is named twice"),
        (lambda place, empty: [study_in(place), empty], "no finished study"),
        (lambda place, empty: [empty], "no finished study"),
    ],
    ids=["drivers first", "two runs", "twice", "nothing beside", "nothing"],
)
def test_a_study_that_cannot_be_told_of_is_refused(place: Path, tmp_path: Path, named: Refused, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        report_study(named(place, tmp_path), out=tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_drivers_of_another_run_are_refused(place: Path, tmp_path: Path) -> None:
    Folder(tmp_path)
    other = run_study([tmp_path / "small.yaml"], draws=512, out=tmp_path / "results", jobs=1, plots=False)
    with pytest.raises(ResultsError, match="it was made of another run"):
        report_study([other.folder, drivers_in(place)], out=tmp_path / "x.html")


def test_no_study_gets_a_file_that_its_manifest_does_not_know(place: Path) -> None:
    with pytest.raises(ResultsError, match="lies in a study, which knows its own files"):
        report_study([study_in(place)], out=study_in(place) / "again.html")


def test_a_file_that_is_no_report_is_left_alone(place: Path, tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text("mine")
    with pytest.raises(ResultsError, match="holds something else"):
        report_study([study_in(place)], out=tmp_path / "x.html")
    assert (tmp_path / "x.html").read_text() == "mine"


def test_a_picture_that_was_changed_is_refused(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / study_in(place).name
    shutil.copytree(study_in(place), copy)
    picture = next(copy.glob("plots/*.svg"))
    picture.write_text(picture.read_text().replace("</svg>", "<script>1</script></svg>"))
    with pytest.raises(ResultsError, match="was changed after the study was written"):
        report_study([copy], out=tmp_path / "x.html")
