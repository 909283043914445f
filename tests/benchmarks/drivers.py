"""What it costs to explain outcomes from draws that are there, beside sorting each input once.

`python tests/benchmarks/drivers.py` prints seconds of processor time, the least of some turns, and the ratio.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from sim.analysis.drivers import BINS, FIFTHS, cell_means, equal_cells, first_order, group_share

COLUMNS, OUTCOMES, DRAWS, GROUPS = 81, 10, 8192, 9
TURNS = 7


def _least(call: Callable[[], object]) -> float:
    """Seconds of processor time."""
    times = []
    for _ in range(TURNS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    columns, outcomes = rng.random((COLUMNS, DRAWS)), rng.random((OUTCOMES, DRAWS))
    groups = columns[: 3 * GROUPS].reshape(GROUPS, 3, DRAWS)
    floor = _least(lambda: [np.argsort(column, kind="stable") for column in columns])
    calls: dict[str, Callable[[], object]] = {
        "first-order shares": lambda: [first_order(equal_cells(column, BINS), outcomes) for column in columns],
        "swings": lambda: [cell_means(equal_cells(column, FIFTHS), outcomes) for column in columns],
        "groups of three": lambda: [group_share(list(group), [False] * 3, outcomes) for group in groups],
    }
    print(f"{COLUMNS} columns, {OUTCOMES} outcomes, {DRAWS:,} draws; sorting every column once: {floor:.3f} s")
    for name, call in calls.items():
        seconds = _least(call)
        print(f"{name:20} {seconds:.3f} s  {seconds / floor:5.1f} times that")


if __name__ == "__main__":
    main()
