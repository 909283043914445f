"""The small scenario in memory and made-up panels, for tests that need results but no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from conftest import small

from sim.axes import FloatArray
from sim.outcomes.results import Panel, Result
from sim.outcomes.variables import unit_of
from sim.scenario.scenario import Scenario

_POLICY = {"start": "closed", "steps": {"deal": {"when": "2020-01-01", "probability": 0.5}}}


def scenario(name: str = "closed", *, seed: int = 1, draws: int = 512, **sections: Any) -> Scenario:
    """The small scenario with two regimes of which none follows the other; `sections` replace whole sections."""
    base = small().model_dump(exclude={"title"})
    sampling = {**base["sampling"], "seed": seed, "draws": draws, "leading": ["market.size"]}
    return Scenario.model_validate({**base, "name": name, "sampling": sampling, "policy": _POLICY, **sections})


def panel(
    variable: str,
    values: FloatArray,
    *,
    items: tuple[tuple[str, str], ...] = (("total", ""),),
    first_year: int = 2018,
    median: FloatArray | None = None,
) -> Panel:
    """A panel of consecutive years; its median case is 1 unless given."""
    years = tuple(range(first_year, first_year + len(values)))
    centre = np.ones(values.shape[:2]) if median is None else median
    return Panel(variable, unit_of(variable, "USD"), years, items, values, centre)


def result(panels: Mapping[str, Panel] | None = None, *, name: str = "closed", **changes: Any) -> Result:
    """A result of `scenario` with the panels given; their draws are the scenario's."""
    panels = {} if panels is None else panels
    draws = next((one.draws for one in panels.values()), 512)
    return Result(scenario(name, draws=draws, **changes), panels)


def of(*panels: Panel) -> dict[str, Panel]:
    """Panels by variable."""
    return {one.variable: one for one in panels}
