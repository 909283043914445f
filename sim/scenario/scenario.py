"""The scenario: every assumption of a run, frozen.

Three kinds of numbers are never mixed. *Uncertainties* are parameter records with evidence, ours to
measure and not to choose. *Levers* are what a regime sets. *Settings* (draws, horizon) are neither.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from sim.scenario.evidence import (
    SCALES,
    Category,
    ExchangeRate,
    Fraction,
    Frequency,
    Money,
    Number,
    Range,
    Rate,
    Source,
    Years,
)
from sim.scenario.families import Fixed
from sim.scenario.records import Model
from sim.scenario.regimes import Id, Policy, Regime

if TYPE_CHECKING:
    from sim.axes import FloatArray

__all__ = [
    "ALLOWED",
    "LAUNCH",
    "Arrival",
    "Capacity",
    "Closure",
    "Correlation",
    "Demand",
    "Discrepancy",
    "Economics",
    "Entry",
    "EntryTerms",
    "Horizon",
    "Hypothesis",
    "Layer",
    "LayerShares",
    "Learned",
    "Market",
    "Migration",
    "Naive",
    "Opening",
    "Provider",
    "ProviderEntry",
    "Reading",
    "ReferenceGain",
    "Regulator",
    "Rivalry",
    "Sampling",
    "Scenario",
    "Segment",
    "Technology",
    "Zone",
]


MOST: Final = 100
"""Entries of a kind that a scenario may have: layers, segments, providers, regimes, steps and the like."""

MOST_DRAWS: Final = 2**30
MOST_SEED: Final = 2**63 - 1
"""A seed is stored as a signed integer of eight bytes."""

Part = Annotated[Fraction, Range(1e-6, 1)]
"""A fraction that is divided by, or that something must be left of."""

Growth = Annotated[Rate, Range(-0.9, 10)]
Reversion = Annotated[Rate, Range(0, 10)]
Spread = Annotated[Number, Range(0, 20)]
"""A standard deviation of utility."""


_NO_TRUTH: Final = BeforeValidator(lambda value: str(value).lower() if isinstance(value, bool) else value)
"""For Python `true` is 1, and so one of several numbers."""


class Horizon(Model):
    """The years and the step of time."""

    base_year: int = Field(ge=1990, le=2100, description="Year of the observed base, whose shares are exact.")
    end_year: int = Field(ge=1990, le=2150, description="Last year, included.")
    period_months: Annotated[Literal[1, 3, 6, 12], _NO_TRUTH] = Field(description="Length of a period in months.")


class Correlation(Model):
    """Inputs that move together, in listed order; new members are appended."""

    members: tuple[str, ...] = Field(min_length=2, max_length=64, description="Dotted paths of inputs.")
    rank: tuple[tuple[Annotated[float, Field(ge=-1, le=1)], ...], ...] = Field(
        description="Spearman correlations below the diagonal: row i holds those of member i+2 with the ones before it."
    )
    reason: str = Field(min_length=1)


class Sampling(Model):
    """How many draws, from which seed, and what is sampled best."""

    seed: int = Field(ge=0, le=MOST_SEED)
    draws: int = Field(gt=0, le=MOST_DRAWS, description="A multiple of 512.")
    leading: tuple[str, ...] = Field(
        default=(),
        max_length=64,
        description="Inputs, shock paths and their `.second` on the Sobol' net, most important first; append only.",
    )
    correlations: dict[Id, Correlation] = Field(default_factory=dict, max_length=MOST)
    posterior: str | None = Field(
        default=None, description="SHA-256 of the posterior whose rows the draws are; `--posterior` sets it."
    )


class Layer(Model):
    """A layer of the stack; the layer without a size is the rest of the total."""

    size: Money | None = Field(default=None, description="Spending in the base year.")
    log_odds_drift: Annotated[Rate, Range(-2, 2)] | None = Field(
        default=None,
        description="Initial yearly growth of the log-odds of this layer against the rest; one layer at most.",
    )


class Market(Model):
    """Total size, its trend, its shocks, and the layers."""

    size: Money = Field(description="Spending over all layers in the base year.")
    layers: dict[Id, Layer] = Field(min_length=1, max_length=MOST)
    drift_fade: Annotated[Rate, Range(0.01, 100)] = Field(description="Rate at which the drift of the log-odds fades.")
    growth_base: Growth = Field(description="Growth of the total in the year to the base year, as annual percentage.")
    growth_forecast: Growth = Field(description="Forecast of average annual growth over the forecast years.")
    forecast_years: Annotated[Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], _NO_TRUTH] = Field(
        description="Years that the forecast spans."
    )
    growth_long_run: Growth = Field(description="Growth towards which the trend fades, as annual percentage.")
    volatility: Annotated[Rate, Range(0, 5)] = Field(description="sigma of the growth shock, per year.")
    growth_reversion: Reversion = Field(description="kappa: how fast the growth shock fades.")
    level_reversion: Reversion = Field(description="theta: how fast the size returns to its curve.")
    step_rate: Annotated[Rate, Range(0, 10)] = Field(description="Rate of rare downward steps.")
    step_size: Annotated[Number, Range(0, 10)] = Field(description="Fall of log size at a step.")


class Segment(Model):
    """A customer group in a layer."""

    layer: Id
    weight: Part = Field(description="Part of the layer's spending; divided by the sum over the layer.")
    open: Part = Field(description="Part that foreign providers may serve at all, through whichever channel.")
    foreign_propensity: Number = Field(
        description="How much more a customer here leans to foreign providers, per unit of open spending."
    )


ALLOWED: Final = "allowed"
"""What a provider's entry may follow beside a step: the first day on which own sites are permitted to it."""

LAUNCH: Final = "launch"
"""What the arrival of a foreign provider may follow beside a step: the day on which its own site opens."""

EntryRule = Literal["profit", "always", "never"]
NewChoices = Annotated[Fraction, Range(1e-6, 0.9)]


class ProviderEntry(Model):
    """A provider's own decision to build; what is left out is the scenario's `entry`.

    `from`, or `after` with a `delay`, is the date of its earliest application, which then waits for permission and
    for the end of a contract that binds it. If the step never happens, it never applies.
    """

    rule: EntryRule | None = None
    hurdle: Number | None = Field(default=None, description="In place of the scenario's.")
    from_date: datetime.date | None = Field(default=None, alias="from", description="Day of the earliest application.")
    after: Id | None = Field(
        default=None,
        description="Step that the earliest application follows, or 'allowed': the first day on which own sites are.",
    )
    delay: Years | None = Field(default=None, description="From that step or day to the earliest application.")
    bound_until: datetime.date | None = Field(
        default=None, description="Day until which a contract with its partner keeps it from applying."
    )


class Arrival(Model):
    """How a provider comes that is not there in the base year."""

    when: datetime.date | None = None
    after: Id | None = Field(
        default=None,
        description="Step that it follows, or 'launch': its own site opens, and before it has no offer at all.",
    )
    delay: Years | None = Field(default=None, description="From that step to its arrival.")
    new_choices: NewChoices = Field(
        description="Part of new choices, where partners of all are seen, that it gets when it arrives."
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
    arrives: Arrival | None = Field(default=None, description="How it comes, if it is not there in the base year.")


class LayerShares(Model):
    """Provider shares of one layer in the base year, in one of two forms.

    Either `direct` (all providers but the one named `rest`), or a foreign total with two splits.
    """

    direct: dict[Id, Part] | None = None
    rest: Id | None = Field(default=None, description="Provider that takes what `direct` leaves.")
    foreign: Part | None = Field(default=None, description="Share of all foreign providers together.")
    foreign_split: dict[Id, Part] | None = Field(default=None, description="Divided by their sum.")
    domestic_split: dict[Id, Part] | None = Field(default=None, description="Divided by their sum.")
    domestic_split_as: Id | None = Field(default=None, description="Layer whose domestic proportions are taken.")


class Demand(Model):
    """How customers choose and how long they stay."""

    elasticity_of_substitution: Annotated[Number, Range(1.05, 50)] = Field(
        description="epsilon, between offers in a segment."
    )
    elasticity_of_demand: Annotated[Number, Range(1.0001, 50)] = Field(
        description="eta, between cloud and everything else."
    )
    conduct: Fraction = Field(description="0 constant markups, 1 Bertrand.")
    captive_growth: Fraction = Field(description="iota: part of existing customers' growth that stays with them.")
    churn: Frequency


class Rivalry(Model):
    """Shocks to utility that move shares between rivals."""

    half_life: Annotated[Years, Range(0, 1000)]
    provider_sd: Spread = Field(description="Stationary sd of each named provider's utility.")
    origin_sd: Spread = Field(description="Stationary sd of foreign against domestic utility.")


class Technology(Model):
    """How domestic quality catches up."""

    catch_up: Annotated[Rate, Range(-1, 1)]
    spillover: Annotated[Rate, Range(0, 1)] = Field(
        description="Per year, at the foreign share of the base year in partner channels."
    )
    owned_spillover: Fraction = Field(description="Spillover of an owned site relative to a partner's.")


class Closure(Model):
    """Slow closing of the open parts."""

    drift: Annotated[Rate, Range(-1, 1)] = Field(description="Points of each segment that close per year.")


class Hypothesis(Model):
    """What foreign providers would have in the long run if they controlled their business."""

    measure: Literal["share_of_open", "share_of_layer", "gain_of_layer"] = Field(
        description="share of the open part; share of all of the layer; gain on today's share of all of the layer"
    )
    value: Fraction
    providers: tuple[Id, ...] | None = Field(
        default=None, description="Foreign providers that the value covers; today's share of the others is added."
    )
    cap: Annotated[float, Field(ge=0, le=0.999)] = Field(
        default=0.9, description="Most of the open part that the hypothesis may ask for."
    )


class ReferenceGain(Model):
    """What comparable openings brought, to hold the model's gains against; it moves no result."""

    title: str = Field(min_length=1, description="The class, in words.")
    years: Annotated[Literal[3, 5], _NO_TRUTH] = Field(description="Years after the opening.")
    low: float = Field(allow_inf_nan=False, description="Points of share gained.")
    median: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)
    source: str = Field(min_length=1, description="Id in sources.yaml.")
    note: str | None = None


class Opening(Model):
    """What control of one's own business is worth to a foreign provider."""

    layer: Id = Field(description="Layer in which the premium is identified.")
    hypothesis: Category = Field(description="Which hypothesis holds.")
    hypotheses: dict[Id, Hypothesis] = Field(min_length=1, max_length=MOST)
    layer_factor: dict[Id, Annotated[Number, Range(0, 10)]] = Field(
        description="Premium of a layer relative to the one of `layer`."
    )
    ramp: Annotated[Years, Range(1e-6, 1000)] = Field(description="Time constant with which the premium arrives.")
    reference: ReferenceGain | None = Field(default=None, description="Drawn beside the gains after launch.")


class Migration(Model):
    """Partner customers who move to their provider's own site."""

    rate: Frequency
    consent_loss: Fraction = Field(description="Part of those moved who do not accept the new operator.")


class Capacity(Model):
    """Own data centres."""

    expansion_lead: Annotated[Years, Range(0, 1000)]
    planning_years: Annotated[Years, Range(0, 1000)] = Field(
        description="Growth beyond the lead for which a provider orders."
    )


class Reading(Model):
    """What a zone licence lets one serve."""

    reach: Fraction = Field(description="Part of each segment's open part.")
    multiple: dict[Id, Number] = Field(default_factory=dict, description="Segment to its multiple of the reach.")


class Zone(Model):
    """The free-trade zone."""

    reading: Category = Field(description="Which reading holds.")
    readings: dict[Id, Reading] = Field(min_length=1, max_length=MOST)
    cap: Annotated[Money, Range(0, 1e6)] = Field(
        description="Spending that all sites of the zone may serve, at the size of the first year."
    )


class Regulator(Model):
    """Who examines applications."""

    reviewers: int = Field(ge=1, le=1000)
    review_time: Years = Field(description="Drawn per provider.")


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


class Entry(Model):
    """The decision to build; a provider may have one of its own."""

    rule: EntryRule
    hurdle: Number = Field(description="Above 1: the option value of waiting.")
    build_time: Years = Field(description="Drawn per provider.")


class Naive(Model):
    """What an analyst without a model would have forecast from, to hold a track record against; it moves no result.

    Growth to the base year is `market.growth_base`, and the base year that of the scenario.
    """

    growth_world: Growth = Field(description="Growth of the world market, towards which the market's own would fade.")
    growth_fade: Years = Field(description="Half-life of the difference to the world's growth.")
    growth_published: Growth = Field(description="Growth that was published as a forecast for the years to come.")
    size_error: Number = Field(description="Error of past forecasts of log size, sd per square root of a year.")
    share_change: Number = Field(
        description="Change of a provider's log-odds in the past, sd per square root of a year."
    )
    group_change: Number = Field(description="The same of all foreign providers together.")


class Discrepancy(Model):
    """How far from a record the engine is even where it is right, for learning from one; it moves no result.

    Every record states one number.
    """

    size: Number = Field(description="Standard deviation of log market size.")
    share: Number = Field(description="Standard deviation of the log-odds of a share.")
    persistence: Fraction = Field(description="Part of these variances that all rows of a series have in common.")
    date: Years = Field(description="Standard deviation of a date.")
    event: Fraction = Field(description="Chance that the record has a yes or no wrong.")

    @model_validator(mode="after")
    def _leaves_something_open(self) -> Self:
        """Refuse what has no likelihood: a distribution, no discrepancy at all, or none that is a row's own."""
        for name in type(self).model_fields:
            record = getattr(self, name)
            if not isinstance(record, Fixed):
                raise ValueError(f"{name} is one number, written with 'value'")
            if record.value < 0 or (record.value == 0 and name != "persistence"):
                raise ValueError(f"{name} must be above 0 (found {record.value:g})")
            if name in ("persistence", "event") and record.value * SCALES["fraction"][record.unit] >= 1:
                raise ValueError(f"{name} must be below 1 (found {record.value:g} {record.unit})")
        return self


@dataclass(frozen=True, eq=False)
class Learned:
    """Rows of a posterior, each a whole world.

    Attributes
    ----------
    columns : mapping of arrays
        Name of an input or an event to its N values, of a path of shocks to its components by N; row n takes the
        place of what would be drawn for draw n.
    """

    columns: Mapping[str, FloatArray]


class Scenario(Model):
    """Every assumption of a run."""

    schema_version: Annotated[Literal[1], _NO_TRUTH]
    name: Id
    abstract: bool = Field(default=False, description="A base for others that is not run itself.")
    question: str = Field(min_length=1, description="What the scenario is to answer.")
    as_of: datetime.date = Field(description="Day whose knowledge the scenario stands for.")
    exchange_rate: ExchangeRate = Field(description="Converts CNY of a year to USD of a year.")
    horizon: Horizon
    sampling: Sampling
    market: Market
    segments: dict[Id, Segment] = Field(min_length=1, max_length=MOST)
    providers: dict[Id, Provider] = Field(min_length=2, max_length=MOST)
    shares: dict[Id, LayerShares] = Field(min_length=1, max_length=MOST)
    demand: Demand
    rivalry: Rivalry
    technology: Technology
    closure: Closure
    opening: Opening
    migration: Migration
    capacity: Capacity
    zone: Zone
    regulator: Regulator
    entry: Entry
    economics: Economics
    regimes: dict[Id, Regime] = Field(min_length=1, max_length=MOST)
    policy: Policy
    naive: Naive | None = Field(default=None, description="Forecasts that a backtest is held against.")
    discrepancy: Discrepancy | None = Field(default=None, description="What learning from a record allows for.")
    sources: dict[str, Source] = Field(
        default_factory=dict, description="Filled from sources.yaml beside the base file."
    )

    _overridden: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _learned: Learned | None = PrivateAttr(default=None)

    @property
    def overridden(self) -> Mapping[str, Any]:
        """Paths that a variant or the command line has set, with the base's raw value, None where it has none."""
        return self._overridden

    @property
    def learned(self) -> Learned | None:
        """What was learned from a record, and takes the place of draws; None in a scenario as it was read."""
        return self._learned

    def learning(self, learned: Learned | None, posterior: str | None) -> Scenario:
        """The same scenario, whose draws are the rows of a posterior, known by its hash; of none to take it away."""
        sampling = self.sampling.model_copy(update={"posterior": posterior})
        copy = self.model_copy(update={"sampling": sampling})
        copy._learned = learned
        return copy

    @property
    def domestic(self) -> tuple[str, ...]:
        """Ids of the domestic providers, in listed order."""
        return tuple(name for name, provider in self.providers.items() if provider.origin == "domestic")

    @property
    def foreign(self) -> tuple[str, ...]:
        """Ids of the foreign providers, in listed order."""
        return tuple(name for name, provider in self.providers.items() if provider.origin == "foreign")

    @property
    def entrants(self) -> tuple[str, ...]:
        """Ids of the providers that are not there in the base year, in listed order."""
        return tuple(name for name, provider in self.providers.items() if provider.arrives is not None)

    def entry_of(self, provider: str) -> EntryTerms:
        """The decision to build of a provider: its own terms, and the scenario's for what it leaves out."""
        own, path = self.providers[provider].entry or ProviderEntry(), f"providers.{provider}.entry"
        return EntryTerms(
            rule=own.rule or self.entry.rule,
            hurdle="entry.hurdle" if own.hurdle is None else f"{path}.hurdle",
            from_date=own.from_date,
            after=own.after,
            delay=None if own.delay is None else f"{path}.delay",
            bound_until=own.bound_until,
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
    """

    rule: EntryRule
    hurdle: str
    from_date: datetime.date | None
    after: str | None
    delay: str | None
    bound_until: datetime.date | None
