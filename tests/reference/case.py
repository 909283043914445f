"""What one draw is handed: names, sampled numbers, dates, shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.scenario.scenario import Scenario

__all__ = ["Case", "Mask", "Phase", "Vector"]

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Phase:
    """What is in force from one date to another: the levers of section 7, in decimal years and fractions."""

    start: float
    end: float
    partner_equity: float
    partner_unlock: float
    owned_unlock: float
    spillover: float
    cross_border: float
    cross_border_unlock: float
    tariff: float | None  # None where the channel's own counts
    bought_unlock: float
    equity_cap: float | None
    equity: Vector  # of each provider in its partner's operator, [p]
    sites: Mask  # whether own sites are allowed, [l, p]
    buys: Mask  # who would buy its partner out, [p]
    owned_layers: tuple[str, ...]
    reach: str
    capped: bool


@dataclass
class Case:
    """One draw under one scenario: periods [t], layers [l], segments [g], providers [p] with the domestic ones first.

    Dates are decimal years, inf never; dates of sites are inf and their parts 0 for domestic providers.
    """

    scenario: Scenario  # read for names and for structure
    inputs: Mapping[str, float]  # all numbers in canonical units: fractions, years, bn
    median_forecast: float
    luck: Vector  # [t], shock to log market size and its downward steps, at period ends
    rivalry: Vector  # [t, p], z_t - z_0
    origin: Vector  # [t], the same of foreign against domestic
    turns: Vector  # [t], what luck in the rate of catching up has added to the log of domestic quality
    rival_offsets: Vector  # [t, p, l], b of section 5
    origin_offsets: Vector  # [t, l], c of section 5
    entrant_offsets: Mapping[str, Vector]  # b of who arrives later, by periods since its arrival
    phases: Sequence[Phase]  # in order; the first is the start's
    steps: Mapping[str, float]  # when the steps of the calendar happen
    launched: Vector
    withdrawn: Vector
    transferred: Vector
    arrived: Vector  # of who is not there in the base year; minus infinity of the others
    order: Vector  # breaks ties of launch
    bought: Vector  # partners that are bought out
    asked: Phase | None  # what the draw's hypothesis says its share of; None for full control
    spread: Mapping[str, Vector]  # luck of layers that spread, [t]
    part: Vector  # of its business for which a provider has places (section 2, `firms`)

    def __post_init__(self) -> None:
        found = self.scenario
        self.step, self.per_year = found.horizon.period_months / 12, 12 // found.horizon.period_months
        self.periods, self.excess = len(self.luck), self["demand.elasticity_of_substitution"] - 1.0
        self.layers, self.segments = list(found.market.layers), list(found.segments)
        self.layer_of = [self.layers.index(segment.layer) for segment in found.segments.values()]
        self.rows = [[g for g, at in enumerate(self.layer_of) if at == layer] for layer in range(len(self.layers))]
        self.providers, self.home = [*found.domestic, *found.foreign], len(found.domestic)
        self.foreign: Mask = np.arange(len(self.providers)) >= self.home
        self.fringe: Mask = np.array([found.providers[name].fringe for name in self.providers])
        leaves = [
            [self.steps[step] for step, said in found.policy.steps.items() if p in said.exits] for p in self.providers
        ]
        self.left: Vector = np.array([min(days, default=np.inf) for days in leaves])

    def __getitem__(self, name: str) -> float:
        return self.inputs[name]

    @property
    def mixed(self) -> bool:
        """Whether channels or hypotheses say more than that all start with a partner."""
        opening = self.scenario.opening
        asked = any(one.regime is not None for one in opening.hypotheses.values())
        return self.scenario.channels is not None or asked or bool(opening.provider_factor)

    def own(self, owners: str, names: Sequence[str], path: str, span: tuple[float, float] | None = None) -> Vector:
        """A number of each of some, their own or everybody's, in the base year or in the mean over a span."""
        own = [f"{owners}.{name}.{path}" for name in names]
        stated = [one if one in self.inputs else path for one in own]
        return np.array([self.inputs.get(p, 0.0) if span is None else self.number(p, *span) for p in stated])

    def changes(self, path: str) -> list[tuple[float, float]]:
        """The days on which steps change a number, and what it is from then on; the first of all is the base year's."""
        found, stated = [(-np.inf, self.inputs.get(path, 0.0))], f".effects.{path}."
        for step, day in sorted(self.steps.items(), key=lambda item: item[1]):
            for name, by in self.inputs.items():
                if name.startswith(f"policy.steps.{step}{stated}"):
                    before, way = found[-1][1], name.rsplit(".", 1)[1]
                    found.append((day, {"to": by, "times": before * by, "plus": before + by}[way]))
        return found

    def number(self, path: str, begin: float, end: float) -> float:
        """Mean of a number over a span (section 11): what it was, and of each change the part of the span after it.

        On a day alone, on which what changes has changed, it is the number of the day.
        """
        if begin == end:
            return [value for since, value in self.changes(path) if since <= end][-1]
        (_, mean), *later = every = self.changes(path)
        for (day, value), (_, before) in zip(later, every, strict=False):
            mean += (value - before) * max(end - max(begin, day), 0.0) / (end - begin)
        return mean

    def chosen(self, path: str, t: int) -> float:
        """The same of what moves customers and quality: over the window."""
        return self.number(path, *self.window(t))

    def away(self, t: int) -> Vector:
        """The part of the window in which each provider is gone: all of that in which it leaves, but of goods."""
        begin, end = self.window(t)
        if not self.buys:
            return np.where(self.left < end, 1.0, 0.0)
        return np.maximum(end - np.maximum(self.left, begin), 0.0) / (end - begin)

    def window(self, t: int) -> tuple[float, float]:
        """From the middle of the period before to the middle of period t (section 4, timing); of goods the period."""
        begin, end = self.period(t)
        return (begin, end) if self.buys else (begin - self.step / 2, end - self.step / 2)

    def period(self, t: int) -> tuple[float, float]:
        """The days of a period."""
        begin = self.scenario.horizon.base_year + 1.0 + t * self.step
        return begin, begin + self.step

    @property
    def buys(self) -> bool:
        """Whether goods are bought, so that all who buy in a period choose in it."""
        return self.scenario.demand.kind == "purchase"

    def in_force(self, t: int) -> Phase:
        """The levers in force at the end of the window of period t."""
        return self._at(self.window(t)[1])

    def met(self, t: int) -> tuple[Phase, ...]:
        """The levers that those who choose meet: of goods those at the start of the window too."""
        return (self._at(self.window(t)[0]), self.in_force(t)) if self.buys else (self.in_force(t),)

    def _at(self, day: float) -> Phase:
        return [self.phases[0], *(phase for phase in self.phases if phase.start < day)][-1]

    def mean(self, lever: str, begin: float, end: float) -> float:
        """What counts from the day of the rule: the mean of a lever; what is in force first was so before."""
        days = [last - first for first, last in self._spans(begin, end)]
        return sum(d * getattr(p, lever) for d, p in zip(days, self.phases, strict=True)) / (end - begin)

    def tariff(self, begin: float, end: float) -> float:
        """The mean of the tariff: what a regime states, else the channel's own, which steps may change."""
        owed, path = 0.0, f"channels.{self.scenario.channel_of('cross_border')}.tariff"
        for phase, (first, last) in zip(self.phases, self._spans(begin, end), strict=True):
            if last > first:
                owed += (last - first) * (self.number(path, first, last) if phase.tariff is None else phase.tariff)
        return owed / (end - begin)

    def at_first(self, phase: Phase) -> float:
        """The tariff of a phase with the numbers of the base year."""
        path = f"channels.{self.scenario.channel_of('cross_border')}.tariff"
        return self.inputs.get(path, 0.0) if phase.tariff is None else phase.tariff

    def _spans(self, begin: float, end: float) -> list[tuple[float, float]]:
        """What of a span each phase has."""
        starts = [begin, *(phase.start for phase in self.phases[1:])]
        firsts = [max(begin, start) for start in starts]
        return [(first, max(min(end, p.end), first)) for p, first in zip(self.phases, firsts, strict=True)]
