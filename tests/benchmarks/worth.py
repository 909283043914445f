"""What opening is worth, in one row: present value, share, entry, regret, and how much the length of a period matters.

    python tests/benchmarks/worth.py [--scrambles 8] [--no-months] [FULL [BASELINE]]

Prints what all foreign providers gain in present value to the horizon's end (median, 90% range, mean), in share of the
last year, in how many draws the first foreign provider enters and regrets it, and mean and median of the gain in value
with months over those with quarters, with the error of the ratio of means.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim.axes import FloatArray
from sim.chance.sampling import draw_worlds
from sim.model.engine import simulate
from sim.outcomes.results import Panel
from sim.reading.loading import load_scenario

FOLDER = Path(__file__).parents[2] / "scenarios"
PER_SCRAMBLE = 512


def outcomes(name: str, scrambles: int, months: int) -> Mapping[str, Panel]:
    """A shipped scenario's outcomes on its first draws."""
    scenario = load_scenario(FOLDER / f"{name}.yaml", overrides=[f"horizon.period_months={months}"])
    return simulate(scenario, draw_worlds(scenario, range(scrambles)))


def last(panels: Mapping[str, Panel], variable: str, item: str) -> FloatArray:
    """A column of the last year, in total."""
    return panels[variable].column(panels[variable].years[-1], "total", item)


def main() -> None:
    """Print the row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=["full_liberalization", "jv_only"])
    parser.add_argument("--scrambles", type=int, default=8)
    parser.add_argument("--no-months", action="store_true")
    asked = parser.parse_args()
    full, base = [*asked.scenarios, "jv_only"][:2]
    gains = {}
    for months in (3,) if asked.no_months else (3, 1):
        wide, narrow = (outcomes(name, asked.scrambles, months) for name in (full, base))
        gains[months] = last(wide, "npv", "foreign") - last(narrow, "npv", "foreign")
        if months == 3:
            share = 100 * (last(wide, "foreign_share", "") - last(narrow, "foreign_share", ""))
            entered = last(wide, "enters", "aws") > 0
            worse = last(wide, "npv_with_terminal", "aws") < last(narrow, "npv_with_terminal", "aws")
    low, middle, high = np.quantile(gains[3], (0.05, 0.5, 0.95))
    print(f"{full} less {base}: {middle:.2f} [{low:.2f}, {high:.2f}] mean {gains[3].mean():.2f} USD bn")
    print(f"share +{np.median(share):.2f} points, mean {share.mean():.2f}")
    print(f"enters {entered.mean():.1%}; enters and loses {(entered & worse).mean():.1%}")
    if 1 in gains:
        ratio = gains[1].mean() / gains[3].mean()
        parts = [gains[m].reshape(-1, PER_SCRAMBLE).mean(axis=1) for m in (1, 3)]
        error = (parts[0] - ratio * parts[1]).std(ddof=1) / np.sqrt(len(parts[0])) / gains[3].mean()
        print(
            f"months over quarters: mean {ratio - 1:+.1%} (error {error:.1%}), median "
            f"{np.median(gains[1]) / middle - 1:+.1%}"
        )


if __name__ == "__main__":
    main()
