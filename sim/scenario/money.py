"""What a market is counted in: the currency, what others are worth in it, and what one of the things sold brings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

__all__ = [
    "ANY",
    "COUNT_FORM",
    "CURRENCY",
    "DEFAULT_CURRENCY",
    "PRICE_FORM",
    "Currency",
    "Goods",
    "Ledger",
    "goods_of",
    "in_currency",
    "is_amount",
    "price_objection",
]

CURRENCY: Final = "[A-Z]{3}"
"""An ISO code; which there are is no matter of the program."""

DEFAULT_CURRENCY: Final = "USD"
"""Of a scenario that names none."""


def _is_currency(text: str) -> str:
    if re.fullmatch(CURRENCY, text) is None:
        raise ValueError(f"must be an ISO code of three capital letters, such as {DEFAULT_CURRENCY} (found {text!r})")
    return text


Currency = Annotated[str, AfterValidator(_is_currency), WithJsonSchema({"type": "string", "pattern": f"^{CURRENCY}$"})]

_SIZES: Final = {"bn": 1.0, "m": 1e-3}
_AMOUNT: Final = re.compile(rf"({CURRENCY}) ({'|'.join(_SIZES)})(?:/yr)?")


def is_amount(unit: str, per_year: str = "") -> bool:
    """Whether a unit is a size of some currency, once or `per_year`."""
    return re.fullmatch(rf"{CURRENCY} ({'|'.join(_SIZES)}){per_year}", unit) is not None


COUNT_FORM: Final = rf"(?!{CURRENCY}\b)(?:(?:bn|m|k) [A-Za-z].*|[A-Za-z].*/yr)"
"""A number of things, as `m tons/yr` or `m subscribers`."""

PRICE_FORM: Final = rf"({CURRENCY}) per ([A-Za-z].*?)(/yr)?"

_COUNT: Final = re.compile(r"(?:(bn|m|k) )?([A-Za-z].*?)(/yr)?")
_COUNTS: Final[Mapping[str | None, float]] = {"bn": 1e9, "m": 1e6, "k": 1e3, None: 1.0}
_BILLION: Final = 1e9


@dataclass(frozen=True)
class Goods:
    """What is sold in a market whose size is counted in it.

    Attributes
    ----------
    noun : str
        What things are called, many of them.
    per_year : str
        `/yr` where they are sold in a year, and nothing where so many pay every year.
    price : float
        What one brings, or brings a year, in the own currency; NaN where that is not stated in a known one.
    """

    noun: str
    per_year: str
    price: float

    def scale(self, unit: str) -> float | None:
        """Billions a year of the own currency in a unit; None if it is no number of them."""
        match = _COUNT.fullmatch(unit)
        if match is None or (match[2], match[3] or "") != (self.noun, self.per_year):
            return None
        return _COUNTS[match[1]] * self.price / _BILLION


def price_objection(unit: str, price_unit: str) -> str:
    """What keeps a price from being that of what a market is counted in, with the remedy; empty if nothing does."""
    count, price = _COUNT.fullmatch(unit), re.fullmatch(PRICE_FORM, price_unit)
    assert count is not None
    assert price is not None
    noun, one = count[2], price[2]
    allowed = "" if count[3] else "/yr"
    if one in (noun, *_singulars(noun)) and (price[3] or "") == allowed:
        return ""
    found = f"must be the price of what market.unit counts (found '{price_unit}' and '{unit}'"
    return f"{found}; allowed '{price[1]} per {_singulars(noun)[0]}{allowed}')"


def _singulars(noun: str) -> tuple[str, ...]:
    """What one of some things may be called."""
    ends = (("ies", "y"), ("s", ""), ("es", ""))
    return tuple(noun.removesuffix(end) + one for end, one in ends if noun.endswith(end)) or (noun,)


def in_currency(unit: str, currency: str) -> str:
    """A unit as results state it: those of money, `bn` and `bn/yr`, with the currency; others as they are."""
    return f"{currency} {unit}" if unit.partition("/")[0] == "bn" else unit


@dataclass(frozen=True)
class Ledger:
    """In which currency a scenario counts, and how others are converted to it.

    Attributes
    ----------
    currency : str
    rates : mapping of str to float
        Other currency to how much of it one of the own is worth.
    label : str
        What results call the own one.
    goods : Goods or None
        What the market is counted in, if not in money.
    """

    currency: str
    rates: Mapping[str, float]
    label: str = ""
    goods: Goods | None = None

    def canonical(self, unit: str) -> str:
        """A unit as results state it."""
        return in_currency(unit, self.label or self.currency)

    @property
    def currencies(self) -> tuple[str, ...]:
        """Those that amounts may be stated in, the own one first."""
        return (self.currency, *self.rates)

    def scale(self, unit: str) -> float:
        """Billions of the own currency in a unit such as `EUR m/yr` or `EUR bn`, of which `objection` says nothing."""
        match = _AMOUNT.fullmatch(unit)
        if match is None:
            count = None if self.goods is None else self.goods.scale(unit)
            assert count is not None
            return count
        factor = _SIZES[match[2]]
        return factor if match[1] == self.currency else factor / self.rates[match[1]]

    def objection(self, unit: str) -> str:
        """What keeps amounts in a unit from being converted, with the remedy; empty if nothing does."""
        match = _AMOUNT.fullmatch(unit)
        if match is None:
            return self._no_count(unit)
        if match[1] == self.currency or match[1] in self.rates:
            return ""
        known = ", ".join(self.currencies)
        return (
            f"no rate for {match[1]} (found unit '{unit}'; allowed {known}); state exchange_rates.{match[1]} in "
            f"'{match[1]} per {self.currency}' or '{self.currency} per {match[1]}'"
        )

    def _no_count(self, unit: str) -> str:
        """The same of a number of things."""
        if self.goods is None:
            return (
                f"counts what has no price (found unit '{unit}'; allowed {self.currency} bn/yr); state market.unit and "
                "market.price, or an amount of money"
            )
        known = self.goods.scale(unit) is not None
        allowed = f"m {self.goods.noun}{self.goods.per_year}"
        return "" if known else f"counts another thing than market.unit (found unit '{unit}'; allowed '{allowed}')"


def goods_of(unit: str, price_unit: str, price: float, ledger: Ledger) -> Goods:
    """What a market is counted in, from its unit and price."""
    count, stated = _COUNT.fullmatch(unit), re.fullmatch(PRICE_FORM, price_unit)
    assert count is not None
    assert stated is not None
    worth = ledger.scale(f"{stated[1]} bn") if stated[1] in ledger.currencies else nan
    return Goods(count[2], count[3] or "", price * worth)


class _Any(Ledger):
    """Accepts every currency as if it were the own one."""

    def scale(self, unit: str) -> float:
        """The size alone."""
        match = _AMOUNT.fullmatch(unit)
        return 1.0 if match is None else _SIZES[match[2]]

    def objection(self, unit: str) -> str:
        """None."""
        return ""


class _Anything(Goods):
    """Accepts every number of things as if it were money."""

    def scale(self, unit: str) -> float | None:
        """One, of what is none of money."""
        return None if re.fullmatch(COUNT_FORM, unit) is None else 1.0


ANY: Final[Ledger] = _Any(DEFAULT_CURRENCY, {}, goods=_Anything("", "", 1.0))
"""Where an amount is only looked at, with no scenario that it is for."""
