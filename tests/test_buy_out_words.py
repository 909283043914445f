"""Buy-outs where people read: first screen, live section, workbook, timeline picture and tables speak of them."""

from __future__ import annotations

import re
from calendar import month_name

import numpy as np
import pytest
from shipped import FOLDER, column, year
from test_buy_out import number, ran, scenario

from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.comparison import compare_one
from sim.outcomes.phrases import share_of_draws
from sim.outcomes.results import Result
from sim.outcomes.stakes import movers, ways_of
from sim.outcomes.verdict import verdict_of
from sim.pictures.chronicle import timeline
from sim.pictures.registry import Runs
from sim.pictures.standings import share_by_hypothesis
from sim.pictures.titles import launches
from sim.reading.loading import load_scenario
from sim.report.live import live_section
from sim.report.quantities import numbers_of

DEAR = ("entry.rule=profit", f"economics.buy_out_price={number(100.0)}")


def result(name: str, *overrides: str) -> Result:
    """A run of the market whose partners may be bought."""
    return Result(scenario("sampling.draws=512", *overrides).named(name), ran(*overrides))


def both() -> tuple[Result, Result]:
    return result("kept", "entry.rule=never"), result("bought")


def said(results: tuple[Result, ...], name: str) -> str:
    return next(" ".join(line.texts) for line in verdict_of(results).lines if line.scenario == name)


def test_the_screen_says_who_buys_its_partner_out_when_how_often_and_who_is_the_worse_for_it() -> None:
    kept, bought = both()
    first = max(bought.scenario.foreign, key=lambda name: year(bought.panels, "buys_out", 2030, "total", name).mean())
    dates = year(bought.panels, "event_date", 2030, "", f"{first}.buy_out")
    worth = (year(one.panels, "npv_with_terminal", 2030, "total", first) for one in (bought, kept))
    worse = np.isfinite(dates) & (np.subtract(*worth) < 0)
    half = np.nanmedian(dates)
    month = f"{month_name[1 + int(12 * (half % 1))]} {int(half)}"
    told = (
        f"{bought.scenario.providers[first].short_title} buys its partner out in "
        f"{share_of_draws(float(np.isfinite(dates).mean()))} of draws (half of these by {month}) "
        f"and in {share_of_draws(float(worse.mean()))} ends worse off than under Kept"
    )
    assert told in said((kept, bought), "bought")


def test_only_who_may_buy_all_of_it_buys_a_partner_out() -> None:
    assert scenario().own_words["stake"] == "its partner out"
    assert scenario("regimes.full_liberalization.equity_cap=0.51").own_words["stake"] == "a larger stake"
    insurers = load_scenario(FOLDER / "insurers" / "majority.yaml")
    said = launches({("Majority", "AXA"): 0.8}, 2030, "buys_out", insurers.own_words)[0]
    assert said.startswith("AXA has bought a larger stake by the end of 2030 in 80% of draws")


def test_where_no_site_can_be_built_none_is_spoken_of() -> None:
    assert ways_of(scenario()) == ("buys_out",)
    told = said(both(), "bought")
    assert not re.search(r"\bbuilds?\b|\bsites?\b", told)
    nobody = said((result("kept", "entry.rule=never"), result("dear", *DEAR, "opening.ramp=1")), "dear")
    assert nobody.endswith("Nobody buys its partner out in any draw.")


def test_where_both_can_be_both_are_spoken_of() -> None:
    modes = "entry.modes=[build, buy_out]"
    assert ways_of(scenario(modes)) == ("enters", "buys_out")
    nobody = said((result("kept", "entry.rule=never"), result("dear", *DEAR, modes, "opening.ramp=1")), "dear")
    assert nobody.endswith("Nobody builds own sites or buys its partner out in any draw.")


def test_who_has_sites_already_builds_none() -> None:
    one = load_scenario(FOLDER / "insurers" / "majority.yaml")
    assert ways_of(one) == ("buys_out",)
    assert ways_of(load_scenario(FOLDER / "europe_cloud" / "open_as_it_is.yaml")) == ()


def test_who_buys_and_is_the_worse_for_it_is_an_outcome_of_a_comparison() -> None:
    kept, bought = both()
    rows = [row for row in compare_one(bought, kept) if row.variable == "buy_out_regret" and row.statistic == "mean"]
    assert {row.item for row in rows} == set(bought.scenario.foreign)
    for row in rows:
        worth = [year(one.panels, "npv_with_terminal", 2030, "total", row.item) for one in (bought, kept)]
        expected = year(bought.panels, "buys_out", 2030, "total", row.item) * (worth[0] < worth[1])
        assert row.value == pytest.approx(expected.mean())


def test_movers_are_those_who_go_in_some_draw_the_most_frequent_first() -> None:
    kept, bought = both()
    found = movers(bought, kept, "buys_out")
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)
    for one in found:
        goes = column(bought.panels, "buys_out", "total", one.provider)
        assert one.share == goes.mean() > 0
    assert movers(bought, kept, "enters") == []


def test_the_live_section_speaks_of_buy_outs() -> None:
    kept, bought = both()
    page = live_section([kept, bought], {}, "kept", [])
    assert re.search(r"buys its partner out in <span[^>]*>\d+%</span> of draws and in <span", page)
    assert not re.search(r"\bbuilds in\b", page)
    tables = {one.table for one in numbers_of([kept, bought], "kept")}
    assert {"buys_out", "buy_out_regret"} <= tables
    assert not {"enters", "regret"} & tables


def test_the_timeline_draws_when_partners_are_bought() -> None:
    figure = timeline(Runs([*both()], "kept"))
    headings = {axes.get_title(loc="left") for axes in figure.axes}
    assert "Stakes of partners bought" in headings
    assert not any("site" in text.get_text() for axes in figure.axes for text in axes.texts)
    words = " ".join(text.get_text() for text in figure.texts)
    assert "has bought its partner out" in words
    assert "site" not in words


def test_gains_after_an_opening_are_counted_from_the_first_buy_out() -> None:
    figure = share_by_hypothesis(Runs([*both()], "kept"))
    words = re.sub(r"\s+", " ", " ".join(text.get_text() for text in figure.texts))
    assert "counted from the first purchase from a partner" in words
    assert len(figure.axes) > 1


def test_where_nobody_can_go_its_own_way_the_timeline_speaks_of_regimes() -> None:
    one = load_scenario(FOLDER / "europe_cloud" / "local_partner.yaml", overrides=["sampling.draws=512"])
    figure = timeline(Runs([Result(one, simulate(one, draw_worlds(one, range(1)), needed=("event_date",)))], one.name))
    words = " ".join(text.get_text() for text in figure.texts)
    assert "is in force in 100% of draws" in re.sub(r"\\s+", " ", words)
    assert "site" not in words
