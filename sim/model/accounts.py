"""From what happened in each period to the outcomes that are reported: years, scopes, parties and money.

An outcome is a formula of quantities. Each is computed when an outcome reads it, and kept if several do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np

from sim.axes import FloatArray
from sim.dates.timeline import Masks, Timeline, event_names, event_table
from sim.errors import SimError, choices
from sim.kernels import finance
from sim.kernels.channels import Rates
from sim.model.economy import Economy
from sim.model.entry import tariff_equivalent
from sim.model.record import Record
from sim.model.streams import Streams, net_royalty
from sim.outcomes.results import VARIABLES, Panel
from sim.outcomes.variables import exists_in, unit_of
from sim.scenario.policy import states
from sim.scenario.scenario import Scenario

__all__ = ["OUTCOMES", "Accounts", "chosen_outcomes", "outcomes"]

Items: TypeAlias = tuple[tuple[str, str], ...]
"""Scope and item of each column."""

Labelled: TypeAlias = tuple[tuple[int, ...], Items, FloatArray]
"""Years, items, and the values (Y, items, N)."""


def chosen_outcomes(scenario: Scenario, needed: Collection[str] | None = None) -> tuple[str, ...]:
    """Variables that a run computes: those that are needed, all by default; in the order in which results hold them.

    What a scenario has no part for, as in `variables.ONLY_WHERE`, is left out.

    Raises
    ------
    SimError
        There is no such variable, or it compares scenarios; or what is declared is not computed, or the other way
        round.
    """
    declared = [name for name, info in VARIABLES.items() if info.summary != "comparison"]
    for name in OUTCOMES.keys() ^ declared:
        lacking = "declared in outcomes/variables.py, but not computed"
        if name in OUTCOMES:
            lacking = "computed, but not declared in outcomes/variables.py"
        raise SimError(f"the outcome {name} is {lacking}")
    for name in needed or ():
        if name in VARIABLES and name not in OUTCOMES:
            raise SimError(f"{name} compares two scenarios: no run of one computes it")
        if name not in OUTCOMES:
            raise SimError(f"a run computes no such outcome {choices(name, OUTCOMES)}")
    wanted = (name for name in OUTCOMES if needed is None or name in needed)
    return tuple(name for name in wanted if exists_in(scenario, name))


def outcomes(
    names: Iterable[str], scenario: Scenario, economy: Economy, record: Record, timeline: Timeline, masks: Masks
) -> dict[str, Panel]:
    """Some outcomes of a block of draws, by variable.

    Parameters
    ----------
    names : iterable of str
        From `chosen_outcomes`; each has the bits that it has among all.
    scenario : Scenario
    economy : Economy
    record : Record
    timeline : Timeline
    masks : Masks

    Returns
    -------
    dict of str to Panel
        Median cases are left at zero.
    """
    accounts = Accounts(scenario, economy, record, timeline, masks)
    money, counted = scenario.money, scenario.market.unit
    return {name: _panel(name, unit_of(name, money, counted), *OUTCOMES[name](accounts)) for name in names}


def _panel(variable: str, unit: str, years: tuple[int, ...], items: Items, values: FloatArray) -> Panel:
    return Panel(variable, unit, years, items, values, np.zeros(values.shape[:2]))


class Accounts:
    """What is reported of a block of draws is read off these quantities.

    Those by year have the base year first: spending, sales and the like (Y + 1, L + 1, ..., N) bn/yr by scope,
    the total last.

    Attributes
    ----------
    years : tuple of int
        Of the horizon; the base year is not among them.
    layers, providers, foreign : tuple of str
    """

    def __init__(self, scenario: Scenario, economy: Economy, record: Record, timeline: Timeline, masks: Masks) -> None:
        horizon = scenario.horizon
        self._scenario, self._economy, self._record = scenario, economy, record
        self._timeline, self._masks, self._step = timeline, masks, horizon.period_months / 12
        self.years = tuple(range(horizon.base_year + 1, horizon.end_year + 1))
        self.layers, self.providers = economy.layers, economy.providers
        self.foreign = economy.providers[economy.domestic :]

    # ---- labels

    def by_scope(self, values: FloatArray) -> Labelled:
        """Values (Y + 1, L + 1, N), or of the layers alone."""
        scopes = (*self.layers, "total")[: values.shape[1]]
        return self._since_base, tuple((scope, "") for scope in scopes), values

    def by_item(self, items: tuple[str, ...], values: FloatArray) -> Labelled:
        """Values (Y + 1, L + 1, items, N), or of the layers alone."""
        scopes = (*self.layers, "total")[: values.shape[1]]
        columns = tuple((scope, item) for scope in scopes for item in items)
        return self._since_base, columns, values.reshape(len(values), len(columns), -1)

    def by_foreign(self, values: FloatArray) -> Labelled:
        """Values of the foreign providers and their sum, from (Y, F, N), or of the last year alone from (1, F, N)."""
        items = tuple(("total", item) for item in (*self.foreign, "foreign"))
        return self.years[-len(values) :], items, _with_sum(values)

    def by_firm(self, values: FloatArray) -> Labelled:
        """Values of the foreign providers in the last year without a sum, from (F, N)."""
        return self.years[-1:], tuple(("total", item) for item in self.foreign), values[None]

    def single(self, values: FloatArray, scope: str = "") -> Labelled:
        """One column from (years, N): of all years since the base, of those of the horizon, or of the last."""
        return self._since_base[-len(values) :], ((scope, ""),), values[:, None]

    def listed(self, columns: Mapping[str, FloatArray]) -> Labelled:
        """Columns (N,) by item, without a scope, in the last year."""
        return self.years[-1:], tuple(("", item) for item in columns), np.stack(list(columns.values()))[None]

    @property
    def _since_base(self) -> tuple[int, ...]:
        return (self.years[0] - 1, *self.years)

    # ---- from periods to years

    def annual(self, values: FloatArray) -> FloatArray:
        """Mean over the periods of each year, (T, ...) to (Y, ...)."""
        return np.asarray(values.reshape(len(self.years), -1, *values.shape[1:]).mean(axis=1))

    def year_end(self, values: FloatArray) -> FloatArray:
        """The last period of each year, (T, ...) to (Y, ...)."""
        per_year = len(values) // len(self.years)
        return values[per_year - 1 :: per_year]

    def by_year(self, base: FloatArray, values: FloatArray) -> FloatArray:
        """Base year and yearly means by scope: (..., L, N) and (T, ..., L, N) to (Y + 1, L + 1, ..., N)."""
        years = len(self.years)
        out = np.empty((years + 1, base.shape[-2] + 1, *base.shape[:-2], base.shape[-1]))
        out[0, :-1] = np.moveaxis(base, -2, 0)
        periods = values.reshape(years, -1, *values.shape[1:])
        for layer in range(base.shape[-2]):
            np.mean(periods[..., layer, :], axis=1, out=out[1:, layer])
        np.sum(out[:, :-1], axis=1, out=out[:, -1])
        return out

    # ---- the market

    @cached_property
    def _base(self) -> FloatArray:
        """Spending by provider in the base year, (P, L, N)."""
        return self._economy.layer_shares * self._economy.layer_size

    @cached_property
    def spending(self) -> FloatArray:
        """With each provider, (Y + 1, L + 1, P, N)."""
        return self.by_year(self._base, self._record.spending)

    @property
    def price(self) -> float:
        """Billions of money in what the market is counted in."""
        unit = self._scenario.market.unit
        assert unit is not None
        return self._scenario.ledger.scale(unit)

    @cached_property
    def size(self) -> FloatArray:
        """Of the market."""
        return np.asarray(self.spending.sum(axis=2))

    @property
    def untouched(self) -> FloatArray:
        """Size of the market without opening."""
        return self.by_year(self._economy.layer_size, self._record.size)

    @cached_property
    def home(self) -> FloatArray:
        """With domestic providers."""
        return np.asarray(self.spending[:, :, : self._economy.domestic].sum(axis=2))

    @cached_property
    def abroad(self) -> FloatArray:
        """With foreign providers."""
        return np.asarray(self.spending[:, :, self._economy.domestic :].sum(axis=2))

    @cached_property
    def owned(self) -> FloatArray:
        """On own sites, (Y + 1, L + 1, F, N)."""
        return self.by_year(self._base_through(2), self._record.owned)

    @cached_property
    def served(self) -> FloatArray:
        """Served from abroad, as customers pay for it, (Y + 1, L + 1, F, N)."""
        base = self._base_through(1)
        periods = (len(self._record.tariff), *base.shape)
        return self.by_year(base, np.broadcast_to(self._record.abroad, periods))

    def _base_through(self, kind: int) -> FloatArray:
        """What foreign providers sell in the base year through the channel of a kind, (F, L, N)."""
        abroad = self._base[self._economy.domestic :]
        return np.zeros_like(abroad) if self._economy.mix is None else abroad * self._economy.mix.split[kind]

    @property
    def retained(self) -> FloatArray:
        """Net royalty of partners, sales of own sites, and from abroad what the tariff leaves, (Y + 1, L + 1, F, N)."""
        record, domestic, net = self._record, self._economy.domestic, net_royalty(self._record, self.rates)
        with_partner = record.spending[:, domestic:] - record.owned
        if self._economy.mix is None:
            return self.by_year(self._base[domestic:] * net[0, :, None], with_partner * net[1:, :, None]) + self.owned
        left, mix = 1.0 / (1.0 + record.tariff), self._economy.mix
        sold = (with_partner - record.abroad) * net[1:, :, None] + record.abroad * left[:, None, None]
        base = self._base_through(0) * net[0, :, None] + self._base_through(1) / (1.0 + mix.start.tariff)
        return self.by_year(base, sold) + self.owned

    @property
    def domestic_profit(self) -> FloatArray:
        """Gross profit of domestic providers, (Y + 1, N)."""
        squeezed = np.concatenate([np.zeros((1, self._economy.draws)), self.annual(self._record.home_earned)])
        margin = self._economy.home_margin
        if margin.ndim == 1:
            return np.asarray(self.home[:, -1] * margin + squeezed + self._dated_margin)
        return np.asarray(
            (self.spending[:, -1, : self._economy.domestic] * margin).sum(axis=1) + squeezed + self._dated_margin
        )

    @property
    def _dated_margin(self) -> FloatArray:
        """What domestic providers earn beyond the base year's margin since a step changed it, (Y + 1, N), or 0."""
        path, economy = "economics.domestic_margin", self._economy
        if path not in self._record.dated:
            return np.zeros(1)
        margin, home = self._record.dated[path], self.providers[: economy.domestic]
        rows = [row for row, name in enumerate(home) if f"providers.{name}.{path}" not in economy.inputs]
        spent = self._record.spending[:, rows].sum(axis=(1, 2))
        return np.concatenate([np.zeros((1, economy.draws)), self.annual(spent * (margin[1:] - margin[0]))])

    @property
    def gain(self) -> FloatArray:
        """Of consumers."""
        return self.by_year(np.zeros_like(self._economy.layer_size), self._record.gain)

    @property
    def quality(self) -> FloatArray:
        """Of domestic offers at the end of each year, (Y + 1, L, N)."""
        start = np.ones_like(self._economy.layer_size)[None]
        return np.concatenate([start, np.exp(self.year_end(self._record.quality))])

    @property
    def markup(self) -> FloatArray:
        """In the last period of each year, (Y + 1, L, P, N)."""
        economy, weights = self._economy, self._economy.shares * self._economy.weights
        values = np.empty((len(self.years) + 1, len(self.layers), len(self.providers), economy.draws))
        by_provider = values.swapaxes(1, 2)
        by_provider[0] = economy.mean_prices(economy.by_layer(weights), weights, economy.base_prices)
        by_provider[1:] = self._record.markup
        return values

    # ---- money

    @cached_property
    def rates(self) -> Rates:
        """Cost structure and taxes."""
        return self._economy.rates(self._record.dated)

    @cached_property
    def streams(self) -> Streams:
        """What foreign providers earn and spend, period by period."""
        return Streams(self._economy, self._record, self._masks, self._step)

    @cached_property
    def value_flow(self) -> FloatArray:
        """Of the foreign providers, (Y, F, N)."""
        return self.annual(self.streams.value)

    def present(self, flow: FloatArray) -> FloatArray:
        """Value at the end of the base year of a flow (T, F, N), (F, N)."""
        return finance.present_value(flow, self.rates.discount_rate, self._step)

    @cached_property
    def npv(self) -> FloatArray:
        """Of the foreign providers without a terminal value, (F, N)."""
        return self.present(self.streams.value)

    @cached_property
    def npv_with_terminal(self) -> FloatArray:
        """The same with one, of what lasts, (F, N)."""
        rates, last = self.rates, self.annual(self.streams.lasting)[-1]
        going = finance.terminal_value(last, rates.discount_rate, rates.terminal_growth, len(self.years))
        return self.npv + going

    @property
    def payback(self) -> FloatArray:
        """Of own sites that are launched, (F, N)."""
        return self._of_launched(finance.payback_years(self.streams.site_cash * self._step, self._step))

    @property
    def irr(self) -> FloatArray:
        """Of own sites that are launched, (F, N)."""
        spent = -self.streams.site_capex * self._step
        flows = finance.half_steps(self.streams.site_cash * self._step - spent, spent, self.streams.site_left)
        return self._of_launched(finance.internal_rate(flows, self._step / 2))

    def _of_launched(self, values: FloatArray) -> FloatArray:
        """Values (F, N), without those of providers that have sites in the base year already."""
        mix = self._economy.mix
        return values if mix is None else np.where(mix.sited[:, None], np.nan, values)

    @property
    def capacity(self) -> FloatArray:
        """Of own sites at the end of each year, (Y, F, N)."""
        return self.year_end(self._record.capacity)

    # ---- dates, categories and the regime

    @property
    def enters(self) -> FloatArray:
        """1 where an own site is launched, (F, N)."""
        return np.isfinite(self._timeline.launched).astype(np.float64)

    @property
    def buys_out(self) -> FloatArray:
        """1 where the partner's operator is bought, (F, N)."""
        return np.isfinite(self._timeline.bought).astype(np.float64)

    @property
    def event_dates(self) -> Mapping[str, FloatArray]:
        """When each event happens, NaN for never."""
        dates = [row.dates for row in event_table(self._timeline, self._scenario)]
        dated = [np.where(np.isfinite(one), one, np.nan) for one in dates]
        return dict(zip(event_names(self._scenario), dated, strict=True))

    @property
    def waits(self) -> Mapping[str, FloatArray]:
        """Years that each foreign provider waited for each thing."""
        timeline = self._timeline
        kinds = {"queue": timeline.queue_wait, "quota": timeline.quota_wait, "site": timeline.site_wait}
        return {f"{name}.{kind}": wait[f] for f, name in enumerate(self.foreign) for kind, wait in kinds.items()}

    def category(self, name: str) -> FloatArray:
        """A drawn category as an index, (1, N)."""
        return self._economy.inputs[name][None]

    @property
    def opened_layer(self) -> str:
        """The layer of the hypotheses on the long run."""
        return self._scenario.opening.layer

    @property
    def premium(self) -> FloatArray:
        """What full control is worth, (N,)."""
        return self._economy.premium

    @property
    def final_tariff(self) -> FloatArray:
        """Tariff equivalent of the regime that is in force at the end of the horizon, (N,)."""
        final, every, economy = self._masks.state[-1], states(self._scenario), self._economy
        tariff = np.zeros(economy.draws)
        if self._record.dated:
            economy = economy.at({path: rows[-1] for path, rows in self._record.dated.items()})
        for state in np.unique(final):
            tariff = np.where(final == state, tariff_equivalent(self._scenario, economy, every[state]), tariff)
        return tariff


OUTCOMES: Final[Mapping[str, Callable[[Accounts], Labelled]]] = {
    "market_size": lambda of: of.by_scope(of.size),
    "market_volume": lambda of: of.by_scope(of.size / of.price),
    "market_expansion": lambda of: of.by_scope(of.size / of.untouched),
    "foreign_share": lambda of: of.by_scope(of.abroad / of.size),
    "market_share": lambda of: of.by_item(of.providers, of.spending / of.size[:, :, None]),
    "revenue_gross": lambda of: of.by_item(
        (*of.providers, "foreign", "domestic"),
        np.concatenate([of.spending, of.abroad[:, :, None], of.home[:, :, None]], axis=2),
    ),
    "revenue_retained": lambda of: of.by_item((*of.foreign, "foreign"), _with_sum(of.retained, axis=2)),
    "owned_revenue": lambda of: of.by_item((*of.foreign, "foreign"), _with_sum(of.owned, axis=2)),
    "cross_border_revenue": lambda of: of.by_item((*of.foreign, "foreign"), _with_sum(of.served, axis=2)),
    "domestic_revenue": lambda of: of.by_scope(of.home),
    "domestic_gross_profit": lambda of: of.single(of.domestic_profit, "total"),
    "consumer_gain": lambda of: of.by_scope(of.gain),
    "domestic_quality": lambda of: of.by_scope(of.quality),
    "markup": lambda of: of.by_item(of.providers, of.markup),
    "operating_profit": lambda of: of.by_foreign(of.annual(of.streams.profit)),
    "incremental_profit": lambda of: of.by_foreign(of.annual(of.streams.incremental)),
    "value_flow": lambda of: of.by_foreign(of.value_flow),
    "cash_flow": lambda of: of.by_foreign(of.annual(of.streams.cash)),
    "capex": lambda of: of.by_foreign(of.annual(of.streams.capex)),
    "capacity": lambda of: of.by_foreign(of.capacity),
    "capital_value": lambda of: of.by_foreign(of.streams.left[None]),
    "operator_profit": lambda of: of.single(of.annual(of.streams.operator_profit), "total"),
    "tax_take": lambda of: of.single(of.annual(of.streams.tax), "total"),
    "npv": lambda of: of.by_foreign(of.npv[None]),
    "npv_with_terminal": lambda of: of.by_foreign(of.npv_with_terminal[None]),
    "npv_of_equity": lambda of: of.by_foreign(of.present(of.streams.equity_value)[None]),
    "payback": lambda of: of.by_firm(of.payback),
    "irr": lambda of: of.by_firm(of.irr),
    "enters": lambda of: of.by_firm(of.enters),
    "buys_out": lambda of: of.by_firm(of.buys_out),
    "event_date": lambda of: of.listed(of.event_dates),
    "wait": lambda of: of.listed(of.waits),
    "opening_hypothesis": lambda of: of.single(of.category("opening.hypothesis")),
    "zone_reading": lambda of: of.single(of.category("zone.reading")),
    "implied_tariff_equivalent": lambda of: of.single(of.final_tariff[None], of.opened_layer),
    "control_premium": lambda of: of.single(of.premium[None], of.opened_layer),
}
"""How each outcome of a run follows from its accounts, in the order in which results hold them."""


def _with_sum(values: FloatArray, axis: int = 1) -> FloatArray:
    """Append the sum over providers, (..., F, ..., N) to (..., F + 1, ..., N)."""
    return np.concatenate([values, values.sum(axis=axis, keepdims=True)], axis=axis)
