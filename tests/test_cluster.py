"""Work on other machines: a real scheduler and workers on loopback, as a user starts them, and what befalls them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import DISCREPANCY, SMALL, Folder
from typer.main import get_command

from sim.cli import app, main
from sim.errors import ScenarioError, SimError
from sim.tasks import crew
from sim.tasks.cluster import workers
from sim.tasks.crew import PATIENCE, Crew, make_crew

ROOT = Path(__file__).parents[1]
COMMAND = ["run", "small.yaml", "--draws", "8192", "--no-plots"]
LONG = 120.0
RECORD = """\
id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source
size19,market_size,total,,2019-01-01,2019-12-31,annual,11,10.5,11.5,USD bn,a bank
size20,market_size,total,,2020-01-01,2020-12-31,annual,16,15.5,17,USD bn,a bank
aws,market_share,iaas,aws,2020-01-01,2020-12-31,annual,6.5,6,7,%,a bank
"""
SWEEP = """\
schema_version: 1
name: trial
question: What matters?
scenario: small.yaml
draws: 2048
design: {grid: {demand.churn: [1, 4, 8], zone.cap: [0.1, 0.3, 0.5, 2]}}
outcomes: [foreign_share.total]
"""
DECISION = """\
schema_version: 1
name: trial
question: Should partners be owned?
scenario: small.yaml
draws: 1024
host: {tax_take.total: 1}
actions: {none: {}, half: {regimes.closed.partner_equity: 0.5}}
"""
COMMANDS = {
    "run": COMMAND,
    "sweep": ["sweep", "sweep.yaml", "--no-plots"],
    "backtest": ["backtest", "small.yaml", "--observed", "record.csv", "--draws", "8192", "--no-plots"],
    "bridge": ["bridge", "small.yaml", "case.yaml", "--draws", "8192", "--no-plots"],
    "calibrate": ["calibrate", "small.yaml", "--observed", "record.csv", "--draws", "1024", "--no-plots"],
    "decide": ["decide", "decision.yaml", "--no-plots"],
    "drivers": ["drivers", "made/study", "--total", "--of", "foreign_share.total", "--no-plots"],
    "discover": ["discover", "made/study", "--where", "market_size.total.2020 > 14", "--no-plots"],
}
READ_A_STUDY = ("discover", "drivers")
GOES_ON = "run the same command again, which goes on from what is done"


def _write_inputs(folder: Folder, command: str) -> None:
    """What a command reads."""
    folder.write("small.yaml", SMALL + DISCREPANCY)
    folder.variant("regulator: {reviewers: 1}\n")
    folder.write("record.csv", RECORD)
    folder.write("sweep.yaml", SWEEP)
    folder.write("decision.yaml", DECISION)
    if command in READ_A_STUDY:
        _finished_run()


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
    end = time.monotonic() + LONG
    while what not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


class Cluster:
    """A scheduler, and workers that are started by and by."""

    def __init__(self, folder: Path, stack: ExitStack, protocol: str = "tcp") -> None:
        self.folder, self._stack = folder, stack
        log, file = folder / "scheduler.log", folder / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        options += ("--protocol", protocol)
        self.scheduler = stack.enter_context(_process("distributed.cli.dask_scheduler", *options, log=log))
        _wait("Scheduler at:", log)
        self.address = next(word for word in log.read_text().split() if re.match("(tcp|tls)://", word))

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
        assert run.wait(LONG) == 0, (cluster.folder / "run.log").read_text()
    assert main([*COMMAND, "--out", "local"]) == 0
    manifests = [next(Path(out).glob("*/manifest.json")).read_bytes() for out in ("cluster", "local")]
    assert manifests[0] == manifests[1]


def _changed(cluster: Cluster) -> Path:
    """Where another program stands."""
    other = cluster.folder / "other"
    shutil.copytree(ROOT / "sim", other / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "sim" / "errors.py").open("a") as source:
        source.write("\n# changed\n")
    return other


@pytest.mark.slow
def test_workers_that_run_another_program_are_refused_by_name_before_anything_starts(cluster: Cluster) -> None:
    worker = cluster.worker("odd", _changed(cluster))
    command = [sys.executable, "-m", "sim", *COMMAND, "--scheduler", cluster.address]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert "these workers would not compute the same bits:\ntcp://" in done.stderr
    assert done.stderr.splitlines()[-1].endswith(": another program source")
    assert worker.poll() is None
    assert not Path("results").exists()


def _parts() -> list[Path]:
    return [path for path in Path("study").glob(".*.unfinished/*") if path.suffix in (".block", ".part")]


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may have them ignored


def _end(cluster: Cluster, *command: str, strike: Callable[[int], None], status: int = 1) -> str:
    """The one line with which a command ends that something befalls when its first part is there."""
    with subprocess.Popen(
        [sys.executable, "-m", "sim", *command, "--out", "study", "--scheduler", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=_hear_interrupts,
    ) as process:
        try:
            while process.poll() is None and not _parts():
                time.sleep(0.01)
            strike(process.pid)
            said, complained = process.communicate(timeout=LONG)
        finally:
            process.kill()
    lines = [line for line in complained.splitlines() if not re.fullmatch(r".*: \d+%", line)]
    assert process.returncode == status, complained
    assert len(lines) == 1, complained
    assert not said
    assert _parts()
    return lines[0]


def _require_the_same_end(command: list[str], capsys: pytest.CaptureFixture[str], *options: str) -> None:
    """What was stopped goes on, says so, and ends as what was not."""
    assert main([*command, "--out", "study", *options]) == 0
    assert "were there already, from a run that was stopped" in capsys.readouterr().err
    assert main([*command, "--out", "local"]) == 0
    manifests = [next(Path(out).glob("*/manifest.json")).read_bytes() for out in ("study", "local")]
    assert manifests[0] == manifests[1]


def _finished_run() -> None:
    """A run that another command reads."""
    assert main([*COMMAND, "--out", "made"]) == 0
    next(Path("made").glob("[!.]*")).rename("made/study")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_a_scheduler_took_with_it_is_said_in_one_line_and_gone_on_with(
    command: list[str], cluster: Cluster, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_inputs(folder, command[0])
    cluster.worker("only")
    line = _end(cluster, *command, strike=lambda _: cluster.scheduler.kill())
    said = "the scheduler has ended, or the connection to it was lost"
    assert line == f"--scheduler: {cluster.address}: {said}; {GOES_ON}"
    _require_the_same_end(command, capsys)


@pytest.mark.slow
def test_a_run_whose_workers_are_all_gone_ends_soon_and_goes_on_when_there_are_some_again(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    only = cluster.worker("only")
    line = _end(cluster, *COMMAND, strike=lambda _: only.kill())
    assert re.fullmatch(rf"--scheduler: {cluster.address}: has had no workers for 1\d s; {GOES_ON}", line)
    cluster.worker("next")
    _require_the_same_end(COMMAND, capsys, "--scheduler", cluster.address)


@pytest.mark.slow
def test_a_part_that_kills_its_workers_is_told_from_workers_that_merely_went(folder: Folder) -> None:
    pytest.importorskip("distributed")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
        cluster = Cluster(folder.path, stack)
        only = cluster.worker("only")
        line = _end(cluster, *COMMAND, strike=lambda _: only.kill())
    died = "every worker that took one part of the work has died (1), for want of memory or of this program"
    assert line == f"--scheduler: {cluster.address}: {died}: see their logs; {GOES_ON}"


@pytest.mark.slow
def test_a_scheduler_that_stalls_is_given_up(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.worker("only")
    line = _end(cluster, *COMMAND, strike=lambda _: cluster.scheduler.send_signal(signal.SIGSTOP))
    assert re.fullmatch(rf"--scheduler: {cluster.address}: has not answered for [12]\d s; {GOES_ON}", line)
    _require_the_same_end(COMMAND, capsys)


@pytest.mark.slow
def test_a_worker_that_stalls_is_given_up_by_the_users_limit(cluster: Cluster) -> None:
    only = cluster.worker("only")
    line = _end(cluster, *COMMAND, "--patience", "20", strike=lambda _: only.send_signal(signal.SIGSTOP))
    assert line == f"--scheduler: {cluster.address}: no worker has answered for 20 s (--patience); {GOES_ON}"


@pytest.mark.slow
def test_a_worker_that_joins_with_another_program_ends_the_run_by_name(cluster: Cluster) -> None:
    first = cluster.worker("first")

    def join(_: int) -> None:
        cluster.worker("odd", _changed(cluster))
        first.kill()

    line = _end(cluster, *COMMAND, "--draws", "32768", strike=join)
    unlike = r"workers have joined that would not compute the same bits: tcp://\S+: another program source; stop them"
    assert re.fullmatch(rf"--scheduler: {cluster.address}: {unlike}; {GOES_ON}", line)


@pytest.mark.slow
def test_an_interrupt_stops_a_run_even_while_no_worker_answers(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    only = cluster.worker("only")

    def interrupt(run: int) -> None:
        only.send_signal(signal.SIGSTOP)
        os.kill(run, signal.SIGINT)

    assert _end(cluster, *COMMAND, strike=interrupt, status=130) == "stopped"
    only.send_signal(signal.SIGCONT)
    _require_the_same_end(COMMAND, capsys, "--scheduler", cluster.address)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _certified(folder: Path) -> dict[str, str]:
    """Settings of Dask with an authority of one's own, and one certificate for all three roles."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    ca, node = folder / "ca.pem", folder / "node.pem"
    _openssl("req", "-x509", *key, "-subj", "/CN=authority", "-keyout", f"{ca}.key", "-out", str(ca))
    _openssl("req", *key, "-subj", "/CN=node", "-keyout", f"{node}.key", "-out", f"{node}.csr")
    _openssl("x509", "-req", "-in", f"{node}.csr", "-CA", str(ca), "-CAkey", f"{ca}.key", "-out", str(node))
    roles = {role: {"KEY": f"{node}.key", "CERT": str(node)} for role in ("SCHEDULER", "WORKER", "CLIENT")}
    prefix = "DASK_DISTRIBUTED__COMM__"
    settings = {f"{prefix}TLS__{role}__{what}": file for role, files in roles.items() for what, file in files.items()}
    return settings | {f"{prefix}TLS__CA_FILE": str(ca), f"{prefix}REQUIRE_ENCRYPTION": "true"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by openssl")
def test_by_tls_a_run_has_the_bits_of_a_local_one_and_who_has_no_certificate_is_kept_out(folder: Folder) -> None:
    pytest.importorskip("distributed")
    settings = _certified(folder.path)
    plain = {**os.environ, "PYTHONPATH": str(ROOT)}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        cluster = Cluster(folder.path, stack, "tls")
        assert cluster.address.startswith("tls://")
        cluster.worker("only")
        command = [sys.executable, "-m", "sim", *COMMAND, "--scheduler", cluster.address]
        done = subprocess.run([*command, "--out", "cluster"], capture_output=True, text=True, env=plain | settings)
        assert done.returncode == 0, done.stderr
        for address in (cluster.address, cluster.address.replace("tls", "tcp")):
            done = subprocess.run([*command[:-1], address], capture_output=True, text=True, env=plain)
            assert done.returncode == 1
            assert done.stderr.startswith(f"--scheduler: {address} does not answer (")
            assert len(done.stderr.splitlines()) == 1
    assert main([*COMMAND, "--out", "local"]) == 0
    manifests = [next(Path(out).glob("*/manifest.json")).read_bytes() for out in ("cluster", "local")]
    assert manifests[0] == manifests[1]


def test_a_scheduler_without_the_extra_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SimError, match=r"install 'market-entry-sim\[cluster\]'"), workers("tcp://127.0.0.1:1", None):
        pass


def test_without_a_scheduler_children_do_the_work() -> None:
    with workers(None, 3) as crew:
        assert crew == {"jobs": 3, "executor": None, "patience": None}


@pytest.mark.parametrize("address", ["nonsense", "tcp://host", "tcp://:8786/x", "http://host:8786"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with (
        pytest.raises(ScenarioError, match=r"--scheduler: an address such as tcp://HOST:8786 \(found '"),
        workers(address, 1),
    ):
        pass


class Slow(Executor):
    """Answers when it is told to, if ever: as many calls as are given, each with its number or an error."""

    def __init__(self, *answers: int | Exception | None) -> None:
        self._answers = list(answers)
        self.futures: list[Future[int]] = []

    def submit(self, fn: Callable[..., int], /, *args: object, **kwargs: object) -> Future[int]:  # type: ignore[override]
        future: Future[int] = Future()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(answer)
        self.futures.append(future)
        return future


def _computed(executor: Executor, calls: Sequence[Callable[[], int]], patience: float = 0.1) -> dict[int, int]:
    kept: dict[int, int] = {}
    Crew(2, executor, patience).compute(calls, kept.__setitem__, lambda share: None)
    return kept


def test_an_executor_that_never_answers_is_given_up_and_its_calls_cancelled() -> None:
    slow = Slow(None, None)
    with pytest.raises(SimError, match=rf"^executor: no worker has answered for 0.1 s \(--patience\); {GOES_ON}$"):
        _computed(slow, [int, int])
    assert all(future.cancelled() for future in slow.futures)


def test_patience_begins_anew_with_every_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_PULSE", 0.05)
    with ThreadPoolExecutor(1) as thread:
        assert len(_computed(thread, [lambda: time.sleep(0.3) or 1] * 5, 1.0)) == 5


def test_an_executor_that_cancels_is_said_to_have_ended() -> None:
    slow = Slow(None)
    slow.submit = lambda *_: _cancelled()  # type: ignore[method-assign, assignment, misc]
    with pytest.raises(SimError, match=rf"^executor: has ended, or was told to stop \(CancelledError\); {GOES_ON}$"):
        _computed(slow, [int])


def _cancelled() -> Future[int]:
    future: Future[int] = Future()
    future.cancel()
    future.set_running_or_notify_cancel()
    return future


def test_what_has_been_answered_is_kept_before_an_error_ends_the_rest() -> None:
    kept: dict[int, int] = {}
    slow = Slow(1, ValueError("a fault"), 3, 4)
    with pytest.raises(ValueError, match="a fault"):
        Crew(2, slow).compute([int] * 4, kept.__setitem__, lambda share: None)
    assert kept == {0: 1, 2: 3, 3: 4}


@pytest.mark.parametrize("patience", [0.0, -1.0, float("nan")])
def test_patience_is_more_than_nothing(patience: float) -> None:
    with pytest.raises(ScenarioError, match=r"^--patience: more than 0 seconds \(found "):
        make_crew(None, None, patience)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_patience_without_a_scheduler_is_refused(
    command: list[str], folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_inputs(folder, command[0])
    assert main([*command, "--patience", "5"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "--patience: is for workers elsewhere, and needs --scheduler"


def test_help_tells_the_patience_that_is_taken_by_default() -> None:
    for name in COMMANDS:
        (option,) = (one for one in get_command(app).commands[name].params if one.name == "patience")  # type: ignore[attr-defined]
        assert f"{PATIENCE:g} by default" in option.help  # type: ignore[attr-defined]
