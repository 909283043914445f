"""The base year, inverted: provider shares by segment, and what is left of them in the open part."""

from __future__ import annotations

import numpy as np

from sim.axes import BoolArray, FloatArray

__all__ = ["BOUND", "fits", "foreign_spending", "open_part_shares", "room", "segment_shares"]

BOUND = 0.9
"""Most of a segment's open part that foreign providers hold in the base year, unless they hold more of all together."""

_DUST = 1e-300
_LOG_SCALE_RANGE = 60.0
_HALVINGS = 70  # 120 / 2^70 is far below the spacing of doubles near any root


def room(weights: FloatArray, open_part: FloatArray) -> FloatArray:
    """What is open of a layer, from (G, N) segment weights and open parts; (N,)."""
    return np.asarray((weights * open_part).sum(axis=0))


def fits(foreign_share: FloatArray, weights: FloatArray, open_part: FloatArray) -> BoolArray:
    """Whether a layer's foreign share can be placed in its open parts.

    Parameters
    ----------
    foreign_share : (N,)
        Share of all foreign providers in the layer, a fraction.
    weights, open_part : (G, N)
        Segment weights, summing to 1, and the open part of each segment.

    Returns
    -------
    (N,) bool
    """
    return np.asarray((foreign_share < room(weights, open_part)) | (foreign_share == 0.0))


def foreign_spending(
    foreign_share: FloatArray, weights: FloatArray, open_part: FloatArray, propensity: FloatArray
) -> FloatArray:
    """Foreign spending by segment: the bounded biproportional (RAS) fit of a layer.

    Equation (1) of docs/model.md.

    The kernel of a foreign provider is open part x propensity, that of a domestic one is 1. Because all
    foreign providers share one kernel, the scaling factors of RAS collapse to one unknown c per draw:
    the foreign-to-domestic ratio of a segment is c x kernel. Scaling a bounded cell back to its bound in
    the column step of RAS is the same as taking the smaller of the two, so that the fit under the bound
    is still one equation, increasing in c, and is bisected. Where foreign providers hold more than the bound of
    all that is open, they hold that much of each part.

    Parameters
    ----------
    foreign_share : (N,)
        Share of all foreign providers in the layer.
    weights, open_part, propensity : (G, N)
        Segment weights (sum 1), open parts, and leaning to foreign providers per unit of open spending.

    Returns
    -------
    (G, N)
        Foreign spending as a part of the layer's; sums to `foreign_share` over segments.

    References
    ----------
    Deming & Stephan (1940) Ann. Math. Stat. 11.
    """
    if len(weights) == 1:
        return foreign_share[None].copy()
    kernel, most = open_part * propensity, BOUND * open_part * weights
    low = np.full(foreign_share.shape, -_LOG_SCALE_RANGE)
    high = -low
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        short = _spending(middle, kernel, weights, most).sum(axis=0) < foreign_share
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    fitted = _spending(0.5 * (low + high), kernel, weights, most)
    return np.asarray(fitted * (foreign_share / fitted.sum(axis=0)))


def _spending(log_scale: FloatArray, kernel: FloatArray, weights: FloatArray, most: FloatArray) -> FloatArray:
    odds = np.exp(log_scale) * kernel
    return np.minimum(weights * odds / (1.0 + odds), most)


def segment_shares(shares: FloatArray, foreign: FloatArray, weights: FloatArray, domestic: int) -> FloatArray:
    """Provider shares of each segment of a layer.

    Parameters
    ----------
    shares : (P, N)
        Shares of the layer, domestic providers first.
    foreign : (G, N)
        Foreign spending by segment, from `foreign_spending`.
    weights : (G, N)
        Segment weights.
    domestic : int
        Number of domestic providers.

    Returns
    -------
    (P, G, N)
        Shares of the segment; sum to 1 over providers, and to `shares` over segments by weight.
    """
    inside = shares.copy()
    inside[:domestic] /= shares[:domestic].sum(axis=0)
    inside[domestic:] /= np.maximum(shares[domestic:].sum(axis=0), _DUST)  # nobody, where none is there yet
    part = foreign / weights
    return np.concatenate([inside[:domestic, None] * (1.0 - part), inside[domestic:, None] * part])


def open_part_shares(shares: FloatArray, open_part: FloatArray, domestic: int) -> FloatArray:
    """Choice shares in the open part, where foreign providers have all of theirs.

    Equation (2) of docs/model.md.

    Parameters
    ----------
    shares : (P, G, N)
        Shares of the segment.
    open_part : (G, N)
    domestic : int

    Returns
    -------
    (P, G, N)
        Sum to 1 over providers; domestic providers keep their proportions.
    """
    foreign = shares[domestic:] / open_part
    home = shares[:domestic] * ((1.0 - foreign.sum(axis=0)) / shares[:domestic].sum(axis=0))
    return np.concatenate([home, foreign])
