"""A small study for the live section of a report, its page, and a reader of the sample that the page carries."""

from __future__ import annotations

import base64
import gzip
import json
import re
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from conftest import small

from sim.axes import FloatArray, IntArray
from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.panels import Result
from sim.outcomes.study import inputs_of
from sim.report.live import live_section
from sim.scenario.scenario import Correlation, Scenario
from sim.tasks.attribution import default_outcomes, drivers
from sim.tasks.runs import with_draws

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def closed() -> Scenario:
    """The small scenario over some years, with two inputs that move together."""
    base = with_draws(small(), 4096)
    group = Correlation(members=("demand.churn", "market.size"), rank=((-0.5,),), reason="They are made to.")
    sampling = base.sampling.model_copy(update={"correlations": {"pair": group}})
    horizon = base.horizon.model_copy(update={"end_year": 2022})
    return base.model_copy(update={"sampling": sampling, "horizon": horizon})


def opened() -> Scenario:
    """The same, opened early."""
    base = closed()
    step = base.policy.steps["pilot_effective"].model_copy(update={"when": base.as_of.replace(year=2019, day=1)})
    policy = base.policy.model_copy(update={"steps": {"pilot_effective": step}})
    return base.named("opened").model_copy(update={"policy": policy})


def results_of(*scenarios: Scenario) -> tuple[Result, ...]:
    """All draws of some scenarios, in memory."""
    return tuple(Result(one, simulate(one, draw_worlds(one, range(one.sampling.draws // 512)))) for one in scenarios)


def section_of(results: tuple[Result, ...]) -> str:
    """The section as a run would make it."""
    baseline, drawn = results[0].name, inputs_of([result.scenario for result in results])
    found = drivers(results, drawn, baseline, default_outcomes(results, baseline))
    return live_section(results, drawn, baseline, found)


@cache
def results() -> tuple[Result, ...]:
    """Of the small study."""
    return results_of(closed(), opened())


@cache
def section() -> str:
    """Of the small study."""
    return section_of(results())


def page_of(fragment: str) -> Path:
    """A page with nothing but a section, under the policy of a report."""
    path = Path(mkdtemp()) / "page.html"
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>Page</title>'
    head += '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">'
    body = f"<main><h1>Page</h1><h2>Section</h2>{fragment}</main>"
    path.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>', encoding="utf-8")
    return path


@dataclass(frozen=True)
class Carried:
    """What a page carries: its document, columns (M, n), scores (J, n) and levels (C, n)."""

    content: Any
    columns: FloatArray
    scores: FloatArray
    levels: IntArray


def carried(fragment: str) -> Carried:
    """The sample of a section."""
    found = re.search(r'class="live-sample">([^<]*)<', fragment)
    assert found is not None
    whole = gzip.decompress(base64.b64decode(found[1]))
    (length,) = struct.unpack("<I", whole[:4])
    content = json.loads(whole[4 : 4 + length])
    planes = np.frombuffer(whole[4 + length :], np.uint8).reshape(-1, 2, content["draws"]).astype(np.int64)
    codes = 256 * planes[:, 0] + planes[:, 1] - 32768
    first, second = len(content["columns"]), len(content["columns"]) + len(content["scores"])
    columns = [scale * np.sinh(step * own) for (scale, step), own in zip(content["columns"], codes, strict=False)]
    scores = [step * own for step, own in zip(content["scores"], codes[first:], strict=False)]
    return Carried(content, np.array(columns), np.array(scores), codes[second:])
