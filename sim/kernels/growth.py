"""Market size: the fading trend, its tilt, and the layers that share the total."""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

__all__ = [
    "bend",
    "captive_factor",
    "contestable_spending",
    "dated_trend",
    "diffused",
    "fade_rate",
    "last_base_period",
    "layer_odds",
    "left_over",
    "renewed",
    "step_compensation",
    "tilt",
    "trend",
]

_NEWTON_STEPS = 6
_DUST = 1e-12  # a difference below this part of the market is rounding, and nobody's choice


def fade_rate(first: FloatArray, long_run: FloatArray, mean: FloatArray, years: float) -> FloatArray:
    """The rate at which growth must fade so that it averages `mean` over `years`.

    Solves (1 - exp(-x)) / x = (mean - long_run) / (first - long_run) for x = rate x years.

    Equation (6) of docs/model.md.

    Parameters
    ----------
    first, long_run, mean : (N,)
        Log growth per year at the start, in the long run, and on average.
    years : float

    Returns
    -------
    (N,)
        Per year; NaN where `mean` does not lie strictly between `long_run` and `first`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (mean - long_run) / (first - long_run)
    fades = (ratio > 0.0) & (ratio < 1.0)
    part = np.where(fades, ratio, 0.5)
    # Two bounds from above, one tight where growth hardly fades and one where it fades at once. The function is
    # concave, so that Newton's steps from there come down to the root and never pass it.
    x = np.minimum(2.0 * (1.0 - part), 1.0) / part
    for _ in range(_NEWTON_STEPS):
        rise = -np.expm1(-x)
        x = x - (rise - part * x) / (1.0 - rise - part)
    return np.where(fades, x / years, np.nan)


def trend(years: FloatArray, first: FloatArray, long_run: FloatArray, fade: FloatArray) -> FloatArray:
    """Log size against the middle of the base year, when growth is g_inf + (g_0 - g_inf) exp(-lambda t).

    Equation (6) of docs/model.md.

    Parameters
    ----------
    years : (T, 1)
        Years since the middle of the base year.
    first, long_run, fade : (N,)

    Returns
    -------
    (T, N)
    """
    return np.asarray(long_run * years - (first - long_run) * np.expm1(-fade * years) / fade)


def dated_trend(years: FloatArray, yearly: FloatArray, long_run: FloatArray, fade: FloatArray) -> FloatArray:
    """Log size against the middle of the base year, when growth is stated year by year, and fades after the last.

    Equation (6) of docs/model.md.

    Parameters
    ----------
    years : (T, 1)
        Years since the middle of the base year.
    yearly : (K, N)
        Log growth from the middle of the base year to that of the next, and so on.
    long_run, fade : (N,)
        Log growth towards which the last fades; rate of that, per year.

    Returns
    -------
    (T, N)
    """
    size = np.zeros((len(years), yearly.shape[1]))
    for passed, rate in enumerate(yearly):
        size += rate * np.clip(years - passed, 0.0, 1.0)
    return size + trend(np.maximum(years - len(yearly), 0.0), yearly[-1], long_run, fade)


def bend(years: FloatArray, since: FloatArray, gain: FloatArray, fade: FloatArray) -> FloatArray:
    """What log size gains from a date on, when growth in the long run rises by `gain` and growth fades towards it.

    Equation (39) of docs/model.md.

    Parameters
    ----------
    years : (T, 1)
        Years since the middle of the base year.
    since : (N,)
        The date in the same years; inf is never.
    gain, fade : (N,)
        Log growth per year; rate per year.

    Returns
    -------
    (T, N)
    """
    passed = np.maximum(years - since, 0.0)
    return np.asarray(gain * (passed + np.expm1(-fade * passed) / fade))


def tilt(years: FloatArray, forecast: FloatArray, expected: float, span: float) -> FloatArray:
    """What a draw's own forecast adds to log size: a level, reached evenly and then kept.

    Equation (7) of docs/model.md.

    Parameters
    ----------
    years : (T, 1)
        Years since the end of the base year.
    forecast : (N,)
        The draw's forecast of average annual growth, a fraction.
    expected : float
        The median forecast, in the trend already.
    span : float
        Years that the forecast covers, from the middle of the base year.

    Returns
    -------
    (T, N)
    """
    level = span * np.log((1.0 + forecast) / (1.0 + expected))
    return np.asarray(level * np.clip(years / (span - 0.5), 0.0, 1.0))


def step_compensation(rate: FloatArray, size: FloatArray) -> FloatArray:
    """What the trend gains per year so that downward steps of log size leave the mean size alone; (N,).

    Equation (7) of docs/model.md.
    """
    return np.asarray(-rate * np.expm1(-size))


def layer_odds(years: FloatArray, drift: FloatArray, fade: FloatArray) -> FloatArray:
    """What the log-odds of the drifting layer gain by `years` (T, 1) after the middle of the base year; (T, N).

    Equation (9) of docs/model.md.
    """
    return np.asarray(-drift * np.expm1(-fade * years) / fade)


def left_over(since: float, step: float, half_life: FloatArray) -> FloatArray:
    """Mean over a period of `step` years of what halves every `half_life` (N,), `since` years after it was 1; (N,).

    Equation (17) of docs/model.md.

    References
    ----------
    Gardner & McKenzie (1985) Management Science 31: 1237-1246: trends that are damped forecast better than those that
    go on.
    """
    rate = np.log(2.0) / half_life
    return np.asarray(np.exp(-rate * since) * -np.expm1(-rate * step) / (rate * step))


def diffused(
    years: FloatArray, base: FloatArray, ceiling: FloatArray, speed: FloatArray, luck: FloatArray
) -> FloatArray:
    """Part of the total that a technology has which spreads along a logistic curve; (T, N).

    Equation (36) of docs/model.md.

    Parameters
    ----------
    years : (T, 1)
        Years since the middle of the base year.
    base, ceiling : (N,)
        Part in the base year, exact there, and in the end.
    speed : (N,)
        Growth of the log-odds of part to ceiling, per year.
    luck : (T, 1 or N)
        What is added to them.

    References
    ----------
    Griliches (1957) Econometrica 25: 501-522: ceiling, midpoint and speed of a technology.
    """
    odds = base / (ceiling - base) * np.exp(speed * years + luck)
    return np.asarray(ceiling * odds / (1.0 + odds))


def last_base_period(growth: FloatArray, step: float) -> FloatArray:
    """Size of the base year's last period over the year's mean, when its periods grow at `growth` (N,); (N,).

    Equation (7) of docs/model.md.
    """
    periods = round(1.0 / step)
    path = np.exp(np.arange(periods)[:, None] * (growth * step))
    return np.asarray(path[-1] * periods / path.sum(axis=0))


def captive_factor(
    growth: FloatArray, trend_growth: FloatArray, captive_growth: FloatArray, churn: FloatArray, step: float
) -> FloatArray:
    """What becomes of a captive unit of spending in one period.

    Equation (13) of docs/model.md.

    A shock to the market hits existing customers as it hits everybody; of the trend's growth a part stays with them.

    Parameters
    ----------
    growth, trend_growth : (..., N)
        Log growth of the market per year: realised, and without shocks and steps.
    captive_growth, churn : (N,)
        iota, a part of the trend's growth, so that all of a fall stays captive; churn per year.
    step : float
        Years per period.

    Returns
    -------
    (..., N)
    """
    kept = np.minimum(trend_growth, captive_growth * trend_growth)
    kept += growth
    kept -= trend_growth
    kept -= churn
    kept *= step
    return np.asarray(np.exp(kept, out=kept))


def contestable_spending(before: FloatArray, now: FloatArray, captive: FloatArray) -> FloatArray:
    """What chooses in a period: market size `now` less what stays captive of `before`; (..., N), at least 0.

    Equation (13) of docs/model.md.
    """
    free = now - before * captive
    return np.where(free > _DUST * now, free, 0.0)


def renewed(step: float, interval: FloatArray) -> FloatArray:
    """Part of what is in use that purchases of a period replace, (N,).

    Equation (35) of docs/model.md.

    Parameters
    ----------
    step : float
        Years per period.
    interval : (N,)
        T, years until a customer buys again.
    """
    return np.asarray(-np.expm1(-step / interval))
