"""What each period of a block of draws is given: the market, luck, levers, dates and who arrives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.chance.worlds import Worlds, period_count
from sim.dates.dated import NOTHING_DATED, Dated, is_money
from sim.dates.readiness import jump_dates
from sim.dates.timeline import KnownProjects, Masks, Timeline, windows
from sim.kernels.capacity import first_come, lags, whole_periods
from sim.kernels.choice import group_scale
from sim.kernels.growth import captive_factor, contestable_spending, renewed
from sim.model.economy import Economy, require
from sim.model.entry import Verdicts
from sim.model.inversion import MOST_SHARED, Economies
from sim.model.levers import Levers
from sim.model.luck import entrant_offsets, offsets_of
from sim.model.marketpath import MarketPath, market_path
from sim.model.sites import open_sites
from sim.model.stocks import Entrant, Exits, Period, Purchases, Sites, Stocks, opening_stocks
from sim.scenario.baseyear import Inputs, coherence
from sim.scenario.changes import within
from sim.scenario.scenario import Scenario

__all__ = ["Backdrop", "Course", "Shared", "Tides", "require_possible", "tides_of"]


class Backdrop(NamedTuple):
    """What no regime moves.

    Attributes
    ----------
    path : MarketPath
    tides : Tides
    """

    path: MarketPath
    tides: Tides


class Shared:
    """What runs on the same draws have in common, made once: one for the scenarios of a study, block by block.

    Attributes
    ----------
    economies : Economies
        Base years.
    verdicts : Verdicts
        Who would build.
    projects : KnownProjects
        What became of who applied.
    """

    def __init__(self) -> None:
        self.economies, self.verdicts, self.projects = Economies(), Verdicts(), KnownProjects()
        self._known: list[tuple[Scenario, Economy, Worlds, Backdrop]] = []

    def branch(self) -> Shared:
        """The same, to which others can be added without these growing; what became of applicants is one for all."""
        new = Shared()
        new.economies, new.verdicts, new.projects = self.economies.branch(), self.verdicts.branch(), self.projects
        new._known = [*self._known]
        return new

    def backdrop(self, scenario: Scenario, economy: Economy, worlds: Worlds, dated: Dated = NOTHING_DATED) -> Backdrop:
        """What no regime moves in the draws of an economy of `economies`: market paths and luck.

        Where steps move them, they are the scenario's own.
        """
        if dated.changes.keys() & set(_TIDAL):
            return _backdrop(scenario, economy, worlds, dated)
        for other, base, drawn, known in self._known:
            if _share_backdrop((scenario, economy, worlds), (other, base, drawn)):
                return known
        made = _backdrop(scenario, economy, worlds, dated)
        if len(self._known) < MOST_SHARED:
            self._known.append((scenario, economy, worlds, made))
        return made


def _backdrop(scenario: Scenario, economy: Economy, worlds: Worlds, dated: Dated) -> Backdrop:
    step, periods = scenario.horizon.period_months / 12, period_count(scenario.horizon)
    path = market_path(scenario, economy, worlds, step, periods, dated)
    numbers = {name: dated.by_period[name][:, None] for name in _TIDAL if name in dated.changes}
    return Backdrop(path, tides_of(scenario, economy.at(numbers) if numbers else economy, path, worlds, step))


_TIDAL = ("market.growth_long_run", "demand.churn", "demand.captive_growth", "demand.loyalty")
"""Numbers from which the market's path, and what chooses in it, are made."""


def _share_backdrop(one: tuple[Scenario, Economy, Worlds], other: tuple[Scenario, Economy, Worlds]) -> bool:
    """Whether two scenarios have one base year, one horizon and the same shocks."""
    (mine, economy, worlds), (its, base, drawn) = one, other
    if economy.layer_shares is not base.layer_shares or _of_luck(mine) != _of_luck(its):
        return False
    paths = [(getattr(worlds, name), getattr(drawn, name)) for name in _SHOCKS]
    if worlds.mix.keys() != drawn.mix.keys():
        return False
    paths += [(worlds.mix[name], drawn.mix[name]) for name in worlds.mix]
    return all(ours is theirs or np.array_equal(ours, theirs) for ours, theirs in paths)


def _of_luck(scenario: Scenario) -> tuple[object, ...]:
    """What offsets are made from besides a base year."""
    return scenario.horizon, scenario.rivalry, scenario.demand.elasticity_of_substitution


_SHOCKS = ("market_shock", "market_steps", "rivalry", "origin_shock", "catch_up_shock")


class Course:
    """What the periods of a block are given, one after the other.

    Attributes
    ----------
    path : MarketPath
    levers : Levers
    has_entrants : bool
        Whether providers arrive that are not there in the base year.
    """

    def __init__(
        self,
        scenario: Scenario,
        economy: Economy,
        worlds: Worlds,
        timeline: Timeline,
        masks: Masks,
        backdrop: Backdrop,
        dated: Dated,
    ) -> None:
        self._scenario, self._economy, self._worlds, self._masks = scenario, economy, worlds, masks
        self._step = scenario.horizon.period_months / 12
        self._purchases = _purchases(scenario, economy, self._step)
        self._dated = dated
        require_possible(scenario, dated)
        self.path, self._tides = backdrop
        self.levers = Levers(scenario, economy, self.path, timeline, masks, dated)
        self._begin, self._end = windows(scenario)
        self._caught_up = np.diff(worlds.catch_up_shock, axis=0, prepend=0.0) / self._step
        self._leaves = timeline.left
        self._jumps = _jumps(scenario, economy, worlds, timeline)
        self._coming = _entrants(scenario, economy, worlds, timeline, self._step)
        self.has_entrants = bool(self._coming)
        self._part, self._order = timeline.part, first_come(timeline.launched, timeline.order)
        self._lead, self._late = lags(economy.inputs["capacity.expansion_lead"], self._step)
        self._life = whole_periods(economy.rates().asset_life, self._step)
        self._launches = _launches(masks) & np.isfinite(timeline.launched)

    def economy(self, t: int) -> Economy:
        """The economy with the numbers of period t."""
        return self._economy.at(self._dated.in_period(t)) if self._dated else self._economy

    def money(self, periods: int) -> dict[str, FloatArray]:
        """Numbers of money that steps change in the first periods, the base year's value first; by path, (T + 1, N)."""
        rows = {path: rows for path, rows in self._dated.by_period.items() if is_money(path)}
        return {path: np.concatenate([self._dated.base[path][None], of[:periods]]) for path, of in rows.items()}

    def period(self, t: int) -> Period:
        """What moves the market in period t."""
        given, layer_of = self._tides, self._economy.layer_of
        purchases = _purchases(self._scenario, self.economy(t), self._step) if self._dated else self._purchases
        return Period(
            number=t,
            step=self._step,
            captive=given.captive[t].take(layer_of, axis=0),
            purchases=purchases,
            contestable=given.contestable[t].take(layer_of, axis=0) * self._economy.weights,
            rivalry=self._moved(t),
            offset=given.offset[t].take(layer_of, axis=1),
            home_scale=given.home_scale[t],
            abroad_scale=given.abroad_scale[t],
            catch_up_luck=self._caught_up[t],
            access=self.levers.access(t),
            sites=self._sites(t),
            entrants=tuple(coming.at(t) for coming in self._coming),
            exits=self._exits(t),
        )

    def _moved(self, t: int) -> FloatArray:
        """Change of each provider's utility since the base year by luck, and by jumps on a date, (P, N).

        Equation (38) of docs/model.md.
        """
        if not self._jumps:
            return np.asarray(self._worlds.rivalry[t])
        moved = self._worlds.rivalry[t].copy()
        for row, dates, size in self._jumps:
            part = np.maximum(self._end[t] - np.maximum(self._begin[t], dates), 0.0) / self._step
            moved[row] += np.log1p(part * np.expm1(size))
        return np.asarray(moved)

    def _exits(self, t: int) -> Exits | None:
        """Who has left by period t."""
        gone = self._masks.gone[t]
        if not gone.any():
            return None
        if self._purchases is None:
            return Exits(gone, (~gone).astype(np.float64))
        begin, end = self._begin[t], self._end[t]
        return Exits(gone, (np.clip(self._leaves, begin, end) - begin) / self._step)

    def opened(self, periods: int) -> Stocks:
        """The state at the end of the base year, with room for so many periods."""
        economy, mix = self._economy, self._economy.mix
        stocks = opening_stocks(economy, self.path.size[0], periods)
        if mix is not None:
            stocks.abroad = stocks.held[economy.domestic :] * mix.split[1][:, economy.layer_of]
            if mix.sited.any():
                open_sites(economy, mix, stocks, self._sites(0), self.levers.start_reach, self._step)
        if self._purchases is not None:
            stocks.in_use = stocks.with_own_spending()
        return stocks

    def _sites(self, t: int) -> Sites:
        masks = self._masks
        return Sites(
            live=masks.live[t],
            selling=masks.selling_years[t] > 0.0,
            transfer=masks.transfer[t],
            part=self._part,
            first=self._launches[t],
            live_years=masks.live_years[t],
            selling_years=masks.selling_years[t],
            order=self._order,
            lead=self._lead,
            late=self._late,
            life=self._life,
        )


def _jumps(
    scenario: Scenario, economy: Economy, worlds: Worlds, timeline: Timeline
) -> list[tuple[int, FloatArray, FloatArray]]:
    """Row in P, date and size (N,) of each jump of quality on a date."""
    dates = jump_dates(scenario, worlds, timeline.steps, dict(zip(scenario.foreign, timeline.launched, strict=True)))
    return [
        (economy.providers.index(name), when, economy.inputs[f"providers.{name}.jumps.size"])
        for name, when in dates.items()
    ]


def require_possible(scenario: Scenario, dated: Dated) -> None:
    """Raise NumericalError where steps make of numbers what they cannot be."""
    for path, changes in dated.changes.items():
        for change in changes:
            value = np.where(np.isfinite(change.since), change.after, change.before)
            condition = within(scenario, path, value, "policy.steps")
            require(condition.refusal, condition.holds)
    for instants in dated.phases.start if dated.changes and dated.phases is not None else ():
        for condition in coherence({**dated.base, **dated.at(instants)}):
            require(f"policy.steps: {condition.refusal}", condition.holds)


class _Coming(NamedTuple):
    """A provider that arrives later: as in `Entrant`, over all periods (T, N); its date is one, (N,)."""

    row: int
    odds: FloatArray
    arrives: BoolArray
    date: FloatArray
    weight: FloatArray

    def at(self, t: int) -> Entrant:
        """The same in one period."""
        return Entrant(self.row, self.odds, self.arrives[t], self.date, self.weight[t])


def _entrants(scenario: Scenario, economy: Economy, worlds: Worlds, timeline: Timeline, step: float) -> list[_Coming]:
    """The providers that arrive later.

    Who comes with its own site is there for the whole window: how long the site sells in it is the site's affair.
    """
    ends, found = windows(scenario)[1], []
    for name in scenario.entrants:
        row = economy.providers.index(name)
        since = (ends - timeline.arrived[row]).clip(-1.0, step)
        arrives = (since > 0.0) & (np.concatenate([np.full((1, economy.draws), -1.0), since[:-1]]) <= 0.0)
        present = (since > 0.0).astype(np.float64) if scenario.comes_by_launch(name) else np.maximum(since, 0.0) / step
        age = np.maximum(np.cumsum(since > 0.0, axis=0) - 1, 0)
        offsets = entrant_offsets(scenario, name, len(ends)) * worlds.rivalry[-1:, row].any(axis=-1)
        odds, weight = economy.entrant_odds(scenario, name), present * np.exp(offsets[age])
        found.append(_Coming(row, odds, arrives, timeline.arrived[row], weight))
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
        What becomes of a captive unit of spending, or how much what is in use grows; spending that chooses, bn/yr.
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
    """What no regime moves in a block of draws, from its market path and its shocks; `step` in years."""
    inputs, domestic, lifts = economy.inputs, economy.domestic, np.exp(worlds.rivalry)
    captive, contestable = _contestable(scenario, inputs, path, step)
    offsets = offsets_of(scenario, len(worlds.rivalry))
    rivals = _where_shaken(offsets.rivals, worlds.rivalry)
    origin = _where_shaken(offsets.origin, np.stack([worlds.origin_shock, worlds.catch_up_shock], axis=1))
    lasting = np.exp(rivals)
    home = group_scale(economy.layer_shares[:domestic], lifts[:, :domestic], lasting[:, :domestic])
    abroad = group_scale(economy.layer_shares[domestic:], lifts[:, domestic:], lasting[:, domestic:])
    abroad *= np.exp(worlds.origin_shock)[:, None] * np.exp(origin)
    return Tides(captive, contestable, rivals, home, abroad)


def _contestable(scenario: Scenario, inputs: Inputs, path: MarketPath, step: float) -> tuple[FloatArray, FloatArray]:
    """What becomes of a unit of spending that is with a provider, and what chooses, (T, L, N) each.

    Of recurring demand the former stays; of purchases it is what is in use, and grows with the market.
    """
    if scenario.demand.kind == "purchase":
        return path.size[1:] / path.size[:-1], (1.0 - inputs["demand.loyalty"]) * path.size[1:]
    kept = captive_factor(path.growth, path.trend_growth, inputs["demand.captive_growth"], inputs["demand.churn"], step)
    return kept, contestable_spending(path.size[:-1], path.size[1:], kept)


def _purchases(scenario: Scenario, economy: Economy, step: float) -> Purchases | None:
    """How customers buy again; None where demand recurs."""
    if scenario.demand.kind == "recurring":
        return None
    inputs = economy.inputs
    return Purchases(inputs["demand.loyalty"], renewed(step, inputs["demand.repurchase_years"]))


def _where_shaken(offsets: FloatArray, shocks: FloatArray) -> FloatArray:
    """Offsets with a draw axis; none where nothing is drawn to be made up for, as in the median case."""
    shaken = shocks[-1].reshape(-1, shocks.shape[-1]).any(axis=0)
    return offsets[..., None] if shaken.all() else np.where(shaken, offsets[..., None], 0.0)
