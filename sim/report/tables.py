"""The tables under a run's pictures: rows of text, made of its statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan
from typing import Final, TypeAlias

import numpy as np

from sim.axes import FloatArray
from sim.outcomes.panels import Result
from sim.report.material import Material, Sheet
from sim.report.numbers import Numbers, Place, Row
from sim.scenario.families import Discrete
from sim.scenario.scenario import Scenario
from sim.wording import capital, change, money, percent, points, readable

__all__ = ["SHEETS", "band", "by_hypothesis", "gain", "in_headline_years", "shown"]

Maker: TypeAlias = Callable[[Material], Sheet]

_TOTAL: Final = "total"
_FOREIGN: Final = "foreign"

"""Shown beside the first and the last year, where the horizon has them."""

_PARTIES: Final = {
    ("operating_profit", _FOREIGN): "Foreign providers, profit after tax",
    ("operator_profit", ""): "Local operators, profit after tax",
    ("domestic_gross_profit", ""): "Domestic providers, gross profit",
    ("tax_take", ""): "Treasury, tax on foreign business",
    ("consumer_gain", ""): "Customers, consumer gain",
}


def band(numbers: Numbers | None) -> str:
    """A level in a cell: median, 90% band, and the mean where it reads otherwise."""
    if numbers is None:
        return "–"
    form = _share if numbers.unit == "fraction" else money
    return _cell(numbers, form)


def gain(numbers: Numbers | None) -> str:
    """A difference in a cell, with the share of draws in which it is above zero."""
    if numbers is None:
        return "–"
    form = _points if numbers.unit == "fraction" else change
    above = "" if isnan(numbers.share_above) else f", above zero in {percent(100 * numbers.share_above)}"
    return f"{_cell(numbers, form)}{above}"


def _cell(numbers: Numbers, form: Callable[[float], str]) -> str:
    middle, low, high, mean = (numbers[name] for name in ("p50", "p05", "p95", "mean"))
    if isnan(middle):
        return "–"
    if form(low) == form(high) == form(middle) == form(mean):
        return form(middle)
    beside = "" if isnan(mean) or form(mean) == form(middle) else f"; mean {form(mean)}"
    return f"{form(middle)} ({form(low)} to {form(high)}{beside})"


def _share(value: float) -> str:
    return percent(100 * value)


def _points(value: float) -> str:
    return points(100 * value)


def _title(scenario: Scenario) -> str:
    return scenario.title


def _years(material: Material) -> range:
    horizon = material.base.horizon
    return range(horizon.base_year, horizon.end_year + 1)


_BANDS: Final = "median over draws, in brackets the 5% to 95% band, and the mean where it reads otherwise"


def shown(scenarios: Sequence[Scenario]) -> frozenset[tuple[str, str, str]]:
    """Variable, scope and item of every outcome that the tables are made of."""
    base = scenarios[0]
    foreign = {_FOREIGN, *(name for one in scenarios for name in one.foreign)}
    providers = {name for one in scenarios for name in one.providers}
    return frozenset(
        {("foreign_share", base.answer_scope, "")}
        | {("market_size", scope, "") for scope in (*base.market.layers, _TOTAL)}
        | {("market_volume", _TOTAL, "")}
        | {("market_share", base.detail_layer, name) for name in providers}
        | {(variable, _TOTAL, name) for variable in ("npv", "npv_with_terminal") for name in foreign}
        | {(variable, base.answer_scope, _FOREIGN) for variable in ("revenue_gross", "revenue_retained")}
        | {(variable, _TOTAL, item) for variable, item in _PARTIES}
    )


def _scope(material: Material) -> str:
    """Of what shares are told."""
    return material.base.answer_scope


def in_headline_years(material: Material) -> Sheet:
    """The foreign share by scenario in a few years."""
    years = material.base.answer_years
    rows = (
        (one.title, *(band(_level(material, one, "foreign_share", year, _scope(material))) for year in years))
        for one in material.scenarios
    )
    caption = f"Share of all foreign providers in {material.base.answer_words}: {_BANDS}"
    return Sheet(caption, ("Scenario", *map(str, years)), tuple(rows))


def _level(
    material: Material, scenario: Scenario, variable: str, year: int, scope: str = _TOTAL, item: str = ""
) -> Numbers | None:
    return material.levels.get(Place(scenario.name, variable, scope, item, year))


def _difference(
    material: Material, scenario: Scenario, variable: str, year: int, scope: str = _TOTAL, item: str = ""
) -> Numbers | None:
    return material.differences.get(Place(scenario.name, variable, scope, item, year))


def _foreign_share(material: Material) -> Sheet:
    rows = (
        (
            str(year),
            *(band(_level(material, one, "foreign_share", year, _scope(material))) for one in material.scenarios),
        )
        for year in _years(material)
    )
    caption = f"Share of all foreign providers by year: {_BANDS}"
    return Sheet(caption, ("Year", *map(_title, material.scenarios)), tuple(rows))


def _paired_difference(material: Material) -> Sheet:
    rows = (
        (
            str(year),
            *(gain(_difference(material, one, "foreign_share", year, _scope(material))) for one in material.others),
        )
        for year in _years(material)
    )
    caption = f"Foreign share less that of {material.base.title}, draw by draw, in percentage points: {_BANDS}"
    return Sheet(caption, ("Year", *map(_title, material.others)), tuple(rows))


_SPREAD: Final = {"mean": "Mean", "p05": "5%", "p25": "25%", "p50": "Median", "p75": "75%", "p95": "95%"}


def _target_year(material: Material) -> Sheet:
    last, scope = material.base.answer_year, _scope(material)

    def row(scenario: Scenario) -> tuple[str, ...]:
        known = _level(material, scenario, "foreign_share", last, scope)
        above = _difference(material, scenario, "foreign_share", last, scope)
        values = ("–" if known is None else _share(known[name]) for name in _SPREAD)
        return scenario.title, *values, "–" if above is None else percent(100 * above.share_above)

    header = ("Scenario", *_SPREAD.values(), f"Above {material.base.title}")
    return Sheet(
        f"Foreign share in {last}; the last column in percent of draws", header, tuple(map(row, material.scenarios))
    )


def _timeline(material: Material) -> Sheet:
    def row(scenario: Scenario, event: Row) -> tuple[str, ...]:
        actor = event["actor"]
        known = scenario.providers.get(actor)
        who = "Policy" if known is None else known.short_title
        dates = tuple(_date(event[name]) for name in ("p05", "p50", "p95"))
        return (
            scenario.title,
            who,
            capital(readable(event["event"])),
            percent(100 * float(event["share_happens"])),
            *dates,
        )

    rows = [
        row(scenario, event)
        for scenario in material.scenarios
        for event in material.timelines.get(scenario.name, ())
        if float(event["share_happens"]) > 0
    ]
    header = ("Scenario", "Who", "Event", "In so many draws", "5% by", "50% by", "95% by")
    return Sheet("When things happen; draws in which they never do count as later than any date", header, tuple(rows))


def _date(text: str) -> str:
    """A year with its month, or that so many draws never see it."""
    if not text:
        return "never"
    year, part = divmod(float(text), 1)
    return f"{int(year)}-{int(12 * part) + 1:02d}"


def _npv(material: Material) -> Sheet:
    last = material.base.horizon.end_year
    titles = {name: one.providers[name].short_title for one in material.scenarios for name in one.foreign}

    def row(item: str, title: str, scenario: Scenario) -> tuple[str, ...]:
        levels = (band(_level(material, scenario, name, last, item=item)) for name in ("npv", "npv_with_terminal"))
        above = gain(_difference(material, scenario, "npv_with_terminal", last, item=item))
        return title, scenario.title, *levels, "" if scenario is material.base else above

    every = {**titles, _FOREIGN: "All foreign"}
    rows = [row(item, title, scenario) for item, title in every.items() for scenario in material.scenarios]
    header = ("Provider", "Scenario", f"To {last}", "With a terminal value", f"That, less {material.base.title}")
    return Sheet(f"Net present value, {_unit(material, 'npv')}: {_BANDS}", header, tuple(rows))


def _unit(material: Material, variable: str) -> str:
    """The unit of a variable, as this study has it."""
    units = (numbers.unit for place, numbers in material.levels.items() if place.variable == variable)
    return next(units, "").replace("/yr", " a year")


def _gains_and_losses(material: Material) -> Sheet:
    last = material.base.answer_year
    rows = (
        (title, *(gain(_difference(material, one, variable, last, item=item)) for one in material.others))
        for (variable, item), title in _PARTIES.items()
    )
    caption = f"Against {material.base.title} in {last}, {_unit(material, 'operating_profit')}: {_BANDS}"
    return Sheet(caption, ("Who", *map(_title, material.others)), tuple(rows))


def _provider_shares(material: Material) -> Sheet:
    first, last, layer = material.base.horizon.base_year, material.base.answer_year, material.base.detail_layer
    providers = {name: one.providers[name].short_title for one in material.scenarios for name in one.providers}

    def cells(name: str) -> Iterator[str]:
        yield band(_level(material, material.base, "market_share", first, layer, name))
        for one in material.scenarios:
            yield band(_level(material, one, "market_share", last, layer, name))

    rows = tuple((title, *cells(name)) for name, title in providers.items())
    ends = (f"{one.title}, {last}" for one in material.scenarios)
    caption = f"Shares of {material.base.called(layer)}: {_BANDS}"
    return Sheet(caption, ("Provider", str(first), *ends), rows)


def _foreign_revenue(material: Material) -> Sheet:
    years = material.base.answer_years
    titles = {"revenue_gross": "gross", "revenue_retained": "retained"}
    rows = (
        (one.title, title, *(band(_level(material, one, name, year, _scope(material), _FOREIGN)) for year in years))
        for one in material.scenarios
        for name, title in titles.items()
    )
    caption = f"Revenue of foreign providers, {_unit(material, 'revenue_gross')}: {_BANDS}"
    return Sheet(caption, ("Scenario", "Revenue", *map(str, years)), tuple(rows))


def _market_size(material: Material) -> Sheet:
    base, unit = material.base, material.base.market.unit
    columns = [("market_size", scope, base.called(scope)) for scope in (*base.market.layers, _TOTAL)]
    columns += [("market_volume", _TOTAL, f"{base.called(_TOTAL)}, {unit}")] if unit is not None else []
    rows = (
        (str(year), *(band(_level(material, base, variable, year, scope)) for variable, scope, _ in columns))
        for year in _years(material)
    )
    caption = f"Size of the market under {base.title}, {_unit(material, 'market_size')}: {_BANDS}"
    return Sheet(caption, ("Year", *(capital(title) for _, _, title in columns)), tuple(rows))


def by_hypothesis(material: Material) -> Sheet:
    """The foreign share of the answer's year, and what is added to the baseline's, by hypothesis."""
    results = {result.name: result for result in material.results}
    base = results[material.baseline]
    record, last, scope = base.scenario.opening.hypothesis, base.scenario.answer_year, base.scenario.answer_scope
    names = record.categories if isinstance(record, Discrete) else ()
    index = base.panels["opening_hypothesis"].rows([0])[0]
    groups = {
        f"{capital(readable(name))} ({np.mean(index == k):.0%} of draws)": index == k for k, name in enumerate(names)
    }
    groups["All draws"] = np.ones_like(index, dtype=bool)

    def cell(result: Result, chosen: FloatArray) -> str:
        own, other = (one.panels["foreign_share"].column(last, scope, "")[chosen] for one in (result, base))
        if not own.size:
            return "–"
        return band(_over(own)) if result is base else f"{band(_over(own))}; adds {gain(_over(own - other))}"

    rows = (
        (title, *(cell(results[one.name], chosen) for one in material.scenarios)) for title, chosen in groups.items()
    )
    of = "the whole market" if scope == _TOTAL else base.scenario.answer_words
    caption = f"Foreign share of {of} in {last}, and points added to {material.base.title}: {_BANDS}"
    return Sheet(caption, ("Hypothesis", *map(_title, material.scenarios)), tuple(rows))


def _over(values: FloatArray) -> Numbers:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    known = {"p05": float(low), "p50": float(middle), "p95": float(high), "mean": float(values.mean())}
    return Numbers("fraction", known, float(np.mean(values > 0)))


SHEETS: Final[dict[str, Maker]] = {
    "foreign_share": _foreign_share,
    "paired_difference": _paired_difference,
    "target_year": _target_year,
    "timeline": _timeline,
    "npv": _npv,
    "gains_and_losses": _gains_and_losses,
    "provider_shares": _provider_shares,
    "foreign_revenue": _foreign_revenue,
    "market_size": _market_size,
    "share_by_hypothesis": by_hypothesis,
}
"""What stands under each picture of a run."""
