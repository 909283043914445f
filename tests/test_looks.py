"""Colours and markers: constant wherever a scenario stands, and told apart by every eye."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from picture_runs import study
from shipped import FOLDER
from synthetic import result

from sim import load_scenario
from sim.pictures.style import COLOURS, FREE_COLOURS, STATED_COLOURS, Look, by_name, looks

SHIPPED = (
    *("jv_only", "ftz_pilot", "full_liberalization", "piecemeal", "announced_path", "reversal"),
    *("forced_transfer", "transfer_ban", "new_entrant"),
)
SIGHTS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
"""What is left of linear light, severity 1 (Machado, Oliveira & Fernandes 2009, table 1)."""

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colour: str, sight: str) -> np.ndarray:
    """A colour as an eye has it, in CIE 1976 L*a*b*."""
    srgb = np.array(to_rgb(colour))
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ np.clip(SIGHTS[sight] @ light, 0, 1) / WHITE, 1e-9))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours: tuple[str, ...], sight: str) -> float:
    """The least distance of two colours; 2.3 are just seen side by side."""
    return min(float(np.linalg.norm(lab(one, sight) - lab(other, sight))) for one, other in combinations(colours, 2))


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_of_scenarios_are_told_apart_by_every_eye(sight: str) -> None:
    assert nearest(STATED_COLOURS, sight) > 20
    assert nearest((*STATED_COLOURS, *FREE_COLOURS), sight) > 15


def test_every_shipped_scenario_states_its_colour() -> None:
    stated = [load_scenario(FOLDER / f"{name}.yaml").colour for name in SHIPPED]
    assert stated == list(STATED_COLOURS)
    assert {path.stem for path in FOLDER.glob("*.yaml")} - {"base", "sources"} == set(SHIPPED)


def _looks(*names: str, **colours: str) -> dict[str, Look]:
    return looks([result(name=name, colour=colours.get(name)) for name in names])


def test_a_scenario_has_the_same_look_in_every_order_and_company() -> None:
    names = ("slow_review", "wide_zone", "jv_only", "no_cap")
    colours = {"jv_only": STATED_COLOURS[0]}
    alone = {name: _looks(name, **colours)[name] for name in names}
    assert len({look.colour for look in alone.values()}) == len(names)
    for count in range(1, len(names) + 1):
        for some in permutations(names, count):
            assert _looks(*some, **colours) == {name: alone[name] for name in some}


def test_of_two_names_that_meet_the_first_in_the_alphabet_keeps_its_colour() -> None:
    names = [f"variant_{letter}" for letter in "abcdefghijklmnop"]
    first, second = next(
        pair for pair in combinations(names, 2) if _looks(pair[0])[pair[0]].colour == _looks(pair[1])[pair[1]].colour
    )
    together = _looks(second, first)
    assert together == _looks(first, second)
    assert together[first] == _looks(first)[first]
    assert together[second].colour != together[first].colour
    assert together[second].marker != together[first].marker


def test_a_stated_colour_is_never_given_to_another_and_two_that_state_one_differ_by_marker() -> None:
    taken = _looks("other")["other"].colour
    style = _looks("other", "mine", mine=taken.lower())
    assert style["mine"].colour == taken
    assert style["other"].colour not in ("", taken)
    same = _looks("one", "two", one="#123456", two="#123456")
    assert same["one"].colour == same["two"].colour == "#123456"
    assert same["one"].marker != same["two"].marker


def test_fifteen_scenarios_without_colours_have_fifteen() -> None:
    style = _looks(*(f"variant_{number}" for number in range(15))).values()
    assert len({look.colour for look in style}) == len({look.marker for look in style}) == 15


def test_the_baseline_keeps_its_colour_too() -> None:
    runs = study("closed", "zone", "open")
    assert looks(runs.results) == looks(runs.results[::-1])


def test_what_is_chosen_by_name_does_not_hang_on_order() -> None:
    names = ("open_market_analogue", "itif_counterfactual", "china_reference_class")
    chosen = by_name(names, COLOURS)
    assert len(set(chosen.values())) == 3
    assert all(by_name(order, COLOURS) == chosen for order in permutations(names))


def test_words_in_a_colour_can_be_read_on_white() -> None:
    for colour in (*STATED_COLOURS, *FREE_COLOURS, "#FFFF00"):
        srgb = np.array(Look("", colour, "o").ink)
        light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (TO_XYZ[1] @ light + 0.05) > 4.5
