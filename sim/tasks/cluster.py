"""Other machines: the executor of a Dask scheduler, whose workers must run this very program."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor, Future
from typing import Any, Final, TypedDict

from sim.errors import Problem, ScenarioError, SimError, shown
from sim.outcomes.manifest import differences, program
from sim.tasks.crew import RemoteExecutor

__all__ = ["CrewOptions", "workers"]

_ADDRESS: Final = re.compile(r"(tcp|tls)://[^\s/]+:\d+")

_TIMEOUT: Final = 20
"""Seconds to wait for a scheduler to answer when it is first asked."""

_PING: Final = 5
"""Seconds to wait for it to say which workers it has, and to let go of it in the end."""

_GRACE: Final = 15
"""Seconds in which a scheduler may be silent or without workers: those that nannies start again take a few."""


class CrewOptions(TypedDict):
    """What every task's function takes of who computes."""

    jobs: int | None
    executor: Executor | None
    patience: float | None


@contextlib.contextmanager
def workers(scheduler: str | None, jobs: int | None, patience: float | None = None) -> Iterator[CrewOptions]:
    """Who runs the draws, and how many jobs at a time: children of this process if there is no scheduler.

    Parameters
    ----------
    scheduler : str or None
        Address of a Dask scheduler.
    jobs : int or None
        As the user gave it; every thread of every worker by default.
    patience : float, optional
        As the user gave it, for a scheduler only.

    Raises
    ------
    ScenarioError
        That is no address; or patience without a scheduler.
    SimError
        Dask is not installed, the scheduler does not answer, or it has no workers, or some that would not compute
        the same bits; says which and why.
    """
    if scheduler is None:
        if patience is not None:
            raise ScenarioError([Problem("--patience", 0, 0, "", "is for workers elsewhere, and needs --scheduler")])
        yield CrewOptions(jobs=jobs, executor=None, patience=None)
        return
    with _client(scheduler) as client:
        cluster = _Cluster(client, scheduler)
        threads = cluster.require_workers()
        yield CrewOptions(jobs=jobs or threads, executor=cluster, patience=patience)


class _Cluster(RemoteExecutor):
    """The workers of a scheduler, which may come and go."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self._client, self._scheduler = client, scheduler
        self._executor = client.get_executor(pure=False)  # no hashing of what is sent
        self._alike: set[str] = set()
        self._amiss_since: float | None = None

    @property
    def name(self) -> str:
        """The option and the address."""
        return f"--scheduler: {self._scheduler}"

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker make a call."""
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    def require_workers(self) -> int:
        """Threads of all workers, all of which run this program."""
        try:
            there = self._client.nthreads(callback_timeout=_TIMEOUT)
            unlike = self._unlike()
        except OSError as error:
            raise SimError(f"{self.name} or its workers do not answer ({_short(error)})") from error
        if not there:
            raise SimError(f"{self.name} has no workers")
        if unlike:
            raise SimError("\n".join(["--scheduler: these workers would not compute the same bits:", *unlike]))
        self._alike = set(there)
        return sum(there.values())

    def fault(self, error: Exception | None = None) -> str | None:
        """A scheduler that is gone or silent, or whose workers are gone, die of the work, or would compute other bits.

        Parameters
        ----------
        error : Exception, optional
            What a call has ended with.
        """
        from distributed import KilledWorker

        if self._client.status != "running":
            return "the scheduler has ended, or the connection to it was lost"
        if isinstance(error, KilledWorker):
            died = f"every worker that took one part of the work has died ({error.allowed_failures + 1})"
            return f"{died}, for want of memory or of this program: see their logs"
        try:
            there = set(self._client.nthreads(callback_timeout=_PING))
            amiss = None if there else "has had no workers"
            unlike = self._unlike(there if error else there - self._alike) if there else []
        except OSError:
            amiss, unlike = "has not answered", []
        if amiss:
            return self._over_time(amiss)
        self._amiss_since = None
        if unlike:
            return f"workers have joined that would not compute the same bits: {'; '.join(unlike)}; stop them"
        self._alike |= there
        return None

    def _over_time(self, amiss: str) -> str | None:
        """What is amiss, once it has been so for long."""
        now = time.monotonic()
        self._amiss_since = self._amiss_since or now
        lasted = now - self._amiss_since
        return f"{amiss} for {lasted:.0f} s" if lasted >= _GRACE else None

    def _unlike(self, chosen: Collection[str] | None = None) -> list[str]:
        """Workers that do not run the same program, and why, of some or of all; an answer may be an exception."""
        if chosen is not None and not chosen:
            return []
        names = None if chosen is None else sorted(chosen)
        answers: Mapping[str, Any] = self._client.run(
            program, workers=names, on_error="return", callback_timeout=_TIMEOUT
        )
        reasons = {worker: _differences(answer) for worker, answer in sorted(answers.items())}
        return [f"{worker}: {', '.join(why)}" for worker, why in reasons.items() if why]


def _differences(answer: Any) -> tuple[str, ...]:
    """How a worker's program differs from this one."""
    if isinstance(answer, OSError):  # it has gone meanwhile
        return ()
    if isinstance(answer, BaseException):
        return (f"does not run this program ({answer})",)
    return differences(answer, program())


@contextlib.contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    """A connection to a scheduler, let go in the end whether it answers or not."""
    if not _ADDRESS.fullmatch(scheduler):
        message = f"an address such as tcp://HOST:8786 (found {shown(scheduler)})"
        raise ScenarioError([Problem("--scheduler", 0, 0, "", message)])
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise SimError("--scheduler needs Dask: install 'market-entry-sim[cluster]' here and on the workers") from error
    with _without_log():
        try:
            client: Any = Client(scheduler, timeout=_TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
            raise SimError(f"--scheduler: {scheduler} does not answer ({_short(error)})") from error
        try:
            yield client
        finally:
            with contextlib.suppress(OSError):
                client.close(timeout=_PING)


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """Dask logs what it then raises; the user is told once."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


def _short(error: BaseException) -> str:
    """The first line of an error's text, or its kind."""
    return next(iter(str(error).splitlines()), type(error).__name__)
