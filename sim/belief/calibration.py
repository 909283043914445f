"""Learning from a record: independent samples of the worlds that agree with it.

Each scramble of the posterior comes from a calibration of its own, with its own random numbers; so the spread over
scrambles is what it is for any run, a standard error. Within a calibration the particles are equally weighted at the
end, and every second or so becomes a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Final

import numpy as np

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray, join_draws
from sim.belief.likelihood import Likelihood, likelihood_of
from sim.belief.matching import Match, simulated
from sim.belief.space import Space, find_space, middle_of
from sim.belief.tempering import Rung, Target, effective_size, temper
from sim.chance.sampling import Noise, columns_of, draw_latents
from sim.chance.worlds import Columns, Latents, worlds_of
from sim.dates.timeline import Masks, Timeline
from sim.model.economy import Economy
from sim.model.engine import observe
from sim.model.record import Record
from sim.scenario.scenario import Scenario

__all__ = [
    "PARTICLES",
    "PILOT",
    "Calibration",
    "Pilot",
    "Replicate",
    "Teacher",
    "calibration",
    "pilot",
    "prior_rows",
    "replicate",
    "teacher",
]

PARTICLES: Final = 2 * DRAWS_PER_SCRAMBLE
"""Of a calibration; half of them become rows, which are then less alike than all of them."""

PILOT: Final = 16
"""Scrambles of prior draws on which the record is held against the prior."""


@dataclass(frozen=True)
class Teacher:
    """What is learned from, and how a world is held against it.

    Attributes
    ----------
    scenario : Scenario
        With a horizon that ends with the record.
    matches : tuple of Match
        The K observations in the order in which they join.
    likelihood : Likelihood
    space : Space
    """

    scenario: Scenario
    matches: tuple[Match, ...]
    likelihood: Likelihood
    space: Space

    def expected(self, state: FloatArray) -> FloatArray:
        """What would be observed in the worlds of some states (D, N), on the scale of the rows; (K, N)."""
        others = middle_of(self.scenario, state.shape[1])
        simulated_rows = _simulate(self.scenario, self.matches, self.space.latents_of(state, others))
        return self.likelihood.expected(simulated_rows, self.space.biases_of(state))

    def target(self) -> Target:
        """The same for the sampler."""
        return Target(self.space.dimensions, self.expected, self.likelihood.log_density)


def teacher(scenario: Scenario, matches: Sequence[Match]) -> Teacher:
    """Put the observations in order, and find the latents that they can say something of.

    Parameters
    ----------
    scenario : Scenario
        States a discrepancy.
    matches : sequence of Match
        At least one, all usable.
    """
    ordered = tuple(sorted(matches, key=lambda match: (match.observation.end, match.observation.id)))
    brief = _until(scenario, max(match.observation.end.year for match in ordered))
    likelihood = likelihood_of(ordered, scenario)
    space = find_space(brief, partial(_simulate, brief, ordered), len(likelihood.biases))
    return Teacher(brief, ordered, likelihood, space)


def _until(scenario: Scenario, year: int) -> Scenario:
    horizon = scenario.horizon.model_copy(update={"end_year": min(year, scenario.horizon.end_year)})
    return scenario.model_copy(update={"horizon": horizon})


def _simulate(scenario: Scenario, matches: Sequence[Match], latents: Latents) -> FloatArray:
    """What the engine says of each row, (K, N)."""

    def read(economy: Economy, record: Record, timeline: Timeline, masks: Masks) -> FloatArray:
        return simulated(matches, scenario, economy, record, timeline)

    worlds = worlds_of(scenario, columns_of(scenario, latents))
    return join_draws(observe(scenario, worlds, read))


@dataclass(frozen=True)
class Pilot:
    """The record held against draws of the prior.

    Attributes
    ----------
    expected : array (K, N)
    effective_draws : float
        Of plain reweighting: how many of the N draws would be left.
    """

    expected: FloatArray
    effective_draws: float


def pilot(teach: Teacher, expected: FloatArray) -> Pilot:
    """Hold the record against draws of the prior, given what would be observed in them, (K, N)."""
    log_weights = teach.likelihood.log_density(expected).sum(axis=0)
    return Pilot(expected, effective_size(log_weights) * len(log_weights))


def prior_rows(teach: Teacher, scenario: Scenario, number: int) -> FloatArray:
    """What would be observed in one scramble of the prior's draws, (K, 512)."""
    biases = Noise(scenario.sampling.seed, number).normals("pilot", (teach.space.biases, DRAWS_PER_SCRAMBLE))
    return teach.expected(teach.space.state_of(draw_latents(scenario, number), biases))


@dataclass(frozen=True)
class Replicate:
    """One calibration: a scramble of the posterior.

    Attributes
    ----------
    state : array (D, 512)
    expected : array (K, 512)
    log_evidence : array (K,)
    rungs : tuple of Rung
    """

    state: FloatArray
    expected: FloatArray
    log_evidence: FloatArray
    rungs: tuple[Rung, ...]

    def arrays(self) -> dict[str, FloatArray]:
        """The same as named arrays."""
        return {**{name: getattr(self, name) for name in _ARRAYS}, "rungs": np.array(list(map(astuple, self.rungs)))}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Replicate:
        """What `arrays` gave."""
        state, expected, log_evidence = (arrays[name] for name in _ARRAYS)
        return cls(state, expected, log_evidence, tuple(map(Rung.from_numbers, arrays["rungs"])))


_ARRAYS: Final = ("state", "expected", "log_evidence")


@dataclass(frozen=True)
class Calibration:
    """What was learned.

    Attributes
    ----------
    teacher : Teacher
    pilot : Pilot
    replicates : tuple of Replicate
    prior, posterior : Columns
        Of the same draws; what the record says nothing of is the same in both.
    """

    teacher: Teacher
    pilot: Pilot
    replicates: tuple[Replicate, ...]
    prior: Columns
    posterior: Columns

    @property
    def particles(self) -> int:
        """Of each calibration."""
        return PARTICLES

    @property
    def expected(self) -> FloatArray:
        """What would be observed in each row of the posterior, (K, N)."""
        return join_draws([one.expected for one in self.replicates])

    @property
    def biases(self) -> FloatArray:
        """Discrepancies that rows of a series share, standard normals, (B, N)."""
        return join_draws([self.teacher.space.biases_of(one.state) for one in self.replicates])

    @property
    def log_evidence(self) -> FloatArray:
        """What each observation adds to the log evidence given those before it, by calibration; (replicates, K)."""
        return np.stack([one.log_evidence for one in self.replicates])


def calibration(teach: Teacher, scenario: Scenario, first: Pilot, replicates: Sequence[Replicate]) -> Calibration:
    """What independent calibrations have learned, as columns of worlds.

    Parameters
    ----------
    teach : Teacher
    scenario : Scenario
        With its whole horizon; gives seed and draws.
    first : Pilot
    replicates : sequence of Replicate
        As many as the scenario has scrambles of draws, in order.
    """
    latents = [draw_latents(scenario, number) for number in range(len(replicates))]
    learned = [teach.space.latents_of(one.state, others) for one, others in zip(replicates, latents, strict=True)]
    prior, posterior = (join_draws([columns_of(scenario, one) for one in group]) for group in (latents, learned))
    return Calibration(teach, first, tuple(replicates), prior, posterior)


def replicate(teach: Teacher, seed: int, number: int) -> Replicate:
    """Learn from a record once, with random numbers of its own."""
    found = temper(teach.target(), Noise(seed, number), PARTICLES)
    rows = slice(None, None, PARTICLES // DRAWS_PER_SCRAMBLE)
    return Replicate(found.state[:, rows].copy(), found.outputs[:, rows].copy(), found.log_evidence, found.rungs)
