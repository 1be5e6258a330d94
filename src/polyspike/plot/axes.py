"""Axes: new ones, their labels, and whether they are logarithmic."""

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from polyspike.errors import ArgumentError

__all__ = [
    "LABELS",
    "as_axes",
    "label_axes",
    "legend_below",
    "log_ticks",
    "name_ticks",
    "new_figure",
    "set_scale",
]

LABELS = {
    "step_exponent": r"step exponent $\alpha$   ($\eta = n^{\alpha}$)",
    "step_size": r"step size $\eta$",
    "ridge": r"ridge $\lambda$",
    "noise": r"noise $\sigma_\varepsilon$",
    "n_samples": r"samples $n$",
    "input_dim": r"inputs $d$",
    "width": r"neurons $N$",
    "n_gradient": r"samples of the gradient $n_0$",
    "overlap": "share of common samples",
    "n_labels": "labelled samples",
    "sample_ratio": r"sample ratio $n/d$",
    "train_loss": "train loss (with the penalty)",
    "train_error": "train error",
    "test_error": "test error",
    "cosine": r"cosine of $\beta$ with $\beta_*$",
    "spike_cosine": r"cosine of the spike direction with $\beta_*$",
    "spike_strength": "spike strength $r$",
}
"""What an axis says of a field; of another one, its name."""

SCALES = ("step_size", "ridge", "n_samples", "input_dim", "width", "n_gradient", "sample_ratio")
"""Fields that are compared by their ratios."""

_WIDE, _VERY_WIDE = 8.0, 30.0
# Decades from which the ticks at 2 and 5 are too many.
_MANY = 1.6
# Ticks within a decade, for axes of less than so many decades.
_TICKS = ((0.35, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)), (1.0, (1, 2, 3, 5, 7)), (np.inf, (1, 2, 5)))


def as_axes(ax: Any, figsize: tuple[float, float] = (5.0, 3.4)) -> Axes:
    """The given axes, or those of a new figure.

    Raises
    ------
    ArgumentError
        If ``ax`` is something else; an array of several axes, for example.
    """
    if ax is None:
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise ArgumentError("ax", ax, "give one matplotlib Axes, or None for a new figure")
    return ax


def new_figure(width: float, height: float, **subplots: Any) -> tuple[Figure, Any]:
    """A figure in inches without any window, and its axes (as ``Figure.subplots`` gives them)."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**subplots)


def label_axes(ax: Axes, x: str, y: str) -> None:
    """Names of both axes, in words where there are some; what a user has written stays."""
    ax.set_xlabel(ax.get_xlabel() or LABELS.get(x, x.replace("_", " ")))
    ax.set_ylabel(ax.get_ylabel() or LABELS.get(y, y.replace("_", " ")))


def set_scale(ax: Axes, which: str, field: str, values: Iterable[float]) -> None:
    """A logarithmic axis, "x" or "y", where positive values spread widely; ratios and sizes need less spread.

    An axis that a user has made logarithmic gets ticks that can be read; ticks that a user has set stay.
    """
    axis: Axis = getattr(ax, f"{which}axis")
    chosen = axis.get_scale() == "log"
    shown = np.array(list(values), dtype=float)
    shown = shown[np.isfinite(shown) & ((shown > 0) | (not chosen))]
    if shown.size == 0 or shown.min() <= 0:
        return
    ratio = float(shown.max() / shown.min())
    if not chosen and ratio > (_WIDE if field in SCALES else _VERY_WIDE):
        getattr(ax, f"set_{which}scale")("log")
    if axis.get_scale() == "log" and isinstance(axis.get_major_locator(), LogLocator):
        log_ticks(axis, float(np.log10(ratio)))


def log_ticks(axis: Axis, decades: float) -> None:
    """Ticks with plain numbers also between powers of ten, where there are one or two of these: the more, the shorter
    the axis.
    """
    if decades <= _MANY:
        axis.set_major_locator(LogLocator(subs=next(subs for longest, subs in _TICKS if decades < longest)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def name_ticks(axis: Axis, places: Iterable[float]) -> None:
    """Ticks at these places of a logarithmic axis and no others, as whole numbers."""
    axis.set_ticks(list(places), labels=[f"{place:.0f}" for place in places])
    axis.set_minor_formatter(NullFormatter())


def legend_below(ax: Axes, ncols: int = 2) -> None:
    """A legend where it covers no data: under the axes."""
    if ax.get_legend_handles_labels()[0]:
        look: dict[str, Any] = {"frameon": False, "fontsize": "small", "columnspacing": 1.2}
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=ncols, **look)
