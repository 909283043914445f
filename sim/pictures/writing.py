"""A finished figure as PNG and SVG, the same bytes each time."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from sim.pictures.style import DPI, STYLE

__all__ = ["write_figure"]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_INCH: Final = 0.0254
"""In metres, as PNG states the density of dots."""

_RGB_OF_EIGHT_BITS: Final = (8, 2, 0, 0, 0)
"""Depth, colour type, compression, filter and interlacing of the header."""

_EFFORT: Final = 2
"""Of the compression: more takes longer, and saves a tenth at most."""


def write_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.png and `name`.svg; return both paths."""
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    _place_empty_labels(figure)
    with mpl.rc_context(STYLE):
        png.write_bytes(_png(_pixels(figure)))
        figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return png, svg


def _place_empty_labels(figure: Figure) -> None:
    """Fix where labels without words stand: else all ticks are measured for them, each time the figure is drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0, 0)


def _pixels(figure: Figure) -> npt.NDArray[np.uint8]:
    """The figure as seen: (height, width, 3)."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="rgba", dpi=DPI)
    width, height = figure.canvas.get_width_height()
    return np.frombuffer(drawn.getbuffer(), dtype=np.uint8).reshape(height, width, 4)[..., :3]


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels (height, width, 3) as a PNG file.

    Rows stand as they are. To try all filters on every row, as general encoders do, takes longer than the rest, and
    makes pictures of flat areas larger.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    density = round(DPI / _INCH)
    parts = (
        _chunk(b"IHDR", struct.pack(">2I5B", width, height, *_RGB_OF_EIGHT_BITS)),
        _chunk(b"pHYs", struct.pack(">2IB", density, density, 1)),
        _chunk(b"IDAT", zlib.compress(rows.data, _EFFORT)),
        _chunk(b"IEND", b""),
    )
    return _SIGNATURE + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
