"""How a figure becomes files: its artists are gone through once, and what they draw goes to the PNG and the SVG alike.

Matplotlib goes through a figure anew for each format, and most of the time is taken by what is the same in both: where
ticks lie, how wide words are. Pixels are those of Matplotlib's own PNG.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.transforms import Affine2D, Bbox, IdentityTransform, Transform, TransformedPath

from sim.pictures.style import STYLE

__all__ = ["write_figure"]

_POINTS_PER_INCH: Final = 72.0
_COMPRESSION: Final = 2
"""Of 9 levels: a higher one takes twice the time and saves a tenth of the bytes."""


def write_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.png and `name`.svg, the same bytes each time; return both paths.

    Parameters
    ----------
    figure : Figure
        On an opaque ground.
    folder : Path
        Exists.
    name : str
        Without an ending.
    """
    _place_empty_labels(figure)
    with mpl.rc_context(STYLE):
        both = _BothFormats(figure)
        figure.draw(both)
        files = {folder / f"{name}.png": both.png(), folder / f"{name}.svg": both.svg()}
    for path, content in files.items():
        path.write_bytes(content)
    png, svg = files
    return png, svg


def _place_empty_labels(figure: Figure) -> None:
    """Fix where labels without words stand: else all ticks are measured for them, each time the figure is drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0, 0)


class _BothFormats(RendererBase):
    """What artists draw on: all of it goes to pixels, and shrunk to points to an SVG, or to a picture inside of it.

    An artist that asks to be rasterized is drawn to pixels of its own meanwhile, which the SVG then has as an image.
    """

    def __init__(self, figure: Figure) -> None:
        super().__init__()
        self._size = width, height = figure.bbox.size
        self._dpi = figure.dpi
        self._scale = scale = _POINTS_PER_INCH / self._dpi
        self._text = io.StringIO()
        self._pixels: Any = RendererAgg(width, height, self._dpi)  # type: ignore[no-untyped-call]
        self._vectors: Any = RendererSVG(  # type: ignore[no-untyped-call]
            width * scale, height * scale, self._text, image_dpi=self._dpi, metadata={"Date": None, "Creator": None}
        )
        self._to_points: Transform = Affine2D().scale(self._scale)
        self._second: Any = self._vectors
        self._shrink: Transform = self._to_points

    def png(self) -> bytes:
        """All that was drawn as PNG."""
        stream, options = io.BytesIO(), {"compress_level": _COMPRESSION}
        pixels = np.asarray(self._pixels.buffer_rgba())
        imsave(stream, pixels, format="png", dpi=self._dpi, pil_kwargs=options)
        return stream.getvalue()

    def svg(self) -> bytes:
        """All that was drawn as SVG; nothing can be drawn after."""
        self._vectors.finalize()
        return self._text.getvalue().encode()

    def draw_path(self, gc: Any, path: Any, transform: Any, *rest: Any, **options: Any) -> None:
        self._pixels.draw_path(gc, path, transform, *rest, **options)
        self._second.draw_path(self._shrunk(gc), path, transform + self._shrink, *rest, **options)

    def draw_markers(
        self, gc: Any, marker_path: Any, marker_trans: Any, path: Any, trans: Any, *rest: Any, **options: Any
    ) -> None:
        self._pixels.draw_markers(gc, marker_path, marker_trans, path, trans, *rest, **options)
        shrunk = marker_path, marker_trans + self._shrink, path, trans + self._shrink
        self._second.draw_markers(self._shrunk(gc), *shrunk, *rest, **options)

    def draw_path_collection(
        self,
        gc: Any,
        master_transform: Any,
        paths: Any,
        all_transforms: Any,
        offsets: Any,
        offset_trans: Any,
        *rest: Any,
        **options: Any,
    ) -> None:
        each = all_transforms, offsets
        self._pixels.draw_path_collection(gc, master_transform, paths, *each, offset_trans, *rest, **options)
        shrunk = master_transform + self._shrink, paths, *each, offset_trans + self._shrink
        self._second.draw_path_collection(self._shrunk(gc), *shrunk, *rest, **options)

    def draw_quad_mesh(
        self, gc: Any, transform: Any, width: int, height: int, corners: Any, offsets: Any, places: Any, *rest: Any
    ) -> None:
        self._pixels.draw_quad_mesh(gc, transform, width, height, corners, offsets, places, *rest)
        shrunk = transform + self._shrink, width, height, corners, offsets, places + self._shrink
        self._second.draw_quad_mesh(self._shrunk(gc), *shrunk, *rest)

    def draw_text(self, gc: Any, x: float, y: float, s: str, *rest: Any, **options: Any) -> None:
        self._pixels.draw_text(gc, x, y, s, *rest, **options)
        x, y = (x * self._scale, y * self._scale) if self._second is self._vectors else (x, y)
        self._second.draw_text(self._shrunk(gc), x, y, s, *rest, **options)

    def _shrunk(self, gc: GraphicsContextBase) -> GraphicsContextBase:
        """The context with its clipping in the place where the second drawing has it."""
        rectangle, (path, transform) = gc.get_clip_rectangle(), gc.get_clip_path()
        if (rectangle is None and path is None) or self._second is not self._vectors:
            return gc
        own = self.new_gc()
        own.copy_properties(gc)
        if rectangle is not None:
            own.set_clip_rectangle(Bbox(rectangle.get_points() * self._scale))
        if path is not None and transform is not None:
            own.set_clip_path(TransformedPath(path, transform + self._shrink))  # type: ignore[arg-type]
        return own

    def start_rasterizing(self) -> None:
        self._second = RendererAgg(*self._size, self._dpi)  # type: ignore[no-untyped-call]
        self._shrink = IdentityTransform()

    def stop_rasterizing(self) -> None:
        image = np.asarray(self._second.buffer_rgba())
        self._second, self._shrink = self._vectors, self._to_points
        rows, columns = (np.flatnonzero(image[..., 3].any(axis=axis)) for axis in (1, 0))
        if rows.size:
            part = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            left, below = columns[0], len(image) - rows[-1] - 1
            self._vectors.draw_image(self.new_gc(), left * self._scale, below * self._scale, part[::-1])

    def open_group(self, s: str, gid: str | None = None) -> None:
        self._second.open_group(s, gid)

    def close_group(self, s: str) -> None:
        self._second.close_group(s)

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self._size

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        sizes: tuple[float, float, float] = self._pixels.get_text_width_height_descent(s, prop, ismath)
        return sizes

    def points_to_pixels(self, points: Any) -> Any:
        return points * self._dpi / _POINTS_PER_INCH

    def flipy(self) -> bool:
        return True

    def option_image_nocomposite(self) -> bool:
        return True
