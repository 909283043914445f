"""What pictures say above themselves: sentences made of numbers, true whatever these are.

Every function gives its sentence in several lengths, the fullest first: a sheet takes the first that has room. Where a
median and a mean read differently both stand there with their names, and numbers are rounded as everywhere
(`sim.wording`); `amount` says money in the currency of the scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from sim.axes import FloatArray
from sim.outcomes.phrases import share_of_draws
from sim.wording import billions, capital, listed, percent, points

__all__ = [
    "Change",
    "Level",
    "Titles",
    "added_points",
    "amount_in",
    "by_hypothesis",
    "by_item",
    "chances",
    "launches",
    "market",
    "parties",
    "present_value",
    "revenue",
    "share_changes",
    "share_over_years",
    "two_changes",
    "worth",
]

Titles = tuple[str, ...]
"""One sentence in several lengths, the fullest first."""

Form = Callable[[float], str]

_MOST_NAMED: Final = 3
"""Scenarios that a title names one by one."""


@dataclass(frozen=True)
class Level:
    """Where an outcome stands.

    Attributes
    ----------
    name : str
        Of whom or what, as a sentence has it.
    median, mean : float
    """

    name: str
    median: float
    mean: float

    @classmethod
    def of(cls, name: str, draws: FloatArray) -> Self:
        """Of the draws of one column."""
        return cls(name, float(np.median(draws)), float(np.mean(draws)))

    def text(self, form: Form) -> str:
        """The median, and the mean where it reads differently."""
        return _both(form(self.median), form(self.mean))


@dataclass(frozen=True)
class Change:
    """What something changes, draw by draw.

    Attributes
    ----------
    name : str
        Of what makes the change, or of whom it meets.
    median, mean : float
    higher, lower : float
        Shares of draws above and below zero.
    """

    name: str
    median: float
    mean: float
    higher: float
    lower: float

    @classmethod
    def of(cls, name: str, draws: FloatArray) -> Self:
        """Of paired differences."""
        higher, lower = float(np.mean(draws > 0)), float(np.mean(draws < 0))
        return cls(name, float(np.median(draws)), float(np.mean(draws)), higher, lower)


def added_points(value: float) -> str:
    """A difference of shares without its sign."""
    return points(abs(value)).lstrip("+")


def amount_in(currency: str) -> Form:
    """What says an amount of money in billions, without its sign."""
    return lambda value: billions(abs(value), currency)


def _both(median: str, mean: str) -> str:
    """Two numbers in figures, the second named where it reads differently, with no unit that the first has."""
    return median if median == mean else f"{median} (mean {mean.rpartition(' ')[2].removesuffix('bn')})"


def _direction(value: float, form: Form) -> int:
    """The sign of a number, 0 where it reads as zero."""
    return 0 if form(value) == form(0.0) else 1 if value > 0 else -1


def _most(changes: Sequence[Change]) -> Change:
    """The one that moves most, in the mean; of equals the first."""
    return max(changes, key=lambda one: abs(one.mean))


def _effect(change: Change, form: Form, unit: str, verbs: tuple[str, str, str]) -> str:
    """What a change does in words: the verbs for more, for less and for nothing; `unit` follows the number."""
    up, down, nothing = verbs
    ways = _direction(change.median, form), _direction(change.mean, form)
    said = [
        {1: f"{up} {form(abs(value))}{unit}", -1: f"{down} {form(abs(value))}{unit}", 0: nothing}[way]
        for way, value in zip(ways, (change.median, change.mean), strict=True)
    ]
    if ways[0] == ways[1] != 0:
        median, mean = form(abs(change.median)), form(abs(change.mean))
        return f"{up if ways[0] > 0 else down} {_both(median, mean).replace(median, median + unit, 1)}"
    return nothing if ways == (0, 0) else f"{said[0]} in the median draw and {said[1]} in the mean"


_ADDS: Final = ("adds", "takes", "changes nothing")


def _onto(change: Change, form: Form) -> str:
    """What follows in a sentence in which something is added, or is taken alone."""
    ways = _direction(change.median, form), _direction(change.mean, form)
    return "from" if min(ways) < 0 and max(ways) <= 0 else "to"


def share_over_years(level: Level, first: Level, years: tuple[int, int]) -> Titles:
    """Where the foreign share goes from the first year to the last."""
    before, after = percent(first.median), percent(level.median)
    way = _direction(float(after.rstrip("%")) - float(before.rstrip("%")), percent)
    verb = {1: "rises from {} in {} to", -1: "falls from {} in {} to", 0: "is {} in {} and"}[way].format(
        before, years[0]
    )
    ends = f"{verb} {level.text(percent)} in {years[1]}"
    return (f"Under {level.name} foreign providers' share of the market {ends}", f"Foreign share {ends}")


def share_changes(changes: Sequence[Change], year: int, why: tuple[str, float] | None = None) -> Titles:
    """What the scenario that moves the foreign share most does to it; `why` is what explains most, and how much."""
    most = _most(changes)
    said = f"{most.name} {_effect(most, added_points, ' points', _ADDS)} {_onto(most, added_points)}"
    if not _moves(changes, added_points):
        return _unmoved(changes, f"foreign providers' share of {year}")
    return (
        *([f"{said} foreign providers' share by {year}, and {_explains(why)}"] if why else []),
        *([f"{said} the share by {year}; {_explains(why)}"] if why else []),
        f"{said} foreign providers' share by {year}",
        f"{said} the share by {year}",
    )


def _explains(why: tuple[str, float]) -> str:
    return f"{why[0]} explains {percent(100 * why[1])} of the variance of that"


def _moves(changes: Sequence[Change], form: Form) -> bool:
    return any(_direction(value, form) for one in changes for value in (one.median, one.mean))


def _unmoved(changes: Sequence[Change], what: str) -> Titles:
    """That nothing is changed in any draw, or so little that it reads as nothing."""
    who = changes[0].name if len(changes) == 1 else "no scenario"
    verb = "changes" if len(changes) > 1 else "does not change"
    if any(one.higher + one.lower > 0 for one in changes):
        most = max(one.higher + one.lower for one in changes)
        return (
            f"{capital(who)} {verb} {what} by as much as can be read; it differs in {share_of_draws(most)} of draws",
        )
    return (f"{capital(who)} {verb} {what} in any draw",)


def two_changes(share: Sequence[Change], profit: Sequence[Change], year: int, amount: Form) -> Titles:
    """What the scenario that moves the share most does to share and profit."""
    most = _most(share)
    money_of = next(one for one in profit if one.name == most.name)
    if not _moves(share, added_points) and not _moves(profit, amount):
        return _unmoved(share, f"share and profit of foreign providers in {year}")
    of_share = f"{_effect(most, added_points, ' points', _ADDS)} {_onto(most, added_points)}"
    of_profit = f"{_effect(money_of, amount, '', _ADDS)} {_onto(money_of, amount)}"
    return (
        f"{most.name} {of_share} foreign providers' share of {year}, and {of_profit} their profit of that year",
        f"{most.name} {of_share} the share of {year}, {of_profit} profit",
        f"{most.name} {of_share} the share of {year}",
    )


def chances(changes: Sequence[Change], baseline: str, year: int) -> Titles:
    """In how many draws the foreign share is above the baseline's, or below where that is what it mostly is.

    By scenario, or from the least to the greatest.
    """
    falls = sum(one.lower for one in changes) > sum(one.higher for one in changes)
    side, found = ("below", [one.lower for one in changes]) if falls else ("above", [one.higher for one in changes])
    named = [(share_of_draws(chance), one.name) for chance, one in zip(found, changes, strict=True)]
    if len(changes) <= _MOST_NAMED:
        (share, name), *rest = named
        said = listed([f"{share} of draws under {name}", *(f"{share} under {name}" for share, name in rest)])
    else:
        (low, least), (high, most) = (named[found.index(end)] for end in (min(found), max(found)))
        said = f"{low} ({least}) to {high} ({most}) of draws"
    return (
        f"In {year} foreign providers' share is {side} that under {baseline} in {said}",
        f"Share of {year} {side} {baseline}: in {said}",
        f"{capital(side)} {baseline} in {said}",
        f"{capital(side)} the baseline in {said}",
        _ends_of(found, year, side),
    )


def _ends_of(found: Sequence[float], year: int, side: str) -> str:
    """The chances alone, where names take too much room."""
    low, high = share_of_draws(min(found)), share_of_draws(max(found))
    return f"Foreign share of {year}: {side} the baseline's in {low if low == high else f'{low} to {high}'} of draws"


def revenue(levels: Sequence[Level], year: int, amount: Form) -> Titles:
    """What foreign providers sell for under the scenario that differs most from the first, and under the first."""
    base, *others = levels
    if not others:
        return (f"Foreign providers sell for {base.text(amount)} in {year}",)
    most = max(others, key=lambda one: abs(one.mean - base.mean))
    return (
        f"Foreign providers sell for {most.text(amount)} in {year} under {most.name}, "
        f"and for {base.text(amount)} under {base.name}",
        f"Foreign revenue of {year}: {most.text(amount)} under {most.name}, {base.text(amount)} under {base.name}",
    )


def by_item(now: Level, before: Level, item: str, what: str, years: tuple[int, int], *, compared: bool) -> Titles:
    """The item that moves most, against the baseline or, of one scenario, over the years."""
    here, there = now.text(percent), before.text(percent)
    if compared:
        return (
            f"{item} moves most: {here} of {what} in {years[1]} under {now.name}, {there} under {before.name}",
            f"{item} moves most: {here} under {now.name}, {there} under {before.name}",
        )
    return (f"{item} moves most: from {there} of {what} in {years[0]} to {here} in {years[1]}",)


def parties(name: str, changes: Sequence[Change], year: int, amount: Form) -> Titles:
    """Who gains most and who loses most in one scenario, by the mean."""
    best, worst = max(changes, key=lambda one: one.mean), min(changes, key=lambda one: one.mean)
    gain = f"most is gained by {best.name}, {_signless(best, amount)}"
    loss = f"most lost by {worst.name}, {_signless(worst, amount)}"
    if not _moves(changes, amount):
        return (f"{name}: nobody gains or loses as much as can be read in {year}",)
    parts = [gain] if _direction(best.mean, amount) > 0 else ["nobody gains in the mean"]
    parts += [loss] if _direction(worst.mean, amount) < 0 else ["nobody loses in the mean"]
    return (f"{name}, {year}: {parts[0]} a year, and {parts[1]}", f"{name}: {parts[0]}, and {parts[1]}")


def _signless(change: Change, amount: Form) -> str:
    """The size of a change whose median may have another sign than its mean."""
    if change.median * change.mean < 0 and _direction(change.median, amount):
        sign = "less" if change.median < 0 else "more"
        return f"{amount(change.mean)} in the mean ({amount(change.median)} {sign} in the median draw)"
    return _both(amount(change.median), amount(change.mean))


def present_value(changes: Sequence[Change], year: int, amount: Form) -> Titles:
    """What the scenario that moves it most is worth to foreign providers, and in how many draws it is more."""
    most = _most(changes)
    if not _moves(changes, amount):
        return _unmoved(changes, "what business is worth to foreign providers")
    ways = _direction(most.median, amount), _direction(most.mean, amount)
    if ways[0] == ways[1]:
        word = "more" if ways[0] > 0 else "less"
        size = f"{_both(amount(most.median), amount(most.mean))} {word}"
    else:
        size = f"{_side(most.median, amount)} in the median draw and {_side(most.mean, amount)} in the mean"
    often = f"more in {share_of_draws(most.higher)} of draws"
    return (
        f"Under {most.name} business up to {year} is worth {size} to foreign providers, {often}",
        f"{most.name}: worth {size} to foreign providers, {often}",
    )


def worth(level: Level, with_terminal: Level, year: int, amount: Form) -> Titles:
    """What business is worth to foreign providers under the one scenario, without and with a terminal value."""
    said = f"Under {level.name} business up to {year} is worth {level.text(amount)} to foreign providers"
    return (f"{said}, and {with_terminal.text(amount)} with later years", said)


def _side(value: float, amount: Form) -> str:
    way = _direction(value, amount)
    return f"{amount(value)} {'more' if way > 0 else 'less'}" if way else "as much"


def launches(shares: Mapping[tuple[str, str], float], year: int, way: str, own_words: Mapping[str, str]) -> Titles:
    """Who has sites of its own, or has bought from its partner, of pairs of scenario and provider."""
    does, done = (verb.format_map(own_words) for verb in _OWN_WAY[way])
    (scenario, provider), share = max(shares.items(), key=lambda one: one[1], default=(("", ""), 0.0))
    if not share:
        return (f"No foreign provider {does} in any draw",)
    often = f"in {share_of_draws(share)} of draws"
    return (
        f"{provider} {done} by the end of {year} {often} under {scenario}, the most of all",
        f"{provider} {done} {often} under {scenario}",
    )


_OWN_WAY: Final = {
    "enters": ("launches {own}", "has {own}"),
    "buys_out": ("buys {stake}", "has bought {stake}"),
}
"""By variable: what nobody does, and what somebody has done."""


def market(first: Level, last: Level, years: tuple[int, int], changes: Sequence[Change], amount: Form) -> Titles:
    """How the market grows under the baseline, and what the scenario that moves it most adds, in percent."""
    verb = "grows" if last.median > first.median else "shrinks" if last.median < first.median else "goes"
    said = (
        f"The market {verb} from {amount(first.median)} a year in {years[0]} "
        f"to {last.text(amount)} in {years[1]} under {last.name}"
    )
    if not changes or not _moves(changes, percent):
        return (said,)
    most = _most(changes)
    return (f"{said}; {most.name} {_effect(most, percent, '', ('adds', 'takes', 'adds nothing'))}", said)


def by_hypothesis(name: str, means: Mapping[str, float], what: str, year: int, *, is_change: bool) -> Titles:
    """The greatest and the least mean over hypotheses: of what a scenario adds, or of where the share stands."""
    high, low = max(means, key=lambda one: means[one]), min(means, key=lambda one: means[one])
    share = f"the foreign share of {what} of {year}"
    if not is_change:
        tops = f"{percent(means[high])} by {high}", f"{percent(means[low])} by {low}"
        said = f"{tops[0]} and {tops[1]}" if percent(means[high]) != percent(means[low]) else percent(means[high])
        return (f"Under {name} {share} is {said}, in the mean", f"{name}: {said}, in the mean")
    verbs = [_ADDS[0] if means[one] > 0 else _ADDS[1] for one in (high, low)]
    onto = "to" if means[high] > 0 else "from"
    sizes = [added_points(means[one]) for one in (high, low)]
    if points(means[high]) == points(means[low]):
        if not _direction(means[high], points):
            return (f"{name} changes nothing of {share} in the mean, whichever hypothesis holds",)
        return (f"{name} {verbs[0]} {sizes[0]} points {onto} {share} in the mean, whichever hypothesis holds",)
    second = f"{sizes[1]} points" if verbs[0] == verbs[1] else f"{verbs[1]} {sizes[1]} points"
    said = f"{sizes[0]} points in the mean by {high}, and {second} by {low}"
    return (f"{capital(onto)} {share} {name} {verbs[0]} {said}", f"{name} {verbs[0]} {said}")
