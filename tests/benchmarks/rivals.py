"""The market core of the licence regime as others would write it: draw by draw in NumPy, in numba, and in JAX.

All compute the same as `sim.model.engine.run_periods` without own sites, from the same base year, shocks, and what no
regime moves (`Tides`): domestic quality, captive and new spending, choice among home and partner offers, Bertrand
markups by access class of the period before, their means at the end of a year, what they add to profits, and what
customers gain. Providers of no size keep their markups, and what does not change is taken out of the loops, as in ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sim.axes import FloatArray, IntArray
from sim.chance.worlds import Worlds
from sim.model.course import Tides
from sim.model.economy import Economy
from sim.model.marketpath import MarketPath

__all__ = ["Answer", "Case", "analyst", "case_of", "in_jax", "in_numba"]

_TINY = float(np.finfo(np.float64).tiny)
_PER_YEAR = 4


class Case(NamedTuple):
    """What the core starts from; axes as in `sim.axes`, the draw last."""

    domestic: int
    sized: Any
    layer_of: IntArray
    step: float
    base: FloatArray
    utility: FloatArray
    log_markup: FloatArray
    held: FloatArray
    home_closed: FloatArray
    weights: FloatArray
    foreign_share: FloatArray
    open_part: FloatArray
    substitution: FloatArray
    slope: FloatArray
    drift: FloatArray
    catch_up: FloatArray
    spillover: FloatArray
    captive: FloatArray
    contestable: FloatArray
    rivalry: FloatArray
    offset: FloatArray
    home_scale: FloatArray
    abroad_scale: FloatArray


class Answer(NamedTuple):
    """What the core leaves, as in `sim.model.accounts.Record`; markups are means of years."""

    spending: Any
    gain: Any
    quality: Any
    home_earned: Any
    earned: Any
    markup: Any


def case_of(economy: Economy, path: MarketPath, tides: Tides, worlds: Worlds, step: float) -> Case:
    """The case of a base year."""
    inputs = economy.inputs
    size = path.size[0][economy.layer_of] * economy.weights
    return Case(
        economy.domestic,
        ~economy.fringe,
        economy.layer_of,
        step,
        economy.base,
        economy.utility,
        economy.log_markup,
        economy.shares * size,
        economy.base_closed * size,
        economy.weights,
        economy.foreign_share,
        economy.open_part,
        economy.substitution,
        economy.price_slope,
        inputs["closure.drift"],
        inputs["technology.catch_up"],
        inputs["technology.spillover"],
        tides.captive,
        tides.contestable,
        worlds.rivalry,
        tides.offset,
        tides.home_scale,
        tides.abroad_scale,
    )


def analyst(case: Case, draws: int) -> Answer:
    """One draw after the other, each period in arrays of provider by segment: what one would otherwise write."""
    found = [_one_draw(case, n) for n in range(draws)]
    return Answer(*(np.stack(values, axis=-1) for values in zip(*found, strict=True)))


def _one_draw(case: Case, n: int) -> tuple[FloatArray, ...]:
    d, layer_of, eps = case.domestic, case.layer_of, case.substitution[n]
    periods, layers = case.captive.shape[:2]
    held, home_closed, markup = case.held[..., n], case.home_closed[:, n], case.log_markup[..., n]
    before, base, sized, lerner = markup, case.base[..., n], case.sized[:, None], 1 - np.exp(-markup)
    margin = np.zeros_like(base)
    base_open, log_base = case.open_part[:, n], np.log(base[:d].sum(axis=0))
    gain_home, gain_abroad = np.zeros(base.shape[1]), np.zeros((len(base) - d, base.shape[1]))
    quality, spending = np.zeros(layers), _by_layer(held, layer_of, layers)
    out, prices = [], []
    for t in range(periods):
        exposure = spending[d:].sum(axis=0) / (spending.sum(axis=0) * case.foreign_share[:, n])
        quality = quality + (case.catch_up[n] + case.spillover[n] * exposure) * case.step
        kept, free = case.captive[t, layer_of, n], case.contestable[t, layer_of, n] * case.weights[:, n]
        held, home_closed = held * kept, home_closed * kept
        cheaper = (before - markup) * held
        gain_home = gain_home * kept + cheaper[:d].sum(axis=0)
        gain_abroad = gain_abroad * kept + cheaper[d:]
        open_part = np.clip(base_open - case.drift[n] * case.step * (t + 0.5), 0, 1)
        luck = case.rivalry[t, :, n, None] + case.offset[t, ..., 0][:, layer_of]
        attraction = base * np.exp((1 - eps) * (markup - case.log_markup[..., n]) + luck)
        attraction[:d] *= (case.home_scale[t, :, n] * np.exp((eps - 1) * quality))[layer_of]
        attraction[d:] *= case.abroad_scale[t, layer_of, n]
        home, partner = attraction[:d].sum(axis=0), attraction.sum(axis=0)
        closed, base_closed = 1 - open_part, 1 - base_open
        was_closed = np.minimum(closed, base_closed) / np.maximum(closed, _TINY)
        newly_open = np.maximum(base_closed - closed, 0) / np.maximum(open_part, _TINY)
        closed_gain = (np.log(home) - was_closed * log_base) / (eps - 1)
        partner_gain = (np.log(partner) - newly_open * log_base) / (eps - 1)
        in_closed, in_partner = free * closed / home, free * open_part / partner
        gain_home = gain_home + home * (in_closed * closed_gain + in_partner * partner_gain)
        gain_abroad = gain_abroad + attraction[d:] * in_partner * partner_gain
        attraction[:d] *= in_closed + in_partner
        attraction[d:] *= in_partner
        held, home_closed = held + attraction, home_closed + free * closed
        earned = (margin * held).sum(axis=1)
        home = held[:d].sum(axis=0)
        home_open = home - home_closed
        every = home_open + held[d:].sum(axis=0)
        share = held / every
        share[:d] = held[:d] * ((home_closed + home_open**2 / every) / home**2)
        elasticity = eps - case.slope[n] * share
        margin = np.where(sized, 1 / elasticity - lerner, 0.0)
        before, markup = markup, np.where(sized, np.log(elasticity / (elasticity - 1)), markup)
        spending = _by_layer(held, layer_of, layers)
        gain = _by_layer(gain_home + gain_abroad.sum(axis=0), layer_of, layers)
        out.append((spending, gain, quality, earned[:d].sum(), earned[d:]))
        if (t + 1) % _PER_YEAR == 0:
            prices.append(_by_layer(np.exp(before) * held, layer_of, layers) / spending)
    return (*(np.stack(values) for values in zip(*out, strict=True)), np.stack(prices))


def _by_layer(values: FloatArray, layer_of: IntArray, layers: int) -> FloatArray:
    return np.stack([values[..., layer_of == layer].sum(axis=-1) for layer in range(layers)], axis=-1)


def in_numba(case: Case) -> Callable[[Case], Answer]:
    """The core compiled by numba: loops over a draw's providers and segments, which then stay in the first cache.

    Releases the interpreter's lock, so that blocks may run in threads. `case` only gives types to compile for.
    """
    from numba import njit

    compiled = njit(nogil=True, fastmath=True, error_model="numpy")(_loops)

    def run(case: Case) -> Answer:
        (periods, layers, draws), providers = case.captive.shape, len(case.base)
        answer = Answer(
            np.empty((periods, providers, layers, draws)),
            np.empty((periods, layers, draws)),
            np.empty((periods, layers, draws)),
            np.empty((periods, draws)),
            np.empty((periods, providers - case.domestic, draws)),
            np.empty((periods // _PER_YEAR, providers, layers, draws)),
        )
        compiled(*case, *answer)
        return answer

    run(case)
    return run


def _loops(  # noqa: C901  (loops and branches are the point)
    d: int, sized: Any, layer_of: IntArray, step: float, base: Any, utility: Any, log_markup: Any, start: Any,
    start_closed: Any, weights: Any, foreign_share: Any, open_part: Any, substitution: Any, slope: Any, drift: Any,
    catch_up: Any, spillover: Any, captive: Any, contestable: Any, rivalry: Any, offset: Any, base_home_scale: Any,
    abroad_scale: Any, spending: Any, gain: Any, quality: Any, home_earned: Any, earned: Any, mean_markup: Any,
) -> None:  # fmt: skip
    providers, segments, draws = base.shape
    periods, layers = captive.shape[:2]
    held, markup = np.empty((providers, segments)), np.empty((providers, segments))
    before, attraction = np.empty_like(held), np.empty_like(held)
    margin, lerner, home_closed = np.empty_like(held), np.empty_like(held), np.empty(segments)
    own_utility, own_base = np.empty((providers, segments)), np.empty((providers, segments))
    gain_home, gain_abroad = np.empty(segments), np.empty((providers, segments))
    learned, foreign, total = np.empty(layers), np.empty(layers), np.empty(layers)
    home_scale, log_base = np.empty(layers), np.empty(segments)
    for n in range(draws):
        eps, pull = substitution[n], slope[n]
        scale = 1.0 / (eps - 1.0)
        for layer in range(layers):
            learned[layer] = foreign[layer] = total[layer] = 0.0
        for g in range(segments):
            gain_home[g], home_closed[g], open_home = 0.0, start_closed[g, n], 0.0
            for p in range(providers):
                held[p, g], gain_abroad[p, g] = start[p, g, n], 0.0
                markup[p, g] = before[p, g] = log_markup[p, g, n]
                margin[p, g], lerner[p, g] = 0.0, 1.0 - np.exp(-log_markup[p, g, n])
                own_utility[p, g], own_base[p, g] = utility[p, g, n], base[p, g, n]
                total[layer_of[g]] += held[p, g]
                if p < d:
                    open_home += base[p, g, n]
                else:
                    foreign[layer_of[g]] += held[p, g]
            log_base[g] = np.log(open_home)
        for t in range(periods):
            home_earned[t, n] = 0.0
            for p in range(d, providers):
                earned[t, p - d, n] = 0.0
            for layer in range(layers):
                exposure = foreign[layer] / (total[layer] * foreign_share[layer, n])
                learned[layer] += (catch_up[n] + spillover[n] * exposure) * step
                home_scale[layer] = base_home_scale[t, layer, n] * np.exp((eps - 1.0) * learned[layer])
                quality[t, layer, n] = learned[layer]
                gain[t, layer, n] = total[layer] = foreign[layer] = 0.0
                for p in range(providers):
                    spending[t, p, layer, n] = 0.0
            for g in range(segments):
                layer = layer_of[g]
                kept, free = captive[t, layer, n], contestable[t, layer, n] * weights[g, n]
                home, abroad, carried = 0.0, 0.0, 0.0
                for p in range(providers):
                    held[p, g] *= kept
                    if sized[p]:
                        bears = (before[p, g] - markup[p, g]) * held[p, g]
                        luck = rivalry[t, p, n] + offset[t, p, layer, 0]
                        attraction[p, g] = np.exp(own_utility[p, g] - (eps - 1.0) * markup[p, g] + luck)
                    else:
                        bears, attraction[p, g] = 0.0, own_base[p, g]
                    if p < d:
                        home += attraction[p, g]
                        carried += bears
                    else:
                        attraction[p, g] *= abroad_scale[t, layer, n]
                        abroad += attraction[p, g]
                        gain_abroad[p, g] = gain_abroad[p, g] * kept + bears
                home *= home_scale[layer]
                partner = home + abroad
                opened = min(max(open_part[g, n] - drift[n] * step * (t + 0.5), 0.0), 1.0)
                closed, base_closed = 1.0 - opened, 1.0 - open_part[g, n]
                was_closed = min(closed, base_closed) / max(closed, _TINY)
                newly_open = max(base_closed - closed, 0.0) / max(opened, _TINY)
                closed_gain = (np.log(home) - was_closed * log_base[g]) * scale
                partner_gain = (np.log(partner) - newly_open * log_base[g]) * scale
                in_closed, in_partner = free * closed / home, free * opened / partner
                home_closed[g] = home_closed[g] * kept + free * closed
                gain_home[g] = gain_home[g] * kept + carried
                gain_home[g] += home * (in_closed * closed_gain + in_partner * partner_gain)
                home_rate, worth = (in_closed + in_partner) * home_scale[layer], gain_home[g]
                home, abroad = 0.0, 0.0
                for p in range(providers):
                    if p < d:
                        held[p, g] += attraction[p, g] * home_rate
                        home += held[p, g]
                        home_earned[t, n] += margin[p, g] * held[p, g]
                    else:
                        held[p, g] += attraction[p, g] * in_partner
                        gain_abroad[p, g] += attraction[p, g] * in_partner * partner_gain
                        worth += gain_abroad[p, g]
                        abroad += held[p, g]
                        earned[t, p - d, n] += margin[p, g] * held[p, g]
                    spending[t, p, layer, n] += held[p, g]
                foreign[layer] += abroad
                total[layer] += home + abroad
                gain[t, layer, n] += worth
                home_open = home - home_closed[g]
                every = home_open + abroad
                home_pull = pull * (home_closed[g] + home_open * home_open / every) / (home * home)
                for p in range(providers):
                    before[p, g] = markup[p, g]
                    if sized[p]:
                        perceived = 1.0 / (eps - (home_pull if p < d else pull / every) * held[p, g])
                        margin[p, g] = perceived - lerner[p, g]
                        markup[p, g] = -np.log(1.0 - perceived)
            if (t + 1) % _PER_YEAR == 0:
                year = t // _PER_YEAR
                for p in range(providers):
                    for layer in range(layers):
                        mean_markup[year, p, layer, n] = 0.0
                    for g in range(segments):
                        mean_markup[year, p, layer_of[g], n] += np.exp(before[p, g]) * held[p, g]
                    for layer in range(layers):
                        mean_markup[year, p, layer, n] /= spending[t, p, layer, n]


def in_jax(case: Case) -> Callable[[Case], Answer]:
    """The core compiled by JAX: one scan over periods on a block of draws, in which XLA fuses the formulas."""
    import jax

    jax.config.update("jax_enable_x64", True)
    own = np.flatnonzero(case.sized)
    statics = (case.domestic, tuple(own.tolist()), tuple(case.layer_of.tolist()), case.step)
    compiled = jax.jit(_scan(statics))

    def run(case: Case) -> Answer:
        found = compiled(*case[4:])
        return Answer(*(part.block_until_ready() for part in found))

    run(case)
    return run


def _scan(statics: tuple[int, tuple[int, ...], tuple[int, ...], float]) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    d, own, layer_of, step = statics
    rows, of = np.array(own), np.array(layer_of)
    abroad_rows = (rows >= d)[:, None, None]
    bounds = [(int(np.argmax(of == layer)), int((of == layer).sum())) for layer in range(of.max() + 1)]

    def by_layer(values: Any) -> Any:
        return jnp.stack([values[..., first : first + count, :].sum(axis=-2) for first, count in bounds], axis=-2)

    def core(
        base: Any, utility: Any, log_markup: Any, held: Any, home_closed: Any, weights: Any, foreign_share: Any,
        base_open: Any, eps: Any, slope: Any, drift: Any, catch_up: Any, spillover: Any, captive: Any,
        contestable: Any, rivalry: Any, offset: Any, base_home_scale: Any, base_abroad_scale: Any,
    ) -> Any:  # fmt: skip
        base_prices, lerner = jnp.exp(log_markup), 1 - jnp.exp(-log_markup[rows])
        log_base, own_utility = jnp.log(base[:d].sum(axis=0)), utility[rows]

        def period(state: Any, now: Any) -> Any:
            held, home_closed, markup, before, margin, gain_home, gain_abroad, learned, spending = state
            t, captive_t, contestable_t, rivalry_t, offset_t, home_scale, abroad_scale = now
            exposure = spending[d:].sum(axis=0) / (spending.sum(axis=0) * foreign_share)
            learned = learned + (catch_up + spillover * exposure) * step
            kept, free = captive_t[of], contestable_t[of] * weights
            held, home_closed = held * kept, home_closed * kept
            cheaper = jnp.zeros_like(held).at[rows].set((before - markup) * held[rows])
            gain_home = gain_home * kept + cheaper[:d].sum(axis=0)
            gain_abroad = gain_abroad * kept + cheaper[d:]
            open_part = jnp.clip(base_open - drift * step * (t + 0.5), 0.0, 1.0)
            home_scale = (home_scale * jnp.exp((eps - 1) * learned))[of]
            luck = rivalry_t[rows, None] + offset_t[rows][:, of]
            attraction = base.at[rows].set(jnp.exp(own_utility - (eps - 1) * markup + luck))
            abroad = attraction[d:] * abroad_scale[of]
            home = attraction[:d].sum(axis=0) * home_scale
            partner = home + abroad.sum(axis=0)
            closed, base_closed = 1 - open_part, 1 - base_open
            was_closed = jnp.minimum(closed, base_closed) / jnp.maximum(closed, _TINY)
            newly_open = jnp.maximum(base_closed - closed, 0) / jnp.maximum(open_part, _TINY)
            closed_gain = (jnp.log(home) - was_closed * log_base) / (eps - 1)
            partner_gain = (jnp.log(partner) - newly_open * log_base) / (eps - 1)
            in_closed, in_partner = free * closed / home, free * open_part / partner
            gain_home = gain_home + home * (in_closed * closed_gain + in_partner * partner_gain)
            gain_abroad = gain_abroad + abroad * (in_partner * partner_gain)
            joining = jnp.concatenate([attraction[:d] * ((in_closed + in_partner) * home_scale), abroad * in_partner])
            held, home_closed = held + joining, home_closed + free * closed
            earned = jnp.zeros_like(held).at[rows].set(margin * held[rows]).sum(axis=1)
            home = held[:d].sum(axis=0)
            home_open = home - home_closed
            every = home_open + held[d:].sum(axis=0)
            home_pull = slope * (home_closed + home_open * home_open / every) / (home * home)
            pulled = jnp.where(abroad_rows, (slope / every)[None], home_pull[None])
            perceived = 1.0 / (eps - held[rows] * pulled)
            spending = by_layer(held)
            gain = by_layer(gain_home + gain_abroad.sum(axis=0))
            prices = -jnp.log(1.0 - perceived), markup, perceived - lerner
            state = (held, home_closed, *prices, gain_home, gain_abroad, learned, spending)
            return state, (spending, gain, learned, earned[:d].sum(axis=0), earned[d:])

        def year(state: Any, now: Any) -> Any:
            state, found = jax.lax.scan(period, state, now)
            prices = base_prices.at[rows].set(jnp.exp(state[3]))
            return state, (found, by_layer(prices * state[0]) / state[-1])

        markup = log_markup[rows]
        nothing, quality = jnp.zeros_like(held), jnp.zeros_like(foreign_share)
        prices = markup, markup, jnp.zeros_like(markup)
        state = (held, home_closed, *prices, nothing[0], nothing[d:], quality, by_layer(held))
        given = (captive, contestable, rivalry, offset, base_home_scale, base_abroad_scale)
        steps = (jnp.arange(captive.shape[0]), *given)
        by_year = [part.reshape(-1, _PER_YEAR, *part.shape[1:]) for part in steps]
        _, (found, mean_markup) = jax.lax.scan(year, state, by_year)
        return (*(part.reshape(-1, *part.shape[2:]) for part in found), mean_markup)

    return core
