"""Which inputs a record informed and which observations contradict the prior: thresholds in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from shipped import FOLDER, scenario
from test_learning import taught, write

from sim.axes import FloatArray
from sim.belief import lessons
from sim.belief.calibration import Calibration, Pilot, Teacher
from sim.belief.lessons import LEAST_INFORMATION, LessonRow, RungRow, contradicted, contradicted_jointly
from sim.belief.lessonwords import sentences
from sim.pictures.beliefs import _named
from sim.reading.loading import load_scenario

SCRAMBLE = 512


def _evenly(count: int) -> FloatArray:
    """A standard normal, evenly spread."""
    return np.asarray(ndtri((np.arange(count) + 0.5) / count))


def _lesson(prior: FloatArray, posterior: FloatArray) -> LessonRow:
    return lessons._lesson("demand.churn", "input", "1", prior, posterior)


def _moved_by(information: float, scrambles: int, stray: float = 0.0) -> LessonRow:
    """The lesson of a normal whose mean moved by so many nats; every other scramble strays, this way and that."""
    scramble = _evenly(SCRAMBLE)
    signs = np.resize([1.0, -1.0], scrambles)
    posterior = np.concatenate([scramble + np.sqrt(2 * information) + sign * stray for sign in signs])
    return _lesson(_evenly(SCRAMBLE * 256), posterior)


def test_a_lesson_is_told_in_the_unit_of_the_file() -> None:
    row = _moved_by(0.5, 8)._replace(prior_p05=0.02, prior_p50=0.03, prior_p95=0.04, informed="yes")
    told = list(sentences([row], [], [], scenario("jv_only")))[1]
    assert told.startswith("Customers who change their provider each year: 3 (2 to 4) before, ")
    assert told.endswith("% a year after (medians, 90% of draws).")


def test_a_picture_calls_a_parameter_by_titles_and_keeps_the_end_of_a_long_path() -> None:
    found = load_scenario(FOLDER / "europe_cloud" / "open_as_it_is.yaml")
    provider = "shares.infrastructure.domestic_split.deutsche_telekom"
    names = [_named(found, name, 2.9) for name in ("shock.rivalry.ovh", "shares.infrastructure.foreign", provider)]
    assert names == ["Rivalry, OVH", "Shares, …, foreign", "Shares, …, Deutsche Telekom"]
    assert _named(found, "shares.infrastructure.foreign", 9.0) == "Shares, Cloud infrastructure, foreign"


# ---------------------------------------------------------------- what is said of the sampler


def _rung(moves: int, moved: float) -> RungRow:
    return RungRow(0, "a", 1.0, 512.0, 1024, moves, 0.4, 0.2, moved)


def test_particles_that_did_not_forget_where_they_were_are_told() -> None:
    found = scenario("jv_only")
    said = list(sentences([], [], [_rung(9, 0.6), _rung(60, 0.2), _rung(60, 0.041), _rung(0, float("nan"))], found))
    assert said[-1].startswith("At 2 of 3 temperatures the particles did not come far from where they had been (4% of")
    assert said[:-1] == list(sentences([], [], [_rung(9, 0.6), _rung(0, float("nan"))], found))


# ---------------------------------------------------------------- informed


@pytest.mark.parametrize("scrambles", [1, 2, 4])
def test_of_few_scrambles_the_noise_is_three_standard_errors_of_half_as_many_rows(scrambles: int) -> None:
    # Of n rows a mean strays by 1/sqrt(n) and a spread by 1/sqrt(2n): three of each are 4.5/n and 4.5/n nats.
    rows = scrambles * SCRAMBLE / 2
    assert _moved_by(0.0, scrambles).noise == pytest.approx(4.5 / rows + 4.5 / rows, rel=1e-12)


def test_of_many_scrambles_the_noise_is_three_standard_errors_of_their_mean() -> None:
    # Means that stray by s either way have a variance of s² n/(n - 1); three of its standard errors are 4.5 s²/(n - 1).
    assert _moved_by(0.0, 8, stray=0.2).noise == pytest.approx(4.5 * 0.2**2 / 7, rel=0.02)


@pytest.mark.parametrize(("part", "informed"), [(0.9, "no"), (1.1, "yes")])
def test_an_input_is_informed_from_the_noise_of_its_rows_on(part: float, informed: str) -> None:
    noise = 9 / (2 * SCRAMBLE / 2)
    row = _moved_by(part * noise, 2)
    assert row.information == pytest.approx(part * noise, rel=0.03)
    assert noise > LEAST_INFORMATION
    assert row.informed == informed


@pytest.mark.parametrize(("part", "informed"), [(0.9, "no"), (1.1, "yes")])
def test_without_noise_an_input_is_informed_from_a_tenth_of_a_standard_deviation_on(part: float, informed: str) -> None:
    row = _moved_by(part * 0.1**2 / 2, 8)
    assert row.noise < LEAST_INFORMATION
    assert row.informed == informed


# ---------------------------------------------------------------- contradicted


@pytest.fixture(scope="module")
def teach(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """Two sizes and a share to learn from."""
    folder = tmp_path_factory.mktemp("taught")
    write(folder)
    found = taught(folder)[1]
    return _rows(found, [place for place, scale in enumerate(found.likelihood.scales) if scale != "yes or no"])


def _rows(teach: Teacher, places: Sequence[int]) -> Teacher:
    """The same with some of its observations."""
    like, matches = teach.likelihood, tuple(teach.matches[place] for place in places)
    numbers = {name: getattr(like, name)[places] for name in ("observed", "below", "above", "own", "loadings")}
    scales = tuple(like.scales[place] for place in places)
    return replace(teach, matches=matches, likelihood=replace(like, scales=scales, **numbers))


def _expected(teach: Teacher, *distances: float) -> FloatArray:
    """What all draws expect if each observation lies so many standard deviations above it, (K, 2)."""
    like, far = teach.likelihood, np.array(distances)
    rows = like.observed - far * np.hypot(np.where(far > 0, like.below, like.above), like.own)
    np.testing.assert_allclose(like.distance(rows[:, None])[:, 0], far)
    return np.repeat(rows[:, None], 2, axis=1)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize(("chance", "refused"), [(0.9e-6, True), (1.1e-6, False), (1.9e-6, False)])
def test_an_observation_is_refused_by_its_chance_on_either_side_together(
    teach: Teacher, side: float, chance: float, refused: bool
) -> None:
    far = -ndtri(chance / 2)  # of a normal so much lies beyond this on both sides
    problems = contradicted(teach, Pilot(_expected(teach, 0.0, side * far, 0.0), 0.0))
    second = teach.matches[1].observation.id
    assert [second in str(problem) for problem in problems] == [True] * refused


def test_the_tail_of_an_observation_counts_both_sides_and_is_at_most_all(teach: Teacher) -> None:
    tails = lessons._tails(teach, Pilot(_expected(teach, -2.0, 1.0, 0.0), 0.0))
    np.testing.assert_allclose(tails, [2 * ndtr(-2.0), 2 * ndtr(-1.0), 1.0], rtol=1e-12)


def _learned(teach: Teacher, expected: FloatArray) -> Calibration:
    """What was learned, as far as it is held against the record."""
    found: Any = SimpleNamespace(teacher=teach, expected=expected)
    return cast(Calibration, found)


@pytest.mark.parametrize(("chance", "refused"), [(0.9e-6, True), (1.1e-6, False)])
def test_a_record_is_refused_by_the_chi_square_of_its_rows_together(
    teach: Teacher, chance: float, refused: bool
) -> None:
    pair = _rows(teach, [0, 1])
    far = np.sqrt(-2 * np.log(chance))  # of two squared normals exp(-d²/2) lies beyond d²
    problems = contradicted_jointly(_learned(pair, _expected(pair, 0.6 * far, -0.8 * far)))
    assert len(problems) == refused
