"""What an analyst without a model would have forecast, draw by draw, from the same base year as the engine.

    last_share        the share stays what it was; its log-odds err by past changes
    last_growth       the market grows on as in the year to the base year
    fading_growth     the same, but growth fades towards the world's
    published_growth  the market grows as was published

Log size errs as past forecasts did, log-odds as shares have moved, both with the square root of the horizon; the
horizon counts from the middle of the base year. Revenue is size times the last share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import expit, exprel, logit, ndtri

from sim.axes import FloatArray
from sim.belief.matching import Match
from sim.belief.record import SHARES
from sim.chance.sampling import uniforms
from sim.model.economy import Economy
from sim.scenario.inputs import canonical, naive_numbers
from sim.scenario.scenario import Scenario

__all__ = ["NAIVE", "naive_draws", "naive_forecasts"]

Numbers = Mapping[str, FloatArray]

_SHARE: Final = "last_share"


def _constant(numbers: Numbers, first: FloatArray) -> tuple[FloatArray, FloatArray]:
    return first, first


def _fading(numbers: Numbers, first: FloatArray) -> tuple[FloatArray, FloatArray]:
    return first, np.log1p(numbers["growth_world"])


def _published(numbers: Numbers, first: FloatArray) -> tuple[FloatArray, FloatArray]:
    published = np.log1p(numbers["growth_published"])
    return published, published


_GROWTH: Final[Mapping[str, Callable[[Numbers, FloatArray], tuple[FloatArray, FloatArray]]]] = {
    "last_growth": _constant,
    "fading_growth": _fading,
    "published_growth": _published,
}
"""Forecasts of size: from a scenario's numbers and its last log growth to the log growth at first and in the end."""

NAIVE: Final = (_SHARE, *_GROWTH)
"""Names of the naive forecasts."""


def naive_draws(scenario: Scenario, scrambles: range) -> dict[str, FloatArray]:
    """The numbers of the naive forecasts in each draw, and the normal errors of size and share.

    Returns
    -------
    dict of str to (N,)
        Canonical units, by the last part of the path; errors as `size` and `share`. Empty without a `naive` section.
    """
    items = naive_numbers(scenario)
    if not items:
        return {}
    draws = {
        item.path.rpartition(".")[2]: canonical(scenario, item, uniforms(scenario.sampling, item.path, scrambles)[0])
        for item in items
    }
    errors = {
        kind: ndtri(uniforms(scenario.sampling, f"naive.error.{kind}", scrambles)[0]) for kind in ("size", "share")
    }
    return {**draws, **errors}


def naive_forecasts(
    matches: Sequence[Match], scenario: Scenario, economy: Economy, numbers: Numbers
) -> dict[str, FloatArray]:
    """Every naive forecast of every row.

    Parameters
    ----------
    matches : sequence of Match
        M rows.
    scenario : Scenario
    economy : Economy
        N draws of the base year.
    numbers : mapping of str to (N,)
        From `naive_draws`, of the same draws.

    Returns
    -------
    dict of str to (M, N)
        By the names in `NAIVE`; in the unit of the observation; NaN where a forecast does not apply to a row, or
        the scenario states no `naive` numbers.
    """
    found = {name: np.full((len(matches), economy.draws), np.nan) for name in NAIVE}
    for row, match in enumerate(matches if numbers else ()):
        if match.observation.variable in SHARES:
            found[_SHARE][row] = _last_share(match, scenario, economy, numbers)
        elif match.observation.variable in ("market_size", "revenue_gross"):
            for name in _GROWTH:
                found[name][row] = _money(name, match, scenario, economy, numbers)
    return found


def _years_ahead(match: Match, scenario: Scenario) -> FloatArray:
    """Time from the middle of the base year to that of each period of a row, in years; (T,)."""
    step = scenario.horizon.period_months / 12
    return (np.array(match.periods) + 0.5) * step + 0.5


def _last_share(match: Match, scenario: Scenario, economy: Economy, numbers: Numbers) -> FloatArray:
    """The share of the base year, whose log-odds have moved as in the past; (N,)."""
    group = set(match.members) in (set(scenario.foreign), set(scenario.domestic)) and len(match.members) > 1
    change = numbers["group_change" if group else "share_change"]
    horizon = math.sqrt(_years_ahead(match, scenario).mean())
    return np.asarray(expit(logit(_base_share(match, economy)) + change * horizon * numbers["share"]))


def _base_share(match: Match, economy: Economy) -> FloatArray:
    layers = [economy.layers.index(name) for name in match.layers]
    members = [economy.providers.index(name) for name in match.members]
    held = sum(economy.layer_shares[p, layer] * economy.layer_size[layer] for p in members for layer in layers)
    return np.asarray(held / sum(economy.layer_size[layer] for layer in layers))


def _money(name: str, match: Match, scenario: Scenario, economy: Economy, numbers: Numbers) -> FloatArray:
    """Size of the market at a naive growth, times the last share where a row is of revenue; (N,)."""
    size = _market_size(name, match, scenario, economy, numbers)
    share = 1.0 if match.observation.variable == "market_size" else _last_share(match, scenario, economy, numbers)
    years = scenario.horizon.period_months / 12 * len(match.periods)
    return np.asarray(size * share * (1.0 if match.observation.statistic == "annual_rate" else years))


def _market_size(name: str, match: Match, scenario: Scenario, economy: Economy, numbers: Numbers) -> FloatArray:
    """Mean spending per year over the periods of a row at a naive growth; (N,)."""
    step, months = scenario.horizon.period_months / 12, scenario.horizon.period_months
    first, last = _GROWTH[name](numbers, np.log1p(economy.inputs["market.growth_base"]))
    fade = math.log(2.0) / numbers["growth_fade"]
    ahead = _years_ahead(match, scenario)
    inside = np.asarray((np.arange(12 // months) + 0.5) * step - 0.5, dtype=np.float64)
    mean = np.exp(_log_growth(ahead, first, last, fade)).mean(axis=0)
    base = np.exp(_log_growth(inside, first, last, fade)).mean(axis=0)
    size = sum(economy.layer_size[economy.layers.index(layer)] for layer in match.layers)
    error = numbers["size_error"] * math.sqrt(ahead.mean()) * numbers["size"]
    return np.asarray(size * mean / base * np.exp(error))


def _log_growth(time: FloatArray, first: FloatArray, last: FloatArray, fade: FloatArray) -> FloatArray:
    """Log size over that in the middle of the base year, growth fading from then on; (T, N) from (T,) and (N,)."""
    later = np.maximum(time, 0.0)[:, None]
    return np.asarray(first * time[:, None] - (first - last) * later * (1.0 - exprel(-fade * later)))
