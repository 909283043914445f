"""All that is said of one who decides: payoffs, break-even, regret, beliefs that flip the choice, worth of knowing.

Three commitments are looked at: as the file states them, and half and the whole of what the action in question is
worth, at which the choice is nearest to a tie and information most valuable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from sim.analysis.decisions import (
    Flip,
    best_action,
    break_even,
    expected_regret,
    given_categories,
    idle_share,
    leaving_out,
    net_payoffs,
    payoffs,
    perfect_foresight,
    regret,
    smallest_flip,
)
from sim.analysis.information import (
    Fits,
    Information,
    fit,
    flip_point,
    information,
    joint_basis,
    nested_information,
    noise_floor,
)
from sim.analysis.scrambles import Estimate
from sim.axes import BoolArray, FloatArray, IntArray

__all__ = [
    "AS_STATED",
    "WITH_VALUE",
    "Appraisal",
    "Choice",
    "Known",
    "Level",
    "Redrawn",
    "UnitWorth",
    "Variant",
    "appraise",
]

AS_STATED: Final = "as stated"
"""Label of the commitments that the file states."""

WITH_VALUE: Final = " and its value"
"""End of the name of what is known together: a category, and the value of the one that holds."""

_ERRORS: Final = 3.0
"""Standard errors that a number must be away from 0 to be told from it."""


@dataclass(frozen=True)
class Known:
    """Something that one may come to know before choosing.

    Attributes
    ----------
    name, kind, grade : str
        Of the unit of columns.
    columns : tuple of (N,)
    categories : tuple of int
        How many categories each column has; 0 for a number.
    units : tuple of str
        Of the columns' values.
    labels : tuple of str
        Names of the columns.
    """

    name: str
    kind: str
    grade: str
    columns: tuple[FloatArray, ...]
    categories: tuple[int, ...]
    units: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Variant:
    """The same runs valued in another way.

    Attributes
    ----------
    label : str
    worth, unit_cost : (D, N)
    """

    label: str
    worth: FloatArray
    unit_cost: FloatArray


@dataclass(frozen=True)
class Redrawn:
    """Payoffs of some of the worlds under redrawn luck, (R, D, n)."""

    worth: FloatArray
    unit_cost: FloatArray


@dataclass(frozen=True)
class Choice:
    """What one who decides faces.

    Attributes
    ----------
    actions : tuple of str
        The first is what the others are held against.
    worth, unit_cost : (D, N)
        Present values before what is committed, and of each unit of it.
    cost : (D,)
        Units committed, as the file states.
    is_costly : (D,) bool
        Whether an action commits anything at all.
    beliefs : mapping of str to float
        Categories whose weights one may doubt, with where we stand.
    category : (N,) int
    variants : tuple of Variant
    first, last : (D, N) or None
        The worth of each action where the one who decides is first, or last, in the queue.
    known : tuple of Known
    noise : (K, N)
        Columns that say nothing.
    redrawn : Redrawn or None
    """

    actions: tuple[str, ...]
    worth: FloatArray
    unit_cost: FloatArray
    cost: FloatArray
    is_costly: BoolArray
    beliefs: Mapping[str, float]
    category: IntArray
    variants: tuple[Variant, ...] = ()
    first: FloatArray | None = None
    last: FloatArray | None = None
    known: tuple[Known, ...] = ()
    noise: FloatArray | None = None
    redrawn: Redrawn | None = None

    @cached_property
    def taken(self) -> BoolArray:
        """Whether each action could be taken, (D, N): it commits something, or brings about another world."""
        able: BoolArray = (self.unit_cost > 0.0) | (self.worth != self.worth[0])
        able[0] = True
        return able

    @property
    def weights(self) -> FloatArray:
        """Where we stand on the beliefs, (X,)."""
        return np.array(list(self.beliefs.values()))

    def net(self, cost: FloatArray) -> FloatArray:
        """Net payoffs at some commitments, (D, N)."""
        return net_payoffs(self.worth, self.unit_cost, cost)


@dataclass(frozen=True)
class UnitWorth:
    """What it is worth to know a unit.

    Attributes
    ----------
    known : Known
    low, low_se, high : float
    is_told : bool
        Whether the lower bound is told from 0.
    flip : Estimate or None
        Where on its column the choice turns, if it is one number.
    """

    known: Known
    low: float
    low_se: float
    high: float
    is_told: bool
    flip: Estimate | None


@dataclass(frozen=True)
class Level:
    """What is said at one commitment.

    Attributes
    ----------
    label : str
    cost : (D,)
    best : int
    net_means : (D, X)
        By belief.
    foresight : Estimate
        The worth of knowing the draw itself.
    flip : Flip or None
        The nearest beliefs at which another action is as good.
    flip_se : float
    floor : float
        What a column of noise may seem worth.
    units : tuple of UnitWorth
        The most valuable first.
    nested : Nested or None
        The worth of knowing all but luck.
    """

    label: str
    cost: FloatArray
    best: int
    net_means: FloatArray
    foresight: Estimate
    flip: Flip | None
    flip_se: float
    floor: float
    units: tuple[UnitWorth, ...]
    nested: Information | None

    @property
    def told(self) -> tuple[UnitWorth, ...]:
        """Units that are worth knowing."""
        return tuple(unit for unit in self.units if unit.is_told)

    @property
    def is_best_by_any_belief(self) -> bool:
        """Whether one action is best at all weights."""
        return bool((self.net_means.argmax(axis=0) == self.best).all())


@dataclass(frozen=True)
class Appraisal:
    """Everything that is said of a choice.

    Attributes
    ----------
    choice : Choice
    payoffs : Estimate
        Statistics by actions, as `decisions.payoffs`.
    by_belief : Estimate
        Mean difference to the first action, (D, X).
    by_variant : mapping of str to Estimate
        The same by way of valuation, (D,).
    break_even : tuple of Estimate or None
        By action; None where nothing is committed.
    break_even_by_belief : tuple of tuple of Estimate
    idle : Estimate
    queue : mapping of str to Estimate
        What being first, or last, adds to the mean difference, and the one less the other; (D,).
    regret, regret_over_beliefs : Estimate
    levels : tuple of Level
        As the file states it; half and the whole break-even, if there is one.
    """

    choice: Choice
    payoffs: Estimate
    by_belief: Estimate
    by_variant: Mapping[str, Estimate]
    break_even: tuple[Estimate | None, ...]
    break_even_by_belief: tuple[tuple[Estimate, ...], ...]
    idle: Estimate
    queue: Mapping[str, Estimate]
    regret: Estimate
    regret_over_beliefs: Estimate
    levels: tuple[Level, ...]

    @property
    def in_question(self) -> int:
        """The action that is most worth committing to, leaving aside doing as the first does."""
        return best_in_question(self.choice)


def appraise(choice: Choice) -> Appraisal:
    """Everything that is said of a choice."""
    net, count = choice.net(choice.cost), len(choice.beliefs)
    gain, unit_cost = choice.worth - choice.worth[0], choice.unit_cost - choice.unit_cost[0]
    even = tuple(
        break_even(gain[d], unit_cost[d]) if choice.is_costly[d] and choice.unit_cost[d].any() else None
        for d in range(len(choice.actions))
    )
    by_belief = tuple(
        tuple(break_even(gain[d], unit_cost[d], choice.category == x) for x in range(count)) if even[d] else ()
        for d in range(len(choice.actions))
    )
    return Appraisal(
        choice=choice,
        payoffs=payoffs(net, choice.taken),
        by_belief=leaving_out(lambda some, where: given_categories(some - some[0], where, count), net, choice.category),
        by_variant={
            one.label: _mean_gain(net_payoffs(one.worth, one.unit_cost, choice.cost)) for one in choice.variants
        },
        break_even=even,
        break_even_by_belief=by_belief,
        idle=idle_share(choice.taken),
        queue=_queue(choice),
        regret=regret(net),
        regret_over_beliefs=expected_regret(net, choice.category, count),
        levels=_levels(choice, even),
    )


def best_in_question(choice: Choice) -> int:
    """The best of all actions but the first, at the file's commitments."""
    return 1 + best_action(choice.net(choice.cost)[1:])


def _mean_gain(net: FloatArray) -> Estimate:
    return leaving_out(lambda some: np.asarray((some - some[0]).mean(axis=1)), net)


def _queue(choice: Choice) -> dict[str, Estimate]:
    if choice.first is None or choice.last is None:
        return {}
    pairs = {
        "first": (choice.first, choice.worth),
        "last": (choice.last, choice.worth),
        "first less last": (choice.first, choice.last),
    }
    return {name: _mean_gain(one - other) for name, (one, other) in pairs.items()}


def _levels(choice: Choice, even: Sequence[Estimate | None]) -> tuple[Level, ...]:
    """As the file states it, and where the action in question pays half, or all, of what it is worth."""
    costs = {AS_STATED: choice.cost}
    point = even[best_in_question(choice)]
    if point is not None and float(point.value) > 0.0:
        costs["half the break-even"] = np.where(choice.is_costly, 0.5 * float(point.value), choice.cost)
        costs["the break-even"] = np.where(choice.is_costly, float(point.value), choice.cost)
    fits = [fit(joint_basis(one.columns, one.categories), _parts(choice)) for one in choice.known]
    noise = [fit(joint_basis((one,), (0,)), _parts(choice)) for one in (() if choice.noise is None else choice.noise)]
    return tuple(_level(choice, label, cost, fits, noise) for label, cost in costs.items())


def _parts(choice: Choice) -> FloatArray:
    """What net payoffs are made of, (2 D, N): gains and unit costs, fitted once for all commitments."""
    return np.concatenate([choice.worth - choice.worth[0], choice.unit_cost])


def _mixtures(cost: FloatArray) -> FloatArray:
    """How each action's net payoff is made of the parts, (D, 2 D)."""
    return np.concatenate([np.eye(len(cost)), -np.diag(cost)], axis=1)


def _level(choice: Choice, label: str, cost: FloatArray, fits: Sequence[Fits], noise: Sequence[Fits]) -> Level:
    net, mixed = choice.net(cost), _mixtures(cost)
    best = best_action(net)
    floor = noise_floor([information(one, net, mixed, best).low for one in noise])
    units = [_unit_worth(known, one, net, mixed, best, floor) for known, one in zip(choice.known, fits, strict=True)]
    means = given_categories(net, choice.category, len(choice.beliefs))
    flip = smallest_flip(means, choice.weights, best)
    return Level(
        label,
        cost,
        best,
        means,
        perfect_foresight(net),
        flip,
        _flip_error(choice, net, best),
        floor,
        tuple(sorted(units, key=lambda unit: -unit.low)),
        _nested(choice, cost, units),
    )


def _unit_worth(known: Known, fits: Fits, net: FloatArray, mixed: FloatArray, best: int, floor: float) -> UnitWorth:
    worth = information(fits, net, mixed, best)
    told = bool(worth.low > max(_ERRORS * worth.low_se, floor))
    single = len(known.columns) == 1 and known.categories == (0,)
    flip = flip_point(fits, known.columns[0], mixed, best) if told and single else None
    return UnitWorth(known, worth.low, worth.low_se, worth.high, told, flip)


def _flip_error(choice: Choice, net: FloatArray, best: int) -> float:
    """Error of the distance to the nearest beliefs that flip the choice; unknown where some draws know none."""

    def distance(some: FloatArray, where: IntArray) -> FloatArray:
        flip = smallest_flip(given_categories(some, where, len(choice.beliefs)), choice.weights, best)
        return np.asarray(np.nan if flip is None else flip.distance)

    return float(leaving_out(distance, net, choice.category).se)


def _nested(choice: Choice, cost: FloatArray, units: Sequence[UnitWorth]) -> Information | None:
    """All that is not luck, known together: at least what the most valuable unit of it is worth."""
    if choice.redrawn is None:
        return None
    found = nested_information(choice.redrawn.worth - cost[:, None] * choice.redrawn.unit_cost)
    alone = [unit for unit in units if unit.known.kind != "luck" and unit.is_told]
    most = max(alone, key=lambda unit: unit.low, default=None)
    return found if most is None or found.low >= most.low else found._replace(low=most.low, low_se=most.low_se)
