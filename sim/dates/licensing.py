"""The way to a site of one's own, as discrete events: regulator, zone and providers under a changing policy.

One `World` is one draw. Its clock shows decimal years; `inf` is never.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any, NamedTuple

import simpy

from sim.policy import NEVER

__all__ = ["Phase", "Places", "Process", "Project", "Regulator", "Rules", "World"]

Process = Generator[simpy.Event, Any, None]

Phase = tuple[float, float, int]
"""Start and end in decimal years, and the state in force between them."""


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


@dataclass(slots=True)
class Project:
    """A provider's own site in one draw: its plan, and what becomes of it. Dates are decimal years.

    Attributes
    ----------
    review_time, build_time : float
        Years.
    verdicts : sequence of bool
        Whether the provider would enter, by state.
    applied, examined, reviewed, approved, sited, launched : float
        Application, start and end of the review, approval, place in the zone, opening.
    dropped : float
        A reversal interrupted the last application.
    withdrawn, transferred : float
        As in `Timeline`.
    work : simpy.Process or None
        The application, pending or launched; None while there is none.
    """

    review_time: float
    build_time: float
    verdicts: Sequence[bool] = ()
    applied: float = NEVER
    examined: float = NEVER
    reviewed: float = NEVER
    approved: float = NEVER
    sited: float = NEVER
    launched: float = NEVER
    dropped: float = NEVER
    withdrawn: float = NEVER
    transferred: float = NEVER
    work: simpy.Process | None = None

    def apply(self, date: float) -> None:
        """Start an application; what is left of an earlier one is void."""
        self.applied = date
        self.examined = self.reviewed = self.approved = self.sited = self.dropped = NEVER


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
            yield self.env.timeout(project.review_time)
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
    """What a state of the policy means to those who want a site; None is no limit."""

    allows_owned: bool
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
        One per foreign provider; in a tie the one listed first comes first.
    """

    def __init__(
        self, rules: Sequence[Rules], reviewers: int, phases: Sequence[Phase], projects: Sequence[Project]
    ) -> None:
        # Nothing can happen before the first state that allows own sites.
        self.phases = list(dropwhile(lambda phase: not rules[phase[2]].allows_owned, phases))
        self.env = simpy.Environment(self.phases[0][0])
        self.rules = rules
        self.projects = projects
        self.regulator = Regulator(self.env, reviewers)
        self.zone = Places(self.env)

    def run(self) -> None:
        """Let everything happen until the horizon ends."""
        (_, end, first), *later = self.phases
        if end > self.env.now:
            self.enforce(first)
        if later:
            self.env.process(self.policy(later))
        self.env.run(self.phases[-1][1])

    def policy(self, phases: Sequence[Phase]) -> Process:
        """The calendar of this draw: puts each state into force on its date."""
        for start, end, state in phases:
            if start < end:
                yield self.env.timeout(start - self.env.now)
                self.enforce(state)

    def enforce(self, state: int) -> None:
        """Let providers apply where the state allows own sites, stop them where it does not."""
        rules = self.rules[state]
        if not rules.allows_owned:
            for project in self.projects:
                self.stop(project, rules)
            return
        self.regulator.quota.allow(rules.yearly_quota)
        self.zone.allow(rules.sites)
        for project in self.projects:
            if project.work is None and project.verdicts[state]:
                project.work = self.env.process(self.enter(project))

    def stop(self, project: Project, rules: Rules) -> None:
        """Interrupt what is pending; withdraw, and where the state says so transfer, what is live."""
        if project.launched < NEVER:
            project.withdrawn = min(project.withdrawn, self.env.now)
            if rules.transfers_sites:
                project.transferred = min(project.transferred, self.env.now)
        elif project.work is not None:
            project.work.interrupt()

    def enter(self, project: Project) -> Process:
        """Apply, find a place, build and launch; a reversal drops whatever is pending."""
        project.apply(self.env.now)
        try:
            yield from self.regulator.examine(project)
            yield from self.build(project)
            project.launched = self.env.now
        except simpy.Interrupt:
            project.dropped = self.env.now
            project.work = None

    def build(self, project: Project) -> Process:
        """Wait for a place in the zone and build on it; the place is kept unless the work is dropped."""
        turn = self.zone.ask()
        try:
            if turn is not None:
                yield turn
            project.sited = self.env.now
            yield self.env.timeout(project.build_time)
        except simpy.Interrupt:
            self.zone.leave(turn)
            raise
