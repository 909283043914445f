"""The folder of a study takes its name whole or not at all, wherever a run is stopped while it does so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.tasks.manifest import write_manifest
from sim.tasks.store import new_folder

OPERATIONS = ((Path, "mkdir"), (Path, "rename"), (Path, "touch"), (Path, "unlink"), (shutil, "rmtree"))


class Killed(BaseException):
    """The process is gone."""


def _make(target: Path, text: str) -> None:
    with new_folder(target) as work:
        write_manifest(work, {"asked": {}, "program": {}, "files": {"answer": "x"}})
        (work / "answer").write_text(text)


def _killed_before(place: int, make: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the process came to the operation on files of this number, and did neither it nor any after it."""
    done = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if done >= place:
                raise Killed
            return call(*args, **options)

        return operation

    with monkeypatch.context() as patched:
        for owner, name in OPERATIONS:
            patched.setattr(owner, name, counted(getattr(owner, name)))
        try:
            make()
        except Killed:
            return True
    return False


def test_after_a_kill_at_any_operation_on_files_a_study_is_there_whole_and_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the last moment the older study was left in the way, and every later run ended in 'Directory not empty'."""
    place, killed = 0, True
    while killed:
        place += 1
        target = tmp_path / f"{place}" / "study"
        target.parent.mkdir()
        _make(target, "old")
        killed = _killed_before(place, lambda target=target: _make(target, "new"), monkeypatch)  # type: ignore[misc]
        assert not target.exists() or (target / "answer").read_text() in ("old", "new")
        _make(target, "newest")
        assert (target / "answer").read_text() == "newest"
        assert [path.name for path in target.parent.iterdir()] == ["study"]
    assert place > 6
