"""What a record taught: each parameter before and after, each observation as foreseen and as learned from, in tables.

How much a parameter was informed is measured on its normal scores under the prior, so that a unit or a skew is no
matter: the Kullback–Leibler divergence of a normal with their mean and standard deviation from the prior's, in nats. A
tenth of a standard deviation, or a fall of it by a tenth, is 0.005 to 0.01; a halving is 0.32.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.special import chdtri, ndtr, ndtri

from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.belief.calibration import Calibration, Pilot, Teacher
from sim.belief.likelihood import Scale, from_scale
from sim.belief.record import Observation
from sim.chance.sampling import Noise
from sim.chance.worlds import CATCH_UP, Columns, worlds_of
from sim.errors import Problem
from sim.outcomes.statistics import FEWEST_SCRAMBLES
from sim.scenario.inputs import canonical_unit, inputs
from sim.scenario.scenario import Scenario

__all__ = [
    "LEAST_INFORMATION",
    "LessonRow",
    "ObservationRow",
    "RungRow",
    "contradicted",
    "contradicted_jointly",
    "evidence",
    "lessons",
    "observation_rows",
    "rung_rows",
    "subjects",
]

LEAST_INFORMATION: Final = 0.005
"""Nats; below a move by a tenth of a standard deviation nobody need care whether there was one."""

_ERRORS: Final = 3.0
"""Standard errors by which a mean and a spread may move for no reason."""

_NO_CHANCE: Final = 1e-6
"""Chance of an observation so far out, below which the record is wrong or the prior is."""

_LEVELS: Final = (0.05, 0.5, 0.95)


class LessonRow(NamedTuple):
    """A parameter before and after.

    `kind` is input, shock (a path at the end of the record) or discrepancy (of a series). `shift` is in standard
    deviations of the prior, `contraction` is 1 - variance / prior variance, both of normal scores, as `information`
    is, in nats; `noise` is the information that so many rows show of a parameter that was not informed.
    """

    parameter: str
    kind: str
    unit: str
    prior_mean: float
    prior_sd: float
    prior_p05: float
    prior_p50: float
    prior_p95: float
    posterior_mean: float
    posterior_sd: float
    posterior_p05: float
    posterior_p50: float
    posterior_p95: float
    shift: float
    contraction: float
    information: float
    noise: float
    informed: str


class ObservationRow(NamedTuple):
    """An observation, what was foreseen of it with all errors, and what it added.

    `prior_tail` is the chance under the prior of an observation as far out or farther. `log_evidence` is what the row
    adds to the log evidence given those that joined before it, in order of `joined`; it sums to the record's.
    """

    id: str
    variable: str
    scope: str
    item: str
    period_start: str
    period_end: str
    statistic: str
    unit: str
    observed: float
    low: float | None
    high: float | None
    prior_p05: float | None
    prior_p50: float | None
    prior_p95: float | None
    posterior_p05: float | None
    posterior_p50: float | None
    posterior_p95: float | None
    prior_tail: float | None
    joined: int | None
    log_evidence: float | None
    log_evidence_se: float | None
    used: str
    reason: str


class RungRow(NamedTuple):
    """A temperature of one calibration; `effective_sample` of its particles, before they were resampled."""

    calibration: int
    observation: str
    temperature: float
    effective_sample: float
    particles: int
    moves: int
    acceptance: float
    step: float
    moved: float


def lessons(learned: Calibration, scenario: Scenario) -> list[LessonRow]:
    """Every uncertain input, path of shocks and discrepancy, the most informed of each kind first."""
    rows = [_lesson(*subject) for subject in subjects(learned, scenario)]
    kinds = list(dict.fromkeys(row.kind for row in rows))
    return sorted(rows, key=lambda row: (kinds.index(row.kind), row.informed != "yes", -row.information))


def subjects(learned: Calibration, scenario: Scenario) -> Iterator[tuple[str, str, str, FloatArray, FloatArray]]:
    """Name, kind, unit, and values before and after."""
    before, after = learned.prior.inputs, learned.posterior.inputs
    for item in inputs(scenario):
        if not item.record.is_fixed:
            yield item.name, "input", canonical_unit(scenario, item.dimension), before[item.name], after[item.name]
    last = max(match.periods.stop for match in learned.teacher.matches)
    if last:
        paths = (_paths(scenario, columns, last - 1) for columns in (learned.prior, learned.posterior))
        prior, posterior = paths
        for name, values in prior.items():
            yield name, "shock", "1", values, posterior[name]
    likelihood, count = learned.teacher.likelihood, learned.biases.shape[1]
    standard = np.asarray(ndtri((np.arange(count) + 0.5) / count))
    for bias, sds, values in zip(likelihood.biases, likelihood.loadings.T, learned.biases, strict=True):
        yield f"discrepancy.{bias}", "discrepancy", "1", sds.max() * standard, sds.max() * values


def _paths(scenario: Scenario, columns: Columns, period: int) -> dict[str, FloatArray]:
    """Every path of shocks at the end of a period, (N,)."""
    worlds = worlds_of(scenario, columns)
    providers = scenario.domestic + scenario.foreign
    named = {
        f"shock.rivalry.{name}": worlds.rivalry[period, place]
        for place, name in enumerate(providers)
        if not scenario.providers[name].fringe
    }
    return {
        "shock.market": worlds.market_shock[period],
        "market_steps": worlds.market_steps[period],
        **named,
        "shock.origin": worlds.origin_shock[period],
        **{f"shock.mix.{name}": path[period] for name, path in worlds.mix.items()},
        **({CATCH_UP: worlds.catch_up_shock[period]} if CATCH_UP in columns.shocks else {}),
    }


def _lesson(name: str, kind: str, unit: str, prior: FloatArray, posterior: FloatArray) -> LessonRow:
    before, after = _scores(prior, prior), _scores(prior, posterior)
    shift, ratio, noise = _moved(before, after) if before.any() else (0.0, 1.0, 0.0)
    information = (shift**2 + ratio**2 - 1) / 2 - math.log(max(ratio, sys.float_info.min))
    informed = "yes" if information > max(noise, LEAST_INFORMATION) else "no"
    found = (shift, 1 - ratio**2, information, noise, informed)
    return LessonRow._make((name, kind, unit, *_summary(prior), *_summary(posterior), *found))


def _moved(before: FloatArray, after: FloatArray) -> tuple[float, float, float]:
    """Shift of the mean in standard deviations, ratio of these, and the information that noise would show."""
    spread, parts = before.std(), after.reshape(-1, DRAWS_PER_SCRAMBLE)
    noise = _noise(parts.mean(axis=1) / spread, parts.std(axis=1) / spread)
    return float((after.mean() - before.mean()) / spread), float(after.std() / spread), noise


def _summary(values: FloatArray) -> tuple[float, ...]:
    return float(values.mean()), float(values.std()), *np.quantile(values, _LEVELS).tolist()


def _scores(prior: FloatArray, values: FloatArray) -> FloatArray:
    """Normal scores of values: of their middle rank among the prior's."""
    ordered = np.sort(prior)
    below, upto = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    place = (below + upto) / (2 * len(ordered))
    edge = 0.5 / len(ordered)
    return np.asarray(ndtri(np.clip(place, edge, 1 - edge)))


def _noise(means: FloatArray, spreads: FloatArray) -> float:
    """Information of moves by some standard errors, from the scrambles; where these are few, of half as many rows."""
    count = len(means)
    if count < FEWEST_SCRAMBLES:
        variance = 2 / (count * DRAWS_PER_SCRAMBLE)
        return _ERRORS**2 * (variance / 2 + variance / 2)
    shifts, ratios = means.var(ddof=1) / count, (spreads / spreads.mean()).var(ddof=1) / count
    return float(_ERRORS**2 * (shifts / 2 + ratios))


def evidence(learned: Calibration) -> tuple[FloatArray, FloatArray]:
    """What each observation adds to the log evidence given those before it, and its standard error; (K,) each.

    Evidence and not its log is averaged over calibrations, because that is what each estimates without bias.
    """
    sums = learned.log_evidence.cumsum(axis=1)
    top = sums.max(axis=0)
    together = top + np.log(np.exp(sums - top).mean(axis=0))
    count = len(sums)
    spread = learned.log_evidence.std(axis=0, ddof=1) if count >= FEWEST_SCRAMBLES else np.full(len(top), np.nan)
    return np.diff(together, prepend=0.0), spread / np.sqrt(count)


def observation_rows(
    learned: Calibration, record: Sequence[Observation], left_out: Mapping[str, str], seed: int
) -> list[ObservationRow]:
    """Every row of the record, in its order.

    Parameters
    ----------
    learned : Calibration
    record : sequence of Observation
    left_out : mapping of str to str
        Id of each row that was not learned from, to the reason.
    seed : int
        Of the errors of what was foreseen.
    """
    teach = learned.teacher
    added, errors = evidence(learned)
    foreseen = _foreseen(teach, learned.pilot.expected, seed, "prior")
    learnt = _foreseen(teach, learned.expected, seed, "posterior")
    tails = _tails(teach, learned.pilot)
    known = {match.observation.id: place for place, match in enumerate(teach.matches)}
    rows = []
    for observation in record:
        place = known.get(observation.id)
        if place is None:
            rows.append(ObservationRow._make((*_told(observation), *[None] * 10, "no", left_out[observation.id])))
            continue
        quantiles = (*np.quantile(foreseen[place], _LEVELS).tolist(), *np.quantile(learnt[place], _LEVELS).tolist())
        found = (float(tails[place]), place + 1, float(added[place]), float(errors[place]))
        uses = "; ".join(teach.matches[place].mapped)
        rows.append(ObservationRow._make((*_told(observation), *quantiles, *found, "yes", uses)))
    return rows


def _told(row: Observation) -> tuple[str, str, str, str, str, str, str, str, float, float | None, float | None]:
    span = (row.low, row.high) if row.is_measured else (None, None)
    days = (row.start.isoformat(), row.end.isoformat())
    return row.id, row.variable, row.scope, row.item, *days, row.statistic, row.unit, row.value, *span


def _foreseen(teach: Teacher, expected: FloatArray, seed: int, name: str) -> FloatArray:
    """Observations as they might have come out, all errors included, (K, N)."""
    return teach.likelihood.predicted(expected, Noise(seed, 0).normals(f"predicted.{name}", (2, *expected.shape)))


def _tails(teach: Teacher, first: Pilot) -> FloatArray:
    """Chance under the prior of an observation as far out or farther on either side, (K,)."""
    distance = teach.likelihood.distance(first.expected)
    below, above = ndtr(distance).mean(axis=1), ndtr(-distance).mean(axis=1)
    return np.asarray(np.minimum(2 * np.minimum(below, above), 1.0))


def contradicted(teach: Teacher, first: Pilot) -> list[Problem]:
    """Observations that no world of the prior comes near."""
    problems = []
    for place, tail in enumerate(_tails(teach, first)):
        if tail < _NO_CHANCE:
            observation = teach.matches[place].observation
            message = (
                f"no draw of {teach.scenario.name} comes near this observation "
                f"({_apart(observation, teach.likelihood.scales[place], first.expected[place])}): "
                "check value, unit and scope, or the scenario's numbers"
            )
            problems.append(observation.place.problem(observation.id, message))
    return problems


def _apart(observation: Observation, scale: Scale, expected: FloatArray) -> str:
    """What was observed, and what the draws say, in words."""
    if scale == "yes or no":
        found, said = ("yes", "no") if observation.value else ("no", "yes")
        return f"found {found}; all draws say {said}"
    low, high = from_scale(scale, np.quantile(expected, (0.05, 0.95)))
    return f"found {observation.value:g} {observation.unit}; 90% of draws say {low:.4g} to {high:.4g}"


def contradicted_jointly(learned: Calibration) -> list[Problem]:
    """The observation that fits worst, if even the best rows of the posterior fit the record too badly to be luck."""
    likelihood = learned.teacher.likelihood
    distance = likelihood.distance(learned.expected)
    if (distance**2).sum(axis=0).min() <= chdtri(len(distance), _NO_CHANCE):
        return []
    worst = int(np.abs(distance).mean(axis=1).argmax())
    observation = learned.teacher.matches[worst].observation
    message = (
        "no world agrees with all of the record, and least with this observation: even the best is "
        f"{np.abs(distance[worst]).min():.1f} standard errors from it; rows may contradict each other, or "
        "'discrepancy' is too small"
    )
    return [observation.place.problem(observation.id, message)]


def rung_rows(learned: Calibration) -> list[RungRow]:
    """Every temperature of every calibration."""
    ids = [match.observation.id for match in learned.teacher.matches]
    particles = learned.particles
    return [
        RungRow(
            number,
            ids[rung.observation],
            rung.temperature,
            rung.effective_size * particles,
            particles,
            rung.turns,
            rung.acceptance,
            rung.step if rung.turns else float("nan"),
            rung.forgotten,
        )
        for number, one in enumerate(learned.replicates)
        for rung in one.rungs
    ]
