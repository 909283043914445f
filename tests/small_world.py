"""Small policies and hand-made draws, for tests of the calendar and of what happens under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from conftest import small
from numpy.typing import ArrayLike

from sim.axes import BoolArray
from sim.chance.worlds import Worlds
from sim.scenario.families import Fixed
from sim.scenario.levers import Regime
from sim.scenario.providers import Entry, Provider, Regulator
from sim.scenario.scenario import Scenario
from sim.scenario.steps import Policy

CLOSED: Mapping[str, Any] = small().regimes["closed"].model_dump()
OPEN: Mapping[str, Any] = {**CLOSED, "title": "Open", "owned_layers": ("iaas",), "owned_unlock": 1, "reach": "open"}
EVIDENCE = {"source": "guess", "grade": "judgement"}


def years(value: float = 1) -> dict[str, Any]:
    return {"value": value, "unit": "years", **EVIDENCE}


def number(value: float = 1) -> dict[str, Any]:
    return {"value": value, "unit": "1", **EVIDENCE}


def rate(value: float = 1) -> dict[str, Any]:
    return {"value": value, "unit": "1/yr", **EVIDENCE}


def small_scenario(
    steps: Mapping[str, Mapping[str, Any]],
    *,
    start: str = "closed",
    foreign: Sequence[str] = ("aws", "microsoft"),
    reviewers: int = 9,
    period_months: int = 3,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    **regimes: Mapping[str, Any],
) -> Scenario:
    """The small scenario with a policy of its own: regimes `closed`, `open`, and further ones as changes of `open`.

    `providers` says more of some of them.
    """
    levers = {"closed": CLOSED, "open": OPEN, **{name: {**OPEN, **change} for name, change in regimes.items()}}
    base = small()
    said = {name: {"title": name, "origin": "foreign", **(providers or {}).get(name, {})} for name in foreign}
    return base.model_copy(
        update={
            "horizon": base.horizon.model_copy(update={"end_year": 2030, "period_months": period_months}),
            "providers": {name: Provider.model_validate(values) for name, values in said.items()},
            "entry": Entry.model_validate({"rule": "always", "hurdle": number(), "build_time": years()}),
            "regimes": {name: Regime(**values) for name, values in levers.items()},
            "regulator": Regulator.model_validate({"reviewers": reviewers, "review_time": years()}),
            "policy": Policy.model_validate({"start": start, "steps": steps}),
        }
    )


def worlds(
    scenario: Scenario,
    *,
    review: Mapping[str, ArrayLike] | float = 1.0,
    build: Mapping[str, ArrayLike] | float = 1.0,
    draws: int = 1,
    chance: Mapping[str, ArrayLike] | None = None,
    clock: Mapping[str, ArrayLike] | None = None,
    order: Mapping[str, ArrayLike] | None = None,
    **named: ArrayLike,
) -> Worlds:
    """Draws with the values stated, in listed order by default; `named` holds further inputs, with `__` for a dot."""

    def array(value: ArrayLike) -> np.ndarray:
        return np.array(np.broadcast_to(np.asarray(value, dtype=float), draws))

    values: dict[str, ArrayLike] = {
        f"policy.steps.{name}.{field}": record.value
        for name, step in scenario.policy.steps.items()
        for field in ("delay", "hazard", "probability")
        if isinstance(record := getattr(step, field, None), Fixed)
    }
    for path, plan in (("regulator.review_time", review), ("entry.build_time", build)):
        for name in scenario.foreign:
            values[f"{path}[{name}]"] = plan[name] if isinstance(plan, Mapping) else plan
    values |= {name.replace("__", "."): value for name, value in named.items()}
    in_turn = {name: (i + 0.5) / len(scenario.foreign) for i, name in enumerate(scenario.foreign)}
    nothing = np.zeros((0, draws))
    return Worlds(
        inputs={name: array(value) for name, value in values.items()},
        market_shock=nothing,
        market_steps=nothing,
        rivalry=nothing,
        origin_shock=nothing,
        catch_up_shock=nothing,
        chance={name: array(value) for name, value in (chance or {}).items()},
        clock={name: array(value) for name, value in (clock or {}).items()},
        order=np.stack([array((order or in_turn)[name]) for name in scenario.foreign]),
    )


def everybody(scenario: Scenario, draws: int = 1) -> BoolArray:
    """Verdicts (S, F, N) with which all enter."""
    return np.ones((1 + len(scenario.policy.steps), len(scenario.foreign), draws), dtype=bool)
