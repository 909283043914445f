"""The outcomes by name: unit, meaning, and where each exists. `docs/reference/variables.md` is held against this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sim.scenario.grants import has_mix
from sim.scenario.money import in_currency
from sim.scenario.scenario import Scenario

__all__ = ["ONLY_WHERE", "VARIABLES", "VariableInfo", "exists_in", "unit_of"]


@dataclass(frozen=True)
class VariableInfo:
    """What one variable is.

    Attributes
    ----------
    unit : str
        Unit of every number of the variable; money, `bn` and `bn/yr`, is in the currency of the scenario (`unit_of`).
    meaning : str
        One line.
    scopes, items : str
        In words, for the table of the documentation; empty where there is none.
    missing : {'', 'undefined', 'never'}
        Whether it exists in every draw; if not, whether statistics leave such draws out (`undefined`) or count
        them as later than any (`never`).
    summary : {'level', 'difference', 'comparison', 'none'}
        What `summary.csv` holds: the level; the paired difference to the baseline, because the level is mostly
        shocks; nothing, because it exists in `comparison.csv` alone; or nothing, because it is an index of categories.
    is_yes_or_no : bool
        Whether it is 1 or 0 in a draw, so that its mean is the share of draws, and its median says nothing.
    """

    unit: str
    meaning: str
    scopes: str
    items: str
    missing: Literal["", "undefined", "never"] = ""
    summary: Literal["level", "difference", "comparison", "none"] = "level"
    is_yes_or_no: bool = False

    @property
    def may_be_missing(self) -> bool:
        """Whether a draw may have no value."""
        return bool(self.missing)


_LAYERS: Final = "each layer"
_ALL: Final = "each layer, total"
_FOREIGN: Final = "each foreign provider"
_GROUP: Final = f"{_FOREIGN}, `foreign`"
_FLOW: Final = "bn/yr"

VARIABLES: Final[Mapping[str, VariableInfo]] = {
    "market_size": VariableInfo(_FLOW, "spending of all customers", _ALL, ""),
    "market_volume": VariableInfo(
        "unit", "the same in the unit of the market, at its price. Only where unit and price are stated", _ALL, ""
    ),
    "market_share": VariableInfo("fraction", "share of spending, through all channels", _ALL, "each provider"),
    "foreign_share": VariableInfo("fraction", "share of all foreign providers together", _ALL, ""),
    "market_expansion": VariableInfo("ratio", "spending over what it would be without own sites", _ALL, ""),
    "revenue_gross": VariableInfo(
        _FLOW,
        "what customers pay, through all channels, tariffs included",
        _ALL,
        "each provider, `foreign`, `domestic`",
    ),
    "revenue_retained": VariableInfo(
        _FLOW,
        "net royalty of the partner channel, gross revenue of own sites, and from abroad what the tariff leaves",
        _ALL,
        _GROUP,
    ),
    "owned_revenue": VariableInfo(_FLOW, "what customers pay at own sites", _ALL, _GROUP),
    "operating_profit": VariableInfo(_FLOW, "profit after tax, all technology cost charged", "total", _GROUP),
    "incremental_profit": VariableInfo(
        _FLOW, "profit after tax, only the incremental part of technology cost charged", "total", _GROUP
    ),
    "value_flow": VariableInfo(
        _FLOW, "incremental profit, plus depreciation, less the rent of the capital in place", "total", _GROUP
    ),
    "cash_flow": VariableInfo(_FLOW, "incremental profit, plus depreciation, less capital spending", "total", _GROUP),
    "capex": VariableInfo(_FLOW, "capital spending on own sites and on equity in operators", "total", _GROUP),
    "capacity": VariableInfo(_FLOW, "spending that own sites can serve, at the end of the year", "total", _GROUP),
    "capital_value": VariableInfo(
        "bn",
        "rent that capital in place still bears at the end of the last year, at present value",
        "total",
        _GROUP,
    ),
    "npv": VariableInfo(
        "bn", "value of the value flow at the end of the base year, without a terminal value", "total", _GROUP
    ),
    "npv_of_equity": VariableInfo(
        "bn", "the part of it that equity in operators brings, the rent of its capital charged", "total", _GROUP
    ),
    "npv_with_terminal": VariableInfo("bn", "the same with a terminal value", "total", _GROUP),
    "irr": VariableInfo("1/yr", "internal rate of return of the own site", "total", _FOREIGN, missing="undefined"),
    "payback": VariableInfo(
        "years", "from launch until the own site has paid back its capital", "total", _FOREIGN, missing="never"
    ),
    "enters": VariableInfo(
        "fraction", "1 where an own site is launched by the end, else 0", "total", _FOREIGN, is_yes_or_no=True
    ),
    "buys_out": VariableInfo(
        "fraction",
        "1 where the partner's operator is bought by the end, else 0. Only where somebody may buy its partner out",
        "total",
        _FOREIGN,
        is_yes_or_no=True,
    ),
    "irr_of_difference": VariableInfo(
        "1/yr",
        "internal rate of return of what a scenario's cash flow adds to the baseline's, and its capital at the end",
        "total",
        _GROUP,
        missing="undefined",
        summary="comparison",
    ),
    "payback_of_difference": VariableInfo(
        "years",
        "until the cash flow added to the baseline's is no longer negative in sum; 0 where it never is",
        "total",
        _GROUP,
        missing="undefined",
        summary="comparison",
    ),
    "regret": VariableInfo(
        "fraction",
        "1 where a provider launches an own site and has less npv_with_terminal than under the baseline, else 0",
        "total",
        _FOREIGN,
        summary="comparison",
        is_yes_or_no=True,
    ),
    "buy_out_regret": VariableInfo(
        "fraction",
        "1 where a provider buys its partner out and has less npv_with_terminal than under the baseline, else 0",
        "total",
        _FOREIGN,
        summary="comparison",
        is_yes_or_no=True,
    ),
    "operator_profit": VariableInfo(_FLOW, "after-tax profit of the local operators", "total", ""),
    "cross_border_revenue": VariableInfo(
        _FLOW,
        "what customers pay for what is served from abroad, the tariff included. Only where there is such a channel",
        _ALL,
        _GROUP,
    ),
    "domestic_revenue": VariableInfo(_FLOW, "what customers pay domestic providers", _ALL, ""),
    "domestic_gross_profit": VariableInfo(
        _FLOW, "domestic revenue times the margin of domestic rivals, which follows their markups", "total", ""
    ),
    "tax_take": VariableInfo(_FLOW, "taxes on the revenue of foreign providers, in both channels", "total", ""),
    "consumer_gain": VariableInfo(
        _FLOW,
        "what customers gain from prices and choice; only differences mean anything",
        _ALL,
        "",
        summary="difference",
    ),
    "markup": VariableInfo(
        "ratio", "price over marginal cost, spending-weighted, in the last period of the year", _LAYERS, "each provider"
    ),
    "domestic_quality": VariableInfo("index", "quality of domestic offers, 1 in the base year", _LAYERS, ""),
    "implied_tariff_equivalent": VariableInfo(
        "fraction",
        "tariff on foreign offers that would do what the lack of control does",
        "layer of the hypothesis",
        "",
    ),
    "control_premium": VariableInfo(
        "1",
        "utility that full control of its business is worth to a foreign provider (phi); 0 where a hypothesis asks "
        "for nothing that control could bring. Only where channels, or the regime of a hypothesis, are stated",
        "layer of the hypothesis",
        "",
    ),
    "event_date": VariableInfo(
        "year",
        "when it happens",
        "",
        "each policy step; each foreign provider with `.decide`, `.apply`, `.approve`, `.site`, `.launch`, "
        "`.withdraw`, `.transfer`, `.buy_out`; each that comes or leaves with `.arrive`, `.exit`",
        missing="never",
    ),
    "wait": VariableInfo(
        "years",
        "waited for a reviewer, for the yearly quota, for a place in the zone",
        "",
        "each foreign provider with `.queue`, `.quota`, `.site`",
    ),
    "opening_hypothesis": VariableInfo(
        "category", "which hypothesis on the long run holds, as an index in listed order", "", "", summary="none"
    ),
    "zone_reading": VariableInfo(
        "category", "which reading of the zone licence holds, as an index in listed order", "", "", summary="none"
    ),
}
"""Every outcome that a result holds, in the order of the tables."""

ONLY_WHERE: Final[Mapping[str, Callable[[Scenario], bool]]] = {
    "market_volume": lambda scenario: scenario.market.unit is not None,
    "buys_out": lambda scenario: scenario.buys_out,
    "cross_border_revenue": lambda scenario: scenario.channel_of("cross_border") is not None,
    "control_premium": has_mix,
    "zone_reading": lambda scenario: scenario.zone is not None,
}
"""Variables that only some scenarios have, and which."""


def exists_in(scenario: Scenario, variable: str) -> bool:
    """Whether a scenario has the variable at all."""
    return variable not in ONLY_WHERE or ONLY_WHERE[variable](scenario)


def unit_of(variable: str, currency: str, counted: str | None = None) -> str:
    """The unit of a variable as results state it: with the currency where it is money, or what the market counts."""
    unit = VARIABLES[variable].unit
    return counted if unit == "unit" and counted is not None else in_currency(unit, currency)
