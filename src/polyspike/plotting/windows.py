"""The window edges alpha = (l-1)/(2l) on an axis of step exponents."""

from typing import Any

from matplotlib.axes import Axes

from polyspike.plotting.style import QUIET

__all__ = ["EXPONENT_LABEL", "mark_windows", "window_edge"]

EXPONENT_LABEL = r"step exponent $\alpha$   ($\eta = n^{\alpha}$)"


def window_edge(window: int) -> float:
    """Lower edge ``(l-1)/(2l)`` of the l-th window."""
    return (window - 1) / (2 * window)


def mark_windows(axes: Axes, highest: int = 4, label: bool = True) -> None:
    """Dotted lines at the edges of the windows 2 .. highest, and the number of spikes l inside each window."""
    for window in range(2, highest + 1):
        axes.axvline(window_edge(window), color=QUIET, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0)
    if not label:
        return
    for window in range(1, highest):
        middle = (window_edge(window) + window_edge(window + 1)) / 2
        text = rf"$\ell = {window}$" if window == 1 else rf"${window}$"
        place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
        axes.text(middle, 1.0, text, fontsize=7, color=QUIET, **place)
