"""What pictures of studies other than a run say above themselves; as `sim.pictures.titles` does of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sim.pictures.titles import Titles
from sim.wording import capital, listed, percent, signed

__all__ = ["beaten", "condition", "driver", "extremes", "foreseen", "informed", "inside", "kinds_of", "learned"]

_MOST_NAMED: Final = 3
"""Things that a title names one by one."""


def driver(what: str, mean: str, whose: str, share: float, *, is_whole: bool) -> Titles:
    """Which source of uncertainty is behind an outcome most; `whose` is empty where none is told from chance."""
    if not whose:
        return (f"No single input is told from chance in {what} (mean {mean})", f"No single input drives {what}")
    verb = "is behind" if is_whole else "alone explains"
    said = f"'{capital(whose)}' {verb} {percent(100 * share)} of the variance"
    return (f"{said} of {what} (mean {mean})", f"{said} of {what}", said)


def kinds_of(what: str, shares: Mapping[str, float], *, is_whole: bool) -> Titles:
    """How much of an outcome's variance each kind of not knowing is."""
    if not shares:
        return (f"Too few draws to tell what decides {what}", "Too few draws to tell what decides it")
    first, *rest = sorted(shares, key=lambda kind: -shares[kind])
    verb = "is behind" if is_whole else "alone explains"
    parts = [f"{verb} {percent(100 * max(shares[first], 0.0))} of the variance of {what}"]
    others = listed([f"{kind} {percent(100 * max(shares[kind], 0.0))}" for kind in rest]) if rest else ""
    whole = f"{capital(first)} {parts[0]}{f', {others}' if others else ''}"
    return (whole, f"{capital(first)} {parts[0]}")


def extremes(what: str, low: str, high: str, unit: str, where: tuple[str, str], centre: str) -> Titles:
    """The least and the greatest of an outcome over settings, in figures, and `where` each of them is."""
    if low == high:
        return (f"{what}: {low}{unit} at every point ({centre})", f"{what}: {low}{unit}")
    return (
        f"{what}: {low} at {where[0]}, {high}{unit} at {where[1]} ({centre})",
        f"{what}: {low} to {high}{unit} ({centre})",
        f"{what}: {low} to {high}{unit}",
    )


def inside(names: Sequence[str], count: int, band: str) -> Titles:
    """How many of some observations lie inside a band of their forecasts; `names` are those that do not."""
    said = f"{count - len(names)} of {count} observations lie inside the {band} of their forecasts"
    if not names:
        return (said if count > 1 else f"The observation lies inside the {band} of its forecast",)
    kept = listed(list(names[:_MOST_NAMED])) if len(names) <= _MOST_NAMED else f"{len(names)} others"
    return (f"{said}; not {kept}", said)


def foreseen(above: int, count: int, outside: int) -> Titles:
    """Whether forecasts lay low or high: on which side of their medians the observations are."""
    said = f"Of {count} observations {above} lie above the median of their forecast and {count - above} below"
    return (f"{said}; {outside} lie outside the central 90%", said)


def beaten(skills: Mapping[str, Mapping[str, Sequence[float]]], wins: int, count: int) -> Titles:
    """Against which naive forecasts the engine wins: 1 less the ratio of scores, by variable and its series.

    Series are told one by one, or counted where there are many, and never pooled: one that wins hides none that loses.
    """
    said = f"The engine scores better than a naive forecast in {wins} of {count} comparisons"
    parts = [f"{capital(what)} {_by_series(series)}" for what, series in skills.items() if series]
    counted = [f"{capital(what)} {_counted(list(series.values()))}" for what, series in skills.items() if series]
    short = f"Against naive forecasts: {'; '.join(counted)}"
    return (f"{said}. {'; '.join(parts)}", f"{said}. {'; '.join(counted)}", short, said) if parts else (said,)


def _by_series(series: Mapping[str, Sequence[float]]) -> str:
    if len(series) == 1:
        return _won(*series.values())
    if len(series) > _MOST_NAMED:
        return _counted(list(series.values()))
    return "of " + ", of ".join(f"{name} {_won(skills)}" for name, skills in series.items())


def _counted(series: Sequence[Sequence[float]]) -> str:
    """How many series are forecast better than by every naive forecast of them."""
    if len(series) == 1:
        return _won(series[0])
    won = sum(min(skills) > 0 for skills in series)
    return f"better in {won} of {len(series)} series"


def _won(skills: Sequence[float]) -> str:
    """Skills in words: how much better, or worse, the score is."""
    low, high = min(skills), max(skills)
    ends = [f"{abs(100 * value):.0f}%" for value in (low, high)]
    if ends[0] == ends[1] and low * high >= 0:
        return f"{ends[0]} {'better' if low > 0 else 'worse'}" if ends[0] != "0%" else "no better and no worse"
    if low >= 0:
        return f"{ends[0]} to {ends[1]} better"
    if high <= 0:
        return f"{ends[1]} to {ends[0]} worse"
    return f"from {ends[0]} worse to {ends[1]} better"


def informed(count: int, whole: int, most: Sequence[tuple[str, float]]) -> Titles:
    """How many numbers a record informs, and of which it teaches most: each with its shift in standard deviations."""
    said = f"The record informs {count} of {whole} numbers"
    if not most:
        rest = f"of the other {whole - count}" if count else "of them"
        return (f"{said}; {rest} it says nothing that could be told from noise", said)
    moved = [f"{name} ({signed(shift, f'{abs(shift):.1f}')})" for name, shift in most]
    longer = [f"{said}, most of all {listed(moved[:end])}, in standard deviations" for end in range(len(moved), 0, -1)]
    return (*longer, said)


def learned(before: int, after: int, count: int) -> Titles:
    """How many observations lie inside 90% of what is foreseen, before and after learning from them."""
    return (
        f"Of {count} observations {before} lie inside 90% of what was foreseen, and {after} after learning from them",
        f"{before} of {count} observations lie inside 90%, {after} after learning",
    )


def condition(event: str, label: str, density: float, coverage: float, share: float) -> Titles:
    """How surely and how much of an event some conditions hold, beside how often it happens anyway."""
    said = f"{event}: {percent(100 * share)} of all draws, {percent(100 * density)} of those inside {label}"
    return (f"{said}, which hold {percent(100 * coverage)} of all that pass", said, f"{label}: {event}")
