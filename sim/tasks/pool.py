"""Calls side by side: in forked children that see the parent's arrays, in threads where there is no fork.

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
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeAlias, TypeVar

from sim.errors import SimError

__all__ = ["CAN_FORK", "Batch", "Done", "Progress", "available_cores", "do_nothing", "of_the_rest", "say_nothing"]

CAN_FORK: Final = sys.platform != "win32"

T = TypeVar("T")

Progress: TypeAlias = Callable[[str, float], None]
"""Is told what is being done, and the share of the whole that is finished."""

Done: TypeAlias = Callable[[float], None]


def say_nothing(text: str, share: float) -> None:
    """Progress that nobody follows."""


def do_nothing() -> None:
    """What to do meanwhile, where there is nothing to do."""


def of_the_rest(done: Done, missing: int, total: int) -> Done:
    """What tells the share of all parts that is finished, from that of those which were missing."""
    return lambda share: done(1 - (1 - share) * missing / total)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Batch:
    """Calls that do not depend on each other: add them, run them once, read their futures."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], Any], Future[Any]]] = []

    def add(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call; the future has its result after `run`."""
        future: Future[T] = Future()
        self._waiting.append((call, future))
        return future

    def run(self, jobs: int, done: Done, meanwhile: Callable[[], None] = do_nothing) -> None:
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
            A child died; says how.
        """
        calls, futures = [call for call, _ in self._waiting], [future for _, future in self._waiting]
        self._waiting.clear()
        if jobs == 1 or not calls:
            answers = _here(calls)
            self._hand_out(answers, futures, done)
            meanwhile()
        else:
            with _pool(calls, jobs) as submit:
                running = [submit(number) for number in range(len(calls))]
                meanwhile()
                self._hand_out(_in_turn(running), futures, done)

    @staticmethod
    def _hand_out(answers: Iterator[tuple[int, Any]], futures: Sequence[Future[Any]], done: Done) -> None:
        for count, (number, answer) in enumerate(answers, start=1):
            futures[number].set_result(answer)
            done(count / len(futures))


def _here(calls: Sequence[Callable[[], Any]]) -> Iterator[tuple[int, Any]]:
    return ((number, call()) for number, call in enumerate(calls))


def _in_turn(running: Sequence[Future[Any]]) -> Iterator[tuple[int, Any]]:
    """Number and answer of each call as it ends."""
    waiting = {future: number for number, future in enumerate(running)}
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()


@contextlib.contextmanager
def _pool(calls: Sequence[Callable[[], Any]], jobs: int) -> Iterator[Callable[[int], Future[Any]]]:
    """What makes a call by its number: children that have inherited the calls, or threads."""
    if not CAN_FORK:
        with ThreadPoolExecutor(jobs) as threads:
            yield lambda number: threads.submit(calls[number])
        return
    context = multiprocessing.get_context("fork")
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(jobs, len(calls)), context, _begin_child, (calls,))
    children: set[BaseProcess] = set()

    def submit(number: int) -> Future[Any]:
        with warnings.catch_warnings():
            # a progress bar may have a thread; the child touches nothing of its
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
            future = pool.submit(_make_call, number)
        children.update(set(multiprocessing.active_children()) - before)
        return future

    try:
        yield submit
    except BrokenProcessPool:
        raise SimError(_how_died(children)) from None
    except BaseException:
        for child in children:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_CALLS: list[Callable[[], Any]] = []
"""What a child has inherited; empty in the parent."""


def _begin_child(calls: Sequence[Callable[[], Any]]) -> None:
    """Make a child ready: it ends with its parent, and the parent alone hears the user's interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()  # what the parent made outlives the child, which need not look for garbage in it
    _CALLS[:] = calls


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make_call(number: int) -> Any:
    try:
        return _CALLS[number]()
    except Exception as error:
        error.add_note(f"in a child process:\n{traceback.format_exc()}")
        raise


def _how_died(children: set[BaseProcess]) -> str:
    """What ended a child, as far as the system tells; those that were stopped because of it came after."""
    for child in children:
        child.join()
    codes = [child.exitcode for child in children if child.exitcode not in (0, None, -signal.SIGTERM)]
    code = codes[0] if codes else -signal.SIGTERM
    if code > 0:
        return f"a child process ended by itself (exit code {code})"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return (
            "a child process was killed (SIGKILL): by hand, or by the system for want of memory, when fewer --jobs help"
        )
    return f"a child process was ended by signal {name}"
