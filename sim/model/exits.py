"""Providers that leave the market: their offers end, and their customers choose among the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.model.economy import Economy
from sim.model.sites import Choice
from sim.model.stocks import Exits, Period, Stocks

__all__ = ["leave"]

_TINY = np.finfo(np.float64).tiny


class _Freed(NamedTuple):
    """Spending of who has left, (G, N) each: outside and inside the reach of own sites, and in the closed part."""

    outside: FloatArray
    inside: FloatArray
    closed: FloatArray


def leave(economy: Economy, stocks: Stocks, period: Period, choice: Choice, exits: Exits) -> None:
    """Let those who have left lose their customers, who choose again in the same period; in place.

    Equation (40) of docs/model.md.

    Each chooses among what is offered where it is: in the closed part domestic offers, elsewhere those of partners
    too. The gain that they carried is lost, and that of their new choice taken.
    """
    closed = choice.gains.closed / np.maximum(1.0 - stocks.open_part, _TINY)
    gained = _place(stocks, choice, _free(stocks, exits, economy.domestic), closed)
    choice.join(gained)
    stocks.capacity = np.where(exits.gone[economy.domestic :], 0.0, stocks.capacity)
    if stocks.in_use is not None:
        gained = _place(stocks.in_use, choice, _free(stocks.in_use, exits, economy.domestic), closed)
        part = period.access.channels.abroad_part
        if part is not None:
            stocks.in_use.abroad += part[:, economy.layer_of] * gained


def _free(held: Stocks, exits: Exits, domestic: int) -> _Freed:
    """Take all that is with those who have left."""
    home, abroad = exits.gone[:domestic, None], exits.gone[domestic:, None]
    outside = np.where(abroad, held.held[domestic:], 0.0).sum(axis=0)
    inside = np.where(abroad, held.inside + held.owned, 0.0).sum(axis=0)
    foreign = (held.held[domestic:], held.inside, held.owned, held.abroad)
    for stock in (*foreign, held.gain_outside, held.gain_inside, held.gain_owned):
        np.copyto(stock, 0.0, where=abroad)
    own = held.held[:domestic]
    left = np.where(home, own, 0.0).sum(axis=0)
    part = left / np.maximum(own.sum(axis=0), _TINY)
    closed, reached = part * held.home_closed, part * held.home_inside
    held.home_closed -= closed
    held.home_inside -= reached
    held.gain_home *= 1.0 - part
    np.copyto(own, 0.0, where=home)
    return _Freed(outside + np.maximum(left - closed - reached, 0.0), inside + reached, closed)


def _place(held: Stocks, choice: Choice, freed: _Freed, closed: FloatArray) -> FloatArray:
    """Give it to the others by choice; returns what foreign providers get of it, (F, G, N).

    `closed` is what a unit gains in the closed part, (G, N).
    """
    domestic, gains = len(choice.attraction) - len(held.inside), choice.gains
    outside, inside = freed.outside / choice.partner, freed.inside / choice.partner
    at_home = outside + inside + freed.closed / choice.home
    abroad = choice.attraction[domestic:]
    held.held[:domestic] += choice.attraction[:domestic] * (choice.home_scale * at_home)
    held.home_closed += freed.closed
    held.home_inside += choice.home * inside
    held.held[domestic:] += abroad * outside
    held.inside += abroad * inside
    held.gain_home += choice.home * (outside + inside) * gains.partner + freed.closed * closed
    held.gain_outside += abroad * (outside * gains.partner)
    held.gain_inside += abroad * (inside * gains.partner)
    return np.asarray(abroad * (outside + inside))
