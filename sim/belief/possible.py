"""Whether the rows of a posterior are worlds at all: a posterior is input like any other, in every row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from sim.axes import FloatArray
from sim.chance.worlds import event_columns, is_rare, normal_paths, period_count, rare_paths
from sim.disk import file_hash
from sim.errors import ResultsError
from sim.outcomes.manifest import MANIFEST, read_manifest
from sim.scenario.inputs import Input, inputs
from sim.scenario.scenario import Scenario

__all__ = ["impossible", "unlike_its_manifest"]

_FARTHEST: Final = 40.0
"""Of a normal: beyond, a double has no probability left."""

_INSIDE: Final = (float(np.nextafter(0.0, 1.0)), float(np.nextafter(1.0, 0.0)))
"""Of a uniform."""


def impossible(columns: Mapping[str, FloatArray], scenario: Scenario) -> Iterator[str]:
    """What no world can have, in words: the column, the first row, what was found and what is allowed.

    Every column that the scenario knows is looked at, whether it is in play or not.
    """
    numbers = {item.name: item for item in inputs(scenario)}
    lengths = _path_lengths(scenario)
    yield from (f"{name}: the path is missing" for name in lengths if name not in columns)
    for name, values in columns.items():
        if (name in numbers or name in event_columns(scenario)) and values.ndim > 1:
            yield f"{name}: must be one column (found {len(values)} components)"
        elif name in lengths and (values.ndim != 2 or len(values) != lengths[name]):
            found = len(values) if values.ndim > 1 else 1
            yield f"{name}: must have {lengths[name]} components, as the horizon has periods (found {found})"
        elif name in numbers:
            least, most = _range(numbers[name])
            whole = numbers[name].dimension == "category"
            yield from _outside(name, values, (least, most), whole=whole)
        elif name in event_columns(scenario) or (name in lengths and is_rare(name)):
            yield from _outside(name, values, _INSIDE, ends="between 0 and 1, without them")
        elif name in lengths:
            yield from _outside(name, values, (-_FARTHEST, _FARTHEST))


def _path_lengths(scenario: Scenario) -> dict[str, int]:
    """Every path of shocks to the number of its components."""
    return {**normal_paths(scenario), **dict.fromkeys(rare_paths(scenario), period_count(scenario.horizon))}


def _range(item: Input) -> tuple[float, float]:
    categories = getattr(item.record, "categories", None)
    return (item.allowed.least, item.allowed.most) if categories is None else (0.0, len(categories) - 1.0)


def _outside(
    name: str, values: FloatArray, allowed: tuple[float, float], *, whole: bool = False, ends: str = ""
) -> Iterator[str]:
    least, most = allowed
    fits = (values >= least) & (values <= most)  # not of what is no number
    if whole:
        fits &= np.rint(values) == values
    if not fits.all():
        place = int(np.argmin(fits))
        ends = ends or f"{least:g} to {most:g}" + (", whole" if whole else "")
        yield (
            f"{name}: is out of the range of this quantity in {np.count_nonzero(~fits):,} places, first in row "
            f"{place % values.shape[-1]:,} (found {values.ravel()[place]:g}; allowed {ends})"
        )


def unlike_its_manifest(path: Path) -> str | None:
    """Why a file is not the one that the manifest beside it describes; None if it is, or if there is none."""
    manifest = path.with_name(MANIFEST)
    if not os.path.lexists(manifest):
        return None
    try:
        known = read_manifest(path.parent).files.get(path.name)
    except ResultsError:
        known = None
    if known is None:
        return f"{MANIFEST} beside it is damaged, or does not know it: make the posterior again"
    if known != file_hash(path):
        return f"is not the file that {MANIFEST} beside it describes: one of them was changed since"
    return None
