"""A small scenario and made-up panels, for tests that need results but no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.axes import FloatArray
from sim.outcomes.results import VARIABLES, Panel, Result
from sim.scenario.scenario import Scenario

_EVIDENCE = {"source": "guess", "grade": "judgement"}


def _number(value: float, unit: str = "1") -> dict[str, Any]:
    return {"value": value, "unit": unit, **_EVIDENCE}


def _part(value: float) -> dict[str, Any]:
    return _number(value, "fraction")


def _rate(value: float) -> dict[str, Any]:
    return _number(value, "1/yr")


def _years(value: float) -> dict[str, Any]:
    return _number(value, "years")


_REGIME: dict[str, Any] = {
    "title": "Licence",
    "partner_equity": 0,
    "partner_unlock": 0,
    "owned_layers": [],
    "owned_unlock": 0,
    "reach": "none",
    "capped": False,
    "sites": None,
    "yearly_quota": None,
    "spillover": 1,
    "transfers_sites": False,
}

_DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "closed",
    "question": "What if nothing changes?",
    "as_of": "2019-04-30",
    "exchange_rate": _number(6.62, "CNY per USD"),
    "horizon": {"base_year": 2018, "end_year": 2020, "period_months": 12},
    "sampling": {"seed": 1, "draws": 512, "leading": ["market.size"]},
    "market": {
        "size": {"low": 6.5, "median": 7.2, "high": 8.0, "unit": "USD bn/yr", **_EVIDENCE},
        "layers": {"iaas": {"size": _number(4.65, "USD bn/yr")}, "saas": {}},
        "drift_fade": _rate(0.5),
        "growth_base": _rate(0.7),
        "growth_forecast": _rate(0.4),
        "forecast_years": 4,
        "growth_long_run": _rate(0.07),
        "volatility": _rate(0.3),
        "growth_reversion": _rate(0.8),
        "level_reversion": _rate(0.2),
        "step_rate": _rate(0.1),
        "step_size": _number(0.2),
    },
    "segments": {
        "firms": {"layer": "iaas", "weight": _part(1), "open": _part(0.8), "foreign_propensity": _number(1)},
        "users": {"layer": "saas", "weight": _part(1), "open": _part(0.8), "foreign_propensity": _number(1)},
    },
    "providers": {"alibaba": {"title": "Alibaba", "origin": "domestic"}, "aws": {"title": "AWS", "origin": "foreign"}},
    "shares": {layer: {"direct": {"aws": _part(0.1)}, "rest": "alibaba"} for layer in ("iaas", "saas")},
    "demand": {
        "elasticity_of_substitution": _number(3.5),
        "elasticity_of_demand": _number(1.2),
        "conduct": _part(0.7),
        "captive_growth": _part(0.5),
        "churn": _rate(0.03),
    },
    "rivalry": {"half_life": _years(3), "provider_sd": _number(1.8), "origin_sd": _number(0.45)},
    "technology": {"catch_up": _rate(0), "spillover": _rate(0), "owned_spillover": _part(0.5)},
    "closure": {"drift": _rate(0)},
    "opening": {
        "layer": "iaas",
        "hypothesis": {"discrete": {"large": 0.5, "small": 0.5}, "unit": "category", **_EVIDENCE},
        "hypotheses": {
            "large": {"measure": "share_of_open", "value": _part(0.5)},
            "small": {"measure": "gain_of_layer", "value": _part(0.05)},
        },
        "layer_factor": {"saas": _number(0.5)},
        "ramp": _years(2),
    },
    "migration": {"rate": _rate(0.3), "consent_loss": _part(0.05)},
    "capacity": {"expansion_lead": _years(0.5), "planning_years": _years(0.5)},
    "zone": {
        "reading": {"discrete": {"all": 1.0}, "unit": "category", **_EVIDENCE},
        "readings": {"all": {"reach": _part(0.3)}},
        "cap": _number(0.5, "USD bn/yr"),
    },
    "regulator": {"reviewers": 1, "review_time": _years(1)},
    "economics": {
        **{
            name: _part(0.2)
            for name in (
                "site_cost",
                "operator_margin",
                "provider_margin",
                "incremental_technology",
                "technology_royalty",
                "royalty_withholding",
                "royalty_vat",
                "profit_tax",
                "dividend_withholding",
                "domestic_margin",
                "transfer_price",
            )
        },
        "capital_intensity": _number(0.9),
        "asset_life": _years(6),
        "reference_utilization": _part(0.7),
        "reference_growth": _rate(0.47),
        "discount_rate": _rate(0.1),
        "terminal_growth": _rate(0.02),
    },
    "entry": {"rule": "profit", "hurdle": _number(1.5), "build_time": _years(2)},
    "regimes": {"closed": _REGIME},
    "policy": {"start": "closed", "steps": {"deal": {"when": "2020-01-01", "probability": 0.5}}},
}


def scenario(name: str = "closed", *, seed: int = 1, draws: int = 512, **sections: Any) -> Scenario:
    """A complete scenario with two layers and two providers; `sections` replace whole sections."""
    sampling = {**_DOCUMENT["sampling"], "seed": seed, "draws": draws}
    return Scenario.model_validate({**_DOCUMENT, "name": name, "sampling": sampling, **sections})


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
    return Panel(variable, VARIABLES[variable].unit, years, items, values, centre)


def result(panels: Mapping[str, Panel] | None = None, *, name: str = "closed", **changes: Any) -> Result:
    """A result of `scenario` with the panels given; their draws are the scenario's."""
    panels = {} if panels is None else panels
    draws = next((one.draws for one in panels.values()), 512)
    return Result(scenario(name, draws=draws, **changes), panels)


def of(*panels: Panel) -> dict[str, Panel]:
    """Panels by variable."""
    return {one.variable: one for one in panels}
