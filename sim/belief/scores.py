"""How well a forecast foresaw an observation: proper scores from `scoringrules`, PIT and coverage.

An observation is measured with error, and a sharp forecast of the truth would be punished for it. So errors drawn from
the measurement range are added to the draws, and what is scored is a forecast of the *measured* value. The range is
read as everywhere else: `low, value, high` are the 5%, 50% and 95% points of a two-piece normal, of the log for money.

References
----------
Ferro, C. A. T. (2017), "Measuring forecast performance in the presence of observation error", QJRMS 143.
Saetra, O., et al. (2004), "Effects of observation errors on the statistics for ensemble spread and reliability",
Monthly Weather Review 132: noise added to the members.
Gneiting, T. & Raftery, A. E. (2007), "Strictly proper scoring rules, prediction, and estimation", JASA 102.
Gneiting, T. & Ranjan, R. (2011), "Comparing density forecasts using threshold- and quantile-weighted scoring rules",
JBES 29: dates are scored inside their window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sim.axes import FloatArray
from sim.belief.record import MONEY, SHARES, Observation
from sim.scenario.families import TwoPiece

__all__ = ["COVERED", "LEVELS", "headline_score", "headline_scores", "measured", "pit", "quantiles", "scores"]

LEVELS: Final = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""Quantiles of a forecast that are reported."""

COVERED: Final[Mapping[int, tuple[float, float]]] = {50: (0.25, 0.75), 80: (0.10, 0.90), 90: (0.05, 0.95)}
"""Central intervals, in percent, and their ends."""


def measured(draws: FloatArray, observation: Observation, u: FloatArray) -> FloatArray:
    """Draws of what would be measured, from draws of the truth.

    Parameters
    ----------
    draws : array (N,)
        In the unit of the observation; for dates inf is never.
    observation : Observation
        States the measurement range.
    u : array (N,)
        Uniform, independent of the draws.

    Returns
    -------
    array (N,)
        A measurement's relation to the truth is the one that the range states: ratios for money, differences for
        shares (kept within 0 and 1) and dates (kept within the window of the row).
    """
    if observation.variable in MONEY:
        return np.asarray(draws * np.exp(-_error(observation, u, log=True)))
    if observation.variable in SHARES:
        return np.clip(draws - _error(observation, u), 0.0, 1.0)
    if observation.statistic == "date":
        return np.clip(draws - _error(observation, u), *observation.window)
    return draws


def _error(observation: Observation, u: FloatArray, *, log: bool = False) -> FloatArray:
    """Truth less measurement, of the logs if so wanted; (N,)."""
    if not observation.is_measured:
        return np.zeros_like(u)
    low, value, high = (math.log(x) if log else x for x in (observation.low, observation.value, observation.high))
    record = TwoPiece(low=low, median=value, high=high, unit="1", source="judgement", grade="found")
    return record.quantile(u) - value


def quantiles(draws: FloatArray) -> dict[float, float]:
    """Quantiles of a forecast by level."""
    return dict(zip(LEVELS, np.quantile(draws, LEVELS).tolist(), strict=True))


def pit(draws: FloatArray, value: float) -> float:
    """Probability integral transform: the part of the draws below the observation, ties counted half.

    Uniform between 0 and 1 for a forecast that is right in the long run.
    """
    return float(np.mean(draws < value) + 0.5 * np.mean(draws == value))


def scores(draws: FloatArray, observation: Observation) -> dict[str, float]:
    """Every score of a forecast of one row; all are better if lower.

    Parameters
    ----------
    draws : array (N,)
        From `measured`; 0 and 1 for `state` and `occurred`.
    observation : Observation

    Returns
    -------
    dict of str to float
        `brier` for yes or no; else `crps`, `interval_50` to `interval_90` and `quantile_05` to `quantile_95` in the
        unit of the observation (years for a date), and `crps_log` for money.
    """
    import scoringrules  # takes long where numba is installed, which it then imports

    value = observation.value
    if observation.unit == "boolean":
        return {"brier": float(scoringrules.brier_score(value, draws.mean(), backend=_BACKEND))}
    found = {"crps": _crps(scoringrules, value, draws)}
    if observation.variable in MONEY:
        found["crps_log"] = _crps(scoringrules, math.log(value), np.log(draws))
    ends = quantiles(draws)
    for percent, (low, high) in COVERED.items():
        score = scoringrules.interval_score(value, ends[low], ends[high], 1 - percent / 100, backend=_BACKEND)
        found[f"interval_{percent}"] = float(score)
    for level, end in ends.items():
        score = scoringrules.quantile_score(value, end, level, backend=_BACKEND)
        found[f"quantile_{round(100 * level):02}"] = float(score)
    return found


_BACKEND: Final = "numpy"
"""Whatever else is installed: the bits must not depend on it."""


def _crps(scoringrules: Any, value: float, draws: FloatArray) -> float:
    """CRPS of the distribution from which the draws are, without bias, by its probability-weighted moments."""
    return float(scoringrules.crps_ensemble(value, draws, estimator="pwm", backend=_BACKEND))


def headline_scores(draws: FloatArray, observation: Observation) -> dict[str, float]:
    """The one score of `scores` by which a row is pooled, without the library, whose import can take seconds.

    References
    ----------
    Zamo, M. & Naveau, P. (2018), "Estimation of the continuous ranked probability score with limited information and
    applications to ensemble weather forecasts", Mathematical Geosciences 50: by probability-weighted moments.
    """
    name, value = headline_score(observation), observation.value
    if name == "brier":
        return {name: float((draws.mean() - value) ** 2)}
    ordered = np.sort(np.log(draws) if name == "crps_log" else draws)
    value = math.log(value) if name == "crps_log" else value
    count = len(ordered)
    weighted = (ordered * np.arange(count)).sum() / (count * (count - 1))
    return {name: float(np.abs(ordered - value).mean() + ordered.mean() - 2 * weighted)}


def headline_score(observation: Observation) -> str:
    """The score by which a row is pooled with others: without a unit for money, so that sizes compare."""
    if observation.unit == "boolean":
        return "brier"
    return "crps_log" if observation.variable in MONEY else "crps"
