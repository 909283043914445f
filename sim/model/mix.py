"""Through which channels foreign providers reach customers, and what each lifts their offers by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from sim.axes import BoolArray, FloatArray
from sim.scenario.baseyear import Inputs
from sim.scenario.channels import CHANNEL_KINDS
from sim.scenario.grants import Grants, base_split, grants_of, provider_factors
from sim.scenario.policy import states
from sim.scenario.scenario import Scenario

__all__ = ["LEAST_LIFT", "Lifts", "Mix", "base_mix"]

LEAST_LIFT: Final = -200.0
"""Stands for minus infinity: nothing is sold of such an offer, and a double holds what it and a site's lead make."""


class Lifts(NamedTuple):
    """What channels add to the utility that a provider has in the base year through all of its channels.

    Attributes
    ----------
    owned : (F, L, N)
        Of the offer of an own site.
    rest : (F, L, N)
        Of what customers see who see no own site; minus infinity where that is nothing.
    abroad_part : (F, L, N)
        Part of the latter's sales that is served from abroad.
    """

    owned: FloatArray
    rest: FloatArray
    abroad_part: FloatArray


@dataclass(frozen=True)
class Mix:
    """The channels of the base year at one premium.

    Channels of a provider are no rival varieties: a customer sees one of them. A part f of the customers sees channel
    c, which lifts the provider's attraction by B = exp(a b k phi) (1 + t)^-(epsilon - 1); with omega the parts of its
    sales, f is proportional to omega / B, and sum f B = A0 is in the attraction of the base year.

    Attributes
    ----------
    split : (3, F, L, N)
        Parts of sales by channel, in the order of `CHANNEL_KINDS`.
    factor : (F, L, N)
        b k, the premium of a provider in a layer over phi.
    start : Grants
        What the base year's regime grants.
    sited : (F,) bool
        Who has sites in the base year.
    has_partner, has_abroad : bool
        Whether there is a channel of the kind.
    excess : (N,)
        epsilon - 1.
    premium : (N,)
        phi.
    """

    split: FloatArray
    factor: FloatArray
    start: Grants
    sited: BoolArray
    has_partner: bool
    has_abroad: bool
    excess: FloatArray
    premium: FloatArray

    def at(self, premium: FloatArray) -> Mix:
        """The same at another premium (N,)."""
        return replace(self, premium=premium)

    def of_layer(self, layer: int) -> Mix:
        """The same of one layer."""
        rows = slice(layer, layer + 1)
        start = self.start._replace(sites=self.start.sites[:, rows])
        return replace(self, split=self.split[:, :, rows], factor=self.factor[:, rows], start=start)

    @cached_property
    def _worth(self) -> FloatArray:
        """b k phi, (F, L, N)."""
        return np.asarray(self.factor * self.premium)

    def _offers(self, grants: Grants) -> tuple[FloatArray, FloatArray, FloatArray]:
        """ln B of partner, cross-border and owned offers, (F, L, N) each; an own site's is at least the partner's."""
        worth, tax = self._worth, self.excess * np.log1p(grants.tariff)
        partner, abroad = _by_layer(grants.partner) * worth, _by_layer(grants.abroad) * worth - tax
        return partner, abroad, _by_layer(np.maximum(grants.owned, grants.partner)) * worth

    @cached_property
    def _seen(self) -> tuple[FloatArray, FloatArray]:
        """f of each channel in the base year, (3, F, L, N), and ln A0, (F, L, N)."""
        parts = self.split * np.exp(-np.stack(self._offers(self.start)))
        total = parts.sum(axis=0)
        return parts / total, -np.log(total)

    @property
    def owned_part(self) -> FloatArray:
        """Part of a provider's customers who see its own site in the base year, (F, L, N)."""
        return np.asarray(self._seen[0][2])

    @cached_property
    def most_seen(self) -> FloatArray:
        """Part of the customers in reach who see its own site if it has room, (F, L, N): a new site is seen by all."""
        return np.where(self.sited[:, None, None], self.owned_part, 1.0)

    @cached_property
    def asks(self) -> BoolArray:
        """Whether a provider asks others' customers to its own sites, (F, N): unless it sold beside them too.

        Whom full sites of the base year have turned away is asked back.
        """
        return np.asarray(~self.sited[:, None] | (self.split[2] >= 1.0).all(axis=1))

    def _beside(self, kept: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Parts (F, L, N) of those who see no own site that see the partner's offer, and the one from abroad.

        Who saw nothing but own sites sees the next channel. Whom a regime does not let be served from abroad sees the
        partner's offer, and where there is none, nothing.
        """
        partner, abroad, _ = self._seen[0]
        both = partner + abroad
        only_sites = both <= 0.0
        whole = np.where(only_sites, 1.0, both)
        partner = np.where(only_sites, float(self.has_partner), partner / whole)
        abroad = np.where(only_sites, float(self.has_abroad and not self.has_partner), abroad / whole)
        lost = (1.0 - kept) * abroad
        return partner + lost * self.has_partner, abroad - lost

    def lifts(self, grants: Grants) -> Lifts:
        """What a regime adds to utilities of the base year, by channel.

        Equation (31) of docs/model.md.

        Parameters
        ----------
        grants : Grants
            Levels as they have arrived; `sites` is not read.

        Returns
        -------
        Lifts
        """
        partner, abroad, owned = self._offers(grants)
        seen, base = self._beside(grants.kept), self._seen[1]
        served = seen[1] * np.exp(abroad)
        every = seen[0] * np.exp(partner) + served
        rest = np.log(every, out=np.full_like(every, -np.inf), where=every > 0.0)
        return Lifts(owned - base, rest - base, np.divide(served, every, out=np.zeros_like(every), where=every > 0.0))

    def long_run(self, grants: Grants) -> FloatArray:
        """What a regime adds where everybody chooses, (F, L, N): own sites where they are allowed, and else the rest.

        Who has sites in the base year keeps its part of customers who see them; others would have them everywhere.
        """
        lifts, part = self.lifts(grants), self.most_seen
        with np.errstate(divide="ignore"):  # of what nobody sees
            both = np.logaddexp(np.log(part) + lifts.owned, np.log(1.0 - part) + lifts.rest)
        return np.where(grants.sites, both, lifts.rest)


def _by_layer(level: FloatArray) -> FloatArray:
    """A level (N,) or (F, N) with an axis of layers."""
    return level[..., None, :]


def base_mix(scenario: Scenario, inputs: Inputs, layers: FloatArray) -> Mix:
    """The channels of the base year as the numbers state them, without a premium.

    Parameters
    ----------
    scenario : Scenario
    inputs : mapping of str to (N,)
    layers : (L, N)
        Premium of each layer over phi, k.

    Returns
    -------
    Mix
    """
    draws = layers.shape[-1]
    has_partner, has_abroad, _ = (scenario.channel_of(kind) is not None for kind in CHANNEL_KINDS)
    return Mix(
        split=base_split(scenario, inputs, draws),
        factor=provider_factors(scenario, inputs, draws)[:, None] * layers,
        start=grants_of(scenario, states(scenario)[0], inputs, draws),
        sited=np.array([name in scenario.sited for name in scenario.foreign]),
        has_partner=has_partner,
        has_abroad=has_abroad,
        excess=inputs["demand.elasticity_of_substitution"] - 1.0,
        premium=np.zeros(draws),
    )
