"""A small study and its report, with what tests of the page need: markup in a title, and drivers beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Folder
from filelock import FileLock

from sim.tasks.drivers import run_drivers
from sim.tasks.report import report_study
from sim.tasks.run import run_study

HOSTILE = '<script>alert("1")</script> & more'
"""A title that a page must show and never run."""

VARIANT = f"""\
extends: small.yaml
name: opened
title: '{HOSTILE}'
question: What if <b>all</b> of it is open?
policy:
  start: closed
  steps:
    opening: {{when: 2019-07-01, adopt: pilot}}
"""


def shared(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share, with `results` of a run and of its drivers, and `page.html` of both."""
    base = factory.getbasetemp()
    place = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "report-study"
    with FileLock(f"{place}.lock"):
        if not (place / "page.html").exists():
            place.mkdir(exist_ok=True)
            _make(place)
    return place


def study_in(place: Path) -> Path:
    """The run."""
    (folder,) = (place / "results").glob("small-opened-*/")
    return folder


def drivers_in(place: Path) -> Path:
    """Its drivers."""
    (folder,) = (place / "results").glob("drivers-*/")
    return folder


def _make(place: Path) -> None:
    written = Folder(place)
    files = [place / "small.yaml", place / written.write("opened.yaml", VARIANT)]
    study = run_study(files, draws=1024, out=place / "results", jobs=1).folder
    others = run_drivers(study, out=place / "results", jobs=1)
    report_study([study, others.folder], out=place / "page.html")
