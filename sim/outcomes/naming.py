"""One way to name an outcome, wherever a user names one: `[SCENARIO:]variable[.scope][.item][.year]`.

Without a scenario each one of a study is meant in turn; without a year the last one. `gain(…)` around it means what
a scenario adds to the baseline, draw by draw; what exists only as a comparison, such as `regret`, does so without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from sim.axes import FloatArray
from sim.errors import choices
from sim.outcomes.comparison import UNIT_OF_DIFFERENCE, WORTH_OF_DIFFERENCE, paired, worth_of_difference
from sim.outcomes.panels import Columns, Panel, Result
from sim.outcomes.variables import VARIABLES
from sim.scenario.scenario import Scenario
from sim.wording import readable

__all__ = ["Outcome", "Panels", "find_number", "find_outcome", "outcome_draws", "variables_of"]

Panels: TypeAlias = Mapping[str, Columns]

_GAIN: Final = re.compile(r"gain\((.*)\)")
_YEAR: Final = re.compile(r"(.*?)\.?(\d{4})")


_WHOLE: Final = "total"
_GROUPS: Final = ("foreign", "domestic")


@dataclass(frozen=True)
class Outcome:
    """One number of a result, or what it adds to the baseline's.

    Attributes
    ----------
    variable, scope, item : str
        Where it stands; scope and item may be empty.
    year : int
    unit : str
    scenario : str
        Whose; empty for each scenario in turn.
    is_gain : bool
        Whether the paired difference to the baseline is meant.
    """

    variable: str
    scope: str
    item: str
    year: int
    unit: str
    scenario: str = ""
    is_gain: bool = False

    @property
    def label(self) -> str:
        """How a user asks for it."""
        name = ".".join(filter(None, (self.variable, self.scope, self.item, str(self.year))))
        whose = f"{self.scenario}:{name}" if self.scenario else name
        return f"gain({whose})" if self.is_gain else whose

    def words(self, scenario: Scenario) -> str:
        """What it is in a sentence, with the titles of a scenario: what, whose, where and when."""
        provider, _, event = self.item.partition(".")
        whose = f"{provider} providers" if provider in _GROUPS else scenario.called(provider)
        where = "" if self.scope in ("", _WHOLE) else scenario.called(self.scope)
        if self.scope == _WHOLE and not self.item and len(scenario.market.layers) > 1:
            where = "all layers"
        who = " ".join(filter(None, (whose if provider else "", readable(event))))
        what = ", ".join(filter(None, (readable(self.variable), who, where, str(self.year))))
        return f"gain in {what}" if self.is_gain else what

    @property
    def is_yes_or_no(self) -> bool:
        """Whether it is 1 or 0 in a draw."""
        return VARIABLES[self.variable].is_yes_or_no and not self.is_gain

    @property
    def centre(self) -> tuple[str, str]:
        """The statistic that stands for its draws, and what that is called."""
        if self.is_yes_or_no:
            return "mean", "share of draws"
        return ("mean", "mean") if self.is_gain else ("p50", "median")

    @property
    def is_comparison(self) -> bool:
        """Whether it takes a baseline."""
        return self.is_gain or self.variable in WORTH_OF_DIFFERENCE

    @property
    def variables(self) -> tuple[str, ...]:
        """What a run must compute to know it."""
        return WORTH_OF_DIFFERENCE.get(self.variable, (self.variable,))

    def gain(self) -> Outcome:
        """What it adds to the baseline's."""
        if self.is_comparison:
            return self
        return replace(self, is_gain=True, unit=UNIT_OF_DIFFERENCE.get(self.unit, self.unit))

    def column(self, panels: Panels) -> FloatArray:
        """The draws of its level."""
        return panels[self.variable].column(self.year, self.scope, self.item)

    def excerpt(self, panels: Mapping[str, Panel]) -> dict[str, Panel]:
        """What of a run its draws follow from, and no more: enough for `outcome_draws`."""
        place, taken = (self.scope, self.item), {}
        for name in self.variables:
            panel = panels[name]
            years = (self.year,) if name == self.variable else panel.years
            rows = [panel.row(year, *place) for year in years]
            values = panel.rows(rows).reshape(len(years), 1, -1)
            taken[name] = Panel(name, panel.unit, years, (place,), values, np.zeros((len(years), 1)))
        return taken

    def answered_by(self, cases: Mapping[str, Panels], baseline: str = "") -> tuple[str, ...]:
        """Names of the scenarios that are meant and have it."""
        asked = _Asked(self.scenario, self.variable, self.is_gain, baseline)
        return tuple(name for name in asked.scenarios(cases) if self._stands_in(asked.held_by(name, cases)))

    def _stands_in(self, panels: Sequence[Columns]) -> bool:
        places = [(self.scope, self.item) in panel.items and self.year in panel.years for panel in panels]
        return bool(places) and all(places)


@dataclass(frozen=True)
class _Asked:
    """What a name asks for, as far as no panel is needed to tell."""

    scenario: str
    variable: str
    is_gain: bool
    baseline: str

    @property
    def takes_baseline(self) -> bool:
        return self.is_gain or self.variable in WORTH_OF_DIFFERENCE

    def scenarios(self, cases: Mapping[str, Panels]) -> list[str]:
        """Those that are meant; of a comparison all but the baseline."""
        names = [self.scenario] if self.scenario else list(cases)
        if not self.takes_baseline:
            return names
        return [name for name in names if name != self.baseline] if self.baseline else []

    def held_by(self, name: str, cases: Mapping[str, Panels]) -> list[Columns]:
        """What must have the place for a scenario to answer: its variable, and the baseline's where it is compared."""
        own, base = cases[name], cases.get(self.baseline, {})
        if self.variable in WORTH_OF_DIFFERENCE:
            return [panel for panel in worth_of_difference(own, base) if panel.variable == self.variable]
        both = [own, base] if self.is_gain else [own]
        return [panels[self.variable] for panels in both] if all(self.variable in panels for panels in both) else []


def find_outcome(text: str, cases: Mapping[str, Panels], baseline: str = "") -> Outcome:
    """The outcome that a text names, if it means anything alone.

    Parameters
    ----------
    text : str
        `[SCENARIO:]variable[.scope][.item][.year]`, or that inside `gain(…)`.
    cases : mapping of mappings of str to Columns
        The scenarios of a study by name, and the variables of each: they decide what there is.
    baseline : str
        Name of the scenario that gains are counted from; empty if there is none.

    Raises
    ------
    ValueError
        There is no such outcome; says what there is.
    """
    outcome = find_number(text, cases, baseline)
    if VARIABLES[outcome.variable].summary == "difference" and not outcome.is_gain:
        raise ValueError(f"of {outcome.variable} only differences mean anything: gain({outcome.label})")
    return outcome


def find_number(text: str, cases: Mapping[str, Panels], baseline: str = "") -> Outcome:
    """As `find_outcome`, for those who take the difference of any number in any case."""
    inside, scenario, variable, place = _split(text)
    if scenario is not None and scenario not in cases:
        raise ValueError(f"no scenario of the study has this name {choices(scenario, list(cases))}")
    _require_variable(variable, cases)
    if inside and variable in WORTH_OF_DIFFERENCE:
        raise ValueError(f"{variable} is a comparison with the baseline already: name it without gain(…)")
    asked = _Asked(scenario or "", variable, inside, baseline)
    names = asked.scenarios(cases)
    if not names:
        whose = f"{scenario} is the baseline itself" if scenario else "there is no scenario but the baseline"
        whose = whose if baseline else "there is none"
        raise ValueError(f"{variable} is to be compared with a baseline: {whose}")
    held = [panels for panels in (asked.held_by(name, cases) for name in names) if panels]
    outcome = replace(_placed(variable, place, held), scenario=asked.scenario)
    return outcome.gain() if inside else outcome


def variables_of(text: str) -> tuple[str, ...]:
    """What a run must compute to know the outcome that a text names; nothing if there is no such variable."""
    variable = _split(text)[2]
    return WORTH_OF_DIFFERENCE.get(variable, (variable,) if variable in VARIABLES else ())


def _split(text: str) -> tuple[bool, str | None, str, str]:
    """Whether a gain is asked for, of which scenario, the variable and its place."""
    inside = _GAIN.fullmatch(text.strip())
    scenario, colon, plain = (inside[1] if inside else text.strip()).rpartition(":")
    variable, _, place = plain.partition(".")
    return inside is not None, scenario if colon else None, variable, place


def _require_variable(variable: str, cases: Mapping[str, Panels]) -> None:
    def is_held(name: str) -> bool:
        made_of = WORTH_OF_DIFFERENCE.get(name, (name,))
        return any(all(one in panels for one in made_of) for panels in cases.values())

    known = [name for name, info in VARIABLES.items() if info.summary != "none" and is_held(name)]
    if variable not in known:
        raise ValueError(f"no outcome has this variable {choices(variable, known)}")


def _placed(variable: str, place: str, held: Sequence[Sequence[Columns]]) -> Outcome:
    """The place that a text names, in the first scenario that has it."""
    problem = ""
    for panels in held:
        own, others = panels[0], panels[1:]
        dated = _YEAR.fullmatch(place)
        label, year = (dated[1], int(dated[2])) if dated else (place, own.years[-1])
        labels = {".".join(filter(None, at)): at for at in own.items if all(at in other.items for other in others)}
        if label not in labels:
            problem = problem or f"{variable} is not known of this {choices(label, list(labels))}"
        elif year not in own.years:
            problem = problem or f"{variable} has no year {year} (allowed {own.years[0]} to {own.years[-1]})"
        else:
            return Outcome(variable, *labels[label], year, own.unit)
    raise ValueError(problem or f"no scenario of the study has {variable} to compare")


def outcome_draws(outcome: Outcome, result: Result, baseline: Result | None = None) -> FloatArray:
    """The draws of an outcome in one scenario.

    Parameters
    ----------
    outcome : Outcome
    result : Result
        A scenario that answers it.
    baseline : Result, optional
        On the same draws; not needed for a level.

    Returns
    -------
    array (N,)
        In the outcome's unit; NaN in draws in which it does not exist.
    """
    if not outcome.is_comparison:
        return outcome.column(result.panels)
    if baseline is None:
        raise ValueError(f"{outcome.label} takes a baseline")
    if outcome.is_gain:
        panel: Columns = paired(result.panels[outcome.variable], baseline.panels[outcome.variable])
    else:
        found = worth_of_difference(result.panels, baseline.panels)
        panel = next(panel for panel in found if panel.variable == outcome.variable)
    return panel.column(outcome.year, outcome.scope, outcome.item)
