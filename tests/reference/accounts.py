"""Section 6 of the model: who gets what, what it is worth, and the outcomes of one draw by variable, scope and item."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from reference.case import Case, Vector
from reference.market import Market, mean_price
from reference.rates import Rates

__all__ = ["outcomes"]

Outcomes = dict[str, dict[tuple[str, str], Vector]]
"""Variable, then (scope, item), then one number a year."""


class Accounts:
    """Both channels of every provider by period, USD bn/yr, [t, p]; of domestic ones they mean nothing."""

    def __init__(self, case: Case, market: Market) -> None:
        self.case, self.rates, self.bought, record = case, Rates(case), market.bought, market.record
        self.capacity, self.site = record["capacity"], record["owned"].sum(axis=1)
        self.gross, self.site_earned = record["spending"].sum(axis=1) - self.site, record["owned_earned"]
        self.first, self.earned = market.path.size[0] @ market.base.layer_share, record["earned"] - self.site_earned
        self.idle = self.rates.idleness(market.path.total_trend)
        middles = [case.window(t)[1] for t in range(case.periods)]
        means = (case.mean("partner_equity", m - case.step / 2, m + case.step / 2) for m in middles)
        self.equity = np.array([case.phases[0].partner_equity, *means])
        self._partner()
        self._owned()

    def _partner(self) -> None:
        """The partner channel: royalty, equity's part of the operator's profit, its capital as rent and as lumps."""
        r, step, gross = self.rates, self.case.step, self.gross
        idle, share, before = self.idle[1:, None], self.equity[1:, None], self.equity[:-1, None]
        loaded, dividend, operator, taxes = r.partner(idle, share)
        self.profit = gross * loaded + self.earned
        self.incremental = self.profit + gross * r.saved
        capital = r.intensity * self.idle[:, None] * np.vstack([self.first, gross])
        place = capital[1:]
        returned = share * place * (1.0 / r.life - r.rent)
        self.value, self.equity_value = self.incremental + returned, gross * dividend + returned
        # What is bought in is replaced from its first period, as what is held.
        invested = np.maximum(np.diff(capital, axis=0) / step + place / r.life, 0.0)
        bought = np.maximum(share - before, 0.0) * place * (r.even / step + 1.0 / r.life)
        self.capex = bought + np.minimum(share, before) * invested
        self.cash = self.incremental + share * place / r.life - self.capex
        self.left = self.equity[-1] * r.even * capital[-1]
        foreign = gross[:, self.case.home :]
        self.operator, self.tax = (foreign * operator).sum(axis=1), (foreign * taxes).sum(axis=1)

    def _owned(self) -> None:
        """The owned channel, with capital as rent and as lumps; a forced transfer is paid at once."""
        r, case, gross = self.rates, self.case, self.site
        profit, taxes, depreciation = r.owned(gross, self.capacity, self.site_earned)
        incremental, self.site_capex = profit + gross * r.saved, r.unit * self.bought / case.step
        paid, due = np.zeros((2, *gross.shape))
        for t in range(case.periods):
            begin, end = case.window(t)
            handed = (begin <= case.transferred) & (case.transferred < end)
            if handed.any():
                book, rent = self._carried(t)
                paid[t] = handed * r.price * book / case.step
                # The rent left is due at the period's start, and flows are paid in its middle.
                due[t] = handed * rent * (1.0 + r.wacc) ** (case.step / 2) / case.step
        self.site_cash = incremental + depreciation - self.site_capex + paid
        self.site_left = np.where(self.capacity[-1] > 0.0, self._carried(case.periods)[1], 0.0)
        self.profit, self.incremental = self.profit + profit, self.incremental + incremental
        self.value += incremental + depreciation - r.unit * r.rent * self.capacity + paid - due
        self.cash, self.capex = self.cash + self.site_cash, self.capex + self.site_capex
        self.left = self.left + self.site_left
        self.tax += taxes.sum(axis=1)

    def _carried(self, until: int) -> tuple[Vector, Vector]:
        """Book value and rent that tranches still bear at the start of a period, USD bn, [p]."""
        r, age = self.rates, (until - np.arange(until)) * self.case.step
        left, stood = np.maximum(r.life - age, 0.0), r.unit * self.bought[:until]
        return (left / r.life) @ stood, ((1.0 - np.exp(-r.force * left)) / r.whole) @ stood

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


def outcomes(case: Case, market: Market) -> Outcomes:
    """The outcomes of section 6 that the comparison looks at."""
    accounts = Accounts(case, market)
    return {**_of_market(case, market, accounts), **_of_money(case, accounts)}


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
    h, base, record, r = case.home, market.base, market.record, accounts.rates

    def yearly(first: Vector, flows: Vector) -> Vector:
        """[y, scope, ...]: layers, then the total."""
        return _with_sum(np.concatenate([first[None], _years(case, flows)]), axis=1)

    first, foreign = base.size[:, None] * base.layer_share, [*case.providers[h:], "foreign"]
    spent = yearly(first, record["spending"])
    size, abroad = spent.sum(axis=-1), spent[..., h:].sum(axis=-1)
    net, nothing = (r.royalty(accounts.idle) * (1.0 - r.royalty_tax))[:, None, None], np.zeros(len(case.layers))
    kept = net[1:] * (record["spending"] - record["owned"]) + record["owned"]
    prices = [mean_price(base.log_markup[rows], (base.weight[:, None] * base.share)[rows]) for rows in case.rows]
    table = {
        "market_size": (size, [""]),
        "market_expansion": (size / yearly(base.size, market.path.size[1:]), [""]),
        "foreign_share": (abroad / size, [""]),
        "market_share": (spent / size[..., None], case.providers),
        "revenue_gross": (np.dstack([spent, abroad, size - abroad]), [*case.providers, "foreign", "domestic"]),
        "domestic_revenue": (size - abroad, [""]),
        "consumer_gain": (yearly(nothing, record["gain"]), [""]),
        "owned_revenue": (_with_sum(yearly(0.0 * first, record["owned"])[..., h:]), foreign),
        "revenue_retained": (_with_sum(yearly(net[0] * first, kept)[..., h:]), foreign),
        "markup": (np.concatenate([[prices], record["markup"][case.per_year - 1 :: case.per_year]]), case.providers),
        "domestic_quality": (np.exp(np.vstack([nothing, record["quality"][case.per_year - 1 :: case.per_year]])), [""]),
    }
    found = {name: _cells([*case.layers, "total"], items, values) for name, (values, items) in table.items()}
    squeezed = np.concatenate([[0.0], _years(case, record["earned"][:, :h].sum(axis=1))])
    return {**found, "domestic_gross_profit": {("total", ""): r.domestic * (size - abroad)[:, -1] + squeezed}}


def _of_money(case: Case, a: Accounts) -> Outcomes:
    """Outcomes of foreign providers and of those who deal with them."""
    r, factor = a.rates, (1.0 + a.rates.wacc) ** (-(np.arange(case.periods) + 0.5) * case.step) * case.step
    last, npv = _years(case, a.value)[-1], factor @ a.value
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
        "npv_of_equity": (factor @ a.equity_value)[None],
    }
    foreign = case.providers[case.home :]
    returns = {
        name: {("total", one): np.array([read(case.home + f)]) for f, one in enumerate(foreign)}
        for name, read in (("irr", a.internal_rate), ("payback", a.payback))
    }
    others = {"operator_profit": a.operator, "tax_take": a.tax}
    money = {
        name: _cells(["total"], [*foreign, "foreign"], _with_sum(values[:, case.home :])[:, None])
        for name, values in table.items()
    }
    return {**money, **returns, **{name: {("total", ""): _years(case, flows)} for name, flows in others.items()}}
