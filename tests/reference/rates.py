"""Section 6's cost structure of one draw, per unit of gross revenue, and what a unit is worth in either channel."""

from __future__ import annotations

import numpy as np

from reference.case import Case, Vector

__all__ = ["Rates"]


class Rates:
    """Costs, taxes and capital of each provider, [p]; of several spans, in each of which they are means, [t, p]."""

    def __init__(self, case: Case, *spans: tuple[float, float]) -> None:
        names = [name.removeprefix("economics.") for name in case.inputs if name.startswith("economics.")]

        def read(name: str) -> Vector:
            rows = [case.own("providers", case.providers, f"economics.{name}", span) for span in spans or (None,)]
            return np.array(rows) if len(rows) > 1 else rows[0]

        cost = {name: read(name) for name in names}
        measured = case.own("providers", case.providers, "economics.site_cost")  # with technology and capital
        self.site, self.life, self.operator = cost["site_cost"], cost["asset_life"], cost["operator_margin"]
        self.full, self.reference = cost["reference_utilization"], np.log1p(cost["reference_growth"])
        self.ordered = 1.0 + case.inputs.get("capacity.headroom", 0.0)
        self.intensity = np.minimum(cost["capital_intensity"], measured * self.life)  # that site cost can depreciate
        self.technology = 1.0 - measured - cost["provider_margin"]
        self.margin, self.stake = cost["provider_margin"], cost.get("buy_out_price", 1.0)
        self.saved = (1.0 - cost["incremental_technology"]) * self.technology
        self.profit_tax, self.dividend_tax = cost["profit_tax"], cost["dividend_withholding"]
        self.royalty_tax = cost["royalty_withholding"] + cost["royalty_vat"]
        self.withheld = cost["royalty_withholding"] * cost["technology_royalty"] * self.technology
        self.wacc, self.terminal, self.price = cost["discount_rate"], cost["terminal_growth"], cost["transfer_price"]
        self.force, self.domestic = np.log1p(self.wacc), cost["domestic_margin"]
        self.whole = 1.0 - np.exp(-self.force * self.life)
        self.rent = self.force / self.whole  # c
        self.even = (self.life - self.whole / self.force) / (self.life * self.whole)  # v
        self.unit = self.full * self.intensity  # capital per unit of capacity

    def idleness(self, growth: Vector) -> Vector:
        """u / u_t of the operator, u_t = (u k)^(g / ln(1 + g_ref)) / k, g at least 0, k one and the headroom."""
        planned = self.full * self.ordered
        return planned / planned ** (np.maximum(growth, 0.0) / self.reference)

    def royalty(self, idle: Vector | float) -> Vector | float:
        """1 - site cost - the operator's margin, site cost c_I - K/life + (u / u_t) K/life."""
        return 1.0 - self.site - (idle - 1.0) * self.intensity / self.life - self.operator

    def partner(self, idle: Vector | float, equity: Vector | float) -> tuple[Vector | float, ...]:
        """Loaded profit of the provider; of it the dividend; the operator's profit after it; all taxes."""
        royalty, after_tax = self.royalty(idle), self.operator * (1.0 - self.profit_tax)
        dividend = equity * after_tax * (1.0 - self.dividend_tax)
        taxes = royalty * self.royalty_tax + self.operator * self.profit_tax + equity * after_tax * self.dividend_tax
        loaded = royalty * (1.0 - self.royalty_tax) + dividend - self.technology
        return loaded, dividend, after_tax * (1.0 - equity), taxes

    def owned(self, gross: Vector | float, capacity: Vector | float, earned: Vector | float) -> tuple[Vector, ...]:
        """Loaded profit, taxes and depreciation of a site: idle capacity depreciates; tax is on loaded profit.

        What markups add is so much less of technology cost. The part of it that crosses the border is left open by the
        specification: of the cost at base margins, as the engine.
        """
        depreciation = self.unit / self.life * capacity
        before_tax = gross * (1.0 - self.site + self.intensity / self.life - self.technology) - depreciation + earned
        tax = self.profit_tax * np.maximum(before_tax, 0.0)
        taxes = tax + self.dividend_tax * np.maximum(before_tax - tax, 0.0) + gross * self.withheld
        return before_tax - taxes, taxes, depreciation

    def worth(
        self, equity: Vector, hurdle: float, hazard: float = 0.0, gains: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Vector, Vector]:
        """Of a unit of gross on an own site and with a partner, capital charged, at utilisation u."""
        force = np.log1p(self.wacc + hazard)
        rent = self.intensity * force / (1.0 - np.exp(-force * self.life))
        profit, _, depreciation = self.owned(1.0, 1.0 / self.full, gains[0])
        partner = self.partner(1.0, equity)[0] + gains[1] + self.saved + equity * (depreciation - rent)
        return profit + self.saved + depreciation - hurdle * rent, partner
