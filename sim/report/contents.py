"""What a finished study holds, as its exports take it: its tables by name, and its scenarios where it has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import TypeAlias

from sim.outcomes.drivers import DriverRow
from sim.outcomes.manifest import Manifest, content_hash
from sim.outcomes.tables import ComparisonRow, SummaryRow, TimelineRow
from sim.outcomes.verdict import Verdict
from sim.pictures.style import GREY, colours_of
from sim.scenario.money import DEFAULT_CURRENCY
from sim.scenario.scenario import OWN_SITES, Scenario
from sim.wording import capital, percent, readable

__all__ = ["Contents", "Place", "Statistics"]

Place: TypeAlias = tuple[str, str, str, str, int]
"""Scenario, variable, scope, item, year."""

Statistics: TypeAlias = Mapping[str, float]
"""Name of a statistic to its value; of a difference `p_positive` too."""


@dataclass(frozen=True)
class Contents:
    """What a study of `sim run` or `sim compare` holds.

    Attributes
    ----------
    name : str
        Of its folder.
    manifest : Manifest
    names : tuple of str
        The scenarios, in the order in which they were run.
    baseline : str
        The one that others are compared with.
    scenarios : mapping of str to Scenario
        By name; empty where an earlier program compared them.
    summary, comparison, drivers : sequence of rows
        Empty where there is no such table.
    timelines : mapping of str to sequence of TimelineRow
        By scenario.
    parameters : sequence of sequence of str
        A header, then parameter, whether scenarios differ in it, and its value in each.
    verdict : Verdict, optional
        The answer in sentences; none where an earlier program made the study.
    """

    name: str
    manifest: Manifest
    names: tuple[str, ...]
    baseline: str
    scenarios: Mapping[str, Scenario]
    summary: Sequence[SummaryRow]
    comparison: Sequence[ComparisonRow]
    drivers: Sequence[DriverRow]
    timelines: Mapping[str, Sequence[TimelineRow]]
    parameters: Sequence[Sequence[str]]
    verdict: Verdict | None = None

    @property
    def currency(self) -> str:
        """In which its money is; the usual one where an earlier program compared the scenarios."""
        return next((one.money for one in self.scenarios.values()), DEFAULT_CURRENCY)

    @property
    def counted(self) -> str | None:
        """What the market is counted in beside money, if in anything."""
        return next((one.market.unit for one in self.scenarios.values()), None)

    @property
    def own_words(self) -> Mapping[str, str]:
        """What own sites are called, and what is bought from a partner."""
        return next((one.own_words for one in self.scenarios.values()), {"own": OWN_SITES, "stake": "a larger stake"})

    @property
    def prices(self) -> str:
        """The same in words, with its prices and at which rates others were converted."""
        one = next(iter(self.scenarios.values()), None)
        if one is None:
            return self.currency
        return capital(one.prices.words(one.currency)) + ", at one exchange rate" * bool(one.exchange_rates)

    @property
    def hash(self) -> str:
        """SHA-256 of the manifest's content, which tells the study from any other."""
        return content_hash(self.manifest)

    @property
    def others(self) -> tuple[str, ...]:
        """The scenarios but the baseline."""
        return tuple(name for name in self.names if name != self.baseline)

    @property
    def ordered(self) -> tuple[str, ...]:
        """The scenarios, the baseline first."""
        return (self.baseline, *self.others)

    @cached_property
    def years(self) -> tuple[int, ...]:
        """The calendar years, in order."""
        return tuple(sorted({row.period for row in self.summary}))

    @property
    def answer_year(self) -> int:
        """Year of which the answer is given: as the baseline's scenario has it, where that is known."""
        return self.scenarios[self.baseline].answer_year if self.baseline in self.scenarios else self.years[-1]

    @property
    def variables(self) -> frozenset[str]:
        """What the tables are about."""
        return frozenset(place[1] for place in (*self.levels, *self.differences))

    @cached_property
    def levels(self) -> Mapping[Place, Statistics]:
        """Every number of the summary."""
        return _by_place(self.summary)

    @cached_property
    def differences(self) -> Mapping[Place, Statistics]:
        """Every number of the comparison: a scenario less the baseline, draw by draw."""
        found = _by_place(self.comparison)
        for row in self.comparison:
            found[_place(row)]["p_positive"] = row.p_positive
        return found

    def level(self, place: Place, statistic: str) -> float:
        """One statistic of one number; NaN if there is none."""
        return self.levels.get(place, {}).get(statistic, nan)

    def difference(self, place: Place, statistic: str) -> float:
        """One statistic of one difference to the baseline; NaN if there is none."""
        return self.differences.get(place, {}).get(statistic, nan)

    @property
    def question(self) -> str:
        """What the study is to answer."""
        return self.verdict.question if self.verdict else ", ".join(map(self.title, self.names))

    @property
    def basis(self) -> str:
        """What the answer stands on."""
        return self.verdict.basis if self.verdict else f"{self.manifest.draws:,} draws"

    @property
    def sentences(self) -> tuple[tuple[str, str, str], ...]:
        """What was found: the scenario that a sentence is about, empty for the whole study; a label; the sentence."""
        if self.verdict is None:
            return tuple((name, self.title(name), self._share_of(name)) for name in self.ordered)
        return tuple(
            (line.scenario, "" if place else line.label, text)
            for line in self.verdict.lines
            for place, text in enumerate(line.texts)
        )

    def _share_of(self, name: str) -> str:
        """The share in the last year, in a sentence: of a study that has no verdict."""
        year = self.answer_year
        level = self.levels.get((name, "foreign_share", "total", "", year), {})
        if not level:
            return "Its share of the market was not kept."
        low, middle, high, mean = (percent(100 * level[key]) for key in ("p05", "p50", "p95", "mean"))
        return f"In {year} foreign providers have {middle} of the market in the median ({low} to {high}; mean {mean})."

    def title(self, name: str) -> str:
        """A scenario's title."""
        return self.scenarios[name].title if name in self.scenarios else capital(readable(name))

    @cached_property
    def colours(self) -> Mapping[str, str]:
        """Scenario to its colour, as `#RRGGBB`: the one that it has in every picture."""
        return dict.fromkeys(self.names, GREY) | colours_of(self.scenarios)

    def provider_title(self, provider: str) -> str:
        """A provider's title without what stands in brackets; its id in words where no scenario has it."""
        for scenario in self.scenarios.values():
            if provider in scenario.providers:
                return scenario.providers[provider].short_title
        return capital(readable(provider))


def _place(row: SummaryRow | ComparisonRow) -> Place:
    return row.scenario, row.variable, row.scope, row.item, row.period


def _by_place(rows: Sequence[SummaryRow | ComparisonRow]) -> dict[Place, dict[str, float]]:
    found: dict[Place, dict[str, float]] = {}
    for row in rows:
        found.setdefault(_place(row), {})[row.statistic] = row.value
    return found
