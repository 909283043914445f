"""One run: the order of the model, and the only loop over periods.

    draws -> base year -> who would enter -> dates -> masks -> period by period -> outcomes

Draws are taken in blocks that fit the cache. No step mixes draws, so that the bits do not depend on the block.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sim.axes import FloatArray, carved
from sim.chance.worlds import Worlds, period_count
from sim.dates.calendar import step_dates
from sim.dates.dated import NOTHING_DATED, dated_numbers
from sim.dates.timeline import Masks, Timeline, period_masks, simulate_timeline
from sim.model.accounts import chosen_outcomes, outcomes
from sim.model.course import Backdrop, Course, Shared
from sim.model.economy import Economy
from sim.model.entry import entry_verdicts
from sim.model.market import advance, tally
from sim.model.marketpath import MarketPath
from sim.model.record import Record
from sim.model.stocks import Stocks
from sim.outcomes.panels import Panel, join_panels
from sim.scenario.scenario import Scenario

__all__ = ["BLOCK", "bytes_per_draw", "draws_at_once", "observe", "run_periods", "simulate"]

T = TypeVar("T")

BLOCK = 1024
"""Draws in a block: enough that calls of NumPy cost little, few enough that most of a period stays in the cache."""

_MOST_BYTES = 2**28
"""What a block may take; with many providers, layers and periods it has fewer draws."""

_FEWEST = 16
_TIMES_RECORD = 3
"""What a block takes at its peak, in records: measured from 9 providers in 48 quarters to 61 in 384 months."""


def simulate(
    scenario: Scenario,
    worlds: Worlds,
    *,
    block: int | None = None,
    shared: Shared | None = None,
    needed: Collection[str] | None = None,
) -> Mapping[str, Panel]:
    """Run a scenario on given worlds.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
        At least two draws.
    block : int, optional
        Draws taken together, at least 2; the results do not depend on it.
    shared : Shared, optional
        What was made so far of other scenarios on the same draws, to which this one's is added.
    needed : collection of str, optional
        Variables to compute, keys of `VARIABLES`; all by default. Each has the bits of the full run.

    Returns
    -------
    mapping of str to Panel
        These outcomes by variable; median cases are zero.

    Raises
    ------
    NumericalError
        If a draw has no base year or no growth path; the message names the inputs.
    SimError
        If a run computes no such outcome.
    """
    names = chosen_outcomes(scenario, needed)
    known = Shared() if shared is None else shared
    parts = _blocks(worlds, block or draws_at_once(scenario))
    return join_panels([outcomes(names, scenario, *_run_block(scenario, part, known)) for part in parts])


def draws_at_once(scenario: Scenario) -> int:
    """Draws in a block of a scenario."""
    return max(_FEWEST, min(BLOCK, _MOST_BYTES // bytes_per_draw(scenario)))


def bytes_per_draw(scenario: Scenario) -> int:
    """What a draw of a block takes at the peak, roughly: it is mostly the record."""
    providers, foreign, layers = len(scenario.providers), len(scenario.foreign), len(scenario.market.layers)
    by_period = providers * layers + foreign * (layers + 5) + 2 * layers + 5
    return 8 * _TIMES_RECORD * period_count(scenario.horizon) * by_period


def observe(
    scenario: Scenario,
    worlds: Worlds,
    read: Callable[[Economy, Record, Timeline, Masks], T],
    *,
    periods: int | None = None,
    block: int | None = None,
    shared: Shared | None = None,
) -> list[T]:
    """Run a scenario on given worlds, and keep what a reader takes of each block of draws.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
        At least two draws, of the whole horizon.
    read : callable
        Gets economy, record, timeline and masks of a block; what it returns must not share memory with them if
        little is to be held.
    periods : int, optional
        First periods to run, rounded up to whole years; all by default. Those that are run have the bits of the full
        run, and the record ends with them; timeline and masks are of the whole horizon in any case.
    block : int, optional
        Draws taken together, at least 2.
    shared : Shared, optional
        As for `simulate`.

    Returns
    -------
    list
        What `read` returned, block by block in the order of the draws.

    Raises
    ------
    NumericalError
        If a draw has no base year or no growth path.
    """
    return [
        read(*_run_block(scenario, part, Shared() if shared is None else shared, periods))
        for part in _blocks(worlds, block or draws_at_once(scenario))
    ]


def _blocks(worlds: Worlds, block: int) -> Iterator[Worlds]:
    """The draws in blocks, each of at least two; of one block no copies are made."""
    if worlds.draws <= block:
        return iter([worlds])
    starts = range(0, worlds.draws, block)
    cuts = [slice(start, min(start + block, worlds.draws)) for start in starts]
    if len(cuts) > 1 and cuts[-1].stop - cuts[-1].start == 1:
        # One draw alone would take other vector paths in NumPy, and other bits.
        cuts[-2:] = [slice(cuts[-2].start, cuts[-1].stop)]
    return (worlds.take(cut) for cut in cuts)


def _run_block(
    scenario: Scenario, worlds: Worlds, shared: Shared, periods: int | None = None
) -> tuple[Economy, Record, Timeline, Masks]:
    economy = shared.economies.of(scenario, worlds.inputs)
    dated = NOTHING_DATED
    if scenario.changes_numbers:
        dated = dated_numbers(scenario, worlds.inputs, step_dates(scenario, worlds))
    verdicts = entry_verdicts(scenario, economy, shared.verdicts, dated)
    timeline = simulate_timeline(scenario, worlds, verdicts, shared.projects)
    masks = period_masks(scenario, timeline)
    backdrop = shared.backdrop(scenario, economy, worlds, dated)
    return economy, run_periods(scenario, economy, worlds, timeline, masks, periods, backdrop), timeline, masks


def run_periods(
    scenario: Scenario,
    economy: Economy,
    worlds: Worlds,
    timeline: Timeline,
    masks: Masks,
    first: int | None = None,
    backdrop: Backdrop | None = None,
) -> Record:
    """The loop over periods: what each leaves, for a block of draws; only the years that hold the `first` ones."""
    per_year, periods = 12 // scenario.horizon.period_months, len(masks.state)
    if first is not None:
        periods = min(periods, -(-first // per_year) * per_year)
    dated = dated_numbers(scenario, economy.inputs, timeline.steps)
    given = backdrop or Shared().backdrop(scenario, economy, worlds, dated)
    course = Course(scenario, economy, worlds, timeline, masks, given, dated)
    stocks = course.opened(periods)
    if course.has_entrants:
        stocks.utility = economy.utility.copy()
    record = _empty_record(economy, course.path, periods, per_year)
    record.opening[:] = stocks.by_layer[economy.domestic :].sum(axis=1)
    if economy.mix is not None:
        record.opening[:] -= (stocks.owned + stocks.abroad).sum(axis=1)
    attraction = np.empty_like(economy.base)
    for t in range(periods):
        spending = advance(course.economy(t), stocks, course.period(t), attraction)
        tally(economy, stocks, spending, record.spending[t], record.owned[t])
        _write(record, economy, stocks, spending, attraction, t)
    bought, equity = course.levers.bought, course.levers.equity[: periods + 1]
    extra = record.equity_bought if bought is None else np.concatenate([np.zeros_like(bought[:1]), bought[:periods]])
    tariff = course.levers.tariff[:periods]
    past, money = stocks.bought[: stocks.history], course.money(periods)
    return replace(record, past=past, equity=equity, equity_bought=extra, tariff=tariff, dated=money)


def _empty_record(economy: Economy, path: MarketPath, periods: int, per_year: int) -> Record:
    providers, layers, draws = len(economy.providers), len(economy.layers), economy.draws
    blank = carved(
        spending=(periods, providers, layers, draws),
        owned=(periods, economy.foreign, layers, draws),
        gain=(periods, layers, draws),
        quality=(periods, layers, draws),
        capacity=(periods, economy.foreign, draws),
        bought=(periods, economy.foreign, draws),
        markup=(periods // per_year, providers, layers, draws),
        home_earned=(periods, draws),
        earned=(periods, economy.foreign, draws),
        owned_earned=(periods, economy.foreign, draws),
        opening=(economy.foreign, draws),
        **_from_abroad(economy, periods),
    )
    for untouched in ("owned", "capacity", "bought", "owned_earned"):  # until there are sites
        blank[untouched].fill(0.0)
    past, nothing = np.zeros((0, economy.foreign, draws)), np.zeros((1, 1, 1))
    record = {
        "abroad": nothing[None],
        "abroad_earned": nothing,
        "equity": nothing[0],
        "equity_bought": nothing,
        "tariff": nothing[0],
        **blank,
    }
    return Record(size=path.size[1 : periods + 1], growth=path.total_trend_growth[: periods + 1], past=past, **record)


def _from_abroad(economy: Economy, periods: int) -> dict[str, tuple[int, ...]]:
    """Shapes of what the record holds of sales from abroad, if there can be any."""
    if economy.mix is None or not economy.mix.has_abroad:
        return {}
    foreign, layers, draws = economy.foreign, len(economy.layers), economy.draws
    return {"abroad": (periods, foreign, layers, draws), "abroad_earned": (periods, foreign, draws)}


def _write(record: Record, economy: Economy, stocks: Stocks, spending: FloatArray, spare: FloatArray, t: int) -> None:
    """Enter the rest of a period into the record."""
    record.quality[t] = stocks.quality
    record.home_earned[t], record.earned[t] = stocks.earned.home, stocks.earned.abroad
    economy.by_layer(stocks.gain(), out=record.gain[t])
    if economy.mix is not None and economy.mix.has_abroad:
        economy.by_layer(stocks.abroad, out=record.abroad[t])
        record.abroad_earned[t] = stocks.earned.served
    if stocks.sited:
        record.capacity[t], record.bought[t] = stocks.capacity, stocks.bought[stocks.history + t]
        record.owned_earned[t] = stocks.earned.owned
    per_year = len(record.spending) // len(record.markup)
    if (t + 1) % per_year == 0:
        # Until the next period `before` holds the markups of this one.
        economy.prices_into(spare, stocks.before)
        record.markup[t // per_year] = economy.mean_prices(stocks.by_layer, spending, spare)
