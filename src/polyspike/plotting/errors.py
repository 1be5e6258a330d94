"""Errors against the step: dots, the staircase of the limit, the smooth curve, and the baselines."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from polyspike.plotting.curves import plot_measured, plot_predicted, plot_staircase
from polyspike.plotting.style import DEGREES, QUIET, THEORY, new_figure, styled
from polyspike.plotting.windows import EXPONENT_LABEL, mark_windows, window_edge

__all__ = ["errors_axes", "errors_figure", "rows_where"]

Columns = Mapping[str, NDArray]

MEASURED = {"train_error": "#0072B2", "test_error": "#D55E00", "train_loss": "#009E73"}
LABELS = {"train_error": "train error", "test_error": "test error", "train_loss": "train loss (with the penalty)"}


def rows_where(columns: Columns, **values: float | str) -> dict[str, NDArray]:
    """The rows in which every named column has the given value."""
    keep = np.logical_and.reduce([columns[name] == value for name, value in values.items()])
    return {name: column[keep] for name, column in columns.items()}


@styled
def errors_axes(axes: Axes, measured: Columns, theory: Columns, quantity: str) -> None:
    """One quantity of one teacher against the exponent.

    Dots and the untrained network's line (its band) carry one standard error. They share their draws, so that
    neighbours deviate together.

    Parameters
    ----------
    axes : Axes
    measured : mapping of columns
        ``exponent``, the quantity and its ``..._se``; the untrained network is the row of a negative exponent.
    theory : mapping of columns
        ``curve``, ``place`` and the quantity: "window" is the limit with ``place`` spikes, "linear_error" and
        "null_error" are baselines, and "finite-size", where present, the smooth curve with
        ``place`` the exponent (negative: no step, not drawn).
    quantity : str
        "train_loss", "train_error" or "test_error".
    """
    untrained = measured["exponent"] < 0
    alpha = measured["exponent"][~untrained]
    mean, error = measured[quantity], measured[f"{quantity}_se"]
    start, spread = float(mean[untrained][0]), float(error[untrained][0])
    axes.axhline(start, color=QUIET, linewidth=0.9, linestyle=(0, (1, 1)), label="untrained network")
    axes.axhspan(start - spread, start + spread, color=QUIET, alpha=0.15, linewidth=0, zorder=0)
    if quantity == "test_error":
        linear = float(rows_where(theory, curve="linear_error")[quantity][0])
        axes.axhline(linear, color=DEGREES[4], linewidth=1.1, linestyle=(0, (6, 2)), label="best linear model")
    _theory(axes, theory, quantity)
    plot_measured(axes, alpha, mean[~untrained], error[~untrained], "simulated", color=MEASURED[quantity])
    mark_windows(axes)
    axes.set(xlim=(-0.015, 0.515), ylabel=LABELS[quantity])


def _theory(axes: Axes, theory: Columns, quantity: str) -> None:
    smooth = rows_where(theory, curve="finite-size")
    stepped = smooth["place"] >= 0
    if stepped.any():
        plot_predicted(axes, smooth["place"][stepped], smooth[quantity][stepped], "theory at this size")
    stairs = rows_where(theory, curve="window")
    stairs = rows_where(stairs | {"spiked": stairs["place"] > 0}, spiked=True)
    edges = [window_edge(int(window)) for window in stairs["place"]]
    edges.append(window_edge(int(stairs["place"][-1]) + 1))
    plot_staircase(axes, edges, stairs[quantity], r"limit $n \to \infty$", color=THEORY)


@styled
def errors_figure(measured: Columns, theory: Columns, titles: Mapping[str, str]) -> Figure:
    """Figure 3: test error above, train error below, one column a teacher.

    Parameters
    ----------
    measured, theory : mapping of columns
        As in :func:`errors_axes`, with a column ``teacher``.
    titles : mapping
        Title by teacher, in the order of drawing.
    """
    figure, grid = new_figure(7.2, 5.0, nrows=2, ncols=len(titles), sharex=True, squeeze=False)
    for column, (teacher, title) in zip(grid.T, titles.items()):
        mine, limits = rows_where(measured, teacher=teacher), rows_where(theory, teacher=teacher)
        for axes, quantity in zip(column, ("test_error", "train_error")):
            errors_axes(axes, mine, limits, quantity)
        column[0].set_title(title, loc="left", pad=14)
        column[-1].set_xlabel(EXPONENT_LABEL)
    entries = dict(zip(*reversed([x for axes in grid.flat for x in axes.get_legend_handles_labels()][:2])))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=len(entries))
    return figure
