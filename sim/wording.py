"""Names and numbers in words: the one place for how an identifier, a share or an amount of money reads."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Final

__all__ = [
    "SPELLING",
    "billions",
    "capital",
    "change",
    "listed",
    "long_date",
    "money",
    "percent",
    "points",
    "readable",
    "signed",
    "with_unit",
]

SPELLING: Final = {word.lower(): word for word in ("NPV", "IRR", "VAT")}
"""Abbreviations in lower case to their usual spelling."""


def readable(identifier: str) -> str:
    """An id or a dotted path as words: its marks as spaces, known abbreviations in their usual spelling."""
    if identifier == "total":
        return "all layers"
    words = identifier.replace(".", " ").replace("_", " ").split()
    return " ".join(SPELLING.get(word, word) for word in words)


def capital(text: str) -> str:
    """The text with a capital at its beginning; the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence one after the other, at least one."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def long_date(day: datetime.date) -> str:
    """A day as one says it: 30 April 2019."""
    return f"{day.day} {day:%B %Y}"


def with_unit(number: str, unit: str) -> str:
    """A number with its unit as one says it; fractions and what has none stay alone."""
    said = "" if unit in ("", "1", "fraction", "probability") else unit.replace("/yr", " a year")
    return f"{number}{said}" if said.startswith("%") or not said else f"{number} {said}"


def percent(value: float) -> str:
    """A value in percent: whole from ten on, else with one digit."""
    size = f"{abs(value):.{0 if abs(value) >= 9.95 else 1}f}"
    return (size if value >= 0 else signed(value, size)) + "%"


def money(value: float) -> str:
    """An amount with as many digits as one remembers."""
    digits = 0 if abs(value) >= 9.95 else 1 if abs(value) >= 0.995 else 2
    size = f"{abs(value):,.{digits}f}"
    return size if value >= 0 else signed(value, size)


def billions(value: float, currency: str) -> str:
    """An amount in billions with its currency."""
    return f"{currency} {money(value)}bn"


def points(value: float) -> str:
    """A difference of shares in percentage points, with sign."""
    return signed(value, f"{abs(value):.{0 if abs(value) >= 9.95 else 1}f}")


def change(value: float) -> str:
    """A difference of amounts, with sign."""
    return signed(value, money(abs(value)))


def signed(value: float, size: str) -> str:
    """`size` with the sign of `value`; none where it reads as zero."""
    return size if not float(size.replace(",", "")) else ("+" if value > 0 else "−") + size
