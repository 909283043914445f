"""What a regime grants to each channel, and what a hypothesis on the long run can say of the premium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.scenario.baseyear import Condition, Inputs
from sim.scenario.channels import CHANNEL_KINDS
from sim.scenario.families import Discrete
from sim.scenario.policy import State, allows_buy_out, allows_owned, lever, state_of, states
from sim.scenario.records import Record
from sim.scenario.scenario import Scenario

__all__ = [
    "Grants",
    "base_split",
    "caps",
    "full_control",
    "grants_of",
    "has_mix",
    "hypothesis_grants",
    "identification",
    "provider_factors",
]


class Grants(NamedTuple):
    """What a state of the calendar grants to each channel.

    Attributes
    ----------
    owned, partner, abroad : (N,) or (F, N)
        Part of the premium that offers of own sites, of partners and from abroad get.
    sites : (F, L, N or 1) bool
        Whether own sites are allowed.
    kept : (N,)
        Part of the customers served from abroad who still may be.
    tariff : (N,)
        On the producer's price of what is sold from abroad.
    """

    owned: FloatArray
    partner: FloatArray
    abroad: FloatArray
    sites: BoolArray
    kept: FloatArray
    tariff: FloatArray


def has_mix(scenario: Scenario) -> bool:
    """Whether channels or hypotheses say more than that all start with a partner and what full control brings."""
    opening = scenario.opening
    asked = any(hypothesis.regime is not None for hypothesis in opening.hypotheses.values())
    return scenario.channels is not None or asked or bool(opening.provider_factor)


def base_split(scenario: Scenario, inputs: Inputs, draws: int) -> FloatArray:
    """Parts of each foreign provider's sales of the base year by channel, (3, F, L, N), in the order of the kinds."""
    layers = tuple(scenario.market.layers)
    split = np.zeros((len(CHANNEL_KINDS), len(scenario.foreign), len(layers), draws))
    usual = next(place for place, kind in enumerate(CHANNEL_KINDS) if scenario.channel_of(kind) is not None)
    for column, layer in enumerate(layers):
        stated = scenario.shares[layer].channel or {}
        for row, name in enumerate(scenario.foreign):
            parts = stated.get(name)
            if parts is None:
                split[usual, row, column] = 1.0
                continue
            for place, kind in enumerate(CHANNEL_KINDS):
                channel = scenario.channel_of(kind)
                part = 0.0 if channel is None else parts.get(channel, 0.0)
                path = f"shares.{layer}.channel.{name}.{channel}"
                split[place, row, column] = inputs[path] if isinstance(part, Record) else part
    return np.asarray(split / split.sum(axis=0))


def provider_factors(scenario: Scenario, inputs: Inputs, draws: int) -> FloatArray:
    """Premium of each foreign provider relative to that of those who are left out, (F, N)."""
    stated, one = scenario.opening.provider_factor, np.ones(draws)
    return np.stack([inputs[f"opening.provider_factor.{f}"] if f in stated else one for f in scenario.foreign])


def grants_of(scenario: Scenario, state: State, inputs: Inputs, draws: int) -> Grants:
    """What a state of the calendar grants."""
    layers = scenario.market.layers
    sites = [
        [allows_owned(state, f) and layer in state.levers.owned_layers for layer in layers] for f in scenario.foreign
    ]
    return Grants(
        owned=lever(state, "owned_unlock", inputs, draws),
        partner=lever(state, "partner_unlock", inputs, draws),
        abroad=lever(state, "cross_border_unlock", inputs, draws),
        sites=np.array(sites)[..., None],
        kept=lever(state, "cross_border", inputs, draws),
        tariff=_tariff(scenario, state, inputs, draws),
    )


def _tariff(scenario: Scenario, state: State, inputs: Inputs, draws: int) -> FloatArray:
    """That of the regime, else the channel's own."""
    if state.levers.tariff is not None:
        return lever(state, "tariff", inputs, draws)
    channel = scenario.channel_of("cross_border")
    if channel is None or scenario.channels is None or scenario.channels[channel].tariff is None:
        return np.zeros(draws)
    return inputs[f"channels.{channel}.tariff"]


def caps(scenario: Scenario, inputs: Inputs) -> Iterator[Condition]:
    """A buy-out must bring equity, not cost some."""
    for state in states(scenario):
        if not allows_buy_out(state):
            continue
        draws = len(inputs["opening.hypothesis"])
        cap, held = (lever(state, name, inputs, draws) for name in ("equity_cap", "partner_equity"))
        yield Condition(
            state.paths["equity_cap"],
            cap >= held,
            f"{state.paths['equity_cap']} is below the equity that partners give without a buy-out",
            "must be at least partner_equity (found {:.0%}; allowed from {:.0%})",
            (cap, held),
        )


def hypothesis_grants(scenario: Scenario, inputs: Inputs, draws: int) -> Grants:
    """What the regime grants under which each draw's hypothesis states its share."""
    assert isinstance(scenario.opening.hypothesis, Discrete)
    first, *others = scenario.opening.hypothesis.categories
    found = _asked(scenario, first, inputs, draws)
    for index, name in enumerate(others, start=1):
        drawn, asked = inputs["opening.hypothesis"] == index, _asked(scenario, name, inputs, draws)
        found = Grants(*(np.where(drawn, its, theirs) for its, theirs in zip(asked, found, strict=True)))
    return found


def _asked(scenario: Scenario, hypothesis: str, inputs: Inputs, draws: int) -> Grants:
    """What the regime of a hypothesis grants; full control where it names none."""
    regime = scenario.opening.hypotheses[hypothesis].regime
    if regime is not None:
        return grants_of(scenario, state_of(scenario, regime), inputs, draws)
    return full_control(scenario, draws)


def full_control(scenario: Scenario, draws: int) -> Grants:
    """The whole premium through every channel, own sites everywhere and no tariff."""
    one, everywhere = np.ones(draws), np.ones((len(scenario.foreign), len(scenario.market.layers), 1), dtype=np.bool_)
    return Grants(one, one, one, everywhere, one, np.zeros(draws))


def identification(scenario: Scenario, inputs: Inputs) -> Iterator[Condition]:
    """A hypothesis must move all foreign providers the same way from the base year, so that one premium meets it."""
    if not has_mix(scenario):
        return
    draws, place = len(inputs["opening.hypothesis"]), tuple(scenario.market.layers).index(scenario.opening.layer)
    start, sold = grants_of(scenario, states(scenario)[0], inputs, draws), base_split(scenario, inputs, draws)
    least, most = _levels_in_use(start, sold[:, :, place] > 0.0)
    worth = provider_factors(scenario, inputs, draws) * inputs[f"opening.layer_factor.{scenario.opening.layer}"] > 0.0
    assert isinstance(scenario.opening.hypothesis, Discrete)
    for name in scenario.opening.hypothesis.categories:
        asked = _asked(scenario, name, inputs, draws)
        lower, upper = _levels_in_use(asked, _open_channels(scenario, asked, place))
        more, less = ((lower >= most) | ~worth).all(axis=0), ((upper <= least) | ~worth).all(axis=0)
        moves = (worth & ((lower > most) | (upper < least))).any(axis=0)
        yield _identified(name, np.asarray((more | less) & moves), (lower, upper, least, most))


def _identified(name: str, holds: BoolArray, levels: tuple[FloatArray, ...]) -> Condition:
    path = f"opening.hypotheses.{name}.regime"
    least, most = (levels[0].min(axis=0), levels[2].min(axis=0)), (levels[1].max(axis=0), levels[3].max(axis=0))
    return Condition(
        path,
        holds,
        f"{path} neither gives every foreign provider at least the control that it has in the base year nor every one "
        "at most that, or leaves all as they are, so that no premium follows from it",
        "must be a regime under which all foreign providers have more control than in the base year, or all less; left "
        "out it is full control (found control of {:.0%} to {:.0%} of the premium, in the base year {:.0%} to {:.0%})",
        (least[0], most[0], least[1], most[1]),
    )


def _open_channels(scenario: Scenario, grants: Grants, place: int) -> BoolArray:
    """Channels that providers would use under a regime in a layer, (3, F, N): own sites, else what there is beside."""
    sites = np.broadcast_to(grants.sites[:, place], (len(scenario.foreign), len(grants.kept)))
    beside = ~sites
    has_partner, has_abroad = (scenario.channel_of(kind) is not None for kind in CHANNEL_KINDS[:2])
    return np.stack([beside & has_partner, beside & has_abroad & (grants.kept > 0.0), sites])


def _levels_in_use(grants: Grants, used: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The least and the largest level of the channels that each foreign provider uses, (F, N) each."""
    levels = np.stack(
        [np.broadcast_to(level, used.shape[1:]) for level in (grants.partner, grants.abroad, grants.owned)]
    )
    return np.where(used, levels, 1.0).min(axis=0), np.where(used, levels, 0.0).max(axis=0)
