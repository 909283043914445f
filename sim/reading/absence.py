"""What a scenario leaves out: what has a part in it all the same is asked for, and what it would be called is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from sim.reading.plausibility import Finding
from sim.reading.schema import shape
from sim.scenario.inputs import PER_PROVIDER
from sim.scenario.levers import Regime
from sim.scenario.market import TurningRate
from sim.scenario.mechanisms import absent_values, lacks, left_out
from sim.scenario.scenario import Scenario

__all__ = ["forgotten", "names_of_absent", "unstated_levers"]

_OF_PARTNERS: Final = ("partner_equity", "partner_unlock")
_OF_SITES: Final = ("owned_unlock", "reach")


def forgotten(scenario: Scenario) -> Iterator[Finding]:
    """What is left out and has a part in the case, at the path of what asks for it."""
    for lack in lacks(scenario):
        within, _, key = lack.missing.rpartition(".")
        what = f"'{key}' in '{within}'" if within else f"the section '{key}' ({_keys(key)})"
        yield lack.by, f"needs {what}: {lack.because} (found none; add it)"


def _keys(section: str) -> str:
    model = _model(section)
    needed = [key for key, field in model.model_fields.items() if field.is_required()] or list(model.model_fields)
    return ", ".join(needed)


def _model(section: str) -> type[BaseModel]:
    model = shape(Scenario.model_fields[section].rebuild_annotation()).model
    assert model is not None
    return model


def unstated_levers(path: str, regime: Regime, scenario: Scenario) -> Iterator[Finding]:
    """Levers of a regime that nobody can leave out who has partners, or own sites."""
    stated = regime.model_fields_set
    if scenario.channel_of("partner") is not None:
        lacking = [name for name in _OF_PARTNERS if name not in stated]
        if lacking:
            yield path, f"must state {' and '.join(lacking)}, because there are partners (found neither; 0 for none)"
    if regime.owned_layers:
        lacking = [name for name in _OF_SITES if name not in stated]
        if lacking:
            allowed = "owned_unlock from 0 to 1, reach zone or open"
            yield path, f"must state {' and '.join(lacking)}, because it has owned_layers (found none; {allowed})"


def names_of_absent(scenario: Scenario) -> Iterator[str]:
    """Names that the numbers which are left out would have, and luck in rivalry and in catching up.

    `sampling` may go on naming them: a base names what one of its variants has, and no column moves.
    """
    yield from absent_values(scenario, 1)
    for path in left_out(scenario):
        section, _, key = path.partition(".")
        for name in [key] if key else _model(section).model_fields:
            full = f"{section}.{name}"
            yield from (f"{full}[{one}]" for one in scenario.foreign) if full in PER_PROVIDER else (full,)
    if scenario.rivalry is None:
        paths = ("shock.origin", *(f"shock.rivalry.{name}" for name in scenario.providers))
        yield from (name for path in paths for name in (path, f"{path}.second"))
    if scenario.technology is None or scenario.technology.catch_up_luck is None:
        yield from (f"technology.catch_up_luck.{name}" for name in TurningRate.model_fields)
        yield from ("shock.catch_up", "shock.catch_up.second")
