"""What one more scenario costs on draws that are there: `python tests/benchmarks/variants.py`.

All on one core in one process, seconds of the processor, the least of several rounds in which every way had a turn. The
scenarios are the eight steps from the pilot to what has no cap, serves all that is open and has no limit of places.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import compress, product
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from sim.chance.variants import Variants  # noqa: E402
from sim.model.course import Shared  # noqa: E402
from sim.model.engine import simulate  # noqa: E402
from sim.reading.loading import load_scenario  # noqa: E402
from sim.scenario.scenario import Scenario  # noqa: E402

DRAWS = 2048
ROUNDS = 3
SCRAMBLES_AT_ONCE = 2
REGIMES = ("jv_only", "ftz_pilot", "full_liberalization")
CLAUSES = ("capped=false", "reach=open", "sites=null")


def regimes() -> list[Scenario]:
    """The three that a whole run has."""
    return [load_scenario(ROOT / "scenarios" / f"{name}.yaml") for name in REGIMES]


def steps() -> list[Scenario]:
    """The pilot with every set of clauses."""
    sets = [list(compress(CLAUSES, given)) for given in product((False, True), repeat=len(CLAUSES))]
    path = ROOT / "scenarios" / "ftz_pilot.yaml"
    return [load_scenario(path, overrides=[f"regimes.ftz_pilot.{one}" for one in some]) for some in sets]


def study(scenarios: Sequence[Scenario], needed: Collection[str] | None = None) -> None:
    """All draws of some scenarios, as a run takes them: block by block."""
    variants = Variants(scenarios)
    for first in range(0, DRAWS // 512, SCRAMBLES_AT_ONCE):
        shared = Shared()
        for scenario, worlds in zip(scenarios, variants.worlds(range(first, first + SCRAMBLES_AT_ONCE)), strict=True):
            simulate(scenario, worlds, shared=shared, needed=needed)


def seconds(work: Callable[[], None]) -> float:
    """Of the processor."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def least() -> dict[str, float]:
    """The least seconds of every way."""
    three, eight = regimes(), steps()
    share, value = ["foreign_share"], ["npv_with_terminal"]
    ways: dict[str, Callable[[], None]] = {
        "run": lambda: study(three),
        "alone": lambda: [study([one]) for one in eight] and None,
        "together": lambda: study(eight),
        "share": lambda: study(eight, share),
        "value": lambda: study(eight, value),
        "first share": lambda: study(eight[:1], share),
        "first value": lambda: study(eight[:1], value),
    }
    rounds = [{name: seconds(work) for name, work in ways.items()} for _ in range(ROUNDS + 1)]
    return {name: min(one[name] for one in rounds[1:]) for name in ways}  # the first fills what a process keeps


def rows() -> Iterator[tuple[str, float]]:
    """What is measured, and milliseconds for each scenario."""
    found, others = least(), 2 ** len(CLAUSES) - 1
    yield "a scenario of a whole run of three, all outcomes", found["run"] / len(REGIMES) * 1e3
    yield "a study of one scenario, all outcomes, mean of eight", found["alone"] / 8 * 1e3
    yield "a scenario of a study of eight, all outcomes", found["together"] / 8 * 1e3
    yield "a scenario of eight, `foreign_share` alone", found["share"] / 8 * 1e3
    yield "one more scenario, `foreign_share` alone", (found["share"] - found["first share"]) / others * 1e3
    yield "one more scenario, `npv_with_terminal` alone", (found["value"] - found["first value"]) / others * 1e3


def main() -> None:
    """Print what each takes, and how it stands to the first."""
    first, *others = rows()
    for name, milliseconds in (first, *others):
        print(f"{name:55s}{milliseconds:8.0f}{milliseconds / first[1]:8.2f}")


if __name__ == "__main__":
    main()
