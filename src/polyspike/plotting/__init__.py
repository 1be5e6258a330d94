"""Figures. Everything here takes results, and runs nothing."""

from polyspike.plotting.alignment import alignment_figure
from polyspike.plotting.convergence import convergence_figure
from polyspike.plotting.curves import plot_measured, plot_predicted, plot_staircase
from polyspike.plotting.errors import errors_figure
from polyspike.plotting.realdata import realdata_figure
from polyspike.plotting.spectrum import spectrum_axes, spectrum_figure
from polyspike.plotting.style import house_style, new_figure, save_figure
from polyspike.plotting.windows import mark_windows

__all__ = [
    "alignment_figure",
    "convergence_figure",
    "errors_figure",
    "house_style",
    "mark_windows",
    "new_figure",
    "plot_measured",
    "plot_predicted",
    "plot_staircase",
    "realdata_figure",
    "save_figure",
    "spectrum_axes",
    "spectrum_figure",
]
