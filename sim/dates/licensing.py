"""The way to a site of one's own, as discrete events: regulator, zone and providers under a changing policy.

One `World` is one draw. Its clock shows decimal years; `inf` is never.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, pairwise
from operator import attrgetter
from typing import Any, Final, NamedTuple

import simpy
from simpy.events import NORMAL, EventPriority

from sim.scenario.policy import BUILD, BUY_OUT, NEVER

__all__ = ["Phase", "Places", "Process", "Project", "Regulator", "Rules", "World", "Zone"]

Process = Generator[simpy.Event, Any, None]

Phase = tuple[float, float, int]
"""Start and end in decimal years, and the state in force between them."""

_FIRST: Final = -math.inf
"""The date before all others."""


class Passing(simpy.Event):
    """Years that pass for one project: of what ends at one instant policy comes first, then the projects in order."""

    def __init__(self, env: simpy.Environment, years: float, rank: int) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, EventPriority(NORMAL + 1 + rank), years)


class Places:
    """Places for which who comes first is served first. Policy may change their number while some are taken.

    Who finds one free takes it and goes on: only who has to wait does so for an event.

    Parameters
    ----------
    env : simpy.Environment
    limit : int or None
        Their number; None without limit.
    """

    def __init__(self, env: simpy.Environment, limit: int | None = None) -> None:
        self.taken = 0
        self._env, self._limit = env, _number(limit)
        self._waiting: deque[simpy.Event] = deque()

    def allow(self, limit: int | None) -> None:
        """Have so many places; who has one keeps it."""
        self._limit = _number(limit)
        self._admit()

    def clear(self) -> None:
        """Take all places back and give them to those who wait."""
        self.taken = 0
        self._admit()

    def ask(self) -> simpy.Event | None:
        """Take a place, or queue for one: the event of getting it, None if that is now."""
        if self.taken < self._limit:
            self.taken += 1
            return None
        turn = self._env.event()
        self._waiting.append(turn)
        return turn

    def leave(self, turn: simpy.Event | None) -> None:
        """Leave the place, or the queue for it."""
        if not self.stop_waiting(turn):
            self.taken -= 1
            self._admit()

    def stop_waiting(self, turn: simpy.Event | None) -> bool:
        """Leave the queue; whether one was in it."""
        if turn is None or turn not in self._waiting:
            return False
        self._waiting.remove(turn)
        return True

    def _admit(self) -> None:
        while self._waiting and self.taken < self._limit:
            self.taken += 1
            self._waiting.popleft().succeed()


def _number(limit: int | None) -> float:
    return math.inf if limit is None else limit


@dataclass(slots=True, eq=False)
class Project:
    """A provider's own site in one draw: its plan, and what becomes of it. Dates are decimal years.

    Attributes
    ----------
    review_time, build_time : float
        Years.
    verdicts : sequence of int
        How the provider would enter, by state: `BUILD`, `BUY_OUT`, or not at all, 0.
    permitted : sequence of bool
        Whether own sites, or the buy-out that it would go for, are permitted to it, by state.
    earliest : float
        Date before which it does not apply.
    firms : int
        Firms whose file this is; 0 for a named provider.
    order : float
        Of those who do something at one instant the one with the least comes first.
    places : int
        Places in the zone that it holds.
    rank : int
        Its place in the order, set by the world.
    turn : simpy.Event or None
        What it waits, or has waited, for in the zone.
    applied, examined, reviewed, approved, sited, launched : float
        Application, start and end of the review, approval, place in the zone, opening.
    dropped : float
        A reversal interrupted the last application.
    withdrawn, transferred, bought : float
        As in `Timeline`.
    work : simpy.Process or None
        The application, pending or launched; None while there is none.
    sites : sequence of bool
        Whether own sites alone are permitted to it, by state; as `permitted` if empty.
    leaves : float
        Date on which it leaves the market.
    """

    review_time: float
    build_time: float
    verdicts: Sequence[int] = ()
    permitted: Sequence[bool] = ()
    earliest: float = _FIRST
    firms: int = 0
    order: float = 0.0
    applied: float = NEVER
    examined: float = NEVER
    reviewed: float = NEVER
    approved: float = NEVER
    sited: float = NEVER
    launched: float = NEVER
    dropped: float = NEVER
    withdrawn: float = NEVER
    transferred: float = NEVER
    bought: float = NEVER
    places: int = 0
    rank: int = 0
    turn: simpy.Event | None = None
    work: simpy.Process | None = None
    sites: Sequence[bool] = ()
    leaves: float = NEVER

    def may_go_on(self, state: int) -> bool:
        """Whether a state permits what it has, or is about to have."""
        return (self.sites or self.permitted)[state] if self.launched < NEVER else self.permitted[state]

    def may_apply(self, state: int, date: float) -> bool:
        """Whether it would apply on a date on which a state is in force."""
        free = self.work is None and self.launched == NEVER and date < self.leaves
        return free and self.permitted[state] and bool(self.verdicts[state]) and self.earliest <= date

    def has_place_kept(self, state: int, date: float) -> bool:
        """Whether a place is kept from files for it: it is named, goes in this state by that date, and has none.

        Nothing is kept for who will go later: the host answers applications, not intentions.
        """
        goes = self.work is not None or (self.verdicts[state] == BUILD and self.earliest <= date < self.leaves)
        admitted = self.places > 0 or (self.turn is not None and self.turn.triggered)
        return not self.firms and self.permitted[state] and goes and not admitted

    def stand(self) -> None:
        """Have a site before anything happens, and a place for each firm that no zone counts."""
        self.launched, self.places = _FIRST, max(self.firms, 1)

    def apply(self, date: float) -> None:
        """Start an application; what is left of an earlier one is void."""
        self.applied = date
        self.examined = self.reviewed = self.approved = self.sited = self.dropped = NEVER


class Zone(Places):
    """Places for sites: one for each named applicant; for a file, one a firm, what those kept for others leave.

    A file waits until one place is left at least, and does not take up more later.

    Parameters
    ----------
    env : simpy.Environment
    kept : callable
        Counts the places that are to be kept from files.
    """

    def __init__(self, env: simpy.Environment, kept: Callable[[], int]) -> None:
        super().__init__(env)
        self._kept = kept
        self._files: deque[Project] = deque()

    def claim(self, project: Project) -> simpy.Event | None:
        """Take what a project can get, or queue for it: the event of getting it, None if that is now."""
        if not project.firms:
            project.turn = self.ask()
            project.places = int(project.turn is None)
        elif not self._serve(project):
            project.turn = self._env.event()
            self._files.append(project)
        return project.turn

    def give_up(self, project: Project) -> None:
        """Leave the places, or the queue for them."""
        if project in self._files:
            self._files.remove(project)
        elif not self.stop_waiting(project.turn):
            self.taken -= max(project.places, 1)
        project.places, project.turn = 0, None
        self._admit()

    def free(self, project: Project) -> None:
        """Take back the places of who leaves with its site."""
        self.taken -= max(project.places, 1)
        self._admit()

    def _serve(self, project: Project) -> int:
        """Give a file what is left."""
        project.places = int(min(project.firms, max(0, self._limit - self.taken - self._kept())))
        self.taken += project.places
        return project.places

    def _admit(self) -> None:
        super()._admit()
        for project in list(self._files):
            if self._serve(project) and project.turn is not None:
                self._files.remove(project)
                project.turn.succeed()


class Regulator:
    """Reviewers who examine applications one by one, and a quota of approvals per calendar year.

    Parameters
    ----------
    env : simpy.Environment
        Its clock shows decimal years.
    reviewers : int
        How many examine at the same time.
    """

    def __init__(self, env: simpy.Environment, reviewers: int) -> None:
        self.env = env
        self.reviewers = Places(env, reviewers)
        self.quota = Places(env)
        self.year = math.floor(env.now)

    def examine(self, project: Project) -> Process:
        """Queue for a reviewer, be examined, be approved; first come, first served at each."""
        turn = self.reviewers.ask()
        try:
            if turn is not None:
                yield turn
            project.examined = self.env.now
            yield Passing(self.env, project.review_time, project.rank)
        finally:
            self.reviewers.leave(turn)
        project.reviewed = self.env.now
        yield from self._approve()
        project.approved = self.env.now

    def _approve(self) -> Process:
        """Take one of the year's approvals; who finds none waits for the next January 1."""
        self._turn_year()
        turn = self.quota.ask()
        try:
            while turn is not None and not turn.triggered:
                yield turn | self.env.timeout(self.year + 1 - self.env.now)
                self._turn_year()
        except simpy.Interrupt:
            self.quota.stop_waiting(turn)
            raise

    def _turn_year(self) -> None:
        """Open the new year's quota, to those who wait first, if January 1 has come since anybody asked."""
        year = math.floor(self.env.now)
        if year > self.year:
            self.year = year
            self.quota.clear()


class Rules(NamedTuple):
    """What a state of the policy means to all who want a site, or their partner's; None is no limit."""

    allows_entry: bool
    transfers_sites: bool
    sites: int | None
    yearly_quota: int | None


class World:
    """One draw: the policy process, the regulator, the zone and the providers' projects.

    Parameters
    ----------
    rules : sequence of Rules
        By state.
    reviewers : int
    phases : sequence of Phase
        In order, at least one of which allows own sites; the last ends the world.
    projects : sequence of Project
        One per foreign provider.
    """

    def __init__(
        self, rules: Sequence[Rules], reviewers: int, phases: Sequence[Phase], projects: Sequence[Project]
    ) -> None:
        # Nothing can happen before the first state that allows own sites, or buy-outs.
        since = dropwhile(lambda phase: not rules[phase[2]].allows_entry, phases)
        self.phases = list(_cut(since, {project.earliest for project in projects}))
        self.env = simpy.Environment(self.phases[0][0])
        self.rules = rules
        self.state = self.phases[0][2]
        self.projects = sorted(projects, key=attrgetter("order"))
        for rank, project in enumerate(self.projects):
            project.rank = rank
        self.regulator = Regulator(self.env, reviewers)
        self.zone = Zone(self.env, self.kept_places)

    def run(self) -> None:
        """Let everything happen until the horizon ends."""
        (start, end, first), *later = self.phases
        if end > start:
            self.enforce(first, start)
        if later:
            self.env.process(self.policy(later))
        for project in self.projects:
            if self.phases[0][0] <= project.leaves < self.phases[-1][1]:
                self.env.process(self.depart(project))
        self.env.run(self.phases[-1][1])

    def policy(self, phases: Sequence[Phase]) -> Process:
        """The calendar of this draw: puts each state into force on its date, again when somebody may first apply."""
        for start, end, state in phases:
            if start < end:
                yield self.env.timeout(start - self.env.now)
                self.enforce(state, start)

    def enforce(self, state: int, date: float) -> None:
        """Let those apply to whom the state permits own sites, stop the others."""
        self.state, rules = state, self.rules[state]
        for project in self.projects:
            if not project.may_go_on(state):
                self.stop(project, rules)
        if not rules.allows_entry:
            return
        self.regulator.quota.allow(rules.yearly_quota)
        self.zone.allow(rules.sites)
        for project in self.projects:
            if project.may_apply(state, date):
                project.work = self.env.process(self.enter(project))

    def depart(self, project: Project) -> Process:
        """Drop what a provider has pending on the day on which it leaves, and free the place of its site."""
        yield self.env.timeout(project.leaves - self.env.now)
        if project.launched < NEVER:
            if project.sited < NEVER:
                self.zone.free(project)
        elif project.work is not None and project.bought == NEVER:
            project.work.interrupt()

    def kept_places(self) -> int:
        """Places that are kept from files: for the named who go under the state in force."""
        return sum(project.has_place_kept(self.state, self.env.now) for project in self.projects)

    def stop(self, project: Project, rules: Rules) -> None:
        """Interrupt what is pending; withdraw, and where the state says so transfer, what is live."""
        if project.bought < NEVER:
            return
        if project.launched < NEVER:
            project.withdrawn = min(project.withdrawn, self.env.now)
            if rules.transfers_sites:
                project.transferred = min(project.transferred, self.env.now)
        elif project.work is not None:
            project.work.interrupt()

    def enter(self, project: Project) -> Process:
        """Apply, and buy the partner out, or find a place, build and launch; a reversal drops whatever is pending."""
        project.apply(self.env.now)
        mode = project.verdicts[self.state]
        try:
            yield from self.regulator.examine(project)
            if mode == BUY_OUT:
                project.bought = self.env.now
                return
            yield from self.build(project)
            project.launched = self.env.now
        except simpy.Interrupt:
            project.dropped = self.env.now
            project.work = None

    def build(self, project: Project) -> Process:
        """Wait for a place in the zone and build on it; the place is kept unless the work is dropped."""
        turn = self.zone.claim(project)
        try:
            if turn is not None:
                yield turn
            project.places = max(project.places, 1)
            project.sited = self.env.now
            yield Passing(self.env, project.build_time, project.rank)
        except simpy.Interrupt:
            self.zone.give_up(project)
            raise


def _cut(phases: Iterator[Phase], dates: Collection[float]) -> Iterator[Phase]:
    """The phases, each cut in two at every date inside it."""
    for start, end, state in phases:
        inside = sorted(date for date in dates if start < date < end)
        yield from ((first, last, state) for first, last in pairwise([start, *inside, end]))
