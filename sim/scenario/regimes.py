"""What a government decides: the levers of a regime, and the calendar of steps that change them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag

from sim.scenario.evidence import Fraction, Frequency, Points, Years
from sim.scenario.records import Model

__all__ = [
    "FRACTION_LEVERS",
    "DateStep",
    "EventStep",
    "HazardStep",
    "Id",
    "Policy",
    "Regime",
    "RegimeChange",
    "SameAs",
    "Share",
    "Step",
]

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A name that is also a file name, a table entry and a part of a dotted path."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class SameAs(Model):
    """The same lever of another regime: one input in every draw, never a second one of the same distribution."""

    same_as: Id = Field(description="Regime whose lever of this name is meant.")


def _number_or_record(value: Any) -> str:
    return "number" if isinstance(value, int | float) else "record"


def _number_record_or_reference(value: Any) -> str:
    refers = isinstance(value, SameAs) or (isinstance(value, Mapping) and "same_as" in value)
    return "reference" if refers else _number_or_record(value)


Chance = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Fraction, Tag("record")], Discriminator(_number_or_record)
]
"""A probability: a plain number, or a record where it is uncertain."""

FractionLever = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Fraction, Tag("record")] | Annotated[SameAs, Tag("reference")],
    Discriminator(_number_record_or_reference),
]
"""A lever between 0 and 1: a number, a record where what the regime brings is uncertain, or another regime's lever."""

FRACTION_LEVERS: Final = ("partner_equity", "partner_unlock", "owned_unlock")
"""Levers that may be records, or refer to another regime."""


class Regime(Model):
    """Levers: what a regime allows."""

    title: str = Field(min_length=1)
    partner_equity: FractionLever = Field(description="Foreign equity in the operator.")
    partner_unlock: FractionLever = Field(description="Part of the premium that partner offers get.")
    owned_layers: tuple[Id, ...] = Field(
        description="Layers in which foreign providers may run own sites; empty: none."
    )
    owned_unlock: FractionLever = Field(description="Part of the premium that owned offers get.")
    reach: Literal["none", "zone", "open"] = Field(description="Customers whom own sites may serve.")
    capped: bool = Field(description="Whether the zone's cap binds; a capped site takes no migrants.")
    sites: Annotated[int, Field(ge=0)] | None = Field(description="Sites that the zone has room for; null: no limit.")
    yearly_quota: Annotated[int, Field(ge=1)] | None = Field(description="Approvals per calendar year; null: no limit.")
    spillover: Annotated[float, Field(ge=0, le=100)] = Field(description="Multiple of technology spillover.")
    transfers_sites: bool = Field(description="Whether live own sites are handed to a local operator on adoption.")
    eligible: tuple[Id, ...] | None = Field(
        default=None, description="Foreign providers that may run own sites; null: all. To others none are allowed."
    )


class RegimeChange(Model):
    """Levers that a step changes; those left out stay."""

    title: str | None = None
    partner_equity: FractionLever | None = None
    partner_unlock: FractionLever | None = None
    owned_layers: tuple[Id, ...] | None = None
    owned_unlock: FractionLever | None = None
    reach: Literal["none", "zone", "open"] | None = None
    capped: bool | None = None
    sites: Annotated[int, Field(ge=0)] | None = None
    yearly_quota: Annotated[int, Field(ge=1)] | None = None
    spillover: Annotated[float, Field(ge=0, le=100)] | None = None
    transfers_sites: bool | None = None
    eligible: tuple[Id, ...] | None = None


class StepEffect(Model):
    """What any step does when it happens; a step without effect is an event that others may wait for."""

    adopt: Id | None = Field(default=None, description="Regime that comes into force.")
    change: RegimeChange | None = Field(
        default=None,
        description="Levers that change in the state of the step it follows, or of the one listed before it.",
    )
    closes: dict[Id, Points] = Field(default_factory=dict, description="Segment to the part of it that closes.")
    evicts: bool = Field(
        default=False, description="Whether foreign providers' customers in a closing part must leave."
    )
    probability: Chance | None = Field(default=None, description="That it happens at all once triggered.")


class DateStep(StepEffect):
    """A step on a date."""

    when: datetime.date


class EventStep(StepEffect):
    """A step that follows another one, after a delay."""

    after: Id | None = Field(default=None, description="Step whose happening triggers this one.")
    after_not: Id | None = Field(default=None, description="Step whose failure to happen triggers this one.")
    delay: Years | None = None


class HazardStep(StepEffect):
    """A step that may come at any time while a regime is in force."""

    hazard: Frequency
    during: Id = Field(description="Regime while which the hazard runs.")
    delay: Years | None = None


def _trigger(value: Any) -> str | None:
    keys = value if isinstance(value, Mapping) else type(value).model_fields if isinstance(value, StepEffect) else ()
    for key, tag in (("when", "when"), ("after", "after"), ("after_not", "after"), ("hazard", "hazard")):
        if key in keys:
            return tag
    return None


Step = Annotated[
    Annotated[DateStep, Tag("when")] | Annotated[EventStep, Tag("after")] | Annotated[HazardStep, Tag("hazard")],
    Discriminator(
        _trigger,
        custom_error_type="no_trigger",
        custom_error_message="a step states its trigger by one of when, after, after_not, hazard",
    ),
]


class Policy(Model):
    """The calendar: the regime at the start and the steps that may follow."""

    start: Id
    steps: dict[Id, Step] = Field(default_factory=dict, max_length=100)
