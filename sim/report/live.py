"""The section of a report whose figures move with what its reader believes.

All of it stands there as text of the whole run, complete with scripts off. A script brings the sliders to life: it
weighs a sample of the run's draws anew, as `sim.analysis.reweighting` does, and writes every number that has a slot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Final

from sim.analysis.reweighting import FEWEST_EFFECTIVE, HEAVIEST
from sim.axes import DRAWS_PER_SCRAMBLE
from sim.chance.worlds import Named
from sim.outcomes.drivers import Attribution
from sim.outcomes.panels import Result
from sim.outcomes.stakes import HOST, WAYS
from sim.pictures.style import looks
from sim.report.bars import axis, bar, fan
from sim.report.quantities import ALL, FEW, Number, numbers_of
from sim.report.sample import Coded, Sample
from sim.report.sliders import SHIFTS, Sliders, sliders_of
from sim.report.slots import Row, Slots
from sim.wording import capital

__all__ = ["MOST_BYTES", "live_section"]

MOST_BYTES: Final = 360_000
"""Of a sample, before base64 makes of three bytes four."""

_BYTES_A_NUMBER: Final = 1.3
"""Of a code once it is compressed."""

_SCRAMBLES: Final = (4, 16)
"""Fewest and most that a page carries."""

_DIFFERENCES: Final = ("gain", "worth", "host")
"""Tables of which it is told how often a number is above 0."""


def live_section(
    results: Sequence[Result],
    drawn: Mapping[str, Named],
    baseline: str,
    attributions: Sequence[Attribution],
    overrides: Mapping[str, Sequence[str]] | None = None,
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
    overrides : mapping of str to sequence of str, optional
        What the command line had set in each scenario, where these do not know it themselves.
    """
    set_before = overrides or {result.name: result.scenario.overrides for result in results}
    numbers = numbers_of(results, baseline)
    columns = len({number.values.tobytes() for number in numbers})
    draws = _draws(columns, results[0].scenario.sampling.draws)
    return _Section(
        results, baseline, numbers, sliders_of(results, drawn, attributions, draws), draws, set_before
    ).html()


def _draws(columns: int, draws: int) -> int:
    """As many whole scrambles of a run as a page has room for."""
    fewest, most = _SCRAMBLES
    room = int(MOST_BYTES / (_BYTES_A_NUMBER * columns * DRAWS_PER_SCRAMBLE))
    return min(draws, DRAWS_PER_SCRAMBLE * min(max(room, fewest), most))


@dataclass(frozen=True)
class _Section:
    """The section of some results."""

    results: Sequence[Result]
    baseline: str
    numbers: tuple[Number, ...]
    sliders: Sliders
    draws: int
    overrides: Mapping[str, Sequence[str]]

    def html(self) -> str:
        """All of it; without anything to move also without what moves it."""
        here, sliders = Path(__file__), self.sliders
        style, script = (here.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".css", ".js"))
        body = [*self._sentences(), *self._fans(), *self._tables(), *self._by_level()]
        parts = [
            f'<div id="live-section" class="live"><style>{style}</style>',
            '<div class="live-body">',
            *body,
            "</div>",
        ]
        if sliders.categories or sliders.beliefs:
            parts[1:1] = self._controls()
            parts += [
                self._how(),
                f'<script type="application/octet-stream" class="live-sample">{self._payload()}</script>',
                f"<script>{script}</script>",
            ]
        return "\n".join([*parts, *(f"<p>{escape(reason)}</p>" for reason in sliders.reasons), "</div>"])

    @cached_property
    def _sample(self) -> Sample:
        return Sample(self.draws, self._slots.columns)

    @cached_property
    def _slots(self) -> Slots:
        return Slots(self.numbers, self.sliders.categories)

    @property
    def _currency(self) -> str:
        return self.results[0].scenario.money

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {result.name: escape(result.scenario.title) for result in self.results}

    @cached_property
    def _colours(self) -> dict[str, str]:
        return {name: look.colour for name, look in looks(self.results).items()}

    def _table_of(self, table: str, scenario: str = "") -> list[Number]:
        return [one for one in self.numbers if one.table == table and scenario in ("", one.scenario)]

    def _last(self, table: str, scenario: str) -> Row | None:
        """What a table has of all providers or parties of a scenario in its last year."""
        own = [one for one in self._table_of(table, scenario) if one.item == ALL]
        return Row("", own[-1]) if own else None

    # ------------------------------------------------------------ sentences

    def _sentences(self) -> Iterator[str]:
        """What each scenario gives, what it adds to the baseline, and for whom."""
        slots, base = self._slots, self.results[0].scenario
        yield "<p>In brackets: between which ends 90% of draws lie, and their mean.</p>"
        for name, title in self._titles.items():
            parts = []
            share, revenue = self._last("share", name), self._last("revenue", name)
            if share:
                parts.append(f"foreign providers have {slots.words(share, f'of {escape(base.answer_words)}')}")
            if revenue:
                kept = f"keep {self._currency} {slots.words(revenue, 'bn of its revenue')}"
                parts.append(kept if share else f"foreign providers {kept}")
            level = [f"In {base.answer_year} {' and '.join(parts)}."] if parts else []
            sentences = " ".join([*level, *self._changes(name), *self._movers(name)])
            yield f"<p><strong>{title}.</strong> {sentences}</p>"

    def _changes(self, scenario: str) -> Iterator[str]:
        """What a scenario adds to the baseline."""
        base = self._titles[self.baseline]
        whose = {
            "gain": (f"Share gained over {base}, draw by draw:", "points"),
            "worth": (f"Present value gained over {base} by foreign providers: {self._currency}", "bn"),
            "host": (f"By the host as a whole: {self._currency}", "bn"),
        }
        for table, (before, after) in whose.items():
            row = self._last(table, scenario)
            if row:
                often = self._slots.slot(row, "above", "chance")
                yield f"{before} {self._slots.words(row, after)}, above 0 in {often} of draws."

    def _movers(self, scenario: str) -> Iterator[str]:
        """Who builds a site of its own or buys its partner out, and is worse off for it."""
        base, words = self._titles[self.baseline], self.results[0].scenario.own_words
        for table, way in WAYS.items():
            regrets = {number.item: number for number in self._table_of(way.regret, scenario)}
            for number in self._table_of(table, scenario):
                if not number.values.any():
                    continue
                does = way.does.format_map(words)
                text = f"{self._item(number)} {does} in {self._slots.slot(Row('', number), 'mean')} of draws"
                regret = regrets.get(number.item)
                after = (
                    f" and in {self._slots.slot(Row('', regret), 'mean')} ends worse off than under {base} "
                    "(later years included)"
                    if regret
                    else ""
                )
                yield f"{text}{after}."

    def _item(self, number: Number) -> str:
        """A provider or party in words."""
        if number.table == "host":
            return capital(HOST.get(number.item, "the host as a whole"))
        scenario = next(result.scenario for result in self.results if result.name == number.scenario)
        known = number.item in scenario.providers
        return escape(scenario.providers[number.item].short_title) if known else "All foreign providers"

    # ------------------------------------------------------------ figures and tables

    def _fans(self) -> Iterator[str]:
        """The share over the headline years, a panel for each scenario."""
        own = {name: self._table_of("share", name) for name in self._titles}
        if any(len(numbers) < 2 for numbers in own.values()):
            return
        top = self._slots.span([Row("", number) for numbers in own.values() for number in numbers])[1]
        share = f"Foreign share of {escape(self.results[0].scenario.answer_words)}"
        yield (
            f"<h3>{share}</h3><p>Median, 50% and 90% of draws; dashed: 90% as the run has it.</p>"
            '<div class="live-fans">'
        )
        for name, numbers in own.items():
            years = [number.year for number in numbers]
            words = f"{share}, {self._titles[name]}, {years[0]} to {years[-1]}"
            quantiles = [self._slots.stated(Row("", number)).quantiles for number in numbers]
            keys = " ".join(str(self._slots.place(number)) for number in numbers)
            panel = fan(quantiles, years, top, keys, (self._colours[name], words))
            yield f"<figure><figcaption>{self._titles[name]}</figcaption>{panel}</figure>"
        yield "</div>"

    def _tables(self) -> Iterator[str]:
        """Intervals of everything that the section carries."""
        base = self._titles[self.baseline]
        yield self._table(f"Share gained over {base}, percentage points", self._by_year("gain"))
        yield self._table(f"Revenue that foreign providers keep, {self._currency} bn a year", self._by_year("revenue"))
        year = self.results[0].scenario.horizon.end_year
        worth, host, value = (self._by_item(table) for table in ("worth", "host", "value"))
        yield self._table(f"Worth to whom: present value to {year} gained over {base}, {self._currency} bn", worth)
        yield self._table(
            f"Who gains and who pays: present value to {year} gained over {base}, {self._currency} bn", host
        )
        levels = self._table(f"Present value of foreign providers to {year}, {self._currency} bn", value)
        yield f"<details><summary>Present values themselves</summary>{levels}</details>" if worth and value else levels

    def _by_year(self, table: str) -> list[Row]:
        return [Row(f"{self._titles[one.scenario]}, {one.year}", one) for one in self._table_of(table)]

    def _by_item(self, table: str) -> list[Row]:
        return [Row(f"{self._titles[one.scenario]}: {self._item(one)}", one) for one in self._table_of(table)]

    def _by_level(self) -> Iterator[str]:
        """The share, and what is gained, if one level of a category were known to hold."""
        market = escape(self.results[0].scenario.answer_words)
        tables = {"share": f"foreign share of {market}, %", "gain": "share gained, percentage points"}
        if len(self.results) > FEW:
            del tables["share"]
        for place, category in enumerate(self.sliders.categories):
            for table, what in tables.items():
                ends = [row.number for row in (self._last(table, name) for name in self._titles) if row]
                rows = [
                    Row(f"{escape(title)}: {self._titles[number.scenario]}", number, (place, level))
                    for level, title in enumerate(category.titles)
                    if (category.index == level).any()
                    for number in ends
                ]
                if rows:
                    yield self._table(f"{escape(category.title)}, if only one holds: {what}, {ends[0].year}", rows)

    def _table(self, title: str, rows: Sequence[Row]) -> str:
        """Lines with an interval drawn, its numbers beside it, and how far off they may be."""
        if not rows:
            return ""
        span = self._slots.span(rows)
        above = rows[0].number.table in _DIFFERENCES
        heads = ["Median (5% to 95%)", "Mean", *(["Above 0 in"] if above else []), "Error of median"]
        head = "".join(f'<th scope="col">{text}</th>' for text in heads)
        factor = 100.0 if rows[0].number.form in ("share", "points") else 1.0
        body = "\n".join(self._line(row, span, above) for row in rows)
        return (
            f'<h3>{title}</h3><table class="live-table"><thead><tr><td></td><td class="live-axis">{axis(span, factor)}'
            f"</td>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _line(self, row: Row, span: tuple[float, float], above: bool) -> str:
        slots = self._slots
        cells = {"median": slots.band(row), "mean": slots.slot(row, "mean")}
        if above:
            cells["above 0 in"] = slots.slot(row, "above", "chance")
        cells["error"] = f"±{slots.error(row)}"
        drawn = bar(slots.stated(row).quantiles, span, slots.key(row), self._colours[row.number.scenario])
        numbers = "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in cells.items())
        return f'<tr><th scope="row">{row.title}</th><td class="live-bar">{drawn}</td>{numbers}</tr>'

    # ------------------------------------------------------------ sliders

    def _controls(self) -> Iterator[str]:
        """Sliders, which stay hidden until the script has read the sample."""
        yield "<noscript><p>With scripts on, sliders move all of this. Here it stands as the run has it.</p></noscript>"
        yield '<form class="live-controls" hidden autocomplete="off">'
        yield '<p><button type="button" data-reset>As the run has it</button></p>'
        for place, category in enumerate(self.sliders.categories):
            yield f"<fieldset><legend>{escape(category.title)}: weights</legend>"
            for level, (title, weight) in enumerate(zip(category.titles, category.weights, strict=True)):
                yield _weight_slider(place, level, title, weight)
            yield "</fieldset>"
        if self.sliders.beliefs:
            yield "<fieldset><legend>Where the strongest inputs lie: median (5% to 95%)</legend>"
            for place, belief in enumerate(self.sliders.beliefs):
                yield _belief_slider(place, belief.title, belief.texts[len(SHIFTS) // 2])
            yield "</fieldset>"
        yield (
            '<p class="live-state"></p><p class="live-warning" hidden></p><p>The command that computes what is on the '
            'screen:</p><pre tabindex="0"><code class="live-command"></code></pre></form>'
            '<p class="live-said" aria-live="polite"></p>'
        )

    def _how(self) -> str:
        """What is to be known of the numbers."""
        run = self.results[0].scenario.sampling.draws
        return (
            f"<p>The page carries {self.draws:,} of {run:,} draws, each number rounded by at most "
            f"{100 * self._sample.rounding:.1g}% of itself or of its usual size, and put where the whole run has as "
            "many quantiles: with every slider at its start the numbers are the run's. Errors are standard errors, as "
            "of independent draws. A slider of an input moves its whole distribution, and leaves those of all others "
            f"as they are. Below {FEWEST_EFFECTIVE} draws in effect, or with a Pareto k above {HEAVIEST}, figures are "
            f"greyed out, and the command is the answer.</p>"
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
            "set": _set_before(self.overrides, len(self.results)),
        }
        scores = [Coded.of_score(belief.scores) for belief in sliders.beliefs]
        levels = [category.index[: self.draws] for category in sliders.categories]
        return self._sample.packed(scores, levels, content)


def _weight_slider(place: int, level: int, title: str, weight: float) -> str:
    name, dead = f"live-category-{place}-{level}", "" if weight else " disabled"
    return (
        f'<div class="live-slider"><label for="{name}">{escape(title)}</label><input type="range" id="{name}" min="0" '
        f'max="100" value="{100 * weight:.0f}" data-category="{place}" data-level="{level}"{dead}>'
        f'<output for="{name}">{100 * weight:.0f}%</output>'
        f'<button type="button" data-only="{place} {level}" aria-label="only {escape(title)}"{dead}>only</button></div>'
    )


def _belief_slider(place: int, title: str, text: str) -> str:
    name = f"live-belief-{place}"
    return (
        f'<div class="live-slider"><label for="{name}">{escape(title)}</label><input type="range" id="{name}" min="0" '
        f'max="{len(SHIFTS) - 1}" value="{len(SHIFTS) // 2}" data-belief="{place}">'
        f'<output for="{name}">{escape(text)}</output></div>'
    )


def _command(results: Sequence[Result], baseline: str) -> str:
    """The command of the run, without what was set."""
    sampling = results[0].scenario.sampling
    names = [result.name for result in results]
    compared = f" --baseline {baseline}" if names[0] != baseline else ""
    return f"sim run {' '.join(names)} --draws {sampling.draws} --seed {sampling.seed}{compared}"


def _set_before(overrides: Mapping[str, Sequence[str]], count: int) -> list[tuple[str, str, str]]:
    """What was set: for which scenario, none if for all of so many, its path and its value."""
    owners: dict[str, list[str]] = {}
    for name, texts in overrides.items():
        for text in texts:
            owners.setdefault(text, []).append(name)
    return [
        (owner, path.strip(), value)
        for text, names in owners.items()
        for path, _, value in [text.partition("=")]
        for owner in ([""] if len(names) == count else names)
    ]
