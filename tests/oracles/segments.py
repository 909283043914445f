"""One segment of the model in levels, as the literature writes it, solved by a root-finder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import root

from sim.axes import FloatArray
from sim.kernels.equilibrium import StaticMarket


@dataclass(frozen=True)
class Segment:
    """One segment in one draw, in levels: the model as the literature writes it, for a root-finder.

    Shares of providers `base` are those of the open part in the base year; the last ones, from `home` on, are foreign.
    """

    base: FloatArray
    home: int
    open_part: float
    sized: FloatArray
    substitution: float
    demand: float
    conduct: float

    def markup(self, spending: FloatArray) -> FloatArray:
        """Markups at spending (3, P) by access class.

        Atkeson & Burstein (2008), Bertrand: where a firm has the share s of what a class spends it perceives the
        elasticity eps (1 - s) + eta s, and with one price for all classes their mean weighted by what it sells.
        """
        of_class = spending.sum(axis=1, keepdims=True)
        share = self.conduct * self.sized * spending / np.where(of_class > 0, of_class, 1)
        by_class = self.substitution * (1 - share) + self.demand * share
        perceived = np.average(by_class, axis=0, weights=spending)
        return np.asarray(perceived / (perceived - 1))

    def spending(self, inside: FloatArray, outside: FloatArray, reach: float) -> FloatArray:
        """Spending (3, P) where sites reach, in the rest of the open part, and where only domestic offers are seen."""
        domestic = np.where(np.arange(len(self.base)) < self.home, outside, 0.0)
        classes = np.stack([inside, outside, domestic / domestic.sum()])
        sizes = np.array([self.open_part * reach, self.open_part * (1 - reach), 1 - self.open_part])
        return np.asarray(classes * sizes[:, None])

    def utility(self) -> FloatArray:
        """Berry (1994): mean utility at marginal cost that gives the shares of the base year at its own markups."""
        markup = self.markup(self.spending(self.base, self.base, 0.0))
        return np.asarray(np.log(self.base) + (self.substitution - 1) * np.log(markup))

    def choice(self, log_markup: FloatArray, boost: FloatArray) -> FloatArray:
        """CES shares, which are a logit in log price."""
        value = self.utility() - (self.substitution - 1) * log_markup
        value[self.home :] += boost
        weight = np.exp(value - value.max())
        return np.asarray(weight / weight.sum())

    def solve(self, reach: float, owned: FloatArray, partner: FloatArray) -> tuple[FloatArray, ...]:
        """Choice shares in and out of reach, shares of the segment, and log markups."""

        def unmet(log_markup: FloatArray) -> FloatArray:
            spending = self.spending(self.choice(log_markup, owned), self.choice(log_markup, partner), reach)
            return np.asarray(log_markup - np.log(self.markup(spending)))

        start = np.full(len(self.base), np.log(self.substitution / (self.substitution - 1)))
        solved = root(unmet, start, method="hybr", options={"xtol": 1e-13})
        assert np.abs(unmet(solved.x)).max() < 1e-11
        inside, outside = (self.choice(solved.x, boost) for boost in (owned, partner))
        return inside, outside, self.spending(inside, outside, reach).sum(axis=0), solved.x


def segment_of(market: StaticMarket, segment: int, draw: int) -> Segment:
    """One segment of a market in one draw."""
    return Segment(
        market.base[:, segment, draw],
        market.domestic,
        float(market.open_part[segment, draw]),
        np.where(market.atomistic, 0.0, 1.0),
        float(market.substitution[draw]),
        float(market.demand[draw]),
        float(market.conduct[draw]),
    )
