"""The market of a scenario: layers, segments and shares, how customers choose, and what opening is worth."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sim.scenario.channels import ChannelPart
from sim.scenario.evidence import (
    Category,
    Fraction,
    Frequency,
    Growth,
    Money,
    Number,
    Part,
    Price,
    Range,
    Rate,
    Reversion,
    Spread,
    Year,
    Years,
)
from sim.scenario.levers import Id
from sim.scenario.money import COUNT_FORM
from sim.scenario.records import MOST, NO_TRUTH, Model, Titled

__all__ = [
    "Closure",
    "Demand",
    "Diffusion",
    "Hypothesis",
    "Layer",
    "LayerShares",
    "LayerTechnology",
    "Market",
    "Migration",
    "Opening",
    "ReferenceGain",
    "Rivalry",
    "Segment",
    "Technology",
    "TurningRate",
]


YearKey = Annotated[str, Field(pattern=r"^(19|20|21)[0-9]{2}$")]
"""A calendar year, as the key of a mapping."""

_TOGETHER: Final = (("volatility", "growth_reversion", "level_reversion"), ("step_rate", "step_size"))
_TRENDS: Final = (("growth_forecast", "forecast_years"), ("growth_by_year", "growth_fade"))


def _is_count(unit: str) -> str:
    if re.fullmatch(COUNT_FORM, unit) is None:
        raise ValueError(f"must be a number of things such as 'm tons/yr' or 'm subscribers' (found {unit!r})")
    return unit


class Diffusion(Model):
    """How a layer takes its part of the total: along a logistic curve through the base year's part."""

    ceiling: Part = Field(title="part of the market that {0} comes to", description="Part of the total in the end.")
    midpoint: Year | None = Field(
        title="when {0} has half of that", default=None, description="When it has half of the ceiling, or `speed`."
    )
    speed: Annotated[Rate, Range(-5, 5)] | None = Field(
        title="how fast {0} spreads", default=None, description="Growth of the log-odds of part to ceiling."
    )
    sd: Spread | None = Field(
        title="size of luck in how {0} spreads",
        default=None,
        description="Stationary sd of these log-odds around the curve; it reverts as rivals' luck does.",
    )

    @model_validator(mode="after")
    def _is_stated_once(self) -> Self:
        if (self.midpoint is None) == (self.speed is None):
            found = "neither" if self.speed is None else "both"
            raise ValueError(
                f"states midpoint or speed (found {found}): through the base year's part one gives the other"
            )
        return self


CatchUp = Annotated[Rate, Range(-1, 1)]
Spillover = Annotated[Rate, Range(0, 1)]


class LayerTechnology(Model):
    """How domestic quality catches up in one layer; what is left out is the scenario's `technology`."""

    catch_up: CatchUp | None = Field(
        title="how fast domestic quality catches up in {0}", default=None, description="In place of the scenario's."
    )
    spillover: Spillover | None = Field(
        title="technology that flows to domestic rivals in {0}",
        default=None,
        description="In place of the scenario's: per year, at the layer's foreign share of the base year in partner "
        "channels.",
    )
    owned_spillover: Fraction | None = Field(
        title="technology that flows from {own}, relative to partners', in {0}",
        default=None,
        description="In place of the scenario's.",
    )


class Layer(Titled):
    """A layer of the market, a kind of product; the layer without a size is the rest of the total."""

    size: Money | None = Field(
        title="spending on {0} in the base year", default=None, description="Spending in the base year."
    )
    log_odds_drift: Annotated[Rate, Range(-2, 2)] | None = Field(
        title="how fast {0} outgrows the rest",
        default=None,
        description="Initial yearly growth of the log-odds of this layer against the rest.",
    )
    diffusion: Diffusion | None = Field(default=None, description="A technology that spreads, in place of a drift.")
    technology: LayerTechnology | None = Field(
        default=None, description="In place of the scenario's `technology`, in this layer."
    )

    @model_validator(mode="after")
    def _moves_once(self) -> Self:
        if self.log_odds_drift is not None and self.diffusion is not None:
            raise ValueError("states log_odds_drift or diffusion (found both)")
        return self

    @property
    def has_luck(self) -> bool:
        """Whether it spreads with luck."""
        return self.diffusion is not None and self.diffusion.sd is not None

    @property
    def moves(self) -> bool:
        """Whether its part of the total is stated to change."""
        return self.log_odds_drift is not None or self.diffusion is not None


class Market(Model):
    """Total size, its trend, its shocks, and the layers."""

    unit: Annotated[str, AfterValidator(_is_count)] | None = Field(
        default=None, description="What sizes may be counted in beside money, such as `m tons/yr`, at `price`."
    )
    price: Price | None = Field(
        title="what one of the things sold brings",
        default=None,
        description="One number: what is not known of it, as of sizes, is said of sizes.",
    )
    size: Money = Field(
        title="size of the market in the base year", description="Spending over all layers in the base year."
    )
    layers: dict[Id, Layer] = Field(min_length=1, max_length=MOST)
    drift_fade: Annotated[Rate, Range(0.01, 100)] | None = Field(
        title="how soon the mix of layers settles",
        default=None,
        description="Rate at which the drift of the log-odds fades; needed where a layer drifts.",
    )
    growth_base: Growth = Field(
        title="growth of the market in the base year",
        description="Growth of the total in the year to the base year, as annual percentage.",
    )
    growth_forecast: Growth | None = Field(
        title="growth that is forecast for the years to come",
        default=None,
        description="Forecast of average annual growth over the forecast years: growth fades so as to meet it.",
    )
    forecast_years: Annotated[Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], NO_TRUTH] | None = Field(
        default=None, description="Years that the forecast spans."
    )
    growth_by_year: dict[YearKey, Growth] | None = Field(
        title="growth in {0}",
        default=None,
        min_length=1,
        max_length=MOST,
        description="Growth of single years in place of one forecast; growth of years between them lies between.",
    )
    growth_fade: Annotated[Years, Range(0.01, 1000)] | None = Field(
        title="how long growth takes to settle",
        default=None,
        description="Half-life of what growth differs from the long run's after the last year of `growth_by_year`.",
    )
    growth_long_run: Growth = Field(
        title="growth in the long run", description="Growth towards which the trend fades, as annual percentage."
    )
    volatility: Annotated[Rate, Range(0, 5)] | None = Field(
        title="how much growth varies",
        default=None,
        description="sigma of the growth shock, per year; left out, with both reversions: growth follows its trend.",
    )
    growth_reversion: Reversion | None = Field(
        title="how soon a shock to growth fades", default=None, description="kappa: how fast the growth shock fades."
    )
    level_reversion: Reversion | None = Field(
        title="how soon the market comes back to its trend",
        default=None,
        description="theta: how fast the size returns to its curve.",
    )
    step_rate: Annotated[Rate, Range(0, 10)] | None = Field(
        title="how often the market falls back",
        default=None,
        description="Rate of rare downward steps; left out, with their size: none.",
    )
    step_size: Annotated[Number, Range(0, 10)] | None = Field(
        title="how far the market falls back", default=None, description="Fall of log size at a step."
    )

    @model_validator(mode="after")
    def _states_its_luck_whole(self) -> Self:
        """Refuse a part of what only together says how the market varies, or falls back."""
        for keys in _TOGETHER:
            stated = [key for key in keys if getattr(self, key) is not None]
            if stated and len(stated) < len(keys):
                lacking = " and ".join(key for key in keys if key not in stated)
                raise ValueError(f"states {', '.join(keys)} together, or none of them (found no {lacking})")
        return self

    @model_validator(mode="after")
    def _prices_what_it_counts(self) -> Self:
        if (self.unit is None) != (self.price is None):
            raise ValueError(f"states unit and price together (found {'price' if self.unit is None else 'unit'} alone)")
        if self.price is not None and not self.price.is_fixed:
            raise ValueError("price is one number, written with 'value': what is not known of it is said of sizes")
        return self

    @model_validator(mode="after")
    def _fades_what_drifts(self) -> Self:
        drifting = [name for name, layer in self.layers.items() if layer.log_odds_drift is not None]
        if drifting and self.drift_fade is None:
            raise ValueError(f"needs drift_fade where a layer has log_odds_drift (found {', '.join(drifting)})")
        return self

    @model_validator(mode="after")
    def _states_its_trend_once(self) -> Self:
        """Refuse a trend in both forms, or in half of one."""
        stated = tuple(key for pair in _TRENDS for key in pair if getattr(self, key) is not None)
        if stated not in _TRENDS:
            forms = " or ".join(" and ".join(pair) for pair in _TRENDS)
            raise ValueError(f"states its trend by {forms} (found {' and '.join(stated) or 'neither'})")
        return self


class Segment(Titled):
    """A customer group in a layer."""

    layer: Id
    weight: Part | None = Field(
        title="weight of {0} among customers",
        default=None,
        description="Part of the layer's spending, divided by the sum over the layer; a lone segment needs none.",
    )
    open: Part = Field(
        title="part of {0} that is open to foreign providers",
        description="Part that foreign providers may serve at all, through whichever channel.",
    )
    foreign_propensity: Number | None = Field(
        title="leaning of {0} to foreign providers",
        default=None,
        description="How much more a customer here leans to foreign providers, per unit of open spending; left out: 1.",
    )


class LayerShares(Model):
    """Provider shares of one layer in the base year, in one of two forms.

    Either `direct` (all providers but the one named `rest`), or a foreign total with two splits.
    """

    direct: dict[Id, Part] | None = Field(default=None, title="share of {1} in {0} in the base year")
    rest: Id | None = Field(default=None, description="Provider that takes what `direct` leaves.")
    foreign: Part | None = Field(
        title="share of foreign providers in {0} in the base year",
        default=None,
        description="Share of all foreign providers together.",
    )
    foreign_split: dict[Id, Part] | None = Field(
        title="part of {1} in foreign sales of {0}", default=None, description="Divided by their sum."
    )
    domestic_split: dict[Id, Part] | None = Field(
        title="part of {1} in domestic sales of {0}", default=None, description="Divided by their sum."
    )
    domestic_split_as: Id | None = Field(default=None, description="Layer whose domestic proportions are taken.")
    channel: dict[Id, dict[Id, ChannelPart]] | None = Field(
        title="part of sales of {1} in {0} through {2}",
        default=None,
        description="Foreign provider to its channels and their parts of its sales, divided by their sum; "
        "who is left out sells all through the partner channel, or through the only one there is.",
    )


class Demand(Model):
    """How customers choose and how long they stay."""

    elasticity_of_substitution: Annotated[Number, Range(1.05, 50)] = Field(
        title="how readily customers change between offers (elasticity of substitution)",
        description="epsilon, between offers in a segment.",
    )
    elasticity_of_demand: Annotated[Number, Range(1.0001, 50)] = Field(
        title="how much more is bought when it gets cheaper (elasticity of demand)",
        description="eta, between this market and everything else.",
    )
    conduct: Fraction | None = Field(
        title="how far prices follow rivals' (conduct)",
        default=None,
        description="0 constant markups, as where it is left out; 1 Bertrand.",
    )
    kind: Literal["recurring", "purchase"] = Field(
        default="recurring",
        description="Spending that stays with its provider until it churns, or goods bought anew at intervals.",
    )
    captive_growth: Fraction | None = Field(
        title="part of customers' growth that stays where they are",
        default=None,
        description="iota: part of existing customers' growth that stays with them; of recurring demand.",
    )
    churn: Frequency | None = Field(
        title="customers who change their provider each year", default=None, description="Of recurring demand."
    )
    repurchase_years: Annotated[Years, Range(0.05, 100)] | None = Field(
        title="how long it takes until a customer buys again", default=None, description="Of purchases."
    )
    loyalty: Fraction | None = Field(
        title="part of purchases that stay with the provider of the one before",
        default=None,
        description="Part of purchases that do not choose anew but follow what is in use; of purchases.",
    )

    @model_validator(mode="after")
    def _states_what_its_kind_needs(self) -> Self:
        """Refuse numbers of the other kind, and those left out."""
        for kind, keys in _OF_KIND.items():
            for key in keys:
                if (getattr(self, key) is None) == (kind == self.kind):
                    needed = "needs" if kind == self.kind else "does not know"
                    allowed = " and ".join(_OF_KIND[self.kind])
                    raise ValueError(f"demand of kind {self.kind} {needed} {key} (it states {allowed})")
        return self


_OF_KIND: Final = {"recurring": ("captive_growth", "churn"), "purchase": ("repurchase_years", "loyalty")}
"""What demand of each kind states besides elasticities and conduct."""


class Rivalry(Model):
    """Shocks to utility that move shares between rivals."""

    half_life: Annotated[Years, Range(0, 1000)] = Field(title="how long luck in rivalry lasts")
    provider_sd: Spread = Field(
        title="size of luck in rivalry", description="Stationary sd of each named provider's utility."
    )
    origin_sd: Spread = Field(
        title="size of luck of foreign against domestic providers",
        description="Stationary sd of foreign against domestic utility.",
    )


class TurningRate(Model):
    """Luck in the rate at which domestic quality catches up, so that its direction may turn."""

    sd: Annotated[Rate, Range(0, 1)] = Field(
        title="size of luck in how fast domestic quality catches up",
        description="Stationary sd of the rate's deviation, which is 0 at the end of the base year.",
    )
    half_life: Annotated[Years, Range(0.1, 1000)] = Field(
        title="how long luck in catching up lasts", description="Years in which a deviation of the rate halves."
    )


class Technology(Model):
    """How domestic quality catches up; a layer may have a technology of its own."""

    catch_up: CatchUp | None = Field(title="how fast domestic quality catches up", default=None)
    catch_up_half_life: Annotated[Years, Range(1e-3, 1e6)] | None = Field(
        title="how long catching up goes on",
        default=None,
        description="Years in which the rate of catching up halves, of all layers; left out: it goes on for good.",
    )
    catch_up_luck: TurningRate | None = Field(
        default=None, description="One path for all layers, the same under every regime; left out: none."
    )
    spillover: Spillover | None = Field(
        title="technology that flows to domestic rivals",
        default=None,
        description="Per year, at the foreign share of the base year in partner channels; left out: none.",
    )
    owned_spillover: Fraction | None = Field(
        title="technology that flows from {own}, relative to partners'",
        default=None,
        description="Spillover of an owned site relative to a partner's; needed where there are both.",
    )


class Closure(Model):
    """Slow closing of the open parts."""

    drift: Annotated[Rate, Range(-1, 1)] = Field(
        title="how fast open segments close", description="Points of each segment that close per year."
    )


class Hypothesis(Titled):
    """What foreign providers would have in the long run if they controlled their business, or under a regime."""

    regime: Id | None = Field(
        default=None, description="Regime under which they would have it; left out: full control of their business."
    )
    measure: Literal["share_of_open", "share_of_layer", "gain_of_layer"] = Field(
        description="share of the open part; share of all of the layer; gain on today's share of all of the layer"
    )
    value: Fraction = Field(title="long-run value by the hypothesis {0}")
    providers: tuple[Id, ...] | None = Field(
        default=None, description="Foreign providers that the value covers; today's share of the others is added."
    )
    cap: Annotated[float, Field(ge=0, le=0.999)] = Field(
        default=0.9, description="Most of the open part that the hypothesis may ask for."
    )


class ReferenceGain(Model):
    """What comparable openings brought, to hold the model's gains against; it moves no result."""

    title: str = Field(min_length=1, description="The class, in words.")
    years: Annotated[Literal[3, 5], NO_TRUTH] = Field(description="Years after the opening.")
    low: float = Field(allow_inf_nan=False, description="Points of share gained.")
    median: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)
    source: str = Field(min_length=1, description="Id in sources.yaml.")
    note: str | None = None


class Opening(Model):
    """What control of one's own business is worth to a foreign provider."""

    layer: Id = Field(description="Layer in which the premium is identified.")
    hypothesis: Category = Field(title="which hypothesis on the long run holds", description="Which hypothesis holds.")
    hypotheses: dict[Id, Hypothesis] = Field(min_length=1, max_length=MOST)
    layer_factor: dict[Id, Annotated[Number, Range(0, 10)]] = Field(
        title="what control is worth in {0}",
        default_factory=dict,
        description="Premium of a layer relative to the one of `layer`; of those left out it is the same.",
    )
    provider_factor: dict[Id, Annotated[Number, Range(0, 10)]] = Field(
        title="what control is worth to {0}",
        default_factory=dict,
        description="Premium of a foreign provider relative to that of those who are left out.",
    )
    ramp: Annotated[Years, Range(1e-6, 1000)] = Field(
        title="how long the premium takes to arrive", description="Time constant with which the premium arrives."
    )
    reference: ReferenceGain | None = Field(default=None, description="Drawn beside the gains after launch.")


class Migration(Model):
    """Partner customers who move to their provider's own site."""

    rate: Frequency | None = Field(
        title="how fast customers move to {own}", default=None, description="Left out: nobody does."
    )
    consent_loss: Fraction = Field(
        title="customers lost when they are moved",
        description="Part of those moved who do not accept the new operator.",
    )
