"""What is kept of the points of a sweep: to the last bit, whole or not at all, and never computed twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Folder

from sim.errors import ResultsError
from sim.outcomes.manifest import program
from sim.outcomes.naming import Outcome
from sim.outcomes.statistics import STATISTICS, Statistics
from sim.outcomes.sweeps import Response
from sim.tasks import points as tasks
from sim.tasks.crew import Crew
from sim.tasks.parts import PartStore
from sim.tasks.points import Ran, read_points, run_points
from sim.tasks.store import unfinished
from sim.tasks.sweep import SweepStudy, run_sweep
from sim.tasks.task import Desk
from sim.tasks.verify import verify_study

SWEEP = """\
schema_version: 1
name: trial
question: What matters?
scenario: small.yaml
baseline: small.yaml
design: {grid: {demand.churn: [1, 4, 8], policy.steps.pilot_effective.probability: [0.2, 0.9]}}
outcomes: [foreign_share.total, consumer_gain.total, event_date.pilot_effective]
"""
POINTS = 6
MANY = 40


def outcomes(count: int) -> tuple[Outcome, ...]:
    return tuple(Outcome("market_size", "total", str(number), 2020, "USD bn/yr") for number in range(count))


def statistics(points: int, seed: int) -> Statistics:
    """Numbers of every kind: tiny, huge, negative zero, missing, without end."""
    chance = np.random.default_rng(seed)
    value, error = chance.normal(size=(2, points, len(STATISTICS))) * 10.0 ** chance.integers(-300, 300)
    value[0, :5] = np.nan, np.inf, -np.inf, -0.0, 5e-324
    return Statistics(value, error, chance.random(points))


def made_up(count: int, points: int = 3) -> Ran:
    pairs = (
        (statistics(points, 1), None),
        (None, statistics(points, 2)),
        (statistics(points, 3), statistics(points, 4)),
    )
    responses = (
        Response(outcome, *pairs[place % 3], np.full(points, np.nan if place % 2 else 1 / 3))
        for place, outcome in enumerate(outcomes(count))
    )
    hashes = tuple(np.random.default_rng(place).bytes(32).hex() for place in range(points))
    return Ran(tuple(responses), hashes)


def bits(ran: Ran) -> list[object]:
    """Everything that is known, with every bit of every number."""
    found: list[object] = [ran.hashes]
    for response in ran.responses:
        found += [response.outcome, response.p_positive.tobytes()]
        for one in (response.level, response.difference):
            found.append(one and [part.tobytes() for part in (one.value, one.error, one.share_defined)])
    return found


@pytest.mark.parametrize("count", [1, 3, MANY])
def test_what_is_kept_comes_back_to_the_last_bit(tmp_path: Path, count: int) -> None:
    store, ran = PartStore(tmp_path, "key", 3), made_up(count)
    for place in range(3):
        store.write(place, ran.part(place))
    assert bits(read_points(outcomes(count), store)) == bits(ran)


def stopped(times: int) -> Callable[[str, float], None]:
    """Progress that stops the program when some tasks are done."""
    told: list[float] = []

    def tell(text: str, share: float) -> None:
        told.extend([share] if text == "draws" else [])
        if len(told) == times:
            raise KeyboardInterrupt

    return tell


def study(out: str = "out", **options: Any) -> SweepStudy:
    return run_sweep("sweep.yaml", out=out, **{"jobs": 1, "plots": False, **options})


def parts() -> list[Path]:
    return sorted(Path("out").glob(".*.unfinished/*.part"))


@pytest.fixture
def begun(folder: Folder) -> list[Path]:
    """The files of a sweep that was stopped when two of its tasks were done."""
    folder.write("sweep.yaml", SWEEP)
    with pytest.raises(KeyboardInterrupt):
        study(progress=stopped(2), jobs=1)
    assert len(parts()) == 4
    return parts()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the points that are computed from here on, in this process."""
    found: list[int] = []

    def spy(sweep: Any, points: Sequence[tuple[int, Any]], *rest: Any) -> Ran:
        found.extend(number for number, _ in points)
        return run_points(sweep, points, *rest)

    monkeypatch.setattr(tasks, "run_points", spy)
    return found


def same_as_undisturbed(found: SweepStudy) -> bool:
    whole = study("whole")
    names = ("manifest.json", "sweep.csv", "design.csv")
    return all((found.folder / name).read_bytes() == (whole.folder / name).read_bytes() for name in names)


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_a_stopped_sweep_goes_on_whatever_the_jobs_and_ends_with_the_same_bits(begun: list[Path], jobs: int) -> None:
    found = study(jobs=jobs)
    assert found.notes[-1] == f"{len(begun)} points were there already, from a run that was stopped"
    assert not unfinished(Path("out"))
    assert same_as_undisturbed(found)


def test_no_point_is_computed_twice(begun: list[Path], computed: list[int]) -> None:
    study()
    assert computed == [5, 6]


def test_an_executor_keeps_what_is_found_and_goes_on_from_it(folder: Folder, computed: list[int]) -> None:
    folder.write("sweep.yaml", SWEEP)
    with ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt):
        study(progress=stopped(1), executor=pool)
    kept = len(parts())
    computed.clear()
    with ThreadPoolExecutor(1) as pool:
        found = study(executor=pool)
    assert (len(computed), 0 < kept < POINTS) == (POINTS - kept, True)
    assert same_as_undisturbed(found)


def test_a_worker_that_runs_another_program_is_refused(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("sweep.yaml", SWEEP)
    other = program().model_copy(update={"cpu": "x86-64-v9"})
    monkeypatch.setattr("sim.tasks.crew.program", lambda: next(programs))
    programs = iter([program(), other])
    with ThreadPoolExecutor(1) as pool, pytest.raises(ResultsError, match="would not compute the same bits: processor"):
        study(executor=pool)
    assert not parts()


def flipped(whole: bytes) -> bytes:
    """One bit of a number is another."""
    return whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-1], flipped, lambda _: b""])
def test_a_torn_file_counts_as_absent(begun: list[Path], computed: list[int], spoil: Callable[[bytes], bytes]) -> None:
    begun[1].write_bytes(spoil(begun[1].read_bytes()))
    found = study()
    assert computed == [2, 5, 6]
    assert same_as_undisturbed(found)


def test_a_part_with_any_bit_changed_counts_as_absent(tmp_path: Path) -> None:
    store = PartStore(tmp_path, "key", 1)
    store.write(0, {"share": np.arange(3.0), "names": np.array(["a", "b"])})
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        assert store.missing() == [0]


def test_what_another_program_found_is_cleaned_away_and_not_used(
    begun: list[Path], computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = program().model_copy(update={"cpu": "x86-64-v9"})
    monkeypatch.setattr("sim.tasks.task.program", lambda: other)
    with pytest.raises(KeyboardInterrupt):
        study(progress=stopped(1))
    assert computed[:2] == [1, 2]
    assert len(parts()) == 2
    assert not set(parts()) & set(begun)


def test_what_a_sweep_killed_at_its_very_end_leaves_is_removed_by_the_next(folder: Folder) -> None:
    folder.write("sweep.yaml", SWEEP)
    left = Path("out") / f".{study().folder.name}.unfinished"
    left.mkdir()
    (left / "key-000000.block").touch()
    study()
    assert not left.exists()


def test_force_starts_from_nothing(begun: list[Path], computed: list[int]) -> None:
    found = study(force=True)
    assert computed == [1, 2, 3, 4, 5, 6]
    assert "there already" not in found.notes[-1]


def test_a_sweep_is_made_anew_from_its_folder_alone(folder: Folder) -> None:
    """With days, ranges and a lever among what is varied."""
    values = "[2020-01-01, 2022-01-01]"
    folder.write("sweep.yaml", SWEEP.replace("probability: [0.2, 0.9]", f"when: {values}, zone.cap: [0.3, 0.2 to 0.6]"))
    made = study().folder
    (folder.path / "small.yaml").unlink()
    assert verify_study(made, rerun=True, jobs=1).faults == ()


def test_inputs_that_were_changed_since_are_told(folder: Folder) -> None:
    folder.write("sweep.yaml", SWEEP)
    inputs = study().folder / "inputs.json"
    inputs.write_text(inputs.read_text().replace("7.2", "7.3"))
    assert "manifest.json: asked: comes out otherwise now" in verify_study(inputs.parent, rerun=True, jobs=1).faults


def test_what_was_there_already_counts_as_finished(tmp_path: Path) -> None:
    shares: list[float] = []
    desk = Desk(tmp_path, "key", program(), Crew(1), lambda text, share: None, lambda answer: None)
    desk.store("numbers", 4).write(2, {"number": np.asarray(2)})
    calls = [partial(dict, number=np.asarray(number)) for number in range(4)]
    parts = desk.parts("numbers", calls, shares.append)
    assert [int(part["number"]) for part in parts] == [0, 1, 2, 3]
    assert shares == [0.5, 0.75, 1.0]
