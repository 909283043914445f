"""Section 6 of the model: who gets what, what it is worth, and the outcomes of one draw by variable, scope and item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from reference.case import Case
from reference.market import Market

__all__ = ["outcomes"]

Outcomes = dict[str, dict[tuple[str, str], list[float]]]
"""Variable, then (scope, item), then one number a year."""


@dataclass
class Streams:
    """Flows by period and foreign provider, [t][f], or by period, [t]; USD bn/yr. `left` [f], USD bn."""

    profit: list[list[float]] = field(default_factory=list)
    incremental: list[list[float]] = field(default_factory=list)
    value: list[list[float]] = field(default_factory=list)
    equity_value: list[list[float]] = field(default_factory=list)
    cash: list[list[float]] = field(default_factory=list)
    capex: list[list[float]] = field(default_factory=list)
    operator: list[float] = field(default_factory=list)
    tax: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)


class Rates:
    """Section 6's cost structure of one draw, per unit of gross revenue."""

    def __init__(self, case: Case) -> None:
        self.site, self.life = case.hidden("site_cost"), case.hidden("asset_life")
        self.intensity, self.full = case.hidden("capital_intensity"), case.hidden("reference_utilization")
        self.technology = 1.0 - self.site - case.hidden("provider_margin")
        self.saved = (1.0 - case.hidden("incremental_technology")) * self.technology
        self.operator, self.profit_tax = case.hidden("operator_margin"), case.hidden("profit_tax")
        self.withholding, self.vat = case.hidden("royalty_withholding"), case.hidden("royalty_vat")
        self.dividend_tax, self.royal = case.hidden("dividend_withholding"), case.hidden("technology_royalty")
        self.wacc, self.transfer_price = case.hidden("discount_rate"), case.hidden("transfer_price")
        self.terminal, self.reference = case.hidden("terminal_growth"), math.log1p(case.hidden("reference_growth"))
        self.force = math.log1p(self.wacc)
        self.rent = self.force / (1.0 - math.exp(-self.force * self.life))

    def idleness(self, growth: float) -> float:
        """u / u_t of the operator, u_t = u^(g / ln(1 + g_ref)), g at least 0."""
        return self.full / math.pow(self.full, max(growth, 0.0) / self.reference)

    def royalty(self, idle: float) -> float:
        """1 - site cost - the operator's margin."""
        return 1.0 - self.operator_site(idle) - self.operator

    def operator_site(self, idle: float) -> float:
        """c_I - K/life + (u / u_t) K/life."""
        return self.site - self.intensity / self.life + idle * self.intensity / self.life

    def even(self) -> float:
        """v: the rent value of an evenly aged stock."""
        whole = 1.0 - math.exp(-self.force * self.life)
        return (self.life - whole / self.force) / (self.life * whole)

    def rent_left(self, age: float) -> float:
        """Present value of the rent that a unit of capital of some age still bears; 1 when new."""
        left = max(self.life - age, 0.0)
        return self.rent * (1.0 - math.exp(-self.force * left)) / self.force


def equity(case: Case) -> list[float]:
    """Equity in operators, its mean over each period, the start's first: it earns from the day of the rule."""
    found = [case.phases[0].partner_equity]
    for t in range(case.periods):
        begin = case.start + t * case.step
        days = [max(min(begin + case.step, p.end) - max(begin, p.start), 0.0) for p in case.phases]
        found.append(sum(d * p.partner_equity for d, p in zip(days, case.phases, strict=True)) / case.step)
    return found


def streams(case: Case, market: Market) -> Streams:
    """Both channels of every foreign provider, period by period."""
    rates, found, share, home = Rates(case), Streams(), equity(case), len(case.home)
    spent = [[sum(layer[p] for layer in s) for p in range(len(case.providers))] for s in market.spending]
    first = [
        sum(size * part[home + f] for size, part in zip(market.path.size[0], market.base.layer_share, strict=True))
        for f in range(len(case.abroad))
    ]
    capital = [[rates.intensity * rates.idleness(market.path.total_trend[0]) * x for x in first]]
    for t in range(case.periods):
        idle = rates.idleness(market.path.total_trend[t + 1])
        site = [sum(layer[f] for layer in market.owned[t]) for f in range(len(case.abroad))]
        gross = [spent[t][home + f] - site[f] for f in range(len(case.abroad))]
        capital.append([rates.intensity * idle * x for x in gross])
        _partner(case, market, rates, found, (share[t], share[t + 1], idle), (capital[t], capital[t + 1], gross), t)
        for f, on_site in enumerate(site):
            _site(case, market, rates, found, f, on_site, t)
    for f in range(len(case.abroad)):
        ours = share[-1] * rates.even() * capital[-1][f]
        found.left.append(
            ours + (_carried(case, market, rates, f, case.periods)[1] if market.capacity[f] > 0.0 else 0.0)
        )
    return found


def _partner(
    case: Case,
    market: Market,
    rates: Rates,
    found: Streams,
    terms: tuple[float, float, float],
    books: tuple[list[float], list[float], list[float]],
    t: int,
) -> None:
    """The partner channel: royalty, equity's part of the operator's profit, its capital as rent and as lumps."""
    before, now, idle = terms
    royalty, margin = rates.royalty(idle), rates.operator
    profit = margin * (1.0 - rates.profit_tax)
    claim = now * profit
    dividend = claim * (1.0 - rates.dividend_tax)
    depreciation = now * rates.intensity * idle / rates.life
    charge = now * rates.intensity * idle * rates.rent
    net = royalty * (1.0 - rates.withholding - rates.vat)
    rows: dict[str, list[float]] = {name: [] for name in ("profit", "incremental", "value", "equity", "cash", "capex")}
    for f, (old, place, gross) in enumerate(zip(*books, strict=True)):
        extra = market.earned[t][f] - market.owned_earned[t][f]
        rows["profit"].append(gross * (net + dividend - rates.technology) + extra)
        rows["incremental"].append(rows["profit"][f] + gross * rates.saved)
        rows["value"].append(rows["incremental"][f] + gross * (depreciation - charge))
        rows["equity"].append(gross * (dividend + depreciation - charge))
        invested = max((place - old) / case.step + place / rates.life, 0.0)
        rows["capex"].append(max(now - before, 0.0) * place * (rates.even() / case.step + 1.0 / rates.life) + min(now, before) * invested)
        rows["cash"].append(rows["incremental"][f] + gross * depreciation - rows["capex"][f])
    found.profit.append(rows["profit"])
    found.incremental.append(rows["incremental"])
    found.value.append(rows["value"])
    found.equity_value.append(rows["equity"])
    found.cash.append(rows["cash"])
    found.capex.append(rows["capex"])
    everybody = sum(books[2])
    found.operator.append(everybody * (profit - claim))
    taxes = royalty * (rates.withholding + rates.vat) + margin * rates.profit_tax + claim * rates.dividend_tax
    found.tax.append(everybody * taxes)


def _site(case: Case, market: Market, rates: Rates, found: Streams, f: int, gross: float, t: int) -> None:
    """The owned channel: idle capacity depreciates; tax on loaded profit; a forced transfer is paid at once."""
    capacity, unit = market.capacities[t][f], rates.full * rates.intensity
    depreciation = unit / rates.life * capacity
    site_cost = gross * (rates.site - rates.intensity / rates.life) + depreciation
    # What markups add is so much less of technology cost (it is taxed as profit here). The part of it that crosses
    # the border is left open by the specification: of the cost at base margins, as the engine.
    before_tax = gross - site_cost - gross * rates.technology + market.owned_earned[t][f]
    withheld = gross * rates.technology * rates.royal * rates.withholding
    tax = rates.profit_tax * max(before_tax, 0.0)
    dividend_tax = rates.dividend_tax * max(before_tax - tax, 0.0)
    profit = before_tax - tax - dividend_tax - withheld
    incremental = profit + gross * rates.saved
    capex = unit * market.bought[t][f] / case.step
    paid = due = 0.0
    begin, end = case.window(t)
    if begin <= case.transferred[f] < end:
        book, rent = _carried(case, market, rates, f, t)
        paid, due = rates.transfer_price * book / case.step, rent / case.step * (1.0 + rates.wacc) ** (case.step / 2)
    found.profit[t][f] += profit
    found.incremental[t][f] += incremental
    found.value[t][f] += incremental + depreciation - unit * rates.rent * capacity + paid - due
    found.cash[t][f] += incremental + depreciation - capex + paid
    found.capex[t][f] += capex
    found.tax[t] += tax + dividend_tax + withheld


def _carried(case: Case, market: Market, rates: Rates, f: int, until: int) -> tuple[float, float]:
    """Book value and rent that tranches still bear at the start of a period, USD bn."""
    book = rent = 0.0
    for s in range(until):
        age, cost = (until - s) * case.step, rates.full * rates.intensity * market.bought[s][f]
        book += cost * max(1.0 - age / rates.life, 0.0)
        rent += cost * rates.rent_left(age)
    return book, rent


# ---------------------------------------------------------------- outcomes


def _years(case: Case, flows: Sequence[float]) -> list[float]:
    """Mean over the periods of each year."""
    per_year = round(1 / case.step)
    return [sum(flows[first : first + per_year]) / per_year for first in range(0, case.periods, per_year)]


def _year_ends(case: Case, levels: Sequence[float]) -> list[float]:
    """The last period of each year."""
    per_year = round(1 / case.step)
    return list(levels[per_year - 1 :: per_year])


def outcomes(case: Case, market: Market) -> Outcomes:
    """Every outcome of section 6 that the comparison looks at."""
    return {**_of_market(case, market), **_of_money(case, market)}


def _of_market(case: Case, market: Market) -> Outcomes:
    found: Outcomes = {}
    for scope, rows in [*((name, [i]) for i, name in enumerate(case.layers)), ("total", list(range(len(case.layers))))]:
        _sizes(case, market, found, scope, rows)
        _foreign_revenue(case, market, found, scope, rows)
    for i, name in enumerate(case.layers):
        _of_layer(case, market, found, name, i)
    sold = zip(found["market_size"]["total", ""], found["foreign_share"]["total", ""], strict=True)
    earned = [0.0, *_years(case, market.home_earned)]
    margin = case.hidden("domestic_margin")
    profit = [margin * size * (1.0 - abroad) + extra for (size, abroad), extra in zip(sold, earned, strict=True)]
    _put(found, "domestic_gross_profit", "total", "", profit)
    return found


def _sizes(case: Case, market: Market, found: Outcomes, scope: str, rows: list[int]) -> None:
    """Size, expansion, shares and consumer gain of some layers, the base year first."""
    base, home = market.base, len(case.home)

    def yearly(first: float, table: Sequence[Sequence[float]]) -> list[float]:
        return [first, *_years(case, [sum(row[i] for i in rows) for row in table])]

    spent = []
    for p in range(len(case.providers)):
        first = sum(base.size[i] * base.layer_share[i][p] for i in rows)
        spent.append(yearly(first, [[layer[p] for layer in period] for period in market.spending]))
    size = [sum(year) for year in zip(*spent, strict=True)]
    abroad = [sum(year) for year in zip(*spent[home:], strict=True)]
    untouched = yearly(sum(base.size[i] for i in rows), market.path.size[1:])
    _put(found, "market_size", scope, "", size)
    _put(found, "market_expansion", scope, "", [a / b for a, b in zip(size, untouched, strict=True)])
    _put(found, "foreign_share", scope, "", [a / b for a, b in zip(abroad, size, strict=True)])
    for name, spending in zip(case.providers, spent, strict=True):
        _put(found, "market_share", scope, name, [a / b for a, b in zip(spending, size, strict=True)])
    _put(found, "consumer_gain", scope, "", yearly(0.0, market.gains))


def _put(found: Outcomes, variable: str, scope: str, item: str, values: Sequence[float]) -> None:
    found.setdefault(variable, {})[scope, item] = list(values)


def _foreign_revenue(case: Case, market: Market, found: Outcomes, scope: str, rows: list[int]) -> None:
    """Gross revenue of own sites, and what is retained: it, and the net royalty of the partner channel."""
    home, rates, base, sums = len(case.home), Rates(case), market.base, []
    net = [rates.royalty(rates.idleness(g)) * (1.0 - rates.withholding - rates.vat) for g in market.path.total_trend]
    for f, name in enumerate(case.abroad):
        owned = [sum(period[i][f] for i in rows) for period in market.owned]
        gross = [sum(period[i][home + f] for i in rows) for period in market.spending]
        kept = [rate * (all_ - own) + own for rate, all_, own in zip(net[1:], gross, owned, strict=True)]
        first = net[0] * sum(base.size[i] * base.layer_share[i][home + f] for i in rows)
        sums.append(([0.0, *_years(case, owned)], [first, *_years(case, kept)]))
        for variable, values in zip(("owned_revenue", "revenue_retained"), sums[-1], strict=True):
            _put(found, variable, scope, name, values)
    for variable, parts in zip(("owned_revenue", "revenue_retained"), zip(*sums, strict=True), strict=True):
        _put(found, variable, scope, "foreign", [sum(year) for year in zip(*parts, strict=True)])


def _of_layer(case: Case, market: Market, found: Outcomes, layer: str, i: int) -> None:
    """Markups, weighted by spending, and domestic quality."""
    base = market.base
    rows = [g for g, at in enumerate(case.layer_of) if at == i]
    for p, name in enumerate(case.providers):
        weights = [base.weight[g] * base.share[g][p] for g in rows]
        weights = weights if any(weights) else [1.0] * len(rows)
        first = sum(w * math.exp(base.log_markup[g][p]) for w, g in zip(weights, rows, strict=True)) / sum(weights)
        _put(found, "markup", layer, name, [first, *_year_ends(case, [period[i][p] for period in market.markups])])
    quality = _year_ends(case, [math.exp(period[i]) for period in market.qualities])
    _put(found, "domestic_quality", layer, "", [1.0, *quality])


def _of_money(case: Case, market: Market) -> Outcomes:
    found: Outcomes = {}
    flows, rates = streams(case, market), Rates(case)
    factor = [(1.0 + rates.wacc) ** (-(t + 0.5) * case.step) * case.step for t in range(case.periods)]
    years = round(case.periods * case.step)
    for f, name in enumerate(case.abroad):
        yearly = {
            "operating_profit": flows.profit,
            "incremental_profit": flows.incremental,
            "value_flow": flows.value,
            "cash_flow": flows.cash,
            "capex": flows.capex,
        }
        for variable, table in yearly.items():
            _put(found, variable, "total", name, _years(case, [row[f] for row in table]))
        _put(found, "capacity", "total", name, _year_ends(case, [row[f] for row in market.capacities]))
        _put(found, "capital_value", "total", name, [flows.left[f]])
        npv = sum(d * row[f] for d, row in zip(factor, flows.value, strict=True))
        last = found["value_flow"]["total", name][-1]
        going = last * (1.0 + rates.terminal) / (rates.wacc - rates.terminal) / (1.0 + rates.wacc) ** years
        _put(found, "npv", "total", name, [npv])
        _put(found, "npv_with_terminal", "total", name, [npv + going])
        of_equity = sum(d * row[f] for d, row in zip(factor, flows.equity_value, strict=True))
        _put(found, "npv_of_equity", "total", name, [of_equity])
    for rows in found.values():
        rows["total", "foreign"] = [sum(year) for year in zip(*rows.values(), strict=True)]
    _put(found, "operator_profit", "total", "", _years(case, flows.operator))
    _put(found, "tax_take", "total", "", _years(case, flows.tax))
    return found
