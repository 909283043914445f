"""Draws on other machines: a real scheduler and workers on loopback, as a user starts them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import Folder

from sim.cli import main
from sim.errors import ScenarioError, SimError
from sim.tasks.cluster import workers

ROOT = Path(__file__).parents[1]
COMMAND = ["run", "small.yaml", "--draws", "8192", "--no-plots"]
PATIENCE = 120.0


@contextmanager
def _process(*arguments: str, package: Path = ROOT, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(package), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdout=stream, stderr=subprocess.STDOUT, env=environment
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _wait(what: str, log: Path) -> None:
    """Until a log says something."""
    end = time.monotonic() + PATIENCE
    while what not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


class Cluster:
    """A scheduler, and workers that are started by and by."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        log, file = folder / "scheduler.log", folder / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        stack.enter_context(_process("distributed.cli.dask_scheduler", *options, log=log))
        _wait("Scheduler at:", log)
        self.address = next(word for word in log.read_text().split() if word.startswith("tcp://"))

    def worker(self, name: str, package: Path = ROOT) -> subprocess.Popen[bytes]:
        log = self.folder / f"{name}.log"
        options = (self.address, "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        local = ("--local-directory", str(self.folder / f"{name}.scratch"))
        process = self._stack.enter_context(
            _process("distributed.cli.dask_worker", *options, *local, package=package, log=log)
        )
        _wait("Registered to:", log)
        return process


@pytest.fixture
def cluster(folder: Folder) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    with ExitStack() as stack:
        yield Cluster(folder.path, stack)


@pytest.mark.slow
def test_a_run_on_workers_of_which_one_is_killed_has_the_bits_of_a_local_run(cluster: Cluster) -> None:
    first = cluster.worker("first")
    cluster.worker("second")
    command = (*COMMAND, "--out", "cluster", "--scheduler", cluster.address)
    with _process("sim", *command, log=cluster.folder / "run.log") as run:
        while run.poll() is None and not list(Path("cluster").glob(".*.unfinished/*.block")):
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        assert run.wait(PATIENCE) == 0, (cluster.folder / "run.log").read_text()
    assert main([*COMMAND, "--out", "local"]) == 0
    manifests = [next(Path(out).glob("*/manifest.json")).read_bytes() for out in ("cluster", "local")]
    assert manifests[0] == manifests[1]


@pytest.mark.slow
def test_workers_that_run_another_program_are_refused_by_name_before_anything_starts(cluster: Cluster) -> None:
    shutil.copytree(ROOT / "sim", cluster.folder / "other" / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    with (cluster.folder / "other" / "sim" / "errors.py").open("a") as source:
        source.write("\n# changed\n")
    worker = cluster.worker("odd", cluster.folder / "other")
    command = [sys.executable, "-m", "sim", *COMMAND, "--scheduler", cluster.address]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert "these workers would not compute the same bits:\ntcp://" in done.stderr
    assert done.stderr.splitlines()[-1].endswith(": another program source")
    assert worker.poll() is None
    assert not Path("results").exists()


def test_a_scheduler_without_the_extra_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SimError, match=r"install 'market-entry-sim\[cluster\]'"), workers("tcp://127.0.0.1:1", None):
        pass


def test_without_a_scheduler_children_do_the_work() -> None:
    with workers(None, 3) as found:
        assert found == (None, 3)


@pytest.mark.parametrize("address", ["nonsense", "tcp://host", "tcp://:8786/x", "http://host:8786"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with (
        pytest.raises(ScenarioError, match=r"--scheduler: an address such as tcp://HOST:8786 \(found '"),
        workers(address, 1),
    ):
        pass
