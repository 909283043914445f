"""From what happened in each period to the outcomes that are reported: years, scopes, parties and money."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.axes import FloatArray, IntArray
from sim.dates.timeline import Masks, Timeline, event_table
from sim.errors import SimError
from sim.kernels import channels, finance
from sim.model.economy import Economy
from sim.model.entry import tariff_equivalent
from sim.outcomes.results import VARIABLES, Panel
from sim.scenario.policy import states
from sim.scenario.scenario import Scenario

__all__ = ["Record", "net_royalty", "outcomes"]

Column = tuple[tuple[str, str], FloatArray]
"""(scope, item), and its values (Y, N)."""


@dataclass(frozen=True)
class Record:
    """What the loop over periods leaves.

    Attributes
    ----------
    spending : (T, P, L, N)
        With each provider over all channels, USD bn/yr.
    owned : (T, F, L, N)
        The part of it on owned sites.
    size : (T, L, N)
        Market size without opening, USD bn/yr.
    growth : (T + 1, N)
        Trend log growth of the total per year, the base year's first.
    gain : (T, L, N)
        Consumer gain, USD bn/yr.
    quality : (T, L, N)
        Log of domestic quality.
    capacity, bought : (T, F, N)
        Of owned sites, USD bn/yr: at the period's end; what of it arrived in the period.
    home_earned : (T, N)
    earned, owned_earned : (T, F, N)
        What markups other than the base year's add to the profits of all domestic providers and of each foreign one,
        and the part of it on own sites; USD bn/yr.
    markup : (Y, P, L, N)
        Spending-weighted, in the last period of each year.
    equity : (T + 1, N)
        Foreign equity in operators, the start's first.
    opening : (F, N)
        Gross revenue of foreign providers in the base year's last period, USD bn/yr.
    """

    spending: FloatArray
    owned: FloatArray
    size: FloatArray
    growth: FloatArray
    gain: FloatArray
    quality: FloatArray
    capacity: FloatArray
    bought: FloatArray
    home_earned: FloatArray
    earned: FloatArray
    owned_earned: FloatArray
    markup: FloatArray
    equity: FloatArray
    opening: FloatArray


@dataclass(frozen=True)
class _Labels:
    """Labels of a scenario's outcomes."""

    years: tuple[int, ...]
    scopes: tuple[str, ...]
    layers: tuple[str, ...]
    providers: tuple[str, ...]
    domestic: int

    @property
    def foreign(self) -> tuple[str, ...]:
        return self.providers[self.domestic :]


def outcomes(
    scenario: Scenario, economy: Economy, record: Record, timeline: Timeline, masks: Masks
) -> dict[str, Panel]:
    """Every outcome of a block of draws, by variable.

    Parameters
    ----------
    scenario : Scenario
    economy : Economy
    record : Record
    timeline : Timeline
    masks : Masks

    Returns
    -------
    dict of str to Panel
        Median cases are left at zero.

    Raises
    ------
    SimError
        What is declared is not computed, or the other way round.
    """
    horizon = scenario.horizon
    labels = _Labels(
        tuple(range(horizon.base_year + 1, horizon.end_year + 1)),
        (*economy.layers, "total"),
        economy.layers,
        economy.providers,
        economy.domestic,
    )
    step = horizon.period_months / 12
    panels = [
        *_market(economy, record, labels),
        *_money(economy, record, masks, labels, step),
        *_events(scenario, economy, timeline, masks, labels),
    ]
    found = {panel.variable: panel for panel in panels}
    for name, info in VARIABLES.items():
        if name not in found and info.summary != "comparison":
            raise SimError(f"the outcome {name} is declared in outcomes/variables.py, but not computed")
    return found


def _panel(variable: str, years: tuple[int, ...], columns: Iterable[Column]) -> Panel:
    items, values = zip(*columns, strict=True)
    return _filled(variable, years, items, np.stack(values, axis=1))


def _filled(variable: str, years: tuple[int, ...], items: tuple[tuple[str, str], ...], values: FloatArray) -> Panel:
    """A panel from values (Y, items, N)."""
    if variable not in VARIABLES:
        raise SimError(f"the outcome {variable} is computed, but not declared in outcomes/variables.py")
    return Panel(variable, VARIABLES[variable].unit, years, items, values, np.zeros(values.shape[:2]))


def _annual(values: FloatArray, years: int) -> FloatArray:
    """Mean over the periods of each year, (T, ...) to (Y, ...)."""
    return np.asarray(values.reshape(years, -1, *values.shape[1:]).mean(axis=1))


def _yearly(base: FloatArray, values: FloatArray, years: int) -> FloatArray:
    """Base year and yearly means by scope, the total last: (..., L, N) and (T, ..., L, N) to (Y + 1, L + 1, ..., N)."""
    out = np.empty((years + 1, base.shape[-2] + 1, *base.shape[:-2], base.shape[-1]))
    out[0, :-1] = np.moveaxis(base, -2, 0)
    periods = values.reshape(years, -1, *values.shape[1:])
    for layer in range(base.shape[-2]):
        np.mean(periods[..., layer, :], axis=1, out=out[1:, layer])
    np.sum(out[:, :-1], axis=1, out=out[:, -1])
    return out


def _market(economy: Economy, record: Record, labels: _Labels) -> Iterable[Panel]:
    count, domestic = len(labels.years), labels.domestic
    years = (labels.years[0] - 1, *labels.years)
    base = economy.layer_shares * economy.layer_size
    spending = _yearly(base, record.spending, count)
    owned = _yearly(np.zeros_like(base[domestic:]), record.owned, count)
    size = spending.sum(axis=2)
    untouched = _yearly(economy.layer_size, record.size, count)
    home, abroad = spending[:, :, :domestic].sum(axis=2), spending[:, :, domestic:].sum(axis=2)
    rates = economy.rates()
    with_partner = record.spending[:, domestic:] - record.owned
    net = net_royalty(record, rates)
    royalties = _yearly(base[domestic:] * net[0], with_partner * net[1:, None, None], count)
    retained = royalties + owned
    yield _scoped("market_size", years, labels, size)
    yield _scoped("market_expansion", years, labels, size / untouched)
    yield _scoped("foreign_share", years, labels, abroad / size)
    yield _itemised("market_share", years, labels, labels.providers, spending / size[:, :, None])
    gross = np.concatenate([spending, abroad[:, :, None], home[:, :, None]], axis=2)
    yield _itemised("revenue_gross", years, labels, (*labels.providers, "foreign", "domestic"), gross)
    yield _itemised("revenue_retained", years, labels, (*labels.foreign, "foreign"), _with_sum(retained, axis=2))
    yield _itemised("owned_revenue", years, labels, (*labels.foreign, "foreign"), _with_sum(owned, axis=2))
    yield _scoped("domestic_revenue", years, labels, home)
    squeezed = np.concatenate([np.zeros((1, economy.draws)), _annual(record.home_earned, count)])
    yield _panel("domestic_gross_profit", years, [(("total", ""), home[:, -1] * rates.domestic_margin + squeezed)])
    yield _scoped("consumer_gain", years, labels, _yearly(np.zeros_like(economy.layer_size), record.gain, count))
    quality = np.concatenate([np.ones_like(economy.layer_size)[None], np.exp(_year_end(record.quality, count))])
    yield _filled("domestic_quality", years, tuple((layer, "") for layer in labels.layers), quality)
    yield _markups(economy, record, labels, years)


def net_royalty(record: Record, rates: channels.Rates) -> FloatArray:
    """What a provider keeps of a unit of its partner's sales, (T + 1, N), the base year first."""
    rate = channels.royalty_rate(channels.operator_idleness(record.growth, rates), rates)
    return np.asarray(rate * (1.0 - rates.royalty_withholding - rates.royalty_vat))


def _year_end(values: FloatArray, years: int) -> FloatArray:
    """The last period of each year, (T, ...) to (Y, ...)."""
    return values[len(values) // years - 1 :: len(values) // years]


def _with_sum(values: FloatArray, axis: int = 1) -> FloatArray:
    """Append the sum over providers, (..., F, ..., N) to (..., F + 1, ..., N)."""
    return np.concatenate([values, values.sum(axis=axis, keepdims=True)], axis=axis)


def _scoped(variable: str, years: tuple[int, ...], labels: _Labels, values: FloatArray) -> Panel:
    """A panel from values (Y, scopes, N)."""
    return _filled(variable, years, tuple((scope, "") for scope in labels.scopes), values)


def _itemised(
    variable: str, years: tuple[int, ...], labels: _Labels, items: tuple[str, ...], values: FloatArray
) -> Panel:
    """A panel from values (Y, scopes, items, N), of all scopes or of the layers alone."""
    columns = tuple((scope, item) for scope in labels.scopes[: values.shape[1]] for item in items)
    return _filled(variable, years, columns, values.reshape(len(values), len(columns), -1))


def _markups(economy: Economy, record: Record, labels: _Labels, years: tuple[int, ...]) -> Panel:
    weights = economy.shares * economy.weights
    values = np.empty((len(years), len(labels.layers), len(labels.providers), economy.draws))
    by_provider = values.swapaxes(1, 2)
    by_provider[0] = economy.mean_prices(economy.by_layer(weights), weights, economy.base_prices)
    by_provider[1:] = record.markup
    return _itemised("markup", years, labels, labels.providers, values)


@dataclass(frozen=True)
class _Streams:
    """Streams of the foreign providers' accounts by period, (T, F, N) or (T, N), USD bn/yr.

    `left` is what capital in place still carries at the end of the horizon, (F, N), USD bn: own tranches, and the
    part of it that stands on own sites.
    """

    profit: FloatArray
    incremental: FloatArray
    value: FloatArray
    equity_value: FloatArray
    cash: FloatArray
    site_cash: FloatArray
    site_capex: FloatArray
    capex: FloatArray
    operator_profit: FloatArray
    tax: FloatArray
    site_left: FloatArray
    left: FloatArray


def _streams(economy: Economy, record: Record, masks: Masks, step: float) -> _Streams:
    """What both channels bring together.

    Equation (27) of docs/model.md.
    """
    rates, sites = economy.rates(), record.owned.sum(axis=2)
    gross = record.spending[:, economy.domestic :].sum(axis=2) - sites
    partner = _partner_streams(record, gross, rates, step)
    site = _site_streams(record, masks, sites, rates, step)
    return _Streams(
        profit=partner.profit + site.profit,
        incremental=partner.incremental + site.incremental,
        value=partner.incremental + partner.capital_return + site.value,
        equity_value=partner.equity_value,
        cash=partner.incremental + partner.depreciation - partner.capex + site.cash,
        site_cash=site.cash,
        site_capex=site.capex,
        capex=partner.capex + site.capex,
        operator_profit=partner.operator_profit,
        tax=partner.tax + site.tax,
        site_left=site.left,
        left=partner.left + site.left,
    )


class _PartnerStreams(NamedTuple):
    """What partners bring and what equity in them costs by period, (T, F, N), USD bn/yr.

    `capital_return` is depreciation less rent of the equity's part of the operators' capital, `equity_value` what
    that equity adds to value, `left` (F, N) what it is worth at the end; `operator_profit` and `tax` are (T, N).
    """

    profit: FloatArray
    incremental: FloatArray
    depreciation: FloatArray
    capital_return: FloatArray
    equity_value: FloatArray
    capex: FloatArray
    operator_profit: FloatArray
    tax: FloatArray
    left: FloatArray


def _partner_streams(record: Record, gross: FloatArray, rates: channels.Rates, step: float) -> _PartnerStreams:
    """In the partner channel every stream but what markups add is in proportion to gross revenue."""
    equity, everybody = record.equity[1:], gross.sum(axis=1)
    idleness = channels.operator_idleness(record.growth, rates)
    split = channels.split_partner(np.ones_like(equity), equity, idleness[1:], rates)
    loaded = split.net_royalty + split.dividend - split.technology
    profit = gross * loaded[:, None] + (record.earned - record.owned_earned)
    intensity = rates.capital_intensity * idleness
    depreciation = equity * intensity[1:] / rates.asset_life
    rent = equity * intensity[1:] * finance.rent_rate(rates.discount_rate, rates.asset_life)
    capital = np.concatenate([record.opening[None], gross]) * intensity[:, None]
    even = finance.even_value(rates.discount_rate, rates.asset_life)
    return _PartnerStreams(
        profit=profit,
        incremental=profit + gross * channels.saved_technology(rates),
        depreciation=gross * depreciation[:, None],
        capital_return=gross * (depreciation - rent)[:, None],
        equity_value=gross * (split.dividend + depreciation - rent)[:, None],
        capex=finance.equity_spending(record.equity, capital, even, rates.asset_life, step),
        operator_profit=everybody * (split.operator_profit - split.dividend - split.dividend_tax),
        tax=everybody * (split.royalty_tax + split.operator_tax + split.dividend_tax),
        left=equity[-1] * even * capital[-1],
    )


class _SiteStreams(NamedTuple):
    """What own sites bring and cost by period, (T, F, N), and their taxes, (T, N), USD bn/yr; `left` (F, N) USD bn."""

    profit: FloatArray
    incremental: FloatArray
    value: FloatArray
    cash: FloatArray
    capex: FloatArray
    tax: FloatArray
    left: FloatArray


def _site_streams(record: Record, masks: Masks, sites: FloatArray, rates: channels.Rates, step: float) -> _SiteStreams:
    if not record.bought.any():
        nothing = np.zeros_like(sites)
        return _SiteStreams(nothing, nothing, nothing, nothing, nothing, nothing[:, 0], nothing[0])
    owned = channels.split_owned(sites, record.capacity, record.owned_earned, rates)
    capex = record.bought * (rates.capital / step)
    rent = record.capacity * (rates.capital * finance.rent_rate(rates.discount_rate, rates.asset_life))
    incremental = owned.net_profit + sites * channels.saved_technology(rates)
    price, rent_due = _handed_over(record, masks, rates, step)
    _, left = _carried(record, np.full(sites.shape[1:], len(sites)), rates, step)
    return _SiteStreams(
        profit=owned.net_profit,
        incremental=incremental,
        value=incremental + owned.depreciation - rent + (price - rent_due) / step,
        cash=incremental + owned.depreciation - capex + price / step,
        capex=capex,
        tax=(owned.royalty_tax + owned.profit_tax + owned.dividend_tax).sum(axis=1),
        left=np.where(record.capacity[-1] > 0.0, left, 0.0),
    )


def _carried(record: Record, until: IntArray, rates: channels.Rates, step: float) -> tuple[FloatArray, FloatArray]:
    """What the tranches of sites are worth at the start of a period (F, N), at book and by rent; USD bn."""
    book, rent = finance.carried(record.bought, until, step, rates.discount_rate, rates.asset_life)
    return rates.capital * book, rates.capital * rent


def _handed_over(record: Record, masks: Masks, rates: channels.Rates, step: float) -> tuple[FloatArray, FloatArray]:
    """Money paid for sites that are handed over, and the rent that their tranches still bear; (T, F, N), USD bn."""
    handed = masks.transfer[: len(record.bought)]
    if not handed.any():
        return np.zeros_like(record.bought), np.zeros_like(record.bought)
    book, rent = _carried(record, handed.argmax(axis=0), rates, step)
    # The rent left is due at the period's start, and flows are paid in its middle.
    later = np.exp(np.log1p(rates.discount_rate) * (step / 2))
    return np.where(handed, rates.transfer_price * book, 0.0), np.where(handed, rent * later, 0.0)


def _money(economy: Economy, record: Record, masks: Masks, labels: _Labels, step: float) -> Iterable[Panel]:
    streams, count, rates = _streams(economy, record, masks, step), len(labels.years), economy.rates()
    annual = {
        "operating_profit": _annual(streams.profit, count),
        "incremental_profit": _annual(streams.incremental, count),
        "value_flow": _annual(streams.value, count),
        "cash_flow": _annual(streams.cash, count),
        "capex": _annual(streams.capex, count),
        "capacity": _year_end(record.capacity, count),
    }
    for variable, values in annual.items():
        yield _grouped(variable, labels.years, labels, values)
    last = labels.years[-1:]
    yield _grouped("capital_value", last, labels, streams.left[None])
    yield _panel("operator_profit", labels.years, [(("total", ""), _annual(streams.operator_profit, count))])
    yield _panel("tax_take", labels.years, [(("total", ""), _annual(streams.tax, count))])
    present = finance.present_value(streams.value, rates.discount_rate, step)
    going = finance.terminal_value(annual["value_flow"][-1], rates.discount_rate, rates.terminal_growth, count)
    yield _grouped("npv", last, labels, present[None])
    yield _grouped("npv_with_terminal", last, labels, (present + going)[None])
    of_equity = finance.present_value(streams.equity_value, rates.discount_rate, step)
    yield _grouped("npv_of_equity", last, labels, of_equity[None])
    yield _plain("payback", last, labels, finance.payback_years(streams.site_cash * step, step))
    spent = -streams.site_capex * step
    flows = finance.half_steps(streams.site_cash * step - spent, spent, streams.site_left)
    yield _plain("irr", last, labels, finance.internal_rate(flows, step / 2))


def _grouped(variable: str, years: tuple[int, ...], labels: _Labels, values: FloatArray) -> Panel:
    """A panel of the foreign providers and their sum, from (Y, F, N)."""
    items = tuple(("total", item) for item in (*labels.foreign, "foreign"))
    return _filled(variable, years, items, _with_sum(values))


def _plain(variable: str, years: tuple[int, ...], labels: _Labels, values: FloatArray) -> Panel:
    """A panel of the foreign providers without a sum, from (F, N)."""
    return _filled(variable, years, tuple(("total", item) for item in labels.foreign), values[None])


def _events(scenario: Scenario, economy: Economy, timeline: Timeline, masks: Masks, labels: _Labels) -> Iterable[Panel]:
    last = labels.years[-1:]
    yield _plain("enters", last, labels, np.isfinite(timeline.launched).astype(np.float64))
    dates: list[Column] = []
    for row in event_table(timeline, scenario):
        item = row.event if row.actor == "policy" else f"{row.actor}.{row.event}"
        dates.append((("", item), np.where(np.isfinite(row.dates), row.dates, np.nan)[None]))
    yield _panel("event_date", last, dates)
    waits = {"queue": timeline.queue_wait, "quota": timeline.quota_wait, "site": timeline.site_wait}
    yield _panel(
        "wait",
        last,
        [
            (("", f"{name}.{kind}"), wait[f][None])
            for f, name in enumerate(labels.foreign)
            for kind, wait in waits.items()
        ],
    )
    yield _panel("opening_hypothesis", last, [(("", ""), economy.inputs["opening.hypothesis"][None])])
    yield _panel("zone_reading", last, [(("", ""), economy.inputs["zone.reading"][None])])
    tariff = _final_tariff(scenario, economy, masks)
    yield _panel("implied_tariff_equivalent", last, [((scenario.opening.layer, ""), tariff[None])])


def _final_tariff(scenario: Scenario, economy: Economy, masks: Masks) -> FloatArray:
    """Tariff equivalent of the regime that is in force at the end of the horizon, (N,)."""
    final, found = masks.state[-1], states(scenario)
    tariff = np.zeros(economy.draws)
    for state in np.unique(final):
        tariff = np.where(final == state, tariff_equivalent(scenario, economy, found[state]), tariff)
    return tariff
