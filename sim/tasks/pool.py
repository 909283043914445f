"""Calls side by side: in forked children that see the parent's arrays, in threads where there is no fork, or elsewhere.

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
import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeAlias, TypeVar

from sim.errors import Problem, ResultsError, ScenarioError, SimError
from sim.outcomes.manifest import Program, differences, program

__all__ = [
    "CAN_FORK",
    "PATIENCE",
    "Batch",
    "Crew",
    "Progress",
    "RemoteExecutor",
    "available_cores",
    "do_nothing",
    "make_crew",
    "say_nothing",
]

CAN_FORK: Final = sys.platform != "win32"

_UNDER_WAY: Final = 2
"""Calls for each job that an executor is given at a time: enough that no worker waits, few enough to bound memory."""

PATIENCE: Final = 1800.0
"""Seconds without an answer after which an executor is given up: the longest calls, sixteen points of a sweep on 2^17
draws, take ten minutes."""

_PULSE: Final = 1.0
"""Seconds without an answer after which an executor is asked how its workers are."""

_GOES_ON: Final = "run the same command again, which goes on from what is done"

T = TypeVar("T")

Progress: TypeAlias = Callable[[str, float], None]
"""Is told what is being done, and the share of the whole that is finished."""

Done: TypeAlias = Callable[[float], None]


def say_nothing(text: str, share: float) -> None:
    """Progress that nobody follows."""


def do_nothing() -> None:
    """What to do meanwhile, where there is nothing to do."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RemoteExecutor(Executor, ABC):
    """An executor that knows more of its workers than whether they answer."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a message about it begins with."""

    @abstractmethod
    def fault(self, error: Exception | None = None) -> str | None:
        """Why the workers do not answer, in words; None if nothing is known to be wrong.

        Parameters
        ----------
        error : Exception, optional
            What a call has ended with, if one has.
        """


@dataclass(frozen=True)
class Crew:
    """Who computes: so many jobs at a time, here or by an executor.

    Attributes
    ----------
    jobs : int
        Results do not depend on it.
    executor : Executor, optional
        Makes the calls in place of forked children, for instance on other machines.
    patience : float
        Seconds without an answer after which the executor is given up.
    """

    jobs: int
    executor: Executor | None = None
    patience: float = PATIENCE

    def compute(
        self,
        calls: Sequence[Callable[[], T]],
        keep: Callable[[int, T], None],
        done: Done,
        meanwhile: Callable[[], None] = do_nothing,
    ) -> None:
        """Make calls that do not depend on each other, and keep what each returns as soon as it has returned.

        Parameters
        ----------
        calls : sequence of callable
            They can be pickled where there is an executor.
        keep : callable
            Number of a call, counted from 0, and what it returned. It is called in the child that made the call, or
            here where an executor did.
        done : callable
            Is told the share of the calls that are finished.
        meanwhile : callable
            Is called here once while children compute, if any do.

        Raises
        ------
        Exception
            Whatever a call raises first; the others are stopped.
        SimError
            The executor's workers do not answer, or it has ended.
        """
        if self.executor is not None:
            _compute_elsewhere(self, self.executor, calls, keep, done)
        elif calls:
            batch = Batch()
            for number, call in enumerate(calls):
                batch.add(lambda number=number, call=call: keep(number, call()))  # type: ignore[misc]
            batch.run(self.jobs, done, meanwhile)


def make_crew(jobs: int | None, executor: Executor | None = None, patience: float | None = None) -> Crew:
    """So many jobs, or one for every core.

    Raises
    ------
    ScenarioError
        Fewer than one, or no patience.
    """
    if jobs is not None and jobs < 1:
        raise ScenarioError([Problem("--jobs", 0, 0, "", f"at least 1 (found {jobs})")])
    if patience is not None and not patience > 0:
        raise ScenarioError([Problem("--patience", 0, 0, "", f"more than 0 seconds (found {patience:g})")])
    return Crew(jobs or available_cores(), executor, PATIENCE if patience is None else patience)


def _compute_elsewhere(
    crew: Crew, executor: Executor, calls: Sequence[Callable[[], T]], keep: Callable[[int, T], None], done: Done
) -> None:
    """Have an executor make the calls, a few at a time."""
    runner, waiting = program(), deque(enumerate(calls))
    running: dict[Future[T], int] = {}
    try:
        while waiting or running:
            while waiting and len(running) < _UNDER_WAY * crew.jobs:
                number, call = waiting.popleft()
                with _in_words(executor):
                    running[executor.submit(_answer_there, call, runner)] = number
            for future in _answered(running, executor, crew.patience):
                with _in_words(executor):
                    answer = future.result()
                keep(running.pop(future), answer)
                done(1 - (len(waiting) + len(running)) / len(calls))
    finally:
        for future in running:
            future.cancel()


def _answered(running: Collection[Future[T]], executor: Executor, patience: float) -> list[Future[T]]:
    """Calls that have ended, as soon as there are any; those that failed last, so that the others are kept."""
    begun = time.monotonic()
    while not (ended := wait(running, min(_PULSE, patience), FIRST_COMPLETED).done):
        fault = executor.fault() if isinstance(executor, RemoteExecutor) else None
        if fault is None and time.monotonic() - begun >= patience:
            fault = f"no worker has answered for {patience:g} s (--patience)"
        if fault is not None:
            raise _given_up(executor, fault)
    return sorted(ended, key=lambda future: future.cancelled() or future.exception() is not None)


@contextlib.contextmanager
def _in_words(executor: Executor) -> Iterator[None]:
    """Say what has become of an executor whose call has failed; errors of the call itself pass."""
    try:
        yield
    except Exception as error:
        fault = executor.fault(error) if isinstance(executor, RemoteExecutor) else None
        if fault is None and isinstance(error, CancelledError | BrokenExecutor):
            fault = f"has ended, or was told to stop ({type(error).__name__})"
        if fault is None:
            raise
        raise _given_up(executor, fault) from None


def _given_up(executor: Executor, fault: str) -> SimError:
    name = executor.name if isinstance(executor, RemoteExecutor) else "executor"
    return SimError(f"{name}: {fault}; {_GOES_ON}")


def _answer_there(call: Callable[[], Any], runner: Program) -> Any:
    """What a worker of an executor answers, whole: the same bits or nothing."""
    unlike = differences(program(), runner)
    if unlike:
        raise ResultsError(f"a worker would not compute the same bits: {', '.join(unlike)}")
    answer = call()
    return list(answer) if isinstance(answer, Iterator) else answer


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
        if jobs == 1:
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
