"""What drives an outcome, in sentences: the words of the tables of drivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Final

from sim.chance.units import KINDS
from sim.outcomes.drivers import UNATTRIBUTED, Attribution, DriverRow, Share
from sim.outcomes.naming import Outcome
from sim.scenario.scenario import Scenario

__all__ = ["in_units", "outcome_words", "sentences", "unit_words"]

_NAMED: Final = 5
"""Units that a sentence names."""

_READABLE: Final = {
    "iaas": "IaaS",
    "paas": "PaaS",
    "saas": "SaaS",
    "jv": "JV",
    "ftz": "FTZ",
    "npv": "NPV",
    "irr": "IRR",
}


def _words(identifier: str) -> str:
    return " ".join(_READABLE.get(word, word) for word in identifier.replace(".", " ").replace("_", " ").split())


def _title(name: str) -> str:
    words = _words(name)
    return words[:1].upper() + words[1:]


_UNITS: Final = {
    "shock.market": "shocks to the market's size",
    "shock.origin": "shocks to foreign against domestic providers",
    "market_steps": "downward steps of the market",
    "order": "who is first in the queue",
    "one_regulator": "how long the regulator takes",
    "one_building_trade": "how long building takes",
}
_BEGINNINGS: Final = {
    "shock.rivalry.": "luck of {} in rivalry",
    "dates.": "delays of {}",
    "chance.": "whether {} happens",
    "clock.": "when {} happens",
}


def unit_words(name: str, scenario: Scenario) -> str:
    """A unit or column in words; inputs keep the words of their path, by which they are found in the scenario."""
    for beginning, text in _BEGINNINGS.items():
        if name.startswith(beginning):
            whose = name.removeprefix(beginning)
            known = scenario.providers.get(whose)
            return text.format(_words(whose) if known is None else known.title.partition(" (")[0])
    return _UNITS.get(name) or _words(name)


def outcome_words(attribution: Attribution) -> str:
    """An outcome as a sentence has it."""
    outcome, scenario = attribution.outcome, attribution.scenario
    provider = scenario.providers.get(outcome.item)
    whose = _words(outcome.item) if provider is None else provider.title.partition(" (")[0]
    scope = {"total": "all layers"}.get(outcome.scope, _words(outcome.scope))
    if outcome.scope == "total" and outcome.item:
        scope = ""
    what = ", ".join(filter(None, (_words(outcome.variable), whose, scope, str(outcome.year))))
    return f"gain in {what}, over {_title(attribution.baseline)}" if outcome.is_gain else what


def in_units(outcome: Outcome, value: float, *, signed: bool = False) -> str:
    """A number of an outcome with its unit; shares in percent, their differences in points."""
    sign = "+" if signed else ""
    if outcome.unit == "fraction":
        size = f"{100 * value:{sign}.{0 if abs(value) >= 0.0995 else 1}f}"
        return f"{size} points" if signed else f"{size}%"
    digits = 0 if abs(value) >= 99.5 else 1 if abs(value) >= 9.95 else 2
    return f"{value:{sign},.{digits}f} {outcome.unit.replace('/yr', ' a year')}".replace("-", "−")


def sentences(attribution: Attribution) -> Iterator[str]:
    """What drives an outcome, one sentence a finding, the first names it."""
    outcome, signed = attribution.outcome, attribution.outcome.is_gain
    mean, sd = in_units(outcome, attribution.mean, signed=signed), in_units(outcome, attribution.sd)
    sd = sd.replace("%", " points")
    yield f"{_title(attribution.scenario.name)}, {outcome_words(attribution)}: mean {mean}, standard deviation {sd}."
    yield from _of_kinds(attribution)
    yield _of_units(attribution)
    yield from _of_levels(attribution)
    yield from _of_grades(attribution)
    untold = sum(not row.is_told for row in attribution.units)
    yield f"Of {len(attribution.units)} sources of uncertainty {untold} are not told from 0."


_KINDS: Final = {
    "disagreement": "disagreement (which hypothesis, which reading)",
    "ignorance": "ignorance (numbers that nobody knows)",
    "luck": "luck",
}


def _of_kinds(attribution: Attribution) -> Iterator[str]:
    known = {row.kind: row for row in attribution.kinds}
    if not known:
        return
    if attribution.has_totals:
        parts = [f"{_percent(Share(known[kind].share, known[kind].share_se))} {_KINDS[kind]}" for kind in KINDS]
        totals = [f"{_percent(Share(known[kind].total, known[kind].total_se))}" for kind in KINDS]
        yield f"Its uncertainty is {_listed(parts)}; with all that each does together with others: {_listed(totals)}."
        return
    parts = [f"{_KINDS[kind]} {_percent(Share(known[kind].first, known[kind].first_se))}" for kind in KINDS]
    rest = known[UNATTRIBUTED]
    yield (
        f"By themselves its sources explain: {_listed(parts)}; {_percent(Share(rest.first, rest.first_se))} is not "
        "attributed: what they do together, and paths of shocks (--total tells)."
    )


def _of_units(attribution: Attribution) -> str:
    most = [row for row in attribution.units if row.is_told][:_NAMED]
    if not most:
        return "No single source is told from 0."
    return f"It hangs most on {_listed([_of_unit(row, attribution) for row in most])}."


def _of_unit(row: DriverRow, attribution: Attribution) -> str:
    numbers = [] if isnan(row.total) else [f"{_percent(row.in_all)} in all"]
    if not isnan(row.first):
        numbers.append(f"{_percent(row.alone) if row.first > row.floor else 'not told from 0'} alone")
    if not isnan(row.swing) and not attribution.levels_of(row.column):
        ends = (
            in_units(attribution.outcome, value, signed=attribution.outcome.is_gain) for value in (row.low, row.high)
        )
        numbers.append(" to ".join(ends) + " from its lowest to its highest fifth")
    return f"{unit_words(row.unit, attribution.scenario)} ({', '.join(numbers)})"


def _of_levels(attribution: Attribution) -> Iterator[str]:
    """Means by level of each category that is told from 0."""
    outcome = attribution.outcome
    for row in attribution.units:
        levels = attribution.levels_of(row.column) if row.is_told else ()
        if levels:
            parts = [
                f"{in_units(outcome, level.high, signed=outcome.is_gain)} if {_words(level.column.partition('=')[2])}"
                for level in levels
            ]
            yield f"By {unit_words(row.unit, attribution.scenario)} the mean is {_listed(parts)}."


def _of_grades(attribution: Attribution) -> Iterator[str]:
    if not attribution.grades:
        return
    whole = attribution.has_totals
    shares = {
        row.grade: Share(row.total, row.total_se) if whole else Share(row.first, row.first_se)
        for row in attribution.grades
    }
    others = [f"{grade} {_percent(share)}" for grade, share in shares.items() if grade != "judgement" and _known(share)]
    if "judgement" in shares:
        how = "in all" if whole else "by themselves"
        judged = _percent(shares["judgement"])
        beside = ", ".join(others) or "nothing else is graded"
        yield f"What is graded judgement explains {judged} of it {how} ({beside})."


def _known(share: Share) -> bool:
    return not isnan(share.value)


def _percent(share: Share) -> str:
    """A share in percent with its error, or that it is not told from 0."""
    if isnan(share.se):
        return f"{100 * share.value:.0f}%"
    if not share.is_told:
        return "0%" if share.value == 0 else "not told from 0"
    return f"{100 * share.value:.0f}% (±{100 * share.se:.0f})" if share.se >= 0.005 else f"{100 * share.value:.0f}%"


def _listed(parts: Sequence[str]) -> str:
    """Parts of a sentence, one after the other."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
