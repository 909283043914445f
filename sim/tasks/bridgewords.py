"""What a bridge says, in sentences: the whole, each clause's part, and which clauses need or replace each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np

from sim.analysis.bridge import STATISTICS
from sim.outcomes.phrases import share_of_draws
from sim.pictures.bridges import BridgeSheet, relation
from sim.wording import capital, readable

__all__ = ["findings"]

_MEAN, _LOW, _HIGH = (STATISTICS.index(name) for name in ("mean", "p05", "p95"))

_ERRORS: Final = 3.0
"""Standard errors by which a number is told from zero."""

_MOST_PAIRS: Final = 3

_LEAST: Final = 0.1
"""Part of the strongest interaction that a pair must have to be worth a sentence."""


def findings(sheet: BridgeSheet) -> Iterator[str]:
    """The answer of one outcome, a sentence each."""
    yield _whole(sheet)
    if len(sheet.clauses) == 1:
        yield f"All of it is the one clause in which they differ, {readable(sheet.clauses[0])}."
        return
    yield from (_part(sheet, place) for place in range(len(sheet.clauses)))
    yield _one_at_a_time(sheet)
    yield from _together(sheet)


def _whole(sheet: BridgeSheet) -> str:
    found, (one, other) = sheet.found, sheet.titles
    low, high = (sheet.change(found.value[row, -1], 1) for row in (_LOW, _HIGH))
    error = sheet.error(found.error[_MEAN, -1])
    aside = (error, f"90% of draws {low} to {high}", f"above zero in {share_of_draws(found.p_positive[-1])}")
    return (
        f"{capital(sheet.subject)}: {sheet.level(found.start)} under {one}, {sheet.level(found.end)} under {other}: "
        f"{sheet.change(found.value[_MEAN, -1])} {sheet.unit} in the mean ({'; '.join(filter(None, aside))})."
    )


def _part(sheet: BridgeSheet, place: int) -> str:
    found, name = sheet.found, capital(readable(sheet.clauses[place]))
    first, last = (sheet.change(array[_MEAN, place]) for array in (found.first, found.last))
    if found.p_zero[place] == 1.0:
        return f"{name} moves nothing, in no draw."
    error = sheet.error(found.error[_MEAN, place])
    brings = sheet.change(found.value[_MEAN, place]) + (f" ({error})" if error else "")
    above, none = (share_of_draws(part[place]) for part in (found.p_positive, found.p_zero))
    draws = f"above zero in {above} of draws, exactly zero in {none}"
    return f"{name} brings {brings}, {first} if given first, {last} if given last; {draws}."


def _one_at_a_time(sheet: BridgeSheet) -> str:
    alone = sheet.found.first[_MEAN, :-1].sum()
    whole = sheet.change(sheet.found.value[_MEAN, -1])
    return (
        f"Given one at a time, without the others, the clauses come to {sheet.change(alone)} of {whole} {sheet.unit}."
    )


def _together(sheet: BridgeSheet) -> Iterator[str]:
    """The strongest of the pairs that are told from merely adding up."""
    joint, error = sheet.found.joint, sheet.found.joint_error
    pairs = [
        pair for pair in combinations(range(len(joint)), 2) if joint[pair] and abs(joint[pair]) > _ERRORS * error[pair]
    ]
    strongest = sorted(pairs, key=lambda pair: -abs(joint[pair]))[:_MOST_PAIRS]
    for pair in strongest:
        if abs(joint[pair]) < _LEAST * abs(joint[strongest[0]]):
            break
        amount = f"{sheet.change(joint[pair])} ({sheet.error(error[pair])})"
        beyond = f"together {amount} {sheet.unit} beyond what they bring apart"
        yield f"{capital(relation(sheet, *pair))}: {beyond}."
    if not pairs and np.isfinite(error).any():
        yield "Of no two clauses it can be told that they need or replace each other."
