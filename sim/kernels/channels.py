"""Who gets what of a unit of gross revenue in each channel, and what a site must earn for a provider to build."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from sim.axes import FloatArray
from sim.kernels.finance import even_value, rent_rate

__all__ = [
    "AbroadSplit",
    "OwnedSplit",
    "PartnerSplit",
    "Rates",
    "buy_out_charge",
    "channel_values",
    "entry_margin",
    "operator_idleness",
    "royalty_rate",
    "saved_technology",
    "split_abroad",
    "split_owned",
    "split_partner",
]

_DATED = 3  # axes of a rate that has one of time


@dataclass(frozen=True)
class Rates:
    """Cost structure and taxes; parts of gross revenue or of the base that the tax falls on.

    Each (N,), or (F, N) where a foreign provider has its own: then whatever it goes into has providers before draws.
    Utilization and growth of the firms that costs are measured on, taxes and transfer price are everybody's. What a
    step changes is (T, 1 or F, N). Cost of technology was measured beside `measured_site_cost`, which is `site_cost`
    unless a step has changed that.
    """

    site_cost: FloatArray
    operator_margin: FloatArray
    provider_margin: FloatArray
    incremental: FloatArray
    technology_royalty: FloatArray
    capital_intensity: FloatArray
    asset_life: FloatArray
    utilization: FloatArray
    reference_growth: FloatArray
    royalty_withholding: FloatArray
    royalty_vat: FloatArray
    profit_tax: FloatArray
    dividend_withholding: FloatArray
    domestic_margin: FloatArray
    discount_rate: FloatArray
    terminal_growth: FloatArray
    transfer_price: FloatArray
    ordered: FloatArray | float = 1.0
    buy_out_price: FloatArray | None = None
    measured_site_cost: FloatArray | None = None

    def since(self, period: int) -> Rates:
        """The same from a period on, counted from the first that they have."""
        rates = {field.name: getattr(self, field.name) for field in fields(self)}
        return Rates(**{name: rate if np.ndim(rate) < _DATED else rate[period:] for name, rate in rates.items()})

    def of(self, provider: int) -> Rates:
        """Those of one foreign provider, (N,) each."""
        stated = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: rate[provider] for name, rate in stated.items() if np.ndim(rate) > 1})

    @property
    def technology(self) -> FloatArray:
        """Technology, support and selling cost, the same in both channels."""
        beside = self.site_cost if self.measured_site_cost is None else self.measured_site_cost
        return np.asarray(1.0 - beside - self.provider_margin)

    @property
    def capital(self) -> FloatArray:
        """Capital per unit of capacity: intensity is measured on firms that sell a part `utilization` of theirs."""
        return np.asarray(self.utilization * self.capital_intensity)

    @property
    def depreciation(self) -> FloatArray:
        """Per year and unit of sales at the reference utilization."""
        return np.asarray(self.capital_intensity / self.asset_life)


@dataclass(frozen=True)
class PartnerSplit:
    """Streams of a partner channel, each the shape of its gross revenue; bn/yr.

    `net_royalty`, `royalty_tax`, `site_cost`, `operator_profit` (after tax, before it is divided) and
    `operator_tax` sum to gross. Of the operator's profit `dividend` goes to the provider, net of
    `dividend_tax`; technology cost comes out of the royalty.
    """

    net_royalty: FloatArray
    royalty_tax: FloatArray
    site_cost: FloatArray
    operator_profit: FloatArray
    operator_tax: FloatArray
    dividend: FloatArray
    dividend_tax: FloatArray
    technology: FloatArray


def operator_idleness(growth: FloatArray, rates: Rates) -> FloatArray:
    """Capacity per unit of an operator's sales over what firms that grow at the reference rate have.

    Equation (23) of docs/model.md.

    An operator plans as they do, so that it is fuller where growth is slower: u = (u_ref k)^(g / ln(1 + g_ref)) / k,
    with k what it orders over what it expects to be used.

    Parameters
    ----------
    growth : (..., N)
        Trend log growth of the total market per year; a falling market has that of a constant one.
    rates : Rates

    Returns
    -------
    (..., N)
        u_ref / u.
    """
    part = np.maximum(growth, 0.0) / np.log1p(rates.reference_growth)
    return np.asarray((rates.utilization * rates.ordered) ** (1.0 - part))


def royalty_rate(idleness: FloatArray, rates: Rates) -> FloatArray:
    """What the operator passes on of gross, (..., N): all but the cost of its site and its own margin.

    Equation (23) of docs/model.md.
    """
    return np.asarray(1.0 - _operator_site_cost(idleness, rates) - rates.operator_margin)


def _operator_site_cost(idleness: FloatArray, rates: Rates) -> FloatArray:
    return np.asarray(rates.site_cost + (idleness - 1.0) * rates.depreciation)


def split_partner(gross: FloatArray, equity: FloatArray, idleness: FloatArray, rates: Rates) -> PartnerSplit:
    """Divide gross revenue of the partner channel, (..., N).

    Equation (23) of docs/model.md.

    Parameters
    ----------
    gross : (..., N)
    equity : (..., N)
        Foreign share in the operator.
    idleness : (..., N)
        From `operator_idleness`; 1 at the reference.
    rates : Rates
    """
    royalty = gross * royalty_rate(idleness, rates)
    before_tax = gross * rates.operator_margin
    operator_profit = before_tax * (1.0 - rates.profit_tax)
    claim = equity * operator_profit
    return PartnerSplit(
        net_royalty=royalty * (1.0 - rates.royalty_withholding - rates.royalty_vat),
        royalty_tax=royalty * (rates.royalty_withholding + rates.royalty_vat),
        site_cost=gross * _operator_site_cost(idleness, rates),
        operator_profit=operator_profit,
        operator_tax=before_tax * rates.profit_tax,
        dividend=claim * (1.0 - rates.dividend_withholding),
        dividend_tax=claim * rates.dividend_withholding,
        technology=gross * rates.technology,
    )


@dataclass(frozen=True)
class OwnedSplit:
    """Streams of an owned channel, each the shape of its gross revenue; bn/yr.

    `site_cost` (with depreciation, also of idle capacity), `technology`, `royalty_tax`, `profit_tax`, `dividend_tax`
    and `net_profit` sum to gross; `depreciation` is inside `site_cost`. A part of technology cost crosses the border
    as a royalty, on which tax is withheld; its VAT is credited.
    """

    site_cost: FloatArray
    technology: FloatArray
    royalty_tax: FloatArray
    profit_tax: FloatArray
    dividend_tax: FloatArray
    net_profit: FloatArray
    depreciation: FloatArray


def split_owned(gross: FloatArray, capacity: FloatArray, earned: FloatArray, rates: Rates) -> OwnedSplit:
    """Divide gross revenue of an owned site; no loss is carried forward.

    Equation (24) of docs/model.md.

    Parameters
    ----------
    gross, capacity : (..., N)
        bn/yr.
    earned : (..., N)
        What markups other than the base year's add: so much less of gross is the cost of technology.
    rates : Rates
    """
    depreciation = capacity * (rates.capital / rates.asset_life)
    site_cost = gross * (rates.site_cost - rates.depreciation) + depreciation
    technology = gross * rates.technology - earned
    royalty_tax = gross * (rates.technology * rates.technology_royalty * rates.royalty_withholding)
    before_tax = gross - site_cost - technology
    profit_tax = rates.profit_tax * np.maximum(before_tax, 0.0)
    dividend_tax = rates.dividend_withholding * np.maximum(before_tax - profit_tax, 0.0)
    net_profit = before_tax - profit_tax - dividend_tax - royalty_tax
    return OwnedSplit(site_cost, technology, royalty_tax, profit_tax, dividend_tax, net_profit, depreciation)


@dataclass(frozen=True)
class AbroadSplit:
    """Streams of sales from abroad, each the shape of what customers pay; bn/yr.

    `tariff`, `cost` and `profit` sum to what is paid. No tax of the host falls on the profit; that at home is ignored.
    """

    tariff: FloatArray
    cost: FloatArray
    profit: FloatArray


def split_abroad(paid: FloatArray, tariff: FloatArray, earned: FloatArray, rates: Rates) -> AbroadSplit:
    """Divide what customers pay for what is sold from abroad.

    Equation (34) of docs/model.md.

    Parameters
    ----------
    paid : (..., N)
        With the tariff, bn/yr.
    tariff : (..., N)
        On the producer's price.
    earned : (..., N)
        What markups other than the base year's add, of what is paid.
    rates : Rates
    """
    gross = paid / (1.0 + tariff)
    profit = gross * rates.provider_margin + earned / (1.0 + tariff)
    return AbroadSplit(paid - gross, gross - profit, profit)


def saved_technology(rates: Rates) -> FloatArray:
    """Technology cost per unit of gross that is there already, at base margins; (N,)."""
    return np.asarray((1.0 - rates.incremental) * rates.technology)


def channel_values(
    equity: FloatArray,
    hazard: FloatArray,
    hurdle: FloatArray | float,
    earned: tuple[FloatArray, FloatArray],
    rates: Rates,
) -> tuple[FloatArray, FloatArray]:
    """Yearly worth of a unit of gross on an own site and with a partner, capital charged, at the reference utilization.

    Equation (29) of docs/model.md.

    pi + K/life - h K c on the site, and pi + e (K/life - K c) with the partner: pi the after-tax profit at incremental
    technology cost, K the capital per unit of gross, c its rent, e the equity in the operator.

    Parameters
    ----------
    equity : (N,)
        Foreign share in the operator.
    hazard : (N,)
        Rate per year at which the permission is lost; added to the discount rate.
    hurdle : (N,) or number
        Multiple of sunk capital that must be earned; above 1 it is the option value of waiting.
    earned : pair of (N,)
        What markups add to the margin, on the site and with the partner.
    rates : Rates

    Returns
    -------
    owned, partner : (N,)
    """
    one = np.ones_like(rates.site_cost)
    rent = rates.capital_intensity * rent_rate(rates.discount_rate + hazard, rates.asset_life)
    site = split_owned(one, one / rates.utilization, earned[0], rates)
    split = split_partner(one, equity, one, rates)
    saved = saved_technology(rates)
    owned = site.net_profit + saved + rates.depreciation - hurdle * rent
    partner = split.net_royalty + split.dividend - split.technology + earned[1] + saved
    return owned, partner + equity * (rates.depreciation - rent)


def buy_out_charge(
    more: FloatArray, hurdle: FloatArray, price: FloatArray, hazard: FloatArray, rates: Rates
) -> FloatArray:
    """What buying equity costs a year beyond the rent of its capital, per unit of a partner's gross, (N,).

    Equation (37) of docs/model.md.

    The price is paid once, for sales that go on to grow as after the last year; rent is paid on what they need then.

    Parameters
    ----------
    more : (N,)
        Equity that is bought.
    hurdle : (N,)
        Multiple of sunk capital that must be earned.
    price : (N,)
        Multiple of the rent value of the capital.
    hazard : (N,)
        Rate per year at which it is lost; added to the discount rate.
    rates : Rates
    """
    rate = rates.discount_rate + hazard
    rent = rates.capital_intensity * rent_rate(rate, rates.asset_life)
    above = (price - 1.0) * rates.capital_intensity * even_value(rates.discount_rate, rates.asset_life)
    yearly = np.log1p(rate) - np.log1p(rates.terminal_growth)
    return np.asarray(more * ((hurdle - 1.0) * rent + hurdle * above * yearly))


def entry_margin(
    gain: FloatArray,
    equity: FloatArray,
    hazard: FloatArray,
    hurdle: FloatArray,
    earned: tuple[FloatArray, FloatArray],
    rates: Rates,
) -> FloatArray:
    """Value per unit of partner revenue from building, less what is given up; a provider builds if it is not negative.

    Equation (29) of docs/model.md.

    m (pi_owned + K/life - h K c) - pi_partner, from `channel_values`.

    Parameters
    ----------
    gain : (N,)
        m, static share with the owned offer over that without it.
    equity, hazard, hurdle, earned, rates
        As in `channel_values`.

    Returns
    -------
    (N,)

    References
    ----------
    Dixit & Pindyck (1994), ch. 5: the hurdle scales the whole sunk investment.
    """
    owned, partner = channel_values(equity, hazard, hurdle, earned, rates)
    return np.asarray(gain * owned - partner)
