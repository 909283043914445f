"""What a page is made of: a study's results and tables, its pictures, and what else was found about the same case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sim.outcomes.manifest import Program
from sim.outcomes.panels import Result
from sim.outcomes.verdict import Verdict
from sim.report.markup import Html
from sim.report.numbers import Numbers, Place, Row
from sim.scenario.scenario import Scenario

__all__ = ["Analysis", "Material", "Sheet"]


class Sheet(NamedTuple):
    """A table: what it says, its header, and its rows of text."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Analysis:
    """What another command made of the same case.

    Attributes
    ----------
    kind : str
        The command.
    study : str
        Name of its study.
    question : str
        Empty where it has none of its own.
    findings : tuple of tuple of str
        Sentences, in groups of which the first names the group.
    tables : tuple of Sheet
    pictures : mapping of str to str
        SVG by name.
    notes : tuple of str
        What a reader should know before quoting it.
    """

    kind: str
    study: str
    question: str
    findings: tuple[tuple[str, ...], ...]
    tables: tuple[Sheet, ...]
    pictures: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """What a page is made of.

    Attributes
    ----------
    verdict : Verdict
    results : sequence of Result
        On shared draws, in the order in which they were run.
    baseline : str
        Name of the one that the others are compared with.
    levels, differences : mapping of Place to Numbers
        Statistics of outcomes, and of what they are above the baseline's, draw by draw.
    timelines : mapping of str to sequence of Row
        When things happen, by scenario.
    drivers : sequence of Row
        What drives the outcomes; empty where that is not known.
    findings, further_findings : tuple of tuple of str
        The same in sentences, in groups of which the first names the group: of the share of foreign providers, and of
        what else is asked of a study.
    live : Html
        The section by hypothesis whose figures move; empty where what was drawn is not known.
    pictures : mapping of str to str
        SVG by name.
    analyses : tuple of Analysis
    notes : tuple of str
        What a reader should know before quoting it.
    program : Program
    command : str
        What makes the study again.
    """

    verdict: Verdict
    results: Sequence[Result]
    baseline: str
    levels: Mapping[Place, Numbers]
    differences: Mapping[Place, Numbers]
    timelines: Mapping[str, Sequence[Row]]
    drivers: Sequence[Row]
    findings: tuple[tuple[str, ...], ...]
    further_findings: tuple[tuple[str, ...], ...]
    live: Html
    pictures: Mapping[str, str]
    analyses: tuple[Analysis, ...]
    notes: tuple[str, ...]
    program: Program
    command: str

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios, the baseline first."""
        every = (result.scenario for result in self.results)
        return tuple(sorted(every, key=lambda scenario: scenario.name != self.baseline))

    @property
    def base(self) -> Scenario:
        """The baseline."""
        return self.scenarios[0]

    @property
    def others(self) -> tuple[Scenario, ...]:
        """All but the baseline."""
        return self.scenarios[1:]
