"""The window edges alpha = (l-1)/(2l) on an axis of step exponents."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from polyspike.plot.style import palette

__all__ = ["frame_exponents", "mark_windows", "window_edge"]

_MARGIN = 0.015


def window_edge(window: int) -> float:
    """Lower edge ``(l-1)/(2l)`` of the l-th window."""
    return (window - 1) / (2 * window)


def frame_exponents(ax: Axes, places: Sequence[float], fresh: bool) -> None:
    """An axis of exponents from 0 to the last one, with its windows; wider where the axes showed more before."""
    low, high = min(0.0, *places) - _MARGIN, max(places) + _MARGIN
    if not fresh:
        low, high = min(low, ax.get_xlim()[0]), max(high, ax.get_xlim()[1])
    ax.set_xlim(low, high)
    if max(places) > window_edge(2) and not ax.child_axes:
        mark_windows(ax)


def mark_windows(ax: Axes, highest: int = 4, label: bool = True) -> None:
    """Dotted lines at the edges of the windows 2 .. highest, and over the axes the number of spikes l of each window.

    Parameters
    ----------
    ax : Axes
        Its horizontal axis shows step exponents.
    highest : int
    label : bool
        Whether to write the numbers.
    """
    quiet = palette(ax).quiet
    for window in range(2, highest + 1):
        ax.axvline(window_edge(window), color=quiet, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0)
    if not label:
        return
    middles = {window: (window_edge(window) + window_edge(window + 1)) / 2 for window in range(1, highest)}
    names = [r"$\ell = 1$" if window == 1 else f"${window}$" for window in middles]
    top = ax.secondary_xaxis("top")  # an axis, so that a title stands above it
    top.set_xticks(list(middles.values()), names)
    top.tick_params(length=0, pad=1, labelsize=7, labelcolor=quiet)
    top.spines["top"].set_visible(False)
