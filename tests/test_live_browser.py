"""The live section in a browser: the same numbers as Python, quickly, by keyboard, and nothing loaded."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from browser import launched, opened
from live_case import Carried, carried, page_of, results_of, section, section_of
from shipped import scenario

from sim.analysis.reweighting import (
    FEWEST_EFFECTIVE,
    describe_weighted,
    effective_draws,
    level_ratios,
    pareto_shape,
    shift_ratios,
)
from sim.axes import FloatArray
from sim.outcomes.panels import Result
from sim.report.quantities import ALL, numbers_of
from sim.report.slots import FORMS, Slots
from sim.tasks.runs import with_draws

STATED = """
asked => {
  const found = simLive.evaluate(asked), stated = {};
  for (const [key, one] of found.stated) stated[key] = one && [...one.quantiles, ...one.errors, one.mean, one.above];
  return { effective: found.effective, shape: Number.isFinite(found.shape) ? found.shape : null, stated };
}
"""

SET = """
asked => {
  document.querySelectorAll("[data-category]").forEach(node => {
    const own = asked.weights[node.dataset.category];
    node.value = own ? own[node.dataset.level] : node.defaultValue;
  });
  document.querySelectorAll("[data-belief]").forEach(node => {
    node.value = 15 + Math.round(10 * (asked.shifts[node.dataset.belief] || 0));
  });
  simLive.update();
}
"""


pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def live(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """The small study's section, ready."""
    with opened(browser, page_of(section())) as (page, complaints):
        page.evaluate("simLive.ready")
        yield page, complaints


def weights_of(found: Carried, asked: Any, without: int = -1) -> FloatArray:
    """Weights of the carried draws, by Python."""
    precision = np.array(found.content["precision"])
    weights = np.exp(shift_ratios(found.scores, precision, np.array(asked["shifts"])))
    for place, category in enumerate(found.content["categories"]):
        if place != without:
            own = np.array(category["weights"]), np.array(asked["weights"][place])
            weights = weights * level_ratios(found.levels[place], *own)
    return weights


def test_the_script_has_the_numbers_of_python(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    found, random = carried(section()), np.random.default_rng(0)
    for _ in range(5):
        weights = [random.dirichlet(np.ones(len(one["levels"]))).tolist() for one in found.content["categories"]]
        asked = {"weights": weights, "shifts": random.normal(0, 0.5, len(found.scores)).tolist()}
        told, own = page.evaluate(STATED, asked), weights_of(found, asked)
        assert told["effective"] == pytest.approx(effective_draws(own), rel=1e-9)
        assert told["shape"] == pytest.approx(pareto_shape(own), rel=1e-9)
        assert len(told["stated"]) > len(found.columns)
        for key, numbers in told["stated"].items():
            place, category, level = (int(part or -1) for part in key.split(","))
            inside = slice(None) if category < 0 else found.levels[category] == level
            stated = describe_weighted(found.columns[place][inside], weights_of(found, asked, category)[inside])
            expected = [*stated.quantiles, *stated.quantile_errors, stated.mean, stated.positive]
            assert numbers == pytest.approx(expected, rel=1e-9, abs=1e-12), key


def test_with_every_slider_at_its_start_the_text_is_that_of_the_run(browser: Any, live: tuple[Any, list[str]]) -> None:
    page, _ = live
    shown = page.evaluate(
        '() => { document.querySelector("[data-reset]").click(); simLive.update(); return '
        '[...document.querySelectorAll("[data-live]")].map(node => node.textContent) }'
    )
    with opened(browser, page_of(section()), java_script_enabled=False) as (plain, _):
        assert plain.locator("[data-live]").all_text_contents() == shown


def test_the_sample_at_the_start_says_what_the_run_says(live: tuple[Any, list[str]]) -> None:
    """What the script would write is the text that stands there, but for what is rounded the other way."""
    page, _ = live
    changed = page.evaluate(
        """() => {
          const before = [...document.querySelectorAll("[data-live]")].map(node => node.textContent);
          const slider = document.querySelector("[data-belief]");
          slider.setAttribute("value", "0"); slider.value = 15;
          simLive.update();
          const after = [...document.querySelectorAll("[data-live]")].map(node => node.textContent);
          slider.setAttribute("value", "15"); slider.value = 15; simLive.update();
          return [before.length, before.filter((text, place) => text !== after[place]).length];
        }"""
    )
    assert changed[1] <= 0.05 * changed[0]


def test_numbers_are_written_as_python_writes_them(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    values = [
        0.0,
        1.0,
        0.9951,
        1e-4,
        0.0049,
        0.0994,
        0.0996,
        0.31,
        0.994,
        0.996,
        9.94,
        9.96,
        1234.4,
        -0.0001,
        -0.3,
        -12.7,
        -4321.4,
    ]
    for name, form in FORMS.items():
        own = [abs(value) if name in ("share", "size") else value for value in values]
        own = [value for value in own if 0 <= value <= 1] if name == "chance" else own
        written = page.evaluate("([name, values]) => values.map(value => simLive.write(name, value))", [name, own])
        assert written == [form(value) for value in own], name


def test_a_slider_moves_every_kind_of_figure_and_the_command(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    read = """() => ["[data-live]", "[data-bar] rect", "[data-fan] polygon", ".live-command"].map(
      one => [...document.querySelectorAll(one)].map(node => node.outerHTML).join())"""
    before = page.evaluate(read)
    page.evaluate(SET, {"weights": [[80, 20]], "shifts": [0.5]})
    after = page.evaluate(read)
    assert all(one != other for one, other in zip(before, after, strict=True))
    page.evaluate(SET, {"weights": [], "shifts": []})
    assert page.evaluate(read) == before


def test_a_path_is_set_once_in_the_command(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    path = page.evaluate("simLive.sample().beliefs[0].path")
    before = [["", path, "{value: 1}"], ["small", "zone.cap", "{value: 2}"]]
    page.evaluate("before => { simLive.sample().set = before }", before)
    page.evaluate(SET, {"weights": [], "shifts": [0.5]})
    words = shlex.split(page.locator(".live-command").text_content())
    assert [word.partition("=")[0] for word in words if "=" in word] == ["small:zone.cap", path]
    page.evaluate("simLive.sample().set = []")
    page.evaluate(SET, {"weights": [], "shifts": []})


def test_too_few_draws_are_greyed_out_with_the_reason(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    page.evaluate(SET, {"weights": [], "shifts": [1.5, 1.5, 1.5]})
    assert "live-grey" in page.locator(".live-body").get_attribute("class")
    assert f"{FEWEST_EFFECTIVE} are needed" in page.locator(".live-warning").text_content()
    page.evaluate(SET, {"weights": [], "shifts": []})
    assert "live-grey" not in page.locator(".live-body").get_attribute("class")
    assert page.locator(".live-warning").is_hidden()


def test_no_level_with_weight_is_greyed_out_too(live: tuple[Any, list[str]]) -> None:
    page, complaints = live
    page.evaluate(SET, {"weights": [[0, 0]], "shifts": []})
    assert "live-grey" in page.locator(".live-body").get_attribute("class")
    page.evaluate(SET, {"weights": [], "shifts": []})
    assert complaints == []


def test_the_keyboard_moves_sliders_and_puts_them_back(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    before = page.locator(".live-command").text_content()
    page.locator("[data-belief]").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('.live-command').textContent !== before", arg=before)
    page.locator("[data-reset]").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelector('.live-command').textContent === before", arg=before)


def test_only_one_hypothesis_is_a_button(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    page.locator("[data-only]").first.click()
    page.wait_for_function("() => document.querySelector('.live-command').textContent.includes('wide: 1, narrow: 0')")
    page.locator("[data-reset]").click()


def test_what_is_said_aloud_waits_for_a_pause(live: tuple[Any, list[str]]) -> None:
    page, _ = live
    said = page.locator(".live-said").text_content()
    for shift in (0.1, 0.2, 0.3):
        page.evaluate(SET, {"weights": [], "shifts": [shift]})
    assert page.locator(".live-said").text_content() == said
    page.wait_for_function("said => document.querySelector('.live-said').textContent !== said", arg=said)
    page.evaluate(SET, {"weights": [], "shifts": []})


@pytest.mark.parametrize("scripts", [True, False])
def test_nothing_is_loaded_and_nothing_complained_of(browser: Any, scripts: bool) -> None:
    with opened(browser, page_of(section()), java_script_enabled=scripts) as (page, complaints):
        page.wait_for_timeout(500)
        assert page.locator(".live-controls").is_visible() == scripts
        assert page.locator(".live-table").first.is_visible()
        assert complaints == []


def test_nothing_is_wider_than_a_phone_with_a_long_command_either(browser: Any) -> None:
    with opened(browser, page_of(section()), viewport={"width": 380, "height": 900}) as (page, _):
        page.evaluate("simLive.ready")
        page.evaluate(SET, {"weights": [[70, 30]], "shifts": [0.5, -0.5]})
        assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_axe_finds_nothing(live: tuple[Any, list[str]]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page, _ = live
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


SHIPPED = ("jv_only", "ftz_pilot", "full_liberalization")
DRAWS = 4096
ROUNDING = 0.003

SETTINGS = {
    "one hypothesis alone": {"weights": [[100, 0, 0]], "shifts": []},
    "other weights": {"weights": [[10, 20, 70]], "shifts": []},
    "one input": {"weights": [], "shifts": [0.8]},
    "two inputs that move together": {"weights": [], "shifts": [0.5, -0.4]},
    "readings": {"weights": [None, [70, 20, 10]], "shifts": []},
}


def shipped_results(*overrides: str) -> tuple[Result, ...]:
    return results_of(*(with_draws(scenario(name, *overrides), DRAWS) for name in SHIPPED))


def told(results: tuple[Result, ...]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Quantiles and means of the outcomes of the last year, and their errors, by label."""
    found = {}
    for number in numbers_of(results, SHIPPED[0]):
        if number.year == results[0].scenario.horizon.end_year and number.item == ALL:
            stated = describe_weighted(number.values, np.ones(len(number.values)))
            found[number.label] = (
                np.array([*stated.quantiles, stated.mean]),
                np.array([*stated.quantile_errors, stated.mean_error]),
            )
    return found


@pytest.mark.slow
def test_sliders_say_what_a_run_by_the_command_on_the_screen_says(browser: Any) -> None:
    results = shipped_results()
    places = Slots(numbers_of(results, SHIPPED[0]), ()).places
    with opened(browser, page_of(section_of(results))) as (page, _):
        page.evaluate("simLive.ready")
        for name, asked in SETTINGS.items():
            page.evaluate(SET, asked)
            told_live = page.evaluate(STATED, page.evaluate("simLive.state()"))["stated"]
            words = shlex.split(page.evaluate("simLive.command()"))
            again = shipped_results(*(value for flag, value in pairwise(words) if flag == "--set"))
            apart = []
            for label, (values, errors) in told(again).items():
                live = np.array(told_live[f"{places[label]},,"])
                own, own_errors = live[[0, 1, 2, 3, 4, 10]], live[5:10]
                both = np.hypot(errors, np.append(own_errors, errors[5])) + ROUNDING * np.abs(values)
                apart.append(np.abs(own - values) / np.where(both > 0, both, 1e-12))
            worst, beyond = np.max(apart), np.mean(np.array(apart) > 2)
            print(f"{name}: {np.size(apart)} numbers, worst {worst:.2f} errors, beyond two {beyond:.1%}")
            assert beyond <= 0.02, name
            assert worst <= 3, name


@pytest.mark.slow
def test_an_update_takes_less_than_a_frame(browser: Any) -> None:
    with opened(browser, page_of(section_of(shipped_results()))) as (page, _):
        page.evaluate("simLive.ready")
        batches = page.evaluate(
            """() => Array.from({length: 8}, () => Array.from({length: 100}, (_, k) => {
              document.querySelectorAll("[data-belief]")[k % 6].value = k % 31;
              return simLive.update();
            }).sort((a, b) => a - b))"""
        )
        median, late = min((one[50], one[95]) for one in batches)
        print(f"median {median:.1f} ms, 95th percentile {late:.1f} ms, of the quietest of {len(batches)} batches")
        assert median < 16
