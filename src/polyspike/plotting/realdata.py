"""The same experiment on real data."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from polyspike.plotting.alignment import alignment_axes
from polyspike.plotting.curves import plot_measured
from polyspike.plotting.spectrum import EIGENVALUE_LABEL, spectrum_axes
from polyspike.plotting.style import DEGREES, QUIET, legend, new_figure, styled
from polyspike.plotting.windows import EXPONENT_LABEL, mark_windows

__all__ = ["realdata_figure"]

Columns = Mapping[str, NDArray]


@styled
def realdata_figure(spectra: Columns, shares: Columns, errors: Columns, title: str) -> Figure:
    """Figure 5: spectrum before and after the step, alignment, and test error against the exponent.

    Parameters
    ----------
    spectra : mapping of columns
        ``when`` ("before", "after"), ``eigenvalue``, ``edge``.
    shares : mapping of columns
        As in :func:`polyspike.plotting.alignment.alignment_axes`.
    errors : mapping of columns
        ``exponent``, ``test_error``, ``test_error_se``, ``linear_error`` (of ridge on the inputs); the row of a
        negative exponent is the untrained network.
    title : str
    """
    figure, grid = new_figure(7.2, 4.8, nrows=2, ncols=2)
    limits = (0.02, 3 * float(spectra["eigenvalue"].max()))
    for axes, when in zip(grid[0], ("before", "after")):
        here = spectra["when"] == when
        spectrum_axes(axes, np.sort(spectra["eigenvalue"][here])[::-1], float(spectra["edge"][here][0]), limits=limits)
        axes.set(title=f"{when} the step", xlabel=EIGENVALUE_LABEL, ylabel=r"density in $\ln\mu$")
    alignment_axes(grid[1, 0], shares, {f"h{k}": rf"$H_{k}$" for k in range(1, 4)})
    legend(grid[1, 0], ncols=3, bbox_to_anchor=(0, 1.08))
    _errors(grid[1, 1], errors)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9)
    return figure


def _errors(axes: Axes, errors: Columns) -> None:
    untrained = errors["exponent"] < 0
    mean, error = errors["test_error"], errors["test_error_se"]
    axes.axhline(float(mean[untrained][0]), color=QUIET, linestyle=(0, (1, 1)), label="untrained network")
    linear = float(errors["linear_error"][0])
    axes.axhline(linear, color=DEGREES[4], linestyle=(0, (6, 2)), label="ridge on the inputs")
    style = {"color": DEGREES[2], "linestyle": "-", "linewidth": 0.7}
    plot_measured(axes, errors["exponent"][~untrained], mean[~untrained], error[~untrained], "one step", **style)
    mark_windows(axes)
    axes.set(xlabel=EXPONENT_LABEL, ylabel="test error")
    legend(axes, ncols=2, bbox_to_anchor=(0, 1.08), columnspacing=1.0)
