"""A study described as a Data Package: every file with its hash, every table with the meaning of its columns.

References
----------
Frictionless Data (2024): Data Package, version 2.0. The schemas are valid in version 1 too.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from sim.outcomes.tables import read_csv

__all__ = ["FIELDS", "Described", "Field", "data_package", "media_type", "table_schema"]

_PROFILE: Final = "https://datapackage.org/profiles/2.0/datapackage.json"

_MEDIA: Final = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".nc": "application/x-netcdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
}


class Described(NamedTuple):
    """A file of a study: its path with slashes, SHA-256, and bytes."""

    path: str
    sha256: str
    size: int


class Field(NamedTuple):
    """What a column is."""

    type: str
    description: str
    constraints: Mapping[str, Any] = {}


_FRACTION: Final = {"minimum": 0, "maximum": 1}
_REQUIRED: Final = {"required": True}
_STATISTICS: Final = ["mean", "sd", "p05", "p25", "p50", "p75", "p95", "median_case"]

_OF_NUMBERS: Final[Mapping[str, Field]] = {
    "scenario": Field("string", "name of the scenario", _REQUIRED),
    "variable": Field("string", "outcome; docs name each with its unit", _REQUIRED),
    "scope": Field("string", "layer of the market, or total; empty where there is none"),
    "item": Field("string", "provider, group or event; empty for the whole scope"),
    "period": Field("integer", "calendar year", _REQUIRED),
    "statistic": Field("string", "what of the draws the value is", {**_REQUIRED, "enum": _STATISTICS}),
    "value": Field("number", "the statistic, in the row's unit; empty where it does not exist"),
    "se": Field("number", "standard error of the value, from the scrambles; empty where it is not known"),
    "unit": Field("string", "unit of value and se", _REQUIRED),
    "share_defined": Field("number", "share of the draws in which the outcome exists", {**_REQUIRED, **_FRACTION}),
}
_KEY: Final = ("scenario", "variable", "scope", "item", "period", "statistic")
_OUTCOME: Final[Mapping[str, Field]] = {
    "outcome": Field(
        "string", "what is explained: variable, scope, item and year; gain(…) over the baseline", _REQUIRED
    ),
    "scenario": Field("string", "name of the scenario", _REQUIRED),
}
_SHARES: Final[Mapping[str, Field]] = {
    "first": Field("number", "share of the variance that it explains alone"),
    "first_se": Field("number", "standard error of it"),
    "total": Field("number", "share that would stay open if all others were known; empty if it was not computed"),
    "total_se": Field("number", "standard error of it"),
}
_DATES: Final = {
    f"p{level:02d}": Field("number", f"{level}% point of its date, a decimal year") for level in (5, 25, 50, 75, 95)
}

FIELDS: Final[Mapping[str, tuple[Mapping[str, Field], tuple[str, ...]]]] = {
    "summary.csv": (_OF_NUMBERS, _KEY),
    "comparison.csv": (
        {**_OF_NUMBERS, "p_positive": Field("number", "share of the draws in which it is above 0", _FRACTION)},
        _KEY,
    ),
    "parameters.csv": (
        {
            "parameter": Field("string", "path in the scenario file", {**_REQUIRED, "unique": True}),
            "differs": Field("string", "`differs` where the scenarios do not agree, else empty", {"enum": ["differs"]}),
            "source": Field("string", "id in the list of sources; several where the scenarios have several"),
            "as_of": Field("string", "day that the number describes"),
            "grade": Field("string", "found, derived, recalled or judgement"),
        },
        ("parameter",),
    ),
    "timeline.csv": (
        {
            "event": Field("string", "policy step, or step of a provider", _REQUIRED),
            "actor": Field("string", "provider, or policy", _REQUIRED),
            "share_happens": Field("number", "share of the draws in which it happens", {**_REQUIRED, **_FRACTION}),
            "share_waited": Field("number", "share of the draws in which it was waited for", _FRACTION),
            **_DATES,
            "median_case": Field("number", "its date in the median case, a decimal year"),
        },
        ("event", "actor"),
    ),
    "drivers.csv": (
        {
            **_OUTCOME,
            "unit": Field("string", "what is drawn together, or one input", _REQUIRED),
            "column": Field("string", "one input of it, or one level of a category; empty for the whole"),
            "kind": Field(
                "string", "why it is not known", {"enum": ["disagreement", "ignorance", "luck", "unattributed"]}
            ),
            "grade": Field("string", "grade of its evidence"),
            "low": Field("number", "mean of the outcome over its lowest fifth, in the outcome's unit"),
            "high": Field("number", "mean of the outcome over its highest fifth, in the outcome's unit"),
            "swing": Field("number", "high less low"),
            **_SHARES,
            "floor": Field("number", "below this a share is not told from 0"),
        },
        ("outcome", "scenario", "unit", "column"),
    ),
    "kinds.csv": (
        {
            **_OUTCOME,
            "kind": Field("string", "why something is not known", _REQUIRED),
            "share": Field("number", "its part of the variance; parts add up"),
            "share_se": Field("number", "standard error of it"),
            **_SHARES,
        },
        ("outcome", "scenario", "kind"),
    ),
    "grades.csv": (
        {**_OUTCOME, "grade": Field("string", "grade of evidence", _REQUIRED), **_SHARES},
        ("outcome", "scenario", "grade"),
    ),
}
"""File to the columns that it may have, and to those that tell its rows apart."""


def data_package(
    name: str, title: str, description: str, files: Sequence[Described], tables: Mapping[str, bytes], study: str
) -> bytes:
    """The descriptor `datapackage.json`.

    Parameters
    ----------
    name : str
        Of the folder in which the files lie, beside the descriptor.
    title, description : str
    files : sequence of Described
    tables : mapping of str to bytes
        The CSV files among them, by path.
    study : str
        Hash of the study.
    """
    document = {
        "$schema": _PROFILE,
        "name": _slug(name),
        "id": f"sha256:{study}",
        "title": title,
        "description": description,
        "resources": [_resource(name, file, tables.get(file.path)) for file in files],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _resource(folder: str, file: Described, table: bytes | None) -> dict[str, Any]:
    """A file, and of a table its schema."""
    ending = PurePosixPath(file.path).suffix
    found = {
        "name": _slug(file.path),
        "path": f"{folder}/{file.path}",
        "format": ending.removeprefix("."),
        "mediatype": media_type(file.path),
        "bytes": file.size,
        "hash": f"sha256:{file.sha256}",
    }
    schema = None if table is None else table_schema(file.path, table)
    if table is None or schema is None:
        return found
    encoding = "utf-8-sig" if table.startswith(codecs.BOM_UTF8) else "utf-8"
    return found | {"type": "table", "encoding": encoding, "schema": schema}


def table_schema(path: str, content: bytes) -> dict[str, Any] | None:
    """The table schema of a file: of known columns with meaning, of others with the type that all cells have.

    None for what a user brought and is no table: rows of unlike length, blank ones, a name twice.
    """
    header, *rows = read_csv(content) or [[]]
    if not header or len({*header}) < len(header) or any(len(row) != len(header) for row in rows):
        return None
    known, key = FIELDS.get(PurePosixPath(path).name, ({}, ()))
    fields = [
        _field(name, known.get(name) or Field(_type_of([row[place] for row in rows]), _of_a_scenario(path, name)))
        for place, name in enumerate(header)
    ]
    schema = {"fields": fields, "missingValues": [""]}
    return schema | ({"primaryKey": list(key)} if set(key) <= set(header) and key else {})


def _of_a_scenario(path: str, name: str) -> str:
    return f"value in the scenario {name}" if PurePosixPath(path).name == "parameters.csv" else ""


def _field(name: str, field: Field) -> dict[str, Any]:
    described = {
        "name": name,
        "type": field.type,
        "description": field.description,
        "constraints": {**field.constraints},
    }
    return {key: value for key, value in described.items() if value}


def _type_of(cells: Sequence[str]) -> str:
    """The narrowest type that all cells of a column have which are not empty."""
    stated = [cell for cell in cells if cell]
    for kind, pattern in _TYPES:
        if stated and all(pattern.fullmatch(cell) for cell in stated):
            return kind
    return "string"


_TYPES: Final = (
    ("integer", re.compile(r"[+-]?\d{1,15}")),
    ("number", re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}")),
)


def media_type(path: str) -> str:
    """What kind of file it is, by its ending."""
    return _MEDIA.get(PurePosixPath(path).suffix, "application/octet-stream")


def _slug(name: str) -> str:
    """A name of the letters that a descriptor takes."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.replace("/", ".").lower())
