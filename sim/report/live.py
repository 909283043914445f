"""The section of a report whose figures move with what its reader believes.

All of it stands there as text of the whole run, complete with scripts off. A script brings the sliders to life: it weighs
a sample of the run's draws anew, as `sim.analysis.reweighting` does, and writes every number that has a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

from sim.analysis.reweighting import FEWEST_EFFECTIVE, HEAVIEST, Weighted, describe_weighted
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray
from sim.chance.worlds import Named
from sim.outcomes.comparison import headline_years
from sim.outcomes.drivers import Attribution
from sim.outcomes.panels import Result
from sim.pictures.style import looks
from sim.report.sample import Coded, Sample
from sim.report.sliders import SHIFTS, Sliders, record_text, sliders_of
from sim.scenario.inputs import inputs
from sim.wording import change, money, percent, points

__all__ = ["live_section"]

_MOST_BYTES: Final = 360_000
"""Of a sample, before base64 makes of three bytes four."""

_BYTES_A_NUMBER: Final = 1.6
"""Of a code once it is compressed."""

_SCRAMBLES: Final = (4, 16)
"""Fewest and most that a page carries."""

_FORMS: Final[Mapping[str, Callable[[float], str]]] = {
    "share": lambda value: percent(100 * value),
    "points": lambda value: points(100 * value),
    "size": lambda value: f"{100 * value:.2f}",
    "money": money,
    "change": change,
    "chance": lambda value: f"{100 * value:.0f}%",
}
"""How a number is written; the script has the same."""

_ERRORS: Final = {"share": "size", "points": "size", "money": "money", "change": "money"}
"""Forms of a number and of its error."""

_PARTIES: Final = {
    "consumer_gain": "Customers",
    "domestic_gross_profit": "Domestic providers, gross profit",
    "operator_profit": "Local operators, profit after tax",
    "tax_take": "Treasury, tax on foreign business",
}
"""Who of the host country gains or loses."""

_ALL_YEARS: Final = 4
"""Scenarios up to which tables show every headline year."""

Given = tuple[int, int]
"""A category and the level of it that holds."""


def live_section(
    results: Sequence[Result], drawn: Mapping[str, Named], baseline: str, attributions: Sequence[Attribution]
) -> str:
    """The section, as a fragment of HTML with its style, its sample and its script.

    Parameters
    ----------
    results : sequence of Result
        On shared draws.
    drawn : mapping of str to mapping of arrays (N,)
        Columns of `inputs.nc` by scenario.
    baseline : str
        Name of the scenario that gains are counted from.
    attributions : sequence of Attribution
        What drives the main outcomes: it says which inputs have sliders.
    """
    numbers = tuple(_numbers(results, baseline))
    draws = _draws(len({number.label for number in numbers}), results[0].scenario.sampling.draws)
    return _Section(results, baseline, numbers, sliders_of(results, drawn, attributions, draws), draws).html()


def _draws(columns: int, draws: int) -> int:
    """As many whole scrambles of a run as a page has room for."""
    fewest, most = _SCRAMBLES
    room = int(_MOST_BYTES / (_BYTES_A_NUMBER * columns * DRAWS_PER_SCRAMBLE))
    return min(draws, DRAWS_PER_SCRAMBLE * min(max(room, fewest), most))


@dataclass(frozen=True)
class _Number:
    """An outcome of a scenario: in which table, of which row there, and its draws, array (N,)."""

    table: str
    scenario: str
    item: str
    year: int
    form: str
    values: FloatArray

    @property
    def label(self) -> str:
        """Tells it from all others."""
        return f"{self.table}/{self.scenario}/{self.item}/{self.year}"


def _numbers(results: Sequence[Result], baseline: str) -> Iterator[_Number]:
    """What the section speaks of."""
    base = next(result for result in results if result.name == baseline)
    for result in results:
        yield from _levels(result)
    for result in results:
        if result is not base:
            yield from _gains(result, base)


def _levels(result: Result) -> Iterator[_Number]:
    for table, variable, item, form in (
        ("share", "foreign_share", "", "share"),
        ("revenue", "revenue_retained", "foreign", "money"),
    ):
        if variable in result.panels:
            panel = result.panels[variable]
            for year in headline_years(panel):
                yield _Number(table, result.name, "", year, form, panel.column(year, "total", item))
    for item, values, year in _worth(result):
        yield _Number("value", result.name, item, year, "change", values)


def _worth(result: Result) -> Iterator[tuple[str, FloatArray, int]]:
    """Present value of each foreign provider and of all of them."""
    panel = result.panels.get("npv_with_terminal")
    for scope, item in panel.items if panel else ():
        yield item, panel.column(panel.years[-1], scope, item), panel.years[-1]


def _gains(result: Result, base: Result) -> Iterator[_Number]:
    """What a scenario adds to the baseline, draw by draw."""
    if "foreign_share" in result.panels:
        for year in headline_years(result.panels["foreign_share"])[1:]:
            own, other = (one.panels["foreign_share"].column(year, "total", "") for one in (result, base))
            yield _Number("gain", result.name, "", year, "points", own - other)
    before = {item: values for item, values, _ in _worth(base)}
    for item, values, year in _worth(result):
        yield _Number("worth", result.name, item, year, "change", values - before.get(item, 0.0))
    yield from _host(result, base)


def _host(result: Result, base: Result) -> Iterator[_Number]:
    """What each party of the host country gains in the last year, and all of them together."""
    held = [party for party in _PARTIES if party in result.panels and party in base.panels]
    year = result.scenario.horizon.end_year
    gains = {
        party: result.panels[party].column(year, "total", "") - base.panels[party].column(year, "total", "")
        for party in held
    }
    if len(gains) == len(_PARTIES):
        yield _Number("host", result.name, "", year, "change", np.sum(list(gains.values()), axis=0))
    for party, values in gains.items():
        yield _Number("host", result.name, party, year, "change", values)


@dataclass(frozen=True)
class _Row:
    """A line of a table: what it is of, the number, and which level of a category is to hold."""

    title: str
    number: _Number
    given: Given | None = None


@dataclass(frozen=True)
class _Section:
    """The section of some results."""

    results: Sequence[Result]
    baseline: str
    numbers: tuple[_Number, ...]
    sliders: Sliders
    draws: int

    @cached_property
    def _sample(self) -> Sample:
        sample = Sample(self.draws)
        for number in self.numbers:
            sample.place(number.label, number.values)
        return sample

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {result.name: escape(result.scenario.title) for result in self.results}

    @cached_property
    def _stated(self) -> dict[tuple[str, Given | None], Weighted]:
        return {}

    def html(self) -> str:
        """All of it."""
        here = Path(__file__)
        style, script = (here.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".css", ".js"))
        parts = [
            f'<section id="live" class="live"><style>{style}</style><h2>By hypothesis, live</h2>',
            *self._controls(),
            '<div class="live-body">',
            *self._sentences(),
            *self._fans(),
            *self._tables(),
            *self._by_level(),
            "</div>",
            self._how(),
            f'<script type="application/octet-stream" class="live-sample">{self._payload()}</script>',
            f"<script>{script}</script></section>",
        ]
        return "\n".join(parts)

    # ------------------------------------------------------------ numbers

    def _weighted(self, number: _Number, given: Given | None = None) -> Weighted:
        """What the whole run says of a number, or its draws in which a level holds."""
        key = (number.label, given)
        if key not in self._stated:
            weights = np.ones(len(number.values))
            if given is not None:
                weights = (self.sliders.categories[given[0]].index == given[1]).astype(float)
            self._stated[key] = describe_weighted(number.values, weights)
        return self._stated[key]

    def _slot(self, row: _Row, statistic: str, form: str = "") -> str:
        """A number in its slot: the text of the whole run, and what the script writes there."""
        form = form or row.number.form
        value = _statistic(self._weighted(row.number, row.given), statistic)
        given = "" if row.given is None else f" {row.given[0]} {row.given[1]}"
        place = self._sample.labels.index(row.number.label)
        return f'<span data-live="{place} {statistic} {form}{given}">{_FORMS[form](value)}</span>'

    def _range(self, row: _Row) -> str:
        low, middle, high = (self._slot(row, statistic) for statistic in ("p05", "p50", "p95"))
        return f"<b>{middle}</b> ({low} to {high})"

    def _number(self, table: str, scenario: str, item: str = "", year: int = 0) -> _Row | None:
        """A number by its table; without a year the last one."""
        own = [one for one in self.numbers if (one.table, one.scenario, one.item) == (table, scenario, item)]
        own = [one for one in own if year in (0, one.year)]
        return _Row("", own[-1]) if own else None

    # ------------------------------------------------------------ words and figures

    def _sentences(self) -> Iterator[str]:
        """What each scenario gives, and what it adds to the baseline."""
        for result in self.results:
            share, revenue = self._number("share", result.name), self._number("revenue", result.name)
            if share is None:
                continue
            text = f"In {share.number.year} foreign providers have {self._range(share)} of the market"
            text += f", mean {self._slot(share, 'mean')}"
            if revenue:
                mean = self._slot(revenue, "mean")
                text += f", and keep USD {self._range(revenue)} bn a year of its revenue, mean {mean}"
            yield f"<p><strong>{self._titles[result.name]}.</strong> {text}.{self._added(result.name)}</p>"

    def _added(self, scenario: str) -> str:
        gain, worth, host = (
            self._number(*of) for of in (("gain", scenario), ("worth", scenario, "foreign"), ("host", scenario))
        )
        text = ""
        if gain:
            text += (
                f" That is {self._range(gain)} points over {self._titles[self.baseline]}, mean "
                f"{self._slot(gain, 'mean')}, and above 0 in {self._slot(gain, 'above', 'chance')} of draws."
            )
        for row, whose in ((worth, "Worth to them, at present value:"), (host, "The host country as a whole, a year:")):
            if row:
                text += (
                    f" {whose} USD {self._range(row)} bn, mean {self._slot(row, 'mean')}, above 0 in "
                    f"{self._slot(row, 'above', 'chance')} of draws."
                )
        return text

    def _fans(self) -> Iterator[str]:
        """The share over the headline years, a panel for each scenario."""
        rows = {
            result.name: [one for one in self.numbers if (one.table, one.scenario) == ("share", result.name)]
            for result in self.results
        }
        if not all(len(own) > 1 for own in rows.values()):
            return
        top = self._span([_Row("", one) for own in rows.values() for one in own])[1]
        colours = {name: look.colour for name, look in looks(self.results).items()}
        yield "<h3>Foreign share of the market, %</h3><p>Median, 50% and 90% of draws; dashed: 90% as the run has it.</p>"
        yield '<div class="live-fans">'
        for name, own in rows.items():
            yield self._fan(name, own, top, colours[name])
        yield "</div>"

    def _fan(self, name: str, numbers: Sequence[_Number], top: float, colour: str) -> str:
        years = [number.year for number in numbers]
        xs = [28 + 200 * (year - years[0]) / (years[-1] - years[0]) for year in years]
        stated = [self._weighted(number).quantiles for number in numbers]
        ys = [[118 - 108 * min(max(value / top, 0), 1) for value in one] for one in stated]

        def line(level: int) -> str:
            return " ".join(f"{x:.1f},{own[level]:.1f}" for x, own in zip(xs, ys, strict=True))

        def back(level: int) -> str:
            return " ".join(reversed(line(level).split()))

        marks = "".join(
            f'<text x="{x:.1f}" y="132" text-anchor="middle">{year}</text>' for x, year in zip(xs, years, strict=True)
        )
        for value in _ticks(0, 100 * top):
            y = 118 - 1.08 * value / top
            marks += f'<path d="M28 {y:.1f}H228" class="live-grid"/><text x="24" y="{y + 3:.1f}" text-anchor="end">{value:g}</text>'
        places = " ".join(str(self._sample.labels.index(number.label)) for number in numbers)
        words = f"Foreign share of the market, {self._titles[name]}, {years[0]} to {years[-1]}"
        return (
            f'<figure><figcaption>{self._titles[name]}</figcaption><svg viewBox="0 0 244 140" role="img" '
            f'aria-label="{words}">{marks}<g data-fan="{places}" data-x="{" ".join(f"{x:.1f}" for x in xs)}" '
            f'data-top="{top:.6g}" style="color:{colour}"><polygon class="live-90" points="{line(0)} {back(4)}"/>'
            f'<polygon class="live-50" points="{line(1)} {back(3)}"/><polyline class="live-median" '
            f'points="{line(2)}"/></g><polygon class="live-run" points="{line(0)} {back(4)}"/></svg></figure>'
        )

    def _tables(self) -> Iterator[str]:
        """Intervals of everything that the section carries."""
        base = self._titles[self.baseline]
        few = len(self.results) <= _ALL_YEARS
        yield self._table("gain", f"Share gained over {base}, percentage points", self._by_year("gain", few))
        yield self._table(
            "revenue", "Revenue that foreign providers keep, USD bn a year", self._by_year("revenue", few)
        )
        worth = self._by_item("worth")
        yield self._table("worth", f"Worth to whom: present value gained over {base}, USD bn", worth)
        host = self._by_item("host")
        yield self._table("host", f"Who gains and who pays in the host country against {base}, USD bn a year", host)
        value = self._by_item("value")
        yield self._table("value", "Present value of each foreign provider, USD bn", value, closed=bool(worth))

    def _by_year(self, table: str, every: bool) -> list[_Row]:
        own = [one for one in self.numbers if one.table == table]
        last = max((one.year for one in own), default=0)
        first = min((one.year for one in own), default=0) if table == "revenue" else 0
        return [
            _Row(f"{self._titles[one.scenario]}, {one.year}", one)
            for one in own
            if (every and one.year != first) or one.year == last
        ]

    def _by_item(self, table: str) -> list[_Row]:
        return [
            _Row(f"{self._titles[one.scenario]}: {self._item(one)}", one) for one in self.numbers if one.table == table
        ]

    def _item(self, number: _Number) -> str:
        if number.table == "host":
            return _PARTIES.get(number.item, "all of them")
        scenario = next(result.scenario for result in self.results if result.name == number.scenario)
        known = number.item in scenario.providers
        return escape(scenario.providers[number.item].short_title) if known else "all foreign providers"

    def _by_level(self) -> Iterator[str]:
        """The share, and what is gained, if one level of a category were known to hold."""
        for place, category in enumerate(self.sliders.categories):
            for table, what in (
                ("share", "Foreign share of the market, %"),
                ("gain", "Share gained, percentage points"),
            ):
                ends = [row for row in (self._number(table, result.name) for result in self.results) if row]
                rows = [
                    _Row(f"{escape(title)}: {self._titles[row.number.scenario]}", row.number, (place, level))
                    for level, title in enumerate(category.titles)
                    if (category.index == level).any()
                    for row in ends
                ]
                year = ends[-1].number.year if ends else ""
                yield self._table(table, f"{escape(category.title)}, if only one holds: {what}, {year}", rows)

    def _table(self, kind: str, title: str, rows: Sequence[_Row], *, closed: bool = False) -> str:
        """Lines with an interval drawn, its numbers beside it, and how far off they may be."""
        if not rows:
            return ""
        span = self._span(rows)
        above = kind in ("gain", "worth", "host", "value")
        heads = ["Median (5% to 95%)", "Mean", *(["Above 0 in"] if above else []), "Error of median"]
        head = "".join(f'<th scope="col">{text}</th>' for text in heads)
        body = "\n".join(self._line(row, span, above) for row in rows)
        table = (
            f'<table class="live-table"><thead><tr><th scope="col">Of</th><td class="live-axis">{_axis(span, rows[0])}'
            f"</td>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
        if closed:
            return f"<details><summary>{title}</summary>{table}</details>"
        return f"<h3>{title}</h3>{table}"

    def _line(self, row: _Row, span: tuple[float, float], above: bool) -> str:
        error = self._slot(row, "error", _ERRORS[row.number.form])
        cells = [
            self._range(row),
            self._slot(row, "mean"),
            *([self._slot(row, "above", "chance")] if above else []),
            f"±{error}",
        ]
        colour = looks(self.results)[row.number.scenario].colour
        bar = self._bar(row, span, colour)
        return f'<tr><th scope="row">{row.title}</th><td class="live-bar">{bar}</td>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'

    def _bar(self, row: _Row, span: tuple[float, float], colour: str) -> str:
        low, high = span
        at = [
            1000 * min(max((value - low) / (high - low), 0), 1)
            for value in self._weighted(row.number, row.given).quantiles
        ]
        zero = 1000 * (0 - low) / (high - low)
        given = "" if row.given is None else f" {row.given[0]} {row.given[1]}"
        place = self._sample.labels.index(row.number.label)
        axis = f'<rect x="{zero - 1:.0f}" width="2" y="0" height="20" class="live-zero"/>' if 0 <= zero <= 1000 else ""
        return (
            f'<svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">{axis}'
            f'<rect class="live-run" x="{at[0]:.0f}" width="{max(at[4] - at[0], 2):.0f}" y="2" height="16"/>'
            f'<g data-bar="{place}{given}" data-span="{low:.6g} {high:.6g}" style="color:{colour}">'
            f'<rect class="live-90" x="{at[0]:.0f}" width="{max(at[4] - at[0], 2):.0f}" y="8" height="4"/>'
            f'<rect class="live-50" x="{at[1]:.0f}" width="{max(at[3] - at[1], 2):.0f}" y="5" height="10"/>'
            f'<rect class="live-median" x="{at[2] - 3:.0f}" width="6" y="3" height="14"/></g></svg>'
        )

    def _span(self, rows: Sequence[_Row]) -> tuple[float, float]:
        """Ends of an axis on which the rows have room to move: 90% of draws, whichever level of a category holds."""
        levels = [
            (place, level)
            for place, category in enumerate(self.sliders.categories)
            for level in np.unique(category.index).tolist()
        ]
        ends = [self._weighted(row.number, given).quantiles[[0, -1]] for row in rows for given in (None, *levels)]
        low, high = min(0.0, float(np.min(ends))), max(0.0, float(np.max(ends)))
        room = 0.1 * (high - low) or 1.0
        return (low - room if low < 0 else 0.0, high + room)

    # ------------------------------------------------------------ sliders

    def _controls(self) -> Iterator[str]:
        """Sliders, which stay hidden until the script has read the sample."""
        yield (
            "<noscript><p>With scripts on, sliders move everything in this section. Here it stands as the run has it."
            "</p></noscript>"
        )
        yield '<form class="live-controls" hidden autocomplete="off">'
        yield '<p><button type="button" data-reset>As the run has it</button></p>'
        for place, category in enumerate(self.sliders.categories):
            yield f"<fieldset><legend>{escape(category.title)}: weights</legend>"
            for level, (title, weight) in enumerate(zip(category.titles, category.weights, strict=True)):
                name = f"live-category-{place}-{level}"
                yield (
                    f'<div class="live-slider"><label for="{name}">{escape(title)}</label><input type="range" id="{name}" '
                    f'min="0" max="100" step="1" value="{100 * weight:.0f}" data-category="{place}" '
                    f'data-level="{level}"{"" if weight else " disabled"}><output for="{name}">{100 * weight:.0f}%</output>'
                    f'<button type="button" data-only="{place} {level}"{"" if weight else " disabled"}>only this</button></div>'
                )
            yield "</fieldset>"
        if self.sliders.beliefs:
            yield "<fieldset><legend>Where the strongest inputs lie</legend>"
            for place, belief in enumerate(self.sliders.beliefs):
                name, middle = f"live-belief-{place}", len(SHIFTS) // 2
                yield (
                    f'<div class="live-slider"><label for="{name}">{escape(belief.title)}</label><input type="range" '
                    f'id="{name}" min="0" max="{len(SHIFTS) - 1}" step="1" value="{middle}" data-belief="{place}">'
                    f'<output for="{name}">{escape(belief.texts[middle])}</output></div>'
                )
            yield "</fieldset>"
        yield '<p class="live-state"></p><p class="live-warning" role="alert" hidden></p>'
        yield '<p>The command that computes what is on the screen:</p><pre tabindex="0"><code class="live-command"></code></pre>'
        yield '</form><p class="live-said" aria-live="polite"></p>'

    def _how(self) -> str:
        """What is to be known of the numbers."""
        run = self.results[0].scenario.sampling.draws
        reasons = "".join(f" {escape(reason)}" for reason in self.sliders.reasons)
        return (
            f"<p>The page carries {self.draws:,} of {run:,} draws, rounded by at most {100 * self._sample.rounding():.1g}% of a "
            "number or of its usual size, and put where the whole run has as many quantiles, so that with every slider at "
            "its start the numbers are the run's. Errors are standard errors of medians, as of independent draws. "
            f"Below {FEWEST_EFFECTIVE} draws in effect, or with Pareto k above {HEAVIEST}, figures are greyed out: then the "
            f"command is the answer.{reasons}</p>"
        )

    def _payload(self) -> str:
        sliders = self.sliders
        content = {
            "run": self.results[0].scenario.sampling.draws,
            "fewest": FEWEST_EFFECTIVE,
            "heaviest": HEAVIEST,
            "shifts": SHIFTS,
            "precision": sliders.precision.tolist(),
            "categories": [
                {"path": one.path, "levels": one.levels, "weights": one.weights} for one in sliders.categories
            ],
            "beliefs": [
                {"path": one.path, "texts": one.texts, "settings": one.settings, "scenarios": one.scenarios}
                for one in sliders.beliefs
            ],
            "command": _command(self.results, self.baseline),
            "set": _set_before(self.results),
        }
        scores = [Coded.of_score(belief.scores) for belief in sliders.beliefs]
        levels = [category.index[: self.draws] for category in sliders.categories]
        return self._sample.packed(scores, levels, content)


def _statistic(stated: Weighted, name: str) -> float:
    if name.startswith("p"):
        return float(stated.quantiles[("p05", "p25", "p50", "p75", "p95").index(name)])
    return {"mean": stated.mean, "above": stated.positive, "error": float(stated.quantile_errors[2])}[name]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers on an axis."""
    step = 10.0 ** np.floor(np.log10((high - low) / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)
    return [round(step * place, 10) for place in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _axis(span: tuple[float, float], row: _Row) -> str:
    low, high = span
    factor = 100 if row.number.form in ("share", "points") else 1
    return "".join(
        f'<span style="left:{100 * (value / factor - low) / (high - low):.1f}%">{value:,g}</span>'.replace("-", "−")
        for value in _ticks(factor * low, factor * high)
    )


def _command(results: Sequence[Result], baseline: str) -> str:
    """The command of the run, without what was set."""
    sampling = results[0].scenario.sampling
    names = [result.name for result in results]
    compared = f" --baseline {baseline}" if names[0] != baseline else ""
    return f"sim run {' '.join(names)} --draws {sampling.draws} --seed {sampling.seed}{compared}"


def _set_before(results: Sequence[Result]) -> dict[str, str]:
    """Records that the command line had set for the run, by path."""
    records: dict[str, Any] = {}
    for result in results:
        records |= {item.path: item.record for item in inputs(result.scenario) if item.record.source == "command line"}
    return {
        path: record_text(record.model_dump(include={*record.keys, "min", "max"}, exclude_none=True))
        for path, record in records.items()
    }
