"""The live section of a report: its sample, its sliders, and what it says with scripts off."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from live_case import carried, closed, results, results_of, section, section_of
from pydantic import TypeAdapter
from scipy.special import ndtr, ndtri
from shipped import scenario

from sim.chance.sampling import input_levels
from sim.outcomes.study import inputs_of
from sim.report.live import live_section
from sim.report.sample import Coded, representatives
from sim.report.sliders import SHIFTS, Sliders, record_text, shifted, sliders_of
from sim.report.slots import FORMS
from sim.scenario.families import Parameter
from sim.scenario.records import Record
from sim.tasks.attribution import default_outcomes, drivers
from sim.tasks.runs import with_draws

STATED = {"unit": "1", "source": "judgement", "grade": "judgement"}


def record(**entries: Any) -> Record:
    found: Record = TypeAdapter(Parameter).validate_python({**entries, **STATED})
    return found


@pytest.mark.parametrize("shift", [-1.5, -0.4, 0.0, 1.2])
@pytest.mark.parametrize(
    "entries",
    [
        {"low": 0.2, "median": 0.5, "high": 1.5, "min": 0.02},
        {"low": -1, "median": 0, "high": 1, "max": 0.9},
        {"normal": {"mean": 3, "sd": 2}},
        {"lognormal": {"median": 3, "sigma": 0.4}},
        {"interval": "2 to 9"},
        {"interval": "-2 to 9"},
    ],
)
def test_the_record_beside_a_slider_has_the_quantiles_of_the_moved_normal(entries: Any, shift: float) -> None:
    own, moved = record(**entries), shifted(record(**entries), shift)
    assert moved is not None
    levels = np.linspace(0.001, 0.999, 97)
    expected = own.quantile(ndtr(ndtri(levels) + shift))
    np.testing.assert_allclose(record(**moved).quantile(levels), expected, rtol=1e-8, atol=1e-9)


def test_numbers_with_weights_are_moved_by_their_weights() -> None:
    own = record(discrete={"3": 0.2, "1": 0.5, "2": 0.3})
    moved = record(**(shifted(own, 0.7) or {}))
    x = np.array([0.5, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(moved.cdf(x), ndtr(ndtri(own.cdf(x)) - 0.7), atol=1e-12)


def test_what_no_record_of_the_language_says_has_no_slider() -> None:
    assert shifted(record(uniform=(1, 2)), 1.0) is None
    assert shifted(record(low=1, median=1, high=2), 1.0) is None


def test_a_record_is_written_as_the_command_line_reads_it() -> None:
    own = scenario("jv_only").zone.cap
    text = record_text(shifted(own, 1.0) or {})
    read = scenario("jv_only", f"zone.cap={text}").zone.cap
    levels = np.linspace(0.01, 0.99, 33)
    np.testing.assert_allclose(read.quantile(levels), own.quantile(ndtr(ndtri(levels) + 1.0)), rtol=1e-8)
    assert (read.unit, read.source) == (own.unit, "command line")


def test_a_number_is_carried_with_its_sign_and_within_its_rounding() -> None:
    values = np.concatenate([np.random.default_rng(0).standard_t(2, 3000), [0.0, 1e-9, -1e-9]])
    code = Coded.of_outcome(values)
    assert (np.sign(code.values) == np.sign(values)).all()
    assert np.abs(code.codes).max() <= 4095
    assert (np.abs(code.values - values) / np.maximum(np.abs(values), code.scale)).max() < 0.003


def test_a_sample_has_the_quantiles_and_the_mean_of_the_whole_run() -> None:
    values = np.random.default_rng(1).exponential(size=4096)
    found = representatives(values, 1536)
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    assert found.mean() == pytest.approx(values.mean(), rel=1e-12)
    np.testing.assert_allclose(np.quantile(found, levels), np.quantile(values, levels), rtol=0.01)
    assert (np.argsort(found, kind="stable") == np.argsort(values[:1536], kind="stable")).all()
    assert representatives(values, 4096) is values


@cache
def sliders() -> Sliders:
    """Of two shipped scenarios, of which no outcome is needed."""
    found = results_of(*(scenario(name, "sampling.draws=4096") for name in ("jv_only", "full_liberalization")))
    drawn = inputs_of([result.scenario for result in found])
    return sliders_of(found, drawn, drivers(found, drawn, "jv_only", default_outcomes(found, "jv_only")), 4096)


@pytest.mark.slow
def test_weights_of_a_slider_move_its_input_and_leave_those_that_are_drawn_with_it() -> None:
    found = sliders()
    place = next(k for k, belief in enumerate(found.beliefs) if belief.path == "demand.captive_growth")
    shift = 0.5
    exponent = shift * found.beliefs[place].scores - 0.5 * shift**2 * found.precision[place, place]
    weights = np.exp(exponent)
    names = ["demand.captive_growth", "demand.churn", "migration.rate"]
    levels = input_levels(scenario("jv_only"), range(8), names)
    means = [float(np.average(ndtri(levels[name]), weights=weights)) for name in names]
    np.testing.assert_allclose(means, [shift, 0, 0], atol=0.08)


@pytest.mark.slow
def test_the_strongest_inputs_have_sliders_and_every_category_that_moves_something() -> None:
    found = sliders()
    assert len(found.beliefs) == 6
    assert [category.path for category in found.categories] == ["opening.hypothesis"]
    assert all(len(belief.texts) == len(belief.settings) == len(SHIFTS) for belief in found.beliefs)


def test_where_a_posterior_was_learned_there_are_no_sliders_and_it_is_said_why() -> None:
    own = closed()
    learned = own.model_copy(update={"sampling": own.sampling.model_copy(update={"posterior": "0" * 64})})
    first = results()[0]
    text = live_section([type(first)(learned, first.panels)], {}, own.name, [])
    assert "rows of a posterior" in text
    assert "of the market" in text
    assert not re.search('<input|<form|live-sample"', text)


def test_what_another_version_drew_has_no_slider() -> None:
    drawn = inputs_of([result.scenario for result in results()])
    other = {name: {column: 1.5 * values for column, values in own.items()} for name, own in drawn.items()}
    found = drivers(results(), drawn, "small", default_outcomes(results(), "small"))
    assert sliders_of(results(), drawn, found, 512).beliefs
    assert not sliders_of(results(), other, found, 512).beliefs


def test_the_section_states_the_quantiles_of_the_run() -> None:
    base, other = (result.panels["foreign_share"].column(2022, "total") for result in results())
    text = re.sub("<[^>]*>", "", section())
    low, middle, high = np.quantile(base, [0.05, 0.5, 0.95])
    share = FORMS["share"]
    assert f"{share(middle)} of the market (median; {share(low)} to {share(high)};" in text
    assert f"{FORMS['points'](np.median(other - base))} points (median;" in text


def test_the_same_study_gives_the_same_bytes() -> None:
    assert section() == section_of(results())


def test_nothing_on_the_page_is_loaded_or_reads_as_nothing() -> None:
    text = section()
    assert not re.search(r"https?:|src=|@import|url\(", text)
    visible = re.sub("<[^>]*>", " ", re.sub("(?s)<(style|script)[^>]*>.*?</\\1>", "", text))
    assert not re.search(r"\bnan\b|\binf\b|[-−]0\.0*\b(?!\.?[0-9])", visible)


def test_a_page_carries_whole_scrambles_and_what_it_carries_is_the_run() -> None:
    found = carried(section())
    assert found.content["draws"] % 512 == 0
    assert found.columns.shape == (len(found.content["columns"]), found.content["draws"])
    share = results()[0].panels["foreign_share"].column(2018, "total")
    np.testing.assert_allclose(
        np.sort(found.columns[0]), np.sort(representatives(share, found.content["draws"])), rtol=0.003
    )


def test_a_study_of_one_scenario_speaks_of_levels_only() -> None:
    text = section_of(results()[:1])
    assert "of the market" in text
    assert "Share gained" not in text


def test_what_the_command_line_had_set_is_set_again() -> None:
    own = [scenario("jv_only", "zone.cap=0.3 to 2", "demand.churn=4"), scenario("ftz_pilot", "demand.churn=4")]
    found = carried(section_of(results_of(*(with_draws(one, 512) for one in own)))).content["set"]
    assert found == [["jv_only", "zone.cap", "0.3 to 2"], ["", "demand.churn", "4"]]


def test_what_is_not_believed_alike_in_every_scenario_has_no_slider() -> None:
    base, other = closed(), results()[1].scenario
    churn = base.demand.churn.model_copy(update={"high": 9.0})
    own = base.model_copy(update={"demand": base.demand.model_copy(update={"churn": churn})})
    found = results_of(own, other)
    drawn = inputs_of([own, other])
    strong = drivers(found, drawn, own.name, default_outcomes(found, own.name))
    assert any(row.column == "demand.churn" and row.first > row.floor for one in strong for row in one.rows)
    told = sliders_of(found, drawn, strong, 512)
    assert "demand.churn" not in {belief.path for belief in told.beliefs}


def test_a_title_is_text_whatever_stands_in_it() -> None:
    spoilt = [
        type(one)(one.scenario.model_copy(update={"title": f"<b>&{place}"}), one.panels)
        for place, one in enumerate(results())
    ]
    text = section_of(tuple(spoilt))
    assert "<b>&0" not in text
    assert "&lt;b&gt;&amp;0" in text
