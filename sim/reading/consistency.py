"""What must hold between the fields of a scenario that are each right by themselves.

Each check is a generator of findings, a dotted path and a message, and looks at one part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice
from typing import Final

from sim.axes import DRAWS_PER_SCRAMBLE
from sim.errors import choices
from sim.reading.absence import forgotten, names_of_absent, unstated_levers
from sim.reading.actors import actor_problems, names_of_dropped, names_of_fixed, unshared
from sim.reading.correlation import contradictions
from sim.reading.feasibility import infeasible
from sim.reading.plausibility import Finding, implausible, uncounted
from sim.scenario.effects import named_effects
from sim.scenario.evidence import SCALES
from sim.scenario.families import Discrete
from sim.scenario.inputs import Input, inputs
from sim.scenario.levers import Regime, RegimeChange
from sim.scenario.market import LayerShares
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario
from sim.scenario.steps import EventStep, HazardStep, Step

__all__ = ["problems"]

_MOST_LISTED: Final = 12

_FOLDERS: Final = {"plots", "con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
"""The folder of a study's pictures, and names that Windows keeps for devices."""

_DIRECT: Final = {"direct", "rest"}
"""Keys of the first of the two forms of a layer's shares."""


def problems(scenario: Scenario, *, most: int | None = None, dropped: Collection[str] = ()) -> list[Finding]:
    """Everything about a scenario that does not fit together, or the first `most` findings.

    Parameters
    ----------
    scenario : Scenario
    most : int, optional
    dropped : collection of str
        Providers of its base that it does without; `sampling` may go on naming what was theirs.

    Returns
    -------
    list of (path, message)
        Empty if the scenario can be run.
    """
    if strange := list(islice(uncounted(scenario), most)):
        return strange
    former = (*names_of_dropped(scenario, dropped), *names_of_fixed(scenario), *names_of_absent(scenario))
    sampled = chain(_leading(scenario, former), _correlations(scenario, former))
    findings = list(islice(chain(sampled, *(check(scenario) for check in _CHECKS)), most))
    findings = findings or list(islice(forgotten(scenario), most))
    return findings or list(islice(infeasible(scenario), most))


def _known(path: str, kind: str, name: str | None, allowed: Collection[str]) -> Iterator[Finding]:
    """A finding if a name is given that does not exist."""
    if name is not None and name not in allowed:
        yield path, f"unknown {kind} {choices(name, allowed)}"


def _same(path: str, kind: str, names: Collection[str], allowed: Collection[str]) -> Iterator[Finding]:
    """A finding for every name too many, and one for those missing."""
    for name in names:
        yield from _known(f"{path}.{name}", kind, name, allowed)
    absent = [name for name in allowed if name not in names]
    if absent:
        yield path, f"must name every {kind} (missing {_listed(absent)})"


def _names(scenario: Scenario) -> Iterator[Finding]:
    """Names that mean something else in the results: folders, scopes, groups."""
    if scenario.name in _FOLDERS:
        yield (
            "name",
            f"no scenario can be named so, because its results lie in a folder of that name (found '{scenario.name}')",
        )
    if "total" in scenario.market.layers:
        yield "market.layers.total", "no layer can be named so: it is the scope of all layers"
    for name in ("domestic", "foreign"):
        if name in scenario.providers:
            yield f"providers.{name}", "no provider can be named so: it is the group of all such providers"


def _settings(scenario: Scenario) -> Iterator[Finding]:
    horizon, draws = scenario.horizon, scenario.sampling.draws
    if horizon.end_year <= horizon.base_year:
        yield "horizon.end_year", f"must be after the base year {horizon.base_year} (found {horizon.end_year})"
    if draws % DRAWS_PER_SCRAMBLE:
        below = draws - draws % DRAWS_PER_SCRAMBLE
        nearest = f"{below} or {below + DRAWS_PER_SCRAMBLE}" if below else f"{DRAWS_PER_SCRAMBLE}"
        yield "sampling.draws", f"must be a multiple of {DRAWS_PER_SCRAMBLE} (found {draws}; nearest {nearest})"


def _headline(scenario: Scenario) -> Iterator[Finding]:
    """What the answer speaks of must be simulated."""
    first, last, year = scenario.horizon.base_year + 1, scenario.horizon.end_year, scenario.headline.year
    if year is not None and first <= last and not first <= year <= last:
        yield "headline.year", f"must be a year that is simulated (found {year}; allowed {first} to {last})"
    yield from _known("headline.layer", "layer", scenario.headline.layer, scenario.market.layers)


def _growth(scenario: Scenario) -> Iterator[Finding]:
    """Years of which growth is stated must be simulated."""
    first, last = scenario.horizon.base_year + 1, scenario.horizon.end_year
    for year in scenario.market.growth_by_year or {}:
        if not first <= int(year) <= last:
            yield (
                f"market.growth_by_year.{year}",
                f"must be a year that is simulated (found {year}; allowed {first} to {last})",
            )


def _leading(scenario: Scenario, former: Collection[str]) -> Iterator[Finding]:
    names = [item.name for item in inputs(scenario)]
    rivals = [f"shock.rivalry.{name}" for name, provider in scenario.providers.items() if not provider.fringe]
    mixes = [
        f"shock.mix.{name}" for name, layer in scenario.market.layers.items() if layer.diffusion and layer.diffusion.sd
    ]
    turns = [] if scenario.technology is None or scenario.technology.catch_up_luck is None else ["shock.catch_up"]
    paths = ["shock.market", *(["shock.origin", *rivals] if scenario.rivalry is not None else []), *mixes, *turns]
    allowed = [*names, *paths, *(f"{path}.second" for path in paths), *former]
    listed = scenario.sampling.leading
    for position, name in enumerate(listed):
        yield from _known(f"sampling.leading[{position}]", "input", name, allowed)
        if name in listed[:position]:
            yield f"sampling.leading[{position}]", f"'{name}' is listed twice"


def _correlations(scenario: Scenario, former: Collection[str]) -> Iterator[Finding]:
    items = {item.name: item for item in inputs(scenario)}
    names = [*items, *former]
    groups = scenario.sampling.correlations
    counts = Counter(name for group in groups.values() for name in group.members)
    for key, group in groups.items():
        path = f"sampling.correlations.{key}"
        for position, name in enumerate(group.members):
            where = f"{path}.members[{position}]"
            yield from _known(where, "input", name, names)
            if counts[name] > 1:
                yield where, f"'{name}' may stand once, in one group (found {counts[name]} times)"
        yield from _one_kind(f"{path}.members", [items[name] for name in group.members if name in items])
        yield from contradictions(f"{path}.rank", len(group.members), group.rank)


def _one_kind(where: str, members: Sequence[Input]) -> Iterator[Finding]:
    """What people disagree on, what nobody knows and what is luck are told apart, so that no group may mix them."""
    kinds = {item.kind: item.name for item in reversed(members)}
    if len(kinds) > 1:
        found = ", ".join(f"'{name}' is {kind}" for kind, name in kinds.items())
        yield where, f"inputs that move together must be unknown for one reason (found {found})"


def _listed(items: Sequence[object]) -> str:
    """The first few, and how many more."""
    more = f" and {len(items) - _MOST_LISTED} more" if len(items) > _MOST_LISTED else ""
    return (", ".join(map(str, items[:_MOST_LISTED])) or "none") + more


def _layers(scenario: Scenario) -> Iterator[Finding]:
    layers = scenario.market.layers
    unsized = [name for name, layer in layers.items() if layer.size is None]
    if len(unsized) != 1:
        listing = ", ".join(unsized) or "none"
        yield "market.layers", f"exactly one layer has no size and takes the rest (found {listing})"
    if layers and all(layer.moves for layer in layers.values()):
        yield "market.layers", "one layer at least must take what the others leave (found that all drift or spread)"
    for name in layers:
        if not any(segment.layer == name for segment in scenario.segments.values()):
            yield f"market.layers.{name}", "no segment lies in this layer"
    for name, segment in scenario.segments.items():
        yield from _known(f"segments.{name}.layer", "layer", segment.layer, layers)


def _providers(scenario: Scenario) -> Iterator[Finding]:
    stays = [name for name in scenario.domestic if name not in (*scenario.leaving, *scenario.entrants)]
    if scenario.leaving and not stays:
        yield "policy.steps", "a domestic provider of the base year must stay, whatever happens (found exits of all)"
    if not [name for name in scenario.domestic if name not in scenario.entrants]:
        yield "providers", "there must be a domestic provider in the base year (found none)"


def _shares(scenario: Scenario) -> Iterator[Finding]:
    yield from _same("shares", "layer", scenario.shares, scenario.market.layers)
    for name, shares in scenario.shares.items():
        path, keys = f"shares.{name}", set(_stated(shares))
        yield from unshared(path, shares, scenario)
        if bool(keys & _DIRECT) == bool(keys - _DIRECT):
            listing = ", ".join(_stated(shares)) or "nothing"
            yield path, f"needs either direct and rest, or foreign with its splits (found {listing})"
        else:
            yield from (_direct if keys & _DIRECT else _split)(path, shares, scenario)


def _stated(shares: LayerShares) -> list[str]:
    """The keys in which a layer states its shares."""
    return [key for key in LayerShares.model_fields if key != "channel" and getattr(shares, key) is not None]


def _direct(path: str, shares: LayerShares, scenario: Scenario) -> Iterator[Finding]:
    if shares.direct is None or shares.rest is None:
        yield path, f"direct and rest go together (found only {_stated(shares)[0]})"
        return
    others = [name for name in scenario.providers if name != shares.rest]
    yield from _known(f"{path}.rest", "provider", shares.rest, scenario.providers)
    yield from _all_there(f"{path}.direct", "provider", shares.direct, others, scenario)


def _all_there(
    path: str, kind: str, names: Collection[str], providers: Collection[str], scenario: Scenario
) -> Iterator[Finding]:
    """Findings unless those of some providers who are there in the base year are named; `unshared` tells of others."""
    allowed = [name for name in providers if name not in scenario.entrants]
    yield from _same(path, kind, [name for name in names if name not in scenario.entrants], allowed)


def _split(path: str, shares: LayerShares, scenario: Scenario) -> Iterator[Finding]:
    if shares.foreign is None or shares.foreign_split is None:
        yield path, f"foreign and foreign_split go together (found {', '.join(_stated(shares))})"
    else:
        split = shares.foreign_split
        yield from _all_there(f"{path}.foreign_split", "foreign provider", split, scenario.foreign, scenario)
    if (shares.domestic_split is None) == (shares.domestic_split_as is None):
        yield path, f"needs one of domestic_split and domestic_split_as (found {', '.join(_stated(shares))})"
    elif shares.domestic_split is not None:
        split = shares.domestic_split
        yield from _all_there(f"{path}.domestic_split", "domestic provider", split, scenario.domestic, scenario)
    else:
        own = [name for name, other in scenario.shares.items() if other.domestic_split_as is None]
        kind = "layer with domestic proportions of its own"
        yield from _known(f"{path}.domestic_split_as", kind, shares.domestic_split_as, own)


def _channels(scenario: Scenario) -> Iterator[Finding]:
    """Channels are one of a kind, are told apart by regimes that know them, and divide what is sold."""
    yield from _one_of_a_kind(scenario)
    yield from _sites_of_the_base_year(scenario)
    for layer, shares in scenario.shares.items():
        for provider, parts in (shares.channel or {}).items():
            path = f"shares.{layer}.channel.{provider}"
            present = [name for name in scenario.foreign if name not in scenario.entrants]
            yield from _known(path, "foreign provider of the base year", provider, present)
            for name in parts:
                yield from _known(f"{path}.{name}", "channel", name, scenario.channels or ())
            if not parts or all(part == 0.0 for part in parts.values()):
                yield path, "must give a channel some part of the sales (found none)"
    for path, regime in _every_lever(scenario):
        for lever in ("tariff", "cross_border", "cross_border_unlock"):
            if lever in regime.model_fields_set and scenario.channel_of("cross_border") is None:
                yield (
                    f"{path}.{lever}",
                    "is of sales from abroad, and no channel is of kind cross_border; add one",
                )
        for lever in ("transfers_sites", "equity_cap"):
            if getattr(regime, lever) and scenario.channel_of("partner") is None:
                yield f"{path}.{lever}", "is of local operators, and no channel is of kind partner; add one"


def _sites_of_the_base_year(scenario: Scenario) -> Iterator[Finding]:
    """Who has own sites in the base year needs a regime that allows them everywhere."""
    start, own = scenario.regimes.get(scenario.policy.start), scenario.channel_of("owned")
    if start is None or own is None:
        return
    layers = [
        name for name, shares in scenario.shares.items() if any(own in by for by in (shares.channel or {}).values())
    ]
    if scenario.sited and (start.reach != "open" or start.capped):
        found = "capped" if start.reach == "open" else start.reach
        yield (
            f"regimes.{scenario.policy.start}.reach",
            f"must be open without a cap, because providers have own sites in the base year (found {found}); "
            "customers of a channel are not told apart by place",
        )
    for layer in layers:
        if layer not in start.owned_layers:
            yield (
                f"regimes.{scenario.policy.start}.owned_layers",
                f"must hold '{layer}', in which providers have own sites in the base year "
                f"(found {_listed(start.owned_layers)})",
            )
    for name in scenario.sited:
        if start.eligible is not None and name not in start.eligible:
            yield (
                f"regimes.{scenario.policy.start}.eligible",
                f"must hold '{name}', which has own sites in the base year",
            )


def _buy_outs(scenario: Scenario) -> Iterator[Finding]:
    """A buy-out needs somebody who may, a regime that lets it, a price, and more equity than there is."""
    asks = [name for name in scenario.foreign if "buy_out" in scenario.entry_of(name).modes]
    for path, regime in _every_lever(scenario):
        for lever in ("equity_cap", "bought_unlock"):
            if getattr(regime, lever) is not None and not asks:
                yield f"{path}.{lever}", "moves nothing: nobody has the mode buy_out in entry.modes"
        if regime.bought_unlock is not None and isinstance(regime, Regime) and regime.equity_cap is None:
            yield f"{path}.bought_unlock", "moves nothing without equity_cap"
    if scenario.buys_out and scenario.economics.buy_out_price is None:
        yield "economics", "needs buy_out_price where a provider may buy its partner out (entry.modes, equity_cap)"
    if not scenario.buys_out and scenario.economics.buy_out_price is not None:
        yield "economics.buy_out_price", "moves nothing: nobody may buy a partner out (entry.modes, equity_cap)"
    if asks and not scenario.buys_out:
        yield "entry.modes", "buy_out is a mode, and no regime has an equity_cap (found none)"


def _one_of_a_kind(scenario: Scenario) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, channel in (scenario.channels or {}).items():
        if channel.kind in seen:
            other = seen[channel.kind]
            yield f"channels.{name}.kind", f"a scenario has one channel of a kind (found '{other}' of this kind too)"
        seen.setdefault(channel.kind, name)


def _every_lever(scenario: Scenario) -> Iterator[tuple[str, Regime | RegimeChange]]:
    """Each statement of levers, by its path."""
    yield from ((f"regimes.{name}", regime) for name, regime in scenario.regimes.items())
    for name, step in scenario.policy.steps.items():
        if step.change is not None:
            yield f"policy.steps.{name}.change", step.change


def _opening(scenario: Scenario) -> Iterator[Finding]:
    opening = scenario.opening
    for name in opening.provider_factor:
        yield from _known(f"opening.provider_factor.{name}", "foreign provider", name, scenario.foreign)
    yield from _known("opening.layer", "layer", opening.layer, scenario.market.layers)
    for name in opening.layer_factor:
        yield from _known(f"opening.layer_factor.{name}", "layer", name, scenario.market.layers)
    yield from _categories("opening.hypothesis", opening.hypothesis, opening.hypotheses)
    for name, hypothesis in opening.hypotheses.items():
        asked = hypothesis.value.middle() * SCALES["fraction"][hypothesis.value.unit]
        if asked > hypothesis.cap:
            found = f"(found {asked:.0%}; allowed {hypothesis.cap:.0%}, its cap)"
            yield (
                f"opening.hypotheses.{name}.value",
                f"asks for more by its median than its cap lets it {found}; raise cap",
            )
        yield from _known(f"opening.hypotheses.{name}.regime", "regime", hypothesis.regime, scenario.regimes)
        for position, provider in enumerate(hypothesis.providers or ()):
            path = f"opening.hypotheses.{name}.providers[{position}]"
            yield from _known(path, "foreign provider", provider, scenario.foreign)


def _zone(scenario: Scenario) -> Iterator[Finding]:
    if scenario.zone is None:
        return
    yield from _categories("zone.reading", scenario.zone.reading, scenario.zone.readings)
    for name, reading in scenario.zone.readings.items():
        for segment in reading.multiple:
            yield from _known(f"zone.readings.{name}.multiple.{segment}", "segment", segment, scenario.segments)


def _categories(path: str, record: Record, allowed: Collection[str]) -> Iterator[Finding]:
    for name in record.categories if isinstance(record, Discrete) else ():
        yield from _known(f"{path}.discrete.{name}", "category", name, allowed)


def _regimes(scenario: Scenario) -> Iterator[Finding]:
    for name, regime in scenario.regimes.items():
        yield from _levers(f"regimes.{name}", regime, scenario)
        yield from unstated_levers(f"regimes.{name}", regime, scenario)
        if regime.transfers_sites and regime.owned_layers and regime.reach != "none":
            yield (
                f"regimes.{name}.transfers_sites",
                "sites are handed over only where a regime allows none (found both)",
            )
    for name, step in scenario.policy.steps.items():
        path = f"policy.steps.{name}.change"
        if step.change is not None:
            yield from _levers(path, step.change, scenario)
            if not step.change.model_fields_set - {"title"}:
                yield path, "changes no lever"


def _levers(path: str, levers: Regime | RegimeChange, scenario: Scenario) -> Iterator[Finding]:
    for position, layer in enumerate(levers.owned_layers or ()):
        yield from _known(f"{path}.owned_layers[{position}]", "layer", layer, scenario.market.layers)


def _policy(scenario: Scenario) -> Iterator[Finding]:
    yield from _known("policy.start", "regime", scenario.policy.start, scenario.regimes)
    for name, step in scenario.policy.steps.items():
        yield from _step(f"policy.steps.{name}", step, scenario)


def _step(path: str, step: Step, scenario: Scenario) -> Iterator[Finding]:
    yield from _known(f"{path}.adopt", "regime", step.adopt, scenario.regimes)
    if step.adopt is not None and step.change is not None:
        yield path, "adopt and change exclude each other (found both)"
    if isinstance(step, EventStep):
        yield from _trigger(path, step, scenario)
    if isinstance(step, HazardStep):
        yield from _known(f"{path}.during", "regime", step.during, scenario.regimes)
    yield from _effects(path, step, scenario)
    yield from _deeds(path, step, scenario)
    if step.evicts and not step.closes:
        yield f"{path}.evicts", "has no effect without 'closes'"


def _deeds(path: str, step: Step, scenario: Scenario) -> Iterator[Finding]:
    """What a step closes, opens and raises, and who leaves, must be there."""
    for key, segments in (("closes", step.closes), ("opens", step.opens)):
        for segment in segments:
            yield from _known(f"{path}.{key}.{segment}", "segment", segment, scenario.segments)
    for segment in step.opens:
        if segment in step.closes:
            yield f"{path}.opens.{segment}", "is closed by the same step (found both; leave one out)"
    for position, provider in enumerate(step.exits):
        yield from _known(f"{path}.exits[{position}]", "provider", provider, scenario.providers)
    for layer in step.raises:
        yield from _known(f"{path}.raises.{layer}", "layer", layer, scenario.market.layers)


def _effects(path: str, step: Step, scenario: Scenario) -> Iterator[Finding]:
    """What a step changes must be there, and move something."""
    effects = dict(named_effects(step.effects))
    if step.effects is not None and not effects:
        yield f"{path}.effects", "changes no number"
    known = {item.path for item in inputs(scenario)}
    for name in effects:
        if name not in known:
            yield (
                f"{path}.effects.{name}",
                f"there is no number {name} to be changed in this scenario; state it, or leave this out",
            )


def _trigger(path: str, step: EventStep, scenario: Scenario) -> Iterator[Finding]:
    if (step.after is None) == (step.after_not is None):
        yield path, f"needs one of after and after_not (found {'neither' if step.after is None else 'both'})"
    yield from _known(f"{path}.after", "step", step.after, scenario.policy.steps)
    yield from _known(f"{path}.after_not", "step", step.after_not, scenario.policy.steps)


def _cycles(scenario: Scenario) -> Iterator[Finding]:
    """Steps that wait for each other, or build on each other's state, in a circle."""
    try:
        TopologicalSorter({name: _followed(name, scenario) for name in scenario.policy.steps}).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        yield f"policy.steps.{circle[0]}", f"cyclic policy steps: {' before '.join(circle)}"


def _followed(name: str, scenario: Scenario) -> list[str]:
    """The steps that must be settled before one: its trigger, and the one whose state it changes."""
    steps = scenario.policy.steps
    step, before = steps[name], list(steps)[: list(steps).index(name)]
    after, after_not = (step.after, step.after_not) if isinstance(step, EventStep) else (None, None)
    if after is not None:
        return [after] if after in steps else []
    changed = [other for other in before if steps[other].adopt or steps[other].change]
    return [*([after_not] if after_not in steps else []), *changed[-1:]]


_CHECKS: Final[tuple[Callable[[Scenario], Iterator[Finding]], ...]] = (
    _names,
    _settings,
    _headline,
    _growth,
    _layers,
    _providers,
    _shares,
    _channels,
    _buy_outs,
    _opening,
    _zone,
    _regimes,
    _policy,
    _cycles,
    actor_problems,
    implausible,
)
