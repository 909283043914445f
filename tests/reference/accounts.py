"""Section 6 of the model: who gets what, what it is worth, and the outcomes of one draw by variable, scope and item."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from reference.case import Case, Vector
from reference.market import Market, mean_price
from scipy.optimize import brentq

__all__ = ["outcomes"]

Outcomes = dict[str, dict[tuple[str, str], Vector]]
"""Variable, then (scope, item), then one number a year."""


class Rates:
    """Section 6's cost structure of one draw, per unit of gross revenue."""

    def __init__(self, case: Case) -> None:
        self.site, self.life = case.cost("site_cost"), case.cost("asset_life")
        self.intensity, self.full = case.cost("capital_intensity"), case.cost("reference_utilization")
        self.technology = 1.0 - self.site - case.cost("provider_margin")
        self.saved = (1.0 - case.cost("incremental_technology")) * self.technology
        self.operator, self.profit_tax = case.cost("operator_margin"), case.cost("profit_tax")
        self.royalty_tax = case.cost("royalty_withholding") + case.cost("royalty_vat")
        self.withheld = case.cost("royalty_withholding") * case.cost("technology_royalty") * self.technology
        self.dividend_tax, self.wacc = case.cost("dividend_withholding"), case.cost("discount_rate")
        self.reference = math.log1p(case.cost("reference_growth"))
        self.force = math.log1p(self.wacc)
        self.whole = 1.0 - math.exp(-self.force * self.life)
        self.rent = self.force / self.whole
        self.even = (self.life - self.whole / self.force) / (self.life * self.whole)  # v
        self.unit = self.full * self.intensity  # capital per unit of capacity

    def idleness(self, growth: Vector) -> Vector:
        """u / u_t of the operator, u_t = u^(g / ln(1 + g_ref)), g at least 0."""
        return self.full / self.full ** (np.maximum(growth, 0.0) / self.reference)

    def royalty(self, idle: Vector) -> Vector:
        """1 - site cost - the operator's margin, site cost c_I - K/life + (u / u_t) K/life."""
        return 1.0 - self.site - (idle - 1.0) * self.intensity / self.life - self.operator


class Accounts:
    """Both channels of every provider by period, USD bn/yr, [t, p]; of domestic ones they mean nothing."""

    def __init__(self, case: Case, market: Market) -> None:
        self.case, self.rates = case, Rates(case)
        self.bought = market.bought
        record = {name: np.array(rows) for name, rows in market.record.items()}
        self.site, self.capacity, self.site_earned = (
            record["owned"].sum(axis=1),
            record["capacity"],
            record["owned_earned"],
        )
        self.gross = record["spending"].sum(axis=1) - self.site
        self.earned = record["earned"] - self.site_earned
        self.first = market.path.size[0] @ market.base.layer_share
        self.idle = self.rates.idleness(market.path.total_trend)
        self.equity = _equity(case)
        self.partner()
        self.owned()

    def partner(self) -> None:
        """The partner channel: royalty, equity's part of the operator's profit, its capital as rent and as lumps."""
        r, step, gross = self.rates, self.case.step, self.gross
        idle, share, before = self.idle[1:, None], self.equity[1:, None], self.equity[:-1, None]
        royalty, operator = r.royalty(idle), r.operator * (1.0 - r.profit_tax)
        dividend = share * operator * (1.0 - r.dividend_tax)
        self.profit = gross * (royalty * (1.0 - r.royalty_tax) + dividend - r.technology) + self.earned
        self.incremental = self.profit + gross * r.saved
        capital = r.intensity * self.idle[:, None] * np.vstack([self.first, gross])
        place, depreciation = capital[1:], share * capital[1:] / r.life
        charged = depreciation - share * r.rent * place
        self.value = self.incremental + charged
        self.equity_value = gross * dividend + charged
        # What is bought in is replaced from its first period.
        invested = np.maximum(np.diff(capital, axis=0) / step + place / r.life, 0.0)
        bought = np.maximum(share - before, 0.0) * place * (r.even / step + 1.0 / r.life)
        self.capex = bought + np.minimum(share, before) * invested
        self.cash = self.incremental + depreciation - self.capex
        self.left = self.equity[-1] * r.even * capital[-1]
        taxes = royalty * r.royalty_tax + r.operator * r.profit_tax + share * operator * r.dividend_tax
        foreign = gross[:, self.case.home :]
        self.operator = (foreign * operator * (1.0 - share)).sum(axis=1)
        self.tax = (foreign * taxes).sum(axis=1)

    def owned(self) -> None:
        """The owned channel: idle capacity depreciates; tax on loaded profit; a forced transfer is paid at once."""
        r, case, gross = self.rates, self.case, self.site
        depreciation = r.unit / r.life * self.capacity
        # What markups add is so much less of technology cost. The part of it that crosses the border is left open by
        # the specification: of the cost at base margins, as the engine.
        before_tax = gross * (1.0 - r.site + r.intensity / r.life - r.technology) - depreciation + self.site_earned
        tax = r.profit_tax * np.maximum(before_tax, 0.0)
        dividend_tax = r.dividend_tax * np.maximum(before_tax - tax, 0.0)
        profit = before_tax - tax - dividend_tax - gross * r.withheld
        incremental, capex = profit + gross * r.saved, r.unit * self.bought / case.step
        paid, due = np.zeros((2, *gross.shape))
        for t in range(case.periods):
            begin, end = case.window(t)
            handed = (begin <= case.transferred) & (case.transferred < end)
            book, rent = self.carried(t)
            paid[t] = handed * case.cost("transfer_price") * book / case.step
            # The rent left is due at the period's start, and flows are paid in its middle.
            due[t] = handed * rent * (1.0 + r.wacc) ** (case.step / 2) / case.step
        self.site_capex, self.site_cash = capex, incremental + depreciation - capex + paid
        self.site_left = np.where(self.capacity[-1] > 0.0, self.carried(case.periods)[1], 0.0)
        self.profit = self.profit + profit
        self.incremental = self.incremental + incremental
        self.value = self.value + incremental + depreciation - r.unit * r.rent * self.capacity + paid - due
        self.cash, self.capex = self.cash + self.site_cash, self.capex + capex
        self.left = self.left + self.site_left
        self.tax = self.tax + (tax + dividend_tax + gross * r.withheld).sum(axis=1)

    def carried(self, until: int) -> tuple[Vector, Vector]:
        """Book value and rent that tranches still bear at the start of a period, USD bn, [p]."""
        r, age = self.rates, (until - np.arange(until)) * self.case.step
        left = np.maximum(r.life - age, 0.0)
        stood = r.unit * self.bought[:until]
        return (left / r.life) @ stood, ((1.0 - np.exp(-r.force * left)) / r.whole) @ stood


def _equity(case: Case) -> Vector:
    """Equity in operators, its mean over each period, the start's first: it earns from the day of the rule."""
    found = [case.phases[0].partner_equity]
    for t in range(case.periods):
        begin = case.window(t)[1] - case.step / 2
        days = [max(min(begin + case.step, p.end) - max(begin, p.start), 0.0) for p in case.phases]
        found.append(sum(d * p.partner_equity for d, p in zip(days, case.phases, strict=True)) / case.step)
    return np.array(found)


# ---------------------------------------------------------------- outcomes


def outcomes(case: Case, market: Market) -> Outcomes:
    """The outcomes of section 6 that the comparison looks at."""
    return {**_of_market(case, market), **_of_money(case, market)}


def _years(case: Case, flows: Vector) -> Vector:
    """Mean over the periods of each year."""
    return flows.reshape(-1, case.per_year, *flows.shape[1:]).mean(axis=1)


def _of_market(case: Case, market: Market) -> Outcomes:
    """Outcomes by layer and in total, the base year first."""
    h, base, accounts = case.home, market.base, Accounts(case, market)
    record = {name: np.array(rows) for name, rows in market.record.items()}
    r, foreign = accounts.rates, [*case.providers[h:], "foreign"]

    def yearly(first: Vector, flows: Vector) -> Vector:
        """[y, scope, ...]: layers, then the total."""
        rows = np.concatenate([first[None], _years(case, flows)])
        return np.concatenate([rows, rows.sum(axis=1, keepdims=True)], axis=1)

    def with_sum(rows: Vector) -> Vector:
        return np.concatenate([rows, rows.sum(axis=-1, keepdims=True)], axis=-1)

    first = base.size[:, None] * base.layer_share
    spent = yearly(first, record["spending"])
    size, abroad, nothing = spent.sum(axis=-1), spent[..., h:].sum(axis=-1), np.zeros(len(case.layers))
    net = (r.royalty(accounts.idle) * (1.0 - r.royalty_tax))[:, None, None]
    kept = net[1:] * (record["spending"] - record["owned"]) + record["owned"]
    squeezed = np.concatenate([[0.0], _years(case, record["earned"][:, :h].sum(axis=1))])
    ends = slice(case.per_year - 1, None, case.per_year)
    prices = [
        mean_price(base.log_markup[rows], (base.weight[:, None] * base.share)[rows])
        for rows in map(case.rows, range(len(case.layers)))
    ]
    table = {
        "market_size": (size, [""]),
        "market_expansion": (size / yearly(base.size, market.path.size[1:]), [""]),
        "foreign_share": (abroad / size, [""]),
        "market_share": (spent / size[..., None], case.providers),
        "revenue_gross": (np.concatenate([spent, abroad[..., None]], axis=-1), [*case.providers, "foreign"]),
        "domestic_revenue": (size - abroad, [""]),
        "consumer_gain": (yearly(nothing, record["gain"]), [""]),
        "owned_revenue": (with_sum(yearly(0.0 * first, record["owned"])[..., h:]), foreign),
        "revenue_retained": (with_sum(yearly(net[0] * first, kept)[..., h:]), foreign),
        "markup": (np.concatenate([[prices], record["markup"][ends]]), case.providers),
        "domestic_quality": (np.exp(np.concatenate([[nothing], record["quality"][ends]])), [""]),
    }
    found = {name: _cells([*case.layers, "total"], items, values) for name, (values, items) in table.items()}
    gross_profit = case.cost("domestic_margin") * (size - abroad)[:, -1] + squeezed
    return {**found, "domestic_gross_profit": {("total", ""): gross_profit}}


def _cells(scopes: Sequence[str], items: Sequence[str], values: Vector) -> dict[tuple[str, str], Vector]:
    """A table [y, scope, item] by scope and item; of layers alone where it has no total."""
    values = values.reshape(*values.shape[:2], len(items))
    return {(s, item): values[:, i, j] for i, s in enumerate(scopes[: values.shape[1]]) for j, item in enumerate(items)}


def _of_money(case: Case, market: Market) -> Outcomes:
    """Outcomes of foreign providers and of those who deal with them."""
    h, a = case.home, Accounts(case, market)
    wacc, terminal = a.rates.wacc, case.cost("terminal_growth")
    factor = (1.0 + wacc) ** (-(np.arange(case.periods) + 0.5) * case.step) * case.step
    npv = factor @ a.value
    last, years = _years(case, a.value)[-1], case.periods * case.step
    going = last * (1.0 + terminal) / (wacc - terminal) / (1.0 + wacc) ** years
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
    found = {}
    for name, values in table.items():
        with_sum = np.column_stack([values[:, h:], values[:, h:].sum(axis=1)])
        found[name] = _cells(["total"], [*case.providers[h:], "foreign"], with_sum[:, None])
    returns = {"irr": _internal_rate, "payback": _payback}
    for name, read in returns.items():
        found[name] = {("total", one): np.array([read(case, a, h + f)]) for f, one in enumerate(case.providers[h:])}
    found["operator_profit"] = {("total", ""): _years(case, a.operator)}
    found["tax_take"] = {("total", ""): _years(case, a.tax)}
    return found


def _internal_rate(case: Case, a: Accounts, p: int) -> float:
    """Of a site: capacity is paid when it arrives, the rest in the middle of its period, rent left on the last day."""
    if not a.site_capex[:, p].any():
        return math.nan
    start = np.arange(case.periods) * case.step
    days = np.concatenate([start, start + case.step / 2, [case.periods * case.step]])
    paid = a.site_capex[:, p]
    flows = np.concatenate([-paid * case.step, (a.site_cash[:, p] + paid) * case.step, [a.site_left[p]]])

    def present(force: float) -> float:
        return float(flows @ np.exp(-force * days))

    grid = np.linspace(math.log(0.05), math.log(21.0), 40)  # where the engine says it looks for a single root
    above = [present(force) > 0.0 for force in grid]
    turns = [i for i in range(len(grid) - 1) if above[i] != above[i + 1]]
    if len(turns) != 1:
        return math.nan
    return math.expm1(brentq(present, *grid[turns[0] : turns[0] + 2], xtol=1e-15, rtol=1e-14))


def _payback(case: Case, a: Accounts, p: int) -> float:
    """Years from a site's first flow until the running sum is never again negative; nothing counts at the end."""
    flows = a.site_cash[:, p]
    negative = np.flatnonzero(np.cumsum(flows) < 0.0)
    if not negative.size or negative[-1] == case.periods - 1:
        return math.nan
    return float(negative[-1] + 1 - np.flatnonzero(flows)[0]) * case.step
