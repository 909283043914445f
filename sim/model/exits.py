"""Providers that leave the market: their offers end, and their customers choose among the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.axes import FloatArray
from sim.model.sites import Choice
from sim.model.stocks import Exits, Stocks

__all__ = ["Freed", "free", "place"]

_TINY = np.finfo(np.float64).tiny


class Freed(NamedTuple):
    """Spending of who has left, (G, N) each, bn/yr.

    Attributes
    ----------
    outside, inside : (G, N)
        Outside and inside the reach of own sites.
    closed : (G, N)
        In the closed part.
    """

    outside: FloatArray
    inside: FloatArray
    closed: FloatArray


def free(stocks: Stocks, exits: Exits, domestic: int) -> Freed:
    """Take what is with those who leave, with the gain that it carries; in place, before anybody chooses.

    Equation (40) of docs/model.md.

    Sites are closed for the whole window. Goods in use stay so: whoever has bought them chooses when they are replaced.
    """
    away, gone = (1.0 - exits.present)[:, None], exits.gone[domestic:, None]
    taken = away[domestic:] * stocks.held[domestic:]
    outside, inside = taken.sum(axis=0), (away[domestic:] * stocks.inside).sum(axis=0)
    inside += np.where(gone, stocks.owned, 0.0).sum(axis=0)
    for stock in (stocks.held[domestic:], stocks.inside, stocks.gain_outside, stocks.gain_inside):
        stock *= 1.0 - away[domestic:]
    for stock in (stocks.owned, stocks.gain_owned):
        np.copyto(stock, 0.0, where=gone)
    own = stocks.held[:domestic]
    part = (away[:domestic] * own).sum(axis=0) / np.maximum(own.sum(axis=0), _TINY)
    closed, reached = part * stocks.home_closed, part * stocks.home_inside
    outside += np.maximum(part * own.sum(axis=0) - closed - reached, 0.0)
    own *= 1.0 - away[:domestic]
    stocks.home_closed -= closed
    stocks.home_inside -= reached
    stocks.gain_home *= 1.0 - part
    stocks.capacity = np.where(exits.gone[domestic:], 0.0, stocks.capacity)
    beyond = stocks.reach_part <= 0.0
    inside += reached
    return Freed(outside + np.where(beyond, inside, 0.0), np.where(beyond, 0.0, inside), closed)


def place(stocks: Stocks, choice: Choice, freed: Freed, domestic: int) -> None:
    """Let them choose again in the same period, each among what is offered where it is; in place.

    Equation (40) of docs/model.md.

    In the closed part these are domestic offers, outside of the reach those of partners too; within reach they see own
    sites, beside whoever chooses there for the first time.
    """
    closed = choice.gains.closed / np.maximum(1.0 - stocks.open_part, _TINY)
    outside, at_home = freed.outside / choice.partner, freed.closed / choice.home
    gained = choice.attraction[domestic:] * outside
    choice.home_rate += outside + at_home
    stocks.home_closed += freed.closed
    stocks.held[domestic:] += gained
    stocks.gain_home += choice.home * outside * choice.gains.partner + freed.closed * closed
    stocks.gain_outside += gained * choice.gains.partner
    choice.join(gained)
    choice.freed = freed.inside
