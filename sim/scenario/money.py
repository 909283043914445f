"""What money is counted in: the currency of a scenario, and what amounts in others are worth in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

__all__ = ["ANY", "CURRENCY", "DEFAULT_CURRENCY", "Currency", "Ledger", "in_currency", "is_amount"]

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
    """

    currency: str
    rates: Mapping[str, float]
    label: str = ""

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
        assert match is not None
        factor = _SIZES[match[2]]
        return factor if match[1] == self.currency else factor / self.rates[match[1]]

    def objection(self, unit: str) -> str:
        """What keeps amounts in a unit from being converted, with the remedy; empty if nothing does."""
        match = _AMOUNT.fullmatch(unit)
        if match is None or match[1] == self.currency or match[1] in self.rates:
            return ""
        known = ", ".join(self.currencies)
        return (
            f"no rate for {match[1]} (found unit '{unit}'; allowed {known}); state exchange_rates.{match[1]} in "
            f"'{match[1]} per {self.currency}'"
        )


class _Any(Ledger):
    """Accepts every currency as if it were the own one."""

    def scale(self, unit: str) -> float:
        """The size alone."""
        match = _AMOUNT.fullmatch(unit)
        assert match is not None
        return _SIZES[match[2]]

    def objection(self, unit: str) -> str:
        """None."""
        return ""


ANY: Final[Ledger] = _Any(DEFAULT_CURRENCY, {})
"""Where an amount is only looked at, with no scenario that it is for."""
