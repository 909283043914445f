"""What a run is worth to one who decides, at a discount rate of its own: the same in every draw.

The rate stands in discounting, in the rent of capital and in the terminal value alike. Whoever else decides to build
in the run did so at the rate of its draw: only what came of it is valued anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.axes import FloatArray
from sim.dates.timeline import Masks, Timeline
from sim.kernels.finance import discount_factors, present_value
from sim.model.accounts import outcomes
from sim.model.economy import Economy
from sim.model.record import Record
from sim.model.streams import Streams
from sim.outcomes.panels import Panel
from sim.scenario.scenario import Scenario

__all__ = ["Terms", "date_value", "flow_value", "valued_panels", "worth_until"]


@dataclass(frozen=True)
class Terms:
    """How flows are valued at the end of the base year.

    Attributes
    ----------
    rate, growth : float
        Discount rate, and growth after the horizon; per year.
    """

    rate: float
    growth: float

    def of(self, economy: Economy) -> Economy:
        """An economy in which these are the rates of every draw."""
        own = (f"providers.{name}.economics.discount_rate" for name in economy.providers)
        rates = ("economics.discount_rate", *(name for name in own if name in economy.inputs))
        fixed = {**dict.fromkeys(rates, self.rate), "economics.terminal_growth": self.growth}
        inputs = {name: np.full(economy.draws, value) for name, value in fixed.items()}
        return replace(economy, inputs={**economy.inputs, **inputs})


def valued_panels(
    terms: Terms, names: tuple[str, ...], scenario: Scenario, run: tuple[Economy, Record, Timeline, Masks]
) -> dict[str, Panel]:
    """Some outcomes of a block of draws by variable, at these terms."""
    economy, record, timeline, masks = run
    return outcomes(names, scenario, terms.of(economy), record, timeline, masks)


def worth_until(
    terms: Terms, scenario: Scenario, run: tuple[Economy, Record, Timeline, Masks], year: int
) -> FloatArray:
    """Present value of the foreign providers' value flows until the end of a year, none after it; (F, N)."""
    economy, record, _, masks = run
    step = scenario.horizon.period_months / 12
    flows = Streams(terms.of(economy), record, masks, step).value
    periods = round((year - scenario.horizon.base_year) / step)
    return present_value(flows[:periods], np.full(economy.draws, terms.rate), step)


def flow_value(terms: Terms, panel: Panel, scope: str, item: str, base_year: int, until: int) -> FloatArray:
    """Present value of a flow by calendar year, paid in the middle of each, until the end of a year; (N,)."""
    years = [year for year in panel.years if base_year < year <= until]
    flows = np.stack([panel.column(year, scope, item) for year in years])
    factors = discount_factors(np.array([terms.rate]), len(years), 1.0)
    return np.asarray((flows * factors).sum(axis=0))


def date_value(rate: float, dates: FloatArray, base_year: int) -> FloatArray:
    """Present value of a unit of money that is paid on some dates in decimal years, 0 for never; in their shape."""
    comes = np.isfinite(dates)
    years = np.where(comes, dates, 0.0) - (base_year + 1.0)
    return np.where(comes, np.exp(-years * np.log1p(rate)), 0.0)
