"""Who computes: forked children of this process, or the workers of an executor, on other machines too."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sim.errors import Problem, ResultsError, ScenarioError, SimError
from sim.outcomes.manifest import Program, differences, program
from sim.tasks.pool import Batch, Done, available_cores, do_nothing

__all__ = ["PATIENCE", "Crew", "RemoteExecutor", "make_crew"]

T = TypeVar("T")

_UNDER_WAY: Final = 2
"""Calls for each job that an executor is given at a time: enough that no worker waits, few enough to bound memory."""

PATIENCE: Final = 1800.0
"""Seconds without an answer after which an executor is given up: the longest calls, sixteen points of a sweep on 2^17
draws, take ten minutes."""

_PULSE: Final = 1.0
"""Seconds without an answer after which an executor is asked how its workers are."""

_GOES_ON: Final = "run the same command again, which goes on from what is done"


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
