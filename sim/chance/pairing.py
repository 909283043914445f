"""Whether draw n of one scenario can be held against draw n of another. It is a wider question than `same_worlds`.

Paired scenarios share the columns that both have, and may differ in numbers, steps and providers; those of the same
worlds share all of them to the last bit, so that they need be drawn only once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from sim.scenario.scenario import Correlation, Scenario

__all__ = ["disagreements", "draws_key"]


def _drawing(scenario: Scenario) -> Mapping[str, object]:
    """What decides the world that draw n is, and what it is measured on: two scenarios share draws if all agree.

    Columns are keyed by name, so a provider that one of them has besides moves no draw of the others.
    """
    sampling, horizon = scenario.sampling, scenario.horizon
    return {
        "seed": sampling.seed,
        "number of draws": sampling.draws,
        "horizon": [horizon.base_year, horizon.end_year, horizon.period_months],
        "leading columns": list(sampling.leading),
        "posterior": sampling.posterior,
        "layers": sorted(scenario.market.layers),
        "segments": sorted(scenario.segments),
        "money": scenario.prices.words(scenario.currency),
    }


def draws_key(scenario: Scenario) -> str:
    """SHA-256 of what decides the draws, correlations aside: unlike keys, unlike draws."""
    return hashlib.sha256(json.dumps(_drawing(scenario), sort_keys=True).encode()).hexdigest()


def disagreements(scenario: Scenario, other: Scenario) -> tuple[str, ...]:
    """Why two scenarios do not share draws, in words; empty if they do."""
    mine, theirs = _drawing(scenario), _drawing(other)
    unlike = [
        f"{part} ({mine[part]} against {theirs[part]})"
        if part in ("seed", "number of draws", "horizon", "money")
        else part
        for part in mine
        if mine[part] != theirs[part]
    ]
    turned = _turned_providers(scenario, other)
    groups = _unlike_groups(scenario.sampling.correlations, other.sampling.correlations)
    return (*unlike, *turned, *groups)


def _turned_providers(scenario: Scenario, other: Scenario) -> Iterator[str]:
    """Providers that are domestic in one scenario and foreign in the other."""
    for name in scenario.providers:
        if name in other.providers and scenario.providers[name].origin != other.providers[name].origin:
            yield f"the origin of {name}"


def _unlike_groups(mine: Mapping[str, Correlation], theirs: Mapping[str, Correlation]) -> Iterator[str]:
    """Correlation groups that do not begin alike; members that one of them appends move nothing before them."""
    for name in dict.fromkeys((*mine, *theirs)):
        if name not in mine or name not in theirs:
            yield f"correlation group {name}"
            continue
        shared = min(len(mine[name].members), len(theirs[name].members))
        begins = [(group.members[:shared], group.rank[: shared - 1]) for group in (mine[name], theirs[name])]
        if begins[0] != begins[1]:
            yield f"correlation group {name}"
