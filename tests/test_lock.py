"""Who owns the folder of a study."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.errors import ResultsError
from sim.tasks.lock import LOCK, locked

HOLD = """\
import os, sys, time
from pathlib import Path
from sim.tasks.lock import locked
with locked(Path(sys.argv[1])):
    if sys.argv[2] == "fork" and os.fork() == 0:
        time.sleep(1.5)
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(folder: Path, how: str = "alone") -> subprocess.Popen[str]:
    """A process that holds the lock of a folder."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", HOLD, str(folder), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_living_holder_is_named_and_the_remedy_told(tmp_path: Path) -> None:
    holder = _holder(tmp_path)
    try:
        with (
            pytest.raises(ResultsError, match=rf"is being written by process {holder.pid} on .*; wait .* --out"),
            locked(tmp_path),
        ):
            pass
    finally:
        _kill(holder)


def test_the_lock_of_a_dead_holder_is_taken_over(tmp_path: Path) -> None:
    _kill(_holder(tmp_path))
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_bytes())["pid"] == os.getpid()


def test_a_dead_holders_children_are_waited_for(tmp_path: Path) -> None:
    _kill(_holder(tmp_path, "fork"))
    start = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - start > 0.3


def test_two_holders_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(ResultsError, match=f"process {os.getpid()} on"), locked(tmp_path):
        pass


def test_a_lock_that_was_let_go_is_free(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path):
            pass
