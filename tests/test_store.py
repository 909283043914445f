"""The folder of a study: whole or not at all wherever a task is stopped, owned by one process, and ours alone."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sim.disk import write_bytes
from sim.errors import ResultsError
from sim.outcomes.manifest import Manifest, Program, write_manifest
from sim.tasks.store import clean, finish, new_study, scratch

ROOT = Path(__file__).parents[1]
HOLD = """\
import sys, time
from pathlib import Path
from sim.tasks.store import scratch
with scratch(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
PROGRAM = Program(source="s", versions={}, cpu="c")


def make(target: Path, text: str = "new") -> None:
    """A study of one file."""
    with scratch(target) as work:
        study = new_study(work)
        (study / "answer").write_text(text)
        write_manifest(study, Manifest(asked={}, program=PROGRAM, answer=text, notes=(), files={"answer": "x"}))
        finish(work, target)


def beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")


# ---------------------------------------------------------------- one process at a time


def hold(target: Path) -> subprocess.Popen[str]:
    """A process that makes a study and does not end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD, str(target)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_living_holder_is_named_and_the_remedy_told(tmp_path: Path) -> None:
    holder = hold(tmp_path / "study")
    try:
        with pytest.raises(ResultsError, match=rf"is being written by process {holder.pid} on .*; wait .* --out"):
            make(tmp_path / "study")
    finally:
        kill(holder)


def test_the_lock_of_a_dead_holder_is_taken_over(tmp_path: Path) -> None:
    kill(hold(tmp_path / "study"))
    with scratch(tmp_path / "study") as work:
        assert json.loads((work / "holder.json").read_bytes())["pid"] == os.getpid()


def test_two_holders_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with scratch(tmp_path / "study"), pytest.raises(ResultsError, match=f"process {os.getpid()} on"):
        make(tmp_path / "study")


def test_a_holder_that_has_not_said_who_it_is_is_refused_all_the_same(tmp_path: Path) -> None:
    with scratch(tmp_path / "study") as work:
        (work / "holder.json").write_text("[1")
        with pytest.raises(ResultsError, match=r"process \? on \? since"):
            make(tmp_path / "study")


# ---------------------------------------------------------------- what is not ours


def links(target: Path, victim: Path) -> dict[str, Path]:
    """Where a stranger in a shared folder of results may have put a link to somebody's file or folder."""
    folder = beside(target)
    inside = ("lock", "holder.json", "study", "older", "key-000000.block", "key-000000.part", "key.1.partial")
    return {"the scratch folder": folder, "the study": target, **{name: folder / name for name in inside}}


PLACES = tuple(links(Path("x"), Path("y")))


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("place", PLACES)
def test_a_link_is_not_followed(place: str, kind: str, tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "results" / "study"
    kept = victim
    if kind == "folder":
        victim.mkdir()
        kept = victim / "key-000000.block"
    kept.write_text("precious")
    link = links(target, victim)[place]
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    with contextlib.suppress(ResultsError):
        make(target)
        assert (target / "answer").read_text() == "new"
    assert kept.read_text() == "precious"


@pytest.mark.parametrize("stranger", ["folder", "link", "pipe", "socket", "file"])
def test_whatever_else_stands_in_a_study_is_left_alone(stranger: str, tmp_path: Path) -> None:
    target = tmp_path / "study"
    make(target)
    strange = target / "strange"
    if stranger == "folder":
        strange.mkdir()
    elif stranger == "link":
        strange.symlink_to(tmp_path)
    elif stranger == "pipe":
        os.mkfifo(strange)
    elif stranger == "socket":
        os.mknod(strange, 0o140666)
    else:
        strange.touch()
    with pytest.raises(ResultsError, match=r"holds something else \(strange\); move it away"):
        make(target)
    assert os.path.lexists(strange)


def test_the_folder_of_results_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "elsewhere")
    make(tmp_path / "results" / "study")
    assert os.listdir(tmp_path / "elsewhere") == ["study"]


def test_a_known_file_that_has_become_a_link_is_something_else(tmp_path: Path) -> None:
    target = tmp_path / "study"
    make(target)
    (target / "answer").rename(tmp_path / "answer")
    (target / "answer").symlink_to(tmp_path / "answer")
    with pytest.raises(ResultsError, match=r"holds something else \(answer\)"):
        make(target)


def test_only_its_user_may_enter_the_scratch_folder(tmp_path: Path) -> None:
    with scratch(tmp_path / "study") as work:
        assert work.stat().st_mode & 0o077 == 0


def test_a_scratch_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside(tmp_path / "study").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: -1)
    with pytest.raises(ResultsError, match=r"is a link, a file or another user's; remove it, or choose another --out"):
        make(tmp_path / "study")


@pytest.mark.parametrize("text", ["", "[]", "{}", "NaN", '{"files": {"/etc/passwd": "x"}}', "[" * 100_000])
def test_a_study_whose_manifest_is_damaged_is_replaced(text: str, tmp_path: Path) -> None:
    target = tmp_path / "study"
    make(target, "old")
    (target / "manifest.json").write_text(text)
    make(target)
    assert (target / "answer").read_text() == "new"


def test_of_a_study_whose_manifest_is_damaged_only_what_is_written_again_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "study"
    make(target, "old")
    (target / "manifest.json").write_text("{}")
    (target / "mine").write_text("precious")
    with pytest.raises(ResultsError, match=r"holds something else \(mine\)"):
        make(target)
    assert (target / "mine").read_text() == "precious"


# ---------------------------------------------------------------- loss of power


def test_every_file_has_reached_the_disk_before_the_study_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    sync, rename = os.fsync, Path.rename

    def noted(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((found.st_dev, found.st_ino))
        sync(descriptor)

    def held_back(path: Path, target: Path) -> Path:
        if path.name == "study":
            held = {(found.st_dev, found.st_ino) for found in (one.stat() for one in (path, *path.rglob("*")))}
            assert held <= set(synced)
            synced.clear()
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "rename", held_back)
    make(tmp_path / "study")
    assert synced == [(tmp_path.stat().st_dev, tmp_path.stat().st_ino)]


def test_files_are_synced_as_ones_to_write_which_windows_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def strict(descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_RDWR:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", strict)
    make(tmp_path / "study")
    assert (tmp_path / "study" / "answer").exists()


def test_where_folders_cannot_be_synced_a_study_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", only_files)
    make(tmp_path / "study")
    assert (tmp_path / "study" / "answer").exists()


# ---------------------------------------------------------------- nothing lost, nothing left


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_an_older_study_stays_if_its_successor_cannot_take_its_place(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, rename = tmp_path / "study", Path.rename
    make(target, "old")

    def stopped(path: Path, new: Path) -> Path:
        if path == beside(target) / "study":
            raise error
        return rename(path, new)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises((ResultsError, KeyboardInterrupt)):
        make(target)
    assert (target / "answer").read_text() == "old"
    assert not beside(target).exists()


def test_an_older_study_that_cannot_be_put_back_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "study"
    make(target, "old")
    aside = beside(target) / "older"
    aside.parent.mkdir()
    target.rename(aside)

    def refuse(path: Path, new: Path) -> Path:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ResultsError, match="Operation not permitted"):
        make(target)
    assert (aside / "answer").read_text() == "old"


def test_the_lock_is_the_last_that_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who waits for it takes a new one, and finds parts that vanish under its hands."""
    target, left = tmp_path / "study", []
    with scratch(target) as work:
        for name in ("a.block", "m.part", "z.block"):
            (work / name).touch()
        new = new_study(work)
        write_bytes(new / "manifest.json", b"{}")
        unlink = os.unlink

        def noted(path: str, **options: int) -> None:
            if Path(path).name == "lock":
                left.append(sorted(os.listdir(work)))
            unlink(path, **options)

        monkeypatch.setattr(os, "unlink", noted)
        finish(work, target)
    assert left == [["lock"]]
    assert not work.exists()


# ---------------------------------------------------------------- parts


def test_cleaning_removes_parts_of_other_tasks_and_what_was_not_finished(tmp_path: Path) -> None:
    names = ("abc-000000.block", "abc.points-000000.part", "other-000000.block", "abc-000003.block.77.partial", "lock")
    for name in names:
        (tmp_path / name).touch()
    clean(tmp_path, "abc", everything=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["abc-000000.block", "abc.points-000000.part", "lock"]
    clean(tmp_path, "abc", everything=True)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
