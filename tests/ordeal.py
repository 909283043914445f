"""What becomes of damaged files: a child reads one after the other, in bounded time and memory.

A reader that never comes back, or takes the process down, costs its case and no other: the next ones go on in
another child.
"""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from sim.errors import NumericalError, ResultsError, ScenarioError, SimError

SECONDS = 10.0
"""For one case."""

MEGABYTES = 1_500
"""Of address space beyond what the child begins with."""

LONGEST = 600
"""Characters of an error: what is longer is a dump."""

_UNCLEAR = re.compile(
    r"Traceback|fault of the program|has no attribute|NoneType|object is not|not iterable|subscript|unhashable"
    r"|<class|<[a-z_.]+ object|validation error|Expecting |Extra data|errno|synchronously|maximum recursion|numpy\."
    r"|dtype|input_value|np\.|could not convert|[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]"
)
"""Words of a program about itself, and characters that move the cursor."""


@dataclass(frozen=True)
class Fate:
    """What became of one case: `accepted`, `refused`, `failed`, or a fault; and the lines that the user gets."""

    name: str
    kind: str
    lines: tuple[str, ...] = ()

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("accepted", "refused", "failed")


Case = tuple[str, Callable[[], None]]
"""A name, and the call that puts the damaged file in its place."""


def fates(cases: Sequence[Case], judge: Callable[[], object], seconds: float = SECONDS) -> list[Fate]:
    """What becomes of every case, in order.

    Parameters
    ----------
    cases : sequence of (str, callable)
    judge : callable
        Reads the file; an error of ours refuses it, another one is a fault of the reader.
    seconds : float
        Within which a case must end.
    """
    if not hasattr(os, "fork"):
        return [_fate(case, judge) for case in cases]
    found: list[Fate] = []
    while len(found) < len(cases):
        found += _by_child(cases[len(found) :], judge, seconds)
    return found


def _fate(case: Case, judge: Callable[[], object]) -> Fate:
    name, damage = case
    damage()
    try:
        judge()
    except SimError as error:
        lines = tuple(str(error).split("\n"))
        kind = "refused" if isinstance(error, ScenarioError) else "failed"
        return Fate(name, kind if isinstance(error, ScenarioError | ResultsError | NumericalError) else "bare", lines)
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-3:]
        trail = " < ".join(f"{os.path.basename(one.filename)}:{one.lineno}" for one in reversed(where))
        return Fate(name, f"{type(error).__name__} at {trail}", (str(error)[:300],))
    return Fate(name, "accepted")


def _by_child(cases: Sequence[Case], judge: Callable[[], object], seconds: float) -> list[Fate]:
    """The fates of the first cases, up to one of which the child does not come back."""
    reading, writing = Pipe(duplex=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the child does not use
        child = os.fork()
    if child == 0:
        _answer(cases, judge, writing)
    writing.close()
    found: list[Fate] = []
    while len(found) < len(cases):
        name = cases[len(found)][0]
        if not reading.poll(seconds):
            os.kill(child, signal.SIGKILL)
            found.append(Fate(name, "hangs"))
            break
        try:
            found.append(reading.recv())
        except EOFError:
            found.append(Fate(name, "dies"))
            break
    reading.close()
    os.waitpid(child, 0)
    return found


def _answer(cases: Sequence[Case], judge: Callable[[], object], writing: Connection) -> None:
    """Tell the parent the fate of each case, and end without what a process does at its end."""
    try:
        faulthandler.disable()  # its trail would go where the errors of the test do
        _bound()
        for case in cases:
            writing.send(_fate(case, judge))
    finally:
        os._exit(0)


def _bound() -> None:
    """Bound the memory of the child, where the system does so."""
    if sys.platform == "linux":
        import resource

        with open("/proc/self/statm") as stream:
            size = int(stream.read().split()[0]) * resource.getpagesize()
        limit = size + (MEGABYTES << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def complaints(fate: Fate, places: Iterable[str], most_lines: int) -> list[str]:
    """What is wrong with a fate: nothing if the file was accepted, or refused in clear lines that say where."""
    if fate.is_fault:
        return [f"{fate.kind}: {' '.join(fate.lines)}"]
    wrong = [f"longer than {LONGEST}: {line}" for line in fate.lines if len(line) > LONGEST]
    wrong += [f"not in words of ours: {line!r}" for line in fate.lines if _UNCLEAR.search(line)]
    wrong += [f"no place: {line!r}" for line in fate.lines if not line.startswith(tuple(places))]
    wrong += [f"twice: {line!r}" for line, count in Counter(fate.lines).items() if count > 1]
    return wrong + ([f"{len(fate.lines)} lines"] if len(fate.lines) > most_lines else [])
