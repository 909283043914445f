"""Calls side by side: forked children that see the parent's arrays, threads where a system cannot fork.

A forked child inherits what the parent holds without copying it, and writes what it computes into files. What it
sends back through a pipe is small. Nothing here draws, rounds or sums, so results do not depend on the number of jobs.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, Final, TypeAlias, TypeVar

from sim.errors import SimError

__all__ = ["CAN_FORK", "Batch", "Progress", "available_cores", "do_nothing", "say_nothing"]

CAN_FORK: Final = sys.platform != "win32"

T = TypeVar("T")

Progress: TypeAlias = Callable[[str, float], None]
"""Is told what is being done, and the share of the whole that is finished."""


def say_nothing(text: str, share: float) -> None:
    """Progress that nobody follows."""


def do_nothing() -> None:
    """What to do meanwhile, where there is nothing to do."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Batch:
    """Calls that do not depend on each other: add them, run them once, read their futures."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def add(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call; the future has its result after `run`."""
        future: Future[T] = Future()
        self._waiting.append((call, future))
        return future

    def run(self, jobs: int, done: Callable[[float], None], meanwhile: Callable[[], None] = do_nothing) -> None:
        """Run all calls in the order in which they were added, at most `jobs` at a time.

        Parameters
        ----------
        jobs : int
            With 1 the calls run here, one after the other.
        done : callable
            Is told the share of calls finished, after each.
        meanwhile : callable
            Is called here once, as soon as all calls are under way: for what the parent must do in any case.

        Raises
        ------
        Exception
            Whatever a call raises first; the others are stopped.
        SimError
            A child died, most likely for want of memory.
        """
        total = len(self._waiting)

        def tell(left: int) -> None:
            done(1 - left / total)

        if jobs == 1:
            self._run_here(tell)
            meanwhile()
        elif CAN_FORK:
            self._run_forked(jobs, tell, meanwhile)
        else:
            self._run_threads(jobs, tell, meanwhile)

    def _run_here(self, tell: Callable[[int], None]) -> None:
        while self._waiting:
            call, future = self._waiting.popleft()
            future.set_result(call())
            tell(len(self._waiting))

    def _run_threads(self, jobs: int, tell: Callable[[int], None], meanwhile: Callable[[], None]) -> None:
        with ThreadPoolExecutor(jobs) as pool:
            running = [(pool.submit(call), future) for call, future in self._waiting]
            meanwhile()
            for place, (thread, future) in enumerate(running, start=1):
                future.set_result(thread.result())
                tell(len(running) - place)

    def _run_forked(self, jobs: int, tell: Callable[[int], None], meanwhile: Callable[[], None]) -> None:
        calls = [call for call, _ in self._waiting]
        futures = deque(enumerate(future for _, future in self._waiting))
        running: dict[Connection, tuple[ForkProcess, Future[Any]]] = {}
        self._waiting.clear()
        try:
            for _ in range(min(jobs, len(calls))):
                connection, process = _start(calls)
                running[connection] = process, _send_next(connection, futures)
            while running:
                if not futures:
                    meanwhile()
                    meanwhile = do_nothing
                ready = wait(list(running))
                for connection in [one for one in running if one in ready]:
                    process, future = running[connection]
                    future.set_result(_received(connection, process))
                    if futures:
                        running[connection] = process, _send_next(connection, futures)
                    else:
                        _dismiss(connection, process)
                        del running[connection]
                    tell(len(futures) + len(running))
        finally:
            for process, _ in running.values():
                process.terminate()
                process.join()


def _send_next(connection: Connection, futures: deque[tuple[int, Future[Any]]]) -> Future[Any]:
    """Have a child make the next call."""
    index, future = futures.popleft()
    connection.send(index)
    return future


def _dismiss(connection: Connection, process: ForkProcess) -> None:
    connection.send(None)
    connection.close()
    process.join()


def _start(calls: Sequence[Callable[[], Any]]) -> tuple[Connection, ForkProcess]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(calls, ours, theirs), daemon=True)
    with warnings.catch_warnings():
        # a progress bar may have a thread; the child touches nothing of its
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        process.start()
    theirs.close()
    return ours, process


def _child(calls: Sequence[Callable[[], Any]], ours: Connection, theirs: Connection) -> None:
    """Make the calls whose numbers come, until there are no more or nobody wants an answer."""
    ours.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its children
    gc.freeze()  # what the parent made outlives the child, which need not look for garbage in it
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        while (index := theirs.recv()) is not None:
            theirs.send(_answer(calls[index]))


def _answer(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """What a call returns, and what it raises."""
    try:
        return call(), None
    except Exception as error:
        error.add_note(f"in a child process:\n{traceback.format_exc()}")
        return None, error


def _received(connection: Connection, process: ForkProcess) -> Any:
    try:
        value, error = connection.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        code = process.exitcode
        raise SimError(f"a child process died (exit code {code}), perhaps for want of memory: try fewer jobs") from None
    if error is not None:
        raise error
    return value
