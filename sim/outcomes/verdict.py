"""The answer of a study in sentences, a dozen lines at most: what each scenario changes, for whom, and how far to trust it.

Every number is of the draws: a median with the ends of the central 90% and, wherever it reads differently, the mean,
each by its name. Which scenario is spoken of first, and which is best for whom, follows from the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Final, TypeAlias

import numpy as np

from sim.axes import FloatArray
from sim.outcomes.comparison import baseline_of
from sim.outcomes.drivers import Attribution
from sim.outcomes.findings import decisive
from sim.outcomes.panels import Result
from sim.outcomes.stakes import (
    CATEGORIES,
    HOST,
    Level,
    Spread,
    builders,
    category_levels,
    foreign_worth,
    host_gains,
    number_gain,
    number_level,
    provider_worth,
)
from sim.wording import change, listed, money, percent, points, readable, signed

__all__ = ["MOST_LINES", "Line", "Verdict", "verdict_of"]

Form: TypeAlias = Callable[[float], str]

MOST_LINES: Final = 12
"""Of a screen, the question and the folder among them."""

_FULL: Final = 2
"""Lines of a scenario that is spoken of in full."""

_ERRORS: Final = 3.0
"""Standard errors by which hypotheses are told to disagree."""

_NAMED: Final = 2
"""Providers named as builders."""

_EQUAL: Final = 0.05
"""Share of the draws without any difference that is worth saying."""

_THEM: Final = "foreign providers"


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
    """

    question: str
    basis: str
    lines: tuple[Line, ...]
    screen: tuple[Line, ...]


def verdict_of(
    results: Sequence[Result],
    baseline: str | None = None,
    *,
    attributions: Sequence[Attribution] = (),
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
    trust : str
        How far to trust it, in a sentence.
    """
    return _Study(results, baseline_of(results, baseline)).verdict(attributions, trust)


class _Study:
    """Some results, and the numbers that their verdict is made of."""

    def __init__(self, results: Sequence[Result], base: Result) -> None:
        self.base = base
        self.others = [result for result in results if result is not base]
        self.year = base.scenario.horizon.end_year
        self.share = {one.name: number_gain(one, base, "foreign_share", "total") for one in self.others}
        self.worth = {one.name: foreign_worth(one, base) for one in self.others if _holds(one, base, "npv")}
        self.host = {one.name: host_gains(one, base) for one in self.others if _holds(one, base, *HOST)}

    def verdict(self, attributions: Sequence[Attribution], trust: str) -> Verdict:
        scenarios = [self._scenario(one) for one in self.others]
        shared = [*self._best(), *self._pays(), *self._decides(attributions)]
        after = [*shared, *([Line("How far to trust it", (trust,))] if trust else [])]
        first = self._baseline()
        room = MOST_LINES - 3 - len(after)  # beside the question, the baseline and the folder
        shown = self._fitted(scenarios, room)
        return Verdict(self._question(), self._basis(), (first, *scenarios, *after), (first, *shown, *after))

    # ------------------------------------------------------------------ the question

    def _question(self) -> str:
        """The scenarios' own, where it is one; else what is compared."""
        asked = list(dict.fromkeys(one.scenario.question for one in (self.base, *self.others)))
        if len(asked) == 1 or not self.others:
            return asked[0]
        if len(self.others) == 1:
            return self.others[0].scenario.question
        titles = [one.scenario.title for one in self.others]
        what = listed(titles) if len(titles) <= _FULL + 1 else f"{len(titles)} other scenarios"
        return f"What do {what} bring {_THEM}, over {self.base.scenario.title}?"

    def _basis(self) -> str:
        scenario = self.base.scenario
        draws = f"{scenario.sampling.draws:,} draws"
        if self.base.sizes is not None:
            draws += " inside a box"
        if scenario.sampling.posterior is not None:
            draws += " learned from a record"
        return f"{draws}, from {scenario.horizon.base_year} data, seen from {scenario.as_of.day} {scenario.as_of:%B %Y}"

    # ------------------------------------------------------------------ the scenarios

    def _baseline(self) -> Line:
        """What the baseline gives; of a scenario that stands alone also what it is worth."""
        base, parts = self.base, []
        share = _spread(number_level(base, "foreign_share", "total"), base)
        parts.append(f"have {_levels(share, _percent, ' of the market')}")
        if _holds(base, base, "revenue_retained"):
            kept = _spread(number_level(base, "revenue_retained", "total", "foreign"), base)
            parts.append(f"keep USD {_levels(kept, money, 'bn a year of its revenue')}")
        texts = [f"In {self.year} {_THEM} {' and '.join(parts)}."]
        if not self.others and _holds(base, base, "npv"):
            worth = _spread(number_level(base, "npv", "total", "foreign"), base)
            texts.append(f"Present value of it to {self.year}: USD {_levels(worth, money, 'bn for them')}.")
        return Line(base.scenario.title, tuple(texts), base.name)

    def _scenario(self, result: Result) -> Line:
        """What a scenario adds to the baseline, and what that is worth to whom."""
        name, over = result.name, f"over {self.base.scenario.title}"
        worth = self.worth.get(name)
        gained = self.share[name]
        if not gained.any() and (worth is None or not worth.any()):
            text = f"In no draw does it change what {_THEM} have of the market, or its worth, {over}."
            return Line(result.scenario.title, (text,), name)
        share, mixture = self._share(result, over), self._mixture(result, over)
        if worth is None:
            return Line(result.scenario.title, (share,), name, f"{mixture}.")
        amount = f"worth USD {_changes(_spread(worth, result), money, f'bn to {self.year}')}"
        texts = (share, f"{self._worth(result)} {_builders(result, self.base)}".strip())
        return Line(result.scenario.title, texts, name, f"{mixture}; {amount}.")

    def _share(self, result: Result, over: str) -> str:
        """By hypothesis first where these disagree, then over all draws."""
        mixture = f"{self._mixture(result, over)}{self._without(result)}."
        kind, levels = _disagreement(result, self.share[result.name])
        if not levels:
            return mixture
        titles = _titles(result, kind)
        named = [f"{titles[one.name]} {_number(one.mean, lambda value: points(100 * value))}" for one in levels]
        named[0] += " points"
        return f"By {_KINDS[kind]} (means): {', '.join(named)}; in all {mixture}"

    def _mixture(self, result: Result, over: str) -> str:
        gained = self.share[result.name]
        if not gained.any():
            return f"The same share of the market in {self.year} as {over.removeprefix('over ')}"
        return f"{_changes(_spread(gained, result), _points, f' points {over}')}"

    def _without(self, result: Result) -> str:
        equal = float((self.share[result.name] == 0).mean())
        return f", the same in {_share(equal)} of draws" if _EQUAL <= equal < 1 else ""

    def _worth(self, result: Result) -> str:
        """What it is worth to foreign providers together, and of the mean to each."""
        parts = {name: float(values.mean()) for name, values in provider_worth(result, self.base).items()}
        ordered = sorted(parts, key=lambda name: -abs(parts[name]))
        named = [f"{result.scenario.providers[name].short_title} {_signed_money(parts[name])}" for name in ordered]
        spread = _spread(self.worth[result.name], result)
        whose = f", {', '.join(named)} in the mean" if len(named) > 1 else ""
        return f"Present value to {self.year}: USD {_changes(spread, money, 'bn for them')}{whose}."

    # ------------------------------------------------------------------ the study as a whole

    def _fitted(self, lines: Sequence[Line], room: int) -> list[Line]:
        """As much of the scenarios' lines as there is room for.

        All in full; else all in one line each; else those that change most, and one line for the rest together.
        """
        if sum(len(line.texts) for line in lines) <= room:
            return list(lines)
        if len(lines) <= room:
            return [replace(line, texts=(line.shortest,)) for line in lines]
        size = {line.scenario: abs(self._size(line.scenario)) for line in lines}
        shown = sorted(lines, key=lambda line: -size[line.scenario])[: room - 1]
        rest = [line for line in lines if line not in shown]
        return [*(replace(line, texts=(line.shortest,)) for line in lines if line in shown), self._rest(rest)]

    def _size(self, name: str) -> float:
        return float((self.worth if len(self.worth) == len(self.others) else self.share)[name].mean())

    def _rest(self, lines: Sequence[Line]) -> Line:
        """The scenarios that change least, together."""
        means = [float(self.share[line.scenario].mean()) for line in lines]
        low, high = (_number(value, lambda one: points(100 * one)) for value in (min(means), max(means)))
        reach = f"{low} points each" if low == high else f"{low} to {high} points"
        text = f"{listed([line.label for line in lines])}: {reach} in {self.year}, means."
        return Line(f"{len(lines)} others", (text,))

    def _best(self) -> Iterator[Line]:
        """Which scenario is best for whom in the mean, where there is a choice of more than two."""
        if len(self.others) < 2 or len(self.worth) < len(self.others):  # noqa: PLR2004
            return
        zero = np.zeros_like(next(iter(self.worth.values())))
        stakes = {_THEM: [zero, *self.worth.values()]}
        if len(self.host) == len(self.others):
            for variable, party in HOST.items():
                stakes[party] = [zero, *(gains[variable] for gains in self.host.values())]
            stakes["the host as a whole"] = [zero, *(sum(gains.values(), zero) for gains in self.host.values())]
        titles = [one.scenario.title for one in (self.base, *self.others)]
        winners: dict[str, list[str]] = {}
        for party, values in stakes.items():
            best = _ahead(np.stack(values))
            if best is not None:
                winners.setdefault(titles[best[0]], []).append(f"{party} ({_share(best[1])})")
        if winners:
            texts = [f"{title} for {listed(parties)}" for title, parties in winners.items()]
            yield Line("Best for whom", (f"In the mean, and ahead in so many draws: {'; '.join(texts)}.",))

    @property
    def lead(self) -> Result:
        """The scenario that moves most: by what it is worth to foreign providers, else by their share."""
        return max(self.others, key=lambda one: abs(self._size(one.name)), default=self.base)

    def _pays(self) -> Iterator[Line]:
        gains = self.host.get(self.lead.name)
        if gains is None:
            return
        spreads = {name: _spread(values, self.lead) for name, values in gains.items() if values.any()}
        if not spreads:
            yield Line("Who pays", ("Nobody of the host gains or loses anything in any draw.",))
            return
        ordered = sorted(spreads, key=lambda name: -spreads[name].mean)
        parties = [f"{HOST[name]} {_gains(spreads[name])}" for name in ordered]
        whole = np.sum(list(gains.values()), axis=0)
        up, down = float((whole > 0).mean()), float((whole < 0).mean())
        yield Line(
            "Who pays",
            (
                f"{self._under()}present value to {self.year} in USD bn, mean (median): {', '.join(parties)}; the host as "
                f"a whole gains in {_share(up)} of draws and loses in {_share(down)}.",
            ),
        )

    def _under(self) -> str:
        return f"Under {self.lead.scenario.title}, " if len(self.others) > 1 else "By "

    def _decides(self, attributions: Sequence[Attribution]) -> Iterator[Line]:
        own = [one for one in attributions if one.scenario.name == self.lead.name]
        wanted = [
            one for one in own if one.outcome.variable == "foreign_share" and one.outcome.is_gain != (not self.others)
        ]
        if wanted:
            whose = f"what {self.lead.scenario.title} adds to their share" if self.others else "their share"
            yield Line("What decides", (decisive(wanted[0], whose),))


def _holds(result: Result, base: Result, *variables: str) -> bool:
    """Whether both results were stored with some variables."""
    return all(name in one.panels for one in (result, base) for name in variables)


def _spread(values: FloatArray, result: Result) -> Spread:
    return Spread.of(values, result.sizes)


def _levels(spread: Spread, form: Form, after: str = "") -> str:
    """A level with its band, and its mean where that reads differently."""
    return _banded(spread, form, form, after, "90% of draws ")


def _changes(spread: Spread, form: Form, after: str = "") -> str:
    """The same of a difference, whose median and mean have a sign."""
    return _banded(spread, lambda value: signed(value, form(abs(value))), form, after, "")


def _banded(spread: Spread, own: Form, form: Form, after: str, band: str) -> str:
    middle, mean = _number(spread.median, own), _number(spread.mean, own)
    low, high = _number(spread.low, form), _number(spread.high, form)
    low = low if low == high else low.removesuffix("%")
    if low == high == middle.lstrip("+") == mean.lstrip("+"):
        return f"{middle}{after} in every draw"
    names = ("median; ", f"; mean {mean}") if mean != middle else ("", "")
    return f"{middle}{after} ({names[0]}{band}{low} to {high}{names[1]})"


def _number(value: float, form: Form) -> str:
    """A number in its form; nothing is a plain 0."""
    text = form(value)
    return text if text.strip("+−-0.%") else "0"


def _points(value: float) -> str:
    """A difference of shares as percentage points, without a plus."""
    return points(100 * value).lstrip("+")


def _percent(value: float) -> str:
    return percent(100 * value)


def _share(part: float) -> str:
    """A share of the draws; none and all are told from nearly so."""
    if part in (0.0, 1.0):
        return f"{100 * part:.0f}%"
    text = percent(100 * part)
    return {"0.0%": "less than 0.1%", "100%": "nearly 100%"}.get(text, text)


def _gains(spread: Spread) -> str:
    """What a party gains or loses, mean and median."""
    mean, middle = _signed_money(spread.mean), _signed_money(spread.median)
    return mean + (f" ({middle})" if middle != mean else "")


def _signed_money(value: float) -> str:
    return _number(value, change)


def _builders(result: Result, base: Result) -> str:
    """Who builds a site of its own, in how many draws, and regrets it."""
    if not _holds(result, base, "enters", "npv_with_terminal"):
        return ""
    found = builders(result, base)
    if not found:
        return "Nobody builds a site in any draw."
    parts = [
        f"{result.scenario.providers[one.provider].short_title} builds in {_share(one.share)} of draws and regrets it in "
        f"{_share(one.regret)}"
        for one in found[:_NAMED]
    ]
    rest = f", {len(found) - _NAMED} more in fewer" if len(found) > _NAMED else ""
    return f"{'; '.join(parts)}{rest}."


def _disagreement(result: Result, values: FloatArray) -> tuple[str, list[Level]]:
    """The hypotheses or readings that move a number most, if they read differently beyond chance."""
    found = {kind: category_levels(result, kind, values) for kind in CATEGORIES}
    told = {kind: levels for kind, levels in found.items() if _are_apart(levels)}
    kind = max(told, key=lambda one: _range(told[one]), default="")
    return kind, told.get(kind, [])


def _are_apart(levels: Sequence[Level]) -> bool:
    if len(levels) < 2:  # noqa: PLR2004
        return False
    low, high = (choose(levels, key=lambda level: level.mean) for choose in (min, max))
    beyond_chance = high.mean - low.mean > _ERRORS * hypot(low.se, high.se)
    return beyond_chance and _points(low.mean) != _points(high.mean)


def _range(levels: Sequence[Level]) -> float:
    means = [level.mean for level in levels]
    return max(means) - min(means)


_KINDS: Final = {"opening_hypothesis": "hypothesis", "zone_reading": "reading of the zone"}


def _titles(result: Result, kind: str) -> Mapping[str, str]:
    """Hypotheses or readings by id, as their file calls them."""
    scenario = result.scenario
    named = scenario.opening.hypotheses if kind == "opening_hypothesis" else scenario.zone.readings
    return {name: one.title or readable(name) for name, one in named.items()}


def _ahead(values: FloatArray) -> tuple[int, float] | None:
    """The scenario with the greatest mean, array (scenarios, N), and where it is above all others; None for a tie."""
    means = values.mean(axis=1)
    best = int(means.argmax())
    rest = np.delete(values, best, axis=0)
    if means[best] <= rest.mean(axis=1).max():
        return None
    return best, float((values[best] > rest.max(axis=0)).mean())
