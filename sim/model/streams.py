"""What foreign providers earn and spend through both channels, period by period.

A series is made when it is read. What is cheap to make again is not kept: memory bounds how many draws go together.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray
from sim.dates.timeline import Masks
from sim.kernels import channels, finance
from sim.model.economy import Economy
from sim.model.record import Record

__all__ = ["Streams", "net_royalty"]


def net_royalty(record: Record, rates: channels.Rates) -> FloatArray:
    """What providers keep of a unit of their partners' sales, (T + 1, 1 or F, N), the base year first."""
    rate = channels.royalty_rate(channels.operator_idleness(record.growth, rates)[:, None], rates)
    return np.asarray(rate * (1.0 - rates.royalty_withholding - rates.royalty_vat))


class Streams:
    """What both channels bring together, bn/yr by period: (T, F, N), or (T, N) of all operators.

    Equation (27) of docs/model.md.

    Parameters
    ----------
    economy : Economy
    record : Record
    masks : Masks
    step : float
        Years per period.
    """

    def __init__(self, economy: Economy, record: Record, masks: Masks, step: float) -> None:
        rates, sites = economy.rates(record.dated).since(1), record.owned.sum(axis=2)
        gross = record.spending[:, economy.domestic :].sum(axis=2) - sites
        self._abroad = _AbroadStreams(record, rates) if record.abroad.any() else None
        if self._abroad is not None:
            gross = gross - self._abroad.paid
        if economy.mix is not None and not economy.mix.has_partner:
            gross = np.zeros_like(gross)  # what rounding leaves is no sales of anybody's
        self._partner = _PartnerStreams(record, masks, gross, rates, step)
        sited = record.capacity.any()
        self._site = _SiteStreams(record, masks, sites, rates, step) if sited else _NoSiteStreams(sites)

    def _and_abroad(self, values: FloatArray) -> FloatArray:
        """Values of partners and sites with the incremental profit of sales from abroad, which take no capital."""
        return values if self._abroad is None else values + self._abroad.incremental

    @property
    def profit(self) -> FloatArray:
        """After tax, all technology cost charged."""
        profit = self._partner.profit + self._site.profit
        return profit if self._abroad is None else profit + self._abroad.profit

    @property
    def incremental(self) -> FloatArray:
        """After tax, the incremental part of technology cost charged."""
        return self._and_abroad(self._partner.incremental + self._site.incremental)

    @property
    def value(self) -> FloatArray:
        """Incremental profit plus depreciation less the rent of the capital in place."""
        value = self._partner.incremental + self._partner.capital_return + self._site.value
        return self._and_abroad(value)

    @property
    def equity_value(self) -> FloatArray:
        """What equity in operators adds to value."""
        return self._partner.equity_value

    @property
    def lasting(self) -> FloatArray:
        """The value flow without what is paid or lost once: for partners, and sites that are handed over or left."""
        return self.value + self._partner.once + self._site.lost

    @property
    def cash(self) -> FloatArray:
        """Incremental profit plus depreciation less capital spending."""
        partner = self._partner
        cash = partner.incremental + partner.depreciation - partner.capex + self._site.cash
        return self._and_abroad(cash)

    @property
    def site_cash(self) -> FloatArray:
        """The part of it that own sites bring."""
        return self._site.cash

    @property
    def capex(self) -> FloatArray:
        """Capital spending."""
        return self._partner.capex + self._site.capex

    @property
    def site_capex(self) -> FloatArray:
        """The part of it on own sites."""
        return self._site.capex

    @property
    def operator_profit(self) -> FloatArray:
        """Of all operators after tax and what they divide, (T, N)."""
        return self._partner.operator_profit

    @property
    def tax(self) -> FloatArray:
        """Of both channels, (T, N)."""
        tax = self._partner.tax + self._site.tax
        return tax if self._abroad is None else tax + self._abroad.tax

    @property
    def left(self) -> FloatArray:
        """What capital in place still carries at the end of the horizon, (F, N), bn."""
        return self._partner.left + self._site.left

    @property
    def site_left(self) -> FloatArray:
        """The part of it that stands on own sites, (F, N), bn."""
        return self._site.left


def _leaves(record: Record, masks: Masks) -> BoolArray:
    """Who leaves the market in each period of a record, (T, F, N)."""
    return masks.leaves[: len(record.earned), -record.earned.shape[1] :]


class _PartnerStreams:
    """What partners bring and what equity in them costs by period.

    In the partner channel every stream but what markups add is in proportion to gross revenue, (T, F, N), at rates
    (T, 1, N), or (T, F, N) where partners are bought out one by one.
    """

    def __init__(self, record: Record, masks: Masks, gross: FloatArray, rates: channels.Rates, step: float) -> None:
        self._record, self._gross, self._rates, self._step = record, gross, rates, step
        self._leaves = _leaves(record, masks)
        given = record.equity if record.equity.ndim > 2 else record.equity[:, None]
        self._shares = given + record.equity_bought if record.equity_bought.any() else given
        self._equity = self._shares[1:]
        self._idleness = channels.operator_idleness(record.growth, rates)[:, None]
        self._intensity = rates.capital_intensity * self._idleness

    @cached_property
    def _split(self) -> channels.PartnerSplit:
        return channels.split_partner(np.ones_like(self._equity), self._equity, self._idleness[1:], self._rates)

    @property
    def profit(self) -> FloatArray:
        loaded = self._split.net_royalty + self._split.dividend - self._split.technology
        earned = self._record.earned - self._record.owned_earned
        if self._record.abroad_earned.any():
            earned = earned - self._record.abroad_earned
        return self._gross * loaded + earned

    @property
    def incremental(self) -> FloatArray:
        return self.profit + self._gross * channels.saved_technology(self._rates)

    @cached_property
    def _written_off(self) -> FloatArray:
        """Depreciation of the equity's part of the operators' capital, per unit of gross."""
        return self._equity * self._intensity[1:] / self._rates.asset_life

    @cached_property
    def _rent(self) -> FloatArray:
        """Rent of the same."""
        return self._equity * self._intensity[1:] * finance.rent_rate(self._rates.discount_rate, self._rates.asset_life)

    @property
    def depreciation(self) -> FloatArray:
        return self._gross * self._written_off

    @property
    def capital_return(self) -> FloatArray:
        """Depreciation less rent, and less what is paid at once above the worth of bought equity, or lost at once."""
        return self._gross * (self._written_off - self._rent) - self.once

    @property
    def once(self) -> FloatArray | float:
        """What is paid for partners above their worth, or lost with them."""
        paid = 0.0 if self.premium is None else self.premium
        return paid + self.lost if self._leaves.any() else paid

    @property
    def lost(self) -> FloatArray:
        """Of stakes in partners of who leaves, whose capital served a brand that is gone, (T, F, N).

        Equation (40) of docs/model.md.
        """
        rates = self._rates
        worth = finance.stake_left(self._shares, self._capital, self._even_value, rates.discount_rate, self._step)
        return self._leaves * worth

    @cached_property
    def _capital(self) -> FloatArray:
        """The operators' capital in place, the base year's last period first, (T + 1, F, N), bn."""
        return np.concatenate([self._record.opening[None], self._gross]) * self._intensity

    @cached_property
    def premium(self) -> FloatArray | None:
        """What buy-outs cost above the rent value of their capital, (T, F, N); None where nobody buys."""
        bought, price = self._record.equity_bought, self._rates.buy_out_price
        if not bought.any():
            return None
        assert price is not None
        worth = self._even_value * (self._gross * self._intensity[1:])
        return finance.buy_out_premium(bought, self._shares, worth, price, self._step)

    @property
    def equity_value(self) -> FloatArray:
        return self._gross * (self._split.dividend + self._written_off - self._rent) - self.once

    @cached_property
    def _even_value(self) -> FloatArray:
        return finance.even_value(self._rates.discount_rate, self._rates.asset_life)

    @property
    def capex(self) -> FloatArray:
        spent = finance.equity_spending(
            self._shares, self._capital, self._even_value, self._rates.asset_life, self._step
        )
        return spent if self.premium is None else spent + self.premium

    @property
    def operator_profit(self) -> FloatArray:
        """With what is paid for operators above the worth of their capital, which is their owners'."""
        split = self._split
        kept = self._everybody(split.operator_profit - split.dividend - split.dividend_tax)
        return kept if self.premium is None else kept + self.premium.sum(axis=1)

    @property
    def tax(self) -> FloatArray:
        return self._everybody(self._split.royalty_tax + self._split.operator_tax + self._split.dividend_tax)

    def _everybody(self, rate: FloatArray) -> FloatArray:
        """What a rate of gross comes to over all providers, (T, N)."""
        if rate.shape[1] == 1:
            return np.asarray(self._gross.sum(axis=1) * rate[:, 0])
        return np.asarray((self._gross * rate).sum(axis=1))

    @property
    def left(self) -> FloatArray:
        return np.asarray(self._equity[-1] * self._even_value * (self._gross[-1] * self._intensity[-1]))


class _AbroadStreams:
    """What sales from abroad bring by period: no site and no capital of the host's, and a tariff to its treasury."""

    def __init__(self, record: Record, rates: channels.Rates) -> None:
        self.paid, self._record, self._rates = record.abroad.sum(axis=2), record, rates

    @cached_property
    def _split(self) -> channels.AbroadSplit:
        tariff = self._record.tariff[:, None]
        return channels.split_abroad(self.paid, tariff, self._record.abroad_earned, self._rates)

    @property
    def profit(self) -> FloatArray:
        return self._split.profit

    @property
    def incremental(self) -> FloatArray:
        gross = self.paid - self._split.tariff
        return np.asarray(self.profit + gross * channels.saved_technology(self._rates))

    @property
    def tax(self) -> FloatArray:
        return np.asarray(self._split.tariff.sum(axis=1))


class _SiteStreams:
    """What own sites bring and cost by period."""

    def __init__(self, record: Record, masks: Masks, sites: FloatArray, rates: channels.Rates, step: float) -> None:
        self._record, self._masks, self._sites, self._rates, self._step = record, masks, sites, rates, step

    @cached_property
    def _split(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Net profit and depreciation, (T, F, N), and taxes of all, (T, N)."""
        record = self._record
        split = channels.split_owned(self._sites, record.capacity, record.owned_earned, self._rates)
        taxes = (split.royalty_tax + split.profit_tax + split.dividend_tax).sum(axis=1)
        return split.net_profit, split.depreciation, taxes

    @property
    def profit(self) -> FloatArray:
        return self._split[0]

    @property
    def incremental(self) -> FloatArray:
        return self.profit + self._sites * channels.saved_technology(self._rates)

    @property
    def value(self) -> FloatArray:
        rates, (price, rent_due) = self._rates, self._handed_over
        rent = self._record.capacity * (rates.capital * finance.rent_rate(rates.discount_rate, rates.asset_life))
        return self.incremental + self._split[1] - rent + (price - rent_due) / self._step

    @cached_property
    def cash(self) -> FloatArray:
        price, _ = self._handed_over
        return self.incremental + self._split[1] - self.capex + price / self._step

    @property
    def capex(self) -> FloatArray:
        return np.asarray(self._record.bought * (self._rates.capital / self._step))

    @property
    def tax(self) -> FloatArray:
        return self._split[2]

    @cached_property
    def left(self) -> FloatArray:
        _, left = self._carried(np.full(self._sites.shape[1:], len(self._sites)))
        return np.where(self._record.capacity[-1] > 0.0, left, 0.0)

    @cached_property
    def _handed_over(self) -> tuple[FloatArray, FloatArray]:
        """Money paid for sites that are handed over, and the rent that their tranches still bear; (T, F, N), bn."""
        record, rates = self._record, self._rates
        sold = self._masks.transfer[: len(record.bought)]
        handed = sold | self._given_up
        if not handed.any():
            nothing = np.zeros_like(record.bought[:1])
            return nothing, nothing
        book, rent = self._carried(handed.argmax(axis=0))
        # The rent left is due at the period's start, and flows are paid in its middle.
        later = np.exp(np.log1p(rates.discount_rate) * (self._step / 2))
        return np.where(sold, rates.transfer_price * book, 0.0), np.where(handed, rent * later, 0.0)

    @property
    def _given_up(self) -> BoolArray:
        """The period in which a provider leaves a site behind, for which nobody pays, (T, F, N).

        Equation (40) of docs/model.md.
        """
        leaves = _leaves(self._record, self._masks)
        before = np.concatenate([self._record.past.sum(axis=0)[None], self._record.capacity[:-1]])
        return np.asarray(leaves & (before > 0.0))

    @property
    def lost(self) -> FloatArray:
        """What is lost at once of sites that are handed over or left, less what is paid for them, (T, F, N)."""
        price, rent_due = self._handed_over
        return (rent_due - price) / self._step

    def _carried(self, until: IntArray) -> tuple[FloatArray, FloatArray]:
        """What tranches are worth at the start of a period (F, N), at book and by rent; bn."""
        rates, record = self._rates, self._record
        bought = np.concatenate([record.past, record.bought]) if len(record.past) else record.bought
        until = until + len(record.past)
        book, rent = finance.carried(bought, until, self._step, rates.discount_rate, rates.asset_life)
        return rates.capital * book, rates.capital * rent


class _NoSiteStreams:
    """The same where nobody has a site: nothing."""

    def __init__(self, sites: FloatArray) -> None:
        self.profit = self.incremental = self.value = self.cash = self.capex = self.lost = np.zeros_like(sites)
        self.tax, self.left = self.profit[:, 0], self.profit[0]
