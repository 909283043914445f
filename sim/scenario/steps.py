"""The calendar of a scenario: the steps of policy, what triggers each and what it does."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from sim.scenario.effects import StatedEffects
from sim.scenario.evidence import Fraction, Frequency, Number, Points, Range, Years
from sim.scenario.levers import Id, RegimeChange, Share, number_or_record
from sim.scenario.records import Model, Titled

__all__ = ["DateStep", "EventStep", "HazardStep", "Policy", "Step", "StepEffect"]

Chance = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Fraction, Tag("record")], Discriminator(number_or_record)
]
"""A probability: a plain number, or a record where it is uncertain."""


Quality = Annotated[Number, Range(-5, 5)]
"""Log of domestic quality."""


class StepEffect(Titled):
    """What any step does when it happens; a step without effect is an event that others may wait for."""

    adopt: Id | None = Field(default=None, description="Regime that comes into force.")
    change: RegimeChange | None = Field(
        default=None,
        description="Levers that change in the state of the step it follows, or of the one listed before it.",
    )
    closes: dict[Id, Points] = Field(
        title="part of {1} that is closed by {0}",
        default_factory=dict,
        description="Segment to the part of it that closes.",
    )
    opens: dict[Id, Points] = Field(
        title="part of {1} that is opened by {0}",
        default_factory=dict,
        description="Segment to the part of it that opens to foreign providers.",
    )
    raises: dict[Id, Quality] = Field(
        title="rise of domestic quality in {1} by {0}",
        default_factory=dict,
        description="Layer to what is added to the log of domestic quality.",
    )
    exits: tuple[Id, ...] = Field(
        default=(), description="Providers that leave the market: their customers choose among the others."
    )
    evicts: bool = Field(
        default=False, description="Whether foreign providers' customers in a closing part must leave."
    )
    effects: StatedEffects | None = Field(
        default=None, description="Numbers that change on the date of the step, and stay so until another changes them."
    )
    probability: Chance | None = Field(
        title="chance of {0}", default=None, description="That it happens at all once triggered."
    )


class DateStep(StepEffect):
    """A step on a date."""

    when: datetime.date


class EventStep(StepEffect):
    """A step that follows another one, after a delay."""

    after: Id | None = Field(default=None, description="Step whose happening triggers this one.")
    after_not: Id | None = Field(default=None, description="Step whose failure to happen triggers this one.")
    delay: Years | None = Field(default=None, title="delay of {0}")


class HazardStep(StepEffect):
    """A step that may come at any time while a regime is in force."""

    hazard: Frequency = Field(title="how likely {0} is each year")
    during: Id = Field(description="Regime while which the hazard runs.")
    delay: Years | None = Field(default=None, title="delay of {0}")


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
