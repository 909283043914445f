"""What actions are worth beside each other: payoffs, break-even costs, regret, and what one must believe for a choice.

Payoffs are arrays (actions, N) on shared draws, whole scrambles one after the other; the first action is the one that
the others are held against. An action that could not be taken in a draw makes no difference there, and is never best.

References
----------
Savage, L. J. (1951), "The theory of statistical decision", JASA 46: regret.
Raiffa, H. & Schlaifer, R. (1961), Applied Statistical Decision Theory: terminal analysis and perfect information.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.scrambles import Estimate, folds_of
from sim.axes import BoolArray, FloatArray, IntArray

__all__ = [
    "PAYOFF_STATISTICS",
    "Equilibria",
    "Flip",
    "Game",
    "best_action",
    "best_by_weights",
    "break_even",
    "equilibria",
    "expected_regret",
    "given_categories",
    "idle_share",
    "lattice",
    "leaving_out",
    "net_payoffs",
    "payoffs",
    "perfect_foresight",
    "regret",
    "smallest_flip",
]

PAYOFF_STATISTICS: Final = ("mean", "p05", "p50", "p95", "worst tenth", "P(loss)", "P(best)")
"""Of the difference to the first action."""

_TAIL: Final = 0.1
_LEVELS: Final = (0.05, 0.5, 0.95)


def leaving_out(statistic: Callable[..., FloatArray], *arrays: npt.NDArray[Any]) -> Estimate:
    """A statistic of arrays (..., N) and its error: quantiles, too, which are no functions of sums.

    Parameters
    ----------
    statistic : callable
        Takes the arrays at all draws, or at those of all scrambles but one.
    *arrays : arrays (..., N)
    """
    value, folds = np.asarray(statistic(*arrays)), folds_of(arrays[0].shape[-1])
    if not folds[-1]:
        return Estimate(value, np.full(value.shape, np.nan))
    kept = [np.flatnonzero(folds != fold) for fold in range(int(folds[-1]) + 1)]
    parts = np.stack([statistic(*(one.take(some, axis=-1) for one in arrays)) for some in kept])
    return Estimate(value, np.sqrt((len(parts) - 1) * parts.var(axis=0)))


def net_payoffs(payoff: FloatArray, unit_cost: FloatArray, cost: FloatArray) -> FloatArray:
    """Payoffs less what committing costs.

    Parameters
    ----------
    payoff, unit_cost : (D, N)
        Present values before the cost, and of each unit of it; 0 where nothing is committed.
    cost : (D,)
        Units committed.

    Returns
    -------
    (D, N)
    """
    return payoff - cost[:, None] * unit_cost


def payoffs(net: FloatArray, taken: BoolArray) -> Estimate:
    """What each action brings above the first.

    Parameters
    ----------
    net, taken : (D, N)
        Net payoffs, and whether the action could be taken at all.

    Returns
    -------
    Estimate
        Statistics in the order of `PAYOFF_STATISTICS` by actions.
    """
    return leaving_out(_payoff_statistics, net, taken)


def _payoff_statistics(net: FloatArray, taken: BoolArray) -> FloatArray:
    added = net - net[0]
    ordered = np.sort(added, axis=1)
    tail = ordered[:, : max(1, round(_TAIL * ordered.shape[1]))].mean(axis=1)
    best, differs = np.where(taken, net, -np.inf).argmax(axis=0), taken[1:].any(axis=0)
    is_best = (best == np.arange(len(net))[:, None]) & differs
    quantiles = np.quantile(added, _LEVELS, axis=1)
    return np.stack([added.mean(axis=1), *quantiles, tail, (added < 0.0).mean(axis=1), is_best.mean(axis=1)])


def idle_share(taken: BoolArray) -> Estimate:
    """Share of the draws in which the choice makes no difference, for none but the first action could be taken."""
    return leaving_out(lambda some: np.asarray(1.0 - some[1:].any(axis=0).mean()), taken)


def break_even(gain: FloatArray, unit_cost: FloatArray, given: BoolArray | None = None) -> Estimate:
    """The commitment at which an action pays for itself, in the mean: its gain over the worth of a unit committed.

    Parameters
    ----------
    gain, unit_cost : (N,)
        What the action adds before its cost, and the present value of a unit of it, 0 where it is not paid.
    given : (N,), optional
        Draws that count.
    """
    counts = np.ones(len(gain), dtype=np.bool_) if given is None else given
    return leaving_out(_ratio, np.where(counts, gain, 0.0), np.where(counts, unit_cost, 0.0))


def _ratio(gain: FloatArray, unit_cost: FloatArray) -> FloatArray:
    paid = unit_cost.sum()
    return np.asarray(gain.sum() / paid if paid else np.nan)


def best_action(net: FloatArray) -> int:
    """The action that is best in the mean; of several the first."""
    return int(net.mean(axis=1).argmax())


def perfect_foresight(net: FloatArray) -> Estimate:
    """What it would be worth to know the draw itself, luck and all, before choosing."""
    return leaving_out(lambda some: np.asarray(some.max(axis=0).mean() - some.mean(axis=1).max()), net)


def regret(net: FloatArray) -> Estimate:
    """Mean and 95% point, by actions, of what the best action of a draw would have added."""
    return leaving_out(_regret_statistics, net)


def _regret_statistics(net: FloatArray) -> FloatArray:
    missed = net.max(axis=0) - net
    return np.stack([missed.mean(axis=1), np.quantile(missed, 0.95, axis=1)])


def given_categories(net: FloatArray, category: IntArray, count: int) -> FloatArray:
    """Mean payoffs by category, (D, X); NaN where a category has no draw."""
    drawn = np.bincount(category, minlength=count).astype(np.float64)
    sums = np.stack([np.bincount(category, weights=one, minlength=count) for one in net])
    return np.divide(sums, drawn, out=np.full_like(sums, np.nan), where=drawn > 0)


def expected_regret(net: FloatArray, category: IntArray, count: int) -> Estimate:
    """The largest regret over hypotheses, by actions: max_x [max_d' E(NB_d' | x) - E(NB_d | x)]."""

    def largest(some: FloatArray, where: IntArray) -> FloatArray:
        means = given_categories(some, where, count)
        return np.asarray(np.nanmax(means.max(axis=0) - means, axis=1))

    return leaving_out(largest, net, category)


def best_by_weights(means: FloatArray, weights: FloatArray) -> IntArray:
    """The best action at each of some weights of the categories, from means (D, X) and weights (M, X); (M,)."""
    return np.asarray((weights @ means.T).argmax(axis=1))


def lattice(categories: int, steps: int) -> FloatArray:
    """All weights that are multiples of 1/steps, (M, categories)."""
    if categories == 1:
        return np.ones((1, 1))
    rows = [
        np.concatenate([np.full((len(rest), 1), first), rest], axis=1)
        for first in range(steps + 1)
        for rest in [np.round(lattice(categories - 1, steps - first) * (steps - first))]
    ]
    return np.concatenate(rows) / max(steps, 1)


class Flip(NamedTuple):
    """The nearest weights at which another action is as good: how far they are, ½Σ|w - w'|, and which action."""

    distance: float
    action: int
    weights: FloatArray


def smallest_flip(means: FloatArray, weights: FloatArray, chosen: int) -> Flip | None:
    """The smallest change of weights that turns the choice; None if no weights do.

    Moving weight from the category that speaks least for a rival to the one that speaks most for it is the cheapest
    way, and the next least once that one is empty: the linear programme has this greedy solution.

    Parameters
    ----------
    means : (D, X)
        Mean payoffs by category.
    weights : (X,)
        Where we stand.
    chosen : int
        The action that is best there; at a tie another is as good without any change.
    """
    found = [
        Flip(distance, rival, turned)
        for rival in range(len(means))
        if rival != chosen
        for distance, turned in _turned(means[rival] - means[chosen], weights)
    ]
    return min(found, key=lambda flip: flip.distance, default=None)


def _turned(lead: FloatArray, weights: FloatArray) -> Sequence[tuple[float, FloatArray]]:
    """The nearest weights at which a rival's lead (X,) is 0 in the mean; nothing if it never is."""
    top, short, moved, turned = int(lead.argmax()), -float(weights @ lead), 0.0, weights.copy()
    if lead[top] < 0.0:
        return ()
    for one in lead.argsort().tolist():
        if short <= 0.0 or lead[one] >= lead[top]:
            break
        part = min(float(weights[one]), short / float(lead[top] - lead[one]))
        turned[one] -= part
        turned[top] += part
        moved, short = moved + part, short - part * float(lead[top] - lead[one])
    return ((moved, turned),) if short <= 1e-12 * max(1.0, float(np.abs(lead).max())) else ()


@dataclass(frozen=True)
class Equilibria:
    """Mutual best answers of two who decide.

    Attributes
    ----------
    in_mean : tuple of (int, int)
        Pairs of actions that answer each other best in the mean.
    none, one, several : Estimate
        Shares of the draws with so many.
    """

    in_mean: tuple[tuple[int, int], ...]
    none: Estimate
    one: Estimate
    several: Estimate


def equilibria(first: FloatArray, second: FloatArray) -> Equilibria:
    """Pairs of actions from which nobody would part alone, in the mean and draw by draw; ties answer best too.

    Parameters
    ----------
    first, second : (D, E, N)
        Net payoffs of the one whose actions are the first axis, and of the one whose are the second.

    References
    ----------
    Nash, J. (1951), "Non-cooperative games", Annals of Mathematics 54.
    """
    means = _stable(first.mean(axis=2), second.mean(axis=2))
    counts = _stable(first, second).sum(axis=(0, 1))
    none, one, several = (
        leaving_out(lambda some: np.asarray(some.mean()), chosen) for chosen in (counts == 0, counts == 1, counts > 1)
    )
    return Equilibria(tuple((int(d), int(e)) for d, e in np.argwhere(means)), none, one, several)


@dataclass(frozen=True)
class Game:
    """Two who decide at once.

    Attributes
    ----------
    names : tuple of str
        Who decides.
    actions : tuple of tuple of str
        Of each.
    net : (2, D, E, N)
        Net payoffs of each in every pair of actions.
    """

    names: tuple[str, str]
    actions: tuple[tuple[str, ...], tuple[str, ...]]
    net: FloatArray

    @cached_property
    def means(self) -> Estimate:
        """Mean payoffs above those of the first pair, (2, D, E)."""
        return leaving_out(lambda some: np.asarray((some - some[:, :1, :1]).mean(axis=-1)), self.net)

    @cached_property
    def equilibria(self) -> Equilibria:
        """Mutual best answers."""
        return equilibria(*self.net)

    def dominant(self, player: int) -> int | None:
        """The action of a player that is best in the mean whatever the other does; None if there is none."""
        mine = self.net[player].mean(axis=-1) if player == 0 else self.net[player].mean(axis=-1).T
        best = mine.argmax(axis=0)
        return int(best[0]) if (best == best[0]).all() else None

    def cost_of_rival(self, player: int) -> Estimate:
        """What the other's last action in place of its first takes from a player who takes its own last one."""
        own = self.net[player] if player == 0 else self.net[player].swapaxes(0, 1)
        return leaving_out(lambda some: np.asarray((some[0] - some[1]).mean()), np.stack([own[-1, 0], own[-1, -1]]))


def _stable(first: FloatArray, second: FloatArray) -> BoolArray:
    stable: BoolArray = (first >= first.max(axis=0, keepdims=True)) & (second >= second.max(axis=1, keepdims=True))
    return stable
