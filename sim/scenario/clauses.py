"""The clauses in which the calendars of two scenarios differ: levers, dates, and what is no lever, by kind.

Beside the levers of a regime there are four more things in which scenarios can differ: the `dates` of steps, where
both have the same steps; what steps close (`closes`) and the numbers that they change (`effects`); and the `world`,
which is all that is no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from sim.errors import Problem, ScenarioError, choices
from sim.scenario.levers import Regime
from sim.scenario.policy import State, changes_state, decimal_year, reachable, states
from sim.scenario.records import Record
from sim.scenario.scenario import SETTINGS, Scenario
from sim.scenario.steps import DateStep, EventStep, HazardStep, Step

__all__ = [
    "CLOSES",
    "DATES",
    "EFFECTS",
    "KINDS",
    "LEVERS",
    "MOST_CLAUSES",
    "WORLD",
    "Clause",
    "clauses_between",
    "differing_sections",
    "same_steps",
]

DATES: Final = "dates"
CLOSES: Final = "closes"
EFFECTS: Final = "effects"
WORLD: Final = "world"

LEVERS: Final = tuple(name for name in Regime.model_fields if name != "title")
"""What a regime decides."""

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "reach": ("owned_layers", "reach"),
    "cap": ("capped",),
    "places": ("sites",),
    "quota": ("yearly_quota",),
    "control": ("owned_unlock", "partner_unlock", "cross_border_unlock", "bought_unlock"),
    "tariff": ("tariff",),
    "imports": ("cross_border",),
    "equity": ("partner_equity", "equity_cap"),
    "eligible": ("eligible",),
    "technology": ("spillover",),
    "handover": ("transfers_sites",),
    "closing": (CLOSES,),
    "numbers": (EFFECTS,),
    "dates": (DATES,),
    "world": (WORLD,),
}
"""Clauses as one would negotiate them, each with the levers that it moves."""

MOST_CLAUSES: Final = 6
"""Runs double with each clause: 64 for six."""

_JOINED_FIRST: Final = (
    ("places", "quota"),
    ("handover", "closing"),
    ("equity", "technology"),
    ("reach", "eligible"),
    ("cap", "places+quota"),
    ("control", "equity+technology"),
)
"""Kinds that are joined, pair after pair, where there are too many: the likest, and those that move least, first."""

_NO_RESULT: Final = ("naive", "discrepancy")
_RULES: Final = ("regimes", "policy")


@dataclass(frozen=True)
class Clause:
    """Levers that are given together.

    Attributes
    ----------
    name : str
    levers : tuple of str
        In the order of `KINDS`.
    """

    name: str
    levers: tuple[str, ...]


def clauses_between(
    first: Scenario, second: Scenario, wanted: Sequence[Clause] = ()
) -> tuple[tuple[Clause, ...], tuple[str, ...]]:
    """The clauses that lead from one scenario to another.

    Parameters
    ----------
    first, second : Scenario
    wanted : sequence of Clause
        Clauses of the user's own: levers, or kinds, that stand together. What is not in them is grouped by kind.

    Returns
    -------
    tuple of Clause
        At least one, and at most `MOST_CLAUSES`.
    tuple of str
        Names of the clauses that were joined because there were too many.

    Raises
    ------
    ScenarioError
        The scenarios differ in nothing, or a wanted clause names what does not exist, does not differ or stands twice.
    """
    differing = tuple(_differing(first, second))
    if not differing:
        message = f"nothing lies between {first.name} and {second.name}: they differ in no lever, date or other input"
        raise ScenarioError([Problem("", 0, 0, "", message)])
    own = _own_clauses(wanted, differing, f"between {first.name} and {second.name}")
    taken = {lever for clause in own for lever in clause.levers}
    kinds = {kind: tuple(one for one in levers if one in differing) for kind, levers in KINDS.items()}
    left = [Clause(kind, tuple(one for one in levers if one not in taken)) for kind, levers in kinds.items()]
    return _few(own, [clause for clause in left if clause.levers])


def _own_clauses(wanted: Sequence[Clause], differing: Sequence[str], between: str) -> list[Clause]:
    """The user's clauses with kinds spelt out."""
    known, problems = tuple(lever for levers in KINDS.values() for lever in levers), list[str]()
    own: list[Clause] = []
    for clause in wanted:
        meant = dict.fromkeys(lever for name in clause.levers for lever in KINDS.get(name, (name,)))
        problems += [f"no lever has this name {choices(one, (*known, *KINDS))}" for one in meant if one not in known]
        twice = [one for one in meant if any(one in other.levers for other in own)]
        problems += [f"'{one}' stands in another clause too (found it in '{clause.name}')" for one in twice]
        moving = tuple(one for one in known if one in meant and one in differing)
        if not moving and not problems:
            problems.append(f"'{clause.name}' moves nothing {between} (allowed {', '.join(differing)})")
        if clause.name in (other.name for other in own):
            problems.append(f"two clauses are called '{clause.name}'")
        own.append(Clause(clause.name, moving))
    if problems:
        raise ScenarioError([Problem("--clause", 0, 0, "", message) for message in problems])
    return own


def _few(own: Sequence[Clause], kinds: Sequence[Clause]) -> tuple[tuple[Clause, ...], tuple[str, ...]]:
    """Not more clauses than can be run: kinds are joined where there are too many, in the end the user's own too."""
    joined: list[str] = []
    kept = {clause.name: clause for clause in (*own, *kinds)}
    by_kind = [pair for pair in _JOINED_FIRST if not {clause.name for clause in own} & set(pair)]
    while len(kept) > MOST_CLAUSES:
        names = list(kept)
        pair = next((pair for pair in by_kind if set(pair) <= set(names)), (names[-2], names[-1]))
        levers = tuple(lever for name in pair for lever in kept[name].levers)
        one = Clause("+".join(pair), levers)
        kept = {
            (one.name if name == pair[0] else name): (one if name == pair[0] else clause)
            for name, clause in kept.items()
            if name != pair[1]
        }
        joined = [*(name for name in joined if name not in pair), one.name]
    return tuple(kept.values()), tuple(joined)


def _differing(first: Scenario, second: Scenario) -> Iterator[str]:
    """Levers, and what else, in which two scenarios differ at some date, in the order of `KINDS`."""
    met = list(_met(first, second))
    moved = {lever for lever in LEVERS if any(_stated(a, lever) != _stated(b, lever) for a, b in met)}
    moved |= {DATES} if same_steps(first, second) and _timings(first) != _timings(second) else set()
    moved |= {CLOSES} if _do_otherwise(first, second, _closing) else set()
    moved |= {EFFECTS} if _do_otherwise(first, second, _changing) else set()
    moved |= {WORLD} if differing_sections(first, second) else set()
    return (lever for levers in KINDS.values() for lever in levers if lever in moved)


def differing_sections(first: Scenario, second: Scenario) -> tuple[str, ...]:
    """Sections outside the rules in which two scenarios differ so that results may.

    Terms of providers that hang on a step are another thing where the steps are others.
    """
    aside = (*SETTINGS, *_NO_RESULT, *_RULES)
    names = [name for name in Scenario.model_fields if name not in aside]
    unlike = [name for name in names if getattr(first, name) != getattr(second, name)]
    waits = any(_waits_for(scenario) for scenario in (first, second))
    steps_differ = list(first.policy.steps) != list(second.policy.steps) or not same_steps(first, second)
    return (*unlike, *(["providers"] if waits and steps_differ and "providers" not in unlike else []))


def _waits_for(scenario: Scenario) -> bool:
    """Whether a provider's arrival or entry hangs on a step."""
    terms = [term for one in scenario.providers.values() for term in (one.arrives, one.entry) if term is not None]
    return any(term.after in scenario.policy.steps for term in terms)


def _met(first: Scenario, second: Scenario) -> Iterator[tuple[State, State]]:
    """States that may be in force at one time, one of each scenario."""
    mine, theirs = states(first), states(second)
    pairs: Iterable[tuple[int, int]] = product(sorted(reachable(first)), sorted(reachable(second)))
    if same_steps(first, second):
        pairs = ((i, i) for i in sorted(reachable(first) | reachable(second)))
    elif all(_is_dated(step) for one in (first, second) for step in one.policy.steps.values()):
        pairs = _meetings(first, second)
    return ((mine[a], theirs[b]) for a, b in pairs)


def _is_dated(step: Step) -> bool:
    return isinstance(step, DateStep) and step.probability is None


def _meetings(first: Scenario, second: Scenario) -> Iterator[tuple[int, int]]:
    """Indices of the states in force one after the other, of calendars in which all is dated."""
    dates = [_dated_states(scenario) for scenario in (first, second)]
    for date in sorted({-float("inf"), *dates[0], *dates[1]}):
        a, b = (next((one[day] for day in sorted(one, reverse=True) if day <= date), 0) for one in dates)
        yield a, b


def _dated_states(scenario: Scenario) -> dict[float, int]:
    """Date to the state that comes into force on it, within the horizon; of two on one date the later listed."""
    dates = {}
    for index, step in enumerate(scenario.policy.steps.values(), start=1):
        assert isinstance(step, DateStep)
        if changes_state(step) and decimal_year(step.when) < scenario.horizon.end_year + 1:
            dates[decimal_year(step.when)] = index
    return dates


def _stated(state: State, lever: str) -> Any:
    """A lever's value, of a record with the column that its draws are."""
    value = getattr(state.levers, lever)
    return (value, state.paths[lever]) if isinstance(value, Record) else value


def same_steps(first: Scenario, second: Scenario) -> bool:
    """Whether two calendars have the same steps by order and trigger, whatever their ids, dates and effects."""
    return len(first.policy.steps) == len(second.policy.steps) and _triggers(first) == _triggers(second)


def _triggers(scenario: Scenario) -> list[tuple[Any, ...]]:
    """For each step what sets it off, in terms that hold in any scenario: kind, and other steps by their place."""
    place = {name: number for number, name in enumerate(scenario.policy.steps)}
    found = states(scenario)

    def trigger(step: Step) -> tuple[Any, ...]:
        if isinstance(step, EventStep):
            return "after", place.get(step.after or ""), place.get(step.after_not or ""), changes_state(step)
        if isinstance(step, HazardStep):
            return "hazard", tuple(state.regime == step.during for state in found), changes_state(step)
        return "when", changes_state(step)

    return [trigger(step) for step in scenario.policy.steps.values()]


def _timings(scenario: Scenario) -> list[Any]:
    """For each step what decides its date, and where chance does the columns' name."""
    timings = []
    for name, step in scenario.policy.steps.items():
        parts = [getattr(step, key, None) for key in ("when", "delay", "probability", "hazard")]
        by_chance = any(isinstance(part, Record) for part in parts) or step.probability is not None
        timings.append((parts, name if by_chance else ""))
    return timings


def _do_otherwise(first: Scenario, second: Scenario, deeds: Callable[[Scenario], Sequence[Any]]) -> bool:
    """Whether steps do something else, or at another time for a reason that is no clause of its own."""
    mine, theirs = deeds(first), deeds(second)
    return mine != theirs or (bool(mine) and not same_steps(first, second))


def _changing(scenario: Scenario) -> list[tuple[int, Any, Any]]:
    """What numbers and qualities steps change, by their place."""
    steps = enumerate(scenario.policy.steps.values())
    return [(place, step.effects, step.raises) for place, step in steps if step.effects is not None or step.raises]


def _closing(scenario: Scenario) -> list[tuple[Any, ...]]:
    """What steps close and open, and who leaves, by their place."""
    steps = enumerate(scenario.policy.steps.values())
    deeds = ((place, step.closes, step.opens, step.exits, step.evicts) for place, step in steps)
    return [deed for deed in deeds if any(deed[1:])]
