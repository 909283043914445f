"""What drives an outcome, in sentences: the words of the tables of drivers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import isnan
from typing import Final

from sim.chance.units import KINDS
from sim.outcomes.drivers import CHANCE, UNATTRIBUTED, Attribution, DriverRow, Share
from sim.outcomes.events import Event
from sim.outcomes.naming import Outcome
from sim.scenario.inputs import titles
from sim.scenario.scenario import Scenario
from sim.wording import listed, readable

__all__ = ["decisive", "event_words", "in_units", "kind_words", "sentences", "unit_words"]

_NAMED: Final = 5
"""Units that a sentence names."""

_UNITS: Final = {
    "shock.market": "shocks to the market's size",
    "shock.origin": "shocks to foreign against domestic providers",
    "shock.catch_up": "turns in how fast domestic quality catches up",
    "market_steps": "downward steps of the market",
    "order": "who is first in the queue",
}
_BEGINNINGS: Final = {
    "shock.rivalry.": "luck of {} in rivalry",
    "shock.mix.": "luck of {} in the mix",
    "discrepancy.": "error of the record or the engine, {}",
    "jumps.": "jumps of the quality of {}",
    "tail.": "how wide the luck of {} is",
    "order.": "place of {} in the queue",
    "dates.": "delays of {}",
    "chance.": "whether {} happens",
    "clock.": "when {} happens",
}


def unit_words(name: str, scenario: Scenario) -> str:
    """A unit or column in words: an input's title, what luck or a group of inputs is called."""
    plain, _, place = name.rstrip("]").partition("[")
    if place:
        component = f"component {int(place) + 1}" if place.isdigit() else scenario.called(place)
        return f"{unit_words(plain, scenario)}, {component}"
    for beginning, text in _BEGINNINGS.items():
        if name.startswith(beginning):
            return text.format(", ".join(map(scenario.called, name.removeprefix(beginning).split("."))))
    group = scenario.sampling.correlations.get(name)
    own = titles(scenario).get(name) if group is None else group.title
    return _UNITS.get(name) or own or readable(name)


def kind_words(kind: str, scenario: Scenario) -> str:
    """What a kind of not knowing is of, as far as a scenario has it; empty of luck, which needs no words."""
    if kind != "disagreement":
        return _KINDS.get(kind, "")
    several = [f"which {what}" for what, names in _disagreed(scenario).items() if len(names) > 1]
    return ", ".join(several)


def _disagreed(scenario: Scenario) -> dict[str, Collection[str]]:
    """What one may hold of each thing that is disagreed on."""
    readings = {} if scenario.zone is None else scenario.zone.readings
    return {"hypothesis": scenario.opening.hypotheses, "reading": readings}


def _called(kind: str, scenario: Scenario) -> str:
    """A kind, and in brackets what it is of."""
    words = kind_words(kind, scenario)
    return f"{kind} ({words})" if words else kind


def in_units(outcome: Outcome, value: float) -> str:
    """A number of an outcome with its unit; shares in percent, their differences in points, gains with a sign."""
    return _sized(outcome, value, "+" if outcome.is_gain else "")


def event_words(event: Event, scenario: Scenario) -> str:
    """An event in a sentence: the outcome, and on which side of a number it is."""
    limit = in_units(event.outcome, event.value)
    return f"{event.outcome.words(scenario)}, {_SIDES[event.side]} {limit}"


_SIDES: Final = {">": "above", ">=": "at least", "<": "below", "<=": "at most"}


def _sized(outcome: Outcome, value: float, sign: str) -> str:
    if outcome.unit == "fraction":
        size = f"{100 * value:{sign}.{0 if abs(value) >= 0.0995 else 1}f}"
        text = f"{size} points" if outcome.is_gain else f"{size}%"
    else:
        size = f"{value:{sign},.{0 if abs(value) >= 99.5 else 1 if abs(value) >= 9.95 else 2}f}"
        currency, bn, rest = outcome.unit.partition(" bn")
        text = f"{currency} {size}bn{rest}" if bn else f"{size} {outcome.unit}"
    return text.replace("/yr", " a year").replace("-", "−")


def sentences(attribution: Attribution) -> Iterator[str]:
    """What drives an outcome, one sentence a finding, the first names it."""
    outcome = attribution.outcome
    mean, sd = in_units(outcome, attribution.mean), _sized(outcome, attribution.sd, "").replace("%", " points")
    over = f" over {attribution.reference.title}" if attribution.reference else ""
    what = f"{attribution.scenario.title}, {attribution.words}{over}"
    yield f"{what}: mean {mean}, standard deviation {sd}."
    if not attribution.has_errors:
        yield _TOO_FEW
        return
    yield from _of_kinds(attribution)
    yield _of_units(attribution)
    yield from _of_levels(attribution)
    yield from _of_grades(attribution)
    untold = sum(not row.is_told for row in attribution.units)
    yield f"Of {len(attribution.units)} sources of uncertainty {untold} are not told from 0."


def decisive(attribution: Attribution, subject: str) -> str:
    """What decides an outcome, in short: what each kind of not knowing explains by itself, and what is open."""
    if not attribution.has_errors:
        return _TOO_FEW
    most = [row for row in attribution.units if row.is_told][:_DECISIVE]
    units = [f"{unit_words(row.unit, attribution.scenario)} ({_whole(row.first)})" for row in most]
    strongest = f" Most by itself: {', '.join(units)}." if units else ""
    known = {row.kind: row for row in attribution.kinds}
    told = [kind for kind in KINDS if kind in known and not isnan(known[kind].first)]
    if not told:
        return f"Inputs of {subject} were learned together: what each decides does not add up.{strongest}"
    called = {kind: _called(kind, attribution.scenario) for kind in KINDS}
    first, *others = [(called[kind], _whole(known[kind].first)) for kind in told]
    parts = [f"{first[0]} explains {first[1]} by itself", *(" ".join(other) for other in others)]
    rest = listed([*(called[kind] for kind in KINDS if kind not in told), "what they do together"])
    return (
        f"Of the variance in {subject}, {listed(parts)}; the other {_whole(known[UNATTRIBUTED].first)} is {rest}."
        f"{strongest}"
    )


def _whole(share: float) -> str:
    return f"{100 * max(share, 0.0):.0f}%"


_DECISIVE: Final = 2
"""Units that one sentence names."""

_TOO_FEW: Final = "With so few draws no share can be told from 0: run the study with more."

_KINDS: Final = {"ignorance": "numbers that nobody knows"}


def _of_kinds(attribution: Attribution) -> Iterator[str]:
    known = {row.kind: row for row in attribution.kinds}
    called = {kind: _called(kind, attribution.scenario) for kind in KINDS}
    if not known:
        return
    if attribution.has_totals:
        parts = [f"{_percent(Share(known[kind].share, known[kind].share_se))} {called[kind]}" for kind in KINDS]
        totals = [f"{_percent(Share(known[kind].total, known[kind].total_se))}" for kind in KINDS]
        yield f"Its uncertainty is {listed(parts)}; with all that each does together with others: {listed(totals)}."
        return
    told = [kind for kind in KINDS if not isnan(known[kind].first)]
    parts = [f"{called[kind]} {_percent(Share(known[kind].first, known[kind].first_se))}" for kind in told]
    rest, others = known[UNATTRIBUTED], [called[kind] for kind in KINDS if kind not in told]
    left = listed([*others, "what all of them do together"])
    yield (
        f"By themselves its sources explain: {listed(parts)}. The other {_percent(Share(rest.first, rest.first_se))} "
        f"is {left}: --total tells them apart."
    )


def _of_units(attribution: Attribution) -> str:
    most = [row for row in attribution.units if row.is_told][:_NAMED]
    if not most:
        return "No single source is told from 0."
    how = "It hangs most on" if attribution.has_totals else "Most of it is explained by"
    return f"{how} {listed([_of_unit(row, attribution) for row in most])}."


def _of_unit(row: DriverRow, attribution: Attribution) -> str:
    numbers = [] if isnan(row.total) else [f"{_percent(row.in_all)} in all"]
    if not isnan(row.first):
        numbers.append(f"{_percent(row.alone) if row.first > row.floor else 'not told from 0'} alone")
    if not isnan(row.swing) and not attribution.levels_of(row.column):
        ends = (in_units(attribution.outcome, value) for value in (row.low, row.high))
        numbers.append(" to ".join(ends) + " from its lowest to its highest fifth")
    return f"{unit_words(row.unit, attribution.scenario)} ({', '.join(numbers)})"


def _of_levels(attribution: Attribution) -> Iterator[str]:
    """Means by level of each category that is told from 0."""
    outcome = attribution.outcome
    for row in attribution.units:
        levels = attribution.levels_of(row.column) if row.is_told else ()
        if levels:
            parts = [
                f"{in_units(outcome, level.high)} by {attribution.scenario.called(level.column.partition('=')[2])}"
                for level in levels
            ]
            yield f"The mean differs by {unit_words(row.unit, attribution.scenario)}: {listed(parts)}."


def _of_grades(attribution: Attribution) -> Iterator[str]:
    if not attribution.grades:
        return
    whole = attribution.has_totals
    shares = {
        row.grade: Share(row.total, row.total_se) if whole else Share(row.first, row.first_se)
        for row in attribution.grades
    }
    others = [f"{grade} {_percent(share)}" for grade, share in shares.items() if grade in _BESIDE and share.is_told]
    if "judgement" in shares:
        judged, beside = _percent(shares["judgement"]), f" (beside it {listed(others)})" if others else ""
        if whole:
            yield f"All that is graded judgement is behind {judged} of it, what it does together included{beside}."
        else:
            yield f"What is graded judgement explains {judged} of it by itself{beside}."


_BESIDE: Final = ("found", "derived", "recalled", CHANCE)


def _percent(share: Share) -> str:
    """A share in percent with its error, or that it is not told from 0."""
    if isnan(share.se):
        return f"{100 * share.value:.0f}%"
    if not share.is_told:
        return "0%" if share.value == 0 else "not told from 0"
    return f"{100 * share.value:.0f}% (±{100 * share.se:.{0 if share.se >= 0.0095 else 1}f})"
