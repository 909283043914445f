"""Section 6 of the model: who gets what, what it is worth, and the outcomes of one draw by variable, scope and item."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import brentq

from reference.case import Case, Mask, Vector
from reference.market import Market, mean_price
from reference.rates import Rates

__all__ = ["outcomes"]

Outcomes = dict[str, dict[tuple[str, str], Vector]]
"""Variable, then (scope, item), then one number a year."""


class Accounts:
    """All channels of every provider by period, USD bn/yr, [t, p]; of domestic ones they mean nothing."""

    def __init__(self, case: Case, market: Market) -> None:
        self.case, self.before, self.bought, record = case, Rates(case), market.bought, market.record
        self.past, self.capacity, self.site = market.past, record["capacity"], record["owned"].sum(axis=1)
        self.paid, self.site_earned = record["abroad"].sum(axis=1), record["owned_earned"]
        self.gross = record["spending"].sum(axis=1) - self.site - self.paid
        self.earned = record["earned"] - self.site_earned - record["abroad_earned"]
        self.abroad_earned, self.split = record["abroad_earned"], _split(case, market)
        self.first = (market.path.size[0][:, None] * market.base.layer_share * self.split[0]).sum(axis=0)
        self.idle = self.before.idleness(market.path.total_trend[:, None])
        self.spans = [case.period(t) for t in range(case.periods)]
        self.rates = Rates(case, *self.spans)
        self.tariff = np.array([case.tariff(*span) for span in self.spans])[:, None]
        self.leaves = np.array([_leaves(case, t) for t in range(case.periods)])
        given = np.array([case.phases[0].equity, *(case.mean("equity", *span) for span in self.spans)])
        self.stakes = np.vstack([0.0 * given[0], [self._stake(*span) for span in self.spans]])  # that are bought
        self.equity = given + self.stakes
        self._partner()
        self._owned()
        self._abroad()

    def _stake(self, begin: float, end: float) -> Vector:
        """Equity beyond what partners give: up to the caps up to which a provider would buy, and not given back."""
        case, held, extra = self.case, np.zeros(len(self.case.providers)), np.zeros(len(self.case.providers))
        for phase in case.phases:
            held = np.maximum(held, phase.buys * (phase.equity_cap or 0.0))
            days = np.maximum(np.minimum(end, phase.end) - np.maximum(np.maximum(begin, phase.start), case.bought), 0.0)
            extra += np.maximum(held - phase.equity, 0.0) * days
        return extra / (end - begin)

    def _partner(self) -> None:
        """The partner channel: royalty, equity's part of the operator's profit, its capital as rent and as lumps."""
        r, step, gross = self.rates, self.case.step, self.gross
        idle, share, before = self.idle[1:], self.equity[1:], self.equity[:-1]
        loaded, dividend, operator, taxes = r.partner(idle, share)
        self.profit = gross * loaded + self.earned
        self.incremental = self.profit + gross * r.saved
        capital = self.before.intensity * self.idle * np.vstack([self.first, gross])
        place = capital[1:]
        # The operator's capital served a brand that is gone: the stake's part of its rent value is lost at once.
        lost = self.leaves * before * r.even * capital[:-1] * (1.0 + r.wacc) ** (step / 2) / step
        returned = share * place * (1.0 / r.life - r.rent) - lost
        # A partner is bought at its price over the rent value of its capital; the excess is its owners', at once.
        more = np.maximum(np.minimum(np.diff(self.stakes, axis=0), share - before), 0.0)
        self.premium = (r.stake - 1.0) * more * r.even * place / step
        self.value, self.equity_value = self.incremental + returned, gross * dividend + returned
        # What is bought in is replaced from its first period, as what is held.
        invested = np.maximum(np.diff(capital, axis=0) / step + place / r.life, 0.0)
        bought = np.maximum(share - before, 0.0) * place * (r.even / step + 1.0 / r.life)
        self.capex = bought + np.minimum(share, before) * invested
        self.cash = self.incremental + share * place / r.life - self.capex
        self.left, self.given_up = self.equity[-1] * r.even[-1] * capital[-1], lost
        h = self.case.home
        self.operator = (gross * operator + self.premium)[:, h:].sum(axis=1)
        self.tax = (gross * taxes)[:, h:].sum(axis=1)

    def _owned(self) -> None:
        """The owned channel, with capital as rent and as lumps; a forced transfer is paid at once."""
        r, case, gross = self.rates, self.case, self.site
        profit, taxes, depreciation = r.owned(gross, self.capacity, self.site_earned)
        incremental, self.site_capex = profit + gross * r.saved, r.unit * self.bought[self.past :] / case.step
        paid, due = np.zeros((2, *gross.shape))
        for t in range(case.periods):
            begin, end = case.window(t)
            handed = (begin <= case.transferred) & (case.transferred < end)
            stood = self.capacity[t - 1] if t else self.bought[: self.past].sum(axis=0)
            given_up = self.leaves[t] & (stood > 0.0)
            if (handed | given_up).any():
                book, rent = self._carried(t)
                paid[t] = handed * r.price[t] * book / case.step
                # The rent left is due at the period's start, and flows are paid in its middle.
                due[t] = (handed | given_up) * rent * (1.0 + r.wacc[t]) ** (case.step / 2) / case.step
                self.given_up[t] += due[t] - paid[t]
        self.site_cash = incremental + depreciation - self.site_capex + paid
        self.site_left = np.where(self.capacity[-1] > 0.0, self._carried(case.periods)[1], 0.0)
        self.profit, self.incremental = self.profit + profit, self.incremental + incremental
        self.value = self.value + incremental + depreciation - r.unit * r.rent * self.capacity + paid - due
        self.cash, self.capex = self.cash + self.site_cash, self.capex + self.site_capex
        self.left = self.left + self.site_left
        self.tax = self.tax + taxes[:, case.home :].sum(axis=1)

    def _abroad(self) -> None:
        """What is sold from abroad: a tariff to the treasury, and no capital; and what buy-outs cost at once."""
        r, gross = self.rates, self.paid / (1.0 + self.tariff)
        profit = gross * r.margin + self.abroad_earned / (1.0 + self.tariff)
        self.profit, self.incremental = self.profit + profit, self.incremental + profit + gross * r.saved
        value = self.value + profit + gross * r.saved
        self.lasting = value + self.given_up  # what is lost once does not last
        self.value, self.equity_value = value - self.premium, self.equity_value - self.premium
        self.cash = self.cash + profit + gross * r.saved - self.premium
        self.capex, self.tax = (
            self.capex + self.premium,
            self.tax + (self.paid - gross)[:, self.case.home :].sum(axis=1),
        )

    def _carried(self, until: int) -> tuple[Vector, Vector]:
        """Book value and rent that tranches still bear at the start of a period, USD bn, [p]."""
        r, ages = self.before, (until + self.past - np.arange(until + self.past)) * self.case.step
        left, stood = np.maximum(r.life - ages[:, None], 0.0), r.unit * self.bought[: until + self.past]
        return (left / r.life * stood).sum(axis=0), ((1.0 - np.exp(-r.force * left)) / r.whole * stood).sum(axis=0)

    def of_launched(self, read: Callable[[int], float], p: int) -> float:
        """What a site brings that is launched, and none of the base year's."""
        return math.nan if self.case.launched[p] == -math.inf else read(p)

    def internal_rate(self, p: int) -> float:
        """Of a site: capacity is paid on arrival, the rest in the middle of a period, rent left on the last day."""
        case, paid = self.case, self.site_capex[:, p] * self.case.step
        start = np.arange(case.periods) * case.step
        days = np.concatenate([start, start + case.step / 2, [case.periods * case.step]])
        flows = np.concatenate([-paid, self.site_cash[:, p] * case.step + paid, [self.site_left[p]]])

        def present(force: float) -> float:
            return float(flows @ np.exp(-force * days))

        grid = np.linspace(math.log(0.05), math.log(21.0), 40)  # -95% to 2,000%, where a single root is looked for
        turns = [i for i in range(39) if (present(grid[i]) > 0.0) != (present(grid[i + 1]) > 0.0)]
        if len(turns) != 1:
            return math.nan
        return math.expm1(brentq(present, *grid[turns[0] : turns[0] + 2], xtol=1e-15, rtol=1e-14))

    def payback(self, p: int) -> float:
        """Years from a site's first flow until the running sum is never again negative; nothing counts at the end."""
        flows = self.site_cash[:, p]
        negative = np.flatnonzero(np.cumsum(flows) < 0.0)
        if not negative.size or negative[-1] == self.case.periods - 1:
            return math.nan
        return float(negative[-1] + 1 - np.flatnonzero(flows)[0]) * self.case.step


def _leaves(case: Case, t: int) -> Mask:
    """Who leaves the market in a window; in the first, whoever left before."""
    begin, end = case.window(t)
    return (case.left < end) & ((case.left >= begin) | (t == 0))


def _split(case: Case, market: Market) -> Vector:
    """Parts of the base year's sales by channel, [kind, l, p]: all with partners where no channels are stated."""
    if market.base.channels is not None:
        return np.asarray(market.base.channels.sold)
    return np.stack([np.ones_like(market.base.layer_share), *np.zeros((2, *market.base.layer_share.shape))])


def outcomes(case: Case, market: Market) -> Outcomes:
    """The outcomes of section 6 that the comparison looks at."""
    accounts = Accounts(case, market)
    found = {**_of_market(case, market, accounts), **_of_money(case, accounts)}
    if case.mixed:
        found["control_premium"] = {(case.scenario.opening.layer, ""): np.array([market.base.phi])}
    return found


def _years(case: Case, flows: Vector) -> Vector:
    """Mean over the periods of each year."""
    return flows.reshape(-1, case.per_year, *flows.shape[1:]).mean(axis=1)


def _with_sum(rows: Vector, axis: int = -1) -> Vector:
    return np.concatenate([rows, rows.sum(axis=axis, keepdims=True)], axis=axis)


def _cells(scopes: Sequence[str], items: Sequence[str], values: Vector) -> dict[tuple[str, str], Vector]:
    """A table [y, scope, item] by scope and item; of layers alone where it has no total."""
    values = values.reshape(*values.shape[:2], len(items))
    return {(s, item): values[:, i, j] for i, s in enumerate(scopes[: values.shape[1]]) for j, item in enumerate(items)}


def _of_market(case: Case, market: Market, accounts: Accounts) -> Outcomes:
    """Outcomes by layer and in total, the base year first."""
    h, base, record = case.home, market.base, market.record

    def yearly(first: Vector, flows: Vector) -> Vector:
        """[y, scope, ...]: layers, then the total."""
        return _with_sum(np.concatenate([first[None], _years(case, flows)]), axis=1)

    foreign, first = [*case.providers[h:], "foreign"], base.size[:, None] * base.layer_share
    spent = yearly(first, record["spending"])
    size, abroad = spent.sum(axis=-1), spent[..., h:].sum(axis=-1)
    both, nothing = (accounts.before, accounts.rates), np.zeros(len(case.layers))
    royalties = [
        r.royalty(idle) * (1.0 - r.royalty_tax)
        for r, idle in zip(both, (accounts.idle[:1], accounts.idle[1:]), strict=True)
    ]
    net = np.concatenate(royalties)[:, None]
    with_partner, tariff = record["spending"] - record["owned"] - record["abroad"], accounts.tariff[:, :, None]
    kept = net[1:] * with_partner + record["owned"] + record["abroad"] / (1.0 + tariff)
    sold = accounts.split * first
    kept_before = net[0] * sold[0] + sold[1] / (1.0 + case.at_first(case.phases[0])) + sold[2]
    prices = [mean_price(base.log_markup[rows], (base.weight[:, None] * base.share)[rows]) for rows in case.rows]
    table = {
        "market_size": (size, [""]),
        "market_expansion": (size / yearly(base.size, market.path.size[1:]), [""]),
        "foreign_share": (abroad / size, [""]),
        "market_share": (spent / size[..., None], case.providers),
        "revenue_gross": (np.dstack([spent, abroad, size - abroad]), [*case.providers, "foreign", "domestic"]),
        "domestic_revenue": (size - abroad, [""]),
        "consumer_gain": (yearly(nothing, record["gain"]), [""]),
        "owned_revenue": (_with_sum(yearly(sold[2], record["owned"])[..., h:]), foreign),
        "revenue_retained": (_with_sum(yearly(kept_before, kept)[..., h:]), foreign),
        "markup": (np.concatenate([[prices], record["markup"][case.per_year - 1 :: case.per_year]]), case.providers),
        "domestic_quality": (np.exp(np.vstack([nothing, record["quality"][case.per_year - 1 :: case.per_year]])), [""]),
    }
    unit = case.scenario.market.unit
    if unit is not None:
        table["market_volume"] = (size / case.scenario.ledger.scale(unit), [""])
    if case.scenario.channel_of("cross_border") is not None:
        table["cross_border_revenue"] = (_with_sum(yearly(sold[1], record["abroad"])[..., h:]), foreign)
    found = {name: _cells([*case.layers, "total"], items, values) for name, (values, items) in table.items()}
    of_home = _years(case, accounts.rates.domestic * record["spending"].sum(axis=1))
    earned = np.vstack([accounts.before.domestic * spent[0, -1], of_home])
    squeezed = np.concatenate([[0.0], _years(case, record["earned"][:, :h].sum(axis=1))])
    return {
        **found,
        "domestic_gross_profit": {("total", ""): earned[:, :h].sum(axis=1) + squeezed},
    }


def _of_money(case: Case, a: Accounts) -> Outcomes:
    """Outcomes of foreign providers and of those who deal with them."""
    r, middles = a.before, (np.arange(case.periods) + 0.5)[:, None] * case.step
    factor = (1.0 + r.wacc) ** -middles * case.step
    last, npv = _years(case, a.lasting)[-1], (factor * a.value).sum(axis=0)
    going = last * (1.0 + r.terminal) / (r.wacc - r.terminal) / (1.0 + r.wacc) ** (case.periods * case.step)
    table = {
        "operating_profit": _years(case, a.profit),
        "incremental_profit": _years(case, a.incremental),
        "value_flow": _years(case, a.value),
        "cash_flow": _years(case, a.cash),
        "capex": _years(case, a.capex),
        "capacity": a.capacity[case.per_year - 1 :: case.per_year],
        "capital_value": a.left[None],
        "npv": npv[None],
        "npv_with_terminal": (npv + going)[None],
        "npv_of_equity": (factor * a.equity_value).sum(axis=0)[None],
    }
    foreign = case.providers[case.home :]
    returns = {
        name: {("total", one): np.array([a.of_launched(read, case.home + f)]) for f, one in enumerate(foreign)}
        for name, read in (("irr", a.internal_rate), ("payback", a.payback))
    }
    others = {"operator_profit": a.operator, "tax_take": a.tax}
    money = {
        name: _cells(["total"], [*foreign, "foreign"], _with_sum(values[:, case.home :])[:, None])
        for name, values in table.items()
    }
    return {**money, **returns, **{name: {("total", ""): _years(case, flows)} for name, flows in others.items()}}
