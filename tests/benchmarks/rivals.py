"""The market core of the licence regime as others would write it: draw by draw in NumPy, in numba, and in JAX.

All compute the same as `sim.model.engine.run_periods` without own sites, from the same base year, market path and
shocks: domestic quality, captive and contestable spending, choice among home and partner offers under rivalry that
leaves each group's total alone, Bertrand markups of the period before, their means at the end of a year, and what
customers gain. Providers of no size keep their markups, and what does not change is taken out of the loops, as in ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sim.axes import FloatArray, IntArray
from sim.chance.sampling import Worlds
from sim.model.economy import Economy
from sim.model.marketpath import MarketPath

__all__ = ["Answer", "Case", "analyst", "case_of", "in_jax", "in_numba"]

_TINY = float(np.finfo(np.float64).tiny)
_DUST = 1e-12
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
    weights: FloatArray
    layer_shares: FloatArray
    open_part: FloatArray
    substitution: FloatArray
    slope: FloatArray
    captive_growth: FloatArray
    churn: FloatArray
    drift: FloatArray
    catch_up: FloatArray
    spillover: FloatArray
    size: FloatArray
    growth: FloatArray
    rivalry: FloatArray
    origin: FloatArray


class Answer(NamedTuple):
    """What the core leaves: spending (T, P, L, N), gain and quality (T, L, N), mean markups of years (Y, P, L, N)."""

    spending: Any
    gain: Any
    quality: Any
    markup: Any


def case_of(economy: Economy, path: MarketPath, worlds: Worlds, step: float) -> Case:
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
        economy.weights,
        economy.layer_shares,
        economy.open_part,
        economy.substitution,
        economy.price_slope,
        inputs["demand.captive_growth"],
        inputs["demand.churn"],
        inputs["closure.drift"],
        inputs["technology.catch_up"],
        inputs["technology.spillover"],
        path.size,
        path.growth,
        worlds.rivalry,
        worlds.origin_shock,
    )


def analyst(case: Case, draws: int) -> Answer:
    """One draw after the other, each period in arrays of provider by segment: what one would otherwise write."""
    found = [_one_draw(case, n) for n in range(draws)]
    return Answer(*(np.stack(values, axis=-1) for values in zip(*found, strict=True)))


def _one_draw(case: Case, n: int) -> tuple[FloatArray, ...]:
    d, layer_of, eps = case.domestic, case.layer_of, case.substitution[n]
    periods, layers = case.growth.shape[:2]
    held, markup = case.held[..., n].copy(), case.log_markup[..., n].copy()
    before, base, shares = markup.copy(), case.base[..., n], case.layer_shares[..., n]
    base_open, log_base = case.open_part[:, n], np.log(base[:d].sum(axis=0))
    gain_home, gain_abroad = np.zeros(base.shape[1]), np.zeros((len(base) - d, base.shape[1]))
    quality, spending = np.zeros(layers), _by_layer(held, layer_of, layers)
    out, prices = [], []
    for t in range(periods):
        exposure = spending[d:].sum(axis=0) / (spending.sum(axis=0) * shares[d:].sum(axis=0))
        quality = quality + (case.catch_up[n] + case.spillover[n] * exposure) * case.step
        growth = case.growth[t, :, n]
        captive = np.exp(
            (case.captive_growth[n] * np.maximum(growth, 0) + np.minimum(growth, 0) - case.churn[n]) * case.step
        )
        free = case.size[t + 1, :, n] - case.size[t, :, n] * captive
        free = np.where(free > _DUST * case.size[t + 1, :, n], free, 0.0)[layer_of] * case.weights[:, n]
        kept = captive[layer_of]
        held = held * kept
        cheaper = (before - markup) * held
        gain_home = gain_home * kept + cheaper[:d].sum(axis=0)
        gain_abroad = gain_abroad * kept + cheaper[d:]
        open_part = np.clip(base_open - case.drift[n] * case.step * (t + 1), 0, 1)
        shocks = np.exp(case.rivalry[t, :, n])
        shaken = shares * shocks[:, None]
        home_scale = shares[:d].sum(axis=0) / shaken[:d].sum(axis=0) * np.exp((eps - 1) * quality)
        abroad_scale = shares[d:].sum(axis=0) / shaken[d:].sum(axis=0) * np.exp(case.origin[t, n])
        attraction = base * shocks[:, None] * np.exp((1 - eps) * (markup - case.log_markup[..., n]))
        attraction[:d] *= home_scale[layer_of]
        attraction[d:] *= abroad_scale[layer_of]
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
        held = held + attraction
        elasticity = eps - case.slope[n] * held / held.sum(axis=0)
        before, markup = markup, np.where(case.sized[:, None], np.log(elasticity / (elasticity - 1)), markup)
        spending = _by_layer(held, layer_of, layers)
        gain = _by_layer(gain_home + gain_abroad.sum(axis=0), layer_of, layers)
        out.append((spending, gain, quality))
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
        (periods, layers, draws), providers = case.growth.shape, len(case.base)
        answer = Answer(
            np.empty((periods, providers, layers, draws)),
            np.empty((periods, layers, draws)),
            np.empty((periods, layers, draws)),
            np.empty((periods // _PER_YEAR, providers, layers, draws)),
        )
        compiled(*case, *answer)
        return answer

    run(case)
    return run


def _loops(  # noqa: C901  (loops and branches are the point)
    d: int, sized: Any, layer_of: IntArray, step: float, base: Any, utility: Any, log_markup: Any, start: Any,
    weights: Any, layer_shares: Any, open_part: Any, substitution: Any, slope: Any, captive_growth: Any, churn: Any,
    drift: Any, catch_up: Any, spillover: Any, size: Any, growth: Any, rivalry: Any, origin: Any,
    spending: Any, gain: Any, quality: Any, mean_markup: Any,
) -> None:  # fmt: skip
    providers, segments, draws = base.shape
    periods, layers = growth.shape[:2]
    held, markup = np.empty((providers, segments)), np.empty((providers, segments))
    before, attraction, shocks = np.empty_like(held), np.empty_like(held), np.empty(providers)
    own_utility, own_base = np.empty((providers, segments)), np.empty((providers, segments))
    gain_home, gain_abroad = np.empty(segments), np.empty((providers, segments))
    learned, foreign, total = np.empty(layers), np.empty(layers), np.empty(layers)
    home_scale, abroad_scale = np.empty(layers), np.empty(layers)
    kept, free = np.empty(layers), np.empty(layers)
    log_base, base_home, base_abroad = np.empty(segments), np.empty(layers), np.empty(layers)
    for n in range(draws):
        eps, pull = substitution[n], slope[n]
        scale = 1.0 / (eps - 1.0)
        for layer in range(layers):
            learned[layer] = foreign[layer] = total[layer] = base_home[layer] = base_abroad[layer] = 0.0
            for p in range(providers):
                if p < d:
                    base_home[layer] += layer_shares[p, layer, n]
                else:
                    base_abroad[layer] += layer_shares[p, layer, n]
        for g in range(segments):
            gain_home[g], open_home = 0.0, 0.0
            for p in range(providers):
                held[p, g], gain_abroad[p, g] = start[p, g, n], 0.0
                markup[p, g] = before[p, g] = log_markup[p, g, n]
                own_utility[p, g], own_base[p, g] = utility[p, g, n], base[p, g, n]
                total[layer_of[g]] += held[p, g]
                if p < d:
                    open_home += base[p, g, n]
                else:
                    foreign[layer_of[g]] += held[p, g]
            log_base[g] = np.log(open_home)
        for t in range(periods):
            for p in range(providers):
                shocks[p] = np.exp(rivalry[t, p, n])
            for layer in range(layers):
                exposure = foreign[layer] / (total[layer] * base_abroad[layer])
                learned[layer] += (catch_up[n] + spillover[n] * exposure) * step
                g_now, now = growth[t, layer, n], size[t + 1, layer, n]
                kept[layer] = np.exp((captive_growth[n] * max(g_now, 0.0) + min(g_now, 0.0) - churn[n]) * step)
                left = now - size[t, layer, n] * kept[layer]
                free[layer] = left if left > _DUST * now else 0.0
                home, abroad = 0.0, 0.0
                for p in range(d):
                    home += layer_shares[p, layer, n] * shocks[p]
                for p in range(d, providers):
                    abroad += layer_shares[p, layer, n] * shocks[p]
                home_scale[layer] = base_home[layer] / home * np.exp((eps - 1.0) * learned[layer])
                abroad_scale[layer] = base_abroad[layer] / abroad * np.exp(origin[t, n])
                quality[t, layer, n] = learned[layer]
                gain[t, layer, n] = total[layer] = foreign[layer] = 0.0
                for p in range(providers):
                    spending[t, p, layer, n] = 0.0
            for g in range(segments):
                layer = layer_of[g]
                captive, contestable = kept[layer], free[layer] * weights[g, n]
                home, abroad, carried = 0.0, 0.0, 0.0
                for p in range(providers):
                    held[p, g] *= captive
                    if sized[p]:
                        bears = (before[p, g] - markup[p, g]) * held[p, g]
                        attraction[p, g] = np.exp(own_utility[p, g] - (eps - 1.0) * markup[p, g]) * shocks[p]
                    else:
                        bears, attraction[p, g] = 0.0, own_base[p, g] * shocks[p]
                    if p < d:
                        home += attraction[p, g]
                        carried += bears
                    else:
                        attraction[p, g] *= abroad_scale[layer]
                        abroad += attraction[p, g]
                        gain_abroad[p, g] = gain_abroad[p, g] * captive + bears
                home *= home_scale[layer]
                partner = home + abroad
                opened = min(max(open_part[g, n] - drift[n] * step * (t + 1), 0.0), 1.0)
                closed, base_closed = 1.0 - opened, 1.0 - open_part[g, n]
                was_closed = min(closed, base_closed) / max(closed, _TINY)
                newly_open = max(base_closed - closed, 0.0) / max(opened, _TINY)
                closed_gain = (np.log(home) - was_closed * log_base[g]) * scale
                partner_gain = (np.log(partner) - newly_open * log_base[g]) * scale
                in_closed, in_partner = contestable * closed / home, contestable * opened / partner
                gain_home[g] = gain_home[g] * captive + carried
                gain_home[g] += home * (in_closed * closed_gain + in_partner * partner_gain)
                home_rate, whole, worth = (in_closed + in_partner) * home_scale[layer], 0.0, gain_home[g]
                for p in range(providers):
                    if p < d:
                        held[p, g] += attraction[p, g] * home_rate
                    else:
                        held[p, g] += attraction[p, g] * in_partner
                        gain_abroad[p, g] += attraction[p, g] * in_partner * partner_gain
                        worth += gain_abroad[p, g]
                        foreign[layer] += held[p, g]
                    whole += held[p, g]
                    spending[t, p, layer, n] += held[p, g]
                total[layer] += whole
                gain[t, layer, n] += worth
                pulled = pull / whole
                for p in range(providers):
                    before[p, g] = markup[p, g]
                    if sized[p]:
                        markup[p, g] = np.log(1.0 + 1.0 / (eps - 1.0 - pulled * held[p, g]))
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
    bounds = [(int(np.argmax(of == layer)), int((of == layer).sum())) for layer in range(of.max() + 1)]

    def by_layer(values: Any) -> Any:
        return jnp.stack([values[..., first : first + count, :].sum(axis=-2) for first, count in bounds], axis=-2)

    def core(
        base: Any, utility: Any, log_markup: Any, held: Any, weights: Any, shares: Any, base_open: Any, eps: Any,
        slope: Any, captive_growth: Any, churn: Any, drift: Any, catch_up: Any, spillover: Any, size: Any, growth: Any,
        rivalry: Any, origin: Any,
    ) -> Any:  # fmt: skip
        base_home, base_abroad, base_prices = shares[:d].sum(axis=0), shares[d:].sum(axis=0), jnp.exp(log_markup)
        log_base, own_utility = jnp.log(base[:d].sum(axis=0)), utility[rows]

        def period(state: Any, now: Any) -> Any:
            held, markup, before, gain_home, gain_abroad, learned, spending = state
            t, growth_t, before_size, now_size, rivalry_t, origin_t = now
            exposure = spending[d:].sum(axis=0) / (spending.sum(axis=0) * base_abroad)
            learned = learned + (catch_up + spillover * exposure) * step
            captive = jnp.exp((captive_growth * jnp.maximum(growth_t, 0) + jnp.minimum(growth_t, 0) - churn) * step)
            free = now_size - before_size * captive
            free = jnp.where(free > _DUST * now_size, free, 0.0)[of] * weights
            kept = captive[of]
            held = held * kept
            cheaper = jnp.zeros_like(held).at[rows].set((before - markup) * held[rows])
            gain_home = gain_home * kept + cheaper[:d].sum(axis=0)
            gain_abroad = gain_abroad * kept + cheaper[d:]
            open_part = jnp.clip(base_open - drift * step * (t + 1), 0.0, 1.0)
            shocks = jnp.exp(rivalry_t)
            shaken = shares * shocks[:, None]
            home_scale = (base_home / shaken[:d].sum(axis=0) * jnp.exp((eps - 1) * learned))[of]
            abroad_scale = (base_abroad / shaken[d:].sum(axis=0) * jnp.exp(origin_t))[of]
            attraction = base.at[rows].set(jnp.exp(own_utility - (eps - 1) * markup)) * shocks[:, None]
            abroad = attraction[d:] * abroad_scale
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
            held = held + joining
            pulled = slope / held.sum(axis=0)
            wanted = jnp.log(1.0 + 1.0 / (eps - 1.0 - held[rows] * pulled))
            spending = by_layer(held)
            gain = by_layer(gain_home + gain_abroad.sum(axis=0))
            return (held, wanted, markup, gain_home, gain_abroad, learned, spending), (spending, gain, learned)

        def year(state: Any, now: Any) -> Any:
            state, found = jax.lax.scan(period, state, now)
            prices = base_prices.at[rows].set(jnp.exp(state[2]))
            return state, (found, by_layer(prices * state[0]) / state[-1])

        markup = log_markup[rows]
        nothing = jnp.zeros_like(held)
        state = (held, markup, markup, nothing[0], nothing[d:], jnp.zeros_like(base_home), by_layer(held))
        steps = (jnp.arange(growth.shape[0]), growth, size[:-1], size[1:], rivalry, origin)
        by_year = [part.reshape(-1, _PER_YEAR, *part.shape[1:]) for part in steps]
        _, (found, mean_markup) = jax.lax.scan(year, state, by_year)
        return (*(part.reshape(-1, *part.shape[2:]) for part in found), mean_markup)

    return core
