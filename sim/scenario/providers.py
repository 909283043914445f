"""The providers of a scenario: how they come, how they decide to build, and who examines their applications."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from sim.scenario.evidence import (
    AssetLife,
    ChosenYears,
    Discount,
    Fraction,
    Frequency,
    Intensity,
    Margin,
    Multiple,
    Number,
    Range,
    Years,
)
from sim.scenario.levers import Id, Share, number_or_record
from sim.scenario.records import Model

__all__ = [
    "ALLOWED",
    "LAUNCH",
    "Arrival",
    "Entry",
    "EntryTerms",
    "Jumps",
    "Provider",
    "ProviderEconomics",
    "ProviderEntry",
    "Regulator",
]

ALLOWED: Final = "allowed"
"""What a provider's entry may follow beside a step: the first day on which own sites are permitted to it."""

LAUNCH: Final = "launch"
"""What arrival or jump of a foreign provider may follow beside a step: the day on which its own site opens."""

EntryRule = Literal["profit", "always", "never"]
EntryMode = Literal["build", "buy_out"]
Stake = Annotated[Annotated[Share, Tag("number")] | Annotated[Fraction, Tag("record")], Discriminator(number_or_record)]
"""Equity in an operator: a plain number, or a record where it is uncertain."""

_OWN: Final = "In place of the scenario's."
NewChoices = Annotated[Fraction, Range(1e-6, 0.9)]


class ProviderEntry(Model):
    """A provider's own decision to build; what is left out is the scenario's `entry`.

    `from`, or `after` with a `delay`, is the date of its earliest application, which then waits for permission and
    for the end of a contract that binds it. If the step never happens, it never applies. Nobody answers it before it
    happens: until then all is as if the provider never entered.
    """

    rule: EntryRule | None = None
    hurdle: Number | None = Field(
        title="return that {0} asks before it invests (hurdle)", default=None, description="In place of the scenario's."
    )
    from_date: datetime.date | None = Field(default=None, alias="from", description="Day of the earliest application.")
    after: Id | None = Field(
        default=None,
        description="Step that the earliest application follows, or 'allowed': the first day on which own sites are.",
    )
    delay: ChosenYears | None = Field(
        title="delay of the application of {0}",
        default=None,
        description="From that step or day to the earliest application.",
    )
    bound_until: datetime.date | None = Field(
        default=None, description="Day until which a contract with its partner keeps it from applying."
    )
    modes: tuple[EntryMode, ...] | None = Field(
        default=None, min_length=1, description="Ways to a business of its own, in place of the scenario's."
    )


class Arrival(Model):
    """How a provider comes that is not there in the base year."""

    when: datetime.date | None = None
    after: Id | None = Field(
        default=None,
        description="Step that it follows, or 'launch': its own site opens, and before it has no offer at all.",
    )
    delay: Years | None = Field(
        title="delay of the arrival of {0}", default=None, description="From that step to its arrival."
    )
    layers: tuple[Id, ...] | None = Field(
        default=None, min_length=1, description="Layers in which it sells; left out: all of them."
    )
    new_choices: NewChoices = Field(
        title="part of new choices that {0} gets when it arrives",
        description="Part of new choices, where partners of all are seen, that it gets when it arrives.",
    )


class Jumps(Model):
    """Jumps of a provider's quality: one that is expected, on a date, or many by chance.

    A jump on a date has a direction, and is evidence: a product that is announced. Those by chance have none: the
    provider's expected share is the one without them, so that it loses a little while none comes.
    """

    when: datetime.date | None = Field(default=None, description="Day of the jump.")
    after: Id | None = Field(
        default=None, description="Step that the jump follows, or 'launch': the day on which its own site opens."
    )
    delay: Years | None = Field(
        title="delay of the jump of {0}", default=None, description="From that day or step to the jump."
    )
    rate: Annotated[Frequency, Range(0, 2)] | None = Field(
        title="how often the quality of {0} jumps", default=None, description="In place of a date: jumps by chance."
    )
    size: Annotated[Number, Range(-3, 3)] = Field(
        title="how far the quality of {0} jumps", description="Log-odds of being chosen, against all other offers."
    )


class ProviderEconomics(Model):
    """A provider's own cost structure; what is left out is the scenario's `economics`."""

    site_cost: Fraction | None = Field(title="cost of running {own}, {0}", default=None, description=_OWN)
    operator_margin: Fraction | None = Field(title="margin of the local operator, {0}", default=None, description=_OWN)
    provider_margin: Fraction | None = Field(title="margin of {0}", default=None, description=_OWN)
    incremental_technology: Fraction | None = Field(
        title="part of technology and selling cost that grows with sales, {0}", default=None, description=_OWN
    )
    technology_royalty: Fraction | None = Field(
        title="part of technology cost paid as royalty by {own}, {0}", default=None, description=_OWN
    )
    capital_intensity: Intensity | None = Field(title="capital that sales take, {0}", default=None, description=_OWN)
    asset_life: AssetLife | None = Field(title="life of equipment, {0}", default=None, description=_OWN)
    buy_out_price: Multiple | None = Field(
        title="price of the partner's operator over the worth of its capital, {0}", default=None, description=_OWN
    )
    discount_rate: Discount | None = Field(title="discount rate, {0}", default=None, description=_OWN)
    domestic_margin: Margin | None = Field(
        title="gross margin of {0}", default=None, description="Of a domestic provider, in place of the scenario's."
    )


class Provider(Model):
    """A firm, or a fringe of many small ones.

    A foreign fringe applies for sites as one file, after the named applicants of the day: one approval of a quota. In
    a zone with limited sites it takes, when its turn comes, what is left beside the places kept for named applicants,
    one a firm; places that become free later are not taken up by a file that has some.
    """

    title: str = Field(min_length=1)
    origin: Literal["domestic", "foreign"]
    fringe: bool = Field(default=False, description="Many small firms: no market power, no rivalry shock of its own.")
    firms: int = Field(default=1, ge=1, le=10_000, description="Equal small firms of a fringe.")
    entry: ProviderEntry | None = Field(default=None, description="In place of the scenario's, for this provider.")
    economics: ProviderEconomics | None = Field(
        default=None, description="In place of the scenario's `economics`, for this provider."
    )
    partner_equity: Stake | None = Field(
        title="foreign equity in the operator of {0}",
        default=None,
        description="That of the base year, in place of the regimes' while they leave that of the base year as it is.",
    )
    arrives: Arrival | None = Field(default=None, description="How it comes, if it is not there in the base year.")
    jumps: Jumps | None = Field(default=None, description="How its quality jumps; left out: never.")

    @property
    def jumps_by_chance(self) -> bool:
        """Whether its quality jumps at any time, and not on a date."""
        return self.jumps is not None and self.jumps.rate is not None

    @property
    def short_title(self) -> str:
        """The title without what stands in brackets."""
        return self.title.partition(" (")[0]


class Entry(Model):
    """The decision to build; a provider may have one of its own."""

    rule: EntryRule
    modes: tuple[EntryMode, ...] = Field(
        default=("build",),
        min_length=1,
        description="Ways to a business of one's own: to build a site, to buy the partner out; by `profit` the better, "
        "by `always` the first that is allowed.",
    )
    hurdle: Number | None = Field(
        title="return asked before investing (hurdle)",
        default=None,
        description="Above 1: the option value of waiting; needed by who enters for profit.",
    )
    build_time: Years | None = Field(
        title="how long building takes", default=None, description="Drawn per provider; needed by who may build."
    )


@dataclass(frozen=True)
class EntryTerms:
    """How one foreign provider decides to build, and when it can apply at the earliest.

    Attributes
    ----------
    rule : str
        `profit`, `always` or `never`.
    hurdle : str
        Name of the input that is its hurdle.
    from_date : date or None
    after : str or None
        A step, or `allowed`.
    delay : str or None
        Name of the input that is the delay after it.
    bound_until : date or None
    modes : tuple of str
        `build`, `buy_out`.
    """

    rule: EntryRule
    hurdle: str
    from_date: datetime.date | None
    after: str | None
    delay: str | None
    bound_until: datetime.date | None
    modes: tuple[EntryMode, ...]


class Regulator(Model):
    """Who examines applications."""

    reviewers: int = Field(ge=1, le=1000)
    review_time: Years = Field(title="how long the regulator takes", description="Drawn per provider.")
