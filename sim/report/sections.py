"""The sections of a run's page, one function each: what is known, the heading and its content out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from typing import Final, NamedTuple, TypeAlias

from sim.outcomes.tables import parameter_columns, parameter_rows
from sim.outcomes.variables import VARIABLES, unit_of
from sim.outcomes.verdict import Line
from sim.report.assumptions import Assumption, assumptions
from sim.report.diagram import influence_diagram
from sim.report.figures import Figures
from sim.report.markup import Html, element, joined
from sim.report.material import Analysis, Material, Sheet
from sim.report.parts import details, paragraphs, picture, scrolled, sentences, table
from sim.report.structure import made_of, stages
from sim.report.tables import SHEETS, by_hypothesis, in_headline_years
from sim.scenario.levers import Regime
from sim.scenario.scenario import Scenario
from sim.wording import capital, listed, readable

__all__ = ["Section", "sections"]


class Section(NamedTuple):
    """A part of the page, under a heading of its own."""

    id: str
    title: str
    content: Html
    kind: str = ""


Maker: TypeAlias = Callable[[Material, Figures], Html]

_REGIMES: Final = ("foreign_share", "target_year", "paired_difference", "timeline")
_MONEY: Final = ("npv", "gains_and_losses", "foreign_revenue", "provider_shares", "market_size")
_HYPOTHESES: Final = ("share_by_hypothesis",)

_FEW: Final = 4
"""Scenarios of which pictures are so flat that three stand on a sheet of paper."""

_ANALYSES: Final = {
    "drivers": "What drives it, in more detail",
    "discover": "Under which conditions",
    "bridge": "Which clause brings what",
    "decide": "What to do",
    "sweep": "What other terms would bring",
}
_TRACK: Final = {"backtest": "What was foreseen of what happened since", "calibrate": "What was learned from it"}


def sections(material: Material, figures: Figures) -> Iterator[Section]:
    """All that the material has something to say about, in the order in which it is read."""
    for name, (title, make) in _MAKERS.items():
        content = make(material, figures)
        if content:
            yield Section(name, title, content, "few" if len(material.results) <= _FEW else "")


def _verdict(material: Material, figures: Figures) -> Html:
    lines = element("dl", *map(_line, material.verdict.lines), class_="verdict")
    return joined([lines, paragraphs(map(_sentence, material.notes))])


def _line(line: Line) -> Html:
    texts = (element("dd", text) for text in line.texts)
    return element("div", element("dt", line.label), *texts)


def _sentence(note: str) -> str:
    return f"{capital(note)}{'' if note.endswith(('.', '!', '?')) else '.'}"


def _regimes(material: Material, figures: Figures) -> Html:
    shares = table(in_headline_years(material)) if material.levels else None
    return joined([_questions(material), shares, _pictures(material, figures, _REGIMES), _what_differs(material)])


def _questions(material: Material) -> Html:
    """What each scenario asks."""
    return element(
        "dl",
        *(element("div", element("dt", one.title), element("dd", one.question)) for one in material.scenarios),
        class_="questions",
    )


def _what_differs(material: Material) -> Html | None:
    """The numbers and rules in which the scenarios are not alike."""
    rows = [(row[0], *row[2:]) for row in parameter_rows(material.scenarios) if row[1]]
    header = parameter_columns([*material.scenarios])
    if not rows:
        return None
    sheet = Sheet(
        "Every number and rule in which the scenarios differ",
        (capital(header[0]), *(one.title for one in material.scenarios)),
        tuple(rows),
    )
    return details("In what the scenarios differ", table(sheet))


def _pictures(material: Material, figures: Figures, names: Iterable[str]) -> Html:
    return joined(
        picture(figures, name, material.pictures[name], *_sheets(material, name))
        for name in names
        if name in material.pictures
    )


def _sheets(material: Material, name: str) -> list[Sheet]:
    return [SHEETS[name](material)] if name in SHEETS else []


def _money(material: Material, figures: Figures) -> Html:
    return _pictures(material, figures, _MONEY)


_MOST_DRIVERS: Final = 12
"""Of each outcome; the files have all."""


def _drivers(material: Material, figures: Figures) -> Html | None:
    known = {*_REGIMES, *_MONEY, *_HYPOTHESES}
    others = _pictures(material, figures, [name for name in material.pictures if name not in known])
    if not material.findings and not others:
        return None
    intro = (
        "Three kinds of not knowing are told apart: disagreement, about which hypothesis or reading holds; ignorance, "
        "of numbers that nobody has measured; and luck, which nobody can know. A share says how much of the variance "
        "of an outcome something explains by itself."
    )
    each = (
        details("What drives the other outcomes", sentences(material.further_findings))
        if material.further_findings
        else None
    )
    return joined([element("p", intro), others, sentences(material.findings), each, *_driver_tables(material)])


def _driver_tables(material: Material) -> Iterator[Html]:
    """What explains most of each outcome, by its row in the table of drivers."""
    titles = {one.name: one.title for one in material.scenarios}
    outcomes = dict.fromkeys((row["scenario"], row["outcome"]) for row in material.drivers)
    sheets = []
    for scenario, outcome in outcomes:
        rows = [row for row in material.drivers if (row["scenario"], row["outcome"]) == (scenario, outcome)]
        units = [row for row in rows if row["column"] in ("", row["unit"]) and row["first"]]
        cells = (
            (
                capital(readable(row["unit"])),
                row["kind"],
                row["grade"] or "chance",
                f"{100 * max(float(row['first']), 0):.0f}%",
            )
            for row in units[:_MOST_DRIVERS]
        )
        header = ("What", "Kind", "Grade of evidence", "Explains alone")
        sheets.append(Sheet(f"{titles.get(scenario, scenario)}: {outcome}", header, tuple(cells)))
    shown = [table(sheet) for sheet in sheets if sheet.rows]
    if shown:
        yield details("The numbers", *shown)


def _hypotheses(material: Material, figures: Figures) -> Html | None:
    if not all({"opening_hypothesis", "foreign_share"} <= set(result.panels) for result in material.results):
        return None
    intro = (
        "What foreign providers would have in the long run is not observed but assumed: which hypothesis holds is a "
        "matter of judgement, and so is what it says. What follows from each stands beside what follows from all of "
        "them, mixed by their weights."
    )
    beside = material.live or table(by_hypothesis(material))
    return joined([element("p", intro), beside, _pictures(material, figures, _HYPOTHESES)])


def _analyses(kind: str) -> Maker:
    def make(material: Material, figures: Figures) -> Html:
        return joined(_analysis(one, figures) for one in material.analyses if one.kind == kind)

    return make


_MOST_PICTURES: Final = 4
"""Of an analysis that are shown without asking."""


def _analysis(analysis: Analysis, figures: Figures) -> Html:
    """What another command found of the same case."""
    plates = [picture(figures, f"{analysis.study}-{name}", svg) for name, svg in analysis.pictures.items()]
    more = plates[_MOST_PICTURES:]
    return element(
        "div",
        element("p", analysis.question, class_="question") if analysis.question else None,
        sentences(analysis.findings),
        *plates[:_MOST_PICTURES],
        details(f"{len(more)} more pictures", *more) if more else None,
        *(details(sheet.caption, table(sheet)) for sheet in analysis.tables if sheet.rows),
        paragraphs(map(_sentence, analysis.notes)),
        element("p", f"Study {analysis.study}, by sim {analysis.kind}.", class_="source"),
        class_="analysis",
    )


def _track(material: Material, figures: Figures) -> Html:
    given = [one for one in material.analyses if one.kind in _TRACK]
    if not given:
        return joined(
            [
                *([element("p", material.verdict.trust)] if material.verdict.trust else []),
                element(
                    "p",
                    element("code", "sim backtest"),
                    " holds a scenario number by number against what happened since its day, and ",
                    element("code", "sim report"),
                    " puts that here.",
                ),
            ]
        )
    return joined(joined([element("h3", _TRACK[one.kind]), _analysis(one, figures)]) for one in given)


_COLUMNS: Final = ("Number", "Value", "Unit", "Source", "Date", "Grade")

_GRADES: Final = (
    "Found was read in the source, derived is computed from what was found, recalled is quoted from memory, and "
    "judgement is nobody's but the author's. Of a range, the three numbers are its 5%, 50% and 95% points."
)


def _assumptions(material: Material, figures: Figures) -> Html:
    known = assumptions(material.scenarios)
    grades = {grade: sum(one.grade == grade for one in known) for grade in dict.fromkeys(one.grade for one in known)}
    counts = listed([f"{count} {grade}" for grade, count in grades.items()]) if grades else "none"
    head = element("tr", *(element("th", name, scope="col") for name in _COLUMNS))
    counted = f"{len(known)} numbers: {counts}."
    content = element(
        "table", element("thead", head), element("tbody", *map(_assumption, known)), id="numbers", aria_label=counted
    )
    search = element(
        "p",
        element("label", "Search the numbers ", element("input", type="search", id="search", autocomplete="off")),
        element("span", id="hits", role="status"),
        class_="search",
        hidden=True,
    )
    return joined(
        [element("p", counted), element("p", _GRADES), search, scrolled(content, "Every number with its source")]
    )


def _assumption(one: Assumption) -> Html:
    source = element("a", one.source, href=one.address, rel="noreferrer") if one.address else one.source
    name = joined(
        [element("code", one.path), element("span", f" {one.scenarios}", class_="whose") if one.scenarios else None]
    )
    note = element("span", one.note, class_="remark") if one.note else None
    return element(
        "tr",
        element("th", name, note, scope="row"),
        *(element("td", cell) for cell in (one.value, one.unit, source, one.as_of, one.grade)),
    )


def _outcomes(scenario: Scenario) -> Sheet:
    rows = (
        (
            capital(readable(name)),
            VARIABLES[name].meaning,
            unit_of(name, scenario.money, scenario.market.unit),
            "; ".join(sources),
        )
        for name, sources in made_of().items()
    )
    return Sheet("Every outcome of a run", ("Outcome", "What it is", "Unit", "Made of"), tuple(rows))


def _model(material: Material, figures: Figures) -> Html:
    text = Html((files("sim.report") / "model.html").read_text(encoding="utf-8"))
    diagram = element(
        "div",
        influence_diagram(stages(), made_of()),
        class_="plate",
        tabindex=0,
        role="group",
        aria_label="Picture: what leads to what in the model",
    )
    reading = Sheet(
        "What each stage of a run reads of a scenario, and takes from the stages before it",
        ("Stage", "Reads", "Takes"),
        tuple((one.title, ", ".join(map(readable, one.sections)), "; ".join(one.takes)) for one in stages()),
    )
    outcomes = _outcomes(material.base)
    levers = listed([readable(name) for name in Regime.model_fields if name != "title"])
    figure = element(
        "figure",
        element("h3", "What leads to what"),
        diagram,
        element("p", f"A regime sets, by the names in its file: {levers}.", class_="note"),
    )
    return joined([text, figure, details("The same as tables", table(reading), table(outcomes))])


def _reproduction(material: Material, figures: Figures) -> Html:
    program, sampling = material.program, material.base.sampling
    facts = {
        "Draws, seed": f"{sampling.draws:,}, {sampling.seed}",
        "Program, by the hash of its source": program.source,
        "Versions": ", ".join(f"{name} {version}" for name, version in program.versions.items()),
        "Processor level": program.cpu,
    }
    return joined(
        [
            element("pre", element("code", material.command), tabindex=0),
            element(
                "dl",
                *(element("div", element("dt", name), element("dd", text)) for name, text in facts.items()),
                class_="facts",
            ),
            element(
                "p",
                "The same command with the same program gives the same bits; ",
                element("code", "sim verify"),
                " holds a study against its manifest, and with ",
                element("code", "--rerun"),
                " makes it anew.",
            ),
        ]
    )


_MAKERS: Final[dict[str, tuple[str, Callable[[Material, Figures], Html | None]]]] = {
    "verdict": ("The answer", _verdict),
    "regimes": ("The scenarios beside each other", _regimes),
    "money": ("Money, and who gets it", _money),
    "drivers": ("What drives it, and how much is luck", _drivers),
    "hypotheses": ("By hypothesis", _hypotheses),
    **{f"by-{kind}": (title, _analyses(kind)) for kind, title in _ANALYSES.items()},
    "track": ("The track record", _track),
    "assumptions": ("Every assumption", _assumptions),
    "model": ("The model on one page", _model),
    "reproduction": ("How to reproduce it", _reproduction),
}
