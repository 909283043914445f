"""Market entry under changing access rules: what foreign providers and others gain, with honest uncertainty."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.outcomes.results import load_results
    from sim.reading.loading import load_scenario
    from sim.tasks.study import compare_studies as compare
    from sim.tasks.study import run_study

__all__ = ["__version__", "compare", "load_results", "load_scenario", "run_study"]

__version__ = "0.2.0"

_HOMES = {
    "compare": ("sim.tasks.study", "compare_studies"),
    "load_results": ("sim.outcomes.results", "load_results"),
    "load_scenario": ("sim.reading.loading", "load_scenario"),
    "run_study": ("sim.tasks.study", "run_study"),
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `sim --help` need not wait for NumPy and SciPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute '{name}'")
    module, function = _HOMES[name]
    return getattr(import_module(module), function)
