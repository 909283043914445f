"""What serving customers takes in a scenario: own data centres, the zone that some lie in, costs and taxes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.scenario.evidence import Category, Fraction, Money, Number, Range, Rate, Years
from sim.scenario.levers import Id
from sim.scenario.records import MOST, Model

__all__ = ["Capacity", "Economics", "Reading", "Zone"]


class Capacity(Model):
    """Own data centres."""

    expansion_lead: Annotated[Years, Range(0, 1000)]
    planning_years: Annotated[Years, Range(0, 1000)] = Field(
        description="Growth beyond the lead for which a provider orders."
    )


class Reading(Model):
    """What a zone licence lets one serve."""

    title: str | None = Field(
        default=None, min_length=1, max_length=60, description="What readers see; the id in words if not stated."
    )
    reach: Fraction = Field(description="Part of each segment's open part.")
    multiple: dict[Id, Number] = Field(default_factory=dict, description="Segment to its multiple of the reach.")


class Zone(Model):
    """The free-trade zone."""

    reading: Category = Field(description="Which reading holds.")
    readings: dict[Id, Reading] = Field(min_length=1, max_length=MOST)
    cap: Annotated[Money, Range(0, 1e6)] = Field(
        description="Spending that all sites of the zone may serve, at the size of the first year."
    )


class Economics(Model):
    """One cost structure for both channels; shares of gross revenue unless said."""

    site_cost: Fraction = Field(description="c_I: running a site, depreciation included.")
    operator_margin: Fraction
    provider_margin: Fraction
    incremental_technology: Fraction = Field(
        description="Part of technology, support and selling cost that is incremental."
    )
    technology_royalty: Fraction = Field(
        description="Part of technology cost that an own site pays across the border as a royalty."
    )
    capital_intensity: Annotated[Number, Range(0, 100)] = Field(
        description="Capital per USD/yr of sales at the reference utilization."
    )
    asset_life: Annotated[Years, Range(0.1, 1000)]
    reference_utilization: Annotated[Fraction, Range(0.05, 1)] = Field(
        description="What firms on which costs and capital are measured sell of what they could serve."
    )
    reference_growth: Annotated[Rate, Range(0.001, 10)] = Field(description="Yearly growth of these firms.")
    royalty_withholding: Fraction
    royalty_vat: Fraction = Field(description="VAT on royalties that cannot be credited.")
    profit_tax: Fraction
    dividend_withholding: Fraction
    domestic_margin: Annotated[Fraction, Range(-10, 1)] = Field(description="Gross margin of domestic rivals.")
    discount_rate: Annotated[Rate, Range(1e-4, 10)] = Field(description="Effective annual WACC.")
    terminal_growth: Annotated[Rate, Range(-0.9, 10)]
    transfer_price: Fraction = Field(description="Part of book value that a local operator pays in a forced transfer.")
