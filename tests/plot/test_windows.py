"""The windows on an axis of exponents."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps
from polyspike.plot.windows import window_edge


def test_windows_are_marked_under_a_title() -> None:
    _, ax = plt.subplots()
    ps.plot.mark_windows(ax)
    places = [float(np.asarray(line.get_xdata())[0]) for line in ax.lines]
    assert places == [window_edge(window) for window in (2, 3, 4)] == [1 / 4, 1 / 3, 3 / 8]
    top: Any = ax.child_axes[0]
    assert [text.get_text() for text in top.get_xticklabels()] == [r"$\ell = 1$", "$2$", "$3$"]
