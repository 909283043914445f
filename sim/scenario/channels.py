"""The channels of a scenario: through whom foreign providers reach their customers."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from sim.scenario.evidence import Fraction, Part
from sim.scenario.levers import Share, number_or_record
from sim.scenario.records import Titled

__all__ = ["CHANNEL_KINDS", "Channel", "ChannelKind", "ChannelPart"]

ChannelKind: TypeAlias = Literal["partner", "cross_border", "owned"]

CHANNEL_KINDS: Final[tuple[ChannelKind, ...]] = ("partner", "cross_border", "owned")
"""With a local partner, from abroad, and from a site of one's own; the order of every array by channel."""

ChannelPart = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Part, Tag("record")], Discriminator(number_or_record)
]
"""A part of a provider's sales: a plain number, or a record where it is uncertain."""


class Channel(Titled):
    """A way to customers; a scenario has at most one of each kind."""

    kind: ChannelKind
    tariff: Fraction | None = Field(
        title="tariff on {0} in the base year",
        default=None,
        description="On the producer's price, of a cross-border channel; none if not stated.",
    )

    @model_validator(mode="after")
    def _only_imports_pay_a_tariff(self) -> Self:
        if self.tariff is not None and self.kind != "cross_border":
            raise ValueError(f"only a cross_border channel has a tariff (found kind {self.kind}); leave it out")
        return self
