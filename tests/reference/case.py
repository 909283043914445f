"""What one draw is handed: names, sampled numbers, dates, shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.scenario import Scenario

__all__ = ["Case", "Closing", "Phase", "Vector"]

Vector = npt.NDArray[np.float64]


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
    """One draw under one scenario; providers [p] stand with the domestic ones first.

    Attributes
    ----------
    scenario : Scenario
        Read for names and for structure; all numbers are in `inputs`.
    inputs : mapping of str to float
        Canonical units: fractions, years, USD bn.
    median_forecast : float
    luck : (T,)
        Shock to log market size and its downward steps together, at period ends.
    rivalry, origin : (T, P), (T,)
        z_t - z_0 of every provider, and of foreign against domestic.
    rival_offsets, origin_offsets : (T, P, L), (T, L)
        b_i(t) and c(t) of section 5.
    entrant_offsets : mapping of str to (T,)
        b of who arrives later, by periods since its arrival.
    phases : sequence of Phase
        In order; the first is the start's.
    closings : sequence of Closing
    launched, withdrawn, transferred : (P,) decimal years, inf never
    arrived : (P,)
        Of who is not there in the base year; minus infinity of the others.
    order : (P,)
        Breaks ties of launch.
    part : (P,)
        Part of its business for which a provider has places (section 2, `firms`); 0 of domestic ones.
    """

    scenario: Scenario
    inputs: Mapping[str, float]
    median_forecast: float
    luck: Vector
    rivalry: Vector
    origin: Vector
    rival_offsets: Vector
    origin_offsets: Vector
    entrant_offsets: Mapping[str, Vector]
    phases: Sequence[Phase]
    closings: Sequence[Closing]
    launched: Vector
    withdrawn: Vector
    transferred: Vector
    arrived: Vector
    order: Vector
    part: Vector

    def __getitem__(self, name: str) -> float:
        return self.inputs[name]

    @cached_property
    def step(self) -> float:
        """Years per period, Delta."""
        return self.scenario.horizon.period_months / 12

    @cached_property
    def per_year(self) -> int:
        """Periods of a year."""
        return 12 // self.scenario.horizon.period_months

    @cached_property
    def periods(self) -> int:
        """T."""
        return len(self.luck)

    @cached_property
    def excess(self) -> float:
        """epsilon - 1."""
        return self["demand.elasticity_of_substitution"] - 1.0

    @cached_property
    def layers(self) -> list[str]:
        """L."""
        return list(self.scenario.market.layers)

    @cached_property
    def segments(self) -> list[str]:
        """G."""
        return list(self.scenario.segments)

    @cached_property
    def layer_of(self) -> list[int]:
        """Layer of each segment."""
        return [self.layers.index(segment.layer) for segment in self.scenario.segments.values()]

    def rows(self, layer: int) -> list[int]:
        """Segments of a layer."""
        return [g for g, at in enumerate(self.layer_of) if at == layer]

    @cached_property
    def providers(self) -> list[str]:
        """P, domestic ones first."""
        return [*self.scenario.domestic, *self.scenario.foreign]

    @cached_property
    def home(self) -> int:
        """Number of domestic providers."""
        return len(self.scenario.domestic)

    @cached_property
    def fringe(self) -> npt.NDArray[np.bool_]:
        """Which of P price as firms of no size."""
        return np.array([self.scenario.providers[name].fringe for name in self.providers])

    def window(self, t: int) -> tuple[float, float]:
        """From the middle of the period before to the middle of period t (section 4, timing)."""
        middle = self.scenario.horizon.base_year + 1.0 + (t + 0.5) * self.step
        return middle - self.step, middle

    def in_force(self, t: int) -> Phase:
        """The levers in force in the middle of period t."""
        return [phase for phase in self.phases if phase.start < self.window(t)[1]][-1]

    def cost(self, name: str) -> float:
        """A number of section `economics`; K is at most what site cost can depreciate (section 6)."""
        value = self[f"economics.{name}"]
        if name == "capital_intensity":
            return min(value, self["economics.site_cost"] * self["economics.asset_life"])
        return value
