"""Simulation-based calibration: worlds of the prior, records made of them, and where each world falls in its posterior.

If the posterior is right, the rank of the true value among draws of it is uniform.

References
----------
Talts, S., Betancourt, M., Simpson, D., Vehtari, A. & Gelman, A. (2018), "Validating Bayesian inference algorithms with
simulation-based calibration", arXiv:1804.06788.
Säilynoja, T., Bürkner, P.-C. & Vehtari, A. (2022), "Graphical test for discrete uniformity and its applications in
goodness-of-fit evaluation and multiple sample comparison", Statistics and Computing 32: the simultaneous band.
Modrák, M. et al. (2023), "Simulation-based calibration checking for Bayesian computation: the choice of test
quantities shapes sensitivity", Bayesian Analysis: the log likelihood as a quantity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.stats

from sim.axes import FloatArray
from sim.belief.calibration import Teacher
from sim.belief.tempering import temper
from sim.chance.sampling import Noise

_SIMULATED = 4000
"""Samples of uniform ranks from which the chance of a deviation is found."""


def quantities(teach: Teacher, state: FloatArray, expected: FloatArray) -> dict[str, FloatArray]:
    """Every latent input, the sum of each path, the biases, every observation and the log likelihood."""
    space, place = teach.space, 0
    found: dict[str, FloatArray] = {}
    for name in (*space.inputs, *space.events):
        found[name], place = state[place], place + 1
    for path in space.shocks:
        found[path] = state[place : place + space.rows[path]].sum(axis=0)
        place += space.rows[path]
    found |= {f"bias {name}": row for name, row in zip(teach.likelihood.biases, space.biases_of(state), strict=True)}
    measured = zip(teach.matches, teach.likelihood.scales, expected, strict=True)
    found |= {match.observation.id: row for match, scale, row in measured if scale != "yes or no"}
    return {**found, "log likelihood": teach.likelihood.log_density(expected).sum(axis=0)}


def rank_of_truth(teach: Teacher, seed: int, number: int, particles: int, kept: int) -> dict[str, int]:
    """Ranks, 0 to `kept`, of one world's quantities among those of a posterior learned from a record of its own."""
    noise = Noise(seed, number)
    truth = noise.normals("truth", (teach.space.dimensions, 2))
    expected = teach.expected(truth)
    errors = noise.normals("errors", (2, *expected.shape))
    record = teach.likelihood.scaled_prediction(expected, errors)[:, 0]
    learner = replace(teach, likelihood=replace(teach.likelihood, observed=record))
    posterior = temper(learner.target(), noise, particles)
    few = np.linspace(0, particles - 1, kept).astype(int)
    true = quantities(learner, truth[:, :1], expected[:, :1])
    drawn = quantities(learner, posterior.state[:, few], posterior.outputs[:, few])
    return {name: int((drawn[name] < value[0]).sum()) for name, value in true.items()}


def chance(ranks: np.ndarray, kept: int) -> float:
    """Chance that ranks which are uniform on 0 … `kept` stray so far from a straight line, anywhere along it."""
    generator = np.random.default_rng(0)
    uniform = generator.integers(0, kept + 1, (_SIMULATED, len(ranks)))
    stray = _farthest(uniform, kept)
    return float((stray <= _farthest(ranks[None], kept)[0]).mean())


def _farthest(ranks: np.ndarray, kept: int) -> FloatArray:
    """Least pointwise probability of the number of ranks up to each value, two-sided; (samples,)."""
    counts = np.stack([(ranks <= value).sum(axis=1) for value in range(kept)], axis=1)
    probability = np.arange(1, kept + 1) / (kept + 1)
    below = scipy.stats.binom.cdf(counts, ranks.shape[1], probability)
    above = scipy.stats.binom.sf(counts - 1, ranks.shape[1], probability)
    return np.asarray(2 * np.minimum(below, above).min(axis=1))
