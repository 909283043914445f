"""Scenario documents made at random: some meant to be right, some spoilt on purpose.

A document is a variant of a base that lies beside it, so that each costs milliseconds. It changes records, levers,
the calendar, correlations and settings; what it is made of is drawn by hypothesis.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sim.reading.loading import load_scenario
from sim.scenario.inputs import Input, inputs, scale, units_of_input
from sim.scenario.mechanisms import medians
from sim.scenario.scenario import Scenario

Draw = Callable[[st.SearchStrategy[Any]], Any]
Tree = dict[str, Any]

EVIDENCE = {"source": "judgement", "grade": "judgement"}

PER_PROVIDER = "["
"""In the name of an input that is drawn per provider; its record stands at the path without it."""


def text(tree: Tree) -> str:
    """A tree as YAML, which JSON is but for dates and for numbers that are none."""
    written = json.dumps(tree, ensure_ascii=False).replace("NaN", ".nan").replace("Infinity", ".inf")
    return re.sub(r'"(\d{4}-\d{2}-\d{2})"', r"\1", written)


@cache
def scenario(base: Path) -> Scenario:
    return load_scenario(base)


@cache
def quantities(base: Path) -> tuple[tuple[Input, float], ...]:
    """The numbers of a base, each with its median in canonical units."""
    found = {item.path: item for item in inputs(scenario(base)) if item.dimension != "category"}
    middle = medians(scenario(base))
    return tuple((item, middle[path]) for path, item in found.items())


def place(tree: Tree, path: str, value: Any) -> None:
    """Put a value at a dotted path."""
    *above, last = path.split(".")
    for key in above:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            return
    tree[last] = value


# ---- numbers


def _near(middle: float, least: float, most: float) -> st.SearchStrategy[float]:
    """Numbers some tenths around a median, inside a range."""
    width = 0.2 * (abs(middle) or 0.02)
    return st.floats(max(least, middle - width), min(most, middle + width))


def _anywhere(least: float, most: float) -> st.SearchStrategy[float]:
    """Numbers of all magnitudes inside a range, its ends included."""
    if least > 0:
        inside = st.floats(math.log(least), math.log(most)).map(math.exp).map(lambda x: min(max(x, least), most))
    else:
        inside = st.floats(least, most)
    return st.one_of(st.sampled_from([least, most]), inside)


STRANGE = st.one_of(
    st.floats(),
    st.sampled_from([0, -1, 1e308, -1e308, 5e-324, 1e-320, math.nan, math.inf, -math.inf, 2**63, -(2**40), True]),
    st.sampled_from([None, "", "many", "1 to 2", "=cmd()", [], {}, [1], {"value": 1}, "2019-04-30", "../x", "\u202e"]),
)
"""What stands where a number belongs."""


def _rising(draw: Draw, numbers: st.SearchStrategy[float], count: int) -> list[float]:
    return sorted(draw(st.lists(numbers, min_size=count, max_size=count, unique=True)))


def _shape(draw: Draw, numbers: st.SearchStrategy[float], family: str) -> Tree:
    if family in ("value", "interval", "uniform"):
        low, high = _rising(draw, numbers, 2)
        return {"value": {"value": low}, "interval": {"interval": f"{low!r} to {high!r}"}}.get(
            family, {"uniform": [low, high]}
        )
    if family in ("low", "triangular", "pert"):
        points = _rising(draw, numbers, 3)
        return dict(zip(("low", "median", "high"), points, strict=True)) if family == "low" else {family: points}
    if family == "normal":
        return {"normal": {"mean": draw(numbers), "sd": draw(st.floats(1e-3, 0.2)) * (abs(draw(numbers)) or 1)}}
    if family == "lognormal":
        return {"lognormal": {"median": abs(draw(numbers)) or 1e-3, "sigma": draw(st.floats(0.01, 1))}}
    if family == "discrete":
        low, high = _rising(draw, numbers, 2)
        return {"discrete": {repr(low): 0.25, repr(high): 0.75}}
    if family == "mixture":
        parts = [_shape(draw, numbers, draw(st.sampled_from(("value", "low", "uniform")))) for _ in range(2)]
        return {"mixture": [{"weight": 0.4, "of": parts[0]}, {"weight": 0.6, "of": parts[1]}]}
    low, high = _rising(draw, numbers, 2)
    return {"scipy": {"family": family, "parameters": {"loc": low, "scale": (high - low) or 1.0, **SHAPES[family]}}}


SHAPES: Mapping[str, Mapping[str, float]] = {"norm": {}, "t": {"df": 3}, "beta": {"a": 2, "b": 3}, "expon": {}}
FAMILIES = ("value", "interval", "uniform", "low", "triangular", "pert", "normal", "lognormal", "discrete", "mixture")


def record(draw: Draw, item: Input, middle: float, base: Path, mood: str) -> Any:
    """A record for a quantity: near its median, anywhere in its range, or strange."""
    unit = draw(st.sampled_from(sorted(units_of_input(scenario(base), item))))
    factor = scale(scenario(base), item.dimension, unit)
    least, most = item.allowed.least / factor, item.allowed.most / factor
    numbers = _near(middle / factor, least, most) if mood == "near" else _anywhere(least, most)
    if mood == "strange" and draw(st.booleans()):
        return draw(STRANGE)
    family = draw(st.sampled_from((*FAMILIES, *SHAPES) if mood != "near" else FAMILIES))
    found = {**_shape(draw, numbers, family), "unit": unit, **EVIDENCE}
    if mood == "strange":
        found[draw(st.sampled_from([*found, "min", "max", "note", "vlaue"]))] = draw(STRANGE)
        return found
    # A record that can be beside its quantity's range is refused; so most of them are bounded.
    return found | ({"min": least, "max": most} if draw(st.integers(0, 9)) or family in SHAPES else {})


# ---- policy


def levers(draw: Draw, base: Scenario) -> Tree:
    """Levers that a step changes."""
    part = st.sampled_from([0, 0.3, 1, *({"same_as": name} for name in base.regimes)])
    all_of = {
        "title": st.sampled_from(["Open", "=Open", "A $B$"]),
        "partner_equity": part,
        "partner_unlock": part,
        "owned_layers": st.lists(st.sampled_from(list(base.market.layers)), unique=True),
        "owned_unlock": part,
        "reach": st.sampled_from(["none", "zone", "open"]),
        "capped": st.booleans(),
        "sites": st.sampled_from([None, 0, 1, 2]),
        "yearly_quota": st.sampled_from([None, 1, 2]),
        "spillover": st.sampled_from([0, 1, 5]),
        "eligible": st.sampled_from([None, *([name] for name in base.foreign)]),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(all_of)), min_size=1, max_size=5, unique=True))
    return {name: draw(all_of[name]) for name in chosen}


def calendar(draw: Draw, base: Scenario) -> Tree:
    """Steps of every kind, each after one before it."""
    names = [f"step_{i}" for i in range(draw(st.integers(1, 4)))]
    return {name: _step(draw, base, names[:i]) for i, name in enumerate(names)}


def _step(draw: Draw, base: Scenario, before: Sequence[str]) -> Tree:
    regimes = list(base.regimes)
    delay = {"delay": {"uniform": [0, draw(st.sampled_from([0.5, 3, 50]))], "unit": "years", **EVIDENCE}}
    kinds = ["when", "hazard", *(["after", "after_not"] if before else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "when":
        step: Tree = {"when": f"{draw(st.integers(2015, 2023))}-{draw(st.integers(1, 12)):02}-15"}
    elif kind == "hazard":
        rate = {"value": draw(st.sampled_from([0, 0.3, 5, 90])), "unit": "1/yr", **EVIDENCE}
        step = {"hazard": rate, "during": draw(st.sampled_from(regimes)), **(delay if draw(st.booleans()) else {})}
    else:
        step = {kind: draw(st.sampled_from(before)), **(delay if draw(st.booleans()) else {})}
    effect = draw(st.sampled_from(["adopt", "change", "closes", "none"]))
    if effect == "adopt":
        step["adopt"] = draw(st.sampled_from(regimes))
    elif effect == "change":
        step["change"] = levers(draw, base)
    elif effect == "closes":
        segments = draw(st.lists(st.sampled_from(list(base.segments)), min_size=1, unique=True))
        part = {"value": draw(st.sampled_from([0, 0.3, 1])), "unit": "fraction", **EVIDENCE}
        step |= {"closes": dict.fromkeys(segments, part), "evicts": draw(st.booleans())}
    return step | ({"probability": draw(st.sampled_from([0, 0.5, 1]))} if draw(st.booleans()) else {})


def group(draw: Draw, base: Scenario) -> Tree:
    """A group of inputs with correlations that may contradict each other."""
    taken = {name for other in base.sampling.correlations.values() for name in other.members}
    free = [item.name for item in inputs(base) if item.name not in taken]
    members = draw(st.lists(st.sampled_from(free), min_size=2, max_size=4, unique=True))
    ranks = st.one_of(st.floats(-0.3, 0.3), st.sampled_from([0.9, -0.9, 1, 1.5]))
    rows = [[draw(ranks) for _ in range(row)] for row in range(1, len(members))]
    return {"members": members, "rank": rows, "reason": "drawn at random"}


# ---- documents

HORIZONS = st.sampled_from(
    [
        {"end_year": 2019, "period_months": 1},
        {"end_year": 2021, "period_months": 3},
        {"end_year": 2024, "period_months": 6},
        {"end_year": 2080, "period_months": 12},
        {"end_year": 2018},
        {"end_year": 10**9},
        {"base_year": 2019},
        {"period_months": 5},
    ]
)


@st.composite
def variants(draw: Draw, bases: Sequence[Path], moods: Sequence[str], most: int = 4) -> str:
    """A variant of one of several bases, as YAML; `moods` says how its numbers are drawn, up to `most` of them."""
    base = draw(st.sampled_from(list(bases)))
    found = scenario(base)
    tree: Tree = {"extends": base.name, "name": "case"}
    for item, middle in draw(st.lists(st.sampled_from(quantities(base)), min_size=1, max_size=most)):
        place(tree, item.path, record(draw, item, middle, base, draw(st.sampled_from(moods))))
    if draw(st.booleans()):
        place(tree, "policy.steps", calendar(draw, found))
    if draw(st.integers(0, 3)) == 0:
        place(tree, "sampling.correlations.drawn", group(draw, found))
    if draw(st.integers(0, 3)) == 0:
        place(tree, "horizon", draw(HORIZONS))
    if draw(st.integers(0, 3)) == 0:
        place(tree, "entry.rule", draw(st.sampled_from(["profit", "always", "never"])))
    return text(tree)


@st.composite
def spoilt(draw: Draw, trees: Sequence[Tree]) -> str:
    """A document with nodes dropped, renamed, retyped, moved or given twice."""
    tree = json.loads(json.dumps(draw(st.sampled_from(list(trees)))))
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, tree)
    written = text(tree)
    if draw(st.integers(0, 4)) == 0:
        cut = draw(st.integers(0, len(written)))
        written = written[:cut] + draw(st.text(max_size=8)) + written[cut + draw(st.integers(0, 30)) :]
    return written


def _spoil(draw: Draw, tree: Any) -> None:
    """Change one node somewhere below."""
    node = tree
    while isinstance(node, dict | list) and node:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or draw(st.integers(0, 3)) == 0:
            break
        node = node[key]
    else:
        return
    way = draw(st.sampled_from(["drop", "rename", "retype", "copy"]))
    if way == "drop":
        del node[key]
    elif way == "rename" and isinstance(node, dict):
        node[draw(st.sampled_from([f"{key}x", key.upper(), key.replace("a", "а"), "", "<<", "null", "2019"]))] = (
            node.pop(key)
        )
    elif way == "copy":
        node[key] = draw(st.sampled_from([tree, node, [node[key]], {"value": node[key]}]))
        node[key] = json.loads(json.dumps(node[key])) if not _is_circular(node[key], node) else None
    else:
        node[key] = draw(STRANGE)


def _is_circular(value: Any, node: Any) -> bool:
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return True
    return False
