"""How large the luck in a drift is, by the record of China's car makers to 2017: what it says and what it leaves open.

Yearly means of the log-odds of Chinese brands are a level, a mean drift, luck of the drift's slope, an
Ornstein-Uhlenbeck process cumulated, and luck of origin, another one with a half-life of three years. The restricted
likelihood takes out level and mean drift (Patterson & Thompson 1971, Biometrika 58: 545-554). Run it with
`python tests/benchmarks/drift.py`.
"""

from __future__ import annotations

import numpy as np

from sim.axes import FloatArray

SHARES = (0.456, 0.423, 0.419, 0.403, 0.384, 0.413, 0.432, 0.439)
"""Of Chinese brands in sales of passenger cars, 2010 to 2017, by CAAM; the first and the fourth are recalled."""

ORIGIN_HALF_LIFE = 3.0
LARGEST = 0.3
"""Most of either deviation, per year and of log-odds, that is looked at; both have flat priors up to it."""

_SIZES = np.arange(0.005, LARGEST, 0.01)
_HALF_LIVES = np.geomspace(0.7, 10.0, 12)
_POINTS = 24
"""In a year, of which the mean is taken."""

_YEARS = len(SHARES)
_TIME = (np.arange(_YEARS * _POINTS) + 0.5) / _POINTS
_APART = np.abs(_TIME[:, None] - _TIME)


def _of_years(covariance: FloatArray) -> FloatArray:
    """Covariance of yearly means."""
    means = np.kron(np.eye(_YEARS), np.full((1, _POINTS), 1.0 / _POINTS))
    return np.asarray(means @ covariance @ means.T)


def _of_origin() -> FloatArray:
    return _of_years(np.exp2(-_APART / ORIGIN_HALF_LIFE))


def _of_drift(half_life: float) -> FloatArray:
    """Of a stationary slope of deviation 1, cumulated from the first day: the level takes the rest."""
    rate = np.log(2.0) / half_life

    def half_variance(years: FloatArray) -> FloatArray:
        return np.asarray((rate * years + np.expm1(-rate * years)) / rate**2)

    return _of_years(half_variance(_TIME[:, None]) + half_variance(_TIME) - half_variance(_APART))


def _log_likelihood(covariance: FloatArray, known: FloatArray) -> float:
    """Restricted, of the log-odds, with the columns (Y, K) that are free taken out."""
    odds = np.log(SHARES) - np.log1p(-np.array(SHARES))
    root = np.linalg.cholesky(covariance)
    columns, values = np.linalg.solve(root, known), np.linalg.solve(root, odds)
    rest = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    lost = np.linalg.slogdet(columns.T @ columns)[1] / 2.0
    return float(-np.log(np.diag(root)).sum() - lost - rest @ rest / 2.0)


def _quantiles(values: FloatArray, weights: FloatArray) -> str:
    points = np.interp([0.05, 0.5, 0.95], np.cumsum(weights) / weights.sum(), values)
    return " / ".join(f"{point:.3f}" for point in points)


def main() -> None:
    """Print, with the mean drift free and without one, what is likely, and how much better luck of the drift does."""
    origin, drifts = _of_origin(), [_of_drift(half_life) for half_life in _HALF_LIVES]
    for name, known in (("mean drift free", np.vander(np.arange(_YEARS), 2)), ("none", np.ones((_YEARS, 1)))):
        without = np.array([_log_likelihood(size**2 * origin, known) for size in _SIZES])
        logs = np.array(
            [
                [[_log_likelihood(slope**2 * drift + size**2 * origin, known) for drift in drifts] for size in _SIZES]
                for slope in _SIZES
            ]
        )
        likelihood = np.exp(logs)
        print(f"{name}: 5 / 50 / 95% of luck of the slope, per year {_quantiles(_SIZES, likelihood.sum(axis=(1, 2)))}")
        print(f"  of origin {_quantiles(_SIZES, likelihood.sum(axis=(0, 2)))}")
        print(f"  half-life {_quantiles(_HALF_LIVES, likelihood.sum(axis=(0, 1)))}")
        print(f"  best log-likelihood {logs.max():.2f}, without luck of the slope {without.max():.2f}")
        print(f"  Bayes factor {likelihood.mean() / np.exp(without).mean():.2f}")


if __name__ == "__main__":
    main()
