"""Measured dots with error bars and predicted curves: the pieces of which the error figures are made."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from polyspike.plotting.style import THEORY, styled

__all__ = ["plot_measured", "plot_predicted", "plot_staircase"]


@styled
def plot_measured(axes: Axes, x: ArrayLike, mean: ArrayLike, error: ArrayLike, label: str = "", **style: Any) -> None:
    """Dots with bars of one standard error; ``fmt`` is the marker, as for ``Axes.errorbar``."""
    options: dict[str, Any] = {"fmt": "o", "linestyle": "none", "elinewidth": 1, "zorder": 3, "label": label}
    axes.errorbar(x, mean, yerr=error, **(options | style))


@styled
def plot_predicted(axes: Axes, x: ArrayLike, y: ArrayLike, label: str = "theory", **style: Any) -> None:
    """A predicted curve."""
    options: dict[str, Any] = {"color": THEORY, "linewidth": 1.2, "zorder": 2, "label": label}
    axes.plot(x, y, **(options | style))


@styled
def plot_staircase(axes: Axes, edges: ArrayLike, levels: ArrayLike, label: str = "limit", **style: Any) -> None:
    """A step function: ``levels[i]`` between ``edges[i]`` and ``edges[i + 1]``."""
    options: dict[str, Any] = {
        "color": THEORY,
        "linewidth": 1.0,
        "linestyle": (0, (4, 2)),
        "baseline": None,
        "label": label,
    }
    axes.stairs(np.asarray(levels), np.asarray(edges), **(options | {"zorder": 1} | style))
