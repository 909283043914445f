"""What serving customers takes in a scenario: own sites, the zone that some lie in, costs and taxes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.scenario.evidence import (
    AssetLife,
    Category,
    Discount,
    Fraction,
    Growth,
    Intensity,
    Margin,
    Money,
    Multiple,
    Number,
    Range,
    Years,
)
from sim.scenario.levers import Id
from sim.scenario.records import MOST, Model, Titled

__all__ = ["Capacity", "Economics", "Reading", "Zone"]


class Capacity(Model):
    """Own sites."""

    expansion_lead: Annotated[Years, Range(0, 1000)] = Field(title="how long extending {own} takes")
    planning_years: Annotated[Years, Range(0, 1000)] = Field(
        title="how far ahead capacity is ordered", description="Growth beyond the lead for which a provider orders."
    )
    headroom: Annotated[Fraction, Range(0, 2)] | None = Field(
        title="capacity kept free for luck",
        default=None,
        description="What is ordered beyond what is expected to be used, as a part of that; left out: nothing.",
    )


class Reading(Titled):
    """What a zone licence lets one serve."""

    reach: Fraction = Field(
        title="reach of a licence by the reading {0}", description="Part of each segment's open part."
    )
    multiple: dict[Id, Number] = Field(
        title="reach to {1} by the reading {0}",
        default_factory=dict,
        description="Segment to its multiple of the reach.",
    )


class Zone(Model):
    """A part of the country in which own sites may lie."""

    reading: Category = Field(title="which reading of the zone's licence holds", description="Which reading holds.")
    readings: dict[Id, Reading] = Field(min_length=1, max_length=MOST)
    cap: Annotated[Money, Range(0, 1e6)] | None = Field(
        title="room in the zone (cap)",
        default=None,
        description="Spending that all sites of the zone may serve, at the size of the first year; needed if capped.",
    )


class Economics(Model):
    """One cost structure for both channels; shares of gross revenue unless said. A provider may have its own."""

    site_cost: Fraction = Field(
        title="cost of running {own}", description="c_I: running a site, depreciation included."
    )
    operator_margin: Fraction = Field(title="margin of local operators")
    provider_margin: Fraction = Field(title="margin of foreign providers")
    incremental_technology: Fraction = Field(
        title="part of technology and selling cost that grows with sales",
        description="Part of technology, support and selling cost that is incremental.",
    )
    technology_royalty: Fraction | None = Field(
        title="part of technology cost paid as royalty by {own}",
        default=None,
        description="Part of technology cost that an own site pays across the border as a royalty; left out: none.",
    )
    capital_intensity: Intensity = Field(
        title="capital that sales take", description="Capital per unit of yearly sales at the reference utilization."
    )
    asset_life: AssetLife = Field(title="life of equipment")
    reference_utilization: Annotated[Fraction, Range(0.05, 1)] = Field(
        title="use of capacity",
        description="What firms on which costs and capital are measured sell of what they could serve.",
    )
    reference_growth: Annotated[Growth, Range(0.001, 10)] = Field(
        title="growth of the firms that costs are measured on", description="Yearly growth of these firms."
    )
    buy_out_price: Multiple | None = Field(
        title="price of a partner's operator over the worth of its capital",
        default=None,
        description="Multiple of the rent value of the capital that is bought; needed where partners are bought out.",
    )
    royalty_withholding: Fraction | None = Field(
        title="withholding tax on royalties", default=None, description="Left out: none."
    )
    royalty_vat: Fraction | None = Field(
        title="VAT on royalties", default=None, description="VAT on royalties that cannot be credited; left out: none."
    )
    profit_tax: Fraction | None = Field(title="profit tax", default=None, description="Left out: none.")
    dividend_withholding: Fraction | None = Field(
        title="withholding tax on dividends", default=None, description="Left out: none."
    )
    domestic_margin: Margin = Field(title="margin of domestic rivals", description="Gross margin of domestic rivals.")
    discount_rate: Discount = Field(title="discount rate", description="Effective annual WACC.")
    terminal_growth: Growth | None = Field(
        title="growth after the last year", default=None, description="Left out: none."
    )
    transfer_price: Fraction | None = Field(
        title="price paid when {own} are handed over",
        default=None,
        description="Part of book value that a local operator pays in a forced transfer; needed where there is one.",
    )
