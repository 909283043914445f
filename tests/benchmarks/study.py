"""Where the time of a study goes: `python tests/benchmarks/study.py [DRAWS]`.

The whole command is timed from outside, as a user sees it, on all cores. Its stages are then timed in one process
and one core, so that they add up to more than the command takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
NAMES = ("jv_only", "ftz_pilot", "full_liberalization")
FILES = [str(ROOT / "scenarios" / f"{name}.yaml") for name in NAMES]
REPEATS = 3


def whole_command(draws: int) -> float:
    """Best wall time of the command, in seconds."""
    times = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-m", "sim", "run", *FILES, "--draws", str(draws), "--out", out]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
            times.append(time.perf_counter() - start)
    return min(times)


def bare_imports() -> float:
    """Best wall time of importing what the command stands on, in seconds."""
    code = "import numpy, scipy.stats, pydantic, simpy, matplotlib.pyplot"
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


class Stages:
    """Seconds of processor time by stage, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add what runs inside to a stage."""
        start = time.process_time()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - start

    def around(self, stage: str, function: Callable[..., object]) -> Callable[..., object]:
        """A function whose time counts for a stage."""

        def timed(*args: object, **kwargs: object) -> object:
            with self.time(stage):
                return function(*args, **kwargs)

        return timed


def stages(draws: int) -> dict[str, float]:
    """Seconds of processor time by stage, in one process."""
    found = Stages()
    with found.time("import"):
        from sim.chance.sampling import DRAWS_PER_SCRAMBLE, draw_worlds
        from sim.model import engine
        from sim.model.engine import simulate
        from sim.outcomes.comparison import compare_one, summarise
        from sim.outcomes.results import Result, save_result
        from sim.outcomes.tables import csv_bytes
        from sim.pictures.plots import draw_all
        from sim.reading.loading import load_scenario
        from sim.studies.audit import audit
        from sim.studies.runs import median_cases
    with found.time("scenarios"):
        loaded = [load_scenario(file) for file in FILES]
    scenarios = [
        one.model_copy(update={"sampling": one.sampling.model_copy(update={"draws": draws})}) for one in loaded
    ]
    engine.simulate_timeline = found.around("timeline", engine.simulate_timeline)  # type: ignore[assignment]
    cases, results = median_cases(scenarios), []
    for scenario in scenarios:
        with found.time("draws"):
            worlds = draw_worlds(scenario, range(draws // DRAWS_PER_SCRAMBLE))
        with found.time("core"):
            panels = simulate(scenario, worlds)
        medians = {
            name: replace(panel, median=cases[scenario.name][name].values[..., 0].copy())
            for name, panel in panels.items()
        }
        results.append(Result(scenario, medians))
    found.seconds["core"] -= found.seconds["timeline"]
    with found.time("audit"):
        audit(scenarios)
    base, *others = results
    with found.time("statistics"):
        rows = [row for one in results for row in summarise(one, base)]
        differences = [row for one in others for row in compare_one(one, base)]
    with tempfile.TemporaryDirectory() as folder, found.time("files"):
        for one in results:
            save_result(one, Path(folder) / f"{one.name}.nc", None)
        csv_bytes(rows), csv_bytes(differences)
    with tempfile.TemporaryDirectory() as folder, found.time("plots"):
        draw_all(results, base.name, Path(folder))
    return found.seconds


def main() -> None:
    """Print one table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 8192
    print(f"three regimes, {draws} draws, 48 quarters, all files and pictures")
    print(f"{'whole command, wall':24s}{whole_command(draws):8.2f} s, best of {REPEATS}")
    print(f"{'bare imports, wall':24s}{bare_imports():8.2f} s, best of {REPEATS}")
    for stage, seconds in stages(draws).items():
        print(f"{stage:24s}{seconds:8.2f} s of one core")


if __name__ == "__main__":
    main()
