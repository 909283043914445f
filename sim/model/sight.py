"""What a provider has seen by a date: the market up to the last period that has ended, the rules, and the others.

Nothing of it depends on what comes after the date, or on numbers that nobody sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.axes import BoolArray, FloatArray, IntArray, require_shape
from sim.dates.calendar import Phases
from sim.dates.timeline import Masks, Timeline, period_ends
from sim.model.economy import Economy
from sim.model.record import Record
from sim.scenario.scenario import Scenario

__all__ = ["STATES", "Sight", "seen_by"]

STATES: Final = {
    "market size": "bn/yr",
    "growth of the market": "fraction/yr",
    "own share": "fraction",
    "share of other foreign providers": "fraction",
    "share of the largest domestic provider": "fraction",
    "date": "year",
    "foreign rivals with sites": "1",
    "foreign rivals that wait for one": "1",
}
"""What is seen as numbers, and in which units."""


@dataclass(frozen=True)
class Sight:
    """What has been seen by K dates in N draws.

    Attributes
    ----------
    states : (K, S, N)
        Numbers, as in `STATES`.
    regimes : (K, N) int
        State of the policy in force on the date.
    """

    states: FloatArray
    regimes: IntArray


def seen_by(
    scenario: Scenario,
    economy: Economy,
    record: Record,
    timeline: Timeline,
    masks: Masks,
    *,
    provider: str,
    dates: FloatArray,
) -> Sight:
    """What a foreign provider has seen by some dates.

    Markets and shares are those of the last period that had ended, rivals' applications and openings those before the
    day itself, the rules those of the day. Of what lies beyond the horizon its end is seen.

    Parameters
    ----------
    scenario : Scenario
    economy, record, timeline, masks
        Of a run in which the provider does not enter before the dates.
    provider : str
    dates : (K, N)
        Decimal years; inf is never.
    """
    require_shape("dates", dates, (len(dates), economy.draws))
    ends = period_ends(scenario.horizon)
    last = np.searchsorted(ends, dates, side="right")
    paths = (*_market(economy, record, 12 // scenario.horizon.period_months), *_shares(economy, record, provider))
    seen = [np.take_along_axis(path, last, axis=0) for path in paths]
    others = np.array([name != provider for name in scenario.foreign])
    left = timeline.left[economy.domestic :]
    live, asked, gone = (_before(dated[others], dates) for dated in (timeline.launched, timeline.first_applied, left))
    known = [np.minimum(dates, ends[-1]), (live & ~gone).sum(axis=1), (asked & ~live & ~gone).sum(axis=1)]
    return Sight(np.stack([*seen, *known], axis=1).astype(np.float64), _in_force(masks.phases, dates))


def _market(economy: Economy, record: Record, per_year: int) -> tuple[FloatArray, FloatArray]:
    """Size and growth over the year before, (T + 1, N), the base year first; before a year has passed, since then."""
    size = _with_base(economy.layer_size.sum(axis=0), record.spending.sum(axis=(1, 2)))
    growth = np.zeros_like(size)
    early = min(per_year, len(size) - 1)
    years = 0.5 + (np.arange(1, early + 1) - 0.5) / per_year
    growth[1 : early + 1] = np.log(size[1 : early + 1] / size[0]) / years[:, None]
    growth[early + 1 :] = np.log(size[early + 1 :] / size[1 : len(size) - early])
    return size, growth


def _shares(economy: Economy, record: Record, provider: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shares of all spending, (T + 1, N): its own, of other foreign providers, of the largest domestic firm."""
    base = (economy.layer_shares * economy.layer_size).sum(axis=1)
    spending = _with_base(base, record.spending.sum(axis=2))
    shares = spending / spending.sum(axis=1, keepdims=True)
    own = shares[:, economy.providers.index(provider)]
    firms = np.flatnonzero(~economy.fringe[: economy.domestic])
    largest = shares[:, firms if firms.size else slice(economy.domestic)].max(axis=1)
    return own, shares[:, economy.domestic :].sum(axis=1) - own, largest


def _with_base(base: FloatArray, values: FloatArray) -> FloatArray:
    return np.concatenate([base[None], values])


def _before(events: FloatArray, dates: FloatArray) -> BoolArray:
    """Whether events (F, N) have happened before each date, (K, F, N)."""
    return np.asarray(events < dates[:, None])


def _in_force(phases: Phases, dates: FloatArray) -> IntArray:
    """The state of the policy on each date, (K, N)."""
    begun = (phases.start <= dates[:, None]).sum(axis=1) - 1
    return np.take_along_axis(phases.state, begun.clip(0), axis=0)
