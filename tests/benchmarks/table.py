"""What the program costs, beside what it stands on: `python tests/benchmarks/table.py [--rounds N] [--out FILE]`.

Needs the extra `benchmarks`, and Linux. Writes `docs/trust/benchmarks.md`, which is committed, so that its history
tells how costs moved. Compare ratios and not seconds: each round takes every command in turn, and of each the least of
all rounds counts, so that what a machine does besides falls on all alike. Nothing here is asserted.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from core import measured  # noqa: E402
from scale import MIB, memory  # noqa: E402
from study import FILES, IMPORTS  # noqa: E402
from variants import DRAWS, rows  # noqa: E402

import sim  # noqa: E402

BARE = "bare imports"
PAUSE = 0.02
BLOCK = 1024
CELLS = ("jv_only", "ftz_pilot", "full_liberalization")
LIBRARIES = ("numpy", "scipy", "pydantic", "simpy", "matplotlib")
LOADED = 0.3
"""Processes that wait or run, on average of the last minute, from which a machine is not quiet."""


class Cost(NamedTuple):
    """Of one command: seconds by the clock, until it ends and until its first line of output, and peak memory, MiB."""

    seconds: float
    first_line: float
    memory: float


def commands(draws: int) -> Mapping[str, Sequence[str]]:
    """What is timed, by name, as arguments of Python; `OUT` stands for a folder of its own."""
    run = ("-m", "sim", "run", *FILES, "--draws", str(draws), "--out", "OUT")
    return {
        "Python alone": ("-c", ""),
        BARE: ("-c", IMPORTS),
        "`import sim`": ("-c", "import sim"),
        "imports of a run": ("-c", "import sim.tasks.run"),
        "imports of a run with pictures": ("-c", "import sim.tasks.run, sim.pictures.plots"),
        "`sim --help`": ("-m", "sim", "--help"),
        "`sim check` of three scenarios": ("-m", "sim", "check", *FILES),
        "`sim run --no-plots`": (*run, "--no-plots"),
        "`sim run`": run,
    }


@contextmanager
def started(arguments: Sequence[str], output: int) -> Iterator[subprocess.Popen[str]]:
    """A command that must not fail."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, *(out if argument == "OUT" else argument for argument in arguments)]
        with subprocess.Popen(command, cwd=ROOT, text=True, stdout=output, stderr=subprocess.DEVNULL) as process:
            yield process
        if process.returncode:
            raise SystemExit(f"failed: {' '.join(command)}")


def timed(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds until a command ends, and until its first line of output."""
    start = time.perf_counter()
    with started(arguments, subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first = time.perf_counter() - start
        process.stdout.read()
    return time.perf_counter() - start, first


def peak(arguments: Sequence[str]) -> float:
    """Most memory of a command and its children at a time, pages that they share counted once in parts, MiB."""
    most = 0
    with started(arguments, subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, memory(watched))
            time.sleep(PAUSE)
    return most / MIB


def costs(draws: int, rounds: int) -> dict[str, Cost]:
    """Every command's, by name."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands(draws)}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for name, arguments in commands(draws).items():
            times[name].append(timed(arguments))
    print("memory", file=sys.stderr)
    least = {name: [min(column) for column in zip(*found, strict=True)] for name, found in times.items()}
    return {name: Cost(*least[name], peak(arguments)) for name, arguments in commands(draws).items()}


def machine(load: float) -> str:
    """What this was measured on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    state = "a quiet machine" if load < LOADED else f"a **loaded machine (load {load:.1f}; not for quoting)**"
    cores = len(os.sched_getaffinity(0))
    return f"{state} with {cores} cores ({platform.machine()}) and Python {platform.python_version()}, {libraries}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def command_rows(found: Mapping[str, Cost]) -> Iterator[Sequence[str]]:
    """A row of each command, and when the answer begins."""
    bare, answer = found[BARE], found["`sim run`"].first_line
    for name, cost in found.items():
        ratios = f"{cost.seconds / bare.seconds:.2f}", f"{cost.memory / bare.memory:.1f}"
        yield name, f"{cost.seconds:.2f}", ratios[0], f"{cost.memory:.0f}", ratios[1]
    yield "`sim run`, first line of the answer", f"{answer:.2f}", f"{answer / bare.seconds:.2f}", "", ""


def cell_rows() -> Iterator[Sequence[str]]:
    """The floor, and the loop over periods of each regime."""
    floor = measured("floor", 1)["nanoseconds"]
    yield "floor", f"{floor:.2f}", "1.0"
    for name in CELLS:
        cost = measured(name, 1, BLOCK)["nanoseconds"]
        yield f"`{name}`", f"{cost:.1f}", f"{cost / floor:.1f}"


def variant_rows() -> Iterator[Sequence[str]]:
    """What one scenario takes, beside its share of a whole run."""
    first, *others = rows()
    for name, milliseconds in (first, *others):
        yield name, f"{milliseconds:.0f}", f"{milliseconds / first[1]:.2f}"


PAGE = """\
# What it costs

Version {version}, measured on {machine}.

Written by `python tests/benchmarks/table.py`: the least of {rounds} rounds, in each of which every command had a turn.
A run is of three regimes with {draws:,} draws, on all cores. Compare the ratios; the seconds are one machine's.

{commands}

Bare imports are `{bare}`. Memory is that of a command and its children at its peak.

The loop over periods on one core, in blocks of {block:,} draws; a cell is a draw × period × segment × offer, and the
floor one `np.exp` and one `np.log` for each.

{cells}

What a scenario takes at {variant_draws:,} draws on one core: the eight steps from the pilot to one without cap, zone
and limit of places (`tests/benchmarks/variants.py`), beside its share of a whole run, of which one regime has no sites.

{variants}
"""


def page(draws: int, rounds: int) -> str:
    """All measurements, in Markdown."""
    where = machine(os.getloadavg()[0])
    by_command = command_rows(costs(draws, rounds))
    return PAGE.format(
        version=sim.__version__,
        machine=where,
        rounds=rounds,
        draws=draws,
        bare=IMPORTS,
        block=BLOCK,
        commands=table(("command", "seconds", "× bare imports", "peak memory, MiB", "× bare imports"), by_command),
        cells=table(("scenario", "nanoseconds per cell", "× floor"), cell_rows()),
        variant_draws=DRAWS,
        variants=table(("what", "milliseconds", "× a share of a whole run"), variant_rows()),
    )


def main() -> None:
    """Write the table, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "trust" / "benchmarks.md")
    asked = parser.parse_args()
    text = page(asked.draws, asked.rounds)
    asked.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
