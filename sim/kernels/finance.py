"""Who gets what of a unit of gross revenue, and what streams of money are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray

__all__ = [
    "Rates",
    "carried",
    "channel_values",
    "discount_factors",
    "entry_margin",
    "equity_spending",
    "even_value",
    "half_steps",
    "internal_rate",
    "operator_idleness",
    "payback_years",
    "present_value",
    "rent_left",
    "rent_rate",
    "royalty_rate",
    "saved_technology",
    "split_owned",
    "split_partner",
    "terminal_value",
]

_RATE_LOW, _RATE_HIGH, _RATES = -0.95, 20.0, 40
_ROOT_STEPS = 12  # quadratic from a step of the grid on; halving alone would need some fifty


@dataclass(frozen=True)
class Rates:
    """Cost structure and taxes, each (N,); parts of gross revenue or of the base that the tax falls on."""

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

    @property
    def technology(self) -> FloatArray:
        """Technology, support and selling cost, the same in both channels."""
        return np.asarray(1.0 - self.site_cost - self.provider_margin)

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
    """Streams of a partner channel, each the shape of its gross revenue; USD bn/yr.

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

    An operator plans as they do, so that it is fuller where growth is slower: u = u_ref^(g / ln(1 + g_ref)).

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
    return np.asarray(rates.utilization ** (1.0 - part))


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
    """Streams of an owned channel, each the shape of its gross revenue; USD bn/yr.

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
        USD bn/yr.
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


def rent_rate(discount_rate: FloatArray, life: FloatArray) -> FloatArray:
    """Rent of a unit of capital, per year of its life: over a whole life it is worth the unit.

    Equation (26) of docs/model.md.

    Parameters
    ----------
    discount_rate : (N,)
        Effective annual rate.
    life : (N,)
        Years.

    Returns
    -------
    (N,)

    References
    ----------
    Jorgenson (1963) AER 53: the user cost of capital; here of an asset that serves evenly until it is gone.
    """
    force = np.log1p(discount_rate)
    return np.asarray(force / -np.expm1(-force * life))


def rent_left(age: FloatArray, discount_rate: FloatArray, life: FloatArray) -> FloatArray:
    """Present value of the rent that a unit of capital of some age still bears, 1 when new; (..., N).

    Equation (26) of docs/model.md.
    """
    force = np.log1p(discount_rate)
    return np.asarray(np.expm1(-force * np.maximum(life - age, 0.0)) / np.expm1(-force * life))


def even_value(discount_rate: FloatArray, life: FloatArray) -> FloatArray:
    """The mean of `rent_left` over a stock of all ages alike; (N,).

    Equation (26) of docs/model.md.
    """
    force = np.log1p(discount_rate)
    whole = -np.expm1(-force * life)
    return np.asarray((life - whole / force) / (life * whole))


def carried(
    bought: FloatArray, until: IntArray, step: float, discount_rate: FloatArray, life: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What tranches are still worth at the start of a period: at book, and by the rent that they still bear.

    Parameters
    ----------
    bought : (T, F, N)
        Capacity that arrived at the start of each period.
    until : (F, N) int
        The period; T for the end of the last one.
    step : float
        Years per period.
    discount_rate, life : (N,)

    Returns
    -------
    book, rent : (F, N)
        In units of capacity.
    """
    book, rent = np.zeros(bought.shape[1:]), np.zeros(bought.shape[1:])
    for period, tranche in enumerate(bought):
        if tranche.any():
            age = np.asarray((until - period) * step, dtype=np.float64)
            left = np.where(age > 0.0, tranche, 0.0)
            book += left * np.maximum(1.0 - age / life, 0.0)
            rent += left * rent_left(age, discount_rate, life)
    return book, rent


def equity_spending(
    equity: FloatArray, capital: FloatArray, value: FloatArray, life: FloatArray, step: float
) -> FloatArray:
    """What a share in operators costs: buying in, then its part of what they invest; USD bn/yr.

    Equation (27) of docs/model.md.

    Parameters
    ----------
    equity : (T + 1, N)
        Share in the operators, the base year's last period first.
    capital : (T + 1, F, N)
        The operators' capital in place, by provider, USD bn.
    value : (N,)
        Rent value of a unit of it, from `even_value`.
    life : (N,)
        Years.
    step : float
        Years per period.

    Returns
    -------
    (T, F, N)
        Never below 0: what was bought is not paid back.
    """
    more, held = np.maximum(np.diff(equity, axis=0), 0.0), np.minimum(equity[1:], equity[:-1])
    replaced = capital[1:] / life
    investment = np.maximum(np.diff(capital, axis=0) / step + replaced, 0.0)
    bought = (more * value / step)[:, None] * capital[1:] + more[:, None] * replaced
    return np.asarray(bought + held[:, None] * investment)


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


def discount_factors(rate: FloatArray, periods: int, step: float) -> FloatArray:
    """Present value at the start of flows in the middle of each period; (T, N) from an effective annual rate (N,).

    Equation (28) of docs/model.md.
    """
    middle = (np.arange(periods)[:, None] + 0.5) * step
    return np.asarray(np.exp(-middle * np.log1p(rate)))


def present_value(flows: FloatArray, rate: FloatArray, step: float) -> FloatArray:
    """Value at the start of flows (T, F, N) a year, paid in the middle of each period; (F, N).

    Equation (28) of docs/model.md.
    """
    factors = discount_factors(rate, len(flows), step)
    return np.asarray((flows * (factors * step)[:, None]).sum(axis=0))


def terminal_value(flow: FloatArray, rate: FloatArray, growth: FloatArray, years: int) -> FloatArray:
    """Value, `years` before, of the last year's flow (F, N) that goes on for ever at a growth; (F, N).

    Equation (28) of docs/model.md.
    """
    return np.asarray(flow * ((1.0 + growth) / (rate - growth) * np.exp(-years * np.log1p(rate))))


def half_steps(flows: FloatArray, starting: FloatArray | None, end: FloatArray) -> FloatArray:
    """Money by half-periods: what is paid at the start of each period and in its middle, and what is left at the end.

    Parameters
    ----------
    flows : (T, ..., N)
        Money per period in its middle.
    starting : (T, ..., N), optional
        Money per period at its start.
    end : (..., N)

    Returns
    -------
    (2 T + 1, ..., N)
    """
    halves = np.zeros((2 * len(flows) + 1, *flows.shape[1:]))
    halves[1::2] = flows
    if starting is not None:
        halves[:-1:2] = starting
    halves[-1] += end
    return halves


def internal_rate(flows: FloatArray, step: float) -> FloatArray:
    """Effective annual internal rate of return.

    Parameters
    ----------
    flows : (T, ..., N)
        Money per period, evenly spaced.
    step : float
        Years per period.

    Returns
    -------
    (..., N)
        NaN where no rate between -95% and 2,000% a year makes present value zero, as with flows of one sign, and
        where several do, because then none of them says what the flows are worth. Present value is looked at on a
        grid of rates and must change its sign once, so that two roots whose 1 + rate differ by less than 17%
        may pass for none.

    References
    ----------
    Lorie & Savage (1955) J. Bus. 28, on several roots.
    """
    found = np.full(flows[0].size, np.nan)
    columns = flows.reshape(len(flows), -1)
    some = np.flatnonzero(columns.any(axis=0))
    columns = columns.take(some, axis=1)
    grid = np.linspace(np.log1p(_RATE_LOW), np.log1p(_RATE_HIGH), _RATES) * step
    above = _present(columns, grid[:, None]) > 0.0
    turns = above[1:] != above[:-1]
    once = np.flatnonzero(turns.sum(axis=0) == 1)
    first = turns.argmax(axis=0)[once]
    rate = _root(columns.take(once, axis=1), grid[first], grid[first + 1], above[first, once])
    found[some[once]] = np.expm1(rate / step)
    return found.reshape(flows.shape[1:])


def _root(flows: FloatArray, low: FloatArray, high: FloatArray, falls: BoolArray) -> FloatArray:
    """Log rate per period (K,) between `low` and `high` at which flows (T, K) are worth nothing.

    Newton's method, halving the bracket where it would leave it; in a fixed number of steps, so that no draw
    waits for another.
    """
    rate = 0.5 * (low + high)
    for _ in range(_ROOT_STEPS):
        value, slope = _present_and_slope(flows, rate)
        before = (value > 0.0) == falls
        low, high = np.where(before, rate, low), np.where(before, high, rate)
        better = rate - np.divide(value, slope, out=np.full_like(value, np.inf), where=slope != 0.0)
        rate = np.where((low <= better) & (better <= high), better, 0.5 * (low + high))
    return rate


def _present(flows: FloatArray, log_rate: FloatArray) -> FloatArray:
    """Value at the first flow of flows (T, K), by Horner's rule, at log rates per period (rates, 1); (rates, K)."""
    factor, value = np.exp(-log_rate), np.zeros((len(log_rate), flows.shape[-1]))
    for flow in flows[::-1]:
        value *= factor
        value += flow
    return value


def _present_and_slope(flows: FloatArray, log_rate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same at log rates (K,), and its derivative to them."""
    factor = np.exp(-log_rate)
    value, slope = np.zeros_like(factor), np.zeros_like(factor)
    for flow in flows[::-1]:
        slope *= factor
        slope += value
        value *= factor
        value += flow
    return value, -factor * slope


def payback_years(flows: FloatArray, step: float) -> FloatArray:
    """Years from the first flow until the running sum is never again negative; NaN where that does not come.

    Parameters
    ----------
    flows : (T, ..., N)
        Money per period; the first that is not 0 starts the clock.
    step : float

    Returns
    -------
    (..., N)
    """
    if not flows.any():
        return np.full(flows.shape[1:], np.nan)
    running = np.cumsum(flows, axis=0)
    periods = len(flows)
    begun = (flows != 0.0).any(axis=0)
    first = (flows != 0.0).argmax(axis=0)
    last_negative = periods - 1 - (running[::-1] < 0.0).argmax(axis=0)
    was_negative = (running < 0.0).any(axis=0)
    paid = begun & was_negative & (last_negative < periods - 1)
    return np.where(paid, (last_negative + 1 - first) * step, np.nan)
