"""The answer of a study in sentences: what each scenario changes, for whom, and how far to trust it.

Every number is of the draws: a median with the ends of the central 90% and, wherever it reads differently, the mean,
each by its name. Which scenario is spoken of first, and which is best for whom, follows from the numbers.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, isnan
from typing import Final, TypeVar

import numpy as np

from sim.axes import FloatArray
from sim.outcomes.comparison import baseline_of
from sim.outcomes.drivers import Attribution
from sim.outcomes.findings import decisive
from sim.outcomes.panels import Result
from sim.outcomes.phrases import (
    BAND,
    as_change,
    as_level,
    as_percent,
    as_points,
    mean_and_median,
    share_of_draws,
    signed_money,
    signed_points,
)
from sim.outcomes.stakes import (
    CATEGORIES,
    HOST,
    UPPER_BOUND,
    WAYS,
    Level,
    Mover,
    Spread,
    category_levels,
    foreign_worth,
    host_gains,
    movers,
    number_gain,
    number_level,
    provider_worth,
    ways_of,
)
from sim.wording import listed, long_date, money

__all__ = ["MOST_LINES", "Line", "Verdict", "verdict_of"]

T = TypeVar("T")


MOST_LINES: Final = 12
"""Of a screen, the question and the folder among them."""

_ERRORS: Final = 3.0
"""Standard errors by which hypotheses are told to disagree."""

_NAMED: Final = 2
"""Providers named of those who go their own way."""

_NOBODY: Final = {"enters": "builds {own}", "buys_out": "buys {stake}"}

_EQUAL: Final = 0.05
"""Share of the draws without any difference that is worth saying."""

_AROUND: Final = 2
"""Lines around the verdict: the question and the folder."""

_LISTED: Final = 3
"""Scenarios or providers that are named one by one."""

_CHOICE: Final = 2
"""Scenarios beside the baseline that make a choice worth a line of its own."""

_THEM: Final = "foreign providers"
_HOST: Final = "the host as a whole"
_UNSTORED: Final = "What this is made of was not stored: run it without --keep."

_KINDS: Final = {"opening_hypothesis": "hypothesis", "zone_reading": "reading of the zone"}


@dataclass(frozen=True)
class Line:
    """A few sentences on one thing.

    Attributes
    ----------
    label : str
        What they are of: a scenario's title, or a question such as who pays.
    texts : tuple of str
        Each stands on a line of its own.
    scenario : str
        Name of the scenario; empty where they are of the whole study.
    short : str
        The same in one line, where there is no room; empty where it is one already.
    """

    label: str
    texts: tuple[str, ...]
    scenario: str = ""
    short: str = ""

    @property
    def shortest(self) -> str:
        """The one line that it comes to where there is no room."""
        return self.short or " ".join(self.texts)


@dataclass(frozen=True)
class Verdict:
    """The answer of a study.

    Attributes
    ----------
    question : str
    basis : str
        Draws, the year of the data, and the day from which they are seen.
    lines : tuple of Line
        Everything.
    screen : tuple of Line
        As much as a dozen lines take, with the question above them and the folder below.
    trust : str
        How far to trust the baseline; among the lines too.
    """

    question: str
    basis: str
    lines: tuple[Line, ...]
    screen: tuple[Line, ...]
    trust: str = ""


def verdict_of(
    results: Sequence[Result],
    baseline: str | None = None,
    *,
    attributions: Sequence[Attribution] = (),
    decides: str = "",
    trust: str = "",
) -> Verdict:
    """The verdict on some results.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    baseline : str, optional
        Name of the one that others are compared with; the first by default.
    attributions : sequence of Attribution
        What drives the outcomes, as far as that is known; the one is told that is of the scenario which changes most.
    decides : str
        Why that is not known, in a sentence.
    trust : str
        How far to trust it, in a sentence.
    """
    return _Study(results, baseline_of(results, baseline)).verdict(attributions, decides, trust)


class _Study:
    """Some results, and the numbers that their verdict is made of, as far as they were stored."""

    def __init__(self, results: Sequence[Result], base: Result) -> None:
        self.base, self.currency = base, base.scenario.money
        self.others = [result for result in results if result is not base]
        self.year, self.end = base.scenario.answer_year, base.scenario.horizon.end_year
        self.scope, self.of = base.scenario.answer_scope, base.scenario.answer_words
        self.over = f"over {base.scenario.title}"
        self.share = self._each("foreign_share", gain=self._share_gain)
        self.worth = self._each("npv", gain=lambda one: foreign_worth(one, base))
        self.host = self._each(*HOST, gain=lambda one: host_gains(one, base))

    def _share_gain(self, one: Result) -> FloatArray:
        return number_gain(one, self.base, "foreign_share", self.scope, year=self.year)

    def _each(self, *variables: str, gain: Callable[[Result], T]) -> dict[str, T]:
        """A gain of every scenario by name; none where a variable was not stored."""
        held = all(name in one.panels for one in (self.base, *self.others) for name in variables)
        return {one.name: gain(one) for one in self.others} if held else {}

    def verdict(self, attributions: Sequence[Attribution], decides: str, trust: str) -> Verdict:
        """The sentences, in the order in which a reader asks."""
        ends = (("What decides", self._decides(attributions) or decides), ("How far to trust it", trust))
        after = [*self._best(), *self._pays(), *(Line(label, (text,)) for label, text in ends if text)]
        first, scenarios = self._baseline(), [self._scenario(one) for one in self.others]
        room = MOST_LINES - _AROUND - len(first.texts) - len(after)
        screen = (first, *self._fitted(scenarios, room), *after)
        return Verdict(self._question(), self._basis(), (first, *scenarios, *after), screen, trust)

    # ------------------------------------------------------------------ the question

    def _question(self) -> str:
        """The scenarios' own, where it is one; else what is compared."""
        asked = dict.fromkeys(one.scenario.question for one in (self.base, *self.others))
        if len(asked) == 1 or len(self.others) == 1:
            return list(asked)[-1]
        titles = [one.scenario.title for one in self.others]
        what = listed(titles) if len(titles) <= _LISTED else f"{len(titles)} other scenarios"
        return f"What do {what} bring {_THEM}, {self.over}?"

    def _basis(self) -> str:
        scenario = self.base.scenario
        draws = f"{scenario.sampling.draws:,} draws"
        if self.base.sizes is not None:
            draws += " inside a box"
        if scenario.sampling.posterior is not None:
            draws += " learned from a record"
        day = long_date(scenario.as_of)
        money_words = scenario.prices.words(scenario.currency)
        return f"{draws}, from {scenario.horizon.base_year} data, seen from {day}, in {money_words}"

    # ------------------------------------------------------------------ the scenarios

    def _baseline(self) -> Line:
        """What the baseline gives; of a scenario that stands alone also what it is worth."""
        base, parts = self.base, []
        if "foreign_share" in base.panels:
            share = self._level("foreign_share", "")
            parts.append(f"have {as_level(share, as_percent, f' of {self.of}', BAND)}")
        if "revenue_retained" in base.panels:
            kept = self._level("revenue_retained", "foreign")
            parts.append(
                f"keep {self.currency} {as_level(kept, money, 'bn a year of its revenue', '' if parts else BAND)}"
            )
        texts = [f"In {self.year} {_THEM} {' and '.join(parts)}."] if parts else []
        if "npv" in base.panels and not self.others:
            worth = as_level(self._worth_level(), money, "bn for them", "" if texts else BAND)
            texts.append(f"Present value to {self.end}: {self.currency} {worth}. {_movers(base, None)}".strip())
        return Line(base.scenario.title, tuple(texts or [_UNSTORED]), base.name)

    def _level(self, variable: str, item: str) -> Spread:
        return Spread.of(number_level(self.base, variable, self.scope, item, year=self.year), self.base.sizes)

    def _worth_level(self) -> Spread:
        return Spread.of(number_level(self.base, "npv", "total", "foreign"), self.base.sizes)

    def _scenario(self, result: Result) -> Line:
        """What a scenario adds to the baseline, and what that is worth to whom."""
        name, title = result.name, result.scenario.title
        gains = [by_name[name] for by_name in (self.share, self.worth) if by_name]
        if not gains:
            return Line(title, (_UNSTORED,), name)
        if not any(gain.any() for gain in gains):
            text = f"In no draw does it change the share or the profit of {_THEM} {self.over}."
            return Line(title, (text,), name)
        texts = [self._share(result)] if self.share else []
        short = [self._mixture(result)] if self.share else []
        if self.worth:
            texts.append(f"{self._worth(result)} {_movers(result, self.base)}".strip())
            amount = as_change(self._spread(self.worth, result), money, f"bn to {self.end}")
            short.append(f"worth {self.currency} {amount}")
        return Line(title, tuple(texts), name, f"{'; '.join(short)}.")

    def _spread(self, by_name: Mapping[str, FloatArray], result: Result) -> Spread:
        return Spread.of(by_name[result.name], result.sizes)

    def _share(self, result: Result) -> str:
        """By hypothesis first where these disagree, then over all draws."""
        equal = float((self.share[result.name] == 0).mean())
        without = f", the same in {share_of_draws(equal)} of draws" if _EQUAL <= equal < 1 else ""
        mixture = f"{self._mixture(result)}{without}."
        kind, levels = _disagreement(result, self.share[result.name])
        if not levels:
            return mixture
        first, *rest = [f"{result.scenario.called(one.name)} {signed_points(one.mean)}" for one in levels]
        return f"By {_KINDS[kind]}, means: {', '.join([f'{first} points', *rest])}; in all {mixture}"

    def _mixture(self, result: Result) -> str:
        if not self.share[result.name].any():
            return f"The same share of {self.of} in {self.year} as under {self.base.scenario.title}"
        return as_change(self._spread(self.share, result), as_points, f" points {self.over}")

    def _worth(self, result: Result) -> str:
        """What it is worth to foreign providers together, and of the mean to each."""
        parts = {name: float(values.mean()) for name, values in provider_worth(result, self.base).items()}
        ordered = sorted(parts, key=lambda name: -abs(parts[name]))
        named = [f"{result.scenario.providers[name].short_title} {signed_money(parts[name])}" for name in ordered]
        whose = f", in the mean {_enumerated(named)}" if len(named) > 1 else ""
        spread = as_change(self._spread(self.worth, result), money, "bn for them")
        return f"Present value to {self.end}: {self.currency} {spread}{whose}."

    # ------------------------------------------------------------------ as much as there is room for

    def _fitted(self, lines: Sequence[Line], room: int) -> list[Line]:
        """All lines in full; else all in one line each; else those that change most, and the rest in one together."""
        if sum(len(line.texts) for line in lines) <= room:
            return list(lines)
        short = [replace(line, texts=(line.shortest,)) for line in lines]
        if len(lines) <= room:
            return short
        ranked = sorted(lines, key=lambda line: -abs(self._size(line.scenario)))
        told = {line.scenario for line in ranked[: room - 1]}
        rest = [line for line in lines if line.scenario not in told]
        return [*(line for line in short if line.scenario in told), self._rest(rest)]

    def _size(self, name: str) -> float:
        """How much a scenario changes: by what it is worth to foreign providers in the mean, else by their share."""
        by_name = self.worth or self.share
        return float(by_name[name].mean()) if by_name else 0.0

    def _rest(self, lines: Sequence[Line]) -> Line:
        """The scenarios that change least, together."""
        sizes = [self._size(line.scenario) for line in lines]
        unit = f"{self.currency} bn to {self.end}" if self.worth else f"points in {self.year}"
        low, high = (signed_money(end) if self.worth else signed_points(end) for end in (min(sizes), max(sizes)))
        reach = f"{low} each" if low == high else f"{low} to {high}"
        names = listed([line.label for line in lines])
        return Line(f"{len(lines)} others", (f"{reach} {unit} in the mean, {self.over}: {names}.",))

    # ------------------------------------------------------------------ the study as a whole

    def _best(self) -> Iterator[Line]:
        """Which scenario is best for whom in the mean, where there are more than two."""
        if len(self.others) < _CHOICE or not self.worth:
            return
        titles = [one.scenario.title for one in (self.base, *self.others)]
        winners: dict[str, list[str]] = {}
        for party, gains in self._parties().items():
            best = _ahead(np.stack([np.zeros_like(gains[0]), *gains]))
            if best is not None:
                winners.setdefault(titles[best[0]], []).append(f"{party} ({share_of_draws(best[1])})")
        if winners:
            texts = [f"{title} for {listed(parties)}" for title, parties in winners.items()]
            yield Line(
                "Best for whom", (f"In the mean (in brackets: draws in which nothing is better): {'; '.join(texts)}.",)
            )

    def _parties(self) -> dict[str, list[FloatArray]]:
        """What each party gains under every other scenario than the baseline."""
        parties = {_THEM: list(self.worth.values())}
        if self.host:
            parties |= {party: [gains[name] for gains in self.host.values()] for name, party in HOST.items()}
            parties[_HOST] = [_together(gains) for gains in self.host.values()]
        return parties

    @property
    def lead(self) -> Result:
        """The scenario that changes most; the baseline where it stands alone."""
        return max(self.others, key=lambda one: abs(self._size(one.name)), default=self.base)

    def _pays(self) -> Iterator[Line]:
        """What each party of the host gains or loses under the scenario that changes most."""
        gains = self.host.get(self.lead.name)
        if gains is None:
            return
        spreads = {name: Spread.of(values, self.lead.sizes) for name, values in gains.items() if values.any()}
        under = f"Under {self.lead.scenario.title}, present" if len(self.others) > 1 else "Present"
        ordered = sorted(spreads, key=lambda name: -spreads[name].mean)
        bound, most, least = _bounds(spreads.get(UPPER_BOUND))
        parties = ", ".join(
            f"{HOST[name]} {bound if name == UPPER_BOUND else ''}{mean_and_median(spreads[name])}" for name in ordered
        )
        up, down = (share_of_draws(float(part.mean())) for part in (_together(gains) > 0, _together(gains) < 0))
        told = f"{_HOST} gains in {most}{up} of draws and loses in {least}{down}"
        text = f"{under} value to {self.end} in {self.currency} bn, mean (median): {parties}; {told}."
        yield Line("Who pays", (text if spreads else "Nobody in the host country gains or loses, in any draw.",))

    def _decides(self, attributions: Sequence[Attribution]) -> str:
        """What decides the share, of the scenario that changes most; empty where that is not known."""
        gains = bool(self.others)
        for one in attributions:
            is_meant = (one.scenario.name, one.outcome.is_gain) == (self.lead.name, gains)
            if is_meant and one.outcome.variable == "foreign_share":
                return decisive(one, f"what {self.lead.scenario.title} adds to their share" if gains else "their share")
        return ""


def _together(gains: Mapping[str, FloatArray]) -> FloatArray:
    """What the host as a whole gains, (N,)."""
    return np.asarray(np.sum(list(gains.values()), axis=0))


def _enumerated(parts: Sequence[str]) -> str:
    """Some parts, of many the first few."""
    more = len(parts) - _LISTED
    return ", ".join([*parts[:_LISTED], *([f"{more} more"] if more > 0 else [])])


def _movers(result: Result, base: Result | None) -> str:
    """Who goes its own way, in how many draws, and in how many it is worth less than under a baseline."""
    ways = [way for way in ways_of(result.scenario) if _is_held(result, base or result, way)]
    told = [_of_way(result, base, way, found) for way in ways if (found := movers(result, base or result, way))]
    nobody = " or ".join(_NOBODY[way] for way in ways).format_map(result.scenario.own_words)
    return " ".join(told) or (f"Nobody {nobody} in any draw." if nobody else "")


def _is_held(result: Result, base: Result, way: str) -> bool:
    return way in result.panels and all("npv_with_terminal" in one.panels for one in (result, base))


def _of_way(result: Result, base: Result | None, way: str, found: Sequence[Mover]) -> str:
    """Who goes one way to a business of its own."""
    (first, *others), rest = found[:_NAMED], len(found) - _NAMED
    title = {name: result.scenario.providers[name].short_title for name in result.scenario.foreign}
    does = WAYS[way].does.format_map(result.scenario.own_words)
    goes = f"{title[first.provider]} {does} in {share_of_draws(first.share)} of draws"
    if way == "buys_out" and not isnan(first.half):
        goes += f" (half of these by {_month(first.half)})"
    if base is None:
        parts = [goes, *(f"{title[one.provider]} in {share_of_draws(one.share)}" for one in others)]
    else:
        worse = f"ends worse off than under {base.scenario.title} (later years included)"
        parts = [f"{goes} and in {share_of_draws(first.regret)} {worse}"]
        parts += [
            f"{title[one.provider]} in {share_of_draws(one.share)} and {share_of_draws(one.regret)}" for one in others
        ]
    more = [f"{rest} more in up to {share_of_draws(found[_NAMED].share)}"] if rest > 0 else []
    return f"{', '.join([*parts, *more])}."


def _month(date: float) -> str:
    """The month in which a date lies, in decimal years."""
    year = int(date)
    return f"{datetime.date(year, 1 + min(int(12 * (date - year)), 11), 1):%B %Y}"


def _disagreement(result: Result, values: FloatArray) -> tuple[str, list[Level]]:
    """The hypotheses or readings that move a number most, if they read differently beyond chance."""
    found = {kind: category_levels(result, kind, values) for kind in CATEGORIES}
    told = {kind: levels for kind, levels in found.items() if _are_apart(levels)}
    kind = max(told, key=lambda one: _range(told[one]), default="")
    return kind, told.get(kind, [])


def _are_apart(levels: Sequence[Level]) -> bool:
    if len(levels) < 2:
        return False
    low, high = (choose(levels, key=lambda level: level.mean) for choose in (min, max))
    beyond_chance = high.mean - low.mean > _ERRORS * hypot(low.se, high.se)
    return beyond_chance and as_points(low.mean) != as_points(high.mean)


def _range(levels: Sequence[Level]) -> float:
    means = [level.mean for level in levels]
    return max(means) - min(means)


def _ahead(values: FloatArray) -> tuple[int, float] | None:
    """The scenario with the greatest mean, array (scenarios, N), and how often none is above it; None for a tie."""
    means = values.mean(axis=1)
    best = int(means.argmax())
    rest = np.delete(values, best, axis=0)
    if means[best] <= rest.mean(axis=1).max():
        return None
    return best, float((values[best] >= rest.max(axis=0)).mean())


def _bounds(customers: Spread | None) -> tuple[str, str, str]:
    """How the size of what customers gain or lose is told, and in how many draws the host gains and loses."""
    if customers is None or not customers.mean:
        return "", "", ""
    return ("at most ", "at most ", "at least ") if customers.mean > 0 else ("at worst ", "at least ", "at most ")
