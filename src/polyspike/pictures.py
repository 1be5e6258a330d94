"""Thumbnails as inline SVG, in the colour of the text around them; no figure library is needed for a few lines."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bars_picture", "curve_picture", "dots_picture", "histogram_picture"]

WIDTH, HEIGHT = 220, 90
_MARGIN = 4.0
_BAR, _NAME = 15, 90
_ACCENT = "#D55E00"


def curve_picture(x: ArrayLike, y: ArrayLike, marks: Sequence[float] = ()) -> str:
    """A curve over the logarithm of x > 0, filled, and marks beside it.

    Parameters
    ----------
    x, y : array_like of shape (points,)
    marks : sequence of float
        Places on the same axis.
    """
    points, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    low, high = points.min(), max(points.max(), *marks, points.min() * 1.01)
    across, up = _place(points, low, high), _height(values)
    outline = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up))
    base = f"{across[-1]:.1f},{HEIGHT - _MARGIN} {across[0]:.1f},{HEIGHT - _MARGIN}"
    return _svg(
        f'<polygon points="{outline} {base}" fill="currentColor" fill-opacity="0.2"/>'
        f'<polyline points="{outline}" fill="none" stroke="currentColor"/>' + _stems(_place(marks, low, high))
    )


def histogram_picture(values: ArrayLike, bins: int = 30) -> str:
    """Positive values on a logarithmic axis."""
    shown = np.asarray(values, dtype=float)
    shown = shown[shown > 1e-9 * shown.max(initial=0.0)]
    if shown.size == 0:
        return ""
    low, high = float(shown.min()), float(shown.max()) * 1.01
    counts, edges = np.histogram(shown, np.geomspace(low, high, bins + 1))
    left, top = _place(edges, low, high), _height(counts)
    return _svg(
        "".join(
            f'<rect x="{a:.1f}" y="{t:.1f}" width="{b - a:.1f}" height="{HEIGHT - _MARGIN - t:.1f}"'
            ' fill="currentColor" fill-opacity="0.35"/>'
            for a, b, t in zip(left, left[1:], top)
        )
    )


def bars_picture(values: Mapping[str, float]) -> str:
    """One horizontal bar a number >= 0, with its name and the number."""
    largest = max(values.values(), default=0.0) or 1.0
    room = WIDTH - _NAME - 46
    rows = (
        f'<text x="{_NAME - 4}" y="{_BAR * k + 11}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_NAME}" y="{_BAR * k + 3}" width="{max(0.0, room * value / largest):.1f}" height="10"'
        f' fill="currentColor" fill-opacity="0.35"/>'
        f'<text x="{_NAME + max(0.0, room * value / largest) + 4:.1f}" y="{_BAR * k + 11}">{value:.4g}</text>'
        for k, (name, value) in enumerate(values.items())
    )
    return _svg("".join(rows), _BAR * len(values) + 4)


def dots_picture(values: Sequence[float], mean: float, error: float) -> str:
    """Numbers as dots on a line, their mean and its bar of one standard error."""
    low, high = min(*values, mean - error), max(*values, mean + error)
    room = (high - low) or 1.0
    across = [_MARGIN + 6 + (WIDTH - 2 * _MARGIN - 12) * (value - low) / room for value in (*values, mean)]
    half = (WIDTH - 2 * _MARGIN - 12) * error / room
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="12" r="3.5" fill="currentColor" fill-opacity="0.45"/>' for a in across[:-1]
    )
    bar = f'<path d="M{across[-1] - half:.1f} 28H{across[-1] + half:.1f}" stroke="{_ACCENT}" stroke-width="2"/>'
    return _svg(f'{dots}{bar}<circle cx="{across[-1]:.1f}" cy="28" r="3.5" fill="{_ACCENT}"/>', 38)


def _place(values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    share = np.log(np.asarray(values, dtype=float) / low) / np.log(high / low)
    return np.asarray(_MARGIN + share * (WIDTH - 2 * _MARGIN))


def _height(values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=float)
    return np.asarray(HEIGHT - _MARGIN - found / (found.max(initial=0.0) or 1.0) * (HEIGHT - 2 * _MARGIN - 4))


def _stems(places: NDArray[np.float64]) -> str:
    top = HEIGHT * 0.5
    return "".join(
        f'<path d="M{a:.1f} {HEIGHT - _MARGIN}V{top}" stroke="{_ACCENT}"/>'
        f'<circle cx="{a:.1f}" cy="{top}" r="3" fill="{_ACCENT}"/>'
        for a in places
    )


def _svg(content: str, height: float = HEIGHT) -> str:
    return (
        f'<svg width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" font-size="10" fill="currentColor"'
        f' role="img" xmlns="http://www.w3.org/2000/svg">{content}</svg>'
    )
