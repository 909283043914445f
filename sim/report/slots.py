"""Numbers of a page that a script may write anew: each stands in a slot that says what it is and in which form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from sim.analysis.reweighting import PROBABILITIES, Weighted, describe_weighted
from sim.axes import FloatArray, IntArray
from sim.report.quantities import Number
from sim.report.sliders import Category
from sim.wording import change, money, percent, points

__all__ = ["FORMS", "Given", "Row", "Slots"]

Given = tuple[int, int]
"""A category and the level of it that is to hold."""

FORMS: Final[Mapping[str, Callable[[float], str]]] = {
    "share": lambda value: percent(100 * value),
    "points": lambda value: points(100 * value),
    "size": lambda value: f"{100 * value:.2f}",
    "money": money,
    "change": change,
    "chance": lambda value: _chance(value),
}
"""How a number is written; the script has the same."""

_NEARLY: Final = 0.005
"""What rounds to nothing, or to all, and is neither."""


def _chance(value: float) -> str:
    """A share of draws; none and all are told from nearly so."""
    if value in (0.0, 1.0) or _NEARLY <= value < 1 - _NEARLY:
        return f"{100 * value:.0f}%"
    return "<1%" if value < _NEARLY else ">99%"


_ERRORS: Final = {"share": "size", "points": "size", "money": "money", "change": "money"}
"""Forms of a number and of its error."""

_QUANTILES: Final = tuple(f"p{100 * level:02.0f}" for level in PROBABILITIES)


@dataclass(frozen=True)
class Row:
    """A number under a title, in all draws or in those in which a level of a category holds."""

    title: str
    number: Number
    given: Given | None = None


class Slots:
    """The slots of some numbers.

    Parameters
    ----------
    numbers : sequence of Number
        Those of the same draws share a column.
    categories : sequence of Category
    """

    def __init__(self, numbers: Sequence[Number], categories: Sequence[Category]) -> None:
        columns: dict[bytes, FloatArray] = {}
        keys = {number.label: number.values.tobytes() for number in numbers}
        for number in numbers:
            columns.setdefault(keys[number.label], number.values)
        order = {key: place for place, key in enumerate(columns)}
        self.places: Final = {label: order[key] for label, key in keys.items()}
        """Of each number by its label, its place among the columns."""

        self.columns: Final = tuple(columns.values())
        """Arrays (N,), each once."""

        self._categories = categories
        self._orders: dict[str, IntArray] = {}
        self._stated: dict[tuple[str, Given | None], Weighted] = {}

    def place(self, number: Number) -> int:
        """The place of a number among the columns."""
        return self.places[number.label]

    def key(self, row: Row) -> str:
        """What a slot is of, as the script reads it."""
        return " ".join(map(str, (self.place(row.number), *(row.given or ()))))

    def stated(self, row: Row) -> Weighted:
        """What the whole run says of a row."""
        known = (row.number.label, row.given)
        if known not in self._stated:
            values = self._ordered(row.number, row.given)
            self._stated[known] = describe_weighted(values, np.ones(len(values)))
        return self._stated[known]

    def _ordered(self, number: Number, given: Given | None) -> FloatArray:
        """Draws in rising order."""
        if number.label not in self._orders:
            self._orders[number.label] = np.argsort(number.values, kind="stable")
        order = self._orders[number.label]
        if given is not None:
            order = order[self._categories[given[0]].index[order] == given[1]]
        return number.values[order]

    def slot(self, row: Row, statistic: str, form: str = "") -> str:
        """A number in its slot.

        Parameters
        ----------
        row : Row
        statistic : str
            `p05` to `p95`, `mean`, `above` for the share above 0, or `error` of the median.
        form : str
            Of `FORMS`; the number's own by default.
        """
        form = form or row.number.form
        place, *given = self.key(row).split()
        text = FORMS[form](_statistic(self.stated(row), statistic))
        return f'<span data-live="{" ".join([place, statistic, form, *given])}">{escape(text)}</span>'

    def error(self, row: Row) -> str:
        """The error of a row's median, in its slot."""
        return self.slot(row, "error", _ERRORS[row.number.form])

    def band(self, row: Row) -> str:
        """Median and 90%."""
        low, middle, high = (self.slot(row, statistic) for statistic in ("p05", "p50", "p95"))
        return f"<b>{middle}</b> ({low} to {high})"

    def words(self, row: Row, after: str) -> str:
        """Median, 90% and mean, each by its name; `after` follows the first number."""
        low, middle, high, mean = (self.slot(row, statistic) for statistic in ("p05", "p50", "p95", "mean"))
        return f"<b>{middle}</b> {after} (median; {low} to {high}; mean {mean})"

    def span(self, rows: Sequence[Row]) -> tuple[float, float]:
        """Ends of an axis with room to move: 0 and 90% of draws, whichever level of a category holds."""
        levels = [
            (place, level)
            for place, category in enumerate(self._categories)
            for level in range(len(category.levels))
            if (category.index == level).any()
        ]
        ends = [self._ends(row.number, given) for row in rows for given in (None, *levels)]
        low, high = min(0.0, float(np.min(ends))), max(0.0, float(np.max(ends)))
        room = 0.1 * (high - low) or 1.0
        return (low - room if low < 0 else 0.0, high + room)

    def _ends(self, number: Number, given: Given | None) -> FloatArray:
        values = self._ordered(number, given)
        return values[[len(values) // 20, len(values) - 1 - len(values) // 20]]


def _statistic(stated: Weighted, name: str) -> float:
    if name in _QUANTILES:
        return float(stated.quantiles[_QUANTILES.index(name)])
    return {"mean": stated.mean, "above": stated.positive, "error": float(stated.quantile_errors[2])}[name]
