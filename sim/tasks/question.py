"""What a record is held against: a scenario as it was known on some day, and the rows of the record that it has."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sim.belief.knowledge import Replacement, as_known
from sim.belief.matching import Matching, match_record
from sim.belief.names import Names, read_names
from sim.belief.record import Observation, read_record
from sim.disk import open_regular, write_bytes
from sim.errors import ResultsError, ScenarioError
from sim.reading.loading import Loaded
from sim.scenario.scenario import Scenario
from sim.tasks.request import Request, make_request

__all__ = ["RECORD_FILE", "Question", "ask", "question_of"]

RECORD_FILE: Final = "observed.csv"


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
    record_text : bytes
        The record as its file has it.
    """

    request: Request
    record: tuple[Observation, ...]
    matching: Matching
    replaced: tuple[Replacement, ...]
    names: Names
    record_text: bytes

    @property
    def scenario(self) -> Scenario:
        """The scenario, as known at the cut-off."""
        return self.request.scenarios[0]

    def content(self) -> dict[str, Any]:
        """All that decides what a command makes of the question."""
        asked = self.request.content()
        settings = {key: asked[key] for key in ("seed", "draws", "set_by", "pictures")}
        return {
            "scenario": self.scenario.model_dump(mode="json"),
            "record": self.record_hash,
            "names": asdict(self.names),
            "replaced": list(self.replaced),
            **settings,
        }

    @property
    def record_hash(self) -> str:
        """SHA-256 of the record's file."""
        return hashlib.sha256(self.record_text).hexdigest()

    def write_record(self, folder: Path) -> None:
        """Put the record beside what was made of it."""
        write_bytes(folder / RECORD_FILE, self.record_text)

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
    draws, seed, plots
        As for `run_study`.

    Raises
    ------
    ScenarioError
        The record or the mapping is wrong, or a number was not known by the cut-off and has no fallback.
    """
    known, replaced = (loaded.scenario, ()) if known_on is None else as_known(loaded, known_on)
    request = make_request([known], draws=draws, seed=seed, baseline=None, keep=None, pictures=plots)
    scenario = request.scenarios[0]
    record = tuple(read_record(Path(observed), scenario.horizon, scenario.ledger))
    names = Names() if mapping is None else read_names(Path(mapping), record, scenario)
    matching = match_record(record, scenario, scenario.as_of, names)
    return Question(request, record, matching, tuple(replaced), names, Path(observed).read_bytes())


def question_of(content: Mapping[str, Any], folder: Path) -> Question:
    """A question as a manifest states it, with the record that lies beside it.

    Raises
    ------
    ResultsError
        The record is not the one that was asked about.
    """
    scenario, record_file = Scenario.model_validate(content["scenario"]), folder / RECORD_FILE
    try:
        with open_regular(record_file) as stream:
            text = stream.readall()
    except OSError as error:
        raise ResultsError(f"{record_file}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(text).hexdigest() != content["record"]:
        raise ResultsError(f"{record_file}: is not the record that the study was asked about")
    record = tuple(read_record(record_file, scenario.horizon, scenario.ledger))
    request = Request((scenario,), scenario.name, None, content["pictures"], content["set_by"])
    names, replaced = Names(**content["names"]), tuple(Replacement(*row) for row in content["replaced"])
    return Question(request, record, match_record(record, scenario, scenario.as_of, names), replaced, names, text)
