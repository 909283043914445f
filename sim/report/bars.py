"""Small figures that Python draws and a script may move: an interval on an axis, and a fan over some years.

A figure is SVG without text that would not scale; the numbers stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Final

from sim.axes import FloatArray

__all__ = ["axis", "bar", "fan"]

_WIDTH: Final = 1000
_LEFT, _RIGHT, _TOP, _BOTTOM = 28, 228, 10, 118
"""Of a fan's panel of 244 by 140; the script knows the last two."""

_TICKS: Final = 5


def _inside(part: float) -> float:
    return min(max(part, 0.0), 1.0)


def bar(quantiles: FloatArray, span: tuple[float, float], key: str, colour: str) -> str:
    """Median, 50% and 90% on a common axis, dashed about them the 90% that do not move.

    Parameters
    ----------
    quantiles : array (5,)
        5%, 25%, 50%, 75% and 95% points.
    span : tuple of float
        Ends of the axis.
    key : str
        What the script draws here.
    colour : str
    """
    low, high = span
    at = [_WIDTH * _inside((value - low) / (high - low)) for value in quantiles]
    zero = _WIDTH * (0 - low) / (high - low)
    mark = f'<rect x="{zero - 1:.0f}" width="2" y="0" height="20" class="live-zero"/>' if 0 <= zero <= _WIDTH else ""
    return (
        f'<svg viewBox="0 0 {_WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">{mark}'
        f'{_piece("live-run", at[0], at[4], 2)}<g data-bar="{key}" data-span="{low:.6g} {high:.6g}" '
        f'style="--own:{colour}">{_piece("live-90", at[0], at[4], 8)}{_piece("live-50", at[1], at[3], 5)}'
        f"{_piece('live-median', at[2] - 3, at[2] + 3, 3)}</g></svg>"
    )


def _piece(name: str, low: float, high: float, top: int) -> str:
    width = max(high - low, 2)
    return f'<rect class="{name}" x="{low:.0f}" width="{width:.0f}" y="{top}" height="{20 - 2 * top}"/>'


def axis(span: tuple[float, float], factor: float) -> str:
    """Round numbers above the bars of an axis, each at its place; `factor` makes of a value what is written."""
    low, high = span
    return "".join(
        f'<span style="left:{100 * (value / factor - low) / (high - low):.1f}%">{value:,g}</span>'.replace(">-", ">−")
        for value in _ticks(factor * low, factor * high)
    )


def _ticks(low: float, high: float) -> list[float]:
    """A few round numbers between two ends."""
    step = 10.0 ** floor(log10(high - low))
    step *= next(part for part in (0.2, 0.5, 1, 2, 5) if (high - low) / (step * part) <= _TICKS)
    return [float(f"{step * place:.10g}") for place in range(ceil(low / step), floor(high / step) + 1)]


def fan(quantiles: Sequence[FloatArray], years: Sequence[int], top: float, keys: str, look: tuple[str, str]) -> str:
    """A panel of shares over some years: median, 50% and 90%, dashed the 90% that do not move.

    Parameters
    ----------
    quantiles : sequence of arrays (5,)
        Of each year.
    years : sequence of int
    top : float
        Upper end of the axis, which begins at 0.
    keys : str
        What the script draws here.
    look : tuple of str
        Colour, and what the panel is called.
    """
    xs = [f"{_LEFT + (_RIGHT - _LEFT) * (year - years[0]) / (years[-1] - years[0]):.1f}" for year in years]

    def line(level: int) -> list[str]:
        return [f"{x},{_height(own[level], top):.1f}" for x, own in zip(xs, quantiles, strict=True)]

    def band(low: int, high: int) -> str:
        return " ".join([*line(low), *reversed(line(high))])

    colour, words = look
    return (
        f'<svg viewBox="0 0 244 140" role="img" aria-label="{words}">{_frame(xs, years, top)}<g data-fan="{keys}" '
        f'data-x="{" ".join(xs)}" data-top="{top:.6g}" style="--own:{colour}">'
        f'<polygon class="live-90" points="{band(0, 4)}"/><polygon class="live-50" points="{band(1, 3)}"/>'
        f'<polyline class="live-median" points="{" ".join(line(2))}"/></g>'
        f'<polygon class="live-run" points="{band(0, 4)}"/></svg>'
    )


def _height(value: float, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * _inside(value / top)


def _frame(xs: Sequence[str], years: Sequence[int], top: float) -> str:
    marks = [f'<text x="{x}" y="132" text-anchor="middle">{year}</text>' for x, year in zip(xs, years, strict=True)]
    for value in _ticks(0, 100 * top):
        y = _height(value / 100, top)
        marks.append(f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" class="live-grid"/>')
        marks.append(f'<text x="{_LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{value:g}%</text>')
    return "".join(marks)
