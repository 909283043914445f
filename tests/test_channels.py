"""Base years with own sites and sales from abroad, through time."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
from shipped import CALM_MARKET, NOTHING_DRIFTS, column
from test_mix import CLOSING, OPEN, WITH_CHANNELS, scenario

from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.panels import Panel

IMPORTS = tuple(
    f"shares.{layer}.channel={{aws: {{import: 1}}, microsoft: {{import: 0.5, licence: 0.5}}}}"
    for layer in ("iaas", "paas", "saas")
)
MIXED = (
    "policy.start=full_liberalization",
    *(
        f"shares.{layer}.channel={{aws: {{own: 1}}, microsoft: {{own: 0.4, import: 0.6}}}}"
        for layer in ("iaas", "paas", "saas")
    ),
    "regimes.full_liberalization.cross_border_unlock=0.8",
)
STARTS = {"own sites": (*OPEN, *CLOSING), "from abroad": IMPORTS, "all three": (*MIXED, *CLOSING)}
SOON = ("capacity.expansion_lead={value: 3, unit: months, source: judgement, grade: judgement}",)
"""So that capacity follows use: with long leads a market that grows by two thirds outruns its sites."""


@functools.cache
def ran(*overrides: str) -> Mapping[str, Panel]:
    """Outcomes of a scenario with channels."""
    found = scenario(WITH_CHANNELS, *overrides)
    return simulate(found, draw_worlds(found, range(1)))


@pytest.mark.parametrize("start", STARTS)
def test_where_nothing_happens_no_share_moves(start: str) -> None:
    changes = list(STARTS[start])
    if start != "from abroad":
        changes.append("entry.rule=never")
    panels = ran(*NOTHING_DRIFTS, *CALM_MARKET, *SOON, *changes)
    share = column(panels, "foreign_share")
    short = 1e-9 if start == "from abroad" else 1e-4  # of growth that is faster yet, in a draw of 512
    np.testing.assert_allclose(share, np.broadcast_to(share[:1], share.shape), rtol=short)
    for variable in ("owned_revenue", "cross_border_revenue"):
        part = column(panels, variable, item="foreign") / column(panels, "market_size")
        np.testing.assert_allclose(part, np.broadcast_to(part[:1], part.shape), rtol=short, atol=1e-12)
    np.testing.assert_allclose(column(panels, "market_expansion"), 1.0, rtol=short)
