"""The price basis: what money is in is said where it stands, and rates must be real or nominal as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SMALL, Folder
from matplotlib.text import Text

from sim.chance.sampling import draw_worlds
from sim.errors import ResultsError, ScenarioError
from sim.model.engine import simulate
from sim.outcomes.comparison import require_comparable
from sim.outcomes.panels import Result
from sim.pictures.plots import Runs
from sim.pictures.registry import figure
from sim.reading.loading import load_scenario
from sim.report.iamc import unit_of
from sim.tasks.decisionfile import read_decision

REAL = "prices: {basis: real, year: 2018, deflator: consumer prices}\nname: small"
RATE = 'discount_rate: {value: 10, unit: "%/yr", source'
REAL_RATE = 'discount_rate: {value: 10, unit: "%/yr real", source'


def _real() -> str:
    assert SMALL.count("name: small") == SMALL.count(RATE) == 1
    return SMALL.replace("name: small", REAL).replace(RATE, REAL_RATE)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            RATE,
            REAL_RATE,
            "economics.discount_rate.unit: is a real rate, and money is nominal (found unit '%/yr real'; allowed %/yr "
            "nominal): add expected inflation to it, or state prices.basis: real",
        ),
        (
            "name: small",
            REAL,
            "economics.discount_rate.unit: must say that it is real, as money is (found unit '%/yr'; allowed %/yr "
            "real): take expected inflation out of a nominal one",
        ),
        (
            "name: small",
            "prices: {basis: real, year: 2018}\nname: small",
            "prices: basis: real goes with year and deflator (found year)",
        ),
        (
            "name: small",
            "prices: {year: 2018}\nname: small",
            "prices: nominal money is of each year's own (found year; leave it out)",
        ),
    ],
)
def test_prices_that_do_not_go_with_the_rates_are_refused(folder: Folder, old: str, new: str, complaint: str) -> None:
    said = folder.complaints(folder.spoilt(old, new))
    assert len(said) == 1
    assert said[0].endswith(complaint)


def test_a_rate_of_growth_is_real_or_nominal_as_money_is(folder: Folder) -> None:
    path = folder.write("case.yaml", re.sub(r'(growth_long_run: {[^}]*unit: "%/yr)"', r'\1 nominal"', _real()))
    (said,) = folder.complaints(path)
    assert "market.growth_long_run.unit: is a nominal rate, and money is real" in said


def test_a_decision_s_discount_rate_goes_with_its_world(folder: Folder) -> None:
    folder.write("real.yaml", _real())
    folder.write(
        "decision.yaml",
        'schema_version: 1\nname: trial\nquestion: What?\nscenario: real.yaml\ndiscount: {value: 9, unit: "%/yr"}\n'
        "objective: npv_with_terminal.total.aws\nactions:\n  wait: {}\n"
        "  build: {providers.aws.entry: {rule: always}}\n",
    )
    with pytest.raises(ScenarioError, match=r"decision.yaml:5:.*: discount.unit: must say that it is real"):
        read_decision(Path("decision.yaml"))


def test_the_basis_moves_no_number_and_is_said_where_money_stands(folder: Folder) -> None:
    nominal, real = (load_scenario(folder.write(f"{n}.yaml", text)) for n, text in enumerate((SMALL, _real())))
    before, after = (Result(one, simulate(one, draw_worlds(one, range(1)))) for one in (nominal, real))
    assert all(
        (after.panels[name].values == panel.values).all()
        for name, panel in before.panels.items()
        if not panel.variable.startswith(("irr", "payback", "event", "wait"))
    )
    assert after.panels["npv"].unit == "USD2018 bn"
    assert unit_of("USD2018 bn/yr") == ("billion USD2018/yr", 1.0)
    words = " ".join(one.get_text() for one in figure("market_size", Runs((after,), "small")).findobj(Text))
    assert "USD2018 bn a year" in words
    assert "in USD in prices of 2018 (consumer prices)" in words


def test_runs_in_other_prices_cannot_be_compared(folder: Folder) -> None:
    one = load_scenario("small.yaml")
    other = load_scenario(folder.write("real.yaml", _real().replace("\nname: small", "\nname: real")))
    with pytest.raises(ResultsError, match=r"money \(USD in prices of 2018 .consumer prices. against nominal USD\)"):
        require_comparable([Result(one, {}), Result(other, {})])
