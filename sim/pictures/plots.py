"""The ten pictures of a run, all declared once this is imported: a module with another of them is imported here.

Those over the years are in `trends`, those of the last year in `standings`, and what happens when in `chronicle`. The
first scenario is the baseline's; a scenario has one colour and one marker in all pictures.
"""

from __future__ import annotations

import sim.pictures.chronicle
import sim.pictures.standings
import sim.pictures.trends  # noqa: F401
from sim.pictures.registry import Runs, draw, drawable

__all__ = ["Runs", "draw", "drawable"]
