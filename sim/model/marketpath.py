"""The size of the market in each period, as it would be without opening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.axes import FloatArray
from sim.chance.worlds import Worlds
from sim.dates.dated import NOTHING_DATED, Change, Dated
from sim.kernels import growth
from sim.model.economy import LARGEST_EXPONENT, Economy, require
from sim.scenario.baseyear import Inputs, diffusion_speed, fade_rate, fading, median_forecast, yearly_growth
from sim.scenario.scenario import Scenario

__all__ = ["MarketPath", "market_path"]


@dataclass(frozen=True)
class MarketPath:
    """Market size without opening.

    Attributes
    ----------
    size : (T + 1, L, N)
        Spending by layer and period, the base year's last period first; bn/yr.
    growth : (T, L, N)
        Log growth per year.
    trend_growth : (T, L, N)
        The same without shocks and downward steps.
    total_trend_growth : (T + 1, N)
        The latter of the total, the base year's first.
    """

    size: FloatArray
    growth: FloatArray
    trend_growth: FloatArray
    total_trend_growth: FloatArray


def market_path(
    scenario: Scenario, economy: Economy, worlds: Worlds, step: float, periods: int, dated: Dated = NOTHING_DATED
) -> MarketPath:
    """Market size of each layer in each period.

    Equations (7) and (8) of docs/model.md.

    Raises
    ------
    NumericalError
        If a draw's growth cannot fade from its first to its long-run value so as to meet the median forecast.
    """
    inputs = economy.inputs
    first = np.log1p(inputs["market.growth_base"])
    since_middle = np.asarray(0.5 + (np.arange(periods + 1)[:, None] - 0.5) * step, dtype=np.float64)
    curve = _trend(scenario, inputs, since_middle, dated.changes.get("market.growth_long_run", ()))
    curve += (growth.step_compensation(inputs["market.step_rate"], inputs["market.step_size"]) * step) * np.arange(
        periods + 1
    )[:, None]
    shocks = np.concatenate([np.zeros((1, economy.draws)), worlds.market_shock + worlds.market_steps])
    log_total = np.log(economy.layer_size.sum(axis=0) * growth.last_base_period(first, step))
    log_total = log_total + (curve - curve[0]) + shocks
    bearable = (np.abs(log_total) < LARGEST_EXPONENT).all(axis=0)
    require("market.growth_*, volatility and step_* make a market too large or too small to compute with", bearable)
    size = _split_layers(scenario, economy, worlds, np.exp(log_total), since_middle)
    realised = np.diff(np.log(size), axis=0) / step
    luck = np.diff(shocks, axis=0) / step
    return MarketPath(size, realised, realised - luck[:, None], np.vstack([first, np.diff(curve, axis=0) / step]))


def _trend(scenario: Scenario, inputs: Inputs, since_middle: FloatArray, bends: Sequence[Change]) -> FloatArray:
    """Log size (T + 1, N) against the middle of the base year, without what makes up for downward steps.

    Equation (39) of docs/model.md.

    What steps of the calendar make of growth in the long run comes on top; in years of stated growth nothing does.
    """
    market, fade, long_run = scenario.market, fade_rate(scenario, inputs), np.log1p(inputs["market.growth_long_run"])
    fades = fading(scenario, inputs, fade)
    require(fades.refusal, fades.holds)
    middle, stated = scenario.horizon.base_year + 0.5, 0
    if market.forecast_years is None:
        yearly = yearly_growth(scenario, inputs)
        curve, stated = growth.dated_trend(since_middle, yearly, long_run, fade), len(yearly)
    else:
        curve = _fading_trend(scenario, inputs, since_middle, fade)
    for change in bends:
        gain = np.log1p(change.after) - np.log1p(change.before)
        curve += growth.bend(since_middle, np.maximum(change.since - middle, stated), gain, fade)
    return curve


def _fading_trend(scenario: Scenario, inputs: Inputs, since_middle: FloatArray, fade: FloatArray) -> FloatArray:
    """The same of growth that fades so as to meet a forecast, with the draw's own forecast."""
    market, long_run = scenario.market, np.log1p(inputs["market.growth_long_run"])
    assert market.forecast_years is not None
    first, span = np.log1p(inputs["market.growth_base"]), float(market.forecast_years)
    curve = growth.trend(since_middle, first, long_run, fade)
    forecast, expected = inputs["market.growth_forecast"], median_forecast(scenario)
    curve += growth.tilt(np.maximum(since_middle - 0.5, 0.0), forecast, expected, span)
    return curve


def _split_layers(
    scenario: Scenario, economy: Economy, worlds: Worlds, total: FloatArray, since_middle: FloatArray
) -> FloatArray:
    """Layer sizes (T + 1, L, N): some drift or spread, the others keep their proportions.

    Equation (9) of docs/model.md.
    """
    base = economy.layer_size / economy.layer_size.sum(axis=0)
    parts = {
        place: _part(scenario, economy, worlds, name, base[place], since_middle)
        for place, name in enumerate(economy.layers)
        if scenario.market.layers[name].moves
    }
    if not parts:
        return np.asarray(total[:, None] * base)
    taken, held = sum(parts.values()), sum(base[place] for place in parts)
    left = np.minimum(np.minimum.reduce(list(parts.values())), 1.0 - taken).min(axis=0) > _LEAST_LAYER
    require("market.layers.*: log_odds_drift or diffusion, and drift_fade, leave next to nothing of a layer", left)
    shares = base * ((1.0 - taken) / (1.0 - held))[:, None]
    for place, part in parts.items():
        shares[:, place] = part
    return np.asarray(total[:, None] * shares)


def _part(
    scenario: Scenario, economy: Economy, worlds: Worlds, layer: str, base: FloatArray, since_middle: FloatArray
) -> FloatArray:
    """Part of the total (T + 1, N) of a layer whose part moves, from the base year's (N,)."""
    inputs, path, stated = economy.inputs, f"market.layers.{layer}", scenario.market.layers[layer].diffusion
    if stated is None:
        odds = growth.layer_odds(since_middle, inputs[f"{path}.log_odds_drift"], inputs["market.drift_fade"])
        ratio = base / (1.0 - base) * np.exp(odds)
        return np.asarray(ratio / (1.0 + ratio))
    speed = diffusion_speed(scenario, inputs, layer, base)
    ceiling, luck = inputs[f"{path}.diffusion.ceiling"], np.zeros_like(since_middle)
    if layer in worlds.mix:
        luck = inputs[f"{path}.diffusion.sd"] * np.concatenate([np.zeros((1, economy.draws)), worlds.mix[layer]])
    return growth.diffused(since_middle, base, ceiling, speed, luck)


_LEAST_LAYER = 1e-12
