"""The levers of a regime: what a government decides. A lever is declared once, as a field of `Regime`."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_type_hints

from pydantic import Discriminator, Field, Tag, create_model

from sim.scenario.evidence import Fraction
from sim.scenario.records import Model

__all__ = [
    "FRACTION_LEVERS",
    "LIMITS",
    "FractionLever",
    "Id",
    "Regime",
    "RegimeChange",
    "SameAs",
    "Share",
    "number_or_record",
]

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A name that is also a file name, a table entry and a part of a dotted path."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class SameAs(Model):
    """The same lever of another regime: one input in every draw, never a second one of the same distribution."""

    same_as: Id = Field(description="Regime whose lever of this name is meant.")


def number_or_record(value: Any) -> str:
    """The tag of a number that may stand alone, or of a record."""
    return "number" if isinstance(value, int | float) else "record"


def _number_record_or_reference(value: Any) -> str:
    refers = isinstance(value, SameAs) or (isinstance(value, Mapping) and "same_as" in value)
    return "reference" if refers else number_or_record(value)


FractionLever = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Fraction, Tag("record")] | Annotated[SameAs, Tag("reference")],
    Discriminator(_number_record_or_reference),
]
"""A lever between 0 and 1: a number, a record where what the regime brings is uncertain, or another regime's lever."""


class Regime(Model):
    """Levers: what a regime allows; one that is left out is not pulled."""

    title: str = Field(min_length=1)
    partner_equity: FractionLever = Field(
        title="foreign equity in a partner's operator, {0}",
        default=0.0,
        description="Foreign equity in the operator; stated where there are partners.",
    )
    partner_unlock: FractionLever = Field(
        title="control with a partner, {0}",
        default=0.0,
        description="Part of the premium that partner offers get; stated where there are partners.",
    )
    owned_layers: tuple[Id, ...] = Field(
        default=(), description="Layers in which foreign providers may run own sites; empty: none."
    )
    owned_unlock: FractionLever = Field(
        title="control with {own}, {0}",
        default=0.0,
        description="Part of the premium that owned offers get; stated where there may be any.",
    )
    reach: Literal["none", "zone", "open"] = Field(
        default="none", description="Customers whom own sites may serve; stated where there may be any."
    )
    capped: bool = Field(default=False, description="Whether the zone's cap binds; a capped site takes no migrants.")
    sites: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Sites that the zone has room for; null: no limit."
    )
    yearly_quota: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Approvals per calendar year; null: no limit."
    )
    spillover: Annotated[float, Field(ge=0, le=100)] = Field(
        default=1.0, description="Multiple of technology spillover."
    )
    transfers_sites: bool = Field(
        default=False, description="Whether live own sites are handed to a local operator on adoption."
    )
    eligible: tuple[Id, ...] | None = Field(
        default=None, description="Foreign providers that may run own sites; null: all. To others none are allowed."
    )
    equity_cap: FractionLever | None = Field(
        title="foreign equity that a buy-out may bring, {0}",
        default=None,
        description="Foreign equity up to which a provider may buy its partner's operator; null: no buy-out.",
    )
    bought_unlock: FractionLever | None = Field(
        title="control of an operator that was bought, {0}",
        default=None,
        description="Part of the premium that a bought partner's offers get; null: that of other partners.",
    )
    tariff: FractionLever | None = Field(
        title="tariff, {0}",
        default=None,
        description="On the producer's price of what is sold from abroad; null: the channel's own.",
    )
    cross_border: FractionLever = Field(
        title="part of sales from abroad that stays allowed, {0}",
        default=1.0,
        description="Part of the customers served from abroad who still may be; the others see the partner's offer.",
    )
    cross_border_unlock: FractionLever = Field(
        title="control of sales from abroad, {0}",
        default=0.0,
        description="Part of the premium that offers from abroad get.",
    )


_LEVERS: Final[Mapping[str, Any]] = get_type_hints(Regime, include_extras=True)

FRACTION_LEVERS: Final = tuple(
    name for name in Regime.model_fields if FractionLever in (_LEVERS[name], *get_args(_LEVERS[name]))
)
"""Levers that may be records, or refer to another regime."""

LIMITS: Final = tuple(name for name in Regime.model_fields if NoneType in get_args(_LEVERS[name]))
"""Levers whose null means something: no limit, or all. In a change it is told from a lever left out."""

if TYPE_CHECKING:

    class RegimeChange(Regime):
        """Levers that a step changes, each of which may be None."""

else:
    RegimeChange = create_model(
        "RegimeChange",
        __base__=Model,
        __module__=__name__,
        __doc__="Levers that a step changes; those left out stay.",
        **{
            name: (_LEVERS[name] | None, Field(default=None, title=field.title))
            for name, field in Regime.model_fields.items()
        },
    )
