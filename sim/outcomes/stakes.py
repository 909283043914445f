"""What a scenario changes, and for whom: gains over the baseline, draw by draw, as present values to the horizon's end.

What a scenario lacks counts as nothing: a provider that never comes under the baseline has no worth there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Final, NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.kernels.finance import discount_factors
from sim.outcomes.panels import Columns, Result
from sim.outcomes.statistics import STATISTICS, describe
from sim.scenario.families import Discrete
from sim.scenario.mechanisms import medians
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario

__all__ = [
    "CATEGORIES",
    "HOST",
    "STAKES_VARIABLES",
    "UPPER_BOUND",
    "WAYS",
    "Level",
    "Mover",
    "Spread",
    "category_levels",
    "discount_rate",
    "foreign_worth",
    "host_gains",
    "movers",
    "number_gain",
    "number_level",
    "provider_worth",
    "ways_of",
]

HOST: Final[Mapping[str, str]] = {
    "consumer_gain": "customers",
    "domestic_gross_profit": "domestic rivals",
    "operator_profit": "local operators",
    "tax_take": "the treasury from foreign business",
}
"""Flows of the host's parties, which add up to the host as a whole, and the parties in words."""

UPPER_BOUND: Final = "consumer_gain"
"""Party of the host whose gain is an upper bound: all that holds foreign offers back counts as a barrier."""

CATEGORIES: Final[Mapping[str, Callable[[Scenario], Record | None]]] = {
    "opening_hypothesis": lambda scenario: scenario.opening.hypothesis,
    "zone_reading": lambda scenario: None if scenario.zone is None else scenario.zone.reading,
}
"""Outcomes that say which hypothesis or reading holds in a draw, and where a scenario has the choice."""


class Way(NamedTuple):
    """A way to a business of one's own: what a provider does, the event that dates it, and who is the worse for it.

    In words `own_words` of the scenario fill the gaps.
    """

    does: str
    event: str
    regret: str


WAYS: Final[Mapping[str, Way]] = {
    "enters": Way("builds", "launch", "regret"),
    "buys_out": Way("buys {stake}", "buy_out", "buy_out_regret"),
}
"""By the variable that tells who goes."""

STAKES_VARIABLES: Final = frozenset({"npv", "npv_with_terminal", *WAYS, *HOST, *CATEGORIES})
"""Beside the answer in short, what a verdict is made of."""

_DRAWS_AT_A_TIME: Final = 2**16
"""Draws of which all years are held together."""


class Spread(NamedTuple):
    """A number over its draws: median, the ends of the central 90%, and mean."""

    median: float
    low: float
    high: float
    mean: float

    @classmethod
    def of(cls, values: FloatArray, sizes: Sequence[int] | None = None) -> Spread:
        """Of draws (N,), as the tables describe them; `sizes` as there."""
        found = dict(zip(STATISTICS, describe(values[None], sizes=sizes).value[0].tolist(), strict=True))
        return cls(found["p50"], found["p05"], found["p95"], found["mean"])


class Level(NamedTuple):
    """The draws in which one hypothesis or reading holds: its name, and the mean there with its standard error."""

    name: str
    mean: float
    se: float


class Mover(NamedTuple):
    """A provider that goes its own way: in which share of the draws, and in which it is the worse for it.

    `half` is the date before which it has done so in half of the draws in which it does; NaN if no date was stored.
    """

    provider: str
    share: float
    regret: float
    half: float


@dataclass(frozen=True)
class _Place:
    """Where a number stands."""

    variable: str
    scope: str
    item: str

    def draws(self, result: Result, year: int) -> FloatArray:
        """Its draws (N,), 0 where the result has no such item."""
        panel = result.panels[self.variable]
        if (self.scope, self.item) not in panel.items:
            return np.zeros(panel.draws)
        return panel.column(year, self.scope, self.item)


def number_gain(
    result: Result, base: Result, variable: str, scope: str, item: str = "", *, year: int | None = None
) -> FloatArray:
    """What a result has above the baseline in a year, by default the last, (N,)."""
    place, when = _Place(variable, scope, item), year or result.scenario.horizon.end_year
    return place.draws(result, when) - place.draws(base, when)


def foreign_worth(result: Result, base: Result) -> FloatArray:
    """What a scenario is worth to all foreign providers together, (N,), in bn: value to the horizon's end."""
    return number_gain(result, base, "npv", "total", "foreign")


def provider_worth(result: Result, base: Result) -> dict[str, FloatArray]:
    """The same by foreign provider, (N,) each; they add up."""
    return {name: number_gain(result, base, "npv", "total", name) for name in result.scenario.foreign}


def movers(result: Result, base: Result, way: str) -> list[Mover]:
    """Every foreign provider that goes its own way in some draw, the most frequent first.

    Regret is as the variable of that name: less value, terminal value included, than under the baseline.

    Parameters
    ----------
    result, base : Result
    way : str
        Key of `WAYS`.
    """
    found = []
    for name in result.scenario.foreign:
        goes = number_level(result, way, "total", name) > 0
        worse = number_gain(result, base, "npv_with_terminal", "total", name) < 0
        if goes.any():
            found.append(Mover(name, float(goes.mean()), float((goes & worse).mean()), _half(result, way, name)))
    return sorted(found, key=lambda one: -one.share)


def _half(result: Result, way: str, provider: str) -> float:
    """The median date of what a provider does, of the draws in which it does so."""
    panel = result.panels.get("event_date")
    place = ("", f"{provider}.{WAYS[way].event}")
    if panel is None or place not in panel.items:
        return nan
    dates = panel.column(panel.years[0], *place)
    return float(np.median(dates[np.isfinite(dates)])) if np.isfinite(dates).any() else nan


def ways_of(scenario: Scenario) -> tuple[str, ...]:
    """Ways to a business of one's own that somebody has in a scenario, as keys of `WAYS`."""
    possible = {"enters": scenario.may_build, "buys_out": scenario.buys_out}
    return tuple(way for way in WAYS if possible[way])


def number_level(result: Result, variable: str, scope: str, item: str = "", *, year: int | None = None) -> FloatArray:
    """What a result has in a year, by default the last, (N,)."""
    return _Place(variable, scope, item).draws(result, year or result.scenario.horizon.end_year)


def host_gains(result: Result, base: Result) -> dict[str, FloatArray]:
    """What each party of the host gains over the baseline, (N,) each, by variable of `HOST`, in bn.

    The flows of the years after the base year, at present value at its end; each is paid in the middle of its year, and
    discounted in every draw at the median rate.
    """
    return {name: _present_gain(result.panels[name], base.panels[name], result) for name in HOST}


def _present_gain(panel: Columns, base: Columns, result: Result) -> FloatArray:
    years = [year for year in panel.years if year > result.scenario.horizon.base_year]
    rows, base_rows = ([one.row(year, "total") for year in years] for one in (panel, base))
    factors = discount_factors(np.array([discount_rate(result)]), len(years), 1.0)
    parts = [slice(start, start + _DRAWS_AT_A_TIME) for start in range(0, panel.draws, _DRAWS_AT_A_TIME)]
    return np.concatenate(
        [((panel.rows(rows, part) - base.rows(base_rows, part)) * factors).sum(axis=0) for part in parts]
    )


def discount_rate(result: Result) -> float:
    """The median of a scenario's discount rate, per year."""
    return medians(result.scenario)["economics.discount_rate"]


def category_levels(result: Result, variable: str, values: FloatArray) -> list[Level]:
    """Means of some draws (N,) by which hypothesis or reading holds in them, in listed order.

    Parameters
    ----------
    result : Result
    variable : str
        Key of `CATEGORIES`.
    values : array (N,)

    Returns
    -------
    list of Level
        Of those that hold in some draw. Errors are those of independent draws: on a net too large, if anything.
    """
    if variable not in result.panels:
        return []
    panel, record = result.panels[variable], CATEGORIES[variable](result.scenario)
    holds = panel.column(panel.years[0])
    names = record.categories if isinstance(record, Discrete) else ()
    return [
        Level(name, float(own.mean()), float(own.std() / sqrt(len(own) - 1)) if len(own) > 1 else nan)
        for place, name in enumerate(names)
        if len(own := values[holds == place])
    ]
