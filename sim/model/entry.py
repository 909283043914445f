"""What a provider knows of the economics when it decides to build, and what a regime is worth in the long run."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import fields, replace
from functools import cached_property

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.dates.dated import NOTHING_DATED, Dated
from sim.kernels.channels import (
    Rates,
    buy_out_charge,
    channel_values,
    entry_margin,
    saved_technology,
    split_abroad,
)
from sim.kernels.equilibrium import StaticMarket, StaticShares, opening_premium, regime_premium, static_equilibrium
from sim.kernels.pricing import margin_gain
from sim.model.economy import Economy, reach_fraction
from sim.model.inversion import start_unlock
from sim.model.mix import LEAST_LIFT, Lifts, Mix
from sim.scenario.grants import Grants, full_control, grants_of
from sim.scenario.policy import (
    BUILD,
    BUY_OUT,
    ModeArray,
    State,
    allows_owned,
    bought_unlock,
    lever,
    may_come,
    modes_allowed,
    partner_equity,
    reachable,
    states,
)
from sim.scenario.scenario import Scenario
from sim.scenario.steps import HazardStep

_TINY = np.finfo(np.float64).tiny
_STEPS = 12  # best responses; they bring a gain to within some 1e-7, of which no choice depends that is worth making
_ROUNDING = 1e-9  # utility; the premium is solved to some 1e-12
_MOST_VERDICTS = 1024  # that are remembered: a byte a draw each

__all__ = ["Verdicts", "entry_verdicts", "loss_hazard", "static_under", "tariff_equivalent"]


class Verdicts:
    """What providers have decided so far, by all the numbers that they decided on."""

    def __init__(self) -> None:
        self._known: list[tuple[FloatArray, bytes, ModeArray]] = []

    def branch(self) -> Verdicts:
        """The same, to which others can be added without these growing."""
        new = Verdicts()
        new._known = [*self._known]
        return new

    def known(self, economy: Economy, numbers: bytes) -> ModeArray | None:
        """A verdict on the same base year and the same numbers, (N,)."""
        same = (verdict for base, others, verdict in self._known if base is economy.base and others == numbers)
        return next(same, None)

    def keep(self, economy: Economy, numbers: bytes, verdict: ModeArray) -> None:
        """Remember a verdict, if there is room."""
        if len(self._known) < _MOST_VERDICTS:
            self._known.append((economy.base, numbers, verdict))


def entry_verdicts(
    scenario: Scenario, economy: Economy, known: Verdicts | None = None, dated: Dated = NOTHING_DATED
) -> ModeArray:
    """How each foreign provider would enter in each state of the calendar.

    Equation (29) of docs/model.md.

    Parameters
    ----------
    scenario : Scenario
    economy : Economy
    known : Verdicts, optional
        Those of other scenarios on the same draws, to which these are added.
    dated : Dated, optional
        What steps of the calendar change: a provider decides on the numbers of the day, among who is there.

    Returns
    -------
    (S, F, N) int
        `BUILD`, `BUY_OUT`, or 0 where it would do neither, in states that permit neither, or that cannot be reached,
        and for who is bound beyond the horizon.
        Where numbers change, S are the states of `decision_phases`.
    """
    possible, before = reachable(scenario), known or Verdicts()
    if dated.phases is None:
        return _verdicts_in(scenario, economy, possible, before)
    state, every = dated.phases.state % len(states(scenario)), []
    for instants, met in zip(dated.phases.start, state, strict=True):
        here = possible & set(np.unique(met).tolist())
        today = economy.at(dated.at(instants)) if dated else economy
        every.append(_verdicts_in(scenario, today, here, before, dated.gone(instants)))
    return np.concatenate(every)


def _verdicts_in(
    scenario: Scenario, economy: Economy, possible: Collection[int], before: Verdicts, gone: BoolArray | None = None
) -> ModeArray:
    """The same in some of the states, 0 in the others; who has left is no rival, (P, N)."""
    found = states(scenario)
    verdicts = np.zeros((len(found), economy.foreign, economy.draws), dtype=np.int8)
    coming = [(row, name) for row, name in enumerate(scenario.foreign) if may_come(scenario, name)]
    for index in possible:
        view = None
        for provider, name in coming:
            modes = tuple(modes_allowed(scenario, found[index], name))
            rule = scenario.entry_of(name).rule
            if modes and rule == "always":
                buys = modes[0] == BUY_OUT
                verdicts[index, provider] = modes[0] * (_has_more(scenario, economy, found[index], name) if buys else 1)
            elif modes and rule == "profit":
                view = view or _View(scenario, economy, found[index], gone)
                verdicts[index, provider] = _verdict(view, provider, modes, before)
    return verdicts


def _has_more(scenario: Scenario, economy: Economy, state: State, name: str) -> BoolArray:
    """Whether a buy-out may bring a foreign provider equity, (N,): who has a stake of its own may have that already."""
    if scenario.providers[name].partner_equity is None:
        return np.ones(economy.draws, dtype=np.bool_)
    held = partner_equity(scenario, state, economy.inputs, economy.draws)[scenario.foreign.index(name)]
    return np.asarray(lever(state, "equity_cap", economy.inputs, economy.draws) > held)


def _verdict(view: _View, provider: int, modes: tuple[int, ...], known: Verdicts) -> ModeArray:
    """How a foreign provider would enter, (N,); what was decided on the same numbers before is the same."""
    numbers = view.numbers(provider, modes)
    verdict = known.known(view.economy, numbers)
    if verdict is None:
        verdict = view.decision(provider, modes)
        known.keep(view.economy, numbers, verdict)
    return verdict


class _View:
    """What providers see when they decide in a state: the static equilibrium with and without a site.

    The gain m compares one provider's static share in the reachable open part with and without its own
    offer, rivals staying with their partners. The zone's cap does not enter: a site that is full is seen
    by a smaller part of the class, and the rest stays with the provider's partner, so that both sides of
    the comparison shrink alike.
    """

    def __init__(self, scenario: Scenario, economy: Economy, state: State, gone: BoolArray | None = None) -> None:
        self.economy, self._gone = economy, gone
        self._scenario, self._state = scenario, state
        self._everywhere = reach_fraction(scenario, economy, state)
        self._unlocks = [_added_unlock(scenario, economy, state, name) for name in ("partner_unlock", "owned_unlock")]
        self._equity = partner_equity(scenario, state, economy.inputs, economy.draws)
        self._rates = economy.rates()

    def numbers(self, provider: int, modes: tuple[int, ...]) -> bytes:
        """A digest of all that decides how a foreign provider would enter, beside the base year."""
        digest, name = self._digest.copy(), self._scenario.foreign[provider]
        bought = (self._cap, self._bought, self._price(provider)) if BUY_OUT in modes else ()
        for array in (*self._terms(name), *bought):
            digest.update(np.ascontiguousarray(array).data)
        firms, launch = self._scenario.providers[name].firms, self._scenario.comes_by_launch(name)
        digest.update(repr((provider, name in self._scenario.entrants, firms, launch, modes)).encode())
        return digest.digest()

    @cached_property
    def _digest(self) -> hashlib.blake2b:
        """Of what all providers see alike."""
        digest = hashlib.blake2b(digest_size=16)
        known = [getattr(self._rates, field.name) for field in fields(Rates) if field.name != "buy_out_price"]
        rates = [rate for rate in known if rate is not None]
        channels = (*self._lifts, self._before) if self.economy.mix is not None else ()
        left = () if self._gone is None else (self._gone,)
        for array in (self._everywhere, *self._unlocks, self._equity, *rates, *channels, *left):
            digest.update(np.ascontiguousarray(array).data)
        return digest

    def _terms(self, name: str) -> tuple[FloatArray, FloatArray]:
        """The hurdle of a provider, and the hazard that it sees; (N,) each."""
        hurdle = self.economy.inputs[self._scenario.entry_of(name).hurdle]
        return hurdle, loss_hazard(self._scenario, self.economy, self._state, name)

    @cached_property
    def _rows(self) -> BoolArray:
        """Segments in reach in some draw, (G,)."""
        return np.asarray(self._everywhere.any(axis=-1))

    @cached_property
    def _reach(self) -> FloatArray:
        return self._everywhere[self._rows]

    @cached_property
    def _market(self) -> StaticMarket:
        return self._of_who_is_there(self._rows)

    def _of_who_is_there(self, rows: slice | BoolArray = slice(None)) -> StaticMarket:
        """The base year, of all segments or of some, without who has left."""
        market = self.economy.static_market(rows)
        return market if self._gone is None else replace(market, base=np.where(self._gone[:, None], 0.0, market.base))

    @cached_property
    def _spending(self) -> FloatArray:
        """In reach, by segment; bn/yr."""
        economy = self.economy
        size = economy.layer_size[economy.layer_of] * economy.weights * economy.open_part * self._everywhere
        return np.asarray(size[self._rows])

    @cached_property
    def _partners(self) -> FloatArray:
        """Utility that is added to what customers see without own sites, by segment in reach, (F, G, N)."""
        economy = self.economy
        if economy.mix is None:
            return np.tile(self._unlocks[0] * economy.premium_by_segment[self._rows], (economy.foreign, 1, 1))
        return np.maximum(self._lifts.rest, LEAST_LIFT)[:, economy.layer_of[self._rows]]

    @cached_property
    def _sites(self) -> FloatArray:
        """The same of own sites' offers; never less than that."""
        economy = self.economy
        if economy.mix is None:
            return np.maximum(self._unlocks[1] * economy.premium_by_segment[self._rows], self._partners)
        return np.maximum(self._lifts.owned[:, economy.layer_of[self._rows]], self._partners)

    @cached_property
    def _grants(self) -> Grants:
        """What the state grants to each channel."""
        return grants_of(self._scenario, self._state, self.economy.inputs, self.economy.draws)

    @cached_property
    def _lifts(self) -> Lifts:
        """What the channels of the state add."""
        mix = self.economy.mix
        assert mix is not None
        return mix.lifts(self._grants)

    @cached_property
    def _before(self) -> FloatArray:
        """Utility that is added to everybody's offers before anybody builds, (F, G, N)."""
        economy, mix = self.economy, self.economy.mix
        if mix is None:
            return self._partners
        every = mix.long_run(self._grants)[:, economy.layer_of[self._rows]]
        return np.where(mix.sited[:, None, None], every, self._partners)

    @cached_property
    def _base_markup(self) -> FloatArray:
        return self.economy.log_markup[:, self._rows]

    @cached_property
    def _without(self) -> StaticShares:
        """With every foreign provider at its partner."""
        return self._static(self._market, self._before, moves=bool(self._before.any()))

    def _static(self, market: StaticMarket, owned: FloatArray, *, moves: bool = True) -> StaticShares:
        return static_equilibrium(market, self._reach, owned, self._partners, steps=_STEPS if moves else 0)

    def decision(self, provider: int, modes: tuple[int, ...]) -> ModeArray:
        """How a foreign provider would enter, (N,): by what is worth most, if it is worth more than to stay.

        Where it may build and buy, a year's gain of the one counts in reach and that of the other everywhere.
        """
        if modes == (BUILD,):
            return np.where(self._building(provider)[0] >= 0.0, BUILD, 0).astype(np.int8)
        buys, sold = self._buying(provider)
        choice = np.where(buys >= 0.0, BUY_OUT, 0)
        if BUILD in modes:
            builds, reached = self._building(provider)
            better = (builds >= 0.0) & ((buys < 0.0) | (builds * reached >= buys * sold))
            choice = np.where(better, BUILD, choice)
        return choice.astype(np.int8)

    def _buying(self, provider: int) -> tuple[FloatArray, FloatArray]:
        """What a buy-out brings a year per unit of what the provider sells with its partner, and that; (N,) each.

        Equation (37) of docs/model.md.

        Of a fringe all firms are taken to be bought: they sell apart, and none is large.
        """
        economy, row, rates = self.economy, self.economy.domestic + provider, self._rates.of(provider)
        held = self._held(provider)
        spending = economy.layer_size[economy.layer_of] * economy.weights * economy.open_part
        sold, earned = [], []
        for shares in (self._unbought, self._everywhere_with(provider)):
            sales = spending * shares.reached[row]
            gain = margin_gain(shares.log_markup[row], economy.log_markup[row])
            sold.append(sales.sum(axis=0))
            earned.append((sales * gain).sum(axis=0) / np.maximum(sold[-1], _TINY))
        nothing = np.zeros(economy.draws)
        stays, owns = (
            channel_values(equity, nothing, 1.0, (gain, gain), rates)[1]
            for equity, gain in zip((held, self._cap), earned, strict=True)
        )
        hurdle, _ = self._terms(self._scenario.foreign[provider])
        charge = buy_out_charge(self._cap - held, hurdle, self._price(provider), nothing, rates)
        more = _has_more(self._scenario, economy, self._state, self._scenario.foreign[provider])
        return np.where(more, sold[1] / np.maximum(sold[0], _TINY) * (owns - charge) - stays, -np.inf), sold[0]

    @cached_property
    def _unbought(self) -> StaticShares:
        return self._everywhere_with(None)

    def _everywhere_with(self, bought: int | None) -> StaticShares:
        """The static equilibrium without own sites, with one provider's partner bought or none's."""
        economy, lifts = self.economy, self._with_partners(bought)
        return static_equilibrium(self._of_who_is_there(), np.ones_like(economy.open_part), lifts, lifts, steps=_STEPS)

    def _with_partners(self, bought: int | None) -> FloatArray:
        """Utility that is added where no own site is seen, (F, G, N), with one provider's partner bought or none's."""
        economy = self.economy
        if economy.mix is None:
            levels = np.tile(self._unlocks[0], (economy.foreign, 1))
            if bought is not None:
                own = self._bought - start_unlock(self._scenario, economy.inputs, economy.draws)
                levels[bought] = np.maximum(levels[bought], own)
            return levels[:, None] * economy.premium_by_segment
        partner = np.tile(self._grants.partner, (economy.foreign, 1))
        if bought is not None:
            partner[bought] = np.maximum(partner[bought], self._bought)
        lifts = economy.mix.lifts(self._grants._replace(partner=partner))
        return np.maximum(lifts.rest, LEAST_LIFT)[:, economy.layer_of]

    def _held(self, provider: int) -> FloatArray:
        """Equity that a foreign provider has in its partner's operator, (N,)."""
        return self._equity if self._equity.ndim == 1 else np.asarray(self._equity[provider])

    @property
    def _cap(self) -> FloatArray:
        """Equity that a buy-out brings, (N,)."""
        return lever(self._state, "equity_cap", self.economy.inputs, self.economy.draws)

    @property
    def _bought(self) -> FloatArray:
        """Part of the premium that a bought partner's offers get, (N,)."""
        return bought_unlock(self._state, self.economy.inputs, self.economy.draws)

    def _price(self, provider: int) -> FloatArray:
        """Of capital that a foreign provider buys over its rent value, (N,)."""
        price = self._rates.of(provider).buy_out_price
        assert price is not None
        return price

    def _building(self, provider: int) -> tuple[FloatArray, FloatArray]:
        """What an own site brings a year per unit of what the provider sells in its reach, and that; (N,) each."""
        name, row = self._scenario.foreign[provider], self.economy.domestic + provider
        market, without = self._market, self._without
        if name in self._scenario.entrants:
            market = self._market_with(row, self.economy.entrant_odds(self._scenario, name)[self._rows])
            without = self._static(market, self._before)
        # Of a fringe one firm decides, and the others stay.
        firms, mine = self._scenario.providers[name].firms, self._sites[provider]
        owned = self._before.copy()
        owned[provider] = (
            np.logaddexp(self._partners[provider] + np.log(1.0 - 1.0 / firms), mine - np.log(firms))
            if (firms > 1)
            else mine
        )
        own_part = np.exp(mine - owned[provider]) / firms
        sides = ((self._static(market, owned), own_part), (without, np.full_like(own_part, 1.0 / firms)))
        sales, earned, abroad = zip(*(self._sales(shares, part, row) for shares, part in sides), strict=True)
        hurdle, hazard = self._terms(name)
        rates = self._rates.of(provider)
        terms = (self._held(provider), hazard, hurdle, earned, rates)
        if self._scenario.comes_by_launch(name):  # it has no partner's offer to give up
            return channel_values(*terms)[0], sales[1]
        gain = sales[0] / np.maximum(sales[1], _TINY)
        if self.economy.mix is None or not self.economy.mix.has_abroad:
            return entry_margin(gain, *terms), sales[1]
        site, partner = channel_values(*terms)
        given_up = partner + abroad[1] * (self._value_abroad(earned[1], rates) - partner)
        return gain * site - given_up, sales[1]

    def _value_abroad(self, earned: FloatArray, rates: Rates) -> FloatArray:
        """Yearly worth of a unit that customers pay for what is sold from abroad, (N,)."""
        tariff = self._grants.tariff
        split = split_abroad(np.ones_like(tariff), tariff, earned, rates)
        return split.profit + (1.0 - split.tariff) * saved_technology(rates)

    def _market_with(self, row: int, odds: FloatArray) -> StaticMarket:
        """The market with an entrant that has a part of new choices, `odds` (G, N) of it to the others'."""
        base = self._market.base.copy()
        base[row] = odds
        return replace(self._market, base=base)

    def _sales(self, shares: StaticShares, part: FloatArray, row: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """One firm's sales in reach, what its markups add to a unit of them, and the part from abroad; (N,) each.

        The part is that of sales without an own site.
        """
        sales = self._spending * (shares.reached[row] * part)
        total = sales.sum(axis=0)
        gain = margin_gain(shares.log_markup[row], self._base_markup[row])
        earned = (sales * gain).sum(axis=0) / np.maximum(total, _TINY)
        if self.economy.mix is None:
            return total, earned, np.zeros_like(total)
        served = self._lifts.abroad_part[row - self.economy.domestic, self.economy.layer_of[self._rows]]
        return total, earned, (sales * served).sum(axis=0) / np.maximum(total, _TINY)


def _added_unlock(scenario: Scenario, economy: Economy, state: State, name: str) -> FloatArray:
    """Part of the premium that a lever adds to base-year offers, which have what the start unlocks; (N,)."""
    unlock = lever(state, name, economy.inputs, economy.draws)
    return unlock - start_unlock(scenario, economy.inputs, economy.draws)


def loss_hazard(scenario: Scenario, economy: Economy, state: State, provider: str | None = None) -> FloatArray:
    """Rate per year at which a state's permission for owned sites may be lost, to one provider or to all; (N,)."""
    found = states(scenario)
    rate = np.zeros(economy.draws)
    for index, (name, step) in enumerate(scenario.policy.steps.items(), start=1):
        if isinstance(step, HazardStep) and step.during == state.regime and not allows_owned(found[index], provider):
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
    reach = reach_fraction(scenario, economy, state)[rows]
    return static_equilibrium(economy.static_market(rows), reach, *_static_lifts(scenario, economy, state, rows))


def _static_lifts(scenario: Scenario, economy: Economy, state: State, rows: slice) -> tuple[FloatArray, FloatArray]:
    """Utility that a state adds to foreign offers within and beyond the reach of own sites, (F, G, N) each."""
    if economy.mix is None:
        premium = economy.premium_by_segment[rows]
        owned, partner = (_added_unlock(scenario, economy, state, name) for name in ("owned_unlock", "partner_unlock"))
        levels = np.maximum(owned, partner), partner
        return _for_each(economy, levels[0] * premium), _for_each(economy, levels[1] * premium)
    layer, grants = scenario.opening.layer, grants_of(scenario, state, economy.inputs, economy.draws)
    place = slice(economy.layers.index(layer), economy.layers.index(layer) + 1)
    lifts = economy.mix.long_run(grants)[:, place], economy.mix.lifts(grants).rest[:, place]
    shape = (economy.foreign, rows.stop - rows.start, economy.draws)
    return np.broadcast_to(lifts[0], shape), np.broadcast_to(lifts[1], shape)


def _for_each(economy: Economy, utility: FloatArray) -> FloatArray:
    """Utility (G, N) of every foreign provider, (F, G, N)."""
    return np.broadcast_to(utility, (economy.foreign, *utility.shape))


def tariff_equivalent(scenario: Scenario, economy: Economy, state: State) -> FloatArray:
    """The uniform ad valorem tariff that full opening would need to give a state's static foreign share.

    Equation (5) of docs/model.md.

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
    if economy.mix is not None:
        return np.expm1(_lost_control(scenario, economy, economy.mix, state) / economy.excess)
    unlocked = start_unlock(scenario, economy.inputs, economy.draws) * economy.premium
    added = economy.premium - unlocked
    if not allows_owned(state) and not _added_unlock(scenario, economy, state, "partner_unlock").any():
        return np.expm1(added / economy.excess)
    rows = economy.segment_rows(scenario.opening.layer)
    if _opens_all(scenario, economy, state, rows):
        return np.zeros(economy.draws)
    open_spending = economy.weights[rows] * economy.open_part[rows]
    static = static_under(scenario, economy, state)
    share = (economy.weights[rows] * static.segment[economy.domestic :].sum(axis=0)).sum(axis=0)
    market, target = economy.static_market(rows), share / open_spending.sum(axis=0)
    left = added - opening_premium(market, open_spending, target, least=-unlocked)
    left[np.abs(left) < _ROUNDING] = 0.0
    return np.expm1(left / economy.excess)


def _lost_control(scenario: Scenario, economy: Economy, mix: Mix, state: State) -> FloatArray:
    """Utility that all foreign offers would lose from full control, to have a state's static share; (N,)."""
    place, rows = economy.layers.index(scenario.opening.layer), economy.segment_rows(scenario.opening.layer)
    weights, every = economy.weights[rows], static_under(scenario, economy, state)
    open_spending = weights * economy.open_part[rows]
    share = (weights * every.segment[economy.domestic :].sum(axis=0)).sum(axis=0) / open_spending.sum(axis=0)
    full = mix.long_run(full_control(scenario, economy.draws))[:, place : place + 1]
    lost, _ = regime_premium(economy.static_market(rows), open_spending, share, lambda less: full - less)
    lost[lost < _ROUNDING] = 0.0
    return lost


def _opens_all(scenario: Scenario, economy: Economy, state: State, rows: slice) -> bool:
    """Whether a state unlocks the whole premium in the whole open part, so that there is nothing left of it."""
    unlock = lever(state, "owned_unlock", economy.inputs, economy.draws)
    return bool((unlock == 1.0).all() and (reach_fraction(scenario, economy, state)[rows] == 1.0).all())
