"""The currency: results are in the scenario's, amounts in others are converted once, and unlike ones never meet."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Folder
from matplotlib.text import Text

from sim.belief.record import read_record
from sim.chance.sampling import draw_worlds
from sim.errors import ResultsError, ScenarioError
from sim.model.engine import simulate
from sim.outcomes.comparison import require_comparable
from sim.outcomes.panels import Result
from sim.outcomes.variables import VARIABLES
from sim.pictures.plots import Runs, drawable
from sim.pictures.registry import figure
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario
from sim.tasks.check import check_files

RATES = "exchange_rates: {CNY: {value: 6.62, unit: CNY per USD, source: bank, grade: found}}"
HEADER = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,mark,source,note\n"


def _in_euro(dollars: str, cny: str) -> str:
    """The small scenario with results in euro: its numbers stay in the currencies in which they were found."""
    rates = (
        f"currency: EUR\nexchange_rates: {{USD: {{value: {dollars}, unit: USD per EUR, source: bank, grade: found}}, "
        f"CNY: {{value: {cny}, unit: CNY per EUR, source: bank, grade: found}}}}"
    )
    assert SMALL.count(RATES) == 1
    return SMALL.replace(RATES, rates)


def _run(scenario: Scenario) -> Result:
    return Result(scenario, simulate(scenario, draw_worlds(scenario, range(1))))


@pytest.mark.parametrize(("rate", "cny"), [("2", "13.24"), ("1.25", "8.275")])
def test_a_market_stated_in_another_currency_gives_the_same_shares_and_money_times_the_rate(
    folder: Folder, rate: str, cny: str
) -> None:
    dollars = _run(load_scenario("small.yaml"))
    euro = _run(load_scenario(folder.write("euro.yaml", _in_euro(rate, cny))))
    assert dollars.panels.keys() == euro.panels.keys()
    for name, panel in dollars.panels.items():
        is_money = VARIABLES[name].unit in ("bn", "bn/yr")
        factor = float(rate) if is_money else 1.0
        assert (panel.unit, euro.panels[name].unit) == (
            (f"USD {VARIABLES[name].unit}", f"EUR {VARIABLES[name].unit}") if is_money else (panel.unit,) * 2
        )
        largest = float(np.nanmax(np.abs(panel.values), initial=0.0))
        if name == "foreign_share" and rate == "2":
            np.testing.assert_array_equal(euro.panels[name].values[0], panel.values[0], "the base year's, to the bit")
        np.testing.assert_allclose(
            euro.panels[name].values * factor, panel.values, rtol=1e-12, atol=1e-12 * largest, err_msg=name
        )


def test_a_rate_may_be_stated_either_way_round(folder: Folder) -> None:
    text = SMALL.replace("unit: CNY per USD", "unit: USD per CNY").replace("value: 6.62,", "value: 0.2,")
    assert load_scenario(folder.write("case.yaml", text)).ledger.rates == {"CNY": 5.0}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "unit: CNY bn/yr, source",
            "unit: JPY bn/yr, source",
            r"case.yaml:\d+:27: market.layers.iaas.size.unit: no rate for JPY \(found unit 'JPY bn/yr'; allowed USD, "
            r"CNY\); state exchange_rates.JPY in 'JPY per USD' or 'USD per JPY'",
        ),
        (
            "unit: CNY per USD",
            "unit: CNY per EUR",
            r"rates.CNY.unit: must be a rate of CNY \(found 'CNY per EUR'; allowed CNY per USD or USD per CNY\)",
        ),
        (
            "{CNY: {value: 6.62, unit: CNY per USD",
            "{USD: {value: 1, unit: USD per USD",
            r"exchange_rates.USD: is the scenario's own currency, which needs no rate \(found USD; leave it out\)",
        ),
        (
            "name: small",
            "currency: euro\nname: small",
            "currency: must be an ISO code of three capital letters,",
        ),
        (
            "unit: CNY bn/yr, source",
            "unit: CNY, source",
            "wrong unit .found 'CNY'; allowed USD bn/yr, USD m/yr or ",
        ),
    ],
)
def test_money_that_cannot_be_converted_is_refused(folder: Folder, old: str, new: str, complaint: str) -> None:
    said = folder.complaints(folder.spoilt(old, new))
    assert re.search(complaint, said[0]), said


def test_a_bare_number_in_place_of_none_is_in_the_scenario_s_currency(folder: Folder) -> None:
    folder.write("euro.yaml", _in_euro("1.25", "8.275"))
    text = "market: {layers: {iaas: {size: {value: 5}}}}"
    said = folder.complaints(folder.write("case.yaml", f"extends: euro.yaml\nname: case\n{text}\n"))
    assert said, "a record without a unit is refused"
    set_ = load_scenario("euro.yaml", overrides=["market.size=9"])
    assert set_.market.size.unit == "USD bn/yr", "a bare number keeps the unit of the record that stood there"


def test_runs_in_two_currencies_cannot_be_compared(folder: Folder) -> None:
    one = load_scenario("small.yaml")
    other = load_scenario(folder.write("euro.yaml", _in_euro("1.25", "8.275").replace("name: small", "name: euro")))
    with pytest.raises(ResultsError, match=r"they differ in money \(nominal EUR against nominal USD\)"):
        require_comparable([Result(one, {}), Result(other, {})])


def test_a_record_in_another_currency_is_converted_once(folder: Folder) -> None:
    scenario = load_scenario(folder.write("euro.yaml", _in_euro("1.25", "8.275")))
    row = "m,market_size,total,,2020-01-01,2020-12-31,annual,{},,,{},,a bank,\n"
    for value, unit, euro in (("10", "EUR bn", 10.0), ("12500", "USD m", 10.0), ("82.75", "CNY bn", 10.0)):
        folder.write("record.csv", HEADER + row.format(value, unit))
        (found,) = read_record(Path("record.csv"), scenario.horizon, scenario.ledger)
        assert (found.value, found.unit) == (pytest.approx(euro, rel=1e-15), "EUR bn")
    folder.write("record.csv", HEADER + row.format("10", "JPY bn"))
    with pytest.raises(ScenarioError, match=r"m.unit: no rate for JPY .*state exchange_rates.JPY in 'JPY per EUR'"):
        read_record(Path("record.csv"), scenario.horizon, scenario.ledger)
    check_files([Path("record.csv")])  # alone, it may be in any currency


def test_a_cost_in_a_currency_without_a_rate_is_refused(folder: Folder) -> None:
    from sim.tasks.decisionfile import read_decision

    folder.write(
        "decision.yaml",
        "schema_version: 1\nname: trial\nquestion: What?\nscenario: small.yaml\n"
        "objective: npv_with_terminal.total.aws\nactions:\n  wait: {}\n"
        "  build: {providers.aws.entry: {rule: always}, cost: {value: 50, unit: EUR m}}\n",
    )
    with pytest.raises(ScenarioError, match=r"decision.yaml:8:.*: actions.build.cost.unit: no rate for EUR"):
        read_decision(Path("decision.yaml"))


def test_no_file_of_the_program_names_a_currency_but_the_default() -> None:
    root, code = Path(__file__).parents[1] / "sim", (".py", ".js", ".html", ".css")
    named = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*")
        if file.suffix in code and re.search(r"\b(USD|CNY|EUR|RMB)\b", file.read_text("utf-8"))
    }
    assert named == {"scenario/money.py"}


def test_what_a_picture_says_of_money_is_in_the_scenario_s_currency(folder: Folder) -> None:
    scenario = load_scenario(folder.write("euro.yaml", _in_euro("1.25", "8.275")))
    closed = scenario.model_copy(update={"name": "closed", "policy": scenario.policy.model_copy(update={"steps": {}})})
    runs = Runs((_run(closed), _run(scenario)), "closed")
    words = {name: " ".join(one.get_text() for one in figure(name, runs).findobj(Text)) for name in drawable(runs)}
    assert not [name for name in words if "USD" in words[name]]
    of_money = {"foreign_revenue", "gains_and_losses", "market_size", "npv", "paired_difference"}
    assert of_money <= {name for name in words if "EUR" in words[name]}
