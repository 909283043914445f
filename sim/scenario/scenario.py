"""The scenario: every assumption of a run, frozen.

Three kinds of numbers are never mixed. *Uncertainties* are parameter records with evidence, ours to
measure and not to choose. *Levers* are what a regime sets. *Settings* (draws, horizon) are neither.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from sim.axes import FloatArray
from sim.scenario.channels import CHANNEL_KINDS, Channel, ChannelKind
from sim.scenario.evidence import SCALES, ExchangeRate, Fraction, Growth, Number, Source, Years
from sim.scenario.families import Fixed
from sim.scenario.levers import Id, Regime
from sim.scenario.market import Closure, Demand, LayerShares, Market, Migration, Opening, Rivalry, Segment, Technology
from sim.scenario.money import DEFAULT_CURRENCY, Currency, Ledger, goods_of
from sim.scenario.prices import Prices
from sim.scenario.providers import LAUNCH, Entry, EntryTerms, Provider, ProviderEntry, Regulator
from sim.scenario.records import MOST, NO_TRUTH, Model, Titled
from sim.scenario.steps import Policy
from sim.scenario.supply import Capacity, Economics, Zone
from sim.wording import capital, readable

__all__ = [
    "MOST_DRAWS",
    "MOST_SEED",
    "OWN_SITES",
    "SETTINGS",
    "Correlation",
    "Discrepancy",
    "Headline",
    "Horizon",
    "Learned",
    "Naive",
    "Sampling",
    "Scenario",
]

OWN_SITES: Final = "own sites"
"""What they are called where no channel of their kind has a title."""

MOST_DRAWS: Final = 2**30

MOST_SEED: Final = 2**63 - 1
"""A seed is stored as a signed integer of eight bytes."""


SETTINGS: Final = (
    *("schema_version", "name", "title", "colour", "abstract"),
    *("question", "region", "headline", "tested", "as_of", "sampling", "sources"),
)
"""Keys of a scenario that say nothing to the model, or how it is drawn."""


def _is_a_colour(text: str) -> str:
    if re.fullmatch("#[0-9A-Fa-f]{6}", text) is None:
        raise ValueError(f"must be a colour such as '#0072B2', in quotes (found {text!r})")
    return text


Colour: TypeAlias = Annotated[str, AfterValidator(_is_a_colour)]


class Horizon(Model):
    """The years and the step of time."""

    base_year: int = Field(ge=1990, le=2100, description="Year of the observed base, whose shares are exact.")
    end_year: int = Field(ge=1990, le=2150, description="Last year, included.")
    period_months: Annotated[Literal[1, 3, 6, 12], NO_TRUTH] = Field(description="Length of a period in months.")


class Correlation(Titled):
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


class Headline(Model):
    """Of which year, and of what part of the market, the answer speaks first; it moves no result."""

    year: int | None = Field(
        default=None, ge=1990, le=2150, description="Year of the answer; left out: the last of the horizon."
    )
    years: tuple[int, ...] = Field(
        default=(),
        max_length=MOST,
        description="Years on the way that short tables show too, where the horizon has them.",
    )
    layer: Id | None = Field(default=None, description="Layer whose shares are spoken of; left out: the whole market.")


class Scenario(Model):
    """Every assumption of a run."""

    schema_version: Annotated[Literal[1], NO_TRUTH]
    name: Id
    title: str = Field(
        default="", min_length=1, max_length=60, description="What readers see; the name in words if not stated."
    )
    colour: Colour | None = Field(default=None, description="In every picture, as #RRGGBB; by the name if not stated.")
    abstract: bool = Field(default=False, description="A base for others that is not run itself.")
    question: str = Field(min_length=1, description="What the scenario is to answer.")
    region: str | None = Field(
        default=None, min_length=1, max_length=60, description="Country or region of the market, as tables call it."
    )
    headline: Headline = Field(default_factory=Headline, description="What the answer speaks of first.")
    tested: Id | None = Field(
        default=None, description="Variant that is held against the record beside its base, in `sim backtest --all`."
    )
    as_of: datetime.date = Field(description="Day whose knowledge the scenario stands for.")
    currency: Currency = Field(default=DEFAULT_CURRENCY, description="ISO code of the money that results are in.")
    prices: Prices = Field(
        default_factory=Prices, description="Whether money is nominal, as by default, or in prices of one year."
    )
    exchange_rates: dict[Currency, ExchangeRate] = Field(
        title="rate at which money in {0} is converted",
        default_factory=dict,
        max_length=MOST,
        description="Other currencies in which numbers are stated, each per unit of `currency` or the other way round.",
    )
    horizon: Horizon
    sampling: Sampling
    market: Market
    segments: dict[Id, Segment] = Field(min_length=1, max_length=MOST)
    providers: dict[Id, Provider] = Field(min_length=2, max_length=MOST)
    channels: dict[Id, Channel] | None = Field(
        default=None,
        min_length=1,
        max_length=len(CHANNEL_KINDS),
        description="Ways to customers, one of a kind; left out: a partner channel, and own sites where allowed.",
    )
    shares: dict[Id, LayerShares] = Field(min_length=1, max_length=MOST)
    demand: Demand
    rivalry: Rivalry | None = Field(default=None, description="Left out: no luck between rivals.")
    technology: Technology | None = Field(default=None, description="Left out: domestic quality stays as it is.")
    closure: Closure | None = Field(default=None, description="Left out: segments close by steps alone.")
    opening: Opening
    migration: Migration | None = Field(default=None, description="Left out: nobody is moved to another operator.")
    capacity: Capacity | None = Field(default=None, description="Needed where somebody has own sites, or may build.")
    zone: Zone | None = Field(default=None, description="Needed where a regime's reach is a zone.")
    regulator: Regulator | None = Field(default=None, description="Needed where somebody may build, or buy out.")
    entry: Entry | None = Field(default=None, description="Needed where somebody may build, or buy out.")
    economics: Economics
    regimes: dict[Id, Regime] = Field(min_length=1, max_length=MOST)
    policy: Policy
    naive: Naive | None = Field(default=None, description="Forecasts that a backtest is held against.")
    discrepancy: Discrepancy | None = Field(default=None, description="What learning from a record allows for.")
    sources: dict[str, Source] = Field(
        default_factory=dict, description="Filled from sources.yaml beside the base file."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_called_by_its_name(cls, data: Any) -> Any:
        """The name in words as title of a scenario that states none."""
        name = data.get("name") if isinstance(data, dict) else None
        return {"title": capital(readable(name)), **data} if isinstance(name, str) else data

    _overridden: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _overrides: tuple[str, ...] = PrivateAttr(default=())
    _learned: Learned | None = PrivateAttr(default=None)

    @property
    def overridden(self) -> Mapping[str, Any]:
        """Paths that a variant or the command line has set, with the base's raw value, None where it has none."""
        return self._overridden

    @property
    def overrides(self) -> tuple[str, ...]:
        """What of it the command line has set, as `PATH=VALUE` in the order in which it was put in."""
        return self._overrides

    @property
    def learned(self) -> Learned | None:
        """What was learned from a record, and takes the place of draws; None in a scenario as it was read."""
        return self._learned

    @property
    def ledger(self) -> Ledger:
        """The currency, and what others are worth in it by the medians of their rates."""
        rates = {
            other: record.middle() if record.unit.startswith(other) else 1.0 / record.middle()
            for other, record in self.exchange_rates.items()
        }
        plain, unit, price = Ledger(self.currency, rates, self.money), self.market.unit, self.market.price
        if unit is None or price is None:
            return plain
        return replace(plain, goods=goods_of(unit, price.unit, price.middle(), plain))

    @property
    def money(self) -> str:
        """The currency as units name it, with the year where money is in prices of one."""
        return self.prices.label(self.currency)

    def called(self, key: str) -> str:
        """What a part of the scenario is called where people read; an id of none in words."""
        if key in self.providers:
            return self.providers[key].short_title
        groups = (self.market.layers, self.segments, self.channels or {}, self.regimes)
        readings = {} if self.zone is None else self.zone.readings
        entries: tuple[Mapping[str, Titled | Regime], ...] = (*groups, self.opening.hypotheses, readings)
        titles = (entry.get(key) for entry in entries)
        return next((one.title for one in titles if one is not None and one.title), readable(key))

    def named(self, name: str) -> Scenario:
        """The same scenario under another name, which is its title too."""
        return self.model_copy(update={"name": name, "title": capital(readable(name))})

    def learning(self, learned: Learned | None, posterior: str | None) -> Scenario:
        """The same scenario, whose draws are the rows of a posterior, known by its hash; of none to take it away."""
        sampling = self.sampling.model_copy(update={"posterior": posterior})
        copy = self.model_copy(update={"sampling": sampling})
        copy._learned = learned
        return copy

    @property
    def answer_year(self) -> int:
        """Year of which the answer is given."""
        return min(self.headline.year or self.horizon.end_year, self.horizon.end_year)

    @property
    def answer_years(self) -> tuple[int, ...]:
        """Years that short tables show: the base year, some between, and the year of the answer."""
        first, last = self.horizon.base_year, self.answer_year
        return tuple(sorted({first, *(year for year in self.headline.years if first < year < last), last}))

    @property
    def answer_scope(self) -> str:
        """Scope of the outcomes of which the answer is given: a layer, or the whole market."""
        return self.headline.layer or "total"

    @property
    def answer_place(self) -> str:
        """Scope and year of the answer, as outcomes are named: what is spoken of unless something else is asked."""
        return f"{self.answer_scope}.{self.answer_year}"

    @property
    def answer_words(self) -> str:
        """What the share of the answer is a share of."""
        return self.called(self.headline.layer) if self.headline.layer else "the market"

    @property
    def detail_layer(self) -> str:
        """Layer that pictures show beside the whole market: of the answer, else of the hypotheses."""
        return self.headline.layer or self.opening.layer

    @property
    def domestic(self) -> tuple[str, ...]:
        """Ids of the domestic providers, in listed order."""
        return tuple(name for name, provider in self.providers.items() if provider.origin == "domestic")

    @property
    def foreign(self) -> tuple[str, ...]:
        """Ids of the foreign providers, in listed order."""
        return tuple(name for name, provider in self.providers.items() if provider.origin == "foreign")

    def channel_of(self, kind: ChannelKind) -> str | None:
        """Id of the channel of a kind; None if the scenario has none."""
        channels = self.channels or {"partner": Channel(kind="partner"), "owned": Channel(kind="owned")}
        return next((name for name, channel in channels.items() if channel.kind == kind), None)

    @property
    def own_sites(self) -> str:
        """What sites of a provider's own are called: as the channel of their kind, where that has a title."""
        owned = (self.channels or {}).get(self.channel_of("owned") or "")
        return owned.title if owned is not None and owned.title else OWN_SITES

    @property
    def own_words(self) -> dict[str, str]:
        """What goes with the verbs of an own way: sites that one builds, and what one buys from a partner."""
        steps = (step.change for step in self.policy.steps.values())
        whole = all(levers is None or levers.equity_cap in (None, 1.0) for levers in (*self.regimes.values(), *steps))
        return {"own": self.own_sites, "stake": "its partner out" if whole else "a larger stake"}

    @property
    def entrants(self) -> tuple[str, ...]:
        """Ids of the providers that are not there in the base year, in listed order."""
        return tuple(name for name, provider in self.providers.items() if provider.arrives is not None)

    @property
    def sited(self) -> tuple[str, ...]:
        """Ids of the foreign providers that have sites of their own in the base year, in listed order."""
        own = self.channel_of("owned")
        stated = [shares.channel or {} for shares in self.shares.values()]
        if len(self.channels or {}) == 1 and own is not None:  # the only channel there is
            return tuple(name for name in self.foreign if name not in self.entrants)
        return tuple(name for name in self.foreign if any(parts.get(name, {}).get(own or "") for parts in stated))

    def comes_by_launch(self, provider: str) -> bool:
        """Whether a provider has no offer before the day on which its own site opens."""
        arrives = self.providers[provider].arrives
        return arrives is not None and arrives.after == LAUNCH

    def entry_of(self, provider: str) -> EntryTerms:
        """The decision to build of a provider: its own terms, and the scenario's for what it leaves out."""
        own, path = self.providers[provider].entry or ProviderEntry(), f"providers.{provider}.entry"
        common = self.entry or Entry(rule="never")
        return EntryTerms(
            rule=own.rule or common.rule,
            hurdle="entry.hurdle" if own.hurdle is None else f"{path}.hurdle",
            from_date=own.from_date,
            after=own.after,
            delay=None if own.delay is None else f"{path}.delay",
            bound_until=own.bound_until,
            modes=own.modes or common.modes,
        )

    @property
    def leaving(self) -> tuple[str, ...]:
        """Ids of the providers that leave the market if a step happens, in listed order."""
        return tuple(name for name in self.providers if any(name in step.exits for step in self.policy.steps.values()))

    @property
    def changes_numbers(self) -> bool:
        """Whether a step changes numbers beside levers, or who there is, so that providers think again."""
        return any(step.effects is not None or step.exits for step in self.policy.steps.values())

    @property
    def may_build(self) -> bool:
        """Whether somebody thinks of building: has no own sites yet, and has the mode."""
        if self.entry is None:  # nobody builds, or it would be asked for
            return False
        return any("build" in self.entry_of(name).modes for name in self.foreign if name not in self.sited)

    @property
    def buys_out(self) -> bool:
        """Whether somebody may buy its partner out, under some regime."""
        return any(self.may_buy_out(name) for name in self.foreign)

    def may_buy_out(self, provider: str) -> bool:
        """Whether a foreign provider may buy its partner out, under some regime."""
        steps = (step.change for step in self.policy.steps.values())
        caps = any(levers is not None and levers.equity_cap is not None for levers in (*self.regimes.values(), *steps))
        return caps and provider in self.foreign and "buy_out" in self.entry_of(provider).modes
