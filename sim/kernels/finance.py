"""What streams of money and the capital behind them are worth."""

from __future__ import annotations

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray

__all__ = [
    "buy_out_premium",
    "carried",
    "discount_factors",
    "equity_spending",
    "even_value",
    "half_steps",
    "internal_rate",
    "payback_years",
    "present_value",
    "rent_left",
    "rent_rate",
    "stake_left",
    "terminal_value",
]

_RATE_LOW, _RATE_HIGH, _RATES = -0.95, 20.0, 40
_ROOT_STEPS = 12  # quadratic from a step of the grid on; halving alone would need some fifty


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
    """What a share in operators costs: buying in, then its part of what they invest; bn/yr.

    Equation (27) of docs/model.md.

    Parameters
    ----------
    equity : (T + 1, 1 or F, N)
        Share in the operators, the base year's last period first.
    capital : (T + 1, F, N)
        The operators' capital in place, by provider, bn.
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
    if not equity.any():
        return np.zeros_like(capital[1:])
    more, held = np.maximum(np.diff(equity, axis=0), 0.0), np.minimum(equity[1:], equity[:-1])
    replaced = capital[1:] / life
    investment = np.maximum(np.diff(capital, axis=0) / step + replaced, 0.0)
    bought = (more * value / step) * capital[1:] + more * replaced
    return np.asarray(bought + held * investment)


def buy_out_premium(
    bought: FloatArray, shares: FloatArray, worth: FloatArray, price: FloatArray, step: float
) -> FloatArray:
    """What is paid for equity above the rent value of its capital, when it is bought; bn/yr.

    Equation (37) of docs/model.md.

    Parameters
    ----------
    bought, shares : (T + 1, F, N)
        Equity that buy-outs brought, and all of it. What is kept when a regime ends that gave it is no purchase.
    worth : (T, F, N)
        Rent value of the operators' capital, bn.
    price : (N,)
        Multiple of it.
    step : float
        Years per period.

    Returns
    -------
    (T, F, N)
    """
    more = np.maximum(np.minimum(np.diff(bought, axis=0), np.diff(shares, axis=0)), 0.0)
    return np.asarray((price - 1.0) * more * worth / step)


def stake_left(
    shares: FloatArray, capital: FloatArray, worth: FloatArray, discount_rate: FloatArray, step: float
) -> FloatArray:
    """What a stake in an operator's capital was worth before each period, if it is lost at its start; bn/yr.

    Equation (40) of docs/model.md.

    Parameters
    ----------
    shares : (T + 1, F or 1, N)
        Equity, that of the base year first.
    capital : (T + 1, F, N)
        The operators' capital in place, bn.
    worth : (N,)
        `even_value`.
    discount_rate : (N,)
    step : float
        Years per period.

    Returns
    -------
    (T, F, N)
        As a flow that is paid in the middle of the period.
    """
    later = np.exp(np.log1p(discount_rate) * (step / 2))
    return np.asarray(shares[:-1] * worth * capital[:-1] * later / step)


def discount_factors(rate: FloatArray, periods: int, step: float) -> FloatArray:
    """Present value at the start of flows in the middle of each period; (T, ..., N) from an annual rate (..., N).

    Equation (28) of docs/model.md.
    """
    middle = (np.arange(periods).reshape(-1, *(1,) * rate.ndim) + 0.5) * step
    return np.asarray(np.exp(-middle * np.log1p(rate)))


def present_value(flows: FloatArray, rate: FloatArray, step: float) -> FloatArray:
    """Value at the start of flows (T, F, N) a year, paid in the middle of each period; (F, N).

    At a rate (N,), or (F, N) where providers have their own.

    Equation (28) of docs/model.md.
    """
    factors = discount_factors(np.atleast_2d(rate), len(flows), step)
    return np.asarray((flows * (factors * step)).sum(axis=0))


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
    if not some.size:
        return found.reshape(flows.shape[1:])
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
