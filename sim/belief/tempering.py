"""Sequential Monte Carlo: from draws of the prior to equally weighted draws of the posterior.

The state of a particle is a vector of independent standard normals. Observations join one after the other, each as
far as the effective sample size bears; where it does not, the particles are resampled and moved until they have
forgotten where they were. What an observation adds to the log evidence, given those before it, falls out on the way.

Moves are preconditioned Crank–Nicolson steps, whose acceptance does not fall with the number of normals that the
likelihood does not see. In the few directions that it does see, their reference is not the prior but a normal with the
particles' own mean and covariance, and the acceptance probability makes up for it.

References
----------
Del Moral, P., Doucet, A. & Jasra, A. (2006), "Sequential Monte Carlo samplers", JRSS B 68.
Beskos, A., Jasra, A., Muzaffer, E. & Stuart, A. (2015), "Sequential Monte Carlo methods for Bayesian elliptic inverse
problems", Statistics and Computing 25: adaptive temperatures with moves of this kind.
Cotter, S., Roberts, G., Stuart, A. & White, D. (2013), "MCMC methods for functions", Statistical Science 28, eq. 4.7.
Rudolf, D. & Sprungk, B. (2018), "On a generalization of the preconditioned Crank–Nicolson Metropolis algorithm",
Foundations of Computational Mathematics 18: the reference that is not the prior.
Cui, T., Law, K. & Marzouk, Y. (2016), "Dimension-independent likelihood-informed MCMC", J. Comput. Phys. 304.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from sim.axes import FloatArray, IntArray
from sim.chance.sampling import Noise

__all__ = ["FORGOTTEN", "Rung", "Target", "Tempered", "effective_size", "informed_directions", "temper"]

_LEAST_SIZE: Final = 1 / 3
"""Share of the particles to which the effective size may fall before they are resampled."""

_HALVINGS: Final = 40
"""Steps of the bisection for a temperature: it is then exact to 1e-12."""

_FIRST_STEP: Final = 0.5
_SMALLEST_STEP: Final = 0.01
_WANTED: Final = 0.4
"""Acceptance that the size of the moves is steered to: large moves, of which a good part succeeds."""

FORGOTTEN: Final = 0.5
"""Squared distance moved, as a share of that between independent draws, at which the moves end."""

_MOST_TURNS: Final = 60
"""Moves after which they end in any case, so that the time is bounded."""

_NEW_DIRECTION: Final = 0.05
"""Part of a gradient that must be new for it to count as a direction of its own."""


_TURNS: Final = 16
"""Conjugate gradients of a regression: normals that are nearly independent need few, and noise is not worth more."""

_WIDER: Final = 1.2
"""Variance of the moves' reference over the particles' own: with heavier tails it is never too narrow for them."""

_RIDGE: Final = 1e-9
"""Variance that the reference has at least, so that it has a Cholesky factor."""


@dataclass(frozen=True)
class Target:
    """What is to be learned from.

    Attributes
    ----------
    dimensions : int
        Normals in a state, D.
    observe : callable
        States (D, N) to what is simulated of each of K observations, (K, N).
    log_likelihood : callable
        What is simulated (K, N) to the log likelihood of each observation, (K, N), finite.
    """

    dimensions: int
    observe: Callable[[FloatArray], FloatArray]
    log_likelihood: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder from prior to posterior.

    Attributes
    ----------
    observation : int
        Which joins.
    temperature : float
        How far it has joined, in (0, 1].
    effective_size : float
        Share of the particles, before they are resampled.
    turns : int
        Moves; 0 where the particles were only reweighted.
    acceptance, step : float
        Of the moves: mean share accepted, and size at their end; NaN without moves.
    forgotten : float
        Squared distance moved as a share of that between independent draws; NaN without moves.
    """

    observation: int
    temperature: float
    effective_size: float
    turns: int
    acceptance: float
    step: float
    forgotten: float

    @classmethod
    def from_numbers(cls, numbers: Sequence[float]) -> Rung:
        """A rung from its attributes in their order."""
        observation, temperature, size, turns, *moves = map(float, numbers)
        return cls(int(observation), temperature, size, int(turns), *moves)


@dataclass(frozen=True)
class Tempered:
    """A sample of the posterior.

    Attributes
    ----------
    state : array (D, N)
        Equally weighted.
    outputs : array (K, N)
        What is simulated of each observation.
    log_evidence : array (K,)
        What each observation adds, given those before it.
    rungs : tuple of Rung
    """

    state: FloatArray
    outputs: FloatArray
    log_evidence: FloatArray
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class _Swarm:
    """The particles: their states, what they simulate, and the log likelihood of that."""

    state: FloatArray
    outputs: FloatArray
    terms: FloatArray

    def take(self, which: IntArray) -> _Swarm:
        return _Swarm(self.state[:, which], self.outputs[:, which], self.terms[:, which])


def temper(target: Target, noise: Noise, particles: int) -> Tempered:
    """Draw from the posterior.

    Parameters
    ----------
    target : Target
    noise : Noise
        Decides the result, with the other arguments.
    particles : int
        N.

    Returns
    -------
    Tempered
    """
    swarm = _at(target, noise.normals("start", (target.dimensions, particles)))
    powers, evidence = (np.zeros(len(swarm.terms)) for _ in range(2))
    log_weights, step = np.zeros(particles), _FIRST_STEP
    rungs: list[Rung] = []
    for index in range(len(swarm.terms)):
        while powers[index] < 1:
            rise = _rise(log_weights, swarm.terms[index], 1 - powers[index])
            powers[index] = min(powers[index] + rise, 1.0)
            evidence[index] += _log_mean(log_weights, rise * swarm.terms[index])
            log_weights = log_weights + rise * swarm.terms[index]
            rung = Rung(index, float(powers[index]), effective_size(log_weights), 0, np.nan, step, np.nan)
            last = index == len(powers) - 1 and powers[index] == 1
            if powers[index] < 1 or last:
                swarm, rung = _renewed(target, swarm, powers, log_weights, noise, rung, len(rungs))
                log_weights, step = np.zeros(particles), rung.step
            rungs.append(rung)
    return Tempered(swarm.state, swarm.outputs, evidence, tuple(rungs))


def effective_size(log_weights: FloatArray) -> float:
    """Effective sample size as a share of the number of weights: 1 where all are equal."""
    weights = _normalised(log_weights)
    return float(1 / (len(weights) * (weights**2).sum()))


def informed_directions(state: FloatArray, outputs: FloatArray) -> FloatArray:
    """Orthonormal directions that span the gradients of what is simulated, as seen from where the particles are.

    Parameters
    ----------
    state : array (D, N)
    outputs : array (K, N)

    Returns
    -------
    array (D, R), R at most K
        By Gram–Schmidt; outputs that do not vary give none.
    """
    centred = state - state.mean(axis=1, keepdims=True)
    found: list[FloatArray] = []
    for row in outputs:
        gradient = _gradient(centred, row - row.mean())
        length = np.sqrt((gradient**2).sum())
        for _ in range(2):  # twice is enough against rounding
            for other in found:
                gradient = gradient - (gradient * other).sum() * other
        rest = np.sqrt((gradient**2).sum())
        if rest > _NEW_DIRECTION * length:
            found.append(gradient / rest)
    return np.stack(found, axis=1) if found else np.zeros((len(state), 0))


def _gradient(state: FloatArray, output: FloatArray) -> FloatArray:
    """Regression (D,) of a centred output (N,) on a centred state: conjugate gradients on the normal equations."""
    found = np.zeros(len(state))
    left = direction = _product(state, output[:, None])[:, 0]
    size = (left**2).sum()
    for _ in range(_TURNS):
        if size == 0:
            break
        image = _product(state, _product(direction[None], state).T)[:, 0]
        pace = size / (direction * image).sum()
        found, left = found + pace * direction, left - pace * image
        before, size = size, (left**2).sum()
        direction = left + size / before * direction
    return found


def _at(target: Target, state: FloatArray) -> _Swarm:
    outputs = target.observe(state)
    return _Swarm(state, outputs, target.log_likelihood(outputs))


def _normalised(log_weights: FloatArray) -> FloatArray:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def _log_mean(log_weights: FloatArray, log_values: FloatArray) -> float:
    """Log of the weighted mean of exponentials."""
    top = log_values.max()
    return float(top + np.log((_normalised(log_weights) * np.exp(log_values - top)).sum()))


def _rise(log_weights: FloatArray, term: FloatArray, most: float) -> float:
    """How far a temperature may rise, at most by `most`, before the effective size falls below its least."""
    if effective_size(log_weights + most * term) >= _LEAST_SIZE:
        return most
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if effective_size(log_weights + middle * term) >= _LEAST_SIZE else (low, middle)
    return high


def _renewed(
    target: Target,
    swarm: _Swarm,
    powers: FloatArray,
    log_weights: FloatArray,
    noise: Noise,
    rung: Rung,
    place: int,
) -> tuple[_Swarm, Rung]:
    """The particles resampled and moved, and the rung with what the moves were."""
    u = float(noise.uniforms(f"resample.{place}", (1,))[0])
    directions = informed_directions(swarm.state, swarm.outputs[powers > 0])
    start = swarm = swarm.take(_systematic(log_weights, u))
    reference = _Reference.of(directions, swarm.state)
    step, accepted, forgotten, turn = rung.step, 0.0, 0.0, 0
    while forgotten < FORGOTTEN and turn < _MOST_TURNS:
        swarm, share = _moved(target, reference, swarm, powers, step, noise, f"{place}.{turn}")
        accepted, turn = accepted + share, turn + 1
        step = min(max(step * math.exp(share - _WANTED), _SMALLEST_STEP), 1.0)
        forgotten = reference.distance(start.state, swarm.state)
    return swarm, replace(rung, turns=turn, acceptance=accepted / turn, step=step, forgotten=forgotten)


def _systematic(log_weights: FloatArray, u: float) -> IntArray:
    """Which particles survive, and how often: one stratum each, all with one uniform number."""
    cumulated = _normalised(log_weights).cumsum()
    count = len(cumulated)
    places = np.searchsorted(cumulated / cumulated[-1], (np.arange(count) + u) / count, side="right")
    return np.minimum(places, count - 1)


def _moved(
    target: Target,
    reference: _Reference,
    swarm: _Swarm,
    powers: FloatArray,
    step: float,
    noise: Noise,
    name: str,
) -> tuple[_Swarm, float]:
    """Every particle after one Metropolis–Hastings move, and the share that accepted it."""
    proposal = _at(target, reference.propose(swarm.state, step, noise.normals(f"move.{name}", swarm.state.shape)))
    gain = (powers[:, None] * (proposal.terms - swarm.terms)).sum(axis=0)
    gain += reference.log_ratio(swarm.state) - reference.log_ratio(proposal.state)
    accept = np.log1p(-noise.uniforms(f"accept.{name}", gain.shape)) < gain
    moved = (
        np.where(accept, new, old)
        for new, old in (
            (proposal.state, swarm.state),
            (proposal.outputs, swarm.outputs),
            (proposal.terms, swarm.terms),
        )
    )
    return _Swarm(*moved), float(accept.mean())


@dataclass(frozen=True)
class _Reference:
    """The normal law that moves leave as it is: the prior, but for mean and covariance in some directions.

    Attributes
    ----------
    directions : (D, R)
    mean : (R,)
    factor : (R, R)
        Lower Cholesky factor of the covariance.
    """

    directions: FloatArray
    mean: FloatArray
    factor: FloatArray

    @classmethod
    def of(cls, directions: FloatArray, state: FloatArray) -> _Reference:
        """With the moments of particles (D, N); a little wider, so that the tails are reached."""
        along = _product(directions.T, state)
        mean = along.mean(axis=1)
        apart = along - mean[:, None]
        covariance = _WIDER * _product(apart, apart.T) / along.shape[1] + _RIDGE * np.eye(len(mean))
        return cls(directions, mean, np.linalg.cholesky(covariance))

    @cached_property
    def _inverse(self) -> FloatArray:
        return np.asarray(np.linalg.inv(self.factor), dtype=np.float64)

    def propose(self, state: FloatArray, step: float, fresh: FloatArray) -> FloatArray:
        """A state near `state`; the larger the step, the more of it is fresh noise."""
        stay = np.sqrt(1 - step**2)
        along, fresh_along = _product(self.directions.T, state), _product(self.directions.T, fresh)
        moved = self.mean[:, None] + stay * (along - self.mean[:, None]) + step * _product(self.factor, fresh_along)
        prior = stay * along + step * fresh_along
        return np.asarray(stay * state + step * fresh + _product(self.directions, moved - prior))

    def log_ratio(self, state: FloatArray) -> FloatArray:
        """Log density of the reference over the prior's, but for a constant; (N,)."""
        along = _product(self.directions.T, state)
        white = _product(self._inverse, along - self.mean[:, None])
        return np.asarray((along**2).sum(axis=0) - (white**2).sum(axis=0)) / 2

    def distance(self, start: FloatArray, end: FloatArray) -> float:
        """Mean squared distance as a share of that of independent draws: in the directions or the rest, the less."""
        moved = end - start
        along = _product(self.directions.T, moved)
        white = _product(self._inverse, along)
        rest = float((moved**2).sum() - (along**2).sum())
        inside, outside = self.directions.shape[1], len(moved) - self.directions.shape[1]
        shares: list[float] = [_WIDER * float((white**2).sum()) / inside] if inside else []
        shares += [rest / outside] if outside else []
        draws: int = moved.shape[1]
        return min(shares) / (2 * draws)


def _product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Matrix product by plain sums, because a library's bits depend on its threads."""
    return np.asarray(np.einsum("ij,jk->ik", left, right))
