"""How likely an observation is where the engine says what it says.

Between the two stand the error of measurement, from the observation's `low` and `high`, and the discrepancy of the
model, which even in the right world would not hit the mark: definitions differ, and houses revise. Sizes and revenue
are compared in logs and shares in log-odds; there all errors are additive.

The discrepancy of a series is one part that all its rows share, a bias, and one part that each row has of its own.
Revenue is size times share, so its discrepancy is theirs together: a row of revenue is no new fact where size and
share were observed. Errors of measurement are taken as independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.special import expit, log_ndtr, logit, ndtri

from sim.axes import EDGE, FloatArray
from sim.belief.matching import Match
from sim.belief.record import MONEY, SHARES, Observation
from sim.errors import Problem, ScenarioError
from sim.scenario.inputs import canonical, record_numbers
from sim.scenario.scenario import Scenario

__all__ = ["Likelihood", "Scale", "from_scale", "likelihood_of", "scale_of", "to_scale", "unusable"]

Scale: TypeAlias = Literal["log", "log-odds", "years", "yes or no"]

_Z95: Final = float(ndtri(0.95))
_TINY: Final = 1e-300
"""Stands in for a flow or a share of nothing, whose log does not exist."""

_FAR: Final = 1e6
"""Years; stands in for the distance to a date that never comes."""


@dataclass(frozen=True)
class Likelihood:
    """Of K observations; every number on the scale of its row.

    Attributes
    ----------
    scales : tuple of Scale
    observed : array (K,)
    below, above : array (K,)
        Standard deviations of the two halves of the measurement error: how far the truth may lie under and over what
        was observed.
    own : array (K,)
        Standard deviation of the discrepancy that a row has of its own.
    biases : tuple of str
        Names of the B discrepancies that rows share; each is a standard normal.
    loadings : array (K, B)
        Standard deviation that each of them gives to each row.
    event : float
        Chance of a wrong yes or no.
    span : float
        Years over which a wrong date may lie.
    """

    scales: tuple[Scale, ...]
    observed: FloatArray
    below: FloatArray
    above: FloatArray
    own: FloatArray
    biases: tuple[str, ...]
    loadings: FloatArray
    event: float
    span: float

    def expected(self, simulated: FloatArray, biases: FloatArray) -> FloatArray:
        """What would be observed without a row's own errors, on the scale of the rows; (K, N).

        Parameters
        ----------
        simulated : array (K, N)
            In the units of the observations.
        biases : array (B, N)
            Standard normals.
        """
        scaled = np.stack([to_scale(scale, row) for scale, row in zip(self.scales, simulated, strict=True)])
        for bias, loading in zip(biases, self.loadings.T, strict=True):
            scaled += loading[:, None] * bias
        return scaled

    def log_density(self, expected: FloatArray) -> FloatArray:
        """Log likelihood of each observation, (K, N), from what `expected` returns.

        The truth is the observation plus a two-piece normal error, and the engine plus a normal one.
        """
        agrees = expected == self.observed[:, None]
        density: FloatArray = np.where(agrees, math.log1p(-self.event), math.log(self.event))
        measured, dates = self._rows("log", "log-odds", "years"), self._rows("years")
        apart = expected[measured] - self.observed[measured, None]
        density[measured] = _two_piece_plus_normal(
            np.clip(apart, -_FAR, _FAR), self.below[measured], self.above[measured], self.own[measured]
        )
        density[dates] = np.logaddexp(math.log1p(-self.event) + density[dates], math.log(self.event / self.span))
        return density

    def _rows(self, *scales: Scale) -> list[int]:
        return [row for row, scale in enumerate(self.scales) if scale in scales]

    def distance(self, expected: FloatArray) -> FloatArray:
        """How many standard deviations what was observed lies above what was expected, (K, N).

        For a yes or no 0 where they agree, else infinite with the sign of the difference.
        """
        apart = self.observed[:, None] - expected
        side = np.where(apart < 0, self.above[:, None], self.below[:, None])
        with np.errstate(divide="ignore"):  # without any error, what differs is infinitely far
            return np.divide(apart, np.hypot(side, self.own[:, None]), out=np.zeros(apart.shape), where=apart != 0)

    def predicted(self, expected: FloatArray, errors: FloatArray) -> FloatArray:
        """Observations as they might have come out, in their own units; (K, N).

        Parameters
        ----------
        expected : array (K, N)
        errors : array (2, K, N)
            Standard normals: of the rows' own discrepancy and of the measurement.
        """
        rows = zip(self.scales, self.scaled_prediction(expected, errors), strict=True)
        return np.stack([from_scale(scale, row) for scale, row in rows])

    def scaled_prediction(self, expected: FloatArray, errors: FloatArray) -> FloatArray:
        """The same on the scale of the rows."""
        own, measured = errors
        # What was observed lies under the truth where the truth lies over it.
        side = np.where(measured < 0, self.above[:, None], self.below[:, None])
        return np.asarray(expected + self.own[:, None] * own + side * measured)


def _two_piece_plus_normal(apart: FloatArray, below: FloatArray, above: FloatArray, own: FloatArray) -> FloatArray:
    """Log density (K, N) at `apart` (K, N) of a two-piece normal error less a normal one; sds (K,), `own` above 0.

    A half normal and a normal add up to a skew normal (Azzalini 1985).
    """
    halves = []
    for side, sd in ((apart, above), (-apart, below)):
        total = np.hypot(sd, own)[:, None]
        slope = (sd / own)[:, None] / total
        normal = -0.5 * ((side / total) ** 2 + np.log(2 * np.pi)) - np.log(total)
        halves.append(normal + log_ndtr(slope * side))
    return np.asarray(np.logaddexp(*halves))


def likelihood_of(matches: Sequence[Match], scenario: Scenario) -> Likelihood:
    """The likelihood of matched observations, none of them `unusable`, under the scenario's discrepancy.

    Raises
    ------
    ScenarioError
        The scenario states no discrepancy.
    """
    allowed = _discrepancy(scenario)
    rows = [match.observation for match in matches]
    scales = tuple(map(scale_of, rows))
    points = np.array(
        [to_scale(scale, np.array([row.low, row.value, row.high])) for scale, row in zip(scales, rows, strict=True)]
    ).reshape(-1, 3)
    sds = [_spreads(row, allowed) for row in rows]
    biases = tuple(dict.fromkeys(name for found in sds for name in found))
    loadings = np.array([[found.get(name, 0.0) for name in biases] for found in sds]).reshape(len(rows), len(biases))
    shared = allowed["persistence"]
    own = np.sqrt((1 - shared) * (loadings**2).sum(axis=1))
    own[[scale == "years" for scale in scales]] = allowed["date"]
    return Likelihood(
        scales=scales,
        observed=points[:, 1],
        below=(points[:, 1] - points[:, 0]) / _Z95,
        above=(points[:, 2] - points[:, 1]) / _Z95,
        own=own,
        biases=biases,
        loadings=np.sqrt(shared) * loadings,
        event=allowed["event"],
        span=float(scenario.horizon.end_year - scenario.horizon.base_year),
    )


def _discrepancy(scenario: Scenario) -> dict[str, float]:
    """The numbers of `discrepancy`, in canonical units."""
    if scenario.discrepancy is None:
        message = (
            "learning from a record needs the section 'discrepancy', how far the engine may be from a record where it "
            "is right: size and share (unit '1'), persistence and event (fraction), date (months)"
        )
        raise ScenarioError([Problem("", 0, 0, scenario.name, message)])
    half = np.array([0.5])
    items = [item for item in record_numbers(scenario) if item.path.startswith("discrepancy.")]
    return {item.path.partition(".")[2]: float(canonical(scenario, item, half)[0]) for item in items}


def scale_of(observation: Observation) -> Scale:
    """On which scale an observation is compared."""
    if observation.variable in MONEY:
        return "log"
    if observation.variable in SHARES:
        return "log-odds"
    return "years" if observation.statistic == "date" else "yes or no"


def to_scale(scale: Scale, values: FloatArray) -> FloatArray:
    """Values in the unit of their observation, on its scale."""
    if scale == "log":
        return np.asarray(np.log(np.maximum(values, _TINY)))
    if scale == "log-odds":
        return np.asarray(logit(np.clip(values, _TINY, 1 - EDGE)))
    return values


def from_scale(scale: Scale, values: FloatArray) -> FloatArray:
    """Values on the scale of a row, in the unit of its observation."""
    if scale == "log":
        return np.asarray(np.exp(values))
    return np.asarray(expit(values)) if scale == "log-odds" else values


def unusable(observation: Observation) -> str:
    """Why no likelihood can be stated for an observation; empty if it can."""
    if scale_of(observation) == "log-odds" and not 0 < observation.low <= observation.high < 1:
        return "a share of 0 or 1, or whose range reaches there, has no log-odds"
    if scale_of(observation) == "log" and observation.low <= 0:
        return "money whose range reaches 0 has no log"
    return ""


def _spreads(observation: Observation, allowed: Mapping[str, float]) -> dict[str, float]:
    """The discrepancies that an observation is subject to: name to standard deviation."""
    size = {f"size.{observation.scope}": allowed["size"]}
    share = {f"share.{observation.scope}.{observation.item or 'foreign'}": allowed["share"]}
    if observation.variable == "market_size":
        return size
    if observation.variable in SHARES:
        return share
    return {**size, **share} if observation.variable in MONEY else {}
