"""Consumer gain per unit of spending, from CES price indices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.axes import FloatArray

__all__ = ["ClassGains", "class_gains", "reached_gain"]

_TINY = np.finfo(np.float64).tiny


class ClassGains(NamedTuple):
    """Gain per unit of spending that chooses now, (G, N): log points of price."""

    closed: FloatArray
    partner: FloatArray


def class_gains(
    home: FloatArray,
    partner: FloatArray,
    log_base: FloatArray,
    closed: FloatArray,
    base_closed: FloatArray,
    substitution: FloatArray,
) -> ClassGains:
    """Minus the change of the log price index since the base year, in the closed and the partner-open class.

    Spending is compared with the index of the class that it had in the base year: what has closed since
    then lost the foreign offers, what has opened gained them.

    Parameters
    ----------
    home, partner : (G, N)
        Total attraction of domestic offers, and of domestic and partner offers together; 1 for the latter
        in the base year.
    log_base : (G, N)
        Log of the total attraction of domestic offers in the open part in the base year.
    closed, base_closed : (G, N)
        Closed part of the segment now and in the base year.
    substitution : (N,)
        epsilon.

    Returns
    -------
    ClassGains

    References
    ----------
    Arkolakis, Costinot & Rodriguez-Clare (2012) AER 102, eq. 1, which the change of the index equals when
    domestic offers do not change.
    """
    scale = 1.0 / (substitution - 1.0)
    was_closed = np.minimum(closed, base_closed) / np.maximum(closed, _TINY)
    log_partner, opened = np.log(partner), base_closed - closed
    if (opened > 0.0).any():
        newly_open = np.maximum(opened, 0.0) / np.maximum(1.0 - closed, _TINY)
        log_partner -= newly_open * log_base
    return ClassGains(closed=(np.log(home) - was_closed * log_base) * scale, partner=log_partner * scale)


def reached_gain(log_attraction: FloatArray, lift: FloatArray, substitution: FloatArray) -> FloatArray:
    """Gain per unit of spending in the class that sees owned offers; (G, N).

    What opening adds to spending, a part 1 - 1/lift, counts half: the triangle under the demand curve.
    """
    gain = log_attraction / (substitution - 1.0)
    return np.asarray(gain * 0.5 * (1.0 + 1.0 / lift))
