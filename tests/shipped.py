"""Shipped scenarios with overrides, run on a few draws, for tests of the whole model."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.chance.worlds import Worlds
from sim.dates.calendar import step_dates
from sim.dates.dated import dated_numbers
from sim.dates.timeline import Masks, Timeline, period_masks, simulate_timeline
from sim.model.economy import Economy
from sim.model.engine import run_periods, simulate
from sim.model.entry import entry_verdicts
from sim.model.inversion import build_economy
from sim.model.record import Record
from sim.outcomes.results import Panel
from sim.reading.loading import load_scenario
from sim.scenario.scenario import Scenario

FOLDER = Path(__file__).parents[1] / "scenarios"

RUNNABLE = (
    "jv_only",
    "ftz_pilot",
    "full_liberalization",
    "piecemeal",
    "announced_path",
    "reversal",
    "forced_transfer",
    "transfer_ban",
    "new_entrant",
)

NO_RIVALRY = ("rivalry.provider_sd=0", "rivalry.origin_sd=0")
NOTHING_DRIFTS = (
    *NO_RIVALRY,
    "technology.catch_up=0",
    "technology.spillover=0",
    "closure.drift=0",
    "market.layers.iaas.log_odds_drift=0",
)
NO_PARTNER_GAIN = (
    "regimes.full_liberalization.partner_equity=0",
    "regimes.full_liberalization.partner_unlock=0",
)
"""Full liberalization for owners alone: without it, it permits partners what the joint venture does."""

_KEPT = 24
"""Runs of one kind that are held at a time: each takes some tens of megabytes."""

CALM_MARKET = ("market.volatility=0", "market.step_rate=0")


@functools.cache
def scenario(name: str, *overrides: str) -> Scenario:
    """A shipped scenario with overrides, the last where there are several of one path."""
    last = {override.partition("=")[0]: override for override in overrides}
    return load_scenario(FOLDER / f"{name}.yaml", overrides=tuple(last.values()), extremes=True)


@functools.lru_cache(_KEPT)
def worlds(name: str, *overrides: str, scrambles: int = 1) -> Worlds:
    """Its first worlds."""
    return draw_worlds(scenario(name, *overrides), range(scrambles))


@functools.lru_cache(_KEPT)
def run(name: str, *overrides: str, scrambles: int = 1) -> Mapping[str, Panel]:
    """Its outcomes."""
    return simulate(scenario(name, *overrides), worlds(name, *overrides, scrambles=scrambles))


@functools.lru_cache(_KEPT)
def economy(name: str = "jv_only", *overrides: str) -> Economy:
    """Its base year."""
    return build_economy(scenario(name, *overrides), worlds(name, *overrides).inputs)


@functools.lru_cache(_KEPT)
def story(name: str, *overrides: str, scrambles: int = 1) -> tuple[Economy, Record, Timeline, Masks]:
    """Its base year, what each period leaves, and what happens when."""
    found, drawn = scenario(name, *overrides), worlds(name, *overrides, scrambles=scrambles)
    start = build_economy(found, drawn.inputs)
    dated = dated_numbers(found, drawn.inputs, step_dates(found, drawn))
    timeline = simulate_timeline(found, drawn, entry_verdicts(found, start, dated=dated))
    masks = period_masks(found, timeline)
    return start, run_periods(found, start, drawn, timeline, masks), timeline, masks


def periods(name: str, *overrides: str, scrambles: int = 1) -> tuple[Economy, Record]:
    """Its base year, and what each period leaves."""
    return story(name, *overrides, scrambles=scrambles)[:2]


def column(panels: Mapping[str, Panel], variable: str, scope: str = "total", item: str = "") -> FloatArray:
    """All years and draws of one item, (Y, N)."""
    panel = panels[variable]
    return np.ascontiguousarray(panel.values[:, panel.items.index((scope, item))])


def year(panels: Mapping[str, Panel], variable: str, when: int, scope: str = "total", item: str = "") -> FloatArray:
    """One year of one item, (N,)."""
    return panels[variable].column(when, scope, item)
