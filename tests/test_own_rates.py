"""Rates that a layer or a provider has in place of the scenario's."""

from __future__ import annotations

import numpy as np
from shipped import NOTHING_DRIFTS, column, run, scenario, worlds, year

from sim.scenario.inputs import inputs
from sim.tasks.audit import audit, in_play

JUDGEMENT = "source: judgement, grade: judgement"
ANNUAL = "horizon.period_months=12"


def _in_layer(layer: str, name: str, value: float, unit: str = "%/yr") -> str:
    return f"market.layers.{layer}.technology={{{name}: {{value: {value:g}, unit: '{unit}', {JUDGEMENT}}}}}"


def test_a_layer_whose_technology_is_the_scenarios_moves_no_bit() -> None:
    edits = ("technology.catch_up=2", "technology.spillover=0.8")
    own = (_in_layer("paas", "catch_up", 2), _in_layer("iaas", "spillover", 0.8))
    with_own, plain = run("ftz_pilot", *edits, *own), run("ftz_pilot", *edits)
    for variable, panel in plain.items():
        np.testing.assert_array_equal(with_own[variable].values, panel.values, err_msg=variable)


def test_quality_grows_by_the_rates_of_its_own_layer() -> None:
    edits = (*NOTHING_DRIFTS, "technology.catch_up=1", "technology.spillover=0.8", ANNUAL)
    own = (_in_layer("paas", "catch_up", -3), _in_layer("saas", "spillover", 2))
    panels = run("jv_only", *edits, *own)
    for layer, rate in {"iaas": 0.01 + 0.008, "paas": -0.03 + 0.008, "saas": 0.01 + 0.02}.items():
        np.testing.assert_allclose(np.log(year(panels, "domestic_quality", 2019, layer)), rate, err_msg=layer)


def test_own_sites_of_a_layer_spill_over_what_its_technology_says() -> None:
    """Where nothing spills over but from own sites, and from those of one layer alone, quality rises there alone."""
    edits = ("technology.catch_up=0", "technology.spillover=2", "technology.owned_spillover=1", "entry.rule=always")
    alike = run("full_liberalization", *edits)
    own = run("full_liberalization", *edits, _in_layer("paas", "owned_spillover", 0, "fraction"))
    for layer in ("iaas", "saas"):
        np.testing.assert_array_equal(
            column(own, "domestic_quality", layer)[:2], column(alike, "domestic_quality", layer)[:2]
        )
    assert (year(own, "domestic_quality", 2030, "paas") < year(alike, "domestic_quality", 2030, "paas")).all()


def test_rates_of_a_layer_are_drawn_beside_all_others() -> None:
    wide = f"market.layers.paas.technology={{catch_up: {{low: 0, median: 2, high: 4, unit: '%/yr', {JUDGEMENT}}}}}"
    with_own, plain = worlds("ftz_pilot", wide).inputs, worlds("ftz_pilot").inputs
    assert with_own.keys() - plain.keys() == {"market.layers.paas.technology.catch_up"}
    for name, values in plain.items():
        np.testing.assert_array_equal(with_own[name], values, err_msg=name)
    titles = {item.name: item.title for item in inputs(scenario("ftz_pilot", wide))}
    assert titles["market.layers.paas.technology.catch_up"] == "how fast domestic quality catches up in PaaS"


def test_rates_of_the_scenario_that_no_layer_is_left_with_are_told() -> None:
    every = tuple(_in_layer(layer, "catch_up", 1) for layer in ("iaas", "paas", "saas"))
    assert "technology.catch_up" not in audit([scenario("jv_only", *every[:2])]).dead
    assert "technology.catch_up" in audit([scenario("jv_only", *every)]).dead


def test_spillover_from_own_sites_is_in_play_in_layers_that_may_have_some() -> None:
    own = tuple(_in_layer(layer, "owned_spillover", 0.3, "fraction") for layer in ("iaas", "saas"))
    names = in_play(scenario("ftz_pilot", *own, "regimes.ftz_pilot.owned_layers=[iaas]"))
    assert "market.layers.iaas.technology.owned_spillover" in names
    assert "market.layers.saas.technology.owned_spillover" not in names
