"""Market entry under changing access rules: what foreign providers and others gain, with honest uncertainty."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.outcomes.study import load_results
    from sim.reading.loading import load_scenario
    from sim.tasks.backtest import run_backtest
    from sim.tasks.bridge import run_bridge
    from sim.tasks.calibrate import run_calibration
    from sim.tasks.compare import compare_studies as compare
    from sim.tasks.decide import run_decision
    from sim.tasks.discover import run_discovery
    from sim.tasks.drivers import run_drivers
    from sim.tasks.export import export_study
    from sim.tasks.report import report_study
    from sim.tasks.revision import compare_days
    from sim.tasks.run import run_study
    from sim.tasks.sweep import run_sweep
    from sim.tasks.verify import verify_study

__all__ = [
    "__version__",
    "compare",
    "compare_days",
    "export_study",
    "load_results",
    "load_scenario",
    "report_study",
    "run_backtest",
    "run_bridge",
    "run_calibration",
    "run_decision",
    "run_discovery",
    "run_drivers",
    "run_study",
    "run_sweep",
    "verify_study",
]

__version__ = "0.2.0"

_HOMES = {
    "compare": ("sim.tasks.compare", "compare_studies"),
    "export_study": ("sim.tasks.export", "export_study"),
    "compare_days": ("sim.tasks.revision", "compare_days"),
    "load_results": ("sim.outcomes.study", "load_results"),
    "load_scenario": ("sim.reading.loading", "load_scenario"),
    "report_study": ("sim.tasks.report", "report_study"),
    "run_backtest": ("sim.tasks.backtest", "run_backtest"),
    "run_bridge": ("sim.tasks.bridge", "run_bridge"),
    "run_decision": ("sim.tasks.decide", "run_decision"),
    "run_calibration": ("sim.tasks.calibrate", "run_calibration"),
    "run_drivers": ("sim.tasks.drivers", "run_drivers"),
    "run_discovery": ("sim.tasks.discover", "run_discovery"),
    "run_study": ("sim.tasks.run", "run_study"),
    "run_sweep": ("sim.tasks.sweep", "run_sweep"),
    "verify_study": ("sim.tasks.verify", "verify_study"),
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `sim --help` need not wait for NumPy and SciPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute '{name}'")
    module, function = _HOMES[name]
    return getattr(import_module(module), function)
