"""Draws and seconds to a wanted accuracy: `python tests/benchmarks/accuracy.py [SCENARIO] [--target POINTS]`.

What is estimated is the mean difference of the foreign share of 2030 between a scenario and `jv_only`. Three ways to
draw are compared on one model, with all its shocks: plain Monte Carlo with draws of their own for each regime, plain
Monte Carlo on shared draws, and the program's own draws. A standard error is the spread of the estimate over reruns
on draws of their own; nothing is extrapolated. With 16 reruns it is known to some 18%, and so the draws to some 36%;
ours, which need far fewer draws, get four times as many reruns. An accuracy counts as reached if the next size has it
too, so that it is not owed to luck.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sim import load_scenario  # noqa: E402
from sim.axes import DRAWS_PER_SCRAMBLE, FloatArray  # noqa: E402
from sim.chance import sampling  # noqa: E402
from sim.chance.sampling import draw_worlds  # noqa: E402
from sim.chance.worlds import Worlds, same_worlds  # noqa: E402
from sim.model.economy import Economy  # noqa: E402
from sim.model.engine import observe  # noqa: E402
from sim.model.record import Record  # noqa: E402
from sim.scenario.scenario import Scenario  # noqa: E402

BASELINE = "jv_only"
TOGETHER = 2
"""Scrambles that are simulated side by side."""

LARGEST = 2**21
"""Draws at which the search for an accuracy is given up."""


class PlainScramble(sampling._Scramble):
    """Columns of plain Monte Carlo: the same names and paths, every uniform drawn for itself."""

    def __init__(self, settings: object, number: int) -> None:
        self._seed, self._number, self._net = settings.seed, number, {}

    def hypercube(self, name: str, columns: int) -> FloatArray:
        """Independent uniforms, array (columns, 512)."""
        return sampling._generator(self._seed, self._number, name).random((columns, DRAWS_PER_SCRAMBLE))


class Part(NamedTuple):
    """What the draws of one scramble give: mean share under the scenario and the baseline, seconds of a core."""

    share: float
    base: float
    seconds: float


def foreign_share(scenario: Scenario, worlds: Worlds) -> FloatArray:
    """Mean foreign share of the last year over the draws of each scramble."""

    def read(economy: Economy, record: Record, *_: object) -> FloatArray:
        spending = record.spending[-12 // scenario.horizon.period_months :].sum(axis=(0, 2))
        return spending[economy.domestic :].sum(axis=0) / spending.sum(axis=0)

    found = np.concatenate(observe(scenario, worlds, read))
    return found.reshape(-1, DRAWS_PER_SCRAMBLE).mean(axis=-1)


def run_parts(plain: bool, pair: tuple[Scenario, Scenario], numbers: range) -> list[Part]:
    """Both regimes on the draws of some scrambles."""
    start = time.process_time()
    with mock.patch.object(sampling, "_Scramble", PlainScramble if plain else sampling._Scramble):
        worlds = draw_worlds(pair[0], numbers)
    share, base = (foreign_share(scenario, worlds) for scenario in pair)
    seconds = (time.process_time() - start) / len(numbers)
    return [Part(one, other, seconds) for one, other in zip(share.tolist(), base.tolist(), strict=True)]


class Needed(NamedTuple):
    """Draws and seconds of a core at which a way first has the wanted standard error, and keeps it at the next size."""

    way: str
    draws: int
    seconds: float


def sizes() -> Iterator[int]:
    """Scrambles to try, each a quarter more than the one before."""
    size = 1
    while size * DRAWS_PER_SCRAMBLE <= LARGEST:
        yield size
        size = max(size + 1, size * 5 // 4)


def errors(parts: FloatArray, reruns: int, size: int) -> dict[str, float]:
    """Standard errors of the mean difference, paired and unpaired, from reruns of so many scrambles each."""
    means = parts[: reruns * size].reshape(reruns, size, -1).mean(axis=1)
    share, base = means[:, 0], means[:, 1]
    return {
        "paired": float((share - base).std(ddof=1)),
        "unpaired": float(np.hypot(share.std(ddof=1), base.std(ddof=1))),
    }


def needed(plain: bool, pair: tuple[Scenario, Scenario], target: float, reruns: int) -> Iterator[Needed]:
    """What each way needs until it first has the wanted standard error, as it is found."""
    wanted, reached = {"paired", "unpaired"} if plain else {"paired"}, dict[str, Needed]()
    with multiprocessing.get_context("fork").Pool() as pool:
        parts: list[Part] = []
        for size in sizes():
            ends = range(len(parts), reruns * size, TOGETHER)
            tasks = [range(first, min(first + TOGETHER, reruns * size)) for first in ends]
            parts += chain.from_iterable(pool.map(partial(run_parts, plain, pair), tasks, chunksize=1))
            taken = np.array(parts)
            for way, error in errors(taken, reruns, size).items():
                if error > target:
                    reached.pop(way, None)
                elif way in reached and way in wanted:
                    yield reached[way]
                    wanted.remove(way)
                else:
                    seconds = float(taken[: reruns * size, 2].sum() / reruns)
                    reached[way] = Needed(f"{'plain' if plain else 'ours'}, {way}", size * DRAWS_PER_SCRAMBLE, seconds)
            if not wanted:
                return
    raise SystemExit(f"not reached with {LARGEST:,} draws a rerun: {', '.join(sorted(wanted))}")


def main() -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", default="full_liberalization")
    parser.add_argument("--target", type=float, default=0.01, help="standard error, in points of share")
    parser.add_argument("--reruns", type=int, default=16)
    given = parser.parse_args()
    pair = tuple(load_scenario(ROOT / "scenarios" / f"{name}.yaml") for name in (given.scenario, BASELINE))
    assert same_worlds(*pair)
    print(f"mean foreign share of 2030, {given.scenario} less {BASELINE}: to a standard error of {given.target} points")
    least = 0
    for plain in (False, True):
        for found in needed(plain, pair, given.target / 100, given.reruns if plain else 4 * given.reruns):
            least = least or found.draws
            times = f"{found.draws / least:>7.1f} times ours"
            print(f"{found.way:16}{found.draws:>10,} draws {found.seconds:>9.1f} s of one core {times}", flush=True)


if __name__ == "__main__":
    main()
