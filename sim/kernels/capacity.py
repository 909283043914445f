"""Capacity of owned sites: what is planned, what arrives, and who gets it where a zone has a cap."""

from __future__ import annotations

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray

__all__ = ["arriving", "first_come", "grant", "lags", "planned_growth", "whole_periods"]

_DUST = 1e-9  # what is left of a cap below this part of what is used is rounding, and no room
_MEMORY = 1.0  # years over which a provider smooths what it has seen
_INSTANT = 1e-9  # years; a launch at the very end of its window
_ROUNDING = 1e-9  # periods


def planned_growth(
    before: FloatArray, change: FloatArray, live_years: FloatArray, first: BoolArray, step: float
) -> FloatArray:
    """Growth of use that a provider plans with: what it has seen, smoothed over a year.

    Equation (19) of docs/model.md.

    Parameters
    ----------
    before : (F, N)
        Of the period before, bn/yr a year.
    change : (F, N)
        Net change of use in this period if nothing were short, bn/yr.
    live_years : (F, N)
        Years of this window since launch.
    first : (F, N) bool
        The window of the launch, in which there is nothing before.
    step : float
        Years per period.

    Returns
    -------
    (F, N)
    """
    smoothed = before - np.expm1(-step / _MEMORY) * (change / step - before)
    return np.where(first, change / np.maximum(live_years, _INSTANT), smoothed)


def whole_periods(years: FloatArray, step: float) -> IntArray:
    """Years (N,) in whole periods of `step` years, at least one."""
    return np.maximum(np.rint(years / step), 1.0).astype(np.int64)


def lags(years: FloatArray, step: float) -> tuple[IntArray, FloatArray]:
    """Years (N,) as whole periods, at least one, and the part of a further one.

    Equation (20) of docs/model.md.
    """
    periods = np.maximum(years / step, 1.0)
    whole = np.floor(periods + _ROUNDING)
    return whole.astype(np.int64), np.maximum(periods - whole, 0.0)


def arriving(orders: FloatArray, period: int, lead: IntArray) -> FloatArray:
    """What was wanted some periods ago.

    Equation (20) of docs/model.md.

    Parameters
    ----------
    orders : (T + 1, F, N)
        By period, 0 in those that are still to come, of which there is always one.
    period : int
    lead : (N,)
        Whole periods, at least one.

    Returns
    -------
    (F, N)
        0 before the first period.
    """
    rows, providers, draws = orders.shape
    # A place before the first counts from the end, and is one of those to come.
    then = (period - np.minimum(lead, rows - 1)) * (providers * draws) + np.arange(draws)
    return np.asarray(orders.take(then + np.arange(providers)[:, None] * draws))


def first_come(launched: FloatArray, ties: FloatArray) -> IntArray:
    """Providers in the order of their launch: places in a flat array (F, N), from dates and tie-breakers (F, N)."""
    order, draws = np.lexsort((ties, launched), axis=0), launched.shape[-1]
    return np.asarray(order * draws + np.arange(draws))


def grant(capacity: FloatArray, wanted: FloatArray, cap: FloatArray, order: IntArray) -> FloatArray:
    """Capacity after this period's arrivals, as far as the zone's cap allows.

    Equation (20) of docs/model.md.

    Parameters
    ----------
    capacity, wanted : (F, N)
        Before, and what it would be without a cap; bn/yr.
    cap : (N,)
        Most that all providers may have together; infinite without a cap.
    order : (F, N)
        Places of the providers in the order in which they are served, as of `first_come`.

    Returns
    -------
    (F, N)
        Never below `capacity`.
    """
    more = np.maximum(wanted - capacity, 0.0)
    if np.isinf(cap).all():
        return np.asarray(capacity + more)
    used = capacity.sum(axis=0)
    free = np.where(cap - used > _DUST * used, cap - used, 0.0)
    served = more.take(order)
    for turn in served:
        np.minimum(turn, free, out=turn)
        free -= turn
    more.put(order, served)
    return np.asarray(capacity + more)
