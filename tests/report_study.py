"""A small study and its report, with what tests of the page need: markup in a title, and drivers beside it."""

from __future__ import annotations

from pathlib import Path

from conftest import Folder

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


def make_study(folder: Path) -> Path:
    """The folder of a run of two scenarios, of which one has a title full of markup."""
    place = Folder(folder)
    files = [folder / "small.yaml", folder / place.write("opened.yaml", VARIANT)]
    return run_study(files, draws=1024, out=folder / "results", jobs=1).folder


def make_report(folder: Path) -> Path:
    """Its report, with drivers beside it."""
    study = make_study(folder)
    others = run_drivers(study, out=folder / "results", jobs=1)
    return report_study([study, others.folder], out=folder / "page.html")
