"""Coverage, density and the box itself against EMA Workbench's PRIM, on the same draws."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

from sim.analysis.discovery import Box, Limit, coverage_density, discover, inside
from sim.axes import BoolArray, FloatArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pandas = pytest.importorskip("pandas")
    prim = pytest.importorskip("ema_workbench.analysis.prim")

DRAWS = 4096
CATEGORIES = 4


def made_up(seed: int) -> tuple[dict[str, FloatArray], BoolArray]:
    """Ten columns, one of categories, and an event that three of them and luck decide."""
    generator = np.random.default_rng(seed)
    columns = {f"x{place}": column for place, column in enumerate(generator.random((9, DRAWS)))}
    columns["kind"] = np.floor(CATEGORIES * generator.random(DRAWS))
    known = (columns["x1"] > 0.4) & (columns["x5"] < 0.7) & (columns["kind"] != 2)
    return columns, np.asarray(generator.random(DRAWS) < np.where(known, 0.8, 0.05))


def their_prim(columns: dict[str, FloatArray], passes: BoolArray) -> Any:
    """Their PRIM of our columns, whose categories they want as such."""
    frame = pandas.DataFrame(columns).astype({"kind": int}).astype({"kind": "category"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return prim.Prim(frame, passes.astype(float), threshold=0.1, peel_alpha=0.05)


def our_box(limits: Any) -> Box:
    """Their limits as ours."""
    numbers = (Limit(name, *map(float, limits[name])) for name in limits if name != "kind")
    return (*numbers, Limit("kind", kept=tuple(map(int, limits["kind"].iloc[0]))))


@pytest.mark.parametrize("seed", range(3))
def test_coverage_and_density_are_theirs_for_all_limits_of_their_trajectory(seed: int) -> None:
    columns, passes = made_up(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = their_prim(columns, passes).find_box()
    assert len(found.box_lims) > 20
    for limits, (_, row) in zip(found.box_lims, found.peeling_trajectory.iterrows(), strict=True):
        ours = coverage_density(passes, inside(our_box(limits), columns, DRAWS))
        assert ours == pytest.approx((row["coverage"], row["density"]), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_our_box_has_their_coverage_and_density_too(seed: int) -> None:
    columns, passes = made_up(seed)
    (box,) = discover(columns, {"kind": CATEGORIES}, passes).boxes
    assert {limit.name for limit in box} == {"x1", "x5", "kind"}
    theirs = their_prim(columns, passes)
    limits = theirs.box_init.copy()
    for limit in box:
        if limit.kept:
            limits[limit.name] = [set(limit.kept)] * 2
        else:
            limits.loc[0, limit.name] = max(limit.low, limits.loc[0, limit.name])
            limits.loc[1, limit.name] = min(limit.high, limits.loc[1, limit.name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = prim.PrimBox(theirs, limits, np.flatnonzero(prim.sdutil._in_box(theirs.x, limits)))
    ours = coverage_density(passes, inside(box, columns, DRAWS))
    assert ours == pytest.approx((held.coverage, held.density), abs=1e-9)
    assert all(map(math.isfinite, ours))
