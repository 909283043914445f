"""Under which conditions it happens: the patient rule induction method over the inputs of a run.

A box limits a few inputs. Half of the scrambles peel it, a quarter choose how far to go and which limits stay, and
what is reported is of the last quarter, which the box has never seen.

References
----------
Friedman & Fisher (1999), "Bump hunting in high-dimensional data", Statistics and Computing 9: peeling, pasting,
covering.
Bryant & Lempert (2010), "Thinking inside the box", Technological Forecasting and Social Change 77: coverage, density,
and the quasi-p of a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from scipy.special import bdtrc

from sim.analysis.scrambles import jackknife, sums_by_scramble
from sim.axes import DRAWS_PER_SCRAMBLE, BoolArray, FloatArray, IntArray

__all__ = [
    "FEWEST_SCRAMBLES",
    "Box",
    "Discovery",
    "Limit",
    "Split",
    "counts",
    "coverage_density",
    "discover",
    "inside",
    "ratio_over_scrambles",
    "split_draws",
]

FEWEST_SCRAMBLES: Final = 4
"""Half of them peel, a quarter choose, a quarter report."""

_PEELED: Final = 0.05
"""Share of a box's draws that a peel takes off one side."""

_PASTED: Final = 0.01
"""Share of a box's draws that pasting gives back to one side: finer than a peel, which it corrects."""

_FEWEST_DRAWS: Final = 20
"""A box is peeled no smaller."""

_MOST_INPUTS: Final = 4
"""Limited in a box: more, and nobody remembers the rule."""

_MOST_BOXES: Final = 4

_HIGHEST_QUASI_P: Final = 0.05


@dataclass(frozen=True)
class Limit:
    """What a box asks of one input.

    Attributes
    ----------
    name : str
    low, high : float
        Both inclusive, infinite where there is none.
    kept : tuple of int
        Indices of the categories that are inside; empty for a number.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    kept: tuple[int, ...] = ()

    def holds(self, values: FloatArray) -> BoolArray:
        """Whether it is met, draw by draw; (N,) to (N,)."""
        if self.kept:
            return np.isin(values, self.kept)
        return np.asarray((values >= self.low) & (values <= self.high))


Box: TypeAlias = tuple[Limit, ...]
"""All of its limits hold; at most one for each input. Without any it holds every draw."""

Columns: TypeAlias = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Split:
    """Which draws do what.

    Attributes
    ----------
    peel, choose, report : slice
        Whole scrambles.
    """

    peel: slice
    choose: slice
    report: slice


@dataclass(frozen=True)
class Discovery:
    """The boxes of an event.

    Attributes
    ----------
    boxes : tuple of Box
        In the order in which they were found; empty if no condition says more than none.
    curve : tuple of Box
        The trajectory of the first box, from no limit on.
    """

    boxes: tuple[Box, ...]
    curve: tuple[Box, ...]


def split_draws(draws: int) -> Split:
    """Half of the scrambles, a quarter, and the rest.

    Raises
    ------
    ValueError
        There are less than four.
    """
    scrambles = draws // DRAWS_PER_SCRAMBLE
    if scrambles < FEWEST_SCRAMBLES:
        raise ValueError(f"at least {FEWEST_SCRAMBLES} scrambles (found {scrambles})")
    ends = [DRAWS_PER_SCRAMBLE * count for count in (scrambles // 2, scrambles // 2 + scrambles // 4, scrambles)]
    return Split(slice(0, ends[0]), slice(ends[0], ends[1]), slice(ends[1], ends[2]))


def inside(box: Box, columns: Columns, count: int) -> BoolArray:
    """Whether a draw meets all limits of a box.

    Parameters
    ----------
    box : Box
    columns : mapping of arrays (N,)
        Those that it limits, at least.
    count : int
        N.

    Returns
    -------
    (N,) bool
    """
    held = np.ones(count, dtype=bool)
    for limit in box:
        held &= limit.holds(columns[limit.name])
    return held


def coverage_density(passes: BoolArray, held: BoolArray) -> tuple[float, float]:
    """Share of the event's draws that are inside, and share of the draws inside that are of the event; NaN for 0/0."""
    hits = float(np.count_nonzero(passes & held))
    return _ratio(hits, float(np.count_nonzero(passes))), _ratio(hits, float(np.count_nonzero(held)))


def ceiling(passes: BoolArray, again: BoolArray) -> tuple[float, float]:
    """P(y′ ∈ E | y ∈ E), y′ with luck redrawn: what coverage × density of a box of inputs cannot exceed.

    For any set B of inputs x, coverage × density is P(B∩E)²/(P(B)·P(E)), which by Cauchy and Schwarz is at most
    E[P(E|x)²]/P(E). Both runs have the same distribution, so that either may be the condition: the mean of the two.

    Parameters
    ----------
    passes, again : (N,) bool
        The event in the run, and with luck redrawn.

    Returns
    -------
    tuple of float
        The ceiling and its standard error.
    """
    return ratio_over_scrambles(2 * counts(passes, again), counts(passes) + counts(again))


def ratio_over_scrambles(parts: FloatArray, wholes: FloatArray) -> tuple[float, float]:
    """A ratio of sums over scrambles, and its standard error.

    Parameters
    ----------
    parts, wholes : (S,)
        Counts in each scramble.

    Returns
    -------
    tuple of float
        NaN where there is nothing to divide by; an error takes four scrambles.
    """
    found = jackknife(_shares, parts, wholes)
    return float(found.value), float(found.se) if len(parts) >= FEWEST_SCRAMBLES else math.nan


def _shares(parts: FloatArray, wholes: FloatArray) -> FloatArray:
    return np.asarray(np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0))


def counts(*of: BoolArray) -> FloatArray:
    """Draws in each scramble in which all of some conditions hold; arrays (N,) to (S,)."""
    return sums_by_scramble(np.all(of, axis=0).astype(float))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def discover(columns: Columns, categories: Mapping[str, int], passes: BoolArray) -> Discovery:
    """Boxes in which an event is likely, that hold much of it.

    Each is the box of its trajectory, less the limits that say nothing on the choosing quarter, with the greatest
    coverage × density there. Another one, of the draws that are in none before, is told as long as all together gain
    in coverage × density there.

    Parameters
    ----------
    columns : mapping of arrays (N,)
        The inputs that may be limited, categories as indices.
    categories : mapping of str to int
        Of which inputs, and how many they are.
    passes : (N,) bool
        The event. N is at least four scrambles.
    """
    split = split_draws(len(passes))
    half, quarter = (_Draws.of(columns, categories, passes, part) for part in (split.peel, split.choose))
    boxes: list[Box] = []
    curve: tuple[Box, ...] = ((),)
    covered = np.zeros(quarter.count, dtype=bool)
    while len(boxes) < _MOST_BOXES:
        trajectory, box = _next_box(half.outside(boxes), quarter.outside(boxes))
        curve = curve if boxes else trajectory
        together = covered | inside(box, quarter.columns, quarter.count)
        if not box or _product(quarter.passes, together) <= _product(quarter.passes, covered if boxes else None):
            break
        boxes.append(box)
        covered = together
    return Discovery(tuple(boxes), curve)


@dataclass(frozen=True)
class _Draws:
    """Some draws: inputs that vary, how many categories those have that have any, and the event."""

    columns: Columns
    categories: Mapping[str, int]
    passes: BoolArray

    @classmethod
    def of(cls, columns: Columns, categories: Mapping[str, int], passes: BoolArray, part: slice) -> _Draws:
        return cls({name: values[part] for name, values in columns.items()}, categories, passes[part])

    @property
    def count(self) -> int:
        return len(self.passes)

    def outside(self, boxes: Sequence[Box]) -> _Draws:
        """The draws that are in none of some boxes."""
        if not boxes:
            return self
        left = ~np.any([inside(box, self.columns, self.count) for box in boxes], axis=0)
        return _Draws({name: values[left] for name, values in self.columns.items()}, self.categories, self.passes[left])


def _product(passes: BoolArray, held: BoolArray | None) -> float:
    """Coverage × density; of all draws, the share that passes. 0 where there is nothing to hold."""
    coverage, density = coverage_density(passes, np.ones_like(passes) if held is None else held)
    return 0.0 if math.isnan(coverage * density) else coverage * density


def _next_box(half: _Draws, quarter: _Draws) -> tuple[tuple[Box, ...], Box]:
    """A trajectory that half of the draws make, and the box that a quarter chooses; no limit if none is better.

    Limits that say nothing stand in the way of those that would, since a box has few: without them peeling goes on
    from what is left, as long as that is better on the quarter.
    """

    def value(box: Box) -> float:
        return _product(quarter.passes, inside(box, quarter.columns, quarter.count))

    first: tuple[Box, ...] = ()
    box: Box = ()
    while True:
        trajectory = tuple(_peel(half, box))
        first = first or trajectory
        chosen = max((_telling(one, quarter) for one in trajectory), key=value)
        better = max(_telling(_paste(chosen, half), quarter), chosen, key=value)
        if value(better) <= value(box):
            return first, box
        box = better


def _peel(draws: _Draws, start: Box) -> Iterator[Box]:
    """Boxes from a first one on, each less what gains most in density for a draw that it gives up."""
    peeler = _Peeler(draws)
    limits = {limit.name: limit for limit in start}
    for limit in start:
        peeler.keep(limit)
    yield start
    while cut := peeler.best(limits):
        limits[cut.limit.name] = cut.limit
        peeler.keep(cut.limit)
        yield tuple(limits.values())


@dataclass(frozen=True)
class _Cut:
    """A limit that may come next, and what it gains in density for a draw that it gives up."""

    gain: float
    limit: Limit


class _Peeler:
    """The draws of a box that shrinks, in the order of each number: sorted once, thinned out at each peel."""

    def __init__(self, draws: _Draws) -> None:
        self._columns, self._categories = draws.columns, draws.categories
        self._passes, self._held = draws.passes, np.ones(draws.count, dtype=bool)
        self._names = [name for name in draws.columns if name not in draws.categories]
        self._values = np.stack([draws.columns[name] for name in self._names]) if self._names else np.empty((0, 0))
        self._order = np.argsort(self._values, axis=-1, kind="stable")

    def keep(self, limit: Limit) -> None:
        """Drop the draws that do not meet a limit."""
        self._held &= limit.holds(self._columns[limit.name])
        if self._names:
            self._order = self._order[self._held[self._order]].reshape(len(self._names), -1)

    def best(self, limits: Mapping[str, Limit]) -> _Cut | None:
        """The limit that gains most, the first of equals; None if none gains, or too few draws would stay."""
        if np.count_nonzero(self._held) <= _FEWEST_DRAWS:
            return None
        full = len(limits) >= _MOST_INPUTS
        cuts = [*self._of_numbers(limits, full), *self._of_categories(limits, full)]
        best = max(cuts, key=lambda cut: cut.gain, default=None)
        return best if best is not None and best.gain > 0.0 else None

    def _of_numbers(self, limits: Mapping[str, Limit], full: bool) -> Iterator[_Cut]:
        """The best cut from below, and from above."""
        places = [place for place, name in enumerate(self._names) if not full or name in limits]
        if not places:
            return
        order = self._order[places]
        values = np.take_along_axis(self._values[places], order, axis=-1)
        hits = np.cumsum(self._passes[order], axis=-1, dtype=np.int64)
        taken = _taken(values)
        of_low = _gains(taken, _hits_of(hits, taken), order.shape[-1], hits[0, -1])
        taken_above = _taken(-values[:, ::-1])
        hits_above = hits[:, -1] - _hits_of(hits, order.shape[-1] - taken_above)
        of_high = _gains(taken_above, hits_above, order.shape[-1], hits[0, -1])
        low, high = int(np.argmax(of_low)), int(np.argmax(of_high))
        if np.isfinite(of_low[low]):
            bound = _between(*values[low, taken[low] - 1 : taken[low] + 1])
            yield _Cut(of_low[low], replace(self._limit(places[low], limits), low=bound))
        if np.isfinite(of_high[high]):
            first = order.shape[-1] - taken_above[high]
            bound = -_between(*-values[high, first - 1 : first + 1][::-1])
            yield _Cut(of_high[high], replace(self._limit(places[high], limits), high=bound))

    def _limit(self, place: int, limits: Mapping[str, Limit]) -> Limit:
        return limits.get(self._names[place], Limit(self._names[place]))

    def _of_categories(self, limits: Mapping[str, Limit], full: bool) -> Iterator[_Cut]:
        """The best subset of the categories of each input to give up, of which the worst one goes first.

        Of all subsets it is one of those with the lowest shares of the event: what is gained in density for a draw is
        s/(k(n−k)) for k draws that stay and an excess of s hits in them. In s and k the subsets lie below the concave
        line of the sorted ones, along each piece of which the gain is greatest at an end. One goes at a time, so that
        the trajectory has the boxes between: a subset may hold most of the draws.
        """
        for name, count in self._categories.items():
            if name not in self._columns or (full and name not in limits):
                continue
            of_box = self._columns[name][self._held].astype(np.int64)
            draws = np.bincount(of_box, minlength=count)
            hits = np.bincount(of_box[self._passes[self._held]], minlength=count)
            there = np.flatnonzero(draws)
            worst_first = there[np.argsort(hits[there] / draws[there], kind="stable")]
            taken, lost = np.cumsum(draws[worst_first]), np.cumsum(hits[worst_first])
            gains = _gains(taken, lost, len(of_box), int(hits.sum()))
            best = int(np.argmax(gains))
            if np.isfinite(gains[best]):
                yield _Cut(gains[best], Limit(name, kept=tuple(sorted(worst_first[1:].tolist()))))


def _taken(values: FloatArray) -> IntArray:
    """How many draws a peel takes off the lower side of each sorted row; equal ones go or stay together."""
    size = max(1, int(_PEELED * values.shape[-1]))
    below = (values < values[:, [min(size, values.shape[-1] - 1)]]).sum(axis=-1)
    lowest = (values == values[:, [0]]).sum(axis=-1)
    return np.asarray(np.where(below > 0, below, lowest))


def _hits_of(hits: IntArray, taken: IntArray) -> IntArray:
    """Hits among the first draws of each row, of which there may be none."""
    up_to = np.take_along_axis(hits, np.maximum(taken - 1, 0)[:, None], axis=-1)[:, 0]
    return np.asarray(np.where(taken > 0, up_to, 0))


def _gains(taken: IntArray, lost: IntArray, count: int, hits: int) -> FloatArray:
    """What is gained in density for a draw given up; −inf where too few would stay."""
    gains = np.full(len(taken), -np.inf)
    left = count - taken
    enough = left >= _FEWEST_DRAWS
    density = (hits - lost[enough]) / left[enough]
    gains[enough] = (density - hits / count) / taken[enough]
    return gains


def _between(outside: float, inside: float) -> float:
    """A limit halfway between the last number outside and the first one inside."""
    middle = outside + (inside - outside) / 2
    return float(middle if outside < middle <= inside else inside)


def _paste(box: Box, draws: _Draws) -> Box:
    """A box with some of what was peeled given back, as long as that raises coverage × density."""
    value = _product(draws.passes, inside(box, draws.columns, draws.count))
    while box:
        wider = [(_product(draws.passes, inside(one, draws.columns, draws.count)), one) for one in _wider(box, draws)]
        best, widest = max(wider, key=lambda pair: pair[0])
        if best <= value:
            break
        value, box = best, widest
    return box


def _wider(box: Box, draws: _Draws) -> Iterator[Box]:
    """A box with one of its limits let out by a step."""
    for place, limit in enumerate(box):
        others = box[:place] + box[place + 1 :]
        values = draws.columns[limit.name][inside(others, draws.columns, draws.count)]
        for wider in _let_out(limit, values, draws.categories.get(limit.name, 0)):
            yield _with(box, place, wider)


def _with(box: Box, place: int, limit: Limit) -> Box:
    """A box with another limit in a place, or with none if it limits nothing any more."""
    limits = limit.kept or math.isfinite(limit.low) or math.isfinite(limit.high)
    return (*box[:place], *((limit,) if limits else ()), *box[place + 1 :])


def _let_out(limit: Limit, values: FloatArray, categories: int) -> Iterator[Limit]:
    """A limit with one category more, or with one of its bounds moved past a few of the draws that it keeps out."""
    if limit.kept:
        for category in sorted(set(range(categories)) - set(limit.kept)):
            kept = tuple(sorted((*limit.kept, category)))
            yield replace(limit, kept=kept if len(kept) < categories else ())
        return
    size = max(1, int(_PASTED * np.count_nonzero(limit.holds(values))))
    if math.isfinite(limit.low):
        yield replace(limit, low=-_next_bound(-values[values < limit.low], size))
    if math.isfinite(limit.high):
        yield replace(limit, high=_next_bound(values[values > limit.high], size))


def _next_bound(beyond: FloatArray, size: int) -> float:
    """An upper bound past some of the draws beyond the present one; infinite past the last."""
    ordered = np.sort(beyond)
    if size >= len(ordered):
        return math.inf
    return -_between(-ordered[size], -ordered[size - 1])


def _telling(box: Box, draws: _Draws) -> Box:
    """A box less the limits that might as well be chance, the least telling one first."""
    while box:
        quasi_p, lighter = max(_quasi_p(box, draws), key=lambda pair: pair[0])
        if quasi_p <= _HIGHEST_QUASI_P:
            break
        box = lighter
    return box


def _quasi_p(box: Box, draws: _Draws) -> Iterator[tuple[float, Box]]:
    """Each limit's quasi-p, and the box without it.

    It is the probability of so many hits or more, were the draws inside taken at random from those of the box without
    this limit.
    """
    held = inside(box, draws.columns, draws.count)
    count, hits = np.count_nonzero(held), np.count_nonzero(held & draws.passes)
    for place, limit in enumerate(box):
        for lighter in (_with(box, place, less) for less in _without(limit)):
            _, density = coverage_density(draws.passes, inside(lighter, draws.columns, draws.count))
            yield (1.0 if hits == 0 else float(bdtrc(hits - 1, count, density))), lighter


def _without(limit: Limit) -> Iterator[Limit]:
    """A limit without one of its sides."""
    if limit.kept:
        yield Limit(limit.name)
        return
    if math.isfinite(limit.low):
        yield replace(limit, low=-math.inf)
    if math.isfinite(limit.high):
        yield replace(limit, high=math.inf)
