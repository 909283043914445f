"""What a provider knows of the economics when it decides to build, and what a regime is worth in the long run."""

from __future__ import annotations

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.kernels.equilibrium import StaticShares, opening_premium, static_equilibrium
from sim.kernels.finance import entry_margin
from sim.model.economy import Economy, reach_fraction
from sim.policy import State, allows_owned, lever, reachable, states
from sim.regimes import HazardStep
from sim.scenario import Scenario

_TINY = np.finfo(np.float64).tiny
_STEPS = 12  # best responses; they bring a gain to within some 1e-7, of which no choice depends that is worth making
_ROUNDING = 1e-9  # utility; the premium is solved to some 1e-12

__all__ = ["entry_verdicts", "loss_hazard", "static_under", "tariff_equivalent"]


def entry_verdicts(scenario: Scenario, economy: Economy) -> BoolArray:
    """Whether each foreign provider would build in each state of the calendar.

    Parameters
    ----------
    scenario : Scenario
    economy : Economy

    Returns
    -------
    (S, F, N) bool
        False in states that permit it no owned sites or cannot be reached.
    """
    found = states(scenario)
    rules = np.array([scenario.entry_of(name).rule for name in scenario.foreign])
    verdicts = np.zeros((len(found), economy.foreign, economy.draws), dtype=np.bool_)
    for index in reachable(scenario):
        permitted = np.array([allows_owned(found[index], name) for name in scenario.foreign])
        asks = permitted & (rules == "profit")
        verdicts[index, permitted & (rules == "always")] = True
        if asks.any():
            verdicts[index, asks] = _would_build(scenario, economy, found[index])[asks]
    return verdicts


def _would_build(scenario: Scenario, economy: Economy, state: State) -> BoolArray:
    """Profit rule for every foreign provider, (F, N).

    The gain m compares one provider's static share in the reachable open part with and without its own
    offer, rivals staying with their partners. The zone's cap does not enter: a site that is full is seen
    by a smaller part of the class, and the rest stays with the provider's partner, so that both sides of
    the comparison shrink alike.
    """
    reach = reach_fraction(scenario, economy, state)
    spending = economy.layer_size[economy.layer_of] * economy.weights * economy.open_part * reach
    unlock = lever(state, "partner_unlock", economy.inputs, economy.draws) * economy.premium_by_segment
    equity = lever(state, "partner_equity", economy.inputs, economy.draws)
    full = lever(state, "owned_unlock", economy.inputs, economy.draws) * economy.premium_by_segment
    partner = np.broadcast_to(unlock, (economy.foreign, *unlock.shape))
    rows = np.asarray(reach.any(axis=-1))
    market, reach, spending, partner = economy.static_market(rows), reach[rows], spending[rows], partner[:, rows]
    hazard = loss_hazard(scenario, economy, state)
    without = static_equilibrium(market, reach, partner, partner, steps=_STEPS).reached if unlock.any() else market.base
    verdict = np.empty((economy.foreign, economy.draws), dtype=np.bool_)
    hurdles = [economy.inputs[scenario.entry_of(name).hurdle] for name in scenario.foreign]
    for provider in range(economy.foreign):
        owned = partner.copy()
        owned[provider] = full[rows]
        row = economy.domestic + provider
        with_site = static_equilibrium(market, reach, owned, partner, steps=_STEPS).reached[row]
        gain = (spending * with_site).sum(axis=0) / np.maximum((spending * without[row]).sum(axis=0), _TINY)
        margin = entry_margin(gain, equity, hazard, hurdles[provider], economy.rates())
        verdict[provider] = margin >= 0.0
    return verdict


def loss_hazard(scenario: Scenario, economy: Economy, state: State) -> FloatArray:
    """Rate per year at which a state's permission for owned sites may be lost; (N,)."""
    found = states(scenario)
    rate = np.zeros(economy.draws)
    for index, (name, step) in enumerate(scenario.policy.steps.items(), start=1):
        if isinstance(step, HazardStep) and step.during == state.regime and not allows_owned(found[index]):
            rate = rate + economy.inputs[f"policy.steps.{name}.hazard"] * _chance(name, step, economy)
    return rate


def _chance(name: str, step: HazardStep, economy: Economy) -> FloatArray | float:
    """Probability that a step happens once it is triggered."""
    if step.probability is None or isinstance(step.probability, float):
        return 1.0 if step.probability is None else step.probability
    return economy.inputs[f"policy.steps.{name}.probability"]


def static_under(scenario: Scenario, economy: Economy, state: State) -> StaticShares:
    """The static equilibrium of the opening's layer under a state's reach and full unlock, without a cap."""
    rows = economy.segment_rows(scenario.opening.layer)
    premium = economy.premium_by_segment[rows]
    boosts = [
        np.broadcast_to(lever(state, name, economy.inputs, economy.draws) * premium, (economy.foreign, *premium.shape))
        for name in ("owned_unlock", "partner_unlock")
    ]
    reach = reach_fraction(scenario, economy, state)[rows]
    return static_equilibrium(economy.static_market(rows), reach, *boosts)


def tariff_equivalent(scenario: Scenario, economy: Economy, state: State) -> FloatArray:
    """The uniform ad valorem tariff that full opening would need to give a state's static foreign share.

    Parameters
    ----------
    scenario : Scenario
    economy : Economy
    state : State

    Returns
    -------
    (N,)
        A fraction; barrier, taste and brand together, so an upper bound on policy.

    References
    ----------
    Head & Ries (2001) AER 91; Head & Mayer (2014).
    """
    if not allows_owned(state) and not lever(state, "partner_unlock", economy.inputs, economy.draws).any():
        return np.expm1(economy.premium / economy.excess)
    rows = economy.segment_rows(scenario.opening.layer)
    if _opens_all(scenario, economy, state, rows):
        return np.zeros(economy.draws)
    open_spending = economy.weights[rows] * economy.open_part[rows]
    static = static_under(scenario, economy, state)
    share = (economy.weights[rows] * static.segment[economy.domestic :].sum(axis=0)).sum(axis=0)
    reached = opening_premium(economy.static_market(rows), open_spending, share / open_spending.sum(axis=0))
    left = economy.premium - reached
    left[np.abs(left) < _ROUNDING] = 0.0
    return np.expm1(left / economy.excess)


def _opens_all(scenario: Scenario, economy: Economy, state: State, rows: slice) -> bool:
    """Whether a state unlocks the whole premium in the whole open part, so that there is nothing left of it."""
    unlock = lever(state, "owned_unlock", economy.inputs, economy.draws)
    return bool((unlock == 1.0).all() and (reach_fraction(scenario, economy, state)[rows] == 1.0).all())
