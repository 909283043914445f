"""When things happen: dates of the calendar and of every provider, and the period masks made of them.

Steps come from the policy calendar. Providers meet each other at the regulator and in the zone, in a SimPy
world of its own for each draw in which somebody applies. Dates are decimal years; `inf` is never, and
nothing happens at or after the horizon's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.axes import BoolArray, FloatArray, IntArray, require_shape
from sim.chance.worlds import Worlds
from sim.dates.calendar import Phases, decision_phases, phases_in_force, step_dates
from sim.dates.licensing import Phase, Project, Rules, World
from sim.dates.readiness import arrival_dates, earliest_applications, exit_dates
from sim.scenario.policy import BUY_OUT, NEVER, ModeArray, allows_buy_out, allows_owned, modes_allowed, states
from sim.scenario.scenario import Horizon, Scenario

__all__ = [
    "Event",
    "KnownProjects",
    "Masks",
    "Timeline",
    "event_names",
    "event_table",
    "first_permission",
    "period_ends",
    "period_masks",
    "period_middles",
    "simulate_timeline",
    "windows",
]

_READ: Final = (
    "applied",
    "examined",
    "reviewed",
    "approved",
    "sited",
    "launched",
    "dropped",
    "withdrawn",
    "transferred",
    "bought",
    "places",
)
"""What is read of a project when its world has ended; all but the places are dates."""

_read = attrgetter(*_READ)

_Fates: TypeAlias = list[tuple[float, ...]]
"""What is read of each project of a draw."""

_WAYS: Final = {
    "decide": "decided",
    "apply": "applied",
    "approve": "approved",
    "site": "sited",
    "launch": "launched",
    "withdraw": "withdrawn",
    "transfer": "transferred",
}
"""Events on each foreign provider's way to a site, and where a timeline has their dates."""

_DATED: Final = {**_WAYS, "buy_out": "bought", "arrive": "arrived", "exit": "left"}
"""Events of providers, and where a timeline has their dates."""

_MOST_KNOWN: Final = 2**15
"""Draws, of some 2 KB each, that are remembered."""


@dataclass(frozen=True)
class Timeline:
    """Dates of one block of draws, in decimal years; inf is never.

    Where a provider applies again after a reversal, its dates are those of the last application.

    Attributes
    ----------
    steps : (number of steps, N)
        Date at which each step of the calendar happens.
    decided : (F, N)
        First date at which the provider can decide whether to enter.
    first_applied : (F, N)
        Its first application, which a reversal may have dropped.
    applied, approved, sited, launched : (F, N)
        Application, approval, place in the zone (at approval where it has no limit), opening of the site; minus
        infinity for a site of the base year.
    withdrawn : (F, N)
        Date from which a live site takes no new business, because the state no longer permits it own sites.
        It stays so, whatever comes into force later.
    transferred : (F, N)
        Date of a forced transfer to a local operator.
    bought : (F, N)
        Date on which its partner's operator is bought.
    queue_wait, quota_wait, site_wait : (F, N)
        Years waited for a reviewer, the yearly quota, a place in the zone; a wait that does not end counts
        until it is given up or the horizon ends.
    order : (F, N)
        Of those who do something at one instant the one with the least comes first: the uniforms of the draws, and
        one more for a fringe.
    part : (F, N)
        Part of the provider's business that has sites: 1 for a named one, k / firms for a fringe with k places in the
        zone, 0 for a fringe without. It does not change later.
    arrived : (P, N)
        Date from which each provider is there, domestic ones first; minus infinity for those of the base year.
    left : (P, N)
        Date from which each provider is gone.
    buys : (F, N, S) bool
        Whether it would buy its partner out in a state, up to the equity that this allows.
    """

    steps: FloatArray
    decided: FloatArray
    first_applied: FloatArray
    applied: FloatArray
    approved: FloatArray
    sited: FloatArray
    launched: FloatArray
    withdrawn: FloatArray
    transferred: FloatArray
    bought: FloatArray
    queue_wait: FloatArray
    quota_wait: FloatArray
    site_wait: FloatArray
    order: FloatArray
    part: FloatArray
    arrived: FloatArray
    left: FloatArray
    buys: BoolArray


@dataclass(frozen=True)
class Masks:
    """What the engine reads in each period.

    Attributes
    ----------
    phases : Phases
        What is in force when, to the day.
    state : (T, N)
        State in force at the end of the window.
    live : (T, F, N)
        An own site runs at the end of the window: launched and not transferred.
    live_years : (T, F, N)
        Years of the window since launch; 0 if not live.
    selling_years : (T, F, N)
        Those in which it takes new business.
    transfer : (T, F, N)
        The forced transfer happens in the window.
    happens : (T, number of steps, N)
        The step happens in the window; one before the horizon happens in the first. Of goods, that are bought by
        everybody anew: the part of the window that it is in force for, less that of the window before.
    before : (T, N)
        State in force at the start of the window.
    gone : (T, P, N)
        The provider has left by the end of the window.
    """

    phases: Phases
    state: IntArray
    live: BoolArray
    live_years: FloatArray
    selling_years: FloatArray
    transfer: BoolArray
    happens: BoolArray | FloatArray
    before: IntArray
    gone: BoolArray

    @property
    def selling(self) -> BoolArray:
        """Whether a site takes new business in the window, (T, F, N)."""
        return np.asarray(self.selling_years > 0.0)

    @property
    def leaves(self) -> BoolArray:
        """Whether the window is that in which a provider leaves, (T, P, N)."""
        return _first(self.gone)


def simulate_timeline(
    scenario: Scenario, worlds: Worlds, verdicts: ModeArray, known: KnownProjects | None = None
) -> Timeline:
    """Dates of everything that happens, for every draw.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
        N draws.
    verdicts : (S, F, N) int
        How each foreign provider would enter if it decided in each state: `BUILD`, `BUY_OUT`, or not, 0. Where steps
        change numbers, in each state of `decision_phases`.
    known : KnownProjects, optional
        What became of the projects of other scenarios, to which this one's are added.

    Returns
    -------
    Timeline
    """
    require_shape("order", worlds.order, (len(scenario.foreign), worlds.draws))
    steps = step_dates(scenario, worlds)
    phases, every = decision_phases(scenario, steps), len(states(scenario))
    times = len(phases.state) if scenario.changes_numbers else 1
    require_shape("verdicts", verdicts, (times * every, len(scenario.foreign), worlds.draws))
    permitted = np.tile(_permitted(scenario), times)
    allowed = first_permission(scenario, replace(phases, state=phases.state % every))
    begun = np.maximum(phases.start, (earliest := earliest_applications(scenario, worlds, steps, allowed))[:, None])
    leaves = (left := exit_dates(scenario, steps))[len(scenario.domestic) :]
    may_decide = permitted[:, phases.state] & (begun < phases.end) & ~_is_sited(scenario) & (begun < leaves[:, None])
    applies = may_decide & np.take_along_axis(verdicts.swapaxes(0, 1) > 0, phases.state[None], axis=1)
    order, firms = worlds.order + _is_fringe(scenario)[:, None], _firms(scenario)
    plans = _Plans(worlds, scenario, verdicts, permitted, earliest, firms, order, leaves)
    busy = np.flatnonzero(applies.any(axis=(0, 1)) | _stops(phases, plans.sites[plans.sited]))
    found = _outcomes(scenario, plans, phases, busy, known or KnownProjects())
    closing = np.minimum(found["dropped"], scenario.horizon.end_year + 1.0)
    return Timeline(
        steps=steps,
        decided=np.where(may_decide, begun, NEVER).min(axis=1),
        first_applied=np.where(applies, begun, NEVER).min(axis=1),
        queue_wait=_years(found["applied"], found["examined"], closing),
        quota_wait=_years(found["reviewed"], found["approved"], closing),
        site_wait=_years(found["approved"], found["sited"], closing),
        order=order,
        part=_part(firms, found["places"]),
        arrived=arrival_dates(scenario, worlds, steps, found["launched"]),
        left=left,
        buys=_buying(verdicts == BUY_OUT, phases, every),
        **{name: found[name] for name in _DATES},
    )


def _buying(would: BoolArray, phases: Phases, every: int) -> BoolArray:
    """Whether each provider would buy in each of the states, (F, N, S): what it thinks when the state comes first."""
    if len(would) == every:
        return np.moveaxis(would, 0, -1)
    buys = np.zeros((*would.shape[1:], every), dtype=np.bool_)
    for state in phases.state[::-1]:
        np.put_along_axis(
            buys, np.broadcast_to(state % every, would.shape[1:])[..., None], _taken(would, state)[..., None], axis=-1
        )
    return buys


def _taken(table: BoolArray, state: IntArray) -> BoolArray:
    """The row of each draw's state, (S, F, N) to (F, N)."""
    return np.asarray(np.take_along_axis(table, state[None, None], axis=0)[0])


_DATES: Final = ("applied", "approved", "sited", "launched", "withdrawn", "transferred", "bought")
"""What a timeline holds of projects as it is read."""


def _stops(phases: Phases, permitted: BoolArray) -> BoolArray:
    """Whether what comes into force takes own sites from somebody who has them, of (R, S) permissions; (N,)."""
    return np.asarray((~permitted[:, phases.state] & (phases.start < phases.end)).any(axis=(0, 1)))


def _permitted(scenario: Scenario) -> BoolArray:
    """Whether own sites, or a buy-out, are permitted to each foreign provider in each state, (F, S)."""
    found = states(scenario)
    return np.array([[any(modes_allowed(scenario, state, name)) for state in found] for name in scenario.foreign])


def first_permission(scenario: Scenario, phases: Phases) -> FloatArray:
    """First date on which own sites are permitted to each foreign provider, (F, N); inf is never."""
    allowed = _permitted(scenario)[:, phases.state] & (phases.start < phases.end)
    first: FloatArray = np.where(allowed, phases.start, NEVER).min(axis=1)
    return first


def _is_sited(scenario: Scenario) -> BoolArray:
    """Whether each foreign provider has sites in the base year, (F, 1, 1)."""
    return np.array([name in scenario.sited for name in scenario.foreign])[:, None, None]


def _is_fringe(scenario: Scenario) -> BoolArray:
    return np.array([scenario.providers[name].fringe for name in scenario.foreign])


def _firms(scenario: Scenario) -> IntArray:
    """Firms whose file each foreign provider hands in, (F,); 0 for named ones."""
    providers = (scenario.providers[name] for name in scenario.foreign)
    return np.array([provider.firms if provider.fringe else 0 for provider in providers])


def _part(firms: IntArray, places: FloatArray) -> FloatArray:
    """Part of each provider's business that has sites, (F, N)."""
    return np.where(firms[:, None] > 0, places / np.maximum(firms, 1)[:, None], 1.0)


def _years(since: FloatArray, until: FloatArray, closing: FloatArray) -> FloatArray:
    """Years from one date to another, or to the closing if that comes first; 0 where the first never comes."""
    return np.subtract(np.minimum(until, closing), since, out=np.zeros_like(since), where=since < NEVER)


class KnownProjects:
    """What became of the projects of draws by all that decides it: the rules, and the numbers of the draw."""

    def __init__(self) -> None:
        self._known: dict[str, dict[bytes, _Fates]] = {}

    def under(self, rules: str) -> dict[bytes, _Fates]:
        """What is known under some rules by the numbers of a draw, to be added to; what is too much is forgotten."""
        if sum(map(len, self._known.values())) > _MOST_KNOWN:
            self._known.clear()
        return self._known.setdefault(rules, {})


@dataclass(frozen=True)
class _Plans:
    """What decides the projects of the foreign providers: arrays as in `Project`, (F, N) or with states first."""

    worlds: Worlds
    scenario: Scenario
    verdicts: ModeArray
    permitted: BoolArray
    earliest: FloatArray
    firms: IntArray
    order: FloatArray
    leaves: FloatArray

    @property
    def names(self) -> Sequence[str]:
        """Of the foreign providers."""
        return self.scenario.foreign

    @cached_property
    def sited(self) -> BoolArray:
        """Who has a site in the base year, (F,)."""
        return _is_sited(self.scenario)[:, 0, 0]

    @cached_property
    def sites(self) -> BoolArray:
        """Whether own sites are permitted, (F, S)."""
        found = states(self.scenario)
        once = np.array([[allows_owned(state, name) for state in found] for name in self.names])
        return np.tile(once, len(self.verdicts) // len(found))

    def columns(self, busy: IntArray) -> tuple[npt.NDArray[Any], ...]:
        """What differs between draws, for some draws: times of review and building, verdicts, dates and order."""
        review, build = (
            np.array([self.worlds.inputs[f"{path}[{name}]"][busy] for name in self.names])
            for path in ("regulator.review_time", "entry.build_time")
        )
        dates = self.earliest[:, busy], self.order[:, busy], self.leaves[:, busy]
        return review, build, self.verdicts[:, :, busy], *dates

    def by_draw(self, busy: IntArray) -> Iterator[Sequence[Project]]:
        """Fresh projects for one draw after the other."""
        permitted, firms = self.permitted.tolist(), self.firms.tolist()
        columns = (array.T.tolist() for array in self.columns(busy))
        for times, builds, would, earliest, order, leaves in zip(*columns, strict=True):
            projects = list(map(Project, times, builds, would, permitted, earliest, firms, order))
            for project, sites, date in zip(projects, self.sites.tolist(), leaves, strict=True):
                project.sites, project.leaves = sites, date
            for place in np.flatnonzero(self.sited):
                projects[place].stand()
            yield projects


def _outcomes(
    scenario: Scenario, plans: _Plans, phases: Phases, busy: IntArray, known: KnownProjects
) -> Mapping[str, FloatArray]:
    """What is read of each project by name, (F, N).

    Only the draws in `busy` get a world; elsewhere every date is never, and no place is taken. A world has one course,
    so that a draw with the rules and numbers of one that is known needs none.
    """
    read = np.full((len(_READ), len(plans.names), plans.order.shape[1]), NEVER)
    read[_READ.index("places")] = 0
    read[_READ.index("launched"), plans.sited] = -np.inf
    read[_READ.index("places"), plans.sited] = np.maximum(plans.firms[plans.sited], 1)[:, None]
    if busy.size:
        # Without a regulator nobody applies, and all that happens is that sites of the base year are closed.
        times = len(plans.verdicts) // len(states(scenario))
        rules, reviewers = _rules(scenario) * times, 1 if scenario.regulator is None else scenario.regulator.reviewers
        fates = known.under(
            repr((rules, reviewers, plans.permitted.tolist(), plans.firms.tolist(), plans.sited.tolist()))
        )
        numbers = _numbers(plans, phases, busy)
        fresh = [place for place, row in enumerate(numbers) if row not in fates]
        draws = zip(_by_draw(phases, busy[fresh]), plans.by_draw(busy[fresh]), strict=True)
        fates.update((numbers[place], _run(rules, reviewers, *draw)) for place, draw in zip(fresh, draws, strict=True))
        read[:, :, busy] = np.array([fates[row] for row in numbers]).T
    return dict(zip(_READ, read, strict=True))


def _numbers(plans: _Plans, phases: Phases, busy: IntArray) -> list[bytes]:
    """The numbers that decide the world of each draw."""
    arrays = (*plans.columns(busy), *(array[:, busy] for array in (phases.start, phases.end, phases.state)))
    rows = np.concatenate([array.reshape(-1, busy.size) for array in arrays]).T
    return [row.tobytes() for row in np.ascontiguousarray(rows)]


def _rules(scenario: Scenario) -> list[Rules]:
    return [
        Rules(
            allows_owned(state) or allows_buy_out(state),
            state.levers.transfers_sites,
            state.levers.sites,
            state.levers.yearly_quota,
        )
        for state in states(scenario)
    ]


def _by_draw(phases: Phases, busy: IntArray) -> Iterator[Sequence[Phase]]:
    """The phases of one draw after the other, as plain numbers."""
    columns = (array[:, busy].T.tolist() for array in (phases.start, phases.end, phases.state))
    return (list(zip(*draw, strict=True)) for draw in zip(*columns, strict=True))


def _run(rules: Sequence[Rules], reviewers: int, phases: Sequence[Phase], projects: Sequence[Project]) -> _Fates:
    """What is read of each project after the world of one draw has ended."""
    World(rules, reviewers, phases, projects).run()
    return [_read(project) for project in projects]


def period_ends(horizon: Horizon) -> FloatArray:
    """Instants at which the periods end, (T,) decimal years; the first period starts with the year after the base."""
    count = (horizon.end_year - horizon.base_year) * 12 // horizon.period_months
    return horizon.base_year + 1 + np.arange(1, count + 1) * horizon.period_months / 12


def period_middles(horizon: Horizon) -> FloatArray:
    """Instants in the middle of the periods, (T,) decimal years."""
    return period_ends(horizon) - horizon.period_months / 24


def windows(scenario: Scenario) -> tuple[FloatArray, FloatArray]:
    """When what chooses in each period comes up, from its start to its end, (T, 1) decimal years each.

    A flow is the mean of its period, so what comes up of a stock between the middle of the period before and its own
    is what chooses in it. Goods are bought, and chosen, within the period itself.
    """
    instants = period_ends if scenario.demand.kind == "purchase" else period_middles
    ends = instants(scenario.horizon)[:, None]
    return ends - scenario.horizon.period_months / 12, ends


def period_masks(scenario: Scenario, timeline: Timeline) -> Masks:
    """What is in force in each period: an event counts from the window that contains its date.

    Parameters
    ----------
    scenario : Scenario
    timeline : Timeline

    Returns
    -------
    Masks
    """
    begins, ends = (edge[:, 0] for edge in windows(scenario))
    years = scenario.horizon.period_months / 12
    phases = phases_in_force(scenario, timeline.steps)
    launched, withdrawn, transferred = (
        _begun(ends, dates) for dates in (timeline.launched, timeline.withdrawn, timeline.transferred)
    )
    gone = _begun(ends, timeline.left)
    live = launched & ~transferred & ~gone[:, len(scenario.domestic) :]
    live_years = np.where(live, (ends[:, None, None] - timeline.launched).clip(0, years), 0.0)
    masks = Masks(
        phases=phases,
        state=_state(phases, ends),
        live=live,
        live_years=live_years,
        selling_years=np.where(withdrawn, 0.0, live_years),
        transfer=_first(transferred),
        happens=_first(_begun(ends, timeline.steps)),
        before=_state(phases, begins),
        gone=gone,
    )
    return masks if scenario.demand.kind == "recurring" else _of_goods(masks, timeline, begins, ends)


def _of_goods(masks: Masks, timeline: Timeline, begins: FloatArray, ends: FloatArray) -> Masks:
    """What is in force where all buyers of a period see it, for the part of the period that it is."""
    since, until = begins[:, None, None], ends[:, None, None]
    withheld = np.maximum(until - np.maximum(timeline.withdrawn, since), 0.0)
    in_force = np.maximum(until - np.maximum(timeline.steps, since), 0.0) / (until - since)
    return replace(
        masks,
        selling_years=np.maximum(masks.live_years - withheld, 0.0),
        happens=np.diff(in_force, axis=0, prepend=0.0),
    )


def _state(phases: Phases, instants: FloatArray) -> IntArray:
    """The state in force at some instants, (T, N); before the horizon it is the first."""
    latest = np.maximum(_begun(instants, phases.start).sum(axis=1) - 1, 0)
    return np.take_along_axis(phases.state, latest, axis=0)


def _begun(instants: FloatArray, dates: FloatArray) -> BoolArray:
    """Whether each date (K, N) has come by each of some instants, (T, K, N); on the instant itself it has not."""
    place = np.searchsorted(instants, dates, side="right")
    return place <= np.arange(len(instants))[:, None, None]


def _first(begun: BoolArray) -> BoolArray:
    """The period in which something begins."""
    first = begun.copy()
    first[1:] &= ~begun[:-1]
    return first


class Event(NamedTuple):
    """One row of the timeline.

    Attributes
    ----------
    event : str
        Id of a step, `arrive`, `exit`, or `decide`, `apply`, `approve`, `site`, `launch`, `withdraw`, `transfer`,
        `buy_out`.
    actor : str
        `policy`, or the id of a provider.
    dates : (N,) decimal years, inf never
    """

    event: str
    actor: str
    dates: FloatArray


def event_names(scenario: Scenario) -> dict[str, tuple[str, str]]:
    """What outcomes and records call each event, a step's id or `<provider>.<event>`: its event and its actor.

    The steps in listed order, arrivals of entrants, who leaves, then each foreign provider's way to a site.
    """
    providers = (*scenario.domestic, *scenario.foreign)
    leavers = {name for step in scenario.policy.steps.values() for name in step.exits}
    ways = (*_WAYS, *(["buy_out"] if scenario.buys_out else []))
    own = [
        *(("arrive", name) for name in providers if name in scenario.entrants),
        *(("exit", name) for name in providers if name in leavers),
        *((way, name) for name in scenario.foreign for way in ways),
    ]
    steps = {name: (name, "policy") for name in scenario.policy.steps}
    return steps | {f"{name}.{event}": (event, name) for event, name in own}


def event_table(timeline: Timeline, scenario: Scenario) -> list[Event]:
    """All events, in the order of `event_names`."""
    steps, providers = list(scenario.policy.steps), (*scenario.domestic, *scenario.foreign)

    def dates(event: str, actor: str) -> FloatArray:
        """Foreign providers are the last rows of all arrays, of those that have no others too."""
        if actor == "policy":
            return np.asarray(timeline.steps[steps.index(event)])
        return np.asarray(getattr(timeline, _DATED[event])[providers.index(actor) - len(providers)])

    return [Event(event, actor, dates(event, actor)) for event, actor in event_names(scenario).values()]
