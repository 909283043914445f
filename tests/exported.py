"""Small studies to export: two scenarios with titles that spreadsheets and shells mistake, one alone, a comparison."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from conftest import small

from sim import compare, run_study
from sim.scenario.scenario import Scenario

HOSTILE = "=1+1 <b>&amp; 'x' \U0001f680"
"""A title that a spreadsheet would take for a formula, and a page for markup."""

LONG = "=HYPERLINK(0) " + 300 * "é"


def hostile() -> Scenario:
    """The small scenario with one wider input, under titles that nothing must take for anything else."""
    base = small()
    wider = base.demand.churn.model_copy(update={"high": 12.0, "note": "=cmd|' /C calc'!A0"})
    demand = base.demand.model_copy(update={"churn": wider})
    providers = base.providers | {"aws": base.providers["aws"].model_copy(update={"title": LONG})}
    named = {"name": "wider", "title": HOSTILE, "demand": demand, "providers": providers, "region": "Ruritania"}
    return base.model_copy(update=named)


@cache
def _folder() -> Path:
    return Path(mkdtemp(prefix="sim-exports-"))


@cache
def two() -> Path:
    """A run of two scenarios."""
    return run_study([small(), hostile()], draws=512, out=_folder(), plots=False, jobs=1).folder


@cache
def one() -> Path:
    """A run of one."""
    return run_study([small()], draws=512, out=_folder(), plots=False, jobs=1).folder


@cache
def compared() -> Path:
    """A comparison of the two."""
    return compare([two()], baseline="wider", out=_folder(), plots=False, jobs=1).folder
