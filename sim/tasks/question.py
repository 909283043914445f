"""What a record is held against: a scenario as it was known on some day, and the rows of the record that it has."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ConfigDict

from sim.belief.knowledge import Replacement, as_known
from sim.belief.matching import Matching, match_record
from sim.belief.names import Names, read_names
from sim.belief.record import Observation, read_record
from sim.errors import ScenarioError
from sim.outcomes.results import file_hash
from sim.reading.loading import Loaded
from sim.scenario.scenario import Scenario
from sim.tasks.request import Request, make_request

__all__ = ["EXACT", "Question", "ask"]

EXACT: Final = ConfigDict(ser_json_inf_nan="strings")
"""How an answer is put into a manifest: JSON has no other way to say NaN, which is not the same as nothing."""


@dataclass(frozen=True)
class Question:
    """A scenario and a record.

    Attributes
    ----------
    request : Request
        Of the one scenario, with the seed and the number of draws that are used.
    record : tuple of Observation
    matching : Matching
        What the rows of the record are in the scenario, and why some are nothing.
    replaced : tuple of Replacement
        Numbers that were not known by the cut-off, and what stands in for them.
    names : Names
        What names of the record mean.
    record_hash : str
        SHA-256 of the record's file.
    """

    request: Request
    record: tuple[Observation, ...]
    matching: Matching
    replaced: tuple[Replacement, ...]
    names: Names
    record_hash: str

    @property
    def scenario(self) -> Scenario:
        """The scenario, as known at the cut-off."""
        return self.request.scenarios[0]

    def content(self, command: str) -> dict[str, Any]:
        """All that decides what a command makes of the question."""
        asked = self.request.content()
        settings = {key: asked[key] for key in ("seed", "draws", "set_by", "pictures")}
        return {
            command: self.scenario.model_dump(mode="json"),
            "record": self.record_hash,
            "names": asdict(self.names),
            "replaced": list(self.replaced),
            **settings,
        }

    def require_rows(self) -> None:
        """Raise ScenarioError, with the reason for every row, if none is left."""
        if not self.matching.matches:
            reasons: Mapping[str, str] = self.matching.unmatched
            raise ScenarioError(row.place.problem(row.id, reasons[row.id]) for row in self.record)


def ask(
    loaded: Loaded,
    observed: Path | str,
    *,
    known_on: datetime.date | None,
    mapping: Path | str | None,
    draws: int | None,
    seed: int | None,
    plots: bool,
    jobs: int | None,
) -> Question:
    """Read a scenario and a record, and match them.

    Parameters
    ----------
    loaded : Loaded
        The scenario.
    observed : path
        The record, as `belief.record` reads it.
    known_on : date, optional
        The cut-off: later numbers give way to their fallbacks, and earlier rows are nothing to forecast. Without it all
        numbers stay, and the scenario's own `as_of` only tells which rows are new.
    mapping : path, optional
        What names of the record mean, as `belief.names` reads it.
    draws, seed, plots, jobs
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The record or the mapping is wrong, or a number was not known by the cut-off and has no fallback.
    """
    known, replaced = (loaded.scenario, ()) if known_on is None else as_known(loaded, known_on)
    request = make_request([known], draws=draws, seed=seed, baseline=None, keep=None, pictures=plots, jobs=jobs)
    scenario = request.scenarios[0]
    record = tuple(read_record(Path(observed), scenario.horizon))
    names = Names() if mapping is None else read_names(Path(mapping), record, scenario)
    matching = match_record(record, scenario, scenario.as_of, names)
    return Question(request, record, matching, tuple(replaced), names, file_hash(Path(observed)))
