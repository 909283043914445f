"""Runs and sweeps that are stopped, and go on: the program as a user starts it, in processes of their own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import Folder

from sim.cli import main
from sim.tasks.store import unfinished

OPENING = "regulator:\n  reviewers: 1\n"
COMMAND = ["run", "small.yaml", "case.yaml", "--draws", "4608", "--no-plots"]
SWEEP = ["sweep", "sweep.yaml", "--no-plots"]
DESIGN = """\
schema_version: 1
name: trial
question: What matters?
scenario: case.yaml
baseline: small.yaml
draws: 2048
design: {grid: {demand.churn: [1, 4, 8], zone.cap: [0.1, 0.3, 0.5, 2]}}
outcomes: [foreign_share.total, npv.total.aws, event_date.pilot_effective]
"""


@pytest.fixture
def two(folder: Folder) -> Path:
    """The folder of two small scenarios, and of a sweep of them."""
    folder.variant(OPENING)
    folder.write("sweep.yaml", DESIGN)
    return folder.path


def _start(
    *options: str, command: Sequence[str] = COMMAND, limit: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """The command in a session of its own, so that its children can be killed with it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who runs the tests in the background may have it ignored
        if limit:
            limit()

    return subprocess.Popen(
        [sys.executable, "-m", "sim", *command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        preexec_fn=prepare,
    )


def _manifest(out: str) -> bytes:
    (path,) = Path(out).glob("*/manifest.json")
    return path.read_bytes()


def _blocks(out: str) -> int:
    """Finished parts."""
    return sum(path.suffix in (".block", ".part") for path in Path(out).glob(".*.unfinished/*"))


def _wait_for_block(process: subprocess.Popen[str], out: str) -> None:
    """Until one block is written, or the process ends."""
    while process.poll() is None and not _blocks(out):
        time.sleep(0.01)


def _limited(size: int) -> Callable[[], None]:
    """No file may grow above a size: for a program that is what a full disk is."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _require_the_same_end(command: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was killed goes on, says so, and ends as what was not."""
    assert main([*command, "--out", "killed"]) == 0
    assert said in capsys.readouterr().err
    assert main([*command, "--out", "whole", "--jobs", "1"]) == 0
    assert _manifest("killed") == _manifest("whole")
    (study,) = Path("killed").glob("[!.]*")
    assert main(["verify", str(study)]) == 0
    assert not unfinished(Path("killed"))


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_and_ends_with_the_same_bits(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(11)
    for blocks in (0, 1, 3, 4, 5):
        process = _start("--out", "killed", "--jobs", "2")
        while process.poll() is None and _blocks("killed") < blocks:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "finished before it could be killed"
    _require_the_same_end(COMMAND, "5 blocks of draws were there already", capsys)


@pytest.mark.slow
def test_a_sweep_killed_at_any_moment_goes_on_and_ends_with_the_same_bits(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(12)
    for points, jobs in ((0, "2"), (4, "3"), (8, "1")):
        process = _start("--out", "killed", "--jobs", jobs, command=SWEEP)
        while process.poll() is None and _blocks("killed") < points:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.05))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "finished before it could be killed"
    kept = _blocks("killed")
    assert kept >= 8
    _require_the_same_end(SWEEP, f"{kept} points were there already", capsys)


def test_children_whose_parent_was_killed_end_without_a_word(two: Path) -> None:
    process = _start("--out", "killed", "--jobs", "2")
    _wait_for_block(process, "killed")
    process.kill()
    said = process.communicate()[1]  # until the last child has closed it
    assert process.returncode == -signal.SIGKILL, "finished before it could be killed"
    assert "Traceback" not in said


def test_a_run_that_is_interrupted_keeps_its_blocks_and_says_later_that_it_used_them(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = _start("--out", "results", "--jobs", "1")
    _wait_for_block(process, "results")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert (process.returncode, told.splitlines()[-1]) == (130, "stopped")
    kept = _blocks("results")
    assert kept > 0
    assert main([*COMMAND, "--out", "results"]) == 0
    assert f"{kept} blocks of draws were there already" in capsys.readouterr().err


@pytest.mark.parametrize("size", [100_000, 8_000_000])
def test_a_disk_that_fills_up_is_told_and_loses_nothing(
    size: int, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = _start("--out", "results", "--jobs", "1", limit=_limited(size))
    _, told = process.communicate()
    assert process.returncode == 1
    assert "cannot be written: " in told.splitlines()[-1]
    assert "make room and run the same command again" in told
    kept = _blocks("results")
    assert not list(Path("results").glob("[!.]*"))
    assert main([*COMMAND, "--out", "results"]) == 0
    assert (f"{kept} blocks of draws were there already" in capsys.readouterr().err) == (kept > 0)


def test_a_second_run_of_the_same_study_is_refused_while_the_first_runs(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = _start("--out", "results", "--jobs", "1")
    _wait_for_block(process, "results")
    assert main([*COMMAND, "--out", "results"]) == 1
    assert f"is being written by process {process.pid} on" in capsys.readouterr().err
    process.communicate()
    assert process.returncode == 0
    assert main([*COMMAND, "--out", "results"]) == 0
    assert "finished before: nothing was computed" in capsys.readouterr().err


def test_a_reader_of_the_answer_that_goes_away_does_not_take_the_study_with_it(two: Path) -> None:
    process = _start("--out", "piped")
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate()
    assert (process.returncode, "Traceback" in said) == (1, False)
    assert _manifest("piped")
    assert not unfinished(Path("piped"))


@pytest.mark.slow
@pytest.mark.parametrize("closed", [1, 2])
def test_a_run_without_output_or_error_stream_ends_well(closed: int, two: Path) -> None:
    """NumPy 2.0 cannot be imported without an error stream."""
    process = _start("--out", "mute", limit=lambda: os.close(closed))
    process.communicate()
    assert process.returncode == 0
    assert _manifest("mute")
