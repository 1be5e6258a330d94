"""The look of all figures, and the few marks that they share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["BULK", "DEGREES", "MARKERS", "QUIET", "THEORY", "house_style", "new_figure", "save_figure", "styled"]

STYLE_FILE = Path(__file__).with_name("polyspike.mplstyle")

BULK = "#B8C2CC"
THEORY = "#1A1A1A"
QUIET = "#7A7A7A"
DEGREES = {1: "#0072B2", 2: "#D55E00", 3: "#009E73", 4: "#CC79A7", 5: "#E69F00", 6: "#56B4E9"}
"""Colour of everything of Hermite degree k; the marker says it too."""
MARKERS = {1: "o", 2: "s", 3: "^", 4: "D", 5: "v", 6: "P"}

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside this block; nothing global changes."""
    with matplotlib.style.context(STYLE_FILE):
        yield


def styled(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, in the house style."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with house_style():
            return function(*args, **kwargs)

    return wrapper


@styled
def new_figure(width: float, height: float, **subplots: Any) -> tuple[Figure, Any]:
    """A figure in inches without any window, and its axes (as ``Figure.subplots`` gives them)."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(**subplots)


@styled
def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure to a PNG, SVG or PDF file, by the ending of its name; the same figure gives the same bytes."""
    suffix = Path(path).suffix.lower()
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    figure.savefig(path, metadata=undated)


def legend(axes: Axes, **options: Any) -> None:
    """A legend where it covers no data: above the axes, in one or two rows."""
    axes.legend(**({"loc": "lower left", "bbox_to_anchor": (0, 1.0), "ncols": 2, "borderaxespad": 0.2} | options))
