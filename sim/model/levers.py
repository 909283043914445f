"""What the calendar of each draw puts into force, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sim.axes import BoolArray, FloatArray
from sim.dates.calendar import Phases
from sim.dates.dated import NOTHING_DATED, Change, Dated
from sim.dates.timeline import Masks, Timeline, period_ends, windows
from sim.kernels.channels import channel_values
from sim.kernels.premium import arrived_years, overlap
from sim.model.economy import Economy, lever_rows, reach_fraction
from sim.model.inversion import start_unlock
from sim.model.marketpath import MarketPath
from sim.model.mix import LEAST_LIFT, Mix
from sim.model.stocks import Access, ChannelLifts
from sim.scenario.grants import Grants, grants_of
from sim.scenario.policy import State, allows_buy_out, bought_unlock, lever, partner_equity, states
from sim.scenario.scenario import Scenario

__all__ = ["Levers"]

T = TypeVar("T", np.float64, np.bool_)


class Levers:
    """The levers of every state of the calendar, looked up by period.

    Attributes
    ----------
    equity : (T + 1, N), or (T + 1, F, N) where providers have stakes of their own
        Foreign equity in operators, that of the base year first.
    start_reach : (G, N)
        Part of the open part that own sites may serve then.
    tariff : (T, N)
        On the producer's price of what is sold from abroad; 0 where nothing can be.
    """

    def __init__(
        self,
        scenario: Scenario,
        economy: Economy,
        path: MarketPath,
        timeline: Timeline,
        masks: Masks,
        dated: Dated = NOTHING_DATED,
    ) -> None:
        found = states(scenario)
        self._scenario, self._economy, self._found, self._dated = scenario, economy, found, dated
        self._state, self._before, self._happens = masks.state, masks.before, masks.happens
        self._all_choose = scenario.demand.kind == "purchase"
        agreed = (masks.state == masks.state[:, :1]).all(axis=1)
        self._common = [int(row[0]) if same else None for row, same in zip(masks.state, agreed, strict=True)]
        mixed = () if economy.mix is None else found
        granted = [grants_of(scenario, state, economy.inputs, economy.draws) for state in mixed]
        moves = _moved_tariff(scenario, found, dated)
        self._channels = _Channels(scenario, economy, found, granted, timeline, masks, moves)
        equity = _equity_rows(scenario, economy, found)
        ends = period_ends(scenario.horizon)[:, None]
        calendar = (ends - scenario.horizon.period_months / 12, ends)
        self.equity = np.concatenate([equity[:1], _mean_by_provider(calendar, equity, masks.phases)])
        self._bought = _bought(economy, found, equity, timeline, masks.phases, calendar) if scenario.buys_out else None
        self._spillover = _mean_over(windows(scenario), lever_rows(found, "spillover", economy), masks.phases)
        self._reach = np.stack([reach_fraction(scenario, economy, state) for state in found])
        self.start_reach = self._reach[0]
        tariffs = np.stack([one.tariff for one in granted]) if granted else np.zeros((len(found), economy.draws))
        self.tariff = moves.added(_mean_over(calendar, tariffs, masks.phases), calendar, masks.phases)
        self._migrates = np.stack(np.broadcast_arrays(*(_migrates(scenario, economy, state) for state in found)))
        capped = np.array([state.levers.capped for state in found])
        self._capped = capped[masks.state] | (capped[masks.before] & self._all_choose)
        self._cap = np.full(masks.state.shape, np.inf)
        if self._capped.any():
            stated = dated.by_period.get("zone.cap", economy.inputs["zone.cap"])
            cap = _zone_cap(stated, path, round(12 / scenario.horizon.period_months))
            self._cap = np.where(self._capped, cap, np.inf)
        self._steps = _deeds(scenario, economy)

    @property
    def bought(self) -> FloatArray | None:
        """Equity that buy-outs bring beyond that in each period, (T, F, N); None where nobody may buy."""
        return self._bought

    def access(self, t: int) -> Access:
        """What the regime in force in period t allows."""
        closes, evicts, raises = self._done(t)
        return Access(
            reach_part=self._reached(t),
            channels=self._channels.at(t),
            cap=self._cap[t],
            takes_migrants=self._pick(self._takes_migrants(t), t),
            closes=closes,
            evicts=evicts,
            raises=raises,
            spillover=self._spillover[t],
        )

    def _takes_migrants(self, t: int) -> BoolArray:
        """Whether providers ask customers over in each state, (S, N), by the numbers of period t."""
        if not self._dated:
            return self._migrates
        economy = self._economy.at(self._dated.in_period(t))
        rows = (_migrates(self._scenario, economy, state) for state in self._found)
        return np.stack(np.broadcast_arrays(*rows))

    def _reached(self, t: int) -> FloatArray:
        """Part of the open part that own sites may serve, (G, N); of goods the larger at a period's start and end."""
        reach = self._pick(self._reach, t)
        if not self._all_choose:
            return reach
        before = np.take_along_axis(self._reach, self._before[t].reshape(1, 1, -1), axis=0)[0]
        return np.asarray(np.maximum(reach, before))

    def _done(self, t: int) -> list[FloatArray | None]:
        """What steps do in period t, as in `_Deed`; None where none does."""
        sums: list[FloatArray | None] = [None] * len(_Deed._fields)
        for index, deed in self._steps.items():
            happens = self._happens[t, index]
            if happens.any():
                for place, what in enumerate(deed):
                    if what is not None:
                        done, before = what * happens, sums[place]
                        sums[place] = done if before is None else before + done
        return sums

    def _pick(self, table: npt.NDArray[T], t: int) -> npt.NDArray[T]:
        """The row of each draw's state in period t, (S, ..., N) to (..., N); without a copy where all have the same."""
        common = self._common[t]
        if common is not None:
            return np.asarray(table[common])
        index = self._state[t].reshape((1,) * (table.ndim - 1) + (-1,))
        return np.asarray(np.take_along_axis(table, index, axis=0)[0])


def _migrates(scenario: Scenario, economy: Economy, state: State) -> BoolArray:
    """Whether providers ask partner customers to their own sites in a state, (N,), or (F, N) by their own costs.

    Equation (22) of docs/model.md.

    While a zone has a cap its sites are for new business; else a provider asks where what consents earns it more on
    its site, capital charged, than all of it does with the partner.
    """
    if state.levers.capped:
        return np.zeros(economy.draws, dtype=np.bool_)
    equity = partner_equity(scenario, state, economy.inputs, economy.draws)
    nothing = np.zeros(economy.draws)
    owned, partner = channel_values(equity, nothing, 1.0, (nothing, nothing), economy.rates())
    return np.asarray((1.0 - economy.inputs["migration.consent_loss"]) * owned > partner)


def _by_phase(rows: FloatArray, phases: Phases) -> FloatArray:
    """A lever of every state, (S, N), in each phase, (J, N)."""
    return np.take_along_axis(rows, phases.state, axis=0)


class _MovedTariff(NamedTuple):
    """What steps change of the tariff of a channel, where regimes state none of their own.

    Attributes
    ----------
    changes : tuple of Change
    reads : (S,) bool
        Whether the channel's own tariff counts in a state.
    """

    changes: tuple[Change, ...]
    reads: BoolArray

    def added(self, mean: FloatArray, spans: tuple[FloatArray, FloatArray], phases: Phases) -> FloatArray:
        """The mean tariff over each span, (T, N), from that without these changes."""
        begin, end = spans
        starts = np.concatenate([np.full_like(phases.start[:1], -np.inf), phases.start[1:]])
        for change in self.changes:
            gain = (change.after - change.before) / (end - begin)
            for state, start, until in zip(phases.state, starts, phases.end, strict=True):
                years = overlap(begin, end, np.maximum(start, change.since), until)
                mean = mean + gain * (self.reads[state] * years)
        return mean


def _moved_tariff(scenario: Scenario, found: tuple[State, ...], dated: Dated) -> _MovedTariff:
    changes = dated.changes.get(f"channels.{scenario.channel_of('cross_border')}.tariff", ())
    return _MovedTariff(changes, np.array([state.levers.tariff is None for state in found]))


class _Channels:
    """What channels add to the utility of foreign providers, period by period."""

    def __init__(
        self,
        scenario: Scenario,
        economy: Economy,
        found: tuple[State, ...],
        grants: Sequence[Grants],
        timeline: Timeline,
        masks: Masks,
        moves: _MovedTariff,
    ) -> None:
        self._economy = economy
        self._partner = _arrived_since(scenario, economy, lever_rows(found, "partner_unlock", economy), masks.phases)
        rows = lever_rows(found, "owned_unlock", economy)
        self._owned = _FromEachDate(
            scenario, economy, _by_phase(rows, masks.phases), timeline.launched, masks, until=timeline.withdrawn
        )
        if scenario.buys_out:
            rows = _bought_unlocks(economy, found, timeline, masks.phases)
            self._bought = _FromEachDate(scenario, economy, rows, timeline.bought, masks)
        self._anybody_buys = scenario.buys_out
        if economy.mix is not None:
            self._mixed = _Mixed(scenario, economy, economy.mix, found, grants, masks, moves)

    def at(self, t: int) -> ChannelLifts:
        """In period t."""
        partner, owned = self._partners(t), self._owned.mean(t)
        if self._economy.mix is not None:
            return self._mixed.at(t, partner, owned)
        lead = np.maximum(owned - (0.0 if partner is None else partner), 0.0)
        worth = self._economy.premium_by_layer
        if partner is None:
            return ChannelLifts(None, lead[:, None] * worth)
        return ChannelLifts(
            partner[..., None, :] * worth if partner.ndim > 1 else partner * worth, lead[:, None] * worth
        )

    def _partners(self, t: int) -> FloatArray | None:
        """Part of the premium of partners' offers beyond the start's in period t, (N,), or (F, N) by who bought."""
        granted = None if self._partner is None else self._partner[t]
        if not self._anybody_buys:
            return granted
        return np.maximum(0.0 if granted is None else granted, self._bought.spread(t))


class _Mixed:
    """The same of the mix of channels that a base year has."""

    def __init__(
        self,
        scenario: Scenario,
        economy: Economy,
        mix: Mix,
        found: tuple[State, ...],
        grants: Sequence[Grants],
        masks: Masks,
        moves: _MovedTariff,
    ) -> None:
        phases, spans = masks.phases, windows(scenario)
        self._mix = mix
        names = ("owned_unlock", "cross_border_unlock")
        rows = (lever_rows(found, name, economy) for name in names)
        self._owned, self._abroad = (_arrived_since(scenario, economy, row, phases) for row in rows)
        self._kept = _mean_over(spans, np.stack([one.kept for one in grants]), phases)
        tariff = _mean_over(spans, np.stack([one.tariff for one in grants]), phases)
        self._tariff = moves.added(tariff, spans, phases)

    def at(self, t: int, partner: FloatArray | None, launched: FloatArray) -> ChannelLifts:
        """In period t, from what has arrived of partners' premium, (N,) or (F, N), and of launched sites', (F, N)."""
        start, sited = self._mix.start, self._mix.sited[:, None]
        sites = start.owned if self._owned is None else start.owned + self._owned[t]
        levels = Grants(
            owned=np.where(sited, sites, start.partner + launched),
            partner=start.partner if partner is None else start.partner + partner,
            abroad=start.abroad if self._abroad is None else start.abroad + self._abroad[t],
            sites=start.sites,
            kept=self._kept[t],
            tariff=self._tariff[t],
        )
        lifts = self._mix.lifts(levels)
        rest = np.maximum(lifts.rest, LEAST_LIFT)
        # Customers of the base year say what its sites are worth; a site that is launched is no worse than the rest.
        lead = np.maximum(lifts.owned - rest, np.where(sited[:, None], -np.inf, 0.0))
        return ChannelLifts(rest, lead, lifts.abroad_part if self._mix.has_abroad else None)


def _arrived_since(scenario: Scenario, economy: Economy, rows: FloatArray, phases: Phases) -> FloatArray | None:
    """Part of the premium that a channel has beyond the start's, from rows (S, N), its mean over each window; (T, N).

    Equation (14) of docs/model.md.

    The clock runs from the first day on which a draw's channel was granted anything beyond the start.
    """
    above = _by_phase(rows - rows[0], phases)
    granted = (above != 0.0) & (phases.start < phases.end)
    if not granted.any():
        return None
    begin, end = windows(scenario)
    since = np.where(granted, phases.start, phases.end[-1]).min(axis=0)
    level = np.zeros((len(end), economy.draws))
    for gain, start, until in zip(above, phases.start, phases.end, strict=True):
        if gain.any():
            level += gain * _arrived(begin, end, start, until, since, economy)
    return np.asarray(level / (end - begin))


class _FromEachDate:
    """Part of the premium that offers have beyond the start's partners, each from a date of its own.

    Equation (14) of docs/model.md.

    Parameters
    ----------
    rows : (J, N) or (J, F, N)
        The part by phase.
    dates : (F, N)
        From when it arrives.
    until : (F, N), optional
        From when on nobody is offered it: of goods, customers of the rest of the window do not count.
    """

    def __init__(
        self,
        scenario: Scenario,
        economy: Economy,
        rows: FloatArray,
        dates: FloatArray,
        masks: Masks,
        *,
        until: FloatArray | None = None,
    ) -> None:
        phases, base_unlock = masks.phases, start_unlock(scenario, economy.inputs, economy.draws)
        above = rows - base_unlock
        spans = zip(above, phases.start, phases.end, strict=True)
        self._grants = [(gain, start, until) for gain, start, until in spans if gain.any() and (start < until).any()]
        since = np.where(np.isneginf(dates), phases.start[0], dates)
        self._since, self._economy = np.minimum(since, phases.end[-1]), economy
        self._begin, self._end = windows(scenario)
        self._until = until if until is not None and scenario.demand.kind == "purchase" else np.array(np.inf)

    def mean(self, t: int) -> FloatArray:
        """Its mean over the part of window t after each date, (F, N)."""
        level = self._total(t)
        live = np.maximum(np.minimum(self._end[t], self._until) - np.maximum(self._begin[t], self._since), 0.0)
        return np.asarray(np.divide(level, live, out=np.zeros_like(level), where=live > 0.0))

    def spread(self, t: int) -> FloatArray:
        """Its mean over the whole of window t, (F, N)."""
        return np.asarray(self._total(t) / (self._end[t] - self._begin[t]))

    def _total(self, t: int) -> FloatArray:
        """Its integral over window t, in years, (F, N)."""
        begin, end = self._begin[t], np.minimum(self._end[t], self._until)
        level: FloatArray = np.zeros_like(self._since)
        if not (self._since < end).any():
            return level
        for gain, start, until in self._grants:
            if ((start < end) & (until > begin)).any():  # else nothing of it arrives in this window
                level += gain * _arrived(begin, end, start, until, self._since, self._economy)
        return level


def _equity_rows(scenario: Scenario, economy: Economy, found: tuple[State, ...]) -> FloatArray:
    """Foreign equity in operators in every state, (S, N), or (S, F, N) where providers have stakes of their own."""
    return np.stack([partner_equity(scenario, state, economy.inputs, economy.draws) for state in found])


def _mean_by_provider(spans: tuple[FloatArray, FloatArray], rows: FloatArray, phases: Phases) -> FloatArray:
    """As `_mean_over`, of a lever that may differ by provider, (S, N) or (S, F, N); (T, N) or (T, F, N)."""
    if rows.ndim == 2:
        return _mean_over(spans, rows, phases)
    return np.stack([_mean_over(spans, own, phases) for own in rows.swapaxes(0, 1)], axis=1)


def _bought(
    economy: Economy,
    found: tuple[State, ...],
    equity: FloatArray,
    timeline: Timeline,
    phases: Phases,
    calendar: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Equity that buy-outs bring beyond what partners give, its mean over each period, (T, F, N).

    Who has bought goes on to a higher cap where it would buy up to that, and keeps what it has when the cap falls.
    """
    nothing = np.zeros(economy.draws)
    caps = [
        lever(state, "equity_cap", economy.inputs, economy.draws) if allows_buy_out(state) else nothing
        for state in found
    ]
    held = np.maximum.accumulate(_by_phase(np.stack(caps), phases)[:, None] * _buys(timeline, phases))
    by_provider = (equity[:, None] if equity.ndim == 2 else equity).swapaxes(0, 1)
    more = np.maximum(held - np.stack([_by_phase(own, phases) for own in by_provider], axis=1), 0.0)
    begin, end = (edge[:, None] for edge in calendar)
    extra = np.zeros((len(begin), *timeline.bought.shape))
    for value, start, until in zip(more, phases.start, phases.end, strict=True):
        extra += value * overlap(begin, end, np.maximum(start, timeline.bought), until)
    return np.asarray(extra / (end - begin))


def _bought_unlocks(economy: Economy, found: tuple[State, ...], timeline: Timeline, phases: Phases) -> FloatArray:
    """Part of the premium that offers of partners who were bought get in each phase, (J, F, N)."""
    rows = np.stack([bought_unlock(state, economy.inputs, economy.draws) for state in found])
    granted = np.repeat(_by_phase(rows, phases)[:, None], economy.foreign, axis=1)
    may = np.array([allows_buy_out(state) for state in found])[phases.state]
    stays = may[:, None] & ~_buys(timeline, phases)
    for phase in range(1, len(granted)):
        granted[phase] = np.where(stays[phase], np.minimum(granted[phase], granted[phase - 1]), granted[phase])
    return granted


def _buys(timeline: Timeline, phases: Phases) -> BoolArray:
    """Whether each provider would buy its partner out in each phase, (J, F, N)."""
    return np.take_along_axis(np.moveaxis(timeline.buys, -1, 0), phases.state[:, None], axis=0)


def _arrived(
    begin: FloatArray, end: FloatArray, start: FloatArray, until: FloatArray, since: FloatArray, economy: Economy
) -> FloatArray:
    """What has arrived in the part of each window that lies in a phase, in years."""
    ramp = economy.inputs["opening.ramp"]
    return arrived_years(np.maximum(begin, start), np.minimum(end, until), since, ramp)


def _mean_over(spans: tuple[FloatArray, FloatArray], rows: FloatArray, phases: Phases) -> FloatArray:
    """Mean of a lever, by state (S, N), from the start to the end of each span, (T, 1) each; (T, N).

    What is in force first counts for the time before the horizon.
    """
    begin, end = spans
    mean = np.zeros((len(end), rows.shape[-1]))
    starts = np.concatenate([np.full_like(phases.start[:1], -np.inf), phases.start[1:]])
    for value, start, until in zip(_by_phase(rows, phases), starts, phases.end, strict=True):
        if value.any() and (start < until).any():
            mean += value * overlap(begin, end, start, until)
    return np.asarray(mean / (end - begin))


def _zone_cap(stated: FloatArray, path: MarketPath, periods_per_year: int) -> FloatArray:
    """The zone's cap in each period: stated at the size of the first year, it grows with the total market; (T, N)."""
    total = path.size[1:].sum(axis=1)
    return np.asarray(stated * total / total[:periods_per_year].mean(axis=0))


class _Deed(NamedTuple):
    """What a step does on its day beside levers and numbers.

    Attributes
    ----------
    closes : (G, N)
        Part of each segment that closes, less what opens.
    evicts : (G, N) or None
        What closes, where its customers must leave.
    raises : (L, N) or None
        What is added to the log of domestic quality.
    """

    closes: FloatArray
    evicts: FloatArray | None
    raises: FloatArray | None


def _deeds(scenario: Scenario, economy: Economy) -> dict[int, _Deed]:
    """What steps do on their days, by index."""
    deeds = {}
    for index, (name, step) in enumerate(scenario.policy.steps.items()):
        if step.closes or step.opens or step.raises:
            path, segments = f"policy.steps.{name}", economy.segments
            closes, opens = (_stated(f"{path}.{key}", segments, economy) for key in ("closes", "opens"))
            raises = _stated(f"{path}.raises", economy.layers, economy) if step.raises else None
            deeds[index] = _Deed(closes - opens, closes if step.evicts else None, raises)
    return deeds


def _stated(path: str, names: Sequence[str], economy: Economy) -> FloatArray:
    """Numbers that a step states by name, 0 for the others, (names, N)."""
    nothing = np.zeros(economy.draws)
    return np.stack([economy.inputs.get(f"{path}.{name}", nothing) for name in names])
