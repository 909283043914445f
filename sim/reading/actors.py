"""What must hold of a provider's own terms: its firms, its entry, its arrival, its part in a layer's shares."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping

from sim.errors import choices
from sim.reading.plausibility import Finding
from sim.scenario.levers import FRACTION_LEVERS, Regime, RegimeChange, SameAs
from sim.scenario.market import LayerShares
from sim.scenario.providers import ALLOWED, LAUNCH, Arrival, Jumps, Provider, ProviderEconomics, ProviderEntry
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import DateStep

__all__ = ["actor_problems", "names_of_dropped", "names_of_fixed", "unshared"]


def actor_problems(scenario: Scenario) -> Iterator[Finding]:
    """Everything about single providers, and about levers that name some or another regime, that cannot be so."""
    for word in (ALLOWED, LAUNCH):
        if word in scenario.policy.steps:
            yield f"policy.steps.{word}", "no step can be named so: a provider's terms mean something else by it"
    for name, provider in scenario.providers.items():
        yield from _provider(f"providers.{name}", provider, scenario)
    if not set(scenario.foreign) - set(scenario.entrants):
        yield from _nobody_foreign_yet(scenario)
    for path, levers in _all_levers(scenario):
        yield from _eligible(f"{path}.eligible", levers, scenario)
        yield from _references(path, levers, scenario)


def _nobody_foreign_yet(scenario: Scenario) -> Iterator[Finding]:
    """What the base year tells of foreign providers it cannot tell where none is there."""
    if not scenario.foreign:
        yield "providers", "there must be a foreign provider, of the base year or later (found none)"
        return
    nobody = "nobody foreign is there in the base year"
    for name, hypothesis in scenario.opening.hypotheses.items():
        if hypothesis.measure != "gain_of_layer" or not hypothesis.value.is_fixed or hypothesis.value.middle():
            yield (
                f"opening.hypotheses.{name}",
                f"must be a gain_of_layer of 0, because {nobody}: what a provider gets that arrives is its new_choices",
            )
    own = ((f"market.layers.{name}.technology", layer.technology) for name, layer in scenario.market.layers.items())
    for path, rule in (("technology", scenario.technology), *own):
        if rule is not None and rule.spillover is not None:
            yield (
                f"{path}.spillover",
                f"is in proportion to the foreign share of the base year, and {nobody}; leave it out",
            )


def _provider(path: str, provider: Provider, scenario: Scenario) -> Iterator[Finding]:
    if provider.firms != 1 and not provider.fringe:
        yield f"{path}.firms", f"only a fringe has several firms (found {provider.firms}; add fringe: true)"
    if provider.entry is not None:
        if provider.origin == "domestic":
            yield f"{path}.entry", "only foreign providers decide on sites of their own (found on a domestic one)"
        yield from _entry(f"{path}.entry", provider.entry, scenario)
    if provider.partner_equity is not None and (
        provider.origin == "domestic" or scenario.channel_of("partner") is None
    ):
        found = "on a domestic one" if provider.origin == "domestic" else "no channel of kind partner"
        yield f"{path}.partner_equity", f"only foreign providers have equity in partners' operators (found {found})"
    if provider.economics is not None:
        yield from _costs(path, provider, scenario)
    if provider.arrives is not None:
        if provider.fringe:
            yield f"{path}.arrives", "a fringe cannot arrive, only one firm can (found fringe: true)"
        yield from _arrival(f"{path}.arrives", provider.arrives, provider, scenario)
    if provider.jumps is not None:
        if provider.fringe:
            yield f"{path}.jumps", "a fringe has no quality of its own that could jump (found fringe: true)"
        yield from _jumps(f"{path}.jumps", provider.jumps, provider, scenario)


def _costs(path: str, provider: Provider, scenario: Scenario) -> Iterator[Finding]:
    """Costs of a foreign provider are of other things than those of a domestic one."""
    assert provider.economics is not None
    at_home, home = provider.origin == "domestic", "domestic_margin"
    allowed = [home] if at_home else [name for name in ProviderEconomics.model_fields if name != home]
    for name in ProviderEconomics.model_fields:
        if getattr(provider.economics, name) is not None and name not in allowed:
            yield f"{path}.economics.{name}", f"is not of a {provider.origin} provider (allowed {', '.join(allowed)})"
    if provider.economics.buy_out_price is not None and not scenario.may_buy_out(path.partition(".")[2]):
        yield (
            f"{path}.economics.buy_out_price",
            "moves nothing: it may not buy its partner out (entry.modes, equity_cap)",
        )


def _entry(path: str, entry: ProviderEntry, scenario: Scenario) -> Iterator[Finding]:
    if entry.from_date is not None and entry.after is not None:
        yield path, "from and after exclude each other (found both; leave one out)"
    yield from _trigger(path, entry.after, entry.delay is not None, (ALLOWED,), scenario)
    rule = entry.rule or (scenario.entry.rule if scenario.entry is not None else None)
    if rule == "never" and entry.delay is not None:
        yield f"{path}.delay", "a provider that never enters has nothing to delay (found both; leave out the delay)"
    if rule == "always" and entry.from_date and entry.bound_until and entry.from_date < entry.bound_until:
        aside = f"(found {entry.from_date}; allowed from {entry.bound_until}, or leave it out: it waits)"
        yield f"{path}.from", f"a provider that always enters cannot apply while it is bound {aside}"


def _arrival(path: str, arrives: Arrival, provider: Provider, scenario: Scenario) -> Iterator[Finding]:
    if (arrives.when is None) == (arrives.after is None):
        aside = "neither" if arrives.when is None else "both"
        yield path, f"an arrival is dated by one of when and after (found {aside})"
    words = (LAUNCH,) if provider.origin == "foreign" else ()
    yield from _trigger(path, arrives.after, arrives.delay is not None, words, scenario)
    if arrives.after == LAUNCH and arrives.delay is not None:
        yield f"{path}.delay", f"an arrival by {LAUNCH} is on the day itself (found a delay; leave it out)"
    yield from _too_early(path, arrives, scenario, "an arrival is", "who is there in it stands in 'shares'")
    for layer in arrives.layers or ():
        if layer not in scenario.market.layers:
            yield f"{path}.layers", f"unknown layer {choices(layer, tuple(scenario.market.layers))}"


def _jumps(path: str, jumps: Jumps, provider: Provider, scenario: Scenario) -> Iterator[Finding]:
    stated = [key for key in ("when", "after", "rate") if getattr(jumps, key) is not None]
    if len(stated) != 1:
        yield path, f"jumps have one of when, after and rate (found {' and '.join(stated) or 'none'})"
    if jumps.rate is not None and jumps.delay is not None:
        yield f"{path}.delay", "what comes by chance has no delay (found one beside rate; leave it out)"
    yield from _trigger(path, jumps.after, False, (LAUNCH,) if provider.origin == "foreign" else (), scenario)
    if jumps.after == LAUNCH and path.split(".")[1] in scenario.sited:
        yield f"{path}.after", f"a provider with own sites in the base year has no {LAUNCH} (found {LAUNCH})"
    yield from _too_early(path, jumps, scenario, "a jump is", "what was there in it stands in 'shares'")


def _trigger(
    path: str, after: str | None, delays: bool, words: tuple[str, ...], scenario: Scenario
) -> Iterator[Finding]:
    allowed = (*scenario.policy.steps, *words)
    if after is not None and after not in allowed:
        yield f"{path}.after", f"unknown step {choices(after, allowed)}"
    if delays and after is None:
        yield f"{path}.delay", "a delay needs an 'after' that it runs from (found none)"


def _too_early(path: str, dated: Arrival | Jumps, scenario: Scenario, what: str, remedy: str) -> Iterator[Finding]:
    """What comes before the base year has ended is in its shares."""
    for key, day in (("when", dated.when), ("after", _day_of(dated, scenario))):
        first = datetime.date(scenario.horizon.base_year + 1, 1, 1)
        if day is not None and day < first:
            aside = f"(found {day}; allowed from {first})"
            yield f"{path}.{key}", f"{what} after the base year; {remedy} {aside}"


def _day_of(dated: Arrival | Jumps, scenario: Scenario) -> datetime.date | None:
    """The day of the step that it follows at once, if it has one."""
    step = scenario.policy.steps.get(dated.after or "")
    return step.when if isinstance(step, DateStep) and dated.delay is None else None


def _all_levers(scenario: Scenario) -> Iterator[tuple[str, Regime | RegimeChange]]:
    yield from ((f"regimes.{name}", regime) for name, regime in scenario.regimes.items())
    for name, step in scenario.policy.steps.items():
        if step.change is not None:
            yield f"policy.steps.{name}.change", step.change


def _eligible(path: str, levers: Regime | RegimeChange, scenario: Scenario) -> Iterator[Finding]:
    if levers.eligible is None:
        return
    if not levers.eligible:
        yield path, "names nobody (found an empty list; write null for all, or owned_layers: [] for none)"
    for position, name in enumerate(levers.eligible):
        if name not in scenario.foreign:
            yield f"{path}[{position}]", f"unknown foreign provider {choices(name, scenario.foreign)}"


def _references(path: str, levers: Regime | RegimeChange, scenario: Scenario) -> Iterator[Finding]:
    """A lever may be that of a regime that states it itself."""
    for name in FRACTION_LEVERS:
        value = getattr(levers, name)
        if not isinstance(value, SameAs):
            continue
        where = f"{path}.{name}"
        stating = [key for key, other in scenario.regimes.items() if not isinstance(getattr(other, name), SameAs)]
        if value.same_as not in scenario.regimes:
            yield f"{where}.same_as", f"unknown regime {choices(value.same_as, stating)}"
        elif value.same_as not in stating:
            message = f"must name a regime that states {name} itself, and '{value.same_as}' refers to another"
            yield f"{where}.same_as", f"{message} {choices(value.same_as, stating)}"


def unshared(path: str, shares: LayerShares, scenario: Scenario) -> Iterator[Finding]:
    """Who arrives later has no share in the base year."""
    splits: Mapping[str, Collection[str]] = {
        "direct": shares.direct or (),
        "foreign_split": shares.foreign_split or (),
        "domestic_split": shares.domestic_split or (),
    }
    message = "arrives after the base year, and can have no share in it"
    for split, names in splits.items():
        for name in names:
            if name in scenario.entrants:
                yield f"{path}.{split}.{name}", f"'{name}' {message} (found one; take it out, or 'arrives')"
    if shares.rest in scenario.entrants:
        yield f"{path}.rest", f"'{shares.rest}' {message} (found as the rest; name another)"


def names_of_dropped(scenario: Scenario, dropped: Collection[str]) -> Iterator[str]:
    """Inputs and paths of shocks that the providers taken out of a base would have.

    `sampling` may go on naming them: they keep their columns, so that no other moves.
    """
    for name in dropped:
        yield from (f"regulator.review_time[{name}]", f"entry.build_time[{name}]")
        yield from (f"shock.rivalry.{name}", f"shock.rivalry.{name}.second")
        yield f"providers.{name}.partner_equity"
        yield from (f"providers.{name}.economics.{cost}" for cost in ProviderEconomics.model_fields)
        for layer in scenario.market.layers:
            yield from (f"shares.{layer}.{split}.{name}" for split in ("direct", "foreign_split", "domestic_split"))


def names_of_fixed(scenario: Scenario) -> Iterator[str]:
    """Levers and probabilities that are no inputs, since a number, or another regime's lever, stands where one might.

    So is the forecast of growth of a market that states its growth by year.

    `sampling` may go on naming them: they keep their columns, so that fixing one moves no other.
    """
    if scenario.market.growth_forecast is None:
        yield "market.growth_forecast"
    for path, levers in _all_levers(scenario):
        yield from (f"{path}.{name}" for name in FRACTION_LEVERS if not isinstance(getattr(levers, name), Record))
    for name, step in scenario.policy.steps.items():
        if not isinstance(step.probability, Record):
            yield f"policy.steps.{name}.probability"
