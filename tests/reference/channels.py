"""Part 11 of the model: the channels of one draw, what each lifts a provider's offers by, and who sees which."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reference.case import Case, Phase, Vector

__all__ = ["LEAST", "Channels", "Levels", "granted", "sold_through"]

KINDS = ("partner", "cross_border", "owned")
PARTNER, ABROAD, OWNED = range(3)

LEAST = -200.0
"""The log of an offer that is as good as none: a numerical setting."""


class Levels(NamedTuple):
    """Part of the premium that each channel has, and what is taken from sales from abroad."""

    partner: Vector | float  # [p] or one for all
    abroad: float
    owned: Vector | float
    kept: float
    tariff: float


def granted(case: Case, phase: Phase) -> Levels:
    """All that a phase grants, as if it had arrived, with the numbers of the base year."""
    owned, partner = phase.owned_unlock, phase.partner_unlock
    return Levels(partner, phase.cross_border_unlock, owned, phase.cross_border, case.at_first(phase))


def sold_through(case: Case) -> Vector:
    """Parts of the sales of the base year by channel, [kind, l, p]; who states none has the first channel there is."""
    found, usual = case.scenario, min(k for k in range(3) if _channel(case, k))
    parts = np.zeros((3, len(case.layers), len(case.providers)))
    for at, layer in enumerate(case.layers):
        for p, name in enumerate(case.providers):
            stated = (found.shares[layer].channel or {}).get(name, {_channel(case, usual): 1.0})
            for kind in range(3):
                path = f"shares.{layer}.channel.{name}.{_channel(case, kind)}"
                number = stated.get(_channel(case, kind), 0.0)
                parts[kind, at, p] = case.inputs.get(path, number)
    return parts / parts.sum(axis=0)


def _channel(case: Case, kind: int) -> str:
    """Id of the channel of a kind; empty for none. Where none is stated, partners and sites are there."""
    stated = case.scenario.channels
    if stated is None:
        return "" if kind == ABROAD else KINDS[kind]
    return next((name for name, channel in stated.items() if channel.kind == KINDS[kind]), "")


class Channels:
    """The channels of the base year at a premium phi; [l, p] throughout, where domestic providers mean nothing."""

    def __init__(self, case: Case, phi: float) -> None:
        factors = np.array([case[f"opening.layer_factor.{layer}"] for layer in case.layers])
        own = np.array([case.inputs.get(f"opening.provider_factor.{name}", 1.0) for name in case.providers])
        self.case, self.worth, self.sold = case, phi * factors[:, None] * own, sold_through(case)
        seen = self.sold / self._offers(granted(case, case.phases[0]))
        self.seen, self.before = seen / seen.sum(axis=0), 1.0 / seen.sum(axis=0)  # f and A of the base year
        self.sited = self.sold[OWNED].any(axis=0) & case.foreign
        self.whole = (self.sold[OWNED] >= 1.0).all(axis=0)  # who sells through nothing but sites

    def _offers(self, levels: Levels) -> Vector:
        """B by kind, [kind, l, p]."""
        partner, owned = levels.partner, np.maximum(levels.owned, levels.partner)
        price = (1.0 + levels.tariff) ** -self.case.excess
        return np.stack(
            [
                np.exp(partner * self.worth),
                np.exp(levels.abroad * self.worth) * price,
                np.exp(owned * self.worth),
            ]
        )

    def lifts(self, levels: Levels) -> tuple[Vector, Vector, Vector]:
        """Logs of what sites' offers, and those beside them, lift attraction by; part of the latter from abroad."""
        partner, abroad, owned = self._offers(levels)
        to_partner, to_abroad = self._beside(levels.kept)
        every = to_partner * partner + to_abroad * abroad
        with np.errstate(divide="ignore"):
            rest = np.log(every) - np.log(self.before)
        served = np.divide(to_abroad * abroad, every, out=np.zeros_like(every), where=every > 0.0)
        return np.log(owned) - np.log(self.before), rest, served

    def _beside(self, kept: float) -> tuple[Vector, Vector]:
        """Of those who see no site, who sees the partner's offer, and who the one from abroad."""
        has_partner, has_abroad = (bool(_channel(self.case, kind)) for kind in (PARTNER, ABROAD))
        both = self.seen[PARTNER] + self.seen[ABROAD]
        nothing = both <= 0.0
        partner = np.where(nothing, float(has_partner), self.seen[PARTNER] / np.where(nothing, 1.0, both))
        nobody = float(has_abroad and not has_partner)
        abroad = np.where(nothing, nobody, self.seen[ABROAD] / np.where(nothing, 1.0, both))
        return partner + (1.0 - kept) * abroad * has_partner, kept * abroad

    @property
    def most_seen(self) -> Vector:
        """Part of the customers in reach who see a site with room: of the base year's those who saw it then."""
        return np.where(self.sited, self.seen[OWNED], 1.0)

    def long_run(self, phase: Phase | None) -> Vector:
        """Log of what a regime, or full control, lifts everybody's attraction by where all choose."""
        levels = Levels(1.0, 1.0, 1.0, 1.0, 0.0) if phase is None else granted(self.case, phase)
        owned, rest, _ = self.lifts(levels)
        with np.errstate(divide="ignore"):
            both = np.log(self.most_seen * np.exp(owned) + (1.0 - self.most_seen) * np.exp(rest))
        return both if phase is None else np.where(phase.sites, both, rest)
