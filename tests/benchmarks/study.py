"""Where the time of a study goes: `python tests/benchmarks/study.py [DRAWS]`.

The whole command is timed from outside by the clock, as a user sees it, on all cores, beside merely importing what it
stands on. Its stages are then timed in one process on one core, so that they add up to more than the command takes;
and what each scenario costs in its turn, when what it shares with those before is there.
"""

from __future__ import annotations

import functools
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
NAMES = ("jv_only", "ftz_pilot", "full_liberalization")
FILES = [str(ROOT / "scenarios" / f"{name}.yaml") for name in NAMES]
IMPORTS = "import numpy, scipy.stats, pydantic, simpy, matplotlib.pyplot"
REPEATS = 3


def whole_command(draws: int, *options: str) -> float:
    """Best time of the command, in seconds."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-m", "sim", "run", *FILES, "--draws", str(draws), "--out", out, *options]
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)

    return best(run)


def bare_imports() -> float:
    """Best time of importing what the command stands on, in seconds."""
    return best(lambda: subprocess.run([sys.executable, "-c", IMPORTS], check=True))


def best(call: Callable[[], Any]) -> float:
    """Least time of a call by the clock, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


class Stages:
    """Seconds of processor time by stage, in the order in which they were named; a stage inside another counts once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add what runs inside to a stage, and take it from the one around."""
        self._open.append(stage)
        start = time.process_time()
        yield
        spent = time.process_time() - start
        self._open.pop()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
        if self._open:
            self.seconds[self._open[-1]] = self.seconds.get(self._open[-1], 0.0) - spent

    def watch(self, stage: str, module: object, name: str) -> None:
        """Add every call of a module's function to a stage."""
        function = getattr(module, name)
        self.seconds.setdefault(stage, 0.0)

        @functools.wraps(function)
        def timed(*args: object, **kwargs: object) -> object:
            with self.time(stage):
                return function(*args, **kwargs)

        setattr(module, name, timed)


def stages(draws: int) -> dict[str, float]:
    """Seconds of processor time by stage, in one process."""
    found = Stages()
    with found.time("import"):
        from sim.chance import variants
        from sim.model import engine
        from sim.pictures import plots  # noqa: F401  (they count as imports here)
        from sim.tasks import files, run, runs, task
    found.watch("draws", variants, "draw_worlds")
    found.watch("timeline", engine, "simulate_timeline")
    found.watch("core", runs, "simulate")
    found.watch("audit", run, "audit")
    found.watch("statistics", files, "_summary")
    found.watch("statistics", files, "_comparison")
    found.watch("files", files, "_save")
    found.watch("files", task, "finish")
    found.watch("files", task, "_hashes")
    found.watch("pictures", files, "_draw")
    gc.freeze()  # as a child does
    with tempfile.TemporaryDirectory() as out, found.time("rest"):
        run.run_study(FILES, draws=draws, out=out, jobs=1)
    return {**found.seconds, "sum": sum(found.seconds.values())}


def by_scenario(draws: int) -> list[dict[str, float]]:
    """Least seconds of processor time by stage of each scenario in its turn, in blocks of 1,024 draws."""
    from sim.chance.sampling import draw_worlds
    from sim.model import engine
    from sim.model.course import Shared
    from sim.model.inversion import Economies
    from sim.reading.loading import load_scenario

    found, scenarios = Stages(), [load_scenario(file) for file in FILES]
    found.watch("base year", Economies, "of")
    found.watch("market path and luck", Shared, "backdrop")
    found.watch("entry", engine, "entry_verdicts")
    found.watch("timelines", engine, "simulate_timeline")
    found.watch("core", engine, "run_periods")
    found.watch("panels", engine, "outcomes")
    least: list[dict[str, float]] = [{} for _ in scenarios]
    for _ in range(REPEATS):
        spent: list[dict[str, float]] = [{} for _ in scenarios]
        for first in range(0, draws // 512, 2):
            shared, worlds = Shared(), None
            for scenario, seconds in zip(scenarios, spent, strict=True):
                found.seconds = seconds
                with found.time("draws"):
                    worlds = worlds or draw_worlds(scenario, range(first, first + 2))
                with found.time("rest"):
                    engine.simulate(scenario, worlds, shared=shared)
        for known, seconds in zip(least, spent, strict=True):
            known.update({stage: min(known.get(stage, value), value) for stage, value in seconds.items()})
    return [{**seconds, "sum": sum(seconds.values())} for seconds in least]


def main() -> None:
    """Print one table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 8192
    bare = bare_imports()
    print(f"three regimes, {draws} draws, 48 quarters, seconds, best of {REPEATS} by the clock")
    print(f"{'bare imports':36s}{bare:8.2f}")
    for label, options in (("all files and pictures", ()), ("--no-plots", ("--no-plots",))):
        seconds = whole_command(draws, *options)
        print(f"{'the command, ' + label:36s}{seconds:8.2f}{seconds / bare:8.1f} x bare imports")
    print("\nby stage, seconds of one core")
    for stage, seconds in stages(draws).items():
        print(f"{stage:36s}{seconds:8.2f}")
    print("\nby scenario, seconds of one core" + "".join(f"{name:>22s}" for name in NAMES))
    costs = by_scenario(draws)
    for stage in costs[0]:
        print(f"{stage:32s}" + "".join(f"{cost[stage]:22.2f}" for cost in costs))


if __name__ == "__main__":
    main()
