"""A market with twenty foreign and ten domestic providers, six layers and eight segments, all with long titles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conftest import DISCREPANCY, SMALL, SOURCES
from ruamel.yaml import YAML

__all__ = ["DOMESTIC", "FOREIGN", "LAYERS", "VARIANTS", "write_crowded"]

FOREIGN = tuple(f"foreign_{number:02}" for number in range(1, 21))
DOMESTIC = tuple(f"domestic_{number:02}" for number in range(1, 11))
LAYERS = {
    "machines": "Machines for industrial customers",
    "parts": "Parts and consumables",
    "upkeep": "Upkeep, repair and overhaul",
    "training": "Training",
    "software": "Software for planning and control",
    "finance": "Finance and leasing of equipment",
}
SEGMENTS = (*LAYERS, "machines", "parts")
"""The layer of each segment."""

VARIANTS = {
    "kept": "policy: {start: closed, steps: {}}\n",
    "pilot": "policy: {start: closed, steps: {pilot_effective: {when: 2020-01-01, adopt: pilot}}}\n",
    "announced": """\
policy:
  start: closed
  steps:
    pilot_effective: {when: 2020-07-01, probability: 0.7, adopt: pilot}
    opening:
      after: pilot_effective
      delay: {low: 12, median: 24, high: 60, min: 0, unit: months, source: judgement, grade: judgement}
      adopt: free
""",
    "wide": "policy: {start: closed, steps: {opening: {when: 2020-01-01, adopt: free}}}\n",
}
_TITLES = {
    "kept": "Nothing changes for anybody",
    "pilot": "Pilot in a few provinces, two places",
    "announced": "Announced path, which may never come",
    "wide": "Everything opens at once for everybody",
}

DECISION = """\
schema_version: 1
name: host
question: Which terms serve the host best, and what do they leave to foreign providers of all kinds?
scenario: kept.yaml
host: {consumer_gain.total: 1, domestic_gross_profit.total: 1, operator_profit.total: 1, tax_take.total: 1}
against: npv.total.foreign
actions:
  kept: {title: everything stays as it has been for long}
  pilot: {title: a pilot in a few provinces with two places, scenario: pilot.yaml}
  wide: {title: an opening for everybody at once, scenario: wide.yaml}
"""

SWEEP = """\
schema_version: 1
name: room
question: How much room and how much control does it take?
scenario: pilot.yaml
baseline: kept.yaml
draws: 512
design: {grid: {zone.cap: [0.2, 0.5, 1.5, 5], regimes.pilot.owned_unlock: [0.25, 0.5, 0.75, 1]}}
outcomes: [foreign_share.total.2025, npv.total.foreign]
"""

RECORD_HEADER = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source\n"


def _number(value: float, unit: str = "1") -> dict[str, Any]:
    return {"value": value, "unit": unit, "source": "judgement", "grade": "judgement"}


def _around(middle: float, unit: str) -> dict[str, Any]:
    ends = {"low": 0.8 * middle, "median": middle, "high": 1.2 * middle, "min": 0.01 * middle}
    return {**ends, "unit": unit, "source": "judgement", "grade": "judgement"}


def _providers() -> dict[str, Any]:
    kinds = {**dict.fromkeys(DOMESTIC, "domestic"), **dict.fromkeys(FOREIGN, "foreign")}
    words = ("Consolidated Works", "Industries and Trading", "Group", "International Machinery")
    found = {
        name: {"title": f"{origin.capitalize()} {words[place % 4]} {name[-2:]} (holding)", "origin": origin}
        for place, (name, origin) in enumerate(kinds.items())
    }
    found[DOMESTIC[-1]] |= {"fringe": True}
    found[FOREIGN[-1]] |= {"fringe": True, "firms": 8}
    return found


def _base() -> dict[str, Any]:
    base: dict[str, Any] = YAML(typ="safe", pure=True).load(SMALL + DISCREPANCY)
    base |= {"name": "base", "abstract": True, "question": "What does a crowd of foreign providers gain?"}
    base["horizon"]["end_year"] = 2028
    base["providers"] = _providers()
    first, *others = LAYERS
    base["market"]["size"] = _around(110, "USD bn/yr")
    base["market"]["layers"] = {
        layer: {"title": title, **({} if layer == others[-1] else {"size": _number(12, "USD bn/yr")})}
        for layer, title in LAYERS.items()
    }
    base["segments"] = {
        f"customers_{place}": {
            "title": f"customers of kind {place} in {LAYERS[layer].lower()}",
            "layer": layer,
            "weight": _number(1 / SEGMENTS.count(layer), "fraction"),
            "open": _number(0.8, "fraction"),
            "foreign_propensity": _number(1),
        }
        for place, layer in enumerate(SEGMENTS)
    }
    base["shares"] = {
        first: {
            "foreign": _around(30, "%"),
            "foreign_split": {name: _number(round(1.25**-place, 4), "fraction") for place, name in enumerate(FOREIGN)},
            "domestic_split": {name: _number(round(1.3**-place, 4), "fraction") for place, name in enumerate(DOMESTIC)},
        },
        **{
            layer: {
                "foreign": _number(20 + 3 * place, "%"),
                "foreign_split": {name: _number(1, "fraction") for name in FOREIGN},
                "domestic_split_as": first,
            }
            for place, layer in enumerate(others)
        },
    }
    base["opening"]["layer"] = first
    base["opening"]["layer_factor"] = {layer: _number(1) for layer in LAYERS}
    base["regimes"]["pilot"]["owned_layers"] = [first]
    base["regimes"]["free"] = {
        **base["regimes"]["pilot"],
        **{"title": "Open to all", "owned_layers": [*LAYERS], "owned_unlock": 1, "reach": "open", "capped": False},
        **{"sites": None, "yearly_quota": None, "equity_cap": 1, "bought_unlock": 0.8},
    }
    base["economics"]["buy_out_price"] = _around(1.2, "1")
    base["economics"]["buy_out_price"]["min"] = 1
    base["entry"]["modes"] = ["build", "buy_out"]
    base["policy"] = {"start": "closed", "steps": {}}
    return base


def _record() -> str:
    rows = [
        f"{layer}{year},market_size,{layer},,{year}-01-01,{year}-12-31,annual,{value},{value},{value},USD bn,bank"
        for year in (2019, 2020)
        for layer, value in dict.fromkeys(("total", *LAYERS), 12 + 3 * (year - 2018)).items()
    ]
    rows += [
        f"s{name}{year},market_share,total,{name},{year}-01-01,{year}-12-31,annual,{share},{share},{share},fraction,bank"
        for year in (2019, 2020)
        for name, share in {"foreign": 0.3, **dict.fromkeys(FOREIGN[:12], 0.02)}.items()
        if name != "foreign"
    ]
    return RECORD_HEADER + "\n".join(rows) + "\n"


def write_crowded(folder: Path) -> list[Path]:
    """Write the case into a folder, with a record, a decision and a sweep; return its variants."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "base.yaml").open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(_base(), stream)
    (folder / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (folder / "observed_2019_2020.csv").write_text(_record(), encoding="utf-8")
    (folder / "host.yaml").write_text(DECISION, encoding="utf-8")
    (folder / "room.yaml").write_text(SWEEP, encoding="utf-8")
    for name, policy in VARIANTS.items():
        text = f'extends: base.yaml\nname: {name}\ntitle: "{_TITLES[name]}"\n{policy}'
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [folder / f"{name}.yaml" for name in VARIANTS]
