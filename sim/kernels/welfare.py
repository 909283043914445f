"""Consumer gain per unit of spending, from CES price indices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.axes import FloatArray

__all__ = ["ClassGains", "class_gains", "reached_gain"]

_TINY = np.finfo(np.float64).tiny


class ClassGains(NamedTuple):
    """Log points of price, (G, N): for each unit of spending that chooses now.

    Attributes
    ----------
    closed
        What a unit of the whole segment gains in its closed part.
    partner
        What a unit in the partner-open class gains.
    newly_open
        What of that it gains because part of the class was closed in the base year; None where none was.
    """

    closed: FloatArray
    partner: FloatArray
    newly_open: FloatArray | None = None


def class_gains(
    home: FloatArray,
    partner: FloatArray,
    log_base: FloatArray,
    closed: FloatArray,
    base_closed: FloatArray,
    substitution: FloatArray,
) -> ClassGains:
    """Minus the change of the log price index since the base year, in the closed and the partner-open class.

    Equation (30) of docs/model.md.

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
    log_home, log_partner = np.log(home), np.log(partner)
    opened, newly_open = base_closed - closed, None
    if opened.max() > 0.0:
        newly_open = -log_base * scale * np.maximum(opened, 0.0) / np.maximum(1.0 - closed, _TINY)
    in_closed = closed * log_home - np.minimum(closed, base_closed) * log_base
    log_partner *= scale
    if newly_open is not None:
        log_partner += newly_open
    return ClassGains(closed=in_closed * scale, partner=log_partner, newly_open=newly_open)


def reached_gain(gain: FloatArray, lift: FloatArray) -> FloatArray:
    """Gain per unit of spending in the class that sees owned offers; (G, N).

    Equation (30) of docs/model.md.

    Parameters
    ----------
    gain : (G, N)
        Of spending that would be there without them: log of total attraction over epsilon - 1, log points of price.
    lift : (G, N)
        Spending over what it would be without owned offers. What they add, a part 1 - 1/lift, counts half: the
        triangle under the demand curve.
    """
    return np.asarray(gain * (0.5 + 0.5 / lift))
