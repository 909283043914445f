"""Commands that are killed, or whose disk fails, at any operation on files: nothing is lost, and the next run is whole.

Each trial is a child of this process that counts its operations on files below the folder of results, as the
interpreter's audit hooks tell them, and ends at one of them without any clean-up, or is given an error there.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from conftest import DISCREPANCY, Folder

from sim.cli import main
from sim.tasks.store import unfinished
from sim.tasks.verify import verify_study

EVENTS: Final = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
KILLED: Final = 137
OUT: Final = "results"

COMMANDS: Final = {
    "run": ["run", "small.yaml", "case.yaml", "--draws", "2048", "--no-plots"],
    "run again": ["run", "small.yaml", "--draws", "512", "--no-plots", "--force"],
    "run over a damaged study": ["run", "small.yaml", "--draws", "512", "--no-plots"],
    "sweep": ["sweep", "sweep.yaml", "--no-plots"],
    "decide": ["decide", "decision.yaml", "--draws", "512", "--no-plots"],
    "backtest": ["backtest", "small.yaml", "--observed", "record.csv", "--draws", "1024", "--no-plots"],
    "calibrate": ["calibrate", "taught.yaml", "--observed", "record.csv", "--draws", "512", "--no-plots"],
    "bridge": ["bridge", "small.yaml", "case.yaml", "--draws", "1024", "--no-plots"],
    "compare": ["compare", "made/study", "--no-plots"],
    "drivers": ["drivers", "made/study", "--of", "foreign_share.total", "--total", "--no-plots"],
    "discover": ["discover", "made/study", "--where", "market_size.total.2018 > 7.3", "--no-plots"],
}

LAST: Final = 10
"""Operations at the end, where a study takes its name: each is tried."""

EVERY: Final = int(os.environ.get("EVERY_OPERATION", "8"))
"""Of the others so many are passed over; 1 tries all, which takes a quarter of an hour."""


@dataclass
class Outcome:
    """How a child ended, how many operations it came to, and what it said."""

    status: int
    operations: int
    said: str


def _operations(act: Callable[[int], None]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that acts on every change of a file below the results, with its number."""
    number = 0

    def operation() -> None:
        nonlocal number
        number += 1
        act(number)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        below = str(args[0]).startswith(OUT) if args else False
        inside = event in ("os.remove", "os.rmdir") and args[1] != -1  # of a folder that is removed with all in it
        if (writes or event in EVENTS) and (below or inside):
            operation()

    sync = os.fsync

    def counted_sync(descriptor: int) -> None:
        operation()
        sync(descriptor)

    os.fsync = counted_sync
    return hook


def _child(command: Sequence[str], act: Callable[[int], None]) -> Outcome:
    """The command in a child, with something done at every operation."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_child(command, act, writing)
    os.close(writing)
    with os.fdopen(reading) as stream:
        count, _, said = stream.read().partition("\n")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Outcome(status, int(count or 0), said)


def _be_child(command: Sequence[str], act: Callable[[int], None], writing: int) -> None:
    last, said = 0, io.StringIO()

    def noted(number: int) -> None:
        nonlocal last
        last = number
        act(number)

    try:
        sys.addaudithook(_operations(noted))
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = main([*command, "--out", OUT, "--jobs", "1"])
    except BaseException:
        status = 99
        traceback.print_exc(file=said)
    os.write(writing, f"{last}\n{said.getvalue()}".encode())
    os._exit(status)


def _kill(at: int) -> Callable[[int], None]:
    def act(number: int) -> None:
        if number == at:
            os._exit(KILLED)

    return act


def _fail(at: int) -> Callable[[int], None]:
    def act(number: int) -> None:
        if number == at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    return act


def _nothing(number: int) -> None:
    """What a child does that is left alone."""


RECORD = """\
id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source
M1,market_size,total,,2019-01-01,2019-12-31,annual,12.9,12.0,13.5,USD bn,s
R1,regime,,pilot,2020-01-01,2020-12-31,state,1,,,boolean,s
"""
SWEEP = """\
schema_version: 1
name: trial
question: What matters?
scenario: case.yaml
baseline: small.yaml
design: {grid: {demand.churn: [1, 4]}}
outcomes: [foreign_share.total]
"""

DECISION = """\
schema_version: 1
name: trial
question: Should partners be owned?
scenario: small.yaml
host: {tax_take.total: 1}
actions: {none: {}, half: {regimes.closed.partner_equity: 0.5}}
"""


@pytest.fixture
def inputs(folder: Folder) -> Path:
    """The folder of everything that the commands read."""
    folder.variant("regulator:\n  reviewers: 1\n")
    folder.write("sweep.yaml", SWEEP)
    folder.write("decision.yaml", DECISION)
    folder.write("record.csv", RECORD)
    folder.write("taught.yaml", f"extends: small.yaml\nname: taught\n{DISCREPANCY}")
    return folder.path


def _before(name: str) -> None:
    """What is there when a command begins."""
    shutil.rmtree(OUT, ignore_errors=True)
    if name in ("compare", "discover", "drivers"):
        if not Path("made").exists():
            assert main(["run", "small.yaml", "case.yaml", "--draws", "2048", "--no-plots", "--out", "made"]) == 0
            next(Path("made").glob("[!.]*")).rename("made/study")
    elif name.startswith("run "):
        assert main(["run", "small.yaml", "--draws", "512", "--no-plots", "--out", OUT]) == 0
        if "damaged" in name:
            (manifest,) = Path(OUT).glob("*/manifest.json")
            manifest.write_text("{}")


def _studies() -> list[Path]:
    return [path for path in Path(OUT).glob("[!.]*") if (path / "manifest.json").exists()]


def _manifest() -> bytes:
    (study,) = _studies()
    return (study / "manifest.json").read_bytes()


def _undisturbed(name: str) -> tuple[int, bytes]:
    """Operations of a command that is left alone, and the manifest that it leaves."""
    _before(name)
    outcome = _child(COMMANDS[name], _nothing)
    assert outcome.status == 0, outcome.said
    return outcome.operations, _manifest()


def _require_whole(expected: bytes, command: Sequence[str]) -> None:
    """The next run ends as if nothing had happened."""
    again = _child(command, _nothing)
    assert again.status == 0, again.said
    assert _manifest() == expected
    (study,) = _studies()
    assert verify_study(study).faults == ()
    assert not unfinished(Path(OUT))


def _points(count: int) -> list[int]:
    """The operations at which a trial is made."""
    return [point for point in range(1, count + 1) if point > count - LAST or point % EVERY == 0]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_operation_on_files_leaves_all_or_nothing_and_the_next_is_whole(
    name: str, inputs: Path
) -> None:
    command = COMMANDS[name]
    operations, expected = _undisturbed(name)
    for point in _points(operations):
        _before(name)
        assert _child(command, _kill(point)).status == KILLED
        for study in _studies():
            assert "damaged" in name or verify_study(study).faults == ()
        _require_whole(expected, command)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_an_error_of_the_disk_at_any_operation_is_told_in_a_line_and_the_next_run_is_whole(
    name: str, inputs: Path
) -> None:
    command = COMMANDS[name]
    operations, expected = _undisturbed(name)
    for point in _points(operations):
        _before(name)
        failed = _child(command, _fail(point))
        assert failed.status in (0, 1), failed.said
        assert "a fault of the program" not in failed.said
        assert failed.status == 0 or "Input/output error" in failed.said.splitlines()[-1]
        _require_whole(expected, command)
