"""Print the lowest admitted version of what the program and its fast tests need, for pip."""

from __future__ import annotations

import tomllib
from pathlib import Path

NOT_NEEDED = ("mypy", "ruff", "scipy-stubs", "market-entry-sim")
"""Tools that look at the source, and the project itself."""

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
needed = [
    *project["dependencies"],
    *project["optional-dependencies"]["xarray"],
    *project["optional-dependencies"]["parquet"],
    *project["optional-dependencies"]["test"],
]
print(*(name.replace(">=", "==") for name in needed if not name.startswith(NOT_NEEDED)), sep="\n")
