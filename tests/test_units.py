"""Units: what is drawn, split into independent parts, each of which can be drawn anew alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from sim.chance.sampling import columns_of, draw_latents, draw_worlds, leading_columns
from sim.chance.units import units_of
from sim.chance.worlds import Worlds
from sim.scenario.inputs import inputs
from sim.scenario.scenario import Scenario

Shipped = Callable[[str], Scenario]


@pytest.fixture
def announced(shipped: Shipped) -> Scenario:
    return shipped("announced_path")


def test_units_hold_every_column_once(announced: Scenario) -> None:
    names = [column.name for unit in units_of(announced) for column in unit.columns]
    assert len(set(names)) == len(names)
    drawn = {item.name for item in inputs(announced) if not item.record.is_fixed}
    assert drawn < set(names)
    assert leading_columns(announced, range(1)).keys() == set(names)


def test_a_group_is_one_unit_and_an_input_of_no_group_is_one_alone(announced: Scenario) -> None:
    units = {unit.name: unit for unit in units_of(announced)}
    members = [column.name for column in units["switching_costs"].columns]
    assert members == ["demand.churn", "migration.rate", "demand.captive_growth"]
    assert [column.name for column in units["demand.conduct"].columns] == ["demand.conduct"]
    assert units["market_power"].grade == "derived"  # the weaker of derived and found


def test_each_unit_is_of_one_kind(announced: Scenario) -> None:
    kinds = {unit.name: unit.kind for unit in units_of(announced)}
    assert all(len({column.kind for column in unit.columns}) == 1 for unit in units_of(announced))
    assert kinds["opening.hypothesis"] == kinds["zone.reading"] == "disagreement"
    assert kinds["demand.conduct"] == kinds["market.step_rate"] == "ignorance"
    luck = ("one_regulator", "order", "shock.market", "chance.deal", "policy.steps.pilot_in_deal.delay", "market_steps")
    assert {kinds[name] for name in luck} == {"luck"}


def test_a_path_of_a_provider_holds_what_widens_it(announced: Scenario) -> None:
    units = {unit.name: unit for unit in units_of(announced)}
    assert "tail.aws" in units["shock.rivalry.aws"].sources
    assert units["shock.origin"].sources == {"shock.origin"}


def test_the_columns_kept_are_those_of_the_worlds(announced: Scenario) -> None:
    kept, columns = leading_columns(announced, range(1)), columns_of(announced, draw_latents(announced, 0))
    assert all((kept[name] == values).all() for name, values in columns.inputs.items() if name in kept)
    assert all((kept[name] == values).all() for name, values in columns.events.items())
    worlds = draw_worlds(announced, range(1))
    moved = worlds.market_shock[-1]
    first, second = (
        abs(spearmanr(kept[f"shock.market[{k}]"], moved / worlds.inputs["market.volatility"])[0]) for k in (0, 1)
    )
    assert first > 0.6 > second
    assert (kept["market_steps"] * worlds.inputs["market.step_size"] == -worlds.market_steps[-1]).all()


def _differ(worlds: Worlds, other: Worlds) -> set[str]:
    parts = {"market_shock", "market_steps", "rivalry", "origin_shock", "order"}
    moved = {name for name in parts if (getattr(worlds, name) != getattr(other, name)).any()}
    return moved | {name for name, values in worlds.inputs.items() if (values != other.inputs[name]).any()}


@pytest.mark.parametrize(
    ("unit", "moved"),
    [
        ("demand.conduct", {"demand.conduct"}),
        ("switching_costs", {"demand.churn", "migration.rate", "demand.captive_growth"}),
        ("order", {"order"}),
        ("shock.market", {"market_shock"}),
        ("shock.rivalry.aws", {"rivalry"}),
        ("market_steps", {"market_steps"}),
        ("market.step_size", {"market.step_size", "market_steps"}),
    ],
)
def test_drawing_a_unit_anew_moves_it_alone(announced: Scenario, unit: str, moved: set[str]) -> None:
    worlds = draw_worlds(announced, range(2))
    assert _differ(worlds, draw_worlds(announced, range(2), redrawn=[unit])) == moved


def test_the_other_set_is_independent_of_the_first(announced: Scenario) -> None:
    scrambles = range(16)
    first = draw_worlds(announced, scrambles)
    units = [unit.name for unit in units_of(announced)]
    for copy in (0, 1):
        other = draw_worlds(announced, scrambles, redrawn=units, copy=copy)
        drawn = [name for name, values in first.inputs.items() if np.ptp(values) > 0]
        ranks = [abs(spearmanr(first.inputs[name], other.inputs[name])[0]) for name in drawn]
        assert max(ranks) < 4 / np.sqrt(512 * 16)  # four standard errors, of some eighty


def test_copies_of_the_other_set_differ(announced: Scenario) -> None:
    one, two = (draw_worlds(announced, range(1), redrawn=["order"], copy=copy).order for copy in (0, 1))
    assert (one != two).mean() > 0.99


def test_a_scramble_is_redrawn_alike_wherever_it_stands(announced: Scenario) -> None:
    both = draw_worlds(announced, range(3, 5), redrawn=["shock.origin"]).origin_shock
    assert (draw_worlds(announced, range(4, 5), redrawn=["shock.origin"]).origin_shock == both[:, 512:]).all()


def test_what_is_no_unit_is_refused(announced: Scenario) -> None:
    with pytest.raises(ValueError, match=r"no unit of announced_path that can be redrawn: demand\.churn"):
        draw_worlds(announced, range(1), redrawn=["demand.churn"])  # its group is one


def test_the_documentation_lists_the_kind_of_every_unit(shipped: Shipped) -> None:
    page = (Path(__file__).parents[1] / "docs" / "inputs.md").read_text()
    rows = re.findall(r"^\| `(.*?)` \| (\w+) \| (.*) \|$", page, re.MULTILINE)
    stated = {(name, kind): columns for name, kind, columns in rows}
    expected: dict[tuple[str, str], list[str]] = {}
    folder = Path(__file__).parents[1] / "scenarios"
    for name in sorted(path.stem for path in folder.glob("*.yaml") if path.stem not in ("base", "sources")):
        for unit in units_of(shipped(name)):
            known = expected.setdefault((unit.name, unit.kind), [])
            known += [column.name for column in unit.columns if column.name not in known]
    assert stated.keys() == expected.keys()
    for (name, kind), columns in expected.items():
        words = "itself" if columns == [name] else ", ".join(f"`{column}`" for column in columns)
        assert stated[name, kind] == words
