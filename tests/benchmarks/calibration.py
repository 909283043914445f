"""Simulation-based calibration of `sim calibrate`: does it recover worlds that it knows?

    python tests/benchmarks/calibration.py [REPLICATIONS]

Worlds are drawn from the prior of `jv_only`, in years and to 2021. Each makes a record of its own with the errors
that the scenario states, in rows like those of the shipped record; the world's rank among draws of the posterior
must be uniform. Prints, for every quantity, the ranks in eighths and the chance that a uniform sample strays so far.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulation_based import chance, rank_of_truth

from sim.belief.calibration import Teacher, teacher
from sim.belief.matching import match_record
from sim.belief.record import Observation, read_record
from sim.reading.loading import load_scenario, shipped_folder
from sim.tasks.pool import Batch, available_cores

ROWS = ("M1", "M3", "M9", "S3", "S3a", "S7")
"""Of the shipped record, one of each kind at least: sizes of two scopes, shares, revenue."""

PARTICLES = 256
KEPT = 63
"""Draws of the posterior among which the truth is ranked: ranks 0 to 63, eight of them in each bin."""

BINS = 8
LEAST = 0.05
"""Chance below which all quantities together do not look uniform, divided among them (Bonferroni)."""


def thinned() -> Teacher:
    """The shipped case in years, and rows of the record over their whole years."""
    scenario = load_scenario(shipped_folder() / "jv_only.yaml", overrides=["horizon.period_months=12"])
    record = read_record(shipped_folder() / "observed_2019_2021.csv", scenario.horizon, scenario.ledger)
    rows = [_of_its_year(row) for row in record if row.id in ROWS]
    return teacher(scenario, match_record(rows, scenario, scenario.as_of).matches)


def _of_its_year(row: Observation) -> Observation:
    start, end = row.start.replace(month=1, day=1), row.end.replace(month=12, day=31)
    return replace(row, start=start, end=end, statistic="annual")


def main(replications: int) -> int:
    """Print the table; 0 if all quantities look uniform."""
    teach, started, batch = thinned(), time.monotonic(), Batch()
    call = partial(rank_of_truth, teach, 1, particles=PARTICLES, kept=KEPT)
    futures = [batch.add(partial(call, number)) for number in range(replications)]
    batch.run(available_cores(), lambda share: print(f"\r{100 * share:.0f}%", end="", file=sys.stderr, flush=True))
    found = [future.result() for future in futures]
    worst = 1.0
    print(f"\n{'quantity':45}{'ranks in eighths':>40}   chance")
    for name in found[0]:
        ranks = np.array([one[name] for one in found])
        odds = chance(ranks, KEPT)
        worst = min(worst, odds)
        bins = np.histogram(ranks, np.linspace(-0.5, KEPT + 0.5, BINS + 1))[0]
        print(f"{name:45}{' '.join(f'{count:4d}' for count in bins):>40}   {odds:.3f}")
    seconds, allowed = time.monotonic() - started, LEAST / len(found[0])
    print(f"{replications} replications, {PARTICLES} particles, {teach.space.dimensions} latents, {seconds:.0f} s")
    print(f"least chance {worst:.4f} of {len(found[0])} quantities; uniform if at least {allowed:.4f}")
    return 0 if worst >= allowed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
