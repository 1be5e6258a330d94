"""The window edges alpha = (l-1)/(2l) on an axis of step exponents."""

from matplotlib.axes import Axes

from polyspike.plot.style import palette

__all__ = ["mark_windows", "window_edge"]


def window_edge(level: int) -> float:
    """Lower edge ``(l-1)/(2l)`` of the l-th window."""
    return (level - 1) / (2 * level)


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
    for level in range(2, highest + 1):
        ax.axvline(window_edge(level), color=quiet, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0)
    if not label:
        return
    middles = {level: (window_edge(level) + window_edge(level + 1)) / 2 for level in range(1, highest)}
    names = [r"$\ell = 1$" if level == 1 else f"${level}$" for level in middles]
    top = ax.secondary_xaxis("top")  # an axis, so that a title stands above it
    top.set_xticks(list(middles.values()), names)
    top.tick_params(length=0, pad=1, labelsize=7, labelcolor=quiet)
    top.spines["top"].set_visible(False)
