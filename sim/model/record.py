"""What the loop over periods leaves of a block of draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.axes import FloatArray

__all__ = ["Record"]


@dataclass(frozen=True)
class Record:
    """What the loop over periods leaves.

    Attributes
    ----------
    spending : (T, P, L, N)
        With each provider over all channels, bn/yr.
    owned : (T, F, L, N)
        The part of it on owned sites.
    size : (T, L, N)
        Market size without opening, bn/yr.
    growth : (T + 1, N)
        Trend log growth of the total per year, the base year's first.
    gain : (T, L, N)
        Consumer gain, bn/yr.
    quality : (T, L, N)
        Log of domestic quality.
    capacity, bought : (T, F, N)
        Of owned sites, bn/yr: at the period's end; what of it arrived in the period.
    home_earned : (T, N)
    earned, owned_earned : (T, F, N)
        What markups other than the base year's add to the profits of all domestic providers and of each foreign one,
        and the part of it on own sites; bn/yr.
    markup : (Y, P, L, N)
        Spending-weighted, in the last period of each year.
    equity : (T + 1, N), or (T + 1, F, N) where providers have stakes of their own
        Foreign equity in operators, the start's first.
    equity_bought : (T + 1, F, N), or 0 in one place
        What buy-outs add to it.
    opening : (F, N)
        Gross revenue of foreign providers with partners in the base year's last period, bn/yr.
    abroad : (T, F, L, N), or all 0 in one place
        The part of spending that is served from abroad.
    abroad_earned : (T, F, N), or 0 in one place
        The part on it of what markups other than the base year's add, of what is paid with the tariff.
    tariff : (T, N)
        On the producer's price of what is sold from abroad.
    past : (H, F, N)
        Capacity of own sites that was bought before the horizon, oldest first, bn/yr.
    dated : mapping of str to (T + 1, N)
        Numbers of `economics` that steps change, by path: their mean over each period, the base year's value first.
    """

    spending: FloatArray
    owned: FloatArray
    size: FloatArray
    growth: FloatArray
    gain: FloatArray
    quality: FloatArray
    capacity: FloatArray
    bought: FloatArray
    home_earned: FloatArray
    earned: FloatArray
    owned_earned: FloatArray
    markup: FloatArray
    equity: FloatArray
    equity_bought: FloatArray
    opening: FloatArray
    abroad: FloatArray
    abroad_earned: FloatArray
    tariff: FloatArray
    past: FloatArray
    dated: Mapping[str, FloatArray] = field(default_factory=dict)
