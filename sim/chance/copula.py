"""Inputs that move together: a normal copula under stated rank correlations."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from sim.axes import EDGE, FloatArray
from sim.chance.worlds import Latents
from sim.errors import Problem, ScenarioError
from sim.scenario.scenario import Correlation

__all__ = ["correlated"]


def correlated(group: Correlation, latents: Latents) -> dict[str, FloatArray]:
    """Uniforms of the members of a group under a normal copula, member by member in listed order."""
    normals = [ndtri(latents.column(name)) for name in group.members]
    uniforms = {}
    for name, loadings in zip(group.members, _loadings(group), strict=True):
        mixed = np.zeros(normals[0].shape)
        for loading, normal in zip(loadings, normals, strict=False):
            mixed += loading * normal
        uniforms[name] = np.clip(ndtr(mixed), EDGE, 1 - EDGE)
    return uniforms


def _loadings(group: Correlation) -> list[list[float]]:
    """Cholesky factor of the normal correlations 2 sin(π r / 6), row by row, so that a new last row moves no other."""
    rows = [[1.0]]
    for ranks in group.rank:
        row: list[float] = []
        for rank, other in zip(ranks, rows, strict=True):
            shared = math.fsum(a * b for a, b in zip(row, other, strict=False))
            row.append((2 * math.sin(math.pi * rank / 6) - shared) / other[-1])
        rest = 1 - math.fsum(loading**2 for loading in row)
        if rest <= 0:
            message = "the correlations are not positive definite once converted by 2 sin(pi r / 6)"
            raise ScenarioError([Problem("", 0, 0, "sampling.correlations", f"{', '.join(group.members)}: {message}")])
        rows.append([*row, math.sqrt(rest)])
    return rows
