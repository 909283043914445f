"""What the engine and the naive forecasts say of every matched row, draw by draw, as it would be measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.belief.matching import Match, path, periods_needed, simulated
from sim.belief.naive import naive_draws, naive_forecasts
from sim.belief.record import Series
from sim.belief.scores import measured
from sim.chance.sampling import draw_worlds, uniforms
from sim.dates.timeline import Masks, Timeline
from sim.model.economy import Economy
from sim.model.engine import observe
from sim.model.record import Record
from sim.scenario.scenario import Scenario

__all__ = ["Forecasts", "forecast_scramble", "one_of_each"]

_ENGINE, _NAIVE, _PATH = "engine", "naive.", "path."


@dataclass(frozen=True)
class Forecasts:
    """Draws of every forecast.

    Attributes
    ----------
    engine : (M, N)
        By row, errors of measurement included.
    naive : mapping of str to (M, N)
        The same by naive forecast; NaN where one does not apply.
    paths : mapping of Series to (T, N)
        The engine's series of money and shares by period, without errors of measurement: bn/yr, or fraction.
    """

    engine: FloatArray
    naive: Mapping[str, FloatArray]
    paths: Mapping[Series, FloatArray]

    def arrays(self) -> dict[str, FloatArray]:
        """The same as named arrays, paths in the order of the record."""
        naive = {f"{_NAIVE}{name}": draws for name, draws in self.naive.items()}
        return {
            _ENGINE: self.engine,
            **naive,
            **{f"{_PATH}{place}": own for place, own in enumerate(self.paths.values())},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray], matches: Sequence[Match]) -> Forecasts:
        """What `arrays` gave, of the same rows."""
        naive = {name.removeprefix(_NAIVE): own for name, own in arrays.items() if name.startswith(_NAIVE)}
        paths = {series: arrays[f"{_PATH}{place}"] for place, series in enumerate(one_of_each(matches))}
        return cls(arrays[_ENGINE], naive, paths)


def one_of_each(matches: Sequence[Match]) -> dict[Series, Match]:
    """The first row of each series that is money or a share, in the order of the record."""
    found: dict[Series, Match] = {}
    for match in matches:
        if match.layers:
            found.setdefault(match.observation.series, match)
    return found


def forecast_scramble(scenario: Scenario, matches: Sequence[Match], number: int) -> Forecasts:
    """The forecasts of one scramble: 512 draws.

    Raises
    ------
    NumericalError
        A draw has no base year or no growth path.
    """
    scrambles = range(number, number + 1)
    numbers = naive_draws(scenario, scrambles)
    names = [f"measurement.{match.observation.id}" for match in matches]
    errors = [uniforms(scenario.sampling, name, scrambles)[0] for name in names]

    def read(economy: Economy, record: Record, timeline: Timeline, masks: Masks) -> Forecasts:
        truth = simulated(matches, scenario, economy, record, timeline)
        naive = naive_forecasts(matches, scenario, economy, numbers)
        return Forecasts(
            _measured(truth, matches, errors),
            {name: _measured(values, matches, errors) for name, values in naive.items()},
            {series: path(match, economy, record) for series, match in one_of_each(matches).items()},
        )

    worlds = draw_worlds(scenario, scrambles)
    (found,) = observe(scenario, worlds, read, periods=periods_needed(matches), block=DRAWS_PER_SCRAMBLE)
    return found


def _measured(values: FloatArray, matches: Sequence[Match], errors: Sequence[FloatArray]) -> FloatArray:
    rows = zip(values, matches, errors, strict=True)
    return np.array([measured(draws, match.observation, u) for draws, match, u in rows])
