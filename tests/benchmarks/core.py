"""The market core beside its floor and its rivals, in one table: `python tests/benchmarks/core.py [--cores N]`.

Needs the extra `benchmarks`. Everything runs on this machine in one go, each measurement in a process of its own:
pinned to one core, and then a process or thread for each core. A cell is a draw x period x segment x offer. Times are
the best of several, of the processor on one core and by the clock on several; what a compiler takes is told apart.
The floor is one exponential and one logarithm for each cell
on arrays that stay in the second-level cache. The rivals (`rivals.py`) compute the licence regime's core as ours does,
and their answers are held against ours before they are timed; all are given the market path and what else no regime
moves.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

SECONDS = 3.0
"""Time for which a measurement is repeated."""

_ROUNDS = 200
"""Of the floor in one measurement: the clock of the processor does not tell microseconds on a shared machine."""

TOLERANCE = 1e-10
BLOCKS = (512, 1024)
RUNNERS = ("ours", "numba", "jax")


def main() -> None:
    """Print the table, or take one measurement in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="cores of the last columns")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--block", type=int, default=BLOCKS[0], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(MEASUREMENTS[asked.measure](asked.block)))
        return
    print_table(asked.cores)


def print_table(cores: int) -> None:
    """Take all measurements and print them."""
    floor = measured("floor", 1)["nanoseconds"]
    print(f"{'nanoseconds per cell, JV only':42s}{'draws':>7s}{'one core':>10s}{'x floor':>9s}{f'{cores} cores':>10s}")
    print(f"{'floor: np.exp and np.log':42s}{'':7s}{floor:10.2f}{1:9.1f}")
    notes = []
    for block in BLOCKS:
        for name in RUNNERS:
            alone, together = measured(name, 1, block), measured(name, cores, block)
            row = f"{name:42s}{block:7d}{alone['nanoseconds']:10.2f}{alone['nanoseconds'] / floor:9.1f}"
            print(f"{row}{together['nanoseconds']:10.2f}", flush=True)
            if "error" in alone and block == BLOCKS[0]:
                notes.append(f"{name}: compiled in {alone['compiled']:.1f} s, largest difference {alone['error']:.0e}")
    slow = measured("analyst", 1)
    print(f"{'NumPy, one draw at a time':42s}{1:7d}{slow['nanoseconds']:10.0f}{slow['nanoseconds'] / floor:9.0f}")
    notes.append(f"NumPy, one draw at a time: largest difference {slow['error']:.0e}")
    for name in ("jv_only", "ftz_pilot", "full_liberalization"):
        whole = measured(name, 1)["nanoseconds"]
        print(f"{'ours, ' + name + ', partner and own offers':42s}{BLOCKS[0]:7d}{whole:10.2f}{whole / floor:9.1f}")
    print("\nmicroseconds" + f"{'a world':>40s}{'an event':>10s}{'bare loop':>10s}")
    for name in ("ftz_pilot", "full_liberalization"):
        found = measured(f"worlds of {name}", 1)
        print(f"{'SimPy, ' + name:42s}{found['world']:10.1f}{found['event']:10.2f}{found['bare']:10.2f}")
    print("\n" + "\n".join(notes))


def measured(name: str, cores: int, block: int = BLOCKS[0]) -> dict[str, float]:
    """A measurement by a fresh process that may use so many cores."""
    allowed = sorted(os.sched_getaffinity(0))[-cores:]
    command = [sys.executable, __file__, "--measure", name, "--block", str(block)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, allowed)
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def best(call: Callable[[], Any], seconds: float = SECONDS) -> float:
    """Least time of a call, in seconds, over many: of the processor if there is one core, else by the clock."""
    clock = time.process_time if len(os.sched_getaffinity(0)) == 1 else time.perf_counter
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)


def floor(block: int) -> dict[str, float]:
    """One exponential and one logarithm for each of 8,192 cells, 64 KiB, over and over."""
    import numpy as np

    values = np.linspace(0.5, 1.5, 8192)
    out = np.empty_like(values)

    def rounds() -> None:
        for _ in range(_ROUNDS):
            np.exp(values, out=out)
            np.log(values, out=out)

    return {"nanoseconds": best(rounds, 1.0) / (_ROUNDS * values.size) * 1e9}


class Setting:
    """A block of draws of a scenario, ready for the loop over periods."""

    def __init__(self, name: str, draws: int) -> None:
        from sim.axes import DRAWS_PER_SCRAMBLE
        from sim.chance.sampling import draw_worlds
        from sim.dates.timeline import period_masks, simulate_timeline
        from sim.model.entry import entry_verdicts
        from sim.model.inversion import build_economy
        from sim.reading.loading import load_scenario

        self.scenario = load_scenario(ROOT / "scenarios" / f"{name}.yaml")
        self.worlds = draw_worlds(self.scenario, range(draws // DRAWS_PER_SCRAMBLE))
        self.economy = build_economy(self.scenario, self.worlds.inputs)
        self.verdicts = entry_verdicts(self.scenario, self.economy)
        self.timeline = simulate_timeline(self.scenario, self.worlds, self.verdicts)
        self.masks = period_masks(self.scenario, self.timeline)

    def run(self, backdrop: Any = None) -> Any:
        """What each period leaves; what no regime moves is made too unless it is given."""
        from sim.model.engine import run_periods

        dates = (self.timeline, self.masks)
        return run_periods(self.scenario, self.economy, self.worlds, *dates, backdrop=backdrop)

    @property
    def cells(self) -> int:
        """Draws x periods x segments x offers."""
        economy = self.economy
        own = economy.foreign if self.verdicts.any() else 0
        return self.worlds.draws * len(self.masks.state) * len(economy.segments) * (len(economy.providers) + own)


def on_all_cores(call: Callable[[], Any]) -> float:
    """Least wall time for each call when all cores of the process run it at once, in threads."""
    cores = len(os.sched_getaffinity(0))
    if cores == 1:
        return best(call)
    with ThreadPoolExecutor(cores) as pool:
        return best(lambda: list(pool.map(lambda _: call(), range(cores)))) / cores


def in_processes(call: Callable[[], Any]) -> float:
    """The same in forked processes, as a study runs: ours spends part of its time in the interpreter."""
    cores = len(os.sched_getaffinity(0))
    if cores == 1:
        return best(call)
    children = []
    for _ in range(cores):
        reader, writer = os.pipe()
        if not (child := os.fork()):
            os.write(writer, f"{best(call)}".encode())
            os._exit(0)
        children.append((child, reader))
    times = [float(os.read(reader, 64)) for child, reader in children if os.waitpid(child, 0)]
    return max(times) / cores


def ours(name: str, *, given: bool = False) -> Callable[[int], dict[str, float]]:
    """The loop over periods of a scenario, levers and records included; what no regime moves too unless it is given."""

    def measure(block: int) -> dict[str, float]:
        setting = Setting(name, block)
        backdrop = unmoved(setting) if given else None
        return {"nanoseconds": in_processes(lambda: setting.run(backdrop)) / setting.cells * 1e9}

    return measure


def rival(build: str) -> Callable[[int], dict[str, float]]:
    """A rival on the case of the licence regime."""

    def measure(block: int) -> dict[str, float]:
        if build == "in_jax" and len(os.sched_getaffinity(0)) == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        import rivals

        setting = Setting("jv_only", block)
        case = rivals.case_of(setting.economy, *unmoved(setting), setting.worlds, 0.25)
        start = time.perf_counter()
        run = getattr(rivals, build)(case)
        compiled = time.perf_counter() - start
        error = difference(run(case), setting.run())
        return {
            "nanoseconds": on_all_cores(lambda: run(case)) / setting.cells * 1e9,
            "compiled": compiled,
            "error": error,
        }

    return measure


def unmoved(setting: Setting) -> tuple[Any, Any]:
    """What no regime moves, which rivals are given: the market without opening, and what follows from it and luck."""
    from sim.model.course import Shared

    return Shared().backdrop(setting.scenario, setting.economy, setting.worlds)


def difference(answer: Any, record: Any) -> float:
    """Largest difference from ours, relative to a thousandth of the largest value at least; must be small."""
    import numpy as np

    worst = 0.0
    for theirs, own in (
        (answer.spending, record.spending),
        (answer.gain, record.gain),
        (answer.quality, record.quality),
        (answer.home_earned, record.home_earned),
        (answer.earned, record.earned),
        (answer.markup, record.markup),
    ):
        theirs = np.asarray(theirs)
        own = own[..., : theirs.shape[-1]]
        scale = np.maximum(np.abs(own), 1e-3 * np.abs(own).max())
        worst = max(worst, float((np.abs(theirs - own) / scale).max()))
    if worst > TOLERANCE:
        raise SystemExit(f"a rival computes something else: it differs by {worst:.0e}")
    return worst


def analyst(block: int) -> dict[str, float]:
    """Draw by draw, on a few."""
    import rivals

    setting, few = Setting("jv_only", block), 4
    case = rivals.case_of(setting.economy, *unmoved(setting), setting.worlds, 0.25)
    error = difference(rivals.analyst(case, few), setting.run())
    once = best(lambda: rivals.analyst(case, few), 2.0)
    return {"nanoseconds": once / (setting.cells * few / block) * 1e9, "error": error}


def worlds(name: str) -> Callable[[int], dict[str, float]]:
    """Microseconds for a world of SimPy, for each of its events, and for an event of a loop that only waits."""

    def measure(block: int) -> dict[str, float]:
        import simpy

        from sim.dates.timeline import simulate_timeline

        setting, events = Setting(name, block), 10_000
        step, steps = simpy.Environment.step, 0

        def counted(env: simpy.Environment) -> None:
            nonlocal steps
            steps += 1
            step(env)

        def run() -> None:
            simulate_timeline(setting.scenario, setting.worlds, setting.verdicts)

        simpy.Environment.step = counted
        run()
        simpy.Environment.step = step
        busy, bare = setting.verdicts.any(axis=(0, 1)).sum(), best(lambda: wait(events), 1.0)
        whole = best(run, 2.0)
        return {"world": whole / busy * 1e6, "event": whole / steps * 1e6, "bare": bare / events * 1e6}

    return measure


def wait(events: int) -> None:
    """A process that does nothing but wait, so many times."""
    import simpy

    env = simpy.Environment()

    def process() -> Any:
        for _ in range(events):
            yield env.timeout(1.0)

    env.process(process())
    env.run()


MEASUREMENTS: dict[str, Callable[[int], dict[str, float]]] = {
    "floor": floor,
    "ours": ours("jv_only", given=True),
    "numba": rival("in_numba"),
    "jax": rival("in_jax"),
    "analyst": analyst,
    **{name: ours(name) for name in ("jv_only", "ftz_pilot", "full_liberalization")},
    **{f"worlds of {name}": worlds(name) for name in ("ftz_pilot", "full_liberalization")},
}
"""Every measurement by its name."""


if __name__ == "__main__":
    main()
