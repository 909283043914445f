"""Numbers over draws in words: a median with its band and, wherever it reads differently, the mean, each named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sim.outcomes.stakes import Spread
from sim.wording import change, percent, points, signed

__all__ = [
    "BAND",
    "Form",
    "as_change",
    "as_level",
    "as_number",
    "as_percent",
    "as_points",
    "mean_and_median",
    "share_of_draws",
    "signed_money",
    "signed_points",
]

Form: TypeAlias = Callable[[float], str]
"""How a number reads."""

BAND: Final = "90% of draws "
"""What the band of a spread is, where that is not said before."""


def as_level(spread: Spread, form: Form, after: str = "", band: str = "") -> str:
    """A level with its band, and its mean where that reads differently; `after` stands behind the median."""
    return _banded(spread, form, form, after, band)


def as_change(spread: Spread, form: Form, after: str = "", band: str = "") -> str:
    """The same of a difference, whose median and mean have a sign; `form` is of its size."""
    return _banded(spread, lambda value: signed(value, form(abs(value))), form, after, band)


def _banded(spread: Spread, own: Form, form: Form, after: str, band: str) -> str:
    middle, mean = as_number(spread.median, own), as_number(spread.mean, own)
    low, high = as_number(spread.low, form), as_number(spread.high, form)
    if low == high == middle.lstrip("+") == mean.lstrip("+"):
        return f"{middle}{after} in nearly every draw"
    names = ("median; ", f"; mean {mean}") if mean != middle else ("", "")
    return f"{middle}{after} ({names[0]}{band}{low.removesuffix('%')} to {high}{names[1]})"


def as_number(value: float, form: Form) -> str:
    """A number in its form; what reads as nothing is a plain 0."""
    text = form(value).replace("-", "−")
    return text if text.strip("+−0.%") else "0%" if text.endswith("%") else "0"


def as_points(value: float) -> str:
    """A difference of shares as percentage points, without a plus."""
    return points(100 * value).lstrip("+")


def signed_points(value: float) -> str:
    """A difference of shares as percentage points, with its sign."""
    return as_number(100 * value, points)


def as_percent(value: float) -> str:
    """A share in percent."""
    return percent(100 * value)


def signed_money(value: float) -> str:
    """A difference of amounts, with its sign."""
    return as_number(value, change)


def share_of_draws(part: float) -> str:
    """A share of the draws; none and all are told from nearly so."""
    if part in (0.0, 1.0):
        return f"{100 * part:.0f}%"
    text = percent(100 * part)
    text = f"{100 * part:.1f}%" if text == "100%" else text
    return {"0.0%": "under 0.1%", "100.0%": "over 99.9%"}.get(text, text)


def mean_and_median(spread: Spread) -> str:
    """What a party gains or loses in the mean, and in brackets the median where that reads differently."""
    mean, middle = signed_money(spread.mean), signed_money(spread.median)
    return mean + (f" ({middle})" if middle != mean else "")
