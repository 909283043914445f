"""Other machines: the executor of a Dask scheduler, whose workers must run this very program."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, Final

from sim.errors import Problem, ScenarioError, SimError, shown
from sim.outcomes.manifest import Program, differences, program

__all__ = ["workers"]

_ADDRESS: Final = re.compile(r"(tcp|tls)://[^\s/]+:\d+")

_TIMEOUT: Final = 20
"""Seconds to wait for a scheduler to answer."""


@contextlib.contextmanager
def workers(scheduler: str | None, jobs: int | None) -> Iterator[tuple[Executor | None, int | None]]:
    """What runs the draws, and how many jobs it takes at a time: children of this process if there is no scheduler.

    Parameters
    ----------
    scheduler : str or None
        Address of a Dask scheduler.
    jobs : int or None
        As the user gave it; every thread of every worker by default.

    Raises
    ------
    ScenarioError
        That is no address.
    SimError
        Dask is not installed, the scheduler does not answer, or it has no workers, or some that would not compute
        the same bits; says which and why.
    """
    if scheduler is None:
        yield None, jobs
        return
    with _client(scheduler) as client:
        _require_like(client.run(program, on_error="return"), program(), scheduler)
        threads = sum(client.nthreads().values())
        with client.get_executor() as executor:
            yield executor, jobs or threads


def _client(scheduler: str) -> Any:
    if not _ADDRESS.fullmatch(scheduler):
        message = f"an address such as tcp://HOST:8786 (found {shown(scheduler)})"
        raise ScenarioError([Problem("--scheduler", 0, 0, "", message)])
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise SimError("--scheduler needs Dask: install 'market-entry-sim[cluster]' here and on the workers") from error
    try:
        return Client(scheduler, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SimError(f"--scheduler: {scheduler} does not answer ({error})") from error


def _require_like(found: Mapping[str, Any], expected: Program, scheduler: str) -> None:
    """Refuse workers by name that do not run the same program; a worker's answer may be an exception."""
    if not found:
        raise SimError(f"--scheduler: {scheduler} has no workers")
    reasons = {worker: _unlike(answer, expected) for worker, answer in sorted(found.items())}
    refused = [f"{worker}: {', '.join(why)}" for worker, why in reasons.items() if why]
    if refused:
        raise SimError("\n".join(["--scheduler: these workers would not compute the same bits:", *refused]))


def _unlike(answer: Any, expected: Program) -> tuple[str, ...]:
    if isinstance(answer, BaseException):
        return (f"does not run this program ({answer})",)
    return differences(answer, expected)
