"""Memory and time of a study as draws grow: `python tests/benchmarks/scale.py [DRAWS]...`.

Three regimes with two kept variables, all tables and pictures, on all cores. Memory is the sum over the command and
its children of what each takes, pages that they share counted once in parts (PSS), looked at several times a second;
the page cache is the system's and not counted. Peaks are told apart for drawing and for making files.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
NAMES = ("jv_only", "ftz_pilot", "full_liberalization")
FILES = [str(ROOT / "scenarios" / f"{name}.yaml") for name in NAMES]
KEEP = "foreign_share,revenue_gross"
DRAWS = (2**13, 2**17, 2**20)
PAUSE = 0.05
MIB = 2**20


def memory(process: psutil.Process) -> int:
    """Bytes that a process and all below it take, now."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return total


class Watch:
    """Peaks of memory and seconds by stage, while a command runs."""

    def __init__(self, draws: int, out: str) -> None:
        options = ["--draws", str(draws), "--keep", KEEP, "--out", out]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sim", "run", *FILES, *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._stage = "draws"
        self.peaks = {"draws": 0, "files": 0}
        self.seconds = {"draws": 0.0, "files": 0.0}

    def run(self) -> None:
        """Watch until the command ends."""
        reader = threading.Thread(target=self._follow)
        reader.start()
        process, before = psutil.Process(self._process.pid), time.perf_counter()
        while self._process.poll() is None:
            try:
                self.peaks[self._stage] = max(self.peaks[self._stage], memory(process))
            except psutil.NoSuchProcess:
                break
            time.sleep(PAUSE)
            now = time.perf_counter()
            self.seconds[self._stage] += now - before
            before = now
        reader.join()
        if self._process.wait():
            raise SystemExit("the command failed")

    def _follow(self) -> None:
        """The stage, as the command tells it."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.startswith("files"):
                self._stage = "files"


def main() -> None:
    """Print one table."""
    print(f"three regimes, --keep {KEEP}, all tables and pictures")
    print(f"{'draws':>10s}{'peak MiB: draws':>18s}{'files':>8s}{'seconds: draws':>17s}{'files':>8s}{'us a draw':>12s}")
    for draws in map(int, sys.argv[1:]) if len(sys.argv) > 1 else DRAWS:
        with tempfile.TemporaryDirectory(dir=ROOT / "results") as out:
            watch = Watch(draws, out)
            watch.run()
        peaks = [watch.peaks[stage] / MIB for stage in ("draws", "files")]
        seconds = [watch.seconds[stage] for stage in ("draws", "files")]
        cost = sum(seconds) / draws * 1e6
        print(f"{draws:10,d}{peaks[0]:18.0f}{peaks[1]:8.0f}{seconds[0]:17.1f}{seconds[1]:8.1f}{cost:12.0f}", flush=True)


if __name__ == "__main__":
    main()
