"""When to commit, if one knows only what one has seen, and what it is worth to be able to wait.

At each of some dates who has not applied may apply, and has the payoff of that date, or wait. A payoff is what comes
out in the end: nobody knows it then, so that a rule may compare only what is expected, given what has been seen. The
rule is found from the last date back by regression on other draws than those on which it is valued.

References
----------
Longstaff & Schwartz (2001), Review of Financial Studies 14, 113-147.
Dixit & Pindyck (1994), Investment under Uncertainty, ch. 5.
Glasserman (2004), Monte Carlo Methods in Financial Engineering, s. 8.6: a rule valued on other draws is biased low.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from sim.analysis.scrambles import Estimate, folds_of, jackknife, sums_by_scramble
from sim.axes import DRAWS_PER_SCRAMBLE, BoolArray, FloatArray, IntArray, require_shape

__all__ = [
    "AT_ONCE",
    "BASES",
    "ERRORS",
    "NEVER",
    "NOW_OR_NEVER",
    "Basis",
    "Choices",
    "OptionToWait",
    "PolicyMap",
    "TimingRule",
    "application_dates",
    "is_told",
    "mean_of",
    "option_to_wait",
    "policy_map",
    "realised",
]

ERRORS: Final = 3.0
"""What is less than so many errors above 0 is not told from it."""

NEVER: Final = "never"
AT_ONCE: Final = "at once"
NOW_OR_NEVER: Final = "now or never"
"""What can be done without waiting."""

_RANK: Final = 1e-10
"""Of the largest eigenvalue: directions with less are combinations of others up to rounding."""

_CELLS: Final = 8
"""Cells of a map along each state."""

_OUTER: Final = 0.01
"""Part of the draws beyond the map on each side: they count in its outermost cells."""

_AXES: Final = 2


@dataclass(frozen=True)
class Choices:
    """What somebody faces who may commit once, at one of K dates or never, in N draws.

    Attributes
    ----------
    payoffs : (K, N)
        What comes out of applying at each date, less what comes out of never; present values of one day.
    states : (K, P, N)
        What has been seen at each date: numbers.
    regimes : (K, N) int
        Which regime is in force at each date.
    permitted : (K, N) bool
        Whether applying is still possible.
    """

    payoffs: FloatArray
    states: FloatArray
    regimes: IntArray
    permitted: BoolArray

    def __post_init__(self) -> None:
        """Require the shapes."""
        count, draws = self.payoffs.shape
        require_shape("states", self.states, (count, self.states.shape[1], draws))
        require_shape("regimes", self.regimes, (count, draws))
        require_shape("permitted", self.permitted, (count, draws))


Basis: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]
"""States (K, P, N) and regimes (K, N) to regressors (K, Q, N), without the constant."""


def _linear(states: FloatArray, regimes: IntArray) -> FloatArray:
    """The states, and which regime is in force."""
    return np.concatenate([states, _indicators(regimes)], axis=1)


def _quadratic(states: FloatArray, regimes: IntArray) -> FloatArray:
    """The same, the squares of the states, and their products with the regime in force."""
    centred = states - states.mean(axis=(0, 2), keepdims=True)
    inside = _indicators(regimes)
    products = [centred * inside[:, [one]] for one in range(inside.shape[1])]
    return np.concatenate([centred, inside, centred**2, *products], axis=1)


def _indicators(regimes: IntArray) -> FloatArray:
    """Whether each regime but the first is in force, (K, regimes - 1, N)."""
    names = np.unique(regimes)[1:]
    return np.asarray(regimes[:, None, :] == names[:, None], dtype=np.float64)


BASES: Final[Mapping[str, Basis]] = MappingProxyType({"linear": _linear, "squares and products": _quadratic})
"""How what was seen becomes regressors, by name: a finding holds if it holds under each."""


def application_dates(payoffs: FloatArray, regressors: FloatArray, permitted: BoolArray, folds: IntArray) -> IntArray:
    """The date at which each draw applies, by rules that are learned on the other folds.

    From the last date back, C the payoff of the rules of later dates: C - Z is regressed on what has been seen, where
    applying is permitted, and a draw applies where the fit is below 0. Its own Z does not enter.

    Parameters
    ----------
    payoffs : (K, N)
        Z.
    regressors : (K, Q, N)
        Without a constant, which is added.
    permitted : (K, N) bool
    folds : (N,) int
        With one fold the rules are learned on the draws that they decide.

    Returns
    -------
    (N,) int
        K is never.
    """
    names, own = np.unique(folds, return_inverse=True)
    later = np.zeros((len(names), len(folds)))
    dates = np.full(later.shape, len(payoffs))
    for k in reversed(range(len(payoffs))):
        regression = _Regression(regressors[k], permitted[k], own)
        for fold in range(len(names)):
            applies = permitted[k] & (regression.fitted(later[fold] - payoffs[k], fold) < 0.0)
            later[fold, applies], dates[fold, applies] = payoffs[k, applies], k
    return np.asarray(np.take_along_axis(dates, own[None], axis=0)[0])


class _Regression:
    """Least squares on what was seen at one date, by all draws in which applying is permitted but those of a fold.

    Sums of squares are taken once a fold; regressors are in standard deviations, which moves no fit.

    Parameters
    ----------
    regressors : (Q, N)
    permitted : (N,) bool
    own : (N,) int
        Number of each draw's fold; if there is but one, its own draws are taken.
    """

    def __init__(self, regressors: FloatArray, permitted: BoolArray, own: IntArray) -> None:
        sample = regressors[:, permitted] if permitted.any() else regressors
        centre, spread = sample.mean(axis=1, keepdims=True), sample.std(axis=1, keepdims=True)
        scaled = (regressors - centre) / np.where(spread > 0.0, spread, np.inf)
        self._rows = np.concatenate([np.ones((1, len(own))), scaled])
        count = int(own.max()) + 1
        inside = [self._rows[:, permitted & (own == fold)] for fold in range(count)]
        squares = np.stack([rows @ rows.T for rows in inside])
        self._squares = squares if count == 1 else squares.sum(axis=0) - squares
        self._taught = [permitted & (own != fold) if count > 1 else permitted for fold in range(count)]

    def fitted(self, values: FloatArray, fold: int) -> FloatArray:
        """What is expected of some values (N,) in every draw, learned without a fold; the mean if draws are too few.

        What is constant or collinear where it is learned has no weight.
        """
        squares, taught = self._squares[fold], self._taught[fold]
        count = int(taught.sum())
        products = self._rows @ np.where(taught, values, 0.0) / max(count, 1)
        if count <= len(squares):
            return np.full(len(values), products[0])
        means = squares[0, 1:] / count
        slopes = _solved(squares[1:, 1:] / count - np.outer(means, means), products[1:] - means * products[0])
        return np.asarray(products[0] - slopes @ means + slopes @ self._rows[1:])


def _solved(square: FloatArray, right: FloatArray) -> FloatArray:
    """Solution of least norm of symmetric equations."""
    sizes, axes = np.linalg.eigh(square)
    kept = sizes > _RANK * max(float(sizes[-1]), 1.0)
    return np.asarray(axes[:, kept] @ ((right @ axes[:, kept]) / sizes[kept]))


def realised(payoffs: FloatArray, dates: IntArray) -> FloatArray:
    """The payoff of applying at each draw's own date, (N,); 0 for never, which is K."""
    with_never = np.concatenate([payoffs, np.zeros((1, payoffs.shape[1]))])
    return np.asarray(np.take_along_axis(with_never, dates[None], axis=0)[0])


def mean_of(values: FloatArray) -> Estimate:
    """Mean of draws (N,), with its error from scramble to scramble."""
    sums = sums_by_scramble(values)
    sizes = np.full(sums.shape, float(DRAWS_PER_SCRAMBLE))
    return jackknife(lambda size, total: total / size, sizes, sums)


def is_told(found: Estimate) -> bool:
    """Whether a number is told from 0: more than three errors above it, and an error of 0 is no error."""
    return bool(found.se > 0.0 and found.value > ERRORS * found.se)


@dataclass(frozen=True)
class TimingRule:
    """The rules of one basis.

    Attributes
    ----------
    basis : str
    dates : (N,) int
        When each draw applies; K is never.
    shares : tuple of Estimate
        Of the draws in which applying is ever permitted: in how many it does so at each date, and never.
    worth : Estimate
        Of following them, above never.
    now_or_never : Estimate
        Of deciding once, at the first date, by a rule learned in the same way.
    instead : str
        The best that can be done without waiting: never, at once, or now or never.
    option : Estimate
        What following the rules is worth above that; may be negative.
    """

    basis: str
    dates: IntArray
    shares: tuple[Estimate, ...]
    worth: Estimate
    now_or_never: Estimate
    instead: str
    option: Estimate


@dataclass(frozen=True)
class OptionToWait:
    """What it is worth to be able to wait.

    Attributes
    ----------
    at_once : Estimate
        Of applying on the first day wherever that is permitted, above never.
    each : tuple of Estimate
        Of applying at each date wherever that is permitted.
    rules : tuple of TimingRule
        One for each basis.
    perfect_foresight : Estimate
        Of the best date of each draw, above never, as if all that comes were known: nobody can have it.
    """

    at_once: Estimate
    each: tuple[Estimate, ...]
    rules: tuple[TimingRule, ...]
    perfect_foresight: Estimate

    @property
    def is_told(self) -> bool:
        """Whether the option is told from 0 under every basis."""
        return all(is_told(rule.option) for rule in self.rules)

    @property
    def cautious(self) -> TimingRule:
        """The rules under which the option is worth least."""
        return min(self.rules, key=lambda rule: float(rule.option.value))


def option_to_wait(choices: Choices, bases: Mapping[str, Basis] = BASES) -> OptionToWait:
    """Value the rules of each basis beside what can be done without waiting.

    Parameters
    ----------
    choices : Choices
        In some of the draws applying is permitted.
    bases : mapping of str to Basis
    """
    possible = np.where(choices.permitted, choices.payoffs, 0.0)
    each = tuple(mean_of(values) for values in possible)
    return OptionToWait(
        at_once=each[0],
        each=each,
        rules=tuple(_timing_rule(choices, name, basis) for name, basis in bases.items()),
        perfect_foresight=mean_of(np.maximum(possible.max(axis=0), 0.0)),
    )


def _timing_rule(choices: Choices, name: str, basis: Basis) -> TimingRule:
    regressors, folds = basis(choices.states, choices.regimes), folds_of(choices.payoffs.shape[1])
    first = slice(0, 1)
    dates = application_dates(choices.payoffs, regressors, choices.permitted, folds)
    once = application_dates(choices.payoffs[first], regressors[first], choices.permitted[first], folds)
    simple = {
        NEVER: np.zeros(len(folds)),
        AT_ONCE: np.where(choices.permitted[0], choices.payoffs[0], 0.0),
        NOW_OR_NEVER: realised(choices.payoffs[first], once),
    }
    instead = max(simple, key=lambda one: float(simple[one].mean()))
    worth = realised(choices.payoffs, dates)
    return TimingRule(
        basis=name,
        dates=dates,
        shares=_shares(dates, choices.permitted),
        worth=mean_of(worth),
        now_or_never=mean_of(simple[NOW_OR_NEVER]),
        instead=instead,
        option=mean_of(worth - simple[instead]),
    )


def _shares(dates: IntArray, permitted: BoolArray) -> tuple[Estimate, ...]:
    """In how many of the draws in which applying is ever permitted each date is chosen; K is never."""
    open_to_it = np.asarray(permitted.any(axis=0))
    counts = sums_by_scramble(open_to_it.astype(np.float64))
    chosen = [sums_by_scramble((open_to_it & (dates == k)).astype(np.float64)) for k in range(len(permitted) + 1)]
    return tuple(jackknife(lambda some, all_of_them: some / all_of_them, one, counts) for one in chosen)


@dataclass(frozen=True)
class PolicyMap:
    """How often a rule applies at a date, by the two states that tell most of it.

    Attributes
    ----------
    date : int
        Number of the date, at which the rule is most divided.
    states : tuple of int
        Numbers of the states, the one that tells most first.
    first, second : (cells + 1,)
        Edges of the cells along each: quantiles from 1% to 99%; draws beyond are in the outermost cells.
    applies : (cells of second, cells of first)
        Part of the draws in the cell that apply; NaN where there are none.
    """

    date: int
    states: tuple[int, int]
    first: FloatArray
    second: FloatArray
    applies: FloatArray


def policy_map(choices: Choices, rule: TimingRule) -> PolicyMap | None:
    """The map of a rule at the date on which it is most divided; None where it always does the same or sees too little.

    Parameters
    ----------
    choices : Choices
    rule : TimingRule
    """
    open_to_it = choices.permitted & (rule.dates >= np.arange(len(choices.payoffs))[:, None])
    counts = open_to_it.sum(axis=1)
    applies = (rule.dates == np.arange(len(choices.payoffs))[:, None]).sum(axis=1)
    date = int(np.minimum(applies, counts - applies).argmax())
    seen, decided = choices.states[date][:, open_to_it[date]], rule.dates[open_to_it[date]] == date
    if decided.all() or not decided.any():
        return None
    varied = np.flatnonzero(np.diff(np.quantile(seen, [_OUTER, 1.0 - _OUTER], axis=1), axis=0)[0] > 0.0)
    if varied.size < _AXES:
        return None
    weight = [abs(float(np.corrcoef(seen[state], decided)[0, 1])) for state in varied]
    one, other = varied[np.argsort(weight)[::-1][:_AXES]].tolist()
    return PolicyMap(date, (one, other), *_cells(decided, seen[one], seen[other]))


def _cells(applies: BoolArray, first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Edges of cells along two states, and the part of the draws (N,) in each cell that apply."""
    levels = np.linspace(_OUTER, 1.0 - _OUTER, _CELLS + 1)
    edges = [np.unique(np.quantile(state, levels)) for state in (first, second)]
    width, height = (len(edge) - 1 for edge in edges)
    column, row = (
        np.searchsorted(edge, state, side="right").clip(1, len(edge) - 1) - 1
        for edge, state in zip(edges, (first, second), strict=True)
    )
    cell = row * width + column
    counts = np.bincount(cell, minlength=width * height)
    chosen = np.bincount(cell, applies, minlength=width * height)
    shares = np.divide(chosen, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return edges[0], edges[1], shares.reshape(height, width)
