"""A number with its evidence, whatever its distribution: what each record states, and what each family must say.

A record is of one of the families of `sim.scenario.families`; its numbers stay in the unit of the record.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sim.axes import EDGE, FloatArray

if TYPE_CHECKING:
    Parameter: TypeAlias = "Record"
    """A record of any family."""

__all__ = [
    "CORNERS",
    "EXTREMES",
    "FAMILIES",
    "LARGEST",
    "MIDDLE",
    "MOST",
    "NO_TRUTH",
    "Finite",
    "Level",
    "Model",
    "Record",
    "Titled",
    "family_key",
]

MOST: Final = 100
"""Entries of a kind that a scenario may have: layers, segments, providers, regimes, steps and the like."""

NO_TRUTH: Final = BeforeValidator(lambda value: str(value).lower() if isinstance(value, bool) else value)
"""For Python `true` is 1, and so one of several numbers."""

Grade = Literal["found", "derived", "recalled", "judgement"]
LARGEST: Final = 1e150
"""Beyond all that is counted; differences and products of two such numbers are still numbers."""

Finite = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


class Level:
    """Probabilities, and the standard normal's quantiles there; a family reads the one in which it is written.

    Parameters
    ----------
    probability : array of any shape
        Inside (0, 1).
    score : array, optional
        Its normal quantiles where they are known, so that no check need wait for SciPy.
    """

    def __init__(self, probability: FloatArray, score: FloatArray | None = None) -> None:
        self.probability = probability
        if score is not None:
            self.score = score

    @cached_property
    def score(self) -> FloatArray:
        """Standard normal quantiles, in the shape of the probabilities."""
        from scipy.special import ndtri  # takes twice as long to import as NumPy

        return ndtri(self.probability)


MIDDLE: Final = Level(np.array([0.5]), np.array([0.0]))
CORNERS: Final = Level(np.array([0.001, 0.999]), np.array([-3.0902, 3.0902]))
"""Where a number is in one draw of a thousand."""

EXTREMES: Final = Level(np.array([EDGE, 1 - EDGE]), np.array([-8.21, 8.21]))
"""Beyond these no draw lies; the scores are rounded, outwards."""


class Model(BaseModel):
    """A frozen piece of a scenario that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class Titled(Model):
    """A piece of a scenario with an id, which may state what it is called where people read."""

    title: str | None = Field(
        default=None, min_length=1, max_length=60, description="What readers see; the id in words if not stated."
    )


class Record(Model, ABC):
    """What every parameter record states beside its numbers."""

    keys: ClassVar[tuple[str, ...]] = ()
    """The fields of the family's own; the first is the name of the family in files and schema."""

    unit: str = Field(description="Unit of the numbers in this record.")
    source: str = Field(min_length=1, description="Id in sources.yaml.")
    as_of: datetime.date | None = Field(default=None, description="Day that the number describes.")
    grade: Grade = Field(description="found, derived, recalled or judgement.")
    note: str | None = Field(default=None, description="Arithmetic, scope, doubts.")
    min: Finite | None = Field(default=None, description="Draws below are set to this bound.")
    max: Finite | None = Field(default=None, description="Draws above are set to this bound.")
    fallback: Parameter | None = Field(default=None, description="What was known at the scenario's as_of date.")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a family that leaves a part out, or that no key tells from the others."""
        super().__pydantic_init_subclass__(**kwargs)
        cls.keys = tuple(name for name in cls.model_fields if name not in Record.model_fields)
        if cls.__abstractmethods__:
            raise TypeError(f"the family {cls.__name__} leaves out {', '.join(sorted(cls.__abstractmethods__))}")
        if not cls.keys or set(cls.keys) & _FAMILY_OF.keys():
            raise TypeError(f"the family {cls.__name__} needs fields that no other has (found {', '.join(cls.keys)})")
        _FAMILY_OF.update(dict.fromkeys(cls.keys, cls.keys[0]))
        _FAMILIES[cls.keys[0]] = cls

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    @abstractmethod
    def value_at(self, level: Level) -> FloatArray:
        """Value below which the distribution lies with a probability, as if there were no bounds; one for each."""

    @abstractmethod
    def below(self, x: FloatArray) -> FloatArray:
        """Probability that a draw is at most `x`, as if there were no bounds; one for each."""

    @abstractmethod
    def words(self) -> str:
        """The distribution in words, in its own unit, without its bounds."""

    @property
    def is_fixed(self) -> bool:
        """Whether the record is one number and no distribution."""
        return False

    def at(self, level: Level) -> FloatArray:
        """The values at some levels, in the record's own unit, set to `min` or `max` where beyond."""
        least = -np.inf if self.min is None else self.min
        most = np.inf if self.max is None else self.max
        with np.errstate(over="ignore"):  # what is beyond all doubles is beyond the bounds
            return np.clip(self.value_at(level), least, most)

    def quantile(self, u: FloatArray) -> FloatArray:
        """Value below which the distribution lies with probability `u`.

        Parameters
        ----------
        u : array of any shape
            Probabilities inside (0, 1).

        Returns
        -------
        array, shape of `u`
            In the record's own unit, set to `min` or `max` where beyond. Categories give their index; a discrete
            record whose names are all numbers gives the number.
        """
        return self.at(Level(u))

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability that a draw is at most `x`, atoms at `min` and `max` included.

        Parameters
        ----------
        x : array of any shape
            In the record's own unit.

        Returns
        -------
        array, shape of `x`
        """
        with np.errstate(over="ignore"):  # beyond all doubles from a very narrow centre is infinitely far
            below = self.below(x)
        if self.min is not None:
            below = np.where(x < self.min, 0.0, below)
        if self.max is not None:
            below = np.where(x >= self.max, 1.0, below)
        return below

    def middle(self) -> float:
        """Median, in the record's own unit; of categories the index."""
        return float(self.at(MIDDLE)[0])

    def described(self) -> str:
        """The distribution in words, in its own unit."""
        bounds = [f"{name} {bound:g}" for name, bound in (("min", self.min), ("max", self.max)) if bound is not None]
        return ", ".join([self.words(), *bounds])


_FAMILIES: Final[dict[str, type[Record]]] = {}
_FAMILY_OF: Final[dict[str, str]] = {}
"""Field of a family's own to the key of the family."""

FAMILIES: Final[Mapping[str, type[Record]]] = _FAMILIES
"""The key that tells a family, and the family."""


def family_key(data: Any) -> str | None:
    """The key that tells the family of a raw record or of a parsed one; None if there is none."""
    if isinstance(data, Record):
        return data.keys[0]
    return next((_FAMILY_OF[key] for key in data if key in _FAMILY_OF), None) if isinstance(data, Mapping) else None
