"""One run: the order of the model, and the only loop over periods.

    draws -> base year -> who would enter -> dates -> masks -> period by period -> outcomes

Draws are taken in blocks that fit the cache. No step mixes draws, so that the bits do not depend on the block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from sim.axes import BoolArray, FloatArray, carved
from sim.chance.sampling import Worlds
from sim.dates.timeline import Masks, Timeline, period_masks, period_middles, simulate_timeline
from sim.kernels.capacity import first_come, lags, whole_periods
from sim.kernels.choice import group_scale
from sim.kernels.growth import captive_factor, contestable_spending
from sim.model.accounts import Record, outcomes
from sim.model.economy import Economy
from sim.model.entry import comes_with_its_site, entry_verdicts
from sim.model.inversion import Economies
from sim.model.levers import Levers
from sim.model.luck import entrant_offsets, offsets_of
from sim.model.market import advance, tally
from sim.model.marketpath import MarketPath, market_path
from sim.model.stocks import Entrant, Period, Sites, Stocks, opening_stocks
from sim.outcomes.results import Panel
from sim.scenario import Scenario

__all__ = ["BLOCK", "Tides", "observe", "run_periods", "simulate", "tides_of"]

T = TypeVar("T")

BLOCK = 1024
"""Draws in a block: enough that calls of NumPy cost little, few enough that most of a period stays in the cache."""


def simulate(
    scenario: Scenario, worlds: Worlds, *, block: int = BLOCK, economies: Economies | None = None
) -> Mapping[str, Panel]:
    """Run a scenario on given worlds.

    Parameters
    ----------
    scenario : Scenario
    worlds : Worlds
        At least two draws.
    block : int
        Draws taken together, at least 2; the results do not depend on it.
    economies : Economies, optional
        Base years inverted so far, to which this one is added: of other scenarios on the same draws.

    Returns
    -------
    mapping of str to Panel
        Every outcome by variable; median cases are zero.

    Raises
    ------
    NumericalError
        If a draw has no base year or no growth path; the message names the inputs.
    """
    known = Economies() if economies is None else economies
    return _joined([outcomes(scenario, *_run_block(scenario, part, known)) for part in _blocks(worlds, block)])


def observe(
    scenario: Scenario,
    worlds: Worlds,
    read: Callable[[Economy, Record, Timeline, Masks], T],
    *,
    periods: int | None = None,
    block: int = BLOCK,
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
    block : int
        Draws taken together, at least 2.

    Returns
    -------
    list
        What `read` returned, block by block in the order of the draws.

    Raises
    ------
    NumericalError
        If a draw has no base year or no growth path.
    """
    return [read(*_run_block(scenario, part, Economies(), periods)) for part in _blocks(worlds, block)]


def _blocks(worlds: Worlds, block: int) -> Iterator[Worlds]:
    """The draws in blocks, each of at least two."""
    starts = range(0, worlds.draws, block)
    cuts = [slice(start, min(start + block, worlds.draws)) for start in starts]
    if len(cuts) > 1 and cuts[-1].stop - cuts[-1].start == 1:
        # One draw alone would take other vector paths in NumPy, and other bits.
        cuts[-2:] = [slice(cuts[-2].start, cuts[-1].stop)]
    return (worlds.take(cut) for cut in cuts)


def _joined(parts: list[dict[str, Panel]]) -> dict[str, Panel]:
    """Put blocks side by side along the draws."""
    if len(parts) == 1:
        return parts[0]
    joined = {}
    for variable, first in list(parts[0].items()):
        values = np.concatenate([part.pop(variable).values for part in parts], axis=-1)
        joined[variable] = Panel(variable, first.unit, first.years, first.items, values, first.median)
    return joined


def _run_block(
    scenario: Scenario, worlds: Worlds, economies: Economies, periods: int | None = None
) -> tuple[Economy, Record, Timeline, Masks]:
    economy = economies.of(scenario, worlds.inputs)
    timeline = simulate_timeline(scenario, worlds, entry_verdicts(scenario, economy))
    masks = period_masks(scenario, timeline)
    return economy, run_periods(scenario, economy, worlds, timeline, masks, periods), timeline, masks


def run_periods(
    scenario: Scenario, economy: Economy, worlds: Worlds, timeline: Timeline, masks: Masks, first: int | None = None
) -> Record:
    """The loop over periods: what each leaves, for a block of draws; only the years that hold the `first` ones."""
    step, periods = scenario.horizon.period_months / 12, len(masks.state)
    path = market_path(scenario, economy, worlds, step, periods)
    if first is not None:
        per_year = round(1 / step)
        periods = min(periods, -(-first // per_year) * per_year)
    levers = Levers(scenario, economy, path, timeline, masks)
    stocks = opening_stocks(economy, path.size[0], periods)
    record = _empty_record(economy, path, periods, round(1 / step))
    record.opening[:] = stocks.by_layer[economy.domestic :].sum(axis=1)
    record.equity[0] = levers.start_equity
    order = first_come(timeline.launched, timeline.order)
    entrants = _entrants(scenario, economy, worlds, timeline, step)
    if entrants:
        stocks.utility = economy.utility.copy()
    lead, late = lags(economy.inputs["capacity.expansion_lead"], step)
    life = whole_periods(economy.inputs["economics.asset_life"], step)
    launches = _launches(masks)
    attraction = np.empty_like(economy.base)
    tides = tides_of(scenario, economy, path, worlds, step)
    for t in range(periods):
        period = Period(
            number=t,
            step=step,
            captive=tides.captive[t].take(economy.layer_of, axis=0),
            contestable=tides.contestable[t].take(economy.layer_of, axis=0) * economy.weights,
            rivalry=worlds.rivalry[t],
            offset=tides.offset[t].take(economy.layer_of, axis=1),
            home_scale=tides.home_scale[t],
            abroad_scale=tides.abroad_scale[t],
            access=levers.access(t),
            sites=Sites(
                masks.live[t],
                masks.selling[t],
                masks.transfer[t],
                timeline.part,
                launches[t],
                masks.live_years[t],
                order,
                lead,
                late,
                life,
            ),
            entrants=tuple(coming.at(t) for coming in entrants),
        )
        spending = advance(economy, stocks, period, attraction)
        tally(economy, stocks, spending, record.spending[t], record.owned[t])
        _write(record, economy, stocks, spending, attraction, t)
        record.equity[t + 1] = levers.equity(t)
    return record


class _Coming(NamedTuple):
    """A provider that arrives later: as in `Entrant`, over all periods (T, N)."""

    row: int
    odds: FloatArray
    arrives: BoolArray
    weight: FloatArray

    def at(self, t: int) -> Entrant:
        """The same in one period."""
        return Entrant(self.row, self.odds, self.arrives[t], self.weight[t])


def _entrants(scenario: Scenario, economy: Economy, worlds: Worlds, timeline: Timeline, step: float) -> list[_Coming]:
    """The providers that arrive later.

    Who comes with its own site is there for the whole window: how long the site sells in it is the site's affair.
    """
    middles, found = period_middles(scenario.horizon)[:, None], []
    for name in scenario.entrants:
        row = economy.providers.index(name)
        since = (middles - timeline.arrived[row]).clip(-1.0, step)
        arrives = (since > 0.0) & (np.concatenate([np.full((1, economy.draws), -1.0), since[:-1]]) <= 0.0)
        whole = comes_with_its_site(scenario, name)
        present = (since > 0.0).astype(np.float64) if whole else np.maximum(since, 0.0) / step
        age = np.maximum(np.cumsum(since > 0.0, axis=0) - 1, 0)
        offsets = entrant_offsets(scenario, name, len(middles)) * worlds.rivalry[-1:, row].any(axis=-1)
        found.append(_Coming(row, economy.entrant_odds(name), arrives, present * np.exp(offsets[age])))
    return found


def _launches(masks: Masks) -> BoolArray:
    """The window in which a site is launched, (T, F, N)."""
    first = masks.live.copy()
    first[1:] &= ~masks.live[:-1]
    return first


class Tides(NamedTuple):
    """What no regime moves, in every period.

    Attributes
    ----------
    captive, contestable : (T, L, N)
        What becomes of a captive unit of spending; spending that chooses, USD bn/yr.
    offset : (T, P, L, N or 1)
        What rivals' utilities carry so that luck has no direction.
    home_scale, abroad_scale : (T, L, N)
        As in `Period`.
    """

    captive: FloatArray
    contestable: FloatArray
    offset: FloatArray
    home_scale: FloatArray
    abroad_scale: FloatArray


def tides_of(scenario: Scenario, economy: Economy, path: MarketPath, worlds: Worlds, step: float) -> Tides:
    """What no regime moves, in every period of a market path."""
    inputs, domestic, lifts = economy.inputs, economy.domestic, np.exp(worlds.rivalry)
    captive = captive_factor(
        path.growth, path.trend_growth, inputs["demand.captive_growth"], inputs["demand.churn"], step
    )
    offsets = offsets_of(scenario, len(worlds.rivalry))
    rivals, origin = _where_shaken(offsets.rivals, worlds.rivalry), _where_shaken(offsets.origin, worlds.origin_shock)
    lasting = np.exp(rivals)
    home = group_scale(economy.layer_shares[:domestic], lifts[:, :domestic], lasting[:, :domestic])
    abroad = group_scale(economy.layer_shares[domestic:], lifts[:, domestic:], lasting[:, domestic:])
    abroad *= np.exp(worlds.origin_shock)[:, None] * np.exp(origin)
    return Tides(captive, contestable_spending(path.size[:-1], path.size[1:], captive), rivals, home, abroad)


def _where_shaken(offsets: FloatArray, shocks: FloatArray) -> FloatArray:
    """Offsets with a draw axis; none where nothing is drawn to be made up for, as in the median case."""
    shaken = shocks[-1].reshape(-1, shocks.shape[-1]).any(axis=0)
    return offsets[..., None] if shaken.all() else np.where(shaken, offsets[..., None], 0.0)


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
        equity=(periods + 1, draws),
        opening=(economy.foreign, draws),
    )
    for untouched in ("owned", "capacity", "bought", "owned_earned"):  # until there are sites
        blank[untouched].fill(0.0)
    return Record(size=path.size[1 : periods + 1], growth=path.total_trend_growth[: periods + 1], **blank)


def _write(record: Record, economy: Economy, stocks: Stocks, spending: FloatArray, spare: FloatArray, t: int) -> None:
    """Enter the rest of a period into the record."""
    record.quality[t] = stocks.quality
    record.home_earned[t], record.earned[t] = stocks.earned.home, stocks.earned.abroad
    economy.by_layer(stocks.gain(), out=record.gain[t])
    if stocks.sited:
        record.capacity[t], record.bought[t] = stocks.capacity, stocks.bought[t]
        record.owned_earned[t] = stocks.earned.owned
    per_year = len(record.spending) // len(record.markup)
    if (t + 1) % per_year == 0:
        # Until the next period `before` holds the markups of this one.
        economy.prices_into(spare, stocks.before)
        record.markup[t // per_year] = economy.mean_prices(stocks.by_layer, spending, spare)
