"""A market that is counted in what is sold: sizes at a price, money from them, and a record in the same unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Folder

from sim.belief.record import read_record
from sim.chance.sampling import draw_worlds
from sim.errors import ScenarioError
from sim.model.engine import simulate
from sim.outcomes.panels import Result
from sim.pictures.plots import Runs
from sim.pictures.registry import figure
from sim.reading.loading import load_scenario
from sim.scenario.money import ANY, Ledger, goods_of
from sim.scenario.scenario import Horizon, Scenario

SIZE = "size: {low: 7, median: 7.2, high: 8, unit: USD bn/yr, source: bank, grade: found}"


def _counted(size: str = "m vehicles/yr", price: str = "CNY per vehicle", value: str = "6620") -> str:
    """The small market in millions of vehicles that bring USD 1,000 each: as many as its billions."""
    assert SMALL.count(SIZE) == 1
    return SMALL.replace(
        SIZE,
        f"unit: m vehicles/yr\n  price: {{value: {value}, unit: {price}, source: bank, grade: found}}\n"
        f"  {SIZE.replace('USD bn/yr', size).replace('7,', '7000,').replace('7.2', '7200').replace('8,', '8000,')}",
    )


def _run(scenario: Scenario) -> Result:
    return Result(scenario, simulate(scenario, draw_worlds(scenario, range(1))))


def test_a_market_counted_in_things_is_the_one_that_is_their_number_times_their_price(folder: Folder) -> None:
    money = _run(load_scenario("small.yaml"))
    scenario = load_scenario(folder.write("counted.yaml", _counted("k vehicles/yr")))
    assert scenario.ledger.scale("m vehicles/yr") == pytest.approx(1.0, rel=1e-15)
    things = _run(scenario)
    assert set(things.panels) - set(money.panels) == {"market_volume"}
    for name, panel in money.panels.items():
        np.testing.assert_allclose(things.panels[name].values, panel.values, rtol=1e-10, atol=1e-12, err_msg=name)
    volume = things.panels["market_volume"]
    assert (volume.unit, volume.items) == ("m vehicles/yr", things.panels["market_size"].items)
    np.testing.assert_allclose(volume.values, things.panels["market_size"].values, rtol=1e-14)


@pytest.mark.parametrize(
    ("unit", "price_unit", "stated", "billions"),
    [
        ("m vehicles/yr", "USD per vehicle", "k vehicles/yr", 2e-6),
        ("m policies/yr", "USD per policy", "m policies/yr", 2e-3),
        ("bn kWh/yr", "USD per kWh", "kWh/yr", 2e-9),
        ("m subscribers", "USD per subscriber/yr", "bn subscribers", 2.0),
        ("m subscribers", "EUR per subscriber/yr", "m subscribers", 1e-3),
    ],
)
def test_a_number_of_things_is_worth_its_price(unit: str, price_unit: str, stated: str, billions: float) -> None:
    plain = Ledger("USD", {"EUR": 2.0})
    goods = goods_of(unit, price_unit, 2.0, plain)
    assert goods.scale(stated) == pytest.approx(billions, rel=1e-15)
    assert goods.scale("m other things/yr") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            _counted("m cars/yr"),
            "market.size.unit: counts another thing than market.unit (found unit 'm cars/yr'; allowed 'm vehicles/yr')",
        ),
        (
            SMALL.replace(SIZE, SIZE.replace("USD bn/yr", "m vehicles/yr")),
            "market.size.unit: counts what has no price (found unit 'm vehicles/yr'; allowed USD bn/yr); state "
            "market.unit and market.price, or an amount of money",
        ),
        (
            _counted(price="CNY per car"),
            "market.price.unit: must be the price of what market.unit counts (found 'CNY per car' and 'm vehicles/yr'; "
            "allowed 'CNY per vehicle')",
        ),
        (
            _counted(price="CNY per vehicle/yr"),
            "market.price.unit: must be the price of what market.unit counts (found 'CNY per vehicle/yr' and "
            "'m vehicles/yr'; allowed 'CNY per vehicle')",
        ),
        (
            _counted(price="JPY per vehicle"),
            "market.price.unit: no rate for JPY (found unit 'JPY bn'; allowed USD, CNY); state exchange_rates.JPY in "
            "'JPY per USD' or 'USD per JPY'",
        ),
        (
            SMALL.replace(SIZE, f"unit: m vehicles/yr\n  {SIZE}"),
            "market: states unit and price together (found unit alone)",
        ),
        (
            _counted().replace("value: 6620", "interval: 5 to 6"),
            "market: price is one number, written with 'value': what is not known of it is said of sizes",
        ),
        (
            _counted().replace("unit: m vehicles/yr\n", "unit: vehicles\n"),
            "market.unit: must be a number of things such as 'm tons/yr' or 'm subscribers' (found 'vehicles')",
        ),
    ],
)
def test_what_cannot_be_counted_or_priced_is_refused(folder: Folder, text: str, complaint: str) -> None:
    said = folder.complaints(folder.write("case.yaml", text))
    assert said[0].partition(": ")[2] == complaint


def test_a_record_may_be_in_the_market_s_unit(folder: Folder) -> None:
    scenario = load_scenario(folder.write("counted.yaml", _counted("k vehicles/yr")))
    header = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,mark,source,note\n"
    row = "m,market_size,total,,2020-01-01,2020-12-31,{},{},,,{},,a bank,\n"
    for statistic, value, unit, canonical in (
        ("annual", "10", "m vehicles", "USD bn"),
        ("annual_rate", "10000", "k vehicles/yr", "USD bn/yr"),
    ):
        folder.write("record.csv", header + row.format(statistic, value, unit))
        (found,) = read_record(Path("record.csv"), scenario.horizon, scenario.ledger)
        assert (found.value, found.unit) == (pytest.approx(10.0, rel=1e-14), canonical)
        read_record(Path("record.csv"), Horizon(base_year=2018, end_year=2030, period_months=3), ANY)
    folder.write("record.csv", header + row.format("annual", "10", "m cars"))
    with pytest.raises(ScenarioError, match=r"m.unit: wrong unit .found 'm cars'; allowed .*m vehicles"):
        read_record(Path("record.csv"), scenario.horizon, scenario.ledger)


def test_a_record_of_who_pays_every_year_holds_the_mean_of_a_year(folder: Folder) -> None:
    counted = _counted("m subscribers", "USD per subscriber/yr", "1000").replace("m vehicles/yr", "m subscribers")
    scenario = load_scenario(folder.write("counted.yaml", counted))
    header = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,mark,source,note\n"
    row = "m,market_size,total,,2020-01-01,2020-{},{},10,,,m subscribers,,a bank,\n"
    for end, statistic in (("12-31", "annual"), ("12-31", "annual_rate"), ("03-31", "annual_rate")):
        folder.write("record.csv", header + row.format(end, statistic))
        (found,) = read_record(Path("record.csv"), scenario.horizon, scenario.ledger)
        assert found.value == pytest.approx(10.0, rel=1e-14)
    folder.write("record.csv", header + row.format("03-31", "quarter"))
    allowed = "allowed USD bn, .*, m subscribers with annual or annual_rate"
    with pytest.raises(ScenarioError, match=f"m.unit: wrong unit .found 'm subscribers'; {allowed}"):
        read_record(Path("record.csv"), scenario.horizon, scenario.ledger)


def test_the_picture_of_the_market_says_both(folder: Folder) -> None:
    things = _run(load_scenario(folder.write("counted.yaml", _counted("k vehicles/yr"))))
    shown = figure("market_size", Runs((things,), "small"))
    words = " ".join(one.get_text().replace("\n", " ") for one in shown.texts)
    first = float(np.median(things.panels["market_volume"].column(2018, "total")))
    assert f"At 6,620 CNY per vehicle the whole is {first:.1f} m vehicles/yr in 2018" in words


def test_the_volume_is_the_size_over_the_price(folder: Folder) -> None:
    things = _run(load_scenario(folder.write("dear.yaml", _counted("k vehicles/yr", value="13240")))).panels
    np.testing.assert_allclose(2.0 * things["market_volume"].values, things["market_size"].values, rtol=1e-14)
    assert np.median(things["market_volume"].column(2018, "total")) == pytest.approx(7.2, rel=1e-2)
