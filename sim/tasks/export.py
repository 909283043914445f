"""A finished study in the forms that others work with: a workbook, the wide table of the IAMC, data frames, an archive.

An export is made of what the study's manifest knows and nothing else, so that the same study gives the same bytes. It
is whole or absent, and takes the place of nothing that is something else, unless it is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import ValidationError

from sim.disk import file_hash, remove, write_whole
from sim.errors import Problem, ResultsError, ScenarioError, choices
from sim.outcomes.drivers import DriverRow
from sim.outcomes.manifest import MANIFEST, Manifest, first_of, read_manifest, require_as_written
from sim.outcomes.tables import ComparisonRow, SummaryRow, TimelineRow, read_csv, read_rows
from sim.report.contents import Contents
from sim.report.workbook import workbook
from sim.scenario.scenario import Scenario
from sim.tasks.pool import Progress, say_nothing

__all__ = ["FORMATS", "export_study"]
