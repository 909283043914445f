"""The JSON Schema that editors read says what the program says."""

from __future__ import annotations

import datetime
import json
from typing import Any

import jsonschema
import pytest
from conftest import SMALL

from sim.reading.documents import parse, read
from sim.reading.loading import scenario_files, shipped_folder
from sim.reading.schema import scenario_schema

RECORD = "unit: USD bn/yr, source: bank, grade: found"


def as_json(value: Any) -> Any:
    """A tree as an editor sees it: lists for tuples, text for dates."""
    if isinstance(value, dict):
        return {key: as_json(below) for key, below in value.items()}
    if isinstance(value, tuple):
        return [as_json(below) for below in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def is_valid(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(scenario_schema())
    return validator.is_valid(as_json(parse(text, "case.yaml").plain()))


def test_the_shipped_schema_is_that_of_the_models() -> None:
    assert json.loads((shipped_folder() / "schema.json").read_text("utf-8")) == scenario_schema()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("file", scenario_files(shipped_folder()), ids=lambda file: file.stem)
def test_every_shipped_file_is_valid_and_names_the_schema_on_its_first_line(file: Any) -> None:
    jsonschema.Draft202012Validator(scenario_schema()).validate(as_json(read(file).plain()))
    assert file.read_text("utf-8").splitlines()[0] == "# yaml-language-server: $schema=schema.json"


VALID = {
    "a complete file": SMALL,
    "a variant that changes nothing": "extends: small.yaml\nname: x\n",
    "a variant of part of a regime": "extends: small.yaml\nname: x\nregimes: {pilot: {sites: 3}}\n",
    "a variant of one of many providers": "extends: small.yaml\nname: x\nproviders: {aws: {title: Amazon}}\n",
    "a variant of a lever by a record": (
        "extends: small.yaml\nname: x\n"
        "regimes: {pilot: {owned_unlock: {value: 1, unit: fraction, source: bank, grade: found}}}\n"
    ),
    "a variant without one of many providers": "extends: small.yaml\nname: x\nproviders: {aws: null}\n",
    "a lever that is another regime's": (
        "extends: small.yaml\nname: x\nregimes: {pilot: {partner_unlock: {same_as: closed}}}\n"
    ),
    "an entrant with terms of its own": (
        "extends: small.yaml\nname: x\nproviders: {google: {title: Google, origin: foreign, "
        "entry: {rule: always, from: 2021-01-01}, "
        "arrives: {after: launch, new_choices: {value: 1, unit: '%', source: bank, grade: found}}}}\n"
    ),
    "a delay that somebody chooses": (
        "extends: small.yaml\nname: x\nproviders: {aws: {entry: {after: allowed, delay: {value: 18, unit: months}}}}\n"
    ),
}
INVALID = {
    "a chosen delay in a wrong unit": (
        "extends: small.yaml\nname: x\nproviders: {aws: {entry: {after: allowed, delay: {value: 18, unit: USD}}}}\n"
    ),
    "a file without extends that is not complete": SMALL.replace("closure:\n  drift", "clo:\n  drift"),
    "a variant without a name": "extends: small.yaml\n",
    "an unknown key": "extends: small.yaml\nname: x\nregimes: {pilot: {site: 3}}\n",
    "an id with a capital": "extends: small.yaml\nname: x\npolicy: {steps: {Late: {when: 2020-01-01}}}\n",
    "a record without a unit": "extends: small.yaml\nname: x\nmarket: {size: {value: 7, source: bank, grade: found}}\n",
    "a record with a wrong unit": f"extends: small.yaml\nname: x\ndemand: {{conduct: {{value: 1, {RECORD}}}}}\n",
    "a step without a trigger's regime": "extends: small.yaml\nname: x\npolicy: {steps: {late: {hazard: 1}}}\n",
    "a complete file with a provider that is nothing": SMALL.replace("{title: AWS, origin: foreign}", "null"),
    "a probability that is a regime's": (
        "extends: small.yaml\nname: x\npolicy: {steps: {late: {when: 2020-01-01, probability: {same_as: pilot}}}}\n"
    ),
    "sources in a scenario": "extends: small.yaml\nname: x\nsources: {}\n",
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_the_schema_accepts(text: str) -> None:
    assert is_valid(text)


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_the_schema_refuses(text: str) -> None:
    assert not is_valid(text)
