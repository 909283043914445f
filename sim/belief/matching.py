"""What an observation is in the engine's terms, and what the engine says of it in each draw.

A row is matched where the scenario has the variable, the scope, the item and the days; else it is left out with the
reason.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.axes import FloatArray
from sim.belief.names import GROUPS, TOTAL, Names
from sim.belief.record import EVENTS, MONEY, SHARES, Observation
from sim.dates.calendar import phases_in_force
from sim.dates.timeline import Timeline, event_names, event_table
from sim.errors import choices, shown
from sim.model.economy import Economy
from sim.model.record import Record
from sim.model.streams import net_royalty
from sim.scenario.policy import decimal_year, states
from sim.scenario.scenario import Scenario

__all__ = ["Match", "Matching", "match_record", "path", "periods_needed", "simulated"]

_VARIABLES: Final = (*MONEY, *SHARES, "regime", "event")

_WHOLE: Final = 1e-9
"""Years by which a regime may miss a window and still be in force over all of it: rounding of decimal years."""


@dataclass(frozen=True)
class Match:
    """An observation in the engine's terms.

    Attributes
    ----------
    observation : Observation
    layers : tuple of str
        Layers over which money is summed; empty for regimes and events.
    members : tuple of str
        Providers over which money is summed; the regime, or the event as `event_date` names it.
    periods : range
        Periods of the engine that the row covers, counted from 0; empty for regimes and events.
    mapped : tuple of str
        Each use of the mapping file, in words.
    """

    observation: Observation
    layers: tuple[str, ...]
    members: tuple[str, ...]
    periods: range
    mapped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matching:
    """A record, row by row.

    Attributes
    ----------
    matches : tuple of Match
        In the order of the record.
    unmatched : mapping of str to str
        Id of each other row, to the reason.
    """

    matches: tuple[Match, ...]
    unmatched: Mapping[str, str]


class _UnmatchedError(Exception):
    """The reason why a row has no counterpart; never leaves this module."""


def match_record(
    record: Sequence[Observation], scenario: Scenario, cutoff: datetime.date, names: Names | None = None
) -> Matching:
    """Match every row of a record, or say why not.

    Parameters
    ----------
    record : sequence of Observation
    scenario : Scenario
    cutoff : date
        Last day whose knowledge the forecast may use: a row whose period has ended by then is no forecast.
    names : Names, optional
        From `names.read_names`.
    """
    matches: list[Match] = []
    unmatched: dict[str, str] = {}
    for observation in record:
        try:
            matches.append(_matched(observation, scenario, cutoff, names or Names()))
        except _UnmatchedError as reason:
            unmatched[observation.id] = str(reason)
    return Matching(tuple(matches), unmatched)


def periods_needed(matches: Sequence[Match]) -> int:
    """Periods that the engine must run for the money and shares of these rows; regimes and events need none."""
    return max((match.periods.stop for match in matches), default=0)


def simulated(
    matches: Sequence[Match], scenario: Scenario, economy: Economy, record: Record, timeline: Timeline
) -> FloatArray:
    """What the engine says of each row in each draw of a block, without measurement error.

    Parameters
    ----------
    matches : sequence of Match
        M rows.
    scenario : Scenario
    economy : Economy
        N draws.
    record : Record
        At least the first `periods_needed(matches)` periods.
    timeline : Timeline

    Returns
    -------
    array (M, N)
        In the unit of the observation: bn of the period (sums), bn/yr (`annual_rate`), fraction; for `state`
        and `occurred` 1.0 where it is so, else 0.0; for `date` the decimal year, inf where it never happens. A window
        that begins on the day after the scenario's `as_of`, or before, takes in what is dated on that day. Equal to
        the annual outcomes (`market_size`, `market_share`, `foreign_share`, `revenue_gross`, `revenue_retained`) where
        the row covers a calendar year.
    """
    years = scenario.horizon.period_months / 12
    rows = [
        _event(match, scenario, timeline)
        if match.observation.statistic in EVENTS
        else _measure(match, economy, record, years)
        for match in matches
    ]
    return np.stack(rows) if rows else np.empty((0, economy.draws))


def path(match: Match, economy: Economy, record: Record) -> FloatArray:
    """The series of a row of money or shares over all periods of the record: bn/yr, or fraction; (T, N)."""
    every = slice(None)
    flow = _flow(match, economy, record, every)
    return flow / _size(match, economy, record, every) if match.observation.variable in SHARES else flow


def _measure(match: Match, economy: Economy, record: Record, years: float) -> FloatArray:
    """Money or share over the periods of a row, (N,)."""
    rows = slice(match.periods.start, match.periods.stop)
    flow = _flow(match, economy, record, rows)
    if match.observation.variable in SHARES:
        return np.asarray(flow.sum(axis=0) / _size(match, economy, record, rows).sum(axis=0))
    mean: FloatArray = flow.mean(axis=0)
    return mean if match.observation.statistic == "annual_rate" else mean * (years * len(match.periods))


def _flow(match: Match, economy: Economy, record: Record, rows: slice) -> FloatArray:
    """What the members get in the layers of a row, bn/yr; (T, N)."""
    if match.observation.variable == "revenue_retained":
        return _retained(match, economy, record, rows)
    return _sum(record.spending[rows], _places(match.members, economy.providers), _layers(match, economy))


def _retained(match: Match, economy: Economy, record: Record, rows: slice) -> FloatArray:
    """Net royalty of partners, gross revenue of own sites, and from abroad what the tariff leaves; (T, N)."""
    foreign, kept = economy.providers[economy.domestic :], net_royalty(record, economy.rates(record.dated))[1:][rows]
    if kept.shape[1] == 1:
        return _kept(match, match.members, kept[:, 0], economy, record, rows)
    parts = (_kept(match, (name,), kept[:, foreign.index(name)], economy, record, rows) for name in match.members)
    return np.asarray(sum(parts))


def _kept(
    match: Match, members: Sequence[str], kept: FloatArray, economy: Economy, record: Record, rows: slice
) -> FloatArray:
    """The same of members who keep the same part (T, N) of their partners' sales."""
    foreign, layers = economy.providers[economy.domestic :], _layers(match, economy)
    gross = _sum(record.spending[rows], _places(members, economy.providers), layers)
    owned = _sum(record.owned[rows], _places(members, foreign), layers)
    if not record.abroad.any():
        return kept * (gross - owned) + owned
    abroad = _sum(record.abroad[rows], _places(members, foreign), layers)
    return kept * (gross - owned - abroad) + owned + abroad / (1.0 + record.tariff[rows])


def _size(match: Match, economy: Economy, record: Record, rows: slice) -> FloatArray:
    """Spending of all customers in the layers of a row, bn/yr; (T, N)."""
    return _sum(record.spending[rows], range(len(economy.providers)), _layers(match, economy))


def _layers(match: Match, economy: Economy) -> list[int]:
    return _places(match.layers, economy.layers)


def _places(names: Sequence[str], axis: Sequence[str]) -> list[int]:
    return [axis.index(name) for name in names]


def _sum(values: FloatArray, providers: Collection[int], layers: Collection[int]) -> FloatArray:
    """Sum over some providers and layers, (T, P, L, N) to (T, N)."""
    parts = [values[:, provider, layer] for provider in providers for layer in layers]
    return np.asarray(np.sum(parts, axis=0))


def _event(match: Match, scenario: Scenario, timeline: Timeline) -> FloatArray:
    """Whether a regime is in force or an event occurs in the row's window, or its date; (N,)."""
    start, end = match.observation.window
    (name,) = match.members
    if match.observation.statistic == "state":
        return _in_force(name, scenario, timeline, start, end)
    if match.observation.start <= scenario.as_of + datetime.timedelta(days=1):
        # What a scenario dates on its own day is still to come when it is forecast.
        start = min(start, decimal_year(scenario.as_of))
    dates = dict(zip(event_names(scenario), event_table(timeline, scenario), strict=True))[name].dates
    if match.observation.statistic == "date":
        return dates
    return np.asarray((start <= dates) & (dates < end), dtype=np.float64)


def _in_force(regime: str, scenario: Scenario, timeline: Timeline, start: float, end: float) -> FloatArray:
    """1.0 where the regime last adopted is the one named from start to end, else 0.0; (N,)."""
    phases = phases_in_force(scenario, timeline.steps)
    holds = np.array([state.regime == regime for state in states(scenario)])[phases.state]
    overlap = (np.minimum(phases.end, end) - np.maximum(phases.start, start)).clip(0.0)
    lacking = end - start - (overlap * holds).sum(axis=0)
    return np.asarray(lacking < _WHOLE, dtype=np.float64)


def _matched(observation: Observation, scenario: Scenario, cutoff: datetime.date, names: Names) -> Match:
    _require(
        observation.end > cutoff,
        f"no forecast: the period ended by the cut-off ({observation.end}, cut-off {cutoff})",
    )
    known = observation.variable in _VARIABLES
    _require(known, f"the engine has no such variable {choices(observation.variable, _VARIABLES)}")
    if observation.statistic in EVENTS:
        _require(not observation.scope, f"a {observation.variable} has no scope (found {shown(observation.scope)})")
        member, mapped = _event_member(observation, scenario, names)
        return Match(observation, (), (member,), range(0), mapped)
    layers, mapped_scope = _scope(observation, scenario, names)
    members, mapped_item = _item(observation, scenario, names)
    return Match(observation, layers, members, _periods(observation, scenario), mapped_scope + mapped_item)


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise _UnmatchedError(reason)


def _event_member(observation: Observation, scenario: Scenario, names: Names) -> tuple[str, tuple[str, ...]]:
    """The regime or the event of a row, and the use of the mapping."""
    item, is_event = observation.item, observation.variable == "event"
    allowed = tuple(event_names(scenario)) if is_event else tuple(scenario.regimes)
    mapping = {name: (event,) for name, event in names.events.items()} if is_event else names.items
    targets, mapped = _named(item, allowed, mapping, observation.variable)
    _require(len(targets) == 1, f"one {observation.variable} is wanted (found {', '.join(targets)})")
    return targets[0], mapped


def _scope(observation: Observation, scenario: Scenario, names: Names) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layers of a row, and the use of the mapping."""
    layers = tuple(scenario.market.layers)
    if observation.scope == TOTAL:
        return layers, ()
    return _named(observation.scope, layers, names.scopes, "scope", (*layers, TOTAL))


def _item(observation: Observation, scenario: Scenario, names: Names) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The providers of a row, and the use of the mapping."""
    variable, item = observation.variable, observation.item
    groups = {"foreign": scenario.foreign, "domestic": scenario.domestic}
    if variable in ("market_size", "foreign_share"):
        _require(not item, f"{variable} has no item (found {shown(item)})")
        return groups["foreign"] if variable == "foreign_share" else (*scenario.domestic, *scenario.foreign), ()
    if variable == "revenue_retained":
        return (scenario.foreign, ()) if item == "foreign" else _named(item, scenario.foreign, names.items, "item")
    if item in groups:
        return groups[item], ()
    providers = (*scenario.domestic, *scenario.foreign)
    return _named(item, providers, names.items, "item", (*providers, *GROUPS))


def _named(
    name: str,
    allowed: Collection[str],
    mapping: Mapping[str, tuple[str, ...]],
    kind: str,
    listed: Collection[str] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a name is in the scenario: itself, or what the mapping says, with that in words."""
    if name in allowed:
        return (name,), ()
    targets = mapping.get(name)
    if targets is None:
        raise _UnmatchedError(
            f"the scenario has no such {kind}, and no mapping names it {choices(name, listed or allowed)}"
        )
    strange = [target for target in targets if target not in allowed]
    _require(not strange, f"the mapping of '{name}' names no {kind} of the kind wanted ({', '.join(strange)})")
    return targets, (f"{kind} '{name}' taken as {' + '.join(targets)}",)


def _periods(observation: Observation, scenario: Scenario) -> range:
    """The engine's periods that a row covers."""
    months = scenario.horizon.period_months
    after = observation.end + datetime.timedelta(days=1)
    first, stop = (
        12 * (day.year - scenario.horizon.base_year - 1) + day.month - 1 for day in (observation.start, after)
    )
    whole = observation.start.day == after.day == 1 and first % months == stop % months == 0
    found = f"{observation.start} to {observation.end}"
    _require(whole, f"not a whole number of the engine's periods of {months} months (found {found})")
    return range(first // months, stop // months)
