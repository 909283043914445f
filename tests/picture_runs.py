"""Made-up runs on shared draws, for pictures: shares that opening lifts, and all that hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from synthetic import of, panel, result, scenario

from sim.axes import FloatArray
from sim.outcomes.results import Panel, Result
from sim.pictures.registry import Runs

DRAWS = 512
YEARS = 9
SCOPES = ("iaas", "saas", "total")
HORIZON = {"base_year": 2018, "end_year": 2026, "period_months": 12}
REGULATOR = {
    "reviewers": 1,
    "review_time": {"value": 1, "unit": "years", "source": "bank", "grade": "judgement"},
}
LICENCE = scenario().regimes["closed"].model_dump()
REGIMES = {name: {**LICENCE, "title": f"Title of {name}"} for name in ("closed", "zone", "open", "withdrawn")}
STEPS = {"opening": {"when": "2020-01-01", "adopt": "zone"}, "end": {"when": "2024-01-01", "adopt": "withdrawn"}}


def _shares(rng: np.random.Generator, lift: float) -> FloatArray:
    """Exact in the base year, then spread, then lifted from the third year on in most draws."""
    walk = np.cumsum(rng.normal(0, 0.01, (YEARS, 1, DRAWS)), axis=0)
    opened = (np.arange(YEARS)[:, None, None] - 2).clip(0) * (rng.random(DRAWS) < 0.8)
    return np.asarray(0.15 + walk - walk[0] + lift * opened * rng.random(DRAWS))


def event_dates(lift: float, opening: float = 2020.0) -> Panel:
    rng = np.random.default_rng(2)
    launch = np.where((rng.random(DRAWS) < 0.7) & (lift > 0), 2021 + 2 * rng.random(DRAWS), np.nan)
    dates = np.stack([np.full(DRAWS, opening), np.full(DRAWS, 2024.0), launch])
    items = (("", "opening"), ("", "end"), ("", "aws.launch"))
    return panel("event_date", dates[None], items=items, first_year=2026)


def study(*names: str, lifts: Sequence[float] = (), stated: Mapping[str, Mapping[str, str]] = {}) -> Runs:
    """Runs on shared draws whose foreign share is lifted by so much a year; the first is the baseline, not lifted."""
    each = zip(names, lifts or 0.01 * np.arange(len(names)), strict=True)
    return Runs([_result(name, lift, **stated.get(name, {})) for name, lift in each], names[0])


def _result(name: str, lift: float, **stated: str) -> Result:
    rng = np.random.default_rng(1)
    share = _shares(rng, lift)
    size = np.exp(0.2 * np.arange(YEARS)[:, None, None] + rng.normal(0, 0.3, DRAWS)) * (1 + lift)
    groups = tuple((scope, item) for scope, item in product(SCOPES, ("aws", "alibaba")))
    parties = ("operator_profit", "domestic_gross_profit", "tax_take", "consumer_gain")
    foreign = (("total", "aws"), ("total", "foreign"))
    panels = of(
        panel("market_size", np.repeat(size, 3, axis=1), items=tuple((scope, "") for scope in SCOPES)),
        panel("foreign_share", np.repeat(share, 3, axis=1), items=tuple((scope, "") for scope in SCOPES)),
        panel("market_share", np.tile(np.concatenate([share, 1 - share], axis=1), (1, 3, 1)), items=groups),
        panel("revenue_gross", share * size, items=foreign[1:]),
        panel("revenue_retained", 0.5 * share * size, items=foreign[1:]),
        panel("operating_profit", np.repeat(0.2 * share * size, 2, axis=1)[1:], items=foreign, first_year=2019),
        *(panel(party, (0.1 * share * size)[1:], first_year=2019) for party in parties),
        *(
            panel(value, np.repeat(share[-1:] * size[-1:], 2, axis=1), items=foreign, first_year=2026)
            for value in ("npv", "npv_with_terminal")
        ),
        panel("opening_hypothesis", np.arange(DRAWS).reshape(1, 1, -1) % 2.0, items=(("", ""),), first_year=2026),
        event_dates(lift),
    )
    policy = {"start": "closed", "steps": STEPS}
    return result(panels, name=name, horizon=HORIZON, regulator=REGULATOR, regimes=REGIMES, policy=policy, **stated)
