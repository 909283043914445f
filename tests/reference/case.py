"""What one draw is handed: names, sampled numbers, dates, shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sim.scenario import Scenario

__all__ = ["Case", "Closing", "Phase"]


@dataclass(frozen=True)
class Phase:
    """What is in force from one date to another: the levers of section 7, in decimal years and fractions."""

    start: float
    end: float
    partner_equity: float
    partner_unlock: float
    owned_unlock: float
    spillover: float
    owned_layers: tuple[str, ...]
    reach: str
    capped: bool


@dataclass(frozen=True)
class Closing:
    """A policy event that closes parts of segments (a fraction each), and whether it evicts."""

    date: float
    parts: Mapping[str, float]
    evicts: bool


@dataclass(frozen=True)
class Case:
    """One draw under one scenario.

    Attributes
    ----------
    scenario : Scenario
        Read for names and for structure; all numbers are in `inputs`.
    inputs : mapping of str to float
        Canonical units: fractions, years, USD bn.
    median_forecast : float
    y, falls : sequences of length T
        Shock to log market size and sum of its downward steps, at period ends.
    rivalry : (T, P)
    origin : (T,)
        z_t - z_0 of every provider, domestic ones first, and of foreign against domestic.
    phases : sequence of Phase
        In order; the first is the start's.
    closings : sequence of Closing
    launched, withdrawn, transferred : (F,) decimal years, inf never
    arrived : (P,)
        When who is not there in the base year arrives, inf never; minus infinity for the others.
    drawn_order : (F,)
        Breaks ties of launch.
    part : (F,)
        Part of its business for which a provider has places (section 2, `firms`).
    rival_offsets, origin_offsets : (T, L, P), (T, L), optional
        b_i(t) and c(t) of section 5; 0 by default.
    entrant_offsets : mapping of str to (T,)
        b of who arrives later, by periods since its arrival.
    """

    scenario: Scenario
    inputs: Mapping[str, float]
    median_forecast: float
    y: Sequence[float]
    falls: Sequence[float]
    rivalry: Sequence[Sequence[float]]
    origin: Sequence[float]
    phases: Sequence[Phase]
    closings: Sequence[Closing]
    launched: Sequence[float]
    withdrawn: Sequence[float]
    transferred: Sequence[float]
    arrived: Sequence[float]
    drawn_order: Sequence[float]
    part: Sequence[float]
    entrant_offsets: Mapping[str, Sequence[float]]
    rival_offsets: Sequence[Sequence[Sequence[float]]] | None = None
    origin_offsets: Sequence[Sequence[float]] | None = None

    @cached_property
    def step(self) -> float:
        """Years per period, Delta."""
        return self.scenario.horizon.period_months / 12

    @cached_property
    def periods(self) -> int:
        """T."""
        return len(self.y)

    @cached_property
    def start(self) -> float:
        """End of the base year."""
        return self.scenario.horizon.base_year + 1.0

    @cached_property
    def layers(self) -> list[str]:
        """L."""
        return list(self.scenario.market.layers)

    @cached_property
    def segments(self) -> list[str]:
        """G."""
        return list(self.scenario.segments)

    @cached_property
    def home(self) -> list[str]:
        """Domestic providers."""
        return list(self.scenario.domestic)

    @cached_property
    def abroad(self) -> list[str]:
        """Foreign providers, F."""
        return list(self.scenario.foreign)

    @cached_property
    def providers(self) -> list[str]:
        """P, domestic ones first."""
        return self.home + self.abroad

    @cached_property
    def fringe(self) -> list[bool]:
        """Which of P price as firms of no size."""
        return [self.scenario.providers[name].fringe for name in self.providers]

    @cached_property
    def layer_of(self) -> list[int]:
        """Layer of each segment."""
        return [self.layers.index(segment.layer) for segment in self.scenario.segments.values()]

    def window(self, t: int) -> tuple[float, float]:
        """From the middle of the period before to the middle of period t (section 4, timing)."""
        middle = self.start + (t + 0.5) * self.step
        return middle - self.step, middle

    def in_force(self, t: int) -> Phase:
        """The levers in force in the middle of period t."""
        middle = self.window(t)[1]
        return [phase for phase in self.phases if phase.start < middle][-1]

    def hidden(self, name: str) -> float:
        """A number of section `economics`; K is at most what site cost can depreciate (section 6)."""
        value = self.inputs[f"economics.{name}"]
        if name == "capital_intensity":
            return min(value, self.inputs["economics.site_cost"] * self.inputs["economics.asset_life"])
        return value
