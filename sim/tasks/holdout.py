"""The record that a case ships beside its scenarios, and a small backtest of a study against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from sim.axes import DRAWS_PER_SCRAMBLE, join_draws
from sim.belief.forecasts import Forecasts, forecast_scramble
from sim.belief.scores import headline_scores
from sim.belief.track import pooled_rows, scored
from sim.belief.trust import trust_of
from sim.errors import ScenarioError
from sim.reading.naming import record_beside
from sim.tasks.question import Question, ask, question_of
from sim.tasks.request import Request

__all__ = ["Holdout", "holdout_of"]

_DRAWS: Final = 2048
"""At most: a quarter of a second of one core, and coverage and skill move by a few points with more."""

_OF_THE_BASE: Final = "horizon.base_year"
"""A number that a base states, and whose file is therefore its own."""


@dataclass(frozen=True)
class Holdout:
    """A record that a scenario of a study is held against, or why there is none.

    Attributes
    ----------
    question : Question, optional
    reason : str
        Why nothing is known of how far to trust the forecasts, in a sentence; empty with a question.
    """

    question: Question | None
    reason: str = ""

    def content(self) -> dict[str, Any]:
        """All that decides the sentence, as a manifest states it."""
        return {"question": self.question and self.question.content(), "reason": self.reason}

    @classmethod
    def again(cls, content: Mapping[str, Any], folder: Path) -> Self:
        """The same, with the record that lies in the study."""
        asked = content["question"]
        return cls(None if asked is None else question_of(asked, folder), content["reason"])

    def calls(self) -> list[Callable[[], Forecasts]]:
        """The forecasts in parts, a scramble each."""
        if self.question is None:
            return []
        scenario, matches = self.question.scenario, self.question.matching.matches
        if not matches:
            return []
        scrambles = range(self.question.request.draws // DRAWS_PER_SCRAMBLE)
        return [partial(forecast_scramble, scenario, matches, number) for number in scrambles]

    def sentence(self, parts: Sequence[Forecasts]) -> str:
        """How far to trust it, from what the calls returned."""
        if self.question is None:
            return self.reason
        scenario = self.question.scenario
        rows = scored(self.question.matching.matches, join_draws(parts), headline_scores) if parts else ()
        return trust_of(rows, pooled_rows(rows, scenario.sampling), scenario)


def holdout_of(request: Request) -> Holdout:
    """What the tested scenario of a request, or its baseline, can be held against."""
    if request.scenarios[0].sampling.posterior is not None:
        return Holdout(None, "The draws were learned from a record, which cannot test them as well.")
    loaded = request.origin
    record = None if loaded is None else record_beside(Path(loaded.setter(_OF_THE_BASE)))
    if loaded is None or record is None:
        return Holdout(None, "No record of what happened since lies beside the scenario: nothing tests it yet.")
    draws, seed = min(request.draws, _DRAWS), request.scenarios[0].sampling.seed
    try:
        day = loaded.scenario.as_of
        return Holdout(ask(loaded, record, known_on=day, mapping=None, draws=draws, seed=seed, plots=False))
    except ScenarioError as error:
        return Holdout(None, f"{record.name} cannot test it: {error.problems[0].message}.")
