"""All pictures by name: what each is made of, what it needs to say anything, and the one way to draw it.

A picture is one function, its material in, a figure out, under `picture`. Its name is the function's, its description
the first line of the docstring; `docs/pictures.md` lists them all.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import matplotlib as mpl
from matplotlib.figure import Figure

from sim.errors import SimError
from sim.outcomes.drivers import Attribution
from sim.outcomes.results import Result
from sim.pictures.canvas import write_figure
from sim.pictures.style import STYLE

__all__ = ["PICTURES", "Picture", "Runs", "draw", "drawable", "figure", "picture", "variables"]

M = TypeVar("M")
Function = TypeVar("Function", bound=Callable[[Any], Figure])


@dataclass(frozen=True)
class Picture:
    """One of the pictures.

    Attributes
    ----------
    name : str
    description : str
        What it shows, in a sentence.
    material : type
        What it is made of.
    needs : callable
        Whether some material is enough for it.
    figure : callable
        Material to figure.
    """

    name: str
    description: str
    material: type
    needs: Callable[[Any], bool]
    figure: Callable[[Any], Figure]

    def suits(self, material: object) -> bool:
        """Whether the picture can be made of this."""
        return isinstance(material, self.material) and self.needs(material)


_declared: Final[dict[str, Picture]] = {}

PICTURES: Final[Mapping[str, Picture]] = MappingProxyType(_declared)
"""Every picture by its name, as far as the modules that declare them are imported."""


def picture(material: type[M], *, needs: Callable[[M], bool] | None = None) -> Callable[[Function], Function]:
    """Declare a picture: the function below makes it of some material, if that is what the picture needs.

    Parameters
    ----------
    material : type
        Class of what the function takes.
    needs : callable
        Material to whether there is anything to show.

    Raises
    ------
    SimError
        The picture does not say what it shows or what it needs, or another has its name.
    """

    def declare(function: Function) -> Function:
        name = function.__name__
        description = (function.__doc__ or "").strip().partition("\n")[0]
        if not description:
            raise SimError(f"the picture {name} does not say what it shows: its function has no docstring")
        if needs is None:
            raise SimError(f"the picture {name} does not say what it needs")
        if name in _declared:
            raise SimError(f"two pictures are called {name}")
        _declared[name] = Picture(name, description, material, needs, function)
        return function

    return declare


@dataclass(frozen=True)
class Runs:
    """Results on shared draws, and the name of the one that the others are compared with.

    Attributes
    ----------
    results : sequence of Result
    baseline : str
    attributions : sequence of Attribution
        What drives their outcomes, if that is known.
    """

    results: Sequence[Result]
    baseline: str
    attributions: Sequence[Attribution] = ()

    @property
    def ordered(self) -> tuple[Result, ...]:
        """The results with the baseline in front, the others in their order."""
        return tuple(sorted(self.results, key=lambda result: result.name != self.baseline))


def variables(*names: str, fewest: int = 1) -> Callable[[Runs], bool]:
    """The need of a picture of runs: results that hold some variables, and so many scenarios that it says something."""

    def hold(runs: Runs) -> bool:
        return len(runs.results) >= fewest and all(set(names) <= set(result.panels) for result in runs.results)

    return hold


def drawable(material: object) -> tuple[str, ...]:
    """Names of the pictures that can be made of some material."""
    return tuple(name for name, one in PICTURES.items() if one.suits(material))


def figure(name: str, material: object) -> Figure:
    """One picture in the style of the project.

    Parameters
    ----------
    name : str
        One of `drawable`.
    material : object
        What the picture is made of.

    Raises
    ------
    SimError
        There is no such picture of this material, or it has no title.
    """
    if name not in PICTURES or not PICTURES[name].suits(material):
        allowed = ", ".join(drawable(material)) or "nothing"
        raise SimError(f"no picture {name!r} can be drawn of {type(material).__name__} (allowed: {allowed})")
    with mpl.rc_context(STYLE):
        drawn = PICTURES[name].figure(material)
    if not drawn.get_suptitle():
        raise SimError(f"the picture {name} has no title")
    return drawn


def draw(name: str, material: object, folder: Path, file: str = "") -> tuple[Path, ...]:
    """Draw one picture and write it as PNG and SVG.

    Pictures do not depend on each other: they may be drawn in any order, and each in a process of its own. Not
    in threads: matplotlib has one style for all of them.

    Parameters
    ----------
    name, material
        As for `figure`.
    folder : Path
        Exists.
    file : str
        Name of the files without their endings; the picture's unless stated.

    Returns
    -------
    tuple of Path
        What was written.
    """
    with _garbage_kept():
        return write_figure(figure(name, material), folder, file or name)


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """Let nobody look for garbage: a figure is one large web of references, and all of it is in use."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
